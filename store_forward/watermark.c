/*
 * watermark.c - where each query of each source stands, and the units that were read.
 *
 * Why:   rows and watermark commit together or not at all: both are in this store.
 * Owns:  tables watermarks and units.
 * Rules: 1. The texts belong to the pull machine; nothing here reads them.
 *        2. A damaged watermark is never taken for "none yet", nor for another place: it is damage.
 * Faults: as above.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

static int64_t watermark_checksum(struct span source, struct span query, struct span value)
{
	struct row_sum sum = row_sum_begin(TABLE_WATERMARK);
	row_sum_span(&sum, source);
	row_sum_span(&sum, query);
	row_sum_span(&sum, value);
	return row_sum_end(&sum);
}

bool watermark_load(sqlite3_stmt *statement, struct span *value)
{
	struct span source = sql_column_span(statement, 0);
	struct span query = sql_column_span(statement, 1);
	*value = sql_column_span(statement, 2);
	return watermark_checksum(source, query, *value) == sqlite3_column_int64(statement, 3);
}

static enum err check_key(const char *what, struct span text, size_t max, struct err_info *info)
{
	if (text.len <= max)
		return ERR_OK;
	return err_set(info, ERR_TOO_LARGE, "%s has %zu bytes, more than %zu", what, text.len, max);
}

enum err store_watermark_get(struct store *store, const char *source, const char *query, struct buf *value,
                             struct err_info *info)
{
	CHECK(source != NULL && query != NULL);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_WATERMARK_GET);
	sql_bind_text(statement, 1, span_of(source));
	sql_bind_text(statement, 2, span_of(query));
	struct span stored;
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading a watermark", info);
	if (err == ERR_OK && !more)
		err =
		    err_set(info, ERR_NOT_FOUND, "query %s of source %s has no watermark yet", query, source);
	else if (err == ERR_OK && !watermark_load(statement, &stored))
		err = store_row_damaged(store, info, "the watermark of %.60s, %.60s", source, query);
	if (err == ERR_OK) {
		buf_clear(value);
		buf_append_span(value, stored);
		if (!buf_ok(value))
			err = err_set(info, ERR_TOO_LARGE, "the watermark of %s, %s does not fit", source,
			              query);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_watermark_put(struct store *store, const char *source, const char *query, struct span value,
                             struct err_info *info)
{
	CHECK(source != NULL && query != NULL);
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_key("a watermark", value, STORE_WATERMARK_BYTES_MAX, info);
	if (err == ERR_OK)
		err = check_key("a source's name", span_of(source), STORE_KEY_BYTES_MAX, info);
	if (err == ERR_OK)
		err = check_key("a query's name", span_of(query), STORE_KEY_BYTES_MAX, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_WATERMARK_PUT);
	sql_bind_text(statement, 1, span_of(source));
	sql_bind_text(statement, 2, span_of(query));
	sql_bind_text(statement, 3, value);
	sql_bind_int(statement, 4, watermark_checksum(span_of(source), span_of(query), value));
	return store_run(store, statement, "writing a watermark", info);
}

static int64_t unit_checksum(struct span source, struct span query, const struct store_unit *unit)
{
	struct row_sum sum = row_sum_begin(TABLE_UNIT);
	row_sum_span(&sum, source);
	row_sum_span(&sum, query);
	row_sum_span(&sum, unit->key);
	row_sum_span(&sum, unit->stamp);
	row_sum_int(&sum, unit->held);
	row_sum_int(&sum, unit->read_ns);
	return row_sum_end(&sum);
}

bool unit_load(sqlite3_stmt *statement, struct store_unit *unit)
{
	*unit = (struct store_unit){
	    .key = sql_column_span(statement, 2),
	    .stamp = sql_column_span(statement, 3),
	    .held = sql_column_small(statement, 4, INT32_MAX),
	    .read_ns = sqlite3_column_int64(statement, 5),
	};
	return unit->held >= 0 && unit_checksum(sql_column_span(statement, 0), sql_column_span(statement, 1),
	                                        unit) == sqlite3_column_int64(statement, 6);
}

enum err store_unit_get(struct store *store, const char *source, const char *query, struct span key,
                        struct buf *stamp_out, int *held, struct err_info *info)
{
	CHECK(source != NULL && query != NULL);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_UNIT_GET);
	sql_bind_text(statement, 1, span_of(source));
	sql_bind_text(statement, 2, span_of(query));
	sql_bind_text(statement, 3, key);
	struct store_unit unit;
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking up a unit", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "this unit of query %s of source %s was not read yet",
		              query, source);
	else if (err == ERR_OK && !unit_load(statement, &unit))
		err = store_row_damaged(store, info, "a unit of %.60s, %.60s", source, query);
	if (err == ERR_OK) {
		*held = unit.held;
		buf_clear(stamp_out);
		buf_append_span(stamp_out, unit.stamp);
		if (!buf_ok(stamp_out))
			err = err_set(info, ERR_TOO_LARGE, "the stamp of a unit of %s, %s does not fit",
			              source, query);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_unit_put(struct store *store, const char *source, const char *query,
                        const struct store_unit *unit, struct err_info *info)
{
	CHECK(source != NULL && query != NULL && unit->held >= 0);
	enum err err = store_writable(store, info);
	if (err == ERR_OK)
		err = check_key("a unit's key", unit->key, STORE_KEY_BYTES_MAX, info);
	if (err == ERR_OK)
		err = check_key("a unit's stamp", unit->stamp, STORE_KEY_BYTES_MAX, info);
	if (err == ERR_OK)
		err = check_key("a source's name", span_of(source), STORE_KEY_BYTES_MAX, info);
	if (err == ERR_OK)
		err = check_key("a query's name", span_of(query), STORE_KEY_BYTES_MAX, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_UNIT_PUT);
	sql_bind_text(statement, 1, span_of(source));
	sql_bind_text(statement, 2, span_of(query));
	sql_bind_text(statement, 3, unit->key);
	sql_bind_text(statement, 4, unit->stamp);
	sql_bind_int(statement, 5, unit->held);
	sql_bind_int(statement, 6, unit->read_ns);
	sql_bind_int(statement, 7, unit_checksum(span_of(source), span_of(query), unit));
	return store_run(store, statement, "writing a unit", info);
}

enum err store_units(struct store *store, const char *source, const char *query, struct span after, int limit,
                     store_unit_visitor visit, void *self, struct err_info *info)
{
	CHECK(source != NULL && query != NULL && limit > 0);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_UNIT_NEXT);
	sql_bind_text(statement, 1, span_of(source));
	sql_bind_text(statement, 2, span_of(query));
	sql_bind_text(statement, 3, after);
	sql_bind_int(statement, 4, limit);
	enum err err = ERR_OK;
	for (bool more = true; err == ERR_OK;) {
		struct store_unit unit;
		err = store_step(store, statement, &more, "listing units", info);
		if (err != ERR_OK || !more)
			break;
		if (!unit_load(statement, &unit))
			err = store_row_damaged(store, info, "a unit of %.60s, %.60s", source, query);
		else if (!visit(self, &unit))
			break;
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}
