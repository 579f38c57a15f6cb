/*
 * report_html.c - the frame of the HTML report.
 *
 * Why:   see report_html.h.
 * Owns:  nothing.
 * Rules: 1. The page may load and run nothing but what stands in it: its policy (CSP) names the hash of its own script.
 *        2. The page holds no address of anything outside.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_html.h"

#include <string.h>

#include "hal/base/base64.h"
#include "store_forward/digest.h"
#include "tools/twinpost/client.h"
#include "tools/twinpost/report_style.h"
#include "tools/twinpost/report_words.h"

static const struct part {
	const char *id, *title;
	void (*write)(struct page *page);
} parts[] = {
    {"completeness", "Is everything there?", html_completeness},
    {"bridge", "From the ERP to the cloud", html_bridge},
    {"causes", "Why they differ", html_causes},
    {"ages", "How old the open items are", html_ages},
    {"days", "Day by day", html_days},
    {"readiness", "Is each company ready?", html_readiness},
    {"differences", "Open differences", html_differences},
    {"accepted", "Accepted differences", html_accepted},
    {"balances", "Trial balances", html_balances},
    {"tax", "Tax by code and rate", html_tax},
    {"usage", "Usage, three ways", html_usage},
    {"basis", "What this rests on", html_basis},
    {"manifest", "Manifest", html_manifest},
};
#define PART_COUNT (sizeof parts / sizeof parts[0])

static void head(struct page *page)
{
	struct span script = span_of(report_script);
	struct digest digest = digest_of(&script, 1);
	struct buf hash;
	buf_init(&hash, 128);
	base64_encode(&hash, digest.bytes, DIGEST_BYTES);
	page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	page_format(
	    page,
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src "
	    "&#39;unsafe-inline&#39;; script-src &#39;sha256-%t&#39;\">\n",
	    buf_cstr(&hash));
	page_put(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	               "<meta name=\"color-scheme\" content=\"light dark\">\n");
	page_format(page, "<title>%t: comparison %t of the ERP and the cloud</title>\n",
	            words_verdict(page->figures->verdict), member_text(page->run, "id"));
	page_put(page, "<style>\n");
	for (size_t i = 0; report_style[i]; i++)
		page_put(page, report_style[i]);
	page_put(page, "</style>\n</head>\n");
	buf_release(&hash);
}

/* That of usage is shown only where there is any. */
static bool is_present(const struct page *page, const struct part *part)
{
	return part->write != html_usage || page->figures->usage.seen > 0;
}

static void contents(struct page *page)
{
	page_put(page, "<nav aria-label=\"Contents\">\n<ol>\n");
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (is_present(page, &parts[i]))
			page_format(page, "<li><a href=\"#%r\">%r</a></li>\n", parts[i].id, parts[i].title);
	}
	page_put(page, "</ol>\n</nav>\n");
}

static bool is_wide(const char *id)
{
	return strcmp(id, "differences") == 0 || strcmp(id, "balances") == 0;
}

void html_page(struct page *page)
{
	head(page);
	page_put(page, "<body>\n<a class=\"skip\" href=\"#verdict\">To the verdict</a>\n");
	page_format(page,
	            "<header class=\"mast\"><div><b>Twinpost</b>, comparison of two ledgers</div><div>Run "
	            "%t, cut %w</div>"
	            "</header>\n<main>\n",
	            member_text(page->run, "id"), member_text_of(page->run, "cut", "at"));
	html_first(page);
	contents(page);
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (!is_present(page, &parts[i]))
			continue;
		page_put(page, is_wide(parts[i].id) ? "<div class=\"landscape\">\n" : "<div>\n");
		page_section(page, parts[i].id, parts[i].title);
		parts[i].write(page);
		page_put(page, "</section>\n</div>\n");
	}
	page_format(page,
	            "</main>\n<footer><p>Made by Twinpost from the result of run %t. The same cut of the "
	            "same ledgers gives "
	            "this page byte by byte. A difference is the cloud minus the ERP; gross adds without "
	            "sign, net with "
	            "sign; amounts of different currencies are never added.</p></footer>\n",
	            member_text(page->run, "id"));
	page_format(page, "<script>%r</script>\n</body>\n</html>\n", report_script);
}

void html_left_out(struct page *page, int64_t shown, int64_t all, const char *rows, const char *table)
{
	if (all > shown)
		page_format(
		    page,
		    "<p class=\"note\">%n of %n %r are shown here, the largest of each currency. <strong>%n "
		    "more</strong> are in the workbook (XLSX) and in %r.csv.</p>\n",
		    shown, all, rows, all - shown, table);
}

int html_count_causes(const struct page *page, struct html_cause causes[HTML_CAUSES_MAX])
{
	int count = 0;
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(page->run, "causes"))
	{
		const char *cause = member_text(entry, "cause");
		int at = 0;
		while (at < count && strcmp(causes[at].cause, cause) != 0)
			at++;
		if (at == HTML_CAUSES_MAX)
			continue;
		if (at == count)
			causes[count++] = (struct html_cause){cause, member_text(entry, "owner"), 0};
		causes[at].count += member_integer(entry, "count");
	}
	for (int i = 1; i < count; i++) {
		struct html_cause held = causes[i];
		int to = i;
		for (; to > 0 &&
		       (causes[to - 1].count < held.count ||
		        (causes[to - 1].count == held.count && strcmp(causes[to - 1].cause, held.cause) > 0));
		     to--)
			causes[to] = causes[to - 1];
		causes[to] = held;
	}
	return count;
}
