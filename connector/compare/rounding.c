/*
 * rounding.c - the arithmetic of the policies: what each makes of the lines of one tax code.
 *
 * Why:   see rounding.h.
 * Owns:  nothing.
 * Rules: 1. net x rate / (100 x 10^scale) is split into an integer quotient towards zero and a rest; every mode is a
 *           choice between the quotient and its neighbour away from zero.
 *        2. A tax that is no multiple of a step cannot come from that step: it is not tried.
 * Faults: ERR_OVERFLOW where 64 bits do not hold a result.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rounding_test.c
 */
#include "connector/compare/rounding.h"

#include <string.h>

__extension__ typedef __int128 wide;

#define PER_CENT 100

static const int steps[ROUNDING_STEPS] = {1, 5, 100};

/* A number as quotient * divisor + rest, the quotient towards zero. */
struct split {
	int64_t quotient;
	int64_t rest;
	int64_t divisor;
};

/* An exact sum of products in units of 10^-scale per cent of a minor unit. */
struct product {
	wide value;
	uint8_t scale;
};

struct rounding_policy rounding_policy_at(int index)
{
	CHECK(index >= 0 && index < ROUNDING_POLICY_COUNT);
	return (struct rounding_policy){
	    .level = (enum rounding_level)(index / (ROUNDING_STEPS * ROUNDING_MODE_COUNT)),
	    .step = steps[index / ROUNDING_MODE_COUNT % ROUNDING_STEPS],
	    .mode = (enum rounding_mode)(index % ROUNDING_MODE_COUNT),
	};
}

int rounding_index(struct rounding_policy policy)
{
	int step = 0;
	while (step < ROUNDING_STEPS && steps[step] != policy.step)
		step++;
	CHECK(step < ROUNDING_STEPS);
	return ((int)policy.level * ROUNDING_STEPS + step) * ROUNDING_MODE_COUNT + (int)policy.mode;
}

static int64_t power_of_ten(int exponent)
{
	int64_t power = 1;
	while (exponent-- > 0)
		power *= 10;
	return power;
}

static bool split_product(struct product product, int step, struct split *split)
{
	CHECK(product.scale <= DECIMAL_SCALE_MAX);
	int64_t divisor = PER_CENT * power_of_ten(product.scale) * step;
	split->divisor = divisor;
	if (product.value >= INT64_MIN && product.value <= INT64_MAX) {
		/* Nearly always, and many times faster than a division of 128 bits. */
		split->quotient = (int64_t)product.value / divisor;
		split->rest = (int64_t)product.value % divisor;
		return true;
	}
	wide quotient = product.value / divisor;
	split->rest = (int64_t)(product.value % divisor);
	split->quotient = (int64_t)quotient;
	/* Room for the neighbour, and for the step. */
	return quotient > INT64_MIN / 200 && quotient < INT64_MAX / 200;
}

static struct product product_of(const struct rounding_line *line)
{
	CHECK(line->rate.scale <= DECIMAL_SCALE_MAX);
	return (struct product){(wide)line->net * line->rate.units, line->rate.scale};
}

/* The sum of all lines' products at the finest scale of their rates. */
static bool sum_products(const struct rounding_line *lines, int count, struct product *sum)
{
	*sum = (struct product){0, 0};
	for (int i = 0; i < count; i++)
		sum->scale = lines[i].rate.scale > sum->scale ? lines[i].rate.scale : sum->scale;
	for (int i = 0; i < count; i++) {
		int64_t units;
		if (__builtin_mul_overflow(lines[i].rate.units,
		                           power_of_ten(sum->scale - lines[i].rate.scale), &units) ||
		    __builtin_add_overflow(sum->value, (wide)lines[i].net * units, &sum->value))
			return false;
	}
	return true;
}

/* In steps, not in minor units. */
static int64_t round_split(const struct split *split, enum rounding_mode mode)
{
	if (split->rest == 0)
		return split->quotient;
	bool negative = split->rest < 0;
	int64_t near = split->quotient;
	int64_t away = negative ? near - 1 : near + 1;
	int64_t twice = negative ? -2 * split->rest : 2 * split->rest; /* a divisor is at most 10^16 */
	bool half = twice == split->divisor;
	int64_t nearest = twice > split->divisor ? away : near;
	switch (mode) {
	case ROUNDING_HALF_UP:
		return half ? (negative ? near : away) : nearest;
	case ROUNDING_HALF_AWAY:
		return half ? away : nearest;
	case ROUNDING_HALF_LOW:
		return half ? (negative ? away : near) : nearest;
	case ROUNDING_HALF_ZERO:
		return half ? near : nearest;
	case ROUNDING_HALF_EVEN:
		return half ? (near % 2 == 0 ? near : away) : nearest;
	case ROUNDING_FLOOR:
		return negative ? away : near;
	case ROUNDING_TRUNCATE:
		return near;
	case ROUNDING_CEILING:
		return negative ? near : away;
	case ROUNDING_AWAY:
		return away;
	default:
		BUG("a rounding mode");
	}
}

enum err rounding_apply(struct rounding_policy policy, const struct rounding_line *lines, int count,
                        int64_t *tax)
{
	struct split split;
	wide sum = 0;
	if (policy.level == ROUNDING_TOTAL) {
		struct product product;
		if (!sum_products(lines, count, &product) || !split_product(product, policy.step, &split))
			return ERR_OVERFLOW;
		sum = (wide)round_split(&split, policy.mode) * policy.step;
	} else {
		for (int i = 0; i < count; i++) {
			if (!split_product(product_of(&lines[i]), policy.step, &split))
				return ERR_OVERFLOW;
			sum += (wide)round_split(&split, policy.mode) * policy.step;
		}
	}
	if (sum < INT64_MIN || sum > INT64_MAX)
		return ERR_OVERFLOW;
	*tax = (int64_t)sum;
	return ERR_OK;
}

static bool explain_lines(const struct rounding_observation *observation, int step, rounding_set *set)
{
	wide sums[ROUNDING_MODE_COUNT] = {0};
	bool stands[ROUNDING_MODE_COUNT];
	memset(stands, true, sizeof stands);
	for (int i = 0; i < observation->count; i++) {
		const struct rounding_line *line = &observation->lines[i];
		struct split split;
		if (!split_product(product_of(line), steps[step], &split))
			return false;
		for (int mode = 0; mode < ROUNDING_MODE_COUNT; mode++) {
			wide tax = (wide)round_split(&split, (enum rounding_mode)mode) * steps[step];
			sums[mode] += tax;
			stands[mode] = stands[mode] && (!line->has_tax || tax == line->tax);
		}
	}
	for (int mode = 0; mode < ROUNDING_MODE_COUNT; mode++) {
		if (stands[mode] && sums[mode] == observation->tax)
			*set |= UINT64_C(1) << (step * ROUNDING_MODE_COUNT + mode);
	}
	return true;
}

enum err rounding_explains(const struct rounding_observation *observation, rounding_set *set)
{
	struct product product;
	*set = 0;
	CHECK(ROUNDING_POLICY_COUNT <= 64);
	if (!sum_products(observation->lines, observation->count, &product))
		return ERR_OVERFLOW;
	for (int step = 0; step < ROUNDING_STEPS; step++) {
		struct split split;
		if (observation->tax % steps[step] != 0)
			continue;
		if (!explain_lines(observation, step, set) || !split_product(product, steps[step], &split))
			return ERR_OVERFLOW;
		int first = (ROUNDING_STEPS + step) * ROUNDING_MODE_COUNT;
		for (int mode = 0; mode < ROUNDING_MODE_COUNT; mode++) {
			wide tax = (wide)round_split(&split, (enum rounding_mode)mode) * steps[step];
			if (tax == observation->tax)
				*set |= UINT64_C(1) << (first + mode);
		}
	}
	return ERR_OK;
}
