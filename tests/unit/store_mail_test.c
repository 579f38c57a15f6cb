/*
 * store_mail_test.c - messages beside the streams and replays: numbered without gaps, sent after their commit, limited.
 *
 * Why:   a checkpoint that is lost, or sent before its commit, cannot be taken back.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{mail,replay,side}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/mail.h"
#include "store_forward/replay.h"
#include "tests/unit/store_fixture.h"

static enum err add(struct test_store *test, const char *topic, const char *payload)
{
	return store_mail_add(test->store, span_of(topic), span_of(payload), &test->info);
}

static enum err done(struct test_store *test, int64_t upto)
{
	return store_mail_done(test->store, upto, &test->info);
}

/* What a reading gave: ids, and "topic=payload;" of all. */
struct mail {
	int64_t ids[16];
	int count;
	int stop_after;
	char text[512];
};

static bool collect(void *self, int64_t id, struct span topic, struct span payload)
{
	struct mail *mail = self;
	size_t used = strlen(mail->text);
	mail->ids[mail->count++] = id;
	snprintf(mail->text + used, sizeof mail->text - used, "%.*s=%.*s;", (int)topic.len, topic.data,
	         (int)payload.len, payload.len ? payload.data : "");
	return mail->count != mail->stop_after;
}

static struct mail read_after(struct test_store *test, int64_t after)
{
	struct mail mail = {.count = 0};
	must(test, store_mail_read(test->store, after, collect, &mail, &test->info));
	return mail;
}

/* Ids rise by one from 1; a row is read from its commit on and not before; one that was done is gone; a rollback gives
 * its ids back; all of it also after a reopen. */
static void ids_have_no_gaps(void **state)
{
	struct test_store *test = *state;
	assert_int_equal(store_mail_next_id(test->store), 1);
	assert_int_equal(store_mail_committed(test->store), 0);
	begin(test);
	must(test, add(test, "up/ckpt/00100", "one"));
	must(test, add(test, "up/exc", "two"));
	assert_int_equal(store_mail_next_id(test->store), 3);
	assert_int_equal(store_mail_committed(test->store), 0);
	assert_int_equal(read_after(test, 0).count, 0);
	commit(test);
	assert_int_equal(store_mail_committed(test->store), 2);
	begin(test);
	must(test, add(test, "up/res", "gone"));
	assert_string_equal(read_after(test, 0).text, "up/ckpt/00100=one;up/exc=two;");
	must(test, done(test, 1));
	store_rollback(test->store);
	assert_int_equal(store_mail_next_id(test->store), 3);
	assert_int_equal(store_mail_acked(test->store), 0);
	begin(test);
	must(test, add(test, "up/res", ""));
	must(test, done(test, 1));
	must(test, done(test, 1)); /* again: nothing */
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		struct mail mail = read_after(test, 0);
		assert_string_equal(mail.text, "up/exc=two;up/res=;");
		assert_int_equal(mail.ids[0], 2);
		assert_int_equal(mail.ids[1], 3);
		assert_string_equal(read_after(test, 2).text, "up/res=;");
		assert_int_equal(read_after(test, 3).count, 0);
		assert_int_equal(store_mail_acked(test->store), 1);
		assert_int_equal(store_mail_next_id(test->store), 4);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
	/* All gone: the numbers go on. */
	begin(test);
	must(test, done(test, 3));
	commit(test);
	test_store_reopen(test);
	assert_int_equal(store_mail_next_id(test->store), 4);
	assert_int_equal(store_mail_acked(test->store), 3);
	assert_int_equal(store_mail_committed(test->store), 3);
	assert_int_equal(read_after(test, 0).count, 0);
}

static void a_reader_may_stop(void **state)
{
	struct test_store *test = *state;
	begin(test);
	for (int i = 0; i < 5; i++)
		must(test, add(test, "up/exc", "x"));
	commit(test);
	struct mail mail = {.stop_after = 2};
	must(test, store_mail_read(test->store, 1, collect, &mail, &test->info));
	assert_int_equal(mail.count, 2);
	assert_int_equal(mail.ids[1], 3);
}

/* Nothing is done that was not committed. */
static void only_committed_mail_is_done(void **state)
{
	struct test_store *test = *state;
	begin(test);
	must(test, add(test, "up/exc", "x"));
	assert_int_equal(done(test, 1), ERR_BAD_INPUT);
	commit(test);
	begin(test);
	assert_int_equal(done(test, 2), ERR_BAD_INPUT);
	must(test, done(test, 1));
	commit(test);
}

/* Topic and payload at their limits and one over; topics that are none. A refusal costs the transaction nothing. */
static void mail_has_limits(void **state)
{
	struct test_store *test = *state;
	char topic[STORE_MAIL_TOPIC_MAX + 2];
	char *payload = mem_alloc(STORE_MAIL_BYTES_MAX + 1);
	static const char *const bad[] = {"",       "/",    "up/",  "/up",    "up//exc",
	                                  "up/Exc", "up/#", "up/+", "up/a.b", "up exc"};
	memset(topic, 'a', sizeof topic);
	memset(payload, 'p', STORE_MAIL_BYTES_MAX + 1);
	begin(test);
	assert_int_equal(store_mail_add(test->store, (struct span){topic, STORE_MAIL_TOPIC_MAX + 1},
	                                SPAN_LITERAL("x"), &test->info),
	                 ERR_TOO_LARGE);
	assert_int_equal(store_mail_add(test->store, SPAN_LITERAL("up/exc"),
	                                (struct span){payload, STORE_MAIL_BYTES_MAX + 1}, &test->info),
	                 ERR_TOO_LARGE);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(add(test, bad[i], "x"), ERR_BAD_INPUT);
	must(test, store_mail_add(test->store, (struct span){topic, STORE_MAIL_TOPIC_MAX},
	                          (struct span){payload, STORE_MAIL_BYTES_MAX}, &test->info));
	commit(test);
	assert_int_equal(store_mail_committed(test->store), 1);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	struct mail mail = read_after(test, 0);
	assert_int_equal(mail.count, 1);
	free(payload);
}

/* STORE_MAIL_ROWS_MAX wait: one more is refused, until one is done. */
static void mail_fills_up(void **state)
{
	struct test_store *test = *state;
	begin(test);
	for (int i = 0; i < STORE_MAIL_ROWS_MAX; i++)
		must(test, add(test, "up/exc", "x"));
	assert_int_equal(add(test, "up/exc", "x"), ERR_FULL);
	commit(test);
	begin(test);
	must(test, done(test, 1));
	must(test, add(test, "up/exc", "x"));
	assert_int_equal(add(test, "up/exc", "x"), ERR_FULL);
	must(test, done(test, STORE_MAIL_ROWS_MAX));
	commit(test);
	assert_int_equal(read_after(test, 0).ids[0], STORE_MAIL_ROWS_MAX + 1);
}

static struct store_replay replay_of(const char *command, int64_t from, int64_t to)
{
	struct store_replay replay = {.stream = 1, .epoch = 7, .from = from, .to = to};
	CHECK(text_copy(replay.command, sizeof replay.command, span_of(command)));
	return replay;
}

/* Served in order, remembered where they stand, ids never given again. */
static void replays_are_served_in_order(void **state)
{
	struct test_store *test = *state;
	struct store_replay first = replay_of("cmd-1", 5, 9);
	struct store_replay second = replay_of("cmd-2", 1, 1);
	struct store_replay found;
	test_stream(test, "a");
	assert_int_equal(store_replay_first(test->store, &found, &test->info), ERR_NOT_FOUND);
	begin(test);
	must(test, store_replay_add(test->store, &first, &test->info));
	must(test, store_replay_add(test->store, &second, &test->info));
	assert_int_equal(first.id, 1);
	assert_int_equal(first.next, 5);
	assert_int_equal(second.id, 2);
	commit(test);
	begin(test);
	must(test, store_replay_advance(test->store, 1, 7, &test->info));
	assert_int_equal(store_replay_advance(test->store, 1, 6, &test->info), ERR_BAD_INPUT);
	assert_int_equal(store_replay_advance(test->store, 1, 11, &test->info), ERR_BAD_INPUT);
	assert_int_equal(store_replay_advance(test->store, 3, 1, &test->info), ERR_NOT_FOUND);
	commit(test);
	test_store_reopen(test);
	assert_int_equal(store_replay_count(test->store), 2);
	must(test, store_replay_first(test->store, &found, &test->info));
	assert_int_equal(found.id, 1);
	assert_int_equal(found.stream, 1);
	assert_int_equal(found.epoch, 7);
	assert_int_equal(found.from, 5);
	assert_int_equal(found.to, 9);
	assert_int_equal(found.next, 7);
	assert_string_equal(found.command, "cmd-1");
	begin(test);
	must(test, store_replay_advance(test->store, 1, 10, &test->info)); /* all sent */
	must(test, store_replay_end(test->store, 1, &test->info));
	assert_int_equal(store_replay_end(test->store, 1, &test->info), ERR_NOT_FOUND);
	must(test, store_replay_first(test->store, &found, &test->info));
	assert_int_equal(found.id, 2);
	store_rollback(test->store);
	assert_int_equal(store_replay_count(test->store), 2);
	begin(test);
	must(test, store_replay_end(test->store, 1, &test->info));
	must(test, store_replay_end(test->store, 2, &test->info));
	commit(test);
	test_store_reopen(test);
	assert_int_equal(store_replay_count(test->store), 0);
	begin(test);
	must(test, store_replay_add(test->store, &first, &test->info));
	assert_int_equal(first.id, 3);
	commit(test);
}

static void replays_have_limits(void **state)
{
	struct test_store *test = *state;
	const struct store_replay bad[] = {replay_of("c", 0, 5), replay_of("c", 6, 5),
	                                   replay_of("c", 1, STORE_SEQUENCE_MAX + 1)};
	test_stream(test, "a");
	begin(test);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct store_replay replay = bad[i];
		assert_int_equal(store_replay_add(test->store, &replay, &test->info), ERR_BAD_INPUT);
	}
	char command[STORE_COMMAND_ID_MAX + 1];
	memset(command, 'c', sizeof command);
	command[STORE_COMMAND_ID_MAX] = 0;
	struct store_replay replay = replay_of(command, 1, STORE_SEQUENCE_MAX);
	for (int i = 0; i < STORE_REPLAYS_MAX; i++)
		must(test, store_replay_add(test->store, &replay, &test->info));
	assert_int_equal(store_replay_add(test->store, &replay, &test->info), ERR_FULL);
	must(test, store_replay_end(test->store, 500, &test->info));
	must(test, store_replay_add(test->store, &replay, &test->info));
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_replay_count(test->store), STORE_REPLAYS_MAX);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(ids_have_no_gaps),
	    WITH_STORE(a_reader_may_stop),
	    WITH_STORE(only_committed_mail_is_done),
	    WITH_STORE(mail_has_limits),
	    WITH_STORE(mail_fills_up),
	    WITH_STORE(replays_are_served_in_order),
	    WITH_STORE(replays_have_limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
