/*
 * rules_gaps_test.c - gaps of mappings against what was posted.
 *
 * Why:   a gap that is not told holds documents on the night of the month-end.
 * Owns:  nothing.
 * Rules: random mappings are compared with the plain way, one look-up for each day and code.
 * Runs in: the tests.
 */
#include "connector/compare/rules_gaps.h"

#include <stdio.h>

#include "tests/unit/rules_fixture.h"

static struct rules_seen seen_code(const char *code, const char *first, const char *last)
{
	return (struct rules_seen){.kind = MAPPING_ACCOUNT,
	                           .entity = SPAN_LITERAL("00001"),
	                           .code = span_of(code),
	                           .first = day(first),
	                           .last = day(last),
	                           .count = 12};
}

static void assert_gap(const struct rules_gap *gap, const char *code, const char *from, const char *to)
{
	assert_true(span_equal(gap->seen.code, span_of(code)));
	assert_int_equal(gap->from, day(from));
	assert_int_equal(gap->to, day(to));
}

/* Before, between and behind rows; a code without any; one that is covered; a kind without a file. */
static void where_rows_are_missing(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,4000,1,2024-02-01,2024-02-29,\n"
	                                                            "*,4000,2,2024-04-01,2024-04-30,\n"
	                                                            "00001,4000,3,2024-04-10,2024-05-10,\n"
	                                                            "*,5000,1,2024-01-01,2024-03-31,\n"
	                                                            "*,5000,2,2024-04-01,,\n");
	const struct rules_seen seen[] = {
	    seen_code("4000", "2024-01-15", "2024-06-15"),
	    seen_code("5000", "2024-01-01", "2024-12-31"),
	    seen_code("6000", "2024-03-03", "2024-03-03"),
	    seen_code("4000", "2024-02-01", "2024-02-29"),
	    {.kind = MAPPING_TAX_CODE, .code = SPAN_LITERAL("V7"), .first = 0, .last = 30000},
	};
	struct rules_gaps gaps;
	rules_gaps_init(&gaps);
	rules_gaps_find(&gaps, made.rules, seen, 5);
	assert_int_equal(gaps.gaps, 4);
	assert_int_equal(gaps.kept, 4);
	assert_int_equal(gaps.codes, 2);
	assert_gap(&gaps.list[0], "4000", "2024-01-15", "2024-01-31");
	assert_gap(&gaps.list[1], "4000", "2024-03-01", "2024-03-31");
	assert_gap(&gaps.list[2], "4000", "2024-05-11", "2024-06-15");
	assert_gap(&gaps.list[3], "6000", "2024-03-03", "2024-03-03");
	struct buf text;
	buf_init(&text, 1000);
	rules_gap_text(&gaps.list[1], &text);
	assert_string_equal(
	    buf_cstr(&text),
	    "account 4000 of entity 00001 has no row from 2024-03-01 to 2024-03-31; it was posted 12 "
	    "times from 2024-01-15 to 2024-06-15: add a row to account.csv");
	buf_release(&text);
	rules_gaps_release(&gaps);
	rules_drop(&made);
}

/* More gaps than the list holds are counted. */
static void limit(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER);
	size_t count = RULES_GAPS_MAX + 1;
	struct rules_seen *seen = calloc(count, sizeof *seen);
	struct rules_gaps gaps;
	assert_non_null(seen);
	for (size_t i = 0; i < count; i++)
		seen[i] = seen_code("1", "2024-01-01", "2024-01-02");
	rules_gaps_init(&gaps);
	rules_gaps_find(&gaps, made.rules, seen, count);
	assert_int_equal(gaps.kept, 10000);
	assert_int_equal(gaps.gaps, 10001);
	assert_int_equal(gaps.codes, 10001);
	rules_gaps_release(&gaps);
	free(seen);
	rules_drop(&made);
}

/* Up to 12 rows within 40 days, of two entities and three codes, "*" among both; overlaps drop the mapping. */
static bool random_rules(uint64_t *random, struct made_rules *made)
{
	static const char *const entities[] = {"*", "1", "2"};
	static const char *const codes[] = {"*", "a", "b"};
	struct buf text;
	buf_init(&text, 10000);
	buf_append_text(&text, MAPPING_HEADER);
	uint64_t rows = next_random(random) % 12;
	for (uint64_t i = 0; i < rows; i++) {
		char from[DATE_TEXT_SIZE] = "", to[DATE_TEXT_SIZE] = "";
		date_days first = (date_days)(20000 + next_random(random) % 40);
		if (next_random(random) % 8 != 0)
			date_print(first, from);
		if (next_random(random) % 8 != 0)
			date_print(first + (date_days)(next_random(random) % 8), to);
		buf_printf(&text, "%s,%s,t,%s,%s,\n", entities[next_random(random) % 3],
		           codes[next_random(random) % 3], from, to);
	}
	*made = rules_begin();
	rules_put(made, "account", buf_cstr(&text));
	rules_end(made);
	buf_release(&text);
	return made->good;
}

/* Every day of 20,000 random mappings' gaps has no row, and every day without a row is in a gap. */
static void same_as_day_by_day(void **state)
{
	(void)state;
	static const char *const entities[] = {"1", "2", "3"};
	static const char *const codes[] = {"a", "b", "c"};
	uint64_t random = 4711;
	int compared = 0;
	for (int round = 0; round < 20000; round++) {
		struct made_rules made;
		if (!random_rules(&random, &made)) {
			rules_drop(&made);
			continue;
		}
		compared++;
		date_days first = (date_days)(19995 + next_random(&random) % 30);
		struct rules_seen seen = {.kind = MAPPING_ACCOUNT,
		                          .entity = span_of(entities[next_random(&random) % 3]),
		                          .code = span_of(codes[next_random(&random) % 3]),
		                          .first = first,
		                          .last = first + (date_days)(next_random(&random) % 30)};
		struct rules_gaps gaps;
		rules_gaps_init(&gaps);
		rules_gaps_find(&gaps, made.rules, &seen, 1);
		size_t gap = 0;
		for (date_days date = seen.first; date <= seen.last; date++) {
			struct span mapped;
			if (gap < gaps.kept && gaps.list[gap].to < date)
				gap++;
			bool in_gap = gap < gaps.kept && gaps.list[gap].from <= date;
			assert_int_equal(
			    in_gap, !rules_map(made.rules, seen.kind, seen.entity, seen.code, date, &mapped));
			/* Two gaps do not touch: they would be one. */
			if (gap + 1 < gaps.kept)
				assert_true(gaps.list[gap + 1].from > gaps.list[gap].to + 1);
		}
		rules_gaps_release(&gaps);
		rules_drop(&made);
	}
	assert_true(compared > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_rows_are_missing),
	    cmocka_unit_test(limit),
	    cmocka_unit_test(same_as_day_by_day),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
