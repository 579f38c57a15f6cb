/*
 * units.c - reads and prints durations and sizes.
 *
 * Why:   see units.h.
 * Owns:  nothing.
 * Rules: as in units.h; units stand in the tables from the smallest to the largest.
 * Runs in: every process.
 * Tests: tests/unit/units_test.c
 */
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
    {"ms", INT64_C(1000000)},      {"s", INT64_C(1000000000)},     {"m", INT64_C(60000000000)},
    {"h", INT64_C(3600000000000)}, {"d", INT64_C(86400000000000)},
};

static const struct unit sizes[] = {
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Takes the digits at the front of *text; false: none, or too many. */
static enum err take_digits(int64_t *out, struct span *text)
{
	size_t digits = 0;
	int64_t value = 0;
	while (digits < text->len && text->data[digits] >= '0' && text->data[digits] <= '9') {
		int digit = text->data[digits] - '0';
		if (value > (INT64_MAX - digit) / 10)
			return ERR_OVERFLOW;
		value = value * 10 + digit;
		digits++;
	}
	if (digits == 0)
		return ERR_BAD_INPUT;
	*out = value;
	text->data += digits;
	text->len -= digits;
	return ERR_OK;
}

static enum err parse(int64_t *out, struct span text, const struct unit *units, size_t count)
{
	int64_t value = 0;
	enum err err = take_digits(&value, &text);
	if (err != ERR_OK)
		return err;
	if (text.len == 0 && value == 0) {
		*out = 0;
		return ERR_OK;
	}
	if (text.len > 1 && text.data[0] == ' ') {
		text.data++;
		text.len--;
	}
	for (size_t i = 0; i < count; i++) {
		if (!span_equal(text, span_of(units[i].name)))
			continue;
		if (value > INT64_MAX / units[i].factor)
			return ERR_OVERFLOW;
		*out = value * units[i].factor;
		return ERR_OK;
	}
	return ERR_BAD_INPUT;
}

enum err duration_parse(int64_t *out, struct span text)
{
	return parse(out, text, durations, COUNT(durations));
}

enum err size_parse(int64_t *out, struct span text)
{
	return parse(out, text, sizes, COUNT(sizes));
}

/* The largest unit that divides value; the smallest where none does. */
static const struct unit *fitting(int64_t value, const struct unit *units, size_t count)
{
	size_t best = 0;
	for (size_t i = 1; i < count; i++) {
		if (value % units[i].factor == 0)
			best = i;
	}
	return &units[best];
}

void duration_print(int64_t ns, char text[UNITS_TEXT_SIZE])
{
	CHECK(ns >= 0);
	const struct unit *unit = fitting(ns, durations, COUNT(durations));
	if (ns == 0)
		(void)snprintf(text, UNITS_TEXT_SIZE, "0");
	else
		(void)snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s", ns / unit->factor, unit->name);
}

void size_print(int64_t bytes, char text[UNITS_TEXT_SIZE])
{
	CHECK(bytes >= 0);
	const struct unit *unit = fitting(bytes, sizes, COUNT(sizes));
	const char *blank = unit == &sizes[0] ? " " : "";
	if (bytes == 0)
		(void)snprintf(text, UNITS_TEXT_SIZE, "0");
	else
		(void)snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 "%s%s", bytes / unit->factor, blank,
		               unit->name);
}

enum err integer_parse(int64_t *out, struct span text)
{
	bool negative = text.len > 0 && text.data[0] == '-';
	if (negative) {
		text.data++;
		text.len--;
	}
	int64_t value = 0;
	enum err err = take_digits(&value, &text);
	if (err != ERR_OK)
		return err;
	if (text.len != 0)
		return ERR_BAD_INPUT;
	*out = negative ? -value : value;
	return ERR_OK;
}
