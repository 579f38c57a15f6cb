/*
 * commands.c - see commands.h.
 *
 * Why:   see commands.h.
 * Owns:  table messages: kind * 2^40 + n, so that each kind fills its own pages in the order of arrival; an index by
 *        kind and the message's id.
 * Rules: a time in the future (the clock was wrong then, or is now) is replaced by now: it is kept longer, never
 *        shorter.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_outcomes_test.c
 */
#include "store_forward/commands.h"

#include <inttypes.h>

#include "store_forward/store_internal.h"

/* A clock that is corrected by less than this does not begin the time anew. */
#define FUTURE_NS (3600 * NS_PER_S)

static int64_t kind_key(enum store_message_kind kind, int64_t n)
{
	CHECK(kind == STORE_MESSAGE_ACK || kind == STORE_MESSAGE_COMMAND);
	return ((int64_t)kind << STORE_SEQUENCE_BITS) | n;
}

static int64_t message_checksum(const struct message_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_MESSAGE);
	row_sum_int(&sum, row->id);
	row_sum_int(&sum, row->kind);
	row_sum_span(&sum, row->message);
	row_sum_span(&sum, (struct span){(const char *)row->digest.bytes, DIGEST_BYTES});
	row_sum_int(&sum, row->at);
	row_sum_span(&sum, row->result);
	return row_sum_end(&sum);
}

bool message_load(sqlite3_stmt *statement, struct message_row *row)
{
	int kind = sql_column_small(statement, 1, STORE_MESSAGE_COMMAND);
	*row = (struct message_row){
	    .id = sqlite3_column_int64(statement, 0),
	    .kind = kind == STORE_MESSAGE_COMMAND ? STORE_MESSAGE_COMMAND : STORE_MESSAGE_ACK,
	    .message = sql_column_span(statement, 2),
	    .at = sqlite3_column_int64(statement, 4),
	    .result = sql_column_span(statement, 6),
	};
	return kind >= STORE_MESSAGE_ACK && row->id > kind_key(row->kind, 0) &&
	       row->id <= kind_key(row->kind, STORE_SEQUENCE_MAX) && row->message.len >= 1 &&
	       row->message.len <= STORE_MESSAGE_ID_MAX && row->result.len <= STORE_MESSAGE_BYTES_MAX &&
	       sql_column_digest(statement, 3, &row->digest) &&
	       message_checksum(row) == sqlite3_column_int64(statement, 5);
}

enum err message_put(struct store *store, const struct message_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MESSAGE_PUT);
	sql_bind_int(statement, 1, row->id);
	sql_bind_int(statement, 2, row->kind);
	sql_bind_text(statement, 3, row->message);
	sql_bind_blob(statement, 4, (struct span){(const char *)row->digest.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 5, row->at);
	sql_bind_int(statement, 6, message_checksum(row));
	sql_bind_blob(statement, 7, row->result);
	return store_run(store, statement, "keeping an answer", info);
}

static enum err message_delete(struct store *store, const struct message_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MESSAGE_DELETE);
	sql_bind_int(statement, 1, row->id);
	enum err err = store_run(store, statement, "forgetting an answer", info);
	if (err == ERR_OK)
		store->side.messages[row->kind]--;
	return err;
}

/* The row and its answer (result may be NULL). Only numbers and the digest stay in the row. */
static enum err message_find(struct store *store, enum store_message_kind kind, struct span id,
                             struct message_row *row, struct buf *result, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MESSAGE_GET);
	sql_bind_int(statement, 1, kind);
	sql_bind_text(statement, 2, id);
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up an answer", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "this message was not taken before");
	else if (err == ERR_OK && !message_load(statement, row))
		err = store_row_damaged(store, info, "message %.*s",
		                        (int)(id.len < STORE_MESSAGE_ID_MAX ? id.len : STORE_MESSAGE_ID_MAX),
		                        id.len ? id.data : "");
	if (err == ERR_OK && result != NULL) {
		buf_clear(result);
		buf_append_span(result, row->result);
		if (!buf_ok(result))
			err = err_set(info, ERR_TOO_LARGE, "the answer of %zu bytes does not fit",
			              row->result.len);
	}
	row->message = id;
	row->result = (struct span){NULL, 0};
	sqlite3_reset(statement);
	return err;
}

enum err store_message_seen(struct store *store, enum store_message_kind kind, struct span id,
                            const struct digest *digest, struct buf *result, struct err_info *info)
{
	struct message_row row;
	enum err err = message_find(store, kind, id, &row, result, info);
	if (err == ERR_OK && !digest_equal(&row.digest, digest)) {
		buf_clear(result);
		err = err_set(info, ERR_CONFLICT, "message %.*s was taken before with another content",
		              (int)id.len, id.data);
	}
	store_note_damage(store);
	return err;
}

enum err store_message_digest(struct store *store, enum store_message_kind kind, struct span id,
                              struct digest *digest, struct err_info *info)
{
	struct message_row row;
	enum err err = message_find(store, kind, id, &row, NULL, info);
	if (err == ERR_OK)
		*digest = row.digest;
	store_note_damage(store);
	return err;
}

/* The first row of this kind after `after`; id 0: none. Spans are not kept. */
static enum err message_oldest(struct store *store, enum store_message_kind kind, int64_t after,
                               struct message_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MESSAGE_OLDEST);
	sql_bind_int(statement, 1, after);
	sql_bind_int(statement, 2, kind_key(kind, STORE_SEQUENCE_MAX));
	bool more = false;
	*row = (struct message_row){0};
	enum err err = store_step(store, statement, &more, "looking for old answers", info);
	if (err == ERR_OK && more && !message_load(statement, row))
		err = store_row_damaged(store, info, "message row %" PRId64,
		                        (int64_t)sqlite3_column_int64(statement, 0));
	row->message = (struct span){NULL, 0};
	row->result = (struct span){NULL, 0};
	sqlite3_reset(statement);
	return err;
}

static enum err message_add(struct store *store, struct message_row *row, struct err_info *info)
{
	int64_t *last = &store->side.message_last[row->kind];
	struct message_row oldest = {0};
	enum err err = ERR_OK;
	if (*last < kind_key(row->kind, 0))
		*last = kind_key(row->kind, 0);
	if (*last == kind_key(row->kind, STORE_SEQUENCE_MAX))
		return err_set(info, ERR_OVERFLOW,
		               "the store has taken its last message; it needs a new store");
	if (store->side.messages[row->kind] >= STORE_MESSAGES_MAX) {
		err = message_oldest(store, row->kind, kind_key(row->kind, 0), &oldest, info);
		if (err == ERR_OK && oldest.id != 0)
			err = message_delete(store, &oldest, info);
	}
	if (err != ERR_OK)
		return err;
	row->id = *last + 1;
	err = message_put(store, row, info);
	if (err != ERR_OK)
		return err;
	*last = row->id;
	store->side.messages[row->kind]++;
	return ERR_OK;
}

enum err store_message_put(struct store *store, enum store_message_kind kind, struct span id,
                           const struct digest *digest, struct span result, int64_t now_ns,
                           struct err_info *info)
{
	struct message_row row;
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (id.len == 0)
		return err_set(info, ERR_BAD_INPUT, "a message needs an id");
	if (id.len > STORE_MESSAGE_ID_MAX || result.len > STORE_MESSAGE_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE,
		               "an id of %zu bytes with an answer of %zu; at most %d and %u", id.len,
		               result.len, STORE_MESSAGE_ID_MAX, STORE_MESSAGE_BYTES_MAX);
	err = message_find(store, kind, id, &row, NULL, info);
	if (err == ERR_OK && !digest_equal(&row.digest, digest))
		return err_set(info, ERR_CONFLICT, "message %.*s was taken before with another content",
		               (int)id.len, id.data);
	if (err == ERR_OK) {
		row.result = result;
		return message_put(store, &row, info);
	}
	if (err != ERR_NOT_FOUND)
		return err;
	row = (struct message_row){
	    .kind = kind, .message = id, .digest = *digest, .at = now_ns, .result = result};
	return message_add(store, &row, info);
}

/* The clock was ahead when it was taken: its time begins now. The answer is needed to write the row again. */
static enum err message_begin_again(struct store *store, int64_t id, int64_t now_ns, struct err_info *info)
{
	struct message_row row;
	struct buf bytes;
	bool more = false;
	buf_init(&bytes, STORE_MESSAGE_ID_MAX + STORE_MESSAGE_BYTES_MAX);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MESSAGE_OLDEST);
	sql_bind_int(statement, 1, id - 1);
	sql_bind_int(statement, 2, id);
	enum err err = store_step(store, statement, &more, "looking for old answers", info);
	if (err == ERR_OK && (!more || !message_load(statement, &row))) {
		err = store_row_damaged(store, info, "message row %" PRId64, id);
	} else if (err == ERR_OK) {
		size_t len = row.message.len;
		buf_append_span(&bytes, row.message);
		buf_append_span(&bytes, row.result);
		struct span all = buf_span(&bytes);
		row.message = (struct span){all.data, len};
		row.result = (struct span){all.data + len, all.len - len};
		row.at = now_ns;
	}
	sqlite3_reset(statement);
	if (err == ERR_OK)
		err = message_put(store, &row, info);
	buf_release(&bytes);
	return err;
}

static enum err prune_kind(struct store *store, enum store_message_kind kind, int64_t now_ns, int limit,
                           int *deleted, struct err_info *info)
{
	enum err err = ERR_OK;
	while (err == ERR_OK && *deleted < limit) {
		struct message_row row;
		int64_t age = 0;
		err = message_oldest(store, kind, kind_key(kind, 0), &row, info);
		if (err != ERR_OK || row.id == 0)
			return err;
		if (row.at > now_ns && row.at - now_ns > FUTURE_NS)
			return message_begin_again(store, row.id, now_ns, info);
		/* The difference may overflow only for times that no clock shows. */
		if (__builtin_sub_overflow(now_ns, row.at, &age) || age < STORE_MESSAGES_KEPT_NS)
			return ERR_OK;
		err = message_delete(store, &row, info);
		if (err == ERR_OK)
			++*deleted;
	}
	return err;
}

enum err store_messages_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                              struct err_info *info)
{
	CHECK(limit >= 0);
	*deleted = 0;
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = prune_kind(store, STORE_MESSAGE_ACK, now_ns, limit, deleted, info);
	if (err == ERR_OK)
		err = prune_kind(store, STORE_MESSAGE_COMMAND, now_ns, limit, deleted, info);
	return err;
}

int64_t store_message_count(const struct store *store, enum store_message_kind kind)
{
	CHECK(kind == STORE_MESSAGE_ACK || kind == STORE_MESSAGE_COMMAND);
	return store->side.messages[kind];
}
