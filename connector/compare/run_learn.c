/*
 * run_learn.c - what documents that agree tell of how taxes are rounded.
 *
 * Why:   taxes that differ alone mislead: they are those on which two policies part.
 * Owns:  nothing.
 * Rules: 1. A full run has every document open, and takes as many as the judge of policies wants.
 *        2. One by fingerprints opens none that agree, but where a tax differs: then some of that company.
 *        3. What documents that agree would say of codes (how many have one that elsewhere became another) only a full
 *           run could know, and the cause of a difference must not hang on that.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/integration/test_compare_planted.py, test_compare_property.py
 */
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/pack.h"

static bool is_taxed(int type)
{
	return type == DOCUMENT_INVOICE || type == DOCUMENT_CREDIT_MEMO;
}

static void observe(struct run *run, struct span entity, enum ledger_side side)
{
	if (!rounding_wants(run->fits, entity, side))
		return;
	rounding_sheet_read(&run->sheets[side], &run->documents[side]);
	rounding_observe_sheet(run->fits, entity, side, &run->sheets[side]);
}

void run_learn_matched(struct run *run, const struct ledger_document *legacy,
                       const struct ledger_document *cloud)
{
	(void)cloud;
	if (!run->full || !is_taxed(legacy->type) || run_is_canary(legacy->entity))
		return;
	observe(run, legacy->entity, SIDE_LEGACY);
	observe(run, legacy->entity, SIDE_CLOUD);
}

void run_learn_taxes(struct run *run, struct span entity)
{
	for (int i = 0; i < run->pair.kept && !run->full; i++) {
		const struct pair_difference *one = &run->pair.differences[i];
		bool of_line = strcmp(one->field, "debit") == 0 || strcmp(one->field, "credit") == 0;
		if (one->lane == LANE_AMOUNT && (strcmp(one->field, "tax") == 0 ||
		                                 (of_line && span_equal(one->account, SPAN_LITERAL("tax")))))
			tally_add(run->tax_entities, &entity, 1, 0, 1);
	}
}

static bool wants(const struct run *run, struct span entity)
{
	return rounding_wants(run->fits, entity, SIDE_LEGACY) ||
	       rounding_wants(run->fits, entity, SIDE_CLOUD);
}

static bool keep_cloud(void *self, const struct ledger_document *cloud)
{
	struct run *run = self;
	run->group_count++;
	run_copy(&run->group[0], cloud);
	return true;
}

static bool take_legacy(void *self, const struct ledger_document *legacy)
{
	struct run *run = self;
	struct err_info info;
	const struct ledger_document *cloud = &run->group[0].document;
	run->group_count = 0;
	if (!legacy->voided &&
	    ledger_with_identity(run->ledger, SIDE_CLOUD, legacy->identity, 2, keep_cloud, run, &info) ==
	        ERR_OK &&
	    run->group_count == 1 && fingerprint_equal(&legacy->fingerprint, &cloud->fingerprint) &&
	    document_unpack(&run->documents[SIDE_LEGACY], legacy->packed, &info) == ERR_OK &&
	    document_unpack(&run->documents[SIDE_CLOUD], cloud->packed, &info) == ERR_OK) {
		observe(run, legacy->entity, SIDE_LEGACY);
		observe(run, legacy->entity, SIDE_CLOUD);
	}
	return wants(run, legacy->entity);
}

void run_learn_agreed(struct run *run)
{
	for (int i = 0; i < run->cell_count && !run->full; i++) {
		const struct run_cell *cell = &run->cells[i];
		const struct span entity = span_of(cell->entity);
		struct err_info info;
		if (!is_taxed(cell->type) || tally_get(run->tax_entities, &entity, 1, 0) == 0 ||
		    !wants(run, entity))
			continue;
		if (ledger_of_cell(run->ledger, SIDE_LEGACY, cell->id, take_legacy, run, &info) != ERR_OK)
			run_ledger_failed(run, &info);
	}
}
