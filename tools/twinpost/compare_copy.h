/*
 * compare_copy.h - documents of the agent's ledger into a temporary one, to be compared with other things, or by other
 * rules.
 *
 * Why:   the agent's ledger is only read here; a file beside one of its sides, or rules that are only being tried, need
 *        sums of their own.
 * Owns:  nothing.
 * Rules: 1. A document keeps its number of arrival, its times, its revision, outcome and phase: the cut and the graces
 *           are those of the agent's ledger.
 *        2. What it stands for and what it adds is made again, by the projector's rules.
 * Faults: the ledgers' errors; a document that cannot be put in is named and ends the copy.
 * Runs in: the CLI.
 * Tests: tests/integration/test_compare_places.py, tests/unit/test_compare_replay.py
 */
#ifndef TWINPOST_COMPARE_COPY_H
#define TWINPOST_COMPARE_COPY_H

#include "connector/compare/project.h"

/* All documents of a side; `to` is in a transaction, `from` in a reading one. */
MUST_USE enum err compare_copy_side(struct projector *to, struct ledger *from, enum ledger_side side,
                                    struct err_info *info);
/* How far the streams were taken, and what waits at the agent. */
MUST_USE enum err compare_copy_marks(struct ledger *to, struct ledger *from, struct err_info *info);

#endif
