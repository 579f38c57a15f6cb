/*
 * checksum.c - XXH64 by its specification, and the chain of a row's columns.
 *
 * Why:   see checksum.h.
 * Owns:  nothing.
 * Rules: reads bytes little-endian on every machine, so that a store may move between boxes.
 * Source: xxHash specification 0.1.1, section "XXH64 algorithm description": steps and constants.
 * Runs in: the core.
 * Tests: tests/unit/checksum_test.c
 */
#include "store_forward/checksum.h"

#include <string.h>

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

#define STRIPE_BYTES 32
#define LANES        4

static uint64_t rotate_left(uint64_t value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

static uint64_t load_u32(const uint8_t *bytes)
{
	uint32_t value;
	memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	return value;
}

static uint64_t round_of(uint64_t lane, uint64_t input)
{
	return rotate_left(lane + input * PRIME_2, 31) * PRIME_1;
}

/* Whole stripes of 32 bytes, four lanes; *bytes moves past them. */
static uint64_t mix_stripes(const uint8_t **bytes, const uint8_t *end, uint64_t seed)
{
	uint64_t lanes[LANES] = {seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1};
	const uint8_t *next = *bytes;
	for (; end - next >= STRIPE_BYTES; next += STRIPE_BYTES)
		for (int i = 0; i < LANES; i++)
			lanes[i] = round_of(lanes[i], load_u64(next + 8 * i));
	*bytes = next;
	uint64_t value = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) +
	                 rotate_left(lanes[3], 18);
	for (int i = 0; i < LANES; i++)
		value = (value ^ round_of(0, lanes[i])) * PRIME_1 + PRIME_4;
	return value;
}

uint64_t checksum_of(const void *bytes, size_t len, uint64_t seed)
{
	static const uint8_t nothing[1] = {0};
	CHECK(bytes != NULL || len == 0);
	const uint8_t *next = bytes ? bytes : nothing;
	const uint8_t *end = next + len;
	uint64_t value = len >= STRIPE_BYTES ? mix_stripes(&next, end, seed) : seed + PRIME_5;
	value += (uint64_t)len;
	for (; end - next >= 8; next += 8)
		value = rotate_left(value ^ round_of(0, load_u64(next)), 27) * PRIME_1 + PRIME_4;
	for (; end - next >= 4; next += 4)
		value = rotate_left(value ^ load_u32(next) * PRIME_1, 23) * PRIME_2 + PRIME_3;
	for (; next < end; next++)
		value = rotate_left(value ^ *next * PRIME_5, 11) * PRIME_1;
	value = (value ^ value >> 33) * PRIME_2;
	value = (value ^ value >> 29) * PRIME_3;
	return value ^ value >> 32;
}

struct row_sum row_sum_begin(char table)
{
	return (struct row_sum){checksum_of(&table, 1, 0)};
}

void row_sum_int(struct row_sum *sum, int64_t value)
{
	uint8_t bytes[8];
	uint64_t bits = (uint64_t)value;
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(bits >> (8 * i));
	sum->value = checksum_of(bytes, sizeof bytes, sum->value);
}

void row_sum_span(struct row_sum *sum, struct span value)
{
	sum->value = checksum_of(value.data, value.len, sum->value);
}

int64_t row_sum_end(const struct row_sum *sum)
{
	int64_t value;
	memcpy(&value, &sum->value, sizeof value);
	return value;
}
