/*
 * pair.h - one legacy document against one cloud document: amounts, then attributes.
 *
 * Why:   the heart of the comparison is a pure function over two views; where they came from is not its business.
 * Owns:  nothing; the differences borrow texts of the two views.
 * Rules: 1. Two lanes: amounts (header amounts, then every line key of either side; debit and credit apart, so that
 *           a pair of errors does not cancel) and attributes (those that are compared by the rules). The lane before
 *           these, presence, is pairing's.
 *        2. The tolerance applies to amounts alone: one that is absent on one side is not covered, but a line that is
 *           there on one side alone has zero on the other. A difference of amount is tolerated if it is within that of
 *           its account (of the document for header amounts), and all of these together, without sign, are within that
 *           of the document; else none of them is. Together: those of the header or of the lines, whichever is more,
 *           for they tell of the same money; of the header gross or net and tax, whichever is more. Amounts in local
 *           currency, and bases of taxes, are taken together by themselves.
 *        3. An attribute that one side has and the other has not is a difference. What is not compared is told by
 *           view_attribute_compared(), and the report lists it. Both views must be made by the same rules.
 *        4. Entity, type, void and currency differ: the amounts are not compared, one difference each says so, before
 *           all others. So it is for local currencies and the amounts in them.
 *        5. Codes that are missing in the mapping of one side are a difference, "mapping", with the first of them.
 *        6. Every difference is counted; the list holds the first PAIR_DIFFERENCES_MAX in the order: header amounts,
 *           lines by key, attributes.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pair_test.c, pair_random_test.c
 */
#ifndef TWINPOST_PAIR_H
#define TWINPOST_PAIR_H

#include "connector/compare/view.h"

#define PAIR_DIFFERENCES_MAX 64

enum pair_class { PAIR_MATCHED, PAIR_WITHIN_TOLERANCE, PAIR_DIFFERENT };
enum pair_lane { LANE_AMOUNT, LANE_ATTRIBUTE };

struct pair_difference {
	enum pair_lane lane;
	/* Static. Header amounts: "net", "tax", "gross" (of payments the amount), "net_local", "tax_local",
	 * "gross_local". Lines: "debit", "credit", "local" (of debits, and of credits, one each),
	 * "tax_base", "discount", "write_off", "fx_gain_loss". Attributes: their names, and "entity", "type",
	 * "voided", "local_currency", "mapping", "members" (of a sum of documents: what each says is not it). */
	const char *field;
	/* Of a line: its key; else empty. */
	struct span account, cost_centre, tax_code, entity;
	bool tolerated;
	bool local; /* LANE_AMOUNT: in local currency */
	/* LANE_AMOUNT: minor units of the document's currency, or of the local one. */
	int64_t legacy_amount, cloud_amount;
	bool legacy_has, cloud_has; /* the amount, the line's key, or the attribute, is there at all */
	/* LANE_ATTRIBUTE */
	struct span legacy_text, cloud_text;
};

struct pair {
	enum pair_class class_;
	int count; /* all differences */
	struct pair_difference differences[PAIR_DIFFERENCES_MAX];
	int kept;
	bool amounts_compared;
	/* Minor units; both stop at the ends of 64 bits. */
	int64_t net_delta; /* cloud total - legacy total; 0 where the currencies differ */
	/* The amount differences in the document's currency that tolerances do not cover, without sign, taken
	 * together as rule 2 says, without bases. Where amounts are not compared: the greater total, without
	 * sign; where the currencies differ the legacy one. */
	int64_t gross_delta;
};

void pair_compare(const struct view *legacy, const struct view *cloud, const struct rules *rules,
                  struct pair *pair);
/* One more difference, of the attributes' lane: the pair is different. The texts are borrowed. */
void pair_differ(struct pair *pair, const char *field, struct span legacy, struct span cloud);

#endif
