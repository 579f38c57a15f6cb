/*
 * view.c - a view's header: identity, mapped codes, attributes, amounts; its fingerprint.
 *
 * Why:   see view.h.
 * Owns:  the memory of each struct view.
 * Rules: 1. What is compared is asked of the rules once for each version of them, not once a document.
 *        2. A number as text has one form (no trailing zeros), so that 1.0850 and 1.085 are one exchange rate.
 *        3. What an uncommonly large document took is given back at the next one.
 * Faults: as declared; the messages name the document and the field.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c, view_form_test.c
 */
#include "connector/compare/view.h"

#include <stdlib.h>
#include <string.h>

#include "connector/compare/view_make.h"
#include "connector/posting/validity.h"
#include "store_forward/digest.h"

#define TEXT_KEPT_BYTES  (128u * 1024u)
#define LINES_KEPT_BYTES (256u * 1024u)
/* The texts of one document, its mapped codes, and the numbers of its lines. */
#define TEXT_BYTES_MAX (64u * 1024u * 1024u)
#define PERIOD_MAX     99
#define PERIOD_TEXT    7 /* 2026-09 */

#define OF(type)       (1u << DOCUMENT_##type)
#define OF_INVOICES    (OF(INVOICE) | OF(CREDIT_MEMO))
#define OF_POSTINGS    (OF(JOURNAL) | OF_INVOICES | OF(PAYMENT))
#define OF_ALL         (OF_POSTINGS | OF(CUSTOMER) | OF(USAGE))
#define ATTRIBUTE(bit) (UINT64_C(1) << (bit))

_Static_assert(VIEW_ATTRIBUTE_COUNT <= 64, "the set of compared attributes is 64 bits");

static const struct {
	const char *name;
	bool compared;
} attributes[VIEW_ATTRIBUTE_COUNT] = {
#define VIEW_ATTRIBUTE_ROW(identifier, name, compared) {name, compared},
    VIEW_ATTRIBUTES(VIEW_ATTRIBUTE_ROW)
#undef VIEW_ATTRIBUTE_ROW
};

/* Which types have it; always: no rule takes it out. */
static const struct {
	uint8_t types;
	uint8_t always;
} attribute_types[VIEW_ATTRIBUTE_COUNT] = {
    [VIEW_PERIOD] = {OF_POSTINGS | OF(USAGE), 0},
    [VIEW_POSTING_DATE] = {OF_POSTINGS, 0},
    [VIEW_DOCUMENT_DATE] = {OF_POSTINGS, 0},
    [VIEW_CURRENCY] = {OF_POSTINGS | OF(CUSTOMER), OF_POSTINGS},
    [VIEW_PARTY] = {OF_INVOICES | OF(PAYMENT) | OF(USAGE), 0},
    [VIEW_REFERENCE] = {OF_ALL, 0},
    [VIEW_DUE_DATE] = {OF_INVOICES, 0},
    [VIEW_EXCHANGE_RATE] = {OF_POSTINGS, 0},
    [VIEW_DOCUMENT_TYPE] = {OF_ALL, 0},
    [VIEW_PAYABLE] = {OF_INVOICES, 0},
    [VIEW_LEGAL_NAME] = {OF(CUSTOMER), 0},
    [VIEW_TAX_ID] = {OF(CUSTOMER), 0},
    [VIEW_COUNTRY] = {OF(CUSTOMER), 0},
    [VIEW_TERMS] = {OF(CUSTOMER), 0},
    [VIEW_CREDIT_HOLD] = {OF(CUSTOMER), 0},
    [VIEW_LINE_ENTITY] = {OF(JOURNAL), 0},
    [VIEW_ACCOUNT] = {OF(JOURNAL) | OF_INVOICES, OF(JOURNAL)},
    [VIEW_COST_CENTRE] = {OF(JOURNAL) | OF_INVOICES, 0},
    [VIEW_TAX_CODE] = {OF(JOURNAL) | OF_INVOICES, 0},
    [VIEW_LOCAL] = {OF_POSTINGS, 0},
    [VIEW_TAX_LINES] = {OF_INVOICES, 0},
    [VIEW_TAX_BASE] = {OF_INVOICES, 0},
    [VIEW_APPLICATIONS] = {OF(PAYMENT), 0},
    [VIEW_DISCOUNT] = {OF(PAYMENT), 0},
    [VIEW_WRITE_OFF] = {OF(PAYMENT), 0},
    [VIEW_FX_GAIN_LOSS] = {OF(PAYMENT), 0},
    [VIEW_METER] = {OF(USAGE), 0},
    [VIEW_WINDOW] = {OF(USAGE), 0},
    [VIEW_QUANTITY] = {OF(USAGE), 0},
    [VIEW_UNIT] = {OF(USAGE), 0},
    [VIEW_RECORD_COUNT] = {OF(USAGE), 0},
    [VIEW_RECORDS_DIGEST] = {OF(USAGE), 0},
    [VIEW_STATUS] = {OF(PAYMENT), 0},
    [VIEW_LEDGER] = {OF(JOURNAL), 0},
    [VIEW_UNAPPLIED] = {OF(PAYMENT), 0},
};

const char *view_attribute_name(enum view_attribute attribute)
{
	CHECK((unsigned)attribute < VIEW_ATTRIBUTE_COUNT);
	return attributes[attribute].name;
}

const char *view_beside_name(enum view_beside beside)
{
	static const char *const names[VIEW_BESIDE_COUNT] = {
#define VIEW_BESIDE_NAME(identifier, name) name,
	    VIEW_BESIDES(VIEW_BESIDE_NAME)
#undef VIEW_BESIDE_NAME
	};
	CHECK((unsigned)beside < VIEW_BESIDE_COUNT);
	return names[beside];
}

bool view_attribute_applies(enum view_attribute attribute, enum document_type type)
{
	CHECK((unsigned)attribute < VIEW_ATTRIBUTE_COUNT && (unsigned)type < DOCUMENT_TYPE_COUNT);
	return attribute_types[attribute].types >> type & 1;
}

bool view_attribute_compared(const struct rules *rules, enum view_attribute attribute,
                             enum document_type type)
{
	if (!view_attribute_applies(attribute, type))
		return false;
	if (!rules || attribute_types[attribute].always >> type & 1)
		return attributes[attribute].compared;
	return rules_compares(rules, type, span_of(attributes[attribute].name),
	                      attributes[attribute].compared);
}

void view_init(struct view *view)
{
	*view = (struct view){0};
	buf_init(&view->text, TEXT_BYTES_MAX);
}

void view_release(struct view *view)
{
	free(view->lines);
	buf_release(&view->text);
	view_init(view);
}

static void learn_compared(struct view *view, const struct rules *rules)
{
	const char *version = rules ? rules_version(rules) : "";
	if (view->comparing.known && view->comparing.rules == rules &&
	    strcmp(view->comparing.version, version) == 0)
		return;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		uint64_t set = 0;
		for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
			if (view_attribute_compared(rules, (enum view_attribute)i, (enum document_type)type))
				set |= ATTRIBUTE(i);
		}
		view->comparing.types[type] = set;
	}
	CHECK(text_copy(view->comparing.version, sizeof view->comparing.version, span_of(version)));
	view->comparing.rules = rules;
	view->comparing.known = true;
}

/* Everything of the document before; the memory stays. */
static void clear(struct view *view)
{
	struct view_line *lines = view->lines;
	int capacity = view->line_capacity;
	struct buf text = view->text;
	if ((size_t)capacity * sizeof *lines > LINES_KEPT_BYTES) {
		free(lines);
		lines = NULL;
		capacity = 0;
	}
	if (text.capacity > TEXT_KEPT_BYTES)
		buf_release(&text);
	buf_clear(&text);
	view->voided = false;
	view->adjusted = false;
	view->subject[0] = 0;
	view->identity[0] = 0;
	size_t from = offsetof(struct view, origins);
	memset((char *)view + from, 0, offsetof(struct view, comparing) - from);
	view->lines = lines;
	view->line_capacity = capacity;
	view->text = text;
}

static void note_missing(struct view *view, enum mapping_kind kind, struct span code)
{
	int kept = view->missing_count < VIEW_MISSING_MAX ? view->missing_count : VIEW_MISSING_MAX;
	for (int i = 0; i < kept; i++) {
		if (view->missing[i].kind == kind && span_equal(view->missing[i].code, code))
			return;
	}
	if (kept < VIEW_MISSING_MAX) {
		view->missing[kept].kind = kind;
		view->missing[kept].code = code;
	}
	view->missing_count++;
}

struct span view_map(struct view_make *make, enum mapping_kind kind, struct span code)
{
	struct span mapped;
	if (!make->rules || code.len == 0)
		return code;
	if (rules_map(make->rules, kind, make->view->raw_entity, code, make->on, &mapped))
		return mapped;
	note_missing(make->view, kind, code);
	return code;
}

enum err view_bad(const struct view_make *make, const char *field, int line, const char *what)
{
	char number[DECIMAL_TEXT_MAX] = "";
	if (line >= 0)
		(void)decimal_print((struct decimal){line + 1, 0}, number);
	return err_set(make->info, ERR_BAD_INPUT,
	               "%s cannot be compared: %s of %s%s %s; correct it where it was posted",
	               make->view->subject, field, line < 0 ? "the header" : "line ", number, what);
}

enum err view_overflow(const struct view_make *make)
{
	return err_set(make->info, ERR_OVERFLOW,
	               "%s cannot be compared: its amounts add up to more than 64 bits of minor units; "
	               "correct it where it was posted",
	               make->view->subject);
}

enum err view_units(const struct view_make *make, const struct value *value, bool local, const char *field,
                    int line, int64_t *units)
{
	struct decimal amount = value->as.decimal;
	int digits = local ? make->local_digits : make->digits;
	if (digits < 0)
		return view_bad(make, field, line,
		                local ? "is in no local currency of ISO 4217"
		                      : "is in no currency of ISO 4217");
	if (amount.scale != digits) {
		enum err err = decimal_rescale(&amount, amount, (uint8_t)digits);
		if (err == ERR_BAD_INPUT)
			return view_bad(make, field, line, "has more digits than its currency");
		if (err != ERR_OK)
			return view_overflow(make);
	}
	if (make->mirrored && amount.units == INT64_MIN)
		return view_overflow(make);
	*units = make->mirrored ? -amount.units : amount.units;
	return ERR_OK;
}

static const struct value *header(const struct view_make *make, int slot)
{
	return &make->document->header[slot];
}

static struct span text_at(const struct view_make *make, int slot)
{
	return document_text(make->document, header(make, slot));
}

/* A place of the scratch; what is written there is taken with scratch_take(). */
static char *scratch_at(struct view_make *make, size_t size)
{
	CHECK(size <= sizeof make->scratch - make->scratch_len);
	return make->scratch + make->scratch_len;
}

static struct span scratch_take(struct view_make *make, size_t len)
{
	struct span text = {make->scratch + make->scratch_len, len};
	make->scratch_len += len;
	return text;
}

static struct span date_text(struct view_make *make, int slot)
{
	const struct value *value = header(make, slot);
	if (!value->present)
		return (struct span){NULL, 0};
	date_print(value->as.date, scratch_at(make, DATE_TEXT_SIZE));
	return scratch_take(make, DATE_TEXT_SIZE - 1);
}

static struct span decimal_text(struct view_make *make, int slot)
{
	const struct value *value = header(make, slot);
	if (!value->present)
		return (struct span){NULL, 0};
	struct decimal decimal = value->as.decimal;
	while (decimal.scale > 0 && decimal.units % 10 == 0) {
		decimal.units /= 10;
		decimal.scale--;
	}
	return scratch_take(make, decimal_print(decimal, scratch_at(make, DECIMAL_TEXT_MAX)));
}

static void put_digits(char *text, int count, int number)
{
	for (int i = count - 1; i >= 0; i--, number /= 10)
		text[i] = (char)('0' + number % 10);
}

static enum err take_period(struct view_make *make)
{
	struct view *view = make->view;
	const struct value *period = header(make, HEADER_PERIOD);
	/* The subject has shown that it is 0 to 9999. */
	int year = (int)header(make, HEADER_YEAR)->as.integer;
	char *text = scratch_at(make, PERIOD_TEXT);
	put_digits(text, 4, year);
	if (!period->present) {
		if (year > 0)
			view->attributes[VIEW_PERIOD] = scratch_take(make, 4);
		return ERR_OK;
	}
	if (period->as.integer < 1 || period->as.integer > PERIOD_MAX)
		return view_bad(make, "period", -1, "is outside 1 to 99");
	int number = (int)period->as.integer;
	view->period = year * 100 + number;
	text[4] = '-';
	put_digits(text + 5, 2, number);
	view->attributes[VIEW_PERIOD] = scratch_take(make, PERIOD_TEXT);
	return ERR_OK;
}

static enum err take_origin(struct view_make *make)
{
	struct view *view = make->view;
	struct span rest = text_at(make, HEADER_ORIGIN);
	struct span first = {NULL, 0};
	view->origin = span_trim(rest);
	for (;;) {
		rest = span_trim(rest);
		if (rest.len == 0)
			break;
		const char *blank = memchr(rest.data, ' ', rest.len);
		size_t len = blank ? (size_t)(blank - rest.data) : rest.len;
		if (len >= STORE_SUBJECT_MAX)
			return view_bad(make, "origin", -1, "names what is longer than a subject");
		if (view->origins++ == 0)
			first = (struct span){rest.data, len};
		rest = (struct span){rest.data + len, rest.len - len};
	}
	if (view->origins == 1)
		CHECK(text_copy(view->identity, sizeof view->identity, first));
	return ERR_OK;
}

static int digits_of(struct span currency)
{
	return currency.len > 0 ? currency_minor_units(currency) : -1;
}

static enum err take_header(struct view_make *make)
{
	struct view *view = make->view;
	const struct document *document = make->document;
	enum err err = document_subject(document, view->subject, sizeof view->subject, make->info);
	if (err != ERR_OK)
		return err == ERR_TOO_LARGE ? ERR_BAD_INPUT : err;
	if (view->side == SIDE_CLOUD)
		err = take_origin(make);
	else
		memcpy(view->identity, view->subject, sizeof view->identity);
	if (err != ERR_OK)
		return err;
	const struct value *posting = header(make, HEADER_POSTING_DATE);
	view->has_posting = posting->present;
	view->posting = posting->present ? posting->as.date : 0;
	const struct value *date = posting->present ? posting : header(make, HEADER_DOCUMENT_DATE);
	make->on = date->present ? date->as.date : INT32_MAX;
	make->view->on = make->on;
	view->raw_entity = text_at(make, HEADER_ENTITY);
	view->entity = view_map(make, MAPPING_ENTITY, view->raw_entity);
	if (document->type != DOCUMENT_USAGE) {
		view->currency = text_at(make, HEADER_CURRENCY);
		view->local_currency = text_at(make, HEADER_LOCAL_CURRENCY);
	}
	make->digits = digits_of(view->currency);
	make->local_is_own = span_equal(view->currency, view->local_currency);
	make->local_digits = make->local_is_own ? make->digits : digits_of(view->local_currency);
	view->digits = make->digits < 0 ? 0 : make->digits;
	view->local_digits = make->local_digits < 0 ? 0 : make->local_digits;
	make->mirrored = document->type == DOCUMENT_CREDIT_MEMO;
	return take_period(make);
}

static void take_customer_attributes(struct view_make *make)
{
	struct span *texts = make->view->attributes;
	const struct value *hold = header(make, CUSTOMER_CREDIT_HOLD);
	texts[VIEW_LEGAL_NAME] = text_at(make, CUSTOMER_LEGAL_NAME);
	texts[VIEW_TAX_ID] = text_at(make, CUSTOMER_TAX_ID);
	texts[VIEW_COUNTRY] = text_at(make, CUSTOMER_COUNTRY);
	texts[VIEW_TERMS] = text_at(make, CUSTOMER_TERMS);
	if (hold->present)
		texts[VIEW_CREDIT_HOLD] = hold->as.boolean ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
}

static struct span integer_text(struct view_make *make, int slot)
{
	const struct value *value = header(make, slot);
	if (!value->present)
		return (struct span){NULL, 0};
	return scratch_take(
	    make, decimal_print((struct decimal){value->as.integer, 0}, scratch_at(make, DECIMAL_TEXT_MAX)));
}

/* "2026-09-01/2026-09-30", as ISO 8601 writes an interval. */
static struct span window_text(struct view_make *make)
{
	char *text = make->scratch + make->scratch_len;
	struct span start = date_text(make, USAGE_WINDOW_START);
	*scratch_at(make, 1) = '/';
	(void)scratch_take(make, 1);
	struct span end = date_text(make, USAGE_WINDOW_END);
	return (struct span){text, start.len + 1 + end.len};
}

static void take_usage_attributes(struct view_make *make)
{
	struct span *texts = make->view->attributes;
	texts[VIEW_METER] = text_at(make, USAGE_METER);
	texts[VIEW_WINDOW] = window_text(make);
	texts[VIEW_QUANTITY] = decimal_text(make, USAGE_QUANTITY);
	texts[VIEW_UNIT] = text_at(make, USAGE_UNIT);
	texts[VIEW_RECORD_COUNT] = integer_text(make, USAGE_RECORD_COUNT);
	texts[VIEW_RECORDS_DIGEST] = text_at(make, USAGE_RECORDS_DIGEST);
}

static void take_attributes(struct view_make *make)
{
	struct view *view = make->view;
	struct span *texts = view->attributes;
	enum document_type type = make->document->type;
	bool is_invoice = type == DOCUMENT_INVOICE || type == DOCUMENT_CREDIT_MEMO;
	struct span party = {NULL, 0};
	if (is_invoice) {
		party = text_at(make, INVOICE_CUSTOMER);
		texts[VIEW_DUE_DATE] = date_text(make, INVOICE_DUE_DATE);
		texts[VIEW_PAYABLE] = decimal_text(make, INVOICE_PAYABLE);
	} else if (type == DOCUMENT_PAYMENT) {
		party = text_at(make, PAYMENT_PAYER);
		texts[VIEW_STATUS] = text_at(make, PAYMENT_STATUS);
		/* What came and stayed needs no word for it: one side may leave it out. */
		if (span_equal(texts[VIEW_STATUS], SPAN_LITERAL("received")))
			texts[VIEW_STATUS] = (struct span){"", 0};
		texts[VIEW_UNAPPLIED] = decimal_text(make, PAYMENT_UNAPPLIED);
	} else if (type == DOCUMENT_JOURNAL) {
		texts[VIEW_LEDGER] = text_at(make, JOURNAL_LEDGER);
	} else if (type == DOCUMENT_CUSTOMER) {
		take_customer_attributes(make);
	} else if (type == DOCUMENT_USAGE) {
		party = text_at(make, USAGE_CUSTOMER);
		take_usage_attributes(make);
	}
	if (view_compares(make, VIEW_PARTY))
		party = view_map(make, MAPPING_CUSTOMER, party);
	view->party = party;
	view->reference = text_at(make, HEADER_REFERENCE);
	struct span own_type = text_at(make, HEADER_LEGACY_TYPE);
	if (view_compares(make, VIEW_DOCUMENT_TYPE))
		own_type = view_map(make, MAPPING_DOCUMENT_TYPE, own_type);
	texts[VIEW_DOCUMENT_TYPE] = own_type;
	texts[VIEW_POSTING_DATE] = date_text(make, HEADER_POSTING_DATE);
	texts[VIEW_DOCUMENT_DATE] = date_text(make, HEADER_DOCUMENT_DATE);
	texts[VIEW_CURRENCY] = view->currency;
	texts[VIEW_PARTY] = party;
	texts[VIEW_REFERENCE] = view->reference;
	texts[VIEW_EXCHANGE_RATE] = decimal_text(make, HEADER_EXCHANGE_RATE);
}

static enum err take_amount(struct view_make *make, enum view_amount amount, int slot, int local_slot)
{
	struct view *view = make->view;
	const struct field_spec *fields = document_spec(view->type)->header;
	const struct value *own = header(make, slot);
	const struct value *local = header(make, local_slot);
	enum err err = ERR_OK;
	view->has_amount[amount] = own->present;
	if (own->present)
		err = view_units(make, own, false, fields[slot].key, -1, &view->amounts[amount]);
	if (err != ERR_OK || !local->present || !view_compares(make, VIEW_LOCAL))
		return err;
	int64_t units;
	err = view_units(make, local, true, fields[local_slot].key, -1, &units);
	if (err != ERR_OK || (make->local_is_own && own->present && units == view->amounts[amount]))
		return err;
	view->local_amounts[amount] = units;
	view->has_local_amount[amount] = true;
	view->has_local = true;
	return ERR_OK;
}

static enum err take_amounts(struct view_make *make)
{
	static const int slots[][2] = {
	    [VIEW_NET] = {INVOICE_NET, INVOICE_NET_LOCAL},
	    [VIEW_TAX] = {INVOICE_TAX, INVOICE_TAX_LOCAL},
	    [VIEW_GROSS] = {INVOICE_GROSS, INVOICE_GROSS_LOCAL},
	};
	enum document_type type = make->document->type;
	enum err err = ERR_OK;
	if (type == DOCUMENT_PAYMENT)
		err = take_amount(make, VIEW_GROSS, PAYMENT_AMOUNT, PAYMENT_AMOUNT_LOCAL);
	if (type == DOCUMENT_INVOICE || type == DOCUMENT_CREDIT_MEMO) {
		for (int i = 0; i < VIEW_AMOUNT_COUNT && err == ERR_OK; i++)
			err = take_amount(make, (enum view_amount)i, slots[i][0], slots[i][1]);
	}
	make->view->total = make->view->amounts[VIEW_GROSS];
	return err;
}

enum err view_make(struct view *view, enum ledger_side side, const struct document *document,
                   const struct rules *rules, struct err_info *info)
{
	struct view_make make;
	CHECK((unsigned)side < SIDE_COUNT);
	learn_compared(view, rules);
	clear(view);
	view->side = side;
	view->type = document->type;
	view->voided = document->voided;
	view->compared = view->comparing.types[document->type];
	make.view = view;
	make.document = document;
	make.rules = side == SIDE_LEGACY ? rules : NULL;
	make.info = info;
	make.scratch_len = 0;
	enum err err = take_header(&make);
	if (err == ERR_OK) {
		take_attributes(&make);
		err = take_amounts(&make);
	}
	if (err == ERR_OK)
		err = view_lines_make(&make);
	if (err != ERR_OK) {
		clear(view);
		return err;
	}
	view_form_write(view);
	view->fingerprint = view_fingerprint(view, span_of(view->identity));
	return ERR_OK;
}

struct fingerprint view_fingerprint(const struct view *view, struct span identity)
{
	struct fingerprint fingerprint;
	/* Two bytes say where the identity ends. */
	CHECK(identity.len <= UINT16_MAX);
	const char length[2] = {(char)(identity.len >> 8), (char)(identity.len & 0xff)};
	const struct span parts[] = {
	    {length, sizeof length}, identity, {(const char *)view->text.data, view->form_len}};
	struct digest digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	memcpy(fingerprint.bytes, digest.bytes, FINGERPRINT_BYTES);
	return fingerprint;
}
