/*
 * agent.h - the core: composes store, pull machines, recorder, forward machine and control.
 *
 * Why:   one thread decides everything; the same object runs on Linux and inside the simulator.
 * Owns:  the store, the machines and, through them, the children.
 * Rules: 1. agent_step() drains a bounded number of events, advances the machines, commits once, then sends.
 *        2. Nothing is published before its commit: forward reads committed rows only.
 *        3. No file, network or driver call but through the HAL and the store.
 *        4. A store that cannot be written pauses pulling, says so, and is tried again; nothing is dropped.
 * Runs in: the core.
 * Tests: tests/sim, tests/integration, tests/crash
 */
#ifndef TWINPOST_AGENT_H
#define TWINPOST_AGENT_H

#include "config/config.h"
#include "connector/source/profile.h"
#include "connector/uplink/inbox.h"
#include "firmware/rules_keeper.h"
#include "hal/hal.h"

struct agent;

struct agent_options {
	struct hal *hal;
	const struct log *log;
	const struct config *config;
	const struct profile *const *profiles; /* one per config->sources, same order */
	const struct cloud_keys *keys;         /* of the cloud */
	const struct rules_files *rules_files; /* how compare.rules is read; NULL: it is not given */
	const char *version;
	/* End by itself once every source was read to its end and everything queued is acknowledged. */
	bool until_idle;
};

/* Borrows all that options points to for its life. Errors are the store's (see store_open()). */
MUST_USE enum err agent_open(const struct agent_options *options, struct agent **agent,
                             struct err_info *info);

/* One step. *deadline: when the next one is due at the latest (monotonic); sooner where an event comes (hal_wait).
 * *finished: an asked end (signal, until_idle) is complete. An error (ERR_CORRUPT) means that the store must be closed
 * and opened again, which salvages it; every other trouble is handled inside. */
MUST_USE enum err agent_step(struct agent *agent, int64_t *deadline, bool *finished, struct err_info *info);

/* Kills the children, rolls back what is not committed, closes the store. NULL is allowed. */
void agent_close(struct agent *agent);

/* false: a feed of a source stands still (its exception says why), so an end by until_idle is not a whole one. */
bool agent_read_all(const struct agent *agent);

/* For tests and the control protocol. */
struct store *agent_store(struct agent *agent);
struct cloud *agent_cloud(struct agent *agent);
struct ledger *agent_ledger(struct agent *agent); /* NULL: not well, or compare.enabled is no */

#endif
