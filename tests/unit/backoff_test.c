/*
 * backoff_test.c - the waits between tries: their cap, their jitter, their floor, their reset.
 *
 * Why:   a wrong wait is either a storm on the broker or a box that comes back an hour late.
 * Owns:  a scripted entropy.
 * Runs in: the unit tests.
 */
#include "connector/uplink/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct scripted_hal {
	struct hal hal;
	uint64_t next;
};

static void entropy(struct hal *hal, void *bytes, size_t len)
{
	struct scripted_hal *scripted = (struct scripted_hal *)hal;
	assert_int_equal(len, sizeof scripted->next);
	memcpy(bytes, &scripted->next, len);
}

static const struct hal_ops ops = {.entropy = entropy};

/* Shows rule 1: with 1 s and 10 s the caps are 1, 2, 4, 8, 10, 10 s (hand calculation), and a draw equal to
 * the cap is the cap: both ends belong to the range. */
static void caps_double_and_stop(void **state)
{
	(void)state;
	static const int64_t expected_s[] = {1, 2, 4, 8, 10, 10};
	struct scripted_hal hal = {.hal.ops = &ops};
	struct backoff backoff;
	backoff_init(&backoff, NS_PER_S, 10 * NS_PER_S);
	for (size_t i = 0; i < sizeof expected_s / sizeof expected_s[0]; i++) {
		assert_int_equal(backoff_cap(&backoff), expected_s[i] * NS_PER_S);
		hal.next = (uint64_t)(expected_s[i] * NS_PER_S);
		assert_int_equal(backoff_next(&backoff, &hal.hal), expected_s[i] * NS_PER_S);
	}
	backoff_reset(&backoff);
	assert_int_equal(backoff_cap(&backoff), NS_PER_S);
}

/* Shows rule 1: the draw is the random number modulo cap + 1; one above the cap wraps to 0, which the floor
 * lifts. */
static void jitter_is_full(void **state)
{
	(void)state;
	struct scripted_hal hal = {.hal.ops = &ops, .next = 300 * (uint64_t)NS_PER_MS};
	struct backoff backoff;
	backoff_init(&backoff, NS_PER_S, 10 * NS_PER_S);
	assert_int_equal(backoff_next(&backoff, &hal.hal), 300 * NS_PER_MS);
	hal.next = 2 * (uint64_t)NS_PER_S + 1;
	assert_int_equal(backoff_next(&backoff, &hal.hal), BACKOFF_FLOOR_NS);
}

/* Shows rule 2 at its edge: no wait below the floor, but a smaller cap wins over it. */
static void floor_prevents_a_busy_loop(void **state)
{
	(void)state;
	struct scripted_hal hal = {.hal.ops = &ops, .next = 0};
	struct backoff backoff;
	backoff_init(&backoff, NS_PER_S, 10 * NS_PER_S);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(backoff_next(&backoff, &hal.hal), BACKOFF_FLOOR_NS);
	backoff_init(&backoff, NS_PER_MS, NS_PER_MS);
	assert_int_equal(backoff_next(&backoff, &hal.hal), NS_PER_MS);
}

/* Shows that neither a huge maximum nor endless tries overflow, and that a maximum below the minimum is the
 * minimum. */
static void limits_hold(void **state)
{
	(void)state;
	struct scripted_hal hal = {.hal.ops = &ops, .next = UINT64_MAX};
	struct backoff backoff;
	backoff_init(&backoff, 1, INT64_MAX);
	for (int i = 0; i < 100; i++)
		assert_true(backoff_next(&backoff, &hal.hal) > 0);
	assert_int_equal(backoff_cap(&backoff), INT64_MAX);
	backoff_init(&backoff, 5 * NS_PER_S, NS_PER_S);
	(void)backoff_next(&backoff, &hal.hal);
	assert_int_equal(backoff_cap(&backoff), 5 * NS_PER_S);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(caps_double_and_stop),
	    cmocka_unit_test(jitter_is_full),
	    cmocka_unit_test(floor_prevents_a_busy_loop),
	    cmocka_unit_test(limits_hold),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
