/*
 * outcome_machine_test.c - every state with every outcome, against a table that was written by hand.
 *
 * Why:   a state that moves wrongly makes a posting look booked that is not, or the other way round.
 * Owns:  nothing.
 * Rules: outcome_table.h holds what must come; the loops here try all of it: state x outcome x corrects x documents x
 *        newest or older revision. Histories are then played in every order.
 * Runs in: the tests.
 */
#include "connector/uplink/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/outcome_table.h"

static const enum outcome_code states[TABLE_CODES] = {
    OUTCOME_NONE,   OUTCOME_RECEIVED, OUTCOME_VALIDATED, OUTCOME_PARTIAL,
    OUTCOME_BOOKED, OUTCOME_REJECTED, OUTCOME_DUPLICATE,
};
static const enum outcome_code incoming[TABLE_CODES] = {
    OUTCOME_RECEIVED, OUTCOME_VALIDATED, OUTCOME_PARTIAL, OUTCOME_BOOKED,
    OUTCOME_REJECTED, OUTCOME_DUPLICATE, OUTCOME_OTHER,
};

#define BIT(rule) OUTCOME_RULE_BIT(OUTCOME_RULE_##rule)

static struct outcome make(enum outcome_code code, const char *document)
{
	struct outcome outcome = {.code = code, .revision = 2, .owner = STORE_OWNER_MAPPING};
	(void)snprintf(outcome.subject, sizeof outcome.subject, "00100/invoice/2026/1");
	(void)snprintf(outcome.word, sizeof outcome.word, "%s",
	               code == OUTCOME_OTHER ? "HALF" : outcome_code_name(code));
	(void)snprintf(outcome.document, sizeof outcome.document, "%s", document);
	if (code == OUTCOME_REJECTED)
		(void)snprintf(outcome.reason_class, sizeof outcome.reason_class, "mapping");
	return outcome;
}

/* What a letter of the table means for the newest revision, spelled out. */
static void expect_newest(char letter, enum outcome_code from, const struct outcome *outcome, bool learned,
                          const struct outcome_decision *got)
{
	struct outcome_decision want = {.finding = OUTCOME_FOUND_NONE, .keep = true, .state = from};
	switch (letter) {
	case 'R':
		want.finding = OUTCOME_FOUND_REPEATED;
		want.keep = false;
		break;
	case 'L':
		want.finding = OUTCOME_FOUND_LATE;
		break;
	case 'N':
		break;
	case 'C':
	case 'D':
		want.finding = letter == 'C' ? OUTCOME_FOUND_CONFLICT : OUTCOME_FOUND_DOUBLE_BOOKING;
		want.raise = true;
		want.rule = letter == 'C' ? OUTCOME_RULE_CONFLICT : OUTCOME_RULE_DOUBLE_BOOKING;
		want.owner = STORE_OWNER_POLICY;
		break;
	case 'U':
		want.finding = OUTCOME_FOUND_UNKNOWN_CODE;
		want.raise = true;
		want.rule = OUTCOME_RULE_UNKNOWN_CODE;
		want.owner = STORE_OWNER_TECHNICAL;
		break;
	case 'M':
	case 'X':
		want.moves = true;
		want.state = outcome->code;
		if (learned)
			break;
		if (outcome->code == OUTCOME_BOOKED || outcome->code == OUTCOME_DUPLICATE)
			want.clear = BIT(REJECTED) | BIT(PARTIAL) | BIT(UNKNOWN_CODE) | BIT(CONFLICT);
		if (outcome->code == OUTCOME_REJECTED)
			want.clear = BIT(PARTIAL) | BIT(UNKNOWN_CODE) | BIT(CONFLICT);
		if (letter == 'X')
			want.clear |= BIT(DOUBLE_BOOKING);
		want.raise = outcome->code == OUTCOME_REJECTED || outcome->code == OUTCOME_PARTIAL;
		want.rule = outcome->code == OUTCOME_PARTIAL ? OUTCOME_RULE_PARTIAL : OUTCOME_RULE_REJECTED;
		want.owner = outcome->code == OUTCOME_PARTIAL ? STORE_OWNER_DATA_QUALITY : outcome->owner;
		break;
	default:
		fail_msg("the table has the letter %c", letter);
	}
	assert_int_equal(got->finding, want.finding);
	assert_int_equal(got->keep, want.keep);
	assert_int_equal(got->moves, want.moves);
	assert_int_equal(got->state, want.state);
	assert_int_equal(got->clear, want.clear);
	assert_int_equal(got->raise, want.raise);
	if (want.raise) {
		assert_int_equal(got->rule, want.rule);
		assert_int_equal(got->owner, want.owner);
		assert_true(strlen(got->text) > 40);
	}
}

/* An older revision: its own history and state, no exception. */
static void expect_older(char letter, enum outcome_code from, const struct outcome *outcome,
                         const struct outcome_decision *got)
{
	bool moves = letter == 'M' || letter == 'X';
	enum outcome_finding finding = letter == 'R'   ? OUTCOME_FOUND_REPEATED
	                               : letter == 'L' ? OUTCOME_FOUND_LATE
	                                               : OUTCOME_FOUND_OLD_REVISION;
	assert_int_equal(got->finding, finding);
	assert_int_equal(got->keep, letter != 'R');
	assert_int_equal(got->moves, moves);
	assert_int_equal(got->state, moves ? outcome->code : from);
	assert_int_equal(got->clear, 0);
	assert_false(got->raise);
}

static void try_one(char letter, enum outcome_code from, const char *document, const struct outcome *outcome,
                    bool learned)
{
	struct outcome_facts facts = {.sent = true, .state = from, .document = span_of(document)};
	struct outcome_decision decision;
	facts.newest = outcome->revision;
	outcome_decide(&facts, outcome, &decision);
	expect_newest(letter, from, outcome, learned, &decision);
	facts.newest = outcome->revision + 1;
	outcome_decide(&facts, outcome, &decision);
	expect_older(letter, from, outcome, &decision);
}

/* Every state x every outcome x every `corrects`, with every relation of documents that does not matter there. */
static void test_all_moves(void **state)
{
	(void)state;
	static const char *const documents[][2] = {{"", ""}, {"A", "A"}, {"A", ""}, {"", "A"}, {"A", "B"}};
	int tried = 0;
	for (int row = 0; row < TABLE_CODES; row++) {
		for (int column = 0; column < TABLE_CODES; column++) {
			for (int corrects = OUTCOME_NONE; corrects <= OUTCOME_OTHER; corrects++) {
				bool named = row > 0 && corrects == (int)states[row];
				char letter = named ? table_corrects[row][column] : table_plain[row][column];
				if (letter == '=')
					continue;
				for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++, tried++) {
					struct outcome outcome = make(incoming[column], documents[i][1]);
					outcome.corrects = (enum outcome_code)corrects;
					bool other = documents[i][1][0] &&
					             strcmp(documents[i][0], documents[i][1]) != 0;
					try_one(letter == 'd' ? (other ? 'C' : 'R') : letter, states[row],
					        row ? documents[i][0] : "", &outcome, false);
				}
			}
		}
	}
	/* 7 x 7 less the 6 of the same outcome, 8 values of corrects, 5 pairs of documents. */
	assert_int_equal(tried, (49 - 6) * 8 * 5);
}

static void test_all_again(void **state)
{
	(void)state;
	static const char *const documents[TABLE_DOCUMENTS][2] = {{"", ""},  {"A", "A"}, {"A", ""},
	                                                          {"", "A"}, {"A", "B"}, {"A", "B"}};
	for (int row = 1; row < TABLE_CODES; row++) {
		assert_int_equal(table_plain[row][row - 1], '=');
		assert_int_equal(table_corrects[row][row - 1], '=');
		for (int column = 0; column < TABLE_DOCUMENTS; column++) {
			for (int corrects = OUTCOME_NONE; corrects <= OUTCOME_OTHER; corrects++) {
				bool named = corrects == (int)states[row];
				/* Where the documents are A and B, the column says whether it is named. */
				if (column >= 4 && named != (column == 5))
					continue;
				struct outcome outcome = make(states[row], documents[column][1]);
				outcome.corrects = (enum outcome_code)corrects;
				try_one(table_again[row][column], states[row], documents[column][0], &outcome,
				        column == 3);
			}
		}
	}
}

/* Strangers: never sent, or another topic's; nothing is kept, whatever else is true. */
static void test_strangers(void **state)
{
	(void)state;
	struct outcome_decision decision;
	for (int column = 0; column < TABLE_CODES; column++) {
		struct outcome outcome = make(incoming[column], "A");
		struct outcome_facts facts = {.sent = false};
		outcome_decide(&facts, &outcome, &decision);
		assert_int_equal(decision.finding, OUTCOME_FOUND_UNKNOWN_SUBJECT);
		assert_false(decision.keep || decision.moves);
		assert_true(decision.raise);
		assert_int_equal(decision.rule, OUTCOME_RULE_UNKNOWN_SUBJECT);
		assert_int_equal(decision.owner, STORE_OWNER_TECHNICAL);
		assert_non_null(strstr(decision.text, "00100/invoice/2026/1"));
		for (int sent = 0; sent <= 1; sent++) {
			facts = (struct outcome_facts){.sent = sent, .other_stream = true, .newest = 2};
			outcome_decide(&facts, &outcome, &decision);
			assert_int_equal(decision.finding, OUTCOME_FOUND_OTHER_STREAM);
			assert_false(decision.keep || decision.moves || decision.raise);
			assert_int_equal(decision.clear, 0);
		}
	}
}

/* ---- histories ---- */

struct ledger {
	enum outcome_code state;
	char document[OUTCOME_FIELD_BYTES_MAX + 1];
	unsigned raised; /* OUTCOME_RULE_BIT()s ever */
	unsigned open;
};

static void hear(struct ledger *ledger, const struct outcome *outcome)
{
	struct outcome_facts facts = {.sent = true,
	                              .newest = outcome->revision,
	                              .state = ledger->state,
	                              .document = span_of(ledger->document)};
	struct outcome_decision decision;
	outcome_decide(&facts, outcome, &decision);
	ledger->state = decision.state;
	if (decision.moves)
		(void)snprintf(ledger->document, sizeof ledger->document, "%s", outcome->document);
	ledger->open &= ~decision.clear;
	if (decision.raise) {
		ledger->open |= OUTCOME_RULE_BIT(decision.rule);
		ledger->raised |= OUTCOME_RULE_BIT(decision.rule);
	}
}

static void expect_booked(const struct outcome *outcomes, const int *order, int count)
{
	struct ledger ledger = {.state = OUTCOME_NONE};
	unsigned heard = 0;
	for (int i = 0; i < count; i++) {
		hear(&ledger, &outcomes[order[i]]);
		heard |= 1u << order[i];
	}
	assert_int_equal(ledger.raised, 0);
	if (heard & 4u) {
		assert_int_equal(ledger.state, OUTCOME_BOOKED);
		assert_string_equal(ledger.document, "4711");
	}
}

/* RECEIVED, VALIDATED, BOOKED in every order of up to seven messages, then in long random ones. */
static void test_honest_history(void **state)
{
	(void)state;
	const struct outcome outcomes[3] = {make(OUTCOME_RECEIVED, ""), make(OUTCOME_VALIDATED, ""),
	                                    make(OUTCOME_BOOKED, "4711")};
	int order[200];
	int total = 1;
	for (int count = 1; count <= 7; count++) {
		total *= 3;
		for (int number = 0; number < total; number++) {
			for (int i = 0, rest = number; i < count; i++, rest /= 3)
				order[i] = rest % 3;
			expect_booked(outcomes, order, count);
		}
	}
	uint32_t seed = 20261121; /* a linear congruence: the same run each time */
	for (int run = 0; run < 1000; run++) {
		for (int i = 0; i < 200; i++) {
			seed = seed * 1664525u + 1013904223u;
			order[i] = (int)((seed >> 16) % 3);
		}
		expect_booked(outcomes, order, 200);
	}
}

/* Rejected, then mended: what was open ends. */
static void test_rejected_then_booked(void **state)
{
	(void)state;
	struct ledger ledger = {.state = OUTCOME_NONE};
	struct outcome outcome = make(OUTCOME_PARTIAL, "");
	hear(&ledger, &outcome);
	assert_int_equal(ledger.open, BIT(PARTIAL));
	outcome = make(OUTCOME_OTHER, "");
	hear(&ledger, &outcome);
	outcome = make(OUTCOME_REJECTED, "");
	hear(&ledger, &outcome);
	assert_int_equal(ledger.open, BIT(REJECTED));
	outcome = make(OUTCOME_BOOKED, "4711");
	hear(&ledger, &outcome);
	assert_int_equal(ledger.state, OUTCOME_REJECTED);
	assert_int_equal(ledger.open, BIT(REJECTED) | BIT(CONFLICT));
	outcome.corrects = OUTCOME_REJECTED;
	hear(&ledger, &outcome);
	assert_int_equal(ledger.state, OUTCOME_BOOKED);
	assert_int_equal(ledger.open, 0);
	outcome = make(OUTCOME_BOOKED, "4712");
	outcome.corrects = OUTCOME_BOOKED;
	hear(&ledger, &outcome);
	assert_int_equal(ledger.open, BIT(DOUBLE_BOOKING));
	assert_string_equal(ledger.document, "4711");
	outcome = make(OUTCOME_REJECTED, "");
	outcome.corrects = OUTCOME_BOOKED;
	hear(&ledger, &outcome);
	assert_int_equal(ledger.open, BIT(REJECTED));
}

/* A sentence names what happened and what to do, on one line and whole, whatever the cloud wrote. */
static void test_sentences(void **state)
{
	(void)state;
	struct outcome_facts facts = {.sent = true, .newest = 2};
	struct outcome_decision decision;
	struct outcome outcome = make(OUTCOME_REJECTED, "");
	(void)snprintf(outcome.reason, sizeof outcome.reason, "M17");
	(void)snprintf(outcome.text, sizeof outcome.text, "account 4711\nis unknown");
	outcome_decide(&facts, &outcome, &decision);
	assert_string_equal(
	    decision.text,
	    "the cloud rejected revision 2 (class mapping, reason M17: account 4711 is unknown); add or "
	    "mend the mapping it names: it ends when this or a later revision is booked");
	/* Long texts of two-byte characters are cut between two. */
	memset(outcome.text, 0, sizeof outcome.text);
	for (int i = 0; i < OUTCOME_TEXT_BYTES_MAX; i += 2)
		memcpy(outcome.text + i, "\xc3\xa4", 2);
	memset(outcome.reason, 'x', OUTCOME_FIELD_BYTES_MAX);
	outcome_decide(&facts, &outcome, &decision);
	assert_non_null(strstr(decision.text, "\xc3\xa4...);"));
	assert_non_null(strstr(decision.text, "is booked"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_moves),
	    cmocka_unit_test(test_all_again),
	    cmocka_unit_test(test_strangers),
	    cmocka_unit_test(test_honest_history),
	    cmocka_unit_test(test_rejected_then_booked),
	    cmocka_unit_test(test_sentences),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
