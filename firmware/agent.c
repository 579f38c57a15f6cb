/*
 * agent.c - the core's step: events in, machines on, one commit, then sending.
 *
 * Why:   see agent.h.
 * Owns:  everything below struct agent.
 * Rules: 1. Order in a step: control, child events, machines, housekeeping, commit, send.
 *        2. While rows stream in, a transaction stays open for up to COMMIT_DELAY or COMMIT_ROWS, so that one sync
 *           carries many documents; otherwise it is committed in the same step.
 *        3. In trouble (the store cannot be written) nothing is asked and nothing is sent; a probe ends the trouble.
 * Faults: full disk, input/output errors: paused and tried again; a damaged store goes up to the caller.
 * Runs in: the core.
 * Tests: tests/sim, tests/integration, tests/crash
 */
#include "firmware/agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/agent_state.h"

#define EVENTS_PER_STEP      64
#define STEP_BUDGET_NS       (5 * NS_PER_MS)
#define COMMIT_ROWS          1000
#define COMMIT_DELAY_NS      (20 * NS_PER_MS) /* rows streaming in */
#define COMMIT_ACKS_DELAY_NS (50 * NS_PER_MS) /* acknowledgements alone: losing them only repeats messages */
#define SPACE_PERIOD_NS      (1 * NS_PER_S)
#define PRUNE_PERIOD_NS      (60 * NS_PER_S)
#define PRUNE_AGAIN_NS       (100 * NS_PER_MS)
#define PRUNE_ROWS           500
#define TROUBLE_RETRY_NS     (5 * NS_PER_S)
#define STOP_LIMIT_NS        (5 * NS_PER_S)
#define STOP_SEND_NS         (2 * NS_PER_S) /* what closes the streams may take so long to leave */
#define CLOCK_STEP_NS        (5 * NS_PER_S)
#define NEVER                INT64_MAX

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}
/* ---- pausing and trouble ---- */

static void pause_pulling(struct agent *agent, const char *why)
{
	bool fresh = agent->pause_reason[0] == 0;
	(void)snprintf(agent->pause_reason, sizeof agent->pause_reason, "%s", why);
	for (int i = 0; i < agent->pull_count; i++)
		pull_pause(agent->pulls[i], why);
	if (fresh)
		log_event(agent->log, LOG_PULL_PAUSED, "store=%s: %s", agent->options.config->store.path,
		          why);
}

static void resume_pulling(struct agent *agent)
{
	if (agent->pause_reason[0] == 0)
		return;
	agent->pause_reason[0] = 0;
	for (int i = 0; i < agent->pull_count; i++) {
		if (!agent->source_paused[i] && agent->stop_limit_ns == 0)
			pull_resume(agent->pulls[i]);
	}
	log_event(agent->log, LOG_PULL_RESUMED, "store=%s: there is room again",
	          agent->options.config->store.path);
}

/* Takes a store error: nothing of the open transaction stands, and everything is tried again later. */
enum err agent_absorb(struct agent *agent, enum err err, const struct err_info *info, int64_t now)
{
	if (err == ERR_CORRUPT)
		return err;
	bool fresh = agent->trouble == ERR_OK;
	store_rollback(agent->store);
	agent->trouble = err;
	agent->rules_told_known = false;
	agent->excluded_due = true; /* perhaps it was written in it; once more does no harm */
	for (int i = 0; i < agent->pull_count; i++)
		pull_rolled_back(agent->pulls[i], now);
	cloud_rolled_back(agent->cloud, now);
	comparison_rolled_back(agent->comparison);
	status_tables_rolled_back(agent->tables, now);
	if (fresh) {
		agent->trouble_retry_ns = now + TROUBLE_RETRY_NS;
		log_event(agent->log, err == ERR_FULL ? LOG_STORE_FULL : LOG_STORE_FAILED, "store=%s: %s",
		          agent->options.config->store.path, info->text);
		pause_pulling(agent, info->text);
	}
	return ERR_OK;
}

static enum err raise_store_exception(struct agent *agent, const char *text, struct err_info *info)
{
	int64_t wall = hal_wall_ns(agent->hal);
	const struct store_exception exception = {
	    .rule = SPAN_LITERAL("store-full"),
	    .source = SPAN_LITERAL("store"),
	    .key = SPAN_LITERAL("space"),
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	return recorder_exception(&agent->recorder, &exception, info);
}

/* One write that tells whether the store takes writes again: the exception of the trouble itself. */
static void probe_trouble(struct agent *agent, int64_t now)
{
	struct err_info info = {0};
	char text[ERR_TEXT_MAX];
	(void)snprintf(text, sizeof text, "the store could not be written for a while: %.400s",
	               agent->pause_reason);
	enum err err = store_begin(agent->store, &info);
	if (err == ERR_OK)
		err = raise_store_exception(agent, text, &info);
	if (err == ERR_OK)
		err = store_commit(agent->store, &info);
	if (err != ERR_OK) {
		store_rollback(agent->store);
		agent->trouble_retry_ns = now + TROUBLE_RETRY_NS;
		return;
	}
	agent->trouble = ERR_OK;
	agent->space_due_ns = now;
	agent->space_known = false; /* the look at the space, due now, clears the exception and resumes */
}

static enum err check_space(struct agent *agent, int64_t now, struct err_info *info)
{
	struct store_space space;
	agent->space_due_ns = now + SPACE_PERIOD_NS;
	enum err err = store_space(agent->store, &space, info);
	if (err != ERR_OK || (agent->space_known && space.full == agent->space_full))
		return err;
	if (space.full) {
		char text[ERR_TEXT_MAX];
		(void)snprintf(text, sizeof text,
		               "the store holds %" PRIu64 " of %" PRIu64 " MiB and the disk has %" PRIu64
		               " MiB left: pulling pauses until the uplink has drained it, store.size_max is "
		               "raised or the "
		               "disk is cleared",
		               space.used >> 20, space.size_max >> 20, space.disk_free >> 20);
		err = agent_begin(agent, info);
		if (err == ERR_OK)
			err = raise_store_exception(agent, text, info);
		pause_pulling(agent, text);
	} else {
		err = agent_begin(agent, info);
		if (err == ERR_OK)
			err = recorder_clear(&agent->recorder, (struct span){NULL, 0}, SPAN_LITERAL("store"),
			                     SPAN_LITERAL("space"), info);
		if (err == ERR_OK)
			resume_pulling(agent);
	}
	if (err == ERR_OK) {
		agent->space_full = space.full;
		agent->space_known = true;
	}
	return err;
}

static enum err prune(struct agent *agent, int64_t now, struct err_info *info)
{
	int deleted = 0;
	enum err err = agent_begin(agent, info);
	if (err == ERR_OK)
		err = store_prune(agent->store, hal_wall_ns(agent->hal), PRUNE_ROWS, &deleted, info);
	int answers = 0;
	if (err == ERR_OK)
		err = cloud_prune(agent->cloud, PRUNE_ROWS, &answers, info);
	bool more = deleted == PRUNE_ROWS || answers == PRUNE_ROWS;
	agent->prune_due_ns = now + (more ? PRUNE_AGAIN_NS : PRUNE_PERIOD_NS);
	if (err == ERR_OK && deleted > 0)
		log_event(agent->log, LOG_STORE_PRUNED, "rows=%d: acknowledged and past store.retention",
		          deleted);
	return err;
}

static void watch_clock(struct agent *agent, int64_t now)
{
	int64_t offset = hal_wall_ns(agent->hal) - now;
	int64_t step = offset - agent->clock_offset_ns;
	if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS) {
		log_event(agent->log, LOG_CLOCK_STEPPED,
		          "seconds=%" PRId64 ": the wall clock was set; deadlines are not touched by it",
		          step / NS_PER_S);
	}
	agent->clock_offset_ns = offset;
}

/* ---- the step ---- */
static enum err take_event(struct agent *agent, const struct hal_child_event *event, int64_t now,
                           struct err_info *info)
{
	if (cloud_owns(agent->cloud, event->child))
		return cloud_event(agent->cloud, event, now, info);
	if (status_tables_own(agent->tables, event->child))
		return status_tables_event(agent->tables, event, now, info);
	for (int i = 0; i < agent->pull_count; i++) {
		if (pull_owns(agent->pulls[i], event->child))
			return pull_event(agent->pulls[i], event, now, info);
	}
	return ERR_OK; /* of a child that was given up before */
}

static bool is_streaming(const struct agent *agent)
{
	bool streaming = false;
	for (int i = 0; i < agent->pull_count; i++)
		streaming = streaming || pull_streaming(agent->pulls[i]);
	return streaming;
}

/* When the open transaction is to be committed at the latest. */
static int64_t commit_due_ns(const struct agent *agent)
{
	uint64_t rows = agent->recorder.recorded + agent->recorder.amended - agent->rows_before;
	bool streaming = is_streaming(agent);
	if (rows >= COMMIT_ROWS || agent->stop_limit_ns != 0)
		return agent->dirty_since_ns;
	if (streaming)
		return agent->dirty_since_ns + COMMIT_DELAY_NS;
	return agent->dirty_since_ns + (rows == 0 ? COMMIT_ACKS_DELAY_NS : 0);
}

enum err agent_commit(struct agent *agent, struct err_info *info)
{
	enum err err = cloud_before_commit(agent->cloud, info);
	if (err == ERR_OK)
		err = comparison_before_commit(agent->comparison, info);
	if (err == ERR_OK)
		err = store_commit(agent->store, info);
	if (err == ERR_OK)
		err = cloud_committed(agent->cloud, info);
	if (err == ERR_OK && agent->rows_before != agent->recorder.recorded + agent->recorder.amended) {
		agent->rows_before = agent->recorder.recorded + agent->recorder.amended;
		agent->space_due_ns = agent->dirty_since_ns; /* it grew: look at the space in the next step */
	}
	return err;
}

/* Events, then machines. Any store error ends the round; the caller absorbs it. */
static enum err run_machines(struct agent *agent, int64_t now, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	struct hal_child_event event;
	for (int i = 0; err == ERR_OK && i < EVENTS_PER_STEP && hal_child_next(agent->hal, &event); i++) {
		err = take_event(agent, &event, now, info);
		if (hal_mono_ns(agent->hal) - now > STEP_BUDGET_NS)
			break;
	}
	for (int i = 0; err == ERR_OK && i < agent->pull_count; i++) {
		int64_t due = NEVER;
		err = pull_step(agent->pulls[i], now, &due, info);
		*deadline = earlier(*deadline, due);
	}
	if (err == ERR_OK) {
		int64_t due = NEVER;
		err = cloud_step(agent->cloud, now, agent->trouble == ERR_OK, &due, info);
		if (err == ERR_OK && agent->trouble == ERR_OK)
			err = status_tables_step(agent->tables, now, &due, info);
		*deadline = earlier(*deadline, due);
	}
	return err;
}

static enum err keep_house(struct agent *agent, int64_t now, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	if (agent->trouble != ERR_OK)
		return ERR_OK;
	if (now >= agent->space_due_ns)
		err = check_space(agent, now, info);
	if (err == ERR_OK && now >= agent->prune_due_ns)
		err = prune(agent, now, info);
	if (err == ERR_OK)
		err = agent_rules_step(agent, now, deadline, info);
	if (err == ERR_OK)
		err = agent_phases_step(agent, info);
	if (err == ERR_OK && comparison_has_news(agent->comparison)) {
		err = agent_begin(agent, info);
		if (err == ERR_OK)
			err = comparison_tell(agent->comparison, info);
	}
	return err;
}

static bool is_idle(const struct agent *agent)
{
	struct store_totals totals;
	store_totals(agent->store, &totals);
	bool idle = totals.queued == 0 && agent->trouble == ERR_OK && !store_in_transaction(agent->store) &&
	            cloud_idle(agent->cloud) && status_tables_idle(agent->tables) &&
	            comparison_caught_up(agent->comparison);
	for (int i = 0; i < agent->pull_count; i++)
		idle = idle && pull_caught_up(agent->pulls[i]);
	return idle;
}

/* The orderly end: nothing more is read, the streams' last pieces are closed and sent for a while, then the broker is
 * left. A store that cannot be written keeps its open pieces for the next start. */
static enum err begin_stop(struct agent *agent, int64_t now, struct err_info *info)
{
	agent->stop_limit_ns = now + STOP_LIMIT_NS;
	agent->stop_send_ns = now + STOP_SEND_NS;
	for (int i = 0; i < agent->pull_count; i++)
		pull_pause(agent->pulls[i], "the agent is stopping");
	return agent->trouble == ERR_OK ? cloud_close(agent->cloud, info) : ERR_OK;
}

static enum err step_stop(struct agent *agent, int64_t now, bool *complete, struct err_info *info)
{
	*complete = false;
	if (agent->stop_limit_ns == 0) {
		bool asked = hal_stop_requested(agent->hal) || (agent->options.until_idle && is_idle(agent));
		return asked ? begin_stop(agent, now, info) : ERR_OK;
	}
	bool sent = cloud_drained(agent->cloud) && !store_in_transaction(agent->store);
	if (agent->stop_send_ns != 0 && (sent || agent->trouble != ERR_OK || now >= agent->stop_send_ns)) {
		agent->stop_send_ns = 0;
		cloud_stop(agent->cloud, now);
	}
	*complete = now >= agent->stop_limit_ns ||
	            (cloud_stopped(agent->cloud) && !store_in_transaction(agent->store));
	return ERR_OK;
}

static enum err commit_and_send(struct agent *agent, int64_t now, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	if (store_in_transaction(agent->store)) {
		int64_t due = commit_due_ns(agent);
		if (now >= due)
			err = agent_commit(agent, info);
		else
			*deadline = earlier(*deadline, due);
	}
	if (err == ERR_OK && agent->trouble == ERR_OK &&
	    (agent->stop_limit_ns == 0 || agent->stop_send_ns != 0))
		err = cloud_send(agent->cloud, now, deadline, info);
	return err;
}

enum err agent_step(struct agent *agent, int64_t *deadline, bool *finished, struct err_info *info)
{
	int64_t now = hal_mono_ns(agent->hal);
	*deadline = agent->trouble == ERR_OK ? agent->prune_due_ns : now + PRUNE_PERIOD_NS;
	agent_answer_control(agent);
	watch_clock(agent, now);
	/* Before the machines: one that cannot wait for the store (an orderly end) ends the step with its error. */
	if (agent->trouble != ERR_OK && now >= agent->trouble_retry_ns)
		probe_trouble(agent, now);
	enum err err = run_machines(agent, now, deadline, info);
	if (err == ERR_OK)
		err = keep_house(agent, now, deadline, info);
	if (err == ERR_OK)
		err = commit_and_send(agent, hal_mono_ns(agent->hal), deadline, info);
	if (err == ERR_OK && agent->trouble == ERR_OK)
		comparison_step(agent->comparison, hal_mono_ns(agent->hal), is_streaming(agent), deadline);
	if (err != ERR_OK)
		err = agent_absorb(agent, err, info, now);
	if (agent->trouble != ERR_OK)
		*deadline = earlier(*deadline, agent->trouble_retry_ns);
	else if (agent->recorder.recorded + agent->recorder.amended != agent->rows_before ||
	         agent->space_full)
		*deadline = earlier(*deadline, agent->space_due_ns);
	enum err stop_err = step_stop(agent, now, finished, info);
	if (err == ERR_OK && stop_err != ERR_OK)
		err = agent_absorb(agent, stop_err, info, now);
	if (agent->stop_limit_ns != 0)
		*deadline = earlier(*deadline, now + 10 * NS_PER_MS);
	return err;
}

/* ---- opening and closing ---- */

static enum err announce_opening(struct agent *agent, struct err_info *info)
{
	const struct store_opening *opening = &agent->opening;
	const char *path = agent->options.config->store.path;
	log_event(agent->log, LOG_STORE_OPENED, "store=%s new=%s streams=%d: %s", path,
	          opening->created ? "yes" : "no", store_stream_count(agent->store),
	          opening->created ? "made a new store" : "checked and opened");
	if (opening->migrated_from > 0)
		log_event(agent->log, LOG_STORE_MIGRATED,
		          "store=%s from=%d to=%d reread=%" PRIu64 ": the schema was brought up to date",
		          path, opening->migrated_from, STORE_SCHEMA_VERSION, opening->reread);
	if (!opening->salvaged)
		return ERR_OK;
	char text[ERR_TEXT_MAX];
	(void)snprintf(
	    text, sizeof text,
	    "the store was damaged (%.150s); what could be read was kept (%" PRIu64 " documents, %" PRIu64
	    " rows lost), the damaged file is %.120s; every source is read again and new epochs began",
	    opening->text, opening->documents_kept, opening->rows_lost, opening->damaged_path);
	log_event(agent->log, LOG_STORE_SALVAGED, "store=%s: %s", path, text);
	int64_t wall = hal_wall_ns(agent->hal);
	const struct store_exception exception = {
	    .rule = SPAN_LITERAL("store-salvaged"),
	    .source = SPAN_LITERAL("store"),
	    .key = span_of(opening->damaged_path),
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	enum err err = store_begin(agent->store, info);
	if (err == ERR_OK)
		err = recorder_exception(&agent->recorder, &exception, info);
	return err == ERR_OK ? store_commit(agent->store, info) : err;
}

static enum err make_cloud(struct agent *agent, struct err_info *info)
{
	const struct cloud_options options = {agent->hal,          agent->log,
	                                      agent->store,        agent->options.config,
	                                      agent->options.keys, agent->options.version};
	const struct cloud_sink sink = agent_cloud_sink(agent);
	return cloud_new(&options, &agent->recorder, &sink, &agent->cloud, info);
}

static void make_machines(struct agent *agent)
{
	const struct status_writer_sink tables = agent_tables_sink(agent);
	const struct config *config = agent->options.config;
	for (int i = 0; i < config->source_count; i++) {
		struct source_link *link = &agent->links[i];
		link->agent = agent;
		(void)snprintf(link->profile_version, sizeof link->profile_version, "%s/%s",
		               profile_name(agent->options.profiles[i]),
		               profile_version(agent->options.profiles[i]));
		link->sink = agent_source_sink(link);
		agent->pulls[i] = pull_new(agent->hal, agent->log, agent->store, &config->sources[i],
		                           agent->options.profiles[i], &link->sink);
		agent->pull_count = i + 1;
	}
	agent->tables =
	    status_tables_new(agent->hal, agent->log, agent->store, agent->options.config, &tables);
}

enum err agent_open(const struct agent_options *options, struct agent **out, struct err_info *info)
{
	struct agent *agent = mem_alloc(sizeof *agent);
	const struct config *config = options->config;
	agent->options = *options;
	agent->hal = options->hal;
	agent->log = options->log;
	agent->started_mono_ns = hal_mono_ns(agent->hal);
	agent->started_wall_ns = hal_wall_ns(agent->hal);
	agent->clock_offset_ns = agent->started_wall_ns - agent->started_mono_ns;
	agent->space_due_ns = agent->started_mono_ns;
	agent->prune_due_ns = agent->started_mono_ns + PRUNE_PERIOD_NS;
	buf_init(&agent->reply, HAL_CONTROL_REPLY_MAX);
	(void)snprintf(agent->urn_prefix, sizeof agent->urn_prefix, "urn:twinpost:%s:%s", config->tenant,
	               config->gateway);
	const struct store_options store_options = {
	    .path = config->store.path,
	    .size_max = config->store.size_max,
	    .disk_reserve = config->store.disk_reserve,
	    .retention_ns = config->store.retention_ns,
	    .source_urn_prefix = agent->urn_prefix,
	};
	enum err err =
	    store_open(agent->hal, agent->log, &store_options, &agent->store, &agent->opening, info);
	if (err != ERR_OK) {
		free(agent);
		return err;
	}
	recorder_init(&agent->recorder, agent->hal, agent->log, agent->store, config, NULL);
	agent->comparison = comparison_new(agent->hal, agent->log, agent->store, config, &agent->recorder);
	err = make_cloud(agent, info);
	make_machines(agent);
	if (err == ERR_OK)
		err = agent_rules_open(agent, info);
	if (err == ERR_OK)
		err = agent_phases_open(agent, info);
	if (err == ERR_OK)
		err = cloud_restore_pauses(agent->cloud, info);
	if (err == ERR_OK)
		err = announce_opening(agent, info);
	if (err != ERR_OK) {
		agent_close(agent);
		return err;
	}
	log_event(agent->log, LOG_AGENT_STARTED, "tenant=%s gateway=%s version=%s sources=%d: ready",
	          config->tenant, config->gateway, options->version, config->source_count);
	*out = agent;
	return ERR_OK;
}

void agent_close(struct agent *agent)
{
	if (!agent)
		return;
	for (int i = 0; i < agent->pull_count; i++)
		pull_free(agent->pulls[i]);
	status_tables_free(agent->tables);
	cloud_free(agent->cloud);
	comparison_free(agent->comparison); /* before its rules and its store */
	agent->comparison = NULL;
	store_close(agent->store);
	agent_rules_close(agent);
	recorder_release(&agent->recorder);
	buf_release(&agent->reply);
	free(agent);
}

bool agent_read_all(const struct agent *agent)
{
	for (int i = 0; i < agent->pull_count; i++) {
		if (pull_has_stopped_feeds(agent->pulls[i]))
			return false;
	}
	return true;
}

struct store *agent_store(struct agent *agent)
{
	return agent->store;
}

struct cloud *agent_cloud(struct agent *agent)
{
	return agent->cloud;
}

struct ledger *agent_ledger(struct agent *agent)
{
	return comparison_ledger(agent->comparison);
}
