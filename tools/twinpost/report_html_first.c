/*
 * report_html_first.c - the first page: what is the case, how much it is about, and who does what next.
 *
 * Why:   whoever signs reads one page; it must be understood without help and say nothing that is not so.
 * Owns:  nothing.
 * Rules: 1. The verdict is figures->verdict, never run.json's own. Doubts stand first among the reasons.
 *        2. Green is said only of "reconciled" and its two lesser forms.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_words.h"

#define ACTIONS_SHOWN 6
#define STREAMS_SHOWN 8

enum colour { BAD, WARN, GOOD };

static enum colour colour_of(const char *verdict)
{
	if (strcmp(verdict, "reconciled") == 0)
		return GOOD;
	return strncmp(verdict, "reconciled", 10) == 0 ? WARN : BAD;
}

static bool is(const struct page *page, const char *verdict)
{
	return strcmp(page->figures->verdict, verdict) == 0;
}

/* What is open: documents, windows of usage, or both. */
static void open_ones(struct page *page, int64_t documents, int64_t windows)
{
	if (windows == 0) {
		page_plural(page, documents, "document is open.", "documents are open.");
		return;
	}
	if (documents > 0) {
		page_plural(page, documents, "document", "documents");
		page_put(page, " and ");
	}
	page_plural(page, windows, "window of usage", "windows of usage");
	page_put(page, documents + windows == 1 ? " is open." : " are open.");
}

static void headline(struct page *page)
{
	int64_t open = page->figures->open_count;
	page_put(page, "<h1>");
	if (is(page, "incomplete")) {
		page_put(page, "This comparison is not complete: do not rely on it.");
	} else if (is(page, "breaks")) {
		page_put(page, "The two ledgers do not agree yet: ");
		open_ones(page, open, page->figures->usage_broken);
	} else if (is(page, "reconciled_with_pending") && open == 0 && page->figures->usage_waiting > 0) {
		page_put(page, "The two ledgers agree so far; ");
		page_plural(page, page->figures->usage_waiting, "window of usage is not yet due.",
		            "windows of usage are not yet due.");
	} else if (is(page, "reconciled_with_pending")) {
		page_put(page, "The two ledgers agree so far; ");
		page_plural(page, open, "document is still on its way.", "documents are still on their way.");
	} else if (is(page, "reconciled_with_warnings")) {
		page_put(page, "The two ledgers agree, with reservations.");
		if (open > 0) {
			page_put(page, " ");
			page_plural(page, open, "document is still on its way.",
			            "documents are still on their way.");
		}
	} else {
		page_put(page, "The two ledgers agree, document by document.");
	}
	page_put(page, "</h1>\n");
}

/* What agrees: told by the totals, else counted. */
static int64_t matched(const struct page *page)
{
	const cJSON *totals = member(page->run, "totals");
	if (cJSON_IsNumber(member(totals, "matched")))
		return member_integer(totals, "matched");
	int64_t sum = 0;
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(page->run, "counts")) sum +=
	    member_integer(member(entry, "statuses"), "matched") +
	    member_integer(member(entry, "statuses"), "matched_within_tolerance");
	return sum;
}

/* "EUR 43,124.60, JPY 3,064,793 and KWD 14,533.443", those that are not zero. */
static void amounts(struct page *page, const char *which)
{
	const cJSON *list = member(member(page->run, "totals"), which);
	const cJSON *entry;
	int count = 0;
	int done = 0;
	struct decimal value;
	for (int pass = 0; pass < 2; pass++) {
		cJSON_ArrayForEach(entry, list)
		{
			const char *amount = member_text(entry, "difference");
			if (decimal_parse(&value, span_of(amount)) != ERR_OK || decimal_sign(value) == 0)
				continue;
			if (pass == 0) {
				count++;
				continue;
			}
			page_format(page, "%r%t\xc2\xa0%a",
			            done == 0           ? ""
			            : done == count - 1 ? " and "
			                                : ", ",
			            member_text(entry, "currency"), amount);
			done++;
		}
	}
	if (count == 0)
		page_put(page, "nothing");
}

static void lead(struct page *page)
{
	page_format(page, "<p class=\"lead\">On %w the ERP holds ", member_text_of(page->run, "cut", "at"));
	page_plural(page, page->figures->documents[0], "document", "documents");
	page_format(page, " and the cloud %n. ", page->figures->documents[1]);
	page_plural(page, matched(page), "pair agrees", "pairs agree");
	page_put(page, " to the last digit or within tolerance. ");
	if (page->figures->open_count > 0) {
		page_put(page, "The open items differ by ");
		amounts(page, "gross");
		page_put(page, " without regard to sign, and by ");
		amounts(page, "net");
		page_put(page, " on balance.");
	} else {
		page_put(page, page->figures->usage_broken > 0 ? "No document is open." : "Nothing is open.");
	}
	if (page->figures->usage_broken > 0) {
		page_put(page, " Of the usage, ");
		page_plural(page, page->figures->usage_broken, "window does", "windows do");
		page_put(page, " not agree three ways.");
	}
	page_put(page, "</p>\n");
}

static void key(struct page *page, const char *name, int64_t value, bool alert)
{
	page_format(page, "<div%r><dt>%r</dt><dd>%n</dd></div>", alert ? " class=\"alert\"" : "", name,
	            value);
}

static void keys(struct page *page)
{
	page_put(page, "<dl class=\"keys\">\n");
	key(page, "Documents in the ERP", page->figures->documents[0], false);
	key(page, "Documents in the cloud", page->figures->documents[1], false);
	key(page, "Pairs that agree", matched(page), false);
	key(page, "Open", page->figures->open_count,
	    page->figures->open_count > page->figures->pending_count);
	key(page, "Accepted", page->figures->accepted_count, false);
	if (page->figures->usage.seen > 0) {
		key(page, "Usage, open", page->figures->usage_broken, page->figures->usage_broken > 0);
		key(page, "Usage, accepted", page->figures->usage_accepted, false);
	}
	page_put(page, "\n</dl>\n");
}

static const char *step_value(const cJSON *bridge, bool last)
{
	const cJSON *steps = member(bridge, "steps");
	int count = cJSON_GetArraySize(steps);
	return member_text(cJSON_GetArrayItem(steps, last && count > 0 ? count - 1 : 0), "value");
}

static int64_t open_in(const struct page *page, const char *currency)
{
	for (size_t i = 0; i < page->figures->open.count; i++) {
		if (strcmp(page->figures->open.lists[i].currency, currency) == 0)
			return page->figures->open.lists[i].seen;
	}
	return 0;
}

static void money(struct page *page)
{
	const cJSON *bridge;
	page_table(page, "", "Sums of documents and their differences, by currency");
	page_heads(page,
	           "Currency|#Open|#Differences, gross|#Differences, net|#Sum in the ERP|#Sum in the cloud");
	cJSON_ArrayForEach(bridge, member(page->run, "bridge"))
	{
		const char *currency = member_text(bridge, "currency");
		const char *gross = figures_total(page->figures, "gross", currency);
		const char *net = figures_total(page->figures, "net", currency);
		page_format(page,
		            "<tr><th scope=\"row\">%t</th><td class=\"n\">%n</td><td "
		            "class=\"n\"><strong>%a</strong></td><td "
		            "class=\"n\">%a</td><td class=\"n\">%a</td><td class=\"n\">%a</td></tr>\n",
		            currency, open_in(page, currency), gross ? gross : "0", net ? net : "0",
		            step_value(bridge, false), step_value(bridge, true));
	}
	page_table_end(page);
}

/* None named: the whole ledger. */
static void list_of(struct page *page, const cJSON *list)
{
	const cJSON *item;
	char buffer[WORDS_CODE_SIZE];
	cJSON_ArrayForEach(item, list)
	    page_format(page, "%r%t", item->prev->next ? ", " : "",
	                words_code(cJSON_IsString(item) ? item->valuestring : "", buffer));
	if (cJSON_GetArraySize(list) == 0)
		page_put(page, "all");
}

static void streams_of(struct page *page, const cJSON *streams)
{
	const cJSON *stream;
	int shown = 0;
	cJSON_ArrayForEach(stream, streams)
	{
		if (shown++ < STREAMS_SHOWN)
			page_format(page, "%r%n (%t)", shown > 1 ? ", " : "; the ERP's streams up to event ",
			            member_integer(stream, "sequence"), member_text(stream, "name"));
	}
	if (shown > STREAMS_SHOWN)
		page_format(page, " and %i more", shown - STREAMS_SHOWN);
}

static void periods_of(struct page *page, const char *from, const char *to)
{
	if (from[0] && to[0])
		page_format(page, "%t to %t", from, to);
	else if (from[0] || to[0])
		page_format(page, "%r %t", from[0] ? "from" : "up to", from[0] ? from : to);
	else
		page_put(page, "all");
}

static void scope(struct page *page)
{
	const cJSON *of = member(page->run, "scope");
	const cJSON *cut = member(page->run, "cut");
	page_put(page, "<h2>What was compared</h2>\n<dl class=\"scope\"><dt>Companies</dt><dd>");
	list_of(page, member(of, "entities"));
	page_put(page, "</dd><dt>Periods</dt><dd>");
	periods_of(page, member_text(of, "from"), member_text(of, "to"));
	page_put(page, "</dd><dt>Documents</dt><dd>");
	list_of(page, member(of, "types"));
	page_format(page, "</dd><dt>Cut</dt><dd>%w; the cloud up to its document %n", member_text(cut, "at"),
	            member_integer(member(cut, "cloud"), "sequence"));
	streams_of(page, member(member(cut, "legacy"), "streams"));
	page_format(page, "</dd><dt>Rules</dt><dd>version %t</dd></dl>\n",
	            member_text_of(page->run, "rules", "version"));
}

/* In hundredths of a percent, cut. */
static void open_share(struct page *page)
{
	int64_t all = page->figures->documents[0];
	int64_t open = page->figures->open_count;
	const char *limit = member_text_of(page->run, "thresholds", "documents_share");
	struct decimal threshold;
	if (all <= 0 || open <= 0 || open > INT64_MAX / 10000 ||
	    decimal_parse(&threshold, span_of(limit)) != ERR_OK)
		return;
	page_format(page,
	            "<li>Open items are %m\xc2\xa0%% of the ERP's documents; the threshold is %h</li>\n",
	            (struct decimal){open * 10000 / all, 2}, limit);
}

static void reasons(struct page *page)
{
	const cJSON *item;
	page_format(page, "<div>\n<h2>%r</h2>\n<ul class=\"why\">\n",
	            colour_of(page->figures->verdict) == GOOD ? "Why it is green" : "Why it is not green");
	for (int i = 0; i < page->figures->doubt_count; i++)
		page_format(page, "<li class=\"doubt\">%t</li>\n", page->figures->doubts[i]);
	if (page->figures->doubt_total > page->figures->doubt_count)
		page_format(page, "<li class=\"doubt\">and %i more of this kind</li>\n",
		            page->figures->doubt_total - page->figures->doubt_count);
	cJSON_ArrayForEach(item, member(page->run, "incomplete"))
	    page_format(page, "<li class=\"doubt\">%t</li>\n", member_text(item, "text"));
	cJSON_ArrayForEach(item, member(member(page->run, "verdict"), "why"))
	    page_format(page, "<li>%t</li>\n", cJSON_IsString(item) ? item->valuestring : "");
	open_share(page);
	if (colour_of(page->figures->verdict) == GOOD)
		page_put(page, "<li>Every document has its counterpart, and nothing is open.</li>\n");
	page_put(page, "</ul>\n");
	scope(page);
	page_put(page, "</div>\n");
}

static void actions(struct page *page)
{
	struct html_cause causes[HTML_CAUSES_MAX];
	char buffer[WORDS_CODE_SIZE];
	int count = html_count_causes(page, causes);
	page_put(page, "<div>\n<h2>What to do next, and who</h2>\n");
	if (page->figures->doubt_total > 0 || is(page, "incomplete"))
		page_put(page, "<p><strong>IT operations</strong>: remove what made the comparison "
		               "incomplete, then make it "
		               "again with <span class=\"mono\">twinpost compare run</span>.</p>\n");
	if (page->figures->usage_broken > 0)
		page_format(page,
		            "<p>%n open windows of usage: who has to look stands beside each in <a "
		            "href=\"#usage\">Usage, three ways</a>.</p>\n",
		            page->figures->usage_broken);
	if (count == 0) {
		page_nothing(page, page->figures->usage_broken > 0 ? "No open document waits for anybody."
		                                                   : "No open difference waits for anybody.");
		page_put(page, "</div>\n");
		return;
	}
	page_table(page, "", "Open documents by cause, most first");
	page_heads(page, "Cause|#Open|Who|What");
	for (int i = 0; i < count && i < ACTIONS_SHOWN; i++)
		page_format(page,
		            "<tr><th scope=\"row\">%t</th><td class=\"n\">%n</td><td "
		            "class=\"t\">%r</td><td>%r</td></tr>\n",
		            words_cause(causes[i].cause, buffer), causes[i].count,
		            words_owner(causes[i].cause, causes[i].owner), words_action(causes[i].cause));
	page_table_end(page);
	if (count > ACTIONS_SHOWN)
		page_format(
		    page, "<p class=\"note\">%i more %t: see <a href=\"#causes\">Why they differ</a>.</p>\n",
		    count - ACTIONS_SHOWN, count - ACTIONS_SHOWN == 1 ? "cause" : "causes");
	page_put(page, "</div>\n");
}

void html_first(struct page *page)
{
	static const char *const icons[] = {
	    "<path d=\"M8 1.5 15 14H1zM8 6v4M8 11.5v1\"/>",
	    "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M8 4v5M8 10.5v1.5\"/>",
	    "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"m5 8 2.2 2.3L11.2 6\"/>"};
	static const char *const names[] = {"bad", "warn", "good"};
	enum colour colour = colour_of(page->figures->verdict);
	page_put(page, "<section id=\"verdict\" aria-labelledby=\"verdict-head\">\n");
	page_format(page,
	            "<p class=\"flag %r\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">%r</svg><span "
	            "id=\"verdict-head\">Verdict: %r</span></p>\n",
	            names[colour], icons[colour], words_verdict(page->figures->verdict));
	headline(page);
	lead(page);
	keys(page);
	money(page);
	page_put(page, "<div class=\"two\">\n");
	reasons(page);
	actions(page);
	page_put(page, "</div>\n</section>\n");
}
