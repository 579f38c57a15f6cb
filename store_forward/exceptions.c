/*
 * exceptions.c - work for a person: one row per (rule, source, key), reopened in place.
 *
 * Why:   what could not be sent must be seen and counted; the same fault seen a thousand times is one piece of work.
 * Owns:  table exceptions; the number of open ones in memory.
 * Rules: 1. An exception is never lost for its size: text and raw values are cut, a long key becomes its beginning and
 *           a checksum of the whole, so that the same key finds the same row.
 *        2. The id is that of the first raising and stays.
 *        3. A cleared one keeps its text for the trace, not its raw values; it goes when the retention has passed. The
 *           ones with the highest id and the highest change stay, so that no number is given twice.
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

struct span text_cut(struct span text, size_t max)
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
	struct span head = text_cut(key, STORE_KEY_BYTES_MAX + 1 - KEY_HASH_CHARS);
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
	/* These columns came later: a row that has none of them keeps the checksum it was written with. */
	if (!shown->acknowledged && shown->who.len == 0 && shown->note.len == 0 && shown->marked_ns == 0 &&
	    shown->change == 0)
		return row_sum_end(&sum);
	row_sum_int(&sum, shown->acknowledged);
	row_sum_span(&sum, shown->who);
	row_sum_span(&sum, shown->note);
	row_sum_int(&sum, shown->marked_ns);
	row_sum_int(&sum, shown->change);
	return row_sum_end(&sum);
}

bool exception_load(sqlite3_stmt *statement, struct exception_row *row)
{
	int owner = sql_column_small(statement, 4, STORE_OWNER_POLICY);
	int open = sql_column_small(statement, 7, 1);
	int acknowledged = sql_column_small(statement, 13, 1);
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
	              .count = sqlite3_column_int64(statement, 11),
	              .acknowledged = acknowledged == 1,
	              .who = sql_column_span(statement, 14),
	              .note = sql_column_span(statement, 15),
	              .marked_ns = sqlite3_column_int64(statement, 16),
	              .change = sqlite3_column_int64(statement, 17)},
	    .cleared_ns = sqlite3_column_int64(statement, 10),
	};
	return owner >= 0 && open >= 0 && acknowledged >= 0 && row->shown.change >= 0 &&
	       exception_checksum(row) == sqlite3_column_int64(statement, 12);
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
	sql_bind_int(statement, 14, shown->acknowledged);
	sql_bind_text(statement, 15, shown->who);
	sql_bind_text(statement, 16, shown->note);
	sql_bind_int(statement, 17, shown->marked_ns);
	sql_bind_int(statement, 18, shown->change);
	return store_run(store, statement, "writing an exception", info);
}

enum err exception_damaged(struct store *store, int64_t id, struct err_info *info)
{
	return store_row_damaged(store, info, "exception %" PRId64, id);
}

static bool keep_text(struct span *text, char *room, size_t size)
{
	if (text->len >= size)
		return false;
	if (text->len > 0)
		memcpy(room, text->data, text->len);
	text->data = room;
	return true;
}

bool exception_keep(struct exception_row *row, struct exception_texts *texts)
{
	struct store_exception *shown = &row->shown;
	return keep_text(&shown->rule, texts->rule, sizeof texts->rule) &&
	       keep_text(&shown->source, texts->source, sizeof texts->source) &&
	       keep_text(&shown->key, texts->key, sizeof texts->key) &&
	       keep_text(&shown->text, texts->text, sizeof texts->text) &&
	       keep_text(&shown->raw, texts->raw, sizeof texts->raw) &&
	       keep_text(&shown->who, texts->who, sizeof texts->who) &&
	       keep_text(&shown->note, texts->note, sizeof texts->note);
}

/* What is stored of it, in texts; id 0: nothing. */
static enum err exception_known(struct store *store, const struct exception_row *row,
                                struct exception_row *known, struct exception_texts *texts,
                                struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_GET);
	sql_bind_text(statement, 1, row->shown.key);
	sql_bind_text(statement, 2, row->shown.source);
	sql_bind_text(statement, 3, row->shown.rule);
	bool more = false;
	*known = (struct exception_row){0};
	enum err err = store_step(store, statement, &more, "looking up an exception", info);
	if (err == ERR_OK && more && (!exception_load(statement, known) || !exception_keep(known, texts)))
		err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
	sqlite3_reset(statement);
	return err;
}

/* The row as it is to be: what was said now, and what was known. */
static void exception_merge(struct store *store, struct exception_row *row, const struct exception_row *known)
{
	const struct store_exception *was = &known->shown;
	struct store_exception *now = &row->shown;
	int64_t first = now->first_ns ? now->first_ns : now->last_ns;
	now->last_ns = now->last_ns ? now->last_ns : now->first_ns;
	now->first_ns = was->id ? was->first_ns : first;
	now->id = was->id ? was->id : store->exception_id + 1;
	now->count = was->count + 1;
	now->who = was->who;
	now->note = was->note;
	now->marked_ns = was->marked_ns;
	now->acknowledged = was->open && was->acknowledged;
	bool same = was->open && was->owner == now->owner && span_equal(was->text, now->text);
	now->change = same ? was->change : exception_change_next(store);
}

enum err store_exception_raise(struct store *store, const struct store_exception *exception, bool *fresh,
                               struct err_info *info)
{
	char room[STORE_KEY_BYTES_MAX + 1];
	struct exception_texts texts;
	struct exception_row known;
	CHECK(exception->rule.len > 0 && exception->rule.len <= STORE_RULE_MAX);
	CHECK(exception->source.len <= STORE_SOURCE_NAME_MAX);
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	struct exception_row row = {.shown = *exception};
	row.shown.key = stored_key(exception->key, room);
	row.shown.text = text_cut(exception->text, STORE_EXCEPTION_TEXT_MAX);
	row.shown.raw = text_cut(exception->raw, STORE_RAW_BYTES_MAX);
	row.shown.open = true;
	err = exception_known(store, &row, &known, &texts, info);
	if (err != ERR_OK)
		return err;
	*fresh = !known.shown.open;
	exception_merge(store, &row, &known);
	err = exception_put(store, &row, info);
	if (err != ERR_OK)
		return err;
	store->side.exception_change =
	    row.shown.change > store->side.exception_change ? row.shown.change : store->side.exception_change;
	if (known.shown.id == 0)
		store->exception_id = row.shown.id;
	if (*fresh)
		store->exceptions_open++;
	return ERR_OK;
}

/* The next exception of source and key whose rule is above `after`, in texts; id 0: none is left. */
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
	if (err == ERR_OK && more && (!exception_load(statement, row) || !exception_keep(row, texts)))
		err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
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
		row.shown.change = exception_change_next(store);
		row.cleared_ns = now_ns;
		err = exception_put(store, &row, info);
		if (err == ERR_OK) {
			store->side.exception_change = row.shown.change;
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
	    row.shown.change < store->side.exception_change &&
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
