/*
 * streams.c - the streams: names, heads, totals; in memory as they are on disk.
 *
 * Why:   every append and acknowledgement moves a head; the row behind it is written once for each transaction.
 * Owns:  struct stream and its row of table streams.
 * Rules: 1. A stream's memory stays where it is as long as the store: callers keep the pointer. Only a stream that was
 *           made in a transaction that is rolled back goes away.
 *        2. What changes is copied first (stream_touch()), so that rollback is exact.
 *        3. An epoch is at least the wall clock's seconds and above every epoch that the store ever gave, so that a
 *           clock of 1970 cannot give a sequence twice.
 *        4. The columns that schema version 2 added enter the checksum only where one of them is not 0: rows of
 *           version 1 keep theirs. A change from 0 or to 0 is found as well as any other.
 * Faults: a row that is not as it was written is reported as damage.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/chain.h"

bool stream_name_valid(struct span name)
{
	if (name.len == 0 || name.len >= STORE_STREAM_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

enum err stream_identify(const struct store *store, struct stream_state *state, struct err_info *info)
{
	struct store_stream *shown = &state->shown;
	int len = snprintf(shown->source, sizeof shown->source, "%s:%s:%lld", store->identity.urn_prefix,
	                   shown->name, (long long)shown->epoch);
	if (len < 0 || (size_t)len >= sizeof shown->source)
		return err_set(info, ERR_TOO_LARGE,
		               "the source of stream %s is longer than %zu bytes; shorten the tenant's name",
		               shown->name, sizeof shown->source - 1);
	shown->chain = chain_start(span_of(shown->source));
	return ERR_OK;
}

static int64_t stream_checksum(const struct stream_state *state)
{
	const struct store_stream *shown = &state->shown;
	struct row_sum sum = row_sum_begin(TABLE_STREAM);
	row_sum_int(&sum, shown->id);
	row_sum_span(&sum, span_of(shown->name));
	row_sum_span(&sum, span_of(shown->source));
	row_sum_int(&sum, shown->epoch);
	row_sum_int(&sum, shown->next_sequence);
	row_sum_int(&sum, shown->acked_sequence);
	row_sum_int(&sum, state->pruned);
	row_sum_int(&sum, state->documents);
	row_sum_int(&sum, state->amendments);
	row_sum_int(&sum, state->acked_before);
	row_sum_int(&sum, state->bytes_total);
	row_sum_int(&sum, state->bytes_acked);
	row_sum_span(&sum, (struct span){(const char *)shown->chain.bytes, DIGEST_BYTES});
	if (shown->checkpoint_size != 0 || shown->receipt_size != 0 || shown->first_uncovered_ns != 0 ||
	    state->mailed != 0 || state->settled != 0) {
		row_sum_int(&sum, shown->checkpoint_size);
		row_sum_int(&sum, shown->receipt_size);
		row_sum_int(&sum, shown->first_uncovered_ns);
		row_sum_int(&sum, state->mailed);
		row_sum_int(&sum, state->settled);
	}
	return row_sum_end(&sum);
}

bool stream_load(sqlite3_stmt *statement, struct stream_state *state)
{
	*state = (struct stream_state){0};
	struct store_stream *shown = &state->shown;
	shown->id = sql_column_small(statement, 0, STORE_STREAMS_MAX);
	if (shown->id < 1 || !text_copy(shown->name, sizeof shown->name, sql_column_span(statement, 1)) ||
	    !text_copy(shown->source, sizeof shown->source, sql_column_span(statement, 2)) ||
	    !sql_column_digest(statement, 12, &shown->chain))
		return false;
	shown->epoch = sqlite3_column_int64(statement, 3);
	shown->next_sequence = sqlite3_column_int64(statement, 4);
	shown->acked_sequence = sqlite3_column_int64(statement, 5);
	state->pruned = sqlite3_column_int64(statement, 6);
	state->documents = sqlite3_column_int64(statement, 7);
	state->amendments = sqlite3_column_int64(statement, 8);
	state->acked_before = sqlite3_column_int64(statement, 9);
	state->bytes_total = sqlite3_column_int64(statement, 10);
	state->bytes_acked = sqlite3_column_int64(statement, 11);
	shown->checkpoint_size = sqlite3_column_int64(statement, 14);
	shown->receipt_size = sqlite3_column_int64(statement, 15);
	shown->first_uncovered_ns = sqlite3_column_int64(statement, 16);
	state->mailed = sqlite3_column_int64(statement, 17);
	state->settled = sqlite3_column_int64(statement, 18);
	shown->committed_sequence = shown->next_sequence - 1;
	shown->outbox_bytes = (uint64_t)(state->bytes_total - state->bytes_acked);
	return stream_checksum(state) == sqlite3_column_int64(statement, 13) &&
	       stream_name_valid(span_of(shown->name)) && shown->epoch > 0 && shown->next_sequence >= 1 &&
	       shown->next_sequence <= STORE_SEQUENCE_MAX + 1 && state->pruned >= 0 &&
	       shown->acked_sequence >= state->pruned && shown->acked_sequence < shown->next_sequence &&
	       state->documents >= 0 && state->amendments >= 0 && state->acked_before >= 0 &&
	       state->bytes_acked >= 0 && state->bytes_total >= state->bytes_acked &&
	       shown->receipt_size >= 0 && shown->checkpoint_size >= shown->receipt_size &&
	       state->mailed >= 0 && shown->checkpoint_size >= state->mailed &&
	       shown->checkpoint_size < shown->next_sequence && state->settled >= 0 &&
	       state->settled < shown->next_sequence;
}

static enum err stream_put(struct store *store, const struct stream_state *state, struct err_info *info)
{
	const struct store_stream *shown = &state->shown;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STREAM_PUT);
	sql_bind_int(statement, 1, shown->id);
	sql_bind_text(statement, 2, span_of(shown->name));
	sql_bind_text(statement, 3, span_of(shown->source));
	sql_bind_int(statement, 4, shown->epoch);
	sql_bind_int(statement, 5, shown->next_sequence);
	sql_bind_int(statement, 6, shown->acked_sequence);
	sql_bind_int(statement, 7, state->pruned);
	sql_bind_int(statement, 8, state->documents);
	sql_bind_int(statement, 9, state->amendments);
	sql_bind_int(statement, 10, state->acked_before);
	sql_bind_int(statement, 11, state->bytes_total);
	sql_bind_int(statement, 12, state->bytes_acked);
	sql_bind_blob(statement, 13, (struct span){(const char *)shown->chain.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 14, stream_checksum(state));
	sql_bind_int(statement, 15, shown->checkpoint_size);
	sql_bind_int(statement, 16, shown->receipt_size);
	sql_bind_int(statement, 17, shown->first_uncovered_ns);
	sql_bind_int(statement, 18, state->mailed);
	sql_bind_int(statement, 19, state->settled);
	return store_run(store, statement, "writing a stream's head", info);
}

/* Where name stands, or would stand, in by_name. */
static int name_position(const struct store *store, const char *name, bool *found)
{
	int low = 0;
	int high = store->stream_count;
	*found = false;
	while (low < high) {
		int middle = (low + high) / 2;
		int order = strcmp(store->streams[store->by_name[middle] - 1]->now.shown.name, name);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct stream *stream_add(struct store *store, const struct stream_state *state)
{
	CHECK(store->stream_count < STORE_STREAMS_MAX && state->shown.id == store->stream_count + 1);
	bool found;
	int position = name_position(store, state->shown.name, &found);
	CHECK(!found);
	struct stream *stream = mem_alloc(sizeof *stream);
	stream->hold = INT64_MAX;
	stream->now = *state;
	store->streams[store->stream_count] = stream;
	memmove(&store->by_name[position + 1], &store->by_name[position],
	        (size_t)(store->stream_count - position) * sizeof store->by_name[0]);
	store->by_name[position] = (uint16_t)state->shown.id;
	store->stream_count++;
	return stream;
}

static void forget_last(struct store *store)
{
	int id = store->stream_count;
	int position = 0;
	while (store->by_name[position] != id)
		position++;
	memmove(&store->by_name[position], &store->by_name[position + 1],
	        (size_t)(id - 1 - position) * sizeof store->by_name[0]);
	tree_free(store->streams[id - 1]);
	free(store->streams[id - 1]);
	store->streams[id - 1] = NULL;
	store->stream_count--;
}

void streams_free(struct store *store)
{
	while (store->stream_count > 0)
		forget_last(store);
}

enum err streams_load(struct store *store, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STREAM_ALL);
	struct stream_state state;
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading the streams", info);
	while (err == ERR_OK && more) {
		bool found = false;
		if (stream_load(statement, &state))
			(void)name_position(store, state.shown.name, &found);
		else
			found = true;
		if (found || state.shown.id != store->stream_count + 1 ||
		    state.shown.epoch > store->identity.epoch_floor)
			err = store_row_damaged(store, info, "the row of stream %d", store->stream_count + 1);
		else
			(void)stream_add(store, &state);
		if (err == ERR_OK)
			err = store_step(store, statement, &more, "reading the streams", info);
	}
	sqlite3_reset(statement);
	return err;
}

struct stream *stream_of(const struct store *store, int id)
{
	return id >= 1 && id <= store->stream_count ? store->streams[id - 1] : NULL;
}

void stream_touch(struct stream *stream)
{
	if (stream->dirty)
		return;
	stream->saved = stream->now;
	stream->dirty = true;
}

enum err streams_flush(struct store *store, struct err_info *info)
{
	enum err err = store_writable(store, info);
	for (int i = 0; i < store->stream_count && err == ERR_OK; i++) {
		struct stream *stream = store->streams[i];
		if (!stream->dirty)
			continue;
		CHECK(stream->now.part == 0); /* a document in parts is whole */
		err = ack_flush(store, stream, info);
		if (err == ERR_OK)
			err = tree_flush(store, stream, info);
		if (err == ERR_OK)
			err = settled_flush(store, stream, info);
		if (err == ERR_OK)
			err = stream_put(store, &stream->now, info);
	}
	return err;
}

void streams_committed(struct store *store)
{
	for (int i = 0; i < store->stream_count; i++) {
		struct stream *stream = store->streams[i];
		if (stream->dirty)
			tree_committed(stream);
		stream->dirty = false;
		stream->now.shown.committed_sequence = stream->now.shown.next_sequence - 1;
	}
}

void streams_rolled_back(struct store *store)
{
	while (store->stream_count > store->stream_count_saved)
		forget_last(store);
	for (int i = 0; i < store->stream_count; i++) {
		struct stream *stream = store->streams[i];
		settled_forget(stream);
		if (stream->dirty) {
			stream->now = stream->saved;
			tree_rolled_back(stream);
		}
		stream->dirty = false;
	}
}

int64_t stream_next_epoch(struct store *store, int64_t above)
{
	int64_t seconds = hal_wall_ns(store->hal) / NS_PER_S;
	int64_t epoch = seconds > above ? seconds : above + 1;
	store->identity.epoch_floor = epoch;
	return epoch;
}

enum err stream_begin_epoch(const struct store *store, struct stream_state *state, int64_t epoch,
                            struct err_info *info)
{
	struct stream_state begun = {
	    .shown = {.id = state->shown.id, .epoch = epoch, .next_sequence = 1},
	    .documents = state->documents,
	    .amendments = state->amendments,
	    .acked_before = state->acked_before + state->shown.acked_sequence,
	};
	memcpy(begun.shown.name, state->shown.name, sizeof begun.shown.name);
	enum err err = stream_identify(store, &begun, info);
	if (err == ERR_OK)
		*state = begun;
	return err;
}

/* The identity row keeps the highest epoch, because the stream's own row may be lost one day. */
static enum err next_epoch(struct store *store, int64_t *epoch, struct err_info *info)
{
	int64_t seconds = hal_wall_ns(store->hal) / NS_PER_S;
	*epoch = seconds > 1 ? seconds : 1;
	if (*epoch <= store->identity.epoch_floor)
		*epoch = store->identity.epoch_floor;
	if (*epoch == store->identity.epoch_floor)
		return ERR_OK;
	store->identity.epoch_floor = *epoch;
	return identity_put(store, info);
}

enum err store_stream_open(struct store *store, const char *name, const struct store_stream **stream,
                           struct err_info *info)
{
	CHECK(name != NULL && stream != NULL);
	if (!stream_name_valid(span_of(name)))
		return err_set(info, ERR_BAD_INPUT,
		               "a stream's name is 1 to %d of a-z, 0-9 and -, not \"%.80s\"",
		               STORE_STREAM_NAME_MAX - 1, name);
	bool found;
	int position = name_position(store, name, &found);
	if (found) {
		*stream = &store->streams[store->by_name[position] - 1]->now.shown;
		return ERR_OK;
	}
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (store->stream_count == STORE_STREAMS_MAX)
		return err_set(info, ERR_TOO_LARGE, "stream %s would be more than the %d a store can hold",
		               name, STORE_STREAMS_MAX);
	struct stream_state state = {.shown = {.id = store->stream_count + 1, .next_sequence = 1}};
	CHECK(text_copy(state.shown.name, sizeof state.shown.name, span_of(name)));
	err = next_epoch(store, &state.shown.epoch, info);
	if (err == ERR_OK)
		err = stream_identify(store, &state, info);
	if (err != ERR_OK)
		return err;
	struct stream *made = stream_add(store, &state);
	stream_touch(made);
	*stream = &made->now.shown;
	return ERR_OK;
}

int store_stream_count(const struct store *store)
{
	return store->stream_count;
}

const struct store_stream *store_stream_at(const struct store *store, int index)
{
	CHECK(index >= 0 && index < store->stream_count);
	return &store->streams[index]->now.shown;
}

const struct store_stream *store_stream_by_id(const struct store *store, int id)
{
	const struct stream *stream = stream_of(store, id);
	return stream ? &stream->now.shown : NULL;
}
