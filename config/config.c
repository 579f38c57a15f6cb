/*
 * config.c - loads a configuration: walks the YAML document by the key table.
 *
 * Why:   see config.h.
 * Owns:  the YAML document while a function here runs.
 * Rules: 1. The walk follows the table, never the file: its depth and length are the table's.
 *        2. What is not given gets its default through the same reading (value.h).
 *        3. A key whose value was refused keeps its default, so that rules between keys are not broken by it.
 * Faults: as in config.h.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c, tests/fuzz/config_fuzz.c
 */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cross.h"
#include "config/keys.h"
#include "config/value.h"
#include "config/yaml.h"

struct loader {
	yaml_document_t *document;
	struct config_problems *problems;
};

static struct value_place place_of(const struct loader *loader, const yaml_node_t *node)
{
	return (struct value_place){loader->problems, config_yaml_line(node), config_yaml_column(node)};
}

static void tell(const struct loader *loader, const yaml_node_t *node, const char *name, const char *text)
{
	config_problem_add(loader->problems, config_yaml_line(node), config_yaml_column(node), "%s %s", name,
	                   text);
}

static void load_section(struct loader *loader, const char *section, yaml_node_t *node, void *base);

/* Every key of the section, and of the sections below it, gets its default. */
static void set_defaults(struct loader *loader, const char *section, void *base)
{
	struct value_place place = {loader->problems, 0, 0};
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (!key_is_in(key, section))
			continue;
		if (key->type == KEY_MAP)
			set_defaults(loader, key->name, base);
		else if (key->fallback)
			CHECK(value_set(&place, key, base, span_of(key->fallback)));
	}
}

static void tell_unknown(const struct loader *loader, const char *section, const yaml_node_t *name)
{
	char shown[VALUE_SHOWN_SIZE];
	struct span local = config_yaml_scalar(name);
	value_show(local, shown);
	struct value_place place = place_of(loader, name);
	const struct key *near = key_nearest(section, local);
	if (near) {
		config_problem_add(loader->problems, place.line, place.column,
		                   "unknown key \"%s\"; did you mean \"%s\"?", shown, key_local_name(near));
		return;
	}
	for (int i = 0; i < key_count(); i++) {
		if (!span_equal(span_of(key_local_name(key_at(i))), local))
			continue;
		config_problem_add(loader->problems, place.line, place.column,
		                   "unknown key \"%s\" here; it is known as %s: check the indentation", shown,
		                   key_at(i)->name);
		return;
	}
	struct buf known;
	buf_init(&known, ERR_TEXT_MAX);
	for (int i = 0; i < key_count(); i++) {
		if (key_is_in(key_at(i), section))
			buf_printf(&known, "%s%s", known.len ? ", " : "", key_local_name(key_at(i)));
	}
	config_problem_add(loader->problems, place.line, place.column,
	                   "unknown key \"%s\"; allowed here are %s", shown, buf_cstr(&known));
	buf_release(&known);
}

/* The entries of a list of a table's row, at most as many as allowed; false: it is none, or has too many or few. */
static bool entries_of(struct loader *loader, const struct key *key, yaml_node_t *node, int *count)
{
	const char *name = key_local_name(key);
	char text[128];
	*count = 0;
	bool wants_mapping = key->type == KEY_PARAMETERS;
	if (node->type != (wants_mapping ? YAML_MAPPING_NODE : YAML_SEQUENCE_NODE)) {
		(void)snprintf(text, sizeof text, "is %s; allowed is %s", config_yaml_kind(node),
		               wants_mapping           ? "a mapping (one \"name: value\" line for each)"
		               : key->type == KEY_LIST ? "a list (each entry begins with \"- \")"
		               : key->type == KEY_NAMES
		                   ? "a list of names in brackets, such as [journal, invoice]"
		                   : "a list in brackets, such as [one, two]");
		tell(loader, node, name, text);
		return false;
	}
	ptrdiff_t entries = wants_mapping ? node->data.mapping.pairs.top - node->data.mapping.pairs.start
	                                  : node->data.sequence.items.top - node->data.sequence.items.start;
	bool good = entries >= key->minimum && entries <= key->maximum;
	if (!good) {
		(void)snprintf(text, sizeof text, "has %td entries; allowed are %d to %d", entries,
		               (int)key->minimum, (int)key->maximum);
		tell(loader, node, name, text);
	}
	*count = (int)(entries < key->maximum ? entries : key->maximum);
	return good;
}

static void load_list(struct loader *loader, const struct key *key, yaml_node_t *node, void *base)
{
	int count;
	(void)entries_of(loader, key, node, &count);
	for (int i = 0; i < count; i++) {
		yaml_node_t *item =
		    yaml_document_get_node(loader->document, node->data.sequence.items.start[i]);
		char *element = (char *)base + key->offset + (size_t)i * key->size;
		if (strcmp(key->name, "sources") == 0) {
			struct config_source *source = (struct config_source *)(void *)element;
			source->line = config_yaml_line(item);
			source->column = config_yaml_column(item);
		}
		load_section(loader, key->name, item, element);
	}
	memcpy((char *)base + key->count_offset, &count, sizeof count);
}

static bool same_entry(const struct key *key, const char *a, const char *b)
{
	const struct config_host *host_a = (const void *)a, *host_b = (const void *)b;
	if (key->type == KEY_HOSTS)
		return strcmp(host_a->host, host_b->host) == 0 && host_a->port == host_b->port;
	return strcmp(a, b) == 0;
}

static void load_values(struct loader *loader, const struct key *key, yaml_node_t *node, void *base)
{
	int count, taken = 0;
	(void)entries_of(loader, key, node, &count);
	char *entries = (char *)base + key->offset;
	for (int i = 0; i < count; i++) {
		yaml_node_t *item =
		    yaml_document_get_node(loader->document, node->data.sequence.items.start[i]);
		struct value_place place = place_of(loader, item);
		if (item->type != YAML_SCALAR_NODE) {
			tell(loader, item, key_local_name(key),
			     key->type == KEY_NAMES ? "has an entry that is no name; allowed are names only"
			                            : "has an entry that is no text; allowed are texts only");
			continue;
		}
		char *entry = entries + (size_t)taken * key->size;
		memset(entry, 0, key->size);
		if (!value_set_entry(&place, key, entry, config_yaml_scalar(item)))
			continue;
		bool twice = false;
		for (int j = 0; j < taken; j++)
			twice = twice || same_entry(key, entries + (size_t)j * key->size, entry);
		char shown[VALUE_SHOWN_SIZE];
		value_show(config_yaml_scalar(item), shown);
		if (twice)
			tell(loader, item, shown, "stands twice in this list; remove one");
		else
			taken++;
	}
	memcpy((char *)base + key->count_offset, &taken, sizeof taken);
}

static void load_parameters(struct loader *loader, const struct key *key, yaml_node_t *node, void *base)
{
	int count, taken = 0;
	(void)entries_of(loader, key, node, &count);
	struct config_parameter *parameters = (void *)((char *)base + key->offset);
	for (int i = 0; i < count; i++) {
		yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
		yaml_node_t *name = yaml_document_get_node(loader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(loader->document, pair->value);
		struct value_place place = place_of(loader, name);
		if (name->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE) {
			tell(loader, value, "a parameter", "is no text; allowed are lines of name: text");
			continue;
		}
		struct config_parameter *to = &parameters[taken];
		if (!value_set_parameter(&place, to, config_yaml_scalar(name), config_yaml_scalar(value)))
			continue;
		bool twice = false;
		for (int j = 0; j < taken; j++)
			twice = twice || strcmp(parameters[j].name, to->name) == 0;
		if (twice)
			tell(loader, name, to->name, "is given twice; keep one");
		else
			taken++;
	}
	memcpy((char *)base + key->count_offset, &taken, sizeof taken);
}

static void load_value(struct loader *loader, const struct key *key, yaml_node_t *node, void *base)
{
	const char *name = key_local_name(key);
	if (config_yaml_is_null(node)) {
		tell(loader, node, name, "has no value; write one, or remove the line");
	} else if (key->type == KEY_MAP) {
		load_section(loader, key->name, node, base);
	} else if (key->type == KEY_LIST) {
		load_list(loader, key, node, base);
	} else if (key->type == KEY_NAMES || key->type == KEY_PATHS || key->type == KEY_HOSTS) {
		load_values(loader, key, node, base);
	} else if (key->type == KEY_PARAMETERS) {
		load_parameters(loader, key, node, base);
	} else if (node->type != YAML_SCALAR_NODE) {
		char text[128];
		(void)snprintf(text, sizeof text, "is %s; allowed is a single value (%s)",
		               config_yaml_kind(node), key_type_text(key));
		tell(loader, node, name, text);
	} else {
		struct value_place place = place_of(loader, node);
		bool good = value_set(&place, key, base, config_yaml_scalar(node));
		CHECK(good || loader->problems->count > 0);
	}
}

static void tell_missing(const struct loader *loader, const char *section, const yaml_node_t *node,
                         const bool given[KEYS_MAX])
{
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (given[i] || !key->required || !key_is_in(key, section))
			continue;
		struct value_place place = place_of(loader, node);
		config_problem_add(loader->problems, place.line, place.column,
		                   "%s is missing; it is required: %s", key->name, key->summary);
	}
}

/* Loads a mapping's pairs into base; "" is the top of the file. */
static void load_section(struct loader *loader, const char *section, yaml_node_t *node, void *base)
{
	bool given[KEYS_MAX] = {false};
	int first_line[KEYS_MAX] = {0};
	set_defaults(loader, section, base);
	if (node->type != YAML_MAPPING_NODE) {
		char text[128];
		(void)snprintf(text, sizeof text, "is %s; allowed is a mapping (lines of key: value)",
		               config_yaml_kind(node));
		tell(loader, node, *section ? section : "the file", text);
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		yaml_node_t *name = yaml_document_get_node(loader->document, pair->key);
		if (name->type != YAML_SCALAR_NODE) {
			tell(loader, name, config_yaml_kind(name),
			     "stands where a key belongs; allowed are lines of key: value");
			continue;
		}
		const struct key *key = key_in(section, config_yaml_scalar(name));
		if (!key) {
			tell_unknown(loader, section, name);
			continue;
		}
		int index = key_index(key);
		if (given[index]) {
			char text[128];
			(void)snprintf(text, sizeof text, "is given twice, first in line %d; keep one",
			               first_line[index]);
			tell(loader, name, key_local_name(key), text);
			continue;
		}
		given[index] = true;
		first_line[index] = config_yaml_line(name);
		load_value(loader, key, yaml_document_get_node(loader->document, pair->value), base);
	}
	tell_missing(loader, section, node, given);
}

void config_defaults(struct config *config)
{
	struct config_problems *problems = mem_alloc(sizeof *problems);
	struct loader loader = {NULL, problems};
	memset(config, 0, sizeof *config);
	config_problems_init(problems);
	set_defaults(&loader, "", config);
	CHECK(problems->count == 0);
	free(problems);
}

bool config_parse(struct config *config, const char *path, struct span text, struct config_problems *problems)
{
	yaml_document_t document;
	memset(config, 0, sizeof *config);
	config_problems_init(problems);
	if (!text_copy(config->path, sizeof config->path, span_of(path))) {
		config_problem_add(problems, 0, 0, "the path of the file is too long; allowed are %d bytes",
		                   CONFIG_PATH_MAX - 1);
		return false;
	}
	if (!config_yaml_load(&document, text, problems))
		return false;
	struct loader loader = {&document, problems};
	load_section(&loader, "", yaml_document_get_root_node(&document), config);
	cross_complete(config, &document);
	cross_check(config, &document, problems);
	yaml_document_delete(&document);
	config_problems_sort(problems);
	return problems->count == 0;
}

bool config_locate(struct span text, const char *key, int entry, int *line, int *column)
{
	yaml_document_t document;
	struct config_problems problems;
	config_problems_init(&problems);
	*line = 0;
	*column = 0;
	if (!config_yaml_load(&document, text, &problems))
		return false;
	const yaml_node_t *node = config_yaml_find(&document, key, entry);
	if (node) {
		*line = config_yaml_line(node);
		*column = config_yaml_column(node);
	}
	yaml_document_delete(&document);
	return *line > 0;
}
