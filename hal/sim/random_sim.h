/*
 * random_sim.h - the numbers that a simulation is drawn from: one seed, always the same sequence.
 *
 * Why:   a failure that a seed found is found again by the seed alone, on every machine.
 * Owns:  nothing.
 * Rules: no other source of chance is used anywhere in a simulation.
 * Source: xoshiro256** and splitmix64 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
 *         Generators").
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#ifndef TWINPOST_RANDOM_SIM_H
#define TWINPOST_RANDOM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
	uint64_t state[4];
};

void sim_random_init(struct sim_random *random, uint64_t seed);
uint64_t sim_random_u64(struct sim_random *random);
/* 0 to below - 1; below is at least 1. */
uint64_t sim_random_below(struct sim_random *random, uint64_t below);
/* From low to high, both included. */
int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high);
/* True in one of n cases; never where n is 0. */
bool sim_random_one_in(struct sim_random *random, uint64_t n);
void sim_random_bytes(struct sim_random *random, void *bytes, size_t len);

#endif
