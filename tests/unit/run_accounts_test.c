/*
 * run_accounts_test.c - the ERP's accounts behind those of the trial balances.
 *
 * Why:   who signs a balance looks for the accounts that it names.
 * Owns:  nothing.
 * Rules: every case runs with fingerprints and in full; both must write the same balances, byte for byte.
 * Runs in: tests.
 * Tests: connector/compare/run_accounts.c
 */
#include "tests/unit/rules_fixture.h"
#include "tests/unit/run_fixture.h"

static void open_with(struct books *books, const char *accounts, const char *entities)
{
	struct made_rules made = rules_begin();
	rules_put(&made, "account", accounts);
	if (entities)
		rules_put(&made, "entity", entities);
	rules_end(&made);
	assert_true(made.good);
	free(made.problems);
	books_open(books, made.rules);
}

static void put_text(struct buf *data, const char *field, const char *text)
{
	if (text[0])
		buf_printf(data, "\"%s\":\"%s\",", field, text);
}

/* One amount from the account to account 2; origin and posting (a date) may be "". */
static void post(struct books *books, enum ledger_side side, const char *entity, const char *number,
                 const char *origin, int period, const char *posting, const char *account)
{
	struct buf data;
	buf_init(&data, 4096);
	buf_append_text(&data, "{\"type\":\"journal\",\"source_system\":\"x\",\"currency\":\"EUR\",");
	put_text(&data, "entity", entity);
	put_text(&data, "number", number);
	put_text(&data, "origin", origin);
	put_text(&data, "posting_date", posting);
	buf_printf(&data, "\"year\":2026,\"period\":%d,\"lines\":[", period);
	buf_printf(&data, "{\"line\":\"1\",\"account\":\"%s\",\"amount\":\"5.00\"},", account);
	buf_append_text(&data, "{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-5.00\"}]}");
	books_put(books, side, buf_cstr(&data), 5, false, 1);
	buf_release(&data);
}

/* What stands beside the account in this period; there must be one such balance. */
static void assert_behind(struct books *books, const char *account, const char *period, const char *expected)
{
	char begin[100], end[100];
	const char *line = buf_cstr(&books->files[RUN_FILE_BALANCES]);
	(void)snprintf(begin, sizeof begin, "{\"account\":\"%s\",\"account_legacy\":\"", account);
	(void)snprintf(end, sizeof end, "\"period\":\"%s\"", period);
	for (; *line != 0; line = strchr(line, '\n') + 1) {
		const char *stop = strchr(line, '\n');
		const char *found = strstr(line, end);
		if (strncmp(line, begin, strlen(begin)) != 0 || !found || found > stop)
			continue;
		const char *text = line + strlen(begin);
		size_t len = (size_t)(strchr(text, '"') - text);
		if (len != strlen(expected) || memcmp(text, expected, len) != 0)
			fail_msg("%s in %s: %.*s, not %s", account, period, (int)len, text, expected);
		return;
	}
	fail_msg("no balance of %s in %s:\n%s", account, period, buf_cstr(&books->files[RUN_FILE_BALANCES]));
}

/* Two accounts become one; a third one does so on days on which nothing was posted. */
static void accounts_that_became_one(void **state)
{
	struct books books;
	(void)state;
	open_with(&books,
	          MAPPING_HEADER "*,1,C1,,,\n*,11,C1,,,\n*,12,C1,2026-09-17,,\n10,11,C3,,2026-08-31,\n"
	                         "*,2,=,,,\n",
	          NULL);
	post(&books, SIDE_LEGACY, "10", "1", "", 9, "2026-09-15", "1");
	post(&books, SIDE_CLOUD, "10", "G1", "10/journal/2026/1", 9, "2026-09-16", "C1");
	post(&books, SIDE_LEGACY, "10", "2", "", 10, "2026-10-01", "12");
	post(&books, SIDE_CLOUD, "10", "G2", "10/journal/2026/2", 10, "2026-10-01", "C9");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-09", "1 11");
	assert_behind(&books, "C1", "2026-10", "1 11 12");
	assert_behind(&books, "2", "2026-09", "2");
	assert_behind(&books, "C9", "2026-10", "");
	books_close(&books);
}

/* The days are those of the postings: of a year that begins in October, of period 13, over a change of a mapping. */
static void days_are_those_of_the_postings(void **state)
{
	struct books books;
	(void)state;
	open_with(&books,
	          MAPPING_HEADER "*,old,C1,,2025-12-31,\n*,new,C1,2026-01-01,2026-09-29,\n"
	                         "*,newest,C1,2026-09-30,,\n*,2,2,,,\n",
	          NULL);
	post(&books, SIDE_LEGACY, "10", "1", "", 1, "2025-10-31", "old");
	post(&books, SIDE_LEGACY, "10", "2", "", 3, "2025-12-31", "old");
	post(&books, SIDE_LEGACY, "10", "3", "", 3, "2026-01-02", "new");
	post(&books, SIDE_LEGACY, "10", "4", "", 13, "2026-09-30", "newest");
	post(&books, SIDE_CLOUD, "10", "G4", "10/journal/2026/4", 13, "2026-09-30", "C1");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-01", "old");
	assert_behind(&books, "C1", "2026-03", "new old");
	assert_behind(&books, "C1", "2026-13", "newest");
	books_close(&books);
}

/* One that has no day may be of any, before 1970 and after today; another company's days are its own. */
static void a_journal_without_a_day(void **state)
{
	struct books books;
	(void)state;
	open_with(&books,
	          MAPPING_HEADER "*,old,C1,,1969-12-31,\n*,now,C1,1970-01-01,2026-12-31,\n"
	                         "*,then,C1,2027-01-01,,\n*,2,2,,,\n",
	          NULL);
	post(&books, SIDE_LEGACY, "10", "1", "", 9, "2026-09-15", "now");
	post(&books, SIDE_LEGACY, "10", "2", "", 9, "", "now");
	post(&books, SIDE_LEGACY, "10", "3", "", 9, "2026-09-01", "now");
	post(&books, SIDE_CLOUD, "20", "G4", "", 8, "2026-08-15", "C1");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-09", "now old then");
	assert_behind(&books, "C1", "2026-08", "now");
	books_close(&books);
}

/* Two companies become one, each with accounts of its own. */
static void companies_that_became_one(void **state)
{
	struct books books;
	(void)state;
	open_with(&books, MAPPING_HEADER "1,10,C1,,,\n2,20,C1,,,\n3,30,C1,,,\n*,2,2,,,\n",
	          MAPPING_HEADER "*,1,DE,,,\n*,2,DE,,,\n*,3,=,,,\n");
	post(&books, SIDE_LEGACY, "1", "1", "", 9, "2026-09-15", "10");
	post(&books, SIDE_CLOUD, "DE", "G1", "1/journal/2026/1", 9, "2026-09-15", "C1");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-09", "10 20");
	books_close(&books);
}

/* Invoices add to what is no account, and taxes are no accounts; without account.csv every other one is its own. */
static void what_is_no_account(void **state)
{
	struct books books;
	(void)state;
	books_open(&books, NULL);
	books_pair(&books, 1, 10000, 0);
	post(&books, SIDE_LEGACY, "10", "1", "", 9, "2026-09-15", "4000");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "invoices", "2026-09", "");
	assert_behind(&books, "4000", "2026-09", "4000");
	assert_false(project_is_account(SPAN_LITERAL("credit memos")));
	assert_false(project_is_account(SPAN_LITERAL("payments")));
	assert_false(project_is_account(SPAN_LITERAL("\1V7\1"
	                                             "19")));
	assert_false(project_is_account((struct span){NULL, 0}));
	assert_true(project_is_account(SPAN_LITERAL("invoice")));
	books_close(&books);
}

/* Rules of another version than the ledger's sums: everything is made again, by the new ones. */
static void other_rules_than_the_ledgers(void **state)
{
	struct books books;
	(void)state;
	open_with(&books, MAPPING_HEADER "*,1,C1,,,\n*,2,2,,,\n", NULL);
	post(&books, SIDE_LEGACY, "10", "1", "", 9, "2026-09-15", "1");
	post(&books, SIDE_CLOUD, "10", "G1", "10/journal/2026/1", 9, "2026-09-15", "C1");
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-09", "1");
	struct rules *before = books.rules;
	struct made_rules made = rules_of("account", MAPPING_HEADER
	                                  "*,1,C1,,,\n*,7,C1,,2026-09-15,\n*,8,C1,2026-09-16,,\n*,2,2,,,\n");
	books.rules = made.rules;
	free(made.problems);
	books_compare_both(&books, RUN_FILE_BALANCES);
	assert_behind(&books, "C1", "2026-09", "1 7");
	rules_free(before);
	books_close(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accounts_that_became_one), cmocka_unit_test(days_are_those_of_the_postings),
	    cmocka_unit_test(a_journal_without_a_day),  cmocka_unit_test(companies_that_became_one),
	    cmocka_unit_test(what_is_no_account),       cmocka_unit_test(other_rules_than_the_ledgers),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
