/*
 * schema.c - the tables of the store, version by version.
 *
 * Why:   see schema.h.
 * Owns:  the in-memory database that schema_compare() builds for a moment.
 * Rules: keys append (a random unique key is the dearest part of an insert):
 *        - outbox: stream * 2^40 + sequence, so that each stream fills its own pages in order;
 *        - register, history: by subject, which rises within entity, type and year;
 *        - acks: one row for a run of acknowledged sequences, not one for each;
 *        - tiles: 256 hashes a row, settled: 256 bits a row: the newest is written once a commit, not once an append;
 *        - mail, audit, messages, status_queue: in the order of arrival; outcomes: by subject, as the register.
 *        The event is the last column: a long one overflows, and what is asked for without it stays on the leaf.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/schema.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "store_forward/store.h"

/* clang-format off */
#define REGISTER_TABLE(name, key) \
	"CREATE TABLE " name "(subject TEXT NOT NULL, revision INTEGER NOT NULL, content BLOB NOT NULL," \
	" voided INTEGER NOT NULL, stream INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL," \
	" recorded INTEGER NOT NULL, source TEXT NOT NULL, checksum INTEGER NOT NULL," \
	" PRIMARY KEY(" key ")) STRICT, WITHOUT ROWID;"

static const char *const STEPS[] = {
	/* 0 to 1 */
	"CREATE TABLE store(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, urn_prefix TEXT NOT NULL,"
	" salvages INTEGER NOT NULL, epoch_floor INTEGER NOT NULL, created INTEGER NOT NULL, damage TEXT NOT NULL,"
	" checksum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE streams(id INTEGER PRIMARY KEY, name TEXT NOT NULL, source TEXT NOT NULL, epoch INTEGER NOT NULL,"
	" next INTEGER NOT NULL, acked INTEGER NOT NULL, pruned INTEGER NOT NULL, documents INTEGER NOT NULL,"
	" amendments INTEGER NOT NULL,"
" acked_before INTEGER NOT NULL, bytes_total INTEGER NOT NULL, bytes_acked INTEGER NOT NULL,"
	" chain BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY, subject TEXT NOT NULL, revision INTEGER NOT NULL,"
	" recorded INTEGER NOT NULL, bytes_total INTEGER NOT NULL, chain BLOB NOT NULL, checksum INTEGER NOT NULL,"
	" event BLOB NOT NULL) STRICT;"
	REGISTER_TABLE("register", "subject")
	REGISTER_TABLE("history", "subject, revision")
	"CREATE TABLE acks(stream INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, at INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" PRIMARY KEY(stream, epoch, first)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE watermarks(source TEXT NOT NULL, query TEXT NOT NULL, value TEXT NOT NULL,"
	" checksum INTEGER NOT NULL, PRIMARY KEY(source, query)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE units(source TEXT NOT NULL, query TEXT NOT NULL, key TEXT NOT NULL, stamp TEXT NOT NULL,"
	" held INTEGER NOT NULL, read INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" PRIMARY KEY(source, query, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE exceptions(id INTEGER PRIMARY KEY, rule TEXT NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL,"
	" owner INTEGER NOT NULL, text TEXT NOT NULL, raw TEXT NOT NULL, open INTEGER NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, cleared INTEGER NOT NULL, count INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX exceptions_key ON exceptions(key, source, rule);"
	"CREATE INDEX exceptions_open ON exceptions(open) WHERE open = 1;",

	/* 1 to 2: proof, outcomes. The columns' defaults are those that a row of version 1 stands for, and its checksum
	 * holds on (see streams.c and register.c); migrate.c does what SQL cannot. */
	"ALTER TABLE streams ADD COLUMN checkpointed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE streams ADD COLUMN receipted INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE streams ADD COLUMN uncovered INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE streams ADD COLUMN mailed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE streams ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE register ADD COLUMN parts INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE history ADD COLUMN parts INTEGER NOT NULL DEFAULT 1;"
	"CREATE TABLE tiles(stream INTEGER NOT NULL, epoch INTEGER NOT NULL, level INTEGER NOT NULL,"
	" n INTEGER NOT NULL, hashes BLOB NOT NULL, checksum INTEGER NOT NULL,"
	" PRIMARY KEY(stream, epoch, level, n)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE checkpoints(stream INTEGER NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL,"
	" root BLOB NOT NULL, made INTEGER NOT NULL, receipted INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" note TEXT NOT NULL, receipt TEXT NOT NULL, PRIMARY KEY(stream, epoch, size)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE settled(stream INTEGER NOT NULL, epoch INTEGER NOT NULL, block INTEGER NOT NULL,"
	" bits BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(stream, epoch, block)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE totals(stream INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" bytes BLOB NOT NULL) STRICT;",

	/* 2 to 3: what stands beside the streams */
	"ALTER TABLE exceptions ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE exceptions ADD COLUMN who TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE exceptions ADD COLUMN note TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE exceptions ADD COLUMN marked INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE exceptions ADD COLUMN change INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX exceptions_change ON exceptions(change);"
	"CREATE TABLE heads(name TEXT PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, digest BLOB NOT NULL,"
	" checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE mail(id INTEGER PRIMARY KEY, topic TEXT NOT NULL, checksum INTEGER NOT NULL,"
	" payload BLOB NOT NULL) STRICT;"
	"CREATE TABLE replays(id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, epoch INTEGER NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, next INTEGER NOT NULL, command TEXT NOT NULL,"
	" checksum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE outcomes(subject TEXT NOT NULL, n INTEGER NOT NULL, revision INTEGER NOT NULL,"
	" code INTEGER NOT NULL, moved INTEGER NOT NULL, document TEXT NOT NULL, date TEXT NOT NULL,"
	" ledger TEXT NOT NULL, reason TEXT NOT NULL, class TEXT NOT NULL, text TEXT NOT NULL, message TEXT NOT NULL,"
	" at INTEGER NOT NULL, received INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" PRIMARY KEY(subject, n)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE messages(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, message TEXT NOT NULL,"
	" digest BLOB NOT NULL, at INTEGER NOT NULL, checksum INTEGER NOT NULL, result BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX messages_key ON messages(kind, message);"
	"CREATE TABLE audit(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,"
	" target TEXT NOT NULL, why TEXT NOT NULL, digest BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT,"
	" WITHOUT ROWID;",

	/* 3 to 4: what is to be written into the ERPs' status tables */
	"CREATE TABLE status_queue(id INTEGER PRIMARY KEY, source TEXT NOT NULL, subject TEXT NOT NULL,"
	" revision INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT;"
	"CREATE INDEX status_queue_source ON status_queue(source, id);",
};
/* clang-format on */

_Static_assert(sizeof STEPS / sizeof STEPS[0] == STORE_SCHEMA_VERSION, "one step for each version");

struct schema_steps schema_steps(void)
{
	return (struct schema_steps){STEPS, STORE_SCHEMA_VERSION};
}

/* One integer of one row; 0 where there is none. */
static int query_int(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement = NULL;
	*value = 0;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			*value = sqlite3_column_int64(statement, 0);
		if (rc == SQLITE_ROW || rc == SQLITE_DONE)
			rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc;
}

int schema_identify(sqlite3 *db, const struct schema_steps *steps, enum schema_kind *kind, int *version)
{
	static const char ours_by_name[] = "SELECT count(*) FROM sqlite_schema WHERE name IN ('store', "
					   "'streams', 'outbox', 'register', 'history')";
	int64_t application = 0;
	int64_t header = 0;
	int64_t objects = 0;
	int64_t names = 0;
	int64_t written = 0;
	*kind = SCHEMA_FOREIGN;
	*version = 0;
	int rc = query_int(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc == SQLITE_OK)
		rc = query_int(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = query_int(db, "PRAGMA user_version", &header);
	if (rc == SQLITE_OK)
		rc = query_int(db, ours_by_name, &names);
	if (rc != SQLITE_OK)
		return rc;
	bool ours = application == SCHEMA_APPLICATION_ID;
	if (objects == 0 && header == 0 && application == 0) {
		*kind = SCHEMA_EMPTY;
		return SQLITE_OK;
	}
	if (!ours && names < 3)
		return SQLITE_OK;
	/* The version in table store decides between a newer program and a damaged header. */
	rc = query_int(db, "SELECT version FROM store WHERE id = 1", &written);
	if (!ours || header <= 0 || (rc == SQLITE_OK && written > 0 && written != header))
		return SQLITE_CORRUPT;
	*kind = header > steps->count ? SCHEMA_NEWER : SCHEMA_OURS;
	*version = header > steps->count ? steps->count : (int)header;
	return SQLITE_OK;
}

int schema_migrate(sqlite3 *db, const struct schema_steps *steps, int version)
{
	int rc = SQLITE_OK;
	for (int step = version; step < steps->count && rc == SQLITE_OK; step++)
		rc = sqlite3_exec(db, steps->sql[step], NULL, NULL, NULL);
	char header[96];
	snprintf(header, sizeof header, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
	         SCHEMA_APPLICATION_ID, steps->count);
	return rc == SQLITE_OK ? sqlite3_exec(db, header, NULL, NULL, NULL) : rc;
}

int schema_compare(sqlite3 *db, const struct schema_steps *steps)
{
	static const char all[] =
	    "SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_schema ORDER BY type, name";
	sqlite3 *model = NULL;
	sqlite3_stmt *have = NULL;
	sqlite3_stmt *want = NULL;
	int rc = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc == SQLITE_OK)
		rc = schema_migrate(model, steps, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(model, all, -1, &want, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, all, -1, &have, NULL);
	while (rc == SQLITE_OK) {
		int wanted = sqlite3_step(want);
		rc = sqlite3_step(have);
		if (rc != wanted)
			rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
		else if (rc == SQLITE_ROW)
			rc = SQLITE_OK;
		for (int i = 0; i < 4 && rc == SQLITE_OK; i++) {
			const char *a = (const char *)sqlite3_column_text(want, i);
			const char *b = (const char *)sqlite3_column_text(have, i);
			if (a == NULL || b == NULL || strcmp(a, b) != 0)
				rc = SQLITE_CORRUPT;
		}
	}
	sqlite3_finalize(have);
	sqlite3_finalize(want);
	sqlite3_close(model);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
