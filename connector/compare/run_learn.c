/*
 * run_learn.c - what documents that agree tell of how taxes are rounded.
 *
 * Why:   taxes that differ alone mislead: they are those on which two policies part.
 * Owns:  a list of names, while a comparison by fingerprints runs.
 * Rules: 1. A full run has every document open, and takes as many as the judge of policies wants.
 *        2. One by fingerprints has none open. It notes the names of those that it passes, some of each company, and
 *           opens them only if taxes differ at all.
 *        3. What documents that agree would say of codes (how many have one that elsewhere became another) only a full
 *           run could know, and the cause of a difference must not hang on that.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/integration/test_compare_planted.py, test_compare_property.py
 */
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/pack.h"

#define AGREED_BYTES_MAX  (4u << 20)
#define AGREED_OF_ONE_MAX 4000 /* of a company; two thousand with a fraction are enough */

static void observe(struct run *run, struct span entity, enum ledger_side side)
{
	rounding_sheet_read(&run->sheets[side], &run->documents[side]);
	rounding_observe_sheet(run->fits, entity, side, &run->sheets[side]);
}

static void note(struct run *run, const struct ledger_document *legacy, const struct ledger_document *cloud)
{
	const struct span parts[] = {legacy->entity, legacy->subject, cloud->identity, cloud->subject};
	size_t bytes = sizeof parts / sizeof parts[0];
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		bytes += parts[i].len;
		if (parts[i].len > 0 && memchr(parts[i].data, '\n', parts[i].len))
			return; /* it ends the others */
	}
	if (run->agreed.len + bytes > AGREED_BYTES_MAX ||
	    tally_get(run->agreed_counts, &legacy->entity, 1, 0) >= AGREED_OF_ONE_MAX)
		return;
	tally_add(run->agreed_counts, &legacy->entity, 1, 0, 1);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		buf_append_span(&run->agreed, parts[i]);
		buf_append_char(&run->agreed, '\n');
	}
}

void run_learn_begin(struct run *run)
{
	buf_init(&run->agreed, AGREED_BYTES_MAX);
	run->agreed_counts = tally_new(1);
}

void run_learn_end(struct run *run)
{
	buf_release(&run->agreed);
	tally_free(run->agreed_counts);
}

void run_learn_matched(struct run *run, const struct ledger_document *legacy,
                       const struct ledger_document *cloud)
{
	bool taxed = legacy->type == DOCUMENT_INVOICE || legacy->type == DOCUMENT_CREDIT_MEMO;
	if (!taxed || run_is_canary(legacy->entity))
		return;
	if (!run->full) {
		note(run, legacy, cloud);
		return;
	}
	for (int side = 0; side < SIDE_COUNT; side++) {
		if (rounding_wants(run->fits, legacy->entity, (enum ledger_side)side))
			observe(run, legacy->entity, (enum ledger_side)side);
	}
}

static struct span next_line(struct span *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	CHECK(end != NULL);
	struct span line = {rest->data, (size_t)(end - rest->data)};
	*rest = (struct span){end + 1, rest->len - line.len - 1};
	return line;
}

void run_learn_agreed(struct run *run)
{
	struct span rest = buf_span(&run->agreed);
	while (rest.len > 0) {
		struct span entity = next_line(&rest);
		struct span names[SIDE_COUNT][2];
		struct err_info info;
		names[SIDE_LEGACY][0] = names[SIDE_LEGACY][1] = next_line(&rest);
		names[SIDE_CLOUD][0] = next_line(&rest);
		names[SIDE_CLOUD][1] = next_line(&rest);
		for (int side = 0; side < SIDE_COUNT; side++) {
			struct ledger_document row;
			if (!rounding_wants(run->fits, entity, (enum ledger_side)side) ||
			    !run_load(run, (enum ledger_side)side, names[side][0], names[side][1], &row) ||
			    document_unpack(&run->documents[side], row.packed, &info) != ERR_OK)
				continue;
			observe(run, entity, (enum ledger_side)side);
		}
	}
}
