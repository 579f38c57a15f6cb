/*
 * report_result.h - reads a result directory: run.json whole, the tables line by line.
 *
 * Why:   a million differences are read without a million differences in memory; and nobody shows half a result.
 * Owns:  struct result owns run.json as parsed; a line lives while it is visited.
 * Rules: 1. Format 1 alone (docs/compare/result.md). Members that are not known are left alone.
 *        2. Each table has the lines, bytes and SHA-256 that run.json names, looked at on every reading; whoever visits
 *           keeps nothing of what was visited until result_visit() has returned ERR_OK.
 * Faults: absent, unreadable, no JSON, cut short, changed: told with file and line.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_RESULT_H
#define TWINPOST_REPORT_RESULT_H

#include <cjson/cJSON.h>

#include "hal/base/bytes.h"

#define RESULT_RUN_BYTES_MAX  (64u * 1024u * 1024u)
#define RESULT_LINE_BYTES_MAX (1024u * 1024u)

/* X(identifier, "name of the file without .ndjson") */
#define RESULT_TABLES(X)              \
	X(BALANCES, "balances")       \
	X(TAX, "tax")                 \
	X(DIFFERENCES, "differences") \
	X(DOCUMENTS, "documents")     \
	X(USAGE, "usage")

enum result_table {
#define RESULT_TABLE_ENUM(identifier, name) RESULT_##identifier,
	RESULT_TABLES(RESULT_TABLE_ENUM)
#undef RESULT_TABLE_ENUM
	    RESULT_TABLE_COUNT
};
const char *result_table_name(enum result_table table);
/* Comparisons of before did not write it: where run.json does not name it, it has no lines. */
bool result_table_optional(enum result_table table);

struct result {
	const char *folder; /* borrowed */
	cJSON *run;
	struct buf text; /* of run.json, without its line end */
	char run_sha256[65];
};

/* Close it after; what was not opened need not be, and may be. */
MUST_USE enum err result_open(struct result *result, const char *folder, struct err_info *info);
void result_close(struct result *result);
/* The entry of run.json for this table. */
const cJSON *result_file(const struct result *result, enum result_table table);

struct result_line {
	const cJSON *object;
	struct span text; /* as it stands, without its line end */
	int64_t number;   /* from 1 */
};
/* Other than ERR_OK ends the reading and is its result. */
typedef enum err (*result_visitor)(void *self, const struct result_line *line, struct err_info *info);
MUST_USE enum err result_visit(const struct result *result, enum result_table table, result_visitor visit,
                               void *self, struct err_info *info);

#endif
