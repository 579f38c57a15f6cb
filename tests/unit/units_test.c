/*
 * units_test.c - durations, sizes and integers: what is read, what is refused, what is printed.
 *
 * Why:   a wrong factor here is a wrong deadline everywhere.
 * Owns:  nothing.
 * Rules: expected figures are worked out by hand: 1 d = 86,400 s; 1 TiB = 1024^4 = 1,099,511,627,776 B.
 * Runs in: the tests.
 */
#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sample {
	const char *text;
	int64_t value;
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Each unit's factor, with and without the blank; 0 needs none; the largest that fits 2^63-1. */
static void test_read(void **state)
{
	(void)state;
	static const struct sample durations[] = {
	    {"500ms", 500000000},
	    {"30s", INT64_C(30000000000)},
	    {"2m", INT64_C(120000000000)},
	    {"1h", INT64_C(3600000000000)},
	    {"3d", INT64_C(259200000000000)},
	    {"3 d", INT64_C(259200000000000)},
	    {"0", 0},
	    {"0s", 0},
	    {"007s", INT64_C(7000000000)},
	    /* 2^63-1 ns are 106751 days and some hours. */
	    {"106751d", INT64_C(9223286400000000000)},
	    {"9223372036854ms", INT64_C(9223372036854000000)},
	};
	static const struct sample sizes[] = {
	    {"60000 B", 60000},
	    {"60000B", 60000},
	    {"64KiB", 65536},
	    {"16MiB", 16777216},
	    {"4GiB", INT64_C(4294967296)},
	    {"1TiB", INT64_C(1099511627776)},
	    {"0", 0},
	    {"9223372036854775807B", INT64_MAX},
	    {"8388607TiB", INT64_C(9223370937343148032)},
	};
	int64_t value;
	for (size_t i = 0; i < COUNT(durations); i++) {
		assert_int_equal(duration_parse(&value, span_of(durations[i].text)), ERR_OK);
		assert_true(value == durations[i].value);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_int_equal(size_parse(&value, span_of(sizes[i].text)), ERR_OK);
		assert_true(value == sizes[i].value);
	}
}

/* What is no number with a unit, and what is one too many for 63 bits; the value is left alone. */
static void test_refuse(void **state)
{
	(void)state;
	static const char *const bad_durations[] = {"",      " ",    "s",    "30",   "-1s", "+1s", "1.5h",
	                                            "1h30m", "1 ",   "1  s", " 1s",  "1s ", "1S",  "1min",
	                                            "1µs",   "0x1s", "1e3s", "1s\n", "1ns"};
	static const char *const bad_sizes[] = {"",       "5",   "4GB",    "4G", "4gib",
	                                        "1.5GiB", "-1B", "64 kiB", "B",  "1KB"};
	int64_t value = 42;
	for (size_t i = 0; i < COUNT(bad_durations); i++)
		assert_int_equal(duration_parse(&value, span_of(bad_durations[i])), ERR_BAD_INPUT);
	for (size_t i = 0; i < COUNT(bad_sizes); i++)
		assert_int_equal(size_parse(&value, span_of(bad_sizes[i])), ERR_BAD_INPUT);
	assert_int_equal(duration_parse(&value, SPAN_LITERAL("106752d")), ERR_OVERFLOW);
	assert_int_equal(duration_parse(&value, SPAN_LITERAL("9223372036855ms")), ERR_OVERFLOW);
	assert_int_equal(duration_parse(&value, SPAN_LITERAL("9223372036854775808s")), ERR_OVERFLOW);
	assert_int_equal(size_parse(&value, SPAN_LITERAL("9223372036854775808B")), ERR_OVERFLOW);
	assert_int_equal(size_parse(&value, SPAN_LITERAL("8388608TiB")), ERR_OVERFLOW);
	assert_true(value == 42);
}

/* The largest unit that divides; what is printed reads back. */
static void test_print(void **state)
{
	(void)state;
	static const struct sample durations[] = {
	    {"0", 0},
	    {"1ms", 1000000},
	    {"1500ms", 1500000000},
	    {"90s", INT64_C(90000000000)},
	    {"90m", INT64_C(5400000000000)},
	    {"25h", INT64_C(90000000000000)},
	    {"2d", INT64_C(172800000000000)},
	};
	static const struct sample sizes[] = {
	    {"0", 0},
	    {"1 B", 1},
	    {"60000 B", 60000},
	    {"1KiB", 1024},
	    {"1025 B", 1025},
	    {"256KiB", 262144},
	    {"4GiB", INT64_C(4294967296)},
	};
	char text[UNITS_TEXT_SIZE];
	int64_t value;
	for (size_t i = 0; i < COUNT(durations); i++) {
		duration_print(durations[i].value, text);
		assert_string_equal(text, durations[i].text);
		assert_int_equal(duration_parse(&value, span_of(text)), ERR_OK);
		assert_true(value == durations[i].value);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_print(sizes[i].value, text);
		assert_string_equal(text, sizes[i].text);
		assert_int_equal(size_parse(&value, span_of(text)), ERR_OK);
		assert_true(value == sizes[i].value);
	}
}

/* Integers: digits with an optional minus, nothing else, within 63 bits. */
static void test_integer(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "-", "+1", "1 ", " 1", "1.0", "0x10", "1_000", "--1"};
	int64_t value;
	assert_int_equal(integer_parse(&value, SPAN_LITERAL("-12")), ERR_OK);
	assert_true(value == -12);
	assert_int_equal(integer_parse(&value, SPAN_LITERAL("9223372036854775807")), ERR_OK);
	assert_true(value == INT64_MAX);
	assert_int_equal(integer_parse(&value, SPAN_LITERAL("9223372036854775808")), ERR_OVERFLOW);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(integer_parse(&value, span_of(bad[i])), ERR_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_refuse),
	    cmocka_unit_test(test_print),
	    cmocka_unit_test(test_integer),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
