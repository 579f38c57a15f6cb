/*
 * broker.c - the table of brokers.
 *
 * Why:   see broker.h.
 * Owns:  nothing; constants.
 * Rules: as in broker.h. Sources are named by the title and the section of the vendor's page, read in November 2026.
 * Runs in: every process.
 * Tests: tests/unit/broker_test.c
 */
#include "config/broker.h"

#define S INT64_C(1000000000)

static const struct broker_profile profiles[CONFIG_BROKER_COUNT] = {
    /* Nothing is known: what MQTT itself allows. */
    [CONFIG_BROKER_OTHER] = {.broker = CONFIG_BROKER_OTHER,
                             .mqtt_5 = true,
                             .mqtt_311 = true,
                             .qos_2 = true,
                             .user_properties = true,
                             .retain = true,
                             .retained_will = true},
    /* mosquitto.conf(5), "General options": message_size_limit 0, max_keepalive 65535, max_inflight_messages 20 and
     * persistent_client_expiration none are defaults that a site changes. Topics: at most 200 separators
     * (TOPIC_HIERARCHY_LIMIT in its source, mosquitto_broker_internal.h). */
    [CONFIG_BROKER_MOSQUITTO] = {.broker = CONFIG_BROKER_MOSQUITTO,
                                 .mqtt_5 = true,
                                 .mqtt_311 = true,
                                 .qos_2 = true,
                                 .user_properties = true,
                                 .retain = true,
                                 .retained_will = true,
                                 .topic_levels_max = 201},
    /* RabbitMQ "MQTT Plugin": "Supported MQTT features" (MQTT 5 from 3.13 on; QoS 2 is treated as QoS 1), "Retained
     * Messages and Stores" (kept by the node that took them), "Session Expiry" (one day, may be changed), prefetch 10
     * (deliveries to a subscriber, not publishes). A topic becomes an AMQP 0-9-1 routing key, a short string of at
     * most 255 bytes ("AMQP 0-9-1 Model Explained", Topic Exchange). */
    [CONFIG_BROKER_RABBITMQ] = {.broker = CONFIG_BROKER_RABBITMQ,
                                .mqtt_5 = true,
                                .mqtt_311 = true,
                                .user_properties = true,
                                .retain = true,
                                .retained_will = true,
                                .topic_bytes_max = 255},
    /* AWS General Reference, "AWS IoT Core endpoints and quotas", "AWS IoT Core message broker and protocol limits
     * and quotas": payload 128 KB, 100 inbound unacknowledged messages, 100 publishes and 512 KiB a second for one
     * connection, keep-alive to 1200 s, session expiry to 7 days, topics of 7 slashes and 256 bytes, client id 128
     * bytes. Developer Guide, "MQTT": QoS 2 is not supported, and closes the connection; retained messages. "Retained
     * message policy examples": retained wills. "Device communication protocols": ALPN on port 443. */
    [CONFIG_BROKER_AWS_IOT] = {.broker = CONFIG_BROKER_AWS_IOT,
                               .mqtt_5 = true,
                               .mqtt_311 = true,
                               .user_properties = true,
                               .retain = true,
                               .retained_will = true,
                               .message_bytes_max = 131072,
                               .in_flight_max = 100,
                               .rate_messages_max = 100,
                               .rate_bytes_max = 524288,
                               .keepalive_ns_max = 1200 * S,
                               .session_expiry_s_max = 604800,
                               .topic_levels_max = 8,
                               .topic_bytes_max = 256,
                               .client_id_bytes_max = 128,
                               .alpn_443 = "x-amzn-mqtt-ca"},
    /* "Azure Event Grid quotas and limits", "MQTT limits in the Event Grid namespace": per session 1,000 messages and
     * 1 MB a second, 1,000 messages and 64 KB in flight; session expiry 8 hours. "What's new in Azure Event Grid": 15
     * segments of a topic, 8 before. "MQTT features supported by the Azure Event Grid MQTT broker", "Flow control" and
     * "Current limitations": message 512 KiB, QoS 1 at most, keep-alive to 1,160 s, user properties on PUBLISH alone.
     * "MQTT client event data": client names of 128 characters. "Support for MQTT Retain in Azure Event Grid",
     * "Storage limits": retained messages to 64 KB. It is young, and where it is missing a retained publish closes
     * the connection, every time: auto does without, uplink.retain: yes uses it, but for the will. Where a unit may be
     * 1000 or 1024, it is 1000 here. */
    [CONFIG_BROKER_EVENTGRID] = {.broker = CONFIG_BROKER_EVENTGRID,
                                 .mqtt_5 = true,
                                 .mqtt_311 = true,
                                 .user_properties = true,
                                 .message_bytes_max = 524288,
                                 .retained_bytes_max = 64000,
                                 .in_flight_max = 1000,
                                 .in_flight_bytes_max = 64000,
                                 .rate_messages_max = 1000,
                                 .rate_bytes_max = 1000000,
                                 .keepalive_ns_max = 1160 * S,
                                 .session_expiry_s_max = 28800,
                                 .topic_levels_max = 8,
                                 .client_id_bytes_max = 128},
    /* HiveMQ "Configuration", "MQTT-specific configuration options" and "Restrictions": server receive maximum 10 out
     * of the box; packet size, keep-alive, client id and topic length as far as MQTT goes. */
    [CONFIG_BROKER_HIVEMQ] = {.broker = CONFIG_BROKER_HIVEMQ,
                              .mqtt_5 = true,
                              .mqtt_311 = true,
                              .qos_2 = true,
                              .user_properties = true,
                              .retain = true,
                              .retained_will = true,
                              .in_flight_default = 10},
    /* EMQX "MQTT Configuration", "Basic MQTT Configurations": packets of 1 MB, 128 topic levels, client id 65535
     * out of the box. EMQX Platform "Quotas and Limits", "Serverless": message 1 MB and client id 1024 cannot be
     * changed there; publishes 10 a second are of that plan alone, so that they are no default of ours. */
    [CONFIG_BROKER_EMQX] = {.broker = CONFIG_BROKER_EMQX,
                            .mqtt_5 = true,
                            .mqtt_311 = true,
                            .qos_2 = true,
                            .user_properties = true,
                            .retain = true,
                            .retained_will = true,
                            .message_bytes_max = 1000000,
                            .retained_bytes_max = 1000000,
                            .topic_levels_max = 128,
                            .client_id_bytes_max = 1024},
};

const struct broker_profile *broker_profile_of(enum config_broker broker)
{
	CHECK(broker >= 0 && broker < CONFIG_BROKER_COUNT);
	return &profiles[broker];
}

bool broker_retains(const struct config_uplink *uplink)
{
	if (uplink->retain == CONFIG_RETAIN_AUTO)
		return broker_profile_of(uplink->broker)->retain;
	return uplink->retain == CONFIG_RETAIN_YES;
}

bool broker_retains_will(const struct config_uplink *uplink)
{
	return broker_retains(uplink) && broker_profile_of(uplink->broker)->retained_will;
}
