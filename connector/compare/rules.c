/*
 * rules.c - the files of one directory become rules with a version.
 *
 * Why:   see rules.h.
 * Owns:  struct rules and all in it.
 * Rules: 1. A file is read whole or not at all: one that had problems makes rules_finish() fail.
 *        2. The version is SHA-256 over the names, lengths and digests of the files in the order of their names.
 * Faults: see rules.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_test.c
 */
#include "connector/compare/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "connector/compare/rules_internal.h"

#define TOLERANCE_NAME "tolerance"
#define ATTRIBUTE_NAME "attribute"

static const char *const kind_names[MAPPING_KIND_COUNT] = {
#define MAPPING_KIND_NAME(identifier, name) [MAPPING_##identifier] = name,
    MAPPING_KINDS(MAPPING_KIND_NAME)
#undef MAPPING_KIND_NAME
};

const char *mapping_kind_name(enum mapping_kind kind)
{
	CHECK(kind >= 0 && kind < MAPPING_KIND_COUNT);
	return kind_names[kind];
}

struct rules *rules_new(void)
{
	struct rules *rules = mem_alloc(sizeof *rules);
	buf_init(&rules->text, UINT32_MAX);
	return rules;
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		mapping_release(&rules->mappings[kind]);
	free(rules->tolerances);
	buf_release(&rules->text);
	free(rules);
}

/* ---- what the parts share ---- */

/* FNV-1a: codes are short. */
uint32_t rules_hash(struct span text)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.data[i]) * 16777619u;
	return hash;
}

uint32_t rules_keep(struct rules *rules, struct span text)
{
	uint32_t at = (uint32_t)rules->text.len;
	buf_append_span(&rules->text, text);
	/* Files are limited far below that. */
	CHECK(buf_ok(&rules->text));
	return at;
}

bool rules_code_good(const struct rules_reading *reading, int line, const char *column, struct span code)
{
	char shown[VALUE_SHOWN_SIZE];
	value_show(code, shown);
	if (code.len > RULES_CODE_MAX) {
		rules_tell(reading->problems, reading->file, line,
		           "%s is %s, which is %zu bytes long; allowed are %d", column, shown, code.len,
		           RULES_CODE_MAX);
		return false;
	}
	for (size_t i = 0; i < code.len; i++) {
		unsigned char c = (unsigned char)code.data[i];
		if (c >= 0x20 && c != 0x7f)
			continue;
		rules_tell(reading->problems, reading->file, line,
		           "%s is %s, which has a control character (such as a tab or a line break) in it; "
		           "remove it",
		           column, shown);
		return false;
	}
	return true;
}

bool rules_type_of(const struct rules_reading *reading, int line, struct span name, int *type)
{
	enum document_type found;
	if (name.len == 0 || span_equal(name, SPAN_LITERAL("*"))) {
		*type = ANY_TYPE;
		return true;
	}
	if (document_type_find(&found, name)) {
		*type = (int)found;
		return true;
	}
	char shown[VALUE_SHOWN_SIZE];
	char all[128];
	size_t len = 0;
	value_show(name, shown);
	for (int i = 0; i < DOCUMENT_TYPE_COUNT && len < sizeof all; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s, ",
		                        document_spec((enum document_type)i)->name);
	rules_tell(reading->problems, reading->file, line,
	           "there is no document_type %s; allowed are %sand * for all", shown, all);
	return false;
}

/* ---- files ---- */

static void unknown_file(struct rules_problems *problems, const char *file)
{
	char all[160];
	size_t len = 0;
	for (int i = 0; i < MAPPING_KIND_COUNT && len < sizeof all; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s.csv, ", kind_names[i]);
	rules_tell(problems, file, 0,
	           "no rules have this name; allowed are %s" TOLERANCE_NAME ".csv and " ATTRIBUTE_NAME
	           ".csv; rename it, or move it away",
	           all);
}

/* The static name and, for a mapping, its kind (else MAPPING_KIND_COUNT); NULL: there is none. */
static const char *known_name(const char *name, enum mapping_kind *kind)
{
	for (int i = 0; i < MAPPING_KIND_COUNT; i++) {
		*kind = (enum mapping_kind)i;
		if (strcmp(name, kind_names[i]) == 0)
			return kind_names[i];
	}
	*kind = MAPPING_KIND_COUNT;
	if (strcmp(name, TOLERANCE_NAME) == 0)
		return TOLERANCE_NAME;
	return strcmp(name, ATTRIBUTE_NAME) == 0 ? ATTRIBUTE_NAME : NULL;
}

static bool add_file(struct rules *rules, const char *name, struct span text, struct rules_problems *problems)
{
	char file[sizeof problems->list[0].file];
	struct rules_reading reading = {.rules = rules, .file = file, .problems = problems};
	(void)snprintf(file, sizeof file, "%s.csv", name);
	const char *known = known_name(name, &reading.kind);
	if (!known) {
		unknown_file(problems, file);
		return false;
	}
	for (int i = 0; i < rules->file_count; i++) {
		if (rules->files[i].name != known)
			continue;
		rules_tell(problems, file, 0, "the file is given twice; leave one of them out");
		return false;
	}
	CHECK(rules->file_count < RULES_FILES_MAX);
	rules->files[rules->file_count++] = (struct rules_file){known, digest_of(&text, 1)};
	if (reading.kind < MAPPING_KIND_COUNT)
		return mapping_read(&reading, text);
	return strcmp(known, TOLERANCE_NAME) == 0 ? tolerance_read(&reading, text)
	                                          : attribute_read(&reading, text);
}

bool rules_add(struct rules *rules, const char *name, struct span text, struct rules_problems *problems)
{
	CHECK(!rules->finished);
	bool good = add_file(rules, name, text, problems);
	rules->failed = rules->failed || !good;
	return good;
}

/* ---- the end ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rules_file *)a)->name, ((const struct rules_file *)b)->name);
}

static void make_version(struct rules *rules)
{
	/* The count, and names with their closing zero: no two lists of files give the same bytes. */
	struct span parts[1 + 2 * RULES_FILES_MAX];
	uint8_t count = (uint8_t)rules->file_count;
	size_t used = 0;
	qsort(rules->files, (size_t)rules->file_count, sizeof rules->files[0], by_name);
	parts[used++] = (struct span){(const char *)&count, 1};
	for (int i = 0; i < rules->file_count; i++) {
		const struct rules_file *file = &rules->files[i];
		parts[used++] = (struct span){file->name, strlen(file->name) + 1};
		parts[used++] = (struct span){(const char *)file->digest.bytes, DIGEST_BYTES};
	}
	struct digest digest = digest_of(parts, used);
	hex_encode(rules->version, digest.bytes, (RULES_VERSION_SIZE - 1) / 2);
}

bool rules_finish(struct rules *rules, struct rules_problems *problems)
{
	CHECK(!rules->finished);
	bool good = !rules->failed;
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++)
		good = mapping_finish(rules, (enum mapping_kind)kind, problems) && good;
	good = tolerance_finish(rules, problems) && good;
	make_version(rules);
	rules->finished = true;
	return good;
}

const char *rules_version(const struct rules *rules)
{
	CHECK(rules->finished);
	return rules->version;
}

int64_t rules_count(const struct rules *rules, enum mapping_kind kind)
{
	CHECK(kind >= 0 && kind < MAPPING_KIND_COUNT);
	return (int64_t)rules->mappings[kind].count;
}

bool rules_has(const struct rules *rules, enum mapping_kind kind)
{
	CHECK(kind >= 0 && kind < MAPPING_KIND_COUNT);
	return rules->mappings[kind].given;
}

int rules_tolerance_count(const struct rules *rules)
{
	return rules->tolerance_count;
}

int rules_attribute_count(const struct rules *rules)
{
	return rules->attribute_count;
}
