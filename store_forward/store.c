/*
 * store.c - opens, closes and settles the store: connection, identity, transactions.
 *
 * Why:   see store.h.
 * Owns:  struct store and its connection.
 * Rules: 1. locking_mode=EXCLUSIVE is set before the first access, so that SQLite needs no shared-memory file and no
 *           other process comes in between.
 *        2. Nothing is written, and the log is not checkpointed, before the file has passed its checks: a newer or
 *           damaged file stays as it is.
 *        3. Heads of streams are written once for each transaction, by store_commit().
 * Faults: as in store.h. A failed commit leaves the transaction to be rolled back by the caller.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/log_check.h"
#include "store_forward/schema.h"
#include "store_forward/store_internal.h"

/* Measured with 2 KB events: a page of 4096 holds one of them, so that the file is 48 % larger than with 8192 and costs
 * twice the processor time; 16384 saves another 14 % of space, and rewrites twice as much for a small document. */
#define PAGE_BYTES "8192"
/* Pages of log before they are moved to the file, 16 MiB: half of that loses a third of the appends per second to
 * waiting for the disk; twice as much gains a tenth. */
#define CHECKPOINT_PAGES "2000"
/* A row is at most an event and a few columns; more is damage, and is not allocated. */
#define ROW_BYTES_MAX (1 << 20)

/* Commits behind a bad frame of the log, in one run, that no power cut can leave. */
#define LOST_COMMITS_DAMAGE 2

static const char *const SETTINGS[] = {
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA page_size = " PAGE_BYTES, /* of a new file */
    "PRAGMA cache_size = -2048",
    "PRAGMA mmap_size = 0",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    /* FULL, and the directory is synced after the rollback journal of a new file is deleted: a journal that comes
     * back after a power cut would roll the whole store back to nothing. */
    "PRAGMA synchronous = EXTRA",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA secure_delete = OFF", /* Debian's default zeroes what is deleted: twice the writing of retention */
    "PRAGMA automatic_index = OFF",
    "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES,
    "PRAGMA journal_size_limit = 33554432",
};

/* Is the directory there? (After a refused try to write SQLite tries to read, and that says "no such file".) */
static bool directory_exists(struct hal *hal, const char *path)
{
	char directory[256];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return true;
	return text_copy(directory, sizeof directory, (struct span){path, (size_t)(slash - path)}) &&
	       hal_disk_exists(hal, directory);
}

static enum err open_failed(struct hal *hal, sqlite3 *db, int rc, const char *path, struct err_info *info)
{
	int system = db ? sqlite3_system_errno(db) : 0;
	if ((rc & 0xff) != SQLITE_CANTOPEN)
		return sql_failure(db, rc, path, "opening it", info);
	if (!directory_exists(hal, path))
		return err_set(info, ERR_NOT_FOUND,
		               "the directory of %s does not exist; make it, owned by the agent's user",
		               path);
	if (system == EACCES || system == EPERM || system == EROFS || system == ENOENT)
		return err_set(info, ERR_DENIED,
		               "%s cannot be opened for writing; check the owner and rights of its directory",
		               path);
	return err_set(info, ERR_IO,
	               "%s cannot be opened (system error %d); check that it is a file and its disk is well",
	               path, system);
}

enum err store_connect(struct hal *hal, const char *path, sqlite3 **db, struct err_info *info)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(path, db, flags, hal_disk_vfs(hal));
	if (rc == SQLITE_OK) {
		sqlite3_limit(*db, SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX);
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0] && rc == SQLITE_OK; i++)
		rc = sql_execute(*db, SETTINGS[i]);
	/* Takes the lock, and recovers what the log holds. */
	if (rc == SQLITE_OK)
		rc = sql_execute(*db, "SELECT count(*) FROM sqlite_schema");
	if (rc == SQLITE_OK)
		return ERR_OK;
	enum err err = open_failed(hal, *db, rc, path, info);
	sqlite3_close(*db);
	*db = NULL;
	return err;
}

bool identity_load(sqlite3_stmt *statement, struct store_identity *identity)
{
	struct span prefix = sql_column_span(statement, 1);
	struct span damage = sql_column_span(statement, 5);
	identity->version = sqlite3_column_int(statement, 0);
	identity->salvages = sqlite3_column_int64(statement, 2);
	identity->epoch_floor = sqlite3_column_int64(statement, 3);
	identity->created_ns = sqlite3_column_int64(statement, 4);
	struct row_sum sum = row_sum_begin(TABLE_STORE);
	row_sum_int(&sum, identity->version);
	row_sum_span(&sum, prefix);
	row_sum_int(&sum, identity->salvages);
	row_sum_int(&sum, identity->epoch_floor);
	row_sum_int(&sum, identity->created_ns);
	row_sum_span(&sum, damage);
	return row_sum_end(&sum) == sqlite3_column_int64(statement, 6) && identity->salvages >= 0 &&
	       text_copy(identity->urn_prefix, sizeof identity->urn_prefix, prefix) &&
	       text_copy(identity->damage, sizeof identity->damage, damage);
}

enum err identity_get(struct store *store, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_IDENTITY_GET);
	int rc = sqlite3_step(statement);
	enum err err = ERR_OK;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = store_sqlite_error(store, rc, "reading its identity", info);
	else if (rc == SQLITE_DONE || !identity_load(statement, &store->identity))
		err = store_row_damaged(store, info, "its identity");
	sqlite3_reset(statement);
	return err;
}

enum err identity_put(struct store *store, struct err_info *info)
{
	const struct store_identity *identity = &store->identity;
	struct row_sum sum = row_sum_begin(TABLE_STORE);
	row_sum_int(&sum, identity->version);
	row_sum_span(&sum, span_of(identity->urn_prefix));
	row_sum_int(&sum, identity->salvages);
	row_sum_int(&sum, identity->epoch_floor);
	row_sum_int(&sum, identity->created_ns);
	row_sum_span(&sum, span_of(identity->damage));
	sqlite3_stmt *statement = store_statement(store, STATEMENT_IDENTITY_PUT);
	sql_bind_int(statement, 1, identity->version);
	sql_bind_text(statement, 2, span_of(identity->urn_prefix));
	sql_bind_int(statement, 3, identity->salvages);
	sql_bind_int(statement, 4, identity->epoch_floor);
	sql_bind_int(statement, 5, identity->created_ns);
	sql_bind_text(statement, 6, span_of(identity->damage));
	sql_bind_int(statement, 7, row_sum_end(&sum));
	return store_run(store, statement, "writing its identity", info);
}

/* Makes or migrates the tables and writes the identity, in one transaction. */
static enum err make_schema(struct store *store, const struct schema_steps *steps, int version,
                            struct store_opening *opening, struct err_info *info)
{
	enum err err = version > 0 ? verify_file(store->db, store->path, info) : ERR_OK;
	if (err != ERR_OK)
		return err;
	int rc = sql_execute(store->db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK)
		rc = schema_migrate(store->db, steps, version);
	if (rc != SQLITE_OK)
		err = store_sqlite_error(store, rc, "making its tables", info);
	if (err == ERR_OK)
		err = store_prepare_all(store, info);
	if (err == ERR_OK && version > 0)
		err = identity_get(store, info);
	if (err == ERR_OK && store->identity.damage[0] != 0)
		err = err_set(info, ERR_CORRUPT, "found while running: %s", store->identity.damage);
	if (err == ERR_OK && version > 0)
		err = store_migrate(store, version, opening, info);
	if (err == ERR_OK) {
		store->identity.version = steps->count;
		if (store->identity.created_ns == 0)
			store->identity.created_ns = hal_wall_ns(store->hal);
		err = identity_put(store, info);
	}
	if (err == ERR_OK && version > 0 && version < SIDE_SCHEMA_VERSION)
		err = exceptions_number(store, info);
	if (err == ERR_OK) {
		rc = sql_execute(store->db, "COMMIT");
		if (rc != SQLITE_OK)
			err = store_sqlite_error(store, rc, "making its tables", info);
	}
	if (err != ERR_OK && !sqlite3_get_autocommit(store->db))
		(void)sql_execute(store->db, "ROLLBACK");
	return err;
}

static enum err settle_journal(struct store *store, bool fresh, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	const char *sql = fresh ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode";
	int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	bool logged = rc == SQLITE_ROW && span_equal(sql_column_span(statement, 0), SPAN_LITERAL("wal"));
	sqlite3_finalize(statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return store_sqlite_error(store, rc, "switching to its write-ahead log", info);
	if (logged)
		return ERR_OK;
	return fresh ? err_set(info, ERR_UNSUPPORTED, "the disk of %s does not allow a write-ahead log",
	                       store->path)
	             : err_set(info, ERR_CORRUPT, "%s: its header names another journal", store->path);
}

static enum err check_log(struct store *store, struct err_info *info)
{
	struct log_check check;
	int rc = log_check_read(store->db, &check);
	if (rc != SQLITE_OK)
		return store_sqlite_error(store, rc, "reading its log", info);
	if (check.commits_lost < LOST_COMMITS_DAMAGE)
		return ERR_OK;
	return err_set(info, ERR_CORRUPT,
	               "%s: its log is damaged after %d pages; %d commits behind that are lost", store->path,
	               check.frames_good, check.commits_lost);
}

/* What the file is, and the tables as this program wants them. */
static enum err settle_schema(struct store *store, const struct store_options *options,
                              struct store_opening *opening, struct err_info *info)
{
	struct schema_steps steps = schema_steps();
	enum schema_kind kind;
	int version;
	int rc = schema_identify(store->db, &steps, &kind, &version);
	if (rc != SQLITE_OK)
		return rc == SQLITE_CORRUPT && sqlite3_errcode(store->db) == SQLITE_OK
		           ? err_set(info, ERR_CORRUPT, "%s: its header contradicts its content", store->path)
		           : store_sqlite_error(store, rc, "reading its tables", info);
	if (kind == SCHEMA_NEWER)
		return err_set(info, ERR_VERSION,
		               "%s was made by a newer program (this one knows schema %d); install the newer "
		               "program again, or "
		               "name another store",
		               store->path, steps.count);
	if (kind == SCHEMA_FOREIGN)
		return err_set(info, ERR_BAD_INPUT, "%s is a database of another program; name another store",
		               store->path);
	enum err err = check_log(store, info);
	if (err != ERR_OK)
		return err;
	/* A new file takes the journal mode before its first table; every other has it already. */
	err = settle_journal(store, kind == SCHEMA_EMPTY, info);
	if (err != ERR_OK)
		return err;
	if (kind == SCHEMA_EMPTY) {
		opening->created = true;
		CHECK(text_copy(store->identity.urn_prefix, sizeof store->identity.urn_prefix,
		                span_of(options->source_urn_prefix)));
		return make_schema(store, &steps, 0, opening, info);
	}
	if (version < steps.count) {
		opening->migrated_from = version;
		return make_schema(store, &steps, version, opening, info);
	}
	if (schema_compare(store->db, &steps) != SQLITE_OK)
		return err_set(info, ERR_CORRUPT, "%s: its tables are not as the program made them",
		               store->path);
	err = store_prepare_all(store, info);
	return err == ERR_OK ? identity_get(store, info) : err;
}

/* The prefix begins every event's source: a store with documents of one gateway cannot go on as another's. */
static enum err settle_prefix(struct store *store, const char *prefix, struct err_info *info)
{
	if (strcmp(store->identity.urn_prefix, prefix) == 0)
		return ERR_OK;
	if (store->stream_count > 0)
		return err_set(info, ERR_CONFLICT,
		               "%s belongs to %s, the configuration says %s; restore the names of tenant and "
		               "gateway, or name "
		               "another store",
		               store->path, store->identity.urn_prefix, prefix);
	CHECK(text_copy(store->identity.urn_prefix, sizeof store->identity.urn_prefix, span_of(prefix)));
	return identity_put(store, info);
}

static enum err check_options(const struct store_options *options, struct err_info *info)
{
	CHECK(options->path != NULL && options->path[0] != 0 && options->source_urn_prefix != NULL);
	CHECK(options->retention_ns >= 0);
	if (strlen(options->path) > STORE_PATH_MAX)
		return err_set(info, ERR_TOO_LARGE,
		               "the store's path is longer than %d bytes; choose a shorter one",
		               STORE_PATH_MAX);
	struct store_identity *unused = NULL;
	if (strlen(options->source_urn_prefix) >= sizeof unused->urn_prefix)
		return err_set(info, ERR_TOO_LARGE,
		               "the names of tenant and gateway are too long together; at most %zu bytes",
		               sizeof unused->urn_prefix - 1);
	return ERR_OK;
}

static enum err measure_pages(struct store *store, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(store->db, "PRAGMA page_size", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	store->page_bytes = rc == SQLITE_ROW ? (uint32_t)sqlite3_column_int(statement, 0) : 0;
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? ERR_OK : store_sqlite_error(store, rc, "asking for its page size", info);
}

/* The log's content goes to the file and a new log begins: see log_check.h, rule 1. Where that fails the log stays. */
static void begin_log(struct store *store)
{
	int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK)
		log_event(store->log, LOG_STORE_FAILED,
		          "store=%s: its log could not be moved to the file: %s", store->path,
		          sqlite3_errmsg(store->db));
}

enum err store_open_file(const struct store_file_options *file, struct store **out,
                         struct store_opening *opening, struct err_info *info)
{
	const struct store_options *options = file->options;
	struct store *store = mem_alloc(sizeof *store);
	store->hal = file->hal;
	store->log = file->log;
	store->size_max = options->size_max;
	store->disk_reserve = options->disk_reserve;
	store->retention_ns = options->retention_ns;
	CHECK(text_copy(store->path, sizeof store->path, span_of(file->path)));
	enum err err = store_connect(file->hal, store->path, &store->db, info);
	if (err == ERR_OK)
		err = settle_schema(store, options, opening, info);
	if (err == ERR_OK)
		err = measure_pages(store, info);
	if (err == ERR_OK && !opening->created)
		err = verify_file(store->db, store->path, info);
	if (err == ERR_OK && store->identity.damage[0] != 0)
		err = err_set(info, ERR_CORRUPT, "found while running: %s", store->identity.damage);
	if (err == ERR_OK)
		err = streams_load(store, info);
	if (err == ERR_OK)
		err = trees_load(store, info);
	if (err == ERR_OK)
		err = heads_load(store, info);
	if (err == ERR_OK && !opening->created)
		err = verify_rows(store, info);
	if (err == ERR_OK)
		err = settle_prefix(store, options->source_urn_prefix, info);
	if (err != ERR_OK) {
		store_close_file(store, true);
		return err;
	}
	begin_log(store);
	*out = store;
	return ERR_OK;
}

static uint64_t documents_of(const struct store *store)
{
	struct store_totals totals;
	store_totals(store, &totals);
	return (uint64_t)totals.documents;
}

enum err store_open(struct hal *hal, const struct log *log, const struct store_options *options,
                    struct store **store, struct store_opening *opening, struct err_info *info)
{
	struct store_file_options file = {hal, log, options, options->path};
	struct err_info damage;
	*opening = (struct store_opening){0};
	*store = NULL;
	enum err err = check_options(options, info);
	if (err == ERR_OK)
		err = salvage_resume(&file, opening, info);
	if (err != ERR_OK)
		return err;
	err = store_open_file(&file, store, opening, &damage);
	if (err == ERR_OK && opening->salvaged)
		opening->documents_kept = documents_of(*store);
	if (err != ERR_CORRUPT)
		return err == ERR_OK ? ERR_OK : err_set(info, err, "%s", damage.text);
	*opening = (struct store_opening){.salvaged = true};
	snprintf(opening->text, sizeof opening->text, "%.255s", damage.text);
	err = store_salvage(&file, opening, info);
	if (err != ERR_OK)
		return err;
	struct store_opening again = {0};
	err = store_open_file(&file, store, &again, &damage);
	if (err != ERR_OK)
		return err_set(info, err, "%s was salvaged, and the new file fails as well: %s",
		               options->path, damage.text);
	return ERR_OK;
}

void store_close_file(struct store *store, bool keep_log)
{
	store_finalize_all(store);
	streams_free(store);
	if (store->db != NULL)
		(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log ? 1 : 0, NULL);
	CHECK(sqlite3_close(store->db) == SQLITE_OK);
	free(store);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->in_transaction)
		store_rollback(store);
	store_note_damage(store);
	/* SQLite moves the log into the file and removes it; if it cannot, the next open recovers from the log. */
	store_close_file(store, false);
}

enum err store_begin(struct store *store, struct err_info *info)
{
	CHECK(!store->in_transaction);
	enum err err =
	    store_run(store, store_statement(store, STATEMENT_BEGIN), "beginning a transaction", info);
	if (err != ERR_OK)
		return err;
	store->in_transaction = true;
	store->failed = ERR_OK;
	store->identity_saved = store->identity;
	store->exceptions_open_saved = store->exceptions_open;
	store->exception_id_saved = store->exception_id;
	store->stream_count_saved = store->stream_count;
	store->side_saved = store->side;
	return ERR_OK;
}

enum err store_commit(struct store *store, struct err_info *info)
{
	CHECK(store->in_transaction);
	enum err err = streams_flush(store, info);
	if (err == ERR_OK)
		err = heads_flush(store, info);
	if (err == ERR_OK)
		err = store_run(store, store_statement(store, STATEMENT_COMMIT), "committing", info);
	if (err != ERR_OK)
		return err;
	store->in_transaction = false;
	streams_committed(store);
	side_committed(store);
	return ERR_OK;
}

void store_rollback(struct store *store)
{
	if (!store->in_transaction)
		return;
	/* After some errors SQLite has rolled back by itself. */
	if (!sqlite3_get_autocommit(store->db)) {
		sqlite3_stmt *statement = store_statement(store, STATEMENT_ROLLBACK);
		int rc = sqlite3_step(statement);
		sqlite3_reset(statement);
		if (rc != SQLITE_DONE)
			log_event(store->log, LOG_STORE_FAILED, "store=%s: rolling back failed: %s",
			          store->path, sqlite3_errmsg(store->db));
		CHECK(sqlite3_get_autocommit(store->db));
	}
	store->in_transaction = false;
	store->failed = ERR_OK;
	store->identity = store->identity_saved;
	store->exceptions_open = store->exceptions_open_saved;
	store->exception_id = store->exception_id_saved;
	store->side = store->side_saved;
	streams_rolled_back(store);
	store_note_damage(store);
}

bool store_in_transaction(const struct store *store)
{
	return store->in_transaction;
}

int64_t store_first_revision(const struct store *store)
{
	return store->identity.salvages * 1000 + 1;
}

void store_totals(const struct store *store, struct store_totals *totals)
{
	*totals = (struct store_totals){0};
	for (int i = 0; i < store->stream_count; i++) {
		const struct stream_state *state = &store->streams[i]->now;
		totals->documents += state->documents;
		totals->queued += state->shown.next_sequence - 1 - state->shown.acked_sequence;
		totals->acked += state->acked_before + state->shown.acked_sequence;
	}
}
