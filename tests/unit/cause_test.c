/*
 * cause_test.c - moves, attributes and documents that stand alone: each cause, and what looks like it and is not.
 *
 * Why:   a wrong cause sends the wrong person; an honest `unexplained` does not.
 * Owns:  nothing.
 * Rules: each case states both sides by hand.
 * Runs in: the tests.
 */
#include "tests/unit/cause_fixture.h"

#include <stdio.h>

static void test_the_list(void **state)
{
	(void)state;
	static const char *const names[] = {
	    "timing",    "mapping",      "master_data",  "rounding", "fx_rate", "tax",        "aggregation",
	    "duplicate", "late_posting", "data_quality", "missing",  "amount",  "unexplained"};
	assert_int_equal(CAUSE_COUNT, sizeof names / sizeof names[0]);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		assert_string_equal(cause_word((enum cause)i), names[i]);
		assert_true(strlen(cause_sentence((enum cause)i)) > 20);
		assert_true(cause_owner((enum cause)i) <= STORE_OWNER_POLICY);
	}
	assert_int_equal(cause_owner(CAUSE_MAPPING), STORE_OWNER_MAPPING);
	assert_int_equal(cause_owner(CAUSE_ROUNDING), STORE_OWNER_POLICY);
}

/* ---- mapping ---- */

static void test_an_account_moved(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "1200", "", "", 10000);
	(void)add_line(&two, SIDE_LEGACY, "4000", "K1", "V7", -10000);
	(void)add_line(&two, SIDE_CLOUD, "4010", "K1", "V7", -10000);
	assert_cause(&two, CAUSE_MAPPING, "account 4000 > 4010",
	             "account \"4000\" became \"4010\" in 1 of 1 documents of entity 00100");
	/* A cent less on the other account is no move. */
	two.lines[SIDE_CLOUD][1].credit = -9999;
	two.lines[SIDE_CLOUD][0].debit = 9999;
	assert_cause(&two, CAUSE_UNEXPLAINED, "", "do not meet");
}

static void test_cost_centre_and_tax_code_moved(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "1200", "", "", 10000);
	(void)add_line(&two, SIDE_LEGACY, "4000", "K1", "V7", -10000);
	(void)add_line(&two, SIDE_CLOUD, "4000", "K2", "V7", -10000);
	assert_cause(&two, CAUSE_MAPPING, "cost_centre K1 > K2", "cost centre \"K1\" became \"K2\"");
	/* Net lines and tax lines of an invoice, of the same amounts. */
	begin_two(&two, DOCUMENT_INVOICE);
	for (int side = 0; side < SIDE_COUNT; side++) {
		const char *code = side == SIDE_LEGACY ? "V7" : "V8";
		set_amounts(&two, (enum ledger_side)side, 10000, 700);
		(void)add_line(&two, (enum ledger_side)side, "4000", "", code, 10000);
		(void)add_kind(&two, (enum ledger_side)side, VIEW_LINE_TAX, "tax", "", code, 700);
	}
	assert_cause(&two, CAUSE_MAPPING, "tax_code V7 > V8", "tax code \"V7\" became \"V8\"");
}

/* Two accounts became one, and one became two. */
static void test_merged_and_split_accounts(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "1200", "", "", 15000);
	(void)add_line(&two, SIDE_LEGACY, "4000", "", "", -10000);
	(void)add_line(&two, SIDE_LEGACY, "4001", "", "", -5000);
	(void)add_line(&two, SIDE_CLOUD, "4100", "", "", -15000);
	assert_cause(&two, CAUSE_MAPPING, "account 4000 > 4100", "became \"4100\"");
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "1200", "", "", 15000);
	(void)add_line(&two, SIDE_LEGACY, "4100", "", "", -15000);
	(void)add_line(&two, SIDE_CLOUD, "4000", "", "", -10000);
	(void)add_line(&two, SIDE_CLOUD, "4001", "", "", -5000);
	assert_cause(&two, CAUSE_MAPPING, "account 4100 > 4000", "became \"4000\"");
	/* Sums that do not meet: the rest is unexplained, and with it the document. */
	two.lines[SIDE_CLOUD][1].credit = -10001;
	two.lines[SIDE_CLOUD][0].debit = 15001;
	assert_cause(&two, CAUSE_UNEXPLAINED, "", "do not meet");
}

/* What is learnt over documents is counted, and decides where a line could have gone to either of two accounts. */
static void test_moves_are_learnt(void **state)
{
	(void)state;
	struct two one, other, both;
	struct cause_book *book = book_with(NULL);
	struct cause_name name;
	begin_two(&one, DOCUMENT_JOURNAL);
	add_both(&one, "1200", "", "", 10000);
	(void)add_line(&one, SIDE_LEGACY, "4000", "", "", -10000);
	(void)add_line(&one, SIDE_CLOUD, "4300", "", "", -10000);
	begin_two(&other, DOCUMENT_JOURNAL);
	add_both(&other, "1200", "", "", 10000);
	(void)add_line(&other, SIDE_LEGACY, "4000", "", "", -10000);
	(void)add_line(&other, SIDE_CLOUD, "4100", "", "", -10000);
	begin_two(&both, DOCUMENT_JOURNAL);
	add_both(&both, "1200", "", "", 20000);
	(void)add_line(&both, SIDE_LEGACY, "4000", "", "", -10000);
	(void)add_line(&both, SIDE_LEGACY, "4200", "", "", -10000);
	(void)add_line(&both, SIDE_CLOUD, "4100", "", "", -10000);
	(void)add_line(&both, SIDE_CLOUD, "4300", "", "", -10000);
	cause_learn(book, &both.evidence); /* says nothing: two ways */
	for (int i = 0; i < 9; i++)
		cause_learn(book, &one.evidence);
	cause_learn(book, &other.evidence);
	for (int i = 0; i < 4; i++)
		cause_seen(book, &one.view[SIDE_LEGACY]);
	cause_settle(book);
	cause_name(book, &one.evidence, &name);
	assert_name(&name, CAUSE_MAPPING, "account 4000 > 4300",
	            "account \"4000\" became \"4300\" in 9 of 15 documents of entity 00100 that have it");
	cause_name(book, &both.evidence, &name);
	assert_name(&name, CAUSE_MAPPING, "account 4000 > 4300", "in 9 of 15");
	assert_int_equal(cause_refused(book), 0);
	cause_book_free(book);
}

static void test_facts_are_bounded(void **state)
{
	(void)state;
	struct two two;
	struct cause_book *book = book_with(NULL);
	struct cause_name name;
	char from[16], to[16];
	for (int i = 0; i < CAUSE_FACTS_MAX + 10; i++) {
		begin_two(&two, DOCUMENT_JOURNAL);
		(void)snprintf(from, sizeof from, "A%d", i);
		(void)snprintf(to, sizeof to, "B%d", i);
		add_both(&two, "1200", "", "", 10000);
		(void)add_line(&two, SIDE_LEGACY, from, "", "", -10000);
		(void)add_line(&two, SIDE_CLOUD, to, "", "", -10000);
		cause_learn(book, &two.evidence);
	}
	assert_int_equal(cause_refused(book), 10);
	cause_settle(book);
	/* The last one was not learnt; what it shows itself is named all the same. */
	cause_name(book, &two.evidence, &name);
	assert_int_equal(name.cause, CAUSE_MAPPING);
	assert_non_null(strstr(name.text, "with all its amounts"));
	cause_book_free(book);
}

static void test_party_goes_by_the_majority(void **state)
{
	(void)state;
	struct two two;
	struct cause_name name;
	begin_two(&two, DOCUMENT_INVOICE);
	set_amounts(&two, SIDE_LEGACY, 10000, 1900);
	set_amounts(&two, SIDE_CLOUD, 10000, 1900);
	add_both(&two, "4000", "", "V9", 10000);
	set_attribute(&two, SIDE_CLOUD, VIEW_PARTY, "C2");
	assert_cause(&two, CAUSE_MAPPING, "customer C1 > C2", "customer \"C1\" became \"C2\" in 1 of 1");
	/* One of five documents of the customer: not the mapping, this document. */
	struct cause_book *book = book_with(NULL);
	cause_learn(book, &two.evidence);
	for (int i = 0; i < 4; i++)
		cause_seen(book, &two.view[SIDE_LEGACY]);
	cause_settle(book);
	cause_name(book, &two.evidence, &name);
	assert_name(&name, CAUSE_DATA_QUALITY, "party", "party is \"C2\" in the cloud for \"C1\"");
	cause_book_free(book);
	set_attribute(&two, SIDE_CLOUD, VIEW_PARTY, "");
	assert_cause(&two, CAUSE_DATA_QUALITY, "party", "party is \"\" in the cloud");
}

static void test_a_code_without_mapping(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "4711", "", "", 10000);
	two.view[SIDE_LEGACY].missing_count = 1;
	two.view[SIDE_LEGACY].missing[0].kind = MAPPING_ACCOUNT;
	two.view[SIDE_LEGACY].missing[0].code = words("4711");
	assert_cause(&two, CAUSE_MAPPING, "account 4711 > ?", "has no row in the mapping");
	two.evidence.status = CAUSE_OF_MISSING_CLOUD;
	two.evidence.cloud = NULL;
	assert_cause(&two, CAUSE_MAPPING, "account 4711 > ?", "not in the cloud");
}

static void test_another_entity(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "4000", "", "", 10000);
	two.view[SIDE_CLOUD].entity = words("00200");
	assert_cause(&two, CAUSE_MAPPING, "entity 00100 > 00200", "entity \"00100\" became \"00200\"");
	struct cause_book *book = book_with(NULL);
	struct cause_name name;
	cause_learn(book, &two.evidence);
	cause_seen(book, &two.view[SIDE_LEGACY]);
	cause_seen(book, &two.view[SIDE_LEGACY]);
	cause_settle(book);
	cause_name(book, &two.evidence, &name);
	assert_name(&name, CAUSE_DATA_QUALITY, "entity", "the entity is 00200");
	cause_book_free(book);
}

/* ---- attributes ---- */

static void test_timing(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "4000", "", "", 10000);
	set_attribute(&two, SIDE_CLOUD, VIEW_PERIOD, "2026-10");
	set_attribute(&two, SIDE_CLOUD, VIEW_POSTING_DATE, "2026-10-01");
	assert_cause(&two, CAUSE_TIMING, "period", "period is \"2026-10\" in the cloud for \"2026-09\"");
	set_attribute(&two, SIDE_CLOUD, VIEW_PERIOD, "2026-09");
	assert_cause(&two, CAUSE_TIMING, "posting_date", "2026-10-01");
	/* With another amount it is the amount; the date is said beside it. */
	two.lines[SIDE_CLOUD][0].debit = 10001;
	struct cause_name name = name_alone(&two, NULL);
	assert_name(&name, CAUSE_AMOUNT, "", "account 4000 has 100.01 in the cloud for 100.00");
	assert_int_equal(name.also, 1u << CAUSE_TIMING);
	/* An attribute that is not compared is none. */
	two.lines[SIDE_CLOUD][0].debit = 10000;
	two.view[SIDE_LEGACY].compared = two.view[SIDE_CLOUD].compared = 1u << VIEW_PERIOD;
	assert_cause(&two, CAUSE_UNEXPLAINED, "", "nothing that is looked at");
}

static void test_master_data(void **state)
{
	(void)state;
	struct two two;
	static const enum view_attribute attributes[] = {VIEW_LEGAL_NAME, VIEW_TAX_ID, VIEW_COUNTRY,
	                                                 VIEW_TERMS, VIEW_CREDIT_HOLD};
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
		begin_two(&two, DOCUMENT_CUSTOMER);
		set_attribute(&two, SIDE_LEGACY, attributes[i], "before");
		set_attribute(&two, SIDE_CLOUD, attributes[i], "after");
		assert_cause(&two, CAUSE_MASTER_DATA, view_attribute_name(attributes[i]),
		             "is \"after\" in the cloud for \"before\"");
	}
	/* The due date of an invoice follows from the terms; with another document date it is timing. */
	begin_two(&two, DOCUMENT_INVOICE);
	set_amounts(&two, SIDE_LEGACY, 100, 0);
	set_amounts(&two, SIDE_CLOUD, 100, 0);
	set_attribute(&two, SIDE_LEGACY, VIEW_DUE_DATE, "2026-10-04");
	set_attribute(&two, SIDE_CLOUD, VIEW_DUE_DATE, "2026-11-03");
	assert_cause(&two, CAUSE_MASTER_DATA, "due_date", "2026-11-03");
	set_attribute(&two, SIDE_CLOUD, VIEW_POSTING_DATE, "2026-10-04");
	struct cause_name name = name_alone(&two, NULL);
	assert_name(&name, CAUSE_TIMING, "posting_date", "2026-10-04");
	assert_int_equal(name.also, 1u << CAUSE_MASTER_DATA);
}

static void test_other_attributes(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "4000", "", "", 10000);
	set_attribute(&two, SIDE_CLOUD, VIEW_REFERENCE, "R-2");
	assert_cause(&two, CAUSE_DATA_QUALITY, "reference", "R-2");
	set_attribute(&two, SIDE_CLOUD, VIEW_REFERENCE, "");
	set_attribute(&two, SIDE_LEGACY, VIEW_EXCHANGE_RATE, "1.08");
	set_attribute(&two, SIDE_CLOUD, VIEW_EXCHANGE_RATE, "1.09");
	assert_cause(&two, CAUSE_FX_RATE, "exchange_rate", "1.09");
	two.view[SIDE_CLOUD].voided = true;
	assert_cause(&two, CAUSE_DATA_QUALITY, "void", "void in the cloud alone");
	two.view[SIDE_CLOUD].currency = words("USD");
	two.view[SIDE_CLOUD].voided = false;
	assert_cause(&two, CAUSE_DATA_QUALITY, "currency", "USD in the cloud for EUR");
	two.view[SIDE_CLOUD].type = DOCUMENT_PAYMENT;
	assert_cause(&two, CAUSE_DATA_QUALITY, "document kind", "a payment for a journal");
}

/* ---- presence ---- */

static void test_missing_and_late(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_INVOICE);
	two.view[SIDE_LEGACY].total = two.view[SIDE_CLOUD].total = 11900;
	two.evidence.status = CAUSE_OF_MISSING_CLOUD;
	two.evidence.cloud = NULL;
	assert_cause(&two, CAUSE_MISSING, "in the cloud", "the cloud has no such document");
	/* Posted on day 20700: the third day before the cut is near, the fourth is not. */
	two.evidence.cut = 20702;
	assert_cause(&two, CAUSE_LATE_POSTING, "near the cut", "posted on 2026-09-04");
	two.evidence.cut = 20703;
	assert_cause(&two, CAUSE_MISSING, "in the cloud", "the cloud has no such document");
	/* That the first delivery brought it yesterday says nothing. */
	two.evidence.legacy_arrived = 20702;
	assert_cause(&two, CAUSE_MISSING, "in the cloud", "the cloud has no such document");
	two.evidence.cut = 20760;
	two.evidence.period_end = 20730;
	two.evidence.cloud_arrived = 20730;
	assert_cause(&two, CAUSE_MISSING, "in the cloud", "the cloud has no such document");
	two.evidence.cloud_arrived = 20731;
	assert_cause(&two, CAUSE_LATE_POSTING, "after the period", "came on 2026-10-05");
	two.evidence.period_end = CAUSE_NO_DATE;
	two.evidence.cloud_arrived = 20761;
	assert_cause(&two, CAUSE_LATE_POSTING, "after the cut", "after the cut");
	begin_two(&two, DOCUMENT_INVOICE);
	two.evidence.status = CAUSE_OF_MISSING_LEGACY;
	two.evidence.legacy = NULL;
	assert_cause(&two, CAUSE_MISSING, "in the legacy ledger", "the legacy ledger has no such document");
}

static void test_duplicates_and_sums(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_INVOICE);
	two.evidence.status = CAUSE_OF_DUPLICATE;
	assert_cause(&two, CAUSE_DUPLICATE, "", "more than once");
	two.evidence.status = CAUSE_OF_AMBIGUOUS;
	assert_cause(&two, CAUSE_UNEXPLAINED, "ambiguous", "none is taken by guessing");
	two.evidence.status = CAUSE_OF_MISSING_LEGACY;
	two.evidence.legacy = NULL;
	two.view[SIDE_CLOUD].origins = 3;
	assert_cause(&two, CAUSE_AGGREGATION, "", "stands for 3 legacy documents");
	two.evidence.status = CAUSE_OF_DIFFERENT;
	two.evidence.legacy = &two.view[SIDE_LEGACY];
	set_amounts(&two, SIDE_LEGACY, 100, 19);
	set_amounts(&two, SIDE_CLOUD, 300, 57);
	assert_cause(&two, CAUSE_AGGREGATION, "", "stands for 3 legacy documents");
	/* Compared with the sum of all three, it is an amount like any other. */
	two.evidence.legacy_members = 3;
	assert_cause(&two, CAUSE_AMOUNT, "", "the amount is 3.57 in the cloud for 1.19");
}

static void test_broken_identity(void **state)
{
	(void)state;
	struct two two, same;
	struct cause_name name;
	begin_two(&two, DOCUMENT_INVOICE);
	two.evidence.status = CAUSE_OF_MISSING_LEGACY;
	two.evidence.legacy = NULL;
	two.view[SIDE_CLOUD].origin = words("INV-9");
	assert_cause(&two, CAUSE_DATA_QUALITY, "identity", "\"INV-9\" is no document's subject");
	/* A document of either side alone, alike in all: one identity was written wrong. */
	begin_two(&two, DOCUMENT_INVOICE);
	two.view[SIDE_CLOUD].total = two.view[SIDE_LEGACY].total = 11900;
	two.evidence.status = CAUSE_OF_MISSING_LEGACY;
	two.evidence.legacy = NULL;
	same = two;
	same.evidence.status = CAUSE_OF_MISSING_CLOUD;
	same.evidence.legacy = &same.view[SIDE_LEGACY];
	same.evidence.cloud = NULL;
	for (int alike = 1; alike <= 2; alike++) {
		struct cause_book *book = book_with(NULL);
		cause_learn(book, &two.evidence);
		for (int i = 0; i < alike; i++)
			cause_learn(book, &same.evidence);
		cause_settle(book);
		cause_name(book, &same.evidence, &name);
		if (alike == 1)
			assert_name(&name, CAUSE_DATA_QUALITY, "identity", "under another identity");
		else /* of two, nobody knows which */
			assert_name(&name, CAUSE_MISSING, "in the cloud", "no such document");
		cause_book_free(book);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_list),
	    cmocka_unit_test(test_an_account_moved),
	    cmocka_unit_test(test_cost_centre_and_tax_code_moved),
	    cmocka_unit_test(test_merged_and_split_accounts),
	    cmocka_unit_test(test_moves_are_learnt),
	    cmocka_unit_test(test_facts_are_bounded),
	    cmocka_unit_test(test_party_goes_by_the_majority),
	    cmocka_unit_test(test_a_code_without_mapping),
	    cmocka_unit_test(test_another_entity),
	    cmocka_unit_test(test_timing),
	    cmocka_unit_test(test_master_data),
	    cmocka_unit_test(test_other_attributes),
	    cmocka_unit_test(test_missing_and_late),
	    cmocka_unit_test(test_duplicates_and_sums),
	    cmocka_unit_test(test_broken_identity),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
