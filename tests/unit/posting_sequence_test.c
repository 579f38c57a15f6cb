/*
 * posting_sequence_test.c - next, gaps and marks against a plain set of numbers.
 *
 * Why:   a missing posting that counts as here makes a comparison green that is not.
 * Owns:  nothing.
 * Rules: 1. The model is an array of what came. With few gaps the state equals it number by number; with more than
 *           POSTING_GAPS_MAX it may only call missing what is here, never the other way.
 *        2. After every step the text form is read again to the same.
 * Runs in: the tests.
 */
#include "connector/compare/posting_sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NUMBERS 2000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const uint8_t mark_a[POSTING_MARK_BYTES] = {1, 2, 3};
static const uint8_t mark_b[POSTING_MARK_BYTES] = {9};

static void expect_text_holds_all(const struct posting_sequence *state)
{
	struct posting_sequence again;
	struct buf first;
	struct buf second;
	buf_init(&first, POSTING_SEQUENCE_BYTES_MAX);
	buf_init(&second, POSTING_SEQUENCE_BYTES_MAX);
	posting_sequence_write(state, &first);
	assert_true(buf_ok(&first));
	assert_true(posting_sequence_read(&again, buf_span(&first)));
	posting_sequence_write(&again, &second);
	assert_true(span_equal(buf_span(&first), buf_span(&second)));
	assert_true(again.next == state->next && again.gap_count == state->gap_count);
	buf_release(&first);
	buf_release(&second);
}

/* exact: every number is called what it is; else: none that is missing is called here. */
static void expect_model(const struct posting_sequence *state, const bool *here, int64_t highest, bool exact)
{
	int64_t upto = 0;
	assert_true(state->next == highest + 1);
	for (int64_t n = 1; n <= highest; n++) {
		bool known = posting_sequence_look(state, n, mark_a) != POSTING_NEW;
		if (known != here[n] && (exact || known))
			fail_msg("%d is %s", (int)n,
			         known ? "missing, and called here" : "here, and called missing");
		if (n == upto + 1 && here[n])
			upto = n;
	}
	assert_true(exact ? posting_sequence_upto(state) == upto : posting_sequence_upto(state) <= upto);
	assert_int_equal(posting_sequence_look(state, highest + 1, mark_a), POSTING_NEW);
	for (int i = 1; i < state->gap_count; i++)
		assert_true(state->gaps[i].from > state->gaps[i - 1].to + 1);
}

/* spread: how far a number may lie from the highest. The last round fills what is missing. */
static void run(uint64_t seed, int64_t spread, bool exact)
{
	struct posting_sequence state;
	bool here[NUMBERS + 64] = {false};
	int64_t highest = 0;
	posting_sequence_init(&state, SPAN_LITERAL("urn:c:1"));
	while (highest < NUMBERS - spread - 8) {
		int64_t from = highest - spread + (int64_t)(next_random(&seed) % (uint64_t)(spread + 5));
		from = from < 1 ? 1 : from;
		int64_t to = from + (int64_t)(next_random(&seed) % 3);
		bool missing = false;
		for (int64_t n = highest + 1; n < from; n++)
			missing = true;
		if (next_random(&seed) % 5 == 0) {
			missing = from > highest;
			assert_true(posting_sequence_miss(&state, from) == missing);
			highest = from > highest ? from : highest;
		} else {
			assert_true(posting_sequence_take(&state, from, to, mark_a) == missing);
			for (int64_t n = from; n <= to; n++)
				here[n] = true;
			highest = to > highest ? to : highest;
		}
		/* A split makes one gap more, a jump too. */
		while (exact && state.gap_count > POSTING_GAPS_MAX - 4) {
			here[state.gaps[0].from] = true;
			(void)posting_sequence_take(&state, state.gaps[0].from, state.gaps[0].from, mark_a);
		}
		expect_model(&state, here, highest, exact);
		expect_text_holds_all(&state);
	}
	for (int round = 0; state.gap_count > 0; round++) {
		assert_true(round < NUMBERS);
		int64_t n = state.gaps[0].from;
		here[n] = true;
		assert_false(posting_sequence_take(&state, n, n, mark_a));
		expect_model(&state, here, highest, exact);
	}
	assert_true(posting_sequence_upto(&state) == highest);
}

static void test_few_gaps(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		run(seed * 77, 20, true);
}

static void test_more_gaps_than_are_kept(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++)
		run(seed * 99, 600, false);
}

static void test_marks(void **state)
{
	struct posting_sequence sequence;
	(void)state;
	posting_sequence_init(&sequence, SPAN_LITERAL("urn:c:1"));
	for (int64_t n = 1; n <= POSTING_RECENT_MAX + 1; n++)
		assert_false(posting_sequence_take(&sequence, n, n, mark_a));
	assert_int_equal(posting_sequence_look(&sequence, 2, mark_a), POSTING_REPEATED);
	assert_int_equal(posting_sequence_look(&sequence, 2, mark_b), POSTING_OTHER);
	/* The first mark was pushed out: a repeat is believed. */
	assert_int_equal(posting_sequence_look(&sequence, 1, mark_b), POSTING_REPEATED);
	assert_int_equal(posting_sequence_look(&sequence, POSTING_RECENT_MAX + 2, mark_b), POSTING_NEW);
}

/* The greatest number that JSON holds: one gap, and nothing overflows. */
static void test_far_ahead(void **state)
{
	struct posting_sequence sequence;
	(void)state;
	posting_sequence_init(&sequence, SPAN_LITERAL("urn:c:1"));
	assert_true(posting_sequence_take(&sequence, JSON_INTEGER_MAX, JSON_INTEGER_MAX, mark_a));
	assert_true(sequence.gap_count == 1 && sequence.gaps[0].to == JSON_INTEGER_MAX - 1);
	assert_false(posting_sequence_take(&sequence, 5, 5, mark_a));
	assert_int_equal(sequence.gap_count, 2);
	expect_text_holds_all(&sequence);
}

static void test_bad_texts(void **state)
{
	static const char *const bad[] = {
	    "",
	    "source \nnext 1\nconflicts 0\n",
	    "source urn:c\nnext 0\nconflicts 0\n",
	    "source urn:c\nnext 1\n",
	    "source urn:c\nnext 9\nconflicts 0",
	    "source urn:c\nnext 9\nconflicts 0\ngap 3 2\n",
	    "source urn:c\nnext 9\nconflicts 0\ngap 3 9\n",
	    "source urn:c\nnext 9\nconflicts 0\ngap 3 4\ngap 5 6\n",
	    "source urn:c\nnext 9\nconflicts 0\ngap 0 4\n",
	    "source urn:c\nnext 9\nconflicts 0\ngap 3 4 5\n",
	    "source urn:c\nnext 9\nconflicts 0\nrecent 3 zz\n",
	    "source urn:c\nnext 9\nconflicts 0\nother 3\n",
	    "source urn:c\nnext 99999999999999999999\nconflicts 0\n",
	};
	struct posting_sequence sequence;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (posting_sequence_read(&sequence, span_of(bad[i])))
			fail_msg("%s", bad[i]);
	}
	/* A source that would be written as another one. */
	assert_false(
	    posting_sequence_read(&sequence, SPAN_LITERAL("source urn:c\0d\nnext 9\nconflicts 0\n")));
	assert_false(posting_sequence_read(&sequence, SPAN_LITERAL("source \0\nnext 9\nconflicts 0\n")));
	assert_true(posting_sequence_read(
	    &sequence, SPAN_LITERAL("source urn:c\nnext 9\nconflicts 2\ngap 3 4\ngap 6 8\n")));
	assert_true(sequence.conflicts == 2 && posting_sequence_upto(&sequence) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_few_gaps),  cmocka_unit_test(test_more_gaps_than_are_kept),
	    cmocka_unit_test(test_marks),     cmocka_unit_test(test_far_ahead),
	    cmocka_unit_test(test_bad_texts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
