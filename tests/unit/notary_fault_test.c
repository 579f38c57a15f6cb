/*
 * notary_fault_test.c - pieces and checkpoints when the clock is set back, and when the mail is full.
 *
 * Why:   a stream that nothing more is posted to has no later event that would make up for what was left undone.
 * Owns:  one struct bench a test.
 * Rules: as in cloud_fixture.h.
 * Runs in: the unit tests.
 */
#include "tests/unit/cloud_fixture.h"

static void close_due(struct bench *bench, bool all)
{
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, all, &bench->info));
	bench_commit(bench);
}

static void acknowledge(struct bench *bench, int64_t sequence)
{
	bench_begin(bench);
	const struct store_stream *stream = bench_stream(bench);
	bench_must(bench, store_acknowledge(bench->store.store, stream->id, sequence,
	                                    bench->store.hal.wall_ns, &bench->info));
	bench_must(bench, notary_mail(bench->notary, stream, &bench->info));
	bench_commit(bench);
}

/* Shows that a clock set back by a year delays no piece: one whose events lie in the future is closed now. */
static void a_clock_set_back_delays_no_piece(void **state)
{
	struct bench *bench = *state;
	int64_t deadline;
	bench_journals(bench, 1, 1);
	bench->store.hal.wall_ns -= 365 * 86400 * NS_PER_S;
	assert_true(notary_due(bench->notary, 5, &deadline));
	close_due(bench, false);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 2);
	assert_false(notary_due(bench->notary, 5, &deadline));
	bench_journals(bench, 2, 2);
	assert_false(notary_due(bench->notary, 5, &deadline));
	assert_int_equal(deadline, 5 + 60 * NS_PER_S);
}

static void fill_mail(struct bench *bench)
{
	bench_begin(bench);
	for (int i = 0; i < STORE_MAIL_ROWS_MAX; i++)
		bench_must(bench, store_mail_add(bench->store.store, SPAN_LITERAL("up/exc"),
		                                 SPAN_LITERAL("{}"), &bench->info));
	bench_commit(bench);
}

static void mail_is_sent(struct bench *bench, int64_t upto)
{
	bench_begin(bench);
	bench_must(bench, store_mail_done(bench->store.store, upto, &bench->info));
	bench_commit(bench);
}

/* Shows that a checkpoint for which the mail had no room goes to it once there is, though its stream stands still. */
static void a_full_mail_keeps_no_checkpoint_back(void **state)
{
	struct bench *bench = *state;
	int64_t deadline;
	bench_journals(bench, 1, 1);
	close_due(bench, true);
	fill_mail(bench);
	acknowledge(bench, 2);
	assert_int_equal(store_mail_next_id(bench->store.store), STORE_MAIL_ROWS_MAX + 1);
	assert_false(notary_due(bench->notary, 5, &deadline)); /* there is no room: nothing to try */
	mail_is_sent(bench, 1);
	assert_true(notary_due(bench->notary, 5, &deadline));
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, false, &bench->info));
	bench_roll_back(bench);
	assert_true(
	    notary_due(bench->notary, 5, &deadline)); /* what was mailed is lost with its transaction */
	close_due(bench, false);
	assert_int_equal(store_mail_next_id(bench->store.store), STORE_MAIL_ROWS_MAX + 2);
	assert_false(notary_due(bench->notary, 5, &deadline));
}

/* Shows the same over a restart between the acknowledgement and the room. */
static void a_restart_forgets_no_checkpoint(void **state)
{
	struct bench *bench = *state;
	int64_t deadline;
	bench_journals(bench, 1, 1);
	close_due(bench, true);
	fill_mail(bench);
	acknowledge(bench, 2);
	bench_restart(bench);
	assert_false(notary_due(bench->notary, 5, &deadline));
	mail_is_sent(bench, STORE_MAIL_ROWS_MAX);
	assert_true(notary_due(bench->notary, 5, &deadline));
	close_due(bench, false);
	assert_int_equal(store_mail_next_id(bench->store.store), STORE_MAIL_ROWS_MAX + 2);
	bench_restart(bench);
	assert_false(notary_due(bench->notary, 5, &deadline));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_clock_set_back_delays_no_piece),
	    TEST(a_full_mail_keeps_no_checkpoint_back),
	    TEST(a_restart_forgets_no_checkpoint),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
