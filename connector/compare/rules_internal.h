/*
 * rules_internal.h - what the parts of the rules share: how they are kept, how each file is read.
 *
 * Why:   mappings, tolerances and attributes are read and looked up by files of their own.
 * Owns:  nothing of its own; struct rules owns all that stands here.
 * Rules: 1. Texts stand in one buffer, found by offsets while it grows; after rules_finish() it is still.
 *        2. Rows of one entity and code stand together, by date; an open hash table finds them. A look-up compares the
 *           texts and allocates nothing.
 *        3. Only rules*.c include this.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_test.c
 */
#ifndef TWINPOST_RULES_INTERNAL_H
#define TWINPOST_RULES_INTERNAL_H

#include "connector/compare/rules_csv.h"
#include "connector/compare/view.h"

#define RULES_NOTE_MAX  1000
#define RULES_FILES_MAX (MAPPING_KIND_COUNT + 2)

/* Entity, from, to and note, one behind the other at `text`. */
struct mapping {
	uint32_t text;
	int32_t line;
	date_days valid_from, valid_to;
	uint16_t note_len;
	uint8_t entity_len, from_len, to_len;
};

/* The rows of one entity and code. */
struct mapping_group {
	uint32_t first, count;
	uint32_t hash;
};

struct mapping_table {
	bool given; /* there was a file */
	bool owned; /* some row names an entity */
	struct mapping *rows;
	size_t count, capacity;
	struct mapping_group *groups;
	size_t group_count;
	uint32_t *slots; /* group + 1; 0: free */
	uint32_t mask;
};

#define ANY_TYPE (-1)

struct tolerance {
	uint32_t text; /* entity and account, one behind the other; both empty: any */
	uint32_t entity_hash, account_hash;
	uint8_t entity_len, account_len;
	int8_t type;      /* enum document_type, or ANY_TYPE */
	char currency[3]; /* zeros: any */
	int line;
	struct decimal amount;
};

/* Of attribute.csv: the line that decides, and how; line 0: none does. */
struct attribute_rule {
	int line;
	bool compared;
};

struct rules_file {
	const char *name; /* static */
	struct digest digest;
};

struct rules {
	bool finished;
	bool failed; /* a file had problems */
	struct buf text;
	struct mapping_table mappings[MAPPING_KIND_COUNT];
	struct tolerance *tolerances;
	int tolerance_count;
	/* The last row of each is that of "*". */
	struct attribute_rule attributes[DOCUMENT_TYPE_COUNT + 1][VIEW_ATTRIBUTE_COUNT];
	int attribute_count;
	struct rules_file files[RULES_FILES_MAX];
	int file_count;
	char version[RULES_VERSION_SIZE];
};

/* A file under way. */
struct rules_reading {
	struct rules *rules;
	const char *file; /* "account.csv" */
	struct rules_problems *problems;
	enum mapping_kind kind; /* of a mapping */
};

uint32_t rules_hash(struct span text);
/* Appends to the rules' texts; returns where. */
uint32_t rules_keep(struct rules *rules, struct span text);
/* false: the field is longer than a code may be or has control characters, and that was told. */
MUST_USE bool rules_code_good(const struct rules_reading *reading, int line, const char *column,
                              struct span code);
/* The document_type of a row: a name, or empty or "*" for ANY_TYPE. false: told. */
MUST_USE bool rules_type_of(const struct rules_reading *reading, int line, struct span name, int *type);

/* Each reads one file. false: told. */
MUST_USE bool mapping_read(struct rules_reading *reading, struct span text);
MUST_USE bool tolerance_read(struct rules_reading *reading, struct span text);
MUST_USE bool attribute_read(struct rules_reading *reading, struct span text);
/* Sorts, looks for overlaps, makes the table. false: told. */
MUST_USE bool mapping_finish(struct rules *rules, enum mapping_kind kind, struct rules_problems *problems);
void mapping_release(struct mapping_table *table);
/* Tolerances that never count, because an earlier one matches first. false: told. */
MUST_USE bool tolerance_finish(const struct rules *rules, struct rules_problems *problems);

#endif
