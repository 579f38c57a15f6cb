/*
 * report_chart_heat.c - open documents by company and period, as a map and as a table.
 *
 * Why:   see report_chart.h; which company is behind, and since when, is what a migration is steered by.
 * Owns:  the counts while they are drawn.
 * Rules: see report_chart.h. At most HEAT_ENTITIES companies and the newest HEAT_PERIODS periods; what is left out is
 *        said.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_words.h"

#define HEAT_ENTITIES 24
#define HEAT_PERIODS  12
#define HEAT_NAMES    400 /* that are told apart */
#define HEAT_ROW      28
#define HEAT_LEFT     92
#define HEAT_WIDTH    384

struct heat {
	const char *entities[HEAT_NAMES], *periods[HEAT_NAMES];
	int entity_count, period_count;
	int first_period; /* that is shown */
	struct {
		int64_t documents, open;
	} cells[HEAT_ENTITIES][HEAT_PERIODS];
	int64_t most;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(const char *names[HEAT_NAMES], int *count, const char *name)
{
	for (int i = 0; i < *count; i++) {
		if (strcmp(names[i], name) == 0)
			return;
	}
	if (*count < HEAT_NAMES)
		names[(*count)++] = name;
}

static int place_of(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static int64_t open_of(const cJSON *statuses)
{
	static const char *const open[] = {"different", "missing_cloud", "missing_legacy", "duplicate",
	                                   "ambiguous"};
	int64_t sum = 0;
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
		sum += member_integer(statuses, open[i]);
	return sum;
}

static void gather(struct heat *heat, const cJSON *counts)
{
	const cJSON *entry;
	cJSON_ArrayForEach(entry, counts)
	{
		add_name(heat->entities, &heat->entity_count, member_text(entry, "entity"));
		add_name(heat->periods, &heat->period_count, member_text(entry, "period"));
	}
	qsort(heat->entities, (size_t)heat->entity_count, sizeof heat->entities[0], compare_names);
	qsort(heat->periods, (size_t)heat->period_count, sizeof heat->periods[0], compare_names);
	heat->first_period = heat->period_count > HEAT_PERIODS ? heat->period_count - HEAT_PERIODS : 0;
	cJSON_ArrayForEach(entry, counts)
	{
		int row = place_of(heat->entities, heat->entity_count, member_text(entry, "entity"));
		int column = place_of(heat->periods, heat->period_count, member_text(entry, "period")) -
		             heat->first_period;
		const cJSON *status;
		if (row < 0 || row >= HEAT_ENTITIES || column < 0 || column >= HEAT_PERIODS)
			continue;
		cJSON_ArrayForEach(status, member(entry, "statuses")) heat->cells[row][column].documents +=
		    member_integer(member(entry, "statuses"), status->string);
		heat->cells[row][column].open += open_of(member(entry, "statuses"));
	}
	heat->entity_count = heat->entity_count > HEAT_ENTITIES ? HEAT_ENTITIES : heat->entity_count;
	for (int row = 0; row < heat->entity_count; row++) {
		for (int column = 0; column < HEAT_PERIODS; column++)
			heat->most = heat->cells[row][column].open > heat->most
			                 ? heat->cells[row][column].open
			                 : heat->most;
	}
}

/* "2026-09"; where many stand side by side "09", and "26-09" at the first of each year that has room for it. */
static const char *heading(const struct heat *heat, int column, int columns)
{
	const char *const *period = &heat->periods[heat->first_period + column];
	bool begins = column > 0 && strncmp(period[0], period[-1], 4) != 0;
	bool first = column == 0 && (columns == 1 || strncmp(period[0], period[1], 4) == 0);
	if (columns <= 6 || strlen(period[0]) != 7)
		return period[0];
	return period[0] + (begins || first ? 2 : 5);
}

static void draw(struct page *page, const struct heat *heat)
{
	int columns = heat->period_count - heat->first_period;
	int width = HEAT_WIDTH / columns;
	char text[200];
	(void)snprintf(
	    text, sizeof text,
	    "A cell for each company and period with its number of open documents; the darker, the more. The "
	    "most in one cell: %lld.",
	    (long long)heat->most);
	chart_begin(page, "Open documents by company and period", text, (heat->entity_count + 1) * HEAT_ROW);
	for (int column = 0; column < columns; column++)
		page_format(page, "<text class=\"c s\" x=\"%i\" y=\"17\">%t</text>",
		            HEAT_LEFT + column * width + width / 2, heading(heat, column, columns));
	for (int row = 0; row < heat->entity_count; row++) {
		int y = (row + 1) * HEAT_ROW;
		page_format(page, "\n<text x=\"0\" y=\"%i\">%t</text>", y + 17, heat->entities[row]);
		for (int column = 0; column < columns; column++) {
			int64_t open = heat->cells[row][column].open;
			/* Up to 55 % of the colour: the number upon it stays readable. */
			int shade = open > 0 ? 8 + chart_scaled(open, heat->most, 47) / 10 : 0;
			int x = HEAT_LEFT + column * width;
			page_format(
			    page,
			    "<rect class=\"cell\" x=\"%i\" y=\"%i\" width=\"%i\" height=\"%i\"/><rect "
			    "class=\"different\" fill-opacity=\"%i%%\" x=\"%i\" y=\"%i\" width=\"%i\" "
			    "height=\"%i\"/><text class=\"c\" x=\"%i\" y=\"%i\">%n</text>",
			    x + 1, y + 1, width - 2, HEAT_ROW - 3, shade, x + 1, y + 1, width - 2,
			    HEAT_ROW - 3, x + width / 2, y + 17, open);
		}
	}
	chart_end(page);
}

static void tabulate(struct page *page, const struct heat *heat)
{
	page_table(page, "", "Open documents of all documents, by company and period");
	page_put(page, "<thead><tr><th scope=\"col\">Company</th>");
	for (int column = heat->first_period; column < heat->period_count; column++)
		page_format(page, "<th scope=\"col\" class=\"n\">%t</th>", heat->periods[column]);
	page_put(page, "</tr></thead>\n<tbody>\n");
	for (int row = 0; row < heat->entity_count; row++) {
		page_format(page, "<tr><th scope=\"row\">%t</th>", heat->entities[row]);
		for (int column = 0; column < heat->period_count - heat->first_period; column++)
			page_format(page, "<td class=\"n\">%n of %n</td>", heat->cells[row][column].open,
			            heat->cells[row][column].documents);
		page_put(page, "</tr>\n");
	}
	page_table_end(page);
}

void chart_heat(struct page *page)
{
	const cJSON *counts = member(page->run, "counts");
	if (cJSON_GetArraySize(counts) == 0)
		return;
	struct heat *heat = mem_alloc(sizeof *heat);
	gather(heat, counts);
	draw(page, heat);
	page_put(page, "<div>");
	tabulate(page, heat);
	if (heat->first_period > 0 || heat->entity_count == HEAT_ENTITIES)
		page_format(
		    page, "<p class=\"note\">At most %i companies and the newest %i periods are shown.</p>\n",
		    HEAT_ENTITIES, HEAT_PERIODS);
	if (member_integer(member(page->run, "fingerprints"), "documents_skipped") > 0)
		page_put(page, "<p class=\"note\">Documents that fingerprints proved equal are not counted "
		               "in it.</p>\n");
	page_put(page, "</div>\n");
	free(heat);
}
