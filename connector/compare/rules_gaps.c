/*
 * rules_gaps.c - looks for gaps between the dates on which anything in a mapping changes.
 *
 * Why:   see rules_gaps.h.
 * Owns:  the dates of change while it looks.
 * Rules: What rules_map() says of a code can change only where some row begins, or on the day after one ends. One
 *        look-up at each of these dates is as good as one for each day, and follows every rule of rules_map() without
 *        knowing it.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_gaps_test.c, which compares with one look-up for each day
 */
#include "connector/compare/rules_gaps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "config/value.h"

struct changes {
	date_days *dates;
	size_t count, capacity;
};

static void add_date(struct changes *changes, date_days date)
{
	if (changes->count == changes->capacity) {
		changes->capacity = changes->capacity ? 2 * changes->capacity : 64;
		changes->dates = mem_grow(changes->dates, changes->capacity * sizeof changes->dates[0]);
	}
	changes->dates[changes->count++] = date;
}

static bool add_changes(void *self, const struct mapping_row *row)
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

/* Sorted, each once. */
static void changes_of(const struct rules *rules, enum mapping_kind kind, struct changes *changes)
{
	*changes = (struct changes){0};
	rules_visit(rules, kind, add_changes, changes);
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

/* The first change after the date; count: none. */
static size_t next_change(const struct changes *changes, date_days date)
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

void rules_gaps_init(struct rules_gaps *gaps)
{
	*gaps = (struct rules_gaps){0};
}

void rules_gaps_release(struct rules_gaps *gaps)
{
	free(gaps->list);
	rules_gaps_init(gaps);
}

static void add_gap(struct rules_gaps *gaps, const struct rules_seen *seen, date_days from, date_days to)
{
	gaps->gaps++;
	if (gaps->kept == RULES_GAPS_MAX)
		return;
	if (gaps->kept == gaps->capacity) {
		gaps->capacity = gaps->capacity ? 2 * gaps->capacity : 16;
		gaps->list = mem_grow(gaps->list, gaps->capacity * sizeof gaps->list[0]);
	}
	gaps->list[gaps->kept++] = (struct rules_gap){*seen, from, to};
}

static void find_gaps(struct rules_gaps *gaps, const struct rules *rules, const struct changes *changes,
                      const struct rules_seen *seen)
{
	int64_t before = gaps->gaps;
	size_t next = next_change(changes, seen->first);
	date_days from = seen->first; /* of the run of days that have the same answer so far */
	bool open = false;            /* they have no row */
	date_days date = seen->first;
	for (;;) {
		struct span mapped;
		bool missing = !rules_map(rules, seen->kind, seen->entity, seen->code, date, &mapped);
		if (missing != open) {
			if (open)
				add_gap(gaps, seen, from, date - 1);
			from = date;
			open = missing;
		}
		if (next == changes->count || changes->dates[next] > seen->last)
			break;
		date = changes->dates[next++];
	}
	if (open)
		add_gap(gaps, seen, from, seen->last);
	gaps->codes += gaps->gaps > before;
}

void rules_gaps_find(struct rules_gaps *gaps, const struct rules *rules, const struct rules_seen *seen,
                     size_t count)
{
	struct changes changes[MAPPING_KIND_COUNT];
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		changes_of(rules, (enum mapping_kind)kind, &changes[kind]);
	for (size_t i = 0; i < count; i++) {
		CHECK(seen[i].first <= seen[i].last);
		if (rules_has(rules, seen[i].kind))
			find_gaps(gaps, rules, &changes[seen[i].kind], &seen[i]);
	}
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		free(changes[kind].dates);
}

void rules_gap_text(const struct rules_gap *gap, struct buf *out)
{
	char code[VALUE_SHOWN_SIZE], entity[VALUE_SHOWN_SIZE];
	char dates[4][DATE_TEXT_SIZE];
	const char *kind = mapping_kind_name(gap->seen.kind);
	value_show(gap->seen.code, code);
	value_show(gap->seen.entity, entity);
	date_print(gap->from, dates[0]);
	date_print(gap->to, dates[1]);
	date_print(gap->seen.first, dates[2]);
	date_print(gap->seen.last, dates[3]);
	buf_printf(out,
	           "%s %s of entity %s has no row from %s to %s; it was posted %" PRId64
	           " time%s from %s to %s: add a row to %s.csv",
	           kind, code, entity, dates[0], dates[1], gap->seen.count, gap->seen.count == 1 ? "" : "s",
	           dates[2], dates[3], kind);
}
