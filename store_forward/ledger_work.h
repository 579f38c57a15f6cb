/*
 * ledger_work.h - what one comparison has found so far: documents that are not simply equal.
 *
 * Why:   there may be a handful or a million; they are kept in a temporary table, so that memory stays bounded, and are
 *        looked up by amount and party when lower tiers of pairing look for counterparts.
 * Owns:  a temporary table of the ledger's connection, gone when it is closed.
 * Rules: 1. Items come back ordered by entity, period, subjects: the same cut gives the same order, however they were
 *           found.
 *        2. Nothing of the ledger's own file is written.
 * Faults: as in ledger.h.
 * Runs in: the CLI.
 * Tests: tests/unit/ledger_work_test.c
 */
#ifndef TWINPOST_LEDGER_WORK_H
#define TWINPOST_LEDGER_WORK_H

#include "store_forward/ledger.h"

struct ledger_item {
	int64_t id;         /* set by ledger_item_add() */
	int status;         /* the caller's */
	int tier;           /* the caller's: how it was paired */
	struct span legacy; /* subjects, separated by blanks; empty: none */
	struct span cloud;  /* the same; each as identity, a tab, subject */
	bool named;         /* it is of the cloud and says what it stands for: no candidate of others */
	struct span entity, currency, party;
	int type;
	int32_t period;
	int32_t posting; /* INT32_MIN: none */
	int64_t total;   /* of the side that is alone; else of the legacy side */
	int64_t first_ns;
};
typedef bool (*ledger_item_visitor)(void *self, const struct ledger_item *item);

/* Begins an empty table, with no document chosen: whatever a comparison before has chosen. */
MUST_USE enum err ledger_work_begin(struct ledger *ledger, struct err_info *info);
MUST_USE enum err ledger_item_add(struct ledger *ledger, struct ledger_item *item, struct err_info *info);
/* The item becomes this one (its id says which). */
MUST_USE enum err ledger_item_change(struct ledger *ledger, const struct ledger_item *item,
                                     struct err_info *info);
MUST_USE enum err ledger_item_remove(struct ledger *ledger, int64_t id, struct err_info *info);
/* All of one status (status < 0: all), in the order of rule 1. The visitor may change and remove items of another
 * status only after the call. */
MUST_USE enum err ledger_items(struct ledger *ledger, int status, ledger_item_visitor visit, void *self,
                               struct err_info *info);
/* Those of a status that could be the counterpart of `like`: same type, entity, currency and party (an empty party of
 * `like` matches all), posted within `days` of it and not named; by_total: of the same total. In the order of
 * posting date, then subject; at most limit. */
MUST_USE enum err ledger_item_candidates(struct ledger *ledger, int status, const struct ledger_item *like,
                                         int days, bool by_total, int limit, ledger_item_visitor visit,
                                         void *self, struct err_info *info);
/* One item; its texts are copied into `texts`. ERR_NOT_FOUND: it was removed. */
MUST_USE enum err ledger_item_get(struct ledger *ledger, int64_t id, struct ledger_item *item,
                                  struct buf *texts, struct err_info *info);
/* The item of a status that is this one legacy document alone; 0: none. */
MUST_USE enum err ledger_item_of_legacy(struct ledger *ledger, int status, struct span legacy, int64_t *id,
                                        struct err_info *info);
MUST_USE enum err ledger_item_count(struct ledger *ledger, int status, int64_t *count, struct err_info *info);

#endif
