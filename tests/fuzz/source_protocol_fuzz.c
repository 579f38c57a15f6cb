/*
 * source_protocol_fuzz.c - any bytes into the decoders of the source child's messages.
 *
 * Why:   the core decodes what the source child says, and its driver may have been taken over by a server.
 * Owns:  nothing.
 * Rules: 1. The first byte chooses the message, the rest is its payload.
 *        2. What a decoder accepts is encoded again and must give the same bytes: one message has one form.
 * Runs in: the fuzzers (LLVMFuzzerTestOneInput; the driver is the build's).
 */
#include "connector/source/source_protocol.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool again_open(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_open message;
	if (!source_open_decode(&message, data, size))
		return false;
	source_open_encode(buf, &message);
	return true;
}

static bool again_prepare(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_prepare message;
	if (!source_prepare_decode(&message, data, size))
		return false;
	source_prepare_encode(buf, &message);
	return true;
}

static bool again_execute(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_execute message;
	if (!source_execute_decode(&message, data, size))
		return false;
	source_execute_encode(buf, &message);
	return true;
}

static bool again_opened(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_opened message;
	if (!source_opened_decode(&message, data, size))
		return false;
	source_opened_encode(buf, &message);
	return true;
}

static bool again_failed(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_failed message;
	if (!source_failed_decode(&message, data, size))
		return false;
	source_failed_encode(buf, &message);
	return true;
}

static bool again_columns(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_columns message;
	if (!source_columns_decode(&message, data, size))
		return false;
	source_columns_encode(buf, &message);
	return true;
}

static bool again_done(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_done message;
	if (!source_done_decode(&message, data, size))
		return false;
	source_done_encode(buf, &message);
	return true;
}

static bool again_rows(const uint8_t *data, size_t size, struct buf *buf)
{
	struct source_rows rows;
	struct source_value values[SOURCE_COLUMNS_MAX];
	if (!source_rows_decode(&rows, data, size))
		return false;
	source_rows_begin(buf, rows.request, rows.statement, rows.columns);
	while (source_rows_next(&rows, values)) {
		for (int i = 0; i < rows.columns; i++)
			source_rows_value(buf, values[i]);
	}
	source_rows_end(buf, rows.row);
	return source_rows_good(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const again[])(const uint8_t *, size_t, struct buf *) = {
	    again_open,   again_prepare, again_execute, again_opened,
	    again_failed, again_columns, again_done,    again_rows,
	};
	if (size == 0)
		return 0;
	struct buf buf;
	buf_init(&buf, size + 64);
	if (again[data[0] % 8](data + 1, size - 1, &buf))
		CHECK(buf_ok(&buf) && buf.len == size - 1 && memcmp(buf.data, data + 1, buf.len) == 0);
	buf_release(&buf);
	return 0;
}
