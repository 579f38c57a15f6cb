/*
 * cause_document_test.c - causes from whole documents: through the real view, pair and sheet.
 *
 * Why:   the other tests make views by hand; what view.c really makes of a document must mean the same to the rules.
 * Owns:  two documents, their views and sheets, for one test.
 * Rules: the sample invoice is 60.00 and 40.00 net at 19 per cent, 11.40 + 7.60 = 19.00 tax.
 * Runs in: the tests.
 */
#include "connector/compare/cause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

struct ledgers {
	struct document document[SIDE_COUNT];
	struct view view[SIDE_COUNT];
	struct rounding_sheet sheet[SIDE_COUNT];
	struct rules *rules;
	struct pair pair;
};

static int set_up(void **state)
{
	struct ledgers *ledgers = calloc(1, sizeof *ledgers);
	struct rules_problems problems = {0};
	assert_non_null(ledgers);
	for (int side = 0; side < SIDE_COUNT; side++) {
		document_init(&ledgers->document[side]);
		view_init(&ledgers->view[side]);
		rounding_sheet_init(&ledgers->sheet[side]);
		sample_make_invoice(&ledgers->document[side], DOCUMENT_INVOICE);
	}
	ledgers->rules = rules_new();
	assert_true(rules_finish(ledgers->rules, &problems));
	*state = ledgers;
	return 0;
}

static int tear_down(void **state)
{
	struct ledgers *ledgers = *state;
	for (int side = 0; side < SIDE_COUNT; side++) {
		document_release(&ledgers->document[side]);
		view_release(&ledgers->view[side]);
		rounding_sheet_release(&ledgers->sheet[side]);
	}
	rules_free(ledgers->rules);
	free(ledgers);
	return 0;
}

static struct cause_name name_documents(struct ledgers *ledgers)
{
	const struct cause_options options = {NULL, CAUSE_ALLOWANCE_PPM, CAUSE_NEAR_CUT_DAYS};
	struct cause_book *book = cause_book_new(&options);
	struct cause_name name;
	struct err_info info;
	for (int side = 0; side < SIDE_COUNT; side++) {
		if (view_make(&ledgers->view[side], (enum ledger_side)side, &ledgers->document[side],
		              ledgers->rules, &info) != ERR_OK)
			fail_msg("%s", info.text);
		rounding_sheet_read(&ledgers->sheet[side], &ledgers->document[side]);
	}
	pair_compare(&ledgers->view[SIDE_LEGACY], &ledgers->view[SIDE_CLOUD], ledgers->rules, &ledgers->pair);
	assert_int_equal(ledgers->pair.class_, PAIR_DIFFERENT);
	const struct cause_evidence evidence = {.legacy = &ledgers->view[SIDE_LEGACY],
	                                        .cloud = &ledgers->view[SIDE_CLOUD],
	                                        .pair = &ledgers->pair,
	                                        .legacy_tax = &ledgers->sheet[SIDE_LEGACY],
	                                        .cloud_tax = &ledgers->sheet[SIDE_CLOUD],
	                                        .legacy_arrived = CAUSE_NO_DATE,
	                                        .cloud_arrived = CAUSE_NO_DATE,
	                                        .period_end = CAUSE_NO_DATE,
	                                        .cut = CAUSE_NO_DATE};
	cause_learn(book, &evidence);
	cause_settle(book);
	cause_name(book, &evidence, &name);
	cause_book_free(book);
	return name;
}

static void set_code(struct document *document, const char *code)
{
	for (int i = 0; i < document->sections[SECTION_LINES].count; i++)
		sample_set_text(document, &sample_line_at(document, SECTION_LINES, i)[INVOICE_LINE_TAX_CODE],
		                code);
	for (int i = 0; i < document->sections[SECTION_TAX_LINES].count; i++)
		sample_set_text(document,
		                &sample_line_at(document, SECTION_TAX_LINES, i)[INVOICE_TAX_LINE_CODE], code);
}

static void test_a_tax_code(void **state)
{
	struct ledgers *ledgers = *state;
	set_code(&ledgers->document[SIDE_LEGACY], "V9");
	set_code(&ledgers->document[SIDE_CLOUD], "V8");
	struct cause_name name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_MAPPING);
	assert_string_equal(name.detail, "tax_code V9 > V8");
}

/* 19.01 for 19.00, which is exact: no rounding, one wrong cent. */
static void test_a_cent(void **state)
{
	struct ledgers *ledgers = *state;
	struct document *cloud = &ledgers->document[SIDE_CLOUD];
	sample_set_amount(cloud, INVOICE_TAX, "19.01");
	sample_set_amount(cloud, INVOICE_GROSS, "119.01");
	struct cause_name name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_AMOUNT);
	assert_non_null(strstr(name.text, "119.01 in the cloud for 119.00"));
}

static void test_a_posting_date(void **state)
{
	struct ledgers *ledgers = *state;
	sample_set_date(&ledgers->document[SIDE_LEGACY].header[HEADER_POSTING_DATE], "2026-09-30");
	sample_set_date(&ledgers->document[SIDE_CLOUD].header[HEADER_POSTING_DATE], "2026-10-01");
	struct cause_name name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_LATE_POSTING);
	sample_set_date(&ledgers->document[SIDE_CLOUD].header[HEADER_POSTING_DATE], "2026-09-29");
	name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_TIMING); /* earlier is not late */
}

static void test_a_customer(void **state)
{
	struct ledgers *ledgers = *state;
	for (int side = 0; side < SIDE_COUNT; side++)
		sample_make_customer(&ledgers->document[side]);
	sample_set_header(&ledgers->document[SIDE_CLOUD], CUSTOMER_LEGAL_NAME, "Another name");
	struct cause_name name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_MASTER_DATA);
	assert_string_equal(name.detail, "legal_name");
}

/* Every journal line with the other sign. */
static void test_a_sign(void **state)
{
	struct ledgers *ledgers = *state;
	for (int side = 0; side < SIDE_COUNT; side++) {
		struct document *document = &ledgers->document[side];
		sample_make_journal(document);
		sample_set_text(document, &sample_line_at(document, SECTION_LINES, 0)[JOURNAL_LINE_ACCOUNT],
		                "1200");
		sample_set_text(document, &sample_line_at(document, SECTION_LINES, 1)[JOURNAL_LINE_ACCOUNT],
		                "4000");
	}
	struct document *cloud = &ledgers->document[SIDE_CLOUD];
	for (int i = 0; i < cloud->sections[SECTION_LINES].count; i++) {
		struct value *line = sample_line_at(cloud, SECTION_LINES, i);
		line[JOURNAL_LINE_AMOUNT].as.decimal.units *= -1;
		line[JOURNAL_LINE_AMOUNT_LOCAL].as.decimal.units *= -1;
	}
	struct cause_name name = name_documents(ledgers);
	assert_int_equal(name.cause, CAUSE_DATA_QUALITY);
	assert_string_equal(name.detail, "sign");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_tax_code, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_cent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_posting_date, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_customer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_sign, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
