/*
 * digest.c - SHA-256 by mbedTLS, 2.28 or 3.x.
 *
 * Why:   see digest.h.
 * Owns:  nothing; the hash state lives on the stack and is wiped by mbedTLS.
 * Rules: a hash that cannot be made is a bug (the software implementation never fails), never a wrong digest.
 * Runs in: the core.
 * Tests: tests/unit/digest_test.c
 */
#include "store_forward/digest.h"

#include <string.h>

#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

/* The second argument of starts: SHA-256, not SHA-224. */
#define NOT_SHA224 0

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define sha256_starts mbedtls_sha256_starts
#define sha256_update mbedtls_sha256_update
#define sha256_finish mbedtls_sha256_finish
#else
#define sha256_starts mbedtls_sha256_starts_ret
#define sha256_update mbedtls_sha256_update_ret
#define sha256_finish mbedtls_sha256_finish_ret
#endif

struct digest digest_of(const struct span *parts, size_t count)
{
	struct digest digest;
	mbedtls_sha256_context context;
	mbedtls_sha256_init(&context);
	CHECK(sha256_starts(&context, NOT_SHA224) == 0);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			CHECK(sha256_update(&context, (const unsigned char *)parts[i].data, parts[i].len) ==
			      0);
	}
	CHECK(sha256_finish(&context, digest.bytes) == 0);
	mbedtls_sha256_free(&context);
	return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void digest_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE])
{
	hex_encode(text, digest->bytes, DIGEST_BYTES);
}
