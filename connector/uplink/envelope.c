/*
 * envelope.c - builds the event's bytes, its id, leaf and chain value.
 *
 * Why:   see envelope.h.
 * Owns:  nothing.
 * Rules: every part that the leaf covers is made once, as text, and used for both the leaf and the bytes.
 * Runs in: the core.
 * Tests: tests/unit/envelope_test.c
 */
#include "connector/uplink/envelope.h"

#include <inttypes.h>
#include <stdio.h>

#include "connector/posting/canonical.h"

#define ID_BYTES        16
#define SPAN_BYTES      8
#define SEQUENCE_DIGITS 20

struct texts {
	char sequence[SEQUENCE_DIGITS + 1];
	char revision[21];
	char time[INSTANT_TEXT_SIZE];
	char type[64];
	char schema[64];
	char id[2 * ID_BYTES + 1];
	char span_id[2 * SPAN_BYTES + 1];
	char chain[DIGEST_HEX_SIZE];
};

struct envelope_kind envelope_kind_of(enum document_type type)
{
	const struct document_spec *spec = document_spec(type);
	return (struct envelope_kind){spec->event_name, spec->name, ENVELOPE_SCHEMA_VERSION};
}

static const char *change_name(enum envelope_change change)
{
	switch (change) {
	case ENVELOPE_RECORDED:
		return "recorded";
	case ENVELOPE_AMENDED:
		return "amended";
	case ENVELOPE_VOIDED:
		return "voided";
	case ENVELOPE_ROTATED:
		return "rotated";
	}
	BUG("unknown change");
}

static void make_id(const struct envelope *envelope, struct texts *texts)
{
	char data_hex[DIGEST_HEX_SIZE];
	digest_hex(&envelope->data_digest, data_hex);
	const struct span parts[] = {
	    SPAN_LITERAL("tp1/id/v1\n"), envelope->subject,  SPAN_LITERAL("\n"),
	    span_of(texts->revision),    SPAN_LITERAL("\n"), span_of(data_hex),
	    SPAN_LITERAL("\n"),          envelope->part,     SPAN_LITERAL("\n"),
	};
	size_t count = sizeof parts / sizeof parts[0];
	struct digest digest = digest_of(parts, envelope->part.len > 0 ? count : count - 2);
	hex_encode(texts->id, digest.bytes, ID_BYTES);
	hex_encode(texts->span_id, digest.bytes + ID_BYTES, SPAN_BYTES);
}

static void make_texts(const struct envelope *envelope, struct texts *texts)
{
	(void)snprintf(texts->sequence, sizeof texts->sequence, "%020" PRId64, envelope->sequence);
	(void)snprintf(texts->revision, sizeof texts->revision, "%" PRId64, envelope->revision);
	(void)snprintf(texts->type, sizeof texts->type, "com.twinpost.%s.%s.v1", envelope->kind.event,
	               change_name(envelope->change));
	(void)snprintf(texts->schema, sizeof texts->schema, "urn:twinpost:schema:%s:%s",
	               envelope->kind.schema, envelope->kind.schema_version);
	instant_print(envelope->recorded_ns, texts->time);
	make_id(envelope, texts);
}

static void append_text(struct buf *out, const char *key, const char *text)
{
	buf_append_text(out, key);
	buf_append_text(out, text);
	buf_append_char(out, '"');
}

/* The keys in sorted order; the values that hold only safe characters need no escaping. */
static void append_event(const struct envelope *envelope, const struct texts *texts, struct buf *out)
{
	append_text(out, "{\"chainhash\":\"", texts->chain);
	buf_append_text(out, ",\"data\":");
	buf_append_span(out, envelope->data);
	buf_append_text(out, ",\"datacontenttype\":\"application/json\"");
	append_text(out, ",\"dataschema\":\"", texts->schema);
	append_text(out, ",\"id\":\"", texts->id);
	if (envelope->mapping_version.len > 0) {
		buf_append_text(out, ",\"mappingversion\":");
		canonical_string(out, envelope->mapping_version);
	}
	if (envelope->part.len > 0) {
		buf_append_text(out, ",\"part\":");
		canonical_string(out, envelope->part);
	}
	buf_append_text(out, ",\"partitionkey\":");
	canonical_string(out, envelope->subject);
	append_text(out, ",\"phase\":\"", config_phase_name(envelope->phase));
	buf_append_text(out, ",\"profileversion\":");
	canonical_string(out, envelope->profile_version);
	buf_append_text(out, ",\"revision\":");
	buf_append_text(out, texts->revision);
	append_text(out, ",\"sequence\":\"", texts->sequence);
	buf_append_text(out, ",\"source\":");
	canonical_string(out, envelope->source);
	buf_append_text(out, ",\"specversion\":\"1.0\",\"subject\":");
	canonical_string(out, envelope->subject);
	append_text(out, ",\"time\":\"", texts->time);
	buf_append_text(out, ",\"traceparent\":\"00-");
	buf_append_text(out, texts->id);
	buf_append_char(out, '-');
	buf_append_text(out, texts->span_id);
	append_text(out, "-01\",\"type\":\"", texts->type);
	buf_append_char(out, '}');
}

void envelope_write(const struct envelope *envelope, const struct digest *previous_chain, struct buf *out,
                    struct digest *leaf, struct digest *chain)
{
	CHECK(envelope->sequence > 0 && envelope->revision > 0);
	struct texts texts;
	make_texts(envelope, &texts);
	const struct chain_leaf covered = {
	    .source = envelope->source,
	    .sequence = span_of(texts.sequence),
	    .id = span_of(texts.id),
	    .type = span_of(texts.type),
	    .subject = envelope->subject,
	    .revision = span_of(texts.revision),
	    .time = span_of(texts.time),
	    .dataschema = span_of(texts.schema),
	    .data = envelope->data_digest,
	};
	*leaf = chain_leaf_hash(&covered);
	*chain = chain_link(previous_chain, leaf);
	digest_hex(chain, texts.chain);
	append_event(envelope, &texts, out);
}
