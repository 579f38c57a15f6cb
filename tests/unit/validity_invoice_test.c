/*
 * validity_invoice_test.c - the rules of invoices and credit memos, kept and broken at their edges.
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

static void test_invoice_sums(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_NET, "100.01");
	sample_expect_broken(
	    document, "invoice-net",
	    "net of the lines adds up to 100.00 EUR, but the header's net is 100.01 (difference -0.01)");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX], "7.61");
	sample_expect_broken(document, "invoice-tax",
	                     "tax of the lines adds up to 19.01 EUR, but the header's tax is 19.00");
	/* No line carries tax: nothing to add up; one carries it: the others count as nothing. */
	sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_TAX].present = false;
	sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX].present = false;
	sample_expect_valid(document);
	sample_set_decimal(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX], "19.00");
	sample_expect_valid(document);
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX], "18.99");
	sample_expect_broken(document, "invoice-tax", "tax of the tax_lines adds up to 18.99 EUR");
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	sample_set_amount(document, INVOICE_GROSS, "118.99");
	sample_expect_broken(document, "invoice-gross",
	                     "net 100.00 and tax 19.00 make 119.00 EUR, but gross is 118.99");
}

static void test_invoice_payable(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_PAYABLE, "119.00");
	sample_expect_valid(document);
	sample_set_amount(document, INVOICE_PREPAID, "19.02");
	sample_set_amount(document, INVOICE_ROUNDING, "0.02");
	sample_expect_broken(
	    document, "invoice-payable",
	    "gross 119.00 less prepaid 19.02 plus rounding 0.02 makes 100.00 EUR, but payable is 119.00");
	sample_set_amount(document, INVOICE_PAYABLE, "100.00");
	sample_expect_valid(document);
	sample_set_amount(document, INVOICE_PREPAID, "120.00"); /* more than owed: payable may be negative */
	sample_set_amount(document, INVOICE_ROUNDING, "0.00");
	sample_set_amount(document, INVOICE_PAYABLE, "-1.00");
	sample_expect_valid(document);
}

static void test_invoice_sign(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	sample_set_amount(document, INVOICE_GROSS, "-119.00");
	sample_expect_broken(document, "invoice-sign",
	                     "gross is -119.00: the amounts of a credit memo are positive");
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_NET, "-0.01");
	sample_expect_broken(document, "invoice-sign", "net is -0.01: the amounts of an invoice");
}

/* Header and lines follow the tax, so that only the rate can be wrong. */
static void set_tax(struct document *document, const char *tax, const char *gross)
{
	sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_TAX].present = false;
	sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX].present = false;
	sample_set_amount(document, INVOICE_TAX, tax);
	sample_set_amount(document, INVOICE_GROSS, gross);
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX], tax);
}

/* 100.00 at 19 per cent is 19.00; two lines carry the code, so 0.02 may be lost to rounding and no more. */
static void test_tax_rate(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	set_tax(document, "19.02", "119.02");
	sample_expect_valid(document);
	set_tax(document, "18.98", "118.98");
	sample_expect_valid(document);
	set_tax(document, "19.03", "119.03");
	sample_expect_broken(
	    document, "invoice-tax-rate",
	    "tax line 1 (\"V19\") has tax 19.03 EUR, but base 100.00 at 19 per cent is more than 2 "
	    "x 0.01 away");
	set_tax(document, "18.97", "118.97");
	sample_expect_broken(document, "invoice-tax-rate", "18.97");
	/* One line of two carries the code: 0.01 only. None does: all lines count. */
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX_CODE], "V0");
	set_tax(document, "19.01", "119.01");
	sample_expect_valid(document);
	set_tax(document, "19.02", "119.02");
	sample_expect_broken(document, "invoice-tax-rate", "1 x 0.01");
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_TAX_CODE], "");
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_TAX_CODE], "");
	sample_expect_valid(document);
	/* A rate in the form some drivers give it, and one whose product has more digits than fit. */
	set_tax(document, "19.00", "119.00");
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_RATE],
	                   "19.000000000000");
	sample_expect_valid(document);
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_RATE],
	                   "18.999999999999");
	sample_expect_valid(document);
	/* 123.45 x 18.999999999999 / 100 is 23.4555. */
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_BASE], "123.45");
	set_tax(document, "23.46", "123.46");
	sample_expect_valid(document);
	set_tax(document, "23.48", "123.48");
	sample_expect_broken(document, "invoice-tax-rate", "123.45 at 18.999999999999");
	/* The largest base there is: exact all the same (a fifth of it is 18446744073709551.614). */
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_BASE],
	                   "92233720368547758.07");
	sample_set_decimal(&sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_RATE],
	                   "20.000000000000");
	set_tax(document, "18446744073709551.63", "18446744073709651.63");
	sample_expect_valid(document);
	set_tax(document, "18446744073709551.64", "18446744073709651.64");
	sample_expect_broken(document, "invoice-tax-rate", "92233720368547758.07");
	/* No rate, nothing to compare. */
	sample_line_at(document, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_RATE].present = false;
	sample_expect_valid(document);
}

/* 0.02 at 19 per cent is 0.0038: a tax of -0.01 is within 2 x 0.01 of it, but has the other sign. */
static void test_tax_sign(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	struct value *tax_line = sample_line_at(document, SECTION_TAX_LINES, 0);
	sample_set_decimal(&tax_line[INVOICE_TAX_LINE_BASE], "0.02");
	set_tax(document, "-0.01", "99.99");
	sample_expect_broken(document, "invoice-tax-rate", "other sign");
	set_tax(document, "0.00", "100.00");
	sample_expect_valid(document);
	/* A discount line: base and tax negative, to the same cents as the positive ones. */
	sample_set_decimal(&tax_line[INVOICE_TAX_LINE_BASE], "-100.00");
	set_tax(document, "-19.02", "80.98");
	sample_expect_valid(document);
	set_tax(document, "-19.03", "80.97");
	sample_expect_broken(document, "invoice-tax-rate", "-19.03");
}

/* Yen have no cents: 999 at 10 per cent is 99.9, which one shop writes as 99 and another as 100. */
static void test_tax_rate_of_yen(void **state)
{
	struct document *document = *state;
	static const struct {
		const char *tax, *gross;
		bool valid;
	} cases[] = {
	    {"99", "1098", true}, {"100", "1099", true}, {"98", "1097", false}, {"101", "1100", false}};
	for (size_t i = 0; i < 4; i++) {
		sample_begin(document, DOCUMENT_INVOICE, "JPY");
		sample_set_header(document, INVOICE_CUSTOMER, "4242");
		sample_set_header(document, INVOICE_TERMS, "N30");
		sample_set_amount(document, INVOICE_NET, "999");
		sample_set_amount(document, INVOICE_TAX, cases[i].tax);
		sample_set_amount(document, INVOICE_GROSS, cases[i].gross);
		struct value *line = document_add_line(document, SECTION_LINES);
		sample_set_text(document, &line[INVOICE_LINE_LINE], "1");
		sample_set_decimal(&line[INVOICE_LINE_NET], "999");
		struct value *tax_line = document_add_line(document, SECTION_TAX_LINES);
		sample_set_text(document, &tax_line[INVOICE_TAX_LINE_CODE], "C10");
		sample_set_decimal(&tax_line[INVOICE_TAX_LINE_RATE], "10");
		sample_set_decimal(&tax_line[INVOICE_TAX_LINE_BASE], "999");
		sample_set_decimal(&tax_line[INVOICE_TAX_LINE_TAX], cases[i].tax);
		if (cases[i].valid)
			sample_expect_valid(document);
		else
			sample_expect_broken(document, "invoice-tax-rate", "1 x one minor unit");
	}
}

static void test_invoice_due(void **state)
{
	struct document *document = *state;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->header[INVOICE_TERMS].present = false;
	sample_expect_broken(document, "invoice-due", "119.00 EUR are to be paid");
	sample_set_date(&document->header[INVOICE_DUE_DATE], "2024-03-30");
	sample_expect_valid(document);
	document->header[INVOICE_DUE_DATE].present = false;
	sample_set_date(&sample_line_at(document, SECTION_LINES, 0)[INVOICE_LINE_DUE_DATE], "2024-03-30");
	sample_expect_broken(document, "invoice-due", "neither a due date nor terms");
	sample_set_date(&sample_line_at(document, SECTION_LINES, 1)[INVOICE_LINE_DUE_DATE], "2024-04-30");
	sample_expect_valid(document);
	/* Nothing is owed: no due date is needed; nor is one for a credit memo. */
	sample_make_invoice(document, DOCUMENT_INVOICE);
	document->header[INVOICE_TERMS].present = false;
	sample_set_amount(document, INVOICE_PREPAID, "119.00");
	sample_set_amount(document, INVOICE_PAYABLE, "0.00");
	sample_expect_valid(document);
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	document->header[INVOICE_TERMS].present = false;
	sample_expect_valid(document);
}

#define WITH_DOCUMENT(test) cmocka_unit_test_setup_teardown(test, sample_set_up, sample_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_DOCUMENT(test_invoice_sums), WITH_DOCUMENT(test_invoice_payable),
	    WITH_DOCUMENT(test_invoice_sign), WITH_DOCUMENT(test_tax_rate),
	    WITH_DOCUMENT(test_tax_sign),     WITH_DOCUMENT(test_tax_rate_of_yen),
	    WITH_DOCUMENT(test_invoice_due),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
