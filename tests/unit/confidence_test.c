/*
 * confidence_test.c - the bound of the share of wrong documents, against numbers and sequences that are not its own.
 *
 * Why:   a bound that is too low signs off a migration; nobody sees it by looking at it.
 * Owns:  nothing.
 * Rules: 1. Expected bounds: confidence_answers.h. The bound of one or two documents may be one millionth above, for
 *           there p can be exactly a number of millionths; none may ever be below.
 *        2. That the bound holds at all times is worked out exactly over all sequences, and drawn with a fixed seed; an
 *           ordinary bound fails the same draw, so that the draw is known to find one that does not hold.
 * Runs in: the tests.
 * Tests: connector/compare/confidence.c
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "connector/compare/confidence.h"
#include "hal/base/bytes.h"
#include "tests/lib/expect_bug.h"
#include "tests/unit/confidence_answers.h"

#define MILLION 1000000

/* ---- known answers ---- */

static void bounds_are_those_worked_out_elsewhere(void **state)
{
	(void)state;
	const int count = (int)(sizeof confidence_answers / sizeof confidence_answers[0]);
	assert_in_range(count, 150, 1000);
	for (int i = 0; i < count; i++) {
		const struct confidence_answer *answer = &confidence_answers[i];
		const int64_t ppm = confidence_bound_ppm(answer->documents, answer->wrong, answer->level);
		if (ppm < answer->ppm || ppm > answer->ppm + (answer->documents <= 2) || ppm > MILLION)
			fail_msg("%lld wrong of %lld at %d: %lld, not %lld", (long long)answer->wrong,
			         (long long)answer->documents, answer->level, (long long)ppm,
			         (long long)answer->ppm);
	}
}

static void nothing_compared_or_all_wrong_says_nothing(void **state)
{
	(void)state;
	static const int64_t counts[] = {0, 1, 2, 1000, INT64_C(1) << 53, INT64_MAX};
	for (int level = 1; level < 100; level++) {
		for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
			assert_int_equal(confidence_bound_ppm(counts[i], counts[i], level), MILLION);
	}
}

/* More wrong: no lower. More right: no higher. More sure: no lower. And never under the share that was seen. */
static void check_around(int64_t documents, int64_t wrong, int level)
{
	const int64_t ppm = confidence_bound_ppm(documents, wrong, level);
	assert_in_range(ppm, 1, MILLION);
	assert_true((double)ppm >= floor((double)wrong / (double)documents * MILLION));
	if (wrong < documents)
		assert_true(confidence_bound_ppm(documents, wrong + 1, level) >= ppm);
	if (documents < INT64_MAX) {
		assert_true(confidence_bound_ppm(documents + 1, wrong, level) <= ppm);
		assert_true(confidence_bound_ppm(documents + 1, wrong + 1, level) >= ppm);
	}
	if (level < 99)
		assert_true(confidence_bound_ppm(documents, wrong, level + 1) >= ppm);
}

static void the_bound_is_monotone(void **state)
{
	(void)state;
	static const int levels[] = {1, 50, 95, 99};
	static const int64_t large[] = {1000,         12345, 1000000, 1000000000, INT64_C(1000000000000),
	                                INT64_MAX - 1};
	for (int l = 0; l < 4; l++) {
		for (int64_t documents = 1; documents <= 60; documents++) {
			for (int64_t wrong = 0; wrong <= documents; wrong++)
				check_around(documents, wrong, levels[l]);
		}
		for (int i = 0; i < 6; i++) {
			const int64_t n = large[i];
			const int64_t wrong[] = {0, 1, 2, n / 1000, n / 3, n / 2, n - n / 7, n - 1, n};
			for (int k = 0; k < 9; k++)
				check_around(n, wrong[k], levels[l]);
		}
	}
}

/* ---- what the caller may not ask ---- */

static const struct confidence_answer *asked;

static void ask(void)
{
	(void)confidence_bound_ppm(asked->documents, asked->wrong, asked->level);
}

static void what_cannot_be_is_a_bug(void **state)
{
	static const struct confidence_answer questions[] = {
	    {10, 11, 95, 0}, {0, 1, 95, 0}, {10, -1, 95, 0}, {-1, 0, 95, 0},
	    {-1, -1, 95, 0}, {10, 1, 0, 0}, {10, 1, 100, 0}, {10, 1, -5, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		asked = &questions[i];
		expect_bug(ask, "confidence.c");
	}
}

/* ---- at all times at once ---- */

#define STEPS_MAX 4000
#define SEQUENCES 4000

struct course {
	int ppm; /* the true share */
	int level;
	int steps;
};

/* The most wrong documents of n at which a bound is still below the truth; -1: none. */
static void fill_mixture(const struct course *course, int fatal[STEPS_MAX + 1])
{
	int k = -1;
	fatal[0] = -1;
	for (int n = 1; n <= course->steps; n++) {
		while (k + 1 <= n && confidence_bound_ppm(n, k + 1, course->level) < course->ppm)
			k++;
		fatal[n] = k;
	}
}

static double log_chance(int n, int k, double p)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(p) + (n - k) * log1p(-p);
}

/* The same of the ordinary bound for one look (Clopper and Pearson 1934): the truth is above it where so few wrong ones
 * are less likely than alpha. */
static void fill_ordinary(const struct course *course, int fatal[STEPS_MAX + 1])
{
	const double p = course->ppm / 1e6;
	for (int n = 0; n <= course->steps; n++) {
		double sum = 0;
		fatal[n] = -1;
		for (int k = 0; k <= n; k++) {
			sum += exp(log_chance(n, k, p));
			if (sum >= 1 - course->level / 100.0)
				break;
			fatal[n] = k;
		}
	}
}

/* The chance that a sequence is below the truth at any step: by the chances of all (n, k) that never were. */
static double exact_chance(const struct course *course, const int fatal[STEPS_MAX + 1])
{
	const double p = course->ppm / 1e6;
	double *chances = mem_alloc((STEPS_MAX + 2) * sizeof chances[0]);
	double failed = 0;
	chances[0] = 1;
	for (int n = 1; n <= course->steps; n++) {
		for (int k = n; k >= 0; k--)
			chances[k] = (k < n ? chances[k] * (1 - p) : 0) + (k > 0 ? chances[k - 1] * p : 0);
		for (int k = 0; k <= fatal[n]; k++) {
			failed += chances[k];
			chances[k] = 0;
		}
	}
	free(chances);
	return failed;
}

static uint64_t draw(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15); /* SplitMix64 (Steele, Lea, Flood 2014) */
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The share of sequences whose bound is below the truth at the worst of all moments. */
static double drawn_chance(const struct course *course, const int fatal[STEPS_MAX + 1])
{
	uint64_t seed = (uint64_t)course->ppm * 1000 + (uint64_t)course->level;
	int failed = 0;
	for (int i = 0; i < SEQUENCES; i++) {
		int wrong = 0;
		for (int n = 1; n <= course->steps; n++) {
			wrong += draw(&seed) % MILLION < (uint64_t)course->ppm;
			if (wrong <= fatal[n]) {
				failed++;
				break;
			}
		}
	}
	return (double)failed / SEQUENCES;
}

static const struct course courses[] = {
    {900000, 95, 600},  {500000, 95, 1000}, {500000, 50, 1000}, {100000, 95, 2000},
    {100000, 99, 2000}, {20000, 95, 3000},  {5000, 95, 4000},   {5000, 80, 4000},
};
#define COURSES (sizeof courses / sizeof courses[0])

static void it_holds_at_the_worst_moment(void **state)
{
	(void)state;
	static int fatal[STEPS_MAX + 1];
	for (size_t i = 0; i < COURSES; i++) {
		const struct course *course = &courses[i];
		const double alpha = 1 - course->level / 100.0;
		fill_mixture(course, fatal);
		const double exact = exact_chance(course, fatal);
		const double drawn = drawn_chance(course, fatal);
		/* Not never either: a bound of a million always would hold too. */
		if (exact > alpha || exact < alpha / 5000)
			fail_msg("%d ppm at %d: fails with a chance of %f", course->ppm, course->level,
			         exact);
		const double deviation = sqrt(alpha * (1 - alpha) / SEQUENCES);
		if (drawn > alpha + 3 * deviation || fabs(drawn - exact) > 5 * deviation)
			fail_msg("%d ppm at %d: failed %f of all, %f was worked out", course->ppm,
			         course->level, drawn, exact);
	}
}

static void an_ordinary_bound_does_not_hold(void **state)
{
	(void)state;
	static int fatal[STEPS_MAX + 1];
	const struct course course = {100000, 95, 2000};
	fill_ordinary(&course, fatal);
	assert_true(exact_chance(&course, fatal) > 0.15);
	assert_true(drawn_chance(&course, fatal) > 0.15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounds_are_those_worked_out_elsewhere),
	    cmocka_unit_test(nothing_compared_or_all_wrong_says_nothing),
	    cmocka_unit_test(the_bound_is_monotone),
	    cmocka_unit_test(what_cannot_be_is_a_bug),
	    cmocka_unit_test(it_holds_at_the_worst_moment),
	    cmocka_unit_test(an_ordinary_bound_does_not_hold),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
