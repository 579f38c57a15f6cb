/*
 * backoff.h - how long to wait before the next try: exponential, capped, with full jitter.
 *
 * Why:   a thousand boxes that lost the same broker must not all come back in the same second, and none may
 *        spin.
 * Owns:  nothing; the struct is embedded by its user.
 * Rules: 1. The n-th wait (n from 0) is drawn evenly from 0 to min(max, min * 2^n), both ends included.
 *        2. It is never below BACKOFF_FLOOR_NS (or the cap, where that is smaller), so that an unlucky row of
 *           draws is not a busy loop.
 *        3. backoff_reset() starts again at n = 0; the user decides when things are well.
 * Source: "Exponential Backoff And Jitter" (AWS architecture blog, 2015), variant full jitter.
 * Runs in: the core.
 * Tests: tests/unit/backoff_test.c
 */
#ifndef TWINPOST_BACKOFF_H
#define TWINPOST_BACKOFF_H

#include "hal/hal.h"

#define BACKOFF_FLOOR_NS (20 * NS_PER_MS)

struct backoff {
	int64_t min_ns;
	int64_t max_ns;
	int tries; /* waits drawn since the last reset */
};

/* 0 < min_ns; a max_ns below min_ns counts as min_ns. */
void backoff_init(struct backoff *backoff, int64_t min_ns, int64_t max_ns);
/* The wait before the next try, in nanoseconds; counts the try. Draws from hal's entropy. */
int64_t backoff_next(struct backoff *backoff, struct hal *hal);
/* The upper end that the next draw would have. */
int64_t backoff_cap(const struct backoff *backoff);
void backoff_reset(struct backoff *backoff);

#endif
