/*
 * report_pick.h - the first rows of a table by value, chosen while it streams by.
 *
 * Why:   a page holds the most important hundred rows of a million, without a million rows in memory.
 * Owns:  struct picks owns copies of the chosen lines.
 * Rules: 1. Rows of different currencies are never ranked against each other: each currency has its own list. The room
 *           is shared out evenly; what a short list leaves goes to the others.
 *        2. Rank: rank, then second, both without sign, the greater first; then the order of the table.
 *        3. Memory: at most `room` lines for each of PICKS_CURRENCIES_MAX currencies; more currencies share the last
 *           list, which then is in the order of the table.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_PICK_H
#define TWINPOST_REPORT_PICK_H

#include "connector/posting/decimal.h"

#define PICKS_CURRENCIES_MAX 64
#define PICKS_CURRENCY_SIZE  8

struct pick {
	struct decimal rank, second; /* >= 0 */
	int64_t order;
	char *text; /* the line */
};

struct pick_list {
	char currency[PICKS_CURRENCY_SIZE];
	int64_t seen; /* rows that were offered */
	struct pick *picks;
	size_t count, capacity;
};

struct picks {
	size_t room;
	struct pick_list lists[PICKS_CURRENCIES_MAX];
	size_t count;
	int64_t seen;
};

void picks_init(struct picks *picks, size_t room);
void picks_release(struct picks *picks);
void picks_offer(struct picks *picks, const char *currency, struct decimal rank, struct decimal second,
                 int64_t order, struct span text);
/* After the last: each list is sorted and cut to its share, lists are in the order of their currencies. */
void picks_finish(struct picks *picks);
/* The same, each list in the order of the table. */
void picks_in_order(struct picks *picks);

#endif
