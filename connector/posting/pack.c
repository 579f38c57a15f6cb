/*
 * pack.c - writes and reads the packed form of documents.
 *
 * Why:   see pack.h.
 * Owns:  nothing.
 * Rules: 1. The writer works on memory that the buffer has reserved, and gives it back the length at its end: a buffer
 *           that is full is as long as before.
 *        2. The reader checks each number before it is used, and every text as UTF-8, as whoever first reads it does.
 * Faults: as declared.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/pack_test.c, tests/fuzz/pack_fuzz.c
 */
#include "connector/posting/pack.h"

#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/varint.h"

/* The most that one value takes without its text: a scale and a number. */
#define VALUE_BYTES_MAX (1 + VARINT_BYTES_MAX)

_Static_assert(DOCUMENT_FIELDS_MAX <= 64, "a set of fields is 64 bits");

struct writer {
	struct buf *out;
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
};

static bool make_room(struct writer *writer, size_t need)
{
	if ((size_t)(writer->end - writer->at) >= need)
		return true;
	struct buf *out = writer->out;
	size_t used = (size_t)(writer->at - writer->start);
	uint8_t *start = buf_reserve(out, used + need);
	if (!start)
		return false;
	/* The last byte of the capacity is for the closing zero. */
	size_t limit = out->capacity - 1 < out->max ? out->capacity - 1 : out->max;
	writer->start = start;
	writer->at = start + used;
	writer->end = out->data + limit;
	return true;
}

static bool write_number(struct writer *writer, uint64_t number)
{
	if (!make_room(writer, VARINT_BYTES_MAX))
		return false;
	writer->at = varint_put(writer->at, number);
	return true;
}

static bool write_value(struct writer *writer, const struct document *document, enum value_kind kind,
                        const struct value *value)
{
	struct span text = {NULL, 0};
	if (kind == VALUE_TEXT)
		text = document_text(document, value);
	if (!make_room(writer, VALUE_BYTES_MAX + text.len))
		return false;
	switch (kind) {
	case VALUE_TEXT:
		writer->at = varint_put(writer->at, text.len);
		memcpy(writer->at, text.data, text.len);
		writer->at += text.len;
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		*writer->at++ = value->as.decimal.scale;
		writer->at = varint_put(writer->at, varint_fold(value->as.decimal.units));
		break;
	case VALUE_INTEGER:
		writer->at = varint_put(writer->at, varint_fold(value->as.integer));
		break;
	case VALUE_DATE:
		writer->at = varint_put(writer->at, varint_fold(value->as.date));
		break;
	default:
		CHECK(kind == VALUE_BOOLEAN);
		*writer->at++ = value->as.boolean;
	}
	return true;
}

static bool write_fields(struct writer *writer, const struct document *document,
                         const struct field_spec *fields, const struct value *values, int count)
{
	uint64_t set = 0;
	for (int i = 0; i < count; i++)
		set |= (uint64_t)values[i].present << i;
	if (!write_number(writer, set))
		return false;
	for (; set; set &= set - 1) {
		int i = __builtin_ctzll(set);
		if (!write_value(writer, document, fields[i].kind, &values[i]))
			return false;
	}
	return true;
}

static bool write_sections(struct writer *writer, const struct document *document)
{
	const struct document_spec *spec = document_spec(document->type);
	uint64_t set = 0;
	for (int i = 0; i < SECTION_COUNT; i++)
		set |= (uint64_t)(spec->sections[i].key && document->sections[i].count > 0) << i;
	if (!write_number(writer, set))
		return false;
	for (int i = 0; i < SECTION_COUNT; i++) {
		const struct line_list *list = &document->sections[i];
		if (!(set >> i & 1))
			continue;
		if (!write_number(writer, (uint64_t)list->count))
			return false;
		for (int line = 0; line < list->count; line++) {
			if (!write_fields(writer, document, spec->sections[i].fields,
			                  document_line(document, (enum document_section)i, line),
			                  list->stride))
				return false;
		}
	}
	return true;
}

void document_pack(const struct document *document, struct buf *out)
{
	const struct document_spec *spec = document_spec(document->type);
	struct writer writer = {.out = out};
	if (!make_room(&writer, 2))
		return;
	*writer.at++ = PACK_VERSION;
	*writer.at++ = (uint8_t)((unsigned)document->type * 2 + document->voided);
	bool whole =
	    write_fields(&writer, document, spec->header, document->header, HEADER_COMMON_COUNT) &&
	    write_fields(&writer, document, spec->header + HEADER_COMMON_COUNT,
	                 document->header + HEADER_COMMON_COUNT, spec->header_count - HEADER_COMMON_COUNT) &&
	    write_sections(&writer, document);
	if (whole)
		buf_added(out, (size_t)(writer.at - writer.start));
}

struct unpacker {
	struct document *document;
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	struct err_info *info;
	date_days date_min;
	date_days date_max;
};

static enum err damaged(const struct unpacker *unpacker, const char *what)
{
	return err_set(unpacker->info, ERR_CORRUPT,
	               "a stored document is damaged at byte %zu of %zu: %s; it must be stored anew",
	               (size_t)(unpacker->at - unpacker->start), (size_t)(unpacker->end - unpacker->start),
	               what);
}

static enum err too_new(const struct unpacker *unpacker, const char *what)
{
	return err_set(unpacker->info, ERR_VERSION,
	               "a stored document has %s that this version does not know (byte %zu); read it with "
	               "the version that stored it, or a later one",
	               what, (size_t)(unpacker->at - unpacker->start));
}

static bool take_number(struct unpacker *unpacker, uint64_t *number)
{
	const uint8_t *after = varint_get(unpacker->at, unpacker->end, number);
	if (!after)
		return false;
	unpacker->at = after;
	return true;
}

static bool take_byte(struct unpacker *unpacker, uint8_t max, uint8_t *byte)
{
	if (unpacker->at == unpacker->end || *unpacker->at > max)
		return false;
	*byte = *unpacker->at++;
	return true;
}

static enum err take_text(struct unpacker *unpacker, struct value *value)
{
	uint64_t len;
	if (!take_number(unpacker, &len) || len == 0 || len > (size_t)(unpacker->end - unpacker->at))
		return damaged(unpacker, "the length of a text is wrong");
	struct span text = {(const char *)unpacker->at, (size_t)len};
	if (!utf8_valid(text))
		return damaged(unpacker, "a text is not UTF-8");
	unpacker->at += len;
	if (document_set_text(unpacker->document, value, text) != ERR_OK)
		return err_set(unpacker->info, ERR_TOO_LARGE,
		               "a stored document has more text than a document may; it must be stored anew");
	return ERR_OK;
}

static enum err take_value(struct unpacker *unpacker, enum value_kind kind, struct value *value)
{
	uint64_t number;
	uint8_t byte;
	if (kind == VALUE_TEXT)
		return take_text(unpacker, value);
	value->present = true;
	if (kind == VALUE_BOOLEAN) {
		if (!take_byte(unpacker, 1, &byte))
			return damaged(unpacker, "a boolean is neither 0 nor 1");
		value->as.boolean = byte;
		return ERR_OK;
	}
	bool is_decimal = kind == VALUE_AMOUNT || kind == VALUE_DECIMAL;
	if (is_decimal && !take_byte(unpacker, DECIMAL_SCALE_MAX, &value->as.decimal.scale))
		return damaged(unpacker, "the scale of a number is wrong");
	if (!take_number(unpacker, &number))
		return damaged(unpacker, "a number is cut off or not as it is written");
	int64_t integer = varint_unfold(number);
	if (is_decimal) {
		value->as.decimal.units = integer;
	} else if (kind == VALUE_INTEGER) {
		value->as.integer = integer;
	} else {
		CHECK(kind == VALUE_DATE);
		if (integer < unpacker->date_min || integer > unpacker->date_max)
			return damaged(unpacker, "a date is outside the years of documents");
		value->as.date = (date_days)integer;
	}
	return ERR_OK;
}

/* `values` are all absent before. */
static enum err take_fields(struct unpacker *unpacker, const struct field_spec *fields, struct value *values,
                            int count)
{
	uint64_t set;
	if (!take_number(unpacker, &set))
		return damaged(unpacker, "a set of fields is cut off");
	if (set >> count)
		return too_new(unpacker, "a field");
	for (; set; set &= set - 1) {
		int i = __builtin_ctzll(set);
		enum err err = take_value(unpacker, fields[i].kind, &values[i]);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err take_section(struct unpacker *unpacker, enum document_section section)
{
	const struct section_spec *spec = &document_spec(unpacker->document->type)->sections[section];
	uint64_t lines;
	if (!take_number(unpacker, &lines) || lines == 0)
		return damaged(unpacker, "the number of lines is wrong");
	for (uint64_t i = 0; i < lines; i++) {
		struct value *line = document_add_line(unpacker->document, section);
		if (!line)
			return err_set(unpacker->info, ERR_TOO_LARGE,
			               "a stored document has %llu lines, over the limit of %d; it must be "
			               "stored anew",
			               (unsigned long long)lines, DOCUMENT_LINES_MAX);
		enum err err = take_fields(unpacker, spec->fields, line, spec->field_count);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err take_sections(struct unpacker *unpacker)
{
	const struct document_spec *spec = document_spec(unpacker->document->type);
	uint64_t set;
	if (!take_number(unpacker, &set))
		return damaged(unpacker, "the set of lists is cut off");
	for (int i = 0; set; i++, set >>= 1) {
		if (!(set & 1))
			continue;
		if (i >= SECTION_COUNT || !spec->sections[i].key)
			return too_new(unpacker, "a list of lines");
		enum err err = take_section(unpacker, (enum document_section)i);
		if (err != ERR_OK)
			return err;
	}
	return unpacker->at == unpacker->end ? ERR_OK : damaged(unpacker, "bytes are left over");
}

static enum err take_document(struct unpacker *unpacker)
{
	struct document *document = unpacker->document;
	uint8_t version;
	uint8_t head;
	if (!take_byte(unpacker, UINT8_MAX, &version))
		return damaged(unpacker, "it is empty");
	if (version != PACK_VERSION)
		return too_new(unpacker, "a form");
	if (!take_byte(unpacker, UINT8_MAX, &head))
		return damaged(unpacker, "it ends after its version");
	if (head / 2 >= DOCUMENT_TYPE_COUNT)
		return too_new(unpacker, "a type");
	document_begin(document, (enum document_type)(head / 2));
	document->voided = head % 2;
	const struct document_spec *spec = document_spec(document->type);
	enum err err = take_fields(unpacker, spec->header, document->header, HEADER_COMMON_COUNT);
	if (err == ERR_OK)
		err = take_fields(unpacker, spec->header + HEADER_COMMON_COUNT,
		                  document->header + HEADER_COMMON_COUNT,
		                  spec->header_count - HEADER_COMMON_COUNT);
	return err == ERR_OK ? take_sections(unpacker) : err;
}

enum err document_unpack(struct document *document, struct span packed, struct err_info *info)
{
	const uint8_t *start = (const uint8_t *)packed.data;
	struct unpacker unpacker = {.document = document,
	                            .start = start,
	                            .at = start,
	                            .end = packed.len > 0 ? start + packed.len : start,
	                            .info = info};
	CHECK(date_from_civil(&unpacker.date_min, DATE_YEAR_MIN, 1, 1) == ERR_OK);
	CHECK(date_from_civil(&unpacker.date_max, DATE_YEAR_MAX, 12, 31) == ERR_OK);
	enum err err = take_document(&unpacker);
	if (err != ERR_OK)
		document_begin(document, DOCUMENT_JOURNAL);
	return err;
}
