/*
 * pull_test.c - the pull machine against a small ERP: nothing missed, nothing lost, whatever happens to its
 * child.
 *
 * Why:   everything that the cloud will ever see comes through here.
 * Owns:  one world for each test.
 * Rules: real SQL on SQLite, the real store, time in hand; what is expected follows from the rows that the
 *        test wrote.
 * Runs in: the tests.
 */
#include "connector/source/pull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pull_world.h"

#define HOUR 3600

static struct world world;

static int setup(void **state)
{
	(void)state;
	world_begin(&world, NULL, NULL);
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

static const char *invoice(int document)
{
	static char subject[64];
	(void)snprintf(subject, sizeof subject, "00001/invoice/2024/RI-%d", document);
	return subject;
}

/* Three batches of two journals, 40 invoices, 3 customers. */
static void small_erp(void)
{
	for (int batch = 1; batch <= 3; batch++) {
		world_batch(&world, batch, 124060, 90000 + batch);
		world_journal(&world, batch, 10 * batch, 2);
		world_journal(&world, batch, 10 * batch + 1, 4);
	}
	for (int i = 0; i < 40; i++)
		world_invoice(&world, 1000 + i, 1 + i % 3, 124060, 100000 + i);
	for (int i = 0; i < 3; i++)
		world_customer(&world, 4000 + i, 124059, 80000);
}

static void small_erp_is_read(int at_least)
{
	for (int batch = 1; batch <= 3; batch++) {
		assert_true(world_times(&world, journal(10 * batch)) >= at_least);
		assert_true(world_times(&world, journal(10 * batch + 1)) >= at_least);
		assert_int_equal(world_find(&world, journal(10 * batch + 1))->lines, 4);
	}
	for (int i = 0; i < 40; i++) {
		assert_true(world_times(&world, invoice(1000 + i)) >= at_least);
		assert_int_equal(world_find(&world, invoice(1000 + i))->lines, 1 + i % 3);
	}
	for (int i = 0; i < 3; i++) {
		char subject[64];
		(void)snprintf(subject, sizeof subject, "00000/customer/0/%d", 4000 + i);
		assert_true(world_times(&world, subject) >= at_least);
	}
	assert_int_equal(world.document_count, 49);
}

/* Everything that is posted is handed on once; an open batch, an unposted row, another ledger are not. */
static void test_first_reading(void **state)
{
	(void)state;
	small_erp();
	world_batch(&world, 9, 124060, 90000);
	memory_source_sql(&world.source, "UPDATE F0011 SET ICIST = 'A' WHERE ICICU = 9");
	world_journal(&world, 9, 90, 2);
	world_journal(&world, 3, 91, 2);
	memory_source_sql(&world.source, "UPDATE F0911 SET GLPOST = ' ' WHERE GLDOC = 91");
	world_run(&world);
	small_erp_is_read(1);
	assert_int_equal(world.handed_on, 49);
	assert_int_equal(world.unreadable, 0);
	struct pull_status status;
	pull_status(world.pull, &status);
	assert_string_equal(status.state, "idle");
	assert_string_equal(status.dbms, "SQLite 3");
	assert_string_equal(status.feeds[1].name, "invoice");
	assert_string_equal(status.feeds[1].newest, "2024-02-29 10:00:39");
	assert_int_equal(status.feeds[1].documents, 40);
	assert_false(status.feeds[1].catching_up);
}

/* Two later readings: the gate is asked, its units are passed over; what was read in the overlap comes again
 * until it is settled, and then nothing does. A whole hour of polls writes no watermark and hands on nothing.
 * */
static void test_rest(void **state)
{
	(void)state;
	world.config.reread_ns = 0;
	world_restart(&world);
	small_erp();
	world_run(&world);
	world_pass(&world, 300);
	int handed_on = world.handed_on;
	int journals = world_times(&world, journal(10));
	int executed = world.source.executed;
	world_pass(&world, 600);
	assert_int_equal(world.handed_on, handed_on);
	assert_int_equal(journals, 1);
	/* 20 polls of four feeds, one statement each, and not one for a unit. */
	assert_in_range(world.source.executed - executed, 4 * 19, 4 * 21);
}

/* 300 journals of 3 lines in one batch are 900 rows; pages hold 256 rows, so 85 whole documents each: four
 * pages. Each document comes once, whole; the same of 400 invoices of 2 items, which are paged without a
 * gate. */
static void test_pages(void **state)
{
	(void)state;
	world_batch(&world, 1, 124060, 90000);
	for (int i = 0; i < 300; i++)
		world_journal(&world, 1, 1000 + i, 3);
	for (int i = 0; i < 400; i++)
		world_invoice(&world, 5000 + i, 2, 124060, 90000);
	world_run(&world);
	assert_int_equal(world.handed_on, 700);
	assert_int_equal(world.document_count, 700);
	for (int i = 0; i < 300; i++)
		assert_int_equal(world_find(&world, journal(1000 + i))->lines, 3);
	for (int i = 0; i < 400; i++)
		assert_int_equal(world_find(&world, invoice(5000 + i))->lines, 2);
	/* Gate, 4 pages of the unit; 800 rows in pages of 127 documents (4); payments, customers. */
	assert_int_equal(world.source.executed, 1 + 4 + 4 + 1 + 1);
}

/* Four batches of 300 journals each, and small ones between: pages of several units are under way at once,
 * first and later pages by turns, and each document comes once and whole. */
static void test_pages_of_several_units(void **state)
{
	(void)state;
	for (int batch = 0; batch < 8; batch++) {
		world_batch(&world, 1 + batch, 124060, 90000 + batch);
		for (int i = 0; i < (batch % 2 ? 2 : 300); i++)
			world_journal(&world, 1 + batch, 1000 * (1 + batch) + i, 3);
	}
	world_run(&world);
	assert_int_equal(world.document_count, 4 * 302);
	assert_int_equal(world.handed_on, 4 * 302);
	for (int i = 0; i < world.document_count; i++)
		assert_int_equal(world.documents[i].lines, 3);
	assert_int_equal(world.source.spawned, 1);
}

/* Sixty batches of one journal each are read several at a time: by far fewer statements than batches. A
 * document that is held makes its whole group be read again once, one by one; after that only its own batch
 * is. */
static void test_small_units_together(void **state)
{
	(void)state;
	world.config.reread_ns = 0;
	world_restart(&world);
	for (int batch = 1; batch <= 60; batch++) {
		world_batch(&world, batch, 124060, 90000 + batch);
		world_journal(&world, batch, batch, 2);
	}
	(void)snprintf(world.held, sizeof world.held, "%s", journal(50));
	world_run(&world);
	assert_int_equal(world.handed_on, 60);
	assert_in_range(world.source.executed, 8, 25);
	world_pass(&world, 100);
	assert_int_equal(world_times(&world, journal(50)), 2);
	assert_in_range(world.handed_on, 62, 60 + 12);
	int handed_on = world.handed_on;
	world_pass(&world, 3600);
	assert_int_equal(world.handed_on - handed_on, world_times(&world, journal(50)) - 2);
	assert_in_range(world_times(&world, journal(50)), 5, 10);
}

/* A document of 256 rows fills the page exactly, one of 1,000 does not fit: the page grows until it does. One
 * of 10,000 lines is handed on, one of 10,001 is an exception by name; what stands around them flows on. */
static void test_large_documents(void **state)
{
	(void)state;
	world_batch(&world, 1, 124060, 90000);
	static const int lines[] = {2, 256, 3, 1000, 2, 10000, 2, 10001, 5};
	for (int i = 0; i < 9; i++)
		world_journal(&world, 1, 100 + i, lines[i]);
	world_run(&world);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(world_times(&world, journal(100 + i)), i == 7 ? 0 : 1);
		if (i != 7)
			assert_int_equal(world_find(&world, journal(100 + i))->lines, lines[i]);
	}
	assert_non_null(world_exception(&world, "document-too-large", journal(107)));
	assert_int_equal(store_exceptions_open(world.store), 1);
}

/* A restart at each moment of the first reading: everything is handed on, and what was read before the last
 * commit of a unit is not read again. */
static void test_crash_resumes(void **state)
{
	(void)state;
	world.source.rows_per_frame = 3;
	small_erp();
	for (int i = 0; i < 60; i++)
		world_invoice(&world, 3000 + i, 10, 124060, 110000);
	for (int rounds = 1; rounds < 40; rounds++) {
		for (int i = 0; i < rounds; i++)
			(void)world_round(&world);
		world_restart(&world);
	}
	world_run(&world);
	assert_int_equal(world.document_count, 49 + 60);
	for (int batch = 1; batch <= 3; batch++)
		assert_in_range(world_times(&world, journal(10 * batch)), 1, 40);
	for (int i = 0; i < 60; i++)
		assert_int_equal(world_find(&world, invoice(3000 + i))->lines, 10);
	/* All is read and settled: another restart reads no unit and no document again. */
	world_pass(&world, 300);
	int handed_on = world.handed_on;
	world_restart(&world);
	world_run(&world);
	assert_int_equal(world.handed_on, handed_on);
}

/* In the middle of a feed's pages a restart goes on behind the last page, not at the beginning. */
static void test_resume_behind_last_page(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		world_invoice(&world, 1000 + i, 1, 124060, 90000);
	while (world_times(&world, invoice(1600)) == 0)
		(void)world_round(&world);
	world_restart(&world);
	world_run(&world);
	assert_int_equal(world.document_count, 1000);
	assert_int_equal(world_times(&world, invoice(1000)), 1);
	assert_int_equal(world_times(&world, invoice(1400)), 1);
	assert_int_equal(world_times(&world, invoice(1999)), 1);
}

/* A batch that is committed late, its stamp within the overlap (2 minutes) of the newest, is found by the
 * next poll; one an hour older is found by the re-reading, within the hour, and not before. The same of
 * invoices. */
static void test_late_commit(void **state)
{
	(void)state;
	small_erp();
	world_batch(&world, 50, WORLD_START_DAY, 75900);
	world_journal(&world, 50, 500, 2);
	world_invoice(&world, 1900, 1, WORLD_START_DAY, 75900);
	world_run(&world);
	world_batch(&world, 51, WORLD_START_DAY, 75800);
	world_journal(&world, 51, 510, 2);
	world_invoice(&world, 1910, 1, WORLD_START_DAY, 75800);
	world_batch(&world, 52, WORLD_START_DAY, 65900);
	world_journal(&world, 52, 520, 2);
	world_invoice(&world, 1920, 1, WORLD_START_DAY, 65900);
	world_pass(&world, 60);
	assert_int_equal(world_times(&world, journal(510)), 1);
	assert_true(world_times(&world, invoice(1910)) >= 1);
	assert_int_equal(world_times(&world, journal(520)), 0);
	assert_int_equal(world_times(&world, invoice(1920)), 0);
	world_pass(&world, HOUR);
	assert_int_equal(world_times(&world, journal(520)), 1);
	assert_true(world_times(&world, invoice(1920)) >= 1);
}

/* An edit that leaves every stamp alone is found by the re-reading of the look-back; outside the look-back it
 * is not. */
static void test_edit_without_stamp(void **state)
{
	(void)state;
	world_batch(&world, 1, 124050, 90000);
	world_journal(&world, 1, 100, 2);
	world_batch(&world, 2, 124060, 90000);
	world_journal(&world, 2, 200, 2);
	world_run(&world);
	assert_int_equal(world_find(&world, journal(200))->total, 100);
	memory_source_sql(&world.source,
	                  "UPDATE F0911 SET GLAA = CASE WHEN GLAA = '100' THEN '777' ELSE '-777' END");
	world_pass(&world, 600);
	assert_int_equal(world_find(&world, journal(200))->total, 100);
	world_pass(&world, HOUR);
	assert_int_equal(world_find(&world, journal(200))->total, 777);
	assert_int_equal(world_find(&world, journal(100))->total, 100);
}

/* A stamp that changes brings the unit or document again with the next poll. */
static void test_edit_with_stamp(void **state)
{
	(void)state;
	small_erp();
	world_run(&world);
	memory_source_sql(&world.source, "UPDATE F0911 SET GLAA = '-777' WHERE GLDOC = 10 AND GLJELN = 10");
	memory_source_sql(&world.source, "UPDATE F0011 SET ICUPMJ = %d, ICUPMT = 80010 WHERE ICICU = 1",
	                  WORLD_START_DAY);
	memory_source_sql(&world.source,
	                  "UPDATE F03B11 SET RPVOD = 'V', RPUPMJ = %d, RPUPMT = 80010 WHERE RPDOC = 1000",
	                  WORLD_START_DAY);
	world_pass(&world, 60);
	assert_int_equal(world_times(&world, journal(10)), 2);
	assert_int_equal(world_find(&world, journal(10))->total, -777);
	assert_int_equal(world_times(&world, journal(20)), 1);
	assert_true(world_find(&world, invoice(1000))->voided);
}

/* A stamp in the future is read again until the ERP's clock has passed it; it hides nothing that is stamped
 * before it. */
static void test_future_stamp(void **state)
{
	(void)state;
	world_invoice(&world, 1000, 1, WORLD_START_DAY, 200000);
	world_run(&world);
	assert_int_equal(world_times(&world, invoice(1000)), 1);
	/* Ten minutes later, by the clock on the wall. */
	world_pass(&world, 600);
	world_invoice(&world, 1001, 1, WORLD_START_DAY, 81000);
	world_pass(&world, 60);
	assert_true(world_times(&world, invoice(1001)) >= 1);
	assert_true(world_times(&world, invoice(1000)) > 10);
}

/* A journal whose rows stand in two batches is read whole with either; automatic offsets belong to their
 * document. */
static void test_document_over_two_batches(void **state)
{
	(void)state;
	world_batch(&world, 1, 124060, 90000);
	world_journal(&world, 1, 100, 2);
	world_run(&world);
	assert_int_equal(world_find(&world, journal(100))->lines, 2);
	world_batch(&world, 2, WORLD_START_DAY, 80010);
	memory_source_sql(
	    &world.source,
	    "INSERT INTO F0911 (GLICU, GLDOC, GLJELN, GLDGJ, GLAA) VALUES (2, 100, 10, 124061, '-100'),"
	    " (2, 100, 20, 124061, '100')");
	memory_source_sql(&world.source,
	                  "INSERT INTO F0911 (GLDCT, GLODCT, GLICU, GLDOC, GLJELN, GLAA)"
	                  " VALUES ('RI', '  ', 2, 7, 10, '-500'), ('AE', 'RI', 2, 7, 20, '500')");
	world_pass(&world, 60);
	assert_int_equal(world_find(&world, journal(100))->lines, 4);
	assert_int_equal(world_find(&world, "00001/journal/2024/RI-7")->lines, 2);
	assert_int_equal(world.document_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_first_reading, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pages_of_several_units, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_small_units_together, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_large_documents, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_crash_resumes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_resume_behind_last_page, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_late_commit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_edit_without_stamp, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_edit_with_stamp, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_future_stamp, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_document_over_two_batches, setup, teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
