/*
 * mqtt_inbound.h - what the broker sends to us: told to the core, within the credit that the core gives.
 *
 * Why:   a core that is busy, or whose disk is full, must not make the child grow, nor make it deaf to acks.
 * Owns:  the sizes of what the core has not taken, what was dropped, the frame being built.
 * Rules: 1. It outlives connections: what was told before a DOWN is still the core's to take.
 *        2. Room for a message of any size that may come is kept before the next one is read; without it reading
 *           stops (the pause), and TCP holds the broker back.
 *        3. A pause of more than UPLINK_PAUSE_MS gives way to reading without room: PUBACK, PINGRESP and the end
 *           of the connection must be heard. What has no room then is counted and told as DROPPED.
 *        4. DROPPED of one reason are gathered to one frame a second.
 * Faults: a message over the limits, a topic too long, a core that takes nothing; all told, none kept.
 *         MQTT 3.1.1 has no way to tell a broker how large a packet may be: there the library reads any packet
 *         that the broker lets through (its own message size limit), before this file may refuse it.
 * Source: libmosquitto 2.0.11 handle_publish.c (PUBACK is sent before the callback, so a client cannot hold a
 *         message back by not acknowledging it), packet_mosq.c and loop.c (one loop_read takes up to as many
 *         packets as are in flight, and ends when errno says EAGAIN).
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_inbound.py
 */
#ifndef TWINPOST_MQTT_INBOUND_H
#define TWINPOST_MQTT_INBOUND_H

#include <mosquitto.h>

#include "connector/uplink/uplink_protocol.h"
#include "hal/port.h"

#define MQTT_DROPPED_WHYS UPLINK_DROPPED_NO_ROOM

struct mqtt_dropped {
	uint32_t count;
	uint64_t bytes;
	char topic[UPLINK_TOPIC_BYTES_MAX + 1]; /* of the last one */
};

struct mqtt_inbound {
	struct port *port;
	struct buf frame;
	uint32_t sizes[UPLINK_UNTAKEN_MAX]; /* a ring, the oldest at first */
	int first;
	int count;
	uint64_t bytes;
	int64_t full_ns; /* since when there is no room; 0: there is */
	bool stopped;    /* reading was stopped with something perhaps left to read */
	enum err err;    /* of telling the core */
	struct mqtt_dropped dropped[MQTT_DROPPED_WHYS]; /* by enum uplink_dropped_why - 1 */
};

void mqtt_inbound_init(struct mqtt_inbound *inbound, struct port *port);
void mqtt_inbound_release(struct mqtt_inbound *inbound);
/* May the broker be read now? */
bool mqtt_inbound_may_read(const struct mqtt_inbound *inbound, int64_t now_mono_ns);
/* When a pause ends by itself; INT64_MAX: there is none. */
int64_t mqtt_inbound_pause_ends(const struct mqtt_inbound *inbound, int64_t now_mono_ns);
/* For the library's message callback. Leaves EAGAIN in errno when the next message has no room, which ends the
 * library's reading after this packet. */
void mqtt_inbound_message(struct mqtt_inbound *inbound, const struct mosquitto_message *message);
/* The core has taken so many. false: more than it was given. */
MUST_USE bool mqtt_inbound_taken(struct mqtt_inbound *inbound, uint16_t count);
/* Tells what was dropped since the last time. */
MUST_USE enum err mqtt_inbound_tell_dropped(struct mqtt_inbound *inbound);

#endif
