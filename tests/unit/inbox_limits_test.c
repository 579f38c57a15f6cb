/*
 * inbox_limits_test.c - answers at their limits: many streams in a digest, many documents to be sent again.
 *
 * Why:   an answer that no broker takes holds all that is sent beside the postings; one that says that it failed and
 *        did half of it makes people do it twice.
 * Owns:  one struct desk a test.
 * Rules: the box's clock stands at 2026-01-02T03:04:05.000Z (test_hal.h).
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "store_forward/replay.h"

/* The answer of a good command. */
static char *ask(struct desk *desk, const char *id, const char *word, const char *body)
{
	struct buf text;
	buf_init(&text, NOTE_BYTES_MAX);
	buf_printf(&text, "tp1/cmd/v1\ntarget acme/gw-1\nid %s\nexpires 2026-01-02T04:00:00.000Z\n", id);
	buf_printf(&text, "command %s\nbody %s\n", word, body);
	buf_clear(&desk->note);
	buf_append_span(&desk->note, buf_span(&text));
	buf_append_char(&desk->note, '\n');
	desk_sign(&desk->note, buf_span(&text), desk->commander, "cloud.example/commands");
	buf_release(&text);
	return desk_take(desk, "dn/cmd", buf_span(&desk->note), false);
}

static int occurrences(const char *text, const char *part)
{
	int count = 0;
	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

/* Shows that a digest of 512 streams with the longest names stays below what every broker takes, says how many it left
 * out, and that each of those can be asked for. */
static void a_digest_fits_every_broker(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	const struct store_stream *stream;
	char name[STORE_STREAM_NAME_MAX];
	char body[128];
	bench_begin(bench);
	for (int i = 1; i <= STORE_STREAMS_MAX; i++) {
		(void)snprintf(name, sizeof name, "%0*d", STORE_STREAM_NAME_MAX - 1, i);
		bench_must(bench, store_stream_open(bench->store.store, name, &stream, &bench->info));
	}
	bench_commit(bench);
	char *answer = ask(desk, "c1", "digest", "{}");
	assert_non_null(answer);
	assert_true(strlen(answer) > 50000 && strlen(answer) < 60000);
	int shown = occurrences(answer, "\"root\":");
	char part[64];
	(void)snprintf(part, sizeof part, "\"result\":{\"left_out\":%d,\"streams\":[",
	               STORE_STREAMS_MAX - shown);
	expect_in(answer, part);
	(void)snprintf(body, sizeof body, "{\"stream\":\"%s\"}", name);
	answer = ask(desk, "c2", "digest", body);
	assert_int_equal(occurrences(answer, "\"root\":"), 1);
	assert_null(strstr(answer, "left_out"));
	free(answer);
	answer = ask(desk, "c3", "digest", "{\"stream\":\"none\"}");
	expect_in(answer, "\"state\":\"failed\"");
}

/* Shows that a resend for which the list of replays has too little room queues nothing, and a smaller one all. */
static void a_resend_is_whole_or_not_at_all(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	bench_journals(bench, 1, 3);
	bench_begin(bench);
	struct store_replay replay = {
	    .stream = bench_stream(bench)->id, .epoch = bench_stream(bench)->epoch, .from = 1, .to = 1};
	for (int i = 0; i < STORE_REPLAYS_MAX - 2; i++)
		bench_must(bench, store_replay_add(bench->store.store, &replay, &bench->info));
	bench_commit(bench);
	static const char all[] =
	    "{\"subjects\":[\"00001/journal/2024/1\",\"00001/journal/2024/2\",\"00001/journal/2024/3\"]}";
	static const char two[] = "{\"subjects\":[\"00001/journal/2024/1\",\"00001/journal/2024/2\"]}";
	expect_in(ask(desk, "c1", "resend", all), "\"state\":\"failed\"");
	assert_int_equal(store_replay_count(bench->store.store), STORE_REPLAYS_MAX - 2);
	expect_in(ask(desk, "c2", "resend", two), "\"state\":\"accepted\"");
	assert_int_equal(store_replay_count(bench->store.store), STORE_REPLAYS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_digest_fits_every_broker),
	    TEST(a_resend_is_whole_or_not_at_all),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
