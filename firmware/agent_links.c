/*
 * agent_links.c - what the parts of the core ask of each other, by way of the agent.
 *
 * Why:   sources, cloud, status tables and control know nothing of one another; each has a sink, and here they meet.
 * Owns:  nothing.
 * Rules: whatever is stored here is stored in the agent's open transaction.
 * Runs in: the core.
 * Tests: tests/sim, tests/integration
 */
#include <stdio.h>
#include <string.h>

#include "firmware/agent_state.h"
#include "store_forward/status_queue.h"

#define CONTROL_PER_STEP 16

/* ---- what the machines ask of the agent ---- */

enum err agent_begin(struct agent *agent, struct err_info *info)
{
	if (store_in_transaction(agent->store))
		return ERR_OK;
	if (agent->trouble != ERR_OK)
		return err_set(info, agent->trouble, "the store cannot be written at the moment");
	enum err err = store_begin(agent->store, info);
	if (err == ERR_OK)
		agent->dirty_since_ns = hal_mono_ns(agent->hal);
	return err;
}

static enum err source_begin(void *self, struct err_info *info)
{
	struct source_link *link = self;
	return agent_begin(link->agent, info);
}

static enum err source_document(void *self, const struct config_source *source, struct document *document,
                                bool *held, struct err_info *info)
{
	struct source_link *link = self;
	if (source->side == CONFIG_SIDE_CLOUD) {
		*held = false;
		return comparison_document(link->agent->comparison, source->name, document, info);
	}
	return recorder_document(&link->agent->recorder, source->name, link->profile_version, document, held,
	                         info);
}

static enum err source_unreadable(void *self, const struct config_source *source,
                                  const struct store_exception *exception, struct err_info *info)
{
	struct source_link *link = self;
	(void)source;
	return recorder_exception(&link->agent->recorder, exception, info);
}

static enum err cloud_begin(void *self, struct err_info *info)
{
	return agent_begin(self, info);
}

static int source_index(const struct agent *agent, const char *name)
{
	for (int i = 0; i < agent->pull_count; i++) {
		if (strcmp(agent->options.config->sources[i].name, name) == 0)
			return i;
	}
	return -1;
}

static enum err no_source(const char *name, struct err_info *info)
{
	return err_set(info, ERR_NOT_FOUND, "there is no source %s", name);
}

static enum err cloud_pause_source(void *self, const char *source, bool resume, struct err_info *info)
{
	struct agent *agent = self;
	int index = source_index(agent, source);
	if (index < 0)
		return no_source(source, info);
	agent->source_paused[index] = !resume;
	if (!resume)
		pull_pause(agent->pulls[index], "the cloud has paused it");
	else if (agent->pause_reason[0] == 0 && agent->stop_limit_ns == 0)
		pull_resume(agent->pulls[index]);
	return ERR_OK;
}

static enum err cloud_sweep(void *self, const char *source, struct err_info *info)
{
	struct agent *agent = self;
	int index = source_index(agent, source);
	if (index < 0)
		return no_source(source, info);
	pull_sweep(agent->pulls[index]);
	return ERR_OK;
}

/* Outcomes are queued for the source's own table, where it has one. */
static enum err cloud_moved(void *self, const char *source, struct span subject, int64_t revision,
                            struct err_info *info)
{
	struct agent *agent = self;
	int index = source_index(agent, source);
	comparison_moved(agent->comparison, subject, revision);
	if (index < 0 || agent->options.config->sources[index].status_table.connection[0] == 0)
		return ERR_OK;
	return store_status_add(agent->store, span_of(source), subject, revision, info);
}

static enum err cloud_posting(void *self, const struct posting_event *event, const struct document *document,
                              struct err_info *info)
{
	struct agent *agent = self;
	return comparison_posting(agent->comparison, event, document, info);
}

static enum err cloud_posting_state(void *self, const char *name, struct buf *out, struct err_info *info)
{
	struct agent *agent = self;
	return comparison_state(agent->comparison, name, out, info);
}

static enum err cloud_posting_keep(void *self, const char *name, struct span state, struct err_info *info)
{
	struct agent *agent = self;
	return comparison_keep(agent->comparison, name, state, info);
}

static enum err tables_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	struct agent *agent = self;
	return recorder_exception(&agent->recorder, exception, info);
}

static enum err tables_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	struct agent *agent = self;
	return recorder_clear(&agent->recorder, span_of(rule), SPAN_LITERAL("uplink"), span_of(key), info);
}

/* ---- what control may ask ---- */

static enum err control_commit(void *self, struct err_info *info)
{
	return agent_commit(self, info);
}

static void control_failed(void *self, enum err err, const struct err_info *info)
{
	struct agent *agent = self;
	/* Damage is found again by the next step, which may hand it on. */
	(void)!agent_absorb(agent, err == ERR_CORRUPT ? ERR_IO : err, info, hal_mono_ns(agent->hal));
}

static enum err control_read_again(void *self, struct span source, struct err_info *info)
{
	char name[CONFIG_NAME_MAX];
	if (!text_copy(name, sizeof name, source))
		return err_set(info, ERR_NOT_FOUND, "there is no such source");
	enum err err = cloud_sweep(self, name, info);
	if (err == ERR_OK)
		pull_retry_held(((struct agent *)self)->pulls[source_index(self, name)]);
	return err;
}

static enum err control_send_again(void *self, const struct store_stream *stream, struct err_info *info)
{
	struct agent *agent = self;
	(void)info;
	forward_try_now(cloud_forward(agent->cloud), stream, hal_mono_ns(agent->hal));
	return ERR_OK;
}

static enum err control_key_rotate(void *self, struct err_info *info)
{
	struct agent *agent = self;
	return cloud_rotate_key(agent->cloud, info);
}

static struct span control_key_public(void *self)
{
	struct agent *agent = self;
	return cloud_public_key(agent->cloud);
}

static enum err control_sign(void *self, struct span text, struct buf *note, struct err_info *info)
{
	struct agent *agent = self;
	return cloud_sign(agent->cloud, text, note, info);
}

static enum err control_document_again(void *self, const char *source, struct document *document,
                                       bool preview, struct recorder_again *again, struct err_info *info)
{
	struct agent *agent = self;
	int place = source_index(agent, source);
	if (place < 0) {
		*again = (struct recorder_again){.result = AGAIN_REFUSED};
		(void)snprintf(again->why, sizeof again->why, "its source %s is not configured any more",
		               source);
		return ERR_OK;
	}
	return recorder_document_again(&agent->recorder, agent->links[place].profile_version, document,
	                               preview, again, info);
}

void agent_answer_control(struct agent *agent)
{
	struct control_view view = {
	    .config = agent->options.config,
	    .store = agent->store,
	    .opening = &agent->opening,
	    .pulls = agent->pulls,
	    .pull_count = agent->pull_count,
	    .forward = cloud_forward(agent->cloud),
	    .hal = agent->hal,
	    .version = agent->options.version,
	    .started_wall_ns = agent->started_wall_ns,
	    .started_mono_ns = agent->started_mono_ns,
	    .pause_reason = agent->pause_reason,
	    .actions = {agent, cloud_begin, control_commit, control_failed, control_read_again,
	                control_send_again, control_key_rotate, control_key_public, control_sign,
	                control_document_again},
	};
	view.recorder = &agent->recorder;
	view.comparison = agent->comparison;
	view.rules_problem = agent->rules ? rules_keeper_problem(agent->rules) : NULL;
	struct inbox_counters counters;
	cloud_counters(agent->cloud, &counters);
	view.counters = (struct control_counters){.commands = counters.commands,
	                                          .refused = counters.refused,
	                                          .outcomes = counters.outcomes,
	                                          .receipts = counters.receipts};
	struct hal_control_event event;
	for (int i = 0; i < CONTROL_PER_STEP && hal_control_next(agent->hal, &event); i++) {
		if (event.gone)
			continue;
		buf_clear(&agent->reply);
		control_answer(&view, event.who, event.line, &agent->reply);
		hal_control_reply(agent->hal, event.client, buf_span(&agent->reply));
	}
}

/* ---- the sinks ---- */

struct pull_sink agent_source_sink(struct source_link *link)
{
	return (struct pull_sink){link, source_document, source_unreadable, source_begin};
}

struct cloud_sink agent_cloud_sink(struct agent *agent)
{
	struct cloud_sink sink = {agent, cloud_begin, cloud_pause_source, cloud_sweep, cloud_moved, NULL,
	                          NULL,  NULL};
	if (agent->comparison) {
		sink.posting = cloud_posting;
		sink.posting_state = cloud_posting_state;
		sink.posting_keep = cloud_posting_keep;
	}
	return sink;
}

struct status_writer_sink agent_tables_sink(struct agent *agent)
{
	return (struct status_writer_sink){agent, cloud_begin, tables_raise, tables_clear};
}
