/*
 * confidence.h - at most how many documents in a hundred are wrong, if so many were compared and so many differed.
 *
 * Why:   "no difference in 12,000 documents" is looked at every day, and someone stops looking when it pleases; a bound
 *        that holds at all times at once may be used so, an ordinary one may not.
 * Owns:  nothing.
 * Rules: 1. The documents are taken as a sample of those to come; the bound says nothing about documents of a kind that
 *           has not occurred.
 *        2. Rounded up: never better than computed.
 * Source: Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Stat. 41 (1970): the
 *        beta-binomial mixture is a martingale, and by Ville's inequality { p : M_n(p) < 1/alpha } holds at all n at
 *        once with probability 1 - alpha. Prior Beta(1, 1).
 * Runs in: the CLI.
 * Tests: tests/unit/confidence_test.c
 */
#ifndef TWINPOST_CONFIDENCE_H
#define TWINPOST_CONFIDENCE_H

#include <stdint.h>

/* Upper bound of the share of wrong documents in parts per million, 0 < level < 1 in per cent; 1,000,000 where nothing
 * was compared. */
int64_t confidence_bound_ppm(int64_t documents, int64_t wrong, int level_percent);

#endif
