/*
 * mqtt_connection.h - what the files of the uplink child share: one connection, and how its end is told.
 *
 * Why:   the loop (mqtt_role.c), connecting and publishing (mqtt_connection.c) and the words of an end
 *        (mqtt_down.c) are three subjects on one state.
 * Owns:  struct mqtt_connection owns its handle, TLS context and buffers.
 * Rules: 1. mosq is NULL between connections.
 *        2. ended is set by whoever learns that the connection is over, with the library's code and errno of
 *           that moment; the loop then tells DOWN once and clears.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#ifndef TWINPOST_MQTT_CONNECTION_H
#define TWINPOST_MQTT_CONNECTION_H

#include <mosquitto.h>

#include "connector/uplink/mqtt_inbound.h"
#include "connector/uplink/mqtt_tls.h"
#include "connector/uplink/uplink_protocol.h"

#define MQTT_REASON_TEXT 200

struct mqtt_unanswered {
	int mid;
	uint64_t token;
};

/* Beside the reason codes of a SUBACK. */
#define MQTT_FILTER_UNANSWERED 0x100

struct mqtt_connection {
	struct port *port;
	struct mqtt_inbound *inbound; /* the role's: it outlives connections */
	struct mosquitto *mosq;
	struct mqtt_tls *tls;
	char host[UPLINK_NAME_BYTES_MAX + 1];
	uint16_t port_number;
	uint8_t version;
	uint32_t connect_timeout_s;
	bool up;    /* CONNACK with success, and SUBACK where there are filters, was told to the core */
	bool asked; /* the core asked for the end */
	bool said_disconnect;
	bool late;                /* no CONNACK in time, or no end after DISCONNECT */
	int64_t deadline_ns;      /* of CONNACK, or of the end that was asked for */
	int64_t answers_until_ns; /* once asked: PUBACKs are awaited before DISCONNECT */
	int64_t misc_due_ns;
	/* How it ended. */
	bool ended;
	int rc;                             /* MOSQ_ERR_* */
	int system;                         /* errno beside it */
	int connack;                        /* reason of CONNACK, -1: none came */
	int disconnect;                     /* reason of the broker's DISCONNECT, -1: none came */
	char reason_text[MQTT_REASON_TEXT]; /* MQTT 5 reason string of either, or empty */
	char library[MQTT_REASON_TEXT];     /* the library's last error line */
	/* From CONNACK. */
	uint16_t receive_max;
	uint32_t packet_max; /* 0: the broker said nothing */
	uint8_t retain_available;
	uint8_t session_present;
	/* Topic filters, and the broker's answer to each; MQTT_FILTER_UNANSWERED: none yet. */
	char filters[UPLINK_SUBSCRIPTIONS_MAX][UPLINK_TOPIC_BYTES_MAX + 1];
	int answers[UPLINK_SUBSCRIPTIONS_MAX];
	int filter_count;
	bool subscribing; /* SUBSCRIBE was sent */
	bool subscribed;  /* every filter has its answer */
	/* In the order of sending, which is nearly always the order of the answers. */
	struct mqtt_unanswered unanswered[UPLINK_ACKS_MAX];
	int unanswered_count;
	struct uplink_acks acks;        /* gathered, not yet sent to the core */
	mosquitto_property *properties; /* of content_type, kept from one message to the next */
	char content_type[UPLINK_NAME_BYTES_MAX + 1];
};

/* Starts a connection; blocks in name resolution and connect(2). After a failure `ended` is set and down
 * holds it when it was one of our own files (text is filled), else mqtt_down_describe() tells. */
void mqtt_connection_start(struct mqtt_connection *connection, const struct uplink_connect *connect,
                           struct err_info *local);
/* After CONNACK: sends the filters, or answers here what cannot be sent. */
void mqtt_connection_subscribe(struct mqtt_connection *connection);
/* Destroys the handle and forgets everything of the connection. */
void mqtt_connection_clear(struct mqtt_connection *connection);
/* Notes that a call of the library says that the connection is over; rc of success only looks at the
 * socket. */
void mqtt_connection_check(struct mqtt_connection *connection, int rc);
/* Publishes, or answers in acks what cannot be published. */
void mqtt_connection_publish(struct mqtt_connection *connection, const struct uplink_publish *publish);
/* Class, reason and sentence of an ended connection. text is at least UPLINK_TEXT_BYTES_MAX + 1 bytes. */
void mqtt_down_describe(const struct mqtt_connection *connection, struct uplink_down *down, char *text,
                        size_t size);

#endif
