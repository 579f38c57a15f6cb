/*
 * outbox.c - the rows that wait to be sent, or are kept for replay.
 *
 * Why:   what is published is exactly what was committed, byte for byte, in sequence.
 * Owns:  table outbox: stream * 2^40 + sequence, event and its checksum.
 * Rules: 1. store_append() writes row and register together; a failure of either fails the transaction.
 *        2. Only committed rows are read.
 *        3. Reading finds every row from `after` on: a missing sequence is damage, not an end.
 * Faults: damage is told with stream and sequence, and noted, so that the next open salvages.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>

int64_t outbox_key(int stream, int64_t sequence)
{
	CHECK(stream >= 1 && stream <= STORE_STREAMS_MAX && sequence >= 0 && sequence <= STORE_SEQUENCE_MAX);
	return ((int64_t)stream << STORE_SEQUENCE_BITS) | sequence;
}

static int64_t outbox_checksum(const struct outbox_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_OUTBOX);
	row_sum_int(&sum, row->id);
	row_sum_span(&sum, row->subject);
	row_sum_int(&sum, row->revision);
	row_sum_int(&sum, row->recorded);
	row_sum_int(&sum, row->bytes_total);
	row_sum_span(&sum, (struct span){(const char *)row->chain.bytes, DIGEST_BYTES});
	row_sum_span(&sum, row->event);
	return row_sum_end(&sum);
}

bool outbox_load(sqlite3_stmt *statement, struct outbox_row *row)
{
	*row = (struct outbox_row){
	    .id = sqlite3_column_int64(statement, 0),
	    .subject = sql_column_span(statement, 1),
	    .revision = sqlite3_column_int64(statement, 2),
	    .recorded = sqlite3_column_int64(statement, 3),
	    .bytes_total = sqlite3_column_int64(statement, 4),
	    .event = sql_column_span(statement, 7),
	};
	return sql_column_digest(statement, 5, &row->chain) && row->event.len > 0 &&
	       outbox_checksum(row) == sqlite3_column_int64(statement, 6);
}

static enum err check_append(const struct store_append *append, const struct stream *stream,
                             struct err_info *info)
{
	CHECK(append->document.revision > 0);
	if (append->subject.len == 0 || append->event.len == 0)
		return err_set(info, ERR_BAD_INPUT, "a document needs a subject and an event");
	if (append->subject.len > STORE_SUBJECT_MAX)
		return err_set(info, ERR_TOO_LARGE, "subject %.80s... has %zu bytes, more than %d",
		               append->subject.data, append->subject.len, STORE_SUBJECT_MAX);
	if (append->event.len > STORE_EVENT_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE, "the event of %.*s has %zu bytes, more than %u",
		               (int)append->subject.len, append->subject.data, append->event.len,
		               STORE_EVENT_BYTES_MAX);
	if (append->source_name.len > STORE_SOURCE_NAME_MAX)
		return err_set(info, ERR_TOO_LARGE, "a source's name has more than %d bytes",
		               STORE_SOURCE_NAME_MAX);
	if (stream->now.shown.next_sequence > STORE_SEQUENCE_MAX)
		return err_set(info, ERR_OVERFLOW,
		               "stream %s has used its last sequence; it needs a new store",
		               stream->now.shown.name);
	return ERR_OK;
}

static enum err outbox_add(struct store *store, const struct outbox_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_ADD);
	sql_bind_int(statement, 1, row->id);
	sql_bind_text(statement, 2, row->subject);
	sql_bind_int(statement, 3, row->revision);
	sql_bind_int(statement, 4, row->recorded);
	sql_bind_int(statement, 5, row->bytes_total);
	sql_bind_blob(statement, 6, (struct span){(const char *)row->chain.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 7, outbox_checksum(row));
	sql_bind_blob(statement, 8, row->event);
	return store_run(store, statement, "appending to the outbox", info);
}

enum err store_append(struct store *store, const struct store_append *append, struct err_info *info)
{
	struct stream *stream = stream_of(store, append->stream);
	CHECK(stream != NULL);
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_append(append, stream, info);
	if (err != ERR_OK)
		return err;
	struct stream_state *now = &stream->now;
	struct register_row record = {append->subject, append->document, append->source_name};
	record.document.stream = append->stream;
	record.document.epoch = now->shown.epoch;
	record.document.sequence = now->shown.next_sequence;
	bool fresh = false;
	err = register_record(store, &record, &fresh, info);
	if (err != ERR_OK)
		return err;
	struct outbox_row row = {
	    .id = outbox_key(append->stream, now->shown.next_sequence),
	    .subject = append->subject,
	    .revision = append->document.revision,
	    .recorded = append->document.recorded_ns,
	    .bytes_total = now->bytes_total + (int64_t)append->event.len,
	    .chain = append->chain,
	    .event = append->event,
	};
	err = outbox_add(store, &row, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	now->shown.next_sequence++;
	now->shown.chain = append->chain;
	now->bytes_total = row.bytes_total;
	now->shown.outbox_bytes = (uint64_t)(now->bytes_total - now->bytes_acked);
	if (fresh)
		now->documents++;
	else
		now->amendments++;
	return ERR_OK;
}

static enum err row_missing(struct store *store, const struct stream *stream, int64_t sequence,
                            struct err_info *info)
{
	return store_row_damaged(store, info, "the outbox row of stream %s, sequence %" PRId64,
	                         stream->now.shown.name, sequence);
}

enum err store_outbox_read(struct store *store, int stream_id, int64_t after, store_outbox_visitor visit,
                           void *self, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && after >= 0);
	int64_t last = stream->now.shown.committed_sequence;
	int64_t next = (after > stream->now.pruned ? after : stream->now.pruned) + 1;
	if (next > last)
		return ERR_OK;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_READ);
	sql_bind_int(statement, 1, outbox_key(stream_id, next - 1));
	sql_bind_int(statement, 2, outbox_key(stream_id, last));
	enum err err = ERR_OK;
	bool wanted = true;
	for (; err == ERR_OK && wanted && next <= last; next++) {
		struct outbox_row row;
		bool more = false;
		err = store_step(store, statement, &more, "reading the outbox", info);
		if (err != ERR_OK)
			break;
		if (!more || !outbox_load(statement, &row) || row.id != outbox_key(stream_id, next)) {
			err = row_missing(store, stream, next, info);
			break;
		}
		wanted = visit(self, &(struct store_outbox_row){next, row.subject, row.event});
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_queue(struct store *store, int stream_id, int limit, store_queue_visitor visit, void *self,
                     struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && limit >= 0);
	const struct store_stream *shown = &stream->now.shown;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_QUEUE);
	sql_bind_int(statement, 1, outbox_key(stream_id, shown->acked_sequence));
	sql_bind_int(statement, 2, outbox_key(stream_id, shown->next_sequence - 1));
	sql_bind_int(statement, 3, limit);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "listing the outbox", info);
	while (err == ERR_OK && more && wanted) {
		int64_t sequence = sqlite3_column_int64(statement, 0) & STORE_SEQUENCE_MAX;
		wanted = visit(self, stream_id, sequence, sql_column_span(statement, 1),
		               sqlite3_column_int64(statement, 2), (size_t)sqlite3_column_int64(statement, 4),
		               sqlite3_column_int64(statement, 3));
		if (wanted)
			err = store_step(store, statement, &more, "listing the outbox", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}
