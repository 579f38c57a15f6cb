/*
 * file_linux_test.c - small files and small directories of the machine: whole, or a clear error.
 *
 * Why:   configuration, certificates and rules come through here.
 * Owns:  a directory of its own, removed at the end.
 * Runs in: the tests.
 */
#include "hal/linux/file_linux.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/file_linux_test.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, size_t len)
{
	FILE *file = fopen(path_of(name), "wb");
	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(fputc('a' + (int)(i % 26), file), 'a' + (int)(i % 26));
	assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	(void)unlink(path_of("b"));
	(void)unlink(path_of("a"));
	return rmdir(directory);
}

/* A file of exactly the buffer's limit is read, one byte more is not; an earlier content is gone. */
static void reads_whole_files(void **state)
{
	(void)state;
	struct buf out;
	struct err_info info;
	buf_init(&out, 10000);
	write_file("a", 10000);
	buf_append_text(&out, "before");
	assert_int_equal(file_linux_read(path_of("a"), &out, &info), ERR_OK);
	assert_int_equal(out.len, 10000);
	/* 9999 = 384 * 26 + 15 */
	assert_true(out.data[0] == 'a' && out.data[9999] == 'a' + 15);
	write_file("a", 10001);
	assert_int_equal(file_linux_read(path_of("a"), &out, &info), ERR_TOO_LARGE);
	write_file("a", 0);
	assert_int_equal(file_linux_read(path_of("a"), &out, &info), ERR_OK);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/* What is not there, is a directory, or lies below a file. */
static void tells_what_it_cannot_read(void **state)
{
	(void)state;
	struct buf out;
	struct err_info info;
	buf_init(&out, 100);
	write_file("a", 1);
	assert_int_equal(file_linux_read(path_of("none"), &out, &info), ERR_NOT_FOUND);
	assert_non_null(strstr(info.text, "/none cannot be read: No such file or directory"));
	assert_int_equal(file_linux_read(path_of("a/b"), &out, &info), ERR_NOT_FOUND);
	assert_int_equal(file_linux_read(directory, &out, &info), ERR_BAD_INPUT);
	assert_int_equal(file_linux_list(path_of("none"), &out, &info), ERR_NOT_FOUND);
	assert_int_equal(file_linux_list(path_of("a"), &out, &info), ERR_BAD_INPUT);
	assert_non_null(strstr(info.text, "/a is no directory"));
	buf_release(&out);
}

/* Every name but the two dots, each with its zero; four bytes are enough for two names of one letter, three are not. */
static void lists_names(void **state)
{
	(void)state;
	struct buf names;
	struct err_info info;
	write_file("a", 0);
	write_file("b", 0);
	buf_init(&names, 4);
	assert_int_equal(file_linux_list(directory, &names, &info), ERR_OK);
	assert_int_equal(names.len, 4);
	assert_true(memcmp(names.data, "a\0b", 4) == 0 || memcmp(names.data, "b\0a", 4) == 0);
	buf_release(&names);
	buf_init(&names, 3);
	assert_int_equal(file_linux_list(directory, &names, &info), ERR_TOO_LARGE);
	buf_release(&names);
}

static uint64_t stamp_now(void)
{
	struct err_info info;
	uint64_t stamp = 0;
	assert_int_equal(file_linux_stamp(directory, &stamp, &info), ERR_OK);
	return stamp;
}

/* Another stamp after a file came, was written, was replaced by one of the same size and times, was renamed, went; the
 * same one where nothing happened, and where a file was only read. */
static void stamps_differ(void **state)
{
	(void)state;
	static const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	struct err_info info;
	struct buf out;
	uint64_t stamp;
	uint64_t before;
	char other[128];
	buf_init(&out, 100);
	(void)unlink(path_of("a"));
	(void)unlink(path_of("b"));
	before = stamp_now();
	write_file("a", 3);
	assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
	stamp = stamp_now();
	assert_true(stamp != before);
	assert_int_equal(file_linux_read(path_of("a"), &out, &info), ERR_OK);
	assert_true(stamp_now() == stamp);
	write_file("b", 3);
	assert_int_equal(utimensat(AT_FDCWD, path_of("b"), times, 0), 0);
	(void)snprintf(other, sizeof other, "%s", path_of("b"));
	before = stamp_now();
	assert_true(before != stamp);
	assert_int_equal(rename(other, path_of("a")), 0);
	assert_true(stamp_now() != before && stamp_now() != stamp);
	before = stamp_now();
	write_file("a", 4);
	assert_true(stamp_now() != before);
	before = stamp_now();
	(void)snprintf(other, sizeof other, "%s", path_of("a"));
	assert_int_equal(rename(other, path_of("b")), 0);
	assert_true(stamp_now() != before);
	assert_int_equal(file_linux_stamp(path_of("none"), &stamp, &info), ERR_NOT_FOUND);
	assert_int_equal(file_linux_stamp(path_of("b"), &stamp, &info), ERR_BAD_INPUT);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_whole_files),
	    cmocka_unit_test(tells_what_it_cannot_read),
	    cmocka_unit_test(lists_names),
	    cmocka_unit_test(stamps_differ),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
