/*
 * cause_fx.c - were the same amounts translated at another exchange rate?
 *
 * Why:   a wrong rate changes every line of a document in the same ratio; a wrong amount does not.
 * Owns:  nothing.
 * Rules: 1. An amount a in document currency and its translation t, which was rounded once for each of n components,
 *           say that the rate is within (2t - n) / 2a and (2t + n) / 2a. A side has one rate if all its amounts leave
 *           some interval, and the rates differ if the two sides' intervals have no point in common. Where that gives
 *           no rate, roundings of up to a whole minor unit are allowed: some systems cut off.
 *           One line may take what the others were rounded by, so that the whole is zero in local currency, too: it is
 *           allowed the components of all of them.
 *        2. One minor unit a component proves no rate, unless the documents state different ones.
 *        3. A rate more than double the other is no other day's rate.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_amounts_test.c
 */
#include "connector/compare/cause_internal.h"

#include <stdio.h>

__extension__ typedef __int128 wide;

#define RATE_DIGITS         6
#define REMAINDER_LINES_MAX 200 /* of longer documents no line is tried as the one that takes the rest */
#define AMOUNT_MAX          (INT64_MAX / 8) /* products of two of these, doubled, fit into 128 bits */

struct fraction {
	int64_t above;
	int64_t below; /* > 0 */
};

struct interval {
	struct fraction low, high;
	bool any;
	bool broken; /* no rate gives all amounts */
};

struct translation {
	int halves; /* of a minor unit that a rounding may take: 1, or 2 for cutting off */
	struct interval side[SIDE_COUNT];
	bool far;       /* an amount differs by more than its components' roundings */
	int64_t amount; /* the largest in document currency, and what became of it */
	int64_t local[SIDE_COUNT];
};

static int compare_fractions(struct fraction a, struct fraction b)
{
	wide left = (wide)a.above * b.below, right = (wide)b.above * a.below;
	return left < right ? -1 : left > right;
}

static void narrow(struct interval *interval, int64_t amount, int64_t local, int64_t components)
{
	if (amount < 0) {
		amount = -amount;
		local = -local;
	}
	struct fraction low = {2 * local - components, 2 * amount},
			high = {2 * local + components, 2 * amount};
	if (!interval->any || compare_fractions(low, interval->low) > 0)
		interval->low = low;
	if (!interval->any || compare_fractions(high, interval->high) < 0)
		interval->high = high;
	interval->any = true;
	interval->broken = interval->broken || compare_fractions(interval->low, interval->high) > 0;
}

static void take(struct translation *translation, int64_t amount, int64_t legacy, int64_t cloud,
                 int64_t components)
{
	if (amount == 0)
		return;
	if (magnitude(amount) > AMOUNT_MAX || magnitude(legacy) > AMOUNT_MAX ||
	    magnitude(cloud) > AMOUNT_MAX) {
		translation->side[SIDE_LEGACY].broken = true;
		return;
	}
	components *= translation->halves;
	narrow(&translation->side[SIDE_LEGACY], amount, legacy, components);
	narrow(&translation->side[SIDE_CLOUD], amount, cloud, components);
	translation->far = translation->far || magnitude(cloud - legacy) > components;
	if (magnitude(amount) > magnitude(translation->amount)) {
		translation->amount = amount;
		translation->local[SIDE_LEGACY] = legacy;
		translation->local[SIDE_CLOUD] = cloud;
	}
}

/* remainder: the line of the ERP that takes what the others were rounded by; -1: none does. */
static void take_all(struct translation *translation, const struct view *legacy, const struct view *cloud,
                     int remainder)
{
	int64_t lines = 0, all = 0;
	int i = 0, j = 0;
	for (int k = 0; k < legacy->line_count && remainder >= 0; k++)
		all += legacy->lines[k].count;
	while (i < legacy->line_count && j < cloud->line_count) {
		const struct view_line *from = &legacy->lines[i], *to = &cloud->lines[j];
		int order = view_line_order(from, to);
		bool rest = i == remainder;
		i += order <= 0;
		j += order >= 0;
		lines += order <= 0 ? from->count : 0;
		if (order != 0 || !from->has_local || !to->has_local)
			continue;
		int64_t components = from->count > to->count ? from->count : to->count;
		take(translation, from->debit + from->credit, from->local, to->local,
		     rest && all > components ? all : components);
	}
	for (int k = 0; k < VIEW_AMOUNT_COUNT; k++) {
		if (legacy->has_local_amount[k] && cloud->has_local_amount[k])
			take(translation, legacy->amounts[k], legacy->local_amounts[k],
			     cloud->local_amounts[k], lines > 0 ? lines : 1);
	}
}

/* The rate of the largest amount, "1.082500"; false: it cannot be printed. */
static bool print_rate(const struct translation *translation, const struct view *view, enum ledger_side side,
                       char text[DECIMAL_TEXT_MAX])
{
	wide above = translation->local[side], below = translation->amount;
	for (int i = 0; i < view->digits + RATE_DIGITS; i++)
		above *= 10;
	for (int i = 0; i < view->local_digits; i++)
		below *= 10;
	wide rate = above / below;
	if (rate > INT64_MAX || rate < INT64_MIN)
		return false;
	(void)decimal_print((struct decimal){(int64_t)rate, RATE_DIGITS}, text);
	return true;
}

static bool too_far(const struct translation *translation)
{
	int64_t ours = magnitude(translation->local[SIDE_LEGACY]),
		theirs = magnitude(translation->local[SIDE_CLOUD]);
	return (translation->local[SIDE_LEGACY] < 0) != (translation->local[SIDE_CLOUD] < 0) ||
	       ours / 2 > theirs || theirs / 2 > ours;
}

static bool is_consistent(const struct translation *translation)
{
	return translation->side[SIDE_LEGACY].any && !translation->side[SIDE_LEGACY].broken &&
	       !translation->side[SIDE_CLOUD].broken;
}

static struct translation translate(const struct view *legacy, const struct view *cloud)
{
	struct translation translation;
	int most = legacy->line_count <= REMAINDER_LINES_MAX ? legacy->line_count : 0;
	for (int halves = 1; halves <= 2; halves++) {
		for (int remainder = -1; remainder < most; remainder++) {
			translation = (struct translation){.halves = halves};
			take_all(&translation, legacy, cloud, remainder);
			if (is_consistent(&translation))
				return translation;
		}
	}
	return translation;
}

bool cause_is_fx_rate(const struct cause_book *book, const struct cause_evidence *evidence,
                      struct cause_name *name)
{
	const struct view *legacy = evidence->legacy, *cloud = evidence->cloud;
	struct translation translation = translate(legacy, cloud);
	char from[DECIMAL_TEXT_MAX], to[DECIMAL_TEXT_MAX], detail[CAUSE_DETAIL_MAX];
	const struct interval *ours = &translation.side[SIDE_LEGACY], *theirs = &translation.side[SIDE_CLOUD];
	bool stated =
	    legacy->attributes[VIEW_EXCHANGE_RATE].len > 0 && cloud->attributes[VIEW_EXCHANGE_RATE].len > 0 &&
	    !span_equal(legacy->attributes[VIEW_EXCHANGE_RATE], cloud->attributes[VIEW_EXCHANGE_RATE]);
	if (book->shape.local_absent || !is_consistent(&translation) || (!translation.far && !stated) ||
	    too_far(&translation) ||
	    (compare_fractions(ours->low, theirs->high) <= 0 &&
	     compare_fractions(theirs->low, ours->high) <= 0) ||
	    !print_rate(&translation, legacy, SIDE_LEGACY, from) ||
	    !print_rate(&translation, cloud, SIDE_CLOUD, to))
		return false;
	(void)snprintf(detail, sizeof detail, "%.*s > %.*s", quoted(legacy->currency), legacy->currency.data,
	               quoted(legacy->local_currency), legacy->local_currency.data);
	return named(name, CAUSE_FX_RATE, detail,
	             "the cloud translated %.*s at about %s for %s; the amounts in %.*s agree",
	             quoted(legacy->currency), legacy->currency.data, to, from, quoted(legacy->currency),
	             legacy->currency.data);
}
