/*
 * rules_csv_test.c - CSV as spreadsheets write it: separators, quotes, line ends, lines of problems, limits.
 *
 * Why:   the files come from many hands and programs; what is not understood must be told where it stands.
 * Owns:  nothing.
 * Rules: expected fields are read off the texts by RFC 4180, by hand.
 * Runs in: the tests.
 */
#include "connector/compare/rules_csv.h"

#include <stdio.h>

#include "tests/unit/rules_fixture.h"

static const struct rules_csv_column columns[] = {{"code", false}, {"name", false}, {"note", true}};

struct read {
	struct buf rows; /* "line:code|name|note\n" for each */
	struct rules_problems problems;
	int wanted; /* rows; then no more */
	bool good;
};

static bool note_row(void *self, int line, const struct span *fields)
{
	struct read *read = self;
	buf_printf(&read->rows, "%d:", line);
	for (int i = 0; i < 3; i++) {
		buf_append_span(&read->rows, fields[i]);
		buf_append_char(&read->rows, i < 2 ? '|' : '\n');
	}
	return --read->wanted > 0;
}

static struct read *read_text(struct span text, int wanted)
{
	struct read *read = calloc(1, sizeof *read);
	assert_non_null(read);
	buf_init(&read->rows, 1u << 20);
	read->wanted = wanted;
	read->good = rules_csv_read("f.csv", text, columns, 3, &read->problems, note_row, read);
	assert_int_equal(read->good, read->problems.total == 0);
	return read;
}

static void drop(struct read *read)
{
	buf_release(&read->rows);
	free(read);
}

#define assert_reads(text, rows_expected) assert_reads_span(SPAN_LITERAL(text), rows_expected)
static void assert_reads_span(struct span text, const char *expected)
{
	struct read *read = read_text(text, 1000);
	if (!read->good)
		fail_msg("%d: %s", read->problems.list[0].line, read->problems.list[0].text);
	assert_string_equal(buf_cstr(&read->rows), expected);
	drop(read);
}

/* Comma or semicolon, by what stands first in the header; the other one is then a character like any. */
static void separators(void **state)
{
	(void)state;
	assert_reads("code,name\n1,a;b\n2,c\n", "2:1|a;b|\n3:2|c|\n");
	assert_reads("code;name\n1;a,b\n2;c\n", "2:1|a,b|\n3:2|c|\n");
	assert_reads("\xef\xbb\xbf\n  \ncode;name\n", "");
}

/* Three kinds of line ends, with and without one at the end, blank lines; lines are counted all the same. */
static void line_ends(void **state)
{
	(void)state;
	assert_reads("code,name\r\n1,a\r\n\r\n2,b", "2:1|a|\n4:2|b|\n");
	assert_reads("code,name\r1,a\r\r2,b\r", "2:1|a|\n4:2|b|\n");
	assert_reads("code,name\n1,a\n \t \n2,b\n\n\n", "2:1|a|\n4:2|b|\n");
	assert_reads("code,name\n1,\"a\r\nb\n\nc\"\n2,\"b\"\n", "2:1|a\r\nb\n\nc|\n6:2|b|\n");
}

/* Quotes hold separators and quotes; blanks around a field are no part of it. */
static void quotes_and_blanks(void **state)
{
	(void)state;
	assert_reads("code,name\n\"1,2\",\"say \"\"a\"\"\"\n", "2:1,2|say \"a\"|\n");
	assert_reads("code,name\n 1 ,\t a b \n", "2:1|a b|\n");
	assert_reads("code,name\n\" 1 \" , \"a\" \n\"\",x\n", "2:1|a|\n3:|x|\n");
}

/* Columns in any order and case, the optional one left out or not; a byte order mark; rows of empty fields. */
static void headers(void **state)
{
	(void)state;
	assert_reads("\xef\xbb\xbfName,Code,NOTE\na,1,n\n", "2:1|a|n\n");
	assert_reads("\"name\", code \na,1\n,\n \"\" , \nb,2\n", "2:1|a|\n5:2|b|\n");
	assert_reads("\n\ncode,name\n1,a\n", "4:1|a|\n");
	assert_reads("code,name\n", "");
	assert_reads("code,name", "");
	assert_reads("code,name\n1,\xc3\xa4\xe2\x82\xac\n", "2:1|\xc3\xa4\xe2\x82\xac|\n");
}

static void assert_problem(struct span text, int line, const char *expected, const char *rows)
{
	struct read *read = read_text(text, 1000);
	assert_false(read->good);
	assert_string_equal(read->problems.list[0].file, "f.csv");
	assert_string_equal(read->problems.list[0].text, expected);
	assert_int_equal(read->problems.list[0].line, line);
	assert_int_equal(read->problems.total, 1);
	assert_string_equal(buf_cstr(&read->rows), rows);
	drop(read);
}

/* A header that is not the one asked for is told, and nothing is read behind it. */
static void wrong_headers(void **state)
{
	(void)state;
	assert_problem(SPAN_LITERAL(""), 0, "the file is empty; its first line is code,name,note", "");
	assert_problem(SPAN_LITERAL("\xef\xbb\xbf\r\n \n"), 0,
	               "the file is empty; its first line is code,name,note", "");
	assert_problem(
	    SPAN_LITERAL("code\tname\n1\ta\n"), 1,
	    "there is no comma and no semicolon in the header row; save the file as CSV, with the first "
	    "line code,name,note",
	    "");
	assert_problem(SPAN_LITERAL("code,name,nam\n1,a,b\n"), 1,
	               "there is no column \"nam\"; allowed are code,name,note", "");
	assert_problem(SPAN_LITERAL("code,name,Code\n1,a,1\n"), 1,
	               "the column Code is there twice; keep one of them", "");
	assert_problem(SPAN_LITERAL("\ncode,note\n1,a\n"), 2,
	               "the column name is missing; the header row is code,name,note", "");
	assert_problem(SPAN_LITERAL("code,name,\n1,a,\n"), 1,
	               "there is no column \"\"; allowed are code,name,note", "");
}

/* Wrong quotes and what is not UTF-8 end the file; rows before them have been read. */
static void unreadable(void **state)
{
	static const char quote[] = "a quote (\") stands in the wrong place; put the whole field in quotes "
				    "and write each quote inside it twice";
	(void)state;
	assert_problem(SPAN_LITERAL("code,name\n1,a\n2,b\"c\n3,d\n"), 3, quote, "2:1|a|\n");
	assert_problem(SPAN_LITERAL("code,name\n1,\"a\"b\n"), 2, quote, "");
	assert_problem(SPAN_LITERAL("code,name\n1,a\n\n2,\"b\n3,c\n"), 4,
	               "the row that begins here has a quote (\") that is never closed", "2:1|a|\n");
	assert_problem(SPAN_LITERAL("code,name\n1,a\n2,\xe4\n"), 3,
	               "the line is not UTF-8; save the file as \"CSV UTF-8\"", "2:1|a|\n");
	assert_problem(SPAN_LITERAL("\xff\xfe"
	                            "c\0o\0"),
	               1, "the line is not UTF-8; save the file as \"CSV UTF-8\"", "");
}

/* A row with a field too many or too few is told and passed over; the next ones are read. */
static void fields(void **state)
{
	(void)state;
	assert_problem(
	    SPAN_LITERAL("code,name\n1\n2,b\n"), 2,
	    "fields: 1 in this row, 2 in the header row; write one for each column, and put texts with a "
	    "separator in quotes",
	    "3:2|b|\n");
	assert_problem(
	    SPAN_LITERAL("code,name\n1,a,\n2,b\n"), 2,
	    "fields: 3 in this row, 2 in the header row; write one for each column, and put texts with a "
	    "separator in quotes",
	    "3:2|b|\n");
}

/* Who wants no more rows gets no more, also where more stand in the text. */
static void stops(void **state)
{
	(void)state;
	struct read *read = read_text(SPAN_LITERAL("code,name\n1,a\n2,b\n3,c\n"), 2);
	assert_true(read->good);
	assert_string_equal(buf_cstr(&read->rows), "2:1|a|\n3:2|b|\n");
	drop(read);
}

/* A row of 16384 bytes is read and one byte more is not; so with a file of 16 MiB; 65 columns are told. */
static void limits(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, RULES_FILE_BYTES_MAX + 100);
	for (size_t more = 0; more < 2; more++) {
		buf_clear(&text);
		buf_append_text(&text, "code,name\n1,\"");
		for (size_t i = 0; i < CSV_ROW_BYTES_MAX - 5 + more; i++)
			buf_append_char(&text, i % 100 == 99 ? '\n' : 'x');
		buf_append_text(&text, "\"\n2,b\n");
		struct read *read = read_text(buf_span(&text), 1000);
		assert_int_equal(read->good, more == 0);
		if (more)
			assert_string_equal(
			    read->problems.list[0].text,
			    "the row that begins here has more than 16384 bytes; look for a quote "
			    "(\") that is not closed");
		drop(read);
	}
	for (size_t more = 0; more < 2; more++) {
		buf_clear(&text);
		buf_append_text(&text, "code,name\n");
		while (text.len < RULES_FILE_BYTES_MAX + more)
			buf_append_char(&text, '\n');
		struct read *read = read_text(buf_span(&text), 1000);
		assert_int_equal(read->good, more == 0);
		if (more)
			assert_string_equal(read->problems.list[0].text,
			                    "the file has 16777217 bytes; allowed are 16777216");
		drop(read);
	}
	buf_clear(&text);
	for (int i = 0; i < 65; i++)
		buf_append_text(&text, i ? ",x" : "x");
	struct read *read = read_text(buf_span(&text), 1000);
	assert_string_equal(read->problems.list[0].text,
	                    "the header row has 65 columns; allowed are code,name,note");
	drop(read);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(separators),
	    cmocka_unit_test(line_ends),
	    cmocka_unit_test(quotes_and_blanks),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(wrong_headers),
	    cmocka_unit_test(unreadable),
	    cmocka_unit_test(fields),
	    cmocka_unit_test(stops),
	    cmocka_unit_test(limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
