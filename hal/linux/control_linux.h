/*
 * control_linux.h - the control socket of the Linux back end, for hal_linux.c alone.
 *
 * Why:   the command line and the console reach the core here and nowhere else.
 * Owns:  struct control_linux owns the listening socket, its file, and the clients' connections.
 * Rules: as in hal.h; who may connect is decided by the file's mode (0660) and its directory.
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#ifndef TWINPOST_CONTROL_LINUX_H
#define TWINPOST_CONTROL_LINUX_H

#include "hal/linux/hal_linux.h"

MUST_USE enum err control_linux_open(struct hal_linux *linux_hal, const char *path, struct err_info *info);
void control_linux_close(struct hal_linux *linux_hal); /* nothing where none is open */

bool control_linux_next(struct hal *hal, struct hal_control_event *event);
void control_linux_reply(struct hal *hal, hal_client client, struct span line);

/* True if an event can be handed out at once. */
bool control_linux_waiting(struct hal_linux *linux_hal);
void control_linux_accept(struct hal_linux *linux_hal);
void control_linux_ready(struct hal_linux *linux_hal, uint32_t index, uint32_t events);

#endif
