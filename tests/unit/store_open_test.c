/*
 * store_open_test.c - opening: new files, other programs' files, newer and older ones, places that do not work.
 *
 * Why:   what a store is not must not be written to, and a person must be told what to do.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{store,schema,streams}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store_forward/chain.h"
#include "store_forward/schema.h"
#include "tests/lib/test_store.h"

static int set_up(void **state)
{
	struct test_store *test = mem_alloc(sizeof *test);
	test_store_begin(test);
	*state = test;
	return 0;
}

static int set_up_open(void **state)
{
	set_up(state);
	test_store_open(*state);
	return 0;
}

static int tear_down(void **state)
{
	test_store_end(*state);
	free(*state);
	return 0;
}

/* A new store: made, empty, first revision 1; the stream's source, epoch and chain are as the contract says. */
static void new_store_is_empty(void **state)
{
	struct test_store *test = *state;
	assert_true(test->opening.created);
	assert_false(test->opening.salvaged);
	assert_int_equal(test->opening.migrated_from, 0);
	assert_int_equal(store_first_revision(test->store), 1);
	assert_int_equal(store_stream_count(test->store), 0);
	assert_null(store_stream_by_id(test->store, 1));
	const struct store_stream *stream = test_stream(test, "00001");
	assert_int_equal(stream->id, 1);
	assert_int_equal(stream->epoch, 1767323045);
	assert_string_equal(stream->source, "urn:twinpost:acme:gw-1:00001:1767323045");
	struct digest start = chain_start(span_of(stream->source));
	assert_true(digest_equal(&stream->chain, &start));
	assert_int_equal(stream->next_sequence, 1);
	assert_int_equal(stream->acked_sequence, 0);
	struct store_totals totals;
	store_totals(test->store, &totals);
	assert_int_equal(totals.documents + totals.queued + totals.acked, 0);
}

/* No file but the store's own: no shared memory beside it, and after a close no log either. */
static void files_are_the_store_alone(void **state)
{
	struct test_store *test = *state;
	char path[200];
	test_append_many(test, "a", 1, 3, 1, 100);
	snprintf(path, sizeof path, "%s-shm", test->path);
	assert_int_not_equal(access(path, F_OK), 0);
	test_store_close(test);
	snprintf(path, sizeof path, "%s-wal", test->path);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(access(test->path, F_OK), 0);
}

/* The gateway's name begins every source: a store with streams cannot go on as another gateway's. */
static void prefix_is_kept(void **state)
{
	struct test_store *test = *state;
	test_store_close(test);
	test->options.source_urn_prefix = "urn:twinpost:acme:gw-2";
	test_store_open(test); /* no stream yet: it may change */
	assert_string_equal(test_stream(test, "a")->source, "urn:twinpost:acme:gw-2:a:1767323045");
	test_store_close(test);
	test->options.source_urn_prefix = TEST_STORE_PREFIX;
	assert_int_equal(
	    store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening, &test->info),
	    ERR_CONFLICT);
	assert_null(test->store);
	assert_non_null(strstr(test->info.text, "gw-2"));
}

/* Two processes (here: two connections): the second is told who has it, and the first goes on. */
static void second_opener_is_told(void **state)
{
	struct test_store *test = *state;
	struct store *second = NULL;
	struct store_opening opening;
	test_append_many(test, "a", 1, 1, 1, 100);
	assert_int_equal(store_open(&test->hal.hal, NULL, &test->options, &second, &opening, &test->info),
	                 ERR_CONFLICT);
	assert_non_null(strstr(test->info.text, "another process holds"));
	assert_null(second);
	test_append_many(test, "a", 2, 2, 1, 100);
	/* A real second process. */
	pid_t child = fork();
	if (child == 0)
		_exit(store_open(&test->hal.hal, NULL, &test->options, &second, &opening, &test->info) ==
		              ERR_CONFLICT
		          ? 7
		          : 1);
	int status = 0;
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* A newer schema: ERR_VERSION, and not a byte of the file changes. Another program's database likewise, and a file with
 * our id but no table of ours. */
static void newer_and_foreign_files_are_left_alone(void **state)
{
	struct test_store *test = *state;
	struct test_file before;
	struct test_file after;
	test_append_many(test, "a", 1, 5, 1, 100);
	test_store_close(test);
	test_store_sql(test, "UPDATE store SET version = 99; PRAGMA user_version = 99");
	test_file_read(&before, test->path);
	assert_int_equal(
	    store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening, &test->info),
	    ERR_VERSION);
	assert_non_null(strstr(test->info.text, "newer program"));
	test_file_read(&after, test->path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	test_file_free(&before);
	test_file_free(&after);
	unlink(test->path);
	test_store_sql(test, "CREATE TABLE songs(title TEXT); INSERT INTO songs VALUES('x')");
	test_file_read(&before, test->path);
	assert_int_equal(
	    store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening, &test->info),
	    ERR_BAD_INPUT);
	assert_non_null(strstr(test->info.text, "another program"));
	test_file_read(&after, test->path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	test_file_free(&before);
	test_file_free(&after);
}

/* The framework of steps: the steps of this program, and a made-up one after them, bring a file of version 1 to the
 * newest, with the same text of tables as an empty one brought there at once. */
static void steps_lead_from_any_version_to_the_newest(void **state)
{
	(void)state;
	struct schema_steps now = schema_steps();
	const char *sql[STORE_SCHEMA_VERSION + 1];
	memcpy(sql, now.sql, sizeof now.sql[0] * STORE_SCHEMA_VERSION);
	sql[STORE_SCHEMA_VERSION] = "ALTER TABLE units ADD COLUMN note TEXT NOT NULL DEFAULT '';";
	struct schema_steps one = {sql, 1};
	struct schema_steps two = {sql, STORE_SCHEMA_VERSION + 1};
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	enum schema_kind kind;
	int version = -1;
	assert_int_equal(schema_identify(db, &two, &kind, &version), SQLITE_OK);
	assert_int_equal(kind, SCHEMA_EMPTY);
	assert_int_equal(schema_migrate(db, &one, 0), SQLITE_OK);
	assert_int_equal(schema_compare(db, &one), SQLITE_OK);
	assert_int_equal(schema_compare(db, &two), SQLITE_CORRUPT);
	assert_int_equal(schema_identify(db, &two, &kind, &version), SQLITE_OK);
	assert_int_equal(kind, SCHEMA_OURS);
	assert_int_equal(version, 1);
	assert_int_equal(schema_migrate(db, &two, 1), SQLITE_OK);
	assert_int_equal(schema_compare(db, &two), SQLITE_OK);
	assert_int_equal(schema_identify(db, &two, &kind, &version), SQLITE_OK);
	assert_int_equal(version, STORE_SCHEMA_VERSION + 1);
	assert_int_equal(schema_identify(db, &now, &kind, &version), SQLITE_OK);
	assert_int_equal(kind, SCHEMA_NEWER);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Directory missing, file is a directory, no right to write: each its own sentence. */
static void places_that_do_not_work(void **state)
{
	struct test_store *test = *state;
	struct store *store = NULL;
	char path[512];
	struct store_options options = test->options;
	options.path = path;
	snprintf(path, sizeof path, "%s/absent/store.db", test->directory);
	assert_int_equal(store_open(&test->hal.hal, NULL, &options, &store, &test->opening, &test->info),
	                 ERR_NOT_FOUND);
	assert_non_null(strstr(test->info.text, "does not exist"));
	snprintf(path, sizeof path, "%s", test->directory);
	assert_int_not_equal(store_open(&test->hal.hal, NULL, &options, &store, &test->opening, &test->info),
	                     ERR_OK);
	assert_non_null(strstr(test->info.text, "check that it is a file"));
	memset(path, 'p', 300);
	path[300] = 0;
	assert_int_equal(store_open(&test->hal.hal, NULL, &options, &store, &test->opening, &test->info),
	                 ERR_TOO_LARGE);
	if (geteuid() != 0)
		return;
	/* As nobody, in a directory that is root's alone. */
	assert_int_equal(chmod(test->directory, 0755), 0);
	snprintf(path, sizeof path, "%s/store.db", test->directory);
	pid_t child = fork();
	if (child == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		enum err err =
		    store_open(&test->hal.hal, NULL, &options, &store, &test->opening, &test->info);
		_exit(err == ERR_DENIED && strstr(test->info.text, "rights") != NULL ? 7 : 3);
	}
	int status = 0;
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* A clock of 1970: an epoch is at least 1, and never below one that was given before. */
static void epochs_rise_whatever_the_clock_says(void **state)
{
	struct test_store *test = *state;
	assert_int_equal(test_stream(test, "a")->epoch, 1767323045);
	test->hal.wall_ns = 0;
	assert_int_equal(test_stream(test, "b")->epoch, 1767323045);
	test_store_reopen(test);
	assert_int_equal(test_stream(test, "c")->epoch, 1767323045);
	test_store_end(test);
	test_store_begin(test);
	test->hal.wall_ns = -5 * NS_PER_S;
	test_store_open(test);
	assert_int_equal(test_stream(test, "a")->epoch, 1);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up_open, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(new_store_is_empty),
	    WITH_STORE(files_are_the_store_alone),
	    WITH_STORE(prefix_is_kept),
	    WITH_STORE(second_opener_is_told),
	    WITH_STORE(newer_and_foreign_files_are_left_alone),
	    cmocka_unit_test(steps_lead_from_any_version_to_the_newest),
	    cmocka_unit_test_setup_teardown(places_that_do_not_work, set_up, tear_down),
	    WITH_STORE(epochs_rise_whatever_the_clock_says),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
