/*
 * presence_test.c - births, heartbeats, deaths and counters to the byte; pages at their edges.
 *
 * Why:   a subscriber reads them without asking back.
 * Owns:  one store a test.
 * Rules: expected texts are written by hand from the contract; the instant is that of test_hal.h.
 * Runs in: the tests.
 */
#include "connector/uplink/presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/uplink/note.h"
#include "store_forward/chain.h"
#include "tests/lib/test_store.h"

#define BOOT "00112233445566778899aabbccddeeff"

static int set_up(void **state)
{
	struct test_store *test = mem_alloc(sizeof *test);
	test_store_begin(test);
	test_store_open(test);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	test_store_end(*state);
	free(*state);
	return 0;
}

static int count_of(struct buf *text, const char *part)
{
	int count = 0;
	for (const char *at = buf_cstr(text); (at = strstr(at, part)) != NULL; at += strlen(part))
		count++;
	return count;
}

static void make_streams(struct test_store *test, int count, const char *format)
{
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	for (int i = store_stream_count(test->store); i < count; i++) {
		char name[STORE_STREAM_NAME_MAX];
		const struct store_stream *stream;
		(void)snprintf(name, sizeof name, format, i);
		test_store_must(test, store_stream_open(test->store, name, &stream, &test->info), "stream");
	}
	test_store_must(test, store_commit(test->store, &test->info), "commit");
}

/* A birth of one stream without an event: its chain is H("tp1/chain/v1\n" source "\n"). The note's newline is
 * escaped. */
static void a_birth_to_the_byte(void **state)
{
	struct test_store *test = *state;
	struct buf out;
	char chain[DIGEST_HEX_SIZE];
	char expected[1000];
	const struct store_stream *stream = test_stream(test, "00100");
	const struct span start[] = {SPAN_LITERAL("tp1/chain/v1\n"), span_of(stream->source),
	                             SPAN_LITERAL("\n")};
	const struct digest digest = digest_of(start, 3);
	digest_hex(&digest, chain);
	const struct presence presence = {
	    .boot = BOOT, .version = "0.3.0", .wall_ns = test->hal.wall_ns, .note = SPAN_LITERAL("a\nb")};
	buf_init(&out, 100000);
	presence_alive(&out, &presence, test->store, "birth", 1, NULL, NULL);
	(void)snprintf(
	    expected, sizeof expected,
	    "{\"boot\":\"" BOOT
	    "\",\"kind\":\"birth\",\"note\":\"a\\nb\",\"page\":1,\"pages\":1,\"streams\":["
	    "{\"chain\":\"%s\",\"checkpoint\":0,\"sequence\":0,\"source\":\"urn:twinpost:acme:gw-1:00100:"
	    "1767323045\",\"stream\":\"00100\"}],\"time\":\"2026-01-02T03:04:05.000Z\",\"version\":\"0.3."
	    "0\"}",
	    chain);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static bool only_sent(void *self, const struct store_stream *stream)
{
	++*(int *)self;
	return stream->next_sequence > 1;
}

/* A heartbeat has no note, and the streams that the filter lets through. */
static void a_heartbeat_shows_what_moved(void **state)
{
	struct test_store *test = *state;
	struct buf out;
	int asked = 0;
	make_streams(test, 3, "0010%d");
	test_append_many(test, "00101", 1, 4, 1, 100);
	const struct presence presence = {.boot = BOOT, .version = "0.3.0", .wall_ns = test->hal.wall_ns};
	buf_init(&out, 100000);
	presence_alive(&out, &presence, test->store, "heartbeat", 1, only_sent, &asked);
	assert_int_equal(asked, 3);
	assert_int_equal(count_of(&out, "\"stream\":"), 1);
	assert_int_equal(count_of(&out, "\"sequence\":4,"), 1);
	assert_int_equal(count_of(&out, "\"note\""), 0);
	buf_release(&out);
}

/* The edge of a page: 200 streams are one, 201 are two, and each stream stands in exactly one. */
static void pages_of_200_streams(void **state)
{
	struct test_store *test = *state;
	struct buf out;
	const struct presence presence = {.boot = BOOT, .version = "0.3.0", .wall_ns = test->hal.wall_ns};
	buf_init(&out, 100000);
	assert_int_equal(presence_pages(test->store), 1);
	presence_alive(&out, &presence, test->store, "birth", 1, NULL, NULL);
	assert_int_equal(count_of(&out, "\"streams\":[]"), 1);
	make_streams(test, 200, "%05d");
	assert_int_equal(presence_pages(test->store), 1);
	buf_clear(&out);
	presence_alive(&out, &presence, test->store, "birth", 1, NULL, NULL);
	assert_int_equal(count_of(&out, "\"stream\":"), 200);
	make_streams(test, 201, "%05d");
	assert_int_equal(presence_pages(test->store), 2);
	buf_clear(&out);
	presence_alive(&out, &presence, test->store, "birth", 1, NULL, NULL);
	assert_int_equal(count_of(&out, "\"stream\":"), 200);
	assert_int_equal(count_of(&out, "\"page\":1,\"pages\":2,"), 1);
	buf_clear(&out);
	presence_alive(&out, &presence, test->store, "birth", 2, NULL, NULL);
	assert_int_equal(count_of(&out, "\"stream\":"), 1);
	assert_int_equal(count_of(&out, "\"stream\":\"00200\""), 1);
	assert_int_equal(count_of(&out, "\"page\":2,\"pages\":2,"), 1);
	buf_release(&out);
}

/* The longest names, and the longest note: each page stays within 60,000 bytes, and all streams are shown. */
static void pages_fit_every_broker(void **state)
{
	struct test_store *test = *state;
	static char note[NOTE_BYTES_MAX];
	struct buf out;
	int shown = 0;
	memset(note, 'x', sizeof note);
	test_store_close(test);
	test->options.source_urn_prefix =
	    "urn:twinpost:tenant-of-31-letters-and-digits:gateway-of-31-letters-and-digit";
	test_store_open(test);
	make_streams(test, STORE_STREAMS_MAX,
	             "a-company-code-of-the-most-bytes-that-a-topic-level-may-hav-%03d");
	assert_int_equal(strlen(store_stream_at(test->store, 0)->name), STORE_STREAM_NAME_MAX - 1);
	buf_init(&out, 200000);
	for (int page = 1; page <= presence_pages(test->store); page++) {
		const struct presence presence = {.boot = BOOT,
		                                  .version = "0.3.0",
		                                  .wall_ns = test->hal.wall_ns,
		                                  .note = {note, page == 1 ? sizeof note : 0}};
		buf_clear(&out);
		presence_alive(&out, &presence, test->store, "birth", page, NULL, NULL);
		assert_true(out.len <= PRESENCE_BYTES_MAX);
		shown += count_of(&out, "\"stream\":");
	}
	assert_int_equal(shown, STORE_STREAMS_MAX);
	buf_release(&out);
}

/* Both deaths, and counters in the order they are given, up to the largest. */
static void deaths_and_counters(void **state)
{
	struct test_store *test = *state;
	static const struct presence_counter counters[] = {{"a_count", 0},
	                                                   {"b_count", UINT64_C(9007199254740991)}};
	struct buf out;
	buf_init(&out, 1000);
	presence_death(&out, BOOT, PRESENCE_LOST, test->hal.wall_ns);
	assert_string_equal(buf_cstr(&out), "{\"boot\":\"" BOOT "\",\"kind\":\"death\",\"reason\":\"lost\","
	                                    "\"time\":\"2026-01-02T03:04:05.000Z\"}");
	buf_clear(&out);
	presence_death(&out, BOOT, PRESENCE_STOPPED, test->hal.wall_ns);
	assert_non_null(strstr(buf_cstr(&out), "\"reason\":\"stopped\""));
	buf_clear(&out);
	presence_metric(&out, counters, 2, test->hal.wall_ns);
	assert_string_equal(buf_cstr(&out), "{\"counters\":{\"a_count\":0,\"b_count\":9007199254740991},"
	                                    "\"time\":\"2026-01-02T03:04:05.000Z\"}");
	buf_release(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_birth_to_the_byte),    TEST(a_heartbeat_shows_what_moved), TEST(pages_of_200_streams),
	    TEST(pages_fit_every_broker), TEST(deaths_and_counters),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
