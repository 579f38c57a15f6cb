/*
 * exceptions.c - work for a person: one row per (rule, source, key), reopened in place.
 *
 * Why:   what could not be sent must be seen and counted; the same fault seen a thousand times is one piece of work.
 * Owns:  table exceptions; the number of open ones in memory.
 * Rules: 1. An exception is never lost for its size: text and raw values are cut, a long key becomes its beginning and
 *           a checksum of the whole, so that the same key finds the same row.
 *        2. The id is that of the first raising and stays.
 *        3. A cleared one keeps its text for the trace, not its raw values; it goes when the retention has passed. The
 *           one with the highest id stays, so that no id is given twice.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_HASH_CHARS 18 /* "~" and 16 digits, and the zero */

const char *store_owner_name(enum store_owner owner)
{
	static const char *const names[] = {"technical", "data_quality", "mapping", "policy"};
	CHECK((size_t)owner < sizeof names / sizeof names[0]);
	return names[owner];
}

/* At most max bytes, not ending inside a UTF-8 character. */
static struct span cut(struct span text, size_t max)
{
	if (text.len <= max)
		return text;
	size_t len = max;
	while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80)
		len--;
	return (struct span){text.data, len};
}

/* The key as it is stored, in room where it had to be shortened. */
static struct span stored_key(struct span key, char room[STORE_KEY_BYTES_MAX + 1])
{
	if (key.len <= STORE_KEY_BYTES_MAX)
		return key;
	struct span head = cut(key, STORE_KEY_BYTES_MAX + 1 - KEY_HASH_CHARS);
	memcpy(room, head.data, head.len);
	snprintf(room + head.len, KEY_HASH_CHARS, "~%016" PRIx64, checksum_of(key.data, key.len, 0));
	return (struct span){room, head.len + KEY_HASH_CHARS - 1};
}

static int64_t exception_checksum(const struct exception_row *row)
{
	const struct store_exception *shown = &row->shown;
	struct row_sum sum = row_sum_begin(TABLE_EXCEPTION);
	row_sum_int(&sum, shown->id);
	row_sum_span(&sum, shown->rule);
	row_sum_span(&sum, shown->source);
	row_sum_span(&sum, shown->key);
	row_sum_int(&sum, shown->owner);
	row_sum_span(&sum, shown->text);
	row_sum_span(&sum, shown->raw);
	row_sum_int(&sum, shown->open);
	row_sum_int(&sum, shown->first_ns);
	row_sum_int(&sum, shown->last_ns);
	row_sum_int(&sum, row->cleared_ns);
	row_sum_int(&sum, shown->count);
	return row_sum_end(&sum);
}

bool exception_load(sqlite3_stmt *statement, struct exception_row *row)
{
	int owner = sql_column_small(statement, 4, STORE_OWNER_POLICY);
	int open = sql_column_small(statement, 7, 1);
	*row = (struct exception_row){
	    .shown = {.id = sqlite3_column_int64(statement, 0),
	              .rule = sql_column_span(statement, 1),
	              .source = sql_column_span(statement, 2),
	              .key = sql_column_span(statement, 3),
	              .owner = owner < 0 ? STORE_OWNER_TECHNICAL : (enum store_owner)owner,
	              .text = sql_column_span(statement, 5),
	              .raw = sql_column_span(statement, 6),
	              .open = open == 1,
	              .first_ns = sqlite3_column_int64(statement, 8),
	              .last_ns = sqlite3_column_int64(statement, 9),
	              .count = sqlite3_column_int64(statement, 11)},
	    .cleared_ns = sqlite3_column_int64(statement, 10),
	};
	return owner >= 0 && open >= 0 && exception_checksum(row) == sqlite3_column_int64(statement, 12);
}

enum err exception_put(struct store *store, const struct exception_row *row, struct err_info *info)
{
	const struct store_exception *shown = &row->shown;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_PUT);
	sql_bind_int(statement, 1, shown->id);
	sql_bind_text(statement, 2, shown->rule);
	sql_bind_text(statement, 3, shown->source);
	sql_bind_text(statement, 4, shown->key);
	sql_bind_int(statement, 5, shown->owner);
	sql_bind_text(statement, 6, shown->text);
	sql_bind_text(statement, 7, shown->raw);
	sql_bind_int(statement, 8, shown->open);
	sql_bind_int(statement, 9, shown->first_ns);
	sql_bind_int(statement, 10, shown->last_ns);
	sql_bind_int(statement, 11, row->cleared_ns);
	sql_bind_int(statement, 12, shown->count);
	sql_bind_int(statement, 13, exception_checksum(row));
	return store_run(store, statement, "writing an exception", info);
}

static enum err exception_damaged(struct store *store, int64_t id, struct err_info *info)
{
	return store_row_damaged(store, info, "exception %" PRId64, id);
}

/* What is stored of it; only numbers are kept when the statement is reset. */
static enum err exception_known(struct store *store, const struct exception_row *row,
                                struct store_exception *known, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_GET);
	sql_bind_text(statement, 1, row->shown.key);
	sql_bind_text(statement, 2, row->shown.source);
	sql_bind_text(statement, 3, row->shown.rule);
	struct exception_row found;
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up an exception", info);
	if (err == ERR_OK && more && !exception_load(statement, &found))
		err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
	else if (err == ERR_OK && more)
		*known = (struct store_exception){.id = found.shown.id,
		                                  .open = found.shown.open,
		                                  .first_ns = found.shown.first_ns,
		                                  .count = found.shown.count};
	sqlite3_reset(statement);
	return err;
}

enum err store_exception_raise(struct store *store, const struct store_exception *exception, bool *fresh,
                               struct err_info *info)
{
	char room[STORE_KEY_BYTES_MAX + 1];
	struct store_exception known = {0};
	CHECK(exception->rule.len > 0 && exception->rule.len <= STORE_RULE_MAX);
	CHECK(exception->source.len <= STORE_SOURCE_NAME_MAX);
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	struct exception_row row = {.shown = *exception};
	row.shown.key = stored_key(exception->key, room);
	row.shown.text = cut(exception->text, STORE_EXCEPTION_TEXT_MAX);
	row.shown.raw = cut(exception->raw, STORE_RAW_BYTES_MAX);
	row.shown.open = true;
	err = exception_known(store, &row, &known, info);
	if (err != ERR_OK)
		return err;
	*fresh = !known.open;
	row.shown.id = known.id ? known.id : store->exception_id + 1;
	row.shown.count = known.count + 1;
	row.shown.first_ns = known.id              ? known.first_ns
	                     : exception->first_ns ? exception->first_ns
	                                           : exception->last_ns;
	row.shown.last_ns = exception->last_ns ? exception->last_ns : exception->first_ns;
	err = exception_put(store, &row, info);
	if (err != ERR_OK)
		return err;
	if (known.id == 0)
		store->exception_id = row.shown.id;
	if (*fresh)
		store->exceptions_open++;
	return ERR_OK;
}

/* The next exception of source and key whose rule is above `after`, copied into texts; id 0: none is left. */
struct exception_texts {
	char rule[STORE_RULE_MAX + 1];
	char text[STORE_EXCEPTION_TEXT_MAX + 1];
	char raw[STORE_RAW_BYTES_MAX + 1];
};

static enum err exception_next(struct store *store, struct span source, struct span key, struct span after,
                               struct exception_row *row, struct exception_texts *texts,
                               struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_OF);
	sql_bind_text(statement, 1, key);
	sql_bind_text(statement, 2, source);
	sql_bind_text(statement, 3, after);
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up exceptions", info);
	*row = (struct exception_row){0};
	size_t rule_len = 0;
	if (err == ERR_OK && more) {
		bool loaded = exception_load(statement, row);
		struct span rule = row->shown.rule;
		struct span text = row->shown.text;
		struct span raw = row->shown.raw;
		if (!loaded || rule.len > STORE_RULE_MAX || text.len > STORE_EXCEPTION_TEXT_MAX ||
		    raw.len > STORE_RAW_BYTES_MAX) {
			err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
		} else {
			rule_len = rule.len;
			if (rule.len > 0)
				memmove(texts->rule, rule.data, rule.len);
			if (text.len > 0)
				memcpy(texts->text, text.data, text.len);
			if (raw.len > 0)
				memcpy(texts->raw, raw.data, raw.len);
		}
	}
	row->shown.rule = (struct span){texts->rule, rule_len};
	row->shown.source = source;
	row->shown.key = key;
	row->shown.text.data = texts->text;
	row->shown.raw.data = texts->raw;
	sqlite3_reset(statement);
	return err;
}

enum err store_exception_clear(struct store *store, struct span rule, struct span source, struct span key,
                               int64_t now_ns, int *cleared, struct err_info *info)
{
	char room[STORE_KEY_BYTES_MAX + 1];
	struct exception_texts texts;
	struct exception_row row = {0};
	struct span stored = stored_key(key, room);
	char last_rule[STORE_RULE_MAX + 1];
	struct span after = {NULL, 0};
	*cleared = 0;
	enum err err = store_writable(store, info);
	while (err == ERR_OK) {
		err = exception_next(store, source, stored, after, &row, &texts, info);
		if (err != ERR_OK || row.shown.id == 0)
			break;
		memcpy(last_rule, row.shown.rule.data, row.shown.rule.len);
		after = (struct span){last_rule, row.shown.rule.len};
		if (!row.shown.open || (rule.len > 0 && !span_equal(rule, row.shown.rule)))
			continue;
		row.shown.open = false;
		row.shown.raw.len = 0;
		row.cleared_ns = now_ns;
		err = exception_put(store, &row, info);
		if (err == ERR_OK) {
			store->exceptions_open--;
			++*cleared;
		}
	}
	return err;
}

/* Looks at the first one after *id, which becomes its id (0: there is none), and deletes it if its time has come. */
static enum err exception_prune(struct store *store, int64_t now_ns, int64_t *id, bool *deleted,
                                struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_NEXT);
	sql_bind_int(statement, 1, *id);
	struct exception_row row = {0};
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking for cleared exceptions", info);
	if (err == ERR_OK && more && !exception_load(statement, &row))
		err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
	*id = row.shown.id;
	*deleted = false;
	int64_t age = 0;
	/* The difference may overflow only for times that no clock shows. */
	if (err == ERR_OK && more && !row.shown.open && row.shown.id < store->exception_id &&
	    !__builtin_sub_overflow(now_ns, row.cleared_ns, &age) && age >= store->retention_ns)
		*deleted = true;
	sqlite3_reset(statement);
	if (!*deleted)
		return err;
	statement = store_statement(store, STATEMENT_EXCEPTION_DELETE);
	sql_bind_int(statement, 1, *id);
	return store_run(store, statement, "deleting a cleared exception", info);
}

enum err exceptions_prune(struct store *store, int64_t now_ns, int limit, int *deleted, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int looked = 0; err == ERR_OK && looked < limit; looked++) {
		bool gone = false;
		err = exception_prune(store, now_ns, &store->exception_pruned, &gone, info);
		if (err == ERR_OK && gone)
			++*deleted;
		if (err == ERR_OK && store->exception_pruned == 0)
			break; /* the end: the next call begins anew */
	}
	return err;
}

enum err store_exceptions(struct store *store, bool all, int64_t before, store_exception_visitor visit,
                          void *self, struct err_info *info)
{
	sqlite3_stmt *statement =
	    store_statement(store, all ? STATEMENT_EXCEPTION_NEWEST : STATEMENT_EXCEPTION_OPEN);
	sql_bind_int(statement, 1, before > 0 ? before : INT64_MAX);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "listing exceptions", info);
	while (err == ERR_OK && more && wanted) {
		struct exception_row row;
		if (!exception_load(statement, &row)) {
			err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
			break;
		}
		wanted = visit(self, &row.shown);
		if (wanted)
			err = store_step(store, statement, &more, "listing exceptions", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

int64_t store_exceptions_open(const struct store *store)
{
	return store->exceptions_open;
}
