/*
 * batch_check.h - opens a message of many events and checks what it says of them.
 *
 * Why:   a batch is made while it is sent, so that a repeat may be cut elsewhere; its members are what counts.
 * Owns:  nothing.
 * Rules: 1. Its members are of one source, with consecutive sequences, from sequence to sequencelast.
 *        2. Its id is of source, both sequences and the last member's chain value.
 * Source: docs/contract, batches; RFC 1950 by zlib.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_SIM_BATCH_CHECK_H
#define TWINPOST_SIM_BATCH_CHECK_H

#include "tests/sim/event.h"

/* Visits each member's bytes, or finds what is wrong. */
void batch_check(struct span payload, char finding[SIM_FINDING_MAX],
                 void (*visit)(void *self, struct span member), void *self);
/* Is it a batch at all? */
bool batch_is(struct span payload);

#endif
