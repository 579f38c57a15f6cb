/*
 * terminal_test.c - numbers as people read them: separators, units, and what is no number.
 *
 * Why:   a misplaced separator in an amount is a wrong amount.
 * Owns:  nothing.
 * Rules: expected texts are written by hand.
 * Runs in: tests.
 * Tests: tools/twinpost/terminal.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/twinpost/terminal.h"

static void expect_amount(const char *amount, const char *wanted)
{
	char words[AMOUNT_WORDS_SIZE];
	amount_words(amount, words);
	assert_string_equal(words, wanted);
}

static void amounts_have_separators(void **state)
{
	(void)state;
	expect_amount("0", "0");
	expect_amount("-5", "-5");
	expect_amount("999", "999");
	expect_amount("1000", "1,000");
	expect_amount("-1000.50", "-1,000.50");
	expect_amount("-999.999", "-999.999");
	expect_amount("100000", "100,000");
	expect_amount("1234567.8901", "1,234,567.8901");
	expect_amount("92233720368547758.07", "92,233,720,368,547,758.07");
}

static void what_is_no_amount_stays(void **state)
{
	(void)state;
	expect_amount("", "");
	expect_amount("-", "-");
	expect_amount("12345 EUR", "12345 EUR");
	expect_amount("2026-11-21", "2026-11-21");
	expect_amount("abc", "abc");
}

/* 63 characters fit with their separators; one more digit, and none are put in; what is longer is cut. */
static void long_ones_stay_whole_or_are_cut(void **state)
{
	char amount[AMOUNT_WORDS_SIZE + 8];
	char words[AMOUNT_WORDS_SIZE];
	(void)state;
	memset(amount, '7', sizeof amount);
	amount[47] = 0;
	amount_words(amount, words);
	assert_int_equal(strlen(words), 47 + 15);
	assert_memory_equal(words, "77,777,777", 10);
	amount[47] = '7';
	amount[48] = 0;
	amount_words(amount, words);
	assert_string_equal(words, amount);
	amount[48] = '7';
	amount[sizeof amount - 1] = 0;
	amount_words(amount, words);
	assert_int_equal(strlen(words), AMOUNT_WORDS_SIZE - 1);
}

static void expect_count(int64_t count, const char *wanted)
{
	char words[WORDS_SIZE];
	count_words(count, words);
	assert_string_equal(words, wanted);
}

static void counts_have_separators(void **state)
{
	(void)state;
	expect_count(0, "0");
	expect_count(999, "999");
	expect_count(1000, "1,000");
	expect_count(-1000, "-1,000");
	expect_count(-100, "-100");
	expect_count(INT64_MAX, "9,223,372,036,854,775,807");
	expect_count(INT64_MIN, "-9,223,372,036,854,775,808");
}

static void sizes_have_units(void **state)
{
	char words[WORDS_SIZE];
	static const struct {
		int64_t bytes;
		const char *wanted;
	} cases[] = {
	    {0, "0 B"},           {1023, "1023 B"},        {1024, "1.0 KiB"},
	    {1536, "1.5 KiB"},    {1048524, "1023.9 KiB"}, {1048575, "1.0 MiB"},
	    {1 << 30, "1.0 GiB"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_words(cases[i].bytes, words);
		assert_string_equal(words, cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(amounts_have_separators),
	    cmocka_unit_test(what_is_no_amount_stays),
	    cmocka_unit_test(long_ones_stay_whole_or_are_cut),
	    cmocka_unit_test(counts_have_separators),
	    cmocka_unit_test(sizes_have_units),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
