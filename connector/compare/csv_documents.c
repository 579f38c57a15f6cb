/*
 * csv_documents.c - rows of a CSV file become documents.
 *
 * Why:   see csv_documents.h.
 * Owns:  see csv_documents.h.
 * Rules: 1. libcsv is fed line by line, so that the line of each row is known: it tells none.
 *        2. A header's fields are compared with those of the document's first row as texts, which are kept.
 *        3. What a column means for each type of document is looked up once, when the header is read.
 * Faults: libcsv out of memory is a CHECK, as everywhere.
 * Runs in: the CLI.
 * Tests: tests/unit/csv_documents_test.c, tests/fuzz/csv_documents_fuzz.c
 */
#include "connector/compare/csv_documents.h"

#include <csv.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "connector/compare/field_text.h"
#include "connector/compare/posting_read.h"
#include "connector/posting/validity.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define IDENTITY_COUNT  4
#define KEY_BYTES_MAX   47

enum column_of {
	COLUMN_SECTION, /* section, and slots by type */
	COLUMN_HEADER,  /* slots by type */
	COLUMN_VOIDED,
	COLUMN_REVISION,
};

struct column {
	char name[KEY_BYTES_MAX + 1];
	enum column_of of;
	enum document_section section;
	int slots[DOCUMENT_TYPE_COUNT]; /* -1: documents of the type do not have it */
};

/* A row's fields, one behind the other. */
struct row {
	struct buf text;
	size_t ends[CSV_DOCUMENTS_COLUMNS_MAX];
	int fields;
	int64_t line;
};

struct csv_documents {
	csv_document_sink sink;
	void *self;
	struct csv_parser parser;
	struct column columns[CSV_DOCUMENTS_COLUMNS_MAX];
	int column_count;             /* 0: the header was not read yet */
	int identity[IDENTITY_COUNT]; /* columns */
	struct row row;               /* under way */
	struct row first;             /* of the document under way */
	struct document document;
	bool under_way; /* a document is */
	bool broken;    /* it has a problem */
	int64_t revision;
	int64_t line; /* being fed */
	size_t row_bytes;
	bool in_row;
	size_t mark_seen;      /* bytes of the byte order mark; 4: past it */
	bool separated;        /* the separator is known */
	struct buf head;       /* the first line until then */
	bool ended;            /* nothing more can be read */
	enum err err;          /* the sink's */
	struct err_info *info; /* of the call under way */
	int64_t count;
	int64_t problem_count;
	struct csv_problem problems[CSV_PROBLEMS_MAX];
};

static void tell(struct csv_documents *csv, int64_t line, const char *column, const char *format, ...)
    PRINTF_LIKE(4, 5);

static void tell(struct csv_documents *csv, int64_t line, const char *column, const char *format, ...)
{
	csv->broken = true;
	if (csv->problem_count++ >= CSV_PROBLEMS_MAX)
		return;
	struct csv_problem *problem = &csv->problems[csv->problem_count - 1];
	va_list args;
	problem->line = line;
	(void)snprintf(problem->column, sizeof problem->column, "%s", column);
	va_start(args, format);
	(void)vsnprintf(problem->text, sizeof problem->text, format, args);
	va_end(args);
}

static struct span field_at(const struct row *row, int index)
{
	size_t from = index == 0 ? 0 : row->ends[index - 1];
	size_t len = row->ends[index] - from;
	return len > 0 ? (struct span){(const char *)row->text.data + from, len} : (struct span){"", 0};
}

/* ---- the header ---- */

static const char *const identity_names[IDENTITY_COUNT] = {"entity", "type", "year", "number"};

/* Prefixes of sections' columns; "" is the header. */
static const struct {
	const char *prefix;
	int section;
} prefixes[] = {
    {"line.", SECTION_LINES}, {"tax.", SECTION_TAX_LINES}, {"application.", SECTION_APPLICATIONS}, {"", -1}};

/* false: no type of document has such a field. */
static bool find_slots(struct column *column, struct span name)
{
	size_t at = 0;
	while (strncmp(name.data, prefixes[at].prefix, strlen(prefixes[at].prefix)) != 0)
		at++;
	size_t skip = strlen(prefixes[at].prefix);
	struct span key = {name.data + skip, name.len - skip};
	bool any = false;
	column->of = prefixes[at].section < 0 ? COLUMN_HEADER : COLUMN_SECTION;
	column->section =
	    prefixes[at].section < 0 ? SECTION_LINES : (enum document_section)prefixes[at].section;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		bool has = prefixes[at].section < 0 || spec->sections[prefixes[at].section].key;
		column->slots[type] =
		    has ? document_field_find((enum document_type)type, prefixes[at].section, key) : -1;
		any = any || column->slots[type] >= 0;
	}
	return any;
}

static void read_column(struct csv_documents *csv, int index)
{
	struct column *column = &csv->columns[index];
	struct span name = field_at(&csv->row, index);
	char shown[VALUE_SHOWN_SIZE];
	value_show(name, shown);
	*column = (struct column){.of = COLUMN_HEADER};
	if (!text_copy(column->name, sizeof column->name, name) || name.len == 0 ||
	    strlen(column->name) != name.len) {
		column->name[0] = 0;
		tell(csv, csv->row.line, "", "there is no column \"%s\"; docs/compare/csv.md lists them",
		     shown);
		return;
	}
	for (int i = 0; i < index; i++) {
		if (strcmp(csv->columns[i].name, column->name) == 0)
			tell(csv, csv->row.line, column->name, "the column is there twice; keep one of them");
	}
	const struct span whole = span_of(column->name);
	if (span_equal(whole, SPAN_LITERAL("voided")))
		column->of = COLUMN_VOIDED;
	else if (span_equal(whole, SPAN_LITERAL("revision")))
		column->of = COLUMN_REVISION;
	else if (!find_slots(column, whole))
		tell(csv, csv->row.line, column->name,
		     "there is no such column; docs/compare/csv.md lists them. Correct its name, or leave "
		     "the column "
		     "out");
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		if (strcmp(column->name, identity_names[i]) == 0)
			csv->identity[i] = index;
	}
}

static void read_header(struct csv_documents *csv)
{
	for (int i = 0; i < IDENTITY_COUNT; i++)
		csv->identity[i] = -1;
	if (csv->row.fields > CSV_DOCUMENTS_COLUMNS_MAX) {
		tell(csv, csv->row.line, "", "the first line has %d columns; there are not so many",
		     csv->row.fields);
		csv->ended = true;
		return;
	}
	for (int i = 0; i < csv->row.fields; i++)
		read_column(csv, i);
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		if (csv->identity[i] < 0)
			tell(csv, csv->row.line, identity_names[i],
			     "the column is missing; the first line names the columns");
	}
	csv->column_count = csv->row.fields;
	csv->ended = csv->problem_count > 0;
}

/* ---- documents ---- */

static void hand_on(struct csv_documents *csv)
{
	struct err_info info = {.text = ""};
	if (!csv->under_way)
		return;
	csv->under_way = false;
	if (csv->broken)
		return;
	validity_settle_amounts(&csv->document);
	enum err err = csv->sink(csv->self, &csv->document, csv->revision, csv->first.line, &info);
	if (err == ERR_OK) {
		csv->count++;
	} else if (err == ERR_CONFLICT) {
		tell(csv, csv->first.line, "",
		     "this document came before, further up: %.300s. Sort the file by entity, type, year and "
		     "number, "
		     "so that its rows stand together",
		     info.text);
	} else {
		csv->err = err;
		csv->ended = true;
		if (csv->info)
			*csv->info = info;
	}
}

static void read_field(struct csv_documents *csv, const struct column *column, const struct field_spec *field,
                       struct span text, struct value *value)
{
	char shown[VALUE_SHOWN_SIZE];
	if (field->kind == VALUE_TEXT) {
		if (text.len > POSTING_TEXT_BYTES_MAX)
			tell(csv, csv->row.line, column->name, "the text has %zu bytes; allowed are %u",
			     text.len, POSTING_TEXT_BYTES_MAX);
		else if (document_set_text(&csv->document, value, text) != ERR_OK)
			tell(csv, csv->row.line, column->name,
			     "the texts of this document are over 4 MiB; split it");
		return;
	}
	const char *why = field_text_read(field->kind, text, value);
	if (!why)
		return;
	value_show(text, shown);
	tell(csv, csv->row.line, column->name, "\"%s\" %s", shown, why);
}

/* The document does not have what this column is. */
static void refuse_field(struct csv_documents *csv, const struct column *column)
{
	tell(csv, csv->row.line, column->name, "a document of type %s has no such field; leave it empty",
	     document_spec(csv->document.type)->name);
}

static void read_own_column(struct csv_documents *csv, const struct column *column, struct span text)
{
	struct value value;
	enum value_kind kind = column->of == COLUMN_VOIDED ? VALUE_BOOLEAN : VALUE_INTEGER;
	const char *why = field_text_read(kind, text, &value);
	if (!why && kind == VALUE_INTEGER && value.as.integer < 1)
		why = "is no number from 1 on";
	if (why)
		tell(csv, csv->row.line, column->name, "the value %s", why);
	else if (kind == VALUE_BOOLEAN)
		csv->document.voided = value.as.boolean;
	else
		csv->revision = value.as.integer;
}

static void read_document_header(struct csv_documents *csv)
{
	enum document_type type = csv->document.type;
	for (int i = 0; i < csv->column_count; i++) {
		const struct column *column = &csv->columns[i];
		struct span text = field_at(&csv->row, i);
		if (text.len == 0 || column->of == COLUMN_SECTION)
			continue;
		if (column->of != COLUMN_HEADER)
			read_own_column(csv, column, text);
		else if (column->slots[type] < 0)
			refuse_field(csv, column);
		else
			read_field(csv, column, &document_spec(type)->header[column->slots[type]], text,
			           &csv->document.header[column->slots[type]]);
	}
}

/* Rows after the first: a header's field is the same again, or empty. */
static void compare_header(struct csv_documents *csv)
{
	for (int i = 0; i < csv->column_count; i++) {
		struct span text = field_at(&csv->row, i);
		if (csv->columns[i].of == COLUMN_SECTION || text.len == 0 ||
		    span_equal(text, field_at(&csv->first, i)))
			continue;
		tell(csv, csv->row.line, csv->columns[i].name,
		     "it is another than in line %" PRId64
		     ", where the document begins; write it there, and here the same or nothing",
		     csv->first.line);
	}
}

static void read_lines(struct csv_documents *csv)
{
	enum document_type type = csv->document.type;
	struct value *lines[SECTION_COUNT] = {NULL};
	for (int i = 0; i < csv->column_count; i++) {
		const struct column *column = &csv->columns[i];
		struct span text = field_at(&csv->row, i);
		if (column->of != COLUMN_SECTION || text.len == 0)
			continue;
		if (column->slots[type] < 0) {
			refuse_field(csv, column);
			continue;
		}
		struct value **line = &lines[column->section];
		if (!*line)
			*line = document_add_line(&csv->document, column->section);
		if (!*line) {
			tell(csv, csv->row.line, column->name,
			     "the document has more than %d of these lines; split it", DOCUMENT_LINES_MAX);
			return;
		}
		read_field(csv, column,
		           &document_spec(type)->sections[column->section].fields[column->slots[type]], text,
		           &(*line)[column->slots[type]]);
	}
}

static void keep_first(struct csv_documents *csv)
{
	struct row *first = &csv->first;
	buf_clear(&first->text);
	buf_append_span(&first->text, buf_span(&csv->row.text));
	memcpy(first->ends, csv->row.ends, (size_t)csv->row.fields * sizeof first->ends[0]);
	first->fields = csv->row.fields;
	first->line = csv->row.line;
}

static bool same_document(const struct csv_documents *csv)
{
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		if (!span_equal(field_at(&csv->row, csv->identity[i]),
		                field_at(&csv->first, csv->identity[i])))
			return false;
	}
	return csv->under_way;
}

static void begin_document(struct csv_documents *csv)
{
	enum document_type type = DOCUMENT_JOURNAL;
	char shown[VALUE_SHOWN_SIZE];
	struct span word = field_at(&csv->row, csv->identity[1]);
	keep_first(csv);
	csv->under_way = true;
	csv->broken = false;
	csv->revision = 1;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		if (field_at(&csv->row, csv->identity[i]).len == 0)
			tell(csv, csv->row.line, identity_names[i],
			     "it is empty; every row names its document");
	}
	if (word.len > 0 && !document_type_find(&type, word)) {
		value_show(word, shown);
		tell(csv, csv->row.line, "type",
		     "\"%s\" is none of journal, invoice, credit_memo, payment, customer, usage", shown);
	}
	document_begin(&csv->document, type);
	if (!csv->broken)
		read_document_header(csv);
}

static void take_row(struct csv_documents *csv)
{
	CHECK(buf_ok(&csv->row.text));
	if (csv->column_count == 0) {
		read_header(csv);
		return;
	}
	if (csv->row.fields != csv->column_count) {
		tell(csv, csv->row.line, "",
		     "the row has %d fields, the first line %d; put texts with a separator in quotes",
		     csv->row.fields, csv->column_count);
		return;
	}
	if (!same_document(csv)) {
		hand_on(csv);
		if (csv->ended)
			return;
		begin_document(csv);
	} else if (!csv->broken) {
		compare_header(csv);
	}
	if (!csv->broken)
		read_lines(csv);
}

/* ---- bytes ---- */

static void on_field(void *data, size_t len, void *self)
{
	struct csv_documents *csv = self;
	struct row *row = &csv->row;
	if (!csv->ended && !utf8_valid((struct span){data, len})) {
		tell(csv, row->line, row->fields < csv->column_count ? csv->columns[row->fields].name : "",
		     "the text is not UTF-8; save the file as \"CSV UTF-8\"");
		csv->ended = true;
	}
	if (!csv->ended && memchr(data, 0, len) != NULL) {
		tell(csv, row->line, row->fields < csv->column_count ? csv->columns[row->fields].name : "",
		     "there is a zero byte in the text; the file is damaged");
		csv->ended = true;
	}
	buf_append(&row->text, data, len);
	if (row->fields < CSV_DOCUMENTS_COLUMNS_MAX)
		row->ends[row->fields] = row->text.len;
	row->fields++;
}

static void on_row(int end, void *self)
{
	struct csv_documents *csv = self;
	(void)end;
	if (!csv->ended)
		take_row(csv);
	buf_clear(&csv->row.text);
	csv->row.fields = 0;
	csv->in_row = false;
}

/* Blanks belong to a text. */
static int is_no_blank(unsigned char c)
{
	(void)c;
	return 0;
}

struct csv_documents *csv_documents_open(csv_document_sink sink, void *self)
{
	struct csv_documents *csv = mem_alloc(sizeof *csv);
	csv->sink = sink;
	csv->self = self;
	csv->line = 1;
	CHECK(csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
	csv_set_space_func(&csv->parser, is_no_blank);
	document_init(&csv->document);
	buf_init(&csv->row.text, CSV_DOCUMENTS_ROW_BYTES_MAX);
	buf_init(&csv->first.text, CSV_DOCUMENTS_ROW_BYTES_MAX);
	buf_init(&csv->head, CSV_DOCUMENTS_ROW_BYTES_MAX);
	return csv;
}

void csv_documents_close(struct csv_documents *csv)
{
	if (!csv)
		return;
	csv_free(&csv->parser);
	document_release(&csv->document);
	buf_release(&csv->row.text);
	buf_release(&csv->first.text);
	buf_release(&csv->head);
	free(csv);
}

static void tell_quote(struct csv_documents *csv)
{
	tell(csv, csv->row.line, "",
	     "a quote (\") stands in the wrong place, or is never closed; put the whole field in quotes and "
	     "write each "
	     "quote inside it twice");
	csv->ended = true;
}

/* A piece of one line; whole: it ends here. */
static void feed_piece(struct csv_documents *csv, struct span piece, bool whole)
{
	bool blank = piece.len == 0 || (piece.len == 1 && (piece.data[0] == '\n' || piece.data[0] == '\r')) ||
	             (piece.len == 2 && piece.data[0] == '\r');
	if (!csv->in_row && !blank) {
		csv->in_row = true;
		csv->row.line = csv->line;
		csv->row_bytes = 0;
	}
	csv->row_bytes += piece.len;
	if (csv->row_bytes > CSV_DOCUMENTS_ROW_BYTES_MAX) {
		tell(csv, csv->row.line, "",
		     "the row that begins here has more than %u bytes; look for a quote (\") that is not "
		     "closed",
		     CSV_DOCUMENTS_ROW_BYTES_MAX);
		csv->ended = true;
		return;
	}
	if (csv_parse(&csv->parser, piece.data, piece.len, on_field, on_row, csv) != piece.len &&
	    !csv->ended) {
		CHECK(csv_error(&csv->parser) == CSV_EPARSE);
		tell_quote(csv);
	}
	csv->line += whole;
}

static void feed_lines(struct csv_documents *csv, struct span bytes)
{
	while (bytes.len > 0 && !csv->ended) {
		const char *end = memchr(bytes.data, '\n', bytes.len);
		size_t len = end ? (size_t)(end - bytes.data) + 1 : bytes.len;
		feed_piece(csv, (struct span){bytes.data, len}, end != NULL);
		bytes = (struct span){bytes.data + len, bytes.len - len};
	}
}

/* The first line is kept until its end, for what separates its fields is the separator of all. */
static void feed_head(struct csv_documents *csv, struct span bytes, bool last)
{
	buf_append_span(&csv->head, bytes);
	if (!buf_ok(&csv->head)) {
		tell(csv, 1, "", "the first line has more than %u bytes; is this a CSV file?",
		     CSV_DOCUMENTS_ROW_BYTES_MAX);
		csv->ended = true;
		return;
	}
	struct span head = buf_span(&csv->head);
	const size_t mark = sizeof BYTE_ORDER_MARK - 1;
	if (head.len >= mark && memcmp(head.data, BYTE_ORDER_MARK, mark) == 0)
		head = (struct span){head.data + mark, head.len - mark};
	size_t at = 0;
	while (at < head.len && (head.data[at] == '\n' || head.data[at] == '\r'))
		at++; /* empty lines before it */
	const struct span line = {head.data + at, head.len - at};
	const char *end = line.len > 0 ? memchr(line.data, '\n', line.len) : NULL;
	if (!end && !last)
		return;
	size_t len = end ? (size_t)(end - line.data) : line.len;
	bool comma = len > 0 && memchr(line.data, ',', len) != NULL;
	bool semicolon = len > 0 && memchr(line.data, ';', len) != NULL;
	csv->separated = true;
	if (!comma && semicolon)
		csv_set_delim(&csv->parser, ';');
	feed_lines(csv, head);
	buf_release(&csv->head);
}

enum err csv_documents_feed(struct csv_documents *csv, struct span bytes, struct err_info *info)
{
	csv->info = info;
	if (csv->ended)
		return err_set(info, ERR_BAD_INPUT, "the file cannot be read on");
	while (!csv->separated && bytes.len > 0 && !csv->ended) {
		/* What does not fit into the head is no line of it. */
		size_t len = bytes.len < 4096 ? bytes.len : 4096;
		feed_head(csv, (struct span){bytes.data, len}, false);
		bytes = (struct span){bytes.data + len, bytes.len - len};
	}
	feed_lines(csv, bytes);
	csv->info = NULL;
	if (csv->err != ERR_OK)
		return csv->err;
	return csv->ended ? err_set(info, ERR_BAD_INPUT, "the file cannot be read on") : ERR_OK;
}

enum err csv_documents_finish(struct csv_documents *csv, struct err_info *info)
{
	const struct csv_problem *first = &csv->problems[0];
	csv->info = info;
	if (!csv->separated && !csv->ended)
		feed_head(csv, (struct span){NULL, 0}, true);
	if (!csv->ended && csv_fini(&csv->parser, on_field, on_row, csv) != 0) {
		CHECK(csv_error(&csv->parser) == CSV_EPARSE);
		tell_quote(csv);
	}
	if (!csv->ended && csv->column_count == 0)
		tell(csv, 0, "", "the file is empty; its first line names the columns");
	if (!csv->ended)
		hand_on(csv);
	csv->info = NULL;
	csv->ended = true;
	if (csv->err != ERR_OK)
		return csv->err;
	if (csv->problem_count == 0)
		return ERR_OK;
	return err_set(info, ERR_BAD_INPUT, "line %" PRId64 "%s%s: %.400s", first->line,
	               first->column[0] ? ", column " : "", first->column, first->text);
}

int64_t csv_documents_count(const struct csv_documents *csv)
{
	return csv->count;
}

int64_t csv_documents_problems(const struct csv_documents *csv, const struct csv_problem **list, int *kept)
{
	*list = csv->problems;
	*kept = csv->problem_count < CSV_PROBLEMS_MAX ? (int)csv->problem_count : CSV_PROBLEMS_MAX;
	return csv->problem_count;
}
