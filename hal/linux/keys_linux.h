/*
 * keys_linux.h - the signing keys on Linux: sealed files in a directory of their own.
 *
 * Why:   a gateway without a security chip keeps its key in files; who may read them is the kernel's to keep.
 * Owns:  nothing beyond keys_sealed.h.
 * Rules: 1. Directory 0700, files 0600; whatever group or others may use is refused, not mended: who saw it is unknown.
 *        2. No link is followed where a file is read or made.
 *        3. A file is synced before it is renamed, a directory that was made is synced in the one above it.
 * Faults: as hal/keys.h.
 * Runs in: the core; included by hal_linux.c and tests alone.
 * Tests: tests/contract/hal_linux_contract_test.c, tests/contract/hal_linux_keys_test.c
 */
#ifndef TWINPOST_KEYS_LINUX_H
#define TWINPOST_KEYS_LINUX_H

#include "hal/keys.h"

MUST_USE enum err keys_linux_open(struct hal *hal, const struct hal_keys_options *options,
                                  struct hal_keys **keys, struct hal_keys_opening *opening,
                                  struct err_info *info);

#endif
