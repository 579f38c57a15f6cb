/*
 * children_linux.h - the children of the Linux back end, for hal_linux.c alone.
 *
 * Why:   hal_linux.c owns the loop; who lives, and what they said, is a subject of its own.
 * Owns:  struct children_linux owns processes, socket ends and buffers.
 * Rules: as in hal.h; every call but _closed() takes the whole back end.
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#ifndef TWINPOST_CHILDREN_LINUX_H
#define TWINPOST_CHILDREN_LINUX_H

#include "hal/linux/hal_linux.h"

struct children_linux *children_linux_new(void);
void children_linux_free(struct hal_linux *linux_hal); /* kills and reaps */

MUST_USE enum err children_linux_spawn(struct hal *hal, enum hal_role role, const char *name,
                                       hal_child *child, struct err_info *info);
MUST_USE enum err children_linux_send(struct hal *hal, hal_child child, uint8_t type, const void *payload,
                                      size_t len);
void children_linux_signal(struct hal *hal, hal_child child, enum hal_signal signal);
bool children_linux_next(struct hal *hal, struct hal_child_event *event);

/* Before waiting: writes what is queued; returns true if an event can be handed out at once. *until is
 * brought forward to a deadline of a child's own. */
bool children_linux_before_wait(struct hal_linux *linux_hal, int64_t *until_mono_ns);
/* After waiting: what epoll said of child slot index; and a child has ended (SIGCHLD). */
void children_linux_ready(struct hal_linux *linux_hal, uint32_t index, uint32_t events);
void children_linux_reap(struct hal_linux *linux_hal);

#endif
