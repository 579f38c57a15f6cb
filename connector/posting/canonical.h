/*
 * canonical.h - the bytes of a document: the JSON subset of RFC 8785 that is hashed and sent.
 *
 * Why:   the product proves bytes; two agents, or two runs, give the same bytes for the same document.
 * Owns:  struct canonical owns the sorted order of the fields, made once.
 * Rules: 1. Keys sorted by UTF-16 code units (all ours are ASCII), no white space, amounts and decimals as strings,
 *           integers below 2^53, no floats; strings escaped as RFC 8785 section 3.2.2.2 says.
 *        2. Absent fields have no key; an empty list has no key.
 *        3. Text was checked as UTF-8 on the way in; it is not normalised.
 * Source: RFC 8785; known answers of cyberphone/json-canonicalization where they apply.
 * Runs in: the core.
 * Tests: tests/unit/canonical_test.c
 */
#ifndef TWINPOST_CANONICAL_H
#define TWINPOST_CANONICAL_H

#include "connector/posting/document.h"

#define CANONICAL_PREFIX_MAX 27 /* the longest key, its quotes, colon and leading comma */

/* One key of an object, in the order in which keys stand, with its bytes ready to append. */
struct canonical_entry {
	int16_t slot;   /* field slot, or -1 */
	int8_t section; /* enum document_section where slot is -1 */
	uint8_t kind;   /* enum value_kind of the field */
	uint8_t prefix_len;
	char prefix[CANONICAL_PREFIX_MAX]; /* ,"key": and no end */
};

struct canonical {
	struct canonical_entry header[DOCUMENT_TYPE_COUNT][DOCUMENT_FIELDS_MAX + SECTION_COUNT];
	int header_count[DOCUMENT_TYPE_COUNT];
	struct canonical_entry lines[DOCUMENT_TYPE_COUNT][SECTION_COUNT][DOCUMENT_FIELDS_MAX];
};

void canonical_init(struct canonical *canonical);
/* Appends the document as JSON. Check buf_ok(out) after: it is false too where an integer is 2^53 or more in
 * magnitude (which validity_check() finds first). */
void canonical_write(const struct canonical *canonical, const struct document *document, struct buf *out);
/* The same of one part: of the list `section` only the lines from..from+lines-1, of the other lists everything or
 * nothing. Header and form are those of the whole. */
struct canonical_part {
	enum document_section section;
	int from;
	int lines;
	bool others;
};
void canonical_write_part(const struct canonical *canonical, const struct document *document,
                          const struct canonical_part *part, struct buf *out);
/* Appends text as a JSON string with its quotes. */
void canonical_string(struct buf *out, struct span text);

/* Is this well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no over-long forms)? */
bool utf8_valid(struct span text);

#endif
