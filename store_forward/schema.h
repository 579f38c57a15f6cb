/*
 * schema.h - the tables of the store and the steps from one version of them to the next.
 *
 * Why:   a box is updated in the field; its store must follow without a person.
 * Owns:  nothing.
 * Rules: 1. PRAGMA user_version is the schema's version, application_id says that the file is ours; table store holds
 *           the version a second time, so that a damaged header is not taken for a newer program's file.
 *        2. Step n leads from version n to n + 1; step 0 makes everything. A step that was shipped never changes.
 *        3. All steps that a file needs run in one transaction.
 *        4. The schema of an open store equals, text for text, the one the steps make: damage to it does not pass.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c (new file, foreign file, newer file, a made-up further step)
 */
#ifndef TWINPOST_SCHEMA_H
#define TWINPOST_SCHEMA_H

#include <sqlite3.h>

#include "hal/base/err.h"

/* "TWPO" */
#define SCHEMA_APPLICATION_ID 0x5457504F

/* The SQL of the step from version n to n + 1. */
struct schema_steps {
	const char *const *sql;
	int count; /* equals the newest version */
};

/* The steps of this program: STORE_SCHEMA_VERSION of them. */
struct schema_steps schema_steps(void);

enum schema_kind {
	SCHEMA_EMPTY,   /* no table at all: a new file */
	SCHEMA_OURS,    /* *version is 1..steps.count */
	SCHEMA_NEWER,   /* made by a newer program */
	SCHEMA_FOREIGN, /* a database of something else */
};
/* Says what the file is, from its header and its table of tables; returns SQLite's result code.
 * SQLITE_CORRUPT: the header contradicts the content. */
int schema_identify(sqlite3 *db, const struct schema_steps *steps, enum schema_kind *kind, int *version);
/* Runs the steps from `version` on inside the caller's transaction, in which it then writes the new version to table
 * store too; returns SQLite's result code. */
int schema_migrate(sqlite3 *db, const struct schema_steps *steps, int version);
/* SQLITE_OK: as the steps make it; SQLITE_CORRUPT: another text; or what SQLite said. */
int schema_compare(sqlite3 *db, const struct schema_steps *steps);

#endif
