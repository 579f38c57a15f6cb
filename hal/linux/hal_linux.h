/*
 * hal_linux.h - the back end for Linux: clocks, entropy, disk, waiting, stop signals, children, control.
 *
 * Why:   the program runs as one thread and one event loop; this is the loop's only contact with the kernel.
 * Owns:  the epoll and signal descriptors, the children, the control socket.
 * Rules: 1. One object a process: it blocks SIGTERM, SIGINT and SIGCHLD and ignores SIGPIPE while open.
 *        2. Events are learned in hal_wait(): call it between two rounds, also with a time that has passed.
 *        3. Bytes of a child are read in hal_child_next() only, so that what it handed out stays valid.
 * Faults: a signal during any call; a kernel without epoll_pwait2 (milliseconds are used then).
 * Runs in: the core; included by firmware/main.c and tests alone.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#ifndef TWINPOST_HAL_LINUX_H
#define TWINPOST_HAL_LINUX_H

#include "hal/base/log.h"
#include "hal/hal.h"

struct children_linux;
struct control_linux;

/* An environment variable that a secret reference names: it is passed to that child alone. */
struct hal_linux_variable {
	enum hal_role role;
	const char *child; /* the child's name; NULL: every child of the role */
	const char *name;
};

struct hal_linux_options {
	const struct log *log; /* borrowed; NULL: nothing is logged */
	/* Path of the control socket, at most 107 bytes; NULL: none. A stale one is replaced. */
	const char *control_socket;
	/* The program that children run; NULL: "/proc/self/exe". It is started as
	 * `twinpost --child source|uplink --name NAME [child_arguments]`, its frames at descriptor
	 * HAL_LINUX_CHILD_FD. */
	const char *program;
	const char *const *child_arguments;         /* NULL-terminated, borrowed; NULL: none */
	const struct hal_linux_variable *variables; /* borrowed */
	size_t variable_count;
};

/* Where a child finds its end of the socket pair. */
#define HAL_LINUX_CHILD_FD 3

struct hal_linux {
	struct hal hal;
	struct hal_linux_options options;
	int epoll;
	int signals;
	bool stop;
	bool no_pwait2; /* the kernel has no epoll_pwait2 */
	struct children_linux *children;
	struct control_linux *control; /* NULL: no control socket */
};

/* ERR_CONFLICT: another process listens on the control socket, or the path is not a socket. ERR_NOT_FOUND,
 * ERR_DENIED: its directory. ERR_IO: the kernel refused a descriptor. */
MUST_USE enum err hal_linux_open(struct hal_linux **linux_hal, const struct hal_linux_options *options,
                                 struct err_info *info);
/* Kills and reaps the children that still live, removes the control socket. NULL is allowed. */
void hal_linux_close(struct hal_linux *linux_hal);

/* For the parts of this back end: what an epoll event belongs to, in epoll_data.u64: kind << 32 | index. */
enum hal_linux_watch { HAL_LINUX_SIGNALS = 1, HAL_LINUX_CHILD, HAL_LINUX_LISTENER, HAL_LINUX_CLIENT };
/* change is EPOLL_CTL_ADD, _MOD or _DEL. ERR_IO: the kernel refused. */
MUST_USE enum err hal_linux_watch(struct hal_linux *linux_hal, int change, int fd, uint32_t events,
                                  enum hal_linux_watch kind, uint32_t index);
/* A failed system call as enum err, by errno: what was done, to what. */
enum err hal_linux_error(struct err_info *info, int error, const char *doing, const char *path);

#endif
