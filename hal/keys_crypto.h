/*
 * keys_crypto.h - key pairs of P-256 and the sealing of bytes, for the key back ends.
 *
 * Why:   every back end that keeps its keys in files does the same with them; one file knows mbedTLS's names, which
 *        differ between 2.28 and 3.x.
 * Owns:  a struct key_pair owns its private key and wipes it.
 * Rules: 1. Randomness comes from hal_entropy() alone.
 *        2. A buffer that held a private key is wiped by whoever declared it.
 * Source: FIPS 186-5 (ECDSA), RFC 6979 (deterministic), RFC 5915 (private key), RFC 5480 (public key), SP 800-38D
 *         (AES-256-GCM), by mbedTLS.
 * Faults: bytes that are no private key of P-256, or were not sealed so: told, never used.
 * Runs in: the core, the CLI; included by the key back ends, pack_key.c and tests alone.
 * Tests: tests/unit/keys_crypto_test.c
 */
#ifndef TWINPOST_KEYS_CRYPTO_H
#define TWINPOST_KEYS_CRYPTO_H

#include "hal/keys.h"

/* A private key of P-256 in DER is 121 bytes with its public one. */
#define KEY_PRIVATE_MAX 160

#define SEAL_KEY_BYTES   32
#define SEAL_NONCE_BYTES 12
#define SEAL_TAG_BYTES   16

struct key_pair;

struct key_pair *key_pair_generate(struct hal *hal); /* never NULL */
/* NULL: not the private key of P-256 in DER, or its public part is another's. */
struct key_pair *key_pair_from_der(struct hal *hal, struct span der);
void key_pair_free(struct key_pair *pair); /* NULL is allowed */
/* DER SubjectPublicKeyInfo, borrowed as long as the pair lives. */
struct span key_pair_public(const struct key_pair *pair);
/* The private key in DER: a secret. */
void key_pair_private(struct key_pair *pair, uint8_t der[KEY_PRIVATE_MAX], size_t *len);
void key_pair_sign(struct key_pair *pair, struct span text, uint8_t der[HAL_SIGNATURE_MAX], size_t *len);

void key_hash(struct span bytes, uint8_t hash[HAL_KEY_HASH_BYTES]); /* SHA-256 */

/* Seals plain into cipher, which is as long, and tag; bound is not hidden, but bound to it. */
void seal_close(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES], struct span bound,
                struct span plain, uint8_t *cipher, uint8_t tag[SEAL_TAG_BYTES]);
/* false, and plain wiped: another key, or not what was sealed. */
MUST_USE bool seal_open(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
                        struct span bound, struct span cipher, const uint8_t tag[SEAL_TAG_BYTES],
                        uint8_t *plain);

#endif
