/*
 * chain.c - hashes one event into its leaf, and leaves into the chain of a stream.
 *
 * Why:   see chain.h.
 * Owns:  nothing.
 * Rules: the bytes are the contract's, exactly: a subscriber rebuilds them with printf and sha256sum.
 * Runs in: the core.
 * Tests: tests/unit/chain_test.c
 */
#include "store_forward/chain.h"

#define LEAF_PREFIX "\x00"
#define LINK_PREFIX "\x02"
#define NEWLINE     SPAN_LITERAL("\n")

struct digest chain_leaf_hash(const struct chain_leaf *leaf)
{
	char data[DIGEST_HEX_SIZE];
	digest_hex(&leaf->data, data);
	const struct span parts[] = {
	    SPAN_LITERAL(LEAF_PREFIX "tp1/leaf/v1\n"),
	    leaf->source,
	    NEWLINE,
	    leaf->sequence,
	    NEWLINE,
	    leaf->id,
	    NEWLINE,
	    leaf->type,
	    NEWLINE,
	    leaf->subject,
	    NEWLINE,
	    leaf->revision,
	    NEWLINE,
	    leaf->time,
	    NEWLINE,
	    leaf->dataschema,
	    NEWLINE,
	    {data, DIGEST_HEX_SIZE - 1},
	    NEWLINE,
	};
	return digest_of(parts, sizeof parts / sizeof parts[0]);
}

struct digest chain_start(struct span source)
{
	const struct span parts[] = {SPAN_LITERAL("tp1/chain/v1\n"), source, NEWLINE};
	return digest_of(parts, sizeof parts / sizeof parts[0]);
}

struct digest chain_link(const struct digest *previous, const struct digest *leaf)
{
	const struct span parts[] = {
	    SPAN_LITERAL(LINK_PREFIX),
	    {(const char *)previous->bytes, DIGEST_BYTES},
	    {(const char *)leaf->bytes, DIGEST_BYTES},
	};
	return digest_of(parts, sizeof parts / sizeof parts[0]);
}
