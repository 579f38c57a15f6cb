/*
 * pack.h - a whole document in few bytes, and back.
 *
 * Why:   the comparison keeps both sides' documents; as JSON they would be four times as large and as slow to read.
 * Owns:  nothing.
 * Rules: 1. Full fidelity: every field of every section, the type, and whether it is voided.
 *        2. One form: what document_unpack() takes, document_pack() writes again byte for byte.
 *        3. Fields go by their place in their list of document.h, common header fields and the type's own counted
 *           apart. So a field is added at the end of its list; a list in another order is another PACK_VERSION.
 *        4. It trusts nobody: damage and fields of a later version are errors, never a wrong document.
 * Layout: version u8; type * 2 + voided u8; common header fields; own header fields; set of sections that have lines,
 *        and for each of these: number of lines, fields of each line.
 *        Fields are a set (bit i: the i-th of the list is there), then the values in order: text as length and bytes,
 *        amount and decimal as scale u8 and units, integer and date signed, boolean u8. Numbers are varints (varint.h).
 * Faults: ERR_CORRUPT: cut off, bytes left over, values outside their limits; ERR_VERSION: another version, unknown
 *        type, section or field; ERR_TOO_LARGE: more lines or text than a document holds.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pack_test.c, tests/fuzz/pack_fuzz.c
 */
#ifndef TWINPOST_PACK_H
#define TWINPOST_PACK_H

#include "connector/posting/document.h"

#define PACK_VERSION 1

/* Appends; check buf_ok(out) after. Near the limit of `out` it needs room for a few bytes more than it writes. */
void document_pack(const struct document *document, struct buf *out);
/* On failure the document is an empty journal. */
MUST_USE enum err document_unpack(struct document *document, struct span packed, struct err_info *info);

#endif
