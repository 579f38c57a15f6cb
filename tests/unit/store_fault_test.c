/*
 * store_fault_test.c - a disk that is full or fails, at every operation: promises are kept, nothing stays half done.
 *
 * Why:   a failed commit, checkpoint or append is an ordinary day for a box in a cupboard.
 * Owns:  one directory for each test; a small tmpfs where the system allows it.
 * Runs in: the test suite.
 * Tests: store_forward/{store,statements,streams,outbox}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/lib/fault_vfs.h"
#include "tests/lib/test_store.h"

static int set_up(void **state)
{
	struct test_store *test = mem_alloc(sizeof *test);
	test_store_begin(test);
	*fault_vfs_plan() = (struct fault_plan){0};
	test->hal.vfs = FAULT_VFS_NAME;
	test_store_open(test);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	*fault_vfs_plan() = (struct fault_plan){0};
	test_store_end(*state);
	free(*state);
	return 0;
}

/* What the workload was told is durable. */
struct promised {
	int64_t appended;
	int64_t acked;
	int64_t exceptions;
};

#define ROUNDS       6
#define ROWS_A_ROUND 40

/* One transaction of appends, an acknowledgement, an exception and a watermark that says how far it is. */
static enum err one_round(struct test_store *test, int64_t from, int64_t acked)
{
	const struct store_stream *stream = NULL;
	char key[32];
	char mark[32];
	bool fresh;
	enum err err = store_begin(test->store, &test->info);
	if (err == ERR_OK)
		err = store_stream_open(test->store, "a", &stream, &test->info);
	for (int64_t n = from + 1; n <= from + ROWS_A_ROUND && err == ERR_OK; n++)
		err = test_append(test, stream, (int)n, 1, 2000);
	if (err == ERR_OK && acked > 0)
		err = store_acknowledge(test->store, stream->id, acked, test->hal.wall_ns, &test->info);
	snprintf(key, sizeof key, "after-%d", (int)from);
	snprintf(mark, sizeof mark, "%d", (int)from + ROWS_A_ROUND);
	struct store_exception exception = {
	    .rule = SPAN_LITERAL("r"), .source = SPAN_LITERAL("erp"), .key = span_of(key)};
	if (err == ERR_OK)
		err = store_exception_raise(test->store, &exception, &fresh, &test->info);
	if (err == ERR_OK)
		err = store_watermark_put(test->store, "erp", "q", span_of(mark), &test->info);
	if (err == ERR_OK)
		err = store_commit(test->store, &test->info);
	if (err != ERR_OK)
		store_rollback(test->store);
	return err;
}

static void run_rounds(struct test_store *test, struct promised *promised)
{
	for (int round = 0; round < ROUNDS; round++) {
		int64_t acked = promised->appended > 10 ? promised->appended - 10 : 0;
		enum err err = one_round(test, promised->appended, acked);
		if (err == ERR_OK) {
			promised->appended += ROWS_A_ROUND;
			promised->acked = acked > promised->acked ? acked : promised->acked;
			promised->exceptions++;
		} else {
			assert_true(err == ERR_FULL || err == ERR_IO);
			assert_true(strlen(test->info.text) > 20);
		}
	}
}

static bool count_row(void *self, const struct store_outbox_row *row)
{
	int64_t *count = self;
	struct test_document want;
	test_document_make(&want, (int)row->sequence, 1, 2000);
	assert_true(span_equal(row->event, (struct span){want.event, want.event_len}));
	++*count;
	return true;
}

/* The store holds exactly what was promised; after a failed commit and a new open it may hold that transaction too. */
static void assert_promises(struct test_store *test, const struct promised *promised, bool reopened)
{
	struct store_totals totals;
	store_totals(test->store, &totals);
	int64_t more = totals.documents - promised->appended;
	assert_true(more == 0 || (reopened && more == ROWS_A_ROUND));
	if (totals.documents == 0)
		return;
	const struct store_stream *stream = store_stream_at(test->store, 0);
	assert_int_equal(stream->next_sequence, totals.documents + 1);
	assert_true(stream->acked_sequence == promised->acked || more > 0);
	assert_int_equal(store_exceptions_open(test->store), promised->exceptions + (more > 0));
	int64_t rows = 0;
	test_store_must(test, store_outbox_read(test->store, 1, 0, count_row, &rows, &test->info), "read");
	assert_int_equal(rows, totals.documents);
	/* Rows and watermark together or not at all. */
	struct buf value;
	char want[32];
	buf_init(&value, 100);
	test_store_must(test, store_watermark_get(test->store, "erp", "q", &value, &test->info), "watermark");
	snprintf(want, sizeof want, "%d", (int)totals.documents);
	assert_string_equal(buf_cstr(&value), want);
	buf_release(&value);
}

/* Every n-th operation fails, alone or 30 in a row, with the disk full, with a write error, with half a write: the
 * caller is told, rolls back, goes on; at the end and after a reopen the store holds what was promised. */
static void every_operation_may_fail(void **state)
{
	(void)state;
	static const struct fault_plan plans[] = {
	    {.length = 1, .code = SQLITE_FULL},
	    {.length = 1, .code = SQLITE_IOERR_WRITE, .half = true},
	    {.length = 30, .code = SQLITE_FULL, .half = true},
	    {.length = 30, .code = SQLITE_IOERR_WRITE},
	};
	struct fault_plan *plan = fault_vfs_plan();
	for (size_t which = 0; which < sizeof plans / sizeof plans[0]; which++) {
		int failed = 1;
		int runs = 0;
		for (int at = 1; failed > 0; at += 1 + at / 40) {
			void *inner = NULL;
			set_up(&inner);
			struct test_store *test = inner;
			struct promised promised = {0};
			*plan = plans[which];
			plan->at = at;
			run_rounds(test, &promised);
			failed = plan->failed;
			*plan = (struct fault_plan){0};
			assert_promises(test, &promised, false);
			int64_t before = promised.appended;
			run_rounds(test, &promised);
			assert_int_equal(promised.appended, before + ROUNDS * ROWS_A_ROUND);
			assert_promises(test, &promised, false);
			test_store_reopen(test);
			assert_false(test->opening.salvaged);
			assert_promises(test, &promised, true);
			tear_down(&inner);
			runs++;
		}
		assert_true(runs > 20);
	}
}

/* Reads that fail are an I/O error, not damage: nothing is salvaged away for a loose cable. */
static void failing_reads_are_no_damage(void **state)
{
	struct test_store *test = *state;
	struct promised promised = {0};
	struct fault_plan *plan = fault_vfs_plan();
	run_rounds(test, &promised);
	test_store_close(test);
	int opened = 0;
	for (int at = 1; !opened && at < 1000; at++) {
		*plan = (struct fault_plan){
		    .at = at, .length = 1000000, .code = SQLITE_IOERR_WRITE, .reads = true};
		enum err err = store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening,
		                          &test->info);
		opened = err == ERR_OK && plan->failed == 0;
		if (err == ERR_OK && !opened) {
			/* Only the last step failed, which moves the log to the file; that can wait. */
			*plan = (struct fault_plan){0};
			assert_false(test->opening.salvaged);
			assert_promises(test, &promised, false);
			test_store_close(test);
		} else if (!opened) {
			assert_int_equal(err, ERR_IO);
		}
	}
	assert_true(opened);
	*plan = (struct fault_plan){0};
	assert_false(test->opening.salvaged);
	assert_promises(test, &promised, false);
}

/* A real full disk: a tmpfs of 3 MiB. What was committed stays; when there is room again the store goes on. */
static void real_full_disk(void **state)
{
	struct test_store *test = *state;
	struct promised promised = {0};
	char filler[256];
	static char block[65536];
	test_store_close(test);
	if (mount("tmpfs", test->directory, "tmpfs", 0, "size=3m") != 0) {
		print_message("# a tmpfs could not be mounted: the test of a real full disk is left out\n");
		skip();
	}
	test->hal.vfs = NULL;
	snprintf(filler, sizeof filler, "%s/filler", test->directory);
	FILE *file = fopen(filler, "wb");
	assert_non_null(file);
	for (int i = 0; i < 16; i++)
		assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
	fclose(file);
	test_store_open(test);
	enum err err = ERR_OK;
	while (err == ERR_OK) {
		err = one_round(test, promised.appended, 0);
		if (err == ERR_OK) {
			promised.appended += ROWS_A_ROUND;
			promised.exceptions++;
		}
	}
	assert_int_equal(err, ERR_FULL);
	assert_non_null(strstr(test->info.text, "free space"));
	assert_true(promised.appended >= ROWS_A_ROUND);
	assert_promises(test, &promised, false);
	assert_int_equal(one_round(test, promised.appended, 0), ERR_FULL);
	assert_int_equal(unlink(filler), 0);
	for (int i = 0; i < 3; i++) {
		test_store_must(test, one_round(test, promised.appended, 0), "append with room");
		promised.appended += ROWS_A_ROUND;
		promised.exceptions++;
	}
	assert_promises(test, &promised, false);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_promises(test, &promised, false);
	test_store_close(test);
	assert_int_equal(umount2(test->directory, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_operation_may_fail),
	    cmocka_unit_test_setup_teardown(failing_reads_are_no_damage, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(real_full_disk, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
