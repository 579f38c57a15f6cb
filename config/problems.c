/*
 * problems.c - the list of what is wrong with a configuration file.
 *
 * Why:   a person corrects a file once, not once per mistake: all problems are gathered and told in the file's order.
 * Owns:  nothing; the list is the caller's.
 * Rules: as in config.h.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>

void config_problems_init(struct config_problems *problems)
{
	problems->count = 0;
	problems->more = false;
}

void config_problem_add(struct config_problems *problems, int line, int column, const char *format, ...)
{
	if (problems->count == CONFIG_PROBLEMS_MAX) {
		problems->more = true;
		return;
	}
	struct config_problem *problem = &problems->list[problems->count++];
	problem->line = line;
	problem->column = column;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(problem->text, sizeof problem->text, format, args);
	va_end(args);
}

static bool comes_before(const struct config_problem *a, const struct config_problem *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By insertion: at most 50 of them, nearly in order already, and equal ones keep theirs. */
void config_problems_sort(struct config_problems *problems)
{
	for (int i = 1; i < problems->count; i++) {
		struct config_problem moving = problems->list[i];
		int to = i;
		for (; to > 0 && comes_before(&moving, &problems->list[to - 1]); to--)
			problems->list[to] = problems->list[to - 1];
		problems->list[to] = moving;
	}
}

void config_problems_print(const struct config_problems *problems, const char *path, struct buf *out)
{
	for (int i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->list[i];
		buf_append_text(out, path);
		if (problem->line > 0)
			buf_printf(out, ":%d:%d", problem->line, problem->column);
		buf_printf(out, ": %s\n", problem->text);
	}
	if (problems->more)
		buf_printf(out, "%s: there are more problems; these are the first %d\n", path,
		           CONFIG_PROBLEMS_MAX);
}
