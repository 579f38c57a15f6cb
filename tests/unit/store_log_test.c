/*
 * store_log_test.c - the write-ahead log: what a kill or a power cut leaves, and what only damage leaves.
 *
 * Why:   SQLite ends the log at its first bad frame; commits behind that must not be gone in silence.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{log_check,store}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/lib/fault_vfs.h"
#include "tests/lib/test_store.h"

#define TRANSACTIONS 10
#define ROWS         20
#define PAGE         8192
#define HEADER       32
#define FRAME        (24 + PAGE)

struct log_test {
	struct test_store store;
	char log_path[200];
	struct test_file file; /* as a kill leaves them, after ten transactions */
	struct test_file log;
};

/* Copies file and log while the store is open: what a killed process leaves. */
static int set_up(void **state)
{
	struct log_test *test = mem_alloc(sizeof *test);
	test_store_begin(&test->store);
	snprintf(test->log_path, sizeof test->log_path, "%s-wal", test->store.path);
	test_store_open(&test->store);
	for (int i = 0; i < TRANSACTIONS; i++)
		test_append_many(&test->store, "a", i * ROWS + 1, i * ROWS + ROWS, 1, 500);
	test_file_read(&test->file, test->store.path);
	test_file_read(&test->log, test->log_path);
	assert_int_equal((test->log.len - HEADER) % FRAME, 0);
	test_store_close(&test->store);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	struct log_test *test = *state;
	test_store_end(&test->store);
	test_file_free(&test->file);
	test_file_free(&test->log);
	free(test);
	return 0;
}

/* Frames that end a transaction have the database's size in their bytes 4 to 7 (SQLite file format, 4.1). */
static bool is_commit(const struct test_file *log, size_t frame)
{
	static const uint8_t none[4];
	return memcmp(log->bytes + HEADER + frame * FRAME + 4, none, 4) != 0;
}

static size_t frames_of(const struct test_file *log)
{
	return (log->len - HEADER) / FRAME;
}

static int commits_after(const struct test_file *log, size_t frame)
{
	int commits = 0;
	for (size_t i = frame; i < frames_of(log); i++)
		commits += is_commit(log, i);
	return commits;
}

static bool take(void *self, const struct store_outbox_row *row)
{
	(void)row;
	++*(int64_t *)self;
	return true;
}

/* Opens what is there; returns how many documents it has. */
static int64_t open_and_count(struct log_test *test, struct test_file *log)
{
	int64_t rows = 0;
	test_file_write(&test->file, test->store.path);
	test_file_write(log, test->log_path);
	test_store_open(&test->store);
	if (!test->store.opening.salvaged && store_stream_count(test->store.store) > 0)
		test_store_must(&test->store,
		                store_outbox_read(test->store.store, 1, 0, take, &rows, &test->store.info),
		                "read");
	return rows;
}

/* Closes, and removes what a salvage put aside. */
static void put_away(struct log_test *test)
{
	char path[300];
	test_store_close(&test->store);
	if (!test->store.opening.salvaged)
		return;
	unlink(test->store.opening.damaged_path);
	snprintf(path, sizeof path, "%s-wal", test->store.opening.damaged_path);
	assert_int_equal(unlink(path), 0);
}

/* A kill loses nothing; a log cut anywhere loses the transactions that are not whole, and is no damage. */
static void kills_and_cuts_are_no_damage(void **state)
{
	struct log_test *test = *state;
	assert_int_equal(open_and_count(test, &test->log), TRANSACTIONS * ROWS);
	assert_false(test->store.opening.salvaged);
	put_away(test);
	for (size_t len = 0; len < test->log.len; len += 9973) {
		struct test_file cut = {test->log.bytes, len};
		assert_int_equal(open_and_count(test, &cut) % ROWS, 0);
		assert_false(test->store.opening.salvaged);
		put_away(test);
	}
}

/* One bad byte in each frame in turn. Two commits or more behind it: damage, told and salvaged, with log and file kept.
 * Fewer: as a power cut in the last transaction leaves it; what was committed before is there. */
static void damage_in_the_middle_is_found(void **state)
{
	struct log_test *test = *state;
	int found = 0;
	for (size_t frame = 0; frame < frames_of(&test->log); frame++) {
		struct test_file bad = {mem_alloc(test->log.len), test->log.len};
		memcpy(bad.bytes, test->log.bytes, bad.len);
		bad.bytes[HEADER + frame * FRAME + 24 + frame * 31 % PAGE] ^= 0x10;
		int64_t rows = open_and_count(test, &bad);
		bool damaged = commits_after(&test->log, frame) >= 2;
		assert_int_equal(test->store.opening.salvaged, damaged);
		if (damaged)
			assert_non_null(strstr(test->store.opening.text, "its log is damaged"));
		else
			assert_int_equal(rows, (TRANSACTIONS - commits_after(&test->log, frame)) * ROWS);
		found += damaged;
		put_away(test);
		test_file_free(&bad);
	}
	assert_true(found > 30);
}

/* A bad header hides the whole log; the commits in it show that it was one. */
static void damaged_header_is_found(void **state)
{
	struct log_test *test = *state;
	for (size_t at = 0; at < HEADER; at++) {
		test->log.bytes[at] ^= 0x01;
		(void)open_and_count(test, &test->log);
		assert_true(test->store.opening.salvaged);
		test->log.bytes[at] ^= 0x01;
		put_away(test);
	}
}

/* What an older generation of the log left behind its present end is not taken for commits. */
static void older_generations_do_not_count(void **state)
{
	struct log_test *test = *state;
	struct test_file mixed = {mem_alloc(test->log.len), test->log.len};
	memcpy(mixed.bytes, test->log.bytes, mixed.len);
	/* Other salts from the twelfth frame on. */
	for (size_t frame = 11; frame < frames_of(&mixed); frame++)
		memset(mixed.bytes + HEADER + frame * FRAME + 8, 0x5A, 8);
	assert_int_equal(open_and_count(test, &mixed) % ROWS, 0);
	assert_false(test->store.opening.salvaged);
	test_file_free(&mixed);
}

/* Opening begins a new log, so that the leavings of two power cuts never add up. */
static void opening_begins_a_new_log(void **state)
{
	struct log_test *test = *state;
	struct test_file log;
	(void)open_and_count(test, &test->log);
	test_file_read(&log, test->log_path);
	assert_int_equal(log.len, 0);
	test_file_free(&log);
}

/* A transaction of so many rows whose sync fails: its frames are in the log, and it is rolled back. */
static void fail_to_commit(struct test_store *test, const struct store_stream *stream, int rows)
{
	struct fault_plan *plan = fault_vfs_plan();
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	for (int n = 1; n <= rows; n++)
		test_store_must(test, test_append(test, stream, 9000 + n, 1, 500), "append");
	*plan = (struct fault_plan){.at = 1, .length = 1, .code = SQLITE_IOERR_WRITE, .syncs = true};
	assert_int_equal(store_commit(test->store, &test->info), ERR_IO);
	assert_int_equal(plan->failed, 1);
	*plan = (struct fault_plan){0};
	store_rollback(test->store);
}

/* Three commits fail, each shorter than the one before, on a disk that makes SQLite write each commit frame twice. Then
 * the power fails, and tears any one frame of what was not synced: nothing is lost that was promised, so nothing is
 * damaged. But a frame of what was synced, with two commits behind it, still is. */
static void leavings_of_failed_commits_are_no_damage(void **state)
{
	struct log_test *test = *state;
	struct test_store *store = &test->store;
	struct test_file log;
	size_t frames_of_seven = 0;
	test_store_end(store);
	test_store_begin(store);
	(void)fault_vfs_plan(); /* registers it */
	store->hal.vfs = FAULT_VFS_NAME;
	snprintf(test->log_path, sizeof test->log_path, "%s-wal", store->path);
	test_store_open(store);
	for (int i = 0; i < TRANSACTIONS; i++) {
		test_append_many(store, "a", i * ROWS + 1, i * ROWS + ROWS, 1, 500);
		test_file_read(&log, test->log_path);
		if (i == 6)
			frames_of_seven = frames_of(&log);
		test_file_free(&log);
	}
	test_file_read(&log, test->log_path);
	size_t synced = frames_of(&log);
	test_file_free(&log);
	const struct store_stream *stream = test_stream(store, "a");
	static const int sizes[] = {160, 80, 20};
	for (int i = 0; i < 3; i++)
		fail_to_commit(store, stream, sizes[i]);
	test_file_free(&test->file);
	test_file_free(&test->log);
	test_file_read(&test->file, store->path);
	test_file_read(&test->log, test->log_path);
	test_store_close(store);
	assert_true(frames_of(&test->log) > synced + 10 && commits_after(&test->log, synced) >= 5);
	for (size_t frame = 0; frame < frames_of(&test->log); frame++) {
		uint8_t *byte = &test->log.bytes[HEADER + frame * FRAME + 24 + frame * 31 % PAGE];
		*byte ^= 0x10;
		int64_t rows = open_and_count(test, &test->log);
		*byte ^= 0x10;
		if (frame < frames_of_seven)
			assert_true(store->opening.salvaged);
		if (frame >= synced) {
			assert_false(store->opening.salvaged);
			/* The last of the three may be found whole: then it was committed after all. */
			assert_true(rows == TRANSACTIONS * ROWS || rows == TRANSACTIONS * ROWS + sizes[2]);
		}
		put_away(test);
	}
}

int main(void)
{
#define WITH_LOG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_LOG(kills_and_cuts_are_no_damage), WITH_LOG(damage_in_the_middle_is_found),
	    WITH_LOG(damaged_header_is_found),      WITH_LOG(older_generations_do_not_count),
	    WITH_LOG(opening_begins_a_new_log),     WITH_LOG(leavings_of_failed_commits_are_no_damage),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
