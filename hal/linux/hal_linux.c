/*
 * hal_linux.c - opening and closing the Linux back end; its clocks, entropy, disk and the wait.
 *
 * Why:   see hal_linux.h.
 * Owns:  the epoll and signal descriptors, the signal mask.
 * Rules: 1. Signals come through a signalfd only: no handler runs, nothing is interrupted half way.
 *        2. A rename or removal is durable when the call returns: the directory is synced.
 * Faults: EINTR everywhere; a directory that cannot be synced is ERR_IO.
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#include "hal/linux/hal_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "hal/linux/children_linux.h"
#include "hal/linux/control_linux.h"
#include "hal/linux/keys_linux.h"

#define EVENTS_PER_WAIT 64

static struct hal_linux *self_of(struct hal *hal)
{
	return (struct hal_linux *)(void *)hal; /* hal is the first member */
}

enum err hal_linux_error(struct err_info *info, int error, const char *doing, const char *path)
{
	enum err code = ERR_IO;
	if (error == ENOENT || error == ENOTDIR)
		code = ERR_NOT_FOUND;
	else if (error == ENOSPC || error == EDQUOT)
		code = ERR_FULL;
	else if (error == EACCES || error == EPERM || error == EROFS)
		code = ERR_DENIED;
	return err_set(info, code, "%s %s: %s", doing, path, strerror(error));
}

enum err hal_linux_watch(struct hal_linux *linux_hal, int change, int fd, uint32_t events,
                         enum hal_linux_watch kind, uint32_t index)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 32 | index};
	return epoll_ctl(linux_hal->epoll, change, fd, &event) == 0 ? ERR_OK : ERR_IO;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t mono_ns(struct hal *hal)
{
	(void)hal;
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t wall_ns(struct hal *hal)
{
	(void)hal;
	return clock_ns(CLOCK_REALTIME);
}

static void entropy(struct hal *hal, void *bytes, size_t len)
{
	(void)hal;
	uint8_t *next = bytes;
	while (len > 0) {
		ssize_t got = getrandom(next, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		CHECK(got > 0);
		next += got;
		len -= (size_t)got;
	}
}

static const char *disk_vfs(struct hal *hal)
{
	(void)hal;
	return NULL;
}

/* The directory that holds path, into directory[PATH_MAX]. */
static bool directory_of(const char *path, char *directory)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return text_copy(directory, PATH_MAX, SPAN_LITERAL("."));
	size_t len = slash == path ? 1 : (size_t)(slash - path);
	return text_copy(directory, PATH_MAX, (struct span){path, len});
}

static enum err disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info)
{
	(void)hal;
	char directory[PATH_MAX];
	struct statvfs fs;
	int result;
	do {
		result = statvfs(path, &fs);
	} while (result != 0 && errno == EINTR);
	/* The file itself need not exist yet. */
	if (result != 0 && errno == ENOENT && directory_of(path, directory))
		result = statvfs(directory, &fs);
	if (result != 0)
		return hal_linux_error(info, errno, "asking for the free space of", path);
	*bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
	return ERR_OK;
}

static enum err sync_directory_of(const char *path, struct err_info *info)
{
	char directory[PATH_MAX];
	if (!directory_of(path, directory))
		return err_set(info, ERR_TOO_LARGE, "the path %.80s... is over %d bytes; use a shorter one",
		               path, PATH_MAX - 1);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return hal_linux_error(info, errno, "opening the directory", directory);
	enum err err = ERR_OK;
	if (fsync(fd) != 0)
		err = hal_linux_error(info, errno, "syncing the directory", directory);
	(void)close(fd);
	return err;
}

static enum err disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info)
{
	(void)hal;
	char from_directory[PATH_MAX];
	char to_directory[PATH_MAX];
	if (!directory_of(from, from_directory) || !directory_of(to, to_directory))
		return err_set(info, ERR_TOO_LARGE, "a path is over %d bytes; use a shorter one",
		               PATH_MAX - 1);
	if (rename(from, to) != 0)
		return hal_linux_error(info, errno, "renaming", from);
	enum err err = sync_directory_of(to, info);
	if (err == ERR_OK && strcmp(from_directory, to_directory) != 0)
		err = sync_directory_of(from, info);
	return err;
}

static enum err disk_remove(struct hal *hal, const char *path, struct err_info *info)
{
	(void)hal;
	if (unlink(path) != 0) {
		if (errno == ENOENT)
			return ERR_OK;
		return hal_linux_error(info, errno, "removing", path);
	}
	return sync_directory_of(path, info);
}

static bool disk_exists(struct hal *hal, const char *path)
{
	(void)hal;
	struct stat about;
	return lstat(path, &about) == 0;
}

static bool stop_requested(struct hal *hal)
{
	return self_of(hal)->stop;
}

static void take_signals(struct hal_linux *linux_hal)
{
	struct signalfd_siginfo taken;
	bool ended = false;
	while (read(linux_hal->signals, &taken, sizeof taken) == (ssize_t)sizeof taken) {
		if (taken.ssi_signo == SIGTERM || taken.ssi_signo == SIGINT)
			linux_hal->stop = true;
		else
			ended = true;
	}
	if (ended && linux_hal->children)
		children_linux_reap(linux_hal);
}

/* Without epoll_pwait2 (before Linux 5.11) the time is rounded up to milliseconds. */
static int wait_events(struct hal_linux *linux_hal, struct epoll_event *events, int64_t timeout_ns)
{
	if (!linux_hal->no_pwait2) {
		struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
		                           .tv_nsec = timeout_ns % NS_PER_S};
		int count = epoll_pwait2(linux_hal->epoll, events, EVENTS_PER_WAIT, &timeout, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		linux_hal->no_pwait2 = true;
	}
	int64_t timeout_ms = (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	return epoll_wait(linux_hal->epoll, events, EVENTS_PER_WAIT,
	                  timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
}

static void wait_until(struct hal *hal, int64_t until_mono_ns)
{
	struct hal_linux *linux_hal = self_of(hal);
	struct epoll_event events[EVENTS_PER_WAIT];
	bool at_once = children_linux_before_wait(linux_hal, &until_mono_ns);
	at_once = control_linux_waiting(linux_hal) || at_once;
	int64_t now = mono_ns(hal);
	int64_t timeout_ns = at_once || until_mono_ns <= now ? 0 : until_mono_ns - now;
	/* Longer than a day may overflow what the kernel takes; returning early is allowed. */
	if (timeout_ns > 86400 * NS_PER_S)
		timeout_ns = 86400 * NS_PER_S;
	int count = wait_events(linux_hal, events, timeout_ns);
	CHECK(count >= 0 || errno == EINTR);
	for (int i = 0; i < count; i++) {
		uint32_t index = (uint32_t)events[i].data.u64;
		switch ((enum hal_linux_watch)(events[i].data.u64 >> 32)) {
		case HAL_LINUX_SIGNALS:
			take_signals(linux_hal);
			break;
		case HAL_LINUX_CHILD:
			children_linux_ready(linux_hal, index, events[i].events);
			break;
		case HAL_LINUX_LISTENER:
			control_linux_accept(linux_hal);
			break;
		case HAL_LINUX_CLIENT:
			control_linux_ready(linux_hal, index, events[i].events);
			break;
		}
	}
}

static const struct hal_ops ops = {
    .mono_ns = mono_ns,
    .wall_ns = wall_ns,
    .entropy = entropy,
    .disk_vfs = disk_vfs,
    .disk_free = disk_free,
    .disk_rename = disk_rename,
    .disk_remove = disk_remove,
    .disk_exists = disk_exists,
    .child_spawn = children_linux_spawn,
    .child_send = children_linux_send,
    .child_signal = children_linux_signal,
    .child_next = children_linux_next,
    .control_next = control_linux_next,
    .control_reply = control_linux_reply,
    .stop_requested = stop_requested,
    .wait = wait_until,
    .keys_open = keys_linux_open,
};

static void own_signals(sigset_t *set)
{
	CHECK(sigemptyset(set) == 0);
	CHECK(sigaddset(set, SIGTERM) == 0 && sigaddset(set, SIGINT) == 0 && sigaddset(set, SIGCHLD) == 0);
}

static enum err watch_signals(struct hal_linux *linux_hal, struct err_info *info)
{
	sigset_t set;
	own_signals(&set);
	/* A log collector that goes away must not end us; SIGCHLD must not be ignored, or exits would be
	 * lost. */
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction usual = {.sa_handler = SIG_DFL};
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0 && sigaction(SIGCHLD, &usual, NULL) == 0);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	linux_hal->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (linux_hal->signals < 0)
		return hal_linux_error(info, errno, "opening", "signalfd");
	if (hal_linux_watch(linux_hal, EPOLL_CTL_ADD, linux_hal->signals, EPOLLIN, HAL_LINUX_SIGNALS, 0) !=
	    ERR_OK)
		return hal_linux_error(info, errno, "watching", "signals");
	return ERR_OK;
}

enum err hal_linux_open(struct hal_linux **out, const struct hal_linux_options *options,
                        struct err_info *info)
{
	enum err err;
	struct hal_linux *linux_hal = mem_alloc(sizeof *linux_hal);
	linux_hal->hal.ops = &ops;
	linux_hal->options = *options;
	linux_hal->signals = -1;
	linux_hal->children = children_linux_new();
	linux_hal->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (linux_hal->epoll < 0) {
		err = hal_linux_error(info, errno, "opening", "epoll");
		goto out;
	}
	err = watch_signals(linux_hal, info);
	if (err == ERR_OK && options->control_socket)
		err = control_linux_open(linux_hal, options->control_socket, info);
out:
	if (err != ERR_OK) {
		hal_linux_close(linux_hal);
		linux_hal = NULL;
	}
	*out = linux_hal;
	return err;
}

void hal_linux_close(struct hal_linux *linux_hal)
{
	if (!linux_hal)
		return;
	children_linux_free(linux_hal);
	control_linux_close(linux_hal);
	if (linux_hal->signals >= 0) {
		sigset_t set;
		own_signals(&set);
		take_signals(linux_hal); /* what came meanwhile has been obeyed: we are ending */
		(void)close(linux_hal->signals);
		CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	}
	if (linux_hal->epoll >= 0)
		(void)close(linux_hal->epoll);
	free(linux_hal);
}
