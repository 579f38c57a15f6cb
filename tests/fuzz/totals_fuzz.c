/*
 * totals_fuzz.c - any bytes as control totals from the store.
 *
 * Why:   what is loaded from disk is checked as if a stranger had written it.
 * Owns:  nothing that outlives one input.
 * Rules: 1. What is decoded encodes to the same bytes, and is written within the bytes that totals_full() reckons with.
 *        2. What is refused leaves totals that begin at 1.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/uplink/totals.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct totals *totals, const uint8_t *data, size_t size)
{
	struct buf out;
	buf_init(&out, 1u << 17);
	totals_encode(totals, &out);
	CHECK(size == 0 || (buf_ok(&out) && out.len == size && memcmp(out.data, data, size) == 0));
	buf_clear(&out);
	if (totals->count > 0) {
		totals_write(totals, totals->last, &out);
		CHECK(buf_ok(&out) && out.len <= TOTALS_DATA_FRAME_BYTES +
		                                     (size_t)totals->entry_count * TOTALS_DATA_ENTRY_BYTES);
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct totals totals;
	totals_init(&totals);
	if (totals_decode(&totals, data, size))
		check_taken(&totals, data, size);
	else
		CHECK(totals.first == 1 && totals.last == 0 && totals.count == 0 && totals.entry_count == 0);
	totals_release(&totals);
	return 0;
}
