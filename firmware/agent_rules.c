/*
 * agent_rules.c - the comparison's rules in the core: taken at the start, and whenever their files have changed.
 *
 * Why:   what waits for a mapping goes out as soon as the row is there; who broke a file hears of it.
 * Owns:  the keeper of the rules, in struct agent.
 * Rules: 1. With other rules in force every source tries again what it holds.
 *        2. One exception (mapping-bad) stands as long as the files are bad; a lost transaction tells it again.
 * Runs in: the core.
 * Tests: tests/unit/rules_keeper_test.c, tests/integration/test_mapping.py
 */
#include <stdio.h>
#include <string.h>

#include "firmware/agent_state.h"

#define RULES_SOURCE SPAN_LITERAL("rules")
#define RULES_KEY    SPAN_LITERAL("files")

enum err agent_rules_open(struct agent *agent, struct err_info *info)
{
	const char *directory = agent->options.config->compare.rules;
	if (directory[0] == 0)
		return ERR_OK;
	CHECK(agent->options.rules_files != NULL);
	enum err err = rules_keeper_open(directory, agent->options.rules_files, hal_mono_ns(agent->hal),
	                                 &agent->rules, info);
	if (err != ERR_OK)
		return err;
	const struct rules *rules = rules_keeper_rules(agent->rules);
	recorder_set_rules(&agent->recorder, rules);
	comparison_use_rules(agent->comparison, rules);
	log_event(agent->log, LOG_RULES_LOADED, "rules=%s version=%s: in force", directory,
	          rules_version(rules));
	return ERR_OK;
}

void agent_rules_close(struct agent *agent)
{
	recorder_set_rules(&agent->recorder, NULL);
	comparison_use_rules(agent->comparison, NULL);
	rules_keeper_close(agent->rules);
	agent->rules = NULL;
}

static enum err tell_problem(struct agent *agent, const char *problem, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	int64_t wall = hal_wall_ns(agent->hal);
	if (problem[0] == 0 && store_exceptions_open(agent->store) == 0)
		return ERR_OK;
	enum err err = agent_begin(agent, info);
	if (err != ERR_OK)
		return err;
	if (problem[0] == 0)
		return recorder_clear(&agent->recorder, SPAN_LITERAL("mapping-bad"), RULES_SOURCE, RULES_KEY,
		                      info);
	(void)snprintf(text, sizeof text, "%.400s; until it is mended the rules of before stay in force",
	               problem);
	const struct store_exception exception = {
	    .rule = SPAN_LITERAL("mapping-bad"),
	    .source = RULES_SOURCE,
	    .key = RULES_KEY,
	    .owner = STORE_OWNER_MAPPING,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	return recorder_exception(&agent->recorder, &exception, info);
}

static void take_rules(struct agent *agent)
{
	const struct rules *rules = rules_keeper_rules(agent->rules);
	recorder_set_rules(&agent->recorder, rules);
	comparison_use_rules(agent->comparison, rules);
	log_event(agent->log, LOG_RULES_LOADED, "rules=%s version=%s: in force; what is held is tried again",
	          agent->options.config->compare.rules, rules_version(rules));
	for (int i = 0; i < agent->pull_count; i++)
		pull_retry_held(agent->pulls[i]);
}

enum err agent_rules_step(struct agent *agent, int64_t now, int64_t *deadline, struct err_info *info)
{
	const char *problem = "";
	if (agent->rules) {
		if (rules_keeper_look(agent->rules, now))
			take_rules(agent);
		int64_t due = rules_keeper_due_ns(agent->rules);
		*deadline = due < *deadline ? due : *deadline;
		problem = rules_keeper_problem(agent->rules);
	}
	if (agent->rules_told_known && strcmp(problem, agent->rules_told) == 0)
		return ERR_OK;
	enum err err = tell_problem(agent, problem, info);
	if (err == ERR_OK) {
		agent->rules_told_known = true;
		(void)snprintf(agent->rules_told, sizeof agent->rules_told, "%s", problem);
	}
	return err;
}
