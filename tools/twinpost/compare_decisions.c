/*
 * compare_decisions.c - see compare_decisions.h.
 *
 * Why:   see compare_decisions.h.
 * Owns:  see compare_decisions.h.
 * Rules: as in compare_decisions.h.
 * Faults: a source whose state cannot be read counts as one with gaps.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_decisions_test.c
 */
#include "tools/twinpost/compare_decisions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/compare/posting_sequence.h"
#include "connector/compare/run.h"
#include "connector/posting/date.h"
#include "store_forward/ledger_breaks.h"

#define GAPS_SHOWN    3 /* of a source */
#define GAPS_TEXT_MAX 180
#define ACKNOWLEDGE   "; once it is known which is booked: twinpost exceptions ack"

struct compare_decisions {
	struct ledger *ledger;
	int64_t at_ns;
	struct buf texts;
};

struct compare_decisions *compare_decisions_open(struct ledger *ledger, int64_t at_ns)
{
	struct compare_decisions *decisions = mem_alloc(sizeof *decisions);
	*decisions = (struct compare_decisions){.ledger = ledger, .at_ns = at_ns};
	buf_init(&decisions->texts, BREAK_ROW_BYTES_MAX);
	return decisions;
}

void compare_decisions_close(struct compare_decisions *decisions)
{
	if (decisions)
		buf_release(&decisions->texts);
	free(decisions);
}

/* Texts of the ledger are within the limits of a decision. */
static void copy(char *to, size_t size, struct span text)
{
	(void)snprintf(to, size, "%.*s", (int)text.len, text.data ? text.data : "");
}

bool compare_decisions_find(void *self, struct span key, struct span evidence, struct run_decision *decision)
{
	struct compare_decisions *decisions = self;
	struct ledger_break one;
	struct err_info ignored;
	if (ledger_break_find(decisions->ledger, key, &one, &decisions->texts, &ignored) != ERR_OK ||
	    !span_equal(one.evidence, evidence))
		return false;
	bool decided = one.state == BREAK_ACKNOWLEDGED || one.state == BREAK_ACCEPT_PENDING ||
	               one.state == BREAK_ACCEPTED ||
	               (one.state == BREAK_SNOOZED && one.until_ns > decisions->at_ns);
	if (!decided)
		return false;
	*decision = (struct run_decision){.state = ""};
	(void)snprintf(decision->state, sizeof decision->state, "%s", break_state_name(one.state));
	copy(decision->by, sizeof decision->by, one.who);
	copy(decision->second, sizeof decision->second, one.second);
	copy(decision->reason, sizeof decision->reason, one.reason);
	instant_print(one.at_ns, decision->at);
	return true;
}

/* ---- gaps ---- */

static void tell_gaps(const struct posting_sequence *state, int64_t conflicts, struct buf *out)
{
	buf_printf(out, "%sof \"%s\" ", out->len > 0 ? "; " : "", state->source);
	for (int i = 0; i < state->gap_count && i < GAPS_SHOWN; i++) {
		const struct posting_gap *gap = &state->gaps[i];
		buf_printf(out, "%s%" PRId64, i > 0 ? ", " : "", gap->from);
		if (gap->to > gap->from)
			buf_printf(out, " to %" PRId64, gap->to);
	}
	if (state->gap_count > GAPS_SHOWN)
		buf_append_text(out, " and more");
	if (state->gap_count > 0)
		buf_append_text(out, " are missing");
	if (conflicts > 0)
		buf_printf(out, "%s%" PRId64 " contradicted what was here under their number",
		           state->gap_count > 0 ? ", and " : "", conflicts);
}

/* Those that nobody has looked into. */
static enum err open_conflicts(struct ledger *ledger, int source, int64_t all, int64_t *open,
                               struct err_info *info)
{
	char name[32];
	int64_t settled = 0;
	(void)snprintf(name, sizeof name, POSTING_SETTLED_NAME_FORMAT, source);
	enum err err = ledger_mark(ledger, name, &settled, info);
	*open = err == ERR_OK && settled == all ? 0 : all;
	return err;
}

bool compare_cloud_gaps(struct ledger *ledger, char *text, size_t size)
{
	struct posting_sequence *state = mem_alloc(sizeof *state);
	struct err_info info;
	struct buf kept;
	struct buf out;
	enum err err = ERR_OK;
	bool contradicted = false;
	buf_init(&kept, POSTING_SEQUENCE_BYTES_MAX);
	buf_init(&out, POSTING_SOURCES_MAX * 256u);
	for (int i = 0; i < POSTING_SOURCES_MAX && err == ERR_OK; i++) {
		char name[32];
		int64_t conflicts = 0;
		(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, i);
		err = ledger_text(ledger, name, &kept, &info);
		if (err == ERR_NOT_FOUND)
			break;
		bool readable = err == ERR_OK && posting_sequence_read(state, buf_span(&kept));
		if (readable)
			err = open_conflicts(ledger, i, state->conflicts, &conflicts, &info);
		if (err != ERR_OK || !readable)
			buf_printf(&out, "%swhat is known of the cloud's source %d cannot be read",
			           out.len > 0 ? "; " : "", i);
		else if (state->gap_count > 0 || conflicts > 0)
			tell_gaps(state, conflicts, &out);
		contradicted = contradicted || conflicts > 0;
	}
	bool gaps = out.len > 0;
	if (gaps)
		(void)snprintf(text, size, "postings of the cloud: %.*s%s", GAPS_TEXT_MAX, buf_cstr(&out),
		               contradicted ? ACKNOWLEDGE : "");
	buf_release(&kept);
	buf_release(&out);
	free(state);
	return gaps;
}
