/*
 * report_html_usage.c - usage three ways: what was metered, what billing took, what the ERP invoiced.
 *
 * Why:   see connector/compare/usage.h; a finance person reads it without knowing that.
 * Owns:  nothing.
 * Rules: quantities are no money: each row has its own unit, and nothing is added up over rows.
 * Faults: as in report_page.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_usage_ways.py
 */
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_words.h"

static void quantity_cell(struct page *page, const cJSON *line, const char *place)
{
	const char *quantity = member_text(line, place);
	const char *unit = member_text_of(line, "units", place);
	if (cJSON_IsNull(member(line, place)))
		page_put(page, "<td class=\"n zero\">\xe2\x80\x93</td>");
	else if (unit[0])
		page_format(page, "<td class=\"n\">%a %t</td>", quantity, unit);
	else
		page_format(page, "<td class=\"n\">%a</td>", quantity);
}

/* A row that agrees, or is not yet due, has no state; in comparisons of before none had one. */
static void state_cell(struct page *page, const cJSON *line)
{
	char buffer[WORDS_CODE_SIZE];
	const cJSON *accepted = member(line, "accepted");
	const char *second = member_text(accepted, "second");
	if (figures_usage_accepted(line))
		page_format(page, "<td>accepted: %t<br><span class=\"minor\">%t%r%t, %w</span></td>",
		            member_text(accepted, "reason"), member_text(accepted, "by"),
		            second[0] ? " and " : "", second, member_text(accepted, "at"));
	else if (member_text(line, "state")[0])
		page_format(page, "<td>%t<br><span class=\"minor\">%r</span></td>",
		            words_state(member_text(line, "state"), buffer),
		            words_owner("", member_text(line, "owner")));
	else
		page_put(page, "<td></td>");
}

static void usage_row(struct page *page, const cJSON *line)
{
	char buffer[WORDS_CODE_SIZE];
	const char *class_ = member_text(line, "class");
	bool agrees = strcmp(class_, "agree") == 0;
	page_format(page,
	            "<tr%r><th scope=\"row\">%t</th><td>%t</td><td>%t</td><td class=\"t\">%t</td><td "
	            "class=\"t\">%t</td><td>%t</td>",
	            agrees ? "" : " class=\"differs\"", member_text(line, "entity"),
	            member_text(line, "customer"), member_text(line, "meter"), member_text(line, "from"),
	            member_text(line, "to"), member_text(line, "unit"));
	quantity_cell(page, line, "source");
	quantity_cell(page, line, "billing");
	quantity_cell(page, line, "erp");
	page_format(page, "<td>%t%r</td>", words_usage(class_, buffer),
	            cJSON_IsTrue(member(line, "waiting")) ? ", not yet due" : "");
	state_cell(page, line);
	page_put(page, "</tr>\n");
}

void html_usage(struct page *page)
{
	const struct figures *figures = page->figures;
	const struct picks *picks = &figures->usage;
	int64_t shown = 0;
	page_format(
	    page,
	    "<p>What was metered, what billing took and what the ERP invoiced, window by window: of %n, "
	    "<strong>%n do not agree</strong>, %n are not yet due, %n do not agree and were accepted.</p>\n",
	    picks->seen, figures->usage_broken, figures->usage_waiting, figures->usage_accepted);
	for (size_t i = 0; i < picks->count; i++) {
		const struct pick_list *list = &picks->lists[i];
		page_table(page, "", "Usage, three ways");
		page_heads(page, "Company|Customer|Meter|From|To|Unit|#Metered|#Billing|#ERP|Found|State");
		for (size_t row = 0; row < list->count; row++) {
			cJSON *line = cJSON_Parse(list->picks[row].text);
			usage_row(page, line);
			cJSON_Delete(line);
			shown++;
		}
		page_table_end(page);
	}
	if (picks->seen > shown)
		page_format(page,
		            "<p class=\"note\">%n of %n rows are shown here, those that do not agree first. "
		            "<strong>%n more</strong> are in the workbook (XLSX) and in usage.csv.</p>\n",
		            shown, picks->seen, picks->seen - shown);
}
