/*
 * mapping_command.c - the command `mapping check`: what a directory of rules holds, or what is wrong with it.
 *
 * Why:   who keeps the tables in a spreadsheet sees at once what the comparison would make of them, on any machine.
 * Owns:  the rules and what is printed, until it is.
 * Rules: 1. Every problem is a line "directory/file:line: what is wrong; what is allowed", on standard output: it is
 *           what was asked for.
 *        2. The same numbers as text and as JSON.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_mapping.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/commands.h"
#include "tools/twinpost/rules_files.h"

#define ENTITIES_SHOWN 5

/* What the rows of one kind have in common. Rows come by entity: equal ones stand together. */
struct kind_summary {
	cJSON *entities;            /* array; "*": all */
	date_days earliest, latest; /* of all dates that are written */
	bool dated;                 /* there is one at all */
	struct span last;
};

/* INT32_MIN and INT32_MAX: open. */
static void note_date(struct kind_summary *summary, date_days date)
{
	if (date == INT32_MIN || date == INT32_MAX)
		return;
	if (!summary->dated || date < summary->earliest)
		summary->earliest = date;
	if (!summary->dated || date > summary->latest)
		summary->latest = date;
	summary->dated = true;
}

static bool summarise_row(void *self, const struct mapping_row *row)
{
	struct kind_summary *summary = self;
	if (!summary->last.data || !span_equal(summary->last, row->entity)) {
		char *name = mem_copy_text(row->entity);
		cJSON *entity = cJSON_CreateString(name);
		CHECK(entity && cJSON_AddItemToArray(summary->entities, entity));
		free(name);
		summary->last = row->entity;
	}
	note_date(summary, row->valid_from);
	note_date(summary, row->valid_to);
	return true;
}

static void add_date(cJSON *object, const char *name, bool present, date_days date)
{
	char text[DATE_TEXT_SIZE];
	if (present)
		date_print(date, text);
	CHECK(present ? cJSON_AddStringToObject(object, name, text) : cJSON_AddNullToObject(object, name));
}

static cJSON *kind_object(const struct rules *rules, enum mapping_kind kind)
{
	cJSON *object = cJSON_CreateObject();
	CHECK(object && cJSON_AddStringToObject(object, "kind", mapping_kind_name(kind)) &&
	      cJSON_AddNumberToObject(object, "rows", (double)rules_count(rules, kind)));
	struct kind_summary summary = {.entities = cJSON_AddArrayToObject(object, "entities")};
	CHECK(summary.entities != NULL);
	rules_visit(rules, kind, summarise_row, &summary);
	add_date(object, "earliest", summary.dated, summary.earliest);
	add_date(object, "latest", summary.dated, summary.latest);
	return object;
}

/* What was read, whole; the text is made from it too. */
static cJSON *good_object(const struct rules *rules, const char *directory)
{
	cJSON *object = command_arguments();
	command_add_text(object, "directory", directory);
	command_add_text(object, "version", rules_version(rules));
	cJSON *mappings = cJSON_AddArrayToObject(object, "mappings");
	CHECK(mappings != NULL);
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++) {
		if (rules_has(rules, (enum mapping_kind)kind))
			CHECK(cJSON_AddItemToArray(mappings, kind_object(rules, (enum mapping_kind)kind)));
	}
	command_add_number(object, "tolerances", rules_tolerance_count(rules));
	command_add_number(object, "attributes", rules_attribute_count(rules));
	CHECK(cJSON_AddArrayToObject(object, "problems") != NULL);
	command_add_number(object, "problem_count", 0);
	return object;
}

static cJSON *bad_object(const struct rules_problems *problems, const char *directory)
{
	cJSON *object = command_arguments();
	command_add_text(object, "directory", directory);
	cJSON *list = cJSON_AddArrayToObject(object, "problems");
	CHECK(list != NULL);
	for (int i = 0; i < problems->count; i++) {
		cJSON *problem = command_arguments();
		command_add_text(problem, "file", problems->list[i].file);
		command_add_number(problem, "line", problems->list[i].line);
		command_add_text(problem, "text", problems->list[i].text);
		CHECK(cJSON_AddItemToArray(list, problem));
	}
	command_add_number(object, "problem_count", problems->total);
	return object;
}

/* "00001, 00070 and 7 more"; "*" is all. */
static void entity_words(const cJSON *entities, struct buf *out)
{
	int shown = 0;
	const cJSON *entity;
	int count = cJSON_GetArraySize(entities);
	cJSON_ArrayForEach(entity, entities)
	{
		if (shown == ENTITIES_SHOWN && count > ENTITIES_SHOWN + 1) {
			buf_printf(out, " and %d more", count - shown);
			return;
		}
		buf_append_text(out, shown ? ", " : "");
		buf_append_text(out, strcmp(entity->valuestring, "*") == 0 ? "all" : entity->valuestring);
		shown++;
	}
}

static void render_kind(const cJSON *kind, struct table *table)
{
	char rows[WORDS_SIZE];
	struct buf entities;
	buf_init(&entities, CLIENT_MESSAGE_SIZE);
	entity_words(member(kind, "entities"), &entities);
	count_words(member_integer(kind, "rows"), rows);
	const char *cells[] = {member_text(kind, "kind"), rows, member_text(kind, "earliest"),
	                       member_text(kind, "latest"), buf_cstr(&entities)};
	table_add(table, cells);
	buf_release(&entities);
}

static void render(const cJSON *data, struct buf *out)
{
	static const char *const heads[] = {"mapping", "rows", "first date", "last date", "entities"};
	struct terminal terminal;
	struct table table;
	const cJSON *kind;
	terminal_init(&terminal);
	terminal_text(member_text(data, "directory"), out);
	buf_printf(out, ": good, version %s\n", member_text(data, "version"));
	if (cJSON_GetArraySize(member(data, "mappings")) == 0) {
		buf_append_text(out, "  no mappings: every code is the same on both sides\n");
	} else {
		table_init(&table, 5, 1u << 1, heads);
		cJSON_ArrayForEach(kind, member(data, "mappings"))
		{
			render_kind(kind, &table);
		}
		table_finish(&table, &terminal, 2, out);
	}
	buf_printf(out, "  tolerances: %" PRId64 ", rules for attributes: %" PRId64 "\n",
	           member_integer(data, "tolerances"), member_integer(data, "attributes"));
}

static enum cli_exit show_object(const struct options *options, cJSON *object)
{
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	if (options->json)
		command_print_json(object);
	else
		render(object, &out);
	cJSON_Delete(object);
	return command_print(&out) ? CLI_OK : CLI_FAILED;
}

static void print_problems(const struct rules_problems *problems, const char *directory)
{
	struct buf text, out;
	buf_init(&text, CLI_OUTPUT_MAX);
	buf_init(&out, CLI_OUTPUT_MAX);
	rules_problems_print(problems, directory, &text);
	terminal_lines(buf_cstr(&text), &out);
	buf_release(&text);
	(void)command_print(&out);
}

enum cli_exit command_mapping_check(const struct options *options)
{
	struct err_info info;
	struct rules *rules;
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	const char *directory = options->operands[0];
	enum cli_exit status = CLI_FAILED;
	enum err err = rules_read_directory(directory, &rules, problems, &info);
	if (err == ERR_OK) {
		status = show_object(options, good_object(rules, directory));
		rules_free(rules);
	} else if (problems->total == 0) {
		command_complain(info.text);
	} else if (options->json) {
		(void)show_object(options, bad_object(problems, directory));
	} else {
		print_problems(problems, directory);
	}
	free(problems);
	return status;
}
