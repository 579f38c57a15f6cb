/*
 * rounding_sheet_test.c - what documents say about rounding, and when they say nothing.
 *
 * Why:   an observation that is not whole would accuse a policy that is innocent.
 * Owns:  the fixture's document.
 * Rules: the sample invoice is 60.00 and 40.00 net at 19 per cent, 11.40 + 7.60 = 19.00 tax; expected values follow
 *        from it by hand.
 * Runs in: the tests.
 */
#include "connector/compare/rounding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

static void assert_group(const struct rounding_sheet *sheet, int group, const char *code, int count,
                         int64_t tax)
{
	assert_true(group < sheet->group_count);
	assert_int_equal(sheet->groups[group].code.len, strlen(code));
	assert_memory_equal(sheet->groups[group].code.data, code, strlen(code));
	struct rounding_observation observation = rounding_sheet_at(sheet, group);
	assert_int_equal(observation.count, count);
	assert_int_equal(observation.tax, tax);
}

static void test_an_invoice(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	rounding_sheet_init(&sheet);
	rounding_sheet_read(&sheet, document);
	assert_true(sheet.whole);
	assert_int_equal(sheet.group_count, 1);
	struct rounding_observation observation = rounding_sheet_at(&sheet, 0);
	assert_int_equal(observation.count, 2);
	assert_int_equal(observation.tax, 1900);
	assert_int_equal(observation.lines[0].net, 6000);
	assert_int_equal(observation.lines[1].net, 4000);
	assert_int_equal(decimal_compare(observation.lines[0].rate, (struct decimal){19, 0}), 0);
	rounding_sheet_release(&sheet);
}

static void test_a_credit_memo_is_negative(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	rounding_sheet_init(&sheet);
	rounding_sheet_read(&sheet, document);
	assert_true(sheet.whole);
	struct rounding_observation observation = rounding_sheet_at(&sheet, 0);
	assert_int_equal(observation.tax, -1900);
	assert_int_equal(observation.lines[1].net, -4000);
	rounding_sheet_release(&sheet);
}

static void set_line(struct document *document, int index, const char *code, const char *rate,
                     const char *tax)
{
	struct value *line = sample_line_at(document, SECTION_LINES, index);
	line[INVOICE_LINE_TAX_CODE].present = line[INVOICE_LINE_TAX_RATE].present = false;
	line[INVOICE_LINE_TAX].present = false;
	if (code != NULL)
		sample_set_text(document, &line[INVOICE_LINE_TAX_CODE], code);
	if (rate != NULL)
		sample_set_decimal(&line[INVOICE_LINE_TAX_RATE], rate);
	if (tax != NULL)
		sample_set_decimal(&line[INVOICE_LINE_TAX], tax);
}

static void add_tax(struct document *document, const char *code, const char *rate, const char *base,
                    const char *tax)
{
	struct value *line = document_add_line(document, SECTION_TAX_LINES);
	sample_set_text(document, &line[INVOICE_TAX_LINE_CODE], code);
	if (rate != NULL)
		sample_set_decimal(&line[INVOICE_TAX_LINE_RATE], rate);
	sample_set_decimal(&line[INVOICE_TAX_LINE_BASE], base);
	sample_set_decimal(&line[INVOICE_TAX_LINE_TAX], tax);
}

/* Two codes; the rate of one stands in its tax line alone. */
static void test_two_codes(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, "V9", "19", "11.40");
	set_line(document, 1, "V7", NULL, NULL);
	add_tax(document, "V7", "7", "40.00", "2.80");
	add_tax(document, "V9", NULL, "60.00", "11.40");
	sample_set_amount(document, INVOICE_TAX, "14.20");
	rounding_sheet_init(&sheet);
	rounding_sheet_read(&sheet, document);
	assert_true(sheet.whole);
	assert_int_equal(sheet.group_count, 2);
	assert_group(&sheet, 0, "V9", 1, 1140);
	assert_group(&sheet, 1, "V7", 1, 280);
	/* The header's tax is another: what is left over is not explained by the groups. */
	sample_set_amount(document, INVOICE_TAX, "14.21");
	rounding_sheet_read(&sheet, document);
	assert_false(sheet.whole);
	assert_int_equal(sheet.group_count, 2);
	rounding_sheet_release(&sheet);
}

static void test_without_tax_lines(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, "V9", "19", NULL);
	set_line(document, 1, "V9", "19.00", NULL);
	rounding_sheet_init(&sheet);
	rounding_sheet_read(&sheet, document); /* one group: the header's tax is its tax */
	assert_true(sheet.whole);
	assert_group(&sheet, 0, "V9", 2, 1900);
	set_line(document, 1, "V7", "7", NULL);
	rounding_sheet_read(&sheet, document); /* two: whose tax is how much nobody knows */
	assert_int_equal(sheet.group_count, 0);
	assert_false(sheet.whole);
	set_line(document, 0, "V9", "19", "11.40");
	set_line(document, 1, "V7", "7", "2.80");
	sample_set_amount(document, INVOICE_TAX, "14.20");
	rounding_sheet_read(&sheet, document); /* unless the lines tell */
	assert_true(sheet.whole);
	assert_group(&sheet, 0, "V9", 1, 1140);
	assert_group(&sheet, 1, "V7", 1, 280);
	rounding_sheet_release(&sheet);
}

static void test_what_says_nothing(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	rounding_sheet_init(&sheet);
	sample_make_journal(document);
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, 0);

	/* A base that is not the sum of the lines: a discount of the whole document. */
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, "V9", "19", NULL);
	set_line(document, 1, "V9", "19", NULL);
	add_tax(document, "V9", "19", "90.00", "17.10");
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, 0);
	assert_int_equal(sheet.line_count, 0);
	assert_false(sheet.whole);

	/* Two jurisdictions under one code and rate. */
	document->sections[SECTION_TAX_LINES].count = 0;
	add_tax(document, "V9", "19", "100.00", "10.00");
	add_tax(document, "V9", "19", "100.00", "9.00");
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, 0);
	assert_false(sheet.whole);

	/* No rate anywhere. */
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, "V9", NULL, NULL);
	set_line(document, 1, "V9", NULL, NULL);
	add_tax(document, "V9", NULL, "100.00", "19.00");
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, 0);
	assert_false(sheet.whole);

	/* No tax at all is whole, and says nothing. */
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, NULL, NULL, NULL);
	set_line(document, 1, NULL, NULL, "0.00");
	sample_set_amount(document, INVOICE_TAX, "0.00");
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, 0);
	assert_true(sheet.whole);
	rounding_sheet_release(&sheet);
}

static void test_codes_are_bounded(void **state)
{
	struct document *document = *state;
	struct rounding_sheet sheet;
	char code[4] = "C00";
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_TAX_LINES].count = 0;
	set_line(document, 0, NULL, NULL, NULL);
	set_line(document, 1, NULL, NULL, NULL);
	for (int i = 0; i <= ROUNDING_SHEET_CODES; i++) {
		struct value *line = document_add_line(document, SECTION_LINES);
		code[1] = (char)('0' + i / 10);
		code[2] = (char)('0' + i % 10);
		sample_set_text(document, &line[INVOICE_LINE_TAX_CODE], code);
		sample_set_decimal(&line[INVOICE_LINE_TAX_RATE], "10");
		sample_set_decimal(&line[INVOICE_LINE_NET], "1.00");
		add_tax(document, code, "10", "1.00", "0.10");
	}
	rounding_sheet_init(&sheet);
	rounding_sheet_read(&sheet, document);
	assert_int_equal(sheet.group_count, ROUNDING_SHEET_CODES);
	assert_false(sheet.whole);
	struct rounding_fits *fits = rounding_fits_new();
	struct rounding_result result;
	rounding_observe_sheet(fits, SPAN_LITERAL("00001"), SIDE_LEGACY, &sheet);
	assert_true(rounding_judge(fits, SPAN_LITERAL("00001"), SIDE_LEGACY, 0, &result));
	assert_int_equal(result.observations, ROUNDING_SHEET_CODES);
	rounding_fits_free(fits);
	rounding_sheet_release(&sheet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_an_invoice, sample_set_up, sample_tear_down),
	    cmocka_unit_test_setup_teardown(test_a_credit_memo_is_negative, sample_set_up, sample_tear_down),
	    cmocka_unit_test_setup_teardown(test_two_codes, sample_set_up, sample_tear_down),
	    cmocka_unit_test_setup_teardown(test_without_tax_lines, sample_set_up, sample_tear_down),
	    cmocka_unit_test_setup_teardown(test_what_says_nothing, sample_set_up, sample_tear_down),
	    cmocka_unit_test_setup_teardown(test_codes_are_bounded, sample_set_up, sample_tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
