/*
 * convert_test.c - every conversion against known values of ERPs, and against what must be refused.
 *
 * Why:   a value that is read wrongly is money or a date that is wrong; one that is guessed is worse.
 * Owns:  nothing.
 * Rules: expected values are the known pairs of the ERPs' own encodings, or calculated by hand beside the
 *        case.
 * Runs in: the tests.
 */
#include "connector/source/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS 6

struct row {
	struct source_value values[COLUMNS];
	int16_t columns[COLUMNS];
	struct convert_row row;
	struct convert_scratch scratch;
	struct converted out;
	struct convert_problem problem;
};

static void init(struct row *row)
{
	memset(row, 0, sizeof *row);
	for (int i = 0; i < COLUMNS; i++) {
		row->columns[i] = (int16_t)i;
		row->values[i].kind = SOURCE_VALUE_NULL;
	}
	row->row = (struct convert_row){row->values, row->columns, DOCUMENT_INVOICE};
}

static void set(struct row *row, int column, const char *text)
{
	row->values[column] = (struct source_value){SOURCE_VALUE_TEXT, span_of(text)};
}

static struct conversion plain(enum conversion_kind kind)
{
	return (struct conversion){.kind = kind, .column = 0, .when = -1, .decimals_column = -1};
}

static bool run(struct row *row, const struct conversion *conversion)
{
	row->scratch.used = 0;
	return convert(conversion, &row->row, &row->scratch, &row->out, &row->problem);
}

/* The conversion of one text, printed: "-" absent, "!" refused. */
static const char *shown(enum conversion_kind kind, int decimals, const char *text)
{
	static struct row row;
	static char buffer[256];
	char number[DECIMAL_TEXT_MAX];
	struct conversion conversion = plain(kind);
	conversion.decimals = (int8_t)decimals;
	init(&row);
	if (text)
		set(&row, 0, text);
	if (!run(&row, &conversion)) {
		assert_int_equal(row.problem.column, 0);
		assert_non_null(row.problem.expected);
		return "!";
	}
	if (row.out.kind == CONVERTED_ABSENT)
		return "-";
	assert_true(text_copy(buffer, sizeof buffer, converted_text(&row.out, number)));
	return buffer;
}

/* CYYDDD of JD Edwards: 99365 is the last day of 1999, 100001 the first of 2000, 124060 the leap day of 2024
 * and 124366 its last; 0 and blanks are no date; day 0, day 367 and 999999 (year 2899) are refused, as is
 * what is no number. */
static void test_dates(void **state)
{
	(void)state;
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "99365"), "1999-12-31");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "100001"), "2000-01-01");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "124060"), "2024-02-29");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "124366"), "2024-12-31");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, " 124366.00"), "2024-12-31");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "0"), "-");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, "   "), "-");
	assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, NULL), "-");
	static const char *const bad[] = {"999999",  "124000", "124367",  "123366",
	                                  "-124060", "12406O", "124060.5"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_string_equal(shown(CONVERT_DATE_CYYDDD, 0, bad[i]), "!");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "20240229"), "2024-02-29");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "00000000"), "-");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "        "), "-");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "20230229"), "!");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "2024"), "!");
	assert_string_equal(shown(CONVERT_DATE_YYYYMMDD, 0, "99999999"), "!");
	assert_string_equal(shown(CONVERT_DATE_ISO, 0, "2024-02-29"), "2024-02-29");
	assert_string_equal(shown(CONVERT_DATE_ISO, 0, "2024-02-29 13:00:00"), "2024-02-29");
	assert_string_equal(shown(CONVERT_DATE_ISO, 0, "29.02.2024"), "!");
	assert_string_equal(shown(CONVERT_DATE_ISO, 0, "2024-02-30"), "!");
}

/* 10010 with two implied decimals is 100.10 (Hubble's documentation of JD Edwards); the yen has none, the
 * dinar three. 2^63-1 = 9223372036854775807 fits, one more does not; NaN, points, exponents, forty digits and
 * separators are refused. */
static void test_amounts(void **state)
{
	(void)state;
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "10010"), "100.10");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "-5"), "-0.05");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 0, "123"), "123");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 3, " 1500 "), "1.500");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "9223372036854775807"),
	                    "92233720368547758.07");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "9223372036854775808"), "!");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "NaN"), "!");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "100.10"), "!");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "1e5"), "!");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, "1234567890123456789012345678901234567890"),
	                    "!");
	assert_string_equal(shown(CONVERT_IMPLIED_DECIMALS, 2, ""), "-");
	assert_string_equal(shown(CONVERT_DECIMAL, 0, "1.0850000"), "1.0850000");
	assert_string_equal(shown(CONVERT_DECIMAL, 0, "12,50"), "!");
	assert_string_equal(shown(CONVERT_DECIMAL, 0, "Infinity"), "!");
	/* 2^53 = 9007199254740992 is the first whole number that is too large. */
	assert_string_equal(shown(CONVERT_INTEGER, 0, "9007199254740991"), "9007199254740991");
	assert_string_equal(shown(CONVERT_INTEGER, 0, "-9007199254740991"), "-9007199254740991");
	assert_string_equal(shown(CONVERT_INTEGER, 0, "9007199254740992"), "!");
	assert_string_equal(shown(CONVERT_INTEGER, 0, "1001.000"), "1001");
	assert_string_equal(shown(CONVERT_INTEGER, 0, "1001.5"), "!");
	assert_string_equal(shown(CONVERT_INTEGER, 0, "-"), "!");
}

/* Decimals from a column: of a currency. NULL, blank, a letter and 9 are refused, with the name of that
 * column. */
static void test_decimals_from_column(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "x", "9", "-1", NULL};
	static struct row row;
	char number[DECIMAL_TEXT_MAX];
	struct conversion conversion = plain(CONVERT_IMPLIED_DECIMALS);
	conversion.decimals_column = 3;
	init(&row);
	set(&row, 0, "1500");
	set(&row, 3, "3");
	assert_true(run(&row, &conversion));
	assert_true(span_equal(converted_text(&row.out, number), SPAN_LITERAL("1.500")));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		init(&row);
		set(&row, 0, "1500");
		if (bad[i])
			set(&row, 3, bad[i]);
		assert_false(run(&row, &conversion));
		assert_int_equal(row.problem.column, 3);
	}
}

/* Padded texts of JD Edwards: business units stand right-justified, others are blank-padded; blanks alone are
 * absent, also where the text is kept as it is; what is not UTF-8 is refused. */
static void test_texts(void **state)
{
	(void)state;
	assert_string_equal(shown(CONVERT_TRIM, 0, "         110"), "110");
	assert_string_equal(shown(CONVERT_TRIM, 0, "M\xc3\xbcller   "), "M\xc3\xbcller");
	assert_string_equal(shown(CONVERT_RTRIM, 0, "  a b  "), "  a b");
	assert_string_equal(shown(CONVERT_TEXT, 0, " a "), " a ");
	assert_string_equal(shown(CONVERT_TEXT, 0, "   "), "-");
	assert_string_equal(shown(CONVERT_TRIM, 0, ""), "-");
	assert_string_equal(shown(CONVERT_TRIM, 0, "M\xfcller"), "!");
}

/* Present: NULL, blanks and zeros are not; everything else is, also what could not be read. */
static void test_present(void **state)
{
	(void)state;
	static const char *const yes[] = {"V", "1", "0x", "124060", "-1", "."};
	static const char *const no[] = {"", "  ", "0", "0.00", " 0 ", "000"};
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_string_equal(shown(CONVERT_PRESENT, 0, yes[i]), "true");
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_string_equal(shown(CONVERT_PRESENT, 0, no[i]), "false");
	assert_string_equal(shown(CONVERT_PRESENT, 0, NULL), "false");
	const struct source_value bad = {SOURCE_VALUE_TOO_LONG, SPAN_LITERAL("x")};
	assert_true(convert_present(&bad));
}

/* What the child could not deliver whole is a problem of its column in every conversion, never a shortened
 * value. */
static void test_bad_values(void **state)
{
	(void)state;
	static const enum source_value_kind kinds[] = {SOURCE_VALUE_BAD_UTF8, SOURCE_VALUE_TOO_LONG,
	                                               SOURCE_VALUE_UNREADABLE};
	static struct row row;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		for (int kind = 0; kind < CONVERT_COLUMN_KINDS; kind++) {
			if (kind == CONVERT_PRESENT)
				continue;
			struct conversion conversion = plain((enum conversion_kind)kind);
			init(&row);
			row.values[0] = (struct source_value){kinds[i], SPAN_LITERAL("123")};
			assert_false(run(&row, &conversion));
			assert_int_equal(row.problem.column, 0);
		}
	}
}

/* A map: known codes, blanks as a code, what is not listed refused, absent or given a meaning. */
static void test_map(void **state)
{
	(void)state;
	const struct conversion_entry entries[] = {{SPAN_LITERAL("P"), SPAN_LITERAL("paid"), false},
	                                           {SPAN_LITERAL(""), SPAN_LITERAL("open"), false}};
	static struct row row;
	struct conversion map = plain(CONVERT_MAP);
	map.entries = entries;
	map.entry_count = 2;
	init(&row);
	set(&row, 0, "P ");
	assert_true(run(&row, &map) && span_equal(row.out.as.text, SPAN_LITERAL("paid")));
	set(&row, 0, " ");
	assert_true(run(&row, &map) && span_equal(row.out.as.text, SPAN_LITERAL("open")));
	set(&row, 0, "X");
	assert_false(run(&row, &map));
	map.otherwise = OTHERWISE_ABSENT;
	assert_true(run(&row, &map) && row.out.kind == CONVERTED_ABSENT);
	map.otherwise = OTHERWISE_MEANING;
	map.want = VALUE_BOOLEAN;
	map.otherwise_entry.boolean = true;
	assert_true(run(&row, &map) && row.out.kind == CONVERTED_BOOLEAN && row.out.as.boolean);
}

/* Joined parts leave out what is absent with its separator; parts may be joined themselves: 1.0 + "AB", then
 * -, then 7. */
static void test_join(void **state)
{
	(void)state;
	static struct row row;
	struct conversion line = plain(CONVERT_IMPLIED_DECIMALS);
	line.decimals = 1;
	struct conversion extension = plain(CONVERT_TRIM);
	extension.column = 1;
	const struct conversion inner_parts[] = {line, extension};
	struct conversion inner = plain(CONVERT_JOIN);
	inner.parts = inner_parts;
	inner.part_count = 2;
	struct conversion last = plain(CONVERT_TRIM);
	last.column = 2;
	const struct conversion parts[] = {last, inner, last};
	struct conversion join = plain(CONVERT_JOIN);
	join.parts = parts;
	join.part_count = 3;
	join.separator = SPAN_LITERAL("-");
	init(&row);
	set(&row, 0, "10");
	set(&row, 1, "AB");
	set(&row, 2, "7");
	assert_true(run(&row, &join) && span_equal(row.out.as.text, SPAN_LITERAL("7-1.0AB-7")));
	set(&row, 2, " ");
	assert_true(run(&row, &join) && span_equal(row.out.as.text, SPAN_LITERAL("1.0AB")));
	set(&row, 0, "");
	set(&row, 1, "");
	assert_true(run(&row, &join) && row.out.kind == CONVERTED_ABSENT);
	/* 8192 bytes fit, one more does not. */
	static char large[CONVERT_TEXT_MAX + 2];
	memset(large, 'x', CONVERT_TEXT_MAX);
	set(&row, 0, "");
	set(&row, 1, large);
	assert_true(run(&row, &inner) && row.out.as.text.len == CONVERT_TEXT_MAX);
	large[CONVERT_TEXT_MAX] = 'x';
	set(&row, 1, large);
	assert_false(run(&row, &inner));
}

/* A subject's parts are percent-encoded as RFC 3986, section 2.1 has it: a blank is %20, a slash %2F. One
 * absent part makes no subject. The type may come from a constant. */
static void test_subject(void **state)
{
	(void)state;
	static struct row row;
	struct conversion entity = plain(CONVERT_TRIM);
	struct conversion type = plain(CONVERT_CONSTANT);
	type.separator = SPAN_LITERAL("invoice");
	struct conversion year = plain(CONVERT_INTEGER);
	year.column = 1;
	struct conversion number = plain(CONVERT_TRIM);
	number.column = 2;
	const struct conversion parts[] = {entity, type, year, number};
	struct conversion subject = plain(CONVERT_SUBJECT);
	subject.parts = parts;
	subject.part_count = 4;
	subject.separator = SPAN_LITERAL("/");
	init(&row);
	set(&row, 0, "00 01");
	set(&row, 1, "2024");
	set(&row, 2, "RI/1\xc3\xbc");
	assert_true(run(&row, &subject));
	assert_true(span_equal(row.out.as.text, SPAN_LITERAL("00%2001/invoice/2024/RI%2F1%C3%BC")));
	set(&row, 1, "");
	assert_true(run(&row, &subject) && row.out.kind == CONVERTED_ABSENT);
}

/* 20 and 24 make 2024 (GLCTRY and GLFY); three digits are refused; one missing makes it absent. */
static void test_fiscal_year(void **state)
{
	(void)state;
	static struct row row;
	struct conversion century = plain(CONVERT_INTEGER);
	struct conversion year = plain(CONVERT_INTEGER);
	year.column = 1;
	const struct conversion parts[] = {century, year};
	struct conversion fiscal = plain(CONVERT_FY_CENTURY);
	fiscal.parts = parts;
	fiscal.part_count = 2;
	init(&row);
	set(&row, 0, "20");
	set(&row, 1, "24");
	assert_true(run(&row, &fiscal) && row.out.as.integer == 2024);
	set(&row, 1, "0");
	assert_true(run(&row, &fiscal) && row.out.as.integer == 2000);
	set(&row, 1, "100");
	assert_false(run(&row, &fiscal));
	assert_int_equal(row.problem.column, 1);
	set(&row, 1, "");
	assert_true(run(&row, &fiscal) && row.out.kind == CONVERTED_ABSENT);
}

/* Sums pass over what is absent; the sign turns only for the types named; `only` and `when` make it absent.
 * */
static void test_add_and_negate(void **state)
{
	(void)state;
	static struct row row;
	char number[DECIMAL_TEXT_MAX];
	struct conversion first = plain(CONVERT_IMPLIED_DECIMALS);
	first.decimals = 2;
	struct conversion second = first;
	second.column = 1;
	const struct conversion parts[] = {first, second};
	struct conversion sum = plain(CONVERT_ADD);
	sum.parts = parts;
	sum.part_count = 2;
	sum.negate = 1u << DOCUMENT_CREDIT_MEMO;
	init(&row);
	set(&row, 0, "-1000");
	assert_true(run(&row, &sum) && span_equal(converted_text(&row.out, number), SPAN_LITERAL("-10.00")));
	set(&row, 1, "-1");
	row.row.type = DOCUMENT_CREDIT_MEMO;
	assert_true(run(&row, &sum) && span_equal(converted_text(&row.out, number), SPAN_LITERAL("10.01")));
	set(&row, 0, "9223372036854775807");
	set(&row, 1, "1");
	assert_false(run(&row, &sum));
	set(&row, 1, "");
	sum.only = 1u << DOCUMENT_INVOICE;
	assert_true(run(&row, &sum) && row.out.kind == CONVERTED_ABSENT);
	sum.only = 0;
	sum.when = 4;
	set(&row, 4, "0");
	assert_true(run(&row, &sum) && row.out.kind == CONVERTED_ABSENT);
}

/* A bad value is shown printable and cut at 100 bytes, at a character's end. */
static void test_show(void **state)
{
	(void)state;
	struct buf out;
	char text[200];
	buf_init(&out, 1024);
	const struct source_value control = {SOURCE_VALUE_TEXT, SPAN_LITERAL("a\nb\x7f")};
	convert_show(&control, &out);
	assert_string_equal(buf_cstr(&out), "'a\\x0ab\\x7f'");
	buf_clear(&out);
	const struct source_value bytes = {SOURCE_VALUE_BAD_UTF8, SPAN_LITERAL("M\xfc")};
	convert_show(&bytes, &out);
	assert_string_equal(buf_cstr(&out), "not text: 'M\\xfc'");
	/* 99 letters and an umlaut of two bytes: 101 bytes, of which 99 are shown. */
	memset(text, 'x', 99);
	text[99] = (char)0xc3;
	text[100] = (char)0xbc;
	const struct source_value longer = {SOURCE_VALUE_TEXT, {text, 101}};
	buf_clear(&out);
	convert_show(&longer, &out);
	assert_int_equal(out.len, 99 + 5);
	assert_memory_equal(out.data + 100, "'...", 4);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dates),   cmocka_unit_test(test_amounts),
	    cmocka_unit_test(test_texts),   cmocka_unit_test(test_decimals_from_column),
	    cmocka_unit_test(test_present), cmocka_unit_test(test_bad_values),
	    cmocka_unit_test(test_map),     cmocka_unit_test(test_join),
	    cmocka_unit_test(test_subject), cmocka_unit_test(test_fiscal_year),
	    cmocka_unit_test(test_show),    cmocka_unit_test(test_add_and_negate),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
