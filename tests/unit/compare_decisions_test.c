/*
 * compare_decisions_test.c - which decisions a run goes by, and which gaps of the cloud it tells.
 *
 * Why:   a decision that holds too long hides a difference; a gap that is not told makes half a ledger a whole one.
 * Owns:  a temporary ledger for each test.
 * Runs in: the tests.
 * Tests: tools/twinpost/compare_decisions.c
 */
#include "tools/twinpost/compare_decisions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/posting_sequence.h"
#include "connector/compare/run.h"
#include "store_forward/ledger_breaks.h"

#define DAY      (INT64_C(86400) * NS_PER_S)
#define NOW      (INT64_C(1795277244) * NS_PER_S) /* 2026-11-21T16:07:24Z, by date -u */
#define KEY      SPAN_LITERAL("compare:00001/invoice/2026/RI-1:2026-09")
#define EVIDENCE SPAN_LITERAL("different rounding -1 1")

static struct err_info info;

static int set_up(void **state)
{
	struct ledger *ledger = NULL;
	struct ledger_opening opening;
	struct breaks_run run = {.run = "000001", .at_ns = NOW};
	struct ledger_break one = {.key = KEY,
	                           .status = SPAN_LITERAL("different"),
	                           .cause = SPAN_LITERAL("rounding"),
	                           .net = -1,
	                           .gross = 1};
	assert_int_equal(ledger_open(NULL, "", LEDGER_TEMPORARY, &ledger, &opening, &info), ERR_OK);
	assert_int_equal(ledger_begin(ledger, &info), ERR_OK);
	assert_int_equal(breaks_run_begin(ledger, &run, &info), ERR_OK);
	assert_int_equal(breaks_run_see(ledger, &run, &one, NOW, &info), ERR_OK);
	*state = ledger;
	return 0;
}

static int tear_down(void **state)
{
	ledger_close(*state);
	return 0;
}

static void decide(struct ledger *ledger, enum break_event event, const char *who, bool four_eyes)
{
	const struct break_act act = {.event = event,
	                              .who = span_of(who),
	                              .why = SPAN_LITERAL("agreed"),
	                              .at_ns = NOW,
	                              .until_ns = NOW + DAY,
	                              .four_eyes = four_eyes};
	struct ledger_break one;
	struct buf texts;
	buf_init(&texts, 8192);
	assert_int_equal(ledger_break_find(ledger, KEY, &one, &texts, &info), ERR_OK);
	assert_int_equal(ledger_break_act(ledger, &one, &act, &info), ERR_OK);
	buf_release(&texts);
}

/* "" where there is none. */
static const char *state_at(struct ledger *ledger, struct span key, struct span evidence, int64_t at_ns,
                            struct run_decision *decision)
{
	struct compare_decisions *decisions = compare_decisions_open(ledger, at_ns);
	bool found = compare_decisions_find(decisions, key, evidence, decision);
	compare_decisions_close(decisions);
	return found ? decision->state : "";
}

static void holds_for_its_evidence(void **state)
{
	struct run_decision decision;
	assert_string_equal(state_at(*state, KEY, EVIDENCE, NOW, &decision), "");
	decide(*state, BREAK_ACCEPT, "anna", true);
	assert_string_equal(state_at(*state, KEY, EVIDENCE, NOW, &decision), "accept_pending");
	decide(*state, BREAK_ACCEPT, "bert", true);
	assert_string_equal(state_at(*state, KEY, EVIDENCE, NOW, &decision), "accepted");
	assert_string_equal(decision.by, "anna");
	assert_string_equal(decision.second, "bert");
	assert_string_equal(decision.reason, "agreed");
	assert_string_equal(decision.at, "2026-11-21T16:07:24.000Z");
	assert_string_equal(state_at(*state, KEY, SPAN_LITERAL("different rounding -2 2"), NOW, &decision),
	                    "");
	assert_string_equal(state_at(*state, SPAN_LITERAL("compare:other:2026-09"), EVIDENCE, NOW, &decision),
	                    "");
}

static void snoozed_beyond_the_cut(void **state)
{
	struct run_decision decision;
	decide(*state, BREAK_SNOOZE, "anna", false);
	assert_string_equal(state_at(*state, KEY, EVIDENCE, NOW + DAY - 1, &decision), "snoozed");
	assert_string_equal(state_at(*state, KEY, EVIDENCE, NOW + DAY, &decision), "");
}

/* ---- gaps ---- */

static void keep(struct ledger *ledger, int number, struct span text)
{
	char name[32];
	(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, number);
	assert_int_equal(ledger_set_text(ledger, name, text, &info), ERR_OK);
}

static void gaps_are_told(void **state)
{
	char text[300];
	assert_false(compare_cloud_gaps(*state, text, sizeof text));
	keep(*state, 0, SPAN_LITERAL("source billing\nnext 8\nconflicts 0\n"));
	assert_false(compare_cloud_gaps(*state, text, sizeof text));
	keep(*state, 1, SPAN_LITERAL("source ledger\nnext 20\nconflicts 0\ngap 3 3\ngap 7 9\n"));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_string_equal(text, "postings of the cloud: of \"ledger\" 3, 7 to 9 are missing");
	keep(*state, 2, SPAN_LITERAL("source tax\nnext 2\nconflicts 1\n"));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_string_equal(text, "postings of the cloud: of \"ledger\" 3, 7 to 9 are missing; of \"tax\" 1 "
	                          "contradicted what was here under their number; once it is known which is "
	                          "booked: twinpost exceptions ack");
	keep(*state, 1,
	     SPAN_LITERAL("source ledger\nnext 20\nconflicts 0\ngap 3 3\ngap 7 9\ngap 11 11\ngap 13 "
	                  "15\n"));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_non_null(strstr(text, "3, 7 to 9, 11 and more are missing"));
}

/* Those that somebody has looked into make nothing incomplete; any other number of them does. */
static void settled_conflicts_are_no_gaps(void **state)
{
	char text[300];
	char name[32];
	char source[256];
	(void)snprintf(name, sizeof name, POSTING_SETTLED_NAME_FORMAT, 0);
	keep(*state, 0, SPAN_LITERAL("source tax\nnext 2\nconflicts 2\n"));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_int_equal(ledger_set_mark(*state, name, 2, &info), ERR_OK);
	assert_false(compare_cloud_gaps(*state, text, sizeof text));
	for (int64_t settled = 0; settled < 4; settled++) {
		assert_int_equal(ledger_set_mark(*state, name, settled, &info), ERR_OK);
		assert_int_equal(compare_cloud_gaps(*state, text, sizeof text), settled != 2);
	}
	/* What to do is said behind the longest name. */
	(void)snprintf(source, sizeof source, "source %0160d\nnext 2\nconflicts 1\n", 7);
	keep(*state, 0, span_of(source));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_non_null(strstr(text, "twinpost exceptions ack"));
}

/* A state that cannot be read is no state without gaps, and what stands behind it is looked at. */
static void unreadable_counts_as_gaps(void **state)
{
	char text[300];
	keep(*state, 0, SPAN_LITERAL("next 8\n"));
	keep(*state, 1, SPAN_LITERAL("source ledger\nnext 20\nconflicts 0\ngap 3 3\n"));
	assert_true(compare_cloud_gaps(*state, text, sizeof text));
	assert_string_equal(text,
	                    "postings of the cloud: what is known of the cloud's source 0 cannot be read; "
	                    "of \"ledger\" 3 are missing");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(holds_for_its_evidence),        TEST(snoozed_beyond_the_cut),    TEST(gaps_are_told),
	    TEST(settled_conflicts_are_no_gaps), TEST(unreadable_counts_as_gaps),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
