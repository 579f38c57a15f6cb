/*
 * usage_test.c - usage three ways: rows worked out by hand.
 *
 * Shows: what each class needs, which comes first where several apply, gaps and overlaps at their edges, exact sums of
 *        numbers with other digits, and that nothing of one meter counts for the next.
 * How:   entries "place entity customer meter from to quantity unit" as text; the rows that come out as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/usage.h"

struct told {
	struct buf text;
};

static void tell_place(struct buf *text, const struct usage_quantity *place)
{
	char number[DECIMAL_TEXT_MAX];
	(void)decimal_print(place->sum, number);
	if (place->count == 0)
		buf_append_text(text, " -");
	else
		buf_printf(text, " %s%.*s%s", number, (int)place->unit.len, place->unit.data,
		           place->mixed ? "!" : "");
}

static enum err tell(void *self, const struct usage_row *row, struct err_info *info)
{
	struct told *told = self;
	char from[DATE_TEXT_SIZE];
	char to[DATE_TEXT_SIZE];
	(void)info;
	date_print(row->from, from);
	date_print(row->to, to);
	buf_printf(&told->text, "%.*s %.*s %.*s %s %s", (int)row->entity.len, row->entity.data,
	           (int)row->customer.len, row->customer.data, (int)row->meter.len, row->meter.data, from + 5,
	           to + 5);
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		tell_place(&told->text, &row->places[i]);
	buf_printf(&told->text, " %s\n", usage_class_name(row->class_));
	return ERR_OK;
}

struct given {
	char place; /* s, b, e */
	const char *meter;
	const char *from, *to; /* of 2026, "09-01" */
	const char *quantity;
	const char *unit;
};

static struct usage_entry entry_of(const struct given *given)
{
	struct usage_entry entry = {.entity = SPAN_LITERAL("10"), .customer = SPAN_LITERAL("C1")};
	char date[DATE_TEXT_SIZE];
	entry.place = given->place == 's' ? USAGE_SOURCE : given->place == 'b' ? USAGE_BILLING : USAGE_ERP;
	entry.meter = span_of(given->meter);
	entry.unit = span_of(given->unit);
	(void)snprintf(date, sizeof date, "2026-%.5s", given->from);
	assert_int_equal(date_parse(&entry.from, span_of(date)), ERR_OK);
	(void)snprintf(date, sizeof date, "2026-%.5s", given->to);
	assert_int_equal(date_parse(&entry.to, span_of(date)), ERR_OK);
	assert_int_equal(decimal_parse(&entry.quantity, span_of(given->quantity)), ERR_OK);
	return entry;
}

static void expect(const struct given *given, size_t count, const char *rows)
{
	struct told told;
	struct usage_merge merge;
	struct err_info info;
	buf_init(&told.text, 65536);
	usage_merge_init(&merge, tell, &told);
	for (size_t i = 0; i < count; i++) {
		struct usage_entry entry = entry_of(&given[i]);
		assert_int_equal(usage_merge_add(&merge, &entry, &info), ERR_OK);
	}
	assert_int_equal(usage_merge_finish(&merge, &info), ERR_OK);
	assert_string_equal(buf_cstr(&told.text), rows);
	usage_merge_release(&merge);
	buf_release(&told.text);
}

#define EXPECT(rows, ...)                                            \
	do {                                                         \
		static const struct given given[] = {__VA_ARGS__};   \
		expect(given, sizeof given / sizeof given[0], rows); \
	} while (0)
#define SEPTEMBER "09-01", "09-30"

static void test_agree(void **state)
{
	(void)state;
	expect(NULL, 0, "");
	EXPECT("10 C1 gb 09-01 09-30 120.50GB 120.5GB 120.500GB agree\n",
	       {'s', "gb", SEPTEMBER, "120.50", "GB"}, {'b', "gb", SEPTEMBER, "120.5", "GB"},
	       {'e', "gb", SEPTEMBER, "120.500", "GB"});
	/* Two lines of an invoice and a credit memo: 100 + 30 - 9.5 = 120.5. */
	EXPECT("10 C1 gb 09-01 09-30 120.5GB 120.5GB 120.5GB agree\n", {'s', "gb", SEPTEMBER, "120.5", "GB"},
	       {'b', "gb", SEPTEMBER, "120.5", "GB"}, {'e', "gb", SEPTEMBER, "-9.5", "GB"},
	       {'e', "gb", SEPTEMBER, "100", "GB"}, {'e', "gb", SEPTEMBER, "30", "GB"});
	/* Nothing is a quantity too. */
	EXPECT("10 C1 gb 09-01 09-30 0GB 0.00GB 0GB agree\n", {'s', "gb", SEPTEMBER, "0", "GB"},
	       {'b', "gb", SEPTEMBER, "0.00", "GB"}, {'e', "gb", SEPTEMBER, "0", "GB"});
}

static void test_differ(void **state)
{
	(void)state;
	EXPECT("10 C1 gb 09-01 09-30 2GB 1GB 2GB billing_differs\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'b', "gb", SEPTEMBER, "1", "GB"}, {'e', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB 2GB 2.000001GB erp_differs\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'b', "gb", SEPTEMBER, "2", "GB"}, {'e', "gb", SEPTEMBER, "2.000001", "GB"});
	/* That billing differs is told before that the ERP has not invoiced it. */
	EXPECT("10 C1 gb 09-01 09-30 2GB 1GB - billing_differs\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'b', "gb", SEPTEMBER, "1", "GB"});
}

static void test_missing(void **state)
{
	(void)state;
	EXPECT("10 C1 gb 09-01 09-30 - 2GB 2GB missing_source\n", {'b', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB - 2GB missing_billing\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB 2GB - missing_erp\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'b', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 - - 2GB missing_source\n", {'e', "gb", SEPTEMBER, "2", "GB"});
}

static void test_units(void **state)
{
	(void)state;
	EXPECT("10 C1 gb 09-01 09-30 2GB 2MB 2GB unit_differs\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'b', "gb", SEPTEMBER, "2", "MB"}, {'e', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB - 2MB unit_differs\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "MB"});
	/* Two units in one place are not added. */
	EXPECT("10 C1 gb 09-01 09-30 3GB 3GB 1GB! unit_differs\n", {'s', "gb", SEPTEMBER, "3", "GB"},
	       {'b', "gb", SEPTEMBER, "3", "GB"}, {'e', "gb", SEPTEMBER, "1", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "MB"});
}

/* The same window twice, a part of it, and one that begins on the last day; the next day overlaps nothing. */
static void test_overlap(void **state)
{
	(void)state;
	EXPECT("10 C1 gb 09-01 09-30 4GB 2GB 2GB overlap\n", {'s', "gb", SEPTEMBER, "2", "GB"},
	       {'s', "gb", SEPTEMBER, "2", "GB"}, {'b', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB 2GB 2GB agree\n10 C1 gb 09-10 09-12 - 1GB - overlap\n",
	       {'s', "gb", SEPTEMBER, "2", "GB"}, {'b', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "GB"}, {'b', "gb", "09-10", "09-12", "1", "GB"});
	EXPECT("10 C1 gb 09-01 09-30 2GB 2GB 2GB agree\n10 C1 gb 09-30 10-31 1GB - - overlap\n",
	       {'s', "gb", SEPTEMBER, "2", "GB"}, {'b', "gb", SEPTEMBER, "2", "GB"},
	       {'e', "gb", SEPTEMBER, "2", "GB"}, {'s', "gb", "09-30", "10-31", "1", "GB"});
	/* Another place's window is no overlap, and the long one before the short one is remembered. */
	EXPECT("10 C1 gb 09-01 09-30 2GB - - missing_billing\n10 C1 gb 09-02 09-03 - 1GB - missing_source\n"
	       "10 C1 gb 09-29 10-31 1GB - - overlap\n",
	       {'s', "gb", SEPTEMBER, "2", "GB"}, {'b', "gb", "09-02", "09-03", "1", "GB"},
	       {'s', "gb", "09-29", "10-31", "1", "GB"});
}

/* One day that nobody has; two windows that touch leave none, and another meter begins anew. */
static void test_gap(void **state)
{
	(void)state;
	EXPECT("10 C1 gb 09-01 09-14 1GB 1GB 1GB agree\n10 C1 gb 09-15 09-15 - - - gap\n"
	       "10 C1 gb 09-16 09-30 1GB 1GB 1GB agree\n10 C1 gb 10-01 10-31 1GB 1GB 1GB agree\n"
	       "10 C1 sms 12-01 12-31 7n 7n 7n agree\n",
	       {'s', "gb", "09-01", "09-14", "1", "GB"}, {'b', "gb", "09-01", "09-14", "1", "GB"},
	       {'e', "gb", "09-01", "09-14", "1", "GB"}, {'s', "gb", "09-16", "09-30", "1", "GB"},
	       {'b', "gb", "09-16", "09-30", "1", "GB"}, {'e', "gb", "09-16", "09-30", "1", "GB"},
	       {'s', "gb", "10-01", "10-31", "1", "GB"}, {'b', "gb", "10-01", "10-31", "1", "GB"},
	       {'e', "gb", "10-01", "10-31", "1", "GB"}, {'s', "sms", "12-01", "12-31", "7", "n"},
	       {'b', "sms", "12-01", "12-31", "7", "n"}, {'e', "sms", "12-01", "12-31", "7", "n"});
	/* What one place alone has is no gap: it is missing elsewhere. */
	EXPECT("10 C1 gb 09-01 09-14 1GB 1GB 1GB agree\n10 C1 gb 09-15 09-15 - - 1GB missing_source\n"
	       "10 C1 gb 09-16 09-30 1GB 1GB 1GB agree\n",
	       {'s', "gb", "09-01", "09-14", "1", "GB"}, {'b', "gb", "09-01", "09-14", "1", "GB"},
	       {'e', "gb", "09-01", "09-14", "1", "GB"}, {'e', "gb", "09-15", "09-15", "1", "GB"},
	       {'s', "gb", "09-16", "09-30", "1", "GB"}, {'b', "gb", "09-16", "09-30", "1", "GB"},
	       {'e', "gb", "09-16", "09-30", "1", "GB"});
}

static void test_overflow(void **state)
{
	(void)state;
	static const struct given given = {'e', "gb", SEPTEMBER, "9223372036854775807", "GB"};
	struct told told;
	struct usage_merge merge;
	struct err_info info;
	struct usage_entry entry = entry_of(&given);
	buf_init(&told.text, 65536);
	usage_merge_init(&merge, tell, &told);
	assert_int_equal(usage_merge_add(&merge, &entry, &info), ERR_OK);
	assert_int_equal(usage_merge_add(&merge, &entry, &info), ERR_OVERFLOW);
	assert_non_null(strstr(info.text, "meter gb of customer C1"));
	usage_merge_release(&merge);
	buf_release(&told.text);
}

/* ---- what somebody decides about ---- */

static struct usage_row row_of(const char *customer, const char *meter)
{
	struct usage_row row = {.entity = SPAN_LITERAL("10"), .customer = span_of(customer)};
	row.meter = span_of(meter);
	assert_int_equal(date_parse(&row.from, SPAN_LITERAL("2026-09-15")), ERR_OK);
	assert_int_equal(date_parse(&row.to, SPAN_LITERAL("2026-10-14")), ERR_OK);
	return row;
}

/* No two rows have one key: what separates its parts is in none of them. */
static void test_keys(void **state)
{
	static const struct {
		const char *customer, *meter, *key;
	} rows[] = {
	    {"C1", "gb", "usage:10/C1/gb/2026-09-15..2026-10-14:2026-10"},
	    {"C1/gb", "", "usage:10/C1%2Fgb//2026-09-15..2026-10-14:2026-10"},
	    {"C1", "/gb", "usage:10/C1/%2Fgb/2026-09-15..2026-10-14:2026-10"},
	    {"C%2F", "a b", "usage:10/C%252F/a%20b/2026-09-15..2026-10-14:2026-10"},
	    {"sha256:1", "-._~Az09", "usage:10/sha256%3A1/-._~Az09/2026-09-15..2026-10-14:2026-10"},
	    {"\xc3\x84", "\n", "usage:10/%C3%84/%0A/2026-09-15..2026-10-14:2026-10"},
	};
	char key[USAGE_KEY_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct usage_row row = row_of(rows[i].customer, rows[i].meter);
		usage_key(&row, key);
		assert_string_equal(key, rows[i].key);
	}
}

/* What is too long for a key is hashed; the digest of "10/C1/" and 500 times "x" is that of sha256sum. */
static void test_long_keys(void **state)
{
	char meter[501];
	char key[USAGE_KEY_MAX];
	(void)state;
	memset(meter, 'x', sizeof meter - 1);
	meter[500] = 0;
	struct usage_row row = row_of("C1", meter);
	usage_key(&row, key);
	assert_string_equal(key,
	                    "usage:sha256:ff60cedea5f996964f1e3dbd71fe794f040c9f21bd023ec16a1fb411bf338476"
	                    "/2026-09-15..2026-10-14:2026-10");
	/* "usage:10/C1/" and "/2026-09-15..2026-10-14:2026-10" take 12 and 31 bytes of 399. */
	row.meter.len = 399 - 12 - 31;
	usage_key(&row, key);
	assert_int_equal(strlen(key), USAGE_KEY_MAX - 1);
	assert_memory_equal(key, "usage:10/C1/xxx", 15);
	row.meter.len++;
	usage_key(&row, key);
	assert_memory_equal(key, "usage:sha256:", 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_agree),    cmocka_unit_test(test_differ),
	                                   cmocka_unit_test(test_missing),  cmocka_unit_test(test_units),
	                                   cmocka_unit_test(test_overlap),  cmocka_unit_test(test_gap),
	                                   cmocka_unit_test(test_overflow), cmocka_unit_test(test_keys),
	                                   cmocka_unit_test(test_long_keys)};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
