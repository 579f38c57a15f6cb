/*
 * stream_policy.h - tells the store what a stream's rule says of keeping its events.
 *
 * Why:   the store prunes without knowing the configuration.
 * Owns:  nothing.
 * Rules: to be called for every stream at each opening of the store, and when a stream is made.
 * Runs in: the core.
 * Tests: tests/unit/record_test.c
 */
#ifndef TWINPOST_STREAM_POLICY_H
#define TWINPOST_STREAM_POLICY_H

#include "config/config.h"
#include "store_forward/store.h"

void stream_policy(struct store *store, int stream, const struct config_stream_rule *rule);
/* Every stream of the store, by its name. */
void stream_policy_all(struct store *store, const struct config *config);

#endif
