/*
 * mqtt_role.c - the uplink child's loop: frames from the core on one side, libmosquitto on the other.
 *
 * Why:   see mqtt_role.h.
 * Owns:  the connection's state, the frame being built.
 * Rules: 1. One round: wait; read from the broker; write to it; keep alive once a second; take the core's
 *           frames; send the gathered acks as one frame. Reading comes before writing, so that a broker's
 *           last words (a TLS alert) are heard before a write to a closed connection fails.
 *        2. PUBLISH of a connection that has ended is ignored (rule 3 of uplink_protocol.h).
 *        3. DISCONNECT goes out after all that was given before has been written and, for at most ANSWERS_NS,
 *           answered: libmosquitto 2.0 takes a PUBACK that comes after its DISCONNECT for a protocol error.
 * Faults: see mqtt_role.h.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#include "connector/uplink/mqtt_role.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/mqtt_connection.h"
#include "connector/uplink/reason.h"

#define NS_PER_S INT64_C(1000000000)
/* Frames taken in one round, so that a busy core does not starve the broker. */
#define FRAMES_PER_ROUND 256
#define FRAME_BYTES_MAX  (64u * 1024u)
/* From the core's order to the end; a stalled network must not keep us. */
#define END_NS (2 * NS_PER_S)
/* Of that, for the broker's answers to what was sent before. */
#define ANSWERS_NS (NS_PER_S / 2)

struct mqtt_role {
	struct port *port;
	struct mqtt_connection connection;
	struct mqtt_inbound inbound;
	struct buf out;
};

static enum err send_acks(struct mqtt_role *role)
{
	struct uplink_acks *acks = &role->connection.acks;
	if (acks->count == 0)
		return ERR_OK;
	buf_clear(&role->out);
	uplink_acks_encode(&role->out, acks);
	acks->count = 0;
	CHECK(buf_ok(&role->out));
	return port_send(role->port, UPLINK_ACKS, role->out.data, role->out.len);
}

static enum err send_up(struct mqtt_role *role)
{
	const struct mqtt_connection *connection = &role->connection;
	struct uplink_up up = {
	    .version = connection->version,
	    .session_present = connection->session_present,
	    .receive_max = connection->receive_max,
	    .packet_max = connection->packet_max,
	    .retain_available = connection->retain_available,
	    .tls = span_of(mqtt_tls_version(connection->tls)),
	    .subscription_count = (uint8_t)connection->filter_count,
	};
	for (int i = 0; i < connection->filter_count; i++) {
		CHECK(connection->answers[i] <= UINT8_MAX);
		up.subscriptions[i] = (uint8_t)connection->answers[i];
	}
	buf_clear(&role->out);
	uplink_up_encode(&role->out, &up);
	CHECK(buf_ok(&role->out));
	return port_send(role->port, UPLINK_UP, role->out.data, role->out.len);
}

/* The one DOWN of a connection, after its last acks; the handle is destroyed. */
static enum err tell_end(struct mqtt_role *role, const struct err_info *local)
{
	char text[UPLINK_TEXT_BYTES_MAX + 1];
	struct uplink_down down = {.down_class = UPLINK_DOWN_LOCAL, .reason = -1};
	enum err err = send_acks(role);
	if (err == ERR_OK)
		err = mqtt_inbound_tell_dropped(&role->inbound);
	if (local && local->code != ERR_OK)
		down.text = span_of(local->text);
	else
		mqtt_down_describe(&role->connection, &down, text, sizeof text);
	buf_clear(&role->out);
	uplink_down_encode(&role->out, &down);
	CHECK(buf_ok(&role->out));
	mqtt_connection_clear(&role->connection);
	if (err == ERR_OK)
		err = port_send(role->port, UPLINK_DOWN, role->out.data, role->out.len);
	return err == ERR_OK ? port_flush(role->port) : err;
}

static enum err take_connect(struct mqtt_role *role, const struct frame *frame, struct err_info *info)
{
	struct uplink_connect connect;
	struct err_info local = {.code = ERR_OK};
	if (role->connection.mosq || !uplink_connect_decode(&connect, frame->payload, frame->len))
		return err_set(info, ERR_BAD_INPUT,
		               "the core sent a CONNECT that is malformed or out of turn");
	mqtt_connection_start(&role->connection, &connect, &local);
	return role->connection.ended ? tell_end(role, &local) : ERR_OK;
}

static enum err take_publish(struct mqtt_role *role, const struct frame *frame, struct err_info *info)
{
	struct mqtt_connection *connection = &role->connection;
	struct uplink_publish publish;
	if (!uplink_publish_decode(&publish, frame->payload, frame->len))
		return err_set(info, ERR_BAD_INPUT, "the core sent a malformed PUBLISH");
	if (!connection->up || connection->ended || connection->asked)
		return ERR_OK;
	if (connection->unanswered_count == UPLINK_ACKS_MAX)
		return err_set(info, ERR_BAD_INPUT, "the core sent more than %d unanswered messages",
		               UPLINK_ACKS_MAX);
	if (connection->acks.count == UPLINK_ACKS_MAX) {
		enum err err = send_acks(role);
		if (err != ERR_OK)
			return err;
	}
	mqtt_connection_publish(connection, &publish);
	return ERR_OK;
}

static void take_disconnect(struct mqtt_role *role)
{
	struct mqtt_connection *connection = &role->connection;
	if (!connection->mosq || connection->asked)
		return;
	int64_t now = port_mono_ns(role->port);
	connection->asked = true;
	connection->deadline_ns = now + END_NS;
	connection->answers_until_ns = now + ANSWERS_NS;
	/* Before it was up there is no session to end: the connection is just closed. */
	connection->ended = !connection->up;
}

/* Rule 3. */
static void disconnect_if_asked(struct mqtt_role *role)
{
	struct mqtt_connection *connection = &role->connection;
	if (!connection->asked || connection->said_disconnect || connection->ended ||
	    mosquitto_want_write(connection->mosq))
		return;
	if (connection->unanswered_count > 0 && port_mono_ns(role->port) < connection->answers_until_ns)
		return;
	connection->said_disconnect = true;
	errno = 0;
	mqtt_connection_check(connection, mosquitto_disconnect_v5(connection->mosq, REASON_SUCCESS, NULL));
}

static enum err take_taken(struct mqtt_role *role, const struct frame *frame, struct err_info *info)
{
	struct uplink_taken taken;
	if (!uplink_taken_decode(&taken, frame->payload, frame->len) ||
	    !mqtt_inbound_taken(&role->inbound, taken.count))
		return err_set(
		    info, ERR_BAD_INPUT,
		    "the core sent a TAKEN that is malformed or for more messages than it was given");
	return ERR_OK;
}

static enum err take_frame(struct mqtt_role *role, const struct frame *frame, struct err_info *info)
{
	switch (frame->type) {
	case UPLINK_CONNECT:
		return take_connect(role, frame, info);
	case UPLINK_PUBLISH:
		return take_publish(role, frame, info);
	case UPLINK_DISCONNECT:
		take_disconnect(role);
		return ERR_OK;
	case UPLINK_TAKEN:
		return take_taken(role, frame, info);
	default:
		return err_set(info, ERR_BAD_INPUT, "the core sent a frame of unknown type %d", frame->type);
	}
}

static enum err take_frames(struct mqtt_role *role, struct err_info *info)
{
	struct frame frame;
	for (int i = 0; i < FRAMES_PER_ROUND; i++) {
		enum err err = port_receive(role->port, false, &frame, info);
		if (err == ERR_OK)
			err = take_frame(role, &frame, info);
		if (err != ERR_OK)
			return err == ERR_AGAIN ? ERR_OK : err;
		if (role->connection.ended || !role->connection.mosq)
			break;
	}
	return ERR_OK;
}

static enum err after_reading(struct mqtt_role *role)
{
	struct mqtt_connection *connection = &role->connection;
	if (connection->up || connection->ended || connection->connack != 0)
		return ERR_OK;
	if (!connection->subscribed && !connection->subscribing)
		mqtt_connection_subscribe(connection);
	if (!connection->subscribed || connection->ended)
		return ERR_OK;
	connection->up = true;
	return send_up(role);
}

static enum err keep_alive(struct mqtt_role *role)
{
	struct mqtt_connection *connection = &role->connection;
	int64_t now = port_mono_ns(role->port);
	if (!connection->ended && (!connection->up || connection->asked) && now >= connection->deadline_ns) {
		connection->late = true;
		connection->ended = true;
	}
	if (connection->ended || now < connection->misc_due_ns)
		return ERR_OK;
	connection->misc_due_ns = now + NS_PER_S;
	errno = 0;
	mqtt_connection_check(connection, mosquitto_loop_misc(connection->mosq));
	return mqtt_inbound_tell_dropped(&role->inbound);
}

/* Takes what the broker has sent. TLS reads ahead, so the socket may be empty while whole records wait
 * inside; the library leaves EAGAIN in errno once what is left is no whole record. Acks cannot overflow: each
 * takes its place from unanswered, to which nothing is added meanwhile. */
static void read_broker(struct mqtt_connection *connection)
{
	connection->inbound->stopped = false;
	do {
		errno = 0;
		mqtt_connection_check(connection, mosquitto_loop_read(connection->mosq, 1));
	} while (!connection->ended && !connection->inbound->stopped && errno != EAGAIN &&
	         mqtt_tls_holds_input(mosquitto_ssl_get(connection->mosq)));
}

/* What to wait for at the broker's socket, and until when. */
static unsigned wanted(const struct mqtt_role *role, int64_t *until)
{
	const struct mqtt_connection *connection = &role->connection;
	struct mosquitto *mosq = connection->mosq;
	int64_t now = port_mono_ns(role->port);
	int64_t pause_ends = mqtt_inbound_pause_ends(&role->inbound, now);
	unsigned want = 0;
	*until = connection->misc_due_ns;
	if ((!connection->up || connection->asked) && connection->deadline_ns < *until)
		*until = connection->deadline_ns;
	if (connection->asked && now < connection->answers_until_ns && connection->answers_until_ns < *until)
		*until = connection->answers_until_ns;
	if (pause_ends < *until)
		*until = pause_ends;
	if (pause_ends == INT64_MAX) {
		want |= PORT_READY_READ;
		/* TLS may hold what poll(2) does not show. */
		*until = role->inbound.stopped ? now : *until;
	}
	if (mosquitto_want_write(mosq) && !mqtt_tls_waits_for_peer(connection->tls, mosquitto_ssl_get(mosq)))
		want |= PORT_READY_WRITE;
	return want;
}

/* One round of a living connection. */
static enum err serve(struct mqtt_role *role, struct err_info *info)
{
	struct mqtt_connection *connection = &role->connection;
	struct mosquitto *mosq = connection->mosq;
	unsigned ready = 0;
	int64_t until;
	unsigned want = wanted(role, &until);
	enum err err = port_wait(role->port, mosquitto_socket(mosq), want, until, &ready);
	if (err != ERR_OK)
		return err;
	if ((ready & PORT_READY_READ) || ((want & PORT_READY_READ) && role->inbound.stopped)) {
		read_broker(connection);
		err = role->inbound.err == ERR_OK ? after_reading(role) : role->inbound.err;
	}
	if (err == ERR_OK && (ready & PORT_READY_WRITE) && !connection->ended) {
		errno = 0;
		mqtt_connection_check(connection, mosquitto_loop_write(mosq, 1));
	}
	if (err == ERR_OK)
		err = keep_alive(role);
	if (err == ERR_OK && (ready & PORT_READY_CORE) && !connection->ended)
		err = take_frames(role, info);
	if (err == ERR_OK)
		disconnect_if_asked(role);
	if (err == ERR_OK && connection->ended)
		return tell_end(role, NULL);
	return err == ERR_OK ? send_acks(role) : err;
}

static enum err wait_for_order(struct mqtt_role *role, struct err_info *info)
{
	struct frame frame;
	enum err err = port_receive(role->port, true, &frame, info);
	return err == ERR_OK ? take_frame(role, &frame, info) : err;
}

int mqtt_role_run(struct port *port)
{
	struct mqtt_role *role = mem_alloc(sizeof *role);
	struct err_info info = {.code = ERR_OK};
	enum err err = ERR_OK;
	role->port = port;
	role->connection.port = port;
	role->connection.inbound = &role->inbound;
	mqtt_inbound_init(&role->inbound, port);
	buf_init(&role->out, FRAME_BYTES_MAX);
	(void)mosquitto_lib_init();
	while (err == ERR_OK)
		err = role->connection.mosq ? serve(role, &info) : wait_for_order(role, &info);
	mqtt_connection_clear(&role->connection);
	(void)mosquitto_lib_cleanup();
	mqtt_inbound_release(&role->inbound);
	buf_release(&role->out);
	free(role);
	if (err != ERR_GONE)
		log_event(port->log, LOG_CHILD_SPOKE_BADLY, "child=uplink: %s", info.text);
	return err == ERR_GONE ? 0 : 1;
}
