/*
 * ledger_usage.h - usage of three places, brought into one order.
 *
 * Why:   source, billing and ERP deliver in their own orders; there may be millions of windows, and SQLite sorts on
 *        disk what memory does not hold.
 * Owns:  a temporary table of the ledger's connection, gone when it is closed.
 * Rules: 1. Rows come back by entity, customer, meter, first and last day, place, then unit and quantity: the same
 *           rows give the same order, however they came.
 *        2. Nothing of the ledger's own file is written.
 * Faults: as in ledger.h.
 * Runs in: the CLI.
 * Tests: tests/unit/ledger_usage_test.c
 */
#ifndef TWINPOST_LEDGER_USAGE_H
#define TWINPOST_LEDGER_USAGE_H

#include "store_forward/ledger.h"

struct ledger_usage {
	int place; /* the caller's */
	struct span entity, customer, meter, unit;
	int32_t from, to;
	int64_t units; /* units * 10^-scale */
	int scale;
};
/* false: no more. */
typedef bool (*ledger_usage_visitor)(void *self, const struct ledger_usage *row);

/* Begins an empty table. */
MUST_USE enum err ledger_usage_begin(struct ledger *ledger, struct err_info *info);
MUST_USE enum err ledger_usage_add(struct ledger *ledger, const struct ledger_usage *row,
                                   struct err_info *info);
MUST_USE enum err ledger_usage_rows(struct ledger *ledger, ledger_usage_visitor visit, void *self,
                                    struct err_info *info);

#endif
