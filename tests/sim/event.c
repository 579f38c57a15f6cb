/*
 * event.c - parses an event and recomputes what it claims.
 *
 * Why:   see event.h.
 * Owns:  as in event.h.
 * Rules: as in event.h.
 * Runs in: tests.
 * Tests: tests/sim/subscriber_test.c, tests/sim/sim_test.c
 */
#include "tests/sim/event.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the lines that are hashed: source, sequence, id, type, subject, time, schema. */
#define HASH_INPUT_MAX 4000

void sim_find(char finding[SIM_FINDING_MAX], const char *format, ...)
{
	if (finding[0])
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(finding, SIM_FINDING_MAX, format, args);
	va_end(args);
}

void event_sha256(struct span bytes, uint8_t hash[EVENT_HASH_BYTES])
{
	unsigned len = 0;
	CHECK(EVP_Digest(bytes.data, bytes.len, hash, &len, EVP_sha256(), NULL) == 1 &&
	      len == EVENT_HASH_BYTES);
}

void event_hash_hex(struct span bytes, char hex[2 * EVENT_HASH_BYTES + 1])
{
	uint8_t hash[EVENT_HASH_BYTES];
	event_sha256(bytes, hash);
	for (int i = 0; i < EVENT_HASH_BYTES; i++)
		(void)snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", hash[i]);
}

/* The bytes of the value of "data" as they stand in the payload: keys are sorted, and only "chainhash" comes
 * before. */
static struct span data_bytes(struct span payload)
{
	static const char key[] = "\",\"data\":";
	const char *at = memmem(payload.data, payload.len, key, sizeof key - 1);
	if (!at)
		return (struct span){NULL, 0};
	const char *begin = at + sizeof key - 1;
	int depth = 0;
	bool in_text = false;
	for (const char *c = begin; c < payload.data + payload.len; c++) {
		if (in_text) {
			if (*c == '\\')
				c++;
			else if (*c == '"')
				in_text = false;
		} else if (*c == '"') {
			in_text = true;
		} else if (*c == '{' || *c == '[') {
			depth++;
		} else if (*c == '}' || *c == ']') {
			if (--depth == 0)
				return (struct span){begin, (size_t)(c + 1 - begin)};
		}
	}
	return (struct span){NULL, 0};
}

const char *event_text(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool event_parse(struct event *event, struct span payload)
{
	const char *end = NULL;
	*event = (struct event){.root = cJSON_ParseWithLengthOpts(payload.data, payload.len, &end, 0)};
	if (!event->root || end != payload.data + payload.len)
		return false;
	event->data = cJSON_GetObjectItemCaseSensitive(event->root, "data");
	event->data_bytes = data_bytes(payload);
	event->source = event_text(event->root, "source");
	event->sequence = event_text(event->root, "sequence");
	event->id = event_text(event->root, "id");
	event->type = event_text(event->root, "type");
	event->subject = event_text(event->root, "subject");
	event->time = event_text(event->root, "time");
	event->dataschema = event_text(event->root, "dataschema");
	event->chainhash = event_text(event->root, "chainhash");
	event->part = event_text(event->root, "part");
	const cJSON *revision = cJSON_GetObjectItemCaseSensitive(event->root, "revision");
	if (!cJSON_IsObject(event->data) || event->data_bytes.len == 0 || !event->source ||
	    !event->sequence || !event->id || !event->type || !event->subject || !event->time ||
	    !event->dataschema || !event->chainhash || !cJSON_IsNumber(revision) ||
	    strlen(event->sequence) != 20 || strlen(event->source) >= EVENT_SOURCE_MAX)
		return false;
	event->number = strtoll(event->sequence, NULL, 10);
	event->revision = (int64_t)revision->valuedouble;
	return event->number >= 1 && event->revision >= 1;
}

void event_release(struct event *event)
{
	cJSON_Delete(event->root);
	event->root = NULL;
}

bool event_is_posting(const struct event *event)
{
	return strcmp(event->type, EVENT_CONTROL_TYPE) != 0 && strcmp(event->type, EVENT_KEY_TYPE) != 0;
}

/* The six parts of a source, in a copy. */
static bool split_source(const char *source, char copy[EVENT_SOURCE_MAX], char *part[6])
{
	if (!text_copy(copy, EVENT_SOURCE_MAX, span_of(source)))
		return false;
	char *rest = copy;
	for (int i = 0; i < 6; i++)
		part[i] = strsep(&rest, ":");
	return part[5] != NULL && !rest;
}

bool event_stream_of(const char *source, char stream[EVENT_STREAM_MAX])
{
	char copy[EVENT_SOURCE_MAX];
	char *part[6];
	return split_source(source, copy, part) && text_copy(stream, EVENT_STREAM_MAX, span_of(part[4]));
}

bool event_topic_fits(const char *source, const char *kind, struct span topic)
{
	char expected[EVENT_SOURCE_MAX];
	char copy[EVENT_SOURCE_MAX];
	char *part[6];
	if (!split_source(source, copy, part))
		return false;
	(void)snprintf(expected, sizeof expected, "tp1/%s/%s/%s/%s", part[2], part[3], kind, part[4]);
	return span_equal(topic, span_of(expected));
}

void event_chain_start(const char *source, uint8_t chain[EVENT_HASH_BYTES])
{
	struct buf input;
	buf_init(&input, HASH_INPUT_MAX);
	buf_printf(&input, "tp1/chain/v1\n%s\n", source);
	event_sha256(buf_span(&input), chain);
	buf_release(&input);
}

void event_leaf(const struct event *event, uint8_t leaf[EVENT_HASH_BYTES])
{
	struct buf input;
	char data[2 * EVENT_HASH_BYTES + 1];
	event_hash_hex(event->data_bytes, data);
	buf_init(&input, HASH_INPUT_MAX);
	buf_u8(&input, 0);
	buf_printf(&input, "tp1/leaf/v1\n%s\n%s\n%s\n%s\n%s\n%lld\n%s\n%s\n%s\n", event->source,
	           event->sequence, event->id, event->type, event->subject, (long long)event->revision,
	           event->time, event->dataschema, data);
	CHECK(buf_ok(&input));
	event_sha256(buf_span(&input), leaf);
	buf_release(&input);
}

void event_chain_next(const uint8_t leaf[EVENT_HASH_BYTES], uint8_t chain[EVENT_HASH_BYTES])
{
	uint8_t input[1 + 2 * EVENT_HASH_BYTES] = {2};
	memcpy(input + 1, chain, EVENT_HASH_BYTES);
	memcpy(input + 1 + EVENT_HASH_BYTES, leaf, EVENT_HASH_BYTES);
	event_sha256((struct span){(const char *)input, sizeof input}, chain);
}

bool event_id_fits(const struct event *event)
{
	char data[2 * EVENT_HASH_BYTES + 1];
	char hex[2 * EVENT_HASH_BYTES + 1];
	struct buf input;
	event_hash_hex(event->data_bytes, data);
	buf_init(&input, HASH_INPUT_MAX);
	buf_printf(&input, "tp1/id/v1\n%s\n%lld\n%s\n", event->subject, (long long)event->revision, data);
	if (event->part)
		buf_printf(&input, "%s\n", event->part);
	event_hash_hex(buf_span(&input), hex);
	buf_release(&input);
	return strlen(event->id) == 32 && strncmp(hex, event->id, 32) == 0;
}

int64_t event_minor_units(const char *text, int decimals)
{
	if (!text)
		return INT64_MIN;
	bool negative = *text == '-';
	int64_t value = 0;
	int fraction = -1;
	for (text += negative; *text; text++) {
		if (*text == '.' && fraction < 0) {
			fraction = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || fraction == decimals)
			return INT64_MIN;
		value = value * 10 + (*text - '0');
		fraction += fraction >= 0;
	}
	for (int i = fraction < 0 ? 0 : fraction; i < decimals; i++)
		value *= 10;
	return negative ? -value : value;
}
