/*
 * run_canary.c - documents with known differences that go through every comparison.
 *
 * Why:   a comparison that finds nothing may be right, or blind. What was planted must be found as what it is, and what
 *        was planted equal must not be.
 * Owns:  struct canaries: some small documents, packed.
 * Rules: 1. They are made as the rules of the run map and tolerate, so that they test the comparison and not the rules;
 *           what these rules do not let be seen is not planted.
 *        2. They stand under an entity of their own, behind all others in the order, and are left out of every figure.
 *        3. A canary is found when its status, and what differs, are what was planted; each at most once.
 * Faults: none.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, tests/integration/test_compare_mutants.py
 */
#include "connector/compare/run_canary.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum run_status status;
	enum pair_lane lane;
	const char *field; /* NULL: as shows() says */
} CANARY[CANARY_COUNT] = {
#define CANARY_ROW(identifier, name, status) [CANARY_##identifier] = {name, status, LANE_AMOUNT, NULL},
    CANARIES_OF_PRESENCE(CANARY_ROW)
#undef CANARY_ROW
#define CANARY_ROW(identifier, name, type, attribute, lane, field) \
	[CANARY_##identifier] = {name, RUN_DIFFERENT, LANE_##lane, field},
	CANARIES_OF_FIELDS(CANARY_ROW)
#undef CANARY_ROW
};

struct canaries *canaries_new(const struct rules *rules)
{
	struct canaries *canaries = mem_alloc(sizeof *canaries);
	canaries_make(canaries, rules);
	return canaries;
}

void canaries_free(struct canaries *canaries)
{
	free(canaries);
}

bool canaries_row(struct canaries *canaries, enum ledger_side side, int index,
                  struct ledger_document *document)
{
	if (index >= canaries->counts[side])
		return false;
	*document = canaries->rows[side][canaries->order[side][index]].document;
	return true;
}

bool canaries_find(struct canaries *canaries, enum ledger_side side, struct span subject,
                   struct ledger_document *document)
{
	for (int i = 0; i < canaries->counts[side]; i++) {
		if (span_equal(canaries->rows[side][i].document.subject, subject)) {
			*document = canaries->rows[side][i].document;
			return true;
		}
	}
	return false;
}

/* The number at the end of either subject: "~canary/journal/2024/C07". */
static int canary_of(struct span subject)
{
	for (size_t i = 0; i + 3 <= subject.len; i++) {
		if (memcmp(subject.data + i, "/C", 2) == 0 && i + 4 <= subject.len)
			return (subject.data[i + 2] - '0') * 10 + (subject.data[i + 3] - '0');
	}
	return -1;
}

static bool has_difference(const struct pair *pair, enum pair_lane lane, const char *field)
{
	for (int i = 0; pair && i < pair->kept; i++) {
		if (pair->differences[i].lane == lane && strcmp(pair->differences[i].field, field) == 0 &&
		    !pair->differences[i].tolerated)
			return true;
	}
	return false;
}

/* Does what differs show what was planted? */
static bool shows(const struct canaries *canaries, enum canary which, struct span legacy, struct span cloud,
                  const struct pair *pair)
{
	switch (which) {
	case CANARY_WRONG_AMOUNT:
		return pair && pair->net_delta == canaries->amount &&
		       has_difference(pair, LANE_AMOUNT, "debit") &&
		       has_difference(pair, LANE_AMOUNT, "credit");
	case CANARY_WRONG_PERIOD:
		return has_difference(pair, LANE_ATTRIBUTE, "period");
	case CANARY_WRONG_ACCOUNT:
		return has_difference(pair, LANE_AMOUNT, "credit") &&
		       !has_difference(pair, LANE_AMOUNT, "debit");
	case CANARY_SWAPPED:
		return has_difference(pair, LANE_AMOUNT, "debit") &&
		       has_difference(pair, LANE_AMOUNT, "credit");
	case CANARY_MOVED:
		return pair && pair->net_delta == 0 && has_difference(pair, LANE_AMOUNT, "debit");
	case CANARY_MISSING:
		return legacy.len > 0 && cloud.len == 0;
	case CANARY_UNKNOWN:
	case CANARY_DUPLICATE:
		return legacy.len == 0 && cloud.len > 0;
	default:
		return legacy.len > 0 && cloud.len > 0 &&
		       (!CANARY[which].field ||
		        has_difference(pair, CANARY[which].lane, CANARY[which].field));
	}
}

void canaries_found(struct canaries *canaries, enum run_status status, struct span legacy, struct span cloud,
                    const struct pair *pair)
{
	int which = canary_of(legacy.len > 0 ? legacy : cloud);
	if (which < 0 || which >= CANARY_COUNT || CANARY[which].status != status ||
	    !shows(canaries, (enum canary)which, legacy, cloud, pair))
		return;
	canaries->found[which] = true;
}

void canaries_tally(const struct canaries *canaries, int *planted, int *found)
{
	*planted = 0;
	*found = 0;
	for (int i = 0; i < CANARY_COUNT; i++) {
		*planted += canaries->planted[i];
		*found += canaries->planted[i] && canaries->found[i];
	}
}

const char *canaries_name(const struct canaries *canaries, int index)
{
	for (int i = 0, n = 0; i < CANARY_COUNT; i++) {
		if (canaries->planted[i] && n++ == index)
			return CANARY[i].name;
	}
	return NULL;
}
