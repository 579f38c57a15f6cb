/*
 * forward_fixture.h - the world of the forwarding machine, small: a clock that is set, a child that is
 * scripted, a store of numbers.
 *
 * Why:   forward_test.c and forward_send_test.c show decisions; with a real store and child they would show
 *        less, slower.
 * Owns:  one struct world a test. It defines the store functions that forwarding calls: a test program
 *        includes it in one file and links no store.
 * Rules: 1. Entropy is scripted: world.random is drawn each time (back-off waits random modulo cap + 1).
 *        2. Events are written as "{stream}:{sequence}", so that a test sees what was sent; with world.chained they
 *           have a chain value before it, as a batch wants them.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_FORWARD_FIXTURE_H
#define TWINPOST_FORWARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/uplink/forward.h"
#include "connector/uplink/uplink_protocol.h"
#include "store_forward/mail.h"
#include "store_forward/replay.h"

#define STREAMS  4
#define SENT_MAX 4096
#define TOLD_MAX 256
#define SECOND   NS_PER_S

struct sent_message {
	uint64_t token;
	int stream;
	int64_t sequence;
	char topic[64];
};

/* The last CONNECT, and the last message that was handed to the child. */
struct last_connect {
	char host[64];
	int port;
	int subscription_count;
	char filters[2][64];
	char will_topic[64];
	char will_payload[256];
	int will_retain;
};

struct last_publish {
	uint64_t token;
	int qos, retain;
	char topic[64];
	char content_type[64];
	size_t len;
	char payload[UPLINK_PAYLOAD_BYTES_MAX + 1];
};

struct world {
	struct hal hal; /* first */
	int64_t now;
	uint64_t random;
	hal_child child; /* living, 0: none */
	hal_child child_last;
	bool spawn_fails;
	bool queue_full;
	int terms, kills, connects, disconnects, spawns;
	uint8_t connect_version;
	struct last_connect connect;
	struct last_publish publish;
	int taken;             /* messages of the broker that the child may forget */
	int prompts;           /* beside the lanes, all topics */
	uint8_t subscribed[2]; /* what the next UP says of the filters */
	bool no_retain;        /* ... and of retained messages */
	struct sent_message sent[SENT_MAX];
	int sent_count;
	/* store */
	struct store_stream streams[STREAMS];
	int stream_count;
	int64_t missing;    /* this sequence of stream 1 is not in the outbox */
	size_t event_bytes; /* 0: as rule 2 */
	bool chained;
	bool in_transaction;
	int acknowledges;
	uint8_t session_present;             /* in the next UP */
	int64_t acknowledged_since[STREAMS]; /* what store_acknowledged_since() gives */
	int64_t since_ns;                    /* what it was asked for, last */
	int64_t acknowledged_last;           /* what store_acknowledged_last() gives */
	bool since_fails;                    /* for stream 2 */
	int64_t pruned[STREAMS];
	int64_t mail_last;  /* id of the newest mail */
	int64_t mail_acked; /* every one up to it is done */
	struct store_replay replays[4];
	int replay_count;
	/* sink */
	bool store_fails;
	int begins;
	int greetings;
	bool inbound_fails;
	int deaths;                /* prompts on up/state */
	char told[TOLD_MAX][1100]; /* "raise rule key: text" or "clear rule key" */
	int told_count;
	struct config config;
	struct forward *forward;
	int64_t deadline;
};

static inline struct world *world_of_store(struct store *store)
{
	return (struct world *)store;
}

/* ---- store ---- */

bool store_in_transaction(const struct store *store)
{
	return ((const struct world *)store)->in_transaction;
}

/* The chain value is the sequence, 64 digits of it. */
static inline struct span world_event(const struct world *world, int stream, int64_t sequence, char text[160])
{
	int len = world->chained ? snprintf(text, 160, "{\"chainhash\":\"%064d\",\"n\":\"%d:%d\"}",
	                                    (int)sequence, stream, (int)sequence)
	                         : snprintf(text, 160, "%d:%d", stream, (int)sequence);
	return (struct span){text, (size_t)len};
}

int store_stream_count(const struct store *store)
{
	return ((const struct world *)store)->stream_count;
}

const struct store_stream *store_stream_at(const struct store *store, int index)
{
	return &((const struct world *)store)->streams[index];
}

enum err store_outbox_read(struct store *store, int stream, int64_t after, store_outbox_visitor visit,
                           void *self, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	for (int64_t s = after + 1; s <= world->streams[stream - 1].committed_sequence; s++) {
		char text[160];
		static char large[UPLINK_PAYLOAD_BYTES_MAX];
		if ((stream == 1 && s == world->missing) || s <= world->pruned[stream - 1])
			continue;
		struct store_outbox_row row = {.sequence = s, .event = world_event(world, stream, s, text)};
		if (world->event_bytes)
			row.event = (struct span){large, world->event_bytes};
		if (!visit(self, &row))
			break;
	}
	return ERR_OK;
}

enum err store_acknowledged_since(struct store *store, int stream, int64_t since_ns, int64_t *sequence,
                                  struct err_info *info)
{
	struct world *world = world_of_store(store);
	if (world->since_fails && stream == 2)
		return err_set(info, ERR_IO, "cannot be read");
	world->since_ns = since_ns;
	*sequence = world->acknowledged_since[stream - 1];
	return ERR_OK;
}

enum err store_acknowledged_last(struct store *store, int64_t now_ns, int64_t *at_ns, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	assert_int_equal(now_ns, world->now);
	*at_ns = world->acknowledged_last;
	return ERR_OK;
}

int64_t store_outbox_first(const struct store *store, int stream)
{
	return ((const struct world *)store)->pruned[stream - 1] + 1;
}

enum err store_acknowledge(struct store *store, int stream, int64_t sequence, int64_t now_ns,
                           struct err_info *info)
{
	struct world *world = world_of_store(store);
	struct store_stream *entry = &world->streams[stream - 1];
	(void)now_ns;
	(void)info;
	assert_true(sequence > entry->acked_sequence && sequence <= entry->committed_sequence);
	entry->acked_sequence = sequence;
	world->acknowledges++;
	return ERR_OK;
}

/* A mail's payload is "mail:{id}", its topic up/exc. */
enum err store_mail_read(struct store *store, int64_t after, store_mail_visitor visit, void *self,
                         struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	for (int64_t id = after + 1; id <= world->mail_last; id++) {
		char text[64];
		int len = snprintf(text, sizeof text, "mail:%d", (int)id);
		if (!visit(self, id, SPAN_LITERAL("up/exc"), (struct span){text, (size_t)len}))
			break;
	}
	return ERR_OK;
}

enum err store_mail_done(struct store *store, int64_t upto, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	assert_true(upto > world->mail_acked && upto <= world->mail_last);
	world->mail_acked = upto;
	return ERR_OK;
}

int64_t store_mail_next_id(const struct store *store)
{
	return ((const struct world *)store)->mail_last + 1;
}

int64_t store_mail_committed(const struct store *store)
{
	return ((const struct world *)store)->mail_last;
}

int64_t store_mail_acked(const struct store *store)
{
	return ((const struct world *)store)->mail_acked;
}

int store_replay_count(const struct store *store)
{
	return ((const struct world *)store)->replay_count;
}

enum err store_replay_first(struct store *store, struct store_replay *replay, struct err_info *info)
{
	struct world *world = world_of_store(store);
	if (world->replay_count == 0)
		return err_set(info, ERR_NOT_FOUND, "no replay waits");
	*replay = world->replays[0];
	return ERR_OK;
}

enum err store_replay_advance(struct store *store, int64_t id, int64_t next, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	assert_true(world->replay_count > 0 && world->replays[0].id == id &&
	            next <= world->replays[0].to + 1);
	world->replays[0].next = next;
	return ERR_OK;
}

enum err store_replay_end(struct store *store, int64_t id, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	assert_true(world->replay_count > 0 && world->replays[0].id == id);
	world->replay_count--;
	memmove(&world->replays[0], &world->replays[1],
	        (size_t)world->replay_count * sizeof world->replays[0]);
	return ERR_OK;
}

const struct store_stream *store_stream_by_id(const struct store *store, int id)
{
	return &((const struct world *)store)->streams[id - 1];
}

enum err store_outbox_range(struct store *store, int stream, int64_t from, int64_t to,
                            store_outbox_visitor visit, void *self, struct err_info *info)
{
	struct world *world = world_of_store(store);
	(void)info;
	for (int64_t s = from; s <= to && s <= world->streams[stream - 1].committed_sequence; s++) {
		char text[160];
		struct store_outbox_row row = {.sequence = s, .event = world_event(world, stream, s, text)};
		if (!visit(self, &row))
			break;
	}
	return ERR_OK;
}

/* ---- sink ---- */

static inline enum err sink_begin(void *self, struct err_info *info)
{
	struct world *world = self;
	world->begins++;
	return world->store_fails ? err_set(info, ERR_FULL, "full") : ERR_OK;
}

static inline enum err sink_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	assert_true(world->told_count < TOLD_MAX);
	assert_true(span_equal(exception->source, SPAN_LITERAL("uplink")));
	(void)snprintf(world->told[world->told_count++], sizeof world->told[0], "raise %.*s %.*s: %.*s",
	               (int)exception->rule.len, exception->rule.data, (int)exception->key.len,
	               exception->key.data, (int)exception->text.len, exception->text.data);
	return ERR_OK;
}

static inline enum err sink_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	assert_true(world->told_count < TOLD_MAX);
	(void)snprintf(world->told[world->told_count++], sizeof world->told[0], "clear %s %s", rule, key);
	return ERR_OK;
}

static inline enum err sink_greet(void *self, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	world->greetings++;
	return ERR_OK;
}

static inline enum err sink_inbound(void *self, struct span topic, struct span payload, bool retained,
                                    struct err_info *info)
{
	struct world *world = self;
	if (world->inbound_fails)
		return err_set(info, ERR_FULL, "full");
	assert_true(world->told_count < TOLD_MAX);
	(void)snprintf(world->told[world->told_count++], sizeof world->told[0], "inbound%s %.*s %.*s",
	               retained ? " retained" : "", (int)topic.len, topic.data, (int)payload.len,
	               payload.data);
	return ERR_OK;
}

static inline enum err sink_acknowledged(void *self, const struct store_stream *stream, struct err_info *info)
{
	(void)self, (void)stream, (void)info;
	return ERR_OK;
}

static inline enum err sink_replayed(void *self, const char *command, bool whole, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	assert_true(world->told_count < TOLD_MAX);
	(void)snprintf(world->told[world->told_count++], sizeof world->told[0], "replayed %s %s", command,
	               whole ? "whole" : "cut");
	return ERR_OK;
}

/* ---- hal ---- */

static inline int64_t world_now(struct hal *hal)
{
	return ((struct world *)hal)->now;
}

static inline void world_entropy(struct hal *hal, void *bytes, size_t len)
{
	assert_int_equal(len, sizeof(uint64_t));
	memcpy(bytes, &((struct world *)hal)->random, len);
}

static inline enum err world_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                                   struct err_info *info)
{
	struct world *world = (struct world *)hal;
	assert_int_equal(role, HAL_ROLE_UPLINK);
	assert_string_equal(name, "uplink");
	assert_int_equal(world->child, 0);
	if (world->spawn_fails)
		return err_set(info, ERR_IO, "no process can be started");
	world->spawns++;
	*child = world->child = ++world->child_last;
	return ERR_OK;
}

static inline void note_publish(struct world *world, const void *payload, size_t len)
{
	struct uplink_publish publish;
	assert_true(uplink_publish_decode(&publish, payload, len));
	struct last_publish *last = &world->publish;
	last->token = publish.token;
	last->qos = publish.qos;
	last->retain = publish.retain;
	last->len = publish.payload.len;
	assert_true(text_copy(last->topic, sizeof last->topic, publish.topic));
	assert_true(text_copy(last->content_type, sizeof last->content_type, publish.content_type));
	memcpy(last->payload, publish.payload.data, last->len);
	last->payload[last->len] = 0;
	if (publish.token >= UINT64_MAX - 1) { /* a prompt: beside the lanes */
		world->prompts++;
		world->deaths += strstr(last->payload, "\"kind\":\"death\"") != NULL;
		return;
	}
	assert_true(world->sent_count < SENT_MAX && publish.qos == 1 && publish.retain == 0);
	struct sent_message *sent = &world->sent[world->sent_count++];
	sent->token = publish.token;
	sent->stream = (int)(publish.token >> 40);
	sent->sequence = (int64_t)(publish.token & ((UINT64_C(1) << 40) - 1));
	assert_true(text_copy(sent->topic, sizeof sent->topic, publish.topic));
	if (!world->event_bytes && sent->stream <= STREAMS && !strstr(last->payload, "data_base64")) {
		char text[160];
		assert_true(
		    span_equal(publish.payload, world_event(world, sent->stream, sent->sequence, text)));
	}
}

static inline void note_connect(struct world *world, const struct uplink_connect *connect)
{
	struct last_connect *last = &world->connect;
	last->port = connect->port;
	last->will_retain = connect->will_retain;
	last->subscription_count = connect->subscription_count;
	assert_true(connect->subscription_count <= 2);
	for (int i = 0; i < connect->subscription_count; i++)
		assert_true(text_copy(last->filters[i], sizeof last->filters[i], connect->subscriptions[i]));
	assert_true(text_copy(last->host, sizeof last->host, connect->host));
	assert_true(text_copy(last->will_topic, sizeof last->will_topic, connect->will_topic));
	assert_true(text_copy(last->will_payload, sizeof last->will_payload, connect->will_payload));
	world->connect_version = connect->version;
	world->connects++;
}

static inline enum err world_send(struct hal *hal, hal_child child, uint8_t type, const void *payload,
                                  size_t len)
{
	struct world *world = (struct world *)hal;
	struct uplink_connect connect;
	struct uplink_taken taken;
	if (child != world->child)
		return ERR_GONE;
	if (world->queue_full)
		return ERR_AGAIN;
	switch (type) {
	case UPLINK_CONNECT:
		assert_true(uplink_connect_decode(&connect, payload, len));
		note_connect(world, &connect);
		break;
	case UPLINK_DISCONNECT:
		world->disconnects++;
		break;
	case UPLINK_TAKEN:
		assert_true(uplink_taken_decode(&taken, payload, len));
		world->taken += taken.count;
		break;
	default:
		assert_int_equal(type, UPLINK_PUBLISH);
		note_publish(world, payload, len);
	}
	return ERR_OK;
}

static inline void world_signal(struct hal *hal, hal_child child, enum hal_signal signal)
{
	struct world *world = (struct world *)hal;
	if (child != world->child)
		return;
	world->terms += signal == HAL_SIGNAL_TERM;
	world->kills += signal == HAL_SIGNAL_KILL;
}

static const struct hal_ops world_ops = {
    .mono_ns = world_now,
    .wall_ns = world_now,
    .entropy = world_entropy,
    .child_spawn = world_spawn,
    .child_send = world_send,
    .child_signal = world_signal,
};

/* ---- steering ---- */

static inline void world_set_text(char *to, size_t size, const char *text)
{
	assert_true(text_copy(to, size, span_of(text)));
}

/* Streams "a", "b", "c", "d" with nothing in them; in_flight 16, retry 1 s to 60 s, timeouts 20 s. change (NULL: none)
 * is made to the configuration before the machine sees it. */
static inline void world_init_with(struct world *world, void (*change)(struct config *config))
{
	static const struct forward_sink sink = {NULL,       sink_begin,   sink_raise,        sink_clear,
	                                         sink_greet, sink_inbound, sink_acknowledged, sink_replayed};
	memset(world, 0, sizeof *world);
	world->hal.ops = &world_ops;
	world->now = 1000 * SECOND;
	world->random = (uint64_t)SECOND / 2;
	world->stream_count = STREAMS;
	for (int i = 0; i < STREAMS; i++) {
		world->streams[i].id = i + 1;
		world->streams[i].next_sequence = 1;
		world->streams[i].name[0] = (char)('a' + i);
	}
	struct config *config = &world->config;
	world_set_text(config->tenant, sizeof config->tenant, "acme");
	world_set_text(config->gateway, sizeof config->gateway, "gw1");
	struct config_uplink *uplink = &config->uplink;
	world_set_text(uplink->host, sizeof uplink->host, "broker");
	world_set_text(uplink->client_id, sizeof uplink->client_id, "acme-gw1");
	world_set_text(uplink->ca_file, sizeof uplink->ca_file, "/ca.crt");
	uplink->port = 8883;
	uplink->keepalive_ns = 30 * SECOND;
	uplink->connect_timeout_ns = 20 * SECOND;
	uplink->ack_timeout_ns = 20 * SECOND;
	uplink->retry_min_ns = 1 * SECOND;
	uplink->retry_max_ns = 60 * SECOND;
	uplink->in_flight = 16;
	uplink->message_bytes_max = 60000;
	uplink->no_subscriber = CONFIG_NO_SUBSCRIBER_HOLD;
	if (change)
		change(config);
	struct forward_sink own = sink;
	own.self = world;
	const struct forward_options options = {&world->hal, NULL, (struct store *)world, config,
	                                        "00112233445566778899aabbccddeeff"};
	world->forward = forward_new(&options, &own);
}

static inline void world_init(struct world *world)
{
	world_init_with(world, NULL);
}

static inline void world_release(struct world *world)
{
	forward_free(world->forward);
}

/* Rows up to sequence last are committed. */
static inline void commit_rows(struct world *world, int stream, int64_t last)
{
	world->streams[stream - 1].committed_sequence = last;
	world->streams[stream - 1].next_sequence = last + 1;
}

/* What the agent does: step, then send. Checks that the machine never asks to be called at once for ever. */
static inline void step(struct world *world)
{
	struct err_info info;
	for (int i = 0;; i++) {
		assert_true(i < 5);
		assert_int_equal(forward_step(world->forward, world->now, &world->deadline, &info), ERR_OK);
		assert_int_equal(forward_send(world->forward, world->now, &info), ERR_OK);
		int64_t due = forward_deadline(world->forward, world->now);
		world->deadline = due < world->deadline ? due : world->deadline;
		if (world->deadline > world->now)
			break;
	}
}

static inline void step_at(struct world *world, int64_t at)
{
	world->now = at;
	step(world);
}

/* To the machine's own next deadline. */
static inline void step_next(struct world *world)
{
	assert_true(world->deadline != INT64_MAX);
	step_at(world, world->deadline > world->now ? world->deadline : world->now);
}

static inline void child_frame(struct world *world, uint8_t type, struct buf *buf)
{
	struct err_info info;
	const struct hal_child_event event = {.kind = HAL_CHILD_FRAME,
	                                      .child = world->child,
	                                      .type = type,
	                                      .payload = buf->data,
	                                      .len = buf->len};
	assert_true(forward_owns(world->forward, world->child));
	assert_int_equal(forward_event(world->forward, &event, world->now, &info), ERR_OK);
	buf_release(buf);
}

static inline void child_up_with(struct world *world, uint16_t receive_max)
{
	struct buf buf;
	const struct uplink_up up = {.version = world->connect_version,
	                             .session_present = world->session_present,
	                             .receive_max = receive_max,
	                             .retain_available = !world->no_retain,
	                             .subscription_count = (uint8_t)world->connect.subscription_count,
	                             .subscriptions = {world->subscribed[0], world->subscribed[1]},
	                             .tls = SPAN_LITERAL("TLSv1.3")};
	buf_init(&buf, 4096);
	uplink_up_encode(&buf, &up);
	child_frame(world, UPLINK_UP, &buf);
}

static inline void child_down(struct world *world, enum uplink_down_class down_class, int reason)
{
	struct buf buf;
	const struct uplink_down down = {(uint8_t)down_class, reason, SPAN_LITERAL("broker:8883: so it was")};
	buf_init(&buf, 4096);
	uplink_down_encode(&buf, &down);
	child_frame(world, UPLINK_DOWN, &buf);
}

static inline void child_answer(struct world *world, uint64_t token, uint8_t reason)
{
	static struct uplink_acks acks;
	struct buf buf;
	acks.count = 1;
	acks.acks[0] = (struct uplink_ack){token, reason};
	buf_init(&buf, 4096);
	uplink_acks_encode(&buf, &acks);
	child_frame(world, UPLINK_ACKS, &buf);
}

static inline void child_ack(struct world *world, int stream, int64_t sequence, uint8_t reason)
{
	child_answer(world, (uint64_t)stream << 40 | (uint64_t)sequence, reason);
}

static inline void child_message(struct world *world, const char *topic, const char *text, bool retained)
{
	struct buf buf;
	const struct uplink_inbound inbound = {1, retained, span_of(topic), span_of(text)};
	buf_init(&buf, 4096);
	uplink_inbound_encode(&buf, &inbound);
	child_frame(world, UPLINK_MESSAGE, &buf);
}

static inline void child_exit(struct world *world)
{
	struct err_info info;
	const struct hal_child_event event = {
	    .kind = HAL_CHILD_EXITED, .child = world->child, .how = "killed by signal 15"};
	world->child = 0;
	assert_int_equal(forward_event(world->forward, &event, world->now, &info), ERR_OK);
}

/* Step, CONNECT, UP, step. */
static inline void bring_up(struct world *world)
{
	int connects = world->connects;
	for (int i = 0; world->connects == connects; i++) {
		assert_true(i < 10);
		if (i > 0)
			step_next(world);
		else
			step(world);
	}
	child_up_with(world, 65535);
	step(world);
}

static inline const char *state_of(const struct world *world)
{
	static struct forward_status status;
	forward_status(world->forward, &status);
	return status.state;
}

/* How many things told begin so. */
static inline int told(const struct world *world, const char *begin)
{
	int count = 0;
	for (int i = 0; i < world->told_count; i++)
		count += strncmp(world->told[i], begin, strlen(begin)) == 0;
	return count;
}

/* What was sent from index on, as "1:1 1:2 2:1". */
static inline const char *sent_from(const struct world *world, int index)
{
	static char text[SENT_MAX * 8];
	size_t used = 0;
	text[0] = 0;
	for (int i = index; i < world->sent_count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%d:%d", i > index ? " " : "",
		                         world->sent[i].stream, (int)world->sent[i].sequence);
	return text;
}

#endif
