/*
 * outcomes.h - what the cloud said of each document: every outcome, and which of them moved its state.
 *
 * Why:   an acknowledgement of the broker is not acceptance; the state of a revision is the last outcome that moved it.
 * Owns:  table outcomes.
 * Rules: 1. What moves and what does not is decided by the caller; here it is kept, in order of arrival.
 *        2. The caller adds outcomes of subjects that were sent alone: what a stranger names would fill the disk.
 *        3. At most STORE_OUTCOMES_MAX of one subject: then the oldest that moved nothing goes, else the oldest.
 * Faults: as in store.h.
 * Runs in: the core.
 * Tests: tests/unit/store_outcomes_test.c
 */
#ifndef TWINPOST_OUTCOMES_H
#define TWINPOST_OUTCOMES_H

#include "store_forward/store.h"

#define STORE_OUTCOME_WORD_MAX 200  /* bytes of document, date, ledger, reason, reason_class, message */
#define STORE_OUTCOME_TEXT_MAX 1000 /* bytes of text */
#define STORE_OUTCOMES_MAX     256

/* The numbers are kept in the file. */
enum store_outcome_code {
	STORE_OUTCOME_RECEIVED = 1,
	STORE_OUTCOME_VALIDATED = 2,
	STORE_OUTCOME_PARTIAL = 3,
	STORE_OUTCOME_BOOKED = 4,
	STORE_OUTCOME_REJECTED = 5,
	STORE_OUTCOME_DUPLICATE = 6,
	STORE_OUTCOME_OTHER = 7,
};
const char *store_outcome_name(enum store_outcome_code code); /* "RECEIVED", ... */

struct store_outcome {
	struct span subject;
	int64_t revision;
	uint8_t code;         /* enum store_outcome_code */
	bool moved;           /* it is, or was, the state of the revision */
	struct span document; /* the cloud's number */
	struct span date;
	struct span ledger;
	struct span reason;
	struct span reason_class;
	struct span text;
	struct span message; /* id of the message it came with */
	int64_t at_ns;       /* as the cloud says; 0: it does not */
	int64_t received_ns; /* wall time here */
};
/* ERR_BAD_INPUT: no subject, revision or code; ERR_TOO_LARGE: a text over its limit. */
MUST_USE enum err store_outcome_add(struct store *store, const struct store_outcome *outcome,
                                    struct err_info *info);

/* An outcome with its texts: the spans of shown point into bytes, so the struct is not to be copied. */
struct store_outcome_copy {
	struct store_outcome shown;
	char bytes[STORE_SUBJECT_MAX + 6 * STORE_OUTCOME_WORD_MAX + STORE_OUTCOME_TEXT_MAX];
};
/* The last one of this revision that moved. ERR_NOT_FOUND: the cloud has said nothing that counts. */
MUST_USE enum err store_outcome_state(struct store *store, struct span subject, int64_t revision,
                                      struct store_outcome_copy *out, struct err_info *info);

typedef bool (*store_outcome_visitor)(void *self, const struct store_outcome *outcome);
/* All of the subject, whatever the revision, in order of arrival. */
MUST_USE enum err store_outcomes_of(struct store *store, struct span subject, store_outcome_visitor visit,
                                    void *self, struct err_info *info);

#endif
