/*
 * run_test.c - comparisons of small ledgers, worked out by hand.
 *
 * Why:   each status, each tier of pairing and each step of the verdict has its smallest case.
 * Owns:  nothing.
 * Rules: every case runs with fingerprints and in full; both must say the same.
 * Runs in: tests.
 * Tests: connector/compare/run*.c
 */
#include "tests/unit/run_fixture.h"

static void equal_ledgers_are_reconciled(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	for (int i = 0; i < 5; i++)
		books_pair(&books, i, 10000 + i, 0);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 5);
	assert_int_equal(books.files[RUN_FILE_DIFFERENCES].len, 0);
	books.options.full = false;
	books_compare(&books);
	assert_int_equal(books.outcome.skipped, 5);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 5);
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"canaries\":{\"classes\":[\"equal\",\"wrong_amount\""));
	books_close(&books);
}

static void one_cent_is_a_break(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 1);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.open, 1);
	assert_true(books_says(&books, RUN_FILE_DIFFERENCES, "\"cause\":\"amount\""));
	assert_true(books_says(&books, RUN_FILE_DIFFERENCES, "\"net\":\"0.01\""));
	assert_true(books_says(&books, RUN_FILE_DIFFERENCES, "\"status\":\"different\""));
	assert_string_equal(books.outcome.why, "1 document differs");
	books_close(&books);
}

static void presence_waits_and_then_is_missing(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 3);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 10000, 1900,
	              1); /* grace of the cloud: 2 days */
	books_invoice(&books, SIDE_CLOUD, "I-7", "10/invoice/2026/RI-7", NULL, "C9", 500, 95, 3);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.statuses[RUN_MISSING_CLOUD], 1);
	assert_int_equal(books.outcome.statuses[RUN_WAITING_CLOUD], 1);
	assert_int_equal(books.outcome.statuses[RUN_MISSING_LEGACY], 1);
	books_close(&books);
}

static void only_waiting_is_pending(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 10000, 1900, 1);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED_WITH_PENDING);
	books_close(&books);
}

static void an_empty_side_is_incomplete(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_INCOMPLETE);
	assert_true(books_says(&books, RUN_FILE_RUN, "cloud-empty"));
	books_close(&books);
}

static void a_document_posted_twice_is_a_duplicate(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	books_invoice(&books, SIDE_CLOUD, "I-2", "10/invoice/2026/RI-1", NULL, "C1", 10000, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 1);
	assert_int_equal(books.outcome.statuses[RUN_DUPLICATE], 1);
	books_close(&books);
}

static void parts_with_the_exact_sum_are_one(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 30000, 5700, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", "10/invoice/2026/RI-1", NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-2", "10/invoice/2026/RI-1", NULL, "C1", 20000, 3800, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_close(&books);
}

static void one_for_several_by_origin(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 20000, 3800, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", "10/invoice/2026/RI-1 10/invoice/2026/RI-2", NULL, "C1",
	              30000, 5700, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 2);
	books_close(&books);
}

static void one_for_several_with_another_sum_differs(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 20000, 3800, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", "10/invoice/2026/RI-1 10/invoice/2026/RI-2", NULL, "C1",
	              30000, 5699, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.open, 1);
	books_close(&books);
}

/* The reference is the legacy document's number; whichever side comes first. */
static void a_reference_names_the_counterpart(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", NULL, "RI-1", "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-2", NULL, "RI-2", "C1", 20000, 3800, 5);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 20000, 3800, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books.options.full = false;
	books_compare(&books);
	assert_int_equal(books.outcome.skipped, 2); /* by fingerprints too */
	books_close(&books);
}

static void equal_amounts_pair_where_there_is_one_way(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_again(&books);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 10000, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	assert_int_equal(books.outcome.statuses[RUN_AMBIGUOUS], 3);
	books_verdict(&books, RUN_BREAKS);
	books_close(&books);
}

static void a_sum_pairs_where_there_is_one_way(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 20000, 3800, 5);
	books_invoice(&books, SIDE_LEGACY, "RI-3", NULL, NULL, "C1", 70000, 13300, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", NULL, NULL, "C1", 30000, 5700, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 2);
	assert_int_equal(books.outcome.statuses[RUN_MISSING_CLOUD], 1);
	books_close(&books);
}

static void what_was_voided_counts_for_nothing(void **state)
{
	struct books books;
	(void)state;
	static const char data[] = "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\","
				   "\"number\":\"J1\",\"year\":2026,\"period\":9,"
				   "\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\",\"lines\":[{"
				   "\"line\":\"1\",\"account\":\"1\",\"amount\":"
				   "\"5.00\"},{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-5.00\"}]}";
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	books_put(&books, SIDE_LEGACY, data, 5, false, 1);
	books_put(&books, SIDE_LEGACY, data, 4, true, 2);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_close(&books);
}

/* What was seen of the one difference there is. */
static void accept_as(struct books *books, const char *evidence)
{
	const char *content = strstr(buf_cstr(&books->files[RUN_FILE_DIFFERENCES]), "\"content\":\"");
	assert_non_null(content);
	(void)snprintf(books->accepted_evidence, sizeof books->accepted_evidence, "%s %.16s", evidence,
	               content + strlen("\"content\":\""));
}

static void an_accepted_difference_is_a_warning_until_it_changes(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 1);
	books.accepted_key = "compare:10/invoice/2026/RI-1:2026-09";
	books_compare(&books);
	accept_as(&books, "different amount 1 1");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED_WITH_WARNINGS);
	assert_int_equal(books.outcome.accepted, 1);
	/* The worse rung, though one is on its way, too. */
	books_again(&books);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 10000, 1900, 1);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED_WITH_WARNINGS);
	assert_int_equal(books.outcome.statuses[RUN_WAITING_CLOUD], 1);
	accept_as(&books, "different amount 2 2");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_close(&books);
}

/* Neither differs in an amount. */
static void who_accepts_a_name_has_not_accepted_another(void **state)
{
#define CUSTOMER(more, number, name, tax_id)                                                    \
	"{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"customer\",\"number\":\"" number \
	"\",\"year\":0," more "\"legal_name\":\"" name "\",\"tax_id\":\"" tax_id "\"}"
#define OF_ONE "\"origin\":\"10/customer/0/1\","
	static const char *const others[] = {CUSTOMER(OF_ONE, "7", "C", "DE1"),
	                                     CUSTOMER(OF_ONE, "7", "A", "DE2"),
	                                     CUSTOMER(OF_ONE, "7", "B", "DE2")};
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_put(&books, SIDE_LEGACY, CUSTOMER("", "1", "A", "DE1"), 5, false, 1);
	books_put(&books, SIDE_CLOUD, CUSTOMER(OF_ONE, "7", "B", "DE1"), 5, false, 1);
	books.accepted_key = "compare:10/customer/0/1:";
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	accept_as(&books, "different master_data 0 0");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED_WITH_WARNINGS);
	for (int i = 0; i < 3; i++) {
		books_again(&books);
		books_put(&books, SIDE_CLOUD, others[i], 4, false, 2 + i);
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, RUN_BREAKS);
	}
	books_close(&books);
}

static void the_scope_leaves_out_the_rest(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 1);
	books.options.scope.from = 202610;
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_INCOMPLETE);
	assert_true(books_says(&books, RUN_FILE_RUN, "scope-empty"));
	books.options.scope.from = 202609;
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_close(&books);
}

static void the_same_cut_gives_the_same_bytes(void **state)
{
	struct books books;
	struct buf first;
	(void)state;
	buf_init(&first, 16u << 20);
	books_open(&books, NULL);
	for (int i = 0; i < 40; i++)
		books_pair(&books, i, 10000 + i, i % 5 == 0);
	books_invoice(&books, SIDE_LEGACY, "RI-99", NULL, NULL, "C1", 10000, 1900, 5);
	for (int round = 0; round < 2; round++) {
		books_compare(&books);
		for (int file = 0; file < RUN_FILE_COUNT && round == 0; file++)
			buf_append_span(&first, buf_span(&books.files[file]));
	}
	struct buf second;
	buf_init(&second, 16u << 20);
	for (int file = 0; file < RUN_FILE_COUNT; file++)
		buf_append_span(&second, buf_span(&books.files[file]));
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	buf_release(&first);
	buf_release(&second);
	books_close(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_ledgers_are_reconciled),
	    cmocka_unit_test(one_cent_is_a_break),
	    cmocka_unit_test(presence_waits_and_then_is_missing),
	    cmocka_unit_test(only_waiting_is_pending),
	    cmocka_unit_test(an_empty_side_is_incomplete),
	    cmocka_unit_test(a_document_posted_twice_is_a_duplicate),
	    cmocka_unit_test(parts_with_the_exact_sum_are_one),
	    cmocka_unit_test(one_for_several_by_origin),
	    cmocka_unit_test(one_for_several_with_another_sum_differs),
	    cmocka_unit_test(a_reference_names_the_counterpart),
	    cmocka_unit_test(equal_amounts_pair_where_there_is_one_way),
	    cmocka_unit_test(a_sum_pairs_where_there_is_one_way),
	    cmocka_unit_test(what_was_voided_counts_for_nothing),
	    cmocka_unit_test(an_accepted_difference_is_a_warning_until_it_changes),
	    cmocka_unit_test(who_accepts_a_name_has_not_accepted_another),
	    cmocka_unit_test(the_scope_leaves_out_the_rest),
	    cmocka_unit_test(the_same_cut_gives_the_same_bytes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
