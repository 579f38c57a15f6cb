/*
 * rules_changes.c - see rules_changes.h.
 *
 * Why:   see rules_changes.h.
 * Owns:  see rules_changes.h.
 * Rules: as in rules_changes.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_gaps_test.c, rules_reverse_test.c
 */
#include "connector/compare/rules_changes.h"

#include <stdlib.h>

static void add_date(struct rules_changes *changes, date_days date)
{
	if (changes->count == changes->capacity) {
		changes->capacity = changes->capacity ? 2 * changes->capacity : 64;
		changes->dates = mem_grow(changes->dates, changes->capacity * sizeof changes->dates[0]);
	}
	changes->dates[changes->count++] = date;
}

static bool add_row(void *self, const struct mapping_row *row)
{
	if (row->valid_from != INT32_MIN)
		add_date(self, row->valid_from);
	if (row->valid_to != INT32_MAX)
		add_date(self, row->valid_to + 1);
	return true;
}

static int by_date(const void *a, const void *b)
{
	const date_days left = *(const date_days *)a;
	const date_days right = *(const date_days *)b;
	return (left > right) - (left < right);
}

void rules_changes_add(struct rules_changes *changes, const struct rules *rules, enum mapping_kind kind)
{
	rules_visit(rules, kind, add_row, changes);
}

void rules_changes_sort(struct rules_changes *changes)
{
	if (changes->count == 0)
		return;
	qsort(changes->dates, changes->count, sizeof changes->dates[0], by_date);
	size_t kept = 1;
	for (size_t i = 1; i < changes->count; i++) {
		if (changes->dates[i] != changes->dates[kept - 1])
			changes->dates[kept++] = changes->dates[i];
	}
	changes->count = kept;
}

size_t rules_changes_after(const struct rules_changes *changes, date_days date)
{
	size_t low = 0;
	size_t high = changes->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (changes->dates[middle] <= date)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void rules_changes_release(struct rules_changes *changes)
{
	free(changes->dates);
	*changes = (struct rules_changes){0};
}
