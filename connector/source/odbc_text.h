/*
 * odbc_text.h - text between an ODBC driver and the rest: encodings, and words for people.
 *
 * Why:   some drivers hand out Latin-1, or bytes of no encoding at all; nothing that is not UTF-8 may become a
 *        posting.
 * Owns:  the two converters and one scratch buffer.
 * Rules: 1. A value is converted whole, or it is bad: nothing is replaced or dropped.
 *        2. Words for people (errors, names) are made valid instead: what cannot be shown becomes '?'.
 * Faults: unknown encodings, invalid bytes, a value that grows over the limit while it is converted.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c, tests/fuzz/rows_fuzz.c
 */
#ifndef TWINPOST_ODBC_TEXT_H
#define TWINPOST_ODBC_TEXT_H

#include <iconv.h>

#include "connector/source/source_protocol.h"

struct odbc_text {
	bool converts; /* the source's encoding is not UTF-8; else the rest is unused */
	iconv_t to_utf8;
	iconv_t from_utf8;
	char *scratch; /* SOURCE_VALUE_BYTES_MAX */
};

/* false: no such encoding on this machine. */
MUST_USE bool odbc_text_init(struct odbc_text *text, struct span encoding);
void odbc_text_release(struct odbc_text *text);

/* What a value's bytes are: TEXT, BAD_UTF8 or TOO_LONG, with the text to send (in raw or in the scratch buffer, until
 * the next call). */
struct source_value odbc_text_value(struct odbc_text *text, struct span raw);
/* The beginning of a value that is not handed on: at most SOURCE_VALUE_SHOWN_MAX bytes, no UTF-8 sequence cut. */
struct span odbc_text_shown(struct span raw);
/* Appends UTF-8 as the source's encoding. false: it has characters that the encoding lacks. */
MUST_USE bool odbc_text_append(struct odbc_text *text, struct buf *out, struct span utf8);

/* Makes one line of valid UTF-8 out of a driver's words, cut to fit size with its zero. */
void odbc_text_clean(char *to, size_t size, struct span words);
/* Replaces every occurrence of a secret of three bytes or more by ***. */
void odbc_text_redact(char *text, struct span secret);

#endif
