/*
 * control_status_test.c - the verdict of status, and the figures behind it.
 *
 * Why:   status must never be falsely green.
 * Owns:  nothing; see control_fixture.h.
 * Rules: as in control_fixture.h.
 * Runs in: the tests.
 * Tests: firmware/control_status.c
 */
#include "tests/unit/control_fixture.h"

static const char *health(struct world *world)
{
	return text(ask(world, "{\"v\":1,\"cmd\":\"status\"}"), "health");
}

static void assert_degraded(struct world *world, const char *code, const char *headline)
{
	assert_string_equal(health(world), "degraded");
	const cJSON *data = cJSON_GetObjectItem(world->root, "data");
	assert_string_equal(text(cJSON_GetArrayItem(list(data, "problems"), 0), "code"), code);
	assert_string_equal(text(data, "headline"), headline);
}

/* All is well: healthy, no problem, and the figures where a script looks for them. */
static void test_status_healthy(void **state)
{
	struct world *world = *state;
	assert_string_equal(health(world), "healthy");
	const cJSON *data = cJSON_GetObjectItem(world->root, "data");
	assert_int_equal(cJSON_GetArraySize(list(data, "problems")), 0);
	assert_int_equal(number(data, "uptime_s"), 90);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(data, "paused")));
	const cJSON *queue = cJSON_GetObjectItem(data, "queue");
	assert_int_equal(number(queue, "waiting"), 3);
	assert_int_equal(number(queue, "oldest_age_s"), 300);
	assert_int_equal(number(cJSON_GetArrayItem(list(queue, "streams"), 0), "waiting"), 3);
	assert_int_equal(number(cJSON_GetArrayItem(list(queue, "streams"), 1), "waiting"), 0);
	assert_true(
	    cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list(queue, "streams"), 1), "oldest")));
	assert_string_equal(text(cJSON_GetObjectItem(data, "uplink"), "mqtt"), "5");
	const cJSON *feed =
	    cJSON_GetArrayItem(list(cJSON_GetArrayItem(list(data, "sources"), 1), "feeds"), 0);
	assert_int_equal(number(feed, "last_cycle_age_s"), 3);
	assert_int_equal(number(cJSON_GetObjectItem(data, "store"), "used"), 5 << 20);
}

/* The host of the list that is in use, rates, what the cloud said, each stream's class, checkpoint, receipt and late
 * outcomes. */
static void test_status_proof(void **state)
{
	struct world *world = *state;
	struct config_uplink *uplink = &world->config.uplink;
	uplink->port = 8883;
	uplink->rate_messages = 50;
	uplink->fallback_host_count = 1;
	uplink->fallback_hosts[0].port = 8883;
	assert_true(text_copy(uplink->host, CONFIG_PATH_MAX, SPAN_LITERAL("first.example.com")));
	assert_true(
	    text_copy(uplink->fallback_hosts[0].host, CONFIG_PATH_MAX, SPAN_LITERAL("broker.example.com")));
	struct config_stream_rule *rule = &world->config.streams[0];
	world->config.stream_count = 1;
	*rule = (struct config_stream_rule){
	    .class_ = CONFIG_STREAM_IMMEDIATE, .receipt = CONFIG_RECEIPT_COSIGNED, .sla_ns = 60 * NS_PER_S};
	assert_true(text_copy(rule->entity, CONFIG_NAME_MAX, SPAN_LITERAL("*")));
	assert_true(text_copy(rule->name, sizeof rule->name, SPAN_LITERAL("{entity}")));
	world->store.streams[0].checkpoint_size = 5;
	world->store.streams[0].receipt_size = 4;
	world->store.acknowledged_before = 3;
	world->store.unsettled = 2;
	world->view.counters = (struct control_counters){.commands = 7, .refused = 1};
	static const struct recorder recorder = {.excluded = 12, .held = 3};
	world->view.recorder = &recorder;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"status\"}");
	const cJSON *shown = cJSON_GetObjectItem(data, "uplink");
	assert_int_equal(number(cJSON_GetObjectItem(data, "recorded"), "excluded"), 12);
	assert_null(cJSON_GetObjectItem(data, "rules"));
	assert_int_equal(number(shown, "host_number"), 2);
	assert_int_equal(number(shown, "hosts"), 2);
	assert_int_equal(number(shown, "rate_messages"), 50);
	assert_int_equal(number(cJSON_GetObjectItem(data, "cloud"), "refused"), 1);
	const cJSON *queue = cJSON_GetObjectItem(data, "queue");
	assert_int_equal(number(queue, "late"), 4);
	assert_int_equal(number(queue, "replays"), 2);
	const cJSON *stream = cJSON_GetArrayItem(list(queue, "streams"), 0);
	assert_string_equal(text(stream, "class"), "immediate");
	assert_string_equal(text(stream, "keep_until"), "cosigned");
	assert_int_equal(number(stream, "checkpoint"), 5);
	assert_int_equal(number(stream, "receipt"), 4);
	assert_int_equal(number(stream, "sla_s"), 60);
	assert_int_equal(number(stream, "late"), 2);
	assert_int_equal(number(stream, "late_sequence"), 3);
	assert_true(world->store.asked_at_ns == NOW_NS - 60 * NS_PER_S);
	/* Nothing was acknowledged so long ago: nothing is late, whatever is unsettled. */
	world->store.acknowledged_before = 0;
	data = ask(world, "{\"v\":1,\"cmd\":\"status\"}");
	assert_int_equal(number(cJSON_GetObjectItem(data, "queue"), "late"), 0);
	/* A host that the file no longer names. */
	world->forward.status.port = 1;
	data = ask(world, "{\"v\":1,\"cmd\":\"status\"}");
	assert_int_equal(number(cJSON_GetObjectItem(data, "uplink"), "host_number"), 0);
}

/* Not up yet and nothing wrong: starting, never healthy. */
static void test_status_starting(void **state)
{
	struct world *world = *state;
	world->forward.status.state = "connecting";
	world->forward.status.connections = 0;
	assert_string_equal(health(world), "starting");
	world->forward.status.state = "up";
	world->pulls[1].status.state = "opening";
	assert_string_equal(health(world), "starting");
	world->pulls[1].status.state = "idle";
	world->view.forward = NULL;
	assert_string_equal(health(world), "starting");
}

/* Each thing that can be wrong makes it degraded, with a sentence; the gravest is the headline. */
static void test_status_degraded(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 1;
	assert_degraded(world, "exceptions-open", "1 exception is open and waits for a person");
	world->store.exceptions = 2;
	assert_degraded(world, "exceptions-open", "2 exceptions are open and wait for a person");
	world->pulls[1].status.feeds[0].stopped = true;
	(void)snprintf(world->pulls[1].status.feeds[0].why, 64, "column GLAA is gone");
	assert_degraded(world, "feed-stopped", "Source archive no longer reads journal: column GLAA is gone");
	(void)snprintf(world->pulls[0].status.problem, 64, "login failed");
	assert_degraded(world, "source-down", "Source erp cannot be read: login failed");
	world->forward.status.held_count = 1;
	world->forward.status.held[0] = (struct forward_held){
	    .stream = 2, .sequence = 4, .reason = 0x87, .retry_mono_ns = 102 * NS_PER_S + 1};
	assert_degraded(
	    world, "stream-held",
	    "The broker does not take event 4 of stream 00070 (reason 0x87); the stream waits, the next "
	    "attempt is in 3 s");
	world->forward.status.state = "waiting";
	(void)snprintf(world->forward.status.problem, 64, "certificate expired");
	assert_degraded(world, "uplink-down",
	                "The uplink to broker.example.com:8883 is down: certificate expired");
	world->view.pause_reason = "the disk is slow";
	assert_degraded(world, "paused", "Reading the ERP is paused: the disk is slow");
	world->store.space.full = true;
	assert_degraded(
	    world, "store-full",
	    "The store is full (5 of 64 MiB used, 1024 MiB free on the disk); reading the ERP is paused, "
	    "nothing is lost");
	assert_int_equal(cJSON_GetArraySize(list(cJSON_GetObjectItem(world->root, "data"), "problems")), 6);
}

/* A connection that was lost without a word is down too, not starting. */
static void test_status_lost(void **state)
{
	struct world *world = *state;
	world->forward.status.state = "connecting";
	assert_degraded(world, "uplink-down",
	                "The uplink to broker.example.com:8883 is down: the connection ended");
}

/* A store that cannot be read is an error of the answer, or a problem where it is not open: never a green light. */
static void test_status_without_store(void **state)
{
	struct world *world = *state;
	world->store.error = ERR_CORRUPT;
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\"}", "store", "the store's page 7 is damaged");
	world->view.store = NULL;
	assert_degraded(world, "store-closed", "The store is not open");
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\"}", "store",
	               "the store is not open; see the agent's log: journalctl -u twinpost");
}

/* The count by owner stops at 2000 and says so; the total is the whole one. */
static void test_status_many_exceptions(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 2001;
	(void)ask(world, "{\"v\":1,\"cmd\":\"status\"}");
	const cJSON *exceptions = cJSON_GetObjectItem(cJSON_GetObjectItem(world->root, "data"), "exceptions");
	assert_int_equal(number(exceptions, "open"), 2001);
	assert_int_equal(number(exceptions, "counted"), 2000);
	assert_int_equal(number(cJSON_GetObjectItem(exceptions, "by_owner"), "mapping"), 1000);
	world->view.opening =
	    &(const struct store_opening){.salvaged = true,
	                                  .documents_kept = 11,
	                                  .rows_lost = 1,
	                                  .damaged_path = "/var/lib/twinpost/store.db.damaged"};
	(void)ask(world, "{\"v\":1,\"cmd\":\"status\"}");
	const cJSON *store = cJSON_GetObjectItem(cJSON_GetObjectItem(world->root, "data"), "store");
	assert_int_equal(number(cJSON_GetObjectItem(store, "salvaged"), "rows_lost"), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_status_healthy),         TEST(test_status_proof), TEST(test_status_starting),
	    TEST(test_status_degraded),        TEST(test_status_lost),  TEST(test_status_without_store),
	    TEST(test_status_many_exceptions),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
