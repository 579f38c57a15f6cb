/*
 * cause_pair.c - the rules for two documents that were paired and differ.
 *
 * Why:   see cause.h.
 * Owns:  nothing.
 * Rules: the order is that of proof: what makes the pair no pair (kind, currency), figures that only one cause gives
 *        (a sign, a scale, a move, a rate, a policy), then the plain amount, and unexplained where lines do not even
 *        meet.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_test.c, cause_amounts_test.c
 */
#include "connector/compare/cause_internal.h"

#include <stdio.h>
#include <string.h>

#define BIT(attribute)    (UINT64_C(1) << VIEW_##attribute)
#define TIMING_ATTRIBUTES (BIT(PERIOD) | BIT(POSTING_DATE) | BIT(DOCUMENT_DATE))
#define PARTY_ATTRIBUTES \
	(BIT(LEGAL_NAME) | BIT(TAX_ID) | BIT(COUNTRY) | BIT(TERMS) | BIT(CREDIT_HOLD) | BIT(DUE_DATE))
/* What a quantity of usage is of: another one is no other quantity. */
#define USAGE_NAMES (BIT(METER) | BIT(WINDOW) | BIT(UNIT))
#define SCALES      3 /* powers of ten that a wrong number of digits makes */

/* A pair A -> B that amounts do not prove: it is a mapping if at least half of the documents with A have it. */
static bool is_consistent(const struct cause_book *book, enum fact_kind kind, struct span entity,
                          struct span from, struct span to)
{
	return 2 * facts_of(&book->moves, kind, entity, from, to) >=
	       facts_of(&book->codes, kind, entity, from, SPAN_LITERAL(""));
}

static bool name_mapping(const struct cause_book *book, const struct cause_evidence *evidence,
                         const struct move *move, struct cause_name *name)
{
	char detail[CAUSE_DETAIL_MAX];
	struct span entity = evidence->legacy->entity;
	long long seen = facts_of(&book->moves, move->kind, entity, move->from, move->to);
	long long all = facts_of(&book->codes, move->kind, entity, move->from, SPAN_LITERAL(""));
	(void)snprintf(detail, sizeof detail, "%s %.*s > %.*s", fact_name(move->kind), quoted(move->from),
	               move->from.data, quoted(move->to), move->to.data);
	if (seen == 0)
		return named(name, CAUSE_MAPPING, detail, "%s \"%.*s\" became \"%.*s\" with all its amounts",
		             fact_word(move->kind), quoted(move->from), move->from.data, quoted(move->to),
		             move->to.data);
	return named(name, CAUSE_MAPPING, detail,
	             "%s \"%.*s\" became \"%.*s\" in %lld of %lld documents of entity %.*s that have it",
	             fact_word(move->kind), quoted(move->from), move->from.data, quoted(move->to),
	             move->to.data, seen, all < seen ? seen : all, quoted(entity), entity.data);
}

/* The move that was seen most often stands for all of them: the others usually follow from it. */
static bool name_moves(const struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name)
{
	const struct move *best = NULL;
	int64_t best_seen = -1;
	for (int i = 0; i < book->shape.move_count; i++) {
		const struct move *move = &book->shape.moves[i];
		int64_t seen =
		    facts_of(&book->moves, move->kind, evidence->legacy->entity, move->from, move->to);
		if (seen > best_seen) {
			best = move;
			best_seen = seen;
		}
	}
	return best != NULL && name_mapping(book, evidence, best, name);
}

static bool is_missing_code(const struct view *legacy, struct cause_name *name)
{
	if (legacy->missing_count == 0)
		return false;
	char detail[CAUSE_DETAIL_MAX];
	const char *kind = mapping_kind_name(legacy->missing[0].kind);
	struct span code = legacy->missing[0].code;
	(void)snprintf(detail, sizeof detail, "%s %.*s > ?", kind, quoted(code), code.data);
	return named(name, CAUSE_MAPPING, detail, "%s \"%.*s\" has no row in the mapping on the posting date",
	             kind, quoted(code), code.data);
}

/* Kind, void, currency, entity: the pair is hardly one. */
static bool is_other_document(const struct cause_book *book, const struct cause_evidence *evidence,
                              struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	const struct view *legacy = evidence->legacy, *cloud = evidence->cloud;
	if (shape->type)
		return named(name, CAUSE_DATA_QUALITY, "document kind", "the cloud has a %s for a %s",
		             document_spec(cloud->type)->name, document_spec(legacy->type)->name);
	if (shape->voided)
		return named(name, CAUSE_DATA_QUALITY, "void", "the document is void in %s alone",
		             cloud->voided ? "the cloud" : "the legacy ledger");
	if (shape->currency)
		return named(name, CAUSE_DATA_QUALITY, "currency",
		             "the currency is %.*s in the cloud for %.*s", quoted(cloud->currency),
		             cloud->currency.data, quoted(legacy->currency), legacy->currency.data);
	if (shape->entity &&
	    is_consistent(book, FACT_ENTITY, legacy->entity, legacy->entity, cloud->entity)) {
		struct move move = {FACT_ENTITY, legacy->entity, cloud->entity};
		return name_mapping(book, evidence, &move, name);
	}
	if (shape->entity)
		return named(name, CAUSE_DATA_QUALITY, "entity", "the entity is %.*s in the cloud for %.*s",
		             quoted(cloud->entity), cloud->entity.data, quoted(legacy->entity),
		             legacy->entity.data);
	return false;
}

/* Every amount that differs has the other sign. */
static bool is_flipped(const struct shape *shape, const struct cause_evidence *evidence)
{
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		if (shape->header[i] != 0 && evidence->cloud->amounts[i] != -evidence->legacy->amounts[i])
			return false;
	}
	for (int i = 0; i < shape->kept; i++) {
		const struct delta *delta = &shape->deltas[i];
		if (delta->legacy == NULL || delta->cloud == NULL || delta->size == 0 ||
		    delta->cloud->debit != -delta->legacy->credit ||
		    delta->cloud->credit != -delta->legacy->debit)
			return false;
	}
	return true;
}

static bool is_times(int64_t small, int64_t large, int64_t factor)
{
	int64_t product;
	return !__builtin_mul_overflow(small, factor, &product) && product == large;
}

/* All amounts of the document, not only one of them, are `factor` times what they are on the other side. */
static bool is_scaled(const struct shape *shape, const struct view *small, const struct view *large,
                      int64_t factor)
{
	if (small->line_count != large->line_count || shape->delta_count != small->line_count)
		return false;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		if (!is_times(small->amounts[i], large->amounts[i], factor))
			return false;
	}
	for (int i = 0; i < small->line_count; i++) {
		if (view_line_order(&small->lines[i], &large->lines[i]) != 0 ||
		    !is_times(small->lines[i].debit, large->lines[i].debit, factor) ||
		    !is_times(small->lines[i].credit, large->lines[i].credit, factor))
			return false;
	}
	return true;
}

static bool is_broken_amount(const struct shape *shape, const struct cause_evidence *evidence,
                             struct cause_name *name)
{
	int64_t factor = 1;
	if (is_flipped(shape, evidence))
		return named(name, CAUSE_DATA_QUALITY, "sign",
		             "the amounts that differ have the opposite sign: debit and credit were swapped");
	for (int i = 0; i < SCALES; i++) {
		factor *= 10;
		bool more = is_scaled(shape, evidence->legacy, evidence->cloud, factor);
		if (more || is_scaled(shape, evidence->cloud, evidence->legacy, factor))
			return named(name, CAUSE_DATA_QUALITY, "scale",
			             "all amounts of the cloud are %s%lld of the legacy ledger's: a decimal "
			             "point moved",
			             more ? "times " : "1/", (long long)factor);
	}
	return false;
}

/* A plain amount: lines meet and some differ, or one side has lines more. */
static bool is_amount(const struct cause_book *book, const struct cause_evidence *evidence,
                      struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	int both = 0, ours = 0, theirs = 0;
	char legacy[DECIMAL_TEXT_MAX], cloud[DECIMAL_TEXT_MAX];
	for (int i = 0; i < shape->kept; i++) {
		const struct delta *delta = &shape->deltas[i];
		both += delta->legacy != NULL && delta->cloud != NULL;
		ours += delta->cloud == NULL;
		theirs += delta->legacy == NULL;
	}
	if (shape->wild || (ours > 0 && theirs > 0) ||
	    (both > 0 && ours + theirs > 0 && !shape->header_differs))
		return false;
	if (both == 0 && ours + theirs > 0)
		return named(name, CAUSE_AMOUNT, "line", "%d %s of the %s no counterpart", ours + theirs,
		             ours + theirs == 1 ? "line" : "lines",
		             ours > 0 ? "legacy document have" : "cloud document have");
	const struct delta *largest = shape_largest(shape);
	if (largest != NULL && largest->legacy != NULL && largest->cloud != NULL && largest->size > 0) {
		const struct view_line *a = largest->legacy, *b = largest->cloud;
		print_minor(clamped_add(a->debit, a->credit), evidence->legacy->digits, legacy);
		print_minor(clamped_add(b->debit, b->credit), evidence->cloud->digits, cloud);
		const char *what = a->kind == VIEW_LINE_APPLICATION ? "what is applied to" : "account";
		return named(name, CAUSE_AMOUNT, "", "%s %.*s %s %s in the cloud for %s", what,
		             quoted(a->account), a->account.data,
		             a->kind == VIEW_LINE_APPLICATION ? "is" : "has", cloud, legacy);
	}
	if (!shape->header_differs)
		return shape->local_differs || shape->header_absent || shape->delta_count > 0
		           ? named(name, CAUSE_AMOUNT, "", "an amount beside the line's own differs")
		           : false;
	int slot = shape->header[VIEW_GROSS] != 0 ? VIEW_GROSS
	           : shape->header[VIEW_NET] != 0 ? VIEW_NET
	                                          : VIEW_TAX;
	print_minor(evidence->legacy->amounts[slot], evidence->legacy->digits, legacy);
	print_minor(evidence->cloud->amounts[slot], evidence->cloud->digits, cloud);
	return named(name, CAUSE_AMOUNT, "", "the amount is %s in the cloud for %s", cloud, legacy);
}

/* Taxes off by single units in many documents whose lines and rates nobody knows. */
static bool is_unproven(struct cause_book *book, const struct cause_evidence *evidence,
                        struct cause_name *name)
{
	int64_t seen =
	    facts_of(&book->moves, FACT_CENTS, evidence->legacy->entity, SPAN_LITERAL(""), SPAN_LITERAL(""));
	if (seen < CAUSE_WITNESSES || cause_knows_policies(book, evidence) ||
	    !shape_single_units(&book->shape, evidence->legacy, 1))
		return false;
	return named(
	    name, CAUSE_UNEXPLAINED, "tax by single units",
	    "the tax differs by a minor unit, as in %lld documents of the entity, and no rounding policy is "
	    "known that could prove why",
	    (long long)seen);
}

static bool of_amounts(struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	if (!shape->wild && !shape->header_absent && is_broken_amount(shape, evidence, name))
		return true;
	if (shape->all_moved)
		return name_moves(book, evidence, name);
	if (shape_tax_only(shape) &&
	    (cause_is_rounding(book, evidence, name) || cause_is_tax(book, evidence, name) ||
	     is_unproven(book, evidence, name)))
		return true;
	return is_amount(book, evidence, name) ||
	       named(name, CAUSE_UNEXPLAINED, "", "lines of the two documents do not meet: %d differ",
	             shape->delta_count);
}

static bool of_local(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	if (shape->all_moved)
		return name_moves(book, evidence, name);
	if (cause_is_fx_rate(book, evidence, name))
		return true;
	if (shape->local_absent)
		return named(name, CAUSE_DATA_QUALITY, "local amount",
		             "amounts in local currency are missing on one side");
	return named(name, CAUSE_AMOUNT, "local amount",
	             "an amount in local currency differs, and no exchange rate explains it");
}

/* The first attribute of the set that differs. */
static const char *first_of(const struct shape *shape, uint64_t set)
{
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		if ((shape->attributes & set) >> i & 1)
			return view_attribute_name((enum view_attribute)i);
	}
	return "";
}

static bool named_attribute(const struct cause_evidence *evidence, struct cause_name *name, enum cause cause,
                            const char *attribute)
{
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		struct span from = evidence->legacy->attributes[i], to = evidence->cloud->attributes[i];
		if (strcmp(view_attribute_name((enum view_attribute)i), attribute) == 0)
			return named(name, cause, attribute, "%s is \"%.*s\" in the cloud for \"%.*s\"",
			             attribute, quoted(to), to.len > 0 ? to.data : "", quoted(from),
			             from.len > 0 ? from.data : "");
	}
	return false;
}

/* A code of the header: a mapping if it goes the same way in most documents. */
static bool of_code(const struct cause_book *book, const struct cause_evidence *evidence,
                    struct cause_name *name, enum fact_kind kind, enum view_attribute attribute)
{
	struct span from = evidence->legacy->attributes[attribute],
		    to = evidence->cloud->attributes[attribute];
	if (span_equal(from, to))
		return false;
	struct move move = {kind, from, to};
	if (from.len > 0 && to.len > 0 && is_consistent(book, kind, evidence->legacy->entity, from, to))
		return name_mapping(book, evidence, &move, name);
	return named_attribute(evidence, name, CAUSE_DATA_QUALITY, view_attribute_name(attribute));
}

/* On a later day in the cloud, and so perhaps in a later period. */
static bool posted_later(const struct cause_evidence *evidence, uint64_t differ)
{
	const struct view *legacy = evidence->legacy;
	const struct view *cloud = evidence->cloud;
	return (differ & BIT(POSTING_DATE)) != 0 && legacy->has_posting && cloud->has_posting &&
	       cloud->posting > legacy->posting;
}

static bool of_attributes(struct cause_book *book, const struct cause_evidence *evidence,
                          struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	uint64_t differ = shape->attributes;
	if ((differ & BIT(PARTY)) != 0)
		return of_code(book, evidence, name, FACT_PARTY, VIEW_PARTY);
	if ((differ & BIT(DOCUMENT_TYPE)) != 0)
		return of_code(book, evidence, name, FACT_DOCUMENT_TYPE, VIEW_DOCUMENT_TYPE);
	if ((differ & (BIT(PERIOD) | BIT(POSTING_DATE))) != 0 ||
	    ((differ & TIMING_ATTRIBUTES) != 0 && (differ & PARTY_ATTRIBUTES) == 0))
		return named_attribute(evidence, name,
		                       posted_later(evidence, differ) ? CAUSE_LATE_POSTING : CAUSE_TIMING,
		                       first_of(shape, TIMING_ATTRIBUTES));
	if ((differ & PARTY_ATTRIBUTES) != 0)
		return named_attribute(evidence, name, CAUSE_MASTER_DATA, first_of(shape, PARTY_ATTRIBUTES));
	if ((differ & BIT(EXCHANGE_RATE)) != 0)
		return named_attribute(evidence, name, CAUSE_FX_RATE, "exchange_rate");
	if ((differ & BIT(REFERENCE)) != 0)
		return named_attribute(evidence, name, CAUSE_DATA_QUALITY, "reference");
	if ((differ & USAGE_NAMES) != 0)
		return named_attribute(evidence, name, CAUSE_DATA_QUALITY, first_of(shape, USAGE_NAMES));
	if (differ != 0)
		return named_attribute(evidence, name, CAUSE_AMOUNT, first_of(shape, differ));
	return named(name, CAUSE_UNEXPLAINED, "",
	             "the two documents differ in nothing that is looked at here");
}

void cause_of_pair(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	int members = evidence->legacy_members > 1 ? evidence->legacy_members : 1;
	shape_read(book, evidence);
	if (evidence->cloud->origins > members) {
		(void)named(name, CAUSE_AGGREGATION, "",
		            "the cloud's document stands for %d legacy documents", evidence->cloud->origins);
		return;
	}
	uint32_t also = 0;
	also |= (shape->attributes & TIMING_ATTRIBUTES) != 0 ? UINT32_C(1) << CAUSE_TIMING : 0;
	also |= (shape->attributes & PARTY_ATTRIBUTES) != 0 ? UINT32_C(1) << CAUSE_MASTER_DATA : 0;
	bool amounts = shape->lines_differ || shape->header_differs || shape->header_absent;
	if (is_missing_code(evidence->legacy, name) || is_other_document(book, evidence, name)) {
		also |= amounts ? UINT32_C(1) << CAUSE_AMOUNT : 0;
	} else if (amounts) {
		(void)of_amounts(book, evidence, name);
	} else if (shape->local_differs || shape->local_absent) {
		(void)of_local(book, evidence, name);
	} else {
		(void)of_attributes(book, evidence, name);
	}
	name->also = also & ~(UINT32_C(1) << name->cause);
}
