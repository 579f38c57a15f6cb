/*
 * run_leftover.c - documents that nobody named: paired by what they are, or missing.
 *
 * Why:   a cloud may not say what a document stands for, or post several as one; and time may not be up yet.
 * Owns:  nothing.
 * Rules: 1. First what the cloud names: one document that stands for several legacy ones.
 *        2. Then equal type, company, currency, party and total, posted within RUN_WINDOW_DAYS, if each is the only
 *           candidate of the other.
 *        3. Then one for several with exact sum, party known, posted within SUMMARY_DAYS, if there is exactly one way.
 *        4. Two ways are ambiguous. A document of the cloud that names what it stands for is never paired otherwise.
 *        5. What is left is missing, or waits while its grace lasts; what the cloud has rejected does not wait.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"

#define SUMMARY_DAYS 31
/* Above, rules 2 and 3 would cost more than they could find: there is something larger the matter. */
#define LEFTOVERS_MAX 20000
#define SUMMARIES_MAX 2000
/* A summary names thousands. */
#define NAMES_MAX (8u << 20)

struct id_list {
	int64_t *ids;
	int count, capacity;
};

static bool add_id(void *self, const struct ledger_item *item)
{
	struct id_list *list = self;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 256;
		list->ids = mem_grow(list->ids, (size_t)list->capacity * sizeof list->ids[0]);
	}
	list->ids[list->count++] = item->id;
	return true;
}

static bool has_id(const struct id_list *list, int64_t id)
{
	for (int i = 0; i < list->count; i++) {
		if (list->ids[i] == id)
			return true;
	}
	return false;
}

/* "TAB subject": the document of the cloud names none, or several, that it stands for. */
static bool names_one(struct span cloud)
{
	return cloud.len > 0 && cloud.data[0] != '\t';
}

/* ---- one way for all: several items become one, compared as sums ---- */

static enum run_status compare_joined(struct run *run, struct span legacy, struct span cloud)
{
	int members[SIDE_COUNT];
	return run_pair_sums(run, legacy, cloud, members) ? run_pair_status(run) : RUN_DIFFERENT;
}

/* `item` (of either side) takes the others in, which are gone then. */
static enum err join_items(struct run *run, struct ledger_item *item, const int64_t *others, int count,
                           int tier, struct err_info *info)
{
	struct buf names;
	struct buf texts;
	bool to_legacy = item->legacy.len == 0;
	enum err err = ERR_OK;
	buf_init(&names, NAMES_MAX);
	buf_init(&texts, NAMES_MAX);
	for (int i = 0; i < count && err == ERR_OK; i++) {
		struct ledger_item other;
		err = ledger_item_get(run->ledger, others[i], &other, &texts, info);
		if (err != ERR_OK)
			break;
		if (i > 0)
			buf_append_char(&names, ' ');
		buf_append_span(&names, to_legacy ? other.legacy : other.cloud);
		if (to_legacy && i == 0) {
			item->period = other.period;
			item->posting = other.posting;
			item->first_ns = other.first_ns;
		}
		err = ledger_item_remove(run->ledger, others[i], info);
	}
	CHECK(buf_ok(&names));
	*(to_legacy ? &item->legacy : &item->cloud) = buf_span(&names);
	item->tier = tier;
	if (err == ERR_OK) {
		item->status = (int)compare_joined(run, item->legacy, item->cloud);
		err = ledger_item_change(run->ledger, item, info);
	}
	buf_release(&names);
	buf_release(&texts);
	return err;
}

/* ---- rule 1 ---- */

static enum err join_named(struct run *run, struct ledger_item *item, struct err_info *info)
{
	struct id_list found = {.ids = NULL};
	struct span rest = run->views[SIDE_CLOUD].origin;
	struct span identity;
	struct span subject;
	enum err err = ERR_OK;
	while (err == ERR_OK && run_next_name(&rest, &identity, &subject)) {
		struct ledger_item legacy = {.id = 0};
		err = ledger_item_of_legacy(run->ledger, RUN_MISSING_CLOUD, subject, &legacy.id, info);
		/* A name that stands there twice is one document. */
		if (err == ERR_OK && legacy.id != 0 && !has_id(&found, legacy.id))
			(void)add_id(&found, &legacy);
	}
	if (err == ERR_OK && found.count > 0)
		err = join_items(run, item, found.ids, found.count, 2, info);
	free(found.ids);
	return err;
}

static enum err take_named(struct run *run, struct ledger_item *item, struct err_info *info)
{
	int count = 0;
	if (names_one(item->cloud) || !run_join(run, SIDE_CLOUD, item->cloud, &count))
		return ERR_OK;
	return run->views[SIDE_CLOUD].origins > 1 ? join_named(run, item, info) : ERR_OK;
}

/* ---- rule 2 ---- */

struct candidates {
	int64_t ids[RUN_SUBSET_MAX + 1];
	int64_t totals[RUN_SUBSET_MAX + 1];
	int32_t postings[RUN_SUBSET_MAX + 1];
	int count;
};

static bool add_candidate(void *self, const struct ledger_item *item)
{
	struct candidates *list = self;
	list->ids[list->count] = item->id;
	list->totals[list->count] = item->total;
	list->postings[list->count] = item->posting;
	list->count++;
	return list->count <= RUN_SUBSET_MAX;
}

static enum err mark(struct run *run, int64_t id, enum run_status status, struct err_info *info)
{
	struct ledger_item item;
	struct buf texts;
	buf_init(&texts, NAMES_MAX);
	enum err err = ledger_item_get(run->ledger, id, &item, &texts, info);
	item.status = (int)status;
	if (err == ERR_OK)
		err = ledger_item_change(run->ledger, &item, info);
	buf_release(&texts);
	return err;
}

static enum err take_equal(struct run *run, struct ledger_item *item, struct err_info *info)
{
	struct candidates legacy = {.count = 0};
	struct candidates rivals = {.count = 0};
	if (item->named || item->posting == INT32_MIN || item->total == 0)
		return ERR_OK;
	enum err err = ledger_item_candidates(run->ledger, RUN_MISSING_CLOUD, item, RUN_WINDOW_DAYS, true,
	                                      RUN_SUBSET_MAX + 1, add_candidate, &legacy, info);
	if (err != ERR_OK || legacy.count == 0)
		return err;
	/* Who else could be meant is asked from the other side: its window reaches further. */
	struct ledger_item other = *item;
	other.posting = legacy.postings[0];
	err = ledger_item_candidates(run->ledger, RUN_MISSING_LEGACY, &other, RUN_WINDOW_DAYS, true,
	                             RUN_SUBSET_MAX + 1, add_candidate, &rivals, info);
	if (err != ERR_OK)
		return err;
	if (legacy.count == 1 && rivals.count == 1)
		return join_items(run, item, legacy.ids, 1, 3, info);
	for (int i = 0; i < legacy.count && err == ERR_OK; i++)
		err = mark(run, legacy.ids[i], RUN_AMBIGUOUS, info);
	for (int i = 0; i < rivals.count && err == ERR_OK; i++)
		err = mark(run, rivals.ids[i], RUN_AMBIGUOUS, info);
	return err == ERR_OK ? mark(run, item->id, RUN_AMBIGUOUS, info) : err;
}

/* ---- rule 3 ---- */

/* The subsets of two or more with this sum; the first is kept. */
static int find_subsets(const struct candidates *list, int64_t wanted, uint32_t *subset)
{
	int found = 0;
	for (uint32_t set = 1; set < (1u << list->count) && found < 2; set++) {
		int64_t sum = 0;
		bool fits = __builtin_popcount(set) > 1;
		for (int i = 0; i < list->count && fits; i++) {
			if (set & (1u << i))
				fits = !__builtin_add_overflow(sum, list->totals[i], &sum);
		}
		if (!fits || sum != wanted)
			continue;
		found++;
		if (found == 1)
			*subset = set;
	}
	return found;
}

static enum err take_sum(struct run *run, struct ledger_item *item, struct err_info *info)
{
	bool of_cloud = item->legacy.len == 0;
	struct candidates list = {.count = 0};
	uint32_t subset = 0;
	int64_t members[RUN_SUBSET_MAX];
	int count = 0;
	if (item->named || item->party.len == 0 || item->posting == INT32_MIN)
		return ERR_OK;
	enum err err =
	    ledger_item_candidates(run->ledger, of_cloud ? RUN_MISSING_CLOUD : RUN_MISSING_LEGACY, item,
	                           SUMMARY_DAYS, false, RUN_SUBSET_MAX + 1, add_candidate, &list, info);
	if (err != ERR_OK || list.count < 2 || list.count > RUN_SUBSET_MAX)
		return err;
	int found = find_subsets(&list, item->total, &subset);
	if (found == 0)
		return ERR_OK;
	if (found > 1) {
		item->status = RUN_AMBIGUOUS;
		return ledger_item_change(run->ledger, item, info);
	}
	for (int i = 0; i < list.count; i++) {
		if (subset & (1u << i))
			members[count++] = list.ids[i];
	}
	return join_items(run, item, members, count, 4, info);
}

/* ---- rule 5 ---- */

static enum err wait_or_miss(struct run *run, struct ledger_item *item, struct err_info *info)
{
	enum ledger_side other = item->legacy.len > 0 ? SIDE_CLOUD : SIDE_LEGACY;
	int64_t age = 0;
	if (__builtin_sub_overflow(run->options->at_ns, item->first_ns, &age) ||
	    age >= run->options->grace_ns[other] || item->first_ns == 0)
		return ERR_OK;
	if (other == SIDE_CLOUD) {
		struct ledger_document row;
		struct err_info ignored;
		if (ledger_find(run->ledger, SIDE_LEGACY, item->legacy, item->legacy, &row,
		                &run->loaded[0].texts, &ignored) == ERR_OK &&
		    row.outcome == STORE_OUTCOME_REJECTED)
			return ERR_OK;
	}
	item->status = other == SIDE_CLOUD ? RUN_WAITING_CLOUD : RUN_WAITING_LEGACY;
	return ledger_item_change(run->ledger, item, info);
}

/* ---- all of them ---- */

typedef enum err (*item_step)(struct run *run, struct ledger_item *item, struct err_info *info);

/* Takes the step with each item that has this status, as long as it has it; with none if they are over the limit. */
static enum err each(struct run *run, enum run_status status, int limit, item_step step,
                     struct err_info *info)
{
	struct id_list list = {.ids = NULL};
	struct buf texts;
	buf_init(&texts, NAMES_MAX);
	enum err err = ledger_items(run->ledger, (int)status, add_id, &list, info);
	run->too_many = run->too_many || list.count > limit;
	for (int i = 0; i < list.count && err == ERR_OK && list.count <= limit; i++) {
		struct ledger_item item;
		err = ledger_item_get(run->ledger, list.ids[i], &item, &texts, info);
		if (err == ERR_OK && item.status == (int)status)
			err = step(run, &item, info);
		else if (err == ERR_NOT_FOUND)
			err = ERR_OK;
	}
	free(list.ids);
	buf_release(&texts);
	return err;
}

enum err run_leftovers(struct run *run, struct err_info *info)
{
	int64_t legacy = 0;
	int64_t cloud = 0;
	struct err_info trouble = {.text = ""};
	(void)info;
	enum err err = each(run, RUN_MISSING_LEGACY, INT32_MAX, take_named, &trouble);
	if (err == ERR_OK)
		err = ledger_item_count(run->ledger, RUN_MISSING_CLOUD, &legacy, &trouble);
	if (err == ERR_OK)
		err = ledger_item_count(run->ledger, RUN_MISSING_LEGACY, &cloud, &trouble);
	if (err == ERR_OK && legacy > 0 && cloud > 0)
		err = each(run, RUN_MISSING_LEGACY, LEFTOVERS_MAX, take_equal, &trouble);
	if (err == ERR_OK && legacy > 0 && cloud > 0)
		err = each(run, RUN_MISSING_LEGACY, SUMMARIES_MAX, take_sum, &trouble);
	if (err == ERR_OK && legacy > 0 && cloud > 0)
		err = each(run, RUN_MISSING_CLOUD, SUMMARIES_MAX, take_sum, &trouble);
	if (err == ERR_OK)
		err = each(run, RUN_MISSING_CLOUD, INT32_MAX, wait_or_miss, &trouble);
	if (err == ERR_OK)
		err = each(run, RUN_MISSING_LEGACY, INT32_MAX, wait_or_miss, &trouble);
	if (err != ERR_OK)
		run_ledger_failed(run, &trouble);
	return ERR_OK;
}
