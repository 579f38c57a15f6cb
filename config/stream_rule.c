/*
 * stream_rule.c - finds the rule of a document, names streams, and checks that rules do not contradict each other.
 *
 * Why:   see stream_rule.h.
 * Owns:  the table of uses while stream_rule_check() runs.
 * Rules: the check tries every company code that the file names, and one that stands for all others, with every type
 *        of document. The hash of a code is not known here: its digits match any.
 * Runs in: every process.
 * Tests: tests/unit/stream_name_test.c, tests/unit/config_test.c
 */
#include "config/stream_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

#define ENTITY      "{entity}"
#define UNKNOWN_TAG "????????"
#define TAG_DIGITS  (STREAM_TAG_SIZE - 1)

static const struct config_stream_rule built_in = {
    .entity = "*",
    .name = ENTITY,
    .class_ = CONFIG_STREAM_NORMAL,
    .receipt = CONFIG_RECEIPT_PUBACK,
};

const struct config_stream_rule *stream_rule_default(void)
{
	return &built_in;
}

/* ---- which rule ---- */

bool stream_rule_takes(const char (*documents)[CONFIG_NAME_MAX], int count, struct span document_type)
{
	bool taken = count == 0;
	for (int i = 0; i < count; i++)
		taken = taken || span_equal(span_of(documents[i]), document_type);
	return taken;
}

static bool takes_all_entities(const struct config_stream_rule *rule)
{
	return strcmp(rule->entity, "*") == 0;
}

/* stream_count: the built-in one. entity NULL: one that no rule names. */
static int first_rule(const struct config *config, const struct span *entity, struct span document_type)
{
	int i = 0;
	for (; i < config->stream_count; i++) {
		const struct config_stream_rule *rule = &config->streams[i];
		bool named = entity && span_equal(span_of(rule->entity), *entity);
		if ((named || takes_all_entities(rule)) &&
		    stream_rule_takes(rule->documents, rule->document_count, document_type))
			break;
	}
	return i;
}

static const struct config_stream_rule *rule_at(const struct config *config, int index)
{
	return index < config->stream_count ? &config->streams[index] : &built_in;
}

const struct config_stream_rule *config_stream_of(const struct config *config, struct span entity,
                                                  struct span document_type)
{
	return rule_at(config, first_rule(config, &entity, document_type));
}

/* ---- names ---- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Ends with - and eight hex digits: could be the name of another code. */
static bool looks_tagged(struct span entity)
{
	if (entity.len <= TAG_DIGITS || entity.data[entity.len - STREAM_TAG_SIZE] != '-')
		return false;
	for (size_t i = entity.len - TAG_DIGITS; i < entity.len; i++) {
		if (!is_hex(entity.data[i]))
			return false;
	}
	return true;
}

/* Rule 2, into at most room bytes at out; returns how many. */
static size_t expand_entity(struct span entity, const char *tag, char *out, size_t room, bool *tagged)
{
	bool plain = entity.len > 0 && entity.len <= room && !looks_tagged(entity);
	size_t len = entity.len < room - STREAM_TAG_SIZE ? entity.len : room - STREAM_TAG_SIZE;
	for (size_t i = 0; i < entity.len; i++) {
		char c = entity.data[i];
		plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
	}
	*tagged = !plain;
	if (plain) {
		memcpy(out, entity.data, entity.len);
		return entity.len;
	}
	for (size_t i = 0; i < len; i++) {
		char c = entity.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		out[i] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
	}
	out[len] = '-';
	memcpy(out + len + 1, tag, TAG_DIGITS);
	return len + STREAM_TAG_SIZE;
}

bool stream_rule_expand(const char *name, struct span entity, const char tag[STREAM_TAG_SIZE],
                        char out[STREAM_NAME_SIZE])
{
	const char *place = strstr(name, ENTITY);
	bool tagged = false;
	if (!place) {
		CHECK(text_copy(out, STREAM_NAME_SIZE, span_of(name)));
		return tagged;
	}
	size_t before = (size_t)(place - name);
	const char *behind = place + strlen(ENTITY);
	size_t beside = before + strlen(behind);
	CHECK(beside <= CONFIG_STREAM_BESIDE_MAX);
	memcpy(out, name, before);
	size_t len =
	    before + expand_entity(entity, tag, out + before, STREAM_NAME_SIZE - 1 - beside, &tagged);
	memcpy(out + len, behind, strlen(behind) + 1);
	return tagged;
}

/* ---- checks ---- */

/* One way into a stream. */
struct use {
	int rule;
	char name[STREAM_NAME_SIZE];
};

struct check {
	const struct config *config;
	yaml_document_t *document;
	struct config_problems *problems;
	const struct key_choice *documents;
	struct use *uses;
	int use_count;
	bool counts[CONFIG_STREAM_RULES_MAX + 1];
	bool told[CONFIG_STREAM_RULES_MAX + 1]; /* of a contradiction: once for each entry */
};

static const yaml_node_t *entry_node(const struct check *check, int entry)
{
	const yaml_node_t *list = config_yaml_find(check->document, "streams", 0);
	return yaml_document_get_node(check->document, list->data.sequence.items.start[entry]);
}

static void add_uses(struct check *check, const struct span *entity)
{
	int seen = -1;
	for (const struct key_choice *document = check->documents; document->name; document++) {
		int rule = first_rule(check->config, entity, span_of(document->name));
		check->counts[rule] = true;
		if (rule == seen)
			continue;
		seen = rule;
		struct use *use = &check->uses[check->use_count++];
		use->rule = rule;
		const char *name = rule_at(check->config, rule)->name;
		if (entity)
			(void)stream_rule_expand(name, *entity, UNKNOWN_TAG, use->name);
		else
			CHECK(text_copy(use->name, sizeof use->name, span_of(name)));
	}
}

static bool same_name(const char *a, const char *b)
{
	while (*a && (*a == *b || (*a == '?' && is_hex(*b)) || (*b == '?' && is_hex(*a)))) {
		a++;
		b++;
	}
	return *a == 0 && *b == 0;
}

/* What two rules differ in; NULL: nothing. */
static const char *difference(const struct config_stream_rule *a, const struct config_stream_rule *b)
{
	return a->class_ != b->class_     ? "class"
	       : a->receipt != b->receipt ? "receipt"
	       : a->sla_ns != b->sla_ns   ? "sla"
	       : a->batch != b->batch     ? "batch"
	                                  : NULL;
}

static void tell_contradiction(struct check *check, const struct use *a, const struct use *b)
{
	int earlier = a->rule < b->rule ? a->rule : b->rule;
	int later = a->rule < b->rule ? b->rule : a->rule;
	const char *what = difference(rule_at(check->config, earlier), rule_at(check->config, later));
	bool built_in_one = later == check->config->stream_count;
	int at = built_in_one ? earlier : later;
	if (!what || check->told[at])
		return;
	check->told[at] = true;
	const yaml_node_t *node = config_yaml_find(check->document, "streams.name", at);
	if (!node)
		node = entry_node(check, at);
	if (built_in_one)
		config_problem_add(
		    check->problems, config_yaml_line(node), config_yaml_column(node),
		    "documents without an entry go into the stream %s too, with another %s; give this "
		    "entry a name of its own, such as \"{entity}-1\"",
		    a->name, what);
	else
		config_problem_add(
		    check->problems, config_yaml_line(node), config_yaml_column(node),
		    "the entry in line %d puts documents into the stream %s too, with another %s; give "
		    "one of them a name of its own, such as \"{entity}-1\", or the same %s",
		    config_yaml_line(entry_node(check, earlier)), a->name, what, what);
}

static void check_contradictions(struct check *check)
{
	for (int i = 0; i < check->use_count; i++) {
		for (int j = i + 1; j < check->use_count; j++) {
			const struct use *a = &check->uses[i], *b = &check->uses[j];
			if (a->rule != b->rule && same_name(a->name, b->name))
				tell_contradiction(check, a, b);
		}
	}
}

static void check_receipt(struct check *check, int entry)
{
	if (check->config->streams[entry].receipt != CONFIG_RECEIPT_COSIGNED ||
	    check->config->cloud.receipt_key_count > 0)
		return;
	const yaml_node_t *node = config_yaml_find(check->document, "streams.receipt", entry);
	config_problem_add(check->problems, config_yaml_line(node), config_yaml_column(node),
	                   "receipt is cosigned and there is no key to verify a receipt with; give "
	                   "cloud.receipt_keys, or another receipt");
}

/* An entry whose entity or name was refused holds a default instead: what would follow from it is not told. */
static bool has_problems(const struct check *check)
{
	const yaml_node_t *list = config_yaml_find(check->document, "streams", 0);
	bool any = false;
	for (int i = 0; list && i < check->problems->count; i++) {
		int line = check->problems->list[i].line;
		any = any || (line >= config_yaml_line(list) && line <= (int)list->end_mark.line + 1);
	}
	return any;
}

void stream_rule_check(const struct config *config, yaml_document_t *document,
                       struct config_problems *problems)
{
	struct check check = {.config = config, .document = document, .problems = problems};
	int documents = 0;
	if (has_problems(&check))
		return;
	check.documents = key_find(SPAN_LITERAL("streams.documents"))->choices;
	while (check.documents[documents].name)
		documents++;
	check.uses = mem_alloc((size_t)((config->stream_count + 1) * documents) * sizeof *check.uses);
	for (int i = 0; i < config->stream_count; i++) {
		struct span entity = span_of(config->streams[i].entity);
		if (!takes_all_entities(&config->streams[i]))
			add_uses(&check, &entity);
	}
	add_uses(&check, NULL);
	for (int i = 0; i < config->stream_count; i++) {
		const yaml_node_t *node = entry_node(&check, i);
		if (!check.counts[i])
			config_problem_add(
			    problems, config_yaml_line(node), config_yaml_column(node),
			    "this entry never counts: those before it already match all of its "
			    "documents; put it before them, or remove it");
		check_receipt(&check, i);
	}
	check_contradictions(&check);
	free(check.uses);
}
