/*
 * stream_rule.h - which rule of `streams` a document falls under, and what a stream is called.
 *
 * Why:   a stream has one class, one receipt, one deadline and one batch, whatever the rules are that lead into it.
 * Owns:  nothing.
 * Rules: 1. The first rule that matches entity and type of document counts; the built-in one comes last.
 *        2. A company code of a-z, 0-9 and - is its own part of the name. Any other one, or one too long, or one that
 *           looks as if it had a tag, is written in lower case with - for the rest, cut, and gets - and a tag of its
 *           hash behind it: two codes have one name only where their tags are equal too.
 *        3. Rules that can lead into one stream agree in class, receipt, sla and batch, or the file is refused.
 * Runs in: every process.
 * Tests: tests/unit/stream_name_test.c, tests/unit/config_test.c (config_bad/streams_*)
 */
#ifndef TWINPOST_STREAM_RULE_H
#define TWINPOST_STREAM_RULE_H

#include "config/config.h"
#include "config/yaml.h"

#define STREAM_NAME_SIZE 64 /* a level of a topic of at most 63 bytes, with its end */
#define STREAM_TAG_SIZE  9  /* eight hex digits, with their end */

/* The rule of documents that no rule of the file matches. */
const struct config_stream_rule *stream_rule_default(void);

/* Does an entry with this list of kinds take this one? An empty list takes all. */
MUST_USE bool stream_rule_takes(const char (*documents)[CONFIG_NAME_MAX], int count,
                                struct span document_type);

/* Writes what `name` of a rule gives for an entity. tag: the first hex digits of H(entity); used where rule 2 asks for
 * it. Returns whether it was. */
bool stream_rule_expand(const char *name, struct span entity, const char tag[STREAM_TAG_SIZE],
                        char out[STREAM_NAME_SIZE]);

/* Adds a problem for each rule that never counts, or that contradicts another one (rule 3). */
void stream_rule_check(const struct config *config, yaml_document_t *document,
                       struct config_problems *problems);

#endif
