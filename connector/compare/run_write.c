/*
 * run_write.c - run.json: the verdict, and everything that is told in one figure.
 *
 * Why:   reports, packs and the cloud are made from this file alone.
 * Owns:  nothing.
 * Rules: 1. Keys sorted, no clock but the cut's, amounts as decimal strings: docs/compare/result.md.
 *        2. The verdict is derived here and nowhere else. It is green only if nothing was missing, nothing is open, and
 *           every document of the legacy side stands in exactly one class of the waterfall.
 * Faults: those of the sink.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, run_edges_test.c, tests/integration/test_compare_planted.py, test_compare_property.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

struct rows {
	struct run *run;
	struct json *json;
	struct span last; /* the key that is being written */
	int64_t a, b, c;  /* added up along the way */
	struct span entity;
};

/* ---- lists of one tally each ---- */

static void put_age(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	json_object(rows->json, NULL);
	json_put_span(rows->json, "bucket", row->parts[0]);
	json_put_integer(rows->json, "count", row->values[0]);
	json_object_end(rows->json);
}

static void put_ages(struct run *run, struct json *json)
{
	struct rows rows = {.run = run, .json = json};
	static const char *const buckets[] = {"0-1 days", "2-7 days", "8-30 days", "over 30 days"};
	for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
		const struct span key = span_of(buckets[i]);
		tally_add(run->ages, &key, 1, 0, 0);
	}
	json_list(json, "ages");
	tally_visit(run->ages, put_age, &rows);
	json_list_end(json);
}

static void put_step(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	if (!span_equal(row->parts[0], rows->last))
		return;
	rows->a += row->values[0];
	json_object(rows->json, NULL);
	json_put_span(rows->json, "name", row->parts[1]);
	json_put_text(rows->json, "value", run_amount(row->values[0], rows->last).text);
	json_object_end(rows->json);
}

/* From the legacy total to the cloud's, cause by cause; what no step accounts for is the residual. */
static void put_bridge(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	struct span currency = row->parts[0];
	struct rows steps = {.run = rows->run, .json = rows->json, .last = currency};
	if (currency.len == 0)
		return;
	json_object(rows->json, NULL);
	json_put_span(rows->json, "currency", currency);
	/* "residual" sorts before "steps": what the steps add up to is looked for first. */
	struct json nothing;
	struct buf scratch;
	buf_init(&scratch, 1u << 20);
	json_init(&nothing, &scratch);
	json_list(&nothing, NULL);
	struct rows adding = {.run = rows->run, .json = &nothing, .last = currency};
	tally_visit(rows->run->bridge, put_step, &adding);
	buf_release(&scratch);
	int64_t residual = row->values[SIDE_CLOUD] - row->values[SIDE_LEGACY] - adding.a;
	if (residual != 0)
		run_incomplete(
		    rows->run, "bridge-residual",
		    "the totals in %.*s differ by %s more than the documents that differ account for",
		    (int)currency.len, currency.data, run_amount(residual, currency).text);
	json_put_text(rows->json, "residual", run_amount(residual, currency).text);
	json_list(rows->json, "steps");
	json_object(rows->json, NULL);
	json_put_text(rows->json, "name", "legacy");
	json_put_text(rows->json, "value", run_amount(row->values[SIDE_LEGACY], currency).text);
	json_object_end(rows->json);
	tally_visit(rows->run->bridge, put_step, &steps);
	json_object(rows->json, NULL);
	json_put_text(rows->json, "name", "cloud");
	json_put_text(rows->json, "value", run_amount(row->values[SIDE_CLOUD], currency).text);
	json_object_end(rows->json);
	json_list_end(rows->json);
	json_object_end(rows->json);
}

static void put_canaries(struct run *run, struct json *json)
{
	int planted = 0;
	int found = 0;
	if (run->canaries)
		canaries_tally(run->canaries, &planted, &found);
	json_object(json, "canaries");
	json_list(json, "classes");
	for (int i = 0; i < planted; i++)
		json_put_text(json, NULL, canaries_name(run->canaries, i));
	json_list_end(json);
	json_put_integer(json, "found", found);
	json_put_integer(json, "planted", planted);
	json_object_end(json);
}

/* Where 64 bits do not hold a sum the run is incomplete (run_sums.c); what is written stops at their end. */
static void add_to_the_end(int64_t *sum, int64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = value < 0 ? -INT64_MAX : INT64_MAX;
}

static void put_causes(struct run *run, struct json *json)
{
	const struct cause_group *groups = NULL;
	int count = cause_groups(run->causes, &groups);
	int64_t all = 0;
	for (int i = 0; i < count; i++)
		all += groups[i].count;
	json_list(json, "causes");
	for (int i = 0; i < count; i++) {
		const struct cause_group *group = &groups[i];
		int64_t gross = 0;
		for (int k = 0; k < count; k++)
			add_to_the_end(
			    &gross, strcmp(groups[k].currency, group->currency) == 0 ? groups[k].gross : 0);
		struct span currency = span_of(group->currency);
		json_object(json, NULL);
		json_put_text(json, "cause", cause_word(group->cause));
		json_put_integer(json, "count", group->count);
		json_put_text(json, "currency", group->currency);
		json_put_text(json, "detail", group->detail);
		json_list(json, "entities");
		json_put_text(json, NULL, group->entity);
		json_list_end(json);
		json_list(json, "examples");
		for (int e = 0; e < group->examples; e++)
			json_put_text(json, NULL, group->example[e]);
		json_list_end(json);
		json_put_text(json, "gross", run_amount(group->gross, currency).text);
		json_put_text(json, "net", run_amount(group->net, currency).text);
		json_put_text(json, "owner", store_owner_name(cause_owner(group->cause)));
		run_put_share(json, "share_count", group->count, all);
		run_put_share(json, "share_value", group->gross, gross);
		json_put_text(json, "text", group->text);
		json_object_end(json);
	}
	json_list_end(json);
}

static void put_statuses(struct json *json, const char *key, const int64_t *values, int from)
{
	/* In the order of their names. */
	static const enum run_status sorted[] = {RUN_ACCEPTED,      RUN_AMBIGUOUS,      RUN_DIFFERENT,
	                                         RUN_DUPLICATE,     RUN_MATCHED,        RUN_WITHIN_TOLERANCE,
	                                         RUN_MISSING_CLOUD, RUN_MISSING_LEGACY, RUN_WAITING_CLOUD,
	                                         RUN_WAITING_LEGACY};
	json_object(json, key);
	for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
		if (values[sorted[i]] != 0 && (int)sorted[i] >= from)
			json_put_integer(json, run_status_name(sorted[i]), values[sorted[i]]);
	}
	json_object_end(json);
}

static void put_count(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	json_object(rows->json, NULL);
	json_put_span(rows->json, "currency", row->parts[3]);
	json_put_text(rows->json, "document_type",
	              document_spec((enum document_type)run_number(row->parts[1]))->name);
	json_put_span(rows->json, "entity", row->parts[0]);
	json_put_text(rows->json, "period", run_period(run_number(row->parts[2])).text);
	put_statuses(rows->json, "statuses", row->values, 0);
	json_object_end(rows->json);
}

static void put_day_value(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	if (!span_equal(row->parts[0], rows->last) || row->parts[1].len == 0)
		return;
	json_object(rows->json, NULL);
	json_put_span(rows->json, "currency", row->parts[1]);
	json_put_text(rows->json, "value", run_amount(row->values[0], row->parts[1]).text);
	json_object_end(rows->json);
}

static void put_day(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	int64_t documents = 0;
	int64_t open = tally_get(rows->run->usage_days, &row->parts[0], 1, 0);
	for (int i = 0; i < RUN_STATUS_COUNT; i++)
		documents += row->values[i];
	for (int i = RUN_DIFFERENT; i <= RUN_AMBIGUOUS; i++)
		open += i == RUN_WAITING_CLOUD || i == RUN_WAITING_LEGACY ? 0 : row->values[i];
	json_object(rows->json, NULL);
	put_statuses(rows->json, "classes", row->values, RUN_WITHIN_TOLERANCE);
	json_put_boolean(rows->json, "clean", open == 0);
	json_put_span(rows->json, "date", row->parts[0]);
	json_put_integer(rows->json, "documents", documents);
	struct rows values = {.run = rows->run, .json = rows->json, .last = row->parts[0]};
	json_list(rows->json, "unexplained");
	tally_visit(rows->run->day_values, put_day_value, &values);
	json_list_end(rows->json);
	json_object_end(rows->json);
}

static void put_bar(void *self, const struct tally_row *row)
{
	struct rows *rows = self;
	json_object(rows->json, NULL);
	json_put_integer(rows->json, "count", row->values[0]);
	json_put_span(rows->json, "currency", row->parts[0]);
	json_put_integer(rows->json, "minor_units", run_number(row->parts[1]) - 500);
	json_object_end(rows->json);
}

static void put_list(struct run *run, struct json *json, const char *key, struct tally *tally,
                     tally_visitor visit)
{
	struct rows rows = {.run = run, .json = json};
	json_list(json, key);
	tally_visit(tally, visit, &rows);
	json_list_end(json);
}

/* ---- the cut ---- */

static bool put_stream(void *self, const char *name, int64_t value)
{
	struct json *json = self;
	/* "stream NAME EPOCH" */
	const char *first = strchr(name, ' ');
	const char *last = strrchr(name, ' ');
	if (!first || last == first)
		return true;
	json_object(json, NULL);
	json_put_integer(json, "epoch", strtoll(last + 1, NULL, 10));
	json_put_span(json, "name", (struct span){first + 1, (size_t)(last - first - 1)});
	json_put_integer(json, "sequence", value);
	json_object_end(json);
	return true;
}

static void put_cut(struct run *run, struct json *json)
{
	struct err_info info;
	json_object(json, "cut");
	json_put_instant(json, "at", run->options->at_ns);
	json_object(json, "cloud");
	json_put_integer(json, "count", ledger_count(run->ledger, SIDE_CLOUD));
	json_put_integer(json, "sequence", ledger_last(run->ledger, SIDE_CLOUD));
	json_object_end(json);
	json_object(json, "legacy");
	json_put_integer(json, "count", ledger_count(run->ledger, SIDE_LEGACY));
	json_put_integer(json, "sequence", ledger_last(run->ledger, SIDE_LEGACY));
	json_list(json, "streams");
	if (ledger_marks(run->ledger, "stream ", put_stream, json, &info) != ERR_OK)
		run_ledger_failed(run, &info);
	json_list_end(json);
	json_object_end(json);
	json_object_end(json);
}

/* ---- rules, scope, policies ---- */

static void put_policies(struct run *run, struct json *json)
{
	json_list(json, "policies");
	for (int i = 0; i < rounding_fits_count(run->fits); i++) {
		struct span entity;
		enum ledger_side side;
		struct rounding_result result;
		rounding_fits_at(run->fits, i, &entity, &side);
		if (!rounding_judge(run->fits, entity, side, CAUSE_ALLOWANCE_PPM, &result) ||
		    result.evidence == 0)
			continue;
		json_object(json, NULL);
		json_put_span(json, "entity", entity);
		json_put_integer(json, "evidence", result.evidence);
		json_put_text(json, "policy", result.policy);
		json_put_text(json, "side", ledger_side_name(side));
		json_put_text(json, "text", result.text);
		json_put_text(json, "verdict",
		              result.verdict == ROUNDING_FITS           ? "fits"
		              : result.verdict == ROUNDING_NONE         ? "none fits"
		              : result.evidence < ROUNDING_EVIDENCE_MIN ? "too few"
		                                                        : "two fit");
		json_object_end(json);
	}
	json_list_end(json);
}

static void put_rules(struct run *run, struct json *json)
{
	json_object(json, "rules");
	json_object(json, "mappings");
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++) {
		if (run->rules && rules_has(run->rules, (enum mapping_kind)kind))
			json_put_integer(json, mapping_kind_name((enum mapping_kind)kind),
			                 rules_count(run->rules, (enum mapping_kind)kind));
	}
	json_object_end(json);
	json_put_integer(json, "tolerances", run->rules ? rules_tolerance_count(run->rules) : 0);
	json_put_text(json, "version", run->rules ? rules_version(run->rules) : RUN_NO_RULES);
	json_object_end(json);
}

static void put_scope(struct run *run, struct json *json)
{
	const struct run_scope *scope = &run->options->scope;
	json_object(json, "scope");
	json_list(json, "entities");
	for (int i = 0; i < scope->entity_count; i++)
		json_put_text(json, NULL, scope->entities[i]);
	json_list_end(json);
	json_put_text(json, "from", run_period(scope->from).text);
	json_put_text(json, "to", run_period(scope->to).text);
	json_list(json, "types");
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		if (scope->types & (1u << type))
			json_put_text(json, NULL, document_spec((enum document_type)type)->name);
	}
	json_list_end(json);
	json_object_end(json);
}

/* ---- totals, waterfall ---- */

struct money_list {
	struct run *run;
	struct json *json;
	int which;
	struct span currency;
	int64_t sum;
	bool any;
};

static void flush_money(struct money_list *list)
{
	if (!list->any || list->currency.len == 0)
		return;
	json_object(list->json, NULL);
	json_put_span(list->json, "currency", list->currency);
	json_put_text(list->json, "difference", run_amount(list->sum, list->currency).text);
	json_object_end(list->json);
}

static void add_money(void *self, const struct tally_row *row)
{
	struct money_list *list = self;
	if (list->any && !span_equal(list->currency, row->parts[0])) {
		flush_money(list);
		list->sum = 0;
	}
	list->any = true;
	list->currency = row->parts[0];
	add_to_the_end(&list->sum, row->values[list->which]);
}

static void put_money(struct run *run, struct json *json, const char *key, int which)
{
	struct money_list list = {.run = run, .json = json, .which = which};
	json_list(json, key);
	tally_visit(run->open_money, add_money, &list);
	flush_money(&list);
	json_list_end(json);
}

/* Documents of a side in the scope; what was voided does not count. */
static int64_t documents_of(const struct run *run, enum ledger_side side)
{
	const struct run_outcome *outcome = run->outcome;
	return run->trusted ? outcome->documents[side]
	                    : outcome->looked_at[side] - outcome->voided[side] - run->sides[side].canary;
}

static void put_totals(struct run *run, struct json *json)
{
	const int64_t *s = run->outcome->statuses;
	json_object(json, "totals");
	json_put_integer(json, "cloud", documents_of(run, SIDE_CLOUD));
	put_money(run, json, "gross", 1);
	json_put_integer(json, "legacy", documents_of(run, SIDE_LEGACY));
	json_put_integer(json, "matched", s[RUN_MATCHED] + s[RUN_WITHIN_TOLERANCE]);
	put_money(run, json, "net", 0);
	json_put_integer(json, "open", run->outcome->open);
	json_put_integer(json, "pairs", s[RUN_MATCHED] + s[RUN_WITHIN_TOLERANCE] + s[RUN_DIFFERENT]);
	json_object_end(json);
}

static void write_water(struct json *json, struct span entity, const int64_t *v)
{
	int64_t extracted = 0;
	for (int i = 0; i < WATER_VALUES; i++)
		extracted += v[i];
	json_object(json, NULL);
	json_put_integer(json, "accepted_not_booked", v[WATER_ACCEPTED]);
	json_put_integer(json, "booked", v[WATER_BOOKED]);
	json_put_span(json, "entity", entity);
	json_put_integer(json, "excluded", v[WATER_EXCLUDED]);
	json_put_integer(json, "extracted", extracted);
	json_put_integer(json, "held", v[WATER_HELD]);
	json_put_integer(json, "in_transit", v[WATER_IN_TRANSIT]);
	json_put_integer(json, "rejected", v[WATER_REJECTED]);
	json_object_end(json);
}

struct water_sum {
	struct json *json; /* NULL: only adds up */
	int64_t v[WATER_VALUES];
};

static void add_water(void *self, const struct tally_row *row)
{
	struct water_sum *sum = self;
	for (int i = 0; i < WATER_VALUES; i++)
		sum->v[i] += row->values[i];
	if (sum->json)
		write_water(sum->json, row->parts[0], row->values);
}

/* The key's next part, up to the '/'; empty: it is no subject. */
static struct span next_part(struct span *key)
{
	const char *end = key->len > 0 ? memchr(key->data, '/', key->len) : NULL;
	struct span part = {key->data, end ? (size_t)(end - key->data) : 0};
	if (end)
		*key = (struct span){end + 1, key->len - part.len - 1};
	return part;
}

/* Of its period nothing is known: it counts in every one. */
static bool add_held(void *self, const struct ledger_held *held)
{
	struct run *run = self;
	if (span_equal(held->rule, SPAN_LITERAL(LEDGER_LEFT_OUT)))
		return true; /* it does not wait; that it is missing, the caller has told */
	bool excluded = span_equal(held->rule, SPAN_LITERAL(LEDGER_EXCLUDED));
	struct span key = held->key;
	struct span raw = next_part(&key);
	struct span entity = raw;
	enum document_type type;
	if (run->rules && !rules_map(run->rules, MAPPING_ENTITY, raw, raw,
	                             (date_days)(run->options->at_ns / DAY_NS), &entity))
		entity = raw;
	if (entity.len == 0 || entity.len > LEDGER_CODE_MAX)
		entity = SPAN_LITERAL("?");
	else if (document_type_find(&type, next_part(&key)) && !run_in_scope(run, entity, (int)type, 0))
		return true;
	tally_add(run->water, &entity, 1, excluded ? WATER_EXCLUDED : WATER_HELD, 1);
	return true;
}

static void check_waterfall(struct run *run, const struct water_sum *sum)
{
	const struct run_scope *scope = &run->options->scope;
	int64_t documents = 0;
	for (int i = WATER_IN_TRANSIT; i < WATER_VALUES; i++)
		documents += sum->v[i];
	bool whole = scope->entity_count == 0 && scope->types == 0 && scope->from == 0 && scope->to == 0;
	/* Documents that were voided stand in no sum: in a partial run they are not among those that were seen. */
	int64_t live = ledger_count(run->ledger, SIDE_LEGACY) - run->outcome->voided[SIDE_LEGACY];
	if (whole && run->full && documents != live)
		run_incomplete(run, "waterfall",
		               "%" PRId64 " documents of the ERP were sent and %" PRId64 " are accounted for",
		               live, documents);
}

static void put_waterfall(struct run *run, struct json *json)
{
	struct water_sum all = {.json = NULL};
	struct water_sum rows = {.json = json};
	tally_visit(run->water, add_water, &all);
	json_list(json, "waterfall");
	write_water(json, (struct span){"", 0}, all.v);
	tally_visit(run->water, add_water, &rows);
	json_list_end(json);
}

/* ---- the verdict ---- */

static int64_t held_documents(struct run *run)
{
	struct water_sum all = {.json = NULL};
	tally_visit(run->water, add_water, &all);
	return all.v[WATER_HELD];
}

static void judge(struct run *run)
{
	struct run_outcome *outcome = run->outcome;
	const int64_t *s = outcome->statuses;
	int64_t waiting = s[RUN_WAITING_CLOUD] + s[RUN_WAITING_LEGACY] + run->usage_waiting;
	int64_t broken = s[RUN_DIFFERENT] + s[RUN_MISSING_CLOUD] + s[RUN_MISSING_LEGACY] + s[RUN_DUPLICATE] +
	                 s[RUN_AMBIGUOUS] + run_usage_broken(run);
	if (run->reason_count > 0)
		outcome->verdict = RUN_INCOMPLETE;
	else if (broken > 0)
		outcome->verdict = RUN_BREAKS;
	else if (s[RUN_ACCEPTED] > 0 || s[RUN_WITHIN_TOLERANCE] > 0 || run->usage_accepted > 0)
		outcome->verdict = RUN_RECONCILED_WITH_WARNINGS;
	else if (waiting > 0 || held_documents(run) > 0 || outcome->open > 0)
		outcome->verdict = RUN_RECONCILED_WITH_PENDING;
	else
		outcome->verdict = RUN_RECONCILED;
}

static void put_reason(const struct run *run, struct json *json, int64_t count, const char *one,
                       const char *many)
{
	char text[120];
	if (count == 0)
		return;
	(void)snprintf(text, sizeof text, "%" PRId64 " %s", count, count == 1 ? one : many);
	if (run->outcome->why[0] == 0)
		(void)snprintf(run->outcome->why, sizeof run->outcome->why, "%s", text);
	json_put_text(json, NULL, text);
}

static void put_verdict(struct run *run, struct json *json)
{
	const int64_t *s = run->outcome->statuses;
	json_object(json, "verdict");
	json_put_text(json, "name", run_verdict_name(run->outcome->verdict));
	json_list(json, "why");
	if (run->reason_count > 0)
		(void)snprintf(run->outcome->why, sizeof run->outcome->why, "%s", run->reasons[0].text);
	for (int i = 0; i < run->reason_count; i++)
		json_put_text(json, NULL, run->reasons[i].text);
	put_reason(run, json, s[RUN_DIFFERENT], "document differs", "documents differ");
	put_reason(run, json, s[RUN_MISSING_CLOUD], "document is missing in the cloud",
	           "documents are missing in the cloud");
	put_reason(run, json, s[RUN_MISSING_LEGACY], "document of the cloud is missing in the ERP",
	           "documents of the cloud are missing in the ERP");
	put_reason(run, json, s[RUN_DUPLICATE], "document was posted twice", "documents were posted twice");
	if (run->too_many)
		json_put_text(
		    json, NULL,
		    "so many documents have no counterpart that counterparts were not looked for by "
		    "amount: they have one cause as a rule");
	put_reason(run, json, s[RUN_AMBIGUOUS], "document has several possible counterparts",
	           "documents have several possible counterparts");
	put_reason(run, json, s[RUN_WAITING_CLOUD] + s[RUN_WAITING_LEGACY],
	           "document waits for its counterpart", "documents wait for their counterparts");
	put_reason(run, json, run_usage_broken(run), "window of usage does not agree three ways",
	           "windows of usage do not agree three ways");
	put_reason(run, json, run->usage_waiting, "window of usage is not invoiced or taken yet",
	           "windows of usage are not invoiced or taken yet");
	put_reason(run, json, held_documents(run), "document is held at the agent",
	           "documents are held at the agent");
	put_reason(run, json, s[RUN_ACCEPTED], "difference was accepted", "differences were accepted");
	put_reason(run, json, run->usage_accepted, "usage window was accepted",
	           "usage windows were accepted");
	put_reason(run, json, s[RUN_WITHIN_TOLERANCE], "document is within tolerance",
	           "documents are within tolerance");
	json_list_end(json);
	json_object_end(json);
}

/* ---- the whole ---- */

static void put_files(struct run *run, struct json *json)
{
	/* In the order of their names. */
	static const enum run_file files[] = {RUN_FILE_BALANCES, RUN_FILE_DIFFERENCES, RUN_FILE_DOCUMENTS,
	                                      RUN_FILE_TAX, RUN_FILE_USAGE};
	json_list(json, "files");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct run_written *written = &run->written[files[i]];
		char hex[DIGEST_HEX_SIZE];
		struct digest digest = digest_stream_finish(written->digest);
		written->digest = NULL;
		digest_hex(&digest, hex);
		json_object(json, NULL);
		json_put_integer(json, "bytes", written->bytes);
		json_put_integer(json, "lines", written->lines);
		json_put_text(json, "name", run_file_name(files[i]));
		json_put_text(json, "sha256", hex);
		json_object_end(json);
	}
	json_list_end(json);
}

static void put_incomplete(struct run *run, struct json *json)
{
	json_list(json, "incomplete");
	for (int i = 0; i < run->reason_count; i++) {
		json_object(json, NULL);
		json_put_text(json, "reason", run->reasons[i].reason);
		json_put_text(json, "text", run->reasons[i].text);
		json_object_end(json);
	}
	json_list_end(json);
}

static void put_parts(struct run *run, struct json *json, struct span bridge)
{
	json_object(json, "accepted");
	json_put_integer(json, "count", run->outcome->accepted);
	json_object_end(json);
	put_ages(run, json);
	json_put_raw(json, "bridge", bridge);
	put_canaries(run, json);
	put_causes(run, json);
	put_list(run, json, "counts", run->counts, put_count);
	run_put_coverage(run, json);
	put_cut(run, json);
	put_list(run, json, "days", run->days, put_day);
	put_files(run, json);
	json_object(json, "fingerprints");
	json_put_integer(json, "cells", run->outcome->cells);
	json_put_integer(json, "documents_skipped", run->outcome->skipped);
	json_put_integer(json, "equal", run->outcome->cells_equal);
	json_object_end(json);
	json_put_integer(json, "format", 1);
	put_list(run, json, "histogram", run->histogram, put_bar);
	json_put_text(json, "id", run->options->id);
	put_incomplete(run, json);
	run_put_never_compared(json);
	run_put_not_compared(run, json);
	put_policies(run, json);
	run_put_readiness(run, json);
	put_rules(run, json);
	put_scope(run, json);
	char share[DECIMAL_TEXT_MAX];
	char value[DECIMAL_TEXT_MAX];
	(void)decimal_print(run->options->threshold_share, share);
	(void)decimal_print(run->options->threshold_value, value);
	json_object(json, "thresholds");
	json_put_text(json, "documents_share", share);
	json_put_text(json, "value", value);
	json_object_end(json);
	put_totals(run, json);
	run_put_usage(run, json);
	put_verdict(run, json);
	put_waterfall(run, json);
}

enum err run_write(struct run *run, struct err_info *info)
{
	struct json json;
	struct buf bridge;
	struct rows rows = {.run = run, .json = &json};
	struct water_sum water = {.json = NULL};
	struct err_info trouble;
	/* What can make it incomplete comes before the verdict. */
	if (ledger_helds(run->ledger, add_held, run, &trouble) != ERR_OK)
		run_ledger_failed(run, &trouble);
	tally_visit(run->water, add_water, &water);
	check_waterfall(run, &water);
	buf_init(&bridge, 1u << 20);
	json_init(&json, &bridge);
	json_list(&json, NULL);
	tally_visit(run->side_totals, put_bridge, &rows);
	json_list_end(&json);
	judge(run);
	run_check_verdict(run);
	buf_clear(&run->line);
	json_init(&json, &run->line);
	json_object(&json, NULL);
	put_parts(run, &json, buf_span(&bridge));
	json_object_end(&json);
	buf_release(&bridge);
	if (!buf_ok(&run->line))
		return err_set(info, ERR_TOO_LARGE,
		               "the summary of the comparison is over %u MiB; compare fewer companies "
		               "or periods at once",
		               RUN_LINE_MAX >> 20);
	return run_line(run, RUN_FILE_RUN, info);
}
