/*
 * sm.h - a small state machine: a table of states with what may follow each, and one way to move.
 *
 * Why:   every machine of the product moves in the same checked and traced way.
 * Owns:  nothing; the struct is embedded by its user.
 * Rules: 1. sm_enter() to a state that the table does not allow is a bug (CHECK).
 *        2. The invariant, if any, runs after every move.
 *        3. Each move leaves one trace line (event state-entered).
 * Model: dqlite's src/lib/sm.h, for the idea.
 * Runs in: the core.
 * Tests: tests/unit/base_test.c
 */
#ifndef TWINPOST_SM_H
#define TWINPOST_SM_H

#include <stdint.h>

#include "hal/base/log.h"

#define SM_STATES_MAX  32
#define SM_NEXT(state) (UINT32_C(1) << (state))

struct sm_state {
	const char *name;
	uint32_t next; /* SM_NEXT() of every state that may follow, or-ed */
};

struct sm {
	const struct sm_state *states;
	int count;
	int state;
	const char *object; /* "source=erp": borrowed, outlives the machine */
	const struct log *log;
	void (*invariant)(const void *owner); /* NULL: none */
	const void *owner;
};

void sm_init(struct sm *sm, const struct sm_state *states, int count, int first, const char *object,
             const struct log *log);
void sm_enter(struct sm *sm, int next, const char *why);
const char *sm_name(const struct sm *sm);

#endif
