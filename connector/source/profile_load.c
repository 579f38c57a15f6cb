/*
 * profile_load.c - reads the frame of a profile: its name, parameters, clocks and feeds with their keys.
 *
 * Why:   see profile.h.
 * Owns:  the YAML document while profile_load() runs.
 * Rules: as in profile_parse.h.
 * Faults: anything a person can write; every problem has its place.
 * Runs in: every process that checks a configuration.
 * Tests: tests/unit/profile_test.c
 */
#include "connector/source/profile.h"

#include <stdlib.h>
#include <string.h>

#include "connector/source/profile_parse.h"

bool parse_keys(struct parse *parse, yaml_node_t *node, const char *what, const char *const *names)
{
	if (node->type != YAML_MAPPING_NODE) {
		PROBLEM(parse, node, "%s stands where %s is expected; it is a mapping of key: value",
		        config_yaml_kind(node), what);
		return false;
	}
	yaml_node_pair_t *first = node->data.mapping.pairs.start;
	for (yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(parse->yaml, pair->key);
		struct span name = config_yaml_scalar(key);
		bool known = false;
		char allowed[256] = "";
		size_t used = 0;
		for (const char *const *one = names; *one; one++) {
			known = known || span_equal(name, span_of(*one));
			for (const char *c = used ? ", " : ""; *c && used + 1 < sizeof allowed; c++)
				allowed[used++] = *c;
			for (const char *c = *one; *c && used + 1 < sizeof allowed; c++)
				allowed[used++] = *c;
			allowed[used] = 0;
		}
		if (!known)
			PROBLEM(parse, key, "unknown key '%.*s' in %s; allowed are %s", SPAN_ARGS(name), what,
			        allowed);
		for (yaml_node_pair_t *other = first; other < pair; other++) {
			if (span_equal(name,
			               config_yaml_scalar(yaml_document_get_node(parse->yaml, other->key))))
				PROBLEM(parse, key, "key '%.*s' is given twice in %s; keep one of them",
				        SPAN_ARGS(name), what);
		}
	}
	return true;
}

yaml_node_t *parse_required(struct parse *parse, yaml_node_t *node, const char *key, const char *what)
{
	yaml_node_t *member = config_yaml_member(parse->yaml, node, span_of(key));
	if (!member || config_yaml_is_null(member)) {
		PROBLEM(parse, node, "%s has no '%s'; it is required", what, key);
		return NULL;
	}
	return member;
}

bool parse_name(struct parse *parse, yaml_node_t *node, char *to, size_t size, const char *what)
{
	struct span text = config_yaml_scalar(node);
	bool good = text.len > 0 && text.len < size;
	for (size_t i = 0; good && i < text.len; i++)
		good = memchr("abcdefghijklmnopqrstuvwxyz0123456789_-.", text.data[i], 39) != NULL;
	if (!good || !text_copy(to, size, text)) {
		PROBLEM(parse, node, "%s is '%.*s'; allowed are 1 to %zu characters of a-z, 0-9, _, - and .",
		        what, SPAN_ARGS(text), size - 1);
		return false;
	}
	return true;
}

bool parse_parameter(const struct parse *parse, struct span name, struct span *value)
{
	for (int i = 0; i < parse->name_count; i++) {
		if (span_equal(parse->names[i], name)) {
			*value = parse->values[i];
			return true;
		}
	}
	return false;
}

bool parse_parameters(struct parse *parse, yaml_node_t *node, struct span text, struct span *out)
{
	struct buf buf;
	bool good = true;
	buf_init(&buf, CONFIG_FILE_BYTES_MAX);
	for (size_t i = 0; i < text.len; i++) {
		const char *end = text.data[i] == '{' ? memchr(text.data + i, '}', text.len - i) : NULL;
		if (!end) {
			buf_append_char(&buf, text.data[i]);
			continue;
		}
		struct span name = {text.data + i + 1, (size_t)(end - text.data) - i - 1};
		struct span value = {NULL, 0};
		if (!parse_parameter(parse, name, &value)) {
			PROBLEM(parse, node,
			        "{%.*s} names no parameter of this profile; list it under parameters",
			        SPAN_ARGS(name));
			good = false;
		}
		buf_append_span(&buf, value);
		i += name.len + 1;
	}
	*out = profile_copy(parse->profile, buf_span(&buf));
	buf_release(&buf);
	return good;
}

static bool is_column_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool digit = (c >= '0' && c <= '9') || c == '$' || c == '#' || c == '@';
		if (!letter && !(digit && i > 0))
			return false;
	}
	return name.len > 0 && name.len < PROFILE_NAME_MAX;
}

int16_t parse_column(struct parse *parse, yaml_node_t *node, struct span name, struct profile_query *query)
{
	if (!is_column_name(name)) {
		PROBLEM(parse, node, "'%.*s' is no column name; allowed are letters, digits, _, $, # and @",
		        SPAN_ARGS(name));
		return -1;
	}
	for (int i = 0; i < query->column_count; i++) {
		if (name_equal(query->columns[i], name))
			return (int16_t)i;
	}
	if (query->column_count == SOURCE_COLUMNS_MAX) {
		PROBLEM(parse, node, "column %.*s is one too many; a query has at most %d", SPAN_ARGS(name),
		        SOURCE_COLUMNS_MAX);
		return -1;
	}
	query->columns[query->column_count] = profile_copy(parse->profile, name);
	return (int16_t)query->column_count++;
}

/* "ICICU integer" or "ICICU": adds it to the key. */
static void read_key(struct parse *parse, yaml_node_t *node, struct profile_query *query)
{
	struct span text = config_yaml_scalar(node);
	struct span name = text;
	const char *blank = text.len ? memchr(text.data, ' ', text.len) : NULL;
	bool integer = false;
	if (blank) {
		name.len = (size_t)(blank - text.data);
		struct span kind = span_trim((struct span){blank, text.len - name.len});
		integer = span_equal(kind, SPAN_LITERAL("integer"));
		if (!integer)
			PROBLEM(parse, node,
			        "'%.*s' after a key column; allowed is integer or nothing (a text)",
			        SPAN_ARGS(kind));
	}
	if (query->key_count == PROFILE_KEYS_MAX) {
		PROBLEM(parse, node, "a key of over %d columns (a gate's stamp counts)", PROFILE_KEYS_MAX);
		return;
	}
	int before = query->column_count;
	int16_t column = parse_column(parse, node, name, query);
	if (column < 0)
		return;
	if (column < before) {
		PROBLEM(parse, node, "key column %.*s is given twice", SPAN_ARGS(name));
		return;
	}
	struct profile_key *key = &query->keys[query->key_count++];
	CHECK(text_copy(key->name, sizeof key->name, name));
	key->integer = integer;
}

static void read_key_list(struct parse *parse, yaml_node_t *node, struct profile_query *query)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		read_key(parse, node, query);
		return;
	}
	yaml_node_item_t *item = node->data.sequence.items.start;
	for (; item < node->data.sequence.items.top; item++)
		read_key(parse, yaml_document_get_node(parse->yaml, *item), query);
	if (node->data.sequence.items.top == node->data.sequence.items.start)
		PROBLEM(parse, node, "an empty key; list the columns that tell one document from another");
}

static bool find_form(struct span name, enum stamp_form *form)
{
	static const char *const forms[STAMP_FORM_COUNT] = {
#define STAMP_NAME(identifier, text, columns) text,
	    PROFILE_STAMP_FORMS(STAMP_NAME)
#undef STAMP_NAME
	};
	for (int i = 0; i < STAMP_FORM_COUNT; i++) {
		if (span_equal(name, span_of(forms[i]))) {
			*form = (enum stamp_form)i;
			return true;
		}
	}
	return false;
}

/* stamp: {form: cyyddd_hhmmss, columns: [ICUPMJ, ICUPMT]}; in a gate its columns lead the key. */
static void read_stamp(struct parse *parse, yaml_node_t *node, struct profile_query *query, bool gate)
{
	static const char *const keys[] = {"form", "columns", NULL};
	if (!parse_keys(parse, node, "a stamp", keys))
		return;
	yaml_node_t *form = parse_required(parse, node, "form", "the stamp");
	yaml_node_t *columns = parse_required(parse, node, "columns", "the stamp");
	if (!form || !columns)
		return;
	if (!find_form(config_yaml_scalar(form), &query->stamp_form)) {
		PROBLEM(parse, form, "unknown stamp form '%.*s'; allowed are cyyddd_hhmmss and datetime",
		        SPAN_ARGS(config_yaml_scalar(form)));
		return;
	}
	int wanted = stamp_form_columns(query->stamp_form);
	long given = columns->type == YAML_SEQUENCE_NODE
	                 ? columns->data.sequence.items.top - columns->data.sequence.items.start
	                 : 1;
	if (given != wanted) {
		PROBLEM(parse, columns, "a stamp of form %.*s has %d column(s), not %ld",
		        SPAN_ARGS(config_yaml_scalar(form)), wanted, given);
		return;
	}
	query->stamped = true;
	for (int i = 0; i < wanted; i++) {
		yaml_node_t *item =
		    columns->type == YAML_SEQUENCE_NODE
			? yaml_document_get_node(parse->yaml, columns->data.sequence.items.start[i])
			: columns;
		struct span name = config_yaml_scalar(item);
		int16_t column = parse_column(parse, item, name, query);
		query->stamp_columns[i] = column < 0 ? 0 : column;
		if (!gate || column < 0)
			continue;
		struct profile_key *key = &query->keys[query->key_count++];
		CHECK(text_copy(key->name, sizeof key->name, name));
		key->integer = query->stamp_form == STAMP_CYYDDD_HHMMSS;
	}
}

static void read_query(struct parse *parse, yaml_node_t *node, struct profile_query *query, bool gate)
{
	static const char *const keys[] = {"key", "stamp", "sql", NULL};
	const char *what = gate ? "the gate" : "the rows";
	if (!parse_keys(parse, node, what, keys))
		return;
	bool stamped = gate || parse->feed->strategy == STRATEGY_DAY_OVERLAP;
	yaml_node_t *stamp = config_yaml_member(parse->yaml, node, SPAN_LITERAL("stamp"));
	if (stamp && !stamped)
		PROBLEM(parse, stamp, "rows behind a gate have no stamp of their own; the gate has it");
	if (!stamp && stamped)
		(void)parse_required(parse, node, "stamp", what);
	if (gate && stamp)
		read_stamp(parse, stamp, query, true);
	int before = query->key_count;
	yaml_node_t *key = parse_required(parse, node, "key", what);
	if (key)
		read_key_list(parse, key, query);
	if (gate)
		parse->feed->unit_keys = query->key_count - before;
	else if (stamp && stamped)
		read_stamp(parse, stamp, query, false);
	yaml_node_t *sql = parse_required(parse, node, "sql", what);
	if (sql && key && (stamp || !stamped))
		parse_sql(parse, sql, query, gate);
}

static bool read_strategy(struct parse *parse, yaml_node_t *node)
{
	yaml_node_t *strategy = parse_required(parse, node, "strategy", "the feed");
	if (!strategy)
		return false;
	struct span name = config_yaml_scalar(strategy);
	for (int i = 0; i < STRATEGY_COUNT; i++) {
		if (span_equal(name, span_of(profile_strategy_name((enum profile_strategy)i)))) {
			parse->feed->strategy = (enum profile_strategy)i;
			return true;
		}
	}
	PROBLEM(parse, strategy, "unknown strategy '%.*s'; allowed are posted_gate and day_overlap",
	        SPAN_ARGS(name));
	return false;
}

static void read_feed(struct parse *parse, yaml_node_t *name, yaml_node_t *node)
{
	static const char *const keys[] = {"document", "strategy", "gate",      "rows",         "voided",
	                                   "header",   "lines",    "tax_lines", "applications", NULL};
	struct profile_feed *feed = parse->feed;
	feed->line = config_yaml_line(name);
	feed->column = config_yaml_column(name);
	(void)parse_name(parse, name, feed->name, sizeof feed->name, "a feed's name");
	if (!parse_keys(parse, node, "a feed", keys) || !read_strategy(parse, node))
		return;
	yaml_node_t *gate = config_yaml_member(parse->yaml, node, SPAN_LITERAL("gate"));
	if (feed->strategy == STRATEGY_POSTED_GATE) {
		gate = parse_required(parse, node, "gate", "a feed of strategy posted_gate");
		if (gate)
			read_query(parse, gate, &feed->gate, true);
	} else if (gate) {
		PROBLEM(parse, gate, "a gate belongs to strategy posted_gate; this feed has another");
	}
	yaml_node_t *rows = parse_required(parse, node, "rows", "the feed");
	if (rows)
		read_query(parse, rows, &feed->rows, false);
	yaml_node_t *document = parse_required(parse, node, "document", "the feed");
	if (!document)
		return;
	parse_document(parse, document);
	yaml_node_t *voided = config_yaml_member(parse->yaml, node, SPAN_LITERAL("voided"));
	if (voided)
		feed->voided = parse_conversion(parse, voided, VALUE_BOOLEAN);
	if (feed->types)
		parse_fields(parse, node);
}

static void read_feeds(struct parse *parse, yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE ||
	    node->data.mapping.pairs.top == node->data.mapping.pairs.start) {
		PROBLEM(parse, node, "no feed is given; feeds maps a name to a feed");
		return;
	}
	struct profile *profile = parse->profile;
	profile->feeds = profile_alloc(profile, PROFILE_FEEDS_MAX * sizeof *profile->feeds);
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	for (; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(parse->yaml, pair->key);
		if (profile->feed_count == PROFILE_FEEDS_MAX) {
			PROBLEM(parse, name, "a feed too many; a profile has at most %d", PROFILE_FEEDS_MAX);
			return;
		}
		if (profile_feed_find(profile, config_yaml_scalar(name)))
			PROBLEM(parse, name, "feed '%.*s' is given twice",
			        SPAN_ARGS(config_yaml_scalar(name)));
		parse->feed = &profile->feeds[profile->feed_count];
		read_feed(parse, name, yaml_document_get_node(parse->yaml, pair->value));
		profile->feed_count++;
	}
}

static bool is_parameter_value(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && !memchr("_.$#\"", c, 5))
			return false;
	}
	return true;
}

/* parameters: {schema: {default: "", text: "..."}}, with the source's values put in. */
static void read_parameters(struct parse *parse, yaml_node_t *node)
{
	static const char *const keys[] = {"default", "text", NULL};
	if (node->type != YAML_MAPPING_NODE) {
		PROBLEM(parse, node, "parameters is a mapping of a name to {default, text}");
		return;
	}
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	for (; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(parse->yaml, pair->key);
		yaml_node_t *value = yaml_document_get_node(parse->yaml, pair->value);
		char text[CONFIG_NAME_MAX];
		if (parse->name_count == CONFIG_PARAMETERS_MAX) {
			PROBLEM(parse, name, "a parameter too many; a profile has at most %d",
			        CONFIG_PARAMETERS_MAX);
			return;
		}
		if (!parse_name(parse, name, text, sizeof text, "a parameter's name") ||
		    !parse_keys(parse, value, "a parameter", keys))
			continue;
		yaml_node_t *preset = config_yaml_member(parse->yaml, value, SPAN_LITERAL("default"));
		struct span given = preset ? config_yaml_scalar(preset) : (struct span){NULL, 0};
		if (!is_parameter_value(given))
			PROBLEM(parse, preset, "a parameter may hold letters, digits and _ . $ # \" only");
		parse->names[parse->name_count] = profile_copy(parse->profile, span_of(text));
		parse->values[parse->name_count++] = profile_copy(parse->profile, given);
	}
}

static void take_parameters(struct parse *parse)
{
	for (int i = 0; i < parse->parameter_count; i++) {
		const struct config_parameter *given = &parse->parameters[i];
		int at = 0;
		while (at < parse->name_count && !span_equal(parse->names[at], span_of(given->name)))
			at++;
		if (at == parse->name_count)
			config_problem_add(
			    parse->problems, 0, 0,
			    "the source gives parameter '%s', which this profile does not have; see its "
			    "parameters",
			    given->name);
		else if (!is_parameter_value(span_of(given->value)))
			config_problem_add(
			    parse->problems, 0, 0,
			    "the source's parameter '%s' is '%s'; allowed are letters, digits and _ . $ # \"",
			    given->name, given->value);
		else
			parse->values[at] = profile_copy(parse->profile, span_of(given->value));
	}
}

static void read_clocks(struct parse *parse, yaml_node_t *node)
{
	struct profile *profile = parse->profile;
	if (node->type != YAML_MAPPING_NODE) {
		PROBLEM(
		    parse, node,
		    "clock maps a database's name, or default, to the statement that gives its local time");
		return;
	}
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	for (; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(parse->yaml, pair->key);
		struct profile_clock *clock = &profile->clocks[profile->clock_count];
		if (profile->clock_count == PROFILE_CLOCKS_MAX || config_yaml_scalar(name).len == 0 ||
		    !text_copy(clock->dbms, sizeof clock->dbms, config_yaml_scalar(name))) {
			PROBLEM(parse, name,
			        "a clock needs a database's name of at most %d characters; at most %d clocks",
			        CONFIG_NAME_MAX - 1, PROFILE_CLOCKS_MAX);
			return;
		}
		if (parse_plain_sql(parse, yaml_document_get_node(parse->yaml, pair->value), &clock->sql))
			profile->clock_count++;
	}
	if (profile_clock_sql(profile, SPAN_LITERAL("")).len == 0)
		PROBLEM(parse, node,
		        "there is no clock 'default'; it serves every database that is not named");
}

static void read_profile(struct parse *parse, yaml_node_t *root)
{
	static const char *const keys[] = {"profile",    "version", "system", "text",
	                                   "parameters", "clock",   "feeds",  NULL};
	struct profile *profile = parse->profile;
	if (!parse_keys(parse, root, "a profile", keys))
		return;
	yaml_node_t *name = parse_required(parse, root, "profile", "the file");
	yaml_node_t *version = parse_required(parse, root, "version", "the file");
	yaml_node_t *system = config_yaml_member(parse->yaml, root, SPAN_LITERAL("system"));
	yaml_node_t *parameters = config_yaml_member(parse->yaml, root, SPAN_LITERAL("parameters"));
	if (name)
		(void)parse_name(parse, name, profile->name, sizeof profile->name, "the profile's name");
	if (version)
		(void)parse_name(parse, version, profile->version, sizeof profile->version, "the version");
	if (system)
		(void)parse_name(parse, system, profile->system, sizeof profile->system, "the system");
	else
		CHECK(text_copy(profile->system, sizeof profile->system, span_of(profile->name)));
	if (parameters)
		read_parameters(parse, parameters);
	take_parameters(parse);
	yaml_node_t *clock = parse_required(parse, root, "clock", "the file");
	if (clock)
		read_clocks(parse, clock);
	yaml_node_t *feeds = parse_required(parse, root, "feeds", "the file");
	if (feeds)
		read_feeds(parse, feeds);
}

struct profile *profile_load(struct span text, const char *path, const struct config_parameter *parameters,
                             int parameter_count, struct config_problems *problems)
{
	yaml_document_t yaml;
	int before = problems->count;
	if (!config_yaml_load(&yaml, text, problems))
		return NULL;
	struct profile *profile = mem_alloc(sizeof *profile);
	struct parse parse = {.profile = profile,
	                      .yaml = &yaml,
	                      .problems = problems,
	                      .parameters = parameters,
	                      .parameter_count = parameter_count};
	if (!text_copy(profile->path, sizeof profile->path, span_of(path)))
		CHECK(text_copy(profile->path, sizeof profile->path, SPAN_LITERAL("(profile)")));
	read_profile(&parse, yaml_document_get_root_node(&yaml));
	yaml_document_delete(&yaml);
	if (problems->count == before && !problems->more)
		return profile;
	config_problems_sort(problems);
	profile_free(profile);
	return NULL;
}
