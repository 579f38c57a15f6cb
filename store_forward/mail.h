/*
 * mail.h - small durable messages beside the streams: checkpoints, exceptions, results of commands.
 *
 * Why:   what is told to the cloud beside the postings must survive a power cut as they do, and go out in order.
 * Owns:  table mail; the ids given, in memory as in the file.
 * Rules: 1. Ids are 1, 2, 3, ... without a gap; they are given in the transaction that adds the row, and go back with
 *           it.
 *        2. Only committed rows are read, so that nothing is sent before its commit.
 *        3. A row is deleted when it was acknowledged (store_mail_done()), and never before.
 * Faults: as in store.h. A salvage keeps what can be read, in its order; its ids may then be others.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c, tests/unit/store_side_salvage_test.c
 */
#ifndef TWINPOST_MAIL_H
#define TWINPOST_MAIL_H

#include "store_forward/store.h"

#define STORE_MAIL_TOPIC_MAX 128
#define STORE_MAIL_BYTES_MAX (256u * 1024u)
/* Waiting at a time: a broker that is away for long must not fill the disk with what can be told later. */
#define STORE_MAIL_ROWS_MAX 100000

/* topic: what follows the gateway's name, such as "up/ckpt/00100": levels of a-z, 0-9 and - between slashes.
 * ERR_BAD_INPUT: another topic. ERR_TOO_LARGE: topic or payload. ERR_FULL: STORE_MAIL_ROWS_MAX wait (or no space):
 * nothing was added, tell it later. */
MUST_USE enum err store_mail_add(struct store *store, struct span topic, struct span payload,
                                 struct err_info *info);

/* Both spans are borrowed for the call; false ends the reading. */
typedef bool (*store_mail_visitor)(void *self, int64_t id, struct span topic, struct span payload);
/* Committed rows with id > after that were not deleted, in order. ERR_CORRUPT: a row is not as it was written, or is
 * missing. */
MUST_USE enum err store_mail_read(struct store *store, int64_t after, store_mail_visitor visit, void *self,
                                  struct err_info *info);
/* Deletes all up to this id; ERR_BAD_INPUT: above the last committed one. Ids that are gone already are no failure. */
MUST_USE enum err store_mail_done(struct store *store, int64_t upto, struct err_info *info);

int64_t store_mail_next_id(const struct store *store); /* that the next store_mail_add() gives */
int64_t
store_mail_committed(const struct store *store); /* the last id that may be sent; 0: none was ever given */
int64_t store_mail_acked(const struct store *store); /* every id up to it is done */

#endif
