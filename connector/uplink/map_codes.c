/*
 * map_codes.c - which field has which counterpart, and what is said of a missing code.
 *
 * Why:   see map_codes.h.
 * Owns:  nothing.
 * Rules: as in map_codes.h.
 * Runs in: the core.
 * Tests: tests/unit/map_codes_test.c
 */
#include "connector/uplink/map_codes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEADER (-1)
/* The end of the sentence: what to do, and "and 32 or more others". */
#define ROOM_OF_END 80

struct twin {
	int section; /* HEADER, or a section */
	int raw;
	int mapped;
	enum mapping_kind kind;
};

static const struct twin common_twins[] = {
    {HEADER, HEADER_ENTITY, HEADER_ENTITY_MAPPED, MAPPING_ENTITY},
    {HEADER, HEADER_LEGACY_TYPE, HEADER_LEGACY_TYPE_MAPPED, MAPPING_DOCUMENT_TYPE},
};

static const struct twin journal_twins[] = {
    {SECTION_LINES, JOURNAL_LINE_ACCOUNT, JOURNAL_LINE_ACCOUNT_MAPPED, MAPPING_ACCOUNT},
    {SECTION_LINES, JOURNAL_LINE_COST_CENTRE, JOURNAL_LINE_COST_CENTRE_MAPPED, MAPPING_COST_CENTRE},
    {SECTION_LINES, JOURNAL_LINE_TAX_CODE, JOURNAL_LINE_TAX_CODE_MAPPED, MAPPING_TAX_CODE},
};

static const struct twin invoice_twins[] = {
    {HEADER, INVOICE_CUSTOMER, INVOICE_CUSTOMER_MAPPED, MAPPING_CUSTOMER},
    {SECTION_LINES, INVOICE_LINE_ACCOUNT, INVOICE_LINE_ACCOUNT_MAPPED, MAPPING_ACCOUNT},
    {SECTION_LINES, INVOICE_LINE_COST_CENTRE, INVOICE_LINE_COST_CENTRE_MAPPED, MAPPING_COST_CENTRE},
    {SECTION_LINES, INVOICE_LINE_TAX_CODE, INVOICE_LINE_TAX_CODE_MAPPED, MAPPING_TAX_CODE},
    {SECTION_TAX_LINES, INVOICE_TAX_LINE_CODE, INVOICE_TAX_LINE_CODE_MAPPED, MAPPING_TAX_CODE},
};

static const struct twin payment_twins[] = {
    {HEADER, PAYMENT_PAYER, PAYMENT_PAYER_MAPPED, MAPPING_CUSTOMER},
};

static const struct twin customer_twins[] = {
    {HEADER, HEADER_NUMBER, CUSTOMER_NUMBER_MAPPED, MAPPING_CUSTOMER},
};

static const struct twin usage_twins[] = {
    {HEADER, USAGE_CUSTOMER, USAGE_CUSTOMER_MAPPED, MAPPING_CUSTOMER},
};

#define TWINS(list)                                         \
	{                                                   \
		list, (int)(sizeof(list) / sizeof(list)[0]) \
	}
static const struct {
	const struct twin *twins;
	int count;
} twins_of[] = {
    [DOCUMENT_JOURNAL] = TWINS(journal_twins),     [DOCUMENT_INVOICE] = TWINS(invoice_twins),
    [DOCUMENT_CREDIT_MEMO] = TWINS(invoice_twins), [DOCUMENT_PAYMENT] = TWINS(payment_twins),
    [DOCUMENT_CUSTOMER] = TWINS(customer_twins),   [DOCUMENT_USAGE] = TWINS(usage_twins),
};
_Static_assert(sizeof twins_of / sizeof twins_of[0] == DOCUMENT_TYPE_COUNT, "every type has its codes");

static void note_gap(struct map_gaps *gaps, const struct document *document, enum mapping_kind kind,
                     const struct value *code)
{
	for (int i = 0; i < gaps->count; i++) {
		if (gaps->list[i].kind == kind &&
		    span_equal(document_text(document, &gaps->list[i].code), document_text(document, code)))
			return;
	}
	if (gaps->count == MAP_GAPS_MAX) {
		gaps->more = true;
		return;
	}
	gaps->list[gaps->count].kind = kind;
	gaps->list[gaps->count].code = *code;
	gaps->count++;
}

static enum err map_value(struct document *document, const struct rules *rules, date_days on,
                          const struct twin *twin, struct value *values, struct map_gaps *gaps)
{
	const struct value *raw = &values[twin->raw];
	struct value *mapped = &values[twin->mapped];
	struct span code = document_text(document, raw);
	struct span found;
	mapped->present = false;
	if (!rules_map(rules, twin->kind, document_text(document, &document->header[HEADER_ENTITY]), code, on,
	               &found)) {
		note_gap(gaps, document, twin->kind, raw);
		return ERR_OK;
	}
	/* A code that stays is in the document's text already, which must not be appended to itself. */
	if (found.data == code.data) {
		*mapped = *raw;
		return ERR_OK;
	}
	return document_set_text(document, mapped, found);
}

static enum err map_twins(struct document *document, const struct rules *rules, date_days on,
                          const struct twin *twins, int count, struct map_gaps *gaps)
{
	enum err err = ERR_OK;
	for (int i = 0; i < count && err == ERR_OK; i++) {
		if (!rules_has(rules, twins[i].kind))
			continue;
		if (twins[i].section == HEADER) {
			err = map_value(document, rules, on, &twins[i], document->header, gaps);
			continue;
		}
		const struct line_list *list = &document->sections[twins[i].section];
		for (int line = 0; line < list->count && err == ERR_OK; line++)
			err = map_value(document, rules, on, &twins[i], &list->values[line * list->stride],
			                gaps);
	}
	return err;
}

enum err map_codes(struct document *document, const struct rules *rules, date_days on, struct map_gaps *gaps)
{
	CHECK(document->header[HEADER_ENTITY].present);
	gaps->count = 0;
	gaps->more = false;
	enum err err = map_twins(document, rules, on, common_twins,
	                         (int)(sizeof common_twins / sizeof common_twins[0]), gaps);
	if (err == ERR_OK)
		err = map_twins(document, rules, on, twins_of[document->type].twins,
		                twins_of[document->type].count, gaps);
	return err;
}

static void visit_value(const struct document *document, const struct twin *twin, const struct value *values,
                        code_visitor visit, void *self)
{
	struct span code = document_text(document, &values[twin->raw]);
	if (code.len > 0)
		visit(self, twin->kind, code);
}

static void visit_twins(const struct document *document, const struct twin *twins, int count,
                        code_visitor visit, void *self)
{
	for (int i = 0; i < count; i++) {
		if (twins[i].section == HEADER) {
			visit_value(document, &twins[i], document->header, visit, self);
			continue;
		}
		const struct line_list *list = &document->sections[twins[i].section];
		for (int line = 0; line < list->count; line++)
			visit_value(document, &twins[i], &list->values[line * list->stride], visit, self);
	}
}

void map_codes_visit(const struct document *document, code_visitor visit, void *self)
{
	visit_twins(document, common_twins, (int)(sizeof common_twins / sizeof common_twins[0]), visit, self);
	visit_twins(document, twins_of[document->type].twins, twins_of[document->type].count, visit, self);
}

/* ---- the sentence ---- */

struct sentence {
	char *text;
	size_t len;
	size_t max; /* of what may be written now */
};

/* Appends all of it, or nothing. */
static bool add(struct sentence *sentence, const char *format, ...) PRINTF_LIKE(2, 3);

static bool add(struct sentence *sentence, const char *format, ...)
{
	va_list values;
	if (sentence->len >= sentence->max)
		return false;
	va_start(values, format);
	size_t room = sentence->max - sentence->len;
	int len = vsnprintf(sentence->text + sentence->len, room, format, values);
	va_end(values);
	if (len < 0 || (size_t)len >= room) {
		sentence->text[sentence->len] = 0;
		return false;
	}
	sentence->len += (size_t)len;
	return true;
}

void map_gaps_print(const struct map_gaps *gaps, const struct document *document, date_days on,
                    char text[ERR_TEXT_MAX])
{
	struct sentence sentence = {.text = text, .max = ERR_TEXT_MAX - ROOM_OF_END};
	struct span entity = document_text(document, &document->header[HEADER_ENTITY]);
	char date[DATE_TEXT_SIZE];
	char around[RULES_CODE_MAX + DATE_TEXT_SIZE + 32];
	int told = 0;
	text[0] = 0;
	date_print(on, date);
	int entity_len = (int)(entity.len < RULES_CODE_MAX ? entity.len : RULES_CODE_MAX);
	(void)snprintf(around, sizeof around, " of entity %.*s on %s", entity_len, entity.data, date);
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++) {
		int of_kind = 0;
		/* The end of its clause must fit behind each of its codes. */
		sentence.max = ERR_TEXT_MAX - ROOM_OF_END - strlen(around);
		for (int i = 0; i < gaps->count; i++) {
			struct span code = document_text(document, &gaps->list[i].code);
			if ((int)gaps->list[i].kind != kind)
				continue;
			bool fits =
			    of_kind > 0
				? add(&sentence, ", %.*s", (int)code.len, code.data)
				: add(&sentence, "%s%s.csv has no row for %.*s", sentence.len > 0 ? "; " : "",
			              mapping_kind_name((enum mapping_kind)kind), (int)code.len, code.data);
			of_kind += fits;
		}
		sentence.max = ERR_TEXT_MAX - ROOM_OF_END;
		if (of_kind > 0)
			CHECK(add(&sentence, "%s", around));
		told += of_kind;
	}
	sentence.max = ERR_TEXT_MAX;
	if (told < gaps->count || gaps->more)
		CHECK(add(&sentence, "; %s%d other code%s missing too", gaps->more ? "more than " : "",
		          gaps->count - told, gaps->count - told == 1 ? " is" : "s are"));
	CHECK(add(&sentence, "; add what is missing, and it is sent"));
}
