/*
 * cause.h - why two documents differ: named from evidence, with the one who has to act, and grouped.
 *
 * Why:   ten thousand differences are read by nobody; "V7 became V8 in 93 of 95 documents of entity 00100" is.
 * Owns:  struct cause_book owns all that it has learnt and grouped, within the limits below; it borrows nothing
 *        beyond a call other than the fits.
 * Rules: 1. Two passes over the documents that differ: cause_learn() for each, cause_settle(), then cause_name() for
 *           each, and cause_add() for those that are to be grouped. Naming does not depend on the order of learning,
 *           unless a limit was reached (cause_refused()).
 *        2. A cause is a statement that the figures prove; where they prove none, it is `unexplained`. Tolerated
 *           differences do not count.
 *        3. Of several causes in one document the one of its amounts is named; the others stand in `also`.
 *        4. mapping: every differing line moved, with all its amounts, to another account, cost centre, tax code or
 *           entity. The pairs are learnt over all documents; they decide where several lines could have moved.
 *        5. rounding: only taxes differ, by at most one step for each component, and the policies that were fitted to
 *           each side (rounding.h) reproduce the figures of both; no policy is in both sets, and at least two
 *           documents of the cloud tell them apart. One cent that they do not give is `amount`. Without rates nothing
 *           is proven: it is `unexplained` if CAUSE_WITNESSES documents look so, else `amount`.
 *        6. fx_rate: the amounts in document currency agree; those in local currency are, on each side, one rate
 *           times the amounts within rounding, and the two rates are not the same.
 *        7. Sums are minor units of one currency; currencies are never added up.
 *        8. Memory is bounded: over CAUSE_FACTS_MAX facts nothing more is learnt, over CAUSE_GROUPS_MAX groups the
 *           rest is in groups named "other", over CAUSE_CELLS_MAX cells the small ones are counted as uncovered.
 * Faults: none; every document gets an answer.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_test.c, cause_amounts_test.c, cause_groups_test.c, cause_document_test.c
 */
#ifndef TWINPOST_CAUSE_H
#define TWINPOST_CAUSE_H

#include "connector/compare/pair.h"
#include "connector/compare/rounding.h"

#define CAUSE_FACTS_MAX     4096 /* pairs A -> B; twice as many codes */
#define CAUSE_GROUPS_MAX    1024
#define CAUSE_CELLS_MAX     8192
#define CAUSE_WORDS_MAX     16384 /* codes that findings can name */
#define CAUSE_FINDINGS_MAX  16
#define CAUSE_EXAMPLES_MAX  3
#define CAUSE_WITNESSES     3 /* documents of one look before they are more than single errors */
#define CAUSE_NEAR_CUT_DAYS 3 /* posted so shortly before the cut, a document may be under way */
/* One document in a hundred may contradict a rounding policy: wrong cents are what the comparison looks for. */
#define CAUSE_ALLOWANCE_PPM 10000
#define CAUSE_DETAIL_MAX    160
#define CAUSE_CODE_MAX      RULES_CODE_MAX
#define CAUSE_NO_DATE       INT32_MIN

/* X(identifier, "name", owner, "sentence") */
#define CAUSES(X)                                                                                          \
	X(TIMING, "timing", POLICY, "the same amounts stand in another period or on another posting date") \
	X(MAPPING, "mapping", MAPPING, "lines of the same amounts stand on another code")                  \
	X(MASTER_DATA, "master_data", DATA_QUALITY,                                                        \
	  "attributes of the party differ, or terms that follow from them")                                \
	X(ROUNDING, "rounding", POLICY,                                                                    \
	  "the two ledgers round taxes by different policies, which give both figures")                    \
	X(FX_RATE, "fx_rate", POLICY, "the same amounts were translated at another exchange rate")         \
	X(TAX, "tax", MAPPING, "the same net amounts bear another tax")                                    \
	X(AGGREGATION, "aggregation", POLICY, "one document stands for several of the other ledger")       \
	X(DUPLICATE, "duplicate", TECHNICAL, "one document was posted more than once")                     \
	X(LATE_POSTING, "late_posting", POLICY,                                                            \
	  "the counterpart was posted later, or may still be under way")                                   \
	X(DATA_QUALITY, "data_quality", DATA_QUALITY, "a sign, a scale or an identity is broken")          \
	X(MISSING, "missing", TECHNICAL, "the other ledger has no such document")                          \
	X(AMOUNT, "amount", DATA_QUALITY,                                                                  \
	  "an amount differs, and nothing explains it but the amount itself")                              \
	X(UNEXPLAINED, "unexplained", DATA_QUALITY, "the figures prove no cause")

enum cause {
#define CAUSE_ENUM(identifier, name, owner, sentence) CAUSE_##identifier,
	CAUSES(CAUSE_ENUM)
#undef CAUSE_ENUM
	    CAUSE_COUNT
};
const char *cause_word(enum cause cause);     /* "fx_rate" */
const char *cause_sentence(enum cause cause); /* as in the list */
enum store_owner cause_owner(enum cause cause);

enum cause_status {
	CAUSE_OF_DIFFERENT,
	CAUSE_OF_MISSING_CLOUD,  /* legacy is there */
	CAUSE_OF_MISSING_LEGACY, /* cloud is there */
	CAUSE_OF_DUPLICATE,
	CAUSE_OF_AMBIGUOUS,
};

/* Entities, here and as the key of the rounding fits, are the cloud's codes (view->entity). */
struct cause_evidence {
	enum cause_status status;
	const struct view *legacy; /* NULL: there is none */
	const struct view *cloud;
	const struct pair *pair;                 /* of both; NULL: nothing is tolerated */
	const struct rounding_sheet *legacy_tax; /* NULL: not known */
	const struct rounding_sheet *cloud_tax;
	int legacy_members;       /* documents that `legacy` is the sum of; 0 and 1: itself alone */
	struct span user;         /* who entered it; "": not known */
	date_days legacy_arrived; /* CAUSE_NO_DATE: not known, as with all dates here */
	date_days cloud_arrived;
	date_days period_end; /* the last day on which its period takes documents, with grace */
	date_days cut;
};

struct cause_name {
	enum cause cause;
	enum store_owner owner;
	uint32_t also;                 /* 1 << enum cause: what else is wrong with it */
	char detail[CAUSE_DETAIL_MAX]; /* what groups it: "tax_code V7 > V8", "legal_name"; may be empty */
	char text[ERR_TEXT_MAX];       /* one sentence with codes and figures */
};

struct cause_options {
	const struct rounding_fits *fits; /* NULL: no rounding is ever proven */
	int allowance_ppm;                /* CAUSE_ALLOWANCE_PPM */
	int near_cut_days;                /* CAUSE_NEAR_CUT_DAYS */
};

struct cause_book;

struct cause_book *cause_book_new(const struct cause_options *options);
void cause_book_free(struct cause_book *book); /* NULL is allowed */

void cause_learn(struct cause_book *book, const struct cause_evidence *evidence);
/* Documents that agree, where the caller has looked at them: with them "93 of 95" counts all documents. */
void cause_seen(struct cause_book *book, const struct view *legacy);
void cause_settle(struct cause_book *book);
void cause_name(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name);
/* Facts that found no room. */
int64_t cause_refused(const struct cause_book *book);

/* Puts the document into its group and its cell. */
void cause_add(struct cause_book *book, const struct cause_evidence *evidence, const struct cause_name *name);

struct cause_group {
	enum cause cause;
	const char *entity; /* "" in a group "other" */
	const char *currency;
	const char *detail;
	const char *text; /* of the first document */
	int64_t count;
	int64_t gross; /* minor units */
	int64_t net;
	int digits;
	int examples;
	const char *example[CAUSE_EXAMPLES_MAX]; /* subjects */
};

/* By currency, then gross value, then count; the list is the book's until its next call. */
int cause_groups(struct cause_book *book, const struct cause_group **groups);

/* X(identifier, "name", "word in a sentence") */
#define CAUSE_DIMENSIONS(X)                          \
	X(ENTITY, "entity", "entity")                \
	X(TAX_CODE, "tax_code", "tax code")          \
	X(ACCOUNT, "account", "account")             \
	X(COST_CENTRE, "cost_centre", "cost centre") \
	X(USER, "user", "user")                      \
	X(PERIOD, "period", "period")                \
	X(DOCUMENT_TYPE, "document_type", "document type")

enum cause_dimension {
#define CAUSE_DIMENSION_ENUM(identifier, name, word) CAUSE_BY_##identifier,
	CAUSE_DIMENSIONS(CAUSE_DIMENSION_ENUM)
#undef CAUSE_DIMENSION_ENUM
	    CAUSE_DIMENSION_COUNT
};
const char *cause_dimension_name(enum cause_dimension dimension);

/* Two conditions (or one: dimension[1] is CAUSE_DIMENSION_COUNT, value[1] empty) that together hold for a part of the
 * value; each finding of what those before it leave over. A document counts with the line that differs most. */
struct cause_finding {
	const char *currency;
	enum cause_dimension dimension[2];
	const char *value[2];
	int64_t count;
	int64_t gross; /* minor units, of `total` */
	int64_t total;
	int digits;
	int share_ppm;
	char text
	    [ERR_TEXT_MAX]; /* "entity 00100 and tax code V7 explain 93 % of the value in EUR (95 documents)" */
};
int cause_findings(struct cause_book *book, struct cause_finding *findings, int max);

#endif
