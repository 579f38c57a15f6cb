/*
 * salvage_side.c - the tables beside the streams, as far as they can be read of a damaged store.
 *
 * Why:   what the cloud said, what people did, and what waits to be told is not to be had again from the ERP.
 * Owns:  nothing; see salvage_copy.c.
 * Rules: 1. Only rows whose checksum holds are taken.
 *        2. Mail is taken in its order and numbered anew where rows are missing: its ids have no gaps.
 *        3. The audit is taken up to the first entry that does not fit the chain, so that what is kept can be verified;
 *           then comes an entry that says so.
 *        4. The status queue keeps its ids; they may have gaps.
 *        5. A replay keeps the epoch it was asked for: it has ended, and the core answers the command that asked.
 * Faults: rows that cannot be read are counted; errors of the new file end the salvage.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_side_salvage_test.c
 */
#include <inttypes.h>
#include <stdio.h>

#include "store_forward/salvage_copy.h"

/* What a head says, in the old file; zeroes where it cannot be read. */
static void read_heads(struct copy *copy, struct head_state heads[HEAD_COUNT])
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(copy->old, "SELECT " HEAD_COLUMNS " FROM heads", -1, &statement, NULL);
	for (int i = 0; i < HEAD_COUNT; i++)
		heads[i] = (struct head_state){0};
	for (int rows = 0; rc == SQLITE_OK && rows < HEAD_COUNT; rows++) {
		enum head which;
		struct head_state head;
		if (sqlite3_step(statement) != SQLITE_ROW)
			break;
		if (head_load(statement, &which, &head))
			heads[which] = head;
		else
			copy->counts->rows_lost++;
	}
	sqlite3_finalize(statement);
}

static enum err lost(struct copy *copy)
{
	copy->counts->rows_lost++;
	return ERR_OK;
}

static enum err copy_mail_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct mail_row row;
	return mail_load(statement, &row) && row.id > 0 ? mail_put(copy->store, &row, info) : lost(copy);
}

static enum err copy_replay_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct store_replay replay;
	if (!replay_load(statement, &replay) || copy->new_ids[replay.stream] == 0)
		return lost(copy);
	struct head_state *head = head_touch(copy->store, HEAD_REPLAY);
	replay.stream = copy->new_ids[replay.stream];
	if (replay.id > head->high)
		head->high = replay.id;
	return replay_put(copy->store, &replay, info);
}

static enum err copy_outcome_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct outcome_row row;
	return outcome_load(statement, &row) ? outcome_put(copy->store, &row, info) : lost(copy);
}

static enum err copy_message_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct message_row row;
	return message_load(statement, &row) ? message_put(copy->store, &row, info) : lost(copy);
}

static enum err copy_meta_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct span key;
	struct span value;
	return meta_load(statement, &key, &value) ? meta_put(copy->store, key, value, info) : lost(copy);
}

/* What is missing is counted at the end, by number. */
static enum err copy_status_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct status_row row;
	if (!status_load(statement, &row))
		return ERR_OK;
	struct status_count *count = status_count_of(copy->store, row.source);
	if (!count)
		return ERR_OK;
	count->rows++;
	copy->status_kept++;
	if (row.id > copy->status_last)
		copy->status_last = row.id;
	return status_put(copy->store, &row, info);
}

static enum err copy_status(struct copy *copy, const struct head_state *old, struct err_info *info)
{
	struct walk walk = {
	    .up = "SELECT " STATUS_COLUMNS " FROM status_queue WHERE id >= ?1 ORDER BY id",
	    .down = "SELECT " STATUS_COLUMNS " FROM status_queue WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	    .is_side = true,
	    .row = copy_status_row,
	};
	if (!salvage_has(copy, "SELECT id FROM status_queue"))
		return ERR_OK; /* version 3 */
	enum err err = walk_table(copy, &walk, info);
	if (err != ERR_OK)
		return err;
	struct head_state *head = head_touch(copy->store, HEAD_STATUS);
	head->high = old->high > copy->status_last ? old->high : copy->status_last;
	head->low = head->high - copy->status_kept;
	if (old->high - old->low > copy->status_kept)
		copy->counts->rows_lost += (uint64_t)(old->high - old->low - copy->status_kept);
	return ERR_OK;
}

/* One row under another id. The texts are copied, because its statement is reset. */
static enum err mail_renumber(struct store *store, const struct mail_row *row, int64_t id,
                              struct err_info *info)
{
	struct buf bytes;
	buf_init(&bytes, STORE_MAIL_TOPIC_MAX + STORE_MAIL_BYTES_MAX);
	buf_append_span(&bytes, row->topic);
	buf_append_span(&bytes, row->payload);
	struct span all = buf_span(&bytes);
	struct mail_row moved = {
	    id, {all.data, row->topic.len}, {all.data + row->topic.len, all.len - row->topic.len}};
	int64_t old_id = row->id;
	sqlite3_reset(store->statements[STATEMENT_MAIL_NEXT]);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MAIL_DELETE);
	sql_bind_int(statement, 1, old_id - 1);
	sql_bind_int(statement, 2, old_id);
	enum err err = store_run(store, statement, "numbering the mail", info);
	if (err == ERR_OK)
		err = mail_put(store, &moved, info);
	buf_release(&bytes);
	return err;
}

/* The rows that were taken, in their order, become low + 1, low + 2, ... */
static enum err close_gaps(struct copy *copy, const struct head_state *old, struct err_info *info)
{
	struct store *store = copy->store;
	int64_t low = -1;
	int64_t high = old->high;
	int64_t after = 0;
	enum err err = ERR_OK;
	for (bool more = true; err == ERR_OK && more;) {
		struct mail_row row;
		sqlite3_stmt *statement = store_statement(store, STATEMENT_MAIL_NEXT);
		sql_bind_int(statement, 1, after);
		err = store_step(store, statement, &more, "numbering the mail", info);
		if (err == ERR_OK && more && !mail_load(statement, &row))
			err = store_row_damaged(store, info, "the new mail");
		if (err == ERR_OK && more) {
			after = row.id;
			if (low < 0)
				low = high = row.id - 1;
			high++;
			if (row.id != high)
				err = mail_renumber(store, &row, high, info);
		}
		sqlite3_reset(statement);
	}
	struct head_state *head = head_touch(store, HEAD_MAIL);
	head->low = low < 0 ? high : low;
	head->high = high;
	/* What waited and is not here. */
	if (old->high - old->low > head->high - head->low)
		copy->counts->rows_lost += (uint64_t)(old->high - old->low - (head->high - head->low));
	return err;
}

static enum err copy_audit(struct copy *copy, const struct head_state *old, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	struct store *store = copy->store;
	struct head_state *head = head_touch(store, HEAD_AUDIT);
	enum err err = ERR_OK;
	int rc = sqlite3_prepare_v2(copy->old, "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY id", -1,
	                            &statement, NULL);
	while (err == ERR_OK && rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
		struct store_audit_entry entry;
		struct digest digest;
		if (!audit_load(statement, &entry) || entry.id != head->high + 1)
			break;
		err = audit_link(store, &head->digest, &entry, &digest, info);
		if (err == ERR_OK && !digest_equal(&digest, &entry.digest))
			break;
		if (err == ERR_OK)
			err = audit_put(store, &entry, info);
		if (err != ERR_OK)
			break;
		/* A commit in between clears the mark that the head is to be written. */
		head = head_touch(store, HEAD_AUDIT);
		head->high = entry.id;
		head->digest = digest;
		err = commit_sometimes(copy, false, info);
	}
	sqlite3_finalize(statement);
	copy->audit_cut = old->high > head->high ? old->high - head->high : 0;
	copy->counts->rows_lost += (uint64_t)copy->audit_cut;
	return err;
}

static enum err copy_walked(struct copy *copy, struct err_info *info)
{
	struct walk walks[] = {
	    {.up = "SELECT " MAIL_COLUMNS " FROM mail WHERE id >= ?1 ORDER BY id",
	     .down = "SELECT " MAIL_COLUMNS " FROM mail WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	     .row = copy_mail_row},
	    {.up = "SELECT " REPLAY_COLUMNS " FROM replays WHERE id >= ?1 ORDER BY id",
	     .down = "SELECT " REPLAY_COLUMNS " FROM replays WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	     .row = copy_replay_row},
	    {.up = "SELECT " OUTCOME_COLUMNS " FROM outcomes WHERE subject >= ?1 ORDER BY subject, n",
	     .down = "SELECT " OUTCOME_COLUMNS
	             " FROM outcomes WHERE subject < ?1 AND subject >= ?2 ORDER BY subject DESC, n DESC",
	     .is_text = true,
	     .row = copy_outcome_row},
	    {.up = "SELECT " MESSAGE_COLUMNS " FROM messages WHERE id >= ?1 ORDER BY id",
	     .down = "SELECT " MESSAGE_COLUMNS " FROM messages WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	     .row = copy_message_row},
	};
	enum err err = ERR_OK;
	for (size_t i = 0; i < sizeof walks / sizeof walks[0] && err == ERR_OK; i++) {
		walks[i].is_side = true;
		err = walk_table(copy, &walks[i], info);
	}
	return err;
}

/* There are few, and one page holds them: what lies behind damage is lost. */
static enum err copy_meta(struct copy *copy, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = ERR_OK;
	int step = SQLITE_DONE;
	int rc = sqlite3_prepare_v2(copy->old, "SELECT " META_COLUMNS " FROM meta ORDER BY key", -1,
	                            &statement, NULL);
	while (err == ERR_OK && rc == SQLITE_OK && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		err = copy_meta_row(copy, statement, info);
		if (err == ERR_OK)
			err = commit_sometimes(copy, false, info);
	}
	if (rc != SQLITE_OK || (err == ERR_OK && step != SQLITE_DONE))
		copy->counts->rows_lost++;
	sqlite3_finalize(statement);
	return err;
}

enum err salvage_side(struct copy *copy, struct err_info *info)
{
	struct head_state heads[HEAD_COUNT];
	read_heads(copy, heads);
	head_touch(copy->store, HEAD_REPLAY)->high = heads[HEAD_REPLAY].high;
	enum err err = copy_walked(copy, info);
	if (err == ERR_OK)
		err = copy_meta(copy, info);
	if (err == ERR_OK)
		err = close_gaps(copy, &heads[HEAD_MAIL], info);
	if (err == ERR_OK)
		err = copy_status(copy, &heads[HEAD_STATUS], info);
	if (err == ERR_OK)
		err = copy_audit(copy, &heads[HEAD_AUDIT], info);
	return err;
}

enum err salvage_noted(struct copy *copy, struct err_info *info)
{
	char why[160];
	struct digest digest;
	int64_t kept = store_audit_head(copy->store, &digest);
	snprintf(why, sizeof why, "%" PRId64 " entries before this one fit, %" PRId64 " are known to be lost",
	         kept, copy->audit_cut);
	const struct store_audit_entry entry = {
	    .at_ns = hal_wall_ns(copy->store->hal),
	    .who = SPAN_LITERAL("twinpost"),
	    .action = SPAN_LITERAL("store salvaged"),
	    .target = SPAN_LITERAL("store"),
	    .why = span_of(why),
	};
	return store_audit_add(copy->store, &entry, info);
}
