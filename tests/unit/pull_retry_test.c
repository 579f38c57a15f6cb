/*
 * pull_retry_test.c - what is held comes again when it is asked for, however old and however much; little else does.
 *
 * Why:   after a mapping was mended, what waited for it must go out, without reading a whole ERP anew.
 * Owns:  one world for each test.
 * Rules: everything here is older than the look-back of three days; subjects with -2 in them are held.
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

#define HELD_BATCHES 700 /* more than the machine remembers (64), and than a page has (512) */

static struct world world;

/* Documents 2000.. of HELD_BATCHES batches, then 3000.. of 100 others; invoices on four days. */
static int setup(void **state)
{
	(void)state;
	world_begin(&world, NULL, NULL);
	for (int i = 0; i < HELD_BATCHES + 100; i++) {
		world_batch(&world, 1 + i, 124010 + i / HELD_BATCHES, 90000 + i / 60 % 60 * 100 + i % 60);
		world_journal(&world, 1 + i, i < HELD_BATCHES ? 2000 + i : 3000 + i, 2);
	}
	world_invoice(&world, 1000, 1, 124005, 90000);
	world_invoice(&world, 2000, 2, 124010, 90000);
	world_invoice(&world, 1001, 1, 124015, 90000);
	world_invoice(&world, 2001, 1, 124020, 90000);
	/* The newest of both feeds: what is before it has been read. */
	world_batch(&world, 9000, 124060, 90000);
	world_journal(&world, 9000, 9000, 2);
	world_invoice(&world, 1002, 1, 124060, 90000);
	(void)snprintf(world.held_word, sizeof world.held_word, "-2");
	world_run(&world);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static int times(const char *type, const char *prefix, int number)
{
	char subject[64];
	(void)snprintf(subject, sizeof subject, "00001/%s/2024/%s-%d", type, prefix, number);
	return world_times(&world, subject);
}

static int journal(int number)
{
	return times("journal", "JE", number);
}

static int invoice(int number)
{
	return times("invoice", "RI", number);
}

static void expect_all_again(int at_least)
{
	for (int i = 0; i < HELD_BATCHES; i++) {
		if (journal(2000 + i) < at_least)
			fail_msg("JE-%d was handed on %d times", 2000 + i, journal(2000 + i));
	}
	assert_true(invoice(2000) >= at_least && invoice(2001) >= at_least);
}

/* Every held document comes again, once; of the others those whose unit or stamp lies among the held ones, no older
 * ones. What reads well then is not read again. */
static void all_that_is_held(void **state)
{
	(void)state;
	assert_int_equal(journal(2000), 1);
	assert_int_equal(invoice(1000), 1);
	world.held_word[0] = 0;
	pull_retry_held(world.pull);
	world_run(&world);
	expect_all_again(2);
	assert_int_equal(journal(2000 + HELD_BATCHES / 2), 2);
	assert_int_equal(journal(3000 + HELD_BATCHES + 99), 1);
	assert_int_equal(invoice(1000), 1);
	assert_int_equal(invoice(1001), 2);
	int handed_on = world.handed_on;
	pull_retry_held(world.pull);
	world_run(&world);
	assert_int_equal(journal(2000), 2);
	assert_int_equal(invoice(2000), 2);
	/* The overlap of the newest stamps may come again; nothing else. */
	assert_in_range(world.handed_on - handed_on, 0, 4);
}

/* What is still held is tried once for each time it is asked for, and stays known. */
static void still_held(void **state)
{
	(void)state;
	pull_retry_held(world.pull);
	world_run(&world);
	expect_all_again(2);
	assert_int_equal(invoice(2000), 2);
	pull_retry_held(world.pull);
	world_run(&world);
	expect_all_again(3);
	world.held_word[0] = 0;
	pull_retry_held(world.pull);
	world_run(&world);
	expect_all_again(4);
	assert_int_equal(invoice(1000), 1);
}

/* Asked for while a reading is under way: that one goes to its end, and then they are tried. */
static void asked_in_the_middle(void **state)
{
	(void)state;
	pull_sweep(world.pull);
	for (int i = 0; i < 3; i++)
		(void)world_round(&world);
	world.held_word[0] = 0;
	pull_retry_held(world.pull);
	world_run(&world);
	world_pass(&world, 10);
	expect_all_again(2);
}

static bool count_held(void *self, const struct store_unit *unit)
{
	int *held = self;
	*held += unit->held > 0;
	return true;
}

static void expect_no_unit_held(void)
{
	struct err_info info;
	int held = 0;
	assert_int_equal(store_units(world.store, "erp", "journal", (struct span){NULL, 0}, 10000, count_held,
	                             &held, &info),
	                 ERR_OK);
	assert_int_equal(held, 0);
}

/* A transaction that is lost on the way, with the first documents, in the middle or near the end, loses no attempt. */
static void lost_transactions(void **state)
{
	static const int places[] = {1, 2, 3, 5, 60, 300, 690, 701, 703};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		world.held_word[0] = 0;
		world.fail_in = places[i];
		pull_retry_held(world.pull);
		world_run(&world);
		assert_int_equal(world.rollbacks, 1);
		expect_all_again(2);
		expect_no_unit_held();
		(void)teardown(state);
		(void)setup(state);
	}
}

/* The whole attempt in one transaction that is lost: all of it is made once more. */
static void lost_as_a_whole(void **state)
{
	(void)state;
	struct hal_child_event event;
	struct err_info info;
	world.held_word[0] = 0;
	pull_retry_held(world.pull);
	for (int round = 0; round < 10000 && !pull_caught_up(world.pull); round++) {
		int64_t due;
		while (hal_child_next(&world.source.hal, &event))
			assert_int_equal(pull_event(world.pull, &event, world.source.mono_ns, &info), ERR_OK);
		assert_int_equal(pull_step(world.pull, world.source.mono_ns, &due, &info), ERR_OK);
	}
	assert_true(pull_caught_up(world.pull) && store_in_transaction(world.store));
	assert_int_equal(invoice(2000), 2);
	store_rollback(world.store);
	pull_rolled_back(world.pull, world.source.mono_ns);
	world_run(&world);
	expect_all_again(3);
	expect_no_unit_held();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_that_is_held),  TEST(still_held),      TEST(asked_in_the_middle),
	    TEST(lost_transactions), TEST(lost_as_a_whole),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
