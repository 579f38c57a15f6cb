/*
 * totals.h - running control totals of one stream: what a control event states about the events before a checkpoint.
 *
 * Why:   a subscriber that holds every event can still have misread their amounts; sums that the agent made itself,
 *        before sending, show it.
 * Owns:  struct totals owns its entries; as few as there are.
 * Rules: 1. One entry for each (document, currency, period) with an amount, sorted in that order by their texts.
 *        2. Values: a journal's lines as they stand, invoice +gross, credit memo -gross, payment -amount. debit is the
 *           sum of those above zero, credit of the others without their sign; in the minor units of the currency.
 *        3. An event counts in an entry when it brings an amount to it: of a document in parts, a journal's part by its
 *           own lines, the header amounts of the others in part 1 alone. It always counts in the whole.
 *        4. Sums are checked. What does not fit changes nothing and asks for a control event first (ERR_FULL).
 *        5. The bytes for the store have one form: what is decoded encodes to the same bytes.
 * Layout: u8 version 1 | u64 first | u64 last | u64 count | u16 entries | each: u8 document type, 3 bytes currency,
 *        u16 year, u8 period, u64 count, u64 debit units, u64 credit units. Little-endian.
 * Source: docs/contract, control events.
 * Runs in: the core.
 * Tests: tests/unit/totals_test.c, tests/fuzz/totals_fuzz.c
 */
#ifndef TWINPOST_TOTALS_H
#define TWINPOST_TOTALS_H

#include "connector/uplink/parts.h"

#define TOTALS_ENTRIES_MAX 400
/* 27 and 400 times 31. */
#define TOTALS_BYTES_MAX (27 + TOTALS_ENTRIES_MAX * 31)
/* Of the control event's data: at most this for its frame and for each entry, whatever the figures. */
#define TOTALS_DATA_FRAME_BYTES 96
#define TOTALS_DATA_ENTRY_BYTES 168

struct totals_entry {
	enum document_type type;
	char currency[4];
	int16_t year;  /* 0: none */
	int8_t period; /* 0: none */
	int64_t count; /* events */
	int64_t debit; /* minor units of the currency, not negative */
	int64_t credit;
};

struct totals {
	int64_t first; /* sequence of the first event it can cover: after the last control event */
	int64_t last;  /* of the last one added; first - 1: none yet */
	int64_t count; /* events added */
	struct totals_entry *entries;
	int entry_count;
	int capacity;
};

void totals_init(struct totals *totals); /* begins at sequence 1 */
void totals_release(struct totals *totals);
/* Begins anew after a control event: first is the sequence after its own (1 in a new epoch). */
void totals_begin(struct totals *totals, int64_t first);

/* Adds one event of this sequence; part NULL: it holds the whole document. ERR_FULL: no room, or a sum would not fit: a
 * control event must come first. ERR_BAD_INPUT: an amount without currency, or with more digits than that has
 * (validity_check() finds them first); ERR_OVERFLOW: the document's own sums do not fit. Nothing was added then. */
MUST_USE enum err totals_add(struct totals *totals, const struct document *document, const struct part *part,
                             int64_t sequence, struct err_info *info);

/* A control event is due now: one more document might find no room in the table, or in data of this many bytes. */
bool totals_full(const struct totals *totals, size_t data_bytes_max);

/* Appends the `data` of a control event that covers first..last. Check buf_ok(out) after. */
void totals_write(const struct totals *totals, int64_t last, struct buf *out);

void totals_encode(const struct totals *totals, struct buf *out);
/* No bytes: as totals_init(). false: damaged, or of another version; totals begin at 1 then. */
MUST_USE bool totals_decode(struct totals *totals, const void *data, size_t len);

#endif
