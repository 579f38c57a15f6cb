/*
 * chain.h - the leaf of an event and the hash chain of a stream.
 *
 * Why:   a subscriber can prove that it holds every event, untampered and in order.
 * Owns:  nothing.
 * Rules: 1. leaf = H(0x00 | "tp1/leaf/v1\n" source "\n" sequence "\n" id "\n" type "\n" subject "\n" revision "\n"
 *           time "\n" dataschema "\n" hex(H(data)) "\n"); sequence as 20 digits, revision in decimal, all as they stand
 *           in the event.
 *        2. chain_n = H(0x02 | chain_{n-1} | leaf_n); chain_0 = H("tp1/chain/v1\n" source "\n").
 * Source: RFC 6962 section 2.1 for the prefix idea; the formats are this product's contract (docs/contract).
 * Runs in: the core.
 * Tests: tests/unit/chain_test.c; the sample cloud recomputes both from the wire in another language.
 */
#ifndef TWINPOST_CHAIN_H
#define TWINPOST_CHAIN_H

#include "store_forward/digest.h"

struct chain_leaf {
	struct span source;
	struct span sequence;
	struct span id;
	struct span type;
	struct span subject;
	struct span revision;
	struct span time;
	struct span dataschema;
	struct digest data; /* H(data) */
};

struct digest chain_leaf_hash(const struct chain_leaf *leaf);
struct digest chain_start(struct span source);
struct digest chain_link(const struct digest *previous, const struct digest *leaf);

#endif
