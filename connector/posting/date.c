/*
 * date.c - calendar dates, day counts and the two text forms of them.
 *
 * Why:   see date.h.
 * Owns:  nothing.
 * Rules: 1. A year is counted from March, so that the leap day is its last: the day of year then follows from the month
 *           alone (153 days in every five months from March), and a cycle of 400 years has 146097 days.
 *        2. No clock and no zone database: everything here is arithmetic.
 * Faults: ERR_BAD_INPUT for what is no date within the limits; *out is written only on success.
 * Runs in: the core.
 * Tests: tests/unit/date_test.c, tests/fuzz/canonical_fuzz.c
 */
#include "connector/posting/date.h"

#include <string.h>

#define CYCLE_YEARS 400
#define CYCLE_DAYS  146097
/* Days from 0000-03-01 to 1970-01-01. */
#define EPOCH_OFFSET 719468
#define NS_PER_MS    INT64_C(1000000)
#define MS_PER_DAY   INT64_C(86400000)

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* For years from 0 on. */
static int32_t days_of(int year, int month, int day)
{
	int march_year = month > 2 ? year : year - 1;
	int march_month = month > 2 ? month - 3 : month + 9;
	int cycle = march_year / CYCLE_YEARS;
	int year_of_cycle = march_year % CYCLE_YEARS;
	int day_of_year = (153 * march_month + 2) / 5 + day - 1;
	int day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
	return cycle * CYCLE_DAYS + day_of_cycle - EPOCH_OFFSET;
}

static void civil_of(int32_t date, int *year, int *month, int *day)
{
	int32_t days = date + EPOCH_OFFSET;
	int cycle = days / CYCLE_DAYS;
	int day_of_cycle = days % CYCLE_DAYS;
	/* Leap days before it are taken out: one in 4 years (1460 days), less one in 100, plus the cycle's last day. */
	int year_of_cycle =
	    (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
	int day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
	int march_month = (5 * day_of_year + 2) / 153;
	*day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = cycle * CYCLE_YEARS + year_of_cycle + (*month <= 2);
}

enum err date_from_civil(date_days *out, int year, int month, int day)
{
	if (year < DATE_YEAR_MIN || year > DATE_YEAR_MAX || month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month))
		return ERR_BAD_INPUT;
	*out = days_of(year, month, day);
	return ERR_OK;
}

void date_to_civil(date_days date, int *year, int *month, int *day)
{
	CHECK(date >= days_of(DATE_YEAR_MIN, 1, 1) && date <= days_of(DATE_YEAR_MAX, 12, 31));
	civil_of(date, year, month, day);
}

/* Takes exactly count digits from the front; false: there are not so many. */
static bool take_number(struct span *text, size_t count, int *number)
{
	if (text->len < count)
		return false;
	int value = 0;
	for (size_t i = 0; i < count; i++) {
		char c = text->data[i];
		if (c < '0' || c > '9')
			return false;
		value = 10 * value + (c - '0');
	}
	text->data += count;
	text->len -= count;
	*number = value;
	return true;
}

static bool take_char(struct span *text, char c)
{
	if (text->len == 0 || text->data[0] != c)
		return false;
	text->data++;
	text->len--;
	return true;
}

/* Z, +hh, +hhmm or +hh:mm, a blank before it allowed; the empty zone too. */
static bool zone_is_well_formed(struct span zone)
{
	int hours;
	int minutes = 0;
	(void)take_char(&zone, ' ');
	if (zone.len == 0 || (take_char(&zone, 'Z') && zone.len == 0))
		return true;
	if (!take_char(&zone, '+') && !take_char(&zone, '-'))
		return false;
	if (!take_number(&zone, 2, &hours))
		return false;
	(void)take_char(&zone, ':');
	if (zone.len > 0 && !take_number(&zone, 2, &minutes))
		return false;
	return zone.len == 0 && hours <= 14 && minutes < 60;
}

/* hh:mm, hh:mm:ss or hh:mm:ss.f..., with or without a zone; 24:00:00 is a time of IBM i. */
static bool time_is_well_formed(struct span time)
{
	int hour;
	int minute;
	int second = 0;
	if (!take_number(&time, 2, &hour) || !take_char(&time, ':') || !take_number(&time, 2, &minute))
		return false;
	if (take_char(&time, ':')) {
		if (!take_number(&time, 2, &second))
			return false;
		if (take_char(&time, '.')) {
			int digit;
			if (!take_number(&time, 1, &digit))
				return false;
			while (take_number(&time, 1, &digit))
				continue;
		}
	}
	return hour <= 24 && minute < 60 && second <= 60 && zone_is_well_formed(time);
}

enum err date_parse(date_days *out, struct span iso)
{
	struct span text = span_trim(iso);
	int year;
	int month;
	int day;
	if (!take_number(&text, 4, &year) || !take_char(&text, '-') || !take_number(&text, 2, &month) ||
	    !take_char(&text, '-') || !take_number(&text, 2, &day))
		return ERR_BAD_INPUT;
	if (text.len > 0) {
		if (!take_char(&text, ' ') && !take_char(&text, 'T'))
			return ERR_BAD_INPUT;
		if (!time_is_well_formed(text))
			return ERR_BAD_INPUT;
	}
	return date_from_civil(out, year, month, day);
}

static void put_digits(char *to, int number, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		to[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

static void put_date(char *to, int year, int month, int day)
{
	put_digits(to, year, 4);
	to[4] = '-';
	put_digits(to + 5, month, 2);
	to[7] = '-';
	put_digits(to + 8, day, 2);
}

void date_print(date_days date, char text[DATE_TEXT_SIZE])
{
	int year;
	int month;
	int day;
	date_to_civil(date, &year, &month, &day);
	put_date(text, year, month, day);
	text[DATE_TEXT_SIZE - 1] = 0;
}

enum err date_from_cyyddd(date_days *out, bool *present, int64_t value)
{
	if (value == 0) {
		*present = false;
		*out = 0;
		return ERR_OK;
	}
	if (value < 0 || value / 1000 > DATE_YEAR_MAX - 1900)
		return ERR_BAD_INPUT;
	int year = 1900 + (int)(value / 1000);
	int day_of_year = (int)(value % 1000);
	if (day_of_year < 1 || day_of_year > (is_leap(year) ? 366 : 365))
		return ERR_BAD_INPUT;
	*present = true;
	*out = days_of(year, 1, 1) + day_of_year - 1;
	return ERR_OK;
}

int64_t date_to_cyyddd(date_days date)
{
	int year;
	int month;
	int day;
	date_to_civil(date, &year, &month, &day);
	return INT64_C(1000) * (year - 1900) + (date - days_of(year, 1, 1) + 1);
}

void instant_print(int64_t wall_ns, char text[INSTANT_TEXT_SIZE])
{
	/* 64 bits of nanoseconds end in the year 2262: only the past can be outside. */
	int64_t ms = wall_ns < 0 ? 0 : wall_ns / NS_PER_MS;
	int in_day = (int)(ms % MS_PER_DAY);
	int year;
	int month;
	int day;
	civil_of((int32_t)(ms / MS_PER_DAY), &year, &month, &day);
	memcpy(text, "0000-00-00T00:00:00.000Z", INSTANT_TEXT_SIZE);
	put_date(text, year, month, day);
	put_digits(text + 11, in_day / 3600000, 2);
	put_digits(text + 14, in_day / 60000 % 60, 2);
	put_digits(text + 17, in_day / 1000 % 60, 2);
	put_digits(text + 20, in_day % 1000, 3);
}

enum err instant_parse(int64_t *wall_ns, struct span text)
{
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second;
	int ms;
	if (!take_number(&text, 4, &year) || !take_char(&text, '-') || !take_number(&text, 2, &month) ||
	    !take_char(&text, '-') || !take_number(&text, 2, &day) || !take_char(&text, 'T') ||
	    !take_number(&text, 2, &hour) || !take_char(&text, ':') || !take_number(&text, 2, &minute) ||
	    !take_char(&text, ':') || !take_number(&text, 2, &second) || !take_char(&text, '.') ||
	    !take_number(&text, 3, &ms) || !take_char(&text, 'Z') || text.len > 0)
		return ERR_BAD_INPUT;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return ERR_BAD_INPUT;
	if (year < 1970 || year > DATE_YEAR_MAX)
		return ERR_OVERFLOW;
	int in_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
	*wall_ns = (days_of(year, month, day) * MS_PER_DAY + in_day) * NS_PER_MS;
	return ERR_OK;
}
