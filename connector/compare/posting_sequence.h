/*
 * posting_sequence.h - which postings of one source of the cloud are here: next, gaps, and what was seen lately.
 *
 * Why:   the cloud numbers its postings 1, 2, 3, ... for each source; a number that is missing means that a comparison
 *        would be of half a ledger, and must say so.
 * Owns:  nothing; values. The text form is kept with the ledger, in the transaction of the postings themselves.
 * Rules: 1. Every number is below `next` and here, below `next` and in a gap, or `next` and above.
 *        2. Gaps are ascending ranges that do not touch. There are POSTING_GAPS_MAX at most: where one more would be
 *           needed, a gap stays or grows over numbers that are here. They are then asked for once more, which is
 *           harmless; a number that is missing never counts as here.
 *        3. What came and was refused is missing: it can come again, mended, under its number.
 *        4. Marks of the last POSTING_RECENT_MAX numbers tell a repeat from another posting under the same number; of
 *           older ones a repeat is believed.
 * Faults: a text that is not of this form is refused: the state then begins anew, and the cloud is asked for all.
 * Runs in: the core; the CLI (reading).
 * Tests: tests/unit/posting_sequence_test.c (against a plain set of numbers), tests/fuzz/kept_fuzz.c
 */
#ifndef TWINPOST_POSTING_SEQUENCE_H
#define TWINPOST_POSTING_SEQUENCE_H

#include "connector/compare/posting_read.h"

#define POSTING_GAPS_MAX           64
#define POSTING_RECENT_MAX         64
#define POSTING_MARK_BYTES         8
#define POSTING_SOURCES_MAX        64 /* of one agent */
#define POSTING_SEQUENCE_BYTES_MAX 8192
#define POSTING_SEQUENCE_NAME_FORMAT \
	"cloud-source %d" /* of its text in the ledger: 0, 1, ... without a gap */
/* A mark of the ledger: of so many conflicts of that source a person has found out what is booked. */
#define POSTING_SETTLED_NAME_FORMAT "cloud-settled %d"
/* The exception that tells of conflicts; its key is the source. Acknowledged, they are settled. */
#define POSTING_CONFLICT_RULE "cloud-equivocation"

struct posting_gap {
	int64_t from, to;
};

struct posting_sequence {
	char source[POSTING_SOURCE_MAX + 1];
	int64_t next;
	int64_t
	    conflicts; /* postings that contradicted what was here: a comparison cannot know which is true */
	int gap_count;
	struct posting_gap gaps[POSTING_GAPS_MAX];
	int recent_count;
	int recent_next; /* where the next mark goes */
	struct {
		int64_t sequence;
		uint8_t mark[POSTING_MARK_BYTES];
	} recent[POSTING_RECENT_MAX];
};

void posting_sequence_init(struct posting_sequence *state, struct span source);

enum posting_seen {
	POSTING_NEW,      /* missing, or next and above */
	POSTING_REPEATED, /* here */
	POSTING_OTHER,    /* here, and it was another one */
};
enum posting_seen posting_sequence_look(const struct posting_sequence *state, int64_t sequence,
                                        const uint8_t mark[POSTING_MARK_BYTES]);
/* The numbers from..to are here; mark: of the last. true: it opened a gap before them. */
bool posting_sequence_take(struct posting_sequence *state, int64_t from, int64_t to,
                           const uint8_t mark[POSTING_MARK_BYTES]);
/* The number was told of, but is not here. true: it was not known to be missing. */
bool posting_sequence_miss(struct posting_sequence *state, int64_t sequence);
/* Every number up to it is here. */
int64_t posting_sequence_upto(const struct posting_sequence *state);

/* At most POSTING_SEQUENCE_BYTES_MAX. */
void posting_sequence_write(const struct posting_sequence *state, struct buf *out);
MUST_USE bool posting_sequence_read(struct posting_sequence *state, struct span text);

#endif
