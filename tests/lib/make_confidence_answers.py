"""make_confidence_answers.py - writes tests/unit/confidence_answers.h: bounds of confidence.h, worked out without its arithmetic.

Why:   a bound that is a little too good cannot be seen; it must be held against numbers that come from elsewhere.
Owns:  tests/unit/confidence_answers.h.
Rules: 1. By definition: the answer is the least m for which p = m / 1,000,000 is outside { p : M_n(p) < 1/alpha }, above k / n,
          where M_n(p) = 1 / ((n + 1) C(n, k) p^k (1 - p)^(n - k)) (Robbins 1970, prior Beta(1, 1)).
       2. Up to EXACT_MAX documents in integers, without any rounding. Beyond that with 80 digits, ln of the factorials by
          Stirling's series (DLMF 5.11.1), which must give what the integers give where both are gone; logarithms that are as
          good as equal would end this program.
       3. Running it again gives the same bytes.
Runs in: by hand, after a change of it: python3 tests/lib/make_confidence_answers.py
"""
import decimal
import fractions
import functools
import math
import os
import random
from decimal import Decimal

decimal.getcontext().prec = 80
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MILLION = 10**6
EXACT_MAX = 3000
INT64_MAX = 2**63 - 1

# documents, wrong, level
EDGES = [
    (0, 0, 95), (1, 0, 95), (1, 1, 95), (2, 0, 95), (2, 1, 95), (2, 2, 95), (1, 0, 1), (1, 0, 99), (3, 2, 1), (3, 2, 50),
    (18, 0, 95), (19, 0, 95), (20, 0, 95), (100, 0, 95), (100, 1, 95), (100, 50, 95), (100, 99, 95), (100, 100, 95),
    (1000, 0, 95), (1000, 1, 95), (1000, 500, 95), (1000, 999, 95), (1000, 0, 50), (1000, 0, 1), (1000, 0, 99),
    (1000, 10, 1), (1000, 10, 50), (1000, 10, 99), (3000, 3, 90), (12000, 0, 95), (12000, 1, 95), (12000, 12, 95),
    (50000, 0, 95), (1000000, 0, 95), (1000000, 1, 95), (1000000, 1000, 95), (1000000, 500000, 95), (1000000, 999999, 95),
    (10**7, 0, 95), (10**7, 17, 95), (10**8, 0, 95), (10**8, 12345, 99), (10**9, 0, 95), (10**9, 1, 95),
    (10**9, 5 * 10**8, 95), (10**9, 10**9 - 1, 95),
]
# Where neither n nor ln n! fits a double to the last digit.
HUGE = [
    (10**12, 0, 95), (10**12, 1, 95), (10**12, 5 * 10**11, 95), (10**12, 10**12 - 1, 95), (2**53, 0, 95), (2**53 + 1, 1, 95),
    (2**53, 2**52, 95), (2**53, 2**51, 99), (2**60, 2**59, 95), (2**60, 3 * 2**57, 95), (10**18, 10**17, 95), (10**18, 10**15, 1),
    (10**18, 10**12, 95), (10**18, 7 * 10**17, 99), (10**18, 5 * 10**17, 95), (INT64_MAX, 0, 95), (INT64_MAX, 1, 95), (INT64_MAX, 2**62, 95),
    (INT64_MAX, INT64_MAX - 1, 95), (INT64_MAX, INT64_MAX, 95), (8 * 10**18, 10**18, 95), (8 * 10**18, 2 * 10**18, 50),
    (8 * 10**18, 10**18, 1), (8 * 10**18, 8 * 10**12, 95), (8 * 10**18, 8 * 10**12 + 1, 95),
]


def rows():
    draw = random.Random(1970)
    yield from EDGES
    for _ in range(60):
        documents = int(10 ** draw.uniform(0, 3.4))
        yield documents, int(documents * draw.choice([0, 0.001, 0.01, 0.1, 0.5, 0.9]) * draw.random()), draw.randint(1, 99)
    for _ in range(40):
        documents = int(10 ** draw.uniform(4, 9))
        yield documents, int(documents * 10 ** draw.uniform(-7, 0)), draw.choice([50, 90, 95, 99])
    yield from HUGE
    for _ in range(20):
        documents = int(10 ** draw.uniform(12, 18.9))
        yield documents, documents // 1000 * draw.randint(1, 999), draw.choice([50, 90, 95, 99])


@functools.lru_cache(maxsize=None)
def bernoulli(n):
    """B(n), by its recursion."""
    if n == 0:
        return fractions.Fraction(1)
    return -sum(math.comb(n + 1, j) * bernoulli(j) for j in range(n)) / (n + 1)


def pi():
    """Machin's formula."""
    def arctan(x):
        total = term = Decimal(1) / x
        n = 1
        while abs(term) > Decimal(10) ** -90:
            term /= -x * x
            n += 2
            total += term / n
        return total
    return 4 * (4 * arctan(5) - arctan(239))


LOG_ROOT_TAU = (2 * pi()).ln() / 2


@functools.lru_cache(maxsize=None)
def log_factorial(n):
    """ln n!; of the small ones exactly, of the others by 30 terms of Stirling's series (the first one left out is below 1e-100)."""
    if n <= EXACT_MAX:
        return Decimal(math.factorial(n)).ln()
    x = Decimal(n + 1)
    total = (x - Decimal("0.5")) * x.ln() - x + LOG_ROOT_TAU
    for k in range(1, 31):
        b = bernoulli(2 * k)
        total += Decimal(b.numerator) / b.denominator / (2 * k * (2 * k - 1)) / x ** (2 * k - 1)
    return total


def is_outside_exactly(documents, wrong, level, ppm):
    """1/alpha = 100 / (100 - level) <= M_n."""
    mixture = (documents + 1) * math.comb(documents, wrong) * ppm**wrong * (MILLION - ppm) ** (documents - wrong)
    left = (100 - level) * MILLION**documents
    assert left == 100 * mixture or (left > 100 * mixture) == is_outside_by_logarithms(documents, wrong, level, ppm)
    return left >= 100 * mixture


def is_outside_by_logarithms(documents, wrong, level, ppm):
    p = Decimal(ppm) / MILLION
    mixture = log_factorial(wrong) + log_factorial(documents - wrong) - log_factorial(documents) - Decimal(documents + 1).ln()
    mixture -= wrong * p.ln() + (documents - wrong) * (1 - p).ln()
    over = mixture - (Decimal(100) / (100 - level)).ln()
    assert abs(over) > Decimal(10) ** -30, (documents, wrong, level, ppm)
    return over > 0


def bound(documents, wrong, level):
    """Where everything is wrong M_n is 1 / ((n + 1) p^n): below 1 up to p = 1."""
    is_outside = is_outside_exactly if documents <= EXACT_MAX else is_outside_by_logarithms
    if documents == wrong:
        return MILLION
    low, high = wrong * MILLION // documents, MILLION
    while high - low > 1:
        middle = (low + high) // 2
        if is_outside(documents, wrong, level, middle):
            high = middle
        else:
            low = middle
    return high


HEAD = """/*
 * confidence_answers.h - bounds of the share of wrong documents, worked out in integers and with 80 digits.
 *
 * Why:   see tests/lib/make_confidence_answers.py, which writes this file.
 * Owns:  nothing.
 * Rules: none.
 * Runs in: the tests.
 */
#ifndef TWINPOST_CONFIDENCE_ANSWERS_H
#define TWINPOST_CONFIDENCE_ANSWERS_H

#include <stdint.h>

struct confidence_answer {
	int64_t documents, wrong;
	int level;
	int64_t ppm;
};

/* clang-format off */
static const struct confidence_answer confidence_answers[] = {"""


def main():
    lines = [HEAD]
    for documents, wrong, level in rows():
        ppm = bound(documents, wrong, level)
        lines.append(f"    {{INT64_C({documents}), INT64_C({wrong}), {level}, {ppm}}},")
    lines += ["};", "/* clang-format on */", "", "#endif", ""]
    with open(os.path.join(ROOT, "tests", "unit", "confidence_answers.h"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
