/*
 * note_text.c - writes and reads the lines of signed texts.
 *
 * Why:   see note_text.h.
 * Owns:  nothing.
 * Rules: as in note_text.h.
 * Faults: as in note_text.h.
 * Runs in: the core.
 * Tests: tests/unit/checkpoint_test.c, tests/unit/birth_note_test.c, tests/unit/key_note_test.c
 */
#include "connector/uplink/note_text.h"

#include <string.h>

#include "connector/posting/date.h"
#include "hal/base/base64.h"
#include "store_forward/signature.h"

#define SOURCE_PREFIX "urn:twinpost:"
#define SOURCE_PARTS  4

/* One or more of [a-z0-9-]. */
static bool is_level(struct span part)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return part.len > 0;
}

/* What stands before the next separator, or all that is left; moves past it. */
static struct span take_part(struct span *rest, char separator)
{
	const char *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
	struct span part = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
	size_t moved = part.len + (end != NULL);
	*rest = (struct span){moved > 0 ? rest->data + moved : rest->data, rest->len - moved};
	return part;
}

bool note_source_valid(struct span source)
{
	const struct span prefix = SPAN_LITERAL(SOURCE_PREFIX);
	int64_t epoch;
	if (source.len > NOTE_SOURCE_MAX || source.len <= prefix.len ||
	    memcmp(source.data, prefix.data, prefix.len) != 0)
		return false;
	struct span rest = {source.data + prefix.len, source.len - prefix.len};
	for (int i = 1; i < SOURCE_PARTS; i++) {
		if (!is_level(take_part(&rest, ':')))
			return false;
	}
	return note_decimal(rest, &epoch);
}

bool note_gateway_valid(struct span gateway)
{
	struct span rest = gateway;
	return gateway.len <= NOTE_GATEWAY_MAX && is_level(take_part(&rest, '/')) && is_level(rest);
}

bool note_take_line(struct span *text, struct span *line)
{
	if (text->len == 0 || memchr(text->data, '\n', text->len) == NULL)
		return false;
	*line = take_part(text, '\n');
	return true;
}

bool note_take_labelled(struct span *text, const char *label, struct span *value)
{
	size_t len = strlen(label);
	struct span line;
	if (!note_take_line(text, &line) || line.len < len || memcmp(line.data, label, len) != 0)
		return false;
	*value = (struct span){line.data + len, line.len - len};
	return true;
}

bool note_take_exactly(struct span *text, const char *line)
{
	struct span rest;
	return note_take_labelled(text, line, &rest) && rest.len == 0;
}

bool note_take_time(struct span *text, int64_t *wall_ns)
{
	struct span value;
	return note_take_labelled(text, "time ", &value) && instant_parse(wall_ns, value) == ERR_OK;
}

bool note_take_gateway(struct span *text, struct span *gateway)
{
	return note_take_labelled(text, "gateway ", gateway) && note_gateway_valid(*gateway);
}

bool note_take_key(struct span *text, const char *label, uint8_t *spki)
{
	struct span value;
	size_t len;
	return note_take_labelled(text, label, &value) &&
	       base64_decode(spki, PUBLIC_KEY_BYTES, &len, value) &&
	       public_key_valid((struct span){(const char *)spki, len});
}

bool note_decimal(struct span text, int64_t *number)
{
	*number = 0;
	if (text.len == 0 || text.data[0] == '0')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = text.data[i] - '0';
		if (digit < 0 || digit > 9 || *number > (INT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return true;
}

bool note_root(struct span base64, struct digest *root)
{
	size_t len;
	return base64_decode(root->bytes, DIGEST_BYTES, &len, base64) && len == DIGEST_BYTES;
}

void note_put_line(struct buf *out, const char *label, struct span value)
{
	buf_append_text(out, label);
	buf_append_span(out, value);
	buf_append_char(out, '\n');
}

void note_put_root(struct buf *out, const struct digest *root)
{
	base64_encode(out, root->bytes, DIGEST_BYTES);
}

void note_put_time(struct buf *out, int64_t wall_ns)
{
	char text[INSTANT_TEXT_SIZE];
	instant_print(wall_ns, text);
	note_put_line(out, "time ", span_of(text));
}

void note_put_key(struct buf *out, const char *label, struct span spki)
{
	buf_append_text(out, label);
	base64_encode(out, spki.data, spki.len);
	buf_append_char(out, '\n');
}
