/*
 * date.h - calendar dates of the proleptic Gregorian calendar.
 *
 * Why:   ERPs hold dates as text, integers and day numbers; the product holds one form.
 * Owns:  nothing; values.
 * Rules: 1. A date is days since 1970-01-01; years 1900 to 2199 are accepted (DATE_YEAR_MIN, _MAX), others are errors.
 *        2. No time zone is ever applied to a date.
 * Source: ISO 8601-1:2019, 5.2.2 (calendar date); erp-facts conversions.
 * Runs in: the core.
 * Tests: tests/unit/date_test.c
 */
#ifndef TWINPOST_DATE_H
#define TWINPOST_DATE_H

#include "hal/base/bytes.h"

#define DATE_YEAR_MIN     1900
#define DATE_YEAR_MAX     2199
#define DATE_TEXT_SIZE    11 /* 2024-02-29 and the end */
#define INSTANT_TEXT_SIZE 25 /* 2024-02-29T09:30:05.000Z and the end */

typedef int32_t date_days;

MUST_USE enum err date_from_civil(date_days *out, int year, int month, int day);
void date_to_civil(date_days date, int *year, int *month, int *day);
/* 2024-02-29, blanks around allowed; a well-formed time and zone after it (2024-02-29 00:00:00.000, ...T24:00Z) are
 * ignored. ERR_BAD_INPUT: anything else, no such day, or a year outside the limits. */
MUST_USE enum err date_parse(date_days *out, struct span iso);
void date_print(date_days date, char text[DATE_TEXT_SIZE]);
/* C*100000 + YY*1000 + DDD (JD Edwards). 0 is no date: *present is false, *out is 0. ERR_BAD_INPUT: no such day. */
MUST_USE enum err date_from_cyyddd(date_days *out, bool *present, int64_t value);
int64_t date_to_cyyddd(date_days date);
/* RFC 3339 with milliseconds and Z, from nanoseconds since 1970; outside 1970-9999 it is clamped. */
void instant_print(int64_t wall_ns, char text[INSTANT_TEXT_SIZE]);
/* The other way, and that form alone: 2024-02-29T09:30:05.000Z. ERR_BAD_INPUT: anything else, or no such moment (a leap
 * second is none: no clock of ours shows it); ERR_OVERFLOW: well formed, but before 1970 or after 2199. */
MUST_USE enum err instant_parse(int64_t *wall_ns, struct span text);

#endif
