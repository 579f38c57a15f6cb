/*
 * phase_rule.h - which entry of `phases` a document falls under, and whether the entries make sense.
 *
 * Why:   who leads changes company by company, kind by kind, on a day; one place says it for every document.
 * Owns:  nothing.
 * Rules: 1. Of the entries that match company and kind of document, the one with the latest `from` that is not after
 *           the document's date counts; no `from` is before all dates. Of two with the same `from`, the first.
 *        2. Each entry counts for at least one kind of document, or the file is refused.
 *        3. cutover has a `from`: without one, every posting that the ERP ever made would be held.
 * Runs in: every process.
 * Tests: tests/unit/config_phase_test.c, tests/unit/config_test.c (config_bad/phase_*)
 */
#ifndef TWINPOST_PHASE_RULE_H
#define TWINPOST_PHASE_RULE_H

#include "config/config.h"
#include "config/yaml.h"

/* Adds a problem for each entry that breaks rule 2 or 3. */
void phase_rule_check(const struct config *config, yaml_document_t *document,
                      struct config_problems *problems);

#endif
