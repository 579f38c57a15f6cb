/*
 * comparison_trouble_test.c - a ledger that fails, is damaged or gone: what the comparison does not know, it says.
 *
 * Why:   whatever happens to the ledger, the postings must go on, and the comparison must say what it does not know.
 * Owns:  the desk of each test.
 * Runs in: the test suite.
 * Tests: firmware/comparison.c
 */
#include "tests/unit/comparison_fixture.h"

#include <sqlite3.h>

#define RETRY_SECONDS 31
#define CLOUD_SUBJECT "00001/invoice/2024/CL-1"
#define SOURCE_TEXT   SPAN_LITERAL("source urn:cloud:1\nnext 2\nconflicts 0\n")

static int faulty_set_up(void **state)
{
	*state = desk_new((fault_vfs_plan(), FAULT_VFS_NAME));
	return 0;
}

/* The cloud's invoice for the ERP's RI-1, over 119.00. */
static enum err post_invoice(struct desk *desk, int64_t revision)
{
	struct posting_event event = {.known = true, .type = DOCUMENT_INVOICE, .revision = revision};
	struct document *document = &desk->bench->document;
	assert_true(text_copy(event.subject, sizeof event.subject, SPAN_LITERAL(CLOUD_SUBJECT)));
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_header(document, HEADER_NUMBER, "CL-1");
	sample_set_header(document, HEADER_ORIGIN, "00001/invoice/2024/RI-1");
	return comparison_posting(desk->comparison, &event, document, &desk->bench->info);
}

static enum err keep_state(struct desk *desk)
{
	return comparison_keep(desk->comparison, "cloud-source 0", SOURCE_TEXT, &desk->bench->info);
}

static enum err read_state(struct desk *desk, struct buf *text)
{
	return comparison_state(desk->comparison, "cloud-source 0", text, &desk->bench->info);
}

static void postings_go_with_the_commit(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	struct buf text;
	buf_init(&text, 8192);
	settle(desk);
	bench_begin(bench);
	assert_int_equal(read_state(desk, &text), ERR_NOT_FOUND);
	bench_must(bench, post_invoice(desk, 1));
	bench_must(bench, keep_state(desk));
	bench_roll_back(bench);
	comparison_rolled_back(desk->comparison);
	assert_int_equal(ledger_count(ledger_of(desk), SIDE_CLOUD), 0);
	bench_begin(bench);
	bench_must(bench, post_invoice(desk, 1));
	bench_must(bench, keep_state(desk));
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	/* It stands already: the store's commit comes after. */
	bench_roll_back(bench);
	comparison_rolled_back(desk->comparison);
	assert_int_equal(ledger_count(ledger_of(desk), SIDE_CLOUD), 1);
	bench_must(bench, read_state(desk, &text));
	assert_string_equal(buf_cstr(&text), SOURCE_TEXT.data);
	/* The same again is no arrival; another content of this revision is a contradiction. */
	bench_must(bench, post_invoice(desk, 1));
	assert_int_equal(ledger_last(ledger_of(desk), SIDE_CLOUD), 1);
	sample_set_amount(&bench->document, INVOICE_GROSS, "120.00");
	struct posting_event event = {.known = true, .type = DOCUMENT_INVOICE, .revision = 1};
	assert_true(text_copy(event.subject, sizeof event.subject, SPAN_LITERAL(CLOUD_SUBJECT)));
	assert_int_equal(comparison_posting(desk->comparison, &event, &bench->document, &bench->info),
	                 ERR_CONFLICT);
	assert_non_null(comparison_ledger(desk->comparison));
	buf_release(&text);
}

/* ---- operations that fail ---- */

static void expect_whole(struct desk *desk)
{
	assert_int_equal(legacy_count(desk), 4);
	assert_int_equal(ledger_last(ledger_of(desk), SIDE_LEGACY), 4);
	assert_int_equal(stream_mark(desk), bench_stream(desk->bench)->committed_sequence);
	assert_int_equal(mark_of(desk, "lost"), -1);
	assert_int_equal(left_out_count(desk), 0);
	assert_true(ledger_complete(ledger_of(desk)));
}

/* At the n-th operation of the ledger's file the disk fails, for a while. */
static int fail_at(struct desk *desk, int n, int length, int code, bool half)
{
	struct fault_plan *plan = fault_vfs_plan();
	comparison_free(desk->comparison);
	(void)unlink(desk->ledger);
	char log[300];
	(void)snprintf(log, sizeof log, "%s-wal", desk->ledger);
	(void)unlink(log);
	*plan = (struct fault_plan){.at = n, .length = length, .code = code, .half = half};
	desk_open(desk);
	for (int i = 0; i < 3; i++) {
		desk_step(desk);
		desk->bench->store.hal.mono_ns += RETRY_SECONDS * NS_PER_S;
	}
	int failed = plan->failed;
	*plan = (struct fault_plan){0};
	desk->bench->store.hal.mono_ns += RETRY_SECONDS * NS_PER_S;
	settle(desk);
	expect_whole(desk);
	return failed;
}

static void a_disk_that_fails_anywhere(void **state)
{
	static const struct {
		int length;
		int code;
		bool half;
	} plans[] = {{1, SQLITE_IOERR_WRITE, false}, {1, SQLITE_FULL, true}, {6, SQLITE_IOERR_WRITE, true}};
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 4);
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		int n = 1;
		while (fail_at(desk, n, plans[i].length, plans[i].code, plans[i].half) > 0)
			n++;
		assert_true(n > 20);
	}
}

/* The next commit of the ledger fails. */
static void break_commit(void)
{
	*fault_vfs_plan() =
	    (struct fault_plan){.at = 1, .length = 1, .code = SQLITE_IOERR_FSYNC, .syncs = true};
}

static void trouble_is_raised_and_ends(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	settle(desk);
	tell(desk);
	bench_journals(bench, 1, 1);
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	break_commit();
	desk_step(desk);
	assert_int_equal(desk->due_ns, desk_now(desk) + 30 * NS_PER_S);
	assert_true(comparison_has_news(desk->comparison));
	/* The transaction that tells of it is lost, and it is told again. */
	bench_begin(bench);
	bench_must(bench, comparison_tell(desk->comparison, &bench->info));
	bench_roll_back(bench);
	comparison_rolled_back(desk->comparison);
	tell(desk);
	struct exception_search found = search_exceptions(desk, "ledger-failed");
	assert_int_equal(found.open, 1);
	assert_non_null(strstr(found.text, "disk I/O error"));
	pass_seconds(desk, RETRY_SECONDS);
	assert_int_equal(legacy_count(desk), 1);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 0);
	/* One that the process before left is cleared by the first commit. */
	bench_journals(bench, 2, 2);
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	break_commit();
	desk_step(desk);
	bench_begin(bench);
	bench_must(bench, comparison_tell(desk->comparison, &bench->info));
	bench_commit(bench);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 1);
	desk_restart(desk);
	settle(desk);
	tell(desk);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 0);
}

/* Where the ledger cannot be opened, a busy cloud must not put off the next try for ever. */
static void postings_do_not_put_off_the_opening(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	settle(desk);
	comparison_free(desk->comparison);
	*fault_vfs_plan() =
	    (struct fault_plan){.at = 1, .length = 1000, .code = SQLITE_IOERR_WRITE, .reads = true};
	desk_open(desk);
	assert_null(comparison_ledger(desk->comparison));
	*fault_vfs_plan() = (struct fault_plan){0};
	for (int second = 0; second < 30; second++) {
		assert_int_equal(post_invoice(desk, 1), ERR_AGAIN);
		assert_int_equal(keep_state(desk), ERR_AGAIN);
		desk_step(desk);
		assert_null(comparison_ledger(desk->comparison));
		bench->store.hal.mono_ns += NS_PER_S;
	}
	desk_step(desk);
	bench_must(bench, post_invoice(desk, 1));
}

static void sources_of_the_cloud_go_with_the_store(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	settle(desk);
	bench_begin(bench);
	sample_make_invoice(&bench->document, DOCUMENT_INVOICE);
	bench_must(bench,
	           comparison_document(desk->comparison, "cloud-ledger", &bench->document, &bench->info));
	break_commit();
	/* The position behind the document is in the store's transaction: it must not be kept. */
	assert_int_equal(comparison_before_commit(desk->comparison, &bench->info), ERR_AGAIN);
	assert_non_null(strstr(bench->info.text, "disk I/O error"));
	bench_roll_back(bench);
	comparison_rolled_back(desk->comparison);
	bench_begin(bench);
	bench_must(bench,
	           comparison_document(desk->comparison, "cloud-ledger", &bench->document, &bench->info));
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	bench_commit(bench);
	assert_int_equal(ledger_count(ledger_of(desk), SIDE_CLOUD), 1);
	/* A posting that is lost so needs no such thing: it is not receipted, and comes again. */
	bench_begin(bench);
	bench_must(bench, post_invoice(desk, 1));
	break_commit();
	bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
	bench_commit(bench);
	assert_int_equal(ledger_count(ledger_of(desk), SIDE_CLOUD), 1);
}

/* ---- damage ---- */

static void acknowledge(struct desk *desk, int64_t id)
{
	struct bench *bench = desk->bench;
	struct exception_search found = search_exceptions(desk, "ledger-damaged");
	bench_begin(bench);
	bench_must(bench, store_exception_mark(bench->store.store, id, true, SPAN_LITERAL("anna"),
	                                       SPAN_LITERAL("posted again"), 7, &bench->info));
	bench_must(bench, recorder_clear(&bench->recorder, SPAN_LITERAL("ledger-damaged"),
	                                 SPAN_LITERAL("ledger"), span_of(found.key), &bench->info));
	bench_commit(bench);
	settle(desk);
}

/* The text that makes comparisons incomplete. */
static bool has_begun_anew(struct desk *desk)
{
	struct buf text;
	buf_init(&text, 64);
	enum err err = ledger_text(ledger_of(desk), LEDGER_TEXT_BEGUN, &text, &desk->bench->info);
	bool anew = err == ERR_OK && text.len > 0;
	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	buf_release(&text);
	return anew;
}

static int damaged_files(struct desk *desk)
{
	int count = 0;
	DIR *directory = opendir(desk->bench->store.directory);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		count += strstr(entry->d_name, ".damaged-") != NULL &&
		         strstr(entry->d_name, "-wal") == NULL && strstr(entry->d_name, "-shm") == NULL;
	(void)closedir(directory);
	return count;
}

static void garbage_is_put_aside(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 3);
	settle(desk);
	tell(desk);
	assert_false(has_begun_anew(desk)); /* the first of all takes nobody's place */
	comparison_free(desk->comparison);
	FILE *file = fopen(desk->ledger, "w");
	assert_true(file && fputs("this was a ledger, and now it is something else altogether", file) > 0 &&
	            fclose(file) == 0);
	desk_open(desk);
	settle(desk);
	assert_int_equal(damaged_files(desk), 1);
	assert_int_equal(legacy_count(desk), 3);
	assert_true(has_begun_anew(desk));
	tell(desk);
	struct exception_search found = search_exceptions(desk, "ledger-damaged");
	assert_int_equal(found.open, 1);
	assert_non_null(strstr(found.text, "have the middleware post everything again"));
	/* It stays so, also over starts, until someone has seen to it. */
	desk_restart(desk);
	settle(desk);
	tell(desk);
	assert_int_equal(search_exceptions(desk, "ledger-damaged").open, 1);
	assert_true(has_begun_anew(desk));
	acknowledge(desk, found.id);
	assert_false(has_begun_anew(desk));
	desk_restart(desk);
	settle(desk);
	tell(desk);
	assert_false(has_begun_anew(desk));
	assert_int_equal(search_exceptions(desk, "ledger-damaged").open, 0);
}

/* Runs SQL on the closed ledger. */
static void change_file(struct desk *desk, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(desk->ledger, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_row_that_is_damaged(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	bench_journals(bench, 1, 3);
	settle(desk);
	tell(desk);
	comparison_free(desk->comparison);
	change_file(desk, "UPDATE documents SET total = total + 1 WHERE subject LIKE '%/2'");
	desk_open(desk);
	settle(desk);
	tell(desk);
	/* Asking for its outcome has found it. */
	assert_int_equal(damaged_files(desk), 1);
	assert_int_equal(legacy_count(desk), 3);
	assert_true(has_begun_anew(desk));
	assert_int_equal(search_exceptions(desk, "ledger-damaged").open, 1);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 0);
	struct ledger_document document;
	assert_true(find_legacy(desk, "00001/journal/2024/2", &document) && document.total == 1000);
}

static void damage_sums(struct desk *desk, int number)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(desk->ledger, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE sums SET count = count + 1", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	bench_journals(desk->bench, number, number);
	settle(desk);
}

/* Files that are put aside take room: what finds damage again and again finds another. */
static void damage_again_and_again(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 3);
	settle(desk);
	tell(desk);
	damage_sums(desk, 4);
	assert_int_equal(damaged_files(desk), 1);
	pass_seconds(desk, 60);
	assert_int_equal(legacy_count(desk), 4);
	damage_sums(desk, 5);
	assert_null(comparison_ledger(desk->comparison));
	pass_seconds(desk, 500);
	assert_null(comparison_ledger(desk->comparison));
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 1);
	pass_seconds(desk, 60);
	assert_int_equal(damaged_files(desk), 2);
	assert_int_equal(legacy_count(desk), 5);
	assert_int_equal(search_exceptions(desk, "ledger-failed").open, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(postings_go_with_the_commit),
	    cmocka_unit_test_setup_teardown(a_disk_that_fails_anywhere, faulty_set_up, desk_tear_down),
	    cmocka_unit_test_setup_teardown(trouble_is_raised_and_ends, faulty_set_up, desk_tear_down),
	    cmocka_unit_test_setup_teardown(postings_do_not_put_off_the_opening, faulty_set_up,
	                                    desk_tear_down),
	    cmocka_unit_test_setup_teardown(sources_of_the_cloud_go_with_the_store, faulty_set_up,
	                                    desk_tear_down),
	    WITH(garbage_is_put_aside),
	    WITH(a_row_that_is_damaged),
	    WITH(damage_again_and_again),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
