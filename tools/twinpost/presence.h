/*
 * presence.h - the messages of up/state and up/metric: birth, heartbeat, death, counters.
 *
 * Why:   a subscriber sees which gateways live, with which key, and how far each stream has come, without an event.
 * Owns:  nothing; the caller's buffer takes the bytes.
 * Rules: 1. Keys sorted, no white space, as everywhere in the contract.
 *        2. At most PRESENCE_STREAMS_MAX streams a page, so that a page stays below the smallest broker's limit.
 *        3. A death names the boot that died: a will that arrives late cannot kill a later life.
 * Source: docs/contract/state.md
 * Runs in: the core.
 * Tests: tests/unit/presence_test.c
 */
#ifndef TWINPOST_PRESENCE_H
#define TWINPOST_PRESENCE_H

#include "store_forward/store.h"

/* 200 streams of at most 280 bytes stay below 60,000. */
#define PRESENCE_STREAMS_MAX 200
#define PRESENCE_BOOT_SIZE   33 /* 32 hexadecimal digits and the end */

enum presence_death { PRESENCE_LOST, PRESENCE_STOPPED };

struct presence {
	const char *boot; /* drawn at each start of the agent */
	const char *version;
	int64_t wall_ns;
	struct span note; /* birth, page 1: the signed note; else empty */
};

/* Which streams a page shows, by their index in the store. */
typedef bool (*presence_filter)(void *self, const struct store_stream *stream);

/* How many pages a message about all streams of the store has: at least 1. */
int presence_pages(const struct store *store);
/* kind "birth" or "heartbeat". page from 1. filter NULL: all streams of that page. */
void presence_alive(struct buf *out, const struct presence *presence, const struct store *store,
                    const char *kind, int page, presence_filter filter, void *self);
void presence_death(struct buf *out, const char *boot, enum presence_death reason, int64_t wall_ns);

/* One counter of up/metric; names sorted. */
struct presence_counter {
	const char *name;
	uint64_t value;
};
void presence_metric(struct buf *out, const struct presence_counter *counters, int count, int64_t wall_ns);

#endif
