/*
 * decimal.c - exact decimal arithmetic on a 64-bit integer and a scale.
 *
 * Why:   see decimal.h.
 * Owns:  nothing.
 * Rules: 1. No wider integer than 64 bits is needed: sums of unlike scales split the finer operand into quotient and
 *           remainder, so that an intermediate overflows only where the result does.
 *        2. Magnitudes are gathered unsigned, so that the least 64-bit number is a number like any other.
 * Faults: ERR_BAD_INPUT and ERR_OVERFLOW, as declared; *out is written only on success.
 * Runs in: the core.
 * Tests: tests/unit/decimal_test.c, tests/fuzz/canonical_fuzz.c
 */
#include "connector/posting/decimal.h"

static const int64_t powers[DECIMAL_SCALE_MAX + 1] = {
    1,        10,        100,        1000,        10000,        100000,        1000000,
    10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
};

/* digits are all '0'-'9'; false: over 64 bits unsigned. */
static bool gather(uint64_t *magnitude, const char *digits, size_t count)
{
	uint64_t value = *magnitude;
	for (size_t i = 0; i < count; i++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
			return false;
	}
	*magnitude = value;
	return true;
}

static bool apply_sign(int64_t *units, uint64_t magnitude, bool negative)
{
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	if (magnitude > limit)
		return false;
	*units = (int64_t)(negative ? 0 - magnitude : magnitude);
	return true;
}

static size_t count_digits(struct span text)
{
	size_t count = 0;
	while (count < text.len && text.data[count] >= '0' && text.data[count] <= '9')
		count++;
	return count;
}

enum err decimal_parse(struct decimal *out, struct span text)
{
	struct span rest = span_trim(text);
	bool negative = rest.len > 0 && rest.data[0] == '-';
	if (rest.len > 0 && (rest.data[0] == '-' || rest.data[0] == '+')) {
		rest.data++;
		rest.len--;
	}
	struct span whole = {rest.data, count_digits(rest)};
	struct span fraction = {NULL, 0};
	if (whole.len < rest.len) {
		if (rest.data[whole.len] != '.')
			return ERR_BAD_INPUT;
		fraction = (struct span){rest.data + whole.len + 1, rest.len - whole.len - 1};
		if (count_digits(fraction) != fraction.len)
			return ERR_BAD_INPUT;
	}
	if (whole.len + fraction.len == 0)
		return ERR_BAD_INPUT;
	while (fraction.len > DECIMAL_SCALE_MAX && fraction.data[fraction.len - 1] == '0')
		fraction.len--;
	if (fraction.len > DECIMAL_SCALE_MAX)
		return ERR_OVERFLOW;
	uint64_t high = 0;
	if (!gather(&high, whole.data, whole.len))
		return ERR_OVERFLOW;
	for (;;) {
		uint64_t magnitude = high;
		int64_t units;
		if (gather(&magnitude, fraction.data, fraction.len) &&
		    apply_sign(&units, magnitude, negative)) {
			*out = (struct decimal){units, (uint8_t)fraction.len};
			return ERR_OK;
		}
		if (fraction.len == 0 || fraction.data[fraction.len - 1] != '0')
			return ERR_OVERFLOW;
		fraction.len--;
	}
}

size_t decimal_print(struct decimal value, char text[DECIMAL_TEXT_MAX])
{
	CHECK(value.scale <= DECIMAL_SCALE_MAX);
	uint64_t magnitude = value.units < 0 ? 0 - (uint64_t)value.units : (uint64_t)value.units;
	char reversed[DECIMAL_TEXT_MAX];
	size_t count = 0;
	int written = 0;
	while (magnitude > 0 || written <= value.scale) {
		if (written == value.scale && written > 0)
			reversed[count++] = '.';
		reversed[count++] = (char)('0' + magnitude % 10);
		magnitude /= 10;
		written++;
	}
	size_t len = 0;
	if (value.units < 0)
		text[len++] = '-';
	while (count > 0)
		text[len++] = reversed[--count];
	CHECK(len < DECIMAL_TEXT_MAX);
	text[len] = 0;
	return len;
}

/* coarse * factor + fine, false only where the result itself is over 64 bits. With fine = q * factor + r it is
 * (coarse + q) * factor + r; r is brought to the sign of the first term, so that its product never exceeds the sum. */
static bool scale_and_add(int64_t *out, int64_t coarse, int64_t factor, int64_t fine)
{
	int64_t remainder = fine % factor;
	int64_t whole;
	if (__builtin_add_overflow(coarse, fine / factor, &whole))
		return false;
	if (whole > 0 && remainder < 0) {
		whole--;
		remainder += factor;
	} else if (whole < 0 && remainder > 0) {
		whole++;
		remainder -= factor;
	}
	int64_t scaled;
	return !__builtin_mul_overflow(whole, factor, &scaled) &&
	       !__builtin_add_overflow(scaled, remainder, out);
}

enum err decimal_add(struct decimal *out, struct decimal a, struct decimal b)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX && b.scale <= DECIMAL_SCALE_MAX);
	int64_t units;
	bool fits;
	if (a.scale == b.scale)
		fits = !__builtin_add_overflow(a.units, b.units, &units);
	else if (a.scale < b.scale)
		fits = scale_and_add(&units, a.units, powers[b.scale - a.scale], b.units);
	else
		fits = scale_and_add(&units, b.units, powers[a.scale - b.scale], a.units);
	if (!fits)
		return ERR_OVERFLOW;
	*out = (struct decimal){units, a.scale > b.scale ? a.scale : b.scale};
	return ERR_OK;
}

enum err decimal_negate(struct decimal *out, struct decimal a)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX);
	int64_t units;
	if (__builtin_sub_overflow(INT64_C(0), a.units, &units))
		return ERR_OVERFLOW;
	*out = (struct decimal){units, a.scale};
	return ERR_OK;
}

enum err decimal_subtract(struct decimal *out, struct decimal a, struct decimal b)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX && b.scale <= DECIMAL_SCALE_MAX);
	struct decimal negated;
	if (b.units != INT64_MIN) {
		if (decimal_negate(&negated, b) != ERR_OK)
			return ERR_OVERFLOW;
		return decimal_add(out, a, negated);
	}
	/* The least number has no opposite, but a - b may exist: a + (-(b + 1)) + 1 unit of b's scale. Where a is
	 * negative the first sum cannot overflow before the whole does; where it is not, the whole is over 64 bits
	 * unless b is the coarser, and then it is over too, being scaled up. */
	struct decimal sum;
	negated = (struct decimal){INT64_MAX, b.scale};
	enum err err = decimal_add(&sum, a, negated);
	if (err == ERR_OK)
		err = decimal_add(&sum, sum, (struct decimal){1, b.scale});
	if (err == ERR_OK)
		*out = sum;
	return err;
}

/* Without trailing zeros after the point. */
static struct decimal reduce(struct decimal a)
{
	while (a.scale > 0 && a.units % 10 == 0) {
		a.units /= 10;
		a.scale--;
	}
	return a;
}

enum err decimal_multiply(struct decimal *out, struct decimal a, struct decimal b)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX && b.scale <= DECIMAL_SCALE_MAX);
	int64_t units;
	int scale = a.scale + b.scale;
	if (scale > DECIMAL_SCALE_MAX || __builtin_mul_overflow(a.units, b.units, &units)) {
		a = reduce(a);
		b = reduce(b);
		scale = a.scale + b.scale;
		if (__builtin_mul_overflow(a.units, b.units, &units))
			return ERR_OVERFLOW;
		while (scale > DECIMAL_SCALE_MAX && units % 10 == 0) {
			units /= 10;
			scale--;
		}
		if (scale > DECIMAL_SCALE_MAX)
			return ERR_OVERFLOW;
	}
	*out = (struct decimal){units, (uint8_t)scale};
	return ERR_OK;
}

enum err decimal_rescale(struct decimal *out, struct decimal a, uint8_t scale)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX);
	if (scale > DECIMAL_SCALE_MAX)
		return ERR_OVERFLOW;
	int64_t units = a.units;
	if (scale >= a.scale) {
		if (__builtin_mul_overflow(a.units, powers[scale - a.scale], &units))
			return ERR_OVERFLOW;
	} else {
		int64_t factor = powers[a.scale - scale];
		if (a.units % factor != 0)
			return ERR_BAD_INPUT;
		units = a.units / factor;
	}
	*out = (struct decimal){units, scale};
	return ERR_OK;
}

enum err decimal_round(struct decimal *out, struct decimal a, uint8_t scale)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX);
	if (scale >= a.scale)
		return decimal_rescale(out, a, scale);
	int64_t factor = powers[a.scale - scale];
	int64_t units = a.units / factor;
	int64_t rest = a.units % factor;
	/* factor is at least 10: neither the doubled rest nor the step away from zero can overflow. */
	if (2 * rest >= factor)
		units++;
	else if (2 * rest <= -factor)
		units--;
	*out = (struct decimal){units, scale};
	return ERR_OK;
}

enum err decimal_implied(struct decimal *out, struct span integer_text, int decimals)
{
	if (decimals < 0 || decimals > DECIMAL_SCALE_MAX)
		return ERR_BAD_INPUT;
	struct decimal value;
	enum err err = decimal_parse(&value, integer_text);
	if (err == ERR_OK)
		err = decimal_rescale(&value, value, 0);
	if (err == ERR_OK)
		*out = (struct decimal){value.units, (uint8_t)decimals};
	return err;
}

/* Order of coarse * factor against fine. */
static int compare_scaled(int64_t coarse, int64_t factor, int64_t fine)
{
	int64_t whole = fine / factor;
	if (coarse != whole)
		return coarse < whole ? -1 : 1;
	int64_t remainder = fine % factor;
	return remainder > 0 ? -1 : remainder < 0;
}

int decimal_compare(struct decimal a, struct decimal b)
{
	CHECK(a.scale <= DECIMAL_SCALE_MAX && b.scale <= DECIMAL_SCALE_MAX);
	if (a.scale <= b.scale)
		return compare_scaled(a.units, powers[b.scale - a.scale], b.units);
	return -compare_scaled(b.units, powers[a.scale - b.scale], a.units);
}

int decimal_sign(struct decimal a)
{
	return a.units < 0 ? -1 : a.units > 0;
}
