/*
 * rate_test.c - the rate of sending: never above it in any second, all of it in the long run.
 *
 * Why:   above it a broker closes the connection; far below it a backlog never ends.
 * Owns:  a record of what passed.
 * Rules: time is simulated; sums over windows are made here, from the record alone.
 * Runs in: the unit tests.
 */
#include "connector/uplink/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PASSED_MAX 400000

struct passed {
	int64_t at_ns;
	int64_t bytes;
};

/* A fixed series (xorshift64*), the same in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

/* Is there a time of w ns in which more than rate * w + burst passed? Of messages, or of bytes. Enough to look at times
 * that begin and end with a message: amount over (i..j] against rate * (t_j - t_i), with all of i counted too. */
static void check_windows(const struct passed *list, int count, int64_t rate, int64_t burst, bool bytes,
                          int64_t window_ns)
{
	int64_t sum = 0;
	int from = 0;
	for (int to = 0; to < count; to++) {
		sum += bytes ? list[to].bytes : 1;
		while (list[to].at_ns - list[from].at_ns >= window_ns) {
			sum -= bytes ? list[from].bytes : 1;
			from++;
		}
		/* All of these passed in less than window_ns. */
		int64_t allowed = rate * (window_ns / NS_PER_MS) / 1000 + burst;
		if (sum > allowed)
			fail_msg("%lld in %lld ns, allowed are %lld", (long long)sum, (long long)window_ns,
			         (long long)allowed);
	}
}

/* Always something to send: asked at once, then at the moment that rate_ready_ns() names. Returns how many passed. */
static int run(struct rate *rate, int64_t until_ns, size_t bytes_max, struct passed *list)
{
	uint64_t random = 88172645463325252u;
	int count = 0;
	size_t bytes = bytes_max;
	for (int64_t now = rate->at_ns; now < until_ns && count < PASSED_MAX;) {
		if (rate_take(rate, bytes, now)) {
			list[count++] = (struct passed){now, (int64_t)bytes};
			bytes = 1 + next_random(&random) % bytes_max;
			continue;
		}
		int64_t ready = rate_ready_ns(rate, now);
		assert_true(ready > now);
		now = ready;
	}
	return count;
}

/* Shows rules 1 and 2 for rates from one message a second up, for bytes with messages smaller and larger than the
 * bucket, and for both limits together: no window is over, the long run is the rate to 99 % and more. */
static void windows_hold_and_the_long_run_is_full(void **state)
{
	(void)state;
	static const struct {
		int64_t messages, bytes;
		size_t bytes_max;
		int64_t seconds;
	} cases[] = {
	    {1, 0, 600, 300},       {3, 0, 600, 300},       {10, 0, 600, 300},
	    {100, 0, 600, 100},     {1000, 0, 600, 60},     {100000, 0, 100, 3},
	    {0, 1024, 600, 600},    {0, 1024, 60000, 9000}, {0, 524288, 60000, 100},
	    {0, 1 << 30, 60000, 5}, {100, 524288, 600, 60}, {1000, 65536, 60000, 600},
	};
	static const int64_t windows[] = {NS_PER_S, NS_PER_S + 333 * NS_PER_MS, 10 * NS_PER_S};
	struct passed *list = calloc(PASSED_MAX, sizeof *list);
	assert_non_null(list);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rate rate;
		int64_t begin = 5 * NS_PER_S, messages = cases[i].messages, bytes = cases[i].bytes, sum = 0;
		rate_init(&rate, messages, bytes, begin);
		int count = run(&rate, begin + cases[i].seconds * NS_PER_S, cases[i].bytes_max, list);
		int64_t quarter =
		    bytes / 4 > (int64_t)cases[i].bytes_max ? bytes / 4 : (int64_t)cases[i].bytes_max;
		for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
			if (messages > 0)
				check_windows(list, count, messages, messages / 4 > 1 ? messages / 4 : 1,
				              false, windows[w]);
			if (bytes > 0)
				check_windows(list, count, bytes, quarter, true, windows[w]);
		}
		for (int j = 0; j < count; j++)
			sum += list[j].bytes;
		bool messages_full = messages > 0 && count >= messages * cases[i].seconds * 99 / 100;
		bool bytes_full = bytes > 0 && sum >= bytes * cases[i].seconds / 100 * 99;
		if (!messages_full && !bytes_full && count < PASSED_MAX)
			fail_msg("case %d: %d messages, %lld bytes", (int)i, count, (long long)sum);
	}
	free(list);
}

/* Shows rule 2 by hand: at 100 a second 25 pass at once, the 26th after 10 ms; at 1 and 3 a second one does. After
 * seconds or an hour of idleness it is no more than that. */
static void bursts_are_a_quarter_of_a_second(void **state)
{
	(void)state;
	static const int cases[][2] = {{100, 25}, {4, 1}, {8, 2}, {3, 1}, {1, 1}, {1000, 250}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rate rate;
		rate_init(&rate, cases[i][0], 0, 0);
		for (int64_t now = 0; now < 3600 * NS_PER_S; now = now * 3 + NS_PER_S) {
			int passed = 0;
			while (rate_take(&rate, 1, now))
				passed++;
			assert_int_equal(passed, cases[i][1]);
		}
		rate_init(&rate, cases[i][0], 0, 7);
		for (int passed = 0; passed < cases[i][1]; passed++)
			assert_true(rate_take(&rate, 1, 7));
		assert_false(rate_take(&rate, 1, 7));
		int64_t ready = rate_ready_ns(&rate, 7);
		assert_int_equal(ready, 7 + (NS_PER_S + cases[i][0] - 1) / cases[i][0]);
		assert_false(rate_take(&rate, 1, ready - 1));
		assert_true(rate_take(&rate, 1, ready));
	}
}

/* Shows that a message larger than the bucket passes when it is full, and that the next one waits for what is missing:
 * 1000 bytes a second hold 250; after one of 1250 the level is -1000, and one byte needs 1001 ms. */
static void large_messages_pass_and_are_paid(void **state)
{
	(void)state;
	struct rate rate;
	rate_init(&rate, 0, 1000, 0);
	assert_true(rate_take(&rate, 1250, 0));
	assert_false(rate_take(&rate, 1, 0));
	assert_int_equal(rate_ready_ns(&rate, 0), 1001 * NS_PER_MS);
	assert_false(rate_take(&rate, 1250, 0));
	assert_int_equal(rate_ready_ns(&rate, 0), 1250 * NS_PER_MS);
	assert_false(rate_take(&rate, 1250, 1250 * NS_PER_MS - 1));
	assert_true(rate_take(&rate, 1250, 1250 * NS_PER_MS));
	rate_init(&rate, 0, 1, 0);
	assert_true(rate_take(&rate, (size_t)RATE_MESSAGE_BYTES_MAX, 0));
	assert_int_equal(rate_ready_ns(&rate, 0), RATE_MESSAGE_BYTES_MAX * NS_PER_S);
}

/* Shows rule 3: after the longest gap there is one burst and no more; a clock that steps back gives nothing and takes
 * nothing; without limits everything passes. */
static void the_clock_cannot_be_abused(void **state)
{
	(void)state;
	struct rate rate;
	rate_init(&rate, RATE_MESSAGES_MAX, RATE_BYTES_MAX, 0);
	for (int round = 0; round < 2; round++) {
		int passed = 0;
		int64_t now = round == 0 ? 0 : INT64_MAX / 2;
		while (rate_take(&rate, 1, now))
			passed++;
		assert_int_equal(passed, RATE_MESSAGES_MAX / 4);
	}
	assert_false(rate_take(&rate, 1, 0));
	assert_true(rate_ready_ns(&rate, 0) > INT64_MAX / 2);
	assert_true(rate_take(&rate, 1, INT64_MAX / 2 + NS_PER_S / RATE_MESSAGES_MAX));
	rate_init(&rate, 0, 0, 0);
	for (int i = 0; i < 1000000; i++)
		assert_true(rate_take(&rate, (size_t)RATE_MESSAGE_BYTES_MAX, 0));
	assert_int_equal(rate_ready_ns(&rate, 3), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(windows_hold_and_the_long_run_is_full),
	    cmocka_unit_test(bursts_are_a_quarter_of_a_second),
	    cmocka_unit_test(large_messages_pass_and_are_paid),
	    cmocka_unit_test(the_clock_cannot_be_abused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
