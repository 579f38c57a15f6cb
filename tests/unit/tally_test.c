/*
 * tally_test.c - counts under keys: order, borders of parts, every limit at its edge, overflow, many keys.
 *
 * Why:   every sum of a result is one of these; a wrapped one or one under a wrong key is a wrong signature.
 * Owns:  nothing.
 * Rules: random keys are held against a plain table; expected orders are written by hand.
 * Runs in: the tests.
 * Tests: connector/compare/tally.c
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/tally.h"
#include "tests/lib/expect_bug.h"

static int set_up(void **state)
{
	*state = tally_new(2);
	return 0;
}

static int tear_down(void **state)
{
	tally_free(*state);
	return 0;
}

/* "a|b" as the parts a and b. */
static int parts_of(const char *text, struct span parts[TALLY_PARTS_MAX])
{
	int count = 0;
	for (const char *end;; text = end + 1) {
		end = text + strcspn(text, "|");
		parts[count++] = (struct span){text, (size_t)(end - text)};
		if (!*end)
			return count;
	}
}

static void add(struct tally *tally, const char *key, int which, int64_t amount)
{
	struct span parts[TALLY_PARTS_MAX];
	int count = parts_of(key, parts);
	tally_add(tally, parts, count, which, amount);
}

static int64_t get(const struct tally *tally, const char *key, int which)
{
	struct span parts[TALLY_PARTS_MAX];
	int count = parts_of(key, parts);
	return tally_get(tally, parts, count, which);
}

/* Rows as "part|part first second;". */
static void write_row(void *self, const struct tally_row *row)
{
	struct buf *out = self;
	for (int i = 0; i < row->count; i++) {
		buf_append_text(out, i > 0 ? "|" : "");
		buf_append_span(out, row->parts[i]);
	}
	buf_printf(out, " %" PRId64 " %" PRId64 ";", row->values[0], row->values[1]);
}

static void expect_rows(struct tally *tally, const char *rows)
{
	struct buf out;
	buf_init(&out, 65536);
	tally_visit(tally, write_row, &out);
	assert_string_equal(buf_cstr(&out), rows);
	buf_release(&out);
}

/* ---- keys ---- */

static void nothing_is_nothing(void **state)
{
	expect_rows(*state, "");
	assert_int_equal(tally_size(*state), 0);
	assert_int_equal(get(*state, "a", 0), 0);
	assert_int_equal(get(*state, "", 1), 0);
	/* Asking makes no row. */
	assert_int_equal(tally_size(*state), 0);
	assert_true(tally_ok(*state));
	tally_free(NULL);
}

static void sums_stand_under_their_key_and_value(void **state)
{
	add(*state, "EUR|00001", 0, 3);
	add(*state, "EUR|00001", 1, -5);
	add(*state, "EUR|00001", 0, 4);
	add(*state, "EUR|00002", 1, 1);
	add(*state, "EUR", 0, 0);
	assert_int_equal(get(*state, "EUR|00001", 0), 7);
	assert_int_equal(get(*state, "EUR|00001", 1), -5);
	assert_int_equal(get(*state, "EUR|00002", 0), 0);
	assert_int_equal(get(*state, "EUR|00002", 1), 1);
	assert_int_equal(tally_size(*state), 3);
	/* A sum of 0 is a row too. */
	expect_rows(*state, "EUR 0 0;EUR|00001 7 -5;EUR|00002 0 1;");
	expect_rows(*state, "EUR 0 0;EUR|00001 7 -5;EUR|00002 0 1;");
}

/* By bytes, unsigned, the shorter first; a tab is below every other character of a code. */
static void rows_come_in_the_order_of_bytes(void **state)
{
	static const char *const keys[] = {"b", "\xc3\xa4", "a0", "a|b", "",   "a",    "a b",
	                                   "B", "10",       "9",  "a|",  "|a", "a|a|a"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		add(*state, keys[i], 0, (int64_t)i);
	expect_rows(*state,
	            " 4 0;|a 11 0;10 8 0;9 9 0;B 7 0;a 5 0;a| 10 0;a|a|a 12 0;a|b 3 0;a b 6 0;a0 2 0;b 0 0;"
	            "\xc3\xa4 1 0;");
}

/* "a\tb" is one part, and neither a nor b; nor may the border move. */
static void parts_do_not_run_together(void **state)
{
	add(*state, "a|b", 0, 1);
	add(*state, "a\tb", 0, 2);
	add(*state, "ab", 0, 4);
	add(*state, "ab|", 0, 8);
	add(*state, "|ab", 0, 16);
	add(*state, "a|b|", 0, 32);
	add(*state, "||||", 0, 64);
	add(*state, "|||", 0, 128);
	add(*state, "a b", 1, 1); /* what the tab becomes */
	expect_rows(*state, "||| 128 0;|||| 64 0;|ab 16 0;a|b 1 0;a|b| 32 0;a b 2 1;ab 4 0;ab| 8 0;");
}

static void zeros_are_bytes(void **state)
{
	const struct span one = {"a\0b", 3};
	const struct span other = {"a\0c", 3};
	tally_add(*state, &one, 1, 0, 1);
	tally_add(*state, &other, 1, 0, 2);
	assert_int_equal(tally_get(*state, &one, 1, 0), 1);
	assert_int_equal(tally_get(*state, &other, 1, 0), 2);
	assert_int_equal(get(*state, "a", 0), 0);
}

/* The texts of the caller may go. */
static void keys_are_copied(void **state)
{
	char text[] = "entity";
	const struct span part = {text, 6};
	tally_add(*state, &part, 1, 0, 9);
	memset(text, 'x', 6);
	expect_rows(*state, "entity 9 0;");
}

struct lengths {
	size_t lens[4][TALLY_PARTS_MAX];
	int rows;
};

static void note_lengths(void *self, const struct tally_row *row)
{
	struct lengths *lengths = self;
	for (int i = 0; i < row->count; i++)
		lengths->lens[lengths->rows][i] = row->parts[i].len;
	lengths->rows++;
}

/* 128 bytes are whole; of more, 128 count: five parts of that. */
static void a_part_is_cut_at_its_limit(void **state)
{
	char text[TALLY_PART_BYTES_MAX + 2];
	struct lengths lengths = {.rows = 0};
	memset(text, 'k', sizeof text);
	struct span parts[TALLY_PARTS_MAX];
	for (size_t len = TALLY_PART_BYTES_MAX - 1; len <= TALLY_PART_BYTES_MAX + 2; len++) {
		for (int i = 0; i < TALLY_PARTS_MAX; i++)
			parts[i] = (struct span){text, len};
		tally_add(*state, parts, TALLY_PARTS_MAX, 0, 1);
	}
	assert_int_equal(tally_get(*state, parts, TALLY_PARTS_MAX, 0), 3);
	assert_true(tally_ok(*state));
	tally_visit(*state, note_lengths, &lengths);
	assert_int_equal(lengths.rows, 2);
	for (int i = 0; i < TALLY_PARTS_MAX; i++) {
		/* 'k' is above a tab: the longer one comes last. */
		assert_int_equal(lengths.lens[0][i], TALLY_PART_BYTES_MAX - 1);
		assert_int_equal(lengths.lens[1][i], TALLY_PART_BYTES_MAX);
	}
}

/* ---- sums ---- */

static void an_overflow_is_told_and_nothing_wraps(void **state)
{
	add(*state, "a", 0, INT64_MAX);
	add(*state, "a", 1, INT64_MIN);
	add(*state, "a", 0, 0);
	add(*state, "a", 1, 0);
	assert_true(tally_ok(*state));
	add(*state, "a", 0, 1);
	assert_false(tally_ok(*state));
	assert_int_equal(get(*state, "a", 0), INT64_MAX);
	add(*state, "a", 1, -1);
	assert_int_equal(get(*state, "a", 1), INT64_MIN);
	/* It stays told, whatever comes. */
	add(*state, "a", 0, -7);
	add(*state, "b", 0, 1);
	assert_false(tally_ok(*state));
	expect_rows(*state, "a 9223372036854775800 -9223372036854775808;b 1 0;");
}

static void each_value_overflows_alone(void **state)
{
	(void)state;
	struct tally *tally = tally_new(TALLY_VALUES_MAX);
	for (int which = 0; which < TALLY_VALUES_MAX; which++)
		add(tally, "a", which, which % 2 ? INT64_MAX : -which);
	assert_true(tally_ok(tally));
	for (int which = 0; which < TALLY_VALUES_MAX; which++)
		assert_int_equal(get(tally, "a", which), which % 2 ? INT64_MAX : -which);
	add(tally, "a", TALLY_VALUES_MAX - 1, 1);
	assert_false(tally_ok(tally));
	tally_free(tally);
}

/* ---- many ---- */

static void count_row(void *self, const struct tally_row *row)
{
	int64_t *next = self;
	char text[32];
	(void)snprintf(text, sizeof text, "%09" PRId64, *next);
	if (row->count != 2 || !span_equal(row->parts[1], span_of(text)) || row->values[0] != *next)
		fail_msg("row %" PRId64 " is another", *next);
	++*next;
}

static int put_number(struct span parts[2], char text[32], int64_t n)
{
	parts[0] = SPAN_LITERAL("00001");
	parts[1] = (struct span){text, (size_t)snprintf(text, 32, "%09" PRId64, n)};
	return 2;
}

/* A million keys, in an order far from sorted; the next is refused, and those that are there still count. */
static void a_million_keys_and_no_more(void **state)
{
	char text[32];
	struct span parts[2];
	int64_t next = 0;
	for (int64_t i = 0; i < TALLY_KEYS_MAX; i++) {
		int64_t n = i * 700001 % TALLY_KEYS_MAX; /* 700001 and a million have no common divisor */
		tally_add(*state, parts, put_number(parts, text, n), 0, n);
	}
	assert_true(tally_ok(*state));
	assert_int_equal(tally_size(*state), TALLY_KEYS_MAX);
	tally_visit(*state, count_row, &next);
	assert_int_equal(next, TALLY_KEYS_MAX);
	tally_add(*state, parts, put_number(parts, text, 17), 1, 5);
	assert_true(tally_ok(*state));
	tally_add(*state, parts, put_number(parts, text, TALLY_KEYS_MAX), 0, 5);
	assert_false(tally_ok(*state));
	assert_int_equal(tally_get(*state, parts, 2, 0), 0);
	assert_int_equal(tally_size(*state), TALLY_KEYS_MAX);
	assert_int_equal(tally_get(*state, parts, put_number(parts, text, 17), 1), 5);
}

#define RANDOM_KEYS 2000

/* Against a table that is looked up by number. */
static void random_sums_are_those_of_a_plain_table(void **state)
{
	static int64_t plain[RANDOM_KEYS][2];
	uint32_t x = 20261121;
	int keys = 0;
	static bool seen[RANDOM_KEYS];
	for (int i = 0; i < 40000; i++) {
		x = x * 1664525u + 1013904223u; /* Numerical Recipes */
		int key = (int)(x >> 8) % RANDOM_KEYS;
		int which = (int)(x >> 5 & 1);
		int64_t amount = (int64_t)(x % 100001) - 50000;
		char text[32];
		(void)snprintf(text, sizeof text, "%d|%d", key % 7, key);
		add(*state, text, which, amount);
		plain[key][which] += amount;
		keys += !seen[key];
		seen[key] = true;
	}
	assert_int_equal(tally_size(*state), keys);
	for (int key = 0; key < RANDOM_KEYS; key++) {
		char text[32];
		(void)snprintf(text, sizeof text, "%d|%d", key % 7, key);
		assert_int_equal(get(*state, text, 0), plain[key][0]);
		assert_int_equal(get(*state, text, 1), plain[key][1]);
	}
}

/* ---- what the caller may not ask ---- */

static int way;

static void misuse(void)
{
	struct tally *tally = tally_new(way == 0 ? 0 : way == 1 ? TALLY_VALUES_MAX + 1 : 1);
	const struct span parts[TALLY_PARTS_MAX + 1] = {{"", 0}};
	switch (way) {
	case 2:
		tally_add(tally, parts, 0, 0, 1);
		break;
	case 3:
		tally_add(tally, parts, TALLY_PARTS_MAX + 1, 0, 1);
		break;
	case 4:
		tally_add(tally, parts, 1, 1, 1);
		break;
	case 5:
		tally_add(tally, parts, 1, -1, 1);
		break;
	case 6:
		tally_add(tally, parts, 1, 0, 1);
		(void)tally_get(tally, parts, 1, 1);
		break;
	default:
		break;
	}
	tally_free(tally);
}

static void wrong_use_is_a_bug(void **state)
{
	(void)state;
	for (way = 0; way <= 6; way++)
		expect_bug(misuse, "tally.c");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(nothing_is_nothing),
	    WITH(sums_stand_under_their_key_and_value),
	    WITH(rows_come_in_the_order_of_bytes),
	    WITH(parts_do_not_run_together),
	    WITH(zeros_are_bytes),
	    WITH(keys_are_copied),
	    WITH(a_part_is_cut_at_its_limit),
	    WITH(an_overflow_is_told_and_nothing_wraps),
	    cmocka_unit_test(each_value_overflows_alone),
	    WITH(a_million_keys_and_no_more),
	    WITH(random_sums_are_those_of_a_plain_table),
	    cmocka_unit_test(wrong_use_is_a_bug),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
