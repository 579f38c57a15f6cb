/*
 * keys_sealed.h - signing keys as sealed files in a directory: what both back ends share.
 *
 * Why:   which file is written when, so that a power cut at any moment loses no key, is the hard part; it is written
 *        once, and the simulator cuts the power through it.
 * Owns:  the directory: signing.key (the current key), next.key (during a rotation), seal.key (where no seal is
 *        configured), NAME.new while one of them is being written.
 * Rules: 1. A file is written under NAME.new, synced, and renamed over NAME: it is whole or not there.
 *        2. Promotion writes the new key over signing.key and then removes next.key; the same key in both files is the
 *           trace of a cut between the two.
 *        3. signing.key is never removed: next.key without it is damage, not a beginning.
 *        4. Layout of signing.key and next.key (little-endian):
 *             8 "tpsealed" | u16 version (1) | u16 n | 12 nonce | n sealed | 16 tag | 8 check
 *           sealed: the private key (RFC 5915) by AES-256-GCM, with the 24 bytes before it bound to it; check: the
 *           first 8 bytes of SHA-256 of all before it, which tells damage from another seal. seal.key: 64 hex digits
 *           and a newline.
 * Faults: as hal/keys.h.
 * Runs in: the core; included by the key back ends and tests alone.
 * Tests: tests/contract/hal_contract_keys.c, tests/contract/hal_sim_keys_test.c
 */
#ifndef TWINPOST_KEYS_SEALED_H
#define TWINPOST_KEYS_SEALED_H

#include "hal/keys.h"

/* What a back end brings; renaming and removing are hal_disk_*. */
struct keys_disk {
	/* Makes the directory (mode 0700, durable) if absent; ERR_DENIED: others may use it. */
	enum err (*directory)(struct hal *hal, const char *path, struct err_info *info);
	/* The whole file; ERR_NOT_FOUND; ERR_DENIED: others may read it; ERR_TOO_LARGE: over size. */
	enum err (*read)(struct hal *hal, const char *path, uint8_t *bytes, size_t size, size_t *len,
	                 struct err_info *info);
	/* A new file, for the owner alone, synced; ERR_CONFLICT: there is one. */
	enum err (*create)(struct hal *hal, const char *path, struct span bytes, struct err_info *info);
	/* The bytes behind a reference as they stand, a newline too. */
	enum err (*secret)(struct hal *hal, const struct secret_reference *reference, uint8_t *bytes,
	                   size_t size, size_t *len, struct err_info *info);
};

/* The keys_open of a back end. */
MUST_USE enum err keys_sealed_open(struct hal *hal, const struct keys_disk *disk,
                                   const struct hal_keys_options *options, struct hal_keys **keys,
                                   struct hal_keys_opening *opening, struct err_info *info);

#endif
