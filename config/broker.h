/*
 * broker.h - what each kind of MQTT broker documents about its limits and its behaviour.
 *
 * Why:   a message that a broker refuses closes the connection, or vanishes; what it would refuse is told when the
 *        configuration is checked.
 * Owns:  nothing; the table is constant.
 * Rules: 1. A limit is what the vendor documents and the site cannot raise by itself; 0 is none (MQTT's own holds).
 *        2. What a broker of one's own has out of the box, and its operator may change, is no limit: at most it is
 *           the default of our key (the members that end with _default; 0: the key's own default).
 *        3. Each number has its source beside it in broker.c.
 * Runs in: every process.
 * Tests: tests/unit/broker_test.c
 */
#ifndef TWINPOST_BROKER_H
#define TWINPOST_BROKER_H

#include "config/config.h"

struct broker_profile {
	enum config_broker broker;
	bool mqtt_5; /* both: uplink.mqtt auto finds the right one */
	bool mqtt_311;
	bool qos_2;
	bool user_properties; /* on PUBLISH; of MQTT 5 */
	bool retain;          /* a retained PUBLISH is taken for sure: what auto goes by */
	bool retained_will;
	int64_t message_bytes_max; /* payload */
	int64_t retained_bytes_max;
	int in_flight_max; /* unanswered QoS 1 messages of one client */
	int64_t in_flight_bytes_max;
	int rate_messages_max; /* of one client, a second */
	int64_t rate_bytes_max;
	int64_t keepalive_ns_max;
	int64_t session_expiry_s_max; /* asking for more is no error: the broker keeps its own */
	int topic_levels_max;
	int topic_bytes_max;
	int client_id_bytes_max;
	int in_flight_default;
	const char *alpn_443; /* TLS application protocol that port 443 wants; NULL: none */
};

/* Never NULL. */
const struct broker_profile *broker_profile_of(enum config_broker broker);
/* uplink.retain, with auto resolved: is state published with the retain flag? */
bool broker_retains(const struct config_uplink *uplink);
bool broker_retains_will(const struct config_uplink *uplink);

#endif
