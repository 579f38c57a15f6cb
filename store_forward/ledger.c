/*
 * ledger.c - opens and closes the ledger; transactions, what memory holds of the file, generations.
 *
 * Why:   see ledger.h.
 * Owns:  struct ledger and its connection.
 * Rules: as in ledger.h and ledger_internal.h.
 * Faults: a file that is damaged, foreign or half made is put aside by the core, and a new one begins.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/ledger_test.c
 */
#include "store_forward/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/ledger_internal.h"
#include "store_forward/log_check.h"

#define APPLICATION_ID  0x5450 /* "TP": another than the store's */
#define MARK_GENERATION "generation"
#define MARK_COMPLETE   "generation complete"
#define MARK_COUNT      "count %d"
#define MARK_LAST       "last %d"
#define MARK_HELD       "held"
#define MARK_SUMMED     "summed %d"
#define MARK_LINES      "lines %d"
#define TEXT_RULES      "rules"
/* Commits behind a bad frame of the log, in one run, that no power cut can leave. */
#define LOST_COMMITS_DAMAGE 2
#define READ_BUSY_MS        5000 /* a reader may meet the writer's checkpoint */
#define HEADS               4    /* numbers of a side */

/* documents: by identity, so that both sides stand in the same order and are compared in one pass over each; the packed
 * form last, so that what is asked for without it stays on the leaf. cell: what belongs to an unequal day of an
 * unequal cell, with all that says whether two documents are equal. */
static const char SCHEMA[] =
    "CREATE TABLE documents(side INTEGER NOT NULL, identity TEXT NOT NULL, subject TEXT NOT NULL, key TEXT "
    "NOT NULL,"
    " revision INTEGER NOT NULL, n INTEGER NOT NULL, generation INTEGER NOT NULL, recorded INTEGER NOT NULL,"
    " first INTEGER NOT NULL, total INTEGER NOT NULL, cell INTEGER NOT NULL, posting INTEGER NOT NULL,"
    " period INTEGER NOT NULL, type INTEGER NOT NULL, outcome INTEGER NOT NULL, phase INTEGER NOT NULL,"
    " origins INTEGER NOT NULL, voided INTEGER NOT NULL, entity TEXT NOT NULL, currency TEXT NOT NULL,"
    " party TEXT NOT NULL, fingerprint BLOB NOT NULL, checksum INTEGER NOT NULL, packed_sum INTEGER NOT NULL,"
    " packed BLOB NOT NULL,"
    " PRIMARY KEY(side, identity, subject)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX documents_cell ON documents(cell, posting, identity, side, subject, fingerprint, "
    "voided);"
    "CREATE INDEX documents_cloud ON documents(subject) WHERE side = 1;"
    "CREATE INDEX documents_key ON documents(side, key) WHERE key <> '';"
    "CREATE INDEX documents_generation ON documents(generation);"
    "CREATE TABLE cells(id INTEGER PRIMARY KEY, entity TEXT NOT NULL, type INTEGER NOT NULL, period INTEGER "
    "NOT NULL,"
    " currency TEXT NOT NULL, checksum INTEGER NOT NULL, UNIQUE(entity, type, period, currency)) STRICT;"
    "CREATE TABLE sums(generation INTEGER NOT NULL, cell INTEGER NOT NULL, side INTEGER NOT NULL,"
    " account TEXT NOT NULL, count INTEGER NOT NULL, debit INTEGER NOT NULL, credit INTEGER NOT NULL,"
    " fingerprint BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(generation, cell, side, account))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE marks(name TEXT PRIMARY KEY, value INTEGER NOT NULL, checksum INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE texts(name TEXT PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE held(rule TEXT NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL,"
    " owner INTEGER NOT NULL, first INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(rule, source, "
    "key))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE breaks(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, status TEXT NOT NULL,"
    " cause TEXT NOT NULL, owner INTEGER NOT NULL, entity TEXT NOT NULL, document_type TEXT NOT NULL,"
    " currency TEXT NOT NULL, period INTEGER NOT NULL, net INTEGER NOT NULL, gross INTEGER NOT NULL,"
    " text TEXT NOT NULL, evidence TEXT NOT NULL, state INTEGER NOT NULL, who TEXT NOT NULL,"
    " second TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,"
    " due INTEGER NOT NULL, first_run TEXT NOT NULL, last_run TEXT NOT NULL, opened INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, closed INTEGER NOT NULL, seen INTEGER NOT NULL, session INTEGER NOT NULL,"
    " reopened INTEGER NOT NULL, legacy TEXT NOT NULL, cloud TEXT NOT NULL, checksum INTEGER NOT NULL) "
    "STRICT;"
    "CREATE INDEX breaks_open ON breaks(key) WHERE state < 5;";

static const char *const SQL[LEDGER_STATEMENT_COUNT] = {
#define LEDGER_STATEMENT_SQL(name, sql) sql,
    LEDGER_STATEMENTS(LEDGER_STATEMENT_SQL)
#undef LEDGER_STATEMENT_SQL
};

const char *ledger_side_name(enum ledger_side side)
{
	CHECK(side == SIDE_LEGACY || side == SIDE_CLOUD);
	return side == SIDE_LEGACY ? "legacy" : "cloud";
}

/* ---- errors and statements ---- */

enum err ledger_error(struct ledger *ledger, int rc, const char *doing, struct err_info *info)
{
	enum err err = sql_failure(ledger->db, rc, ledger->path, doing, info);
	if (ledger->in_transaction && ledger->failed == ERR_OK)
		ledger->failed = err;
	return err;
}

enum err ledger_damaged(struct ledger *ledger, const char *what, struct err_info *info)
{
	if (ledger->in_transaction && ledger->failed == ERR_OK)
		ledger->failed = ERR_CORRUPT;
	return err_set(
	    info, ERR_CORRUPT,
	    "%s is damaged: %s is not as it was written; stop the agent, move the file away and start "
	    "again: it is made anew",
	    ledger->path, what);
}

sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which)
{
	sqlite3_stmt *statement = ledger->statements[which];
	CHECK(statement != NULL && !sqlite3_stmt_busy(statement));
	sqlite3_reset(statement);
	return statement;
}

enum err ledger_run(struct ledger *ledger, sqlite3_stmt *statement, const char *doing, struct err_info *info)
{
	int rc = sqlite3_step(statement);
	enum err err = rc == SQLITE_DONE ? ERR_OK : ledger_error(ledger, rc, doing, info);
	sqlite3_reset(statement);
	return err;
}

enum err ledger_step(struct ledger *ledger, sqlite3_stmt *statement, bool *more, const char *doing,
                     struct err_info *info)
{
	int rc = sqlite3_step(statement);
	*more = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : ledger_error(ledger, rc, doing, info);
}

/* ---- what memory holds of the file ---- */

/* The numbers of a side. */
static int64_t *head_of(struct ledger *ledger, int side, int which, char name[32])
{
	static const char *const names[] = {MARK_COUNT, MARK_LAST, MARK_SUMMED, MARK_LINES};
	int64_t *const heads[] = {&ledger->count[side], &ledger->last[side], &ledger->summed[side],
	                          &ledger->lines[side]};
	_Static_assert(sizeof heads / sizeof heads[0] == HEADS, "one name for each");
	(void)snprintf(name, 32, names[which], side);
	return heads[which];
}

static enum err load_side(struct ledger *ledger, int side, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < HEADS && err == ERR_OK; i++) {
		char name[32];
		int64_t *head = head_of(ledger, side, i, name);
		err = ledger_mark(ledger, name, head, info);
		*head = *head < 0 ? 0 : *head;
	}
	return err;
}

static enum err load_heads(struct ledger *ledger, struct err_info *info)
{
	int64_t value = 0;
	struct buf rules;
	enum err err = ledger_mark(ledger, MARK_GENERATION, &ledger->generation, info);
	if (ledger->generation < 0)
		ledger->generation = 0;
	if (err == ERR_OK)
		err = ledger_mark(ledger, MARK_COMPLETE, &value, info);
	ledger->complete = value == ledger->generation;
	for (int side = 0; side < SIDE_COUNT && err == ERR_OK; side++)
		err = load_side(ledger, side, info);
	if (err == ERR_OK)
		err = ledger_mark(ledger, MARK_HELD, &value, info);
	ledger->held = value < 0 ? 0 : value;
	ledger->rules[0] = 0;
	if (err != ERR_OK)
		return err;
	buf_init(&rules, sizeof ledger->rules - 1);
	err = ledger_text(ledger, TEXT_RULES, &rules, info);
	if (err == ERR_OK)
		(void)!text_copy(ledger->rules, sizeof ledger->rules, buf_span(&rules));
	buf_release(&rules);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err save_heads(struct ledger *ledger, struct err_info *info)
{
	int64_t named = 0;
	enum err err = ledger_set_mark(ledger, MARK_GENERATION, ledger->generation, info);
	if (err == ERR_OK)
		err =
		    ledger_set_mark(ledger, MARK_COMPLETE, ledger->complete ? ledger->generation : -1, info);
	for (int i = 0; i < SIDE_COUNT * HEADS && err == ERR_OK; i++) {
		char name[32];
		int64_t *head = head_of(ledger, i / HEADS, i % HEADS, name);
		err = ledger_set_mark(ledger, name, *head, info);
	}
	if (err == ERR_OK)
		err = ledger_set_mark(ledger, MARK_HELD, ledger->held, info);
	if (err == ERR_OK)
		err = named_count(ledger, &named, info);
	return err == ERR_OK ? ledger_set_mark(ledger, LEDGER_MARK_NAMED, named, info) : err;
}

/* ---- transactions ---- */

static enum err begin_writing(struct ledger *ledger, bool lazy, struct err_info *info)
{
	/* In WAL mode a synced commit takes with it what was not synced before. */
	if (ledger->mode == LEDGER_WRITE && lazy != ledger->lazy) {
		int rc = sql_execute(ledger->db,
		                     lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
		if (rc != SQLITE_OK)
			return ledger_error(ledger, rc, "beginning to write", info);
		ledger->lazy = lazy;
	}
	enum err err = ledger_run(ledger, ledger_statement(ledger, LEDGER_BEGIN), "beginning to write", info);
	ledger->in_transaction = err == ERR_OK;
	ledger->failed = ERR_OK;
	return err;
}

enum err ledger_begin(struct ledger *ledger, struct err_info *info)
{
	CHECK(!ledger->in_transaction);
	if (ledger->mode != LEDGER_READ)
		return begin_writing(ledger, false, info);
	int rc = sql_execute(ledger->db, "BEGIN; SELECT count(*) FROM marks");
	if (rc != SQLITE_OK)
		return ledger_error(ledger, rc, "beginning to read", info);
	ledger->in_transaction = true;
	enum err err = named_verify(ledger, info);
	return err == ERR_OK ? load_heads(ledger, info) : err;
}

enum err ledger_begin_lazy(struct ledger *ledger, struct err_info *info)
{
	CHECK(!ledger->in_transaction && ledger->mode != LEDGER_READ);
	return begin_writing(ledger, true, info);
}

enum err ledger_commit(struct ledger *ledger, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	enum err err = ERR_OK;
	if (ledger->mode != LEDGER_READ) {
		if (ledger->failed != ERR_OK)
			return err_set(info, ledger->failed, "%s: a change of this transaction failed",
			               ledger->path);
		err = sums_flush(ledger, info);
		if (err == ERR_OK)
			err = save_heads(ledger, info);
	}
	if (err == ERR_OK)
		err = ledger_run(ledger, ledger_statement(ledger, LEDGER_COMMIT), "committing", info);
	if (err == ERR_OK)
		ledger->in_transaction = false;
	return err;
}

void ledger_rollback(struct ledger *ledger)
{
	struct err_info ignored;
	sums_forget(ledger);
	if (ledger->in_transaction && !sqlite3_get_autocommit(ledger->db))
		(void)!ledger_run(ledger, ledger_statement(ledger, LEDGER_ROLLBACK), "rolling back",
		                  &ignored);
	ledger->in_transaction = false;
	ledger->failed = ERR_OK;
	(void)!load_heads(ledger, &ignored);
}

bool ledger_in_transaction(const struct ledger *ledger)
{
	return ledger->in_transaction;
}

/* ---- opening ---- */

static int apply_settings(struct ledger *ledger, bool exclusive)
{
	/* EXTRA, before the log is there: what the cloud has sent is kept nowhere else once its message is
	 * acknowledged, and a rollback journal of the new file that came back after a power cut would take it all. */
	static const char *const writing[] = {"PRAGMA page_size = 8192", "PRAGMA synchronous = EXTRA",
	                                      "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 2000",
	                                      "PRAGMA journal_size_limit = 33554432"};
	static const char *const temporary[] = {"PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF",
	                                        "PRAGMA synchronous = OFF",
	                                        "PRAGMA locking_mode = EXCLUSIVE"};
	static const char *const all[] = {"PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON",
	                                  "PRAGMA mmap_size = 0", "PRAGMA automatic_index = OFF",
	                                  "PRAGMA secure_delete = OFF"};
	/* First of all: what reads the file in WAL mode needs shared memory without it. */
	int rc = exclusive ? sql_execute(ledger->db, "PRAGMA locking_mode = EXCLUSIVE") : SQLITE_OK;
	for (size_t i = 0; i < sizeof all / sizeof all[0] && rc == SQLITE_OK; i++)
		rc = sql_execute(ledger->db, all[i]);
	/* A reader sorts what it has to; the core has little memory to spare. */
	if (rc == SQLITE_OK)
		rc = sql_execute(ledger->db, ledger->mode == LEDGER_WRITE ? "PRAGMA cache_size = -1024"
		                                                          : "PRAGMA cache_size = -16384");
	if (ledger->mode == LEDGER_READ && rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(ledger->db, READ_BUSY_MS);
	for (size_t i = 0;
	     i < sizeof writing / sizeof writing[0] && rc == SQLITE_OK && ledger->mode == LEDGER_WRITE; i++)
		rc = sql_execute(ledger->db, writing[i]);
	for (size_t i = 0; i < sizeof temporary / sizeof temporary[0] && rc == SQLITE_OK &&
	                   ledger->mode == LEDGER_TEMPORARY;
	     i++)
		rc = sql_execute(ledger->db, temporary[i]);
	return rc;
}

/* 1: it is a ledger of ours; 0: an empty file; -1: something else, or damaged. */
static int identify(struct ledger *ledger, int *version, int *rc)
{
	sqlite3_stmt *statement = NULL;
	int found = -1;
	int application = 0;
	*version = 0;
	*rc = sqlite3_prepare_v2(
	    ledger->db,
	    "SELECT (SELECT count(*) FROM sqlite_schema), a.application_id, v.user_version "
	    "FROM pragma_application_id a, pragma_user_version v",
	    -1, &statement, NULL);
	if (*rc == SQLITE_OK && (*rc = sqlite3_step(statement)) == SQLITE_ROW) {
		*rc = SQLITE_OK;
		application = sqlite3_column_int(statement, 1);
		*version = sqlite3_column_int(statement, 2);
		if (application == APPLICATION_ID && *version > 0)
			found = 1;
		else if (sqlite3_column_int(statement, 0) == 0 && application == 0 && *version == 0)
			found = 0;
	}
	sqlite3_finalize(statement);
	return found;
}

static int make_schema(struct ledger *ledger)
{
	char header[96];
	(void)snprintf(header, sizeof header, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
	               APPLICATION_ID, LEDGER_SCHEMA_VERSION);
	int rc = sql_execute(ledger->db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK)
		rc = sql_execute(ledger->db, SCHEMA);
	if (rc == SQLITE_OK)
		rc = sql_execute(ledger->db, header);
	return rc == SQLITE_OK ? sql_execute(ledger->db, "COMMIT") : rc;
}

/* Commits that are behind damage in the middle of the log would be gone without a word. */
static enum err check_log(struct ledger *ledger, struct err_info *info)
{
	struct log_check check;
	if (ledger->mode != LEDGER_WRITE)
		return ERR_OK;
	int rc = log_check_read(ledger->db, &check);
	if (rc != SQLITE_OK)
		return ledger_error(ledger, rc, "reading its log", info);
	if (check.commits_lost < LOST_COMMITS_DAMAGE)
		return ERR_OK;
	return err_set(info, ERR_CORRUPT,
	               "%s: its log is damaged after %d pages; %d commits behind that are lost", ledger->path,
	               check.frames_good, check.commits_lost);
}

static enum err prepare(struct ledger *ledger, bool *created, struct err_info *info)
{
	int version = 0;
	int rc = SQLITE_OK;
	int found = identify(ledger, &version, &rc);
	if (rc != SQLITE_OK)
		return ledger_error(ledger, rc, "looking at it", info);
	enum err err = check_log(ledger, info);
	if (err != ERR_OK)
		return err;
	if (found > 0 && version > LEDGER_SCHEMA_VERSION)
		return err_set(
		    info, ERR_VERSION,
		    "%s was made by a newer version of twinpost (schema %d, this one knows %d); use that one",
		    ledger->path, version, LEDGER_SCHEMA_VERSION);
	if (found < 0 || (found == 0 && ledger->mode == LEDGER_READ))
		return err_set(info, ERR_CORRUPT, "%s is no ledger of twinpost", ledger->path);
	*created = found == 0;
	if (*created)
		rc = make_schema(ledger);
	for (int i = 0; i < LEDGER_STATEMENT_COUNT && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(ledger->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
		                        &ledger->statements[i], NULL);
	if (rc != SQLITE_OK)
		return ledger_error(ledger, rc, "preparing it", info);
	err = named_verify(ledger, info);
	return err == ERR_OK ? load_heads(ledger, info) : err;
}

static void disconnect(struct ledger *ledger)
{
	for (int i = 0; i < LEDGER_STATEMENT_COUNT; i++) {
		sqlite3_finalize(ledger->statements[i]);
		ledger->statements[i] = NULL;
	}
	sqlite3_close(ledger->db);
	ledger->db = NULL;
}

static enum err attach(struct hal *hal, struct ledger *ledger, bool *created, struct err_info *info)
{
	const char *vfs = hal ? hal_disk_vfs(hal) : NULL;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	flags |=
	    ledger->mode == LEDGER_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int rc =
	    sqlite3_open_v2(ledger->mode == LEDGER_TEMPORARY ? "" : ledger->path, &ledger->db, flags, vfs);
	if (rc == SQLITE_CANTOPEN && ledger->mode == LEDGER_READ) {
		disconnect(ledger);
		return err_set(info, ERR_NOT_FOUND,
		               "%s cannot be opened: the agent has not made it yet, or this user may not "
		               "read it; run as "
		               "the agent's user",
		               ledger->path);
	}
	if (rc == SQLITE_OK) {
		(void)sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		/* Else side = ?1 may make use of an index of one side, and every binding makes the statement anew. */
		(void)sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
		/* A VFS of one's own (the simulator's) has no shared memory. */
		rc = apply_settings(ledger, vfs != NULL);
	}
	enum err err =
	    rc == SQLITE_OK ? prepare(ledger, created, info) : ledger_error(ledger, rc, "opening it", info);
	if (err != ERR_OK)
		disconnect(ledger);
	return err;
}

enum err ledger_put_aside(struct hal *hal, const char *path, struct ledger_opening *opening,
                          struct err_info *info)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char from[300];
	char to[300];
	int64_t seconds = hal_wall_ns(hal) / NS_PER_S;
	(void)snprintf(opening->damaged_path, sizeof opening->damaged_path, "%.200s.damaged-%" PRId64, path,
	               seconds);
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		(void)snprintf(from, sizeof from, "%.200s%s", path, suffixes[i]);
		(void)snprintf(to, sizeof to, "%s%s", opening->damaged_path, suffixes[i]);
		if (!hal_disk_exists(hal, from))
			continue;
		enum err err = hal_disk_rename(hal, from, to, info);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err ledger_open(struct hal *hal, const char *path, enum ledger_mode mode, struct ledger **out,
                     struct ledger_opening *opening, struct err_info *info)
{
	struct ledger *ledger = mem_alloc(sizeof *ledger);
	*opening = (struct ledger_opening){.created = false};
	ledger->mode = mode;
	ledger->sums = mem_alloc(SUMS_MAX * sizeof ledger->sums[0]);
	enum err err =
	    text_copy(ledger->path, STORE_PATH_MAX, span_of(mode == LEDGER_TEMPORARY ? "the files" : path))
		? attach(hal, ledger, &opening->created, info)
		: err_set(info, ERR_TOO_LARGE, "the ledger's path is over %d bytes", STORE_PATH_MAX - 1);
	if (err == ERR_CORRUPT && mode == LEDGER_WRITE && hal != NULL) {
		(void)snprintf(opening->text, sizeof opening->text, "%.255s", info->text);
		err = ledger_put_aside(hal, ledger->path, opening, info);
		if (err == ERR_OK)
			err = attach(hal, ledger, &opening->created, info);
	}
	if (err != ERR_OK) {
		ledger_close(ledger);
		return err;
	}
	*out = ledger;
	return ERR_OK;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	if (ledger->db)
		disconnect(ledger);
	free(ledger->sums);
	free(ledger);
}

/* ---- generations, counts ---- */

const char *ledger_rules(const struct ledger *ledger)
{
	return ledger->rules;
}

bool ledger_failed(const struct ledger *ledger)
{
	return ledger->failed != ERR_OK;
}

int64_t ledger_generation(const struct ledger *ledger)
{
	return ledger->generation;
}

bool ledger_complete(const struct ledger *ledger)
{
	return ledger->complete;
}

enum err ledger_new_generation(struct ledger *ledger, const char *rules_version, struct err_info *info)
{
	/* What the transaction has gathered is of the generation before. */
	enum err err = sums_flush(ledger, info);
	if (err == ERR_OK)
		err = ledger_set_text(ledger, TEXT_RULES, span_of(rules_version), info);
	if (err != ERR_OK)
		return err;
	(void)snprintf(ledger->rules, sizeof ledger->rules, "%.64s", rules_version);
	ledger->generation++;
	for (int side = 0; side < SIDE_COUNT; side++)
		ledger->summed[side] = ledger->lines[side] = 0;
	ledger->complete = ledger->count[SIDE_LEGACY] + ledger->count[SIDE_CLOUD] == 0;
	return ERR_OK;
}

int64_t ledger_count(const struct ledger *ledger, enum ledger_side side)
{
	return ledger->count[side];
}

int64_t ledger_last(const struct ledger *ledger, enum ledger_side side)
{
	return ledger->last[side];
}
