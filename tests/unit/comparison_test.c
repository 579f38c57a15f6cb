/*
 * comparison_test.c - what the comparison takes into the ledger, and what becomes of it in trouble.
 *
 * Why:   the ledger is what a comparison believes: it has what was committed, each once, and says what it lacks.
 * Owns:  the desk of each test.
 * Runs in: the test suite.
 * Tests: firmware/comparison.c, firmware/comparison_feed.c
 */
#include "tests/unit/comparison_fixture.h"

#include "connector/compare/posting_sequence.h"
#include "connector/compare/project.h"
#include "store_forward/outcomes.h"
#include "tests/unit/rules_fixture.h"

static void committed_documents_are_taken(void **state)
{
	struct desk *desk = *state;
	struct ledger_document document;
	bench_journals(desk->bench, 1, 3);
	settle(desk);
	assert_int_equal(legacy_count(desk), 3);
	assert_int_equal(stream_mark(desk), bench_stream(desk->bench)->committed_sequence);
	assert_true(comparison_caught_up(desk->comparison));
	/* What is not committed is not there, and no step is taken beside an open transaction. */
	bench_begin(desk->bench);
	bench_make_journal(desk->bench, 4, "10.00");
	bench_record(desk->bench);
	settle(desk);
	assert_int_equal(legacy_count(desk), 3);
	bench_roll_back(desk->bench);
	settle(desk);
	assert_int_equal(legacy_count(desk), 3);
	/* A changed one takes the place of what it was. */
	bench_begin(desk->bench);
	bench_make_journal(desk->bench, 2, "12.50");
	bench_record(desk->bench);
	bench_commit(desk->bench);
	settle(desk);
	assert_int_equal(legacy_count(desk), 3);
	assert_true(find_legacy(desk, "00001/journal/2024/2", &document));
	assert_true(document.revision == 2 && document.total == 1250 && document.n == 4);
	assert_int_equal(ledger_last(ledger_of(desk), SIDE_LEGACY), 4);
	/* A start takes nothing twice. */
	desk_restart(desk);
	settle(desk);
	assert_true(legacy_count(desk) == 3 && ledger_last(ledger_of(desk), SIDE_LEGACY) == 4);
	tell(desk);
	assert_int_equal(store_exceptions_open(desk->bench->store.store), 0);
}

/* A journal of 40 lines, in parts of 1200 bytes each. */
static void record_in_parts(struct desk *desk, int number)
{
	struct bench *bench = desk->bench;
	bench->config.uplink.message_bytes_max = 1200;
	bench_begin(bench);
	bench_make_journal(bench, number, "10.00");
	for (int i = 0; i < 19; i++) {
		(void)sample_add_journal_line(&bench->document, "1.00", NULL);
		(void)sample_add_journal_line(&bench->document, "-1.00", NULL);
	}
	bench_record(bench);
	assert_false(bench->held);
	bench_commit(bench);
	bench->config.uplink.message_bytes_max = 60000;
}

static void parts_become_one_document(void **state)
{
	struct desk *desk = *state;
	struct ledger_document document;
	record_in_parts(desk, 7);
	assert_true(bench_stream(desk->bench)->committed_sequence > 2);
	settle(desk);
	assert_int_equal(legacy_count(desk), 1);
	assert_true(find_legacy(desk, "00001/journal/2024/7", &document));
	assert_int_equal(document.total, 2900); /* 10.00 and 19 times 1.00 */
	assert_int_equal(stream_mark(desk), bench_stream(desk->bench)->committed_sequence);
}

/* Everything is acknowledged and old; at most so many rows go. */
static int prune(struct desk *desk, int limit)
{
	struct bench *bench = desk->bench;
	int deleted = 0;
	bench_begin(bench);
	bench_must(bench, store_acknowledge(bench->store.store, bench_stream(bench)->id,
	                                    bench_stream(bench)->committed_sequence, bench->store.hal.wall_ns,
	                                    &bench->info));
	bench_commit(bench);
	bench_begin(bench);
	bench_must(bench, store_prune(bench->store.store, bench->store.hal.wall_ns + 400 * 86400 * NS_PER_S,
	                              limit, &deleted, &bench->info));
	bench_commit(bench);
	return deleted;
}

static void retention_waits_for_the_ledger(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 3);
	settle(desk);
	bench_journals(desk->bench, 4, 5);
	assert_int_equal(prune(desk, 100), 3);
	/* Nor does a start let go of what the ledger has not. */
	desk_restart(desk);
	assert_int_equal(prune(desk, 100), 0);
	settle(desk);
	assert_true(prune(desk, 100) >= 2);
	assert_int_equal(legacy_count(desk), 5);
	assert_int_equal(mark_of(desk, "lost"), -1);
}

/* Someone has moved the file away, and retention has taken the first of two parts. */
static void rows_that_are_gone_are_counted(void **state)
{
	struct desk *desk = *state;
	record_in_parts(desk, 7);
	char *event = bench_event(desk->bench, STREAM, 1);
	char *parts = text_between(event, "\"part\":\"1/", "\"");
	bench_journals(desk->bench, 8, 8);
	settle(desk);
	tell(desk);
	assert_int_equal(prune(desk, 1), 1);
	comparison_free(desk->comparison);
	assert_int_equal(unlink(desk->ledger), 0);
	desk_open(desk);
	settle(desk);
	tell(desk);
	assert_int_equal(legacy_count(desk), 1);
	assert_true(strtoll(parts, NULL, 10) > 2);
	assert_int_equal(mark_of(desk, "lost"), strtoll(parts, NULL, 10));
	free(event);
	free(parts);
	assert_int_equal(left_out_count(desk), 0);
	struct exception_search found = search_exceptions(desk, "ledger-damaged");
	assert_int_equal(found.open, 1);
	assert_non_null(strstr(found.text, "begun anew (its file was gone)"));
}

static int64_t raise(struct desk *desk, const char *rule, const char *source, const char *key, bool open)
{
	struct bench *bench = desk->bench;
	const struct store_exception exception = {.rule = span_of(rule),
	                                          .source = span_of(source),
	                                          .key = span_of(key),
	                                          .text = SPAN_LITERAL("why"),
	                                          .owner = STORE_OWNER_POLICY,
	                                          .open = true,
	                                          .first_ns = 5,
	                                          .last_ns = 5};
	bench_begin(bench);
	if (open)
		bench_must(bench, recorder_exception(&bench->recorder, &exception, &bench->info));
	else
		bench_must(bench, recorder_clear(&bench->recorder, exception.rule, exception.source,
		                                 exception.key, &bench->info));
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	bench_commit(bench);
	settle(desk);
	return store_exceptions_open(bench->store.store);
}

static int64_t raise_held(struct desk *desk, const char *source, const char *key, bool open)
{
	return raise(desk, "period-closed", source, key, open);
}

struct held_list {
	int count;
	char key[64];
	int64_t first_ns;
};

static bool visit_held(void *self, const struct ledger_held *held)
{
	struct held_list *list = self;
	list->count++;
	list->first_ns = held->first_ns;
	(void)snprintf(list->key, sizeof list->key, "%.*s", (int)held->key.len, held->key.data);
	return true;
}

static void what_waits_is_held(void **state)
{
	struct desk *desk = *state;
	struct held_list list = {.count = 0};
	settle(desk);
	(void)raise_held(desk, "erp", "00001/invoice/2024/RI-9", true);
	(void)raise_held(desk, "erp", "F0911", true);                     /* of a feed */
	(void)raise_held(desk, "cloud", "00001/invoice/2024/RI-8", true); /* of another source */
	bench_must(desk->bench, ledger_helds(ledger_of(desk), visit_held, &list, &desk->bench->info));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.first_ns, 5);
	assert_string_equal(list.key, "00001/invoice/2024/RI-9");
	(void)raise_held(desk, "erp", "00001/invoice/2024/RI-9", false);
	list.count = 0;
	bench_must(desk->bench, ledger_helds(ledger_of(desk), visit_held, &list, &desk->bench->info));
	assert_int_equal(list.count, 0);
}

static void keep_sequence(struct desk *desk, int number, const char *text)
{
	char name[32];
	struct err_info *info = &desk->bench->info;
	(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, number);
	bench_begin(desk->bench);
	bench_must(desk->bench, comparison_keep(desk->comparison, name, span_of(text), info));
	bench_must(desk->bench, comparison_before_commit(desk->comparison, info));
	bench_commit(desk->bench);
}

static int64_t settled_of(struct desk *desk, int number)
{
	char name[32];
	(void)snprintf(name, sizeof name, POSTING_SETTLED_NAME_FORMAT, number);
	return mark_of(desk, name);
}

/* What the cloud has contradicted is settled once its exception is ended, and open again with the next one. */
static void ended_conflicts_are_settled(void **state)
{
	struct desk *desk = *state;
	settle(desk);
	keep_sequence(desk, 0, "source urn:a\nnext 2\nconflicts 3\n");
	keep_sequence(desk, 1, "source urn:b\nnext 2\nconflicts 1\n");
	(void)raise(desk, POSTING_CONFLICT_RULE, "middleware", "urn:a", true);
	(void)raise(desk, POSTING_CONFLICT_RULE, "middleware", "urn:b", true);
	assert_true(settled_of(desk, 0) <= 0 && settled_of(desk, 1) <= 0);
	(void)raise(desk, POSTING_CONFLICT_RULE, "middleware", "urn:a", false);
	assert_int_equal(settled_of(desk, 0), 3);
	assert_true(settled_of(desk, 1) <= 0);
	keep_sequence(desk, 0, "source urn:a\nnext 2\nconflicts 4\n");
	(void)raise(desk, POSTING_CONFLICT_RULE, "middleware", "urn:a", true);
	assert_int_equal(settled_of(desk, 0), 0);
	(void)raise(desk, "cloud-gap", "middleware", "urn:a", true);
	(void)raise(desk, "cloud-gap", "middleware", "urn:a", false);
	assert_int_equal(settled_of(desk, 0), 0);
}

/* ---- outcomes ---- */

static void say_outcome(struct desk *desk, const char *subject, int64_t revision,
                        enum store_outcome_code code)
{
	struct bench *bench = desk->bench;
	const struct store_outcome outcome = {.subject = span_of(subject),
	                                      .revision = revision,
	                                      .code = (uint8_t)code,
	                                      .moved = true,
	                                      .message = SPAN_LITERAL("m-1"),
	                                      .received_ns = 9};
	bench_begin(bench);
	bench_must(bench, store_outcome_add(bench->store.store, &outcome, &bench->info));
	bench_commit(bench);
}

static int outcome_of(struct desk *desk, const char *subject)
{
	struct ledger_document document;
	assert_true(find_legacy(desk, subject, &document));
	return document.outcome;
}

static void outcomes_are_those_of_the_revision(void **state)
{
	static const char one[] = "00001/journal/2024/1";
	static const char two[] = "00001/journal/2024/2";
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 2);
	settle(desk);
	say_outcome(desk, one, 1, STORE_OUTCOME_BOOKED);
	comparison_moved(desk->comparison, span_of(one), 1);
	assert_false(comparison_caught_up(desk->comparison));
	settle(desk);
	assert_int_equal(outcome_of(desk, one), STORE_OUTCOME_BOOKED);
	/* A revision that is not the present one says nothing of it; a change begins without an outcome. */
	bench_begin(desk->bench);
	bench_make_journal(desk->bench, 1, "11.00");
	bench_record(desk->bench);
	bench_commit(desk->bench);
	comparison_moved(desk->comparison, span_of(one), 1);
	settle(desk);
	assert_int_equal(outcome_of(desk, one), 0);
	/* What nobody told of is found at the next start. */
	say_outcome(desk, one, 2, STORE_OUTCOME_REJECTED);
	say_outcome(desk, two, 1, STORE_OUTCOME_VALIDATED);
	settle(desk);
	assert_int_equal(outcome_of(desk, one), 0);
	desk_restart(desk);
	settle(desk);
	assert_int_equal(outcome_of(desk, one), STORE_OUTCOME_REJECTED);
	assert_int_equal(outcome_of(desk, two), STORE_OUTCOME_VALIDATED);
}

/* A ledger that is made anew asks once the documents are in, however many there are. */
static void outcomes_of_a_new_ledger(void **state)
{
	struct desk *desk = *state;
	char subject[64];
	bench_journals(desk->bench, 100, 799);
	for (int n = 100; n < 800; n += 70) {
		(void)snprintf(subject, sizeof subject, "00001/journal/2024/%d", n);
		say_outcome(desk, subject, 1, STORE_OUTCOME_BOOKED);
	}
	settle(desk);
	for (int n = 100; n < 800; n += 70) {
		(void)snprintf(subject, sizeof subject, "00001/journal/2024/%d", n);
		assert_int_equal(outcome_of(desk, subject), STORE_OUTCOME_BOOKED);
	}
	assert_int_equal(legacy_count(desk), 700);
}

/* ---- rules ---- */

struct account_sum {
	const char *account;
	int64_t debit;
	int64_t lines;
};

static bool add_account(void *self, const struct ledger_account *account)
{
	struct account_sum *sum = self;
	if (span_equal(account->account, span_of(sum->account))) {
		sum->debit += account->debit[SIDE_LEGACY];
		sum->lines += account->lines[SIDE_LEGACY];
	}
	return true;
}

static struct account_sum sum_of(struct desk *desk, const char *name)
{
	struct account_sum sum = {.account = name};
	bench_must(desk->bench, ledger_accounts(ledger_of(desk), add_account, &sum, &desk->bench->info));
	return sum;
}

static void other_rules_make_other_sums(void **state)
{
	struct desk *desk = *state;
	struct made_rules rules = rules_of("account", MAPPING_HEADER "*,1.1110,110000,,,\n");
	bench_journals(desk->bench, 1, 450);
	settle(desk);
	assert_int_equal(sum_of(desk, "1.1110").debit, 450 * 1000);
	assert_int_equal(ledger_generation(ledger_of(desk)), 1);
	comparison_use_rules(desk->comparison, rules.rules);
	assert_false(ledger_in_transaction(ledger_of(desk)));
	assert_false(ledger_complete(ledger_of(desk)));
	/* Documents that come meanwhile are of the new generation from the first. */
	bench_journals(desk->bench, 451, 460);
	settle(desk);
	assert_true(ledger_complete(ledger_of(desk)));
	assert_int_equal(ledger_generation(ledger_of(desk)), 2);
	assert_true(project_is_of(ledger_of(desk), rules.rules));
	assert_int_equal(sum_of(desk, "110000").debit, 460 * 1000);
	assert_int_equal(sum_of(desk, "110000").lines, 460 * 2);
	assert_int_equal(sum_of(desk, "1.1110").lines, 0);
	assert_int_equal(ledger_last(ledger_of(desk), SIDE_LEGACY), 460);
	/* The same again is nothing new; none at all are others. */
	comparison_use_rules(desk->comparison, rules.rules);
	settle(desk);
	assert_int_equal(ledger_generation(ledger_of(desk)), 2);
	comparison_use_rules(desk->comparison, NULL);
	settle(desk);
	assert_int_equal(sum_of(desk, "1.1110").debit, 460 * 1000);
	rules_drop(&rules);
}

/* ---- sums that 64 bits do not hold ---- */

static void record_payment(struct desk *desk, int number, const char *amount)
{
	char text[16];
	struct bench *bench = desk->bench;
	(void)snprintf(text, sizeof text, "%d", number);
	bench_begin(bench);
	sample_begin(&bench->document, DOCUMENT_PAYMENT, "EUR");
	sample_set_header(&bench->document, HEADER_NUMBER, text);
	sample_set_header(&bench->document, PAYMENT_PAYER, "4242");
	sample_set_amount(&bench->document, PAYMENT_AMOUNT, amount);
	sample_set_amount(&bench->document, PAYMENT_UNAPPLIED, amount);
	bench_record(bench);
	assert_false(bench->held);
	bench_commit(bench);
}

static void a_document_over_64_bits_is_left_out(void **state)
{
	struct desk *desk = *state;
	record_payment(desk, 1, "92233720368547750.00");
	record_payment(desk, 2, "1.00");
	settle(desk);
	record_payment(desk, 3, "92233720368547750.00"); /* over 2^63 with the first */
	record_payment(desk, 4, "2.00");
	for (int i = 0; i < 5; i++)
		pass_seconds(desk, 31);
	assert_int_equal(legacy_count(desk), 3);
	assert_int_equal(left_out_count(desk), 1);
	assert_int_equal(sum_of(desk, "payments").debit, INT64_C(9223372036854775000) + 300);
	struct exception_search found = search_exceptions(desk, "ledger-document");
	assert_int_equal(found.open, 1);
	assert_string_equal(found.key, "00001/payment/2024/3");
	/* Corrected where it was posted, it is in, and comparisons are complete again. */
	record_payment(desk, 3, "3.00");
	settle(desk);
	assert_int_equal(legacy_count(desk), 4);
	assert_int_equal(left_out_count(desk), 0);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(committed_documents_are_taken),
	    WITH(parts_become_one_document),
	    WITH(retention_waits_for_the_ledger),
	    WITH(rows_that_are_gone_are_counted),
	    WITH(what_waits_is_held),
	    WITH(ended_conflicts_are_settled),
	    WITH(outcomes_are_those_of_the_revision),
	    WITH(outcomes_of_a_new_ledger),
	    WITH(other_rules_make_other_sums),
	    WITH(a_document_over_64_bits_is_left_out),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
