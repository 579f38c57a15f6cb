/*
 * checkpoint.c - writes and reads the text of a checkpoint.
 *
 * Why:   see checkpoint.h.
 * Owns:  nothing.
 * Rules: as in checkpoint.h.
 * Faults: as in checkpoint.h.
 * Runs in: the core.
 * Tests: tests/unit/checkpoint_test.c, tests/fuzz/note_fuzz.c
 */
#include "connector/uplink/checkpoint.h"

#include <inttypes.h>

#include "connector/uplink/note_text.h"

void checkpoint_encode(struct buf *out, const struct checkpoint *checkpoint)
{
	char chain[DIGEST_HEX_SIZE];
	CHECK(checkpoint->size > 0 && note_source_valid(checkpoint->source));
	digest_hex(&checkpoint->chain, chain);
	note_put_line(out, "", checkpoint->source);
	buf_printf(out, "%" PRId64 "\n", checkpoint->size);
	note_put_root(out, &checkpoint->root);
	note_put_line(out, "\nchain ", span_of(chain));
	note_put_time(out, checkpoint->time_ns);
}

bool checkpoint_decode(struct checkpoint *checkpoint, struct span text)
{
	struct span size;
	struct span root;
	struct span chain;
	return note_take_line(&text, &checkpoint->source) && note_source_valid(checkpoint->source) &&
	       note_take_line(&text, &size) && note_decimal(size, &checkpoint->size) &&
	       note_take_line(&text, &root) && note_root(root, &checkpoint->root) &&
	       note_take_labelled(&text, "chain ", &chain) &&
	       hex_decode(checkpoint->chain.bytes, DIGEST_BYTES, chain) &&
	       note_take_time(&text, &checkpoint->time_ns) && text.len == 0;
}
