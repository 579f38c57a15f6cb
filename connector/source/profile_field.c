/*
 * profile_field.c - reads the conversions of a profile: which column becomes which field, and how.
 *
 * Why:   a misspelt field, an unknown conversion or a required field without a source is found before
 *        anything is read.
 * Owns:  nothing.
 * Rules: 1. A bare column name gets the plain conversion of its field's kind.
 *        2. What a conversion gives must be what its field takes; a text field takes everything but a
 *           boolean.
 * Runs in: every process that checks a configuration.
 * Tests: tests/unit/profile_test.c
 */
#include "connector/source/profile_parse.h"

#include <string.h>

#define ENTRIES_MAX 64

static const struct conversion *convert_node(struct parse *parse, yaml_node_t *node, enum value_kind want,
                                             int depth);

static const char *kind_name(enum value_kind kind)
{
	switch (kind) {
	case VALUE_TEXT:
		return "a text";
	case VALUE_AMOUNT:
		return "an amount";
	case VALUE_DECIMAL:
		return "a decimal";
	case VALUE_INTEGER:
		return "an integer";
	case VALUE_DATE:
		return "a date";
	case VALUE_BOOLEAN:
		break;
	}
	return "a boolean";
}

static bool fits(enum converted_kind gives, enum value_kind want)
{
	switch (want) {
	case VALUE_TEXT:
		return gives != CONVERTED_BOOLEAN;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return gives == CONVERTED_DECIMAL || gives == CONVERTED_INTEGER;
	case VALUE_INTEGER:
		return gives == CONVERTED_INTEGER;
	case VALUE_DATE:
		return gives == CONVERTED_DATE;
	case VALUE_BOOLEAN:
		break;
	}
	return gives == CONVERTED_BOOLEAN;
}

static enum conversion_kind plain_kind(enum value_kind want)
{
	switch (want) {
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		return CONVERT_DECIMAL;
	case VALUE_INTEGER:
		return CONVERT_INTEGER;
	case VALUE_DATE:
		return CONVERT_DATE_ISO;
	default:
		return CONVERT_TRIM; /* of a boolean too, which then does not fit and is told */
	}
}

static struct conversion *new_conversion(struct parse *parse, enum conversion_kind kind, enum value_kind want)
{
	struct conversion *c = profile_alloc(parse->profile, sizeof *c);
	*c = (struct conversion){.kind = kind, .want = want, .column = -1, .when = -1, .decimals_column = -1};
	return c;
}

static yaml_node_t *member(struct parse *parse, yaml_node_t *node, const char *key)
{
	return config_yaml_member(parse->yaml, node, span_of(key));
}

static int16_t row_column(struct parse *parse, yaml_node_t *node)
{
	return parse_column(parse, node, config_yaml_scalar(node), &parse->feed->rows);
}

static yaml_node_t *item_at(struct parse *parse, yaml_node_t *list, int index)
{
	return yaml_document_get_node(parse->yaml, list->data.sequence.items.start[index]);
}

static int list_length(const yaml_node_t *node)
{
	return node->type == YAML_SEQUENCE_NODE
	           ? (int)(node->data.sequence.items.top - node->data.sequence.items.start)
	           : -1;
}

static uint16_t read_type(struct parse *parse, yaml_node_t *node)
{
	enum document_type type;
	if (document_type_find(&type, config_yaml_scalar(node)))
		return (uint16_t)(1u << type);
	PROBLEM(parse, node,
	        "'%.*s' is no document type; allowed are journal, invoice, credit_memo, payment, customer "
	        "and usage",
	        SPAN_ARGS(config_yaml_scalar(node)));
	return 0;
}

/* One type or a list of types; `true` is all of them where allowed. */
static uint16_t read_types(struct parse *parse, yaml_node_t *node, bool all_allowed)
{
	if (all_allowed && span_equal(config_yaml_scalar(node), SPAN_LITERAL("true")))
		return (1u << DOCUMENT_TYPE_COUNT) - 1;
	uint16_t types = 0;
	int count = list_length(node);
	for (int i = 0; i < count; i++)
		types |= read_type(parse, item_at(parse, node, i));
	return count < 0 ? read_type(parse, node) : types;
}

static struct conversion_entry read_entry(struct parse *parse, yaml_node_t *node, enum value_kind want)
{
	struct span meaning = config_yaml_scalar(node);
	struct conversion_entry entry = {.meaning = profile_copy(parse->profile, meaning)};
	if (want == VALUE_BOOLEAN) {
		entry.boolean = span_equal(meaning, SPAN_LITERAL("true"));
		if (!entry.boolean && !span_equal(meaning, SPAN_LITERAL("false")))
			PROBLEM(parse, node, "'%.*s' is no boolean; allowed are true and false",
			        SPAN_ARGS(meaning));
	} else if (want != VALUE_TEXT) {
		PROBLEM(parse, node, "a map gives a text or a boolean; this field is %s", kind_name(want));
	}
	return entry;
}

static void read_otherwise(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	struct span text = config_yaml_scalar(node);
	if (span_equal(text, SPAN_LITERAL("error"))) {
		c->otherwise = OTHERWISE_PROBLEM;
	} else if (span_equal(text, SPAN_LITERAL("absent"))) {
		c->otherwise = OTHERWISE_ABSENT;
	} else {
		c->otherwise = OTHERWISE_MEANING;
		c->otherwise_entry = read_entry(parse, node, c->want);
	}
}

static void read_map(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	if (node->type != YAML_MAPPING_NODE) {
		PROBLEM(parse, node, "map is a mapping of each code to its meaning");
		return;
	}
	yaml_node_pair_t *first = node->data.mapping.pairs.start;
	long count = node->data.mapping.pairs.top - first;
	if (count > ENTRIES_MAX) {
		PROBLEM(parse, node, "a map of %ld codes; allowed are %d", count, ENTRIES_MAX);
		return;
	}
	struct conversion_entry *entries = profile_alloc(parse->profile, (size_t)count * sizeof *entries);
	for (long i = 0; i < count; i++) {
		yaml_node_t *code = yaml_document_get_node(parse->yaml, first[i].key);
		entries[i] = read_entry(parse, yaml_document_get_node(parse->yaml, first[i].value), c->want);
		entries[i].code = profile_copy(parse->profile, span_trim(config_yaml_scalar(code)));
	}
	c->kind = CONVERT_MAP;
	c->entries = entries;
	c->entry_count = (int)count;
}

static void read_parts(struct parse *parse, yaml_node_t *node, enum value_kind want, int depth,
                       struct conversion *c)
{
	int count = list_length(node);
	if (count < 1 || count > CONVERT_PARTS_MAX) {
		PROBLEM(parse, node, "a list of 1 to %d columns or conversions is expected",
		        CONVERT_PARTS_MAX);
		c->kind = CONVERT_CONSTANT;
		return;
	}
	struct conversion *parts = profile_alloc(parse->profile, (size_t)count * sizeof *parts);
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = item_at(parse, node, i);
		const struct conversion *part = convert_node(parse, item, want, depth + 1);
		if (!part)
			part = new_conversion(parse, CONVERT_CONSTANT, want);
		else if ((c->kind == CONVERT_ADD && conversion_result(part) != CONVERTED_DECIMAL) ||
		         (c->kind == CONVERT_FIRST && i > 0 &&
		          conversion_result(part) != conversion_result(parts)))
			PROBLEM(parse, item,
			        c->kind == CONVERT_ADD
			            ? "add takes decimals; use as: decimal or implied_decimals"
			            : "the parts of first must be of one kind");
		parts[i] = *part;
	}
	c->parts = parts;
	c->part_count = count;
}

static void read_subject(struct parse *parse, yaml_node_t *node, int depth, struct conversion *c)
{
	static const char *const keys[] = {"entity", "type", "year", "number", NULL};
	static const enum value_kind kinds[] = {VALUE_TEXT, VALUE_TEXT, VALUE_INTEGER, VALUE_TEXT};
	struct conversion *parts = profile_alloc(parse->profile, 4 * sizeof *parts);
	c->parts = parts;
	c->part_count = 4;
	c->separator = SPAN_LITERAL("/");
	for (int i = 0; i < 4; i++)
		parts[i] = *new_conversion(parse, CONVERT_CONSTANT, VALUE_TEXT);
	if (!parse_keys(parse, node, "a subject", keys))
		return;
	for (int i = 0; i < 4; i++) {
		yaml_node_t *part = parse_required(parse, node, keys[i], "the subject");
		enum document_type type;
		if (!part)
			continue;
		if (i == 1 && document_type_find(&type, config_yaml_scalar(part))) {
			parts[i].separator = profile_copy(parse->profile, config_yaml_scalar(part));
			continue;
		}
		const struct conversion *read = convert_node(parse, part, kinds[i], depth + 1);
		if (read)
			parts[i] = *read;
	}
}

/* sum: lines.net */
static void read_sum(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	struct span text = config_yaml_scalar(node);
	const char *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
	struct span name = {text.data, dot ? (size_t)(dot - text.data) : text.len};
	struct span field = dot ? (struct span){dot + 1, text.len - name.len - 1} : (struct span){NULL, 0};
	const struct document_spec *spec = document_spec(parse->feed->type);
	for (int section = 0; section < SECTION_COUNT; section++) {
		if (!spec->sections[section].key || !span_equal(name, span_of(spec->sections[section].key)))
			continue;
		int slot = document_field_find(parse->feed->type, section, field);
		enum value_kind kind = slot < 0 ? VALUE_TEXT : spec->sections[section].fields[slot].kind;
		if (kind != VALUE_AMOUNT && kind != VALUE_DECIMAL)
			break;
		c->sum_section = section;
		c->sum_slot = slot;
		return;
	}
	PROBLEM(parse, node, "'%.*s' is no amount of a line; allowed is SECTION.FIELD, such as lines.net",
	        SPAN_ARGS(text));
}

/* A field of the header that holds an amount; -1 with a problem. */
static int header_amount(struct parse *parse, yaml_node_t *node)
{
	int slot = node ? document_field_find(parse->feed->type, -1, config_yaml_scalar(node)) : -1;
	if (slot >= 0 && document_spec(parse->feed->type)->header[slot].kind == VALUE_AMOUNT)
		return slot;
	if (node)
		PROBLEM(parse, node, "'%.*s' is no amount of the header",
		        SPAN_ARGS(config_yaml_scalar(node)));
	return -1;
}

/* settlement: {open: open, of: gross} */
static void read_settlement(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	static const char *const keys[] = {"open", "of", NULL};
	if (!parse_keys(parse, node, "a settlement", keys))
		return;
	c->sum_slot = header_amount(parse, parse_required(parse, node, "open", "the settlement"));
	c->whole_slot = header_amount(parse, parse_required(parse, node, "of", "the settlement"));
}

static void read_constant(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	if (!parse_parameters(parse, node, config_yaml_scalar(node), &c->separator))
		return;
	bool good = c->want == VALUE_TEXT;
	if (c->want == VALUE_INTEGER)
		good = convert_integer(c->separator, &c->integer);
	if (c->want == VALUE_BOOLEAN) {
		c->integer = span_equal(c->separator, SPAN_LITERAL("true"));
		good = c->integer || span_equal(c->separator, SPAN_LITERAL("false"));
	}
	if (!good)
		PROBLEM(parse, node, "the constant '%.*s' is not %s", SPAN_ARGS(c->separator),
		        kind_name(c->want));
}

/* as: and what belongs to it. */
static void read_as(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	yaml_node_t *as = member(parse, node, "as");
	yaml_node_t *decimals = member(parse, node, "decimals");
	if (as && !conversion_find(&c->kind, config_yaml_scalar(as)))
		PROBLEM(parse, as,
		        "unknown conversion '%.*s'; allowed are text, trim, rtrim, integer, decimal, "
		        "implied_decimals, "
		        "date_iso, date_yyyymmdd, date_cyyddd, present, and fy_century of two columns",
		        SPAN_ARGS(config_yaml_scalar(as)));
	if (c->kind != CONVERT_IMPLIED_DECIMALS) {
		if (decimals)
			PROBLEM(parse, decimals, "decimals belongs to as: implied_decimals only");
		return;
	}
	int64_t fixed = 0;
	if (!decimals)
		PROBLEM(parse, node,
		        "implied_decimals needs decimals: a number from 0 to 8 or the column that holds it");
	else if (!convert_integer(config_yaml_scalar(decimals), &fixed))
		c->decimals_column = row_column(parse, decimals);
	else if (fixed < 0 || fixed > 8)
		PROBLEM(parse, decimals, "decimals is %d; allowed are 0 to 8 or a column", (int)fixed);
	else
		c->decimals = (int8_t)fixed;
}

static void read_column(struct parse *parse, yaml_node_t *node, yaml_node_t *column, struct conversion *c)
{
	yaml_node_t *map = member(parse, node, "map");
	yaml_node_t *otherwise = member(parse, node, "otherwise");
	c->column = row_column(parse, column);
	if (map && member(parse, node, "as"))
		PROBLEM(parse, map, "a column has either map or as, not both");
	if (map)
		read_map(parse, map, c);
	else
		read_as(parse, node, c);
	if (otherwise && map)
		read_otherwise(parse, otherwise, c);
	else if (otherwise)
		PROBLEM(parse, otherwise, "otherwise belongs to a map: error, absent, or a meaning");
}

static void read_columns(struct parse *parse, yaml_node_t *node, yaml_node_t *columns, int depth,
                         struct conversion *c)
{
	yaml_node_t *as = member(parse, node, "as");
	c->kind = CONVERT_FY_CENTURY;
	if (!as || !span_equal(config_yaml_scalar(as), SPAN_LITERAL("fy_century")) ||
	    list_length(columns) != 2) {
		PROBLEM(parse, columns,
		        "columns needs as: fy_century and two columns: the century and the year");
		c->kind = CONVERT_CONSTANT;
		return;
	}
	read_parts(parse, columns, VALUE_INTEGER, depth, c);
}

/* The one key that says where the value comes from. */
static void read_origin(struct parse *parse, yaml_node_t *node, int depth, struct conversion *c)
{
	static const char *const origins[] = {"column",  "const",   "join", "add",        "first",
	                                      "columns", "subject", "sum",  "settlement", NULL};
	yaml_node_t *found = NULL;
	int count = 0;
	int which = 0;
	for (int i = 0; origins[i]; i++) {
		yaml_node_t *one = member(parse, node, origins[i]);
		if (one) {
			found = one;
			which = i;
			count++;
		}
	}
	if (count != 1) {
		PROBLEM(parse, node,
		        "exactly one of column, const, join, add, first, columns, subject, sum and "
		        "settlement is expected");
		c->kind = CONVERT_CONSTANT;
		return;
	}
	static const enum conversion_kind kinds[] = {CONVERT_TRIM,    CONVERT_CONSTANT, CONVERT_JOIN,
	                                             CONVERT_ADD,     CONVERT_FIRST,    CONVERT_FY_CENTURY,
	                                             CONVERT_SUBJECT, CONVERT_SUM,      CONVERT_SETTLEMENT};
	c->kind = which == 0 ? plain_kind(c->want) : kinds[which];
	if (c->kind == CONVERT_CONSTANT)
		read_constant(parse, found, c);
	else if (c->kind == CONVERT_JOIN)
		read_parts(parse, found, VALUE_TEXT, depth, c);
	else if (c->kind == CONVERT_ADD)
		read_parts(parse, found, VALUE_DECIMAL, depth, c);
	else if (c->kind == CONVERT_FIRST)
		read_parts(parse, found, c->want, depth, c);
	else if (c->kind == CONVERT_FY_CENTURY)
		read_columns(parse, node, found, depth, c);
	else if (c->kind == CONVERT_SUBJECT)
		read_subject(parse, found, depth, c);
	else if (c->kind == CONVERT_SUM)
		read_sum(parse, found, c);
	else if (c->kind == CONVERT_SETTLEMENT)
		read_settlement(parse, found, c);
	else
		read_column(parse, node, found, c);
}

static void read_modifiers(struct parse *parse, yaml_node_t *node, struct conversion *c)
{
	yaml_node_t *separator = member(parse, node, "separator");
	yaml_node_t *negated = member(parse, node, "negate");
	yaml_node_t *only = member(parse, node, "only");
	yaml_node_t *when = member(parse, node, "when");
	if (separator && c->kind == CONVERT_JOIN)
		c->separator = profile_copy(parse->profile, config_yaml_scalar(separator));
	else if (separator)
		PROBLEM(parse, separator, "separator belongs to join");
	if (negated) {
		c->negate = read_types(parse, negated, true);
		enum converted_kind gives = conversion_result(c);
		if ((gives != CONVERTED_DECIMAL && gives != CONVERTED_INTEGER) ||
		    c->kind == CONVERT_CONSTANT || c->kind == CONVERT_SUM || c->kind == CONVERT_FY_CENTURY)
			PROBLEM(parse, negated, "negate belongs to a number that comes from columns");
	}
	if (only)
		c->only = read_types(parse, only, false);
	if (when)
		c->when = row_column(parse, when);
}

static const struct conversion *convert_node(struct parse *parse, yaml_node_t *node, enum value_kind want,
                                             int depth)
{
	static const char *const keys[] = {
	    "column",  "as",      "decimals", "map",        "otherwise", "const",  "join", "add",  "first",
	    "columns", "subject", "sum",      "settlement", "separator", "negate", "only", "when", NULL};
	if (depth > CONVERT_DEPTH_MAX) {
		PROBLEM(parse, node, "conversions within conversions, over %d deep", CONVERT_DEPTH_MAX);
		return NULL;
	}
	struct conversion *c = new_conversion(parse, plain_kind(want), want);
	int before = parse->problems->count;
	if (node->type == YAML_SCALAR_NODE) {
		c->column = row_column(parse, node);
	} else {
		if (!parse_keys(parse, node, "a conversion", keys))
			return NULL;
		read_origin(parse, node, depth, c);
		read_modifiers(parse, node, c);
	}
	if (parse->problems->count != before || parse->problems->more)
		return NULL;
	if (!fits(conversion_result(c), want)) {
		PROBLEM(parse, node, "this does not give %s%s", kind_name(want),
		        want == VALUE_BOOLEAN ? "; use as: present or a map to true and false" : "");
		return NULL;
	}
	if (depth > 0 && (c->kind == CONVERT_SUM || c->kind == CONVERT_SETTLEMENT)) {
		PROBLEM(parse, node, "sum and settlement stand alone, not within another conversion");
		return NULL;
	}
	return c;
}

const struct conversion *parse_conversion(struct parse *parse, yaml_node_t *node, enum value_kind want)
{
	return convert_node(parse, node, want, 0);
}

void parse_document(struct parse *parse, yaml_node_t *node)
{
	struct profile_feed *feed = parse->feed;
	if (node->type == YAML_SCALAR_NODE) {
		feed->types = read_type(parse, node);
		for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
			if (feed->types & (1u << type))
				feed->type = (enum document_type)type;
		}
		return;
	}
	const struct conversion *c = parse_conversion(parse, node, VALUE_TEXT);
	if (!c)
		return;
	if (c->kind != CONVERT_MAP || c->entry_count == 0) {
		PROBLEM(parse, node,
		        "document is a document type, or a column and a map of its codes to document types");
		return;
	}
	for (int i = -1; i < c->entry_count; i++) {
		const struct conversion_entry *entry = i < 0 ? &c->otherwise_entry : &c->entries[i];
		enum document_type type;
		if (i < 0 && c->otherwise != OTHERWISE_MEANING)
			continue;
		if (!document_type_find(&type, entry->meaning)) {
			PROBLEM(parse, node,
			        "'%.*s' is no document type; allowed are journal, invoice, credit_memo, "
			        "payment, "
			        "customer and usage",
			        SPAN_ARGS(entry->meaning));
			continue;
		}
		if (feed->types == 0)
			feed->type = type;
		feed->types |= (uint16_t)(1u << type);
		if (document_spec(type)->header != document_spec(feed->type)->header)
			PROBLEM(parse, node,
			        "%s and %s do not have the same fields; give each a feed of its own",
			        document_spec(type)->name, document_spec(feed->type)->name);
	}
	feed->type_of = c;
}

static const struct field_spec *field_of(const struct document_spec *spec, int section, int slot)
{
	return section < 0 ? &spec->header[slot] : &spec->sections[section].fields[slot];
}

/* The fields of the header (-1) or of a section. `when` is no field. */
static const struct profile_field *read_fields(struct parse *parse, yaml_node_t *node, int section,
                                               int *count)
{
	const struct document_spec *spec = document_spec(parse->feed->type);
	if (node->type != YAML_MAPPING_NODE) {
		PROBLEM(parse, node, "a mapping of fields to columns is expected");
		return NULL;
	}
	yaml_node_pair_t *first = node->data.mapping.pairs.start;
	long pairs = node->data.mapping.pairs.top - first;
	struct profile_field *fields = profile_alloc(parse->profile, (size_t)pairs * sizeof *fields + 1);
	for (long i = 0; i < pairs; i++) {
		yaml_node_t *key = yaml_document_get_node(parse->yaml, first[i].key);
		yaml_node_t *value = yaml_document_get_node(parse->yaml, first[i].value);
		struct span name = config_yaml_scalar(key);
		if (section >= 0 && span_equal(name, SPAN_LITERAL("when")))
			continue;
		int slot = document_field_find(parse->feed->type, section, name);
		if (slot < 0) {
			PROBLEM(parse, key, "unknown field '%.*s' of %s of a %s; docs/contract lists them",
			        SPAN_ARGS(name), section < 0 ? "the header" : spec->sections[section].key,
			        spec->name);
			continue;
		}
		for (int other = 0; other < *count; other++) {
			if (fields[other].slot == slot)
				PROBLEM(parse, key, "field '%.*s' is given twice", SPAN_ARGS(name));
		}
		enum value_kind kind = field_of(spec, section, slot)->kind;
		const struct conversion *c = parse_conversion(parse, value, kind);
		if (c && (c->kind == CONVERT_SUM || c->kind == CONVERT_SETTLEMENT) && section >= 0)
			PROBLEM(parse, value, "sum and settlement belong to the header");
		fields[*count] = (struct profile_field){.slot = slot, .kind = kind, .conversion = c};
		*count += 1;
	}
	return fields;
}

static void require_fields(struct parse *parse, yaml_node_t *node, int section,
                           const struct profile_field *fields, int count)
{
	const struct document_spec *spec = document_spec(parse->feed->type);
	int slots = section < 0 ? spec->header_count : spec->sections[section].field_count;
	for (int slot = 0; slot < slots; slot++) {
		const struct field_spec *field = field_of(spec, section, slot);
		bool given = section < 0 && (slot == HEADER_TYPE || slot == HEADER_SOURCE_SYSTEM);
		for (int i = 0; i < count; i++)
			given = given || fields[i].slot == slot;
		if (field->required && !given)
			PROBLEM(parse, node, "field '%s' is missing in %s; a %s requires it", field->key,
			        section < 0 ? "the header" : spec->sections[section].key, spec->name);
	}
}

void parse_fields(struct parse *parse, yaml_node_t *feed_node)
{
	struct profile_feed *feed = parse->feed;
	static const char *const keys[SECTION_COUNT] = {"lines", "tax_lines", "applications"};
	const struct document_spec *spec = document_spec(feed->type);
	yaml_node_t *header = parse_required(parse, feed_node, "header", "the feed");
	if (header) {
		feed->header = read_fields(parse, header, -1, &feed->header_count);
		require_fields(parse, header, -1, feed->header, feed->header_count);
	}
	for (int i = 0; i < SECTION_COUNT; i++) {
		yaml_node_t *node = member(parse, feed_node, keys[i]);
		struct profile_section *section = &feed->sections[i];
		section->when = -1;
		if (!node) {
			if (spec->sections[i].key && spec->sections[i].lines_min > 0)
				PROBLEM(parse, feed_node, "a %s needs '%s'", spec->name, keys[i]);
			continue;
		}
		if (!spec->sections[i].key) {
			PROBLEM(parse, node, "a %s has no %s", spec->name, keys[i]);
			continue;
		}
		yaml_node_t *when = member(parse, node, "when");
		if (when)
			section->when = row_column(parse, when);
		section->used = true;
		section->fields = read_fields(parse, node, i, &section->field_count);
		require_fields(parse, node, i, section->fields, section->field_count);
	}
}
