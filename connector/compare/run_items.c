/*
 * run_items.c - what is not simply equal: why, what people have decided, and its line in differences.ndjson.
 *
 * Why:   a list of ten thousand differences helps nobody; named, grouped and with an owner they are work.
 * Owns:  nothing.
 * Rules: 1. Two passes over what was found: the first learns what is common, the second names and writes.
 *        2. A decision holds only as long as status, cause, amounts and every value that differs are those that were
 *           decided on.
 *        3. Pairs that agree as sums, or within tolerance, are told as documents; they are no differences. Those within
 *           tolerance move balances. What is matched moves none: if it does, the balances say so. Where periods are not
 *           compared, it may move them from one to another.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)
/* Differences of so few minor units are shown one by one: rounding is a spike at one. */
#define HISTOGRAM_MAX 10

/* Of a digest. */
#define CONTENT_BYTES 8

struct content {
	char text[2 * CONTENT_BYTES + 1];
};

struct found {
	struct run *run;
	enum err err;
	struct err_info *info;
	int members[SIDE_COUNT];
	bool paired; /* run->pair is of the two */
};

/* ---- what an item is ---- */

static enum cause_status cause_status_of(enum run_status status)
{
	switch (status) {
	case RUN_MISSING_CLOUD:
	case RUN_WAITING_CLOUD:
		return CAUSE_OF_MISSING_CLOUD;
	case RUN_MISSING_LEGACY:
	case RUN_WAITING_LEGACY:
		return CAUSE_OF_MISSING_LEGACY;
	case RUN_DUPLICATE:
		return CAUSE_OF_DUPLICATE;
	case RUN_AMBIGUOUS:
		return CAUSE_OF_AMBIGUOUS;
	default:
		return CAUSE_OF_DIFFERENT;
	}
}

/* Both sides' views and, where both are there, their pair. */
static bool look_at(struct found *found, const struct ledger_item *item)
{
	struct run *run = found->run;
	found->members[SIDE_LEGACY] = found->members[SIDE_CLOUD] = 0;
	found->paired = item->legacy.len > 0 && item->cloud.len > 0;
	if (found->paired)
		return run_pair_sums(run, item->legacy, item->cloud, found->members);
	if (item->legacy.len > 0)
		return run_join(run, SIDE_LEGACY, item->legacy, &found->members[SIDE_LEGACY]);
	return run_join(run, SIDE_CLOUD, item->cloud, &found->members[SIDE_CLOUD]);
}

static void evidence_of(struct found *found, const struct ledger_item *item, struct cause_evidence *evidence)
{
	struct run *run = found->run;
	for (int side = 0; side < SIDE_COUNT; side++) {
		if (found->members[side] > 0)
			rounding_sheet_read(&run->sheets[side], &run->documents[side]);
	}
	*evidence = (struct cause_evidence){
	    .status = cause_status_of((enum run_status)item->status),
	    .legacy = found->members[SIDE_LEGACY] ? &run->views[SIDE_LEGACY] : NULL,
	    .cloud = found->members[SIDE_CLOUD] ? &run->views[SIDE_CLOUD] : NULL,
	    .pair = found->paired ? &run->pair : NULL,
	    .legacy_tax = found->members[SIDE_LEGACY] == 1 ? &run->sheets[SIDE_LEGACY] : NULL,
	    .cloud_tax = found->members[SIDE_CLOUD] == 1 ? &run->sheets[SIDE_CLOUD] : NULL,
	    .legacy_members = found->members[SIDE_LEGACY],
	    .user = found->members[SIDE_LEGACY]
	                ? document_text(&run->documents[SIDE_LEGACY],
	                                &run->documents[SIDE_LEGACY].header[HEADER_USER])
	                : (struct span){NULL, 0},
	    .legacy_arrived = CAUSE_NO_DATE,
	    .cloud_arrived = CAUSE_NO_DATE,
	    .period_end = CAUSE_NO_DATE,
	    .cut = (date_days)(run->options->at_ns / DAY_NS),
	};
}

static bool is_difference(enum run_status status)
{
	return status != RUN_MATCHED && status != RUN_WITHIN_TOLERANCE;
}

static bool learn(void *self, const struct ledger_item *item)
{
	struct found *found = self;
	struct cause_evidence evidence;
	if (run_is_canary(item->entity) || !is_difference((enum run_status)item->status) ||
	    !look_at(found, item))
		return true;
	evidence_of(found, item, &evidence);
	for (int side = 0; side < SIDE_COUNT; side++) {
		if (found->members[side] == 1)
			rounding_observe_sheet(found->run->fits, found->run->views[side].entity,
			                       (enum ledger_side)side, &found->run->sheets[side]);
	}
	if (found->paired)
		run_learn_taxes(found->run, item->entity);
	cause_learn(found->run->causes, &evidence);
	return true;
}

/* ---- every document in its status ---- */

static struct span first_name(struct span names)
{
	struct span identity;
	struct span subject = {"", 0};
	(void)!run_next_name(&names, &identity, &subject);
	return subject.len > 0 ? subject : (struct span){"", 0};
}

static enum err tell_documents(struct run *run, const struct ledger_item *item, enum run_status status,
                               struct err_info *info)
{
	enum err err = ERR_OK;
	for (int side = 0; side < SIDE_COUNT; side++) {
		struct span rest = side == SIDE_LEGACY ? item->legacy : item->cloud;
		struct span other = first_name(side == SIDE_LEGACY ? item->cloud : item->legacy);
		struct span identity;
		struct span subject;
		while (err == ERR_OK && run_next_name(&rest, &identity, &subject)) {
			struct ledger_document row;
			if (!run_load(run, (enum ledger_side)side, identity, subject, &row))
				return ERR_OK;
			run_prove_told(run, &row);
			if (side == SIDE_LEGACY)
				run_count_water(run, &row, item->cloud.len > 0);
			if (side == SIDE_LEGACY || item->legacy.len == 0)
				run_count_status(run, &row, status);
			err = run_document_line(run, &row, status, other, info);
		}
	}
	return err;
}

/* ---- amounts of an item ---- */

struct amounts {
	int64_t net, gross;
};

static int64_t magnitude(int64_t value)
{
	return value >= 0 ? value : value == INT64_MIN ? INT64_MAX : -value;
}

static struct amounts amounts_of(const struct found *found)
{
	const struct run *run = found->run;
	if (found->paired)
		return (struct amounts){run->pair.net_delta, run->pair.gross_delta};
	int64_t net =
	    found->members[SIDE_CLOUD] ? run->views[SIDE_CLOUD].total : -run->views[SIDE_LEGACY].total;
	return (struct amounts){net, magnitude(net)};
}

/* What the documents of one side move from the legacy ledger's totals to the cloud's, each in its own currency; those
 * that were voided, and counterparts outside the scope, stand in no total. */
static void add_bridge_side(struct run *run, enum ledger_side side, struct span names, const char *step)
{
	struct span identity;
	struct span subject;
	while (run_next_name(&names, &identity, &subject)) {
		struct ledger_document row;
		if (!run_load(run, side, identity, subject, &row))
			return;
		const struct span key[] = {row.currency, span_of(step)};
		if (!row.voided && run_in_scope(run, row.entity, row.type, row.period))
			tally_add(run->bridge, key, 2, 0, side == SIDE_CLOUD ? row.total : -row.total);
	}
}

static void add_bridge(struct run *run, const struct ledger_item *item, const char *step)
{
	add_bridge_side(run, SIDE_LEGACY, item->legacy, step);
	add_bridge_side(run, SIDE_CLOUD, item->cloud, step);
}

void run_add_moved(struct run *run, struct span legacy, struct span cloud)
{
	add_bridge_side(run, SIDE_LEGACY, legacy, "period");
	add_bridge_side(run, SIDE_CLOUD, cloud, "period");
	run_add_contributions(run, SIDE_LEGACY, legacy, true);
	run_add_contributions(run, SIDE_CLOUD, cloud, true);
}

static int age_of(const struct run *run, const struct ledger_item *item)
{
	int64_t days = run->options->at_ns / DAY_NS - item->posting;
	return item->posting == INT32_MIN || days < 0 ? 0 : days > 36500 ? 36500 : (int)days;
}

static void add_tallies(struct found *found, const struct ledger_item *item, const struct cause_name *cause,
                        const struct amounts *amounts, bool open)
{
	static const char *const buckets[] = {"0-1 days", "2-7 days", "8-30 days", "over 30 days"};
	struct run *run = found->run;
	struct span currency =
	    found->members[SIDE_LEGACY] ? run->views[SIDE_LEGACY].currency : run->views[SIDE_CLOUD].currency;
	add_bridge(run, item,
	           found->paired ? cause_word(cause->cause) : run_status_name((enum run_status)item->status));
	if (found->paired && amounts->net != 0 && magnitude(amounts->net) <= HISTOGRAM_MAX) {
		char units[16];
		(void)snprintf(units, sizeof units, "%03d",
		               (int)amounts->net + 500); /* sorts as numbers do */
		const struct span key[] = {currency, span_of(units)};
		tally_add(run->histogram, key, 2, 0, 1);
	}
	if (!open)
		return;
	const struct span money[] = {currency, item->entity};
	tally_add(run->open_money, money, 2, 0, amounts->net);
	tally_add(run->open_money, money, 2, 1, amounts->gross);
	int age = age_of(run, item);
	struct span bucket = span_of(buckets[age <= 1 ? 0 : age <= 7 ? 1 : age <= 30 ? 2 : 3]);
	tally_add(run->ages, &bucket, 1, 0, 1);
	bool waits = item->status == RUN_WAITING_CLOUD || item->status == RUN_WAITING_LEGACY;
	tally_add(run->entities, &item->entity, 1, waits ? 2 : 1, 1);
	const struct span unexplained[] = {item->entity, currency};
	if (!waits && cause->cause == CAUSE_UNEXPLAINED)
		tally_add(run->unexplained, unexplained, 2, 0, amounts->gross);
	char date[DATE_TEXT_SIZE] = "";
	if (item->posting != INT32_MIN)
		date_print(item->posting, date);
	const struct span day[] = {item->entity, span_of(date)};
	if (!waits && date[0])
		tally_add(run->open_days, day, 2, 0, 1);
	const struct span value[] = {span_of(date), currency};
	if (!waits && date[0] && cause->cause == CAUSE_UNEXPLAINED)
		tally_add(run->day_values, value, 2, 0, amounts->gross);
}

/* ---- the line ---- */

/* Several documents of a side stand together for one of the other: how many in all. */
static int count_names(struct span names)
{
	struct span identity;
	struct span subject;
	int count = 0;
	while (run_next_name(&names, &identity, &subject))
		count++;
	return count;
}

static void put_others(struct json *json, struct span names)
{
	struct span identity;
	struct span subject;
	(void)!run_next_name(&names, &identity, &subject);
	json_list(json, "others");
	for (int i = 0; i < RUN_OTHERS_MAX && run_next_name(&names, &identity, &subject); i++)
		json_put_span(json, NULL, subject);
	json_list_end(json);
}

static void put_side(struct json *json, const struct run *run, enum ledger_side side, struct span names)
{
	const struct view *view = &run->views[side];
	const struct document *document = &run->documents[side];
	char date[DATE_TEXT_SIZE] = "";
	const char *key = ledger_side_name(side);
	if (names.len == 0) {
		json_put_null(json, key);
		return;
	}
	if (view->has_posting)
		date_print(view->posting, date);
	int documents = count_names(names);
	json_object(json, key);
	if (documents > 1)
		json_put_integer(json, "documents", documents);
	json_put_span(json, "number", document_text(document, &document->header[HEADER_NUMBER]));
	if (documents > 1)
		put_others(json, names);
	json_put_text(json, "period", run_period(view->period).text);
	json_put_text(json, "posting_date", date);
	json_put_span(json, "subject", first_name(names));
	json_put_text(json, "total", run_amount(view->total, view->currency).text);
	json_object_end(json);
}

static void put_field(struct json *json, const struct run *run, const struct pair_difference *one)
{
	const struct view *legacy = &run->views[SIDE_LEGACY];
	/* The local currency may be that of one side alone. */
	const struct view *local = legacy->has_local ? legacy : &run->views[SIDE_CLOUD];
	struct span currency = one->local ? local->local_currency : legacy->currency;
	int64_t delta = 0;
	json_object(json, NULL);
	json_put_span(json, "account", one->account);
	if (one->lane == LANE_AMOUNT)
		json_put_text(json, "cloud",
		              one->cloud_has ? run_amount(one->cloud_amount, currency).text : "");
	else
		json_put_span(json, "cloud", one->cloud_has ? one->cloud_text : (struct span){"", 0});
	json_put_span(json, "cost_centre", one->cost_centre);
	if (one->lane == LANE_AMOUNT &&
	    !__builtin_sub_overflow(one->cloud_amount, one->legacy_amount, &delta))
		json_put_text(json, "delta", run_amount(delta, currency).text);
	if (one->entity.len > 0)
		json_put_span(json, "entity", one->entity);
	json_put_text(json, "field", one->field);
	json_put_text(json, "lane", one->lane == LANE_AMOUNT ? "amount" : "attribute");
	if (one->lane == LANE_AMOUNT)
		json_put_text(json, "legacy",
		              one->legacy_has ? run_amount(one->legacy_amount, currency).text : "");
	else
		json_put_span(json, "legacy", one->legacy_has ? one->legacy_text : (struct span){"", 0});
	json_put_span(json, "tax_code", one->tax_code);
	json_put_boolean(json, "tolerated", one->tolerated);
	json_object_end(json);
}

void run_put_accepted(struct json *json, const struct run_decision *decision, const char *status)
{
	json_object(json, "accepted");
	json_put_text(json, "at", decision->at);
	json_put_text(json, "by", decision->by);
	json_put_text(json, "reason", decision->reason);
	json_put_text(json, "second", decision->second);
	json_put_text(json, "status", status);
	json_object_end(json);
}

static void put_line(struct found *found, const struct ledger_item *item, const struct cause_name *cause,
                     const struct amounts *amounts, const char *key, const struct run_decision *decision,
                     const struct content *content)
{
	struct run *run = found->run;
	const struct view *view = &run->views[found->members[SIDE_LEGACY] ? SIDE_LEGACY : SIDE_CLOUD];
	bool accepted = strcmp(decision->state, "accepted") == 0;
	struct json json;
	buf_clear(&run->line);
	json_init(&json, &run->line);
	json_object(&json, NULL);
	if (accepted)
		run_put_accepted(&json, decision, run_status_name((enum run_status)item->status));
	json_put_integer(&json, "age_days", age_of(run, item));
	json_put_text(&json, "cause", cause_word(cause->cause));
	json_put_text(&json, "cause_text", cause->text);
	put_side(&json, run, SIDE_CLOUD, item->cloud);
	json_put_text(&json, "content", content->text);
	json_put_span(&json, "currency", view->currency);
	json_put_text(&json, "document_type", document_spec(view->type)->name);
	json_put_span(&json, "entity", item->entity);
	json_list(&json, "fields");
	for (int i = 0; found->paired && i < run->pair.kept; i++)
		put_field(&json, run, &run->pair.differences[i]);
	json_list_end(&json);
	json_put_text(&json, "gross", run_amount(amounts->gross, view->currency).text);
	json_put_text(&json, "key", key);
	put_side(&json, run, SIDE_LEGACY, item->legacy);
	json_put_text(&json, "net", run_amount(amounts->net, view->currency).text);
	json_put_text(&json, "owner", store_owner_name(cause->owner));
	json_put_text(&json, "period", run_period(item->period).text);
	json_put_text(&json, "state", decision->state);
	json_put_text(&json, "status",
	              run_status_name(accepted ? RUN_ACCEPTED : (enum run_status)item->status));
	json_object_end(&json);
}

/* The exception's name: of the legacy document, or of the cloud's where that is alone. Both may have the same subject:
 * a cloud may count as the ERP does. */
static void name_key(const struct ledger_item *item, char key[2 * STORE_SUBJECT_MAX])
{
	bool alone = item->legacy.len == 0;
	struct span subject = first_name(alone ? item->cloud : item->legacy);
	(void)snprintf(key, 2 * STORE_SUBJECT_MAX, "compare:%s%.*s:%s", alone ? "cloud:" : "",
	               (int)subject.len, subject.data, run_period(item->period).text);
}

bool run_decide(struct run *run, const char *key, const char *evidence, struct run_decision *decision)
{
	*decision = (struct run_decision){.state = "open"};
	if (run->sink->decision &&
	    !run->sink->decision(run->sink->self, span_of(key), span_of(evidence), decision))
		*decision = (struct run_decision){.state = "open"};
	if (strcmp(decision->state, "accepted") != 0)
		return false;
	/* An acceptance says by whom, when and why; what does not is none. */
	bool said = decision->by[0] && decision->at[0] && decision->reason[0];
	if (!said)
		*decision = (struct run_decision){.state = "open"};
	return said;
}

static void append_value(struct buf *out, struct span text)
{
	buf_printf(out, "%zu:%.*s ", text.len, (int)text.len, text.len > 0 ? text.data : "");
}

/* Every field that differs, with both values: who accepted one name has not accepted another. "" where one side is
 * missing: its amounts say what is. */
static struct content content_of(const struct found *found)
{
	const struct pair *pair = &found->run->pair;
	struct content content = {.text = ""};
	struct buf values;
	if (!found->paired)
		return content;
	buf_init(&values, RUN_LINE_MAX);
	for (int i = 0; i < pair->kept; i++) {
		const struct pair_difference *one = &pair->differences[i];
		const struct span texts[] = {one->account, one->cost_centre, one->tax_code,
		                             one->entity,  one->legacy_text, one->cloud_text};
		buf_printf(&values, "%s %d %d %d %" PRId64 " %" PRId64 " ", one->field, one->local,
		           one->legacy_has, one->cloud_has, one->legacy_amount, one->cloud_amount);
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			append_value(&values, texts[k]);
	}
	buf_printf(&values, "%d", pair->count);
	CHECK(buf_ok(&values));
	const struct span all = buf_span(&values);
	const struct digest digest = digest_of(&all, 1);
	hex_encode(content.text, digest.bytes, CONTENT_BYTES);
	buf_release(&values);
	return content;
}

static bool decide(struct run *run, const struct ledger_item *item, const struct cause_name *cause,
                   const struct amounts *amounts, const char *key, struct run_decision *decision,
                   const struct content *content)
{
	char evidence[256];
	(void)snprintf(evidence, sizeof evidence, "%s %s %" PRId64 " %" PRId64 "%s%s",
	               run_status_name((enum run_status)item->status), cause_word(cause->cause), amounts->net,
	               amounts->gross, content->text[0] ? " " : "", content->text);
	return run_decide(run, key, evidence, decision);
}

static enum err write_difference(struct found *found, const struct ledger_item *item, struct err_info *info)
{
	struct run *run = found->run;
	struct cause_evidence evidence;
	struct cause_name cause;
	struct run_decision decision;
	char key[2 * STORE_SUBJECT_MAX];
	evidence_of(found, item, &evidence);
	cause_name(run->causes, &evidence, &cause);
	const struct amounts amounts = amounts_of(found);
	name_key(item, key);
	const struct content content = content_of(found);
	bool accepted = decide(run, item, &cause, &amounts, key, &decision, &content);
	bool explained = cause.cause != CAUSE_UNEXPLAINED;
	if (!accepted)
		cause_add(run->causes, &evidence, &cause);
	add_tallies(found, item, &cause, &amounts, !accepted);
	run->outcome->open += !accepted;
	run->outcome->accepted += accepted;
	run->told_broken +=
	    !accepted && item->status != RUN_WAITING_CLOUD && item->status != RUN_WAITING_LEGACY;
	put_line(found, item, &cause, &amounts, key, &decision, &content);
	enum err err = run_line(run, RUN_FILE_DIFFERENCES, info);
	if (err == ERR_OK)
		err =
		    tell_documents(run, item, accepted ? RUN_ACCEPTED : (enum run_status)item->status, info);
	run_add_contributions(run, SIDE_LEGACY, item->legacy, explained);
	run_add_contributions(run, SIDE_CLOUD, item->cloud, explained);
	return err;
}

static bool write_item(void *self, const struct ledger_item *item)
{
	struct found *found = self;
	struct run *run = found->run;
	bool whole = look_at(found, item);
	if (run_is_canary(item->entity)) {
		canaries_found(run->canaries, (enum run_status)item->status, first_name(item->legacy),
		               first_name(item->cloud), found->paired && whole ? &run->pair : NULL);
		return true;
	}
	if (!whole) /* it is told as unreadable, and the run is incomplete */
		return true;
	if (is_difference((enum run_status)item->status)) {
		found->err = write_difference(found, item, found->info);
		return found->err == ERR_OK;
	}
	const struct amounts amounts = amounts_of(found);
	bool moved = !view_attribute_compared(run->rules, VIEW_PERIOD, (enum document_type)item->type);
	if (amounts.net != 0 || moved)
		add_bridge(run, item, amounts.net != 0 ? "tolerated" : "period");
	found->err = tell_documents(run, item, (enum run_status)item->status, found->info);
	if (item->status == RUN_WITHIN_TOLERANCE || moved) {
		run_add_contributions(run, SIDE_LEGACY, item->legacy, true);
		run_add_contributions(run, SIDE_CLOUD, item->cloud, true);
	}
	return found->err == ERR_OK;
}

enum err run_items(struct run *run, struct err_info *info)
{
	struct found found = {.run = run, .info = info};
	struct err_info trouble = {.text = ""};
	enum err err = ledger_items(run->ledger, -1, learn, &found, &trouble);
	run_learn_agreed(run);
	cause_settle(run->causes);
	if (err == ERR_OK)
		err = ledger_items(run->ledger, -1, write_item, &found, &trouble);
	if (err != ERR_OK)
		run_ledger_failed(run, &trouble);
	return found.err;
}
