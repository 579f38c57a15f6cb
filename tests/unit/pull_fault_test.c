/*
 * pull_fault_test.c - the pull machine and everything that goes wrong: child, statements, store, values.
 *
 * Why:   a fault may delay a document, never lose it, and never stop the feeds that are well.
 * Owns:  one world for each test.
 * Rules: as in pull_test.c.
 * Runs in: the tests.
 */
#include "connector/source/pull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/frame.h"
#include "tests/lib/pull_world.h"

#define INVOICES 600

static struct world world;

static void fill(void)
{
	for (int batch = 1; batch <= 5; batch++) {
		world_batch(&world, batch, 124060, 90000 + batch);
		world_journal(&world, batch, 10 * batch, 2);
		world_journal(&world, batch, 10 * batch + 1, 4);
	}
	for (int i = 0; i < INVOICES; i++)
		world_invoice(&world, 1000 + i, 1, 124060, 100000 + i % 60);
	world_customer(&world, 4000, 124059, 80000);
}

static int setup(void **state)
{
	(void)state;
	world_begin(&world, NULL, NULL);
	fill();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static const char *journal(int document)
{
	static char subject[64];
	(void)snprintf(subject, sizeof subject, "00001/journal/2024/JE-%d", document);
	return subject;
}

static struct pull_status *status_now(void)
{
	static struct pull_status status;
	pull_status(world.pull, &status);
	return &status;
}

static const struct pull_feed_status *feed_now(const char *name)
{
	struct pull_status *status = status_now();
	for (int i = 0; i < status->feed_count; i++) {
		if (strcmp(status->feeds[i].name, name) == 0)
			return &status->feeds[i];
	}
	fail_msg("no feed %s", name);
	return NULL;
}

/* The child hangs in a request: after 60 s without a frame it gets SIGTERM, 2 s later SIGKILL; another is
 * started, and everything is read. Not one second earlier. */
static void test_deadline(void **state)
{
	(void)state;
	while (world.source.executed < 3)
		(void)world_round(&world);
	world.source.hang = true;
	world.source.stubborn = true;
	/* Frames that still wait are taken; each restarts the clock. */
	world_pass(&world, 1);
	world_pass(&world, 58.5);
	assert_int_equal(world.source.terminated, 0);
	world_pass(&world, 1);
	assert_int_equal(world.source.terminated, 1);
	assert_string_equal(status_now()->state, "ending");
	assert_int_equal(world.source.killed, 0);
	world_pass(&world, 1.4);
	assert_int_equal(world.source.killed, 0);
	world_pass(&world, 1);
	assert_int_equal(world.source.killed, 1);
	world.source.hang = false;
	world_run(&world);
	assert_int_equal(world.source.spawned, 2);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
}

/* A child that never answers OPEN is ended 5 s after the login time-out of 15 s. */
static void test_login_hangs(void **state)
{
	(void)state;
	world.source.hang = true;
	world_pass(&world, 19.9);
	assert_int_equal(world.source.terminated, 0);
	world_pass(&world, 0.3);
	assert_int_equal(world.source.terminated, 1);
}

/* A core that was itself asleep for ten minutes does not blame the child, whose frames wait to be read. */
static void test_core_slept(void **state)
{
	(void)state;
	while (world.source.executed < 3)
		(void)world_round(&world);
	world.source.mono_ns += 600 * NS_PER_S;
	struct err_info info;
	int64_t due;
	assert_int_equal(pull_step(world.pull, world.source.mono_ns, &due, &info), ERR_OK);
	assert_int_equal(world.source.terminated, 0);
	world_run(&world);
	assert_int_equal(world.source.spawned, 1);
}

/* The child dies at each of its first 20 requests in turn: all documents are handed on, each death is
 * followed by another child after a pause. */
static void test_child_dies(void **state)
{
	(void)state;
	for (int request = 1; request <= 20; request++) {
		world_end(&world);
		world_begin(&world, NULL, NULL);
		fill();
		world.source.die_in = request;
		world_run(&world);
		assert_int_equal(world.document_count, 10 + INVOICES + 1);
		assert_in_range(world.source.spawned, 1, 2);
	}
}

/* A refused login is not tried again within 30 s, so that no account is locked; the fifth in a row raises
 * source-down, which ends when a connection stands. */
static void test_login_refused(void **state)
{
	(void)state;
	world.source.refuse_login = true;
	world_pass(&world, 29);
	assert_int_equal(world.source.spawned, 1);
	assert_non_null(strstr(status_now()->problem, "password authentication failed"));
	assert_string_equal(status_now()->state, "waiting");
	assert_null(world_exception(&world, "source-down", "connection"));
	/* Pauses: 30 s and up to 30, 60, 120, 240 s. */
	world_pass(&world, 5 * 30 + 30 + 60 + 120 + 240);
	assert_in_range(world.source.spawned, 5, 16);
	const char *text = world_exception(&world, "source-down", "connection");
	assert_non_null(text);
	assert_non_null(strstr(text, "password authentication failed"));
	world.source.refuse_login = false;
	world_run(&world);
	world_pass(&world, 1);
	assert_null(world_exception(&world, "source-down", "connection"));
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
	assert_string_equal(status_now()->problem, "");
}

/* A column that the database does not know any more stops its feed alone, with an exception; five minutes
 * after it is back the feed reads again by itself and the exception ends. */
static void test_statement_fails(void **state)
{
	(void)state;
	memory_source_sql(&world.source, "ALTER TABLE F03B11 RENAME COLUMN RPPTC TO RPPTCX");
	world_run(&world);
	assert_int_equal(world.document_count, 10 + 1);
	assert_true(feed_now("invoice")->stopped);
	/* At rest, but not with everything read: whoever waits for the end is told. */
	assert_true(pull_caught_up(world.pull));
	assert_true(pull_has_stopped_feeds(world.pull));
	assert_non_null(strstr(feed_now("invoice")->why, "RPPTC"));
	assert_false(feed_now("journal")->stopped);
	assert_non_null(strstr(world_exception(&world, "source-query", "invoice"), "RPPTC"));
	memory_source_sql(&world.source, "ALTER TABLE F03B11 RENAME COLUMN RPPTCX TO RPPTC");
	world_batch(&world, 99, WORLD_START_DAY, 80000);
	world_journal(&world, 99, 990, 2);
	world_pass(&world, 250);
	assert_true(feed_now("invoice")->stopped);
	assert_int_equal(world_find(&world, journal(990))->times, 1);
	world_pass(&world, 60);
	assert_int_equal(world.document_count, 10 + INVOICES + 2);
	assert_false(feed_now("invoice")->stopped);
	assert_false(pull_has_stopped_feeds(world.pull));
	assert_null(world_exception(&world, "source-query", "invoice"));
}

/* An answer without a column that the profile uses: the exception names file, feed, column and what there is.
 * */
static void test_absent_column(void **state)
{
	(void)state;
	world_end(&world);
	world_begin(&world, "SELECT ABAN8, ABALPH, ABTAX,", "SELECT ABAN8, ABALPH,");
	fill();
	world_run(&world);
	assert_int_equal(world.document_count, 10 + INVOICES);
	const char *text = world_exception(&world, "profile-column", "customer");
	assert_non_null(text);
	assert_non_null(strstr(text, "jde.yaml"));
	assert_non_null(strstr(text, "column ABTAX of feed customer"));
	assert_non_null(strstr(text, "ABAN8, ABALPH, ABCRCD, ABUSER, ABUPMJ, ABUPMT"));
}

/* A deadlock is tried again within seconds, ten in a row stop the feed. */
static void test_transient(void **state)
{
	(void)state;
	world.source.transient_in = 6;
	world_run(&world);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
	assert_int_equal(world.unreadable, 0);
	assert_int_equal(world.source.spawned, 1);
	assert_true(world.source.mono_ns < 60 * NS_PER_S);
}

/* Every statement fails ten times in a row: the feeds stop with an exception, and heal. */
static void test_transients_in_a_row(void **state)
{
	(void)state;
	world.source.transient_all = true;
	world_pass(&world, 120);
	assert_true(feed_now("journal")->stopped);
	assert_non_null(world_exception(&world, "source-query", "journal"));
	world.source.transient_all = false;
	world_pass(&world, 330);
	assert_null(world_exception(&world, "source-query", "journal"));
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
}

/* The store takes no more at each of the first 60 documents in turn: the transaction is lost, and all is
 * handed on in transactions that stand. What a lost transaction held does not count as read. */
static void test_rolled_back(void **state)
{
	(void)state;
	for (int document = 1; document < 60; document++) {
		world_end(&world);
		world_begin(&world, NULL, NULL);
		fill();
		world.fail_in = document;
		world_run(&world);
		assert_int_equal(world.rollbacks, 1);
		assert_int_equal(world.document_count, 10 + INVOICES + 1);
		assert_int_equal(world.source.spawned, 1);
	}
}

/* Opens a transaction and loses it, as the core does with a store that took no commit. */
static void lose_transaction(void)
{
	store_rollback(world.store);
	pull_rolled_back(world.pull, world.source.mono_ns);
}

/* One step of the machine without a commit. */
static void step_uncommitted(void)
{
	struct err_info info;
	int64_t due;
	assert_int_equal(pull_step(world.pull, world.source.mono_ns, &due, &info), ERR_OK);
}

/* source-down, told in a transaction that is lost, is told again; so is its end. */
static void test_told_in_lost_transaction(void **state)
{
	(void)state;
	world.source.refuse_login = true;
	for (int i = 0; i < 4000 && !store_in_transaction(world.store); i++) {
		struct hal_child_event event;
		struct err_info info;
		while (hal_child_next(&world.source.hal, &event))
			assert_int_equal(pull_event(world.pull, &event, world.source.mono_ns, &info), ERR_OK);
		world.source.mono_ns += NS_PER_S;
		step_uncommitted();
	}
	assert_non_null(world_exception(&world, "source-down", "connection"));
	lose_transaction();
	assert_null(world_exception(&world, "source-down", "connection"));
	world_pass(&world, 1);
	assert_non_null(world_exception(&world, "source-down", "connection"));
	world.source.refuse_login = false;
	world_run(&world);
	/* Its end, and that of a stopped feed, lost while all is at rest, comes with the next readings. */
	world_pass(&world, 1);
	assert_null(world_exception(&world, "source-down", "connection"));
	struct err_info info;
	bool fresh = false;
	const struct store_exception stopped = {.rule = SPAN_LITERAL("source-query"),
	                                        .source = SPAN_LITERAL("erp"),
	                                        .key = SPAN_LITERAL("invoice"),
	                                        .owner = STORE_OWNER_TECHNICAL,
	                                        .text = SPAN_LITERAL("stopped"),
	                                        .first_ns = 1,
	                                        .last_ns = 1};
	struct store_exception down = stopped;
	down.rule = SPAN_LITERAL("source-down");
	down.key = SPAN_LITERAL("connection");
	assert_int_equal(store_begin(world.store, &info), ERR_OK);
	assert_int_equal(store_exception_raise(world.store, &stopped, &fresh, &info), ERR_OK);
	assert_int_equal(store_exception_raise(world.store, &down, &fresh, &info), ERR_OK);
	assert_int_equal(store_commit(world.store, &info), ERR_OK);
	lose_transaction();
	world_run(&world);
	world_pass(&world, 1);
	assert_null(world_exception(&world, "source-query", "invoice"));
	assert_null(world_exception(&world, "source-down", "connection"));
}

/* Paused: what was asked is taken, nothing more is asked, no child is started; resumed, it goes on. */
static void test_pause(void **state)
{
	(void)state;
	while (world.source.executed < 3)
		(void)world_round(&world);
	pull_pause(world.pull, "the store is full");
	world_pass(&world, 5);
	int executed = world.source.executed;
	assert_true(status_now()->paused);
	assert_string_equal(status_now()->problem, "the store is full");
	assert_false(pull_streaming(world.pull));
	world_pass(&world, 600);
	assert_int_equal(world.source.executed, executed);
	assert_int_equal(world.source.terminated, 0);
	world.source.exit_due = true;
	world_pass(&world, 600);
	assert_int_equal(world.source.spawned, 1);
	pull_resume(world.pull);
	world_run(&world);
	assert_int_equal(world.source.spawned, 2);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
}

/* A unit with a held document is read again after a minute, then after 2 and 4 (at the polls that follow),
 * until nothing of it is held; other units are not. */
static void test_held_unit(void **state)
{
	(void)state;
	world.config.reread_ns = 0;
	world_restart(&world);
	(void)snprintf(world.held, sizeof world.held, "%s", journal(21));
	world_run(&world);
	assert_int_equal(world_times(&world, journal(21)), 1);
	world_pass(&world, 55);
	assert_int_equal(world_times(&world, journal(21)), 1);
	world_pass(&world, 40);
	assert_int_equal(world_times(&world, journal(21)), 2);
	world_pass(&world, 450);
	assert_int_equal(world_times(&world, journal(21)), 4);
	world.held[0] = 0;
	world_pass(&world, 600);
	int times = world_times(&world, journal(21));
	assert_in_range(times, 5, 6);
	world_pass(&world, 7200);
	assert_int_equal(world_times(&world, journal(21)), times);
	assert_int_equal(world_times(&world, journal(20)), times);
	assert_int_equal(world_times(&world, journal(30)), 1);
}

/* After a restart a held unit is found again at once, though its stamp is days old: the first reading looks
 * back. */
static void test_held_unit_after_restart(void **state)
{
	(void)state;
	(void)snprintf(world.held, sizeof world.held, "%s", journal(21));
	world_run(&world);
	world.held[0] = 0;
	world_restart(&world);
	world_run(&world);
	assert_int_equal(world_times(&world, journal(21)), 2);
	assert_int_equal(world_times(&world, journal(30)), 1);
}

/* A bad value keeps its document back, by subject; all others flow. Put right, it is read within the minute
 * or two that a held unit waits. */
static void test_bad_value(void **state)
{
	(void)state;
	memory_source_sql(&world.source, "UPDATE F0911 SET GLAA = 'NaN' WHERE GLDOC = 20 AND GLJELN = 20");
	memory_source_sql(&world.source,
	                  "UPDATE F03B11 SET RPRMK = CAST(x'4dfc' AS TEXT) WHERE RPDOC = 1100");
	world_run(&world);
	assert_int_equal(world.document_count, 10 + INVOICES + 1 - 2);
	assert_non_null(strstr(world_exception(&world, "value-bad", journal(20)), "'NaN'"));
	assert_non_null(strstr(world_exception(&world, "value-bad", "00001/invoice/2024/RI-1100"), "M\\xfc"));
	memory_source_sql(&world.source, "UPDATE F0911 SET GLAA = '-100' WHERE GLDOC = 20 AND GLJELN = 20");
	world_pass(&world, 120);
	assert_int_equal(world_times(&world, journal(20)), 1);
}

/* A journal and an invoice of January, older than the look-back, that cannot be read. */
static void spoil_old(void)
{
	world_batch(&world, 70, 124010, 90000);
	world_journal(&world, 70, 700, 2);
	world_invoice(&world, 2700, 1, 124010, 90000);
	memory_source_sql(&world.source, "UPDATE F0911 SET GLAA = 'NaN' WHERE GLDOC = 700 AND GLJELN = 20");
	memory_source_sql(&world.source, "UPDATE F03B11 SET RPAG = 'NaN' WHERE RPDOC = 2700");
}

/* No stamp changes: as when the profile or a limit was put right. */
static void mend_old(void)
{
	memory_source_sql(&world.source, "UPDATE F0911 SET GLAA = '-100' WHERE GLDOC = 700 AND GLJELN = 20");
	memory_source_sql(&world.source, "UPDATE F03B11 SET RPAG = '11900' WHERE RPDOC = 2700");
}

static void clear_exception(const char *key)
{
	struct err_info info;
	int cleared = 0;
	assert_int_equal(store_begin(world.store, &info), ERR_OK);
	assert_int_equal(store_exception_clear(world.store, SPAN_LITERAL("value-bad"), SPAN_LITERAL("erp"),
	                                       span_of(key), 1, &cleared, &info),
	                 ERR_OK);
	assert_int_equal(store_commit(world.store, &info), ERR_OK);
	assert_int_equal(cleared, 1);
}

/* A start with open exceptions reads everything once more, however old; the newest stamp stays. One without
 * them does not. */
static void test_held_read_again_after_start(void **state)
{
	(void)state;
	char newest[32];
	spoil_old();
	world_run(&world);
	world_pass(&world, 300);
	assert_int_equal(store_exceptions_open(world.store), 2);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
	(void)snprintf(newest, sizeof newest, "%s", feed_now("invoice")->newest);
	assert_int_equal(world_times(&world, journal(10)), 1);
	mend_old();
	world_restart(&world);
	world_run(&world);
	assert_int_equal(world_times(&world, journal(700)), 1);
	assert_int_equal(world_times(&world, "00001/invoice/2024/RI-2700"), 1);
	assert_int_equal(world_times(&world, journal(10)), 2);
	assert_string_equal(feed_now("invoice")->newest, newest);
	/* Once. */
	world_pass(&world, 300);
	assert_int_equal(world_times(&world, journal(10)), 2);
	assert_int_equal(world_times(&world, "00001/invoice/2024/RI-2700"), 1);
	clear_exception(journal(700));
	clear_exception("00001/invoice/2024/RI-2700");
	world_restart(&world);
	world_run(&world);
	assert_int_equal(world_times(&world, journal(10)), 2);
	assert_int_equal(world_times(&world, "00001/invoice/2024/RI-2700"), 1);
}

/* A start in the middle of the first reading ends that one, and reads everything once more; child deaths and
 * lost transactions on the way do not lose that, and it
 * ends. */
static void test_held_read_again_after_crash(void **state)
{
	(void)state;
	spoil_old();
	while (feed_now("invoice")->documents < 500)
		(void)world_round(&world);
	mend_old();
	world_restart(&world);
	world.source.die_in = 3;
	world.fail_in = 500;
	world_run(&world);
	assert_int_equal(world.rollbacks, 1);
	assert_int_equal(world.source.spawned, 3);
	/* A page of batches that was not whole when its child died comes again. */
	assert_in_range(world_times(&world, journal(700)), 1, 3);
	assert_in_range(world_times(&world, "00001/invoice/2024/RI-2700"), 1, 2);
	world_pass(&world, 300);
	assert_in_range(world_times(&world, journal(10)), 2, 4);
	int times = world_times(&world, journal(10));
	world_pass(&world, 300);
	assert_int_equal(world_times(&world, journal(10)), times);
}

/* A gate row without a stamp or key is an exception that stays open until a reading of everything meets none; the
 * other batches are read. */
static void test_bad_gate_row(void **state)
{
	(void)state;
	static const char key[] = "journal/gate ICICUT='G ' ICICU='77'";
	memory_source_sql(&world.source,
	                  "INSERT INTO F0011 (ICICU, ICUPMJ, ICUPMT) VALUES (77, 124060, NULL)");
	world_journal(&world, 77, 770, 2);
	world_run(&world);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
	assert_non_null(strstr(world_exception(&world, "value-bad", key), "ICUPMT=NULL"));
	world_pass(&world, 4000);
	assert_non_null(world_exception(&world, "value-bad", key));
	/* A reading of everything that meets it again. */
	world_restart(&world);
	world_run(&world);
	assert_non_null(world_exception(&world, "value-bad", key));
	memory_source_sql(&world.source, "UPDATE F0011 SET ICUPMT = 90000 WHERE ICICU = 77");
	world_restart(&world);
	world_run(&world);
	assert_null(world_exception(&world, "value-bad", key));
	assert_int_equal(store_exceptions_open(world.store), 0);
	assert_true(world_times(&world, journal(770)) >= 1);
}

/* A document without a subject is an exception by its plain key, which ends when the document is handed on and
 * not held. */
static void test_no_subject(void **state)
{
	(void)state;
	memory_source_sql(&world.source, "UPDATE F03B11 SET RPCTRY = NULL WHERE RPDOC = 1100");
	world_run(&world);
	assert_int_equal(world.document_count, 10 + INVOICES + 1 - 1);
	assert_int_equal(store_exceptions_open(world.store), 1);
	assert_non_null(world_exception(&world, "value-bad", "invoice 1100/RI/00001"));
	memory_source_sql(&world.source,
	                  "UPDATE F03B11 SET RPCTRY = 20, RPUPMJ = %d, RPUPMT = 80000 WHERE RPDOC = 1100",
	                  WORLD_START_DAY);
	(void)snprintf(world.held, sizeof world.held, "00001/invoice/2024/RI-1100");
	world_pass(&world, 60);
	assert_true(world_times(&world, "00001/invoice/2024/RI-1100") >= 1);
	assert_int_equal(store_exceptions_open(world.store), 1);
	world.held[0] = 0;
	world_pass(&world, 60);
	assert_int_equal(store_exceptions_open(world.store), 0);
}

/* What no source child says ends it, whatever state it is in: a frame before OPENED, an unknown type, answers
 * to nothing, rows that are cut. Each time another child is started and everything is read. */
static void test_nonsense(void **state)
{
	(void)state;
	static const uint8_t types[] = {
	    SOURCE_OPENED, SOURCE_FAILED, SOURCE_COLUMNS, SOURCE_ROWS, SOURCE_DONE, 99, 0};
	static const char bytes[] = "\x01\x00\x00\x00\x01\x00\x02\x00\xff\xff\xff\xff";
	for (size_t i = 0; i < sizeof types; i++) {
		for (int when = 0; when < 4; when++) {
			world_end(&world);
			world_begin(&world, NULL, NULL);
			fill();
			for (int round = 0; round < 1 + 3 * when; round++)
				(void)world_round(&world);
			memory_source_say(&world.source, types[i], bytes, sizeof bytes - 1);
			world_run(&world);
			assert_true(world.source.terminated >= 1);
			assert_int_equal(world.document_count, 10 + INVOICES + 1);
		}
	}
}

/* A statement that hangs its child three times in a row stops its feed; the others are read to their end. */
static void test_poisonous_statement(void **state)
{
	(void)state;
	/* The tenth request is in the middle of the invoices' pages or a unit; after each respawn the machine
	 * comes back to the feed that was not finished. */
	for (int i = 0; i < 12 && !feed_now("invoice")->stopped && !pull_caught_up(world.pull); i++) {
		for (int round = 0; round < 200 && !strstr(world.source.last_sql, "F03B11 R"); round++) {
			(void)world_round(&world);
			if (world.source.child == 0)
				world_pass(&world, 1);
		}
		world.source.hang = true;
		world_pass(&world, 63);
		world.source.hang = false;
		world.source.last_sql[0] = 0;
	}
	world_pass(&world, 120);
	assert_int_equal(world_times(&world, journal(10)) > 0, 1);
	assert_int_equal(world.source.terminated >= 1, 1);
	world_pass(&world, 400);
	assert_int_equal(world.document_count, 10 + INVOICES + 1);
}

/* A poke reads at once, also while a reading is under way. */
static void test_poke(void **state)
{
	(void)state;
	world_run(&world);
	world_batch(&world, 99, WORLD_START_DAY, 80000);
	world_journal(&world, 99, 990, 2);
	pull_poke(world.pull);
	assert_false(pull_caught_up(world.pull));
	world_run(&world);
	assert_int_equal(world_times(&world, journal(990)), 1);
	assert_true(world.source.mono_ns < 20 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_login_hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_core_slept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_child_dies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_login_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_statement_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_absent_column, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_transient, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_transients_in_a_row, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rolled_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_told_in_lost_transaction, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held_unit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held_unit_after_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_value, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held_read_again_after_start, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held_read_again_after_crash, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_gate_row, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_subject, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_poisonous_statement, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_poke, setup, teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
