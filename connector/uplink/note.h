/*
 * note.h - signed notes: a text, and lines that say who signed it. The one format of everything that is signed.
 *
 * Why:   checkpoints, births, key rotations, receipts and commands travel through brokers that nobody need trust; a
 *        note can be kept, printed and checked with standard tools.
 * Owns:  nothing; a decoded note borrows the bytes it came of.
 * Rules: 1. TEXT, an empty line, 1 to 8 lines `EM-DASH NAME BASE64`. TEXT ends with a newline, and the separator is
 *           the last empty line: TEXT may have empty lines itself.
 *        2. BASE64 is of: key id (first 4 bytes of the SHA-256 of the SubjectPublicKeyInfo), then the signature in
 *           DER over the bytes of TEXT. ECDSA P-256 with SHA-256, so that `openssl dgst -sha256 -verify` takes it.
 *        3. A key is known by its name and its id together: lines of other keys are ignored, a known one's line that
 *           does not verify makes the note bad.
 *        4. One note has one form: what decodes encodes to the same bytes.
 * Source: C2SP signed-note (c2sp.org/signed-note), signature type 0x02 (ECDSA); docs/contract.
 * Faults: any bytes: each malformed note is refused with its reason.
 * Runs in: the core.
 * Tests: tests/unit/note_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_NOTE_H
#define TWINPOST_NOTE_H

#include "hal/keys.h"

#define NOTE_BYTES_MAX      16384
#define NOTE_SIGNATURES_MAX 8
#define NOTE_NAME_MAX       100
#define NOTE_KEY_ID_BYTES   4
#define NOTE_KEYS_MAX       32 /* that one note is verified against */
/* One signature line of ours at most: dash and blanks, name, base64, newline. */
#define NOTE_LINE_MAX (5 + NOTE_NAME_MAX + (NOTE_KEY_ID_BYTES + HAL_SIGNATURE_MAX + 2) / 3 * 4 + 1)

/* identifier, what is wrong */
#define NOTE_FAULTS(X)                                                                   \
	X(NONE, "well formed")                                                           \
	X(TOO_LONG, "it is over 16384 bytes")                                            \
	X(NOT_TEXT, "it is not UTF-8, or holds a control character")                     \
	X(NO_SEPARATOR, "there is no empty line between a text and its signatures")      \
	X(NO_SIGNATURE, "there is no signature line")                                    \
	X(MANY_SIGNATURES, "there are more than 8 signature lines")                      \
	X(CUT, "the last line has no end")                                               \
	X(LINE, "a signature line is not a dash, a name and a signature")                \
	X(NAME, "a signature line's name is over 100 bytes, or holds a blank or a plus") \
	X(BASE64, "a signature is not base64 of a key id and a signature")

enum note_fault {
#define NOTE_FAULT_ENUM(name, text) NOTE_FAULT_##name,
	NOTE_FAULTS(NOTE_FAULT_ENUM)
#undef NOTE_FAULT_ENUM
	    NOTE_FAULT_COUNT
};

enum note_verdict { NOTE_GOOD, NOTE_UNSIGNED, NOTE_BAD_SIGNATURE, NOTE_MALFORMED };

struct note_signature {
	struct span name;
	struct span base64; /* of key id and signature; of any length */
	uint8_t key_id[NOTE_KEY_ID_BYTES];
};

struct note {
	struct span text; /* with its last newline: what was signed */
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
	int count;
};

struct note_key {
	struct span name; /* empty: whatever name the line has */
	struct span spki; /* DER SubjectPublicKeyInfo of P-256 */
};

const char *note_fault_text(enum note_fault fault);
bool note_name_valid(struct span name);
void note_key_id(struct span spki, uint8_t id[NOTE_KEY_ID_BYTES]);

MUST_USE enum note_fault note_decode(struct note *note, struct span bytes);
/* At most NOTE_KEYS_MAX keys. signers (NULL allowed): bit i is set if keys[i] signed; only with NOTE_GOOD. Never
 * NOTE_MALFORMED. Takes about 3 ms for each line of a known key. */
MUST_USE enum note_verdict note_verify(const struct note *note, const struct note_key *keys, size_t count,
                                       uint32_t *signers);
/* Both: NOTE_MALFORMED with a fault (NULL allowed), or what note_verify() says. */
MUST_USE enum note_verdict note_open(struct note *note, struct span bytes, const struct note_key *keys,
                                     size_t count, uint32_t *signers, enum note_fault *fault);

/* Appends the note of a text to out, signed once. text ends with a newline and is text, name is valid: both are ours.
 * ERR_TOO_LARGE: the note would pass NOTE_BYTES_MAX or out's max, out is as it was; else as hal_keys_sign(). */
MUST_USE enum err note_sign(struct buf *out, struct span text, struct span name, struct hal_keys *keys,
                            enum hal_key which, struct err_info *info);
/* Appends a signature line over the note's text to the note, which is all of the buffer. ERR_BAD_INPUT: it is no
 * note; ERR_TOO_LARGE: there are NOTE_SIGNATURES_MAX already, or as above. */
MUST_USE enum err note_add_signature(struct buf *note, struct span name, struct hal_keys *keys,
                                     enum hal_key which, struct err_info *info);

#endif
