/*
 * agent_phases.c - documents in phase legacy: counted for the comparison, and read again once they are no longer in it.
 *
 * Why:   what is excluded leaves no trace in the store: with another configuration nobody would know that it was never
 *        sent, and the comparison could not say how many documents it leaves out.
 * Owns:  the watermark legacy of phases in the store: which documents are excluded, as a digest of the entries.
 * Rules: 1. Another digest than that of the last start: every source is read whole, and only then the watermark moves.
 *        2. A phase other than legacy does not count: shadow to parallel reads nothing again.
 *        3. A ledger that has not counted those of this digest, or missed one: the same.
 * Runs in: the core.
 * Tests: tests/integration/test_mapping.py
 */
#include <string.h>

#include "firmware/agent_state.h"

#define PHASES_SOURCE   "phases"
#define PHASES_QUERY    "legacy"
#define PHASES_NONE     "none"
#define PHASES_MISSED   "missed" /* no digest is equal to it */
#define PHASES_TEXT_MAX (64u * 1024u)

/* The entries as far as they decide what is excluded. Without one of legacy: PHASES_NONE, whatever the others say. */
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
		memcpy(hex, PHASES_NONE, sizeof PHASES_NONE);
	buf_release(&text);
}

/* recorder_excluding. */
static enum err count_excluded(void *self, const char *subject, bool excluded, struct err_info *info)
{
	struct agent *agent = self;
	if (comparison_exclude(agent->comparison, subject, excluded))
		return ERR_OK;
	if (!agent->excluded_due && strcmp(agent->excluded, PHASES_NONE) == 0)
		return ERR_OK; /* none is excluded, and none was */
	agent->excluded_missed = true;
	return store_watermark_put(agent->store, PHASES_SOURCE, PHASES_QUERY, SPAN_LITERAL(PHASES_MISSED),
	                           info);
}

static void read_whole(struct agent *agent)
{
	agent->excluded_reading = true;
	agent->excluded_missed = false;
	agent->excluded_due = true;
	for (int i = 0; i < agent->pull_count; i++)
		pull_read_whole(agent->pulls[i]);
}

enum err agent_phases_open(struct agent *agent, struct err_info *info)
{
	struct buf before;
	agent->recorder.excluding = count_excluded;
	agent->recorder.excluding_self = agent;
	buf_init(&before, DIGEST_HEX_SIZE);
	excluded_now(agent->options.config, agent->excluded);
	enum err err = store_watermark_get(agent->store, PHASES_SOURCE, PHASES_QUERY, &before, info);
	/* A store of before there was a phase legacy has excluded nothing. */
	bool same = err == ERR_NOT_FOUND || span_equal(buf_span(&before), span_of(agent->excluded));
	agent->excluded_due = err == ERR_NOT_FOUND || !same;
	if (err == ERR_OK && !same)
		read_whole(agent);
	buf_release(&before);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err agent_phases_step(struct agent *agent, struct err_info *info)
{
	bool uncounted =
	    agent->excluded_missed || comparison_excludes_other(agent->comparison, agent->excluded);
	if (uncounted && !agent->excluded_reading && comparison_ledger(agent->comparison))
		read_whole(agent);
	if (!agent->excluded_due)
		return ERR_OK;
	for (int i = 0; i < agent->pull_count; i++) {
		if (!pull_whole_read(agent->pulls[i]))
			return ERR_OK;
	}
	agent->excluded_reading = false;
	if (agent->excluded_missed)
		return ERR_OK;
	enum err err = agent_begin(agent, info);
	if (err == ERR_OK)
		comparison_excludes_these(agent->comparison, agent->excluded);
	if (err == ERR_OK)
		err = store_watermark_put(agent->store, PHASES_SOURCE, PHASES_QUERY, span_of(agent->excluded),
		                          info);
	agent->excluded_due = err != ERR_OK;
	return err;
}
