/*
 * report_html.h - the parts of the HTML report.
 *
 * Why:   the page is long; each part stands in the file of its subject.
 * Owns:  nothing.
 * Rules: headings: h1 is the verdict, h2 a part, h3 within it. Every part is a section with its heading.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_HTML_H
#define TWINPOST_REPORT_HTML_H

#include "tools/twinpost/report_page.h"

/* The whole page. */
void html_page(struct page *page);

void html_first(struct page *page); /* verdict, key figures, what to do */

void html_completeness(struct page *page);
void html_bridge(struct page *page);
void html_balances(struct page *page);
void html_tax(struct page *page);
void html_usage(struct page *page);

void html_causes(struct page *page);
void html_differences(struct page *page);
void html_ages(struct page *page);
void html_accepted(struct page *page);

void html_days(struct page *page);
void html_readiness(struct page *page);
void html_basis(struct page *page);
void html_manifest(struct page *page);

/* Open differences of one cause in all currencies, the greatest count first; returns how many causes. */
#define HTML_CAUSES_MAX 32
struct html_cause {
	const char *cause, *owner;
	int64_t count;
};
int html_count_causes(const struct page *page, struct html_cause causes[HTML_CAUSES_MAX]);
/* The same sentence wherever rows are left out. */
void html_left_out(struct page *page, int64_t shown, int64_t all, const char *rows, const char *table);

#endif
