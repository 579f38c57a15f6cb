/*
 * report_chart.h - the charts of the HTML report, as SVG drawn by hand.
 *
 * Why:   a picture shows at a glance what a table proves; it must print, fit a phone and need nothing from outside.
 * Owns:  nothing; it writes into the page.
 * Rules: 1. Every chart has a title and a description that says in words what it shows, and stands beside a table with
 *           its figures.
 *        2. Money stays in whole minor units; only places on the paper are computed, by integers too.
 *        3. An axis that does not begin at zero is broken visibly, and the chart says so.
 *        4. One chart holds one currency.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_CHART_H
#define TWINPOST_REPORT_CHART_H

#include "tools/twinpost/report_page.h"
#include "tools/twinpost/report_words.h"

#define CHART_BARS_MAX  32
#define CHART_NAME_SIZE WORDS_CODE_SIZE

struct chart_bar {
	char name[CHART_NAME_SIZE]; /* already words */
	struct decimal value;
	bool total;                  /* of a waterfall: begins at zero */
	bool is_cloud;               /* colour of a total */
	char share[CHART_NAME_SIZE]; /* of a Pareto: what is written behind the value */
};
struct chart {
	const char *title;
	char text[400]; /* the description */
	struct chart_bar bars[CHART_BARS_MAX];
	int count;
};

/* Adds a bar, if there is room; returns it. */
struct chart_bar *chart_add(struct chart *chart, const char *name, struct decimal value);
/* From one total to another by steps. */
void chart_waterfall(struct page *page, struct chart *chart);
/* Bars of one colour, longest first as given; with `shares` the running share beside each. */
void chart_bars(struct page *page, struct chart *chart);

/* The charts of run.json's own lists. Each writes its figure, or nothing where there is nothing to draw. */
void chart_days(struct page *page);
void chart_unexplained(struct page *page, const char *currency);
void chart_histogram(struct page *page, const char *currency);
void chart_heat(struct page *page);

/* <figure> with its heading, and the svg element; `height` of a drawing that is 480 wide. */
void chart_begin(struct page *page, const char *title, const char *text, int height);
void chart_end(struct page *page);
/* value * pixels / most, in tenths; 0 where most is 0. All >= 0. */
int chart_scaled(int64_t value, int64_t most, int pixels);

#endif
