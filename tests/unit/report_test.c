/*
 * report_test.c - which rows a page keeps, and what a sheet that is full says.
 *
 * Why:   the limits of a page (500 rows) and of a sheet (1,048,576) are reached here with small numbers.
 * Owns:  a folder in TMPDIR while a test runs.
 * Rules: expected rows are listed by hand beside what is offered.
 * Runs in: the tests.
 */
#include "tools/twinpost/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "tools/twinpost/report_pick.h"
#include "tools/twinpost/report_words.h"

#define SAMPLE        "tests/data/compare_sample"
#define FILE_MAX      (4u * 1024u * 1024u)
#define LOCAL_HEAD    30 /* bytes before the name in a zip's local header */
#define LOCAL_NAME    26 /* where the lengths of name and extra stand */
#define TEMPLATE_SIZE 4096

/* ---- rows ---- */

static void offer(struct picks *picks, const char *currency, int64_t rank, int64_t second, int64_t order)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%s%lld", currency, (long long)order);
	picks_offer(picks, currency, (struct decimal){rank, 2}, (struct decimal){second, 2}, order,
	            span_of(text));
}

static void assert_list(const struct pick_list *list, const char *expected)
{
	char text[200] = "";
	size_t length = 0;
	for (size_t i = 0; i < list->count; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? " " : "",
		                           list->picks[i].text);
	assert_string_equal(text, expected);
}

/* Rank first, then second, then the order of the table; what is less falls out. */
static void test_largest_first(void **state)
{
	(void)state;
	struct picks picks;
	picks_init(&picks, 4);
	static const struct {
		int64_t rank, second;
	} rows[] = {{5, 0}, {9, 1}, {5, 0}, {1, 9}, {9, 2}, {5, 1}, {5, 0}, {0, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		offer(&picks, "E", rows[i].rank, rows[i].second, (int64_t)i + 1);
	picks_finish(&picks);
	assert_int_equal(picks.count, 1);
	assert_int_equal(picks.seen, 8);
	assert_list(&picks.lists[0], "E5 E2 E6 E1");
	picks_in_order(&picks);
	assert_list(&picks.lists[0], "E1 E2 E5 E6");
	picks_release(&picks);
}

/* Ten places: 2 are enough for A, so B and C have 4 each, although every B is larger than any C. */
static void test_currencies_share(void **state)
{
	(void)state;
	struct picks picks;
	picks_init(&picks, 10);
	for (int64_t i = 1; i <= 20; i++)
		offer(&picks, "B", 1000 + i, 0, i);
	for (int64_t i = 1; i <= 20; i++)
		offer(&picks, "C", i, 0, i);
	offer(&picks, "A", 1, 0, 1);
	offer(&picks, "A", 2, 0, 2);
	picks_finish(&picks);
	assert_int_equal(picks.count, 3);
	assert_list(&picks.lists[0], "A2 A1");
	assert_list(&picks.lists[1], "B20 B19 B18 B17");
	assert_list(&picks.lists[2], "C20 C19 C18 C17");
	assert_int_equal(picks.lists[2].seen, 20);
	picks_release(&picks);
}

/* More currencies than lists: the rest share the last one, none is lost from the count, no list is without bound. */
static void test_many_currencies(void **state)
{
	(void)state;
	struct picks picks;
	picks_init(&picks, 3);
	for (int64_t i = 0; i < 100; i++) {
		char currency[24];
		(void)snprintf(currency, sizeof currency, "X%02lld", (long long)i);
		for (int64_t row = 0; row < 5; row++)
			offer(&picks, currency, row, 0, i * 5 + row);
	}
	picks_finish(&picks);
	assert_int_equal(picks.seen, 500);
	assert_int_equal(picks.count, PICKS_CURRENCIES_MAX);
	for (size_t i = 0; i < picks.count; i++)
		assert_int_equal(picks.lists[i].count, 1);
	picks_release(&picks);
}

/* ---- words ---- */

static void assert_words(void (*append)(const char *, struct buf *), const char *from, const char *expected)
{
	struct buf out;
	buf_init(&out, 1024);
	append(from, &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static void test_numbers_and_dates(void **state)
{
	(void)state;
	assert_words(words_amount, "1234567.80", "1,234,567.80");
	assert_words(words_amount, "-999",
	             "\xe2\x88\x92"
	             "999");
	assert_words(words_amount, "-1000.001",
	             "\xe2\x88\x92"
	             "1,000.001");
	assert_words(words_amount, "9223372036854775807", "9,223,372,036,854,775,807");
	assert_words(words_amount, "0.00", "0.00");
	assert_words(words_amount, "much", "much");
	assert_words(words_share, "0.9984", "99.84\xc2\xa0%");
	assert_words(words_share, "1", "100\xc2\xa0%");
	assert_words(words_share, "0.001", "0.1\xc2\xa0%");
	assert_words(words_date, "2026-02-01", "1 February 2026");
	assert_words(words_date, "2026-11-21T16:08:27.000Z", "21 November 2026, 16:08 UTC");
	assert_words(words_date, "some day", "some day");
}

/* ---- limits ---- */

/* The sample as a report with these limits; its bytes, freed by the caller, and a zero behind them. */
static uint8_t *reported(enum report_format format, const struct report_limits *limits, size_t *length)
{
	char folder[TEMPLATE_SIZE];
	char path[TEMPLATE_SIZE + 16];
	struct err_info info;
	const char *place = getenv("TMPDIR");
	(void)snprintf(folder, sizeof folder, "%s/report_test.XXXXXX", place ? place : "/tmp");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/report", folder);
	assert_int_equal(report_write_limited(SAMPLE, format, path, limits, &info), ERR_OK);
	FILE *file = fopen(path, "rbe");
	assert_non_null(file);
	uint8_t *bytes = mem_alloc(FILE_MAX);
	*length = fread(bytes, 1, FILE_MAX - 1, file);
	(void)fclose(file);
	(void)unlink(path);
	(void)rmdir(folder);
	return bytes;
}

/* A file of a zip, as text. */
static char *unpack(const uint8_t *zip, size_t length, const char *name)
{
	size_t name_length = strlen(name);
	for (size_t at = 0; at + LOCAL_HEAD + name_length < length; at++) {
		if (memcmp(zip + at, "PK\3\4", 4) != 0 ||
		    memcmp(zip + at + LOCAL_HEAD, name, name_length) != 0)
			continue;
		size_t begin = at + LOCAL_HEAD + zip[at + LOCAL_NAME] + zip[at + LOCAL_NAME + 2];
		char *text = mem_alloc(FILE_MAX);
		z_stream stream = {.next_in = (Bytef *)(zip + begin),
		                   .avail_in = (uInt)(length - begin),
		                   .next_out = (Bytef *)text,
		                   .avail_out = FILE_MAX - 1};
		assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
		assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
		(void)inflateEnd(&stream);
		return text;
	}
	fail_msg("the workbook has no %s", name);
	return NULL;
}

static int count_of(const char *text, const char *what)
{
	int count = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		count++;
	return count;
}

/* 84 balances, 61 differences, 83 days and 23 causes into sheets of 20 rows, one of them the head. */
static void test_full_sheet(void **state)
{
	(void)state;
	size_t length;
	struct report_limits limits = {500, 20};
	uint8_t *zip = reported(REPORT_XLSX, &limits, &length);
	char *summary = unpack(zip, length, "xl/worksheets/sheet1.xml");
	assert_non_null(strstr(summary, "65 rows do not fit into the sheet; balances.csv has them all"));
	assert_non_null(strstr(summary, "42 rows do not fit into the sheet; differences.csv has them all"));
	assert_non_null(strstr(summary, "64 rows do not fit into the sheet; days.csv has them all"));
	assert_non_null(strstr(summary, "4 rows do not fit into the sheet; causes.csv has them all"));
	char *differences = unpack(zip, length, "xl/worksheets/sheet6.xml");
	assert_int_equal(count_of(differences, "<row "), 20);
	free(differences);
	free(summary);
	free(zip);
}

/* A page of six rows for 54 open differences in three currencies, 84 balances and 7 accepted ones. */
static void test_full_page(void **state)
{
	(void)state;
	size_t length;
	struct report_limits limits = {6, 1048576};
	uint8_t *page = reported(REPORT_HTML, &limits, &length);
	const char *text = (const char *)page;
	assert_non_null(
	    strstr(text, "6 of 54 open differences are shown here, the largest of each currency."));
	assert_non_null(
	    strstr(text, "<strong>48 more</strong> are in the workbook (XLSX) and in differences.csv."));
	assert_non_null(strstr(text, "6 of 84 rows are shown here: those that differ, the largest of each"));
	assert_non_null(strstr(text, "6 of 7 accepted differences are shown here"));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_largest_first),   cmocka_unit_test(test_currencies_share),
	    cmocka_unit_test(test_many_currencies), cmocka_unit_test(test_numbers_and_dates),
	    cmocka_unit_test(test_full_sheet),      cmocka_unit_test(test_full_page),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
