/*
 * rules_csv.h - one CSV file as rows of named columns.
 *
 * Why:   libcsv knows quotes and line ends; that a column has a name and a problem a line is ours.
 * Owns:  nothing after the call.
 * Rules: 1. A byte order mark is skipped. The separator is what stands first in the header row: comma or semicolon.
 *        2. The header row names every column that must be there, each once and no other, in any order and case.
 *        3. Quoting is strict, text is UTF-8, every row has as many fields as the header. Rows whose fields are all
 *           empty, as spreadsheets leave them behind, do not count.
 *        4. Fields come without blanks around them, also where they were quoted.
 * Faults: each with its line; what cannot be read on after ends the file (quotes, UTF-8, header).
 * Source: RFC 4180.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_csv_test.c, tests/fuzz/rules_fuzz.c
 */
#ifndef TWINPOST_RULES_CSV_H
#define TWINPOST_RULES_CSV_H

#include "connector/compare/rules.h"

#define CSV_COLUMNS_MAX 8
/* More than codes, dates and a note can fill: a quote that is not closed swallows rows until here. */
#define CSV_ROW_BYTES_MAX (16u * 1024u)

struct rules_csv_column {
	const char *name; /* in lower case */
	bool optional;
};

/* fields[i] is that of columns[i], empty where the file has no such column; borrowed during the call. line: where the
 * row begins. false: no further rows are wanted. */
typedef bool (*rules_csv_row)(void *self, int line, const struct span *fields);

/* file: for problems. false: problems were told here, or by a row (who tells counts itself). */
MUST_USE bool rules_csv_read(const char *file, struct span text, const struct rules_csv_column *columns,
                             int count, struct rules_problems *problems, rules_csv_row row, void *self);

/* Adds "file:line: text" to the problems; line 0: the whole file. */
void rules_tell(struct rules_problems *problems, const char *file, int line, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
