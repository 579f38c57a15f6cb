/*
 * reason.h - MQTT's reason codes in words, what each means for us, and what a person can do.
 *
 * Why:   "0x87" helps nobody at two in the morning; and the core must know which refusals pass by themselves.
 * Owns:  nothing.
 * Rules: 1. Codes are those of MQTT 5 (section 2.4); the five of MQTT 3.1.1 (section 3.2.2.3) have a table of
 *           their own.
 *        2. An unknown code has words too: "reason 0x.. that MQTT 5 does not define".
 * Runs in: core, uplink child.
 * Tests: tests/unit/forward_test.c
 */
#ifndef TWINPOST_REASON_H
#define TWINPOST_REASON_H

#include <stdbool.h>
#include <stdint.h>

#define REASON_SUCCESS              0x00
#define REASON_NO_SUBSCRIBER        0x10
#define REASON_UNSPECIFIED          0x80
#define REASON_UNSUPPORTED_VERSION  0x84
#define REASON_NOT_AUTHORISED       0x87
#define REASON_FILTER_INVALID       0x8F
#define REASON_TOPIC_INVALID        0x90
#define REASON_PACKET_TOO_LARGE     0x95
#define REASON_RETAIN_NOT_SUPPORTED 0x9A
#define REASON_QOS_NOT_SUPPORTED    0x9B

struct reason {
	uint8_t code;
	bool transient;     /* passes by itself: full, busy, moved for a moment */
	const char *words;  /* "not authorised" */
	const char *advice; /* "allow the client this topic in the broker's access list" */
};

/* Of a PUBACK, DISCONNECT or CONNACK of MQTT 5. Never NULL. */
const struct reason *reason_of(uint8_t code);
/* Of a CONNACK of MQTT 3.1.1 (1 to 5). Never NULL. */
const struct reason *reason_of_connack_311(uint8_t code);

#endif
