/*
 * ledger_breaks_test.c - exceptions of comparisons: every move, one row for a key, four eyes, sets.
 *
 * Why:   a difference that an old decision hides is a false green.
 * Owns:  nothing; see breaks_fixture.h.
 * Rules: expected moves stand in a table of words, written by hand from docs/compare/exceptions.md; the digest was made
 *        by sha256sum.
 * Runs in: the tests.
 * Tests: store_forward/ledger_breaks.c
 */
#include "tests/unit/breaks_fixture.h"

/* printf 'compare:00001/invoice/2026/RI-1:2026-09\tdifferent rounding -1 1\topen\n'
 * 'compare:00001/invoice/2026/RI-2:2026-09\tdifferent rounding 2 4\topen\n'
 * 'compare:00070/invoice/2026/RI-3:2026-09\tdifferent rounding 2 4\topen\n' (as one) | sha256sum */
#define SET_DIGEST "8a9222c2994908dcc30fdebfe282650d5d1b262e4cd81b8937b74606d87c31ae"

/* ---- moves ---- */

static void moves_are_those_of_the_page(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to[BREAK_EVENT_COUNT]; /* in the order of enum break_event */
	} table[] = {
	    {"open",
	     {"open", "open", "-", "fixed_by_booking", "auto_resolved", "acknowledged", "snoozed", "accepted",
	      "accept_pending", "-", "-"}},
	    {"acknowledged",
	     {"acknowledged", "open", "-", "fixed_by_booking", "auto_resolved", "acknowledged", "snoozed",
	      "accepted", "accept_pending", "-", "open"}},
	    {"snoozed",
	     {"snoozed", "open", "open", "fixed_by_booking", "auto_resolved", "acknowledged", "snoozed",
	      "accepted", "accept_pending", "-", "open"}},
	    {"accept_pending",
	     {"accept_pending", "open", "-", "fixed_by_booking", "auto_resolved", "-", "-", "accepted", "-",
	      "open", "-"}},
	    {"accepted",
	     {"accepted", "open", "-", "fixed_by_booking", "auto_resolved", "-", "-", "-", "-", "open", "-"}},
	    {"fixed_by_booking", {"open", "open", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
	    {"auto_resolved", {"open", "open", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
	};
	assert_int_equal(sizeof table / sizeof table[0], BREAK_STATE_COUNT);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		enum break_state from;
		assert_true(break_state_of(span_of(table[i].from), &from));
		for (int event = 0; event < BREAK_EVENT_COUNT; event++) {
			int to = break_next(from, (enum break_event)event);
			assert_string_equal(to < 0 ? "-" : break_state_name((enum break_state)to),
			                    table[i].to[event]);
		}
	}
	enum break_state none;
	assert_false(break_state_of(SPAN_LITERAL("closed"), &none));
}

/* 2026-11-21T16:07:24Z; days by owner as the page has them. */
static void due_by_owner(void **state)
{
	(void)state;
	assert_int_equal(break_due_ns(STORE_OWNER_TECHNICAL, NOW), NOW + 1 * DAY);
	assert_int_equal(break_due_ns(STORE_OWNER_MAPPING, NOW), NOW + 2 * DAY);
	assert_int_equal(break_due_ns(STORE_OWNER_DATA_QUALITY, NOW), NOW + 3 * DAY);
	assert_int_equal(break_due_ns(STORE_OWNER_POLICY, NOW), NOW + 5 * DAY);
}

/* ---- one row ---- */

static void one_row_for_a_key(void **state)
{
	struct world *world = *state;
	int64_t counts[BREAK_STATE_COUNT];
	run_with(world, &rounding);
	assert_int_equal(world->run.counts.fresh, 1);
	struct ledger_break one = found(world, KEY);
	assert_int_equal(one.id, 1);
	assert_span(one.evidence, "different rounding -1 1");
	assert_span(one.first_run, "000001");
	assert_int_equal(one.state, BREAK_OPEN);
	assert_int_equal(one.due_ns, NOW + 5 * DAY);
	world->now_ns += DAY;
	run_with(world, &rounding);
	assert_int_equal(world->run.counts.fresh, 0);
	assert_int_equal(world->run.counts.seen, 1);
	one = found(world, KEY);
	assert_span(one.first_run, "000001");
	assert_span(one.last_run, "000002");
	assert_int_equal(one.opened_ns, NOW);
	assert_int_equal(one.changed_ns, NOW);
	assert_int_equal(one.due_ns, NOW + 5 * DAY);
	assert_int_equal(ledger_breaks_count(world->ledger, counts, &world->info), ERR_OK);
	assert_int_equal(counts[BREAK_OPEN], 1);
}

/* The same page sent twice, and a key that stands twice in a run. */
static void seen_once_in_a_run(void **state)
{
	struct world *world = *state;
	struct ledger_break other = rounding;
	begin(world);
	started(world);
	see(world, rounding);
	see(world, rounding);
	other.net = other.gross = 7;
	see(world, other);
	end(world);
	assert_int_equal(world->run.counts.fresh, 1);
	assert_int_equal(world->run.counts.seen, 1);
	assert_span(found(world, KEY).evidence, "different rounding -1 1");
}

static void codes_over_their_limit_are_refused(void **state)
{
	struct world *world = *state;
	char long_word[BREAK_WORD_MAX + 2];
	struct ledger_break one = rounding;
	memset(long_word, 'x', sizeof long_word - 1);
	long_word[sizeof long_word - 1] = 0;
	begin(world);
	started(world);
	one.cause = span_of(long_word);
	assert_int_equal(breaks_run_see(world->ledger, &world->run, &one, NOW, &world->info), ERR_TOO_LARGE);
	assert_int_equal(world->run.counts.seen, 0);
}

/* Accepted stays while the evidence does, and each part of the evidence reopens it. */
static void accepted_until_the_evidence_changes(void **state)
{
	struct world *world = *state;
	struct ledger_break changed[4];
	for (int i = 0; i < 4; i++)
		changed[i] = rounding;
	changed[0].status = SPAN_LITERAL("missing_cloud");
	changed[1].cause = SPAN_LITERAL("unexplained");
	changed[2].net = -2;
	changed[3].gross = 2;
	run_with(world, &rounding);
	for (int i = 0; i < 4; i++) {
		must(world, KEY, act_of(BREAK_ACCEPT, "anna"));
		run_with(world, &rounding);
		assert_state(world, KEY, "accepted");
		assert_int_equal(world->run.counts.reopened, 0);
		run_with(world, &changed[i]);
		assert_state(world, KEY, "open");
		assert_int_equal(world->run.counts.reopened, 1);
		assert_int_equal(found(world, KEY).reopened, 2 * i + 1);
		/* Who accepted what it was before can still be read. */
		assert_span(found(world, KEY).who, "anna");
		must(world, KEY, act_of(BREAK_ACCEPT, "anna"));
		run_with(world, &rounding);
	}
}

/* Text, owner and period are no evidence. */
static void other_words_reopen_nothing(void **state)
{
	struct world *world = *state;
	struct ledger_break one = rounding;
	run_with(world, &rounding);
	must(world, KEY, act_of(BREAK_ACCEPT, "anna"));
	one.text = SPAN_LITERAL("other words");
	one.owner = STORE_OWNER_MAPPING;
	world->now_ns += DAY;
	run_with(world, &one);
	assert_state(world, KEY, "accepted");
	assert_span(found(world, KEY).text, "other words");
	assert_int_equal(found(world, KEY).due_ns, NOW + 3 * DAY);
}

static void snoozed_until(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	must(world, KEY, act_of(BREAK_SNOOZE, "anna")); /* for three days */
	world->now_ns = NOW + 3 * DAY - 1;
	run_with(world, &rounding);
	assert_state(world, KEY, "snoozed");
	world->now_ns = NOW + 3 * DAY;
	run_with(world, &rounding);
	assert_state(world, KEY, "open");
	assert_int_equal(found(world, KEY).until_ns, 0);
	assert_int_equal(found(world, KEY).due_ns, NOW + 8 * DAY);
	assert_int_equal(world->run.counts.reopened, 1);
}

/* ---- four eyes ---- */

static void two_persons_accept(void **state)
{
	struct world *world = *state;
	struct break_act anna = act_of(BREAK_ACCEPT, "anna (uid 1000)");
	struct break_act bert = act_of(BREAK_ACCEPT, "bert (uid 1001)");
	anna.four_eyes = bert.four_eyes = true;
	run_with(world, &rounding);
	must(world, KEY, anna);
	assert_state(world, KEY, "accept_pending");
	assert_int_equal(act(world, KEY, anna), ERR_CONFLICT);
	assert_string_equal(world->info.text, KEY
	                    " was accepted by anna (uid 1000) already; the second person must be another");
	assert_state(world, KEY, "accept_pending");
	bert.why = SPAN_LITERAL("so do I");
	must(world, KEY, bert);
	struct ledger_break one = found(world, KEY);
	assert_int_equal(one.state, BREAK_ACCEPTED);
	assert_span(one.who, "anna (uid 1000)");
	assert_span(one.second, "bert (uid 1001)");
	assert_span(one.reason, "known since the pilot");
	/* Taken back it begins anew. */
	must(world, KEY, act_of(BREAK_REJECT, "carl"));
	one = found(world, KEY);
	assert_int_equal(one.state, BREAK_OPEN);
	assert_span(one.who, "carl");
	assert_span(one.second, "");
}

/* What changed between the two must be accepted by both again. */
static void pending_reopens(void **state)
{
	struct world *world = *state;
	struct break_act anna = act_of(BREAK_ACCEPT, "anna");
	struct ledger_break other = rounding;
	anna.four_eyes = true;
	other.net = -2;
	run_with(world, &rounding);
	must(world, KEY, anna);
	run_with(world, &other);
	assert_state(world, KEY, "open");
	must(world, KEY, anna);
	assert_state(world, KEY, "accept_pending");
	must(world, KEY, act_of(BREAK_REJECT, "bert"));
	assert_state(world, KEY, "open");
}

static void refusals_say_what_to_do(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	must(world, KEY, act_of(BREAK_ACCEPT, "anna"));
	assert_int_equal(act(world, KEY, act_of(BREAK_SNOOZE, "bert")), ERR_CONFLICT);
	assert_string_equal(
	    world->info.text,
	    KEY " is accepted and cannot be snoozed; an acceptance is taken back by rejecting it");
	run_with(world, NULL);
	assert_int_equal(act(world, KEY, act_of(BREAK_ACK, "bert")), ERR_CONFLICT);
	assert_string_equal(
	    world->info.text,
	    KEY " is auto_resolved and cannot be taken in hand; if it is there again, the next run opens it");
}

/* ---- sets ---- */

static void three(struct world *world)
{
	struct ledger_break one = rounding;
	begin(world);
	started(world);
	see(world, rounding);
	one.key = SPAN_LITERAL("compare:00001/invoice/2026/RI-2:2026-09");
	one.net = 2;
	one.gross = 4;
	see(world, one);
	one.key = SPAN_LITERAL("compare:00070/invoice/2026/RI-3:2026-09");
	one.entity = SPAN_LITERAL("00070");
	one.currency = SPAN_LITERAL("JPY");
	see(world, one);
	one.key = SPAN_LITERAL("compare:00070/invoice/2026/RI-4:2026-09");
	one.cause = SPAN_LITERAL("tax");
	see(world, one);
	end(world);
}

static struct break_set gathered(struct world *world, const char *cause, const char *entity,
                                 struct break_act what)
{
	struct break_set set;
	assert_int_equal(
	    ledger_breaks_gather(world->ledger, span_of(cause), span_of(entity), &what, &set, &world->info),
	    ERR_OK);
	return set;
}

static void a_set_is_what_was_shown(void **state)
{
	struct world *world = *state;
	char hex[DIGEST_HEX_SIZE];
	three(world);
	struct break_act accept = act_of(BREAK_ACCEPT, "anna");
	struct break_set set = gathered(world, "rounding", "", accept);
	assert_int_equal(set.count, 3);
	assert_int_equal(set.becomes[BREAK_ACCEPTED], 3);
	assert_int_equal(set.currency_count, 2);
	assert_string_equal(set.currencies[0].code, "EUR");
	assert_int_equal(set.currencies[0].count, 2);
	assert_int_equal(set.currencies[0].net, 1);
	assert_int_equal(set.currencies[0].gross, 5);
	assert_string_equal(set.currencies[1].code, "JPY");
	digest_hex(&set.digest, hex);
	assert_string_equal(hex, SET_DIGEST);
	assert_int_equal(gathered(world, "rounding", "00070", accept).count, 1);
	assert_int_equal(gathered(world, "", "00070", accept).count, 2);
	assert_int_equal(ledger_breaks_act(world->ledger, SPAN_LITERAL("rounding"), span_of(""), &accept,
	                                   &set.digest, &world->info),
	                 ERR_OK);
	assert_state(world, KEY, "accepted");
	assert_state(world, "compare:00070/invoice/2026/RI-3:2026-09", "accepted");
	assert_state(world, "compare:00070/invoice/2026/RI-4:2026-09", "open");
	assert_int_equal(gathered(world, "rounding", "", accept).count, 0);
	assert_int_equal(gathered(world, "rounding", "", act_of(BREAK_REJECT, "anna")).count, 3);
}

/* One more, one fewer, another amount, another state: each makes it another set. */
static void another_set_is_refused(void **state)
{
	struct world *world = *state;
	struct break_act accept = act_of(BREAK_ACCEPT, "anna");
	three(world);
	const struct digest before = gathered(world, "rounding", "", accept).digest;
	must(world, KEY, act_of(BREAK_ACK, "bert"));
	assert_int_equal(ledger_breaks_act(world->ledger, SPAN_LITERAL("rounding"), span_of(""), &accept,
	                                   &before, &world->info),
	                 ERR_CONFLICT);
	assert_string_equal(world->info.text,
	                    "these differences have changed since the preview; nothing was done, look again");
	assert_state(world, KEY, "acknowledged");
	assert_state(world, "compare:00001/invoice/2026/RI-2:2026-09", "open");
	run_with(world, &rounding);
	const struct digest one = gathered(world, "rounding", "", accept).digest;
	struct ledger_break other = rounding;
	other.net = -3;
	run_with(world, &other);
	assert_int_equal(ledger_breaks_act(world->ledger, SPAN_LITERAL("rounding"), span_of(""), &accept,
	                                   &one, &world->info),
	                 ERR_CONFLICT);
}

/* The first person's set and the second's: what one has accepted is not in that one's set any more. */
static void sets_with_four_eyes(void **state)
{
	struct world *world = *state;
	struct break_act anna = act_of(BREAK_ACCEPT, "anna");
	struct break_act bert = act_of(BREAK_ACCEPT, "bert");
	anna.four_eyes = bert.four_eyes = true;
	three(world);
	struct break_set set = gathered(world, "rounding", "", anna);
	assert_int_equal(set.becomes[BREAK_ACCEPT_PENDING], 3);
	assert_int_equal(ledger_breaks_act(world->ledger, SPAN_LITERAL("rounding"), span_of(""), &anna,
	                                   &set.digest, &world->info),
	                 ERR_OK);
	assert_int_equal(gathered(world, "rounding", "", anna).count, 0);
	set = gathered(world, "rounding", "", bert);
	assert_int_equal(set.becomes[BREAK_ACCEPTED], 3);
	assert_int_equal(ledger_breaks_act(world->ledger, SPAN_LITERAL("rounding"), span_of(""), &bert,
	                                   &set.digest, &world->info),
	                 ERR_OK);
	assert_state(world, KEY, "accepted");
	assert_span(found(world, KEY).second, "bert");
}

static bool count_one(void *self, const struct ledger_break *one)
{
	int64_t *last = self;
	assert_true(*last == 0 || one->id == *last - 1);
	*last = one->id;
	return one->id > 3;
}

static void newest_first(void **state)
{
	struct world *world = *state;
	int64_t last = 0;
	three(world);
	assert_int_equal(ledger_breaks(world->ledger, 0, count_one, &last, &world->info), ERR_OK);
	assert_int_equal(last, 3);
	last = 0;
	assert_int_equal(ledger_breaks(world->ledger, 3, count_one, &last, &world->info), ERR_OK);
	assert_int_equal(last, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(moves_are_those_of_the_page),
	    cmocka_unit_test(due_by_owner),
	    TEST(one_row_for_a_key),
	    TEST(seen_once_in_a_run),
	    TEST(codes_over_their_limit_are_refused),
	    TEST(accepted_until_the_evidence_changes),
	    TEST(other_words_reopen_nothing),
	    TEST(snoozed_until),
	    TEST(two_persons_accept),
	    TEST(pending_reopens),
	    TEST(refusals_say_what_to_do),
	    TEST(a_set_is_what_was_shown),
	    TEST(another_set_is_refused),
	    TEST(sets_with_four_eyes),
	    TEST(newest_first),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
