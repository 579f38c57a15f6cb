/*
 * rules_tolerance_test.c - what may differ by how much, and which attributes are compared.
 *
 * Why:   a tolerance that is too wide hides a difference, and one that never counts shows differences nobody wants.
 * Owns:  nothing.
 * Rules: expected amounts are read off the CSV texts by hand; digits of currencies are those of ISO 4217.
 * Runs in: the tests.
 */
#include "connector/compare/rules.h"

#include <stdio.h>

#include "tests/unit/rules_fixture.h"

#define HEADER    "entity,currency,document_type,account,amount,note\n"
#define ATTRIBUTE "document_type,attribute,compare\n"

static void assert_tolerates(const struct made_rules *made, const char *entity, const char *currency,
                             enum document_type type, const char *account, const char *expected)
{
	char text[DECIMAL_TEXT_MAX];
	struct decimal amount =
	    rules_tolerance(made->rules, span_of(entity), span_of(currency), type, span_of(account));
	(void)decimal_print(amount, text);
	assert_string_equal(text, expected);
}

/* The first row that matches counts; an empty account is the whole document, which no row of an account is for. */
static void first_row_counts(void **state)
{
	(void)state;
	struct made_rules made = rules_of("tolerance", HEADER "00070,CHF,invoice,,0.05,cash\n"
	                                                      "00070,CHF,*,,0.01,\n"
	                                                      "*,EUR,,400000,0.02,\n"
	                                                      ",,journal,400000,0.5,\n"
	                                                      "*,JPY,*,*,1,\n");
	assert_int_equal(rules_tolerance_count(made.rules), 5);
	assert_tolerates(&made, "00070", "CHF", DOCUMENT_INVOICE, "", "0.05");
	assert_tolerates(&made, "00070", "CHF", DOCUMENT_INVOICE, "400000", "0.05");
	assert_tolerates(&made, "00070", "CHF", DOCUMENT_CREDIT_MEMO, "", "0.01");
	assert_tolerates(&made, "00071", "CHF", DOCUMENT_INVOICE, "", "0");
	assert_tolerates(&made, "00071", "EUR", DOCUMENT_INVOICE, "400000", "0.02");
	assert_tolerates(&made, "00071", "EUR", DOCUMENT_INVOICE, "400001", "0");
	assert_tolerates(&made, "00071", "EUR", DOCUMENT_INVOICE, "", "0");
	assert_tolerates(&made, "00071", "EUR", DOCUMENT_JOURNAL, "400000", "0.02");
	assert_tolerates(&made, "00071", "USD", DOCUMENT_JOURNAL, "400000", "0.5");
	assert_tolerates(&made, "00071", "JPY", DOCUMENT_PAYMENT, "1", "1");
	assert_tolerates(&made, "00071", "", DOCUMENT_CUSTOMER, "", "0");
	rules_drop(&made);
	made = rules_begin();
	rules_end(&made);
	assert_tolerates(&made, "1", "EUR", DOCUMENT_INVOICE, "", "0");
	rules_drop(&made);
}

/* Digits: those of the currency that is named, four where none is; trailing zeros do not count as such. */
static void digits(void **state)
{
	(void)state;
	struct made_rules made =
	    rules_of("tolerance", HEADER "1,KWD,,,0.001,\n1,JPY,,,5.000,\n1,CLF,,,0.0001,\n"
	                                 "2,,,,0.0001,\n");
	assert_tolerates(&made, "1", "KWD", DOCUMENT_INVOICE, "", "0.001");
	assert_tolerates(&made, "1", "JPY", DOCUMENT_INVOICE, "", "5");
	assert_tolerates(&made, "2", "JPY", DOCUMENT_INVOICE, "", "0.0001");
	rules_drop(&made);
	assert_problems(
	    "tolerance",
	    SPAN_LITERAL(HEADER "1,KWD,,,0.0001,\n1,JPY,,,0.5,\n1,EUR,,,0.001,\n2,,,,0.00001,\n"),
	    "2: amount is 0.0001; allowed are at most 3 digits after the point, as the currency has them\n"
	    "3: amount is 0.5; allowed are at most 0 digits after the point, as the currency has them\n"
	    "4: amount is 0.001; allowed are at most 2 digits after the point, as the currency has them\n"
	    "5: amount is 0.00001; allowed are at most 4 digits after the point, as the currency has "
	    "them\n");
}

/* Amounts, currencies and types that are none. */
static void wrong_rows(void **state)
{
	(void)state;
	assert_problems(
	    "tolerance",
	    SPAN_LITERAL("entity;currency;document_type;account;amount\n"
	                 ";;;;-0.01\n;;;;0,05\n1;;;;\n;;;;1e2\n;;;;99999999999999999999\n;EURO;;;1\n"
	                 ";eur;invoices;;1\n"),
	    "2: amount is -0.01; allowed is 0 or more: it counts in both directions\n"
	    "3: amount is 0,05; allowed is a number with a point and without separators of thousands, "
	    "such as 0.05\n"
	    "4: amount is empty; allowed is a number with a point and without separators of thousands, "
	    "such as 0.05\n"
	    "5: amount is 1e2; allowed is a number with a point and without separators of thousands, "
	    "such as 0.05\n"
	    "6: amount is 99999999999999999999; allowed is a number with a point and without separators "
	    "of thousands, such as 0.05\n"
	    "7: there is no currency EURO; allowed is a code of ISO 4217 such as EUR, or * for all\n"
	    "8: there is no document_type invoices; allowed are journal, invoice, credit_memo, payment, "
	    "customer, usage, and * for all\n"
	    "8: there is no currency eur; allowed is a code of ISO 4217 such as EUR, or * for all\n");
}

/* A row behind one that matches all it could match is told; one that only overlaps is not. */
static void hidden_rows(void **state)
{
	(void)state;
	assert_problems(
	    "tolerance",
	    SPAN_LITERAL(HEADER "1,EUR,,,0.01,\n"
	                        "*,EUR,invoice,,0.02,\n"
	                        "1,EUR,invoice,4000,0.03,\n"
	                        "2,EUR,invoice,,0.03,\n"
	                        "2,EUR,payment,,0.03,\n"
	                        "2,EUR,payment,*,0.03,\n"),
	    "4: this row never counts: the one in line 2 already matches; put it before that one, or "
	    "remove it\n"
	    "5: this row never counts: the one in line 3 already matches; put it before that one, or "
	    "remove it\n"
	    "7: this row never counts: the one in line 6 already matches; put it before that one, or "
	    "remove it\n");
}

/* 1000 rows are taken, of which each is found; one more is told. */
static void limit(void **state)
{
	(void)state;
	for (int rows = RULES_TOLERANCES_MAX; rows <= RULES_TOLERANCES_MAX + 1; rows++) {
		struct buf text;
		struct made_rules made = rules_begin();
		buf_init(&text, 1u << 20);
		buf_append_text(&text, HEADER);
		for (int i = 0; i < rows; i++)
			buf_printf(&text, "%d,EUR,,,%d,\n", i, i);
		rules_put(&made, "tolerance", buf_cstr(&text));
		rules_end(&made);
		assert_int_equal(made.problems->total, rows - RULES_TOLERANCES_MAX);
		if (!made.good)
			assert_string_equal(made.problems->list[0].text,
			                    "there are more than 1000 rows; allowed are 1000");
		assert_tolerates(&made, "999", "EUR", DOCUMENT_INVOICE, "", "999");
		assert_tolerates(&made, "0", "EUR", DOCUMENT_INVOICE, "", "0");
		assert_tolerates(&made, "1000", "EUR", DOCUMENT_INVOICE, "", "0");
		buf_release(&text);
		rules_drop(&made);
	}
}

/* One's own type goes before "*", wherever it stands; what no row names is as the caller says. */
static void attributes(void **state)
{
	(void)state;
	struct made_rules made = rules_of("attribute", ATTRIBUTE "*,reference,yes\n"
	                                                         "invoice,reference,no\n"
	                                                         ",terms,no\n"
	                                                         "customer,tax_id,no\n");
	const struct rules *rules = made.rules;
	assert_int_equal(rules_attribute_count(rules), 4);
	assert_false(rules_compares(rules, DOCUMENT_INVOICE, SPAN_LITERAL("reference"), true));
	assert_true(rules_compares(rules, DOCUMENT_PAYMENT, SPAN_LITERAL("reference"), false));
	assert_false(rules_compares(rules, DOCUMENT_INVOICE, SPAN_LITERAL("terms"), true));
	assert_false(rules_compares(rules, DOCUMENT_CUSTOMER, SPAN_LITERAL("tax_id"), true));
	assert_true(rules_compares(rules, DOCUMENT_INVOICE, SPAN_LITERAL("tax_id"), true));
	assert_false(rules_compares(rules, DOCUMENT_INVOICE, SPAN_LITERAL("tax_id"), false));
	assert_true(rules_compares(rules, DOCUMENT_INVOICE, SPAN_LITERAL("colour"), true));
	rules_drop(&made);
}

/* Unknown attributes, answers that are neither yes nor no, the same twice. */
static void wrong_attributes(void **state)
{
	(void)state;
	assert_problems(
	    "attribute",
	    SPAN_LITERAL(ATTRIBUTE
	                 "bill,reference,yes\n*,reference,Yes\n*,reference,\n*,terms,yes\n,terms,no\n"),
	    "2: there is no document_type bill; allowed are journal, invoice, credit_memo, payment, "
	    "customer, usage, and * for all\n"
	    "3: compare is Yes; allowed is yes or no\n"
	    "4: compare is empty; allowed is yes or no\n"
	    "6: line 5 has the same document_type and attribute; remove one of them\n");
	struct made_rules made = rules_begin();
	rules_put(&made, "attribute", ATTRIBUTE "*,colour,yes\n*,,no\n");
	assert_int_equal(made.problems->total, 2);
	assert_non_null(strstr(made.problems->list[0].text,
	                       "there is no attribute colour; allowed are period, posting_date, "));
	assert_non_null(strstr(made.problems->list[0].text, " and unapplied"));
	assert_non_null(
	    strstr(made.problems->list[1].text, "there is no attribute without a name; allowed are "));
	rules_drop(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_row_counts), cmocka_unit_test(digits), cmocka_unit_test(wrong_rows),
	    cmocka_unit_test(hidden_rows),      cmocka_unit_test(limit),  cmocka_unit_test(attributes),
	    cmocka_unit_test(wrong_attributes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
