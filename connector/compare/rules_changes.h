/*
 * rules_changes.h - the dates on which anything in a mapping changes.
 *
 * Why:   what rules_map() says of a code can change only where some row begins, or on the day after one ends. One
 *        look-up at each of these dates is as good as one for each day, and follows every rule of rules_map() without
 *        knowing it.
 * Owns:  struct rules_changes owns its dates.
 * Rules: dates are sorted, each once, after rules_changes_sort().
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_gaps_test.c, rules_reverse_test.c
 */
#ifndef TWINPOST_RULES_CHANGES_H
#define TWINPOST_RULES_CHANGES_H

#include "connector/compare/rules.h"

/* All zeros: empty. */
struct rules_changes {
	date_days *dates;
	size_t count, capacity;
};

/* Adds those of one kind; others may be there already. */
void rules_changes_add(struct rules_changes *changes, const struct rules *rules, enum mapping_kind kind);
void rules_changes_sort(struct rules_changes *changes);
/* Where the first change after the date stands; count: there is none. */
size_t rules_changes_after(const struct rules_changes *changes, date_days date);
void rules_changes_release(struct rules_changes *changes);

#endif
