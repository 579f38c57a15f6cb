/*
 * replay.c - see replay.h.
 *
 * Why:   see replay.h.
 * Owns:  table replays; HEAD_REPLAY: high is the last id given.
 * Rules: a row is rewritten when it advances: there are few, and each advance is a window of events.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c
 */
#include "store_forward/replay.h"

#include <inttypes.h>
#include <string.h>

#include "store_forward/store_internal.h"

static bool range_valid(const struct store_replay *replay)
{
	return replay->epoch > 0 && replay->from >= 1 && replay->to >= replay->from &&
	       replay->to <= STORE_SEQUENCE_MAX;
}

static int64_t replay_checksum(const struct store_replay *replay)
{
	struct row_sum sum = row_sum_begin(TABLE_REPLAY);
	row_sum_int(&sum, replay->id);
	row_sum_int(&sum, replay->stream);
	row_sum_int(&sum, replay->epoch);
	row_sum_int(&sum, replay->from);
	row_sum_int(&sum, replay->to);
	row_sum_int(&sum, replay->next);
	row_sum_span(&sum, span_of(replay->command));
	return row_sum_end(&sum);
}

bool replay_load(sqlite3_stmt *statement, struct store_replay *replay)
{
	*replay = (struct store_replay){
	    .id = sqlite3_column_int64(statement, 0),
	    .stream = sql_column_small(statement, 1, STORE_STREAMS_MAX),
	    .epoch = sqlite3_column_int64(statement, 2),
	    .from = sqlite3_column_int64(statement, 3),
	    .to = sqlite3_column_int64(statement, 4),
	    .next = sqlite3_column_int64(statement, 5),
	};
	return text_copy(replay->command, sizeof replay->command, sql_column_span(statement, 6)) &&
	       replay->id >= 1 && replay->stream >= 1 && range_valid(replay) &&
	       replay->next >= replay->from && replay->next <= replay->to + 1 &&
	       replay_checksum(replay) == sqlite3_column_int64(statement, 7);
}

enum err replay_put(struct store *store, const struct store_replay *replay, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REPLAY_PUT);
	sql_bind_int(statement, 1, replay->id);
	sql_bind_int(statement, 2, replay->stream);
	sql_bind_int(statement, 3, replay->epoch);
	sql_bind_int(statement, 4, replay->from);
	sql_bind_int(statement, 5, replay->to);
	sql_bind_int(statement, 6, replay->next);
	sql_bind_text(statement, 7, span_of(replay->command));
	sql_bind_int(statement, 8, replay_checksum(replay));
	return store_run(store, statement, "writing a replay", info);
}

enum err store_replay_add(struct store *store, struct store_replay *replay, struct err_info *info)
{
	CHECK(stream_of(store, replay->stream) != NULL);
	CHECK(memchr(replay->command, 0, sizeof replay->command) != NULL);
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (!range_valid(replay))
		return err_set(info, ERR_BAD_INPUT,
		               "sequences %" PRId64 " to %" PRId64 " of epoch %" PRId64 " are no range",
		               replay->from, replay->to, replay->epoch);
	if (store->side.replays >= STORE_REPLAYS_MAX)
		return err_set(info, ERR_FULL, "%d replays wait already; ask again when some are sent",
		               STORE_REPLAYS_MAX);
	replay->id = store->side.heads[HEAD_REPLAY].high + 1;
	replay->next = replay->from;
	err = replay_put(store, replay, info);
	if (err != ERR_OK)
		return err;
	head_touch(store, HEAD_REPLAY)->high = replay->id;
	store->side.replays++;
	return ERR_OK;
}

/* The first one with this id or above. */
static enum err replay_from(struct store *store, int64_t id, struct store_replay *replay,
                            struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REPLAY_NEXT);
	sql_bind_int(statement, 1, id);
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up a replay", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "no replay waits");
	else if (err == ERR_OK &&
	         (!replay_load(statement, replay) || stream_of(store, replay->stream) == NULL))
		err = store_row_damaged(store, info, "replay %" PRId64,
		                        (int64_t)sqlite3_column_int64(statement, 0));
	sqlite3_reset(statement);
	return err;
}

enum err store_replay_first(struct store *store, struct store_replay *replay, struct err_info *info)
{
	enum err err = replay_from(store, 1, replay, info);
	store_note_damage(store);
	return err;
}

static enum err replay_get(struct store *store, int64_t id, struct store_replay *replay,
                           struct err_info *info)
{
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = replay_from(store, id, replay, info);
	if (err == ERR_OK && replay->id != id)
		err = ERR_NOT_FOUND;
	if (err == ERR_NOT_FOUND)
		return err_set(info, err, "there is no replay %" PRId64, id);
	return err;
}

enum err store_replay_advance(struct store *store, int64_t id, int64_t next, struct err_info *info)
{
	struct store_replay replay;
	enum err err = replay_get(store, id, &replay, info);
	if (err != ERR_OK)
		return err;
	if (next < replay.next || next > replay.to + 1)
		return err_set(info, ERR_BAD_INPUT,
		               "replay %" PRId64 " stands at %" PRId64 " of %" PRId64
		               " and cannot go to %" PRId64,
		               id, replay.next, replay.to, next);
	replay.next = next;
	return replay_put(store, &replay, info);
}

enum err store_replay_end(struct store *store, int64_t id, struct err_info *info)
{
	struct store_replay replay;
	enum err err = replay_get(store, id, &replay, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REPLAY_DELETE);
	sql_bind_int(statement, 1, id);
	err = store_run(store, statement, "ending a replay", info);
	if (err == ERR_OK)
		store->side.replays--;
	return err;
}

int store_replay_count(const struct store *store)
{
	return (int)store->side.replays;
}
