/*
 * run.h - one comparison: a cut of the ledger, every document in exactly one status, a verdict.
 *
 * Why:   someone must sign that two ledgers agree; the run says how far that is so, and never more.
 * Owns:  struct run and what it has found, until run_free().
 * Rules: 1. The cut is one moment of the ledger (a read transaction): two numbers of arrival and the instant `at`. The
 *           same cut, rules and options give the same bytes.
 *        2. Cells whose count and fingerprint agree are equal; their documents are not looked at, unless `full` asks
 *           for it. An unequal cell is descended to its days of posting, and an unequal day to the fingerprints of its
 *           documents; what agrees is left out too. In a full run everything is made again from the packed documents,
 *           and the stored sums are proven.
 *        3. Pairing in tiers: what the cloud names (identity); several for one or one for several by identity, with
 *           exact sums; then party, amount, currency and date window; then one-to-many with exact sum among at most
 *           RUN_SUBSET_MAX candidates. Two solutions are `ambiguous`, never a guess.
 *        4. A document without counterpart waits for its side's grace, then it is missing.
 *        5. What was looked at is proven against the sums of its cells (count and fingerprint), what was found against
 *           the trial balance: a batch that was dropped, a lane that was skipped or an early end is `incomplete`.
 *        6. Canaries: documents with known differences on the entity RUN_CANARY_ENTITY go the same way; if one of them
 *           is not found as what it is, the run is `incomplete`.
 *        7. Verdict, worst first: incomplete, breaks, reconciled_with_warnings, reconciled_with_pending, reconciled.
 * Faults: a ledger that cannot be read is incomplete, told with its reason.
 * Source: the ladder and the tiers: the project's canonical model, section 5.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, run_edges_test.c, tests/integration/test_compare_planted.py,
 *        test_compare_property.py
 */
#ifndef TWINPOST_RUN_H
#define TWINPOST_RUN_H

#include "connector/compare/rules.h"
#include "store_forward/ledger.h"

#define RUN_CANARY_ENTITY RULES_CANARY_ENTITY /* reserved; behind all others in the order of subjects */
#define RUN_NO_RULES      "0000000000000000"  /* the version where there are none */
#define RUN_WINDOW_DAYS   7                   /* tier 3 and 4: posted within so many days of each other */
#define RUN_SUBSET_MAX    16                  /* candidates of one-to-many: 2^16 sums at most */
#define RUN_GROUP_MAX     64                  /* documents of one side that share an identity */
#define RUN_OTHERS_MAX    100 /* subjects that a difference names beside the first of a side */
#define RUN_FIELDS_MAX    PAIR_DIFFERENCES_MAX
#define RUN_ENTITIES_MAX  64
#define RUN_EXAMPLES_MAX  3

/* X(identifier, "name", is it open) */
#define RUN_STATUSES(X)                                        \
	X(MATCHED, "matched", false)                           \
	X(WITHIN_TOLERANCE, "matched_within_tolerance", false) \
	X(DIFFERENT, "different", true)                        \
	X(MISSING_CLOUD, "missing_cloud", true)                \
	X(MISSING_LEGACY, "missing_legacy", true)              \
	X(WAITING_CLOUD, "waiting_cloud", true)                \
	X(WAITING_LEGACY, "waiting_legacy", true)              \
	X(DUPLICATE, "duplicate", true)                        \
	X(AMBIGUOUS, "ambiguous", true)                        \
	X(ACCEPTED, "accepted", false)

enum run_status {
#define RUN_STATUS_ENUM(identifier, name, open) RUN_##identifier,
	RUN_STATUSES(RUN_STATUS_ENUM)
#undef RUN_STATUS_ENUM
	    RUN_STATUS_COUNT
};
const char *run_status_name(enum run_status status);

enum run_verdict {
	RUN_INCOMPLETE,
	RUN_BREAKS,
	RUN_RECONCILED_WITH_WARNINGS,
	RUN_RECONCILED_WITH_PENDING,
	RUN_RECONCILED
};
const char *run_verdict_name(enum run_verdict verdict);

/* The files of a result directory. */
enum run_file {
	RUN_FILE_DOCUMENTS,
	RUN_FILE_DIFFERENCES,
	RUN_FILE_BALANCES,
	RUN_FILE_TAX,
	RUN_FILE_USAGE,
	RUN_FILE_RUN,
	RUN_FILE_COUNT
};
const char *run_file_name(enum run_file file); /* "documents.ndjson" */

/* What people have decided about a difference. */
struct run_decision {
	char state[24]; /* "open", "acknowledged", "snoozed", "accepted" */
	char by[STORE_WHO_MAX + 1];
	char second[STORE_WHO_MAX + 1];
	char reason[STORE_NOTE_MAX + 1];
	char at[25];
};

struct run_sink {
	void *self;
	/* One whole line, with its line feed. ERR_IO, ERR_FULL end the run. */
	enum err (*line)(void *self, enum run_file file, struct span line, struct err_info *info);
	/* The decision on this difference, whose status, cause and amount are as in `evidence`, of usage also a
	 * digest of its quantities (another evidence: the decision does not hold any more); false: none, it is
	 * open. May be NULL. */
	bool (*decision)(void *self, struct span key, struct span evidence, struct run_decision *decision);
};

struct run_scope {
	char entities[RUN_ENTITIES_MAX][LEDGER_CODE_MAX + 1]; /* the cloud's codes; none: all */
	int entity_count;
	int32_t from, to; /* periods, year * 100 + period; 0: open */
	uint32_t types;   /* bit of enum document_type; 0: all */
};

struct run_options {
	const char *id; /* of the run: "000012" */
	struct run_scope scope;
	int64_t at_ns;                /* the cut's instant: ages and grace are counted up to it */
	int64_t grace_ns[SIDE_COUNT]; /* how long the other side may take */
	bool full;
	bool canaries;
	struct decimal threshold_share;
	struct decimal threshold_value;
	int clean_days_needed;
	/* What the caller knows to be missing: each makes the run incomplete. */
	struct {
		const char *reason;
		const char *text;
	} incomplete[8];
	int incomplete_count;
	/* The phase of a company now, for people; NULL: "parallel". */
	const char *(*phase_of)(void *self, struct span entity);
	void *self;
};

struct run_outcome {
	enum run_verdict verdict;
	int64_t documents[SIDE_COUNT];
	int64_t looked_at[SIDE_COUNT];
	int64_t voided[SIDE_COUNT]; /* among those: in no figure */
	int64_t statuses[RUN_STATUS_COUNT];
	int64_t open;
	int64_t accepted;
	int64_t usage_open, usage_accepted; /* rows of usage that do not agree, and are due */
	int64_t cells, cells_equal;
	int64_t skipped; /* legacy documents of equal cells */
	char why[512];   /* the first reason */
};

/* The ledger is in a read transaction, or temporary. An error is one of the sink's; what is wrong with the ledger is in
 * the verdict. */
MUST_USE enum err run_compare(struct ledger *ledger, const struct rules *rules,
                              const struct run_options *options, const struct run_sink *sink,
                              struct run_outcome *outcome, struct err_info *info);

#endif
