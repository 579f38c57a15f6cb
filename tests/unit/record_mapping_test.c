/*
 * record_mapping_test.c - what is held for want of a mapping or because of its phase, and how that ends.
 *
 * Why:   a posting with a code that nobody mapped, or posted where the cloud leads already, must not leave the ERP.
 * Owns:  one struct bench a test.
 * Rules: postings are dated 2024-02-29; the bench's clock stands on the day that the test says.
 * Runs in: the unit tests.
 */
#include "tests/unit/cloud_fixture.h"

#define SUBJECT(number) "00001/journal/2024/" number
#define HEAD            "entity,from,to,valid_from,valid_to,note\n"
#define CUSTOMER        "00001/customer/0/4242"

static void record(struct bench *bench)
{
	bench_begin(bench);
	bench_record(bench);
	bench_commit(bench);
}

static int64_t last_of(struct bench *bench)
{
	return bench_stream(bench)->next_sequence - 1;
}

static struct rules *account_rules(const char *rows)
{
	static struct rules_problems problems;
	struct rules *rules = rules_new();
	char text[512];
	problems = (struct rules_problems){.count = 0};
	(void)snprintf(text, sizeof text, HEAD "%s", rows);
	assert_true(rules_add(rules, "account", span_of(text), &problems));
	assert_true(rules_finish(rules, &problems));
	return rules;
}

static void expect_held(struct bench *bench, const char *rule, const char *subject, enum store_owner owner,
                        const char *part)
{
	struct exception_seen seen;
	assert_true(bench->held);
	assert_int_equal(bench_open_exceptions(bench, rule, subject, &seen), 1);
	assert_int_equal(seen.owner, owner);
	if (!strstr(seen.text, part))
		fail_msg("%s", seen.text);
}

/* ---- mappings ---- */

/* A missing code holds the document; with the row it goes out, with both codes and the version of the rules, and the
 * exception ends. */
static void a_missing_code_holds_until_it_is_mapped(void **state)
{
	struct bench *bench = *state;
	struct rules *without = account_rules("*,1.2000,400200,,,\n");
	struct rules *with = account_rules("*,1.2000,400200,,,\n*,1.1110,400100,,,\n");
	recorder_set_rules(&bench->recorder, without);
	bench_make_journal(bench, 1, "10.00");
	record(bench);
	expect_held(bench, "mapping-missing", SUBJECT("1"), STORE_OWNER_MAPPING,
	            "account.csv has no row for 1.1110 of entity 00001 on 2024-02-29");
	assert_int_equal(bench->recorder.held, 1);
	recorder_set_rules(&bench->recorder, with);
	bench_make_journal(bench, 1, "10.00");
	record(bench);
	assert_false(bench->held);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	char *event = bench_event(bench, STREAM, 1);
	char wanted[80];
	assert_non_null(strstr(event, "\"account\":\"1.1110\",\"account_mapped\":\"400100\""));
	(void)snprintf(wanted, sizeof wanted,
	               ",\"mappingversion\":\"%s\",\"partitionkey\":", rules_version(with));
	assert_non_null(strstr(event, wanted));
	free(event);
	recorder_set_rules(&bench->recorder, NULL);
	rules_free(without);
	rules_free(with);
}

/* Another version of the rules alone changes no document; another code does, and is an amendment. Without rules nothing
 * is mapped and no version is named. */
static void only_another_code_is_a_change(void **state)
{
	struct bench *bench = *state;
	struct rules *first = account_rules("*,1.1110,400100,,,\n");
	struct rules *noted = account_rules("*,1.1110,400100,,,the same\n");
	struct rules *moved = account_rules("*,1.1110,400111,,,\n");
	struct rules *const versions[] = {first, noted, moved, NULL};
	static const int events[] = {1, 1, 2, 3};
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		recorder_set_rules(&bench->recorder, versions[i]);
		bench_make_journal(bench, 1, "10.00");
		record(bench);
		assert_false(bench->held);
		assert_int_equal(last_of(bench), events[i]);
	}
	assert_string_not_equal(rules_version(first), rules_version(noted));
	char *event = bench_event(bench, STREAM, 2);
	assert_non_null(strstr(event, "com.twinpost.journal.amended.v1"));
	assert_non_null(strstr(event, "\"account_mapped\":\"400111\""));
	free(event);
	event = bench_event(bench, STREAM, 3);
	assert_null(strstr(event, "_mapped"));
	assert_null(strstr(event, "mappingversion"));
	free(event);
	rules_free(first);
	rules_free(noted);
	rules_free(moved);
}

/* What breaks a rule of validity is told as that, mapped or not: it is mended in the ERP first. */
static void validity_comes_first(void **state)
{
	struct bench *bench = *state;
	struct rules *rules = account_rules("*,1.2000,400200,,,\n");
	recorder_set_rules(&bench->recorder, rules);
	bench_make_journal(bench, 1, "10.00");
	sample_set_decimal(&sample_line_at(&bench->document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "10.01");
	record(bench);
	assert_int_equal(bench_open_exceptions(bench, "mapping-missing", SUBJECT("1"), NULL), 0);
	assert_int_equal(bench_open_exceptions(bench, "journal-balance", SUBJECT("1"), NULL), 1);
	recorder_set_rules(&bench->recorder, NULL);
	rules_free(rules);
}

/* ---- once more ---- */

static enum again once_more(struct bench *bench, bool preview, struct recorder_again *again)
{
	bench_begin(bench);
	bench_must(bench, recorder_document_again(&bench->recorder, "jde/1", &bench->document, preview, again,
	                                          &bench->info));
	bench_commit(bench);
	return again->result;
}

/* What was sent last, as another reader has it: with the codes of that time. */
static void make_sent(struct bench *bench, const char *mapped)
{
	bench_make_journal(bench, 1, "10.00");
	for (int i = 0; i < bench->document.sections[SECTION_LINES].count; i++) {
		struct value *line = sample_line_at(&bench->document, SECTION_LINES, i);
		struct span account = document_text(&bench->document, &line[JOURNAL_LINE_ACCOUNT]);
		if (mapped && span_equal(account, SPAN_LITERAL("1.1110")))
			sample_set_text(&bench->document, &line[JOURNAL_LINE_ACCOUNT_MAPPED], mapped);
		else if (mapped)
			sample_set_text(&bench->document, &line[JOURNAL_LINE_ACCOUNT_MAPPED], "400200");
	}
}

/* A row that was mended: the next revision, and only then; told before by a preview. What was not sent like this, has
 * a code without a row, or is led by the cloud is refused, and waits nowhere. */
static void once_more_after_a_mended_row(void **state)
{
	struct bench *bench = *state;
	struct recorder_again again;
	struct rules *first = account_rules("*,1.2000,400200,,,\n*,1.1110,400100,,,\n");
	struct rules *moved = account_rules("*,1.2000,400200,,,\n*,1.1110,400111,,,\n");
	struct rules *without = account_rules("*,1.2000,400200,,,\n");
	make_sent(bench, NULL);
	assert_int_equal(once_more(bench, false, &again), AGAIN_REFUSED);
	assert_string_equal(again.why, "it was never sent");
	recorder_set_rules(&bench->recorder, first);
	record(bench);
	make_sent(bench, "400100");
	assert_int_equal(once_more(bench, false, &again), AGAIN_UNCHANGED);
	assert_int_equal(again.revision, 1);
	recorder_set_rules(&bench->recorder, moved);
	make_sent(bench, "400100");
	assert_int_equal(once_more(bench, true, &again), AGAIN_AMENDED);
	assert_int_equal(again.revision, 1);
	assert_int_equal(last_of(bench), 1);
	make_sent(bench, "400100");
	assert_int_equal(once_more(bench, false, &again), AGAIN_AMENDED);
	assert_int_equal(again.revision, 2);
	char *event = bench_event(bench, STREAM, 2);
	assert_non_null(strstr(event, "com.twinpost.journal.amended.v1"));
	assert_non_null(strstr(event, "\"account_mapped\":\"400111\""));
	free(event);
	make_sent(bench, "400100"); /* of the revision before: a ledger that is behind */
	assert_int_equal(once_more(bench, false, &again), AGAIN_REFUSED);
	assert_non_null(strstr(again.why, "not what was sent last as revision 2"));
	recorder_set_rules(&bench->recorder, without);
	make_sent(bench, "400111");
	assert_int_equal(once_more(bench, false, &again), AGAIN_REFUSED);
	assert_non_null(strstr(again.why, "account.csv has no row for 1.1110 of entity 00001 on 2024-02-29"));
	struct config_phase_rule *rule = &bench->config.phases[bench->config.phase_count++];
	*rule = (struct config_phase_rule){.entity = "*", .phase = CONFIG_PHASE_CUTOVER, .from = 20240201};
	recorder_set_rules(&bench->recorder, first);
	assert_int_equal(once_more(bench, false, &again), AGAIN_REFUSED);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	assert_int_equal(last_of(bench), 2);
	recorder_set_rules(&bench->recorder, NULL);
	rules_free(first);
	rules_free(moved);
	rules_free(without);
}

/* An exception of a newer content of the document goes on waiting: its reading will end it. */
static void once_more_ends_no_exception(void **state)
{
	struct bench *bench = *state;
	struct recorder_again again;
	struct rules *first = account_rules("*,1.2000,400200,,,\n*,1.1110,400100,,,\n");
	struct rules *moved = account_rules("*,1.2000,400200,,,\n*,1.1110,400111,,,\n");
	recorder_set_rules(&bench->recorder, first);
	make_sent(bench, NULL);
	record(bench);
	bench_make_journal(bench, 1, "10.00");
	sample_set_decimal(&sample_line_at(&bench->document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "10.01");
	record(bench);
	assert_int_equal(bench_open_exceptions(bench, "journal-balance", SUBJECT("1"), NULL), 1);
	recorder_set_rules(&bench->recorder, moved);
	make_sent(bench, "400100");
	assert_int_equal(once_more(bench, false, &again), AGAIN_AMENDED);
	assert_int_equal(bench_open_exceptions(bench, "journal-balance", SUBJECT("1"), NULL), 1);
	recorder_set_rules(&bench->recorder, NULL);
	rules_free(first);
	rules_free(moved);
}

/* ---- phases ---- */

static void add_phase(struct bench *bench, const char *entity, const char *type, enum config_phase phase,
                      int from)
{
	struct config_phase_rule *rule = &bench->config.phases[bench->config.phase_count++];
	*rule = (struct config_phase_rule){.phase = phase, .from = from, .document_count = type != NULL};
	assert_true(text_copy(rule->entity, sizeof rule->entity, span_of(entity)));
	if (type)
		assert_true(text_copy(rule->documents[0], CONFIG_NAME_MAX, span_of(type)));
}

static void date_journal(struct bench *bench, int number, const char *date)
{
	bench_make_journal(bench, number, "10.00");
	sample_set_date(&bench->document.header[HEADER_POSTING_DATE], date);
}

/* Company 00001: legacy, shadow from 2024-02-01, cut over from 2024-03-01. The day before each and the day itself; the
 * event tells its phase; the exception of the late one ends when the date is moved. */
static void phases_by_posting_date(void **state)
{
	struct bench *bench = *state;
	add_phase(bench, "00001", NULL, CONFIG_PHASE_LEGACY, 0);
	add_phase(bench, "*", NULL, CONFIG_PHASE_PARALLEL, 20240201);
	add_phase(bench, "00001", "journal", CONFIG_PHASE_CUTOVER, 20240301);
	date_journal(bench, 1, "2024-01-31");
	record(bench);
	assert_false(bench->held);
	assert_int_equal(bench->recorder.excluded, 1);
	assert_int_equal(store_stream_count(bench->store.store), 0);
	date_journal(bench, 2, "2024-02-01");
	record(bench);
	date_journal(bench, 3, "2024-02-29");
	record(bench);
	assert_int_equal(last_of(bench), 2);
	char *event = bench_event(bench, STREAM, 2);
	assert_non_null(strstr(event, "\"phase\":\"parallel\""));
	free(event);
	date_journal(bench, 4, "2024-03-01");
	record(bench);
	expect_held(bench, "legacy-after-cutover", SUBJECT("4"), STORE_OWNER_POLICY,
	            "posted in the ERP after the cut-over of journal of 00001 on 2024-03-01, under the date "
	            "2024-03-01; "
	            "post it in the cloud, or move the date");
	assert_int_equal(last_of(bench), 2);
	assert_int_equal(bench->recorder.recorded, 2);
	bench->config.phases[2].from = 20240401;
	date_journal(bench, 4, "2024-03-01");
	record(bench);
	assert_false(bench->held);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	assert_int_equal(last_of(bench), 3);
}

/* A document that waited as an exception ends waiting when its phase is legacy; one that was sent before stays in the
 * register as it was, whatever the ERP makes of it. */
static void legacy_touches_nothing(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 1);
	bench_make_journal(bench, 2, "10.00");
	sample_set_decimal(&sample_line_at(&bench->document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "10.01");
	record(bench);
	assert_int_equal(store_exceptions_open(bench->store.store), 1);
	add_phase(bench, "*", NULL, CONFIG_PHASE_LEGACY, 0);
	record(bench);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	bench_make_journal(bench, 1, "11.00");
	record(bench);
	assert_int_equal(last_of(bench), 1);
	assert_int_equal(bench->recorder.excluded, 2);
	assert_int_equal(bench->recorder.amended, 0);
}

/* Voided before the cloud heard of it: nothing to post there, so nothing waits. Voided after it was sent: it waits. */
static void voided_after_the_cut_over(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 1);
	add_phase(bench, "*", NULL, CONFIG_PHASE_CUTOVER, 20240201);
	bench_make_journal(bench, 2, "10.00");
	record(bench);
	assert_int_equal(store_exceptions_open(bench->store.store), 1);
	bench->document.voided = true;
	record(bench);
	assert_false(bench->held);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	bench_make_journal(bench, 1, "10.00");
	bench->document.voided = true;
	record(bench);
	expect_held(bench, "legacy-after-cutover", SUBJECT("1"), STORE_OWNER_POLICY, "post it in the cloud");
	assert_int_equal(last_of(bench), 1);
}

/* A customer has no date: it goes by today, and one that is as it was waits for nobody. */
static void customers_go_by_today(void **state)
{
	struct bench *bench = *state;
	int64_t *wall = &bench->store.hal.wall_ns;
	*wall = INT64_C(1709164800) * NS_PER_S; /* 2024-02-29T00:00:00Z, by date -u -d @ */
	add_phase(bench, "*", NULL, CONFIG_PHASE_CUTOVER, 20240301);
	sample_make_customer(&bench->document);
	sample_set_header(&bench->document, HEADER_NUMBER, "4242");
	record(bench);
	assert_int_equal(bench->recorder.recorded, 1);
	*wall += INT64_C(86400) * NS_PER_S;
	record(bench);
	assert_false(bench->held);
	assert_int_equal(bench->recorder.unchanged, 1);
	sample_set_header(&bench->document, CUSTOMER_LEGAL_NAME, "Another Ltd.");
	record(bench);
	expect_held(bench, "legacy-after-cutover", CUSTOMER, STORE_OWNER_POLICY, "under the date 2024-03-01");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_missing_code_holds_until_it_is_mapped),
	    TEST(only_another_code_is_a_change),
	    TEST(validity_comes_first),
	    TEST(once_more_after_a_mended_row),
	    TEST(once_more_ends_no_exception),
	    TEST(phases_by_posting_date),
	    TEST(legacy_touches_nothing),
	    TEST(voided_after_the_cut_over),
	    TEST(customers_go_by_today),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
