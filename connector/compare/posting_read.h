/*
 * posting_read.h - reads events and their documents: what the cloud posts, and what the agent itself has sent.
 *
 * Why:   the comparison sees two sides in one form; the same reader for both cannot favour one.
 * Owns:  struct posting_reader owns a buffer for texts with escapes; events borrow the message they were read from.
 * Rules: 1. What canonical_write() wrote is read to the same document: written again it has the same bytes, whole or in
 *           parts.
 *        2. Members that are not in the tables of document.h are passed over (open schema). A member that is there has
 *           the kind of its field: an amount is a text, never a number, for a number may have been a binary float.
 *        3. null and empty texts are no values: what has no value has no member.
 *        4. Amounts keep the digits they came with; whether they are those of their currency is validity's question, as
 *           is all that joins one field with another.
 *        5. A document in parts is read part by part, in order, into one document; the header of each part is that of
 *           the first.
 * Faults: any bytes at all: refused with the member and a sentence.
 * Source: docs/contract/schemas; CloudEvents 1.0.2 (JSON event format 1.0.2).
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_read_test.c, tests/fuzz/posting_fuzz.c
 */
#ifndef TWINPOST_POSTING_READ_H
#define TWINPOST_POSTING_READ_H

#include "connector/posting/canonical.h"
#include "connector/uplink/envelope.h"
#include "connector/uplink/json_read.h"
#include "connector/uplink/parts.h"
#include "store_forward/store.h"

#define POSTING_EVENT_BYTES_MAX (256u * 1024u)
#define POSTING_TEXT_BYTES_MAX  (48u * 1024u) /* the longest that a source's column gives */
#define POSTING_SOURCE_MAX      160
#define POSTING_ID_MAX          64

/* The document and change that an event tells of. */
struct posting_event {
	char source[POSTING_SOURCE_MAX + 1];
	char id[POSTING_ID_MAX + 1];
	int64_t sequence;
	bool
	    known; /* a document of ours; false: the event is of another kind (control, key), or of a later version */
	enum document_type type; /* known */
	enum envelope_change change;
	char subject[STORE_SUBJECT_MAX];
	int64_t revision;
	int64_t time_ns;
	bool has_phase; /* one that this version knows */
	enum config_phase phase;
	int part; /* 1 of 1: the whole document */
	int parts;
	struct json_value data;
	struct digest content; /* of the whole document as canonical_write() writes it; set by the inbox */
};

/* Reads the envelope. ERR_BAD_INPUT, ERR_TOO_LARGE: info names the member. What could be read of the event stands in
 * *event all the same, for the answer: source and id are "" and sequence is 0 where they could not. */
MUST_USE enum err posting_event_read(struct posting_event *event, struct span message, struct err_info *info);

struct posting_reader {
	const struct canonical *canonical; /* borrowed: the order of the fields */
	struct document *document;         /* under way */
	int parts;                         /* it has; 0: none is under way */
	int taken;
	struct buf text;
	const struct section_spec
	    *section; /* the list under way, for what is told of an error; NULL: the header */
	int line;
};

void posting_reader_init(struct posting_reader *reader, const struct canonical *canonical);
void posting_reader_release(struct posting_reader *reader);

/* A whole document from its JSON. */
MUST_USE enum err posting_read(struct posting_reader *reader, struct span data, struct document *document,
                               struct err_info *info);

/* The same step by step: begin, add each part from the first to the last, finish. document is the reader's until then.
 * data: `data` of a posting_event, or what json_open() gave. After an error the document is worth nothing. */
void posting_read_begin(struct posting_reader *reader, struct document *document, enum document_type type,
                        int parts);
/* ERR_CONFLICT: the header is another than that of part 1. */
MUST_USE enum err posting_read_add(struct posting_reader *reader, const struct json_value *data,
                                   struct err_info *info);
/* ERR_AGAIN: parts are missing. */
MUST_USE enum err posting_read_finish(struct posting_reader *reader, struct err_info *info);

#endif
