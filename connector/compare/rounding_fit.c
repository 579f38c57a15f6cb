/*
 * rounding_fit.c - counts what each policy explains, and comes to a verdict.
 *
 * Why:   see rounding.h.
 * Owns:  struct rounding_fits and all below it.
 * Rules: 1. Observations of one entity and side are kept as counts by the set of policies that explain them: there
 *           are few such sets, and every question (contradictions, who explains what another does not) is a sum over
 *           them.
 *        2. Over ROUNDING_MASKS_MAX sets, single contradictions are still counted, but nobody is beaten any more by
 *           rule 4's second half: that could be wrong with sets missing.
 *        3. What the documents never pose (struct posed) makes policies one class; the class has the name of its
 *           first.
 * Faults: more entities than ROUNDING_FITS_MAX: refused, counted.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rounding_test.c
 */
#include "connector/compare/rounding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

#define MASKS_AT_FIRST  64
#define CLASSES_NAMED   3
#define DECISIVE_TO_ONE 20

static const char *const mode_names[ROUNDING_MODE_COUNT] = {
#define MODE_NAME(identifier, name, together) name,
    ROUNDING_MODES(MODE_NAME)
#undef MODE_NAME
};

static const char *const mode_names_together[ROUNDING_MODE_COUNT] = {
#define MODE_TOGETHER(identifier, name, together) together,
    ROUNDING_MODES(MODE_TOGETHER)
#undef MODE_TOGETHER
};

/* What the documents seen could tell apart at all. */
struct posed {
	bool level;                          /* two fractions under one code */
	bool negative[ROUNDING_LEVEL_COUNT]; /* a negative fraction of a line, of a total */
	bool half[ROUNDING_STEPS];           /* a rate that can give an exact half of the step */
};

struct mask {
	rounding_set set;
	int64_t count; /* 0: the place is free */
};

struct fit {
	char *key;
	enum ledger_side side;
	struct posed posed;
	int64_t observations;
	int64_t evidence;
	int64_t foreign;
	int64_t contradictions[ROUNDING_POLICY_COUNT];
	struct mask *masks; /* open addressing; mask_capacity is a power of two */
	int mask_count;
	int mask_capacity;
	bool crowded;
};

struct rounding_fits {
	struct fit *list[ROUNDING_FITS_MAX]; /* by key, then side */
	int count;
	int64_t refused;
};

struct rounding_fits *rounding_fits_new(void)
{
	return mem_alloc(sizeof(struct rounding_fits));
}

void rounding_fits_free(struct rounding_fits *fits)
{
	if (fits == NULL)
		return;
	for (int i = 0; i < fits->count; i++) {
		free(fits->list[i]->key);
		free(fits->list[i]->masks);
		free(fits->list[i]);
	}
	free(fits);
}

int rounding_fits_count(const struct rounding_fits *fits)
{
	return fits->count;
}

void rounding_fits_at(const struct rounding_fits *fits, int index, struct span *key, enum ledger_side *side)
{
	CHECK(index >= 0 && index < fits->count);
	*key = span_of(fits->list[index]->key);
	*side = fits->list[index]->side;
}

int64_t rounding_fits_refused(const struct rounding_fits *fits)
{
	return fits->refused;
}

/* Where it stands (true), or would have to stand. */
static bool locate(const struct rounding_fits *fits, struct span key, enum ledger_side side, int *place)
{
	int low = 0, high = fits->count;
	while (low < high) {
		int middle = low + (high - low) / 2;
		int order = span_compare(span_of(fits->list[middle]->key), key);
		if (order == 0)
			order = (int)fits->list[middle]->side - (int)side;
		if (order == 0) {
			*place = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*place = low;
	return false;
}

static const struct fit *find(const struct rounding_fits *fits, struct span key, enum ledger_side side)
{
	int place;
	return locate(fits, key, side, &place) ? fits->list[place] : NULL;
}

static struct fit *find_or_add(struct rounding_fits *fits, struct span key, enum ledger_side side)
{
	int place;
	if (locate(fits, key, side, &place))
		return fits->list[place];
	if (fits->count == ROUNDING_FITS_MAX) {
		fits->refused++;
		return NULL;
	}
	struct fit *fit = mem_alloc(sizeof *fit);
	fit->key = mem_copy_text(key);
	fit->side = side;
	memmove(&fits->list[place + 1], &fits->list[place],
	        (size_t)(fits->count - place) * sizeof fits->list[0]);
	fits->list[place] = fit;
	fits->count++;
	return fit;
}

static struct mask *mask_place(struct mask *masks, int capacity, rounding_set set)
{
	/* Fibonacci hashing: the high bits of the product are well mixed. */
	size_t at = (size_t)((set * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	for (;; at++) {
		struct mask *mask = &masks[at & (size_t)(capacity - 1)];
		if (mask->count == 0 || mask->set == set)
			return mask;
	}
}

static void count_mask(struct fit *fit, rounding_set set)
{
	if (2 * fit->mask_count >= fit->mask_capacity) {
		int capacity = fit->mask_capacity > 0 ? 2 * fit->mask_capacity : MASKS_AT_FIRST;
		struct mask *masks = mem_alloc((size_t)capacity * sizeof *masks);
		for (int i = 0; i < fit->mask_capacity; i++) {
			if (fit->masks[i].count > 0)
				*mask_place(masks, capacity, fit->masks[i].set) = fit->masks[i];
		}
		free(fit->masks);
		fit->masks = masks;
		fit->mask_capacity = capacity;
	}
	struct mask *mask = mask_place(fit->masks, fit->mask_capacity, set);
	if (mask->count == 0 && fit->mask_count == ROUNDING_MASKS_MAX) {
		fit->crowded = true;
		return;
	}
	fit->mask_count += mask->count == 0;
	mask->set = set;
	mask->count++;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

/* What rate x net / (100 x 10^scale x step) can give: its divisor in lowest terms, whatever the net. */
static int64_t lowest_divisor(struct decimal rate, int step)
{
	int64_t divisor = 100 * (int64_t)step;
	for (int i = 0; i < rate.scale; i++)
		divisor *= 10;
	return divisor / common_divisor(rate.units, divisor);
}

/* *fraction: is there anything to round? */
static void note_posed(struct posed *posed, const struct rounding_observation *observation, bool *fraction)
{
	int fractions = 0;
	wide sum = 0; /* of nets with the sign of their taxes; the rates of one code have one sign */
	for (int i = 0; i < observation->count; i++) {
		const struct rounding_line *line = &observation->lines[i];
		bool negative = (line->net < 0) != (line->rate.units < 0);
		sum += line->rate.units < 0 ? -(wide)line->net : (wide)line->net;
		if (line->net % lowest_divisor(line->rate, 1) == 0)
			continue;
		fractions++;
		posed->negative[ROUNDING_LINE] = posed->negative[ROUNDING_LINE] || negative;
		for (int step = 0; step < ROUNDING_STEPS; step++) {
			int size = rounding_policy_at(step * ROUNDING_MODE_COUNT).step;
			bool half = lowest_divisor(line->rate, size) % 2 == 0;
			posed->half[step] = posed->half[step] || half;
		}
	}
	*fraction = fractions > 0;
	posed->level = posed->level || fractions > 1;
	posed->negative[ROUNDING_TOTAL] = posed->negative[ROUNDING_TOTAL] || (*fraction && sum < 0);
}

bool rounding_observe(struct rounding_fits *fits, struct span key, enum ledger_side side,
                      const struct rounding_observation *observation)
{
	rounding_set set;
	if (rounding_explains(observation, &set) != ERR_OK)
		return false;
	struct fit *fit = find_or_add(fits, key, side);
	if (fit == NULL)
		return false;
	bool fraction = false;
	note_posed(&fit->posed, observation, &fraction);
	fit->observations++;
	fit->evidence += fraction;
	fit->foreign += set == 0;
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++)
		fit->contradictions[i] += (set >> i & 1) == 0;
	count_mask(fit, set);
	return true;
}

void rounding_observe_sheet(struct rounding_fits *fits, struct span key, enum ledger_side side,
                            const struct rounding_sheet *sheet)
{
	for (int i = 0; i < sheet->group_count; i++) {
		struct rounding_observation observation = rounding_sheet_at(sheet, i);
		(void)rounding_observe(fits, key, side, &observation);
	}
}

bool rounding_wants(const struct rounding_fits *fits, struct span key, enum ledger_side side)
{
	const struct fit *fit = find(fits, key, side);
	return fit == NULL ? fits->count < ROUNDING_FITS_MAX : fit->evidence < ROUNDING_EVIDENCE_ENOUGH;
}

static int64_t explained_by(const struct fit *fit, rounding_set by, rounding_set not_by)
{
	int64_t count = 0;
	for (int i = 0; i < fit->mask_capacity; i++) {
		const struct mask *mask = &fit->masks[i];
		count +=
		    mask->count > 0 && (mask->set & by) != 0 && (mask->set & not_by) == 0 ? mask->count : 0;
	}
	return count;
}

int64_t rounding_witnesses(const struct rounding_fits *fits, struct span key, enum ledger_side side,
                           rounding_set by, rounding_set not_by)
{
	const struct fit *fit = find(fits, key, side);
	return fit == NULL ? 0 : explained_by(fit, by, not_by);
}

static bool beaten(const struct fit *fit, int index, int best)
{
	if (fit->crowded || fit->contradictions[index] == fit->contradictions[best])
		return false;
	int64_t against = explained_by(fit, UINT64_C(1) << best, UINT64_C(1) << index);
	int64_t for_it = explained_by(fit, UINT64_C(1) << index, UINT64_C(1) << best);
	return against - for_it >= ROUNDING_DECISIVE && for_it * DECISIVE_TO_ONE <= against;
}

/* The index of the first policy of the same class: what was not posed is set to its first value. */
static int class_of(const struct posed *posed, int index)
{
	struct rounding_policy policy = rounding_policy_at(index);
	int step = index / ROUNDING_MODE_COUNT % ROUNDING_STEPS;
	bool negative = posed->negative[policy.level];
	if (!posed->level) {
		policy.level = ROUNDING_LINE;
		negative = posed->negative[ROUNDING_LINE] || posed->negative[ROUNDING_TOTAL];
	}
	bool halving = policy.mode <= ROUNDING_HALF_ZERO || policy.mode == ROUNDING_HALF_EVEN;
	if (halving && !posed->half[step])
		policy.mode = ROUNDING_HALF_UP;
	else if (!negative && policy.mode != ROUNDING_HALF_EVEN)
		policy.mode = (enum rounding_mode)(policy.mode / 2 * 2); /* the signed one of the two */
	return rounding_index(policy);
}

static void name_class(const struct posed *posed, int index, char *text, size_t size)
{
	struct rounding_policy policy = rounding_policy_at(index);
	int step = index / ROUNDING_MODE_COUNT % ROUNDING_STEPS;
	bool negative = posed->negative[policy.level] || (!posed->level && posed->negative[ROUNDING_TOTAL]);
	bool halving = policy.mode <= ROUNDING_HALF_ZERO || policy.mode == ROUNDING_HALF_EVEN;
	const char *level = !posed->level                   ? "line or total"
	                    : policy.level == ROUNDING_LINE ? "line"
	                                                    : "total";
	const char *mode = halving && !posed->half[step] ? "to the nearest"
	                   : negative                    ? mode_names[policy.mode]
	                                                 : mode_names_together[policy.mode];
	int written = snprintf(text, size, "%s %s", level, mode);
	if (policy.step > 1 && written > 0 && (size_t)written < size)
		(void)snprintf(text + written, size - (size_t)written, " to %d minor units", policy.step);
}

/* Names the classes in the order of their indices, and gathers what differs between them. */
static void name_classes(const struct fit *fit, struct rounding_result *result, rounding_set *classes)
{
	size_t len = 0;
	*classes = 0;
	result->classes = 0;
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		if ((result->stand >> i & 1) != 0)
			*classes |= UINT64_C(1) << class_of(&fit->posed, i);
	}
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		if ((*classes >> i & 1) == 0)
			continue;
		char name[ROUNDING_NAME_MAX / CLASSES_NAMED - 5];
		name_class(&fit->posed, i, name, sizeof name);
		const char *between = result->classes == 0 ? "" : " or ";
		int written = 0;
		if (result->classes < CLASSES_NAMED)
			written = snprintf(result->policy + len, sizeof result->policy - len, "%s%s", between,
			                   name);
		else if (result->classes == CLASSES_NAMED)
			written = snprintf(result->policy + len, sizeof result->policy - len, " ...");
		CHECK(written >= 0 && (size_t)written < sizeof result->policy - len);
		len += (size_t)written;
		result->classes++;
	}
}

/* What would tell these classes apart. */
static const char *wanted(rounding_set classes)
{
	bool level[ROUNDING_LEVEL_COUNT] = {0}, step[ROUNDING_STEPS] = {0}, mode[ROUNDING_MODE_COUNT] = {0};
	int levels = 0, steps = 0, halves = 0, others = 0;
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		if ((classes >> i & 1) == 0)
			continue;
		level[i / (ROUNDING_STEPS * ROUNDING_MODE_COUNT)] = true;
		step[i / ROUNDING_MODE_COUNT % ROUNDING_STEPS] = true;
		mode[i % ROUNDING_MODE_COUNT] = true;
	}
	for (int i = 0; i < ROUNDING_LEVEL_COUNT; i++)
		levels += level[i];
	for (int i = 0; i < ROUNDING_STEPS; i++)
		steps += step[i];
	for (int i = 0; i < ROUNDING_MODE_COUNT; i++) {
		bool halving = i <= ROUNDING_HALF_ZERO || i == ROUNDING_HALF_EVEN;
		halves += halving && mode[i];
		others += !halving && mode[i];
	}
	if (steps > 1)
		return "a tax that is no multiple of the larger unit";
	if (levels > 1)
		return "a document with two lines of one tax code whose fractions add up to a minor unit";
	if (others > 0)
		return "a tax with a fraction above a half, one below, and a negative one";
	if (halves == 2 && ((mode[ROUNDING_HALF_UP] && mode[ROUNDING_HALF_AWAY]) ||
	                    (mode[ROUNDING_HALF_LOW] && mode[ROUNDING_HALF_ZERO])))
		return "a negative tax of exactly half a minor unit";
	return "a tax of exactly half a minor unit, after an even digit and after an odd one";
}

static void word_verdict(const struct fit *fit, struct rounding_result *result)
{
	rounding_set classes;
	name_classes(fit, result, &classes);
	if (result->verdict == ROUNDING_NONE) {
		char nearest[ROUNDING_NAME_MAX];
		name_class(&fit->posed, result->best, nearest, sizeof nearest);
		(void)snprintf(
		    result->text, sizeof result->text,
		    "no rounding policy explains the taxes: %s comes nearest, with %lld of %lld against it",
		    nearest, (long long)result->contradictions, (long long)result->observations);
	} else if (result->verdict == ROUNDING_FITS) {
		(void)snprintf(result->text, sizeof result->text, "%s explains %lld of %lld taxes",
		               result->policy, (long long)(result->observations - result->contradictions),
		               (long long)result->observations);
	} else if (result->classes > 1) {
		(void)snprintf(result->text, sizeof result->text,
		               "%d policies explain the %lld taxes seen (%s): %s would tell them apart",
		               result->classes, (long long)result->observations, result->policy,
		               wanted(classes));
	} else {
		(void)snprintf(result->text, sizeof result->text,
		               "%s, but from %lld taxes with a fraction alone; %d are needed", result->policy,
		               (long long)result->evidence, ROUNDING_EVIDENCE_MIN);
	}
}

bool rounding_judge(const struct rounding_fits *fits, struct span key, enum ledger_side side,
                    int allowance_ppm, struct rounding_result *result)
{
	CHECK(allowance_ppm >= 0 && allowance_ppm <= ROUNDING_PPM);
	const struct fit *fit = find(fits, key, side);
	*result = (struct rounding_result){.verdict = ROUNDING_ABSTAINS};
	if (fit == NULL) {
		(void)snprintf(result->text, sizeof result->text, "no tax was seen");
		return false;
	}
	for (int i = 1; i < ROUNDING_POLICY_COUNT; i++) {
		if (fit->contradictions[i] < fit->contradictions[result->best])
			result->best = i;
	}
	result->observations = fit->observations;
	result->evidence = fit->evidence;
	result->contradictions = fit->contradictions[result->best];
	result->foreign = fit->foreign;
	/* Over 9 * 10^12 observations would be needed for an overflow. */
	int64_t allowed = fit->observations * allowance_ppm / ROUNDING_PPM;
	for (int i = 0; i < ROUNDING_POLICY_COUNT; i++) {
		if (fit->contradictions[i] <= allowed && !beaten(fit, i, result->best))
			result->stand |= UINT64_C(1) << i;
	}
	if (result->stand == 0)
		result->verdict = ROUNDING_NONE;
	word_verdict(fit, result);
	if (result->classes == 1 && fit->evidence >= ROUNDING_EVIDENCE_MIN) {
		result->verdict = ROUNDING_FITS;
		word_verdict(fit, result);
	}
	return true;
}

const char *rounding_verdict_name(enum rounding_verdict verdict)
{
	static const char *const names[] = {"fits", "abstains", "none"};
	CHECK(verdict <= ROUNDING_NONE);
	return names[verdict];
}
