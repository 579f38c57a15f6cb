/*
 * stream_name.c - hashes what has to be hashed in a stream's name, and finds rules by names.
 *
 * Why:   see stream_name.h.
 * Owns:  nothing.
 * Rules: as in stream_name.h.
 * Runs in: the core.
 * Tests: tests/unit/stream_name_test.c
 */
#include "connector/uplink/stream_name.h"

#include <string.h>

#include "store_forward/digest.h"

#define ENTITY "{entity}"
#define EXACT  STREAM_NAME_SIZE /* more than any number of bytes besides {entity} */

_Static_assert(STREAM_NAME_SIZE == STORE_STREAM_NAME_MAX, "the store takes every name");

void stream_name(const char *name, struct span entity, char out[STORE_STREAM_NAME_MAX])
{
	char hex[DIGEST_HEX_SIZE], tag[STREAM_TAG_SIZE];
	const struct digest digest = digest_of(&entity, 1);
	digest_hex(&digest, hex);
	memcpy(tag, hex, STREAM_TAG_SIZE - 1);
	tag[STREAM_TAG_SIZE - 1] = 0;
	(void)stream_rule_expand(name, entity, tag, out);
}

/* How exactly the rule can give the name; -1: it cannot. */
static int exactness(const struct config_stream_rule *rule, struct span stream)
{
	const char *place = strstr(rule->name, ENTITY);
	if (!place || strcmp(rule->entity, "*") != 0) {
		char name[STORE_STREAM_NAME_MAX];
		stream_name(rule->name, span_of(rule->entity), name);
		return span_equal(span_of(name), stream) ? EXACT : -1;
	}
	size_t before = (size_t)(place - rule->name);
	const char *behind = place + strlen(ENTITY);
	size_t beside = before + strlen(behind);
	bool fits = stream.len > beside && memcmp(stream.data, rule->name, before) == 0 &&
	            memcmp(stream.data + stream.len - (beside - before), behind, beside - before) == 0;
	return fits ? (int)beside : -1;
}

const struct config_stream_rule *stream_name_rule(const struct config *config, struct span stream)
{
	const struct config_stream_rule *best = stream_rule_default();
	int best_exactness = -1;
	for (int i = 0; i < config->stream_count; i++) {
		int exact = exactness(&config->streams[i], stream);
		if (exact > best_exactness) {
			best_exactness = exact;
			best = &config->streams[i];
		}
	}
	return best;
}
