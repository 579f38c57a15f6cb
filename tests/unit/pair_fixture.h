/*
 * pair_fixture.h - two documents, their views, rules and the pair, for the tests of pairs.
 *
 * Why:   pairs by hand and random pairs are two programs.
 * Owns:  the fixture, made by set_up and released by tear_down.
 * Rules: every helper fails the test it is called in rather than return an error.
 * Runs in: the tests.
 */
#ifndef TWINPOST_PAIR_FIXTURE_H
#define TWINPOST_PAIR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/pair.h"
#include "tests/lib/sample_documents.h"

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

struct fixture {
	struct document legacy, cloud;
	struct view legacy_view, cloud_view;
	struct rules *rules; /* NULL: none */
	struct pair pair;
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	document_init(&fixture->legacy);
	document_init(&fixture->cloud);
	view_init(&fixture->legacy_view);
	view_init(&fixture->cloud_view);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	document_release(&fixture->legacy);
	document_release(&fixture->cloud);
	view_release(&fixture->legacy_view);
	view_release(&fixture->cloud_view);
	rules_free(fixture->rules);
	free(fixture);
	return 0;
}

static inline void set_rules(struct fixture *fixture, const char *name, const char *csv)
{
	struct rules_problems problems = {0};
	rules_free(fixture->rules);
	fixture->rules = rules_new();
	if (!rules_add(fixture->rules, name, span_of(csv), &problems) ||
	    !rules_finish(fixture->rules, &problems))
		fail_msg("%s", problems.list[0].text);
}

static inline void make(struct view *view, enum ledger_side side, const struct document *document,
                        const struct rules *rules)
{
	struct err_info info = {0};
	enum err err = view_make(view, side, document, rules, &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", err_name(err), info.text);
}

static inline void compare(struct fixture *fixture)
{
	make(&fixture->legacy_view, SIDE_LEGACY, &fixture->legacy, fixture->rules);
	make(&fixture->cloud_view, SIDE_CLOUD, &fixture->cloud, fixture->rules);
	pair_compare(&fixture->legacy_view, &fixture->cloud_view, fixture->rules, &fixture->pair);
}

static inline bool prints_equal(const struct fixture *fixture)
{
	struct fingerprint a = view_fingerprint(&fixture->legacy_view, SPAN_LITERAL("one"));
	struct fingerprint b = view_fingerprint(&fixture->cloud_view, SPAN_LITERAL("one"));
	return fingerprint_equal(&a, &b);
}

#endif
