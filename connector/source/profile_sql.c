/*
 * profile_sql.c - reads the SQL of a profile: text and macros.
 *
 * Why:   a macro that is mistyped, or one that is missing, would read too little or for ever; it is found
 *        here.
 * Owns:  nothing.
 * Rules: 1. {since}, {unit} and {after} make the only ? markers; a ? in the text is a problem, also within
 *           quotes.
 *        2. Every query has {after}, {order} and {page}; a stamped one has {since}, rows behind a gate
 *           {unit}.
 * Runs in: every process that checks a configuration.
 * Tests: tests/unit/profile_test.c
 */
#include "connector/source/profile_parse.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 64
#define WORDS_MAX  (PROFILE_KEYS_MAX + 1)

struct sql {
	struct parse *parse;
	yaml_node_t *node;
	struct profile_query *query;
	bool gate;
	struct statement_piece pieces[PIECES_MAX];
	int count;
	struct buf text; /* of the piece being gathered */
	bool inside_if;
	unsigned seen; /* 1 << enum statement_piece_kind */
	int line, column;
};

/* Where a byte of the SQL stands. A folded scalar (>) has lost its lines: then its beginning. */
static void locate(struct sql *sql, struct span text, size_t offset)
{
	int first = config_yaml_line(sql->node);
	sql->line = first;
	sql->column = config_yaml_column(sql->node);
	if (sql->node->data.scalar.style != YAML_LITERAL_SCALAR_STYLE)
		return;
	size_t begin = 0;
	for (size_t i = 0; i < offset; i++) {
		if (text.data[i] == '\n') {
			sql->line++;
			begin = i + 1;
		}
	}
	sql->line++;
	/* The indentation is gone from the text; the column counts within what is left of the line. */
	sql->column = (int)(offset - begin) + 1;
}

#define SQL_PROBLEM(sql, ...) \
	config_problem_add((sql)->parse->problems, (sql)->line, (sql)->column, __VA_ARGS__)

static struct statement_piece *add_piece(struct sql *sql, enum statement_piece_kind kind)
{
	if (sql->count == PIECES_MAX) {
		SQL_PROBLEM(sql, "the SQL has too many macros; at most %d pieces of text and macros",
		            PIECES_MAX);
		sql->count--;
	}
	struct statement_piece *piece = &sql->pieces[sql->count++];
	*piece = (struct statement_piece){.kind = kind};
	sql->seen |= 1u << kind;
	return piece;
}

static void flush(struct sql *sql)
{
	if (sql->text.len == 0)
		return;
	struct statement_piece *piece = add_piece(sql, PIECE_TEXT);
	piece->text = profile_copy(sql->parse->profile, buf_span(&sql->text));
	buf_clear(&sql->text);
}

static int split(struct span text, struct span *words)
{
	int count = 0;
	for (size_t i = 0; i < text.len;) {
		while (i < text.len && (text.data[i] == ' ' || text.data[i] == '\n'))
			i++;
		size_t begin = i;
		while (i < text.len && text.data[i] != ' ' && text.data[i] != '\n')
			i++;
		if (i == begin)
			break;
		if (count == WORDS_MAX)
			return -1;
		words[count++] = (struct span){text.data + begin, i - begin};
	}
	return count;
}

/* How many column names may follow: exact, or -1 for none or as many as the key, or -2 for any number. */
struct macro {
	const char *name;
	enum statement_piece_kind kind;
	int columns;
};

static bool find_macro(const struct sql *sql, struct span name, struct macro *found)
{
	const struct macro macros[] = {
	    {"since", PIECE_SINCE, stamp_form_columns(sql->query->stamp_form)},
	    {"unit", PIECE_UNIT, sql->parse->feed->unit_keys},
	    {"after", PIECE_AFTER, -1},
	    {"order", PIECE_ORDER, -2},
	    {"page", PIECE_PAGE, 0},
	    {"if", PIECE_IF_SINCE, 1},
	    {"end", PIECE_END, 0},
	};
	for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
		if (span_equal(name, span_of(macros[i].name))) {
			*found = macros[i];
			return true;
		}
	}
	return false;
}

static bool may_stand(struct sql *sql, const struct macro *macro, const struct span *words, int columns)
{
	bool behind_gate = !sql->gate && sql->parse->feed->strategy == STRATEGY_POSTED_GATE;
	if (macro->columns >= 0 && columns != macro->columns) {
		SQL_PROBLEM(sql, "{%s} needs %d column(s) here, not %d", macro->name, macro->columns,
		            columns);
		return false;
	}
	if (macro->columns == -1 && columns != 0 && columns != sql->query->key_count) {
		SQL_PROBLEM(sql, "{%s} takes no columns, or as many as the key has (%d), not %d", macro->name,
		            sql->query->key_count, columns);
		return false;
	}
	if (macro->kind == PIECE_UNIT && !behind_gate) {
		SQL_PROBLEM(sql, "{unit} belongs to the rows of a feed with strategy posted_gate");
		return false;
	}
	if ((macro->kind == PIECE_SINCE || macro->kind == PIECE_IF_SINCE) && behind_gate) {
		SQL_PROBLEM(sql, "{%s} does not belong behind a gate; the gate's own SQL has it",
		            macro->name);
		return false;
	}
	if (macro->kind == PIECE_IF_SINCE && !span_equal(words[1], SPAN_LITERAL("since"))) {
		SQL_PROBLEM(sql, "{if %.*s} is not known; allowed is {if since} ... {end}",
		            SPAN_ARGS(words[1]));
		return false;
	}
	if (macro->kind == PIECE_IF_SINCE ? sql->inside_if : macro->kind == PIECE_END && !sql->inside_if) {
		SQL_PROBLEM(
		    sql,
		    "{%s} without its partner; {if since} ... {end} stand in pairs, not within each other",
		    macro->name);
		return false;
	}
	return true;
}

static void read_macro(struct sql *sql, struct span inside)
{
	struct span words[WORDS_MAX];
	int count = split(inside, words);
	struct span value = {NULL, 0};
	struct macro macro;
	if (count == 1 && parse_parameter(sql->parse, words[0], &value)) {
		buf_append_span(&sql->text, value);
		return;
	}
	if (count < 1 || !find_macro(sql, words[0], &macro)) {
		SQL_PROBLEM(sql,
		            "unknown macro {%.*s}; allowed are since, unit, after, order, page, if since, "
		            "end and the "
		            "profile's parameters",
		            SPAN_ARGS(inside));
		return;
	}
	if (!may_stand(sql, &macro, words, count - 1))
		return;
	flush(sql);
	struct statement_piece *piece = add_piece(sql, macro.kind);
	if (macro.kind == PIECE_IF_SINCE || macro.kind == PIECE_END) {
		sql->inside_if = macro.kind == PIECE_IF_SINCE;
		return;
	}
	for (int i = 1; i < count; i++)
		piece->names[piece->name_count++] = profile_copy(sql->parse->profile, words[i]);
}

static void require(struct sql *sql, enum statement_piece_kind kind, const char *macro, const char *why)
{
	if (!(sql->seen & (1u << kind)))
		PROBLEM(sql->parse, sql->node, "the SQL has no %s; %s", macro, why);
}

/* Markers of the largest form of the statement that reads so many units. */
static int markers(const struct sql *sql, int units)
{
	int total = 0;
	for (int i = 0; i < sql->count; i++) {
		const struct statement_piece *piece = &sql->pieces[i];
		if (piece->kind == PIECE_SINCE)
			total += piece->name_count == 2 ? 3 : 1;
		else if (piece->kind == PIECE_UNIT)
			total += units * piece->name_count;
		else if (piece->kind == PIECE_AFTER)
			total += 2 * sql->query->key_count;
	}
	return total;
}

static void finish(struct sql *sql)
{
	struct profile_query *query = sql->query;
	flush(sql);
	if (sql->inside_if)
		PROBLEM(sql->parse, sql->node, "{if since} without {end}");
	require(sql, PIECE_AFTER, "{after}", "without it the second page would be the first again");
	require(sql, PIECE_ORDER, "{order}", "pages need the order of the key");
	require(sql, PIECE_PAGE, "{page}", "without it one answer would hold everything");
	if (query->stamped)
		require(sql, PIECE_SINCE, "{since ...}", "without it everything is read each time");
	else
		require(sql, PIECE_UNIT, "{unit ...}", "without it every unit would hold everything");
	if (markers(sql, 1) > SOURCE_PARAMS_MAX)
		PROBLEM(sql->parse, sql->node, "the macros make %d parameters; at most %d are possible",
		        markers(sql, 1), SOURCE_PARAMS_MAX);
	query->units_max = PROFILE_UNITS_MAX;
	while (query->units_max > 1 && markers(sql, query->units_max) > SOURCE_PARAMS_MAX)
		query->units_max--;
	struct statement_piece *pieces =
	    profile_alloc(sql->parse->profile, (size_t)sql->count * sizeof *pieces);
	memcpy(pieces, sql->pieces, (size_t)sql->count * sizeof *pieces);
	query->pieces = pieces;
	query->piece_count = sql->count;
}

void parse_sql(struct parse *parse, yaml_node_t *node, struct profile_query *query, bool gate)
{
	struct span text = config_yaml_scalar(node);
	if (text.len == 0 || text.len > SOURCE_SQL_BYTES_MAX / 2) {
		PROBLEM(parse, node, "sql has %zu bytes; allowed are 1 to %u", text.len,
		        SOURCE_SQL_BYTES_MAX / 2);
		return;
	}
	struct sql *sql = mem_alloc(sizeof *sql);
	sql->parse = parse;
	sql->node = node;
	sql->query = query;
	sql->gate = gate;
	buf_init(&sql->text, SOURCE_SQL_BYTES_MAX);
	query->line = config_yaml_line(node);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		const char *end = c == '{' ? memchr(text.data + i, '}', text.len - i) : NULL;
		const char *next =
		    end ? memchr(text.data + i + 1, '{', (size_t)(end - text.data) - i - 1) : NULL;
		if (c == '?' || (c == '{' && (!end || next))) {
			locate(sql, text, i);
			SQL_PROBLEM(
			    sql,
			    c == '?'
				? "a ? in the SQL; values come from macros only ({since}, {unit}, {after})"
				: "a { without its }");
		} else if (end) {
			locate(sql, text, i);
			read_macro(sql, (struct span){text.data + i + 1, (size_t)(end - text.data) - i - 1});
			i = (size_t)(end - text.data);
		} else {
			buf_append_char(&sql->text, c);
		}
	}
	finish(sql);
	buf_release(&sql->text);
	free(sql);
}

bool parse_plain_sql(struct parse *parse, yaml_node_t *node, struct span *out)
{
	struct span text = config_yaml_scalar(node);
	if (text.len == 0 || memchr(text.data, '?', text.len)) {
		PROBLEM(parse, node, "a statement without ? is expected");
		return false;
	}
	return parse_parameters(parse, node, text, out);
}
