/*
 * decimal_test.c - exact decimals against three judges: tables made by hand, 128-bit arithmetic, and the test cases of
 * the General Decimal Arithmetic specification.
 *
 * Why:   a wrong cent is the worst thing an amount can be.
 * Owns:  nothing.
 * Rules: 1. The *.decTest files are read in place from Debian's libpython3.11-testsuite; where they are not installed
 *           the cases are skipped, and the output says so.
 *        2. Of their cases those apply that have plain numbers (no exponent, no NaN) within our limits and an exact
 *           result (or, for quantize, the rounding half_up); the number of those is checked, so that a reader that
 *           understands nothing does not pass.
 * Runs in: the tests.
 */
#include "connector/posting/decimal.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

#define RANDOM_ROUNDS      200000
#define DECTEST_PATTERN    "/usr/lib/python3*/test/decimaltestdata"
#define DECTEST_FIELDS_MAX 8

static struct decimal of(const char *text)
{
	struct decimal value = {0, 0};
	if (decimal_parse(&value, span_of(text)) != ERR_OK)
		fail_msg("\"%s\" was not parsed", text);
	return value;
}

static void assert_prints(struct decimal value, const char *text)
{
	char printed[DECIMAL_TEXT_MAX];
	size_t len = decimal_print(value, printed);
	assert_string_equal(printed, text);
	assert_int_equal(len, strlen(text));
}

struct parse_case {
	const char *text;
	enum err err;
	int64_t units;
	int scale;
};

/* Every form that is a number, every limit on both sides of its edge, and what drivers and people write that is none.
 * 2^63 is 9223372036854775808. */
static void test_parse(void **state)
{
	(void)state;
	static const struct parse_case cases[] = {
	    {"0", ERR_OK, 0, 0},
	    {"-0.00", ERR_OK, 0, 2},
	    {"+1", ERR_OK, 1, 0},
	    {"  12.50  ", ERR_OK, 1250, 2},
	    {"-12.50", ERR_OK, -1250, 2},
	    {".5", ERR_OK, 5, 1},
	    {"-.5", ERR_OK, -5, 1},
	    {"5.", ERR_OK, 5, 0},
	    {"000000000000000000000000000001.10", ERR_OK, 110, 2},
	    {"9223372036854775807", ERR_OK, INT64_MAX, 0},
	    {"-9223372036854775808", ERR_OK, INT64_MIN, 0},
	    {"9223372036854775808", ERR_OVERFLOW, 0, 0},
	    {"-9223372036854775809", ERR_OVERFLOW, 0, 0},
	    {"18446744073709551616", ERR_OVERFLOW, 0, 0},
	    {"92233720368547758.07", ERR_OK, INT64_MAX, 2},
	    {"9223372036854775807.0", ERR_OK, INT64_MAX, 0},
	    {"922337203685477580.700", ERR_OK, INT64_MAX, 1},
	    {"9223372036854775807.1", ERR_OVERFLOW, 0, 0},
	    {"1234567890123456789012345678901234567890", ERR_OVERFLOW, 0, 0},
	    {"0.000000000001", ERR_OK, 1, 12},
	    {"0.0000000000001", ERR_OVERFLOW, 0, 0},
	    {"0.0000000000010", ERR_OK, 1, 12},
	    {"1.50000000000000000000", ERR_OK, 1500000000000, 12},
	    {"12345678901234.5678", ERR_OK, 123456789012345678, 4},
	    {"", ERR_BAD_INPUT, 0, 0},
	    {"   ", ERR_BAD_INPUT, 0, 0},
	    {".", ERR_BAD_INPUT, 0, 0},
	    {"-", ERR_BAD_INPUT, 0, 0},
	    {"+.", ERR_BAD_INPUT, 0, 0},
	    {"NaN", ERR_BAD_INPUT, 0, 0},
	    {"Infinity", ERR_BAD_INPUT, 0, 0},
	    {"1e5", ERR_BAD_INPUT, 0, 0},
	    {"1,000", ERR_BAD_INPUT, 0, 0},
	    {"1.2.3", ERR_BAD_INPUT, 0, 0},
	    {"5-", ERR_BAD_INPUT, 0, 0},
	    {"--5", ERR_BAD_INPUT, 0, 0},
	    {"- 5", ERR_BAD_INPUT, 0, 0},
	    {"1 2", ERR_BAD_INPUT, 0, 0},
	    {"\t1", ERR_BAD_INPUT, 0, 0},
	    {"0x10", ERR_BAD_INPUT, 0, 0},
	    {"\xd9\xa1", ERR_BAD_INPUT, 0, 0}, /* ARABIC-INDIC DIGIT ONE */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal value = {-77, 7};
		enum err err = decimal_parse(&value, span_of(cases[i].text));
		if (err != cases[i].err)
			fail_msg("\"%s\" gave %s", cases[i].text, err_name(err));
		/* On failure nothing is written. */
		assert_int_equal(value.units, err == ERR_OK ? cases[i].units : -77);
		assert_int_equal(value.scale, err == ERR_OK ? cases[i].scale : 7);
	}
	struct decimal value;
	assert_int_equal(decimal_parse(&value, (struct span){NULL, 0}), ERR_BAD_INPUT);
	assert_int_equal(decimal_parse(&value, (struct span){"1\0002", 3}), ERR_BAD_INPUT);
}

static void test_print(void **state)
{
	(void)state;
	assert_prints((struct decimal){0, 0}, "0");
	assert_prints((struct decimal){0, 2}, "0.00");
	assert_prints((struct decimal){5, 2}, "0.05");
	assert_prints((struct decimal){-5, 3}, "-0.005");
	assert_prints((struct decimal){100, 2}, "1.00");
	assert_prints((struct decimal){-1250, 2}, "-12.50");
	assert_prints((struct decimal){INT64_MAX, 0}, "9223372036854775807");
	assert_prints((struct decimal){INT64_MIN, 0}, "-9223372036854775808");
	assert_prints((struct decimal){INT64_MIN, 12}, "-9223372.036854775808");
	assert_prints((struct decimal){1, 12}, "0.000000000001");
}

/* Half away from zero, worked out by hand; and at the edges of 64 bits. */
static void test_round(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		int scale;
		const char *to;
	} cases[] = {
	    {"0.005", 2, "0.01"},
	    {"-0.005", 2, "-0.01"},
	    {"0.00499", 2, "0.00"},
	    {"-0.00499", 2, "0.00"},
	    {"2.5", 0, "3"},
	    {"-2.5", 0, "-3"},
	    {"3.5", 0, "4"},
	    {"1.5", 3, "1.500"},
	    {"1.999", 0, "2"},
	    {"0.4", 0, "0"},
	    {"0.999999999999", 0, "1"},
	    {"9223372.036854775807", 0, "9223372"},
	    {"-922337203685477580.8", 0, "-922337203685477581"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal rounded;
		assert_int_equal(decimal_round(&rounded, of(cases[i].from), (uint8_t)cases[i].scale), ERR_OK);
		assert_prints(rounded, cases[i].to);
	}
	struct decimal kept = {1, 1};
	assert_int_equal(decimal_round(&kept, of("9223372036854775807"), 1), ERR_OVERFLOW);
	assert_int_equal(kept.units, 1);
}

static void test_rescale(void **state)
{
	(void)state;
	struct decimal value;
	assert_int_equal(decimal_rescale(&value, of("12.5000"), 2), ERR_OK);
	assert_prints(value, "12.50");
	assert_int_equal(decimal_rescale(&value, of("12.5"), 3), ERR_OK);
	assert_prints(value, "12.500");
	assert_int_equal(decimal_rescale(&value, of("12.501"), 2), ERR_BAD_INPUT);
	assert_int_equal(decimal_rescale(&value, of("-0.001"), 2), ERR_BAD_INPUT);
	assert_int_equal(decimal_rescale(&value, of("922337203685477580.7"), 2), ERR_OVERFLOW);
	assert_int_equal(decimal_rescale(&value, of("1"), DECIMAL_SCALE_MAX), ERR_OK);
	assert_int_equal(decimal_rescale(&value, of("1"), DECIMAL_SCALE_MAX + 1), ERR_OVERFLOW);
}

/* JD Edwards stores 100.10 as 10010 with two decimals, yen without, dinars with three. */
static void test_implied(void **state)
{
	(void)state;
	struct decimal value;
	assert_int_equal(decimal_implied(&value, span_of("10010"), 2), ERR_OK);
	assert_prints(value, "100.10");
	assert_int_equal(decimal_implied(&value, span_of("-7"), 3), ERR_OK);
	assert_prints(value, "-0.007");
	assert_int_equal(decimal_implied(&value, span_of("1234"), 0), ERR_OK);
	assert_prints(value, "1234");
	assert_int_equal(decimal_implied(&value, span_of("10010.000000"), 2), ERR_OK);
	assert_prints(value, "100.10");
	assert_int_equal(decimal_implied(&value, span_of("-9223372036854775808"), 12), ERR_OK);
	assert_prints(value, "-9223372.036854775808");
	assert_int_equal(decimal_implied(&value, span_of("100.5"), 2), ERR_BAD_INPUT);
	assert_int_equal(decimal_implied(&value, span_of("abc"), 2), ERR_BAD_INPUT);
	assert_int_equal(decimal_implied(&value, span_of("1"), -1), ERR_BAD_INPUT);
	assert_int_equal(decimal_implied(&value, span_of("1"), DECIMAL_SCALE_MAX + 1), ERR_BAD_INPUT);
	assert_int_equal(decimal_implied(&value, span_of("9223372036854775808"), 2), ERR_OVERFLOW);
}

/* Edges of the sums: the least number has no opposite, unlike scales meet at the limit, and an intermediate may be over
 * 64 bits where the result is not. */
static void test_edges(void **state)
{
	(void)state;
	struct decimal least = {INT64_MIN, 0};
	struct decimal value = {42, 1};
	assert_int_equal(decimal_negate(&value, least), ERR_OVERFLOW);
	assert_int_equal(decimal_subtract(&value, (struct decimal){0, 0}, least), ERR_OVERFLOW);
	assert_int_equal(value.units, 42);
	assert_int_equal(decimal_subtract(&value, (struct decimal){-1, 0}, least), ERR_OK);
	assert_prints(value, "9223372036854775807");
	assert_int_equal(decimal_subtract(&value, least, least), ERR_OK);
	assert_prints(value, "0");
	assert_int_equal(decimal_add(&value, (struct decimal){INT64_MAX, 0}, (struct decimal){1, 0}),
	                 ERR_OVERFLOW);
	/* 922337203685477581 * 10 is 2 over the limit; less 0.3 it is within. */
	assert_int_equal(decimal_add(&value, of("922337203685477581"), of("-0.3")), ERR_OK);
	assert_prints(value, "922337203685477580.7");
	assert_int_equal(decimal_add(&value, of("922337203685477581"), of("-0.2")), ERR_OVERFLOW);
	assert_int_equal(decimal_multiply(&value, of("0.0000001"), of("0.000001")), ERR_OVERFLOW);
	assert_int_equal(decimal_multiply(&value, of("0.000005"), of("0.0000002")), ERR_OK);
	assert_prints(value, "0.000000000001");
	assert_int_equal(decimal_multiply(&value, of("100.00"), of("19.000000000000")), ERR_OK);
	assert_prints(value, "1900");
	assert_int_equal(decimal_compare(of("1.50"), of("1.5")), 0);
	assert_int_equal(decimal_compare(least, (struct decimal){INT64_MIN, 12}), -1);
	assert_int_equal(decimal_compare((struct decimal){INT64_MAX, 12}, (struct decimal){INT64_MAX, 0}),
	                 -1);
	assert_int_equal(decimal_sign(of("-0.01")), -1);
	assert_int_equal(decimal_sign(of("0.00")), 0);
	assert_int_equal(decimal_sign(of("7")), 1);
}

/* xorshift64*: the same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

/* Of every magnitude alike, often at the edges of 64 bits and with trailing zeros. */
static struct decimal random_decimal(uint64_t *seed)
{
	uint64_t bits = next_random(seed);
	int64_t units = (int64_t)(next_random(seed) >> 1) >> (bits & 63);
	if (bits & 64)
		units = -units - 1;
	if ((bits >> 8 & 15) == 0)
		units = INT64_MAX - (int64_t)(bits >> 20 & 3);
	if ((bits >> 8 & 15) == 1)
		units = INT64_MIN + (int64_t)(bits >> 20 & 3);
	if ((bits >> 8 & 15) == 2)
		units = units / 1000000 * 1000000;
	return (struct decimal){units, (uint8_t)(bits >> 32) % (DECIMAL_SCALE_MAX + 1)};
}

static wide power(int exponent)
{
	wide value = 1;
	while (exponent-- > 0)
		value *= 10;
	return value;
}

static wide at_scale(struct decimal value, int scale)
{
	return (wide)value.units * power(scale - value.scale);
}

static bool fits(wide value)
{
	return value >= INT64_MIN && value <= INT64_MAX;
}

/* The result is that of 128-bit arithmetic, or an overflow where that is over 64 bits. */
static void assert_exact(enum err err, struct decimal got, wide expected, int scale)
{
	assert_int_equal(err, fits(expected) ? ERR_OK : ERR_OVERFLOW);
	if (err == ERR_OK) {
		assert_true((wide)got.units == expected);
		assert_int_equal(got.scale, scale);
	}
}

static void check_product(struct decimal a, struct decimal b)
{
	struct decimal product;
	enum err err = decimal_multiply(&product, a, b);
	wide exact = (wide)a.units * b.units;
	int scale = a.scale + b.scale;
	if (scale <= DECIMAL_SCALE_MAX && fits(exact)) {
		assert_exact(err, product, exact, scale);
		return;
	}
	/* What is promised: zeros of both dropped, then those of the product down to the greatest scale. */
	while (a.scale > 0 && a.units % 10 == 0)
		a = (struct decimal){a.units / 10, (uint8_t)(a.scale - 1)};
	while (b.scale > 0 && b.units % 10 == 0)
		b = (struct decimal){b.units / 10, (uint8_t)(b.scale - 1)};
	exact = (wide)a.units * b.units;
	scale = a.scale + b.scale;
	bool fitted = fits(exact);
	while (scale > DECIMAL_SCALE_MAX && exact % 10 == 0) {
		exact /= 10;
		scale--;
	}
	assert_int_equal(err, fitted && scale <= DECIMAL_SCALE_MAX ? ERR_OK : ERR_OVERFLOW);
	if (err == ERR_OK)
		assert_exact(err, product, exact, scale);
}

static void check_round(struct decimal a, int scale)
{
	struct decimal got;
	enum err err = decimal_round(&got, a, (uint8_t)scale);
	wide expected = a.units;
	if (scale >= a.scale) {
		expected = at_scale(a, scale);
	} else {
		wide half = power(a.scale - scale) / 2;
		expected = (expected + (expected < 0 ? -half : half)) / (2 * half);
	}
	assert_exact(err, got, expected, scale);
	wide exact = scale >= a.scale ? expected : 0;
	err = decimal_rescale(&got, a, (uint8_t)scale);
	if (scale >= a.scale)
		assert_exact(err, got, exact, scale);
	else if (a.units % (int64_t)power(a.scale - scale) != 0)
		assert_int_equal(err, ERR_BAD_INPUT);
	else
		assert_exact(err, got, a.units / power(a.scale - scale), scale);
}

/* Every operation against 128-bit arithmetic on 200,000 random pairs of any scales. */
static void test_against_wide_arithmetic(void **state)
{
	(void)state;
	uint64_t seed = UINT64_C(20240229);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		struct decimal a = random_decimal(&seed);
		struct decimal b = random_decimal(&seed);
		struct decimal got = {0, 0};
		int scale = a.scale > b.scale ? a.scale : b.scale;
		wide wide_a = at_scale(a, scale);
		wide wide_b = at_scale(b, scale);
		enum err err = decimal_add(&got, a, b);
		assert_exact(err, got, wide_a + wide_b, scale);
		err = decimal_subtract(&got, a, b);
		assert_exact(err, got, wide_a - wide_b, scale);
		err = decimal_negate(&got, a);
		assert_exact(err, got, -(wide)a.units, a.scale);
		assert_int_equal(decimal_compare(a, b), wide_a < wide_b ? -1 : wide_a > wide_b);
		check_product(a, b);
		check_round(a, b.scale);
		char text[DECIMAL_TEXT_MAX];
		size_t len = decimal_print(a, text);
		assert_int_equal(decimal_parse(&got, (struct span){text, len}), ERR_OK);
		assert_true(got.units == a.units && got.scale == a.scale);
	}
}

/* ---- *.decTest ---- */

struct dectest {
	bool half_up;
	int applied;
	int count;
	const char *fields[DECTEST_FIELDS_MAX]; /* name, operation, operands, "->", result, conditions */
};

/* Splits at blanks; apostrophes around a token fall away; a comment ends the line. Empty tokens do not apply. */
static void split(struct dectest *test, char *line)
{
	char *rest = line;
	test->count = 0;
	for (char *token = strsep(&rest, " \t\r\n"); token; token = strsep(&rest, " \t\r\n")) {
		if (token[0] == 0)
			continue;
		if (strncmp(token, "--", 2) == 0 || test->count == DECTEST_FIELDS_MAX)
			return;
		size_t len = strlen(token);
		if (len >= 2 && token[0] == '\'' && token[len - 1] == '\'') {
			token[len - 1] = 0;
			token++;
		}
		test->fields[test->count++] = token;
	}
}

static bool is_plain(const char *text, struct decimal *value)
{
	return strspn(text, "+-.0123456789") == strlen(text) && decimal_parse(value, span_of(text)) == ERR_OK;
}

static const char *const inexact[] = {"Inexact",  "Rounded",   "Invalid_operation",
                                      "Overflow", "Underflow", "Clamped"};

/* Conditions stand after the result; a result that was rounded to the case's precision does not apply. */
static bool is_exact(const struct dectest *test, int result)
{
	for (int i = result + 1; i < test->count; i++) {
		for (size_t j = 0; j < sizeof inexact / sizeof inexact[0]; j++) {
			if (strcasecmp(test->fields[i], inexact[j]) == 0)
				return false;
		}
	}
	return true;
}

static void assert_case(const struct dectest *test, enum err err, struct decimal got, struct decimal expected)
{
	if (err != ERR_OK || got.units != expected.units || got.scale != expected.scale) {
		char text[DECIMAL_TEXT_MAX];
		(void)decimal_print(got, text);
		fail_msg("%s: got %s (%s)", test->fields[0], text, err_name(err));
	}
}

static void apply_binary(struct dectest *test,
                         enum err (*operation)(struct decimal *out, struct decimal a, struct decimal b))
{
	struct decimal a;
	struct decimal b;
	struct decimal expected;
	struct decimal got = {0, 0};
	if (test->count < 6 || strcmp(test->fields[4], "->") != 0 || !is_exact(test, 5) ||
	    !is_plain(test->fields[2], &a) || !is_plain(test->fields[3], &b) ||
	    !is_plain(test->fields[5], &expected))
		return;
	/* Their results have no such limit as ours; where the scales add up over it, ours drops zeros. */
	if (operation == decimal_multiply && a.scale + b.scale > DECIMAL_SCALE_MAX)
		return;
	enum err err = operation(&got, a, b);
	assert_case(test, err, got, expected);
	test->applied++;
}

static void apply_compare(struct dectest *test)
{
	struct decimal a;
	struct decimal b;
	struct decimal expected;
	if (test->count < 6 || strcmp(test->fields[4], "->") != 0 || !is_plain(test->fields[2], &a) ||
	    !is_plain(test->fields[3], &b) || !is_plain(test->fields[5], &expected))
		return;
	if (decimal_compare(a, b) != (int)expected.units)
		fail_msg("%s: got %d", test->fields[0], decimal_compare(a, b));
	test->applied++;
}

/* The second operand gives the scale, as 0.01 or as 1e-2. */
static bool pattern_scale(const char *text, int *scale)
{
	struct decimal value;
	char *end;
	if (is_plain(text, &value)) {
		*scale = value.scale;
		return true;
	}
	if (strncasecmp(text, "1e-", 3) != 0)
		return false;
	long digits = strtol(text + 3, &end, 10);
	*scale = (int)digits;
	return *end == 0 && digits >= 0 && digits <= DECIMAL_SCALE_MAX;
}

static void apply_quantize(struct dectest *test)
{
	struct decimal a;
	struct decimal expected;
	struct decimal got = {0, 0};
	int scale;
	if (!test->half_up || test->count < 6 || strcmp(test->fields[4], "->") != 0 ||
	    !is_plain(test->fields[2], &a) || !pattern_scale(test->fields[3], &scale) ||
	    !is_plain(test->fields[5], &expected))
		return;
	enum err err = decimal_round(&got, a, (uint8_t)scale);
	assert_case(test, err, got, expected);
	test->applied++;
}

/* Reading and printing again gives the same text. */
static void apply_to_text(struct dectest *test)
{
	struct decimal value;
	struct decimal expected;
	char text[DECIMAL_TEXT_MAX];
	if (test->count < 5 || strcmp(test->fields[3], "->") != 0 || !is_exact(test, 4) ||
	    !is_plain(test->fields[2], &value) || !is_plain(test->fields[4], &expected))
		return;
	(void)decimal_print(value, text);
	/* Rule 3: there is no -0 here. */
	const char *printed = test->fields[4];
	if (strcmp(text, value.units == 0 && printed[0] == '-' ? printed + 1 : printed) != 0)
		fail_msg("%s: got %s", test->fields[0], text);
	test->applied++;
}

static void apply_line(struct dectest *test, char *line)
{
	split(test, line);
	if (test->count == 2 && strcasecmp(test->fields[0], "rounding:") == 0)
		test->half_up = strcasecmp(test->fields[1], "half_up") == 0;
	if (test->count < 5)
		return;
	const char *operation = test->fields[1];
	if (strcasecmp(operation, "add") == 0)
		apply_binary(test, decimal_add);
	else if (strcasecmp(operation, "subtract") == 0)
		apply_binary(test, decimal_subtract);
	else if (strcasecmp(operation, "multiply") == 0)
		apply_binary(test, decimal_multiply);
	else if (strcasecmp(operation, "compare") == 0)
		apply_compare(test);
	else if (strcasecmp(operation, "quantize") == 0)
		apply_quantize(test);
	else if (strcasecmp(operation, "tosci") == 0)
		apply_to_text(test);
}

/* Runs all cases of the file that apply; there must be at least so many. */
static void run_dectest(const char *file, int at_least)
{
	glob_t found;
	char path[512];
	char line[2048];
	if (glob(DECTEST_PATTERN, 0, NULL, &found) != 0) {
		print_message("# skipped: no " DECTEST_PATTERN " (package libpython3.11-testsuite)\n");
		skip();
	}
	(void)snprintf(path, sizeof path, "%s/%s", found.gl_pathv[0], file);
	globfree(&found);
	FILE *stream = fopen(path, "r");
	assert_non_null(stream);
	struct dectest test = {.half_up = false};
	while (fgets(line, sizeof line, stream))
		apply_line(&test, line);
	(void)fclose(stream);
	print_message("# %s: %d cases apply\n", file, test.applied);
	assert_true(test.applied >= at_least);
}

static void test_dectest_add(void **state)
{
	(void)state;
	run_dectest("add.decTest", 200);
	run_dectest("ddAdd.decTest", 200);
}

static void test_dectest_subtract(void **state)
{
	(void)state;
	run_dectest("subtract.decTest", 150);
	run_dectest("ddSubtract.decTest", 100);
}

static void test_dectest_multiply(void **state)
{
	(void)state;
	run_dectest("multiply.decTest", 100);
	run_dectest("ddMultiply.decTest", 100);
}

static void test_dectest_compare(void **state)
{
	(void)state;
	run_dectest("compare.decTest", 100);
}

static void test_dectest_quantize(void **state)
{
	(void)state;
	run_dectest("quantize.decTest", 100);
}

static void test_dectest_text(void **state)
{
	(void)state;
	run_dectest("base.decTest", 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_print),
	    cmocka_unit_test(test_round),
	    cmocka_unit_test(test_rescale),
	    cmocka_unit_test(test_implied),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_against_wide_arithmetic),
	    cmocka_unit_test(test_dectest_add),
	    cmocka_unit_test(test_dectest_subtract),
	    cmocka_unit_test(test_dectest_multiply),
	    cmocka_unit_test(test_dectest_compare),
	    cmocka_unit_test(test_dectest_quantize),
	    cmocka_unit_test(test_dectest_text),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
