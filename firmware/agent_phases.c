/*
 * agent_phases.c - documents that were in phase legacy are read again once the configuration takes them out of it.
 *
 * Why:   what is excluded leaves no trace: with another configuration nobody would know that it was never sent.
 * Owns:  the watermark legacy of phases in the store: which documents are excluded, as a digest of the entries.
 * Rules: 1. Another digest than that of the last start: every source is read whole, and only then the watermark moves.
 *        2. A phase other than legacy does not count: shadow to parallel reads nothing again.
 * Runs in: the core.
 * Tests: tests/integration/test_mapping.py
 */
#include <string.h>

#include "firmware/agent_state.h"

#define PHASES_SOURCE   "phases"
#define PHASES_QUERY    "legacy"
#define PHASES_TEXT_MAX (64u * 1024u)

/* The entries as far as they decide what is excluded. Without one of legacy: "none", whatever the others say. */
static void excluded_now(const struct config *config, char hex[DIGEST_HEX_SIZE])
{
	struct buf text;
	bool any = false;
	buf_init(&text, PHASES_TEXT_MAX);
	for (int i = 0; i < config->phase_count; i++) {
		const struct config_phase_rule *rule = &config->phases[i];
		bool legacy = rule->phase == CONFIG_PHASE_LEGACY;
		any = any || legacy;
		buf_printf(&text, "%s %d %d", rule->entity, rule->from, legacy);
		for (int j = 0; j < rule->document_count; j++)
			buf_printf(&text, " %s", rule->documents[j]);
		buf_append_char(&text, '\n');
	}
	CHECK(buf_ok(&text));
	const struct span all = buf_span(&text);
	const struct digest digest = digest_of(&all, 1);
	digest_hex(&digest, hex);
	if (!any)
		memcpy(hex, "none", sizeof "none");
	buf_release(&text);
}

enum err agent_phases_open(struct agent *agent, struct err_info *info)
{
	struct buf before;
	buf_init(&before, DIGEST_HEX_SIZE);
	excluded_now(agent->options.config, agent->excluded);
	enum err err = store_watermark_get(agent->store, PHASES_SOURCE, PHASES_QUERY, &before, info);
	/* A store of before there was a phase legacy has excluded nothing. */
	bool same = err == ERR_NOT_FOUND || span_equal(buf_span(&before), span_of(agent->excluded));
	agent->excluded_due = err == ERR_NOT_FOUND || !same;
	for (int i = 0; i < agent->pull_count && err == ERR_OK && !same; i++)
		pull_read_whole(agent->pulls[i]);
	buf_release(&before);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err agent_phases_step(struct agent *agent, struct err_info *info)
{
	if (!agent->excluded_due)
		return ERR_OK;
	for (int i = 0; i < agent->pull_count; i++) {
		if (!pull_whole_read(agent->pulls[i]))
			return ERR_OK;
	}
	enum err err = agent_begin(agent, info);
	if (err == ERR_OK)
		err = store_watermark_put(agent->store, PHASES_SOURCE, PHASES_QUERY, span_of(agent->excluded),
		                          info);
	agent->excluded_due = err != ERR_OK;
	return err;
}
