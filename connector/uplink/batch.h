/*
 * batch.h - many events in one message: NDJSON, compressed.
 *
 * Why:   some brokers bill or limit messages, not bytes.
 * Owns:  its buffers, kept from batch to batch.
 * Rules: 1. A batch is made while sending and has no leaf of its own; its events are the stored bytes, each ended by a
 *           newline, so that a consumer proves them as if they had come alone.
 *        2. It is cut before the message would pass the limit, whatever the compression makes of it.
 *        3. The same run of events gives the same bytes of NDJSON and the same id; sent again it may be cut elsewhere.
 * Source: RFC 1950 (zlib format), RFC 4648 section 4 (base64); docs/contract/events.md, "Batches"
 * Runs in: the core.
 * Tests: tests/unit/batch_test.c; the sample cloud reads batches in another language.
 */
#ifndef TWINPOST_BATCH_H
#define TWINPOST_BATCH_H

#include "store_forward/store.h"

#define BATCH_EVENTS_MAX 500

struct batch {
	struct buf lines;
	struct buf packed;
	struct digest chain; /* after the last event, for the id */
	int count;
};

void batch_init(struct batch *batch);
void batch_release(struct batch *batch);
void batch_clear(struct batch *batch);
/* Takes the event unless the message could pass limit bytes with it; the first one is always taken.
 * false: the batch is to be written and cleared first. */
MUST_USE bool batch_add(struct batch *batch, struct span event, size_t limit);
/* Appends the message to out. first: sequence of the first event; wall_ns: now. ERR_CORRUPT: the last event has no
 * chain value where every event of ours has it. */
MUST_USE enum err batch_write(struct batch *batch, const struct store_stream *stream, int64_t first,
                              int64_t wall_ns, struct buf *out, struct err_info *info);

#endif
