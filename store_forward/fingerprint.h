/*
 * fingerprint.h - numbers modulo 2^128 that add up: whole periods proven equal without their documents.
 *
 * Why:   a sum changes by one addition for each posting; two sums that agree show, with a chance of error of 2^-128 for
 *        honest data, that both sides hold the same documents.
 * Owns:  nothing; values.
 * Rules: 1. Addition, not exclusive or: two equal documents do not cancel each other.
 *        2. A sum says nothing without the count beside it.
 * Source: Bellare, Micciancio: A New Paradigm for Collision-Free Hashing, EUROCRYPT 1997 (AdHash); sums modulo 2^128 do
 *        not withstand an adversary who chooses documents (Wagner 2002, generalised birthday), which is why signatures
 *        and the documents themselves stay beside them.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/fingerprint_test.c
 */
#ifndef TWINPOST_FINGERPRINT_H
#define TWINPOST_FINGERPRINT_H

#include "hal/base/bytes.h"

#define FINGERPRINT_BYTES    16
#define FINGERPRINT_HEX_SIZE (2 * FINGERPRINT_BYTES + 1)

/* Big-endian. */
struct fingerprint {
	uint8_t bytes[FINGERPRINT_BYTES];
};

void fingerprint_add(struct fingerprint *sum, const struct fingerprint *one);
void fingerprint_subtract(struct fingerprint *sum, const struct fingerprint *one);
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);
void fingerprint_hex(const struct fingerprint *value, char text[FINGERPRINT_HEX_SIZE]);

#endif
