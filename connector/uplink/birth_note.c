/*
 * birth_note.c - writes and reads the text of a birth.
 *
 * Why:   see birth_note.h.
 * Owns:  nothing.
 * Rules: as in birth_note.h.
 * Faults: as in birth_note.h.
 * Runs in: the core.
 * Tests: tests/unit/birth_note_test.c, tests/fuzz/note_fuzz.c
 */
#include "connector/uplink/birth_note.h"

#include <inttypes.h>
#include <string.h>

#include "connector/uplink/note_text.h"

#define STREAM         "stream "
#define PREVIOUS       "previous "
#define BIRTH_LINE_MAX 256 /* 9 + 160 + 20 + 45 bytes, and some */

static bool boot_valid(struct span boot)
{
	uint8_t bytes[BIRTH_BOOT_DIGITS / 2];
	return hex_decode(bytes, sizeof bytes, boot);
}

void birth_note_begin(struct buf *out, const struct birth_note *note)
{
	CHECK(out->len == 0 && note_gateway_valid(note->gateway) && boot_valid(note->boot));
	note_put_line(out, "tp1/birth/v1\ngateway ", note->gateway);
	note_put_line(out, "boot ", note->boot);
	note_put_key(out, "key ", (struct span){(const char *)note->key, PUBLIC_KEY_BYTES});
	note_put_time(out, note->time_ns);
}

bool birth_note_line(struct buf *out, const struct birth_line *line)
{
	struct buf text;
	CHECK(line->size > 0 && note_source_valid(line->source));
	buf_init(&text, BIRTH_LINE_MAX);
	buf_append_text(&text, line->previous ? PREVIOUS : STREAM);
	buf_append_span(&text, line->source);
	buf_printf(&text, " %" PRId64 " ", line->size);
	note_put_root(&text, &line->root);
	buf_append_char(&text, '\n');
	CHECK(buf_ok(&text));
	bool fits = text.len <= out->max - out->len && out->len + text.len <= BIRTH_NOTE_TEXT_MAX;
	if (fits)
		buf_append_span(out, buf_span(&text));
	buf_release(&text);
	return fits;
}

/* What stands before the next blank; false: there is none. */
static bool take_word(struct span *rest, struct span *word)
{
	const char *blank = rest->len > 0 ? memchr(rest->data, ' ', rest->len) : NULL;
	if (!blank)
		return false;
	*word = (struct span){rest->data, (size_t)(blank - rest->data)};
	*rest = (struct span){blank + 1, rest->len - word->len - 1};
	return true;
}

static bool take_birth_line(struct span *text, struct birth_line *line)
{
	struct span before = *text;
	struct span rest;
	struct span size;
	line->previous = false;
	if (!note_take_labelled(text, STREAM, &rest)) {
		*text = before;
		line->previous = true;
		if (!note_take_labelled(text, PREVIOUS, &rest))
			return false;
	}
	return take_word(&rest, &line->source) && note_source_valid(line->source) &&
	       take_word(&rest, &size) && note_decimal(size, &line->size) && note_root(rest, &line->root);
}

bool birth_note_decode(struct birth_note *note, struct span text)
{
	struct birth_line line;
	if (!note_take_exactly(&text, "tp1/birth/v1") || !note_take_gateway(&text, &note->gateway) ||
	    !note_take_labelled(&text, "boot ", &note->boot) || !boot_valid(note->boot) ||
	    !note_take_key(&text, "key ", note->key) || !note_take_time(&text, &note->time_ns))
		return false;
	note->lines = text;
	while (text.len > 0) {
		if (!take_birth_line(&text, &line))
			return false;
	}
	return true;
}

bool birth_note_next(struct birth_note *note, struct birth_line *line)
{
	if (note->lines.len == 0)
		return false;
	CHECK(take_birth_line(&note->lines, line)); /* decoding has seen every line */
	return true;
}
