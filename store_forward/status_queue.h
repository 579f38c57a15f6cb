/*
 * status_queue.h - which documents' outcomes are still to be written into a status table of their ERP.
 *
 * Why:   the ERP's database may be away for days; what the cloud said meanwhile must reach it in the end.
 * Owns:  table status_queue; the counts of each source, in memory as in the file.
 * Rules: 1. A row is added in the transaction in which an outcome moves the state of its document, and names it alone:
 *           what is written is the state at the time of writing (outcomes.h).
 *        2. Ids rise over all sources and are never given twice.
 *        3. Only committed rows are handed out; a row goes when the ERP's database has it (store_status_done()).
 *        4. At most STORE_STATUS_ROWS_MAX wait, of all sources: for one more the oldest goes. Its outcome stays where
 *           it is; only the status table lacks it.
 * Faults: as in store.h. A salvage keeps what can be read.
 * Runs in: the core.
 * Tests: tests/unit/store_status_test.c
 */
#ifndef TWINPOST_STATUS_QUEUE_H
#define TWINPOST_STATUS_QUEUE_H

#include "store_forward/store.h"

#define STORE_STATUS_ROWS_MAX 100000
/* Sources that have rows at a time; twice what may be configured, so that former ones have room until they are told to
 * go. */
#define STORE_STATUS_SOURCES_MAX 16

struct store_status_row {
	int64_t id;
	int64_t revision;
	char subject[STORE_SUBJECT_MAX + 1];
};

/* ERR_BAD_INPUT: no source, subject or revision, or one over its limit; ERR_FULL: STORE_STATUS_SOURCES_MAX others have
 * rows (or no space). */
MUST_USE enum err store_status_add(struct store *store, struct span source, struct span subject,
                                   int64_t revision, struct err_info *info);
/* The first committed row of the source with an id above that one. ERR_NOT_FOUND: there is none. */
MUST_USE enum err store_status_next(struct store *store, struct span source, int64_t after,
                                    struct store_status_row *row, struct err_info *info);
/* Takes all rows of the source up to this id out of the queue. ERR_BAD_INPUT: above the last committed one. Rows that
 * are gone already are no failure. */
MUST_USE enum err store_status_done(struct store *store, struct span source, int64_t upto,
                                    struct err_info *info);

/* Rows of the source, those of the open transaction included; O(1). */
int64_t store_status_waiting(const struct store *store, struct span source);
int64_t store_status_committed(const struct store *store); /* the last id that may be handed out; 0: none */
/* STORE_STATUS_ROWS_MAX wait: each one more costs the oldest. */
bool store_status_full(const struct store *store);
/* The n-th place (below STORE_STATUS_SOURCES_MAX): a source that has rows, or NULL. */
const char *store_status_source(const struct store *store, int n);

#endif
