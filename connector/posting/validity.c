/*
 * validity.c - tries the rules on one document and words what is broken.
 *
 * Why:   see validity.h.
 * Owns:  nothing.
 * Rules: 1. One function a rule or a group of rules that stand together in the list; each returns true (kept) or fills
 *           the finding.
 *        2. The good way prints nothing and allocates nothing: figures are worded only for a finding.
 * Faults: none; every document gets an answer.
 * Runs in: the core.
 * Tests: tests/unit/validity_test.c, validity_invoice_test.c, currency_test.c
 */
#include "connector/posting/validity.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_LIMIT      (INT64_C(1) << 53)
#define PERIOD_MAX         16
#define DIGEST_HEX_LETTERS 64 /* of SHA-256 */
/* Values of the ERP are quoted in a finding up to here. */
#define QUOTED_MAX 40

__extension__ typedef __int128 wide;

enum rule {
#define RULE_ENUM(identifier, id, owner, text) RULE_##identifier,
	VALIDITY_RULES(RULE_ENUM)
#undef RULE_ENUM
	    RULE_COUNT
};

static const struct validity_rule rules[RULE_COUNT] = {
#define RULE_ENTRY(identifier, id, owner, text) {id, STORE_OWNER_##owner, text},
    VALIDITY_RULES(RULE_ENTRY)
#undef RULE_ENTRY
};

/* What the rules share: the document's currencies, looked up once. */
struct check {
	const struct document *document;
	const struct document_spec *spec;
	struct span code[CURRENCY_GROUP + 1]; /* by enum value_currency; empty: not named */
	int minor_units[CURRENCY_GROUP + 1];  /* -1: unknown */
	struct finding *finding;
};

/* One decimal as text, for a finding. */
struct figure {
	char text[DECIMAL_TEXT_MAX];
};

const struct validity_rule *validity_rules(size_t *count)
{
	*count = RULE_COUNT;
	return rules;
}

static struct figure figure(struct decimal value)
{
	struct figure printed;
	(void)decimal_print(value, printed.text);
	return printed;
}

/* Always false, so that `return broken(...)` reads well. */
static bool broken(struct check *check, enum rule rule, const char *format, ...) PRINTF_LIKE(3, 4);
static bool broken(struct check *check, enum rule rule, const char *format, ...)
{
	struct finding *finding = check->finding;
	va_list args;
	finding->rule = rules[rule].id;
	finding->owner = rules[rule].owner;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof finding->text, format, args);
	va_end(args);
	return false;
}

static bool overflow(struct check *check, const char *what)
{
	return broken(check, RULE_AMOUNT_OVERFLOW,
	              "the %s are too large to be added up exactly (over 19 digits); look for a wrong amount "
	              "in the ERP",
	              what);
}

static int quoted_len(struct span text)
{
	size_t len = text.len;
	if (len <= QUOTED_MAX)
		return (int)len;
	/* Cut before a whole character, so that the sentence stays UTF-8. */
	len = QUOTED_MAX;
	while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}

static struct span code_of(const struct check *check, enum value_currency currency)
{
	return check->code[currency].len > 0 ? check->code[currency] : SPAN_LITERAL("");
}

/* "header" or "line 3" or "application 3": where a value stands. */
struct place {
	char text[32];
};

static struct place place_of(int section, int line)
{
	static const char *const names[SECTION_COUNT] = {"line", "tax line", "application"};
	struct place place;
	if (section < 0)
		(void)snprintf(place.text, sizeof place.text, "header");
	else
		(void)snprintf(place.text, sizeof place.text, "%s %d", names[section], line + 1);
	return place;
}

/* The rules of single fields: called for the header, then for each line, once for each of these rules in turn. */
typedef bool (*field_rule)(struct check *check, const struct field_spec *field, const struct value *value,
                           int section, int line);

/* Inlined, so that each rule becomes one loop without calls: this runs for every field of every document. */
__attribute__((always_inline)) static inline bool for_each_field(struct check *check, field_rule rule)
{
	const struct document *document = check->document;
	for (int slot = 0; slot < check->spec->header_count; slot++) {
		if (!rule(check, &check->spec->header[slot], &document->header[slot], -1, 0))
			return false;
	}
	for (int section = 0; section < SECTION_COUNT; section++) {
		const struct section_spec *spec = &check->spec->sections[section];
		for (int line = 0; line < document->sections[section].count; line++) {
			const struct value *values =
			    document_line(document, (enum document_section)section, line);
			for (int slot = 0; slot < spec->field_count; slot++) {
				if (!rule(check, &spec->fields[slot], &values[slot], section, line))
					return false;
			}
		}
	}
	return true;
}

static bool field_required(struct check *check, const struct field_spec *field, const struct value *value,
                           int section, int line)
{
	if (value->present || !field->required)
		return true;
	return broken(check, RULE_FIELD_REQUIRED, "the %s has no %s in its %s, where one is required",
	              check->spec->name, field->key, place_of(section, line).text);
}

static bool integer_range(struct check *check, const struct field_spec *field, const struct value *value,
                          int section, int line)
{
	if (field->kind != VALUE_INTEGER || !value->present)
		return true;
	if (value->as.integer > -INTEGER_LIMIT && value->as.integer < INTEGER_LIMIT)
		return true;
	return broken(check, RULE_INTEGER_RANGE,
	              "%s in the %s is %lld, beyond the 15 digits an integer may have here", field->key,
	              place_of(section, line).text, (long long)value->as.integer);
}

static const char *currency_key(enum value_currency currency)
{
	static const char *const keys[] = {"", "currency", "local_currency", "group_currency"};
	return keys[currency];
}

static bool currency_missing(struct check *check, const struct field_spec *field, const struct value *value,
                             int section, int line)
{
	if (field->kind != VALUE_AMOUNT || !value->present || check->code[field->currency].len > 0)
		return true;
	return broken(check, RULE_CURRENCY_MISSING, "%s in the %s is %s, but the %s's header names no %s",
	              field->key, place_of(section, line).text, figure(value->as.decimal).text,
	              check->spec->name, currency_key(field->currency));
}

static bool amount_digits(struct check *check, const struct field_spec *field, const struct value *value,
                          int section, int line)
{
	if (field->kind != VALUE_AMOUNT || !value->present)
		return true;
	int digits = check->minor_units[field->currency];
	if (value->as.decimal.scale == digits)
		return true;
	struct span code = code_of(check, field->currency);
	return broken(
	    check, RULE_AMOUNT_DIGITS,
	    "%s in the %s is %s with %d digits after the point, but %.*s has %d; it is not rounded here",
	    field->key, place_of(section, line).text, figure(value->as.decimal).text, value->as.decimal.scale,
	    (int)code.len, code.data, digits);
}

static bool check_type_name(struct check *check)
{
	struct span name = document_text(check->document, &check->document->header[HEADER_TYPE]);
	if (span_equal(name, span_of(check->spec->name)))
		return true;
	return broken(check, RULE_TYPE_NAME, "the field type is \"%.*s\", but the document was read as %s",
	              quoted_len(name), name.data, check->spec->name);
}

static bool check_lines(struct check *check)
{
	for (int section = 0; section < SECTION_COUNT; section++) {
		int count = check->document->sections[section].count;
		int least = check->spec->sections[section].lines_min;
		if (count < least)
			return broken(check, RULE_LINES_MISSING, "the %s has %d %s, and needs at least %d",
			              check->spec->name, count, check->spec->sections[section].key, least);
	}
	return true;
}

static bool check_currencies(struct check *check)
{
	for (int currency = CURRENCY_DOCUMENT; currency <= CURRENCY_GROUP; currency++) {
		struct span code = check->code[currency];
		if (code.len > 0 && check->minor_units[currency] < 0)
			return broken(
			    check, RULE_CURRENCY_UNKNOWN,
			    "%s is \"%.*s\", which is no currency of ISO 4217 with known minor units",
			    currency_key((enum value_currency)currency), quoted_len(code), code.data);
	}
	return true;
}

static bool check_period(struct check *check)
{
	const struct value *header = check->document->header;
	const struct value *period = &header[HEADER_PERIOD];
	int64_t fiscal_year = header[HEADER_YEAR].as.integer;
	if (period->present && (period->as.integer < 1 || period->as.integer > PERIOD_MAX))
		return broken(check, RULE_PERIOD_RANGE, "the period is %lld, outside 1 to %d",
		              (long long)period->as.integer, PERIOD_MAX);
	if (fiscal_year == 0)
		return true;
	if (fiscal_year < DATE_YEAR_MIN || fiscal_year > DATE_YEAR_MAX)
		return broken(check, RULE_PERIOD_RANGE, "the fiscal year is %lld, outside %d to %d",
		              (long long)fiscal_year, DATE_YEAR_MIN, DATE_YEAR_MAX);
	if (!header[HEADER_POSTING_DATE].present)
		return broken(check, RULE_POSTING_DATE,
		              "the document has no posting_date, though it belongs to fiscal year %d",
		              (int)fiscal_year);
	int year;
	int month;
	int day;
	date_to_civil(header[HEADER_POSTING_DATE].as.date, &year, &month, &day);
	if (year >= fiscal_year - 1 && year <= fiscal_year + 1)
		return true;
	return broken(check, RULE_PERIOD_RANGE,
	              "the posting date is %04d-%02d-%02d, more than a year from fiscal year %d", year, month,
	              day, (int)fiscal_year);
}

/* start and end are slots of values; key names the end. */
static bool dates_in_order(struct check *check, const struct value *values, int start, int end,
                           const char *key, int section, int line)
{
	if (!values[start].present || !values[end].present || values[end].as.date >= values[start].as.date)
		return true;
	char from[DATE_TEXT_SIZE];
	char to[DATE_TEXT_SIZE];
	date_print(values[start].as.date, from);
	date_print(values[end].as.date, to);
	return broken(check, RULE_DATE_ORDER, "%s in the %s is %s, before its start on %s", key,
	              place_of(section, line).text, to, from);
}

static bool check_date_order(struct check *check)
{
	const struct document *document = check->document;
	if (document->type == DOCUMENT_CUSTOMER)
		return dates_in_order(check, document->header, CUSTOMER_VALID_FROM, CUSTOMER_VALID_TO,
		                      "valid_to", -1, 0);
	if (document->type == DOCUMENT_USAGE)
		return dates_in_order(check, document->header, USAGE_WINDOW_START, USAGE_WINDOW_END,
		                      "window_end", -1, 0);
	if (document->type != DOCUMENT_INVOICE && document->type != DOCUMENT_CREDIT_MEMO)
		return true;
	if (!dates_in_order(check, document->header, INVOICE_SERVICE_START, INVOICE_SERVICE_END,
	                    "service_end", -1, 0))
		return false;
	for (int line = 0; line < document->sections[SECTION_LINES].count; line++) {
		if (!dates_in_order(check, document_line(document, SECTION_LINES, line),
		                    INVOICE_LINE_REVENUE_START, INVOICE_LINE_REVENUE_END, "revenue_end",
		                    SECTION_LINES, line))
			return false;
	}
	return true;
}

static bool is_hex_digest(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return text.len == DIGEST_HEX_LETTERS;
}

/* What proves the records behind a sum of usage must be able to: a digest of another form equals none. */
static bool check_usage(struct check *check)
{
	const struct document *document = check->document;
	const struct value *count = &document->header[USAGE_RECORD_COUNT];
	const struct value *digest = &document->header[USAGE_RECORDS_DIGEST];
	struct span text = document_text(document, digest);
	if (count->present && count->as.integer < 0)
		return broken(check, RULE_USAGE_RECORDS,
		              "record_count is %lld: there are no fewer than 0 records",
		              (long long)count->as.integer);
	if (digest->present && !is_hex_digest(text))
		return broken(
		    check, RULE_USAGE_RECORDS,
		    "records_digest is \"%.*s\", which is no SHA-256 of %d hex digits in lower case",
		    quoted_len(text), text.data, DIGEST_HEX_LETTERS);
	return true;
}

/* Sum of one amount over the lines of a section; absent counts as nothing. *given: how many lines have it. */
static bool sum_lines(const struct document *document, enum document_section section, int slot, int digits,
                      struct decimal *sum, int *given)
{
	*sum = (struct decimal){0, (uint8_t)digits};
	*given = 0;
	for (int line = 0; line < document->sections[section].count; line++) {
		const struct value *value = &document_line(document, section, line)[slot];
		if (!value->present)
			continue;
		(*given)++;
		if (decimal_add(sum, *sum, value->as.decimal) != ERR_OK)
			return false;
	}
	return true;
}

static bool journal_balances(struct check *check, int slot, enum value_currency currency, enum rule rule)
{
	const struct document *document = check->document;
	if (check->minor_units[currency] < 0)
		return true; /* not named, so no line has such an amount */
	struct decimal debits = {0, (uint8_t)check->minor_units[currency]};
	struct decimal credits = debits;
	struct decimal difference;
	for (int line = 0; line < document->sections[SECTION_LINES].count; line++) {
		const struct value *value = &document_line(document, SECTION_LINES, line)[slot];
		if (!value->present)
			continue;
		struct decimal *side = value->as.decimal.units < 0 ? &credits : &debits;
		if (decimal_add(side, *side, value->as.decimal) != ERR_OK)
			return overflow(check, "journal's amounts");
	}
	/* Of opposite signs: their sum cannot overflow. */
	CHECK(decimal_add(&difference, debits, credits) == ERR_OK);
	if (difference.units == 0)
		return true;
	if (credits.units == INT64_MIN || difference.units == INT64_MIN)
		return overflow(check, "journal's amounts");
	credits.units = -credits.units;
	difference.units = difference.units < 0 ? -difference.units : difference.units;
	struct span code = code_of(check, currency);
	return broken(check, rule, "debits %s and credits %s %.*s differ by %s%s", figure(debits).text,
	              figure(credits).text, (int)code.len, code.data, figure(difference).text,
	              currency == CURRENCY_LOCAL ? " in local currency" : "");
}

static bool check_journal(struct check *check)
{
	return journal_balances(check, JOURNAL_LINE_AMOUNT, CURRENCY_DOCUMENT, RULE_JOURNAL_BALANCE) &&
	       journal_balances(check, JOURNAL_LINE_AMOUNT_LOCAL, CURRENCY_LOCAL, RULE_JOURNAL_BALANCE_LOCAL);
}

static bool invoice_sign(struct check *check)
{
	static const int slots[] = {INVOICE_NET, INVOICE_GROSS};
	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
		struct decimal amount = check->document->header[slots[i]].as.decimal;
		if (decimal_sign(amount) < 0)
			return broken(
			    check, RULE_INVOICE_SIGN,
			    "%s is %s: the amounts of %s are positive, its type tells the direction",
			    check->spec->header[slots[i]].key, figure(amount).text,
			    check->document->type == DOCUMENT_INVOICE ? "an invoice" : "a credit memo");
	}
	return true;
}

/* The lines of the section add up to the header's amount, if any line has one. */
static bool lines_add_up(struct check *check, enum document_section section, int line_slot, int header_slot,
                         enum rule rule)
{
	const struct value *total = &check->document->header[header_slot];
	const char *key = check->spec->header[header_slot].key;
	struct decimal sum;
	int given;
	if (!sum_lines(check->document, section, line_slot, check->minor_units[CURRENCY_DOCUMENT], &sum,
	               &given))
		return overflow(check, "amounts of its lines");
	if (given == 0 || decimal_compare(sum, total->as.decimal) == 0)
		return true;
	struct span code = code_of(check, CURRENCY_DOCUMENT);
	struct decimal difference;
	if (decimal_subtract(&difference, sum, total->as.decimal) != ERR_OK)
		return overflow(check, "amounts of its lines");
	return broken(check, rule,
	              "%s of the %s adds up to %s %.*s, but the header's %s is %s (difference %s)",
	              check->spec->sections[section].fields[line_slot].key,
	              check->spec->sections[section].key, figure(sum).text, (int)code.len, code.data, key,
	              figure(total->as.decimal).text, figure(difference).text);
}

static bool invoice_gross(struct check *check)
{
	const struct value *header = check->document->header;
	struct decimal net = header[INVOICE_NET].as.decimal;
	struct decimal tax = header[INVOICE_TAX].as.decimal;
	struct decimal gross = header[INVOICE_GROSS].as.decimal;
	struct decimal sum;
	if (decimal_add(&sum, net, tax) != ERR_OK)
		return overflow(check, "net and tax");
	if (decimal_compare(sum, gross) == 0)
		return true;
	struct span code = code_of(check, CURRENCY_DOCUMENT);
	return broken(check, RULE_INVOICE_GROSS, "net %s and tax %s make %s %.*s, but gross is %s",
	              figure(net).text, figure(tax).text, figure(sum).text, (int)code.len, code.data,
	              figure(gross).text);
}

static struct decimal amount_or_nothing(const struct value *value, struct decimal like)
{
	return value->present ? value->as.decimal : (struct decimal){0, like.scale};
}

static bool invoice_payable(struct check *check)
{
	const struct value *header = check->document->header;
	if (!header[INVOICE_PAYABLE].present)
		return true;
	struct decimal payable = header[INVOICE_PAYABLE].as.decimal;
	struct decimal gross = header[INVOICE_GROSS].as.decimal;
	struct decimal prepaid = amount_or_nothing(&header[INVOICE_PREPAID], gross);
	struct decimal rounding = amount_or_nothing(&header[INVOICE_ROUNDING], gross);
	struct decimal sum;
	if (decimal_subtract(&sum, gross, prepaid) != ERR_OK || decimal_add(&sum, sum, rounding) != ERR_OK)
		return overflow(check, "gross, prepaid and rounding amounts");
	if (decimal_compare(sum, payable) == 0)
		return true;
	struct span code = code_of(check, CURRENCY_DOCUMENT);
	return broken(check, RULE_INVOICE_PAYABLE,
	              "gross %s less prepaid %s plus rounding %s makes %s %.*s, but payable is %s",
	              figure(gross).text, figure(prepaid).text, figure(rounding).text, figure(sum).text,
	              (int)code.len, code.data, figure(payable).text);
}

/* Lines that carry the tax code, each of which may have been rounded; all lines where none carries it. */
static int tax_components(const struct document *document, struct span code)
{
	int count = 0;
	int lines = document->sections[SECTION_LINES].count;
	for (int line = 0; line < lines; line++) {
		const struct value *values = document_line(document, SECTION_LINES, line);
		if (span_equal(document_text(document, &values[INVOICE_LINE_TAX_CODE]), code))
			count++;
	}
	return count > 0 ? count : lines;
}

static wide power_of_ten(int exponent)
{
	wide value = 1;
	while (exponent-- > 0)
		value *= 10;
	return value;
}

/* Is the tax within components x max(0.01, one minor unit) of base x rate, and of its sign? All is compared as a
 * hundredfold at the scale of the product, so that nothing is divided or rounded; 128 bits hold every product of 64 by
 * 64. */
static bool tax_is_of_rate(struct decimal tax, struct decimal base, struct decimal rate, int components,
                           bool *same_sign)
{
	CHECK(tax.scale == base.scale && rate.scale <= DECIMAL_SCALE_MAX);
	wide expected = (wide)base.units * rate.units;
	wide difference = (wide)tax.units * 100 * power_of_ten(rate.scale) - expected;
	/* 0.01 is 1 a hundredfold; a yen is 100. */
	wide tolerance = components * (tax.scale >= 2 ? 1 : 100) * power_of_ten(base.scale + rate.scale);
	*same_sign = tax.units == 0 || expected == 0 || (tax.units < 0) == (expected < 0);
	return *same_sign && difference <= tolerance && difference >= -tolerance;
}

static bool tax_line_rate(struct check *check, int line)
{
	const struct value *values = document_line(check->document, SECTION_TAX_LINES, line);
	if (!values[INVOICE_TAX_LINE_RATE].present)
		return true;
	struct decimal tax = values[INVOICE_TAX_LINE_TAX].as.decimal;
	struct decimal base = values[INVOICE_TAX_LINE_BASE].as.decimal;
	struct decimal rate = values[INVOICE_TAX_LINE_RATE].as.decimal;
	struct span code = document_text(check->document, &values[INVOICE_TAX_LINE_CODE]);
	int components = tax_components(check->document, code);
	bool same_sign;
	if (tax_is_of_rate(tax, base, rate, components, &same_sign))
		return true;
	struct span currency = code_of(check, CURRENCY_DOCUMENT);
	return broken(
	    check, RULE_INVOICE_TAX_RATE,
	    "tax line %d (\"%.*s\") has tax %s %.*s, but base %s at %s per cent is more than %d x %s away%s",
	    line + 1, quoted_len(code), code.data, figure(tax).text, (int)currency.len, currency.data,
	    figure(base).text, figure(rate).text, components, tax.scale >= 2 ? "0.01" : "one minor unit",
	    same_sign ? "" : ", or has the other sign");
}

static bool invoice_tax_rate(struct check *check)
{
	for (int line = 0; line < check->document->sections[SECTION_TAX_LINES].count; line++) {
		if (!tax_line_rate(check, line))
			return false;
	}
	return true;
}

static bool invoice_due(struct check *check)
{
	const struct document *document = check->document;
	const struct value *header = document->header;
	const struct value *owed =
	    header[INVOICE_PAYABLE].present ? &header[INVOICE_PAYABLE] : &header[INVOICE_GROSS];
	if (document->type != DOCUMENT_INVOICE || decimal_sign(owed->as.decimal) <= 0)
		return true;
	if (header[INVOICE_DUE_DATE].present || header[INVOICE_TERMS].present)
		return true;
	/* Pay items of an instalment plan have a due date each. */
	int lines = document->sections[SECTION_LINES].count;
	int dated = 0;
	for (int line = 0; line < lines; line++) {
		if (document_line(document, SECTION_LINES, line)[INVOICE_LINE_DUE_DATE].present)
			dated++;
	}
	if (dated == lines)
		return true;
	struct span code = code_of(check, CURRENCY_DOCUMENT);
	return broken(check, RULE_INVOICE_DUE,
	              "%s %.*s are to be paid, but there is neither a due date nor terms",
	              figure(owed->as.decimal).text, (int)code.len, code.data);
}

static bool check_invoice(struct check *check)
{
	return invoice_sign(check) &&
	       lines_add_up(check, SECTION_LINES, INVOICE_LINE_NET, INVOICE_NET, RULE_INVOICE_NET) &&
	       lines_add_up(check, SECTION_LINES, INVOICE_LINE_TAX, INVOICE_TAX, RULE_INVOICE_TAX) &&
	       lines_add_up(check, SECTION_TAX_LINES, INVOICE_TAX_LINE_TAX, INVOICE_TAX, RULE_INVOICE_TAX) &&
	       invoice_gross(check) && invoice_payable(check) && invoice_tax_rate(check) &&
	       invoice_due(check);
}

static bool check_payment(struct check *check)
{
	const struct document *document = check->document;
	const struct value *unapplied = &document->header[PAYMENT_UNAPPLIED];
	struct decimal amount = document->header[PAYMENT_AMOUNT].as.decimal;
	struct decimal applied;
	struct decimal sum;
	int given;
	if (!unapplied->present)
		return true;
	if (!sum_lines(document, SECTION_APPLICATIONS, PAYMENT_APPLICATION_AMOUNT, amount.scale, &applied,
	               &given) ||
	    decimal_add(&sum, applied, unapplied->as.decimal) != ERR_OK)
		return overflow(check, "payment's applied amounts");
	if (decimal_compare(sum, amount) == 0)
		return true;
	struct span code = code_of(check, CURRENCY_DOCUMENT);
	return broken(check, RULE_PAYMENT_APPLIED,
	              "applied %s and unapplied %s make %s %.*s, but the payment is %s", figure(applied).text,
	              figure(unapplied->as.decimal).text, figure(sum).text, (int)code.len, code.data,
	              figure(amount).text);
}

static bool check_amounts(struct check *check)
{
	switch (check->document->type) {
	case DOCUMENT_JOURNAL:
		return check_journal(check);
	case DOCUMENT_INVOICE:
	case DOCUMENT_CREDIT_MEMO:
		return check_invoice(check);
	case DOCUMENT_PAYMENT:
		return check_payment(check);
	case DOCUMENT_USAGE:
		return check_usage(check);
	default:
		return true; /* master data has no sums */
	}
}

static void find_currencies(struct check *check)
{
	static const int slots[] = {-1, HEADER_CURRENCY, HEADER_LOCAL_CURRENCY, HEADER_GROUP_CURRENCY};
	for (int currency = CURRENCY_DOCUMENT; currency <= CURRENCY_GROUP; currency++) {
		check->code[currency] =
		    document_text(check->document, &check->document->header[slots[currency]]);
		check->minor_units[currency] = currency_minor_units(check->code[currency]);
	}
}

bool validity_check(const struct document *document, struct finding *finding)
{
	struct check check = {
	    .document = document, .spec = document_spec(document->type), .finding = finding};
	find_currencies(&check);
	return for_each_field(&check, field_required) && check_type_name(&check) && check_lines(&check) &&
	       for_each_field(&check, integer_range) && for_each_field(&check, currency_missing) &&
	       check_currencies(&check) && for_each_field(&check, amount_digits) && check_period(&check) &&
	       check_date_order(&check) && check_amounts(&check);
}

static void settle(const struct check *check, const struct field_spec *fields, int count,
                   struct value *values)
{
	for (int slot = 0; slot < count; slot++) {
		struct value *value = &values[slot];
		if (fields[slot].kind != VALUE_AMOUNT || !value->present)
			continue;
		int digits = check->minor_units[fields[slot].currency];
		struct decimal settled;
		if (digits >= 0 && decimal_rescale(&settled, value->as.decimal, (uint8_t)digits) == ERR_OK)
			value->as.decimal = settled;
	}
}

void validity_settle_amounts(struct document *document)
{
	struct check check = {.document = document, .spec = document_spec(document->type)};
	find_currencies(&check);
	settle(&check, check.spec->header, check.spec->header_count, document->header);
	for (int section = 0; section < SECTION_COUNT; section++) {
		struct line_list *list = &document->sections[section];
		for (int line = 0; line < list->count; line++)
			settle(&check, check.spec->sections[section].fields,
			       check.spec->sections[section].field_count, &list->values[line * list->stride]);
	}
}
