/*
 * map_codes.h - writes the cloud's codes into a document, beside those of the ERP.
 *
 * Why:   what leaves the ERP carries both; a code that has no counterpart must stop here, before it is sent.
 * Owns:  nothing; struct map_gaps points into the document's text by offset.
 * Rules: 1. A kind without a file is not mapped: its fields ..._mapped stay as they are.
 *        2. All codes of a document are mapped on one date, by the rules of the document's own company; so are the
 *           codes of a line that names another company.
 *        3. A missing code is noted once, whatever the number of lines that have it. With one missing the document
 *           is not to be sent, and its other mapped fields do not matter.
 * Runs in: the core.
 * Tests: tests/unit/map_codes_test.c
 */
#ifndef TWINPOST_MAP_CODES_H
#define TWINPOST_MAP_CODES_H

#include "connector/compare/rules.h"

#define MAP_GAPS_MAX 32 /* more than a sentence can hold */

struct map_gaps {
	struct {
		enum mapping_kind kind;
		struct value code; /* a text of the document */
	} list[MAP_GAPS_MAX];
	int count;
	bool more; /* there are others */
};

/* Fills the mapped fields. ERR_OK: gaps->count is 0, or says what is missing. ERR_TOO_LARGE: the document's text is
 * full. The document must have an entity. */
MUST_USE enum err map_codes(struct document *document, const struct rules *rules, date_days on,
                            struct map_gaps *gaps);

/* Every code of the document that a mapping is for, as often as it stands there; absent ones are left out. */
typedef void (*code_visitor)(void *self, enum mapping_kind kind, struct span code);
void map_codes_visit(const struct document *document, code_visitor visit, void *self);

/* The sentence for the person who keeps the files; as many codes as the text holds, then their number. */
void map_gaps_print(const struct map_gaps *gaps, const struct document *document, date_days on,
                    char text[ERR_TEXT_MAX]);

#endif
