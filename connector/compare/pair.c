/*
 * pair.c - compares two views: amounts, line keys, attributes; then what the tolerance covers.
 *
 * Why:   see pair.h.
 * Owns:  nothing.
 * Rules: 1. Differences are gathered first, each marked as within the tolerance of its account or not; only when all
 *           are known is it decided whether the document's tolerance covers them: their order does not matter.
 *        2. What is compared here is what view_form.c writes, no more and no less. If the forms differ and nothing was
 *           found, that is a bug of this file: it is told as a difference ("form"), for green would be worse.
 *        3. Sums of differences are unsigned and stop at their end.
 * Faults: none; a pair has no errors, only differences.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pair_test.c, pair_random_test.c, tests/fuzz/pair_fuzz.c
 */
#include "connector/compare/pair.h"

#include <string.h>

/* Differences that tell of the same money, added up apart. */
enum purse_kind { PURSE_OWN, PURSE_LOCAL, PURSE_BASE, PURSE_COUNT };

struct purse {
	uint64_t header[VIEW_AMOUNT_COUNT];
	uint64_t lines;
};

struct comparison {
	struct pair *pair;
	const struct view *legacy, *cloud;
	const struct rules *rules;
	bool compare_local;
	int attribute_count; /* differences of the attributes' lane */
	int intolerable;     /* differences of amounts over the tolerance of their account */
	int tolerable[PURSE_COUNT];
	struct purse within[PURSE_COUNT], over[PURSE_COUNT];
	/* Of each kept difference: its purse where it is within its account's tolerance, else PURSE_COUNT. */
	uint8_t purses[PAIR_DIFFERENCES_MAX];
};

/* Two amounts to be compared. */
struct amounts {
	const char *field;
	const struct view_line *key; /* NULL: header */
	int header;                  /* enum view_amount where key is NULL */
	enum purse_kind purse;
	bool local;
	int64_t legacy, cloud;
	bool legacy_has, cloud_has;
	bool absent; /* one side has it and the other has not, and that is no zero */
};

static uint64_t distance(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static uint64_t sum_of(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t greater_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int64_t clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static uint64_t purse_value(const struct purse *purse)
{
	uint64_t parts = sum_of(purse->header[VIEW_NET], purse->header[VIEW_TAX]);
	return greater_of(greater_of(parts, purse->header[VIEW_GROSS]), purse->lines);
}

/* NULL where the list is full. */
static struct pair_difference *add_difference(struct pair *pair, enum pair_lane lane, const char *field)
{
	pair->count++;
	if (pair->kept == PAIR_DIFFERENCES_MAX)
		return NULL;
	struct pair_difference *difference = &pair->differences[pair->kept++];
	*difference = (struct pair_difference){.lane = lane, .field = field};
	return difference;
}

static bool is_within(const struct comparison *comparison, uint64_t units, bool local, struct span account)
{
	/* Entity, type and currency are those of both. The local currency may be that of one side. */
	const struct view *view = comparison->legacy->has_local ? comparison->legacy : comparison->cloud;
	if (!comparison->rules || units > INT64_MAX)
		return false;
	struct decimal tolerance =
	    rules_tolerance(comparison->rules, view->entity, local ? view->local_currency : view->currency,
	                    view->type, account);
	struct decimal value = {(int64_t)units, (uint8_t)(local ? view->local_digits : view->digits)};
	return decimal_compare(value, tolerance) <= 0;
}

static void compare_amounts(struct comparison *comparison, const struct amounts *amounts)
{
	if (amounts->legacy == amounts->cloud && !amounts->absent)
		return;
	struct span account = amounts->key ? amounts->key->account : (struct span){NULL, 0};
	uint64_t units = distance(amounts->legacy, amounts->cloud);
	bool within = !amounts->absent && is_within(comparison, units, amounts->local, account);
	struct purse *purse =
	    within ? &comparison->within[amounts->purse] : &comparison->over[amounts->purse];
	uint64_t *sum = amounts->key ? &purse->lines : &purse->header[amounts->header];
	*sum = sum_of(*sum, units);
	if (within)
		comparison->tolerable[amounts->purse]++;
	else
		comparison->intolerable++;
	struct pair_difference *difference = add_difference(comparison->pair, LANE_AMOUNT, amounts->field);
	if (!difference)
		return;
	comparison->purses[comparison->pair->kept - 1] = (uint8_t)(within ? amounts->purse : PURSE_COUNT);
	if (amounts->key) {
		difference->account = amounts->key->account;
		difference->cost_centre = amounts->key->cost_centre;
		difference->tax_code = amounts->key->tax_code;
		difference->entity = amounts->key->entity;
	}
	difference->local = amounts->local;
	difference->legacy_amount = amounts->legacy;
	difference->cloud_amount = amounts->cloud;
	difference->legacy_has = amounts->legacy_has;
	difference->cloud_has = amounts->cloud_has;
}

static void compare_header(struct comparison *comparison)
{
	static const char *const names[] = {"net", "tax", "gross"};
	static const char *const local_names[] = {"net_local", "tax_local", "gross_local"};
	const struct view *legacy = comparison->legacy;
	const struct view *cloud = comparison->cloud;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		struct amounts own = {.field = names[i],
		                      .header = i,
		                      .purse = PURSE_OWN,
		                      .legacy = legacy->amounts[i],
		                      .cloud = cloud->amounts[i],
		                      .legacy_has = legacy->has_amount[i],
		                      .cloud_has = cloud->has_amount[i],
		                      .absent = legacy->has_amount[i] != cloud->has_amount[i]};
		compare_amounts(comparison, &own);
		struct amounts local = {.field = local_names[i],
		                        .header = i,
		                        .purse = PURSE_LOCAL,
		                        .local = true,
		                        .legacy = legacy->local_amounts[i],
		                        .cloud = cloud->local_amounts[i],
		                        .legacy_has = legacy->has_local_amount[i],
		                        .cloud_has = cloud->has_local_amount[i],
		                        .absent = legacy->has_local_amount[i] != cloud->has_local_amount[i]};
		if (comparison->compare_local)
			compare_amounts(comparison, &local);
	}
}

static void compare_local(struct comparison *comparison, const struct view_line *legacy,
                          const struct view_line *cloud, struct amounts amounts)
{
	amounts.field = "local";
	amounts.purse = PURSE_LOCAL;
	amounts.local = true;
	/* Only where both have the key is a missing local amount missing, and not that of a missing line. */
	if (amounts.legacy_has && amounts.cloud_has &&
	    (legacy->has_local != cloud->has_local || legacy->local_partial != cloud->local_partial)) {
		amounts.absent = true;
		amounts.legacy_has = legacy->has_local && !legacy->local_partial;
		amounts.cloud_has = cloud->has_local && !cloud->local_partial;
		amounts.legacy = legacy->local;
		amounts.cloud = cloud->local;
		compare_amounts(comparison, &amounts);
		return;
	}
	amounts.legacy = legacy->local_debit;
	amounts.cloud = cloud->local_debit;
	compare_amounts(comparison, &amounts);
	amounts.legacy = legacy->local_credit;
	amounts.cloud = cloud->local_credit;
	compare_amounts(comparison, &amounts);
}

/* One of them may be NULL: that side has no such key. */
static void compare_line(struct comparison *comparison, const struct view_line *legacy,
                         const struct view_line *cloud)
{
	static const struct view_line none = {0};
	struct amounts amounts = {.key = legacy ? legacy : cloud,
	                          .purse = PURSE_OWN,
	                          .legacy_has = legacy != NULL,
	                          .cloud_has = cloud != NULL};
	legacy = legacy ? legacy : &none;
	cloud = cloud ? cloud : &none;
	amounts.field = "debit";
	amounts.legacy = legacy->debit;
	amounts.cloud = cloud->debit;
	compare_amounts(comparison, &amounts);
	amounts.field = "credit";
	amounts.legacy = legacy->credit;
	amounts.cloud = cloud->credit;
	compare_amounts(comparison, &amounts);
	if (comparison->compare_local)
		compare_local(comparison, legacy, cloud, amounts);
	for (int i = 0; i < VIEW_BESIDE_COUNT; i++) {
		bool local = i == VIEW_BESIDE_FX_GAIN_LOSS;
		if (local && !comparison->compare_local)
			continue;
		amounts.field = view_beside_name((enum view_beside)i);
		amounts.purse = i == VIEW_BESIDE_BASE ? PURSE_BASE : local ? PURSE_LOCAL : PURSE_OWN;
		amounts.local = local;
		amounts.legacy = legacy->beside[i];
		amounts.cloud = cloud->beside[i];
		compare_amounts(comparison, &amounts);
	}
}

static void compare_lines(struct comparison *comparison)
{
	const struct view *legacy = comparison->legacy;
	const struct view *cloud = comparison->cloud;
	int i = 0;
	int j = 0;
	while (i < legacy->line_count || j < cloud->line_count) {
		int order = i == legacy->line_count  ? 1
		            : j == cloud->line_count ? -1
		                                     : view_line_order(&legacy->lines[i], &cloud->lines[j]);
		compare_line(comparison, order <= 0 ? &legacy->lines[i] : NULL,
		             order >= 0 ? &cloud->lines[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

void pair_differ(struct pair *pair, const char *field, struct span legacy, struct span cloud)
{
	struct pair_difference *difference = add_difference(pair, LANE_ATTRIBUTE, field);
	pair->class_ = PAIR_DIFFERENT;
	if (difference) {
		difference->legacy_text = legacy;
		difference->cloud_text = cloud;
		difference->legacy_has = legacy.len > 0;
		difference->cloud_has = cloud.len > 0;
	}
}

static bool compare_texts(struct comparison *comparison, const char *field, struct span legacy,
                          struct span cloud)
{
	if (span_equal(legacy, cloud))
		return true;
	comparison->attribute_count++;
	pair_differ(comparison->pair, field, legacy, cloud);
	return false;
}

static struct span truth(bool value)
{
	return value ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
}

/* Documents without amounts: their currency, if they have one, is an attribute like others. */
static bool is_attribute_alone(const struct view *legacy, const struct view *cloud)
{
	return legacy->type == cloud->type &&
	       (legacy->type == DOCUMENT_CUSTOMER || legacy->type == DOCUMENT_USAGE);
}

/* What amounts need in common. */
static bool compare_bases(struct comparison *comparison)
{
	const struct view *legacy = comparison->legacy;
	const struct view *cloud = comparison->cloud;
	bool same = compare_texts(comparison, "entity", legacy->entity, cloud->entity);
	same &= compare_texts(comparison, "type", span_of(document_spec(legacy->type)->name),
	                      span_of(document_spec(cloud->type)->name));
	same &= compare_texts(comparison, "voided", truth(legacy->voided), truth(cloud->voided));
	if (!is_attribute_alone(legacy, cloud))
		same &= compare_texts(comparison, view_attribute_name(VIEW_CURRENCY), legacy->currency,
		                      cloud->currency);
	return same;
}

static void compare_attributes(struct comparison *comparison)
{
	const struct view *legacy = comparison->legacy;
	const struct view *cloud = comparison->cloud;
	bool attribute = is_attribute_alone(legacy, cloud);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		if (!(legacy->compared & cloud->compared & UINT64_C(1) << i) ||
		    (i == VIEW_CURRENCY && !attribute))
			continue;
		(void)compare_texts(comparison, view_attribute_name((enum view_attribute)i),
		                    legacy->attributes[i], cloud->attributes[i]);
	}
	/* Code against none: a code stands there, and is never empty. */
	if ((legacy->missing_count > 0) != (cloud->missing_count > 0))
		(void)compare_texts(comparison, "mapping", legacy->missing[0].code, cloud->missing[0].code);
}

static void decide_tolerance(struct comparison *comparison)
{
	struct pair *pair = comparison->pair;
	bool covered[PURSE_COUNT + 1] = {false};
	int differences = comparison->attribute_count + comparison->intolerable;
	for (int i = 0; i < PURSE_COUNT; i++) {
		uint64_t value = purse_value(&comparison->within[i]);
		covered[i] = comparison->tolerable[i] > 0 &&
		             is_within(comparison, value, i == PURSE_LOCAL, (struct span){NULL, 0});
		if (!covered[i])
			differences += comparison->tolerable[i];
	}
	for (int i = 0; i < pair->kept; i++) {
		if (pair->differences[i].lane == LANE_AMOUNT)
			pair->differences[i].tolerated = covered[comparison->purses[i]];
	}
	if (pair->count > 0)
		pair->class_ = differences > 0 ? PAIR_DIFFERENT : PAIR_WITHIN_TOLERANCE;
	struct purse *over = &comparison->over[PURSE_OWN];
	if (!covered[PURSE_OWN]) {
		const struct purse *within = &comparison->within[PURSE_OWN];
		for (int i = 0; i < VIEW_AMOUNT_COUNT; i++)
			over->header[i] = sum_of(over->header[i], within->header[i]);
		over->lines = sum_of(over->lines, within->lines);
	}
	pair->gross_delta = clamp(purse_value(over));
}

/* Rule 4: the amounts stay apart, what is at stake is the whole document. */
static void value_all(struct comparison *comparison, bool same_currency)
{
	uint64_t legacy = distance(comparison->legacy->total, 0);
	uint64_t cloud = distance(comparison->cloud->total, 0);
	comparison->pair->gross_delta = clamp(same_currency ? greater_of(legacy, cloud) : legacy);
}

static int64_t net_of(const struct view *legacy, const struct view *cloud)
{
	int64_t net;
	if (!__builtin_sub_overflow(cloud->total, legacy->total, &net) && net != INT64_MIN)
		return net;
	return cloud->total < 0 ? -INT64_MAX : INT64_MAX;
}

static bool forms_equal(const struct view *a, const struct view *b)
{
	return a->form_len == b->form_len && memcmp(a->text.data, b->text.data, a->form_len) == 0;
}

void pair_compare(const struct view *legacy, const struct view *cloud, const struct rules *rules,
                  struct pair *pair)
{
	struct comparison comparison;
	memset(&comparison, 0, offsetof(struct comparison, purses));
	memset(pair, 0, offsetof(struct pair, differences));
	pair->kept = 0;
	comparison.pair = pair;
	comparison.legacy = legacy;
	comparison.cloud = cloud;
	comparison.rules = rules;
	bool same_currency = span_equal(legacy->currency, cloud->currency);
	pair->class_ = PAIR_MATCHED;
	pair->net_delta = same_currency ? net_of(legacy, cloud) : 0;
	pair->amounts_compared = compare_bases(&comparison);
	if (pair->amounts_compared) {
		comparison.compare_local = !legacy->has_local || !cloud->has_local ||
		                           compare_texts(&comparison, "local_currency",
		                                         legacy->local_currency, cloud->local_currency);
		compare_header(&comparison);
		compare_lines(&comparison);
	}
	compare_attributes(&comparison);
	if (pair->count == 0 && !legacy->adjusted && !cloud->adjusted && !forms_equal(legacy, cloud))
		(void)compare_texts(&comparison, "form", SPAN_LITERAL("legacy"), SPAN_LITERAL("cloud"));
	decide_tolerance(&comparison);
	if (!pair->amounts_compared)
		value_all(&comparison, same_currency);
}
