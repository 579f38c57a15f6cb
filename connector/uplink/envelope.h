/*
 * envelope.h - one document as a CloudEvents 1.0 event: the exact bytes that are stored, sent and proven.
 *
 * Why:   the same bytes go out on MQTT 5 and 3.1.1, first time and on replay; a subscriber recomputes leaf and chain.
 * Owns:  nothing; the caller's buffer takes the bytes.
 * Rules: 1. Structured mode JSON, keys sorted, no white space (the RFC 8785 subset of canonical.h).
 *        2. id is deterministic: hex of the first 16 bytes of
 *           H("tp1/id/v1\n" subject "\n" revision "\n" hex(H(data)) "\n"), with part "\n" behind it where there is one.
 *        3. traceparent is deterministic as well: trace id = id, span id = the next 8 bytes of the same hash.
 *        4. revision, phase, profileversion and mappingversion are of the event, not of the document: they stand here
 *           and not in data, so that a change of phase, profile or rules makes no document look changed.
 * Source: CloudEvents 1.0.2 (JSON event format 1.0.2); W3C Trace Context (2021) section 3.2; docs/contract.
 * Runs in: the core.
 * Tests: tests/unit/envelope_test.c; the sample cloud checks every event in another language.
 */
#ifndef TWINPOST_ENVELOPE_H
#define TWINPOST_ENVELOPE_H

#include "config/config.h"
#include "connector/posting/document.h"
#include "store_forward/chain.h"

#define ENVELOPE_CONTENT_TYPE "application/cloudevents+json; charset=utf-8"
/* The exact version of each document's schema, all types alike; the major stands in the event's type. */
#define ENVELOPE_SCHEMA_VERSION "1.1"
/* That of the agent's own events, control and key. */
#define ENVELOPE_OWN_SCHEMA_VERSION "1.0"

enum envelope_change { ENVELOPE_RECORDED, ENVELOPE_AMENDED, ENVELOPE_VOIDED, ENVELOPE_ROTATED };

/* What an event is about: the word in its type ("creditmemo"), and name and version of its schema ("credit_memo"). */
struct envelope_kind {
	const char *event;
	const char *schema;
	const char *schema_version;
};
struct envelope_kind envelope_kind_of(enum document_type type);

struct envelope {
	struct span source; /* of the stream: urn:twinpost:{tenant}:{gateway}:{stream}:{epoch} */
	int64_t sequence;
	struct envelope_kind kind;
	enum envelope_change change;
	struct span subject;
	int64_t revision;
	int64_t recorded_ns; /* wall time */
	enum config_phase phase;
	struct span profile_version; /* "jde/1" */
	struct span mapping_version; /* of the rules that gave the mapped codes; empty: there are none */
	struct span part;            /* "1/3"; empty: the event holds the whole document */
	struct span data;            /* canonical JSON of the document */
	struct digest data_digest;   /* H(data) */
};

/* Appends the event to out and gives its leaf, and the chain value that belongs to it. Check buf_ok(out) after. */
void envelope_write(const struct envelope *envelope, const struct digest *previous_chain, struct buf *out,
                    struct digest *leaf, struct digest *chain);

#endif
