/*
 * compare_result_test.c - the folder of a result: whole, or not there, and of one comparison.
 *
 * Why:   a nightly comparison and a person's may begin in the same second.
 * Owns:  a temporary folder.
 * Rules: none.
 * Runs in: tests.
 * Tests: tools/twinpost/compare_result.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/twinpost/compare_result.h"

static void put(struct compare_result *result, const char *text)
{
	struct err_info info;
	for (int file = 0; file < RUN_FILE_COUNT; file++)
		assert_int_equal(compare_result_line(result, (enum run_file)file, span_of(text), &info),
		                 ERR_OK);
}

static void remove_result(const char *path)
{
	char name[200];
	for (int file = 0; file < RUN_FILE_COUNT; file++) {
		(void)snprintf(name, sizeof name, "%s/%s", path, run_file_name((enum run_file)file));
		assert_int_equal(unlink(name), 0);
	}
	assert_int_equal(rmdir(path), 0);
}

/* The second is refused with a sentence, and takes nothing of the first away. */
static void two_at_once(void **state)
{
	char folder[] = "/tmp/compare_result_test.XXXXXX";
	char path[4200];
	char id[16];
	char name[4300];
	struct stat found;
	struct compare_result *first = NULL;
	struct compare_result *second = NULL;
	struct err_info info = {.text = ""};
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(compare_result_next(folder, id, path, &info), ERR_OK);
	assert_int_equal(compare_result_begin(path, &first, &info), ERR_OK);
	put(first, "1\n");
	assert_int_equal(compare_result_begin(path, &second, &info), ERR_CONFLICT);
	assert_non_null(strstr(info.text, "another comparison is writing"));
	compare_result_abandon(second);
	put(first, "2\n");
	assert_int_equal(compare_result_finish(first, &info), ERR_OK);
	(void)snprintf(name, sizeof name, "%s/%s", path, run_file_name(RUN_FILE_RUN));
	assert_int_equal(stat(name, &found), 0);
	assert_int_equal(found.st_size, 4);
	assert_int_equal(compare_result_begin(path, &second, &info), ERR_CONFLICT);
	remove_result(path);
	assert_int_equal(rmdir(folder), 0);
}

/* What a comparison that was killed has left is written over. */
static void after_one_that_was_killed(void **state)
{
	char folder[] = "/tmp/compare_result_test.XXXXXX";
	char path[64];
	char part[80];
	struct compare_result *result = NULL;
	struct err_info info = {.text = ""};
	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/000001", folder);
	(void)snprintf(part, sizeof part, "%s.part", path);
	assert_int_equal(mkdir(part, 0750), 0);
	assert_int_equal(compare_result_begin(path, &result, &info), ERR_OK);
	put(result, "1\n");
	assert_int_equal(compare_result_finish(result, &info), ERR_OK);
	remove_result(path);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_at_once),
	    cmocka_unit_test(after_one_that_was_killed),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
