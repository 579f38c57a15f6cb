/*
 * store_tile_test.c - what the trees of many streams keep in memory between transactions.
 *
 * Why:   512 streams with two tiles each would take a third of the memory that all processes together may have.
 * Owns:  one store a test.
 * Rules: a full tile is 256 hashes of 32 bytes.
 * Runs in: the unit tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store_forward/store_internal.h"
#include "tests/lib/test_store.h"

/* Shows that a stream keeps its newest tiles alone, also after transactions that filled some, and one that was lost. */
static void a_stream_keeps_its_newest_tiles(void **state)
{
	struct test_store test;
	(void)state;
	test_store_begin(&test);
	test_store_open(&test);
	for (int i = 0; i < 6; i++) {
		test_store_must(&test, store_begin(test.store, &test.info), "begin");
		const struct store_stream *stream = test_stream(&test, "a");
		for (int n = 1 + 200 * i; n <= 200 * (i + 1); n++)
			test_store_must(&test, test_append(&test, stream, n, 1, 100), "append");
		if (i == 3)
			store_rollback(test.store);
		else
			test_store_must(&test, store_commit(test.store, &test.info), "commit");
		const struct tree *tree = &test.store->streams[0]->tree;
		for (int level = 0; level < TREE_LEVELS; level++) {
			assert_null(tree->tiles[level].before);
			assert_true(tree->tiles[level].capacity <= TILE_HASHES);
		}
	}
	test_store_end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stream_keeps_its_newest_tiles),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
