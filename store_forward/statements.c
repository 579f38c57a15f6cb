/*
 * statements.c - SQLite's C interface as the store uses it: prepare, bind, step, and what its errors mean.
 *
 * Why:   one place decides what is full, damaged, busy or a bug.
 * Owns:  the prepared statements of struct store.
 * Rules: 1. Prepared once, persistent; nothing is compiled in the steady state.
 *        2. Bound texts are not copied: they live until the step.
 *        3. A failed change inside a transaction is remembered: SQLite may have rolled back by itself, and a later
 *           change would then commit alone.
 * Faults: out of memory and misuse are bugs of ours or the box's end (CHECK); all else is an enum err.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c, tests/unit/store_salvage_test.c
 */
#include "store_forward/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const SQL[STATEMENT_COUNT] = {
#define STATEMENT_SQL(name, sql) sql,
    STORE_STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

enum err store_prepare_all(struct store *store, struct err_info *info)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int rc = sqlite3_prepare_v3(store->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
		                            &store->statements[i], NULL);
		if (rc != SQLITE_OK)
			return sql_failure(store->db, rc, store->path, "preparing its statements", info);
	}
	return ERR_OK;
}

void store_finalize_all(struct store *store)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

sqlite3_stmt *store_statement(struct store *store, enum statement which)
{
	sqlite3_stmt *statement = store->statements[which];
	/* A visitor that calls back into the same reading would spoil it. */
	CHECK(statement != NULL && !sqlite3_stmt_busy(statement));
	sqlite3_reset(statement);
	return statement;
}

void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
	CHECK(sqlite3_bind_int64(statement, index, value) == SQLITE_OK);
}

void sql_bind_text(sqlite3_stmt *statement, int index, struct span value)
{
	const char *data = value.data ? value.data : "";
	CHECK(sqlite3_bind_text64(statement, index, data, value.len, SQLITE_STATIC, SQLITE_UTF8) ==
	      SQLITE_OK);
}

void sql_bind_blob(sqlite3_stmt *statement, int index, struct span value)
{
	const char *data = value.data ? value.data : "";
	CHECK(sqlite3_bind_blob64(statement, index, data, value.len, SQLITE_STATIC) == SQLITE_OK);
}

struct span sql_column_span(sqlite3_stmt *statement, int index)
{
	int type = sqlite3_column_type(statement, index);
	if (type != SQLITE_TEXT && type != SQLITE_BLOB)
		return (struct span){NULL, 0};
	const char *data = sqlite3_column_blob(statement, index);
	int len = sqlite3_column_bytes(statement, index);
	return data && len > 0 ? (struct span){data, (size_t)len} : (struct span){NULL, 0};
}

bool sql_column_digest(sqlite3_stmt *statement, int index, struct digest *digest)
{
	struct span bytes = sql_column_span(statement, index);
	if (bytes.len != DIGEST_BYTES)
		return false;
	memcpy(digest->bytes, bytes.data, DIGEST_BYTES);
	return true;
}

int sql_column_small(sqlite3_stmt *statement, int index, int max)
{
	int64_t value = sqlite3_column_int64(statement, index);
	return value >= 0 && value <= max ? (int)value : -1;
}

int sql_execute(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static enum err code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_TOOBIG:     /* a length in the file that no row of ours has */
	case SQLITE_ERROR:      /* a table that is no longer there */
	case SQLITE_CONSTRAINT: /* a row where there can be none */
	case SQLITE_MISMATCH:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_CONFLICT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_DENIED;
	default:
		return ERR_UNSUPPORTED;
	}
}

enum err sql_failure(sqlite3 *db, int rc, const char *path, const char *doing, struct err_info *info)
{
	CHECK(rc != SQLITE_OK && (rc & 0xff) != SQLITE_MISUSE && (rc & 0xff) != SQLITE_NOMEM &&
	      rc != SQLITE_RANGE);
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
	enum err err = code_of(rc);
	switch (err) {
	case ERR_FULL:
		return err_set(info, err, "no space left for %s while %s; free space on its disk", path,
		               doing);
	case ERR_CONFLICT:
		return err_set(info, err, "another process holds %s (%s); stop it first", path, text);
	case ERR_CORRUPT:
		return err_set(info, err,
		               "%s is damaged, found while %s: %s (code %d); restart to salvage it", path,
		               doing, text, rc);
	case ERR_DENIED:
		return err_set(info, err,
		               "%s cannot be written while %s: %s; check the rights of its directory", path,
		               doing, text);
	default:
		return err_set(info, err, "%s failed while %s: %s (code %d, system error %d); check the disk",
		               path, doing, text, rc, db ? sqlite3_system_errno(db) : 0);
	}
}

static void remember_damage(struct store *store, const char *text)
{
	if (store->damage[0] == 0)
		snprintf(store->damage, sizeof store->damage, "%.255s", text);
}

enum err store_sqlite_error(struct store *store, int rc, const char *doing, struct err_info *info)
{
	struct err_info own;
	enum err err = sql_failure(store->db, rc, store->path, doing, &own);
	if (err == ERR_CORRUPT)
		remember_damage(store, own.text);
	if (store->in_transaction && store->failed == ERR_OK)
		store->failed = err;
	return err_set(info, err, "%s", own.text);
}

enum err store_row_damaged(struct store *store, struct err_info *info, const char *what, ...)
{
	char text[200];
	va_list args;
	va_start(args, what);
	vsnprintf(text, sizeof text, what, args);
	va_end(args);
	remember_damage(store, text);
	if (store->in_transaction && store->failed == ERR_OK)
		store->failed = ERR_CORRUPT;
	return err_set(info, ERR_CORRUPT, "%s is damaged: %s is not as it was written; restart to salvage it",
	               store->path, text);
}

enum err store_writable(struct store *store, struct err_info *info)
{
	CHECK(store->in_transaction);
	if (store->failed == ERR_OK)
		return ERR_OK;
	return err_set(info, store->failed, "%s: an earlier change of this transaction failed; roll it back",
	               store->path);
}

enum err store_run(struct store *store, sqlite3_stmt *statement, const char *doing, struct err_info *info)
{
	enum err err = store->in_transaction ? store_writable(store, info) : ERR_OK;
	if (err == ERR_OK) {
		int rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW) /* no changing statement of ours gives a row */
			rc = SQLITE_ERROR;
		if (rc != SQLITE_DONE)
			err = store_sqlite_error(store, rc, doing, info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err store_step(struct store *store, sqlite3_stmt *statement, bool *more, const char *doing,
                    struct err_info *info)
{
	int rc = sqlite3_step(statement);
	*more = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : store_sqlite_error(store, rc, doing, info);
}

void store_note_damage(struct store *store)
{
	if (store->damage[0] == 0 || store->in_transaction || store->identity.damage[0] != 0)
		return;
	struct store_identity before = store->identity;
	memcpy(store->identity.damage, store->damage, sizeof store->identity.damage);
	struct err_info info;
	if (identity_put(store, &info) == ERR_OK)
		return;
	/* The next open may find it by itself; the next call of this tries again. */
	store->identity = before;
	log_event(store->log, LOG_STORE_FAILED, "store=%s: the damage found (%s) could not be noted: %s",
	          store->path, store->damage, info.text);
}
