/*
 * report_chart_time.c - the charts over days, periods and minor units.
 *
 * Why:   see report_chart.h.
 * Owns:  nothing.
 * Rules: see report_chart.h. Long series are cut to their newest part, and the chart says so.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_chart.h"

#include <stdio.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_words.h"

#define DAYS_MAX    124 /* four months: a day is then 3 pixels wide */
#define PLOT_LEFT   0
#define PLOT_WIDTH  480
#define PLOT_HEIGHT 150
#define PLOT_TOP    20

/* From the axis up; waiting counts of both sides are one class. */
static const struct day_class {
	const char *status, *css;
} day_classes[] = {{"different", "different"},           {"missing_cloud", "missing_cloud"},
                   {"missing_legacy", "missing_legacy"}, {"duplicate", "duplicate"},
                   {"ambiguous", "ambiguous"},           {"waiting_cloud", "waiting"},
                   {"waiting_legacy", "waiting"},        {"accepted", "accepted"}};
#define DAY_CLASSES (sizeof day_classes / sizeof day_classes[0])

static int64_t day_count(const cJSON *day)
{
	int64_t sum = 0;
	for (size_t i = 0; i < DAY_CLASSES; i++)
		sum += member_integer(member(day, "classes"), day_classes[i].status);
	return sum;
}

/* The first of the newest DAYS_MAX days, and how many there are from it on. */
static const cJSON *first_day(const struct page *page, int *count)
{
	const cJSON *days = member(page->run, "days");
	int all = cJSON_GetArraySize(days);
	*count = all > DAYS_MAX ? DAYS_MAX : all;
	return cJSON_GetArrayItem(days, all - *count);
}

/* A scale that ends at a round number. */
static int64_t round_up(int64_t most)
{
	static const int64_t steps[] = {1, 2, 5};
	for (int64_t ten = 1; ten <= INT64_MAX / 20; ten *= 10) {
		for (size_t i = 0; i < 3; i++) {
			if (steps[i] * ten >= most)
				return steps[i] * ten;
		}
	}
	return most;
}

/* Grid line and axis; the words below them: first and last day, and what stands between. */
static void plot_axis(struct page *page, const char *top, const char *first, const char *last)
{
	page_format(
	    page,
	    "<path class=\"grid\" d=\"M%i %ih%i\"/><path class=\"axis\" d=\"M%i %ih%i\"/><text class=\"s\" "
	    "x=\"%i\" y=\"%i\">%t</text>",
	    PLOT_LEFT, PLOT_TOP, PLOT_WIDTH, PLOT_LEFT, PLOT_TOP + PLOT_HEIGHT, PLOT_WIDTH, PLOT_LEFT,
	    PLOT_TOP - 5, top);
	page_format(
	    page,
	    "<text class=\"s\" x=\"%i\" y=\"%i\">%t</text><text class=\"e s\" x=\"%i\" y=\"%i\">%t</text>\n",
	    PLOT_LEFT, PLOT_TOP + PLOT_HEIGHT + 18, first, PLOT_LEFT + PLOT_WIDTH,
	    PLOT_TOP + PLOT_HEIGHT + 18, last);
}

static void day_stack(struct page *page, const cJSON *day, int x, int width, int64_t top)
{
	int64_t below = 0;
	for (size_t i = 0; i < DAY_CLASSES; i++) {
		int64_t count = member_integer(member(day, "classes"), day_classes[i].status);
		if (count <= 0)
			continue;
		int y0 = chart_scaled(below, top, PLOT_HEIGHT);
		int y1 = chart_scaled(below + count, top, PLOT_HEIGHT);
		page_format(page, "<rect class=\"%r\" x=\"%p\" y=\"%p\" width=\"%p\" height=\"%p\"/>",
		            day_classes[i].css, x, (PLOT_TOP + PLOT_HEIGHT) * 10 - y1, width,
		            y1 - y0 > 5 ? y1 - y0 - 3 : y1 - y0);
		below += count;
	}
}

static void day_legend(struct page *page, const bool used[DAY_CLASSES])
{
	char buffer[WORDS_CODE_SIZE];
	page_put(page, "<ul class=\"legend\">");
	for (size_t i = 0; i < DAY_CLASSES; i++) {
		if (used[i])
			page_format(page,
			            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"%r\" "
			            "width=\"10\" "
			            "height=\"10\"/></svg>%t</li>",
			            day_classes[i].css, words_status(day_classes[i].status, buffer));
	}
	page_put(page, "</ul>\n");
}

void chart_days(struct page *page)
{
	int count;
	bool used[DAY_CLASSES] = {false};
	int64_t most = 0;
	int64_t all = 0;
	char text[400];
	const cJSON *first = first_day(page, &count);
	if (count == 0)
		return;
	const cJSON *last = first;
	for (const cJSON *day = first; day; day = day->next) {
		most = day_count(day) > most ? day_count(day) : most;
		all += day_count(day);
		for (size_t i = 0; i < DAY_CLASSES; i++)
			used[i] =
			    used[i] || member_integer(member(day, "classes"), day_classes[i].status) > 0;
		last = day;
	}
	(void)snprintf(text, sizeof text,
	               "Stacked bars over %d posting dates: %lld documents that do not simply agree, %lld at "
	               "most on one day.",
	               count, (long long)all, (long long)most);
	chart_begin(page, "Documents that do not simply agree, by posting date", text,
	            PLOT_TOP + PLOT_HEIGHT + 24);
	int64_t top = round_up(most);
	(void)snprintf(text, sizeof text, "%lld documents", (long long)top);
	plot_axis(page, text, member_text(first, "date"), member_text(last, "date"));
	int at = 0;
	int step = PLOT_WIDTH * 10 / count;
	for (const cJSON *day = first; day; day = day->next, at++)
		day_stack(page, day, PLOT_LEFT * 10 + at * step, step > 400 ? 400 : step * 8 / 10, top);
	page_put(page, "</svg>\n");
	day_legend(page, used);
	if (count == DAYS_MAX)
		page_put(page, "<figcaption>The newest days alone; all are in the table of days of the "
		               "CSV.</figcaption>\n");
	page_put(page, "</figure>\n");
}

/* ---- unexplained value against the threshold ---- */

static struct decimal unexplained_of(const cJSON *day, const char *currency)
{
	const cJSON *entry;
	struct decimal value = {0, 0};
	cJSON_ArrayForEach(entry, member(day, "unexplained"))
	{
		if (strcmp(member_text(entry, "currency"), currency) == 0 &&
		    decimal_parse(&value, span_of(member_text(entry, "value"))) == ERR_OK)
			return value;
	}
	return (struct decimal){0, 0};
}

static bool units_at(struct decimal value, uint8_t scale, int64_t *units)
{
	struct decimal scaled;
	if (decimal_rescale(&scaled, value, scale) != ERR_OK)
		return false;
	*units = scaled.units < 0 ? 0 : scaled.units;
	return true;
}

static void unexplained_bars(struct page *page, const cJSON *first, int count, const char *currency,
                             struct decimal most, int64_t top)
{
	int at = 0;
	int step = PLOT_WIDTH * 10 / count;
	for (const cJSON *day = first; day; day = day->next, at++) {
		int64_t units;
		if (!units_at(unexplained_of(day, currency), most.scale, &units) || units == 0)
			continue;
		int height = chart_scaled(units, top, PLOT_HEIGHT);
		height = height < 10 ? 10 : height;
		page_format(page, "<rect class=\"different\" x=\"%p\" y=\"%p\" width=\"%p\" height=\"%p\"/>",
		            PLOT_LEFT * 10 + at * step, (PLOT_TOP + PLOT_HEIGHT) * 10 - height,
		            step * 8 / 10 < 40 ? 40
		            : step > 400       ? 400
		                               : step * 8 / 10,
		            height);
	}
}

void chart_unexplained(struct page *page, const char *currency)
{
	int count;
	struct decimal most = {0, 0};
	struct decimal limit = {0, 0};
	const cJSON *first = first_day(page, &count);
	const cJSON *last = first;
	for (const cJSON *day = first; day; day = day->next) {
		struct decimal value = unexplained_of(day, currency);
		most = decimal_compare(value, most) > 0 ? value : most;
		last = day;
	}
	if (count == 0 || decimal_sign(most) <= 0 || most.units > INT64_MAX / 16)
		return;
	int64_t limit_units = 0;
	if (decimal_parse(&limit, span_of(member_text_of(page->run, "thresholds", "value"))) != ERR_OK ||
	    !units_at(limit, most.scale, &limit_units))
		limit_units = 0;
	int64_t top = most.units > limit_units ? most.units : limit_units;
	struct buf text;
	buf_init(&text, 1024);
	buf_printf(&text, "Bars over %d posting dates; the highest is %.7s ", count, currency);
	words_decimal(most, &text);
	buf_append_text(&text, ", the threshold ");
	words_decimal(limit, &text);
	buf_append_char(&text, '.');
	char title[80];
	(void)snprintf(title, sizeof title, "Unexplained value by posting date, %.7s", currency);
	chart_begin(page, title, buf_cstr(&text), PLOT_TOP + PLOT_HEIGHT + 24);
	buf_clear(&text);
	words_decimal(decimal_compare(most, limit) > 0 ? most : limit, &text);
	plot_axis(page, buf_cstr(&text), member_text(first, "date"), member_text(last, "date"));
	buf_release(&text);
	unexplained_bars(page, first, count, currency, most, top);
	int y = PLOT_TOP + PLOT_HEIGHT - chart_scaled(limit_units, top, PLOT_HEIGHT) / 10;
	page_format(page,
	            "<path class=\"limit\" d=\"M%i %ih%i\"/><text class=\"c\" x=\"%i\" y=\"%i\">threshold "
	            "%m</text>\n",
	            PLOT_LEFT, y, PLOT_WIDTH, PLOT_LEFT + PLOT_WIDTH / 2, PLOT_TOP + PLOT_HEIGHT + 18, limit);
	chart_end(page);
}

/* ---- differences in minor units ---- */

#define HISTOGRAM_REACH 10
#define HISTOGRAM_BINS  (2 * HISTOGRAM_REACH + 3) /* the outer two: everything beyond */

static void histogram_bins(const struct page *page, const char *currency, int64_t bins[HISTOGRAM_BINS])
{
	const cJSON *entry;
	cJSON_ArrayForEach(entry, member(page->run, "histogram"))
	{
		int64_t units = member_integer(entry, "minor_units");
		if (strcmp(member_text(entry, "currency"), currency) != 0)
			continue;
		int64_t bin = units < -HISTOGRAM_REACH  ? 0
		              : units > HISTOGRAM_REACH ? HISTOGRAM_BINS - 1
		                                        : units + HISTOGRAM_REACH + 1;
		bins[bin] += member_integer(entry, "count");
	}
}

void chart_histogram(struct page *page, const char *currency)
{
	int64_t bins[HISTOGRAM_BINS] = {0};
	int64_t most = 0;
	char text[400];
	char title[80];
	histogram_bins(page, currency, bins);
	for (int i = 0; i < HISTOGRAM_BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	if (most == 0)
		return;
	(void)snprintf(title, sizeof title, "Differences in minor units, %.7s", currency);
	(void)snprintf(text, sizeof text,
	               "%lld differences of one minor unit more in the cloud, %lld of one less, %lld of more "
	               "than %d units.",
	               (long long)bins[HISTOGRAM_REACH + 2], (long long)bins[HISTOGRAM_REACH],
	               (long long)(bins[0] + bins[HISTOGRAM_BINS - 1]), HISTOGRAM_REACH);
	chart_begin(page, title, text, PLOT_TOP + PLOT_HEIGHT + 24);
	page_format(page, "<path class=\"axis\" d=\"M%i %ih%i\"/>", PLOT_LEFT, PLOT_TOP + PLOT_HEIGHT,
	            PLOT_WIDTH);
	int step = PLOT_WIDTH / HISTOGRAM_BINS;
	for (int i = 0; i < HISTOGRAM_BINS; i++) {
		int x = PLOT_LEFT + i * step;
		int height = chart_scaled(bins[i], most, PLOT_HEIGHT - 14);
		page_format(page, "<rect class=\"plain\" x=\"%i\" y=\"%p\" width=\"%i\" height=\"%p\"/>",
		            x + 2, (PLOT_TOP + PLOT_HEIGHT) * 10 - height, step - 4, height);
		if (bins[i] > 0)
			page_format(page, "<text class=\"c s\" x=\"%i\" y=\"%i\">%n</text>", x + step / 2,
			            PLOT_TOP + PLOT_HEIGHT - height / 10 - 4, bins[i]);
		int units = i - HISTOGRAM_REACH - 1;
		if (i == 0 || i == HISTOGRAM_BINS - 1)
			page_format(page, "<text class=\"%r s\" x=\"%i\" y=\"%i\">%r</text>",
			            i == 0 ? "b" : "e", i == 0 ? x : x + step, PLOT_TOP + PLOT_HEIGHT + 18,
			            i == 0 ? "less" : "more");
		else if (units == 5 || units == -5 || (units >= -1 && units <= 1))
			page_format(page, "<text class=\"c s\" x=\"%i\" y=\"%i\">%n</text>", x + step / 2,
			            PLOT_TOP + PLOT_HEIGHT + 18, (int64_t)units);
	}
	chart_end(page);
}
