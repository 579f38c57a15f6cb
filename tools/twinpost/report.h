/*
 * report.h - reports of a comparison: HTML, XLSX, CSV and JSON, made from a result directory.
 *
 * Why:   people sign what they can read; what is shown of a comparison comes from its result directory alone.
 * Owns:  nothing.
 * Rules: 1. The same result directory gives the same bytes, in every format: no clock, no name of a machine or folder.
 *        2. A result that is damaged, cut short or at odds with itself is never shown as good: ERR_CORRUPT where it
 *           cannot be read, the verdict "incomplete" where its figures do not fit together (report_figures.h).
 *        3. A report that could not be finished leaves no file behind.
 *        4. Amounts of different currencies are never added or ranked against each other.
 *        5. Memory does not grow with the number of differences.
 * Faults: no such folder, damaged files, no room, no right to write: each told with the file and what to do.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py, tests/unit/report_test.c, tests/fuzz/report_fuzz.c
 */
#ifndef TWINPOST_REPORT_H
#define TWINPOST_REPORT_H

#include "hal/base/bytes.h"

/* X(identifier, "name", "what it is") */
#define REPORT_FORMATS(X)                                                          \
	X(HTML, "html", "one page with charts, for reading and printing")          \
	X(XLSX, "xlsx", "a workbook with real numbers and dates")                  \
	X(CSV, "csv", "a folder with one file for each table")                     \
	X(CSV_BOM, "csv-bom", "the same with a byte order mark, for spreadsheets") \
	X(JSON, "json", "the whole result in one document")

enum report_format {
#define REPORT_FORMAT_ENUM(identifier, name, text) REPORT_##identifier,
	REPORT_FORMATS(REPORT_FORMAT_ENUM)
#undef REPORT_FORMAT_ENUM
	    REPORT_FORMAT_COUNT
};

/* "html" and so on; false: there is no such format. */
MUST_USE bool report_format_of(const char *name, enum report_format *format);
/* Writes it to path: a file that is replaced whole, for CSV a folder. */
MUST_USE enum err report_write(const char *result_directory, enum report_format format, const char *path,
                               struct err_info *info);

/* The same with limits of one's own: for tests. */
struct report_limits {
	int64_t html_rows;  /* differences, balances or accepted ones that one page holds */
	int64_t sheet_rows; /* of a sheet of a workbook, its head among them */
};
#define REPORT_LIMITS_DEFAULT ((struct report_limits){500, 1048576})
MUST_USE enum err report_write_limited(const char *result_directory, enum report_format format,
                                       const char *path, const struct report_limits *limits,
                                       struct err_info *info);

#endif
