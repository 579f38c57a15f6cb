/*
 * secret.h - a secret by reference, and its short life in memory.
 *
 * Why:   configuration, frames, logs and command lines name where a secret is, never the secret.
 * Owns:  struct secret owns its bytes and wipes them on release.
 * Rules: 1. Only the process that needs a secret resolves it.
 *        2. struct secret has no printer.
 *        3. A file with a secret must not be readable by others (mode & 007 is zero), or it is refused.
 *        4. One trailing newline is not part of the secret.
 * Runs in: source child, uplink child, the core for the seal of its keys; the configuration checker looks whether the
 *          reference is good.
 * Tests: tests/unit/base_test.c
 */
#ifndef TWINPOST_SECRET_H
#define TWINPOST_SECRET_H

#include "hal/base/bytes.h"

#define SECRET_BYTES_MAX     1024
#define SECRET_REFERENCE_MAX 256

enum secret_kind {
	SECRET_NONE,
	SECRET_FILE,        /* a path */
	SECRET_ENVIRONMENT, /* a variable's name */
	SECRET_CREDENTIAL,  /* a name below $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=) */
};

struct secret_reference {
	enum secret_kind kind;
	char name[SECRET_REFERENCE_MAX];
};

struct secret {
	size_t len;
	char bytes[SECRET_BYTES_MAX + 1]; /* zero-terminated */
};

/* In a frame: u8 kind | string name. Decoding refuses an unknown kind and an over-long name. */
void secret_reference_encode(struct buf *out, const struct secret_reference *reference);
MUST_USE bool secret_reference_decode(struct secret_reference *reference, struct reader *reader);

/* Wipes so that the compiler may not leave it out. */
void secret_release(struct secret *secret);

#endif
