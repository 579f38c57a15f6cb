/*
 * report_table.h - the tables of a result as rows and columns, for CSV and XLSX.
 *
 * Why:   a spreadsheet and a CSV file hold the same columns in the same order under the same names.
 * Owns:  nothing.
 * Rules: 1. A value is text as it stands in the result, whole; a list becomes one text.
 *        2. Rows are in the order of the result.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_TABLE_H
#define TWINPOST_REPORT_TABLE_H

#include "tools/twinpost/report_figures.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_AMOUNT,
	COLUMN_COUNT,
	COLUMN_SHARE,
	COLUMN_DATE,
	COLUMN_INSTANT,
	COLUMN_LIST,    /* of texts */
	COLUMN_MONEY,   /* list of currency and value */
	COLUMN_FIELDS,  /* what differs */
	COLUMN_CLASSES, /* object of counts */
	COLUMN_FLAG     /* yes or no */
};

#define TABLE_COLUMNS_MOST 24

struct column {
	const char *head;
	const char *outer; /* member of the row that holds it; NULL: the row itself */
	const char *name;
	enum column_kind kind;
	int width; /* in characters */
};

/* X(identifier, "file", "sheet") */
#define REPORT_TABLES(X)                             \
	X(WATERFALL, "waterfall", "Completeness")    \
	X(BRIDGE, "bridge", "Bridge")                \
	X(BALANCES, "balances", "Trial balances")    \
	X(TAX, "tax", "Tax")                         \
	X(DIFFERENCES, "differences", "Differences") \
	X(CAUSES, "causes", "Causes")                \
	X(ACCEPTED, "accepted", "Accepted")          \
	X(DAYS, "days", "Days")                      \
	X(READINESS, "readiness", "Readiness")       \
	X(USAGE, "usage", "Usage")                   \
	X(DOCUMENTS, "documents", "Documents")

enum report_table {
#define REPORT_TABLE_ENUM(identifier, file, sheet) TABLE_##identifier,
	REPORT_TABLES(REPORT_TABLE_ENUM)
#undef REPORT_TABLE_ENUM
	    REPORT_TABLE_COUNT
};

/* Is it to be shown? That of usage only where there is any. */
bool table_present(const struct figures *figures, enum report_table table);
const char *table_file(enum report_table table);
const char *table_sheet(enum report_table table);
/* The columns; *count says how many. */
const struct column *table_columns(enum report_table table, int *count);

/* One call for each row. Other than ERR_OK ends it. */
typedef enum err (*table_visitor)(void *self, const cJSON *row, struct err_info *info);
MUST_USE enum err table_visit(const struct figures *figures, enum report_table table, table_visitor visit,
                              void *self, struct err_info *info);
/* Appends the value of a row; nothing where it has none. */
void table_value(const struct column *column, const cJSON *row, struct buf *out);

/* The summary: name and value, in order. amount: it may be shown as a number of this currency. */
typedef void (*summary_visitor)(void *self, const char *name, const char *value, enum column_kind kind);
void table_summary(const struct figures *figures, summary_visitor visit, void *self);

#endif
