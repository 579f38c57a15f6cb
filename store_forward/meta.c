/*
 * meta.c - see meta.h.
 *
 * Why:   see meta.h.
 * Owns:  table meta.
 * Rules: see meta.h.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_audit_test.c
 */
#include "store_forward/meta.h"

#include <string.h>

#include "store_forward/store_internal.h"

static int64_t meta_checksum(struct span key, struct span value)
{
	struct row_sum sum = row_sum_begin(TABLE_META);
	row_sum_span(&sum, key);
	row_sum_span(&sum, value);
	return row_sum_end(&sum);
}

bool meta_load(sqlite3_stmt *statement, struct span *key, struct span *value)
{
	*key = sql_column_span(statement, 0);
	*value = sql_column_span(statement, 1);
	return key->len >= 1 && key->len <= STORE_META_KEY_MAX && value->len <= STORE_META_BYTES_MAX &&
	       meta_checksum(*key, *value) == sqlite3_column_int64(statement, 2);
}

enum err meta_put(struct store *store, struct span key, struct span value, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_META_PUT);
	sql_bind_text(statement, 1, key);
	sql_bind_blob(statement, 2, value);
	sql_bind_int(statement, 3, meta_checksum(key, value));
	return store_run(store, statement, "keeping a value", info);
}

static struct span key_of(const char *key)
{
	CHECK(key != NULL && key[0] != 0 && strlen(key) <= STORE_META_KEY_MAX);
	return span_of(key);
}

enum err store_meta_get(struct store *store, const char *key, struct buf *out, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_META_GET);
	sql_bind_text(statement, 1, key_of(key));
	struct span name;
	struct span value;
	bool more = false;
	buf_clear(out);
	enum err err = store_step(store, statement, &more, "reading a value", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "value %s was never kept", key);
	else if (err == ERR_OK && !meta_load(statement, &name, &value))
		err = store_row_damaged(store, info, "value %s", key);
	if (err == ERR_OK) {
		buf_append_span(out, value);
		if (!buf_ok(out))
			err = err_set(info, ERR_TOO_LARGE, "value %s does not fit", key);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_meta_put(struct store *store, const char *key, struct span value, struct err_info *info)
{
	struct span name = key_of(key);
	enum err err = store_writable(store, info);
	if (err == ERR_OK && value.len > STORE_META_BYTES_MAX)
		err = err_set(info, ERR_TOO_LARGE, "value %s has %zu bytes, more than %d", key, value.len,
		              STORE_META_BYTES_MAX);
	return err == ERR_OK ? meta_put(store, name, value, info) : err;
}
