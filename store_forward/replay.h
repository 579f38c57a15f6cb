/*
 * replay.h - ranges of a stream that the cloud asked for again, until they are sent.
 *
 * Why:   a command that was accepted must be carried out after a power cut too.
 * Owns:  table replays; their number and the ids given, in memory as in the file.
 * Rules: 1. Served in the order of their ids; an id is never given twice.
 *        2. first <= next <= last + 1: next only rises.
 * Faults: as in store.h. After a salvage a replay still names the epoch it was asked for, which has ended then: the
 *        core answers it as failed.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c
 */
#ifndef TWINPOST_REPLAY_H
#define TWINPOST_REPLAY_H

#include "store_forward/store.h"

#define STORE_REPLAYS_MAX    1000
#define STORE_COMMAND_ID_MAX 64

struct store_replay {
	int64_t id;
	int stream;
	int64_t epoch;
	int64_t from; /* sequences, both inclusive */
	int64_t to;
	int64_t next;                           /* to be sent next; to + 1: all were sent */
	char command[STORE_COMMAND_ID_MAX + 1]; /* id of the command that asked for it */
};

/* Gives replay->id and sets replay->next to its first sequence. ERR_BAD_INPUT: no range. ERR_FULL: STORE_REPLAYS_MAX
 * wait already. */
MUST_USE enum err store_replay_add(struct store *store, struct store_replay *replay, struct err_info *info);
/* The oldest. ERR_NOT_FOUND: none. */
MUST_USE enum err store_replay_first(struct store *store, struct store_replay *replay, struct err_info *info);
/* ERR_NOT_FOUND: no such replay. ERR_BAD_INPUT: below the present one, or above to + 1. */
MUST_USE enum err store_replay_advance(struct store *store, int64_t id, int64_t next, struct err_info *info);
/* Forgets it, sent or not. ERR_NOT_FOUND: no such replay. */
MUST_USE enum err store_replay_end(struct store *store, int64_t id, struct err_info *info);
int store_replay_count(const struct store *store);

#endif
