/*
 * frame.h - the frames between the core and its children.
 *
 * Why:   a child may be hung, broken or taken over; what it says is decoded by one small, fuzzed routine.
 * Owns:  struct frame_decoder owns its buffer.
 * Rules: 1. Layout, little-endian: u32 payload length | u8 version | u8 type | u16 zero | payload.
 *        2. A payload is at most FRAME_PAYLOAD_MAX bytes; version must be FRAME_VERSION; the zero must be zero.
 *        3. The first bad header makes the decoder fail for good: the child is killed, nothing is guessed.
 * Faults: any bytes at all, in pieces of any size.
 * Runs in: core and children.
 * Tests: tests/unit/frame_test.c, tests/fuzz/frame_fuzz.c
 */
#ifndef TWINPOST_FRAME_H
#define TWINPOST_FRAME_H

#include "hal/base/bytes.h"

#define FRAME_VERSION      1
#define FRAME_HEADER_BYTES 8
#define FRAME_PAYLOAD_MAX  (512u * 1024u)

struct frame {
	uint8_t type;
	const uint8_t *payload; /* borrowed until the next call on the decoder */
	size_t len;
};

struct frame_decoder {
	struct buf buf;
	size_t consumed; /* bytes at the front of buf that were handed out already */
	bool failed;
};

void frame_decoder_init(struct frame_decoder *decoder);
void frame_decoder_release(struct frame_decoder *decoder);

/* Where the caller may read up to *room bytes into (at least 1); then frame_decoder_received(). All whole frames must
 * have been taken: the last frame_decoder_next() gave ERR_AGAIN, or nothing was received yet. */
uint8_t *frame_decoder_space(struct frame_decoder *decoder, size_t *room);
void frame_decoder_received(struct frame_decoder *decoder, size_t len);

/* ERR_OK: *frame is the next whole frame. ERR_AGAIN: more bytes are needed.
 * ERR_BAD_INPUT: the stream is not frames of this version (final). */
MUST_USE enum err frame_decoder_next(struct frame_decoder *decoder, struct frame *frame,
                                     struct err_info *info);

/* Appends header and payload to out. len over FRAME_PAYLOAD_MAX is a bug. */
void frame_encode(struct buf *out, uint8_t type, const void *payload, size_t len);

#endif
