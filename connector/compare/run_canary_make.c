/*
 * run_canary_make.c - makes the canaries: small documents of every type, and what the cloud has of them.
 *
 * Why:   what no canary goes through may be broken in silence.
 * Owns:  nothing; the rows are the canaries'.
 * Rules: 1. A document is made of a plan alone; the cloud's differs in one thing.
 *        2. Amounts that differ do so by more than any tolerance for them.
 *        3. They arrived in 1970: no grace covers them.
 * Faults: none.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, tests/integration/test_compare_mutants.py
 */
#include <stdio.h>
#include <string.h>

#include "connector/compare/run_canary.h"
#include "connector/posting/pack.h"

#define NUMBER_SIZE  32
#define INVOICE_PAID RUN_CANARY_ENTITY "/invoice/2024/P1"

static const struct {
	enum document_type type;
	enum view_attribute needs;
} FIELDS[CANARY_COUNT] = {
#define CANARY_FIELD(identifier, name, type, attribute, lane, field) \
	[CANARY_##identifier] = {DOCUMENT_##type, VIEW_##attribute},
    CANARIES_OF_FIELDS(CANARY_FIELD)
#undef CANARY_FIELD
};

/* What one document is to be. */
struct plan {
	enum canary canary;
	enum ledger_side side;
	int copy; /* the cloud's second one */
	int period;
	int64_t amounts[3]; /* of journals: of the three accounts; 0: no line */
};

struct maker {
	struct canaries *canaries;
	const struct rules *rules;
	const struct plan *plan;
	struct document document;
};

/* ---- documents ---- */

static bool is_changed(const struct maker *maker, enum canary canary)
{
	return maker->plan->canary == canary && maker->plan->side == SIDE_CLOUD;
}

static void put_text(struct maker *maker, struct value *value, const char *text)
{
	CHECK(document_set_text(&maker->document, value, span_of(text)) == ERR_OK);
}

static void set_text(struct maker *maker, int slot, const char *text)
{
	put_text(maker, &maker->document.header[slot], text);
}

static void set_integer(struct maker *maker, int slot, int64_t value)
{
	maker->document.header[slot].present = true;
	maker->document.header[slot].as.integer = value;
}

static void put_amount(struct value *value, int64_t units)
{
	value->present = true;
	value->as.decimal = (struct decimal){units, 2};
}

static const char *code(const struct maker *maker, enum canary_code kind, int which)
{
	return maker->canaries->codes[maker->plan->side][kind][which];
}

static const char *account(const struct maker *maker, int which)
{
	return maker->canaries->accounts[maker->plan->side][which];
}

static void name_origin(const struct maker *maker, enum document_type type, char text[64])
{
	(void)snprintf(text, 64, RUN_CANARY_ENTITY "/%s/%d/C%02d", document_spec(type)->name, CANARY_YEAR,
	               (int)maker->plan->canary);
}

static void make_header(struct maker *maker, enum document_type type)
{
	const struct plan *plan = maker->plan;
	bool cloud = plan->side == SIDE_CLOUD;
	char number[NUMBER_SIZE];
	char origin[64];
	document_begin(&maker->document, type);
	(void)snprintf(number, sizeof number, "C%02d%s", (int)plan->canary, plan->copy ? "-2" : "");
	set_text(maker, HEADER_ENTITY, cloud ? maker->canaries->entity : RUN_CANARY_ENTITY);
	set_text(maker, HEADER_SOURCE_SYSTEM, "canary");
	set_text(maker, HEADER_TYPE, document_spec(type)->name);
	set_text(maker, HEADER_NUMBER, number);
	set_text(maker, HEADER_CURRENCY, "EUR");
	set_text(maker, HEADER_LOCAL_CURRENCY, "USD");
	set_integer(maker, HEADER_YEAR, CANARY_YEAR);
	if (type != DOCUMENT_CUSTOMER) {
		set_integer(maker, HEADER_PERIOD, plan->period);
		maker->document.header[HEADER_POSTING_DATE].present = true;
		maker->document.header[HEADER_POSTING_DATE].as.date =
		    CANARY_DATE + is_changed(maker, CANARY_POSTING_DATE);
	}
	name_origin(maker, type, origin);
	if (cloud)
		set_text(maker, HEADER_ORIGIN, origin);
}

static struct value *add_line(struct maker *maker, enum document_section section, int number_slot)
{
	char number[NUMBER_SIZE];
	struct value *line = document_add_line(&maker->document, section);
	CHECK(line != NULL);
	(void)snprintf(number, sizeof number, "%d", maker->document.sections[section].count);
	if (number_slot >= 0)
		put_text(maker, &line[number_slot], number);
	return line;
}

static void make_journal(struct maker *maker)
{
	bool first = true;
	for (int i = 0; i < 3; i++) {
		int64_t amount = maker->plan->amounts[i];
		if (amount == 0)
			continue;
		struct value *line = add_line(maker, SECTION_LINES, JOURNAL_LINE_LINE);
		put_text(maker, &line[JOURNAL_LINE_ACCOUNT], account(maker, i));
		put_amount(&line[JOURNAL_LINE_AMOUNT], amount);
		if (maker->plan->canary >= CANARY_FIRST_FIELD) {
			put_text(maker, &line[JOURNAL_LINE_COST_CENTRE],
			         code(maker, CANARY_CODE_CENTRE, first && is_changed(maker, CANARY_CENTRE)));
			put_amount(&line[JOURNAL_LINE_AMOUNT_LOCAL],
			           2 * amount + (first && is_changed(maker, CANARY_LOCAL)
			                             ? maker->canaries->amount
			                             : 0));
		}
		first = false;
	}
}

static void add_invoice_line(struct maker *maker, bool first, int64_t net)
{
	bool account_moves = first && is_changed(maker, CANARY_INVOICE_ACCOUNT);
	bool centre_moves = first && is_changed(maker, CANARY_INVOICE_CENTRE);
	struct value *line = add_line(maker, SECTION_LINES, INVOICE_LINE_LINE);
	put_text(maker, &line[INVOICE_LINE_ACCOUNT], account(maker, account_moves ? 2 : first ? 0 : 1));
	put_text(maker, &line[INVOICE_LINE_COST_CENTRE], code(maker, CANARY_CODE_CENTRE, centre_moves));
	put_text(maker, &line[INVOICE_LINE_TAX_CODE],
	         code(maker, CANARY_CODE_TAX, is_changed(maker, CANARY_TAX_CODE)));
	put_amount(&line[INVOICE_LINE_NET], net);
}

static void make_invoice(struct maker *maker)
{
	int64_t d = maker->canaries->amount;
	int64_t net = maker->plan->amounts[0];
	int64_t tax = net / 5;
	struct value *header = maker->document.header;
	set_text(maker, INVOICE_CUSTOMER,
	         code(maker, CANARY_CODE_CUSTOMER, is_changed(maker, CANARY_CUSTOMER)));
	put_amount(&header[INVOICE_NET], net);
	put_amount(&header[INVOICE_TAX], tax + (is_changed(maker, CANARY_HEADER_TAX) ? d : 0));
	put_amount(&header[INVOICE_GROSS], net + tax);
	add_invoice_line(maker, true, net / 2);
	add_invoice_line(maker, false, net - net / 2);
	struct value *line = add_line(maker, SECTION_TAX_LINES, -1);
	put_text(maker, &line[INVOICE_TAX_LINE_CODE],
	         code(maker, CANARY_CODE_TAX, is_changed(maker, CANARY_TAX_CODE)));
	put_amount(&line[INVOICE_TAX_LINE_BASE], net);
	put_amount(&line[INVOICE_TAX_LINE_TAX], tax + (is_changed(maker, CANARY_TAX_LINE) ? d : 0));
}

static void make_payment(struct maker *maker)
{
	int64_t amount = maker->plan->amounts[0];
	set_text(maker, PAYMENT_PAYER, code(maker, CANARY_CODE_CUSTOMER, is_changed(maker, CANARY_PAYER)));
	put_amount(&maker->document.header[PAYMENT_AMOUNT],
	           amount + (is_changed(maker, CANARY_PAYMENT) ? maker->canaries->amount : 0));
	struct value *line = add_line(maker, SECTION_APPLICATIONS, PAYMENT_APPLICATION_LINE);
	put_text(maker, &line[PAYMENT_APPLICATION_INVOICE],
	         is_changed(maker, CANARY_APPLICATION) ? INVOICE_PAID "0" : INVOICE_PAID);
	put_amount(&line[PAYMENT_APPLICATION_AMOUNT], amount);
}

static void make(struct maker *maker)
{
	enum document_type type =
	    maker->plan->canary < CANARY_FIRST_FIELD ? DOCUMENT_JOURNAL : FIELDS[maker->plan->canary].type;
	make_header(maker, type);
	if (type == DOCUMENT_JOURNAL)
		make_journal(maker);
	else if (type == DOCUMENT_INVOICE)
		make_invoice(maker);
	else if (type == DOCUMENT_PAYMENT)
		make_payment(maker);
	else
		set_text(maker, CUSTOMER_LEGAL_NAME, is_changed(maker, CANARY_NAME) ? "Canaries" : "Canary");
}

/* ---- rows ---- */

static void plant(struct canaries *canaries, const struct plan *plan, const struct rules *rules)
{
	CHECK(canaries->counts[plan->side] < CANARY_ROWS_MAX);
	struct canary_row *row = &canaries->rows[plan->side][canaries->counts[plan->side]++];
	struct maker maker = {.canaries = canaries, .rules = rules, .plan = plan};
	struct view view;
	struct buf packed;
	struct err_info info;
	document_init(&maker.document);
	view_init(&view);
	buf_init(&packed, CANARY_PACKED_MAX);
	make(&maker);
	CHECK(view_make(&view, plan->side, &maker.document, rules, &info) == ERR_OK);
	document_pack(&maker.document, &packed);
	CHECK(buf_ok(&packed));
	memcpy(row->packed, packed.data, packed.len);
	name_origin(&maker, maker.document.type, row->identity);
	(void)snprintf(row->subject, sizeof row->subject, "%.63s", view.subject);
	row->document = (struct ledger_document){
	    .side = plan->side,
	    .identity = span_of(row->identity),
	    .subject = span_of(row->subject),
	    .entity = SPAN_LITERAL(RUN_CANARY_ENTITY),
	    .currency = SPAN_LITERAL("EUR"),
	    .type = (int)maker.document.type,
	    .period = view.period,
	    .posting = CANARY_DATE,
	    .total = view.total,
	    .revision = 1,
	    .first_ns = 1,
	    .recorded_ns = 1,
	    .fingerprint = view_fingerprint(&view, span_of(row->identity)),
	    .packed = {(const char *)row->packed, packed.len},
	};
	document_release(&maker.document);
	view_release(&view);
	buf_release(&packed);
	canaries->planted[plan->canary] = true;
}

/* By insertion: there are few. */
static void sort_rows(struct canaries *canaries, enum ledger_side side)
{
	const struct canary_row *rows = canaries->rows[side];
	int *order = canaries->order[side];
	for (int i = 0; i < canaries->counts[side]; i++) {
		int at = i;
		for (; at > 0; at--) {
			const struct canary_row *before = &rows[order[at - 1]];
			int compared = strcmp(before->identity, rows[i].identity);
			if (compared == 0)
				compared = strcmp(before->subject, rows[i].subject);
			if (compared <= 0)
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
	}
}

/* ---- codes and amounts, as the rules have them ---- */

static void map_code(const struct rules *rules, enum mapping_kind kind, const char *from,
                     char to[LEDGER_CODE_MAX + 1])
{
	const struct span entity = SPAN_LITERAL(RUN_CANARY_ENTITY);
	struct span mapped = span_of(from);
	if (rules && !rules_map(rules, kind, entity, span_of(from), CANARY_DATE, &mapped))
		mapped = span_of(from);
	(void)!text_copy(to, LEDGER_CODE_MAX + 1, mapped);
}

static void map_codes(struct canaries *canaries, const struct rules *rules)
{
	static const enum mapping_kind kinds[CANARY_CODE_KINDS] = {MAPPING_COST_CENTRE, MAPPING_TAX_CODE,
	                                                           MAPPING_CUSTOMER};
	map_code(rules, MAPPING_ENTITY, RUN_CANARY_ENTITY, canaries->entity);
	for (int i = 0; i < 3; i++) {
		char *legacy = canaries->accounts[SIDE_LEGACY][i];
		(void)snprintf(legacy, LEDGER_CODE_MAX + 1, "canary-%d", i + 1);
		map_code(rules, MAPPING_ACCOUNT, legacy, canaries->accounts[SIDE_CLOUD][i]);
	}
	for (int kind = 0; kind < CANARY_CODE_KINDS; kind++) {
		for (int i = 0; i < 2; i++) {
			char *legacy = canaries->codes[SIDE_LEGACY][kind][i];
			(void)snprintf(legacy, LEDGER_CODE_MAX + 1, "canary-%d", i + 1);
			map_code(rules, kinds[kind], legacy, canaries->codes[SIDE_CLOUD][kind][i]);
		}
	}
}

/* The highest tolerance of anything that a canary changes. */
static void learn_tolerances(struct canaries *canaries, const struct rules *rules)
{
	static const enum document_type types[] = {DOCUMENT_JOURNAL, DOCUMENT_INVOICE, DOCUMENT_PAYMENT};
	static const char *const currencies[] = {"EUR", "USD"};
	const struct span accounts[] = {{NULL, 0},
	                                span_of(canaries->accounts[SIDE_CLOUD][0]),
	                                span_of(canaries->accounts[SIDE_CLOUD][1]),
	                                span_of(canaries->accounts[SIDE_CLOUD][2]),
	                                SPAN_LITERAL("tax"),
	                                SPAN_LITERAL(INVOICE_PAID),
	                                SPAN_LITERAL(INVOICE_PAID "0")};
	struct decimal most = {0, 2};
	for (size_t t = 0; t < sizeof types / sizeof types[0] && rules; t++) {
		for (size_t c = 0; c < sizeof currencies / sizeof currencies[0]; c++) {
			for (size_t a = 0; a < sizeof accounts / sizeof accounts[0]; a++) {
				struct decimal one =
				    rules_tolerance(rules, span_of(canaries->entity), span_of(currencies[c]),
				                    types[t], accounts[a]);
				if (decimal_compare(one, most) > 0)
					most = one;
			}
		}
	}
	/* More digits than cents: the next cent is over it. */
	int64_t divisor = 1;
	for (int digits = most.scale; digits > 2; digits--)
		divisor *= 10;
	int64_t units = most.units / divisor;
	for (int digits = most.scale; digits < 2 && units < CANARY_AMOUNT_MAX; digits++)
		units *= 10;
	canaries->amount = units + 1;
}

/* ---- which can be seen ---- */

static bool are_apart(const struct canaries *canaries, enum canary_code kind)
{
	return strcmp(canaries->codes[SIDE_CLOUD][kind][0], canaries->codes[SIDE_CLOUD][kind][1]) != 0;
}

/* Rules that map several codes to one cannot tell them apart: what would need it is not planted. */
static bool can_be_seen(const struct canaries *canaries, enum canary canary, const struct rules *rules)
{
	const char(*accounts)[LEDGER_CODE_MAX + 1] = canaries->accounts[SIDE_CLOUD];
	bool accounts_apart = strcmp(accounts[0], accounts[1]) != 0 &&
	                      strcmp(accounts[1], accounts[2]) != 0 && strcmp(accounts[0], accounts[2]) != 0;
	bool apart = true;
	if (canaries->amount >= CANARY_AMOUNT_MAX)
		return canary == CANARY_EQUAL || canary == CANARY_MISSING || canary == CANARY_UNKNOWN;
	if (canary == CANARY_WRONG_ACCOUNT || canary == CANARY_SWAPPED || canary == CANARY_MOVED ||
	    canary == CANARY_INVOICE_ACCOUNT)
		apart = accounts_apart;
	else if (canary == CANARY_CENTRE || canary == CANARY_INVOICE_CENTRE)
		apart = are_apart(canaries, CANARY_CODE_CENTRE);
	else if (canary == CANARY_TAX_CODE)
		apart = are_apart(canaries, CANARY_CODE_TAX);
	else if (canary == CANARY_CUSTOMER || canary == CANARY_PAYER)
		apart = are_apart(canaries, CANARY_CODE_CUSTOMER);
	if (canary == CANARY_WRONG_PERIOD)
		return view_attribute_compared(rules, VIEW_PERIOD, DOCUMENT_JOURNAL);
	return apart && (canary < CANARY_FIRST_FIELD ||
	                 view_attribute_compared(rules, FIELDS[canary].needs, FIELDS[canary].type));
}

void canaries_make(struct canaries *canaries, const struct rules *rules)
{
	map_codes(canaries, rules);
	learn_tolerances(canaries, rules);
	int64_t d = canaries->amount;
	int64_t x = 100000 + (d < CANARY_AMOUNT_MAX ? 100 * d : 0);
	const struct plan plans[] = {
	    {CANARY_EQUAL, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_EQUAL, SIDE_CLOUD, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_AMOUNT, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_AMOUNT, SIDE_CLOUD, 0, CANARY_PERIOD, {x + d, -x - d, 0}},
	    {CANARY_MISSING, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_UNKNOWN, SIDE_CLOUD, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_CLOUD, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_DUPLICATE, SIDE_CLOUD, 1, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_PERIOD, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_PERIOD, SIDE_CLOUD, 0, CANARY_PERIOD + 1, {x, -x, 0}},
	    {CANARY_WRONG_ACCOUNT, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_WRONG_ACCOUNT, SIDE_CLOUD, 0, CANARY_PERIOD, {x, 0, -x}},
	    {CANARY_SWAPPED, SIDE_LEGACY, 0, CANARY_PERIOD, {x, -x, 0}},
	    {CANARY_SWAPPED, SIDE_CLOUD, 0, CANARY_PERIOD, {-x, x, 0}},
	    {CANARY_MOVED, SIDE_LEGACY, 0, CANARY_PERIOD, {x, 50 * d, -x - 50 * d}},
	    {CANARY_MOVED, SIDE_CLOUD, 0, CANARY_PERIOD, {x + d, 49 * d, -x - 50 * d}},
	};
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		if (can_be_seen(canaries, plans[i].canary, rules))
			plant(canaries, &plans[i], rules);
	}
	for (int canary = CANARY_FIRST_FIELD; canary < CANARY_COUNT; canary++) {
		for (int side = 0; side < SIDE_COUNT; side++) {
			const struct plan plan = {
			    (enum canary)canary, (enum ledger_side)side, 0, CANARY_PERIOD, {x, -x, 0}};
			if (can_be_seen(canaries, plan.canary, rules))
				plant(canaries, &plan, rules);
		}
	}
	for (int side = 0; side < SIDE_COUNT; side++)
		sort_rows(canaries, (enum ledger_side)side);
}
