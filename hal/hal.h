/*
 * hal.h - the line along which the world can be replaced: clock, entropy, disk, children, control, keys (keys.h).
 *
 * Why:   the whole core runs on Linux and inside a deterministic simulator without a change.
 * Owns:  nothing itself: a back end (hal/linux, hal/sim) embeds struct hal and owns what is behind it.
 * Rules: 1. hal.c checks arguments once (a wrong one is a bug), then calls the back end, which may trust them.
 *        2. No function here blocks, but hal_wait() and the disk.
 *        3. Monotonic and wall time are apart: deadlines and waits use the monotonic clock only; the wall clock may
 *           jump in either direction at any moment.
 *        4. Each spawned child gives exactly one HAL_CHILD_EXITED event, its last one, whatever happens to it.
 *        5. Bytes handed to hal_child_send() are sent in order or the child is reported as exited.
 * Faults: told per function. ERR_IO and ERR_FULL of the disk come through SQLite.
 * Runs in: the core.
 * Tests: tests/contract/hal_contract.c runs the same suite against hal/linux and hal/sim.
 */
#ifndef TWINPOST_HAL_H
#define TWINPOST_HAL_H

#include "hal/base/bytes.h"

/* A reader and a writer of a status table for each of eight sources, the uplink, and some that still end. */
#define HAL_CHILDREN_MAX   20
#define HAL_CHILD_NAME_MAX 32
/* Bytes that may wait to be written to one child; a send that would pass it gets ERR_AGAIN. */
#define HAL_CHILD_QUEUE_MAX (2u * 1024u * 1024u)
/* One control request line, and one answer. */
#define HAL_CONTROL_REQUEST_MAX (64u * 1024u)
#define HAL_CONTROL_REPLY_MAX   (1024u * 1024u)
#define HAL_CONTROL_CLIENTS_MAX 16
/* Who asks. */
#define HAL_CONTROL_WHO_MAX 96

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct hal;
struct hal_keys;
struct hal_keys_options;
struct hal_keys_opening;

enum hal_role { HAL_ROLE_SOURCE, HAL_ROLE_UPLINK };
enum hal_signal { HAL_SIGNAL_TERM, HAL_SIGNAL_KILL };

/* Names one life of one child; 0 is never given. A number is not reused in the life of the core. */
typedef uint32_t hal_child;

enum hal_child_event_kind { HAL_CHILD_FRAME, HAL_CHILD_EXITED };

struct hal_child_event {
	enum hal_child_event_kind kind;
	hal_child child;
	uint8_t type;           /* of the frame */
	const uint8_t *payload; /* borrowed until the next hal_child_next() */
	size_t len;
	/* HAL_CHILD_EXITED: one line for a person, such as "exit status 3", "killed by signal 9",
	 * "sent what is no frame: ..."; borrowed likewise. */
	const char *how;
};

/* Identifies one client's connection; 0 is never given. */
typedef uint32_t hal_client;

struct hal_control_event {
	hal_client client;
	struct span line; /* one request without its newline, borrowed until the next hal_control_next() */
	/* Who made the connection, as the system tells it: "anna (uid 1000)", or "uid 1000" where the box has no such
	 * user itself; never what the client says. 1 to HAL_CONTROL_WHO_MAX bytes without a control character,
	 * borrowed likewise; empty where the client has gone. */
	struct span who;
	/* The client closed or broke its connection; line is empty. */
	bool gone;
};

struct hal_ops {
	int64_t (*mono_ns)(struct hal *hal);
	int64_t (*wall_ns)(struct hal *hal);
	void (*entropy)(struct hal *hal, void *bytes, size_t len);
	const char *(*disk_vfs)(struct hal *hal);
	enum err (*disk_free)(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info);
	enum err (*disk_rename)(struct hal *hal, const char *from, const char *to, struct err_info *info);
	enum err (*disk_remove)(struct hal *hal, const char *path, struct err_info *info);
	bool (*disk_exists)(struct hal *hal, const char *path);
	enum err (*child_spawn)(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
	                        struct err_info *info);
	enum err (*child_send)(struct hal *hal, hal_child child, uint8_t type, const void *payload,
	                       size_t len);
	void (*child_signal)(struct hal *hal, hal_child child, enum hal_signal signal);
	bool (*child_next)(struct hal *hal, struct hal_child_event *event);
	bool (*control_next)(struct hal *hal, struct hal_control_event *event);
	void (*control_reply)(struct hal *hal, hal_client client, struct span line);
	bool (*stop_requested)(struct hal *hal);
	void (*wait)(struct hal *hal, int64_t until_mono_ns);
	/* The signing keys, see hal/keys.h. */
	enum err (*keys_open)(struct hal *hal, const struct hal_keys_options *options, struct hal_keys **keys,
	                      struct hal_keys_opening *opening, struct err_info *info);
};

/* The first member of every back end's own struct. */
struct hal {
	const struct hal_ops *ops;
};

/* Clock. Monotonic nanoseconds since some moment, never backwards, not counting suspend.
 * Wall: nanoseconds since 1970-01-01 UTC, as wrong as the box's clock. */
int64_t hal_mono_ns(struct hal *hal);
int64_t hal_wall_ns(struct hal *hal);

/* Fills bytes from the system's cryptographic source. Never fails: a box without entropy is a bug's kind of end. */
void hal_entropy(struct hal *hal, void *bytes, size_t len);

/* Disk. The name of the SQLite VFS to open the store with; NULL is SQLite's default. */
const char *hal_disk_vfs(struct hal *hal);
/* Bytes an unprivileged process may still write to the file system that holds path. */
MUST_USE enum err hal_disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info);
/* Rename over `to`, durable when it returns (the directory is synced). ERR_NOT_FOUND if from is absent. */
MUST_USE enum err hal_disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info);
/* ERR_OK also if path is absent already; durable when it returns. */
MUST_USE enum err hal_disk_remove(struct hal *hal, const char *path, struct err_info *info);
bool hal_disk_exists(struct hal *hal, const char *path);

/* Children. name is [a-z0-9-]{1,31}: shown in logs and process lists; it is what the child is for ("erp").
 * ERR_FULL: HAL_CHILDREN_MAX are alive; ERR_IO: the system refused. */
MUST_USE enum err hal_child_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                                  struct err_info *info);
/* ERR_AGAIN: the queue is full, nothing was taken; ERR_GONE: the child has ended (its event says so). */
MUST_USE enum err hal_child_send(struct hal *hal, hal_child child, uint8_t type, const void *payload,
                                 size_t len);
/* No effect on a child that has ended. */
void hal_child_signal(struct hal *hal, hal_child child, enum hal_signal signal);
/* false: no event now. The children are asked in turn, so that a loud one does not starve the others. */
bool hal_child_next(struct hal *hal, struct hal_child_event *event);

/* Control: requests of the local command line, one line of JSON each way. A reply to a client that has gone is dropped.
 * line has no newline; it is at most HAL_CONTROL_REPLY_MAX bytes. */
bool hal_control_next(struct hal *hal, struct hal_control_event *event);
void hal_control_reply(struct hal *hal, hal_client client, struct span line);

/* True for good once the service manager or a person asked the process to stop. */
bool hal_stop_requested(struct hal *hal);

/* Returns when an event waits, a stop was requested, or the monotonic clock has reached until_mono_ns;
 * may return early without any of these. */
void hal_wait(struct hal *hal, int64_t until_mono_ns);

#endif
