/*
 * varint.h - whole numbers in as few bytes as they need: seven bits a byte, the low ones first.
 *
 * Why:   packed documents and the form that is hashed hold many small numbers.
 * Owns:  nothing.
 * Rules: 1. A number has one form: no longer than it needs to be (Protocol Buffers allows others, we do not).
 *        2. Signed numbers are folded first (0, -1, 1, -2 are 0, 1, 2, 3), so that small ones of either sign are short.
 * Source: Protocol Buffers, Encoding: base 128 varints and ZigZag.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pack_test.c, tests/fuzz/pack_fuzz.c
 */
#ifndef TWINPOST_VARINT_H
#define TWINPOST_VARINT_H

#include "hal/base/bytes.h"

#define VARINT_BYTES_MAX 10

/* Writes at most VARINT_BYTES_MAX bytes and returns the end of them. */
static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

/* Returns the end of the number; NULL: cut off, over 64 bits, or longer than it needs to be. */
static inline const uint8_t *varint_get(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	uint64_t sum = 0;
	for (unsigned shift = 0; at != end && shift < 64; shift += 7) {
		uint8_t byte = *at++;
		if (shift == 63 && byte > 1)
			return NULL;
		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = sum;
			return byte == 0 && shift > 0 ? NULL : at;
		}
	}
	return NULL;
}

static inline uint64_t varint_fold(int64_t value)
{
	return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unfold(uint64_t folded)
{
	return (int64_t)((folded >> 1) ^ (folded & 1 ? UINT64_MAX : 0));
}

#endif
