/*
 * store_proof_test.c - what the store can prove: trees, proofs, checkpoints, receipts.
 *
 * Why:   a proof that fails once, after a power cut or a rollback, is worth nothing.
 * Owns:  one directory for each test.
 * Rules: 1. The leaf of number n is the content that test_document_make() gives it. Roots are made again here from all
 *           leaves by the definition of RFC 6962 section 2.1, not by the code under test.
 * Runs in: the test suite.
 * Tests: store_forward/{tree,checkpoints,salvage_copy}.c
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/chain.h"
#include "tests/unit/store_fixture.h"

#define TILE 256

static struct digest leaf_of(int64_t n)
{
	struct test_document document;
	test_document_make(&document, (int)n, 1, 1);
	return document.content;
}

static struct digest pair(const struct digest *left, const struct digest *right)
{
	const struct span parts[] = {SPAN_LITERAL("\x01"),
	                             {(const char *)left->bytes, DIGEST_BYTES},
	                             {(const char *)right->bytes, DIGEST_BYTES}};
	return digest_of(parts, 3);
}

/* MTH of the leaves of numbers first..first + n - 1. */
static struct digest definition(int64_t first, int64_t n)
{
	if (n == 0)
		return digest_of(NULL, 0);
	if (n == 1)
		return leaf_of(first);
	int64_t k = 1;
	while (2 * k < n)
		k *= 2;
	struct digest left = definition(first, k);
	struct digest right = definition(first + k, n - k);
	return pair(&left, &right);
}

static void assert_root(struct test_store *test, int64_t size)
{
	struct digest want = definition(1, size);
	struct digest root;
	store_tree_root(test->store, 1, &root);
	assert_true(digest_equal(&root, &want));
}

/* Proof of one leaf in one size, checked against the root that the definition gives. */
static void assert_proof(struct test_store *test, int64_t sequence, int64_t size)
{
	struct digest path[STORE_PROOF_MAX];
	struct digest root = definition(1, size);
	struct digest leaf;
	struct digest want = leaf_of(sequence);
	int count = -1;
	must(test, store_leaf(test->store, 1, sequence, &leaf, &test->info));
	assert_true(digest_equal(&leaf, &want));
	must(test, store_proof(test->store, 1, sequence, size, path, &count, &test->info));
	assert_true(merkle_verify_inclusion(&leaf, sequence - 1, size, path, count, &root));
	must(test, store_tree_root_at(test->store, 1, size, &leaf, &test->info));
	assert_true(digest_equal(&leaf, &root));
}

/* The root after every append around the edges of tiles, in the transaction, after its commit and after a reopen. */
static void roots_follow_every_append(void **state)
{
	struct test_store *test = *state;
	static const int64_t sizes[] = {1, 2, 3, 254, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025};
	const struct store_stream *stream = test_stream(test, "a");
	assert_root(test, 0);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		begin(test);
		for (int64_t n = stream->next_sequence; n <= sizes[i]; n++)
			must(test, test_append(test, stream, (int)n, 1, 20));
		assert_root(test, sizes[i]);
		commit(test);
		assert_root(test, sizes[i]);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
		stream = test_stream(test, "a");
		assert_root(test, sizes[i]);
	}
}

/* A rolled back transaction leaves the tree as it was, whether it ended in the same tile, filled it, or filled several;
 * and what comes after it is the tree of what was committed. */
static void rollback_restores_the_tree(void **state)
{
	struct test_store *test = *state;
	static const int starts[] = {0, 1, 255, 256, 300, 511};
	static const int steps[] = {1, 255, 256, 257, 600};
	const struct store_stream *stream = test_stream(test, "a");
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		if (starts[i] >= stream->next_sequence)
			test_append_many(test, "a", (int)stream->next_sequence, starts[i], 1, 20);
		for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
			begin(test);
			for (int n = 1; n <= steps[j]; n++)
				must(test, test_append(test, stream, 5000 + n, 1, 20));
			store_rollback(test->store);
			assert_int_equal(stream->next_sequence, starts[i] + 1);
			assert_root(test, starts[i]);
		}
	}
	test_append_many(test, "a", 512, 700, 1, 20);
	assert_root(test, 700);
	for (int64_t sequence = 1; sequence <= 700; sequence += 37)
		assert_proof(test, sequence, 700);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_root(test, 700);
}

/* Every kind of place in sizes of one, two and three tiles, in an open transaction and after; then the limits. */
static void proofs_of_every_place(void **state)
{
	struct test_store *test = *state;
	static const int64_t sizes[] = {1, 2, 7, 255, 256, 257, 400, 512, 513, 700};
	struct digest path[STORE_PROOF_MAX];
	int count = 0;
	test_append_many(test, "a", 1, 650, 1, 20);
	const struct store_stream *stream = test_stream(test, "a");
	begin(test);
	for (int n = 651; n <= 700; n++)
		must(test, test_append(test, stream, n, 1, 20));
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			for (int64_t sequence = 1; sequence <= sizes[i]; sequence += sizes[i] / 5 + 1)
				assert_proof(test, sequence, sizes[i]);
		assert_proof(test, 700, 700);
		if (pass == 0)
			commit(test);
	}
	assert_int_equal(store_proof(test->store, 1, 0, 700, path, &count, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_proof(test->store, 1, 701, 701, path, &count, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_proof(test->store, 1, 501, 500, path, &count, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_proof(test->store, 1, 1, -1, path, &count, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_leaf(test->store, 1, 701, path, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_leaf(test->store, 1, 0, path, &test->info), ERR_NOT_FOUND);
	assert_int_equal(store_tree_root_at(test->store, 1, 701, path, &test->info), ERR_NOT_FOUND);
	must(test, store_tree_root_at(test->store, 1, 0, path, &test->info));
}

/* The tree outlives its rows. */
static void proofs_do_not_need_the_rows(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 300, 1, 20);
	test_acknowledge(test, "a", 300, test->hal.wall_ns);
	assert_int_equal(prune(test, test->hal.wall_ns + test->options.retention_ns, 1000), 300);
	for (int pass = 0; pass < 2; pass++) {
		assert_proof(test, 3, 200);
		assert_proof(test, 299, 300);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

/* A tree of three levels of tiles (65,536 leaves fill the second): root, proofs across the levels, reopen. */
static void third_level_of_tiles(void **state)
{
	struct test_store *test = *state;
	const int64_t last = (int64_t)TILE * TILE + TILE + 3;
	for (int n = 1; n <= last; n += 8000)
		test_append_many(test, "a", n, n + 7999 < last ? n + 7999 : (int)last, 1, 1);
	for (int pass = 0; pass < 2; pass++) {
		assert_root(test, last);
		assert_proof(test, 1, last);
		assert_proof(test, (int64_t)TILE * TILE, last);
		assert_proof(test, (int64_t)TILE * TILE + 1, last);
		assert_proof(test, last, last);
		assert_proof(test, 30000, (int64_t)TILE * TILE);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

/* A tile that is changed, missing, too many or of another epoch is found at the opening; the store is salvaged. */
static void damaged_tiles_are_found(void **state)
{
	struct test_store *test = *state;
	static const char *const damages[] = {
	    "UPDATE tiles SET hashes = zeroblob(32 * 256) WHERE level = 0 AND n = 0",
	    "UPDATE tiles SET hashes = substr(hashes, 1, 32 * 43) WHERE level = 0 AND n = 1",
	    "DELETE FROM tiles WHERE level = 0 AND n = 0",
	    "DELETE FROM tiles WHERE level = 1",
	    "INSERT INTO tiles SELECT stream, epoch, 2, 0, hashes, checksum FROM tiles WHERE level = 1",
	    "UPDATE tiles SET epoch = epoch + 1",
	    "UPDATE settled SET bits = zeroblob(32)",
	    "DELETE FROM checkpoints",
	    "UPDATE checkpoints SET note = 'other'",
	    "UPDATE checkpoints SET size = 200",
	    "UPDATE totals SET bytes = x'00'",
	    "UPDATE streams SET settled = settled + 1",
	    "UPDATE streams SET uncovered = 0",
	    "UPDATE register SET parts = 2 WHERE subject LIKE '%1000100'",
	};
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		test_append_many(test, "a", 1, 300, 1, 20);
		struct store_checkpoint checkpoint = {
		    .stream = 1, .size = 290, .note = SPAN_LITERAL("note"), .made_ns = 5};
		must(test, store_tree_root_at(test->store, 1, 290, &checkpoint.root, &test->info));
		begin(test);
		must(test, store_checkpoint_add(test->store, &checkpoint, &test->info));
		must(test,
		     store_settle(test->store, 1, store_stream_at(test->store, 0)->epoch, 270, &test->info));
		must(test, store_stream_totals_put(test->store, 1, SPAN_LITERAL("sum"), &test->info));
		commit(test);
		test_store_close(test);
		test_store_sql(test, damages[i]);
		test_store_open(test);
		if (!test->opening.salvaged)
			fprintf(stderr, "# not found: %s\n", damages[i]);
		assert_true(test->opening.salvaged);
		(void)test_stream(test, "a"); /* its row may be what was damaged */
		assert_root(test, 0);
		test_store_end(test);
		test_store_begin(test);
		test_store_open(test);
	}
}

static struct store_checkpoint checkpoint_at(struct test_store *test, int64_t size, const char *note)
{
	struct store_checkpoint checkpoint = {
	    .stream = 1, .size = size, .note = span_of(note), .made_ns = test->hal.wall_ns + size};
	checkpoint.root = definition(1, size);
	return checkpoint;
}

static void add_checkpoint(struct test_store *test, int64_t size, const char *note)
{
	struct store_checkpoint checkpoint = checkpoint_at(test, size, note);
	begin(test);
	must(test, store_checkpoint_add(test->store, &checkpoint, &test->info));
	commit(test);
}

static void assert_found(struct test_store *test, int64_t size, int64_t want, const char *note)
{
	struct store_checkpoint found;
	struct buf texts;
	buf_init(&texts, 1 << 16);
	enum err err = store_checkpoint_find(test->store, 1, 0, size, &found, &texts, &test->info);
	if (want == 0) {
		assert_int_equal(err, ERR_NOT_FOUND);
	} else {
		struct digest root = definition(1, want);
		must(test, err);
		assert_int_equal(found.size, want);
		assert_true(span_equal(found.note, span_of(note)));
		assert_true(digest_equal(&found.root, &root));
		assert_int_equal(found.made_ns, test->hal.wall_ns + want);
	}
	buf_release(&texts);
}

static bool count_sizes(void *self, const struct store_checkpoint *checkpoint)
{
	int64_t *sizes = self;
	assert_true(sizes[0] < 8);
	sizes[++sizes[0]] = checkpoint->size;
	return true;
}

/* Sizes rise, roots are the tree's; found by size; what no checkpoint covers has its first leaf's time; the mail
 * mark. */
static void checkpoints_are_kept_in_order(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 20, 1, 20);
	const struct store_stream *stream = test_stream(test, "a");
	assert_int_equal(stream->checkpoint_size, 0);
	assert_int_equal(stream->first_uncovered_ns, test->hal.wall_ns + 1); /* number 1: see test_append() */
	assert_found(test, 0, 0, "");
	add_checkpoint(test, 5, "five");
	assert_int_equal(stream->first_uncovered_ns, test->hal.wall_ns + 6);
	add_checkpoint(test, 20, "twenty");
	assert_int_equal(stream->checkpoint_size, 20);
	assert_int_equal(stream->first_uncovered_ns, 0);
	test_append_many(test, "a", 21, 30, 1, 20);
	assert_int_equal(stream->first_uncovered_ns, test->hal.wall_ns + 21);
	begin(test);
	struct store_checkpoint bad = checkpoint_at(test, 20, "same size");
	assert_int_equal(store_checkpoint_add(test->store, &bad, &test->info), ERR_BAD_INPUT);
	bad = checkpoint_at(test, 31, "not there yet");
	assert_int_equal(store_checkpoint_add(test->store, &bad, &test->info), ERR_BAD_INPUT);
	bad = checkpoint_at(test, 30, "other root");
	bad.root.bytes[9] ^= 1;
	assert_int_equal(store_checkpoint_add(test->store, &bad, &test->info), ERR_BAD_INPUT);
	store_rollback(test->store);
	for (int pass = 0; pass < 2; pass++) {
		assert_found(test, 0, 20, "twenty");
		assert_found(test, 1, 5, "five");
		assert_found(test, 5, 5, "five");
		assert_found(test, 6, 20, "twenty");
		assert_found(test, 21, 0, "");
		int64_t sizes[9] = {0};
		must(test,
		     store_checkpoint_unmailed(test->store, 1, INT64_MAX, count_sizes, sizes, &test->info));
		assert_int_equal(sizes[0], pass == 0 ? 2 : 1);
		assert_int_equal(sizes[sizes[0]], 20);
		sizes[0] = 0;
		must(test, store_checkpoint_unmailed(test->store, 1, 19, count_sizes, sizes, &test->info));
		assert_int_equal(sizes[0], pass == 0 ? 1 : 0);
		begin(test);
		must(test, store_checkpoint_mailed(test->store, 1, 5, &test->info));
		commit(test);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
		stream = test_stream(test, "a");
		assert_int_equal(stream->checkpoint_size, 20);
		assert_int_equal(stream->first_uncovered_ns, test->hal.wall_ns + 21);
	}
}

/* A note of 16 KiB is kept and comes back, and its receipt; one byte more is refused, and so is none. A receipt is kept
 * once; for a checkpoint that is not there it is refused. */
static void receipts_and_limits(void **state)
{
	struct test_store *test = *state;
	struct store_checkpoint found;
	struct buf texts;
	char *large = mem_alloc(STORE_NOTE_BYTES_MAX + 1);
	memset(large, 'n', STORE_NOTE_BYTES_MAX + 1);
	buf_init(&texts, 2 * STORE_NOTE_BYTES_MAX);
	test_append_many(test, "a", 1, 20, 1, 20);
	const struct store_stream *stream = test_stream(test, "a");
	begin(test);
	struct store_checkpoint add = checkpoint_at(test, 10, "");
	assert_int_equal(store_checkpoint_add(test->store, &add, &test->info), ERR_BAD_INPUT);
	add.note = (struct span){large, STORE_NOTE_BYTES_MAX + 1};
	assert_int_equal(store_checkpoint_add(test->store, &add, &test->info), ERR_TOO_LARGE);
	add.note.len--;
	must(test, store_checkpoint_add(test->store, &add, &test->info));
	commit(test);
	add_checkpoint(test, 20, "twenty");
	begin(test);
	struct span receipt = {large, STORE_NOTE_BYTES_MAX + 1};
	assert_int_equal(store_checkpoint_receipt(test->store, 1, 0, 10, receipt, 77, &test->info),
	                 ERR_TOO_LARGE);
	receipt.len--;
	assert_int_equal(store_checkpoint_receipt(test->store, 1, 0, 11, receipt, 77, &test->info),
	                 ERR_NOT_FOUND);
	assert_int_equal(
	    store_checkpoint_receipt(test->store, 1, stream->epoch + 1, 10, receipt, 77, &test->info),
	    ERR_NOT_FOUND);
	must(test, store_checkpoint_receipt(test->store, 1, 0, 10, receipt, 77, &test->info));
	must(test, store_checkpoint_receipt(test->store, 1, stream->epoch, 10, SPAN_LITERAL("2nd"), 99,
	                                    &test->info));
	assert_int_equal(stream->receipt_size, 10);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(test_stream(test, "a")->receipt_size, 10);
	must(test, store_checkpoint_find(test->store, 1, 0, 10, &found, &texts, &test->info));
	assert_int_equal(found.receipted_ns, 77);
	assert_true(span_equal(found.receipt, receipt));
	assert_true(span_equal(found.note, receipt));
	free(large);
	buf_release(&texts);
}

static bool has_checkpoint(struct test_store *test, int64_t size)
{
	struct store_checkpoint found;
	struct buf texts;
	buf_init(&texts, 1 << 16);
	bool has = store_checkpoint_find(test->store, 1, 0, size, &found, &texts, &test->info) == ERR_OK &&
	           found.size == size;
	buf_release(&texts);
	return has;
}

/* Of five checkpoints: without receipt they go after twice the retention, with one when that is as old as the
 * retention; not before they are handed on, and never the newest. */
static void old_checkpoints_go(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int64_t window = test->options.retention_ns;
	test_append_many(test, "a", 1, 50, 1, 20);
	for (int size = 10; size <= 50; size += 10)
		add_checkpoint(test, size, "note");
	begin(test);
	must(test,
	     store_checkpoint_receipt(test->store, 1, 0, 20, SPAN_LITERAL("r"), t + 2 * window, &test->info));
	commit(test);
	assert_int_equal(prune(test, t + 100 * window, 100), 0); /* not handed on */
	begin(test);
	must(test, store_checkpoint_mailed(test->store, 1, 30, &test->info));
	commit(test);
	assert_int_equal(prune(test, t + 2 * window + 9, 100), 0); /* made at t + size */
	assert_int_equal(prune(test, t + 2 * window + 10, 100), 1);
	assert_false(has_checkpoint(test, 10));
	assert_int_equal(prune(test, t + 3 * window - 1, 100), 1);
	assert_true(has_checkpoint(test, 20) && !has_checkpoint(test, 30));
	assert_int_equal(prune(test, t + 3 * window, 100), 1);
	assert_false(has_checkpoint(test, 20));
	assert_int_equal(prune(test, t + 9 * window, 100), 0);
	begin(test);
	must(test, store_checkpoint_mailed(test->store, 1, 50, &test->info));
	commit(test);
	assert_int_equal(prune(test, t + 9 * window, 100), 1);
	assert_true(has_checkpoint(test, 50) && !has_checkpoint(test, 40));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

/* After a salvage the checkpoints of the epoch before are still there, for `previous`; the new epoch has none, and no
 * leaves, outcomes or totals. */
static void salvage_keeps_checkpoints(void **state)
{
	struct test_store *test = *state;
	struct store_checkpoint found;
	struct buf texts;
	buf_init(&texts, 1 << 16);
	test_append_many(test, "a", 1, 20, 1, 20);
	assert_int_equal(store_checkpoint_previous(test->store, 1, &found, &texts, &test->info),
	                 ERR_NOT_FOUND);
	int64_t epoch = test_stream(test, "a")->epoch;
	add_checkpoint(test, 10, "ten");
	add_checkpoint(test, 20, "twenty");
	begin(test);
	must(test, store_stream_totals_put(test->store, 1, SPAN_LITERAL("sum"), &test->info));
	must(test, store_settle(test->store, 1, epoch, 3, &test->info));
	commit(test);
	test_store_close(test);
	test_store_sql(test, "UPDATE tiles SET hashes = zeroblob(32 * 20)");
	test_store_open(test);
	assert_true(test->opening.salvaged);
	assert_int_equal(test->opening.rows_lost, 0);
	for (int pass = 0; pass < 2; pass++) {
		const struct store_stream *stream = test_stream(test, "a");
		assert_true(stream->epoch > epoch);
		assert_int_equal(stream->checkpoint_size + stream->first_uncovered_ns, 0);
		assert_int_equal(store_settled(test->store, 1), 0);
		assert_found(test, 0, 0, "");
		must(test, store_checkpoint_previous(test->store, 1, &found, &texts, &test->info));
		assert_int_equal(found.size, 20);
		assert_int_equal(found.epoch, epoch);
		assert_true(span_equal(found.note, SPAN_LITERAL("twenty")));
		must(test, store_checkpoint_find(test->store, 1, epoch, 1, &found, &texts, &test->info));
		assert_int_equal(found.size, 10);
		must(test, store_stream_totals_get(test->store, 1, &texts, &test->info));
		assert_int_equal(texts.len, 0);
		begin(test);
		must(test,
		     store_settle(test->store, 1, epoch, 3, &test->info)); /* of the old epoch: nothing */
		commit(test);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	/* The newest of the old epoch stays however old it is; the other goes. */
	assert_int_equal(prune(test, test->hal.wall_ns + 100 * test->options.retention_ns, 100), 1);
	must(test, store_checkpoint_previous(test->store, 1, &found, &texts, &test->info));
	assert_int_equal(found.size, 20);
	buf_release(&texts);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(roots_follow_every_append),
	    WITH_STORE(rollback_restores_the_tree),
	    WITH_STORE(proofs_of_every_place),
	    WITH_STORE(proofs_do_not_need_the_rows),
	    WITH_STORE(third_level_of_tiles),
	    WITH_STORE(damaged_tiles_are_found),
	    WITH_STORE(checkpoints_are_kept_in_order),
	    WITH_STORE(receipts_and_limits),
	    WITH_STORE(old_checkpoints_go),
	    WITH_STORE(salvage_keeps_checkpoints),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
