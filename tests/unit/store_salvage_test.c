/*
 * store_salvage_test.c - damage: found, never passed over in silence; what can be read is kept, the rest is sent again.
 *
 * Why:   a flash card that forgets a page must cost a second reading, not a document, and not the agent.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{salvage,salvage_copy,verify,statements}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

#define DOCUMENTS   400 /* in each of two streams: numbers 1..400 and 1001..1400 */
#define AMENDED     60  /* the first 60 of each get a second revision */
#define ACKED       430 /* of 460 sequences: the last 30 amendments are not acknowledged */
#define NEW_ROWS    15  /* then 15 new documents, not acknowledged either */
#define EVENT_BYTES 700
#define SEEDS       500
#define PAGE        8192

/* Numbers of stream "a" begin at 0, of "b" at 1000. */
static void fill_stream(struct test_store *test, const char *name, int base)
{
	test_append_many(test, name, base + 1, base + DOCUMENTS, 1, EVENT_BYTES);
	test_append_many(test, name, base + 1, base + AMENDED, 2, EVENT_BYTES);
	test_acknowledge(test, name, 200, test->hal.wall_ns);
	test_acknowledge(test, name, ACKED, test->hal.wall_ns + 60 * NS_PER_S);
	test_append_many(test, name, base + DOCUMENTS + 1, base + DOCUMENTS + NEW_ROWS, 1, EVENT_BYTES);
}

static void fill(struct test_store *test)
{
	char key[40];
	bool fresh;
	test_store_open(test);
	fill_stream(test, "a", 0);
	fill_stream(test, "b", 1000);
	must(test, store_begin(test->store, &test->info));
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "key-%d", i);
		struct store_exception exception = {.rule = SPAN_LITERAL("journal-balance"),
		                                    .source = SPAN_LITERAL("erp"),
		                                    .key = span_of(key),
		                                    .text = SPAN_LITERAL("debits and credits differ"),
		                                    .first_ns = i + 1,
		                                    .last_ns = i + 1};
		must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
		struct store_unit unit = {
		    .key = span_of(key), .stamp = span_of(key), .held = i, .read_ns = i};
		must(test, store_unit_put(test->store, "erp", "gl", &unit, &test->info));
	}
	must(test, store_watermark_put(test->store, "erp", "gl", SPAN_LITERAL("here"), &test->info));
	must(test, store_commit(test->store, &test->info));
	test_store_close(test);
}

struct looking {
	int base;
	int64_t seen;
	int64_t wrong;
};

/* Sequences 1..400: revision 1; 401..460: revision 2 of 1..60; then revision 1 of 401..415. */
static bool look_at_event(void *self, const struct store_outbox_row *row)
{
	struct looking *looking = self;
	int sequence = (int)row->sequence;
	bool second = sequence > DOCUMENTS && sequence <= DOCUMENTS + AMENDED;
	int n = second ? sequence - DOCUMENTS : sequence > DOCUMENTS ? sequence - AMENDED : sequence;
	struct test_document want;
	test_document_make(&want, looking->base + n, second ? 2 : 1, EVENT_BYTES);
	looking->seen++;
	looking->wrong += !span_equal(row->subject, span_of(want.subject)) ||
	                  !span_equal(row->event, (struct span){want.event, EVENT_BYTES});
	return true;
}

static bool look_at_exception(void *self, const struct store_exception *exception)
{
	int64_t *seen = self;
	char key[40];
	snprintf(key, sizeof key, "key-%d", (int)exception->id - 1);
	assert_true(span_equal(exception->key, span_of(key)) && exception->open && exception->count == 1);
	++*seen;
	return true;
}

static enum err read_stream(struct test_store *test, int stream)
{
	struct looking looking = {.base = stream * 1000};
	enum err err = store_outbox_read(test->store, stream + 1, 0, look_at_event, &looking, &test->info);
	assert_int_equal(looking.wrong, 0);
	if (err == ERR_OK)
		assert_int_equal(looking.seen, DOCUMENTS + AMENDED + NEW_ROWS);
	for (int n = 1; n <= DOCUMENTS + NEW_ROWS && err == ERR_OK; n++) {
		int64_t revision = n <= AMENDED ? 2 : 1;
		struct test_document want;
		struct store_document found;
		test_document_make(&want, stream * 1000 + n, revision, 1);
		err = store_document_find(test->store, span_of(want.subject), &found, &test->info);
		assert_true(err != ERR_OK ||
		            (found.revision == revision && digest_equal(&found.content, &want.content)));
	}
	return err;
}

/* ERR_OK: every row of the store is as it was written. ERR_CORRUPT: the store said that one is not. */
static enum err read_everything(struct test_store *test)
{
	struct buf value;
	int64_t exceptions = 0;
	buf_init(&value, STORE_WATERMARK_BYTES_MAX);
	enum err err = store_watermark_get(test->store, "erp", "gl", &value, &test->info);
	for (int stream = 0; stream < 2 && err == ERR_OK; stream++)
		err = read_stream(test, stream);
	for (int i = 0; i < 50 && err == ERR_OK; i++) {
		char key[40];
		int held = -1;
		snprintf(key, sizeof key, "key-%d", i);
		err = store_unit_get(test->store, "erp", "gl", span_of(key), &value, &held, &test->info);
		assert_true(err != ERR_OK || held == i);
	}
	if (err == ERR_OK)
		err = store_exceptions(test->store, true, 0, look_at_exception, &exceptions, &test->info);
	assert_true(err != ERR_OK || exceptions == 50);
	buf_release(&value);
	return err;
}

/* Document n of a stream after a salvage; true: it was acknowledged and is not known any more. */
static bool is_missing(struct test_store *test, int stream, int n)
{
	static const struct digest nothing;
	struct test_document want;
	struct store_document found = {0};
	bool amended = n <= AMENDED;
	bool acknowledged = amended ? DOCUMENTS + n <= ACKED : n <= DOCUMENTS;
	test_document_make(&want, stream * 1000 + n, amended ? 2 : 1, 1);
	enum err err = store_document_find(test->store, span_of(want.subject), &found, &test->info);
	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	if (err == ERR_NOT_FOUND)
		return n <= DOCUMENTS;
	/* Acknowledged: as it was. Not, but an earlier revision was: the number is used up, the content is none. A new
	 * one that was not acknowledged must not be here. */
	assert_true(n <= DOCUMENTS);
	assert_int_equal(found.revision, amended ? 2 : 1);
	assert_true(digest_equal(&found.content, acknowledged ? &want.content : &nothing));
	return false;
}

/* What must hold after any salvage of fill()'s store. Returns how many acknowledged documents it does not know. */
static int look_at_salvaged(struct test_store *test)
{
	int missing = 0;
	struct buf value;
	buf_init(&value, 100);
	assert_true(test->opening.salvaged);
	assert_true(strlen(test->opening.text) > 10);
	assert_null(strchr(test->opening.text, '\n'));
	assert_int_equal(access(test->opening.damaged_path, F_OK), 0);
	assert_int_equal(store_first_revision(test->store), 1001);
	assert_int_equal(store_watermark_get(test->store, "erp", "gl", &value, &test->info), ERR_NOT_FOUND);
	buf_release(&value);
	for (int i = 0; i < store_stream_count(test->store); i++) {
		const struct store_stream *stream = store_stream_at(test->store, i);
		assert_true(stream->epoch > test->hal.wall_ns / NS_PER_S);
		assert_int_equal(stream->next_sequence, 1);
		assert_int_equal(stream->acked_sequence, 0);
	}
	for (int stream = 0; stream < 2; stream++)
		for (int n = 1; n <= DOCUMENTS + NEW_ROWS; n++)
			missing += is_missing(test, stream, n);
	return missing;
}

/* The salvaged store is a good store: it is used and opened again. */
static void use_salvaged(struct test_store *test)
{
	struct store_opening before = test->opening;
	test_append_many(test, "a", 2001, 2010, store_first_revision(test->store), 100);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(test_stream(test, "a")->next_sequence, 11);
	test->opening = before;
}

static void remove_damaged(struct test_store *test)
{
	char log[300];
	test_store_close(test);
	if (test->opening.damaged_path[0] == 0)
		return;
	unlink(test->opening.damaged_path);
	snprintf(log, sizeof log, "%s-wal", test->opening.damaged_path);
	unlink(log);
}

/* SplitMix64, as in test_hal. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* One bit, a few bytes, a sector of zeroes, a whole page of noise, or two pages exchanged. */
static void damage(struct test_file *file, uint64_t seed)
{
	uint64_t random = seed;
	size_t at = next_random(&random) % file->len;
	size_t other = next_random(&random) % file->len / PAGE * PAGE;
	uint8_t *page = file->bytes + at / PAGE * PAGE;
	uint8_t kept[PAGE];
	switch (seed % 5) {
	case 0:
		file->bytes[at] ^= (uint8_t)(1 << next_random(&random) % 8);
		break;
	case 1:
		for (size_t i = at; i < at + 16 && i < file->len; i++)
			file->bytes[i] = (uint8_t)next_random(&random);
		break;
	case 2:
		memset(file->bytes + at / 512 * 512, 0, 512);
		break;
	case 3:
		for (size_t i = 0; i < PAGE; i++)
			page[i] = (uint8_t)next_random(&random);
		break;
	default:
		memcpy(kept, page, PAGE);
		memmove(page, file->bytes + other, PAGE);
		memcpy(file->bytes + other, kept, PAGE);
		break;
	}
}

struct tally {
	int harmless;
	int at_open;
	int at_read;
	int unreadable;
	int lost;
};

/* One damaged file: opened, read, salvaged, used. */
static void live_through(struct test_store *test, uint64_t seed, struct tally *tally)
{
	test_store_open(test);
	if (test->opening.salvaged) {
		tally->at_open++;
	} else {
		enum err err = read_everything(test);
		if (err != ERR_OK && err != ERR_CORRUPT)
			fail_msg("seed %d: %s", (int)seed, test->info.text);
		if (err == ERR_OK) {
			tally->harmless++;
			return;
		}
		tally->at_read++;
		test_store_reopen(test);
	}
	int missing = look_at_salvaged(test);
	bool all = strstr(test->opening.text, "nothing could be read") != NULL;
	tally->unreadable += all;
	tally->lost += !all && missing > 0;
	if (!all && (uint64_t)missing > test->opening.rows_lost)
		fail_msg("seed %d: %d missing, %d lost: %s", (int)seed, missing, (int)test->opening.rows_lost,
		         test->opening.text);
	use_salvaged(test);
}

/* 500 kinds of damage: never a crash, never a silent loss. Either everything reads as it was written, or the damage is
 * found (at open, or when the row is read: then at the next open), salvaged, counted, and the old file is kept. */
static void damage_is_never_passed_over(void **state)
{
	struct test_store *test = *state;
	struct test_file good;
	struct tally tally = {0};
	fill(test);
	test_file_read(&good, test->path);
	assert_true(good.len % PAGE == 0 && good.len > 60 * PAGE);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct test_file bad = {mem_alloc(good.len), good.len};
		memcpy(bad.bytes, good.bytes, good.len);
		damage(&bad, seed);
		test_file_write(&bad, test->path);
		test_file_free(&bad);
		live_through(test, seed, &tally);
		remove_damaged(test);
	}
	print_message(
	    "# %d kinds of damage: %d harmless, %d found at open, %d at reading; %d lost all, %d some rows\n",
	    SEEDS, tally.harmless, tally.at_open, tally.at_read, tally.unreadable, tally.lost);
	assert_true(tally.harmless > 0 && tally.at_open > 100 && tally.at_read > 0);
	test_file_free(&good);
}

/* The file cut at any length: the same. (A file of one byte is an empty one to SQLite.) */
static void cut_files_are_salvaged(void **state)
{
	struct test_store *test = *state;
	struct test_file good;
	fill(test);
	test_file_read(&good, test->path);
	for (size_t len = 2; len < good.len; len += len < PAGE ? 1777 : 50021) {
		struct test_file cut = {good.bytes, len};
		test_file_write(&cut, test->path);
		test_store_open(test);
		if (!test->opening.salvaged)
			fail_msg("cut to %zu bytes: not found", len);
		int missing = look_at_salvaged(test);
		assert_true(strstr(test->opening.text, "nothing could be read") != NULL ||
		            (uint64_t)missing <= test->opening.rows_lost);
		use_salvaged(test);
		remove_damaged(test);
	}
	test_file_free(&good);
}

/* No database at all: put aside as it is, and a new one made. Empty: a new one. */
static void garbage_is_put_aside(void **state)
{
	struct test_store *test = *state;
	struct test_file kept;
	char text[] =
	    "this is not a database, but somebody's letter, and long enough to be read as a header of one. "
	    "It goes on for a while.";
	struct test_file garbage = {(uint8_t *)text, sizeof text};
	test_file_write(&garbage, test->path);
	test_store_open(test);
	assert_true(test->opening.salvaged);
	assert_non_null(strstr(test->opening.text, "nothing could be read"));
	assert_int_equal(store_first_revision(test->store), 1001);
	test_file_read(&kept, test->opening.damaged_path);
	assert_int_equal(kept.len, sizeof text);
	assert_memory_equal(kept.bytes, text, sizeof text);
	test_file_free(&kept);
	use_salvaged(test);
	test_store_close(test);
	unlink(test->path);
	garbage.len = 0;
	test_file_write(&garbage, test->path);
	test_store_open(test);
	assert_true(test->opening.created);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_first_revision(test->store), 1);
}

static bool take_none(void *self, const struct store_outbox_row *row)
{
	(void)self;
	(void)row;
	return true;
}

/* One changed byte of an event: told with stream and sequence when it is read, nothing after it is given out; the next
 * open salvages and says why. */
static void changed_event_is_told_with_its_place(void **state)
{
	struct test_store *test = *state;
	fill(test);
	test_store_sql(test, "UPDATE outbox SET event = CAST(replace(CAST(event AS TEXT), 'a', 'A') AS BLOB) "
	                     "WHERE id = (2 << 40) + 77");
	test_store_open(test);
	assert_false(test->opening.salvaged);
	must(test, store_outbox_read(test->store, 1, 0, take_none, NULL, &test->info));
	assert_int_equal(store_outbox_read(test->store, 2, 0, take_none, NULL, &test->info), ERR_CORRUPT);
	assert_non_null(strstr(test->info.text, "stream b, sequence 77"));
	test_store_reopen(test);
	assert_int_equal(look_at_salvaged(test), 0);
	assert_non_null(strstr(test->opening.text, "stream b, sequence 77"));
	/* 30 amendments and 15 new documents of each stream were not acknowledged. */
	assert_non_null(strstr(test->opening.text, "90 not acknowledged"));
	assert_int_equal(test->opening.documents_kept, 2 * DOCUMENTS);
	assert_int_equal(test->opening.rows_lost, 0);
	use_salvaged(test);
}

/* A row that is missing in the middle of the outbox is damage, not the end of it. */
static void missing_event_is_damage(void **state)
{
	struct test_store *test = *state;
	fill(test);
	test_store_sql(test, "DELETE FROM outbox WHERE id = (1 << 40) + 300");
	test_store_open(test);
	assert_int_equal(store_outbox_read(test->store, 1, 298, take_none, NULL, &test->info), ERR_CORRUPT);
	assert_non_null(strstr(test->info.text, "stream a, sequence 300"));
	test_store_reopen(test);
	assert_true(test->opening.salvaged);
}

/* What the next open finds by itself: a head that does not fit its rows, a changed row, a table that is gone. */
static void own_checks_find_what_sqlite_does_not(void **state)
{
	static const char *const changes[] = {
	    "DELETE FROM outbox WHERE id = (1 << 40) + 475",
	    "DELETE FROM outbox WHERE id = (1 << 40) + 1",
	    "UPDATE outbox SET chain = zeroblob(32) WHERE id = (2 << 40) + 475",
	    "INSERT INTO outbox SELECT (3 << 40) + 1, subject, revision, recorded, bytes_total, chain, "
	    "checksum, event "
	    "FROM outbox LIMIT 1",
	    "UPDATE streams SET acked = acked + 1 WHERE id = 1",
	    "DELETE FROM streams WHERE id = 1",
	    "UPDATE register SET revision = revision + 1 WHERE subject LIKE '%1000100'",
	    "DELETE FROM register WHERE subject LIKE '%1000100'",
	    "UPDATE history SET sequence = 9 WHERE subject LIKE '%1000010'",
	    "UPDATE acks SET last = last + 1",
	    "UPDATE watermarks SET value = 'there'",
	    "UPDATE units SET held = 7 WHERE key = 'key-3'",
	    "UPDATE exceptions SET open = 0 WHERE id = 5",
	    "UPDATE store SET salvages = 4",
	    "DELETE FROM store",
	    "DROP TABLE units",
	    "CREATE TABLE more(x)",
	    "DROP INDEX exceptions_open",
	    "PRAGMA user_version = 7",
	    "PRAGMA application_id = 7",
	    "PRAGMA journal_mode = DELETE",
	};
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		void *inner = NULL;
		set_up_empty(&inner);
		struct test_store *test = inner;
		fill(test);
		test_store_sql(test, changes[i]);
		test_store_open(test);
		if (!test->opening.salvaged)
			fail_msg("not found: %s", changes[i]);
		tear_down(&inner);
	}
}

/* The salvage is stopped before each of its renames and removals: the next open brings it to its end, and nothing that
 * was acknowledged is forgotten. */
static void interrupted_salvage_is_finished(void **state)
{
	int failures = 0;
	bool stopped = true;
	(void)state;
	for (int at = 1; stopped; at++) {
		void *inner = NULL;
		set_up_empty(&inner);
		struct test_store *test = inner;
		fill(test);
		test_store_sql(test, "UPDATE units SET held = 7 WHERE key = 'key-3'");
		test->hal.disk_calls_until_fail = at;
		enum err err = store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening,
		                          &test->info);
		stopped = test->hal.disk_calls_until_fail == 0;
		assert_true(stopped == (err != ERR_OK));
		test->hal.disk_calls_until_fail = 0;
		if (err != ERR_OK) {
			assert_int_equal(err, ERR_IO);
			failures++;
			test_store_open(test);
		}
		assert_true(test->opening.salvaged);
		assert_int_equal(test->opening.documents_kept, 2 * DOCUMENTS);
		assert_int_equal(store_first_revision(test->store), 1001);
		struct store_totals totals;
		store_totals(test->store, &totals);
		assert_int_equal(totals.documents, 2 * DOCUMENTS);
		assert_int_equal(totals.acked, 2 * ACKED);
		assert_int_equal(totals.queued, 0);
		use_salvaged(test);
		tear_down(&inner);
	}
	assert_true(failures >= 5);
}

/* Every salvage raises the first revision by 1000 and the epoch by at least one, also where the clock says 1970. */
static void salvages_count_up(void **state)
{
	struct test_store *test = *state;
	int64_t epoch = test->hal.wall_ns / NS_PER_S;
	fill(test);
	test->hal.wall_ns = 0;
	for (int salvage = 1; salvage <= 3; salvage++) {
		test_store_sql(test, "UPDATE acks SET at = at + 1");
		test_store_open(test);
		assert_true(test->opening.salvaged);
		assert_int_equal(store_first_revision(test->store), salvage * 1000 + 1);
		assert_true(test_stream(test, "a")->epoch > epoch);
		epoch = test_stream(test, "a")->epoch;
		assert_int_equal(test_stream(test, "new")->epoch, epoch);
		test_append_many(test, "a", 3000 + salvage * 10, 3005 + salvage * 10, salvage * 1000 + 1,
		                 100);
		test_acknowledge(test, "a", 6, 0);
		struct store_totals totals;
		store_totals(test->store, &totals);
		assert_int_equal(totals.documents, 2 * DOCUMENTS + 6 * salvage);
		assert_int_equal(totals.acked, 2 * ACKED + 6 * salvage);
		test_store_close(test);
	}
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up_empty, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(damage_is_never_passed_over),
	    WITH_STORE(cut_files_are_salvaged),
	    WITH_STORE(garbage_is_put_aside),
	    WITH_STORE(changed_event_is_told_with_its_place),
	    WITH_STORE(missing_event_is_damage),
	    cmocka_unit_test(own_checks_find_what_sqlite_does_not),
	    cmocka_unit_test(interrupted_salvage_is_finished),
	    WITH_STORE(salvages_count_up),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
