/*
 * document.c - the field tables of the document types, and one document's values in memory.
 *
 * Why:   see document.h.
 * Owns:  the memory of each document's lines and text.
 * Rules: 1. The tables are made from the lists of the header and from nothing else.
 *        2. A document is reused for thousands of others; what a rare large one needed is given back at the next
 *           document_begin() (LINES_KEPT_BYTES, TEXT_KEPT_BYTES), for the box has little memory.
 * Faults: over-long text and lines are refused, the document stays as it was.
 * Runs in: the core.
 * Tests: tests/unit/document_test.c
 */
#include "connector/posting/document.h"

#include <stdlib.h>
#include <string.h>

#define LINES_KEPT_BYTES  (256u * 1024u)
#define TEXT_KEPT_BYTES   (128u * 1024u)
#define LINES_FIRST       8
#define SUBJECT_BYTES_MAX 199
#define YEAR_MAX          9999

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof(table)[0]))

#define FIELD_SPEC(identifier, key, kind, currency, required) \
	{key, VALUE_##kind, CURRENCY_##currency, required},
static const struct field_spec journal_header[] = {JOURNAL_HEADER_FIELDS(FIELD_SPEC)};
static const struct field_spec journal_lines[] = {JOURNAL_LINE_FIELDS(FIELD_SPEC)};
static const struct field_spec invoice_header[] = {INVOICE_HEADER_FIELDS(FIELD_SPEC)};
static const struct field_spec invoice_lines[] = {INVOICE_LINE_FIELDS(FIELD_SPEC)};
static const struct field_spec invoice_tax_lines[] = {INVOICE_TAX_FIELDS(FIELD_SPEC)};
static const struct field_spec payment_header[] = {PAYMENT_HEADER_FIELDS(FIELD_SPEC)};
static const struct field_spec payment_applications[] = {PAYMENT_APPLICATION_FIELDS(FIELD_SPEC)};
static const struct field_spec customer_header[] = {CUSTOMER_HEADER_FIELDS(FIELD_SPEC)};
static const struct field_spec usage_header[] = {USAGE_HEADER_FIELDS(FIELD_SPEC)};
#undef FIELD_SPEC

_Static_assert(JOURNAL_COUNT <= DOCUMENT_FIELDS_MAX && INVOICE_COUNT <= DOCUMENT_FIELDS_MAX &&
                   PAYMENT_COUNT <= DOCUMENT_FIELDS_MAX && CUSTOMER_COUNT <= DOCUMENT_FIELDS_MAX &&
                   USAGE_COUNT <= DOCUMENT_FIELDS_MAX,
               "a header has more fields than struct document holds");
_Static_assert(JOURNAL_LINE_COUNT <= DOCUMENT_FIELDS_MAX && INVOICE_LINE_COUNT <= DOCUMENT_FIELDS_MAX &&
                   INVOICE_TAX_LINE_COUNT <= DOCUMENT_FIELDS_MAX &&
                   PAYMENT_APPLICATION_COUNT <= DOCUMENT_FIELDS_MAX,
               "a line has more fields than its section may");

#define SECTION(key, table, lines_min)                 \
	{                                              \
		key, table, COUNT_OF(table), lines_min \
	}
static const struct document_spec specs[DOCUMENT_TYPE_COUNT] = {
    [DOCUMENT_JOURNAL] = {"journal",
                          "journal",
                          journal_header,
                          COUNT_OF(journal_header),
                          {[SECTION_LINES] = SECTION("lines", journal_lines, 2)}},
    [DOCUMENT_INVOICE] = {"invoice",
                          "invoice",
                          invoice_header,
                          COUNT_OF(invoice_header),
                          {[SECTION_LINES] = SECTION("lines", invoice_lines, 1),
                           [SECTION_TAX_LINES] = SECTION("tax_lines", invoice_tax_lines, 0)}},
    [DOCUMENT_CREDIT_MEMO] = {"credit_memo",
                              "creditmemo",
                              invoice_header,
                              COUNT_OF(invoice_header),
                              {[SECTION_LINES] = SECTION("lines", invoice_lines, 1),
                               [SECTION_TAX_LINES] = SECTION("tax_lines", invoice_tax_lines, 0)}},
    [DOCUMENT_PAYMENT] = {"payment",
                          "payment",
                          payment_header,
                          COUNT_OF(payment_header),
                          {[SECTION_APPLICATIONS] = SECTION("applications", payment_applications, 0)}},
    [DOCUMENT_CUSTOMER] = {"customer", "customer", customer_header, COUNT_OF(customer_header), {{0}}},
    [DOCUMENT_USAGE] = {"usage", "usage", usage_header, COUNT_OF(usage_header), {{0}}},
};
#undef SECTION

const struct document_spec *document_spec(enum document_type type)
{
	CHECK((unsigned)type < DOCUMENT_TYPE_COUNT);
	return &specs[type];
}

bool document_type_find(enum document_type *type, struct span name)
{
	for (int i = 0; i < DOCUMENT_TYPE_COUNT; i++) {
		if (span_equal(span_of(specs[i].name), name)) {
			*type = (enum document_type)i;
			return true;
		}
	}
	return false;
}

int document_field_find(enum document_type type, int section, struct span key)
{
	CHECK(section >= -1 && section < SECTION_COUNT);
	const struct document_spec *spec = document_spec(type);
	const struct field_spec *fields = section < 0 ? spec->header : spec->sections[section].fields;
	int count = section < 0 ? spec->header_count : spec->sections[section].field_count;
	for (int i = 0; i < count; i++) {
		if (span_equal(span_of(fields[i].key), key))
			return i;
	}
	return -1;
}

void document_init(struct document *document)
{
	*document = (struct document){.type = DOCUMENT_JOURNAL};
	buf_init(&document->text, DOCUMENT_TEXT_BYTES_MAX);
	document_begin(document, DOCUMENT_JOURNAL);
}

void document_release(struct document *document)
{
	for (int i = 0; i < SECTION_COUNT; i++)
		free(document->sections[i].values);
	buf_release(&document->text);
	document_init(document);
}

void document_begin(struct document *document, enum document_type type)
{
	const struct document_spec *spec = document_spec(type);
	document->type = type;
	document->voided = false;
	memset(document->header, 0, (size_t)spec->header_count * sizeof document->header[0]);
	for (int i = 0; i < SECTION_COUNT; i++) {
		struct line_list *list = &document->sections[i];
		if ((size_t)list->capacity * sizeof list->values[0] > LINES_KEPT_BYTES) {
			free(list->values);
			*list = (struct line_list){0};
		}
		list->stride = spec->sections[i].field_count;
		list->count = 0;
	}
	if (document->text.capacity > TEXT_KEPT_BYTES)
		buf_release(&document->text);
	buf_clear(&document->text);
}

struct value *document_add_line(struct document *document, enum document_section section)
{
	CHECK((unsigned)section < SECTION_COUNT);
	struct line_list *list = &document->sections[section];
	CHECK(list->stride > 0);
	if (list->count == DOCUMENT_LINES_MAX)
		return NULL;
	int used = list->count * list->stride;
	if (used + list->stride > list->capacity) {
		int lines = list->count < LINES_FIRST ? LINES_FIRST : 2 * list->count;
		if (lines > DOCUMENT_LINES_MAX)
			lines = DOCUMENT_LINES_MAX;
		list->capacity = lines * list->stride;
		list->values = mem_grow(list->values, (size_t)list->capacity * sizeof list->values[0]);
	}
	struct value *line = &list->values[used];
	memset(line, 0, (size_t)list->stride * sizeof *line);
	list->count++;
	return line;
}

const struct value *document_line(const struct document *document, enum document_section section, int index)
{
	CHECK((unsigned)section < SECTION_COUNT);
	const struct line_list *list = &document->sections[section];
	CHECK(index >= 0 && index < list->count);
	return &list->values[index * list->stride];
}

enum err document_set_text(struct document *document, struct value *value, struct span text)
{
	struct buf *arena = &document->text;
	if (text.len == 0) {
		*value = (struct value){.present = false};
		return ERR_OK;
	}
	if (text.len > arena->max - arena->len)
		return ERR_TOO_LARGE;
	uint32_t offset = (uint32_t)arena->len;
	buf_append_span(arena, text);
	CHECK(buf_ok(arena));
	value->present = true;
	value->as.text.offset = offset;
	value->as.text.len = (uint32_t)text.len;
	return ERR_OK;
}

struct span document_text(const struct document *document, const struct value *value)
{
	if (!value->present)
		return (struct span){NULL, 0};
	size_t offset = value->as.text.offset;
	size_t len = value->as.text.len;
	CHECK(len > 0 && offset <= document->text.len && len <= document->text.len - offset);
	return (struct span){(const char *)document->text.data + offset, len};
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '~' || c == '-';
}

/* Appends part percent-encoded, and a slash where another part follows; false: it does not fit. */
static bool append_part(char *text, size_t size, size_t *len, struct span part, bool last)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < part.len; i++) {
		unsigned char byte = (unsigned char)part.data[i];
		size_t need = is_unreserved(part.data[i]) ? 1 : 3;
		if (size - *len <= need)
			return false;
		if (need == 1) {
			text[(*len)++] = part.data[i];
			continue;
		}
		text[(*len)++] = '%';
		text[(*len)++] = digits[byte >> 4];
		text[(*len)++] = digits[byte & 15];
	}
	if (last)
		return true;
	if (size - *len <= 1)
		return false;
	text[(*len)++] = '/';
	return true;
}

enum err document_subject(const struct document *document, char *text, size_t size, struct err_info *info)
{
	CHECK(size > 0);
	static const int slots[4] = {HEADER_ENTITY, HEADER_TYPE, HEADER_YEAR, HEADER_NUMBER};
	const struct document_spec *spec = document_spec(document->type);
	size_t limit = size < SUBJECT_BYTES_MAX + 1 ? size : SUBJECT_BYTES_MAX + 1;
	size_t len = 0;
	int64_t year = document->header[HEADER_YEAR].as.integer;
	char year_text[DECIMAL_TEXT_MAX];
	text[0] = 0;
	for (int i = 0; i < 4; i++) {
		const struct value *value = &document->header[slots[i]];
		if (!value->present)
			return err_set(
			    info, ERR_BAD_INPUT,
			    "the %s has no %s, which its subject needs; check the profile's column for it",
			    spec->name, spec->header[slots[i]].key);
	}
	if (year < 0 || year > YEAR_MAX)
		return err_set(
		    info, ERR_BAD_INPUT,
		    "the %s has the fiscal year %lld, which is outside 0 to 9999; check the profile's column",
		    spec->name, (long long)year);
	struct span year_span = {year_text, decimal_print((struct decimal){year, 0}, year_text)};
	for (int i = 0; i < 4; i++) {
		struct span part = slots[i] == HEADER_YEAR
		                       ? year_span
		                       : document_text(document, &document->header[slots[i]]);
		if (!append_part(text, limit, &len, part, i == 3)) {
			text[0] = 0;
			return err_set(
			    info, ERR_TOO_LARGE,
			    "the %s's subject is over %zu bytes at its %s; check the profile's column for it",
			    spec->name, limit - 1, spec->header[slots[i]].key);
		}
	}
	text[len] = 0;
	return ERR_OK;
}
