/*
 * tally.h - counts and sums under keys: how many documents of which status, how much money by which cause.
 *
 * Why:   a comparison adds up along a dozen dimensions at once, and writes each of them in a fixed order.
 * Owns:  its keys and values.
 * Rules: 1. A key is a text of parts joined by '\t'; keys come back in the order of their bytes.
 *        2. Additions are checked: one that overflows is left out, remembered and told by tally_ok(); nothing wraps.
 *        3. At most TALLY_KEYS_MAX keys: one more is refused and remembered.
 *        4. A part over TALLY_PART_BYTES_MAX is cut there, as the ledger cuts its codes.
 * Runs in: the CLI.
 * Tests: tests/unit/tally_test.c
 */
#ifndef TWINPOST_TALLY_H
#define TWINPOST_TALLY_H

#include "hal/base/bytes.h"

#define TALLY_VALUES_MAX     12
#define TALLY_KEYS_MAX       1000000
#define TALLY_PARTS_MAX      5
#define TALLY_PART_BYTES_MAX 128

struct tally;

struct tally *tally_new(int values);
void tally_free(struct tally *tally); /* NULL is allowed */
/* Adds to value `which` of the key made of these parts. */
void tally_add(struct tally *tally, const struct span *parts, int count, int which, int64_t amount);
bool tally_ok(const struct tally *tally);

struct tally_row {
	struct span parts[TALLY_PARTS_MAX];
	int count;
	const int64_t *values;
};
/* All rows, sorted; the texts are the tally's. */
typedef void (*tally_visitor)(void *self, const struct tally_row *row);
void tally_visit(struct tally *tally, tally_visitor visit, void *self);
/* The value, or 0. */
int64_t tally_get(const struct tally *tally, const struct span *parts, int count, int which);
int tally_size(const struct tally *tally);

#endif
