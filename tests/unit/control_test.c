/*
 * control_test.c - the control protocol: what is answered, what is refused, and the verdict of status.
 *
 * Why:   status must never be falsely green, and a client must never be able to hurt the core.
 * Owns:  the fakes below: a store of a few rows, pull machines, an uplink, a clock. They take the places of the
 *        product's at linking; the real ones answer in the integration tests.
 * Rules: answers are read by cJSON, another implementation than the one that writes them.
 * Runs in: the tests.
 */
#include "firmware/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

/* 2024-02-29T09:30:05.000Z, by `date -u -d @1709199005`. */
#define NOW_NS (INT64_C(1709199005) * NS_PER_S)

struct store {
	struct store_totals totals;
	struct store_space space;
	struct store_stream streams[3];
	int stream_count;
	int queued;     /* rows that each stream with something waiting has */
	int exceptions; /* open ones */
	struct span exception_text;
	enum err error; /* of every reading call */
};

struct pull {
	struct pull_status status;
	int poked;
};

struct forward {
	struct forward_status status;
};

struct world {
	struct hal hal;
	struct store store;
	struct pull pulls[2];
	struct pull *pull_list[2];
	struct forward forward;
	struct config config;
	struct control_view view;
	struct buf reply;
	cJSON *root;
};

/* ---- the fakes ---- */

static int64_t fake_mono_ns(struct hal *hal)
{
	(void)hal;
	return 100 * NS_PER_S;
}

static int64_t fake_wall_ns(struct hal *hal)
{
	(void)hal;
	return NOW_NS;
}

static const struct hal_ops fake_ops = {.mono_ns = fake_mono_ns, .wall_ns = fake_wall_ns};

void pull_status(const struct pull *pull, struct pull_status *status)
{
	*status = pull->status;
}

void pull_poke(struct pull *pull)
{
	pull->poked++;
}

void forward_status(const struct forward *forward, struct forward_status *status)
{
	*status = forward->status;
}

void store_totals(const struct store *store, struct store_totals *totals)
{
	*totals = store->totals;
}

enum err store_space(struct store *store, struct store_space *space, struct err_info *info)
{
	*space = store->space;
	return store->error == ERR_OK ? ERR_OK : err_set(info, store->error, "the store's page 7 is damaged");
}

int store_stream_count(const struct store *store)
{
	return store->stream_count;
}

const struct store_stream *store_stream_at(const struct store *store, int index)
{
	return &store->streams[index];
}

const struct store_stream *store_stream_by_id(const struct store *store, int id)
{
	for (int i = 0; i < store->stream_count; i++) {
		if (store->streams[i].id == id)
			return &store->streams[i];
	}
	return NULL;
}

const char *store_owner_name(enum store_owner owner)
{
	static const char *const names[] = {"technical", "data_quality", "mapping", "policy"};
	return names[owner];
}

int64_t store_exceptions_open(const struct store *store)
{
	return store->exceptions;
}

enum err store_exceptions(struct store *store, bool all, int64_t before, store_exception_visitor visit,
                          void *self, struct err_info *info)
{
	(void)info;
	int64_t id = before > 0 ? before - 1 : store->exceptions + (all ? 1 : 0);
	for (; id > 0; id--) {
		struct store_exception exception = {
		    .id = id,
		    .rule = SPAN_LITERAL("journal-balance"),
		    .source = SPAN_LITERAL("erp"),
		    .key = SPAN_LITERAL("00001/journal/2024/JE-1"),
		    .owner = id % 2 ? STORE_OWNER_DATA_QUALITY : STORE_OWNER_MAPPING,
		    .text = store->exception_text,
		    .raw = SPAN_LITERAL("GLAA=\xff\"\n"),
		    .open = id <= store->exceptions,
		    .first_ns = NOW_NS - 60 * NS_PER_S,
		    .last_ns = NOW_NS,
		    .count = 2,
		};
		if (!visit(self, &exception))
			break;
	}
	return ERR_OK;
}

enum err store_queue(struct store *store, int stream, int limit, store_queue_visitor visit, void *self,
                     struct err_info *info)
{
	if (store->error != ERR_OK)
		return err_set(info, store->error, "the store's page 7 is damaged");
	int64_t acked = store_stream_by_id(store, stream)->acked_sequence;
	for (int i = 1; i <= store->queued && i <= limit; i++) {
		/* The oldest has waited 300 s. */
		if (!visit(self, stream, acked + i, SPAN_LITERAL("00001/invoice/2024/RI-1001"), 1, 612,
		           NOW_NS - (301 - i) * NS_PER_S))
			break;
	}
	return ERR_OK;
}

enum err store_trace(struct store *store, struct span subject, store_trace_visitor visit, void *self,
                     struct err_info *info)
{
	(void)store;
	if (!span_equal(subject, SPAN_LITERAL("00001/invoice/2024/RI-1001")))
		return err_set(info, ERR_NOT_FOUND, "no such subject");
	struct store_trace_line recorded = {
	    .at_ns = NOW_NS, .what = "recorded", .revision = 1, .stream = "00001", .sequence = 7};
	struct store_trace_line exception = {
	    .at_ns = NOW_NS, .what = "exception", .text = SPAN_LITERAL("the broker said \"no\"")};
	if (visit(self, &recorded))
		(void)visit(self, &exception);
	return ERR_OK;
}

/* ---- the world of a test: everything is well ---- */

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	static const char *const names[] = {"erp", "archive"};
	if (!world)
		return -1;
	world->hal.ops = &fake_ops;
	world->store.totals = (struct store_totals){.documents = 12, .queued = 3, .acked = 9};
	world->store.space =
	    (struct store_space){.used = 5u << 20, .size_max = 64u << 20, .disk_free = 1u << 30};
	world->store.stream_count = 2;
	world->store.queued = 3;
	world->store.exception_text = SPAN_LITERAL("debits and credits differ");
	world->store.streams[0] = (struct store_stream){
	    .id = 1, .name = "00001", .next_sequence = 10, .acked_sequence = 6, .outbox_bytes = 1836};
	world->store.streams[1] =
	    (struct store_stream){.id = 2, .name = "00070", .next_sequence = 4, .acked_sequence = 3};
	for (int i = 0; i < 2; i++) {
		struct pull_status *status = &world->pulls[i].status;
		status->source = names[i];
		status->state = "idle";
		status->feed_count = 1;
		status->feeds[0] = (struct pull_feed_status){.name = "journal",
		                                             .documents = 4,
		                                             .rows = 16,
		                                             .newest = "2024-02-29 10:00:00",
		                                             .last_cycle_ns = NOW_NS - 3 * NS_PER_S};
		world->pull_list[i] = &world->pulls[i];
		world->config.source_count = i + 1;
		assert_true(text_copy(world->config.sources[i].name, CONFIG_NAME_MAX, span_of(names[i])));
	}
	world->forward.status = (struct forward_status){.state = "up",
	                                                .host = "broker.example.com",
	                                                .port = 8883,
	                                                .version = 5,
	                                                .tls = "TLSv1.3",
	                                                .window = 16,
	                                                .in_flight = 3,
	                                                .sent = 12,
	                                                .acked = 9,
	                                                .connections = 1};
	world->view = (struct control_view){
	    .config = &world->config,
	    .store = &world->store,
	    .pulls = world->pull_list,
	    .pull_count = 2,
	    .forward = &world->forward,
	    .hal = &world->hal,
	    .version = "0.1.0",
	    .started_wall_ns = NOW_NS - 90 * NS_PER_S,
	    .started_mono_ns = 10 * NS_PER_S,
	    .pause_reason = "",
	};
	buf_init(&world->reply, HAL_CONTROL_REPLY_MAX);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	cJSON_Delete(world->root);
	buf_release(&world->reply);
	free(world);
	return 0;
}

/* The answer, checked to be one line of protocol version 1; NULL where it is an error. */
static const cJSON *ask_span(struct world *world, struct span request)
{
	cJSON_Delete(world->root);
	buf_clear(&world->reply);
	control_answer(&world->view, request, &world->reply);
	assert_null(memchr(world->reply.data, '\n', world->reply.len));
	world->root = cJSON_ParseWithLength((const char *)world->reply.data, world->reply.len);
	assert_non_null(world->root);
	assert_true(cJSON_GetObjectItem(world->root, "v")->valueint == 1);
	if (cJSON_IsTrue(cJSON_GetObjectItem(world->root, "ok")))
		return cJSON_GetObjectItem(world->root, "data");
	assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItem(world->root, "code")));
	return NULL;
}

static const cJSON *ask(struct world *world, const char *request)
{
	return ask_span(world, span_of(request));
}

static const char *text(const cJSON *object, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return value ? value : "(none)";
}

static int number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	assert_true(cJSON_IsNumber(item));
	return item->valueint;
}

static const cJSON *list(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	assert_true(cJSON_IsArray(item));
	return item;
}

static void assert_refused(struct world *world, const char *request, const char *code, const char *error)
{
	if (ask(world, request))
		fail_msg("accepted: %s", request);
	assert_string_equal(text(world->root, "code"), code);
	assert_string_equal(text(world->root, "error"), error);
}

/* ---- requests ---- */

/* Everything that is no good request has its own sentence. */
static void test_bad_requests(void **state)
{
	struct world *world = *state;
	const char *no_object =
	    "the request is not one JSON object; send a line like {\"v\":1,\"cmd\":\"status\"}";
	assert_refused(world, "", "bad_request", no_object);
	assert_refused(world, "status", "bad_request", no_object);
	assert_refused(world, "[1]", "bad_request", no_object);
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\"} x", "bad_request", no_object);
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\"", "bad_request", no_object);
	assert_refused(world, "{}", "bad_request", "the request has no protocol version; send \"v\":1");
	assert_refused(world, "{\"v\":\"1\"}", "bad_request",
	               "the request has no protocol version; send \"v\":1");
	assert_refused(
	    world, "{\"v\":2,\"cmd\":\"status\"}", "unsupported",
	    "protocol version 2 is not spoken here; this agent speaks 1: use the twinpost command that came "
	    "with it");
	assert_refused(world, "{\"v\":1}", "bad_request",
	               "the request names no command; send \"cmd\":\"status\"");
	assert_refused(
	    world, "{\"v\":1,\"cmd\":\"reboot\"}", "unsupported",
	    "unknown command \"reboot\"; this agent knows status, queue, trace, exceptions, pull, version");
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\",\"limit\":1}", "bad_request",
	               "unknown argument \"limit\"; status takes none");
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"colour\":1}", "bad_request",
	               "unknown argument \"colour\"; queue takes stream, limit");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\"}", "bad_request",
	               "trace needs the argument subject");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"\"}", "bad_request",
	               "subject must be a text; allowed are 1 to 200 bytes");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":5}", "bad_request",
	               "subject must be a text; allowed are 1 to 200 bytes");
	assert_refused(world, "{\"v\":1,\"cmd\":\"exceptions\",\"all\":1}", "bad_request",
	               "all must be true or false");
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":5,\"limit\":6}", "bad_request",
	               "limit is given twice; give it once");
	/* Blanks behind the object, and a carriage return, are nobody's mistake. */
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"version\"} \r"));
}

/* A limit at its edges: 1 and 1000 are taken; 0, 1001, halves, infinity and texts are not. */
static void test_limits(void **state)
{
	struct world *world = *state;
	static const char *const bad[] = {"0", "1001", "1.5", "-1", "1e400", "\"5\"", "true", "null"};
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":1}"));
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":1000}"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char request[128];
		(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"queue\",\"limit\":%s}", bad[i]);
		assert_refused(world, request, "bad_request",
		               "limit must be a whole number; allowed is 1 to 1000");
	}
	char request[512];
	char subject[202];
	memset(subject, 'x', sizeof subject);
	subject[201] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"%s\"}", subject);
	assert_refused(world, request, "bad_request", "subject must be a text; allowed are 1 to 200 bytes");
	subject[200] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"%s\"}", subject);
	assert_null(ask(world, request));
	assert_string_equal(text(world->root, "code"), "not_found");
}

/* Nesting as deep as a request can be, and bytes that are no UTF-8, are refused in good JSON. */
static void test_hostile(void **state)
{
	struct world *world = *state;
	struct buf deep;
	buf_init(&deep, HAL_CONTROL_REQUEST_MAX);
	for (unsigned i = 0; i < HAL_CONTROL_REQUEST_MAX; i++)
		buf_append_char(&deep, '[');
	assert_null(ask_span(world, buf_span(&deep)));
	buf_release(&deep);
	assert_null(ask(world, "{\"v\":1,\"cmd\":\"\xff\xfe\"}"));
	assert_non_null(strstr(text(world->root, "error"), "unknown command \"??\""));
	assert_null(ask_span(world, (struct span){"{\"v\":1,\0}", 9}));
}

/* ---- answers ---- */

/* version: who answers. */
static void test_version(void **state)
{
	struct world *world = *state;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"version\"}");
	assert_string_equal(text(data, "version"), "0.1.0");
	assert_int_equal(number(data, "protocol"), 1);
	/* NOW_NS less 90 s. */
	assert_string_equal(text(data, "started"), "2024-02-29T09:28:35.000Z");
}

/* queue: each stream's oldest, their age, the limit, one stream, an unknown one. */
static void test_queue(void **state)
{
	struct world *world = *state;
	world->store.streams[1].acked_sequence = 0;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"queue\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "documents")), 6);
	assert_int_equal(number(data, "waiting"), 6);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
	const cJSON *first = cJSON_GetArrayItem(list(data, "documents"), 0);
	assert_string_equal(text(first, "stream"), "00001");
	assert_int_equal(number(first, "sequence"), 7);
	assert_int_equal(number(first, "age_s"), 300);
	assert_int_equal(number(first, "bytes"), 612);
	data = ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":2,\"stream\":\"00070\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "documents")), 2);
	assert_int_equal(number(data, "waiting"), 3);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"stream\":\"x\"}", "not_found",
	               "there is no stream \"x\"; known: 00001, 00070");
	/* Exactly as many as asked for: nothing more. */
	data = ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":3,\"stream\":\"00070\"}");
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
}

/* trace: lines with what applies to each, and a sentence for an unknown subject. */
static void test_trace(void **state)
{
	struct world *world = *state;
	const cJSON *data =
	    ask(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"00001/invoice/2024/RI-1001\"}");
	const cJSON *lines = list(data, "lines");
	assert_int_equal(cJSON_GetArraySize(lines), 2);
	assert_string_equal(text(cJSON_GetArrayItem(lines, 0), "at"), "2024-02-29T09:30:05.000Z");
	assert_int_equal(number(cJSON_GetArrayItem(lines, 0), "sequence"), 7);
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(lines, 1), "sequence"));
	assert_string_equal(text(cJSON_GetArrayItem(lines, 1), "text"), "the broker said \"no\"");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"RI-1001\"}", "not_found",
	               "nothing is known of \"RI-1001\"; a subject is entity/type/year/number, such as "
	               "00001/invoice/2024/RI-1001");
}

/* exceptions: pages by id without a gap or a double; raw bytes that are no UTF-8 become '?'. */
static void test_exceptions(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 5;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":3}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 3);
	assert_int_equal(number(data, "open"), 5);
	assert_int_equal(number(data, "next"), 3);
	const cJSON *first = cJSON_GetArrayItem(list(data, "exceptions"), 0);
	assert_int_equal(number(first, "id"), 5);
	assert_string_equal(text(first, "raw"), "GLAA=?\"\n");
	assert_string_equal(text(first, "owner"), "data_quality");
	assert_int_equal(number(first, "age_s"), 60);
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":3,\"before\":3}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 2);
	assert_int_equal(number(cJSON_GetArrayItem(list(data, "exceptions"), 0), "id"), 2);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"all\":true}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 6);
}

/* A thousand exceptions with long texts do not fit: the answer stays below 1 MiB, is whole, and says "more". */
static void test_large_answer(void **state)
{
	struct world *world = *state;
	char *control = malloc(400);
	assert_non_null(control);
	memset(control, 1, 400); /* six bytes each as JSON */
	world->store.exceptions = 1000;
	world->store.exception_text = (struct span){control, 400};
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":1000}");
	assert_non_null(data);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_true(world->reply.len < HAL_CONTROL_REPLY_MAX);
	int shown = cJSON_GetArraySize(list(data, "exceptions"));
	assert_true(shown > 200 && shown < 1000);
	assert_int_equal(number(data, "next"), 1000 - shown + 1);
	free(control);
}

/* pull: all sources, one, an unknown one, which pokes none. */
static void test_pull(void **state)
{
	struct world *world = *state;
	assert_int_equal(cJSON_GetArraySize(list(ask(world, "{\"v\":1,\"cmd\":\"pull\"}"), "sources")), 2);
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"pull\",\"source\":\"archive\"}"));
	assert_int_equal(world->pulls[0].poked, 1);
	assert_int_equal(world->pulls[1].poked, 2);
	assert_refused(world, "{\"v\":1,\"cmd\":\"pull\",\"source\":\"x\"}", "not_found",
	               "there is no source \"x\"; configured: erp, archive");
	assert_int_equal(world->pulls[0].poked, 1);
}

/* ---- status ---- */

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
	    TEST(test_bad_requests),
	    TEST(test_limits),
	    TEST(test_hostile),
	    TEST(test_version),
	    TEST(test_queue),
	    TEST(test_trace),
	    TEST(test_exceptions),
	    TEST(test_large_answer),
	    TEST(test_pull),
	    TEST(test_status_healthy),
	    TEST(test_status_starting),
	    TEST(test_status_degraded),
	    TEST(test_status_lost),
	    TEST(test_status_without_store),
	    TEST(test_status_many_exceptions),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
