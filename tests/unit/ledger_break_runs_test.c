/*
 * ledger_break_runs_test.c - what a run ends and what it does not, by scope, verdict and number of what is new.
 *
 * Why:   a difference that is closed because a run saw half of it is a false green.
 * Owns:  nothing; see breaks_fixture.h.
 * Runs in: the tests.
 * Tests: store_forward/ledger_break_runs.c
 */
#include "tests/unit/breaks_fixture.h"

/* ---- what is no amount ---- */

#define USAGE_KEY "usage:00001/C1/gb/2026-09-01..2026-09-30:2026-09"
#define HEX_A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct ledger_break usage = {
    .key = SPAN_OF(USAGE_KEY),
    .status = SPAN_OF("erp_differs"),
    .cause = SPAN_OF("erp_differs"),
    .owner = STORE_OWNER_POLICY,
    .entity = SPAN_OF("00001"),
    .document_type = SPAN_OF("usage"),
    .period = 202609,
    .text = SPAN_OF("the ERP invoiced another quantity"),
    .content = SPAN_OF(HEX_A),
};

/* The digest of what was seen is evidence: another one opens again, and so does none. */
static void content_is_evidence(void **state)
{
	struct world *world = *state;
	struct ledger_break other = usage;
	run_with(world, &usage);
	assert_span(found(world, USAGE_KEY).evidence, "erp_differs erp_differs 0 0 " HEX_A);
	must(world, USAGE_KEY, act_of(BREAK_ACCEPT, "anna"));
	run_with(world, &usage);
	assert_state(world, USAGE_KEY, "accepted");
	other.content = SPAN_LITERAL(HEX_B);
	run_with(world, &other);
	assert_state(world, USAGE_KEY, "open");
	must(world, USAGE_KEY, act_of(BREAK_ACCEPT, "anna"));
	other.content = (struct span){NULL, 0};
	run_with(world, &other);
	assert_state(world, USAGE_KEY, "open");
	assert_span(found(world, USAGE_KEY).evidence, "erp_differs erp_differs 0 0");
	must(world, USAGE_KEY, act_of(BREAK_ACCEPT, "anna"));
	/* What agrees is over, and its acceptance with it. */
	run_with(world, NULL);
	assert_state(world, USAGE_KEY, "auto_resolved");
	run_with(world, &other);
	assert_state(world, USAGE_KEY, "open");
	other.content = SPAN_LITERAL(HEX_A "a");
	begin(world);
	started(world);
	assert_int_equal(breaks_run_see(world->ledger, &world->run, &other, world->now_ns, &world->info),
	                 ERR_TOO_LARGE);
}

/* Windows of usage count with documents: over 200 new ones have one cause as a rule, and nothing ends. */
static void usage_counts_among_many(void **state)
{
	struct world *world = *state;
	char key[BREAK_KEY_MAX];
	run_with(world, &usage);
	begin(world);
	started(world);
	for (int i = 0; i <= BREAKS_NEW_MAX; i++) {
		struct ledger_break one = usage;
		(void)snprintf(key, sizeof key, "usage:00001/D%d/gb/2026-09-01..2026-09-30:2026-09", i);
		one.key = span_of(key);
		see(world, one);
	}
	end(world);
	assert_state(world, BREAKS_MANY_NEW, "open");
	assert_state(world, USAGE_KEY, "open");
}

/* ---- what runs end ---- */

static void book(struct world *world, enum ledger_side side, const char *subject, const char *identity,
                 int64_t recorded_ns, bool voided)
{
	struct ledger_document document = {
	    .side = side,
	    .identity = span_of(identity),
	    .subject = span_of(subject),
	    .revision = 1,
	    .recorded_ns = recorded_ns,
	    .period = 202609,
	    .entity = SPAN_LITERAL("00001"),
	    .currency = SPAN_LITERAL("EUR"),
	    .voided = voided,
	    .packed = SPAN_LITERAL("x"),
	};
	assert_int_equal(ledger_put(world->ledger, &document, NULL, 0, &world->info), ERR_OK);
}

/* status; booked in the ERP, in the cloud (days after the last run that found it; -9: not at all), voided in the
 * ERP. */
static void gone_is_fixed_or_resolved(void **state)
{
	(void)state;
	static const struct {
		const char *status;
		int legacy_day, cloud_day;
		bool voided;
		const char *expected;
	} cases[] = {
	    {"missing_cloud", -1, 1, false, "fixed_by_booking"},
	    {"waiting_cloud", -1, 1, false, "fixed_by_booking"},
	    {"missing_cloud", 1, -9, true, "auto_resolved"}, /* the ERP took it back */
	    {"missing_cloud", -9, -9, false, "auto_resolved"},
	    {"different", -1, 1, false, "fixed_by_booking"},
	    {"different", 1, -1, false, "fixed_by_booking"},
	    {"different", -1, -1, false, "auto_resolved"}, /* other rules */
	    {"ambiguous", -1, -1, false, "auto_resolved"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *fresh = NULL;
		assert_int_equal(set_up(&fresh), 0);
		struct world *world = fresh;
		struct ledger_break one = rounding;
		one.status = span_of(cases[i].status);
		run_with(world, &one);
		if (cases[i].legacy_day != -9)
			book(world, SIDE_LEGACY, LEGACY, LEGACY, NOW + cases[i].legacy_day * DAY,
			     cases[i].voided);
		if (cases[i].cloud_day != -9)
			book(world, SIDE_CLOUD, "00001/invoice/2026/C-1", LEGACY,
			     NOW + cases[i].cloud_day * DAY, false);
		world->now_ns += 2 * DAY;
		run_with(world, NULL);
		if (strcmp(break_state_name(found(world, KEY).state), cases[i].expected) != 0)
			fail_msg("case %zu: %s", i, break_state_name(found(world, KEY).state));
		assert_int_equal(found(world, KEY).closed_ns, NOW + 2 * DAY);
		assert_int_equal(world->run.counts.resolved, 1);
		/* Found again, it is the same row, open, whoever had accepted it. */
		run_with(world, &one);
		assert_state(world, KEY, "open");
		assert_int_equal(found(world, KEY).id, 1);
		assert_int_equal(found(world, KEY).closed_ns, 0);
		assert_int_equal(world->run.counts.reopened, 1);
		assert_int_equal(world->run.counts.fresh, 0);
		(void)tear_down(&fresh);
	}
}

/* The cloud's own documents: the key has the cloud's subject. */
static void alone_in_the_cloud(void **state)
{
	struct world *world = *state;
	struct ledger_break one = rounding;
	one.key = SPAN_LITERAL("compare:cloud:" LEGACY ":2026-09");
	one.status = SPAN_LITERAL("missing_legacy");
	run_with(world, &one);
	book(world, SIDE_CLOUD, LEGACY, "", NOW - DAY, false);
	run_with(world, NULL);
	assert_state(world, "compare:cloud:" LEGACY ":2026-09", "fixed_by_booking");
}

static void acceptance_does_not_outlive_its_difference(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	must(world, KEY, act_of(BREAK_ACCEPT, "anna"));
	run_with(world, NULL);
	assert_state(world, KEY, "auto_resolved");
	run_with(world, &rounding);
	assert_state(world, KEY, "open");
}

static void incomplete_runs_end_nothing(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	begin(world);
	world->run.incomplete = true;
	started(world);
	end(world);
	assert_int_equal(world->run.counts.resolved, 0);
	assert_state(world, KEY, "open");
}

/* Begun and never ended: nothing is over. */
static void broken_off_runs_end_nothing(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	begin(world);
	started(world);
	assert_state(world, KEY, "open");
	run_with(world, NULL);
	assert_state(world, KEY, "auto_resolved");
}

static void scope_bounds_what_ends(void **state)
{
	(void)state;
	static const struct {
		const char *entity, *type;
		int32_t from, to;
		bool ends;
	} cases[] = {
	    {NULL, NULL, 0, 0, true},          {"00001", NULL, 0, 0, true},
	    {"00002", NULL, 0, 0, false},      {NULL, "invoice", 0, 0, true},
	    {NULL, "journal", 0, 0, false},    {NULL, NULL, 202609, 202609, true},
	    {NULL, NULL, 202610, 0, false},    {NULL, NULL, 0, 202608, false},
	    {NULL, NULL, 202601, 0, true},     {NULL, NULL, 0, 202612, true},
	    {"00001", "journal", 0, 0, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *fresh = NULL;
		assert_int_equal(set_up(&fresh), 0);
		struct world *world = fresh;
		run_with(world, &rounding);
		begin(world);
		struct break_scope *scope = &world->run.scope;
		if (cases[i].entity) {
			/* One of two: the other is in it as well. */
			(void)snprintf(scope->entities[0], sizeof scope->entities[0], "00009");
			(void)snprintf(scope->entities[1], sizeof scope->entities[1], "%s", cases[i].entity);
			scope->entity_count = 2;
		}
		if (cases[i].type) {
			(void)snprintf(scope->types[0], sizeof scope->types[0], "%s", cases[i].type);
			scope->type_count = 1;
		}
		scope->from = cases[i].from;
		scope->to = cases[i].to;
		started(world);
		end(world);
		if ((found(world, KEY).state == BREAK_RESOLVED) != cases[i].ends)
			fail_msg("case %zu", i);
		(void)tear_down(&fresh);
	}
}

/* ---- many at once ---- */

static void see_many(struct world *world, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		char key[64];
		struct ledger_break one = rounding;
		(void)snprintf(key, sizeof key, "compare:00001/invoice/2026/N-%05d:2026-09", i);
		one.key = span_of(key);
		if (i % 3 == 0) {
			one.cause = SPAN_LITERAL("mapping");
			one.owner = STORE_OWNER_MAPPING;
		}
		see(world, one);
	}
}

static void two_hundred_are_ordinary(void **state)
{
	struct world *world = *state;
	struct ledger_break many;
	run_with(world, &rounding);
	begin(world);
	started(world);
	see_many(world, 0, 200);
	end(world);
	assert_int_equal(world->run.counts.fresh, 200);
	assert_int_equal(world->run.counts.resolved, 1);
	assert_state(world, KEY, "auto_resolved");
	assert_int_equal(ledger_break_find(world->ledger, SPAN_LITERAL(BREAKS_MANY_NEW), &many, &world->texts,
	                                   &world->info),
	                 ERR_NOT_FOUND);
}

/* One more: one exception for all, nothing ends; the run after that, it does. 201 = 134 rounding + 67 mapping. */
static void more_are_one_exception(void **state)
{
	struct world *world = *state;
	run_with(world, &rounding);
	begin(world);
	started(world);
	see_many(world, 0, 201);
	end(world);
	assert_int_equal(world->run.counts.fresh, 201);
	assert_int_equal(world->run.counts.resolved, 0);
	assert_int_equal(world->run.counts.seen, 201);
	assert_state(world, KEY, "open");
	struct ledger_break many = found(world, BREAKS_MANY_NEW);
	assert_span(many.cause, "rounding");
	assert_int_equal(many.owner, STORE_OWNER_POLICY);
	assert_span(many.text,
	            "201 differences are new in run 000002, 134 of them with the cause rounding; nothing was "
	            "ended by itself in this run: look for what they have in common first");
	assert_int_equal(act(world, BREAKS_MANY_NEW, act_of(BREAK_ACCEPT, "anna")), ERR_CONFLICT);
	must(world, BREAKS_MANY_NEW, act_of(BREAK_ACK, "anna"));
	begin(world);
	started(world);
	see_many(world, 0, 201);
	end(world);
	assert_int_equal(world->run.counts.fresh, 0);
	assert_int_equal(world->run.counts.resolved, 2);
	assert_state(world, KEY, "auto_resolved");
	assert_state(world, BREAKS_MANY_NEW, "auto_resolved");
	/* Again many: the same row. */
	begin(world);
	started(world);
	see_many(world, 1000, 300);
	end(world);
	assert_int_equal(found(world, BREAKS_MANY_NEW).reopened, 1);
	assert_state(world, BREAKS_MANY_NEW, "open");
}

/* More rows than one call looks at. */
static void ends_in_bounded_calls(void **state)
{
	struct world *world = *state;
	bool done = false;
	int calls = 0;
	for (int i = 0; i < 25; i++) {
		begin(world);
		started(world);
		see_many(world, 0, 100 * (i + 1));
		world->run.incomplete = true;
		end(world);
	}
	begin(world);
	started(world);
	while (!done) {
		assert_int_equal(breaks_run_end(world->ledger, &world->run, NOW, &done, &world->info),
		                 ERR_OK);
		assert_true(world->run.counts.resolved <= ++calls * BREAKS_END_ROWS);
	}
	assert_int_equal(calls, 2);
	assert_int_equal(world->run.counts.resolved, 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(content_is_evidence),
	    TEST(usage_counts_among_many),
	    cmocka_unit_test(gone_is_fixed_or_resolved),
	    TEST(alone_in_the_cloud),
	    TEST(acceptance_does_not_outlive_its_difference),
	    TEST(incomplete_runs_end_nothing),
	    TEST(broken_off_runs_end_nothing),
	    cmocka_unit_test(scope_bounds_what_ends),
	    TEST(two_hundred_are_ordinary),
	    TEST(more_are_one_exception),
	    TEST(ends_in_bounded_calls),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
