/*
 * store_status_test.c - the queue of the status tables: in order, after its commit, bounded, checked and salvaged.
 *
 * Why:   a row that is lost leaves the ERP's people with a state that is not true any more.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{status_queue,verify_side,salvage_side}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store_forward/checksum.h"
#include "store_forward/status_queue.h"
#include "tests/unit/store_fixture.h"

static enum err add(struct test_store *test, const char *source, const char *subject, int64_t revision)
{
	return store_status_add(test->store, span_of(source), span_of(subject), revision, &test->info);
}

static enum err done(struct test_store *test, const char *source, int64_t upto)
{
	return store_status_done(test->store, span_of(source), upto, &test->info);
}

static int64_t waiting(struct test_store *test, const char *source)
{
	return store_status_waiting(test->store, span_of(source));
}

/* "id:subject/revision;" of all that the source has. */
static const char *all_of(struct test_store *test, const char *source)
{
	static char text[512];
	struct store_status_row row = {.id = 0};
	text[0] = 0;
	while (store_status_next(test->store, span_of(source), row.id, &row, &test->info) == ERR_OK) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof text - used, "%lld:%s/%lld;", (long long)row.id, row.subject,
		         (long long)row.revision);
	}
	return text;
}

/* Ids rise over both sources; a row is handed out from its commit on; a rollback gives its id back; what is done is
 * gone, the other source's rows are not; the same after a reopen, and ids that went are not given again. */
static void rows_come_in_order_after_their_commit(void **state)
{
	struct test_store *test = *state;
	begin(test);
	must(test, add(test, "erp", "00100/journal/2026/1", 1));
	must(test, add(test, "sap", "00200/journal/2026/1", 3));
	must(test, add(test, "erp", "00100/journal/2026/2", 1));
	assert_string_equal(all_of(test, "erp"), "");
	assert_int_equal(waiting(test, "erp"), 2);
	commit(test);
	assert_string_equal(all_of(test, "erp"), "1:00100/journal/2026/1/1;3:00100/journal/2026/2/1;");
	assert_int_equal(store_status_committed(test->store), 3);
	begin(test);
	must(test, add(test, "erp", "x", 1));
	must(test, done(test, "erp", 1));
	assert_int_equal(waiting(test, "erp"), 2);
	store_rollback(test->store);
	assert_int_equal(waiting(test, "erp"), 2);
	begin(test);
	must(test, done(test, "erp", 2)); /* not the other source's row 2 */
	must(test, done(test, "erp", 2)); /* again: nothing */
	must(test, done(test, "nobody", 3));
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		assert_string_equal(all_of(test, "erp"), "3:00100/journal/2026/2/1;");
		assert_string_equal(all_of(test, "sap"), "2:00200/journal/2026/1/3;");
		assert_int_equal(waiting(test, "erp"), 1);
		assert_int_equal(waiting(test, "sap"), 1);
		assert_int_equal(waiting(test, "nobody"), 0);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	begin(test);
	must(test, done(test, "erp", 3));
	must(test, done(test, "sap", 3));
	commit(test);
	test_store_reopen(test);
	begin(test);
	must(test, add(test, "erp", "x", 1));
	commit(test);
	assert_string_equal(all_of(test, "erp"), "4:x/1;");
}

/* Nothing is done that was not committed; what is no row is refused, and the transaction goes on. */
static void bad_rows_are_refused(void **state)
{
	struct test_store *test = *state;
	char name[STORE_SOURCE_NAME_MAX + 2];
	char subject[STORE_SUBJECT_MAX + 2];
	memset(name, 'n', sizeof name);
	memset(subject, 's', sizeof subject);
	begin(test);
	assert_int_equal(add(test, "", "s", 1), ERR_BAD_INPUT);
	assert_int_equal(add(test, "erp", "", 1), ERR_BAD_INPUT);
	assert_int_equal(add(test, "erp", "s", 0), ERR_BAD_INPUT);
	name[STORE_SOURCE_NAME_MAX + 1] = 0;
	assert_int_equal(add(test, name, "s", 1), ERR_BAD_INPUT);
	subject[STORE_SUBJECT_MAX + 1] = 0;
	assert_int_equal(add(test, "erp", subject, 1), ERR_BAD_INPUT);
	name[STORE_SOURCE_NAME_MAX] = 0;
	subject[STORE_SUBJECT_MAX] = 0;
	must(test, add(test, name, subject, INT64_MAX));
	assert_int_equal(done(test, name, 1), ERR_BAD_INPUT);
	commit(test);
	struct store_status_row row;
	must(test, store_status_next(test->store, span_of(name), 0, &row, &test->info));
	assert_string_equal(row.subject, subject);
	assert_int_equal(row.revision, INT64_MAX);
}

/* STORE_STATUS_SOURCES_MAX sources have rows, one more is refused until the rows of one are done. */
static void places_for_sources_end(void **state)
{
	struct test_store *test = *state;
	char name[16];
	begin(test);
	for (int i = 0; i < STORE_STATUS_SOURCES_MAX; i++) {
		snprintf(name, sizeof name, "s%d", i);
		must(test, add(test, name, "x", 1));
	}
	assert_int_equal(add(test, "more", "x", 1), ERR_FULL);
	commit(test);
	int named = 0;
	for (int i = 0; i < STORE_STATUS_SOURCES_MAX; i++)
		named += store_status_source(test->store, i) != NULL;
	assert_int_equal(named, STORE_STATUS_SOURCES_MAX);
	begin(test);
	must(test, done(test, "s3", 4));
	must(test, add(test, "more", "x", 1));
	commit(test);
	assert_string_equal(all_of(test, "more"), "17:x/1;");
}

/* STORE_STATUS_ROWS_MAX rows: full. One more: the oldest of all sources has gone, and nothing else. */
static void a_full_queue_loses_its_oldest(void **state)
{
	struct test_store *test = *state;
	struct store_status_row row;
	begin(test);
	must(test, add(test, "sap", "oldest", 1));
	for (int i = 2; i < STORE_STATUS_ROWS_MAX; i++)
		must(test, add(test, "erp", "x", i));
	assert_false(store_status_full(test->store));
	must(test, add(test, "erp", "x", STORE_STATUS_ROWS_MAX));
	assert_true(store_status_full(test->store));
	assert_int_equal(waiting(test, "sap"), 1);
	must(test, add(test, "erp", "newest", 1));
	commit(test);
	assert_true(store_status_full(test->store));
	assert_int_equal(waiting(test, "sap"), 0);
	assert_int_equal(waiting(test, "erp"), STORE_STATUS_ROWS_MAX);
	must(test, store_status_next(test->store, SPAN_LITERAL("erp"), 0, &row, &test->info));
	assert_int_equal(row.id, 2);
	begin(test);
	must(test, done(test, "erp", 2));
	commit(test);
	assert_false(store_status_full(test->store));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(waiting(test, "erp"), STORE_STATUS_ROWS_MAX - 1);
	assert_string_equal(all_of(test, "sap"), "");
}

/* A changed row, a row that is missing or too much, a head that was changed: found at open, and the good rows are kept
 * with their ids. */
static void damage_is_found_and_the_rest_kept(void **state)
{
	static const struct {
		const char *sql;
		const char *kept;
		uint64_t lost;
	} damages[] = {
	    {"UPDATE status_queue SET revision = 9 WHERE id = 2", "3:c/1;", 1},
	    {"DELETE FROM status_queue WHERE id = 2", "3:c/1;", 1},
	    {"UPDATE status_queue SET source = 'sap' WHERE id = 2", "3:c/1;", 1},
	    {"UPDATE heads SET low = 0 WHERE name = 'status'", "2:b/1;3:c/1;", 1},
	    {"UPDATE heads SET high = 9 WHERE name = 'status'", "2:b/1;3:c/1;", 1},
	    {"DELETE FROM heads WHERE name = 'status'", "2:b/1;3:c/1;", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		void *inner = NULL;
		set_up(&inner);
		struct test_store *test = inner;
		begin(test);
		must(test, add(test, "erp", "a", 1));
		must(test, add(test, "erp", "b", 1));
		must(test, add(test, "erp", "c", 1));
		commit(test);
		begin(test);
		must(test, done(test, "erp", 1));
		commit(test);
		test_store_close(test);
		test_store_sql(test, damages[i].sql);
		test_store_open(test);
		if (!test->opening.salvaged)
			fail_msg("not found: %s", damages[i].sql);
		assert_string_equal(all_of(test, "erp"), damages[i].kept);
		assert_int_equal(test->opening.rows_lost, damages[i].lost);
		begin(test);
		must(test, add(test, "erp", "d", 1));
		commit(test);
		assert_true(store_status_committed(test->store) >= 4);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
		tear_down(&inner);
	}
}

/* Table store as version 3 wrote it: the checksum covers the version. */
static void identity_of_version_3(struct test_store *test)
{
	static const char select[] = "SELECT urn_prefix, salvages, epoch_floor, created FROM store";
	sqlite3 *db = NULL;
	sqlite3_stmt *row = NULL;
	char sql[128];
	assert_int_equal(sqlite3_open(test->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, select, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	struct row_sum sum = row_sum_begin('s');
	row_sum_int(&sum, 3);
	row_sum_span(&sum, span_of((const char *)sqlite3_column_text(row, 0)));
	for (int i = 1; i < 4; i++)
		row_sum_int(&sum, sqlite3_column_int64(row, i));
	row_sum_span(&sum, span_of(""));
	snprintf(sql, sizeof sql, "UPDATE store SET version = 3, checksum = %lld",
	         (long long)row_sum_end(&sum));
	assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A store of version 3 has no queue: it is brought to 4 with an empty one; where it is damaged as well it is salvaged,
 * without a row of the queue being called lost. */
static void version_3_gets_an_empty_queue(void **state)
{
	struct test_store *test = *state;
	for (int damaged = 0; damaged < 2; damaged++) {
		test_append_many(test, "00100", 1, 5, 1, 300);
		test_acknowledge(test, "00100", 5, 1);
		test_store_close(test);
		test_store_sql(test, "DROP TABLE status_queue; DELETE FROM heads WHERE name = 'status';"
		                     "PRAGMA user_version = 3");
		identity_of_version_3(test);
		if (damaged)
			test_store_sql(test, "UPDATE streams SET documents = 4");
		test_store_open(test);
		assert_int_equal(test->opening.salvaged, damaged);
		assert_int_equal(test->opening.migrated_from, damaged ? 0 : 3);
		begin(test);
		must(test, add(test, "erp", "a", 1));
		commit(test);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
		assert_string_equal(all_of(test, "erp"), "1:a/1;");
		test_store_end(test);
		test_store_begin(test);
		test_store_open(test);
	}
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(rows_come_in_order_after_their_commit),
	    WITH_STORE(bad_rows_are_refused),
	    WITH_STORE(places_for_sources_end),
	    WITH_STORE(a_full_queue_loses_its_oldest),
	    cmocka_unit_test(damage_is_found_and_the_rest_kept),
	    WITH_STORE(version_3_gets_an_empty_queue),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
