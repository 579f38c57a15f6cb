/*
 * rules_mapping.c - legacy codes become cloud codes: reading a mapping's file, finding a code.
 *
 * Why:   see rules.h.
 * Owns:  the rows, groups and slots of the rules' tables.
 * Rules: 1. What a code becomes is asked in this order: rows of the document's own entity that name it, that entity's
 *           "*", rows for all entities that name it, their "*". The first that covers the date is the answer.
 *        2. A "*" is passed over where an earlier step has rows of the code, though none covers the date: the code was
 *           named, so that it is not "every other code", and a gap in its dates stays a gap.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_test.c
 */
#include "connector/compare/rules_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

#define OPEN_FROM INT32_MIN
#define OPEN_TO   INT32_MAX
#define ANY       SPAN_LITERAL("*")
#define SAME      SPAN_LITERAL("=")

enum mapping_column {
	COLUMN_ENTITY,
	COLUMN_FROM,
	COLUMN_TO,
	COLUMN_VALID_FROM,
	COLUMN_VALID_TO,
	COLUMN_NOTE
};

static const struct rules_csv_column columns[] = {
    {"entity", false},     {"from", false},     {"to", false},
    {"valid_from", false}, {"valid_to", false}, {"note", true},
};

/* ---- texts of a row ---- */

static struct span part_of(const struct rules *rules, uint32_t at, size_t len)
{
	return (struct span){(const char *)rules->text.data + at, len};
}

static struct span entity_of(const struct rules *rules, const struct mapping *row)
{
	return part_of(rules, row->text, row->entity_len);
}

static struct span from_of(const struct rules *rules, const struct mapping *row)
{
	return part_of(rules, row->text + row->entity_len, row->from_len);
}

static struct span to_of(const struct rules *rules, const struct mapping *row)
{
	return part_of(rules, row->text + row->entity_len + row->from_len, row->to_len);
}

static struct span note_of(const struct rules *rules, const struct mapping *row)
{
	return part_of(rules, row->text + row->entity_len + row->from_len + row->to_len, row->note_len);
}

/* ---- reading ---- */

static bool read_date(const struct rules_reading *reading, int line, const char *column, struct span text,
                      date_days open, date_days *date)
{
	*date = open;
	if (text.len == 0 || date_parse(date, text) == ERR_OK)
		return true;
	char shown[VALUE_SHOWN_SIZE];
	value_show(text, shown);
	rules_tell(reading->problems, reading->file, line,
	           "%s is %s; allowed is a date such as 2026-01-31 (%d to %d), or nothing", column, shown,
	           DATE_YEAR_MIN, DATE_YEAR_MAX);
	return false;
}

static bool read_dates(const struct rules_reading *reading, int line, const struct span *fields,
                       struct mapping *row)
{
	bool good =
	    read_date(reading, line, "valid_from", fields[COLUMN_VALID_FROM], OPEN_FROM, &row->valid_from);
	good = read_date(reading, line, "valid_to", fields[COLUMN_VALID_TO], OPEN_TO, &row->valid_to) && good;
	if (!good || row->valid_from <= row->valid_to)
		return good;
	rules_tell(
	    reading->problems, reading->file, line,
	    "valid_to is before valid_from; the row would never be valid: correct one of them, or remove "
	    "the row");
	return false;
}

static bool codes_good(const struct rules_reading *reading, int line, const struct span *fields)
{
	bool good = rules_code_good(reading, line, "entity", fields[COLUMN_ENTITY]);
	good = rules_code_good(reading, line, "from", fields[COLUMN_FROM]) && good;
	good = rules_code_good(reading, line, "to", fields[COLUMN_TO]) && good;
	if (fields[COLUMN_FROM].len == 0) {
		rules_tell(reading->problems, reading->file, line,
		           "from is empty; write the legacy code, or * for every code that has no row");
		good = false;
	}
	if (fields[COLUMN_TO].len == 0 || span_equal(fields[COLUMN_TO], ANY)) {
		rules_tell(reading->problems, reading->file, line,
		           "to is %s; write the cloud's code, or = where the code stays as it is",
		           fields[COLUMN_TO].len == 0 ? "empty" : "*");
		good = false;
	}
	if (fields[COLUMN_NOTE].len > RULES_NOTE_MAX) {
		rules_tell(reading->problems, reading->file, line, "note is %zu bytes long; allowed are %d",
		           fields[COLUMN_NOTE].len, RULES_NOTE_MAX);
		good = false;
	}
	return good;
}

static int64_t rows_of_all(const struct rules *rules)
{
	int64_t rows = 0;
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		rows += (int64_t)rules->mappings[kind].count;
	return rows;
}

static struct mapping *new_row(struct mapping_table *table)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 64;
		table->rows = mem_grow(table->rows, table->capacity * sizeof table->rows[0]);
	}
	return &table->rows[table->count++];
}

static bool take_row(void *self, int line, const struct span *fields)
{
	struct rules_reading *reading = self;
	struct rules *rules = reading->rules;
	struct mapping_table *table = &rules->mappings[reading->kind];
	struct mapping row = {.line = line};
	bool good = codes_good(reading, line, fields);
	good = read_dates(reading, line, fields, &row) && good;
	if (!good)
		return true;
	if (rows_of_all(rules) == RULES_MAPPINGS_MAX) {
		rules_tell(reading->problems, reading->file, line,
		           "there are more than %d rows in all mappings; remove what was never posted",
		           RULES_MAPPINGS_MAX);
		return false;
	}
	struct span entity = fields[COLUMN_ENTITY].len ? fields[COLUMN_ENTITY] : ANY;
	table->owned = table->owned || !span_equal(entity, ANY);
	row.text = rules_keep(rules, entity);
	(void)rules_keep(rules, fields[COLUMN_FROM]);
	(void)rules_keep(rules, fields[COLUMN_TO]);
	(void)rules_keep(rules, fields[COLUMN_NOTE]);
	row.entity_len = (uint8_t)entity.len;
	row.from_len = (uint8_t)fields[COLUMN_FROM].len;
	row.to_len = (uint8_t)fields[COLUMN_TO].len;
	row.note_len = (uint16_t)fields[COLUMN_NOTE].len;
	*new_row(table) = row;
	return true;
}

bool mapping_read(struct rules_reading *reading, struct span text)
{
	reading->rules->mappings[reading->kind].given = true;
	return rules_csv_read(reading->file, text, columns, sizeof columns / sizeof columns[0],
	                      reading->problems, take_row, reading);
}

/* ---- the table ---- */

static int by_key(const struct rules *rules, const struct mapping *a, const struct mapping *b)
{
	int order = span_compare(entity_of(rules, a), entity_of(rules, b));
	return order != 0 ? order : span_compare(from_of(rules, a), from_of(rules, b));
}

static int by_key_and_date(const void *a, const void *b, void *self)
{
	const struct mapping *left = a;
	const struct mapping *right = b;
	int order = by_key(self, left, right);
	if (order != 0)
		return order;
	if (left->valid_from != right->valid_from)
		return left->valid_from < right->valid_from ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static void date_words(date_days date, const char *open, char text[DATE_TEXT_SIZE])
{
	if (date == OPEN_FROM || date == OPEN_TO)
		(void)snprintf(text, DATE_TEXT_SIZE, "%s", open);
	else
		date_print(date, text);
}

static void tell_overlap(const struct rules *rules, const char *file, const struct mapping *a,
                         const struct mapping *b, struct rules_problems *problems)
{
	const struct mapping *first = a->line < b->line ? a : b;
	const struct mapping *second = first == a ? b : a;
	char entity[VALUE_SHOWN_SIZE], code[VALUE_SHOWN_SIZE];
	char from[DATE_TEXT_SIZE], to[DATE_TEXT_SIZE];
	value_show(entity_of(rules, a), entity);
	value_show(from_of(rules, a), code);
	date_words(a->valid_from > b->valid_from ? a->valid_from : b->valid_from, "ever", from);
	date_words(a->valid_to < b->valid_to ? a->valid_to : b->valid_to, "ever", to);
	rules_tell(problems, file, second->line,
	           "this row and line %d both map %s of entity %s from %s to %s; end one before the other "
	           "begins, or remove one",
	           first->line, code, entity, from, to);
}

/* Rows of a group are in the order of valid_from: each is compared with the one before it that lasts longest. */
static bool look_for_overlaps(const struct rules *rules, enum mapping_kind kind,
                              struct rules_problems *problems)
{
	const struct mapping_table *table = &rules->mappings[kind];
	const struct mapping *longest = NULL;
	char file[sizeof problems->list[0].file];
	bool good = true;
	(void)snprintf(file, sizeof file, "%s.csv", mapping_kind_name(kind));
	for (size_t i = 0; i < table->count; i++) {
		const struct mapping *row = &table->rows[i];
		if (!longest || by_key(rules, longest, row) != 0) {
			longest = row;
			continue;
		}
		if (row->valid_from <= longest->valid_to) {
			tell_overlap(rules, file, longest, row, problems);
			good = false;
		}
		if (row->valid_to > longest->valid_to)
			longest = row;
	}
	return good;
}

static uint32_t key_hash(uint32_t entity_hash, uint32_t code_hash)
{
	/* Of two good hashes: multiplied, so that swapped ones are others, and mixed for the lower bits. */
	uint32_t hash = entity_hash * 0x9e3779b1u + code_hash;
	return hash ^ hash >> 15;
}

static void make_groups(struct rules *rules, struct mapping_table *table)
{
	table->groups = mem_alloc((table->count + 1) * sizeof table->groups[0]);
	for (size_t i = 0; i < table->count; i++) {
		const struct mapping *row = &table->rows[i];
		if (i > 0 && by_key(rules, row - 1, row) == 0) {
			table->groups[table->group_count - 1].count++;
			continue;
		}
		table->groups[table->group_count++] = (struct mapping_group){
		    (uint32_t)i, 1,
		    key_hash(rules_hash(entity_of(rules, row)), rules_hash(from_of(rules, row)))};
	}
}

/* At most half of the slots are taken. */
static void make_slots(struct mapping_table *table)
{
	size_t size = 4;
	while (size < 2 * table->group_count)
		size *= 2;
	table->slots = mem_alloc(size * sizeof table->slots[0]);
	table->mask = (uint32_t)size - 1;
	for (size_t i = 0; i < table->group_count; i++) {
		uint32_t slot = table->groups[i].hash & table->mask;
		while (table->slots[slot] != 0)
			slot = (slot + 1) & table->mask;
		table->slots[slot] = (uint32_t)i + 1;
	}
}

bool mapping_finish(struct rules *rules, enum mapping_kind kind, struct rules_problems *problems)
{
	struct mapping_table *table = &rules->mappings[kind];
	if (table->count > 0)
		qsort_r(table->rows, table->count, sizeof table->rows[0], by_key_and_date, rules);
	make_groups(rules, table);
	make_slots(table);
	return look_for_overlaps(rules, kind, problems);
}

void mapping_release(struct mapping_table *table)
{
	free(table->rows);
	free(table->groups);
	free(table->slots);
	*table = (struct mapping_table){0};
}

/* ---- finding ---- */

struct asked {
	const struct rules *rules;
	const struct mapping_table *table;
	date_days on;
	bool named; /* a group of the code itself was found */
};

static const struct mapping_group *find_group(const struct asked *asked, struct span entity,
                                              uint32_t entity_hash, struct span code, uint32_t code_hash)
{
	const struct mapping_table *table = asked->table;
	uint32_t hash = key_hash(entity_hash, code_hash);
	for (uint32_t slot = hash & table->mask; table->slots[slot] != 0; slot = (slot + 1) & table->mask) {
		const struct mapping_group *group = &table->groups[table->slots[slot] - 1];
		const struct mapping *row = &table->rows[group->first];
		if (group->hash == hash && span_equal(from_of(asked->rules, row), code) &&
		    span_equal(entity_of(asked->rules, row), entity))
			return group;
	}
	return NULL;
}

/* The row of the group that covers the date: the last that begins on it or before it, as none overlap. */
static const struct mapping *row_on(const struct asked *asked, const struct mapping_group *group)
{
	const struct mapping *rows = &asked->table->rows[group->first];
	size_t low = 0;
	size_t high = group->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows[middle].valid_from <= asked->on)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && rows[low - 1].valid_to >= asked->on ? &rows[low - 1] : NULL;
}

/* Rows of one entity (or "*"): those of the code, or where no row so far names it, those of "*". */
static const struct mapping *find_row(struct asked *asked, struct span entity, struct span code,
                                      uint32_t code_hash)
{
	uint32_t entity_hash = rules_hash(entity);
	const struct mapping_group *group = find_group(asked, entity, entity_hash, code, code_hash);
	if (!group && !asked->named)
		group = find_group(asked, entity, entity_hash, ANY, rules_hash(ANY));
	else if (group)
		asked->named = true;
	return group ? row_on(asked, group) : NULL;
}

bool rules_map(const struct rules *rules, enum mapping_kind kind, struct span entity, struct span code,
               date_days on, struct span *mapped)
{
	CHECK(rules->finished && kind >= 0 && kind < MAPPING_KIND_COUNT);
	struct asked asked = {.rules = rules, .table = &rules->mappings[kind], .on = on};
	*mapped = code;
	if (!asked.table->given || code.len == 0)
		return true;
	uint32_t code_hash = rules_hash(code);
	const struct mapping *row = NULL;
	if (asked.table->owned && !span_equal(entity, ANY))
		row = find_row(&asked, entity, code, code_hash);
	if (!row)
		row = find_row(&asked, ANY, code, code_hash);
	if (!row) /* the canaries' company is known to no file, and has no gaps */
		return span_equal(entity, SPAN_LITERAL(RULES_CANARY_ENTITY));
	if (!span_equal(to_of(rules, row), SAME))
		*mapped = to_of(rules, row);
	return true;
}

void rules_visit(const struct rules *rules, enum mapping_kind kind, mapping_visitor visit, void *self)
{
	CHECK(rules->finished && kind >= 0 && kind < MAPPING_KIND_COUNT);
	const struct mapping_table *table = &rules->mappings[kind];
	for (size_t i = 0; i < table->count; i++) {
		const struct mapping *row = &table->rows[i];
		struct mapping_row shown = {.entity = entity_of(rules, row),
		                            .from = from_of(rules, row),
		                            .to = to_of(rules, row),
		                            .note = note_of(rules, row),
		                            .valid_from = row->valid_from,
		                            .valid_to = row->valid_to,
		                            .line = row->line};
		if (!visit(self, &shown))
			return;
	}
}
