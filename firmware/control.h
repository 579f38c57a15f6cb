/*
 * control.h - answers the local command line: one request line in, one JSON line out.
 *
 * Why:   a person and a script see the inside of the running agent without opening its store.
 * Owns:  nothing; the view borrows what the agent owns, for one answer.
 * Rules: 1. Protocol version 1 (docs/control-protocol.md): {"v":1,"cmd":...} gives {"v":1,"ok":true,"data":{...}} or
 *           {"v":1,"ok":false,"code":"...","error":"sentence"}. Fields are added, never renamed.
 *        2. What changes something (but "pull", which reads the ERP sooner) needs a reason, leaves an entry in the
 *           audit with who, when and why, and is answered with ok after its commit, never before.
 *        3. What a client sends is hostile: every argument is known, typed and bounded, or refused with its name.
 *        4. An answer is at most HAL_CONTROL_REPLY_MAX bytes; lists are cut and say so ("more": true).
 * Faults: the store's errors become answers with the code "store"; one of a change is handed to actions.failed too.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c, tests/unit/control_change_test.c, tests/fuzz/control_fuzz.c
 */
#ifndef TWINPOST_CONTROL_H
#define TWINPOST_CONTROL_H

#include "config/config.h"
#include "connector/source/pull.h"
#include "connector/uplink/forward.h"
#include "connector/uplink/record.h"
#include "hal/hal.h"
#include "store_forward/store.h"

#define CONTROL_PROTOCOL_VERSION 1

/* What control may have the agent do. A command whose callback is NULL is answered with "unsupported". */
struct control_actions {
	void *self;
	/* Makes sure that a transaction of the store is open. */
	enum err (*begin)(void *self, struct err_info *info);
	/* Commits it, with all that the agent has in it, and does what follows a commit. */
	enum err (*commit)(void *self, struct err_info *info);
	/* The change failed with an error of the store or of a callback: nothing of the transaction may stand. */
	void (*failed)(void *self, enum err err, const struct err_info *info);
	/* Reads the source's look-back again now, and what waits as an exception, however old. */
	enum err (*read_again)(void *self, struct span source, struct err_info *info);
	/* Tries a held stream now; NULL: the connection to the broker. */
	enum err (*send_again)(void *self, const struct store_stream *stream, struct err_info *info);
	/* In the open transaction: makes a new signing key the current one, as of the next commit. */
	enum err (*key_rotate)(void *self, struct err_info *info);
	/* DER SubjectPublicKeyInfo of the current key, borrowed until it is rotated; empty: there is none. */
	struct span (*key_public)(void *self);
	/* Appends the note of a text, signed by the current key. */
	enum err (*sign)(void *self, struct span text, struct buf *note, struct err_info *info);
	/* Once more what was sent last of this source's document; see recorder_document_again(). preview: without a
	 * transaction. */
	enum err (*document_again)(void *self, const char *source, struct document *document, bool preview,
	                           struct recorder_again *again, struct err_info *info);
};

/* What the cloud sent since the start of the agent, and was taken. */
struct control_counters {
	uint64_t commands;
	uint64_t outcomes;
	uint64_t receipts;
	uint64_t refused; /* commands, receipts and other messages that were not taken */
};

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
	struct control_actions actions;
	struct control_counters counters;
	struct comparison *comparison;   /* NULL: this agent does not compare */
	const struct recorder *recorder; /* NULL allowed */
	const char *rules_problem;       /* of the files of compare.rules; NULL or empty: none */
};

/* Appends the answer to one request line, without a newline. who asks: as hal_control_next() says, for the audit. reply
 * must be empty and allow HAL_CONTROL_REPLY_MAX bytes. */
void control_answer(const struct control_view *view, struct span who, struct span request, struct buf *reply);

#endif
