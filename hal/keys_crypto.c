/*
 * keys_crypto.c - P-256, SHA-256 and AES-256-GCM by mbedTLS, 2.28 or 3.x.
 *
 * Why:   see keys_crypto.h.
 * Owns:  the mbedTLS contexts of each pair.
 * Rules: 1. A call that can only fail for lack of memory is a bug's kind of end (CHECK), never a wrong signature.
 *        2. What is read from a file is judged, never CHECKed.
 * Faults: as in keys_crypto.h.
 * Runs in: the core.
 * Tests: tests/unit/keys_crypto_test.c
 */
#include "hal/keys_crypto.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>

#define SEAL_KEY_BITS (8 * SEAL_KEY_BYTES)

struct key_pair {
	struct hal *hal;
	mbedtls_pk_context context;
	uint8_t spki[HAL_PUBLIC_KEY_MAX];
	size_t spki_len;
};

static int random_bytes(void *hal, unsigned char *bytes, size_t len)
{
	if (len > 0)
		hal_entropy(hal, bytes, len);
	return 0;
}

static int parse_private(struct key_pair *pair, struct span der)
{
	const unsigned char *bytes = (const unsigned char *)der.data;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(&pair->context, bytes, der.len, NULL, 0, random_bytes, pair->hal);
#else
	return mbedtls_pk_parse_key(&pair->context, bytes, der.len, NULL, 0);
#endif
}

static int check_pair(struct key_pair *pair)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_check_pair(&pair->context, &pair->context, random_bytes, pair->hal);
#else
	return mbedtls_pk_check_pair(&pair->context, &pair->context);
#endif
}

static struct key_pair *pair_new(struct hal *hal)
{
	struct key_pair *pair = mem_alloc(sizeof *pair);
	pair->hal = hal;
	mbedtls_pk_init(&pair->context);
	return pair;
}

/* mbedTLS writes DER at the end of the room it is given. */
static void take_public(struct key_pair *pair)
{
	int len = mbedtls_pk_write_pubkey_der(&pair->context, pair->spki, sizeof pair->spki);
	CHECK(len > 0);
	pair->spki_len = (size_t)len;
	memmove(pair->spki, pair->spki + sizeof pair->spki - pair->spki_len, pair->spki_len);
}

struct key_pair *key_pair_generate(struct hal *hal)
{
	struct key_pair *pair = pair_new(hal);
	CHECK(mbedtls_pk_setup(&pair->context, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
	CHECK(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pair->context), random_bytes,
	                          hal) == 0);
	take_public(pair);
	return pair;
}

struct key_pair *key_pair_from_der(struct hal *hal, struct span der)
{
	/* How the SubjectPublicKeyInfo of a P-256 key begins: its AlgorithmIdentifier (RFC 5480, section 2.1.1). */
	static const uint8_t p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	                               0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	struct key_pair *pair = pair_new(hal);
	if (der.len == 0 || der.len > KEY_PRIVATE_MAX || parse_private(pair, der) != 0 ||
	    mbedtls_pk_get_type(&pair->context) != MBEDTLS_PK_ECKEY ||
	    mbedtls_pk_get_bitlen(&pair->context) != 256 || check_pair(pair) != 0) {
		key_pair_free(pair);
		return NULL;
	}
	take_public(pair);
	if (pair->spki_len < sizeof p256 || memcmp(pair->spki, p256, sizeof p256) != 0) {
		key_pair_free(pair);
		return NULL;
	}
	return pair;
}

void key_pair_free(struct key_pair *pair)
{
	if (!pair)
		return;
	mbedtls_pk_free(&pair->context); /* wipes the private key */
	free(pair);
}

struct span key_pair_public(const struct key_pair *pair)
{
	return (struct span){(const char *)pair->spki, pair->spki_len};
}

void key_pair_private(struct key_pair *pair, uint8_t der[KEY_PRIVATE_MAX], size_t *len)
{
	int written = mbedtls_pk_write_key_der(&pair->context, der, KEY_PRIVATE_MAX);
	CHECK(written > 0);
	*len = (size_t)written;
	memmove(der, der + KEY_PRIVATE_MAX - *len, *len);
	explicit_bzero(der + *len, KEY_PRIVATE_MAX - *len);
}

void key_pair_sign(struct key_pair *pair, struct span text, uint8_t der[HAL_SIGNATURE_MAX], size_t *len)
{
	/* mbedTLS writes up to its own maximum, which has room for larger curves. */
	uint8_t hash[HAL_KEY_HASH_BYTES];
	uint8_t room[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	key_hash(text, hash);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	int failed = mbedtls_pk_sign(&pair->context, MBEDTLS_MD_SHA256, hash, sizeof hash, room, sizeof room,
	                             len, random_bytes, pair->hal);
#else
	int failed = mbedtls_pk_sign(&pair->context, MBEDTLS_MD_SHA256, hash, sizeof hash, room, len,
	                             random_bytes, pair->hal);
#endif
	CHECK(failed == 0 && *len <= HAL_SIGNATURE_MAX);
	memcpy(der, room, *len);
}

void key_hash(struct span bytes, uint8_t hash[HAL_KEY_HASH_BYTES])
{
	static const unsigned char nothing[1] = {0};
	CHECK(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
	                 bytes.len > 0 ? (const unsigned char *)bytes.data : nothing, bytes.len, hash) == 0);
}

void seal_close(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES], struct span bound,
                struct span plain, uint8_t *cipher, uint8_t tag[SEAL_TAG_BYTES])
{
	mbedtls_gcm_context context;
	mbedtls_gcm_init(&context);
	CHECK(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key, SEAL_KEY_BITS) == 0);
	CHECK(mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, plain.len, nonce, SEAL_NONCE_BYTES,
	                                (const unsigned char *)bound.data, bound.len,
	                                (const unsigned char *)plain.data, cipher, SEAL_TAG_BYTES, tag) == 0);
	mbedtls_gcm_free(&context);
}

bool seal_open(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES], struct span bound,
               struct span cipher, const uint8_t tag[SEAL_TAG_BYTES], uint8_t *plain)
{
	mbedtls_gcm_context context;
	mbedtls_gcm_init(&context);
	CHECK(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key, SEAL_KEY_BITS) == 0);
	int failed = mbedtls_gcm_auth_decrypt(&context, cipher.len, nonce, SEAL_NONCE_BYTES,
	                                      (const unsigned char *)bound.data, bound.len, tag,
	                                      SEAL_TAG_BYTES, (const unsigned char *)cipher.data, plain);
	mbedtls_gcm_free(&context);
	if (failed != 0)
		explicit_bzero(plain, cipher.len);
	return failed == 0;
}
