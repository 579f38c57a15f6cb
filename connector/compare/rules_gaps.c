/*
 * rules_gaps.c - looks for gaps between the dates on which anything in a mapping changes.
 *
 * Why:   see rules_gaps.h.
 * Owns:  the dates of change while it looks.
 * Rules: see rules_changes.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_gaps_test.c, which compares with one look-up for each day
 */
#include "connector/compare/rules_gaps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "config/value.h"
#include "connector/compare/rules_changes.h"

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

static void find_gaps(struct rules_gaps *gaps, const struct rules *rules, const struct rules_changes *changes,
                      const struct rules_seen *seen)
{
	int64_t before = gaps->gaps;
	size_t next = rules_changes_after(changes, seen->first);
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
	struct rules_changes changes[MAPPING_KIND_COUNT] = {{.count = 0}};
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++) {
		rules_changes_add(&changes[kind], rules, (enum mapping_kind)kind);
		rules_changes_sort(&changes[kind]);
	}
	for (size_t i = 0; i < count; i++) {
		CHECK(seen[i].first <= seen[i].last);
		if (rules_has(rules, seen[i].kind))
			find_gaps(gaps, rules, &changes[seen[i].kind], &seen[i]);
	}
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		rules_changes_release(&changes[kind]);
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
