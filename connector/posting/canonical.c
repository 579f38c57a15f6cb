/*
 * canonical.c - writes a document as the JSON subset of RFC 8785.
 *
 * Why:   see canonical.h.
 * Owns:  nothing beyond struct canonical, which holds no pointer.
 * Rules: 1. The order of the keys is made once; a document is written by walking it, and each key is appended with its
 *           quotes, colon and leading comma in one block (the first of an object without the comma).
 *        2. All keys are ASCII, so the order of their bytes is the order of their UTF-16 code units.
 * Faults: a full buffer and an integer beyond 2^53 refuse the buffer (buf_ok() is false).
 * Runs in: the core.
 * Tests: tests/unit/canonical_test.c, tests/fuzz/canonical_fuzz.c
 */
#include "connector/posting/canonical.h"

#include <string.h>

/* RFC 7493 section 2.2: integers that every JSON reader holds exactly. */
#define INTEGER_LIMIT (INT64_C(1) << 53)

/* What follows the backslash; 'u' for the control characters that have no short form; 0: as it is. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',         'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static void fill_entry(struct canonical_entry *entry, const char *key, int slot, int section,
                       enum value_kind kind)
{
	size_t len = strlen(key);
	CHECK(len > 0 && len + 4 <= sizeof entry->prefix);
	for (size_t i = 0; i < len; i++)
		CHECK((unsigned char)key[i] < 0x80 && escapes[(unsigned char)key[i]] == 0);
	*entry = (struct canonical_entry){.slot = (int16_t)slot,
	                                  .section = (int8_t)section,
	                                  .kind = (uint8_t)kind,
	                                  .prefix_len = (uint8_t)(len + 4)};
	memcpy(entry->prefix, ",\"", 2);
	memcpy(entry->prefix + 2, key, len);
	memcpy(entry->prefix + 2 + len, "\":", 2);
}

static struct span entry_key(const struct canonical_entry *entry)
{
	return (struct span){entry->prefix + 2, (size_t)entry->prefix_len - 4};
}

/* Insertion sort: 50 keys, once. Two equal keys would make two keys of one object: a bug of the tables. */
static void sort_entries(struct canonical_entry *entries, int count)
{
	for (int i = 1; i < count; i++) {
		struct canonical_entry moving = entries[i];
		int at = i;
		while (at > 0) {
			int order = span_compare(entry_key(&entries[at - 1]), entry_key(&moving));
			CHECK(order != 0);
			if (order < 0)
				break;
			entries[at] = entries[at - 1];
			at--;
		}
		entries[at] = moving;
	}
}

void canonical_init(struct canonical *canonical)
{
	memset(canonical, 0, sizeof *canonical);
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		struct canonical_entry *header = canonical->header[type];
		int count = 0;
		for (int slot = 0; slot < spec->header_count; slot++, count++)
			fill_entry(&header[count], spec->header[slot].key, slot, -1, spec->header[slot].kind);
		for (int section = 0; section < SECTION_COUNT; section++) {
			const struct section_spec *lines = &spec->sections[section];
			if (!lines->key)
				continue;
			fill_entry(&header[count++], lines->key, -1, section, VALUE_TEXT);
			struct canonical_entry *entries = canonical->lines[type][section];
			for (int slot = 0; slot < lines->field_count; slot++)
				fill_entry(&entries[slot], lines->fields[slot].key, slot, -1,
				           lines->fields[slot].kind);
			sort_entries(entries, lines->field_count);
		}
		sort_entries(header, count);
		canonical->header_count[type] = count;
	}
}

void canonical_string(struct buf *out, struct span text)
{
	static const char hex[] = "0123456789abcdef";
	buf_append_char(out, '"');
	size_t from = 0;
	for (size_t at = 0; at < text.len; at++) {
		unsigned char byte = (unsigned char)text.data[at];
		if (escapes[byte] == 0)
			continue;
		char escape[6] = {'\\', escapes[byte], '0', '0', hex[byte >> 4], hex[byte & 15]};
		buf_append(out, text.data + from, at - from);
		buf_append(out, escape, escapes[byte] == 'u' ? 6 : 2);
		from = at + 1;
	}
	if (from < text.len)
		buf_append(out, text.data + from, text.len - from);
	buf_append_char(out, '"');
}

static void write_quoted_decimal(struct buf *out, struct decimal value)
{
	char text[DECIMAL_TEXT_MAX + 2];
	text[0] = '"';
	size_t len = decimal_print(value, text + 1);
	text[len + 1] = '"';
	buf_append(out, text, len + 2);
}

static void write_integer(struct buf *out, int64_t value)
{
	char text[DECIMAL_TEXT_MAX];
	if (value <= -INTEGER_LIMIT || value >= INTEGER_LIMIT) {
		out->refused = true;
		return;
	}
	buf_append(out, text, decimal_print((struct decimal){value, 0}, text));
}

static void write_quoted_date(struct buf *out, date_days date)
{
	char text[DATE_TEXT_SIZE + 1];
	text[0] = '"';
	date_print(date, text + 1);
	text[DATE_TEXT_SIZE] = '"';
	buf_append(out, text, sizeof text);
}

static void write_value(const struct document *document, enum value_kind kind, const struct value *value,
                        struct buf *out)
{
	switch (kind) {
	case VALUE_TEXT:
		canonical_string(out, document_text(document, value));
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		write_quoted_decimal(out, value->as.decimal);
		break;
	case VALUE_INTEGER:
		write_integer(out, value->as.integer);
		break;
	case VALUE_DATE:
		write_quoted_date(out, value->as.date);
		break;
	default:
		CHECK(kind == VALUE_BOOLEAN);
		buf_append_text(out, value->as.boolean ? "true" : "false");
	}
}

static void write_key(const struct canonical_entry *entry, bool *first, struct buf *out)
{
	size_t skip = *first ? 1 : 0;
	buf_append(out, entry->prefix + skip, entry->prefix_len - skip);
	*first = false;
}

static void write_line(const struct document *document, const struct canonical_entry *entries, int count,
                       const struct value *line, struct buf *out)
{
	bool first = true;
	buf_append_char(out, '{');
	for (int i = 0; i < count; i++) {
		const struct value *value = &line[entries[i].slot];
		if (!value->present)
			continue;
		write_key(&entries[i], &first, out);
		write_value(document, (enum value_kind)entries[i].kind, value, out);
	}
	buf_append_char(out, '}');
}

static void write_lines(const struct canonical *canonical, const struct document *document,
                        enum document_section section, int from, int end, struct buf *out)
{
	enum document_type type = document->type;
	int fields = document_spec(type)->sections[section].field_count;
	for (int line = from; line < end; line++) {
		buf_append_char(out, line == from ? '[' : ',');
		write_line(document, canonical->lines[type][section], fields,
		           document_line(document, section, line), out);
	}
	buf_append_char(out, ']');
}

/* part NULL: all of it. */
static void write_document(const struct canonical *canonical, const struct document *document,
                           const struct canonical_part *part, struct buf *out)
{
	enum document_type type = document->type;
	bool first = true;
	CHECK(canonical->header_count[type] > 0);
	buf_append_char(out, '{');
	for (int i = 0; i < canonical->header_count[type]; i++) {
		const struct canonical_entry *entry = &canonical->header[type][i];
		if (entry->slot >= 0) {
			const struct value *value = &document->header[entry->slot];
			if (!value->present)
				continue;
			write_key(entry, &first, out);
			write_value(document, (enum value_kind)entry->kind, value, out);
			continue;
		}
		enum document_section section = (enum document_section)entry->section;
		int from = 0;
		int end = document->sections[section].count;
		if (part && part->section == section) {
			from = part->from;
			end = part->from + part->lines;
		} else if (part && !part->others) {
			end = 0;
		}
		if (from == end)
			continue;
		write_key(entry, &first, out);
		write_lines(canonical, document, section, from, end, out);
	}
	buf_append_char(out, '}');
}

void canonical_write(const struct canonical *canonical, const struct document *document, struct buf *out)
{
	write_document(canonical, document, NULL, out);
}

void canonical_write_part(const struct canonical *canonical, const struct document *document,
                          const struct canonical_part *part, struct buf *out)
{
	CHECK(part->from >= 0 && part->lines >= 0 &&
	      part->lines <= document->sections[part->section].count - part->from);
	write_document(canonical, document, part, out);
}
