/*
 * cloud_fault_test.c - the part that faces the cloud as one: births that cannot go out, heartbeats without room, pauses
 * whose transaction is lost.
 *
 * Why:   what these do wrong shows in no message: a box that is warm in an outage, a source that rests and nobody
 *        knows why.
 * Owns:  one struct site a test: the real store, keys and notary; an uplink child that is played.
 * Rules: signatures are counted at the key store; topics are those of docs/contract.
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "connector/uplink/uplink_protocol.h"
#include "firmware/cloud.h"

#define CHILD UINT32_C(1)

struct site {
	struct bench *bench;
	struct cloud *cloud;
	struct cloud_keys keys;
	struct key_pair *commander;
	struct hal_ops hal_ops;
	const struct hal_ops *hal_real;
	struct hal_keys_ops keys_ops;
	const struct hal_keys_ops *keys_real;
	int signatures;
	int births;
	int heartbeats; /* that have a stream */
	bool source_paused;
	bool queue_full;
};

static struct site *site; /* the played devices have no room for it */

static enum err play_sign(struct hal_keys *keys, enum hal_key which, struct span text, uint8_t *der,
                          size_t *len, struct err_info *info)
{
	site->signatures++;
	return site->keys_real->sign(keys, which, text, der, len, info);
}

static enum err play_keys_open(struct hal *hal, const struct hal_keys_options *options,
                               struct hal_keys **keys, struct hal_keys_opening *opening,
                               struct err_info *info)
{
	enum err err = site->hal_real->keys_open(hal, options, keys, opening, info);
	if (err == ERR_OK) {
		site->keys_real = (*keys)->ops;
		site->keys_ops = *(*keys)->ops;
		site->keys_ops.sign = play_sign;
		(*keys)->ops = &site->keys_ops;
	}
	return err;
}

static enum err play_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                           struct err_info *info)
{
	(void)hal, (void)role, (void)name, (void)info;
	*child = CHILD;
	return ERR_OK;
}

static enum err play_send(struct hal *hal, hal_child child, uint8_t type, const void *payload, size_t len)
{
	struct uplink_publish publish;
	(void)hal;
	assert_int_equal(child, CHILD);
	if (site->queue_full)
		return ERR_AGAIN;
	if (type != UPLINK_PUBLISH)
		return ERR_OK;
	assert_true(uplink_publish_decode(&publish, payload, len));
	if (!span_equal(publish.topic, SPAN_LITERAL("tp1/acme/gw-1/up/state")))
		return ERR_OK;
	char *text = strndup(publish.payload.data, publish.payload.len);
	assert_non_null(text);
	site->births += strstr(text, "\"kind\":\"birth\",\"note\":") != NULL;
	site->heartbeats += strstr(text, "\"kind\":\"heartbeat\"") && strstr(text, "\"stream\":\"00001\"");
	free(text);
	return ERR_OK;
}

static enum err ask_begin(void *self, struct err_info *info)
{
	struct store *store = self;
	return store_in_transaction(store) ? ERR_OK : store_begin(store, info);
}

static enum err ask_pause(void *self, const char *source, bool resume, struct err_info *info)
{
	(void)self;
	if (strcmp(source, "erp") != 0)
		return err_set(info, ERR_NOT_FOUND, "there is no source %s", source);
	site->source_paused = !resume;
	return ERR_OK;
}

static enum err ask_sweep(void *self, const char *source, struct err_info *info)
{
	(void)self, (void)source, (void)info;
	return ERR_OK;
}

static enum err ask_moved(void *self, const char *source, struct span subject, int64_t revision,
                          struct err_info *info)
{
	(void)self, (void)source, (void)subject, (void)revision, (void)info;
	return ERR_OK;
}

static void open_cloud(void)
{
	struct bench *bench = site->bench;
	const struct cloud_options options = {&bench->store.hal.hal, NULL,        bench->store.store,
	                                      &bench->config,        &site->keys, "0.3.0"};
	const struct cloud_sink sink = {bench->store.store, ask_begin, ask_pause, ask_sweep,
	                                ask_moved,          NULL,      NULL,      NULL};
	recorder_init(&bench->recorder, &bench->store.hal.hal, NULL, bench->store.store, &bench->config,
	              NULL);
	bench_must(bench, cloud_new(&options, &bench->recorder, &sink, &site->cloud, &bench->info));
	bench_must(bench, cloud_restore_pauses(site->cloud, &bench->info));
}

static int set_up(void **state)
{
	*state = site = calloc(1, sizeof *site);
	assert_non_null(site);
	struct bench *bench = site->bench = bench_new();
	struct hal *hal = &bench->store.hal.hal;
	struct config_uplink *uplink = &bench->config.uplink;
	bench_close(bench); /* the cloud has keys and notary of its own */
	site->commander = key_pair_generate(hal);
	memcpy(site->keys.command[0], key_pair_public(site->commander).data, PUBLIC_KEY_BYTES);
	site->keys.command_count = 1;
	site->hal_real = hal->ops;
	site->hal_ops = *hal->ops;
	site->hal_ops.keys_open = play_keys_open;
	site->hal_ops.child_spawn = play_spawn;
	site->hal_ops.child_send = play_send;
	hal->ops = &site->hal_ops;
	assert_true(text_copy(uplink->host, sizeof uplink->host, SPAN_LITERAL("broker")));
	assert_true(text_copy(uplink->client_id, sizeof uplink->client_id, SPAN_LITERAL("acme-gw-1")));
	assert_true(text_copy(bench->config.sources[0].name, sizeof bench->config.sources[0].name,
	                      SPAN_LITERAL("erp")));
	bench->config.source_count = 1;
	uplink->port = 8883;
	uplink->in_flight = 4;
	uplink->keepalive_ns = 30 * NS_PER_S;
	uplink->connect_timeout_ns = uplink->ack_timeout_ns = 20 * NS_PER_S;
	uplink->retry_min_ns = NS_PER_S;
	uplink->retry_max_ns = 60 * NS_PER_S;
	uplink->heartbeat_ns = 60 * NS_PER_S;
	open_cloud();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cloud_free(site->cloud);
	key_pair_free(site->commander);
	bench_free(site->bench);
	free(site);
	return 0;
}

static void step(void)
{
	struct bench *bench = site->bench;
	int64_t deadline = INT64_MAX;
	bench_must(bench, cloud_step(site->cloud, bench->store.hal.mono_ns, true, &deadline, &bench->info));
}

static void commit(void)
{
	struct bench *bench = site->bench;
	bench_must(bench, cloud_before_commit(site->cloud, &bench->info));
	bench_must(bench, store_commit(bench->store.store, &bench->info));
	bench_must(bench, cloud_committed(site->cloud, &bench->info));
}

/* A step of the agent with its commit, and what follows that. */
static void turn(void)
{
	step();
	if (store_in_transaction(site->bench->store.store))
		commit();
	step();
}

static void child_says(uint8_t type, struct buf *frame)
{
	struct bench *bench = site->bench;
	const struct hal_child_event event = {
	    .kind = HAL_CHILD_FRAME, .child = CHILD, .type = type, .payload = frame->data, .len = frame->len};
	bench_must(bench, cloud_event(site->cloud, &event, bench->store.hal.mono_ns, &bench->info));
	buf_release(frame);
}

static void connect_broker(void)
{
	struct buf frame;
	const struct uplink_up up = {.version = UPLINK_MQTT_5,
	                             .session_present = 1,
	                             .receive_max = 4,
	                             .retain_available = 1,
	                             .subscription_count = 2,
	                             .tls = SPAN_LITERAL("TLSv1.3")};
	buf_init(&frame, 4096);
	uplink_up_encode(&frame, &up);
	child_says(UPLINK_UP, &frame);
	step();
}

/* The cloud's command as the broker brings it, in a transaction that is left open. */
static void take_command(const char *id, const char *word, const char *body)
{
	struct buf text;
	struct buf note;
	struct buf frame;
	buf_init(&text, NOTE_BYTES_MAX);
	buf_init(&note, NOTE_BYTES_MAX);
	buf_init(&frame, 2 * NOTE_BYTES_MAX);
	buf_printf(&text, "tp1/cmd/v1\ntarget acme/gw-1\nid %s\nexpires 2026-01-02T04:00:00.000Z\n", id);
	buf_printf(&text, "command %s\nbody %s\n", word, body);
	buf_append_span(&note, buf_span(&text));
	buf_append_char(&note, '\n');
	desk_sign(&note, buf_span(&text), site->commander, "cloud.example/commands");
	const struct uplink_inbound message = {
	    .qos = 1, .topic = SPAN_LITERAL("tp1/acme/gw-1/dn/cmd"), .payload = buf_span(&note)};
	uplink_inbound_encode(&frame, &message);
	child_says(UPLINK_MESSAGE, &frame);
	buf_release(&text);
	buf_release(&note);
}

static void lose_transaction(void)
{
	store_rollback(site->bench->store.store);
	cloud_rolled_back(site->cloud, site->bench->store.hal.mono_ns);
}

/* Shows that a birth that is due is signed when it can go out, and not at every step before: without a connection, and
 * while the window has no place. */
static void a_birth_is_signed_when_it_can_go_out(void **state)
{
	(void)state;
	struct bench *bench = site->bench;
	step();
	bench_must(bench, ask_begin(bench->store.store, &bench->info));
	bench_must(bench, cloud_rotate_key(site->cloud, &bench->info));
	commit();
	int signed_before = site->signatures;
	for (int i = 0; i < 50; i++)
		step();
	assert_int_equal(site->signatures, signed_before);
	connect_broker();
	turn();
	assert_int_equal(site->births, 1);
	assert_int_equal(site->signatures, signed_before + 1);
	static const char *const ids[] = {"a", "b", "c"};
	for (int i = 0; i < 3; i++) { /* the other places of the window */
		take_command(ids[i], "state.get", "{}");
		turn();
	}
	assert_int_equal(site->births, 4);
	take_command("d", "state.get", "{}");
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(site->births, 4);
	assert_int_equal(site->signatures, signed_before + 4);
}

/* Shows that what a heartbeat could not tell is told by the next one. */
static void an_untold_heartbeat_is_told_again(void **state)
{
	(void)state;
	struct bench *bench = site->bench;
	step();
	connect_broker();
	bench->store.hal.mono_ns += 60 * NS_PER_S;
	step(); /* the first one tells of all streams: there are none */
	bench_must(bench, ask_begin(bench->store.store, &bench->info));
	bench_make_journal(bench, 1, "10.00");
	bench_record(bench);
	commit();
	bench->store.hal.mono_ns += 60 * NS_PER_S;
	site->queue_full = true;
	step();
	site->queue_full = false;
	assert_int_equal(site->heartbeats, 0);
	bench->store.hal.mono_ns += 60 * NS_PER_S;
	step();
	assert_int_equal(site->heartbeats, 1);
	bench->store.hal.mono_ns += 60 * NS_PER_S;
	step();
	assert_int_equal(site->heartbeats, 1);
}

static bool stream_is_paused(void)
{
	int64_t deadline = INT64_MAX;
	struct forward_status before;
	struct forward_status after;
	forward_status(cloud_forward(site->cloud), &before);
	bench_must(site->bench,
	           cloud_send(site->cloud, site->bench->store.hal.mono_ns, &deadline, &site->bench->info));
	forward_status(cloud_forward(site->cloud), &after);
	return after.sent == before.sent;
}

/* Shows that a pause or a resumption whose transaction is lost was none: nobody was answered, and a start would not
 * know of it. */
static void a_lost_pause_is_no_pause(void **state)
{
	(void)state;
	struct bench *bench = site->bench;
	step();
	connect_broker();
	bench_must(bench, ask_begin(bench->store.store, &bench->info));
	bench_make_journal(bench, 1, "10.00");
	bench_record(bench);
	commit();
	take_command("a", "pause", "{\"source\":\"erp\"}");
	take_command("b", "pause", "{\"stream\":\"00001\"}");
	assert_true(site->source_paused);
	lose_transaction();
	step();
	assert_false(site->source_paused);
	assert_false(stream_is_paused());

	take_command("a", "pause", "{\"source\":\"erp\"}");
	commit();
	take_command("c", "resume", "{\"source\":\"erp\"}");
	assert_false(site->source_paused);
	lose_transaction();
	step();
	assert_true(site->source_paused);
	take_command("c", "resume", "{\"source\":\"erp\"}");
	commit();
	step();
	assert_false(site->source_paused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_birth_is_signed_when_it_can_go_out),
	    TEST(an_untold_heartbeat_is_told_again),
	    TEST(a_lost_pause_is_no_pause),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
