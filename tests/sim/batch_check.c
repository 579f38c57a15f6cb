/*
 * batch_check.c - unpacks a batch and compares it with its members.
 *
 * Why:   see batch_check.h.
 * Owns:  nothing.
 * Rules: as in batch_check.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/batch_check.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The simulated worlds make batches of at most 50 events of a few thousand bytes. */
#define LINES_BYTES_MAX (UINT32_C(1024) * 1024u)

bool batch_is(struct span payload)
{
	return memmem(payload.data, payload.len, "\"" EVENT_BATCH_TYPE "\"", sizeof EVENT_BATCH_TYPE + 1) !=
	       NULL;
}

static bool unpack(const char *text, struct buf *lines)
{
	size_t len = text ? strlen(text) : 0;
	if (len == 0 || len % 4 != 0)
		return false;
	uint8_t *packed = mem_alloc(len);
	int count = EVP_DecodeBlock(packed, (const uint8_t *)text, (int)len);
	uLongf size = LINES_BYTES_MAX;
	uint8_t *room = buf_reserve(lines, size);
	/* What stands for the padding of base64 is behind zlib's own end. */
	bool good = count > 0 && room && uncompress(room, &size, packed, (uLong)count) == Z_OK;
	if (good)
		buf_added(lines, size);
	free(packed);
	return good && lines->len > 0 && lines->data[lines->len - 1] == '\n';
}

struct members {
	const char *source;
	int64_t first;
	int64_t count;
	char chain[2 * EVENT_HASH_BYTES + 1];
};

static bool take_member(struct members *members, struct span bytes)
{
	struct event event;
	bool good = event_parse(&event, bytes) && strcmp(event.source, members->source) == 0 &&
	            event.number == members->first + members->count &&
	            text_copy(members->chain, sizeof members->chain, span_of(event.chainhash));
	members->count++;
	event_release(&event);
	return good;
}

static bool fits(const cJSON *root, const struct members *members)
{
	char input[EVENT_SOURCE_MAX + 200];
	char expected[2 * EVENT_HASH_BYTES + 1];
	char subject[EVENT_STREAM_MAX + 80];
	char stream[EVENT_STREAM_MAX];
	/* Both sequences as they stand in the message: twenty digits. */
	long long last = members->first + members->count - 1;
	const char *id = event_text(root, "id");
	const char *name = event_text(root, "subject");
	const char *encoding = event_text(root, "contentencoding");
	const char *sequence = event_text(root, "sequencelast");
	const cJSON *count = cJSON_GetObjectItemCaseSensitive(root, "count");
	if (!event_stream_of(members->source, stream))
		return false;
	(void)snprintf(input, sizeof input, "tp1/batch/v1\n%s\n%020lld\n%020lld\n%s\n", members->source,
	               (long long)members->first, last, members->chain);
	event_hash_hex(span_of(input), expected);
	(void)snprintf(subject, sizeof subject, "%s/batch/%s/%lld", stream, strrchr(members->source, ':') + 1,
	               (long long)members->first);
	return id && strlen(id) == 32 && strncmp(id, expected, 32) == 0 && name &&
	       strcmp(name, subject) == 0 && encoding && strcmp(encoding, "deflate") == 0 && sequence &&
	       strlen(sequence) == 20 && strtoll(sequence, NULL, 10) == last && cJSON_IsNumber(count) &&
	       (int64_t)count->valuedouble == members->count;
}

static bool check(const cJSON *root, struct buf *lines)
{
	const char *sequence = event_text(root, "sequence");
	struct members members = {.source = event_text(root, "source")};
	bool good = members.source && sequence && strlen(sequence) == 20 &&
	            unpack(event_text(root, "data_base64"), lines);
	members.first = good ? strtoll(sequence, NULL, 10) : 0;
	for (size_t at = 0; good && at < lines->len;) {
		const uint8_t *end = memchr(lines->data + at, '\n', lines->len - at);
		struct span member = {(const char *)lines->data + at, (size_t)(end - lines->data) - at};
		good = take_member(&members, member);
		at += member.len + 1;
	}
	return good && fits(root, &members);
}

void batch_check(struct span payload, char finding[SIM_FINDING_MAX],
                 void (*visit)(void *self, struct span member), void *self)
{
	struct buf lines;
	cJSON *root = cJSON_ParseWithLength(payload.data, payload.len);
	buf_init(&lines, LINES_BYTES_MAX);
	if (!check(root, &lines)) {
		sim_find(finding, "a batch does not say what is in it: %.*s",
		         (int)(payload.len < 200 ? payload.len : 200), payload.data);
	} else {
		for (size_t at = 0; at < lines.len;) {
			const uint8_t *end = memchr(lines.data + at, '\n', lines.len - at);
			struct span member = {(const char *)lines.data + at, (size_t)(end - lines.data) - at};
			visit(self, member);
			at += member.len + 1;
		}
	}
	cJSON_Delete(root);
	buf_release(&lines);
}
