/*
 * rules_tolerance.c - what may differ (tolerance.csv), and what is compared at all (attribute.csv).
 *
 * Why:   see rules.h.
 * Owns:  nothing; the tables belong to struct rules.
 * Rules: 1. Tolerances are asked from the first row to the last: there are few of them, and a row is four comparisons
 *           of numbers before any text is looked at.
 *        2. A tolerance that an earlier row hides is an error: whoever wrote it believes that it counts.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_tolerance_test.c
 */
#include "connector/compare/rules_internal.h"

#include <string.h>

#include "config/value.h"
#include "connector/posting/validity.h"

/* Each type and attribute once: there cannot be too many rows. */
_Static_assert((DOCUMENT_TYPE_COUNT + 1) * VIEW_ATTRIBUTE_COUNT <= RULES_ATTRIBUTES_MAX,
               "every rule has room");

#define DIGITS_MAX 4 /* no currency of ISO 4217 has more */

enum tolerance_column {
	TOLERANCE_ENTITY,
	TOLERANCE_CURRENCY,
	TOLERANCE_TYPE,
	TOLERANCE_ACCOUNT,
	TOLERANCE_AMOUNT
};

static const struct rules_csv_column tolerance_columns[] = {
    {"entity", false},  {"currency", false}, {"document_type", false},
    {"account", false}, {"amount", false},   {"note", true},
};

enum attribute_column { ATTRIBUTE_TYPE, ATTRIBUTE_NAME, ATTRIBUTE_COMPARE };

static const struct rules_csv_column attribute_columns[] = {
    {"document_type", false}, {"attribute", false}, {"compare", false}, {"note", true}};

static const char *const attribute_names[VIEW_ATTRIBUTE_COUNT] = {
#define ATTRIBUTE_NAME_OF(identifier, name, compared) [VIEW_##identifier] = name,
    VIEW_ATTRIBUTES(ATTRIBUTE_NAME_OF)
#undef ATTRIBUTE_NAME_OF
};

/* ---- tolerances ---- */

/* Empty where any is meant. */
static struct span or_any(struct span text)
{
	return span_equal(text, SPAN_LITERAL("*")) ? (struct span){NULL, 0} : text;
}

static struct span entity_of(const struct rules *rules, const struct tolerance *row)
{
	return (struct span){(const char *)rules->text.data + row->text, row->entity_len};
}

static struct span account_of(const struct rules *rules, const struct tolerance *row)
{
	return (struct span){(const char *)rules->text.data + row->text + row->entity_len, row->account_len};
}

static bool read_currency(const struct rules_reading *reading, int line, struct span text,
                          struct tolerance *row, int *digits)
{
	char shown[VALUE_SHOWN_SIZE];
	*digits = DIGITS_MAX;
	if (text.len == 0)
		return true;
	*digits = currency_minor_units(text);
	if (*digits >= 0) {
		memcpy(row->currency, text.data, sizeof row->currency);
		return true;
	}
	value_show(text, shown);
	rules_tell(reading->problems, reading->file, line,
	           "there is no currency %s; allowed is a code of ISO 4217 such as EUR, or * for all", shown);
	return false;
}

static bool read_amount(const struct rules_reading *reading, int line, struct span text, int digits,
                        struct decimal *amount)
{
	char shown[VALUE_SHOWN_SIZE];
	value_show(text, shown);
	if (text.len == 0 || decimal_parse(amount, text) != ERR_OK) {
		rules_tell(
		    reading->problems, reading->file, line,
		    "amount is %s; allowed is a number with a point and without separators of thousands, "
		    "such as 0.05",
		    text.len ? shown : "empty");
		return false;
	}
	if (decimal_sign(*amount) < 0) {
		rules_tell(reading->problems, reading->file, line,
		           "amount is %s; allowed is 0 or more: it counts in both directions", shown);
		return false;
	}
	if (amount->scale <= digits || decimal_rescale(amount, *amount, (uint8_t)digits) == ERR_OK)
		return true;
	rules_tell(reading->problems, reading->file, line,
	           "amount is %s; allowed are at most %d digits after the point, as the currency has them",
	           shown, digits);
	return false;
}

static bool take_tolerance(void *self, int line, const struct span *fields)
{
	struct rules_reading *reading = self;
	struct rules *rules = reading->rules;
	struct tolerance row = {.line = line};
	struct span entity = or_any(fields[TOLERANCE_ENTITY]);
	struct span account = or_any(fields[TOLERANCE_ACCOUNT]);
	int type = ANY_TYPE;
	int digits;
	bool good = rules_code_good(reading, line, "entity", entity);
	good = rules_code_good(reading, line, "account", account) && good;
	good = rules_type_of(reading, line, fields[TOLERANCE_TYPE], &type) && good;
	if (read_currency(reading, line, or_any(fields[TOLERANCE_CURRENCY]), &row, &digits))
		good = read_amount(reading, line, fields[TOLERANCE_AMOUNT], digits, &row.amount) && good;
	else
		good = false;
	if (!good)
		return true;
	if (rules->tolerance_count == RULES_TOLERANCES_MAX) {
		rules_tell(reading->problems, reading->file, line,
		           "there are more than %d rows; allowed are %d", RULES_TOLERANCES_MAX,
		           RULES_TOLERANCES_MAX);
		return false;
	}
	row.type = (int8_t)type;
	row.text = rules_keep(rules, entity);
	(void)rules_keep(rules, account);
	row.entity_len = (uint8_t)entity.len;
	row.account_len = (uint8_t)account.len;
	row.entity_hash = rules_hash(entity);
	row.account_hash = rules_hash(account);
	rules->tolerances[rules->tolerance_count++] = row;
	return true;
}

bool tolerance_read(struct rules_reading *reading, struct span text)
{
	struct rules *rules = reading->rules;
	rules->tolerances = mem_alloc(RULES_TOLERANCES_MAX * sizeof rules->tolerances[0]);
	return rules_csv_read(reading->file, text, tolerance_columns,
	                      sizeof tolerance_columns / sizeof tolerance_columns[0], reading->problems,
	                      take_tolerance, reading);
}

/* Does `row` match whatever `other` matches? */
static bool hides(const struct rules *rules, const struct tolerance *row, const struct tolerance *other)
{
	if (row->type != ANY_TYPE && row->type != other->type)
		return false;
	if (row->currency[0] && memcmp(row->currency, other->currency, sizeof row->currency) != 0)
		return false;
	if (row->entity_len && !span_equal(entity_of(rules, row), entity_of(rules, other)))
		return false;
	return row->account_len == 0 || span_equal(account_of(rules, row), account_of(rules, other));
}

bool tolerance_finish(const struct rules *rules, struct rules_problems *problems)
{
	bool good = true;
	for (int i = 1; i < rules->tolerance_count; i++) {
		const struct tolerance *row = &rules->tolerances[i];
		int earlier = 0;
		while (earlier < i && !hides(rules, &rules->tolerances[earlier], row))
			earlier++;
		if (earlier == i)
			continue;
		rules_tell(
		    problems, "tolerance.csv", row->line,
		    "this row never counts: the one in line %d already matches; put it before that one, or "
		    "remove it",
		    rules->tolerances[earlier].line);
		good = false;
	}
	return good;
}

struct decimal rules_tolerance(const struct rules *rules, struct span entity, struct span currency,
                               enum document_type type, struct span account)
{
	CHECK(rules->finished);
	if (rules->tolerance_count == 0)
		return (struct decimal){0, 0};
	uint32_t entity_hash = rules_hash(entity);
	uint32_t account_hash = rules_hash(account);
	for (int i = 0; i < rules->tolerance_count; i++) {
		const struct tolerance *row = &rules->tolerances[i];
		if (row->type != ANY_TYPE && row->type != (int)type)
			continue;
		if (row->currency[0] && (currency.len != sizeof row->currency ||
		                         memcmp(row->currency, currency.data, sizeof row->currency) != 0))
			continue;
		if (row->entity_len &&
		    (row->entity_hash != entity_hash || !span_equal(entity_of(rules, row), entity)))
			continue;
		if (row->account_len &&
		    (row->account_hash != account_hash || !span_equal(account_of(rules, row), account)))
			continue;
		return row->amount;
	}
	return (struct decimal){0, 0};
}

/* ---- attributes ---- */

static int attribute_of(struct span name)
{
	int attribute = 0;
	while (attribute < VIEW_ATTRIBUTE_COUNT && !span_equal(name, span_of(attribute_names[attribute])))
		attribute++;
	return attribute;
}

static void tell_attribute(const struct rules_reading *reading, int line, struct span name)
{
	char shown[VALUE_SHOWN_SIZE];
	struct buf all;
	buf_init(&all, ERR_TEXT_MAX);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++)
		buf_printf(&all, "%s%s",
		           i == 0                         ? ""
		           : i + 1 < VIEW_ATTRIBUTE_COUNT ? ", "
		                                          : " and ",
		           attribute_names[i]);
	value_show(name, shown);
	rules_tell(reading->problems, reading->file, line, "there is no attribute %s; allowed are %s",
	           name.len ? shown : "without a name", buf_cstr(&all));
	buf_release(&all);
}

static bool take_attribute(void *self, int line, const struct span *fields)
{
	struct rules_reading *reading = self;
	struct rules *rules = reading->rules;
	int attribute = attribute_of(fields[ATTRIBUTE_NAME]);
	int type = ANY_TYPE;
	bool compared = span_equal(fields[ATTRIBUTE_COMPARE], SPAN_LITERAL("yes"));
	bool good = rules_type_of(reading, line, fields[ATTRIBUTE_TYPE], &type);
	if (attribute == VIEW_ATTRIBUTE_COUNT) {
		tell_attribute(reading, line, fields[ATTRIBUTE_NAME]);
		good = false;
	}
	if (!compared && !span_equal(fields[ATTRIBUTE_COMPARE], SPAN_LITERAL("no"))) {
		char shown[VALUE_SHOWN_SIZE];
		value_show(fields[ATTRIBUTE_COMPARE], shown);
		rules_tell(reading->problems, reading->file, line, "compare is %s; allowed is yes or no",
		           fields[ATTRIBUTE_COMPARE].len ? shown : "empty");
		good = false;
	}
	if (!good)
		return true;
	struct attribute_rule *rule =
	    &rules->attributes[type == ANY_TYPE ? DOCUMENT_TYPE_COUNT : type][attribute];
	if (rule->line != 0) {
		rules_tell(reading->problems, reading->file, line,
		           "line %d has the same document_type and attribute; remove one of them",
		           rule->line);
		return true;
	}
	*rule = (struct attribute_rule){line, compared};
	rules->attribute_count++;
	return true;
}

bool attribute_read(struct rules_reading *reading, struct span text)
{
	return rules_csv_read(reading->file, text, attribute_columns,
	                      sizeof attribute_columns / sizeof attribute_columns[0], reading->problems,
	                      take_attribute, reading);
}

bool rules_compares(const struct rules *rules, enum document_type type, struct span attribute, bool fallback)
{
	CHECK(rules->finished && type >= 0 && type < DOCUMENT_TYPE_COUNT);
	int index = rules->attribute_count > 0 ? attribute_of(attribute) : VIEW_ATTRIBUTE_COUNT;
	if (index == VIEW_ATTRIBUTE_COUNT)
		return fallback;
	const struct attribute_rule *own = &rules->attributes[type][index];
	const struct attribute_rule *all = &rules->attributes[DOCUMENT_TYPE_COUNT][index];
	if (own->line == 0 && all->line == 0)
		return fallback;
	return own->line ? own->compared : all->compared;
}
