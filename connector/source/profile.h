/*
 * profile.h - how to read one ERP: queries, keys, columns and conversions, from one YAML file.
 *
 * Why:   an ERP is described by data that a consultant can read and change, not by code.
 * Owns:  struct profile owns everything that hangs off it; it does not change after profile_load().
 * Rules: 1. All problems of a file are told at once, each with its line and column, what is wrong and what is
 *           allowed.
 *        2. SQL is portable text with macros, expanded by statement.h. It holds no ? of its own, and
 *           parameters (a schema, say) only of the characters [A-Za-z0-9_.$#"].
 *        3. A query's rows come in the order of its key; the rows of one document stand together.
 *        4. Every field that its document type requires has a conversion, or the file is refused.
 * Layout: docs/profiles.md explains each key; config/profiles/jde.yaml is the model.
 * Runs in: every process that checks a configuration; used by the core.
 * Tests: tests/unit/profile_test.c, tests/fuzz/profile_fuzz.c
 */
#ifndef TWINPOST_PROFILE_H
#define TWINPOST_PROFILE_H

#include "config/config.h"
#include "connector/source/convert.h"

#define PROFILE_FEEDS_MAX     12
#define PROFILE_KEYS_MAX      6  /* columns of a key, or of a gate's order: stamp and key */
#define PROFILE_NAME_MAX      64 /* a column's name, with its end */
#define PROFILE_UNITS_MAX     12 /* units of a gate that one statement reads */
#define PROFILE_CLOCKS_MAX    12
#define PROFILE_KEY_BYTES_MAX 256 /* a key's values, encoded */

/* X(identifier, name): how a feed finds what is new (docs/profiles.md). */
#define PROFILE_STRATEGIES(X)                                                                      \
	X(POSTED_GATE, "posted_gate") /* units (batches) that were posted, then their documents */ \
	X(DAY_OVERLAP, "day_overlap") /* documents stamped since, with an overlap and a look-back */

enum profile_strategy {
#define PROFILE_STRATEGY_ENUM(identifier, name) STRATEGY_##identifier,
	PROFILE_STRATEGIES(PROFILE_STRATEGY_ENUM)
#undef PROFILE_STRATEGY_ENUM
	    STRATEGY_COUNT
};

/* X(identifier, name, columns): how a stamp is written, always as the ERP's local time. */
#define PROFILE_STAMP_FORMS(X)                                      \
	X(CYYDDD_HHMMSS, "cyyddd_hhmmss", 2) /* 124060 and 93005 */ \
	X(DATETIME, "datetime", 1)           /* 2024-02-29 09:30:05 */

enum stamp_form {
#define PROFILE_STAMP_ENUM(identifier, name, columns) STAMP_##identifier,
	PROFILE_STAMP_FORMS(PROFILE_STAMP_ENUM)
#undef PROFILE_STAMP_ENUM
	    STAMP_FORM_COUNT
};

struct profile_key {
	char name[PROFILE_NAME_MAX];
	bool integer; /* compared and bound as a number */
};

enum statement_piece_kind {
	PIECE_TEXT,
	PIECE_SINCE,    /* {since DATE TIME} */
	PIECE_UNIT,     /* {unit A B}: the gate's key, of one unit or of several */
	PIECE_AFTER,    /* {after}: past the last key read */
	PIECE_ORDER,    /* {order X}: by the key, then X */
	PIECE_PAGE,     /* {page}: at most so many rows */
	PIECE_IF_SINCE, /* {if since} ... {end}: left out of a reading from the very beginning */
	PIECE_END,
};

struct statement_piece {
	enum statement_piece_kind kind;
	struct span text; /* PIECE_TEXT */
	struct span names[PROFILE_KEYS_MAX];
	int name_count;
};

/* A query that is read page by page in the order of its key. Its columns are looked up by name in the answer.
 * */
struct profile_query {
	const struct statement_piece *pieces;
	int piece_count;
	struct profile_key keys[PROFILE_KEYS_MAX];
	int key_count;
	struct span columns[SOURCE_COLUMNS_MAX]; /* the keys first, then all others that are used */
	int column_count;
	bool stamped;
	enum stamp_form stamp_form;
	int16_t stamp_columns[2];
	int units_max; /* of {unit} in one statement, as the parameters allow */
	int line;      /* of its SQL in the file */
};

struct profile_field {
	int slot; /* in the document's header or line */
	enum value_kind kind;
	const struct conversion *conversion;
};

struct profile_section {
	bool used;
	int16_t when; /* a row makes a line only where this column is present; -1: always */
	const struct profile_field *fields;
	int field_count;
};

struct profile_feed {
	char name[CONFIG_NAME_MAX];
	enum profile_strategy strategy;
	struct profile_query gate; /* STRATEGY_POSTED_GATE: keys are stamp, then unit key */
	int unit_keys;             /* the last so many keys of the gate */
	struct profile_query rows;
	uint16_t types;                   /* document types (1 << type) that it can make */
	enum document_type type;          /* of every document where type_of is NULL */
	const struct conversion *type_of; /* a text: the name of a document type */
	const struct conversion *voided;  /* NULL: never */
	const struct profile_field *header;
	int header_count;
	struct profile_section sections[SECTION_COUNT];
	int line, column; /* in the file */
};

struct profile_clock {
	char dbms[CONFIG_NAME_MAX]; /* found in the name the driver gives, whatever its case; "default" */
	struct span sql;
};

struct profile {
	char name[CONFIG_NAME_MAX];
	char version[CONFIG_NAME_MAX];
	char system[CONFIG_NAME_MAX]; /* source_system of its documents */
	char path[2 * CONFIG_PATH_MAX];
	struct profile_clock clocks[PROFILE_CLOCKS_MAX];
	int clock_count;
	struct profile_feed *feeds;
	int feed_count;
	struct profile_block *blocks; /* memory */
};

/* Reads a profile from the text of its file; path is for messages. parameters are the source's values for the
 * profile's parameters. NULL: problems holds at least one. */
struct profile *profile_load(struct span text, const char *path, const struct config_parameter *parameters,
                             int parameter_count, struct config_problems *problems);
void profile_free(struct profile *profile); /* NULL is allowed */

const char *profile_name(const struct profile *profile);
const char *profile_version(const struct profile *profile);
/* NULL: no feed of this name. */
const struct profile_feed *profile_feed_find(const struct profile *profile, struct span name);
/* Is this feed to be read, where a source names the feeds or document types it wants (none: all)? */
bool profile_feed_wanted(const struct profile_feed *feed, const struct config_source *source);
/* The statement that gives the database's local time as YYYY-MM-DD HH:MM:SS; empty: none fits. */
struct span profile_clock_sql(const struct profile *profile, struct span dbms);
const char *profile_strategy_name(enum profile_strategy strategy);
int stamp_form_columns(enum stamp_form form);
/* Equal but for the case of ASCII letters. */
bool name_equal(struct span a, struct span b);

/* Zeroed memory that lives as long as the profile: for the loader. */
void *profile_alloc(struct profile *profile, size_t size);
struct span profile_copy(struct profile *profile, struct span text);

#endif
