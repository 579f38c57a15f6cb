/*
 * checkpoints.c - the signed checkpoints of each stream, and the receipts that came back.
 *
 * Why:   a checkpoint that was sent once must be sent again as it was; a receipt is the cloud's word that it holds
 *        everything up to there.
 * Owns:  table checkpoints; of each stream's head: checkpoint_size, receipt_size, first_uncovered_ns, mailed.
 * Rules: 1. Within an epoch sizes rise, and the root of each is the tree's.
 *        2. They are handed on in order of size, so that one mark says which were.
 *        3. Retention keeps: the newest of each epoch, those not handed on, those made within the retention, those
 *           with a receipt that came within the retention, and those without receipt for twice the retention.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_proof_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>

static int64_t checkpoint_checksum(const struct store_checkpoint *checkpoint)
{
	struct row_sum sum = row_sum_begin(TABLE_CHECKPOINT);
	row_sum_int(&sum, checkpoint->stream);
	row_sum_int(&sum, checkpoint->epoch);
	row_sum_int(&sum, checkpoint->size);
	row_sum_span(&sum, (struct span){(const char *)checkpoint->root.bytes, DIGEST_BYTES});
	row_sum_int(&sum, checkpoint->made_ns);
	row_sum_int(&sum, checkpoint->receipted_ns);
	row_sum_span(&sum, checkpoint->note);
	row_sum_span(&sum, checkpoint->receipt);
	return row_sum_end(&sum);
}

bool checkpoint_load(sqlite3_stmt *statement, struct store_checkpoint *checkpoint)
{
	*checkpoint = (struct store_checkpoint){
	    .stream = sql_column_small(statement, 0, STORE_STREAMS_MAX),
	    .epoch = sqlite3_column_int64(statement, 1),
	    .size = sqlite3_column_int64(statement, 2),
	    .made_ns = sqlite3_column_int64(statement, 4),
	    .receipted_ns = sqlite3_column_int64(statement, 5),
	    .note = sql_column_span(statement, 7),
	    .receipt = sql_column_span(statement, 8),
	};
	return sql_column_digest(statement, 3, &checkpoint->root) && checkpoint->stream >= 1 &&
	       checkpoint->epoch > 0 && checkpoint->size >= 1 &&
	       checkpoint->note.len <= STORE_NOTE_BYTES_MAX &&
	       checkpoint->receipt.len <= STORE_NOTE_BYTES_MAX &&
	       checkpoint_checksum(checkpoint) == sqlite3_column_int64(statement, 6);
}

enum err checkpoint_put(struct store *store, const struct store_checkpoint *checkpoint, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_CHECKPOINT_PUT);
	sql_bind_int(statement, 1, checkpoint->stream);
	sql_bind_int(statement, 2, checkpoint->epoch);
	sql_bind_int(statement, 3, checkpoint->size);
	sql_bind_blob(statement, 4, (struct span){(const char *)checkpoint->root.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 5, checkpoint->made_ns);
	sql_bind_int(statement, 6, checkpoint->receipted_ns);
	sql_bind_int(statement, 7, checkpoint_checksum(checkpoint));
	sql_bind_text(statement, 8, checkpoint->note);
	sql_bind_text(statement, 9, checkpoint->receipt);
	return store_run(store, statement, "writing a checkpoint", info);
}

static enum err checkpoint_damaged(struct store *store, int stream, struct err_info *info)
{
	return store_row_damaged(store, info, "a checkpoint of stream %s",
	                         stream_of(store, stream)->now.shown.name);
}

static enum err check_note(const struct stream *stream, const char *what, struct span note,
                           struct err_info *info)
{
	if (note.len == 0)
		return err_set(info, ERR_BAD_INPUT, "a %s of stream %s is empty", what,
		               stream->now.shown.name);
	if (note.len > STORE_NOTE_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE, "a %s of stream %s has %zu bytes, more than %d", what,
		               stream->now.shown.name, note.len, STORE_NOTE_BYTES_MAX);
	return ERR_OK;
}

/* When the first leaf behind the checkpoint was appended. Where retention has its row already the checkpoint's own time
 * will do. */
static enum err uncovered_since(struct store *store, const struct stream *stream,
                                const struct store_checkpoint *checkpoint, int64_t *at_ns,
                                struct err_info *info)
{
	*at_ns = 0;
	if (checkpoint->size == stream->now.shown.next_sequence - 1)
		return ERR_OK;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_QUEUE);
	int64_t key = outbox_key(stream->now.shown.id, checkpoint->size + 1);
	sql_bind_int(statement, 1, key - 1);
	sql_bind_int(statement, 2, key);
	sql_bind_int(statement, 3, 1);
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking for what no checkpoint covers", info);
	*at_ns = err == ERR_OK && more ? sqlite3_column_int64(statement, 3) : checkpoint->made_ns;
	sqlite3_reset(statement);
	return err;
}

enum err store_checkpoint_add(struct store *store, const struct store_checkpoint *checkpoint,
                              struct err_info *info)
{
	struct stream *stream = stream_of(store, checkpoint->stream);
	CHECK(stream != NULL);
	struct store_stream *shown = &stream->now.shown;
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_note(stream, "checkpoint", checkpoint->note, info);
	if (err != ERR_OK)
		return err;
	if (checkpoint->size <= shown->checkpoint_size || checkpoint->size >= shown->next_sequence)
		return err_set(info, ERR_BAD_INPUT,
		               "a checkpoint of stream %s over %" PRId64
		               " events: the last one covers %" PRId64 ", and there are %" PRId64,
		               shown->name, checkpoint->size, shown->checkpoint_size,
		               shown->next_sequence - 1);
	struct digest root;
	err = store_tree_root_at(store, shown->id, checkpoint->size, &root, info);
	if (err != ERR_OK)
		return err;
	if (!digest_equal(&root, &checkpoint->root))
		return err_set(info, ERR_BAD_INPUT,
		               "a checkpoint of stream %s over %" PRId64
		               " events: its root is not the tree's",
		               shown->name, checkpoint->size);
	struct store_checkpoint row = *checkpoint;
	row.epoch = shown->epoch;
	row.receipted_ns = 0;
	row.receipt = (struct span){NULL, 0};
	int64_t since = 0;
	err = uncovered_since(store, stream, &row, &since, info);
	if (err == ERR_OK)
		err = checkpoint_put(store, &row, info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	shown->checkpoint_size = row.size;
	shown->first_uncovered_ns = since;
	return ERR_OK;
}

/* Takes the row that the statement gives next, with its texts copied. */
static enum err take_row(struct store *store, sqlite3_stmt *statement, int stream,
                         struct store_checkpoint *checkpoint, struct buf *texts, struct err_info *info)
{
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking for a checkpoint", info);
	if (err == ERR_OK && !more) {
		err = err_set(info, ERR_NOT_FOUND, "stream %s has no such checkpoint",
		              stream_of(store, stream)->now.shown.name);
	} else if (err == ERR_OK && !checkpoint_load(statement, checkpoint)) {
		err = checkpoint_damaged(store, stream, info);
	} else if (err == ERR_OK) {
		size_t note = checkpoint->note.len;
		buf_clear(texts);
		buf_append_span(texts, checkpoint->note);
		buf_append_span(texts, checkpoint->receipt);
		CHECK(buf_ok(texts));
		struct span both = buf_span(texts);
		checkpoint->note = (struct span){both.data, note};
		checkpoint->receipt = (struct span){both.data + note, both.len - note};
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

static sqlite3_stmt *of_epoch(struct store *store, enum statement which, int stream, int64_t epoch)
{
	sqlite3_stmt *statement = store_statement(store, which);
	sql_bind_int(statement, 1, stream);
	sql_bind_int(statement, 2, epoch);
	return statement;
}

enum err store_checkpoint_find(struct store *store, int stream_id, int64_t epoch, int64_t size,
                               struct store_checkpoint *checkpoint, struct buf *texts, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && size >= 0);
	enum statement which = size == 0 ? STATEMENT_CHECKPOINT_NEWEST : STATEMENT_CHECKPOINT_FROM;
	sqlite3_stmt *statement =
	    of_epoch(store, which, stream_id, epoch == 0 ? stream->now.shown.epoch : epoch);
	if (size > 0) {
		sql_bind_int(statement, 3, size);
		sql_bind_int(statement, 4, INT64_MAX);
	}
	return take_row(store, statement, stream_id, checkpoint, texts, info);
}

enum err store_checkpoint_previous(struct store *store, int stream_id, struct store_checkpoint *checkpoint,
                                   struct buf *texts, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	sqlite3_stmt *statement =
	    of_epoch(store, STATEMENT_CHECKPOINT_BEFORE, stream_id, stream->now.shown.epoch);
	return take_row(store, statement, stream_id, checkpoint, texts, info);
}

static enum err write_receipt(struct store *store, const struct store_checkpoint *row, struct err_info *info)
{
	sqlite3_stmt *statement = of_epoch(store, STATEMENT_CHECKPOINT_RECEIPT, row->stream, row->epoch);
	sql_bind_int(statement, 3, row->size);
	sql_bind_int(statement, 4, row->receipted_ns);
	sql_bind_int(statement, 5, checkpoint_checksum(row));
	sql_bind_text(statement, 6, row->receipt);
	return store_run(store, statement, "writing a receipt", info);
}

enum err store_checkpoint_receipt(struct store *store, int stream_id, int64_t epoch, int64_t size,
                                  struct span receipt, int64_t now_ns, struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && size > 0 && now_ns != 0);
	struct store_stream *shown = &stream->now.shown;
	struct store_checkpoint row;
	struct buf texts;
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_note(stream, "receipt", receipt, info);
	if (err != ERR_OK)
		return err;
	buf_init(&texts, 2 * STORE_NOTE_BYTES_MAX);
	err = store_checkpoint_find(store, stream_id, epoch, size, &row, &texts, info);
	if (err == ERR_OK && row.size != size)
		err = err_set(info, ERR_NOT_FOUND, "stream %s has no checkpoint over %" PRId64 " events",
		              shown->name, size);
	if (err == ERR_OK && row.receipted_ns == 0) {
		row.receipt = receipt;
		row.receipted_ns = now_ns;
		err = write_receipt(store, &row, info);
		if (err == ERR_OK && row.epoch == shown->epoch && size > shown->receipt_size) {
			stream_touch(stream);
			shown->receipt_size = size;
		}
	}
	buf_release(&texts);
	return err;
}

enum err store_checkpoint_unmailed(struct store *store, int stream_id, int64_t upto_size,
                                   store_checkpoint_visitor visit, void *self, struct err_info *info)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	if (stream->now.mailed >= stream->now.shown.checkpoint_size)
		return ERR_OK;
	sqlite3_stmt *statement =
	    of_epoch(store, STATEMENT_CHECKPOINT_FROM, stream_id, stream->now.shown.epoch);
	sql_bind_int(statement, 3, stream->now.mailed + 1);
	sql_bind_int(statement, 4, upto_size);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "looking for checkpoints", info);
	while (err == ERR_OK && more && wanted) {
		struct store_checkpoint row;
		if (!checkpoint_load(statement, &row)) {
			err = checkpoint_damaged(store, stream_id, info);
			break;
		}
		wanted = visit(self, &row);
		if (wanted)
			err = store_step(store, statement, &more, "looking for checkpoints", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_checkpoint_mailed(struct store *store, int stream_id, int64_t size, struct err_info *info)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL && size <= stream->now.shown.checkpoint_size);
	enum err err = store_writable(store, info);
	if (err != ERR_OK || size <= stream->now.mailed)
		return err;
	stream_touch(stream);
	stream->now.mailed = size;
	return ERR_OK;
}

enum err checkpoint_verify(struct store *store, const struct stream *stream, struct err_info *info)
{
	const struct store_stream *shown = &stream->now.shown;
	sqlite3_stmt *statement = of_epoch(store, STATEMENT_CHECKPOINT_NEWEST, shown->id, shown->epoch);
	bool more = false;
	struct store_checkpoint row = {.size = 0};
	enum err err = store_step(store, statement, &more, "looking for a checkpoint", info);
	if (err == ERR_OK &&
	    ((more && !checkpoint_load(statement, &row)) || row.size != shown->checkpoint_size))
		err = checkpoint_damaged(store, shown->id, info);
	sqlite3_reset(statement);
	return err;
}

/* Has its time come? The differences overflow only for times that no clock shows. */
static bool may_go(const struct store *store, const struct store_checkpoint *row, int64_t now_ns)
{
	const struct stream *stream = stream_of(store, row->stream);
	bool waits =
	    stream != NULL && row->epoch == stream->now.shown.epoch && row->size > stream->now.mailed;
	int64_t made = 0;
	int64_t receipted = 0;
	if (waits || __builtin_sub_overflow(now_ns, row->made_ns, &made) ||
	    __builtin_sub_overflow(now_ns, row->receipted_ns, &receipted) || made < store->retention_ns)
		return false;
	if (row->receipted_ns != 0)
		return receipted >= store->retention_ns;
	return made - store->retention_ns >= store->retention_ns;
}

/* Looks at the first one after *place, which becomes its place (stream 0: there is none). The row after it says whether
 * it is the newest of its epoch. */
static enum err prune_one(struct store *store, int64_t now_ns, struct checkpoint_place *place, bool *deleted,
                          struct err_info *info)
{
	sqlite3_stmt *statement = of_epoch(store, STATEMENT_CHECKPOINT_NEXT, place->stream, place->epoch);
	sql_bind_int(statement, 3, place->size);
	struct store_checkpoint row = {.stream = 0};
	bool more = false;
	bool goes = false;
	*deleted = false;
	enum err err = store_step(store, statement, &more, "looking for old checkpoints", info);
	if (err == ERR_OK && more && !checkpoint_load(statement, &row))
		err = store_row_damaged(store, info, "a checkpoint");
	*place = (struct checkpoint_place){row.stream, row.epoch, row.size};
	if (err == ERR_OK && more && may_go(store, &row, now_ns)) {
		err = store_step(store, statement, &more, "looking for old checkpoints", info);
		goes = err == ERR_OK && more && sqlite3_column_int64(statement, 0) == place->stream &&
		       sqlite3_column_int64(statement, 1) == place->epoch;
	}
	sqlite3_reset(statement);
	if (err != ERR_OK || !goes)
		return err;
	*deleted = true;
	statement = of_epoch(store, STATEMENT_CHECKPOINT_DELETE, place->stream, place->epoch);
	sql_bind_int(statement, 3, place->size);
	return store_run(store, statement, "deleting an old checkpoint", info);
}

enum err checkpoints_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                           struct err_info *info)
{
	enum err err = ERR_OK;
	for (int looked = 0; err == ERR_OK && looked < limit; looked++) {
		bool gone = false;
		err = prune_one(store, now_ns, &store->checkpoint_pruned, &gone, info);
		if (err == ERR_OK && gone)
			++*deleted;
		if (err == ERR_OK && store->checkpoint_pruned.stream == 0)
			break; /* the end: the next call begins anew */
	}
	return err;
}
