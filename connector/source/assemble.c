/*
 * assemble.c - converts rows into the fields of the document they make.
 *
 * Why:   see assemble.h.
 * Owns:  as in assemble.h.
 * Rules: as in assemble.h.
 * Runs in: the core.
 * Tests: tests/unit/assemble_test.c
 */
#include "connector/source/assemble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connector/posting/validity.h"
#include "connector/source/statement.h"

#define SHOWN_BYTES_MAX 1024

void assembler_init(struct assembler *assembler, const struct profile *profile,
                    const struct profile_feed *feed)
{
	memset(assembler, 0, sizeof *assembler);
	assembler->profile = profile;
	assembler->feed = feed;
	document_init(&assembler->document);
	buf_init(&assembler->raw, STORE_RAW_BYTES_MAX);
	buf_init(&assembler->shown, SHOWN_BYTES_MAX);
}

void assembler_release(struct assembler *assembler)
{
	document_release(&assembler->document);
	buf_release(&assembler->raw);
	buf_release(&assembler->shown);
}

/* The key's values are the first columns of the query. */
static const struct source_value *key_value(const struct assembler *assembler,
                                            const struct source_value *values, int key)
{
	return &values[assembler->columns[key]];
}

bool assembler_begins(const struct assembler *assembler, const struct source_value *values)
{
	if (!assembler->open)
		return false;
	if (!assembler->key_usable)
		return true;
	size_t at = 0;
	int count = assembler->feed->rows.key_count;
	for (int i = 0; i < count; i++) {
		const struct source_value *value = key_value(assembler, values, i);
		size_t left = assembler->key_len - at;
		if (value->kind != SOURCE_VALUE_TEXT || value->text.len > left ||
		    (value->text.len && memcmp(assembler->key + at, value->text.data, value->text.len) != 0))
			return true;
		at += value->text.len;
		/* A separator after each but the last. */
		if (i + 1 < count ? (at >= assembler->key_len || assembler->key[at++] != '\x1f')
		                  : at != assembler->key_len)
			return true;
	}
	return false;
}

static void keep_raw(struct assembler *assembler, const struct source_value *values)
{
	const struct profile_query *query = &assembler->feed->rows;
	buf_clear(&assembler->raw);
	for (int i = 0; i < query->column_count; i++) {
		buf_clear(&assembler->shown);
		convert_show(&values[assembler->columns[i]], &assembler->shown);
		/* What does not fit any more is left out whole. */
		if (assembler->raw.len + query->columns[i].len + assembler->shown.len + 3 >
		    STORE_RAW_BYTES_MAX)
			break;
		buf_append_text(&assembler->raw, i ? "; " : "");
		buf_append_span(&assembler->raw, query->columns[i]);
		buf_append_char(&assembler->raw, '=');
		buf_append_span(&assembler->raw, buf_span(&assembler->shown));
	}
}

static void spoil(struct assembler *assembler, const struct source_value *values, const char *rule,
                  const char *format, ...) PRINTF_LIKE(4, 5);
static void spoil(struct assembler *assembler, const struct source_value *values, const char *rule,
                  const char *format, ...)
{
	if (assembler->bad)
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(assembler->text, sizeof assembler->text, format, args);
	va_end(args);
	assembler->bad = true;
	assembler->rule = rule;
	keep_raw(assembler, values);
}

static void spoil_value(struct assembler *assembler, const struct source_value *values,
                        const struct convert_problem *problem)
{
	if (problem->column < 0) {
		spoil(assembler, values, "value-bad", "expected was %s; put it right in the ERP",
		      problem->expected);
		return;
	}
	struct span name = assembler->feed->rows.columns[problem->column];
	buf_clear(&assembler->shown);
	convert_show(&values[assembler->columns[problem->column]], &assembler->shown);
	spoil(assembler, values, "value-bad",
	      "column %.*s holds %s, expected was %s; put it right in the ERP", (int)name.len, name.data,
	      buf_cstr(&assembler->shown), problem->expected);
}

/* Opens a document with this row's key. */
static void open_document(struct assembler *assembler, const struct source_value *values)
{
	struct span parts[PROFILE_KEYS_MAX];
	int count = assembler->feed->rows.key_count;
	assembler->open = true;
	assembler->bad = false;
	assembler->rows = 0;
	assembler->key_usable = true;
	for (int i = 0; i < count; i++) {
		const struct source_value *value = key_value(assembler, values, i);
		parts[i] = value->text;
		assembler->key_usable = assembler->key_usable && value->kind == SOURCE_VALUE_TEXT;
	}
	assembler->key_usable =
	    assembler->key_usable &&
	    key_encode(parts, count, assembler->key, sizeof assembler->key, &assembler->key_len);
}

static bool set_value(struct assembler *assembler, const struct profile_field *field, struct value *value,
                      const struct converted *converted)
{
	char buffer[DECIMAL_TEXT_MAX];
	if (converted->kind == CONVERTED_ABSENT)
		return true;
	if (field->kind == VALUE_TEXT)
		return document_set_text(&assembler->document, value, converted_text(converted, buffer)) ==
		       ERR_OK;
	value->present = true;
	switch (converted->kind) {
	case CONVERTED_DECIMAL:
		value->as.decimal = converted->as.decimal;
		break;
	case CONVERTED_INTEGER:
		if (field->kind == VALUE_INTEGER)
			value->as.integer = converted->as.integer;
		else
			value->as.decimal = (struct decimal){.units = converted->as.integer, .scale = 0};
		break;
	case CONVERTED_DATE:
		value->as.date = converted->as.date;
		break;
	case CONVERTED_BOOLEAN:
		value->as.boolean = converted->as.boolean;
		break;
	default:
		BUG("a text for a field that is none: the profile's loader refuses it");
	}
	return true;
}

static void convert_fields(struct assembler *assembler, const struct convert_row *row,
                           const struct profile_field *fields, int count, struct value *values)
{
	/* All of them also after a bad one: entity, year and number may still make the subject. */
	for (int i = 0; i < count; i++) {
		struct converted converted;
		struct convert_problem problem;
		assembler->scratch.used = 0;
		if (!convert(fields[i].conversion, row, &assembler->scratch, &converted, &problem))
			spoil_value(assembler, row->values, &problem);
		else if (!set_value(assembler, &fields[i], &values[fields[i].slot], &converted))
			spoil(assembler, row->values, "document-too-large",
			      "its texts are over %u bytes together; shorten them in the ERP",
			      DOCUMENT_TEXT_BYTES_MAX);
	}
}

static bool find_type(struct assembler *assembler, struct convert_row *row)
{
	const struct profile_feed *feed = assembler->feed;
	struct converted name;
	struct convert_problem problem;
	row->type = feed->type;
	if (!feed->type_of)
		return true;
	if (!convert(feed->type_of, row, &assembler->scratch, &name, &problem)) {
		spoil_value(assembler, row->values, &problem);
		return false;
	}
	if (name.kind != CONVERTED_TEXT || !document_type_find(&row->type, name.as.text)) {
		problem = (struct convert_problem){feed->type_of->column,
		                                   "a code that the profile maps to a document type"};
		spoil_value(assembler, row->values, &problem);
		return false;
	}
	return true;
}

static void begin_document(struct assembler *assembler, struct convert_row *row)
{
	const struct profile_feed *feed = assembler->feed;
	struct document *document = &assembler->document;
	assembler->scratch.used = 0;
	bool known = find_type(assembler, row);
	document_begin(document, row->type);
	if (!known)
		return;
	struct value *header = document->header;
	bool fits = document_set_text(document, &header[HEADER_TYPE],
	                              span_of(document_spec(row->type)->name)) == ERR_OK &&
	            document_set_text(document, &header[HEADER_SOURCE_SYSTEM],
	                              span_of(assembler->profile->system)) == ERR_OK;
	CHECK(fits);
	convert_fields(assembler, row, feed->header, feed->header_count, header);
}

static void add_lines(struct assembler *assembler, const struct convert_row *row)
{
	for (int i = 0; i < SECTION_COUNT && !assembler->bad; i++) {
		const struct profile_section *section = &assembler->feed->sections[i];
		if (!section->used)
			continue;
		if (section->when >= 0 && !convert_present(&row->values[row->columns[section->when]]))
			continue;
		struct value *line = document_add_line(&assembler->document, (enum document_section)i);
		if (!line) {
			assembler_too_large(assembler);
			keep_raw(assembler, row->values);
			return;
		}
		convert_fields(assembler, row, section->fields, section->field_count, line);
	}
}

static void find_voided(struct assembler *assembler, const struct convert_row *row)
{
	struct converted voided;
	struct convert_problem problem;
	assembler->scratch.used = 0;
	if (!assembler->feed->voided || assembler->bad)
		return;
	if (!convert(assembler->feed->voided, row, &assembler->scratch, &voided, &problem))
		spoil_value(assembler, row->values, &problem);
	else if (voided.kind == CONVERTED_BOOLEAN && voided.as.boolean)
		assembler->document.voided = true;
}

void assembler_add(struct assembler *assembler, const struct source_value *values)
{
	struct convert_row row = {
	    .values = values, .columns = assembler->columns, .type = assembler->document.type};
	bool first = !assembler->open;
	if (first)
		open_document(assembler, values);
	assembler->rows++;
	if (assembler->bad)
		return;
	if (first)
		begin_document(assembler, &row);
	if (!assembler->key_usable)
		spoil(assembler, values, "value-bad",
		      "its key is NULL, no text or over %d bytes; put it right in the ERP",
		      PROFILE_KEY_BYTES_MAX);
	add_lines(assembler, &row);
	find_voided(assembler, &row);
}

static bool sum(struct assembler *assembler, const struct profile_field *field)
{
	const struct conversion *c = field->conversion;
	const struct line_list *lines = &assembler->document.sections[c->sum_section];
	struct value *total = &assembler->document.header[field->slot];
	for (int i = 0; i < lines->count; i++) {
		const struct value *value = &lines->values[i * lines->stride + c->sum_slot];
		if (!value->present)
			continue;
		if (!total->present)
			*total = *value;
		else if (decimal_add(&total->as.decimal, total->as.decimal, value->as.decimal) != ERR_OK)
			return false;
	}
	return true;
}

/* A problem that no single row has. */
static void spoil_whole(struct assembler *assembler, const char *rule, const char *text)
{
	assembler->bad = true;
	assembler->rule = rule;
	(void)snprintf(assembler->text, sizeof assembler->text, "%s", text);
	buf_clear(&assembler->raw);
}

static void sum_up(struct assembler *assembler)
{
	const struct profile_feed *feed = assembler->feed;
	for (int i = 0; i < feed->header_count && !assembler->bad; i++) {
		const struct conversion *c = feed->header[i].conversion;
		if (c->kind != CONVERT_SUM || (c->only && !(c->only & (1u << assembler->document.type))))
			continue;
		if (!sum(assembler, &feed->header[i]))
			spoil_whole(
			    assembler, "value-bad",
			    "the sum of its lines has over 18 digits; look for a wrong amount in the ERP");
	}
}

/* open, partly_paid or paid, from amounts that may be sums. What is voided is none of them. */
static void settle(struct assembler *assembler)
{
	const struct profile_feed *feed = assembler->feed;
	struct document *document = &assembler->document;
	for (int i = 0; i < feed->header_count && !assembler->bad && !document->voided; i++) {
		const struct conversion *c = feed->header[i].conversion;
		if (c->kind != CONVERT_SETTLEMENT || (c->only && !(c->only & (1u << document->type))))
			continue;
		const struct value *open = &document->header[c->sum_slot];
		const struct value *whole = &document->header[c->whole_slot];
		if (!open->present || !whole->present)
			continue;
		const char *status = "partly_paid";
		if (decimal_sign(open->as.decimal) == 0)
			status = "paid";
		else if (decimal_compare(open->as.decimal, whole->as.decimal) == 0)
			status = "open";
		if (document_set_text(document, &document->header[feed->header[i].slot], span_of(status)) !=
		    ERR_OK)
			spoil_whole(assembler, "document-too-large",
			            "its texts are too long together; shorten them in the ERP");
	}
}

struct span assembler_plain_key(struct assembler *assembler)
{
	const struct profile_feed *feed = assembler->feed;
	buf_clear(&assembler->shown);
	buf_append_text(&assembler->shown, feed->name);
	buf_append_char(&assembler->shown, ' ');
	for (size_t i = 0; assembler->key_usable && i < assembler->key_len; i++) {
		unsigned char c = (unsigned char)assembler->key[i];
		buf_append_char(&assembler->shown, c == 0x1f ? '/' : c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (!assembler->key_usable)
		buf_append_text(&assembler->shown, "(key unreadable)");
	return buf_span(&assembler->shown);
}

bool assembler_finish(struct assembler *assembler, struct store_exception *exception,
                      char subject[STORE_SUBJECT_MAX])
{
	struct err_info info;
	CHECK(assembler->open);
	assembler->open = false;
	sum_up(assembler);
	settle(assembler);
	validity_settle_amounts(&assembler->document);
	bool named = document_subject(&assembler->document, subject, STORE_SUBJECT_MAX, &info) == ERR_OK;
	if (!assembler->bad && named)
		return true;
	if (!assembler->bad) {
		assembler->rule = "value-bad";
		buf_clear(&assembler->raw);
		(void)snprintf(assembler->text, sizeof assembler->text, "it has no subject: %.480s",
		               info.text);
	}
	*exception = (struct store_exception){
	    .rule = span_of(assembler->rule),
	    .key = named ? span_of(subject) : assembler_plain_key(assembler),
	    .owner = STORE_OWNER_DATA_QUALITY,
	    .text = span_of(assembler->text),
	    .raw = buf_span(&assembler->raw),
	    .open = true,
	};
	return false;
}

void assembler_too_large(struct assembler *assembler)
{
	if (assembler->bad)
		return;
	assembler->bad = true;
	assembler->rule = "document-too-large";
	(void)snprintf(
	    assembler->text, sizeof assembler->text,
	    "it has more than %d lines, which is the most that is sent as one document; split it in the ERP",
	    DOCUMENT_LINES_MAX);
	buf_clear(&assembler->raw);
}

void assembler_drop(struct assembler *assembler)
{
	assembler->open = false;
}
