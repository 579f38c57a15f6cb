/*
 * frame.c - frames between the core and its children: encoding, and decoding of bytes that nobody vouches for.
 *
 * Why:   see frame.h.
 * Owns:  the decoder's buffer.
 * Rules: as in frame.h; besides:
 *        1. The buffer never holds more than one largest frame and one read: a sender of nonsense costs no memory.
 *        2. A header is judged as soon as its eight bytes are there, before any of its payload is waited for.
 * Faults: any bytes at all; the first bad header is final.
 * Runs in: core and children.
 * Tests: tests/unit/frame_test.c, tests/fuzz/frame_fuzz.c
 */
#include "hal/frame.h"

/* One read of a socket; large enough for a ROWS frame in one call. */
#define READ_BYTES (64u * 1024u)

void frame_decoder_init(struct frame_decoder *decoder)
{
	*decoder = (struct frame_decoder){.consumed = 0};
	buf_init(&decoder->buf, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX + READ_BYTES);
}

void frame_decoder_release(struct frame_decoder *decoder)
{
	buf_release(&decoder->buf);
	decoder->consumed = 0;
}

uint8_t *frame_decoder_space(struct frame_decoder *decoder, size_t *room)
{
	if (decoder->consumed > 0) {
		buf_consume(&decoder->buf, decoder->consumed);
		decoder->consumed = 0;
	}
	/* The caller has taken all whole frames, so less than one is left here. */
	CHECK(decoder->buf.len < FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	uint8_t *space = buf_reserve(&decoder->buf, READ_BYTES);
	CHECK(space != NULL);
	*room = READ_BYTES;
	return space;
}

void frame_decoder_received(struct frame_decoder *decoder, size_t len)
{
	CHECK(len <= READ_BYTES && decoder->consumed == 0);
	buf_added(&decoder->buf, len);
}

static enum err refuse(struct frame_decoder *decoder, struct err_info *info, const char *why, unsigned value)
{
	decoder->failed = true;
	return err_set(info, ERR_BAD_INPUT, "what came is no frame of this version: %s %u", why, value);
}

enum err frame_decoder_next(struct frame_decoder *decoder, struct frame *frame, struct err_info *info)
{
	if (decoder->failed)
		return err_set(info, ERR_BAD_INPUT,
		               "what came before was no frame; nothing after it is read");
	size_t have = decoder->buf.len - decoder->consumed;
	if (have < FRAME_HEADER_BYTES)
		return ERR_AGAIN;
	const uint8_t *header = decoder->buf.data + decoder->consumed;
	struct reader reader;
	reader_init(&reader, header, FRAME_HEADER_BYTES);
	uint32_t len = read_u32(&reader);
	uint8_t version = read_u8(&reader);
	uint8_t type = read_u8(&reader);
	uint16_t zero = read_u16(&reader);
	CHECK(reader_end(&reader));
	if (version != FRAME_VERSION)
		return refuse(decoder, info, "version", version);
	if (zero != 0)
		return refuse(decoder, info, "reserved field", zero);
	if (len > FRAME_PAYLOAD_MAX)
		return refuse(decoder, info, "payload length", len);
	if (have - FRAME_HEADER_BYTES < len)
		return ERR_AGAIN;
	*frame = (struct frame){.type = type, .payload = header + FRAME_HEADER_BYTES, .len = len};
	decoder->consumed += FRAME_HEADER_BYTES + len;
	CHECK(decoder->consumed <= decoder->buf.len);
	return ERR_OK;
}

void frame_encode(struct buf *out, uint8_t type, const void *payload, size_t len)
{
	CHECK(len <= FRAME_PAYLOAD_MAX && (payload != NULL || len == 0));
	buf_u32(out, (uint32_t)len);
	buf_u8(out, FRAME_VERSION);
	buf_u8(out, type);
	buf_u16(out, 0);
	buf_append(out, payload, len);
}
