/*
 * posting_read.c - reads the data of postings into documents.
 *
 * Why:   see posting_read.h.
 * Owns:  see posting_read.h.
 * Rules: 1. The sorted fields of struct canonical serve as the index of keys: a writer that sorts its keys has each key
 *           found at the first look.
 *        2. A text without escapes is taken from where it lies.
 * Faults: as in posting_read.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_read_test.c, tests/fuzz/posting_fuzz.c
 */
#include "connector/compare/posting_read.h"

#include <string.h>

#include "connector/compare/field_text.h"

void posting_reader_init(struct posting_reader *reader, const struct canonical *canonical)
{
	*reader = (struct posting_reader){.canonical = canonical};
	buf_init(&reader->text, POSTING_TEXT_BYTES_MAX + 1);
}

void posting_reader_release(struct posting_reader *reader)
{
	buf_release(&reader->text);
}

/* ---- one value ---- */

/* A value before it is in the document: its text is borrowed, until the next one is read. */
struct reading {
	struct value value;
	struct span text;
};

/* The text without quotes and escapes; false: it is over POSTING_TEXT_BYTES_MAX. */
static bool read_text(struct posting_reader *reader, const struct json_value *json, struct span *text)
{
	size_t len = json->raw.len - 2;
	if (json_text_plain(json, text))
		return len <= POSTING_TEXT_BYTES_MAX;
	/* Resolving escapes makes a text shorter, never longer. */
	size_t room = len < POSTING_TEXT_BYTES_MAX ? len : POSTING_TEXT_BYTES_MAX;
	buf_clear(&reader->text);
	char *to = (char *)buf_reserve(&reader->text, room + 1);
	CHECK(to != NULL);
	if (!json_read_text(json, to, room + 1))
		return false;
	*text = span_of(to);
	return true;
}

static enum err refuse(const struct posting_reader *reader, const char *key, enum err err, const char *why,
                       struct err_info *info)
{
	if (!reader->section)
		return err_set(info, err, "data.%s %s", key, why);
	return err_set(info, err, "data.%s[%d]%s%s %s", reader->section->key, reader->line, key[0] ? "." : "",
	               key, why);
}

static enum err read_from_text(struct posting_reader *reader, const struct field_spec *field,
                               const struct json_value *json, struct reading *reading, struct err_info *info)
{
	if (!read_text(reader, json, &reading->text))
		return refuse(reader, field->key, ERR_TOO_LARGE, "is a text of over 49152 bytes", info);
	if (reading->text.len == 0)
		return refuse(reader, field->key, ERR_BAD_INPUT,
		              "is an empty text; leave a member without a value out", info);
	const char *why =
	    field->kind == VALUE_TEXT ? NULL : field_text_read(field->kind, reading->text, &reading->value);
	return why ? refuse(reader, field->key, ERR_BAD_INPUT, why, info) : ERR_OK;
}
_Static_assert(POSTING_TEXT_BYTES_MAX == 49152, "the sentence names the limit");

/* What a member of this field must be. */
static const char *kind_words(enum value_kind kind)
{
	switch (kind) {
	case VALUE_TEXT:
		return "must be a text";
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return "must be a text like \"-12.50\": a JSON number may have been rounded";
	case VALUE_INTEGER:
		return "must be a whole number below 2^53";
	case VALUE_DATE:
		return "must be a text like \"2026-11-21\"";
	case VALUE_BOOLEAN:
		return "must be true or false";
	}
	BUG("unknown kind");
}

static enum err read_value(struct posting_reader *reader, const struct field_spec *field,
                           const struct json_value *json, struct reading *reading, struct err_info *info)
{
	*reading = (struct reading){.value.present = true};
	switch (field->kind) {
	case VALUE_INTEGER:
		if (json_read_integer(json, &reading->value.as.integer))
			return ERR_OK;
		break;
	case VALUE_BOOLEAN:
		reading->value.as.boolean = json->kind == JSON_TRUE;
		if (json->kind == JSON_TRUE || json->kind == JSON_FALSE)
			return ERR_OK;
		break;
	default:
		if (json->kind == JSON_TEXT)
			return read_from_text(reader, field, json, reading, info);
	}
	return refuse(reader, field->key, ERR_BAD_INPUT, kind_words(field->kind), info);
}

static enum err keep(struct posting_reader *reader, const struct field_spec *field,
                     const struct reading *reading, struct value *value, struct err_info *info)
{
	if (field->kind != VALUE_TEXT) {
		*value = reading->value;
		return ERR_OK;
	}
	if (document_set_text(reader->document, value, reading->text) != ERR_OK)
		return refuse(reader, field->key, ERR_TOO_LARGE,
		              "does not fit: the document's texts are over 4 MiB", info);
	return ERR_OK;
}
_Static_assert(DOCUMENT_TEXT_BYTES_MAX == 4u * 1024u * 1024u, "the sentence names the limit");

/* Is it what the document has already? */
static bool is_same(const struct posting_reader *reader, const struct field_spec *field,
                    const struct reading *reading, const struct value *value)
{
	if (!value->present)
		return false;
	switch (field->kind) {
	case VALUE_TEXT:
		return span_equal(reading->text, document_text(reader->document, value));
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return reading->value.as.decimal.units == value->as.decimal.units &&
		       reading->value.as.decimal.scale == value->as.decimal.scale;
	case VALUE_INTEGER:
		return reading->value.as.integer == value->as.integer;
	case VALUE_DATE:
		return reading->value.as.date == value->as.date;
	case VALUE_BOOLEAN:
		return reading->value.as.boolean == value->as.boolean;
	}
	BUG("unknown kind");
}

/* ---- members ---- */

/* The key without quotes; empty, which no field is called, where it has escapes and is longer than any field's. */
static struct span key_of(const struct json_value *key, char buffer[CANONICAL_PREFIX_MAX + 1])
{
	struct span text;
	if (json_text_plain(key, &text))
		return text;
	if (!json_read_text(key, buffer, CANONICAL_PREFIX_MAX + 1))
		return (struct span){NULL, 0};
	return span_of(buffer);
}

/* Looks from *next on, and then at those before; NULL: no such field. */
static const struct canonical_entry *find_entry(const struct canonical_entry *entries, int count, int *next,
                                                struct span key)
{
	for (int i = 0, at = *next; i < count; i++, at++) {
		if (at >= count)
			at = 0;
		const struct canonical_entry *entry = &entries[at];
		if (entry->prefix_len == key.len + 4 && memcmp(entry->prefix + 2, key.data, key.len) == 0) {
			*next = at + 1;
			return entry;
		}
	}
	return NULL;
}

/* The line that `list` stands before. */
static enum err read_line(struct posting_reader *reader, enum document_section section,
                          struct json_walk *list, enum json_kind kind, struct err_info *info)
{
	struct document *document = reader->document;
	const struct section_spec *spec = &document_spec(document->type)->sections[section];
	const struct canonical_entry *entries = reader->canonical->lines[document->type][section];
	struct json_walk walk;
	struct json_value key;
	char buffer[CANONICAL_PREFIX_MAX + 1];
	int next = 0;
	reader->line = document->sections[section].count;
	if (kind != JSON_OBJECT)
		return refuse(reader, "", ERR_BAD_INPUT, "must be an object", info);
	struct value *line = document_add_line(document, section);
	if (!line)
		return refuse(reader, "", ERR_TOO_LARGE, "is over the 10000 that one document may have",
		              info);
	json_walk_enter(&walk, list);
	while (json_walk_key(&walk, &key, &kind)) {
		struct reading reading;
		const struct canonical_entry *entry =
		    find_entry(entries, spec->field_count, &next, key_of(&key, buffer));
		struct json_value member = json_walk_value(&walk);
		if (!entry)
			continue;
		const struct field_spec *field = &spec->fields[entry->slot];
		enum err err = read_value(reader, field, &member, &reading, info);
		if (err == ERR_OK)
			err = keep(reader, field, &reading, &line[entry->slot], info);
		if (err != ERR_OK)
			return err;
	}
	json_walk_leave(list, &walk);
	return ERR_OK;
}
_Static_assert(DOCUMENT_LINES_MAX == 10000, "the sentence names the limit");

/* The list that `data` stands before. */
static enum err read_section(struct posting_reader *reader, enum document_section section,
                             struct json_walk *data, enum json_kind kind, struct err_info *info)
{
	const struct section_spec *spec = &document_spec(reader->document->type)->sections[section];
	struct json_walk list;
	struct json_value none;
	enum err err = ERR_OK;
	if (kind != JSON_LIST)
		return refuse(reader, spec->key, ERR_BAD_INPUT, "must be a list", info);
	json_walk_enter(&list, data);
	reader->section = spec;
	while (err == ERR_OK && json_walk_key(&list, &none, &kind))
		err = read_line(reader, section, &list, kind, info);
	reader->section = NULL;
	if (err == ERR_OK)
		json_walk_leave(data, &list);
	return err;
}

/* A field of the header: kept from part 1, compared in the others. */
static enum err read_field(struct posting_reader *reader, int slot, const struct json_value *json,
                           struct err_info *info)
{
	struct document *document = reader->document;
	const struct document_spec *spec = document_spec(document->type);
	const struct field_spec *field = &spec->header[slot];
	struct reading reading;
	enum err err = read_value(reader, field, json, &reading, info);
	if (err == ERR_OK && slot == HEADER_TYPE && !span_equal(reading.text, span_of(spec->name)))
		return err_set(info, ERR_BAD_INPUT, "data.type is not \"%s\", which the event's type says",
		               spec->name);
	if (err == ERR_OK && reader->taken == 0)
		return keep(reader, field, &reading, &document->header[slot], info);
	if (err == ERR_OK && !is_same(reader, field, &reading, &document->header[slot]))
		return refuse(reader, field->key, ERR_CONFLICT, "is another than in part 1", info);
	return err;
}

static int header_values(const struct document *document)
{
	int count = 0;
	for (int slot = 0; slot < document_spec(document->type)->header_count; slot++)
		count += document->header[slot].present;
	return count;
}

void posting_read_begin(struct posting_reader *reader, struct document *document, enum document_type type,
                        int parts)
{
	CHECK(parts >= 1 && parts <= PARTS_MAX);
	document_begin(document, type);
	reader->document = document;
	reader->parts = parts;
	reader->taken = 0;
	reader->section = NULL;
}

enum err posting_read_add(struct posting_reader *reader, const struct json_value *data, struct err_info *info)
{
	CHECK(reader->taken < reader->parts);
	struct document *document = reader->document;
	const struct canonical_entry *entries = reader->canonical->header[document->type];
	int count = reader->canonical->header_count[document->type];
	struct json_walk walk;
	struct json_value key;
	enum json_kind kind;
	char buffer[CANONICAL_PREFIX_MAX + 1];
	int next = 0;
	int values = 0;
	enum err err = ERR_OK;
	if (data->kind != JSON_OBJECT)
		return err_set(info, ERR_BAD_INPUT, "data must be an object");
	json_walk_init(&walk, data);
	while (err == ERR_OK && json_walk_key(&walk, &key, &kind)) {
		const struct canonical_entry *entry = find_entry(entries, count, &next, key_of(&key, buffer));
		if (entry && entry->slot < 0) {
			err = read_section(reader, (enum document_section)entry->section, &walk, kind, info);
			continue;
		}
		struct json_value member = json_walk_value(&walk);
		if (!entry)
			continue;
		err = read_field(reader, entry->slot, &member, info);
		values++;
	}
	if (err == ERR_OK && !document->header[HEADER_TYPE].present)
		return err_set(info, ERR_BAD_INPUT, "data.type is missing");
	if (err == ERR_OK && values != header_values(document))
		return err_set(info, ERR_CONFLICT, "data lacks fields of the header that part 1 has");
	reader->taken++;
	return err;
}

enum err posting_read_finish(struct posting_reader *reader, struct err_info *info)
{
	if (reader->taken < reader->parts)
		return err_set(info, ERR_AGAIN, "%d of %d parts are here", reader->taken, reader->parts);
	reader->parts = 0;
	return ERR_OK;
}

enum err posting_read(struct posting_reader *reader, struct span data, struct document *document,
                      struct err_info *info)
{
	struct json_value root;
	struct json_value word;
	enum document_type type = DOCUMENT_JOURNAL;
	struct span name;
	enum err err = json_open(&root, data, info);
	if (err != ERR_OK)
		return err;
	if (root.kind != JSON_OBJECT)
		return err_set(info, ERR_BAD_INPUT, "data must be an object");
	word = json_member(&root, "type");
	if (word.kind != JSON_TEXT || !read_text(reader, &word, &name) || !document_type_find(&type, name))
		return err_set(info, ERR_BAD_INPUT,
		               "data.type must be journal, invoice, credit_memo, payment, customer or usage");
	posting_read_begin(reader, document, type, 1);
	err = posting_read_add(reader, &root, info);
	return err == ERR_OK ? posting_read_finish(reader, info) : err;
}
