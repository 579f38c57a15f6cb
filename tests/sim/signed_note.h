/*
 * signed_note.h - signed notes as a consumer reads and writes them (C2SP signed-note, ECDSA P-256 with SHA-256).
 *
 * Why:   the product's notes are judged by code that shares nothing with it; OpenSSL verifies.
 * Owns:  nothing; a struct signed_note borrows the note's bytes.
 * Rules: 1. The last empty line parts text from signatures; a line is "em dash, space, name, space, base64".
 *        2. Signing is for what the model middleware sends; its signatures are deterministic, so that a seed is a run.
 * Runs in: tests.
 * Tests: tests/sim/witness_test.c
 */
#ifndef TWINPOST_SIM_SIGNED_NOTE_H
#define TWINPOST_SIM_SIGNED_NOTE_H

#include "hal/keys_crypto.h"

#define SIGNED_NOTE_LINES_MAX     8
#define SIGNED_NOTE_BYTES_MAX     16384
#define SIGNED_NOTE_SIGNATURE_MAX 200

struct signed_note_line {
	struct span name;
	uint8_t key_id[4];
	uint8_t signature[SIGNED_NOTE_SIGNATURE_MAX];
	size_t signature_len;
};

struct signed_note {
	struct span text; /* with its last newline */
	struct signed_note_line lines[SIGNED_NOTE_LINES_MAX];
	int count;
};

enum signed_note_verdict { SIGNED_NOTE_GOOD, SIGNED_NOTE_OTHER_KEY, SIGNED_NOTE_BAD };

/* false: no note. */
MUST_USE bool signed_note_open(struct signed_note *note, struct span bytes);
/* Did the owner of this key (DER SubjectPublicKeyInfo) sign it? BAD: a line carries the key's id and does not fit. */
MUST_USE enum signed_note_verdict signed_note_verify(const struct signed_note *note, struct span spki);
/* Appends a signature line over text; the empty line before the first one is the caller's. */
void signed_note_sign(struct buf *out, struct span text, const char *name, struct key_pair *key);
/* Base64 of the bytes. */
void signed_note_base64(struct buf *out, struct span bytes);
/* How many bytes; -1: no base64, or more than size. */
int signed_note_decode(struct span text, uint8_t *out, size_t size);

#endif
