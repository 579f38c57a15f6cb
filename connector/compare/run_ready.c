/*
 * run_ready.c - is a company ready for its cut-over: clean days, coverage, confidence, and what was never exercised.
 *
 * Why:   "no differences" is no reason to switch off a system whose year's end was never seen.
 * Owns:  nothing.
 * Rules: 1. Ready: the run is complete, enough clean days in a row, open documents and unexplained value within the
 *           thresholds, no window of usage open. The last day of an open window is not clean.
 *        2. What was never exercised is named as untested; it does not make a company unready by itself: people decide.
 *        3. Clean days count from the first day of the first period that was compared, or from the last day with
 *           something open.
 * Faults: none.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/compare/confidence.h"
#include "connector/compare/run_internal.h"

#define DAY_NS           (INT64_C(86400) * NS_PER_S)
#define CONFIDENCE_LEVEL 95

/* "0.0926": a part of a whole, rounded to the nearest; 0 of nothing is 0. */
void run_put_share(struct json *json, const char *key, int64_t part, int64_t whole)
{
	char text[32];
	int64_t share = whole > 0 ? (int64_t)(((double)part * 10000.0) / (double)whole + 0.5) : 0;
	(void)snprintf(text, sizeof text, "%" PRId64 ".%04" PRId64, share / 10000, share % 10000);
	json_put_text(json, key, text);
}

static void put_ppm(struct json *json, const char *key, int64_t ppm)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%" PRId64 ".%06" PRId64, ppm / 1000000, ppm % 1000000);
	json_put_text(json, key, text);
}

int run_number(struct span text)
{
	int value = 0;
	for (size_t i = 0; i < text.len; i++)
		value = value * 10 + (text.data[i] - '0');
	return value;
}

enum stratum {
	STRATUM_TYPES = DOCUMENT_TYPE_COUNT,
	STRATUM_FOREIGN = STRATUM_TYPES,
	STRATUM_MONTH_END,
	STRATUM_YEAR_END,
	STRATUM_COUNT
};

static const char *stratum_name(int stratum)
{
	static const char *const names[STRATUM_COUNT] = {
	    "journals", "invoices",          "credit memos",  "payments",    "customers",
	    "usage",    "a second currency", "a month's end", "a year's end"};
	return names[stratum];
}

struct strata {
	struct span entity; /* empty: all */
	int64_t compared[STRATUM_COUNT];
	struct span currency; /* the first one seen */
	int first, last;      /* periods; 0: none */
	int64_t matched, wrong, documents;
};

static void add_stratum(void *self, const struct tally_row *row)
{
	struct strata *strata = self;
	if (strata->entity.len > 0 && !span_equal(strata->entity, row->parts[0]))
		return;
	int type = run_number(row->parts[1]);
	int period = run_number(row->parts[2]);
	int64_t documents = 0;
	for (int i = 0; i < RUN_STATUS_COUNT; i++)
		documents += row->values[i];
	int64_t paired = row->values[RUN_MATCHED] + row->values[RUN_WITHIN_TOLERANCE] +
	                 row->values[RUN_DIFFERENT] + row->values[RUN_ACCEPTED];
	int64_t wrong = 0;
	for (int i = RUN_DIFFERENT; i <= RUN_AMBIGUOUS; i++)
		wrong += i == RUN_WAITING_CLOUD || i == RUN_WAITING_LEGACY ? 0 : row->values[i];
	strata->documents += documents;
	strata->matched += paired;
	strata->wrong += wrong;
	strata->compared[type] += paired;
	if (row->parts[3].len > 0) {
		if (strata->currency.len == 0)
			strata->currency = row->parts[3];
		else if (!span_equal(strata->currency, row->parts[3]))
			strata->compared[STRATUM_FOREIGN] += paired;
	}
	if (period > 0 && (strata->first == 0 || period < strata->first))
		strata->first = period;
	if (period > strata->last)
		strata->last = period;
	if (period % 100 >= 12)
		strata->compared[STRATUM_YEAR_END] += paired;
	strata->compared[STRATUM_MONTH_END] = strata->last > strata->first ? strata->matched : 0;
}

void run_put_coverage(struct run *run, struct json *json)
{
	struct strata strata = {.first = 0};
	tally_visit(run->counts, add_stratum, &strata);
	json_object(json, "coverage");
	json_list(json, "strata");
	for (int i = 0; i < STRATUM_COUNT; i++) {
		json_object(json, NULL);
		json_put_integer(json, "cloud", strata.compared[i]);
		json_put_integer(json, "legacy", strata.compared[i]);
		json_put_text(json, "name", stratum_name(i));
		json_object_end(json);
	}
	json_list_end(json);
	json_object_end(json);
}

struct clean {
	struct span entity;
	date_days last_open; /* INT32_MIN: none */
};

static void note_open_day(void *self, const struct tally_row *row)
{
	struct clean *clean = self;
	date_days date = 0;
	if (span_equal(row->parts[0], clean->entity) && date_parse(&date, row->parts[1]) == ERR_OK &&
	    date > clean->last_open)
		clean->last_open = date;
}

/* Days in a row up to the cut on which nothing that was posted is open. */
static int clean_days(struct run *run, struct span entity, int first_period)
{
	struct clean clean = {.entity = entity, .last_open = INT32_MIN};
	date_days start = 0;
	date_days cut = (date_days)(run->options->at_ns / DAY_NS);
	int month = first_period % 100 > 12 ? 12 : first_period % 100;
	if (first_period == 0 || date_from_civil(&start, first_period / 100, month, 1) != ERR_OK)
		return 0;
	tally_visit(run->open_days, note_open_day, &clean);
	date_days after = clean.last_open == INT32_MIN ? start - 1 : clean.last_open;
	return cut > after ? (int)(cut - after) : 0;
}

struct value_list {
	struct run *run;
	struct json *json; /* NULL: only looked for what is over the threshold */
	struct span entity;
	bool over;
};

static void put_unexplained(void *self, const struct tally_row *row)
{
	struct value_list *list = self;
	if (!span_equal(row->parts[0], list->entity) || row->parts[1].len == 0)
		return;
	struct amount_text value = run_amount(row->values[0], row->parts[1]);
	struct decimal amount;
	if (decimal_parse(&amount, span_of(value.text)) == ERR_OK &&
	    decimal_compare(amount, list->run->options->threshold_value) > 0)
		list->over = true;
	if (!list->json)
		return;
	json_object(list->json, NULL);
	json_put_span(list->json, "currency", row->parts[1]);
	json_put_text(list->json, "value", value.text);
	json_object_end(list->json);
}

struct lacks {
	int days; /* clean ones */
	bool over, shared;
	int64_t usage; /* windows that are open */
};

static void put_why(struct json *json, struct run *run, const struct strata *strata,
                    const struct lacks *lacks)
{
	char text[200];
	int days = lacks->days;
	json_list(json, "why");
	if (run->reason_count > 0)
		json_put_text(json, NULL, "the comparison is incomplete");
	if (days < run->options->clean_days_needed) {
		(void)snprintf(text, sizeof text, "%d clean day%s in a row, %d are needed", days,
		               days == 1 ? "" : "s", run->options->clean_days_needed);
		json_put_text(json, NULL, text);
	}
	if (lacks->shared) {
		(void)snprintf(text, sizeof text,
		               "%" PRId64 " of %" PRId64 " documents are open, over the threshold",
		               strata->wrong, strata->documents);
		json_put_text(json, NULL, text);
	}
	if (lacks->over)
		json_put_text(json, NULL, "the unexplained value is over the threshold");
	if (lacks->usage > 0) {
		(void)snprintf(text, sizeof text, "%" PRId64 " window%s of usage %s not agree three ways",
		               lacks->usage, lacks->usage == 1 ? "" : "s", lacks->usage == 1 ? "does" : "do");
		json_put_text(json, NULL, text);
	}
	json_list_end(json);
}

struct readiness {
	struct run *run;
	struct json *json;
};

static void put_ready(void *self, const struct tally_row *row)
{
	struct readiness *readiness = self;
	struct run *run = readiness->run;
	struct json *json = readiness->json;
	struct strata strata = {.entity = row->parts[0]};
	struct value_list values = {.run = run, .entity = row->parts[0]};
	struct decimal share;
	tally_visit(run->counts, add_stratum, &strata);
	tally_visit(run->unexplained, put_unexplained, &values);
	struct lacks lacks = {.days = clean_days(run, row->parts[0], strata.first),
	                      .over = values.over,
	                      .usage = tally_get(run->usage_open, &row->parts[0], 1, 0)};
	/* wrong / documents > threshold, without a division */
	lacks.shared = decimal_multiply(&share, run->options->threshold_share,
	                                (struct decimal){strata.documents, 0}) != ERR_OK ||
	               decimal_compare((struct decimal){strata.wrong, 0}, share) > 0;
	bool ready = run->reason_count == 0 && lacks.days >= run->options->clean_days_needed &&
	             !lacks.shared && !lacks.over && lacks.usage == 0 && strata.matched > 0;
	json_object(json, NULL);
	json_put_integer(json, "clean_days", lacks.days);
	json_object(json, "confidence");
	put_ppm(json, "bound",
	        confidence_bound_ppm(strata.matched + strata.wrong,
	                             strata.wrong < strata.matched + strata.wrong
	                                 ? strata.wrong
	                                 : strata.matched + strata.wrong,
	                             CONFIDENCE_LEVEL));
	json_put_integer(json, "documents", strata.matched + strata.wrong);
	json_put_text(json, "level", "0.95");
	json_object_end(json);
	run_put_share(json, "coverage", strata.matched, strata.documents);
	json_put_span(json, "entity", row->parts[0]);
	json_put_integer(json, "needed_days", run->options->clean_days_needed);
	json_put_text(json, "phase",
	              run->options->phase_of ? run->options->phase_of(run->options->self, row->parts[0])
	                                     : "parallel");
	json_put_boolean(json, "ready", ready);
	values.json = json;
	json_list(json, "unexplained");
	tally_visit(run->unexplained, put_unexplained, &values);
	json_list_end(json);
	json_list(json, "untested");
	for (int i = 0; i < STRATUM_COUNT; i++) {
		if (strata.compared[i] == 0)
			json_put_text(json, NULL, stratum_name(i));
	}
	json_list_end(json);
	put_why(json, run, &strata, &lacks);
	json_object_end(json);
}

void run_put_readiness(struct run *run, struct json *json)
{
	struct readiness readiness = {run, json};
	json_list(json, "readiness");
	tally_visit(run->entities, put_ready, &readiness);
	json_list_end(json);
}
