/*
 * status_writer_test.c - the writer of a status table against a real database in memory, and everything that goes wrong.
 *
 * Why:   a person reads in the ERP what became of a document: it must be there in the end, and be the newest.
 * Owns:  one world for each test: the ERP's database, a store in a directory of its own, the writer.
 * Rules: 1. Each round is what the core does: events, a step, a commit. Time moves in pass() alone.
 *        2. What the table must hold is written by hand from docs/operate.md, Status tables.
 * Runs in: the tests.
 * Tests: connector/source/status_writer.c
 */
#include "connector/source/status_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_forward/outcomes.h"
#include "store_forward/status_queue.h"
#include "tests/lib/memory_source.h"

#define TABLE                                                                                            \
	"CREATE TABLE st (subject TEXT PRIMARY KEY, revision INTEGER NOT NULL, outcome TEXT NOT NULL,"   \
	" cloud_document TEXT, cloud_date TEXT, ledger TEXT, reason TEXT, reason_class TEXT, text TEXT " \
	"CHECK "                                                                                         \
	"(length(text) <= 20), updated TEXT)"
#define TOO_LONG "a text that the column does not take"

static struct world {
	struct memory_source erp;
	struct config_source config;
	struct status_writer_sink sink;
	struct status_writer *writer;
	struct store *store;
	char directory[64];
	char path[96];
	bool begin_fails;
	bool lose_commits; /* every transaction is rolled back at its end */
	int rollbacks;
	int64_t due;
} world;

static enum err sink_begin(void *self, struct err_info *info)
{
	(void)self;
	if (world.begin_fails)
		return err_set(info, ERR_FULL, "the disk is full");
	return store_in_transaction(world.store) ? ERR_OK : store_begin(world.store, info);
}

static enum err sink_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	bool fresh = false;
	(void)self;
	assert_true(store_in_transaction(world.store));
	assert_true(span_equal(exception->source, SPAN_LITERAL("uplink")));
	assert_int_equal(exception->owner, STORE_OWNER_TECHNICAL);
	return store_exception_raise(world.store, exception, &fresh, info);
}

static enum err sink_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	int cleared = 0;
	(void)self;
	assert_true(store_in_transaction(world.store));
	return store_exception_clear(world.store, span_of(rule), SPAN_LITERAL("uplink"), span_of(key),
	                             world.erp.wall_ns, &cleared, info);
}

static void make_writer(void)
{
	world.writer = status_writer_new(&world.erp.hal, NULL, world.store, &world.config, &world.sink);
}

static int set_up(void **state)
{
	static struct store_opening opening;
	struct err_info info;
	(void)state;
	memset(&world, 0, sizeof world);
	memory_source_init(&world.erp, ":memory:");
	memory_source_sql(&world.erp, TABLE);
	(void)snprintf(world.directory, sizeof world.directory, "/tmp/twinpost-status-XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	(void)snprintf(world.path, sizeof world.path, "%s/store.db", world.directory);
	world.config = (struct config_source){.name = "erp",
	                                      .query_deadline_ns = 60 * NS_PER_S,
	                                      .login_timeout_ns = 15 * NS_PER_S,
	                                      .status_table = {.connection = "DSN=staging", .table = "st"}};
	world.sink = (struct status_writer_sink){NULL, sink_begin, sink_raise, sink_clear};
	const struct store_options options = {.path = world.path,
	                                      .size_max = UINT64_C(1) << 30,
	                                      .disk_reserve = 1 << 20,
	                                      .retention_ns = NS_PER_S,
	                                      .source_urn_prefix = "urn:twinpost:t:g"};
	if (store_open(&world.erp.hal, NULL, &options, &world.store, &opening, &info) != ERR_OK)
		fail_msg("%s", info.text);
	make_writer();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char path[128];
	status_writer_free(world.writer);
	store_close(world.store);
	memory_source_release(&world.erp);
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", world.path, ends[i]);
		(void)remove(path);
	}
	(void)rmdir(world.directory);
	return 0;
}

static void roll_back(void)
{
	store_rollback(world.store);
	status_writer_rolled_back(world.writer, world.erp.mono_ns);
	world.rollbacks++;
}

/* true: something happened. */
static bool go_round(void)
{
	struct hal_child_event event;
	struct err_info info;
	bool any = false;
	for (int i = 0; i < 8 && hal_child_next(&world.erp.hal, &event); i++) {
		any = true;
		if (status_writer_owns(world.writer, event.child) &&
		    status_writer_event(world.writer, &event, world.erp.mono_ns, &info) != ERR_OK)
			roll_back();
	}
	if (status_writer_step(world.writer, world.erp.mono_ns, &world.due, &info) != ERR_OK)
		roll_back();
	if (store_in_transaction(world.store) && world.lose_commits)
		roll_back();
	else if (store_in_transaction(world.store))
		assert_int_equal(store_commit(world.store, &info), ERR_OK);
	return any || (world.erp.asked_count > 0 && !world.erp.hang);
}

/* Lets so many seconds pass, doing what becomes due. */
static void pass(double seconds)
{
	int64_t end = world.erp.mono_ns + (int64_t)(seconds * 1e9);
	for (int i = 0; i < 100000; i++) {
		if (go_round())
			continue;
		if (world.erp.mono_ns == end)
			return;
		int64_t next = world.due > world.erp.mono_ns && world.due < end ? world.due : end;
		world.erp.wall_ns += next - world.erp.mono_ns;
		world.erp.mono_ns = next;
	}
	fail_msg("busy for 100000 rounds");
}

static void begin(void)
{
	struct err_info info;
	assert_int_equal(store_begin(world.store, &info), ERR_OK);
}

static void commit(void)
{
	struct err_info info;
	assert_int_equal(store_commit(world.store, &info), ERR_OK);
}

/* An outcome that moves, in the open transaction. */
static void add_outcome(const char *subject, int64_t revision, enum store_outcome_code code,
                        const char *document, const char *text)
{
	struct err_info info;
	const struct store_outcome outcome = {.subject = span_of(subject),
	                                      .revision = revision,
	                                      .code = (uint8_t)code,
	                                      .moved = true,
	                                      .document = span_of(document),
	                                      .date = SPAN_LITERAL("2024-02-29"),
	                                      .ledger = SPAN_LITERAL("0L"),
	                                      .text = span_of(text),
	                                      .message = SPAN_LITERAL("m"),
	                                      .received_ns = world.erp.wall_ns};
	assert_int_equal(store_outcome_add(world.store, &outcome, &info), ERR_OK);
	assert_int_equal(
	    store_status_add(world.store, SPAN_LITERAL("erp"), span_of(subject), revision, &info), ERR_OK);
}

static void tell(const char *subject, int64_t revision, enum store_outcome_code code, const char *document,
                 const char *text)
{
	begin();
	add_outcome(subject, revision, code, document, text);
	commit();
}

/* "subject/revision outcome document text;" of all rows, by subject. */
static const char *table(void)
{
	static char shown[2048];
	sqlite3_stmt *statement = NULL;
	static const char sql[] =
	    "SELECT subject || '/' || revision || ' ' || outcome || ' ' || cloud_document || ' ' "
	    "|| text || ';' FROM st ORDER BY subject";
	shown[0] = 0;
	assert_int_equal(sqlite3_prepare_v2(world.erp.db, sql, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		size_t used = strlen(shown);
		(void)snprintf(shown + used, sizeof shown - used, "%s",
		               (const char *)sqlite3_column_text(statement, 0));
	}
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return shown;
}

static int64_t waiting(void)
{
	return store_status_waiting(world.store, SPAN_LITERAL("erp"));
}

struct wanted {
	const char *rule;
	const char *key;
	char text[1100];
	bool found;
};

static bool visit(void *self, const struct store_exception *exception)
{
	struct wanted *wanted = self;
	if (span_equal(exception->rule, span_of(wanted->rule)) &&
	    span_equal(exception->key, span_of(wanted->key))) {
		wanted->found = true;
		assert_true(text_copy(wanted->text, sizeof wanted->text, exception->text));
	}
	return true;
}

/* The text of an open exception; NULL: there is none. */
static const char *exception(const char *rule, const char *key)
{
	static struct wanted wanted;
	struct err_info info;
	wanted = (struct wanted){.rule = rule, .key = key};
	assert_int_equal(store_exceptions(world.store, false, 0, visit, &wanted, &info), ERR_OK);
	return wanted.found ? wanted.text : NULL;
}

static struct status_writer_status *status_now(void)
{
	static struct status_writer_status status;
	status_writer_status(world.writer, &status);
	return &status;
}

/* ---- writing ---- */

/* Every column is what the outcome says; the child has a name and a connection for changes of its own. A further
 * outcome of the revision, and a newer revision, take the row over; a late one of an older revision does not. */
static void the_newest_state_is_written(void **state)
{
	(void)state;
	sqlite3_stmt *statement = NULL;
	static const char *const columns[] = {
	    "a",  "1",    "REJECTED", "4711",       "2024-02-29",
	    "0L", "4000", "mapping",  "no account", "2024-02-29T09:00:00.000Z"};
	struct err_info info;
	const struct store_outcome rejected = {.subject = SPAN_LITERAL("a"),
	                                       .revision = 1,
	                                       .code = STORE_OUTCOME_REJECTED,
	                                       .moved = true,
	                                       .document = SPAN_LITERAL("4711"),
	                                       .date = SPAN_LITERAL("2024-02-29"),
	                                       .ledger = SPAN_LITERAL("0L"),
	                                       .reason = SPAN_LITERAL("4000"),
	                                       .reason_class = SPAN_LITERAL("mapping"),
	                                       .text = SPAN_LITERAL("no account"),
	                                       .received_ns = world.erp.wall_ns};
	begin();
	assert_int_equal(store_outcome_add(world.store, &rejected, &info), ERR_OK);
	assert_int_equal(store_status_add(world.store, SPAN_LITERAL("erp"), SPAN_LITERAL("a"), 1, &info),
	                 ERR_OK);
	commit();
	assert_false(status_writer_idle(world.writer));
	pass(1);
	assert_string_equal(world.erp.name, "erp-status");
	assert_true(world.erp.changes);
	assert_true(status_writer_idle(world.writer));
	assert_int_equal(
	    sqlite3_prepare_v2(world.erp.db,
	                       "SELECT subject, revision, outcome, cloud_document, cloud_date, ledger, "
	                       "reason, reason_class, text, updated FROM st",
	                       -1, &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	for (int i = 0; i < 10; i++)
		assert_string_equal((const char *)sqlite3_column_text(statement, i), columns[i]);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);

	tell("a", 1, STORE_OUTCOME_BOOKED, "1", "x");
	pass(1);
	assert_string_equal(table(), "a/1 BOOKED 1 x;");
	tell("a", 3, STORE_OUTCOME_RECEIVED, "", "");
	tell("b", 1, STORE_OUTCOME_BOOKED, "2", "");
	tell("a", 2, STORE_OUTCOME_BOOKED, "9", "late");
	pass(1);
	assert_string_equal(table(), "a/3 RECEIVED  ;b/1 BOOKED 2 ;");
	assert_int_equal(waiting(), 0);
	assert_int_equal(status_now()->written, 5);
	assert_int_equal(world.erp.spawned, 1);
	assert_int_equal(store_exceptions_open(world.store), 0);
}

/* Rows of a transaction that is open are not looked at; they are written soon after its commit, though nobody asks. */
static void nothing_is_written_before_its_commit(void **state)
{
	struct err_info info;
	(void)state;
	pass(1);
	begin();
	add_outcome("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	assert_int_equal(status_writer_step(world.writer, world.erp.mono_ns, &world.due, &info), ERR_OK);
	assert_int_equal(world.erp.asked_count, 0);
	assert_true(world.due <= world.erp.mono_ns + 50 * NS_PER_MS);
	commit();
	pass(0.05);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
}

/* After the start the table is looked at once, also where nothing waits; the child is kept for a minute after its last
 * work, and started again when there is more. */
static void the_child_comes_and_goes(void **state)
{
	(void)state;
	pass(59.9);
	assert_int_equal(world.erp.spawned, 1);
	assert_string_equal(status_now()->state, "ready");
	pass(0.2);
	assert_string_equal(status_now()->state, "waiting");
	assert_int_equal(world.erp.terminated, 1);
	pass(600);
	assert_int_equal(world.erp.spawned, 1);
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	pass(0.1);
	assert_int_equal(world.erp.spawned, 2);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
}

/* Many rows go over one child, each once. */
static void many_rows_are_written_once(void **state)
{
	char subject[32];
	(void)state;
	begin();
	for (int i = 0; i < 500; i++) {
		(void)snprintf(subject, sizeof subject, "s%03d", i);
		add_outcome(subject, 1, STORE_OUTCOME_BOOKED, "1", "");
	}
	commit();
	pass(1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(status_now()->written, 500);
	/* UPDATE and INSERT of each. */
	assert_int_equal(world.erp.executed, 1000);
	assert_int_equal(world.erp.spawned, 1);
}

/* A row whose document has no outcome (the store was salvaged) leaves the queue without one being written. */
static void a_row_without_an_outcome_is_passed(void **state)
{
	struct err_info info;
	(void)state;
	begin();
	for (int i = 0; i < 200; i++)
		assert_int_equal(
		    store_status_add(world.store, SPAN_LITERAL("erp"), SPAN_LITERAL("x"), 1, &info), ERR_OK);
	add_outcome("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	commit();
	pass(1);
	assert_int_equal(waiting(), 0);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
}

/* ---- trouble ---- */

/* No table: told after three failures with what the database says, also where nothing waits. Once it is there, all is
 * written, and the exception has ended. */
static void a_missing_table_is_told(void **state)
{
	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		memory_source_sql(&world.erp, "DROP TABLE st");
		if (waits)
			tell("a", 1, STORE_OUTCOME_BOOKED, "1", "");
		pass(60);
		assert_true(world.erp.spawned >= 3);
		const char *text = exception("status-table", "erp");
		assert_non_null(text);
		assert_non_null(strstr(text, "no such table: st"));
		assert_true(status_writer_idle(world.writer));
		memory_source_sql(&world.erp, TABLE);
		pass(301);
		assert_null(exception("status-table", "erp"));
		assert_string_equal(status_now()->problem, "");
		assert_string_equal(table(), waits ? "a/1 BOOKED 1 ;" : "");
		status_writer_free(world.writer);
		struct hal_child_event event;
		while (hal_child_next(&world.erp.hal, &event))
			;
		make_writer();
	}
}

/* A column that is missing is found when the child is opened. */
static void a_missing_column_is_told(void **state)
{
	(void)state;
	memory_source_sql(&world.erp, "ALTER TABLE st DROP COLUMN ledger");
	pass(60);
	assert_non_null(strstr(exception("status-table", "erp"), "ledger"));
}

/* An exception of an earlier run ends with the first good check. */
static void an_old_exception_ends(void **state)
{
	(void)state;
	memory_source_sql(&world.erp, "DROP TABLE st");
	pass(60);
	assert_non_null(exception("status-table", "erp"));
	status_writer_free(world.writer);
	struct hal_child_event event;
	while (hal_child_next(&world.erp.hal, &event))
		;
	memory_source_sql(&world.erp, TABLE);
	make_writer();
	pass(1);
	assert_null(exception("status-table", "erp"));
}

/* A row that the table does not take is passed over once another one was written, with an exception of its own that
 * ends when the subject is written. */
static void a_refused_row_holds_up_nothing(void **state)
{
	(void)state;
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", TOO_LONG);
	tell("b", 1, STORE_OUTCOME_BOOKED, "2", "");
	tell("c", 1, STORE_OUTCOME_BOOKED, "3", TOO_LONG);
	tell("d", 1, STORE_OUTCOME_BOOKED, "4", "");
	pass(1);
	assert_string_equal(table(), "b/1 BOOKED 2 ;d/1 BOOKED 4 ;");
	assert_int_equal(waiting(), 0);
	assert_int_equal(status_now()->passed_over, 2);
	assert_int_equal(world.erp.spawned, 1);
	assert_non_null(strstr(exception("status-table-row", "a"), "CHECK constraint failed"));
	assert_non_null(exception("status-table-row", "c"));
	assert_null(exception("status-table", "erp"));
	tell("a", 1, STORE_OUTCOME_REJECTED, "1", "short");
	pass(1);
	assert_string_equal(table(), "a/1 REJECTED 1 short;b/1 BOOKED 2 ;d/1 BOOKED 4 ;");
	assert_null(exception("status-table-row", "a"));
	assert_non_null(exception("status-table-row", "c"));
}

/* Alone, it may be the table that is wrong: it stays, is tried again, and is told as the table's trouble, until another
 * row shows that it is the row. */
static void a_refused_row_alone_stays(void **state)
{
	(void)state;
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", TOO_LONG);
	pass(60);
	assert_int_equal(waiting(), 1);
	assert_true(world.erp.spawned >= 3);
	assert_non_null(strstr(exception("status-table", "erp"), "CHECK constraint failed"));
	assert_true(status_writer_idle(world.writer));
	tell("b", 1, STORE_OUTCOME_BOOKED, "2", "");
	pass(301);
	assert_string_equal(table(), "b/1 BOOKED 2 ;");
	assert_int_equal(waiting(), 0);
	assert_null(exception("status-table", "erp"));
	assert_non_null(exception("status-table-row", "a"));
}

static void tell_bad(int count)
{
	char subject[8];
	for (int i = 0; i < count; i++) {
		(void)snprintf(subject, sizeof subject, "x%02d", i);
		tell(subject, 1, STORE_OUTCOME_BOOKED, "1", TOO_LONG);
	}
	tell("y", 1, STORE_OUTCOME_BOOKED, "2", "");
}

/* 16 refused rows in front of a good one are found out; the good one is written again for each of them. */
static void sixteen_suspects(void **state)
{
	(void)state;
	tell_bad(16);
	pass(1);
	assert_string_equal(table(), "y/1 BOOKED 2 ;");
	assert_int_equal(waiting(), 0);
	assert_int_equal(status_now()->passed_over, 16);
}

/* 17: the table is held to be wrong; nothing leaves the queue. */
static void seventeen_suspects(void **state)
{
	(void)state;
	tell_bad(17);
	pass(60);
	assert_string_equal(table(), "");
	assert_int_equal(waiting(), 18);
	assert_non_null(exception("status-table", "erp"));
}

/* ---- the child ---- */

/* No answer: 5 s after the query's time-out of 60 s SIGTERM, 2 s later SIGKILL, and another child writes it. */
static void a_hanging_statement_is_ended(void **state)
{
	(void)state;
	pass(1);
	world.erp.hang = world.erp.stubborn = true;
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	pass(64.9);
	assert_int_equal(world.erp.terminated, 0);
	pass(0.2);
	assert_int_equal(world.erp.terminated, 1);
	assert_string_equal(status_now()->state, "ending");
	pass(1.8);
	assert_int_equal(world.erp.killed, 0);
	pass(0.2);
	assert_int_equal(world.erp.killed, 1);
	world.erp.hang = false;
	pass(2);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
	assert_int_equal(world.erp.spawned, 2);
}

/* A login that hangs is ended 5 s after its time-out of 15 s. */
static void a_hanging_login_is_ended(void **state)
{
	(void)state;
	world.erp.hang = true;
	pass(19.9);
	assert_int_equal(world.erp.terminated, 0);
	pass(0.2);
	assert_int_equal(world.erp.terminated, 1);
}

/* A refused login is not tried again within 30 s: it may lock the account. */
static void a_refused_login_is_tried_slowly(void **state)
{
	(void)state;
	world.erp.refuse_login = true;
	pass(30);
	assert_int_equal(world.erp.spawned, 1);
	pass(150);
	assert_in_range(world.erp.spawned, 3, 6);
	assert_non_null(strstr(exception("status-table", "erp"), "password authentication failed"));
	world.erp.refuse_login = false;
	pass(400);
	assert_null(exception("status-table", "erp"));
}

/* The child ends in any of the first statements: what it had written is written again, nothing is missing. */
static void a_dying_child_loses_nothing(void **state)
{
	(void)state;
	for (int at = 1; at <= 8; at++) {
		world.erp.die_in = at;
		tell("a", at, STORE_OUTCOME_RECEIVED, "", "");
		tell("b", at, STORE_OUTCOME_BOOKED, "2", "");
		pass(120);
		char wanted[64];
		(void)snprintf(wanted, sizeof wanted, "a/%d RECEIVED  ;b/%d BOOKED 2 ;", at, at);
		assert_string_equal(table(), wanted);
		assert_int_equal(waiting(), 0);
		world.erp.die_in = 0;
	}
}

/* A statement that fails for now (a deadlock) is tried again; no child can be started for a while: likewise. */
static void passing_trouble_passes(void **state)
{
	(void)state;
	world.erp.transient_in = 2;
	world.erp.refuse_spawn = true;
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	pass(60);
	assert_non_null(strstr(exception("status-table", "erp"), "no more children"));
	world.erp.refuse_spawn = false;
	pass(301);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
	assert_int_equal(world.erp.spawned, 2);
	assert_null(exception("status-table", "erp"));
}

/* A child that says what the protocol does not allow is ended, whatever it says and whenever. */
static void a_lying_child_is_ended(void **state)
{
	static const struct {
		uint8_t type;
		const char *payload;
		size_t len;
	} lies[] = {
	    {SOURCE_DONE, "\1\0\0\0\0\0\0\0", 8},
	    {SOURCE_DONE, "x", 1},
	    {SOURCE_FAILED, "", 0},
	    {SOURCE_OPENED, "", 0},
	    {SOURCE_ROWS, "", 0},
	    {SOURCE_COLUMNS, "", 0},
	    {99, "", 0},
	    {SOURCE_OPEN, "\0\0\0\0", 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		pass(400); /* so that a child is started for this one */
		int before = world.erp.terminated;
		begin();
		add_outcome("a", (int64_t)i + 1, STORE_OUTCOME_BOOKED, "1", "");
		commit();
		(void)go_round();
		assert_string_equal(status_now()->state, "opening");
		memory_source_say(&world.erp, lies[i].type, lies[i].payload, lies[i].len);
		(void)go_round();
		assert_int_equal(world.erp.terminated, before + 1);
		pass(400);
		assert_int_equal(waiting(), 0);
	}
	/* And when it is ready. */
	tell("a", 100, STORE_OUTCOME_BOOKED, "1", "");
	pass(1);
	assert_string_equal(status_now()->state, "ready");
	int before = world.erp.terminated;
	memory_source_say(&world.erp, SOURCE_DONE, "\1\0\0\0\0\0\0\0", 8);
	(void)go_round();
	assert_int_equal(world.erp.terminated, before + 1);
}

/* ---- the store ---- */

/* Transactions are lost for a while: rows are written again, and leave the queue in the end; no busy loop. */
static void lost_transactions_only_repeat(void **state)
{
	(void)state;
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", TOO_LONG);
	tell("b", 1, STORE_OUTCOME_BOOKED, "2", "");
	world.lose_commits = true;
	pass(10);
	assert_int_equal(waiting(), 2);
	assert_in_range(world.rollbacks, 2, 40);
	assert_string_equal(table(), "b/1 BOOKED 2 ;");
	world.lose_commits = false;
	world.begin_fails = true;
	pass(10);
	assert_int_equal(waiting(), 2);
	world.begin_fails = false;
	pass(301);
	assert_int_equal(waiting(), 0);
	assert_string_equal(table(), "b/1 BOOKED 2 ;");
	assert_non_null(exception("status-table-row", "a"));
}

/* A full queue is told, and no more when all that waited is written. */
static void a_full_queue_is_told(void **state)
{
	struct err_info info;
	(void)state;
	world.erp.refuse_login = true;
	begin();
	for (int i = 0; i < STORE_STATUS_ROWS_MAX - 1; i++)
		assert_int_equal(
		    store_status_add(world.store, SPAN_LITERAL("erp"), SPAN_LITERAL("x"), 1, &info), ERR_OK);
	commit();
	pass(1);
	assert_null(exception("status-table-full", "erp"));
	tell("a", 1, STORE_OUTCOME_BOOKED, "1", "");
	pass(1);
	assert_non_null(strstr(exception("status-table-full", "erp"), "100000"));
	begin();
	assert_int_equal(
	    store_status_done(world.store, SPAN_LITERAL("erp"), STORE_STATUS_ROWS_MAX - 1, &info), ERR_OK);
	commit();
	pass(1);
	assert_non_null(exception("status-table-full", "erp"));
	world.erp.refuse_login = false;
	pass(400);
	assert_string_equal(table(), "a/1 BOOKED 1 ;");
	assert_null(exception("status-table-full", "erp"));
}

int main(void)
{
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    IN_WORLD(the_newest_state_is_written),
	    IN_WORLD(nothing_is_written_before_its_commit),
	    IN_WORLD(the_child_comes_and_goes),
	    IN_WORLD(many_rows_are_written_once),
	    IN_WORLD(a_row_without_an_outcome_is_passed),
	    IN_WORLD(a_missing_table_is_told),
	    IN_WORLD(a_missing_column_is_told),
	    IN_WORLD(an_old_exception_ends),
	    IN_WORLD(a_refused_row_holds_up_nothing),
	    IN_WORLD(a_refused_row_alone_stays),
	    IN_WORLD(sixteen_suspects),
	    IN_WORLD(seventeen_suspects),
	    IN_WORLD(a_hanging_statement_is_ended),
	    IN_WORLD(a_hanging_login_is_ended),
	    IN_WORLD(a_refused_login_is_tried_slowly),
	    IN_WORLD(a_dying_child_loses_nothing),
	    IN_WORLD(passing_trouble_passes),
	    IN_WORLD(a_lying_child_is_ended),
	    IN_WORLD(lost_transactions_only_repeat),
	    IN_WORLD(a_full_queue_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
