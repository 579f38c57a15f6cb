/*
 * exception_marks.c - what people say of an exception, and which exceptions changed since they were told.
 *
 * Why:   work that a person has in hand looks different from work nobody has seen; and each change is told once.
 * Owns:  columns acknowledged, who, note, marked, change of table exceptions; the highest change in memory.
 * Rules: 1. A change number is above every one given before. After a salvage it begins again at n * 2^40, n being the
 *           number of salvages: the rows that had the highest ones may be lost.
 *        2. A mark changes nothing else of the exception.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_marks_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>

int64_t exception_change_next(struct store *store)
{
	int64_t floor = store->identity.salvages << STORE_SEQUENCE_BITS;
	return (store->side.exception_change > floor ? store->side.exception_change : floor) + 1;
}

/* The first row that the bound statement finds, in texts. ERR_NOT_FOUND: none. */
static enum err exception_first(struct store *store, sqlite3_stmt *statement, struct exception_row *row,
                                struct exception_texts *texts, struct err_info *info)
{
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up an exception", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "no such exception");
	else if (err == ERR_OK && (!exception_load(statement, row) || !exception_keep(row, texts)))
		err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
	sqlite3_reset(statement);
	return err;
}

static enum err exception_by_id(struct store *store, int64_t id, struct exception_row *row,
                                struct exception_texts *texts, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_BY_ID);
	sql_bind_int(statement, 1, id);
	enum err err = exception_first(store, statement, row, texts, info);
	if (err == ERR_NOT_FOUND)
		return err_set(info, err, "there is no exception %" PRId64, id);
	return err;
}

enum err store_exception_get(struct store *store, int64_t id, store_exception_visitor visit, void *self,
                             struct err_info *info)
{
	struct exception_texts texts;
	struct exception_row row;
	enum err err = exception_by_id(store, id, &row, &texts, info);
	if (err == ERR_OK)
		(void)visit(self, &row.shown);
	store_note_damage(store);
	return err;
}

static enum err exception_renew(struct store *store, struct exception_row *row, struct err_info *info)
{
	row->shown.change = exception_change_next(store);
	enum err err = exception_put(store, row, info);
	if (err == ERR_OK)
		store->side.exception_change = row->shown.change;
	return err;
}

enum err store_exception_mark(struct store *store, int64_t id, bool acknowledged, struct span who,
                              struct span note, int64_t now_ns, struct err_info *info)
{
	struct exception_texts texts;
	struct exception_row row;
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = exception_by_id(store, id, &row, &texts, info);
	if (err != ERR_OK)
		return err;
	if (acknowledged && !row.shown.open)
		return err_set(info, ERR_CONFLICT, "exception %" PRId64 " is closed already", id);
	row.shown.acknowledged = acknowledged;
	row.shown.who = text_cut(who, STORE_WHO_MAX);
	if (note.len > 0)
		row.shown.note = text_cut(note, STORE_NOTE_MAX);
	row.shown.marked_ns = now_ns;
	return exception_renew(store, &row, info);
}

enum err store_exceptions_changed(struct store *store, int64_t after, int limit,
                                  store_exception_visitor visit, void *self, struct err_info *info)
{
	CHECK(after >= 0 && limit >= 0);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_CHANGED);
	sql_bind_int(statement, 1, after);
	sql_bind_int(statement, 2, limit);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "listing changed exceptions", info);
	while (err == ERR_OK && more && wanted) {
		struct exception_row row;
		if (!exception_load(statement, &row)) {
			err = exception_damaged(store, sqlite3_column_int64(statement, 0), info);
			break;
		}
		wanted = visit(self, &row.shown);
		if (wanted)
			err = store_step(store, statement, &more, "listing changed exceptions", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err exceptions_number(struct store *store, struct err_info *info)
{
	enum err err = ERR_OK;
	while (err == ERR_OK) {
		struct exception_texts texts;
		struct exception_row row;
		sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_UNNUMBERED);
		err = exception_first(store, statement, &row, &texts, info);
		if (err == ERR_OK)
			err = exception_renew(store, &row, info);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
