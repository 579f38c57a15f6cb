/*
 * broker_sim.h - an uplink child and its broker in the simulator, with faults; what arrives goes to a
 * subscriber.
 *
 * Why:   the forwarding machine meets lost acks, refusals, half-open networks and dying children in simulated
 *        time.
 * Owns:  per child its connection and the acks that are due.
 * Rules: 1. It speaks uplink_protocol.h as the real child does: UP or DOWN after CONNECT, one DOWN after UP,
 *           every PUBLISH answered unless the connection ends.
 *        2. A message counts as received only if the subscriber got it; then its ack may still be lost.
 *        3. Order per connection is kept; acks may come out of order.
 * Faults: refusal of each class, no answer to CONNECT, lost connection before or after a message was taken,
 *         lost acks, stalls, reason codes, crash, garbage.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_BROKER_SIM_H
#define TWINPOST_BROKER_SIM_H

#include "hal/sim/hal_sim.h"
#include "tests/sim/subscriber.h"

struct broker_faults {
	uint64_t refuse_one_in;   /* connections: DOWN of some class */
	uint64_t silent_one_in;   /* connections: never answered */
	uint64_t lose_one_in;     /* messages: the connection is lost before the message is taken */
	uint64_t lose_ack_one_in; /* messages: taken, then the connection is lost before its ack */
	uint64_t stall_one_in;    /* messages: nothing is answered any more on this connection */
	uint64_t reason_one_in;   /* messages: refused with a reason code, or no subscriber was there */
	uint64_t crash_one_in;    /* messages: the child dies */
	uint64_t garbage_one_in;  /* messages: the child says what is no frame */
	int64_t latency_ns_max;
	bool away; /* every connection is refused */
};

struct broker_sim {
	struct subscriber *subscriber;
	struct broker_faults faults;
	/* What happened, for the marks. */
	uint64_t connections;
	uint64_t losses;
	uint64_t lost_acks;
	uint64_t stalls;
	uint64_t refusals;
	uint64_t reasons;
};

extern const struct sim_child_ops broker_sim_ops;

#endif
