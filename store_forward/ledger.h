/*
 * ledger.h - both sides' documents as they are compared: packed, with sums that prove whole periods equal.
 *
 * Why:   a comparison over months needs every document of both sides, long after retention has taken its event; and it
 *        must be able to say "this period is equal" without looking at one of them.
 * Owns:  a second SQLite file beside the store. It can be made again: the legacy side from the outbox and the ERP, the
 *        cloud's from what the cloud sends again; until then the comparison says `incomplete`.
 * Rules: 1. A document, its sums and the mark that says how far its stream was taken move in one transaction.
 *        2. A side's documents are numbered in the order in which they came (n): two of these numbers are the cut of a
 *           comparison.
 *        3. Sums are of one generation, that is of one version of the rules; other rules make a new generation, and the
 *           old one's sums go when it is complete. Documents are never lost by that.
 *        4. One writer: the core. Others read in WAL mode, each a moment of its own.
 *        5. Every row carries a checksum and is checked when it is read. What is damaged makes the ledger `incomplete`;
 *           it never stops the agent.
 * Faults: as in store.h; a file that cannot be used is put aside (ledger_open()), and a new one begins.
 * Runs in: the core; the CLI (reading).
 * Tests: tests/unit/ledger_test.c
 */
#ifndef TWINPOST_LEDGER_H
#define TWINPOST_LEDGER_H

#include "store_forward/fingerprint.h"
#include "store_forward/store.h"

struct ledger;

/* A text that the core keeps: not empty while this ledger stands for one that was lost (firmware/comparison.h). */
#define LEDGER_TEXT_BEGUN "begun"

#define LEDGER_SCHEMA_VERSION 1
#define LEDGER_CODE_MAX       128         /* entity, account, party, reference, ... */
#define LEDGER_PACKED_MAX     (16u << 20) /* bytes of one document */
#define LEDGER_CELLS_MAX      200000      /* entity x type x period x currency */

enum ledger_side { SIDE_LEGACY, SIDE_CLOUD, SIDE_COUNT };
const char *ledger_side_name(enum ledger_side side); /* "legacy", "cloud" */

enum ledger_mode {
	LEDGER_WRITE,     /* the core: makes the file where there is none */
	LEDGER_READ,      /* beside the core: no lock that could hold it up */
	LEDGER_TEMPORARY, /* a comparison of files: a file that is gone when it is closed */
};

struct ledger_opening {
	bool created;
	char damaged_path[256]; /* "": nothing was put aside */
	char text[256];         /* why it was */
};

/* hal: for the core, gives VFS and renames; NULL for the CLI. ERR_NOT_FOUND: LEDGER_READ and there is no file.
 * ERR_VERSION: made by a newer program. */
MUST_USE enum err ledger_open(struct hal *hal, const char *path, enum ledger_mode mode,
                              struct ledger **ledger, struct ledger_opening *opening, struct err_info *info);
void ledger_close(struct ledger *ledger); /* rolls back; NULL is allowed */
/* Moves a file that damage was found in, and its log, out of the way; it is closed. *opening: damaged_path. */
MUST_USE enum err ledger_put_aside(struct hal *hal, const char *path, struct ledger_opening *opening,
                                   struct err_info *info);

/* LEDGER_READ: begins one moment of the file. */
MUST_USE enum err ledger_begin(struct ledger *ledger, struct err_info *info);
/* The same with a commit that is not synced: a power cut may take it, with others like it that came after it, but none
 * that was synced before. For what can be had again. */
MUST_USE enum err ledger_begin_lazy(struct ledger *ledger, struct err_info *info);
MUST_USE enum err ledger_commit(struct ledger *ledger, struct err_info *info);
void ledger_rollback(struct ledger *ledger);
bool ledger_in_transaction(const struct ledger *ledger);

/* ---- documents ---- */

struct ledger_document {
	enum ledger_side side;
	struct span
	    identity; /* the legacy subject: its own, or the one that a cloud document stands for; "": unknown */
	struct span subject; /* its own */
	struct span
	    key; /* what pairs by reference: legacy: its number; cloud without identity: the reference */
	int64_t revision;
	int64_t n;           /* set by ledger_put() */
	int64_t generation;  /* of the sums that hold it; set by ledger_put() */
	int64_t recorded_ns; /* wall time of the revision */
	int64_t first_ns;    /* wall time of the first revision; set by ledger_put() */
	int64_t total;       /* minor units */
	int64_t cell;        /* set by ledger_put() */
	int32_t posting;     /* days since 1970; INT32_MIN: none */
	int32_t period;      /* year * 100 + period; 0: none */
	int type;            /* enum document_type */
	int outcome;         /* enum store_outcome_code; 0: none */
	int phase;           /* enum config_phase */
	int origins;         /* cloud: how many legacy documents it names */
	bool voided;
	struct span entity; /* the cloud's code */
	struct span currency;
	struct span party;
	struct fingerprint fingerprint;
	struct span packed; /* pack.h; empty where a cursor does not bring it */
};

/* What a document adds to an account's balance; accounts are the cloud's codes. */
struct ledger_balance {
	struct span account;
	int64_t lines, debit, credit; /* minor units; debit >= 0, credit <= 0 */
};

/* Texts of *document are copied into `texts` and borrowed from it. ERR_NOT_FOUND. */
MUST_USE enum err ledger_find(struct ledger *ledger, enum ledger_side side, struct span identity,
                              struct span subject, struct ledger_document *document, struct buf *texts,
                              struct err_info *info);
/* A cloud document by its own subject, whatever identity it has. */
MUST_USE enum err ledger_find_cloud(struct ledger *ledger, struct span subject,
                                    struct ledger_document *document, struct buf *texts,
                                    struct err_info *info);
/* The documents of a side with key, entity and type of `like`; at most `limit` are visited. Those of the cloud are the
 * ones without identity. The visitor may not change the ledger. */
typedef bool (*ledger_visitor)(void *self, const struct ledger_document *document);
MUST_USE enum err ledger_with_key(struct ledger *ledger, enum ledger_side side,
                                  const struct ledger_document *like, int limit, ledger_visitor visit,
                                  void *self, struct err_info *info);

/* The same by identity. */
MUST_USE enum err ledger_with_identity(struct ledger *ledger, enum ledger_side side, struct span identity,
                                       int limit, ledger_visitor visit, void *self, struct err_info *info);

/* Adds the document and its sums. One of the same side, identity and subject must have been taken out before. first_ns
 * 0: it is new, and recorded_ns counts. n 0: it arrives now and is given the next; else it keeps the one it has (the
 * same document under an identity that was found later). After: the document as it is kept. */
MUST_USE enum err ledger_put(struct ledger *ledger, struct ledger_document *document,
                             const struct ledger_balance *balances, int count, struct err_info *info);
/* Takes one out, with exactly what it added; balances: what it added in its generation (not looked at where that is not
 * the present one). */
MUST_USE enum err ledger_take(struct ledger *ledger, const struct ledger_document *document,
                              const struct ledger_balance *balances, int count, struct err_info *info);
/* The same place, other sums: after the rules changed. */
MUST_USE enum err ledger_regenerate(struct ledger *ledger, struct ledger_document *document,
                                    const struct ledger_balance *balances, int count, struct err_info *info);
/* Legacy documents whose outcome is not final, after this subject. */
MUST_USE enum err ledger_without_outcome(struct ledger *ledger, const char *after, int limit,
                                         ledger_visitor visit, void *self, struct err_info *info);
/* All documents of a side and type, in no order. The visitor may not change the ledger. */
MUST_USE enum err ledger_of_type(struct ledger *ledger, enum ledger_side side, int type, ledger_visitor visit,
                                 void *self, struct err_info *info);
/* The same of a cell, by day of posting, then identity. */
MUST_USE enum err ledger_of_cell(struct ledger *ledger, enum ledger_side side, int64_t cell,
                                 ledger_visitor visit, void *self, struct err_info *info);
/* Did a change of the open transaction fail? Then it can only be rolled back. */
bool ledger_failed(const struct ledger *ledger);
/* ERR_NOT_FOUND: the legacy document is not there, or of another revision. */
MUST_USE enum err ledger_set_outcome(struct ledger *ledger, struct span subject, int64_t revision,
                                     int outcome, struct err_info *info);
/* Writes the sums of the open transaction now. ERR_OVERFLOW: one of them is over 64 bits. */
MUST_USE enum err ledger_flush(struct ledger *ledger, struct err_info *info);

/* ---- generations ---- */

/* The rules' version of the present generation; "": none yet. */
const char *ledger_rules(const struct ledger *ledger);
int64_t ledger_generation(const struct ledger *ledger);
/* Every document is in the present generation: its sums can be relied on. */
bool ledger_complete(const struct ledger *ledger);
/* Begins a generation with other rules. */
MUST_USE enum err ledger_new_generation(struct ledger *ledger, const char *rules_version,
                                        struct err_info *info);
/* Documents that are of an older generation, at most limit; none left: the old sums go and the generation is
 * complete. The visitor may not change the ledger. */
MUST_USE enum err ledger_outdated(struct ledger *ledger, int limit, ledger_visitor visit, void *self,
                                  bool *done, struct err_info *info);

/* ---- sums ---- */

struct ledger_sum {
	int64_t documents;
	int64_t total; /* of the documents' totals */
	struct fingerprint fingerprint;
};
struct ledger_cell {
	int64_t id;
	struct span entity, currency;
	int type;
	int32_t period;
	struct ledger_sum sums[SIDE_COUNT];
};
/* Every cell of the present generation, by entity, type, period, currency; cells without documents on both sides are
 * left out. */
typedef bool (*ledger_cell_visitor)(void *self, const struct ledger_cell *cell);
MUST_USE enum err ledger_cells(struct ledger *ledger, ledger_cell_visitor visit, void *self,
                               struct err_info *info);

/* The same sums by day of posting, of one cell: what an unequal cell is descended to. By day, as text. */
struct ledger_day {
	int32_t posting; /* INT32_MIN: none */
	struct ledger_sum sums[SIDE_COUNT];
};
typedef bool (*ledger_day_visitor)(void *self, const struct ledger_day *day);
MUST_USE enum err ledger_days(struct ledger *ledger, int64_t cell, ledger_day_visitor visit, void *self,
                              struct err_info *info);

struct ledger_account {
	struct span entity, account, currency;
	int32_t period;
	int64_t lines[SIDE_COUNT], debit[SIDE_COUNT], credit[SIDE_COUNT];
};
/* Trial balance: by entity, account, currency, period, over all types of documents. */
typedef bool (*ledger_account_visitor)(void *self, const struct ledger_account *account);
MUST_USE enum err ledger_accounts(struct ledger *ledger, ledger_account_visitor visit, void *self,
                                  struct err_info *info);

/* Documents of a side, and the highest n. */
int64_t ledger_count(const struct ledger *ledger, enum ledger_side side);
int64_t ledger_last(const struct ledger *ledger, enum ledger_side side);

/* ---- reading in order ---- */

struct ledger_cursor;
/* By identity, then subject. Of those chosen with ledger_choose_day(), or all where `all`; packed: with the packed
 * form (all alone). */
/* Chooses the documents of a day in a cell but for those of one identity that are two, one of each side, of the same
 * fingerprint, and not voided: these are counted in `equal` (documents and fingerprints). */
MUST_USE enum err ledger_choose_day(struct ledger *ledger, int64_t cell, int32_t posting,
                                    struct ledger_sum equal[SIDE_COUNT], struct err_info *info);
MUST_USE enum err ledger_is_chosen(struct ledger *ledger, const struct ledger_document *document,
                                   bool *chosen, struct err_info *info);
MUST_USE enum err ledger_cursor_open(struct ledger *ledger, enum ledger_side side, bool all, bool packed,
                                     struct ledger_cursor **cursor, struct err_info *info);
/* false: no more, or *err. The texts are borrowed until the next call. */
MUST_USE bool ledger_cursor_next(struct ledger_cursor *cursor, struct ledger_document *document,
                                 enum err *err, struct err_info *info);
void ledger_cursor_close(struct ledger_cursor *cursor); /* NULL is allowed */

/* ---- marks and what waits ---- */

/* How far something was taken: "stream 00001 1795277244", "exceptions". -1: never. */
MUST_USE enum err ledger_mark(struct ledger *ledger, const char *name, int64_t *value, struct err_info *info);
MUST_USE enum err ledger_set_mark(struct ledger *ledger, const char *name, int64_t value,
                                  struct err_info *info);
typedef bool (*ledger_mark_visitor)(void *self, const char *name, int64_t value);
MUST_USE enum err ledger_marks(struct ledger *ledger, const char *prefix, ledger_mark_visitor visit,
                               void *self, struct err_info *info);

/* Texts under a name, such as the state of a source of the cloud. ERR_NOT_FOUND. */
MUST_USE enum err ledger_text(struct ledger *ledger, const char *name, struct buf *out,
                              struct err_info *info);
MUST_USE enum err ledger_set_text(struct ledger *ledger, const char *name, struct span text,
                                  struct err_info *info);

/* The rule of documents that are in a stream and could not be put into the ledger: their source is the side, first_ns
 * the highest revision that could not. They do not wait: a later one that can be put takes their place. */
#define LEDGER_LEFT_OUT "ledger-document"
/* The rule of documents that the configuration keeps here (phase legacy) and that were never sent: their source is the
 * side. They do not wait, and nothing is missing. */
#define LEDGER_EXCLUDED "phase-legacy"
/* Documents that wait at the agent: not in a stream, so not among the documents. */
struct ledger_held {
	struct span rule, source, key; /* of the exception; the key is the subject where there is one */
	struct span text;
	int owner; /* enum store_owner */
	int64_t first_ns;
};
MUST_USE enum err ledger_hold(struct ledger *ledger, const struct ledger_held *held, bool holds,
                              struct err_info *info);
/* Its first_ns; -1: there is none. */
MUST_USE enum err ledger_held_first(struct ledger *ledger, struct span rule, struct span source,
                                    struct span key, int64_t *first_ns, struct err_info *info);
/* How many there are, of every rule. */
int64_t ledger_held_count(const struct ledger *ledger);
typedef bool (*ledger_held_visitor)(void *self, const struct ledger_held *held);
MUST_USE enum err ledger_helds(struct ledger *ledger, ledger_held_visitor visit, void *self,
                               struct err_info *info);

#endif
