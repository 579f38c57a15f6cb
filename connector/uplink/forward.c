/*
 * forward.c - the uplink's connection: child, version, deadlines, back-off, orderly end.
 *
 * Why:   see forward.h.
 * Owns:  the uplink child.
 *
 *            +--------------------- end of the child ---------------------+
 *            v                                                            |
 *   STOPPED --> WAITING --> CONNECTING --> UP --> ENDING -----------------+
 *      ^          | ^          |  |         |       ^  |
 *      |          | +-- DOWN --+--|-- DOWN -+       |  |
 *      |          +---------------+-----------------+  |
 *      +---------------- end of the child, stopping ---+
 *
 *   STOPPED     no child; before the first step and after forward_stop().
 *   WAITING     until deadline_ns (back-off); the child may live: it is used again.
 *   CONNECTING  UPLINK_CONNECT was sent; UP, DOWN or the deadline follows.
 *   UP          messages flow (forward_send.c).
 *   ENDING      the child is being ended: asked (DISCONNECT), SIGTERM, SIGKILL, each with its deadline.
 *
 * Rules: 1. A frame that does not fit the state ends the child: it is not to be trusted any more.
 *        2. In ENDING only the end of the child counts, and acks while it was only asked.
 * Faults: see forward.h.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#include "connector/uplink/forward.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/forward_state.h"
#include "connector/uplink/reason.h"

#define CHILD_NAME "uplink"
/* The child keeps connect_timeout itself and tells what was missing; past this it hangs in a blocking
 * call. */
#define CONNECT_GRACE_NS (2 * NS_PER_S)
/* Long enough for any outage that ends by itself. The session holds nothing of ours: that it is gone tells that the
 * broker has lost its memory. */
#define SESSION_EXPIRY_S 86400
#define TERM_NS          (2 * NS_PER_S)
/* Shorter than the agent's own limit for stopping (5 s), so that the end is orderly. */
#define STOP_DRAIN_NS      (2 * NS_PER_S)
#define STOP_DISCONNECT_NS (1 * NS_PER_S)
#define STEADY_NS          (60 * NS_PER_S)
#define OUTAGE_NS          (60 * NS_PER_S)
#define OUTAGE_TRIES       5
#define SLOW_NS            (5 * NS_PER_S)
#define CLOSES_MAX         2
#define FRAME_BYTES_MAX    (UPLINK_PAYLOAD_BYTES_MAX + 4096)

static const struct sm_state states[] = {
    [FORWARD_STOPPED] = {"stopped", SM_NEXT(FORWARD_WAITING)},
    [FORWARD_WAITING] = {"waiting",
                         SM_NEXT(FORWARD_CONNECTING) | SM_NEXT(FORWARD_ENDING) | SM_NEXT(FORWARD_STOPPED)},
    [FORWARD_CONNECTING] = {"connecting",
                            SM_NEXT(FORWARD_UP) | SM_NEXT(FORWARD_WAITING) | SM_NEXT(FORWARD_ENDING)},
    [FORWARD_UP] = {"up", SM_NEXT(FORWARD_WAITING) | SM_NEXT(FORWARD_ENDING)},
    [FORWARD_ENDING] = {"ending", SM_NEXT(FORWARD_WAITING) | SM_NEXT(FORWARD_STOPPED)},
};

static void check_forward(const void *owner)
{
	const struct forward *forward = owner;
	int state = forward->sm.state;
	CHECK(forward->child != 0 || state == FORWARD_STOPPED || state == FORWARD_WAITING);
	CHECK(forward->child == 0 || state != FORWARD_STOPPED);
	CHECK(forward->window.count == 0 || state == FORWARD_UP || state == FORWARD_ENDING);
}

struct forward *forward_new(struct hal *hal, const struct log *log, struct store *store,
                            const struct config *config, const struct forward_sink *sink)
{
	const struct config_uplink *uplink = &config->uplink;
	struct forward *forward = mem_alloc(sizeof *forward);
	forward->hal = hal;
	forward->log = log;
	forward->store = store;
	forward->config = config;
	forward->sink = *sink;
	forward->version = uplink->version == CONFIG_MQTT_311 ? UPLINK_MQTT_311 : UPLINK_MQTT_5;
	forward->tell_ns = FORWARD_NEVER;
	forward->down_ns = hal_mono_ns(hal);
	(void)snprintf(forward->endpoint, sizeof forward->endpoint, "%s:%d", uplink->host, uplink->port);
	backoff_init(&forward->backoff, uplink->retry_min_ns, uplink->retry_max_ns);
	window_init(&forward->window, hal, uplink->retry_min_ns, uplink->retry_max_ns);
	buf_init(&forward->frame, FRAME_BYTES_MAX);
	sm_init(&forward->sm, states, sizeof states / sizeof states[0], FORWARD_STOPPED, "uplink", log);
	forward->sm.invariant = check_forward;
	forward->sm.owner = forward;
	return forward;
}

void forward_free(struct forward *forward)
{
	if (!forward)
		return;
	if (forward->child != 0)
		hal_child_signal(forward->hal, forward->child, HAL_SIGNAL_KILL);
	buf_release(&forward->frame);
	free(forward);
}

/* ---- the end of connections ---- */

void forward_end_child(struct forward *forward, const char *why, int64_t now_ns)
{
	if (!forward->stopping)
		log_event(forward->log, LOG_CHILD_KILLED, "child=" CHILD_NAME ": %s", why);
	hal_child_signal(forward->hal, forward->child, HAL_SIGNAL_TERM);
	forward->ending = FORWARD_END_TERM;
	forward->deadline_ns = now_ns + TERM_NS;
	if (forward->sm.state != FORWARD_ENDING)
		sm_enter(&forward->sm, FORWARD_ENDING, why);
}

/* Rule 7 of forward.h. */
static void choose_version(struct forward *forward, int down_class, bool was_up)
{
	bool five = forward->version == UPLINK_MQTT_5;
	bool refused = down_class == UPLINK_DOWN_VERSION;
	if (down_class == UPLINK_DOWN_NO_CONNACK)
		forward->closes++;
	if (forward->config->uplink.version != CONFIG_MQTT_AUTO)
		return;
	if (was_up && forward->fell_back) {
		/* Closes are no proof: something before a broker that was starting closes too. One more close goes
		 * back. */
		forward->version = UPLINK_MQTT_5;
		forward->fell_back = false;
		forward->closes = CLOSES_MAX - 1;
		return;
	}
	if (!refused && (forward->closes < CLOSES_MAX || (five && forward->spoke_5)))
		return;
	forward->version = five ? UPLINK_MQTT_311 : UPLINK_MQTT_5;
	forward->fell_back = five && !refused;
	forward->closes = 0;
	log_event(forward->log, LOG_UPLINK_VERSION,
	          "endpoint=%s version=%s: the broker %s with MQTT %s; trying the other", forward->endpoint,
	          five ? "3.1.1" : "5", refused ? "refuses to speak" : "closes before CONNACK",
	          five ? "5" : "3.1.1");
}

/* A person must act: file, certificate, password, or a version that is fixed by configuration. */
static bool needs_person(const struct forward *forward, int down_class, int reason)
{
	switch (down_class) {
	case UPLINK_DOWN_TLS:
	case UPLINK_DOWN_LOCAL:
		return true;
	case UPLINK_DOWN_REFUSED:
		return reason < 0 || !(reason < REASON_UNSPECIFIED ? reason_of_connack_311((uint8_t)reason)
		                                                   : reason_of((uint8_t)reason))
		                          ->transient;
	case UPLINK_DOWN_VERSION:
		return forward->config->uplink.version != CONFIG_MQTT_AUTO;
	default:
		return false;
	}
}

void forward_lost(struct forward *forward, int down_class, int reason, const char *text, int64_t now_ns)
{
	bool was_up = forward->sm.state == FORWARD_UP;
	bool person = needs_person(forward, down_class, reason);
	if (was_up) {
		if (now_ns - forward->up_ns >= STEADY_NS)
			backoff_reset(&forward->backoff);
		forward->down_ns = now_ns;
	}
	forward->failures++;
	window_lost(&forward->window, was_up, reason > 0 ? (uint8_t)reason : 0, now_ns);
	choose_version(forward, down_class, was_up);
	(void)snprintf(forward->problem, sizeof forward->problem, "%s", text);
	int64_t slow =
	    SLOW_NS < forward->config->uplink.retry_max_ns ? SLOW_NS : forward->config->uplink.retry_max_ns;
	forward->retry_ns = now_ns + backoff_next(&forward->backoff, forward->hal) + (person ? slow : 0);
	if (forward->outage == FORWARD_NO_OUTAGE && (person || forward->failures >= OUTAGE_TRIES))
		forward->outage = FORWARD_OUTAGE_DUE;
	forward_tell_at(forward, now_ns);
	log_event(forward->log, LOG_UPLINK_LOST, "endpoint=%s retry_ms=%" PRId64 ": %s", forward->endpoint,
	          (forward->retry_ns - now_ns) / NS_PER_MS, text);
}

static void wait_for_retry(struct forward *forward, const char *why)
{
	forward->deadline_ns = forward->retry_ns;
	sm_enter(&forward->sm, FORWARD_WAITING, why);
}

static void lost_and_end(struct forward *forward, const char *text, int64_t now_ns)
{
	forward_lost(forward, UPLINK_DOWN_NETWORK, -1, text, now_ns);
	forward_end_child(forward, text, now_ns);
}

/* ---- connecting ---- */

static uint32_t seconds(int64_t ns)
{
	return (uint32_t)(ns < NS_PER_S ? 1 : ns / NS_PER_S);
}

static void encode_connect(struct forward *forward)
{
	const struct config_uplink *uplink = &forward->config->uplink;
	const struct uplink_connect connect = {
	    .host = span_of(uplink->host),
	    .port = (uint16_t)uplink->port,
	    .version = forward->version,
	    .client_id = span_of(uplink->client_id),
	    .keepalive_s = (uint16_t)seconds(uplink->keepalive_ns),
	    .session_expiry_s = SESSION_EXPIRY_S,
	    .connect_timeout_s = seconds(uplink->connect_timeout_ns),
	    .ca_file = span_of(uplink->ca_file),
	    .certificate_file = span_of(uplink->certificate_file),
	    .key_file = span_of(uplink->key_file),
	    .key_password = uplink->key_password,
	    .alpn = span_of(uplink->alpn),
	    .user = span_of(uplink->user),
	    .password = uplink->password,
	    .receive_max = UPLINK_RECEIVE_MAX,
	};
	buf_clear(&forward->frame);
	uplink_connect_encode(&forward->frame, &connect);
	CHECK(buf_ok(&forward->frame));
}

static void try_connect(struct forward *forward, int64_t now_ns)
{
	struct err_info info = {.text = ""};
	if (forward->child == 0) {
		if (hal_child_spawn(forward->hal, HAL_ROLE_UPLINK, CHILD_NAME, &forward->child, &info) !=
		    ERR_OK) {
			forward->child = 0;
			forward_lost(forward, UPLINK_DOWN_NETWORK, -1, info.text, now_ns);
			forward->deadline_ns = forward->retry_ns;
			return;
		}
		log_event(forward->log, LOG_CHILD_STARTED, "child=" CHILD_NAME " id=%u: started",
		          (unsigned)forward->child);
	}
	encode_connect(forward);
	enum err err = hal_child_send(forward->hal, forward->child, UPLINK_CONNECT, forward->frame.data,
	                              forward->frame.len);
	sm_enter(&forward->sm, FORWARD_CONNECTING, "time to try");
	forward->deadline_ns = now_ns + forward->config->uplink.connect_timeout_ns + CONNECT_GRACE_NS;
	/* A child that has gone tells it by its last event; one that does not read is of no use. */
	if (err == ERR_AGAIN)
		lost_and_end(forward, "the uplink child does not read its orders", now_ns);
}

static void take_up(struct forward *forward, const struct uplink_up *up, int64_t now_ns)
{
	int in_flight = forward->config->uplink.in_flight;
	int limit = in_flight < up->receive_max ? in_flight : up->receive_max;
	forward->window.limit = limit < WINDOW_MESSAGES_MAX ? limit : WINDOW_MESSAGES_MAX;
	(void)snprintf(forward->tls, sizeof forward->tls, "%.*s", (int)up->tls.len,
	               up->tls.len ? up->tls.data : "");
	forward->version = up->version;
	forward->spoke_5 = forward->spoke_5 || up->version == UPLINK_MQTT_5;
	/* One that is due stays due until it was done, over further connections too. */
	forward->rewind_due = forward->rewind_due || !up->session_present;
	forward->closes = 0;
	forward->failures = 0;
	forward->connections++;
	forward->up_ns = now_ns;
	forward->problem[0] = 0;
	forward->ack_check_ns = now_ns;
	forward->outage_clear_due = forward->outage_clear_due || forward->outage == FORWARD_OUTAGE_TOLD ||
	                            !forward->outage_cleared_once;
	forward->outage_cleared_once = true;
	forward->outage = FORWARD_NO_OUTAGE;
	if (forward->outage_clear_due)
		forward_tell_at(forward, now_ns);
	log_event(forward->log, LOG_UPLINK_CONNECTED,
	          "endpoint=%s mqtt=%s tls=%s window=%d packet_max=%u: connected", forward->endpoint,
	          up->version == UPLINK_MQTT_5 ? "5" : "3.1.1", forward->tls, forward->window.limit,
	          (unsigned)up->packet_max);
	sm_enter(&forward->sm, FORWARD_UP, "CONNACK");
}

/* ---- events of the child ---- */

static bool frame_up(struct forward *forward, const struct hal_child_event *event, int64_t now_ns)
{
	struct uplink_up up;
	if (!uplink_up_decode(&up, event->payload, event->len) || forward->sm.state != FORWARD_CONNECTING ||
	    up.version != forward->version)
		return false;
	take_up(forward, &up, now_ns);
	return true;
}

static bool frame_down(struct forward *forward, const struct hal_child_event *event, int64_t now_ns)
{
	struct uplink_down down;
	char text[UPLINK_TEXT_BYTES_MAX + 1];
	if (!uplink_down_decode(&down, event->payload, event->len) ||
	    !text_copy(text, sizeof text, down.text))
		return false;
	if (forward->sm.state == FORWARD_ENDING) {
		forward->deadline_ns = now_ns; /* the DISCONNECT is done: the child may go */
		return true;
	}
	if (forward->sm.state != FORWARD_CONNECTING && forward->sm.state != FORWARD_UP)
		return false;
	forward_lost(forward, down.down_class, down.reason, text, now_ns);
	wait_for_retry(forward, "DOWN");
	return true;
}

static bool frame_acks(struct forward *forward, const struct hal_child_event *event, int64_t now_ns)
{
	struct uplink_acks acks;
	if (!uplink_acks_decode(&acks, event->payload, event->len))
		return false;
	if (forward->sm.state != FORWARD_UP && forward->sm.state != FORWARD_ENDING)
		return false;
	return forward_take_acks(forward, &acks, now_ns);
}

static bool take_frame(struct forward *forward, const struct hal_child_event *event, int64_t now_ns)
{
	switch (event->type) {
	case UPLINK_UP:
		return frame_up(forward, event, now_ns);
	case UPLINK_DOWN:
		return frame_down(forward, event, now_ns);
	case UPLINK_ACKS:
		return frame_acks(forward, event, now_ns);
	default:
		return false;
	}
}

static void child_exited(struct forward *forward, const char *how, int64_t now_ns)
{
	char text[ERR_TEXT_MAX];
	int state = forward->sm.state;
	forward->child = 0;
	log_event(forward->log, LOG_CHILD_ENDED, "child=" CHILD_NAME ": %s", how);
	if (state == FORWARD_CONNECTING || state == FORWARD_UP) {
		(void)snprintf(text, sizeof text, "the uplink child ended by itself: %s", how);
		forward_lost(forward, UPLINK_DOWN_NETWORK, -1, text, now_ns);
		wait_for_retry(forward, how);
	} else if (state == FORWARD_ENDING) {
		window_lost(&forward->window, false, 0, now_ns);
		if (forward->stopping)
			sm_enter(&forward->sm, FORWARD_STOPPED, how);
		else
			wait_for_retry(forward, how);
	}
}

bool forward_owns(const struct forward *forward, hal_child child)
{
	return child != 0 && child == forward->child;
}

enum err forward_event(struct forward *forward, const struct hal_child_event *event, int64_t now_ns,
                       struct err_info *info)
{
	(void)info; /* the store is told in forward_step() */
	CHECK(forward_owns(forward, event->child));
	if (event->kind == HAL_CHILD_EXITED) {
		child_exited(forward, event->how, now_ns);
		return ERR_OK;
	}
	if (forward->sm.state == FORWARD_ENDING && forward->ending != FORWARD_END_ASKED)
		return ERR_OK;
	if (!take_frame(forward, event, now_ns)) {
		log_event(forward->log, LOG_CHILD_SPOKE_BADLY,
		          "child=" CHILD_NAME " type=%d bytes=%zu: not a frame that fits "
		          "state %s; it is ended and started anew",
		          event->type, event->len, sm_name(&forward->sm));
		if (forward->sm.state != FORWARD_ENDING)
			forward_lost(forward, UPLINK_DOWN_NETWORK, -1,
			             "the uplink child broke the protocol with the core", now_ns);
		forward_end_child(forward, "it broke the protocol", now_ns);
	}
	return ERR_OK;
}

/* ---- time ---- */

static void ask_to_end(struct forward *forward, int64_t now_ns)
{
	forward->ending = FORWARD_END_ASKED;
	forward->deadline_ns = now_ns + STOP_DISCONNECT_NS;
	if (hal_child_send(forward->hal, forward->child, UPLINK_DISCONNECT, NULL, 0) != ERR_OK)
		forward->deadline_ns = now_ns;
	sm_enter(&forward->sm, FORWARD_ENDING, "stopping");
}

static void step_waiting(struct forward *forward, int64_t now_ns)
{
	if (forward->stopping && forward->child == 0)
		sm_enter(&forward->sm, FORWARD_STOPPED, "stopping");
	else if (forward->stopping)
		forward_end_child(forward, "stopping", now_ns);
	else if (now_ns >= forward->deadline_ns)
		try_connect(forward, now_ns);
}

static void step_up(struct forward *forward, int64_t now_ns)
{
	int64_t timeout = forward->config->uplink.ack_timeout_ns;
	if (forward->stopping && (forward->window.count == 0 || now_ns >= forward->stop_ns)) {
		ask_to_end(forward, now_ns);
		return;
	}
	if (now_ns < forward->ack_check_ns)
		return;
	int64_t oldest = window_oldest_ns(&forward->window);
	if (oldest == INT64_MAX) {
		forward->ack_check_ns = now_ns + timeout;
	} else if (now_ns - oldest < timeout) {
		forward->ack_check_ns = oldest + timeout;
	} else {
		char text[ERR_TEXT_MAX];
		(void)snprintf(text, sizeof text,
		               "%s: no answer to a message for %u s (uplink.ack_timeout): the network is "
		               "half open or the "
		               "broker hangs; everything unanswered is sent again",
		               forward->endpoint, (unsigned)seconds(timeout));
		lost_and_end(forward, text, now_ns);
	}
}

static void step_ending(struct forward *forward, int64_t now_ns)
{
	if (now_ns < forward->deadline_ns)
		return;
	if (forward->ending == FORWARD_END_ASKED) {
		forward_end_child(forward, "stopping", now_ns);
	} else if (forward->ending == FORWARD_END_TERM) {
		log_event(forward->log, LOG_CHILD_KILLED, "child=" CHILD_NAME ": it does not end on SIGTERM");
		hal_child_signal(forward->hal, forward->child, HAL_SIGNAL_KILL);
		forward->ending = FORWARD_END_KILL;
		forward->deadline_ns = FORWARD_NEVER;
	}
}

static void step_connecting(struct forward *forward, int64_t now_ns)
{
	if (forward->stopping) {
		ask_to_end(forward, now_ns);
	} else if (now_ns >= forward->deadline_ns) {
		char text[ERR_TEXT_MAX];
		(void)snprintf(text, sizeof text,
		               "%s: the uplink child hangs in name resolution or connecting; check the "
		               "network, uplink.host "
		               "and the name servers of this machine",
		               forward->endpoint);
		lost_and_end(forward, text, now_ns);
	}
}

/* The next moment at which forward_send() may have a probe to send. */
static int64_t probe_due(const struct forward *forward)
{
	int64_t due = FORWARD_NEVER;
	for (int i = 0; i < store_stream_count(forward->store); i++) {
		const struct window_stream *stream =
		    &forward->window.streams[store_stream_at(forward->store, i)->id];
		if (stream->hold != WINDOW_FLOWS && stream->unanswered == 0 && stream->retry_ns < due)
			due = stream->retry_ns;
	}
	return due;
}

static int64_t next_deadline(const struct forward *forward, int64_t now_ns)
{
	int64_t due = forward->tell_ns;
	int64_t state_due = forward->deadline_ns;
	if (forward->sm.state == FORWARD_STOPPED)
		state_due = forward->stopping ? FORWARD_NEVER : now_ns;
	if (forward->sm.state == FORWARD_UP) {
		int64_t probe = probe_due(forward);
		/* Also when nothing is out: forward_send() comes after this. */
		state_due = forward->ack_check_ns;
		/* One that is past and was not sent waits for another's answer, which is an event. */
		if (probe > now_ns && probe < state_due)
			state_due = probe;
		if (forward->stopping && forward->stop_ns < state_due)
			state_due = forward->stop_ns;
	} else if (forward->outage == FORWARD_NO_OUTAGE && !forward->stopping) {
		int64_t outage = forward->down_ns + OUTAGE_NS;
		state_due = outage < state_due ? outage : state_due;
	}
	return state_due < due ? state_due : due;
}

enum err forward_step(struct forward *forward, int64_t now_ns, int64_t *deadline, struct err_info *info)
{
	if (forward->sm.state == FORWARD_STOPPED && !forward->stopping) {
		forward->deadline_ns = now_ns;
		sm_enter(&forward->sm, FORWARD_WAITING, "start");
	}
	switch ((enum forward_state)forward->sm.state) {
	case FORWARD_STOPPED:
		break;
	case FORWARD_WAITING:
		step_waiting(forward, now_ns);
		break;
	case FORWARD_CONNECTING:
		step_connecting(forward, now_ns);
		break;
	case FORWARD_UP:
		step_up(forward, now_ns);
		break;
	case FORWARD_ENDING:
		step_ending(forward, now_ns);
		break;
	}
	bool down = forward->sm.state != FORWARD_UP && !forward->stopping;
	if (down && forward->outage == FORWARD_NO_OUTAGE && now_ns - forward->down_ns >= OUTAGE_NS) {
		forward->outage = FORWARD_OUTAGE_DUE;
		if (forward->problem[0] == 0)
			(void)snprintf(forward->problem, sizeof forward->problem, "%s: not connected yet",
			               forward->endpoint);
		forward_tell_at(forward, now_ns);
	}
	if (forward->stopping && forward->tell_ns != FORWARD_NEVER)
		forward_tell_at(forward, now_ns); /* no more time to gather */
	enum err err = forward_tell(forward, now_ns, info);
	*deadline = next_deadline(forward, now_ns);
	return err;
}

void forward_rolled_back(struct forward *forward, int64_t now_ns)
{
	forward_tell_again(forward, now_ns + NS_PER_S);
}

void forward_stop(struct forward *forward, int64_t now_ns)
{
	if (forward->stopping)
		return;
	forward->stopping = true;
	forward->stop_ns = now_ns + STOP_DRAIN_NS;
}

bool forward_stopped(const struct forward *forward)
{
	return forward->sm.state == FORWARD_STOPPED && forward->tell_ns == FORWARD_NEVER;
}

bool forward_idle(const struct forward *forward)
{
	bool idle = forward->window.count == 0 && !forward->rewind_due;
	for (int i = 0; idle && i < store_stream_count(forward->store); i++) {
		const struct store_stream *stream = store_stream_at(forward->store, i);
		const struct window_stream *sent = &forward->window.streams[stream->id];
		idle = !sent->known || sent->acked >= stream->acked_sequence;
	}
	return idle;
}

void forward_status(const struct forward *forward, struct forward_status *status)
{
	const struct config_uplink *uplink = &forward->config->uplink;
	bool up = forward->sm.state == FORWARD_UP;
	*status = (struct forward_status){
	    .state = sm_name(&forward->sm),
	    .port = uplink->port,
	    .version = forward->connections > 0 ? forward->version : 0,
	    .retry_mono_ns = forward->sm.state == FORWARD_WAITING ? forward->deadline_ns : 0,
	    .window = up ? forward->window.limit : 0,
	    .in_flight = forward->window.count,
	    .sent = forward->sent,
	    .acked = forward->acked,
	    .connections = forward->connections,
	};
	(void)snprintf(status->host, sizeof status->host, "%s", uplink->host);
	(void)snprintf(status->tls, sizeof status->tls, "%s", up ? forward->tls : "");
	(void)snprintf(status->problem, sizeof status->problem, "%s", forward->problem);
	for (int i = 0; i < store_stream_count(forward->store); i++) {
		const struct store_stream *stream = store_stream_at(forward->store, i);
		const struct window_stream *held = &forward->window.streams[stream->id];
		if (held->hold == WINDOW_FLOWS || status->held_count == FORWARD_HELD_MAX)
			continue;
		status->held[status->held_count++] =
		    (struct forward_held){stream->id, held->acked + 1, held->reason, held->retry_ns};
	}
}
