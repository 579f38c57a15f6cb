/*
 * run_proof.c - what a run says is proven against what the ledger holds, apart from how it was found.
 *
 * Why:   a false green is the worst that a comparison can say, and a mistake in its course must not be able to say it.
 * Owns:  nothing; sums of fingerprints of the run.
 * Rules: 1. A document was called equal, or it was told as an item, and nothing else: both sums of fingerprints
 *           together are those of the ledger's cells.
 *        2. What was called equal adds up to the same on both sides, however it was found.
 *        3. A pair without difference has one fingerprint, another one has two: the two ways of comparing never part.
 *        4. In a full run a row says of its document what the document says.
 *        5. Where a difference, or a row of usage, was told that people have not accepted, and that does not just wait,
 *           the verdict is no better than `breaks`.
 *        Each of them that does not hold makes the run incomplete.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, tests/integration/test_compare_mutants.py
 */
#include <string.h>

#include "connector/compare/run_internal.h"

void run_prove_all(struct run *run, enum ledger_side side, const struct fingerprint *fingerprint)
{
	fingerprint_add(&run->proof[side].all, fingerprint);
}

void run_prove_equal(struct run *run, enum ledger_side side, const struct fingerprint *fingerprint)
{
	fingerprint_add(&run->proof[side].equal, fingerprint);
}

void run_prove_told(struct run *run, const struct ledger_document *row)
{
	if (!row->voided)
		fingerprint_add(&run->proof[row->side].told, &row->fingerprint);
}

void run_prove_pair(struct run *run, const struct ledger_document *legacy,
                    const struct ledger_document *cloud)
{
	if (fingerprint_equal(&legacy->fingerprint, &cloud->fingerprint) ==
	    (run->pair.class_ == PAIR_MATCHED))
		return;
	run_incomplete(run, "fingerprint-wrong",
	               "%.*s and its counterpart are %s by their fingerprints and %s by their contents: the "
	               "comparison itself is wrong; do not rely on it",
	               (int)legacy->subject.len, legacy->subject.data,
	               run->pair.class_ == PAIR_MATCHED ? "different" : "equal",
	               run->pair.class_ == PAIR_MATCHED ? "equal" : "different");
}

void run_prove_row(struct run *run, const struct ledger_document *row, const struct fingerprint *fresh)
{
	const struct view *view = &run->views[row->side];
	if (!run->trusted || run_is_canary(row->entity))
		return;
	if (!fingerprint_equal(fresh, &row->fingerprint))
		run_incomplete(run, "fingerprint-wrong",
		               "%.*s of the %s side is not what its fingerprint says", (int)row->subject.len,
		               row->subject.data, ledger_side_name(row->side));
	if (view->voided != row->voided || view->total != row->total || view->period != row->period ||
	    (int)view->type != row->type)
		run_incomplete(run, "row-wrong", "%.*s of the %s side is not what its row in the ledger says",
		               (int)row->subject.len, row->subject.data, ledger_side_name(row->side));
}

bool run_is_whole(const struct run *run)
{
	const struct run_scope *scope = &run->options->scope;
	return scope->entity_count == 0 && scope->from == 0 && scope->to == 0 && scope->types == 0;
}

void run_check_proof(struct run *run)
{
	if (!fingerprint_equal(&run->proof[SIDE_LEGACY].equal, &run->proof[SIDE_CLOUD].equal))
		run_incomplete(run, "proof-failed",
		               "the documents that were found equal do not add up to the same fingerprint on "
		               "both sides: "
		               "the comparison itself is wrong; do not rely on it");
	for (int side = 0; side < SIDE_COUNT && run->trusted && run_is_whole(run); side++) {
		struct fingerprint sum = run->proof[side].equal;
		fingerprint_add(&sum, &run->proof[side].told);
		if (!fingerprint_equal(&sum, &run->proof[side].all))
			run_incomplete(
			    run, "documents-not-told",
			    "the documents of the %s side that were found equal, and those that were "
			    "told, are not all that the ledger holds: something was passed over; do "
			    "not rely on it",
			    ledger_side_name((enum ledger_side)side));
	}
}

void run_check_verdict(struct run *run)
{
	if (run->told_broken == 0 || run->outcome->verdict <= RUN_BREAKS)
		return;
	run->outcome->verdict = RUN_INCOMPLETE;
	run_incomplete(run, "verdict-wrong",
	               "%lld differences were told, and none of them counts as one: the comparison itself is "
	               "wrong; do not rely on it",
	               (long long)run->told_broken);
}
