/*
 * rounding_sheet.c - what one invoice or credit memo says about rounding: lines by tax code, and the tax printed.
 *
 * Why:   see rounding.h; an observation must be whole, or it would accuse a policy that is innocent.
 * Owns:  the sheet's lines.
 * Rules: 1. A group is a tax code with one rate. Its printed tax is that of the one tax line of this code (and rate);
 *           without any tax line, that of the header where there is one group alone, else the sum of its lines'
 *           taxes.
 *        2. What is not certain is left out, and `whole` says so.
 * Faults: none.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rounding_sheet_test.c
 */
#include "connector/compare/rounding.h"

#include <stdlib.h>

#include "connector/posting/validity.h"

#define LINES_AT_FIRST 16

/* What is looked up once for a document. */
struct reading {
	struct rounding_sheet *sheet;
	const struct document *document;
	uint8_t digits;
	bool negative; /* a credit memo */
};

void rounding_sheet_init(struct rounding_sheet *sheet)
{
	*sheet = (struct rounding_sheet){.whole = true};
}

void rounding_sheet_release(struct rounding_sheet *sheet)
{
	free(sheet->lines);
	rounding_sheet_init(sheet);
}

struct rounding_observation rounding_sheet_at(const struct rounding_sheet *sheet, int group)
{
	CHECK(group >= 0 && group < sheet->group_count);
	const struct rounding_group *found = &sheet->groups[group];
	return (struct rounding_observation){&sheet->lines[found->first], found->count, found->tax};
}

/* An amount in minor units, negative in a credit memo; false: absent, or it does not fit. */
static bool minor_units(const struct reading *reading, const struct value *value, int64_t *units)
{
	struct decimal amount;
	if (!value->present || decimal_rescale(&amount, value->as.decimal, reading->digits) != ERR_OK ||
	    (reading->negative && decimal_negate(&amount, amount) != ERR_OK))
		return false;
	*units = amount.units;
	return true;
}

static struct span text_of(const struct reading *reading, const struct value *value)
{
	return value->present ? document_text(reading->document, value) : SPAN_LITERAL("");
}

/* The tax line of this code whose rate is `rate` or is not told; *found counts them. rate NULL: of any rate. */
static const struct value *tax_line_of(const struct reading *reading, struct span code,
                                       const struct decimal *rate, int *found)
{
	const struct value *one = NULL;
	*found = 0;
	for (int i = 0; i < reading->document->sections[SECTION_TAX_LINES].count; i++) {
		const struct value *line = document_line(reading->document, SECTION_TAX_LINES, i);
		const struct value *printed = &line[INVOICE_TAX_LINE_RATE];
		if (!span_equal(text_of(reading, &line[INVOICE_TAX_LINE_CODE]), code) ||
		    (rate != NULL && printed->present && decimal_compare(printed->as.decimal, *rate) != 0))
			continue;
		one = line;
		(*found)++;
	}
	return one;
}

/* The rate of a line: its own, or that of the one tax line of its code. */
static bool rate_of(const struct reading *reading, const struct value *line, struct decimal *rate)
{
	int found;
	if (line[INVOICE_LINE_TAX_RATE].present) {
		*rate = line[INVOICE_LINE_TAX_RATE].as.decimal;
		return true;
	}
	const struct value *tax_line =
	    tax_line_of(reading, text_of(reading, &line[INVOICE_LINE_TAX_CODE]), NULL, &found);
	if (found != 1 || !tax_line[INVOICE_TAX_LINE_RATE].present)
		return false;
	*rate = tax_line[INVOICE_TAX_LINE_RATE].as.decimal;
	return true;
}

static bool untaxed(const struct value *line)
{
	const struct value *tax = &line[INVOICE_LINE_TAX];
	return !line[INVOICE_LINE_TAX_CODE].present && !line[INVOICE_LINE_TAX_RATE].present &&
	       (!tax->present || decimal_sign(tax->as.decimal) == 0);
}

static struct rounding_line *add_line(struct rounding_sheet *sheet)
{
	if (sheet->line_count == sheet->line_capacity) {
		sheet->line_capacity = sheet->line_capacity > 0 ? 2 * sheet->line_capacity : LINES_AT_FIRST;
		sheet->lines = mem_grow(sheet->lines, (size_t)sheet->line_capacity * sizeof *sheet->lines);
	}
	struct rounding_line *line = &sheet->lines[sheet->line_count++];
	*line = (struct rounding_line){0};
	return line;
}

static bool known_group(const struct rounding_sheet *sheet, struct span code, struct decimal rate)
{
	for (int i = 0; i < sheet->group_count; i++) {
		if (span_equal(sheet->groups[i].code, code) &&
		    decimal_compare(sheet->groups[i].rate, rate) == 0)
			return true;
	}
	return false;
}

/* All lines of the group, from the first one on. false: an amount does not fit. */
static bool gather_lines(const struct reading *reading, struct rounding_group *group, int from, int64_t *base)
{
	struct rounding_sheet *sheet = reading->sheet;
	*base = 0;
	for (int i = from; i < reading->document->sections[SECTION_LINES].count; i++) {
		const struct value *values = document_line(reading->document, SECTION_LINES, i);
		struct decimal rate;
		if (!span_equal(text_of(reading, &values[INVOICE_LINE_TAX_CODE]), group->code) ||
		    untaxed(values) || !rate_of(reading, values, &rate) ||
		    decimal_compare(rate, group->rate) != 0)
			continue;
		struct rounding_line *line = add_line(sheet);
		line->rate = rate;
		line->has_tax = values[INVOICE_LINE_TAX].present;
		group->count++;
		if (!minor_units(reading, &values[INVOICE_LINE_NET], &line->net) ||
		    (line->has_tax && !minor_units(reading, &values[INVOICE_LINE_TAX], &line->tax)) ||
		    __builtin_add_overflow(*base, line->net, base))
			return false;
	}
	return true;
}

/* What was printed for the group; false: that is not certain. */
static bool printed_tax(const struct reading *reading, struct rounding_group *group, int64_t base)
{
	int found;
	int64_t printed_base;
	const struct value *line = tax_line_of(reading, group->code, &group->rate, &found);
	if (found == 1)
		return minor_units(reading, &line[INVOICE_TAX_LINE_BASE], &printed_base) &&
		       printed_base == base && minor_units(reading, &line[INVOICE_TAX_LINE_TAX], &group->tax);
	if (found > 1 || reading->document->sections[SECTION_TAX_LINES].count > 0)
		return false;
	group->tax = 0;
	for (int i = 0; i < group->count; i++) {
		const struct rounding_line *of = &reading->sheet->lines[group->first + i];
		if (!of->has_tax || __builtin_add_overflow(group->tax, of->tax, &group->tax))
			return false;
	}
	return true;
}

/* Without tax lines and with one group alone, the header's tax is the group's. */
static bool alone(const struct reading *reading, const struct rounding_group *group)
{
	const struct line_list *lines = &reading->document->sections[SECTION_LINES];
	int taxed = 0;
	for (int i = 0; i < lines->count; i++)
		taxed += !untaxed(document_line(reading->document, SECTION_LINES, i));
	return reading->document->sections[SECTION_TAX_LINES].count == 0 && group->count == taxed;
}

static void add_group(const struct reading *reading, struct span code, struct decimal rate, int from)
{
	struct rounding_sheet *sheet = reading->sheet;
	if (sheet->group_count == ROUNDING_SHEET_CODES) {
		sheet->whole = false;
		return;
	}
	struct rounding_group *group = &sheet->groups[sheet->group_count];
	*group = (struct rounding_group){.code = code, .rate = rate, .first = sheet->line_count};
	int64_t base;
	bool certain = gather_lines(reading, group, from, &base);
	if (certain && alone(reading, group))
		certain = minor_units(reading, &reading->document->header[INVOICE_TAX], &group->tax);
	else if (certain)
		certain = printed_tax(reading, group, base);
	if (certain) {
		sheet->group_count++;
	} else {
		sheet->line_count = group->first;
		sheet->whole = false;
	}
}

void rounding_sheet_read(struct rounding_sheet *sheet, const struct document *document)
{
	struct reading reading = {.sheet = sheet, .document = document};
	sheet->group_count = 0;
	sheet->line_count = 0;
	sheet->whole = true;
	if (document->type != DOCUMENT_INVOICE && document->type != DOCUMENT_CREDIT_MEMO)
		return;
	int digits = currency_minor_units(text_of(&reading, &document->header[HEADER_CURRENCY]));
	sheet->whole = digits >= 0;
	if (digits < 0)
		return;
	reading.digits = (uint8_t)digits;
	reading.negative = document->type == DOCUMENT_CREDIT_MEMO;
	for (int i = 0; i < document->sections[SECTION_LINES].count; i++) {
		const struct value *line = document_line(document, SECTION_LINES, i);
		struct span code = text_of(&reading, &line[INVOICE_LINE_TAX_CODE]);
		struct decimal rate;
		if (untaxed(line))
			continue;
		if (!rate_of(&reading, line, &rate))
			sheet->whole = false;
		else if (!known_group(sheet, code, rate))
			add_group(&reading, code, rate, i);
	}
	int64_t sum = 0, tax;
	for (int i = 0; i < sheet->group_count; i++)
		sheet->whole = sheet->whole && !__builtin_add_overflow(sum, sheet->groups[i].tax, &sum);
	sheet->whole =
	    sheet->whole && minor_units(&reading, &document->header[INVOICE_TAX], &tax) && tax == sum;
}
