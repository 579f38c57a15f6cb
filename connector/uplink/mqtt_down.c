/*
 * mqtt_down.c - why a connection ended, by class and in one sentence.
 *
 * Why:   the core decides by class; a person at two in the morning reads the sentence, and nothing else.
 * Owns:  nothing.
 * Rules: 1. What is most certain is told: our asking, a TLS finding, the broker's own words, then what the
 *           network showed.
 *        2. The sentence begins with host:port and ends with what to do, where there is something to do.
 * Faults: every end of a connection has a class; there is no "unknown".
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#include "connector/uplink/mqtt_connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "connector/uplink/reason.h"

#define CAUSE_MAX 700
#define WORDS_MAX 500

/* "code 0x87, not authorised (the broker's own text): advice" */
static void broker_words(const struct mqtt_connection *connection, int code, const struct reason *reason,
                         char *text, size_t size)
{
	bool own = connection->reason_text[0] != 0;
	(void)snprintf(text, size, "0x%02x, %s%s%s%s; %s", (unsigned)code, reason->words, own ? " (" : "",
	               connection->reason_text, own ? ")" : "", reason->advice);
}

static void describe_connack(const struct mqtt_connection *connection, struct uplink_down *down, char *text,
                             size_t size)
{
	char words[WORDS_MAX];
	bool old = connection->version == UPLINK_MQTT_311;
	uint8_t code = (uint8_t)connection->connack;
	const struct reason *reason =
	    old && code < REASON_UNSPECIFIED ? reason_of_connack_311(code) : reason_of(code);
	if (code == REASON_NOT_AUTHORISED)
		reason = reason_of_connack_311(5); /* here it is about the login, not about a topic */
	bool version = code == REASON_UNSUPPORTED_VERSION || code == 1;
	down->down_class = version ? UPLINK_DOWN_VERSION : UPLINK_DOWN_REFUSED;
	down->reason = code;
	broker_words(connection, code, reason, words, sizeof words);
	(void)snprintf(text, size, "the broker refuses the connection with reason %s", words);
}

static const char *system_words(int system)
{
	switch (system) {
	case ECONNREFUSED:
		return "connection refused: nothing listens on this port; check that the broker runs, "
		       "uplink.host and "
		       "uplink.port";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "no route to the host; check the network and uplink.host";
	case ETIMEDOUT:
		return "no answer from the host; check the network, a firewall between, uplink.host and "
		       "uplink.port";
	case ECONNRESET:
	case EPIPE:
		return "the other side reset the connection";
	default:
		return strerror(system);
	}
}

static bool library_says(const struct mqtt_connection *connection, const char *words)
{
	return strstr(connection->library, words) != NULL;
}

/* Before the TLS handshake has ended. */
static void describe_unestablished(const struct mqtt_connection *connection, struct uplink_down *down,
                                   char *text, size_t size)
{
	const char *what =
	    "the connection was closed during the TLS handshake: no TLS on this port, or refused; "
	    "uplink.port must be the broker's TLS port (usually 8883); its log says more";
	down->down_class = UPLINK_DOWN_NETWORK;
	if (connection->rc == MOSQ_ERR_EAI) {
		what = "the host name is not found: no such name, or no name server answers; check "
		       "uplink.host and "
		       "the name servers of this machine";
	} else if (library_says(connection, "wrong version number") ||
	           library_says(connection, "record layer")) {
		down->down_class = UPLINK_DOWN_TLS;
		what =
		    "what answers on this port does not speak TLS; uplink.port must be the broker's TLS port "
		    "(usually 8883)";
	} else if (connection->rc == MOSQ_ERR_ERRNO && connection->system != 0 &&
	           connection->system != EPROTO) {
		what = system_words(connection->system);
	} else if (connection->late) {
		(void)snprintf(text, size, "no TLS handshake within %u s; check the network and uplink.port",
		               (unsigned)connection->connect_timeout_s);
		return;
	} else if (connection->library[0] && !library_says(connection, "unexpected eof")) {
		down->down_class = UPLINK_DOWN_TLS;
		(void)snprintf(text, size, "the TLS handshake failed: %s", connection->library);
		return;
	}
	(void)snprintf(text, size, "%s", what);
}

/* With TLS, before CONNACK. */
static void describe_unanswered(const struct mqtt_connection *connection, struct uplink_down *down,
                                char *text, size_t size)
{
	if (connection->late) {
		down->down_class = UPLINK_DOWN_NETWORK;
		(void)snprintf(text, size, "no CONNACK within %u s of connecting; is this an MQTT broker?",
		               (unsigned)connection->connect_timeout_s);
		return;
	}
	down->down_class = UPLINK_DOWN_NO_CONNACK;
	(void)snprintf(
	    text, size,
	    "the broker closed the connection before its CONNACK: it may not speak MQTT %s, or refuse "
	    "the client certificate or client_id; its log says which",
	    connection->version == UPLINK_MQTT_5 ? "5" : "3.1.1");
}

/* With CONNACK, before SUBACK. */
static void describe_unsubscribed(const struct mqtt_connection *connection, struct uplink_down *down,
                                  char *text, size_t size)
{
	if (connection->late) {
		down->down_class = UPLINK_DOWN_NETWORK;
		(void)snprintf(text, size,
		               "no SUBACK within %u s of connecting; the broker does not answer SUBSCRIBE",
		               (unsigned)connection->connect_timeout_s);
		return;
	}
	down->down_class = UPLINK_DOWN_SUBSCRIBE;
	(void)snprintf(
	    text, size,
	    "the broker closed the connection while we subscribed to %s%s: it may not allow this client to "
	    "receive there (some brokers close on what they refuse); allow it in the broker's access list; "
	    "its log says more",
	    connection->filters[0], connection->filter_count > 1 ? " and others" : "");
}

static void describe_lost(const struct mqtt_connection *connection, struct uplink_down *down, char *text,
                          size_t size)
{
	const char *what = mosquitto_strerror(connection->rc);
	bool system = connection->system != 0 && connection->system != EPROTO && connection->system != EAGAIN;
	down->down_class = UPLINK_DOWN_NETWORK;
	if (connection->rc == MOSQ_ERR_KEEPALIVE)
		what = "the broker does not answer any more (keep alive); the network is broken, or the "
		       "broker hangs";
	else if (connection->rc == MOSQ_ERR_CONN_LOST)
		what = "closed by the broker or the network; if it repeats, look at the broker's log: does "
		       "another "
		       "client use our client_id?";
	else if (system)
		what = system_words(connection->system);
	(void)snprintf(text, size, "the connection was lost: %s", what);
}

void mqtt_down_describe(const struct mqtt_connection *connection, struct uplink_down *down, char *text,
                        size_t size)
{
	char cause[CAUSE_MAX] = "";
	down->reason = -1;
	if (connection->asked) {
		down->down_class = UPLINK_DOWN_ASKED;
		(void)snprintf(cause, sizeof cause, "disconnected as asked");
	} else if (!connection->up && mqtt_tls_problem(connection->tls, cause, sizeof cause)) {
		down->down_class = UPLINK_DOWN_TLS;
	} else if (connection->connack > 0) {
		describe_connack(connection, down, cause, sizeof cause);
	} else if (connection->disconnect >= 0) {
		char words[WORDS_MAX];
		down->down_class = UPLINK_DOWN_BROKER;
		down->reason = connection->disconnect;
		broker_words(connection, connection->disconnect, reason_of((uint8_t)connection->disconnect),
		             words, sizeof words);
		(void)snprintf(cause, sizeof cause, "the broker ended the connection with reason %s", words);
	} else if (!mqtt_tls_established(connection->tls)) {
		describe_unestablished(connection, down, cause, sizeof cause);
	} else if (!connection->up && connection->connack < 0) {
		describe_unanswered(connection, down, cause, sizeof cause);
	} else if (!connection->up) {
		describe_unsubscribed(connection, down, cause, sizeof cause);
	} else {
		describe_lost(connection, down, cause, sizeof cause);
	}
	(void)snprintf(text, size, "%s:%u: %s", connection->host, (unsigned)connection->port_number, cause);
	down->text = span_of(text);
}
