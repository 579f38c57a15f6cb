/*
 * parts.h - a document that is too large for one event, as several: ranges of its lines, each with the whole header.
 *
 * Why:   brokers limit a message; a large journal must neither be cut nor stay behind for that.
 * Owns:  nothing; it borrows the document and the field order.
 * Rules: 1. The list that is split is `lines`; of a payment, which has none, `applications`. Other lists are in part 1.
 *        2. As many lines go into each part as fit; each part has at least one. The parts' lists one after the other
 *           are the document's list.
 *        3. At most PARTS_MAX parts. What cannot be split so is an error that names the line, never a cut.
 * Source: docs/contract, parts.
 * Runs in: the core.
 * Tests: tests/unit/parts_test.c
 */
#ifndef TWINPOST_PARTS_H
#define TWINPOST_PARTS_H

#include "connector/posting/canonical.h"

#define PARTS_MAX         9999
#define PART_TEXT_SIZE    24 /* 9999/9999; room for what any two numbers take */
#define PART_MEMBER_BYTES 19 /* ,"part":"9999/9999" in the event */

struct part {
	int index; /* 1..count */
	int count;
	int from; /* first line of the split list */
	int lines;
};

struct parts {
	const struct canonical *canonical;
	const struct document *document;
	enum document_section section;
	size_t data_max;
	size_t first; /* bytes of data around the lines, in part 1 ... */
	size_t later; /* ... and in the others */
	struct part next;
	struct buf line; /* kept from line to line */
};

/* Bytes that each part's data may have where an event may have event_max, and one without part and with {} for its data
 * has envelope_bytes; 0: none. */
size_t parts_data_max(size_t event_max, size_t envelope_bytes);

/* Counts the parts. ERR_TOO_LARGE: a line does not fit beside the header, the other lists do not, there is no list to
 * split, or there would be more than PARTS_MAX; info says which and what to do. parts_close() it in any case. */
MUST_USE enum err parts_open(struct parts *parts, const struct canonical *canonical,
                             const struct document *document, size_t data_max, struct err_info *info);
void parts_close(struct parts *parts);
/* false: no more. */
MUST_USE bool parts_next(struct parts *parts, struct part *part);
/* Appends the part's data. Check buf_ok(out) after. */
void parts_write(const struct parts *parts, const struct part *part, struct buf *out);

void part_print(const struct part *part, char text[PART_TEXT_SIZE]); /* "1/3" */

#endif
