/*
 * uplink_protocol_test.c - the messages between core and uplink child: round trips, layout, limits, cut-off
 * input.
 *
 * Why:   the child may be taken over by what it reads from the network; the core trusts none of its bytes.
 * Owns:  buffers.
 * Runs in: the unit tests.
 */
#include "connector/uplink/uplink_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUF_MAX (512u * 1024u)

static struct uplink_connect good_connect(void)
{
	struct uplink_connect connect = {
	    .host = SPAN_LITERAL("broker.example.com"),
	    .port = 8883,
	    .version = UPLINK_MQTT_5,
	    .client_id = SPAN_LITERAL("acme-gw1"),
	    .keepalive_s = 30,
	    .session_expiry_s = 0,
	    .connect_timeout_s = 20,
	    .ca_file = SPAN_LITERAL("/etc/ca.pem"),
	    .certificate_file = SPAN_LITERAL("/etc/client.pem"),
	    .key_file = SPAN_LITERAL("/etc/client.key"),
	    .alpn = SPAN_LITERAL("x-amzn-mqtt-ca"),
	    .user = SPAN_LITERAL("u"),
	    .will_topic = SPAN_LITERAL("tp1/acme/gw1/up/state"),
	    .will_payload = {"\0dead", 5},
	    .will_retain = 1,
	    .receive_max = 16,
	    .subscription_count = 2,
	    .subscriptions = {SPAN_LITERAL("tp1/acme/gw1/dn/cmd"), SPAN_LITERAL("tp1/acme/gw1/dn/ack/+")},
	};
	connect.password.kind = SECRET_ENVIRONMENT;
	memcpy(connect.password.name, "MQTT_PASSWORD", sizeof "MQTT_PASSWORD");
	return connect;
}

static bool connect_accepted(const struct uplink_connect *connect)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_connect_encode(&buf, connect);
	struct uplink_connect back;
	bool accepted = uplink_connect_decode(&back, buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

/* Every shorter prefix of a good message is refused, and so is one byte more: shown for each message by
 * copying each prefix into memory of exactly its size, so that a read past the end is seen by the address
 * sanitizer. */
typedef bool (*decode_any)(const void *data, size_t len);

static void check_prefixes(const struct buf *buf, decode_any decode)
{
	for (size_t len = 0; len <= buf->len + 1; len++) {
		uint8_t *copy = calloc(1, len + 1);
		assert_non_null(copy);
		uint8_t *exact = malloc(len ? len : 1);
		assert_non_null(exact);
		memcpy(copy, buf->data, len < buf->len ? len : buf->len);
		memcpy(exact, copy, len);
		assert_int_equal(decode(exact, len), len == buf->len);
		free(exact);
		free(copy);
	}
}

static bool any_connect(const void *data, size_t len)
{
	struct uplink_connect message;
	return uplink_connect_decode(&message, data, len);
}

static bool any_publish(const void *data, size_t len)
{
	struct uplink_publish message;
	return uplink_publish_decode(&message, data, len);
}

static bool any_up(const void *data, size_t len)
{
	struct uplink_up message;
	return uplink_up_decode(&message, data, len);
}

static bool any_down(const void *data, size_t len)
{
	struct uplink_down message;
	return uplink_down_decode(&message, data, len);
}

static bool any_acks(const void *data, size_t len)
{
	static struct uplink_acks message;
	return uplink_acks_decode(&message, data, len);
}

/* Shows that every field of CONNECT comes back as it went, and that prefixes and an extra byte are
 * refused. */
static void connect_round_trip(void **state)
{
	(void)state;
	struct uplink_connect sent = good_connect(), got;
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_connect_encode(&buf, &sent);
	assert_true(buf_ok(&buf));
	assert_true(uplink_connect_decode(&got, buf.data, buf.len));
	assert_true(span_equal(got.host, sent.host));
	assert_int_equal(got.port, 8883);
	assert_int_equal(got.version, 5);
	assert_true(span_equal(got.client_id, sent.client_id));
	assert_int_equal(got.keepalive_s, 30);
	assert_int_equal(got.session_expiry_s, 0);
	assert_int_equal(got.connect_timeout_s, 20);
	assert_true(span_equal(got.ca_file, sent.ca_file));
	assert_true(span_equal(got.certificate_file, sent.certificate_file));
	assert_true(span_equal(got.key_file, sent.key_file));
	assert_int_equal(got.key_password.kind, SECRET_NONE);
	assert_true(span_equal(got.alpn, sent.alpn));
	assert_true(span_equal(got.user, sent.user));
	assert_int_equal(got.password.kind, SECRET_ENVIRONMENT);
	assert_string_equal(got.password.name, "MQTT_PASSWORD");
	assert_true(span_equal(got.will_topic, sent.will_topic));
	assert_true(span_equal(got.will_payload, sent.will_payload));
	assert_int_equal(got.will_retain, 1);
	assert_int_equal(got.receive_max, 16);
	assert_int_equal(got.subscription_count, 2);
	assert_true(span_equal(got.subscriptions[0], sent.subscriptions[0]));
	assert_true(span_equal(got.subscriptions[1], sent.subscriptions[1]));
	check_prefixes(&buf, any_connect);
	buf_release(&buf);
}

/* Shows each limit of CONNECT at its edge. */
static void connect_limits(void **state)
{
	(void)state;
	char *long_text = calloc(1, UPLINK_WILL_BYTES_MAX + 1);
	assert_non_null(long_text);
	memset(long_text, 'a', UPLINK_WILL_BYTES_MAX + 1);
	struct uplink_connect c = good_connect();
	c.host = (struct span){long_text, UPLINK_NAME_BYTES_MAX};
	assert_true(connect_accepted(&c));
	c.host.len++;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.alpn = (struct span){long_text, 255};
	assert_true(connect_accepted(&c));
	c.alpn.len = 256;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.will_payload = (struct span){long_text, UPLINK_WILL_BYTES_MAX};
	assert_true(connect_accepted(&c));
	c.will_payload.len++;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.version = UPLINK_MQTT_311;
	assert_true(connect_accepted(&c));
	c.version = 3;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.will_retain = 2;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.port = 0;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.host.len = 0;
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.ca_file.len = 0; /* without a CA nothing could be verified */
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.key_file = (struct span){"/etc/\0key", 9};
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.connect_timeout_s = 0;
	assert_false(connect_accepted(&c));
	free(long_text);
}

/* Shows the limits of a CONNECT's topic filters at their edges: number, length, none, empty, a zero inside;
 * and a Receive Maximum of 1 and of 0. */
static void connect_subscriptions(void **state)
{
	(void)state;
	char text[UPLINK_TOPIC_BYTES_MAX + 1];
	memset(text, 'a', sizeof text);
	struct uplink_connect c = good_connect();
	c.subscription_count = 0;
	assert_true(connect_accepted(&c));
	c.subscription_count = UPLINK_SUBSCRIPTIONS_MAX;
	for (int i = 0; i < UPLINK_SUBSCRIPTIONS_MAX; i++)
		c.subscriptions[i] = (struct span){text, UPLINK_TOPIC_BYTES_MAX};
	assert_true(connect_accepted(&c));
	c.subscriptions[UPLINK_SUBSCRIPTIONS_MAX - 1].len++;
	assert_false(connect_accepted(&c));
	c.subscriptions[UPLINK_SUBSCRIPTIONS_MAX - 1].len = 0;
	assert_false(connect_accepted(&c));
	c.subscriptions[UPLINK_SUBSCRIPTIONS_MAX - 1] = (struct span){"a\0b", 3};
	assert_false(connect_accepted(&c));
	c = good_connect();
	c.receive_max = 1;
	assert_true(connect_accepted(&c));
	c.receive_max = 0;
	assert_false(connect_accepted(&c));

	/* One filter more than there may be: the encoder has no place for it, so it is written by hand. */
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	c = good_connect();
	c.subscription_count = 0;
	uplink_connect_encode(&buf, &c);
	for (int count = UPLINK_SUBSCRIPTIONS_MAX; count <= UPLINK_SUBSCRIPTIONS_MAX + 1; count++) {
		buf.data[buf.len - 1] = (uint8_t)count;
		struct buf more;
		buf_init(&more, BUF_MAX);
		buf_append_span(&more, buf_span(&buf));
		for (int i = 0; i < count; i++)
			buf_string(&more, SPAN_LITERAL("a/#"));
		assert_int_equal(any_connect(more.data, more.len), count == UPLINK_SUBSCRIPTIONS_MAX);
		buf_release(&more);
	}
	buf_release(&buf);
}

/* Shows the layout of PUBLISH byte by byte (written down by hand from rule 1), its round trip and its
 * prefixes. */
static void publish_layout(void **state)
{
	(void)state;
	static const uint8_t expected[] = {8,   7,   6,   5, 4, 3, 2, 1,   1, 0, 3, 0, 0,   0,
	                                   'a', '/', 'b', 1, 0, 0, 0, 'j', 2, 0, 0, 0, '{', '}'};
	const struct uplink_publish sent = {.token = UINT64_C(0x0102030405060708),
	                                    .qos = 1,
	                                    .topic = SPAN_LITERAL("a/b"),
	                                    .content_type = SPAN_LITERAL("j"),
	                                    .payload = SPAN_LITERAL("{}")};
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_publish_encode(&buf, &sent);
	assert_int_equal(buf.len, sizeof expected);
	assert_memory_equal(buf.data, expected, sizeof expected);
	struct uplink_publish got;
	assert_true(uplink_publish_decode(&got, buf.data, buf.len));
	assert_true(got.token == sent.token && got.qos == 1 && got.retain == 0);
	assert_true(span_equal(got.topic, sent.topic) && span_equal(got.payload, sent.payload));
	check_prefixes(&buf, any_publish);
	buf_release(&buf);
}

static bool publish_accepted(const struct uplink_publish *publish)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_publish_encode(&buf, publish);
	bool accepted = any_publish(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

/* Shows the limits of PUBLISH at their edges: QoS, retain flag, topic and payload lengths, a zero in the
 * topic. */
static void publish_limits(void **state)
{
	(void)state;
	char *text = malloc(UPLINK_PAYLOAD_BYTES_MAX + 1);
	assert_non_null(text);
	memset(text, 'x', UPLINK_PAYLOAD_BYTES_MAX + 1);
	struct uplink_publish p = {.qos = 1, .topic = {text, UPLINK_TOPIC_BYTES_MAX}};
	p.payload = (struct span){text, UPLINK_PAYLOAD_BYTES_MAX};
	assert_true(publish_accepted(&p));
	p.topic.len++;
	assert_false(publish_accepted(&p));
	p.topic.len = 0;
	assert_false(publish_accepted(&p));
	p.topic = (struct span){"a\0b", 3};
	assert_false(publish_accepted(&p));
	p.topic.len = 1;
	p.payload.len++;
	assert_false(publish_accepted(&p));
	p.payload.len = 0;
	assert_true(publish_accepted(&p));
	p.qos = 2;
	assert_false(publish_accepted(&p));
	p.qos = 0;
	p.retain = 1;
	assert_true(publish_accepted(&p));
	p.retain = 2;
	assert_false(publish_accepted(&p));
	free(text);
}

/* Shows the answers to subscriptions in UP: round trip, the most and one more, and which of them are refusals
 * (0x7f is none, 0x80 is). */
static void up_subscriptions(void **state)
{
	(void)state;
	static const uint8_t answers[UPLINK_SUBSCRIPTIONS_MAX] = {0, 1, 0x80, 0x87, 0x7f, 0xff, 0, 0x8f};
	struct uplink_up up = {.version = 4,
	                       .receive_max = 1,
	                       .subscription_count = UPLINK_SUBSCRIPTIONS_MAX},
			 got;
	memcpy(up.subscriptions, answers, sizeof answers);
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_up_encode(&buf, &up);
	assert_true(uplink_up_decode(&got, buf.data, buf.len));
	assert_int_equal(got.subscription_count, UPLINK_SUBSCRIPTIONS_MAX);
	assert_memory_equal(got.subscriptions, answers, sizeof answers);
	assert_int_equal(uplink_up_refused(&got), 0xac); /* bits 2, 3, 5 and 7 */
	got.subscription_count = 3;
	assert_int_equal(uplink_up_refused(&got), 0x04);
	check_prefixes(&buf, any_up);
	buf.data[buf.len - 1 - UPLINK_SUBSCRIPTIONS_MAX] = UPLINK_SUBSCRIPTIONS_MAX + 1;
	buf_u8(&buf, 0);
	assert_false(any_up(buf.data, buf.len));
	buf_release(&buf);
}

/* Shows UP and DOWN: round trip, prefixes, and refusals (Receive Maximum 0, unknown version or class, bad
 * reason). */
static void up_and_down(void **state)
{
	(void)state;
	struct uplink_up up = {.version = 5,
	                       .receive_max = 20,
	                       .packet_max = 1000,
	                       .retain_available = 1,
	                       .tls = SPAN_LITERAL("TLSv1.3")};
	struct uplink_up got_up;
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_up_encode(&buf, &up);
	assert_true(uplink_up_decode(&got_up, buf.data, buf.len));
	assert_true(got_up.receive_max == 20 && got_up.packet_max == 1000 && got_up.retain_available == 1);
	assert_true(span_equal(got_up.tls, up.tls));
	check_prefixes(&buf, any_up);
	up.receive_max = 0;
	buf_clear(&buf);
	uplink_up_encode(&buf, &up);
	assert_false(any_up(buf.data, buf.len));
	up.receive_max = 1;
	up.version = 6;
	buf_clear(&buf);
	uplink_up_encode(&buf, &up);
	assert_false(any_up(buf.data, buf.len));

	static const struct {
		uint8_t down_class;
		int32_t reason;
		bool good;
	} cases[] = {{1, -1, true},  {9, 255, true}, {0, 0, false},
	             {10, 0, false}, {1, -2, false}, {1, 256, false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct uplink_down down = {cases[i].down_class, cases[i].reason, SPAN_LITERAL("why")}, got;
		buf_clear(&buf);
		uplink_down_encode(&buf, &down);
		assert_int_equal(uplink_down_decode(&got, buf.data, buf.len), cases[i].good);
		if (!cases[i].good)
			continue;
		assert_true(got.reason == down.reason && span_equal(got.text, down.text));
		check_prefixes(&buf, any_down);
	}
	buf_release(&buf);
}

/* Shows ACKS with none, one and the most; one more, and a count that does not fit the bytes, are refused. */
static void acks_counts(void **state)
{
	(void)state;
	static struct uplink_acks sent, got;
	static const uint16_t counts[] = {0, 1, UPLINK_ACKS_MAX};
	for (size_t i = 0; i < UPLINK_ACKS_MAX; i++)
		sent.acks[i] = (struct uplink_ack){.token = UINT64_MAX - i, .reason = (uint8_t)i};
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		sent.count = counts[i];
		buf_clear(&buf);
		uplink_acks_encode(&buf, &sent);
		assert_int_equal(buf.len, 2 + 9u * counts[i]);
		assert_true(uplink_acks_decode(&got, buf.data, buf.len));
		assert_int_equal(got.count, counts[i]);
		for (size_t k = 0; k < counts[i]; k++)
			assert_true(got.acks[k].token == UINT64_MAX - k && got.acks[k].reason == (uint8_t)k);
	}
	buf.data[0] = (uint8_t)((UPLINK_ACKS_MAX + 1) & 0xff);
	buf.data[1] = (uint8_t)((UPLINK_ACKS_MAX + 1) >> 8);
	assert_false(any_acks(buf.data, buf.len));
	sent.count = 2;
	buf_clear(&buf);
	uplink_acks_encode(&buf, &sent);
	check_prefixes(&buf, any_acks);
	buf_release(&buf);
}

static bool any_inbound(const void *data, size_t len)
{
	struct uplink_inbound message;
	return uplink_inbound_decode(&message, data, len);
}

static bool inbound_accepted(const struct uplink_inbound *inbound)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_inbound_encode(&buf, inbound);
	bool accepted = any_inbound(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

/* Shows the layout of MESSAGE byte by byte (written down by hand), its prefixes, and each limit at its
 * edge. */
static void inbound_layout_and_limits(void **state)
{
	(void)state;
	static const uint8_t expected[] = {1, 1, 3, 0, 0, 0, 'a', '/', 'b', 2, 0, 0, 0, '{', '}'};
	struct uplink_inbound m = {
	    .qos = 1, .retain = 1, .topic = SPAN_LITERAL("a/b"), .payload = SPAN_LITERAL("{}")};
	struct uplink_inbound got;
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	uplink_inbound_encode(&buf, &m);
	assert_int_equal(buf.len, sizeof expected);
	assert_memory_equal(buf.data, expected, sizeof expected);
	assert_true(uplink_inbound_decode(&got, buf.data, buf.len));
	assert_true(got.qos == 1 && got.retain == 1 && span_equal(got.topic, m.topic) &&
	            span_equal(got.payload, m.payload));
	check_prefixes(&buf, any_inbound);
	buf_release(&buf);

	char *text = malloc(UPLINK_INBOUND_BYTES_MAX + 1);
	assert_non_null(text);
	memset(text, 'x', UPLINK_INBOUND_BYTES_MAX + 1);
	m = (struct uplink_inbound){.topic = {text, UPLINK_TOPIC_BYTES_MAX},
	                            .payload = {text, UPLINK_INBOUND_BYTES_MAX}};
	assert_true(inbound_accepted(&m));
	m.topic.len++;
	assert_false(inbound_accepted(&m));
	m.topic.len = 0;
	assert_false(inbound_accepted(&m));
	m.topic = (struct span){"a\0b", 3};
	assert_false(inbound_accepted(&m));
	m.topic.len = 1;
	m.payload.len++;
	assert_false(inbound_accepted(&m));
	m.payload.len = 0;
	assert_true(inbound_accepted(&m));
	m.qos = 2;
	assert_false(inbound_accepted(&m));
	m.qos = 0;
	m.retain = 2;
	assert_false(inbound_accepted(&m));
	free(text);
}

static bool any_taken(const void *data, size_t len)
{
	struct uplink_taken message;
	return uplink_taken_decode(&message, data, len);
}

static bool any_dropped(const void *data, size_t len)
{
	struct uplink_dropped message;
	return uplink_dropped_decode(&message, data, len);
}

/* Shows TAKEN with none, one, the most and one more; and DROPPED: round trip, prefixes, each reason, none, no
 * topic. */
static void taken_and_dropped(void **state)
{
	(void)state;
	static const struct {
		uint16_t count;
		bool good;
	} counts[] = {{0, false}, {1, true}, {UPLINK_UNTAKEN_MAX, true}, {UPLINK_UNTAKEN_MAX + 1, false}};
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct uplink_taken taken = {counts[i].count}, got;
		buf_clear(&buf);
		uplink_taken_encode(&buf, &taken);
		assert_int_equal(uplink_taken_decode(&got, buf.data, buf.len), counts[i].good);
		assert_int_equal(got.count, counts[i].count);
		if (counts[i].good)
			check_prefixes(&buf, any_taken);
	}
	for (uint8_t why = 0; why <= UPLINK_DROPPED_NO_ROOM + 1; why++) {
		struct uplink_dropped dropped = {why, 7, UINT64_C(1) << 40, SPAN_LITERAL("dn/cmd")}, got;
		bool good = why >= 1 && why <= 3;
		buf_clear(&buf);
		uplink_dropped_encode(&buf, &dropped);
		assert_int_equal(uplink_dropped_decode(&got, buf.data, buf.len), good);
		if (!good)
			continue;
		assert_true(got.why == why && got.count == 7 && got.bytes == UINT64_C(1) << 40 &&
		            span_equal(got.topic, dropped.topic));
		check_prefixes(&buf, any_dropped);
		dropped.count = 0;
		buf_clear(&buf);
		uplink_dropped_encode(&buf, &dropped);
		assert_false(any_dropped(buf.data, buf.len));
		dropped.count = 1;
		dropped.topic.len = 0;
		buf_clear(&buf);
		uplink_dropped_encode(&buf, &dropped);
		assert_false(any_dropped(buf.data, buf.len));
	}
	buf_release(&buf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connect_round_trip),
	    cmocka_unit_test(connect_limits),
	    cmocka_unit_test(publish_layout),
	    cmocka_unit_test(publish_limits),
	    cmocka_unit_test(up_and_down),
	    cmocka_unit_test(acks_counts),
	    cmocka_unit_test(connect_subscriptions),
	    cmocka_unit_test(up_subscriptions),
	    cmocka_unit_test(inbound_layout_and_limits),
	    cmocka_unit_test(taken_and_dropped),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
