/*
 * key_note.c - writes and reads the text of a key rotation.
 *
 * Why:   see key_note.h.
 * Owns:  nothing.
 * Rules: as in key_note.h.
 * Faults: as in key_note.h.
 * Runs in: the core.
 * Tests: tests/unit/key_note_test.c, tests/fuzz/note_fuzz.c
 */
#include "connector/uplink/key_note.h"

#include "connector/uplink/note_text.h"

static struct span new_key_of(const struct key_note *note)
{
	return (struct span){(const char *)note->new_key, PUBLIC_KEY_BYTES};
}

static bool keys_differ(const struct key_note *note)
{
	struct span key = new_key_of(note);
	struct digest digest = digest_of(&key, 1);
	return !digest_equal(&digest, &note->old);
}

void key_note_encode(struct buf *out, const struct key_note *note)
{
	char old[DIGEST_HEX_SIZE];
	CHECK(note_gateway_valid(note->gateway) && keys_differ(note));
	digest_hex(&note->old, old);
	note_put_line(out, "tp1/key/v1\ngateway ", note->gateway);
	note_put_line(out, "old ", span_of(old));
	note_put_key(out, "new ", new_key_of(note));
	note_put_time(out, note->time_ns);
}

bool key_note_decode(struct key_note *note, struct span text)
{
	struct span old;
	return note_take_exactly(&text, "tp1/key/v1") && note_take_gateway(&text, &note->gateway) &&
	       note_take_labelled(&text, "old ", &old) && hex_decode(note->old.bytes, DIGEST_BYTES, old) &&
	       note_take_key(&text, "new ", note->new_key) && note_take_time(&text, &note->time_ns) &&
	       text.len == 0 && keys_differ(note);
}
