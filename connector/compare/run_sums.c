/*
 * run_sums.c - trial balances of both sides, what explains their difference, and the proof that nothing is left over.
 *
 * Why:   two ledgers agree when their trial balances do and every document behind them is accounted for.
 * Owns:  nothing.
 * Rules: 1. In a full run the balances are made from the documents and must be those of the ledger's sums.
 *        2. A difference of an account is made of documents that are not equal: their lines, cloud minus legacy, add up
 *           to it. If they do not, something was not compared as it should: the run is incomplete.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/validity.h"

struct amount_text run_amount(int64_t minor_units, struct span currency)
{
	struct amount_text amount;
	int digits = currency.len > 0 ? currency_minor_units(currency) : 0;
	(void)decimal_print((struct decimal){minor_units, (uint8_t)(digits < 0 ? 0 : digits)}, amount.text);
	return amount;
}

struct amount_text run_period(int32_t period)
{
	struct amount_text text = {.text = ""};
	if (period > 0)
		(void)snprintf(text.text, sizeof text.text, "%04d-%02d", (int)(period / 100) % 10000,
		               (int)(period % 100));
	return text;
}

static void key_of(struct span entity, struct span account, struct span currency, int32_t period,
                   char text[16], struct span key[4])
{
	(void)snprintf(text, 16, "%06d", (int)period);
	key[0] = entity;
	key[1] = account;
	key[2] = currency;
	key[3] = span_of(text);
}

/* An account of tax lines: debit is the base, credit the tax. */
static bool is_tax(struct span account)
{
	return account.len > 0 && account.data[0] == PROJECT_TAX_MARK;
}

static void add_side(struct run *run, const struct span key[4], enum ledger_side side, int64_t lines,
                     int64_t debit, int64_t credit)
{
	int first = side == SIDE_LEGACY ? BALANCE_LEGACY_LINES : BALANCE_CLOUD_LINES;
	tally_add(run->balances, key, 4, first, lines);
	tally_add(run->balances, key, 4, first + 1, debit);
	tally_add(run->balances, key, 4, first + 2, credit);
}

void run_add_balances(struct run *run, enum ledger_side side, const struct view *view,
                      const struct document *document)
{
	const struct ledger_balance *balances = NULL;
	int count = project_balances(&run->projector, view, document, &balances);
	char period[16];
	struct span key[4];
	for (int i = 0; i < count; i++) {
		key_of(view->entity, balances[i].account, view->currency, view->period, period, key);
		add_side(run, key, side, balances[i].lines, balances[i].debit, balances[i].credit);
	}
}

void run_add_contributions(struct run *run, enum ledger_side side, struct span subjects, bool explained)
{
	struct span rest = subjects;
	struct span identity;
	struct span subject;
	while (run_next_name(&rest, &identity, &subject)) {
		struct ledger_document row;
		const struct ledger_balance *balances = NULL;
		char period[16];
		struct span key[4];
		if (!run_load(run, side, identity, subject, &row) || !run_view(run, side, &row))
			return;
		const struct view *view = &run->views[side];
		int count = project_balances(&run->projector, view, &run->documents[side], &balances);
		for (int i = 0; i < count; i++) {
			int64_t moved =
			    balances[i].credit + (is_tax(balances[i].account) ? 0 : balances[i].debit);
			key_of(view->entity, balances[i].account, view->currency, view->period, period, key);
			tally_add(run->balances, key, 4, explained ? BALANCE_EXPLAINED : BALANCE_UNEXPLAINED,
			          side == SIDE_CLOUD ? moved : -moved);
		}
	}
}

/* ---- the ledger's own sums ---- */

struct stored {
	struct run *run;
	bool load; /* else: they are proven */
	int64_t wrong;
};

static bool take_account(void *self, const struct ledger_account *account)
{
	struct stored *stored = self;
	struct run *run = stored->run;
	char period[16];
	struct span key[4];
	if (!run_in_scope(run, account->entity, DOCUMENT_JOURNAL, account->period) &&
	    run->options->scope.types == 0)
		return true;
	key_of(account->entity, account->account, account->currency, account->period, period, key);
	for (int side = 0; side < SIDE_COUNT; side++) {
		int first = side == SIDE_LEGACY ? BALANCE_LEGACY_LINES : BALANCE_CLOUD_LINES;
		if (stored->load)
			add_side(run, key, (enum ledger_side)side, account->lines[side], account->debit[side],
			         account->credit[side]);
		else if (tally_get(run->balances, key, 4, first) != account->lines[side] ||
		         tally_get(run->balances, key, 4, first + 1) != account->debit[side] ||
		         tally_get(run->balances, key, 4, first + 2) != account->credit[side])
			stored->wrong++;
	}
	return true;
}

void run_load_balances(struct run *run)
{
	struct stored stored = {.run = run, .load = !run->full};
	struct err_info info;
	if (run->full && (!run->trusted || !run_is_whole(run)))
		return;
	if (ledger_accounts(run->ledger, take_account, &stored, &info) != ERR_OK)
		run_ledger_failed(run, &info);
	if (stored.wrong > 0)
		run_incomplete(
		    run, "sums-wrong",
		    "%lld sums of the ledger are not what its documents add up to; stop the agent, move the "
		    "ledger away and start again: it is made anew",
		    (long long)stored.wrong);
}

/* ---- rule 2 ---- */

struct check {
	struct run *run;
	struct tally *taxes; /* company, tax code, currency, period: what is not accounted for */
	struct tally *money; /* currency: net, gross of what is open, of all companies */
	bool overflow;
	bool told;
};

static int32_t period_of(struct span text)
{
	int32_t period = 0;
	for (size_t i = 0; i < text.len; i++)
		period = period * 10 + (text.data[i] - '0');
	return period;
}

static void tell_difference(struct check *check, const struct span key[4], const char *what,
                            struct span account, int64_t differ, int64_t found)
{
	struct amount_text apart = run_amount(differ, key[2]);
	check->told = true;
	run_incomplete(
	    check->run, "sums-disagree",
	    "the balances of %s %.*s of %.*s in %s differ by %s %.*s, and the documents that differ "
	    "account for %s: something was not compared; run it again with --full",
	    what, (int)account.len, account.data, (int)key[0].len, key[0].data,
	    run_period(period_of(key[3])).text, apart.text, (int)key[2].len, key[2].data,
	    run_amount(found, key[2]).text);
}

/* Bases of taxes are the lines' nets again, and rates belong to the codes: only the tax of a code is proven. */
static void check_row(void *self, const struct tally_row *row)
{
	struct check *check = self;
	struct run *run = check->run;
	const int64_t *v = row->values;
	bool tax = is_tax(row->parts[1]);
	int64_t legacy = v[BALANCE_LEGACY_CREDIT] + (tax ? 0 : v[BALANCE_LEGACY_DEBIT]);
	int64_t cloud = v[BALANCE_CLOUD_CREDIT] + (tax ? 0 : v[BALANCE_CLOUD_DEBIT]);
	int64_t apart;
	int64_t found;
	if (__builtin_sub_overflow(cloud, legacy, &apart) ||
	    __builtin_add_overflow(v[BALANCE_EXPLAINED], v[BALANCE_UNEXPLAINED], &found)) {
		check->overflow = true;
		return;
	}
	if (check->told || !run_in_scope(run, row->parts[0], DOCUMENT_JOURNAL, period_of(row->parts[3])) ||
	    run->options->scope.types != 0)
		return;
	if (tax) {
		struct span code = {row->parts[1].data + 1, row->parts[1].len - 1};
		const char *mark = memchr(code.data, PROJECT_TAX_MARK, code.len);
		code.len = mark ? (size_t)(mark - code.data) : code.len;
		const struct span key[] = {row->parts[0], code, row->parts[2], row->parts[3]};
		tally_add(check->taxes, key, 4, 0, apart);
		tally_add(check->taxes, key, 4, 1, found);
	} else if (apart != found) {
		tell_difference(check, row->parts, "account", row->parts[1], apart, found);
	}
}

static void check_tax(void *self, const struct tally_row *row)
{
	struct check *check = self;
	if (!check->told && row->values[0] != row->values[1])
		tell_difference(check, row->parts, "tax code", row->parts[1], row->values[0], row->values[1]);
}

static void add_money(void *self, const struct tally_row *row)
{
	struct check *check = self;
	tally_add(check->money, row->parts, 1, 0, row->values[0]);
	tally_add(check->money, row->parts, 1, 1, row->values[1]);
}

void run_check_sums(struct run *run)
{
	struct check check = {.run = run, .taxes = tally_new(2), .money = tally_new(2)};
	tally_visit(run->open_money, add_money, &check);
	tally_visit(run->balances, check_row, &check);
	tally_visit(check.taxes, check_tax, &check);
	const struct tally *const all[] = {
	    run->counts,       run->balances,   run->bridge,    run->side_totals,
	    run->days,         run->entities,   run->water,     run->unexplained,
	    run->ages,         run->histogram,  run->open_days, run->day_values,
	    run->tax_entities, run->open_money, check.taxes,    check.money};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		check.overflow = check.overflow || !tally_ok(all[i]);
	if (check.overflow)
		run_incomplete(run, "sum-overflow", "a sum is over 64 bits, or over %d of them are needed",
		               TALLY_KEYS_MAX);
	tally_free(check.taxes);
	tally_free(check.money);
}

/* ---- writing ---- */

struct writing {
	struct run *run;
	enum err err;
	struct err_info *info;
	bool tax;
};

static void write_side(struct json *json, const char *name, const int64_t *v, struct span currency)
{
	json_object(json, name);
	json_put_text(json, "balance", run_amount(v[1] + v[2], currency).text);
	json_put_text(json, "credit", run_amount(v[2], currency).text);
	json_put_text(json, "debit", run_amount(v[1], currency).text);
	json_put_integer(json, "lines", v[0]);
	json_object_end(json);
}

static void write_balance(struct run *run, const struct tally_row *row)
{
	const int64_t *v = row->values;
	struct span currency = row->parts[2];
	struct json json;
	int64_t difference = v[BALANCE_CLOUD_DEBIT] + v[BALANCE_CLOUD_CREDIT] - v[BALANCE_LEGACY_DEBIT] -
	                     v[BALANCE_LEGACY_CREDIT];
	buf_clear(&run->line);
	json_init(&json, &run->line);
	json_object(&json, NULL);
	json_put_span(&json, "account", row->parts[1]);
	run_put_legacy_accounts(run, &json, row);
	write_side(&json, "cloud", &v[BALANCE_CLOUD_LINES], currency);
	json_put_span(&json, "currency", currency);
	json_put_text(&json, "difference", run_amount(difference, currency).text);
	json_put_span(&json, "entity", row->parts[0]);
	json_put_text(&json, "explained", run_amount(difference - v[BALANCE_UNEXPLAINED], currency).text);
	write_side(&json, "legacy", &v[BALANCE_LEGACY_LINES], currency);
	json_put_text(&json, "period", run_period(period_of(row->parts[3])).text);
	json_put_text(&json, "unexplained", run_amount(v[BALANCE_UNEXPLAINED], currency).text);
	json_object_end(&json);
}

static void write_tax_side(struct json *json, const char *name, const int64_t *v, struct span currency)
{
	json_object(json, name);
	json_put_text(json, "base", run_amount(v[1], currency).text);
	json_put_integer(json, "documents", v[0]);
	json_put_text(json, "tax", run_amount(v[2], currency).text);
	json_object_end(json);
}

static void write_tax(struct run *run, const struct tally_row *row)
{
	const int64_t *v = row->values;
	struct span currency = row->parts[2];
	struct span code = {row->parts[1].data + 1, row->parts[1].len - 1};
	struct span rate = {code.data + code.len, 0};
	const char *mark = memchr(code.data, PROJECT_TAX_MARK, code.len);
	struct json json;
	if (mark) {
		rate = (struct span){mark + 1, (size_t)(code.data + code.len - mark - 1)};
		code.len = (size_t)(mark - code.data);
	}
	buf_clear(&run->line);
	json_init(&json, &run->line);
	json_object(&json, NULL);
	write_tax_side(&json, "cloud", &v[BALANCE_CLOUD_LINES], currency);
	json_put_span(&json, "code", code);
	json_put_span(&json, "currency", currency);
	json_put_text(&json, "difference",
	              run_amount(v[BALANCE_CLOUD_CREDIT] - v[BALANCE_LEGACY_CREDIT], currency).text);
	json_put_span(&json, "entity", row->parts[0]);
	write_tax_side(&json, "legacy", &v[BALANCE_LEGACY_LINES], currency);
	json_put_text(&json, "period", run_period(period_of(row->parts[3])).text);
	json_put_span(&json, "rate", rate);
	json_object_end(&json);
}

static void write_row(void *self, const struct tally_row *row)
{
	struct writing *writing = self;
	struct run *run = writing->run;
	bool tax = is_tax(row->parts[1]);
	bool nothing = true;
	for (int i = 0; i <= BALANCE_CLOUD_CREDIT && nothing; i++)
		nothing = row->values[i] == 0;
	if (writing->err != ERR_OK || tax != writing->tax || nothing ||
	    !run_in_scope(run, row->parts[0], DOCUMENT_JOURNAL, period_of(row->parts[3])))
		return;
	if (tax)
		write_tax(run, row);
	else
		write_balance(run, row);
	writing->err = run_line(run, tax ? RUN_FILE_TAX : RUN_FILE_BALANCES, writing->info);
}

enum err run_write_balances(struct run *run, struct err_info *info)
{
	struct writing writing = {.run = run, .info = info};
	tally_visit(run->balances, write_row, &writing);
	return writing.err;
}

enum err run_write_tax(struct run *run, struct err_info *info)
{
	struct writing writing = {.run = run, .info = info, .tax = true};
	tally_visit(run->balances, write_row, &writing);
	return writing.err;
}
