/*
 * forward_lane.c - what can be sent: each stream's outbox, the mail, the replay; one lane of the window each.
 *
 * Why:   the pass over the window (forward_send.c) is the same for all; where the bytes come from is not.
 * Owns:  the replay that is under way, in memory; its place is the store's.
 * Rules: 1. A stream's lane counts sequences, the mail's its ids, the replay's what was sent again since the start.
 *        2. Only committed rows are read. A row that is missing where the heads say it is means a damaged store.
 *        3. A stream with batches sends as many events in one message as fit; a probe is one event, and so is one that
 *           waits alone.
 * Runs in: the core.
 * Tests: tests/unit/forward_send_test.c, tests/unit/forward_lane_test.c
 */
#include <inttypes.h>
#include <stdio.h>

#include "connector/uplink/forward_state.h"
#include "connector/uplink/stream_name.h"

#define CONTENT_TYPE_EVENT "application/cloudevents+json; charset=utf-8"
#define CONTENT_TYPE_JSON  "application/json; charset=utf-8"
#define CONTENT_TYPE_NOTE  "text/plain; charset=utf-8"

int forward_lane_count(const struct forward *forward)
{
	return store_stream_count(forward->store) + 2;
}

const struct config_stream_rule *forward_rule(struct forward *forward, const struct store_stream *stream)
{
	if (!forward->rules[stream->id])
		forward->rules[stream->id] = stream_name_rule(forward->config, span_of(stream->name));
	return forward->rules[stream->id];
}

static void replay_lane(struct forward *forward, struct forward_lane *lane)
{
	const struct forward_replay *replay = &forward->replay;
	bool goes_on = replay->active && !replay->cut;
	*lane = (struct forward_lane){
	    .id = WINDOW_LANE_REPLAY,
	    .class_ = CONFIG_STREAM_BULK,
	    .acked = replay->done,
	    .committed = goes_on ? replay->base + replay->job.to - replay->job.next + 1 : replay->base,
	    .batch = 1,
	};
}

void forward_lane_at(struct forward *forward, int index, struct forward_lane *lane)
{
	int streams = store_stream_count(forward->store);
	if (index == streams + 1) {
		replay_lane(forward, lane);
	} else if (index == streams) {
		/* Of the highest class that occurs: a class of its own would keep places free on every site. */
		bool immediate = forward->share.classes & 1u << CONFIG_STREAM_IMMEDIATE;
		*lane = (struct forward_lane){.id = WINDOW_LANE_MAIL,
		                              .class_ =
		                                  immediate ? CONFIG_STREAM_IMMEDIATE : CONFIG_STREAM_NORMAL,
		                              .acked = store_mail_acked(forward->store),
		                              .committed = store_mail_committed(forward->store),
		                              .batch = 1};
	} else {
		const struct store_stream *stream = store_stream_at(forward->store, index);
		const struct config_stream_rule *rule = forward_rule(forward, stream);
		*lane = (struct forward_lane){.id = stream->id,
		                              .stream = stream,
		                              .class_ = rule->class_,
		                              .acked = stream->acked_sequence,
		                              .committed = stream->committed_sequence,
		                              .batch = rule->batch > 1 ? rule->batch : 1};
	}
}

void forward_topic(const struct forward *forward, const char *kind, const char *stream,
                   char topic[UPLINK_TOPIC_BYTES_MAX + 1])
{
	int len = snprintf(topic, UPLINK_TOPIC_BYTES_MAX + 1, "tp1/%s/%s/%s%s%s", forward->config->tenant,
	                   forward->config->gateway, kind, stream ? "/" : "", stream ? stream : "");
	CHECK(len > 0 && len <= UPLINK_TOPIC_BYTES_MAX);
}

/* ---- handing to the child ---- */

/* false: the child's queue is full, or the rate is used up for now. */
static bool publish(struct forward *forward, const struct forward_lane *lane, struct span topic,
                    const char *content_type, struct span payload, int run, int64_t now_ns)
{
	if (!rate_take(&forward->rate, topic.len + payload.len, now_ns)) {
		forward->rate_due_ns = rate_ready_ns(&forward->rate, now_ns);
		forward->blocked = true;
		return false;
	}
	const struct uplink_publish message = {
	    .token = window_token(lane->id, forward->window.streams[lane->id].next),
	    .qos = 1,
	    .topic = topic,
	    .content_type = span_of(content_type),
	    .payload = payload,
	};
	buf_clear(&forward->frame);
	uplink_publish_encode(&forward->frame, &message);
	CHECK(buf_ok(&forward->frame));
	if (hal_child_send(forward->hal, forward->child, UPLINK_PUBLISH, forward->frame.data,
	                   forward->frame.len) != ERR_OK) {
		forward->blocked = true;
		return false;
	}
	window_sent(&forward->window, lane->id, run, payload.len, now_ns);
	forward->sent += (uint64_t)run;
	return true;
}

/* One lane's share of a pass. */
struct pass {
	struct forward *forward;
	const struct forward_lane *lane;
	struct span topic;
	int64_t now_ns;
	int64_t left; /* messages */
	int64_t rows; /* events, where a lane has batches */
	int sent;     /* messages */
	bool gap;     /* the next row is not the next one of the lane */
	struct err_info *info;
	enum err err;
};

static bool pass_goes_on(const struct pass *pass)
{
	return pass->left > 0 && window_room(&pass->forward->window) > 0;
}

static void count_sent(struct pass *pass)
{
	pass->sent++;
	pass->left--;
}

/* ---- streams ---- */

static bool send_batch(struct pass *pass)
{
	struct forward *forward = pass->forward;
	int64_t first = forward->window.streams[pass->lane->id].next;
	int count = forward->batch.count;
	if (count == 0)
		return true;
	buf_clear(&forward->message);
	pass->err = batch_write(&forward->batch, pass->lane->stream, first, hal_wall_ns(forward->hal),
	                        &forward->message, pass->info);
	batch_clear(&forward->batch);
	if (pass->err != ERR_OK)
		return false;
	if (!publish(forward, pass->lane, pass->topic, CONTENT_TYPE_EVENT, buf_span(&forward->message), count,
	             pass->now_ns))
		return false;
	count_sent(pass);
	return pass_goes_on(pass);
}

static bool visit_row(void *self, const struct store_outbox_row *row)
{
	struct pass *pass = self;
	struct forward *forward = pass->forward;
	int64_t next = forward->window.streams[pass->lane->id].next + forward->batch.count;
	if (row->sequence != next || row->event.len > UPLINK_PAYLOAD_BYTES_MAX) {
		pass->gap = true;
		return false;
	}
	bool alone = pass->rows == 1 && forward->batch.count == 0;
	if (alone || pass->lane->batch == 1) {
		if (!publish(forward, pass->lane, pass->topic, CONTENT_TYPE_EVENT, row->event, 1,
		             pass->now_ns))
			return false;
		count_sent(pass);
		return pass_goes_on(pass) && !alone;
	}
	size_t limit = (size_t)forward->config->uplink.message_bytes_max;
	if (!batch_add(&forward->batch, row->event, limit) &&
	    (!send_batch(pass) || !batch_add(&forward->batch, row->event, limit)))
		return false;
	pass->rows--;
	if (forward->batch.count == pass->lane->batch || pass->rows == 0)
		return send_batch(pass) && pass->rows > 0;
	return true;
}

static enum err send_stream(struct pass *pass, int64_t waiting, struct err_info *info)
{
	struct forward *forward = pass->forward;
	const struct store_stream *stream = pass->lane->stream;
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	forward_topic(forward, "up/post", stream->name, topic);
	pass->topic = span_of(topic);
	pass->rows = waiting;
	batch_clear(&forward->batch);
	int64_t next = forward->window.streams[stream->id].next;
	enum err err = store_outbox_read(forward->store, stream->id, next - 1, visit_row, pass, info);
	if (err == ERR_OK && pass->err == ERR_OK && !pass->gap && forward->batch.count > 0 &&
	    !forward->blocked && pass_goes_on(pass))
		(void)send_batch(pass);
	batch_clear(&forward->batch);
	if (err != ERR_OK || pass->err != ERR_OK)
		return err != ERR_OK ? err : pass->err;
	if (pass->gap || (pass->sent == 0 && !forward->blocked))
		return err_set(info, ERR_CORRUPT,
		               "the outbox of stream %s has no sequence %" PRId64
		               " though it was recorded; the store must be salvaged",
		               stream->name, forward->window.streams[stream->id].next);
	return ERR_OK;
}

/* ---- mail ---- */

static bool visit_mail(void *self, int64_t id, struct span suffix, struct span payload)
{
	struct pass *pass = self;
	struct forward *forward = pass->forward;
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	char kind[UPLINK_TOPIC_BYTES_MAX];
	if (id != forward->window.streams[pass->lane->id].next || !text_copy(kind, sizeof kind, suffix)) {
		pass->gap = true;
		return false;
	}
	forward_topic(forward, kind, NULL, topic);
	bool json = payload.len > 0 && payload.data[0] == '{';
	if (!publish(forward, pass->lane, span_of(topic), json ? CONTENT_TYPE_JSON : CONTENT_TYPE_NOTE,
	             payload, 1, pass->now_ns))
		return false;
	count_sent(pass);
	return pass_goes_on(pass);
}

static enum err send_mail(struct pass *pass, struct err_info *info)
{
	struct forward *forward = pass->forward;
	int64_t next = forward->window.streams[WINDOW_LANE_MAIL].next;
	enum err err = store_mail_read(forward->store, next - 1, visit_mail, pass, info);
	if (err == ERR_OK && (pass->gap || (pass->sent == 0 && !forward->blocked)))
		return err_set(info, ERR_CORRUPT,
		               "the mail has no message %" PRId64
		               " though it was recorded; the store must be salvaged",
		               next);
	return err;
}

/* ---- replay ---- */

static bool visit_replay(void *self, const struct store_outbox_row *row)
{
	struct pass *pass = self;
	struct forward *forward = pass->forward;
	const struct forward_replay *replay = &forward->replay;
	int64_t next = replay->job.next + forward->window.streams[WINDOW_LANE_REPLAY].next - 1 - replay->base;
	if (row->sequence != next) {
		pass->gap = true;
		return false;
	}
	if (!publish(forward, pass->lane, pass->topic, CONTENT_TYPE_EVENT, row->event, 1, pass->now_ns))
		return false;
	count_sent(pass);
	return pass_goes_on(pass);
}

static enum err send_replay(struct pass *pass, struct err_info *info)
{
	struct forward *forward = pass->forward;
	const struct forward_replay *replay = &forward->replay;
	const struct store_stream *stream = store_stream_by_id(forward->store, replay->job.stream);
	char topic[UPLINK_TOPIC_BYTES_MAX + 1];
	CHECK(replay->active && stream != NULL);
	forward_topic(forward, "up/replay", stream->name, topic);
	pass->topic = span_of(topic);
	int64_t from = replay->job.next + forward->window.streams[WINDOW_LANE_REPLAY].next - 1 - replay->base;
	/* Retention may have overtaken it: what is gone is skipped, and told at the end. */
	int64_t first = store_outbox_first(forward->store, stream->id);
	if (from < first || replay->job.epoch != stream->epoch) {
		forward->replay.cut = true;
		forward_tell_at(forward, pass->now_ns);
		return ERR_OK;
	}
	enum err err =
	    store_outbox_range(forward->store, stream->id, from, replay->job.to, visit_replay, pass, info);
	if (err == ERR_OK && (pass->gap || (pass->sent == 0 && !forward->blocked)))
		return err_set(info, ERR_CORRUPT,
		               "the outbox of stream %s has no sequence %" PRId64
		               " to send again; the store must be salvaged",
		               stream->name, from);
	return err;
}

enum err forward_lane_send(struct forward *forward, const struct forward_lane *lane, int64_t messages,
                           int64_t waiting, int64_t now_ns, int *sent, struct err_info *info)
{
	struct pass pass = {
	    .forward = forward, .lane = lane, .now_ns = now_ns, .left = messages, .info = info};
	enum err err;
	if (lane->id == WINDOW_LANE_MAIL)
		err = send_mail(&pass, info);
	else if (lane->id == WINDOW_LANE_REPLAY)
		err = send_replay(&pass, info);
	else
		err = send_stream(&pass, waiting, info);
	*sent = pass.sent;
	return err;
}
