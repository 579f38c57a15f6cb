/*
 * comparison_internal.h - what the files of the comparison share.
 *
 * Why:   one file keeps the ledger open and in step with the store's transactions, the other takes in what is new.
 * Owns:  struct comparison.
 * Rules: as in comparison.h.
 * Runs in: the core.
 * Tests: tests/unit/comparison_test.c
 */
#ifndef TWINPOST_COMPARISON_INTERNAL_H
#define TWINPOST_COMPARISON_INTERNAL_H

#include "connector/compare/project.h"
#include "firmware/comparison.h"

#define STEP_ROWS       200
#define MOVED_MAX       1024
#define POISON_MAX      16
#define POISON_BYTES    (STORE_SUBJECT_MAX + 24)
#define MARK_STREAM     "stream %s %" PRId64
#define MARK_EXCEPTIONS "exceptions"
#define MARK_LOST       "lost"
/* The key of the exception that tells that this ledger took another one's place; "": it did not, or the exception was
 * acknowledged. */
#define TEXT_BEGUN LEDGER_TEXT_BEGUN
#define BEGUN_SIZE 32
/* Which configuration's excluded documents are counted, as a digest; none: "none". */
#define TEXT_EXCLUDED "excluded"
#define BEGUN_RULE    "ledger-damaged"

struct moved {
	char subject[STORE_SUBJECT_MAX + 1];
	int64_t revision;
};

struct comparison {
	struct comparison_told told;
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct recorder *recorder;
	struct ledger *ledger; /* NULL: not well */
	struct projector projector;
	bool projecting; /* projector is open */
	const struct rules *rules;
	struct canonical canonical;
	struct posting_reader reader;
	struct document document;
	struct moved *moved;
	int moved_count;
	bool moved_lost;                   /* some found no room: all open ones are asked again */
	char asked[STORE_SUBJECT_MAX + 1]; /* ... and they were, up to this one */
	bool behind;
	int64_t due_ns;
	int64_t sync_due_ns;        /* of the next commit that is synced, while rows stream in */
	char trouble[ERR_TEXT_MAX]; /* to be raised; "": none */
	char left_out[ERR_TEXT_MAX];
	char left_out_subject[STORE_SUBJECT_MAX];
	bool well_again;
	bool raised;
	bool said;    /* trouble, left_out and begun_text are raised, if the store's transaction lasts */
	bool damaged; /* the file is to be put aside before it is opened again */
	char damage[ERR_TEXT_MAX];
	int64_t aside_ns;              /* when one was, in this run; INT64_MIN: never */
	char begun[BEGUN_SIZE];        /* as TEXT_BEGUN */
	bool begun_due;                /* ... and it is not written yet */
	char begun_text[ERR_TEXT_MAX]; /* to be raised with it; "": nothing */
	bool introduced;               /* the store knows that there was a ledger */
	bool bound; /* the ledger's open transaction must not be lost without the store's */
	bool lost;  /* it was */
	bool
	    careful; /* a sum overflowed: each document's sums are written with it, so that it is known which */
	char poison[POISON_MAX][POISON_BYTES]; /* revisions whose sums do: "SUBJECT REVISION" */
	int poison_next;
};

/* comparison.c */
/* Tries to open the ledger, and if it cannot be opened now, again later. */
void comparison_open(struct comparison *comparison, int64_t now_ns);
/* Makes sure that a transaction is open whose commit is synced. ERR_AGAIN: the ledger is not well. */
MUST_USE enum err comparison_begin(struct comparison *comparison, struct err_info *info);
/* Nothing of the open transaction stands. A ledger that is damaged is closed: the next step puts it aside. */
void comparison_failed(struct comparison *comparison, enum err err, const struct err_info *info);
/* It is left out, and the comparison must know. */
MUST_USE enum err comparison_leave_out(struct comparison *comparison, const struct projection *projection,
                                       const char *subject, const struct err_info *why,
                                       struct err_info *info);
MUST_USE enum err comparison_project(struct comparison *comparison, const char *subject,
                                     const struct projection *projection, const struct document *document,
                                     struct err_info *info);

/* comparison_feed.c: in the ledger's open transaction. */
MUST_USE enum err comparison_feed_streams(struct comparison *comparison, int64_t until_ns,
                                          struct err_info *info);
MUST_USE enum err comparison_take_outcomes(struct comparison *comparison, struct err_info *info);
MUST_USE enum err comparison_feed_held(struct comparison *comparison, struct err_info *info);
/* What the ledger has, retention may take. synced: what it has is on the disk; else nothing may be taken. */
void comparison_hold_streams(struct comparison *comparison, bool synced);

#endif
