/*
 * acks.c - which sequences the broker acknowledged, and when: one row for a run.
 *
 * Why:   trace and retention ask when a sequence was acknowledged; a row for each would double the writing.
 * Owns:  table acks (stream, epoch, first..last, at).
 * Rules: 1. Acknowledgements of one transaction within a second of each other become one row, with the first time.
 *        2. Nothing is acknowledged that was not appended.
 *        3. Ranges stay when retention deletes the rows: the trace of a document is kept. Those older than the
 *           retention are joined day by day, with the last time of the day, so that a busy year does not fill the
 *           store: what was acknowledged is then told to have been by that time.
 * Faults: an outbox row that should be there and is not is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#define DAY_NS (86400 * NS_PER_S)

static int64_t ack_checksum(const struct ack_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_ACK);
	row_sum_int(&sum, row->stream);
	row_sum_int(&sum, row->epoch);
	row_sum_int(&sum, row->first);
	row_sum_int(&sum, row->last);
	row_sum_int(&sum, row->at);
	return row_sum_end(&sum);
}

bool ack_load(sqlite3_stmt *statement, struct ack_row *row)
{
	*row = (struct ack_row){
	    .stream = sql_column_small(statement, 0, STORE_STREAMS_MAX),
	    .epoch = sqlite3_column_int64(statement, 1),
	    .first = sqlite3_column_int64(statement, 2),
	    .last = sqlite3_column_int64(statement, 3),
	    .at = sqlite3_column_int64(statement, 4),
	};
	return row->stream >= 1 && row->first >= 1 && row->last >= row->first &&
	       ack_checksum(row) == sqlite3_column_int64(statement, 5);
}

enum err ack_put(struct store *store, const struct ack_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_PUT);
	sql_bind_int(statement, 1, row->stream);
	sql_bind_int(statement, 2, row->epoch);
	sql_bind_int(statement, 3, row->first);
	sql_bind_int(statement, 4, row->last);
	sql_bind_int(statement, 5, row->at);
	sql_bind_int(statement, 6, ack_checksum(row));
	return store_run(store, statement, "writing acknowledgements", info);
}

enum err ack_find(struct store *store, int stream, int64_t epoch, int64_t sequence, struct ack_row *row,
                  struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_AT);
	sql_bind_int(statement, 1, stream);
	sql_bind_int(statement, 2, epoch);
	sql_bind_int(statement, 3, sequence);
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading acknowledgements", info);
	if (err == ERR_OK && more && !ack_load(statement, row))
		err = store_row_damaged(store, info, "an acknowledgement of stream %d", stream);
	else if (err == ERR_OK && (!more || row->last < sequence))
		err = err_set(info, ERR_NOT_FOUND, "sequence %lld of stream %d is not acknowledged",
		              (long long)sequence, stream);
	sqlite3_reset(statement);
	return err;
}

enum err ack_flush(struct store *store, struct stream *stream, struct err_info *info)
{
	struct ack_range *range = &stream->now.range;
	if (range->to == 0)
		return ERR_OK;
	struct ack_row row = {stream->now.shown.id, stream->now.shown.epoch, range->from, range->to,
	                      range->at};
	enum err err = ack_put(store, &row, info);
	if (err == ERR_OK)
		*range = (struct ack_range){0};
	return err;
}

/* Bytes of all events of the stream up to this sequence, from its row. */
static enum err bytes_up_to(struct store *store, const struct stream *stream, int64_t sequence,
                            int64_t *bytes, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_TOTAL);
	sql_bind_int(statement, 1, outbox_key(stream->now.shown.id, sequence));
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up an acknowledged row", info);
	if (err == ERR_OK) {
		*bytes = more ? sqlite3_column_int64(statement, 0) : -1;
		if (*bytes < stream->now.bytes_acked || *bytes > stream->now.bytes_total)
			err = store_row_damaged(store, info, "the outbox row of stream %s, sequence %lld",
			                        stream->now.shown.name, (long long)sequence);
	}
	sqlite3_reset(statement);
	return err;
}

enum err store_acknowledge(struct store *store, int stream_id, int64_t sequence, int64_t now_ns,
                           struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	struct stream_state *now = &stream->now;
	if (sequence <= now->shown.acked_sequence)
		return ERR_OK;
	if (sequence >= now->shown.next_sequence)
		return err_set(info, ERR_BAD_INPUT,
		               "sequence %lld of stream %s cannot be acknowledged: the last one is %lld",
		               (long long)sequence, now->shown.name, (long long)now->shown.next_sequence - 1);
	int64_t bytes = 0;
	err = bytes_up_to(store, stream, sequence, &bytes, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	bool near =
	    now->range.to != 0 && now_ns - now->range.at < NS_PER_S && now->range.at - now_ns < NS_PER_S;
	if (!near) {
		err = ack_flush(store, stream, info);
		if (err != ERR_OK)
			return err;
		now->range = (struct ack_range){.from = now->shown.acked_sequence + 1, .at = now_ns};
	}
	now->range.to = sequence;
	now->shown.acked_sequence = sequence;
	now->bytes_acked = bytes;
	now->shown.outbox_bytes = (uint64_t)(now->bytes_total - bytes);
	return ERR_OK;
}

enum err store_acknowledged_since(struct store *store, int stream_id, int64_t since_ns, int64_t *sequence,
                                  struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	const struct stream_state *now = &stream->now;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_SINCE);
	sql_bind_int(statement, 1, now->shown.id);
	sql_bind_int(statement, 2, now->shown.epoch);
	sql_bind_int(statement, 3, since_ns);
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading acknowledgements", info);
	*sequence = err == ERR_OK && more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	/* The range of this moment is not in the table yet. */
	if (*sequence == 0 && now->range.to != 0 && now->range.at >= since_ns)
		*sequence = now->range.from;
	if (*sequence != 0 && *sequence <= now->pruned)
		*sequence = now->pruned + 1;
	if (*sequence > now->shown.acked_sequence)
		*sequence = 0;
	return err;
}

/* When the last run of acknowledgements of the stream began; 0: there is none. */
static enum err acknowledged_last_of(struct store *store, const struct stream *stream, int64_t *at_ns,
                                     struct err_info *info)
{
	const struct stream_state *now = &stream->now;
	*at_ns = now->range.at;
	if (now->range.to != 0)
		return ERR_OK;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_NEWEST);
	sql_bind_int(statement, 1, now->shown.id);
	sql_bind_int(statement, 2, now->shown.epoch);
	bool more = false;
	struct ack_row row = {.at = 0};
	enum err err = store_step(store, statement, &more, "reading acknowledgements", info);
	if (err == ERR_OK && more && !ack_load(statement, &row))
		err = store_row_damaged(store, info, "an acknowledgement of stream %d", now->shown.id);
	*at_ns = row.at;
	sqlite3_reset(statement);
	return err;
}

enum err store_acknowledged_last(struct store *store, int64_t now_ns, int64_t *at_ns, struct err_info *info)
{
	*at_ns = 0;
	for (int i = 0; i < store->stream_count; i++) {
		int64_t at = 0;
		enum err err = acknowledged_last_of(store, store->streams[i], &at, info);
		if (err != ERR_OK)
			return err;
		if (at <= now_ns && at > *at_ns)
			*at_ns = at;
	}
	return ERR_OK;
}

enum err store_acknowledged_before(struct store *store, int stream_id, int64_t at_ns, int64_t *sequence,
                                   struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	const struct stream_state *now = &stream->now;
	int64_t done = now->pruned > now->settled ? now->pruned : now->settled;
	int64_t upto = now->range.to != 0 ? now->range.from - 1 : now->shown.acked_sequence;
	*sequence = 0;
	if (done > now->shown.acked_sequence)
		done = now->shown.acked_sequence;
	/* The run that holds the first sequence of interest may have begun before it. */
	struct ack_row row = {.first = done};
	enum err err =
	    done < upto ? ack_find(store, stream_id, now->shown.epoch, done + 1, &row, info) : ERR_OK;
	if (err == ERR_NOT_FOUND)
		err = ERR_OK; /* acknowledged before a salvage lost the run: its time is not known any more */
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_AFTER);
	sql_bind_int(statement, 1, now->shown.id);
	sql_bind_int(statement, 2, now->shown.epoch);
	sql_bind_int(statement, 3, row.first - 1);
	sql_bind_int(statement, 4, at_ns);
	bool more = false;
	err = store_step(store, statement, &more, "reading acknowledgements", info);
	int64_t late = err == ERR_OK && more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	if (late == 0 && now->range.to != 0 && now->range.at > at_ns)
		late = now->range.from;
	*sequence = late != 0 ? late - 1 : now->shown.acked_sequence;
	if (*sequence < done)
		*sequence = done;
	return err;
}

/* The row at the cursor or behind it, and the one after; *count: how many of the two there are. */
static enum err acks_pair(struct store *store, struct ack_row pair[2], int *count, struct err_info *info)
{
	const struct ack_row *from = &store->ack_looked;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_PAIR);
	sql_bind_int(statement, 1, from->stream);
	sql_bind_int(statement, 2, from->epoch);
	sql_bind_int(statement, 3, from->first);
	bool more = false;
	*count = 0;
	enum err err = store_step(store, statement, &more, "reading acknowledgements", info);
	while (err == ERR_OK && more && *count < 2) {
		if (!ack_load(statement, &pair[*count])) {
			err = store_row_damaged(store, info, "an acknowledgement of stream %d",
			                        pair[*count].stream);
			break;
		}
		++*count;
		if (*count < 2)
			err = store_step(store, statement, &more, "reading acknowledgements", info);
	}
	sqlite3_reset(statement);
	return err;
}

static bool ack_is_old(const struct store *store, const struct ack_row *row, int64_t now_ns)
{
	const struct stream *stream = stream_of(store, row->stream);
	int64_t age = 0;
	if (stream == NULL)
		return false;
	bool gone = row->epoch < stream->now.shown.epoch || row->last <= stream->now.pruned;
	/* The difference may overflow only for times that no clock shows. */
	return gone && !__builtin_sub_overflow(now_ns, row->at, &age) && age >= store->retention_ns;
}

static bool acks_joinable(const struct store *store, const struct ack_row *a, const struct ack_row *b,
                          int64_t now_ns)
{
	return a->stream == b->stream && a->epoch == b->epoch && a->last + 1 == b->first &&
	       a->at / DAY_NS == b->at / DAY_NS && ack_is_old(store, a, now_ns) &&
	       ack_is_old(store, b, now_ns);
}

static enum err ack_delete(struct store *store, const struct ack_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ACK_DELETE);
	sql_bind_int(statement, 1, row->stream);
	sql_bind_int(statement, 2, row->epoch);
	sql_bind_int(statement, 3, row->first);
	return store_run(store, statement, "joining acknowledgements", info);
}

enum err acks_join(struct store *store, int64_t now_ns, int limit, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int looked = 0; err == ERR_OK && looked < limit; looked++) {
		struct ack_row pair[2];
		int count = 0;
		err = acks_pair(store, pair, &count, info);
		if (err != ERR_OK || count < 2) {
			store->ack_looked = (struct ack_row){0}; /* the end: the next call begins anew */
			break;
		}
		if (!acks_joinable(store, &pair[0], &pair[1], now_ns)) {
			store->ack_looked = pair[1];
			continue;
		}
		store->ack_looked = pair[0];
		pair[0].last = pair[1].last;
		if (pair[1].at > pair[0].at)
			pair[0].at = pair[1].at;
		err = ack_delete(store, &pair[1], info);
		if (err == ERR_OK)
			err = ack_put(store, &pair[0], info);
	}
	return err;
}
