/*
 * report_figures.h - what a report shows, gathered from a result and tried against itself.
 *
 * Why:   a false green is the worst a comparison can say; so no report repeats a verdict that its own figures deny.
 * Owns:  struct figures owns the chosen lines and the sums; the result is the caller's and outlives it.
 * Rules: 1. Every rule of docs/compare/result.md, "What must hold", is tried. What does not hold is a doubt: a sentence
 *           with both figures. One doubt, and the verdict shown is "incomplete".
 *        2. An amount that is none makes the result corrupt.
 *        3. Sums stand for one currency each.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_FIGURES_H
#define TWINPOST_REPORT_FIGURES_H

#include "tools/twinpost/report.h"
#include "tools/twinpost/report_pick.h"
#include "tools/twinpost/report_result.h"

#define FIGURES_DOUBTS_MAX  12
#define FIGURES_DOUBT_SIZE  300
#define FIGURES_GROUPS_MAX  2000 /* of entity and currency in the trial balance */
#define FIGURES_ENTITY_SIZE 40

struct figures_sum {
	char currency[PICKS_CURRENCY_SIZE];
	struct decimal gross, net;
};

/* The trial balance of one entity in one currency. */
struct figures_group {
	char entity[FIGURES_ENTITY_SIZE];
	char currency[PICKS_CURRENCY_SIZE];
	int64_t accounts, differing; /* rows */
	struct decimal legacy_debit, legacy_credit, cloud_debit, cloud_credit;
	struct decimal difference, explained, unexplained; /* sums of rows, without sign */
};

struct figures {
	const struct result *result;
	const cJSON *run;
	const char *verdict; /* the one to show: rule 1 */
	char doubts[FIGURES_DOUBTS_MAX][FIGURES_DOUBT_SIZE];
	int doubt_count, doubt_total;
	struct picks open, accepted, balances, tax;
	struct picks usage; /* those that do not agree first */
	/* Rows that do not agree: open; not yet due; accepted, with by whom, when and why. */
	int64_t usage_broken, usage_waiting, usage_accepted;
	int64_t differences, open_count, accepted_count, closed_count, pending_count;
	int64_t documents[2];                          /* listed: of the ERP, of the cloud */
	struct figures_sum sums[PICKS_CURRENCIES_MAX]; /* of the open ones */
	size_t sum_count;
	struct figures_group *groups;
	size_t group_count;
	int64_t groups_left_out; /* rows */
	bool overflow;
	bool has_large; /* an amount of more than 15 digits */
};

MUST_USE enum err figures_gather(struct figures *figures, const struct result *result,
                                 const struct report_limits *limits, struct err_info *info);
void figures_release(struct figures *figures);
/* The value of totals.gross or totals.net of this currency; NULL: none. */
const char *figures_total(const struct figures *figures, const char *which, const char *currency);
/* A member of a member: "legacy", "total". */
const char *member_text_of(const cJSON *object, const char *outer, const char *inner);
/* Of a difference's line: is it accepted, is it closed in another way? */
bool figures_is_accepted(const cJSON *difference);
bool figures_is_closed(const cJSON *difference);
/* Of a line of usage: does it not agree, is due, and was accepted? */
bool figures_usage_accepted(const cJSON *line);

#endif
