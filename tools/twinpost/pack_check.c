/*
 * pack_check.c - the figures of run.json and of the balances against the rows, and the verdict against all of them.
 *
 * Why:   see pack_check.h.
 * Owns:  nothing.
 * Rules: as in pack_check.h.
 * Faults: as in pack_check.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/rules.h"
#include "store_forward/digest.h"
#include "tools/twinpost/pack_tree.h"

#define RULES_FOLDER "rules/"
#define NO_RULES     "0000000000000000"

struct check {
	const struct pack_files *files;
	const struct json_value *run;
	struct pack_findings *findings;
	struct pack_rows rows;
	enum pack_verdict verdict;
};

static const struct decimal zero = {0, 0};

/* ---- reading, of anything ---- */

static struct json_value member_of(const struct json_value *object, const char *name)
{
	if (object->kind != JSON_OBJECT)
		return (struct json_value){.kind = JSON_NONE};
	return json_member(object, name);
}

static int64_t count_in(const struct json_value *object, const char *name)
{
	int64_t number = 0;
	struct json_value value = member_of(object, name);
	return value.kind == JSON_NUMBER && json_read_integer(&value, &number) ? number : -1;
}

static bool amount_in(const struct json_value *object, const char *name, struct decimal *amount)
{
	struct json_value value = member_of(object, name);
	return pack_amount(&value, amount);
}

static bool is_zero(struct decimal value)
{
	return decimal_sign(value) == 0;
}

static struct decimal magnitude(struct decimal value)
{
	struct decimal other = value;
	return decimal_sign(value) < 0 && decimal_negate(&other, value) == ERR_OK ? other : value;
}

static bool is_sum(struct decimal whole, struct decimal a, struct decimal b)
{
	struct decimal sum;
	return decimal_add(&sum, a, b) == ERR_OK && decimal_compare(sum, whole) == 0;
}

/* Goes over a list; nothing where it is none. */
static bool next_of(struct json_walk *walk, bool *begun, const struct json_value *list,
                    struct json_value *entry)
{
	if (list->kind != JSON_LIST)
		return false;
	if (!*begun)
		json_walk_init(walk, list);
	*begun = true;
	return json_walk_next(walk, NULL, entry);
}

/* A verdict that is better than the worst that is allowed is refused. */
static void refuse_above(struct check *check, enum pack_verdict worst, const char *because)
{
	if (check->verdict > worst) {
		pack_found(check->findings, "verdict %s is REFUSED: %s; it can be no better than %s",
		           pack_verdict_name(check->verdict), because, pack_verdict_name(worst));
	}
}

/* ---- totals and counts ---- */

static int64_t sum_side(const struct check *check, enum pack_side side)
{
	int64_t sum = 0;
	for (int i = 0; i < PACK_STATUS_COUNT; i++)
		sum += check->rows.documents[side][i];
	return sum;
}

static void check_total(struct check *check, const struct json_value *totals, const char *name, int64_t own,
                        const char *of)
{
	int64_t told = count_in(totals, name);
	if (told != own) {
		pack_found(check->findings, "run.json: totals.%s is %" PRId64 ", %s has %" PRId64, name, told,
		           of, own);
	}
}

/* A pair counts once, a document alone once: so at least those that stand alone and one for each pair. Of several
 * against one it is one at least, and never more than there are documents. */
static void check_status(struct check *check, enum pack_status status, int64_t told)
{
	const struct pack_rows *rows = &check->rows;
	int64_t legacy = rows->documents[PACK_LEGACY][status];
	int64_t cloud = rows->documents[PACK_CLOUD][status];
	int64_t legacy_paired = rows->paired[PACK_LEGACY][status];
	int64_t cloud_paired = rows->paired[PACK_CLOUD][status];
	int64_t pairs = legacy_paired < cloud_paired ? legacy_paired : cloud_paired;
	int64_t least = legacy + cloud - legacy_paired - cloud_paired + pairs;
	bool settled = status == PACK_STATUS_MATCHED || status == PACK_STATUS_WITHIN;
	if (told < least || told > legacy + cloud) {
		pack_found(check->findings,
		           "run.json: counts say %" PRId64 " %s, documents.ndjson has %" PRId64 " legacy and "
		           "%" PRId64 " cloud documents of it",
		           told, pack_status_name(status), legacy, cloud);
	} else if (!settled && told != rows->differences[status]) {
		pack_found(check->findings,
		           "run.json: counts say %" PRId64 " %s, differences.ndjson has %" PRId64, told,
		           pack_status_name(status), rows->differences[status]);
	}
}

static void add_statuses(struct check *check, const struct json_value *statuses,
                         int64_t told[PACK_STATUS_COUNT])
{
	struct json_walk walk;
	struct json_value key, value;
	enum pack_status status;
	int64_t number;
	if (statuses->kind != JSON_OBJECT)
		return;
	json_walk_init(&walk, statuses);
	while (json_walk_next(&walk, &key, &value)) {
		if (!pack_status_find(&key, &status) || value.kind != JSON_NUMBER ||
		    !json_read_integer(&value, &number) || number < 0)
			pack_found(check->findings,
			           "run.json: counts have %.*s, which is no count of a status",
			           key.raw.len < 60 ? (int)key.raw.len : 60, key.raw.data);
		else
			told[status] += number;
	}
}

/* The sums by currency that totals name, and no currency left out. */
static void check_money(struct check *check, const struct json_value *totals, const char *name,
                        const struct pack_money *own)
{
	struct json_value list = member_of(totals, name);
	struct json_value entry;
	struct json_walk walk;
	bool begun = false;
	int64_t named = 0, used = 0;
	for (int i = 0; i < own->count; i++)
		used += decimal_sign(own->list[i].sum) != 0;
	while (next_of(&walk, &begun, &list, &entry)) {
		char currency[8];
		struct decimal told;
		struct json_value text = member_of(&entry, "currency");
		if (text.kind != JSON_TEXT || !json_read_text(&text, currency, sizeof currency) ||
		    !amount_in(&entry, "difference", &told) ||
		    decimal_compare(told, pack_money_of(own, currency)) != 0) {
			pack_found(check->findings,
			           "run.json: totals.%s of %.*s is not the sum of the open differences", name,
			           text.raw.len < 20 ? (int)text.raw.len : 20, text.raw.data);
			return;
		}
		named += !is_zero(told);
	}
	if (named != used)
		pack_found(check->findings, "run.json: totals.%s leaves out a currency", name);
}

static void check_counts(struct check *check)
{
	int64_t told[PACK_STATUS_COUNT] = {0};
	struct json_value totals = member_of(check->run, "totals");
	struct json_value counts = member_of(check->run, "counts");
	struct json_value accepted = member_of(check->run, "accepted");
	struct json_value cell;
	struct json_walk walk;
	bool begun = false;
	struct json_value fingerprints = member_of(check->run, "fingerprints");
	int64_t skipped = count_in(&fingerprints, "documents_skipped");
	if (skipped > 0) {
		pack_found(
		    check->findings,
		    "%" PRId64
		    " documents were proven equal by fingerprints and are not listed; evidence lists every "
		    "document: make the comparison again with --full",
		    skipped);
		return;
	}
	check_total(check, &totals, "legacy", sum_side(check, PACK_LEGACY), "documents.ndjson");
	check_total(check, &totals, "cloud", sum_side(check, PACK_CLOUD), "documents.ndjson");
	while (next_of(&walk, &begun, &counts, &cell)) {
		struct json_value statuses = member_of(&cell, "statuses");
		add_statuses(check, &statuses, told);
	}
	for (int i = 0; i < PACK_STATUS_COUNT; i++)
		check_status(check, (enum pack_status)i, told[i]);
	if (count_in(&accepted, "count") != check->rows.differences[PACK_STATUS_ACCEPTED]) {
		pack_found(check->findings,
		           "run.json: accepted.count is %" PRId64 ", differences.ndjson has %" PRId64,
		           count_in(&accepted, "count"), check->rows.differences[PACK_STATUS_ACCEPTED]);
	}
	check_total(check, &totals, "open", check->rows.work, "differences.ndjson");
	check_money(check, &totals, "gross", &check->rows.work_gross);
	check_money(check, &totals, "net", &check->rows.work_net);
}

/* The files that run.json names are the files that are here. */
static void check_named_files(struct check *check)
{
	struct json_value files = member_of(check->run, "files");
	struct json_value entry;
	struct json_walk walk;
	bool begun = false;
	while (next_of(&walk, &begun, &files, &entry)) {
		char name[PACK_PATH_MAX + 1];
		char hex[DIGEST_HEX_SIZE];
		struct json_value value = member_of(&entry, "name");
		struct json_value sha256 = member_of(&entry, "sha256");
		if (value.kind != JSON_TEXT || !json_read_text(&value, name, sizeof name))
			continue;
		const struct pack_file *file = pack_files_find(check->files, name);
		struct digest digest = {{0}};
		if (file)
			digest = digest_of(&file->bytes, 1);
		digest_hex(&digest, hex);
		if (!file)
			pack_found(check->findings, "missing file: run.json names %s", name);
		else if (!json_text_is(&sha256, hex))
			pack_found(check->findings, "changed file: %s is not the one that run.json names",
			           name);
	}
}

/* The rules that are here make the version that run.json says. */
static void check_rules(struct check *check)
{
	struct rules *rules = rules_new();
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	struct json_value told = member_of(check->run, "rules");
	struct json_value version = member_of(&told, "version");
	int count = 0;
	for (int i = 0; i < check->files->count; i++) {
		const struct pack_file *file = &check->files->list[i];
		char name[PACK_PATH_MAX + 1];
		size_t len = strlen(file->path);
		if (strncmp(file->path, RULES_FOLDER, strlen(RULES_FOLDER)) != 0 ||
		    len < sizeof RULES_FOLDER + 4 || strcmp(file->path + len - 4, ".csv") != 0)
			continue;
		count++;
		const size_t begin = strlen(RULES_FOLDER);
		CHECK(text_copy(name, sizeof name, (struct span){file->path + begin, len - begin - 4}));
		if (!rules_add(rules, name, file->bytes, problems))
			pack_found(check->findings, "%s is no file of rules", file->path);
	}
	/* A run without rules has a version of its own. */
	bool none = count == 0 && json_text_is(&version, NO_RULES);
	bool good = rules_finish(rules, problems);
	if (good && !none && !json_text_is(&version, rules_version(rules))) {
		pack_found(check->findings,
		           "rules: the files in rules/ are version %s, run.json was made by version %.*s",
		           rules_version(rules), version.raw.len < 40 ? (int)version.raw.len : 40,
		           version.raw.data);
	}
	free(problems);
	rules_free(rules);
}

/* ---- sums ---- */

#define WATERFALL_PARTS 7
static const char *const waterfall_parts[WATERFALL_PARTS] = {
    "extracted", "accepted_not_booked", "booked", "excluded", "held", "in_transit", "rejected"};

/* The first part is the sum of the others. */
static bool waterfall_row(const struct json_value *row, int64_t parts[WATERFALL_PARTS])
{
	int64_t sum = 0;
	for (int i = 0; i < WATERFALL_PARTS; i++) {
		parts[i] = count_in(row, waterfall_parts[i]);
		if (parts[i] < 0)
			return false;
		sum += i > 0 ? parts[i] : 0;
	}
	return sum == parts[0];
}

/* Every row adds up, and the row of entity "" is the sum of the others. */
static void check_waterfall(struct check *check)
{
	struct json_value rows = member_of(check->run, "waterfall");
	struct json_value row;
	struct json_walk walk;
	int64_t all[WATERFALL_PARTS] = {0}, sums[WATERFALL_PARTS] = {0}, parts[WATERFALL_PARTS];
	bool begun = false, good = true;
	int entities = 0, totals = 0;
	while (next_of(&walk, &begun, &rows, &row)) {
		struct json_value name = member_of(&row, "entity");
		bool is_total = json_text_is(&name, "");
		good = waterfall_row(&row, parts) && good;
		for (int i = 0; i < WATERFALL_PARTS; i++)
			*(is_total ? &all[i] : &sums[i]) += parts[i];
		entities += !is_total;
		totals += is_total;
	}
	if (totals != 1 || (entities > 0 && memcmp(all, sums, sizeof all) != 0))
		good = false;
	if (!good)
		refuse_above(check, PACK_INCOMPLETE, "the waterfall does not add up");
}

static void check_bridge(struct check *check)
{
	struct json_value bridges = member_of(check->run, "bridge");
	struct json_value bridge;
	struct json_walk walk;
	bool begun = false;
	while (next_of(&walk, &begun, &bridges, &bridge)) {
		struct json_value steps = member_of(&bridge, "steps");
		struct json_value currency = member_of(&bridge, "currency");
		struct json_value step;
		struct json_walk inner;
		bool inner_begun = false;
		bool good = true;
		struct decimal sum = zero, last = zero, residual, value;
		/* The last step is where the sum of those before it must arrive. */
		while (good && next_of(&inner, &inner_begun, &steps, &step)) {
			good = amount_in(&step, "value", &value) && decimal_add(&sum, sum, last) == ERR_OK;
			last = good ? value : last;
		}
		good = good && inner_begun && amount_in(&bridge, "residual", &residual);
		if (!good || !is_sum(last, sum, residual))
			pack_found(check->findings, "run.json: the bridge of %.*s does not add up",
			           currency.raw.len < 20 ? (int)currency.raw.len : 20, currency.raw.data);
		else if (!is_zero(residual))
			refuse_above(check, PACK_BREAKS, "a bridge from legacy to cloud leaves a residual");
	}
}

static bool side_adds_up(const struct json_value *row, const char *side, struct decimal *balance)
{
	struct decimal debit, credit;
	struct json_value value = member_of(row, side);
	*balance = zero;
	if (value.kind == JSON_NULL)
		return true;
	return amount_in(&value, "debit", &debit) && amount_in(&value, "credit", &credit) &&
	       amount_in(&value, "balance", balance) && is_sum(*balance, debit, credit);
}

/* The limit of value that run.json names; zero where it names none. */
static struct decimal value_limit(const struct check *check)
{
	struct decimal limit;
	struct json_value thresholds = member_of(check->run, "thresholds");
	return amount_in(&thresholds, "value", &limit) ? limit : zero;
}

static void check_balance(struct check *check, struct span line, int64_t number, bool *open)
{
	struct json_value row;
	struct decimal legacy, cloud, difference, explained, unexplained;
	bool good = json_open(&row, line, NULL) == ERR_OK && row.kind == JSON_OBJECT &&
	            side_adds_up(&row, "legacy", &legacy) && side_adds_up(&row, "cloud", &cloud) &&
	            amount_in(&row, "difference", &difference) && amount_in(&row, "explained", &explained) &&
	            amount_in(&row, "unexplained", &unexplained);
	if (!good || !is_sum(cloud, legacy, difference) || !is_sum(difference, explained, unexplained)) {
		pack_found(check->findings, "balances.ndjson: line %" PRId64 " does not add up", number);
		return;
	}
	if (decimal_compare(magnitude(unexplained), value_limit(check)) > 0)
		*open = true;
}

static void check_balances(struct check *check)
{
	const struct pack_file *file = pack_files_find(check->files, "balances.ndjson");
	struct span text = file ? file->bytes : (struct span){NULL, 0};
	struct span line;
	bool cut, open = false;
	int64_t number = 0;
	while (pack_take_line(&text, &line, &cut))
		check_balance(check, line, ++number, &open);
	if (cut)
		pack_found(check->findings, "balances.ndjson is cut: its last line has no end");
	if (open)
		refuse_above(check, PACK_BREAKS, "a balance has an unexplained difference");
}

/* ---- usage ---- */

struct usage_counts {
	int64_t rows, broken, waiting, accepted;
};

static bool has_text(const struct json_value *object, const char *name)
{
	struct json_value value = member_of(object, name);
	return value.kind == JSON_TEXT && value.raw.len > 2;
}

/* A row that does not agree is a break, waits, or was accepted by somebody who says why. */
static void count_usage(struct check *check, struct span line, struct usage_counts *counts)
{
	struct json_value row;
	counts->rows++;
	if (json_open(&row, line, NULL) != ERR_OK || row.kind != JSON_OBJECT) {
		pack_found(check->findings, "usage.ndjson: line %" PRId64 " is no row of usage",
		           counts->rows);
		return;
	}
	struct json_value class_ = member_of(&row, "class");
	struct json_value wait = member_of(&row, "waiting");
	struct json_value state = member_of(&row, "state");
	struct json_value accepted = member_of(&row, "accepted");
	bool agrees = json_text_is(&class_, "agree");
	bool waits = wait.kind == JSON_TRUE;
	bool said = has_text(&accepted, "by") && has_text(&accepted, "at") && has_text(&accepted, "reason");
	bool taken = json_text_is(&state, "accepted");
	if ((agrees || waits) && state.kind != JSON_NONE)
		pack_found(check->findings,
		           "usage.ndjson: line %" PRId64 " agrees, or is not yet due, and has a state",
		           counts->rows);
	if (taken != said)
		pack_found(check->findings,
		           "usage.ndjson: line %" PRId64
		           " is accepted and does not say by whom, when and why, or says it and is not",
		           counts->rows);
	counts->waiting += !agrees && waits;
	counts->accepted += !agrees && !waits && taken && said;
	counts->broken += !agrees && !waits && !(taken && said);
}

/* Comparisons of before told neither what is open nor what was accepted. */
static void check_usage_told(struct check *check, const struct usage_counts *counts)
{
	struct json_value usage = member_of(check->run, "usage");
	const struct {
		const char *name;
		int64_t own;
	} told[] = {{"rows", counts->rows},
	            {"open", counts->broken},
	            {"accepted", counts->accepted},
	            {"waiting", counts->waiting}};
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct json_value value = member_of(&usage, told[i].name);
		int64_t count = value.kind == JSON_NONE ? 0 : count_in(&usage, told[i].name);
		bool lacks = value.kind == JSON_NONE && (usage.kind == JSON_NONE ? told[i].own > 0 : i == 0);
		if (lacks || (value.kind != JSON_NONE && count != told[i].own))
			pack_found(check->findings,
			           "run.json: usage.%s is %" PRId64 ", usage.ndjson has %" PRId64,
			           told[i].name, count, told[i].own);
	}
}

/* Comparisons of before did not write it. */
static void check_usage(struct check *check)
{
	const struct pack_file *file = pack_files_find(check->files, "usage.ndjson");
	struct span text = file ? file->bytes : (struct span){NULL, 0};
	struct span line;
	bool cut = false;
	struct usage_counts counts = {.rows = 0};
	char because[120];
	while (file && pack_take_line(&text, &line, &cut))
		count_usage(check, line, &counts);
	if (cut)
		pack_found(check->findings, "usage.ndjson is cut: its last line has no end");
	(void)snprintf(because, sizeof because, "%" PRId64 " windows of usage do not agree", counts.broken);
	if (counts.broken > 0)
		refuse_above(check, PACK_BREAKS, because);
	(void)snprintf(because, sizeof because, "%" PRId64 " windows of usage are not yet due",
	               counts.waiting);
	if (counts.waiting > 0)
		refuse_above(check, PACK_PENDING, because);
	(void)snprintf(because, sizeof because, "%" PRId64 " windows of usage do not agree and were accepted",
	               counts.accepted);
	if (counts.accepted > 0)
		refuse_above(check, PACK_WARNINGS, because);
	check_usage_told(check, &counts);
}

/* ---- the verdict ---- */

/* Are the open differences within the thresholds that run.json names? share * documents >= open, in whole numbers. */
static bool within_thresholds(const struct check *check)
{
	struct decimal share, allowed;
	const struct decimal open = {check->rows.open, 0};
	int64_t legacy = sum_side(check, PACK_LEGACY);
	int64_t cloud = sum_side(check, PACK_CLOUD);
	const struct decimal documents = {legacy > cloud ? legacy : cloud, 0};
	struct json_value thresholds = member_of(check->run, "thresholds");
	if (!amount_in(&thresholds, "documents_share", &share) ||
	    decimal_multiply(&allowed, share, documents) != ERR_OK || decimal_compare(open, allowed) > 0)
		return false;
	struct decimal limit = value_limit(check);
	for (int i = 0; i < check->rows.gross.count; i++) {
		if (decimal_compare(check->rows.gross.list[i].sum, limit) > 0)
			return false;
	}
	return true;
}

static void check_verdict(struct check *check)
{
	const struct pack_rows *rows = &check->rows;
	struct json_value canaries = member_of(check->run, "canaries");
	struct json_value incomplete = member_of(check->run, "incomplete");
	struct json_value reason;
	struct json_walk walk;
	bool begun = false;
	char because[120];
	if (next_of(&walk, &begun, &incomplete, &reason))
		refuse_above(check, PACK_INCOMPLETE, "run.json says that the comparison is incomplete");
	if (count_in(&canaries, "planted") < 1 ||
	    count_in(&canaries, "found") != count_in(&canaries, "planted"))
		refuse_above(check, PACK_INCOMPLETE, "not every planted difference (canary) was found");
	if (rows->open > 0) {
		(void)snprintf(because, sizeof because, "%" PRId64 " differences are open", rows->open);
		refuse_above(check, within_thresholds(check) ? PACK_WARNINGS : PACK_BREAKS, because);
	}
	int64_t eased = 0;
	for (int side = 0; side < PACK_SIDES; side++)
		eased +=
		    rows->documents[side][PACK_STATUS_ACCEPTED] + rows->documents[side][PACK_STATUS_WITHIN];
	if (eased > 0) {
		(void)snprintf(because, sizeof because,
		               "%" PRId64 " documents are accepted or within tolerance", eased);
		refuse_above(check, PACK_WARNINGS, because);
	}
	int64_t waiting = rows->documents[PACK_LEGACY][PACK_STATUS_WAITING_CLOUD] +
	                  rows->documents[PACK_CLOUD][PACK_STATUS_WAITING_LEGACY];
	if (waiting > 0) {
		(void)snprintf(because, sizeof because, "%" PRId64 " documents wait for the other side",
		               waiting);
		refuse_above(check, PACK_PENDING, because);
	}
}

void pack_check(const struct pack_files *files, const struct json_value *run, enum pack_verdict verdict,
                struct pack_findings *findings)
{
	static const char *const needed[] = {"balances.ndjson", "differences.ndjson", "documents.ndjson",
	                                     "tax.ndjson"};
	struct check *check = mem_alloc(sizeof *check);
	*check = (struct check){.files = files, .run = run, .findings = findings, .verdict = verdict};
	bool all = true;
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		if (!pack_files_find(files, needed[i])) {
			pack_found(findings, "missing file: there is no %s", needed[i]);
			all = false;
		}
	}
	if (all) {
		pack_rows_read(&check->rows, pack_files_find(files, "documents.ndjson")->bytes,
		               pack_files_find(files, "differences.ndjson")->bytes, findings);
		check_counts(check);
		check_named_files(check);
		check_rules(check);
		check_waterfall(check);
		check_bridge(check);
		check_balances(check);
		check_usage(check);
		check_verdict(check);
	}
	free(check);
}
