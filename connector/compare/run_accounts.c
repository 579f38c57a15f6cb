/*
 * run_accounts.c - which accounts of the ERP stand behind an account of a trial balance.
 *
 * Why:   a balance has the cloud's account; finance people know the ERP's, and ask by which of them it came about.
 * Owns:  nothing; struct run owns the days and the reversed mapping.
 * Rules: 1. The rules are asked for the days of a company, currency and period: from the first to the last on which
 *           either side posted a journal in it. Neither its number nor its year has days of its own: years may begin in
 *           any month, and period 13 in none. A journal without a posting date makes it all days.
 *        2. A full run learns the days from its documents, another one from the ledger's sums of days: the same ones.
 *        3. What documents without an account add to, and taxes, have no account of the ERP.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_accounts_test.c
 */
#include "connector/compare/run_internal.h"

static void note_day(struct run *run, const struct span key[3], int32_t posting)
{
	bool none = posting == INT32_MIN;
	int64_t first = none ? INT32_MIN : posting;
	int64_t last = none ? INT32_MAX : posting;
	bool any = tally_get(run->posted, key, 3, POSTED_DAYS) > 0;
	int64_t first_before = tally_get(run->posted, key, 3, POSTED_FIRST);
	int64_t last_before = tally_get(run->posted, key, 3, POSTED_LAST);
	tally_add(run->posted, key, 3, POSTED_DAYS, 1);
	/* Sums: what is added makes of the one before the new one. */
	if (!any || first < first_before)
		tally_add(run->posted, key, 3, POSTED_FIRST, first - first_before);
	if (!any || last > last_before)
		tally_add(run->posted, key, 3, POSTED_LAST, last - last_before);
}

/* Without a mapping of accounts no day matters. */
static bool needs_days(const struct run *run)
{
	return run->rules && rules_has(run->rules, MAPPING_ACCOUNT);
}

void run_note_posted(struct run *run, const struct view *view)
{
	struct amount_text period = run_period(view->period);
	const struct span key[] = {view->entity, view->currency, span_of(period.text)};
	if (view->type == DOCUMENT_JOURNAL && !view->voided && needs_days(run))
		note_day(run, key, view->has_posting ? view->posting : INT32_MIN);
}

struct cell_days {
	struct run *run;
	const struct span *key;
};

static bool note_cell_day(void *self, const struct ledger_day *day)
{
	const struct cell_days *days = self;
	note_day(days->run, days->key, day->posting);
	return true;
}

enum err run_note_cell(struct run *run, const struct run_cell *cell, struct err_info *info)
{
	struct amount_text period = run_period(cell->period);
	const struct span key[] = {span_of(cell->entity), span_of(cell->currency), span_of(period.text)};
	struct cell_days days = {run, key};
	if (cell->type != DOCUMENT_JOURNAL || !needs_days(run))
		return ERR_OK;
	return ledger_days(run->ledger, cell->id, note_cell_day, &days, info);
}

void run_put_legacy_accounts(struct run *run, struct json *json, const struct tally_row *row)
{
	/* Of a balance: entity, account, currency, period. */
	struct amount_text period = run_period(run_number(row->parts[3]));
	const struct span key[] = {row->parts[0], row->parts[2], span_of(period.text)};
	date_days first = INT32_MIN;
	date_days last = INT32_MAX;
	buf_clear(&run->accounts);
	if (tally_get(run->posted, key, 3, POSTED_DAYS) > 0) {
		first = (date_days)tally_get(run->posted, key, 3, POSTED_FIRST);
		last = (date_days)tally_get(run->posted, key, 3, POSTED_LAST);
	}
	if (project_is_account(row->parts[1]))
		rules_reverse_list(run->reverse, row->parts[0], row->parts[1], first, last, &run->accounts);
	json_put_span(json, "account_legacy", buf_span(&run->accounts));
}
