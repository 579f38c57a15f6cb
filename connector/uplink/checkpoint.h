/*
 * checkpoint.h - the text of a checkpoint: how many leaves a stream has, and the one value that stands for all of
 * them.
 *
 * Why:   signed by the agent and cosigned by the middleware it is a receipt that neither side can deny.
 * Owns:  nothing; a decoded checkpoint borrows its text.
 * Rules: 1. Five lines and no more:
 *             {source}            origin
 *             {size}              number of leaves, which is the highest sequence covered; decimal, from 1
 *             {base64(root)}      Merkle tree hash over leaf 1 to size (RFC 6962 section 2.1)
 *             chain {hex}         chain value at size (chain.h)
 *             time {instant}      when it was made
 *        2. What decodes encodes to the same bytes.
 * Source: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint), with chain and time as extension lines; docs/contract.
 * Faults: any bytes are refused that are not this text.
 * Runs in: the core.
 * Tests: tests/unit/checkpoint_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_CHECKPOINT_H
#define TWINPOST_CHECKPOINT_H

#include "store_forward/digest.h"

#define CHECKPOINT_TEXT_MAX 400 /* 160 + 20 + 45 + 71 + 30 bytes, and some */

struct checkpoint {
	struct span source; /* urn:twinpost:{tenant}:{gateway}:{stream}:{epoch} */
	int64_t size;
	struct digest root;
	struct digest chain;
	int64_t time_ns; /* wall time; whole milliseconds are kept */
};

/* Appends the text; source and size are valid. Check buf_ok(out) after. */
void checkpoint_encode(struct buf *out, const struct checkpoint *checkpoint);
MUST_USE bool checkpoint_decode(struct checkpoint *checkpoint, struct span text);

#endif
