/*
 * report_xlsx.c - the result as a workbook: real numbers, real dates, filters, frozen heads.
 *
 * Why:   finance works on in a spreadsheet; text that looks like a number cannot be summed.
 * Owns:  the workbook while it is written.
 * Rules: 1. Amounts are numbers with their own digits in the number format. A double holds 15 decimal digits: where an
 *           amount has more, its number is the nearest one, and the last column of its row holds it exactly, as text.
 *        2. Texts are strings whatever they begin with: nothing from an ERP becomes a formula.
 *        3. One row after another (constant memory). What does not fit into a sheet is told on the first one.
 *        4. The date of creation is that of the cut: same result, same bytes.
 * Faults: no room for the workbook or for its temporary files.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "connector/posting/date.h"
#include "tools/twinpost/client.h"
#include "tools/twinpost/report_table.h"
#include "tools/twinpost/report_words.h"
#include "tools/twinpost/report_write.h"

#define CELL_CHARACTERS_MAX 32000 /* of 32,767 */
#define SHEET_ROW_MOST      1048576
#define COLUMN_WIDTH_EXACT  60
#define EXACT_DIGITS        15
#define NANOSECONDS         INT64_C(1000000000)

struct workbook {
	lxw_workbook *book;
	lxw_format *head, *text, *wrapped, *date, *instant, *count, *share, *title;
	lxw_format *amounts[DECIMAL_SCALE_MAX + 1];
	const struct figures *figures;
	int64_t rows_max;
	int64_t left_out[REPORT_TABLE_COUNT];
	struct buf cell, exact;
	lxw_error error; /* the first one */
};

struct sheet {
	struct workbook *workbook;
	lxw_worksheet *sheet;
	enum report_table table;
	const struct column *columns;
	int column_count;
	lxw_row_t row;
};

static void keep(struct workbook *workbook, lxw_error error)
{
	if (workbook->error == LXW_NO_ERROR)
		workbook->error = error;
}

/* ---- formats ---- */

static lxw_format *format_of(struct workbook *workbook, const char *numbers)
{
	lxw_format *format = workbook_add_format(workbook->book);
	CHECK(format != NULL);
	format_set_align(format, LXW_ALIGN_VERTICAL_TOP);
	if (numbers)
		format_set_num_format(format, numbers);
	return format;
}

static void make_formats(struct workbook *workbook)
{
	workbook->head = format_of(workbook, NULL);
	format_set_bold(workbook->head);
	format_set_bottom(workbook->head, LXW_BORDER_THIN);
	format_set_text_wrap(workbook->head);
	workbook->title = format_of(workbook, NULL);
	format_set_bold(workbook->title);
	workbook->text = format_of(workbook, NULL);
	workbook->wrapped = format_of(workbook, NULL);
	format_set_text_wrap(workbook->wrapped);
	workbook->date = format_of(workbook, "yyyy-mm-dd");
	workbook->instant = format_of(workbook, "yyyy-mm-dd hh:mm:ss");
	workbook->count = format_of(workbook, "#,##0");
	workbook->share = format_of(workbook, "0.00##%");
	for (int scale = 0; scale <= DECIMAL_SCALE_MAX; scale++) {
		char numbers[64];
		(void)snprintf(numbers, sizeof numbers, "#,##0%s%.*s;[Red]-#,##0%s%.*s", scale ? "." : "",
		               scale, "000000000000", scale ? "." : "", scale, "000000000000");
		workbook->amounts[scale] = format_of(workbook, numbers);
	}
}

/* ---- cells ---- */

static void write_text(struct workbook *workbook, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                       const char *text, lxw_format *format)
{
	struct buf cut;
	if (text[0] == 0)
		return;
	buf_init(&cut, 5 * CELL_CHARACTERS_MAX);
	words_text(text, CELL_CHARACTERS_MAX, &cut);
	keep(workbook, worksheet_write_string(sheet, row, column, buf_cstr(&cut), format));
	buf_release(&cut);
}

static bool write_instant(struct workbook *workbook, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                          const char *text, bool with_time)
{
	date_days day;
	int64_t wall_ns;
	lxw_datetime moment = {0};
	if (date_parse(&day, span_of(text)) != ERR_OK)
		return false;
	date_to_civil(day, &moment.year, &moment.month, &moment.day);
	if (with_time && instant_parse(&wall_ns, span_of(text)) == ERR_OK) {
		int64_t second = wall_ns / NANOSECONDS % 86400;
		moment.hour = (int)(second / 3600);
		moment.min = (int)(second / 60 % 60);
		moment.sec = (double)(second % 60);
	}
	keep(workbook, worksheet_write_datetime(sheet, row, column, &moment,
	                                        with_time ? workbook->instant : workbook->date));
	return true;
}

static bool is_exact(struct decimal value)
{
	int64_t limit = 1;
	for (int i = 0; i < EXACT_DIGITS; i++)
		limit *= 10;
	return value.units < limit && value.units > -limit;
}

/* The nearest double of a decimal's text: a spreadsheet has no other number. */
static bool write_number(struct workbook *workbook, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                         const struct column *of, const char *text)
{
	struct decimal value;
	if (decimal_parse(&value, span_of(text)) != ERR_OK)
		return false;
	lxw_format *format = of->kind == COLUMN_AMOUNT  ? workbook->amounts[value.scale]
	                     : of->kind == COLUMN_SHARE ? workbook->share
	                                                : workbook->count;
	keep(workbook, worksheet_write_number(sheet, row, column, strtod(text, NULL), format));
	if (!is_exact(value)) {
		buf_append_text(&workbook->exact, workbook->exact.len ? "; " : "");
		buf_append_text(&workbook->exact, of->head);
		buf_append_char(&workbook->exact, ' ');
		buf_append_text(&workbook->exact, text);
	}
	return true;
}

static void write_cell(struct workbook *workbook, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                       const struct column *of, const char *text)
{
	bool done = false;
	switch (of->kind) {
	case COLUMN_AMOUNT:
	case COLUMN_COUNT:
	case COLUMN_SHARE:
		done = write_number(workbook, sheet, row, column, of, text);
		break;
	case COLUMN_DATE:
	case COLUMN_INSTANT:
		done = write_instant(workbook, sheet, row, column, text, of->kind == COLUMN_INSTANT);
		break;
	default:
		break;
	}
	if (!done)
		write_text(workbook, sheet, row, column, text,
		           of->width >= 44 ? workbook->wrapped : workbook->text);
}

/* ---- sheets ---- */

static enum err write_row(void *self, const cJSON *row, struct err_info *info)
{
	struct sheet *sheet = self;
	struct workbook *workbook = sheet->workbook;
	(void)info;
	if (sheet->row >= workbook->rows_max) {
		workbook->left_out[sheet->table]++;
		return ERR_OK;
	}
	buf_clear(&workbook->exact);
	for (int i = 0; i < sheet->column_count; i++) {
		buf_clear(&workbook->cell);
		table_value(&sheet->columns[i], row, &workbook->cell);
		write_cell(workbook, sheet->sheet, sheet->row, (lxw_col_t)i, &sheet->columns[i],
		           buf_cstr(&workbook->cell));
	}
	if (workbook->exact.len > 0)
		write_text(workbook, sheet->sheet, sheet->row, (lxw_col_t)sheet->column_count,
		           buf_cstr(&workbook->exact), workbook->text);
	sheet->row++;
	return ERR_OK;
}

static void set_page(lxw_worksheet *sheet)
{
	worksheet_set_landscape(sheet);
	worksheet_set_paper(sheet, 9); /* A4 */
	worksheet_fit_to_pages(sheet, 1, 0);
	(void)worksheet_set_footer(sheet, "&L&A&R&P / &N");
}

static enum err write_sheet(struct workbook *workbook, enum report_table table, lxw_worksheet *worksheet,
                            struct err_info *info)
{
	struct sheet sheet = {.workbook = workbook, .sheet = worksheet, .table = table};
	sheet.columns = table_columns(table, &sheet.column_count);
	int columns = sheet.column_count + workbook->figures->has_large;
	for (int i = 0; i < sheet.column_count; i++)
		keep(workbook, worksheet_set_column(worksheet, (lxw_col_t)i, (lxw_col_t)i,
		                                    sheet.columns[i].width, NULL));
	for (int i = 0; i < sheet.column_count; i++)
		write_text(workbook, worksheet, 0, (lxw_col_t)i, sheet.columns[i].head, workbook->head);
	if (workbook->figures->has_large) {
		keep(workbook, worksheet_set_column(worksheet, (lxw_col_t)sheet.column_count,
		                                    (lxw_col_t)sheet.column_count, COLUMN_WIDTH_EXACT, NULL));
		write_text(workbook, worksheet, 0, (lxw_col_t)sheet.column_count,
		           "Exact, where over 15 digits", workbook->head);
	}
	sheet.row = 1;
	enum err err = table_visit(workbook->figures, table, write_row, &sheet, info);
	worksheet_freeze_panes(worksheet, 1, 0);
	keep(workbook, worksheet_autofilter(worksheet, 0, 0, sheet.row > 1 ? sheet.row - 1 : 0,
	                                    (lxw_col_t)(columns - 1)));
	keep(workbook, worksheet_repeat_rows(worksheet, 0, 0));
	set_page(worksheet);
	return err;
}

static void summary_row(void *self, const char *name, const char *value, enum column_kind kind)
{
	struct sheet *sheet = self;
	struct column column = {name, NULL, NULL, kind, 44};
	write_text(sheet->workbook, sheet->sheet, sheet->row, 0, name, sheet->workbook->title);
	buf_clear(&sheet->workbook->exact);
	write_cell(sheet->workbook, sheet->sheet, sheet->row, 1, &column, value);
	if (sheet->workbook->exact.len > 0)
		write_text(sheet->workbook, sheet->sheet, sheet->row, 2, value, sheet->workbook->text);
	sheet->row++;
}

static void write_summary(struct workbook *workbook, lxw_worksheet *worksheet)
{
	struct sheet sheet = {.workbook = workbook, .sheet = worksheet};
	keep(workbook, worksheet_set_column(worksheet, 0, 0, 30, NULL));
	keep(workbook, worksheet_set_column(worksheet, 1, 1, 72, NULL));
	write_text(workbook, worksheet, 0, 0, "Name", workbook->head);
	write_text(workbook, worksheet, 0, 1, "Value", workbook->head);
	sheet.row = 1;
	table_summary(workbook->figures, summary_row, &sheet);
	for (int table = 0; table < REPORT_TABLE_COUNT; table++) {
		struct buf text;
		if (workbook->left_out[table] == 0)
			continue;
		buf_init(&text, 512);
		words_count(workbook->left_out[table], &text);
		buf_printf(&text, " rows do not fit into the sheet; %s.csv has them all",
		           table_file((enum report_table)table));
		summary_row(&sheet, table_sheet((enum report_table)table), buf_cstr(&text), COLUMN_TEXT);
		buf_release(&text);
	}
	worksheet_freeze_panes(worksheet, 1, 0);
	set_page(worksheet);
}

static void set_properties(struct workbook *workbook)
{
	int64_t wall_ns = 0;
	const char *cut = member_text_of(workbook->figures->run, "cut", "at");
	if (instant_parse(&wall_ns, span_of(cut)) != ERR_OK)
		wall_ns = 0;
	lxw_doc_properties properties = {.title = "Comparison of two ledgers",
	                                 .author = "Twinpost",
	                                 /* 0 would be the clock. */
	                                 .created = wall_ns > 0 ? (time_t)(wall_ns / NANOSECONDS) : 1};
	keep(workbook, workbook_set_properties(workbook->book, &properties));
}

static enum err write_book(struct workbook *workbook, struct err_info *info)
{
	lxw_worksheet *sheets[REPORT_TABLE_COUNT];
	enum err err = ERR_OK;
	lxw_worksheet *summary = workbook_add_worksheet(workbook->book, "Summary");
	CHECK(summary != NULL);
	make_formats(workbook);
	set_properties(workbook);
	for (int table = 0; table < TABLE_DOCUMENTS; table++) {
		sheets[table] = NULL;
		if (!table_present(workbook->figures, (enum report_table)table))
			continue;
		sheets[table] = workbook_add_worksheet(workbook->book, table_sheet((enum report_table)table));
		CHECK(sheets[table] != NULL);
	}
	for (int table = 0; table < TABLE_DOCUMENTS && err == ERR_OK; table++) {
		if (sheets[table])
			err = write_sheet(workbook, (enum report_table)table, sheets[table], info);
	}
	write_summary(workbook, summary);
	return err;
}

enum err report_write_xlsx(const struct figures *figures, const struct report_limits *limits,
                           const char *path, struct err_info *info)
{
	/* The library opens its file by itself, at the end. That this place can be written is seen before the work. */
	struct report_file file;
	enum err err = report_file_open(&file, path, info);
	if (err != ERR_OK)
		return err;
	lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = NULL, .use_zip64 = LXW_FALSE};
	struct workbook workbook = {.figures = figures,
	                            .book = workbook_new_opt(file.beside, &options),
	                            .rows_max = limits->sheet_rows < SHEET_ROW_MOST ? limits->sheet_rows
	                                                                            : SHEET_ROW_MOST};
	CHECK(workbook.book != NULL);
	buf_init(&workbook.cell, RESULT_RUN_BYTES_MAX);
	buf_init(&workbook.exact, RESULT_LINE_BYTES_MAX);
	err = write_book(&workbook, info);
	lxw_error closed = workbook_close(workbook.book);
	keep(&workbook, closed);
	if (err == ERR_OK && workbook.error != LXW_NO_ERROR)
		err =
		    err_set(info, ERR_IO, "%s cannot be written: %s; is there room on its disk and in /tmp?",
		            path, lxw_strerror(workbook.error));
	buf_release(&workbook.cell);
	buf_release(&workbook.exact);
	return report_file_close(&file, err, info);
}
