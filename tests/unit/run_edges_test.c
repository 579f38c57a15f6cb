/*
 * run_edges_test.c - comparisons at their edges: where a wrong green, or a comparison that cannot end, would hide.
 *
 * Why:   each case is one that a cloud, a mapping or a scope can bring about, and none may hide a document.
 * Owns:  nothing.
 * Rules: every case runs with fingerprints and in full; both must say the same.
 * Runs in: tests.
 * Tests: connector/compare/run*.c
 */
#include "tests/unit/run_fixture.h"

static struct rules *rules_of(const char *name, const char *text)
{
	struct rules_problems problems = {.count = 0};
	struct rules *rules = rules_new();
	if (!rules_add(rules, name, span_of(text), &problems) || !rules_finish(rules, &problems))
		fail_msg("%s: %s", problems.list[0].file, problems.list[0].text);
	return rules;
}

/* A journal of two lines; more: further fields of the header, or "". */
static void put_journal(struct books *books, enum ledger_side side, const char *entity, const char *number,
                        const char *more, int period, const char *account, const char *amount)
{
	char data[1024];
	(void)snprintf(data, sizeof data,
	               "{\"entity\":\"%s\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"%s\","
	               "\"year\":2026,\"period\":%d,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\",%s"
	               "\"lines\":[{\"line\":\"1\",\"account\":\"%s\",\"amount\":\"%s\"},"
	               "{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-%s\"}]}",
	               entity, number, period, more, account, amount, amount);
	books_put(books, side, data, 5, false, 1);
}

/* It says for which documents it stands: none of them is RI-9, whatever its amount. */
static void what_names_others_is_no_counterpart(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	books_pair(&books, 2, 20000, 0);
	books_invoice(&books, SIDE_LEGACY, "RI-9", NULL, NULL, "C1", 30000, 5700, 5);
	books_invoice(&books, SIDE_CLOUD, "I-9", "10/invoice/2026/RI-1 10/invoice/2026/RI-2", NULL, "C1",
	              30000, 5700, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.statuses[RUN_MISSING_CLOUD], 1);
	books_close(&books);
}

/* Those that name something stand first by date and hide the second candidate, if they are counted. */
static void named_documents_hide_no_candidate(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 6);
	books_invoice(&books, SIDE_CLOUD, "I-1", "10/invoice/2026/X", NULL, "C1", 10000, 1900, 3);
	books_invoice(&books, SIDE_CLOUD, "I-2", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-3", NULL, NULL, "C1", 10000, 1900, 6);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 0);
	assert_int_equal(books.outcome.statuses[RUN_AMBIGUOUS], 3);
	books_close(&books);
}

static void the_same_name_twice_is_one(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "RI-1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "I-1", "10/invoice/2026/RI-1 10/invoice/2026/RI-1", NULL, "C1",
	              10000, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_close(&books);
}

/* A name of the cloud's that sorts behind everything must not move the known differences apart. */
static void any_name_leaves_the_canaries_whole(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	books_invoice(&books, SIDE_CLOUD, "I-9", "~~~/invoice/2026/RI-1", NULL, "C1", 10000, 1900, 5);
	put_journal(&books, SIDE_LEGACY, "~zz", "J1", "", 9, "1", "5.00");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_close(&books);
}

/* A document of its own in the cloud has the number of another one in the ERP: two differences, two names. */
static void equal_subjects_of_both_sides_are_two(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_invoice(&books, SIDE_LEGACY, "1", NULL, NULL, "C1", 10000, 1900, 5);
	books_invoice(&books, SIDE_CLOUD, "1", "10/invoice/2026/2", NULL, "C1", 77700, 1900, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	assert_int_equal(books.outcome.open, 2);
	const char *first = strstr(buf_cstr(&books.files[RUN_FILE_DIFFERENCES]), "\"key\":\"");
	const char *second = strstr(first + 1, "\"key\":\"");
	char key[64];
	(void)snprintf(key, sizeof key, "%s", first);
	assert_int_not_equal(strncmp(first, second, 50), 0);
	books_close(&books);
}

/* Ten companies count from one. */
static void a_number_of_many_companies_names_one(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	for (int i = 10; i < 22; i++) {
		char entity[16];
		(void)snprintf(entity, sizeof entity, "%d", i);
		put_journal(&books, SIDE_LEGACY, entity, "1", "", 9, "1", "5.00");
	}
	for (int i = 10; i < 22; i++) {
		char entity[16];
		char number[16];
		(void)snprintf(entity, sizeof entity, "%d", i);
		(void)snprintf(number, sizeof number, "G%d", i);
		put_journal(&books, SIDE_CLOUD, entity, number, "\"reference\":\"1\",", 9, "1", "5.00");
	}
	books_compare(&books);
	assert_int_equal(books.outcome.skipped, 12);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_close(&books);
}

/* The cloud posted it in another company; a comparison of the right one alone says so. */
static void a_counterpart_outside_the_scope_is_a_break(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	put_journal(&books, SIDE_LEGACY, "10", "1", "", 9, "1", "5.00");
	put_journal(&books, SIDE_CLOUD, "20", "G1", "\"origin\":\"10/journal/2026/1\",", 9, "1", "5.00");
	books.options.scope.entity_count = 1;
	(void)snprintf(books.options.scope.entities[0], sizeof books.options.scope.entities[0], "10");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	(void)snprintf(books.options.scope.entities[0], sizeof books.options.scope.entities[0], "20");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books.options.scope.entity_count = 0;
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_close(&books);
}

/* Where periods are not compared, equal documents may stand in two of them. */
static void periods_that_are_not_compared_may_differ(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, rules_of("attribute", "document_type,attribute,compare\njournal,period,no\n"));
	put_journal(&books, SIDE_LEGACY, "10", "1", "", 9, "1", "5.00");
	put_journal(&books, SIDE_CLOUD, "10", "G1", "\"origin\":\"10/journal/2026/1\",", 10, "1", "5.00");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books.options.scope.from = books.options.scope.to = 202609;
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_close(&books);
}

/* The canaries differ by more than the tolerance, however odd that is. */
static void canaries_are_above_any_tolerance(void **state)
{
	static const char *const amounts[] = {"0.015", "0.001", "1000000000000000", "9000000000000000"};
	for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
		struct books books;
		char text[200];
		(void)state;
		(void)snprintf(text, sizeof text,
		               "entity,currency,document_type,account,amount\n*,*,*,*,%s\n", amounts[i]);
		books_open(&books, rules_of("tolerance", text));
		books_pair(&books, 1, 10000, 0);
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, RUN_RECONCILED);
		books_close(&books);
	}
}

static void a_tolerance_hides_no_missing_document(void **state)
{
	struct books books;
	(void)state;
	books_open(&books,
	           rules_of("tolerance", "entity,currency,document_type,account,amount\n*,*,*,*,500.00\n"));
	books_pair(&books, 1, 10000, 0);
	books_invoice(&books, SIDE_LEGACY, "RI-2", NULL, NULL, "C1", 1, 0, 5);
	books_invoice(&books, SIDE_CLOUD, "I-2", NULL, NULL, "C2", 2, 0, 5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.open, 2);
	books_close(&books);
}

/* Over RUN_GROUP_MAX of one identity; exactly as many. */
static void documents_of_one_identity_at_the_limit(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct books books;
		(void)state;
		books_open(&books, NULL);
		books_pair(&books, 1, 10000, 0);
		for (int i = 1; i < RUN_GROUP_MAX + more; i++) {
			char number[16];
			(void)snprintf(number, sizeof number, "D-%d", i);
			books_invoice(&books, SIDE_CLOUD, number, "10/invoice/2026/RI-1", NULL, "C1", 10000,
			              1900, 5);
		}
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, more ? RUN_INCOMPLETE : RUN_BREAKS);
		books_close(&books);
	}
}

/* The same where those of the cloud stand outside the scope. */
static void as_many_outside_the_scope(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct books books;
		(void)state;
		books_open(&books, NULL);
		put_journal(&books, SIDE_LEGACY, "10", "1", "", 9, "1", "5.00");
		for (int i = 0; i < RUN_GROUP_MAX + more; i++) {
			char number[16];
			(void)snprintf(number, sizeof number, "D-%d", i);
			put_journal(&books, SIDE_CLOUD, "10", number, "\"origin\":\"10/journal/2026/1\",", 10,
			            "1", "5.00");
		}
		books.options.scope.to = 202609;
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, more ? RUN_INCOMPLETE : RUN_BREAKS);
		books_close(&books);
	}
}

/* Beyond what is paired by sums, everything is told as missing, and so is that nothing was paired. */
static void very_many_leftovers(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct books books;
		(void)state;
		books_open(&books, NULL);
		put_journal(&books, SIDE_CLOUD, "10", "G1", "", 9, "1", "5.00");
		for (int i = 0; i < 1900 + 200 * more; i++) {
			char number[16];
			(void)snprintf(number, sizeof number, "%d", i);
			put_journal(&books, SIDE_LEGACY, "10", number, "", 9, "1", "7.00");
		}
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, RUN_BREAKS);
		assert_int_equal(books.outcome.statuses[RUN_MISSING_CLOUD], 1900 + 200 * more);
		assert_int_equal(books_says(&books, RUN_FILE_RUN, "\"so many documents have no counterpart"),
		                 more);
		books_close(&books);
	}
}

/* One document of the cloud for more legacy ones than are kept of one identity. */
/* Journals J0, J1, ... of 1.00 each in the ERP, and one of the cloud that names all of them. */
static void put_collective(struct books *books, int count, const char *amount)
{
	struct buf data;
	const char *between = "";
	buf_init(&data, 1u << 20);
	buf_append_text(&data,
	                "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"G\","
	                "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\","
	                "\"origin\":\"");
	for (int i = 0; i < count; i++) {
		char number[16];
		(void)snprintf(number, sizeof number, "J%d", i);
		put_journal(books, SIDE_LEGACY, "10", number, "", 9, "1", "1.00");
		buf_printf(&data, "%s10/journal/2026/%s", between, number);
		between = " ";
	}
	buf_printf(&data,
	           "\",\"lines\":[{\"line\":\"1\",\"account\":\"1\",\"amount\":\"%s\"},"
	           "{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-%s\"}]}",
	           amount, amount);
	books_put(books, SIDE_CLOUD, buf_cstr(&data), 5, false, 1);
	buf_release(&data);
}

static void one_for_very_many(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	put_collective(&books, RUN_GROUP_MAX + 6, "70.00");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_close(&books);
}

/* How many there are is always told; at most RUN_OTHERS_MAX beside the first are named. */
static void what_stands_together_is_named(void **state)
{
	(void)state;
	for (int more = -RUN_OTHERS_MAX; more < 2; more += more < 0 ? RUN_OTHERS_MAX / 2 : 1) {
		struct books books;
		char documents[32];
		int count = RUN_OTHERS_MAX + 1 + more;
		books_open(&books, NULL);
		put_collective(&books, count, "999.00");
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, RUN_BREAKS);
		const char *line = buf_cstr(&books.files[RUN_FILE_DIFFERENCES]);
		const char *others = strstr(line, "\"others\":[");
		(void)snprintf(documents, sizeof documents, "\"documents\":%d,", count);
		assert_int_equal(strstr(line, documents) != NULL, count > 1);
		assert_int_equal(others != NULL, count > 1);
		int named = 0;
		for (const char *end = others ? strchr(others, ']') : NULL; others && others < end; others++)
			named += strncmp(others, "10/journal/2026/J", 17) == 0;
		assert_int_equal(named, more > 0 ? RUN_OTHERS_MAX : count - 1);
		books_close(&books);
	}
}

/* A journal's account may be longer than the ledger's codes: it is left out with a sentence, not with an abort. */
static void a_long_account_is_refused(void **state)
{
	struct books books;
	struct err_info info = {.text = ""};
	char account[200];
	char data[1024];
	(void)state;
	memset(account, 'a', sizeof account - 1);
	account[sizeof account - 1] = 0;
	books_open(&books, NULL);
	for (int round = 0; round < 2; round++) {
		(void)snprintf(
		    data, sizeof data,
		    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"1\","
		    "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\","
		    "\"lines\":[{\"line\":\"1\",%s%s%s\"amount\":\"5.00\"}]}",
		    round ? "" : "\"account\":\"", round ? "" : account, round ? "" : "\",");
		const struct projection projection = {.side = SIDE_CLOUD, .revision = 1, .recorded_ns = 1};
		enum err err = posting_read(&books.reader, span_of(data), &books.document, &info);
		if (err == ERR_OK)
			err = project_document(&books.projector, &projection, &books.document, &info);
		assert_true(err == ERR_BAD_INPUT || err == ERR_TOO_LARGE);
		assert_false(ledger_failed(books.ledger));
	}
	books_close(&books);
}

/* A mapping that was mended pairs what its reference could not find before. */
static void mended_rules_find_references(void **state)
{
	struct books books;
	struct err_info info;
	bool done = false;
	(void)state;
	books_open(&books, NULL);
	put_journal(&books, SIDE_CLOUD, "1000", "G1", "\"reference\":\"1\",", 9, "1", "5.00");
	put_journal(&books, SIDE_LEGACY, "10", "1", "", 9, "1", "5.00");
	put_journal(&books, SIDE_LEGACY, "10", "2", "", 9, "1", "6.00");
	put_journal(&books, SIDE_CLOUD, "1000", "G2", "\"reference\":\"2\",", 9, "1", "6.00");
	books_compare(&books);
	books_verdict(&books, RUN_BREAKS);
	books_again(&books);
	books.rules = rules_of("entity", "entity,from,to,valid_from,valid_to,note\n*,10,1000,,,\n");
	books.projector.rules = books.rules;
	assert_int_equal(project_use_rules(&books.projector, books.rules, &info), ERR_OK);
	while (!done)
		assert_int_equal(project_regenerate(&books.projector, 3, &done, &info), ERR_OK);
	books_compare(&books);
	books_verdict(&books, RUN_RECONCILED);
	assert_int_equal(books.outcome.skipped, 2);
	books_close(&books);
}

static void a_revision_may_name_another_document(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	put_journal(&books, SIDE_LEGACY, "10", "1", "", 9, "1", "5.00");
	put_journal(&books, SIDE_LEGACY, "10", "2", "", 9, "1", "5.00");
	put_journal(&books, SIDE_CLOUD, "10", "G1", "\"origin\":\"10/journal/2026/1\",", 9, "1", "5.00");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_again(&books);
	books_put(&books, SIDE_CLOUD,
	          "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"G1\","
	          "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\","
	          "\"origin\":\"10/journal/2026/2\",\"lines\":[{\"line\":\"1\",\"account\":\"1\",\"amount\":"
	          "\"5.00\"},{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-5.00\"}]}",
	          5, false, 2);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 1);
	assert_int_equal(books.outcome.statuses[RUN_MISSING_CLOUD], 1);
	assert_true(books_says(&books, RUN_FILE_DIFFERENCES, "\"subject\":\"10/journal/2026/1\""));
	books_close(&books);
}

/* A store that was begun anew counts revisions from 1: what it sent later is what counts. */
static void revisions_may_begin_anew(void **state)
{
	static const char format[] =
	    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"%s\","
	    "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\",%s"
	    "\"lines\":[{\"line\":\"1\",\"account\":\"1\",\"amount\":\"%s\"},"
	    "{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-%s\"}]}";
	struct books books;
	char data[600];
	(void)state;
	books_open(&books, NULL);
	(void)snprintf(data, sizeof data, format, "G1", "\"origin\":\"10/journal/2026/1\",", "5.00", "5.00");
	books_put(&books, SIDE_CLOUD, data, 8, false, 1);
	(void)snprintf(data, sizeof data, format, "1", "", "5.00", "5.00");
	books_put(&books, SIDE_LEGACY, data, 9, false, 3);
	books_put(&books, SIDE_LEGACY, data, 7, false, 1);
	(void)snprintf(data, sizeof data, format, "1", "", "6.00", "6.00");
	books_put(&books, SIDE_LEGACY, data, 6, false, 2);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	books_again(&books);
	(void)snprintf(data, sizeof data, format, "1", "", "7.00", "7.00");
	books_put(&books, SIDE_LEGACY, data, 8, false, 1); /* an older one that comes late */
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	assert_true(books_says(&books, RUN_FILE_DIFFERENCES, "\"net\":\"-1.00\""));
	books_close(&books);
}

static void one_side_voided_is_a_break(void **state)
{
	for (int side = 0; side < SIDE_COUNT; side++) {
		struct books books;
		char data[600];
		(void)state;
		books_open(&books, NULL);
		for (int i = 0; i < SIDE_COUNT; i++) {
			(void)snprintf(
			    data, sizeof data,
			    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":"
			    "\"1\",\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\","
			    "\"currency\":\"EUR\",%s\"lines\":[{\"line\":\"1\",\"account\":\"1\","
			    "\"amount\":\"5.00\"},{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-5.00\"}]}",
			    i == SIDE_CLOUD ? "\"origin\":\"10/journal/2026/1\"," : "");
			books_put(&books, (enum ledger_side)i, data, 5, false, 1);
			if (i == side)
				books_put(&books, (enum ledger_side)i, data, 5, true, 2);
		}
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		books_verdict(&books, RUN_BREAKS);
		assert_int_equal(books.outcome.open, 1);
		books_close(&books);
	}
}

/* Both sides' totals of a period are equal; each document differs. */
static void totals_that_cancel_hide_nothing(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 5);
	books_pair(&books, 2, 10000, -5);
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_BREAKS);
	assert_int_equal(books.outcome.open, 2);
	books_close(&books);
}

static void hold(struct books *books, const char *rule, const char *subject)
{
	struct err_info info;
	const struct ledger_held held = {
	    .rule = span_of(rule), .source = SPAN_LITERAL("legacy"), .key = span_of(subject)};
	assert_int_equal(ledger_hold(books->ledger, &held, true, &info), ERR_OK);
}

/* What is not sent is counted where its company and kind are in the scope; what has no name of its own, always. */
static void what_is_not_sent_stands_in_its_scope(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	hold(&books, LEDGER_EXCLUDED, "10/invoice/2026/RI-2");
	hold(&books, LEDGER_EXCLUDED, "10/journal/2026/RI-3");
	hold(&books, LEDGER_EXCLUDED, "20/invoice/2026/RI-4");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"entity\":\"\",\"excluded\":3,\"extracted\":4,\"held\":0"));
	assert_true(books_says(&books, RUN_FILE_RUN, "\"entity\":\"20\",\"excluded\":1,\"extracted\":1"));
	books.options.scope = (struct run_scope){.entities = {"10"},
	                                         .entity_count = 1,
	                                         .from = 202609,
	                                         .to = 202609,
	                                         .types = 1u << DOCUMENT_INVOICE};
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"entity\":\"\",\"excluded\":1,\"extracted\":2,\"held\":0"));
	books_again(&books);
	hold(&books, "mapping-missing", "20/invoice/2026/RI-5");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED);
	books_again(&books);
	hold(&books, "mapping-missing", "10/invoice/2026/RI-6");
	hold(&books, "subject-missing", "row 7");
	books_compare_both(&books, RUN_FILE_DIFFERENCES);
	books_verdict(&books, RUN_RECONCILED_WITH_PENDING);
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"entity\":\"\",\"excluded\":1,\"extracted\":4,\"held\":2"));
	books_close(&books);
}

/* Every other sum keeps the sides, periods and accounts apart; only what is open in all is over 2^63 cents, of one
 * company or of two. */
static void what_is_open_in_all_is_over_64_bits(void **state)
{
	static const struct {
		const char *legacy, *cloud, *of, *gross;
		enum run_verdict verdict;
	} cases[] = {
	    {"46116860184273879.03", "46116860184273879.04", "10", "92233720368547758.07", RUN_BREAKS},
	    {"46116860184273879.04", "46116860184273879.04", "10", NULL, RUN_INCOMPLETE},
	    {"46116860184273879.03", "46116860184273879.04", "20", "92233720368547758.07", RUN_BREAKS},
	    {"46116860184273879.04", "46116860184273879.04", "20", NULL, RUN_INCOMPLETE},
	};
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct books books;
		books_open(&books, NULL);
		books_pair(&books, 1, 10000, 0);
		put_journal(&books, SIDE_LEGACY, "10", "J-1", "", 8, "4000", cases[i].legacy);
		put_journal(&books, SIDE_CLOUD, cases[i].of, "C-1", "\"origin\":\"10/journal/2026/J-2\",", 9,
		            "4100", cases[i].cloud);
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		const char *run = buf_cstr(&books.files[RUN_FILE_RUN]);
		if (books.outcome.verdict != cases[i].verdict)
			fail_msg("%d: %s: %s", i, run_verdict_name(books.outcome.verdict), books.outcome.why);
		assert_int_equal(strstr(run, "sum-overflow") != NULL, cases[i].gross == NULL);
		assert_true(!cases[i].gross || strstr(run, cases[i].gross));
		books_close(&books);
	}
}

/* Usage of a meter in September; more: further fields, or "". */
static void put_usage(struct books *books, enum ledger_side side, const char *number, const char *more,
                      const char *meter, const char *quantity, const char *unit, int records)
{
	char data[1024];
	(void)snprintf(
	    data, sizeof data,
	    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"usage\",\"number\":\"%s\",\"year\":2026,"
	    "\"period\":9,\"posting_date\":\"2026-09-30\",%s\"customer\":\"C1\",\"meter\":\"%s\","
	    "\"window_start\":\"2026-09-01\",\"window_end\":\"2026-09-30\",\"quantity\":\"%s\",\"unit\":\"%"
	    "s\","
	    "\"record_count\":%d}",
	    number, more, meter, quantity, unit, records);
	books_put(books, side, data, 5, false, 1);
}

struct counted {
	const char *meter, *quantity, *unit;
	int records;
};
#define BOTH_OF "\"origin\":\"10/usage/2026/U1 10/usage/2026/U2\","
#define ONE_OF  "\"origin\":\"10/usage/2026/U1\","

/* Two documents of usage on one side, one on the other, which is to be what they counted together: not what one of them
 * counted, and nothing where they counted different things. */
static void usage_of_several_is_added_up(void **state)
{
	static const struct {
		struct counted first, second, sum;
		bool equal;
	} cases[] = {
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "15.5", "GB", 7}, true},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "10.5", "GB", 3}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "5", "GB", 4}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "15.5", "GB", 3}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "15.51", "GB", 7}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "GB", 4}, {"gb", "10.5", "GB", 7}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "MB", 4}, {"gb", "15.5", "GB", 7}, false},
	    {{"gb", "10.50", "GB", 3}, {"gb", "5", "MB", 4}, {"gb", "15.5", "MB", 7}, false},
	    {{"gb", "10.50", "GB", 3}, {"up", "5", "GB", 4}, {"gb", "15.5", "GB", 7}, false},
	    {{"gb", "10", "GB", 3}, {"gb", "2", "GB", 0}, {"gb", "12", "GB", 3}, true},
	};
	(void)state;
	for (int i = 0; i < 20; i++) {
		const struct counted *first = &cases[i / 2].first;
		const struct counted *second = &cases[i / 2].second;
		const struct counted *sum = &cases[i / 2].sum;
		enum ledger_side two = i % 2 ? SIDE_CLOUD : SIDE_LEGACY;
		enum ledger_side one = i % 2 ? SIDE_LEGACY : SIDE_CLOUD;
		struct books books;
		books_open(&books, NULL);
		books_pair(&books, 1, 10000, 0);
		put_usage(&books, two, i % 2 ? "M1" : "U1", i % 2 ? ONE_OF : "", first->meter,
		          first->quantity, first->unit, first->records);
		put_usage(&books, two, i % 2 ? "M2" : "U2", i % 2 ? ONE_OF : "", second->meter,
		          second->quantity, second->unit, second->records);
		put_usage(&books, one, i % 2 ? "U1" : "M1", i % 2 ? "" : BOTH_OF, sum->meter, sum->quantity,
		          sum->unit, sum->records);
		books_compare_both(&books, RUN_FILE_DIFFERENCES);
		/* The pair of invoices, and what is counted. */
		if ((books.outcome.open == 0) != cases[i / 2].equal)
			fail_msg("case %d: %d are open: %s\n%s", i, (int)books.outcome.open,
			         books.outcome.why, buf_cstr(&books.files[RUN_FILE_DIFFERENCES]));
		books_close(&books);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_names_others_is_no_counterpart),
	    cmocka_unit_test(named_documents_hide_no_candidate),
	    cmocka_unit_test(the_same_name_twice_is_one),
	    cmocka_unit_test(any_name_leaves_the_canaries_whole),
	    cmocka_unit_test(equal_subjects_of_both_sides_are_two),
	    cmocka_unit_test(a_number_of_many_companies_names_one),
	    cmocka_unit_test(a_counterpart_outside_the_scope_is_a_break),
	    cmocka_unit_test(periods_that_are_not_compared_may_differ),
	    cmocka_unit_test(canaries_are_above_any_tolerance),
	    cmocka_unit_test(a_tolerance_hides_no_missing_document),
	    cmocka_unit_test(documents_of_one_identity_at_the_limit),
	    cmocka_unit_test(as_many_outside_the_scope),
	    cmocka_unit_test(very_many_leftovers),
	    cmocka_unit_test(one_for_very_many),
	    cmocka_unit_test(what_stands_together_is_named),
	    cmocka_unit_test(a_long_account_is_refused),
	    cmocka_unit_test(mended_rules_find_references),
	    cmocka_unit_test(a_revision_may_name_another_document),
	    cmocka_unit_test(revisions_may_begin_anew),
	    cmocka_unit_test(one_side_voided_is_a_break),
	    cmocka_unit_test(totals_that_cancel_hide_nothing),
	    cmocka_unit_test(what_is_not_sent_stands_in_its_scope),
	    cmocka_unit_test(what_is_open_in_all_is_over_64_bits),
	    cmocka_unit_test(usage_of_several_is_added_up),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
