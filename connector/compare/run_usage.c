/*
 * run_usage.c - usage three ways: gathers it from the documents of the cut, writes usage.ndjson.
 *
 * Why:   see usage.h. A pair proves that billing took what the source counted; only this says that it was invoiced.
 * Owns:  nothing.
 * Rules: 1. Source: usage documents of the legacy side. Billing: those of the cloud. ERP: lines of legacy invoices and
 *           credit memos whose item is a meter of the same entity, in the service period of the document or, where it
 *           has none, the line's revenue period. A credit memo takes away. Voided documents count nowhere.
 *        2. It reads its documents by itself, in partial runs too: that an invoice fits the usage is a statement about
 *           two kinds of documents, and equal fingerprints of each kind do not prove it. Without usage nothing is read;
 *           with usage the time grows with the usage and the invoices of the ledger.
 *        3. Scope by companies as everywhere; by months of a window's last day, for an invoice is posted when its usage
 *           is over. All months are gathered, and those of the scope told: a row is judged by its neighbours, and must
 *           say the same in a narrower run.
 *        4. A window that was not invoiced within USAGE_INVOICE_DAYS, or not taken within the grace of its side, waits:
 *           the verdict is pending. Any other row but `agree` is a break, and an exception as a difference is.
 *        5. A decision about a row holds only as long as class, units and quantities are those that were decided on.
 * Faults: documents that cannot be read make the run incomplete; those of the sink end it.
 * Runs in: the CLI.
 * Tests: tests/unit/run_usage_test.c, test_usage_ways.py
 */
#include <stdio.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/compare/usage.h"
#include "connector/posting/pack.h"
#include "store_forward/ledger_usage.h"

#define DAY_NS             (INT64_C(86400) * NS_PER_S)
#define USAGE_INVOICE_DAYS 31 /* monthly billing in arrears */

struct gathering {
	struct run *run;
	enum ledger_side side;
	struct tally *meters; /* entity, meter; and meter alone */
	struct ledger_usage row;
	bool failed; /* told already */
};

static bool is_of_company(const struct run *run, struct span entity)
{
	return run_in_scope(run, entity, DOCUMENT_USAGE, 0);
}

static bool is_in_scope(const struct run *run, struct span entity, date_days end)
{
	int year;
	int month;
	int day;
	date_to_civil(end, &year, &month, &day);
	return run_in_scope(run, entity, DOCUMENT_USAGE, year * 100 + month);
}

static void keep(struct gathering *gathering, struct decimal quantity)
{
	struct err_info info;
	gathering->row.units = quantity.units;
	gathering->row.scale = quantity.scale;
	if (ledger_usage_add(gathering->run->ledger, &gathering->row, &info) == ERR_OK)
		return;
	run_ledger_failed(gathering->run, &info);
	gathering->failed = true;
}

static bool take_usage(void *self, const struct ledger_document *document)
{
	struct gathering *gathering = self;
	struct run *run = gathering->run;
	if (document->voided || !run_view(run, gathering->side, document))
		return true;
	const struct view *view = &run->views[gathering->side];
	const struct document *usage = &run->documents[gathering->side];
	const struct value *header = usage->header;
	if (!header[USAGE_WINDOW_START].present || !header[USAGE_WINDOW_END].present ||
	    !header[USAGE_QUANTITY].present) {
		run_incomplete(run, "usage-unreadable", "%.190s has no window or no quantity", view->subject);
		return true;
	}
	if (!is_of_company(run, view->entity))
		return true;
	struct span meter = document_text(usage, &header[USAGE_METER]);
	const struct span keys[] = {meter, view->entity};
	gathering->row =
	    (struct ledger_usage){.place = gathering->side == SIDE_LEGACY ? USAGE_SOURCE : USAGE_BILLING,
	                          .entity = view->entity,
	                          .customer = view->party,
	                          .meter = meter,
	                          .unit = document_text(usage, &header[USAGE_UNIT]),
	                          .from = header[USAGE_WINDOW_START].as.date,
	                          .to = header[USAGE_WINDOW_END].as.date};
	tally_add(gathering->meters, keys, 1, 0, 1);
	tally_add(gathering->meters, keys, 2, 0, 1);
	keep(gathering, header[USAGE_QUANTITY].as.decimal);
	return !gathering->failed;
}

/* The days that a line is for; false: nobody knows. */
static bool service_period(const struct value *header, const struct value *line, struct ledger_usage *row)
{
	const struct value *from = &header[INVOICE_SERVICE_START];
	const struct value *to = &header[INVOICE_SERVICE_END];
	if (!from->present || !to->present) {
		from = &line[INVOICE_LINE_REVENUE_START];
		to = &line[INVOICE_LINE_REVENUE_END];
	}
	row->from = from->as.date;
	row->to = to->as.date;
	return from->present && to->present;
}

static void take_line(struct gathering *gathering, int index)
{
	struct run *run = gathering->run;
	const struct view *view = &run->views[SIDE_LEGACY];
	const struct document *invoice = &run->documents[SIDE_LEGACY];
	const struct value *line = document_line(invoice, SECTION_LINES, index);
	const struct span keys[] = {document_text(invoice, &line[INVOICE_LINE_ITEM]), view->entity};
	struct decimal quantity = line[INVOICE_LINE_QUANTITY].as.decimal;
	struct ledger_usage *row = &gathering->row;
	*row = (struct ledger_usage){.place = USAGE_ERP,
	                             .entity = view->entity,
	                             .customer = view->party,
	                             .meter = keys[0],
	                             .unit = document_text(invoice, &line[INVOICE_LINE_UNIT])};
	if (!line[INVOICE_LINE_QUANTITY].present || keys[0].len == 0 ||
	    tally_get(gathering->meters, keys, 2, 0) == 0 || !service_period(invoice->header, line, row))
		return;
	if (invoice->type == DOCUMENT_CREDIT_MEMO && quantity.units > 0)
		quantity.units = -quantity.units;
	keep(gathering, quantity);
}

/* Most invoices have no line of a meter: they are only unpacked. */
static bool has_meter(struct gathering *gathering, const struct ledger_document *document)
{
	struct document *part = &gathering->run->part;
	struct err_info info;
	if (document_unpack(part, document->packed, &info) != ERR_OK)
		return true; /* run_view() tells it */
	for (int i = 0; i < part->sections[SECTION_LINES].count; i++) {
		const struct value *line = document_line(part, SECTION_LINES, i);
		const struct span item = document_text(part, &line[INVOICE_LINE_ITEM]);
		if (item.len > 0 && tally_get(gathering->meters, &item, 1, 0) > 0)
			return true;
	}
	return false;
}

static bool take_invoice(void *self, const struct ledger_document *document)
{
	struct gathering *gathering = self;
	struct run *run = gathering->run;
	if (document->voided || !has_meter(gathering, document) || !run_view(run, SIDE_LEGACY, document))
		return true;
	for (int i = 0; i < run->documents[SIDE_LEGACY].sections[SECTION_LINES].count; i++)
		take_line(gathering, i);
	return !gathering->failed;
}

static bool gather_type(struct gathering *gathering, enum ledger_side side, enum document_type type,
                        ledger_visitor visit)
{
	struct err_info info;
	gathering->side = side;
	if (!gathering->failed &&
	    ledger_of_type(gathering->run->ledger, side, (int)type, visit, gathering, &info) != ERR_OK) {
		run_ledger_failed(gathering->run, &info);
		gathering->failed = true;
	}
	return !gathering->failed;
}

static bool gather(struct run *run, struct tally *meters)
{
	struct gathering gathering = {.run = run, .meters = meters};
	struct err_info info;
	if (ledger_usage_begin(run->ledger, &info) != ERR_OK) {
		run_ledger_failed(run, &info);
		return false;
	}
	if (!gather_type(&gathering, SIDE_LEGACY, DOCUMENT_USAGE, take_usage) ||
	    !gather_type(&gathering, SIDE_CLOUD, DOCUMENT_USAGE, take_usage))
		return false;
	if (!tally_ok(meters))
		run_incomplete(run, "too-many-meters",
		               "there are over %d meters; compare fewer companies at once", TALLY_KEYS_MAX);
	return tally_size(meters) == 0 ||
	       (gather_type(&gathering, SIDE_LEGACY, DOCUMENT_INVOICE, take_invoice) &&
	        gather_type(&gathering, SIDE_LEGACY, DOCUMENT_CREDIT_MEMO, take_invoice));
}

/* ---- writing ---- */

struct ways {
	struct run *run;
	struct usage_merge merge;
	enum err err;
	struct err_info *info; /* the sink's */
	bool overflow;
};

/* Rule 4. */
static bool is_waiting(const struct run *run, const struct usage_row *row)
{
	const struct run_options *options = run->options;
	int64_t age = options->at_ns - ((int64_t)row->to + 1) * DAY_NS;
	switch (row->class_) {
	case USAGE_MISSING_ERP:
		return age < USAGE_INVOICE_DAYS * DAY_NS;
	case USAGE_MISSING_BILLING:
		return age < options->grace_ns[SIDE_LEGACY];
	case USAGE_MISSING_SOURCE:
		return age < options->grace_ns[SIDE_CLOUD];
	default:
		return false;
	}
}

static void put_quantity(struct json *json, const struct usage_row *row, enum usage_place place)
{
	const struct usage_quantity *quantity = &row->places[place];
	char text[DECIMAL_TEXT_MAX];
	if (quantity->count == 0) {
		json_put_null(json, usage_place_name(place));
		return;
	}
	usage_quantity_print(quantity->sum, text);
	json_put_text(json, usage_place_name(place), text);
}

static void put_date(struct json *json, const char *key, date_days date)
{
	char text[DATE_TEXT_SIZE];
	date_print(date, text);
	json_put_text(json, key, text);
}

/* The unit of all places; where they differ none, and each place's own. */
static void put_units(struct json *json, const struct usage_row *row)
{
	static const enum usage_place by_name[] = {USAGE_BILLING, USAGE_ERP, USAGE_SOURCE};
	struct span unit = {"", 0};
	bool differ = false;
	for (int i = 0; i < USAGE_PLACE_COUNT; i++) {
		const struct usage_quantity *place = &row->places[i];
		if (place->count == 0)
			continue;
		differ = differ || place->mixed || (unit.len > 0 && !span_equal(unit, place->unit));
		unit = unit.len > 0 ? unit : place->unit;
	}
	json_put_span(json, "unit", differ ? (struct span){"", 0} : unit);
	json_object(json, "units");
	for (int i = 0; differ && i < USAGE_PLACE_COUNT; i++) {
		const struct usage_quantity *place = &row->places[by_name[i]];
		if (place->count > 0)
			json_put_span(json, usage_place_name(by_name[i]),
			              place->mixed ? SPAN_LITERAL("several") : place->unit);
	}
	json_object_end(json);
}

/* ---- what people have decided ---- */

struct decided {
	char key[USAGE_KEY_MAX];
	char digest[DIGEST_HEX_SIZE];
	struct run_decision decision;
	bool accepted;
};

/* Days that are lost or counted twice are of those who run the meters and the interfaces; units, and what billing
 * made of a quantity, of those who set it up; what was invoiced, of who answers for the books. */
static enum store_owner owner_of(enum usage_class class_)
{
	switch (class_) {
	case USAGE_UNIT_DIFFERS:
	case USAGE_BILLING_DIFFERS:
		return STORE_OWNER_MAPPING;
	case USAGE_ERP_DIFFERS:
		return STORE_OWNER_POLICY;
	default:
		return STORE_OWNER_TECHNICAL;
	}
}

/* As the agent makes it: status, cause, net and gross, and what the row's digest is of. */
static void decide(struct run *run, const struct usage_row *row, struct decided *decided)
{
	const char *class_ = usage_class_name(row->class_);
	const struct digest digest = usage_digest(row);
	char evidence[256];
	usage_key(row, decided->key);
	digest_hex(&digest, decided->digest);
	(void)snprintf(evidence, sizeof evidence, "%s %s 0 0 %s", class_, class_, decided->digest);
	decided->accepted = run_decide(run, decided->key, evidence, &decided->decision);
}

static void count_broken(struct run *run, const struct usage_row *row, bool accepted)
{
	char day[DATE_TEXT_SIZE];
	date_print(row->to, day);
	const struct span keys[] = {row->entity, span_of(day)};
	run->usage_accepted += accepted;
	run->outcome->usage_accepted += accepted;
	if (accepted)
		return;
	run->outcome->usage_open++;
	run->told_broken++;
	tally_add(run->usage_open, keys, 1, 0, 1);
	tally_add(run->usage_days, &keys[1], 1, 0, 1);
	tally_add(run->open_days, keys, 2, 0, 1);
}

/* decided: NULL: there is nothing to decide. */
static void put_row(struct json *json, const struct usage_row *row, const struct decided *decided,
                    bool waiting)
{
	const char *class_ = usage_class_name(row->class_);
	json_object(json, NULL);
	if (decided && decided->accepted)
		run_put_accepted(json, &decided->decision, class_);
	put_quantity(json, row, USAGE_BILLING);
	json_put_text(json, "class", class_);
	json_put_span(json, "customer", row->customer);
	if (decided)
		json_put_text(json, "digest", decided->digest);
	json_put_span(json, "entity", row->entity);
	put_quantity(json, row, USAGE_ERP);
	put_date(json, "from", row->from);
	if (decided)
		json_put_text(json, "key", decided->key);
	json_put_span(json, "meter", row->meter);
	if (decided)
		json_put_text(json, "owner", store_owner_name(owner_of(row->class_)));
	put_quantity(json, row, USAGE_SOURCE);
	if (decided)
		json_put_text(json, "state", decided->decision.state);
	put_date(json, "to", row->to);
	put_units(json, row);
	json_put_boolean(json, "waiting", waiting);
	json_object_end(json);
}

static enum err write_row(void *self, const struct usage_row *row, struct err_info *info)
{
	struct ways *ways = self;
	struct run *run = ways->run;
	struct decided decided;
	struct json json;
	bool waiting = is_waiting(run, row);
	bool broken = row->class_ != USAGE_AGREE && !waiting;
	if (!is_in_scope(run, row->entity, row->to))
		return ERR_OK;
	run->usage[row->class_]++;
	run->usage_waiting += waiting;
	if (broken) {
		decide(run, row, &decided);
		count_broken(run, row, decided.accepted);
	}
	buf_clear(&run->line);
	json_init(&json, &run->line);
	put_row(&json, row, broken ? &decided : NULL, waiting);
	return run_line(run, RUN_FILE_USAGE, info);
}

static bool merge_row(void *self, const struct ledger_usage *row)
{
	struct ways *ways = self;
	const struct usage_entry entry = {.place = (enum usage_place)row->place,
	                                  .entity = row->entity,
	                                  .customer = row->customer,
	                                  .meter = row->meter,
	                                  .from = row->from,
	                                  .to = row->to,
	                                  .unit = row->unit,
	                                  .quantity = {row->units, (uint8_t)row->scale}};
	ways->err = usage_merge_add(&ways->merge, &entry, ways->info);
	return ways->err == ERR_OK;
}

enum err run_usage(struct run *run, struct err_info *info)
{
	const struct run_scope *scope = &run->options->scope;
	struct tally *meters = NULL;
	struct ways ways = {.run = run, .info = info};
	struct err_info trouble;
	if (scope->types != 0 && !(scope->types & 1u << DOCUMENT_USAGE))
		return ERR_OK;
	meters = tally_new(1);
	usage_merge_init(&ways.merge, write_row, &ways);
	if (gather(run, meters) && tally_size(meters) > 0) {
		if (ledger_usage_rows(run->ledger, merge_row, &ways, &trouble) != ERR_OK)
			run_ledger_failed(run, &trouble);
		if (ways.err == ERR_OK)
			ways.err = usage_merge_finish(&ways.merge, info);
		if (ways.err == ERR_OVERFLOW) {
			run_incomplete(run, "usage-overflow", "%.290s", info->text);
			ways.err = ERR_OK;
		}
	}
	if (!tally_ok(run->usage_open) || !tally_ok(run->usage_days) || !tally_ok(run->open_days))
		run_incomplete(run, "sum-overflow", "there are over %d days with open usage", TALLY_KEYS_MAX);
	usage_merge_release(&ways.merge);
	tally_free(meters);
	return ways.err;
}

/* How many windows stand how; where there is any usage. */
void run_put_usage(struct run *run, struct json *json)
{
	int64_t rows = 0;
	for (int i = 0; i < USAGE_CLASS_COUNT; i++)
		rows += run->usage[i];
	if (rows == 0)
		return;
	json_object(json, "usage");
	json_put_integer(json, "accepted", run->usage_accepted);
	json_object(json, "classes");
	/* In the order of their names. */
	static const enum usage_class by_name[] = {
	    USAGE_AGREE,           USAGE_BILLING_DIFFERS, USAGE_ERP_DIFFERS,    USAGE_GAP,
	    USAGE_MISSING_BILLING, USAGE_MISSING_ERP,     USAGE_MISSING_SOURCE, USAGE_OVERLAP,
	    USAGE_UNIT_DIFFERS};
	for (int i = 0; i < USAGE_CLASS_COUNT; i++) {
		if (run->usage[by_name[i]] > 0)
			json_put_integer(json, usage_class_name(by_name[i]), run->usage[by_name[i]]);
	}
	json_object_end(json);
	json_put_integer(json, "open", run_usage_broken(run));
	json_put_integer(json, "rows", rows);
	json_put_integer(json, "waiting", run->usage_waiting);
	json_object_end(json);
}

int64_t run_usage_broken(const struct run *run)
{
	int64_t rows = 0;
	for (int i = 0; i < USAGE_AGREE; i++)
		rows += run->usage[i];
	return rows - run->usage_waiting - run->usage_accepted;
}
