/*
 * totals.c - the running control totals of each stream, as bytes.
 *
 * Why:   the next control event sums up what was appended since the last one, also when the power failed between them.
 * Owns:  table totals: one row for each stream that has any.
 * Rules: 1. Written by the transaction that appends what they count.
 *        2. Bytes of an earlier epoch do not count: what they summed up is covered by no checkpoint of this one.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_proof_test.c
 */
#include "store_forward/store_internal.h"

static int64_t totals_checksum(const struct totals_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_TOTALS);
	row_sum_int(&sum, row->stream);
	row_sum_int(&sum, row->epoch);
	row_sum_span(&sum, row->bytes);
	return row_sum_end(&sum);
}

bool totals_load(sqlite3_stmt *statement, struct totals_row *row)
{
	*row = (struct totals_row){
	    .stream = sql_column_small(statement, 0, STORE_STREAMS_MAX),
	    .epoch = sqlite3_column_int64(statement, 1),
	    .bytes = sql_column_span(statement, 3),
	};
	return row->stream >= 1 && row->bytes.len <= STORE_TOTALS_BYTES_MAX &&
	       totals_checksum(row) == sqlite3_column_int64(statement, 2);
}

enum err store_stream_totals_get(struct store *store, int stream_id, struct buf *out, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_TOTALS_GET);
	sql_bind_int(statement, 1, stream_id);
	struct totals_row row = {.stream = 0};
	bool more = false;
	buf_clear(out);
	enum err err = store_step(store, statement, &more, "reading totals", info);
	if (err == ERR_OK && more && !totals_load(statement, &row))
		err = store_row_damaged(store, info, "the totals of stream %s", stream->now.shown.name);
	else if (err == ERR_OK && more && row.epoch == stream->now.shown.epoch)
		buf_append_span(out, row.bytes);
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_stream_totals_put(struct store *store, int stream_id, struct span bytes, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (bytes.len > STORE_TOTALS_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE, "the totals of stream %s have %zu bytes, more than %d",
		               stream->now.shown.name, bytes.len, STORE_TOTALS_BYTES_MAX);
	const struct totals_row row = {stream_id, stream->now.shown.epoch, bytes};
	sqlite3_stmt *statement = store_statement(store, STATEMENT_TOTALS_PUT);
	sql_bind_int(statement, 1, row.stream);
	sql_bind_int(statement, 2, row.epoch);
	sql_bind_int(statement, 3, totals_checksum(&row));
	sql_bind_blob(statement, 4, row.bytes);
	return store_run(store, statement, "writing totals", info);
}
