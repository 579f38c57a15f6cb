/*
 * confidence.c - see confidence.h.
 *
 * Why:   see confidence.h.
 * Owns:  nothing.
 * Rules: as in confidence.h. Doubles serve statistics here, and no amount of money. Of very many documents the
 *        logarithms of factorials leave few digits for their difference: what they may be wrong by widens the bound.
 * Runs in: the CLI.
 * Tests: tests/unit/confidence_test.c
 */
#include "connector/compare/confidence.h"

#include <float.h>
#include <math.h>

#include "hal/base/err.h"

/* ln of M_n(p) = B(1 + k, 1 + n - k) / (p^k (1 - p)^(n - k)). */
static double log_mixture(double n, double k, double p)
{
	double beta = lgamma(1 + k) + lgamma(1 + n - k) - lgamma(2 + n);
	return beta - (k > 0 ? k * log(p) : 0) - (n - k > 0 ? (n - k) * log1p(-p) : 0);
}

int64_t confidence_bound_ppm(int64_t documents, int64_t wrong, int level_percent)
{
	CHECK(documents >= 0 && wrong >= 0 && wrong <= documents && level_percent > 0 && level_percent < 100);
	double limit = log(100.0 / (100 - level_percent));
	double low = documents > 0 ? (double)wrong / (double)documents : 1;
	double high = 1;
	if (documents == 0 || wrong == documents)
		return 1000000;
	/* Where the mixture reaches the limit, none of its terms is over ln (n + 1)! + limit; each is made in a few
	 * roundings. */
	limit += 16 * DBL_EPSILON * (lgamma(2 + (double)documents) + limit);
	/* Above the observed share the mixture grows with p. */
	for (int i = 0; i < 100; i++) {
		double middle = low + (high - low) / 2;
		if (log_mixture((double)documents, (double)wrong, middle) < limit)
			low = middle;
		else
			high = middle;
	}
	return (int64_t)ceil(high * 1000000);
}
