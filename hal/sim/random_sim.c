/*
 * random_sim.c - the generator behind a simulation.
 *
 * Why:   see random_sim.h.
 * Owns:  nothing.
 * Rules: as in random_sim.h.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#include "hal/sim/random_sim.h"

#include "hal/base/err.h"

static uint64_t split_mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

void sim_random_init(struct sim_random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->state[i] = split_mix(&seed);
}

uint64_t sim_random_u64(struct sim_random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t sim_random_below(struct sim_random *random, uint64_t below)
{
	CHECK(below > 0);
	/* The bias of the remainder is of no weight in a simulation. */
	return sim_random_u64(random) % below;
}

int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high)
{
	CHECK(low <= high);
	return low + (int64_t)sim_random_below(random, (uint64_t)(high - low) + 1);
}

bool sim_random_one_in(struct sim_random *random, uint64_t n)
{
	return n > 0 && sim_random_below(random, n) == 0;
}

void sim_random_bytes(struct sim_random *random, void *bytes, size_t len)
{
	uint8_t *out = bytes;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)sim_random_u64(random);
}
