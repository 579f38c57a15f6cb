/*
 * yaml.c - loads one plain YAML document with libyaml, after a first reading that refuses the rest of YAML.
 *
 * Why:   the document that libyaml composes no longer shows anchors, tags and further documents; its events do.
 * Owns:  the parser while a function here runs.
 * Rules: as in yaml.h. The first reading stops at the first thing that makes the shape of the file doubtful.
 * Faults: as in yaml.h.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c, tests/fuzz/config_fuzz.c
 */
#include "config/yaml.h"

#include <string.h>

static void start(yaml_parser_t *parser, struct span text)
{
	/* It fails only when memory cannot be had. */
	CHECK(yaml_parser_initialize(parser) == 1);
	yaml_parser_set_input_string(parser, (const unsigned char *)text.data, text.len);
}

/* Line and column, from 1, of a byte of the text; a column is a character here as it is in libyaml. */
static void place_of(struct span text, size_t offset, int *line, int *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.data[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* The byte at a line and column of a well-formed text; 0 past its end. */
static char byte_at(struct span text, int line, int column)
{
	size_t i = 0;
	for (int at = 1; i < text.len && at < line; i++)
		at += text.data[i] == '\n';
	for (int at = 1; i < text.len && text.data[i] != '\n'; i++) {
		if (((unsigned char)text.data[i] & 0xc0) == 0x80)
			continue;
		if (at == column)
			return text.data[i];
		at++;
	}
	return 0;
}

/* What libyaml found, as a sentence for the person who wrote the file. */
static void tell_syntax(const yaml_parser_t *parser, struct span text, struct config_problems *problems)
{
	int line = (int)parser->problem_mark.line + 1;
	int column = (int)parser->problem_mark.column + 1;
	const char *problem = parser->problem ? parser->problem : "it ends unexpectedly";
	if (parser->error == YAML_READER_ERROR) {
		place_of(text, parser->problem_offset, &line, &column);
		config_problem_add(problems, line, column,
		                   "this is not text (%s); allowed is UTF-8 text without control characters",
		                   problem);
		return;
	}
	if (byte_at(text, line, column) == '\t') {
		config_problem_add(problems, line, column, "a tab stands here; indent with blanks only");
		return;
	}
	const char *advice = "check the indentation, colons, quotes and brackets here and in the lines above";
	/* Context and problem often are one place: then the context adds nothing. */
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		config_problem_add(problems, line, column,
		                   "not valid YAML: %s, %s that begins in line %d; %s", problem,
		                   parser->context, (int)parser->context_mark.line + 1, advice);
	else
		config_problem_add(problems, line, column, "not valid YAML: %s; %s", problem, advice);
}

struct screen {
	struct config_problems *problems;
	int depth;
	int documents;
	bool good;
};

static void refuse(struct screen *screen, const yaml_event_t *event, const char *text)
{
	config_problem_add(screen->problems, (int)event->start_mark.line + 1,
	                   (int)event->start_mark.column + 1, "%s", text);
	screen->good = false;
}

static void screen_node(struct screen *screen, const yaml_event_t *event, const void *anchor, const void *tag)
{
	if (anchor)
		refuse(screen, event, "an anchor (&name) stands here; write each value out where it is used");
	if (tag)
		refuse(screen, event, "a tag (!name) stands here; write the value without it");
}

static void screen_event(struct screen *screen, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++screen->documents == 2)
			refuse(screen, event,
			       "a second document begins here; one file holds one, without --- between its "
			       "parts");
		if (event->data.document_start.version_directive ||
		    event->data.document_start.tag_directives.start !=
		        event->data.document_start.tag_directives.end)
			refuse(screen, event, "a YAML directive (%...) stands here; remove the line");
		break;
	case YAML_ALIAS_EVENT:
		refuse(screen, event, "an alias (*name) stands here; write the value out");
		break;
	case YAML_SCALAR_EVENT:
		screen_node(screen, event, event->data.scalar.anchor, event->data.scalar.tag);
		break;
	case YAML_SEQUENCE_START_EVENT:
		screen->depth++;
		screen_node(screen, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		screen->depth++;
		screen_node(screen, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		screen->depth--;
		break;
	default:
		break;
	}
	if (screen->depth > CONFIG_YAML_DEPTH_MAX)
		refuse(screen, event, "nested too deeply here; allowed are 12 levels");
}

/* Reads all events. false: problems has grown. */
static bool is_plain(struct span text, struct config_problems *problems)
{
	yaml_parser_t parser;
	struct screen screen = {.problems = problems, .good = true};
	bool end = false;
	start(&parser, text);
	while (!end && screen.documents < 2 && screen.depth <= CONFIG_YAML_DEPTH_MAX) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			tell_syntax(&parser, text, problems);
			screen.good = false;
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		screen_event(&screen, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return screen.good;
}

bool config_yaml_load(yaml_document_t *document, struct span text, struct config_problems *problems)
{
	if (text.len > CONFIG_FILE_BYTES_MAX) {
		config_problem_add(problems, 0, 0, "the file has %zu bytes; allowed are %u", text.len,
		                   CONFIG_FILE_BYTES_MAX);
		return false;
	}
	if (!is_plain(text, problems))
		return false;
	yaml_parser_t parser;
	start(&parser, text);
	bool loaded = yaml_parser_load(&parser, document) == 1;
	if (!loaded)
		tell_syntax(&parser, text, problems);
	yaml_parser_delete(&parser);
	if (loaded && !yaml_document_get_root_node(document)) {
		yaml_document_delete(document);
		config_problem_add(problems, 0, 0,
		                   "the file is empty; it must hold at least the keys that are required");
		return false;
	}
	return loaded;
}

struct span config_yaml_scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return (struct span){NULL, 0};
	return (struct span){(const char *)node->data.scalar.value, node->data.scalar.length};
}

bool config_yaml_is_null(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	struct span text = config_yaml_scalar(node);
	return text.len == 0 || span_equal(text, SPAN_LITERAL("~")) || span_equal(text, SPAN_LITERAL("null"));
}

const char *config_yaml_kind(const yaml_node_t *node)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	return node->type == YAML_MAPPING_NODE ? "a mapping" : "a single value";
}

int config_yaml_line(const yaml_node_t *node)
{
	return (int)node->start_mark.line + 1;
}

int config_yaml_column(const yaml_node_t *node)
{
	return (int)node->start_mark.column + 1;
}

yaml_node_t *config_yaml_member(yaml_document_t *document, yaml_node_t *node, struct span key)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		yaml_node_t *name = yaml_document_get_node(document, pair->key);
		if (name->type == YAML_SCALAR_NODE && span_equal(config_yaml_scalar(name), key))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

yaml_node_t *config_yaml_find(yaml_document_t *document, const char *key, int entry)
{
	yaml_node_t *node = yaml_document_get_root_node(document);
	while (node && *key) {
		size_t length = strcspn(key, ".");
		node = config_yaml_member(document, node, (struct span){key, length});
		key += length;
		if (*key == '.')
			key++;
		if (node && *key && node->type == YAML_SEQUENCE_NODE) {
			yaml_node_item_t *item = node->data.sequence.items.start + entry;
			node = item < node->data.sequence.items.top ? yaml_document_get_node(document, *item)
			                                            : NULL;
		}
	}
	return node;
}
