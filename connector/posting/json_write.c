/*
 * json_write.c - writes JSON values into a buffer.
 *
 * Why:   see json_write.h.
 * Owns:  the copy of a text that is not UTF-8, for a moment.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#include "connector/posting/json_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"

void json_init(struct json *json, struct buf *out)
{
	*json = (struct json){.out = out};
}

/* A comma where one is due, and the key. */
static void begin(struct json *json, const char *key)
{
	if (json->comma)
		buf_append_char(json->out, ',');
	json->comma = true;
	if (key)
		buf_printf(json->out, "\"%s\":", key);
}

void json_object(struct json *json, const char *key)
{
	begin(json, key);
	buf_append_char(json->out, '{');
	json->comma = false;
}

void json_object_end(struct json *json)
{
	buf_append_char(json->out, '}');
	json->comma = true;
}

void json_list(struct json *json, const char *key)
{
	begin(json, key);
	buf_append_char(json->out, '[');
	json->comma = false;
}

void json_list_end(struct json *json)
{
	buf_append_char(json->out, ']');
	json->comma = true;
}

void json_put_text(struct json *json, const char *key, const char *text)
{
	if (text)
		json_put_span(json, key, span_of(text));
	else
		json_put_null(json, key);
}

void json_put_span(struct json *json, const char *key, struct span text)
{
	begin(json, key);
	if (utf8_valid(text)) {
		canonical_string(json->out, text);
		return;
	}
	char *copy = mem_copy_text(text);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)copy[i] > 0x7f)
			copy[i] = '?';
	}
	canonical_string(json->out, (struct span){copy, text.len});
	free(copy);
}

void json_put_integer(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	buf_printf(json->out, "%" PRId64, value);
}

void json_put_count(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	buf_printf(json->out, "%" PRIu64, value);
}

void json_put_boolean(struct json *json, const char *key, bool value)
{
	begin(json, key);
	buf_append_text(json->out, value ? "true" : "false");
}

void json_put_raw(struct json *json, const char *key, struct span value)
{
	begin(json, key);
	buf_append_span(json->out, value);
}

void json_put_null(struct json *json, const char *key)
{
	begin(json, key);
	buf_append_text(json->out, "null");
}

void json_put_instant(struct json *json, const char *key, int64_t wall_ns)
{
	char text[INSTANT_TEXT_SIZE];
	if (wall_ns == 0) {
		json_put_null(json, key);
		return;
	}
	instant_print(wall_ns, text);
	json_put_text(json, key, text);
}
