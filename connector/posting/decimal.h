/*
 * decimal.h - exact decimal numbers: a signed 64-bit integer and a scale.
 *
 * Why:   money is right to the cent or it is wrong; no binary float, no silent wrap.
 * Owns:  nothing; values.
 * Rules: 1. value = units / 10^scale, scale 0..DECIMAL_SCALE_MAX (amounts use 0-8, rates and quantities up to 12).
 *        2. Every operation is checked: ERR_OVERFLOW, never a wrap, never a rounding that was not asked for.
 *        3. -0 does not exist; trailing zeros are kept (1.50 stays scale 2) and do not matter to a comparison.
 * Source: General Decimal Arithmetic (Cowlishaw), for the meaning of the operations; tests use its *.decTest files.
 * Runs in: the core.
 * Tests: tests/unit/decimal_test.c
 */
#ifndef TWINPOST_DECIMAL_H
#define TWINPOST_DECIMAL_H

#include "hal/base/bytes.h"

#define DECIMAL_SCALE_MAX 12
#define DECIMAL_TEXT_MAX  24 /* sign, 19 digits, point, leading zero, end */

struct decimal {
	int64_t units;
	uint8_t scale;
};

/* [+-]digits[.digits], blanks around allowed, at least one digit on either side of the point (drivers of Oracle
 * give ".5"). ERR_BAD_INPUT: anything else (NaN, 1e5, 1,000); ERR_OVERFLOW: more digits than 64 bits or
 * DECIMAL_SCALE_MAX hold (as many trailing zeros after the point are dropped first as make it fit). */
MUST_USE enum err decimal_parse(struct decimal *out, struct span text);
/* "-12.50"; scale digits after the point. Returns its length. */
size_t decimal_print(struct decimal value, char text[DECIMAL_TEXT_MAX]);
MUST_USE enum err decimal_add(struct decimal *out, struct decimal a,
                              struct decimal b); /* scale: the greater */
MUST_USE enum err decimal_subtract(struct decimal *out, struct decimal a, struct decimal b);
MUST_USE enum err decimal_negate(struct decimal *out, struct decimal a);
/* Exact; scales add. Where that is over a limit, trailing zeros of both and of the product are dropped first. */
MUST_USE enum err decimal_multiply(struct decimal *out, struct decimal a, struct decimal b);
/* To exactly this scale; ERR_BAD_INPUT if digits other than 0 would be cut, ERR_OVERFLOW if it does not fit. */
MUST_USE enum err decimal_rescale(struct decimal *out, struct decimal a, uint8_t scale);
/* Half away from zero to this scale (the rounding of most ERPs' tax); the only rounding there is. */
MUST_USE enum err decimal_round(struct decimal *out, struct decimal a, uint8_t scale);
/* units * 10^-decimals, for integers with implied decimals ("10010" with 2: 100.10; "10010.00" is the same
 * integer). ERR_BAD_INPUT: not an integer, or decimals outside 0..DECIMAL_SCALE_MAX. */
MUST_USE enum err decimal_implied(struct decimal *out, struct span integer_text, int decimals);
int decimal_compare(struct decimal a, struct decimal b); /* exact, any scales: -1, 0, 1 */
int decimal_sign(struct decimal a);

#endif
