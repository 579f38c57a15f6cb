/*
 * report_write.h - the writers of the formats, behind report.h, and the file that appears whole or not at all.
 *
 * Why:   a report that was cut short by a full disk must not lie about; so each is written beside its name and renamed.
 * Owns:  struct report_file owns the open file until it is closed or dropped.
 * Rules: report.h, rule 3.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_WRITE_H
#define TWINPOST_REPORT_WRITE_H

#include <stdio.h>

#include "tools/twinpost/report_figures.h"

struct report_file {
	FILE *file;
	char *path, *beside; /* beside: where it is written */
};
MUST_USE enum err report_file_open(struct report_file *file, const char *path, struct err_info *info);
/* Gives it its name, if err is ERR_OK and all could be written; drops it otherwise. */
MUST_USE enum err report_file_close(struct report_file *file, enum err err, struct err_info *info);

MUST_USE enum err report_write_html(const struct figures *figures, const struct report_limits *limits,
                                    const char *path, struct err_info *info);
MUST_USE enum err report_write_xlsx(const struct figures *figures, const struct report_limits *limits,
                                    const char *path, struct err_info *info);
MUST_USE enum err report_write_csv(const struct figures *figures, bool mark, const char *folder,
                                   struct err_info *info);
MUST_USE enum err report_write_json(const struct figures *figures, const char *path, struct err_info *info);

#endif
