/*
 * compare_replay.h - two comparisons of the same cut, difference by difference.
 *
 * Why:   what a changed mapping clears and what it creates is seen before anything is posted again.
 * Owns:  struct replay_side owns its differences; struct replay_change borrows them.
 * Rules: 1. Differences are the same by their key; several of one key are taken in the order in which they came.
 *        2. Changed: another status, cause, amount or field.
 *        3. Sums are exact, by cause and currency.
 * Faults: a line that is no JSON, or amounts over 64 bits, end it (ERR_CORRUPT, ERR_OVERFLOW).
 * Runs in: the CLI.
 * Tests: tests/unit/test_compare_replay.py
 */
#ifndef TWINPOST_COMPARE_REPLAY_H
#define TWINPOST_COMPARE_REPLAY_H

#include <cjson/cJSON.h>

#include "connector/compare/run.h"
#include "connector/posting/decimal.h"

struct replay_difference {
	char *key, *status, *cause, *currency, *fields;
	char *subject; /* of the ERP's document, else the cloud's */
	bool legacy;   /* the subject is the ERP's */
	struct decimal gross, net;
	int64_t place; /* as they came */
};

struct replay_side {
	struct run_outcome outcome;
	struct replay_difference *list; /* sorted by key after replay_sort() */
	int64_t count, capacity;
};

void replay_side_init(struct replay_side *side);
void replay_side_release(struct replay_side *side);
/* One line of differences.ndjson. */
MUST_USE enum err replay_add(struct replay_side *side, struct span line, struct err_info *info);
void replay_sort(struct replay_side *side);

enum replay_kind { REPLAY_CLEARED, REPLAY_CREATED, REPLAY_CHANGED, REPLAY_KIND_COUNT };
const char *replay_kind_name(enum replay_kind kind);
/* before: NULL of what is created; after: NULL of what is cleared. */
typedef void (*replay_visitor)(void *self, enum replay_kind kind, const struct replay_difference *before,
                               const struct replay_difference *after);
/* Both are sorted. In the order of the keys. */
void replay_compare(const struct replay_side *before, const struct replay_side *after, replay_visitor visit,
                    void *self);

#endif
