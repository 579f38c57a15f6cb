/*
 * meta.h - small values that the core keeps from one run to the next, by name.
 *
 * Why:   cursors and switches (what was told, what is paused) need a durable place and no table of their own.
 * Owns:  table meta.
 * Rules: the program names the keys: there are few, and no input makes one.
 * Faults: as in store.h. A salvage keeps what can be read.
 * Runs in: the core.
 * Tests: tests/unit/store_audit_test.c
 */
#ifndef TWINPOST_META_H
#define TWINPOST_META_H

#include "store_forward/store.h"

#define STORE_META_KEY_MAX   32
#define STORE_META_BYTES_MAX 4096

/* ERR_NOT_FOUND: never put. out is cleared first; it must have room for the value (ERR_TOO_LARGE). */
MUST_USE enum err store_meta_get(struct store *store, const char *key, struct buf *out,
                                 struct err_info *info);
/* ERR_TOO_LARGE: the value. A key that is empty or too long is a bug. */
MUST_USE enum err store_meta_put(struct store *store, const char *key, struct span value,
                                 struct err_info *info);

#endif
