/*
 * keys_sim.h - the signing keys in the simulator: sealed files on the simulated disk.
 *
 * Why:   the same keys come back after a simulated restart, and a power cut may hit any moment of a rotation.
 * Owns:  nothing beyond keys_sealed.h.
 * Rules: 1. Keys are drawn from the simulation's seed: the same seed has the same keys and the same signatures.
 *        2. A seal by file is read from the simulated disk; there are no variables and no credentials here.
 * Faults: as vfs_sim.h.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c, tests/contract/hal_sim_keys_test.c
 */
#ifndef TWINPOST_KEYS_SIM_H
#define TWINPOST_KEYS_SIM_H

#include "hal/keys.h"

MUST_USE enum err keys_sim_open(struct hal *hal, const struct hal_keys_options *options,
                                struct hal_keys **keys, struct hal_keys_opening *opening,
                                struct err_info *info);

#endif
