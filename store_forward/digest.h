/*
 * digest.h - SHA-256, the only hash of the product.
 *
 * Why:   one file knows mbedTLS's names, which differ between 2.28 and 3.x.
 * Owns:  struct digest_stream owns the hash state.
 * Source: FIPS 180-4 (SHA-256), by mbedTLS.
 * Runs in: the core.
 * Tests: tests/unit/digest_test.c (NIST examples)
 */
#ifndef TWINPOST_DIGEST_H
#define TWINPOST_DIGEST_H

#include "hal/base/bytes.h"

#define DIGEST_BYTES    32
#define DIGEST_HEX_SIZE (2 * DIGEST_BYTES + 1)

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* H(parts[0] | parts[1] | ...). */
struct digest digest_of(const struct span *parts, size_t count);

/* The same of a message that does not fit into memory, part by part. */
struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *stream, struct span part);
struct digest digest_stream_finish(struct digest_stream *stream); /* of all parts; frees it */

bool digest_equal(const struct digest *a, const struct digest *b);
void digest_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE]);

#endif
