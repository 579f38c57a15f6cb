/*
 * report_html_open.c - causes, open differences, their age, and what was accepted.
 *
 * Why:   this is the list of work; each line holds both numbers and both values, so that nobody has to look them up.
 * Owns:  the parsed line while it is written.
 * Rules: see report_html.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_chart.h"
#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_words.h"

#define FIELDS_SHOWN     3
#define CURRENCIES_DRAWN 8

/* ---- causes ---- */

/* The running share of the first bars, written beside each. */
static void add_shares(struct chart *chart)
{
	int64_t all = 0;
	int64_t sum = 0;
	struct decimal value;
	for (int i = 0; i < chart->count; i++) {
		if (decimal_rescale(&value, chart->bars[i].value, 4) != ERR_OK ||
		    value.units > INT64_MAX / 2000)
			return;
		all += value.units;
	}
	for (int i = 0; i < chart->count && all > 0; i++) {
		/* Fitted above. */
		if (decimal_rescale(&value, chart->bars[i].value, 4) != ERR_OK)
			return;
		sum += value.units;
		(void)snprintf(chart->bars[i].share, sizeof chart->bars[i].share, "%d %%",
		               chart_scaled(sum, all, 100) / 10);
	}
}

static void pareto_count(struct page *page)
{
	struct html_cause causes[HTML_CAUSES_MAX];
	struct chart chart = {.title = "Causes by number of open documents"};
	char buffer[WORDS_CODE_SIZE];
	int count = html_count_causes(page, causes);
	(void)snprintf(chart.text, sizeof chart.text,
	               "Causes, most first, with the running share of all open documents.");
	for (int i = 0; i < count; i++)
		(void)chart_add(&chart, words_cause(causes[i].cause, buffer),
		                (struct decimal){causes[i].count, 0});
	add_shares(&chart);
	chart_bars(page, &chart);
}

static void sort_bars(struct chart *chart)
{
	for (int i = 1; i < chart->count; i++) {
		struct chart_bar held = chart->bars[i];
		int to = i;
		for (; to > 0 && decimal_compare(chart->bars[to - 1].value, held.value) < 0; to--)
			chart->bars[to] = chart->bars[to - 1];
		chart->bars[to] = held;
	}
}

static void pareto_value(struct page *page, const char *currency)
{
	const cJSON *entry;
	struct decimal value;
	char buffer[WORDS_CODE_SIZE];
	char title[80];
	struct chart chart = {.title = title};
	(void)snprintf(title, sizeof title, "Causes by gross value, %.7s", currency);
	(void)snprintf(chart.text, sizeof chart.text,
	               "Causes, largest first, with the running share of the gross value.");
	cJSON_ArrayForEach(entry, member(page->run, "causes"))
	{
		if (strcmp(member_text(entry, "currency"), currency) == 0 &&
		    decimal_parse(&value, span_of(member_text(entry, "gross"))) == ERR_OK &&
		    decimal_sign(value) > 0)
			(void)chart_add(&chart, words_cause(member_text(entry, "cause"), buffer), value);
	}
	sort_bars(&chart);
	add_shares(&chart);
	chart_bars(page, &chart);
}

static void cause_row(struct page *page, const cJSON *entry)
{
	char buffer[WORDS_CODE_SIZE];
	const cJSON *item;
	page_format(
	    page,
	    "<tr><th scope=\"row\">%t</th><td>%t</td><td class=\"n\">%n</td><td class=\"n\">%h</td><td "
	    "class=\"n\">%a</td><td class=\"n\">%a</td><td class=\"n\">%h</td><td>%t",
	    words_cause(member_text(entry, "cause"), buffer), member_text(entry, "currency"),
	    member_integer(entry, "count"), member_text(entry, "share_count"), member_text(entry, "gross"),
	    member_text(entry, "net"), member_text(entry, "share_value"), member_text(entry, "text"));
	page_put(page, "<br><span class=\"minor\">");
	cJSON_ArrayForEach(item, member(entry, "examples")) page_format(
	    page, "%r%t", item->prev->next ? ", " : "", cJSON_IsString(item) ? item->valuestring : "");
	page_put(page, "</span></td></tr>\n");
}

void html_causes(struct page *page)
{
	const cJSON *entry;
	if (cJSON_GetArraySize(member(page->run, "causes")) == 0) {
		page_nothing(page, "No document is open, so there is nothing to explain.");
		return;
	}
	page_put(page, "<div class=\"charts\">\n");
	pareto_count(page);
	for (size_t i = 0; i < page->figures->open.count && i < CURRENCIES_DRAWN; i++)
		pareto_value(page, page->figures->open.lists[i].currency);
	page_put(page, "</div>\n");
	page_table(page, "wide", "Causes of open differences, by currency");
	page_heads(page, "Cause|Currency|#Open|#Of all|#Gross|#Net|#Of value|What was found, and examples");
	cJSON_ArrayForEach(entry, member(page->run, "causes")) cause_row(page, entry);
	page_table_end(page);
}

/* ---- one difference ---- */

static void document_cell(struct page *page, const cJSON *difference, const char *side, bool head)
{
	const cJSON *document = member(difference, side);
	page_put(page, head ? "<th scope=\"row\">" : "<td>");
	int64_t documents = member_integer(document, "documents");
	if (cJSON_IsObject(document)) {
		page_format(page, "%t<br><span class=\"minor t\">%t</span>", member_text(document, "number"),
		            member_text(document, "posting_date"));
		if (documents > 1)
			page_format(page, "<br><span class=\"minor t\">and %n more</span>", documents - 1);
	} else
		page_put(page, "<span class=\"zero\">none</span>");
	page_put(page, head ? "</th>" : "</td>");
}

static void total_cell(struct page *page, const cJSON *difference, const char *side)
{
	const char *total = member_text_of(difference, side, "total");
	page_format(page,
	            total[0] ? "<td class=\"n\">%a</td>"
	                     : "<td class=\"n\"><span class=\"zero\">none</span>%t</td>",
	            total);
}

static void field_value(struct page *page, const char *value, bool amount)
{
	if (value[0])
		page_format(page, amount ? "%a" : "%t", value);
	else
		page_put(page, "<span class=\"zero\">none</span>");
}

static void fields_cell(struct page *page, const cJSON *difference)
{
	const cJSON *field;
	char buffer[WORDS_CODE_SIZE];
	int shown = 0;
	int all = cJSON_GetArraySize(member(difference, "fields"));
	page_put(page, "<td>");
	cJSON_ArrayForEach(field, member(difference, "fields"))
	{
		if (shown == FIELDS_SHOWN)
			break;
		bool amount = strcmp(member_text(field, "lane"), "amount") == 0;
		page_format(page, "%r%t%r%t%r%t: ", shown++ > 0 ? "<br>" : "",
		            words_code(member_text(field, "field"), buffer),
		            member_text(field, "account")[0] ? " " : "", member_text(field, "account"),
		            member_text(field, "tax_code")[0] ? ", tax code " : "",
		            member_text(field, "tax_code"));
		field_value(page, member_text(field, "legacy"), amount);
		page_put(page, " \xe2\x86\x92 ");
		field_value(page, member_text(field, "cloud"), amount);
	}
	if (all > shown)
		page_format(page, "<br>and %i more", all - shown);
	if (all == 0)
		page_format(page, "%t", words_status(member_text(difference, "status"), buffer));
	page_put(page, "</td>");
}

static void difference_row(struct page *page, const cJSON *difference)
{
	char cause[WORDS_CODE_SIZE];
	char state[WORDS_CODE_SIZE];
	char type[WORDS_CODE_SIZE];
	page_put(page, "<tr>");
	document_cell(page, difference, "legacy", true);
	document_cell(page, difference, "cloud", false);
	total_cell(page, difference, "legacy");
	total_cell(page, difference, "cloud");
	page_format(page, "<td class=\"n\"><strong>%a</strong></td><td class=\"n\">%a</td>",
	            member_text(difference, "gross"), member_text(difference, "net"));
	fields_cell(page, difference);
	page_format(page, "<td>%t<br><span class=\"minor\">%r</span></td>",
	            words_cause(member_text(difference, "cause"), cause),
	            words_waits(member_text(difference, "status"))
	                ? "Nobody yet"
	                : words_owner(member_text(difference, "cause"), member_text(difference, "owner")));
	page_format(page, "<td class=\"t\">%t<br><span class=\"minor\">%t, %t</span></td>",
	            member_text(difference, "entity"),
	            words_code(member_text(difference, "document_type"), type),
	            member_text(difference, "period"));
	page_format(page, "<td class=\"t\">%t</td><td class=\"n\">%n</td></tr>\n",
	            words_state(member_text(difference, "state"), state),
	            member_integer(difference, "age_days"));
}

static int64_t each_line(struct page *page, const struct pick_list *list,
                         void (*row)(struct page *page, const cJSON *line))
{
	for (size_t i = 0; i < list->count; i++) {
		cJSON *line = cJSON_Parse(list->picks[i].text);
		row(page, line);
		cJSON_Delete(line);
	}
	return (int64_t)list->count;
}

void html_differences(struct page *page)
{
	const struct picks *open = &page->figures->open;
	int64_t shown = 0;
	if (open->seen == 0) {
		page_nothing(page, "None.");
		return;
	}
	page_put(page, "<p>Largest first, each currency by itself. Under <em>What differs</em> the ERP's "
	               "value stands before the "
	               "arrow, the cloud's behind it. <em>Gross</em> adds what differs without sign; "
	               "<em>net</em> is the cloud minus the ERP.</p>\n");
	for (size_t i = 0; i < open->count; i++) {
		const struct pick_list *list = &open->lists[i];
		page_table(page, "wide sort",
		           list->currency[0] ? "Open differences in %t (%n)"
		                             : "Open differences without an amount%t (%n)",
		           list->currency, list->seen);
		page_heads(page, "ERP document|Cloud document|#ERP|#Cloud|#Gross|#Net|What differs|Cause, "
		                 "who|Company|State|#Days");
		shown += each_line(page, list, difference_row);
		page_table_end(page);
	}
	html_left_out(page, shown, open->seen, "open differences", "differences");
}

/* ---- ages ---- */

void html_ages(struct page *page)
{
	const cJSON *entry;
	struct chart chart = {.title = "Open documents by age"};
	(void)snprintf(chart.text, sizeof chart.text,
	               "Open documents by days from their posting date to the cut.");
	cJSON_ArrayForEach(entry, member(page->run, "ages"))
	{
		char buffer[WORDS_CODE_SIZE];
		(void)chart_add(&chart, words_code(member_text(entry, "bucket"), buffer),
		                (struct decimal){member_integer(entry, "count"), 0});
	}
	page_put(page, "<div class=\"charts\">\n");
	chart_bars(page, &chart);
	page_put(page, "<div>");
	page_table(page, "", "Open documents by age");
	page_heads(page, "Days since posting|#Documents");
	cJSON_ArrayForEach(entry, member(page->run, "ages"))
	    page_format(page, "<tr><th scope=\"row\">%t</th><td class=\"n\">%n</td></tr>\n",
	                member_text(entry, "bucket"), member_integer(entry, "count"));
	page_format(page, "<tr class=\"sum\"><th scope=\"row\">All</th><td class=\"n\">%n</td></tr>\n",
	            page->figures->open_count);
	page_table_end(page);
	page_put(page, "</div>\n");
	const cJSON *bridge;
	int drawn = 0;
	cJSON_ArrayForEach(bridge, member(page->run, "bridge"))
	{
		if (drawn++ < CURRENCIES_DRAWN)
			chart_histogram(page, member_text(bridge, "currency"));
	}
	page_put(page, "</div>\n<p class=\"note\">Differences of totals, cloud minus ERP, counted by how "
	               "many minor units "
	               "(cents, fils) they are. A peak at one minor unit is the mark of rounding.</p>\n");
}

/* ---- accepted ---- */

static void accepted_row(struct page *page, const cJSON *difference)
{
	char cause[WORDS_CODE_SIZE];
	const cJSON *accepted = member(difference, "accepted");
	page_put(page, "<tr>");
	document_cell(page, difference, "legacy", true);
	document_cell(page, difference, "cloud", false);
	page_format(page, "<td>%t</td><td class=\"n\">%a</td><td class=\"n\">%a</td><td>%t</td><td>%t</td>",
	            member_text(difference, "entity"), member_text(difference, "gross"),
	            member_text(difference, "net"), words_cause(member_text(difference, "cause"), cause),
	            member_text(accepted, "reason"));
	page_format(page, "<td>%t<br><span class=\"minor\">%t</span></td><td>%w</td></tr>\n",
	            member_text(accepted, "by"),
	            member_text(accepted, "second")[0] ? member_text(accepted, "second") : "no second person",
	            member_text(accepted, "at"));
}

void html_accepted(struct page *page)
{
	const struct picks *accepted = &page->figures->accepted;
	int64_t shown = 0;
	if (page->figures->usage_accepted > 0)
		page_format(page,
		            "<p>%n windows of usage that do not agree were accepted: see <a "
		            "href=\"#usage\">Usage, three ways</a>.</p>\n",
		            page->figures->usage_accepted);
	if (accepted->seen == 0) {
		page_nothing(page, "None.");
		return;
	}
	page_put(page, "<p>These stay different. Each was accepted by a person, with a reason; it opens "
	               "again if its class or "
	               "amount changes.</p>\n");
	for (size_t i = 0; i < accepted->count; i++) {
		const struct pick_list *list = &accepted->lists[i];
		page_table(page, "sort",
		           list->currency[0] ? "Accepted differences in %t (%n)"
		                             : "Accepted differences without an amount%t (%n)",
		           list->currency, list->seen);
		page_heads(
		    page, "ERP document|Cloud document|Company|#Gross|#Net|Cause|Reason|By, and second|When");
		shown += each_line(page, list, accepted_row);
		page_table_end(page);
	}
	html_left_out(page, shown, accepted->seen, "accepted differences", "accepted");
}
