/*
 * control_check.h - what a control event must say of the events before it, worked out from their bytes.
 *
 * Why:   control totals let finance see that all came without hashing; whoever relies on them needs them right.
 * Owns:  nothing.
 * Rules: 1. It covers the sequences after the last control event up to its own; events of control and key are in the
 *           range and not counted.
 *        2. The data is compared byte for byte with what is expected.
 * Source: docs/contract, control events.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_SIM_CONTROL_CHECK_H
#define TWINPOST_SIM_CONTROL_CHECK_H

#include <sqlite3.h>

#include "tests/sim/event.h"

/* Appends the data that a control event of this source must have, for the sequences first..last of the table
 * events(source, sequence, payload). */
void control_expect(sqlite3 *db, const char *source, int64_t first, int64_t last, struct buf *out);

#endif
