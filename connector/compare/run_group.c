/*
 * run_group.c - the documents of one identity: which is whose counterpart, and whether they agree.
 *
 * Why:   the cloud may post a document once, twice, in parts, or not at all.
 * Owns:  nothing.
 * Rules: 1. One for one: compared. Several of the cloud: the one that agrees is the counterpart and the others are
 *           duplicates; none agrees, and their sum does: a document that was split; else the first is compared, and the
 *           others are duplicates.
 *        2. A document that was voided, and has no counterpart that counts, is as if it had never been: it stands in
 *           no figure and in no list.
 *        3. What has no counterpart here is kept as missing; run_leftover.c has the last word.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include <stdio.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/join.h"
#include "connector/posting/pack.h"

/* ---- counting ---- */

void run_count_status(struct run *run, const struct ledger_document *row, enum run_status status)
{
	char type[4];
	char period[16];
	char date[DATE_TEXT_SIZE] = "";
	(void)snprintf(type, sizeof type, "%d", row->type);
	(void)snprintf(period, sizeof period, "%d", (int)row->period);
	if (row->posting != INT32_MIN)
		date_print(row->posting, date);
	const struct span key[] = {row->entity, span_of(type), span_of(period), row->currency};
	const struct span day[] = {span_of(date)};
	tally_add(run->counts, key, 4, (int)status, 1);
	tally_add(run->entities, &row->entity, 1, 0, 1);
	if (date[0])
		tally_add(run->days, day, 1, (int)status, 1);
	run->outcome->statuses[status]++;
}

enum err run_document_line(struct run *run, const struct ledger_document *row, enum run_status status,
                           struct span counterpart, struct err_info *info)
{
	char digest[FINGERPRINT_HEX_SIZE];
	struct json json;
	if (run_is_canary(row->entity))
		return ERR_OK;
	fingerprint_hex(&row->fingerprint, digest);
	buf_clear(&run->line);
	json_init(&json, &run->line);
	json_object(&json, NULL);
	json_put_text(&json, "digest", digest);
	json_put_span(&json, "pair", counterpart);
	json_put_text(&json, "side", ledger_side_name(row->side));
	json_put_text(&json, "status", run_status_name(status));
	json_put_span(&json, "subject", row->subject);
	json_object_end(&json);
	return run_line(run, RUN_FILE_DOCUMENTS, info);
}

void run_count_water(struct run *run, const struct ledger_document *legacy, bool booked)
{
	enum water which = booked                                      ? WATER_BOOKED
	                   : legacy->outcome == STORE_OUTCOME_REJECTED ? WATER_REJECTED
	                   : legacy->outcome == 0                      ? WATER_IN_TRANSIT
	                                                               : WATER_ACCEPTED;
	if (!run_is_canary(legacy->entity))
		tally_add(run->water, &legacy->entity, 1, (int)which, 1);
}

/* The name of a document of the cloud among several: identity, tab, subject. */
struct cloud_name {
	char text[2 * STORE_SUBJECT_MAX + 2];
};

static struct cloud_name name_of(const struct ledger_document *cloud)
{
	struct cloud_name name;
	(void)snprintf(name.text, sizeof name.text, "%.*s\t%.*s", (int)cloud->identity.len,
	               cloud->identity.data, (int)cloud->subject.len, cloud->subject.data);
	return name;
}

/* A pair, or a document that needs no counterpart, is done with. */
static enum err settle(struct run *run, const struct ledger_document *legacy,
                       const struct ledger_document *cloud, enum run_status status, struct err_info *info)
{
	static const struct span none = {"", 0};
	const struct ledger_document *first = legacy ? legacy : cloud;
	enum err err = ERR_OK;
	if (run_is_canary(first->entity))
		return ERR_OK;
	if ((!legacy || legacy->voided) && (!cloud || cloud->voided)) {
		run->outcome->voided[SIDE_LEGACY] += legacy != NULL;
		run->outcome->voided[SIDE_CLOUD] += cloud != NULL;
		return ERR_OK;
	}
	if (legacy)
		run_prove_equal(run, SIDE_LEGACY, &legacy->fingerprint);
	if (cloud)
		run_prove_equal(run, SIDE_CLOUD, &cloud->fingerprint);
	if (legacy)
		run_count_water(run, legacy, true);
	run_count_status(run, first, status);
	if (legacy)
		err = run_document_line(run, legacy, status, cloud ? cloud->subject : none, info);
	if (cloud && err == ERR_OK)
		err = run_document_line(run, cloud, status, legacy ? legacy->subject : none, info);
	if (legacy && cloud && legacy->period != cloud->period) {
		const struct cloud_name name = name_of(cloud);
		run_add_moved(run, legacy->subject, span_of(name.text));
	}
	return err;
}

enum err run_keep(struct run *run, enum run_status status, int tier, const struct ledger_document *legacy,
                  const struct ledger_document *cloud, struct err_info *info)
{
	const struct ledger_document *first = legacy ? legacy : cloud;
	struct cloud_name name = {.text = ""};
	struct err_info trouble;
	if (cloud)
		name = name_of(cloud);
	struct ledger_item item = {
	    .status = (int)status,
	    .tier = tier,
	    .legacy = legacy ? legacy->subject : (struct span){NULL, 0},
	    .cloud = span_of(name.text),
	    .named = cloud && (cloud->identity.len > 0 || cloud->origins > 0),
	    .entity = first->entity,
	    .currency = first->currency,
	    .party = first->party,
	    .type = first->type,
	    .period = first->period,
	    .posting = first->posting,
	    .total = first->total,
	    .first_ns = first->first_ns,
	};
	(void)info;
	if (ledger_item_add(run->ledger, &item, &trouble) != ERR_OK)
		run_ledger_failed(run, &trouble);
	return ERR_OK;
}

/* ---- one pair ---- */

/* In a full run everything is made again, and must be what the ledger says; from here on the new one counts. */
static void make_again(struct run *run, struct ledger_document *row)
{
	if (!run_view(run, row->side, row))
		return;
	const struct view *view = &run->views[row->side];
	/* The view has its own already, where its identity is the row's. */
	struct fingerprint fresh = span_equal(span_of(view->identity), row->identity)
	                               ? view->fingerprint
	                               : view_fingerprint(view, row->identity);
	run_prove_row(run, row, &fresh);
	row->fingerprint = fresh;
	if (run_is_canary(row->entity))
		return;
	run_add_balances(run, row->side, view, &run->documents[row->side]);
	run_note_posted(run, view);
}

/* run->pair is of the two, unless it gives RUN_MATCHED. */
static enum run_status compare_pair(struct run *run, const struct ledger_document *legacy,
                                    const struct ledger_document *cloud)
{
	bool canary = run_is_canary(legacy->entity);
	if (!run->full && fingerprint_equal(&legacy->fingerprint, &cloud->fingerprint) && !canary)
		return RUN_MATCHED;
	/* A full run has just made them. */
	if ((run->viewed[SIDE_LEGACY] != legacy->packed.data || legacy->packed.len == 0) &&
	    !run_view(run, SIDE_LEGACY, legacy))
		return RUN_DIFFERENT;
	if ((run->viewed[SIDE_CLOUD] != cloud->packed.data || cloud->packed.len == 0) &&
	    !run_view(run, SIDE_CLOUD, cloud))
		return RUN_DIFFERENT;
	pair_compare(&run->views[SIDE_LEGACY], &run->views[SIDE_CLOUD], run->rules, &run->pair);
	run_prove_pair(run, legacy, cloud);
	return run_pair_status(run);
}

static enum err take_pair(struct run *run, const struct ledger_document *legacy,
                          const struct ledger_document *cloud, struct err_info *info)
{
	enum run_status status = compare_pair(run, legacy, cloud);
	if (status == RUN_MATCHED && run_is_canary(legacy->entity))
		canaries_found(run->canaries, status, legacy->subject, cloud->subject, NULL);
	if (status == RUN_MATCHED) {
		run_learn_matched(run, legacy, cloud);
		return settle(run, legacy, cloud, status, info);
	}
	return run_keep(run, status, 1, legacy, cloud, info);
}

/* ---- several ---- */

bool run_next_name(struct span *rest, struct span *identity, struct span *subject)
{
	if (rest->len == 0)
		return false;
	const char *end = memchr(rest->data, ' ', rest->len);
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	size_t taken = end ? len + 1 : len;
	const char *tab = memchr(rest->data, '\t', len);
	*subject = (struct span){rest->data, len};
	*identity = *subject;
	if (tab) {
		*identity = (struct span){rest->data, (size_t)(tab - rest->data)};
		*subject = (struct span){tab + 1, len - identity->len - 1};
	}
	*rest = (struct span){rest->data + taken, rest->len - taken};
	return true;
}

bool run_load(struct run *run, enum ledger_side side, struct span identity, struct span subject,
              struct ledger_document *row)
{
	struct err_info info = {.text = ""};
	if (run->canaries && canaries_find(run->canaries, side, subject, row))
		return true;
	if (ledger_find(run->ledger, side, identity, subject, row, &run->loaded[side].texts, &info) == ERR_OK)
		return true;
	run_ledger_failed(run, &info);
	return false;
}

bool run_join(struct run *run, enum ledger_side side, struct span subjects, int *count)
{
	struct span rest = subjects;
	struct span identity;
	struct span subject;
	struct err_info info = {.text = ""};
	for (*count = 0; run_next_name(&rest, &identity, &subject); ++*count) {
		struct ledger_document row;
		if (!run_load(run, side, identity, subject, &row))
			return false;
		if (*count == 0) {
			if (!run_view(run, side, &row))
				return false;
		} else if (document_unpack(&run->part, row.packed, &info) != ERR_OK ||
		           document_join(&run->documents[side], &run->part, &info) != ERR_OK) {
			run_incomplete(run, "document-unreadable", "%.*s cannot be joined: %.150s",
			               (int)subject.len, subject.data, info.text);
			return false;
		}
	}
	if (*count > 1 &&
	    view_make(&run->views[side], side, &run->documents[side], run->rules, &info) != ERR_OK) {
		run_incomplete(run, "document-unreadable", "several documents cannot be added up: %.150s",
		               info.text);
		return false;
	}
	return *count > 0;
}

enum run_status run_pair_status(const struct run *run)
{
	return run->pair.class_ == PAIR_MATCHED            ? RUN_MATCHED
	       : run->pair.class_ == PAIR_WITHIN_TOLERANCE ? RUN_WITHIN_TOLERANCE
	                                                   : RUN_DIFFERENT;
}

bool run_pair_sums(struct run *run, struct span legacy, struct span cloud, int members[SIDE_COUNT])
{
	if (!run_join(run, SIDE_LEGACY, legacy, &members[SIDE_LEGACY]) ||
	    !run_join(run, SIDE_CLOUD, cloud, &members[SIDE_CLOUD]))
		return false;
	bool whole = members[SIDE_LEGACY] == 1 || run_members_agree(run, SIDE_LEGACY, legacy);
	whole = (members[SIDE_CLOUD] == 1 || run_members_agree(run, SIDE_CLOUD, cloud)) && whole;
	pair_compare(&run->views[SIDE_LEGACY], &run->views[SIDE_CLOUD], run->rules, &run->pair);
	if (!whole)
		pair_differ(&run->pair, "members", SPAN_LITERAL("no sum"), (struct span){NULL, 0});
	return true;
}

static bool sum_is(const struct run *run, int64_t wanted)
{
	int64_t sum = 0;
	for (int i = 0; i < run->group_count; i++) {
		if (__builtin_add_overflow(sum, run->group[i].document.total, &sum))
			return false;
	}
	return sum == wanted;
}

/* The documents of the cloud are parts of the legacy one: all of them together are compared. */
static enum err take_split(struct run *run, const struct ledger_document *legacy, struct err_info *info)
{
	struct buf *names = &run->subjects[SIDE_CLOUD];
	struct err_info trouble = {.text = ""};
	buf_clear(names);
	for (int i = 0; i < run->group_count; i++) {
		const struct ledger_document *one = &run->group[i].document;
		buf_printf(names, "%s%.*s\t%.*s", i ? " " : "", (int)one->identity.len, one->identity.data,
		           (int)one->subject.len, one->subject.data);
	}
	struct ledger_item item = {
	    .status = RUN_DIFFERENT,
	    .tier = 2,
	    .legacy = legacy->subject,
	    .cloud = buf_span(names),
	    .named = true,
	    .entity = legacy->entity,
	    .currency = legacy->currency,
	    .party = legacy->party,
	    .type = legacy->type,
	    .period = legacy->period,
	    .posting = legacy->posting,
	    .total = legacy->total,
	    .first_ns = legacy->first_ns,
	};
	int members[SIDE_COUNT];
	if (run_pair_sums(run, item.legacy, item.cloud, members))
		item.status = (int)run_pair_status(run);
	(void)info;
	if (ledger_item_add(run->ledger, &item, &trouble) != ERR_OK)
		run_ledger_failed(run, &trouble);
	return ERR_OK;
}

static enum err take_several(struct run *run, const struct ledger_document *legacy, struct err_info *info)
{
	int best = -1;
	enum err err = ERR_OK;
	for (int i = 0; i < run->group_count && best < 0; i++) {
		if (compare_pair(run, legacy, &run->group[i].document) == RUN_MATCHED)
			best = i;
	}
	if (best < 0 && sum_is(run, legacy->total))
		return take_split(run, legacy, info);
	for (int i = 0; i < run->group_count && best < 0; i++) {
		if (run->group[i].document.total == legacy->total)
			best = i;
	}
	best = best < 0 ? 0 : best;
	err = take_pair(run, legacy, &run->group[best].document, info);
	for (int i = 0; i < run->group_count && err == ERR_OK; i++) {
		if (i != best)
			err = run_keep(run, RUN_DUPLICATE, 1, NULL, &run->group[i].document, info);
	}
	return err;
}

/* ---- what is not among the rows that were chosen ---- */

static bool add_to_group(void *self, const struct ledger_document *document)
{
	struct run *run = self;
	if (run->group_count < RUN_GROUP_MAX)
		run_copy(&run->group[run->group_count++], document);
	else
		run_too_many_of_one(run, document->identity);
	return true;
}

static bool copy_one(void *self, const struct ledger_document *document)
{
	struct run_row *row = self;
	run_copy(row, document);
	return false;
}

/* The counterpart may stand in a cell that was not chosen: another period, outside the scope. */
static struct run_row *look_elsewhere(struct run *run, struct run_row *legacy, bool *duplicates)
{
	struct err_info info;
	enum err err = ERR_OK;
	struct run_row *place = &run->loaded[SIDE_LEGACY];
	*duplicates = false;
	if (legacy && run->group_count == 0)
		err = ledger_with_identity(run->ledger, SIDE_CLOUD, legacy->document.identity,
		                           RUN_GROUP_MAX + 1, add_to_group, run, &info);
	if (!legacy && run->group[0].document.identity.len > 0) {
		place->document.identity = (struct span){NULL, 0};
		err = ledger_with_identity(run->ledger, SIDE_LEGACY, run->group[0].document.identity, 1,
		                           copy_one, place, &info);
		if (err == ERR_OK && place->document.identity.len > 0) {
			const struct run_cell *cell = run_cell_of(run, place->document.cell);
			*duplicates = cell && !run_is_chosen(run, &place->document) &&
			              run_in_scope(run, span_of(cell->entity), cell->type, cell->period) &&
			              !place->document.voided;
			legacy = place;
		}
	}
	if (err != ERR_OK)
		run_ledger_failed(run, &info);
	return legacy;
}

/* Documents of the cloud that were voided count for nothing. */
static enum err drop_voided(struct run *run, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < run->group_count && err == ERR_OK;) {
		if (!run->group[i].document.voided) {
			i++;
			continue;
		}
		err = settle(run, NULL, &run->group[i].document, RUN_MATCHED, info);
		struct run_row voided = run->group[i];
		run->group[i] = run->group[--run->group_count];
		run->group[run->group_count] = voided;
	}
	return err;
}

static enum err take_alone(struct run *run, struct err_info *info)
{
	enum err err = drop_voided(run, info);
	for (int i = 0; i < run->group_count && err == ERR_OK; i++)
		err = run_keep(run, RUN_MISSING_LEGACY, 0, NULL, &run->group[i].document, info);
	return err;
}

enum err run_group(struct run *run, struct run_row *legacy, struct err_info *info)
{
	bool duplicates = false;
	enum err err = ERR_OK;
	run->viewed[SIDE_LEGACY] = run->viewed[SIDE_CLOUD] = NULL;
	for (int i = 0; i < run->group_count && run->full; i++)
		make_again(run, &run->group[i].document);
	if (legacy && run->full)
		make_again(run, &legacy->document);
	if (!legacy || run->group_count == 0)
		legacy = look_elsewhere(run, legacy, &duplicates);
	if (!legacy)
		return take_alone(run, info);
	const struct ledger_document *row = &legacy->document;
	err = drop_voided(run, info);
	if (err != ERR_OK)
		return err;
	if (duplicates) {
		for (int i = 0; i < run->group_count && err == ERR_OK; i++)
			err = run_keep(run, RUN_DUPLICATE, 1, NULL, &run->group[i].document, info);
		return err;
	}
	if (run->group_count == 0)
		return row->voided ? settle(run, row, NULL, RUN_MATCHED, info)
		                   : run_keep(run, RUN_MISSING_CLOUD, 0, row, NULL, info);
	if (run->group_count > 1)
		return take_several(run, row, info);
	return take_pair(run, row, &run->group[0].document, info);
}
