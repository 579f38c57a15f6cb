/*
 * units.h - durations and sizes as people write them: 500ms 30s 2m 1h 3d, 60000 B 64KiB 4GiB.
 *
 * Why:   a bare "30" leaves the reader to guess; one place reads and prints both notations.
 * Owns:  nothing.
 * Rules: 1. A whole number, at most one blank, a unit. Only 0 may stand without a unit. No sign, no fraction.
 *        2. Sizes count in powers of 1024 and say so: KiB, MiB, GiB, TiB. "4GB" is refused, not guessed.
 *        3. Printing gives the largest unit that divides the value; what is printed reads back as the same value
 *           (durations in whole milliseconds, which is all that can be written).
 * Faults: not a number, unknown unit, over INT64_MAX: ERR_BAD_INPUT, ERR_OVERFLOW.
 * Runs in: every process.
 * Tests: tests/unit/units_test.c
 */
#ifndef TWINPOST_UNITS_H
#define TWINPOST_UNITS_H

#include "hal/base/bytes.h"

#define UNITS_TEXT_SIZE 32

/* Nanoseconds. *out is written on ERR_OK only. */
MUST_USE enum err duration_parse(int64_t *out, struct span text);
void duration_print(int64_t ns, char text[UNITS_TEXT_SIZE]);

/* Bytes. *out is written on ERR_OK only. */
MUST_USE enum err size_parse(int64_t *out, struct span text);
void size_print(int64_t bytes, char text[UNITS_TEXT_SIZE]);

/* A decimal integer with an optional minus and nothing around it. */
MUST_USE enum err integer_parse(int64_t *out, struct span text);

#endif
