/*
 * compare_decisions.h - what a run asks the ledger for besides documents: decisions of people, gaps of the cloud.
 *
 * Why:   an accepted difference is no open one, and half a ledger of the cloud is no ledger.
 * Owns:  struct compare_decisions.
 * Rules: 1. A decision counts for the evidence that it was made on, and for no other.
 *        2. Snoozed is what is snoozed beyond the cut's instant: the same cut gives the same bytes.
 *        3. What cannot be read is no decision: the difference is open then.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_decisions_test.c
 */
#ifndef TWINPOST_COMPARE_DECISIONS_H
#define TWINPOST_COMPARE_DECISIONS_H

#include "store_forward/ledger.h"

struct compare_decisions;
struct run_decision;

/* Borrows the ledger, which is in a read transaction, or temporary. at_ns: the cut's instant. */
struct compare_decisions *compare_decisions_open(struct ledger *ledger, int64_t at_ns);
void compare_decisions_close(struct compare_decisions *decisions); /* NULL is allowed */
/* run_sink.decision, with the decisions as self. */
bool compare_decisions_find(void *self, struct span key, struct span evidence, struct run_decision *decision);

/* Does a source of the cloud have gaps or conflicts, or can that not be known? Then *text says which numbers of which
 * source are missing. */
bool compare_cloud_gaps(struct ledger *ledger, char *text, size_t size);

#endif
