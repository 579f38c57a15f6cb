/*
 * mqtt_inbound.c - takes messages from the library's callback and tells them to the core, within its credit.
 *
 * Why:   see mqtt_inbound.h.
 * Owns:  see mqtt_inbound.h.
 * Rules: 1. The callback encodes and queues the frame; it calls nothing of the library.
 *        2. Invariant: count <= UPLINK_UNTAKEN_MAX and bytes <= UPLINK_UNTAKEN_BYTES_MAX.
 * Faults: see mqtt_inbound.h.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_inbound.py
 */
#include "connector/uplink/mqtt_inbound.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)
#define PAUSE_NS  (UPLINK_PAUSE_MS * NS_PER_MS)
/* The largest message that is passed on. */
#define MESSAGE_BYTES_MAX (UPLINK_TOPIC_BYTES_MAX + UPLINK_INBOUND_BYTES_MAX)
#define FRAME_BYTES_MAX   (MESSAGE_BYTES_MAX + 64u)

void mqtt_inbound_init(struct mqtt_inbound *inbound, struct port *port)
{
	*inbound = (struct mqtt_inbound){.port = port};
	buf_init(&inbound->frame, FRAME_BYTES_MAX);
}

void mqtt_inbound_release(struct mqtt_inbound *inbound)
{
	buf_release(&inbound->frame);
}

static bool has_room(const struct mqtt_inbound *inbound)
{
	return inbound->count < UPLINK_UNTAKEN_MAX &&
	       inbound->bytes + MESSAGE_BYTES_MAX <= UPLINK_UNTAKEN_BYTES_MAX;
}

bool mqtt_inbound_may_read(const struct mqtt_inbound *inbound, int64_t now_ns)
{
	return inbound->full_ns == 0 || now_ns - inbound->full_ns >= PAUSE_NS;
}

int64_t mqtt_inbound_pause_ends(const struct mqtt_inbound *inbound, int64_t now_ns)
{
	return mqtt_inbound_may_read(inbound, now_ns) ? INT64_MAX : inbound->full_ns + PAUSE_NS;
}

/* At most as long as topics may be, and no character cut in two. */
static struct span topic_shown(const char *topic)
{
	struct span shown = span_of(topic);
	if (shown.len <= UPLINK_TOPIC_BYTES_MAX)
		return shown;
	shown.len = UPLINK_TOPIC_BYTES_MAX;
	/* The byte after the cut continues a character (10xxxxxx): take that character away. */
	while (shown.len > 0 && ((unsigned char)topic[shown.len] & 0xC0) == 0x80)
		shown.len--;
	return shown;
}

static void drop(struct mqtt_inbound *inbound, enum uplink_dropped_why why, const char *topic, uint32_t bytes)
{
	struct mqtt_dropped *dropped = &inbound->dropped[why - 1];
	dropped->count += dropped->count < UINT32_MAX;
	dropped->bytes += bytes;
	CHECK(text_copy(dropped->topic, sizeof dropped->topic, topic_shown(topic)));
}

static void tell(struct mqtt_inbound *inbound, const struct uplink_inbound *message)
{
	buf_clear(&inbound->frame);
	uplink_inbound_encode(&inbound->frame, message);
	CHECK(buf_ok(&inbound->frame));
	inbound->sizes[(inbound->first + inbound->count) % UPLINK_UNTAKEN_MAX] =
	    (uint32_t)(message->topic.len + message->payload.len);
	inbound->count++;
	inbound->bytes += message->topic.len + message->payload.len;
	enum err err = port_send(inbound->port, UPLINK_MESSAGE, inbound->frame.data, inbound->frame.len);
	if (inbound->err == ERR_OK)
		inbound->err = err;
}

void mqtt_inbound_message(struct mqtt_inbound *inbound, const struct mosquitto_message *message)
{
	uint32_t bytes = (uint32_t)message->payloadlen;
	const struct uplink_inbound told = {
	    .qos = (uint8_t)message->qos,
	    .retain = message->retain,
	    .topic = span_of(message->topic),
	    .payload = {message->payload, bytes},
	};
	if (told.topic.len > UPLINK_TOPIC_BYTES_MAX)
		drop(inbound, UPLINK_DROPPED_TOPIC, message->topic, bytes);
	else if (bytes > UPLINK_INBOUND_BYTES_MAX)
		drop(inbound, UPLINK_DROPPED_TOO_LARGE, message->topic, bytes);
	else if (!has_room(inbound))
		drop(inbound, UPLINK_DROPPED_NO_ROOM, message->topic, bytes);
	else
		tell(inbound, &told);
	CHECK(inbound->count <= UPLINK_UNTAKEN_MAX && inbound->bytes <= UPLINK_UNTAKEN_BYTES_MAX);
	if (has_room(inbound))
		return;
	int64_t now = port_mono_ns(inbound->port);
	if (inbound->full_ns == 0)
		inbound->full_ns = now;
	if (!mqtt_inbound_may_read(inbound, now)) {
		inbound->stopped = true;
		errno = EAGAIN;
	}
}

bool mqtt_inbound_taken(struct mqtt_inbound *inbound, uint16_t count)
{
	if (count > inbound->count)
		return false;
	for (int i = 0; i < count; i++) {
		inbound->bytes -= inbound->sizes[inbound->first];
		inbound->first = (inbound->first + 1) % UPLINK_UNTAKEN_MAX;
	}
	inbound->count -= count;
	CHECK(inbound->count > 0 || inbound->bytes == 0);
	if (has_room(inbound))
		inbound->full_ns = 0;
	return true;
}

enum err mqtt_inbound_tell_dropped(struct mqtt_inbound *inbound)
{
	enum err err = ERR_OK;
	for (int i = 0; i < MQTT_DROPPED_WHYS && err == ERR_OK; i++) {
		struct mqtt_dropped *dropped = &inbound->dropped[i];
		if (dropped->count == 0)
			continue;
		const struct uplink_dropped told = {.why = (uint8_t)(i + 1),
		                                    .count = dropped->count,
		                                    .bytes = dropped->bytes,
		                                    .topic = span_of(dropped->topic)};
		buf_clear(&inbound->frame);
		uplink_dropped_encode(&inbound->frame, &told);
		CHECK(buf_ok(&inbound->frame));
		*dropped = (struct mqtt_dropped){.count = 0};
		err = port_send(inbound->port, UPLINK_DROPPED, inbound->frame.data, inbound->frame.len);
	}
	return err;
}
