/*
 * ledger_breaks.h - the exceptions of comparisons: what people have decided about a difference, and what became of it.
 *
 * Why:   a difference that somebody has explained must not be explained again tomorrow; and one that changed after it
 *        was accepted must not stay hidden under the acceptance.
 * Owns:  table breaks of the ledger; struct breaks_run is the caller's.
 * Rules: 1. One row for each key, reopened in place, never doubled. The key is that of the difference:
 *           "compare:SUBJECT:PERIOD", of a cloud's document that is alone "compare:cloud:SUBJECT:PERIOD", of a window
 *           of usage that of connector/compare/usage.h.
 *        2. What may follow what stands in one table (break_next()); nothing else changes a state.
 *        3. What a person decides holds for the evidence it was decided on. A run that finds another evidence
 *           (status, cause, amount, or the digest of what is no amount) reopens it.
 *        4. Four eyes: the second person is another than the first.
 *        5. What a run within whose scope it lies does not find any more is over: fixed_by_booking if its documents are
 *           there and something was booked for them, else auto_resolved. A run that is incomplete ends nothing, nor one
 *           that found over BREAKS_NEW_MAX differences that were not known: those raise one exception for all of them.
 *        6. Several at once are one set: its digest is made of every key and evidence, and what is done is done to that
 *           set or to none.
 * States: open -> acknowledged, snoozed, accept_pending, accepted (a person); each of them -> open (another evidence,
 *         or a person), -> fixed_by_booking, auto_resolved (a run); both of these -> open (a run finds it again).
 * Faults: as in ledger.h.
 * Runs in: the core; the CLI (reading).
 * Tests: tests/unit/ledger_breaks_test.c, tests/unit/ledger_break_runs_test.c
 */
#ifndef TWINPOST_LEDGER_BREAKS_H
#define TWINPOST_LEDGER_BREAKS_H

#include "store_forward/ledger.h"

#define BREAK_KEY_MAX       (2 * STORE_SUBJECT_MAX)
#define BREAK_WORD_MAX      32 /* status, cause, type of document */
#define BREAK_TEXT_MAX      ERR_TEXT_MAX
#define BREAK_EVIDENCE_MAX  256
#define BREAK_CONTENT_MAX   64   /* SHA-256 in hex */
#define BREAK_ROW_BYTES_MAX 8192 /* all texts of one */
#define BREAK_RUN_MAX       64
#define BREAK_CURRENCY_MAX  8
#define BREAK_SNOOZE_DAYS   366
#define BREAKS_NEW_MAX      200    /* more in one run: one exception for all of them */
#define BREAKS_OPEN_MAX     100000 /* not over; what is beyond them stands in the run's result alone */
#define BREAKS_SET_MAX      10000  /* decided on at once */
#define BREAKS_CURRENCIES   32     /* of a set */
#define BREAKS_CAUSES_MAX   32     /* that a run counts apart */
#define BREAKS_ENTITIES_MAX 64     /* of a run's scope */
#define BREAKS_TYPES_MAX    16
#define BREAKS_MANY_NEW     "compare:many-new" /* the key of the exception of rule 5 */
#define BREAKS_IDENTITY_MAX 64                 /* documents of one identity that are looked at */
#define BREAKS_END_ROWS     2000               /* looked at by one breaks_run_end() */

/* X(identifier, "name", is it over) */
#define BREAK_STATES(X)                            \
	X(OPEN, "open", false)                     \
	X(ACKNOWLEDGED, "acknowledged", false)     \
	X(SNOOZED, "snoozed", false)               \
	X(ACCEPT_PENDING, "accept_pending", false) \
	X(ACCEPTED, "accepted", false)             \
	X(FIXED, "fixed_by_booking", true)         \
	X(RESOLVED, "auto_resolved", true)

enum break_state {
#define BREAK_STATE_ENUM(identifier, name, over) BREAK_##identifier,
	BREAK_STATES(BREAK_STATE_ENUM)
#undef BREAK_STATE_ENUM
	    BREAK_STATE_COUNT
};
const char *break_state_name(enum break_state state);
MUST_USE bool break_state_of(struct span name, enum break_state *state);

/* What happens to one. Below BREAK_ACK: a run does it; from there on a person. */
enum break_event {
	BREAK_SEEN,       /* with the evidence that is known */
	BREAK_CHANGED,    /* with another one */
	BREAK_WOKEN,      /* seen, and it was snoozed until before */
	BREAK_GONE_FIXED, /* rule 5 */
	BREAK_GONE,
	BREAK_ACK,
	BREAK_SNOOZE,
	BREAK_ACCEPT,       /* one person is enough, or this is the second */
	BREAK_ACCEPT_FIRST, /* of two */
	BREAK_REJECT,       /* an acceptance, also the first person's, is taken back */
	BREAK_REOPEN,
	BREAK_EVENT_COUNT
};
/* -1: not from there. */
int break_next(enum break_state state, enum break_event event);

/* When somebody must have looked at it: 1 day for technical, 2 for mapping, 3 for data_quality, 5 for policy. */
int64_t break_due_ns(enum store_owner owner, int64_t from_ns);

struct ledger_break {
	int64_t id; /* in the order in which they were first seen */
	struct span key;
	struct span legacy, cloud; /* subjects, of those that are there */
	struct span status, cause; /* as the run names them */
	enum store_owner owner;
	struct span entity, document_type, currency;
	int32_t period;     /* year * 100 + period; 0: none */
	int64_t net, gross; /* minor units */
	struct span text;
	struct span evidence; /* "status cause net gross", "status cause net gross content" */
	struct span content;  /* while a run tells it: digest of what else was seen; empty: nothing else */
	enum break_state state;
	struct span who, second, reason; /* of the last decision; empty: none */
	int64_t at_ns;                   /* of it; 0: none */
	int64_t until_ns;                /* snoozed until; 0: not */
	int64_t due_ns;
	struct span first_run, last_run;
	int64_t opened_ns, changed_ns, closed_ns; /* wall time; closed 0: not over */
	int64_t seen_ns;                          /* the cut of the last run that found it */
	int64_t session;                          /* number of that run */
	int64_t reopened;                         /* times */
};

/* "status cause net gross", and content where there is any, as the run makes it. */
void break_evidence(const struct ledger_break *one, char text[BREAK_EVIDENCE_MAX]);

/* Texts of *one are copied into `texts` and borrowed from it. ERR_NOT_FOUND. */
MUST_USE enum err ledger_break_find(struct ledger *ledger, struct span key, struct ledger_break *one,
                                    struct buf *texts, struct err_info *info);

/* All of them, the newest first, with id < before (0: from the newest). The visitor may not change the ledger; false
 * ends it. */
typedef bool (*ledger_break_visitor)(void *self, const struct ledger_break *one);
MUST_USE enum err ledger_breaks(struct ledger *ledger, int64_t before, ledger_break_visitor visit, void *self,
                                struct err_info *info);
/* What a run has found and is not over: by currency, the greatest gross first. */
MUST_USE enum err ledger_breaks_of_session(struct ledger *ledger, int64_t session, int limit,
                                           ledger_break_visitor visit, void *self, struct err_info *info);
/* How many are in each state; O(rows). */
MUST_USE enum err ledger_breaks_count(struct ledger *ledger, int64_t counts[BREAK_STATE_COUNT],
                                      struct err_info *info);

/* ---- what people do ---- */

struct break_act {
	enum break_event event; /* ACK, SNOOZE, ACCEPT, REJECT, REOPEN */
	struct span who;
	struct span why;
	int64_t at_ns;
	int64_t until_ns; /* SNOOZE */
	bool four_eyes;   /* ACCEPT: two persons are wanted */
};
/* What it would become; ERR_CONFLICT: not from there, or the second person is the first. */
MUST_USE enum err break_decide(const struct ledger_break *one, const struct break_act *act,
                               enum break_state *next, struct err_info *info);
/* Does it, in the open transaction; *one as it was found, and after: as it is kept. */
MUST_USE enum err ledger_break_act(struct ledger *ledger, struct ledger_break *one,
                                   const struct break_act *act, struct err_info *info);

/* All of a cause, of an entity or of both (at least one) to which the act can be done. */
struct break_set {
	int64_t count;
	int64_t becomes[BREAK_STATE_COUNT]; /* how many of them would be what */
	struct {
		char code[BREAK_CURRENCY_MAX + 1];
		int64_t count, net, gross; /* minor units */
	} currencies[BREAKS_CURRENCIES];
	int currency_count;
	struct digest digest; /* of the lines "key TAB evidence TAB state LF" in the order of the keys */
};
/* ERR_TOO_LARGE: over BREAKS_SET_MAX, over BREAKS_CURRENCIES, or a sum over 64 bits. */
MUST_USE enum err ledger_breaks_gather(struct ledger *ledger, struct span cause, struct span entity,
                                       const struct break_act *act, struct break_set *set,
                                       struct err_info *info);
/* The act is done to every one of that set, which must have this digest: else ERR_CONFLICT and nothing was done. */
MUST_USE enum err ledger_breaks_act(struct ledger *ledger, struct span cause, struct span entity,
                                    const struct break_act *act, const struct digest *digest,
                                    struct err_info *info);

/* ---- what runs do ---- */

struct break_scope {
	char entities[BREAKS_ENTITIES_MAX][LEDGER_CODE_MAX + 1]; /* none: all */
	int entity_count;
	char types[BREAKS_TYPES_MAX][BREAK_WORD_MAX + 1];
	int type_count;
	int32_t from, to; /* periods; 0: open */
};

struct breaks_counts {
	int64_t seen; /* differences of the run, each once */
	int64_t fresh, reopened, resolved;
	int64_t left_out; /* of the fresh ones: over BREAKS_OPEN_MAX */
};

/* A run that is being told; all zero: none. */
struct breaks_run {
	char run[BREAK_RUN_MAX + 1]; /* "": none */
	struct break_scope scope;
	bool incomplete;
	int64_t at_ns; /* of the cut */
	int64_t session;
	int64_t last_id;
	int64_t not_over; /* rows */
	struct breaks_counts counts;
	struct {
		char word[BREAK_WORD_MAX + 1];
		enum store_owner owner;
		int64_t count;
	} causes[BREAKS_CAUSES_MAX]; /* of the new ones */
	int cause_count;
	bool many_told;
	char after[BREAK_KEY_MAX + 1]; /* the end has come up to this key */
};

/* run: id, scope, incomplete and at_ns are set; the rest is made here. In the open transaction, as all below. */
MUST_USE enum err breaks_run_begin(struct ledger *ledger, struct breaks_run *run, struct err_info *info);
/* One difference: key, status, cause, owner, legacy, cloud, entity, document_type, currency, period, net, gross, text
 * and content are read. A second one of the same key in a run changes nothing. */
MUST_USE enum err breaks_run_see(struct ledger *ledger, struct breaks_run *run,
                                 const struct ledger_break *one, int64_t now_ns, struct err_info *info);
/* All differences were seen. Looks at BREAKS_END_ROWS rows; *done: it was the last of them. */
MUST_USE enum err breaks_run_end(struct ledger *ledger, struct breaks_run *run, int64_t now_ns, bool *done,
                                 struct err_info *info);

#endif
