/*
 * compare_cut_test.c - the agent's ledger, compared by other rules than its own.
 *
 * Why:   rules are mended and tried while the agent has the former ones, or is still on its way to these.
 * Owns:  a ledger and a folder of rules in a temporary folder.
 * Rules: none.
 * Runs in: tests.
 * Tests: tools/twinpost/compare_cut.c
 */
#include <unistd.h>

#include "tests/unit/run_fixture.h"
#include "tools/twinpost/compare_cut.h"

static void put_journal(struct books *books, enum ledger_side side, const char *entity, const char *more)
{
	char data[600];
	(void)snprintf(data, sizeof data,
	               "{\"entity\":\"%s\",\"source_system\":\"x\",\"type\":\"journal\",\"number\":\"1\","
	               "\"year\":2026,\"period\":9,\"posting_date\":\"2026-09-15\",\"currency\":\"EUR\",%s"
	               "\"lines\":[{\"line\":\"1\",\"account\":\"1\",\"amount\":\"5.00\"},"
	               "{\"line\":\"2\",\"account\":\"2\",\"amount\":\"-5.00\"}]}",
	               entity, more);
	books_put(books, side, data, 5, false, 1);
}

/* The scope names a company of the cloud, as these rules map it; so does the reference. */
static void other_rules_make_other_companies(void **state)
{
	char folder[] = "/tmp/compare_cut_test.XXXXXX";
	char path[64];
	char file[64];
	struct books books;
	struct ledger_opening opening;
	struct err_info info = {.text = ""};
	struct compare_cut cut;
	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/ledger.db", folder);
	(void)snprintf(file, sizeof file, "%s/entity.csv", folder);
	FILE *rules = fopen(file, "we");
	assert_non_null(rules);
	(void)fputs("entity,from,to,valid_from,valid_to,note\n*,10,1000,,,\n*,20,2000,,,\n", rules);
	(void)fclose(rules);
	books_open(&books, NULL);
	ledger_close(books.ledger);
	assert_int_equal(ledger_open(NULL, path, LEDGER_WRITE, &books.ledger, &opening, &info), ERR_OK);
	books.projector.ledger = books.ledger;
	assert_int_equal(ledger_begin(books.ledger, &info), ERR_OK);
	assert_int_equal(project_use_rules(&books.projector, NULL, &info), ERR_OK);
	put_journal(&books, SIDE_LEGACY, "10", "");
	put_journal(&books, SIDE_CLOUD, "1000", "\"reference\":\"1\",");
	put_journal(&books, SIDE_LEGACY, "20", "");
	assert_int_equal(ledger_commit(books.ledger, &info), ERR_OK);
	const struct options options = {.ledger = path, .rules = folder, .entity = "1000"};
	assert_int_equal(compare_cut_open(&cut, &options), CLI_OK);
	assert_true(cut.run.full);
	assert_ptr_equal(cut.ledger, cut.temporary);
	struct ledger *own = books.ledger;
	books.ledger = cut.ledger;
	books.rules = cut.rules;
	books.options.scope = cut.run.scope;
	books_compare(&books);
	books_verdict(&books, RUN_RECONCILED);
	assert_int_equal(books.outcome.statuses[RUN_MATCHED], 1);
	books.ledger = own;
	books.rules = NULL;
	compare_cut_close(&cut);
	const struct options same = {.ledger = path};
	assert_int_equal(compare_cut_open(&cut, &same), CLI_OK);
	assert_ptr_equal(cut.ledger, cut.agent);
	compare_cut_close(&cut);
	books_close(&books);
	(void)unlink(file);
	(void)unlink(path);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(other_rules_make_other_companies),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
