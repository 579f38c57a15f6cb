/*
 * date_test.c - dates against a calendar walked day by day, the C library, and known values of ERPs.
 *
 * Why:   a date off by one moves a posting into another period.
 * Owns:  nothing.
 * Rules: known values stand beside the rule they come from.
 * Runs in: the tests.
 */
#include "connector/posting/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SECONDS_PER_DAY 86400
#define NS_PER_S        INT64_C(1000000000)

static date_days on(int year, int month, int day)
{
	date_days date = 0;
	assert_int_equal(date_from_civil(&date, year, month, day), ERR_OK);
	return date;
}

/* All 109,573 days of the years 1900 to 2199 follow each other, with the month lengths of the Gregorian calendar; every
 * conversion there and back gives the day again, and day 0 is 1970-01-01. */
static void test_every_day(void **state)
{
	(void)state;
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	/* 1900 to 1969: 70 years, with the 17 leap days of 1904 to 1968. */
	date_days expected = -(70 * 365 + 17);
	int64_t days = 0;
	for (int year = DATE_YEAR_MIN; year <= DATE_YEAR_MAX; year++) {
		bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
		int day_of_year = 0;
		for (int month = 1; month <= 12; month++) {
			int length = lengths[month - 1] + (leap && month == 2);
			for (int day = 1; day <= length; day++, expected++, days++) {
				int got_year;
				int got_month;
				int got_day;
				date_days from_julian = 0;
				bool present = false;
				day_of_year++;
				assert_int_equal(on(year, month, day), expected);
				date_to_civil(expected, &got_year, &got_month, &got_day);
				assert_true(got_year == year && got_month == month && got_day == day);
				int64_t cyyddd = (year - 1900) * INT64_C(1000) + day_of_year;
				assert_int_equal(date_to_cyyddd(expected), cyyddd);
				assert_int_equal(date_from_cyyddd(&from_julian, &present, cyyddd), ERR_OK);
				assert_true(present && from_julian == expected);
			}
			date_days none = 77;
			assert_int_equal(date_from_civil(&none, year, month, length + 1), ERR_BAD_INPUT);
			assert_int_equal(none, 77);
		}
	}
	assert_int_equal(days, 109573); /* 300 * 365 + 73 leap years */
	assert_int_equal(on(1970, 1, 1), 0);
}

/* The C library's calendar agrees on every 97th day (timegm, gmtime_r). */
static void test_against_libc(void **state)
{
	(void)state;
	for (date_days date = on(1900, 1, 1); date <= on(2199, 12, 31); date += 97) {
		time_t seconds = (time_t)date * SECONDS_PER_DAY;
		struct tm tm;
		char expected[32];
		char text[DATE_TEXT_SIZE];
		assert_non_null(gmtime_r(&seconds, &tm));
		assert_true(strftime(expected, sizeof expected, "%Y-%m-%d", &tm) > 0);
		date_print(date, text);
		assert_string_equal(text, expected);
	}
}

static void test_civil_limits(void **state)
{
	(void)state;
	date_days date = 0;
	assert_int_equal(date_from_civil(&date, 1899, 12, 31), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2200, 1, 1), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2024, 0, 1), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2024, 13, 1), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2024, 1, 0), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2023, 2, 29), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2100, 2, 29), ERR_BAD_INPUT);
	assert_int_equal(date_from_civil(&date, 2000, 2, 29), ERR_OK);
}

/* What drivers give for a DATE or TIMESTAMP column, and what is none. */
static void test_parse(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "2024-02-29",
	    "  2024-02-29  ",
	    "2024-02-29 00:00:00",
	    "2024-02-29 23:59",
	    "2024-02-29 24:00:00",
	    "2024-02-29T09:30:05Z",
	    "2024-02-29 09:30:05.1234567",
	    "2024-02-29 09:30:05.123456+00",
	    "2024-02-29 09:30:05 +02:00",
	    "2024-02-29T09:30:05-0730",
	};
	static const char *const bad[] = {
	    "",
	    "0",
	    "2024-2-29",
	    "2024-02-30",
	    "2023-02-29",
	    "0000-00-00",
	    "1899-12-31",
	    "2200-01-01",
	    "20240229",
	    "29.02.2024",
	    "2024/02/29",
	    "2024-02-2",
	    "2024-02-290",
	    "2024-02-29x",
	    "2024-02-29 ab",
	    "-024-02-29",
	    "2024-02-29T",
	    "2024-02-29 25:00",
	    "2024-02-29 10:60",
	    "2024-02-29 10:00:61",
	    "2024-02-29 10:00:00.",
	    "2024-02-29 10:00:00+",
	    "2024-02-29 10:00:00+15",
	    "2024-02-29 10:00:00+02:6",
	    "2024-02-29 10:00:00Zx",
	    "2024-02-29 10",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		date_days date = 0;
		if (date_parse(&date, span_of(good[i])) != ERR_OK)
			fail_msg("\"%s\" was refused", good[i]);
		assert_int_equal(date, 19782); /* date -u -d 2024-02-29 +%s, divided by 86400 */
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		date_days date = 77;
		if (date_parse(&date, span_of(bad[i])) != ERR_BAD_INPUT)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(date, 77);
	}
	/* A text cut anywhere is refused and never read past its end. */
	char cut[] = {'2', '0', '2', '4', '-', '0', '2', '-', '2', '9'};
	for (size_t len = 0; len < sizeof cut; len++) {
		date_days date;
		assert_int_equal(date_parse(&date, (struct span){cut, len}), ERR_BAD_INPUT);
	}
}

/* The known values of JD Edwards dates: value + 1900000 = YYYYDDD, 0 is none. */
static void test_cyyddd(void **state)
{
	(void)state;
	static const struct {
		int64_t value;
		int year, month, day;
	} good[] = {
	    {1, 1900, 1, 1},        {99365, 1999, 12, 31},  {100001, 2000, 1, 1},   {124060, 2024, 2, 29},
	    {124366, 2024, 12, 31}, {123365, 2023, 12, 31}, {299365, 2199, 12, 31},
	};
	static const int64_t bad[] = {
	    -1, 124000, 124367, 123366, 300001, 999999, 124999, 1000, 20240229, INT64_MAX, INT64_MIN,
	};
	bool present = true;
	date_days date = 77;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		present = false;
		assert_int_equal(date_from_cyyddd(&date, &present, good[i].value), ERR_OK);
		assert_true(present);
		assert_int_equal(date, on(good[i].year, good[i].month, good[i].day));
		assert_int_equal(date_to_cyyddd(date), good[i].value);
	}
	assert_int_equal(date_from_cyyddd(&date, &present, 0), ERR_OK);
	assert_false(present);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (date_from_cyyddd(&date, &present, bad[i]) != ERR_BAD_INPUT)
			fail_msg("%lld was taken", (long long)bad[i]);
	}
}

/* Seconds by `date -u -d @N +%FT%TZ`. */
static void test_instant(void **state)
{
	(void)state;
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {INT64_C(1709199005) * NS_PER_S + 999999, "2024-02-29T09:30:05.000Z"},
	    {INT64_C(1709199005) * NS_PER_S + 1000000, "2024-02-29T09:30:05.001Z"},
	    {INT64_C(1735689599) * NS_PER_S + 999999999, "2024-12-31T23:59:59.999Z"},
	    {-1, "1970-01-01T00:00:00.000Z"},
	    {INT64_MIN, "1970-01-01T00:00:00.000Z"},
	    {INT64_MAX, "2262-04-11T23:47:16.854Z"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[INSTANT_TEXT_SIZE];
		instant_print(cases[i].ns, text);
		assert_string_equal(text, cases[i].text);
	}
}

/* One form and no other; seconds by `date -u -d TEXT +%s`. */
static void test_instant_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
		int64_t ms;
	} cases[] = {
	    {"1970-01-01T00:00:00.000Z", ERR_OK, 0},
	    {"2026-11-21T14:20:05.123Z", ERR_OK, INT64_C(1795270805123)},
	    {"2199-12-31T23:59:59.999Z", ERR_OK, INT64_C(7258118399999)},
	    {"2024-02-29T23:59:59.000Z", ERR_OK, INT64_C(1709251199000)},
	    {"1969-12-31T23:59:59.999Z", ERR_OVERFLOW, 0},
	    {"2200-01-01T00:00:00.000Z", ERR_OVERFLOW, 0},
	    {"9999-12-31T23:59:59.999Z", ERR_OVERFLOW, 0},
	    {"2023-02-29T00:00:00.000Z", ERR_BAD_INPUT, 0},
	    {"2024-00-10T00:00:00.000Z", ERR_BAD_INPUT, 0},
	    {"2024-13-10T00:00:00.000Z", ERR_BAD_INPUT, 0},
	    {"2024-12-31T24:00:00.000Z", ERR_BAD_INPUT, 0},
	    {"2024-12-31T23:60:00.000Z", ERR_BAD_INPUT, 0},
	    {"2016-12-31T23:59:60.000Z", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05Z", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05.00Z", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05.0000Z", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05.000+00:00", ERR_BAD_INPUT, 0},
	    {"2024-02-29t09:30:05.000z", ERR_BAD_INPUT, 0},
	    {"2024-02-29 09:30:05.000Z", ERR_BAD_INPUT, 0},
	    {" 2024-02-29T09:30:05.000Z", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05.000Z ", ERR_BAD_INPUT, 0},
	    {"2024-02-29T09:30:05.000", ERR_BAD_INPUT, 0},
	    {"", ERR_BAD_INPUT, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ns = -77;
		enum err err = instant_parse(&ns, span_of(cases[i].text));
		if (err != cases[i].err)
			fail_msg("%s: %s", cases[i].text, err_name(err));
		assert_int_equal(ns, err == ERR_OK ? cases[i].ms * 1000000 : -77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_day),     cmocka_unit_test(test_against_libc),
	    cmocka_unit_test(test_civil_limits),  cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_cyyddd),        cmocka_unit_test(test_instant),
	    cmocka_unit_test(test_instant_parse),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
