/*
 * rules_keeper.c - looks at the files, and takes them once they stand still.
 *
 * Why:   see rules_keeper.h.
 * Owns:  as there.
 * Rules: as there.
 * Runs in: the core.
 * Tests: tests/unit/rules_keeper_test.c
 */
#include "firmware/rules_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rules_keeper {
	char directory[CONFIG_PATH_MAX];
	const struct rules_files *files;
	struct rules *rules;
	struct rules *before; /* NULL: none */
	bool judged;          /* the files of this stamp are in force, or the problem is theirs */
	uint64_t stamp;       /* of the last look that succeeded */
	int64_t due_ns;
	char problem[ERR_TEXT_MAX];
	struct rules_problems problems;
};

/* The first problem with its place, and how many there are. */
static void tell_problem(struct rules_keeper *keeper, enum err err, const struct err_info *info)
{
	const struct rules_problem *first = &keeper->problems.list[0];
	char place[48];
	if (err != ERR_BAD_INPUT || keeper->problems.count == 0) {
		(void)snprintf(keeper->problem, sizeof keeper->problem, "%s", info->text);
		return;
	}
	(void)snprintf(place, sizeof place, first->line > 0 ? "%s:%d" : "%s", first->file, first->line);
	(void)snprintf(keeper->problem, sizeof keeper->problem, "%s: %.300s%s", place, first->text,
	               keeper->problems.total > 1
	                   ? "; it is not the only problem: twinpost mapping check tells "
	                     "them all"
	                   : "");
}

static enum err read_rules(struct rules_keeper *keeper, struct rules **rules)
{
	struct err_info info = {0};
	enum err err = rules_load(keeper->directory, keeper->files->read, keeper->files->list, rules,
	                          &keeper->problems, &info);
	keeper->problem[0] = 0;
	if (err != ERR_OK)
		tell_problem(keeper, err, &info);
	return err;
}

enum err rules_keeper_open(const char *directory, const struct rules_files *files, int64_t now_mono_ns,
                           struct rules_keeper **out, struct err_info *info)
{
	struct rules_keeper *keeper = mem_alloc(sizeof *keeper);
	CHECK(text_copy(keeper->directory, sizeof keeper->directory, span_of(directory)));
	keeper->files = files;
	keeper->due_ns = now_mono_ns + RULES_LOOK_NS;
	/* Stamped before they are read: what changes meanwhile is seen by the next look. */
	enum err err = files->stamp(directory, &keeper->stamp, info);
	keeper->judged = err == ERR_OK;
	if (err == ERR_OK) {
		err = read_rules(keeper, &keeper->rules);
		if (err != ERR_OK)
			err = err_set(info, err, "%s", keeper->problem);
	}
	if (err != ERR_OK) {
		rules_keeper_close(keeper);
		return err;
	}
	*out = keeper;
	return ERR_OK;
}

void rules_keeper_close(struct rules_keeper *keeper)
{
	if (!keeper)
		return;
	rules_free(keeper->rules);
	rules_free(keeper->before);
	free(keeper);
}

/* The files have stood still. */
static bool take(struct rules_keeper *keeper)
{
	struct rules *rules;
	keeper->judged = true;
	if (read_rules(keeper, &rules) != ERR_OK)
		return false;
	if (strcmp(rules_version(rules), rules_version(keeper->rules)) == 0) {
		rules_free(rules);
		return false;
	}
	keeper->before = keeper->rules;
	keeper->rules = rules;
	return true;
}

bool rules_keeper_look(struct rules_keeper *keeper, int64_t now_mono_ns)
{
	struct err_info info = {0};
	uint64_t stamp;
	if (now_mono_ns < keeper->due_ns)
		return false;
	keeper->due_ns = now_mono_ns + RULES_LOOK_NS;
	rules_free(keeper->before);
	keeper->before = NULL;
	if (keeper->files->stamp(keeper->directory, &stamp, &info) != ERR_OK) {
		(void)snprintf(keeper->problem, sizeof keeper->problem, "%s", info.text);
		keeper->judged = false;
		return false;
	}
	bool still = stamp == keeper->stamp;
	if (!still)
		keeper->judged = false;
	keeper->stamp = stamp;
	return still && !keeper->judged && take(keeper);
}

int64_t rules_keeper_due_ns(const struct rules_keeper *keeper)
{
	return keeper->due_ns;
}

const struct rules *rules_keeper_rules(const struct rules_keeper *keeper)
{
	return keeper->rules;
}

const char *rules_keeper_problem(const struct rules_keeper *keeper)
{
	return keeper->problem;
}
