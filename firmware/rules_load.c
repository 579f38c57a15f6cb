/*
 * rules_load.c - lists a directory and adds each of its CSV files to the rules.
 *
 * Why:   see rules_load.h.
 * Owns:  names and texts during the call.
 * Faults: as in rules_load.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_load_test.c
 */
#include "firmware/rules_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENDING    ".csv"
#define FILES_MAX 256

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_ours(const char *name)
{
	size_t len = strlen(name);
	size_t end = sizeof ENDING - 1;
	return name[0] != '.' && len >= end && strcasecmp(name + len - end, ENDING) == 0;
}

/* Sorted; -1: more than FILES_MAX. */
static int our_names(const struct buf *names, const char *list[FILES_MAX])
{
	int count = 0;
	size_t at = 0;
	while (at < names->len) {
		const char *name = (const char *)names->data + at;
		at += strlen(name) + 1;
		if (!is_ours(name))
			continue;
		if (count == FILES_MAX)
			return -1;
		list[count++] = name;
	}
	qsort(list, (size_t)count, sizeof list[0], by_text);
	return count;
}

static enum err add_file(struct rules *rules, const char *directory, const char *name, load_reader read_file,
                         struct rules_problems *problems, struct err_info *info)
{
	char path[CONFIG_PATH_MAX + 256];
	char stem[256];
	struct buf text;
	size_t end = strlen(name) - (sizeof ENDING - 1);
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path ||
	    !text_copy(stem, sizeof stem, (struct span){name, end}))
		return err_set(info, ERR_TOO_LARGE, "the path %.300s is too long; move the directory", path);
	buf_init(&text, RULES_FILE_BYTES_MAX);
	enum err err = read_file(path, &text, info);
	/* What is wrong with it is among the problems. */
	if (err == ERR_OK)
		(void)!rules_add(rules, stem, buf_span(&text), problems);
	buf_release(&text);
	return err;
}

enum err rules_load(const char *directory, load_reader read_file, load_lister list_files,
                    struct rules **rules, struct rules_problems *problems, struct err_info *info)
{
	const char *list[FILES_MAX];
	struct buf names;
	struct rules *made = rules_new();
	*rules = NULL;
	*problems = (struct rules_problems){.count = 0};
	buf_init(&names, RULES_NAMES_BYTES_MAX);
	enum err err = list_files(directory, &names, info);
	int count = err == ERR_OK ? our_names(&names, list) : 0;
	if (count < 0 || (err == ERR_OK && !buf_ok(&names)))
		err =
		    err_set(info, ERR_TOO_LARGE,
		            "%s holds too many files; keep nothing but the files of rules in it", directory);
	for (int i = 0; i < count && err == ERR_OK; i++)
		err = add_file(made, directory, list[i], read_file, problems, info);
	if (err == ERR_OK && !rules_finish(made, problems))
		err = err_set(info, ERR_BAD_INPUT,
		              "the rules in %s have problems: %d; twinpost mapping check %s tells them",
		              directory, problems->total, directory);
	buf_release(&names);
	if (err == ERR_OK)
		*rules = made;
	else
		rules_free(made);
	return err;
}

void rules_problems_print(const struct rules_problems *problems, const char *directory, struct buf *out)
{
	for (int i = 0; i < problems->count; i++) {
		const struct rules_problem *problem = &problems->list[i];
		buf_printf(out, "%s/%s", directory, problem->file);
		if (problem->line > 0)
			buf_printf(out, ":%d", problem->line);
		buf_append_text(out, ": ");
		buf_append_text(out, problem->text);
		buf_append_char(out, '\n');
	}
	if (problems->total > problems->count)
		buf_printf(out, "%s: there are %d problems; these are the first %d\n", directory,
		           problems->total, problems->count);
}
