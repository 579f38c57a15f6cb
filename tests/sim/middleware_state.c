/*
 * middleware_state.c - births, heartbeats and deaths: do they fit to each other, and to what came?
 *
 * Why:   see middleware.h, rule 5.
 * Owns:  nothing beyond struct middleware.
 * Rules: 1. A birth of page 1 has a note of the same boot and gateway, signed by the key that it shows. That key is
 *           known, or becomes known by a key event.
 *        2. Each chain value and root that is told is a claim (witness.h, rule 1).
 *        3. A heartbeat is of the boot of the last birth; a death of another boot is stale.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/middleware.h"

static int64_t number_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
}

static void take_stream(struct middleware *middleware, const cJSON *stream)
{
	const char *source = event_text(stream, "source");
	const char *chain = event_text(stream, "chain");
	const char *name = event_text(stream, "stream");
	int64_t sequence = number_of(stream, "sequence");
	int64_t checkpoint = number_of(stream, "checkpoint");
	char expected[MIDDLEWARE_NAME_MAX];
	uint8_t hash[EVENT_HASH_BYTES];
	if (!source || !chain || !name || sequence < 0 || checkpoint < 0 || checkpoint > sequence ||
	    !hex_decode(hash, sizeof hash, span_of(chain)) || !event_stream_of(source, expected) ||
	    strcmp(name, expected) != 0) {
		middleware_find(middleware, "a state message with a stream that is none: %s",
		                source ? source : "?");
		return;
	}
	witness_claim(&middleware->subscriber->witness, source, sequence, false, hash);
}

/* "stream {source} {size} {root}", and "previous ..." the same. */
static bool take_line(struct middleware *middleware, const char *line)
{
	char copy[SIM_FINDING_MAX];
	uint8_t root[EVENT_HASH_BYTES];
	if (!text_copy(copy, sizeof copy, span_of(line)))
		return false;
	char *rest = copy;
	const char *kind = strsep(&rest, " ");
	const char *source = strsep(&rest, " ");
	const char *size = strsep(&rest, " ");
	if (!rest || (strcmp(kind, "stream") != 0 && strcmp(kind, "previous") != 0) ||
	    signed_note_decode(span_of(rest), root, sizeof root) != EVENT_HASH_BYTES)
		return false;
	witness_claim(&middleware->subscriber->witness, source, strtoll(size, NULL, 10), true, root);
	return true;
}

static bool take_note_lines(struct middleware *middleware, const struct signed_note *note, const char *boot)
{
	char expected[100];
	char *text = mem_copy_text(note->text);
	char *rest = text;
	bool good = true;
	for (int i = 0; good && rest && *rest; i++) {
		const char *line = strsep(&rest, "\n");
		(void)snprintf(expected, sizeof expected, "boot %s", boot);
		if (i == 0)
			good = strcmp(line, "tp1/birth/v1") == 0;
		else if (i == 1)
			good = strcmp(line, "gateway sim/box") == 0;
		else if (i == 2)
			good = strcmp(line, expected) == 0;
		else if (i == 3 || i == 4)
			good = strncmp(line, i == 3 ? "key " : "time ", i == 3 ? 4 : 5) == 0;
		else
			good = take_line(middleware, line);
	}
	free(text);
	return good;
}

static bool note_is_good(struct middleware *middleware, const char *bytes, const char *boot)
{
	struct signed_note note;
	uint8_t key[WITNESS_SPKI_BYTES];
	if (!bytes || !signed_note_open(&note, span_of(bytes)))
		return false;
	const char *line = memmem(note.text.data, note.text.len, "\nkey ", 5);
	const char *end =
	    line ? memchr(line + 1, '\n', note.text.len - (size_t)(line + 1 - note.text.data)) : NULL;
	if (!end || signed_note_decode((struct span){line + 5, (size_t)(end - line - 5)}, key, sizeof key) !=
	                WITNESS_SPKI_BYTES)
		return false;
	struct span spki = {(const char *)key, sizeof key};
	memcpy(middleware->shown, key, sizeof key);
	middleware->shown_any = true;
	return signed_note_verify(&note, spki) == SIGNED_NOTE_GOOD && note.count == 1 &&
	       take_note_lines(middleware, &note, boot);
}

static void take_alive(struct middleware *middleware, const cJSON *root, bool birth)
{
	const cJSON *stream;
	const char *boot = event_text(root, "boot");
	if (birth) {
		if (number_of(root, "page") == 1 && !note_is_good(middleware, event_text(root, "note"), boot))
			middleware_find(middleware, "the note of the birth of boot %s is not good", boot);
		CHECK(text_copy(middleware->boot, sizeof middleware->boot, span_of(boot)));
		middleware->birth_lost = false;
		middleware->births++;
	} else {
		middleware->heartbeats++;
		if (strcmp(boot, middleware->boot) != 0 && !middleware->birth_lost)
			middleware_find(middleware, "a heartbeat of boot %s, the last birth was of %s", boot,
			                middleware->boot);
	}
	if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(root, "streams")))
		middleware_find(middleware, "a state message without streams");
	cJSON_ArrayForEach(stream, cJSON_GetObjectItemCaseSensitive(root, "streams"))
	    take_stream(middleware, stream);
	middleware->alive = true;
}

void middleware_take_state(struct middleware *middleware, const struct uplink_publish *publish)
{
	cJSON *root = cJSON_ParseWithLength(publish->payload.data, publish->payload.len);
	const char *kind = event_text(root, "kind");
	const char *boot = event_text(root, "boot");
	if (!kind || !boot || strlen(boot) != 32 || !event_text(root, "time")) {
		middleware_find(middleware, "a state message that is none: %.*s", (int)publish->payload.len,
		                publish->payload.data);
	} else if (strcmp(kind, "birth") == 0 || strcmp(kind, "heartbeat") == 0) {
		take_alive(middleware, root, kind[0] == 'b');
	} else if (strcmp(kind, "death") == 0 && event_text(root, "reason")) {
		middleware->deaths++;
		if (strcmp(boot, middleware->boot) == 0)
			middleware->alive = false;
	} else {
		middleware_find(middleware, "a state message of kind %s", kind);
	}
	cJSON_Delete(root);
}
