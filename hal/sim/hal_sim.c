/*
 * hal_sim.c - the simulated clocks, entropy and wait; the disk's and the children's parts are beside.
 *
 * Why:   see hal_sim.h.
 * Owns:  as in hal_sim.h.
 * Rules: as in hal_sim.h.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#include "hal/sim/hal_sim.h"

#include <stdlib.h>

#include "hal/sim/keys_sim.h"

/* What one reading of the monotonic clock takes. */
#define CLOCK_READ_NS 100
/* A wait without end in a world where nothing is due: it returns after this long, as it may. */
#define WAIT_NS_MAX (3600 * NS_PER_S)
#define PPM         1000000

static struct hal_sim *self_of(struct hal *hal)
{
	return (struct hal_sim *)(void *)hal;
}

static int64_t mono_ns(struct hal *hal)
{
	return self_of(hal)->mono_ns += CLOCK_READ_NS;
}

static int64_t wall_of(const struct hal_sim *sim)
{
	return sim->mono_ns + sim->wall_offset_ns + sim->mono_ns / PPM * sim->drift_ppm;
}

static int64_t wall_ns(struct hal *hal)
{
	return wall_of(self_of(hal));
}

static int64_t disk_wall_ns(void *self)
{
	return wall_of(self);
}

static void entropy(struct hal *hal, void *bytes, size_t len)
{
	sim_random_bytes(&self_of(hal)->random, bytes, len);
}

static const char *disk_vfs(struct hal *hal)
{
	return vfs_sim_name(self_of(hal)->disk);
}

static enum err disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info)
{
	if (hal_sim_is_off(self_of(hal)))
		return err_set(info, ERR_IO, "asking for the free space of %s: the power is off", path);
	*bytes = vfs_sim_free_bytes(self_of(hal)->disk);
	return ERR_OK;
}

static enum err disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info)
{
	return vfs_sim_rename(self_of(hal)->disk, from, to, info);
}

static enum err disk_remove(struct hal *hal, const char *path, struct err_info *info)
{
	return vfs_sim_remove(self_of(hal)->disk, path, info);
}

static bool disk_exists(struct hal *hal, const char *path)
{
	return vfs_sim_exists(self_of(hal)->disk, path);
}

static bool stop_requested(struct hal *hal)
{
	struct hal_sim *sim = self_of(hal);
	sim->stop_told = sim->stop;
	return sim->stop;
}

static void wait_until(struct hal *hal, int64_t until_mono_ns)
{
	struct hal_sim *sim = self_of(hal);
	if (until_mono_ns > sim->mono_ns + WAIT_NS_MAX)
		until_mono_ns = sim->mono_ns + WAIT_NS_MAX;
	if (until_mono_ns > sim->mono_ns && sim_random_one_in(&sim->random, sim->options.early_return_one_in))
		until_mono_ns = sim_random_between(&sim->random, sim->mono_ns, until_mono_ns);
	while (!hal_sim_is_off(sim)) {
		children_sim_run(sim->children);
		if (children_sim_ready(sim->children) || control_sim_ready(sim->control) ||
		    (sim->stop && !sim->stop_told) || sim->mono_ns >= until_mono_ns)
			return;
		int64_t due = children_sim_due(sim->children);
		due = due < until_mono_ns ? due : until_mono_ns;
		if (due > sim->mono_ns)
			sim->mono_ns = due;
	}
}

static const struct hal_ops ops = {
    .mono_ns = mono_ns,
    .wall_ns = wall_ns,
    .entropy = entropy,
    .disk_vfs = disk_vfs,
    .disk_free = disk_free,
    .disk_rename = disk_rename,
    .disk_remove = disk_remove,
    .disk_exists = disk_exists,
    .child_spawn = children_sim_spawn,
    .child_send = children_sim_send,
    .child_signal = children_sim_signal,
    .child_next = children_sim_next,
    .control_next = control_sim_next,
    .control_reply = control_sim_reply,
    .stop_requested = stop_requested,
    .wait = wait_until,
    .keys_open = keys_sim_open,
};

struct hal_sim *hal_sim_new(const struct hal_sim_options *options)
{
	struct hal_sim *sim = mem_alloc(sizeof *sim);
	sim->hal.ops = &ops;
	sim->options = *options;
	sim_random_init(&sim->random, options->seed);
	sim->mono_ns = NS_PER_S; /* a box that booted a second ago */
	sim->wall_offset_ns = options->wall_ns - sim->mono_ns;
	sim->disk = vfs_sim_new(&sim->random, options->sector_bytes, disk_wall_ns, sim);
	sim->children = children_sim_new(sim);
	sim->control = control_sim_new();
	return sim;
}

void hal_sim_free(struct hal_sim *sim)
{
	if (!sim)
		return;
	children_sim_free(sim->children);
	control_sim_free(sim->control);
	vfs_sim_free(sim->disk);
	free(sim);
}

void hal_sim_role(struct hal_sim *sim, enum hal_role role, const struct sim_child_ops *role_ops, void *world)
{
	CHECK((unsigned)role < HAL_SIM_ROLES);
	sim->roles[role] = role_ops;
	sim->worlds[role] = world;
}

void hal_sim_step_wall(struct hal_sim *sim, int64_t by_ns)
{
	sim->wall_offset_ns += by_ns;
}

void hal_sim_set_drift(struct hal_sim *sim, int64_t ppm)
{
	int64_t before = wall_of(sim);
	sim->drift_ppm = ppm;
	sim->wall_offset_ns += before - wall_of(sim);
}

void hal_sim_stop(struct hal_sim *sim)
{
	sim->stop = true;
}

void hal_sim_power_off(struct hal_sim *sim, uint64_t after_changes)
{
	vfs_sim_power_off(sim->disk, after_changes);
}

void hal_sim_kill(struct hal_sim *sim, uint64_t after_changes)
{
	vfs_sim_kill(sim->disk, after_changes);
}

bool hal_sim_is_off(const struct hal_sim *sim)
{
	return vfs_sim_is_off(sim->disk);
}

void hal_sim_power_on(struct hal_sim *sim)
{
	children_sim_reset(sim->children);
	control_sim_reset(sim->control);
	vfs_sim_power_on(sim->disk);
	sim->stop = false;
	sim->stop_told = false;
}
