/*
 * rules_load_test.c - a directory becomes rules: which names count, in which order, and what stops it.
 *
 * Why:   a mapping's file that is passed over in silence leaves its codes unmapped.
 * Owns:  nothing.
 * Rules: the directory is a list of names; every file holds what `files` says.
 * Runs in: the tests.
 */
#include "firmware/rules_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "entity,from,to,valid_from,valid_to,note\n"

struct file {
	const char *name, *text; /* NULL: it cannot be read */
};

static const struct file *files;
static int file_count;
static int files_read;

static enum err list_files(const char *directory, struct buf *names, struct err_info *info)
{
	if (strcmp(directory, "dir") != 0)
		return err_set(info, ERR_NOT_FOUND, "%s is not there", directory);
	for (int i = 0; i < file_count; i++)
		buf_append(names, files[i].name, strlen(files[i].name) + 1);
	return ERR_OK;
}

static enum err read_file(const char *path, struct buf *out, struct err_info *info)
{
	files_read++;
	for (int i = 0; i < file_count; i++) {
		if (strncmp(path, "dir/", 4) != 0 || strcmp(path + 4, files[i].name) != 0)
			continue;
		if (!files[i].text)
			return err_set(info, ERR_DENIED, "%s is not for you", path);
		buf_append_text(out, files[i].text);
		return ERR_OK;
	}
	fail_msg("%s was not in the list", path);
	return ERR_NOT_FOUND;
}

struct loaded_rules {
	struct rules *rules;
	struct rules_problems problems;
	struct err_info info;
	enum err err;
};

static struct loaded_rules *load(const char *directory, const struct file *list, int count)
{
	struct loaded_rules *loaded = calloc(1, sizeof *loaded);
	assert_non_null(loaded);
	files = list;
	file_count = count;
	files_read = 0;
	loaded->err =
	    rules_load(directory, read_file, list_files, &loaded->rules, &loaded->problems, &loaded->info);
	assert_int_equal(loaded->err == ERR_OK, loaded->rules != NULL);
	return loaded;
}

static void drop(struct loaded_rules *loaded)
{
	rules_free(loaded->rules);
	free(loaded);
}

/* Files of rules are read, in any case of .csv; what spreadsheets and editors leave beside them is not even opened. */
static void names(void **state)
{
	static const struct file list[] = {{".", NULL},
	                                   {"..", NULL},
	                                   {"tax_code.csv", HEADER},
	                                   {"account.CSV", HEADER "*,1,2,,,\n"},
	                                   {".account.csv", NULL},
	                                   {"account.csv~", NULL},
	                                   {"csv", NULL},
	                                   {"notes.txt", NULL}};
	(void)state;
	struct loaded_rules *loaded = load("dir", list, 8);
	assert_int_equal(loaded->err, ERR_OK);
	assert_int_equal(files_read, 2);
	assert_int_equal(rules_count(loaded->rules, MAPPING_ACCOUNT), 1);
	assert_true(rules_has(loaded->rules, MAPPING_TAX_CODE));
	drop(loaded);
	loaded = load("dir", list, 0);
	assert_int_equal(loaded->err, ERR_OK);
	drop(loaded);
}

/* Problems of all files come by the files' names, however the directory lists them, and as lines with their paths. */
static void problems(void **state)
{
	static const struct file list[] = {
	    {"tolerance.csv", "x,y\n"}, {"acount.csv", HEADER}, {"account.csv", ""}};
	(void)state;
	struct buf out;
	buf_init(&out, 10000);
	struct loaded_rules *loaded = load("dir", list, 3);
	assert_int_equal(loaded->err, ERR_BAD_INPUT);
	assert_int_equal(loaded->problems.total, 9);
	assert_string_equal(loaded->info.text,
	                    "the rules in dir have problems: 9; twinpost mapping check dir tells them");
	rules_problems_print(&loaded->problems, "dir", &out);
	const char *text = buf_cstr(&out);
	assert_non_null(
	    strstr(text, "dir/account.csv: the file is empty; its first line is entity,from,to,"));
	assert_non_null(strstr(text, "\ndir/acount.csv: no rules have this name; "));
	assert_non_null(strstr(text, "\ndir/tolerance.csv:1: there is no column \"x\"; "));
	assert_true(strstr(text, "dir/account.csv") < strstr(text, "dir/acount.csv"));
	drop(loaded);
	buf_clear(&out);
	struct rules_problems *many = calloc(1, sizeof *many);
	assert_non_null(many);
	many->total = 51;
	rules_problems_print(many, "dir", &out);
	assert_string_equal(buf_cstr(&out), "dir: there are 51 problems; these are the first 0\n");
	free(many);
	buf_release(&out);
}

/* What cannot be listed or read ends it with its own error, and leaves no rules. */
static void unreadable(void **state)
{
	static const struct file list[] = {{"account.csv", NULL}, {"entity.csv", HEADER}};
	(void)state;
	struct loaded_rules *loaded = load("elsewhere", list, 2);
	assert_int_equal(loaded->err, ERR_NOT_FOUND);
	assert_int_equal(files_read, 0);
	drop(loaded);
	loaded = load("dir", list, 2);
	assert_int_equal(loaded->err, ERR_DENIED);
	assert_int_equal(files_read, 1);
	assert_string_equal(loaded->info.text, "dir/account.csv is not for you");
	drop(loaded);
}

/* 256 files are looked at, which all but a few are told; one more, or names over 64 KiB, are an error. */
static void limits(void **state)
{
	static struct file list[300];
	static char texts[300][251];
	(void)state;
	for (int i = 0; i < 300; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "file%03d.csv", i);
		list[i] = (struct file){texts[i], HEADER};
	}
	struct loaded_rules *loaded = load("dir", list, 256);
	assert_int_equal(loaded->problems.total, 256);
	drop(loaded);
	loaded = load("dir", list, 257);
	assert_int_equal(loaded->err, ERR_TOO_LARGE);
	assert_string_equal(loaded->info.text,
	                    "dir holds too many files; keep nothing but the files of rules in it");
	drop(loaded);
	for (int i = 0; i < 300; i++) {
		memset(texts[i], 'x', sizeof texts[i] - 1);
		texts[i][sizeof texts[i] - 1] = 0;
	}
	/* 261 names of 251 bytes fit in 65536, 262 do not. */
	loaded = load("dir", list, 261);
	assert_int_equal(loaded->err, ERR_OK);
	drop(loaded);
	loaded = load("dir", list, 262);
	assert_int_equal(loaded->err, ERR_TOO_LARGE);
	drop(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(problems),
	    cmocka_unit_test(unreadable),
	    cmocka_unit_test(limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
