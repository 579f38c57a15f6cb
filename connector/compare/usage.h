/*
 * usage.h - usage three ways: what the metering source counted, what billing took, what the ERP invoiced.
 *
 * Why:   a record that is lost between meter and invoice is money that nobody misses; it shows only where all three
 *        quantities of a window stand side by side.
 * Owns:  struct usage_merge owns copies of the texts of one window.
 * Rules: 1. Pure: entries in the order of (entity, customer, meter, from, to) go in, rows in the same order come out;
 *           memory does not grow with their number.
 *        2. Several entries of one place in one window are added up. For the ERP that is usual (lines, credit memos);
 *           for source and billing it is the same window twice: overlap.
 *        3. Quantities are compared exactly, whatever digits they are written with; different units are never added or
 *           compared.
 *        4. The class is the first that applies, in the order of the list: a window that overlaps an earlier one of the
 *           same place, or units that differ, make the quantities meaningless; then source against billing, then the
 *           ERP against both.
 *        5. A gap is a row of its own: days between two windows of a customer and meter that no place has.
 *        6. A row has a key, the same from run to run, and a digest of what somebody sees who decides about it: class,
 *           and unit and quantity of each place. Whatever of them changes, one of the two changes.
 * Faults: ERR_OVERFLOW: a sum that 64 bits do not hold.
 * Runs in: the CLI.
 * Tests: tests/unit/usage_test.c, test_usage_ways.py
 */
#ifndef TWINPOST_USAGE_H
#define TWINPOST_USAGE_H

#include "connector/posting/date.h"
#include "connector/posting/decimal.h"
#include "store_forward/digest.h"

#define USAGE_KEY_MAX 400 /* that of an exception's key, with its end */

enum usage_place { USAGE_SOURCE, USAGE_BILLING, USAGE_ERP, USAGE_PLACE_COUNT };

/* X(identifier, "name") */
#define USAGE_CLASSES(X)                      \
	X(GAP, "gap")                         \
	X(OVERLAP, "overlap")                 \
	X(UNIT_DIFFERS, "unit_differs")       \
	X(MISSING_SOURCE, "missing_source")   \
	X(MISSING_BILLING, "missing_billing") \
	X(BILLING_DIFFERS, "billing_differs") \
	X(MISSING_ERP, "missing_erp")         \
	X(ERP_DIFFERS, "erp_differs")         \
	X(AGREE, "agree")

enum usage_class {
#define USAGE_CLASS_ENUM(identifier, name) USAGE_##identifier,
	USAGE_CLASSES(USAGE_CLASS_ENUM)
#undef USAGE_CLASS_ENUM
	    USAGE_CLASS_COUNT
};
const char *usage_class_name(enum usage_class class_);
const char *usage_place_name(enum usage_place place);

struct usage_entry {
	enum usage_place place;
	struct span entity, customer, meter; /* the cloud's codes */
	date_days from, to;                  /* both included */
	struct span unit;
	struct decimal quantity;
};

struct usage_quantity {
	int count;        /* entries; 0: the place does not have the window */
	bool mixed;       /* of several units: the sum is that of the first */
	struct span unit; /* the first entry's */
	struct decimal sum;
	struct digest rest; /* mixed: of the entries in other units, which no sum holds */
};

struct usage_row {
	struct span entity, customer, meter;
	date_days from, to;
	enum usage_class class_;
	struct usage_quantity places[USAGE_PLACE_COUNT]; /* all absent in a gap */
};
/* The row's texts last until the call returns. An error ends the merge. */
typedef enum err (*usage_taker)(void *self, const struct usage_row *row, struct err_info *info);

struct usage_merge {
	usage_taker take;
	void *self;
	bool has;             /* row is under way */
	struct usage_row row; /* its texts are in the buffers */
	struct buf key;
	struct buf units[USAGE_PLACE_COUNT];
	bool covered; /* a window of this customer and meter was there before */
	date_days covered_to;
	bool ended[USAGE_PLACE_COUNT]; /* the same of each place */
	date_days end[USAGE_PLACE_COUNT];
};

/* "usage:ENTITY/CUSTOMER/METER/FROM..TO:PERIOD"; the period is the month of the last day. Codes are percent-encoded
 * but for RFC 3986's unreserved characters; where that is too long, "sha256:HEX" of the encoded three stands in their
 * place, which no code can look like. */
void usage_key(const struct usage_row *row, char key[USAGE_KEY_MAX]);
struct digest usage_digest(const struct usage_row *row);
/* Without trailing zeros. */
void usage_quantity_print(struct decimal quantity, char text[DECIMAL_TEXT_MAX]);

void usage_merge_init(struct usage_merge *merge, usage_taker take, void *self);
void usage_merge_release(struct usage_merge *merge);
/* An entry out of order is a bug. */
MUST_USE enum err usage_merge_add(struct usage_merge *merge, const struct usage_entry *entry,
                                  struct err_info *info);
/* The last row. */
MUST_USE enum err usage_merge_finish(struct usage_merge *merge, struct err_info *info);

#endif
