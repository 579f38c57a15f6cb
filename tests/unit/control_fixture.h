/*
 * control_fixture.h - the world of the tests of the control protocol: everything around it is played.
 *
 * Why:   every trouble that status may tell is made at will.
 * Owns:  the fakes: a store of a few rows, pull machines, an uplink, a clock. They take the places of the product's at
 *        linking; the real store answers in control_change_test.c, all of them in the integration tests.
 * Rules: 1. Included by one file of each program: it defines functions of the product.
 *        2. Answers are read by cJSON, another implementation than the one that writes them.
 * Runs in: the tests.
 * Tests: control_test.c, control_status_test.c
 */
#ifndef TWINPOST_CONTROL_FIXTURE_H
#define TWINPOST_CONTROL_FIXTURE_H

#include "firmware/control_commands.h"
#include "store_forward/audit.h"
#include "store_forward/replay.h"

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
	enum err error;              /* of every reading call */
	int64_t acknowledged_before; /* what is asked of each stream's outcomes */
	int64_t asked_at_ns;
	int64_t unsettled;
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

static inline int64_t fake_mono_ns(struct hal *hal)
{
	(void)hal;
	return 100 * NS_PER_S;
}

static inline int64_t fake_wall_ns(struct hal *hal)
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

enum err store_acknowledged_before(struct store *store, int stream, int64_t at_ns, int64_t *sequence,
                                   struct err_info *info)
{
	(void)stream, (void)info;
	store->asked_at_ns = at_ns;
	*sequence = store->acknowledged_before;
	return ERR_OK;
}

enum err store_unsettled(struct store *store, int stream, int64_t upto, int64_t *count, int64_t *oldest,
                         struct err_info *info)
{
	(void)stream, (void)info;
	*count = store->unsettled;
	*oldest = upto;
	return ERR_OK;
}

int store_replay_count(const struct store *store)
{
	(void)store;
	return 2;
}

/* Linked, but not for this test: a store of this kind has none of it. */
enum err store_checkpoint_find(struct store *store, int stream, int64_t epoch, int64_t size,
                               struct store_checkpoint *checkpoint, struct buf *texts, struct err_info *info)
{
	(void)store, (void)stream, (void)epoch, (void)size, (void)checkpoint, (void)texts;
	return err_set(info, ERR_NOT_FOUND, "there is no checkpoint");
}

enum err store_exception_clear(struct store *store, struct span rule, struct span source, struct span key,
                               int64_t now_ns, int *cleared, struct err_info *info)
{
	(void)store, (void)rule, (void)source, (void)key, (void)now_ns, (void)info;
	*cleared = 0;
	return ERR_OK;
}

enum err store_exception_get(struct store *store, int64_t id, store_exception_visitor visit, void *self,
                             struct err_info *info)
{
	(void)store, (void)id, (void)visit, (void)self;
	return err_set(info, ERR_NOT_FOUND, "there is no exception");
}

enum err store_exception_mark(struct store *store, int64_t id, bool acknowledged, struct span who,
                              struct span note, int64_t now_ns, struct err_info *info)
{
	(void)store, (void)id, (void)acknowledged, (void)who, (void)note, (void)now_ns, (void)info;
	BUG("nothing is changed here");
}

enum err store_document_find(struct store *store, struct span subject, struct store_document *document,
                             struct err_info *info)
{
	(void)store, (void)subject, (void)document;
	return err_set(info, ERR_NOT_FOUND, "there is no such document");
}

int64_t store_outbox_first(const struct store *store, int stream)
{
	(void)store, (void)stream;
	return 1;
}

enum err store_replay_add(struct store *store, struct store_replay *replay, struct err_info *info)
{
	(void)store, (void)replay, (void)info;
	BUG("nothing is changed here");
}

enum err store_audit_add(struct store *store, const struct store_audit_entry *entry, struct err_info *info)
{
	(void)store, (void)entry, (void)info;
	BUG("nothing is changed here");
}

enum err store_audit_read(struct store *store, int64_t before, store_audit_visitor visit, void *self,
                          struct err_info *info)
{
	(void)store, (void)before, (void)visit, (void)self, (void)info;
	return ERR_OK;
}

enum err store_audit_verify(struct store *store, int64_t *count, struct err_info *info)
{
	(void)store, (void)info;
	*count = 0;
	return ERR_OK;
}

int64_t store_audit_head(const struct store *store, struct digest *digest)
{
	(void)store;
	*digest = (struct digest){{0}};
	return 0;
}

/* ---- commands of other tests: the real store and the ledger would come with them ---- */

#define NOT_HERE(command)                                                                        \
	enum err command(const struct control_view *view, const struct control_request *request, \
	                 struct json *json, struct err_info *info)                               \
	{                                                                                        \
		(void)view, (void)request, (void)json;                                           \
		return err_set(info, ERR_UNSUPPORTED, "not here");                               \
	}
NOT_HERE(control_compare_list)
NOT_HERE(control_compare_show)
NOT_HERE(control_compare_ack)
NOT_HERE(control_compare_snooze)
NOT_HERE(control_compare_accept)
NOT_HERE(control_compare_reject)
NOT_HERE(control_compare_reopen)
NOT_HERE(control_compare_begin)
NOT_HERE(control_compare_differences)
NOT_HERE(control_compare_end)
NOT_HERE(control_compare_repost)

/* ---- the world of a test: everything is well ---- */

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	struct world *world = *state;
	cJSON_Delete(world->root);
	buf_release(&world->reply);
	free(world);
	return 0;
}

/* The answer, checked to be one line of protocol version 1; NULL where it is an error. */
static inline const cJSON *ask_span(struct world *world, struct span request)
{
	cJSON_Delete(world->root);
	buf_clear(&world->reply);
	control_answer(&world->view, SPAN_LITERAL("anna (uid 1000)"), request, &world->reply);
	assert_null(memchr(world->reply.data, '\n', world->reply.len));
	world->root = cJSON_ParseWithLength((const char *)world->reply.data, world->reply.len);
	assert_non_null(world->root);
	assert_true(cJSON_GetObjectItem(world->root, "v")->valueint == 1);
	if (cJSON_IsTrue(cJSON_GetObjectItem(world->root, "ok")))
		return cJSON_GetObjectItem(world->root, "data");
	assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItem(world->root, "code")));
	return NULL;
}

static inline const cJSON *ask(struct world *world, const char *request)
{
	return ask_span(world, span_of(request));
}

static inline const char *text(const cJSON *object, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return value ? value : "(none)";
}

static inline int number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	assert_true(cJSON_IsNumber(item));
	return item->valueint;
}

static inline const cJSON *list(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	assert_true(cJSON_IsArray(item));
	return item;
}

static inline void assert_refused(struct world *world, const char *request, const char *code,
                                  const char *error)
{
	if (ask(world, request))
		fail_msg("accepted: %s", request);
	assert_string_equal(text(world->root, "code"), code);
	assert_string_equal(text(world->root, "error"), error);
}

#endif
