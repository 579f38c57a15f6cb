/*
 * checksum.h - a fast 64-bit checksum that each stored row carries (XXH64).
 *
 * Why:   hash on write, verify on read: SQLite notices damage to its structure, not to the bytes of a value. SHA-256
 *        would cost about 10 microseconds per event and proves no more here, because nobody is to be kept from forging
 *        the file: what must be found is a flipped bit. XXH64 reads 2 KB in well under a microsecond, and 64 bits miss
 *        random damage once in 2^64 rows.
 * Owns:  nothing.
 * Rules: 1. A row's checksum covers every column, and begins with the table's letter, so that a row never passes for
 *           one of another table.
 *        2. Integers enter as 8 bytes little-endian, texts and blobs as their bytes; each part seeds the next, and
 *           the length is part of XXH64, so that parts cannot run into each other.
 * Source: xxHash specification 0.1.1, section "XXH64 algorithm description".
 * Runs in: the core.
 * Tests: tests/unit/checksum_test.c (values of the reference implementation)
 */
#ifndef TWINPOST_CHECKSUM_H
#define TWINPOST_CHECKSUM_H

#include "hal/base/bytes.h"

uint64_t checksum_of(const void *bytes, size_t len, uint64_t seed);

/* A row's checksum, column by column. */
struct row_sum {
	uint64_t value;
};
struct row_sum row_sum_begin(char table);
void row_sum_int(struct row_sum *sum, int64_t value);
void row_sum_span(struct row_sum *sum, struct span value);
/* As SQLite keeps it: the same 64 bits, signed. */
int64_t row_sum_end(const struct row_sum *sum);

#endif
