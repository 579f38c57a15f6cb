/*
 * stream_policy.c - rules of the configuration as policies of the store.
 *
 * Why:   see stream_policy.h.
 * Owns:  nothing.
 * Runs in: the core.
 * Tests: tests/unit/record_test.c
 */
#include "connector/uplink/stream_policy.h"

#include "connector/uplink/stream_name.h"

static enum store_prune_when prune_when(enum config_receipt receipt)
{
	switch (receipt) {
	case CONFIG_RECEIPT_PUBACK:
		return STORE_PRUNE_PUBACK;
	case CONFIG_RECEIPT_COSIGNED:
		return STORE_PRUNE_COSIGNED;
	case CONFIG_RECEIPT_BOOKED:
		return STORE_PRUNE_BOOKED;
	}
	BUG("unknown receipt");
}

void stream_policy(struct store *store, int stream, const struct config_stream_rule *rule)
{
	store_stream_policy(store, stream, prune_when(rule->receipt), rule->sla_ns > 0);
}

void stream_policy_all(struct store *store, const struct config *config)
{
	for (int i = 0; i < store_stream_count(store); i++) {
		const struct store_stream *stream = store_stream_at(store, i);
		stream_policy(store, stream->id, stream_name_rule(config, span_of(stream->name)));
	}
}
