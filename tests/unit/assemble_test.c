/*
 * assemble_test.c - rows become whole documents, or an exception that names what is wrong.
 *
 * Why:   half a document, or one with another's line, would be booked as if it were true.
 * Owns:  nothing.
 * Rules: rows are written as in an ERP; expected documents are written out by hand.
 * Runs in: the tests.
 */
#include "connector/source/assemble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/posting/canonical.h"

/* Invoices and credit memos, two implied decimals, with what the JD Edwards profile uses too. */
static const char profile_text[] =
    "profile: mini\n"
    "version: \"1\"\n"
    "clock: {default: SELECT 1}\n"
    "feeds:\n"
    "  invoice:\n"
    "    document: {column: DCT, map: {RI: invoice, RM: credit_memo}, otherwise: error}\n"
    "    strategy: day_overlap\n"
    "    rows:\n"
    "      key: [CO, DCT, DOC integer]\n"
    "      stamp: {form: cyyddd_hhmmss, columns: [UPMJ, UPMT]}\n"
    "      sql: SELECT 1 WHERE {since UPMJ UPMT} AND {after} {order} {page}\n"
    "    voided: {column: VOD, as: present}\n"
    "    header:\n"
    "      entity: CO\n"
    "      number: {join: [DCT, DOC], separator: \"-\"}\n"
    "      year: Y\n"
    "      posting_date: {column: DGJ, as: date_cyyddd}\n"
    "      currency: {const: EUR}\n"
    "      customer: AN8\n"
    "      net: {sum: lines.net}\n"
    "      tax: {sum: lines.tax}\n"
    "      gross: {sum: lines.gross}\n"
    "      open: {sum: lines.open}\n"
    "      status: {settlement: {open: open, of: gross}}\n"
    "      rounding: RND\n"
    "    lines:\n"
    "      when: SFX\n"
    "      line: SFX\n"
    "      net: {column: NET, as: implied_decimals, decimals: 2, negate: credit_memo}\n"
    "      tax: {column: TAX, as: implied_decimals, decimals: 2, negate: credit_memo}\n"
    "      gross: {add: [{column: NET, as: implied_decimals, decimals: 2},\n"
    "                    {column: TAX, as: implied_decimals, decimals: 2}], negate: credit_memo}\n"
    "      open: {column: OPN, as: implied_decimals, decimals: 2, negate: credit_memo}\n"
    "      text: RMK\n";

/* Columns of a row, in the order of the answer. */
static const char *const names[] = {"RMK", "OPN",  "TAX",  "NET", "SFX", "AN8", "DGJ", "Y",
                                    "VOD", "UPMT", "UPMJ", "DOC", "DCT", "CO",  "RND"};
#define COLUMNS 15

struct fixture {
	struct profile *profile;
	struct assembler assembler;
	struct canonical canonical;
	struct buf json;
	struct source_value values[COLUMNS];
	struct store_exception exception;
	char subject[STORE_SUBJECT_MAX];
};

static int setup(void **state)
{
	static struct config_problems problems;
	struct fixture *f = mem_alloc(sizeof *f);
	config_problems_init(&problems);
	f->profile = profile_load(span_of(profile_text), "mini.yaml", NULL, 0, &problems);
	if (problems.count)
		print_error("%d:%d %s\n", problems.list[0].line, problems.list[0].column,
		            problems.list[0].text);
	assert_non_null(f->profile);
	const struct profile_feed *feed = &f->profile->feeds[0];
	assembler_init(&f->assembler, f->profile, feed);
	for (int c = 0; c < feed->rows.column_count; c++) {
		for (int i = 0; i < COLUMNS; i++) {
			if (span_equal(feed->rows.columns[c], span_of(names[i])))
				f->assembler.columns[c] = (int16_t)i;
		}
	}
	canonical_init(&f->canonical);
	buf_init(&f->json, 16u * 1024u * 1024u);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assembler_release(&f->assembler);
	profile_free(f->profile);
	buf_release(&f->json);
	free(f);
	return 0;
}

static void set(struct fixture *f, const char *name, const char *text)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (strcmp(names[i], name) == 0)
			f->values[i] = text ? (struct source_value){SOURCE_VALUE_TEXT, span_of(text)}
			                    : (struct source_value){.kind = SOURCE_VALUE_NULL};
	}
}

static void row(struct fixture *f, const char *type, const char *document, const char *item, const char *net,
                const char *tax, const char *open)
{
	set(f, "CO", "00001");
	set(f, "DCT", type);
	set(f, "DOC", document);
	set(f, "Y", "2024");
	set(f, "DGJ", "124060");
	set(f, "AN8", "4242");
	set(f, "VOD", " ");
	set(f, "UPMJ", "124060");
	set(f, "UPMT", "93005");
	set(f, "SFX", item);
	set(f, "NET", net);
	set(f, "TAX", tax);
	set(f, "OPN", open);
	set(f, "RMK", "Service     ");
	set(f, "RND", NULL);
}

static const char *finish(struct fixture *f)
{
	bool whole = assembler_finish(&f->assembler, &f->exception, f->subject);
	if (!whole)
		print_error("%.*s\n", (int)f->exception.text.len, f->exception.text.data);
	assert_true(whole);
	buf_clear(&f->json);
	canonical_write(&f->canonical, &f->assembler.document, &f->json);
	return buf_cstr(&f->json);
}

/* Two pay items make one invoice: header of the first, a line each, totals added up: 100.00 + 50.00 net,
 * 19.00 + 9.50 tax, 178.50 gross; 59.50 of it open makes it partly paid. The next document begins where the
 * key changes. */
static void test_invoice(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "10000", "1900", "0");
	assert_false(assembler_begins(&f->assembler, f->values));
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1001", "002", "5000", "950", "5950");
	assert_false(assembler_begins(&f->assembler, f->values));
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1002", "001", "1", "0", "1");
	assert_true(assembler_begins(&f->assembler, f->values));
	assert_string_equal(
	    finish(f),
	    "{\"currency\":\"EUR\",\"customer\":\"4242\",\"entity\":\"00001\",\"gross\":\"178.50\",\"lines\":"
	    "["
	    "{\"gross\":\"119.00\",\"line\":\"001\",\"net\":\"100.00\",\"open\":\"0.00\",\"tax\":\"19.00\","
	    "\"text\":\"Service\"},"
	    "{\"gross\":\"59.50\",\"line\":\"002\",\"net\":\"50.00\",\"open\":\"59.50\",\"tax\":\"9.50\","
	    "\"text\":\"Service\"}],"
	    "\"net\":\"150.00\",\"number\":\"RI-1001\",\"open\":\"59.50\",\"posting_date\":\"2024-02-29\","
	    "\"source_system\":\"mini\",\"status\":\"partly_paid\",\"tax\":\"28.50\",\"type\":\"invoice\","
	    "\"year\":2024}");
	assert_string_equal(f->subject, "00001/invoice/2024/RI-1001");
	assert_int_equal(f->assembler.rows, 2);
	assembler_add(&f->assembler, f->values);
	(void)finish(f);
	assert_string_equal(f->subject, "00001/invoice/2024/RI-1002");
}

/* A credit memo has negative amounts in the ERP and positive ones in its document; nothing paid means open.
 * */
static void test_credit_memo(void **state)
{
	struct fixture *f = *state;
	row(f, "RM", "77", "001", "-10000", "-1900", "-11900");
	assembler_add(&f->assembler, f->values);
	const char *json = finish(f);
	assert_string_equal(f->subject, "00001/credit_memo/2024/RM-77");
	assert_non_null(strstr(json, "\"gross\":\"119.00\""));
	assert_non_null(strstr(json, "\"status\":\"open\""));
	assert_false(f->assembler.document.voided);
}

/* Databases give amounts with digits of their own, as NUMERIC(19,4): they get those of EUR where that changes nothing;
 * 0.035 EUR has no such form and stays for the rule amount-digits to find. */
static void test_digits(void **state)
{
	static const char *const cases[][2] = {
	    {"0.0300", "\"rounding\":\"0.03\""},
	    {"1", "\"rounding\":\"1.00\""},
	    {"0.0350", "\"rounding\":\"0.0350\""},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		row(f, "RI", "78", "001", "100", "0", "100");
		set(f, "RND", cases[i][0]);
		assembler_add(&f->assembler, f->values);
		assert_non_null(strstr(finish(f), cases[i][1]));
	}
}

/* One voided row voids the document, which then has no payment status; a row without an item makes no line.
 * */
static void test_voided(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1", "001", "100", "0", "0");
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1", "002", "100", "0", "0");
	set(f, "VOD", "V");
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1", NULL, "100", "0", "0");
	assembler_add(&f->assembler, f->values);
	const char *json = finish(f);
	assert_true(f->assembler.document.voided);
	assert_null(strstr(json, "status"));
	assert_int_equal(f->assembler.document.sections[SECTION_LINES].count, 2);
}

static void unreadable(struct fixture *f, const char *rule, const char *key, const char *words)
{
	assert_false(assembler_finish(&f->assembler, &f->exception, f->subject));
	assert_true(span_equal(f->exception.rule, span_of(rule)));
	assert_int_equal(f->exception.owner, STORE_OWNER_DATA_QUALITY);
	char text[ERR_TEXT_MAX + 1];
	assert_true(text_copy(text, sizeof text, f->exception.key));
	assert_string_equal(text, key);
	assert_true(text_copy(text, sizeof text, f->exception.text));
	if (!strstr(text, words))
		print_error("%s\n", text);
	assert_non_null(strstr(text, words));
}

/* A bad amount in a later line keeps the document back under its subject, names column and value, and keeps
 * the row's raw values; the next document is whole. */
static void test_bad_line(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "10000", "1900", "0");
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1001", "002", "NaN", "0", "0");
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1001", "003", "1", "0", "0");
	assert_false(assembler_begins(&f->assembler, f->values));
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "00001/invoice/2024/RI-1001", "column NET holds 'NaN', expected was");
	char raw[STORE_RAW_BYTES_MAX + 1];
	assert_true(text_copy(raw, sizeof raw, f->exception.raw));
	assert_non_null(strstr(raw, "NET='NaN'"));
	assert_non_null(strstr(raw, "SFX='002'"));
	row(f, "RI", "1002", "001", "1", "0", "1");
	assembler_add(&f->assembler, f->values);
	(void)finish(f);
}

/* A bad date in the header still leaves the subject; a year that cannot be read leaves the ERP's key. */
static void test_bad_header(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "10000", "1900", "0");
	set(f, "DGJ", "999999");
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "00001/invoice/2024/RI-1001", "column DGJ holds '999999'");
	row(f, "RI", "1002", "001", "10000", "1900", "0");
	set(f, "Y", "MMXX");
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "invoice 00001/RI/1002", "column Y holds 'MMXX'");
	row(f, "RI", "1003", "001", "10000", "1900", "0");
	set(f, "Y", " ");
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "invoice 00001/RI/1003", "no subject");
	row(f, "XX", "1004", "001", "10000", "1900", "0");
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "invoice 00001/XX/1004", "column DCT holds 'XX'");
}

/* A key that is NULL or no text cannot be read, and does not join the rows around it. */
static void test_bad_key(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "1", "0", "0");
	set(f, "CO", NULL);
	assembler_add(&f->assembler, f->values);
	assert_true(assembler_begins(&f->assembler, f->values));
	unreadable(f, "value-bad", "invoice (key unreadable)", "its key is NULL");
	assert_false(f->assembler.key_usable);
	row(f, "RI", "1001", "001", "1", "0", "0");
	assembler_add(&f->assembler, f->values);
	set(f, "CO", NULL);
	assert_true(assembler_begins(&f->assembler, f->values));
	(void)finish(f);
}

/* 10,000 lines are a document, 10,001 are too many; texts of 4 MB together fit, one more value does not. */
static void test_too_large(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "1", "0", "0");
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++)
		assembler_add(&f->assembler, f->values);
	(void)finish(f);
	assert_int_equal(f->assembler.document.sections[SECTION_LINES].count, DOCUMENT_LINES_MAX);
	for (int i = 0; i < DOCUMENT_LINES_MAX + 1; i++)
		assembler_add(&f->assembler, f->values);
	unreadable(f, "document-too-large", "00001/invoice/2024/RI-1001", "more than 10000 lines");
	static char large[SOURCE_VALUE_BYTES_MAX + 1];
	memset(large, 'x', SOURCE_VALUE_BYTES_MAX);
	set(f, "RMK", large);
	/* 4 MiB hold 85 texts of 48 KiB and a little; the 86th does not fit. */
	for (int i = 0; i < 85; i++)
		assembler_add(&f->assembler, f->values);
	(void)finish(f);
	for (int i = 0; i < 86; i++)
		assembler_add(&f->assembler, f->values);
	unreadable(f, "document-too-large", "00001/invoice/2024/RI-1001", "texts are over");
}

/* The sum of the lines is exact or the document waits: 9223372036854775807 cents and one more. */
static void test_sum_overflow(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "9223372036854775807", "0", "0");
	assembler_add(&f->assembler, f->values);
	row(f, "RI", "1001", "002", "1", "0", "0");
	assembler_add(&f->assembler, f->values);
	unreadable(f, "value-bad", "00001/invoice/2024/RI-1001", "the sum of its lines");
}

/* A dropped document leaves nothing behind. */
static void test_drop(void **state)
{
	struct fixture *f = *state;
	row(f, "RI", "1001", "001", "bad", "0", "0");
	assembler_add(&f->assembler, f->values);
	assembler_drop(&f->assembler);
	row(f, "RI", "1001", "001", "1", "0", "0");
	assert_false(assembler_begins(&f->assembler, f->values));
	assembler_add(&f->assembler, f->values);
	(void)finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_invoice, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_credit_memo, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_digits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_voided, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_header, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_key, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sum_overflow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_drop, setup, teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
