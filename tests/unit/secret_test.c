/*
 * secret_test.c - where a secret comes from, and when it is refused.
 *
 * Why:   a password that others can read, or half of one, is worse than none.
 * Owns:  a temporary directory.
 * Rules: expected results follow from secret.h and systemd.exec(5), LoadCredential=.
 * Runs in: the unit tests.
 */
#include "hal/linux/port_secret_linux.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_BYTES 200

static int make_directory(void **state)
{
	char *directory = mem_alloc(PATH_BYTES);
	(void)snprintf(directory, PATH_BYTES, "/tmp/twinpost-secret-XXXXXX");
	assert_non_null(mkdtemp(directory));
	*state = directory;
	return 0;
}

static int remove_directory(void **state)
{
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static void path_of(void *const *state, const char *name, char path[PATH_BYTES])
{
	int len = snprintf(path, PATH_BYTES, "%s/%s", (const char *)*state, name);
	assert_true(len > 0 && len < PATH_BYTES);
}

static void write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static enum err get(enum secret_kind kind, const char *name, struct secret *secret)
{
	struct secret_reference reference = {.kind = kind};
	struct err_info info = {.text = ""};
	assert_true(text_copy(reference.name, sizeof reference.name, span_of(name)));
	enum err err = port_secret_linux_get(&reference, secret, &info);
	if (err == ERR_OK) {
		assert_int_equal(strlen(secret->bytes), secret->len);
	} else {
		/* Wiped, and a sentence that does not hold it. */
		assert_int_equal(secret->len, 0);
		assert_int_equal(secret->bytes[0], 0);
		assert_true(info.text[0] != 0);
		assert_null(strstr(info.text, "hunter2"));
	}
	return err;
}

/* One file with these bytes and mode: the result, and what came where it is ERR_OK. */
static void expect_file(void *const *state, const char *bytes, size_t len, mode_t mode, enum err err,
                        const char *secret_text)
{
	char path[PATH_BYTES];
	struct secret secret;
	path_of(state, "s", path);
	write_file(path, bytes, len, mode);
	assert_int_equal(get(SECRET_FILE, path, &secret), err);
	if (err == ERR_OK)
		assert_string_equal(secret.bytes, secret_text);
	assert_int_equal(unlink(path), 0);
	secret_release(&secret);
}

/* One newline is cut, and only one; blanks stay; nothing, a lone newline and a zero byte are refused. */
static void file_bytes(void **state)
{
	expect_file(state, "hunter2", 7, 0600, ERR_OK, "hunter2");
	expect_file(state, "hunter2\n", 8, 0600, ERR_OK, "hunter2");
	expect_file(state, "hunter2\n\n", 9, 0600, ERR_OK, "hunter2\n");
	expect_file(state, " hunter2 ", 9, 0600, ERR_OK, " hunter2 ");
	expect_file(state, "", 0, 0600, ERR_NOT_FOUND, NULL);
	expect_file(state, "\n", 1, 0600, ERR_NOT_FOUND, NULL);
	expect_file(state, "hun\0ter2", 8, 0600, ERR_BAD_INPUT, NULL);
}

/* Every mode: refused as soon as others may read, write or execute; the group may. */
static void file_modes(void **state)
{
	for (mode_t mode = 0400; mode < 0500; mode++)
		expect_file(state, "hunter2", 7, mode, (mode & 7) != 0 ? ERR_DENIED : ERR_OK, "hunter2");
}

/* The longest secret, with and without its newline, passes; one byte more does not. */
static void file_sizes(void **state)
{
	char bytes[SECRET_BYTES_MAX + 2];
	char longest[SECRET_BYTES_MAX + 1];
	memset(bytes, 'x', sizeof bytes);
	memset(longest, 'x', SECRET_BYTES_MAX);
	longest[SECRET_BYTES_MAX] = 0;
	expect_file(state, bytes, SECRET_BYTES_MAX, 0600, ERR_OK, longest);
	expect_file(state, bytes, SECRET_BYTES_MAX + 1, 0600, ERR_TOO_LARGE, NULL);
	bytes[SECRET_BYTES_MAX] = '\n';
	expect_file(state, bytes, SECRET_BYTES_MAX + 1, 0600, ERR_OK, longest);
	expect_file(state, bytes, SECRET_BYTES_MAX + 2, 0600, ERR_TOO_LARGE, NULL);
}

/* What is not there, and what is no file: a directory, a FIFO that nobody writes to (which must not hang), a
 * device. */
static void no_files(void **state)
{
	char path[PATH_BYTES];
	struct secret secret;
	path_of(state, "absent", path);
	assert_int_equal(get(SECRET_FILE, path, &secret), ERR_NOT_FOUND);
	assert_int_equal(get(SECRET_FILE, *state, &secret), ERR_BAD_INPUT);
	assert_int_equal(get(SECRET_FILE, "/dev/zero", &secret), ERR_BAD_INPUT);
	assert_int_equal(get(SECRET_FILE, "/etc/passwd/x", &secret), ERR_NOT_FOUND);
	path_of(state, "fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(get(SECRET_FILE, path, &secret), ERR_BAD_INPUT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(get(SECRET_NONE, "", &secret), ERR_NOT_FOUND);
}

/* A variable: as it is, less one newline; unset, empty and over-long are refused. */
static void environment(void **state)
{
	(void)state;
	struct secret secret;
	char bytes[SECRET_BYTES_MAX + 2];
	assert_int_equal(setenv("TWINPOST_TEST_SECRET", "hunter2", 1), 0);
	assert_int_equal(get(SECRET_ENVIRONMENT, "TWINPOST_TEST_SECRET", &secret), ERR_OK);
	assert_string_equal(secret.bytes, "hunter2");
	secret_release(&secret);
	assert_int_equal(secret.bytes[0], 0);
	memset(bytes, 'x', sizeof bytes);
	bytes[SECRET_BYTES_MAX + 1] = 0;
	assert_int_equal(setenv("TWINPOST_TEST_SECRET", bytes, 1), 0);
	assert_int_equal(get(SECRET_ENVIRONMENT, "TWINPOST_TEST_SECRET", &secret), ERR_TOO_LARGE);
	bytes[SECRET_BYTES_MAX] = 0;
	assert_int_equal(setenv("TWINPOST_TEST_SECRET", bytes, 1), 0);
	assert_int_equal(get(SECRET_ENVIRONMENT, "TWINPOST_TEST_SECRET", &secret), ERR_OK);
	assert_int_equal(secret.len, SECRET_BYTES_MAX);
	assert_int_equal(setenv("TWINPOST_TEST_SECRET", "", 1), 0);
	assert_int_equal(get(SECRET_ENVIRONMENT, "TWINPOST_TEST_SECRET", &secret), ERR_NOT_FOUND);
	assert_int_equal(unsetenv("TWINPOST_TEST_SECRET"), 0);
	assert_int_equal(get(SECRET_ENVIRONMENT, "TWINPOST_TEST_SECRET", &secret), ERR_NOT_FOUND);
}

/* A credential is a name below $CREDENTIALS_DIRECTORY, never a way out of it; its file keeps the rules of files. */
static void credential(void **state)
{
	struct secret secret;
	char path[PATH_BYTES];
	path_of(state, "erp", path);
	write_file(path, "hunter2\n", 8, 0440);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(get(SECRET_CREDENTIAL, "erp", &secret), ERR_NOT_FOUND);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", *state, 1), 0);
	assert_int_equal(get(SECRET_CREDENTIAL, "erp", &secret), ERR_OK);
	assert_string_equal(secret.bytes, "hunter2");
	static const char *const bad[] = {"", ".", "..", "/etc/passwd", "../erp", "x/erp", "absent"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(get(SECRET_CREDENTIAL, bad[i], &secret), ERR_NOT_FOUND);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(get(SECRET_CREDENTIAL, "erp", &secret), ERR_DENIED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

/* A file is read whole behind what the buffer holds, up to the buffer's limit. */
static void read_file(void **state)
{
	struct buf out;
	struct err_info info;
	char path[PATH_BYTES];
	char bytes[10000];
	memset(bytes, 'x', sizeof bytes);
	path_of(state, "file", path);
	write_file(path, bytes, sizeof bytes, 0644);
	buf_init(&out, sizeof bytes + 2);
	buf_append(&out, "ab", 2);
	assert_int_equal(port_secret_linux_read_file(path, &out, &info), ERR_OK);
	assert_int_equal(out.len, sizeof bytes + 2);
	assert_memory_equal(out.data, "abxx", 4);
	buf_release(&out);
	buf_init(&out, sizeof bytes - 1);
	assert_int_equal(port_secret_linux_read_file(path, &out, &info), ERR_TOO_LARGE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(port_secret_linux_read_file(path, &out, &info), ERR_NOT_FOUND);
	assert_int_equal(port_secret_linux_read_file(*state, &out, &info), ERR_BAD_INPUT);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(file_bytes), cmocka_unit_test(file_modes),  cmocka_unit_test(file_sizes),
	    cmocka_unit_test(no_files),   cmocka_unit_test(environment), cmocka_unit_test(credential),
	    cmocka_unit_test(read_file),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
