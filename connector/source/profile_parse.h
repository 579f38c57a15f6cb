/*
 * profile_parse.h - what the files that read a profile share. Only they include it.
 *
 * Why:   a profile's file has three subjects (its frame, its fields, its SQL) and one list of problems.
 * Owns:  nothing; struct parse lives while profile_load() runs.
 * Rules: 1. A function that finds something wrong adds a problem and goes on with a harmless value.
 *        2. What stays is copied into the profile's memory.
 * Runs in: every process that checks a configuration.
 * Tests: tests/unit/profile_test.c
 */
#ifndef TWINPOST_PROFILE_PARSE_H
#define TWINPOST_PROFILE_PARSE_H

#include "config/yaml.h"
#include "connector/source/profile.h"

struct parse {
	struct profile *profile;
	struct profile_feed *feed; /* the one being read */
	yaml_document_t *yaml;
	struct config_problems *problems;
	const struct config_parameter *parameters; /* of the source */
	int parameter_count;
	/* Names and values of the profile's parameters, with the source's put in. */
	struct span names[CONFIG_PARAMETERS_MAX];
	struct span values[CONFIG_PARAMETERS_MAX];
	int name_count;
};

#define PROBLEM(parse, node, ...) \
	config_problem_add((parse)->problems, config_yaml_line(node), config_yaml_column(node), __VA_ARGS__)
/* A span for "%.*s". */
#define SPAN_ARGS(span) (int)((span).len > 100 ? 100 : (span).len), (span).len ? (span).data : ""

/* Is it a mapping whose keys are all in names (ended by NULL), none twice? Other keys become problems; false
 * only where it is no mapping. what: "a feed". */
bool parse_keys(struct parse *parse, yaml_node_t *node, const char *what, const char *const *names);
/* The member, or NULL with a problem. */
yaml_node_t *parse_required(struct parse *parse, yaml_node_t *node, const char *key, const char *what);
/* [a-z0-9_-]+ into a fixed array; a problem otherwise. */
bool parse_name(struct parse *parse, yaml_node_t *node, char *to, size_t size, const char *what);
/* {name} of parameters replaced in text; *out is the profile's. A problem names an unknown one. */
bool parse_parameters(struct parse *parse, yaml_node_t *node, struct span text, struct span *out);
/* The value of a parameter; false: there is none of this name. */
bool parse_parameter(const struct parse *parse, struct span name, struct span *value);

/* The index of a column of the query, added if it is new; -1 with a problem where the name is no column's. */
int16_t parse_column(struct parse *parse, yaml_node_t *node, struct span name, struct profile_query *query);

/* profile_field.c: one conversion for a value of this kind. NULL with problems. */
const struct conversion *parse_conversion(struct parse *parse, yaml_node_t *node, enum value_kind want);
/* header, lines, tax_lines, applications of the feed; then whether all required fields are there. */
void parse_fields(struct parse *parse, yaml_node_t *feed_node);
/* The types of a feed: document: journal, or {column, map, otherwise}. */
void parse_document(struct parse *parse, yaml_node_t *node);

/* profile_sql.c: the SQL of the query, whose keys are known. unit_keys: of the gate that the rows belong to,
 * or 0. */
void parse_sql(struct parse *parse, yaml_node_t *node, struct profile_query *query, bool gate);
/* Text without macros but parameters; a ? is a problem. */
bool parse_plain_sql(struct parse *parse, yaml_node_t *node, struct span *out);

#endif
