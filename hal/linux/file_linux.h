/*
 * file_linux.h - reads a small local file whole; lists a small directory, and tells whether it has changed.
 *
 * Why:   configuration, profiles and certificates are small files that are read once and checked whole.
 * Owns:  nothing.
 * Rules: only regular files (or what a path such as /dev/stdin leads to), at most the buffer's max.
 * Faults: absent, unreadable, over-long, a directory: each a clear error.
 * Runs in: every process.
 * Tests: tests/unit/file_linux_test.c
 */
#ifndef TWINPOST_FILE_LINUX_H
#define TWINPOST_FILE_LINUX_H

#include "hal/base/bytes.h"

/* Replaces what out holds. ERR_NOT_FOUND, ERR_DENIED, ERR_TOO_LARGE (over out->max), ERR_BAD_INPUT (a directory),
 * ERR_IO. */
MUST_USE enum err file_linux_read(const char *path, struct buf *out, struct err_info *info);
/* Appends the name of every entry but "." and "..", each with its closing zero, in no order. ERR_NOT_FOUND, ERR_DENIED,
 * ERR_BAD_INPUT (not a directory), ERR_TOO_LARGE (over names->max), ERR_IO. */
MUST_USE enum err file_linux_list(const char *directory, struct buf *names, struct err_info *info);
/* A number that is another one, but for chance, when a file was added, removed, renamed, written or replaced. Errors as
 * for file_linux_list(). */
MUST_USE enum err file_linux_stamp(const char *directory, uint64_t *stamp, struct err_info *info);

#endif
