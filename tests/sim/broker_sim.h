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
 *        4. Postings (up/post) go to the subscriber; everything else, and the last will of a connection that
 *           ended otherwise than by DISCONNECT, goes to heard().
 *        5. What the cloud publishes waits in the inbox, as in a session that the broker keeps, until a connection
 *           subscribes to it; it goes to the agent within the credit of rule 6 of uplink_protocol.h. It is
 *           handed over once, as the library acknowledges it: a core that dies before its commit has lost it.
 *        6. It keeps the client's session until it loses its memory (forget_one_in); what waited is lost then too.
 * Faults: refusal of each class, no answer to CONNECT, lost connection before or after a message was taken,
 *         lost acks, stalls, reason codes, crash, garbage; a refused topic filter, or a close instead; a message
 *         to the agent twice, or dropped for want of room, or retained.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c, tests/sim/broker_sim_test.c
 */
#ifndef TWINPOST_BROKER_SIM_H
#define TWINPOST_BROKER_SIM_H

#include "connector/uplink/uplink_protocol.h"
#include "hal/sim/hal_sim.h"
#include "tests/sim/subscriber.h"

struct broker_faults {
	uint64_t refuse_one_in;        /* connections: DOWN of some class */
	uint64_t silent_one_in;        /* connections: never answered */
	uint64_t lose_one_in;          /* messages: the connection is lost before the message is taken */
	uint64_t lose_ack_one_in;      /* messages: taken, then the connection is lost before its ack */
	uint64_t stall_one_in;         /* messages: nothing is answered any more on this connection */
	uint64_t reason_one_in;        /* messages: refused with a reason code, or no subscriber was there */
	uint64_t crash_one_in;         /* messages: the child dies */
	uint64_t garbage_one_in;       /* messages: the child says what is no frame */
	uint64_t refuse_filter_one_in; /* topic filters: 0x87, or 0x80 in MQTT 3.1.1 */
	uint64_t close_subscribe_one_in; /* connections with filters: DOWN of class SUBSCRIBE */
	uint64_t deliver_twice_one_in;   /* messages to the agent: they stay, and come again */
	uint64_t drop_delivery_one_in;   /* messages to the agent: DROPPED instead */
	uint64_t forget_one_in;          /* connections: the session is gone, with what waited in it */
	int64_t latency_ns_max;
	bool away; /* every connection is refused */
};

/* Messages that wait for the agent; with one more, the oldest is lost, as in a session's queue. */
#define BROKER_SIM_INBOX_MAX 512

struct broker_sim_message {
	char *topic;
	char *payload;
	size_t len;
	bool retain; /* it comes with the flag of a message that was kept */
};

struct broker_sim {
	struct subscriber *subscriber;
	struct broker_faults faults;
	/* What is published beside postings; NULL: nobody listens. */
	void (*heard)(void *listener, const struct uplink_publish *publish);
	/* A posting was handed to the subscriber; NULL: nobody listens. */
	void (*posted)(void *listener, struct span topic);
	/* A state message was refused with a reason code; NULL: the same. */
	void (*state_refused)(void *listener);
	void *listener;
	struct link *link; /* the connection that is up; NULL: none */
	bool session;      /* of the client */
	struct broker_sim_message inbox[BROKER_SIM_INBOX_MAX];
	int inbox_count;
	/* What happened, for the marks. */
	uint64_t connections;
	uint64_t losses;
	uint64_t lost_acks;
	uint64_t stalls;
	uint64_t refusals;
	uint64_t reasons;
	uint64_t refused_filters;
	uint64_t delivered; /* to the agent, repeats included */
	uint64_t repeated;
	uint64_t dropped;
	uint64_t wills;
	uint64_t inbox_lost;
	uint64_t forgotten; /* sessions */
};

/* The cloud publishes to the agent; copied. */
void broker_sim_post(struct broker_sim *broker, struct span topic, struct span payload, bool retain);
/* Ends the connection that is up. */
void broker_sim_drop(struct broker_sim *broker);
void broker_sim_release(struct broker_sim *broker);
/* Does the topic match the filter (MQTT 5, section 4.7)? */
bool broker_sim_matches(struct span filter, struct span topic);

extern const struct sim_child_ops broker_sim_ops;

#endif
