/*
 * cloud_fixture.h - a store, a signing key, a notary and a recorder: what notary, record and inbox need, small.
 *
 * Why:   their rules are about what stands in the store, so they are shown with the real one.
 * Owns:  struct bench owns all of it, and a folder for the keys beside the store.
 * Rules: 1. A helper that cannot do its work fails the test it is called in.
 *        2. Documents are of company 00001, stream 00001, unless a test says otherwise.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_CLOUD_FIXTURE_H
#define TWINPOST_CLOUD_FIXTURE_H

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "connector/uplink/note.h"
#include "connector/uplink/record.h"
#include "hal/base/base64.h"
#include "store_forward/mail.h"
#include "store_forward/signature.h"
#include "tests/lib/sample_documents.h"
#include "tests/lib/test_store.h"

#define STREAM "00001"

struct bench {
	struct test_store store; /* first */
	struct config config;
	char keys_folder[192];
	struct hal_keys *keys;
	struct hal_keys_opening opening;
	struct notary *notary;
	struct recorder recorder;
	struct document document;
	struct err_info info;
	bool held; /* by the last bench_record() */
};

static inline void bench_must(struct bench *bench, enum err err)
{
	if (err != ERR_OK)
		fail_msg("%s: %s / %s", err_name(err), bench->info.text, bench->store.info.text);
}

/* Opens keys, notary and recorder on the open store; the result is that of the notary. */
static inline enum err bench_try(struct bench *bench)
{
	const struct hal_keys_options options = {.directory = bench->keys_folder};
	struct hal *hal = &bench->store.hal.hal;
	bench_must(bench, hal_keys_open(hal, &options, &bench->keys, &bench->opening, &bench->info));
	const struct notary_options notary = {hal, NULL, bench->store.store, &bench->config, bench->keys};
	enum err err = notary_new(&notary, &bench->notary, &bench->info);
	recorder_init(&bench->recorder, hal, NULL, bench->store.store, &bench->config,
	              err == ERR_OK ? bench->notary : NULL);
	return err;
}

static inline void bench_close(struct bench *bench)
{
	notary_free(bench->notary);
	bench->notary = NULL;
	hal_keys_close(bench->keys);
	bench->keys = NULL;
	recorder_release(&bench->recorder);
}

/* What a power cut and a start leave: only what was committed. */
static inline void bench_restart(struct bench *bench)
{
	bench_close(bench);
	test_store_reopen(&bench->store);
	bench_must(bench, bench_try(bench));
}

static inline struct bench *bench_new(void)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	test_store_begin(&bench->store);
	test_store_open(&bench->store);
	(void)snprintf(bench->keys_folder, sizeof bench->keys_folder, "%s/keys", bench->store.directory);
	struct config *config = &bench->config;
	assert_true(text_copy(config->tenant, sizeof config->tenant, SPAN_LITERAL("acme")));
	assert_true(text_copy(config->gateway, sizeof config->gateway, SPAN_LITERAL("gw-1")));
	assert_true(
	    text_copy(config->keys.directory, sizeof config->keys.directory, span_of(bench->keys_folder)));
	config->uplink.message_bytes_max = 60000;
	config->uplink.checkpoint_period_ns = 60 * NS_PER_S;
	document_init(&bench->document);
	bench_must(bench, bench_try(bench));
	return bench;
}

static inline void remove_folder(const char *folder)
{
	DIR *directory = opendir(folder);
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		char path[512];
		(void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlink(path);
	}
	if (directory != NULL)
		(void)closedir(directory);
	(void)rmdir(folder);
}

static inline void bench_free(struct bench *bench)
{
	bench_close(bench);
	document_release(&bench->document);
	remove_folder(bench->keys_folder);
	test_store_end(&bench->store);
	free(bench);
}

static inline int bench_set_up(void **state)
{
	*state = bench_new();
	return 0;
}

static inline int bench_tear_down(void **state)
{
	bench_free(*state);
	return 0;
}

static inline void bench_begin(struct bench *bench)
{
	bench_must(bench, store_begin(bench->store.store, &bench->info));
}

static inline void bench_commit(struct bench *bench)
{
	bench_must(bench, notary_flush(bench->notary, &bench->info));
	bench_must(bench, store_commit(bench->store.store, &bench->info));
}

static inline void bench_roll_back(struct bench *bench)
{
	store_rollback(bench->store.store);
	notary_rolled_back(bench->notary);
}

/* Records what stands in bench->document, in the open transaction. */
static inline void bench_record(struct bench *bench)
{
	bench_must(bench, recorder_document(&bench->recorder, "erp", "jde/1", &bench->document, &bench->held,
	                                    &bench->info));
}

/* A journal of this number and two lines, amount and -amount, in EUR, fiscal period 2024-02. */
static inline void bench_make_journal(struct bench *bench, int number, const char *amount)
{
	char text[40];
	sample_begin(&bench->document, DOCUMENT_JOURNAL, "EUR");
	(void)snprintf(text, sizeof text, "%d", number);
	sample_set_header(&bench->document, HEADER_NUMBER, text);
	(void)sample_add_journal_line(&bench->document, amount, NULL);
	(void)snprintf(text, sizeof text, "-%s", amount);
	(void)sample_add_journal_line(&bench->document, text, NULL);
}

/* Journals first..last over 10.00, in one transaction. */
static inline void bench_journals(struct bench *bench, int first, int last)
{
	bench_begin(bench);
	for (int n = first; n <= last; n++) {
		bench_make_journal(bench, n, "10.00");
		bench_record(bench);
		assert_false(bench->held);
	}
	bench_commit(bench);
}

static inline const struct store_stream *bench_stream(struct bench *bench)
{
	return test_stream(&bench->store, STREAM);
}

/* ---- reading ---- */

static inline bool copy_event(void *self, const struct store_outbox_row *row)
{
	struct buf *text = self;
	buf_clear(text);
	buf_append_span(text, row->event);
	return false;
}

/* The committed event of the sequence; to be freed. */
static inline char *bench_event(struct bench *bench, const char *name, int64_t sequence)
{
	struct buf text;
	const struct store_stream *stream = test_stream(&bench->store, name);
	buf_init(&text, STORE_EVENT_BYTES_MAX);
	bench_must(bench, store_outbox_range(bench->store.store, stream->id, sequence, sequence, copy_event,
	                                     &text, &bench->info));
	char *copy = strdup(buf_cstr(&text));
	assert_non_null(copy);
	buf_release(&text);
	return copy;
}

/* The text between begin and the next end behind it; to be freed. */
static inline char *text_between(const char *text, const char *begin, const char *end)
{
	const char *from = strstr(text, begin);
	if (!from)
		fail_msg("%s is not in %.300s", begin, text);
	from += strlen(begin);
	const char *to = strstr(from, end);
	assert_non_null(to);
	char *copy = strndup(from, (size_t)(to - from));
	assert_non_null(copy);
	return copy;
}

/* Do these public keys, and no others, sign the note? By signature_verify() alone, line by line. */
static inline void expect_signed(struct span bytes, const struct span *keys, int count)
{
	struct note note;
	assert_int_equal(note_decode(&note, bytes), NOTE_FAULT_NONE);
	assert_int_equal(note.count, count);
	for (int i = 0; i < count; i++) {
		uint8_t raw[128];
		size_t len;
		const struct digest hash = digest_of(&keys[i], 1);
		assert_true(span_equal(note.signatures[i].name, SPAN_LITERAL("acme/gw-1")));
		assert_true(base64_decode(raw, sizeof raw, &len, note.signatures[i].base64));
		assert_memory_equal(raw, hash.bytes, 4);
		assert_true(signature_verify(keys[i], note.text, (struct span){(char *)raw + 4, len - 4}));
	}
}

/* A copy of the current or the next public key. */
struct public_key {
	uint8_t bytes[PUBLIC_KEY_BYTES];
};

static inline struct public_key bench_key(const struct bench *bench, enum hal_key which)
{
	struct public_key key;
	const struct span spki = hal_keys_public(bench->keys, which);
	assert_int_equal(spki.len, sizeof key.bytes);
	memcpy(key.bytes, spki.data, spki.len);
	return key;
}

static inline struct span key_span(const struct public_key *key)
{
	return (struct span){(const char *)key->bytes, sizeof key->bytes};
}

/* The newest checkpoint's note; to be freed. */
static inline char *bench_checkpoint(struct bench *bench, const char *name, int64_t *size)
{
	struct store_checkpoint found;
	struct buf texts;
	buf_init(&texts, 2 * STORE_NOTE_BYTES_MAX);
	bench_must(bench, store_checkpoint_find(bench->store.store, test_stream(&bench->store, name)->id, 0,
	                                        0, &found, &texts, &bench->info));
	*size = found.size;
	char *copy = strndup(found.note.data, found.note.len);
	assert_non_null(copy);
	buf_release(&texts);
	return copy;
}

/* ---- mail ---- */

struct mail_seen {
	int64_t wanted; /* 0: the last one */
	int64_t id;
	char topic[STORE_MAIL_TOPIC_MAX + 1];
	char *payload;
};

static inline bool see_mail(void *self, int64_t id, struct span topic, struct span payload)
{
	struct mail_seen *seen = self;
	if (seen->wanted != 0 && id != seen->wanted)
		return true;
	seen->id = id;
	assert_true(text_copy(seen->topic, sizeof seen->topic, topic));
	free(seen->payload);
	seen->payload = strndup(payload.data, payload.len);
	return seen->wanted == 0;
}

/* The committed mail of this id (0: the last one), topic and payload as "up/res {...}"; to be freed. NULL: none. */
static inline char *bench_mail(struct bench *bench, int64_t id)
{
	struct mail_seen seen = {.wanted = id};
	bench_must(bench, store_mail_read(bench->store.store, 0, see_mail, &seen, &bench->info));
	if (!seen.payload)
		return NULL;
	size_t size = strlen(seen.topic) + strlen(seen.payload) + 2;
	char *text = malloc(size);
	assert_non_null(text);
	(void)snprintf(text, size, "%s %s", seen.topic, seen.payload);
	free(seen.payload);
	return text;
}

/* ---- exceptions ---- */

struct exception_seen {
	const char *rule;
	const char *key;
	int open;
	char text[1200];
	char raw[600];
	enum store_owner owner;
};

static inline bool see_exception(void *self, const struct store_exception *exception)
{
	struct exception_seen *seen = self;
	if (exception->open && span_equal(exception->rule, span_of(seen->rule)) &&
	    (!seen->key || span_equal(exception->key, span_of(seen->key)))) {
		seen->open++;
		seen->owner = exception->owner;
		(void)snprintf(seen->text, sizeof seen->text, "%.*s", (int)exception->text.len,
		               exception->text.data);
		(void)snprintf(seen->raw, sizeof seen->raw, "%.*s", (int)exception->raw.len,
		               exception->raw.data);
	}
	return true;
}

/* How many of the rule (and key, where it is not NULL) are open; the text of one of them. */
static inline int bench_open_exceptions(struct bench *bench, const char *rule, const char *key,
                                        struct exception_seen *seen)
{
	struct exception_seen own;
	seen = seen ? seen : &own;
	*seen = (struct exception_seen){.rule = rule, .key = key};
	bench_must(bench, store_exceptions(bench->store.store, false, 0, see_exception, seen, &bench->info));
	return seen->open;
}

#endif
