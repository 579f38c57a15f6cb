/*
 * statement.c - expands the macros of a query.
 *
 * Why:   see statement.h.
 * Owns:  nothing.
 * Rules: statement_text() and statement_params() walk the same pieces in the same order; each marker that one
 *        writes, the other fills.
 * Runs in: the core.
 * Tests: tests/unit/profile_test.c
 */
#include "connector/source/statement.h"

#include <string.h>

#define KEY_SEPARATOR '\x1f'

enum dialect dialect_of(struct span dbms)
{
	static const struct {
		const char *name;
		enum dialect dialect;
	} known[] = {
	    {"sqlite", DIALECT_LIMIT},
	    {"postgres", DIALECT_LIMIT},
	    {"mariadb", DIALECT_LIMIT},
	    {"mysql", DIALECT_LIMIT},
	    {"microsoft sql", DIALECT_OFFSET_FETCH},
	    {"sql server", DIALECT_OFFSET_FETCH},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct span name = span_of(known[i].name);
		for (size_t at = 0; at + name.len <= dbms.len; at++) {
			if (name_equal(name, (struct span){dbms.data + at, name.len}))
				return known[i].dialect;
		}
	}
	return DIALECT_FETCH_FIRST;
}

static struct span key_name(const struct profile_query *query, const struct statement_piece *piece, int index)
{
	return piece->name_count > 0 ? piece->names[index] : span_of(query->keys[index].name);
}

static void marker(struct buf *out, struct span name, const char *comparison, int *markers)
{
	buf_append_span(out, name);
	buf_append_text(out, comparison);
	*markers += 1;
}

static void write_after(const struct profile_query *query, const struct statement_piece *piece,
                        struct buf *out, int *markers)
{
	int last = query->key_count - 1;
	if (last > 0) {
		buf_append_char(out, '(');
		marker(out, key_name(query, piece, 0), " >= ? AND (", markers);
	}
	for (int i = 0; i <= last; i++) {
		struct span name = key_name(query, piece, i);
		marker(out, name, " > ?", markers);
		if (i < last) {
			buf_append_text(out, " OR (");
			marker(out, name, " = ? AND ", markers);
			if (i + 1 < last)
				buf_append_char(out, '(');
		}
	}
	/* One for each OR ( and for each ( before a column that is neither the first nor the last; one for
	 * the first. */
	for (int i = 0; i < last; i++)
		buf_append_text(out, i + 1 < last ? "))" : ")");
	if (last > 0)
		buf_append_text(out, "))");
}

static void write_since(const struct statement_piece *piece, struct buf *out, int *markers)
{
	if (piece->name_count == 1) {
		marker(out, piece->names[0], " >= ?", markers);
		return;
	}
	buf_append_char(out, '(');
	marker(out, piece->names[0], " > ? OR (", markers);
	marker(out, piece->names[0], " = ? AND ", markers);
	marker(out, piece->names[1], " >= ?))", markers);
}

static int units_of(struct statement_shape shape)
{
	return shape.units > 1 ? shape.units : 1;
}

/* (A = ? AND B = ?), as often as there are units, with OR between. */
static void write_units(const struct statement_piece *piece, int units, struct buf *out, int *markers)
{
	buf_append_text(out, units > 1 ? "((" : "(");
	for (int unit = 0; unit < units; unit++) {
		buf_append_text(out, unit ? ") OR (" : "");
		for (int k = 0; k < piece->name_count; k++)
			marker(out, piece->names[k], k + 1 < piece->name_count ? " = ? AND " : " = ?",
			       markers);
	}
	buf_append_text(out, units > 1 ? "))" : ")");
}

static void write_order(const struct profile_query *query, const struct statement_piece *piece,
                        struct buf *out)
{
	buf_append_text(out, "ORDER BY ");
	for (int i = 0; i < query->key_count; i++) {
		buf_append_text(out, i ? ", " : "");
		buf_append_text(out, query->keys[i].name);
	}
	for (int i = 0; i < piece->name_count; i++) {
		buf_append_text(out, ", ");
		buf_append_span(out, piece->names[i]);
	}
}

static void write_page(enum dialect dialect, int rows, struct buf *out)
{
	if (dialect == DIALECT_LIMIT)
		buf_printf(out, "LIMIT %d", rows);
	else if (dialect == DIALECT_FETCH_FIRST)
		buf_printf(out, "FETCH FIRST %d ROWS ONLY", rows);
	else
		buf_printf(out, "OFFSET 0 ROWS FETCH NEXT %d ROWS ONLY", rows);
}

void statement_text(const struct profile_query *query, enum dialect dialect, struct statement_shape shape,
                    struct buf *out, int *markers)
{
	bool skip = false;
	*markers = 0;
	for (int i = 0; i < query->piece_count; i++) {
		const struct statement_piece *piece = &query->pieces[i];
		if (piece->kind == PIECE_IF_SINCE || piece->kind == PIECE_END)
			skip = piece->kind == PIECE_IF_SINCE && !shape.since;
		if (skip)
			continue;
		switch (piece->kind) {
		case PIECE_TEXT:
			buf_append_span(out, piece->text);
			break;
		case PIECE_SINCE:
			if (shape.since)
				write_since(piece, out, markers);
			else
				buf_append_text(out, "1=1");
			break;
		case PIECE_AFTER:
			if (shape.after)
				write_after(query, piece, out, markers);
			else
				buf_append_text(out, "1=1");
			break;
		case PIECE_UNIT:
			write_units(piece, units_of(shape), out, markers);
			break;
		case PIECE_ORDER:
			write_order(query, piece, out);
			break;
		case PIECE_PAGE:
			write_page(dialect, shape.rows, out);
			break;
		case PIECE_IF_SINCE:
		case PIECE_END:
			break;
		}
	}
	CHECK(*markers <= SOURCE_PARAMS_MAX);
}

struct params {
	struct source_param *list;
	int count;
};

static void put(struct params *params, struct span text, bool integer)
{
	int64_t value;
	CHECK(params->count < SOURCE_PARAMS_MAX);
	/* A number as the driver wrote it may carry ".0" or blanks; then it is compared as the text it is. */
	params->list[params->count++] =
	    (struct source_param){.integer = integer && convert_integer(text, &value), .text = text};
}

static void put_after(struct params *params, const struct profile_query *query, const struct span *after)
{
	int last = query->key_count - 1;
	if (last > 0)
		put(params, after[0], query->keys[0].integer);
	for (int i = 0; i <= last; i++) {
		put(params, after[i], query->keys[i].integer);
		if (i < last)
			put(params, after[i], query->keys[i].integer);
	}
}

static void put_since(struct params *params, const struct statement_piece *piece, const struct span *since)
{
	bool pair = piece->name_count == 2;
	put(params, since[0], pair);
	if (!pair)
		return;
	put(params, since[0], true);
	put(params, since[1], true);
}

int statement_params(const struct profile_query *query, const struct profile_key *unit_keys,
                     struct statement_shape shape, const struct statement_values *values,
                     struct source_param params[SOURCE_PARAMS_MAX])
{
	struct params out = {params, 0};
	bool skip = false;
	for (int i = 0; i < query->piece_count; i++) {
		const struct statement_piece *piece = &query->pieces[i];
		if (piece->kind == PIECE_IF_SINCE || piece->kind == PIECE_END)
			skip = piece->kind == PIECE_IF_SINCE && !shape.since;
		if (skip)
			continue;
		if (piece->kind == PIECE_SINCE && shape.since)
			put_since(&out, piece, values->since);
		if (piece->kind == PIECE_AFTER && shape.after)
			put_after(&out, query, values->after);
		for (int u = 0; piece->kind == PIECE_UNIT && u < units_of(shape); u++) {
			for (int k = 0; k < piece->name_count; k++)
				put(&out, values->unit[u][k], unit_keys[k].integer);
		}
	}
	return out.count;
}

bool key_encode(const struct span *values, int count, char *text, size_t size, size_t *len)
{
	size_t used = 0;
	for (int i = 0; i < count; i++) {
		size_t need = values[i].len + (i > 0);
		if (need > size - used ||
		    (values[i].len && memchr(values[i].data, KEY_SEPARATOR, values[i].len)))
			return false;
		if (i > 0)
			text[used++] = KEY_SEPARATOR;
		if (values[i].len > 0)
			memcpy(text + used, values[i].data, values[i].len);
		used += values[i].len;
	}
	*len = used;
	return true;
}

bool key_decode(struct span text, struct span *values, int count)
{
	size_t begin = 0;
	int found = 0;
	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.data[i] != KEY_SEPARATOR)
			continue;
		if (found == count)
			return false;
		values[found++] = (struct span){text.data + begin, i - begin};
		begin = i + 1;
	}
	return found == count;
}
