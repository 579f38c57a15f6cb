/*
 * compare_publish.h - tells the running agent what a comparison of its ledger has found.
 *
 * Why:   decisions of people stand in the ledger, which the agent alone writes.
 * Owns:  nothing.
 * Rules: 1. The result's folder is whole before the agent hears of it; what it hears is read from there.
 *        2. An agent that does not run or does not take it changes nothing about the result: it is told to the person.
 *        3. Pages are within one request; sent again they change nothing.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_compare.py
 */
#ifndef TWINPOST_COMPARE_PUBLISH_H
#define TWINPOST_COMPARE_PUBLISH_H

#include "tools/twinpost/commands.h"

struct compare_published {
	bool told;
	int64_t fresh, reopened, resolved, open;
	bool many_new;
	char note[CLIENT_MESSAGE_SIZE]; /* where it was not told: why */
};

void compare_publish(const struct options *options, const char *result, struct compare_published *published);
/* One line for people. */
void compare_published_render(const struct compare_published *published, struct buf *out);

#endif
