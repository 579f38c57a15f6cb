/*
 * record.h - from a whole document to its outbox row: validity, register, envelope, append.
 *
 * Why:   one place decides what is new, what has changed, what is the same, and what must wait for a person.
 * Owns:  two buffers, kept from document to document.
 * Rules: 1. A document that breaks a validity rule is not sent: it waits as an exception that ends when it reads well.
 *        2. Same bytes of data as the last revision: nothing happens. Other bytes, or voided now: the next revision.
 *        3. A document whose event is over message_size_max is sent in parts, each an event; where even one line does
 *           not fit it is an exception. Nothing is cut and nothing is dropped silently.
 *        4. Every call happens inside the caller's store transaction.
 * Runs in: the core.
 * Tests: tests/unit/record_test.c, tests/sim
 */
#ifndef TWINPOST_RECORD_H
#define TWINPOST_RECORD_H

#include "config/config.h"
#include "connector/posting/canonical.h"
#include "connector/posting/document.h"
#include "connector/uplink/notary.h"
#include "hal/hal.h"
#include "store_forward/store.h"

struct recorder {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct notary *notary; /* NULL: nothing is counted and no piece is closed */
	struct canonical canonical;
	struct buf data;
	struct buf event;
	uint64_t recorded; /* since start */
	uint64_t amended;
	uint64_t unchanged;
	uint64_t held;
};

void recorder_init(struct recorder *recorder, struct hal *hal, const struct log *log, struct store *store,
                   const struct config *config, struct notary *notary);
void recorder_release(struct recorder *recorder);

/* *held: it was not recorded but waits as an exception. An error is one of the store's. */
MUST_USE enum err recorder_document(struct recorder *recorder, const char *source,
                                    const char *profile_version, const struct document *document, bool *held,
                                    struct err_info *info);

/* Raises an exception and logs it when it is new. */
MUST_USE enum err recorder_exception(struct recorder *recorder, const struct store_exception *exception,
                                     struct err_info *info);
/* Clears exceptions of source and key (rule empty: any) and logs it when there were some. */
MUST_USE enum err recorder_clear(struct recorder *recorder, struct span rule, struct span source,
                                 struct span key, struct err_info *info);

#endif
