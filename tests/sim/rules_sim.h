/*
 * rules_sim.h - the comparison's rules in the simulator: two versions of their files, the second of which is right.
 *
 * Why:   mappings are changed while both ledgers run; the sums are made again then, and what waited for a row goes out.
 * Owns:  the version that lies there now, for the whole program: the agent's readers are given nothing to know a world
 *        by.
 * Rules: 1. The cloud's codes are those of the second version, from the first day on.
 *        2. The first version maps some codes to others, or lacks a row for an account.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_RULES_SIM_H
#define TWINPOST_RULES_SIM_H

#include "firmware/rules_keeper.h"

#define RULES_SIM_DIRECTORY "/etc/rules"

extern const struct rules_files rules_sim_files;

enum rules_sim_version { RULES_SIM_OTHER, RULES_SIM_LACKING, RULES_SIM_RIGHT, RULES_SIM_COUNT };

/* What lies in the folder from now on. */
void rules_sim_put(enum rules_sim_version version);
/* The second version; to be freed. */
struct rules *rules_sim_right(void);
/* The cloud's code of a company or an account; the same text where it has no other. */
const char *rules_sim_entity(const char *legacy);
const char *rules_sim_account(const char *legacy);

#endif
