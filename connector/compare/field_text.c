/*
 * field_text.c - texts of amounts, dates, integers and booleans.
 *
 * Why:   see field_text.h.
 * Owns:  nothing.
 * Rules: as in field_text.h.
 * Faults: as in field_text.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_read_test.c, csv_documents_test.c
 */
#include "connector/compare/field_text.h"

#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

static size_t pass_digits(struct span text, size_t at)
{
	while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at;
}

/* -?(0|[1-9][0-9]*), from the front; 0: there is none. */
static size_t pass_integer(struct span text)
{
	size_t first = text.len > 0 && text.data[0] == '-' ? 1 : 0;
	size_t end = pass_digits(text, first);
	return end == first || (end > first + 1 && text.data[first] == '0') ? 0 : end;
}

/* What decimal_parse() takes beside it ("+1", ".5", " 1") is another text, and would not be written back as it came. */
static bool is_plain_decimal(struct span text)
{
	size_t point = pass_integer(text);
	if (point == 0 || point == text.len)
		return point > 0;
	size_t end = pass_digits(text, point + 1);
	return text.data[point] == '.' && end > point + 1 && end == text.len;
}

static const char *read_decimal(struct span text, struct value *value)
{
	enum err err = is_plain_decimal(text) ? decimal_parse(&value->as.decimal, text) : ERR_BAD_INPUT;
	if (err == ERR_OVERFLOW)
		return "has more digits than 64 bits, or 12 behind the point, hold";
	return err == ERR_OK ? NULL : "is no decimal like -12.50";
}

static const char *read_integer(struct span text, struct value *value)
{
	int64_t sum = 0;
	bool negative = text.len > 0 && text.data[0] == '-';
	if (pass_integer(text) != text.len || text.len == 0)
		return "is no whole number";
	for (size_t i = negative; i < text.len; i++) {
		sum = 10 * sum + (text.data[i] - '0');
		if (sum > INTEGER_MAX)
			return "is no whole number below 2^53";
	}
	value->as.integer = negative ? -sum : sum;
	return NULL;
}

const char *field_text_read(enum value_kind kind, struct span text, struct value *value)
{
	value->present = true;
	switch (kind) {
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return read_decimal(text, value);
	case VALUE_INTEGER:
		return read_integer(text, value);
	case VALUE_DATE:
		if (text.len == DATE_TEXT_SIZE - 1 && date_parse(&value->as.date, text) == ERR_OK)
			return NULL;
		return "is no date like 2026-11-21, 1900 to 2199";
	case VALUE_BOOLEAN:
		value->as.boolean = span_equal(text, SPAN_LITERAL("true"));
		if (value->as.boolean || span_equal(text, SPAN_LITERAL("false")))
			return NULL;
		return "must be true or false";
	case VALUE_TEXT:
		break;
	}
	BUG("a text is its own value");
}
