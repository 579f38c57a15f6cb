/*
 * report_figures.c - what a report shows, gathered and tried against itself.
 *
 * Why:   see report_figures.h.
 * Owns:  see report_figures.h.
 * Rules: see report_figures.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_words.h"

#define ROWS_TAX_MAX   500
#define DIGITS_15_OVER INT64_C(1000000000000000)

static void doubt(struct figures *figures, const char *format, ...) PRINTF_LIKE(2, 3);
static void doubt(struct figures *figures, const char *format, ...)
{
	figures->doubt_total++;
	if (figures->doubt_count == FIGURES_DOUBTS_MAX)
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(figures->doubts[figures->doubt_count++], FIGURES_DOUBT_SIZE, format, args);
	va_end(args);
}

const char *member_text_of(const cJSON *object, const char *outer, const char *inner)
{
	return member_text(member(object, outer), inner);
}

bool figures_is_accepted(const cJSON *difference)
{
	return strcmp(member_text(difference, "state"), "accepted") == 0;
}

bool figures_is_closed(const cJSON *difference)
{
	const char *state = member_text(difference, "state");
	return strcmp(state, "fixed_by_booking") == 0 || strcmp(state, "auto_resolved") == 0;
}

static bool usage_agrees(const cJSON *line)
{
	return strcmp(member_text(line, "class"), "agree") == 0;
}

bool figures_usage_accepted(const cJSON *line)
{
	return !usage_agrees(line) && !cJSON_IsTrue(member(line, "waiting")) && figures_is_accepted(line) &&
	       member_text_of(line, "accepted", "by")[0] && member_text_of(line, "accepted", "at")[0] &&
	       member_text_of(line, "accepted", "reason")[0];
}

/* ---- sums ---- */

static struct decimal absolute(struct decimal value)
{
	struct decimal positive = value;
	if (decimal_sign(value) < 0 && decimal_negate(&positive, value) != ERR_OK)
		positive.units = INT64_MAX;
	return positive;
}

static void add(struct figures *figures, struct decimal *sum, struct decimal value)
{
	if (decimal_add(sum, *sum, value) != ERR_OK)
		figures->overflow = true;
}

static void look_at_size(struct figures *figures, struct decimal amount)
{
	figures->has_large =
	    figures->has_large || amount.units >= DIGITS_15_OVER || amount.units <= -DIGITS_15_OVER;
}

static enum err amount_of(struct figures *figures, enum result_table table, const struct result_line *line,
                          const char *text, struct decimal *amount, struct err_info *info)
{
	if (decimal_parse(amount, span_of(text)) == ERR_OK) {
		look_at_size(figures, *amount);
		return ERR_OK;
	}
	struct buf shown;
	buf_init(&shown, ERR_TEXT_MAX);
	words_text(text, 40, &shown);
	enum err err = err_set(
	    info, ERR_CORRUPT,
	    "%s/%s.ndjson:%lld: \"%s\" is no amount; make the comparison again: twinpost compare run",
	    figures->result->folder, result_table_name(table), (long long)line->number, buf_cstr(&shown));
	buf_release(&shown);
	return err;
}

static struct figures_sum *sum_of(struct figures *figures, const char *currency)
{
	for (size_t i = 0; i < figures->sum_count; i++) {
		if (strcmp(figures->sums[i].currency, currency) == 0)
			return &figures->sums[i];
	}
	if (figures->sum_count == PICKS_CURRENCIES_MAX)
		return NULL;
	struct figures_sum *sum = &figures->sums[figures->sum_count++];
	(void)snprintf(sum->currency, sizeof sum->currency, "%s", currency);
	return sum;
}

/* ---- the tables ---- */

static enum err take_difference(void *self, const struct result_line *line, struct err_info *info)
{
	struct figures *figures = self;
	const char *currency = member_text(line->object, "currency");
	struct decimal gross;
	struct decimal net;
	enum err err =
	    amount_of(figures, RESULT_DIFFERENCES, line, member_text(line->object, "gross"), &gross, info);
	if (err == ERR_OK)
		err = amount_of(figures, RESULT_DIFFERENCES, line, member_text(line->object, "net"), &net,
		                info);
	for (int side = 0; side < 2 && err == ERR_OK; side++) {
		struct decimal total;
		const char *text = member_text_of(line->object, side == 0 ? "legacy" : "cloud", "total");
		if (text[0])
			err = amount_of(figures, RESULT_DIFFERENCES, line, text, &total, info);
	}
	if (err != ERR_OK)
		return err;
	figures->differences++;
	gross = absolute(gross);
	if (figures_is_closed(line->object)) {
		figures->closed_count++;
	} else if (figures_is_accepted(line->object)) {
		figures->accepted_count++;
		picks_offer(&figures->accepted, currency, gross, absolute(net), line->number, line->text);
	} else {
		figures->open_count++;
		figures->pending_count += words_waits(member_text(line->object, "status"));
		picks_offer(&figures->open, currency, gross, absolute(net), line->number, line->text);
		struct figures_sum *sum = sum_of(figures, currency);
		if (sum) {
			add(figures, &sum->gross, gross);
			add(figures, &sum->net, net);
		}
	}
	return ERR_OK;
}

static struct figures_group *group_of(struct figures *figures, const char *entity, const char *currency)
{
	/* Lines are in the order of entity first: the last group is nearly always the one. */
	for (size_t i = figures->group_count; i-- > 0;) {
		if (strcmp(figures->groups[i].entity, entity) == 0 &&
		    strcmp(figures->groups[i].currency, currency) == 0)
			return &figures->groups[i];
	}
	if (figures->group_count == FIGURES_GROUPS_MAX || strlen(entity) >= FIGURES_ENTITY_SIZE ||
	    strlen(currency) >= PICKS_CURRENCY_SIZE)
		return NULL;
	figures->groups = mem_grow(figures->groups, (figures->group_count + 1) * sizeof *figures->groups);
	struct figures_group *group = &figures->groups[figures->group_count++];
	*group = (struct figures_group){0};
	(void)snprintf(group->entity, sizeof group->entity, "%s", entity);
	(void)snprintf(group->currency, sizeof group->currency, "%s", currency);
	return group;
}

enum {
	LEGACY_DEBIT,
	LEGACY_CREDIT,
	LEGACY_BALANCE,
	CLOUD_DEBIT,
	CLOUD_CREDIT,
	CLOUD_BALANCE,
	DIFFERENCE,
	EXPLAINED,
	UNEXPLAINED,
	BALANCE_AMOUNTS
};

static void add_to_group(struct figures *figures, const cJSON *line,
                         const struct decimal amounts[BALANCE_AMOUNTS])
{
	struct figures_group *group =
	    group_of(figures, member_text(line, "entity"), member_text(line, "currency"));
	if (!group) {
		figures->groups_left_out++;
		return;
	}
	group->accounts++;
	group->differing += decimal_sign(amounts[DIFFERENCE]) != 0;
	add(figures, &group->legacy_debit, amounts[LEGACY_DEBIT]);
	add(figures, &group->legacy_credit, amounts[LEGACY_CREDIT]);
	add(figures, &group->cloud_debit, amounts[CLOUD_DEBIT]);
	add(figures, &group->cloud_credit, amounts[CLOUD_CREDIT]);
	add(figures, &group->difference, absolute(amounts[DIFFERENCE]));
	add(figures, &group->explained, absolute(amounts[EXPLAINED]));
	add(figures, &group->unexplained, absolute(amounts[UNEXPLAINED]));
}

static enum err take_balance(void *self, const struct result_line *line, struct err_info *info)
{
	struct figures *figures = self;
	const cJSON *object = line->object;
	const char *texts[BALANCE_AMOUNTS] = {
	    member_text_of(object, "legacy", "debit"),   member_text_of(object, "legacy", "credit"),
	    member_text_of(object, "legacy", "balance"), member_text_of(object, "cloud", "debit"),
	    member_text_of(object, "cloud", "credit"),   member_text_of(object, "cloud", "balance"),
	    member_text(object, "difference"),           member_text(object, "explained"),
	    member_text(object, "unexplained")};
	struct decimal amounts[BALANCE_AMOUNTS];
	for (int i = 0; i < BALANCE_AMOUNTS; i++) {
		enum err err = amount_of(figures, RESULT_BALANCES, line, texts[i], &amounts[i], info);
		if (err != ERR_OK)
			return err;
	}
	struct decimal by_sides;
	struct decimal by_parts;
	if (decimal_subtract(&by_sides, amounts[CLOUD_BALANCE], amounts[LEGACY_BALANCE]) != ERR_OK ||
	    decimal_add(&by_parts, amounts[EXPLAINED], amounts[UNEXPLAINED]) != ERR_OK)
		figures->overflow = true;
	else if (decimal_compare(by_sides, amounts[DIFFERENCE]) != 0 ||
	         decimal_compare(by_parts, amounts[DIFFERENCE]) != 0)
		doubt(figures, "Line %lld of the trial balance does not add up.", (long long)line->number);
	add_to_group(figures, object, amounts);
	picks_offer(&figures->balances, member_text(object, "currency"), absolute(amounts[UNEXPLAINED]),
	            absolute(amounts[DIFFERENCE]), line->number, line->text);
	return ERR_OK;
}

static enum err take_tax(void *self, const struct result_line *line, struct err_info *info)
{
	struct figures *figures = self;
	const char *texts[] = {
	    member_text(line->object, "difference"),       member_text_of(line->object, "legacy", "tax"),
	    member_text_of(line->object, "cloud", "tax"),  member_text_of(line->object, "legacy", "base"),
	    member_text_of(line->object, "cloud", "base"), member_text(line->object, "rate")};
	struct decimal amounts[sizeof texts / sizeof texts[0]];
	/* The rate, the last, is empty where the documents name none. */
	size_t count = sizeof texts / sizeof texts[0] - (member_text(line->object, "rate")[0] == 0);
	for (size_t i = 0; i < count; i++) {
		enum err err = amount_of(figures, RESULT_TAX, line, texts[i], &amounts[i], info);
		if (err != ERR_OK)
			return err;
	}
	picks_offer(&figures->tax, member_text(line->object, "currency"), absolute(amounts[0]),
	            absolute(amounts[1]), line->number, line->text);
	return ERR_OK;
}

/* Usage is no money: all rows are of one "currency" without a name. */
static enum err take_usage(void *self, const struct result_line *line, struct err_info *info)
{
	static const char *const places[] = {"source", "billing", "erp"};
	struct figures *figures = self;
	bool agrees = usage_agrees(line->object);
	bool waiting = cJSON_IsTrue(member(line->object, "waiting"));
	bool accepted = figures_usage_accepted(line->object);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct decimal quantity;
		if (cJSON_IsNull(member(line->object, places[i])))
			continue;
		enum err err = amount_of(figures, RESULT_USAGE, line, member_text(line->object, places[i]),
		                         &quantity, info);
		if (err != ERR_OK)
			return err;
	}
	figures->usage_broken += !agrees && !waiting && !accepted;
	figures->usage_waiting += !agrees && waiting;
	figures->usage_accepted += accepted;
	picks_offer(&figures->usage, "",
	            (struct decimal){agrees     ? 0
	                             : waiting  ? 1
	                             : accepted ? 2
	                                        : 3,
	                             0},
	            (struct decimal){0, 0}, line->number, line->text);
	return ERR_OK;
}

static enum err take_document(void *self, const struct result_line *line, struct err_info *info)
{
	struct figures *figures = self;
	(void)info;
	figures->documents[strcmp(member_text(line->object, "side"), "cloud") == 0]++;
	return ERR_OK;
}

/* ---- rules between the figures ---- */

static const char *const fates[] = {"extracted", "excluded",           "held", "in_transit", "rejected",
                                    "booked",    "accepted_not_booked"};
#define FATE_COUNT (sizeof fates / sizeof fates[0])

/* What is excluded or held is not in the ledger; every other document of the ERP is listed, or proven by its cell. */
static void check_listed(struct figures *figures, const cJSON *row)
{
	int64_t told =
	    member_integer(row, "extracted") - member_integer(row, "excluded") - member_integer(row, "held");
	if (told != figures->documents[0])
		doubt(figures, "%lld documents of the ERP were compared, %lld are listed.", (long long)told,
		      (long long)figures->documents[0]);
}

/* Each row adds up, and the row of all companies is the sum of the others. */
static void check_waterfall(struct figures *figures)
{
	int64_t whole[FATE_COUNT] = {0};
	int64_t parts[FATE_COUNT] = {0};
	bool has_whole = false;
	bool has_parts = false;
	const cJSON *row;
	cJSON_ArrayForEach(row, member(figures->run, "waterfall"))
	{
		bool is_part = member_text(row, "entity")[0] != 0;
		int64_t sum = 0;
		for (size_t i = 0; i < FATE_COUNT; i++) {
			int64_t count = member_integer(row, fates[i]);
			*(is_part ? &parts[i] : &whole[i]) += count;
			sum += i > 0 ? count : 0;
		}
		if (!is_part)
			check_listed(figures, row);
		has_whole = has_whole || !is_part;
		has_parts = has_parts || is_part;
		if (sum != member_integer(row, "extracted"))
			doubt(figures,
			      "Of %lld documents read from the ERP (company %.20s), %lld are accounted for.",
			      (long long)member_integer(row, "extracted"),
			      is_part ? member_text(row, "entity") : "all", (long long)sum);
	}
	if (!has_whole)
		doubt(figures, "It does not say what became of all documents that were read from the ERP.");
	for (size_t i = 0; i < FATE_COUNT && has_whole && has_parts; i++) {
		if (whole[i] != parts[i])
			doubt(figures, "The companies' documents (%s) add up to %lld, not to %lld.", fates[i],
			      (long long)parts[i], (long long)whole[i]);
	}
}

static void check_bridge(struct figures *figures, const cJSON *bridge)
{
	const cJSON *step;
	struct decimal sum = {0, 0};
	struct decimal value;
	struct decimal residual;
	bool good = decimal_parse(&residual, span_of(member_text(bridge, "residual"))) == ERR_OK &&
	            decimal_sign(residual) == 0;
	cJSON_ArrayForEach(step, member(bridge, "steps"))
	{
		good = good && decimal_parse(&value, span_of(member_text(step, "value"))) == ERR_OK;
		if (!good)
			break;
		look_at_size(figures, value);
		if (step->next)
			add(figures, &sum, value);
		else
			good = decimal_compare(sum, value) == 0;
	}
	if (!good)
		doubt(figures, "The bridge from the ERP to the cloud in %.8s does not add up.",
		      member_text(bridge, "currency"));
}

const char *figures_total(const struct figures *figures, const char *which, const char *currency)
{
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(member(figures->run, "totals"), which))
	{
		if (strcmp(member_text(entry, "currency"), currency) == 0)
			return member_text(entry, "difference");
	}
	return NULL;
}

/* An absent total is one of zero. */
static void check_sum(struct figures *figures, const struct figures_sum *sum, const char *which,
                      struct decimal value)
{
	struct decimal told = {0, 0};
	const char *text = figures_total(figures, which, sum->currency);
	if ((text && decimal_parse(&told, span_of(text)) != ERR_OK) || decimal_compare(told, value) != 0)
		doubt(figures,
		      "The %s difference in %s is told as %.30s, but the differences add up to another sum.",
		      which, sum->currency, text ? text : "nothing");
}

static void check_totals(struct figures *figures)
{
	int64_t told = member_integer(member(figures->run, "totals"), "open");
	if (told != figures->open_count)
		doubt(figures, "%lld open items are told, %lld are listed.", (long long)told,
		      (long long)figures->open_count);
	told = member_integer(member(figures->run, "accepted"), "count");
	if (told != figures->accepted_count)
		doubt(figures, "%lld accepted differences are told, %lld are listed.", (long long)told,
		      (long long)figures->accepted_count);
	for (size_t i = 0; i < figures->sum_count; i++) {
		check_sum(figures, &figures->sums[i], "gross", figures->sums[i].gross);
		check_sum(figures, &figures->sums[i], "net", figures->sums[i].net);
	}
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(member(figures->run, "totals"), "gross"))
	{
		/* One that nothing was listed of. */
		size_t before = figures->sum_count;
		const struct figures_sum *sum = sum_of(figures, member_text(entry, "currency"));
		if (sum && figures->sum_count > before)
			check_sum(figures, sum, "gross", sum->gross);
	}
}

/* Comparisons of before told neither what is open nor what was accepted. */
static void check_usage(struct figures *figures)
{
	const cJSON *usage = member(figures->run, "usage");
	const struct {
		const char *name, *what;
		int64_t listed;
	} told[] = {{"rows", "windows of usage", figures->usage.seen},
	            {"open", "open windows of usage", figures->usage_broken},
	            {"accepted", "accepted windows of usage", figures->usage_accepted},
	            {"waiting", "windows of usage that are not yet due", figures->usage_waiting}};
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		int64_t count = member_integer(usage, told[i].name);
		if (count != told[i].listed && (i == 0 || member(usage, told[i].name)))
			doubt(figures, "%lld %s are told, %lld are listed.", (long long)count, told[i].what,
			      (long long)told[i].listed);
	}
}

static void check_verdict(struct figures *figures)
{
	static const char *const known[] = {"incomplete", "breaks", "reconciled_with_warnings",
	                                    "reconciled_with_pending", "reconciled"};
	const char *verdict = member_text_of(figures->run, "verdict", "name");
	const cJSON *canaries = member(figures->run, "canaries");
	size_t rung = 0;
	while (rung < sizeof known / sizeof known[0] && strcmp(known[rung], verdict) != 0)
		rung++;
	bool pending = rung == 2 || rung == 3;
	if (rung == sizeof known / sizeof known[0])
		doubt(figures, "It ends with no verdict that is known.");
	else if (rung >= 2 && figures->open_count > (pending ? figures->pending_count : 0))
		doubt(figures, "The verdict is \"%s\", but %lld items are open.", words_verdict(verdict),
		      (long long)(figures->open_count - (pending ? figures->pending_count : 0)));
	if (rung > 0 && cJSON_GetArraySize(member(figures->run, "incomplete")) > 0)
		doubt(figures, "The verdict is \"%s\", but parts were not compared.", words_verdict(verdict));
	if (rung >= 2 && figures->usage_broken > 0)
		doubt(figures, "The verdict is \"%s\", but %lld windows of usage do not agree.",
		      words_verdict(verdict), (long long)figures->usage_broken);
	if (rung >= 3 && rung <= 4 && figures->accepted_count > 0)
		doubt(figures, "The verdict is \"%s\", but %lld differences were accepted.",
		      words_verdict(verdict), (long long)figures->accepted_count);
	if (rung >= 3 && rung <= 4 && figures->usage_accepted > 0)
		doubt(figures,
		      "The verdict is \"%s\", but %lld windows of usage do not agree and were accepted.",
		      words_verdict(verdict), (long long)figures->usage_accepted);
	int64_t planted = member_integer(canaries, "planted");
	int64_t found = member_integer(canaries, "found");
	if (planted == 0)
		doubt(
		    figures,
		    "No known difference was planted: that the comparison finds differences was not tried.");
	else if (found != planted)
		doubt(figures, "Of %lld differences that were planted as a trial, %lld were found.",
		      (long long)planted, (long long)found);
	figures->verdict =
	    figures->doubt_total > 0 || rung == sizeof known / sizeof known[0] ? "incomplete" : verdict;
}

static enum err read_tables(struct figures *figures, struct err_info *info)
{
	enum err err = result_visit(figures->result, RESULT_DIFFERENCES, take_difference, figures, info);
	if (err == ERR_OK)
		err = result_visit(figures->result, RESULT_BALANCES, take_balance, figures, info);
	if (err == ERR_OK)
		err = result_visit(figures->result, RESULT_TAX, take_tax, figures, info);
	if (err == ERR_OK)
		err = result_visit(figures->result, RESULT_USAGE, take_usage, figures, info);
	if (err == ERR_OK)
		err = result_visit(figures->result, RESULT_DOCUMENTS, take_document, figures, info);
	return err;
}

enum err figures_gather(struct figures *figures, const struct result *result,
                        const struct report_limits *limits, struct err_info *info)
{
	*figures = (struct figures){.result = result, .run = result->run};
	size_t rows = (size_t)limits->html_rows;
	picks_init(&figures->open, rows);
	picks_init(&figures->accepted, rows);
	picks_init(&figures->balances, rows);
	picks_init(&figures->tax, ROWS_TAX_MAX);
	picks_init(&figures->usage, rows);
	enum err err = read_tables(figures, info);
	if (err != ERR_OK)
		return err;
	picks_finish(&figures->open);
	picks_finish(&figures->accepted);
	picks_finish(&figures->balances);
	picks_finish(&figures->tax);
	picks_in_order(&figures->tax);
	picks_finish(&figures->usage);
	if (figures->balances.seen <= limits->html_rows)
		picks_in_order(&figures->balances);
	/* What fingerprints prove equal is not listed, and is as many on either side. */
	int64_t skipped = member_integer(member(figures->run, "fingerprints"), "documents_skipped");
	figures->documents[0] += skipped;
	figures->documents[1] += skipped;
	check_waterfall(figures);
	const cJSON *bridge;
	cJSON_ArrayForEach(bridge, member(figures->run, "bridge")) check_bridge(figures, bridge);
	check_totals(figures);
	check_usage(figures);
	if (figures->overflow)
		doubt(figures, "Sums are larger than 64 bits hold.");
	check_verdict(figures);
	return ERR_OK;
}

void figures_release(struct figures *figures)
{
	picks_release(&figures->open);
	picks_release(&figures->accepted);
	picks_release(&figures->balances);
	picks_release(&figures->tax);
	picks_release(&figures->usage);
	free(figures->groups);
	*figures = (struct figures){0};
}
