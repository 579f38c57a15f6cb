/*
 * rate.h - how fast messages may leave: messages a second and bytes a second, smoothly.
 *
 * Why:   brokers bill, throttle or close the connection above a rate, and a thin line has other users.
 * Owns:  nothing; the struct is embedded by its user.
 * Rules: 1. Two buckets, each filled evenly in whole nanoseconds and never lost to rounding: asked again at
 *           rate_ready_ns(), the long run is the whole rate.
 *        2. A bucket holds a quarter of a second, or one message where that is more. A message larger than the bucket
 *           passes when the bucket is full, and what is missing is waited for after it. So in any time of t seconds at
 *           most rate * t plus one bucket (or one such message) goes out.
 *        3. Time comes from the monotonic clock. A gap, however long, fills the bucket and no more; a step back counts
 *           as no time.
 * Runs in: the core.
 * Tests: tests/unit/rate_test.c
 */
#ifndef TWINPOST_RATE_H
#define TWINPOST_RATE_H

#include "hal/hal.h"

#define RATE_MESSAGES_MAX      100000             /* a second */
#define RATE_BYTES_MAX         (INT64_C(1) << 30) /* a second */
#define RATE_MESSAGE_BYTES_MAX (INT64_C(1) << 20) /* of one message */

/* One bucket. Amounts count billionths of a message or of a byte, so that a nanosecond adds just `rate`. */
struct rate_bucket {
	int64_t rate; /* a second; 0: no limit */
	int64_t size;
	int64_t
	    level; /* -RATE_MESSAGE_BYTES_MAX * NS_PER_S to size; below 0 after a message larger than it */
};

struct rate {
	struct rate_bucket messages;
	struct rate_bucket bytes;
	int64_t at_ns; /* when the levels were right */
	int64_t
	    wanted; /* bytes of the message that was refused last; 0: none since the last one that passed */
};

/* 0 is no limit, for each of them; both buckets are full. */
void rate_init(struct rate *rate, int64_t messages_per_s, int64_t bytes_per_s, int64_t now_ns);
/* May a message of so many bytes go now? true: it is counted. */
MUST_USE bool rate_take(struct rate *rate, size_t bytes, int64_t now_ns);
/* When the message that was refused last may go (one of a byte where none was): now_ns where it may at once. */
int64_t rate_ready_ns(const struct rate *rate, int64_t now_ns);

#endif
