/*
 * forward_tell.c - what the store and people are told: acknowledged sequences, held streams, an uplink that
 * is down.
 *
 * Why:   acks and exceptions belong into the core's transactions, a few times a second and not once a
 *        message.
 * Owns:  nothing beyond struct forward.
 * Rules: 1. One store_acknowledge a stream and telling.
 *        2. What is told is compared with what was told before: nothing is raised twice for one trouble.
 *        3. After a rollback all of it is told again; raising and clearing again does no harm.
 *        4. At the first good ack of a stream, and the first UP, since start, exceptions of an earlier run
 *           are cleared.
 * Faults: a store that cannot be written: told again a second later, never in a loop.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c, tests/unit/forward_fault_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/uplink/forward_state.h"
#include "connector/uplink/reason.h"

/* A suspect and a quota are told once they have lasted so many tries: until then they may pass by
 *                                                                     themselves. */
#define SUSPECT_TRIES 2
#define PASSING_TRIES 5
#define SINK_TEXT_MAX 800
/* The keys of exceptions beside the streams': no stream's name has a slash. */
#define MAIL_KEY   "up/mail"
#define REPLAY_KEY "up/replay"

void forward_tell_at(struct forward *forward, int64_t at_ns)
{
	if (at_ns < forward->tell_ns)
		forward->tell_ns = at_ns;
}

static void lane_again(struct forward *forward, int id)
{
	struct forward_told *told = &forward->told[id];
	bool clean = forward->window.streams[id].hold == WINDOW_FLOWS;
	told->clear_due = clean && (told->clear_due || told->cleared_once);
	told->raised = false;
}

void forward_tell_again(struct forward *forward, int64_t at_ns)
{
	for (int i = 0; i < store_stream_count(forward->store); i++)
		lane_again(forward, store_stream_at(forward->store, i)->id);
	lane_again(forward, WINDOW_LANE_MAIL);
	lane_again(forward, WINDOW_LANE_REPLAY);
	bool up = forward->sm.state == FORWARD_UP;
	forward->outage_clear_due = up && forward->outage_cleared_once;
	if (forward->outage == FORWARD_OUTAGE_TOLD)
		forward->outage = FORWARD_OUTAGE_DUE;
	forward->tell_ns = at_ns;
}

static const char *rule_of(enum window_hold hold)
{
	switch (hold) {
	case WINDOW_NO_SUBSCRIBER:
		return "uplink-no-subscriber";
	case WINDOW_TOO_LARGE:
		return "uplink-too-large";
	default:
		return "uplink-refused";
	}
}

static bool is_to_be_raised(const struct window_stream *stream)
{
	switch (stream->hold) {
	case WINDOW_FLOWS:
		return false;
	case WINDOW_SUSPECT:
		return stream->tries >= SUSPECT_TRIES;
	case WINDOW_PASSING:
		return stream->tries >= PASSING_TRIES;
	default:
		return true;
	}
}

static void hold_text(const struct forward *forward, const struct store_stream *stream, char *text,
                      size_t size)
{
	const struct window_stream *held = &forward->window.streams[stream->id];
	const struct config *config = forward->config;
	const struct reason *reason = reason_of(held->reason);
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	(void)snprintf(topic, sizeof topic, "tp1/%s/%s/up/post/%s", config->tenant, config->gateway,
	               stream->name);
	int64_t sequence = held->acked + 1;
	if (held->hold == WINDOW_SUSPECT)
		(void)snprintf(text, size,
		               "the connection ends each time sequence %" PRId64
		               " is published on %s (reason 0x%02x, %s): the "
		               "broker may not allow the topic or the size; look at its log; the stream "
		               "waits, others go on",
		               sequence, topic, held->reason, held->reason ? reason->words : "none given");
	else if (held->reason == REASON_NOT_AUTHORISED)
		(void)snprintf(
		    text, size,
		    "the broker refuses %s: not authorised (0x87); allow client %s to publish there in the "
		    "broker's access list; the stream waits at sequence %" PRId64 ", others go on",
		    topic, config->uplink.client_id, sequence);
	else if (held->hold == WINDOW_NO_SUBSCRIBER)
		(void)snprintf(text, size,
		               "nobody subscribes to %s (0x10) and the broker throws its messages away; "
		               "start the subscriber, "
		               "or set uplink.no_subscriber to accept; the stream waits at sequence %" PRId64,
		               topic, sequence);
	else
		(void)snprintf(text, size,
		               "the broker refuses sequence %" PRId64
		               " on %s: %s (0x%02x); %s; the stream waits, others go on",
		               sequence, topic, reason->words, held->reason, reason->advice);
}

static enum err raise(struct forward *forward, const char *rule, const char *key, const char *text,
                      struct err_info *info)
{
	int64_t wall = hal_wall_ns(forward->hal);
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = SPAN_LITERAL("uplink"),
	    .key = span_of(key),
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	return forward->sink.raise(forward->sink.self, &exception, info);
}

static enum err tell_hold(struct forward *forward, const struct store_stream *stream, struct err_info *info)
{
	struct forward_told *told = &forward->told[stream->id];
	const struct window_stream *held = &forward->window.streams[stream->id];
	char text[SINK_TEXT_MAX];
	hold_text(forward, stream, text, sizeof text);
	log_event(forward->log, LOG_UPLINK_REFUSED, "stream=%s reason=0x%02x: %s", stream->name, held->reason,
	          text);
	enum err err = ERR_OK;
	if (told->raised && strcmp(rule_of(told->hold), rule_of(held->hold)) != 0)
		err = forward->sink.clear(forward->sink.self, rule_of(told->hold), stream->name, info);
	if (err == ERR_OK)
		err = raise(forward, rule_of(held->hold), stream->name, text, info);
	if (err == ERR_OK)
		*told = (struct forward_told){.raised = true, .hold = held->hold, .cleared_once = true};
	return err;
}

static enum err tell_stream(struct forward *forward, const struct store_stream *stream, struct err_info *info)
{
	struct forward_told *told = &forward->told[stream->id];
	const struct window_stream *state = &forward->window.streams[stream->id];
	enum err err = ERR_OK;
	if (!state->known)
		return ERR_OK;
	bool advanced = state->acked > stream->acked_sequence;
	if (advanced)
		err = store_acknowledge(forward->store, stream->id, state->acked, hal_wall_ns(forward->hal),
		                        info);
	if (err == ERR_OK && advanced)
		err = forward->sink.acknowledged(forward->sink.self, stream, info);
	if (err == ERR_OK && is_to_be_raised(state) && (!told->raised || told->hold != state->hold))
		return tell_hold(forward, stream, info);
	bool clear = told->clear_due || told->raised || (advanced && !told->cleared_once);
	if (err == ERR_OK && state->hold == WINDOW_FLOWS && clear) {
		err = forward->sink.clear(forward->sink.self, "", stream->name, info);
		if (err == ERR_OK)
			*told = (struct forward_told){.cleared_once = true};
	}
	return err;
}

/* A lane beside the streams: while it is held its exception stands. text: said where it is to be raised. */
static enum err tell_beside(struct forward *forward, int lane, const char *key, const char *text,
                            bool advanced, struct err_info *info)
{
	struct forward_told *told = &forward->told[lane];
	const struct window_stream *state = &forward->window.streams[lane];
	enum err err = ERR_OK;
	if (is_to_be_raised(state) && !told->raised) {
		log_event(forward->log, LOG_UPLINK_REFUSED, "stream=%s reason=0x%02x: %s", key, state->reason,
		          text);
		err = raise(forward, "uplink-refused", key, text, info);
		told->raised = err == ERR_OK;
	} else if (state->hold == WINDOW_FLOWS &&
	           (told->clear_due || told->raised || (advanced && !told->cleared_once))) {
		err = forward->sink.clear(forward->sink.self, "", key, info);
		if (err == ERR_OK)
			*told = (struct forward_told){.cleared_once = true};
	}
	return err;
}

/* What was answered of the mail is deleted; one that the broker refuses holds it, and is told of. */
static enum err tell_mail(struct forward *forward, struct err_info *info)
{
	const struct window_stream *state = &forward->window.streams[WINDOW_LANE_MAIL];
	char text[SINK_TEXT_MAX];
	enum err err = ERR_OK;
	if (!state->known)
		return ERR_OK;
	bool advanced = state->acked > store_mail_acked(forward->store);
	if (advanced)
		err = store_mail_done(forward->store, state->acked, info);
	if (err != ERR_OK)
		return err;
	(void)snprintf(
	    text, sizeof text,
	    "the broker refuses what is sent beside the postings (checkpoints, exceptions, results; "
	    "message %" PRId64
	    "): %s (0x%02x); allow client %s to publish below tp1/%s/%s/up/; postings go on",
	    state->acked + 1, reason_of(state->reason)->words, state->reason,
	    forward->config->uplink.client_id, forward->config->tenant, forward->config->gateway);
	return tell_beside(forward, WINDOW_LANE_MAIL, MAIL_KEY, text, advanced, info);
}

/* A replay that the broker refuses holds those behind it as well. */
static enum err tell_replay(struct forward *forward, struct err_info *info)
{
	const struct window_stream *state = &forward->window.streams[WINDOW_LANE_REPLAY];
	char text[SINK_TEXT_MAX];
	bool advanced = forward->replay.active && state->acked > forward->replay.done;
	enum err err = forward_replay_tell(forward, info);
	if (err != ERR_OK || !state->known)
		return err;
	(void)snprintf(text, sizeof text,
	               "the broker refuses what is sent again on request: %s (0x%02x); allow client %s to "
	               "publish below tp1/%s/%s/up/replay/; the replays wait, postings go on",
	               reason_of(state->reason)->words, state->reason, forward->config->uplink.client_id,
	               forward->config->tenant, forward->config->gateway);
	return tell_beside(forward, WINDOW_LANE_REPLAY, REPLAY_KEY, text, advanced, info);
}

/* Rule 3 of forward_connect.c. */
static enum err tell_outage(struct forward *forward, struct err_info *info)
{
	char key[CONFIG_PATH_MAX + 8];
	enum err err = ERR_OK;
	(void)snprintf(key, sizeof key, "%s:%d", forward->config->uplink.host, forward->config->uplink.port);
	if (forward->outage_clear_due) {
		err = forward->sink.clear(forward->sink.self, "uplink-down", key, info);
		if (err == ERR_OK)
			forward->outage_clear_due = false;
	}
	if (err == ERR_OK && forward->outage == FORWARD_OUTAGE_DUE) {
		err = raise(forward, "uplink-down", key, forward->problem, info);
		if (err == ERR_OK)
			forward->outage = FORWARD_OUTAGE_TOLD;
	}
	return err;
}

enum err forward_tell(struct forward *forward, int64_t now_ns, struct err_info *info)
{
	if (now_ns < forward->tell_ns)
		return ERR_OK;
	enum err err = forward->sink.begin(forward->sink.self, info);
	if (err == ERR_OK)
		err = tell_outage(forward, info);
	for (int i = 0; err == ERR_OK && i < store_stream_count(forward->store); i++)
		err = tell_stream(forward, store_stream_at(forward->store, i), info);
	if (err == ERR_OK)
		err = tell_mail(forward, info);
	if (err == ERR_OK)
		err = tell_replay(forward, info);
	forward->tell_ns = err == ERR_OK ? FORWARD_NEVER : now_ns + NS_PER_S;
	return err;
}
