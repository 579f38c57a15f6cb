/*
 * hal_sim.h - the simulated back end: time, entropy, disk, children and control, drawn from one seed.
 *
 * Why:   the whole core runs in it; thousands of simulated hours, power cuts and hung drivers in minutes.
 * Owns:  struct hal_sim owns its disk (vfs_sim), its children and its control clients.
 * Rules: 1. Time passes in hal_wait() only, from event to event, but for CLOCK_READ_NS with each reading of
 *           the monotonic clock, so that no loop that waits for the clock hangs.
 *        2. Everything comes of the seed: the same calls give the same run.
 *        3. While the power is off, everything is refused or dropped and nothing reaches the core.
 * Faults: power cut, wall clock stepped or drifting, small disk; children: see children_sim.h; disk:
 *         vfs_sim.h.
 * Model: dqlite's src/raft/fixture.c and TigerBeetle's src/vopr.zig, for the idea.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#ifndef TWINPOST_HAL_SIM_H
#define TWINPOST_HAL_SIM_H

#include "hal/hal.h"
#include "hal/sim/children_sim.h"
#include "hal/sim/control_sim.h"
#include "hal/sim/random_sim.h"
#include "hal/sim/vfs_sim.h"

#define HAL_SIM_ROLES 2

struct hal_sim_options {
	uint64_t seed;
	uint32_t sector_bytes;        /* 512 or 4096 */
	int64_t wall_ns;              /* the wall clock at the beginning */
	int64_t delay_ns_max;         /* of a piece of a stream between core and child; 0: none */
	uint64_t early_return_one_in; /* hal_wait() returns early, for nothing, in one of n calls; 0: never */
};

struct hal_sim {
	struct hal hal;
	struct hal_sim_options options;
	struct sim_random random;
	int64_t mono_ns;
	int64_t wall_offset_ns; /* wall = mono + offset + drift */
	int64_t drift_ppm;
	bool stop;
	bool stop_told; /* the core has asked since: no wait ends for it any more */
	struct vfs_sim *disk;
	struct children_sim *children;
	struct control_sim *control;
	const struct sim_child_ops *roles[HAL_SIM_ROLES];
	void *worlds[HAL_SIM_ROLES];
};

struct hal_sim *hal_sim_new(const struct hal_sim_options *options);
void hal_sim_free(struct hal_sim *sim);

/* What children of a role are; without it a spawn is refused with ERR_IO. Borrows both. */
void hal_sim_role(struct hal_sim *sim, enum hal_role role, const struct sim_child_ops *ops, void *world);
/* The wall clock jumps; the monotonic one does not. */
void hal_sim_step_wall(struct hal_sim *sim, int64_t by_ns);
/* The wall clock runs too fast (or too slow) by so many millionths from now on. */
void hal_sim_set_drift(struct hal_sim *sim, int64_t ppm);
void hal_sim_stop(struct hal_sim *sim); /* a stop is requested */

/* The power fails: now (0), or in the middle of the n-th change of the disk from now. The core's objects are
 * to be closed then (their writes fail), before the power comes back. */
void hal_sim_power_off(struct hal_sim *sim, uint64_t after_changes);
/* The core's process is killed, at the n-th change of the disk from now; what it wrote stays. */
void hal_sim_kill(struct hal_sim *sim, uint64_t after_changes);
bool hal_sim_is_off(const struct hal_sim *sim);
void hal_sim_power_on(struct hal_sim *sim);

#endif
