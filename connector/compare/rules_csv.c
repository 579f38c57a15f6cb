/*
 * rules_csv.c - reads CSV with libcsv, a line at a time.
 *
 * Why:   see rules_csv.h.
 * Owns:  the parser and the row under way, during one call.
 * Rules: libcsv is fed whole lines, so that the line of a row and of an error is known: it tells neither.
 * Faults: libcsv out of memory is a CHECK, as everywhere.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_csv_test.c, tests/fuzz/rules_fuzz.c
 */
#include "connector/compare/rules_csv.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"
#include "connector/posting/canonical.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define FIELDS_MAX      64 /* kept; more are counted */

struct csv_reader {
	const char *file;
	const struct rules_csv_column *columns;
	int column_count;
	struct rules_problems *problems;
	rules_csv_row row;
	void *self;
	struct buf text; /* the fields of the row under way, one behind the other */
	size_t ends[FIELDS_MAX];
	int fields;             /* of the row under way */
	int line;               /* of the piece being read */
	int row_line;           /* where the row under way began; 0: none is */
	size_t row_bytes;       /* of the row under way, as they stand in the file */
	int header_fields;      /* 0: not read yet */
	int places[FIELDS_MAX]; /* of each field of the header: its column */
	bool stopped;
};

void rules_tell(struct rules_problems *problems, const char *file, int line, const char *format, ...)
{
	problems->total++;
	if (problems->count == RULES_PROBLEMS_MAX)
		return;
	struct rules_problem *problem = &problems->list[problems->count++];
	(void)snprintf(problem->file, sizeof problem->file, "%s", file);
	problem->line = line;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(problem->text, sizeof problem->text, format, args);
	va_end(args);
}

static struct span field(const struct csv_reader *reader, int index)
{
	size_t from = index == 0 ? 0 : reader->ends[index - 1];
	return span_trim((struct span){(const char *)reader->text.data + from, reader->ends[index] - from});
}

/* ---- the header ---- */

static bool same_name(struct span text, const char *lower)
{
	if (text.len != strlen(lower))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != lower[i])
			return false;
	}
	return true;
}

static void all_columns(const struct csv_reader *reader, char *text, size_t size)
{
	size_t len = 0;
	for (int i = 0; i < reader->column_count && len < size; i++)
		len +=
		    (size_t)snprintf(text + len, size - len, "%s%s", i ? "," : "", reader->columns[i].name);
}

static void take_header(struct csv_reader *reader)
{
	char all[128];
	bool seen[CSV_COLUMNS_MAX] = {false};
	int before = reader->problems->total;
	all_columns(reader, all, sizeof all);
	reader->header_fields = reader->fields;
	if (reader->fields > FIELDS_MAX)
		rules_tell(reader->problems, reader->file, reader->row_line,
		           "the header row has %d columns; allowed are %s", reader->fields, all);
	for (int i = 0; i < reader->fields && i < FIELDS_MAX; i++) {
		struct span name = field(reader, i);
		int column = 0;
		while (column < reader->column_count && !same_name(name, reader->columns[column].name))
			column++;
		char shown[VALUE_SHOWN_SIZE];
		value_show(name, shown);
		if (column == reader->column_count)
			rules_tell(reader->problems, reader->file, reader->row_line,
			           "there is no column \"%s\"; allowed are %s", shown, all);
		else if (seen[column])
			rules_tell(reader->problems, reader->file, reader->row_line,
			           "the column %s is there twice; keep one of them", shown);
		else
			seen[column] = true;
		reader->places[i] = column;
	}
	for (int i = 0; i < reader->column_count; i++) {
		if (!seen[i] && !reader->columns[i].optional)
			rules_tell(reader->problems, reader->file, reader->row_line,
			           "the column %s is missing; the header row is %s", reader->columns[i].name,
			           all);
	}
	reader->stopped = reader->problems->total > before;
}

/* ---- rows ---- */

static void take_row(struct csv_reader *reader)
{
	struct span fields[CSV_COLUMNS_MAX] = {{NULL, 0}};
	bool empty = true;
	CHECK(buf_ok(&reader->text));
	for (int i = 0; i < reader->fields && i < FIELDS_MAX; i++)
		empty = empty && field(reader, i).len == 0;
	if (empty && reader->fields <= FIELDS_MAX)
		return;
	if (reader->header_fields == 0) {
		take_header(reader);
		return;
	}
	if (reader->fields != reader->header_fields) {
		rules_tell(reader->problems, reader->file, reader->row_line,
		           "fields: %d in this row, %d in the header row; write one for each column, and put "
		           "texts with a separator in quotes",
		           reader->fields, reader->header_fields);
		return;
	}
	for (int i = 0; i < reader->fields; i++)
		fields[reader->places[i]] = field(reader, i);
	reader->stopped = !reader->row(reader->self, reader->row_line, fields);
}

static void on_field(void *data, size_t len, void *self)
{
	struct csv_reader *reader = self;
	buf_append(&reader->text, data, len);
	if (reader->fields < FIELDS_MAX)
		reader->ends[reader->fields] = reader->text.len;
	reader->fields++;
}

static void on_row(int end, void *self)
{
	struct csv_reader *reader = self;
	(void)end;
	/* What follows in the same piece after a stop is not looked at. */
	if (!reader->stopped)
		take_row(reader);
	buf_clear(&reader->text);
	reader->fields = 0;
	reader->row_line = 0;
}

/* ---- lines ---- */

/* The text's first line with its end (LF, CR or both). */
static struct span take_line(struct span *text)
{
	size_t len = 0;
	while (len < text->len && text->data[len] != '\n' && text->data[len] != '\r')
		len++;
	if (len < text->len)
		len += text->len - len > 1 && text->data[len] == '\r' && text->data[len + 1] == '\n' ? 2 : 1;
	struct span line = {text->data, len};
	text->data += len;
	text->len -= len;
	return line;
}

static bool is_blank(struct span line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r' &&
		    line.data[i] != '\n')
			return false;
	}
	return true;
}

/* The separator of the first line that is not blank; 0: it has none. */
static unsigned char separator_of(struct span text)
{
	struct span line = {NULL, 0};
	while (text.len > 0 && is_blank(line))
		line = take_line(&text);
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == ',' || line.data[i] == ';')
			return (unsigned char)line.data[i];
	}
	return 0;
}

static void read_lines(struct csv_reader *reader, struct csv_parser *parser, struct span text)
{
	while (text.len > 0 && !reader->stopped) {
		struct span line = take_line(&text);
		reader->line++;
		if (reader->row_line == 0 && is_blank(line))
			continue;
		if (reader->row_line == 0) {
			reader->row_line = reader->line;
			reader->row_bytes = 0;
		}
		reader->row_bytes += line.len;
		if (reader->row_bytes > CSV_ROW_BYTES_MAX) {
			rules_tell(
			    reader->problems, reader->file, reader->row_line,
			    "the row that begins here has more than %u bytes; look for a quote (\") that "
			    "is not closed",
			    CSV_ROW_BYTES_MAX);
			return;
		}
		if (!utf8_valid(line)) {
			rules_tell(reader->problems, reader->file, reader->line,
			           "the line is not UTF-8; save the file as \"CSV UTF-8\"");
			return;
		}
		if (csv_parse(parser, line.data, line.len, on_field, on_row, reader) != line.len) {
			CHECK(csv_error(parser) == CSV_EPARSE);
			rules_tell(
			    reader->problems, reader->file, reader->line,
			    "a quote (\") stands in the wrong place; put the whole field in quotes and "
			    "write each quote inside it twice");
			return;
		}
	}
	int row_line = reader->row_line;
	if (!reader->stopped && csv_fini(parser, on_field, on_row, reader) != 0) {
		CHECK(csv_error(parser) == CSV_EPARSE);
		rules_tell(reader->problems, reader->file, row_line,
		           "the row that begins here has a quote (\") that is never closed");
	}
}

bool rules_csv_read(const char *file, struct span text, const struct rules_csv_column *columns, int count,
                    struct rules_problems *problems, rules_csv_row row, void *self)
{
	CHECK(count >= 1 && count <= CSV_COLUMNS_MAX);
	struct csv_reader reader = {.file = file,
	                            .columns = columns,
	                            .column_count = count,
	                            .problems = problems,
	                            .row = row,
	                            .self = self};
	struct csv_parser parser;
	char all[128];
	int before = problems->total;
	size_t mark = sizeof BYTE_ORDER_MARK - 1;
	if (text.len >= mark && memcmp(text.data, BYTE_ORDER_MARK, mark) == 0)
		text = (struct span){text.data + mark, text.len - mark};
	all_columns(&reader, all, sizeof all);
	unsigned char separator = separator_of(text);
	if (text.len > RULES_FILE_BYTES_MAX) {
		rules_tell(problems, file, 0, "the file has %zu bytes; allowed are %u", text.len,
		           RULES_FILE_BYTES_MAX);
	} else if (is_blank(text)) {
		rules_tell(problems, file, 0, "the file is empty; its first line is %s", all);
	} else if (separator == 0 && utf8_valid(text)) {
		rules_tell(problems, file, 1,
		           "there is no comma and no semicolon in the header row; save the file as CSV, with "
		           "the first line %s",
		           all);
	} else {
		CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
		csv_set_blk_size(&parser, CSV_ROW_BYTES_MAX);
		csv_set_delim(&parser, separator ? separator : CSV_COMMA);
		buf_init(&reader.text, CSV_ROW_BYTES_MAX);
		read_lines(&reader, &parser, text);
		buf_release(&reader.text);
		csv_free(&parser);
	}
	return problems->total == before;
}
