/*
 * children_sim.h - children of a simulation: C objects that speak frames, hang, crash and are killed.
 *
 * Why:   the core meets the ERP and the broker as it does on Linux, but in simulated time and from a seed.
 * Owns:  struct children_sim owns the children's streams; each role's object is made and freed by its ops.
 * Rules: 1. Ops are called only while simulated time passes (hal_wait) and, for `end`, when the child is
 *           killed.
 *        2. What a child sent and flushed is delivered even if it dies; of what it had not flushed, a kill or
 *           crash keeps a part that ends anywhere, also inside a frame.
 *        3. Bytes stay in order; every piece has its own delay.
 *        4. In an op a child may exit or crash: it is gone when the op returns.
 * Faults: as asked for by the role's object; garbage by sim_child_send_raw().
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#ifndef TWINPOST_CHILDREN_SIM_H
#define TWINPOST_CHILDREN_SIM_H

#include "hal/hal.h"
#include "hal/sim/random_sim.h"

struct sim_child;
struct hal_sim;

/* What a role does. start gives the role's own object; it may send already. */
struct sim_child_ops {
	void *(*start)(void *world, struct sim_child *child, const char *name);
	void (*frame)(void *self, uint8_t type, const uint8_t *payload, size_t len);
	void (*wake)(void *self); /* the time asked for by sim_child_wake_at() has come; NULL: never asked */
	void (*terminate)(void *self); /* SIGTERM; NULL: it dies by the signal, as processes do */
	void (*end)(void *self);       /* frees self; the child is no more */
};

/* For the role's object. */
void sim_child_send(struct sim_child *child, uint8_t type, const void *payload, size_t len);
void sim_child_send_raw(struct sim_child *child, const void *bytes, size_t len);
void sim_child_flush(struct sim_child *child);
void sim_child_exit(struct sim_child *child, int status); /* flushes first */
void sim_child_crash(struct sim_child *child, int signal);
/* Takes no frame and no SIGTERM from now on, and is not woken: only SIGKILL ends it. */
void sim_child_hang(struct sim_child *child);
/* Takes no frame until it is told to again. */
void sim_child_hold(struct sim_child *child, bool hold);
void sim_child_wake_at(struct sim_child *child, int64_t mono_ns); /* replaces the time asked for before */
int64_t sim_child_now(const struct sim_child *child);             /* monotonic */
struct sim_random *sim_child_random(struct sim_child *child);

/* For hal_sim.c. */
struct children_sim;
struct children_sim *children_sim_new(struct hal_sim *sim);
void children_sim_free(struct children_sim *children);
void children_sim_reset(struct children_sim *children); /* the power failed: all are gone without an event */
MUST_USE enum err children_sim_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                                     struct err_info *info);
MUST_USE enum err children_sim_send(struct hal *hal, hal_child child, uint8_t type, const void *payload,
                                    size_t len);
void children_sim_signal(struct hal *hal, hal_child child, enum hal_signal signal);
bool children_sim_next(struct hal *hal, struct hal_child_event *event);
/* When something next happens in a child or reaches the core; INT64_MAX: never. */
int64_t children_sim_due(const struct children_sim *children);
/* Lets the children do what is due by now. */
void children_sim_run(struct children_sim *children);
bool children_sim_ready(const struct children_sim *children); /* an event for the core waits */

#endif
