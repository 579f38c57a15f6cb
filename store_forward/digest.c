/*
 * digest.c - SHA-256 by mbedTLS, 2.28 or 3.x.
 *
 * Why:   see digest.h.
 * Owns:  the hash state, which mbedTLS wipes.
 * Rules: a hash that cannot be made is a bug (the software implementation never fails), never a wrong digest.
 * Runs in: the core.
 * Tests: tests/unit/digest_test.c
 */
#include "store_forward/digest.h"

#include <stdlib.h>
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

struct digest_stream {
	mbedtls_sha256_context context;
};

static void start(struct digest_stream *stream)
{
	mbedtls_sha256_init(&stream->context);
	CHECK(sha256_starts(&stream->context, NOT_SHA224) == 0);
}

static struct digest finish(struct digest_stream *stream)
{
	struct digest digest;
	CHECK(sha256_finish(&stream->context, digest.bytes) == 0);
	mbedtls_sha256_free(&stream->context);
	return digest;
}

struct digest_stream *digest_stream_new(void)
{
	struct digest_stream *stream = mem_alloc(sizeof *stream);
	start(stream);
	return stream;
}

void digest_stream_add(struct digest_stream *stream, struct span part)
{
	if (part.len > 0)
		CHECK(sha256_update(&stream->context, (const unsigned char *)part.data, part.len) == 0);
}

struct digest digest_stream_finish(struct digest_stream *stream)
{
	struct digest digest = finish(stream);
	free(stream);
	return digest;
}

struct digest digest_of(const struct span *parts, size_t count)
{
	struct digest_stream stream;
	start(&stream);
	for (size_t i = 0; i < count; i++)
		digest_stream_add(&stream, parts[i]);
	return finish(&stream);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void digest_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE])
{
	hex_encode(text, digest->bytes, DIGEST_BYTES);
}
