/*
 * odbc_fetch.c - rows from a driver's bound arrays into ROWS frames.
 *
 * Why:   see odbc_fetch.h.
 * Owns:  the bound memory and the frame under construction.
 * Rules: as in odbc_fetch.h. The bound memory: lengths (column after column), then the status of each row, then the
 *        columns' buffers one after the other.
 * Faults: see odbc_fetch.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_fetch.h"

#include <stdlib.h>
#include <string.h>

#define BOUND_BYTES_MAX (1536u * 1024u)
/* What is left free below it is what a driver leaves of a character it would not cut in two. */
#define CUT_SLACK  4
#define WIDTH_STEP 64u
/* Sets of nothing but unreadable rows, one after the other, before the statement is given up: a driver that stands
 * still on a bad row would go on for ever. */
#define UNREADABLE_SETS_MAX 100
/* A value that is not handed on, with its header. */
#define VALUE_SHOWN_BYTES (SOURCE_VALUE_SHOWN_MAX + 4)

void odbc_fetch_init(struct odbc_fetch *fetch)
{
	*fetch = (struct odbc_fetch){.rows = 0};
	buf_init(&fetch->frame, FRAME_PAYLOAD_MAX);
}

void odbc_fetch_release(struct odbc_fetch *fetch)
{
	free(fetch->memory);
	buf_release(&fetch->frame);
	*fetch = (struct odbc_fetch){.rows = 0};
}

void odbc_fetch_clear(struct odbc_fetch *fetch)
{
	buf_clear(&fetch->frame);
	fetch->frame_rows = 0;
}

/* Lays out the bound memory for as many rows as fit, at most wanted. */
static void lay_out(struct odbc_fetch *fetch, const struct odbc_statement *statement, SQLULEN wanted)
{
	size_t row_bytes = sizeof(SQLUSMALLINT) + statement->columns * sizeof(SQLLEN);
	for (int i = 0; i < statement->columns; i++)
		row_bytes += statement->widths[i];
	SQLULEN rows = BOUND_BYTES_MAX / row_bytes;
	rows = rows < 1 ? 1 : rows > wanted ? wanted : rows;
	if (rows * row_bytes > fetch->memory_bytes) {
		free(fetch->memory);
		fetch->memory = mem_alloc(rows * row_bytes);
		fetch->memory_bytes = rows * row_bytes;
	}
	fetch->rows = rows;
	fetch->lengths = (SQLLEN *)(void *)fetch->memory;
	fetch->status = (SQLUSMALLINT *)(void *)(fetch->lengths + statement->columns * rows);
	char *next = (char *)(fetch->status + rows);
	for (int i = 0; i < statement->columns; i++) {
		fetch->columns[i] = next;
		next += statement->widths[i] * rows;
	}
	CHECK((size_t)(next - (char *)fetch->memory) <= fetch->memory_bytes);
}

static bool set_attribute(struct odbc_reading *reading, SQLINTEGER attribute, SQLPOINTER value,
                          struct odbc_failure *failure)
{
	SQLHSTMT handle = reading->statement->handle;
	if (SQL_SUCCEEDED(SQLSetStmtAttr(handle, attribute, value, 0)))
		return true;
	odbc_diag_read(failure, SQL_HANDLE_STMT, handle, ODBC_QUERYING, reading->dbms,
	               (struct span){NULL, 0});
	return false;
}

static bool bind(struct odbc_fetch *fetch, struct odbc_reading *reading, struct odbc_failure *failure)
{
	struct odbc_statement *statement = reading->statement;
	lay_out(fetch, statement, reading->row_array);
	/* A driver may take fewer rows than it is asked to, or know no arrays at all. */
	SQLULEN taken = 1;
	if (!SQL_SUCCEEDED(
		SQLSetStmtAttr(statement->handle, SQL_ATTR_ROW_ARRAY_SIZE, (SQLPOINTER)fetch->rows, 0)) ||
	    !SQL_SUCCEEDED(SQLGetStmtAttr(statement->handle, SQL_ATTR_ROW_ARRAY_SIZE, &taken, 0, NULL)))
		taken = 1;
	if (taken < 1 || taken > fetch->rows) {
		odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "HY024",
		              "the driver sets an array of %lu rows for %lu", (unsigned long)taken,
		              (unsigned long)fetch->rows);
		return false;
	}
	lay_out(fetch, statement, taken);
	if (!set_attribute(reading, SQL_ATTR_ROW_BIND_TYPE, (SQLPOINTER)(uintptr_t)SQL_BIND_BY_COLUMN,
	                   failure) ||
	    !set_attribute(reading, SQL_ATTR_ROW_STATUS_PTR, fetch->status, failure) ||
	    !set_attribute(reading, SQL_ATTR_ROWS_FETCHED_PTR, &fetch->fetched, failure))
		return false;
	for (int i = 0; i < statement->columns; i++) {
		SQLRETURN ret =
		    SQLBindCol(statement->handle, (SQLUSMALLINT)(i + 1), SQL_C_CHAR, fetch->columns[i],
		               (SQLLEN)statement->widths[i], fetch->lengths + (size_t)i * fetch->rows);
		if (!SQL_SUCCEEDED(ret)) {
			odbc_diag_read(failure, SQL_HANDLE_STMT, statement->handle, ODBC_QUERYING,
			               reading->dbms, (struct span){NULL, 0});
			return false;
		}
	}
	return true;
}

/* May this value have been cut? warned: the driver said so of some value of this set. */
static bool is_cut(SQLLEN len, uint32_t width, bool warned)
{
	if (len == SQL_NULL_DATA)
		return false;
	return len < 0 || (size_t)len + (warned ? CUT_SLACK : 1) >= width;
}

/* Is it known, or the most that can be found out, that the value is over the limit? */
static bool is_over(SQLLEN len, uint32_t width)
{
	return len > (SQLLEN)SOURCE_VALUE_BYTES_MAX || width == ODBC_WIDTH_MAX;
}

/* Widens every column that has a cut value in this set; whether there was one. */
static bool widen(struct odbc_fetch *fetch, struct odbc_statement *statement, SQLULEN rows, bool warned)
{
	bool any = false;
	for (int c = 0; c < statement->columns; c++) {
		uint32_t width = statement->widths[c];
		uint32_t wanted = width;
		for (SQLULEN r = 0; r < rows; r++) {
			SQLLEN len = fetch->lengths[(size_t)c * fetch->rows + r];
			if (fetch->status[r] == SQL_ROW_ERROR || !is_cut(len, width, warned) ||
			    is_over(len, width))
				continue;
			/* Doubled at the least, so that a column grows a few times in its life; all the way where the
			 * driver does not know the length. */
			uint32_t needed = len < 0 ? ODBC_WIDTH_MAX : (uint32_t)len + CUT_SLACK + 1;
			needed = needed < 2 * width ? 2 * width : needed;
			wanted = needed > wanted ? needed : wanted;
		}
		if (wanted == width)
			continue;
		wanted = (wanted + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP;
		statement->widths[c] = wanted < ODBC_WIDTH_MAX ? wanted : ODBC_WIDTH_MAX;
		any = true;
	}
	return any;
}

static bool any_cut(const struct odbc_fetch *fetch, const struct odbc_statement *statement, SQLULEN rows)
{
	for (int c = 0; c < statement->columns; c++) {
		for (SQLULEN r = 0; r < rows; r++) {
			SQLLEN len = fetch->lengths[(size_t)c * fetch->rows + r];
			if (fetch->status[r] != SQL_ROW_ERROR && is_cut(len, statement->widths[c], true))
				return true;
		}
	}
	return false;
}

static uint64_t mix(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 divided by the golden ratio, odd */
	return digest ^ digest >> 32;
}

/* Tells rows that changed from rows that did not; no defence against anybody. */
static uint64_t digest_of(uint64_t digest, const uint8_t *bytes, size_t len)
{
	uint64_t word;
	digest = mix(digest, len);
	for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
		memcpy(&word, bytes, sizeof word);
		digest = mix(digest, word);
	}
	word = 0;
	memcpy(&word, bytes, len);
	return mix(digest, word);
}

/* The value of one cell. room: bytes that the row still has. */
static struct source_value cell(struct odbc_fetch *fetch, struct odbc_reading *reading, int column,
                                SQLULEN row, bool warned, size_t room)
{
	uint32_t width = reading->statement->widths[column];
	SQLLEN len = fetch->lengths[(size_t)column * fetch->rows + row];
	const char *bytes = fetch->columns[column] + (size_t)row * width;
	if (len == SQL_NULL_DATA)
		return (struct source_value){SOURCE_VALUE_NULL, {NULL, 0}};
	/* What is cut and may be read again was found by widen() before. It fills its buffer, which is wider than
	 * what is shown. */
	if (is_cut(len, width, warned))
		return (struct source_value){
		    SOURCE_VALUE_TOO_LONG, odbc_text_shown((struct span){bytes, SOURCE_VALUE_SHOWN_MAX + 1})};
	struct span raw = {bytes, (size_t)len};
	struct source_value value = odbc_text_value(reading->text, raw);
	if (value.text.len > SOURCE_VALUE_SHOWN_MAX && value.text.len > room)
		return (struct source_value){SOURCE_VALUE_TOO_LONG, odbc_text_shown(raw)};
	return value;
}

static void encode_row(struct odbc_fetch *fetch, struct odbc_reading *reading, SQLULEN row, bool warned)
{
	int columns = reading->statement->columns;
	size_t start = fetch->frame.len;
	for (int c = 0; c < columns; c++) {
		size_t used = fetch->frame.len - start;
		size_t reserved = (size_t)(columns - c - 1) * VALUE_SHOWN_BYTES + 4;
		size_t room = SOURCE_ROW_BYTES_MAX - used - reserved;
		source_rows_value(&fetch->frame, cell(fetch, reading, c, row, warned, room));
	}
}

static void encode_unreadable(struct odbc_fetch *fetch, struct odbc_reading *reading, struct span why)
{
	for (int c = 0; c < reading->statement->columns; c++)
		source_rows_value(&fetch->frame, (struct source_value){SOURCE_VALUE_UNREADABLE, why});
}

static bool send_frame(struct odbc_fetch *fetch, struct odbc_reading *reading)
{
	if (fetch->frame_rows == 0)
		return true;
	source_rows_end(&fetch->frame, fetch->frame_rows);
	CHECK(buf_ok(&fetch->frame));
	enum err err = port_send(reading->port, SOURCE_ROWS, fetch->frame.data, fetch->frame.len);
	odbc_fetch_clear(fetch);
	return err == ERR_OK;
}

static enum odbc_fetch_end changed(struct odbc_failure *failure)
{
	odbc_diag_set(failure, SOURCE_FAILURE_TRANSIENT, "",
	              "the rows changed while a long value was read again; they will be asked for once more");
	return ODBC_FETCH_FAILED;
}

/* The row at the end of the frame stays if it is new, and goes if it was sent before. */
static enum odbc_fetch_end take_row(struct odbc_fetch *fetch, struct odbc_reading *reading, size_t start,
                                    struct odbc_failure *failure)
{
	reading->passed_digest =
	    digest_of(reading->passed_digest, fetch->frame.data + start, fetch->frame.len - start);
	reading->passed++;
	if (reading->passed <= reading->rows) {
		fetch->frame.len = start;
		if (reading->passed == reading->rows && reading->passed_digest != reading->digest)
			return changed(failure);
		return ODBC_FETCH_DONE;
	}
	reading->rows = reading->passed;
	reading->digest = reading->passed_digest;
	fetch->frame_rows++;
	if (fetch->frame.len >= SOURCE_ROWS_FRAME_BYTES && !send_frame(fetch, reading))
		return ODBC_FETCH_GONE;
	return ODBC_FETCH_DONE;
}

/* One set of rows as the driver left it. */
struct set {
	SQLULEN rows;
	bool warned;    /* it says that something was cut, */
	bool unknown;   /* and nothing shows it */
	bool row_marks; /* the rows it says it of are marked */
	char why[SOURCE_UNREADABLE_TEXT_MAX + 1];
};

static bool is_unreadable(const struct odbc_fetch *fetch, const struct set *set, SQLULEN row)
{
	if (fetch->status[row] == SQL_ROW_ERROR)
		return true;
	return set->unknown && (!set->row_marks || fetch->status[row] == SQL_ROW_SUCCESS_WITH_INFO);
}

static enum odbc_fetch_end take_set(struct odbc_fetch *fetch, struct odbc_reading *reading,
                                    const struct set *set, struct odbc_failure *failure)
{
	/* Before any of it is encoded: the rows of this set that are whole are read again with the others. */
	if (widen(fetch, reading->statement, set->rows, set->warned))
		return ODBC_FETCH_AGAIN;
	for (SQLULEN row = 0; row < set->rows; row++) {
		if (fetch->frame.len == 0)
			source_rows_begin(&fetch->frame, reading->request, reading->number,
			                  reading->statement->columns);
		size_t start = fetch->frame.len;
		if (is_unreadable(fetch, set, row))
			encode_unreadable(fetch, reading, span_of(set->why));
		else
			encode_row(fetch, reading, row, set->warned);
		CHECK(fetch->frame.len - start <= SOURCE_ROW_BYTES_MAX);
		enum odbc_fetch_end end = take_row(fetch, reading, start, failure);
		if (end != ODBC_FETCH_DONE)
			return end;
	}
	return ODBC_FETCH_DONE;
}

/* Looks at what the driver left behind. failure: its diagnostics, where it warned or failed. */
static void judge_set(const struct odbc_fetch *fetch, const struct odbc_reading *reading,
                      const struct odbc_failure *failure, struct set *set)
{
	char why[SOURCE_FAILED_TEXT_MAX + 16];
	size_t at = strlen(failure->sqlstate);
	memcpy(why, failure->sqlstate, at);
	why[at++] = ' ';
	CHECK(text_copy(why + at, sizeof why - at, span_of(failure->text)));
	odbc_text_clean(set->why, sizeof set->why, span_of(why));
	set->warned = odbc_diag_warned(reading->statement->handle, "01004");
	set->unknown = set->warned && !any_cut(fetch, reading->statement, set->rows);
	for (SQLULEN row = 0; row < set->rows; row++)
		set->row_marks = set->row_marks || fetch->status[row] == SQL_ROW_SUCCESS_WITH_INFO;
}

/* A failed fetch that still gave rows, marked as errors by the driver, gave unreadable rows; else it failed. */
static bool is_failed(const struct odbc_fetch *fetch, struct odbc_reading *reading, const struct set *set,
                      const struct odbc_failure *failure)
{
	bool marked = false;
	for (SQLULEN row = 0; row < set->rows; row++)
		marked = marked || fetch->status[row] == SQL_ROW_ERROR;
	return !marked || failure->failure != SOURCE_FAILURE_QUERY ||
	       ++reading->unreadable_sets > UNREADABLE_SETS_MAX;
}

/* One SQLFetch. *more is false at the end of the result. */
static enum odbc_fetch_end fetch_set(struct odbc_fetch *fetch, struct odbc_reading *reading, bool *more,
                                     struct odbc_failure *failure)
{
	struct set set = {.rows = 0};
	SQLHSTMT handle = reading->statement->handle;
	fetch->fetched = 0;
	for (SQLULEN row = 0; row < fetch->rows; row++)
		fetch->status[row] = SQL_ROW_NOROW;
	SQLRETURN ret = SQLFetch(handle);
	*more = ret != SQL_NO_DATA;
	if (!*more)
		return ODBC_FETCH_DONE;
	set.rows = fetch->fetched < fetch->rows ? fetch->fetched : fetch->rows;
	if (ret != SQL_SUCCESS) {
		odbc_diag_read(failure, SQL_HANDLE_STMT, handle, ODBC_QUERYING, reading->dbms,
		               (struct span){NULL, 0});
		if (!SQL_SUCCEEDED(ret) && is_failed(fetch, reading, &set, failure))
			return ODBC_FETCH_FAILED;
		judge_set(fetch, reading, failure, &set);
	}
	if (SQL_SUCCEEDED(ret))
		reading->unreadable_sets = 0;
	if (set.rows == 0) {
		odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "",
		              "the driver fetched no rows and did not say it is the end");
		return ODBC_FETCH_FAILED;
	}
	return take_set(fetch, reading, &set, failure);
}

enum odbc_fetch_end odbc_fetch_rows(struct odbc_fetch *fetch, struct odbc_reading *reading,
                                    struct odbc_failure *failure)
{
	reading->passed = 0;
	reading->passed_digest = 0;
	if (!bind(fetch, reading, failure))
		return ODBC_FETCH_FAILED;
	bool more = true;
	while (more) {
		enum odbc_fetch_end end = fetch_set(fetch, reading, &more, failure);
		if (end != ODBC_FETCH_DONE)
			return end;
	}
	if (reading->passed < reading->rows)
		return changed(failure);
	return send_frame(fetch, reading) ? ODBC_FETCH_DONE : ODBC_FETCH_GONE;
}
