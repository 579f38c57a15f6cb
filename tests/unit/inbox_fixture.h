/*
 * inbox_fixture.h - an inbox on a real store, the cloud's keys, and a sink that writes down what it is asked.
 *
 * Why:   inbox_test.c and inbox_commands_test.c speak to it as the cloud does: signed bytes on topics.
 * Owns:  struct desk owns the bench, the inbox and the three keys.
 * Rules: 1. Notes are put together here line by line, with key pairs of hal/keys_crypto.h, not by the code under test.
 *        2. Each message is a transaction, as in the agent.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_INBOX_FIXTURE_H
#define TWINPOST_INBOX_FIXTURE_H

#include "tests/unit/cloud_fixture.h"

#include "connector/uplink/inbox.h"
#include "hal/keys_crypto.h"

struct desk {
	struct bench *bench;
	struct inbox *inbox;
	struct cloud_keys keys;
	struct key_pair *commander; /* cloud.command_keys */
	struct key_pair *receiver;  /* cloud.receipt_keys */
	struct key_pair *stranger;
	const char *refusal; /* what the sink answers; NULL: it does */
	char asked[1024];    /* what the sink was asked, as "pause source erp; " */
	/* Of the sink: set before desk_open(); NULL: postings are not taken. */
	enum err (*posting)(void *self, const struct posting_event *event, const struct document *document,
	                    struct err_info *info);
	enum err (*posting_state)(void *self, const char *name, struct buf *out, struct err_info *info);
	enum err (*posting_keep)(void *self, const char *name, struct span state, struct err_info *info);
	struct buf note;
};

static inline void desk_note(struct desk *desk, const char *format, ...)
{
	va_list args;
	size_t used = strlen(desk->asked);
	va_start(args, format);
	(void)vsnprintf(desk->asked + used, sizeof desk->asked - used, format, args);
	va_end(args);
}

static inline enum err desk_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	struct desk *desk = self;
	return recorder_exception(&desk->bench->recorder, exception, info);
}

static inline enum err desk_clear(void *self, const char *rule, struct span key, struct err_info *info)
{
	struct desk *desk = self;
	return recorder_clear(&desk->bench->recorder, span_of(rule), SPAN_LITERAL("cloud"), key, info);
}

static inline enum err desk_answer(struct desk *desk, struct err_info *info)
{
	return desk->refusal ? err_set(info, ERR_NOT_FOUND, "%s", desk->refusal) : ERR_OK;
}

static inline enum err desk_pause(void *self, const char *source, const char *stream, bool resume,
                                  struct err_info *info)
{
	struct desk *desk = self;
	desk_note(desk, "%s %s %s; ", resume ? "resume" : "pause", source[0] ? "source" : "stream",
	          source[0] ? source : stream);
	return desk_answer(desk, info);
}

static inline enum err desk_sweep(void *self, const char *source, struct err_info *info)
{
	struct desk *desk = self;
	desk_note(desk, "sweep %s; ", source);
	return desk_answer(desk, info);
}

static inline void desk_greet(void *self)
{
	desk_note(self, "greet; ");
}

static inline enum err desk_moved(void *self, const char *source, struct span subject, int64_t revision,
                                  struct err_info *info)
{
	(void)info;
	desk_note(self, "moved %s %.*s %d; ", source, (int)subject.len, subject.data, (int)revision);
	return ERR_OK;
}

static inline void desk_open(struct desk *desk)
{
	const struct inbox_sink sink = {.self = desk,
	                                .raise = desk_raise,
	                                .clear = desk_clear,
	                                .pause = desk_pause,
	                                .sweep = desk_sweep,
	                                .greet = desk_greet,
	                                .moved = desk_moved,
	                                .posting = desk->posting,
	                                .posting_state = desk->posting_state,
	                                .posting_keep = desk->posting_keep};
	desk->inbox = inbox_new(&desk->bench->store.hal.hal, NULL, desk->bench->store.store,
	                        &desk->bench->config, &desk->keys, &sink);
}

static inline int desk_set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof *desk);
	assert_non_null(desk);
	desk->bench = bench_new();
	struct hal *hal = &desk->bench->store.hal.hal;
	desk->commander = key_pair_generate(hal);
	desk->receiver = key_pair_generate(hal);
	desk->stranger = key_pair_generate(hal);
	memcpy(desk->keys.command[0], key_pair_public(desk->commander).data, PUBLIC_KEY_BYTES);
	memcpy(desk->keys.receipt[0], key_pair_public(desk->receiver).data, PUBLIC_KEY_BYTES);
	desk->keys.command_count = 1;
	desk->keys.receipt_count = 1;
	buf_init(&desk->note, 2 * NOTE_BYTES_MAX);
	desk_open(desk);
	*state = desk;
	return 0;
}

static inline int desk_tear_down(void **state)
{
	struct desk *desk = *state;
	inbox_free(desk->inbox);
	key_pair_free(desk->commander);
	key_pair_free(desk->receiver);
	key_pair_free(desk->stranger);
	buf_release(&desk->note);
	bench_free(desk->bench);
	free(desk);
	return 0;
}

/* Appends the signature line of the key over the text. */
static inline void desk_sign(struct buf *note, struct span text, struct key_pair *key, const char *name)
{
	uint8_t raw[4 + HAL_SIGNATURE_MAX];
	uint8_t hash[HAL_KEY_HASH_BYTES];
	size_t len;
	key_hash(key_pair_public(key), hash);
	memcpy(raw, hash, 4);
	key_pair_sign(key, text, raw + 4, &len);
	buf_printf(note, "\xe2\x80\x94 %s ", name);
	base64_encode(note, raw, 4 + len);
	buf_append_char(note, '\n');
}

/* Hands the message to the inbox in a transaction of its own. The answer of the mail it added, as "up/res {...}"; NULL:
 * it added none. To be freed. */
static inline char *desk_take(struct desk *desk, const char *topic, struct span payload, bool retained)
{
	struct bench *bench = desk->bench;
	int64_t next = store_mail_next_id(bench->store.store);
	bench_begin(bench);
	bench_must(bench, inbox_message(desk->inbox, span_of(topic), payload, retained, &bench->info));
	bench_commit(bench);
	int64_t added = store_mail_next_id(bench->store.store) - next;
	assert_true(added == 0 || added == 1);
	return added == 0 ? NULL : bench_mail(bench, next);
}

static inline int desk_open_count(struct desk *desk, const char *rule, const char *key)
{
	return bench_open_exceptions(desk->bench, rule, key, NULL);
}

static inline void expect_answer(char *answer, const char *expected)
{
	assert_non_null(answer);
	assert_string_equal(answer, expected);
	free(answer);
}

/* The answer has this text in it. */
static inline void expect_in(char *answer, const char *part)
{
	assert_non_null(answer);
	if (!strstr(answer, part))
		fail_msg("%s is not in %s", part, answer);
	free(answer);
}

#endif
