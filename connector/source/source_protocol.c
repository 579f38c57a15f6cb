/*
 * source_protocol.c - encodes and decodes the messages between the core and a source child.
 *
 * Why:   see source_protocol.h.
 * Owns:  nothing; decoded spans point into the frame.
 * Rules: 1. Fields in the order of their struct; integers little-endian, texts as u32 length + bytes
 *           (hal/base/bytes.h).
 *        2. A message that a decoder accepted keeps every limit of the header; texts that become C strings
 *           have no zero byte, and a value that says it is text is valid UTF-8: the core hashes it without
 *           asking again.
 *        3. A value's header word is its length, with its kind in the top three bits.
 * Faults: any bytes at all in a decoder: false, nothing read past the end.
 * Runs in: core, source child, the simulator's ERP.
 * Tests: tests/unit/source_protocol_test.c, tests/fuzz/source_protocol_fuzz.c
 */
#include "connector/source/source_protocol.h"

#include <string.h>

#include "connector/posting/canonical.h"

#define KIND_SHIFT     29
#define LENGTH_MASK    ((UINT32_C(1) << KIND_SHIFT) - 1)
#define SQLSTATE_BYTES 5
/* Where source_rows_begin() leaves room for the number of rows, from the start of the payload. */
#define ROWS_COUNT_OFFSET 8

/* A text that becomes a C string: at most max bytes, no zero among them. */
static bool is_name(struct span s, size_t max)
{
	return s.len <= max && (s.len == 0 || memchr(s.data, 0, s.len) == NULL);
}

static bool is_shown(struct span s, size_t max)
{
	return is_name(s, max) && utf8_valid(s);
}

void source_open_encode(struct buf *out, const struct source_open *message)
{
	buf_string(out, message->connection);
	buf_string(out, message->user);
	secret_reference_encode(out, &message->password);
	buf_u32(out, message->login_timeout_s);
	buf_u32(out, message->query_timeout_s);
	buf_u16(out, message->row_array);
	buf_string(out, message->text_encoding);
	buf_u8(out, message->changes);
}

bool source_open_decode(struct source_open *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->connection = read_string(&reader);
	message->user = read_string(&reader);
	if (!secret_reference_decode(&message->password, &reader))
		return false;
	message->login_timeout_s = read_u32(&reader);
	message->query_timeout_s = read_u32(&reader);
	message->row_array = read_u16(&reader);
	message->text_encoding = read_string(&reader);
	message->changes = read_u8(&reader);
	return reader_end(&reader) && message->changes <= 1 && message->connection.len > 0 &&
	       is_name(message->connection, SOURCE_CONNECTION_BYTES_MAX) &&
	       is_name(message->user, SOURCE_USER_BYTES_MAX) && message->row_array >= 1 &&
	       message->row_array <= SOURCE_ROW_ARRAY_MAX && message->text_encoding.len > 0 &&
	       is_name(message->text_encoding, SOURCE_ENCODING_BYTES_MAX);
}

void source_prepare_encode(struct buf *out, const struct source_prepare *message)
{
	buf_u16(out, message->statement);
	buf_u16(out, message->params);
	buf_string(out, message->sql);
}

bool source_prepare_decode(struct source_prepare *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->statement = read_u16(&reader);
	message->params = read_u16(&reader);
	message->sql = read_string(&reader);
	return reader_end(&reader) && message->statement < SOURCE_STATEMENTS_MAX &&
	       message->params <= SOURCE_PARAMS_MAX && message->sql.len > 0 &&
	       is_shown(message->sql, SOURCE_SQL_BYTES_MAX);
}

void source_execute_encode(struct buf *out, const struct source_execute *message)
{
	CHECK(message->param_count <= SOURCE_PARAMS_MAX);
	buf_u32(out, message->request);
	buf_u16(out, message->statement);
	buf_u16(out, message->param_count);
	for (int i = 0; i < message->param_count; i++) {
		buf_u8(out, message->params[i].integer);
		buf_string(out, message->params[i].text);
	}
}

bool source_execute_decode(struct source_execute *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->request = read_u32(&reader);
	message->statement = read_u16(&reader);
	message->param_count = read_u16(&reader);
	if (message->request == 0 || message->statement >= SOURCE_STATEMENTS_MAX ||
	    message->param_count > SOURCE_PARAMS_MAX)
		return false;
	for (int i = 0; i < message->param_count; i++) {
		uint8_t integer = read_u8(&reader);
		message->params[i] =
		    (struct source_param){.integer = integer == 1, .text = read_string(&reader)};
		if (integer > 1 || !is_shown(message->params[i].text, SOURCE_PARAM_BYTES_MAX))
			return false;
	}
	return reader_end(&reader);
}

void source_opened_encode(struct buf *out, const struct source_opened *message)
{
	buf_string(out, message->dbms);
	buf_string(out, message->dbms_version);
	buf_string(out, message->driver);
	buf_string(out, message->driver_version);
	buf_u8(out, message->isolation);
	buf_u8(out, message->read_only);
}

bool source_opened_decode(struct source_opened *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->dbms = read_string(&reader);
	message->dbms_version = read_string(&reader);
	message->driver = read_string(&reader);
	message->driver_version = read_string(&reader);
	message->isolation = read_u8(&reader);
	message->read_only = read_u8(&reader);
	return reader_end(&reader) && is_shown(message->dbms, SOURCE_NAME_BYTES_MAX) &&
	       is_shown(message->dbms_version, SOURCE_NAME_BYTES_MAX) &&
	       is_shown(message->driver, SOURCE_NAME_BYTES_MAX) &&
	       is_shown(message->driver_version, SOURCE_NAME_BYTES_MAX) && message->isolation <= 4 &&
	       message->read_only <= 2;
}

void source_failed_encode(struct buf *out, const struct source_failed *message)
{
	buf_u32(out, message->request);
	buf_u8(out, message->failure);
	buf_string(out, span_of(message->sqlstate));
	buf_u32(out, (uint32_t)message->native);
	buf_string(out, message->text);
}

/* Absent, or five digits and capital letters (ISO/IEC 9075-2, subclause 24.1). */
static bool is_sqlstate(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!((s.data[i] >= '0' && s.data[i] <= '9') || (s.data[i] >= 'A' && s.data[i] <= 'Z')))
			return false;
	}
	return s.len == 0 || s.len == SQLSTATE_BYTES;
}

bool source_failed_decode(struct source_failed *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->request = read_u32(&reader);
	message->failure = read_u8(&reader);
	struct span sqlstate = read_string(&reader);
	message->native = (int32_t)read_u32(&reader);
	message->text = read_string(&reader);
	return reader_end(&reader) && message->failure >= SOURCE_FAILURE_CONNECTION &&
	       message->failure <= SOURCE_FAILURE_TRANSIENT && is_sqlstate(sqlstate) &&
	       text_copy(message->sqlstate, sizeof message->sqlstate, sqlstate) &&
	       is_shown(message->text, SOURCE_FAILED_TEXT_MAX);
}

void source_columns_encode(struct buf *out, const struct source_columns *message)
{
	CHECK(message->count >= 1 && message->count <= SOURCE_COLUMNS_MAX);
	buf_u16(out, message->statement);
	buf_u16(out, message->count);
	for (int i = 0; i < message->count; i++) {
		buf_string(out, message->columns[i].name);
		buf_u16(out, (uint16_t)message->columns[i].sql_type);
		buf_u32(out, message->columns[i].size);
		buf_u16(out, (uint16_t)message->columns[i].scale);
	}
}

bool source_columns_decode(struct source_columns *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->statement = read_u16(&reader);
	message->count = read_u16(&reader);
	if (message->statement >= SOURCE_STATEMENTS_MAX || message->count < 1 ||
	    message->count > SOURCE_COLUMNS_MAX)
		return false;
	for (int i = 0; i < message->count; i++) {
		struct source_column *column = &message->columns[i];
		column->name = read_string(&reader);
		column->sql_type = (int16_t)read_u16(&reader);
		column->size = read_u32(&reader);
		column->scale = (int16_t)read_u16(&reader);
		if (!is_shown(column->name, SOURCE_NAME_BYTES_MAX))
			return false;
	}
	return reader_end(&reader);
}

void source_done_encode(struct buf *out, const struct source_done *message)
{
	buf_u32(out, message->request);
	buf_u32(out, message->rows);
}

bool source_done_decode(struct source_done *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->request = read_u32(&reader);
	message->rows = read_u32(&reader);
	return reader_end(&reader) && message->request != 0;
}

void source_rows_begin(struct buf *out, uint32_t request, uint16_t statement, uint16_t columns)
{
	CHECK(out->len == 0 && columns >= 1 && columns <= SOURCE_COLUMNS_MAX);
	buf_u32(out, request);
	buf_u16(out, statement);
	buf_u16(out, columns);
	buf_u32(out, 0);
}

void source_rows_value(struct buf *out, struct source_value value)
{
	CHECK(value.text.len <= LENGTH_MASK);
	uint32_t header = (uint32_t)value.kind << KIND_SHIFT | (uint32_t)value.text.len;
	uint8_t *to = buf_reserve(out, sizeof header + value.text.len);
	if (!to)
		return;
	for (size_t i = 0; i < sizeof header; i++)
		to[i] = (uint8_t)(header >> (8 * i));
	if (value.text.len > 0)
		memcpy(to + sizeof header, value.text.data, value.text.len);
	buf_added(out, sizeof header + value.text.len);
}

void source_rows_end(struct buf *out, uint32_t rows)
{
	buf_patch_u32(out, ROWS_COUNT_OFFSET, rows);
}

bool source_rows_decode(struct source_rows *rows, const void *data, size_t len)
{
	*rows = (struct source_rows){.request = 0};
	reader_init(&rows->reader, data, len);
	rows->request = read_u32(&rows->reader);
	rows->statement = read_u16(&rows->reader);
	rows->columns = read_u16(&rows->reader);
	rows->rows = read_u32(&rows->reader);
	return reader_ok(&rows->reader) && rows->request != 0 && rows->statement < SOURCE_STATEMENTS_MAX &&
	       rows->columns >= 1 && rows->columns <= SOURCE_COLUMNS_MAX;
}

static bool value_good(const struct source_value *value)
{
	switch (value->kind) {
	case SOURCE_VALUE_TEXT:
		return value->text.len <= SOURCE_VALUE_BYTES_MAX && utf8_valid(value->text);
	case SOURCE_VALUE_NULL:
		return value->text.len == 0;
	case SOURCE_VALUE_BAD_UTF8:
	case SOURCE_VALUE_TOO_LONG:
		return value->text.len <= SOURCE_VALUE_SHOWN_MAX;
	case SOURCE_VALUE_UNREADABLE:
		return is_shown(value->text, SOURCE_UNREADABLE_TEXT_MAX);
	}
	return false;
}

bool source_rows_next(struct source_rows *rows, struct source_value *values)
{
	if (!reader_ok(&rows->reader) || rows->row == rows->rows)
		return false;
	size_t before = reader_left(&rows->reader);
	for (int i = 0; i < rows->columns; i++) {
		uint32_t header = read_u32(&rows->reader);
		values[i].kind = (enum source_value_kind)(header >> KIND_SHIFT);
		values[i].text = read_bytes(&rows->reader, header & LENGTH_MASK);
		if (!reader_ok(&rows->reader) || !value_good(&values[i])) {
			rows->reader.failed = true;
			return false;
		}
	}
	if (before - reader_left(&rows->reader) > SOURCE_ROW_BYTES_MAX) {
		rows->reader.failed = true;
		return false;
	}
	rows->row++;
	return true;
}

bool source_rows_good(const struct source_rows *rows)
{
	return reader_end(&rows->reader) && rows->row == rows->rows;
}
