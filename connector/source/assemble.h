/*
 * assemble.h - from rows in the order of their key to whole documents.
 *
 * Why:   a document is handed on whole or not at all; a value that cannot be read keeps its document back, no
 *        other one.
 * Owns:  one document, reused; the bytes of the open document's key; the raw values of a bad row.
 * Rules: 1. The header comes from the first row of a document; each row makes at most one line in each
 *           section.
 *        2. The first bad value decides: its document is unreadable, the rest of its rows is passed over.
 *        3. A key column that is NULL, no text or too long makes its row a document of its own that cannot be
 *           read.
 *        4. Nothing is allocated per row once the buffers have grown.
 * Faults: any values; a document over DOCUMENT_LINES_MAX lines or DOCUMENT_TEXT_BYTES_MAX.
 * Runs in: the core.
 * Tests: tests/unit/assemble_test.c, tests/fuzz/rows_fuzz.c
 */
#ifndef TWINPOST_ASSEMBLE_H
#define TWINPOST_ASSEMBLE_H

#include "connector/source/profile.h"
#include "store_forward/store.h"

struct assembler {
	const struct profile *profile;
	const struct profile_feed *feed;
	/* columns[c]: where the feed's column c stands in the answer; set by the caller when the answer's
	 * columns come. */
	int16_t columns[SOURCE_COLUMNS_MAX];
	struct document document;
	struct convert_scratch scratch;
	bool open;       /* rows of a document were added, and it was not finished or dropped */
	bool bad;        /* the open document cannot be read; rule and text say why */
	bool key_usable; /* key holds the open document's key */
	uint32_t rows;   /* of the open document */
	size_t key_len;
	char key[PROFILE_KEY_BYTES_MAX]; /* as key_encode() makes it */
	const char *rule;
	char text[ERR_TEXT_MAX];
	struct buf raw;   /* the row that is bad */
	struct buf shown; /* work space */
};

void assembler_init(struct assembler *assembler, const struct profile *profile,
                    const struct profile_feed *feed);
void assembler_release(struct assembler *assembler);

/* Does this row belong to another document than the open one? Then finish that one first. */
bool assembler_begins(const struct assembler *assembler, const struct source_value *values);
void assembler_add(struct assembler *assembler, const struct source_value *values);

/* Ends the open document. true: assembler->document is whole. false: *exception says what is wrong with it
 * (its key is the subject where one could be made); id, times and source are the caller's. Both are good
 * until the next call. */
MUST_USE bool assembler_finish(struct assembler *assembler, struct store_exception *exception,
                               char subject[STORE_SUBJECT_MAX]);
/* The key of an exception of the last document where no subject could be made: "journal 00001/JE/12345". Good
 * until the next call. */
struct span assembler_plain_key(struct assembler *assembler);
/* Declares the open document too large. */
void assembler_too_large(struct assembler *assembler);
/* Forgets the open document: its rows will come again. */
void assembler_drop(struct assembler *assembler);

#endif
