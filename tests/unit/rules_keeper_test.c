/*
 * rules_keeper_test.c - rules change while the agent runs: when they are taken, and what is told of bad ones.
 *
 * Why:   half a file that is taken maps half a ledger; one that is never taken holds it for good.
 * Owns:  nothing.
 * Rules: the directory is one file, account.csv, whose text and stamp the test sets; time is a number.
 * Runs in: the tests.
 */
#include "firmware/rules_keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD   "entity,from,to,valid_from,valid_to,note\n"
#define FIRST  HEAD "*,1,100,,,\n"
#define SECOND HEAD "*,1,200,,,\n"
#define BAD    HEAD "*,1,100,tomorrow,,\n*,1,100,yesterday,,\n"

static const char *text; /* NULL: the directory is gone */
static uint64_t stamp_now;
static int reads;
static int64_t now;

static enum err stamp(const char *directory, uint64_t *out, struct err_info *info)
{
	*out = stamp_now;
	return text ? ERR_OK : err_set(info, ERR_NOT_FOUND, "%s is gone", directory);
}

static enum err list(const char *directory, struct buf *names, struct err_info *info)
{
	(void)directory;
	(void)info;
	buf_append(names, "account.csv", sizeof "account.csv");
	return ERR_OK;
}

static enum err read_file(const char *path, struct buf *out, struct err_info *info)
{
	(void)info;
	assert_string_equal(path, "dir/account.csv");
	buf_append_text(out, text);
	reads++;
	return ERR_OK;
}

static const struct rules_files files = {read_file, list, stamp};

static struct rules_keeper *open_keeper(const char *first)
{
	struct rules_keeper *keeper = NULL;
	struct err_info info;
	text = first;
	stamp_now = 1;
	now = 1000;
	assert_int_equal(rules_keeper_open("dir", &files, now, &keeper, &info), ERR_OK);
	reads = 0;
	return keeper;
}

static void save(const char *content)
{
	text = content;
	stamp_now++;
}

static bool look(struct rules_keeper *keeper)
{
	now += RULES_LOOK_NS;
	assert_int_equal(rules_keeper_due_ns(keeper), now);
	return rules_keeper_look(keeper, now);
}

static const char *account_of_1(const struct rules_keeper *keeper)
{
	static char shown[16];
	struct span mapped;
	assert_true(rules_map(rules_keeper_rules(keeper), MAPPING_ACCOUNT, SPAN_LITERAL("00001"),
	                      SPAN_LITERAL("1"), 0, &mapped));
	assert_true(text_copy(shown, sizeof shown, mapped));
	return shown;
}

/* Changed files are taken at the second look that finds them alike, never before; nothing is read meanwhile. */
static void taken_when_they_stand_still(void **state)
{
	(void)state;
	struct rules_keeper *keeper = open_keeper(FIRST);
	for (int i = 0; i < 5; i++)
		assert_false(look(keeper));
	assert_int_equal(reads, 0);
	save(BAD); /* half saved, half a second later whole */
	assert_false(look(keeper));
	save(SECOND);
	assert_false(look(keeper));
	assert_int_equal(reads, 0);
	assert_string_equal(account_of_1(keeper), "100");
	const struct rules *before = rules_keeper_rules(keeper);
	assert_false(rules_keeper_look(keeper, now + RULES_LOOK_NS - 1)); /* not yet time */
	assert_true(look(keeper));
	assert_string_equal(account_of_1(keeper), "200");
	assert_int_equal(rules_count(before, MAPPING_ACCOUNT), 1); /* still there */
	assert_false(look(keeper));
	assert_int_equal(reads, 1);
	assert_string_equal(rules_keeper_problem(keeper), "");
	rules_keeper_close(keeper);
}

/* Bad files leave the rules as they are and are told once read; good ones end that, also those that are in force. */
static void bad_files_change_nothing(void **state)
{
	(void)state;
	struct rules_keeper *keeper = open_keeper(FIRST);
	save(BAD);
	assert_false(look(keeper));
	assert_string_equal(rules_keeper_problem(keeper), "");
	assert_false(look(keeper));
	assert_non_null(strstr(rules_keeper_problem(keeper), "account.csv:2: valid_from is tomorrow"));
	assert_non_null(strstr(rules_keeper_problem(keeper), "it is not the only problem"));
	assert_string_equal(account_of_1(keeper), "100");
	assert_false(look(keeper));
	assert_int_equal(reads, 1);
	save(FIRST);
	assert_false(look(keeper));
	assert_false(look(keeper)); /* the same version: nothing new is in force */
	assert_string_equal(rules_keeper_problem(keeper), "");
	save(BAD);
	assert_false(look(keeper));
	assert_false(look(keeper));
	save(SECOND);
	assert_false(look(keeper));
	assert_true(look(keeper));
	assert_string_equal(rules_keeper_problem(keeper), "");
	rules_keeper_close(keeper);
}

/* A directory that is gone is told at once; back, its files are judged anew though nothing in them has changed. */
static void a_directory_that_is_gone(void **state)
{
	(void)state;
	struct rules_keeper *keeper = open_keeper(FIRST);
	text = NULL;
	assert_false(look(keeper));
	assert_string_equal(rules_keeper_problem(keeper), "dir is gone");
	assert_string_equal(account_of_1(keeper), "100");
	text = FIRST;
	assert_false(look(keeper));
	assert_string_equal(rules_keeper_problem(keeper), "");
	assert_int_equal(reads, 1);
	rules_keeper_close(keeper);
}

/* At the start there is nothing to stay with. */
static void bad_at_the_start(void **state)
{
	(void)state;
	struct rules_keeper *keeper = NULL;
	struct err_info info;
	text = BAD;
	assert_int_equal(rules_keeper_open("dir", &files, 0, &keeper, &info), ERR_BAD_INPUT);
	assert_non_null(strstr(info.text, "account.csv:2: valid_from is tomorrow"));
	text = NULL;
	assert_int_equal(rules_keeper_open("dir", &files, 0, &keeper, &info), ERR_NOT_FOUND);
	assert_string_equal(info.text, "dir is gone");
	assert_null(keeper);
	rules_keeper_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(taken_when_they_stand_still),
	    cmocka_unit_test(bad_files_change_nothing),
	    cmocka_unit_test(a_directory_that_is_gone),
	    cmocka_unit_test(bad_at_the_start),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
