/*
 * side.c - the heads of the tables beside the streams: last ids and where a chain ends.
 *
 * Why:   a table that is emptied forgets which ids it gave; a table that lost its end does not show it.
 * Owns:  table heads, one row for each enum head that was ever moved.
 * Rules: 1. Written by store_commit(), once for each transaction that moved it.
 *        2. What changes was copied at store_begin(): rollback is exact.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c, tests/unit/store_audit_test.c
 */
#include "store_forward/store_internal.h"

static const char *const NAMES[HEAD_COUNT] = {
    [HEAD_MAIL] = "mail", [HEAD_REPLAY] = "replay", [HEAD_AUDIT] = "audit", [HEAD_STATUS] = "status"};

static int64_t head_checksum(enum head which, const struct head_state *head)
{
	struct row_sum sum = row_sum_begin(TABLE_HEAD);
	row_sum_span(&sum, span_of(NAMES[which]));
	row_sum_int(&sum, head->low);
	row_sum_int(&sum, head->high);
	row_sum_span(&sum, (struct span){(const char *)head->digest.bytes, DIGEST_BYTES});
	return row_sum_end(&sum);
}

bool head_load(sqlite3_stmt *statement, enum head *which, struct head_state *head)
{
	struct span name = sql_column_span(statement, 0);
	int found = 0;
	while (found < HEAD_COUNT && !span_equal(name, span_of(NAMES[found])))
		found++;
	*head = (struct head_state){.low = sqlite3_column_int64(statement, 1),
	                            .high = sqlite3_column_int64(statement, 2)};
	if (found == HEAD_COUNT || !sql_column_digest(statement, 3, &head->digest))
		return false;
	*which = (enum head)found;
	bool emptied = found == HEAD_MAIL || found == HEAD_STATUS;
	return head->low >= 0 && head->high >= head->low && (emptied || head->low == 0) &&
	       head_checksum(*which, head) == sqlite3_column_int64(statement, 4);
}

enum err heads_load(struct store *store, struct err_info *info)
{
	store->side.heads[HEAD_AUDIT].digest = audit_start();
	sqlite3_stmt *statement = store_statement(store, STATEMENT_HEAD_ALL);
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading the heads", info);
	while (err == ERR_OK && more) {
		enum head which;
		struct head_state head;
		if (!head_load(statement, &which, &head)) {
			err = store_row_damaged(store, info, "a row of table heads");
			break;
		}
		store->side.heads[which] = head;
		err = store_step(store, statement, &more, "reading the heads", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err heads_flush(struct store *store, struct err_info *info)
{
	enum err err = store_writable(store, info);
	for (int i = 0; i < HEAD_COUNT && err == ERR_OK; i++) {
		const struct head_state *head = &store->side.heads[i];
		if (!head->dirty)
			continue;
		sqlite3_stmt *statement = store_statement(store, STATEMENT_HEAD_PUT);
		sql_bind_text(statement, 1, span_of(NAMES[i]));
		sql_bind_int(statement, 2, head->low);
		sql_bind_int(statement, 3, head->high);
		sql_bind_blob(statement, 4, (struct span){(const char *)head->digest.bytes, DIGEST_BYTES});
		sql_bind_int(statement, 5, head_checksum((enum head)i, head));
		err = store_run(store, statement, "writing a head", info);
	}
	return err;
}

struct head_state *head_touch(struct store *store, enum head which)
{
	CHECK(store->in_transaction);
	store->side.heads[which].dirty = true;
	return &store->side.heads[which];
}

void side_committed(struct store *store)
{
	for (int i = 0; i < HEAD_COUNT; i++)
		store->side.heads[i].dirty = false;
}
