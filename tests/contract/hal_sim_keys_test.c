/*
 * hal_sim_keys_test.c - the power is cut at every change of the disk while keys are made, prepared and promoted.
 *
 * Why:   a rotation that loses the key between two files would stop the box for ever, far from anybody.
 * Owns:  one simulated back end per cut.
 * Rules: 1. The test plays the store: it knows which key the last commit named.
 *        2. After each cut the keys open, hold the key that the store names, and a whole rotation works.
 *        3. No other chance than the seed.
 * Runs in: tests.
 * Tests: is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/keys_crypto.h"
#include "hal/sim/hal_sim.h"

#define SEEDS 40
/* More changes of the disk than making, preparing and promoting together take. */
#define CHANGES_MAX 40

struct world {
	struct hal_sim *sim;
	struct hal_keys *keys;
	struct hal_keys_opening opening;
	uint8_t committed[HAL_KEY_HASH_BYTES]; /* what the store says is current */
	bool known;                            /* the store says so */
	bool promoted;                         /* the rotation was committed and promoted before the cut */
};

static bool open_keys(struct world *world)
{
	const struct hal_keys_options options = {.directory = "/var/keys"};
	return hal_keys_open(&world->sim->hal, &options, &world->keys, &world->opening, NULL) == ERR_OK;
}

static void close_keys(struct world *world)
{
	hal_keys_close(world->keys);
	world->keys = NULL;
}

static void commit(struct world *world, enum hal_key which)
{
	key_hash(hal_keys_public(world->keys, which), world->committed);
	world->known = true;
}

/* One life: opens, follows the store, rotates. Ends where a call fails. */
static void live(struct world *world)
{
	world->promoted = false;
	if (!open_keys(world))
		return;
	if (!world->known)
		commit(world, HAL_KEY_CURRENT);
	if (hal_keys_promote(world->keys, world->committed, NULL) == ERR_OK &&
	    hal_keys_prepare(world->keys, NULL) == ERR_OK) {
		commit(world, HAL_KEY_NEXT);
		world->promoted = hal_keys_promote(world->keys, world->committed, NULL) == ERR_OK;
	}
	close_keys(world);
}

/* What must hold after a cut: the keys open, and the one that the store names is the one or the other. */
static void expect_sound(struct world *world)
{
	uint8_t hash[HAL_KEY_HASH_BYTES];
	assert_true(open_keys(world));
	if (world->opening.created)
		assert_false(world->known);
	if (world->known) {
		assert_int_equal(hal_keys_promote(world->keys, world->committed, NULL), ERR_OK);
		key_hash(hal_keys_public(world->keys, HAL_KEY_CURRENT), hash);
		assert_memory_equal(hash, world->committed, sizeof hash);
		assert_int_equal(hal_keys_public(world->keys, HAL_KEY_NEXT).len, 0);
	}
	if (world->promoted)
		assert_false(world->opening.prepared);
	close_keys(world);
}

static struct world new_world(uint64_t seed)
{
	const struct hal_sim_options options = {
	    .seed = seed, .sector_bytes = seed % 2 ? 512 : 4096, .wall_ns = INT64_C(1700000000) * NS_PER_S};
	return (struct world){.sim = hal_sim_new(&options)};
}

/* Every moment of the first life, and of a life that begins with keys, over many seeds; a killed process besides. */
static void rotation_survives_every_cut(void **state)
{
	(void)state;
	int cuts = 0;
	int with_next = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		for (uint64_t change = 1; change <= CHANGES_MAX; change += 1 + seed % 3) {
			struct world world = new_world(seed);
			if (seed % 4 >= 2)
				live(&world);
			if (seed % 5 == 0)
				hal_sim_kill(world.sim, change);
			else
				hal_sim_power_off(world.sim, change);
			live(&world);
			cuts += hal_sim_is_off(world.sim);
			hal_sim_power_on(world.sim);
			expect_sound(&world);
			with_next += world.opening.prepared;
			live(&world);
			assert_true(world.promoted);
			expect_sound(&world);
			hal_sim_free(world.sim);
		}
	}
	/* The cuts did fall into the work, some of them between prepare and promote. */
	assert_true(cuts > 100 && with_next > 10);
}

/* A disk that gives errors, and one that is full: a call fails, the keys stay sound. */
static void faulty_disks_lose_nothing(void **state)
{
	(void)state;
	int failed = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world = new_world(seed);
		for (int i = 0; i < 4; i++) {
			if (seed % 2)
				vfs_sim_set_errors(world.sim->disk, 4);
			else
				vfs_sim_set_capacity(world.sim->disk,
				                     65 + (seed * 37 + (uint64_t)i * 101) % 700);
			live(&world);
			failed += !world.promoted;
			vfs_sim_set_errors(world.sim->disk, 0);
			vfs_sim_set_capacity(world.sim->disk, 1024 * 1024);
			expect_sound(&world);
		}
		hal_sim_free(world.sim);
	}
	assert_true(failed > 10);
}

/* With the power off nothing opens; the same seed makes the same key, another seed another. */
static void a_seed_is_a_key(void **state)
{
	(void)state;
	uint8_t first[HAL_KEY_HASH_BYTES];
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct world world = new_world(seed == 3 ? 2 : 1);
		live(&world);
		if (seed == 1)
			memcpy(first, world.committed, sizeof first);
		assert_int_equal(memcmp(first, world.committed, sizeof first) == 0, seed != 3);
		hal_sim_power_off(world.sim, 0);
		assert_false(open_keys(&world));
		hal_sim_power_on(world.sim);
		expect_sound(&world);
		hal_sim_free(world.sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rotation_survives_every_cut),
	    cmocka_unit_test(faulty_disks_lose_nothing),
	    cmocka_unit_test(a_seed_is_a_key),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
