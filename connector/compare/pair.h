/*
 * pair.h - one legacy document against one cloud document: amounts, then attributes.
 *
 * Why:   the heart of the comparison is a pure function over two views; where they came from is not its business.
 * Owns:  nothing; the differences borrow texts of the two views.
 * Rules: 1. Two lanes: amounts (header amounts, then every line key of either side; debit and credit apart, so that
 *           a pair of errors does not cancel) and attributes (those that are compared by the rules). The lane before
 *           these, presence, is pairing's.
 *        2. The tolerance applies to amounts alone. A difference of amount is tolerated if it is within that of its
 *           account and the sum of all tolerated ones, without sign, is within that of the document.
 *        3. An attribute that one side has and the other has not is a difference. What is not compared is told by
 *           rules_compares(), and the report lists it.
 *        4. Entity, type, void and currency differ: the amounts are not compared, one difference says so.
 *        5. Every difference is counted; the list holds the first PAIR_DIFFERENCES_MAX in the order: header amounts,
 *           lines by key, attributes.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pair_test.c
 */
#ifndef TWINPOST_PAIR_H
#define TWINPOST_PAIR_H

#include "connector/compare/view.h"

#define PAIR_DIFFERENCES_MAX 64

enum pair_class { PAIR_MATCHED, PAIR_WITHIN_TOLERANCE, PAIR_DIFFERENT };
enum pair_lane { LANE_AMOUNT, LANE_ATTRIBUTE };

struct pair_difference {
	enum pair_lane lane;
	const char *field; /* "net", "debit", "credit", "local", "posting_date", ...: static */
	/* Of a line: its key; else empty. */
	struct span account, cost_centre, tax_code;
	bool tolerated;
	/* LANE_AMOUNT: minor units of the document's currency (of the local one for "local"). */
	int64_t legacy_amount, cloud_amount;
	bool legacy_has, cloud_has; /* the line's key, or the attribute, is there at all */
	/* LANE_ATTRIBUTE */
	struct span legacy_text, cloud_text;
};

struct pair {
	enum pair_class class_;
	int count; /* all differences */
	struct pair_difference differences[PAIR_DIFFERENCES_MAX];
	int kept;
	bool amounts_compared;
	int64_t net_delta; /* cloud total - legacy total, minor units */
	int64_t
	    gross_delta; /* sum of the absolute amount differences that tolerances do not cover, of header amounts where
	                        there are such, else of lines */
};

void pair_compare(const struct view *legacy, const struct view *cloud, const struct rules *rules,
                  struct pair *pair);

#endif
