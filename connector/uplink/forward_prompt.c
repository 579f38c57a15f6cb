/*
 * forward_prompt.c - messages that are worth something only now: birth, heartbeat, death, counters.
 *
 * Why:   they are made anew at each connection, so they need no store, no window and no second try.
 * Owns:  nothing.
 * Rules: 1. A prompt goes out at once or not at all; the next heartbeat tells the same again. One of QoS 1 takes a
 *           place of the window until it is answered: the broker counts it too.
 *        2. Its answer is taken from the child and counts for nothing, but a refusal is logged once a connection.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#include "connector/uplink/forward_state.h"
#include "connector/uplink/presence.h"
#include "connector/uplink/reason.h"

bool forward_prompt_fits(const struct forward *forward)
{
	int64_t now_ns = hal_mono_ns(forward->hal);
	return forward->sm.state == FORWARD_UP && window_room(&forward->window) > 0 &&
	       rate_ready_ns(&forward->rate, now_ns) <= now_ns;
}

bool forward_prompt(struct forward *forward, const char *kind, struct span payload, uint8_t qos, bool retain)
{
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	if (forward->sm.state != FORWARD_UP || payload.len > UPLINK_PAYLOAD_BYTES_MAX ||
	    (qos > 0 && window_room(&forward->window) == 0) ||
	    !rate_take(&forward->rate, payload.len, hal_mono_ns(forward->hal)))
		return false;
	forward_topic(forward, kind, NULL, topic);
	const struct uplink_publish message = {
	    .token = qos > 0 ? FORWARD_PROMPT_TOKEN : FORWARD_PROMPT_TOKEN_0,
	    .qos = qos,
	    .retain = retain && forward->retains,
	    .topic = span_of(topic),
	    .content_type = SPAN_LITERAL("application/json; charset=utf-8"),
	    .payload = payload,
	};
	buf_clear(&forward->frame);
	uplink_publish_encode(&forward->frame, &message);
	CHECK(buf_ok(&forward->frame));
	if (hal_child_send(forward->hal, forward->child, UPLINK_PUBLISH, forward->frame.data,
	                   forward->frame.len) != ERR_OK)
		return false;
	forward->window.beside += qos > 0;
	return true;
}

bool forward_prompt_answer(struct forward *forward, uint64_t token, uint8_t reason)
{
	if (token != FORWARD_PROMPT_TOKEN && token != FORWARD_PROMPT_TOKEN_0)
		return false;
	if (token == FORWARD_PROMPT_TOKEN && forward->window.beside > 0)
		forward->window.beside--;
	if (reason < REASON_UNSPECIFIED || forward->prompt_refused)
		return true;
	forward->prompt_refused = true;
	log_event(forward->log, LOG_UPLINK_REFUSED,
	          "endpoint=%s reason=0x%02x: the broker refuses up/state or up/metric (%s); allow client %s "
	          "to publish "
	          "there, or subscribers will not see whether this gateway lives",
	          forward->endpoint, reason, reason_of(reason)->words, forward->config->uplink.client_id);
	return true;
}

void forward_prompt_death(struct forward *forward)
{
	buf_clear(&forward->message);
	presence_death(&forward->message, forward->boot, PRESENCE_STOPPED, hal_wall_ns(forward->hal));
	(void)forward_prompt(forward, "up/state", buf_span(&forward->message), 1, true);
}
