/*
 * random_postings.h - random documents with few accounts and small amounts, and random changes of them.
 *
 * Why:   with few codes, lines share keys and changes undo each other: where a comparison could go wrong.
 * Owns:  nothing.
 * Rules: 1. Amounts have their currency's digits, and lines have theirs; nothing else is valid of need.
 *        2. A change does what its name says or, where the document has no place for it, nothing; some changes are none
 *           to a comparison (lines in another order, a text).
 * Runs in: the tests.
 */
#ifndef TWINPOST_RANDOM_POSTINGS_H
#define TWINPOST_RANDOM_POSTINGS_H

#include "connector/posting/document.h"
#include "hal/sim/random_sim.h"

/* X(identifier, "name") */
#define POSTING_CHANGES(X)                  \
	X(AMOUNT, "one amount by one unit") \
	X(CENT, "a unit from line to line") \
	X(SIGN, "the sign of a line")       \
	X(LOCAL, "a local amount")          \
	X(HEADER_AMOUNT, "a header amount") \
	X(BESIDE, "base, discount, gain")   \
	X(CODE, "a code of a line")         \
	X(NO_CODE, "a code of a line goes") \
	X(LINE_GOES, "a line goes")         \
	X(LINE_COMES, "a line comes")       \
	X(SPLIT, "a line in two")           \
	X(ORDER, "two lines change places") \
	X(PERIOD, "the period")             \
	X(YEAR, "the year")                 \
	X(POSTING_DATE, "the posting date") \
	X(CURRENCY, "the currency")         \
	X(LOCAL_CURRENCY, "the local one")  \
	X(ENTITY, "the entity")             \
	X(PARTY, "the party")               \
	X(VOIDED, "voided")                 \
	X(MASTER, "a customer, a usage")    \
	X(IGNORED, "what is not compared")

enum posting_change {
#define POSTING_CHANGE_ENUM(identifier, name) CHANGE_##identifier,
	POSTING_CHANGES(POSTING_CHANGE_ENUM)
#undef POSTING_CHANGE_ENUM
	    CHANGE_COUNT
};
const char *posting_change_name(enum posting_change change);

void random_posting(struct sim_random *random, struct document *document, enum document_type type);
void random_change(struct sim_random *random, struct document *document, enum posting_change change);
void copy_document(struct document *to, const struct document *from);

#endif
