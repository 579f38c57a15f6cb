/*
 * settled.c - which sequences have a final outcome, one bit each.
 *
 * Why:   what the cloud has not booked is kept, and is counted as overdue when its time has passed; a row for each
 *        sequence would double the writing.
 * Owns:  table settled, 256 bits a row; the mark `settled` of each stream, and its block in memory.
 * Rules: 1. Every sequence up to the mark is settled and the next one is not; rows below the mark are deleted.
 *        2. One block of each stream is in memory; it is written when another is needed, and at commit.
 *        3. A bit is never taken back.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_proof_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <string.h>

static int64_t block_of(int64_t sequence)
{
	return (sequence - 1) / SETTLED_BITS;
}

static int bit_of(int64_t sequence)
{
	return (int)((sequence - 1) % SETTLED_BITS);
}

static bool bit_is_set(const uint8_t *bits, int bit)
{
	return (bits[bit / 8] >> (bit % 8) & 1) != 0;
}

static int64_t settled_checksum(const struct settled_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_SETTLED);
	row_sum_int(&sum, row->stream);
	row_sum_int(&sum, row->epoch);
	row_sum_int(&sum, row->block);
	row_sum_span(&sum, (struct span){(const char *)row->bits, SETTLED_BYTES});
	return row_sum_end(&sum);
}

bool settled_load(sqlite3_stmt *statement, struct settled_row *row)
{
	struct span bits = sql_column_span(statement, 3);
	row->stream = sql_column_small(statement, 0, STORE_STREAMS_MAX);
	row->epoch = sqlite3_column_int64(statement, 1);
	row->block = sqlite3_column_int64(statement, 2);
	if (row->stream < 1 || row->block < 0 || bits.len != SETTLED_BYTES)
		return false;
	memcpy(row->bits, bits.data, SETTLED_BYTES);
	return settled_checksum(row) == sqlite3_column_int64(statement, 4);
}

static enum err delete_blocks(struct store *store, const struct stream *stream, int64_t last,
                              struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_SETTLED_DELETE);
	sql_bind_int(statement, 1, stream->now.shown.id);
	sql_bind_int(statement, 2, stream->now.shown.epoch);
	sql_bind_int(statement, 3, last);
	return store_run(store, statement, "deleting outcomes", info);
}

enum err settled_flush(struct store *store, struct stream *stream, struct err_info *info)
{
	struct settled_block *block = &stream->block;
	if (!block->dirty)
		return ERR_OK;
	enum err err = ERR_OK;
	if (block_of(stream->now.settled + 1) > block->block) {
		err = delete_blocks(store, stream, block->block, info);
	} else {
		struct settled_row row = {stream->now.shown.id, stream->now.shown.epoch, block->block, {0}};
		memcpy(row.bits, block->bits, SETTLED_BYTES);
		sqlite3_stmt *statement = store_statement(store, STATEMENT_SETTLED_PUT);
		sql_bind_int(statement, 1, row.stream);
		sql_bind_int(statement, 2, row.epoch);
		sql_bind_int(statement, 3, row.block);
		sql_bind_blob(statement, 4, (struct span){(const char *)row.bits, SETTLED_BYTES});
		sql_bind_int(statement, 5, settled_checksum(&row));
		err = store_run(store, statement, "writing outcomes", info);
	}
	if (err == ERR_OK)
		block->dirty = false;
	return err;
}

void settled_forget(struct stream *stream)
{
	stream->block = (struct settled_block){.loaded = false};
}

static sqlite3_stmt *blocks_from(struct store *store, const struct stream *stream, int64_t first,
                                 int64_t last)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_SETTLED_FROM);
	sql_bind_int(statement, 1, stream->now.shown.id);
	sql_bind_int(statement, 2, stream->now.shown.epoch);
	sql_bind_int(statement, 3, first);
	sql_bind_int(statement, 4, last);
	return statement;
}

static enum err row_damaged(struct store *store, const struct stream *stream, struct err_info *info)
{
	return store_row_damaged(store, info, "a row of outcomes of stream %s", stream->now.shown.name);
}

/* The block that holds this sequence, into memory. */
static enum err load_block(struct store *store, struct stream *stream, int64_t sequence,
                           struct err_info *info)
{
	struct settled_block *block = &stream->block;
	int64_t wanted = block_of(sequence);
	if (block->loaded && block->block == wanted)
		return ERR_OK;
	enum err err = settled_flush(store, stream, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = blocks_from(store, stream, wanted, wanted);
	struct settled_row row = {.stream = 0};
	bool more = false;
	err = store_step(store, statement, &more, "reading outcomes", info);
	if (err == ERR_OK && more && !settled_load(statement, &row))
		err = row_damaged(store, stream, info);
	sqlite3_reset(statement);
	if (err != ERR_OK)
		return err;
	*block = (struct settled_block){.loaded = true, .block = wanted};
	memcpy(block->bits, row.bits, SETTLED_BYTES);
	return ERR_OK;
}

/* Moves the mark to the last sequence before one that is not settled. */
static enum err advance(struct store *store, struct stream *stream, struct err_info *info)
{
	struct stream_state *now = &stream->now;
	int64_t last = now->shown.next_sequence - 1;
	enum err err = ERR_OK;
	while (now->settled < last) {
		err = load_block(store, stream, now->settled + 1, info);
		if (err != ERR_OK || !bit_is_set(stream->block.bits, bit_of(now->settled + 1)))
			break;
		now->settled++;
		if (bit_of(now->settled) == SETTLED_BITS - 1)
			stream->block.dirty = true; /* to be deleted */
	}
	return err;
}

enum err settle(struct store *store, struct stream *stream, int64_t sequence, struct err_info *info)
{
	if (sequence <= stream->now.settled)
		return ERR_OK;
	enum err err = load_block(store, stream, sequence, info);
	if (err != ERR_OK || bit_is_set(stream->block.bits, bit_of(sequence)))
		return err;
	stream_touch(stream);
	int bit = bit_of(sequence);
	stream->block.bits[bit / 8] |= (uint8_t)(1 << bit % 8);
	stream->block.dirty = true;
	return sequence == stream->now.settled + 1 ? advance(store, stream, info) : ERR_OK;
}

enum err settle_up_to(struct store *store, struct stream *stream, int64_t sequence, struct err_info *info)
{
	if (sequence <= stream->now.settled)
		return ERR_OK;
	enum err err = settled_flush(store, stream, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	settled_forget(stream);
	stream->now.settled = sequence;
	if (block_of(sequence + 1) > 0)
		err = delete_blocks(store, stream, block_of(sequence + 1) - 1, info);
	return err == ERR_OK ? advance(store, stream, info) : err;
}

enum err store_settle(struct store *store, int stream_id, int64_t epoch, int64_t sequence,
                      struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	enum err err = store_writable(store, info);
	if (err != ERR_OK || epoch != stream->now.shown.epoch)
		return err;
	if (sequence < 1 || sequence >= stream->now.shown.next_sequence)
		return err_set(info, ERR_BAD_INPUT,
		               "sequence %" PRId64
		               " of stream %s cannot be settled: the last one is %" PRId64,
		               sequence, stream->now.shown.name, stream->now.shown.next_sequence - 1);
	return settle(store, stream, sequence, info);
}

int64_t store_settled(const struct store *store, int stream_id)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	return stream->now.settled;
}

/* Of the row's bits those of sequences above `after` and up to `upto`. */
static int64_t count_bits(const struct settled_row *row, int64_t after, int64_t upto)
{
	int64_t count = 0;
	int64_t before = row->block * SETTLED_BITS; /* the sequence before the row's first */
	for (int bit = 0; bit < SETTLED_BITS; bit++) {
		int64_t sequence = before + bit + 1;
		count += sequence > after && sequence <= upto && bit_is_set(row->bits, bit);
	}
	return count;
}

enum err store_unsettled(struct store *store, int stream_id, int64_t upto, int64_t *count, int64_t *oldest,
                         struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	int64_t mark = stream->now.settled;
	*count = 0;
	*oldest = 0;
	if (upto >= stream->now.shown.next_sequence)
		upto = stream->now.shown.next_sequence - 1;
	if (upto <= mark)
		return ERR_OK;
	enum err err = settled_flush(store, stream, info); /* changed in the open transaction */
	if (err != ERR_OK)
		return err;
	*count = upto - mark;
	*oldest = mark + 1;
	sqlite3_stmt *statement = blocks_from(store, stream, block_of(mark + 1), block_of(upto));
	bool more = false;
	err = store_step(store, statement, &more, "counting outcomes", info);
	while (err == ERR_OK && more) {
		struct settled_row row;
		if (!settled_load(statement, &row)) {
			err = row_damaged(store, stream, info);
			break;
		}
		*count -= count_bits(&row, mark, upto);
		err = store_step(store, statement, &more, "counting outcomes", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}
