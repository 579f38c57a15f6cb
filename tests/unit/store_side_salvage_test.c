/*
 * store_side_salvage_test.c - damage and failing disks under the tables beside the streams: found, never passed over.
 *
 * Why:   what the cloud said and what people did cannot be read again from the ERP: what can be read must be kept, and
 *        nothing be taken for what it is not.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{salvage_side,verify_side,side}.c and the files of the tables
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

#include <sqlite3.h>

#include "store_forward/audit.h"
#include "store_forward/commands.h"
#include "store_forward/mail.h"
#include "store_forward/meta.h"
#include "store_forward/outcomes.h"
#include "store_forward/replay.h"
#include "tests/lib/fault_vfs.h"
#include "tests/unit/store_fixture.h"

#define MAILS    300 /* of which the first DONE are done */
#define DONE     10
#define SUBJECTS 400 /* with two outcomes each */
#define ANSWERS  300
#define ENTRIES  200
#define REPLAYS  40
#define SEEDS    200
#define PAGE     8192

static int tear_down_faults(void **state)
{
	*fault_vfs_plan() = (struct fault_plan){0};
	return tear_down(state);
}

/* The n-th payload: its number, and then a run of one letter, of up to 1 KB. */
static struct span payload_of(int64_t n, char bytes[2048])
{
	size_t len = 8 + (size_t)(n * 37 % 1000);
	memset(bytes, (int)('a' + n % 26), len);
	int used = snprintf(bytes, 9, "%08d", (int)n);
	bytes[used] = (char)('a' + n % 26);
	return (struct span){bytes, len};
}

static struct digest digest_n(int64_t n)
{
	struct digest digest;
	memset(digest.bytes, (int)(n % 251), sizeof digest.bytes);
	return digest;
}

/* One of everything, numbered n. */
static enum err add_mail(struct test_store *test, int n)
{
	char bytes[2048];
	return store_mail_add(test->store, SPAN_LITERAL("up/exc"), payload_of(n, bytes), &test->info);
}

static enum err add_outcome(struct test_store *test, int n, enum store_outcome_code code)
{
	char subject[32];
	char document[32];
	snprintf(subject, sizeof subject, "00001/journal/2026/%d", 1000 + n);
	snprintf(document, sizeof document, "D-%d-%d", n, (int)code);
	const struct store_outcome outcome = {.subject = span_of(subject),
	                                      .revision = 1,
	                                      .code = (uint8_t)code,
	                                      .moved = true,
	                                      .document = span_of(document),
	                                      .message = SPAN_LITERAL("m"),
	                                      .received_ns = n};
	return store_outcome_add(test->store, &outcome, &test->info);
}

static enum err add_answer(struct test_store *test, int n)
{
	char id[32];
	struct digest digest = digest_n(n);
	snprintf(id, sizeof id, "id-%d", n);
	return store_message_put(test->store, n % 2 ? STORE_MESSAGE_ACK : STORE_MESSAGE_COMMAND, span_of(id),
	                         &digest, span_of(id), test->hal.wall_ns, &test->info);
}

static enum err add_entry(struct test_store *test, int n)
{
	char why[200];
	snprintf(why, sizeof why,
	         "entry %d, because of what happened before it, and of what is to happen after", n);
	const struct store_audit_entry entry = {.at_ns = n * NS_PER_S,
	                                        .who = SPAN_LITERAL("anna"),
	                                        .action = SPAN_LITERAL("pause"),
	                                        .target = SPAN_LITERAL("erp"),
	                                        .why = span_of(why)};
	return store_audit_add(test->store, &entry, &test->info);
}

static enum err add_replay(struct test_store *test, int n)
{
	struct store_replay replay = {.stream = 1, .epoch = 1, .from = n, .to = n + 10, .command = "c"};
	return store_replay_add(test->store, &replay, &test->info);
}

static enum err put_meta(struct test_store *test, int n)
{
	char key[16];
	snprintf(key, sizeof key, "key-%d", n);
	return store_meta_put(test->store, key, span_of(key), &test->info);
}

static void fill(struct test_store *test)
{
	test_store_open(test);
	test_append_many(test, "a", 1, 50, 1, 500);
	test_acknowledge(test, "a", 50, test->hal.wall_ns);
	must(test, store_begin(test->store, &test->info));
	for (int n = 1; n <= MAILS; n++)
		must(test, add_mail(test, n));
	for (int n = 1; n <= SUBJECTS; n++) {
		must(test, add_outcome(test, n, STORE_OUTCOME_RECEIVED));
		must(test, add_outcome(test, n, STORE_OUTCOME_BOOKED));
	}
	for (int n = 1; n <= ANSWERS; n++)
		must(test, add_answer(test, n));
	for (int n = 1; n <= ENTRIES; n++)
		must(test, add_entry(test, n));
	for (int n = 1; n <= REPLAYS; n++)
		must(test, add_replay(test, n));
	for (int n = 1; n <= 5; n++)
		must(test, put_meta(test, n));
	must(test, store_commit(test->store, &test->info));
	must(test, store_begin(test->store, &test->info));
	must(test, store_mail_done(test->store, DONE, &test->info));
	must(test, store_commit(test->store, &test->info));
	test_store_close(test);
}

struct looking {
	int64_t seen;
	int64_t last;
	bool wrong;
};

/* The payload is that of its number, and numbers rise. */
static bool look_at_mail(void *self, int64_t id, struct span topic, struct span payload)
{
	struct looking *looking = self;
	char digits[9] = "";
	char bytes[2048];
	(void)id;
	if (payload.len >= 8)
		memcpy(digits, payload.data, 8);
	int64_t n = strtoll(digits, NULL, 10);
	looking->wrong = looking->wrong || n <= looking->last || n > MAILS ||
	                 !span_equal(payload, payload_of(n, bytes)) ||
	                 !span_equal(topic, SPAN_LITERAL("up/exc"));
	looking->last = n;
	looking->seen++;
	return true;
}

/* How many of the subjects have both outcomes, one, or none; any other is wrong. */
static enum err look_at_outcomes(struct test_store *test, int64_t *found)
{
	enum err err = ERR_OK;
	for (int n = 1; n <= SUBJECTS && err == ERR_OK; n++) {
		char subject[32];
		char document[32];
		struct store_outcome_copy copy;
		snprintf(subject, sizeof subject, "00001/journal/2026/%d", 1000 + n);
		err = store_outcome_state(test->store, span_of(subject), 1, &copy, &test->info);
		if (err == ERR_OK) {
			snprintf(document, sizeof document, "D-%d-%d", n, copy.shown.code);
			assert_true(span_equal(copy.shown.document, span_of(document)));
			++*found;
		}
		err = err == ERR_NOT_FOUND ? ERR_OK : err;
	}
	return err;
}

static enum err look_at_answers(struct test_store *test, int64_t *found)
{
	enum err err = ERR_OK;
	struct buf result;
	buf_init(&result, 100);
	for (int n = 1; n <= ANSWERS && err == ERR_OK; n++) {
		char id[32];
		struct digest digest = digest_n(n);
		snprintf(id, sizeof id, "id-%d", n);
		err = store_message_seen(test->store, n % 2 ? STORE_MESSAGE_ACK : STORE_MESSAGE_COMMAND,
		                         span_of(id), &digest, &result, &test->info);
		assert_true(err != ERR_CONFLICT);
		if (err == ERR_OK) {
			assert_string_equal(buf_cstr(&result), id);
			++*found;
		}
		err = err == ERR_NOT_FOUND ? ERR_OK : err;
	}
	buf_release(&result);
	return err;
}

static enum err look_at_meta(struct test_store *test, int64_t *found)
{
	enum err err = ERR_OK;
	struct buf value;
	buf_init(&value, 100);
	for (int n = 1; n <= 5 && err == ERR_OK; n++) {
		char key[16];
		snprintf(key, sizeof key, "key-%d", n);
		err = store_meta_get(test->store, key, &value, &test->info);
		if (err == ERR_OK) {
			assert_string_equal(buf_cstr(&value), key);
			++*found;
		}
		err = err == ERR_NOT_FOUND ? ERR_OK : err;
	}
	buf_release(&value);
	return err;
}

struct found {
	int64_t mails;
	int64_t outcomes;
	int64_t answers;
	int64_t values;
	int64_t entries;
};

/* ERR_OK: nothing that is there is wrong. */
static enum err look(struct test_store *test, struct found *found)
{
	struct looking mail = {0};
	*found = (struct found){0};
	enum err err = store_mail_read(test->store, 0, look_at_mail, &mail, &test->info);
	assert_false(mail.wrong);
	found->mails = mail.seen;
	if (err == ERR_OK)
		err = look_at_outcomes(test, &found->outcomes);
	if (err == ERR_OK)
		err = look_at_answers(test, &found->answers);
	if (err == ERR_OK)
		err = look_at_meta(test, &found->values);
	if (err == ERR_OK)
		err = store_audit_verify(test->store, &found->entries, &test->info);
	return err;
}

static bool is_salvage_entry(void *self, const struct store_audit_entry *entry)
{
	bool *is = self;
	*is = span_equal(entry->action, SPAN_LITERAL("store salvaged"));
	return false;
}

/* After any salvage: nothing wrong, the audit fits and ends with the salvage, the mail has no gaps, and the store goes
 * on in all tables. */
static void look_at_salvaged(struct test_store *test, struct found *found)
{
	bool is_last = false;
	struct store_replay replay;
	must(test, look(test, found));
	must(test, store_audit_read(test->store, 0, is_salvage_entry, &is_last, &test->info));
	assert_true(is_last);
	assert_true(found->entries >= 1 && found->entries <= ENTRIES + 1);
	assert_int_equal(store_mail_committed(test->store) - store_mail_acked(test->store), found->mails);
	enum err err = store_replay_first(test->store, &replay, &test->info);
	assert_true(err == ERR_NOT_FOUND ||
	            (err == ERR_OK && replay.epoch == 1 && replay.to == replay.from + 10));
	must(test, store_begin(test->store, &test->info));
	test_stream(test, "a");
	must(test, add_mail(test, MAILS + 1));
	must(test, add_outcome(test, SUBJECTS + 1, STORE_OUTCOME_BOOKED));
	must(test, add_answer(test, ANSWERS + 1));
	must(test, add_entry(test, ENTRIES + 1));
	must(test, add_replay(test, 1));
	must(test, put_meta(test, 6));
	must(test, store_commit(test->store, &test->info));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

/* SplitMix64, as in test_hal. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* A bit, a few bytes, a sector of zeroes, or a page of noise. */
static void damage(struct test_file *file, uint64_t seed)
{
	uint64_t random = seed;
	size_t at = next_random(&random) % file->len;
	switch (seed % 4) {
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
	default:
		for (size_t i = 0; i < PAGE; i++)
			file->bytes[at / PAGE * PAGE + i] = (uint8_t)next_random(&random);
		break;
	}
}

static void remove_damaged(struct test_store *test)
{
	char log[300];
	test_store_close(test);
	unlink(test->opening.damaged_path);
	snprintf(log, sizeof log, "%s-wal", test->opening.damaged_path);
	unlink(log);
}

/* 200 kinds of damage: found at open or when the row is read, salvaged, and what is kept is as it was written. */
static void damage_is_never_passed_over(void **state)
{
	struct test_store *test = *state;
	struct test_file good;
	int harmless = 0;
	int partly = 0;
	fill(test);
	test_file_read(&good, test->path);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct test_file bad = {mem_alloc(good.len), good.len};
		struct found found;
		memcpy(bad.bytes, good.bytes, good.len);
		damage(&bad, seed);
		test_file_write(&bad, test->path);
		test_file_free(&bad);
		test_store_open(test);
		enum err err = test->opening.salvaged ? ERR_CORRUPT : look(test, &found);
		if (err == ERR_OK) {
			assert_true(found.mails == MAILS - DONE && found.outcomes == SUBJECTS &&
			            found.answers == ANSWERS && found.values == 5 &&
			            found.entries == ENTRIES);
			harmless++;
			test_store_close(test);
			continue;
		}
		assert_int_equal(err, ERR_CORRUPT);
		if (!test->opening.salvaged)
			test_store_reopen(test);
		assert_true(test->opening.salvaged);
		struct store_opening opening = test->opening;
		look_at_salvaged(test, &found);
		bool all = strstr(opening.text, "nothing could be read") != NULL;
		bool missing = found.mails < MAILS - DONE || found.outcomes < SUBJECTS ||
		               found.answers < ANSWERS || found.entries < ENTRIES;
		if (missing && !all && opening.rows_lost == 0)
			fail_msg("seed %d: rows are missing and none is told to be lost", (int)seed);
		partly += missing && found.mails + found.outcomes + found.answers + found.entries > 1;
		test->opening = opening;
		remove_damaged(test);
	}
	print_message("# %d kinds of damage: %d harmless, %d cost some rows\n", SEEDS, harmless, partly);
	assert_true(harmless > 0 && partly > 10);
	test_file_free(&good);
}

/* What SQLite does not see, and the open finds: changed rows, rows that are missing in the middle or at an end, heads
 * that do not fit. What is not touched is kept whole. */
static void own_checks_find_what_sqlite_does_not(void **state)
{
	static const struct {
		const char *sql;
		struct found want;
	} changes[] = {
	    {"UPDATE mail SET payload = zeroblob(3) WHERE id = 100", {289, 400, 300, 5, 201}},
	    {"DELETE FROM mail WHERE id = 100", {289, 400, 300, 5, 201}},
	    {"DELETE FROM mail WHERE id = 300", {289, 400, 300, 5, 201}},
	    {"DELETE FROM mail WHERE id = 11", {289, 400, 300, 5, 201}},
	    {"DELETE FROM mail", {0, 400, 300, 5, 201}},
	    {"UPDATE replays SET next = next + 1 WHERE id = 3", {290, 400, 300, 5, 201}},
	    {"UPDATE outcomes SET moved = 0 WHERE subject LIKE '%1100' AND n = 2", {290, 400, 300, 5, 201}},
	    {"UPDATE outcomes SET document = 'x' WHERE subject LIKE '%1100'", {290, 399, 300, 5, 201}},
	    {"UPDATE messages SET result = zeroblob(1) WHERE message = 'id-7'", {290, 400, 299, 5, 201}},
	    {"UPDATE audit SET who = 'bert' WHERE id = 150", {290, 400, 300, 5, 150}},
	    {"DELETE FROM audit WHERE id = 1", {290, 400, 300, 5, 1}},
	    {"DELETE FROM audit WHERE id = 200", {290, 400, 300, 5, 200}},
	    {"UPDATE meta SET value = zeroblob(1) WHERE key = 'key-3'", {290, 400, 300, 4, 201}},
	    {"UPDATE heads SET low = 0 WHERE name = 'mail'", {290, 400, 300, 5, 201}},
	    {"DELETE FROM heads WHERE name = 'replay'", {290, 400, 300, 5, 201}},
	    {"DELETE FROM heads", {290, 400, 300, 5, 201}},
	    {"UPDATE heads SET name = 'other' WHERE name = 'audit'", {290, 400, 300, 5, 201}},
	    {"DROP TABLE meta", {290, 400, 300, 0, 201}},
	    {"DROP INDEX messages_key", {290, 400, 300, 5, 201}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		void *inner = NULL;
		struct found found;
		set_up_empty(&inner);
		struct test_store *test = inner;
		fill(test);
		test_store_sql(test, changes[i].sql);
		test_store_open(test);
		if (!test->opening.salvaged)
			fail_msg("not found: %s", changes[i].sql);
		look_at_salvaged(test, &found);
		if (memcmp(&found, &changes[i].want, sizeof found) != 0)
			fail_msg("%s: %d mails, %d outcomes, %d answers, %d values, %d entries",
			         changes[i].sql, (int)found.mails, (int)found.outcomes, (int)found.answers,
			         (int)found.values, (int)found.entries);
		tear_down_faults(&inner);
	}
}

/* What the workload was told is durable. */
struct promised {
	int64_t rounds;
};

/* A transaction that touches every table; its number is in each row. */
static enum err one_round(struct test_store *test, int n)
{
	bool fresh;
	char key[16];
	struct store_exception exception = {.rule = SPAN_LITERAL("r"), .source = SPAN_LITERAL("erp")};
	snprintf(key, sizeof key, "key-%d", n);
	exception.key = span_of(key);
	enum err err = store_begin(test->store, &test->info);
	for (int i = 0; i < 20 && err == ERR_OK; i++)
		err = add_mail(test, (n - 1) * 20 + i + 1);
	if (err == ERR_OK && n > 1)
		err = store_mail_done(test->store, (n - 1) * 20 - 10, &test->info);
	if (err == ERR_OK)
		err = add_outcome(test, n, STORE_OUTCOME_BOOKED);
	if (err == ERR_OK)
		err = add_answer(test, n);
	if (err == ERR_OK)
		err = add_entry(test, n);
	if (err == ERR_OK)
		err = add_replay(test, n);
	if (err == ERR_OK)
		err = put_meta(test, 1);
	if (err == ERR_OK)
		err = store_exception_raise(test->store, &exception, &fresh, &test->info);
	if (err == ERR_OK)
		err = store_exception_mark(test->store, n, true, SPAN_LITERAL("anna"), SPAN_LITERAL("n"), 1,
		                           &test->info);
	if (err == ERR_OK)
		err = store_commit(test->store, &test->info);
	if (err != ERR_OK)
		store_rollback(test->store);
	return err;
}

#define ROUNDS 6

static void run_rounds(struct test_store *test, struct promised *promised)
{
	for (int i = 0; i < ROUNDS; i++) {
		enum err err = one_round(test, (int)promised->rounds + 1);
		if (err == ERR_OK)
			promised->rounds++;
		else
			assert_true(err == ERR_FULL || err == ERR_IO);
	}
}

static bool count_change(void *self, const struct store_exception *exception)
{
	int64_t *count = self;
	assert_true(exception->acknowledged);
	++*count;
	return true;
}

/* All tables stand at the same transaction: the last that was promised, or after a reopen the one that failed. */
static void assert_promises(struct test_store *test, struct promised *promised, bool reopened)
{
	struct found found;
	struct digest digest;
	int64_t rounds = store_audit_head(test->store, &digest);
	int64_t changes = 0;
	assert_true(rounds == promised->rounds || (reopened && rounds == promised->rounds + 1));
	must(test, look(test, &found));
	assert_int_equal(found.entries, rounds);
	assert_int_equal(found.outcomes, rounds);
	assert_int_equal(found.answers, rounds);
	assert_int_equal(found.mails, rounds > 1 ? 30 : rounds * 20);
	assert_int_equal(store_mail_committed(test->store), rounds * 20);
	assert_int_equal(store_replay_count(test->store), rounds);
	must(test, store_exceptions_changed(test->store, 0, 1000, count_change, &changes, &test->info));
	assert_int_equal(changes, rounds);
	assert_int_equal(store_exceptions_open(test->store), rounds);
	promised->rounds = rounds;
}

/* Every n-th operation of the disk fails: the transaction that touches all tables is there whole, or not at all. */
static void every_operation_may_fail(void **state)
{
	(void)state;
	static const struct fault_plan plans[] = {
	    {.length = 1, .code = SQLITE_FULL},
	    {.length = 1, .code = SQLITE_IOERR_WRITE, .half = true},
	    {.length = 30, .code = SQLITE_FULL, .half = true},
	};
	struct fault_plan *plan = fault_vfs_plan();
	for (size_t which = 0; which < sizeof plans / sizeof plans[0]; which++) {
		int failed = 1;
		int runs = 0;
		for (int at = 1; failed > 0; at += 1 + at / 30) {
			void *inner = NULL;
			struct promised promised = {0};
			set_up_empty(&inner);
			struct test_store *test = inner;
			*plan = (struct fault_plan){0};
			test->hal.vfs = FAULT_VFS_NAME;
			test_store_open(test);
			test_stream(test, "a");
			*plan = plans[which];
			plan->at = at;
			run_rounds(test, &promised);
			failed = plan->failed;
			*plan = (struct fault_plan){0};
			assert_promises(test, &promised, false);
			int64_t before = promised.rounds;
			run_rounds(test, &promised);
			assert_int_equal(promised.rounds, before + ROUNDS);
			test_store_reopen(test);
			assert_false(test->opening.salvaged);
			assert_promises(test, &promised, true);
			tear_down_faults(&inner);
			runs++;
		}
		assert_true(runs > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(damage_is_never_passed_over, set_up_empty, tear_down_faults),
	    cmocka_unit_test(own_checks_find_what_sqlite_does_not),
	    cmocka_unit_test(every_operation_may_fail),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
