/*
 * store_outcome_test.c - outcomes, policies of retention, documents in parts, reading again, running totals.
 *
 * Why:   what the cloud has not taken over must stay, be counted, and be found again by its name.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{settled,retention,outbox,acks,totals}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

/* A checkpoint over the first size leaves. */
static void add_checkpoint(struct test_store *test, int64_t size)
{
	struct store_checkpoint checkpoint = {
	    .stream = 1, .size = size, .note = SPAN_LITERAL("note"), .made_ns = test->hal.wall_ns};
	must(test, store_tree_root_at(test->store, 1, size, &checkpoint.root, &test->info));
	begin(test);
	must(test, store_checkpoint_add(test->store, &checkpoint, &test->info));
	commit(test);
}

static void assert_unsettled(struct test_store *test, int64_t upto, int64_t count, int64_t oldest)
{
	int64_t found = -1;
	int64_t first = -1;
	must(test, store_unsettled(test->store, 1, upto, &found, &first, &test->info));
	assert_int_equal(found, count);
	assert_int_equal(first, oldest);
}

static void settle_from(struct test_store *test, int64_t first, int64_t last, int64_t step)
{
	int64_t epoch = test_stream(test, "a")->epoch;
	for (int64_t sequence = first; step > 0 ? sequence <= last : sequence >= last; sequence += step)
		must(test, store_settle(test->store, 1, epoch, sequence, &test->info));
}

/* Outcomes in any order, across blocks: the mark is the end of the run from 1 on, the rest is counted; again changes
 * nothing, rollback restores, a reopen finds the same. */
static void outcomes_move_the_mark(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 700, 1, 20);
	assert_unsettled(test, 700, 700, 1);
	assert_unsettled(test, 10000, 700, 1);
	begin(test);
	settle_from(test, 700, 2, -1);
	assert_int_equal(store_settled(test->store, 1), 0);
	assert_unsettled(test, 700, 1, 1);
	store_rollback(test->store);
	assert_unsettled(test, 700, 700, 1);
	begin(test);
	settle_from(test, 2, 700, 2); /* the even ones */
	assert_unsettled(test, 256, 128, 1);
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(store_settled(test->store, 1), 0);
		assert_unsettled(test, 700, 350, 1);
		assert_unsettled(test, 2, 1, 1);
		assert_unsettled(test, 0, 0, 0);
		assert_unsettled(test, 513, 257, 1);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	begin(test);
	settle_from(test, 1, 299, 2);
	assert_int_equal(store_settled(test->store, 1), 300);
	assert_unsettled(test, 700, 200, 301);
	settle_from(test, 1, 300, 1); /* again */
	settle_from(test, 511, 511, 1);
	assert_int_equal(store_settled(test->store, 1), 300);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_unsettled(test, 700, 199, 301);
	begin(test);
	settle_from(test, 699, 301, -2);
	assert_int_equal(store_settled(test->store, 1), 700);
	assert_unsettled(test, 700, 0, 0);
	int64_t epoch = test_stream(test, "a")->epoch;
	assert_int_equal(store_settle(test->store, 1, epoch, 701, &test->info), ERR_BAD_INPUT);
	assert_int_equal(store_settle(test->store, 1, epoch, 0, &test->info), ERR_BAD_INPUT);
	must(test, store_settle(test->store, 1, epoch - 1, 701, &test->info));
	commit(test);
	test_append_many(test, "a", 701, 769, 1, 20);
	assert_unsettled(test, 769, 69, 701);
	test_store_close(test);
	/* Blocks below the mark are gone, and none is left of those that were never needed. */
	test_store_sql(test, "CREATE TABLE x(n INTEGER CHECK(n = 0));"
	                     "INSERT INTO x SELECT count(*) FROM settled WHERE block < 2; DROP TABLE x");
	test_store_open(test);
	assert_false(test->opening.salvaged);
}

static enum err append_event(struct test_store *test, const char *subject, int part, int parts, bool control)
{
	struct span bytes = span_of(subject);
	struct store_append append = {
	    .stream = 1,
	    .subject = bytes,
	    .event = SPAN_LITERAL("{}"),
	    .leaf = digest_of(&bytes, 1),
	    .unregistered = control,
	    .part = part,
	    .parts = parts,
	    .source_name = SPAN_LITERAL("erp"),
	    .document = {.revision = 1, .recorded_ns = test->hal.wall_ns},
	};
	return store_append(test->store, &append, &test->info);
}

/* Control events need no outcome and have no document. */
static void unregistered_events_settle_themselves(void **state)
{
	struct test_store *test = *state;
	struct store_document document;
	struct store_totals totals;
	(void)test_stream(test, "a");
	begin(test);
	must(test, append_event(test, "a/control/1/1", 0, 0, true));
	must(test, append_event(test, "a/journal/1/1", 0, 0, false));
	must(test, append_event(test, "a/control/1/3", 1, 1, true));
	commit(test);
	assert_int_equal(store_settled(test->store, 1), 1);
	assert_unsettled(test, 3, 1, 2);
	assert_int_equal(
	    store_document_find(test->store, SPAN_LITERAL("a/control/1/1"), &document, &test->info),
	    ERR_NOT_FOUND);
	store_totals(test->store, &totals);
	assert_int_equal(totals.documents, 1);
	assert_int_equal(totals.queued, 3);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	begin(test);
	settle_from(test, 2, 2, 1);
	assert_int_equal(store_settled(test->store, 1), 3);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

struct rows {
	int64_t first;
	int64_t last;
	int count;
	int stop_at;
	bool subjects_equal;
	struct span subject;
};

static bool take_row(void *self, const struct store_outbox_row *row)
{
	struct rows *rows = self;
	if (rows->count++ == 0)
		rows->first = row->sequence;
	rows->last = row->sequence;
	rows->subjects_equal = span_equal(row->subject, rows->subject);
	return rows->count != rows->stop_at;
}

/* A document in three parts is one document: one register row with the first sequence; all parts are read again by its
 * subject; the parts' limit holds; parts that are not all there cannot be committed. */
static void documents_in_parts(void **state)
{
	struct test_store *test = *state;
	struct span subject = SPAN_LITERAL("a/journal/1/77");
	struct store_document found;
	struct store_totals totals;
	(void)test_stream(test, "a");
	begin(test);
	must(test, append_event(test, "a/journal/1/1", 1, 1, false));
	for (int part = 1; part <= 3; part++)
		must(test, append_event(test, subject.data, part, 3, false));
	assert_int_equal(append_event(test, "a/journal/1/2", 1, STORE_PARTS_MAX + 1, false), ERR_TOO_LARGE);
	must(test, append_event(test, "a/journal/1/3", 1, 1, false));
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		must(test, store_document_find(test->store, subject, &found, &test->info));
		assert_int_equal(found.sequence, 2);
		assert_int_equal(found.parts, 3);
		struct rows rows = {.subject = subject};
		must(test, store_outbox_of(test->store, subject, take_row, &rows, &test->info));
		assert_true(rows.subjects_equal);
		assert_int_equal(rows.count, 3);
		assert_int_equal(rows.first, 2);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	store_totals(test->store, &totals);
	assert_int_equal(totals.documents, 3);
	/* A large document of as many parts as there may be. */
	begin(test);
	for (int part = 1; part <= STORE_PARTS_MAX; part++)
		must(test, append_event(test, "a/journal/1/4", part, STORE_PARTS_MAX, false));
	commit(test);
	must(test, store_document_find(test->store, SPAN_LITERAL("a/journal/1/4"), &found, &test->info));
	assert_int_equal(found.parts, STORE_PARTS_MAX);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

/* Acknowledged in the middle of its parts is not acknowledged: a salvage has it sent again. */
static void half_acknowledged_parts_are_sent_again(void **state)
{
	struct test_store *test = *state;
	struct store_document found;
	(void)test_stream(test, "a");
	begin(test);
	for (int part = 1; part <= 2; part++)
		must(test, append_event(test, "a/journal/1/1", part, 2, false));
	for (int part = 1; part <= 2; part++)
		must(test, append_event(test, "a/journal/1/2", part, 2, false));
	commit(test);
	test_acknowledge(test, "a", 3, test->hal.wall_ns);
	test_store_close(test);
	test_store_sql(test, "UPDATE acks SET at = at + 1");
	test_store_open(test);
	assert_true(test->opening.salvaged);
	must(test, store_document_find(test->store, SPAN_LITERAL("a/journal/1/1"), &found, &test->info));
	assert_int_equal(found.parts, 2);
	assert_int_equal(store_document_find(test->store, SPAN_LITERAL("a/journal/1/2"), &found, &test->info),
	                 ERR_NOT_FOUND);
	struct rows rows = {.count = 0};
	assert_int_equal(
	    store_outbox_of(test->store, SPAN_LITERAL("a/journal/1/1"), take_row, &rows, &test->info),
	    ERR_NOT_FOUND);
	assert_non_null(strstr(test->info.text, "earlier epoch"));
}

/* A range is read whether acknowledged or not, cut at what is committed; what retention took is told with what is
 * left. */
static void ranges_are_read_again(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 30, 1, 20);
	test_acknowledge(test, "a", 20, test->hal.wall_ns);
	struct rows rows = {.count = 0};
	must(test, store_outbox_range(test->store, 1, 5, 25, take_row, &rows, &test->info));
	assert_int_equal(rows.count, 21);
	assert_int_equal(rows.last, 25);
	rows = (struct rows){.stop_at = 3};
	must(test, store_outbox_range(test->store, 1, 28, 1000, take_row, &rows, &test->info));
	assert_int_equal(rows.last, 30);
	rows = (struct rows){.stop_at = 2};
	must(test, store_outbox_range(test->store, 1, 1, 1000, take_row, &rows, &test->info));
	assert_int_equal(rows.last, 2);
	assert_int_equal(store_outbox_range(test->store, 1, 31, 31, take_row, &rows, &test->info),
	                 ERR_NOT_FOUND);
	assert_int_equal(prune(test, test->hal.wall_ns + test->options.retention_ns, 10), 10);
	assert_int_equal(store_outbox_range(test->store, 1, 10, 20, take_row, &rows, &test->info),
	                 ERR_NOT_FOUND);
	assert_non_null(strstr(test->info.text, "it holds 11 to 30"));
	rows = (struct rows){.count = 0};
	must(test, store_outbox_range(test->store, 1, 11, 11, take_row, &rows, &test->info));
	assert_int_equal(rows.count, 1);
	struct test_document pruned;
	test_document_make(&pruned, 10, 1, 1);
	assert_int_equal(store_outbox_of(test->store, span_of(pruned.subject), take_row, &rows, &test->info),
	                 ERR_NOT_FOUND);
}

/* Retention waits for the receipt, for the outcomes, or for both the acknowledgement and its window alone. */
static void retention_follows_the_policy(void **state)
{
	struct test_store *test = *state;
	int64_t late = test->hal.wall_ns + 2 * test->options.retention_ns;
	test_append_many(test, "a", 1, 40, 1, 20);
	test_acknowledge(test, "a", 35, test->hal.wall_ns);
	store_stream_policy(test->store, 1, STORE_PRUNE_COSIGNED, false);
	assert_int_equal(prune(test, late, 100), 0);
	add_checkpoint(test, 10);
	add_checkpoint(test, 38); /* beyond what is acknowledged */
	assert_int_equal(prune(test, late, 100), 0);
	begin(test);
	must(test, store_checkpoint_receipt(test->store, 1, 0, 10, SPAN_LITERAL("r"), late, &test->info));
	commit(test);
	assert_int_equal(prune(test, late, 4), 4);
	assert_int_equal(prune(test, late, 100), 6);
	assert_int_equal(store_settled(test->store, 1), 10); /* nobody waits for outcomes */
	store_stream_policy(test->store, 1, STORE_PRUNE_BOOKED, false);
	assert_int_equal(prune(test, late, 100), 0);
	begin(test);
	settle_from(test, 11, 14, 1);
	settle_from(test, 17, 20, 1);
	commit(test);
	assert_int_equal(prune(test, late, 100), 4);
	store_stream_policy(test->store, 1, STORE_PRUNE_PUBACK, true);
	assert_int_equal(prune(test, late, 100), 0);
	begin(test);
	settle_from(test, 15, 16, 1);
	settle_from(test, 21, 40, 1);
	commit(test);
	assert_int_equal(store_settled(test->store, 1), 40);
	store_stream_policy(test->store, 1, STORE_PRUNE_COSIGNED, true);
	assert_int_equal(prune(test, late, 100), 0);
	begin(test);
	must(test, store_checkpoint_receipt(test->store, 1, 0, 38, SPAN_LITERAL("r"), late, &test->info));
	commit(test);
	assert_int_equal(prune(test, late, 100), 21); /* 15..35: the rest is not acknowledged */
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_outbox_first(test->store, 1), 36);
}

/* Blocks of control events do not pile up where nobody sends outcomes: retention takes them along. */
static void retention_settles_what_it_deletes(void **state)
{
	struct test_store *test = *state;
	(void)test_stream(test, "a");
	begin(test);
	for (int i = 0; i < 600; i++) {
		char subject[40];
		snprintf(subject, sizeof subject, "a/%d", i);
		must(test, append_event(test, subject, 1, 1, i % 100 == 99 || (i >= 520 && i < 530)));
	}
	commit(test);
	test_acknowledge(test, "a", 600, test->hal.wall_ns);
	assert_int_equal(prune(test, test->hal.wall_ns + test->options.retention_ns, 520), 520);
	assert_int_equal(store_settled(test->store, 1), 530); /* and the control events behind it */
	assert_unsettled(test, 600, 69, 531);
	test_store_close(test);
	test_store_sql(test, "CREATE TABLE x(n INTEGER CHECK(n = 0));"
	                     "INSERT INTO x SELECT count(*) FROM settled WHERE block < 2; DROP TABLE x");
	test_store_open(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_settled(test->store, 1), 530);
}

static void assert_acknowledged_before(struct test_store *test, int64_t at_ns, int64_t want)
{
	int64_t sequence = -1;
	must(test, store_acknowledged_before(test->store, 1, at_ns, &sequence, &test->info));
	assert_int_equal(sequence, want);
}

/* To the nanosecond; before the commit of the newest acknowledgement as after it; a clock that went back hides nothing
 * behind it; settled and pruned ones do not count any more. */
static void acknowledged_before_a_time(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	test_append_many(test, "a", 1, 50, 1, 20);
	assert_acknowledged_before(test, INT64_MAX, 0);
	test_acknowledge(test, "a", 10, t + 10 * NS_PER_S);
	test_acknowledge(test, "a", 20, t + 20 * NS_PER_S);
	test_acknowledge(test, "a", 30, t + 5 * NS_PER_S); /* the clock went back */
	begin(test);
	must(test, store_acknowledge(test->store, 1, 40, t + 40 * NS_PER_S, &test->info));
	for (int pass = 0; pass < 3; pass++) {
		assert_acknowledged_before(test, t + 10 * NS_PER_S - 1, 0);
		assert_acknowledged_before(test, t + 10 * NS_PER_S, 10);
		assert_acknowledged_before(test, t + 20 * NS_PER_S - 1, 10);
		assert_acknowledged_before(test, t + 20 * NS_PER_S, 30);
		assert_acknowledged_before(test, t + 40 * NS_PER_S - 1, 30);
		assert_acknowledged_before(test, t + 40 * NS_PER_S, 40);
		if (pass == 0)
			commit(test);
		else
			test_store_reopen(test);
	}
	begin(test);
	settle_from(test, 1, 13, 1);
	commit(test);
	assert_acknowledged_before(test, t, 13);
	assert_acknowledged_before(test, t + 20 * NS_PER_S - 1, 13);
	assert_acknowledged_before(test, t + 20 * NS_PER_S, 30);
	assert_int_equal(prune(test, t + 20 * NS_PER_S + test->options.retention_ns, 25), 25);
	assert_acknowledged_before(test, t, 25);
	assert_acknowledged_before(test, t + 20 * NS_PER_S, 30);
}

/* Totals: empty at first, 32,768 bytes are kept and not one more; they go back with a rollback. */
static void totals_are_kept(void **state)
{
	struct test_store *test = *state;
	struct buf out;
	char *large = mem_alloc(STORE_TOTALS_BYTES_MAX + 1);
	memset(large, 't', STORE_TOTALS_BYTES_MAX + 1);
	buf_init(&out, STORE_TOTALS_BYTES_MAX);
	(void)test_stream(test, "a");
	must(test, store_stream_totals_get(test->store, 1, &out, &test->info));
	assert_int_equal(out.len, 0);
	begin(test);
	must(test, store_stream_totals_put(test->store, 1, (struct span){large, STORE_TOTALS_BYTES_MAX},
	                                   &test->info));
	assert_int_equal(store_stream_totals_put(
			     test->store, 1, (struct span){large, STORE_TOTALS_BYTES_MAX + 1}, &test->info),
	                 ERR_TOO_LARGE);
	commit(test);
	begin(test);
	must(test, store_stream_totals_put(test->store, 1, (struct span){NULL, 0}, &test->info));
	must(test, store_stream_totals_get(test->store, 1, &out, &test->info));
	assert_int_equal(out.len, 0);
	store_rollback(test->store);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	must(test, store_stream_totals_get(test->store, 1, &out, &test->info));
	assert_true(span_equal(buf_span(&out), (struct span){large, STORE_TOTALS_BYTES_MAX}));
	free(large);
	buf_release(&out);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(outcomes_move_the_mark),
	    WITH_STORE(unregistered_events_settle_themselves),
	    WITH_STORE(documents_in_parts),
	    WITH_STORE(half_acknowledged_parts_are_sent_again),
	    WITH_STORE(ranges_are_read_again),
	    WITH_STORE(retention_follows_the_policy),
	    WITH_STORE(retention_settles_what_it_deletes),
	    WITH_STORE(acknowledged_before_a_time),
	    WITH_STORE(totals_are_kept),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
