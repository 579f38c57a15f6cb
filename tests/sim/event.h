/*
 * event.h - one event as a consumer reads it: its attributes, its leaf, its place in the chain; recomputed from bytes.
 *
 * Why:   what the product writes is judged by code that shares nothing with it.
 * Owns:  struct event owns the parsed tree until event_release(); data_bytes is borrowed from the payload.
 * Rules: 1. Hashes are OpenSSL's; formats are those of the contract (docs/contract), not of the product's headers.
 *        2. event_parse() refuses what is no whole event; nothing here ends the program for it.
 * Runs in: tests.
 * Tests: tests/sim/subscriber_test.c, tests/sim/sim_test.c
 */
#ifndef TWINPOST_SIM_EVENT_H
#define TWINPOST_SIM_EVENT_H

#include <cjson/cJSON.h>

#include "hal/base/bytes.h"

#define EVENT_HASH_BYTES   32
#define EVENT_SOURCE_MAX   200
#define EVENT_STREAM_MAX   100
#define SIM_FINDING_MAX    600
#define EVENT_CONTROL_TYPE "com.twinpost.control.recorded.v1"
#define EVENT_KEY_TYPE     "com.twinpost.key.rotated.v1"
#define EVENT_BATCH_TYPE   "com.twinpost.posting.batch.v1"

struct event {
	cJSON *root;
	const cJSON *data;
	struct span data_bytes;
	const char *source;
	const char *sequence;
	const char *id;
	const char *type;
	const char *subject;
	const char *time;
	const char *dataschema;
	const char *chainhash;
	const char *part; /* NULL: the document is whole */
	int64_t number;
	int64_t revision;
};

/* Keeps the first finding of a judge alone. */
void sim_find(char finding[SIM_FINDING_MAX], const char *format, ...) PRINTF_LIKE(2, 3);

void event_sha256(struct span bytes, uint8_t hash[EVENT_HASH_BYTES]);
void event_hash_hex(struct span bytes, char hex[2 * EVENT_HASH_BYTES + 1]);
/* The text of a member; NULL: it is none. */
const char *event_text(const cJSON *object, const char *name);

/* false: not a whole event. Release it in either case. */
MUST_USE bool event_parse(struct event *event, struct span payload);
void event_release(struct event *event);
/* Is it of a document of the ERP (and neither control nor key event)? */
bool event_is_posting(const struct event *event);
/* The stream in a source, urn:twinpost:{tenant}:{gateway}:{stream}:{epoch}. false: it has another form. */
MUST_USE bool event_stream_of(const char *source, char stream[EVENT_STREAM_MAX]);
/* Does the source's stream stand in tp1/{tenant}/{gateway}/{kind}/{stream}? */
bool event_topic_fits(const char *source, const char *kind, struct span topic);
bool event_id_fits(const struct event *event);
void event_leaf(const struct event *event, uint8_t leaf[EVENT_HASH_BYTES]);
void event_chain_start(const char *source, uint8_t chain[EVENT_HASH_BYTES]);
void event_chain_next(const uint8_t leaf[EVENT_HASH_BYTES], uint8_t chain[EVENT_HASH_BYTES]);
/* Decimal text to minor units; INT64_MIN: it is none, or has more places than the currency. */
int64_t event_minor_units(const char *text, int decimals);

#endif
