/*
 * rounding_test.c - policies against Python's decimal and against a table by hand; then: each is recovered from the
 * documents that it made, what is ambiguous abstains, and one document against it shows.
 *
 * Why:   a sentence such as "the cloud rounds half-even" is acted upon; it must be the one that is true.
 * Owns:  nothing.
 * Rules: answers come from rounding_answers.h (Python) or are worked out in a comment.
 * Runs in: the tests.
 */
#include "connector/compare/rounding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rounding_answers.h"

#define ANSWERS (sizeof rounding_answers / sizeof rounding_answers[0])
#define KEY     SPAN_LITERAL("00100")

static struct decimal rate_of(const char *text)
{
	struct decimal rate;
	if (decimal_parse(&rate, span_of(text)) != ERR_OK)
		fail_msg("\"%s\" is no rate", text);
	return rate;
}

static void lines_of(const struct rounding_answer *answer, struct rounding_line *lines)
{
	for (int i = 0; i < answer->count; i++)
		lines[i] = (struct rounding_line){.net = answer->nets[i], .rate = rate_of(answer->rate)};
}

static void test_policies_have_indices(void **state)
{
	(void)state;
	assert_int_equal(ROUNDING_POLICY_COUNT, ROUNDING_ANSWER_POLICIES);
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++)
		assert_int_equal(rounding_index(rounding_policy_at(i)), i);
	struct rounding_policy first = rounding_policy_at(0);
	struct rounding_policy last = rounding_policy_at(ROUNDING_POLICY_COUNT - 1);
	assert_int_equal(first.level, ROUNDING_LINE);
	assert_int_equal(first.step, 1);
	assert_int_equal(first.mode, ROUNDING_HALF_UP);
	assert_int_equal(last.level, ROUNDING_TOTAL);
	assert_int_equal(last.step, 100);
	assert_int_equal(last.mode, ROUNDING_HALF_EVEN);
}

/* Halves and their neighbours, by the definitions: 5 at 10 % is 0.5, 15 is 1.5, 4 is 0.4, 6 is 0.6. */
static void test_halves_by_hand(void **state)
{
	(void)state;
	static const int64_t nets[] = {5, 15, 4, 6, 10, 0, -5, -15, -4, -6, -10};
	static const struct {
		enum rounding_mode mode;
		int64_t taxes[11];
	} cases[] = {
	    {ROUNDING_HALF_UP, {1, 2, 0, 1, 1, 0, 0, -1, 0, -1, -1}},
	    {ROUNDING_HALF_AWAY, {1, 2, 0, 1, 1, 0, -1, -2, 0, -1, -1}},
	    {ROUNDING_HALF_LOW, {0, 1, 0, 1, 1, 0, -1, -2, 0, -1, -1}},
	    {ROUNDING_HALF_ZERO, {0, 1, 0, 1, 1, 0, 0, -1, 0, -1, -1}},
	    {ROUNDING_HALF_EVEN, {0, 2, 0, 1, 1, 0, 0, -2, 0, -1, -1}},
	    {ROUNDING_FLOOR, {0, 1, 0, 0, 1, 0, -1, -2, -1, -1, -1}},
	    {ROUNDING_TRUNCATE, {0, 1, 0, 0, 1, 0, 0, -1, 0, 0, -1}},
	    {ROUNDING_CEILING, {1, 2, 1, 1, 1, 0, 0, -1, 0, 0, -1}},
	    {ROUNDING_AWAY, {1, 2, 1, 1, 1, 0, -1, -2, -1, -1, -1}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t j = 0; j < sizeof nets / sizeof nets[0]; j++) {
			struct rounding_line line = {.net = nets[j], .rate = {10, 0}};
			int64_t tax;
			assert_int_equal(
			    rounding_apply((struct rounding_policy){ROUNDING_LINE, 1, cases[i].mode}, &line,
			                   1, &tax),
			    ERR_OK);
			if (tax != cases[i].taxes[j])
				fail_msg("mode %d, net %lld: %lld", (int)cases[i].mode, (long long)nets[j],
				         (long long)tax);
		}
	}
}

static void test_answers_of_python(void **state)
{
	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		const struct rounding_answer *answer = &rounding_answers[i];
		struct rounding_line lines[ROUNDING_ANSWER_LINES_MAX];
		lines_of(answer, lines);
		for (int j = 0; j < ROUNDING_POLICY_COUNT; j++) {
			int64_t tax;
			assert_int_equal(rounding_apply(rounding_policy_at(j), lines, answer->count, &tax),
			                 ERR_OK);
			if (tax != answer->taxes[j])
				fail_msg("row %zu, policy %d: %lld for %lld", i, j, (long long)tax,
				         (long long)answer->taxes[j]);
			/* And the other way: those that explain it are those that give it. */
			struct rounding_observation observation = {lines, answer->count, answer->taxes[j]};
			rounding_set set, expected = 0;
			for (int k = 0; k < ROUNDING_POLICY_COUNT; k++)
				expected |= (rounding_set)(answer->taxes[k] == answer->taxes[j]) << k;
			assert_int_equal(rounding_explains(&observation, &set), ERR_OK);
			assert_true(set == expected);
		}
	}
}

static void test_line_taxes_count(void **state)
{
	(void)state;
	/* 0.5 and 0.5 at 10 %: halves up give 1 + 1 = 2 a line; shown as 1 and 0 they are a total of 1, distributed. */
	struct rounding_line lines[] = {{5, {10, 0}, 1, true}, {5, {10, 0}, 0, true}};
	struct rounding_observation observation = {lines, 2, 1};
	rounding_set set;
	assert_int_equal(rounding_explains(&observation, &set), ERR_OK);
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		struct rounding_policy policy = rounding_policy_at(i);
		assert_int_equal(set >> i & 1, policy.level == ROUNDING_TOTAL && policy.step == 1);
	}
	/* Line taxes that no line policy gives change nothing of that. */
	rounding_set before = set;
	lines[0].tax = 3;
	lines[1].tax = -2;
	assert_int_equal(rounding_explains(&observation, &set), ERR_OK);
	assert_true(set == before);
}

static void test_overflow(void **state)
{
	(void)state;
	struct rounding_line lines[] = {{INT64_MAX, {INT64_MAX, 0}, 0, false}, {1, {1, 12}, 0, false}};
	struct rounding_observation observation = {lines, 1, 0};
	rounding_set set;
	int64_t tax;
	struct rounding_policy line = {ROUNDING_LINE, 1, ROUNDING_FLOOR},
			       total = {ROUNDING_TOTAL, 1, ROUNDING_FLOOR};
	assert_int_equal(rounding_apply(line, lines, 1, &tax), ERR_OVERFLOW);
	assert_int_equal(rounding_apply(total, lines, 1, &tax), ERR_OVERFLOW);
	assert_int_equal(rounding_apply(total, lines, 2, &tax), ERR_OVERFLOW); /* scales do not meet */
	assert_int_equal(rounding_explains(&observation, &set), ERR_OVERFLOW);
	lines[0] = (struct rounding_line){INT64_MIN, {1, 12}, 0, false};
	/* -2^63 x 10^-12 / 100 = -92233.72 */
	assert_int_equal(rounding_apply(line, lines, 1, &tax), ERR_OK);
	assert_int_equal(tax, -92234);
	struct rounding_fits *fits = rounding_fits_new();
	lines[0] = (struct rounding_line){INT64_MAX, {INT64_MAX, 0}, 0, false};
	assert_false(rounding_observe(fits, KEY, SIDE_CLOUD, &observation));
	assert_int_equal(rounding_fits_count(fits), 0);
	rounding_fits_free(fits);
}

/* All rows as this policy answers them. */
static void feed(struct rounding_fits *fits, enum ledger_side side, int policy,
                 bool (*wanted)(const struct rounding_answer *))
{
	for (size_t i = 0; i < ANSWERS; i++) {
		const struct rounding_answer *answer = &rounding_answers[i];
		struct rounding_line lines[ROUNDING_ANSWER_LINES_MAX];
		if (wanted != NULL && !wanted(answer))
			continue;
		lines_of(answer, lines);
		struct rounding_observation observation = {lines, answer->count, answer->taxes[policy]};
		assert_true(rounding_observe(fits, KEY, side, &observation));
	}
}

static void test_each_policy_is_recovered(void **state)
{
	(void)state;
	for (int policy = 0; policy < ROUNDING_POLICY_COUNT; policy++) {
		struct rounding_fits *fits = rounding_fits_new();
		struct rounding_result result;
		feed(fits, SIDE_LEGACY, policy, NULL);
		assert_true(rounding_judge(fits, KEY, SIDE_LEGACY, ROUNDING_ALLOWANCE_PPM, &result));
		if (result.verdict != ROUNDING_FITS || result.stand != UINT64_C(1) << policy)
			fail_msg("policy %d: %s", policy, result.text);
		assert_int_equal(result.best, policy);
		assert_int_equal(result.contradictions, 0);
		assert_int_equal(result.observations, ANSWERS);
		rounding_fits_free(fits);
	}
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		struct rounding_policy policy;
		const char *name;
	} cases[] = {
	    {{ROUNDING_LINE, 1, ROUNDING_HALF_UP}, "line half-up signed"},
	    {{ROUNDING_LINE, 1, ROUNDING_HALF_AWAY}, "line half-up symmetric"},
	    {{ROUNDING_TOTAL, 1, ROUNDING_HALF_EVEN}, "total half-even"},
	    {{ROUNDING_TOTAL, 5, ROUNDING_HALF_AWAY}, "total half-up symmetric to 5 minor units"},
	    {{ROUNDING_TOTAL, 100, ROUNDING_TRUNCATE}, "total truncation to 100 minor units"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rounding_fits *fits = rounding_fits_new();
		struct rounding_result result;
		feed(fits, SIDE_CLOUD, rounding_index(cases[i].policy), NULL);
		assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
		assert_string_equal(result.policy, cases[i].name);
		rounding_fits_free(fits);
	}
}

static bool no_negative(const struct rounding_answer *answer)
{
	for (int i = 0; i < answer->count; i++) {
		if (answer->nets[i] < 0)
			return false;
	}
	return answer->rate[0] != '-';
}

static bool one_line(const struct rounding_answer *answer)
{
	return answer->count == 1;
}

/* A fifth has no exact half: 20 % of whole minor units never ends in .5. */
static bool twenty_per_cent(const struct rounding_answer *answer)
{
	return strcmp(answer->rate, "20") == 0;
}

static void test_what_is_not_posed_is_one_class(void **state)
{
	(void)state;
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	feed(fits, SIDE_LEGACY,
	     rounding_index((struct rounding_policy){ROUNDING_TOTAL, 1, ROUNDING_HALF_AWAY}), no_negative);
	assert_true(rounding_judge(fits, KEY, SIDE_LEGACY, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "total half-up");
	assert_int_equal(__builtin_popcountll(result.stand), 2);
	feed(fits, SIDE_CLOUD,
	     rounding_index((struct rounding_policy){ROUNDING_TOTAL, 1, ROUNDING_HALF_AWAY}), one_line);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "line or total half-up symmetric");
	assert_int_equal(__builtin_popcountll(result.stand), 2);
	rounding_fits_free(fits);
}

static void observe(struct rounding_fits *fits, int64_t net, struct decimal rate, int64_t tax)
{
	struct rounding_line line = {.net = net, .rate = rate};
	struct rounding_observation observation = {&line, 1, tax};
	assert_true(rounding_observe(fits, KEY, SIDE_CLOUD, &observation));
}

static void test_ambiguous_data_abstains(void **state)
{
	(void)state;
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	assert_false(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_ABSTAINS);
	/* Nothing to round: 19 % of whole hundreds. */
	for (int i = 1; i <= 20; i++)
		observe(fits, 100 * i, (struct decimal){19, 0}, 19 * i);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_ABSTAINS);
	assert_int_equal(result.evidence, 0);
	/* Above and below a half, never on it: 19 % of 101 to 108 is 19.19 to 20.52; 107 gives 20.33, 103 19.57. */
	static const int64_t taxes[] = {19, 19, 20, 20, 20, 20, 20, 21};
	for (int i = 0; i < 8; i++)
		observe(fits, 101 + i, (struct decimal){19, 0}, taxes[i]);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_ABSTAINS);
	assert_int_equal(result.classes, 3); /* half-up, half-down, half-even */
	assert_string_equal(result.policy,
	                    "line or total half-up or line or total half-down or line or total half-even");
	assert_non_null(strstr(result.text, "a tax of exactly half a minor unit"));
	/* 9.5 became 10: half-down is out. 28.5 became 28: half-up is out. */
	observe(fits, 50, (struct decimal){19, 0}, 10);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.classes, 2);
	observe(fits, 150, (struct decimal){19, 0}, 28);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "line or total half-even");
	rounding_fits_free(fits);
}

/* Negative taxes occur, but none on a half: signed and symmetric are not told apart, and that matters now. */
static void test_negative_amounts_pose_the_sign(void **state)
{
	(void)state;
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	for (int i = 0; i < 10; i++) {
		observe(fits, 100 * i + 50, (struct decimal){19, 0}, 19 * i + 10);  /* x.5 up */
		observe(fits, 100 * i + 101, (struct decimal){19, 0}, 19 * i + 19); /* x.19 down */
	}
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_string_equal(result.policy, "line or total half-up");
	assert_int_equal(result.verdict, ROUNDING_FITS);
	observe(fits, -101, (struct decimal){19, 0}, -19); /* -19.19 */
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_ABSTAINS);
	assert_non_null(strstr(result.text, "a negative tax of exactly half a minor unit"));
	observe(fits, -150, (struct decimal){19, 0}, -29); /* -28.5, away from zero */
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "line or total half-up symmetric");
	rounding_fits_free(fits);
}

static void test_rates_without_halves(void **state)
{
	(void)state;
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	feed(fits, SIDE_CLOUD,
	     rounding_index((struct rounding_policy){ROUNDING_TOTAL, 1, ROUNDING_HALF_EVEN}),
	     twenty_per_cent);
	/* 20 % of 11, 12, 13, 14 is 2.2, 2.4, 2.6, 2.8. */
	static const int64_t taxes[] = {2, 2, 3, 3};
	for (int i = 0; i < 8; i++)
		observe(fits, 11 + i % 4, (struct decimal){200, 1}, taxes[i % 4]);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	/* {2, 2} and {3, 3} at 20 % tell the level: 0.8 is 1, 1.2 is 1; lines would give 0 and 2. */
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "total to the nearest");
	rounding_fits_free(fits);
}

static void test_little_evidence_abstains(void **state)
{
	(void)state;
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	for (int i = 0; i < ROUNDING_EVIDENCE_MIN; i++) {
		/* 19.19 down is not round-up; 28.5 to 29 is half-up alone. */
		if (i % 2 == 1)
			observe(fits, 100 * i + 50, (struct decimal){19, 0}, 19 * i + 10);
		else
			observe(fits, 100 * i + 101, (struct decimal){19, 0}, 19 * i + 19);
		assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
		assert_int_equal(result.verdict == ROUNDING_FITS, i + 1 >= ROUNDING_EVIDENCE_MIN);
	}
	assert_int_equal(result.evidence, ROUNDING_EVIDENCE_MIN);
	rounding_fits_free(fits);
}

static void test_one_contradiction_shows(void **state)
{
	(void)state;
	int half_up = rounding_index((struct rounding_policy){ROUNDING_LINE, 1, ROUNDING_HALF_UP});
	struct rounding_result result;
	struct rounding_fits *fits = rounding_fits_new();
	feed(fits, SIDE_CLOUD, half_up, NULL);
	/* 19 % of 1000 is 190 by every policy; a cent more is by none. */
	observe(fits, 1000, (struct decimal){19, 0}, 191);
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 0, &result));
	assert_int_equal(result.verdict, ROUNDING_NONE);
	assert_int_equal(result.best, half_up);
	assert_int_equal(result.contradictions, 1);
	assert_int_equal(result.foreign, 1);
	assert_true(result.stand == 0);
	assert_non_null(strstr(result.text, "line half-up signed comes nearest, with 1 of"));
	/* With one in fifty allowed it is one again, and the contradiction is still told. */
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 20000, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_true(result.stand == UINT64_C(1) << half_up);
	assert_int_equal(result.contradictions, 1);
	rounding_fits_free(fits);
}

/* Within an allowance of 3 in 100 a policy that is contradicted three times stands, unless what tells the two apart
 * speaks clearly: half-up and half-even differ on x.5 after an even digit only. */
static void test_allowance_does_not_blur_halves(void **state)
{
	(void)state;
	struct rounding_fits *fits = rounding_fits_new();
	struct rounding_result result;
	for (int i = 0; i < 1000; i++)
		observe(fits, 101 + 100 * i, (struct decimal){19, 0}, 19 + 19 * i); /* x.19 */
	for (int i = 0; i < 4; i++)
		observe(fits, 150 + 200 * i, (struct decimal){19, 0}, 28 + 38 * i); /* 28.5 to 28: even */
	observe(fits, 50, (struct decimal){19, 0}, 10);  /* 9.5: half-down is out */
	observe(fits, 108, (struct decimal){19, 0}, 21); /* 20.52: truncation is out */
	for (int i = 0; i < 6; i++)
		observe(fits, 1000, (struct decimal){19, 0}, 191); /* foreign: against all alike */
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 30000, &result));
	assert_int_equal(result.verdict, ROUNDING_ABSTAINS);
	observe(fits, 950, (struct decimal){19, 0}, 180); /* 180.5: the fifth for half-even */
	for (int i = 0; i < 5; i++) {
		observe(fits, 50 + 200 * i, (struct decimal){19, 0}, 10 + 38 * i);
		observe(fits, 103 + 100 * i, (struct decimal){19, 0}, 20 + 19 * i); /* x.57 */
	}
	assert_true(rounding_judge(fits, KEY, SIDE_CLOUD, 30000, &result));
	assert_int_equal(result.verdict, ROUNDING_FITS);
	assert_string_equal(result.policy, "line or total half-even");
	assert_int_equal(result.foreign, 6);
	rounding_fits_free(fits);
}

static void test_witnesses(void **state)
{
	(void)state;
	struct rounding_fits *fits = rounding_fits_new();
	rounding_set even =
	    UINT64_C(1) << rounding_index((struct rounding_policy){ROUNDING_TOTAL, 1, ROUNDING_HALF_EVEN});
	rounding_set up = UINT64_C(1)
	                  << rounding_index((struct rounding_policy){ROUNDING_TOTAL, 1, ROUNDING_HALF_UP});
	observe(fits, 150, (struct decimal){19, 0}, 28);
	observe(fits, 50, (struct decimal){19, 0}, 10);
	observe(fits, 150, (struct decimal){19, 0}, 29);
	observe(fits, 350, (struct decimal){19, 0}, 66);
	assert_int_equal(rounding_witnesses(fits, KEY, SIDE_CLOUD, even, up), 2);
	assert_int_equal(rounding_witnesses(fits, KEY, SIDE_CLOUD, up, even), 1);
	assert_int_equal(rounding_witnesses(fits, KEY, SIDE_LEGACY, up, even), 0);
	rounding_fits_free(fits);
}

static void test_keys_are_apart_and_bounded(void **state)
{
	(void)state;
	struct rounding_fits *fits = rounding_fits_new();
	struct rounding_line line = {.net = 50, .rate = {19, 0}};
	struct rounding_observation observation = {&line, 1, 10};
	char key[16];
	for (int i = 0; i < ROUNDING_FITS_MAX / 2 + 3; i++) {
		(void)snprintf(key, sizeof key, "%05d", 99999 - i);
		bool room = i < ROUNDING_FITS_MAX / 2;
		assert_int_equal(rounding_observe(fits, span_of(key), SIDE_CLOUD, &observation), room);
		assert_int_equal(rounding_observe(fits, span_of(key), SIDE_LEGACY, &observation), room);
	}
	assert_int_equal(rounding_fits_count(fits), ROUNDING_FITS_MAX);
	assert_int_equal(rounding_fits_refused(fits), 6);
	assert_false(rounding_wants(fits, SPAN_LITERAL("none"), SIDE_CLOUD));
	assert_true(rounding_wants(fits, SPAN_LITERAL("99999"), SIDE_CLOUD));
	for (int i = 1; i < ROUNDING_EVIDENCE_ENOUGH; i++)
		assert_true(rounding_observe(fits, SPAN_LITERAL("99999"), SIDE_CLOUD, &observation));
	assert_false(rounding_wants(fits, SPAN_LITERAL("99999"), SIDE_CLOUD));
	assert_true(rounding_wants(fits, SPAN_LITERAL("99999"), SIDE_LEGACY));
	struct span before = SPAN_LITERAL(""), after;
	for (int i = 0; i < ROUNDING_FITS_MAX; i++) {
		enum ledger_side side;
		rounding_fits_at(fits, i, &after, &side);
		assert_int_equal(side, i % 2 == 0 ? SIDE_LEGACY : SIDE_CLOUD);
		assert_true(span_compare(before, after) <= 0);
		before = after;
	}
	rounding_fits_free(fits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_policies_have_indices),
	    cmocka_unit_test(test_halves_by_hand),
	    cmocka_unit_test(test_answers_of_python),
	    cmocka_unit_test(test_line_taxes_count),
	    cmocka_unit_test(test_overflow),
	    cmocka_unit_test(test_each_policy_is_recovered),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_what_is_not_posed_is_one_class),
	    cmocka_unit_test(test_ambiguous_data_abstains),
	    cmocka_unit_test(test_negative_amounts_pose_the_sign),
	    cmocka_unit_test(test_rates_without_halves),
	    cmocka_unit_test(test_little_evidence_abstains),
	    cmocka_unit_test(test_one_contradiction_shows),
	    cmocka_unit_test(test_allowance_does_not_blur_halves),
	    cmocka_unit_test(test_witnesses),
	    cmocka_unit_test(test_keys_are_apart_and_bounded),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
