/*
 * store_migrate_test.c - a store of schema version 1 opened by this program: nothing lost, nothing given twice.
 *
 * Why:   a box in the field is updated without a person beside it.
 * Owns:  one directory for each test.
 * Rules: 1. The old file is made here from the first step's SQL, row by row: columns and checksums as version 1 had
 *           them (each table's letter, then the columns in their order), not by the store.
 *        2. Stream 1 "a": documents 1..8 as sequences 1..8, revision 2 of document 1 as 9, document 9 as 10;
 *           acknowledged up to `acked`, the first two rows pruned. Stream 2 "b": documents 21, 22, acknowledged.
 *           Stream 3 "c": nothing yet.
 * Runs in: the test suite.
 * Tests: store_forward/{migrate,salvage_copy,schema,store}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store_forward/chain.h"
#include "store_forward/checksum.h"
#include "store_forward/schema.h"
#include "tests/lib/fault_vfs.h"
#include "tests/lib/test_store.h"

#define OLD_EPOCH   INT64_C(1767000000)
#define EVENT_BYTES 300
#define PRUNED      2
#define LAST        10
#define RECORDED_NS INT64_C(1767000001000000000)

static int set_up(void **state)
{
	struct test_store *test = mem_alloc(sizeof *test);
	test_store_begin(test);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	test_store_end(*state);
	free(*state);
	return 0;
}

/* ---- a file of version 1 ---- */

/* One row being written: each column is bound and enters the checksum, which takes the last place but where told. */
struct row {
	sqlite3_stmt *statement;
	struct row_sum sum;
	int column;
};

static struct row row_begin(sqlite3 *db, const char *sql, char table)
{
	struct row row = {.sum = row_sum_begin(table)};
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row.statement, NULL), SQLITE_OK);
	return row;
}

static void row_int(struct row *row, int64_t value)
{
	row_sum_int(&row->sum, value);
	sqlite3_bind_int64(row->statement, ++row->column, value);
}

static void row_text(struct row *row, const char *value)
{
	row_sum_span(&row->sum, span_of(value));
	sqlite3_bind_text(row->statement, ++row->column, value, -1, SQLITE_TRANSIENT);
}

static void row_blob(struct row *row, const void *bytes, size_t len)
{
	row_sum_span(&row->sum, (struct span){bytes, len});
	sqlite3_bind_blob64(row->statement, ++row->column, bytes, len, SQLITE_TRANSIENT);
}

static void row_end(struct row *row)
{
	sqlite3_bind_int64(row->statement, ++row->column, row_sum_end(&row->sum));
	assert_int_equal(sqlite3_step(row->statement), SQLITE_DONE);
	sqlite3_finalize(row->statement);
}

static const char *source_of(const char *name)
{
	static char source[160];
	snprintf(source, sizeof source, "%s:%s:%lld", TEST_STORE_PREFIX, name, (long long)OLD_EPOCH);
	return source;
}

static void put_outbox(sqlite3 *db, int stream, int64_t sequence, int n, int64_t revision,
                       const struct digest *chain)
{
	struct test_document document;
	test_document_make(&document, n, revision, EVENT_BYTES);
	struct row row = row_begin(db,
	                           "INSERT INTO outbox(id, subject, revision, recorded, bytes_total, chain, "
	                           "event, checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	                           'o');
	row_int(&row, (int64_t)stream << 40 | sequence);
	row_text(&row, document.subject);
	row_int(&row, revision);
	row_int(&row, RECORDED_NS);
	row_int(&row, sequence * EVENT_BYTES);
	row_blob(&row, chain->bytes, DIGEST_BYTES);
	row_blob(&row, document.event, EVENT_BYTES);
	row_end(&row);
}

static void put_document(sqlite3 *db, const char *table, int stream, int64_t sequence, int n,
                         int64_t revision)
{
	char sql[256];
	struct test_document document;
	test_document_make(&document, n, revision, EVENT_BYTES);
	snprintf(sql, sizeof sql,
	         "INSERT INTO %s(subject, revision, content, voided, stream, epoch, sequence, recorded, "
	         "source, checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	         table);
	struct row row = row_begin(db, sql, table[0]);
	row_text(&row, document.subject);
	row_int(&row, revision);
	row_blob(&row, document.content.bytes, DIGEST_BYTES);
	row_int(&row, 0);
	row_int(&row, stream);
	row_int(&row, OLD_EPOCH);
	row_int(&row, sequence);
	row_int(&row, RECORDED_NS);
	row_text(&row, "erp");
	row_end(&row);
}

/* An ack row and the stream's head. */
static void put_stream(sqlite3 *db, int id, const char *name, int64_t last, int64_t acked, int64_t pruned,
                       int64_t documents, int64_t amendments, const struct digest *chain)
{
	struct row row;
	if (acked > 0) {
		row = row_begin(db,
		                "INSERT INTO acks(stream, epoch, first, last, at, checksum) "
		                "VALUES(?, ?, ?, ?, ?, ?)",
		                'a');
		row_int(&row, id);
		row_int(&row, OLD_EPOCH);
		row_int(&row, 1);
		row_int(&row, acked);
		row_int(&row, RECORDED_NS);
		row_end(&row);
	}
	row = row_begin(db,
	                "INSERT INTO streams(id, name, source, epoch, next, acked, pruned, documents, "
	                "amendments, acked_before, bytes_total, bytes_acked, chain, checksum) "
	                "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	                't');
	row_int(&row, id);
	row_text(&row, name);
	row_text(&row, source_of(name));
	row_int(&row, OLD_EPOCH);
	row_int(&row, last + 1);
	row_int(&row, acked);
	row_int(&row, pruned);
	row_int(&row, documents);
	row_int(&row, amendments);
	row_int(&row, 100); /* acknowledged in earlier epochs */
	row_int(&row, last * EVENT_BYTES);
	row_int(&row, acked * EVENT_BYTES);
	row_blob(&row, chain->bytes, DIGEST_BYTES);
	row_end(&row);
}

static void put_sources(sqlite3 *db)
{
	struct row row = row_begin(
	    db, "INSERT INTO watermarks(source, query, value, checksum) VALUES('erp', 'gl', ?, ?)", 'w');
	row_sum_span(&row.sum, SPAN_LITERAL("erp"));
	row_sum_span(&row.sum, SPAN_LITERAL("gl"));
	row_text(&row, "here");
	row_end(&row);
	row = row_begin(
	    db,
	    "INSERT INTO store(id, version, urn_prefix, salvages, epoch_floor, created, damage, checksum) "
	    "VALUES(1, ?, ?, ?, ?, ?, ?, ?)",
	    's');
	row_int(&row, 1);
	row_text(&row, TEST_STORE_PREFIX);
	row_int(&row, 0);
	row_int(&row, OLD_EPOCH);
	row_int(&row, RECORDED_NS);
	row_text(&row, "");
	row_end(&row);
}

static void make_version_1(struct test_store *test, int64_t acked)
{
	sqlite3 *db = NULL;
	struct schema_steps steps = schema_steps();
	steps.count = 1;
	assert_int_equal(sqlite3_open(test->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; BEGIN", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(schema_migrate(db, &steps, 0), SQLITE_OK);
	struct digest chain = chain_start(span_of(source_of("a")));
	for (int64_t sequence = 1; sequence <= LAST; sequence++) {
		int n = sequence == 9 ? 1 : sequence == 10 ? 9 : (int)sequence;
		int64_t revision = sequence == 9 ? 2 : 1;
		struct test_document document;
		test_document_make(&document, n, revision, EVENT_BYTES);
		chain = chain_link(&chain, &document.content);
		if (sequence > PRUNED)
			put_outbox(db, 1, sequence, n, revision, &chain);
		put_document(db, sequence == 1 ? "history" : "register", 1, sequence, n, revision);
	}
	put_stream(db, 1, "a", LAST, acked, PRUNED, 9, 1, &chain);
	chain = chain_start(span_of(source_of("b")));
	for (int sequence = 1; sequence <= 2; sequence++) {
		struct test_document document;
		test_document_make(&document, 20 + sequence, 1, EVENT_BYTES);
		chain = chain_link(&chain, &document.content);
		put_outbox(db, 2, sequence, 20 + sequence, 1, &chain);
		put_document(db, "register", 2, sequence, 20 + sequence, 1);
	}
	put_stream(db, 2, "b", 2, 2, 0, 2, 0, &chain);
	chain = chain_start(span_of(source_of("c")));
	put_stream(db, 3, "c", 0, 0, 0, 0, 0, &chain);
	put_sources(db);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- what becomes of it ---- */

static enum err find(struct test_store *test, int n, struct store_document *found)
{
	struct test_document document;
	test_document_make(&document, n, 1, 1);
	return store_document_find(test->store, span_of(document.subject), found, &test->info);
}

static void assert_content(struct test_store *test, int n, int64_t revision, bool known)
{
	struct test_document want;
	struct store_document found;
	static const struct digest none;
	test_document_make(&want, n, revision, 1);
	test_store_must(test, find(test, n, &found), "find");
	assert_int_equal(found.revision, revision);
	assert_int_equal(found.parts, 1);
	assert_true(digest_equal(&found.content, known ? &want.content : &none));
}

static bool has_watermark(struct test_store *test)
{
	struct buf value;
	buf_init(&value, 100);
	bool has = store_watermark_get(test->store, "erp", "gl", &value, &test->info) == ERR_OK;
	buf_release(&value);
	return has;
}

static void assert_epochs(struct test_store *test)
{
	const struct store_stream *a = test_stream(test, "a");
	const struct store_stream *b = test_stream(test, "b");
	assert_int_equal(a->epoch, 1767323045); /* the test's clock */
	assert_int_equal(b->epoch, 1767323045);
	assert_int_equal(test_stream(test, "c")->epoch, OLD_EPOCH);
	assert_string_equal(a->source, "urn:twinpost:acme:gw-1:a:1767323045");
	assert_int_equal(a->next_sequence, 1);
	assert_int_equal(b->next_sequence, 1);
	assert_int_equal(a->outbox_bytes, 0);
	struct digest start = chain_start(span_of(a->source));
	assert_true(digest_equal(&start, &a->chain));
}

static void assert_unacknowledged_begin_anew(struct test_store *test)
{
	struct store_document found;
	struct store_totals totals;
	assert_epochs(test);
	for (int n = 2; n <= 7; n++)
		assert_content(test, n, 1, true);
	assert_content(test, 1, 2, false); /* its number is taken: the next reading sends 3 */
	assert_int_equal(find(test, 8, &found), ERR_NOT_FOUND);
	assert_int_equal(find(test, 9, &found), ERR_NOT_FOUND);
	assert_content(test, 21, 1, true);
	assert_int_equal(store_first_revision(test->store), 1001);
	assert_false(has_watermark(test));
	store_totals(test->store, &totals);
	assert_int_equal(totals.documents, 9);
	assert_int_equal(totals.queued, 0);
	assert_int_equal(totals.acked, 3 * 100 + 7 + 2);
}

/* Three events were not acknowledged: their documents are read again, under numbers that were never given. Every stream
 * that has sent something begins a new epoch, whose tree is whole from its first leaf on. */
static void what_was_not_acknowledged_is_read_again(void **state)
{
	struct test_store *test = *state;
	make_version_1(test, 7);
	test_store_open(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(test->opening.migrated_from, 1);
	assert_int_equal(test->opening.reread, 3);
	assert_unacknowledged_begin_anew(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(test->opening.migrated_from, 0);
	assert_unacknowledged_begin_anew(test);
	/* Document 8 is read again. */
	const struct store_stream *stream = test_stream(test, "a");
	test_append_many(test, "a", 8, 8, 1001, EVENT_BYTES);
	assert_int_equal(stream->next_sequence, 2);
	struct test_document again;
	struct digest root;
	test_document_make(&again, 8, 1001, 1);
	store_tree_root(test->store, stream->id, &root);
	assert_true(digest_equal(&root, &again.content));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_content(test, 8, 1001, true);
}

/* All acknowledged: nothing is read again, no number is jumped over. */
static void nothing_waiting_is_nothing_read_again(void **state)
{
	struct test_store *test = *state;
	make_version_1(test, LAST);
	test_store_open(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(test->opening.reread, 0);
	assert_epochs(test);
	assert_content(test, 1, 2, true);
	assert_content(test, 9, 1, true);
	assert_int_equal(store_first_revision(test->store), 1);
	assert_true(has_watermark(test));
}

/* A damaged store of version 1 is salvaged like any other: its documents are known, what was not acknowledged is
 * dropped. And the file that is put aside is as it was. */
static void damaged_old_store_is_salvaged(void **state)
{
	struct test_store *test = *state;
	static const char *const damages[] = {
	    "UPDATE acks SET at = at + 1 WHERE stream = 2",
	    "UPDATE outbox SET event = x'00' WHERE id = (1 << 40) + 9",
	};
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		make_version_1(test, 7);
		test_store_sql(test, damages[i]);
		test_store_open(test);
		assert_true(test->opening.salvaged);
		assert_int_equal(test_stream(test, "a")->epoch, 1767323045);
		for (int n = 2; n <= 7; n++)
			assert_content(test, n, 1, true);
		assert_content(test, 1, 2, false);
		assert_content(test, 22, 1, true);
		assert_int_equal(store_first_revision(test->store), 1001);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
		test_store_end(test);
		test_store_begin(test);
	}
}

/* Each operation of the migration fails once: the open says so or goes well, and the next one ends at the same
 * state. */
static void interrupted_migration_begins_again(void **state)
{
	struct test_store *test = *state;
	struct fault_plan *plan = fault_vfs_plan();
	int failed = 1;
	int runs = 0;
	for (int at = 1; failed > 0; at++) {
		make_version_1(test, 7);
		test->hal.vfs = FAULT_VFS_NAME;
		*plan = (struct fault_plan){.at = at, .length = 1, .code = SQLITE_FULL, .half = true};
		enum err err = store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening,
		                          &test->info);
		failed = plan->failed;
		*plan = (struct fault_plan){0};
		if (err != ERR_OK)
			test_store_open(test);
		assert_false(test->opening.salvaged);
		assert_unacknowledged_begin_anew(test);
		test_store_end(test);
		test_store_begin(test);
		runs++;
	}
	assert_true(runs > 10);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(what_was_not_acknowledged_is_read_again),
	    WITH_STORE(nothing_waiting_is_nothing_read_again),
	    WITH_STORE(damaged_old_store_is_salvaged),
	    WITH_STORE(interrupted_migration_begins_again),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
