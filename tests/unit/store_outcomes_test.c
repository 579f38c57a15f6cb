/*
 * store_outcomes_test.c - what the cloud said of a document, its state and trace; and answers that are given again.
 *
 * Why:   a document's state is the last outcome that moved it; a message that comes twice is answered once.
 * Owns:  one directory for each test.
 * Runs in: the test suite.
 * Tests: store_forward/{outcomes,commands,trace}.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/commands.h"
#include "store_forward/outcomes.h"
#include "tests/unit/store_fixture.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

static void say(struct test_store *test, const char *subject, int64_t revision, enum store_outcome_code code,
                bool moved)
{
	struct store_outcome outcome = {.subject = span_of(subject),
	                                .revision = revision,
	                                .code = (uint8_t)code,
	                                .moved = moved,
	                                .message = SPAN_LITERAL("m-1"),
	                                .received_ns = test->hal.wall_ns};
	must(test, store_outcome_add(test->store, &outcome, &test->info));
}

static int state_of(struct test_store *test, const char *subject, int64_t revision)
{
	struct store_outcome_copy copy;
	enum err err = store_outcome_state(test->store, span_of(subject), revision, &copy, &test->info);
	if (err == ERR_NOT_FOUND)
		return 0;
	must(test, err);
	return copy.shown.code;
}

/* The state is the last outcome of that very revision that moved; the others stay in the history. */
static void state_is_the_last_that_moved(void **state)
{
	struct test_store *test = *state;
	begin(test);
	say(test, "s", 1, STORE_OUTCOME_RECEIVED, true);
	say(test, "s", 1, STORE_OUTCOME_REJECTED, true);
	say(test, "s", 1, STORE_OUTCOME_VALIDATED, false);
	say(test, "s", 2, STORE_OUTCOME_RECEIVED, true);
	say(test, "s1", 1, STORE_OUTCOME_OTHER, false);
	commit(test);
	begin(test);
	say(test, "s", 2, STORE_OUTCOME_BOOKED, true);
	assert_int_equal(state_of(test, "s", 2), STORE_OUTCOME_BOOKED);
	store_rollback(test->store);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(state_of(test, "s", 1), STORE_OUTCOME_REJECTED);
		assert_int_equal(state_of(test, "s", 2), STORE_OUTCOME_RECEIVED);
		assert_int_equal(state_of(test, "s", 3), 0);
		assert_int_equal(state_of(test, "s1", 1), 0);
		assert_int_equal(state_of(test, "other", 1), 0);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

/* Every word comes back, also at its limit; one byte more is refused, whichever it is. */
static void texts_come_back_whole(void **state)
{
	struct test_store *test = *state;
	char text[STORE_OUTCOME_TEXT_MAX + 1];
	struct store_outcome_copy copy;
	memset(text, 't', sizeof text);
	struct span word = {text, STORE_OUTCOME_WORD_MAX};
	const struct store_outcome full = {.subject = {text, STORE_SUBJECT_MAX},
	                                   .revision = 1,
	                                   .code = STORE_OUTCOME_REJECTED,
	                                   .moved = true,
	                                   .document = word,
	                                   .date = word,
	                                   .ledger = word,
	                                   .reason = word,
	                                   .reason_class = word,
	                                   .text = {text, STORE_OUTCOME_TEXT_MAX},
	                                   .message = word,
	                                   .at_ns = -7,
	                                   .received_ns = 8};
	struct store_outcome over[8];
	for (int i = 0; i < 8; i++)
		over[i] = full;
	over[0].subject.len++;
	over[1].document.len++;
	over[2].date.len++;
	over[3].ledger.len++;
	over[4].reason.len++;
	over[5].reason_class.len++;
	over[6].text.len++;
	over[7].message.len++;
	begin(test);
	for (int i = 0; i < 8; i++)
		assert_int_equal(store_outcome_add(test->store, &over[i], &test->info), ERR_TOO_LARGE);
	must(test, store_outcome_add(test->store, &full, &test->info));
	const struct store_outcome none[] = {
	    {.revision = 1, .code = STORE_OUTCOME_BOOKED},
	    {.subject = SPAN_LITERAL("s"), .code = STORE_OUTCOME_BOOKED},
	    {.subject = SPAN_LITERAL("s"), .revision = 1},
	    {.subject = SPAN_LITERAL("s"), .revision = 1, .code = STORE_OUTCOME_OTHER + 1},
	};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_int_equal(store_outcome_add(test->store, &none[i], &test->info), ERR_BAD_INPUT);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	must(test, store_outcome_state(test->store, full.subject, 1, &copy, &test->info));
	assert_true(span_equal(copy.shown.subject, full.subject) && span_equal(copy.shown.date, word) &&
	            span_equal(copy.shown.document, word) && span_equal(copy.shown.ledger, word) &&
	            span_equal(copy.shown.reason, word) && span_equal(copy.shown.reason_class, word) &&
	            span_equal(copy.shown.text, full.text) && span_equal(copy.shown.message, word));
	assert_int_equal(copy.shown.at_ns, -7);
	assert_int_equal(copy.shown.received_ns, 8);
	assert_true(copy.shown.moved);
}

struct said {
	int codes[STORE_OUTCOMES_MAX + 8];
	int count;
	int stop_after;
};

static bool collect(void *self, const struct store_outcome *outcome)
{
	struct said *said = self;
	said->codes[said->count++] = outcome->code;
	return said->count != said->stop_after;
}

/* STORE_OUTCOMES_MAX of one subject: the oldest that moved nothing goes first, then the oldest. */
static void a_subject_has_a_limit(void **state)
{
	struct test_store *test = *state;
	begin(test);
	say(test, "s", 1, STORE_OUTCOME_RECEIVED, true);
	say(test, "s", 1, STORE_OUTCOME_VALIDATED, true);
	for (int i = 2; i < STORE_OUTCOMES_MAX; i++)
		say(test, "s", 1, STORE_OUTCOME_OTHER, false);
	say(test, "s", 1, STORE_OUTCOME_BOOKED, true);
	struct said said = {.count = 0};
	must(test, store_outcomes_of(test->store, SPAN_LITERAL("s"), collect, &said, &test->info));
	assert_int_equal(said.count, STORE_OUTCOMES_MAX);
	assert_int_equal(said.codes[0], STORE_OUTCOME_RECEIVED);
	assert_int_equal(said.codes[1], STORE_OUTCOME_VALIDATED);
	assert_int_equal(said.codes[STORE_OUTCOMES_MAX - 1], STORE_OUTCOME_BOOKED);
	for (int i = 0; i < STORE_OUTCOMES_MAX; i++)
		say(test, "s", 2 + i, STORE_OUTCOME_RECEIVED, true);
	said = (struct said){.stop_after = 2};
	must(test, store_outcomes_of(test->store, SPAN_LITERAL("s"), collect, &said, &test->info));
	assert_int_equal(said.count, 2);
	assert_int_equal(state_of(test, "s", 1), 0);
	assert_int_equal(state_of(test, "s", 2), STORE_OUTCOME_RECEIVED);
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
}

static void codes_have_names(void **state)
{
	(void)state;
	assert_string_equal(store_outcome_name(STORE_OUTCOME_RECEIVED), "RECEIVED");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_VALIDATED), "VALIDATED");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_PARTIAL), "PARTIAL");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_BOOKED), "BOOKED");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_REJECTED), "REJECTED");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_DUPLICATE), "DUPLICATE");
	assert_string_equal(store_outcome_name(STORE_OUTCOME_OTHER), "OTHER");
}

struct lines {
	char text[512];
};

static bool collect_line(void *self, const struct store_trace_line *line)
{
	struct lines *lines = self;
	size_t used = strlen(lines->text);
	snprintf(lines->text + used, sizeof lines->text - used, "%lld %s %lld %.*s\n", (long long)line->at_ns,
	         line->what, (long long)line->revision, (int)line->text.len,
	         line->text.len ? line->text.data : "");
	return true;
}

/* Outcomes stand in the trace where they were received, with what the cloud called the document; so do marks. */
static void trace_shows_outcomes_and_marks(void **state)
{
	struct test_store *test = *state;
	bool fresh;
	const struct store_outcome booked = {.subject = SPAN_LITERAL("s"),
	                                     .revision = 1,
	                                     .code = STORE_OUTCOME_BOOKED,
	                                     .moved = true,
	                                     .document = SPAN_LITERAL("4711"),
	                                     .date = SPAN_LITERAL("2026-11-21"),
	                                     .ledger = SPAN_LITERAL("0L"),
	                                     .at_ns = 99,
	                                     .received_ns = 30};
	const struct store_outcome rejected = {.subject = SPAN_LITERAL("s"),
	                                       .revision = 1,
	                                       .code = STORE_OUTCOME_REJECTED,
	                                       .reason_class = SPAN_LITERAL("mapping"),
	                                       .reason = SPAN_LITERAL("R7"),
	                                       .text = SPAN_LITERAL("no account"),
	                                       .received_ns = 20};
	const struct store_exception exception = {.rule = SPAN_LITERAL("outcome-rejected"),
	                                          .source = SPAN_LITERAL("uplink"),
	                                          .key = SPAN_LITERAL("s"),
	                                          .text = SPAN_LITERAL("no account"),
	                                          .first_ns = 21};
	begin(test);
	must(test, store_outcome_add(test->store, &booked, &test->info));
	must(test, store_outcome_add(test->store, &rejected, &test->info));
	must(test, store_exception_raise(test->store, &exception, &fresh, &test->info));
	must(test, store_exception_mark(test->store, 1, true, SPAN_LITERAL("anna"), SPAN_LITERAL("mapped"),
	                                25, &test->info));
	commit(test);
	struct lines lines = {.text = ""};
	must(test, store_trace(test->store, SPAN_LITERAL("s"), collect_line, &lines, &test->info));
	assert_string_equal(lines.text,
	                    "20 outcome 1 REJECTED (changed nothing) class=mapping reason=R7: no account\n"
	                    "21 exception 0 outcome-rejected: no account\n"
	                    "25 exception-marked 0 outcome-rejected: acknowledged by anna: mapped\n"
	                    "30 outcome 1 BOOKED document=4711 date=2026-11-21 ledger=0L\n");
}

static struct digest digest_n(int n)
{
	struct digest digest;
	memset(digest.bytes, n, sizeof digest.bytes);
	return digest;
}

static enum err put(struct test_store *test, enum store_message_kind kind, const char *id, int content,
                    const char *result, int64_t now_ns)
{
	struct digest digest = digest_n(content);
	return store_message_put(test->store, kind, span_of(id), &digest, span_of(result), now_ns,
	                         &test->info);
}

static enum err seen(struct test_store *test, enum store_message_kind kind, const char *id, int content,
                     const char *want)
{
	struct buf result;
	struct digest digest = digest_n(content);
	buf_init(&result, 100);
	enum err err = store_message_seen(test->store, kind, span_of(id), &digest, &result, &test->info);
	assert_string_equal(buf_cstr(&result), want);
	buf_release(&result);
	return err;
}

/* Same id, same content: the answer again, the newest; other content: a conflict; the two kinds have ids of their
 * own. */
static void answers_are_given_again(void **state)
{
	struct test_store *test = *state;
	struct digest digest;
	assert_int_equal(seen(test, STORE_MESSAGE_COMMAND, "c-1", 1, ""), ERR_NOT_FOUND);
	begin(test);
	must(test, put(test, STORE_MESSAGE_COMMAND, "c-1", 1, "accepted", 10));
	assert_int_equal(put(test, STORE_MESSAGE_COMMAND, "c-1", 2, "other", 11), ERR_CONFLICT);
	must(test, put(test, STORE_MESSAGE_ACK, "c-1", 3, "taken", 12));
	commit(test);
	begin(test);
	must(test, put(test, STORE_MESSAGE_COMMAND, "c-1", 1, "done", 13));
	store_rollback(test->store);
	must(test, seen(test, STORE_MESSAGE_COMMAND, "c-1", 1, "accepted"));
	begin(test);
	must(test, put(test, STORE_MESSAGE_COMMAND, "c-1", 1, "done", 13));
	commit(test);
	for (int pass = 0; pass < 2; pass++) {
		must(test, seen(test, STORE_MESSAGE_COMMAND, "c-1", 1, "done"));
		assert_int_equal(seen(test, STORE_MESSAGE_COMMAND, "c-1", 3, ""), ERR_CONFLICT);
		must(test, seen(test, STORE_MESSAGE_ACK, "c-1", 3, "taken"));
		must(test, store_message_digest(test->store, STORE_MESSAGE_ACK, SPAN_LITERAL("c-1"), &digest,
		                                &test->info));
		assert_int_equal(digest.bytes[31], 3);
		assert_int_equal(store_message_count(test->store, STORE_MESSAGE_COMMAND), 1);
		test_store_reopen(test);
		assert_false(test->opening.salvaged);
	}
}

/* Id and answer at their limits and one over. */
static void answers_have_limits(void **state)
{
	struct test_store *test = *state;
	char *bytes = mem_alloc(STORE_MESSAGE_BYTES_MAX + 1);
	struct digest digest = digest_n(1);
	struct buf result;
	memset(bytes, 'i', STORE_MESSAGE_BYTES_MAX + 1);
	begin(test);
	assert_int_equal(put(test, STORE_MESSAGE_ACK, "", 1, "r", 1), ERR_BAD_INPUT);
	assert_int_equal(store_message_put(test->store, STORE_MESSAGE_ACK,
	                                   (struct span){bytes, STORE_MESSAGE_ID_MAX + 1}, &digest,
	                                   SPAN_LITERAL("r"), 1, &test->info),
	                 ERR_TOO_LARGE);
	assert_int_equal(store_message_put(test->store, STORE_MESSAGE_ACK, SPAN_LITERAL("a"), &digest,
	                                   (struct span){bytes, STORE_MESSAGE_BYTES_MAX + 1}, 1, &test->info),
	                 ERR_TOO_LARGE);
	must(test,
	     store_message_put(test->store, STORE_MESSAGE_ACK, (struct span){bytes, STORE_MESSAGE_ID_MAX},
	                       &digest, (struct span){bytes, STORE_MESSAGE_BYTES_MAX}, 1, &test->info));
	commit(test);
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	buf_init(&result, STORE_MESSAGE_BYTES_MAX);
	must(test,
	     store_message_seen(test->store, STORE_MESSAGE_ACK, (struct span){bytes, STORE_MESSAGE_ID_MAX},
	                        &digest, &result, &test->info));
	assert_int_equal(result.len, STORE_MESSAGE_BYTES_MAX);
	buf_release(&result);
	free(bytes);
}

/* STORE_MESSAGES_MAX of one kind: the oldest goes; the other kind stays. */
static void the_oldest_answer_goes(void **state)
{
	struct test_store *test = *state;
	char id[32];
	begin(test);
	must(test, put(test, STORE_MESSAGE_COMMAND, "first", 1, "r", 1));
	for (int i = 0; i <= STORE_MESSAGES_MAX; i++) {
		snprintf(id, sizeof id, "m-%d", i);
		if (i == STORE_MESSAGES_MAX)
			must(test, seen(test, STORE_MESSAGE_ACK, "m-0", 1, "r"));
		must(test, put(test, STORE_MESSAGE_ACK, id, 1, "r", 1));
	}
	commit(test);
	assert_int_equal(store_message_count(test->store, STORE_MESSAGE_ACK), STORE_MESSAGES_MAX);
	assert_int_equal(seen(test, STORE_MESSAGE_ACK, "m-0", 1, ""), ERR_NOT_FOUND);
	must(test, seen(test, STORE_MESSAGE_ACK, "m-1", 1, "r"));
	must(test, seen(test, STORE_MESSAGE_COMMAND, "first", 1, "r"));
	test_store_reopen(test);
	assert_false(test->opening.salvaged);
	assert_int_equal(store_message_count(test->store, STORE_MESSAGE_ACK), STORE_MESSAGES_MAX);
}

/* Kept seven days to the nanosecond from when it was first taken; one of a clock that was ahead begins again. */
static void answers_are_kept_seven_days(void **state)
{
	struct test_store *test = *state;
	int64_t t = test->hal.wall_ns;
	int deleted = -1;
	begin(test);
	must(test, put(test, STORE_MESSAGE_ACK, "a", 1, "r", t));
	must(test, put(test, STORE_MESSAGE_ACK, "b", 1, "r", t));
	must(test, put(test, STORE_MESSAGE_COMMAND, "c", 1, "r", t));
	must(test, put(test, STORE_MESSAGE_COMMAND, "ahead", 1, "answer", t + 400 * DAY_NS));
	must(test,
	     put(test, STORE_MESSAGE_ACK, "a", 1, "again", t + DAY_NS)); /* its time does not begin again */
	must(test, store_messages_prune(test->store, t + 7 * DAY_NS - 1, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_messages_prune(test->store, t + 7 * DAY_NS, 1, &deleted, &test->info));
	assert_int_equal(deleted, 1);
	assert_int_equal(seen(test, STORE_MESSAGE_ACK, "a", 1, ""), ERR_NOT_FOUND);
	must(test, store_messages_prune(test->store, t + 7 * DAY_NS, 100, &deleted, &test->info));
	assert_int_equal(deleted, 2);
	must(test, seen(test, STORE_MESSAGE_COMMAND, "ahead", 1, "answer"));
	must(test, store_messages_prune(test->store, t + 14 * DAY_NS - 1, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	must(test, store_messages_prune(test->store, t + 14 * DAY_NS, 100, &deleted, &test->info));
	assert_int_equal(deleted, 1);
	must(test, store_messages_prune(test->store, INT64_MAX, 100, &deleted, &test->info));
	assert_int_equal(deleted, 0);
	commit(test);
}

int main(void)
{
#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(state_is_the_last_that_moved),
	    WITH_STORE(texts_come_back_whole),
	    WITH_STORE(a_subject_has_a_limit),
	    cmocka_unit_test(codes_have_names),
	    WITH_STORE(trace_shows_outcomes_and_marks),
	    WITH_STORE(answers_are_given_again),
	    WITH_STORE(answers_have_limits),
	    WITH_STORE(the_oldest_answer_goes),
	    WITH_STORE(answers_are_kept_seven_days),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
