/*
 * frame_fuzz.c - any bytes, in pieces of any size, into the decoder of frames.
 *
 * Why:   the core reads what its children write, and a child may be in a stranger's hands.
 * Owns:  nothing.
 * Rules: 1. The first byte is the size of the pieces, the rest is the stream.
 *        2. Cut in pieces or whole, the stream gives the same frames, and encoding them gives back the bytes read.
 * Runs in: the fuzzers (LLVMFuzzerTestOneInput; the driver is the build's).
 */
#include "hal/frame.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err decode(const uint8_t *data, size_t size, size_t piece, struct buf *again)
{
	struct frame_decoder decoder;
	enum err err = ERR_AGAIN;
	frame_decoder_init(&decoder);
	while (size > 0 && err == ERR_AGAIN) {
		size_t room;
		uint8_t *space = frame_decoder_space(&decoder, &room);
		size_t n = size < piece ? size : piece;
		n = n < room ? n : room;
		memcpy(space, data, n);
		frame_decoder_received(&decoder, n);
		data += n;
		size -= n;
		struct frame frame;
		struct err_info info;
		while ((err = frame_decoder_next(&decoder, &frame, &info)) == ERR_OK)
			frame_encode(again, frame.type, frame.payload, frame.len);
	}
	frame_decoder_release(&decoder);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buf whole;
	struct buf pieces;
	buf_init(&whole, size + FRAME_HEADER_BYTES);
	buf_init(&pieces, size + FRAME_HEADER_BYTES);
	enum err one = decode(data + 1, size - 1, SIZE_MAX, &whole);
	enum err two = decode(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
	CHECK(one == two && buf_ok(&whole) && span_equal(buf_span(&whole), buf_span(&pieces)));
	CHECK(whole.len <= size - 1 && (whole.len == 0 || memcmp(whole.data, data + 1, whole.len) == 0));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
