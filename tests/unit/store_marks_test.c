/*
 * store_marks_test.c - what people say of exceptions, each change told once, stores of the version before; old
 *                      acknowledgements by the day.
 *
 * Why:   an exception in hand looks different from one nobody has seen; a box is updated with exceptions open.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{exceptions,exception_marks,schema,acks}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/schema.h"
#include "store_forward/store_internal.h"
#include "tests/unit/store_fixture.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

static void raise_text(struct test_store *test, const char *key, const char *text)
{
	bool fresh;
	const struct store_exception exception = {.rule = SPAN_LITERAL("r"),
	                                          .source = SPAN_LITERAL("erp"),
	                                          .key = span_of(key),
	                                          .text = span_of(text),
	                                          .raw = SPAN_LITERAL("raw"),
	                                          .first_ns = 1};
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
}

static void clear(struct test_store *test, const char *key)
{
	int cleared = 0;
	must(test, store_exception_clear(test->store, SPAN_LITERAL("r"), SPAN_LITERAL("erp"), span_of(key),
	                                 50, &cleared, &test->info));
	assert_int_equal(cleared, 1);
}

static enum err mark(struct test_store *test, int64_t id, bool acknowledged, const char *who,
                     const char *note)
{
	return store_exception_mark(test->store, id, acknowledged, span_of(who), span_of(note), 40,
	                            &test->info);
}

/* "id:key:open:acknowledged:who:note:text;" of each. */
struct shown {
	char text[2048];
	int64_t change;
	int64_t marked_ns;
	int64_t count;
	size_t who_bytes;
	size_t note_bytes;
};

static bool show(void *self, const struct store_exception *exception)
{
	struct shown *shown = self;
	size_t used = strlen(shown->text);
	snprintf(shown->text + used, sizeof shown->text - used, "%d:%.*s:%d:%d:%.*s:%.*s:%.*s;",
	         (int)exception->id, (int)exception->key.len, exception->key.data, exception->open,
	         exception->acknowledged, (int)exception->who.len,
	         exception->who.len ? exception->who.data : "", (int)exception->note.len,
	         exception->note.len ? exception->note.data : "", (int)exception->text.len,
	         exception->text.len ? exception->text.data : "");
	assert_true(exception->change > shown->change);
	shown->change = exception->change;
	shown->marked_ns = exception->marked_ns;
	shown->count = exception->count;
	shown->who_bytes = exception->who.len;
	shown->note_bytes = exception->note.len;
	return true;
}

static struct shown get(struct test_store *test, int64_t id)
{
	struct shown shown = {.text = ""};
	must(test, store_exception_get(test->store, id, show, &shown, &test->info));
	return shown;
}

static struct shown changed(struct test_store *test, int64_t after, int limit)
{
	struct shown shown = {.text = ""};
	must(test, store_exceptions_changed(test->store, after, limit, show, &shown, &test->info));
	return shown;
}

/* A mark says who has it and why; a repeat and a clearing leave it, reopening takes the acknowledgement, not the
 * note. */
static void marks_live_as_long_as_they_should(void **state)
{
	struct test_store *test = *state;
	begin(test);
	raise_text(test, "k", "t");
	must(test, mark(test, 1, true, "anna", "on it"));
	raise_text(test, "k", "t");
	commit(test);
	test_store_reopen(test);
	struct shown shown = get(test, 1);
	assert_string_equal(shown.text, "1:k:1:1:anna:on it:t;");
	assert_int_equal(shown.marked_ns, 40);
	assert_int_equal(shown.count, 2);
	begin(test);
	must(test, mark(test, 1, false, "bert", "")); /* gives it back; the note stays */
	assert_string_equal(get(test, 1).text, "1:k:1:0:bert:on it:t;");
	store_rollback(test->store);
	begin(test);
	clear(test, "k");
	assert_string_equal(get(test, 1).text, "1:k:0:1:anna:on it:t;");
	assert_int_equal(mark(test, 1, true, "anna", "again"), ERR_CONFLICT);
	must(test, mark(test, 1, false, "bert", "was the rate"));
	raise_text(test, "k", "t");
	assert_string_equal(get(test, 1).text, "1:k:1:0:bert:was the rate:t;");
	must(test, mark(test, 1, true, "bert", ""));
	clear(test, "k");
	raise_text(test, "k", "t");
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_string_equal(get(test, 1).text, "1:k:1:0:bert:was the rate:t;");
	assert_int_equal(store_exceptions_open(test->store), 1);
}

static void marks_have_limits(void **state)
{
	struct test_store *test = *state;
	char text[STORE_NOTE_MAX + 2];
	struct shown shown = {.text = ""};
	memset(text, 'n', sizeof text);
	begin(test);
	raise_text(test, "k", "t");
	assert_int_equal(mark(test, 2, true, "anna", ""), ERR_NOT_FOUND);
	assert_int_equal(mark(test, -1, true, "anna", ""), ERR_NOT_FOUND);
	assert_int_equal(store_exception_get(test->store, 2, show, &shown, &test->info), ERR_NOT_FOUND);
	for (size_t more = 0; more < 2; more++) { /* at the limit, and one over: cut to it */
		must(test,
		     store_exception_mark(test->store, 1, true, (struct span){text, STORE_WHO_MAX + more},
		                          (struct span){text, STORE_NOTE_MAX + more}, 40, &test->info));
		shown = get(test, 1);
		assert_int_equal(shown.who_bytes, STORE_WHO_MAX);
		assert_int_equal(shown.note_bytes, STORE_NOTE_MAX);
	}
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

/* Raise, clear, mark, new text: each is told once and in order, also after a reopen; a repeat that says nothing new is
 * not; a rollback takes its changes back. */
static void each_change_is_told_once(void **state)
{
	struct test_store *test = *state;
	begin(test);
	raise_text(test, "a", "t");
	raise_text(test, "b", "t");
	raise_text(test, "c", "t");
	assert_string_equal(changed(test, 0, 2).text, "1:a:1:0:::t;2:b:1:0:::t;");
	commit(test);
	int64_t cursor = changed(test, 0, 100).change;
	assert_int_equal(cursor, 3);
	begin(test);
	raise_text(test, "a", "t");
	assert_string_equal(changed(test, cursor, 100).text, "");
	raise_text(test, "b", "another text");
	must(test, mark(test, 1, true, "anna", "n"));
	clear(test, "c");
	store_rollback(test->store);
	assert_string_equal(changed(test, cursor, 100).text, "");
	begin(test);
	raise_text(test, "b", "another text");
	must(test, mark(test, 1, true, "anna", "n"));
	clear(test, "c");
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		struct shown shown = changed(test, cursor, 100);
		assert_string_equal(shown.text, "2:b:1:0:::another text;1:a:1:1:anna:n:t;3:c:0:0:::t;");
		assert_int_equal(shown.change, 6);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	begin(test);
	raise_text(test, "c", "t");
	must(test, mark(test, 3, false, "anna", ""));
	commit(test);
	assert_string_equal(changed(test, 6, 100).text, "3:c:1:0:anna::t;");
	assert_int_equal(changed(test, 6, 100).change, 8);
}

/* Retention leaves the exception with the highest change, so that no cursor is ever ahead of the numbers. */
static void prune_leaves_the_highest_change(void **state)
{
	struct test_store *test = *state;
	int deleted = 0;
	begin(test);
	raise_text(test, "a", "t");
	raise_text(test, "b", "t");
	raise_text(test, "c", "t");
	clear(test, "b");
	clear(test, "a"); /* change 5 */
	must(test, store_prune(test->store, INT64_MAX, 100, &deleted, &test->info));
	assert_int_equal(deleted, 1);
	commit(test);
	test_store_reopen(test);
	assert_string_equal(changed(test, 0, 100).text, "3:c:1:0:::t;1:a:0:0:::t;");
	begin(test);
	raise_text(test, "b", "t");
	assert_int_equal(changed(test, 5, 100).change, 6);
	commit(test);
}

/* A store as the program before this one wrote it: its tables, its checksums. */
static void make_version_1(struct test_store *test)
{
	sqlite3 *db = NULL;
	char sql[512];
	assert_int_equal(sqlite3_open(test->path, &db), SQLITE_OK);
	const struct schema_steps first = {schema_steps().sql, 1};
	assert_int_equal(
	    sqlite3_exec(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(schema_migrate(db, &first, 0), SQLITE_OK);
	struct row_sum sum = row_sum_begin('s');
	row_sum_int(&sum, 1);
	row_sum_span(&sum, SPAN_LITERAL(TEST_STORE_PREFIX));
	row_sum_int(&sum, 0);
	row_sum_int(&sum, 0);
	row_sum_int(&sum, 77);
	row_sum_span(&sum, (struct span){NULL, 0});
	snprintf(sql, sizeof sql, "INSERT INTO store VALUES(1, 1, '%s', 0, 0, 77, '', %lld)",
	         TEST_STORE_PREFIX, (long long)row_sum_end(&sum));
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	for (int id = 1; id <= 200; id++) {
		char key[16];
		snprintf(key, sizeof key, "k-%d", id);
		sum = row_sum_begin('x');
		row_sum_int(&sum, id);
		row_sum_span(&sum, SPAN_LITERAL("r"));
		row_sum_span(&sum, SPAN_LITERAL("erp"));
		row_sum_span(&sum, span_of(key));
		row_sum_int(&sum, 2);
		row_sum_span(&sum, SPAN_LITERAL("t"));
		row_sum_span(&sum, (struct span){NULL, 0});
		row_sum_int(&sum, id % 2);
		row_sum_int(&sum, 5);
		row_sum_int(&sum, 6);
		row_sum_int(&sum, id % 2 ? 0 : 7);
		row_sum_int(&sum, 1);
		snprintf(
		    sql, sizeof sql,
		    "INSERT INTO exceptions VALUES(%d, 'r', 'erp', '%s', 2, 't', '', %d, 5, 6, %d, 1, %lld)",
		    id, key, id % 2, id % 2 ? 0 : 7, (long long)row_sum_end(&sum));
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A store of version 1 is brought to this one with its exceptions: all are told once, and can be marked. */
static void version_1_is_migrated(void **state)
{
	struct test_store *test = *state;
	test_store_close(test);
	remove(test->path);
	make_version_1(test);
	test_store_open(test);
	assert_int_equal(test->opening.migrated_from, 1);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_exceptions_open(test->store), 100);
	assert_string_equal(changed(test, 0, 2).text, "1:k-1:1:0:::t;2:k-2:0:0:::t;");
	assert_int_equal(changed(test, 150, 100).change, 200);
	begin(test);
	must(test, mark(test, 7, true, "anna", "n"));
	commit(test);
	test_store_reopen(test);
	assert_int_equal(test->opening.migrated_from, 0);
	assert_false(test->opening.salvaged);
	assert_string_equal(changed(test, 200, 100).text, "7:k-7:1:1:anna:n:t;");
}

/* Version 1 and damaged: a row that is not as it was written stops the migration; the others are salvaged. */
static void damaged_version_1_is_salvaged(void **state)
{
	struct test_store *test = *state;
	test_store_close(test);
	remove(test->path);
	make_version_1(test);
	test_store_sql(test, "UPDATE exceptions SET text = 'u' WHERE id = 100");
	test_store_open(test);
	assert_true(test->opening.salvaged);
	assert_null(strstr(test->opening.text, "nothing could be read"));
	assert_int_equal(test->opening.rows_lost, 1);
	assert_int_equal(store_exceptions_open(test->store), 100);
	struct shown shown = {.text = ""};
	assert_int_equal(store_exception_get(test->store, 100, show, &shown, &test->info), ERR_NOT_FOUND);
	assert_string_equal(get(test, 101).text, "101:k-101:1:0:::t;");
	/* One salvage: numbers begin above 2^40. */
	assert_int_equal(changed(test, INT64_C(1) << 40, 1000).change, (INT64_C(1) << 40) + 199);
}

static int64_t ack_rows(struct test_store *test)
{
	sqlite3_stmt *statement = NULL;
	assert_int_equal(
	    sqlite3_prepare_v2(test->store->db, "SELECT count(*) FROM acks", -1, &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t rows = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return rows;
}

static bool find_acknowledged(void *self, const struct store_trace_line *line)
{
	int64_t *at = self;
	if (strcmp(line->what, "acknowledged") == 0)
		*at = line->at_ns;
	return true;
}

static int64_t acknowledged_at(struct test_store *test, int n)
{
	struct test_document document;
	int64_t at = 0;
	test_document_make(&document, n, 1, 1);
	must(test, store_trace(test->store, span_of(document.subject), find_acknowledged, &at, &test->info));
	return at;
}

static void prune_all(struct test_store *test, int64_t now_ns, int limit)
{
	int deleted = 0;
	begin(test);
	must(test, store_prune(test->store, now_ns, limit, &deleted, &test->info));
	must(test, store_prune(test->store, now_ns, limit, &deleted, &test->info));
	commit(test);
}

/* Acknowledgements of rows that are gone become one row for each day, stream by stream; those of rows that are still
 * there stay to the nanosecond; a trace knows the last time of the day. */
static void old_acknowledgements_are_joined_by_the_day(void **state)
{
	struct test_store *test = *state;
	int64_t window = test->options.retention_ns;
	int64_t day = test->hal.wall_ns / DAY_NS * DAY_NS;
	test_append_many(test, "a", 1, 40, 1, 100);
	test_append_many(test, "b", 1001, 1005, 1, 100);
	for (int i = 1; i <= 20; i++)
		test_acknowledge(test, "a", i, day + i * 10 * NS_PER_S);
	for (int i = 21; i <= 30; i++)
		test_acknowledge(test, "a", i, day + DAY_NS + i * 10 * NS_PER_S);
	for (int i = 1; i <= 5; i++)
		test_acknowledge(test, "b", i, day + i * 10 * NS_PER_S);
	assert_int_equal(ack_rows(test), 35);
	/* The window of the first twelve is over. */
	prune_all(test, day + 120 * NS_PER_S + window, 0);
	assert_int_equal(ack_rows(test), 35);
	prune_all(test, day + 120 * NS_PER_S + window, 100);
	assert_int_equal(ack_rows(test), 1 + 8 + 10 + 1);
	assert_int_equal(acknowledged_at(test, 1), day + 120 * NS_PER_S);
	assert_int_equal(acknowledged_at(test, 12), day + 120 * NS_PER_S);
	assert_int_equal(acknowledged_at(test, 13), day + 130 * NS_PER_S);
	assert_int_equal(acknowledged_at(test, 1005), day + 50 * NS_PER_S);
	/* All windows are over. */
	prune_all(test, day + 3 * DAY_NS + window, 100);
	assert_int_equal(ack_rows(test), 3);
	assert_int_equal(acknowledged_at(test, 13), day + 200 * NS_PER_S);
	assert_int_equal(acknowledged_at(test, 21), day + DAY_NS + 300 * NS_PER_S);
	test_acknowledge(test, "a", 40, day + DAY_NS + 400 * NS_PER_S);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	int64_t sequence = -1;
	must(test,
	     store_acknowledged_since(test->store, 1, day + DAY_NS + 400 * NS_PER_S, &sequence, &test->info));
	assert_int_equal(sequence, 31);
	must(test, store_acknowledged_last(test->store, INT64_MAX, &sequence, &test->info));
	assert_int_equal(sequence, day + DAY_NS + 400 * NS_PER_S);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(marks_live_as_long_as_they_should),
	    WITH_STORE(marks_have_limits),
	    WITH_STORE(each_change_is_told_once),
	    WITH_STORE(prune_leaves_the_highest_change),
	    WITH_STORE(version_1_is_migrated),
	    WITH_STORE(damaged_version_1_is_salvaged),
	    WITH_STORE(old_acknowledgements_are_joined_by_the_day),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
