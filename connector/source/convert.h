/*
 * convert.h - from the text of a column to a typed value, as a profile says.
 *
 * Why:   every ERP encodes dates, amounts, codes and blanks in its own way; a value is read exactly or
 *        refused.
 * Owns:  nothing: struct conversion belongs to its profile; results borrow from the row or from the scratch.
 * Rules: 1. A value is converted exactly, or is absent (NULL, blank, a zero date), or is a problem that names
 *           the column, what it holds and what was expected. Nothing is guessed, rounded or cut.
 *        2. Blank numbers, dates and texts are absent; blanks around them do not count (kind text keeps
 *           them).
 *        3. No memory is allocated.
 * Faults: any text a driver can deliver: NaN, 1e5, 40 digits, 31 February, a column that is too long or no
 *         UTF-8.
 * Runs in: the core.
 * Tests: tests/unit/convert_test.c
 */
#ifndef TWINPOST_CONVERT_H
#define TWINPOST_CONVERT_H

#include "connector/posting/document.h"
#include "connector/source/source_protocol.h"

#define CONVERT_TEXT_MAX  8192 /* of joined texts and subjects of one field, with their parts */
#define CONVERT_PARTS_MAX 8
#define CONVERT_DEPTH_MAX 4   /* of parts in parts */
#define CONVERT_RAW_MAX   100 /* bytes of a bad value that are shown */

/* X(identifier, name in `as`, what a good value is) */
#define CONVERSIONS_OF_COLUMN(X)                                                                     \
	X(TEXT, "text", "text, kept with its blanks")                                                \
	X(TRIM, "trim", "text")                                                                      \
	X(RTRIM, "rtrim", "text")                                                                    \
	X(INTEGER, "integer", "a whole number below 2^53")                                           \
	X(DECIMAL, "decimal", "a decimal number such as -12.50, at most 18 digits")                  \
	X(IMPLIED_DECIMALS, "implied_decimals", "a whole number without a point, at most 18 digits") \
	X(DATE_ISO, "date_iso", "a date such as 2024-02-29")                                         \
	X(DATE_YYYYMMDD, "date_yyyymmdd", "a date YYYYMMDD such as 20240229")                        \
	X(DATE_CYYDDD, "date_cyyddd", "a date CYYDDD such as 124060, the 60th day of 2024")          \
	X(PRESENT, "present", "any value: true unless it is NULL, blank or zero")

enum conversion_kind {
#define CONVERSION_ENUM(identifier, name, text) CONVERT_##identifier,
	CONVERSIONS_OF_COLUMN(CONVERSION_ENUM)
#undef CONVERSION_ENUM
	    CONVERT_COLUMN_KINDS,
	CONVERT_MAP = CONVERT_COLUMN_KINDS, /* a code and what it means */
	CONVERT_CONSTANT,
	CONVERT_JOIN,       /* parts with a separator; absent parts are left out with theirs */
	CONVERT_ADD,        /* the sum of the parts that are present */
	CONVERT_FIRST,      /* the first part that is present */
	CONVERT_FY_CENTURY, /* two parts: 20 and 24 make 2024 */
	CONVERT_SUBJECT,    /* four parts: entity, type, year, number; absent where one is */
	CONVERT_SUM, /* of a field over a section's lines: made at the document's end, not by convert() */
	CONVERT_SETTLEMENT, /* open, partly_paid or paid, from two amounts of the header; made at its end too */
};

struct conversion_entry {
	struct span code;
	struct span meaning;
	bool boolean; /* of the meaning, where the field is one */
};

/* What a code that is not in the map means. */
enum conversion_otherwise { OTHERWISE_PROBLEM, OTHERWISE_ABSENT, OTHERWISE_MEANING };

struct conversion {
	enum conversion_kind kind;
	enum value_kind want;    /* what the map or the constant holds, what a part or a field wants */
	int16_t column;          /* of the feed, -1: none */
	int16_t when;            /* only where this column is present; -1: always */
	int16_t decimals_column; /* implied_decimals: how many; -1: fixed */
	int8_t decimals;
	uint16_t only;   /* document types (1 << type) it is for; 0: all */
	uint16_t negate; /* document types whose number changes its sign */
	const struct conversion *parts;
	int part_count;
	struct span separator; /* or the constant's text */
	int64_t integer;       /* the constant, or its boolean */
	const struct conversion_entry *entries;
	int entry_count;
	enum conversion_otherwise otherwise;
	struct conversion_entry otherwise_entry;
	int sum_section; /* CONVERT_SUM */
	int sum_slot;    /* CONVERT_SUM; CONVERT_SETTLEMENT: of the open amount in the header */
	int whole_slot;  /* CONVERT_SETTLEMENT: of the whole amount in the header */
};

enum converted_kind {
	CONVERTED_ABSENT,
	CONVERTED_TEXT,
	CONVERTED_DECIMAL,
	CONVERTED_INTEGER,
	CONVERTED_DATE,
	CONVERTED_BOOLEAN
};

struct converted {
	enum converted_kind kind;
	union {
		struct span text; /* borrowed from the row, the conversion or the scratch */
		struct decimal decimal;
		int64_t integer;
		date_days date;
		bool boolean;
	} as;
};

/* One row: values[columns[c]] is what the feed's column c holds. */
struct convert_row {
	const struct source_value *values;
	const int16_t *columns;
	enum document_type type;
};

struct convert_scratch {
	size_t used; /* set to 0 by the caller before each field */
	char text[CONVERT_TEXT_MAX];
};

struct convert_problem {
	int column; /* of the feed; -1: none in particular */
	const char *expected;
};

/* The kind of this name in `as`; false: none. */
MUST_USE bool conversion_find(enum conversion_kind *kind, struct span name);
/* What this conversion gives when it gives something. */
enum converted_kind conversion_result(const struct conversion *conversion);

/* false: *problem says which column is bad and what was expected. */
MUST_USE bool convert(const struct conversion *conversion, const struct convert_row *row,
                      struct convert_scratch *scratch, struct converted *out,
                      struct convert_problem *problem);
/* Any converted value as text: in *out, borrowed from it or from buffer. */
struct span converted_text(const struct converted *value, char buffer[DECIMAL_TEXT_MAX]);
/* Not NULL, not blank, not only zeros (0, 0.00). A bad value counts as present. */
bool convert_present(const struct source_value *value);
/* A whole number below 2^53, blanks around it and ".000" after it allowed. */
MUST_USE bool convert_integer(struct span text, int64_t *out);

/* Appends at most CONVERT_RAW_MAX bytes of the value, printable, for a person: quoted text, NULL, or what is
 * wrong. */
void convert_show(const struct source_value *value, struct buf *out);

#endif
