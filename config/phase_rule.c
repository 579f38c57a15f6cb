/*
 * phase_rule.c - finds the phase of a document, and checks the entries of `phases`.
 *
 * Why:   see phase_rule.h.
 * Owns:  nothing.
 * Rules: as in phase_rule.h. An entry that was refused for something else holds defaults: it is not judged.
 * Runs in: every process.
 * Tests: tests/unit/config_phase_test.c, tests/unit/config_test.c
 */
#include "config/phase_rule.h"

#include <string.h>

#include "config/keys.h"
#include "config/stream_rule.h"

static const struct config_phase_rule built_in = {.entity = "*", .phase = CONFIG_PHASE_SHADOW};

static bool takes(const struct config_phase_rule *rule, struct span entity, struct span document_type)
{
	return (strcmp(rule->entity, "*") == 0 || span_equal(span_of(rule->entity), entity)) &&
	       stream_rule_takes(rule->documents, rule->document_count, document_type);
}

const struct config_phase_rule *config_phase_of(const struct config *config, struct span entity,
                                                struct span document_type, int date)
{
	const struct config_phase_rule *found = NULL;
	for (int i = 0; i < config->phase_count; i++) {
		const struct config_phase_rule *rule = &config->phases[i];
		if (rule->from <= date && (!found || rule->from > found->from) &&
		    takes(rule, entity, document_type))
			found = rule;
	}
	return found ? found : &built_in;
}

const char *config_phase_name(enum config_phase phase)
{
	const struct key_choice *choice = key_find(SPAN_LITERAL("phases.phase"))->choices;
	while (choice->name && choice->value != (int)phase)
		choice++;
	CHECK(choice->name != NULL);
	return choice->name;
}

/* ---- checks ---- */

/* The entry before this one that takes its documents of this kind on every date; -1: none. */
static int taken_by(const struct config *config, int entry, struct span document_type)
{
	const struct config_phase_rule *rule = &config->phases[entry];
	for (int i = 0; i < entry; i++) {
		const struct config_phase_rule *earlier = &config->phases[i];
		if (earlier->from == rule->from && takes(earlier, span_of(rule->entity), document_type))
			return i;
	}
	return -1;
}

/* The last of the entries that take all kinds of documents of this one; -1: it counts. */
static int never_counts(const struct config *config, int entry)
{
	const struct config_phase_rule *rule = &config->phases[entry];
	const struct key_choice *kind = key_find(SPAN_LITERAL("phases.documents"))->choices;
	int last = -1;
	for (; kind->name; kind++) {
		if (!stream_rule_takes(rule->documents, rule->document_count, span_of(kind->name)))
			continue;
		int by = taken_by(config, entry, span_of(kind->name));
		if (by < 0)
			return -1;
		last = by > last ? by : last;
	}
	return last;
}

void phase_rule_check(const struct config *config, yaml_document_t *document,
                      struct config_problems *problems)
{
	/* A value that was refused is told already; what would follow from its default is not. */
	const yaml_node_t *list = config_yaml_find(document, "phases", 0);
	for (int i = 0; list && i < problems->count; i++) {
		int line = problems->list[i].line;
		if (line >= config_yaml_line(list) && line <= (int)list->end_mark.line + 1)
			return;
	}
	for (int entry = 0; entry < config->phase_count; entry++) {
		const yaml_node_t *entity = config_yaml_find(document, "phases.entity", entry);
		const yaml_node_t *phase = config_yaml_find(document, "phases.phase", entry);
		int by = never_counts(config, entry);
		if (by >= 0)
			config_problem_add(
			    problems, config_yaml_line(entity), config_yaml_column(entity),
			    "this entry never counts: the one in line %d already matches; put it before that "
			    "one, or remove it",
			    config_yaml_line(config_yaml_find(document, "phases.entity", by)));
		if (config->phases[entry].phase == CONFIG_PHASE_CUTOVER && config->phases[entry].from == 0)
			config_problem_add(problems, config_yaml_line(phase), config_yaml_column(phase),
			                   "cutover has no from, so every posting that the ERP ever made "
			                   "would be held; give "
			                   "from, the first posting date that belongs into the cloud");
	}
}
