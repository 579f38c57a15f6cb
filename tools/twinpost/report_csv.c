/*
 * report_csv.c - a folder with one CSV file for each table.
 *
 * Why:   what is too large for a page or a sheet, and what other tools read, comes as plain text.
 * Owns:  the open file.
 * Rules: 1. RFC 4180: comma, CRLF, a head line, quotes where they are needed; UTF-8, with a byte order mark on request.
 *        2. A spreadsheet runs what begins with = + - @, tab or return. A text (never an amount, count or date) that
 *           does, gets an apostrophe in front of it; spreadsheets take that as "this is text".
 * Source: RFC 4180; OWASP, CSV injection.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/twinpost/report_table.h"
#include "tools/twinpost/report_write.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct csv {
	FILE *file;
	enum report_table table;
	struct buf text;
	const struct column *columns;
	int column_count;
};

static void put_quoted(FILE *file, const char *text)
{
	if (!strpbrk(text, "\",\r\n")) {
		(void)fputs(text, file);
		return;
	}
	(void)fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			(void)fputc('"', file);
		(void)fputc(*text, file);
	}
	(void)fputc('"', file);
}

/* Amounts and counts may be negative; a text that only looks like one may not be run. */
static bool is_number(enum column_kind kind, const char *text)
{
	struct decimal value;
	return (kind == COLUMN_AMOUNT || kind == COLUMN_COUNT || kind == COLUMN_SHARE) &&
	       decimal_parse(&value, span_of(text)) == ERR_OK;
}

static void put_cell(FILE *file, enum column_kind kind, const char *text)
{
	bool runs = text[0] && strchr("=+-@\t\r", text[0]) && !is_number(kind, text);
	if (!runs) {
		put_quoted(file, text);
		return;
	}
	struct buf safe;
	buf_init(&safe, RESULT_RUN_BYTES_MAX);
	buf_append_char(&safe, '\'');
	buf_append_text(&safe, text);
	put_quoted(file, buf_cstr(&safe));
	buf_release(&safe);
}

static enum err put_row(void *self, const cJSON *row, struct err_info *info)
{
	struct csv *csv = self;
	(void)info;
	for (int i = 0; i < csv->column_count; i++) {
		buf_clear(&csv->text);
		table_value(&csv->columns[i], row, &csv->text);
		if (i > 0)
			(void)fputc(',', csv->file);
		put_cell(csv->file, csv->columns[i].kind, buf_cstr(&csv->text));
	}
	(void)fputs("\r\n", csv->file);
	return ERR_OK;
}

static void put_summary(void *self, const char *name, const char *value, enum column_kind kind)
{
	struct csv *csv = self;
	put_cell(csv->file, COLUMN_TEXT, name);
	(void)fputc(',', csv->file);
	put_cell(csv->file, kind, value);
	(void)fputs("\r\n", csv->file);
}

static enum err open_in(struct report_file *file, const char *folder, const char *name, bool mark,
                        struct err_info *info)
{
	struct buf path;
	buf_init(&path, RESULT_LINE_BYTES_MAX);
	buf_append_text(&path, folder);
	buf_printf(&path, "/%s.csv", name);
	enum err err = report_file_open(file, buf_cstr(&path), info);
	buf_release(&path);
	if (err == ERR_OK && mark)
		(void)fputs(BYTE_ORDER_MARK, file->file);
	return err;
}

static enum err write_table(const struct figures *figures, enum report_table table, bool mark,
                            const char *folder, struct err_info *info)
{
	struct report_file file;
	enum err err = open_in(&file, folder, table_file(table), mark, info);
	if (err != ERR_OK)
		return err;
	struct csv csv = {.file = file.file, .table = table};
	buf_init(&csv.text, RESULT_RUN_BYTES_MAX);
	csv.columns = table_columns(table, &csv.column_count);
	for (int i = 0; i < csv.column_count; i++) {
		if (i > 0)
			(void)fputc(',', file.file);
		put_quoted(file.file, csv.columns[i].head);
	}
	(void)fputs("\r\n", file.file);
	err = table_visit(figures, table, put_row, &csv, info);
	buf_release(&csv.text);
	return report_file_close(&file, err, info);
}

static enum err write_summary(const struct figures *figures, bool mark, const char *folder,
                              struct err_info *info)
{
	struct report_file file;
	enum err err = open_in(&file, folder, "summary", mark, info);
	if (err != ERR_OK)
		return err;
	struct csv csv = {.file = file.file};
	(void)fputs("Name,Value\r\n", file.file);
	table_summary(figures, put_summary, &csv);
	return report_file_close(&file, ERR_OK, info);
}

enum err report_write_csv(const struct figures *figures, bool mark, const char *folder, struct err_info *info)
{
	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return err_set(info, errno == EACCES ? ERR_DENIED : ERR_IO,
		               "the folder %s cannot be made: %s", folder, strerror(errno));
	enum err err = write_summary(figures, mark, folder, info);
	for (int table = 0; table < REPORT_TABLE_COUNT && err == ERR_OK; table++) {
		if (table_present(figures, (enum report_table)table))
			err = write_table(figures, (enum report_table)table, mark, folder, info);
	}
	return err;
}
