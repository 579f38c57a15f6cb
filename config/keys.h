/*
 * keys.h - the one table of configuration keys: type, limits, default and text of each.
 *
 * Why:   loader, checker, `twinpost config explain`, completion and docs/configuration.md cannot drift apart when they
 *        read the same table.
 * Owns:  nothing; the table is constant.
 * Rules: 1. A default is written as a person would write it in the file, and is read by the same code.
 *        2. Keys of one section stand together, below the section's own row, in the order they are explained.
 *        3. Entries of a list share their keys: every entry of `sources` has `sources.poll`.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c drives every limit of this table through the loader.
 */
#ifndef TWINPOST_KEYS_H
#define TWINPOST_KEYS_H

#include "hal/base/bytes.h"

#define KEYS_MAX      128
#define KEY_NAME_SIZE 64

enum key_type {
	KEY_NAME,     /* [a-z0-9-], begins with a letter or a digit */
	KEY_TEXT,     /* printable text; where `characters` is set, letters, digits and these only */
	KEY_PATH,     /* a file's path; relative ones are relative to the working directory of the program */
	KEY_INTEGER,  /* int */
	KEY_DURATION, /* int64_t nanoseconds */
	KEY_SIZE,     /* int or int64_t bytes */
	KEY_DECIMAL,  /* text: 0 or more, at most CONFIG_DECIMAL_DIGITS digits after the point */
	KEY_DATE,     /* int: year, month and day as digits, 20261001 */
	KEY_CHOICE,   /* one of choices; an enum */
	KEY_SECRET,   /* struct secret_reference */
	KEY_CONNECTION, /* text: an ODBC connection string without secrets */
	KEY_DSN,        /* text: a data source's name, kept as "DSN=name" */
	KEY_STREAM,     /* text: a stream's name, [a-z0-9-] and at most one {entity} */
	KEY_NAMES,      /* list of names: char[][CONFIG_NAME_MAX]; where `choices` is set, these only */
	KEY_PATHS,      /* list of files' paths: char[][CONFIG_PATH_MAX] */
	KEY_HOSTS,      /* list of host:port: struct config_host[] */
	KEY_PARAMETERS, /* mapping of text: struct config_parameter[] */
	KEY_MAP,        /* a section; its keys have offsets of their own */
	KEY_LIST,       /* list of mappings: structs of element_size bytes */
};

struct key_choice {
	const char *name; /* NULL ends the list */
	int value;
};

struct key {
	const char *name; /* dotted: "uplink.in_flight" */
	enum key_type type;
	bool required;
	const char *fallback; /* the default as written in the file; NULL: none (stays empty) */
	/* Integer, decimal, date: the value. Duration: ns. Size: bytes. Texts: bytes of length. Lists: entries. */
	int64_t minimum;
	int64_t maximum;
	bool zero; /* 0 is allowed besides minimum to maximum */
	const struct key_choice *choices;
	const char *characters;
	size_t offset;       /* into struct config, or into the list's element */
	size_t size;         /* of the member; of one element for lists */
	size_t count_offset; /* lists: where the int with the number of entries is */
	const char *summary; /* one line, begins lower-case, no full stop */
	const char *details; /* sentences; NULL: nothing more to say */
	const char *example; /* a value for a reader; NULL: the default will do */
};

int key_count(void);
const struct key *key_at(int index);  /* 0..key_count()-1 */
int key_index(const struct key *key); /* of a key of the table: its place in it */
/* By its dotted name; NULL: none. */
const struct key *key_find(struct span name);
/* The key called `local` inside section ("" is the top); NULL: none. */
const struct key *key_in(const char *section, struct span local);
/* Is key directly inside section? */
bool key_is_in(const struct key *key, const char *section);
bool key_is_section(const struct key *key);        /* a mapping, or a list of mappings: has keys of its own */
const char *key_local_name(const struct key *key); /* "in_flight" of "uplink.in_flight" */
const char *key_type_text(const struct key *key);  /* "duration", "list of names", ... */

/* Appends what is allowed: "1 to 1000", "1m to 30d, or 0", "auto, 5 or 3.1.1". */
void key_allowed(const struct key *key, struct buf *out);
/* The key of section (NULL: of all, compared by their dotted names) whose name is nearest to `local`; NULL: none is
 * near enough to be what was meant. */
const struct key *key_nearest(const char *section, struct span local);

#endif
