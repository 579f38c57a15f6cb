/*
 * cloud.h - what faces the cloud: notary, forwarding, inbox, state messages and published exceptions, as one part.
 *
 * Why:   agent.c composes reading, recording and this; how these work together is a subject of its own.
 * Owns:  the signing key, the notary, the forwarding machine, the inbox, the boot's name.
 * Rules: 1. What is stored is stored in the agent's transactions: cloud_before_commit() adds what belongs to each.
 *        2. A birth is published at each connection and on request, a heartbeat every uplink.heartbeat, with counters.
 *           They tell what is committed alone.
 *        3. Every change of an exception goes out once on up/exc, in the order of the changes, also over restarts.
 *        4. At an orderly end every stream's last piece is closed before the broker is left.
 *        5. What the cloud paused stays paused over restarts, until it is resumed; what is lost with its transaction
 *           was neither.
 * Runs in: the core.
 * Tests: tests/unit/cloud_test.c, tests/unit/cloud_fault_test.c, tests/sim, tests/integration/test_contract_live.py
 */
#ifndef TWINPOST_CLOUD_H
#define TWINPOST_CLOUD_H

#include "connector/uplink/forward.h"
#include "connector/uplink/inbox.h"
#include "connector/uplink/record.h"

struct cloud;

struct cloud_options {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	const struct cloud_keys *keys;
	const char *version;
};

struct cloud_sink {
	void *self;
	/* Makes sure that a transaction is open. */
	enum err (*begin)(void *self, struct err_info *info);
	/* Pauses or resumes reading a source. ERR_NOT_FOUND: there is none of this name. */
	enum err (*pause_source)(void *self, const char *source, bool resume, struct err_info *info);
	/* Reads the look-back of a source now. ERR_NOT_FOUND: as above. */
	enum err (*sweep)(void *self, const char *source, struct err_info *info);
	/* The outcome of a document of this source has moved. */
	enum err (*moved)(void *self, const char *source, struct span subject, int64_t revision,
	                  struct err_info *info);
	/* What the cloud posts, as in struct inbox_sink; all NULL: its postings are not taken. */
	enum err (*posting)(void *self, const struct posting_event *event, const struct document *document,
	                    struct err_info *info);
	enum err (*posting_state)(void *self, const char *name, struct buf *out, struct err_info *info);
	enum err (*posting_keep)(void *self, const char *name, struct span state, struct err_info *info);
};

/* recorder: raises and clears; it is given the notary here. Errors: the key's (hal_keys_open()) and the store's. */
MUST_USE enum err cloud_new(const struct cloud_options *options, struct recorder *recorder,
                            const struct cloud_sink *sink, struct cloud **cloud, struct err_info *info);
void cloud_free(struct cloud *cloud);
/* Once the sources are there: pauses again what the cloud had paused. */
MUST_USE enum err cloud_restore_pauses(struct cloud *cloud, struct err_info *info);

bool cloud_owns(const struct cloud *cloud, hal_child child);
MUST_USE enum err cloud_event(struct cloud *cloud, const struct hal_child_event *event, int64_t now_ns,
                              struct err_info *info);
/* writable: the store takes writes; else nothing is begun that would need it. */
MUST_USE enum err cloud_step(struct cloud *cloud, int64_t now_ns, bool writable, int64_t *deadline,
                             struct err_info *info);
MUST_USE enum err cloud_before_commit(struct cloud *cloud, struct err_info *info);
/* *deadline: lowered to what sending found (forward_deadline()). */
MUST_USE enum err cloud_send(struct cloud *cloud, int64_t now_ns, int64_t *deadline, struct err_info *info);
MUST_USE enum err cloud_prune(struct cloud *cloud, int limit, int *deleted, struct err_info *info);
void cloud_rolled_back(struct cloud *cloud, int64_t now_ns);
/* Closes every stream's last piece, in a transaction. */
MUST_USE enum err cloud_close(struct cloud *cloud, struct err_info *info);
/* All that can be sent now is sent and answered, or there is no connection. */
bool cloud_drained(const struct cloud *cloud);
/* Begins to leave the broker: nothing more is sent. */
void cloud_stop(struct cloud *cloud, int64_t now_ns);
bool cloud_stopped(const struct cloud *cloud);
bool cloud_idle(const struct cloud *cloud);

/* In the open transaction, then after its commit: a new signing key. */
MUST_USE enum err cloud_rotate_key(struct cloud *cloud, struct err_info *info);
MUST_USE enum err cloud_committed(struct cloud *cloud, struct err_info *info);
struct span cloud_public_key(const struct cloud *cloud);
/* Signs a text that the caller has checked; appends the note. */
MUST_USE enum err cloud_sign(struct cloud *cloud, struct span text, struct buf *note, struct err_info *info);

struct forward *cloud_forward(const struct cloud *cloud);
void cloud_counters(const struct cloud *cloud, struct inbox_counters *counters);

#endif
