/*
 * backoff.c - draws the waits of backoff.h.
 *
 * Why:   see backoff.h.
 * Owns:  nothing.
 * Rules: doubling stops at the cap before it could overflow.
 * Runs in: the core.
 * Tests: tests/unit/backoff_test.c
 */
#include "connector/uplink/backoff.h"

void backoff_init(struct backoff *backoff, int64_t min_ns, int64_t max_ns)
{
	CHECK(min_ns > 0);
	*backoff = (struct backoff){.min_ns = min_ns, .max_ns = max_ns > min_ns ? max_ns : min_ns};
}

int64_t backoff_cap(const struct backoff *backoff)
{
	int64_t cap = backoff->min_ns;
	for (int i = 0; i < backoff->tries; i++) {
		if (cap > backoff->max_ns / 2)
			return backoff->max_ns;
		cap *= 2;
	}
	return cap;
}

int64_t backoff_next(struct backoff *backoff, struct hal *hal)
{
	int64_t cap = backoff_cap(backoff);
	uint64_t random = 0;
	hal_entropy(hal, &random, sizeof random);
	/* The bias of the remainder is below cap / 2^64: no one can see it. */
	int64_t wait = (int64_t)(random % ((uint64_t)cap + 1));
	int64_t floor = cap < BACKOFF_FLOOR_NS ? cap : BACKOFF_FLOOR_NS;
	if (backoff->tries < INT32_MAX)
		backoff->tries++;
	return wait < floor ? floor : wait;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->tries = 0;
}
