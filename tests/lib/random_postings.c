/*
 * random_postings.c - makes and changes random documents.
 *
 * Why:   see random_postings.h.
 * Owns:  nothing.
 * Rules: as in random_postings.h.
 * Runs in: the tests.
 */
#include "tests/lib/random_postings.h"

#include <string.h>

#include "connector/posting/pack.h"

/* Two that are one unit apart in their digits, and one of the same digits. */
static const struct {
	const char *code;
	uint8_t digits;
} currencies[] = {{"EUR", 2}, {"JPY", 0}, {"KWD", 3}, {"USD", 2}};
#define CURRENCIES (sizeof currencies / sizeof currencies[0])

static const char *const codes[] = {"4000", "400", "0", "tax", "4000|", ""};
#define CODES (sizeof codes / sizeof codes[0])

const char *posting_change_name(enum posting_change change)
{
	static const char *const names[] = {
#define POSTING_CHANGE_NAME(identifier, name) name,
	    POSTING_CHANGES(POSTING_CHANGE_NAME)
#undef POSTING_CHANGE_NAME
	};
	return names[change];
}

void copy_document(struct document *to, const struct document *from)
{
	struct buf packed;
	buf_init(&packed, DOCUMENT_TEXT_BYTES_MAX);
	document_pack(from, &packed);
	CHECK(buf_ok(&packed) && document_unpack(to, buf_span(&packed), NULL) == ERR_OK);
	buf_release(&packed);
}

static size_t pick(struct sim_random *random, size_t count)
{
	return (size_t)sim_random_below(random, count);
}

static void set_text(struct document *document, struct value *value, const char *text)
{
	CHECK(document_set_text(document, value, span_of(text)) == ERR_OK);
}

static void set_code(struct sim_random *random, struct document *document, struct value *value)
{
	set_text(document, value, codes[pick(random, CODES)]);
}

static void set_account(struct sim_random *random, struct document *document, struct value *line)
{
	set_code(random, document, &line[JOURNAL_LINE_ACCOUNT]);
	if (!line[JOURNAL_LINE_ACCOUNT].present)
		set_text(document, &line[JOURNAL_LINE_ACCOUNT], "0");
}

static uint8_t digits_of(const struct document *document, int slot)
{
	struct span code = document_text(document, &document->header[slot]);
	for (size_t i = 0; i < CURRENCIES; i++) {
		if (span_equal(code, span_of(currencies[i].code)))
			return currencies[i].digits;
	}
	return 2;
}

static void set_units(struct value *value, int64_t units, uint8_t digits)
{
	*value = (struct value){.present = true, .as.decimal = {units, digits}};
}

static int64_t small(struct sim_random *random)
{
	return sim_random_between(random, -3, 3);
}

/* An amount, and at times the same or another one in local currency. */
static void set_money(struct sim_random *random, struct document *document, struct value *own,
                      struct value *local)
{
	bool local_known = document->header[HEADER_LOCAL_CURRENCY].present;
	set_units(own, small(random), digits_of(document, HEADER_CURRENCY));
	local->present = false;
	if (local_known && sim_random_below(random, 3) > 0)
		set_units(local, sim_random_below(random, 2) ? own->as.decimal.units : small(random),
		          digits_of(document, HEADER_LOCAL_CURRENCY));
}

static struct value *add_line(struct document *document, enum document_section section)
{
	struct value *line = document_add_line(document, section);
	CHECK(line != NULL);
	return line;
}

static void add_tax_line(struct sim_random *random, struct document *document)
{
	uint8_t digits = digits_of(document, HEADER_CURRENCY);
	struct value *line = add_line(document, SECTION_TAX_LINES);
	set_code(random, document, &line[INVOICE_TAX_LINE_CODE]);
	set_units(&line[INVOICE_TAX_LINE_TAX], small(random), digits);
	set_units(&line[INVOICE_TAX_LINE_BASE], small(random), digits);
}

static void add_random_line(struct sim_random *random, struct document *document)
{
	uint8_t digits = digits_of(document, HEADER_CURRENCY);
	struct value *line;
	switch (document->type) {
	case DOCUMENT_JOURNAL:
		line = add_line(document, SECTION_LINES);
		set_money(random, document, &line[JOURNAL_LINE_AMOUNT], &line[JOURNAL_LINE_AMOUNT_LOCAL]);
		set_account(random, document, line);
		set_code(random, document, &line[JOURNAL_LINE_COST_CENTRE]);
		if (sim_random_one_in(random, 4))
			set_code(random, document, &line[JOURNAL_LINE_TAX_CODE]);
		if (sim_random_one_in(random, 4))
			set_text(document, &line[JOURNAL_LINE_ENTITY],
			         sim_random_below(random, 2) ? "10" : "20");
		break;
	case DOCUMENT_PAYMENT:
		line = add_line(document, SECTION_APPLICATIONS);
		set_money(random, document, &line[PAYMENT_APPLICATION_AMOUNT],
		          &line[PAYMENT_APPLICATION_AMOUNT_LOCAL]);
		set_code(random, document, &line[PAYMENT_APPLICATION_INVOICE]);
		if (sim_random_one_in(random, 3))
			set_units(&line[PAYMENT_APPLICATION_DISCOUNT], small(random), digits);
		break;
	default:
		line = add_line(document, SECTION_LINES);
		set_money(random, document, &line[INVOICE_LINE_NET], &line[INVOICE_LINE_NET_LOCAL]);
		set_code(random, document, &line[INVOICE_LINE_ACCOUNT]);
		if (sim_random_one_in(random, 3))
			set_code(random, document, &line[INVOICE_LINE_COST_CENTRE]);
		set_code(random, document, &line[INVOICE_LINE_TAX_CODE]);
		if (sim_random_below(random, 2))
			set_units(&line[INVOICE_LINE_TAX], small(random), digits);
	}
}

static void random_header(struct sim_random *random, struct document *document)
{
	struct value *header = document->header;
	set_text(document, &header[HEADER_ENTITY], "10");
	set_text(document, &header[HEADER_TYPE], document_spec(document->type)->name);
	set_text(document, &header[HEADER_NUMBER], "4711");
	header[HEADER_YEAR] = (struct value){.present = true, .as.integer = 2026};
	set_text(document, &header[HEADER_CURRENCY], currencies[pick(random, CURRENCIES)].code);
	if (sim_random_below(random, 3) > 0)
		set_text(document, &header[HEADER_LOCAL_CURRENCY], currencies[pick(random, CURRENCIES)].code);
	if (sim_random_below(random, 4) > 0)
		header[HEADER_PERIOD] = (struct value){.present = true, .as.integer = 9};
	if (sim_random_below(random, 4) > 0)
		header[HEADER_POSTING_DATE] = (struct value){.present = true, .as.date = 20700};
}

void random_posting(struct sim_random *random, struct document *document, enum document_type type)
{
	struct value *header = document->header;
	document_begin(document, type);
	document->voided = sim_random_one_in(random, 10);
	random_header(random, document);
	if (type == DOCUMENT_CUSTOMER) {
		set_text(document, &header[CUSTOMER_LEGAL_NAME], "Anna");
		set_code(random, document, &header[CUSTOMER_TAX_ID]);
		set_code(random, document, &header[CUSTOMER_TERMS]);
		return;
	}
	if (type == DOCUMENT_USAGE) {
		set_text(document, &header[USAGE_CUSTOMER], "1");
		set_text(document, &header[USAGE_METER], "calls");
		header[USAGE_WINDOW_START] = (struct value){.present = true, .as.date = 20697};
		header[USAGE_WINDOW_END] = (struct value){.present = true, .as.date = 20726};
		set_units(&header[USAGE_QUANTITY], small(random), 1);
		set_text(document, &header[USAGE_UNIT], "h");
		if (sim_random_below(random, 2))
			header[USAGE_RECORD_COUNT] = (struct value){.present = true, .as.integer = 3};
		return;
	}
	if (type == DOCUMENT_PAYMENT) {
		set_text(document, &header[PAYMENT_PAYER], "1");
		set_money(random, document, &header[PAYMENT_AMOUNT], &header[PAYMENT_AMOUNT_LOCAL]);
	} else if (type != DOCUMENT_JOURNAL) {
		set_text(document, &header[INVOICE_CUSTOMER], "1");
		set_money(random, document, &header[INVOICE_NET], &header[INVOICE_NET_LOCAL]);
		set_money(random, document, &header[INVOICE_TAX], &header[INVOICE_TAX_LOCAL]);
		set_money(random, document, &header[INVOICE_GROSS], &header[INVOICE_GROSS_LOCAL]);
		for (uint64_t left = sim_random_below(random, 3); left > 0; left--)
			add_tax_line(random, document);
	}
	/* Now and then so many that they are sorted in the other way. */
	uint64_t lines = sim_random_one_in(random, 20) ? 40 : 5;
	for (uint64_t left = sim_random_below(random, lines); left > 0; left--)
		add_random_line(random, document);
}

/* ---- changes ---- */

static enum document_section section_of(const struct document *document)
{
	return document->type == DOCUMENT_PAYMENT ? SECTION_APPLICATIONS : SECTION_LINES;
}

/* NULL: there is none. */
static struct value *any_line(struct sim_random *random, struct document *document,
                              enum document_section section)
{
	struct line_list *list = &document->sections[section];
	if (list->count == 0)
		return NULL;
	return &list->values[(int)pick(random, (size_t)list->count) * list->stride];
}

static int amount_slot(const struct document *document)
{
	static const int slots[] = {[DOCUMENT_JOURNAL] = JOURNAL_LINE_AMOUNT,
	                            [DOCUMENT_INVOICE] = INVOICE_LINE_NET,
	                            [DOCUMENT_CREDIT_MEMO] = INVOICE_LINE_NET,
	                            [DOCUMENT_PAYMENT] = PAYMENT_APPLICATION_AMOUNT};
	return slots[document->type];
}

static int local_slot(const struct document *document)
{
	static const int slots[] = {[DOCUMENT_JOURNAL] = JOURNAL_LINE_AMOUNT_LOCAL,
	                            [DOCUMENT_INVOICE] = INVOICE_LINE_NET_LOCAL,
	                            [DOCUMENT_CREDIT_MEMO] = INVOICE_LINE_NET_LOCAL,
	                            [DOCUMENT_PAYMENT] = PAYMENT_APPLICATION_AMOUNT_LOCAL};
	return slots[document->type];
}

/* A line of a journal always has one. */
static bool is_account(const struct document *document, const struct value *line, const struct value *value)
{
	return document->type == DOCUMENT_JOURNAL && value == &line[JOURNAL_LINE_ACCOUNT];
}

static struct value *code_of(struct sim_random *random, struct document *document, struct value *line)
{
	static const int journal[] = {JOURNAL_LINE_ACCOUNT, JOURNAL_LINE_COST_CENTRE, JOURNAL_LINE_TAX_CODE,
	                              JOURNAL_LINE_ENTITY};
	static const int invoice[] = {INVOICE_LINE_ACCOUNT, INVOICE_LINE_COST_CENTRE, INVOICE_LINE_TAX_CODE};
	if (document->type == DOCUMENT_PAYMENT)
		return &line[PAYMENT_APPLICATION_INVOICE];
	return document->type == DOCUMENT_JOURNAL ? &line[journal[pick(random, 4)]]
	                                          : &line[invoice[pick(random, 3)]];
}

static void change_line(struct sim_random *random, struct document *document, enum posting_change change)
{
	enum document_section section = section_of(document);
	struct value *line = any_line(random, document, section);
	struct value *other = any_line(random, document, section);
	int slot = amount_slot(document);
	struct value *code;
	if (!line)
		return;
	int64_t *units = &line[slot].as.decimal.units;
	switch (change) {
	case CHANGE_AMOUNT:
		*units += sim_random_below(random, 2) ? 1 : -1;
		break;
	case CHANGE_CENT:
		*units += 1;
		other[slot].as.decimal.units -= 1;
		break;
	case CHANGE_SIGN:
		*units = -*units;
		break;
	case CHANGE_CODE:
		code = code_of(random, document, line);
		if (is_account(document, line, code))
			set_account(random, document, line);
		else
			set_code(random, document, code);
		break;
	case CHANGE_NO_CODE:
		code = code_of(random, document, line);
		code->present = is_account(document, line, code);
		break;
	default:
		if (!document->header[HEADER_LOCAL_CURRENCY].present)
			return;
		line[local_slot(document)].present = false;
		if (sim_random_below(random, 2))
			set_units(&line[local_slot(document)], small(random),
			          digits_of(document, HEADER_LOCAL_CURRENCY));
	}
}

static void swap_lines(struct sim_random *random, struct document *document, enum document_section section)
{
	struct line_list *list = &document->sections[section];
	struct value *a = any_line(random, document, section);
	struct value *b = any_line(random, document, section);
	for (int i = 0; a && i < list->stride; i++) {
		struct value kept = a[i];
		a[i] = b[i];
		b[i] = kept;
	}
}

/* The last line takes its place. */
static void remove_line(struct sim_random *random, struct document *document, enum document_section section)
{
	struct line_list *list = &document->sections[section];
	struct value *line = any_line(random, document, section);
	if (!line)
		return;
	memmove(line, &list->values[(list->count - 1) * list->stride], (size_t)list->stride * sizeof *line);
	list->count--;
}

/* 3 becomes 2 and 1 in the same key: the same sums. The local amount and the tax stay with the first. */
static void split_line(struct sim_random *random, struct document *document)
{
	enum document_section section = section_of(document);
	struct line_list *list = &document->sections[section];
	int slot = amount_slot(document);
	if (list->count == 0)
		return;
	int from = (int)pick(random, (size_t)list->count);
	struct value *added = add_line(document, section);
	struct value *line = &list->values[from * list->stride];
	memcpy(added, line, (size_t)list->stride * sizeof *line);
	int64_t half = line[slot].as.decimal.units / 2;
	line[slot].as.decimal.units -= half;
	added[slot].as.decimal.units = half;
	if (added[local_slot(document)].present) {
		int64_t local_half = line[local_slot(document)].as.decimal.units / 2;
		line[local_slot(document)].as.decimal.units -= local_half;
		added[local_slot(document)].as.decimal.units = local_half;
	}
	if (document->type == DOCUMENT_PAYMENT)
		added[PAYMENT_APPLICATION_DISCOUNT].present = false;
	else if (document->type != DOCUMENT_JOURNAL)
		added[INVOICE_LINE_TAX].present = false;
}

static void change_header_amount(struct sim_random *random, struct document *document)
{
	static const int invoice[] = {INVOICE_NET,       INVOICE_TAX,       INVOICE_GROSS,
	                              INVOICE_NET_LOCAL, INVOICE_TAX_LOCAL, INVOICE_GROSS_LOCAL};
	static const int payment[] = {PAYMENT_AMOUNT, PAYMENT_AMOUNT_LOCAL};
	if (document->type == DOCUMENT_JOURNAL)
		return;
	int slot = document->type == DOCUMENT_PAYMENT ? payment[pick(random, 2)] : invoice[pick(random, 6)];
	struct value *value = &document->header[slot];
	bool local = document_spec(document->type)->header[slot].currency == CURRENCY_LOCAL;
	if (local && !document->header[HEADER_LOCAL_CURRENCY].present)
		return;
	if (value->present && sim_random_one_in(random, 3))
		value->present = false;
	else
		set_units(value, small(random),
		          digits_of(document, local ? HEADER_LOCAL_CURRENCY : HEADER_CURRENCY));
}

static void change_beside(struct sim_random *random, struct document *document)
{
	uint8_t digits = digits_of(document, HEADER_CURRENCY);
	struct value *line;
	if (document->type == DOCUMENT_JOURNAL)
		return;
	if (document->type != DOCUMENT_PAYMENT) {
		line = any_line(random, document, SECTION_TAX_LINES);
		if (line)
			set_units(
			    &line[sim_random_below(random, 2) ? INVOICE_TAX_LINE_BASE : INVOICE_TAX_LINE_TAX],
			    small(random), digits);
		return;
	}
	line = any_line(random, document, SECTION_APPLICATIONS);
	if (!line)
		return;
	switch (sim_random_below(random, 3)) {
	case 0:
		set_units(&line[PAYMENT_APPLICATION_DISCOUNT], small(random), digits);
		break;
	case 1:
		set_units(&line[PAYMENT_APPLICATION_WRITE_OFF], small(random), digits);
		break;
	default:
		if (document->header[HEADER_LOCAL_CURRENCY].present)
			set_units(&line[PAYMENT_APPLICATION_FX_GAIN_LOSS], small(random),
			          digits_of(document, HEADER_LOCAL_CURRENCY));
	}
}

/* All amounts get the digits of the new currency, and stay as many units: only the currency differs. */
static void rescale(struct document *document, enum value_currency which, uint8_t digits)
{
	const struct document_spec *spec = document_spec(document->type);
	for (int slot = 0; slot < spec->header_count; slot++) {
		if (spec->header[slot].currency == which)
			document->header[slot].as.decimal.scale = digits;
	}
	for (int section = 0; section < SECTION_COUNT; section++) {
		struct line_list *list = &document->sections[section];
		for (int i = 0; i < list->count * list->stride; i++) {
			if (spec->sections[section].fields[i % list->stride].currency == which)
				list->values[i].as.decimal.scale = digits;
		}
	}
}

static void change_currency(struct sim_random *random, struct document *document, int slot)
{
	size_t chosen = pick(random, CURRENCIES);
	if (!document->header[slot].present)
		return;
	set_text(document, &document->header[slot], currencies[chosen].code);
	rescale(document, slot == HEADER_CURRENCY ? CURRENCY_DOCUMENT : CURRENCY_LOCAL,
	        currencies[chosen].digits);
}

static void change_usage(struct sim_random *random, struct document *document)
{
	struct value *header = document->header;
	struct value *quantity = &header[USAGE_QUANTITY];
	bool first = sim_random_below(random, 2);
	switch (sim_random_below(random, 6)) {
	case 0:
		set_code(random, document, &header[first ? USAGE_METER : (int)USAGE_RECORDS_DIGEST]);
		break;
	case 1:
		header[first ? USAGE_WINDOW_START : (int)USAGE_WINDOW_END].as.date++;
		break;
	case 2:
		quantity->as.decimal.units++;
		break;
	case 3: /* the same number, with one digit more */
		if (quantity->as.decimal.scale < 6) {
			quantity->as.decimal.units *= 10;
			quantity->as.decimal.scale++;
		}
		break;
	case 4:
		set_text(document, &header[USAGE_UNIT], first ? "min" : "h");
		break;
	default:
		header[USAGE_RECORD_COUNT] = (struct value){.present = first, .as.integer = 4};
	}
}

static void change_attribute(struct sim_random *random, struct document *document, enum posting_change change)
{
	struct value *header = document->header;
	bool first = sim_random_below(random, 2);
	switch (change) {
	case CHANGE_PERIOD:
		header[HEADER_PERIOD] = (struct value){.present = first, .as.integer = 10};
		break;
	case CHANGE_YEAR:
		header[HEADER_YEAR].as.integer = first ? 2025 : 2026;
		break;
	case CHANGE_POSTING_DATE:
		header[HEADER_POSTING_DATE] = (struct value){.present = first, .as.date = 20701};
		break;
	case CHANGE_ENTITY:
		set_text(document, &header[HEADER_ENTITY], first ? "20" : "10");
		break;
	case CHANGE_PARTY:
		if (document->type == DOCUMENT_PAYMENT)
			set_text(document, &header[PAYMENT_PAYER], first ? "2" : "");
		else if (document->type == DOCUMENT_INVOICE || document->type == DOCUMENT_CREDIT_MEMO)
			set_text(document, &header[INVOICE_CUSTOMER], first ? "2" : "");
		else if (document->type == DOCUMENT_USAGE)
			set_text(document, &header[USAGE_CUSTOMER], first ? "2" : "");
		break;
	case CHANGE_VOIDED:
		document->voided = first;
		break;
	case CHANGE_MASTER:
		if (document->type == DOCUMENT_CUSTOMER)
			set_code(random, document,
			         &header[first ? CUSTOMER_LEGAL_NAME : (int)CUSTOMER_COUNTRY]);
		if (document->type == DOCUMENT_USAGE)
			change_usage(random, document);
		break;
	default:
		CHECK(change == CHANGE_IGNORED);
		set_code(random, document, &header[first ? HEADER_TEXT : HEADER_USER]);
		set_code(random, document, &header[first ? HEADER_REFERENCE : HEADER_SOURCE_SYSTEM]);
	}
}

void random_change(struct sim_random *random, struct document *document, enum posting_change change)
{
	bool has_lines = document->type != DOCUMENT_CUSTOMER && document->type != DOCUMENT_USAGE;
	if (change >= CHANGE_PERIOD && change != CHANGE_CURRENCY && change != CHANGE_LOCAL_CURRENCY)
		change_attribute(random, document, change);
	else if (change == CHANGE_CURRENCY)
		change_currency(random, document, HEADER_CURRENCY);
	else if (change == CHANGE_LOCAL_CURRENCY)
		change_currency(random, document, HEADER_LOCAL_CURRENCY);
	else if (!has_lines)
		return;
	else if (change == CHANGE_HEADER_AMOUNT)
		change_header_amount(random, document);
	else if (change == CHANGE_BESIDE)
		change_beside(random, document);
	else if (change == CHANGE_LINE_GOES)
		remove_line(random, document, section_of(document));
	else if (change == CHANGE_LINE_COMES)
		add_random_line(random, document);
	else if (change == CHANGE_SPLIT)
		split_line(random, document);
	else if (change == CHANGE_ORDER)
		swap_lines(random, document, section_of(document));
	else
		change_line(random, document, change);
}
