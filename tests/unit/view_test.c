/*
 * view_test.c - what a view makes of a document: keys, sums, codes, attributes.
 *
 * Why:   two documents that differ must not become the same view.
 * Owns:  nothing beyond its fixture.
 * Rules: 1. Expected sums were added by hand, in minor units.
 *        2. The bytes that are hashed, limits and memory: view_form_test.c. Random documents, and what makes two views
 *           equal: pair_random_test.c.
 * Runs in: the tests.
 */
#include "tests/unit/view_fixture.h"

/* ---- journals ---- */

/* Lines in another order, of one key, of zero; a text compares by bytes: "10" stands before "9". */
static void test_journal(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)add_line(document, "9", "-30.00");
	sample_set_text(document, &add_line(document, "10", "10.00")[JOURNAL_LINE_COST_CENTRE], "B");
	sample_set_text(document, &add_line(document, "10", "15.00")[JOURNAL_LINE_COST_CENTRE], "A");
	(void)add_line(document, "10", "0.00");
	sample_set_text(document, &add_line(document, "10", "5.00")[JOURNAL_LINE_COST_CENTRE], "B");
	sample_set_text(document, &add_line(document, "10", "-1.00")[JOURNAL_LINE_COST_CENTRE], "B");
	sample_set_text(document, &add_line(document, "10", "1.00")[JOURNAL_LINE_TAX_CODE], "V");
	make(fixture, SIDE_LEGACY);
	assert_lines(&fixture->view, "posting 10//V@ 100 0\n"
	                             "posting 10/A/@ 1500 0\n"
	                             "posting 10/B/@ 1500 -100\n"
	                             "posting 9//@ 0 -3000\n");
	assert_int_equal(fixture->view.lines[2].count, 3);
	assert_int_equal(fixture->view.total, 3100);
	assert_int_equal(fixture->view.digits, 2);
	assert_int_equal(fixture->view.period, 202402);
	assert_true(fixture->view.has_posting);
	assert_string_equal(fixture->view.subject, "00001/journal/2024/4711");
	assert_string_equal(fixture->view.identity, "00001/journal/2024/4711");
	assert_span(fixture->view.attributes[VIEW_PERIOD], "2024-02");
	assert_span(fixture->view.attributes[VIEW_POSTING_DATE], "2024-02-29");
	assert_span(fixture->view.attributes[VIEW_CURRENCY], "EUR");
	assert_span(fixture->view.currency, "EUR");
	assert_span(fixture->view.entity, "00001");
	assert_span(fixture->view.party, "");
	assert_false(fixture->view.has_local);
}

/* A line of another company is a key of its own; of the document's own it is none, told or not. */
static void test_line_entity(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)add_line(document, "1", "1.00");
	sample_set_text(document, &add_line(document, "1", "2.00")[JOURNAL_LINE_ENTITY], "00001");
	sample_set_text(document, &add_line(document, "1", "4.00")[JOURNAL_LINE_ENTITY], "00002");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1//@ 300 0\nposting 1//@00002 400 0\n");
	/* Both companies become one. */
	set_rules(fixture, "entity",
	          "entity,from,to,valid_from,valid_to,note\n*,00001,10,,,\n*,00002,10,,,\n");
	finish_rules(fixture);
	make(fixture, SIDE_LEGACY);
	assert_lines(&fixture->view, "posting 1//@ 700 0\n");
	assert_span(fixture->view.entity, "10");
	assert_span(fixture->view.raw_entity, "00001");
}

/* Minor units of the currency: 2, 0, 3 and 4 digits; fewer digits are as many zeros. */
static void test_digits(void **state)
{
	static const struct {
		const char *currency, *amount;
		int digits;
		int64_t units;
	} cases[] = {{"EUR", "12.50", 2, 1250},   {"EUR", "12.5", 2, 1250},   {"EUR", "12.5000", 2, 1250},
	             {"EUR", "12", 2, 1200},      {"JPY", "12", 0, 12},       {"JPY", "12.00", 0, 12},
	             {"KWD", "12.345", 3, 12345}, {"CLF", "1.2345", 4, 12345}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sample_begin(&fixture->document, DOCUMENT_JOURNAL, cases[i].currency);
		(void)add_line(&fixture->document, "1", cases[i].amount);
		make(fixture, SIDE_CLOUD);
		assert_int_equal(fixture->view.digits, cases[i].digits);
		assert_int_equal(fixture->view.lines[0].debit, cases[i].units);
	}
}

/* What cannot be counted is refused, with its place; nothing is taken for zero. */
static void test_bad_amounts(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)add_line(document, "1", "1.00");
	struct value *line = add_line(document, "2", "1.005");
	assert_refused(
	    fixture, ERR_BAD_INPUT,
	    "00001/journal/2024/4711 cannot be compared: amount of line 2 has more digits than its currency");
	line[JOURNAL_LINE_AMOUNT].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "amount of line 2 is absent");
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], "1.00");
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT_LOCAL], "1.00");
	assert_refused(fixture, ERR_BAD_INPUT, "amount_local of line 2 is in no local currency");
	line[JOURNAL_LINE_AMOUNT_LOCAL].present = false;
	sample_set_header(document, HEADER_CURRENCY, "XXX");
	assert_refused(fixture, ERR_BAD_INPUT, "amount of line 1 is in no currency of ISO 4217");
	document->header[HEADER_CURRENCY].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "is in no currency");
	sample_set_header(document, HEADER_CURRENCY, "JPY");
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], "0.5");
	assert_refused(fixture, ERR_BAD_INPUT, "more digits");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_GROSS, "119.001");
	assert_refused(fixture, ERR_BAD_INPUT, "gross of the header has more digits");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_BASE].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "base of line 1 is absent");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_NET].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "net of line 2 is absent");
	sample_make_payment(document);
	sample_line_at(document, SECTION_APPLICATIONS, 0)[PAYMENT_APPLICATION_AMOUNT].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "amount of line 1 is absent");
}

static void test_bad_header(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	char origin[STORE_SUBJECT_MAX + 8];
	sample_make_journal(document);
	document->header[HEADER_NUMBER].present = false;
	assert_refused(fixture, ERR_BAD_INPUT, "has no number");
	sample_make_journal(document);
	sample_set_integer(document, HEADER_PERIOD, 0);
	assert_refused(fixture, ERR_BAD_INPUT, "period of the header is outside 1 to 99");
	sample_set_integer(document, HEADER_PERIOD, 100);
	assert_refused(fixture, ERR_BAD_INPUT, "outside 1 to 99");
	sample_set_integer(document, HEADER_PERIOD, INT64_MIN);
	assert_refused(fixture, ERR_BAD_INPUT, "outside 1 to 99");
	sample_set_integer(document, HEADER_PERIOD, 99);
	memset(origin, 'x', sizeof origin);
	origin[STORE_SUBJECT_MAX] = 0;
	sample_set_header(document, HEADER_ORIGIN, origin);
	assert_refused(fixture, ERR_BAD_INPUT, "longer than a subject");
	origin[STORE_SUBJECT_MAX - 1] = 0;
	sample_set_header(document, HEADER_ORIGIN, origin);
	make(fixture, SIDE_CLOUD);
	assert_string_equal(fixture->view.identity, origin);
}

/* ---- local currency ---- */

static void local_journal(struct fixture *fixture, const char *currency, const char *local_currency)
{
	sample_begin(&fixture->document, DOCUMENT_JOURNAL, currency);
	if (local_currency)
		sample_set_header(&fixture->document, HEADER_LOCAL_CURRENCY, local_currency);
}

/* In its own local currency a document says nothing new with amounts that equal its own, and all with others. */
static void test_local_amounts(void **state)
{
	struct fixture *fixture = *state;
	local_journal(fixture, "EUR", "EUR");
	(void)sample_add_journal_line(&fixture->document, "5.00", "5.00");
	(void)sample_add_journal_line(&fixture->document, "-5.00", NULL);
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 500 -500\n");
	assert_false(fixture->view.has_local);
	local_journal(fixture, "EUR", "EUR");
	(void)sample_add_journal_line(&fixture->document, "5.00", "5.01");
	(void)sample_add_journal_line(&fixture->document, "-5.00", NULL);
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 500 -500 local 1\n");
	assert_int_equal(fixture->view.lines[0].local_debit, 501);
	assert_int_equal(fixture->view.lines[0].local_credit, -500);
	assert_true(fixture->view.has_local);
	/* Foreign: a line without is told apart from a line with zero. */
	local_journal(fixture, "USD", "JPY");
	(void)sample_add_journal_line(&fixture->document, "5.00", "750");
	(void)sample_add_journal_line(&fixture->document, "1.00", "0");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 600 0 local 750\n");
	assert_int_equal(fixture->view.local_digits, 0);
	local_journal(fixture, "USD", "JPY");
	(void)sample_add_journal_line(&fixture->document, "5.00", "750");
	(void)sample_add_journal_line(&fixture->document, "1.00", NULL);
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 600 0 local 750 in part\n");
	/* Gain and loss of rates: nothing in the document's currency, something in the local one. */
	local_journal(fixture, "USD", "EUR");
	(void)sample_add_journal_line(&fixture->document, "0.00", "0.07");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 0 0 local 7\n");
	assert_int_equal(fixture->view.total, 0);
	/* Not compared: not even looked at. */
	set_rules(fixture, "attribute", "document_type,attribute,compare\n*,local,no\n");
	finish_rules(fixture);
	local_journal(fixture, "USD", NULL);
	(void)sample_add_journal_line(&fixture->document, "5.00", "750");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting 1.1110//@ 500 0\n");
}

/* ---- invoices, payments, customers ---- */

static void test_invoice(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	const struct view *view = &fixture->view;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	make(fixture, SIDE_CLOUD);
	assert_lines(view, "posting //V19@ 10000 0\ntax tax//V19@ 1900 0 tax_base 10000\n");
	assert_int_equal(view->amounts[VIEW_NET], 10000);
	assert_int_equal(view->amounts[VIEW_TAX], 1900);
	assert_int_equal(view->amounts[VIEW_GROSS], 11900);
	assert_int_equal(view->total, 11900);
	assert_span(view->party, "4242");
	struct fingerprint with_tax_lines = view->fingerprint;
	/* Without tax lines the lines' own tax makes the same of them: 11.40 + 7.60 = 19.00, 60.00 + 40.00. */
	document->sections[SECTION_TAX_LINES].count = 0;
	make(fixture, SIDE_CLOUD);
	assert_lines(view, "posting //V19@ 10000 0\ntax tax//V19@ 1900 0 tax_base 10000\n");
	assert_true(fingerprint_equal(&view->fingerprint, &with_tax_lines));
	/* A credit memo is the same with the other sign, and another document. */
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	make(fixture, SIDE_CLOUD);
	assert_lines(view, "posting //V19@ 0 -10000\ntax tax//V19@ 0 -1900 tax_base -10000\n");
	assert_int_equal(view->amounts[VIEW_GROSS], -11900);
	assert_int_equal(view->total, -11900);
	assert_false(fingerprint_equal(&view->fingerprint, &with_tax_lines));
	/* Neither tax lines nor tax of lines: none. */
	for (int i = 0; i < 2; i++)
		sample_line_at(document, SECTION_LINES, i)[INVOICE_LINE_TAX].present = false;
	document->sections[SECTION_TAX_LINES].count = 0;
	make(fixture, SIDE_CLOUD);
	assert_lines(view, "posting //V19@ 0 -10000\n");
}

/* A tax line without tax counts only where the lines have no codes: there it alone says what is free of tax; or where
 * it says something else than the lines with its code. A rebate in the same code stays apart from what it is of. */
static void test_tax_lines(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	struct value *line = document_add_line(document, SECTION_TAX_LINES);
	sample_set_text(document, &line[INVOICE_TAX_LINE_CODE], "V0");
	sample_set_decimal(&line[INVOICE_TAX_LINE_BASE], "7.00");
	sample_set_decimal(&line[INVOICE_TAX_LINE_TAX], "0.00");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting //V19@ 10000 0\n"
	                             "tax tax//V0@ 0 0 tax_base 700\n"
	                             "tax tax//V19@ 1900 0 tax_base 10000\n");
	struct value *free = document_add_line(document, SECTION_LINES);
	sample_set_text(document, &free[INVOICE_LINE_TAX_CODE], "V0");
	sample_set_decimal(&free[INVOICE_LINE_NET], "7.00");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting //V0@ 700 0\n"
	                             "posting //V19@ 10000 0\n"
	                             "tax tax//V19@ 1900 0 tax_base 10000\n");
	document->sections[SECTION_LINES].count--;
	for (int i = 0; i < 2; i++)
		sample_line_at(document, SECTION_LINES, i)[INVOICE_LINE_TAX_CODE].present = false;
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_NET], "-40.00");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting //@ 6000 -4000\n"
	                             "tax tax//V0@ 0 0 tax_base 700\n"
	                             "tax tax//V19@ 1900 0 tax_base 10000\n");
	/* An account with the name of the tax lines is another key. */
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_ACCOUNT], "tax");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "posting //V19@ 4000 0\n"
	                             "posting tax//V19@ 6000 0\n"
	                             "tax tax//V19@ 1900 0 tax_base 10000\n");
}

static void test_payment(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_make_payment(document);
	sample_set_text(document,
	                &sample_line_at(document, SECTION_APPLICATIONS, 0)[PAYMENT_APPLICATION_INVOICE],
	                "00001/invoice/2024/1");
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view,
	             "application 00001/invoice/2024/1//@ 11900 0 discount 200 write_off 1\n");
	assert_int_equal(fixture->view.amounts[VIEW_GROSS], 15000);
	assert_int_equal(fixture->view.total, 15000);
	assert_false(fixture->view.has_amount[VIEW_NET]);
	assert_span(fixture->view.party, "4242");
	/* Without applications it is a payment all the same. */
	document->sections[SECTION_APPLICATIONS].count = 0;
	make(fixture, SIDE_CLOUD);
	assert_lines(&fixture->view, "");
	assert_int_equal(fixture->view.total, 15000);
}

/* One that came and stayed needs no word for it; what came back, or never came, is another one, by default. */
static void test_payment_that_came_back(void **state)
{
	static const struct {
		const char *status, *shown;
	} cases[] = {{NULL, ""}, {"received", ""}, {"returned", "returned"}, {"failed", "failed"}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sample_make_payment(&fixture->document);
		if (cases[i].status)
			sample_set_header(&fixture->document, PAYMENT_STATUS, cases[i].status);
		make(fixture, SIDE_CLOUD);
		assert_span(fixture->view.attributes[VIEW_STATUS], cases[i].shown);
	}
	assert_true(view_attribute_compared(NULL, VIEW_STATUS, DOCUMENT_PAYMENT));
}

static void test_customer(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_make_customer(document);
	document->header[CUSTOMER_CREDIT_HOLD] = (struct value){.present = true, .as.boolean = true};
	sample_set_header(document, CUSTOMER_COUNTRY, "DE");
	make(fixture, SIDE_CLOUD);
	assert_span(fixture->view.attributes[VIEW_LEGAL_NAME], "M\xc3\xbcller KG");
	assert_span(fixture->view.attributes[VIEW_COUNTRY], "DE");
	assert_span(fixture->view.attributes[VIEW_CREDIT_HOLD], "true");
	assert_span(fixture->view.attributes[VIEW_PERIOD], "");
	assert_span(fixture->view.attributes[VIEW_TERMS], "");
	assert_int_equal(fixture->view.total, 0);
	assert_int_equal(fixture->view.line_count, 0);
}

/* A quantity is no money: no currency, no total, none of the digits a currency has; 120.50 and 120.5 are one. */
static void test_usage(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	const struct view *view = &fixture->view;
	sample_make_usage(document);
	sample_set_header(document, HEADER_CURRENCY, "EUR");
	make(fixture, SIDE_CLOUD);
	struct fingerprint before = view->fingerprint;
	assert_span(view->attributes[VIEW_METER], "transfer");
	assert_span(view->attributes[VIEW_WINDOW], "2026-09-01/2026-09-30");
	assert_span(view->attributes[VIEW_QUANTITY], "120.5");
	assert_span(view->attributes[VIEW_UNIT], "GB");
	assert_span(view->attributes[VIEW_RECORD_COUNT], "310");
	assert_span(view->attributes[VIEW_RECORDS_DIGEST],
	            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
	assert_span(view->party, "4242");
	assert_span(view->currency, "");
	assert_int_equal(view->period, 202609);
	assert_int_equal(view->total, 0);
	assert_int_equal(view->line_count, 0);
	sample_set_decimal(&document->header[USAGE_QUANTITY], "120.500000");
	document->header[HEADER_CURRENCY].present = false;
	sample_set_date(&document->header[HEADER_POSTING_DATE], "2026-10-02");
	make(fixture, SIDE_CLOUD);
	assert_memory_equal(&view->fingerprint, &before, sizeof before);
	sample_set_decimal(&document->header[USAGE_QUANTITY], "120.500001");
	make(fixture, SIDE_CLOUD);
	assert_memory_not_equal(&view->fingerprint, &before, sizeof before);
}

/* One exchange rate has one text, however many zeros it came with; the year alone stands where no period is. */
static void test_attribute_texts(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_decimal(&document->header[HEADER_EXCHANGE_RATE], "1.085000");
	sample_set_decimal(&document->header[INVOICE_PAYABLE], "-120.00");
	sample_set_date(&document->header[INVOICE_DUE_DATE], "2199-12-31");
	sample_set_date(&document->header[HEADER_DOCUMENT_DATE], "1900-01-01");
	sample_set_header(document, HEADER_LEGACY_TYPE, "RI");
	sample_set_header(document, HEADER_REFERENCE, "R 1");
	document->header[HEADER_PERIOD].present = false;
	make(fixture, SIDE_LEGACY);
	const struct span *texts = fixture->view.attributes;
	assert_span(texts[VIEW_EXCHANGE_RATE], "1.085");
	assert_span(texts[VIEW_PAYABLE], "-120");
	assert_span(texts[VIEW_DUE_DATE], "2199-12-31");
	assert_span(texts[VIEW_DOCUMENT_DATE], "1900-01-01");
	assert_span(texts[VIEW_DOCUMENT_TYPE], "RI");
	assert_span(texts[VIEW_REFERENCE], "R 1");
	assert_span(fixture->view.reference, "R 1");
	assert_span(texts[VIEW_PERIOD], "2024");
	assert_int_equal(fixture->view.period, 0);
}

/* ---- sides ---- */

static void test_origin(void **state)
{
	static const struct {
		const char *origin, *identity, *kept;
		int origins;
	} cases[] = {{NULL, "", "", 0},
	             {"1/invoice/2024/7", "1/invoice/2024/7", "1/invoice/2024/7", 1},
	             {"  1/invoice/2024/7 ", "1/invoice/2024/7", "1/invoice/2024/7", 1},
	             {" ", "", "", 0},
	             {"a/b/c/d  e/f/g/h", "", "a/b/c/d  e/f/g/h", 2}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sample_make_journal(&fixture->document);
		if (cases[i].origin)
			sample_set_header(&fixture->document, HEADER_ORIGIN, cases[i].origin);
		make(fixture, SIDE_CLOUD);
		assert_string_equal(fixture->view.identity, cases[i].identity);
		assert_int_equal(fixture->view.origins, cases[i].origins);
		assert_span(fixture->view.origin, cases[i].kept);
		/* It has the fingerprint of the legacy document once it is known to stand for it. */
		make(fixture, SIDE_LEGACY);
		assert_string_equal(fixture->view.identity, "00001/journal/2024/4711");
		struct fingerprint legacy = fixture->view.fingerprint;
		make(fixture, SIDE_CLOUD);
		struct fingerprint named =
		    view_fingerprint(&fixture->view, SPAN_LITERAL("00001/journal/2024/4711"));
		assert_true(fingerprint_equal(&legacy, &named));
		assert_false(fingerprint_equal(&legacy, &fixture->view.fingerprint));
	}
}

/* Codes by the date of posting; those of the cloud stay; each missing one is listed once. */
static void test_mapping(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	const struct view *view = &fixture->view;
	set_rules(fixture, "account",
	          "entity,from,to,valid_from,valid_to,note\n"
	          "*,1,100,,2024-02-28,\n*,1,101,2024-02-29,,\n*,2,200,,,\n00001,3,300,,,\n00009,4,400,,,\n");
	set_rules(fixture, "customer", "entity,from,to,valid_from,valid_to,note\n*,*,=,,,\n*,4242,C-1,,,\n");
	set_rules(fixture, "entity", "entity,from,to,valid_from,valid_to,note\n*,00001,DE01,,,\n");
	set_rules(fixture, "tax_code", "entity,from,to,valid_from,valid_to,note\n*,V19,A19,,,\n");
	finish_rules(fixture);
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	for (int i = 0; i < 2; i++) {
		(void)add_line(document, "1", "1.00");
		(void)add_line(document, "2", "2.00");
		(void)add_line(document, "3", "3.00");
		(void)add_line(document, "4", "4.00");
	}
	(void)add_line(document, "5", "0.00");
	make(fixture, SIDE_LEGACY);
	assert_lines(
	    view, "posting 101//@ 200 0\nposting 200//@ 400 0\nposting 300//@ 600 0\nposting 4//@ 800 0\n");
	assert_int_equal(view->missing_count, 1);
	assert_int_equal(view->missing[0].kind, MAPPING_ACCOUNT);
	assert_span(view->missing[0].code, "4");
	assert_span(view->entity, "DE01");
	assert_span(view->raw_entity, "00001");
	assert_string_equal(view->identity, "00001/journal/2024/4711");
	/* A day before; and without any date the rows that are open at the end. */
	sample_set_date(&document->header[HEADER_POSTING_DATE], "2024-02-28");
	make(fixture, SIDE_LEGACY);
	assert_span(view->lines[0].account, "100");
	document->header[HEADER_POSTING_DATE].present = false;
	sample_set_date(&document->header[HEADER_DOCUMENT_DATE], "2024-02-28");
	make(fixture, SIDE_LEGACY);
	assert_span(view->lines[0].account, "100");
	document->header[HEADER_DOCUMENT_DATE].present = false;
	make(fixture, SIDE_LEGACY);
	assert_span(view->lines[0].account, "101");
	make(fixture, SIDE_CLOUD);
	assert_span(view->lines[0].account, "1");
	assert_span(view->entity, "00001");
	assert_int_equal(view->missing_count, 0);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	make(fixture, SIDE_LEGACY);
	assert_span(view->party, "C-1");
	assert_lines(view, "posting //A19@ 10000 0\ntax tax//A19@ 1900 0 tax_base 10000\n");
}

/* What is not compared needs no mapping; more than the list holds is counted. */
static void test_missing(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	char code[16];
	set_rules(fixture, "cost_centre", "entity,from,to,valid_from,valid_to,note\n*,none,=,,,\n");
	set_rules(fixture, "document_type", "entity,from,to,valid_from,valid_to,note\n*,none,=,,,\n");
	set_rules(fixture, "attribute", "document_type,attribute,compare\ncredit_memo,cost_centre,no\n");
	finish_rules(fixture);
	sample_begin(document, DOCUMENT_INVOICE, "EUR");
	sample_set_header(document, HEADER_LEGACY_TYPE, "RI");
	for (int i = 0; i < 12; i++) {
		struct value *line = document_add_line(document, SECTION_LINES);
		(void)snprintf(code, sizeof code, "%d", i);
		sample_set_text(document, &line[INVOICE_LINE_COST_CENTRE], code);
		sample_set_decimal(&line[INVOICE_LINE_NET], "1.00");
	}
	make(fixture, SIDE_LEGACY);
	assert_int_equal(fixture->view.missing_count, 12);
	assert_span(fixture->view.missing[VIEW_MISSING_MAX - 1].code, "7");
	document->type = DOCUMENT_CREDIT_MEMO;
	make(fixture, SIDE_LEGACY);
	assert_int_equal(fixture->view.missing_count, 0);
	assert_lines(&fixture->view, "posting //@ 0 -1200\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_journal),         WITH_FIXTURE(test_line_entity),
	    WITH_FIXTURE(test_digits),          WITH_FIXTURE(test_bad_amounts),
	    WITH_FIXTURE(test_bad_header),      WITH_FIXTURE(test_local_amounts),
	    WITH_FIXTURE(test_invoice),         WITH_FIXTURE(test_tax_lines),
	    WITH_FIXTURE(test_payment),         WITH_FIXTURE(test_payment_that_came_back),
	    WITH_FIXTURE(test_customer),        WITH_FIXTURE(test_usage),
	    WITH_FIXTURE(test_attribute_texts), WITH_FIXTURE(test_origin),
	    WITH_FIXTURE(test_mapping),         WITH_FIXTURE(test_missing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
