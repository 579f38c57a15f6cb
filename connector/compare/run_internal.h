/*
 * run_internal.h - what the files of one comparison share.
 *
 * Why:   merging, pairing, naming and adding up are subjects of their own on one state.
 * Owns:  struct run: buffers, views, tallies; rows are copies, so that cursors may go on.
 * Rules: a document is counted as looked at exactly once, and then stands in exactly one status.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#ifndef TWINPOST_RUN_INTERNAL_H
#define TWINPOST_RUN_INTERNAL_H

#include "connector/compare/cause.h"
#include "connector/compare/pair.h"
#include "connector/compare/project.h"
#include "connector/compare/rules_reverse.h"
#include "connector/compare/run.h"
#include "connector/compare/tally.h"
#include "connector/compare/usage.h"
#include "connector/posting/json_write.h"
#include "store_forward/ledger_work.h"
#include "store_forward/outcomes.h"

#define RUN_LINE_MAX    (4u << 20)
#define RUN_REASONS_MAX 32

/* One document of the cut; the texts are its own. */
struct run_row {
	struct ledger_document document; /* its texts are in `texts` */
	struct buf texts;
};

struct run_cell {
	int64_t id;
	char *entity, *currency;
	int type;
	int32_t period;
	struct ledger_sum sums[SIDE_COUNT];
	struct ledger_sum
	    wanted[SIDE_COUNT]; /* of what is looked at: all of it, or the days that are not equal */
	struct ledger_sum seen[SIDE_COUNT];
	bool selected;
};

struct run_reason {
	char reason[40];
	char text[300];
};

/* What went into a file. */
struct run_written {
	struct digest_stream *digest;
	int64_t lines, bytes;
};

struct run_side {
	struct ledger_cursor *cursor;
	struct run_row row;
	bool has;   /* row is the next one */
	int canary; /* of the canaries of this side, the next */
};

enum explained {
	BALANCE_LEGACY_LINES,
	BALANCE_LEGACY_DEBIT,
	BALANCE_LEGACY_CREDIT,
	BALANCE_CLOUD_LINES,
	BALANCE_CLOUD_DEBIT,
	BALANCE_CLOUD_CREDIT,
	BALANCE_EXPLAINED,
	BALANCE_UNEXPLAINED,
	BALANCE_VALUES
};
/* Days on which journals were posted. */
enum posted {
	POSTED_DAYS, /* 0: none is known */
	POSTED_FIRST,
	POSTED_LAST,
	POSTED_VALUES
};
enum water {
	WATER_EXCLUDED,
	WATER_HELD,
	WATER_IN_TRANSIT,
	WATER_REJECTED,
	WATER_BOOKED,
	WATER_ACCEPTED,
	WATER_VALUES
};

struct run {
	struct ledger *ledger;
	const struct rules *rules;
	const struct run_options *options;
	const struct run_sink *sink;
	struct run_outcome *outcome;
	bool full;
	bool trusted; /* the ledger's sums are of these rules */
	struct run_cell *cells;
	int cell_count, cell_capacity;
	struct run_side sides[SIDE_COUNT];
	struct run_row group[RUN_GROUP_MAX];
	int group_count;
	struct run_row loaded[SIDE_COUNT];
	struct document documents[SIDE_COUNT];
	struct document part; /* one of several that are joined */
	struct view views[SIDE_COUNT];
	struct pair pair;
	struct projector projector; /* for its balances alone */
	struct canaries *canaries;  /* NULL: none were planted */
	struct cause_book *causes;
	struct rounding_fits *fits;
	struct tally *tax_entities; /* entity: differences in which a tax differs */
	struct rounding_sheet sheets[SIDE_COUNT];
	struct buf line;
	struct rules_reverse *reverse; /* of accounts */
	struct buf accounts;           /* of a balance */
	struct buf subjects[SIDE_COUNT];

	struct tally *counts;             /* entity, type, period, currency: a value for each status */
	struct tally *balances;           /* entity, account, currency, period: enum explained */
	struct tally *posted;             /* entity, currency, period: enum posted */
	struct tally *bridge;             /* currency, cause or status: net, gross, count */
	struct tally *side_totals;        /* currency: legacy, cloud totals */
	struct tally *open_money;         /* currency, entity: net, gross of what is open */
	struct tally *histogram;          /* currency, minor units (sortable): count */
	struct tally *days;               /* date: a value for each status */
	struct tally *day_values;         /* date, currency: unexplained */
	struct tally *open_days;          /* entity, date: open, and not waiting */
	struct tally *entities;           /* entity: documents, open, waiting */
	struct tally *unexplained;        /* entity, currency: value */
	struct tally *ages;               /* bucket: count */
	struct tally *water;              /* entity: enum water */
	int64_t usage[USAGE_CLASS_COUNT]; /* rows of each class */
	int64_t usage_waiting;            /* among them: not yet due */
	int64_t usage_accepted;           /* among them: somebody has accepted it */
	struct tally *usage_open;         /* entity: rows that are open */
	struct tally *usage_days;         /* last day: the same */
	struct run_written written[RUN_FILE_COUNT];
	/* Sums of fingerprints, without what was voided: of the cells, of what was found equal, of what was told. */
	struct {
		struct fingerprint all, equal, told;
	} proof[SIDE_COUNT];
	int64_t
	    told_broken; /* lines of differences, and of usage, that nobody accepted and that do not wait */
	/* The packed document that each view is of, as long as its row stands: NULL: of another. */
	const char *viewed[SIDE_COUNT];
	bool too_many; /* without counterpart: none was looked for by amount, or by sum */
	struct run_reason reasons[RUN_REASONS_MAX];
	int reason_count;
};

/* run.c: the run is incomplete, and why. */
void run_incomplete(struct run *run, const char *reason, const char *format, ...) PRINTF_LIKE(3, 4);
void run_too_many_of_one(struct run *run, struct span identity);
/* The ledger failed while `doing`: incomplete; the run goes on with what it has. */
void run_ledger_failed(struct run *run, const struct err_info *info);
bool run_in_scope(const struct run *run, struct span entity, int type, int32_t period);
struct run_cell *run_cell_of(struct run *run, int64_t id);
/* Is this row looked at? */
bool run_is_chosen(struct run *run, const struct ledger_document *row);
void run_copy(struct run_row *to, const struct ledger_document *document);
/* Unpacks the row's document and makes its view; false: it could not be, which makes the run incomplete. */
MUST_USE bool run_view(struct run *run, enum ledger_side side, const struct ledger_document *row);
MUST_USE enum err run_line(struct run *run, enum run_file file, struct err_info *info);
bool run_is_canary(struct span entity);

/* run_group.c: one identity: its legacy document, if there is one, and the cloud's in run->group. */
MUST_USE enum err run_group(struct run *run, struct run_row *legacy, struct err_info *info);
/* Counts a document that stands in this status (once for a pair: the legacy one, if there is one). */
void run_count_status(struct run *run, const struct ledger_document *row, enum run_status status);
void run_count_water(struct run *run, const struct ledger_document *legacy, bool booked);
/* Its line of documents.ndjson. */
MUST_USE enum err run_document_line(struct run *run, const struct ledger_document *row,
                                    enum run_status status, struct span counterpart, struct err_info *info);
/* Keeps what is not simply matched. */
MUST_USE enum err run_keep(struct run *run, enum run_status status, int tier,
                           const struct ledger_document *legacy, const struct ledger_document *cloud,
                           struct err_info *info);
/* Takes the first of several names (identity, tab, subject; or a subject) off the list. */
MUST_USE bool run_next_name(struct span *rest, struct span *identity, struct span *subject);
/* The document of this name; false: it is not there, which makes the run incomplete. */
MUST_USE bool run_load(struct run *run, enum ledger_side side, struct span identity, struct span subject,
                       struct ledger_document *row);
/* The documents named in `subjects` (separated by blanks) as one: lines joined, amounts added. *count: how many.
 * false: as run_view(). */
MUST_USE bool run_join(struct run *run, enum ledger_side side, struct span subjects, int *count);

/* Both sides as sums, and run->pair of them; members: documents of each side; what they may have of their own stands in
 * run_members.c. Where their sum is not theirs, the pair has the difference "members". false: as run_view(). */
MUST_USE bool run_pair_sums(struct run *run, struct span legacy, struct span cloud, int members[SIDE_COUNT]);
enum run_status run_pair_status(const struct run *run);

/* run_members.c: the view of the side is that of the members (names as of run_join()) joined, and takes from the other
 * side's what they may disagree in. false: it is not the sum of what each of them says. */
MUST_USE bool run_members_agree(struct run *run, enum ledger_side side, struct span names);

/* run_learn.c */
/* The two agree; in a full run their views are open. */
void run_learn_matched(struct run *run, const struct ledger_document *legacy,
                       const struct ledger_document *cloud);
/* run->pair is of documents of this company. */
void run_learn_taxes(struct run *run, struct span entity);
/* Where a tax differs, of some that agree. */
void run_learn_agreed(struct run *run);

/* run_proof.c */
void run_prove_all(struct run *run, enum ledger_side side, const struct fingerprint *fingerprint);
void run_prove_equal(struct run *run, enum ledger_side side, const struct fingerprint *fingerprint);
void run_prove_told(struct run *run, const struct ledger_document *row);
/* run->pair is of the two. */
void run_prove_pair(struct run *run, const struct ledger_document *legacy,
                    const struct ledger_document *cloud);
/* The view is of the row; fresh: its fingerprint, just made. */
void run_prove_row(struct run *run, const struct ledger_document *row, const struct fingerprint *fresh);
bool run_is_whole(const struct run *run); /* nothing is outside the scope */
void run_check_proof(struct run *run);
void run_check_verdict(struct run *run);

/* run_leftover.c */
MUST_USE enum err run_leftovers(struct run *run, struct err_info *info);

/* run_items.c: names the causes, writes the differences. */
MUST_USE enum err run_items(struct run *run, struct err_info *info);
/* What people have decided about this key; evidence: what they would have had to see. true: it is accepted. */
bool run_decide(struct run *run, const char *key, const char *evidence, struct run_decision *decision);
void run_put_accepted(struct json *json, const struct run_decision *decision, const char *status);
/* A pair that is equal, in two periods: the balances, and the totals of a scope, know. Names as of run_join(). */
void run_add_moved(struct run *run, struct span legacy, struct span cloud);

/* run_sums.c */
void run_add_balances(struct run *run, enum ledger_side side, const struct view *view,
                      const struct document *document);
/* What these documents (as run_join() takes them) move between the two trial balances. */
void run_add_contributions(struct run *run, enum ledger_side side, struct span subjects, bool explained);
void run_load_balances(struct run *run);
void run_check_sums(struct run *run);
MUST_USE enum err run_write_balances(struct run *run, struct err_info *info);
MUST_USE enum err run_write_tax(struct run *run, struct err_info *info);
/* run_accounts.c: on which days journals were posted, from one that was made again, or from the sums of a cell. */
void run_note_posted(struct run *run, const struct view *view);
MUST_USE enum err run_note_cell(struct run *run, const struct run_cell *cell, struct err_info *info);
/* Puts "account_legacy" of a row of the balances. */
void run_put_legacy_accounts(struct run *run, struct json *json, const struct tally_row *row);
/* "12.30" of an amount in minor units of the currency. */
struct amount_text {
	char text[32];
};
struct amount_text run_amount(int64_t minor_units, struct span currency);
struct amount_text run_period(int32_t period); /* "2026-09"; "" */

/* run_canary.c */
struct canaries *canaries_new(const struct rules *rules);
void canaries_free(struct canaries *canaries);
/* The next row of a side, by identity and subject; false: no more. */
MUST_USE bool canaries_row(struct canaries *canaries, enum ledger_side side, int index,
                           struct ledger_document *document);
bool canaries_find(struct canaries *canaries, enum ledger_side side, struct span subject,
                   struct ledger_document *document);
void canaries_found(struct canaries *canaries, enum run_status status, struct span legacy, struct span cloud,
                    const struct pair *pair); /* pair NULL: presence alone */
void canaries_tally(const struct canaries *canaries, int *planted, int *found);
const char *canaries_name(const struct canaries *canaries, int index); /* NULL: no more */

/* run_ready.c */
void run_put_coverage(struct run *run, struct json *json);
void run_put_readiness(struct run *run, struct json *json);
void run_put_share(struct json *json, const char *key, int64_t part, int64_t whole);
int run_number(struct span digits);

/* run_compared.c: fields that no rule compares, attributes that the rules leave out. */
void run_put_never_compared(struct json *json);
void run_put_not_compared(struct run *run, struct json *json);

/* run_write.c */
MUST_USE enum err run_write(struct run *run, struct err_info *info);

/* run_usage.c: usage three ways, into its file. Nothing is read where there is no usage. */
MUST_USE enum err run_usage(struct run *run, struct err_info *info);
void run_put_usage(struct run *run, struct json *json);
/* Rows that do not agree, are due, and that nobody has accepted. */
int64_t run_usage_broken(const struct run *run);

#endif
