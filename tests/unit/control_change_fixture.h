/*
 * control_change_fixture.h - the world of the tests of changes over the control socket: a real store, a played agent.
 *
 * Why:   an answer with ok must be on the disk, with who, when and why; and nothing may happen without it.
 * Owns:  a store in a directory of its own; the agent's callbacks, which count and may be told to fail. Pull machines
 *        and uplink are played.
 * Rules: 1. Included by one file of each program: it defines functions of the product.
 *        2. Answers are read by cJSON; hash and PEM of the key were made by openssl and sha256sum.
 * Runs in: the tests.
 * Tests: control_change_test.c, control_replay_test.c
 */
#ifndef TWINPOST_CONTROL_CHANGE_FIXTURE_H
#define TWINPOST_CONTROL_CHANGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "firmware/control.h"
#include "store_forward/audit.h"
#include "store_forward/outcomes.h"
#include "store_forward/replay.h"
#include "store_forward/store_internal.h"
#include "tests/lib/test_store.h"

/* RFC 6979, A.2.5: the public key as DER SubjectPublicKeyInfo, by `openssl ec -pubin -outform DER | xxd -p`. */
#define KEY_HEX                                                                                   \
	"3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c" \
	"049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294" \
	"d4462299"
/* By sha256sum of that. */
#define KEY_SHA256 "5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4"
#define KEY_PEM                                                              \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n" \
	"Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"     \
	"-----END PUBLIC KEY-----\n"

struct world {
	struct test_store test;
	struct config config;
	struct control_view view;
	struct buf reply;
	cJSON *root;
	uint8_t key[91];
	size_t key_len;
	enum err fail; /* of the next commit */
	int failed;
	int read_again;
	int sent_again;
	int sent_stream; /* id of it; 0: the connection */
	int rotated;
};

void pull_status(const struct pull *pull, struct pull_status *status)
{
	(void)pull;
	*status = (struct pull_status){.source = "erp", .state = "idle"};
}

void pull_poke(struct pull *pull)
{
	(void)pull;
}

void forward_status(const struct forward *forward, struct forward_status *status)
{
	(void)forward;
	*status = (struct forward_status){.state = "up"};
}

/* ---- the agent's callbacks ---- */

static inline enum err begin(void *self, struct err_info *info)
{
	struct world *world = self;
	return store_in_transaction(world->test.store) ? ERR_OK : store_begin(world->test.store, info);
}

static inline enum err commit(void *self, struct err_info *info)
{
	struct world *world = self;
	if (world->fail != ERR_OK)
		return err_set(info, world->fail, "the disk is full");
	return store_commit(world->test.store, info);
}

static inline void failed(void *self, enum err err, const struct err_info *info)
{
	struct world *world = self;
	assert_int_not_equal(err, ERR_OK);
	assert_true(info->text[0] != 0);
	world->failed++;
	store_rollback(world->test.store);
}

static inline enum err read_again(void *self, struct span source, struct err_info *info)
{
	(void)info;
	assert_true(span_equal(source, SPAN_LITERAL("erp")));
	((struct world *)self)->read_again++;
	return ERR_OK;
}

static inline enum err send_again(void *self, const struct store_stream *stream, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	world->sent_again++;
	world->sent_stream = stream ? stream->id : 0;
	return ERR_OK;
}

static inline enum err key_rotate(void *self, struct err_info *info)
{
	struct world *world = self;
	(void)info;
	assert_true(store_in_transaction(world->test.store));
	world->rotated++;
	return ERR_OK;
}

static inline struct span key_public(void *self)
{
	struct world *world = self;
	return (struct span){(const char *)world->key, world->key_len};
}

static inline int set_up(void **state)
{
	struct world *world = mem_alloc(sizeof *world);
	test_store_begin(&world->test);
	test_store_open(&world->test);
	assert_true(hex_decode(world->key, sizeof world->key, SPAN_LITERAL(KEY_HEX)));
	world->key_len = sizeof world->key;
	assert_true(text_copy(world->config.tenant, CONFIG_NAME_MAX, SPAN_LITERAL("acme")));
	assert_true(text_copy(world->config.gateway, CONFIG_NAME_MAX, SPAN_LITERAL("plant-1")));
	assert_true(text_copy(world->config.sources[0].name, CONFIG_NAME_MAX, SPAN_LITERAL("erp")));
	world->config.source_count = 1;
	world->view = (struct control_view){
	    .config = &world->config,
	    .store = world->test.store,
	    .hal = &world->test.hal.hal,
	    .version = "0.1.0",
	    .actions = {world, begin, commit, failed, read_again, send_again, key_rotate, key_public},
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
	test_store_end(&world->test);
	free(world);
	return 0;
}

/* As after a power cut: what was not committed is gone. */
static inline void restart(struct world *world)
{
	test_store_reopen(&world->test);
	world->view.store = world->test.store;
}

static inline const cJSON *ask(struct world *world, const char *request)
{
	cJSON_Delete(world->root);
	buf_clear(&world->reply);
	control_answer(&world->view, SPAN_LITERAL("anna (uid 1000)"), span_of(request), &world->reply);
	world->root = cJSON_ParseWithLength((const char *)world->reply.data, world->reply.len);
	assert_non_null(world->root);
	return cJSON_IsTrue(cJSON_GetObjectItem(world->root, "ok")) ? cJSON_GetObjectItem(world->root, "data")
	                                                            : NULL;
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

static inline bool is_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static inline const cJSON *entry(const cJSON *object, const char *name, int index)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, name), index);
}

static inline const cJSON *must(struct world *world, const char *request)
{
	const cJSON *data = ask(world, request);
	if (!data)
		fail_msg("%s: %s", request, text(world->root, "error"));
	return data;
}

static inline void refused(struct world *world, const char *request, const char *code, const char *error)
{
	if (ask(world, request))
		fail_msg("accepted: %s", request);
	assert_string_equal(text(world->root, "error"), error);
	assert_string_equal(text(world->root, "code"), code);
	assert_false(store_in_transaction(world->test.store));
}

static inline int64_t audited(struct world *world)
{
	struct digest head;
	return store_audit_head(world->test.store, &head);
}

static inline void assert_newest_entry(struct world *world, const char *action, const char *target,
                                       const char *why)
{
	const cJSON *newest = entry(must(world, "{\"v\":1,\"cmd\":\"audit\",\"limit\":1}"), "entries", 0);
	assert_string_equal(text(newest, "who"), "anna (uid 1000)");
	assert_string_equal(text(newest, "action"), action);
	assert_string_equal(text(newest, "target"), target);
	assert_string_equal(text(newest, "why"), why);
	/* The clock of test_hal.h. */
	assert_string_equal(text(newest, "at"), "2026-01-02T03:04:05.000Z");
}

static inline void raise_exception(struct world *world, const char *rule, const char *source, const char *key)
{
	struct test_store *test = &world->test;
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = span_of(source),
	    .key = span_of(key),
	    .owner = STORE_OWNER_DATA_QUALITY,
	    .text = SPAN_LITERAL("debits and credits differ"),
	    .first_ns = test->hal.wall_ns,
	};
	bool fresh = false;
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test, store_exception_raise(test->store, &exception, &fresh, &test->info), "raise");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
}

static inline void clear_exception(struct world *world, const char *source, const char *key)
{
	struct test_store *test = &world->test;
	int cleared = 0;
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test,
	                store_exception_clear(test->store, (struct span){NULL, 0}, span_of(source),
	                                      span_of(key), test->hal.wall_ns, &cleared, &test->info),
	                "clear");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	assert_int_equal(cleared, 1);
}

#endif
