/*
 * cloud_exceptions.h - publishes changes of exceptions on up/exc.
 *
 * Why:   middleware and monitoring see what waits for a person without asking the box.
 * Owns:  the number of the last change that was published, in memory, equal to the store's.
 * Rules: 1. In the transaction of the change: each state of an exception is told once, over restarts too.
 *        2. Where the mail is full nothing is added; the newest state is told when there is room again.
 * Runs in: the core.
 * Tests: tests/unit/cloud_exceptions_test.c, tests/integration/test_contract_live.py
 */
#ifndef TWINPOST_CLOUD_EXCEPTIONS_H
#define TWINPOST_CLOUD_EXCEPTIONS_H

#include "config/config.h"
#include "hal/hal.h"
#include "store_forward/store.h"

struct cloud_exceptions {
	struct hal *hal;
	struct store *store;
	const struct config *config;
	int64_t told; /* change number */
	bool known;
	struct buf payload;
};

MUST_USE enum err cloud_exceptions_open(struct cloud_exceptions *exceptions, struct store *store,
                                        const struct config *config, struct hal *hal, struct err_info *info);
void cloud_exceptions_close(struct cloud_exceptions *exceptions);
/* Inside a transaction. */
MUST_USE enum err cloud_exceptions_publish(struct cloud_exceptions *exceptions, struct err_info *info);
void cloud_exceptions_rolled_back(struct cloud_exceptions *exceptions);

#endif
