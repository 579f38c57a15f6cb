/*
 * store_exceptions_test.c - work for a person: one row per (rule, source, key), counted, reopened in place, listed.
 *
 * Why:   what could not be sent must stay in sight until it is.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/exceptions.c
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

static bool raise_at(struct test_store *test, const char *rule, struct span key, int64_t at)
{
	bool fresh = false;
	struct store_exception exception = {.rule = span_of(rule),
	                                    .source = SPAN_LITERAL("erp"),
	                                    .key = key,
	                                    .owner = STORE_OWNER_MAPPING,
	                                    .text = SPAN_LITERAL("account 4000 has no mapping"),
	                                    .first_ns = at,
	                                    .last_ns = at};
	must(test, store_begin(test->store, &test->info));
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	must(test, store_commit(test->store, &test->info));
	return fresh;
}

static int clear_at(struct test_store *test, struct span rule, struct span key, int64_t at)
{
	int cleared = -1;
	must(test, store_begin(test->store, &test->info));
	must(test,
	     store_exception_clear(test->store, rule, SPAN_LITERAL("erp"), key, at, &cleared, &test->info));
	must(test, store_commit(test->store, &test->info));
	return cleared;
}

#define LISTED_MAX 32

struct listed {
	struct store_exception rows[LISTED_MAX];
	char rules[LISTED_MAX][64];
	size_t key_lengths[LISTED_MAX];
	size_t text_lengths[LISTED_MAX];
	size_t raw_lengths[LISTED_MAX];
	int count;
	int stop_at;
};

static bool collect(void *self, const struct store_exception *exception)
{
	struct listed *listed = self;
	assert_true(listed->count < LISTED_MAX);
	listed->rows[listed->count] = *exception;
	assert_true(text_copy(listed->rules[listed->count], sizeof listed->rules[0], exception->rule));
	listed->key_lengths[listed->count] = exception->key.len;
	listed->text_lengths[listed->count] = exception->text.len;
	listed->raw_lengths[listed->count] = exception->raw.len;
	listed->count++;
	return listed->count != listed->stop_at;
}

/* Raised three times, cleared, raised again: one row all the time, count 4, fresh at first and after the clear. */
static void one_row_is_reopened_in_place(void **state)
{
	struct test_store *test = *state;
	struct span key = SPAN_LITERAL("00001/journal/2026/1");
	assert_true(raise_at(test, "r", key, 10));
	assert_false(raise_at(test, "r", key, 20));
	assert_false(raise_at(test, "r", key, 30));
	assert_int_equal(store_exceptions_open(test->store), 1);
	assert_int_equal(clear_at(test, (struct span){NULL, 0}, key, 40), 1);
	assert_int_equal(clear_at(test, (struct span){NULL, 0}, key, 41), 0);
	assert_int_equal(store_exceptions_open(test->store), 0);
	struct listed open = {.count = 0};
	must(test, store_exceptions(test->store, false, 0, collect, &open, &test->info));
	assert_int_equal(open.count, 0);
	assert_true(raise_at(test, "r", key, 50));
	for (int pass = 0; pass < 2; pass++) {
		struct listed all = {.count = 0};
		must(test, store_exceptions(test->store, true, 0, collect, &all, &test->info));
		assert_int_equal(all.count, 1);
		assert_int_equal(all.rows[0].id, 1);
		assert_int_equal(all.rows[0].count, 4);
		assert_int_equal(all.rows[0].first_ns, 10);
		assert_int_equal(all.rows[0].last_ns, 50);
		assert_int_equal(all.rows[0].owner, STORE_OWNER_MAPPING);
		assert_true(all.rows[0].open);
		assert_int_equal(store_exceptions_open(test->store), 1);
		test_store_reopen(test);
	}
}

/* Clearing takes one rule, or every rule of the key where none is named, and nothing of other keys. */
static void clearing_takes_what_it_names(void **state)
{
	struct test_store *test = *state;
	struct span a = SPAN_LITERAL("a");
	struct span b = SPAN_LITERAL("b");
	raise_at(test, "r1", a, 1);
	raise_at(test, "r2", a, 1);
	raise_at(test, "r3", a, 1);
	raise_at(test, "r1", b, 1);
	assert_int_equal(clear_at(test, SPAN_LITERAL("r2"), a, 2), 1);
	assert_int_equal(clear_at(test, SPAN_LITERAL("r"), a, 2), 0);
	assert_int_equal(clear_at(test, (struct span){NULL, 0}, a, 2), 2);
	assert_int_equal(clear_at(test, (struct span){NULL, 0}, SPAN_LITERAL("c"), 2), 0);
	assert_int_equal(store_exceptions_open(test->store), 1);
	assert_int_equal(clear_at(test, (struct span){NULL, 0}, b, 2), 1);
}

/* Newest first; the id of the last one shown continues the list; open ones alone or all. */
static void lists_go_on_from_an_id(void **state)
{
	struct test_store *test = *state;
	char key[16];
	for (int i = 1; i <= 20; i++) {
		snprintf(key, sizeof key, "k%d", i);
		raise_at(test, "r", span_of(key), i);
		if (i % 2 == 0)
			clear_at(test, SPAN_LITERAL("r"), span_of(key), i);
	}
	struct listed first = {.stop_at = 7};
	must(test, store_exceptions(test->store, true, 0, collect, &first, &test->info));
	assert_int_equal(first.count, 7);
	assert_int_equal(first.rows[0].id, 20);
	assert_int_equal(first.rows[6].id, 14);
	struct listed rest = {.count = 0};
	must(test, store_exceptions(test->store, true, 14, collect, &rest, &test->info));
	assert_int_equal(rest.count, 13);
	assert_int_equal(rest.rows[0].id, 13);
	struct listed open = {.count = 0};
	must(test, store_exceptions(test->store, false, 0, collect, &open, &test->info));
	assert_int_equal(open.count, 10);
	assert_int_equal(open.rows[0].id, 19);
	assert_int_equal(open.rows[9].id, 1);
	struct listed none = {.count = 0};
	must(test, store_exceptions(test->store, false, 1, collect, &none, &test->info));
	assert_int_equal(none.count, 0);
}

/* Nothing is lost for its size: text is cut between characters, a long key keeps its own row, found again by itself. */
static void long_values_are_cut_not_refused(void **state)
{
	struct test_store *test = *state;
	static char text[5001];
	static char raw[STORE_RAW_BYTES_MAX + 2];
	static char key[STORE_KEY_BYTES_MAX + 2];
	bool fresh = false;
	/* U+00E4 in UTF-8, so that byte 1024 is the first of a character and 1023 the second of the one before. */
	for (size_t i = 0; i + 1 < sizeof text; i += 2)
		memcpy(text + i, "\xC3\xA4", 2);
	memset(raw, 'r', sizeof raw);
	memset(key, 'k', sizeof key);
	struct store_exception exception = {.rule = SPAN_LITERAL("r"),
	                                    .source = SPAN_LITERAL("erp"),
	                                    .key = {key, STORE_KEY_BYTES_MAX},
	                                    .text = {text, 5000},
	                                    .raw = {raw, STORE_RAW_BYTES_MAX},
	                                    .first_ns = 1};
	must(test, store_begin(test->store, &test->info));
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	assert_true(fresh);
	exception.key.len++;
	exception.raw.len++;
	exception.text.data++; /* begins inside a character: still cut before the next */
	exception.text.len = 4999;
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	assert_true(fresh);
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	assert_false(fresh);
	exception.key.len++;
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	assert_true(fresh);
	must(test, store_commit(test->store, &test->info));
	struct listed listed = {.count = 0};
	must(test, store_exceptions(test->store, true, 0, collect, &listed, &test->info));
	assert_int_equal(listed.count, 3);
	assert_int_equal(listed.key_lengths[2], STORE_KEY_BYTES_MAX);
	assert_int_equal(listed.text_lengths[2], 1024);
	assert_int_equal(listed.raw_lengths[2], STORE_RAW_BYTES_MAX);
	assert_int_equal(listed.raw_lengths[1], STORE_RAW_BYTES_MAX);
	assert_int_equal(listed.text_lengths[1], 1023);
	assert_int_equal(listed.rows[1].count, 2);
	assert_true(listed.key_lengths[1] <= STORE_KEY_BYTES_MAX);
	assert_int_equal(
	    clear_at(test, (struct span){NULL, 0}, (struct span){key, STORE_KEY_BYTES_MAX + 1}, 2), 1);
	assert_int_equal(store_exceptions_open(test->store), 2);
}

static void owners_have_names(void **state)
{
	(void)state;
	assert_string_equal(store_owner_name(STORE_OWNER_TECHNICAL), "technical");
	assert_string_equal(store_owner_name(STORE_OWNER_DATA_QUALITY), "data_quality");
	assert_string_equal(store_owner_name(STORE_OWNER_MAPPING), "mapping");
	assert_string_equal(store_owner_name(STORE_OWNER_POLICY), "policy");
}

struct exceptions {
	int64_t ids[8];
	size_t raw_bytes;
	int count;
};

static bool collect_exception(void *self, const struct store_exception *exception)
{
	struct exceptions *found = self;
	found->ids[found->count++] = exception->id;
	found->raw_bytes += exception->raw.len;
	return true;
}

/* Raises "r" of a key with raw values of 5 bytes; clears it at cleared_ns, if not 0. */
static void raise_and_clear(struct test_store *test, const char *key, int64_t cleared_ns)
{
	bool fresh;
	int cleared;
	struct store_exception exception = {.rule = SPAN_LITERAL("r"),
	                                    .source = SPAN_LITERAL("erp"),
	                                    .key = span_of(key),
	                                    .raw = SPAN_LITERAL("secrt"),
	                                    .first_ns = 1};
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	if (cleared_ns > 0)
		must(test, store_exception_clear(test->store, (struct span){NULL, 0}, SPAN_LITERAL("erp"),
		                                 span_of(key), cleared_ns, &cleared, &test->info));
}

/* Clearing an exception deletes its raw values; retention deletes the cleared one to the nanosecond, within its limit,
 * never an open one, nor the one with the highest id: no id is given twice. */
static void prune_takes_cleared_exceptions(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int64_t window = test->options.retention_ns;
	int deleted = -1;
	must(test, store_begin(test->store, &test->info));
	raise_and_clear(test, "a", t);
	raise_and_clear(test, "b", 0);
	raise_and_clear(test, "c", t + 1);
	raise_and_clear(test, "d", t);
	raise_and_clear(test, "e", t);
	struct exceptions all = {.count = 0};
	must(test, store_exceptions(test->store, true, 0, collect_exception, &all, &test->info));
	assert_int_equal(all.count, 5);
	assert_int_equal(all.raw_bytes, 5); /* of b, which is open */
	must(test, store_prune(test->store, t + window - 1, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + window, 0, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_prune(test->store, t + window, 3, &deleted, &test->info)); /* looks at a, b, c */
	assert_int_equal(deleted, 1);
	must(test, store_prune(test->store, t + window, 3, &deleted, &test->info)); /* d, e */
	assert_int_equal(deleted, 1);
	must(test, store_prune(test->store, t + 1000 * window, 100, &deleted, &test->info)); /* c */
	assert_int_equal(deleted, 1);
	must(test, store_prune(test->store, t + 1000 * window, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_commit(test->store, &test->info));
	for (int pass = 0; pass < 2; pass++) {
		all = (struct exceptions){.count = 0};
		must(test, store_exceptions(test->store, true, 0, collect_exception, &all, &test->info));
		assert_int_equal(all.count, 2);
		assert_int_equal(all.ids[0], 5);
		assert_int_equal(all.ids[1], 2);
		assert_int_equal(store_exceptions_open(test->store), 1);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(one_row_is_reopened_in_place),   WITH_STORE(clearing_takes_what_it_names),
	    WITH_STORE(lists_go_on_from_an_id),         WITH_STORE(long_values_are_cut_not_refused),
	    WITH_STORE(prune_takes_cleared_exceptions), cmocka_unit_test(owners_have_names),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
