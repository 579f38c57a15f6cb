/*
 * cause_rounding.c - is a difference of taxes proven to be rounding? And taxes that differ by more than that.
 *
 * Why:   rounding is accepted by the thousand; one wrong cent among them must not be.
 * Owns:  nothing.
 * Rules: 1. Proof, all of it: both documents' taxes are known by code with their lines; the nets under each rate have
 *           the same sum on both sides; every policy that stands for a side reproduces each of its taxes; no policy
 *           stands for both; and two documents of the cloud, not only this one, have taxes that the ledger's policies
 *           do not give.
 *        2. A side is judged without allowance first; only if nothing stands then, with it.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_amounts_test.c
 */
#include "connector/compare/cause_internal.h"

#include <stdio.h>
#include <string.h>

#define CLOUD_WITNESSES 2

static void judge(struct cause_book *book, struct span entity)
{
	struct judged *judged = &book->judged;
	if (judged->known && span_equal(span_of(judged->entity), entity))
		return;
	judged->known = text_copy(judged->entity, sizeof judged->entity, entity);
	for (int side = 0; side < SIDE_COUNT; side++) {
		struct rounding_result *result = &judged->result[side];
		(void)rounding_judge(book->options.fits, entity, (enum ledger_side)side, 0, result);
		if (result->verdict == ROUNDING_NONE)
			(void)rounding_judge(book->options.fits, entity, (enum ledger_side)side,
			                     book->options.allowance_ppm, result);
	}
}

bool cause_knows_policies(struct cause_book *book, const struct cause_evidence *evidence)
{
	const struct rounding_sheet *legacy = evidence->legacy_tax, *cloud = evidence->cloud_tax;
	if (book->options.fits == NULL || legacy == NULL || cloud == NULL || legacy->group_count == 0 ||
	    cloud->group_count == 0)
		return false;
	judge(book, evidence->cloud->entity);
	return book->judged.result[SIDE_LEGACY].stand != 0 && book->judged.result[SIDE_CLOUD].stand != 0;
}

/* Every policy of the set gives every tax of the sheet. */
static bool reproduces(rounding_set policies, const struct rounding_sheet *sheet)
{
	for (int i = 0; i < sheet->group_count; i++) {
		struct rounding_observation observation = rounding_sheet_at(sheet, i);
		rounding_set set;
		if (rounding_explains(&observation, &set) != ERR_OK || (set & policies) != policies)
			return false;
	}
	return sheet->whole && sheet->group_count > 0;
}

static int64_t net_under(const struct rounding_sheet *sheet, struct decimal rate)
{
	int64_t sum = 0;
	for (int i = 0; i < sheet->group_count; i++) {
		const struct rounding_group *group = &sheet->groups[i];
		if (decimal_compare(group->rate, rate) != 0)
			continue;
		for (int j = 0; j < group->count; j++)
			sum = clamped_add(sum, sheet->lines[group->first + j].net);
	}
	return sum;
}

static bool same_nets(const struct rounding_sheet *a, const struct rounding_sheet *b)
{
	for (int i = 0; i < a->group_count; i++) {
		if (net_under(a, a->groups[i].rate) != net_under(b, a->groups[i].rate))
			return false;
	}
	for (int i = 0; i < b->group_count; i++) {
		if (net_under(a, b->groups[i].rate) != net_under(b, b->groups[i].rate))
			return false;
	}
	return true;
}

static int64_t largest_step(rounding_set set)
{
	int64_t largest = 1;
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		int step = rounding_policy_at(i).step;
		if ((set >> i & 1) != 0 && step > largest)
			largest = step;
	}
	return largest;
}

static bool name_rounding(const struct judged *judged, struct cause_name *name)
{
	char detail[CAUSE_DETAIL_MAX];
	const char *cloud = judged->result[SIDE_CLOUD].policy, *legacy = judged->result[SIDE_LEGACY].policy;
	int written = snprintf(detail, sizeof detail, "%.70s for %.70s", cloud, legacy);
	CHECK(written > 0 && (size_t)written < sizeof detail);
	return named(
	    name, CAUSE_ROUNDING, detail,
	    "the cloud rounds taxes by %s, the legacy ledger by %s; both figures follow from the same "
	    "net amounts",
	    cloud, legacy);
}

bool cause_is_rounding(struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name)
{
	const struct rounding_sheet *legacy = evidence->legacy_tax, *cloud = evidence->cloud_tax;
	struct span entity = evidence->cloud->entity;
	if (book->options.fits == NULL || legacy == NULL || cloud == NULL || book->shape.move_count > 0 ||
	    !same_nets(legacy, cloud))
		return false;
	judge(book, entity);
	rounding_set ours = book->judged.result[SIDE_LEGACY].stand;
	rounding_set theirs = book->judged.result[SIDE_CLOUD].stand;
	return ours != 0 && theirs != 0 && (ours & theirs) == 0 &&
	       shape_single_units(&book->shape, evidence->legacy, largest_step(ours | theirs)) &&
	       reproduces(ours, legacy) && reproduces(theirs, cloud) &&
	       rounding_witnesses(book->options.fits, entity, SIDE_CLOUD, theirs, ours) >= CLOUD_WITNESSES &&
	       name_rounding(&book->judged, name);
}

/* A rate that the cloud's sheet has and the legacy one has not, and the other way round. */
static bool other_rate(const struct rounding_sheet *has, const struct rounding_sheet *lacks,
                       struct decimal *rate)
{
	for (int i = 0; i < has->group_count; i++) {
		bool found = false;
		for (int j = 0; j < lacks->group_count; j++)
			found = found || decimal_compare(has->groups[i].rate, lacks->groups[j].rate) == 0;
		if (!found) {
			*rate = has->groups[i].rate;
			return true;
		}
	}
	return false;
}

static bool name_rates(const struct cause_evidence *evidence, struct cause_name *name)
{
	struct decimal ours, theirs;
	char from[DECIMAL_TEXT_MAX], to[DECIMAL_TEXT_MAX], detail[CAUSE_DETAIL_MAX];
	if (evidence->legacy_tax == NULL || evidence->cloud_tax == NULL ||
	    !other_rate(evidence->legacy_tax, evidence->cloud_tax, &ours) ||
	    !other_rate(evidence->cloud_tax, evidence->legacy_tax, &theirs))
		return false;
	(void)decimal_print(ours, from);
	(void)decimal_print(theirs, to);
	(void)snprintf(detail, sizeof detail, "rate %s > %s", from, to);
	return named(name, CAUSE_TAX, detail, "the same net amounts bear %s %% tax in the cloud for %s %%",
	             to, from);
}

bool cause_is_tax(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name)
{
	const struct shape *shape = &book->shape;
	char detail[CAUSE_DETAIL_MAX], ours[DECIMAL_TEXT_MAX], theirs[DECIMAL_TEXT_MAX];
	int digits = evidence->legacy->digits;
	print_minor(evidence->legacy->amounts[VIEW_TAX], digits, ours);
	print_minor(evidence->cloud->amounts[VIEW_TAX], digits, theirs);
	for (int i = 0; i < shape->move_count; i++) {
		const struct move *move = &shape->moves[i];
		if (move->kind != FACT_TAX_CODE)
			continue;
		(void)snprintf(detail, sizeof detail, "tax_code %.*s > %.*s", quoted(move->from),
		               move->from.data, quoted(move->to), move->to.data);
		return named(
		    name, CAUSE_TAX, detail,
		    "tax code %.*s became %.*s, and with it the tax %s for %s; the net amounts agree",
		    quoted(move->from), move->from.data, quoted(move->to), move->to.data, theirs, ours);
	}
	if (name_rates(evidence, name))
		return true;
	if (shape_single_units(shape, evidence->legacy, 1))
		return false;
	const struct delta *largest = shape_largest(shape);
	struct span code = largest == NULL           ? SPAN_LITERAL("")
	                   : largest->legacy != NULL ? largest->legacy->tax_code
	                                             : largest->cloud->tax_code;
	(void)snprintf(detail, sizeof detail, "tax_code %.*s", quoted(code), code.len > 0 ? code.data : "");
	return named(name, CAUSE_TAX, code.len > 0 ? detail : "",
	             "the tax is %s in the cloud for %s, more than rounding makes, with the same net amounts",
	             theirs, ours);
}
