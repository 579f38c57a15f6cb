/*
 * frame_test.c - frames: layout byte by byte, pieces of every size, limits, nonsense.
 *
 * Why:   this decoder is all that stands between the core and a child that was taken over.
 * Owns:  buffers.
 * Runs in: the unit tests.
 */
#include "hal/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Feeds bytes in pieces of at most `piece` and takes each frame as soon as it is whole; how many came before
 * the end or the first error, which is *err. Payloads are concatenated into seen. */
static int feed(const uint8_t *bytes, size_t len, size_t piece, struct buf *seen, enum err *err)
{
	struct frame_decoder decoder;
	struct err_info info;
	int frames = 0;
	frame_decoder_init(&decoder);
	*err = ERR_AGAIN;
	while (len > 0 && *err == ERR_AGAIN) {
		size_t room;
		uint8_t *space = frame_decoder_space(&decoder, &room);
		assert_true(room >= 1);
		size_t n = len < piece ? len : piece;
		n = n < room ? n : room;
		memcpy(space, bytes, n);
		frame_decoder_received(&decoder, n);
		bytes += n;
		len -= n;
		struct frame frame;
		while ((*err = frame_decoder_next(&decoder, &frame, &info)) == ERR_OK) {
			frames++;
			buf_u8(seen, frame.type);
			buf_append(seen, frame.payload, frame.len);
		}
	}
	if (*err == ERR_BAD_INPUT) {
		struct frame frame;
		assert_true(info.text[0] != 0);
		assert_int_equal(frame_decoder_next(&decoder, &frame, &info), ERR_BAD_INPUT);
	}
	frame_decoder_release(&decoder);
	return frames;
}

/* The layout that frame.h writes down, by hand: length 3, version 1, type 19, two zeros, payload. */
static void layout(void **state)
{
	(void)state;
	static const uint8_t expected[] = {3, 0, 0, 0, 1, 19, 0, 0, 'a', 'b', 'c'};
	struct buf out;
	buf_init(&out, 100);
	frame_encode(&out, 19, "abc", 3);
	assert_int_equal(out.len, sizeof expected);
	assert_memory_equal(out.data, expected, sizeof expected);
	buf_clear(&out);
	frame_encode(&out, 255, NULL, 0);
	assert_memory_equal(out.data, ((uint8_t[]){0, 0, 0, 0, 1, 255, 0, 0}), 8);
	buf_release(&out);
}

/* Three frames, one of them empty, come out alike however they are cut: one byte at a time up to all at once. */
static void pieces(void **state)
{
	(void)state;
	struct buf out;
	struct buf seen;
	enum err err;
	buf_init(&out, 1000);
	frame_encode(&out, 1, "hello", 5);
	frame_encode(&out, 2, NULL, 0);
	frame_encode(&out, 3, "\0\xff", 2);
	for (size_t piece = 1; piece <= out.len; piece++) {
		buf_init(&seen, 1000);
		assert_int_equal(feed(out.data, out.len, piece, &seen, &err), 3);
		assert_int_equal(err, ERR_AGAIN);
		assert_int_equal(seen.len, 10);
		assert_memory_equal(seen.data, "\1hello\2\3\0\xff", 10);
		buf_release(&seen);
	}
	buf_release(&out);
}

/* The largest payload passes, between two small frames; one byte more in the header is refused before any of it is
 * waited for. */
static void largest(void **state)
{
	(void)state;
	struct buf out;
	struct buf seen;
	enum err err;
	uint8_t *payload = mem_alloc(FRAME_PAYLOAD_MAX);
	memset(payload, 'x', FRAME_PAYLOAD_MAX);
	buf_init(&out, 2 * FRAME_PAYLOAD_MAX);
	buf_init(&seen, 2 * FRAME_PAYLOAD_MAX);
	frame_encode(&out, 1, "a", 1);
	frame_encode(&out, 2, payload, FRAME_PAYLOAD_MAX);
	frame_encode(&out, 3, "b", 1);
	assert_int_equal(feed(out.data, out.len, 60000, &seen, &err), 3);
	assert_int_equal(err, ERR_AGAIN);
	assert_int_equal(seen.len, 5 + FRAME_PAYLOAD_MAX);
	buf_clear(&out);
	buf_u32(&out, FRAME_PAYLOAD_MAX + 1);
	buf_append(&out, "\1\1\0\0", 4);
	assert_int_equal(feed(out.data, out.len, 100, &seen, &err), 0);
	assert_int_equal(err, ERR_BAD_INPUT);
	buf_release(&seen);
	buf_release(&out);
	free(payload);
}

/* Another version, or anything in the reserved field, is refused for good, also after good frames; good frames that
 * came before are given first. */
static void refused(void **state)
{
	(void)state;
	static const uint8_t bad[][8] = {
	    {0, 0, 0, 0, 0, 1, 0, 0},   /* version 0 */
	    {0, 0, 0, 0, 2, 1, 0, 0},   /* version 2 */
	    {0, 0, 0, 0, 1, 1, 1, 0},   /* reserved */
	    {0, 0, 0, 0, 1, 1, 0, 80},  /* reserved, high byte */
	    {0, 0, 0, 128, 1, 1, 0, 0}, /* 2 GiB */
	    {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf out;
		struct buf seen;
		enum err err;
		buf_init(&out, 1000);
		buf_init(&seen, 1000);
		frame_encode(&out, 7, "ok", 2);
		buf_append(&out, bad[i], 8);
		frame_encode(&out, 8, "never", 5);
		assert_int_equal(feed(out.data, out.len, 3, &seen, &err), 1);
		assert_int_equal(err, ERR_BAD_INPUT);
		assert_memory_equal(seen.data, "\7ok", 3);
		buf_release(&seen);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layout),
	    cmocka_unit_test(pieces),
	    cmocka_unit_test(largest),
	    cmocka_unit_test(refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
