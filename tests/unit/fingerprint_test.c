/*
 * fingerprint_test.c - sums modulo 2^128 against numbers worked out by hand.
 *
 * Why:   a carry that is lost makes two different months look equal, or two equal ones different.
 * Owns:  nothing.
 * Rules: the numbers are written as 32 hex digits; each sum was done digit by digit, its way stands beside it.
 * Runs in: the tests.
 */
#include "store_forward/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fingerprint of_hex(const char *hex)
{
	struct fingerprint value;
	assert_true(hex_decode(value.bytes, FINGERPRINT_BYTES, span_of(hex)));
	return value;
}

static void assert_hex(const struct fingerprint *value, const char *hex)
{
	char text[FINGERPRINT_HEX_SIZE];
	fingerprint_hex(value, text);
	assert_string_equal(text, hex);
}

static const struct {
	const char *a, *b, *sum;
} sums[] = {
    {"00000000000000000000000000000000", "00000000000000000000000000000000",
     "00000000000000000000000000000000"},
    {"00000000000000000000000000000001", "00000000000000000000000000000002",
     "00000000000000000000000000000003"},
    /* ff + 01 = 100: into the next byte. */
    {"000000000000000000000000000000ff", "00000000000000000000000000000001",
     "00000000000000000000000000000100"},
    /* The low half is full: 2^64 - 1 + 1 = 2^64. */
    {"0000000000000000ffffffffffffffff", "00000000000000000000000000000001",
     "00000000000000010000000000000000"},
    /* 2^64 - 1 twice: 2^65 - 2. */
    {"0000000000000000ffffffffffffffff", "0000000000000000ffffffffffffffff",
     "0000000000000001fffffffffffffffe"},
    /* The carry into a high half that is full itself: 2^128 - 2^64 + 2^64 wraps to nought, and 1 more. */
    {"ffffffffffffffffffffffffffffffff", "00000000000000000000000000000001",
     "00000000000000000000000000000000"},
    {"ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffff",
     "fffffffffffffffffffffffffffffffe"},
    {"80000000000000000000000000000000", "80000000000000000000000000000001",
     "00000000000000000000000000000001"},
    /* A full high half with a carry from below and one of its own: ff..ff + ff..ff + 1 = 1 ff..ff. */
    {"ffffffffffffffff8000000000000000", "ffffffffffffffff8000000000000000",
     "ffffffffffffffff0000000000000000"},
    /* 0123456789abcdef + fedcba9876543210 = ffffffffffffffff, in both halves, no carry. */
    {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210",
     "ffffffffffffffffffffffffffffffff"},
};

static void test_known_sums(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
		struct fingerprint a = of_hex(sums[i].a);
		struct fingerprint b = of_hex(sums[i].b);
		struct fingerprint sum = a;
		fingerprint_add(&sum, &b);
		assert_hex(&sum, sums[i].sum);
		sum = b;
		fingerprint_add(&sum, &a);
		assert_hex(&sum, sums[i].sum);
		/* And back, in either way. */
		fingerprint_subtract(&sum, &a);
		assert_true(fingerprint_equal(&sum, &b));
		sum = of_hex(sums[i].sum);
		fingerprint_subtract(&sum, &b);
		assert_true(fingerprint_equal(&sum, &a));
	}
}

/* 0 - 1 = 2^128 - 1; 2^64 - 1 borrows from the high half; a number less itself is nought. */
static void test_borrow(void **state)
{
	(void)state;
	struct fingerprint one = of_hex("00000000000000000000000000000001");
	struct fingerprint value = of_hex("00000000000000000000000000000000");
	fingerprint_subtract(&value, &one);
	assert_hex(&value, "ffffffffffffffffffffffffffffffff");
	value = of_hex("00000000000000010000000000000000");
	fingerprint_subtract(&value, &one);
	assert_hex(&value, "0000000000000000ffffffffffffffff");
	fingerprint_subtract(&value, &value);
	assert_hex(&value, "00000000000000000000000000000000");
}

/* Two equal documents do not cancel each other: a + a = 2a, not 0 (rule 1 of the header). */
static void test_twice(void **state)
{
	(void)state;
	struct fingerprint value = of_hex("c0000000000000000000000000000003");
	struct fingerprint sum = value;
	fingerprint_add(&sum, &value);
	assert_hex(&sum, "80000000000000000000000000000006");
	assert_false(fingerprint_equal(&sum, &value));
}

/* One bit anywhere makes two values different. */
static void test_equal(void **state)
{
	(void)state;
	struct fingerprint value = of_hex("00112233445566778899aabbccddeeff");
	for (int bit = 0; bit < 8 * FINGERPRINT_BYTES; bit++) {
		struct fingerprint other = value;
		other.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(fingerprint_equal(&value, &other));
		other.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(fingerprint_equal(&value, &other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_sums),
	    cmocka_unit_test(test_borrow),
	    cmocka_unit_test(test_twice),
	    cmocka_unit_test(test_equal),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
