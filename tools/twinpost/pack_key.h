/*
 * pack_key.h - signing with a private key in a file, for those who have no agent: a controller, an auditor.
 *
 * Why:   a second and a third signature under the same statement come from people, with keys of their own.
 * Owns:  struct pack_key owns the key pair and wipes it.
 * Rules: 1. PEM of an EC private key on P-256: "EC PRIVATE KEY" (RFC 5915) or "PRIVATE KEY" (RFC 5958); an encrypted
 *           one is told how to be opened.
 *        2. The file must not be readable by others, as with every secret.
 *        3. Signatures are deterministic (RFC 6979): the same pack signed again is the same bytes.
 * Faults: any file.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_KEY_H
#define TWINPOST_PACK_KEY_H

#include "hal/keys.h"

#define PACK_KEY_FILE_MAX 8192

struct pack_key;

/* ERR_DENIED: others may read it; ERR_BAD_INPUT, ERR_UNSUPPORTED: it is no such key; ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err pack_key_open(const char *path, struct pack_key **key, struct err_info *info);
void pack_key_close(struct pack_key *key); /* NULL is allowed */
/* For note_sign(); HAL_KEY_CURRENT alone. */
struct hal_keys *pack_key_signer(struct pack_key *key);
/* Fills bytes from the system's cryptographic source. */
void pack_random(void *bytes, size_t len);

#endif
