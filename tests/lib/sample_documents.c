/*
 * sample_documents.c - makes valid documents and looks at findings.
 *
 * Why:   see sample_documents.h.
 * Owns:  nothing beyond the fixture.
 * Runs in: the tests.
 */
#include "tests/lib/sample_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int sample_set_up(void **state)
{
	struct document *document = calloc(1, sizeof *document);
	assert_non_null(document);
	document_init(document);
	*state = document;
	return 0;
}

int sample_tear_down(void **state)
{
	document_release(*state);
	free(*state);
	return 0;
}

void sample_set_text(struct document *document, struct value *value, const char *text)
{
	assert_int_equal(document_set_text(document, value, span_of(text)), ERR_OK);
}

void sample_set_header(struct document *document, int slot, const char *text)
{
	sample_set_text(document, &document->header[slot], text);
}

void sample_set_decimal(struct value *value, const char *text)
{
	value->present = true;
	assert_int_equal(decimal_parse(&value->as.decimal, span_of(text)), ERR_OK);
}

void sample_set_amount(struct document *document, int slot, const char *text)
{
	sample_set_decimal(&document->header[slot], text);
}

void sample_set_integer(struct document *document, int slot, int64_t integer)
{
	document->header[slot] = (struct value){.present = true, .as.integer = integer};
}

void sample_set_date(struct value *value, const char *text)
{
	value->present = true;
	assert_int_equal(date_parse(&value->as.date, span_of(text)), ERR_OK);
}

struct value *sample_line_at(struct document *document, enum document_section section, int index)
{
	struct line_list *list = &document->sections[section];
	assert_true(index < list->count);
	return &list->values[index * list->stride];
}

void sample_expect_valid(const struct document *document)
{
	struct finding finding;
	if (!validity_check(document, &finding))
		fail_msg("%s: %s", finding.rule, finding.text);
}

/* The finding has this rule, its owner of the list, and this text in its sentence. */
void sample_expect_broken(const struct document *document, const char *rule, const char *part)
{
	struct finding finding;
	size_t count;
	if (validity_check(document, &finding))
		fail_msg("%s was not found", rule);
	if (strcmp(finding.rule, rule) != 0 || !strstr(finding.text, part))
		fail_msg("%s: %s; expected %s with \"%s\"", finding.rule, finding.text, rule, part);
	const struct validity_rule *rules = validity_rules(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rules[i].id, rule) == 0) {
			assert_int_equal(finding.owner, rules[i].owner);
			return;
		}
	}
	fail_msg("%s is not in the list of rules", rule);
}

void sample_begin(struct document *document, enum document_type type, const char *currency)
{
	document_begin(document, type);
	sample_set_header(document, HEADER_ENTITY, "00001");
	sample_set_header(document, HEADER_SOURCE_SYSTEM, "jde");
	sample_set_header(document, HEADER_TYPE, document_spec(type)->name);
	sample_set_header(document, HEADER_NUMBER, "4711");
	sample_set_header(document, HEADER_CURRENCY, currency);
	sample_set_integer(document, HEADER_YEAR, 2024);
	sample_set_integer(document, HEADER_PERIOD, 2);
	sample_set_date(&document->header[HEADER_POSTING_DATE], "2024-02-29");
}

struct value *sample_add_journal_line(struct document *document, const char *amount, const char *local)
{
	struct value *line = document_add_line(document, SECTION_LINES);
	assert_non_null(line);
	sample_set_text(document, &line[JOURNAL_LINE_LINE], "1");
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], "1.1110");
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], amount);
	if (local)
		sample_set_decimal(&line[JOURNAL_LINE_AMOUNT_LOCAL], local);
	return line;
}

void sample_make_journal(struct document *document)
{
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	sample_set_header(document, HEADER_LOCAL_CURRENCY, "JPY");
	(void)sample_add_journal_line(document, "100.00", "16000");
	(void)sample_add_journal_line(document, "-60.00", "-9600");
	(void)sample_add_journal_line(document, "-40.00", "-6400");
}

/* Two lines: 60.00 and 40.00 net at 19 per cent: 11.40 + 7.60 = 19.00 tax, 119.00 gross. */
void sample_make_invoice(struct document *document, enum document_type type)
{
	static const char *const nets[] = {"60.00", "40.00"};
	static const char *const taxes[] = {"11.40", "7.60"};
	sample_begin(document, type, "EUR");
	sample_set_header(document, INVOICE_CUSTOMER, "4242");
	sample_set_header(document, INVOICE_TERMS, "N30");
	sample_set_amount(document, INVOICE_NET, "100.00");
	sample_set_amount(document, INVOICE_TAX, "19.00");
	sample_set_amount(document, INVOICE_GROSS, "119.00");
	for (int i = 0; i < 2; i++) {
		struct value *line = document_add_line(document, SECTION_LINES);
		sample_set_text(document, &line[INVOICE_LINE_LINE], i ? "2" : "1");
		sample_set_decimal(&line[INVOICE_LINE_NET], nets[i]);
		sample_set_decimal(&line[INVOICE_LINE_TAX], taxes[i]);
		sample_set_text(document, &line[INVOICE_LINE_TAX_CODE], "V19");
	}
	struct value *tax_line = document_add_line(document, SECTION_TAX_LINES);
	sample_set_text(document, &tax_line[INVOICE_TAX_LINE_CODE], "V19");
	sample_set_decimal(&tax_line[INVOICE_TAX_LINE_RATE], "19");
	sample_set_decimal(&tax_line[INVOICE_TAX_LINE_BASE], "100.00");
	sample_set_decimal(&tax_line[INVOICE_TAX_LINE_TAX], "19.00");
}

void sample_make_payment(struct document *document)
{
	sample_begin(document, DOCUMENT_PAYMENT, "EUR");
	sample_set_header(document, PAYMENT_PAYER, "4242");
	sample_set_amount(document, PAYMENT_AMOUNT, "150.00");
	sample_set_amount(document, PAYMENT_UNAPPLIED, "31.00");
	struct value *line = document_add_line(document, SECTION_APPLICATIONS);
	sample_set_text(document, &line[PAYMENT_APPLICATION_LINE], "1");
	sample_set_decimal(&line[PAYMENT_APPLICATION_AMOUNT], "119.00");
	/* Both settle the invoice beside the money; they are no part of the payment. */
	sample_set_decimal(&line[PAYMENT_APPLICATION_DISCOUNT], "2.00");
	sample_set_decimal(&line[PAYMENT_APPLICATION_WRITE_OFF], "0.01");
}

void sample_make_customer(struct document *document)
{
	document_begin(document, DOCUMENT_CUSTOMER);
	sample_set_header(document, HEADER_ENTITY, "00001");
	sample_set_header(document, HEADER_SOURCE_SYSTEM, "jde");
	sample_set_header(document, HEADER_TYPE, "customer");
	sample_set_header(document, HEADER_NUMBER, "4242");
	sample_set_integer(document, HEADER_YEAR, 0);
	sample_set_header(document, CUSTOMER_LEGAL_NAME, "M\xc3\xbcller KG");
}

void sample_make_usage(struct document *document)
{
	sample_begin(document, DOCUMENT_USAGE, "EUR");
	document->header[HEADER_CURRENCY].present = false;
	sample_set_integer(document, HEADER_YEAR, 2026);
	sample_set_integer(document, HEADER_PERIOD, 9);
	sample_set_date(&document->header[HEADER_POSTING_DATE], "2026-09-30");
	sample_set_header(document, USAGE_CUSTOMER, "4242");
	sample_set_header(document, USAGE_METER, "transfer");
	sample_set_date(&document->header[USAGE_WINDOW_START], "2026-09-01");
	sample_set_date(&document->header[USAGE_WINDOW_END], "2026-09-30");
	sample_set_decimal(&document->header[USAGE_QUANTITY], "120.50");
	sample_set_header(document, USAGE_UNIT, "GB");
	sample_set_integer(document, USAGE_RECORD_COUNT, 310);
	sample_set_header(document, USAGE_RECORDS_DIGEST,
	                  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
}
