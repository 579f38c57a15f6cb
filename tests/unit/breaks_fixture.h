/*
 * breaks_fixture.h - the world of the tests of exceptions of comparisons: a ledger, runs told to it, acts of people.
 *
 * Why:   its tests differ in what runs find and people do, not in how that is told.
 * Owns:  a temporary ledger for each test.
 * Runs in: the tests.
 * Tests: ledger_breaks_test.c, ledger_break_runs_test.c
 */
#ifndef TWINPOST_BREAKS_FIXTURE_H
#define TWINPOST_BREAKS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/ledger_breaks.h"

#define DAY    (INT64_C(86400) * NS_PER_S)
#define NOW    (INT64_C(1795277244) * NS_PER_S)
#define KEY    "compare:00001/invoice/2026/RI-1:2026-09"
#define LEGACY "00001/invoice/2026/RI-1"

struct world {
	struct ledger *ledger;
	struct breaks_run run;
	struct err_info info;
	struct buf texts;
	int64_t now_ns;
	int runs;
};

static inline int set_up(void **state)
{
	struct world *world = mem_alloc(sizeof *world);
	struct ledger_opening opening;
	assert_int_equal(ledger_open(NULL, "", LEDGER_TEMPORARY, &world->ledger, &opening, &world->info),
	                 ERR_OK);
	assert_int_equal(ledger_begin(world->ledger, &world->info), ERR_OK);
	buf_init(&world->texts, 8192);
	world->now_ns = NOW;
	*state = world;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *world = *state;
	ledger_close(world->ledger);
	buf_release(&world->texts);
	free(world);
	return 0;
}

/* ---- a run, step by step ---- */

static inline void begin(struct world *world)
{
	world->run = (struct breaks_run){.at_ns = world->now_ns};
	(void)snprintf(world->run.run, sizeof world->run.run, "%06d", ++world->runs);
}

static inline void started(struct world *world)
{
	assert_int_equal(breaks_run_begin(world->ledger, &world->run, &world->info), ERR_OK);
}

#define SPAN_OF(text)                    \
	{                                \
		(text), sizeof(text) - 1 \
	} /* of a constant */

static const struct ledger_break rounding = {
    .key = SPAN_OF(KEY),
    .status = SPAN_OF("different"),
    .cause = SPAN_OF("rounding"),
    .owner = STORE_OWNER_POLICY,
    .entity = SPAN_OF("00001"),
    .document_type = SPAN_OF("invoice"),
    .currency = SPAN_OF("EUR"),
    .period = 202609,
    .net = -1,
    .gross = 1,
    .text = SPAN_OF("the cloud rounds each line"),
};

static inline void see(struct world *world, struct ledger_break one)
{
	assert_int_equal(breaks_run_see(world->ledger, &world->run, &one, world->now_ns, &world->info),
	                 ERR_OK);
}

static inline void end(struct world *world)
{
	bool done = false;
	while (!done)
		assert_int_equal(
		    breaks_run_end(world->ledger, &world->run, world->now_ns, &done, &world->info), ERR_OK);
}

/* A whole run that finds this one alone, or nothing. */
static inline void run_with(struct world *world, const struct ledger_break *one)
{
	begin(world);
	started(world);
	if (one)
		see(world, *one);
	end(world);
}

static inline struct ledger_break found(struct world *world, const char *key)
{
	struct ledger_break one;
	assert_int_equal(ledger_break_find(world->ledger, span_of(key), &one, &world->texts, &world->info),
	                 ERR_OK);
	return one;
}

static inline void assert_state(struct world *world, const char *key, const char *state)
{
	assert_string_equal(break_state_name(found(world, key).state), state);
}

static inline void assert_span(struct span span, const char *text)
{
	if (!span_equal(span, span_of(text)))
		fail_msg("\"%.*s\", not \"%s\"", (int)span.len, span.data, text);
}

static inline struct break_act act_of(enum break_event event, const char *who)
{
	return (struct break_act){.event = event,
	                          .who = span_of(who),
	                          .why = SPAN_LITERAL("known since the pilot"),
	                          .at_ns = NOW + 5,
	                          .until_ns = event == BREAK_SNOOZE ? NOW + 3 * DAY : 0};
}

static inline enum err act(struct world *world, const char *key, struct break_act what)
{
	struct ledger_break one = found(world, key);
	return ledger_break_act(world->ledger, &one, &what, &world->info);
}

static inline void must(struct world *world, const char *key, struct break_act what)
{
	if (act(world, key, what) != ERR_OK)
		fail_msg("%s", world->info.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
