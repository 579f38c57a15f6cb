/*
 * run_canary.c - documents with known differences that go through every comparison.
 *
 * Why:   a comparison that finds nothing may be right, or blind. What was planted must be found as what it is, and what
 *        was planted equal must not be.
 * Owns:  struct canaries: a dozen small documents, packed.
 * Rules: 1. They are made as the rules of the run map and tolerate, so that they test the comparison and not the rules.
 *        2. They stand under an entity of their own, behind all others in the order, and are left out of every figure.
 *        3. A canary is found when its status, and what differs, are what was planted; each at most once.
 * Faults: none.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, tests/integration/test_compare_mutants.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/pack.h"

#define PLANT_MAX 12
#define DATE      20000 /* 2024-10-04 */
#define PERIOD    10
#define YEAR      2024
#define PACKED    4096

/* X(identifier, "name", status) */
#define CANARIES(X)                                      \
	X(EQUAL, "equal", RUN_MATCHED)                   \
	X(WRONG_AMOUNT, "wrong_amount", RUN_DIFFERENT)   \
	X(MISSING, "missing", RUN_MISSING_CLOUD)         \
	X(UNKNOWN, "missing_legacy", RUN_MISSING_LEGACY) \
	X(DUPLICATE, "duplicate", RUN_DUPLICATE)         \
	X(WRONG_PERIOD, "wrong_period", RUN_DIFFERENT)   \
	X(WRONG_ACCOUNT, "wrong_account", RUN_DIFFERENT) \
	X(SWAPPED, "swapped_sides", RUN_DIFFERENT)       \
	X(MOVED, "amount_between_lines", RUN_DIFFERENT)

enum canary {
#define CANARY_ENUM(identifier, name, status) CANARY_##identifier,
	CANARIES(CANARY_ENUM)
#undef CANARY_ENUM
	    CANARY_COUNT
};

static const struct {
	const char *name;
	enum run_status status;
} CANARY[CANARY_COUNT] = {
#define CANARY_ROW(identifier, name, status) {name, status},
    CANARIES(CANARY_ROW)
#undef CANARY_ROW
};

struct canary_row {
	struct ledger_document document;
	char identity[64];
	char subject[64];
	uint8_t packed[PACKED];
};

struct canaries {
	struct canary_row rows[SIDE_COUNT][PLANT_MAX];
	int counts[SIDE_COUNT];
	bool planted[CANARY_COUNT];
	bool found[CANARY_COUNT];
	int64_t amount;                   /* more than any tolerance of it */
	char entity[LEDGER_CODE_MAX + 1]; /* as the rules map it */
	char accounts[SIDE_COUNT][3][LEDGER_CODE_MAX + 1];
};

static void set_text(struct document *document, int slot, const char *text)
{
	CHECK(document_set_text(document, &document->header[slot], span_of(text)) == ERR_OK);
}

static void set_integer(struct document *document, int slot, int64_t value)
{
	document->header[slot].present = true;
	document->header[slot].as.integer = value;
}

static void add_line(struct document *document, const char *account, int64_t amount)
{
	char number[16];
	struct value *line = document_add_line(document, SECTION_LINES);
	CHECK(line != NULL);
	(void)snprintf(number, sizeof number, "%d", document->sections[SECTION_LINES].count);
	CHECK(document_set_text(document, &line[JOURNAL_LINE_LINE], span_of(number)) == ERR_OK);
	CHECK(document_set_text(document, &line[JOURNAL_LINE_ACCOUNT], span_of(account)) == ERR_OK);
	line[JOURNAL_LINE_AMOUNT].present = true;
	line[JOURNAL_LINE_AMOUNT].as.decimal = (struct decimal){amount, 2};
}

struct plan {
	enum canary canary;
	enum ledger_side side;
	int copy; /* the cloud's second one */
	int period;
	int64_t amounts[3]; /* of the three accounts; 0: no line */
};

static void make(struct canaries *canaries, const struct plan *plan, struct document *document)
{
	char number[32];
	document_begin(document, DOCUMENT_JOURNAL);
	(void)snprintf(number, sizeof number, "C%02d%s", (int)plan->canary, plan->copy ? "-2" : "");
	set_text(document, HEADER_ENTITY, plan->side == SIDE_LEGACY ? RUN_CANARY_ENTITY : canaries->entity);
	set_text(document, HEADER_SOURCE_SYSTEM, "canary");
	set_text(document, HEADER_TYPE, "journal");
	set_text(document, HEADER_NUMBER, number);
	set_text(document, HEADER_CURRENCY, "EUR");
	set_integer(document, HEADER_YEAR, YEAR);
	set_integer(document, HEADER_PERIOD, plan->period);
	document->header[HEADER_POSTING_DATE].present = true;
	document->header[HEADER_POSTING_DATE].as.date = DATE;
	for (size_t i = 0; i < 3; i++) {
		if (plan->amounts[i] != 0)
			add_line(document, canaries->accounts[plan->side][i], plan->amounts[i]);
	}
	if (plan->side == SIDE_CLOUD) {
		char origin[64];
		(void)snprintf(origin, sizeof origin, RUN_CANARY_ENTITY "/journal/%d/C%02d", YEAR,
		               (int)plan->canary);
		set_text(document, HEADER_ORIGIN, origin);
	}
}

static void plant(struct canaries *canaries, const struct plan *plan, const struct rules *rules)
{
	struct canary_row *row = &canaries->rows[plan->side][canaries->counts[plan->side]++];
	struct document document;
	struct view view;
	struct buf packed;
	struct err_info info;
	document_init(&document);
	view_init(&view);
	buf_init(&packed, PACKED);
	make(canaries, plan, &document);
	CHECK(view_make(&view, plan->side, &document, rules, &info) == ERR_OK);
	document_pack(&document, &packed);
	CHECK(buf_ok(&packed));
	memcpy(row->packed, packed.data, packed.len);
	(void)snprintf(row->identity, sizeof row->identity, RUN_CANARY_ENTITY "/journal/%d/C%02d", YEAR,
	               (int)plan->canary);
	(void)snprintf(row->subject, sizeof row->subject, "%.63s", view.subject);
	row->document = (struct ledger_document){
	    .side = plan->side,
	    .identity = span_of(row->identity),
	    .subject = span_of(row->subject),
	    .entity = SPAN_LITERAL(RUN_CANARY_ENTITY),
	    .currency = SPAN_LITERAL("EUR"),
	    .type = DOCUMENT_JOURNAL,
	    .period = view.period,
	    .posting = DATE,
	    .total = view.total,
	    .revision = 1,
	    .fingerprint = view_fingerprint(&view, span_of(row->identity)),
	    .packed = {(const char *)row->packed, packed.len},
	};
	document_release(&document);
	view_release(&view);
	buf_release(&packed);
}

/* The codes of the cloud, as the rules make them of the canaries' own. */
static void map_codes(struct canaries *canaries, const struct rules *rules)
{
	static const char *const accounts[3] = {"canary-1", "canary-2", "canary-3"};
	const struct span entity = SPAN_LITERAL(RUN_CANARY_ENTITY);
	struct span mapped = entity;
	struct decimal most = {0, 2};
	if (rules && !rules_map(rules, MAPPING_ENTITY, entity, entity, DATE, &mapped))
		mapped = entity;
	(void)!text_copy(canaries->entity, sizeof canaries->entity, mapped);
	if (rules)
		most = rules_tolerance(rules, span_of(canaries->entity), SPAN_LITERAL("EUR"),
		                       DOCUMENT_JOURNAL, (struct span){NULL, 0});
	for (int i = 0; i < 3; i++) {
		struct span code = span_of(accounts[i]);
		mapped = code;
		if (rules && !rules_map(rules, MAPPING_ACCOUNT, entity, code, DATE, &mapped))
			mapped = code;
		(void)!text_copy(canaries->accounts[SIDE_LEGACY][i], LEDGER_CODE_MAX + 1, code);
		(void)!text_copy(canaries->accounts[SIDE_CLOUD][i], LEDGER_CODE_MAX + 1, mapped);
		struct decimal one = rules ? rules_tolerance(rules, span_of(canaries->entity),
		                                             SPAN_LITERAL("EUR"), DOCUMENT_JOURNAL, mapped)
		                           : most;
		if (decimal_compare(one, most) > 0)
			most = one;
	}
	struct decimal scaled;
	canaries->amount = decimal_rescale(&scaled, most, 2) == ERR_OK ? scaled.units + 1 : 1;
}

struct canaries *canaries_new(const struct rules *rules)
{
	struct canaries *canaries = mem_alloc(sizeof *canaries);
	map_codes(canaries, rules);
	int64_t x = 100000;
	int64_t d = canaries->amount;
	/* Rules that map several accounts to one cannot tell lines apart: what would need it is not planted. */
	bool apart = strcmp(canaries->accounts[SIDE_CLOUD][0], canaries->accounts[SIDE_CLOUD][1]) != 0 &&
	             strcmp(canaries->accounts[SIDE_CLOUD][1], canaries->accounts[SIDE_CLOUD][2]) != 0 &&
	             strcmp(canaries->accounts[SIDE_CLOUD][0], canaries->accounts[SIDE_CLOUD][2]) != 0;
	bool periods = !rules || rules_compares(rules, DOCUMENT_JOURNAL, SPAN_LITERAL("period"), true);
	const struct plan plans[] = {
	    {CANARY_EQUAL, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_EQUAL, SIDE_CLOUD, 0, PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_AMOUNT, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_AMOUNT, SIDE_CLOUD, 0, PERIOD, {x + d, -x - d, 0}},
	    {CANARY_MISSING, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_UNKNOWN, SIDE_CLOUD, 0, PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_CLOUD, 0, PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_CLOUD, 1, PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_PERIOD, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_PERIOD, SIDE_CLOUD, 0, PERIOD + 1, {x, -x, 0}},
	    {CANARY_WRONG_ACCOUNT, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_ACCOUNT, SIDE_CLOUD, 0, PERIOD, {x, 0, -x}},
	    {CANARY_SWAPPED, SIDE_LEGACY, 0, PERIOD, {x, -x, 0}},
	    {CANARY_SWAPPED, SIDE_CLOUD, 0, PERIOD, {-x, x, 0}},
	    {CANARY_MOVED, SIDE_LEGACY, 0, PERIOD, {x, 50 * d, -x - 50 * d}},
	    {CANARY_MOVED, SIDE_CLOUD, 0, PERIOD, {x + d, 49 * d, -x - 50 * d}},
	};
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		enum canary which = plans[i].canary;
		if ((!apart &&
		     (which == CANARY_WRONG_ACCOUNT || which == CANARY_SWAPPED || which == CANARY_MOVED)) ||
		    (!periods && which == CANARY_WRONG_PERIOD))
			continue;
		canaries->planted[which] = true;
		plant(canaries, &plans[i], rules);
	}
	return canaries;
}

void canaries_free(struct canaries *canaries)
{
	free(canaries);
}

bool canaries_row(struct canaries *canaries, enum ledger_side side, int index,
                  struct ledger_document *document)
{
	if (index >= canaries->counts[side])
		return false;
	*document = canaries->rows[side][index].document;
	return true;
}

bool canaries_find(struct canaries *canaries, enum ledger_side side, struct span subject,
                   struct ledger_document *document)
{
	for (int i = 0; i < canaries->counts[side]; i++) {
		if (span_equal(canaries->rows[side][i].document.subject, subject))
			return canaries_row(canaries, side, i, document);
	}
	return false;
}

/* The number at the end of either subject: "~canary/journal/2024/C07". */
static int canary_of(struct span subject)
{
	for (size_t i = 0; i + 3 <= subject.len; i++) {
		if (memcmp(subject.data + i, "/C", 2) == 0 && i + 4 <= subject.len)
			return (subject.data[i + 2] - '0') * 10 + (subject.data[i + 3] - '0');
	}
	return -1;
}

static bool has_difference(const struct pair *pair, enum pair_lane lane, const char *field)
{
	for (int i = 0; pair && i < pair->kept; i++) {
		if (pair->differences[i].lane == lane && strcmp(pair->differences[i].field, field) == 0 &&
		    !pair->differences[i].tolerated)
			return true;
	}
	return false;
}

/* Does what differs show what was planted? */
static bool shows(const struct canaries *canaries, enum canary which, struct span legacy, struct span cloud,
                  const struct pair *pair)
{
	switch (which) {
	case CANARY_WRONG_AMOUNT:
		return pair && pair->net_delta == canaries->amount &&
		       has_difference(pair, LANE_AMOUNT, "debit") &&
		       has_difference(pair, LANE_AMOUNT, "credit");
	case CANARY_WRONG_PERIOD:
		return has_difference(pair, LANE_ATTRIBUTE, "period");
	case CANARY_WRONG_ACCOUNT:
		return has_difference(pair, LANE_AMOUNT, "credit") &&
		       !has_difference(pair, LANE_AMOUNT, "debit");
	case CANARY_SWAPPED:
		return has_difference(pair, LANE_AMOUNT, "debit") &&
		       has_difference(pair, LANE_AMOUNT, "credit");
	case CANARY_MOVED:
		return pair && pair->net_delta == 0 && has_difference(pair, LANE_AMOUNT, "debit");
	case CANARY_MISSING:
		return legacy.len > 0 && cloud.len == 0;
	case CANARY_UNKNOWN:
	case CANARY_DUPLICATE:
		return legacy.len == 0 && cloud.len > 0;
	default:
		return legacy.len > 0 && cloud.len > 0;
	}
}

void canaries_found(struct canaries *canaries, enum run_status status, struct span legacy, struct span cloud,
                    const struct pair *pair)
{
	int which = canary_of(legacy.len > 0 ? legacy : cloud);
	if (which < 0 || which >= CANARY_COUNT || CANARY[which].status != status ||
	    !shows(canaries, (enum canary)which, legacy, cloud, pair))
		return;
	canaries->found[which] = true;
}

void canaries_tally(const struct canaries *canaries, int *planted, int *found)
{
	*planted = 0;
	*found = 0;
	for (int i = 0; i < CANARY_COUNT; i++) {
		*planted += canaries->planted[i];
		*found += canaries->planted[i] && canaries->found[i];
	}
}

const char *canaries_name(const struct canaries *canaries, int index)
{
	for (int i = 0, n = 0; i < CANARY_COUNT; i++) {
		if (canaries->planted[i] && n++ == index)
			return CANARY[i].name;
	}
	return NULL;
}
