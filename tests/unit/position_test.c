/*
 * position_test.c - stamps, and where a reading begins and ends.
 *
 * Why:   a second too late in `from` is a document that is never read.
 * Owns:  nothing.
 * Rules: instants are calculated by hand: 2024-02-29 is day 19782 of 1970, so 09:30:05 of it is 1709199005.
 * Runs in: the tests.
 */
#include "connector/source/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define INSTANT (INT64_C(19782) * 86400 + 9 * 3600 + 30 * 60 + 5)

static const struct position_pace pace = {.overlap_s = 120, .lookback_s = 3 * 86400, .reread_s = 3600};

static bool parse(enum stamp_form form, const char *first, const char *second, int64_t *seconds)
{
	const struct span texts[2] = {span_of(first), span_of(second)};
	return stamp_parse(form, texts, seconds);
}

/* Both forms of the same instant, there and back; midnight loses its zeros in JD Edwards; what is no stamp is
 * none. */
static void test_stamps(void **state)
{
	(void)state;
	int64_t seconds = 0;
	char texts[2][24];
	assert_true(parse(STAMP_CYYDDD_HHMMSS, "124060", "93005", &seconds));
	assert_int_equal(seconds, INSTANT);
	assert_true(parse(STAMP_DATETIME, "2024-02-29 09:30:05.123456", "", &seconds));
	assert_int_equal(seconds, INSTANT);
	assert_true(parse(STAMP_DATETIME, "2024-02-29T09:30", "", &seconds));
	assert_int_equal(seconds, INSTANT - 5);
	assert_true(parse(STAMP_DATETIME, "2024-02-29", "", &seconds));
	assert_int_equal(seconds, INT64_C(19782) * 86400);
	stamp_print(STAMP_CYYDDD_HHMMSS, INSTANT, texts);
	assert_string_equal(texts[0], "124060");
	assert_string_equal(texts[1], "93005");
	stamp_print(STAMP_CYYDDD_HHMMSS, INT64_C(19782) * 86400 + 65, texts);
	assert_string_equal(texts[1], "105");
	stamp_print(STAMP_DATETIME, INSTANT, texts);
	assert_string_equal(texts[0], "2024-02-29 09:30:05");
	/* Before 1970, and before 1900, where nothing is. */
	stamp_print(STAMP_DATETIME, -1, texts);
	assert_string_equal(texts[0], "1969-12-31 23:59:59");
	stamp_print(STAMP_CYYDDD_HHMMSS, INT64_C(-100000) * 86400, texts);
	assert_string_equal(texts[0], "1");
	/* The last second of all, and the hour 24 behind it, which an ERP or its clock may show: no date may be made
	 * of the day after. 2199-12-31 is the 365th day of C = 2, YY = 99. */
	assert_true(parse(STAMP_DATETIME, "2199-12-31 24:00:00", "", &seconds));
	stamp_print(STAMP_DATETIME, seconds, texts);
	assert_string_equal(texts[0], "2199-12-31 23:59:59");
	stamp_print(STAMP_CYYDDD_HHMMSS, seconds, texts);
	assert_string_equal(texts[0], "299365");
	assert_string_equal(texts[1], "235959");
	assert_false(parse(STAMP_CYYDDD_HHMMSS, "0", "0", &seconds));
	assert_false(parse(STAMP_CYYDDD_HHMMSS, "999999", "0", &seconds));
	assert_false(parse(STAMP_CYYDDD_HHMMSS, "124060", "240001", &seconds));
	assert_false(parse(STAMP_CYYDDD_HHMMSS, "124060", "", &seconds));
	assert_false(parse(STAMP_DATETIME, "29.02.2024 09:30:05", "", &seconds));
	assert_false(parse(STAMP_DATETIME, "2024-02-29 25:00:00", "", &seconds));
	assert_false(parse(STAMP_DATETIME, "", "", &seconds));
}

/* First from the beginning; then from newest less the overlap; from newest itself once it is settled; after
 * an hour, and after the clock went back, from newest less the look-back. */
static void test_readings(void **state)
{
	(void)state;
	struct position position;
	int64_t clock = INSTANT + 1000;
	position_init(&position);
	position_begin(&position, &pace, clock, false);
	assert_true(position.from == NO_STAMP && position.reading && !position.reread);
	position_see(&position, INSTANT);
	position_see(&position, INSTANT - 5);
	position_end(&position, &pace);
	assert_int_equal(position.newest, INSTANT);
	position_begin(&position, &pace, clock + 30, false);
	assert_int_equal(position.from, INSTANT - 120);
	position_end(&position, &pace);
	assert_false(position.settled);
	/* 121 s after the clock had shown it. */
	position_begin(&position, &pace, clock + 121, false);
	assert_int_equal(position.from, INSTANT - 120);
	position_end(&position, &pace);
	assert_true(position.settled);
	position_begin(&position, &pace, clock + 151, false);
	assert_int_equal(position.from, INSTANT + 1);
	position_see(&position, INSTANT + 500);
	position_end(&position, &pace);
	assert_int_equal(position.newest, INSTANT + 500);
	assert_false(position.settled);
	position_begin(&position, &pace, clock + 3600, false);
	assert_true(position.reread);
	assert_int_equal(position.from, INSTANT + 500 - 3 * 86400);
	position_end(&position, &pace);
	position_begin(&position, &pace, clock + 3600 + 3599, false);
	assert_false(position.reread);
	position_end(&position, &pace);
	position_begin(&position, &pace, clock - 86400, false);
	assert_true(position.reread);
	position_end(&position, &pace);
	position_begin(&position, &pace, clock - 86400 + 10, true);
	assert_false(position.reread);
	assert_int_equal(position.from, INSTANT + 500 - 3 * 86400);
}

/* A widened reading begins at the beginning, skips nothing and leaves the newest stamp where it was. */
static void test_widened(void **state)
{
	(void)state;
	struct position position;
	position_init(&position);
	position_begin(&position, &pace, INSTANT + 10, false);
	position_see(&position, INSTANT);
	position_end(&position, &pace);
	position_begin(&position, &pace, INSTANT + 20, false);
	position_widen(&position);
	assert_true(position.from == NO_STAMP && position.reread);
	position_see(&position, INSTANT - 400 * 86400);
	position_end(&position, &pace);
	assert_int_equal(position.newest, INSTANT);
	assert_int_equal(position.reread_at, INSTANT + 20);
	assert_false(position.reread);
}

/* The newest stamp never passes the clock at the beginning of the reading. */
static void test_future(void **state)
{
	(void)state;
	struct position position;
	position_init(&position);
	position_begin(&position, &pace, INSTANT, false);
	position_see(&position, INSTANT + 86400);
	position_end(&position, &pace);
	assert_int_equal(position.newest, INSTANT);
}

static void same(const struct position *a, const struct position *b)
{
	assert_int_equal(a->newest, b->newest);
	assert_int_equal(a->shown_at, b->shown_at);
	assert_int_equal(a->settled, b->settled);
	assert_int_equal(a->reread_at, b->reread_at);
	assert_int_equal(a->reading, b->reading);
	assert_int_equal(a->reread, b->reread);
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->clock, b->clock);
	assert_int_equal(a->seen, b->seen);
	assert_int_equal(a->after_len, b->after_len);
	assert_memory_equal(a->after, b->after, a->after_len);
}

/* A position goes into its text and back, with any key of 256 bytes; each text that was cut is no position.
 * */
static void test_text(void **state)
{
	(void)state;
	struct position position;
	struct position back;
	struct buf text;
	buf_init(&text, 4096);
	position_init(&position);
	position_encode(&position, &text);
	assert_true(position_decode(&back, buf_span(&text)));
	same(&position, &back);
	position_begin(&position, &pace, INSTANT, false);
	position_see(&position, INSTANT);
	for (int i = 0; i < PROFILE_KEY_BYTES_MAX; i++)
		position.after[i] = (char)i;
	position.after_len = PROFILE_KEY_BYTES_MAX;
	buf_clear(&text);
	position_encode(&position, &text);
	assert_true(buf_ok(&text));
	assert_true(position_decode(&back, buf_span(&text)));
	same(&position, &back);
	/* Cut within its nine numbers, or within a coded byte at the end: none. */
	static const char *const bad[] = {
	    "", "tp1", "tp2 1 2 0 3 0 0 4 5 6 ", "tp1 1 2 0 3 0 0 4 5", "tp1 1 2 0 3 0 0 4 x 6 ",
	    "tp1 1 2 0 3 0 0 4 5 9223372036854775808 ", "tp1 1 2 0 3 0 0 4 5 - ", "tp1 1 2 0 3 0 0 4 5 6 a%2",
	    "tp1 1 2 0 3 0 0 4 5 6 a%zz",
	    /* Numbers that no clock has shown, and half a position. */
	    "tp1 9223372036854775807 2 0 3 0 0 4 5 6 ", "tp1 1 2 0 3 0 0 -9223372036854775807 5 6 ",
	    "tp1 1 -9223372036854775808 0 3 0 0 4 5 6 ", "tp1 1 2 0 3 1 0 4 -9223372036854775808 6 "};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(position_decode(&back, span_of(bad[i])));
		assert_int_equal(back.newest, NO_STAMP);
	}
	buf_append_char(&text, 'x');
	assert_false(position_decode(&back, buf_span(&text)));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stamps), cmocka_unit_test(test_readings), cmocka_unit_test(test_widened),
	    cmocka_unit_test(test_future), cmocka_unit_test(test_text),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
