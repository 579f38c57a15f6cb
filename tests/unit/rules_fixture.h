/*
 * rules_fixture.h - rules out of texts, for the tests of rules.
 *
 * Why:   every test of the comparison's rules begins with a few lines of CSV.
 * Owns:  struct made_rules owns the rules and their problems.
 * Rules: files are added under their names without ".csv"; problems are shown as "file:line: text" lines.
 * Runs in: the tests.
 */
#ifndef TWINPOST_RULES_FIXTURE_H
#define TWINPOST_RULES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/rules.h"

#define MAPPING_HEADER "entity,from,to,valid_from,valid_to,note\n"

struct made_rules {
	struct rules *rules;
	struct rules_problems *problems;
	bool good;
};

static inline struct made_rules rules_begin(void)
{
	struct made_rules made = {rules_new(), calloc(1, sizeof *made.problems), true};
	assert_non_null(made.problems);
	return made;
}

static inline void rules_put(struct made_rules *made, const char *name, const char *text)
{
	made->good = rules_add(made->rules, name, span_of(text), made->problems) && made->good;
}

static inline void rules_end(struct made_rules *made)
{
	bool finished = rules_finish(made->rules, made->problems);
	assert_true(made->good || !finished);
	made->good = finished;
	assert_int_equal(made->good, made->problems->total == 0);
}

static inline void rules_drop(struct made_rules *made)
{
	rules_free(made->rules);
	free(made->problems);
}

/* Rules of one file, which must be good. */
static inline struct made_rules rules_of(const char *name, const char *text)
{
	struct made_rules made = rules_begin();
	rules_put(&made, name, text);
	rules_end(&made);
	if (!made.good)
		fail_msg("%s:%d: %s", made.problems->list[0].file, made.problems->list[0].line,
		         made.problems->list[0].text);
	return made;
}

/* All problems of one file must be exactly these lines, "line: text". */
static inline void assert_problems(const char *name, struct span text, const char *expected)
{
	struct made_rules made = rules_begin();
	struct buf got;
	buf_init(&got, 1u << 16);
	made.good = rules_add(made.rules, name, text, made.problems);
	rules_end(&made);
	for (int i = 0; i < made.problems->count; i++) {
		const struct rules_problem *problem = &made.problems->list[i];
		assert_memory_equal(problem->file, name, strlen(name));
		buf_printf(&got, "%d: ", problem->line);
		buf_append_text(&got, problem->text);
		buf_append_char(&got, '\n');
	}
	assert_string_equal(buf_cstr(&got), expected);
	buf_release(&got);
	rules_drop(&made);
}

static inline date_days day(const char *iso)
{
	date_days date;
	assert_int_equal(date_parse(&date, span_of(iso)), ERR_OK);
	return date;
}

/* A generator of a test's numbers (SplitMix64), the same on every machine. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
