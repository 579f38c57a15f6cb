/*
 * uplink_protocol_fuzz.c - any bytes into the decoders of the uplink's messages.
 *
 * Why:   the core decodes what the uplink child says, and the child may be in a stranger's hands.
 * Owns:  nothing.
 * Rules: 1. The first byte chooses the message, the rest is its payload.
 *        2. What a decoder accepts is encoded again and must give the same bytes: one message has one form.
 * Runs in: the fuzzers (LLVMFuzzerTestOneInput; the driver is the build's).
 */
#include "connector/uplink/uplink_protocol.h"

#include <string.h>

#define MESSAGES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct buf *buf, const uint8_t *data, size_t size)
{
	CHECK(buf_ok(buf) && buf->len == size && (size == 0 || memcmp(buf->data, data, size) == 0));
}

static bool decode_again(int which, const uint8_t *data, size_t size, struct buf *buf)
{
	struct uplink_connect connect;
	struct uplink_publish publish;
	struct uplink_up up;
	struct uplink_down down;
	struct uplink_acks acks;
	struct uplink_inbound inbound;
	struct uplink_taken taken;
	struct uplink_dropped dropped;
	switch (which) {
	case 0:
		if (!uplink_connect_decode(&connect, data, size))
			return false;
		uplink_connect_encode(buf, &connect);
		return true;
	case 1:
		if (!uplink_publish_decode(&publish, data, size))
			return false;
		uplink_publish_encode(buf, &publish);
		return true;
	case 2:
		if (!uplink_up_decode(&up, data, size))
			return false;
		uplink_up_encode(buf, &up);
		return true;
	case 3:
		if (!uplink_down_decode(&down, data, size))
			return false;
		uplink_down_encode(buf, &down);
		return true;
	case 4:
		if (!uplink_inbound_decode(&inbound, data, size))
			return false;
		uplink_inbound_encode(buf, &inbound);
		return true;
	case 5:
		if (!uplink_taken_decode(&taken, data, size))
			return false;
		uplink_taken_encode(buf, &taken);
		return true;
	case 6:
		if (!uplink_dropped_decode(&dropped, data, size))
			return false;
		uplink_dropped_encode(buf, &dropped);
		return true;
	default:
		if (!uplink_acks_decode(&acks, data, size))
			return false;
		uplink_acks_encode(buf, &acks);
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buf buf;
	buf_init(&buf, size + 64);
	if (decode_again(data[0] % MESSAGES, data + 1, size - 1, &buf))
		check_same(&buf, data + 1, size - 1);
	buf_release(&buf);
	return 0;
}
