/*
 * view_fixture.h - a document, a view of it, and rules, for the tests of views.
 *
 * Why:   both test programs of views begin with a document of a few lines and end with lines as text.
 * Owns:  the fixture, made by set_up and released by tear_down.
 * Rules: every helper fails the test it is called in rather than return an error.
 * Runs in: the tests.
 */
#ifndef TWINPOST_VIEW_FIXTURE_H
#define TWINPOST_VIEW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/view.h"
#include "tests/lib/sample_documents.h"

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

struct fixture {
	struct document document;
	struct view view;
	struct rules *rules; /* NULL: none */
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	document_init(&fixture->document);
	view_init(&fixture->view);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	document_release(&fixture->document);
	view_release(&fixture->view);
	rules_free(fixture->rules);
	free(fixture);
	return 0;
}

static inline void set_rules(struct fixture *fixture, const char *name, const char *csv)
{
	struct rules_problems problems = {0};
	if (!fixture->rules)
		fixture->rules = rules_new();
	if (!rules_add(fixture->rules, name, span_of(csv), &problems))
		fail_msg("%s", problems.list[0].text);
}

static inline void finish_rules(struct fixture *fixture)
{
	struct rules_problems problems = {0};
	if (!rules_finish(fixture->rules, &problems))
		fail_msg("%s", problems.list[0].text);
}

static inline void make(struct fixture *fixture, enum ledger_side side)
{
	struct err_info info = {0};
	enum err err = view_make(&fixture->view, side, &fixture->document, fixture->rules, &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", err_name(err), info.text);
}

static inline void assert_refused(struct fixture *fixture, enum err expected, const char *part)
{
	struct err_info info = {0};
	enum err err = view_make(&fixture->view, SIDE_CLOUD, &fixture->document, NULL, &info);
	if (err != expected || !strstr(info.text, part))
		fail_msg("%s: %s; expected %s with \"%s\"", err_name(err), info.text, err_name(expected),
		         part);
	assert_int_equal(fixture->view.line_count, 0);
	assert_string_equal(fixture->view.subject, "");
}

static inline void assert_span(struct span span, const char *text)
{
	if (!span_equal(span, span_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)span.len, span.data, text);
}

/* "kind account/cost centre/tax code@entity debit credit", a line each; local amounts and what stands beside where they
 * are there. */
static inline void assert_lines(const struct view *view, const char *expected)
{
	static const char *const kinds[] = {"posting", "tax", "application"};
	char text[2048] = "";
	size_t len = 0;
	for (int i = 0; i < view->line_count; i++) {
		const struct view_line *line = &view->lines[i];
		len += (size_t)snprintf(text + len, sizeof text - len, "%s %.*s/%.*s/%.*s@%.*s %lld %lld",
		                        kinds[line->kind], (int)line->account.len, line->account.data,
		                        (int)line->cost_centre.len, line->cost_centre.data,
		                        (int)line->tax_code.len, line->tax_code.data, (int)line->entity.len,
		                        line->entity.data, (long long)line->debit, (long long)line->credit);
		if (line->has_local)
			len +=
			    (size_t)snprintf(text + len, sizeof text - len, " local %lld%s",
			                     (long long)line->local, line->local_partial ? " in part" : "");
		for (int j = 0; j < VIEW_BESIDE_COUNT; j++) {
			if (line->beside[j] != 0)
				len += (size_t)snprintf(text + len, sizeof text - len, " %s %lld",
				                        view_beside_name((enum view_beside)j),
				                        (long long)line->beside[j]);
		}
		len += (size_t)snprintf(text + len, sizeof text - len, "\n");
		assert_true(len < sizeof text);
	}
	assert_string_equal(text, expected);
}

static inline struct value *add_line(struct document *document, const char *account, const char *amount)
{
	struct value *line = document_add_line(document, SECTION_LINES);
	assert_non_null(line);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], account);
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], amount);
	return line;
}

#endif
