/*
 * status_writer_fault_test.c - everything that goes wrong for the writer of a status table.
 *
 * Why:   a fault may delay a row, never lose it, and never hold up the others.
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
		memory_source_sql(&world.erp, STATUS_TABLE);
		pass(301);
		assert_null(exception("status-table", "erp"));
		assert_string_equal(status_now()->problem, "");
		assert_string_equal(table(), waits ? "a/1 BOOKED 1 ;" : "");
		restart_writer();
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
	memory_source_sql(&world.erp, STATUS_TABLE);
	restart_writer();
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
	char subject[16];
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
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
	    IN_WORLD(a_missing_table_is_told),     IN_WORLD(a_missing_column_is_told),
	    IN_WORLD(an_old_exception_ends),       IN_WORLD(a_refused_row_holds_up_nothing),
	    IN_WORLD(a_refused_row_alone_stays),   IN_WORLD(sixteen_suspects),
	    IN_WORLD(seventeen_suspects),          IN_WORLD(a_hanging_statement_is_ended),
	    IN_WORLD(a_hanging_login_is_ended),    IN_WORLD(a_refused_login_is_tried_slowly),
	    IN_WORLD(a_dying_child_loses_nothing), IN_WORLD(passing_trouble_passes),
	    IN_WORLD(a_lying_child_is_ended),      IN_WORLD(lost_transactions_only_repeat),
	    IN_WORLD(a_full_queue_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
