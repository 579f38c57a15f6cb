/*
 * join_test.c - several documents as one: what is added up, what is appended, what stays, and what is refused.
 *
 * Why:   a collective invoice is proven by this sum alone.
 * Owns:  the two documents of each test.
 * Rules: sums are worked out by hand; of every type each field is tried, by the tables of document.h.
 * Runs in: the tests.
 * Tests: connector/posting/join.c
 */
#include "connector/posting/join.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

struct two {
	struct document to, other;
	struct err_info info;
};

static int set_up(void **state)
{
	struct two *two = calloc(1, sizeof *two);
	assert_non_null(two);
	document_init(&two->to);
	document_init(&two->other);
	*state = two;
	return 0;
}

static int tear_down(void **state)
{
	struct two *two = *state;
	document_release(&two->to);
	document_release(&two->other);
	free(two);
	return 0;
}

static void join(struct two *two)
{
	if (document_join(&two->to, &two->other, &two->info) != ERR_OK)
		fail_msg("%s", two->info.text);
}

static void expect_refusal(struct two *two, enum err err, const char *part)
{
	two->info.text[0] = 0;
	assert_int_equal(document_join(&two->to, &two->other, &two->info), err);
	if (!strstr(two->info.text, part))
		fail_msg("\"%s\" is not in: %s", part, two->info.text);
}

static void assert_decimal(const struct value *value, const char *text)
{
	char own[DECIMAL_TEXT_MAX];
	assert_true(value->present);
	(void)decimal_print(value->as.decimal, own);
	assert_string_equal(own, text);
}

static void assert_text(const struct document *document, const struct value *value, const char *text)
{
	const struct span own = document_text(document, value);
	if (!span_equal(own, span_of(text)))
		fail_msg("\"%.*s\", not \"%s\"", (int)own.len, own.data, text);
}

/* ---- every field of every type ---- */

/* A value that is no other field's, and not that of another `which`. */
static void set_value(struct document *document, struct value *value, enum value_kind kind, int field,
                      int which)
{
	char text[32];
	(void)snprintf(text, sizeof text, "text %d %d", field, which);
	value->present = true;
	switch (kind) {
	case VALUE_TEXT:
		sample_set_text(document, value, text);
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		value->as.decimal = (struct decimal){1000 * field + which, 2};
		break;
	case VALUE_INTEGER:
		value->as.integer = 1000 * field + which;
		break;
	case VALUE_DATE:
		value->as.date = 1000 * field + which;
		break;
	case VALUE_BOOLEAN:
		value->as.boolean = which == 1;
		break;
	}
}

static void assert_value(const struct document *document, const struct value *value, enum value_kind kind,
                         int field, int which)
{
	char text[32];
	(void)snprintf(text, sizeof text, "text %d %d", field, which);
	assert_true(value->present);
	if (kind == VALUE_TEXT)
		assert_text(document, value, text);
	else if (kind == VALUE_AMOUNT || kind == VALUE_DECIMAL)
		assert_int_equal(value->as.decimal.units, 1000 * field + which);
	else if (kind == VALUE_INTEGER)
		assert_int_equal(value->as.integer, 1000 * field + which);
	else if (kind == VALUE_DATE)
		assert_int_equal(value->as.date, 1000 * field + which);
	else
		assert_int_equal(value->as.boolean, which == 1);
}

/* Two lines in every list; of odd fields the second line has none. */
static void fill(struct document *document, enum document_type type, int which)
{
	const struct document_spec *spec = document_spec(type);
	document_begin(document, type);
	for (int f = 0; f < spec->header_count; f++)
		set_value(document, &document->header[f], spec->header[f].kind, f, which);
	sample_set_header(document, HEADER_CURRENCY, "EUR");
	for (int s = 0; s < SECTION_COUNT; s++) {
		const struct section_spec *section = &spec->sections[s];
		for (int i = 0; section->key && i < 2; i++) {
			struct value *line = document_add_line(document, (enum document_section)s);
			for (int f = i; f < section->field_count; f += 1 + i)
				set_value(document, &line[f], section->fields[f].kind, 100 * i + f, which);
		}
	}
}

static bool is_summed(const struct document_spec *spec, int f)
{
	return spec->header[f].kind == VALUE_AMOUNT || strcmp(spec->header[f].key, "quantity") == 0 ||
	       strcmp(spec->header[f].key, "record_count") == 0;
}

static void check_header(const struct document *sum, const struct document_spec *spec)
{
	for (int f = 0; f < spec->header_count; f++) {
		const struct value *value = &sum->header[f];
		if (f == HEADER_CURRENCY)
			assert_text(sum, value, "EUR");
		else if (!is_summed(spec, f))
			assert_value(sum, value, spec->header[f].kind, f, 1);
		else if (spec->header[f].kind == VALUE_INTEGER)
			assert_int_equal(value->as.integer, 2000 * f + 3);
		else
			assert_int_equal(value->as.decimal.units, 2000 * f + 3);
	}
}

static void check_lines(const struct document *sum, const struct document_spec *spec)
{
	for (int s = 0; s < SECTION_COUNT; s++) {
		const struct section_spec *section = &spec->sections[s];
		assert_int_equal(sum->sections[s].count, section->key ? 4 : 0);
		for (int i = 0; i < sum->sections[s].count; i++) {
			const struct value *line = document_line(sum, (enum document_section)s, i);
			for (int f = 0; f < section->field_count; f++) {
				if (i % 2 && f % 2 == 0)
					assert_false(line[f].present);
				else
					assert_value(sum, &line[f], section->fields[f].kind,
					             100 * (i % 2) + f, 1 + i / 2);
			}
		}
	}
}

static void every_field_of_every_type(void **state)
{
	struct two *two = *state;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		fill(&two->to, (enum document_type)type, 1);
		fill(&two->other, (enum document_type)type, 2);
		join(two);
		/* Nothing of the other is borrowed. */
		document_begin(&two->other, DOCUMENT_JOURNAL);
		sample_set_header(&two->other, HEADER_NUMBER, "something else that is written over it");
		check_header(&two->to, spec);
		check_lines(&two->to, spec);
	}
}

/* ---- sums ---- */

static void amounts_are_added_exactly(void **state)
{
	static const struct {
		const char *one, *other, *sum; /* NULL: absent */
	} cases[] = {
	    {"100.00", "19.99", "119.99"},
	    {"100.00", "-100.00", "0.00"},
	    {"0.1", "0.02", "0.12"},
	    {"1", "0.000000000001", "1.000000000001"},
	    {"92233720368547758.06", "0.01", "92233720368547758.07"},
	    {"-92233720368547758.07", "-0.01", "-92233720368547758.08"},
	    {"5.00", NULL, "5.00"},
	    {NULL, "7.00", "7.00"},
	};
	struct two *two = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sample_begin(&two->to, DOCUMENT_INVOICE, "EUR");
		sample_begin(&two->other, DOCUMENT_INVOICE, "EUR");
		if (cases[i].one)
			sample_set_amount(&two->to, INVOICE_GROSS, cases[i].one);
		if (cases[i].other)
			sample_set_amount(&two->other, INVOICE_GROSS, cases[i].other);
		join(two);
		assert_decimal(&two->to.header[INVOICE_GROSS], cases[i].sum);
		assert_false(two->to.header[INVOICE_NET].present);
	}
}

/* 119.00 three times; an invoice is not joined once only. */
static void three_are_one(void **state)
{
	struct two *two = *state;
	sample_make_invoice(&two->to, DOCUMENT_INVOICE);
	sample_make_invoice(&two->other, DOCUMENT_INVOICE);
	sample_set_header(&two->other, HEADER_NUMBER, "4712");
	join(two);
	sample_set_header(&two->other, INVOICE_CUSTOMER, "5000");
	join(two);
	assert_decimal(&two->to.header[INVOICE_GROSS], "357.00");
	assert_decimal(&two->to.header[INVOICE_TAX], "57.00");
	assert_text(&two->to, &two->to.header[HEADER_NUMBER], "4711");
	assert_text(&two->to, &two->to.header[INVOICE_CUSTOMER], "4242");
	assert_int_equal(two->to.sections[SECTION_LINES].count, 6);
	assert_int_equal(two->to.sections[SECTION_TAX_LINES].count, 3);
	assert_decimal(&document_line(&two->to, SECTION_LINES, 5)[INVOICE_LINE_NET], "40.00");
	assert_text(&two->to, &document_line(&two->to, SECTION_LINES, 5)[INVOICE_LINE_LINE], "2");
}

static void usage_is_added_up(void **state)
{
	struct two *two = *state;
	sample_make_usage(&two->to);
	sample_make_usage(&two->other);
	sample_set_decimal(&two->other.header[USAGE_QUANTITY], "0.005");
	two->other.header[USAGE_RECORD_COUNT].as.integer = 2;
	join(two);
	assert_decimal(&two->to.header[USAGE_QUANTITY], "120.505");
	assert_int_equal(two->to.header[USAGE_RECORD_COUNT].as.integer, 312);
	two->to.header[USAGE_RECORD_COUNT].present = false;
	join(two);
	assert_int_equal(two->to.header[USAGE_RECORD_COUNT].as.integer, 2);
	two->other.header[USAGE_RECORD_COUNT].present = false;
	join(two);
	assert_int_equal(two->to.header[USAGE_RECORD_COUNT].as.integer, 2);
	assert_decimal(&two->to.header[USAGE_QUANTITY], "120.515");
}

/* ---- what is refused ---- */

static void of_another_type_or_currency(void **state)
{
	struct two *two = *state;
	sample_make_invoice(&two->to, DOCUMENT_INVOICE);
	sample_make_invoice(&two->other, DOCUMENT_CREDIT_MEMO);
	expect_refusal(two, ERR_BAD_INPUT, "kinds or currencies");
	sample_make_invoice(&two->other, DOCUMENT_INVOICE);
	sample_set_header(&two->other, HEADER_CURRENCY, "eur");
	expect_refusal(two, ERR_BAD_INPUT, "kinds or currencies");
	two->other.header[HEADER_CURRENCY].present = false;
	expect_refusal(two, ERR_BAD_INPUT, "kinds or currencies");
	assert_decimal(&two->to.header[INVOICE_GROSS], "119.00");
	assert_int_equal(two->to.sections[SECTION_LINES].count, 2);
	/* Neither has one: the same. */
	two->to.header[HEADER_CURRENCY].present = false;
	join(two);
	assert_decimal(&two->to.header[INVOICE_GROSS], "238.00");
}

static void sums_over_64_bits(void **state)
{
	struct two *two = *state;
	sample_begin(&two->to, DOCUMENT_INVOICE, "EUR");
	sample_begin(&two->other, DOCUMENT_INVOICE, "EUR");
	sample_set_amount(&two->to, INVOICE_TAX, "92233720368547758.07");
	sample_set_amount(&two->other, INVOICE_TAX, "0.01");
	expect_refusal(two, ERR_OVERFLOW, "over a limit");
	sample_set_amount(&two->to, INVOICE_TAX, "92233720368547758.07");
	sample_set_amount(&two->other, INVOICE_TAX, "0.001");
	expect_refusal(two, ERR_OVERFLOW, "over a limit");
	sample_make_usage(&two->to);
	sample_make_usage(&two->other);
	two->to.header[USAGE_RECORD_COUNT].as.integer = INT64_MAX;
	two->other.header[USAGE_RECORD_COUNT].as.integer = 0;
	join(two);
	two->other.header[USAGE_RECORD_COUNT].as.integer = 1;
	expect_refusal(two, ERR_OVERFLOW, "over a limit");
}

static void add_lines(struct document *document, int count)
{
	while (count-- > 0)
		sample_set_decimal(&document_add_line(document, SECTION_LINES)[INVOICE_LINE_NET], "1.00");
}

static void lines_up_to_the_limit(void **state)
{
	struct two *two = *state;
	sample_begin(&two->to, DOCUMENT_INVOICE, "EUR");
	sample_begin(&two->other, DOCUMENT_INVOICE, "EUR");
	add_lines(&two->to, DOCUMENT_LINES_MAX - 3);
	add_lines(&two->other, 3);
	join(two);
	assert_int_equal(two->to.sections[SECTION_LINES].count, DOCUMENT_LINES_MAX);
	document_begin(&two->other, DOCUMENT_INVOICE);
	sample_begin(&two->other, DOCUMENT_INVOICE, "EUR");
	join(two);
	add_lines(&two->other, 1);
	expect_refusal(two, ERR_TOO_LARGE, "over a limit");
}

/* The arena to its last byte, and one more. */
static void texts_up_to_the_limit(void **state)
{
	struct two *two = *state;
	for (size_t over = 0; over < 2; over++) {
		sample_begin(&two->to, DOCUMENT_INVOICE, "EUR");
		sample_begin(&two->other, DOCUMENT_INVOICE, "EUR");
		const size_t left = DOCUMENT_TEXT_BYTES_MAX - two->to.text.len;
		char *text = malloc(left);
		assert_non_null(text);
		memset(text, 'x', left);
		struct value *line = document_add_line(&two->other, SECTION_LINES);
		sample_set_text(&two->other, &line[INVOICE_LINE_ITEM], "abcde");
		line = document_add_line(&two->to, SECTION_LINES);
		assert_int_equal(document_set_text(&two->to, &line[INVOICE_LINE_TEXT],
		                                   (struct span){text, left - 5 + over}),
		                 ERR_OK);
		free(text);
		if (over == 0) {
			join(two);
			assert_text(&two->to, &document_line(&two->to, SECTION_LINES, 1)[INVOICE_LINE_ITEM],
			            "abcde");
		} else {
			expect_refusal(two, ERR_TOO_LARGE, "over a limit");
		}
	}
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(every_field_of_every_type), WITH(amounts_are_added_exactly),   WITH(three_are_one),
	    WITH(usage_is_added_up),         WITH(of_another_type_or_currency), WITH(sums_over_64_bits),
	    WITH(lines_up_to_the_limit),     WITH(texts_up_to_the_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
