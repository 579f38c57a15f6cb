/*
 * sm.c - moves a state machine, checks the move and traces it.
 *
 * Why:   see sm.h.
 * Owns:  nothing.
 * Runs in: the core.
 * Tests: tests/unit/base_test.c
 */
#include "hal/base/sm.h"

void sm_init(struct sm *sm, const struct sm_state *states, int count, int first, const char *object,
             const struct log *log)
{
	CHECK(count > 0 && count <= SM_STATES_MAX && first >= 0 && first < count);
	*sm = (struct sm){.states = states, .count = count, .state = first, .object = object, .log = log};
}

void sm_enter(struct sm *sm, int next, const char *why)
{
	CHECK(next >= 0 && next < sm->count);
	CHECK(sm->states[sm->state].next & SM_NEXT(next));
	log_event(sm->log, LOG_STATE_ENTERED, "%s from=%s to=%s: %s", sm->object, sm->states[sm->state].name,
	          sm->states[next].name, why);
	sm->state = next;
	if (sm->invariant)
		sm->invariant(sm->owner);
}

const char *sm_name(const struct sm *sm)
{
	return sm->states[sm->state].name;
}
