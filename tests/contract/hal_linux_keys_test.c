/*
 * hal_linux_keys_test.c - what only Linux has of the signing keys: modes, links, paths, variables, a full disk.
 *
 * Why:   the contract suite knows nothing of who else is on the box.
 * Owns:  a temporary directory per test.
 * Rules: expected results follow from keys_linux.h and secret.h.
 * Runs in: tests.
 * Tests: is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/keys_crypto.h"
#include "tests/lib/test_hal.h"

struct box {
	struct test_hal test;
	char above[64];
	char directory[80];
	struct hal_keys_options options;
	struct hal_keys *keys;
	struct hal_keys_opening opening;
	struct err_info info;
};

static int box_setup(void **state)
{
	struct box *box = mem_alloc(sizeof *box);
	test_hal_init(&box->test, 1);
	(void)snprintf(box->above, sizeof box->above, "/tmp/keys-test-XXXXXX");
	if (!mkdtemp(box->above))
		return -1;
	(void)snprintf(box->directory, sizeof box->directory, "%s/keys", box->above);
	box->options.directory = box->directory;
	*state = box;
	return 0;
}

static const char *path_in(const struct box *box, const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", box->directory, name);
	return path;
}

static int box_teardown(void **state)
{
	static const char *const names[] = {"signing.key", "next.key", "seal.key", "seal.key.new"};
	struct box *box = *state;
	hal_keys_close(box->keys);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlink(path_in(box, names[i]));
	int failed = (rmdir(box->directory) != 0 && errno != ENOENT) || rmdir(box->above) != 0;
	free(box);
	return failed;
}

static enum err box_open(struct box *box)
{
	hal_keys_close(box->keys);
	return hal_keys_open(&box->test.hal, &box->options, &box->keys, &box->opening, &box->info);
}

static mode_t mode_of(const char *path)
{
	struct stat about;
	assert_int_equal(lstat(path, &about), 0);
	return about.st_mode & 07777;
}

/* The directory is made 0700 and the files 0600, whatever the umask; nothing else lies there. */
static void made_for_the_owner_alone(void **state)
{
	struct box *box = *state;
	mode_t before = umask(0);
	assert_int_equal(box_open(box), ERR_OK);
	(void)umask(before);
	assert_int_equal(hal_keys_prepare(box->keys, &box->info), ERR_OK);
	assert_int_equal(mode_of(box->directory), 0700);
	assert_int_equal(mode_of(path_in(box, "signing.key")), 0600);
	assert_int_equal(mode_of(path_in(box, "next.key")), 0600);
	assert_int_equal(mode_of(path_in(box, "seal.key")), 0600);
}

/* Each bit of group and others on the directory or on a file is refused, and named. */
static void others_are_refused(void **state)
{
	static const char *const names[] = {"", "signing.key", "seal.key", "next.key"};
	struct box *box = *state;
	assert_int_equal(box_open(box), ERR_OK);
	assert_int_equal(hal_keys_prepare(box->keys, &box->info), ERR_OK);
	for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
		mode_t good = n == 0 ? 0700 : 0600;
		for (mode_t bit = 1; bit <= 040; bit *= 2) {
			assert_int_equal(chmod(path_in(box, names[n]), good | bit), 0);
			assert_int_equal(box_open(box), ERR_DENIED);
			assert_non_null(strstr(box->info.text, names[n]));
			assert_non_null(strstr(box->info.text, "chmod"));
		}
		assert_int_equal(chmod(path_in(box, names[n]), good), 0);
		assert_int_equal(box_open(box), ERR_OK);
	}
}

/* Keys that another user made, root for instance: refused, and whose they must be is said. */
static void another_user_is_refused(void **state)
{
	struct box *box = *state;
	assert_int_equal(box_open(box), ERR_OK);
	assert_int_equal(chmod(box->above, 0755), 0);
	bool root = geteuid() == 0;
	if (root)
		assert_int_equal(seteuid(65534), 0);
	else
		assert_int_equal(chmod(path_in(box, "seal.key"), 0), 0);
	enum err err = box_open(box);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, ERR_DENIED);
	assert_non_null(strstr(box->info.text, "belongs to another user"));
	assert_non_null(strstr(box->info.text, "chown"));
}

/* A link, a directory or a FIFO in place of a file, a file in place of the directory: refused at once. */
static void only_regular_files(void **state)
{
	struct box *box = *state;
	char aside[128];
	assert_int_equal(box_open(box), ERR_OK);
	(void)snprintf(aside, sizeof aside, "%s/aside", box->above);
	assert_int_equal(rename(path_in(box, "signing.key"), aside), 0);
	assert_int_equal(symlink(aside, path_in(box, "signing.key")), 0);
	assert_int_equal(box_open(box), ERR_DENIED);
	assert_non_null(strstr(box->info.text, "link"));
	assert_int_equal(unlink(path_in(box, "signing.key")), 0);
	assert_int_equal(mkdir(path_in(box, "signing.key"), 0700), 0);
	assert_int_equal(box_open(box), ERR_DENIED);
	assert_int_equal(rmdir(path_in(box, "signing.key")), 0);
	assert_int_equal(mkfifo(path_in(box, "signing.key"), 0600), 0);
	assert_int_equal(box_open(box), ERR_DENIED);
	assert_int_equal(rename(aside, path_in(box, "signing.key")), 0);
	assert_int_equal(box_open(box), ERR_OK);
	const char *file = path_in(box, "signing.key");
	box->options.directory = file;
	assert_int_equal(box_open(box), ERR_DENIED);
}

/* The longest path of a directory is taken, one byte more is not; a directory whose parent is absent is not made. */
static void paths(void **state)
{
	struct box *box = *state;
	char path[HAL_KEYS_DIRECTORY_MAX + 1];
	assert_int_equal(mkdir(box->directory, 0700), 0);
	memset(path, '/', sizeof path);
	memcpy(path, box->directory, strlen(box->directory));
	path[HAL_KEYS_DIRECTORY_MAX] = 0;
	box->options.directory = path;
	assert_int_equal(box_open(box), ERR_TOO_LARGE);
	path[HAL_KEYS_DIRECTORY_MAX - 1] = 0;
	assert_int_equal(box_open(box), ERR_OK);
	hal_keys_close(box->keys);
	box->keys = NULL;
	(void)snprintf(path, sizeof path, "%s/no/keys", box->above);
	assert_int_equal(box_open(box), ERR_NOT_FOUND);
	assert_non_null(strstr(box->info.text, path));
	assert_non_null(strstr(box->info.text, "make it yourself"));
}

/* A seal from a variable and from a systemd credential; an absent one is an error that makes no key. */
static void seals_from_elsewhere(void **state)
{
	static const char hex[] = "8badf00d8badf00d8badf00d8badf00d8badf00d8badf00d8badf00d8badf00d";
	struct box *box = *state;
	box->options.seal = (struct secret_reference){.kind = SECRET_ENVIRONMENT, .name = "KEYS_TEST_SEAL"};
	assert_int_equal(unsetenv("KEYS_TEST_SEAL"), 0);
	assert_int_equal(box_open(box), ERR_NOT_FOUND);
	assert_int_equal(access(path_in(box, "signing.key"), F_OK), -1);
	assert_int_equal(setenv("KEYS_TEST_SEAL", hex, 1), 0);
	assert_int_equal(box_open(box), ERR_OK);
	assert_true(box->opening.created);
	char credential[128];
	(void)snprintf(credential, sizeof credential, "%s/seal", box->above);
	int fd = open(credential, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, hex, 64), 64);
	assert_int_equal(close(fd), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", box->above, 1), 0);
	box->options.seal = (struct secret_reference){.kind = SECRET_CREDENTIAL, .name = "seal"};
	assert_int_equal(box_open(box), ERR_OK);
	assert_false(box->opening.created);
	assert_int_equal(chmod(credential, 0404), 0);
	assert_int_equal(box_open(box), ERR_DENIED);
	assert_int_equal(unlink(credential), 0);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(unsetenv("KEYS_TEST_SEAL"), 0);
}

/* No file can grow (RLIMIT_FSIZE, as on a full disk): making the next key fails, leaves no file, and works again with
 * room; the current key goes on signing. Promotion fails likewise and is repeated; a failing rename or removal too. */
static void failures_may_be_repeated(void **state)
{
	struct box *box = *state;
	struct rlimit before;
	uint8_t der[HAL_SIGNATURE_MAX];
	size_t len;
	assert_int_equal(box_open(box), ERR_OK);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit none = {.rlim_cur = 10, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	enum err err = hal_keys_prepare(box->keys, &box->info);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err, ERR_IO);
	assert_int_equal(access(path_in(box, "next.key.new"), F_OK), -1);
	assert_int_equal(hal_keys_public(box->keys, HAL_KEY_NEXT).len, 0);
	assert_int_equal(hal_keys_sign(box->keys, HAL_KEY_CURRENT, SPAN_LITERAL("x"), der, &len, &box->info),
	                 ERR_OK);
	for (int call = 1; call <= 2; call++) { /* the removal of what is left of a try; the rename */
		box->test.disk_calls_until_fail = call;
		assert_int_equal(hal_keys_prepare(box->keys, &box->info), ERR_IO);
	}
	assert_int_equal(hal_keys_prepare(box->keys, &box->info), ERR_OK);
	/* SHA-256 of the next key, by the crypto of the other file: the suite compares it with OpenSSL's. */
	struct span spki = hal_keys_public(box->keys, HAL_KEY_NEXT);
	uint8_t next[HAL_PUBLIC_KEY_MAX];
	memcpy(next, spki.data, spki.len);
	uint8_t hash[HAL_KEY_HASH_BYTES];
	key_hash(spki, hash);
	for (int call = 1; call <= 3; call++) { /* both of these, and the removal of next.key */
		box->test.disk_calls_until_fail = call;
		assert_int_equal(hal_keys_promote(box->keys, hash, &box->info), ERR_IO);
	}
	assert_int_equal(hal_keys_promote(box->keys, hash, &box->info), ERR_OK);
	assert_memory_equal(hal_keys_public(box->keys, HAL_KEY_CURRENT).data, next, 91);
	assert_int_equal(box_open(box), ERR_OK);
	assert_memory_equal(hal_keys_public(box->keys, HAL_KEY_CURRENT).data, next, 91);
	assert_false(box->opening.prepared);
}

#define KEYS_TEST(function) cmocka_unit_test_setup_teardown(function, box_setup, box_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEYS_TEST(made_for_the_owner_alone),
	    KEYS_TEST(others_are_refused),
	    KEYS_TEST(another_user_is_refused),
	    KEYS_TEST(only_regular_files),
	    KEYS_TEST(paths),
	    KEYS_TEST(seals_from_elsewhere),
	    KEYS_TEST(failures_may_be_repeated),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
