/*
 * report_chart.c - waterfall and bars.
 *
 * Why:   see report_chart.h.
 * Owns:  nothing.
 * Rules: see report_chart.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_chart.h"

#include <stdio.h>
#include <string.h>

#include "tools/twinpost/report_words.h"

#define ROW      27
#define LEFT     172 /* where bars begin */
#define WIDTH    194 /* of bars */
#define RIGHT    480 /* where values end */
#define BAR      15
#define OVERHEAD 6

struct chart_bar *chart_add(struct chart *chart, const char *name, struct decimal value)
{
	static struct chart_bar spare;
	if (chart->count == CHART_BARS_MAX) {
		spare = (struct chart_bar){.value = value};
		return &spare;
	}
	struct chart_bar *bar = &chart->bars[chart->count++];
	*bar = (struct chart_bar){.value = value};
	(void)snprintf(bar->name, sizeof bar->name, "%s", name);
	return bar;
}

int chart_scaled(int64_t value, int64_t most, int pixels)
{
	while (most > INT64_MAX / (10 * (int64_t)pixels + 1)) {
		most /= 2;
		value /= 2;
	}
	return most > 0 ? (int)(value * pixels * 10 / most) : 0;
}

void chart_begin(struct page *page, const char *title, const char *text, int height)
{
	page->charts++;
	page_format(page,
	            "<figure>\n<h3>%t</h3>\n<svg class=\"chart\" viewBox=\"0 0 480 %i\" role=\"img\" "
	            "aria-labelledby=\"c%i-t c%i-d\"><title id=\"c%i-t\">%t</title><desc id=\"c%i-d\">",
	            title, height, page->charts, page->charts, page->charts, title, page->charts);
	/* Longer than a text from outside may be. */
	page_format(page, "%t", text);
	page_put(page, "</desc>\n");
}

void chart_end(struct page *page)
{
	page_put(page, "</svg>\n</figure>\n");
}

/* ---- waterfall ---- */

struct range {
	int64_t low, high; /* of what is drawn; low > 0: the axis is broken */
};

/* Minor units at one scale; false: they do not fit into half of 64 bits, and nothing is drawn. */
static bool to_units(const struct chart *chart, int64_t units[CHART_BARS_MAX])
{
	uint8_t scale = 0;
	for (int i = 0; i < chart->count; i++)
		scale = chart->bars[i].value.scale > scale ? chart->bars[i].value.scale : scale;
	for (int i = 0; i < chart->count; i++) {
		struct decimal value;
		if (decimal_rescale(&value, chart->bars[i].value, scale) != ERR_OK ||
		    value.units > INT64_MAX / 64 || value.units < -(INT64_MAX / 64))
			return false;
		units[i] = value.units;
	}
	return true;
}

/* Ends of every bar, from where it begins. */
static struct range place(const struct chart *chart, const int64_t units[], int64_t from[], int64_t to[])
{
	int64_t at = 0;
	struct range range = {INT64_MAX, INT64_MIN};
	for (int i = 0; i < chart->count; i++) {
		from[i] = chart->bars[i].total ? 0 : at;
		to[i] = chart->bars[i].total ? units[i] : at + units[i];
		at = to[i];
		range.low = at < range.low ? at : range.low;
		range.high = at > range.high ? at : range.high;
	}
	int64_t spread = range.high - range.low;
	/* Steps below a fourth of the whole would be slivers: show their neighbourhood alone. */
	if (range.low > 0 && spread > 0 && spread < range.high / 4)
		range.low -= spread / 2 < range.low ? spread / 2 : range.low;
	else
		range.low = range.low < 0 ? range.low : 0;
	range.high = range.high < 0 ? 0 : range.high;
	return range;
}

static void waterfall_bar(struct page *page, const struct chart_bar *bar, int row, struct range range,
                          int64_t from, int64_t to)
{
	int64_t most = range.high - range.low;
	int64_t first = from < to ? from : to;
	int64_t last = from < to ? to : from;
	first = first < range.low ? range.low : first;
	int x = chart_scaled(first - range.low, most, WIDTH);
	int width = chart_scaled(last - range.low, most, WIDTH) - x;
	int y = row * ROW + OVERHEAD;
	const char *class_ = bar->total ? (bar->is_cloud ? "cloud" : "erp") : to >= from ? "up" : "down";
	page_format(page,
	            "<text x=\"0\" y=\"%i\">%t</text><rect class=\"%r\" x=\"%p\" y=\"%i\" width=\"%p\" "
	            "height=\"%i\"/>",
	            y + 12, bar->name, class_, LEFT * 10 + x, y, width < 15 ? 15 : width, BAR);
	if (bar->total && range.low > 0)
		page_format(page, "<path class=\"break\" d=\"M%i %il6 -%im0 %il6 -%i\"/>", LEFT + 14,
		            y + BAR + 2, BAR + 4, BAR + 4, BAR + 4);
	page_format(page, "<text class=\"e\" x=\"%i\" y=\"%i\">%r%m</text>\n", RIGHT, y + 12,
	            !bar->total && decimal_sign(bar->value) > 0 ? "+" : "", bar->value);
	page_format(page, "<path class=\"link\" d=\"M%p %iv%i\"/>\n",
	            LEFT * 10 + chart_scaled((to < range.low ? range.low : to) - range.low, most, WIDTH),
	            y + BAR, ROW - BAR);
}

void chart_waterfall(struct page *page, struct chart *chart)
{
	int64_t units[CHART_BARS_MAX];
	int64_t from[CHART_BARS_MAX];
	int64_t to[CHART_BARS_MAX];
	if (chart->count < 2 || !to_units(chart, units))
		return;
	struct range range = place(chart, units, from, to);
	if (range.low > 0)
		(void)snprintf(chart->text + strlen(chart->text), sizeof chart->text - strlen(chart->text),
		               " The axis does not begin at zero.");
	chart_begin(page, chart->title, chart->text, chart->count * ROW + OVERHEAD);
	for (int i = 0; i < chart->count; i++)
		waterfall_bar(page, &chart->bars[i], i, range, from[i], to[i]);
	page_put(page, "</svg>\n");
	if (range.low > 0)
		page_put(
		    page,
		    "<figcaption>The long bars are cut: the axis does not begin at zero.</figcaption>\n");
	page_put(page, "</figure>\n");
}

/* ---- bars ---- */

void chart_bars(struct page *page, struct chart *chart)
{
	int64_t units[CHART_BARS_MAX];
	int64_t most = 0;
	if (chart->count == 0 || !to_units(chart, units))
		return;
	for (int i = 0; i < chart->count; i++)
		most = units[i] > most ? units[i] : most;
	/* The heads of the two columns of figures need a line of their own. */
	int top = chart->bars[0].share[0] ? ROW - 7 : 0;
	chart_begin(page, chart->title, chart->text, top + chart->count * ROW + OVERHEAD);
	if (top > 0)
		page_format(page, "<text class=\"e s\" x=\"%i\" y=\"12\">running share</text>\n", RIGHT);
	page_format(page, "<path class=\"axis\" d=\"M%i %iv%i\"/>\n", LEFT, top + 2, chart->count * ROW);
	for (int i = 0; i < chart->count; i++) {
		const struct chart_bar *bar = &chart->bars[i];
		int y = top + i * ROW + OVERHEAD;
		int width = units[i] > 0 ? chart_scaled(units[i], most, WIDTH - 60) : 0;
		page_format(
		    page,
		    "<text x=\"0\" y=\"%i\">%t</text><rect class=\"plain\" x=\"%i\" y=\"%i\" width=\"%p\" "
		    "height=\"%i\"/><text class=\"e\" x=\"%i\" y=\"%i\">%m</text>",
		    y + 12, bar->name, LEFT, y, units[i] > 0 && width < 10 ? 10 : width, BAR,
		    bar->share[0] ? RIGHT - 62 : RIGHT, y + 12, bar->value);
		page_format(page, "<text class=\"e s\" x=\"%i\" y=\"%i\">%t</text>\n", RIGHT, y + 12,
		            bar->share);
	}
	chart_end(page);
}
