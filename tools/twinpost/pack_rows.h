/*
 * pack_rows.h - the documents of a comparison against its differences: counted, and each found on the other list.
 *
 * Why:   a figure on the first page is only as good as the rows behind it; an open difference that a list leaves out
 *        is how a false green looks.
 * Owns:  nothing that outlives the call.
 * Rules: 1. A document that neither matches nor is within tolerance stands in differences.ndjson, itself or by the
 *           other side that it is paired with, with the same status; and every row of differences.ndjson is of
 *           documents in documents.ndjson.
 *        2. What was accepted says by whom, when and why.
 *        3. No document stands in documents.ndjson twice.
 *        4. Amounts are decimals; sums are kept apart for each currency.
 * Source: docs/compare/schemas
 * Faults: any bytes: told with file and line.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_ROWS_H
#define TWINPOST_PACK_ROWS_H

#include "connector/posting/decimal.h"
#include "connector/uplink/json_read.h"
#include "tools/twinpost/pack_manifest.h"

/* identifier, name */
#define PACK_STATUSES(X)                      \
	X(MATCHED, "matched")                 \
	X(WITHIN, "matched_within_tolerance") \
	X(DIFFERENT, "different")             \
	X(MISSING_CLOUD, "missing_cloud")     \
	X(MISSING_LEGACY, "missing_legacy")   \
	X(WAITING_CLOUD, "waiting_cloud")     \
	X(WAITING_LEGACY, "waiting_legacy")   \
	X(DUPLICATE, "duplicate")             \
	X(AMBIGUOUS, "ambiguous")             \
	X(ACCEPTED, "accepted")

enum pack_status {
#define PACK_STATUS_ENUM(identifier, name) PACK_STATUS_##identifier,
	PACK_STATUSES(PACK_STATUS_ENUM)
#undef PACK_STATUS_ENUM
	    PACK_STATUS_COUNT
};
const char *pack_status_name(enum pack_status status);
MUST_USE bool pack_status_find(const struct json_value *text, enum pack_status *status);

#define PACK_CURRENCIES_MAX 200
struct pack_money {
	struct {
		char currency[8];
		struct decimal sum;
	} list[PACK_CURRENCIES_MAX];
	int count;
};
/* Adds the amount; false: no amount, or sums that 64 bits do not hold. */
MUST_USE bool pack_money_add(struct pack_money *money, const struct json_value *currency,
                             const struct json_value *amount);
/* The sum of a currency, zero where there is none. */
struct decimal pack_money_of(const struct pack_money *money, const char *currency);
/* The amount that a text stands for; false: it is none. */
MUST_USE bool pack_amount(const struct json_value *text, struct decimal *amount);

enum pack_side { PACK_LEGACY, PACK_CLOUD, PACK_SIDES };

struct pack_rows {
	int64_t documents[PACK_SIDES][PACK_STATUS_COUNT];
	int64_t paired[PACK_SIDES][PACK_STATUS_COUNT]; /* those of them that name another side */
	int64_t differences[PACK_STATUS_COUNT];
	int64_t open; /* differences that are neither waiting nor accepted: what a verdict must not hide */
	struct pack_money gross; /* of these, without signs */
	int64_t work;            /* differences whose exception is not closed, as totals.open counts them */
	struct pack_money work_gross, work_net;
};

/* Reads both files and tells what does not fit. */
void pack_rows_read(struct pack_rows *rows, struct span documents, struct span differences,
                    struct pack_findings *findings);
/* Of one line of documents.ndjson. false: it is none. */
MUST_USE bool pack_document_read(struct span line, struct json_value *document, enum pack_side *side,
                                 enum pack_status *status);

#endif
