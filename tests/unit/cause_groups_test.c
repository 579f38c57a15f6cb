/*
 * cause_groups_test.c - groups with their sums, and the two conditions that explain most of the value.
 *
 * Why:   the first page of the report is made of these sentences.
 * Owns:  nothing.
 * Rules: values are chosen so that sums and shares can be worked out in the head.
 * Runs in: the tests.
 */
#include "tests/unit/cause_fixture.h"

#include <stdio.h>

static const struct cause_name amount_name = {.cause = CAUSE_AMOUNT, .text = "an amount"};

/* A missing document of one line. */
static void add_document(struct cause_book *book, const char *entity, const char *currency,
                         const char *tax_code, const char *account, int64_t amount,
                         const struct cause_name *name)
{
	struct two two;
	begin_two(&two, DOCUMENT_INVOICE);
	two.view[SIDE_LEGACY].entity = words(entity);
	two.view[SIDE_LEGACY].currency = words(currency);
	two.view[SIDE_LEGACY].total = amount;
	(void)add_line(&two, SIDE_LEGACY, account, "", tax_code, amount);
	two.evidence.status = CAUSE_OF_MISSING_CLOUD;
	two.evidence.cloud = NULL;
	two.evidence.user = SPAN_LITERAL("ANNA");
	cause_add(book, &two.evidence, name);
}

static void test_groups(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	const struct cause_group *groups;
	struct cause_name tax = {.cause = CAUSE_TAX, .detail = "tax_code V7", .text = "first text"};
	assert_int_equal(cause_groups(book, &groups), 0);
	add_document(book, "00100", "EUR", "V7", "4000", 100, &tax);
	add_document(book, "00100", "EUR", "V7", "4000", -300, &tax);
	add_document(book, "00100", "EUR", "V7", "4000", 1000, &amount_name);
	add_document(book, "00200", "EUR", "V7", "4000", 100, &tax);
	add_document(book, "00100", "CHF", "V7", "4000", 5, &tax);
	assert_int_equal(cause_groups(book, &groups), 4);
	/* By currency, then value. What the cloud lacks is negative: cloud - legacy. */
	assert_string_equal(groups[0].currency, "CHF");
	assert_int_equal(groups[0].gross, 5);
	assert_int_equal(groups[1].cause, CAUSE_AMOUNT);
	assert_int_equal(groups[1].net, -1000);
	assert_int_equal(groups[2].count, 2);
	assert_int_equal(groups[2].gross, 400);
	assert_int_equal(groups[2].net, 200);
	assert_int_equal(groups[2].digits, 2);
	assert_int_equal(groups[2].examples, 2);
	assert_string_equal(groups[2].example[1], "00100/invoice/2026/1");
	assert_string_equal(groups[2].text, "first text");
	assert_string_equal(groups[3].entity, "00200");
	cause_book_free(book);
}

static void test_values_of_each_status(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	const struct cause_group *groups;
	struct two two;
	begin_two(&two, DOCUMENT_INVOICE);
	two.view[SIDE_LEGACY].total = 100;
	two.view[SIDE_CLOUD].total = 70;
	two.pair.gross_delta = 40;
	two.pair.net_delta = -30;
	cause_add(book, &two.evidence, &amount_name); /* different: as the pair says */
	assert_int_equal(cause_groups(book, &groups), 1);
	assert_int_equal(groups[0].gross, 40);
	assert_int_equal(groups[0].net, -30);
	two.evidence.status = CAUSE_OF_DUPLICATE; /* the cloud has it once more */
	cause_add(book, &two.evidence, &amount_name);
	assert_int_equal(cause_groups(book, &groups), 1);
	assert_int_equal(groups[0].gross, 110);
	assert_int_equal(groups[0].net, 40);
	two.evidence.status = CAUSE_OF_MISSING_LEGACY;
	two.evidence.legacy = NULL;
	two.view[SIDE_CLOUD].total = INT64_MAX;
	cause_add(book, &two.evidence, &amount_name); /* stops at its end */
	assert_int_equal(cause_groups(book, &groups), 1);
	assert_int_equal(groups[0].gross, INT64_MAX);
	assert_int_equal(groups[0].count, 3);
	cause_book_free(book);
}

static void test_groups_are_bounded(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	const struct cause_group *groups;
	struct cause_name name = {.cause = CAUSE_MAPPING, .text = "moved"};
	int64_t count = 0, gross = 0;
	for (int i = 0; i < CAUSE_GROUPS_MAX + 7; i++) {
		(void)snprintf(name.detail, sizeof name.detail, "account A%d > B", i);
		add_document(book, "00100", i % 2 == 0 ? "EUR" : "USD", "", "4000", 1, &name);
	}
	int all = cause_groups(book, &groups);
	assert_int_equal(all, CAUSE_GROUPS_MAX + 2);
	for (int i = 0; i < all; i++) {
		count += groups[i].count;
		gross += groups[i].gross;
		if (strcmp(groups[i].detail, "other") == 0) {
			assert_string_equal(groups[i].entity, "");
			assert_int_equal(groups[i].cause, CAUSE_MAPPING);
			assert_true(groups[i].count == 3 || groups[i].count == 4);
		}
	}
	assert_int_equal(count, CAUSE_GROUPS_MAX + 7);
	assert_int_equal(gross, CAUSE_GROUPS_MAX + 7);
	cause_book_free(book);
}

static void test_two_conditions(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	struct cause_finding findings[CAUSE_FINDINGS_MAX];
	assert_int_equal(cause_findings(book, findings, CAUSE_FINDINGS_MAX), 0);
	/* 93 of 100.00 in entity 00100 under V7, on many accounts; the rest is here and there. */
	char account[16];
	for (int i = 0; i < 93; i++) {
		(void)snprintf(account, sizeof account, "4%03d", i);
		add_document(book, "00100", "EUR", "V7", account, 100, &amount_name);
	}
	add_document(book, "00100", "EUR", "V8", "4000", 400, &amount_name);
	add_document(book, "00200", "EUR", "V7", "4001", 300, &amount_name);
	assert_int_equal(cause_findings(book, findings, CAUSE_FINDINGS_MAX), 1);
	assert_int_equal(findings[0].dimension[0], CAUSE_BY_ENTITY);
	assert_int_equal(findings[0].dimension[1], CAUSE_BY_TAX_CODE);
	assert_string_equal(findings[0].value[0], "00100");
	assert_string_equal(findings[0].value[1], "V7");
	assert_int_equal(findings[0].count, 93);
	assert_int_equal(findings[0].gross, 9300);
	assert_int_equal(findings[0].total, 10000);
	assert_int_equal(findings[0].share_ppm, 930000);
	assert_string_equal(findings[0].text,
	                    "entity 00100 and tax code V7 explain 93 % of the value in EUR (93 documents)");
	assert_string_equal(cause_dimension_name(findings[0].dimension[1]), "tax_code");
	/* Asked again, the answer is the same. */
	assert_int_equal(cause_findings(book, findings, 1), 1);
	assert_int_equal(findings[0].gross, 9300);
	cause_book_free(book);
}

/* Not the entity, but one account of all entities: half of the value; then a second finding of what is left. */
static void test_what_covers_more_wins(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	struct cause_finding findings[CAUSE_FINDINGS_MAX];
	char entity[16], code[16];
	for (int i = 0; i < 10; i++) {
		(void)snprintf(entity, sizeof entity, "%05d", i);
		(void)snprintf(code, sizeof code, "T%d", i);
		add_document(book, entity, "EUR", code, "4711", 600, &amount_name);
	}
	add_document(book, "00001", "EUR", "V7", "8000", 4000, &amount_name);
	add_document(book, "00001", "CHF", "", "8000", 10, &amount_name);
	assert_int_equal(cause_findings(book, findings, CAUSE_FINDINGS_MAX), 3);
	assert_string_equal(findings[0].text,
	                    "entity 00001 and account 8000 explain 100 % of the value in CHF (1 document)");
	assert_string_equal(findings[1].text,
	                    "account 4711 explains 60 % of the value in EUR (10 documents)");
	assert_string_equal(findings[2].text,
	                    "entity 00001 and tax code V7 explain 40 % of the value in EUR (1 document)");
	assert_int_equal(findings[1].dimension[1], CAUSE_DIMENSION_COUNT);
	assert_string_equal(findings[1].value[1], "");
	assert_int_equal(cause_findings(book, findings, 2), 2);
	cause_book_free(book);
}

/* More combinations than there is room for: the small ones go, and the share stays true. */
static void test_cells_are_bounded(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	struct cause_finding findings[CAUSE_FINDINGS_MAX];
	char account[16];
	for (int i = 0; i < 3 * CAUSE_CELLS_MAX; i++) {
		(void)snprintf(account, sizeof account, "%d", i);
		add_document(book, "00200", "EUR", "", account, 1, &amount_name);
		if (i % 8 == 0)
			add_document(book, "00100", "EUR", "V7", "4000", 100, &amount_name);
	}
	/* 3 * 8192 of 1, and 3 * 1024 of 100: 307200 of 331776 is 92.59 %. */
	assert_int_equal(cause_findings(book, findings, 1), 1);
	assert_int_equal(findings[0].gross, 307200);
	assert_int_equal(findings[0].total, 331776);
	assert_int_equal(findings[0].share_ppm, 925925);
	assert_string_equal(findings[0].value[1], "V7");
	cause_book_free(book);
}

/* Of two documents that differ the line that differs counts, not the largest one; a tax line has no account. */
static void test_the_differing_line_counts(void **state)
{
	(void)state;
	struct cause_book *book = book_with(NULL);
	struct cause_finding findings[CAUSE_FINDINGS_MAX];
	struct two two;
	begin_two(&two, DOCUMENT_INVOICE);
	add_both(&two, "4000", "K1", "V9", 1000000);
	add_both(&two, "4001", "K2", "V7", 100);
	two.lines[SIDE_CLOUD][1].debit = 150;
	two.pair.gross_delta = two.pair.net_delta = 50;
	cause_add(book, &two.evidence, &amount_name);
	assert_int_equal(cause_findings(book, findings, CAUSE_FINDINGS_MAX), 1);
	assert_string_equal(findings[0].text,
	                    "entity 00100 and tax code V7 explain 100 % of the value in EUR (1 document)");
	cause_book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_values_of_each_status),
	    cmocka_unit_test(test_groups_are_bounded),
	    cmocka_unit_test(test_two_conditions),
	    cmocka_unit_test(test_what_covers_more_wins),
	    cmocka_unit_test(test_cells_are_bounded),
	    cmocka_unit_test(test_the_differing_line_counts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
