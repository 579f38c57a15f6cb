/*
 * mail.c - see mail.h.
 *
 * Why:   see mail.h.
 * Owns:  table mail: id, topic, payload; HEAD_MAIL: low is the last id that is done, high the last one given.
 * Rules: 1. The rows are exactly low + 1 .. high: reading that misses one has found damage.
 *        2. The payload is the last column: a long one overflows, and its topic stays on the leaf.
 * Faults: damage is told with the id, and noted, so that the next open salvages.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c
 */
#include "store_forward/mail.h"

#include <inttypes.h>

#include "store_forward/store_internal.h"

static bool topic_valid(struct span topic)
{
	bool level = false;
	for (size_t i = 0; i < topic.len; i++) {
		char c = topic.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
		if (!letter && (c != '/' || !level))
			return false;
		level = letter;
	}
	return level;
}

static int64_t mail_checksum(const struct mail_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_MAIL);
	row_sum_int(&sum, row->id);
	row_sum_span(&sum, row->topic);
	row_sum_span(&sum, row->payload);
	return row_sum_end(&sum);
}

bool mail_load(sqlite3_stmt *statement, struct mail_row *row)
{
	*row = (struct mail_row){
	    .id = sqlite3_column_int64(statement, 0),
	    .topic = sql_column_span(statement, 1),
	    .payload = sql_column_span(statement, 3),
	};
	return row->topic.len <= STORE_MAIL_TOPIC_MAX && topic_valid(row->topic) &&
	       row->payload.len <= STORE_MAIL_BYTES_MAX &&
	       mail_checksum(row) == sqlite3_column_int64(statement, 2);
}

enum err mail_put(struct store *store, const struct mail_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MAIL_PUT);
	sql_bind_int(statement, 1, row->id);
	sql_bind_text(statement, 2, row->topic);
	sql_bind_int(statement, 3, mail_checksum(row));
	sql_bind_blob(statement, 4, row->payload);
	return store_run(store, statement, "adding to the mail", info);
}

enum err store_mail_add(struct store *store, struct span topic, struct span payload, struct err_info *info)
{
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	const struct head_state *head = &store->side.heads[HEAD_MAIL];
	if (topic.len > STORE_MAIL_TOPIC_MAX || payload.len > STORE_MAIL_BYTES_MAX)
		return err_set(
		    info, ERR_TOO_LARGE,
		    "mail to %.80s... has %zu bytes of topic and %zu of payload; at most %d and %u",
		    topic.len > 80 ? topic.data : "it", topic.len, payload.len, STORE_MAIL_TOPIC_MAX,
		    STORE_MAIL_BYTES_MAX);
	if (!topic_valid(topic))
		return err_set(info, ERR_BAD_INPUT, "\"%.*s\" is no topic for mail", (int)topic.len,
		               topic.len ? topic.data : "");
	if (head->high - head->low >= STORE_MAIL_ROWS_MAX)
		return err_set(info, ERR_FULL, "%d messages wait to be sent already", STORE_MAIL_ROWS_MAX);
	err = mail_put(store, &(struct mail_row){head->high + 1, topic, payload}, info);
	if (err == ERR_OK)
		head_touch(store, HEAD_MAIL)->high++;
	return err;
}

enum err store_mail_read(struct store *store, int64_t after, store_mail_visitor visit, void *self,
                         struct err_info *info)
{
	CHECK(after >= 0);
	int64_t last = store_mail_committed(store);
	int64_t low = store_mail_acked(store);
	int64_t next = (after > low ? after : low) + 1;
	if (next > last)
		return ERR_OK;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MAIL_READ);
	sql_bind_int(statement, 1, next - 1);
	sql_bind_int(statement, 2, last);
	enum err err = ERR_OK;
	bool wanted = true;
	for (; err == ERR_OK && wanted && next <= last; next++) {
		struct mail_row row;
		bool more = false;
		err = store_step(store, statement, &more, "reading the mail", info);
		if (err != ERR_OK)
			break;
		if (!more || !mail_load(statement, &row) || row.id != next)
			err = store_row_damaged(store, info, "message %" PRId64 " of the mail", next);
		else
			wanted = visit(self, row.id, row.topic, row.payload);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_mail_done(struct store *store, int64_t upto, struct err_info *info)
{
	enum err err = store_writable(store, info);
	int64_t low = store_mail_acked(store);
	if (err != ERR_OK || upto <= low)
		return err;
	if (upto > store_mail_committed(store))
		return err_set(info, ERR_BAD_INPUT,
		               "message %" PRId64 " of the mail cannot be done: the last one is %" PRId64,
		               upto, store_mail_committed(store));
	sqlite3_stmt *statement = store_statement(store, STATEMENT_MAIL_DELETE);
	sql_bind_int(statement, 1, low);
	sql_bind_int(statement, 2, upto);
	err = store_run(store, statement, "deleting sent mail", info);
	if (err == ERR_OK)
		head_touch(store, HEAD_MAIL)->low = upto;
	return err;
}

int64_t store_mail_next_id(const struct store *store)
{
	return store->side.heads[HEAD_MAIL].high + 1;
}

int64_t store_mail_committed(const struct store *store)
{
	const struct side_state *durable = store->in_transaction ? &store->side_saved : &store->side;
	return durable->heads[HEAD_MAIL].high;
}

int64_t store_mail_acked(const struct store *store)
{
	return store->side.heads[HEAD_MAIL].low;
}
