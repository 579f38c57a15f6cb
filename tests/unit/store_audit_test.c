/*
 * store_audit_test.c - the chain of the audit against sha256sum, its tampering; and small values kept by name.
 *
 * Why:   a chain proves something only if others compute the same hashes.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{audit,meta}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/audit.h"
#include "store_forward/meta.h"
#include "store_forward/store_internal.h"
#include "tests/unit/store_fixture.h"

static enum err add(struct test_store *test, int64_t at_ns, const char *who, const char *action,
                    const char *target, const char *why)
{
	const struct store_audit_entry entry = {.at_ns = at_ns,
	                                        .who = span_of(who),
	                                        .action = span_of(action),
	                                        .target = span_of(target),
	                                        .why = span_of(why)};
	return store_audit_add(test->store, &entry, &test->info);
}

/* Made in a shell, the second one for example by
 *     printf '%s\n1\n2026-11-21T14:20:05.123Z\nanna\npause\nerp-1\nmonth end\n' $first | sha256sum */
static const char *const HASHES[] = {
    "555037f70e8b583fe3452c1931861e00ad4bb80ea5f4a0aa772a9513f5eecefd",
    "3e85d131ac7b5c7ea2635162b8f0fd1fbd36764c5e91577763e7487970e697c7",
    "27891ab04ec64b7f95f490adead0ede0fdb9b3c55a65ba9f77cf46a7d61cef2c",
    "e6448b01fd96bfc494bc661fd4a5c398dbde460792cb0327a4b418fa1106bf9b",
};

static void add_three(struct test_store *test)
{
	begin(test);
	must(test, add(test, INT64_C(1795270805123456789), "anna", "pause", "erp-1", "month end"));
	must(test, add(test, INT64_C(1835481599999000000), "cloud:key-1", "replay", "00100", ""));
	must(test, add(test, -5, "anna", "resume", "", "Jürgen said so"));
	commit(test);
}

static void assert_head(struct test_store *test, int64_t count)
{
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
	assert_int_equal(store_audit_head(test->store, &digest), count);
	digest_hex(&digest, hex);
	assert_string_equal(hex, HASHES[count]);
}

static void chain_is_that_of_sha256sum(void **state)
{
	struct test_store *test = *state;
	int64_t count = -1;
	assert_head(test, 0);
	must(test, store_audit_verify(test->store, &count, &test->info));
	assert_int_equal(count, 0);
	begin(test);
	must(test, add(test, 1, "anna", "nothing", "", ""));
	store_rollback(test->store);
	assert_head(test, 0);
	add_three(test);
	for (int pass = 0; pass < 2; pass++) {
		assert_head(test, 3);
		must(test, store_audit_verify(test->store, &count, &test->info));
		assert_int_equal(count, 3);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

struct entries {
	int64_t ids[4];
	int64_t at_ns;
	int count;
	int stop_after;
	char hex[DIGEST_HEX_SIZE];
	char text[128];
};

static bool collect(void *self, const struct store_audit_entry *entry)
{
	struct entries *entries = self;
	entries->ids[entries->count++] = entry->id;
	entries->at_ns = entry->at_ns;
	digest_hex(&entry->digest, entries->hex);
	snprintf(entries->text, sizeof entries->text, "%.*s|%.*s|%.*s|%.*s", (int)entry->who.len,
	         entry->who.data, (int)entry->action.len, entry->action.data, (int)entry->target.len,
	         entry->target.len ? entry->target.data : "", (int)entry->why.len,
	         entry->why.len ? entry->why.data : "");
	return entries->count != entries->stop_after;
}

/* Newest first, on from an id, until the reader has enough; what is finer than a millisecond is not kept. */
static void entries_are_read_newest_first(void **state)
{
	struct test_store *test = *state;
	add_three(test);
	struct entries all = {.count = 0};
	must(test, store_audit_read(test->store, 0, collect, &all, &test->info));
	assert_int_equal(all.count, 3);
	assert_int_equal(all.ids[0], 3);
	assert_int_equal(all.ids[2], 1);
	assert_string_equal(all.text, "anna|pause|erp-1|month end");
	assert_int_equal(all.at_ns, INT64_C(1795270805123000000));
	assert_string_equal(all.hex, HASHES[1]);
	struct entries second = {.stop_after = 1};
	must(test, store_audit_read(test->store, 3, collect, &second, &test->info));
	assert_int_equal(second.count, 1);
	assert_string_equal(second.text, "cloud:key-1|replay|00100|");
}

/* Each text at its limit and one over; control characters, nobody, nothing. */
static void entries_have_limits(void **state)
{
	struct test_store *test = *state;
	static const size_t limits[] = {STORE_WHO_MAX, STORE_AUDIT_ACTION_MAX, STORE_AUDIT_TARGET_MAX,
	                                STORE_AUDIT_WHY_MAX};
	char text[STORE_AUDIT_WHY_MAX + 2];
	memset(text, 'x', sizeof text);
	begin(test);
	for (int over = 0; over < 5; over++) {
		struct span spans[4];
		for (int i = 0; i < 4; i++)
			spans[i] = (struct span){text, limits[i] + (i == over)};
		const struct store_audit_entry entry = {
		    .at_ns = 1, .who = spans[0], .action = spans[1], .target = spans[2], .why = spans[3]};
		assert_int_equal(store_audit_add(test->store, &entry, &test->info),
		                 over < 4 ? ERR_TOO_LARGE : ERR_OK);
	}
	assert_int_equal(add(test, 1, "", "a", "t", "w"), ERR_BAD_INPUT);
	assert_int_equal(add(test, 1, "w", "", "t", "w"), ERR_BAD_INPUT);
	assert_int_equal(add(test, 1, "a\nb", "a", "t", "w"), ERR_BAD_INPUT);
	assert_int_equal(add(test, 1, "w", "a\n", "t", "w"), ERR_BAD_INPUT);
	assert_int_equal(add(test, 1, "w", "a", "\t", "w"), ERR_BAD_INPUT);
	assert_int_equal(add(test, 1, "w", "a", "t", "\x7F"), ERR_BAD_INPUT);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	int64_t count = 0;
	must(test, store_audit_verify(test->store, &count, &test->info));
	assert_int_equal(count, 1);
}

/* Somebody who knows the checksums rewrites entry 2: the row is well, the chain is not; nothing is salvaged for it. */
static void a_rewritten_entry_is_found(void **state)
{
	struct test_store *test = *state;
	int64_t count = -1;
	add_three(test);
	begin(test);
	sqlite3_stmt *statement = test->store->statements[STATEMENT_AUDIT_ALL];
	struct store_audit_entry entry;
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_true(audit_load(statement, &entry));
	struct digest digest = entry.digest;
	sqlite3_reset(statement);
	assert_int_equal(sqlite3_exec(test->store->db, "DELETE FROM audit WHERE id = 2", NULL, NULL, NULL),
	                 SQLITE_OK);
	entry = (struct store_audit_entry){.id = 2,
	                                   .at_ns = 1,
	                                   .who = SPAN_LITERAL("nobody"),
	                                   .action = SPAN_LITERAL("nothing"),
	                                   .digest = digest};
	must(test, audit_put(test->store, &entry, &test->info));
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(store_audit_verify(test->store, &count, &test->info), ERR_CORRUPT);
		assert_int_equal(count, 1);
		assert_non_null(strstr(test->info.text, "entry 2 "));
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

static void values_are_kept_by_name(void **state)
{
	struct test_store *test = *state;
	static char large[STORE_META_BYTES_MAX + 1];
	const char *longest = "abcdefghijklmnopqrstuvwxyz-12345";
	struct buf value;
	buf_init(&value, STORE_META_BYTES_MAX);
	assert_int_equal(strlen(longest), STORE_META_KEY_MAX);
	assert_int_equal(store_meta_get(test->store, "cursor", &value, &test->info), ERR_NOT_FOUND);
	begin(test);
	must(test, store_meta_put(test->store, "cursor", SPAN_LITERAL("17"), &test->info));
	must(test, store_meta_put(test->store, "empty", (struct span){NULL, 0}, &test->info));
	must(test,
	     store_meta_put(test->store, longest, (struct span){large, STORE_META_BYTES_MAX}, &test->info));
	assert_int_equal(
	    store_meta_put(test->store, "cursor", (struct span){large, sizeof large}, &test->info),
	    ERR_TOO_LARGE);
	commit(test);
	begin(test);
	must(test, store_meta_put(test->store, "cursor", SPAN_LITERAL("18"), &test->info));
	must(test, store_meta_get(test->store, "cursor", &value, &test->info));
	assert_string_equal(buf_cstr(&value), "18");
	store_rollback(test->store);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	must(test, store_meta_get(test->store, "cursor", &value, &test->info));
	assert_string_equal(buf_cstr(&value), "17");
	must(test, store_meta_get(test->store, "empty", &value, &test->info));
	assert_int_equal(value.len, 0);
	must(test, store_meta_get(test->store, longest, &value, &test->info));
	assert_int_equal(value.len, STORE_META_BYTES_MAX);
	assert_memory_equal(value.data, large, STORE_META_BYTES_MAX);
	buf_release(&value);
	buf_init(&value, 1);
	assert_int_equal(store_meta_get(test->store, "cursor", &value, &test->info), ERR_TOO_LARGE);
	buf_release(&value);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(chain_is_that_of_sha256sum), WITH_STORE(entries_are_read_newest_first),
	    WITH_STORE(entries_have_limits),        WITH_STORE(a_rewritten_entry_is_found),
	    WITH_STORE(values_are_kept_by_name),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
