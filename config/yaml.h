/*
 * yaml.h - one plain YAML document, loaded with the place of every node.
 *
 * Why:   a configuration file uses a small part of YAML; what is outside it is told with its place, not guessed.
 * Owns:  nothing; the caller owns the document and deletes it with yaml_document_delete().
 * Rules: 1. Exactly one document; no anchors, aliases, tags or directives; at most CONFIG_YAML_DEPTH_MAX levels.
 *        2. What libyaml cannot read becomes one problem with its place and the likely cause.
 *        3. The names begin with config_yaml_, because libyaml has taken yaml_.
 * Faults: empty text, text that is not UTF-8 (or UTF-16 with its mark), control characters, tabs as indentation.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c, tests/fuzz/config_fuzz.c
 */
#ifndef TWINPOST_CONFIG_YAML_H
#define TWINPOST_CONFIG_YAML_H

#include <yaml.h>

#include "config/config.h"

#define CONFIG_YAML_DEPTH_MAX 12

/* true: *document holds a document with a root node, to be deleted by the caller. false: problems has grown, and
 * there is nothing to delete. */
MUST_USE bool config_yaml_load(yaml_document_t *document, struct span text, struct config_problems *problems);

/* The scalar's bytes; empty for any other node. */
struct span config_yaml_scalar(const yaml_node_t *node);
/* Is it `key:` without a value, or a plain null? */
bool config_yaml_is_null(const yaml_node_t *node);
/* "a text", "a list", "a mapping": for messages. */
const char *config_yaml_kind(const yaml_node_t *node);
int config_yaml_line(const yaml_node_t *node);   /* from 1 */
int config_yaml_column(const yaml_node_t *node); /* from 1, in characters */
/* The value of a mapping's key; NULL: none, or node is no mapping. */
yaml_node_t *config_yaml_member(yaml_document_t *document, yaml_node_t *node, struct span key);
/* Follows "uplink.host" or, in entry `entry` of a list, "sources.poll"; NULL: not there. */
yaml_node_t *config_yaml_find(yaml_document_t *document, const char *key, int entry);

#endif
