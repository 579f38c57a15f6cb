/*
 * note_text.h - the lines that texts of signed notes are made of.
 *
 * Why:   checkpoint, birth and key rotation share their lines; each line is written and read by one function.
 * Owns:  nothing; what is read borrows the text.
 * Rules: 1. A reader takes one whole line with its newline and moves on, or returns false and the text is refused.
 *        2. Each value has one form: decimals without leading zeros, hex in lower case, base64 of base64.h.
 * Faults: any bytes.
 * Runs in: the core.
 * Tests: tests/unit/checkpoint_test.c, tests/unit/birth_note_test.c, tests/unit/key_note_test.c
 */
#ifndef TWINPOST_NOTE_TEXT_H
#define TWINPOST_NOTE_TEXT_H

#include "store_forward/digest.h"

/* urn:twinpost:{tenant}:{gateway}:{stream}:{epoch}, as store.h holds it: under 160 bytes. */
#define NOTE_SOURCE_MAX 159
/* {tenant}/{gateway} */
#define NOTE_GATEWAY_MAX 100

/* A source as above: four parts, the last one a decimal above zero, the others of [a-z0-9-]. */
bool note_source_valid(struct span source);
/* Two parts of [a-z0-9-] with a slash between: also a valid name of a note's signer. */
bool note_gateway_valid(struct span gateway);

/* The next line without its newline; false: there is none, or it has no end. */
MUST_USE bool note_take_line(struct span *text, struct span *line);
/* The next line, if it begins with label; *value is the rest of it. */
MUST_USE bool note_take_labelled(struct span *text, const char *label, struct span *value);
/* The next line is exactly this. */
MUST_USE bool note_take_exactly(struct span *text, const char *line);
MUST_USE bool note_take_time(struct span *text, int64_t *wall_ns);        /* "time {instant}" */
MUST_USE bool note_take_gateway(struct span *text, struct span *gateway); /* "gateway {tenant}/{gateway}" */
MUST_USE bool note_take_key(struct span *text, const char *label,
                            uint8_t *spki); /* PUBLIC_KEY_BYTES, of P-256 */

/* 1 to INT64_MAX. */
MUST_USE bool note_decimal(struct span text, int64_t *number);
MUST_USE bool note_root(struct span base64, struct digest *root);

void note_put_line(struct buf *out, const char *label, struct span value);
void note_put_root(struct buf *out, const struct digest *root); /* the base64 alone */
void note_put_time(struct buf *out, int64_t wall_ns);
void note_put_key(struct buf *out, const char *label, struct span spki);

#endif
