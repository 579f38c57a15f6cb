/*
 * forward_send.c - which lane sends next, and what the answers mean.
 *
 * Why:   see forward.h, rules 1 to 5, 10 and 12.
 * Owns:  nothing beyond struct forward.
 * Rules: 1. A pass asks every lane once; the share (share.h) says who sends and how much, by class and in turn.
 *        2. Within a pass a stream is read once, in order; what does not fit waits for the next pass.
 *        3. The rate limits end a pass; forward_step() gives the moment at which there is room again.
 * Faults: a row that is missing though its sequence was given goes up: the store is salvaged.
 * Runs in: the core.
 * Tests: tests/unit/forward_send_test.c
 */
#include <inttypes.h>
#include <stdio.h>

#include "connector/uplink/forward_state.h"
#include "connector/uplink/reason.h"

/* Acks are gathered for so long before the store is told: one row of the ack history instead of many. */
#define ACK_GATHER_NS (20 * NS_PER_MS)

/* How much of the lane could be sent now, not counting the window's own room. */
static int64_t sendable(struct forward *forward, const struct forward_lane *lane, int64_t now_ns)
{
	window_learn(&forward->window, lane->id, lane->acked);
	if (lane->stream && forward->paused[lane->id])
		return 0;
	if (lane->stream) {
		/* Retention may have deleted what was to be sent again; what was never acknowledged it leaves. */
		int64_t first = store_outbox_first(forward->store, lane->id);
		CHECK(first - 1 <= lane->acked);
		if (forward->window.streams[lane->id].next < first) {
			if (!window_skip(&forward->window, lane->id, first))
				return 0;
			forward_tell_at(forward, now_ns);
		}
	}
	return window_sendable(&forward->window, lane->id, lane->committed, now_ns);
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

/* One pass. *sent: how many messages in all. */
static enum err one_pass(struct forward *forward, int64_t now_ns, int *sent, struct err_info *info)
{
	int count = 0;
	int held[SHARE_CLASSES] = {0};
	struct forward_lane lane;
	*sent = 0;
	for (int i = 0; i < forward_lane_count(forward); i++) {
		forward_lane_at(forward, i, &lane);
		int64_t waiting = sendable(forward, &lane, now_ns);
		held[lane.class_] += window_held(&forward->window, lane.id);
		if (waiting == 0)
			continue;
		forward->lane_index[count] = i;
		forward->share_streams[count++] =
		    (struct share_stream){lane.id, lane.class_, (waiting + lane.batch - 1) / lane.batch};
	}
	if (count == 0)
		return ERR_OK;
	share_begin(&forward->share, forward->window.limit, window_room(&forward->window), held,
	            forward->share_streams, count);
	int most;
	int next;
	enum err err = ERR_OK;
	while (err == ERR_OK && !forward->blocked && window_room(&forward->window) > 0 &&
	       (next = share_next(&forward->share, &most)) >= 0) {
		int sent_now = 0;
		forward_lane_at(forward, forward->lane_index[next], &lane);
		/* Fewer may have become sendable: what was sent of the lane in this pass is no longer waiting. */
		int64_t waiting = sendable(forward, &lane, now_ns);
		if (waiting > 0)
			err = forward_lane_send(forward, &lane, most, waiting, now_ns, &sent_now, info);
		share_sent(&forward->share, next, sent_now);
		*sent += sent_now;
	}
	return err;
}

enum err forward_send(struct forward *forward, int64_t now_ns, struct err_info *info)
{
	if (forward->sm.state != FORWARD_UP || forward->stopping)
		return ERR_OK;
	forward->blocked = false;
	forward->rate_due_ns = FORWARD_NEVER;
	enum err err = forward->rewind_due ? rewind_streams(forward, info) : ERR_OK;
	if (err == ERR_OK)
		err = forward_replay_begin(forward, info);
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
		if (forward_prompt_answer(forward, ack->token, ack->reason))
			continue;
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
