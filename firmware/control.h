/*
 * control.h - answers the local command line: one request line in, one JSON line out.
 *
 * Why:   a person and a script see the inside of the running agent without opening its store.
 * Owns:  nothing; the view borrows what the agent owns, for one answer.
 * Rules: 1. Protocol version 1 (docs/control-protocol.md): {"v":1,"cmd":...} gives {"v":1,"ok":true,"data":{...}} or
 *           {"v":1,"ok":false,"code":"...","error":"sentence"}. Fields are added, never renamed.
 *        2. Answering reads; the only command that changes anything is "pull", which reads the ERP sooner.
 *        3. What a client sends is hostile: every argument is known, typed and bounded, or refused with its name.
 *        4. An answer is at most HAL_CONTROL_REPLY_MAX bytes; lists are cut and say so ("more": true).
 * Faults: the store's errors become answers with the code "store".
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#ifndef TWINPOST_CONTROL_H
#define TWINPOST_CONTROL_H

#include "config/config.h"
#include "connector/source/pull.h"
#include "connector/uplink/forward.h"
#include "hal/hal.h"
#include "store_forward/store.h"

#define CONTROL_PROTOCOL_VERSION 1

struct control_view {
	const struct config *config;
	struct store *store;                 /* NULL: it is not open; opening_text says why */
	const struct store_opening *opening; /* NULL allowed */
	struct pull *const *pulls;
	int pull_count;
	const struct forward *forward; /* NULL allowed: no uplink yet */
	struct hal *hal;
	const char *version; /* of the program */
	int64_t started_wall_ns;
	int64_t started_mono_ns;
	const char *pause_reason; /* why pulling is paused; NULL or empty: it is not */
};

/* Appends the answer to one request line, without a newline. reply must be empty and allow HAL_CONTROL_REPLY_MAX
 * bytes. */
void control_answer(const struct control_view *view, struct span request, struct buf *reply);

#endif
