/*
 * status_table_test.c - status tables on a real database: the writers, their children, the rights of both users.
 *
 * Why:   what a driver counts as changed, and what a database refuses to whom, is known only by asking the real one.
 * Owns:  a store in a directory of its own; the rows of the tables.
 * Rules: 1. The database, its tables and users are made by tests/integration/test_status_table.py, from the scripts of
 *           docs/operate.md: TWINPOST_ODBC_* name the user that reads the ERP (odbc_child.h), TWINPOST_STATUS_USER and
 *           _CONNECTION the one that writes (password in TWINPOST_STATUS_PASSWORD, given out as firmware/main.c does),
 *           TWINPOST_STATUS_TABLE, _NARROW and _DENIED its tables.
 *        2. Nothing waits for ever: what is not done within WAIT_SECONDS fails the test.
 * Runs in: the integration tests.
 * Tests: connector/source/status_writer.c, firmware/status_tables.c
 */
#include "firmware/status_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/main.h"
#include "hal/linux/hal_linux.h"
#include "store_forward/outcomes.h"
#include "store_forward/status_queue.h"
#include "tests/lib/odbc_child.h"

#define WAIT_SECONDS 60
#define MANY         300

static struct world {
	struct hal_linux *linux_hal;
	struct hal_linux_variable variable;
	char child[HAL_CHILD_NAME_MAX];
	struct config config;
	struct store *store;
	struct status_tables *tables;
	struct log log;
	char directory[64];
	char path[96];
} world;

static enum err sink_begin(void *self, struct err_info *info)
{
	(void)self;
	return store_in_transaction(world.store) ? ERR_OK : store_begin(world.store, info);
}

static enum err sink_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	bool fresh = false;
	(void)self;
	return store_exception_raise(world.store, exception, &fresh, info);
}

static enum err sink_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	int cleared = 0;
	(void)self;
	return store_exception_clear(world.store, span_of(rule), SPAN_LITERAL("uplink"), span_of(key), 1,
	                             &cleared, info);
}

static void must(enum err err, const struct err_info *info)
{
	if (err != ERR_OK)
		fail_msg("%s", info->text);
}

static void fill_config(const char *table)
{
	struct config_source *source = &world.config.sources[0];
	world.config.source_count = 1;
	*source = (struct config_source){
	    .name = "erp", .query_deadline_ns = 20 * NS_PER_S, .login_timeout_ns = 15 * NS_PER_S};
	assert_true(text_copy(source->status_table.connection, sizeof source->status_table.connection,
	                      span_of(setting("TWINPOST_STATUS_CONNECTION"))));
	assert_true(text_copy(source->status_table.user, sizeof source->status_table.user,
	                      span_of(setting("TWINPOST_STATUS_USER"))));
	assert_true(text_copy(source->status_table.table, sizeof source->status_table.table, span_of(table)));
	if (source->status_table.user[0])
		source->status_table.password =
		    (struct secret_reference){.kind = SECRET_ENVIRONMENT, .name = "TWINPOST_STATUS_PASSWORD"};
	status_writer_child_name(source, world.child);
}

/* The machine of one table, and a new store. */
static void open_world(const char *table)
{
	static struct store_opening opening;
	struct err_info info;
	memset(&world, 0, sizeof world);
	log_init_stderr(&world.log, LOG_LEVEL_ERROR);
	fill_config(table);
	world.variable =
	    (struct hal_linux_variable){HAL_ROLE_SOURCE, world.child, "TWINPOST_STATUS_PASSWORD"};
	const struct hal_linux_options options = {
	    .log = &world.log, .variables = &world.variable, .variable_count = 1};
	must(hal_linux_open(&world.linux_hal, &options, &info), &info);
	(void)snprintf(world.directory, sizeof world.directory, "/tmp/twinpost-status-XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	(void)snprintf(world.path, sizeof world.path, "%s/store.db", world.directory);
	const struct store_options store_options = {.path = world.path,
	                                            .size_max = UINT64_C(1) << 30,
	                                            .disk_reserve = 1 << 20,
	                                            .retention_ns = NS_PER_S,
	                                            .source_urn_prefix = "urn:twinpost:t:g"};
	must(store_open(&world.linux_hal->hal, NULL, &store_options, &world.store, &opening, &info), &info);
	const struct status_writer_sink sink = {NULL, sink_begin, sink_raise, sink_clear};
	world.tables =
	    status_tables_new(&world.linux_hal->hal, &world.log, world.store, &world.config, &sink);
	assert_int_equal(status_tables_count(world.tables), 1);
}

static void close_world(void)
{
	char path[128];
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	status_tables_free(world.tables);
	store_close(world.store);
	hal_linux_close(world.linux_hal);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", world.path, ends[i]);
		(void)remove(path);
	}
	(void)rmdir(world.directory);
}

/* What the core does, until done() says so. */
static void run_until(bool (*done)(void))
{
	struct hal *hal = &world.linux_hal->hal;
	int64_t end = hal_mono_ns(hal) + WAIT_SECONDS * NS_PER_S;
	while (!done()) {
		struct hal_child_event event;
		struct err_info info;
		int64_t due = hal_mono_ns(hal) + NS_PER_S;
		if (hal_mono_ns(hal) > end)
			fail_msg("not done within %d s", WAIT_SECONDS);
		for (int i = 0; i < 64 && hal_child_next(hal, &event); i++) {
			if (status_tables_own(world.tables, event.child))
				must(status_tables_event(world.tables, &event, hal_mono_ns(hal), &info),
				     &info);
		}
		must(status_tables_step(world.tables, hal_mono_ns(hal), &due, &info), &info);
		if (store_in_transaction(world.store))
			must(store_commit(world.store, &info), &info);
		if (!done())
			hal_wait(hal, due);
	}
}

static bool all_written(void)
{
	return store_status_waiting(world.store, SPAN_LITERAL("erp")) == 0 &&
	       status_tables_idle(world.tables);
}

static bool something_told(void)
{
	return store_exceptions_open(world.store) > 0;
}

static void add(const struct store_outcome *outcome)
{
	struct err_info info;
	must(store_outcome_add(world.store, outcome, &info), &info);
	must(store_status_add(world.store, SPAN_LITERAL("erp"), outcome->subject, outcome->revision, &info),
	     &info);
}

static void begin(void)
{
	struct err_info info;
	must(store_begin(world.store, &info), &info);
}

static void commit(void)
{
	struct err_info info;
	must(store_commit(world.store, &info), &info);
}

static void tell(const char *subject, int64_t revision, enum store_outcome_code code, const char *text)
{
	begin();
	add(&(struct store_outcome){.subject = span_of(subject),
	                            .revision = revision,
	                            .code = (uint8_t)code,
	                            .moved = true,
	                            .text = span_of(text),
	                            .received_ns = INT64_C(1795270805123000000)});
	commit();
}

static bool first_text(void *self, const struct store_exception *exception)
{
	return !text_copy(self, 1100, exception->text);
}

/* The text of the newest open exception. */
static const char *told(void)
{
	static char text[1100];
	struct err_info info;
	text[0] = 0;
	must(store_exceptions(world.store, false, 0, first_text, text, &info), &info);
	return text;
}

/* What the table has, as a user who may read it sees it. */
static void expect_table(const char *columns, const char *name, const char *rows)
{
	struct source_open open = open_message();
	char sql[256];
	open.connection = span_of(setting("TWINPOST_ODBC_ADMIN"));
	open.user = (struct span){NULL, 0};
	open.password.kind = SECRET_NONE;
	struct child child = open_child(&open);
	(void)snprintf(sql, sizeof sql, "select %s from %s order by subject", columns, name);
	expect_rows(&child, sql, rows);
	assert_int_equal(stop(&child), 0);
}

/* Every column, with text of every kind; then a second outcome, a newer revision, a late one; then all of it once more,
 * which changes nothing (MariaDB then counts no row). While the writer's connection stands, others see the rows. */
static void outcomes_reach_the_table(void **state)
{
	const char *table = setting("TWINPOST_STATUS_TABLE");
	(void)state;
	open_world(table);
	begin();
	add(&(struct store_outcome){.subject = SPAN_LITERAL("00001/journal/2026/JE-1"),
	                            .revision = 1,
	                            .code = STORE_OUTCOME_REJECTED,
	                            .moved = true,
	                            .document = SPAN_LITERAL("4711"),
	                            .date = SPAN_LITERAL("2026-11-21"),
	                            .ledger = SPAN_LITERAL("0L"),
	                            .reason = SPAN_LITERAL("F5 \"808\""),
	                            .reason_class = SPAN_LITERAL("mapping"),
	                            .text = SPAN_LITERAL("it's not \\ mapped; Umlaut Ü, 東京"),
	                            .received_ns = INT64_C(1795270805123000000)});
	commit();
	tell("00001/journal/2026/je-1", 1, STORE_OUTCOME_BOOKED, "");
	run_until(all_written);
	/* 1795270805 is 2026-11-21 14:20:05 UTC (date -u -d @1795270805). */
	expect_table("subject, revision, outcome, cloud_document, cloud_date, ledger, reason, reason_class, "
	             "text, updated",
	             table,
	             "00001/journal/2026/JE-1|1|REJECTED|4711|2026-11-21|0L|F5 \"808\"|mapping|it's not \\ "
	             "mapped; Umlaut "
	             "Ü, 東京|2026-11-21T14:20:05.123Z\n"
	             "00001/journal/2026/je-1|1|BOOKED|||||||2026-11-21T14:20:05.123Z\n");
	tell("00001/journal/2026/JE-1", 1, STORE_OUTCOME_BOOKED, "now");
	run_until(all_written);
	expect_table("revision, outcome, text", table, "1|BOOKED|now\n1|BOOKED|\n");
	tell("00001/journal/2026/JE-1", 3, STORE_OUTCOME_RECEIVED, "three");
	tell("00001/journal/2026/JE-1", 2, STORE_OUTCOME_BOOKED, "two");
	run_until(all_written);
	for (int again = 0; again < 2; again++) {
		struct err_info info;
		expect_table("revision, outcome, text", table, "3|RECEIVED|three\n1|BOOKED|\n");
		begin();
		must(store_status_add(world.store, SPAN_LITERAL("erp"),
		                      SPAN_LITERAL("00001/journal/2026/JE-1"), 3, &info),
		     &info);
		commit();
		run_until(all_written);
	}
	assert_int_equal(store_exceptions_open(world.store), 0);
	close_world();
}

/* Many rows, some of them twice. */
static void many_rows_arrive(void **state)
{
	char subject[64];
	(void)state;
	open_world(setting("TWINPOST_STATUS_TABLE"));
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(subject, sizeof subject, "00002/invoice/2026/%d", i);
		tell(subject, 1 + i % 2, STORE_OUTCOME_RECEIVED, "");
		if (i % 3 == 0)
			tell(subject, 1 + i % 2, STORE_OUTCOME_BOOKED, "");
	}
	run_until(all_written);
	struct source_open open = open_message();
	char sql[256];
	open.connection = span_of(setting("TWINPOST_ODBC_ADMIN"));
	open.user = (struct span){NULL, 0};
	open.password.kind = SECRET_NONE;
	struct child child = open_child(&open);
	(void)snprintf(sql, sizeof sql,
	               "select outcome, revision, count(*) from %s where subject like '00002/%%' "
	               "group by outcome, revision order by 1, 2",
	               setting("TWINPOST_STATUS_TABLE"));
	/* Of 0..299 each third one is booked: 50 even and 50 odd numbers. */
	expect_rows(&child, sql, "BOOKED|1|50\nBOOKED|2|50\nRECEIVED|1|100\nRECEIVED|2|100\n");
	assert_int_equal(stop(&child), 0);
	close_world();
}

/* A text over the width of its column: the row is passed over with what the database says, the others arrive. */
static void a_wide_text_is_passed_over(void **state)
{
	(void)state;
	if (kind() == SQLITE)
		skip(); /* it knows no widths */
	open_world(setting("TWINPOST_STATUS_NARROW"));
	tell("a", 1, STORE_OUTCOME_BOOKED, "12345678");
	tell("b", 1, STORE_OUTCOME_BOOKED, "123456789");
	tell("c", 1, STORE_OUTCOME_BOOKED, "");
	run_until(all_written);
	expect_table("subject", setting("TWINPOST_STATUS_NARROW"), "a\nc\n");
	assert_non_null(strstr(told(), "SQLSTATE 22001"));
	assert_int_equal(store_exceptions_open(world.store), 1);
	close_world();
}

/* A table that the user may not touch, or that is not there: told, and nothing leaves the queue. */
static void a_missing_right_is_told(void **state)
{
	(void)state;
	open_world(setting("TWINPOST_STATUS_DENIED"));
	tell("a", 1, STORE_OUTCOME_BOOKED, "");
	run_until(something_told);
	assert_non_null(strstr(told(), setting("TWINPOST_STATUS_DENIED")));
	assert_non_null(strstr(told(), "look at the table"));
	assert_int_equal(store_status_waiting(world.store, SPAN_LITERAL("erp")), 1);
	close_world();
}

/* Neither user can do the other's work, even where its child is opened for changes: the reader writes no status, the
 * writer reads nothing of the ERP and writes nothing into it. */
static void the_users_are_apart(void **state)
{
	struct source_open reader = open_message();
	struct source_open writer = open_message();
	char sql[256];
	(void)state;
	if (kind() == SQLITE)
		skip(); /* it knows no users */
	reader.changes = writer.changes = 1;
	writer.connection = span_of(setting("TWINPOST_STATUS_CONNECTION"));
	writer.user = span_of(setting("TWINPOST_STATUS_USER"));
	assert_true(text_copy(writer.password.name, sizeof writer.password.name,
	                      SPAN_LITERAL("TWINPOST_STATUS_PASSWORD")));
	struct child child = open_child(&reader);
	expect_rows(&child, "select amount from gl", "12.50\n");
	(void)snprintf(sql, sizeof sql, "update %s set outcome = 'x'", setting("TWINPOST_STATUS_TABLE"));
	expect_failure(&child, sql, SOURCE_FAILURE_QUERY);
	expect_failure(&child, "delete from gl", SOURCE_FAILURE_QUERY);
	assert_int_equal(stop(&child), 0);
	child = open_child(&writer);
	(void)snprintf(sql, sizeof sql, "select count(*) from %s where subject = 'a'",
	               setting("TWINPOST_STATUS_TABLE"));
	expect_rows(&child, sql, "0\n");
	expect_failure(&child, "select amount from gl", SOURCE_FAILURE_QUERY);
	expect_failure(&child, "update gl set amount = '0'", SOURCE_FAILURE_QUERY);
	(void)snprintf(sql, sizeof sql, "delete from %s", setting("TWINPOST_STATUS_TABLE"));
	expect_failure(&child, sql, SOURCE_FAILURE_QUERY);
	assert_int_equal(stop(&child), 0);
}

/* What waits for a source that has no status table any more is forgotten. */
static void a_former_table_is_forgotten(void **state)
{
	struct err_info info;
	int64_t due = INT64_MAX;
	(void)state;
	open_world(setting("TWINPOST_STATUS_TABLE"));
	begin();
	must(store_status_add(world.store, SPAN_LITERAL("former"), SPAN_LITERAL("a"), 1, &info), &info);
	must(store_status_add(world.store, SPAN_LITERAL("erp"), SPAN_LITERAL("a"), 1, &info), &info);
	commit();
	must(status_tables_step(world.tables, hal_mono_ns(&world.linux_hal->hal), &due, &info), &info);
	must(store_commit(world.store, &info), &info);
	assert_int_equal(store_status_waiting(world.store, SPAN_LITERAL("former")), 0);
	assert_int_equal(store_status_waiting(world.store, SPAN_LITERAL("erp")), 1);
	close_world();
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--child") == 0)
		return firmware_child(argc, argv);
	if (argc > 1 && strcmp(argv[1], ODBC_CHILD_ROLE) == 0)
		return run_role();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(outcomes_reach_the_table),   cmocka_unit_test(many_rows_arrive),
	    cmocka_unit_test(a_wide_text_is_passed_over), cmocka_unit_test(a_missing_right_is_told),
	    cmocka_unit_test(the_users_are_apart),        cmocka_unit_test(a_former_table_is_forgotten),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
