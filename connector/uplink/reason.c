/*
 * reason.c - the tables of MQTT's reason codes.
 *
 * Why:   see reason.h.
 * Owns:  nothing.
 * Source: MQTT 5.0 (OASIS, 2019) section 2.4 and table 3-1; MQTT 3.1.1 (OASIS, 2014) table 3.1.
 * Runs in: core, uplink child.
 * Tests: tests/unit/forward_test.c
 */
#include "connector/uplink/reason.h"

#include <stddef.h>

#define ACCESS "allow this client the topic in the broker's access list"
#define LOGIN  "check uplink.user, uplink.password and the client certificate against the broker's accounts"
#define ADMIN  "ask the broker's administrator; its log says why"
#define PASSES "nothing to do: it is tried again"

static const struct reason codes[] = {
    {0x00, false, "success", ""},
    {0x04, true, "disconnected with will message", PASSES},
    {0x10, false, "no subscriber", "start the subscriber, or set uplink.no_subscriber to accept"},
    {0x80, true, "unspecified error", ADMIN},
    {0x81, false, "malformed packet", ADMIN},
    {0x82, false, "protocol error", ADMIN},
    {0x83, false, "implementation specific error", ADMIN},
    {0x84, false, "unsupported protocol version", "set uplink.mqtt to the version that the broker speaks"},
    {0x85, false, "client identifier not valid", "set uplink.client_id to one that the broker accepts"},
    {0x86, false, "bad user name or password", LOGIN},
    {0x87, false, "not authorised", ACCESS},
    {0x88, true, "server unavailable", PASSES},
    {0x89, true, "server busy", PASSES},
    {0x8A, false, "banned", ADMIN},
    {0x8B, true, "server shutting down", PASSES},
    {0x8C, false, "bad authentication method", LOGIN},
    {0x8D, true, "keep alive timeout", PASSES},
    {0x8E, true, "session taken over",
     "give each gateway a client_id of its own: another client uses this one"},
    {0x8F, false, "topic filter invalid", ADMIN},
    {0x90, false, "topic name invalid", "allow topics that begin with tp1/ on the broker"},
    {0x91, true, "packet identifier in use", PASSES},
    {0x92, true, "packet identifier not found", PASSES},
    {0x93, true, "receive maximum exceeded", "lower uplink.in_flight"},
    {0x94, false, "topic alias invalid", ADMIN},
    {0x95, false, "packet too large", "raise the broker's message size limit"},
    {0x96, true, "message rate too high", PASSES},
    {0x97, true, "quota exceeded", "raise the broker's quota if it lasts"},
    {0x98, true, "administrative action", ADMIN},
    {0x99, false, "payload format invalid", ADMIN},
    {0x9A, false, "retain not supported", ADMIN},
    {0x9B, false, "QoS not supported", "allow QoS 1 on the broker"},
    {0x9C, true, "use another server", "set uplink.host to the server that the broker names"},
    {0x9D, false, "server moved", "set uplink.host to the server that the broker names"},
    {0x9E, false, "shared subscriptions not supported", ADMIN},
    {0x9F, true, "connection rate exceeded", PASSES},
    {0xA0, true, "maximum connect time", PASSES},
    {0xA1, false, "subscription identifiers not supported", ADMIN},
    {0xA2, false, "wildcard subscriptions not supported", ADMIN},
};

static const struct reason connack_311[] = {
    {1, false, "unacceptable protocol version", "set uplink.mqtt to the version that the broker speaks"},
    {2, false, "identifier rejected", "set uplink.client_id to one that the broker accepts"},
    {3, true, "server unavailable", PASSES},
    {4, false, "bad user name or password", LOGIN},
    {5, false, "not authorised", LOGIN},
};

static const struct reason unknown = {0xFF, false, "a reason code that MQTT does not define", ADMIN};

static const struct reason *find(const struct reason *table, size_t count, uint8_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].code == code)
			return &table[i];
	}
	return &unknown;
}

const struct reason *reason_of(uint8_t code)
{
	return find(codes, sizeof codes / sizeof codes[0], code);
}

const struct reason *reason_of_connack_311(uint8_t code)
{
	return find(connack_311, sizeof connack_311 / sizeof connack_311[0], code);
}
