/*
 * port_secret_linux.h - secrets and small files on Linux.
 *
 * Why:   the rules of who may read a secret are kept in one place.
 * Owns:  nothing.
 * Rules: 1. A secret's file is a regular file that others may not read or write (mode & 007 is zero).
 *        2. A credential is a plain name below $CREDENTIALS_DIRECTORY: no slash, not "." or "..".
 *        3. One trailing newline is cut; an empty secret, and one with a zero byte inside, is refused. A key is bytes,
 *           not text: port_secret_linux_bytes() gives them as they stand.
 *        4. No text made here holds the secret.
 * Faults: absent, unreadable, shared, too large, a directory, a FIFO nobody writes to.
 * Runs in: source child, uplink child; the core for the seal of its keys.
 * Tests: tests/unit/secret_test.c
 */
#ifndef TWINPOST_PORT_SECRET_LINUX_H
#define TWINPOST_PORT_SECRET_LINUX_H

#include "hal/base/secret.h"

/* ERR_NOT_FOUND: nothing of that name, kind SECRET_NONE, or empty; ERR_DENIED: unreadable, or readable by others;
 * ERR_TOO_LARGE; ERR_BAD_INPUT: a zero byte, or not a regular file. *secret is wiped on failure. */
MUST_USE enum err port_secret_linux_get(const struct secret_reference *reference, struct secret *secret,
                                        struct err_info *info);
/* The bytes as they stand, a newline, zero bytes and none at all among them; errors as above, and ERR_TOO_LARGE where
 * there are more than size. */
MUST_USE enum err port_secret_linux_bytes(const struct secret_reference *reference, uint8_t *bytes,
                                          size_t size, size_t *len, struct err_info *info);
/* Appends the whole of a regular file to out. ERR_NOT_FOUND, ERR_DENIED, ERR_BAD_INPUT, ERR_TOO_LARGE (over out's
 * max), ERR_IO. */
MUST_USE enum err port_secret_linux_read_file(const char *path, struct buf *out, struct err_info *info);

#endif
