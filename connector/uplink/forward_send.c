/*
 * forward_send.c - rows from the store to the child, and the answers back.
 *
 * Why:   see forward.h, rules 1 to 5.
 * Owns:  nothing beyond struct forward.
 * Rules: 1. Rows go from the store's page to the child's queue without a copy of their own in between but the
 *           frame.
 *        2. A pass gives each stream that has something to send its even share of the free places, at least
 *           one; the pass after it begins one stream later.
 *        3. A full queue of the child ends the sending until the next call: answers will come and wake the
 *           core.
 * Faults: a missing or damaged row is ERR_CORRUPT and goes up: the store is salvaged.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#include <inttypes.h>
#include <stdio.h>

#include "connector/uplink/forward_state.h"
#include "connector/uplink/reason.h"

#define CONTENT_TYPE "application/cloudevents+json; charset=utf-8"
/* Acks are gathered for so long before the store is told: one row of the ack history instead of many. */
#define ACK_GATHER_NS (20 * NS_PER_MS)

/* One stream's share of a pass. */
struct pass {
	struct forward *forward;
	const struct store_stream *stream;
	struct span topic;
	int64_t now_ns;
	int64_t left;
	int sent;
	bool gap; /* the next row is not the next sequence */
};

static bool visit_row(void *self, const struct store_outbox_row *row)
{
	struct pass *pass = self;
	struct forward *forward = pass->forward;
	if (row->sequence != forward->window.streams[pass->stream->id].next ||
	    row->event.len > UPLINK_PAYLOAD_BYTES_MAX) {
		pass->gap = true;
		return false;
	}
	const struct uplink_publish publish = {
	    .token = window_token(pass->stream->id, row->sequence),
	    .qos = 1,
	    .topic = pass->topic,
	    .content_type = SPAN_LITERAL(CONTENT_TYPE),
	    .payload = row->event,
	};
	buf_clear(&forward->frame);
	uplink_publish_encode(&forward->frame, &publish);
	CHECK(buf_ok(&forward->frame));
	enum err err = hal_child_send(forward->hal, forward->child, UPLINK_PUBLISH, forward->frame.data,
	                              forward->frame.len);
	if (err != ERR_OK) {
		forward->blocked = true;
		return false;
	}
	window_sent(&forward->window, pass->stream->id, 1, row->event.len, pass->now_ns);
	forward->sent++;
	pass->sent++;
	pass->left--;
	return pass->left > 0 && window_room(&forward->window) > 0;
}

static enum err send_stream(struct forward *forward, const struct store_stream *stream, int64_t share,
                            int64_t now_ns, int *sent, struct err_info *info)
{
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	int len = snprintf(topic, sizeof topic, "tp1/%s/%s/up/post/%s", forward->config->tenant,
	                   forward->config->gateway, stream->name);
	CHECK(len > 0 && len <= UPLINK_TOPIC_BYTES_MAX);
	struct pass pass = {
	    .forward = forward,
	    .stream = stream,
	    .topic = {topic, (size_t)len},
	    .now_ns = now_ns,
	    .left = share,
	};
	int64_t next = forward->window.streams[stream->id].next;
	enum err err = store_outbox_read(forward->store, stream->id, next - 1, visit_row, &pass, info);
	*sent = pass.sent;
	if (err == ERR_OK && (pass.gap || (pass.sent == 0 && !forward->blocked)))
		return err_set(info, ERR_CORRUPT,
		               "the outbox of stream %s has no sequence %" PRId64
		               " though it was recorded; the store must "
		               "be salvaged",
		               stream->name, forward->window.streams[stream->id].next);
	return err;
}

static int64_t sendable(struct forward *forward, const struct store_stream *stream, int64_t now_ns)
{
	window_learn(&forward->window, stream->id, stream->acked_sequence);
	/* Retention may have deleted what was to be sent again; what was never acknowledged it leaves. */
	int64_t first = store_outbox_first(forward->store, stream->id);
	CHECK(first - 1 <= stream->acked_sequence);
	if (forward->window.streams[stream->id].next < first) {
		if (!window_skip(&forward->window, stream->id, first))
			return 0;
		forward_tell_at(forward, now_ns);
	}
	return window_sendable(&forward->window, stream->id, stream->committed_sequence, now_ns);
}

/* A broker that forgot our session may have forgotten messages that it had acknowledged and not passed on: what it took
 * within uplink.resend before its last answer goes out again, in order. A subscriber drops what it has (same sequence,
 * same bytes). The last answer counts, not this moment: an outage may be longer than uplink.resend, and the program may
 * have been started anew in it. */
static enum err rewind_streams(struct forward *forward, struct err_info *info)
{
	int64_t resend = forward->config->uplink.resend_ns;
	int64_t now_wall = hal_wall_ns(forward->hal);
	int64_t last = 0;
	enum err err = ERR_OK;
	if (resend > 0)
		err = store_acknowledged_last(forward->store, now_wall, &last, info);
	int64_t since = (last > 0 ? last : now_wall) - resend;
	for (int i = 0; err == ERR_OK && resend > 0 && i < store_stream_count(forward->store); i++) {
		const struct store_stream *stream = store_stream_at(forward->store, i);
		int64_t sequence = 0;
		window_learn(&forward->window, stream->id, stream->acked_sequence);
		err = store_acknowledged_since(forward->store, stream->id, since, &sequence, info);
		if (err == ERR_OK && sequence > 0 && sequence <= forward->window.streams[stream->id].acked)
			window_rewind(&forward->window, stream->id, sequence - 1);
	}
	if (err == ERR_OK)
		forward->rewind_due = false;
	return err;
}

/* Rule 2. *sent: how many messages in all. */
static enum err one_pass(struct forward *forward, int64_t now_ns, int *sent, struct err_info *info)
{
	int count = store_stream_count(forward->store);
	int active = 0;
	*sent = 0;
	for (int i = 0; i < count; i++)
		active += sendable(forward, store_stream_at(forward->store, i), now_ns) > 0;
	if (active == 0)
		return ERR_OK;
	int64_t share = window_room(&forward->window) / active;
	int first = forward->turn;
	for (int i = 0; i < count && window_room(&forward->window) > 0 && !forward->blocked; i++) {
		int index = (first + i) % count;
		const struct store_stream *stream = store_stream_at(forward->store, index);
		int64_t waiting = sendable(forward, stream, now_ns);
		if (waiting == 0)
			continue;
		int64_t most = share > 0 ? share : 1;
		int sent_now = 0;
		enum err err =
		    send_stream(forward, stream, waiting < most ? waiting : most, now_ns, &sent_now, info);
		if (err != ERR_OK)
			return err;
		*sent += sent_now;
		forward->turn = (index + 1) % count;
	}
	return ERR_OK;
}

enum err forward_send(struct forward *forward, int64_t now_ns, struct err_info *info)
{
	if (forward->sm.state != FORWARD_UP || forward->stopping)
		return ERR_OK;
	forward->blocked = false;
	enum err err = forward->rewind_due ? rewind_streams(forward, info) : ERR_OK;
	int sent = 1;
	while (err == ERR_OK && sent > 0 && !forward->blocked && window_room(&forward->window) > 0)
		err = one_pass(forward, now_ns, &sent, info);
	return err;
}

static enum window_hold hold_of(const struct forward *forward, uint8_t reason)
{
	if (reason == REASON_NO_SUBSCRIBER &&
	    forward->config->uplink.no_subscriber == CONFIG_NO_SUBSCRIBER_HOLD)
		return WINDOW_NO_SUBSCRIBER;
	if (reason < REASON_UNSPECIFIED)
		return WINDOW_FLOWS;
	if (reason == REASON_PACKET_TOO_LARGE)
		return WINDOW_TOO_LARGE;
	return reason_of(reason)->transient ? WINDOW_PASSING : WINDOW_REFUSED;
}

bool forward_take_acks(struct forward *forward, const struct uplink_acks *acks, int64_t now_ns)
{
	for (int i = 0; i < acks->count; i++) {
		const struct uplink_ack *ack = &acks->acks[i];
		enum window_hold hold = hold_of(forward, ack->reason);
		switch (window_take(&forward->window, ack->token, hold, ack->reason, now_ns)) {
		case WINDOW_UNKNOWN:
			return false;
		case WINDOW_GOOD:
			forward->acked++;
			backoff_reset(&forward->backoff);
			forward_tell_at(forward, now_ns + ACK_GATHER_NS);
			break;
		case WINDOW_HELD:
			forward_tell_at(forward, now_ns);
			break;
		}
	}
	return true;
}
