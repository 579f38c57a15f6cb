/*
 * store_test.c - the store in good order: what is written is read again, limits hold, rollback is exact.
 *
 * Why:   everything the product promises rests on these calls.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{store,streams,outbox,acks,register,watermark,retention,space,trace}.c
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

/* Collects what store_outbox_read() gives. */
struct reading {
	int64_t sequences[64];
	size_t lengths[64];
	int count;
	int stop_at; /* rows; 0: never */
	bool equal;  /* every event is as test_document_make() makes it for number = sequence, revision 1 */
};

static bool collect(void *self, const struct store_outbox_row *row)
{
	struct reading *reading = self;
	struct test_document want;
	test_document_make(&want, (int)row->sequence, 1, row->event.len);
	if (!span_equal(row->event, (struct span){want.event, want.event_len}) ||
	    !span_equal(row->subject, span_of(want.subject)))
		reading->equal = false;
	assert_true(reading->count < 64);
	reading->lengths[reading->count] = row->event.len;
	reading->sequences[reading->count++] = row->sequence;
	return reading->count != reading->stop_at;
}

/* What was appended is read again byte for byte, from any place, and after a reopen; a visitor may stop. */
static void outbox_gives_back_what_was_appended(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 20, 1, 700);
	for (int pass = 0; pass < 2; pass++) {
		struct reading all = {.equal = true};
		must(test, store_outbox_read(test->store, 1, 0, collect, &all, &test->info));
		assert_int_equal(all.count, 20);
		assert_true(all.equal);
		assert_int_equal(all.sequences[0], 1);
		assert_int_equal(all.sequences[19], 20);
		struct reading some = {.equal = true, .stop_at = 3};
		must(test, store_outbox_read(test->store, 1, 15, collect, &some, &test->info));
		assert_int_equal(some.count, 3);
		assert_int_equal(some.sequences[0], 16);
		struct reading none = {.equal = true};
		must(test, store_outbox_read(test->store, 1, 20, collect, &none, &test->info));
		must(test, store_outbox_read(test->store, 1, 1000, collect, &none, &test->info));
		assert_int_equal(none.count, 0);
		test_store_reopen(test);
		assert_false(test->opening.created);
		assert_false(test->opening.salvaged);
	}
}

/* Nothing is sent before its commit: rows of the open transaction are not read. */
static void uncommitted_rows_are_not_read(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 2, 1, 100);
	const struct store_stream *stream = test_stream(test, "a");
	must(test, store_begin(test->store, &test->info));
	must(test, test_append(test, stream, 3, 1, 100));
	assert_int_equal(stream->next_sequence, 4);
	assert_int_equal(stream->committed_sequence, 2);
	struct reading reading = {.equal = true};
	must(test, store_outbox_read(test->store, 1, 0, collect, &reading, &test->info));
	assert_int_equal(reading.count, 2);
	must(test, store_commit(test->store, &test->info));
	assert_int_equal(stream->committed_sequence, 3);
	must(test, store_outbox_read(test->store, 1, 2, collect, &reading, &test->info));
	assert_int_equal(reading.count, 3);
}

/* The register holds the newest revision; the number must rise; a second store of it is refused and changes nothing. */
static void register_keeps_the_newest_revision(void **state)
{
	struct test_store *test = *state;
	struct test_document want;
	struct store_document found;
	test_document_make(&want, 5, 2, 10);
	struct span subject = span_of(want.subject);
	assert_int_equal(store_document_find(test->store, subject, &found, &test->info), ERR_NOT_FOUND);
	test_append_many(test, "a", 5, 5, 1, 100);
	test_append_many(test, "a", 6, 6, 1, 100);
	test_append_many(test, "a", 5, 5, 2, 100);
	for (int pass = 0; pass < 2; pass++) {
		must(test, store_document_find(test->store, subject, &found, &test->info));
		assert_int_equal(found.revision, 2);
		assert_true(digest_equal(&found.content, &want.content));
		assert_int_equal(found.stream, 1);
		assert_int_equal(found.sequence, 3);
		assert_int_equal(found.epoch, 1767323045);
		assert_false(found.voided);
		test_store_reopen(test);
	}
	struct store_totals totals;
	store_totals(test->store, &totals);
	assert_int_equal(totals.documents, 2);
	assert_int_equal(totals.queued, 3);
	const struct store_stream *stream = test_stream(test, "a");
	must(test, store_begin(test->store, &test->info));
	assert_int_equal(test_append(test, stream, 5, 2, 100), ERR_CONFLICT);
	assert_int_equal(test_append(test, stream, 5, 1, 100), ERR_CONFLICT);
	must(test, test_append(test, stream, 5, 3, 100));
	must(test, store_commit(test->store, &test->info));
	assert_int_equal(stream->next_sequence, 5);
}

static bool same_stream(const struct store_stream *a, const struct store_stream *b)
{
	return a->id == b->id && strcmp(a->name, b->name) == 0 && strcmp(a->source, b->source) == 0 &&
	       a->epoch == b->epoch && a->next_sequence == b->next_sequence &&
	       a->acked_sequence == b->acked_sequence && a->committed_sequence == b->committed_sequence &&
	       digest_equal(&a->chain, &b->chain) && a->outbox_bytes == b->outbox_bytes;
}

static void raise_one(struct test_store *test, const char *key, bool expect_fresh)
{
	bool fresh;
	struct store_exception exception = {.rule = SPAN_LITERAL("journal-balance"),
	                                    .source = SPAN_LITERAL("erp"),
	                                    .key = span_of(key),
	                                    .owner = STORE_OWNER_DATA_QUALITY,
	                                    .text = SPAN_LITERAL("off by 0.01"),
	                                    .first_ns = test->hal.wall_ns,
	                                    .last_ns = test->hal.wall_ns};
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	assert_int_equal(fresh, expect_fresh);
}

/* Rollback of everything a transaction can do leaves memory and file as they were. */
static void rollback_is_exact(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 4, 1, 300);
	test_acknowledge(test, "a", 2, test->hal.wall_ns);
	must(test, store_begin(test->store, &test->info));
	raise_one(test, "k", true);
	must(test, store_watermark_put(test->store, "erp", "q", SPAN_LITERAL("7"), &test->info));
	must(test, store_commit(test->store, &test->info));
	struct store_stream before = *test_stream(test, "a");
	struct store_totals totals_before;
	store_totals(test->store, &totals_before);

	must(test, store_begin(test->store, &test->info));
	const struct store_stream *b = test_stream(test, "b");
	must(test, test_append(test, test_stream(test, "a"), 5, 1, 300));
	must(test, test_append(test, test_stream(test, "a"), 1, 2, 300));
	must(test, test_append(test, b, 6, 1, 300));
	must(test, store_acknowledge(test->store, 1, 4, test->hal.wall_ns, &test->info));
	int deleted = 0;
	must(test, store_prune(test->store, test->hal.wall_ns + 7200 * NS_PER_S, 100, &deleted, &test->info));
	assert_int_equal(deleted, 2);
	raise_one(test, "k2", true);
	int cleared = 0;
	must(test, store_exception_clear(test->store, (struct span){NULL, 0}, SPAN_LITERAL("erp"),
	                                 SPAN_LITERAL("k"), test->hal.wall_ns, &cleared, &test->info));
	assert_int_equal(cleared, 1);
	must(test, store_watermark_put(test->store, "erp", "q", SPAN_LITERAL("8"), &test->info));
	store_rollback(test->store);
	assert_false(store_in_transaction(test->store));

	for (int pass = 0; pass < 2; pass++) {
		struct store_totals totals;
		store_totals(test->store, &totals);
		assert_memory_equal(&totals, &totals_before, sizeof totals);
		assert_int_equal(store_stream_count(test->store), 1);
		assert_true(same_stream(store_stream_at(test->store, 0), &before));
		assert_int_equal(store_exceptions_open(test->store), 1);
		struct reading reading = {.equal = true};
		must(test, store_outbox_read(test->store, 1, 0, collect, &reading, &test->info));
		assert_int_equal(reading.count, 4);
		assert_true(reading.equal);
		struct buf value;
		buf_init(&value, 100);
		must(test, store_watermark_get(test->store, "erp", "q", &value, &test->info));
		assert_string_equal(buf_cstr(&value), "7");
		buf_release(&value);
		test_store_reopen(test);
	}
	/* The id of the stream that was rolled back is given again, the exception's too. */
	assert_int_equal(test_stream(test, "c")->id, 2);
}

/* Acknowledging moves over a run, never back, never beyond the last append; bytes and totals follow. */
static void acknowledging_keeps_its_bounds(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 10, 1, 100);
	const struct store_stream *stream = test_stream(test, "a");
	assert_int_equal(stream->outbox_bytes, 1000);
	must(test, store_begin(test->store, &test->info));
	assert_int_equal(store_acknowledge(test->store, 1, 11, 5, &test->info), ERR_BAD_INPUT);
	assert_int_equal(store_acknowledge(test->store, 1, INT64_MAX, 5, &test->info), ERR_BAD_INPUT);
	must(test, store_acknowledge(test->store, 1, 4, 5, &test->info));
	must(test, store_acknowledge(test->store, 1, 3, 5, &test->info));
	must(test, store_acknowledge(test->store, 1, 0, 5, &test->info));
	assert_int_equal(stream->acked_sequence, 4);
	assert_int_equal(stream->outbox_bytes, 600);
	must(test, store_acknowledge(test->store, 1, 10, 5, &test->info));
	must(test, store_commit(test->store, &test->info));
	assert_int_equal(stream->outbox_bytes, 0);
	test_store_reopen(test);
	stream = test_stream(test, "a");
	assert_int_equal(stream->acked_sequence, 10);
	assert_int_equal(stream->outbox_bytes, 0);
	struct store_totals totals;
	store_totals(test->store, &totals);
	assert_int_equal(totals.queued, 0);
	assert_int_equal(totals.acked, 10);
	assert_int_equal(totals.documents, 10);
}

/* Subject, event, unit key, watermark: the greatest that is allowed is kept, one more is refused and harms nothing. */
static void limits_hold_at_their_edge(void **state)
{
	struct test_store *test = *state;
	char *large = malloc(STORE_EVENT_BYTES_MAX + 1);
	assert_non_null(large);
	memset(large, 'x', STORE_EVENT_BYTES_MAX + 1);
	must(test, store_begin(test->store, &test->info));
	const struct store_stream *stream = test_stream(test, "a");
	struct store_append append = {.stream = 1, .document = {.revision = 1}, .leaf = stream->chain};
	append.subject = (struct span){large, STORE_SUBJECT_MAX};
	append.event = (struct span){large, STORE_EVENT_BYTES_MAX};
	must(test, store_append(test->store, &append, &test->info));
	append.subject.len = STORE_SUBJECT_MAX + 1;
	assert_int_equal(store_append(test->store, &append, &test->info), ERR_TOO_LARGE);
	append.subject.len = 5;
	append.event.len = STORE_EVENT_BYTES_MAX + 1;
	assert_int_equal(store_append(test->store, &append, &test->info), ERR_TOO_LARGE);
	append.event.len = 0;
	assert_int_equal(store_append(test->store, &append, &test->info), ERR_BAD_INPUT);
	append.event.len = 1;
	append.subject.len = 0;
	assert_int_equal(store_append(test->store, &append, &test->info), ERR_BAD_INPUT);
	append.subject.len = 1;
	must(test, store_append(test->store, &append, &test->info));
	struct store_unit unit = {
	    .key = {large, STORE_KEY_BYTES_MAX}, .stamp = {large, STORE_KEY_BYTES_MAX}, .held = 3};
	must(test, store_unit_put(test->store, "erp", "q", &unit, &test->info));
	unit.key.len++;
	assert_int_equal(store_unit_put(test->store, "erp", "q", &unit, &test->info), ERR_TOO_LARGE);
	unit.key.len = 1;
	unit.stamp.len++;
	assert_int_equal(store_unit_put(test->store, "erp", "q", &unit, &test->info), ERR_TOO_LARGE);
	struct span value = {large, STORE_WATERMARK_BYTES_MAX};
	must(test, store_watermark_put(test->store, "erp", "q", value, &test->info));
	value.len++;
	assert_int_equal(store_watermark_put(test->store, "erp", "q", value, &test->info), ERR_TOO_LARGE);
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	struct buf stamp;
	int held = 0;
	buf_init(&stamp, STORE_WATERMARK_BYTES_MAX);
	must(test, store_unit_get(test->store, "erp", "q", (struct span){large, STORE_KEY_BYTES_MAX}, &stamp,
	                          &held, &test->info));
	assert_int_equal(held, 3);
	assert_int_equal(stamp.len, STORE_KEY_BYTES_MAX);
	must(test, store_watermark_get(test->store, "erp", "q", &stamp, &test->info));
	assert_int_equal(stamp.len, STORE_WATERMARK_BYTES_MAX);
	assert_int_equal(store_watermark_get(test->store, "erp", "q2", &stamp, &test->info), ERR_NOT_FOUND);
	assert_int_equal(
	    store_unit_get(test->store, "erp2", "q", (struct span){large, 1}, &stamp, &held, &test->info),
	    ERR_NOT_FOUND);
	buf_release(&stamp);
	struct reading reading = {.equal = true};
	must(test, store_outbox_read(test->store, 1, 1, collect, &reading, &test->info));
	assert_int_equal(reading.lengths[0], 1);
	free(large);
}

/* 512 streams, and no 513th; names of 1 and 63 characters, and no others than a-z, 0-9 and -. */
static void streams_have_their_limits(void **state)
{
	struct test_store *test = *state;
	const struct store_stream *stream = NULL;
	char name[80];
	static const char *const bad[] = {"", "A", "a.b", "a/b", "a b", "\xC3\xA4", "a+", "#"};
	must(test, store_begin(test->store, &test->info));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(store_stream_open(test->store, bad[i], &stream, &test->info), ERR_BAD_INPUT);
	memset(name, 'z', sizeof name);
	name[64] = 0;
	assert_int_equal(store_stream_open(test->store, name, &stream, &test->info), ERR_BAD_INPUT);
	name[63] = 0;
	must(test, store_stream_open(test->store, name, &stream, &test->info));
	for (int i = 2; i <= STORE_STREAMS_MAX; i++) {
		snprintf(name, sizeof name, "s%d", (i * 7919) % 10007);
		must(test, store_stream_open(test->store, name, &stream, &test->info));
		assert_int_equal(stream->id, i);
	}
	assert_int_equal(store_stream_open(test->store, "one-more", &stream, &test->info), ERR_TOO_LARGE);
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	assert_int_equal(store_stream_count(test->store), STORE_STREAMS_MAX);
	for (int i = 2; i <= STORE_STREAMS_MAX; i++) {
		snprintf(name, sizeof name, "s%d", (i * 7919) % 10007);
		must(test, store_stream_open(test->store, name, &stream, &test->info));
		assert_int_equal(stream->id, i);
	}
}

/* The last sequence of 40 bits is given; the next append is refused and names the stream. */
static void sequence_ends_at_its_limit(void **state)
{
	struct test_store *test = *state;
	test_append_many(test, "a", 1, 2, 1, 100);
	const struct store_stream *stream = test_stream(test, "a");
	/* In memory alone: a file with a head of 2^40 and no rows would rightly be taken for damaged. */
	struct store_stream *head = (struct store_stream *)(uintptr_t)stream;
	must(test, store_begin(test->store, &test->info));
	must(test, test_append(test, stream, 3, 1, 100));
	head->next_sequence = STORE_SEQUENCE_MAX;
	must(test, test_append(test, stream, 4, 1, 100));
	assert_int_equal(stream->next_sequence, INT64_C(1) << 40);
	assert_int_equal(test_append(test, stream, 5, 1, 100), ERR_OVERFLOW);
	assert_non_null(strstr(test->info.text, "stream a"));
	store_rollback(test->store);
	assert_int_equal(stream->next_sequence, 3);
}

/* Retention deletes what is acknowledged and older than the window (to the nanosecond), in order, within its limit. */
static void prune_takes_only_acknowledged_and_old(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int64_t window = test->options.retention_ns;
	int deleted = -1;
	test_append_many(test, "a", 1, 30, 1, 200);
	test_acknowledge(test, "a", 10, t);
	test_acknowledge(test, "a", 20, t + 10 * NS_PER_S);
	must(test, store_begin(test->store, &test->info));
	must(test, store_prune(test->store, t + window - 1, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + window, 4, &deleted, &test->info));
	assert_int_equal(deleted, 4);
	must(test, store_prune(test->store, t + window, 100, &deleted, &test->info));
	assert_int_equal(deleted, 6);
	must(test, store_prune(test->store, t + 1000 * window, 0, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + 1000 * window, 100, &deleted, &test->info));
	assert_int_equal(deleted, 10);
	must(test, store_prune(test->store, INT64_MAX, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	struct reading reading = {.equal = true};
	must(test, store_outbox_read(test->store, 1, 0, collect, &reading, &test->info));
	assert_int_equal(reading.count, 10);
	assert_int_equal(reading.sequences[0], 21);
	assert_int_equal(store_outbox_first(test->store, 1), 21);
	/* All gone: the head stands alone, and the next append goes on. */
	test_acknowledge(test, "a", 30, t);
	must(test, store_begin(test->store, &test->info));
	must(test, store_prune(test->store, t + 1000 * window, 100, &deleted, &test->info));
	assert_int_equal(deleted, 10);
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_outbox_first(test->store, 1), 31);
	test_append_many(test, "a", 31, 31, 1, 200);
	assert_int_equal(test_stream(test, "a")->next_sequence, 32);
}

/* The newest acknowledgement of all streams, to the nanosecond, also before its commit and after a reopen; one of a
 * clock that was ahead does not count. */
static void the_last_acknowledgement_is_known(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int64_t at = -1;
	test_append_many(test, "a", 1, 10, 1, 100);
	test_append_many(test, "b", 11, 20, 1, 100);
	test_append_many(test, "c", 21, 30, 1, 100);
	must(test, store_acknowledged_last(test->store, INT64_MAX, &at, &test->info));
	assert_int_equal(at, 0);
	test_acknowledge(test, "a", 1, t + 50 * NS_PER_S);
	test_acknowledge(test, "b", 5, t + 70 * NS_PER_S);
	test_acknowledge(test, "a", 3, t + 60 * NS_PER_S);
	test_acknowledge(test, "c", 1, INT64_C(4071000000) * NS_PER_S);
	for (int pass = 0; pass < 2; pass++) {
		must(test, store_acknowledged_last(test->store, t + 70 * NS_PER_S, &at, &test->info));
		assert_int_equal(at, t + 70 * NS_PER_S);
		must(test, store_acknowledged_last(test->store, t + 70 * NS_PER_S - 1, &at, &test->info));
		assert_int_equal(at, t + 60 * NS_PER_S);
		must(test, store_acknowledged_last(test->store, t, &at, &test->info));
		assert_int_equal(at, 0);
		test_store_reopen(test);
	}
	must(test, store_begin(test->store, &test->info));
	must(test, store_acknowledge(test->store, 1, 4, t + 80 * NS_PER_S, &test->info));
	must(test, store_acknowledged_last(test->store, t + 90 * NS_PER_S, &at, &test->info));
	assert_int_equal(at, t + 80 * NS_PER_S);
	store_rollback(test->store);
}

/* Acknowledged while the clock said 2099: the window begins when the clock is right again, instead of in 2099. */
static void prune_forgets_a_future_clock(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int deleted = -1;
	test_append_many(test, "a", 1, 5, 1, 200);
	test_acknowledge(test, "a", 5, INT64_C(4071000000) * NS_PER_S);
	must(test, store_begin(test->store, &test->info));
	must(test, store_prune(test->store, t, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + test->options.retention_ns - 1, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + test->options.retention_ns, 100, &deleted, &test->info));
	assert_int_equal(deleted, 5);
	must(test, store_commit(test->store, &test->info));
}

/* Full at the limit, not full again before 95 % of it; below the disk's reserve likewise. */
static void space_has_hysteresis(void **state)
{
	struct test_store *test = *state;
	struct store_space space;
	test_append_many(test, "a", 1, 200, 1, 4000);
	must(test, store_space(test->store, &space, &test->info));
	assert_false(space.full);
	assert_true(space.used > 200 * 4000);
	test_store_close(test);
	test->options.size_max = UINT64_C(900) * 1000;
	test->options.disk_reserve = 1000;
	test->hal.disk_free_set = true;
	test->hal.disk_free = 1000;
	test_store_open(test);
	must(test, store_space(test->store, &space, &test->info));
	uint64_t file = space.used;
	assert_true(space.full == (file >= space.size_max));
	/* The edges, by a limit that is moved to the used bytes. */
	const struct {
		uint64_t size_max;
		uint64_t disk_free;
		bool full;
	} cases[] = {
	    {file, 5000, true},      /* reached */
	    {file + 1, 5000, false}, /* a new store object: just not reached */
	    {file + 1, 1000, false}, /* the reserve itself is allowed */
	    {file + 1, 999, true},   /* one byte less is not */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		test_store_close(test);
		test->options.size_max = cases[i].size_max;
		test->hal.disk_free = cases[i].disk_free;
		test_store_open(test);
		must(test, store_space(test->store, &space, &test->info));
		assert_int_equal(space.used, file);
		assert_int_equal(space.full, cases[i].full);
	}
	/* Still full by the disk; 1.04 of the reserve does not end it, 1.05 does where the file is below 95 %. */
	test_store_close(test);
	test->options.size_max = file * 2;
	test->hal.disk_free = 999;
	test_store_open(test);
	must(test, store_space(test->store, &space, &test->info));
	assert_true(space.full);
	test->hal.disk_free = 1049;
	must(test, store_space(test->store, &space, &test->info));
	assert_true(space.full);
	test->hal.disk_free = 1050;
	must(test, store_space(test->store, &space, &test->info));
	assert_false(space.full);
}

/* Pages that retention frees count as free at once, and the file does not grow when they are used again. */
static void pruned_pages_are_free(void **state)
{
	struct test_store *test = *state;
	struct store_space before;
	struct store_space after;
	int deleted = 0;
	test_append_many(test, "a", 1, 500, 1, 4000);
	test_acknowledge(test, "a", 500, 0);
	must(test, store_space(test->store, &before, &test->info));
	must(test, store_begin(test->store, &test->info));
	must(test, store_prune(test->store, test->hal.wall_ns, 500, &deleted, &test->info));
	must(test, store_commit(test->store, &test->info));
	assert_int_equal(deleted, 500);
	test_store_reopen(test);
	must(test, store_space(test->store, &after, &test->info));
	assert_true(after.used < before.used / 4);
}

struct lines {
	struct {
		int64_t at;
		char what[24];
		int64_t revision;
		int64_t sequence;
		char text[80];
	} line[16];
	int count;
};

static bool collect_line(void *self, const struct store_trace_line *line)
{
	struct lines *lines = self;
	int i = lines->count++;
	lines->line[i].at = line->at_ns;
	lines->line[i].revision = line->revision;
	lines->line[i].sequence = line->sequence;
	snprintf(lines->line[i].what, sizeof lines->line[i].what, "%s", line->what);
	snprintf(lines->line[i].text, sizeof lines->line[i].text, "%.*s", (int)line->text.len,
	         line->text.len ? line->text.data : "");
	return true;
}

/* One document's life, in the order of time, also after retention has taken its rows. */
static void trace_tells_everything(void **state)
{
	struct test_store *test = *state;
	struct test_document document;
	int64_t t = test->hal.wall_ns;
	int deleted;
	int cleared;
	test_document_make(&document, 7, 1, 1);
	struct lines none = {.count = 0};
	assert_int_equal(
	    store_trace(test->store, span_of(document.subject), collect_line, &none, &test->info),
	    ERR_NOT_FOUND);
	must(test, store_begin(test->store, &test->info));
	raise_one(test, document.subject, true);
	test->hal.wall_ns = t + 5 * NS_PER_S;
	raise_one(test, document.subject, false);
	must(test,
	     store_exception_clear(test->store, (struct span){NULL, 0}, SPAN_LITERAL("erp"),
	                           span_of(document.subject), t + 10 * NS_PER_S, &cleared, &test->info));
	must(test, store_commit(test->store, &test->info));
	test->hal.wall_ns = t + 20 * NS_PER_S;
	test_append_many(test, "a", 6, 7, 1, 100);
	test_acknowledge(test, "a", 2, t + 30 * NS_PER_S);
	test->hal.wall_ns = t + 40 * NS_PER_S;
	test_append_many(test, "a", 7, 7, 2, 100);
	must(test, store_begin(test->store, &test->info));
	must(test, store_prune(test->store, t + 7200 * NS_PER_S, 100, &deleted, &test->info));
	assert_int_equal(deleted, 2);
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	struct lines lines = {.count = 0};
	must(test, store_trace(test->store, span_of(document.subject), collect_line, &lines, &test->info));
	const struct {
		int64_t at;
		const char *what;
		int64_t revision;
		int64_t sequence;
	} want[] = {
	    {t, "exception", 0, 0},
	    {t + 5 * NS_PER_S, "exception", 0, 0},
	    {t + 10 * NS_PER_S, "exception-cleared", 0, 0},
	    {t + 20 * NS_PER_S + 7, "recorded", 1, 2},
	    {t + 30 * NS_PER_S, "acknowledged", 1, 2},
	    {t + 40 * NS_PER_S + 7, "amended", 2, 3},
	};
	assert_int_equal(lines.count, sizeof want / sizeof want[0]);
	for (int i = 0; i < lines.count; i++) {
		assert_int_equal(lines.line[i].at, want[i].at);
		assert_string_equal(lines.line[i].what, want[i].what);
		assert_int_equal(lines.line[i].revision, want[i].revision);
		assert_int_equal(lines.line[i].sequence, want[i].sequence);
	}
	assert_string_equal(lines.line[0].text, "journal-balance: off by 0.01");
	assert_string_equal(lines.line[1].text, "journal-balance: seen 2 times");
}

struct queue {
	int64_t sequences[8];
	size_t bytes;
	int count;
};

static bool collect_queue(void *self, int stream, int64_t sequence, struct span subject, int64_t revision,
                          size_t bytes, int64_t recorded_ns)
{
	struct queue *queue = self;
	assert_int_equal(stream, 1);
	assert_true(subject.len > 0 && revision == 1 && recorded_ns > 0);
	queue->sequences[queue->count++] = sequence;
	queue->bytes += bytes;
	return true;
}

/* The queue lists what is not acknowledged, oldest first, at most limit. */
static void queue_lists_the_oldest_first(void **state)
{
	struct test_store *test = *state;
	struct queue queue = {.count = 0};
	test_append_many(test, "a", 1, 10, 1, 150);
	test_acknowledge(test, "a", 6, 1);
	must(test, store_queue(test->store, 1, 3, collect_queue, &queue, &test->info));
	assert_int_equal(queue.count, 3);
	assert_int_equal(queue.sequences[0], 7);
	assert_int_equal(queue.sequences[2], 9);
	assert_int_equal(queue.bytes, 450);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(outbox_gives_back_what_was_appended),
	    WITH_STORE(uncommitted_rows_are_not_read),
	    WITH_STORE(register_keeps_the_newest_revision),
	    WITH_STORE(rollback_is_exact),
	    WITH_STORE(acknowledging_keeps_its_bounds),
	    WITH_STORE(limits_hold_at_their_edge),
	    WITH_STORE(streams_have_their_limits),
	    WITH_STORE(sequence_ends_at_its_limit),
	    WITH_STORE(prune_takes_only_acknowledged_and_old),
	    WITH_STORE(the_last_acknowledgement_is_known),
	    WITH_STORE(prune_forgets_a_future_clock),
	    WITH_STORE(space_has_hysteresis),
	    WITH_STORE(pruned_pages_are_free),
	    WITH_STORE(trace_tells_everything),
	    WITH_STORE(queue_lists_the_oldest_first),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
