/*
 * cross.h - rules that hold between keys of a configuration.
 *
 * Why:   each value alone may be good and two of them together not.
 * Owns:  nothing.
 * Rules: each rule is told at the key that a person would change.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c
 */
#ifndef TWINPOST_CROSS_H
#define TWINPOST_CROSS_H

#include "config/config.h"
#include "config/yaml.h"

/* Gives values that the file leaves out and that depend on other keys: uplink.client_id, and what uplink.broker is
 * known to want. */
void cross_complete(struct config *config, yaml_document_t *document);

/* Adds a problem for each rule broken. config was filled from document; entries whose values were refused hold their
 * defaults and break no rule by that. */
void cross_check(const struct config *config, yaml_document_t *document, struct config_problems *problems);

#endif
