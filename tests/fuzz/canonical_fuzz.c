/*
 * canonical_fuzz.c - libFuzzer entry for decimals, dates, UTF-8 and canonical strings.
 *
 * Why:   these read text that an ERP's users typed and a driver mangled.
 * Owns:  nothing that outlives one input.
 * Rules: what is taken is printed and read again with the same result; what is refused leaves the output untouched; a
 *        canonical string is valid UTF-8 exactly when its text is, and holds no control character.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/posting/canonical.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_decimal(struct span text)
{
	struct decimal value = {-77, 7};
	struct decimal again;
	char printed[DECIMAL_TEXT_MAX];
	enum err err = decimal_parse(&value, text);
	if (err != ERR_OK) {
		CHECK(err == ERR_BAD_INPUT || err == ERR_OVERFLOW);
		CHECK(value.units == -77 && value.scale == 7);
		return;
	}
	size_t len = decimal_print(value, printed);
	CHECK(len < sizeof printed && printed[len] == 0);
	CHECK(decimal_parse(&again, (struct span){printed, len}) == ERR_OK);
	CHECK(again.units == value.units && again.scale == value.scale);
	CHECK(decimal_compare(again, value) == 0);
	/* Rounding stays within half a unit of the new scale, and is exact where rescaling is. */
	for (uint8_t scale = 0; scale <= DECIMAL_SCALE_MAX; scale++) {
		struct decimal rounded;
		struct decimal rescaled;
		if (decimal_rescale(&rescaled, value, scale) != ERR_OK)
			continue;
		CHECK(decimal_compare(rescaled, value) == 0);
		CHECK(decimal_round(&rounded, value, scale) == ERR_OK);
		CHECK(rounded.units == rescaled.units);
	}
}

/* Two decimals, apart by a blank: sums and differences undo each other where they fit. */
static void fuzz_pair(struct span text)
{
	struct decimal a;
	struct decimal b;
	struct decimal sum;
	struct decimal back;
	const char *blank = text.len > 0 ? memchr(text.data, ' ', text.len) : NULL;
	if (!blank)
		return;
	size_t first = (size_t)(blank - text.data);
	if (decimal_parse(&a, (struct span){text.data, first}) != ERR_OK ||
	    decimal_parse(&b, (struct span){blank + 1, text.len - first - 1}) != ERR_OK)
		return;
	CHECK(decimal_compare(a, b) == -decimal_compare(b, a));
	if (decimal_add(&sum, a, b) == ERR_OK && decimal_subtract(&back, sum, b) == ERR_OK)
		CHECK(decimal_compare(back, a) == 0);
	if (decimal_subtract(&sum, a, b) == ERR_OK)
		CHECK(decimal_sign(sum) == decimal_compare(a, b));
	if (decimal_multiply(&sum, a, b) == ERR_OK)
		CHECK(decimal_sign(sum) == decimal_sign(a) * decimal_sign(b));
}

static void fuzz_date(struct span text)
{
	date_days date;
	date_days again;
	bool present;
	char printed[DATE_TEXT_SIZE];
	int64_t value = 0;
	if (date_parse(&date, text) == ERR_OK) {
		date_print(date, printed);
		CHECK(memcmp(printed, span_trim(text).data, DATE_TEXT_SIZE - 1) == 0);
		CHECK(date_parse(&again, span_of(printed)) == ERR_OK && again == date);
	}
	if (text.len >= sizeof value)
		memcpy(&value, text.data, sizeof value);
	if (date_from_cyyddd(&date, &present, value % 1000000) == ERR_OK && present)
		CHECK(date_to_cyyddd(date) == value % 1000000);
	char instant[INSTANT_TEXT_SIZE];
	instant_print(value, instant);
	CHECK(strlen(instant) == INSTANT_TEXT_SIZE - 1);
	/* Instants go on to 2262, dates do not. */
	CHECK(date_parse(&date, span_of(instant)) == ERR_OK || memcmp(instant, "22", 2) == 0);
}

static void fuzz_string(struct span text)
{
	struct buf out;
	buf_init(&out, 6 * text.len + 2);
	canonical_string(&out, text);
	CHECK(buf_ok(&out) && out.len >= text.len + 2);
	for (size_t i = 0; i < out.len; i++)
		CHECK(out.data[i] >= 0x20);
	CHECK(utf8_valid(buf_span(&out)) == utf8_valid(text));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	fuzz_decimal(text);
	fuzz_pair(text);
	fuzz_date(text);
	fuzz_string(text);
	return 0;
}
