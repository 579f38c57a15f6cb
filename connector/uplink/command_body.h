/*
 * command_body.h - the words of commands, and what each takes in its body.
 *
 * Why:   the table of commands is a subject of its own beside the order of judging.
 * Owns:  nothing.
 * Rules: as in command.h.
 * Runs in: the core.
 * Tests: tests/unit/command_test.c, tests/fuzz/command_fuzz.c
 */
#ifndef TWINPOST_COMMAND_BODY_H
#define TWINPOST_COMMAND_BODY_H

#include "connector/uplink/command.h"

enum command_kind command_kind_find(struct span word); /* COMMAND_UNKNOWN: none */
/* Fills the members that command->kind (a known one) takes. ERR_BAD_INPUT: info names the member, and what is allowed
 * for it. */
MUST_USE enum err command_body_read(struct command *command, struct err_info *info);

#endif
