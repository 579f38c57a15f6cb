/*
 * outbox.c - the rows that wait to be sent, or are kept for replay.
 *
 * Why:   what is published is exactly what was committed, byte for byte, in sequence.
 * Owns:  table outbox: stream * 2^40 + sequence, event and its checksum.
 * Rules: 1. store_append() writes row, register and leaf together; a failure of any fails the transaction.
 *        2. Only committed rows are read.
 *        3. Reading finds every row of its range: a missing sequence is damage, not an end.
 *        4. The parts of a document follow each other, and the transaction that has the first has the last.
 * Faults: damage is told with stream and sequence, and noted, so that the next open salvages.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>

#include "store_forward/chain.h"

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

static int part_of(const struct store_append *append)
{
	return append->part > 0 ? append->part : 1;
}

static int parts_of(const struct store_append *append)
{
	return append->parts > 0 ? append->parts : 1;
}

static enum err check_append(const struct store_append *append, const struct stream *stream,
                             struct err_info *info)
{
	const struct stream_state *now = &stream->now;
	CHECK(append->document.revision > 0 && part_of(append) <= parts_of(append));
	CHECK(part_of(append) == 1 ? now->part == 0
	                           : now->part == append->part - 1 && now->parts == append->parts);
	CHECK(!append->unregistered || parts_of(append) == 1);
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
	if (parts_of(append) > STORE_PARTS_MAX)
		return err_set(info, ERR_TOO_LARGE, "%.*s has %d parts, more than %d",
		               (int)append->subject.len, append->subject.data, append->parts,
		               STORE_PARTS_MAX);
	if (now->shown.next_sequence > STORE_SEQUENCE_MAX - (parts_of(append) - part_of(append)))
		return err_set(info, ERR_OVERFLOW,
		               "stream %s has used its last sequence; it needs a new store", now->shown.name);
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

/* The register's part of an append: once for each document. */
static enum err record_document(struct store *store, const struct store_append *append, struct stream *stream,
                                struct err_info *info)
{
	struct register_row record = {append->subject, append->document, append->source_name};
	bool fresh = false;
	if (append->unregistered || part_of(append) > 1)
		return ERR_OK;
	record.document.stream = append->stream;
	record.document.epoch = stream->now.shown.epoch;
	record.document.sequence = stream->now.shown.next_sequence;
	record.document.parts = parts_of(append);
	enum err err = register_record(store, &record, &fresh, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	if (fresh)
		stream->now.documents++;
	else
		stream->now.amendments++;
	return ERR_OK;
}

enum err store_append(struct store *store, const struct store_append *append, struct err_info *info)
{
	struct stream *stream = stream_of(store, append->stream);
	CHECK(stream != NULL);
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_append(append, stream, info);
	if (err == ERR_OK)
		err = record_document(store, append, stream, info);
	if (err != ERR_OK)
		return err;
	struct stream_state *now = &stream->now;
	int64_t sequence = now->shown.next_sequence;
	struct outbox_row row = {
	    .id = outbox_key(append->stream, sequence),
	    .subject = append->subject,
	    .revision = append->document.revision,
	    .recorded = append->document.recorded_ns,
	    .bytes_total = now->bytes_total + (int64_t)append->event.len,
	    .chain = chain_link(&now->shown.chain, &append->leaf),
	    .event = append->event,
	};
	err = outbox_add(store, &row, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	err = tree_append(store, stream, &append->leaf, info);
	if (err != ERR_OK)
		return err;
	now->shown.next_sequence++;
	now->shown.chain = row.chain;
	now->bytes_total = row.bytes_total;
	now->shown.outbox_bytes = (uint64_t)(now->bytes_total - now->bytes_acked);
	if (now->shown.first_uncovered_ns == 0)
		now->shown.first_uncovered_ns = row.recorded != 0 ? row.recorded : 1;
	now->part = part_of(append) < parts_of(append) ? part_of(append) : 0;
	now->parts = now->part > 0 ? parts_of(append) : 0;
	return append->unregistered ? settle(store, stream, sequence, info) : ERR_OK;
}

static enum err row_missing(struct store *store, const struct stream *stream, int64_t sequence,
                            struct err_info *info)
{
	return store_row_damaged(store, info, "the outbox row of stream %s, sequence %" PRId64,
	                         stream->now.shown.name, sequence);
}

/* Committed rows next..last. */
static enum err read_rows(struct store *store, const struct stream *stream, int64_t next, int64_t last,
                          store_outbox_visitor visit, void *self, struct err_info *info)
{
	int stream_id = stream->now.shown.id;
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
		wanted = visit(self, &(struct store_outbox_row){next, row.subject, row.event, row.revision,
		                                                row.recorded, row.chain});
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_outbox_read(struct store *store, int stream_id, int64_t after, store_outbox_visitor visit,
                           void *self, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && after >= 0);
	int64_t next = (after > stream->now.pruned ? after : stream->now.pruned) + 1;
	return read_rows(store, stream, next, stream->now.shown.committed_sequence, visit, self, info);
}

enum err store_outbox_range(struct store *store, int stream_id, int64_t from, int64_t to,
                            store_outbox_visitor visit, void *self, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	int64_t last = stream->now.shown.committed_sequence;
	if (from <= stream->now.pruned || from > last)
		return err_set(info, ERR_NOT_FOUND,
		               "sequence %" PRId64 " of stream %s is not there: it holds %" PRId64
		               " to %" PRId64,
		               from, stream->now.shown.name, stream->now.pruned + 1, last);
	return read_rows(store, stream, from, to < last ? to : last, visit, self, info);
}

enum err store_outbox_of(struct store *store, struct span subject, store_outbox_visitor visit, void *self,
                         struct err_info *info)
{
	struct store_document document;
	enum err err = store_document_find(store, subject, &document, info);
	if (err != ERR_OK)
		return err;
	const struct stream *stream = stream_of(store, document.stream);
	CHECK(stream != NULL);
	if (document.epoch != stream->now.shown.epoch)
		return err_set(info, ERR_NOT_FOUND,
		               "%.*s was sent in an earlier epoch of stream %s, which is not kept",
		               (int)subject.len, subject.data, stream->now.shown.name);
	return store_outbox_range(store, document.stream, document.sequence,
	                          document.sequence + document.parts - 1, visit, self, info);
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
