/*
 * base64.h - base64 with one text for each run of bytes.
 *
 * Why:   signed notes and public keys carry bytes as text; two texts for the same bytes would be two notes.
 * Owns:  nothing.
 * Rules: 1. The standard alphabet, padded, on one line.
 *        2. Decoding takes only what encoding gives: no blank, no missing padding, no bit set that stands for nothing.
 * Source: RFC 4648 section 4; section 3.5 for the bits that stand for nothing.
 * Runs in: every process.
 * Tests: tests/unit/base64_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_BASE64_H
#define TWINPOST_BASE64_H

#include "hal/base/bytes.h"

/* Characters for len bytes; bytes that len characters hold at most. */
#define BASE64_TEXT_LEN(len)    (((len) + 2) / 3 * 4)
#define BASE64_BYTES_MAX(chars) ((chars) / 4 * 3)

void base64_encode(struct buf *out, const void *bytes, size_t len);
/* The number of bytes that text stands for; false if it is not base64 of these rules. */
MUST_USE bool base64_length(struct span text, size_t *len);
/* Into bytes[size]; false, and nothing written, if text is not base64 of these rules or stands for more than size. */
MUST_USE bool base64_decode(uint8_t *bytes, size_t size, size_t *len, struct span text);

#endif
