/*
 * checksum_test.c - XXH64 against values of the reference implementation, and the chain of columns.
 *
 * Why:   a store must be readable by the next build on another machine.
 * Runs in: the test suite.
 * Tests: store_forward/checksum.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_forward/checksum.h"

/* Empty, short and longer than a stripe. Values printed by xxhsum -H1 of the reference implementation. */
static void checksum_agrees_with_the_reference(void **state)
{
	(void)state;
	assert_true(checksum_of(NULL, 0, 0) == UINT64_C(0xEF46DB3751D8E999));
	assert_true(checksum_of("a", 1, 0) == UINT64_C(0xD24EC4F1A98C6E5B));
	assert_true(checksum_of("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
	struct span long_text = SPAN_LITERAL("Nobody inspects the spammish repetition");
	assert_true(checksum_of(long_text.data, long_text.len, 0) == UINT64_C(0xFBCEA83C8A378BF1));
	assert_true(checksum_of("xxhash", 6, 20141025) == UINT64_C(13067679811253438005));
}

/* Every single flipped bit of a row's parts gives another sum, and so do parts that are shifted. */
static void row_sum_notices_each_bit_and_each_border(void **state)
{
	(void)state;
	char text[70];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	struct row_sum sum = row_sum_begin('o');
	row_sum_span(&sum, (struct span){text, sizeof text});
	int64_t before = row_sum_end(&sum);
	for (size_t bit = 0; bit < sizeof text * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		sum = row_sum_begin('o');
		row_sum_span(&sum, (struct span){text, sizeof text});
		assert_true(row_sum_end(&sum) != before);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
	struct row_sum one = row_sum_begin('o');
	row_sum_span(&one, SPAN_LITERAL("ab"));
	row_sum_span(&one, SPAN_LITERAL("c"));
	struct row_sum other = row_sum_begin('o');
	row_sum_span(&other, SPAN_LITERAL("a"));
	row_sum_span(&other, SPAN_LITERAL("bc"));
	assert_true(row_sum_end(&one) != row_sum_end(&other));
	struct row_sum table = row_sum_begin('r');
	row_sum_span(&table, (struct span){text, sizeof text});
	assert_true(row_sum_end(&table) != before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checksum_agrees_with_the_reference),
	    cmocka_unit_test(row_sum_notices_each_bit_and_each_border),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
