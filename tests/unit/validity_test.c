/*
 * validity_test.c - the rules of all documents, journals and payments, kept and broken at their edges.
 *
 * Why:   a rule that fires wrongly stops a customer's business; one that does not lets a wrong posting through.
 * Owns:  nothing.
 * Rules: 1. Each case takes a valid document, changes what the rule is about, and expects its id and its figures.
 *        2. Figures are worked out by hand beside the case.
 * Runs in: the tests.
 */
#include "tests/lib/sample_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_valid_documents(void **state)
{
	struct document *document = *state;
	sample_make_journal(document);
	sample_expect_valid(document);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_expect_valid(document);
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	sample_expect_valid(document);
	sample_make_payment(document);
	sample_expect_valid(document);
	sample_make_customer(document);
	sample_expect_valid(document);
}

/* Each required field of each header and line, taken away in turn, is named. */
static void test_required_fields(void **state)
{
	struct document *document = *state;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		if (type == DOCUMENT_JOURNAL)
			sample_make_journal(document);
		else if (type == DOCUMENT_PAYMENT)
			sample_make_payment(document);
		else if (type == DOCUMENT_CUSTOMER)
			sample_make_customer(document);
		else if (type == DOCUMENT_USAGE)
			sample_make_usage(document);
		else
			sample_make_invoice(document, (enum document_type)type);
		for (int slot = 0; slot < spec->header_count; slot++) {
			if (!spec->header[slot].required)
				continue;
			document->header[slot].present = false;
			sample_expect_broken(document, "field-required", spec->header[slot].key);
			document->header[slot].present = true;
		}
		for (int section = 0; section < SECTION_COUNT; section++) {
			int last = document->sections[section].count - 1;
			for (int slot = 0; last >= 0 && slot < spec->sections[section].field_count; slot++) {
				struct value *line =
				    sample_line_at(document, (enum document_section)section, last);
				if (!spec->sections[section].fields[slot].required)
					continue;
				line[slot].present = false;
				sample_expect_broken(document, "field-required",
				                     spec->sections[section].fields[slot].key);
				line[slot].present = true;
			}
		}
		sample_expect_valid(document);
	}
	sample_make_journal(document);
	sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_ACCOUNT].present = false;
	sample_expect_broken(document, "field-required", "the journal has no account in its line 3");
}

static void test_type_name(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	sample_set_header(document, HEADER_TYPE, "creditmemo");
	sample_expect_broken(document, "type-name",
	                     "\"creditmemo\", but the document was read as credit_memo");
}

static void test_lines_missing(void **state)
{
	struct document *document = *state;
	sample_make_journal(document);
	document->sections[SECTION_LINES].count = 1;
	sample_expect_broken(document, "lines-missing", "the journal has 1 lines, and needs at least 2");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_LINES].count = 0;
	sample_expect_broken(document, "lines-missing", "0 lines");
	sample_make_payment(document);
	document->sections[SECTION_APPLICATIONS].count = 0;
	sample_set_amount(document, PAYMENT_UNAPPLIED, "150.00");
	sample_expect_valid(document);
}

/* 2^53 - 1 is within, 2^53 is not. */
static void test_integer_range(void **state)
{
	struct document *document = *state;
	sample_make_customer(document);
	sample_set_integer(document, HEADER_PERIOD, INT64_C(9007199254740992));
	sample_expect_broken(document, "integer-range", "period in the header is 9007199254740992");
	sample_set_integer(document, HEADER_PERIOD, INT64_C(-9007199254740992));
	sample_expect_broken(document, "integer-range", "period");
	sample_set_integer(document, HEADER_PERIOD, INT64_C(9007199254740991));
	sample_expect_broken(document, "period-range", "9007199254740991");
}

static void test_currency(void **state)
{
	struct document *document = *state;
	sample_make_journal(document);
	document->header[HEADER_CURRENCY].present = false;
	sample_expect_broken(document, "currency-missing",
	                     "amount in the line 1 is 100.00, but the journal's header names no currency");
	sample_make_journal(document);
	document->header[HEADER_LOCAL_CURRENCY].present = false;
	sample_expect_broken(document, "currency-missing", "amount_local in the line 1 is 16000");
	static const char *const unknown[] = {"EU", "EURO", "eur", "XAU", "XXX", "ABC", "\xe2\x82\xac"};
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		sample_make_journal(document);
		sample_set_header(document, HEADER_CURRENCY, unknown[i]);
		sample_expect_broken(document, "currency-unknown", unknown[i]);
	}
	sample_make_customer(document); /* no amounts: it may name one, and it must be one */
	sample_set_header(document, HEADER_CURRENCY, "KWD");
	sample_expect_valid(document);
	sample_set_header(document, HEADER_CURRENCY, "???");
	sample_expect_broken(document, "currency-unknown", "???");
	/* A long value is quoted in part, cut at a whole character: 39 letters fit, the next, of two bytes, not. */
	char text[80];
	memset(text, 'a', sizeof text);
	memcpy(text + 39, "\xc3\xbc", 3);
	sample_set_header(document, HEADER_CURRENCY, text);
	text[39] = 0;
	sample_expect_broken(document, "currency-unknown", text);
	struct finding finding;
	assert_false(validity_check(document, &finding));
	assert_null(strchr(finding.text, '\xc3'));
}

/* Exactly the minor units, in each currency's own number; a tax with too many digits is found, never rounded. */
static void test_amount_digits(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX], "19.001");
	sample_expect_broken(document, "amount-digits",
	                     "tax in the tax line 1 is 19.001 with 3 digits after the point, but EUR has 2");
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX], "19.0");
	sample_expect_broken(document, "amount-digits", "19.0 with 1 digits");
	sample_make_journal(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 1)[JOURNAL_LINE_AMOUNT_LOCAL], "-9600.5");
	sample_expect_broken(
	    document, "amount-digits",
	    "amount_local in the line 2 is -9600.5 with 1 digits after the point, but JPY has 0");
	static const struct {
		const char *currency, *amount, *opposite;
	} good[] = {{"JPY", "100", "-100"},
	            {"KWD", "1.234", "-1.234"},
	            {"CLF", "0.0001", "-0.0001"},
	            {"EUR", "0.01", "-0.01"}};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		sample_begin(document, DOCUMENT_JOURNAL, good[i].currency);
		(void)sample_add_journal_line(document, good[i].amount, NULL);
		(void)sample_add_journal_line(document, good[i].opposite, NULL);
		sample_expect_valid(document);
	}
	/* Decimals that are no amounts have the digits they have. */
	sample_make_journal(document);
	sample_set_decimal(&document->header[HEADER_EXCHANGE_RATE], "160.123456789012");
	sample_expect_valid(document);
}

/* Amounts with too few or too many noughts are brought to the currency's digits; others stay for the rule to find. */
static void test_settle_amounts(void **state)
{
	struct document *document = *state;
	char text[DECIMAL_TEXT_MAX];
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)sample_add_journal_line(document, "12.5", NULL);
	(void)sample_add_journal_line(document, "-12.5000", NULL);
	struct value *quantity = &sample_add_journal_line(document, "0", NULL)[JOURNAL_LINE_QUANTITY];
	sample_set_decimal(quantity, "1.500");
	validity_settle_amounts(document);
	sample_expect_valid(document);
	(void)decimal_print(sample_line_at(document, SECTION_LINES, 1)[JOURNAL_LINE_AMOUNT].as.decimal, text);
	assert_string_equal(text, "-12.50");
	(void)decimal_print(sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_QUANTITY].as.decimal,
	                    text);
	assert_string_equal(text, "1.500");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_TAX, "19.001");
	sample_set_amount(document, INVOICE_NET, "100");
	validity_settle_amounts(document);
	(void)decimal_print(document->header[INVOICE_NET].as.decimal, text);
	assert_string_equal(text, "100.00");
	sample_expect_broken(document, "amount-digits", "tax in the header is 19.001");
	sample_set_header(document, HEADER_CURRENCY, "???"); /* unknown: nothing is changed */
	sample_set_amount(document, INVOICE_NET, "100");
	validity_settle_amounts(document);
	(void)decimal_print(document->header[INVOICE_NET].as.decimal, text);
	assert_string_equal(text, "100");
}

static void test_period(void **state)
{
	struct document *document = *state;
	sample_make_journal(document);
	static const int64_t good[] = {1, 12, 13, 16};
	static const int64_t bad[] = {0, 17, -1, 202402};
	for (size_t i = 0; i < 4; i++) {
		sample_set_integer(document, HEADER_PERIOD, good[i]);
		sample_expect_valid(document);
	}
	for (size_t i = 0; i < 4; i++) {
		sample_set_integer(document, HEADER_PERIOD, bad[i]);
		sample_expect_broken(document, "period-range", "outside 1 to 16");
	}
	document->header[HEADER_PERIOD].present = false;
	sample_expect_valid(document);
	static const char *const near[] = {"2023-01-01", "2025-12-31"};
	static const char *const far[] = {"2022-12-31", "2026-01-01", "1940-02-29", "2124-02-29"};
	for (size_t i = 0; i < 2; i++) {
		sample_set_date(&document->header[HEADER_POSTING_DATE], near[i]);
		sample_expect_valid(document);
	}
	for (size_t i = 0; i < 4; i++) {
		sample_set_date(&document->header[HEADER_POSTING_DATE], far[i]);
		sample_expect_broken(document, "period-range", far[i]);
	}
	document->header[HEADER_POSTING_DATE].present = false;
	sample_expect_broken(document, "posting-date", "fiscal year 2024");
	sample_set_integer(document, HEADER_YEAR,
	                   0); /* none: no date is needed, and nothing to compare one with */
	sample_expect_valid(document);
	static const int64_t years[] = {24, 1899, 2200, -2024};
	for (size_t i = 0; i < 4; i++) {
		sample_set_integer(document, HEADER_YEAR, years[i]);
		sample_expect_broken(document, "period-range", "the fiscal year is");
	}
}

static void test_date_order(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_date(&document->header[INVOICE_SERVICE_START], "2024-02-01");
	sample_expect_valid(document);
	sample_set_date(&document->header[INVOICE_SERVICE_END], "2024-02-01");
	sample_expect_valid(document);
	sample_set_date(&document->header[INVOICE_SERVICE_END], "2024-01-31");
	sample_expect_broken(document, "date-order",
	                     "service_end in the header is 2024-01-31, before its start on 2024-02-01");
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	sample_set_date(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_REVENUE_START],
	                "2024-02-02");
	sample_set_date(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_REVENUE_END], "2024-02-01");
	sample_expect_broken(document, "date-order", "revenue_end in the line 2");
	sample_make_customer(document);
	sample_set_date(&document->header[CUSTOMER_VALID_FROM], "2024-02-02");
	sample_set_date(&document->header[CUSTOMER_VALID_TO], "2024-02-01");
	sample_expect_broken(document, "date-order", "valid_to");
}

static void test_journal_balance(void **state)
{
	struct document *document = *state;
	sample_make_journal(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_AMOUNT], "-39.99");
	sample_expect_broken(document, "journal-balance",
	                     "debits 100.00 and credits 99.99 EUR differ by 0.01");
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_AMOUNT], "-40.01");
	sample_expect_broken(document, "journal-balance",
	                     "debits 100.00 and credits 100.01 EUR differ by 0.01");
	sample_make_journal(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_AMOUNT_LOCAL], "-6401");
	sample_expect_broken(document, "journal-balance-local",
	                     "debits 16000 and credits 16001 JPY differ by 1 in local currency");
	/* A line for an exchange difference has nothing in the document's currency, and another nothing in local. */
	sample_make_journal(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_AMOUNT_LOCAL], "-6399");
	(void)sample_add_journal_line(document, "0.00", "-1");
	(void)sample_add_journal_line(document, "0.00", NULL);
	sample_expect_valid(document);
	/* Both of two lines in debit. */
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)sample_add_journal_line(document, "1.00", NULL);
	(void)sample_add_journal_line(document, "1.00", NULL);
	sample_expect_broken(document, "journal-balance", "debits 2.00 and credits 0.00 EUR differ by 2.00");
}

/* 92233720368547758.07 is the greatest amount with two digits: once is exact, and once more a cent is too much. */
static void test_amount_overflow(void **state)
{
	struct document *document = *state;
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)sample_add_journal_line(document, "92233720368547758.07", NULL);
	(void)sample_add_journal_line(document, "-92233720368547758.07", NULL);
	sample_expect_valid(document);
	(void)sample_add_journal_line(document, "0.01", NULL);
	(void)sample_add_journal_line(document, "-0.01", NULL);
	sample_expect_broken(document, "amount-overflow", "journal's amounts");
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)sample_add_journal_line(document, "0.00", NULL);
	(void)sample_add_journal_line(document, "-92233720368547758.08", NULL);
	sample_expect_broken(document, "amount-overflow", "journal's amounts");
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "0.01");
	sample_expect_broken(document, "amount-overflow", "journal's amounts");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_NET],
	                   "92233720368547758.00");
	sample_expect_broken(document, "amount-overflow", "amounts of its lines");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->sections[SECTION_LINES].count = 1;
	document->sections[SECTION_TAX_LINES].count = 0;
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_NET],
	                   "92233720368547758.00");
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_TAX], "1.00");
	sample_set_amount(document, INVOICE_NET, "92233720368547758.00");
	sample_set_amount(document, INVOICE_TAX, "1.00");
	sample_expect_broken(document, "amount-overflow", "net and tax");
	sample_make_payment(document);
	sample_set_amount(document, PAYMENT_UNAPPLIED, "92233720368547758.07");
	sample_expect_broken(document, "amount-overflow", "payment's applied amounts");
}

static void test_payment_applied(void **state)
{
	struct document *document = *state;
	sample_make_payment(document);
	sample_set_amount(document, PAYMENT_UNAPPLIED, "31.01");
	sample_expect_broken(document, "payment-applied",
	                     "applied 119.00 and unapplied 31.01 make 150.01 EUR, but the payment is 150.00");
	document->header[PAYMENT_UNAPPLIED].present = false;
	sample_expect_valid(document);
	/* A returned payment: everything negative. */
	sample_make_payment(document);
	sample_set_amount(document, PAYMENT_AMOUNT, "-150.00");
	sample_set_amount(document, PAYMENT_UNAPPLIED, "-31.00");
	sample_set_decimal(&sample_line_at(document, SECTION_APPLICATIONS, 0)[PAYMENT_APPLICATION_AMOUNT],
	                   "-119.00");
	sample_expect_valid(document);
}

/* A window of one day; records: 0 is a number of them, minus one is not; a digest is as sha256sum prints it. */
static void test_usage(void **state)
{
	struct document *document = *state;
	static const char *const digests[] = {
	    "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0",
	    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a081",
	    "gf86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	};
	sample_make_usage(document);
	sample_expect_valid(document);
	sample_set_date(&document->header[USAGE_WINDOW_START], "2026-09-30");
	sample_expect_valid(document);
	sample_set_date(&document->header[USAGE_WINDOW_START], "2026-10-01");
	sample_expect_broken(document, "date-order",
	                     "window_end in the header is 2026-09-30, before its start on 2026-10-01");
	sample_make_usage(document);
	sample_set_decimal(&document->header[USAGE_QUANTITY], "-0.123456");
	sample_set_integer(document, USAGE_RECORD_COUNT, 0);
	sample_expect_valid(document);
	sample_set_integer(document, USAGE_RECORD_COUNT, -1);
	sample_expect_broken(document, "usage-records", "record_count is -1");
	document->header[USAGE_RECORD_COUNT].present = false;
	sample_expect_valid(document);
	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
		sample_set_header(document, USAGE_RECORDS_DIGEST, digests[i]);
		sample_expect_broken(document, "usage-records", "no SHA-256 of 64 hex digits in lower case");
	}
	document->header[USAGE_RECORDS_DIGEST].present = false;
	sample_expect_valid(document);
}

/* The first rule of the list is the finding where several are broken; ids are unique and say something. */
static void test_order(void **state)
{
	struct document *document = *state;
	size_t count;
	const struct validity_rule *rules = validity_rules(&count);
	assert_int_equal(count, 22);
	for (size_t i = 0; i < count; i++) {
		assert_true(strlen(rules[i].text) > 10);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rules[i].id, rules[j].id);
	}
	sample_make_journal(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "100.001");
	sample_set_integer(document, HEADER_PERIOD, 99);
	sample_line_at(document, SECTION_LINES, 1)[JOURNAL_LINE_ACCOUNT].present = false;
	sample_expect_broken(document, "field-required", "account");
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 1)[JOURNAL_LINE_ACCOUNT], "1");
	sample_expect_broken(document, "amount-digits", "100.001");
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "100.01");
	sample_expect_broken(document, "period-range", "99");
	sample_set_integer(document, HEADER_PERIOD, 1);
	sample_expect_broken(document, "journal-balance", "0.01");
}

#define WITH_DOCUMENT(test) cmocka_unit_test_setup_teardown(test, sample_set_up, sample_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_DOCUMENT(test_valid_documents), WITH_DOCUMENT(test_required_fields),
	    WITH_DOCUMENT(test_type_name),       WITH_DOCUMENT(test_lines_missing),
	    WITH_DOCUMENT(test_integer_range),   WITH_DOCUMENT(test_currency),
	    WITH_DOCUMENT(test_amount_digits),   WITH_DOCUMENT(test_settle_amounts),
	    WITH_DOCUMENT(test_period),          WITH_DOCUMENT(test_date_order),
	    WITH_DOCUMENT(test_journal_balance), WITH_DOCUMENT(test_amount_overflow),
	    WITH_DOCUMENT(test_payment_applied), WITH_DOCUMENT(test_usage),
	    WITH_DOCUMENT(test_order),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
