/*
 * cloud_test.c - what faces the cloud as one part: births, heartbeats, commands that last, the orderly end.
 *
 * Why:   the parts are shown apart; what only their composition does is shown here.
 * Owns:  struct sky: a store, a cloud on it, and an uplink child that writes down what it is told.
 * Rules: tick() does what the agent does: step, commit, send.
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "connector/uplink/birth_note.h"
#include "connector/uplink/uplink_protocol.h"
#include "firmware/cloud.h"

#define CHILD ((hal_child)7)

struct told_message {
	char topic[80];
	int qos, retain;
	uint64_t token;
	char *payload;
};

struct sky {
	struct bench *bench; /* its notary and keys are closed: the cloud has its own */
	struct hal_ops ops;
	struct cloud *cloud;
	struct cloud_keys keys;
	struct key_pair *commander;
	uint8_t version;
	bool connected;
	struct told_message told[64];
	int told_count;
	char asked[256];
};

/* The one that runs: struct hal has no place for it. */
static struct sky *sky_now;

static enum err spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                      struct err_info *info)
{
	(void)hal, (void)role, (void)name, (void)info;
	*child = CHILD;
	return ERR_OK;
}

static enum err take(struct hal *hal, hal_child child, uint8_t type, const void *payload, size_t len)
{
	struct sky *sky = sky_now;
	struct uplink_connect connect;
	struct uplink_publish publish;
	(void)hal, (void)child;
	if (type == UPLINK_CONNECT) {
		assert_true(uplink_connect_decode(&connect, payload, len));
		sky->version = connect.version;
	} else if (type == UPLINK_PUBLISH) {
		assert_true(uplink_publish_decode(&publish, payload, len));
		assert_true(sky->told_count < 64);
		struct told_message *told = &sky->told[sky->told_count++];
		*told = (struct told_message){
		    .qos = publish.qos, .retain = publish.retain, .token = publish.token};
		assert_true(text_copy(told->topic, sizeof told->topic, publish.topic));
		told->payload = strndup(publish.payload.data, publish.payload.len);
	}
	return ERR_OK;
}

static enum err begin(void *self, struct err_info *info)
{
	struct sky *sky = self;
	struct store *store = sky->bench->store.store;
	return store_in_transaction(store) ? ERR_OK : store_begin(store, info);
}

static enum err pause_source(void *self, const char *source, bool resume, struct err_info *info)
{
	struct sky *sky = self;
	size_t used = strlen(sky->asked);
	(void)snprintf(sky->asked + used, sizeof sky->asked - used, "%s %s; ", resume ? "resume" : "pause",
	               source);
	return strcmp(source, "erp") == 0 ? ERR_OK
	                                  : err_set(info, ERR_NOT_FOUND, "there is no source %s", source);
}

static enum err sweep(void *self, const char *source, struct err_info *info)
{
	(void)self, (void)source, (void)info;
	return ERR_OK;
}

static enum err moved(void *self, const char *source, struct span subject, int64_t revision,
                      struct err_info *info)
{
	(void)self, (void)source, (void)subject, (void)revision, (void)info;
	return ERR_OK;
}

static void open_cloud(struct sky *sky)
{
	struct bench *bench = sky->bench;
	const struct cloud_sink sink = {sky, begin, pause_source, sweep, moved, NULL, NULL, NULL};
	const struct cloud_options options = {&bench->store.hal.hal, NULL,       bench->store.store,
	                                      &bench->config,        &sky->keys, "0.3.0"};
	bench->store.hal.hal.ops = &sky->ops;
	recorder_init(&bench->recorder, options.hal, NULL, bench->store.store, &bench->config, NULL);
	bench_must(bench, cloud_new(&options, &bench->recorder, &sink, &sky->cloud, &bench->info));
	bench_must(bench, cloud_restore_pauses(sky->cloud, &bench->info));
}

static void commit(struct sky *sky)
{
	struct bench *bench = sky->bench;
	bench_must(bench, cloud_before_commit(sky->cloud, &bench->info));
	bench_must(bench, store_commit(bench->store.store, &bench->info));
	bench_must(bench, cloud_committed(sky->cloud, &bench->info));
}

static void tick(struct sky *sky)
{
	struct bench *bench = sky->bench;
	int64_t deadline = INT64_MAX;
	int64_t now = bench->store.hal.mono_ns;
	bench_must(bench, cloud_step(sky->cloud, now, true, &deadline, &bench->info));
	if (store_in_transaction(bench->store.store))
		commit(sky);
	bench_must(bench, cloud_send(sky->cloud, now, &deadline, &bench->info));
}

static void pass(struct sky *sky, int64_t ns)
{
	sky->bench->store.hal.mono_ns += ns;
	sky->bench->store.hal.wall_ns += ns;
	tick(sky);
}

static void frame(struct sky *sky, uint8_t type, struct buf *buf)
{
	const struct hal_child_event event = {
	    .kind = HAL_CHILD_FRAME, .child = CHILD, .type = type, .payload = buf->data, .len = buf->len};
	bench_must(sky->bench,
	           cloud_event(sky->cloud, &event, sky->bench->store.hal.mono_ns, &sky->bench->info));
	buf_release(buf);
}

/* Everything that was published is answered. */
static void answer_all(struct sky *sky)
{
	static struct uplink_acks acks;
	struct buf buf;
	acks.count = 0;
	for (int i = 0; i < sky->told_count; i++) {
		if (sky->told[i].qos > 0)
			acks.acks[acks.count++] = (struct uplink_ack){sky->told[i].token, 0};
		sky->told[i].qos = 0;
	}
	if (acks.count == 0)
		return;
	buf_init(&buf, 4096);
	uplink_acks_encode(&buf, &acks);
	frame(sky, UPLINK_ACKS, &buf);
	pass(sky, 20 * NS_PER_MS);
}

static void connect_with(struct sky *sky, uint16_t receive_max)
{
	struct buf buf;
	tick(sky);
	const struct uplink_up up = {.version = sky->version,
	                             .receive_max = receive_max,
	                             .retain_available = 1,
	                             .subscription_count = 2,
	                             .session_present = 1};
	buf_init(&buf, 4096);
	uplink_up_encode(&buf, &up);
	frame(sky, UPLINK_UP, &buf);
	tick(sky);
}

/* The last message on the topic with this in it, since message `from`; NULL: none. */
static const struct told_message *find(const struct sky *sky, int from, const char *topic, const char *part)
{
	for (int i = sky->told_count - 1; i >= from; i--) {
		if (strcmp(sky->told[i].topic, topic) == 0 && strstr(sky->told[i].payload, part))
			return &sky->told[i];
	}
	return NULL;
}

static int set_up(void **state)
{
	struct sky *sky = calloc(1, sizeof *sky);
	assert_non_null(sky);
	sky->bench = bench_new();
	bench_close(sky->bench);
	struct config_uplink *uplink = &sky->bench->config.uplink;
	assert_true(text_copy(uplink->host, sizeof uplink->host, SPAN_LITERAL("broker")));
	assert_true(text_copy(uplink->client_id, sizeof uplink->client_id, SPAN_LITERAL("acme-gw-1")));
	assert_true(text_copy(uplink->ca_file, sizeof uplink->ca_file, SPAN_LITERAL("/ca.crt")));
	uplink->port = 8883;
	uplink->keepalive_ns = uplink->connect_timeout_ns = uplink->ack_timeout_ns = 600 * NS_PER_S;
	uplink->retry_min_ns = NS_PER_S;
	uplink->retry_max_ns = 60 * NS_PER_S;
	uplink->heartbeat_ns = 60 * NS_PER_S;
	uplink->checkpoint_period_ns = 3600 * NS_PER_S;
	uplink->in_flight = 16;
	sky->ops = *sky->bench->store.hal.hal.ops;
	sky->ops.child_spawn = spawn;
	sky->ops.child_send = take;
	sky->commander = key_pair_generate(&sky->bench->store.hal.hal);
	memcpy(sky->keys.command[0], key_pair_public(sky->commander).data, PUBLIC_KEY_BYTES);
	sky->keys.command_count = 1;
	sky_now = sky;
	open_cloud(sky);
	*state = sky;
	return 0;
}

static int tear_down(void **state)
{
	struct sky *sky = *state;
	cloud_free(sky->cloud);
	key_pair_free(sky->commander);
	for (int i = 0; i < sky->told_count; i++)
		free(sky->told[i].payload);
	bench_free(sky->bench);
	free(sky);
	return 0;
}

static void record(struct sky *sky, int first, int last)
{
	struct bench *bench = sky->bench;
	bench_must(bench, begin(sky, &bench->info));
	for (int n = first; n <= last; n++) {
		bench_make_journal(bench, n, "10.00");
		bench_record(bench);
	}
	commit(sky);
	tick(sky);
}

/* A command of the cloud, as it comes from the child. */
static void command(struct sky *sky, const char *id, const char *word, const char *body)
{
	struct buf text, note, buf;
	buf_init(&text, NOTE_BYTES_MAX);
	buf_init(&note, NOTE_BYTES_MAX);
	buf_init(&buf, 2 * NOTE_BYTES_MAX);
	buf_printf(
	    &text,
	    "tp1/cmd/v1\ntarget acme/gw-1\nid %s\nexpires 2026-01-02T12:00:00.000Z\ncommand %s\nbody %s\n",
	    id, word, body);
	buf_append_span(&note, buf_span(&text));
	buf_append_char(&note, '\n');
	desk_sign(&note, buf_span(&text), sky->commander, "cloud");
	uplink_inbound_encode(&buf, &(struct uplink_inbound){.qos = 1,
	                                                     .topic = SPAN_LITERAL("tp1/acme/gw-1/dn/cmd"),
	                                                     .payload = buf_span(&note)});
	frame(sky, UPLINK_MESSAGE, &buf);
	tick(sky);
	buf_release(&text);
	buf_release(&note);
}

/* Each connection begins with a birth: retained, its note signed by the key that the cloud names; state.get asks for
 * one more. */
static void a_connection_begins_with_a_birth(void **state)
{
	struct sky *sky = *state;
	connect_with(sky, 16);
	const struct told_message *birth = find(sky, 0, "tp1/acme/gw-1/up/state", "\"kind\":\"birth\"");
	assert_non_null(birth);
	assert_int_equal(birth->retain, 1);
	char *escaped = text_between(birth->payload, "\"note\":\"", "\",\"page\"");
	size_t len = 0;
	for (const char *at = escaped; *at; at++) {
		bool newline = at[0] == '\\' && at[1] == 'n';
		escaped[len++] = newline ? '\n' : *at;
		at += newline;
	}
	escaped[len] = 0;
	const struct span key = cloud_public_key(sky->cloud);
	expect_signed(span_of(escaped), &key, 1);
	free(escaped);
	int before = sky->told_count;
	command(sky, "c1", "state.get", "{}");
	tick(sky);
	assert_non_null(find(sky, before, "tp1/acme/gw-1/up/state", "\"kind\":\"birth\""));
	assert_non_null(find(sky, before, "tp1/acme/gw-1/up/res", "\"id\":\"c1\""));
}

/* A heartbeat every 60 s shows the streams that moved since the last one that went out: one for which there was no
 * place in the window takes nothing from the next. Counters go with each, with QoS 0. */
static void a_heartbeat_shows_what_moved(void **state)
{
	struct sky *sky = *state;
	connect_with(sky, 1);
	answer_all(sky);
	pass(sky, 60 * NS_PER_S);
	answer_all(sky);   /* the first one shows all */
	record(sky, 1, 1); /* takes the one place */
	int before = sky->told_count;
	pass(sky, 60 * NS_PER_S);
	assert_null(find(sky, before, "tp1/acme/gw-1/up/state", "heartbeat"));
	const struct told_message *metric = find(sky, before, "tp1/acme/gw-1/up/metric", "\"documents\":1,");
	assert_true(metric && metric->qos == 0 && metric->retain == 0);
	answer_all(sky);
	before = sky->told_count;
	pass(sky, 60 * NS_PER_S);
	const struct told_message *beat = find(sky, before, "tp1/acme/gw-1/up/state", "heartbeat");
	assert_true(beat && beat->retain == 0 && strstr(beat->payload, "\"sequence\":1,"));
	answer_all(sky);
	before = sky->told_count;
	pass(sky, 60 * NS_PER_S);
	assert_non_null(find(sky, before, "tp1/acme/gw-1/up/state", "\"streams\":[]"));
}

/* What the cloud paused stays paused over a restart, until it is resumed. */
static void pauses_last(void **state)
{
	struct sky *sky = *state;
	connect_with(sky, 16);
	record(sky, 1, 1);
	answer_all(sky);
	command(sky, "c1", "pause", "{\"stream\":\"00001\"}");
	command(sky, "c2", "pause", "{\"source\":\"erp\"}");
	command(sky, "c3", "pause", "{\"source\":\"gone\"}");
	assert_non_null(
	    find(sky, 0, "tp1/acme/gw-1/up/res", "\"id\":\"c1\",\"result\":{},\"state\":\"done\""));
	assert_non_null(
	    find(sky, 0, "tp1/acme/gw-1/up/res", "\"id\":\"c3\",\"result\":{},\"state\":\"failed\""));
	cloud_free(sky->cloud);
	recorder_release(&sky->bench->recorder);
	test_store_reopen(&sky->bench->store);
	sky->asked[0] = 0;
	open_cloud(sky);
	assert_string_equal(sky->asked, "pause erp; ");
	int before = sky->told_count;
	connect_with(sky, 16);
	record(sky, 2, 2);
	assert_null(find(sky, before, "tp1/acme/gw-1/up/post/00001", ""));
	command(sky, "c4", "resume", "{\"stream\":\"00001\"}");
	assert_non_null(
	    find(sky, before, "tp1/acme/gw-1/up/post/00001", "\"sequence\":\"00000000000000000002\""));
	command(sky, "c5", "resume", "{\"source\":\"erp\"}");
	cloud_free(sky->cloud);
	recorder_release(&sky->bench->recorder);
	test_store_reopen(&sky->bench->store);
	sky->asked[0] = 0;
	open_cloud(sky);
	assert_string_equal(sky->asked, "");
}

/* An orderly end closes the last piece: control event and checkpoint go out before the death. */
static void an_orderly_end_closes_the_pieces(void **state)
{
	struct sky *sky = *state;
	connect_with(sky, 16);
	record(sky, 1, 2);
	answer_all(sky);
	bench_must(sky->bench, cloud_close(sky->cloud, &sky->bench->info));
	tick(sky);
	assert_non_null(find(sky, 0, "tp1/acme/gw-1/up/post/00001", "com.twinpost.control.recorded.v1"));
	assert_false(cloud_drained(sky->cloud));
	answer_all(sky);
	tick(sky);
	assert_non_null(find(sky, 0, "tp1/acme/gw-1/up/ckpt/00001", "\n3\n"));
	answer_all(sky);
	assert_true(cloud_drained(sky->cloud));
	cloud_stop(sky->cloud, sky->bench->store.hal.mono_ns);
	tick(sky);
	assert_non_null(find(sky, 0, "tp1/acme/gw-1/up/state", "\"reason\":\"stopped\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_connection_begins_with_a_birth),
	    TEST(a_heartbeat_shows_what_moved),
	    TEST(pauses_last),
	    TEST(an_orderly_end_closes_the_pieces),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
