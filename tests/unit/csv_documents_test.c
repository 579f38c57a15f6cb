/*
 * csv_documents_test.c - documents from CSV files: those of docs/compare/csv.md, random ones, and broken files.
 *
 * Why:   what is read wrongly here becomes a difference between two ledgers that agree.
 * Owns:  the reader, and what it handed on as canonical JSON, one line a document.
 * Rules: 1. The example of docs/compare/csv.md is compared with JSON written by hand.
 *        2. Random documents are written as CSV by this file, with quotes and line ends where they fit, and come back
 *           the same, whatever the file is cut into.
 * Runs in: the tests.
 */
#include "connector/compare/csv_documents.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/posting/canonical.h"
#include "tests/lib/page_block.h"
#include "tests/lib/sample_documents.h"

struct fixture {
	struct canonical canonical;
	struct csv_documents *csv;
	struct buf got; /* revision, "voided" where it is, JSON, newline */
	struct err_info info;
	enum err refusal; /* of the sink */
};

static enum err take(void *self, const struct document *document, int64_t revision, int64_t line,
                     struct err_info *info)
{
	struct fixture *fixture = self;
	if (fixture->refusal != ERR_OK)
		return err_set(info, fixture->refusal, "said the sink");
	buf_printf(&fixture->got, "%d@%d%s ", (int)revision, (int)line, document->voided ? " voided" : "");
	canonical_write(&fixture->canonical, document, &fixture->got);
	buf_append_char(&fixture->got, '\n');
	return ERR_OK;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	canonical_init(&fixture->canonical);
	buf_init(&fixture->got, 64u << 20);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	csv_documents_close(fixture->csv);
	buf_release(&fixture->got);
	free(fixture);
	return 0;
}

/* Reads the file in pieces of this size. */
static enum err read_file(struct fixture *fixture, struct span file, size_t piece)
{
	enum err err = ERR_OK;
	csv_documents_close(fixture->csv);
	fixture->csv = csv_documents_open(take, fixture);
	buf_clear(&fixture->got);
	for (size_t at = 0; at < file.len && err == ERR_OK; at += piece) {
		size_t len = file.len - at < piece ? file.len - at : piece;
		err = csv_documents_feed(fixture->csv, (struct span){file.data + at, len}, &fixture->info);
	}
	enum err end = csv_documents_finish(fixture->csv, &fixture->info);
	return err != ERR_OK && err != ERR_BAD_INPUT ? err : end;
}

static void expect(struct fixture *fixture, const char *file, const char *expected)
{
	for (size_t piece = 1; piece <= 64; piece *= 4) {
		if (read_file(fixture, span_of(file), piece) != ERR_OK)
			fail_msg("%s", fixture->info.text);
		assert_string_equal(buf_cstr(&fixture->got), expected);
	}
}

/* ---- good files ---- */

#define INVOICE_JSON                                                                                         \
	"{\"currency\":\"EUR\",\"customer\":\"C-4003\",\"due_date\":\"2026-10-03\",\"entity\":\"10\","       \
	"\"gross\":"                                                                                         \
	"\"344.99\",\"lines\":[{\"account\":\"400100\",\"line\":\"1\",\"net\":\"200.00\",\"tax_code\":"      \
	"\"A19\"},"                                                                                          \
	"{\"account\":\"400200\",\"line\":\"2\",\"net\":\"99.90\",\"tax_code\":\"A07\"},"                    \
	"{\"account\":\"400200\",\"line\":\"3\",\"net\":\"0.10\",\"tax_code\":\"A00\"}],\"net\":\"300.00\"," \
	"\"number\":\"INV-000001\",\"origin\":\"10/invoice/2026/RI-17\",\"period\":9,"                       \
	"\"posting_date\":\"2026-09-03\",\"reference\":\"RI-17\",\"tax\":\"44.99\",\"tax_lines\":["          \
	"{\"base\":\"200.00\",\"code\":\"A19\",\"rate\":\"19\",\"tax\":\"38.00\"},"                          \
	"{\"base\":\"99.90\",\"code\":\"A07\",\"rate\":\"7\",\"tax\":\"6.99\"}],\"type\":\"invoice\","       \
	"\"year\":2026}\n"

/* The page's example as it stands in it. */
static void test_the_page_example(void **state)
{
	struct fixture *fixture = *state;
	char *example = page_block("docs/compare/csv.md", "```\nentity,", 7);
	expect(fixture, example, "1@2 " INVOICE_JSON);
	free(example);
}

static void test_forms_of_files(void **state)
{
	struct fixture *fixture = *state;
	static const char expected[] =
	    "1@2 {\"entity\":\"10\",\"legal_name\":\"Orion; \\\"Ltd\\\"\\r\\n 2nd \",\"number\":\"1\","
	    "\"type\":\"customer\",\"year\":0}\n"
	    "7@5 voided {\"amount\":\"12.50\",\"currency\":\"EUR\",\"entity\":\"10\",\"number\":\"2\","
	    "\"type\":\"payment\",\"year\":2026}\n";
	/* Semicolons, a byte order mark, CRLF, empty lines, columns in another order, no newline at the end. */
	expect(fixture,
	       "\xef\xbb\xbf"
	       "voided;type;entity;revision;number;year;legal_name;currency;amount\r\n"
	       "false;customer;10;;1;0;\"Orion; \"\"Ltd\"\"\r\n 2nd \";;\r\n\r\n"
	       "true;payment;10;7;2;2026;;EUR;12.5",
	       expected);
	/* The same with commas, LF, an empty line first. */
	expect(fixture,
	       "\nvoided,type,entity,revision,number,year,legal_name,currency,amount\n"
	       ",customer,10,1,1,0,\"Orion; \"\"Ltd\"\"\r\n 2nd \",,\n"
	       "true,payment,10,7,2,2026,,EUR,12.5000\n\n\n",
	       "1@3 {\"entity\":\"10\",\"legal_name\":\"Orion; \\\"Ltd\\\"\\r\\n 2nd \",\"number\":\"1\","
	       "\"type\":\"customer\",\"year\":0}\n"
	       "7@5 voided {\"amount\":\"12.50\",\"currency\":\"EUR\",\"entity\":\"10\",\"number\":\"2\","
	       "\"type\":\"payment\",\"year\":2026}\n");
	/* Lines of two sections side by side; a line that only some rows have. */
	expect(
	    fixture,
	    "entity,type,year,number,line.line,tax.code,application.line\n"
	    "1,invoice,2026,1,1,A,\n1,invoice,2026,1,,B,\n1,invoice,2026,1,2,,\n1,payment,2026,1,,,1\n",
	    "1@2 "
	    "{\"entity\":\"1\",\"lines\":[{\"line\":\"1\"},{\"line\":\"2\"}],\"number\":\"1\",\"tax_lines\":["
	    "{\"code\":\"A\"},{\"code\":\"B\"}],\"type\":\"invoice\",\"year\":2026}\n"
	    "1@5 {\"applications\":[{\"line\":\"1\"}],\"entity\":\"1\",\"number\":\"1\",\"type\":\"payment\","
	    "\"year\":2026}\n");
	/* No documents. */
	expect(fixture, "entity,type,year,number\n", "");
}

/* ---- random documents ---- */

static uint64_t draw(uint64_t *random, uint64_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % below;
}

static void append_csv_text(struct buf *out, uint64_t *random)
{
	static const char *const pieces[] = {"a", "\"\"", ",", "\r\n", "\n", " ", "\xc3\xbc", ";", "'", "0"};
	buf_append_char(out, '"');
	for (uint64_t i = 1 + draw(random, 6); i > 0; i--)
		buf_append_text(out, pieces[draw(random, sizeof pieces / sizeof pieces[0])]);
	buf_append_text(out, "x\"");
}

/* What stands between the quotes, as JSON. */
static void append_json_of(struct buf *out, struct span csv)
{
	struct buf plain;
	buf_init(&plain, 1000);
	for (size_t i = 1; i + 1 < csv.len; i++) {
		if (csv.data[i] == '"')
			i++;
		buf_append_char(&plain, csv.data[i]);
	}
	canonical_string(out, buf_span(&plain));
	buf_release(&plain);
}

static void test_random_journals(void **state)
{
	struct fixture *fixture = *state;
	uint64_t random = 88172645463325252u;
	struct buf file;
	struct buf expected;
	buf_init(&file, 1u << 20);
	buf_init(&expected, 1u << 20);
	for (int round = 0; round < 200; round++) {
		int line_number = 2;
		buf_clear(&file);
		buf_clear(&expected);
		/* Pieces of it are appended to it: it must not move. */
		assert_non_null(buf_reserve(&file, 1u << 16));
		buf_append_text(&file, "entity,type,year,number,text,line.amount,line.text\n");
		for (int document = 0; document < 5; document++) {
			size_t text_from = 0;
			size_t text_to = 0;
			buf_printf(&expected, "1@%d {\"entity\":\"1\"", line_number);
			uint64_t rows = 1 + draw(&random, 4);
			for (uint64_t row = 0; row < rows; row++) {
				bool short_form = row > 0 && draw(&random, 2) == 0;
				buf_printf(&file, "1,journal,2026,%d,", document);
				size_t from = file.len;
				if (row == 0)
					append_csv_text(&file, &random);
				else if (!short_form)
					buf_append(&file, file.data + text_from, text_to - text_from);
				if (row == 0) {
					text_from = from;
					text_to = file.len;
				}
				uint64_t cents = draw(&random, 1000000);
				buf_printf(&file, ",%" PRIu64 ".%02" PRIu64 ",", cents / 100, cents % 100);
				from = file.len;
				append_csv_text(&file, &random);
				buf_printf(&expected, "%s{\"amount\":\"%" PRIu64 ".%02" PRIu64 "\",\"text\":",
				           row ? "," : ",\"lines\":[", cents / 100, cents % 100);
				append_json_of(&expected,
				               (struct span){(char *)file.data + from, file.len - from});
				buf_append_char(&expected, '}');
				buf_append_text(&file, draw(&random, 2) ? "\n" : "\r\n");
			}
			buf_printf(&expected, "],\"number\":\"%d\",\"text\":", document);
			append_json_of(&expected,
			               (struct span){(char *)file.data + text_from, text_to - text_from});
			buf_append_text(&expected, ",\"type\":\"journal\",\"year\":2026}\n");
			line_number = 1;
			for (size_t i = 0; i < file.len; i++)
				line_number += file.data[i] == '\n';
		}
		if (read_file(fixture, buf_span(&file), 1 + draw(&random, 200)) != ERR_OK)
			fail_msg("%s", fixture->info.text);
		assert_string_equal(buf_cstr(&fixture->got), buf_cstr(&expected));
	}
	buf_release(&file);
	buf_release(&expected);
}

/* ---- bad files ---- */

static void test_problems(void **state)
{
#define ID "entity,type,year,number"
	static const struct {
		const char *file;
		const char *text;
		int documents; /* that come through all the same */
	} cases[] = {
	    {"", "line 0: the file is empty", 0},
	    {"\n\n", "line 0: the file is empty", 0},
	    {ID ",acount\n1,journal,2026,1,x\n", "line 1, column acount: there is no such column", 0},
	    {ID ",line.net.x\n", "line 1, column line.net.x: there is no such column", 0},
	    {ID ",line.customer\n", "line 1, column line.customer: there is no such", 0},
	    {ID ",entity\n", "line 1, column entity: the column is there twice", 0},
	    {ID ",\n", "line 1: there is no column \"\"", 0},
	    {"entity,type,year\n", "line 1, column number: the column is missing", 0},
	    {ID "\n1,journal,2026\n1,journal,2026,2\n", "line 2: the row has 3 fields, the first line 4", 1},
	    {ID "\n1,contract,2026,1\n1,journal,2026,2\n", "line 2, column type: \"contract\" is none of", 1},
	    {ID "\n1,journal,,1\n", "line 2, column year: it is empty", 0},
	    {ID "\n1,journal,MMXXVI,1\n", "line 2, column year: \"MMXXVI\" is no whole number", 0},
	    {ID ",amount\n1,payment,2026,1,1e3\n", "line 2, column amount: \"1e3\" is no decimal", 0},
	    {ID ",amount\n1,payment,2026,1,\"1,000.00\"\n1,payment,2026,2,1.00\n",
	     "\"1,000.00\" is no decimal", 1},
	    {ID ",posting_date\n1,journal,2026,1,03.09.2026\n", "\"03.09.2026\" is no date like 2026-11-21",
	     0},
	    {ID ",credit_hold\n1,customer,0,1,yes\n", "\"yes\" must be true or false", 0},
	    {ID ",voided\n1,customer,0,1,yes\n", "line 2, column voided: the value must be true or false", 0},
	    {ID ",revision\n1,customer,0,1,0\n", "line 2, column revision: the value is no number from 1 on",
	     0},
	    {ID ",tax.code\n1,journal,2026,1,A\n",
	     "line 2, column tax.code: a document of type journal has no", 0},
	    {ID ",customer\n1,journal,2026,1,A\n", "column customer: a document of type journal has no such",
	     0},
	    {ID ",text\n1,journal,2026,1,A\n1,journal,2026,1,B\n1,journal,2026,2,\n",
	     "line 3, column text: it is another than in line 2", 1},
	    {ID ",text\n1,journal,2026,1,a\"b\n", "line 2: a quote (\") stands in the wrong place", 0},
	    {ID ",text\n1,journal,2026,1,\"a\n1,journal,2026,1,b\n", "line 2: a quote (\") stands in", 0},
	    {ID ",text\n1,journal,2026,1,\xff\n", "line 2, column text: the text is not UTF-8", 0},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t piece = 1; piece < 2000; piece *= 40) {
			enum err err = read_file(fixture, span_of(cases[i].file), piece);
			if (err != ERR_BAD_INPUT || !strstr(fixture->info.text, cases[i].text))
				fail_msg("%s: %s: %s", cases[i].file, err_name(err), fixture->info.text);
			if (csv_documents_count(fixture->csv) != cases[i].documents)
				fail_msg("%s: %d documents", cases[i].file,
				         (int)csv_documents_count(fixture->csv));
		}
	}
}

/* The rows of a document apart: whoever keeps the documents notices. Another error ends the reading. */
static void test_the_sink_refuses(void **state)
{
	struct fixture *fixture = *state;
	const struct csv_problem *list;
	int kept;
	fixture->refusal = ERR_CONFLICT;
	assert_int_equal(read_file(fixture, SPAN_LITERAL(ID "\n1,journal,2026,1\n1,journal,2026,2\n"), 7),
	                 ERR_BAD_INPUT);
	assert_int_equal(csv_documents_problems(fixture->csv, &list, &kept), 2);
	assert_true(kept == 2 && list[1].line == 3 &&
	            strstr(list[1].text, "came before, further up: said the sink"));
	fixture->refusal = ERR_FULL;
	assert_int_equal(read_file(fixture, SPAN_LITERAL(ID "\n1,journal,2026,1\n1,journal,2026,2\n"), 1000),
	                 ERR_FULL);
	assert_string_equal(fixture->info.text, "said the sink");
	assert_int_equal(read_file(fixture, SPAN_LITERAL(ID "\n1,journal,2026,1\n"), 1000), ERR_FULL);
}

/* A quote that is not closed does not swallow the file; ten thousand problems do not fill the memory. */
static void test_limits(void **state)
{
	struct fixture *fixture = *state;
	const struct csv_problem *list;
	struct buf file;
	int kept;
	buf_init(&file, 4u << 20);
	buf_append_text(&file, ID ",text\n1,journal,2026,1,\"");
	for (int i = 0; i < 30000; i++)
		buf_append_text(&file, "1,journal,2026,1,x\n");
	assert_int_equal(read_file(fixture, buf_span(&file), 65536), ERR_BAD_INPUT);
	assert_non_null(
	    strstr(fixture->info.text, "line 2: the row that begins here has more than 262144 bytes"));
	buf_clear(&file);
	buf_append_text(&file, ID ",period\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&file, "1,journal,2026,%d,x\n", i);
	assert_int_equal(read_file(fixture, buf_span(&file), 65536), ERR_BAD_INPUT);
	assert_int_equal(csv_documents_problems(fixture->csv, &list, &kept), 10000);
	assert_int_equal(kept, CSV_PROBLEMS_MAX);
	buf_clear(&file);
	buf_append_text(&file, ID ",line.line\n");
	for (int i = 0; i <= DOCUMENT_LINES_MAX; i++)
		buf_append_text(&file, "1,journal,2026,1,x\n");
	assert_int_equal(read_file(fixture, buf_span(&file), 65536), ERR_BAD_INPUT);
	assert_string_equal(fixture->info.text,
	                    "line 10002, column line.line: the document has more than 10000 of "
	                    "these lines; split it");
	buf_clear(&file);
	for (int i = 0; i < 300000; i++)
		buf_append_char(&file, 'x');
	assert_int_equal(read_file(fixture, buf_span(&file), 65536), ERR_BAD_INPUT);
	assert_non_null(strstr(fixture->info.text, "is this a CSV file?"));
	buf_clear(&file);
	for (int i = 0; i <= CSV_DOCUMENTS_COLUMNS_MAX; i++)
		buf_append_text(&file, "x,");
	assert_int_equal(read_file(fixture, buf_span(&file), 65536), ERR_BAD_INPUT);
	assert_non_null(strstr(fixture->info.text, "the first line has 258 columns"));
	buf_release(&file);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH(test_the_page_example), WITH(test_forms_of_files),   WITH(test_random_journals),
	    WITH(test_problems),         WITH(test_the_sink_refuses), WITH(test_limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
