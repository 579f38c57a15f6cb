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
 *        5. Topic filters of a CONNECT are subscribed after CONNACK; UP comes after the SUBACK and says what the
 *           broker answered to each: a refused filter is no reason for DOWN. A broker that closes instead
 *           (RabbitMQ 3.10 does) is DOWN of class SUBSCRIBE, so that the core may connect without filters.
 *        6. What the broker sends comes as MESSAGE, from the CONNACK on, so perhaps before UP. The core gives
 *           each back with TAKEN, once, in any state, after DOWN and over further connections too. The child
 *           never has more than UPLINK_UNTAKEN_MAX of them, or UPLINK_UNTAKEN_BYTES_MAX, outstanding: it stops
 *           reading, and if the core takes nothing for UPLINK_PAUSE_MS it reads on (acks and keep alive must
 *           pass) and tells in DROPPED what it had no room for. The MQTT library has acknowledged these to the
 *           broker: whoever sent them repeats what is not answered.
 *        7. DROPPED are gathered: at most one a second for each reason. DUP is not told: the library hides it,
 *           and nothing may rest on it.
 *        8. Every decoder refuses a message with too few or too many bytes, over a limit, with a flag that is
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
/* A message from the broker that is larger is not passed on. Outcomes are the largest of the contract: 256 KiB. */
#define UPLINK_INBOUND_BYTES_MAX (256u * 1024u)
/* Rule 6. Bytes are those of topic and payload. */
#define UPLINK_UNTAKEN_MAX       64
#define UPLINK_UNTAKEN_BYTES_MAX (1024u * 1024u)
/* Longer than a commit takes on a slow disk, shorter than any keep alive or ack timeout. */
#define UPLINK_PAUSE_MS 2000
/* What a broker of MQTT 5 may have unacknowledged towards us where the core has no reason for more. */
#define UPLINK_RECEIVE_MAX 16
/* Names and paths of a CONNECT, the content type; the sentence of a DOWN; the payload of a will. */
#define UPLINK_NAME_BYTES_MAX 256
#define UPLINK_TEXT_BYTES_MAX 1024
#define UPLINK_WILL_BYTES_MAX (16u * 1024u)

enum uplink_message {
	/* core to child */
	UPLINK_CONNECT = 1,
	UPLINK_PUBLISH = 2,
	UPLINK_DISCONNECT = 3,
	UPLINK_TAKEN = 4,
	/* child to core */
	UPLINK_UP = 16,
	UPLINK_DOWN = 17,
	UPLINK_ACKS = 18,
	UPLINK_MESSAGE = 19, /* struct uplink_inbound */
	UPLINK_DROPPED = 20,
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
	uint16_t receive_max; /* MQTT 5: QoS 1 messages the broker may send without our PUBACK; at least 1 */
	uint8_t subscription_count;
	struct span subscriptions[UPLINK_SUBSCRIPTIONS_MAX]; /* topic filters, QoS 1 */
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
	/* The broker's answers to the filters of CONNECT, in their order: 0 or 1 is the QoS granted; 0x80 and above
	 * is a refusal (in MQTT 3.1.1 always 0x80). A filter that is not well formed is 0x8F, from the child. */
	uint8_t subscription_count;
	uint8_t subscriptions[UPLINK_SUBSCRIPTIONS_MAX];
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
	UPLINK_DOWN_SUBSCRIBE = 9,  /* closed between SUBSCRIBE and SUBACK: a topic filter may be refused */
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

struct uplink_inbound {
	uint8_t qos;
	uint8_t retain; /* it was kept by the broker, and is not new */
	struct span topic;
	struct span payload;
};

struct uplink_taken {
	uint16_t
	    count; /* 1 to UPLINK_UNTAKEN_MAX, the oldest first; more than are outstanding is a bug of the core */
};

enum uplink_dropped_why {
	UPLINK_DROPPED_TOO_LARGE = 1, /* payload over UPLINK_INBOUND_BYTES_MAX */
	UPLINK_DROPPED_TOPIC = 2,     /* topic over UPLINK_TOPIC_BYTES_MAX; told cut off */
	UPLINK_DROPPED_NO_ROOM = 3,   /* the core has taken nothing for UPLINK_PAUSE_MS */
};

struct uplink_dropped {
	uint8_t why;
	uint32_t count;    /* messages since the last DROPPED of this reason; at least 1 */
	uint64_t bytes;    /* of their payloads */
	struct span topic; /* of the last one */
};

/* Bit i is set where filter i was refused. */
uint8_t uplink_up_refused(const struct uplink_up *message);

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
void uplink_inbound_encode(struct buf *out, const struct uplink_inbound *message);
MUST_USE bool uplink_inbound_decode(struct uplink_inbound *message, const void *data, size_t len);
void uplink_taken_encode(struct buf *out, const struct uplink_taken *message);
MUST_USE bool uplink_taken_decode(struct uplink_taken *message, const void *data, size_t len);
void uplink_dropped_encode(struct buf *out, const struct uplink_dropped *message);
MUST_USE bool uplink_dropped_decode(struct uplink_dropped *message, const void *data, size_t len);

#endif
