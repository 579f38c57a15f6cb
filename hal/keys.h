/*
 * keys.h - the box's signing key: made here, sealed here, and never seen outside.
 *
 * Why:   what the agent signs must be the agent's; a key that a file copy can carry away proves nothing.
 * Owns:  a back end embeds struct hal_keys and owns the private keys behind it.
 * Rules: 1. ECDSA P-256 with SHA-256 (FIPS 186-5, section 6); signatures are deterministic (RFC 6979), in DER.
 *        2. A private key exists in the back end's memory and, sealed, in its directory; no function hands it out.
 *        3. Two keys at most: the current one, and a next one while a rotation is under way.
 *        4. Whatever is interrupted, at any moment: each key that a call has told of is there afterwards. Which one is
 *           current is the store's to say: hal_keys_promote() follows it, at each opening and after the commit.
 *        5. What cannot be read is never written over: a damaged file or a wrong seal is an error that stays.
 * Faults: power cuts and full disks (the call fails and may be repeated), damaged files, a wrong seal, a directory or
 *         file that others may use.
 * Runs in: the core.
 * Tests: tests/contract/hal_contract_keys.c against hal/linux and hal/sim; tests/unit/keys_crypto_test.c
 */
#ifndef TWINPOST_KEYS_HAL_H
#define TWINPOST_KEYS_HAL_H

#include "hal/base/secret.h"
#include "hal/hal.h"

/* A public key as DER SubjectPublicKeyInfo (RFC 5480): 91 bytes; a signature in DER: 72 at most. */
#define HAL_PUBLIC_KEY_MAX     128
#define HAL_SIGNATURE_MAX      80
#define HAL_KEY_HASH_BYTES     32
#define HAL_KEYS_DIRECTORY_MAX 1024

enum hal_key { HAL_KEY_CURRENT, HAL_KEY_NEXT };

struct hal_keys_options {
	/* Of the back end alone; made with mode 0700 if absent (the one above it must exist). Under
	 * HAL_KEYS_DIRECTORY_MAX bytes. */
	const char *directory;
	/* What the keys are sealed with: 32 bytes as they are, or 64 hex digits (a newline after them is allowed).
	 * SECRET_NONE: seal.key in the directory, made where there is none. */
	struct secret_reference seal;
};

struct hal_keys_opening {
	bool created;  /* there was no key: this one is new */
	bool prepared; /* a next key lies beside the current one */
};

struct hal_keys;

struct hal_keys_ops {
	void (*close)(struct hal_keys *keys);
	struct span (*public_key)(const struct hal_keys *keys, enum hal_key which);
	enum err (*sign)(struct hal_keys *keys, enum hal_key which, struct span text, uint8_t *der,
	                 size_t *len, struct err_info *info);
	enum err (*prepare)(struct hal_keys *keys, struct err_info *info);
	enum err (*promote)(struct hal_keys *keys, const uint8_t *hash, struct err_info *info);
};

/* The first member of every back end's own struct. */
struct hal_keys {
	const struct hal_keys_ops *ops;
};

/* ERR_DENIED: others may use the directory or a file in it, or the seal is another one than the keys were sealed
 * with; ERR_CORRUPT: a file is damaged or missing beside others; ERR_VERSION: made by a later program; ERR_NOT_FOUND:
 * the seal or the directory above is not there; ERR_BAD_INPUT: the seal has not the form; ERR_TOO_LARGE: a path is too
 * long; ERR_IO, ERR_FULL. Nothing is written over in any of these. */
MUST_USE enum err hal_keys_open(struct hal *hal, const struct hal_keys_options *options,
                                struct hal_keys **keys, struct hal_keys_opening *opening,
                                struct err_info *info);
/* Wipes the private keys from memory. NULL is allowed. */
void hal_keys_close(struct hal_keys *keys);

/* DER SubjectPublicKeyInfo, borrowed until the next prepare, promote or close; empty: there is no next key. */
struct span hal_keys_public(const struct hal_keys *keys, enum hal_key which);
/* The signature over the bytes of text. ERR_NOT_FOUND: there is no next key. */
MUST_USE enum err hal_keys_sign(struct hal_keys *keys, enum hal_key which, struct span text,
                                uint8_t der[HAL_SIGNATURE_MAX], size_t *len, struct err_info *info);
/* Makes the next key durable beside the current one; keeps the one that is there already. ERR_IO, ERR_FULL: there is
 * none; may be repeated. */
MUST_USE enum err hal_keys_prepare(struct hal_keys *keys, struct err_info *info);
/* Makes the key whose public key has this SHA-256 the current one and forgets the other. ERR_NOT_FOUND: neither of the
 * two is it, nothing changes. ERR_IO, ERR_FULL: may be repeated. */
MUST_USE enum err hal_keys_promote(struct hal_keys *keys, const uint8_t hash[HAL_KEY_HASH_BYTES],
                                   struct err_info *info);

#endif
