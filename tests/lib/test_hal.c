/*
 * test_hal.c - the back end of test_hal.h.
 *
 * Why:   see test_hal.h.
 * Owns:  nothing.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#include "tests/lib/test_hal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hal/linux/keys_linux.h"

static struct test_hal *of(struct hal *hal)
{
	return (struct test_hal *)hal;
}

static int64_t mono_ns(struct hal *hal)
{
	return of(hal)->mono_ns;
}

static int64_t wall_ns(struct hal *hal)
{
	return of(hal)->wall_ns;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static void entropy(struct hal *hal, void *bytes, size_t len)
{
	uint8_t *to = bytes;
	for (size_t i = 0; i < len; i++) {
		uint64_t z = of(hal)->seed += UINT64_C(0x9E3779B97F4A7C15);
		z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
		z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
		to[i] = (uint8_t)(z ^ z >> 31);
	}
}

static const char *disk_vfs(struct hal *hal)
{
	return of(hal)->vfs;
}

static enum err disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info)
{
	struct statvfs found;
	if (of(hal)->disk_free_set) {
		*bytes = of(hal)->disk_free;
		return ERR_OK;
	}
	if (statvfs(path, &found) != 0)
		return err_set(info, ERR_IO, "the free space of %s cannot be read: %s", path,
		               strerror(errno));
	*bytes = (uint64_t)found.f_bavail * found.f_frsize;
	return ERR_OK;
}

static bool fails_now(struct test_hal *test)
{
	return test->disk_calls_until_fail > 0 && --test->disk_calls_until_fail == 0;
}

static enum err disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info)
{
	if (fails_now(of(hal)))
		return err_set(info, ERR_IO, "renaming %s was told to fail", from);
	if (rename(from, to) == 0)
		return ERR_OK;
	return err_set(info, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s cannot be renamed to %s: %s", from,
	               to, strerror(errno));
}

static enum err disk_remove(struct hal *hal, const char *path, struct err_info *info)
{
	if (fails_now(of(hal)))
		return err_set(info, ERR_IO, "removing %s was told to fail", path);
	if (unlink(path) == 0 || errno == ENOENT)
		return ERR_OK;
	return err_set(info, ERR_IO, "%s cannot be removed: %s", path, strerror(errno));
}

static bool disk_exists(struct hal *hal, const char *path)
{
	(void)hal;
	return access(path, F_OK) == 0;
}

static enum err child_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                            struct err_info *info)
{
	(void)hal;
	(void)role;
	*child = 0;
	return err_set(info, ERR_FULL, "a unit test has no children (%s)", name);
}

static enum err child_send(struct hal *hal, hal_child child, uint8_t type, const void *payload, size_t len)
{
	(void)hal;
	(void)child;
	(void)type;
	(void)payload;
	(void)len;
	return ERR_GONE;
}

static void child_signal(struct hal *hal, hal_child child, enum hal_signal signal)
{
	(void)hal;
	(void)child;
	(void)signal;
}

static bool child_next(struct hal *hal, struct hal_child_event *event)
{
	(void)hal;
	(void)event;
	return false;
}

static bool control_next(struct hal *hal, struct hal_control_event *event)
{
	(void)hal;
	(void)event;
	return false;
}

static void control_reply(struct hal *hal, hal_client client, struct span line)
{
	(void)hal;
	(void)client;
	(void)line;
}

static bool stop_requested(struct hal *hal)
{
	(void)hal;
	return false;
}

static void wait_until(struct hal *hal, int64_t until_mono_ns)
{
	if (of(hal)->mono_ns < until_mono_ns)
		of(hal)->mono_ns = until_mono_ns;
}

void test_hal_init(struct test_hal *test, uint64_t seed)
{
	static const struct hal_ops ops = {
	    .mono_ns = mono_ns,
	    .wall_ns = wall_ns,
	    .entropy = entropy,
	    .disk_vfs = disk_vfs,
	    .disk_free = disk_free,
	    .disk_rename = disk_rename,
	    .disk_remove = disk_remove,
	    .disk_exists = disk_exists,
	    .child_spawn = child_spawn,
	    .child_send = child_send,
	    .child_signal = child_signal,
	    .child_next = child_next,
	    .control_next = control_next,
	    .control_reply = control_reply,
	    .stop_requested = stop_requested,
	    .wait = wait_until,
	    .keys_open = keys_linux_open,
	};
	/* date -u -d '2026-01-02 03:04:05' +%s */
	*test = (struct test_hal){.hal = {&ops},
	                          .mono_ns = 1000 * NS_PER_S,
	                          .wall_ns = INT64_C(1767323045) * NS_PER_S,
	                          .seed = seed};
}
