/*
 * report_table.c - the tables of a result as rows and columns.
 *
 * Why:   see report_table.h.
 * Owns:  the flat rows of the bridge while they are visited.
 * Rules: see report_table.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_table.h"

#include <inttypes.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_words.h"

static const struct column waterfall[] = {
    {"Company", NULL, "entity", COLUMN_TEXT, 14},
    {"Read from the ERP", NULL, "extracted", COLUMN_COUNT, 18},
    {"Excluded", NULL, "excluded", COLUMN_COUNT, 12},
    {"Held", NULL, "held", COLUMN_COUNT, 12},
    {"In transit", NULL, "in_transit", COLUMN_COUNT, 12},
    {"Rejected", NULL, "rejected", COLUMN_COUNT, 12},
    {"Taken, not booked", NULL, "accepted_not_booked", COLUMN_COUNT, 18},
    {"Booked", NULL, "booked", COLUMN_COUNT, 12}};

static const struct column bridge[] = {{"Currency", NULL, "currency", COLUMN_TEXT, 10},
                                       {"Step", NULL, "step", COLUMN_TEXT, 28},
                                       {"Amount", NULL, "value", COLUMN_AMOUNT, 20}};

static const struct column balances[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                         {"Account, cloud", NULL, "account", COLUMN_TEXT, 16},
                                         {"Account, ERP", NULL, "account_legacy", COLUMN_TEXT, 16},
                                         {"Currency", NULL, "currency", COLUMN_TEXT, 10},
                                         {"Period", NULL, "period", COLUMN_TEXT, 10},
                                         {"ERP lines", "legacy", "lines", COLUMN_COUNT, 10},
                                         {"ERP debit", "legacy", "debit", COLUMN_AMOUNT, 18},
                                         {"ERP credit", "legacy", "credit", COLUMN_AMOUNT, 18},
                                         {"ERP balance", "legacy", "balance", COLUMN_AMOUNT, 18},
                                         {"Cloud lines", "cloud", "lines", COLUMN_COUNT, 12},
                                         {"Cloud debit", "cloud", "debit", COLUMN_AMOUNT, 18},
                                         {"Cloud credit", "cloud", "credit", COLUMN_AMOUNT, 18},
                                         {"Cloud balance", "cloud", "balance", COLUMN_AMOUNT, 18},
                                         {"Difference", NULL, "difference", COLUMN_AMOUNT, 18},
                                         {"Explained", NULL, "explained", COLUMN_AMOUNT, 18},
                                         {"Unexplained", NULL, "unexplained", COLUMN_AMOUNT, 18}};

static const struct column tax[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                    {"Period", NULL, "period", COLUMN_TEXT, 10},
                                    {"Code", NULL, "code", COLUMN_TEXT, 10},
                                    {"Rate, percent", NULL, "rate", COLUMN_AMOUNT, 14},
                                    {"Currency", NULL, "currency", COLUMN_TEXT, 10},
                                    {"ERP documents", "legacy", "documents", COLUMN_COUNT, 15},
                                    {"ERP base", "legacy", "base", COLUMN_AMOUNT, 18},
                                    {"ERP tax", "legacy", "tax", COLUMN_AMOUNT, 18},
                                    {"Cloud documents", "cloud", "documents", COLUMN_COUNT, 16},
                                    {"Cloud base", "cloud", "base", COLUMN_AMOUNT, 18},
                                    {"Cloud tax", "cloud", "tax", COLUMN_AMOUNT, 18},
                                    {"Difference of tax", NULL, "difference", COLUMN_AMOUNT, 18}};

static const struct column differences[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                            {"Document type", NULL, "document_type", COLUMN_TEXT, 15},
                                            {"Period", NULL, "period", COLUMN_TEXT, 10},
                                            {"Status", NULL, "status", COLUMN_TEXT, 16},
                                            {"State", NULL, "state", COLUMN_TEXT, 14},
                                            {"Cause", NULL, "cause", COLUMN_TEXT, 14},
                                            {"ERP number", "legacy", "number", COLUMN_TEXT, 16},
                                            {"ERP date", "legacy", "posting_date", COLUMN_DATE, 12},
                                            {"ERP amount", "legacy", "total", COLUMN_AMOUNT, 18},
                                            {"Cloud number", "cloud", "number", COLUMN_TEXT, 16},
                                            {"Cloud date", "cloud", "posting_date", COLUMN_DATE, 12},
                                            {"Cloud amount", "cloud", "total", COLUMN_AMOUNT, 18},
                                            {"Currency", NULL, "currency", COLUMN_TEXT, 10},
                                            {"Net", NULL, "net", COLUMN_AMOUNT, 16},
                                            {"Gross", NULL, "gross", COLUMN_AMOUNT, 16},
                                            {"What differs", NULL, "fields", COLUMN_FIELDS, 44},
                                            {"Age in days", NULL, "age_days", COLUMN_COUNT, 12},
                                            {"Found", NULL, "cause_text", COLUMN_TEXT, 44},
                                            {"ERP subject", "legacy", "subject", COLUMN_TEXT, 34},
                                            {"Together with, ERP", "legacy", "others", COLUMN_LIST, 34},
                                            {"Cloud subject", "cloud", "subject", COLUMN_TEXT, 34},
                                            {"Together with, cloud", "cloud", "others", COLUMN_LIST, 34},
                                            {"Key", NULL, "key", COLUMN_TEXT, 44}};

static const struct column causes[] = {
    {"Cause", NULL, "cause", COLUMN_TEXT, 16},           {"Currency", NULL, "currency", COLUMN_TEXT, 10},
    {"Open", NULL, "count", COLUMN_COUNT, 10},           {"Of all", NULL, "share_count", COLUMN_SHARE, 10},
    {"Gross", NULL, "gross", COLUMN_AMOUNT, 18},         {"Net", NULL, "net", COLUMN_AMOUNT, 18},
    {"Of value", NULL, "share_value", COLUMN_SHARE, 10}, {"Found", NULL, "text", COLUMN_TEXT, 60},
    {"Companies", NULL, "entities", COLUMN_LIST, 20},    {"Examples", NULL, "examples", COLUMN_LIST, 60}};

static const struct column accepted[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                         {"Document type", NULL, "document_type", COLUMN_TEXT, 15},
                                         {"Period", NULL, "period", COLUMN_TEXT, 10},
                                         {"ERP number", "legacy", "number", COLUMN_TEXT, 16},
                                         {"Cloud number", "cloud", "number", COLUMN_TEXT, 16},
                                         {"Currency", NULL, "currency", COLUMN_TEXT, 10},
                                         {"Gross", NULL, "gross", COLUMN_AMOUNT, 16},
                                         {"Net", NULL, "net", COLUMN_AMOUNT, 16},
                                         {"Cause", NULL, "cause", COLUMN_TEXT, 14},
                                         {"Was", "accepted", "status", COLUMN_TEXT, 14},
                                         {"By", "accepted", "by", COLUMN_TEXT, 20},
                                         {"Second person", "accepted", "second", COLUMN_TEXT, 20},
                                         {"When", "accepted", "at", COLUMN_INSTANT, 20},
                                         {"Reason", "accepted", "reason", COLUMN_TEXT, 70},
                                         {"Key", NULL, "key", COLUMN_TEXT, 44}};

static const struct column days[] = {{"Date", NULL, "date", COLUMN_DATE, 12},
                                     {"Documents", NULL, "documents", COLUMN_COUNT, 12},
                                     {"Clean", NULL, "clean", COLUMN_FLAG, 10},
                                     {"What does not simply agree", NULL, "classes", COLUMN_CLASSES, 50},
                                     {"Unexplained", NULL, "unexplained", COLUMN_MONEY, 30}};

static const struct column readiness[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                          {"Phase", NULL, "phase", COLUMN_TEXT, 12},
                                          {"Ready", NULL, "ready", COLUMN_FLAG, 10},
                                          {"Clean days", NULL, "clean_days", COLUMN_COUNT, 12},
                                          {"Needed days", NULL, "needed_days", COLUMN_COUNT, 13},
                                          {"Compared", NULL, "coverage", COLUMN_SHARE, 11},
                                          {"Unexplained", NULL, "unexplained", COLUMN_MONEY, 20},
                                          {"Why not", NULL, "why", COLUMN_LIST, 50},
                                          {"Untested", NULL, "untested", COLUMN_LIST, 50},
                                          {"At most wrong", "confidence", "bound", COLUMN_SHARE, 15},
                                          {"Confidence", "confidence", "level", COLUMN_SHARE, 12},
                                          {"Documents", "confidence", "documents", COLUMN_COUNT, 12}};

static const struct column usage[] = {{"Company", NULL, "entity", COLUMN_TEXT, 10},
                                      {"Customer", NULL, "customer", COLUMN_TEXT, 16},
                                      {"Meter", NULL, "meter", COLUMN_TEXT, 16},
                                      {"From", NULL, "from", COLUMN_DATE, 12},
                                      {"To", NULL, "to", COLUMN_DATE, 12},
                                      {"Unit", NULL, "unit", COLUMN_TEXT, 10},
                                      {"Metered", NULL, "source", COLUMN_AMOUNT, 18},
                                      {"Billing", NULL, "billing", COLUMN_AMOUNT, 18},
                                      {"ERP", NULL, "erp", COLUMN_AMOUNT, 18},
                                      {"Found", NULL, "class", COLUMN_TEXT, 18},
                                      {"Not yet due", NULL, "waiting", COLUMN_FLAG, 12},
                                      {"State", NULL, "state", COLUMN_TEXT, 14},
                                      {"Accepted by", "accepted", "by", COLUMN_TEXT, 20},
                                      {"Second person", "accepted", "second", COLUMN_TEXT, 20},
                                      {"When", "accepted", "at", COLUMN_INSTANT, 20},
                                      {"Reason", "accepted", "reason", COLUMN_TEXT, 70},
                                      {"Key", NULL, "key", COLUMN_TEXT, 44}};

static const struct column documents[] = {{"Side", NULL, "side", COLUMN_TEXT, 10},
                                          {"Subject", NULL, "subject", COLUMN_TEXT, 40},
                                          {"Status", NULL, "status", COLUMN_TEXT, 20},
                                          {"Counterpart", NULL, "pair", COLUMN_TEXT, 40},
                                          {"Digest", NULL, "digest", COLUMN_TEXT, 36}};

#define COUNT_OF(list) ((int)(sizeof(list) / sizeof(list)[0]))

const struct column *table_columns(enum report_table table, int *count)
{
	static const struct {
		const struct column *columns;
		int count;
	} tables[REPORT_TABLE_COUNT] = {[TABLE_WATERFALL] = {waterfall, COUNT_OF(waterfall)},
	                                [TABLE_BRIDGE] = {bridge, COUNT_OF(bridge)},
	                                [TABLE_BALANCES] = {balances, COUNT_OF(balances)},
	                                [TABLE_TAX] = {tax, COUNT_OF(tax)},
	                                [TABLE_DIFFERENCES] = {differences, COUNT_OF(differences)},
	                                [TABLE_CAUSES] = {causes, COUNT_OF(causes)},
	                                [TABLE_ACCEPTED] = {accepted, COUNT_OF(accepted)},
	                                [TABLE_DAYS] = {days, COUNT_OF(days)},
	                                [TABLE_READINESS] = {readiness, COUNT_OF(readiness)},
	                                [TABLE_USAGE] = {usage, COUNT_OF(usage)},
	                                [TABLE_DOCUMENTS] = {documents, COUNT_OF(documents)}};
	CHECK(table < REPORT_TABLE_COUNT);
	*count = tables[table].count;
	return tables[table].columns;
}

static const char *const names[REPORT_TABLE_COUNT][2] = {
#define REPORT_TABLE_NAMES(identifier, file, sheet) {file, sheet},
    REPORT_TABLES(REPORT_TABLE_NAMES)
#undef REPORT_TABLE_NAMES
};

bool table_present(const struct figures *figures, enum report_table table)
{
	return table != TABLE_USAGE || figures->usage.seen > 0;
}

const char *table_file(enum report_table table)
{
	return names[table][0];
}

const char *table_sheet(enum report_table table)
{
	return names[table][1];
}

/* ---- rows ---- */

struct filter {
	table_visitor visit;
	void *self;
};

static enum err visit_any(void *self, const struct result_line *line, struct err_info *info)
{
	struct filter *filter = self;
	return filter->visit(filter->self, line->object, info);
}

static enum err visit_accepted(void *self, const struct result_line *line, struct err_info *info)
{
	return figures_is_accepted(line->object) ? visit_any(self, line, info) : ERR_OK;
}

static enum err visit_list(const cJSON *list, table_visitor visit, void *self, struct err_info *info)
{
	const cJSON *row;
	cJSON_ArrayForEach(row, list)
	{
		enum err err = visit(self, row, info);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static cJSON *bridge_rows(const cJSON *bridges)
{
	const cJSON *of_currency;
	const cJSON *step;
	char buffer[WORDS_CODE_SIZE];
	cJSON *rows = cJSON_CreateArray();
	cJSON_ArrayForEach(of_currency, bridges)
	{
		const cJSON *steps = member(of_currency, "steps");
		cJSON_ArrayForEach(step, steps)
		{
			cJSON *row = cJSON_CreateObject();
			(void)cJSON_AddStringToObject(row, "currency", member_text(of_currency, "currency"));
			(void)cJSON_AddStringToObject(row, "step",
			                              words_step(member_text(step, "name"), buffer));
			(void)cJSON_AddStringToObject(row, "value", member_text(step, "value"));
			(void)cJSON_AddItemToArray(rows, row);
		}
		cJSON *row = cJSON_CreateObject();
		(void)cJSON_AddStringToObject(row, "currency", member_text(of_currency, "currency"));
		(void)cJSON_AddStringToObject(row, "step", "Residual, not bridged");
		(void)cJSON_AddStringToObject(row, "value", member_text(of_currency, "residual"));
		(void)cJSON_AddItemToArray(rows, row);
	}
	return rows;
}

enum err table_visit(const struct figures *figures, enum report_table table, table_visitor visit, void *self,
                     struct err_info *info)
{
	struct filter filter = {visit, self};
	const struct result *result = figures->result;
	switch (table) {
	case TABLE_BALANCES:
		return result_visit(result, RESULT_BALANCES, visit_any, &filter, info);
	case TABLE_TAX:
		return result_visit(result, RESULT_TAX, visit_any, &filter, info);
	case TABLE_DIFFERENCES:
		return result_visit(result, RESULT_DIFFERENCES, visit_any, &filter, info);
	case TABLE_USAGE:
		return result_visit(result, RESULT_USAGE, visit_any, &filter, info);
	case TABLE_DOCUMENTS:
		return result_visit(result, RESULT_DOCUMENTS, visit_any, &filter, info);
	case TABLE_ACCEPTED:
		return result_visit(result, RESULT_DIFFERENCES, visit_accepted, &filter, info);
	case TABLE_BRIDGE: {
		cJSON *rows = bridge_rows(member(figures->run, "bridge"));
		enum err err = visit_list(rows, visit, self, info);
		cJSON_Delete(rows);
		return err;
	}
	default:
		return visit_list(member(figures->run, table_file(table)), visit, self, info);
	}
}

/* ---- values ---- */

static const char *or_none(const char *text)
{
	return text[0] ? text : "none";
}

static void append_fields(const cJSON *fields, struct buf *out)
{
	const cJSON *field;
	char buffer[WORDS_CODE_SIZE];
	cJSON_ArrayForEach(field, fields)
	{
		buf_append_text(out, field->prev->next ? "; " : "");
		buf_append_text(out, words_code(member_text(field, "field"), buffer));
		if (member_text(field, "account")[0]) {
			buf_append_char(out, ' ');
			words_text(member_text(field, "account"), WORDS_ALL, out);
		}
		if (member_text(field, "tax_code")[0]) {
			buf_append_text(out, ", tax code ");
			words_text(member_text(field, "tax_code"), WORDS_ALL, out);
		}
		buf_append_text(out, ": ERP ");
		words_text(or_none(member_text(field, "legacy")), WORDS_ALL, out);
		buf_append_text(out, ", cloud ");
		words_text(or_none(member_text(field, "cloud")), WORDS_ALL, out);
	}
}

static void append_list(const struct column *column, const cJSON *list, struct buf *out)
{
	const cJSON *item;
	char number[32];
	struct buf count;
	cJSON_ArrayForEach(item, list)
	{
		buf_append_text(out, item->prev->next ? "; " : "");
		switch (column->kind) {
		case COLUMN_MONEY:
			words_text(member_text(item, "currency"), WORDS_ALL, out);
			buf_append_char(out, ' ');
			words_text(member_text(item, "value"), WORDS_ALL, out);
			break;
		case COLUMN_CLASSES:
			buf_init(&count, sizeof number);
			buf_printf(&count, " %" PRId64, member_integer(list, item->string));
			words_text(item->string, WORDS_ALL, out);
			buf_append_span(out, buf_span(&count));
			buf_release(&count);
			break;
		default:
			words_text(cJSON_IsString(item) ? item->valuestring : "", WORDS_ALL, out);
		}
	}
}

void table_value(const struct column *column, const cJSON *row, struct buf *out)
{
	const cJSON *value = member(column->outer ? member(row, column->outer) : row, column->name);
	switch (column->kind) {
	case COLUMN_LIST:
	case COLUMN_MONEY:
	case COLUMN_CLASSES:
		append_list(column, value, out);
		return;
	case COLUMN_FIELDS:
		append_fields(value, out);
		return;
	case COLUMN_FLAG:
		buf_append_text(out, cJSON_IsTrue(value) ? "yes" : "no");
		return;
	case COLUMN_COUNT:
		if (cJSON_IsNumber(value))
			buf_printf(
			    out, "%" PRId64,
			    member_integer(column->outer ? member(row, column->outer) : row, column->name));
		return;
	default:
		if (cJSON_IsString(value))
			words_text(value->valuestring, WORDS_ALL, out);
	}
}

/* ---- summary ---- */

static void summary_count(summary_visitor visit, void *self, const char *name, int64_t count)
{
	struct buf text;
	buf_init(&text, 64);
	buf_printf(&text, "%" PRId64, count);
	visit(self, name, buf_cstr(&text), COLUMN_COUNT);
	buf_release(&text);
}

static void summary_texts(summary_visitor visit, void *self, const char *name, const cJSON *list)
{
	struct column column = {name, NULL, name, COLUMN_LIST, 0};
	struct buf text;
	buf_init(&text, RESULT_RUN_BYTES_MAX);
	append_list(&column, list, &text);
	visit(self, name, buf_cstr(&text), COLUMN_TEXT);
	buf_release(&text);
}

static void summary_money(const struct figures *figures, summary_visitor visit, void *self, const char *which)
{
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(member(figures->run, "totals"), which))
	{
		struct buf name;
		buf_init(&name, 1024);
		buf_printf(&name, "Differences, %s, ", which);
		words_text(member_text(entry, "currency"), PICKS_CURRENCY_SIZE, &name);
		visit(self, buf_cstr(&name), member_text(entry, "difference"), COLUMN_AMOUNT);
		buf_release(&name);
	}
}

void table_summary(const struct figures *figures, summary_visitor visit, void *self)
{
	const cJSON *run = figures->run;
	const cJSON *totals = member(run, "totals");
	const cJSON *item;
	visit(self, "Verdict", words_verdict(figures->verdict), COLUMN_TEXT);
	for (int i = 0; i < figures->doubt_count; i++)
		visit(self, "Not to be relied on", figures->doubts[i], COLUMN_TEXT);
	cJSON_ArrayForEach(item, member(run, "incomplete"))
	    visit(self, "Not compared", member_text(item, "text"), COLUMN_TEXT);
	cJSON_ArrayForEach(item, member(member(run, "verdict"), "why"))
	    visit(self, "Why", cJSON_IsString(item) ? item->valuestring : "", COLUMN_TEXT);
	visit(self, "Run", member_text(run, "id"), COLUMN_TEXT);
	visit(self, "Cut (UTC)", member_text_of(run, "cut", "at"), COLUMN_INSTANT);
	summary_texts(visit, self, "Companies", member(member(run, "scope"), "entities"));
	visit(self, "From period", member_text_of(run, "scope", "from"), COLUMN_TEXT);
	visit(self, "To period", member_text_of(run, "scope", "to"), COLUMN_TEXT);
	summary_texts(visit, self, "Document types", member(member(run, "scope"), "types"));
	visit(self, "Version of the rules", member_text_of(run, "rules", "version"), COLUMN_TEXT);
	summary_count(visit, self, "Documents in the ERP", figures->documents[0]);
	summary_count(visit, self, "Documents in the cloud", figures->documents[1]);
	summary_count(visit, self, "Pairs", member_integer(totals, "pairs"));
	if (cJSON_IsNumber(member(totals, "matched")))
		summary_count(visit, self, "Pairs that agree", member_integer(totals, "matched"));
	summary_count(visit, self, "Open", figures->open_count);
	summary_count(visit, self, "Accepted", figures->accepted_count);
	summary_money(figures, visit, self, "gross");
	summary_money(figures, visit, self, "net");
	summary_count(visit, self, "Trial differences planted",
	              member_integer(member(run, "canaries"), "planted"));
	summary_count(visit, self, "Trial differences found",
	              member_integer(member(run, "canaries"), "found"));
	visit(self, "SHA-256 of run.json", figures->result->run_sha256, COLUMN_TEXT);
	cJSON_ArrayForEach(item, member(run, "files"))
	{
		struct buf name;
		buf_init(&name, 1024);
		buf_append_text(&name, "SHA-256 of ");
		words_text(member_text(item, "name"), 40, &name);
		visit(self, buf_cstr(&name), member_text(item, "sha256"), COLUMN_TEXT);
		buf_release(&name);
	}
}
