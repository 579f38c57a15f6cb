/*
 * stream_name.h - the stream of a document, and the rule of a stream.
 *
 * Why:   two companies in one stream could not be told apart by an access list; and after a restart the core knows
 *        streams by their names alone, before any document has come.
 * Owns:  nothing.
 * Rules: 1. Names are made as config/stream_rule.h says; the tag is the first eight hex digits of H(entity).
 *        2. The rule of a name is the most exact one that can give it: a name without {entity} or a company code of the
 *           file first, then the most bytes besides {entity}, then the earlier one. Without any: the built-in one.
 * Runs in: the core.
 * Tests: tests/unit/stream_name_test.c
 */
#ifndef TWINPOST_STREAM_NAME_H
#define TWINPOST_STREAM_NAME_H

#include "config/stream_rule.h"
#include "store_forward/store.h"

/* name: of a rule ("{entity}-invoices"). */
void stream_name(const char *name, struct span entity, char out[STORE_STREAM_NAME_MAX]);

/* Never NULL. */
const struct config_stream_rule *stream_name_rule(const struct config *config, struct span stream);

#endif
