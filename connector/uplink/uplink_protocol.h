/*
 * uplink_protocol.h - what the core and the uplink child say to each other.
 *
 * Why:   libmosquitto, TLS and name resolution block; behind these frames they cannot stop the core.
 * Owns:  nothing; decoded messages borrow from the frame.
 * Rules: 1. One UPLINK_CONNECT makes one connection with a fresh handle; the child answers UP or DOWN, and
 *           after UP at last exactly one DOWN. After DOWN it waits for the next CONNECT. The core decides
 *           when (back-off).
 *        2. The core keeps the window: it never has more unanswered PUBLISH than it was allowed. Every
 *           PUBLISH is answered by its token in an ACKS, or the connection goes DOWN and the core sends it
 *           again later.
 *        3. The child keeps no message of a connection that has ended.
 *        4. An ack carries the broker's reason code as it came (MQTT 5, section 3.4.2.1); 0 on MQTT 3.1.1.
 *           What the child itself refuses (over the broker's maximum packet size: 0x95) is answered the same
 *           way.
 *        5. Every decoder refuses a message with too few or too many bytes, over a limit, with a flag that is
 *           neither 0 nor 1, or with a zero byte inside a name, path or topic (they become C strings in the
 *           child).
 * Runs in: core, uplink child, the simulator's broker.
 * Tests: tests/unit/uplink_protocol_test.c, tests/fuzz/uplink_protocol_fuzz.c
 */
#ifndef TWINPOST_UPLINK_PROTOCOL_H
#define TWINPOST_UPLINK_PROTOCOL_H

#include "hal/base/bytes.h"
#include "hal/base/secret.h"

/* MQTT allows 65,535 bytes of topic; brokers of the contract allow 256. */
#define UPLINK_TOPIC_BYTES_MAX   256
#define UPLINK_PAYLOAD_BYTES_MAX (256u * 1024u)
#define UPLINK_ACKS_MAX          1024
#define UPLINK_SUBSCRIPTIONS_MAX 8
/* Names and paths of a CONNECT, the content type; the sentence of a DOWN; the payload of a will. */
#define UPLINK_NAME_BYTES_MAX 256
#define UPLINK_TEXT_BYTES_MAX 1024
#define UPLINK_WILL_BYTES_MAX (16u * 1024u)

enum uplink_message {
	/* core to child */
	UPLINK_CONNECT = 1,
	UPLINK_PUBLISH = 2,
	UPLINK_DISCONNECT = 3,
	/* child to core */
	UPLINK_UP = 16,
	UPLINK_DOWN = 17,
	UPLINK_ACKS = 18,
};

enum uplink_version { UPLINK_MQTT_311 = 4, UPLINK_MQTT_5 = 5 };

struct uplink_connect {
	struct span host;
	uint16_t port;
	uint8_t version; /* enum uplink_version; falling back is the core's decision */
	struct span client_id;
	uint16_t keepalive_s;
	uint32_t session_expiry_s;
	uint32_t connect_timeout_s;
	struct span ca_file;
	struct span certificate_file; /* empty: no client certificate */
	struct span key_file;
	struct secret_reference key_password; /* resolved in the child alone */
	struct span alpn;                     /* empty: none */
	struct span user;                     /* empty: none */
	struct secret_reference password;
	struct span will_topic; /* empty: no will */
	struct span will_payload;
	uint8_t will_retain;
};

struct uplink_publish {
	uint64_t token; /* chosen by the core, given back in the ack */
	uint8_t qos;    /* 0 or 1 */
	uint8_t retain;
	struct span topic;
	struct span content_type; /* MQTT 5 content-type property; empty: none; not sent on 3.1.1 */
	struct span payload;
};

struct uplink_up {
	uint8_t version;
	uint8_t session_present;
	uint16_t receive_max; /* the broker's; 65,535 where it said nothing */
	uint32_t packet_max;  /* the broker's maximum packet size in bytes; 0 where it said nothing */
	uint8_t retain_available;
	struct span tls; /* "TLSv1.3" and the like, for status */
};

/* What a lost or refused connection means. */
enum uplink_down_class {
	UPLINK_DOWN_NETWORK = 1,    /* refused, reset, timed out, name not found: try again */
	UPLINK_DOWN_TLS = 2,        /* certificate or handshake: a person must act; tried again slowly */
	UPLINK_DOWN_LOCAL = 3,      /* our own files: absent or unreadable certificate, key, CA, secret */
	UPLINK_DOWN_REFUSED = 4,    /* CONNACK with a refusal: not authorised, bad client id, ... */
	UPLINK_DOWN_NO_CONNACK = 5, /* closed before CONNACK: an old broker may not speak this version */
	UPLINK_DOWN_BROKER = 6,     /* DISCONNECT from the broker with a reason */
	UPLINK_DOWN_ASKED = 7,      /* after UPLINK_DISCONNECT */
	UPLINK_DOWN_VERSION = 8,    /* CONNACK 0x84 or 1: protocol version not supported */
};

struct uplink_down {
	uint8_t down_class;
	int32_t reason;   /* MQTT reason code, or -1 */
	struct span text; /* one sentence for a person: what, where, what to do */
};

struct uplink_ack {
	uint64_t token;
	uint8_t reason;
};

struct uplink_acks {
	uint16_t count;
	struct uplink_ack acks[UPLINK_ACKS_MAX];
};

void uplink_connect_encode(struct buf *out, const struct uplink_connect *message);
MUST_USE bool uplink_connect_decode(struct uplink_connect *message, const void *data, size_t len);
void uplink_publish_encode(struct buf *out, const struct uplink_publish *message);
MUST_USE bool uplink_publish_decode(struct uplink_publish *message, const void *data, size_t len);
void uplink_up_encode(struct buf *out, const struct uplink_up *message);
MUST_USE bool uplink_up_decode(struct uplink_up *message, const void *data, size_t len);
void uplink_down_encode(struct buf *out, const struct uplink_down *message);
MUST_USE bool uplink_down_decode(struct uplink_down *message, const void *data, size_t len);
void uplink_acks_encode(struct buf *out, const struct uplink_acks *message);
MUST_USE bool uplink_acks_decode(struct uplink_acks *message, const void *data, size_t len);

#endif
