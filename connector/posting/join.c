/*
 * join.c - see join.h.
 *
 * Why:   see join.h.
 * Owns:  nothing.
 * Rules: as in join.h.
 * Runs in: the CLI.
 * Tests: tests/unit/join_test.c
 */
#include "connector/posting/join.h"

static enum err copy_value(struct document *to, struct value *value, enum value_kind kind,
                           const struct document *from, const struct value *source)
{
	*value = *source;
	if (kind != VALUE_TEXT || !source->present)
		return ERR_OK;
	value->present = false;
	return document_set_text(to, value, document_text(from, source));
}

static enum err append_lines(struct document *to, const struct document *other, enum document_section section)
{
	const struct section_spec *spec = &document_spec(to->type)->sections[section];
	for (int i = 0; i < other->sections[section].count; i++) {
		const struct value *source = document_line(other, section, i);
		struct value *line = document_add_line(to, section);
		if (!line)
			return ERR_TOO_LARGE;
		for (int f = 0; f < spec->field_count; f++) {
			enum err err = copy_value(to, &line[f], spec->fields[f].kind, other, &source[f]);
			if (err != ERR_OK)
				return err;
		}
	}
	return ERR_OK;
}

/* A rate is a decimal too, and a year an integer. */
static bool is_added(const struct document *document, int field)
{
	return document_spec(document->type)->header[field].kind == VALUE_AMOUNT ||
	       (document->type == DOCUMENT_USAGE && (field == USAGE_QUANTITY || field == USAGE_RECORD_COUNT));
}

static enum err add_amounts(struct document *to, const struct document *other)
{
	const struct document_spec *spec = document_spec(to->type);
	for (int f = 0; f < spec->header_count; f++) {
		if (!is_added(to, f) || !other->header[f].present)
			continue;
		if (!to->header[f].present) {
			to->header[f] = other->header[f];
			continue;
		}
		if (spec->header[f].kind == VALUE_INTEGER) {
			if (__builtin_add_overflow(to->header[f].as.integer, other->header[f].as.integer,
			                           &to->header[f].as.integer))
				return ERR_OVERFLOW;
			continue;
		}
		enum err err = decimal_add(&to->header[f].as.decimal, to->header[f].as.decimal,
		                           other->header[f].as.decimal);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err document_join(struct document *to, const struct document *other, struct err_info *info)
{
	if (to->type != other->type || !span_equal(document_text(to, &to->header[HEADER_CURRENCY]),
	                                           document_text(other, &other->header[HEADER_CURRENCY])))
		return err_set(info, ERR_BAD_INPUT,
		               "documents of different kinds or currencies cannot be added up");
	enum err err = add_amounts(to, other);
	for (int section = 0; section < SECTION_COUNT && err == ERR_OK; section++) {
		if (document_spec(to->type)->sections[section].key)
			err = append_lines(to, other, (enum document_section)section);
	}
	if (err != ERR_OK)
		return err_set(info, err, "added up, the documents are over a limit: %s", err_text(err));
	return ERR_OK;
}
