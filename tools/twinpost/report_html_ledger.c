/*
 * report_html_ledger.c - completeness, bridge, trial balances and tax.
 *
 * Why:   what an accountant adds up: every table here ends where the next one begins.
 * Owns:  the parsed lines of a table while it is written.
 * Rules: see report_html.h. Where rows are left out, those that differ are shown first.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_chart.h"
#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_words.h"

/* ---- completeness ---- */

static const struct fate {
	const char *name, *title, *meaning;
} fates[] = {{"excluded", "Excluded", "left out by configuration"},
             {"held", "Held", "wait as exceptions in the agent"},
             {"in_transit", "In transit", "sent, not yet answered"},
             {"rejected", "Rejected", "refused by the cloud"},
             {"accepted_not_booked", "Taken, not booked", "the cloud has them, but has not booked them"},
             {"booked", "Booked", "booked by the cloud"}};
#define FATE_COUNT (sizeof fates / sizeof fates[0])

static void completeness_chart(struct page *page, const cJSON *row)
{
	struct chart chart = {.title = "What became of the ERP's documents"};
	struct chart_bar *bar =
	    chart_add(&chart, "Read from the ERP", (struct decimal){member_integer(row, "extracted"), 0});
	bar->total = true;
	(void)snprintf(chart.text, sizeof chart.text,
	               "Of %lld documents that were read, %lld are booked by the cloud.",
	               (long long)member_integer(row, "extracted"), (long long)member_integer(row, "booked"));
	for (size_t i = 0; i + 1 < FATE_COUNT; i++)
		(void)chart_add(&chart, fates[i].title,
		                (struct decimal){-member_integer(row, fates[i].name), 0});
	bar = chart_add(&chart, "Booked", (struct decimal){member_integer(row, "booked"), 0});
	bar->total = true;
	bar->is_cloud = true;
	chart_waterfall(page, &chart);
}

static const cJSON *whole(const struct page *page)
{
	const cJSON *row;
	cJSON_ArrayForEach(row, member(page->run, "waterfall"))
	{
		if (member_text(row, "entity")[0] == 0)
			return row;
	}
	return cJSON_GetArrayItem(member(page->run, "waterfall"), 0);
}

static void completeness_row(struct page *page, const cJSON *row, bool sum)
{
	page_format(page, "<tr%r><th scope=\"row\">%t</th><td class=\"n\">%n</td>",
	            sum ? " class=\"sum\"" : "",
	            member_text(row, "entity")[0] ? member_text(row, "entity") : "All companies",
	            member_integer(row, "extracted"));
	for (size_t i = 0; i < FATE_COUNT; i++)
		page_format(page, "<td class=\"n\">%n</td>", member_integer(row, fates[i].name));
	page_put(page, "</tr>\n");
}

void html_completeness(struct page *page)
{
	const cJSON *all = whole(page);
	const cJSON *row;
	page_put(
	    page,
	    "<p>Every document that was read from the ERP stands in exactly one column. Read from the ERP = "
	    "excluded + held + in transit + rejected + taken, not booked + booked.</p>\n");
	if (!all) {
		page_nothing(page, "The result does not say what became of the documents.");
		return;
	}
	page_put(page, "<div class=\"charts\">\n");
	completeness_chart(page, all);
	page_put(page, "<div>");
	page_table(page, "", "What the columns mean");
	page_heads(page, "Column|Meaning|#Documents");
	for (size_t i = 0; i < FATE_COUNT; i++)
		page_format(page, "<tr><th scope=\"row\">%r</th><td>%r</td><td class=\"n\">%n</td></tr>\n",
		            fates[i].title, fates[i].meaning, member_integer(all, fates[i].name));
	page_table_end(page);
	page_put(page, "</div>\n</div>\n");
	page_table(page, "", "Documents read from the ERP, by company");
	page_heads(
	    page,
	    "Company|#Read from the ERP|#Excluded|#Held|#In transit|#Rejected|#Taken, not booked|#Booked");
	cJSON_ArrayForEach(row, member(page->run, "waterfall"))
	{
		if (row != all)
			completeness_row(page, row, false);
	}
	completeness_row(page, all, true);
	page_table_end(page);
}

/* ---- bridge ---- */

static void bridge_table(struct page *page, const cJSON *bridge)
{
	const cJSON *step;
	char buffer[WORDS_CODE_SIZE];
	page_table(page, "", "Bridge in %t", member_text(bridge, "currency"));
	page_heads(page, "Step|#Amount");
	cJSON_ArrayForEach(step, member(bridge, "steps"))
	{
		bool total = step == member(bridge, "steps")->child || !step->next;
		page_format(page, "<tr%r><th scope=\"row\">%t</th><td class=\"n\">%a</td></tr>\n",
		            total ? " class=\"sum\"" : "", words_step(member_text(step, "name"), buffer),
		            member_text(step, "value"));
	}
	page_format(page, "<tr><th scope=\"row\">Residual, not bridged</th><td class=\"n\">%a</td></tr>\n",
	            member_text(bridge, "residual"));
	page_table_end(page);
}

static void bridge_chart(struct page *page, const cJSON *bridge)
{
	const cJSON *step;
	struct decimal value;
	char buffer[WORDS_CODE_SIZE];
	char title[80];
	struct chart chart = {.title = title};
	(void)snprintf(title, sizeof title, "From the ERP to the cloud, %.7s",
	               member_text(bridge, "currency"));
	(void)snprintf(
	    chart.text, sizeof chart.text,
	    "Steps from the ERP's sum of documents to the cloud's; the table beside has the amounts.");
	cJSON_ArrayForEach(step, member(bridge, "steps"))
	{
		if (decimal_parse(&value, span_of(member_text(step, "value"))) != ERR_OK)
			return;
		struct chart_bar *bar =
		    chart_add(&chart, words_step(member_text(step, "name"), buffer), value);
		bar->total = chart.count == 1 || !step->next;
		bar->is_cloud = !step->next;
	}
	chart_waterfall(page, &chart);
}

void html_bridge(struct page *page)
{
	const cJSON *bridge;
	page_put(
	    page,
	    "<p>The sum of all documents in the ERP becomes that of the cloud by these steps, and by nothing "
	    "else: the residual is zero. Credit memos count negative.</p>\n");
	cJSON_ArrayForEach(bridge, member(page->run, "bridge"))
	{
		page_put(page, "<div class=\"charts\">\n");
		bridge_chart(page, bridge);
		page_put(page, "<div>");
		bridge_table(page, bridge);
		page_put(page, "</div>\n</div>\n");
	}
	if (cJSON_GetArraySize(member(page->run, "bridge")) == 0)
		page_nothing(page, "There is no amount on either side.");
}

/* ---- trial balances ---- */

#define BALANCE_COLUMNS 12

static bool is_zero(const char *amount)
{
	struct decimal value;
	return decimal_parse(&value, span_of(amount)) == ERR_OK && decimal_sign(value) == 0;
}

static void amount_cell(struct page *page, const char *amount)
{
	page_format(page, is_zero(amount) ? "<td class=\"n zero\">%a</td>" : "<td class=\"n\">%a</td>",
	            amount);
}

/* What is to be zero, and set off where it is not. */
static void difference_cell(struct page *page, const char *amount)
{
	page_format(page, is_zero(amount) ? "<td class=\"n zero\">%a</td>" : "<td class=\"n x\">%a</td>",
	            amount);
}

static bool differs(const cJSON *line)
{
	return !is_zero(member_text(line, "difference"));
}

/* Where no code was changed, a column of the same numbers would hide the few that were. */
static void legacy_cell(struct page *page, const cJSON *line)
{
	const char *legacy = member_text(line, "account_legacy");
	if (legacy[0] && strcmp(legacy, member_text(line, "account")) == 0)
		page_put(page, "<td class=\"zero\">same</td>");
	else
		page_format(page, strchr(legacy, ' ') ? "<td class=\"codes\">%t</td>" : "<td>%t</td>",
		            legacy);
}

static void balance_row(struct page *page, const cJSON *line)
{
	page_format(page, "<tr%r><th scope=\"row\">%t</th>",
	            is_zero(member_text(line, "unexplained")) ? "" : " class=\"differs\"",
	            member_text(line, "account"));
	legacy_cell(page, line);
	page_format(page, "<td class=\"t\">%t</td>", member_text(line, "period"));
	for (int side = 0; side < 2; side++) {
		const char *name = side == 0 ? "legacy" : "cloud";
		amount_cell(page, member_text_of(line, name, "debit"));
		amount_cell(page, member_text_of(line, name, "credit"));
		amount_cell(page, member_text_of(line, name, "balance"));
	}
	difference_cell(page, member_text(line, "difference"));
	amount_cell(page, member_text(line, "explained"));
	difference_cell(page, member_text(line, "unexplained"));
	page_put(page, "</tr>\n");
}

/* The chosen rows of a currency, parsed, in the order of the table; those that agree only where all rows fit. */
static cJSON **parse_rows(const struct page *page, const struct pick_list *list)
{
	bool all = page->figures->balances.seen <= page->limits->html_rows;
	cJSON **rows = mem_alloc((list->count + 1) * sizeof(cJSON *));
	for (size_t i = 0; i < list->count; i++) {
		rows[i] = cJSON_Parse(list->picks[i].text);
		if (!all && !differs(rows[i])) {
			cJSON_Delete(rows[i]);
			rows[i] = NULL;
		}
	}
	return rows;
}

static int64_t balance_group(struct page *page, const struct figures_group *group, cJSON *const *rows,
                             size_t count)
{
	int64_t shown = 0;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i] || strcmp(member_text(rows[i], "entity"), group->entity) != 0)
			continue;
		if (shown++ == 0)
			page_format(page,
			            "</tbody>\n<tbody><tr class=\"group\"><th scope=\"rowgroup\" "
			            "colspan=\"%i\">Company %t, "
			            "%t</th></tr>\n",
			            BALANCE_COLUMNS, group->entity, group->currency);
		balance_row(page, rows[i]);
	}
	return shown;
}

static void balance_sums(struct page *page)
{
	page_table(page, "", "Sums of the trial balances, by company and currency");
	page_heads(
	    page,
	    "Company|Currency|#Rows|#Differ|#ERP debit|#ERP credit|#Cloud debit|#Cloud credit|#Differences, "
	    "gross|#Unexplained, gross");
	for (size_t i = 0; i < page->figures->group_count; i++) {
		const struct figures_group *group = &page->figures->groups[i];
		page_format(page,
		            "<tr><th scope=\"row\">%t</th><td>%t</td><td class=\"n\">%n</td><td "
		            "class=\"n\">%n</td><td "
		            "class=\"n\">%m</td><td class=\"n\">%m</td><td class=\"n\">%m</td><td "
		            "class=\"n\">%m</td><td "
		            "class=\"n\">%m</td><td class=\"n\">%m</td></tr>\n",
		            group->entity, group->currency, group->accounts, group->differing,
		            group->legacy_debit, group->legacy_credit, group->cloud_debit,
		            group->cloud_credit, group->difference, group->unexplained);
	}
	page_table_end(page);
}

static int64_t balance_currency(struct page *page, const struct pick_list *list)
{
	cJSON **rows = parse_rows(page, list);
	int64_t shown = 0;
	for (size_t i = 0; i < page->figures->group_count; i++) {
		const struct figures_group *group = &page->figures->groups[i];
		if (strcmp(group->currency, list->currency) == 0)
			shown += balance_group(page, group, rows, list->count);
	}
	for (size_t i = 0; i < list->count; i++)
		cJSON_Delete(rows[i]);
	free(rows);
	return shown;
}

void html_balances(struct page *page)
{
	const struct picks *picks = &page->figures->balances;
	int64_t shown = 0;
	if (picks->seen == 0) {
		page_nothing(page, "There is no account on either side.");
		return;
	}
	page_put(page,
	         "<p>Debit is positive, credit negative. A difference is explained where documents "
	         "with a known cause "
	         "make it. Differences are bold; rows with an unexplained part are shaded. Beside each "
	         "account of the cloud stand those of the ERP that become it by the mapping on the days "
	         "of the period, whether or not anything was posted to them.</p>\n");
	balance_sums(page);
	page_table(page, "wide", "Accounts by company, currency and period");
	page_put(
	    page,
	    "<thead><tr><th scope=\"col\" rowspan=\"2\">Account, cloud</th><th scope=\"col\" "
	    "rowspan=\"2\">Account, ERP</th><th scope=\"col\" rowspan=\"2\">Period</th><th "
	    "scope=\"colgroup\" "
	    "colspan=\"3\" class=\"g\">ERP</th><th scope=\"colgroup\" colspan=\"3\" class=\"g\">Cloud</th>"
	    "<th scope=\"colgroup\" colspan=\"3\" class=\"g\">Cloud minus ERP</th></tr>\n<tr>");
	static const char *const heads[] = {"Debit",   "Credit",     "Balance",   "Debit",      "Credit",
	                                    "Balance", "Difference", "Explained", "Unexplained"};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		page_format(page, "<th scope=\"col\" class=\"n\">%r</th>", heads[i]);
	page_put(page, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < picks->count; i++)
		shown += balance_currency(page, &picks->lists[i]);
	page_table_end(page);
	if (shown < picks->seen)
		page_format(
		    page,
		    "<p class=\"note\">%n of %n rows are shown here: those that differ, the largest of each "
		    "currency. <strong>%n more</strong> are in the workbook (XLSX) and in "
		    "balances.csv.</p>\n",
		    shown, picks->seen, picks->seen - shown);
}

/* ---- tax ---- */

static void tax_row(struct page *page, const cJSON *line)
{
	page_format(page,
	            "<tr><th scope=\"row\">%t</th><td>%t</td><td class=\"n\">%t%t</td><td "
	            "class=\"t\">%t</td>",
	            member_text(line, "entity"), member_text(line, "code"), member_text(line, "rate"),
	            member_text(line, "rate")[0] ? "\xc2\xa0%" : "", member_text(line, "period"));
	for (int side = 0; side < 2; side++) {
		const char *name = side == 0 ? "legacy" : "cloud";
		page_format(page, "<td class=\"n\">%n</td>", member_integer(member(line, name), "documents"));
		amount_cell(page, member_text_of(line, name, "base"));
		amount_cell(page, member_text_of(line, name, "tax"));
	}
	difference_cell(page, member_text(line, "difference"));
	page_put(page, "</tr>\n");
}

void html_tax(struct page *page)
{
	const struct picks *picks = &page->figures->tax;
	int64_t shown = 0;
	for (size_t i = 0; i < picks->count; i++) {
		const struct pick_list *list = &picks->lists[i];
		page_table(page, "", "Tax in %t", list->currency);
		page_heads(page,
		           "Company|Code|#Rate|Period|#Docs, ERP|#Base, ERP|#Tax, ERP|#Docs, cloud|#Base, "
		           "cloud|#Tax, cloud|#Difference of tax");
		for (size_t row = 0; row < list->count; row++) {
			cJSON *line = cJSON_Parse(list->picks[row].text);
			tax_row(page, line);
			cJSON_Delete(line);
			shown++;
		}
		page_table_end(page);
	}
	if (picks->seen == 0)
		page_nothing(page, "No document carries tax.");
	html_left_out(page, shown, picks->seen, "rows", "tax");
}
