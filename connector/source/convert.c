/*
 * convert.c - the conversions of convert.h, one function each.
 *
 * Why:   see convert.h.
 * Owns:  nothing.
 * Rules: as in convert.h. A joined text grows at the end of the scratch; a part that was itself joined there
 *        is moved to where it belongs, so that parts may hold parts.
 * Runs in: the core.
 * Tests: tests/unit/convert_test.c
 */
#include "connector/source/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/posting/canonical.h"

#define INTEGER_MAX (INT64_C(1) << 53)

static const struct {
	const char *name;
	const char *expected;
} columns_kinds[] = {
#define CONVERSION_NAME(identifier, name, text) {name, text},
    CONVERSIONS_OF_COLUMN(CONVERSION_NAME)
#undef CONVERSION_NAME
};

bool conversion_find(enum conversion_kind *kind, struct span name)
{
	for (int i = 0; i < CONVERT_COLUMN_KINDS; i++) {
		if (span_equal(name, span_of(columns_kinds[i].name))) {
			*kind = (enum conversion_kind)i;
			return true;
		}
	}
	return false;
}

static enum converted_kind result_of_want(enum value_kind want)
{
	switch (want) {
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return CONVERTED_DECIMAL;
	case VALUE_INTEGER:
		return CONVERTED_INTEGER;
	case VALUE_DATE:
		return CONVERTED_DATE;
	case VALUE_BOOLEAN:
		return CONVERTED_BOOLEAN;
	case VALUE_TEXT:
		break;
	}
	return CONVERTED_TEXT;
}

enum converted_kind conversion_result(const struct conversion *conversion)
{
	switch (conversion->kind) {
	case CONVERT_INTEGER:
	case CONVERT_FY_CENTURY:
		return CONVERTED_INTEGER;
	case CONVERT_DECIMAL:
	case CONVERT_IMPLIED_DECIMALS:
	case CONVERT_ADD:
	case CONVERT_SUM:
		return CONVERTED_DECIMAL;
	case CONVERT_DATE_ISO:
	case CONVERT_DATE_YYYYMMDD:
	case CONVERT_DATE_CYYDDD:
		return CONVERTED_DATE;
	case CONVERT_PRESENT:
		return CONVERTED_BOOLEAN;
	case CONVERT_MAP:
	case CONVERT_CONSTANT:
		return result_of_want(conversion->want);
	case CONVERT_FIRST:
		return conversion_result(&conversion->parts[0]);
	default:
		return CONVERTED_TEXT;
	}
}

/* ASCII needs no closer look; most of an ERP's text is. */
static bool is_text(struct span text)
{
	unsigned char any = 0;
	for (size_t i = 0; i < text.len; i++)
		any |= (unsigned char)text.data[i];
	return any < 0x80 || utf8_valid(text);
}

bool convert_present(const struct source_value *value)
{
	if (value->kind == SOURCE_VALUE_NULL)
		return false;
	if (value->kind != SOURCE_VALUE_TEXT)
		return true;
	bool digits = false;
	for (size_t i = 0; i < value->text.len; i++) {
		char c = value->text.data[i];
		digits |= c == '0';
		if (c != '0' && c != '.' && c != ' ')
			return true;
	}
	/* "." alone is a value; "", "  ", "0" and "0.00" are none. */
	return !digits && memchr(value->text.data ? value->text.data : "", '.', value->text.len) != NULL;
}

bool convert_integer(struct span text, int64_t *out)
{
	text = span_trim(text);
	bool negative = text.len > 0 && text.data[0] == '-';
	size_t i = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
	size_t first = i;
	int64_t value = 0;
	for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
		value = value * 10 + (text.data[i] - '0');
		if (value >= INTEGER_MAX)
			return false;
	}
	if (i == first)
		return false;
	/* Some drivers give a NUMBER as 1001.0 or 1001.000. */
	if (i < text.len && text.data[i] == '.') {
		for (i++; i < text.len && text.data[i] == '0'; i++)
			;
	}
	*out = negative ? -value : value;
	return i == text.len;
}

static bool fail(struct convert_problem *problem, int column, const char *expected)
{
	*problem = (struct convert_problem){.column = column, .expected = expected};
	return false;
}

/* The value's text; *absent where there is none. false: it could not be read. */
static bool column_text(const struct convert_row *row, int column, struct span *text, bool *absent,
                        struct convert_problem *problem)
{
	const struct source_value *value = &row->values[row->columns[column]];
	*absent = value->kind == SOURCE_VALUE_NULL;
	*text = value->text;
	switch (value->kind) {
	case SOURCE_VALUE_TEXT:
	case SOURCE_VALUE_NULL:
		return true;
	case SOURCE_VALUE_BAD_UTF8:
		return fail(problem, column,
		            "text in the encoding that the source is configured with (encoding:)");
	case SOURCE_VALUE_TOO_LONG:
		return fail(problem, column, "a value of at most 49152 bytes");
	case SOURCE_VALUE_UNREADABLE:
		break;
	}
	return fail(problem, column, "a value that the driver can read");
}

static bool convert_text(const struct conversion *c, struct span text, struct converted *out,
                         struct convert_problem *problem)
{
	if (c->kind == CONVERT_TRIM)
		text = span_trim(text);
	while (c->kind == CONVERT_RTRIM && text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	if (span_trim(text).len == 0)
		return true;
	if (!is_text(text))
		return fail(problem, c->column, "text in UTF-8");
	*out = (struct converted){.kind = CONVERTED_TEXT, .as.text = text};
	return true;
}

static bool convert_yyyymmdd(struct span text, struct converted *out)
{
	int64_t value = 0;
	if (!convert_integer(text, &value))
		return false;
	if (value == 0)
		return true;
	if (value < 10000101 || value > 99991231)
		return false;
	date_days date = 0;
	if (date_from_civil(&date, (int)(value / 10000), (int)(value / 100 % 100), (int)(value % 100)) !=
	    ERR_OK)
		return false;
	*out = (struct converted){.kind = CONVERTED_DATE, .as.date = date};
	return true;
}

static bool convert_date(enum conversion_kind kind, struct span text, struct converted *out)
{
	if (kind == CONVERT_DATE_YYYYMMDD)
		return convert_yyyymmdd(text, out);
	date_days date = 0;
	bool present = true;
	int64_t value = 0;
	if (kind == CONVERT_DATE_CYYDDD) {
		if (!convert_integer(text, &value) || date_from_cyyddd(&date, &present, value) != ERR_OK)
			return false;
	} else if (date_parse(&date, text) != ERR_OK) {
		return false;
	}
	if (present)
		*out = (struct converted){.kind = CONVERTED_DATE, .as.date = date};
	return true;
}

static bool convert_implied(const struct conversion *c, const struct convert_row *row, struct span text,
                            struct converted *out, struct convert_problem *problem)
{
	int64_t decimals = c->decimals;
	if (c->decimals_column >= 0) {
		struct span digits;
		bool absent = false;
		if (!column_text(row, c->decimals_column, &digits, &absent, problem))
			return false;
		if (absent || !convert_integer(digits, &decimals) || decimals < 0 || decimals > 8)
			return fail(problem, c->decimals_column, "a number of decimals, 0 to 8");
	}
	out->kind = CONVERTED_DECIMAL;
	if (decimal_implied(&out->as.decimal, text, (int)decimals) != ERR_OK)
		return fail(problem, c->column, columns_kinds[CONVERT_IMPLIED_DECIMALS].expected);
	return true;
}

static bool convert_column(const struct conversion *c, const struct convert_row *row, struct converted *out,
                           struct convert_problem *problem)
{
	struct span text;
	bool absent = false;
	if (c->kind == CONVERT_PRESENT) {
		*out = (struct converted){.kind = CONVERTED_BOOLEAN};
		out->as.boolean = convert_present(&row->values[row->columns[c->column]]);
		return true;
	}
	if (!column_text(row, c->column, &text, &absent, problem))
		return false;
	if (absent)
		return true;
	if (c->kind <= CONVERT_RTRIM)
		return convert_text(c, text, out, problem);
	text = span_trim(text);
	if (text.len == 0)
		return true;
	bool good = false;
	switch (c->kind) {
	case CONVERT_INTEGER:
		out->kind = CONVERTED_INTEGER;
		good = convert_integer(text, &out->as.integer);
		break;
	case CONVERT_DECIMAL:
		out->kind = CONVERTED_DECIMAL;
		good = decimal_parse(&out->as.decimal, text) == ERR_OK;
		break;
	case CONVERT_IMPLIED_DECIMALS:
		return convert_implied(c, row, text, out, problem);
	default:
		good = convert_date(c->kind, text, out);
		break;
	}
	return good || fail(problem, c->column, columns_kinds[c->kind].expected);
}

static void take_entry(const struct conversion *c, const struct conversion_entry *entry,
                       struct converted *out)
{
	if (c->want == VALUE_BOOLEAN)
		*out = (struct converted){.kind = CONVERTED_BOOLEAN, .as.boolean = entry->boolean};
	else
		*out = (struct converted){.kind = CONVERTED_TEXT, .as.text = entry->meaning};
}

static bool convert_map(const struct conversion *c, const struct convert_row *row, struct converted *out,
                        struct convert_problem *problem)
{
	struct span text;
	bool absent = false;
	if (!column_text(row, c->column, &text, &absent, problem))
		return false;
	text = span_trim(text);
	for (int i = 0; i < c->entry_count && !absent; i++) {
		if (span_equal(text, c->entries[i].code)) {
			take_entry(c, &c->entries[i], out);
			return true;
		}
	}
	if (c->otherwise == OTHERWISE_MEANING)
		take_entry(c, &c->otherwise_entry, out);
	else if (c->otherwise == OTHERWISE_PROBLEM && !absent && text.len > 0)
		return fail(problem, c->column, "one of the codes that the profile's map lists");
	return true;
}

static void convert_constant(const struct conversion *c, struct converted *out)
{
	enum converted_kind kind = result_of_want(c->want);
	if (kind == CONVERTED_INTEGER)
		*out = (struct converted){.kind = kind, .as.integer = c->integer};
	else if (kind == CONVERTED_BOOLEAN)
		*out = (struct converted){.kind = kind, .as.boolean = c->integer != 0};
	else
		*out = (struct converted){.kind = CONVERTED_TEXT, .as.text = c->separator};
}

struct span converted_text(const struct converted *value, char buffer[DECIMAL_TEXT_MAX])
{
	int len = 0;
	switch (value->kind) {
	case CONVERTED_TEXT:
		return value->as.text;
	case CONVERTED_DECIMAL:
		return (struct span){buffer, decimal_print(value->as.decimal, buffer)};
	case CONVERTED_INTEGER:
		len = snprintf(buffer, DECIMAL_TEXT_MAX, "%" PRId64, value->as.integer);
		CHECK(len > 0 && len < DECIMAL_TEXT_MAX);
		return (struct span){buffer, (size_t)len};
	case CONVERTED_DATE:
		date_print(value->as.date, buffer);
		return span_of(buffer);
	case CONVERTED_BOOLEAN:
		return value->as.boolean ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
	case CONVERTED_ABSENT:
		break;
	}
	return (struct span){NULL, 0};
}

/* Moves text to `end` of the scratch, which it may overlap. false: it does not fit. */
static bool put(struct convert_scratch *scratch, size_t end, struct span text)
{
	if (text.len > sizeof scratch->text - end)
		return false;
	if (text.len > 0)
		memmove(scratch->text + end, text.data, text.len);
	scratch->used = end + text.len;
	return true;
}

static bool put_encoded(struct convert_scratch *scratch, size_t end, struct span text)
{
	static const char digits[] = "0123456789ABCDEF";
	char encoded[3 * 256];
	size_t len = 0;
	if (text.len > sizeof encoded / 3)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		             (c != 0 && strchr("._~-", c) != NULL);
		if (plain) {
			encoded[len++] = (char)c;
			continue;
		}
		encoded[len++] = '%';
		encoded[len++] = digits[c >> 4];
		encoded[len++] = digits[c & 15];
	}
	return put(scratch, end, (struct span){encoded, len});
}

static bool convert_join(const struct conversion *c, const struct convert_row *row,
                         struct convert_scratch *scratch, struct converted *out,
                         struct convert_problem *problem)
{
	bool subject = c->kind == CONVERT_SUBJECT;
	size_t begin = scratch->used;
	size_t end = begin;
	for (int i = 0; i < c->part_count; i++) {
		struct converted part = {.kind = CONVERTED_ABSENT};
		char buffer[DECIMAL_TEXT_MAX];
		struct span separator = end == begin ? (struct span){NULL, 0} : c->separator;
		if (!put(scratch, end, separator))
			return fail(problem, -1, "joined text of at most 8192 bytes");
		size_t at = scratch->used;
		if (!convert(&c->parts[i], row, scratch, &part, problem))
			return false;
		struct span text = converted_text(&part, buffer);
		if (text.len == 0) {
			scratch->used = end;
			if (subject)
				return true;
			continue;
		}
		if (!(subject ? put_encoded(scratch, at, text) : put(scratch, at, text)))
			return fail(problem, c->parts[i].column, "a shorter text");
		end = scratch->used;
	}
	if (end > begin)
		*out = (struct converted){.kind = CONVERTED_TEXT,
		                          .as.text = {scratch->text + begin, end - begin}};
	return true;
}

static bool convert_add(const struct conversion *c, const struct convert_row *row,
                        struct convert_scratch *scratch, struct converted *out,
                        struct convert_problem *problem)
{
	for (int i = 0; i < c->part_count; i++) {
		struct converted part = {.kind = CONVERTED_ABSENT};
		if (!convert(&c->parts[i], row, scratch, &part, problem))
			return false;
		if (part.kind == CONVERTED_ABSENT)
			continue;
		if (out->kind == CONVERTED_ABSENT)
			*out = part;
		else if (decimal_add(&out->as.decimal, out->as.decimal, part.as.decimal) != ERR_OK)
			return fail(problem, c->parts[i].column, "a sum of at most 18 digits");
	}
	return true;
}

static bool convert_fy_century(const struct conversion *c, const struct convert_row *row,
                               struct convert_scratch *scratch, struct converted *out,
                               struct convert_problem *problem)
{
	struct converted part[2] = {{.kind = CONVERTED_ABSENT}, {.kind = CONVERTED_ABSENT}};
	for (int i = 0; i < 2; i++) {
		if (!convert(&c->parts[i], row, scratch, &part[i], problem))
			return false;
		if (part[i].kind == CONVERTED_ABSENT)
			return true;
		if (part[i].as.integer < 0 || part[i].as.integer > 99)
			return fail(problem, c->parts[i].column, "a century and a year of two digits each");
	}
	*out = (struct converted){.kind = CONVERTED_INTEGER};
	out->as.integer = part[0].as.integer * 100 + part[1].as.integer;
	return true;
}

static bool negate(const struct conversion *c, struct converted *out, struct convert_problem *problem)
{
	if (out->kind == CONVERTED_INTEGER)
		out->as.integer = -out->as.integer;
	else if (out->kind == CONVERTED_DECIMAL &&
	         decimal_negate(&out->as.decimal, out->as.decimal) != ERR_OK)
		return fail(problem, c->column, columns_kinds[CONVERT_DECIMAL].expected);
	return true;
}

static bool convert_first(const struct conversion *c, const struct convert_row *row,
                          struct convert_scratch *scratch, struct converted *out,
                          struct convert_problem *problem)
{
	for (int i = 0; i < c->part_count && out->kind == CONVERTED_ABSENT; i++) {
		if (!convert(&c->parts[i], row, scratch, out, problem))
			return false;
	}
	return true;
}

bool convert(const struct conversion *conversion, const struct convert_row *row,
             struct convert_scratch *scratch, struct converted *out, struct convert_problem *problem)
{
	bool good = true;
	out->kind = CONVERTED_ABSENT;
	if (conversion->only && !(conversion->only & (1u << row->type)))
		return true;
	if (conversion->when >= 0 && !convert_present(&row->values[row->columns[conversion->when]]))
		return true;
	switch (conversion->kind) {
	case CONVERT_MAP:
		return convert_map(conversion, row, out, problem);
	case CONVERT_CONSTANT:
		convert_constant(conversion, out);
		return true;
	case CONVERT_JOIN:
	case CONVERT_SUBJECT:
		return convert_join(conversion, row, scratch, out, problem);
	case CONVERT_ADD:
		good = convert_add(conversion, row, scratch, out, problem);
		break;
	case CONVERT_FIRST:
		good = convert_first(conversion, row, scratch, out, problem);
		break;
	case CONVERT_FY_CENTURY:
		return convert_fy_century(conversion, row, scratch, out, problem);
	case CONVERT_SUM:
	case CONVERT_SETTLEMENT:
		return true;
	default:
		good = convert_column(conversion, row, out, problem);
		break;
	}
	if (good && conversion->negate & (1u << row->type))
		return negate(conversion, out, problem);
	return good;
}

void convert_show(const struct source_value *value, struct buf *out)
{
	if (value->kind == SOURCE_VALUE_NULL) {
		buf_append_text(out, "NULL");
		return;
	}
	if (value->kind == SOURCE_VALUE_UNREADABLE)
		buf_append_text(out, "unreadable: ");
	if (value->kind == SOURCE_VALUE_BAD_UTF8)
		buf_append_text(out, "not text: ");
	if (value->kind == SOURCE_VALUE_TOO_LONG)
		buf_append_text(out, "too long: ");
	size_t len = value->text.len > CONVERT_RAW_MAX ? CONVERT_RAW_MAX : value->text.len;
	bool text = value->kind == SOURCE_VALUE_TEXT && is_text(value->text);
	/* Not in the middle of a character. */
	while (text && len > 0 && len < value->text.len &&
	       ((unsigned char)value->text.data[len] & 0xc0) == 0x80)
		len--;
	buf_append_char(out, '\'');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value->text.data[i];
		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !text))
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_char(out, (char)c);
	}
	buf_append_text(out, len < value->text.len ? "'..." : "'");
}
