/*
 * batch_test.c - a batch to the byte, and its limits: events, bytes, and what is no event.
 *
 * Why:   a consumer proves each event of a batch as if it had come alone.
 * Owns:  nothing.
 * Rules: the id was calculated with Python's hashlib over the text of the contract, sequences of 20 digits as they
 *        stand in the message; the data is unpacked with zlib.
 * Runs in: the tests.
 */
#include "connector/uplink/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "hal/base/base64.h"

#define NOON INT64_C(1767323045123000000) /* 2026-01-02T03:04:05.123Z */

static struct store_stream stream_of_test(void)
{
	struct store_stream stream = {.id = 1, .epoch = 1709199005};
	(void)snprintf(stream.name, sizeof stream.name, "00001");
	(void)snprintf(stream.source, sizeof stream.source, "urn:twinpost:acme:gw-1:00001:1709199005");
	return stream;
}

/* An event whose chain value is 64 times this digit, of so many bytes. */
static struct span event(char *text, char digit, size_t bytes)
{
	memset(text, 'x', bytes);
	memcpy(text, "{\"chainhash\":\"", 14);
	memset(text + 14, digit, 64);
	memcpy(text + 78, "\",\"", 3);
	memcpy(text + bytes - 1, "}", 1);
	return (struct span){text, bytes};
}

/* Everything around the data, by hand; the data is the events, each with its newline. */
static void a_batch_to_the_byte(void **state)
{
	(void)state;
	struct batch batch;
	struct buf out;
	struct err_info info;
	char one[200], two[200], head[] = "{\"contentencoding\":\"deflate\",\"count\":2,\"data_base64\":\"";
	const struct store_stream stream = stream_of_test();
	static uint8_t packed[4096];
	static char lines[4096];
	uLongf size = sizeof lines;
	size_t len;
	batch_init(&batch);
	buf_init(&out, 100000);
	assert_true(batch_add(&batch, event(one, '1', 120), 60000));
	assert_true(batch_add(&batch, event(two, '2', 150), 60000));
	assert_int_equal(batch_write(&batch, &stream, 7, NOON, &out, &info), ERR_OK);
	const char *text = buf_cstr(&out);
	assert_memory_equal(text, head, sizeof head - 1);
	size_t data = strcspn(text + sizeof head - 1, "\"");
	assert_string_equal(
	    text + sizeof head - 1 + data,
	    "\",\"datacontenttype\":\"application/x-ndjson\",\"id\":\"519f21f0b7a9febc87a84fc1a5d4ef58\","
	    "\"sequence\":\"00000000000000000007\",\"sequencelast\":\"00000000000000000008\","
	    "\"source\":\"urn:twinpost:acme:gw-1:00001:1709199005\",\"specversion\":\"1.0\","
	    "\"subject\":\"00001/batch/1709199005/7\",\"time\":\"2026-01-02T03:04:05.123Z\","
	    "\"type\":\"com.twinpost.posting.batch.v1\"}");
	assert_true(base64_decode(packed, sizeof packed, &len, (struct span){text + sizeof head - 1, data}));
	assert_int_equal(uncompress((Bytef *)lines, &size, packed, (uLong)len), Z_OK);
	assert_int_equal(size, 120 + 1 + 150 + 1);
	assert_memory_equal(lines, one, 120);
	assert_memory_equal(lines + 121, two, 150);
	assert_true(lines[120] == '\n' && lines[271] == '\n');
	batch_release(&batch);
	buf_release(&out);
}

/* The edge of 500 events, whatever the limit; after clearing there is room again. */
static void at_most_500_events(void **state)
{
	(void)state;
	struct batch batch;
	char text[200];
	batch_init(&batch);
	for (int i = 0; i < BATCH_EVENTS_MAX; i++)
		assert_true(batch_add(&batch, event(text, '1', 100), SIZE_MAX));
	assert_int_equal(batch.count, 500);
	assert_false(batch_add(&batch, event(text, '1', 100), SIZE_MAX));
	batch_clear(&batch);
	assert_true(batch_add(&batch, event(text, '1', 100), SIZE_MAX));
	batch_release(&batch);
}

/* Of bytes that do not compress no message of several events passes the limit, at many limits from small to large; the
 * first event is always taken. */
static void no_message_passes_the_limit(void **state)
{
	(void)state;
	struct batch batch;
	struct buf out;
	struct err_info info;
	const struct store_stream stream = stream_of_test();
	static char text[3000];
	uint64_t random = 1;
	batch_init(&batch);
	buf_init(&out, 1000000);
	for (size_t limit = 1024; limit <= 40000; limit += 977) {
		batch_clear(&batch);
		buf_clear(&out);
		for (;;) {
			(void)event(text, '7', 1000);
			for (size_t i = 90; i < 990; i++) {
				random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
				text[i] = (char)(random >> 56);
				text[i] = text[i] == '\n' ? ' ' : text[i];
			}
			if (!batch_add(&batch, (struct span){text, 1000}, limit))
				break;
		}
		assert_true(batch.count >= 1);
		assert_int_equal(batch_write(&batch, &stream, 1, NOON, &out, &info), ERR_OK);
		assert_true(out.len <= limit || batch.count == 1);
	}
	batch_release(&batch);
	buf_release(&out);
}

/* What does not begin with a chain value as the last event is told with its sequence. */
static void strange_events_are_told(void **state)
{
	(void)state;
	static const char *const strange[] = {"", "x", "{}", "{\"chainhash\":\"", "{\"chainhaxh\":\""};
	struct batch batch;
	struct buf out;
	struct err_info info;
	char good[200], bad[300];
	const struct store_stream stream = stream_of_test();
	batch_init(&batch);
	buf_init(&out, 10000);
	for (size_t i = 0; i <= sizeof strange / sizeof strange[0]; i++) {
		if (i < sizeof strange / sizeof strange[0])
			(void)snprintf(bad, sizeof bad, "%s", strange[i]);
		else
			bad[event(bad, 'g', 100).len] = 0; /* digits that are none */
		batch_clear(&batch);
		assert_true(batch_add(&batch, event(good, '1', 100), 60000));
		assert_true(batch_add(&batch, span_of(bad), 60000));
		assert_int_equal(batch_write(&batch, &stream, 7, NOON, &out, &info), ERR_CORRUPT);
		assert_string_equal(info.text, "the outbox of stream 00001: sequence 8 is no event of ours");
		assert_int_equal(out.len, 0);
	}
	batch_release(&batch);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_to_the_byte),
	    cmocka_unit_test(at_most_500_events),
	    cmocka_unit_test(no_message_passes_the_limit),
	    cmocka_unit_test(strange_events_are_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
