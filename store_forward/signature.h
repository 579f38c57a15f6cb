/*
 * signature.h - verifies ECDSA P-256 signatures, and reads public keys.
 *
 * Why:   receipts and commands come through a broker that nobody need trust: their signature is what counts.
 * Owns:  nothing.
 * Rules: 1. A public key is the DER SubjectPublicKeyInfo of a point of P-256, uncompressed and on the curve: 91
 *           bytes, one form for each key. Other curves and kinds are refused.
 *        2. A signature is the DER SEQUENCE of r and s, each in its shortest form, and nothing after it; s may be in
 *           either half (OpenSSL makes both).
 *        3. Everything here comes from outside: a wrong byte is a result, never a CHECK.
 * Source: FIPS 186-5 section 6.4, RFC 5480, RFC 7468 section 13 (PEM), X.690 section 8.3 and 10.1 (DER).
 * Faults: any bytes.
 * Runs in: the core.
 * Tests: tests/unit/signature_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_SIGNATURE_H
#define TWINPOST_SIGNATURE_H

#include "hal/base/bytes.h"

#define PUBLIC_KEY_BYTES   91
#define PUBLIC_KEY_PEM_MAX 4096 /* with what may stand around it */

/* The SHA-256 of text was signed by the owner of this key. false also for a key or signature that is none. */
MUST_USE bool signature_verify(struct span spki, struct span text, struct span signature);

MUST_USE bool public_key_valid(struct span spki);
/* From PEM ("-----BEGIN PUBLIC KEY-----"); text before and after it is ignored. *len is PUBLIC_KEY_BYTES.
 * ERR_TOO_LARGE: over PUBLIC_KEY_PEM_MAX; ERR_BAD_INPUT: no public key or more than one; ERR_UNSUPPORTED: not of
 * P-256. */
MUST_USE enum err public_key_from_pem(struct span pem, uint8_t spki[PUBLIC_KEY_BYTES], size_t *len,
                                      struct err_info *info);
/* Appends the PEM, as `openssl pkey -pubin` writes it. */
void public_key_to_pem(struct buf *out, struct span spki);

#endif
