/*
 * fingerprint.c - addition and subtraction modulo 2^128 of big-endian numbers.
 *
 * Why:   see fingerprint.h.
 * Owns:  nothing.
 * Rules: two halves of 64 bits and one carry: the compiler's 128-bit integers are no part of C17.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/fingerprint_test.c
 */
#include "store_forward/fingerprint.h"

#include <string.h>

#define HALF_BYTES (FINGERPRINT_BYTES / 2)

static uint64_t half_read(const uint8_t *bytes)
{
	uint64_t half = 0;
	for (int i = 0; i < HALF_BYTES; i++)
		half = half << 8 | bytes[i];
	return half;
}

static void half_write(uint8_t *bytes, uint64_t half)
{
	for (int i = HALF_BYTES - 1; i >= 0; i--, half >>= 8)
		bytes[i] = (uint8_t)half;
}

void fingerprint_add(struct fingerprint *sum, const struct fingerprint *one)
{
	uint64_t low = half_read(sum->bytes + HALF_BYTES);
	uint64_t low_sum = low + half_read(one->bytes + HALF_BYTES);
	uint64_t high_sum = half_read(sum->bytes) + half_read(one->bytes) + (low_sum < low);
	half_write(sum->bytes, high_sum);
	half_write(sum->bytes + HALF_BYTES, low_sum);
}

void fingerprint_subtract(struct fingerprint *sum, const struct fingerprint *one)
{
	uint64_t low = half_read(sum->bytes + HALF_BYTES);
	uint64_t low_one = half_read(one->bytes + HALF_BYTES);
	uint64_t high_rest = half_read(sum->bytes) - half_read(one->bytes) - (low < low_one);
	half_write(sum->bytes, high_rest);
	half_write(sum->bytes + HALF_BYTES, low - low_one);
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return memcmp(a->bytes, b->bytes, FINGERPRINT_BYTES) == 0;
}

void fingerprint_hex(const struct fingerprint *value, char text[FINGERPRINT_HEX_SIZE])
{
	hex_encode(text, value->bytes, FINGERPRINT_BYTES);
}
