/*
 * totals_test.c - control totals against sums made by hand.
 *
 * Why:   a control total that is wrong accuses the cloud of what the agent did.
 * Owns:  one document, remade for each case.
 * Rules: amounts are those of sample_documents.h or stand in the test; the sums beside them are made by hand.
 * Runs in: the tests.
 */
#include "connector/uplink/totals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

static void add(struct totals *totals, const struct document *document, int64_t sequence)
{
	struct err_info info = {.text = ""};
	if (totals_add(totals, document, NULL, sequence, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static void expect_data(const struct totals *totals, int64_t last, const char *expected)
{
	struct buf out;
	buf_init(&out, 1u << 17);
	totals_write(totals, last, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

/*
 * One of each, of 2024 period 2, and what changes a key.
 * journal 100.00 -60.00 -40.00: debit 100.00, credit 100.00, twice: 200.00. invoice gross 119.00: debit. credit memo
 * gross 119.00: credit. payment 150.00: credit. customer, usage: counted, no entry.
 */
static void test_one_of_each(void **state)
{
	struct document *document = *state;
	struct totals totals;
	totals_init(&totals);
	sample_make_payment(document);
	add(&totals, document, 1);
	sample_make_journal(document);
	add(&totals, document, 2);
	add(&totals, document, 3);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	add(&totals, document, 5); /* 4 was a key event */
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	add(&totals, document, 6);
	sample_make_customer(document);
	add(&totals, document, 7);
	expect_data(&totals, 8,
	            "{\"count\":6,\"first\":1,\"last\":8,\"totals\":["
	            "{\"count\":1,\"credit\":\"119.00\",\"currency\":\"EUR\",\"debit\":\"0.00\",\"document\":"
	            "\"creditmemo\","
	            "\"period\":\"2024-02\"},"
	            "{\"count\":1,\"credit\":\"0.00\",\"currency\":\"EUR\",\"debit\":\"119.00\",\"document\":"
	            "\"invoice\","
	            "\"period\":\"2024-02\"},"
	            "{\"count\":2,\"credit\":\"200.00\",\"currency\":\"EUR\",\"debit\":\"200.00\","
	            "\"document\":\"journal\","
	            "\"period\":\"2024-02\"},"
	            "{\"count\":1,\"credit\":\"150.00\",\"currency\":\"EUR\",\"debit\":\"0.00\",\"document\":"
	            "\"payment\","
	            "\"period\":\"2024-02\"}]}");
	totals_begin(&totals, 10);
	sample_make_customer(document);
	add(&totals, document, 10);
	sample_make_usage(document);
	add(&totals, document, 11);
	expect_data(&totals, 11, "{\"count\":2,\"first\":10,\"last\":11,\"totals\":[]}");
	totals_release(&totals);
}

/* Entries stand by document, currency, year and period, however they came; digits are those of the currency. */
static void test_keys_and_digits(void **state)
{
	struct document *document = *state;
	struct totals totals;
	static const struct {
		const char *currency;
		const char *gross;
		int64_t year;
		int64_t period; /* 0: absent */
	} invoices[] = {
	    {"USD", "7.50", 2025, 1},  {"EUR", "1.00", 2025, 10}, {"EUR", "2.00", 2025, 2},
	    {"EUR", "3.00", 2024, 12}, {"JPY", "1000", 2025, 1},  {"KWD", "0.125", 2025, 1},
	    {"EUR", "-4.00", 2025, 2}, {"EUR", "5.00", 2025, 0},
	};
	totals_init(&totals);
	for (size_t i = 0; i < sizeof invoices / sizeof invoices[0]; i++) {
		sample_make_invoice(document, DOCUMENT_INVOICE);
		sample_set_header(document, HEADER_CURRENCY, invoices[i].currency);
		sample_set_amount(document, INVOICE_GROSS, invoices[i].gross);
		sample_set_integer(document, HEADER_YEAR, invoices[i].year);
		sample_set_integer(document, HEADER_PERIOD, invoices[i].period);
		document->header[HEADER_PERIOD].present = invoices[i].period > 0;
		add(&totals, document, (int64_t)i + 1);
	}
	/* clang-format off */
#define ENTRY(count, credit, currency, debit, period)                                                   \
	"{\"count\":" count ",\"credit\":\"" credit "\",\"currency\":\"" currency "\",\"debit\":\"" debit \
	"\",\"document\":\"invoice\",\"period\":\"" period "\"}"
	expect_data(&totals, 8,
	            "{\"count\":8,\"first\":1,\"last\":8,\"totals\":["
	            ENTRY("1", "0.00", "EUR", "3.00", "2024-12") ","
	            ENTRY("1", "0.00", "EUR", "5.00", "2025-00") ","
	            ENTRY("2", "4.00", "EUR", "2.00", "2025-02") ","
	            ENTRY("1", "0.00", "EUR", "1.00", "2025-10") ","
	            ENTRY("1", "0", "JPY", "1000", "2025-01") ","
	            ENTRY("1", "0.000", "KWD", "0.125", "2025-01") ","
	            ENTRY("1", "0.00", "USD", "7.50", "2025-01") "]}");
#undef ENTRY
	/* clang-format on */
	totals_release(&totals);
}

/* A journal's parts bring their own lines, an invoice's header counts in part 1 alone; each part is an event. */
static void test_parts(void **state)
{
	struct document *document = *state;
	struct totals totals;
	const struct part journal[2] = {{1, 2, 0, 1}, {2, 2, 1, 2}};
	const struct part invoice[2] = {{1, 2, 0, 1}, {2, 2, 1, 1}};
	totals_init(&totals);
	sample_make_journal(document);
	assert_int_equal(totals_add(&totals, document, &journal[0], 1, NULL), ERR_OK);
	/* 100.00 so far, no credit. */
	assert_int_equal(totals.entries[0].debit, 10000);
	assert_int_equal(totals.entries[0].credit, 0);
	assert_int_equal(totals_add(&totals, document, &journal[1], 2, NULL), ERR_OK);
	assert_int_equal(totals.entries[0].credit, 6000 + 4000);
	assert_int_equal(totals.entries[0].count, 2);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	assert_int_equal(totals_add(&totals, document, &invoice[0], 3, NULL), ERR_OK);
	assert_int_equal(totals_add(&totals, document, &invoice[1], 4, NULL), ERR_OK);
	assert_int_equal(totals.entry_count, 2);
	assert_int_equal(totals.entries[0].debit, 11900); /* invoice stands before journal */
	assert_int_equal(totals.entries[0].count, 1);
	assert_int_equal(totals.count, 4);
	totals_release(&totals);
}

static void make_payment_of(struct document *document, const char *currency, int64_t year, int64_t units)
{
	sample_make_payment(document);
	sample_set_header(document, HEADER_CURRENCY, currency);
	sample_set_integer(document, HEADER_YEAR, year);
	document->header[PAYMENT_AMOUNT] = (struct value){.present = true, .as.decimal = {units, 0}};
}

/* 400 entries are held; the next new one is refused and changes nothing, one of an old key goes in. */
static void test_entries_max(void **state)
{
	struct document *document = *state;
	struct totals totals;
	totals_init(&totals);
	for (int i = 0; i < 400; i++) {
		assert_false(totals_full(&totals, SIZE_MAX));
		make_payment_of(document, "JPY", 9999 - i, 1);
		add(&totals, document, i + 1);
	}
	assert_true(totals_full(&totals, SIZE_MAX));
	make_payment_of(document, "JPY", 1900, 1);
	assert_int_equal(totals_add(&totals, document, NULL, 401, NULL), ERR_FULL);
	assert_int_equal(totals.count, 400);
	assert_int_equal(totals.last, 400);
	make_payment_of(document, "JPY", 9999, 1);
	add(&totals, document, 401);
	struct buf out;
	buf_init(&out, TOTALS_BYTES_MAX);
	totals_encode(&totals, &out);
	assert_true(buf_ok(&out));
	assert_int_equal(out.len, TOTALS_BYTES_MAX);
	buf_release(&out);
	totals_begin(&totals, 403);
	assert_null(totals.entries);
	totals_release(&totals);
}

/* Data never outgrow what totals_full() reckons with: the largest figures there are. */
static void test_data_bytes(void **state)
{
	(void)state;
	struct totals_entry entries[2] = {
	    {DOCUMENT_CREDIT_MEMO, "EUR", 9999, 99, INT64_MAX, INT64_MAX, INT64_MAX},
	    {DOCUMENT_CREDIT_MEMO, "USD", 9999, 99, INT64_MAX, INT64_MAX, INT64_MAX}};
	const struct totals totals = {INT64_MAX, INT64_MAX, INT64_MAX, entries, 2, 2};
	struct buf out;
	buf_init(&out, 4096);
	totals_write(&totals, INT64_MAX, &out);
	assert_true(out.len <= TOTALS_DATA_FRAME_BYTES + 2 * TOTALS_DATA_ENTRY_BYTES);
	buf_release(&out);
	const struct totals none = {1, 0, 0, NULL, 0, 0};
	assert_false(totals_full(&none, TOTALS_DATA_FRAME_BYTES + TOTALS_DATA_ENTRY_BYTES));
	assert_true(totals_full(&none, TOTALS_DATA_FRAME_BYTES + TOTALS_DATA_ENTRY_BYTES - 1));
}

/* Sums at the edge of 64 bits: 2^63 - 1 fits, one more asks for a control event, and is then taken. */
static void test_sums_max(void **state)
{
	struct document *document = *state;
	struct totals totals;
	totals_init(&totals);
	make_payment_of(document, "JPY", 2025, INT64_MAX - 1);
	add(&totals, document, 1);
	make_payment_of(document, "JPY", 2025, 1);
	add(&totals, document, 2);
	assert_int_equal(totals_add(&totals, document, NULL, 3, NULL), ERR_FULL);
	assert_int_equal(totals.count, 2);
	assert_true(totals.entries[0].credit == INT64_MAX);
	totals_begin(&totals, 4);
	add(&totals, document, 4);
	assert_int_equal(totals.entries[0].credit, 1);
	/* A document that is over the limit by itself, or has no opposite. */
	sample_begin(document, DOCUMENT_JOURNAL, "JPY");
	(void)sample_add_journal_line(document, "9223372036854775807", NULL);
	(void)sample_add_journal_line(document, "1", NULL);
	assert_int_equal(totals_add(&totals, document, NULL, 5, NULL), ERR_OVERFLOW);
	make_payment_of(document, "JPY", 2026, INT64_MIN);
	assert_int_equal(totals_add(&totals, document, NULL, 5, NULL), ERR_OVERFLOW);
	sample_begin(document, DOCUMENT_JOURNAL, "JPY");
	(void)sample_add_journal_line(document, "-9223372036854775808", NULL);
	assert_int_equal(totals_add(&totals, document, NULL, 5, NULL), ERR_OVERFLOW);
	assert_int_equal(totals.count, 1);
	assert_int_equal(totals.entry_count, 1);
	totals_release(&totals);
}

/* What validity_check() would have held back is refused, and changes nothing. */
static void test_refused(void **state)
{
	struct document *document = *state;
	struct totals totals;
	totals_init(&totals);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_amount(document, INVOICE_GROSS, "119.001");
	assert_int_equal(totals_add(&totals, document, NULL, 1, NULL), ERR_BAD_INPUT);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_header(document, HEADER_CURRENCY, "XXX");
	assert_int_equal(totals_add(&totals, document, NULL, 1, NULL), ERR_BAD_INPUT);
	sample_set_header(document, HEADER_CURRENCY, "");
	assert_int_equal(totals_add(&totals, document, NULL, 1, NULL), ERR_BAD_INPUT);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_integer(document, HEADER_YEAR, 10000);
	assert_int_equal(totals_add(&totals, document, NULL, 1, NULL), ERR_BAD_INPUT);
	sample_set_integer(document, HEADER_YEAR, 9999);
	sample_set_integer(document, HEADER_PERIOD, 100);
	assert_int_equal(totals_add(&totals, document, NULL, 1, NULL), ERR_BAD_INPUT);
	sample_set_integer(document, HEADER_PERIOD, 99);
	add(&totals, document, 1);
	/* Trailing zeros are no digits. */
	sample_set_amount(document, INVOICE_GROSS, "119.0000");
	add(&totals, document, 2);
	assert_int_equal(totals.entries[0].debit, 23800);
	totals_release(&totals);
}

/* Encoded, decoded, encoded: the same; every cut, and every byte that breaks a rule, is refused. */
static void test_bytes(void **state)
{
	struct document *document = *state;
	struct totals totals;
	struct totals again;
	struct buf out;
	struct buf second;
	buf_init(&out, TOTALS_BYTES_MAX);
	buf_init(&second, TOTALS_BYTES_MAX);
	totals_init(&totals);
	totals_init(&again);
	totals_begin(&totals, 7);
	sample_make_journal(document);
	add(&totals, document, 8);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	add(&totals, document, 9);
	totals_encode(&totals, &out);
	assert_int_equal(out.len, 27 + 2 * 31);
	assert_true(totals_decode(&again, out.data, out.len));
	totals_encode(&again, &second);
	assert_true(span_equal(buf_span(&out), buf_span(&second)));
	assert_int_equal(again.first, 7);
	assert_int_equal(again.last, 9);
	for (size_t len = 1; len < out.len; len++)
		assert_false(totals_decode(&again, out.data, len));
	assert_int_equal(again.first, 1);
	assert_int_equal(again.entry_count, 0);
	buf_append_char(&out, 0);
	assert_false(totals_decode(&again, out.data, out.len));
	out.len--;
	/* Version, first above last, entries; types customer and usage, currency, year, period, count 0, debit and
	 * credit below zero. */
	static const struct {
		size_t at;
		uint8_t byte;
	} breaks[] = {{0, 2},     {1, 11},   {25, 1}, {27, 4},    {27, 5},   {28, 'e'},
	              {32, 0x30}, {33, 100}, {34, 0}, {49, 0x80}, {57, 0x80}};
	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
		uint8_t kept = out.data[breaks[i].at];
		out.data[breaks[i].at] = breaks[i].byte;
		if (totals_decode(&again, out.data, out.len))
			fail_msg("byte %zu was taken", breaks[i].at);
		out.data[breaks[i].at] = kept;
	}
	/* More events in entries than there were, and entries out of order. */
	out.data[34] = 2;
	assert_false(totals_decode(&again, out.data, out.len));
	out.data[34] = 1;
	out.data[27] = DOCUMENT_PAYMENT;
	assert_false(totals_decode(&again, out.data, out.len));
	assert_true(totals_decode(&again, NULL, 0));
	assert_int_equal(again.first, 1);
	assert_int_equal(again.last, 0);
	buf_release(&out);
	buf_release(&second);
	totals_release(&totals);
	totals_release(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_of_each), cmocka_unit_test(test_keys_and_digits),
	    cmocka_unit_test(test_parts),       cmocka_unit_test(test_entries_max),
	    cmocka_unit_test(test_data_bytes),  cmocka_unit_test(test_sums_max),
	    cmocka_unit_test(test_refused),     cmocka_unit_test(test_bytes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
