/*
 * ledger_check.h - what the comparison must say at last, and what the ledger may never hold.
 *
 * Why:   a comparison that is green where something differs is the worst that this product can do. What differs here
 *        was planted, and is known.
 * Owns:  nothing after a call.
 * Rules: 1. While the agent runs: no stream's mark is ahead of what the store has committed; no document stands twice.
 * Rules: 1. While the agent runs: no stream's mark is ahead of what the store has committed; no document is twice.
 *           as what it is, and nothing else is.
 *        3. `incomplete` is right only where the cloud contradicted itself, or where the ledger was damaged: there it
 *           must be exact or incomplete, never wrong.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_LEDGER_CHECK_H
#define TWINPOST_LEDGER_CHECK_H

#include "connector/compare/run.h"
#include "tests/sim/middleware.h"

struct ledger_check {
	struct hal *hal;
	const char *path;
	struct middleware *middleware;
	const struct rules *rules; /* those in force at last; NULL: none */
	bool damaged;              /* bytes of the ledger's file were changed at rest */
	/* For the marks. */
	bool reconciled;
	bool incomplete;
	int64_t found; /* planted differences */
	int64_t generation;
};

/* Rule 1, over the agent's own connection. behind: some stream has more than the ledger. false: *why says what is not
 * right. */
bool ledger_check_running(struct ledger *ledger, struct store *store, bool *behind,
                          char why[SIM_FINDING_MAX]);
/* Rules 2 and 3; the agent is closed. */
bool ledger_check_last(struct ledger_check *check, char why[SIM_FINDING_MAX]);

#endif
