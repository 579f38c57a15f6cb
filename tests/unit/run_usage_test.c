/*
 * run_usage_test.c - usage three ways in a run: what people decide about a window, and what it costs to be forgotten.
 *
 * Shows: a window that does not agree is a break until it is accepted, and then a warning, never green; whatever of
 *        it changes (class, quantity, unit, days, a quantity that no sum shows) opens it again; a decision is of one
 *        window; a narrower run says of its windows what the whole one does; readiness and days know what is open.
 * How:   books of one company: invoices that agree, and usage of C1 and C2 in September.
 * Rules: every comparison is made by fingerprints and in full; both must say the same.
 * Runs in: tests.
 * Tests: connector/compare/run_usage.c, store_forward/ledger_usage.c
 */
#include "tests/unit/run_fixture.h"

#define KEY_C1 "usage:10/C1/gb/2026-09-01..2026-09-30:2026-09"
#define KEY_C2 "usage:10/C2/gb/2026-09-01..2026-09-30:2026-09"

/* days: how long ago it came. */
static void put_usage(struct books *books, enum ledger_side side, const char *customer, const char *number,
                      const char *from, const char *to, const char *quantity, const char *unit)
{
	char data[1024];
	char origin[120] = "";
	if (side == SIDE_CLOUD)
		(void)snprintf(origin, sizeof origin, "\"origin\":\"10/usage/2026/%s\",", number);
	(void)snprintf(data, sizeof data,
	               "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"usage\",\"number\":\"%s%s\","
	               "\"year\":2026,\"period\":9,\"posting_date\":\"%s\",%s\"customer\":\"%s\","
	               "\"meter\":\"gb\",\"window_start\":\"%s\",\"window_end\":\"%s\",\"quantity\":\"%s\","
	               "\"unit\":\"%s\"}",
	               side == SIDE_CLOUD ? "B-" : "", number, to, origin, customer, from, to, quantity,
	               unit);
	books_put(books, side, data, 5, false, 1);
}

/* An invoice of the meter in the ERP, and the same in the cloud, so that its document agrees. */
static void put_invoice(struct books *books, const char *customer, const char *number, const char *from,
                        const char *to, const char *quantity, const char *unit)
{
	for (int side = 0; side < SIDE_COUNT; side++) {
		char data[1400];
		char origin[120] = "";
		if (side == SIDE_CLOUD)
			(void)snprintf(origin, sizeof origin, "\"origin\":\"10/invoice/2026/%s\",", number);
		(void)snprintf(
		    data, sizeof data,
		    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"invoice\",\"number\":\"%s%s\","
		    "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-30\",\"currency\":\"EUR\",%s"
		    "\"customer\":\"%s\",\"due_date\":\"2026-10-30\",\"net\":\"1.00\",\"tax\":\"0.00\","
		    "\"gross\":\"1.00\",\"service_start\":\"%s\",\"service_end\":\"%s\",\"lines\":["
		    "{\"line\":\"1\",\"account\":\"4000\",\"net\":\"1.00\",\"item\":\"gb\",\"quantity\":\"%"
		    "s\","
		    "\"unit\":\"%s\"}]}",
		    side == SIDE_CLOUD ? "B-" : "", number, origin, customer, from, to, quantity, unit);
		books_put(books, (enum ledger_side)side, data, 5, false, 1);
	}
}

/* September of one customer, at all three places; more: what the ERP invoiced. */
static void put_september(struct books *books, const char *customer, const char *quantity,
                          const char *invoiced)
{
	char number[32];
	for (int side = 0; side < SIDE_COUNT; side++) {
		(void)snprintf(number, sizeof number, "U-%s", customer);
		put_usage(books, (enum ledger_side)side, customer, number, "2026-09-01", "2026-09-30",
		          quantity, "GB");
	}
	(void)snprintf(number, sizeof number, "RU-%s", customer);
	if (invoiced)
		put_invoice(books, customer, number, "2026-09-01", "2026-09-30", invoiced, "GB");
}

/* Past every grace, so that nothing waits. */
static void open_books(struct books *books)
{
	books_open(books, NULL);
	books->options.at_ns = (FIXTURE_TODAY + 60) * FIXTURE_DAY_NS;
	books_pair(books, 1, 10000, 0);
}

/* A member of the line of this key. */
static void member(struct books *books, const char *key, const char *name, char value[80])
{
	char wanted[460];
	const char *text = buf_cstr(&books->files[RUN_FILE_USAGE]);
	(void)snprintf(wanted, sizeof wanted, "\"key\":\"%s\"", key);
	const char *at = strstr(text, wanted);
	if (!at)
		fail_msg("no %s in\n%s", key, text);
	while (at > text && at[-1] != '\n')
		at--;
	(void)snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
	at = strstr(at, wanted);
	assert_non_null(at);
	at += strlen(wanted);
	(void)snprintf(value, 80, "%.*s", (int)strcspn(at, "\""), at);
}

/* Somebody accepts the window as the last comparison showed it. */
static void accept(struct books *books, const char *key)
{
	char class_[80];
	char digest[80];
	member(books, key, "class", class_);
	member(books, key, "digest", digest);
	assert_int_equal(strlen(digest), 64);
	books->accepted_key = key;
	(void)snprintf(books->accepted_evidence, sizeof books->accepted_evidence, "%s %s 0 0 %s", class_,
	               class_, digest);
}

static void expect_open(struct books *books, int64_t open, int64_t accepted)
{
	char told[120];
	books_compare_both(books, RUN_FILE_USAGE);
	books_verdict(books, open > 0       ? RUN_BREAKS
	                     : accepted > 0 ? RUN_RECONCILED_WITH_WARNINGS
	                                    : RUN_RECONCILED);
	assert_int_equal(books->outcome.usage_open, open);
	assert_int_equal(books->outcome.usage_accepted, accepted);
	/* Documents have their own counts. */
	assert_int_equal(books->outcome.open, 0);
	assert_int_equal(books->outcome.accepted, 0);
	(void)snprintf(told, sizeof told, "\"open\":%d,\"rows\":", (int)open);
	assert_true(books_says(books, RUN_FILE_RUN, told));
	(void)snprintf(told, sizeof told, "\"usage\":{\"accepted\":%d,", (int)accepted);
	assert_true(books_says(books, RUN_FILE_RUN, told));
}

static void accepted_is_a_warning(void **state)
{
	struct books books;
	(void)state;
	open_books(&books);
	put_september(&books, "C1", "100", "101");
	put_september(&books, "C2", "7", "7");
	expect_open(&books, 1, 0);
	assert_true(books_says(&books, RUN_FILE_USAGE, "\"owner\":\"policy\""));
	assert_true(books_says(&books, RUN_FILE_USAGE, "\"state\":\"open\""));
	assert_true(books_says(&books, RUN_FILE_RUN, "1 window of usage does not agree three ways"));
	accept(&books, KEY_C1);
	expect_open(&books, 0, 1);
	assert_true(
	    books_says(&books, RUN_FILE_USAGE,
	               "{\"accepted\":{\"at\":\"2026-10-01T10:00:00.000Z\",\"by\":\"anna\",\"reason\":"
	               "\"known\",\"second\":\"\",\"status\":\"erp_differs\"},\"billing\":\"100\","));
	assert_true(books_says(&books, RUN_FILE_USAGE, "\"state\":\"accepted\""));
	assert_true(books_says(&books, RUN_FILE_RUN, "1 usage window was accepted"));
	books_close(&books);
}

static void a_decision_is_of_one_window(void **state)
{
	struct books books;
	(void)state;
	open_books(&books);
	/* The same quantities: the same digest, and another key. */
	put_september(&books, "C1", "100", "101");
	put_september(&books, "C2", "100", "101");
	expect_open(&books, 2, 0);
	accept(&books, KEY_C1);
	expect_open(&books, 1, 1);
	assert_true(books_says(&books, RUN_FILE_RUN, "\"verdict\":{\"name\":\"breaks\""));
	/* Nor is it of the usage's own documents, or of the invoice's. */
	books.accepted_evidence[0] = 0;
	books.accepted_key = "compare:10/usage/2026/U-C1:2026-09";
	expect_open(&books, 2, 0);
	books.accepted_key = "compare:10/invoice/2026/RU-C1:2026-09";
	expect_open(&books, 2, 0);
	books_close(&books);
}

/* Each change by itself, after the window was accepted: first as it was, then changed. */
static void what_changes_is_open_again(void **state)
{
	static const struct {
		const char *source, *billing, *erp; /* of September; NULL: not there */
		const char *unit;                   /* the ERP's */
		const char *to;                     /* last day of source and billing */
		int64_t open;
	} changes[] = {{"100", "100", "101", "GB", "2026-09-30", 0},      /* as it was */
	               {"100.0", "100", "101.00", "GB", "2026-09-30", 0}, /* other digits are no change */
	               {"100", "100", "102", "GB", "2026-09-30", 1},      /* what was invoiced */
	               {"99", "99", "101", "GB", "2026-09-30", 1},        /* the other two */
	               {"100", "99", "101", "GB", "2026-09-30", 1},       /* class billing_differs */
	               {"100", NULL, "101", "GB", "2026-09-30", 1},       /* class missing_billing */
	               {"100", "100", NULL, "GB", "2026-09-30", 1},       /* class missing_erp */
	               {"100", "100", "101", "MB", "2026-09-30", 1},      /* class unit_differs */
	               {"100", "100", "101", "GB", "2026-09-29", 2}};     /* other days: two windows */
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct books books;
		open_books(&books);
		put_september(&books, "C1", "100", "101");
		books_compare_both(&books, RUN_FILE_USAGE);
		accept(&books, KEY_C1);
		char evidence[256];
		(void)snprintf(evidence, sizeof evidence, "%s", books.accepted_evidence);
		books_close(&books);

		open_books(&books);
		books.accepted_key = KEY_C1;
		(void)snprintf(books.accepted_evidence, sizeof books.accepted_evidence, "%s", evidence);
		put_usage(&books, SIDE_LEGACY, "C1", "U-C1", "2026-09-01", changes[i].to, changes[i].source,
		          "GB");
		if (changes[i].billing)
			put_usage(&books, SIDE_CLOUD, "C1", "U-C1", "2026-09-01", changes[i].to,
			          changes[i].billing, "GB");
		if (changes[i].erp)
			put_invoice(&books, "C1", "RU-C1", "2026-09-01", "2026-09-30", changes[i].erp,
			            changes[i].unit);
		books_compare_both(&books, RUN_FILE_USAGE);
		if (books.outcome.usage_open != changes[i].open)
			fail_msg("change %zu: %lld open\n%s", i, (long long)books.outcome.usage_open,
			         buf_cstr(&books.files[RUN_FILE_USAGE]));
		assert_int_equal(books.outcome.usage_accepted, changes[i].open == 0);
		books_verdict(&books, changes[i].open > 0 ? RUN_BREAKS : RUN_RECONCILED_WITH_WARNINGS);
		books_close(&books);
	}
}

/* A window of several units shows the sum of one of them alone. */
static void a_quantity_that_no_sum_shows_counts(void **state)
{
	static const char *const others[] = {"5", "5.0", "6"};
	struct books books;
	char evidence[256] = "";
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		open_books(&books);
		put_september(&books, "C1", "100", "100");
		put_invoice(&books, "C1", "RU-2", "2026-09-01", "2026-09-30", others[i], "MB");
		if (i > 0) {
			books.accepted_key = KEY_C1;
			(void)snprintf(books.accepted_evidence, sizeof books.accepted_evidence, "%s",
			               evidence);
		}
		expect_open(&books, i != 1, i == 1);
		if (i == 0) {
			accept(&books, KEY_C1);
			(void)snprintf(evidence, sizeof evidence, "%s", books.accepted_evidence);
		}
		books_close(&books);
	}
}

/* Where the class stays, and one thing alone changes: the unit of all three places, or what was metered of a window
 * that billing does not have. */
static void each_part_counts_alone(void **state)
{
	static const struct {
		const char *quantity, *unit;
		bool billed;
		int64_t accepted;
	} steps[] = {{"100", "GB", true, 0},
	             {"100", "MB", true, 0},
	             {"100", "GB", false, 0},
	             {"99", "GB", false, 0},
	             {"99", "GB", false, 1}};
	struct books books;
	char evidence[256] = "";
	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		open_books(&books);
		put_usage(&books, SIDE_LEGACY, "C1", "U-C1", "2026-09-01", "2026-09-30", steps[i].quantity,
		          steps[i].unit);
		if (steps[i].billed)
			put_usage(&books, SIDE_CLOUD, "C1", "U-C1", "2026-09-01", "2026-09-30",
			          steps[i].quantity, steps[i].unit);
		put_invoice(&books, "C1", "RU-C1", "2026-09-01", "2026-09-30", "101", steps[i].unit);
		books.accepted_key = evidence[0] ? KEY_C1 : NULL;
		(void)snprintf(books.accepted_evidence, sizeof books.accepted_evidence, "%s", evidence);
		books_compare_both(&books, RUN_FILE_USAGE);
		assert_int_equal(books.outcome.usage_accepted, steps[i].accepted);
		assert_int_equal(books.outcome.usage_open, 1 - steps[i].accepted);
		accept(&books, KEY_C1);
		(void)snprintf(evidence, sizeof evidence, "%s", books.accepted_evidence);
		books_close(&books);
	}
}

/* What is not yet due is nothing to decide about, and what agrees neither. */
static void what_waits_has_no_state(void **state)
{
	struct books books;
	(void)state;
	open_books(&books);
	books.options.at_ns = (FIXTURE_TODAY + 5) * FIXTURE_DAY_NS;
	put_september(&books, "C1", "100", NULL);
	put_september(&books, "C2", "7", "7");
	books.accepted_key = KEY_C1; /* whatever the evidence */
	books_compare_both(&books, RUN_FILE_USAGE);
	books_verdict(&books, RUN_RECONCILED_WITH_PENDING);
	assert_false(books_says(&books, RUN_FILE_USAGE, "\"state\""));
	assert_false(books_says(&books, RUN_FILE_USAGE, "\"key\""));
	assert_true(books_says(&books, RUN_FILE_RUN, "\"open\":0,\"rows\":2,\"waiting\":1"));
	books.options.at_ns = (FIXTURE_TODAY + 60) * FIXTURE_DAY_NS;
	expect_open(&books, 0, 1);
	books_close(&books);
}

/* A gap is seen by the windows around it; it is of the month of its last day, October, and so it is in every scope that
 * has October. */
static void a_narrow_scope_says_the_same(void **state)
{
	static const char gap[] = "usage:10/C1/gb/2026-09-01..2026-10-14:2026-10";
	struct books books;
	(void)state;
	open_books(&books);
	for (int side = 0; side < SIDE_COUNT; side++) {
		put_usage(&books, (enum ledger_side)side, "C1", "U-8", "2026-08-01", "2026-08-31", "1", "GB");
		put_usage(&books, (enum ledger_side)side, "C1", "U-10", "2026-10-15", "2026-11-14", "1",
		          "GB");
	}
	put_invoice(&books, "C1", "RU-8", "2026-08-01", "2026-08-31", "1", "GB");
	put_invoice(&books, "C1", "RU-10", "2026-10-15", "2026-11-14", "1", "GB");
	for (int pass = 0; pass < 2; pass++) {
		for (int month = 8; month <= 11; month++) {
			books.options.scope.from = books.options.scope.to = 202600 + month;
			books_compare_both(&books, RUN_FILE_USAGE);
			assert_int_equal(books.outcome.usage_open, month == 10 && pass == 0);
			assert_int_equal(books.outcome.usage_accepted, month == 10 && pass == 1);
			assert_int_equal(books_says(&books, RUN_FILE_USAGE, gap), month == 10);
		}
		books.options.scope.from = books.options.scope.to = 0;
		expect_open(&books, pass == 0, pass == 1);
		accept(&books, gap);
	}
	books_close(&books);
}

/* The last day of the window is not clean, and the company is not ready, until somebody has accepted it. */
static void readiness_knows_it(void **state)
{
	struct books books;
	(void)state;
	open_books(&books);
	books.options.clean_days_needed = 1;
	put_september(&books, "C1", "100", "101");
	books.options.at_ns = (FIXTURE_TODAY + 60) * FIXTURE_DAY_NS;
	expect_open(&books, 1, 0);
	/* From the day after the window to the cut: FIXTURE_TODAY is 2 October, 60 days on 1 December. */
	assert_true(books_says(&books, RUN_FILE_RUN, "\"readiness\":[{\"clean_days\":62,"));
	assert_true(books_says(&books, RUN_FILE_RUN, "\"ready\":false"));
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"why\":[\"1 window of usage does not agree three ways\"]"));
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"clean\":false,\"date\":\"2026-09-30\",\"documents\":"));
	accept(&books, KEY_C1);
	expect_open(&books, 0, 1);
	assert_true(books_says(&books, RUN_FILE_RUN, "\"ready\":true"));
	/* From the first day of the first period. */
	assert_true(books_says(&books, RUN_FILE_RUN, "\"readiness\":[{\"clean_days\":92,"));
	assert_true(
	    books_says(&books, RUN_FILE_RUN, "\"clean\":true,\"date\":\"2026-09-30\",\"documents\":"));
	books_close(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepted_is_a_warning),
	    cmocka_unit_test(a_decision_is_of_one_window),
	    cmocka_unit_test(what_changes_is_open_again),
	    cmocka_unit_test(a_quantity_that_no_sum_shows_counts),
	    cmocka_unit_test(each_part_counts_alone),
	    cmocka_unit_test(what_waits_has_no_state),
	    cmocka_unit_test(a_narrow_scope_says_the_same),
	    cmocka_unit_test(readiness_knows_it),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
