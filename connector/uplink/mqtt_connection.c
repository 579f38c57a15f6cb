/*
 * mqtt_connection.c - one MQTT connection: options, callbacks, subscribing, publishing.
 *
 * Why:   all that must be known of libmosquitto is in this file.
 * Owns:  see mqtt_connection.h.
 * Rules: 1. MOSQ_OPT_SEND_MAXIMUM is opened wide: the window is the core's, the library must never hold a
 *           message back.
 *        2. A reason code of 0x80 and above still comes through the publish callback: the MQTT 5 callback is
 *           used, which has the reason, for both versions.
 *        3. Payload format indicator 1 (UTF-8) goes with a content type that says charset=utf-8.
 *        4. A filter that is not well formed would make the library refuse all of them: it is answered here.
 * Source: MQTT 5.0 sections 3.1.2.11, 3.2.2.3, 3.3.2.3; libmosquitto 2.0.11 (mosquitto.h, net_mosq.c,
 *         loop.c).
 * Faults: see mqtt_role.h.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#include "connector/uplink/mqtt_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mqtt_protocol.h>

#include "connector/uplink/reason.h"

#define NS_PER_S            INT64_C(1000000000)
#define RECEIVE_MAX_DEFAULT 65535
/* A broker of MQTT 5 sends nothing larger; up to here it is read and told as dropped. The library holds it whole. */
#define PACKET_BYTES_MAX (1024u * 1024u)

/* ---- callbacks: they note, and nothing else ---- */

static void note_reason_string(struct mqtt_connection *connection, const mosquitto_property *properties)
{
	char *text = NULL;
	if (mosquitto_property_read_string(properties, MQTT_PROP_REASON_STRING, &text, false) && text)
		(void)snprintf(connection->reason_text, sizeof connection->reason_text, "%s", text);
	free(text);
}

static void on_connect(struct mosquitto *mosq, void *self, int reason, int flags,
                       const mosquitto_property *properties)
{
	struct mqtt_connection *connection = self;
	(void)mosq;
	connection->connack = reason;
	connection->session_present = flags & 1;
	(void)mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &connection->receive_max,
	                                    false);
	(void)mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
	                                    &connection->packet_max, false);
	(void)mosquitto_property_read_byte(properties, MQTT_PROP_RETAIN_AVAILABLE,
	                                   &connection->retain_available, false);
	note_reason_string(connection, properties);
}

/* Called with MOSQ_ERR_* for a lost connection, and with the reason of the broker's DISCONNECT (0x80 and
 * above). */
static void on_disconnect(struct mosquitto *mosq, void *self, int reason,
                          const mosquitto_property *properties)
{
	struct mqtt_connection *connection = self;
	(void)mosq;
	if (reason >= REASON_UNSPECIFIED) {
		connection->disconnect = reason;
		note_reason_string(connection, properties);
	}
}

static void add_ack(struct mqtt_connection *connection, uint64_t token, int reason)
{
	/* A token is in at most one place, unanswered or here, and both hold as many: the loop empties acks
	 * each round. */
	CHECK(connection->acks.count < UPLINK_ACKS_MAX);
	connection->acks.acks[connection->acks.count++] = (struct uplink_ack){token, (uint8_t)reason};
}

static void on_publish(struct mosquitto *mosq, void *self, int mid, int reason,
                       const mosquitto_property *properties)
{
	struct mqtt_connection *connection = self;
	(void)mosq;
	(void)properties;
	for (int i = 0; i < connection->unanswered_count; i++) {
		if (connection->unanswered[i].mid != mid)
			continue;
		add_ack(connection, connection->unanswered[i].token, reason);
		connection->unanswered_count--;
		memmove(&connection->unanswered[i], &connection->unanswered[i + 1],
		        sizeof connection->unanswered[0] * (size_t)(connection->unanswered_count - i));
		return;
	}
}

/* Answers come in the order of the filters that were sent. */
static void on_subscribe(struct mosquitto *mosq, void *self, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
	struct mqtt_connection *connection = self;
	int next = 0;
	(void)mosq;
	(void)mid; /* one SUBSCRIBE a connection */
	for (int i = 0; i < connection->filter_count && next < count; i++) {
		if (connection->answers[i] == MQTT_FILTER_UNANSWERED)
			connection->answers[i] = granted[next++] & UINT8_MAX;
	}
	/* Fewer answers than filters: what has none is not subscribed. */
	for (int i = 0; i < connection->filter_count; i++) {
		if (connection->answers[i] == MQTT_FILTER_UNANSWERED)
			connection->answers[i] = REASON_UNSPECIFIED;
	}
	connection->subscribed = true;
	note_reason_string(connection, properties);
}

static void on_message(struct mosquitto *mosq, void *self, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
	struct mqtt_connection *connection = self;
	(void)mosq;
	(void)properties;
	mqtt_inbound_message(connection->inbound, message);
}

static void on_log(struct mosquitto *mosq, void *self, int level, const char *text)
{
	struct mqtt_connection *connection = self;
	(void)mosq;
	if (level & MOSQ_LOG_ERR)
		(void)snprintf(connection->library, sizeof connection->library, "%s", text);
}

/* ---- connecting ---- */

static enum err set_login(struct mqtt_connection *connection, const struct uplink_connect *connect,
                          struct err_info *info)
{
	char user[UPLINK_NAME_BYTES_MAX + 1];
	struct secret secret = {0};
	struct err_info why = {0};
	if (connect->user.len == 0)
		return ERR_OK;
	CHECK(text_copy(user, sizeof user, connect->user));
	if (connect->password.kind != SECRET_NONE) {
		enum err err = port_secret(connection->port, &connect->password, &secret, &why);
		if (err != ERR_OK) {
			secret_release(&secret);
			return err_set(info, err, "uplink.password: %.400s", why.text);
		}
	}
	int rc = mosquitto_username_pw_set(connection->mosq, user, secret.len > 0 ? secret.bytes : NULL);
	secret_release(&secret);
	if (rc != MOSQ_ERR_SUCCESS)
		return err_set(info, ERR_BAD_INPUT,
		               "uplink.user or uplink.password is not accepted by the MQTT library: %s",
		               mosquitto_strerror(rc));
	return ERR_OK;
}

static enum err set_will(struct mqtt_connection *connection, const struct uplink_connect *connect,
                         struct err_info *info)
{
	char topic[UPLINK_NAME_BYTES_MAX + 1];
	if (connect->will_topic.len == 0)
		return ERR_OK;
	CHECK(text_copy(topic, sizeof topic, connect->will_topic));
	int rc = mosquitto_will_set_v5(connection->mosq, topic, (int)connect->will_payload.len,
	                               connect->will_payload.data, 1, connect->will_retain != 0, NULL);
	if (rc != MOSQ_ERR_SUCCESS)
		return err_set(info, ERR_BAD_INPUT,
		               "the last will on %s is not accepted by the MQTT library: %s", topic,
		               mosquitto_strerror(rc));
	return ERR_OK;
}

/* A fresh handle with every option set (rule 1 of mqtt_role.h). */
static enum err make_handle(struct mqtt_connection *connection, const struct uplink_connect *connect,
                            struct err_info *info)
{
	char client_id[UPLINK_NAME_BYTES_MAX + 1];
	CHECK(text_copy(client_id, sizeof client_id, connect->client_id));
	struct mosquitto *mosq = mosquitto_new(client_id, connect->session_expiry_s == 0, connection);
	if (!mosq)
		return err_set(info, ERR_BAD_INPUT, "uplink.client_id %s is not accepted by the MQTT library",
		               client_id);
	connection->mosq = mosq;
	bool set =
	    mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, connect->version) == MOSQ_ERR_SUCCESS;
	set = set && mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1) == MOSQ_ERR_SUCCESS;
	set =
	    set && mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, RECEIVE_MAX_DEFAULT) == MOSQ_ERR_SUCCESS;
	set = set && mosquitto_int_option(mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) == MOSQ_ERR_SUCCESS;
	set = set && mosquitto_void_option(mosq, MOSQ_OPT_SSL_CTX, mqtt_tls_context(connection->tls)) ==
	                 MOSQ_ERR_SUCCESS;
	if (!set)
		return err_set(info, ERR_UNSUPPORTED,
		               "the MQTT library on this machine is not libmosquitto 2 with TLS; "
		               "install libmosquitto1 2.0 or newer");
	mosquitto_log_callback_set(mosq, on_log);
	mosquitto_connect_v5_callback_set(mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(mosq, on_publish);
	mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
	mosquitto_message_v5_callback_set(mosq, on_message);
	enum err err = set_login(connection, connect, info);
	return err == ERR_OK ? set_will(connection, connect, info) : err;
}

static void connect_now(struct mqtt_connection *connection, const struct uplink_connect *connect)
{
	mosquitto_property *properties = NULL;
	if (connect->version == UPLINK_MQTT_5) {
		if (connect->session_expiry_s > 0)
			(void)mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
			                                   connect->session_expiry_s);
		(void)mosquitto_property_add_int16(&properties, MQTT_PROP_RECEIVE_MAXIMUM,
		                                   connect->receive_max);
		(void)mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
		                                   PACKET_BYTES_MAX);
	}
	errno = 0;
	int rc = mosquitto_connect_bind_v5(connection->mosq, connection->host, connection->port_number,
	                                   connect->keepalive_s, NULL, properties);
	int system = errno;
	mosquitto_property_free_all(&properties);
	errno = system;
	mqtt_connection_check(connection, rc);
}

void mqtt_connection_start(struct mqtt_connection *connection, const struct uplink_connect *connect,
                           struct err_info *local)
{
	CHECK(connection->mosq == NULL && connection->unanswered_count == 0 && connection->acks.count == 0);
	CHECK(text_copy(connection->host, sizeof connection->host, connect->host));
	connection->port_number = connect->port;
	connection->version = connect->version;
	connection->connect_timeout_s = connect->connect_timeout_s;
	connection->connack = -1;
	connection->disconnect = -1;
	connection->receive_max = RECEIVE_MAX_DEFAULT;
	connection->retain_available = 1;
	connection->filter_count = connect->subscription_count;
	connection->subscribed = connect->subscription_count == 0;
	for (int i = 0; i < connect->subscription_count; i++) {
		CHECK(text_copy(connection->filters[i], sizeof connection->filters[i],
		                connect->subscriptions[i]));
		connection->answers[i] = MQTT_FILTER_UNANSWERED;
	}
	int64_t now = port_mono_ns(connection->port);
	connection->deadline_ns = now + (int64_t)connect->connect_timeout_s * NS_PER_S;
	connection->misc_due_ns = now + NS_PER_S;
	local->code = ERR_OK;
	enum err err = mqtt_tls_new(&connection->tls, connection->port, connect, local);
	if (err == ERR_OK)
		err = make_handle(connection, connect, local);
	if (err == ERR_OK)
		connect_now(connection, connect);
	else
		connection->ended = true;
}

void mqtt_connection_clear(struct mqtt_connection *connection)
{
	struct port *port = connection->port;
	struct mqtt_inbound *inbound = connection->inbound;
	mosquitto_destroy(connection->mosq);
	mqtt_tls_free(connection->tls);
	mosquitto_property_free_all(&connection->properties);
	*connection = (struct mqtt_connection){.port = port, .inbound = inbound};
}

void mqtt_connection_check(struct mqtt_connection *connection, int rc)
{
	int system = errno;
	if (connection->ended || (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(connection->mosq) >= 0))
		return;
	connection->ended = true;
	connection->rc = rc;
	connection->system = system;
}

/* ---- subscribing ---- */

/* Every filter that has no answer yet gets this one. */
static void answer_filters(struct mqtt_connection *connection, int reason)
{
	for (int i = 0; i < connection->filter_count; i++) {
		if (connection->answers[i] == MQTT_FILTER_UNANSWERED)
			connection->answers[i] = reason;
	}
	connection->subscribed = true;
}

void mqtt_connection_subscribe(struct mqtt_connection *connection)
{
	char *filters[UPLINK_SUBSCRIPTIONS_MAX];
	int count = 0;
	connection->subscribing = true;
	for (int i = 0; i < connection->filter_count; i++) {
		size_t len = strlen(connection->filters[i]);
		if (mosquitto_sub_topic_check2(connection->filters[i], len) == MOSQ_ERR_SUCCESS &&
		    mosquitto_validate_utf8(connection->filters[i], (int)len) == MOSQ_ERR_SUCCESS)
			filters[count++] = connection->filters[i];
		else
			connection->answers[i] = REASON_FILTER_INVALID;
	}
	if (count == 0) {
		connection->subscribed = true;
		return;
	}
	errno = 0;
	int rc = mosquitto_subscribe_multiple(connection->mosq, NULL, count, filters, 1, 0, NULL);
	if (rc == MOSQ_ERR_OVERSIZE_PACKET)
		answer_filters(connection, REASON_PACKET_TOO_LARGE);
	else
		mqtt_connection_check(connection, rc);
}

/* ---- publishing ---- */

static uint32_t varint_bytes(uint32_t n)
{
	return n < 128 ? 1 : n < 16384 ? 2 : n < 2097152 ? 3 : 4;
}

/* Bytes of the PUBLISH packet as MQTT counts them for Maximum Packet Size (section 3.2.2.3.6): all of it. */
static uint64_t packet_bytes(const struct mqtt_connection *connection, const struct uplink_publish *publish)
{
	uint64_t remaining = 2 + publish->topic.len + (publish->qos > 0 ? 2 : 0) + publish->payload.len;
	if (connection->version == UPLINK_MQTT_5) {
		uint32_t properties = 0;
		bool utf8 = strstr(connection->content_type, "charset=utf-8") != NULL;
		if (publish->content_type.len > 0)
			properties = 3 + (uint32_t)publish->content_type.len + (utf8 ? 2 : 0);
		remaining += varint_bytes(properties) + properties;
	}
	return 1 + varint_bytes((uint32_t)remaining) + remaining;
}

/* The property list is made once and used for all messages of the same content type. */
static bool use_content_type(struct mqtt_connection *connection, struct span content_type)
{
	if (connection->version != UPLINK_MQTT_5 ||
	    span_equal(span_of(connection->content_type), content_type))
		return true;
	mosquitto_property_free_all(&connection->properties);
	CHECK(text_copy(connection->content_type, sizeof connection->content_type, content_type));
	if (content_type.len == 0)
		return true;
	bool utf8 = strstr(connection->content_type, "charset=utf-8") != NULL;
	return (!utf8 ||
	        mosquitto_property_add_byte(&connection->properties, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1) ==
	            MOSQ_ERR_SUCCESS) &&
	       mosquitto_property_add_string(&connection->properties, MQTT_PROP_CONTENT_TYPE,
	                                     connection->content_type) == MOSQ_ERR_SUCCESS;
}

/* The reason that the broker would give for what the library refuses; -1: not a matter of this message. */
static int refusal_of(int rc)
{
	switch (rc) {
	case MOSQ_ERR_OVERSIZE_PACKET:
	case MOSQ_ERR_PAYLOAD_SIZE:
		return REASON_PACKET_TOO_LARGE;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return REASON_TOPIC_INVALID;
	case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
		return REASON_RETAIN_NOT_SUPPORTED;
	case MOSQ_ERR_QOS_NOT_SUPPORTED:
		return REASON_QOS_NOT_SUPPORTED;
	default:
		return -1;
	}
}

void mqtt_connection_publish(struct mqtt_connection *connection, const struct uplink_publish *publish)
{
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	int mid = 0;
	CHECK(text_copy(topic, sizeof topic, publish->topic));
	if (!use_content_type(connection, publish->content_type)) {
		add_ack(connection, publish->token, REASON_TOPIC_INVALID);
		return;
	}
	if (connection->packet_max > 0 && packet_bytes(connection, publish) > connection->packet_max) {
		add_ack(connection, publish->token, REASON_PACKET_TOO_LARGE);
		return;
	}
	errno = 0;
	int rc = mosquitto_publish_v5(connection->mosq, &mid, topic, (int)publish->payload.len,
	                              publish->payload.data, publish->qos, publish->retain != 0,
	                              connection->properties);
	if (rc != MOSQ_ERR_SUCCESS && refusal_of(rc) >= 0) {
		add_ack(connection, publish->token, refusal_of(rc));
		return;
	}
	mqtt_connection_check(connection, rc);
	if (publish->qos == 0) {
		if (!connection->ended)
			add_ack(connection, publish->token, REASON_SUCCESS);
		return;
	}
	CHECK(connection->unanswered_count < UPLINK_ACKS_MAX);
	connection->unanswered[connection->unanswered_count++] =
	    (struct mqtt_unanswered){mid, publish->token};
}
