/*
 * commands.h - messages of the cloud that were taken, and what was answered: outcomes and commands.
 *
 * Why:   a message that comes again must be answered as before, and nothing be done twice; an id that comes with other
 *        content must be noticed.
 * Owns:  table messages; the number of each kind, in memory as in the file.
 * Rules: 1. An answer is kept for STORE_MESSAGES_KEPT_NS after the message was first taken. A command is refused when
 *           it expires later than that, so that none outlives the memory of it.
 *        2. At most STORE_MESSAGES_MAX of each kind: the oldest goes. The kinds do not push each other out.
 * Faults: as in store.h.
 * Runs in: the core.
 * Tests: tests/unit/store_outcomes_test.c
 */
#ifndef TWINPOST_COMMANDS_H
#define TWINPOST_COMMANDS_H

#include "store_forward/store.h"

#define STORE_MESSAGES_MAX      100000
#define STORE_MESSAGE_ID_MAX    64
#define STORE_MESSAGE_BYTES_MAX (256u * 1024u) /* of an answer: it goes out as mail */
#define STORE_MESSAGES_KEPT_NS  (INT64_C(7) * 86400 * NS_PER_S)

/* The numbers are kept in the file. */
enum store_message_kind { STORE_MESSAGE_ACK = 1, STORE_MESSAGE_COMMAND = 2 };

/* ERR_OK: it was taken with this very digest, and result holds the answer. ERR_CONFLICT: the id was used with another
 * content. ERR_NOT_FOUND: never, or longer ago than is kept. */
MUST_USE enum err store_message_seen(struct store *store, enum store_message_kind kind, struct span id,
                                     const struct digest *digest, struct buf *result, struct err_info *info);
/* The digest it was taken with, for a caller that decides by itself. ERR_NOT_FOUND: as above. */
MUST_USE enum err store_message_digest(struct store *store, enum store_message_kind kind, struct span id,
                                       struct digest *digest, struct err_info *info);
/* Keeps the answer, or replaces the one that was kept for the same content (accepted, then done): the time it is kept
 * does not begin again. ERR_CONFLICT: kept for another content. ERR_BAD_INPUT: no id; ERR_TOO_LARGE: id or answer. */
MUST_USE enum err store_message_put(struct store *store, enum store_message_kind kind, struct span id,
                                    const struct digest *digest, struct span result, int64_t now_ns,
                                    struct err_info *info);
/* Deletes up to limit that were taken STORE_MESSAGES_KEPT_NS ago or earlier. */
MUST_USE enum err store_messages_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                                       struct err_info *info);
int64_t store_message_count(const struct store *store, enum store_message_kind kind);

#endif
