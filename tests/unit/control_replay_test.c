/*
 * control_replay_test.c - sending again, and what trace tells of a document, with a real store.
 *
 * Why:   half of a range would look whole to who asked for it.
 * Owns:  nothing; see control_change_fixture.h.
 * Rules: as in control_change_fixture.h.
 * Runs in: the tests.
 * Tests: firmware/control_{replay,lists}.c
 */
#include "tests/unit/control_change_fixture.h"

/* ---- replays ---- */

/* A range is queued as asked, with what will be sent and where; without an end it goes to the last one. */
static void replays_are_queued(void **state)
{
	struct world *world = *state;
	struct store_replay replay;
	test_append_many(&world->test, "00001", 1, 9, 1, 300);
	const struct store_stream *stream = test_stream(&world->test, "00001");
	char target[100];
	const cJSON *data =
	    must(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":2,\"to\":5,"
	                "\"why\":\"they lost a disk\"}");
	assert_int_equal(number(data, "events"), 4);
	assert_int_equal(number(data, "waiting"), 1);
	assert_string_equal(text(data, "topic"), "tp1/acme/plant-1/up/replay/00001");
	(void)snprintf(target, sizeof target, "stream 00001 epoch %lld 2..5", (long long)stream->epoch);
	assert_newest_entry(world, "replay", target, "they lost a disk");
	restart(world);
	test_store_must(&world->test, store_replay_first(world->test.store, &replay, &world->test.info),
	                "first");
	assert_int_equal(replay.from, 2);
	assert_int_equal(replay.to, 5);
	assert_int_equal(replay.next, 2);
	assert_string_equal(replay.command, "");
	data = must(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":9,\"why\":\"x\"}");
	assert_int_equal(number(data, "from"), 9);
	assert_int_equal(number(data, "to"), 9);
	data = must(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":1,\"why\":\"x\"}");
	assert_int_equal(number(data, "to"), 9);
	assert_int_equal(number(data, "waiting"), 3);
}

/* Ranges that are not there: the wrong way round, not given yet, removed by retention; each with what there is. */
static void ranges_are_judged(void **state)
{
	struct world *world = *state;
	struct test_store *test = &world->test;
	int deleted = 0;
	test_append_many(test, "00001", 1, 9, 1, 300);
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":5,\"to\":4,\"why\":\"x\"}",
	        "bad_request", "the range 5..4 is the wrong way round; the lower sequence stands first");
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":5,\"to\":10,\"why\":\"x\"}",
	        "not_found", "stream 00001 has no sequence 10 yet; the last one given is 9");
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":12,\"why\":\"x\"}",
	        "not_found", "stream 00001 has no sequence 12 yet; the last one given is 9");
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00002\",\"from\":1,\"why\":\"x\"}",
	        "not_found", "there is no stream \"00002\"; known: 00001");
	refused(world,
	        "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":1099511627776,\"why\":\"x\"}",
	        "bad_request", "from must be a whole number; allowed is 1 to 1099511627775");
	test_acknowledge(test, "00001", 4, test->hal.wall_ns);
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test,
	                store_prune(test->store, test->hal.wall_ns + 2 * test->options.retention_ns, 100,
	                            &deleted, &test->info),
	                "prune");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	assert_int_equal(deleted, 4);
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":4,\"why\":\"x\"}",
	        "not_found",
	        "retention has removed sequence 4 of stream 00001; from 5 to 9 there is something");
	(void)must(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":5,\"why\":\"x\"}");
	refused(
	    world, "{\"v\":1,\"cmd\":\"resend\",\"subject\":\"00001/journal/2026/1000003\",\"why\":\"x\"}",
	    "not_found", "retention has removed sequence 3 of stream 00001; from 5 to 9 there is something");
	test_acknowledge(test, "00001", 9, test->hal.wall_ns);
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test,
	                store_prune(test->store, test->hal.wall_ns + 2 * test->options.retention_ns, 100,
	                            &deleted, &test->info),
	                "prune");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	refused(
	    world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":4,\"why\":\"x\"}", "not_found",
	    "stream 00001 has nothing left to send again: retention has removed all up to 9; store.retention "
	    "says for how long events are kept");
}

/* STORE_REPLAYS_MAX wait: one more is refused, and changes nothing. */
static void replays_are_bounded(void **state)
{
	struct world *world = *state;
	struct test_store *test = &world->test;
	test_append_many(test, "00001", 1, 1, 1, 300);
	const struct store_stream *stream = test_stream(test, "00001");
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	for (int i = 1; i < STORE_REPLAYS_MAX; i++) {
		struct store_replay replay = {
		    .stream = stream->id, .epoch = stream->epoch, .from = 1, .to = 1};
		test_store_must(test, store_replay_add(test->store, &replay, &test->info), "add");
	}
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	(void)must(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":1,\"why\":\"x\"}");
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":1,\"why\":\"x\"}",
	        "conflict", "1000 replays wait already; ask again when some of them are sent");
	assert_int_equal(audited(world), 1);
}

static void append_part(struct world *world, const struct store_stream *stream, int n, int part, int parts)
{
	struct test_store *test = &world->test;
	struct test_document document;
	test_document_make(&document, n, 1, 300);
	const struct store_append append = {
	    .stream = stream->id,
	    .subject = span_of(document.subject),
	    .event = {document.event, document.event_len},
	    .leaf = document.content,
	    .part = part,
	    .parts = parts,
	    .source_name = SPAN_LITERAL("erp"),
	    .document = {.revision = 1, .content = document.content, .recorded_ns = test->hal.wall_ns},
	};
	test_store_must(test, store_append(test->store, &append, &test->info), "append");
}

/* Three parts of document 7 as sequences 3, 4, 5. */
static const struct store_stream *append_parts(struct world *world)
{
	struct test_store *test = &world->test;
	test_append_many(test, "00001", 1, 2, 1, 300);
	const struct store_stream *stream = test_stream(test, "00001");
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	for (int part = 1; part <= 3; part++)
		append_part(world, stream, 7, part, 3);
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	return stream;
}

/* A document is sent again by its newest revision, whole: all of its parts. */
static void documents_are_resent(void **state)
{
	struct world *world = *state;
	(void)append_parts(world);
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"resend\",\"subject\":"
	                                "\"00001/journal/2026/1000007\",\"why\":\"never arrived\"}");
	assert_int_equal(number(data, "from"), 3);
	assert_int_equal(number(data, "to"), 5);
	assert_int_equal(number(data, "revision"), 1);
	assert_newest_entry(world, "resend", "00001/journal/2026/1000007 revision 1", "never arrived");
	test_append_many(&world->test, "00001", 1, 1, 2, 300);
	data = must(world,
	            "{\"v\":1,\"cmd\":\"resend\",\"subject\":\"00001/journal/2026/1000001\",\"why\":\"x\"}");
	assert_int_equal(number(data, "from"), 6);
	assert_int_equal(number(data, "to"), 6);
	assert_int_equal(number(data, "revision"), 2);
	refused(world, "{\"v\":1,\"cmd\":\"resend\",\"subject\":\"JE-1\",\"why\":\"x\"}", "not_found",
	        "\"JE-1\" was never sent; a subject is entity/type/year/number, such as "
	        "00001/invoice/2024/RI-1001");
}

/* ---- trace ---- */

/* A revision's line has its parts, and the checkpoint that covers the last of them, with its receipt. */
static void trace_tells_the_checkpoint(void **state)
{
	struct world *world = *state;
	struct test_store *test = &world->test;
	const struct store_stream *stream = append_parts(world);
	static const char request[] =
	    "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"00001/journal/2026/1000007\"}";
	const cJSON *line = entry(must(world, request), "lines", 0);
	assert_int_equal(number(line, "parts"), 3);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "checkpoint")));
	/* One that ends inside of the document does not cover it. */
	for (int64_t size = 4; size <= 5; size++) {
		struct store_checkpoint checkpoint = {.stream = stream->id,
		                                      .size = size,
		                                      .note = SPAN_LITERAL("note\n"),
		                                      .made_ns = test->hal.wall_ns};
		test_store_must(test, store_begin(test->store, &test->info), "begin");
		test_store_must(
		    test, store_tree_root_at(test->store, stream->id, size, &checkpoint.root, &test->info),
		    "root");
		test_store_must(test, store_checkpoint_add(test->store, &checkpoint, &test->info),
		                "checkpoint");
		test_store_must(test, store_commit(test->store, &test->info), "commit");
	}
	const cJSON *shown = cJSON_GetObjectItem(entry(must(world, request), "lines", 0), "checkpoint");
	assert_int_equal(number(shown, "size"), 5);
	assert_string_equal(text(shown, "made"), "2026-01-02T03:04:05.000Z");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(shown, "receipted")));
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test,
	                store_checkpoint_receipt(test->store, stream->id, 0, 5, SPAN_LITERAL("receipt\n"),
	                                         test->hal.wall_ns + NS_PER_S, &test->info),
	                "receipt");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	shown = cJSON_GetObjectItem(entry(must(world, request), "lines", 0), "checkpoint");
	assert_string_equal(text(shown, "receipted"), "2026-01-02T03:04:06.000Z");
}

/* Outcomes stand in the trace as the store words them. */
static void trace_tells_outcomes(void **state)
{
	struct world *world = *state;
	struct test_store *test = &world->test;
	test_append_many(test, "00001", 1, 1, 1, 300);
	const struct store_outcome outcome = {.subject = SPAN_LITERAL("00001/journal/2026/1000001"),
	                                      .revision = 1,
	                                      .code = STORE_OUTCOME_BOOKED,
	                                      .moved = true,
	                                      .document = SPAN_LITERAL("4711"),
	                                      .message = SPAN_LITERAL("m-1"),
	                                      .received_ns = test->hal.wall_ns + 60 * NS_PER_S};
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test, store_outcome_add(test->store, &outcome, &test->info), "outcome");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	const cJSON *data =
	    must(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"00001/journal/2026/1000001\"}");
	const cJSON *line = entry(data, "lines", 1);
	assert_string_equal(text(line, "what"), "outcome");
	assert_string_equal(text(line, "text"), "BOOKED document=4711");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(replays_are_queued),   TEST(ranges_are_judged),          TEST(replays_are_bounded),
	    TEST(documents_are_resent), TEST(trace_tells_the_checkpoint), TEST(trace_tells_outcomes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
