/*
 * forward.c - the states of the uplink: child, events, deadlines, orderly end.
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
 * Tests: tests/unit/forward_test.c, tests/unit/forward_fault_test.c
 */
#include "connector/uplink/forward.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/broker.h"
#include "connector/uplink/forward_state.h"

#define TERM_NS (2 * NS_PER_S)
/* Shorter than the agent's own limit for stopping (5 s), so that the end is orderly. */
#define STOP_DRAIN_NS      (2 * NS_PER_S)
#define STOP_DISCONNECT_NS (1 * NS_PER_S)
#define OUTAGE_NS          (60 * NS_PER_S)
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

struct forward *forward_new(const struct forward_options *options, const struct forward_sink *sink)
{
	const struct config_uplink *uplink = &options->config->uplink;
	struct forward *forward = mem_alloc(sizeof *forward);
	forward->hal = options->hal;
	forward->log = options->log;
	forward->store = options->store;
	forward->config = options->config;
	forward->boot = options->boot;
	forward->sink = *sink;
	forward->subscribes = true;
	forward->retains = broker_retains(uplink);
	forward->rate_due_ns = FORWARD_NEVER;
	forward->version = uplink->version == CONFIG_MQTT_311 ? UPLINK_MQTT_311 : UPLINK_MQTT_5;
	forward->tell_ns = FORWARD_NEVER;
	forward->down_ns = hal_mono_ns(forward->hal);
	forward_choose_host(forward, 0);
	backoff_init(&forward->backoff, uplink->retry_min_ns, uplink->retry_max_ns);
	window_init(&forward->window, forward->hal, uplink->retry_min_ns, uplink->retry_max_ns);
	/* What is sent next may be as large as any: room for it is kept. */
	int64_t bytes_max = broker_profile_of(uplink->broker)->in_flight_bytes_max;
	if (bytes_max > 0)
		forward->window.bytes_max = bytes_max > uplink->message_bytes_max
		                                ? (uint64_t)(bytes_max - uplink->message_bytes_max)
		                                : 1;
	rate_init(&forward->rate, uplink->rate_messages, uplink->rate_bytes, forward->down_ns);
	share_init(&forward->share,
	           share_classes_of(forward->config) | 1u << CONFIG_STREAM_BULK); /* replays */
	batch_init(&forward->batch);
	buf_init(&forward->frame, FRAME_BYTES_MAX);
	buf_init(&forward->message, UPLINK_PAYLOAD_BYTES_MAX);
	sm_init(&forward->sm, states, sizeof states / sizeof states[0], FORWARD_STOPPED, "uplink",
	        forward->log);
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
	buf_release(&forward->message);
	batch_release(&forward->batch);
	free(forward);
}

/* ---- the end of the child ---- */

void forward_end_child(struct forward *forward, const char *why, int64_t now_ns)
{
	if (!forward->stopping)
		log_event(forward->log, LOG_CHILD_KILLED, "child=" FORWARD_CHILD ": %s", why);
	hal_child_signal(forward->hal, forward->child, HAL_SIGNAL_TERM);
	forward->ending = FORWARD_END_TERM;
	forward->deadline_ns = now_ns + TERM_NS;
	if (forward->sm.state != FORWARD_ENDING)
		sm_enter(&forward->sm, FORWARD_ENDING, why);
}

static void wait_for_retry(struct forward *forward, const char *why)
{
	forward->deadline_ns = forward->retry_ns;
	sm_enter(&forward->sm, FORWARD_WAITING, why);
}

/* ---- events of the child ---- */

static bool frame_up(struct forward *forward, const struct hal_child_event *event, int64_t now_ns)
{
	struct uplink_up up;
	if (!uplink_up_decode(&up, event->payload, event->len) || forward->sm.state != FORWARD_CONNECTING ||
	    up.version != forward->version)
		return false;
	forward_take_up(forward, &up, now_ns);
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

/* What the child's full queue does not take now is given back in a later step: a lost one would be missing for ever. */
static void give_back(struct forward *forward)
{
	while (forward->untaken > 0) {
		int count = forward->untaken < UPLINK_UNTAKEN_MAX ? forward->untaken : UPLINK_UNTAKEN_MAX;
		buf_clear(&forward->frame);
		uplink_taken_encode(&forward->frame, &(struct uplink_taken){.count = (uint16_t)count});
		if (hal_child_send(forward->hal, forward->child, UPLINK_TAKEN, forward->frame.data,
		                   forward->frame.len) != ERR_OK)
			return;
		forward->untaken -= count;
	}
}

/* Rule 12. The child gets its credit back whatever the sink says: what cannot be stored now is repeated by its sender,
 * who misses the answer. */
static bool frame_inbound(struct forward *forward, const struct hal_child_event *event, struct err_info *info,
                          enum err *err)
{
	struct uplink_inbound inbound;
	char prefix[UPLINK_TOPIC_BYTES_MAX + 1];
	if (!uplink_inbound_decode(&inbound, event->payload, event->len))
		return false;
	forward->inbound++;
	forward_topic(forward, "", NULL, prefix);
	size_t len = strlen(prefix);
	if (inbound.topic.len > len && memcmp(inbound.topic.data, prefix, len) == 0) {
		const struct span topic = {inbound.topic.data + len, inbound.topic.len - len};
		*err = forward->sink.begin(forward->sink.self, info);
		if (*err == ERR_OK)
			*err = forward->sink.inbound(forward->sink.self, topic, inbound.payload,
			                             inbound.retain != 0, info);
	}
	forward->untaken++;
	give_back(forward);
	return true;
}

static bool frame_dropped(struct forward *forward, const struct hal_child_event *event)
{
	struct uplink_dropped dropped;
	if (!uplink_dropped_decode(&dropped, event->payload, event->len))
		return false;
	forward->dropped += dropped.count;
	log_event(forward->log, LOG_INBOUND_DROPPED,
	          "topic=%.*s count=%u bytes=%" PRIu64 ": %s; who sent them gets no answer and repeats them",
	          (int)dropped.topic.len, dropped.topic.data, (unsigned)dropped.count, dropped.bytes,
	          dropped.why == UPLINK_DROPPED_NO_ROOM ? "more came than could be stored"
	                                                : "a message from the broker is over the limit");
	return true;
}

static bool take_frame(struct forward *forward, const struct hal_child_event *event, int64_t now_ns,
                       struct err_info *info, enum err *err)
{
	switch (event->type) {
	case UPLINK_MESSAGE:
		return frame_inbound(forward, event, info, err);
	case UPLINK_DROPPED:
		return frame_dropped(forward, event);
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
	forward->untaken = 0;
	log_event(forward->log, LOG_CHILD_ENDED, "child=" FORWARD_CHILD ": %s", how);
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
	enum err err = ERR_OK; /* of what came from the broker; of acks the store is told in forward_step() */
	CHECK(forward_owns(forward, event->child));
	if (event->kind == HAL_CHILD_EXITED) {
		child_exited(forward, event->how, now_ns);
		return ERR_OK;
	}
	if (forward->sm.state == FORWARD_ENDING && forward->ending != FORWARD_END_ASKED)
		return ERR_OK;
	if (!take_frame(forward, event, now_ns, info, &err)) {
		log_event(forward->log, LOG_CHILD_SPOKE_BADLY,
		          "child=" FORWARD_CHILD " type=%d bytes=%zu: not a frame that fits "
		          "state %s; it is ended and started anew",
		          event->type, event->len, sm_name(&forward->sm));
		if (forward->sm.state != FORWARD_ENDING)
			forward_lost(forward, UPLINK_DOWN_NETWORK, -1,
			             "the uplink child broke the protocol with the core", now_ns);
		forward_end_child(forward, "it broke the protocol", now_ns);
	}
	return err;
}

/* ---- time ---- */

static void ask_to_end(struct forward *forward, int64_t now_ns)
{
	forward_prompt_death(forward);
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
		forward_try_connect(forward, now_ns);
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
		               forward->endpoint, (unsigned)forward_seconds(timeout));
		forward_lost_and_end(forward, text, now_ns);
	}
}

static void step_ending(struct forward *forward, int64_t now_ns)
{
	if (now_ns < forward->deadline_ns)
		return;
	if (forward->ending == FORWARD_END_ASKED) {
		forward_end_child(forward, "stopping", now_ns);
	} else if (forward->ending == FORWARD_END_TERM) {
		log_event(forward->log, LOG_CHILD_KILLED,
		          "child=" FORWARD_CHILD ": it does not end on SIGTERM");
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
		forward_lost_and_end(forward, text, now_ns);
	}
}

/* The next moment at which forward_send() may have a probe to send. */
static int64_t probe_due(const struct forward *forward)
{
	int64_t due = forward->rate_due_ns;
	int streams = store_stream_count(forward->store);
	for (int i = 0; i < streams + 2; i++) {
		int id =
		    i < streams ? store_stream_at(forward->store, i)->id : WINDOW_LANE_MAIL + i - streams;
		const struct window_stream *stream = &forward->window.streams[id];
		if (stream->hold != WINDOW_FLOWS && stream->unanswered == 0 && stream->retry_ns < due)
			due = stream->retry_ns;
	}
	return due;
}

int64_t forward_deadline(const struct forward *forward, int64_t now_ns)
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
	give_back(forward);
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
	if (err == ERR_OK && forward->greet_due && forward->sm.state == FORWARD_UP && !forward->stopping) {
		err = forward->sink.greet(forward->sink.self, info);
		forward->greet_due = err != ERR_OK;
	}
	*deadline = forward_deadline(forward, now_ns);
	return err;
}

void forward_rolled_back(struct forward *forward, int64_t now_ns)
{
	forward_tell_again(forward, now_ns + NS_PER_S);
	forward_replay_rolled_back(forward);
	/* A stream that the transaction made is gone, and another one may be given its id. */
	memset(forward->rules, 0, sizeof forward->rules);
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

void forward_try_now(struct forward *forward, const struct store_stream *stream, int64_t now_ns)
{
	if (stream)
		forward->window.streams[stream->id].retry_ns = now_ns;
	else if (forward->sm.state == FORWARD_WAITING)
		forward->deadline_ns = now_ns;
}

enum err forward_pause(struct forward *forward, const char *name, bool resume, struct err_info *info)
{
	for (int i = 0; i < store_stream_count(forward->store); i++) {
		const struct store_stream *stream = store_stream_at(forward->store, i);
		if (strcmp(stream->name, name) == 0) {
			forward->paused[stream->id] = !resume;
			return ERR_OK;
		}
	}
	return err_set(info, ERR_NOT_FOUND, "there is no stream %s", name);
}

bool forward_idle(const struct forward *forward)
{
	bool idle = forward->window.count == 0 && !forward->rewind_due &&
	            store_replay_count(forward->store) == 0 &&
	            store_mail_next_id(forward->store) - 1 == store_mail_acked(forward->store);
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
	    .port = forward->host == 0 ? uplink->port : uplink->fallback_hosts[forward->host - 1].port,
	    .inbound = forward->inbound,
	    .dropped = forward->dropped,
	    .listens = up && forward->listens,
	    .version = forward->connections > 0 ? forward->version : 0,
	    .retry_mono_ns = forward->sm.state == FORWARD_WAITING ? forward->deadline_ns : 0,
	    .window = up ? forward->window.limit : 0,
	    .in_flight = forward->window.count,
	    .sent = forward->sent,
	    .acked = forward->acked,
	    .connections = forward->connections,
	};
	(void)snprintf(status->host, sizeof status->host, "%s",
	               forward->host == 0 ? uplink->host : uplink->fallback_hosts[forward->host - 1].host);
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
