/*
 * status_writer_test.c - what the writer of a status table writes, and when, into a real database in memory.
 *
 * Why:   a person reads in the ERP what became of a document: it must be the newest, and be there soon.
 * Owns:  one world for each test.
 * Rules: what the table must hold is written by hand from docs/operate.md, Status tables.
 * Runs in: the tests.
 * Tests: connector/source/status_writer.c
 */
#include "connector/source/status_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/status_queue.h"
#include "tests/lib/status_world.h"

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

int main(void)
{
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
	    IN_WORLD(the_newest_state_is_written),        IN_WORLD(nothing_is_written_before_its_commit),
	    IN_WORLD(the_child_comes_and_goes),           IN_WORLD(many_rows_are_written_once),
	    IN_WORLD(a_row_without_an_outcome_is_passed),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
