/*
 * verify_side.c - the tables beside the streams, row by row and against their heads, at open.
 *
 * Why:   see verify.c.
 * Owns:  the counts of replays, messages and the status queue, which are made here.
 * Rules: 1. Order and checksum of every row, as verify.c does.
 *        2. Ids lie where the head says, and there are as many rows as there are ids: none is missing.
 *        3. The audit's last entry carries the head's hash; the whole chain is walked only when asked.
 * Faults: ERR_CORRUPT with the first thing found.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_side_salvage_test.c
 */
#include <inttypes.h>

#include "store_forward/store_internal.h"

static bool check_mail(struct store *store, sqlite3_stmt *statement)
{
	const struct head_state *head = &store->side.heads[HEAD_MAIL];
	struct mail_row row;
	return mail_load(statement, &row) && row.id > head->low && row.id <= head->high;
}

static bool check_replay(struct store *store, sqlite3_stmt *statement)
{
	struct store_replay replay;
	store->side.replays++;
	return replay_load(statement, &replay) && replay.id <= store->side.heads[HEAD_REPLAY].high &&
	       stream_of(store, replay.stream) != NULL;
}

static bool check_outcome(struct store *store, sqlite3_stmt *statement)
{
	struct outcome_row row;
	(void)store;
	return outcome_load(statement, &row);
}

static bool check_message(struct store *store, sqlite3_stmt *statement)
{
	struct message_row row;
	if (!message_load(statement, &row))
		return false;
	store->side.messages[row.kind]++;
	store->side.message_last[row.kind] = row.id;
	return true;
}

static bool check_audit(struct store *store, sqlite3_stmt *statement)
{
	const struct head_state *head = &store->side.heads[HEAD_AUDIT];
	struct store_audit_entry entry;
	return audit_load(statement, &entry) && entry.id <= head->high &&
	       (entry.id < head->high || digest_equal(&entry.digest, &head->digest));
}

static bool check_meta(struct store *store, sqlite3_stmt *statement)
{
	struct span key;
	struct span value;
	(void)store;
	return meta_load(statement, &key, &value);
}

static bool check_status(struct store *store, sqlite3_stmt *statement)
{
	struct status_row row;
	if (!status_load(statement, &row) || row.id > store->side.heads[HEAD_STATUS].high)
		return false;
	struct status_count *count = status_count_of(store, row.source);
	if (count)
		count->rows++;
	return count != NULL;
}

enum err verify_side(struct store *store, struct err_info *info)
{
	static const struct table_check checks[] = {
	    {"mail", STATEMENT_MAIL_ALL, 1, check_mail},
	    {"audit", STATEMENT_AUDIT_ALL, 1, check_audit},
	    {"replays", STATEMENT_REPLAY_ALL, 1, check_replay},
	    {"outcomes", STATEMENT_OUTCOME_ALL, 2, check_outcome},
	    {"messages", STATEMENT_MESSAGE_ALL, 1, check_message},
	    {"meta", STATEMENT_META_ALL, 1, check_meta},
	    {"status_queue", STATEMENT_STATUS_ALL, 1, check_status},
	};
	const struct head_state *mail = &store->side.heads[HEAD_MAIL];
	const struct head_state *audit = &store->side.heads[HEAD_AUDIT];
	const struct head_state *status = &store->side.heads[HEAD_STATUS];
	int64_t found[sizeof checks / sizeof checks[0]] = {0};
	enum err err = ERR_OK;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0] && err == ERR_OK; i++)
		err = verify_table(store, &checks[i], &found[i], info);
	if (err == ERR_OK && found[0] != mail->high - mail->low)
		err = store_row_damaged(store, info, "the mail: %" PRId64 " rows, not %" PRId64 ",", found[0],
		                        mail->high - mail->low);
	if (err == ERR_OK && found[1] != audit->high)
		err = store_row_damaged(store, info, "the audit: %" PRId64 " entries, not %" PRId64 ",",
		                        found[1], audit->high);
	if (err == ERR_OK && found[6] != status->high - status->low)
		err = store_row_damaged(store, info, "the status queue: %" PRId64 " rows, not %" PRId64 ",",
		                        found[6], status->high - status->low);
	return err;
}
