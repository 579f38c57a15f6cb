/*
 * rate.c - fills and empties the buckets of rate.h.
 *
 * Why:   see rate.h.
 * Owns:  nothing.
 * Rules: every product fits 63 bits: a level is at most RATE_BYTES_MAX / 4 * NS_PER_S, below 2^58.
 * Runs in: the core.
 * Tests: tests/unit/rate_test.c
 */
#include "connector/uplink/rate.h"

#define BURST_PART 4 /* of a second */

static void bucket_init(struct rate_bucket *bucket, int64_t rate)
{
	int64_t size = rate * (NS_PER_S / BURST_PART);
	bucket->rate = rate;
	bucket->size = size > NS_PER_S ? size : NS_PER_S;
	bucket->level = bucket->size;
}

static void bucket_fill(struct rate_bucket *bucket, int64_t ns)
{
	int64_t missing = bucket->size - bucket->level;
	if (bucket->rate == 0)
		return;
	/* Whoever waits longer than the rest needs finds it full. */
	bucket->level = ns > missing / bucket->rate ? bucket->size : bucket->level + ns * bucket->rate;
}

/* What the level must be for an amount to pass (rule 2). */
static int64_t needed(const struct rate_bucket *bucket, int64_t amount)
{
	int64_t want = amount * NS_PER_S;
	return want < bucket->size ? want : bucket->size;
}

/* Nanoseconds until it passes, from the moment of the level. */
static int64_t bucket_wait_ns(const struct rate_bucket *bucket, int64_t amount)
{
	int64_t missing = needed(bucket, amount) - bucket->level;
	if (bucket->rate == 0 || missing <= 0)
		return 0;
	return (missing + bucket->rate - 1) / bucket->rate;
}

static void bucket_take(struct rate_bucket *bucket, int64_t amount)
{
	if (bucket->rate > 0)
		bucket->level -= amount * NS_PER_S;
}

void rate_init(struct rate *rate, int64_t messages_per_s, int64_t bytes_per_s, int64_t now_ns)
{
	CHECK(messages_per_s >= 0 && messages_per_s <= RATE_MESSAGES_MAX);
	CHECK(bytes_per_s >= 0 && bytes_per_s <= RATE_BYTES_MAX);
	*rate = (struct rate){.at_ns = now_ns};
	bucket_init(&rate->messages, messages_per_s);
	bucket_init(&rate->bytes, bytes_per_s);
}

static int64_t wait_ns(const struct rate *rate, int64_t bytes)
{
	int64_t messages_ns = bucket_wait_ns(&rate->messages, 1);
	int64_t bytes_ns = bucket_wait_ns(&rate->bytes, bytes);
	return messages_ns > bytes_ns ? messages_ns : bytes_ns;
}

bool rate_take(struct rate *rate, size_t bytes, int64_t now_ns)
{
	CHECK(bytes <= (size_t)RATE_MESSAGE_BYTES_MAX);
	if (now_ns > rate->at_ns) {
		bucket_fill(&rate->messages, now_ns - rate->at_ns);
		bucket_fill(&rate->bytes, now_ns - rate->at_ns);
		rate->at_ns = now_ns;
	}
	if (wait_ns(rate, (int64_t)bytes) > 0) {
		rate->wanted = (int64_t)bytes;
		return false;
	}
	bucket_take(&rate->messages, 1);
	bucket_take(&rate->bytes, (int64_t)bytes);
	rate->wanted = 0;
	return true;
}

int64_t rate_ready_ns(const struct rate *rate, int64_t now_ns)
{
	int64_t ready = rate->at_ns + wait_ns(rate, rate->wanted > 0 ? rate->wanted : 1);
	return ready > now_ns ? ready : now_ns;
}
