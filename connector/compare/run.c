/*
 * run.c - the course of one comparison: choose what to look at, go through both sides in order, prove, write.
 *
 * Why:   see run.h.
 * Owns:  struct run.
 * Rules: as in run.h.
 * Faults: see run.h.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#include "connector/compare/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/pack.h"

const char *run_status_name(enum run_status status)
{
	static const char *const names[RUN_STATUS_COUNT] = {
#define RUN_STATUS_NAME(identifier, name, open) name,
	    RUN_STATUSES(RUN_STATUS_NAME)
#undef RUN_STATUS_NAME
	};
	CHECK(status < RUN_STATUS_COUNT);
	return names[status];
}

const char *run_verdict_name(enum run_verdict verdict)
{
	static const char *const names[] = {"incomplete", "breaks", "reconciled_with_warnings",
	                                    "reconciled_with_pending", "reconciled"};
	CHECK(verdict <= RUN_RECONCILED);
	return names[verdict];
}

const char *run_file_name(enum run_file file)
{
	static const char *const names[RUN_FILE_COUNT] = {"documents.ndjson", "differences.ndjson",
	                                                  "balances.ndjson",  "tax.ndjson",
	                                                  "usage.ndjson",     "run.json"};
	CHECK(file < RUN_FILE_COUNT);
	return names[file];
}

/* ---- what is missing ---- */

void run_incomplete(struct run *run, const char *reason, const char *format, ...)
{
	va_list args;
	if (run->reason_count == RUN_REASONS_MAX)
		return; /* one is enough for the verdict */
	struct run_reason *place = &run->reasons[run->reason_count++];
	(void)snprintf(place->reason, sizeof place->reason, "%s", reason);
	va_start(args, format);
	(void)vsnprintf(place->text, sizeof place->text, format, args);
	va_end(args);
}

void run_ledger_failed(struct run *run, const struct err_info *info)
{
	run_incomplete(run, "ledger-failed", "%.290s", info->text);
}

void run_too_many_of_one(struct run *run, struct span identity)
{
	run_incomplete(run, "too-many-of-one",
	               "over %d documents of the cloud stand for %.*s; they cannot be told apart",
	               RUN_GROUP_MAX, (int)identity.len, identity.data);
}

bool run_is_canary(struct span entity)
{
	return span_equal(entity, SPAN_LITERAL(RUN_CANARY_ENTITY));
}

bool run_in_scope(const struct run *run, struct span entity, int type, int32_t period)
{
	const struct run_scope *scope = &run->options->scope;
	bool named = scope->entity_count == 0;
	for (int i = 0; i < scope->entity_count && !named; i++)
		named = span_equal(span_of(scope->entities[i]), entity);
	if (run_is_canary(entity))
		return true;
	if (!named || (scope->types != 0 && !(scope->types & (1u << type))))
		return false;
	/* Master data has no period, and belongs to all of them. */
	return period == 0 ||
	       ((scope->from == 0 || period >= scope->from) && (scope->to == 0 || period <= scope->to));
}

enum err run_line(struct run *run, enum run_file file, struct err_info *info)
{
	struct run_written *written = &run->written[file];
	buf_append_char(&run->line, '\n');
	CHECK(buf_ok(&run->line));
	if (written->digest)
		digest_stream_add(written->digest, buf_span(&run->line));
	written->lines++;
	written->bytes += (int64_t)run->line.len;
	return run->sink->line(run->sink->self, file, buf_span(&run->line), info);
}

/* ---- cells ---- */

static bool add_cell(void *self, const struct ledger_cell *cell)
{
	struct run *run = self;
	if (run->cell_count == run->cell_capacity) {
		run->cell_capacity = run->cell_capacity ? 2 * run->cell_capacity : 256;
		run->cells = mem_grow(run->cells, (size_t)run->cell_capacity * sizeof run->cells[0]);
	}
	run->cells[run->cell_count++] = (struct run_cell){
	    .id = cell->id,
	    .entity = mem_copy_text(cell->entity),
	    .currency = mem_copy_text(cell->currency),
	    .type = cell->type,
	    .period = cell->period,
	    .sums = {cell->sums[SIDE_LEGACY], cell->sums[SIDE_CLOUD]},
	};
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct run_cell *one = a;
	const struct run_cell *other = b;
	return one->id < other->id ? -1 : one->id > other->id;
}

struct run_cell *run_cell_of(struct run *run, int64_t id)
{
	const struct run_cell key = {.id = id};
	return run->cell_count > 0
	           ? bsearch(&key, run->cells, (size_t)run->cell_count, sizeof run->cells[0], by_id)
	           : NULL;
}

static bool sums_equal(const struct ledger_sum *a, const struct ledger_sum *b)
{
	return a->documents == b->documents && a->total == b->total &&
	       fingerprint_equal(&a->fingerprint, &b->fingerprint);
}

/* Documents of an equal cell, or an equal day, are matched without being looked at. */
static void count_equal(struct run *run, const struct run_cell *cell,
                        const struct ledger_sum sums[SIDE_COUNT])
{
	char type[4];
	char period[16];
	(void)snprintf(type, sizeof type, "%d", cell->type);
	(void)snprintf(period, sizeof period, "%d", (int)cell->period);
	const struct span key[] = {span_of(cell->entity), span_of(type), span_of(period),
	                           span_of(cell->currency)};
	const struct span entity[] = {span_of(cell->entity)};
	tally_add(run->counts, key, 4, RUN_MATCHED, sums[SIDE_LEGACY].documents);
	tally_add(run->entities, entity, 1, 0, sums[SIDE_LEGACY].documents);
	tally_add(run->water, entity, 1, WATER_BOOKED, sums[SIDE_LEGACY].documents);
	for (int side = 0; side < SIDE_COUNT; side++)
		run_prove_equal(run, (enum ledger_side)side, &sums[side].fingerprint);
	run->outcome->statuses[RUN_MATCHED] += sums[SIDE_LEGACY].documents;
	run->outcome->skipped += sums[SIDE_LEGACY].documents;
}

static void add_total(struct run *run, const struct run_cell *cell)
{
	const struct span currency[] = {span_of(cell->currency)};
	for (int side = 0; side < SIDE_COUNT; side++) {
		run->outcome->documents[side] += cell->sums[side].documents;
		tally_add(run->side_totals, currency, 1, side, cell->sums[side].total);
		run_prove_all(run, (enum ledger_side)side, &cell->sums[side].fingerprint);
	}
}

/* ---- days ---- */

bool run_is_chosen(struct run *run, const struct ledger_document *row)
{
	const struct run_cell *cell = run_cell_of(run, row->cell);
	struct err_info info;
	bool chosen = cell && cell->selected;
	if (!run->full && chosen && ledger_is_chosen(run->ledger, row, &chosen, &info) != ERR_OK)
		run_ledger_failed(run, &info);
	return chosen;
}

static void add_sum(struct run *run, struct ledger_sum *sum, const struct ledger_sum *more)
{
	sum->documents += more->documents;
	if (__builtin_add_overflow(sum->total, more->total, &sum->total))
		run_incomplete(run, "sum-overflow", "a sum of one period is over 64 bits");
	fingerprint_add(&sum->fingerprint, &more->fingerprint);
}

struct descent {
	struct run *run;
	struct run_cell *cell;
	enum err err;
	struct err_info *info;
};

static bool choose_day(void *self, const struct ledger_day *day)
{
	struct descent *descent = self;
	struct run *run = descent->run;
	struct run_cell *cell = descent->cell;
	struct ledger_sum equal[SIDE_COUNT];
	if (sums_equal(&day->sums[SIDE_LEGACY], &day->sums[SIDE_CLOUD])) {
		count_equal(run, cell, day->sums);
		return true;
	}
	memset(equal, 0, sizeof equal);
	descent->err = ledger_choose_day(run->ledger, cell->id, day->posting, equal, descent->info);
	count_equal(run, cell, equal);
	for (int side = 0; side < SIDE_COUNT; side++) {
		add_sum(run, &cell->wanted[side], &day->sums[side]);
		add_sum(run, &cell->seen[side], &equal[side]);
	}
	return descent->err == ERR_OK;
}

/* Of an unequal cell the days that are not equal. */
static bool choose_days(struct run *run, struct run_cell *cell, struct err_info *info)
{
	struct descent descent = {.run = run, .cell = cell, .info = info};
	enum err err = ledger_days(run->ledger, cell->id, choose_day, &descent, info);
	return err == ERR_OK && descent.err == ERR_OK;
}

/* Which cells are looked at: those that are not equal, or all. */
static bool choose_cells(struct run *run, struct err_info *info)
{
	if (ledger_cells(run->ledger, add_cell, run, info) != ERR_OK)
		return false;
	if (run->cell_count > 0)
		qsort(run->cells, (size_t)run->cell_count, sizeof run->cells[0], by_id);
	for (int i = 0; i < run->cell_count; i++) {
		struct run_cell *cell = &run->cells[i];
		if (!run_in_scope(run, span_of(cell->entity), cell->type, cell->period))
			continue;
		run->outcome->cells++;
		add_total(run, cell);
		if (!run->full && run_note_cell(run, cell, info) != ERR_OK)
			return false;
		cell->selected = run->full || !sums_equal(&cell->sums[SIDE_LEGACY], &cell->sums[SIDE_CLOUD]);
		if (!cell->selected) {
			count_equal(run, cell, cell->sums);
			run->outcome->cells_equal++;
		} else if (run->full) {
			memcpy(cell->wanted, cell->sums, sizeof cell->wanted);
		} else if (!choose_days(run, cell, info)) {
			return false;
		}
	}
	return true;
}

/* ---- rows ---- */

void run_copy(struct run_row *to, const struct ledger_document *document)
{
	struct ledger_document *copy = &to->document;
	*copy = *document;
	struct span *const texts[] = {&copy->identity, &copy->subject, &copy->key,   &copy->entity,
	                              &copy->currency, &copy->party,   &copy->packed};
	buf_keep(&to->texts, texts, sizeof texts / sizeof texts[0]);
}

bool run_view(struct run *run, enum ledger_side side, const struct ledger_document *row)
{
	struct err_info info = {.text = ""};
	struct view *view = &run->views[side];
	struct ledger_document whole;
	run->viewed[side] = NULL;
	if (row->packed.len == 0) { /* a light row of a partial run */
		if (!run_load(run, side, row->identity, row->subject, &whole))
			return false;
		row = &whole;
	}
	if (document_unpack(&run->documents[side], row->packed, &info) != ERR_OK ||
	    view_make(view, side, &run->documents[side], run->rules, &info) != ERR_OK) {
		run_incomplete(run, "document-unreadable", "%.*s of the %s side cannot be read: %.150s",
		               (int)row->subject.len, row->subject.data, ledger_side_name(side), info.text);
		return false;
	}
	run->viewed[side] = row->packed.data;
	return true;
}

/* What was looked at is counted against the sums of its cell. */
static void note_seen(struct run *run, const struct ledger_document *row)
{
	run->outcome->looked_at[row->side]++;
	struct run_cell *cell = run_is_canary(row->entity) ? NULL : run_cell_of(run, row->cell);
	if (!cell || row->voided)
		return;
	struct ledger_sum *seen = &cell->seen[row->side];
	seen->documents++;
	if (__builtin_add_overflow(seen->total, row->total, &seen->total))
		run_incomplete(run, "sum-overflow", "a sum of one period is over 64 bits");
	fingerprint_add(&seen->fingerprint, &row->fingerprint);
}

/* The next row of a side into its place: first the ledger's, then the canaries, whose identity is the highest. */
static void advance(struct run *run, enum ledger_side side)
{
	struct run_side *place = &run->sides[side];
	struct ledger_document document;
	struct err_info info;
	enum err err = ERR_OK;
	place->has = false;
	while (place->cursor && ledger_cursor_next(place->cursor, &document, &err, &info)) {
		if (run->full && run->trusted &&
		    !run_in_scope(run, document.entity, document.type, document.period))
			continue;
		run_copy(&place->row, &document);
		place->has = true;
		break;
	}
	if (err != ERR_OK)
		run_ledger_failed(run, &info);
	if (!place->has && place->cursor) {
		ledger_cursor_close(place->cursor);
		place->cursor = NULL;
	}
	if (!place->has && run->canaries && canaries_row(run->canaries, side, place->canary, &document)) {
		run_copy(&place->row, &document);
		place->canary++;
		place->has = true;
	}
	if (place->has)
		note_seen(run, &place->row.document);
}

static bool begin_reading(struct run *run, struct err_info *info)
{
	for (int side = 0; side < SIDE_COUNT; side++) {
		struct run_side *place = &run->sides[side];
		if (ledger_cursor_open(run->ledger, (enum ledger_side)side, run->full, run->full,
		                       &place->cursor, info) != ERR_OK)
			return false;
		advance(run, (enum ledger_side)side);
	}
	return true;
}

/* The cloud's documents of this identity into the group. */
static void gather_group(struct run *run, struct span identity)
{
	struct run_side *cloud = &run->sides[SIDE_CLOUD];
	run->group_count = 0;
	while (cloud->has && span_equal(cloud->row.document.identity, identity)) {
		if (run->group_count == RUN_GROUP_MAX) {
			run_too_many_of_one(run, identity);
			advance(run, SIDE_CLOUD);
			continue;
		}
		run_copy(&run->group[run->group_count++], &cloud->row.document);
		advance(run, SIDE_CLOUD);
	}
}

/* Canaries come last on both sides, whatever a document of the cloud says that it stands for. */
static int row_order(const struct ledger_document *legacy, const struct ledger_document *cloud)
{
	bool canary = run_is_canary(legacy->entity);
	if (canary != run_is_canary(cloud->entity))
		return canary ? 1 : -1;
	return span_compare(legacy->identity, cloud->identity);
}

/* Both sides stand in the order of their identities. */
static enum err merge(struct run *run, struct err_info *info)
{
	struct run_side *legacy = &run->sides[SIDE_LEGACY];
	struct run_side *cloud = &run->sides[SIDE_CLOUD];
	struct run_row *held = mem_alloc(sizeof *held);
	enum err err = ERR_OK;
	buf_init(&held->texts, LEDGER_PACKED_MAX + 4096);
	while (err == ERR_OK && (legacy->has || cloud->has)) {
		int order = !legacy->has  ? 1
		            : !cloud->has ? -1
		                          : row_order(&legacy->row.document, &cloud->row.document);
		bool with_legacy = order <= 0;
		run_copy(held, with_legacy ? &legacy->row.document : &cloud->row.document);
		struct span identity = held->document.identity;
		if (identity.len ==
		    0) { /* documents of the cloud that stand for nothing known: each for itself */
			run_copy(&run->group[0], &cloud->row.document);
			run->group_count = 1;
			advance(run, SIDE_CLOUD);
		} else if (order >= 0) {
			gather_group(run, identity);
		} else {
			run->group_count = 0;
		}
		if (with_legacy)
			advance(run, SIDE_LEGACY);
		err = run_group(run, with_legacy ? held : NULL, info);
	}
	buf_release(&held->texts);
	free(held);
	return err;
}

/* Rule 5: nothing that stands in the sums was passed over. */
static void check_seen(struct run *run)
{
	for (int i = 0; i < run->cell_count && run->trusted; i++) {
		const struct run_cell *cell = &run->cells[i];
		for (int side = 0; side < SIDE_COUNT && cell->selected; side++) {
			if (cell->seen[side].documents == cell->wanted[side].documents &&
			    fingerprint_equal(&cell->seen[side].fingerprint, &cell->wanted[side].fingerprint))
				continue;
			run_incomplete(run, "documents-not-seen",
			               "%s, %s: the %s side should have %lld documents in period %s, and "
			               "%lld were compared; "
			               "run it again with --full",
			               cell->entity, document_spec((enum document_type)cell->type)->name,
			               ledger_side_name((enum ledger_side)side),
			               (long long)cell->wanted[side].documents, run_period(cell->period).text,
			               (long long)cell->seen[side].documents);
			return;
		}
	}
	for (int side = 0;
	     side < SIDE_COUNT && run->full && run->options->scope.entity_count == 0 &&
	     run->options->scope.from == 0 && run->options->scope.to == 0 && run->options->scope.types == 0;
	     side++) {
		int64_t canaries = run->sides[side].canary;
		if (run->outcome->looked_at[side] - canaries !=
		    ledger_count(run->ledger, (enum ledger_side)side))
			run_incomplete(
			    run, "documents-not-seen",
			    "the ledger holds %lld documents of the %s side, and %lld were compared",
			    (long long)ledger_count(run->ledger, (enum ledger_side)side),
			    ledger_side_name((enum ledger_side)side),
			    (long long)(run->outcome->looked_at[side] - canaries));
	}
}

static void check_canaries(struct run *run)
{
	int planted = 0;
	int found = 0;
	if (!run->canaries)
		return;
	canaries_tally(run->canaries, &planted, &found);
	if (planted == 0 || found != planted)
		run_incomplete(
		    run, "canary-lost",
		    "%d known differences were planted and %d were found as what they are: the comparison "
		    "itself is wrong; do not rely on it",
		    planted, found);
}

static void check_sides(struct run *run)
{
	const struct run_outcome *outcome = run->outcome;
	for (int side = 0; side < SIDE_COUNT; side++) {
		if (ledger_count(run->ledger, (enum ledger_side)side) == 0)
			run_incomplete(
			    run, side == SIDE_LEGACY ? "legacy-empty" : "cloud-empty",
			    "the ledger holds nothing of the %s side: there is nothing to compare with",
			    ledger_side_name((enum ledger_side)side));
	}
	if (outcome->cells == 0 && outcome->looked_at[SIDE_LEGACY] == run->sides[SIDE_LEGACY].canary &&
	    outcome->looked_at[SIDE_CLOUD] == run->sides[SIDE_CLOUD].canary)
		run_incomplete(run, "scope-empty", "no document of either side is in the scope");
}

/* ---- the whole ---- */

static struct run *run_new(struct ledger *ledger, const struct rules *rules,
                           const struct run_options *options, const struct run_sink *sink,
                           struct run_outcome *outcome)
{
	struct run *run = mem_alloc(sizeof *run);
	run->ledger = ledger;
	run->rules = rules;
	run->options = options;
	run->sink = sink;
	run->outcome = outcome;
	run->trusted = project_is_of(ledger, rules);
	run->full = options->full || !run->trusted;
	for (int side = 0; side < SIDE_COUNT; side++) {
		buf_init(&run->sides[side].row.texts, LEDGER_PACKED_MAX + 4096);
		buf_init(&run->loaded[side].texts, LEDGER_PACKED_MAX + 4096);
		buf_init(&run->subjects[side], 1u << 20);
		document_init(&run->documents[side]);
		view_init(&run->views[side]);
		rounding_sheet_init(&run->sheets[side]);
	}
	document_init(&run->part);
	for (int i = 0; i < RUN_GROUP_MAX; i++)
		buf_init(&run->group[i].texts, LEDGER_PACKED_MAX + 4096);
	buf_init(&run->line, RUN_LINE_MAX);
	buf_init(&run->accounts, RUN_LINE_MAX);
	run->reverse = rules_reverse_new(rules, MAPPING_ACCOUNT);
	projector_init(&run->projector, ledger, rules);
	run->canaries = options->canaries ? canaries_new(rules) : NULL;
	for (int file = 0; file < RUN_FILE_RUN; file++)
		run->written[file].digest = digest_stream_new();
	run->fits = rounding_fits_new();
	run->tax_entities = tally_new(1);
	const struct cause_options causes = {
	    .fits = run->fits, .allowance_ppm = CAUSE_ALLOWANCE_PPM, .near_cut_days = CAUSE_NEAR_CUT_DAYS};
	run->causes = cause_book_new(&causes);
	run->counts = tally_new(RUN_STATUS_COUNT);
	run->balances = tally_new(BALANCE_VALUES);
	run->posted = tally_new(POSTED_VALUES);
	run->bridge = tally_new(3);
	run->side_totals = tally_new(SIDE_COUNT);
	run->open_money = tally_new(2);
	run->histogram = tally_new(1);
	run->days = tally_new(RUN_STATUS_COUNT);
	run->open_days = tally_new(1);
	run->day_values = tally_new(1);
	run->entities = tally_new(3);
	run->unexplained = tally_new(1);
	run->ages = tally_new(1);
	run->water = tally_new(WATER_VALUES);
	run->usage_open = tally_new(1);
	run->usage_days = tally_new(1);
	return run;
}

static void run_free(struct run *run)
{
	struct tally *const tallies[] = {run->counts,     run->balances,   run->bridge,      run->side_totals,
	                                 run->histogram,  run->days,       run->open_days,   run->day_values,
	                                 run->entities,   run->ages,       run->unexplained, run->water,
	                                 run->open_money, run->usage_open, run->usage_days};
	for (size_t i = 0; i < sizeof tallies / sizeof tallies[0]; i++)
		tally_free(tallies[i]);
	for (int side = 0; side < SIDE_COUNT; side++) {
		ledger_cursor_close(run->sides[side].cursor);
		buf_release(&run->sides[side].row.texts);
		buf_release(&run->loaded[side].texts);
		buf_release(&run->subjects[side]);
		document_release(&run->documents[side]);
		view_release(&run->views[side]);
		rounding_sheet_release(&run->sheets[side]);
	}
	for (int file = 0; file < RUN_FILE_RUN; file++) {
		if (run->written[file].digest)
			(void)digest_stream_finish(run->written[file].digest);
	}
	cause_book_free(run->causes);
	rounding_fits_free(run->fits);
	tally_free(run->tax_entities);
	tally_free(run->posted);
	document_release(&run->part);
	for (int i = 0; i < RUN_GROUP_MAX; i++)
		buf_release(&run->group[i].texts);
	for (int i = 0; i < run->cell_count; i++) {
		free(run->cells[i].entity);
		free(run->cells[i].currency);
	}
	free(run->cells);
	buf_release(&run->line);
	buf_release(&run->accounts);
	rules_reverse_free(run->reverse);
	projector_release(&run->projector);
	canaries_free(run->canaries);
	free(run);
}

static enum err go_through(struct run *run, struct err_info *info)
{
	struct err_info trouble = {.text = ""};
	for (int i = 0; i < run->options->incomplete_count; i++)
		run_incomplete(run, run->options->incomplete[i].reason, "%s",
		               run->options->incomplete[i].text);
	if (ledger_work_begin(run->ledger, &trouble) != ERR_OK ||
	    (run->trusted && !choose_cells(run, &trouble)) || !begin_reading(run, &trouble)) {
		run_ledger_failed(run, &trouble);
		return run_write(run, info);
	}
	enum err err = merge(run, info);
	if (err == ERR_OK)
		err = run_leftovers(run, info);
	check_seen(run);
	check_sides(run);
	run_load_balances(run);
	if (err == ERR_OK)
		err = run_items(run, info);
	check_canaries(run);
	run_check_proof(run);
	run_check_sums(run);
	if (err == ERR_OK)
		err = run_write_balances(run, info);
	if (err == ERR_OK)
		err = run_write_tax(run, info);
	if (err == ERR_OK)
		err = run_usage(run, info);
	return err == ERR_OK ? run_write(run, info) : err;
}

enum err run_compare(struct ledger *ledger, const struct rules *rules, const struct run_options *options,
                     const struct run_sink *sink, struct run_outcome *outcome, struct err_info *info)
{
	*outcome = (struct run_outcome){.verdict = RUN_INCOMPLETE};
	struct run *run = run_new(ledger, rules, options, sink, outcome);
	enum err err = go_through(run, info);
	if (err != ERR_OK)
		outcome->verdict = RUN_INCOMPLETE;
	run_free(run);
	return err;
}
