/*
 * key_note.h - the text of a key rotation: which public key follows which.
 *
 * Why:   a consumer that pins the old key moves to the new one by this text, signed by both, and by nothing else.
 * Owns:  nothing; a decoded text lends its gateway.
 * Rules: 1. Five lines and no more:
 *             tp1/key/v1
 *             gateway {tenant}/{gateway}
 *             old {hex(H(SubjectPublicKeyInfo))}
 *             new {base64(SubjectPublicKeyInfo)}
 *             time {instant}
 *        2. What decodes encodes to the same bytes; its new key is a key of P-256, and not the old one.
 * Faults: any bytes are refused that are not this text.
 * Runs in: the core.
 * Tests: tests/unit/key_note_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_KEY_NOTE_H
#define TWINPOST_KEY_NOTE_H

#include "store_forward/digest.h"
#include "store_forward/signature.h"

#define KEY_NOTE_TEXT_MAX 400 /* 11 + 109 + 69 + 129 + 30 bytes, and some */

struct key_note {
	struct span gateway; /* {tenant}/{gateway} */
	struct digest old;   /* of the DER SubjectPublicKeyInfo */
	uint8_t new_key[PUBLIC_KEY_BYTES];
	int64_t time_ns; /* wall time; whole milliseconds are kept */
};

/* Appends the text; gateway and keys are valid. Check buf_ok(out) after. */
void key_note_encode(struct buf *out, const struct key_note *note);
MUST_USE bool key_note_decode(struct key_note *note, struct span text);

#endif
