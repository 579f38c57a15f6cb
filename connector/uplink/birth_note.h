/*
 * birth_note.h - the text that an agent signs at each connection: who it is, its key, and where its streams stand.
 *
 * Why:   a lost or restored store opens new epochs; the birth cites the last checkpoint known of each, so that nobody
 *        can begin again in silence.
 * Owns:  nothing; a decoded text lends its spans.
 * Rules: 1. The lines:
 *             tp1/birth/v1
 *             gateway {tenant}/{gateway}
 *             boot {32 hex digits}
 *             key {base64(SubjectPublicKeyInfo)}
 *             time {instant}
 *           then any number of
 *             stream {source} {size} {base64(root)}      the last checkpoint of the stream
 *             previous {source} {size} {base64(root)}    the last one known of the epoch before
 *        2. A text leaves room for two signatures in NOTE_BYTES_MAX: about 100 lines fit. What does not fit is
 *           refused by birth_note_line() and belongs on another page.
 *        3. What decodes encodes to the same bytes.
 * Faults: any bytes are refused that are not this text.
 * Runs in: the core.
 * Tests: tests/unit/birth_note_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_BIRTH_NOTE_H
#define TWINPOST_BIRTH_NOTE_H

#include "connector/uplink/note.h"
#include "store_forward/digest.h"
#include "store_forward/signature.h"

#define BIRTH_NOTE_TEXT_MAX (NOTE_BYTES_MAX - 2 * NOTE_LINE_MAX - 1)
#define BIRTH_BOOT_DIGITS   32

struct birth_note {
	struct span gateway; /* {tenant}/{gateway} */
	struct span boot;    /* BIRTH_BOOT_DIGITS hex digits, drawn at each start of the agent */
	uint8_t key[PUBLIC_KEY_BYTES];
	int64_t time_ns;   /* wall time; whole milliseconds are kept */
	struct span lines; /* decoded: what birth_note_next() takes line by line; encoding ignores it */
};

struct birth_line {
	bool previous; /* of the epoch before; else of the stream as it is */
	struct span source;
	int64_t size;
	struct digest root;
};

/* Appends the first five lines to out, which is empty; gateway, boot and key are valid. Check buf_ok(out) after. */
void birth_note_begin(struct buf *out, const struct birth_note *note);
/* Appends one more line; false, and nothing is appended: the text would pass BIRTH_NOTE_TEXT_MAX or out's max. */
MUST_USE bool birth_note_line(struct buf *out, const struct birth_line *line);
/* Judges the whole text, every line of it. */
MUST_USE bool birth_note_decode(struct birth_note *note, struct span text);
/* The next line of a decoded text; false: that was the last. */
MUST_USE bool birth_note_next(struct birth_note *note, struct birth_line *line);

#endif
