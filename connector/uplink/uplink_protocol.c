/*
 * uplink_protocol.c - encodes and decodes the messages between the core and the uplink child.
 *
 * Why:   see uplink_protocol.h.
 * Owns:  nothing; decoded spans point into the frame.
 * Rules: 1. Fields in the order of their struct; integers little-endian, texts as u32 length + bytes
 *           (hal/base/bytes.h).
 *        2. Encoding what the decoder would refuse is a bug of the encoder's caller and shows in the unit
 *           tests; a decoder never trusts that it did not happen.
 * Faults: any bytes at all in a decoder: false, nothing read past the end.
 * Runs in: core, uplink child, the simulator's broker.
 * Tests: tests/unit/uplink_protocol_test.c, tests/fuzz/uplink_protocol_fuzz.c
 */
#include "connector/uplink/uplink_protocol.h"

#include <string.h>

/* From here on an answer of a SUBACK is a refusal (MQTT 3.1.1 and 5, section 3.9.3). */
#define SUBACK_REFUSED 0x80

/* A text that becomes a C string: at most max bytes, no zero among them. */
static bool is_name(struct span s, size_t max)
{
	return s.len <= max && (s.len == 0 || memchr(s.data, 0, s.len) == NULL);
}

void uplink_connect_encode(struct buf *out, const struct uplink_connect *message)
{
	buf_string(out, message->host);
	buf_u16(out, message->port);
	buf_u8(out, message->version);
	buf_string(out, message->client_id);
	buf_u16(out, message->keepalive_s);
	buf_u32(out, message->session_expiry_s);
	buf_u32(out, message->connect_timeout_s);
	buf_string(out, message->ca_file);
	buf_string(out, message->certificate_file);
	buf_string(out, message->key_file);
	secret_reference_encode(out, &message->key_password);
	buf_string(out, message->alpn);
	buf_string(out, message->user);
	secret_reference_encode(out, &message->password);
	buf_string(out, message->will_topic);
	buf_string(out, message->will_payload);
	buf_u8(out, message->will_retain);
	buf_u16(out, message->receive_max);
	CHECK(message->subscription_count <= UPLINK_SUBSCRIPTIONS_MAX);
	buf_u8(out, message->subscription_count);
	for (int i = 0; i < message->subscription_count; i++)
		buf_string(out, message->subscriptions[i]);
}

static bool connect_is_good(const struct uplink_connect *message)
{
	const struct span names[] = {
	    message->host,     message->client_id, message->ca_file,   message->certificate_file,
	    message->key_file, message->user,      message->will_topic};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!is_name(names[i], UPLINK_NAME_BYTES_MAX))
			return false;
	}
	/* ALPN is one length byte on the wire (RFC 7301, section 3.1). */
	if (!is_name(message->alpn, UINT8_MAX) || message->will_payload.len > UPLINK_WILL_BYTES_MAX)
		return false;
	if (message->version != UPLINK_MQTT_311 && message->version != UPLINK_MQTT_5)
		return false;
	for (int i = 0; i < message->subscription_count; i++) {
		struct span filter = message->subscriptions[i];
		if (filter.len == 0 || !is_name(filter, UPLINK_TOPIC_BYTES_MAX))
			return false;
	}
	/* A Receive Maximum of 0 is a protocol error (MQTT 5, section 3.1.2.11.3). */
	return message->receive_max > 0 && message->host.len > 0 && message->port > 0 &&
	       message->client_id.len > 0 && message->ca_file.len > 0 && message->connect_timeout_s > 0 &&
	       message->will_retain <= 1;
}

bool uplink_connect_decode(struct uplink_connect *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_connect){0};
	message->host = read_string(&reader);
	message->port = read_u16(&reader);
	message->version = read_u8(&reader);
	message->client_id = read_string(&reader);
	message->keepalive_s = read_u16(&reader);
	message->session_expiry_s = read_u32(&reader);
	message->connect_timeout_s = read_u32(&reader);
	message->ca_file = read_string(&reader);
	message->certificate_file = read_string(&reader);
	message->key_file = read_string(&reader);
	if (!secret_reference_decode(&message->key_password, &reader))
		return false;
	message->alpn = read_string(&reader);
	message->user = read_string(&reader);
	if (!secret_reference_decode(&message->password, &reader))
		return false;
	message->will_topic = read_string(&reader);
	message->will_payload = read_string(&reader);
	message->will_retain = read_u8(&reader);
	message->receive_max = read_u16(&reader);
	message->subscription_count = read_u8(&reader);
	if (message->subscription_count > UPLINK_SUBSCRIPTIONS_MAX)
		return false;
	for (int i = 0; i < message->subscription_count; i++)
		message->subscriptions[i] = read_string(&reader);
	return reader_end(&reader) && connect_is_good(message);
}

void uplink_publish_encode(struct buf *out, const struct uplink_publish *message)
{
	buf_u64(out, message->token);
	buf_u8(out, message->qos);
	buf_u8(out, message->retain);
	buf_string(out, message->topic);
	buf_string(out, message->content_type);
	buf_string(out, message->payload);
}

bool uplink_publish_decode(struct uplink_publish *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_publish){0};
	message->token = read_u64(&reader);
	message->qos = read_u8(&reader);
	message->retain = read_u8(&reader);
	message->topic = read_string(&reader);
	message->content_type = read_string(&reader);
	message->payload = read_string(&reader);
	return reader_end(&reader) && message->qos <= 1 && message->retain <= 1 && message->topic.len > 0 &&
	       is_name(message->topic, UPLINK_TOPIC_BYTES_MAX) &&
	       is_name(message->content_type, UPLINK_NAME_BYTES_MAX) &&
	       message->payload.len <= UPLINK_PAYLOAD_BYTES_MAX;
}

void uplink_up_encode(struct buf *out, const struct uplink_up *message)
{
	buf_u8(out, message->version);
	buf_u8(out, message->session_present);
	buf_u16(out, message->receive_max);
	buf_u32(out, message->packet_max);
	buf_u8(out, message->retain_available);
	buf_string(out, message->tls);
	CHECK(message->subscription_count <= UPLINK_SUBSCRIPTIONS_MAX);
	buf_u8(out, message->subscription_count);
	for (int i = 0; i < message->subscription_count; i++)
		buf_u8(out, message->subscriptions[i]);
}

bool uplink_up_decode(struct uplink_up *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_up){0};
	message->version = read_u8(&reader);
	message->session_present = read_u8(&reader);
	message->receive_max = read_u16(&reader);
	message->packet_max = read_u32(&reader);
	message->retain_available = read_u8(&reader);
	message->tls = read_string(&reader);
	message->subscription_count = read_u8(&reader);
	if (message->subscription_count > UPLINK_SUBSCRIPTIONS_MAX)
		return false;
	for (int i = 0; i < message->subscription_count; i++)
		message->subscriptions[i] = read_u8(&reader);
	if (message->version != UPLINK_MQTT_311 && message->version != UPLINK_MQTT_5)
		return false;
	/* A Receive Maximum of 0 is a protocol error (MQTT 5, section 3.2.2.3.3): the window would be shut
	 * for ever. */
	return reader_end(&reader) && message->session_present <= 1 && message->retain_available <= 1 &&
	       message->receive_max > 0 && is_name(message->tls, UPLINK_NAME_BYTES_MAX);
}

uint8_t uplink_up_refused(const struct uplink_up *message)
{
	unsigned refused = 0;
	for (unsigned i = 0; i < message->subscription_count; i++)
		refused |= message->subscriptions[i] >= SUBACK_REFUSED ? 1u << i : 0u;
	return (uint8_t)refused;
}

void uplink_down_encode(struct buf *out, const struct uplink_down *message)
{
	buf_u8(out, message->down_class);
	buf_u32(out, (uint32_t)message->reason);
	buf_string(out, message->text);
}

bool uplink_down_decode(struct uplink_down *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_down){0};
	message->down_class = read_u8(&reader);
	message->reason = (int32_t)read_u32(&reader);
	message->text = read_string(&reader);
	return reader_end(&reader) && message->down_class >= UPLINK_DOWN_NETWORK &&
	       message->down_class <= UPLINK_DOWN_SUBSCRIBE && message->reason >= -1 &&
	       message->reason <= UINT8_MAX && is_name(message->text, UPLINK_TEXT_BYTES_MAX);
}

void uplink_acks_encode(struct buf *out, const struct uplink_acks *message)
{
	CHECK(message->count <= UPLINK_ACKS_MAX);
	buf_u16(out, message->count);
	for (int i = 0; i < message->count; i++) {
		buf_u64(out, message->acks[i].token);
		buf_u8(out, message->acks[i].reason);
	}
}

bool uplink_acks_decode(struct uplink_acks *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->count = 0;
	uint16_t count = read_u16(&reader);
	if (!reader_ok(&reader) || count > UPLINK_ACKS_MAX)
		return false;
	for (int i = 0; i < count; i++) {
		message->acks[i].token = read_u64(&reader);
		message->acks[i].reason = read_u8(&reader);
	}
	message->count = count;
	return reader_end(&reader);
}

void uplink_inbound_encode(struct buf *out, const struct uplink_inbound *message)
{
	buf_u8(out, message->qos);
	buf_u8(out, message->retain);
	buf_string(out, message->topic);
	buf_string(out, message->payload);
}

bool uplink_inbound_decode(struct uplink_inbound *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_inbound){0};
	message->qos = read_u8(&reader);
	message->retain = read_u8(&reader);
	message->topic = read_string(&reader);
	message->payload = read_string(&reader);
	return reader_end(&reader) && message->qos <= 1 && message->retain <= 1 && message->topic.len > 0 &&
	       is_name(message->topic, UPLINK_TOPIC_BYTES_MAX) &&
	       message->payload.len <= UPLINK_INBOUND_BYTES_MAX;
}

void uplink_taken_encode(struct buf *out, const struct uplink_taken *message)
{
	buf_u16(out, message->count);
}

bool uplink_taken_decode(struct uplink_taken *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	message->count = read_u16(&reader);
	return reader_end(&reader) && message->count > 0 && message->count <= UPLINK_UNTAKEN_MAX;
}

void uplink_dropped_encode(struct buf *out, const struct uplink_dropped *message)
{
	buf_u8(out, message->why);
	buf_u32(out, message->count);
	buf_u64(out, message->bytes);
	buf_string(out, message->topic);
}

bool uplink_dropped_decode(struct uplink_dropped *message, const void *data, size_t len)
{
	struct reader reader;
	reader_init(&reader, data, len);
	*message = (struct uplink_dropped){0};
	message->why = read_u8(&reader);
	message->count = read_u32(&reader);
	message->bytes = read_u64(&reader);
	message->topic = read_string(&reader);
	return reader_end(&reader) && message->why >= UPLINK_DROPPED_TOO_LARGE &&
	       message->why <= UPLINK_DROPPED_NO_ROOM && message->count > 0 && message->topic.len > 0 &&
	       is_name(message->topic, UPLINK_TOPIC_BYTES_MAX);
}
