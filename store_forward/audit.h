/*
 * audit.h - who did what to the agent, and why: entries chained by hash, never deleted.
 *
 * Why:   what people and the cloud ordered must be tellable after the migration, and a changed entry be noticed.
 * Owns:  table audit; the chain's head in memory as in the file.
 * Rules: 1. h_0 = H("tp1/audit/v1\n"), h_n = H(hex(h_{n-1}) "\n" id "\n" instant "\n" who "\n" action "\n" target "\n"
 *           why "\n"): lines, so that a shell can rebuild them. No text has a control character.
 *        2. Ids are 1, 2, 3, ...; the instant has milliseconds, and what is finer is cut off before it is kept.
 *        3. Nothing is ever deleted. A salvage keeps the entries up to the first that does not fit, and adds one of its
 *           own: "store salvaged".
 * Faults: as in store.h; a last entry that is not the head's is damage, found at open.
 * Runs in: the core.
 * Tests: tests/unit/store_audit_test.c (values made by sha256sum)
 */
#ifndef TWINPOST_AUDIT_H
#define TWINPOST_AUDIT_H

#include "store_forward/store.h"

#define STORE_AUDIT_ACTION_MAX 64
#define STORE_AUDIT_TARGET_MAX 600 /* room for an exception's rule and key */
#define STORE_AUDIT_WHY_MAX    1000

struct store_audit_entry {
	int64_t id;
	int64_t at_ns;
	struct span who;    /* at most STORE_WHO_MAX, not empty */
	struct span action; /* not empty */
	struct span target;
	struct span why;
	struct digest digest; /* h_id */
};
/* Gives id and digest; those of entry are not read. ERR_BAD_INPUT: nobody, nothing, or a control character;
 * ERR_TOO_LARGE. */
MUST_USE enum err store_audit_add(struct store *store, const struct store_audit_entry *entry,
                                  struct err_info *info);
typedef bool (*store_audit_visitor)(void *self, const struct store_audit_entry *entry);
/* Newest first, with id < before (0: from the newest). */
MUST_USE enum err store_audit_read(struct store *store, int64_t before, store_audit_visitor visit, void *self,
                                   struct err_info *info);
/* Walks the whole chain. *count: entries that fit, from the first on. ERR_CORRUPT: info tells the first id that does
 * not. */
MUST_USE enum err store_audit_verify(struct store *store, int64_t *count, struct err_info *info);
/* The last id given (0: none) and its hash, to be written down elsewhere. */
int64_t store_audit_head(const struct store *store, struct digest *digest);

#endif
