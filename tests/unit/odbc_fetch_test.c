/*
 * odbc_fetch_test.c - rows from a driver that behaves badly, on purpose.
 *
 * Why:   drivers cut values in more ways than the installed ones show: lengths not known, lengths of what is left, cuts
 *        between characters, warnings without a place, rows that cannot be read, ends that never come. None of them
 *        may reach the core as a value.
 * Owns:  struct driver, behind the ODBC calls that odbc_fetch.c makes: this file takes the place of the driver manager.
 * Rules: 1. The driver has one result of two columns: a number and the text that the test gives.
 *        2. The calls are those of the ODBC 3 reference; which lengths and warnings are given is the test's choice.
 * Runs in: the unit tests.
 */
#include "connector/source/odbc_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/port.h"

#define COLUMNS  2
#define ROWS_MAX 64

/* What the driver does with a value that does not fit. */
enum manner {
	MANNER_TOTAL,     /* warns, and gives the whole length: as the reference says */
	MANNER_NO_TOTAL,  /* warns, and does not know the length */
	MANNER_SILENT,    /* does not warn, and gives the length of what is left */
	MANNER_CHARACTER, /* warns, cuts between characters and gives the length of what is left */
	MANNER_HIDDEN,    /* warns, and gives a length that shows nothing */
};

struct driver {
	const char *texts[ROWS_MAX];
	size_t count;
	size_t next;
	enum manner manner;
	SQLULEN array_max; /* rows it takes at most; 0: it knows no arrays */
	SQLULEN rows;
	bool warned;
	char state[6];     /* of the last failure */
	bool marks;        /* it marks the rows it warns of */
	size_t bad_row;    /* this row (from 1) is an error; 0: none */
	bool bad_for_ever; /* and it stays at it */
	bool fails;        /* every fetch fails without a row */
	bool empty;        /* every fetch succeeds without a row */
	char *columns[COLUMNS];
	SQLLEN widths[COLUMNS];
	SQLLEN *lengths[COLUMNS];
	SQLUSMALLINT *status;
	SQLULEN *fetched;
};

/* The calls of odbc_fetch.c know their driver by the statement's handle. */
static struct driver *driver_of(SQLHSTMT handle)
{
	return handle;
}

SQLRETURN SQL_API SQLSetStmtAttr(SQLHSTMT handle, SQLINTEGER attribute, SQLPOINTER value, SQLINTEGER len)
{
	struct driver *driver = driver_of(handle);
	(void)len;
	if (attribute == SQL_ATTR_ROW_ARRAY_SIZE) {
		if (driver->array_max == 0)
			return SQL_ERROR;
		SQLULEN asked = (SQLULEN)(uintptr_t)value;
		driver->rows = asked < driver->array_max ? asked : driver->array_max;
		return asked == driver->rows ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO;
	}
	if (attribute == SQL_ATTR_ROW_STATUS_PTR)
		driver->status = value;
	if (attribute == SQL_ATTR_ROWS_FETCHED_PTR)
		driver->fetched = value;
	return SQL_SUCCESS;
}

SQLRETURN SQL_API SQLGetStmtAttr(SQLHSTMT handle, SQLINTEGER attribute, SQLPOINTER value, SQLINTEGER size,
                                 SQLINTEGER *len)
{
	(void)size;
	(void)len;
	assert_int_equal(attribute, SQL_ATTR_ROW_ARRAY_SIZE);
	*(SQLULEN *)value = driver_of(handle)->rows;
	return SQL_SUCCESS;
}

SQLRETURN SQL_API SQLBindCol(SQLHSTMT handle, SQLUSMALLINT column, SQLSMALLINT type, SQLPOINTER value,
                             SQLLEN size, SQLLEN *lengths)
{
	struct driver *driver = driver_of(handle);
	assert_int_equal(type, SQL_C_CHAR);
	assert_true(column >= 1 && column <= COLUMNS);
	driver->columns[column - 1] = value;
	driver->widths[column - 1] = size;
	driver->lengths[column - 1] = lengths;
	return SQL_SUCCESS;
}

SQLRETURN SQL_API SQLGetDiagRec(SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT number, SQLCHAR *state,
                                SQLINTEGER *native, SQLCHAR *text, SQLSMALLINT size, SQLSMALLINT *len)
{
	struct driver *driver = driver_of(handle);
	const char *found = number == 1 && driver->state[0] ? driver->state : driver->warned ? "01004" : NULL;
	(void)type;
	if (!found || number > 1 + (driver->state[0] && driver->warned))
		return SQL_NO_DATA;
	memcpy(state, found, 6);
	*native = 0;
	*len = (SQLSMALLINT)snprintf((char *)text, (size_t)size, "words");
	return SQL_SUCCESS;
}

/* Puts a value into a bound buffer of a row; true: it was cut and the driver warns of it. */
static bool put(struct driver *driver, int column, SQLULEN row, const char *text)
{
	size_t width = (size_t)driver->widths[column];
	char *to = driver->columns[column] + row * width;
	SQLLEN *len = &driver->lengths[column][row];
	if (!text) {
		*len = SQL_NULL_DATA;
		return false;
	}
	size_t total = strlen(text);
	*len = (SQLLEN)total;
	if (total < width) {
		memcpy(to, text, total + 1);
		return false;
	}
	size_t left = width - 1;
	if (driver->manner == MANNER_CHARACTER) {
		while (left > 0 && ((unsigned char)text[left] & 0xc0) == 0x80)
			left--;
	}
	memcpy(to, text, left);
	to[left] = 0;
	if (driver->manner == MANNER_NO_TOTAL)
		*len = SQL_NO_TOTAL;
	else if (driver->manner == MANNER_HIDDEN)
		*len = 10;
	else if (driver->manner != MANNER_TOTAL)
		*len = (SQLLEN)left;
	return driver->manner != MANNER_SILENT;
}

SQLRETURN SQL_API SQLFetch(SQLHSTMT handle)
{
	struct driver *driver = driver_of(handle);
	SQLULEN rows = 0;
	SQLULEN bad = 0;
	driver->warned = false;
	driver->state[0] = 0;
	if (driver->empty)
		return SQL_SUCCESS;
	if (driver->fails) {
		memcpy(driver->state, "HY000", 6);
		return SQL_ERROR;
	}
	for (; rows < (driver->array_max ? driver->rows : 1) && driver->next < driver->count; rows++) {
		char number[24];
		if (driver->next + 1 == driver->bad_row) {
			memcpy(driver->state, "22003", 6);
			driver->status[rows] = SQL_ROW_ERROR;
			/* What a driver leaves here for such a row is anything. */
			driver->lengths[0][rows] = driver->lengths[1][rows] = 300;
			bad++;
			driver->next += !driver->bad_for_ever;
			continue;
		}
		(void)snprintf(number, sizeof number, "%zu", driver->next + 1);
		(void)put(driver, 0, rows, number);
		bool warns = put(driver, 1, rows, driver->texts[driver->next]);
		driver->warned |= warns;
		driver->status[rows] = warns && driver->marks ? SQL_ROW_SUCCESS_WITH_INFO : SQL_ROW_SUCCESS;
		driver->next++;
	}
	*driver->fetched = rows;
	if (rows == 0)
		return SQL_NO_DATA;
	if (bad == rows)
		return SQL_ERROR;
	return bad > 0 || driver->warned ? SQL_SUCCESS_WITH_INFO : SQL_SUCCESS;
}

/* ---- a port that takes rows ---- */

struct sink {
	struct port port;
	struct buf text; /* as tests/lib/odbc_child.h writes results */
	int frames;
	enum err answer;
};

static void append_row(struct buf *text, const struct source_value *values)
{
	static const char *const names[] = {"", "null", "bad", "long", "unreadable"};
	for (int i = 0; i < COLUMNS; i++) {
		if (values[i].kind != SOURCE_VALUE_TEXT)
			buf_printf(text, "<%s>", names[values[i].kind]);
		else
			buf_append_span(text, values[i].text);
		buf_append_char(text, i + 1 < COLUMNS ? '|' : '\n');
	}
}

static enum err take_frame(struct port *port, uint8_t type, const void *payload, size_t len)
{
	struct sink *sink = (struct sink *)port;
	struct source_rows rows;
	struct source_value values[SOURCE_COLUMNS_MAX];
	assert_int_equal(type, SOURCE_ROWS);
	assert_true(source_rows_decode(&rows, payload, len));
	while (source_rows_next(&rows, values))
		append_row(&sink->text, values);
	assert_true(source_rows_good(&rows));
	sink->frames++;
	return sink->answer;
}

static const struct port_ops ops = {.send = take_frame};

/* ---- one reading ---- */

struct outcome {
	enum odbc_fetch_end end;
	int executions;
	struct odbc_failure failure;
	struct sink sink;
	uint32_t rows;
	uint32_t width; /* of the text column, in the end */
};

/* Reads the driver's result as odbc_role.c does: again from the start as long as it is asked to. between: called before
 * each further execution. */
static void read_result(struct driver *driver, uint16_t row_array, void (*between)(struct driver *),
                        struct outcome *outcome)
{
	struct odbc_fetch fetch;
	struct odbc_text text;
	struct odbc_statement statement = {.handle = driver, .columns = COLUMNS, .widths = {80, 80}};
	*outcome = (struct outcome){.sink = {.port = {.ops = &ops}, .answer = ERR_OK}};
	buf_init(&outcome->sink.text, 16u << 20);
	assert_true(odbc_text_init(&text, SPAN_LITERAL("UTF-8")));
	struct odbc_reading reading = {
	    .port = &outcome->sink.port,
	    .text = &text,
	    .statement = &statement,
	    .request = 1,
	    .row_array = row_array,
	};
	odbc_fetch_init(&fetch);
	do {
		if (outcome->executions > 0 && between)
			between(driver);
		driver->next = 0;
		outcome->executions++;
		assert_true(outcome->executions < 100);
		outcome->end = odbc_fetch_rows(&fetch, &reading, &outcome->failure);
	} while (outcome->end == ODBC_FETCH_AGAIN);
	outcome->rows = reading.rows;
	outcome->width = statement.widths[1];
	odbc_fetch_release(&fetch);
	odbc_text_release(&text);
}

static char *repeated(const char *what, size_t times)
{
	size_t len = strlen(what);
	char *text = mem_alloc(len * times + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, what, len);
	return text;
}

/* A driver with n rows of text "x". */
static struct driver short_rows(size_t n)
{
	struct driver driver = {.count = n, .array_max = 1000, .marks = true};
	for (size_t i = 0; i < n; i++)
		driver.texts[i] = "x";
	return driver;
}

static void expect_texts(const struct driver *driver, struct outcome *outcome)
{
	struct buf expected;
	buf_init(&expected, 16u << 20);
	for (size_t i = 0; i < driver->count; i++) {
		buf_printf(&expected, "%zu|", i + 1);
		buf_append_text(&expected, driver->texts[i] ? driver->texts[i] : "<null>");
		buf_append_char(&expected, '\n');
	}
	assert_int_equal(outcome->end, ODBC_FETCH_DONE);
	assert_int_equal(outcome->rows, driver->count);
	assert_string_equal(buf_cstr(&outcome->sink.text), buf_cstr(&expected));
	buf_release(&expected);
	buf_release(&outcome->sink.text);
}

static const enum manner telling[] = {MANNER_TOTAL, MANNER_NO_TOTAL, MANNER_SILENT, MANNER_CHARACTER};
#define TELLING_COUNT (sizeof telling / sizeof telling[0])

/* A long value in the midst of short ones, in each manner, with arrays of one row, of a few, and of more than there
 * are: every row once, in order, whole; four-byte characters too. */
static void cut_values(void **state)
{
	(void)state;
	static const uint16_t arrays[] = {1, 2, 7, 1000};
	static const size_t characters[] = {10, 19, 20, 21, 100, 3000, 12288};
	for (size_t m = 0; m < TELLING_COUNT; m++) {
		for (size_t a = 0; a < sizeof arrays / sizeof arrays[0]; a++) {
			for (size_t c = 0; c < sizeof characters / sizeof characters[0]; c++) {
				struct driver driver = short_rows(20);
				struct outcome outcome;
				char *text = repeated("\xf0\x9f\x98\x80", characters[c]);
				driver.manner = telling[m];
				driver.texts[3] = NULL;
				driver.texts[11] = text;
				read_result(&driver, arrays[a], NULL, &outcome);
				expect_texts(&driver, &outcome);
				free(text);
			}
		}
	}
}

/* Every length around every width that a buffer has had: whole, whatever the manner. */
static void every_length(void **state)
{
	(void)state;
	for (size_t m = 0; m < TELLING_COUNT; m++) {
		for (size_t len = 60; len < 400; len++) {
			struct driver driver = short_rows(3);
			struct outcome outcome;
			char *text = repeated("y", len);
			driver.manner = telling[m];
			driver.texts[1] = text;
			read_result(&driver, 10, NULL, &outcome);
			expect_texts(&driver, &outcome);
			free(text);
		}
	}
}

/* A value of the limit is whole, one byte more is TOO_LONG, in each manner; where the driver says the length, nothing
 * is read again for it. */
static void limit(void **state)
{
	(void)state;
	for (size_t m = 0; m < TELLING_COUNT; m++) {
		struct driver driver = short_rows(3);
		struct outcome outcome;
		char *text = repeated("y", SOURCE_VALUE_BYTES_MAX);
		driver.manner = telling[m];
		driver.texts[1] = text;
		read_result(&driver, 10, NULL, &outcome);
		expect_texts(&driver, &outcome);
		free(text);
		/* 49153 is over; 49160 and more is where the widest buffer is full. */
		for (size_t more = 1; more < 20; more++) {
			text = repeated("y", SOURCE_VALUE_BYTES_MAX + more);
			driver.texts[1] = text;
			read_result(&driver, 10, NULL, &outcome);
			assert_int_equal(outcome.end, ODBC_FETCH_DONE);
			assert_string_equal(buf_cstr(&outcome.sink.text), "1|x\n2|<long>\n3|x\n");
			assert_true(telling[m] != MANNER_TOTAL || outcome.executions == 1);
			buf_release(&outcome.sink.text);
			free(text);
		}
	}
}

/* A driver that warns and shows nothing: the rows it marks are unreadable, or all of that fetch where it marks none; no
 * half value is handed on. */
static void hidden_cut(void **state)
{
	(void)state;
	char *text = repeated("y", 500);
	for (int marks = 0; marks < 2; marks++) {
		struct driver driver = short_rows(4);
		struct outcome outcome;
		driver.manner = MANNER_HIDDEN;
		driver.marks = marks;
		driver.texts[1] = text;
		read_result(&driver, 3, NULL, &outcome);
		assert_int_equal(outcome.end, ODBC_FETCH_DONE);
		assert_string_equal(
		    buf_cstr(&outcome.sink.text),
		    marks ? "1|x\n<unreadable>|<unreadable>\n3|x\n4|x\n"
			  : "<unreadable>|<unreadable>\n<unreadable>|<unreadable>\n<unreadable>|"
			    "<unreadable>\n4|x\n");
		buf_release(&outcome.sink.text);
	}
	free(text);
}

/* A row that the driver cannot read is unreadable, and the others go on, whether it comes alone or in an array; what
 * the driver left in its buffers is not looked at. */
static void bad_row(void **state)
{
	(void)state;
	for (uint16_t array = 1; array <= 4; array++) {
		for (size_t bad = 1; bad <= 3; bad++) {
			static const char *const rows[] = {"1|x\n", "2|x\n", "3|x\n"};
			struct driver driver = short_rows(3);
			struct outcome outcome;
			char expected[100] = "";
			driver.bad_row = bad;
			read_result(&driver, array, NULL, &outcome);
			assert_int_equal(outcome.end, ODBC_FETCH_DONE);
			size_t at = 0;
			for (size_t i = 0; i < 3; i++)
				at +=
				    (size_t)snprintf(expected + at, sizeof expected - at, "%s",
				                     i + 1 == bad ? "<unreadable>|<unreadable>\n" : rows[i]);
			assert_string_equal(buf_cstr(&outcome.sink.text), expected);
			assert_int_equal(outcome.executions, 1);
			buf_release(&outcome.sink.text);
		}
	}
}

/* A driver that stays at its bad row is given up after 100 sets; one that fails without a row at once; so is one that
 * succeeds without a row and without an end. */
static void no_progress(void **state)
{
	(void)state;
	struct outcome outcome;
	struct driver driver = short_rows(3);
	driver.bad_row = 2;
	driver.bad_for_ever = true;
	read_result(&driver, 1, NULL, &outcome);
	assert_int_equal(outcome.end, ODBC_FETCH_FAILED);
	assert_int_equal(outcome.failure.failure, SOURCE_FAILURE_QUERY);
	assert_int_equal(outcome.rows, 101);
	buf_release(&outcome.sink.text);
	driver = short_rows(3);
	driver.fails = true;
	read_result(&driver, 10, NULL, &outcome);
	assert_int_equal(outcome.end, ODBC_FETCH_FAILED);
	assert_string_equal(outcome.failure.sqlstate, "HY000");
	buf_release(&outcome.sink.text);
	driver = short_rows(3);
	driver.empty = true;
	read_result(&driver, 10, NULL, &outcome);
	assert_int_equal(outcome.end, ODBC_FETCH_FAILED);
	buf_release(&outcome.sink.text);
}

static void change_first(struct driver *driver)
{
	driver->texts[0] = "changed";
}

static void change_last(struct driver *driver)
{
	driver->texts[driver->count - 1] = "changed";
}

static void lose_rows(struct driver *driver)
{
	driver->count = 3;
}

/* Rows that are other rows when they are read again: transient where one that was sent has changed or has gone; what
 * comes later may change, it was not sent yet. */
static void changed(void **state)
{
	(void)state;
	char *text = repeated("y", 500);
	static void (*const changes[])(struct driver *) = {change_first, lose_rows};
	for (size_t i = 0; i < 2; i++) {
		struct driver driver = short_rows(20);
		struct outcome outcome;
		driver.texts[11] = text;
		read_result(&driver, 5, changes[i], &outcome);
		assert_int_equal(outcome.end, ODBC_FETCH_FAILED);
		assert_int_equal(outcome.failure.failure, SOURCE_FAILURE_TRANSIENT);
		buf_release(&outcome.sink.text);
	}
	struct driver driver = short_rows(20);
	struct outcome outcome;
	driver.texts[11] = text;
	read_result(&driver, 5, change_last, &outcome);
	expect_texts(&driver, &outcome);
	free(text);
}

/* A driver that takes fewer rows in an array, or knows no arrays: all rows come. */
static void small_arrays(void **state)
{
	(void)state;
	for (SQLULEN max = 0; max < 4; max++) {
		struct driver driver = short_rows(20);
		struct outcome outcome;
		driver.array_max = max;
		read_result(&driver, 100, NULL, &outcome);
		expect_texts(&driver, &outcome);
	}
}

/* A core that goes ends the reading at the next frame. */
static void core_gone(void **state)
{
	(void)state;
	struct driver driver = short_rows(3);
	struct odbc_fetch fetch;
	struct odbc_text text;
	struct odbc_failure failure;
	struct odbc_statement statement = {.handle = &driver, .columns = COLUMNS, .widths = {80, 80}};
	struct sink sink = {.port = {.ops = &ops}, .answer = ERR_GONE};
	buf_init(&sink.text, 1000);
	assert_true(odbc_text_init(&text, SPAN_LITERAL("utf8")));
	struct odbc_reading reading = {
	    .port = &sink.port, .text = &text, .statement = &statement, .request = 1, .row_array = 2};
	odbc_fetch_init(&fetch);
	assert_int_equal(odbc_fetch_rows(&fetch, &reading, &failure), ODBC_FETCH_GONE);
	assert_int_equal(sink.frames, 1);
	odbc_fetch_release(&fetch);
	odbc_text_release(&text);
	buf_release(&sink.text);
}

/* The widest rows keep to the memory: at 96 columns of the widest buffers one row at a time, else as many as fit in
 * 1.5 MiB. Shown by the array that the driver is asked for: 2 columns of 49160 and their lengths make 15 rows. */
static void memory(void **state)
{
	(void)state;
	struct driver driver = short_rows(20);
	struct odbc_fetch fetch;
	struct odbc_text text;
	struct odbc_failure failure;
	struct odbc_statement statement = {
	    .handle = &driver, .columns = COLUMNS, .widths = {ODBC_WIDTH_MAX, ODBC_WIDTH_MAX}};
	struct sink sink = {.port = {.ops = &ops}, .answer = ERR_OK};
	buf_init(&sink.text, 1000);
	assert_true(odbc_text_init(&text, SPAN_LITERAL("utf8")));
	struct odbc_reading reading = {
	    .port = &sink.port, .text = &text, .statement = &statement, .request = 1, .row_array = 1000};
	odbc_fetch_init(&fetch);
	assert_int_equal(odbc_fetch_rows(&fetch, &reading, &failure), ODBC_FETCH_DONE);
	assert_int_equal(driver.rows, 15);
	assert_true(fetch.memory_bytes <= 1536u * 1024u);
	odbc_fetch_release(&fetch);
	odbc_text_release(&text);
	buf_release(&sink.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cut_values), cmocka_unit_test(every_length), cmocka_unit_test(limit),
	    cmocka_unit_test(hidden_cut), cmocka_unit_test(bad_row),      cmocka_unit_test(no_progress),
	    cmocka_unit_test(changed),    cmocka_unit_test(small_arrays), cmocka_unit_test(core_gone),
	    cmocka_unit_test(memory),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
