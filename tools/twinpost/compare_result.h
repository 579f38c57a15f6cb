/*
 * compare_result.h - the folder that a comparison writes: its lines, as they come, and then its place.
 *
 * Why:   a comparison that broke off must not leave a folder that looks like a whole one.
 * Owns:  the open files; the folder PATH.part until it is whole.
 * Rules: 1. Everything is written into PATH.part, synced, and renamed to PATH at the end. A PATH that exists is never
 *           written over.
 *        2. What is left in PATH.part after a failure is removed.
 *        3. One comparison at a time writes to a PATH: its part is locked.
 * Faults: no rights, a full disk: told with the path.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_result_test.c
 */
#ifndef TWINPOST_COMPARE_RESULT_H
#define TWINPOST_COMPARE_RESULT_H

#include "connector/compare/run.h"

struct compare_result;

/* ERR_CONFLICT: the path exists, or another comparison is writing it. */
MUST_USE enum err compare_result_begin(const char *path, struct compare_result **result,
                                       struct err_info *info);
/* run_sink.line, with the result as self. */
enum err compare_result_line(void *self, enum run_file file, struct span line, struct err_info *info);
/* Makes it whole; the result is freed in any case. */
MUST_USE enum err compare_result_finish(struct compare_result *result, struct err_info *info);
/* Takes it back. NULL is allowed. */
void compare_result_abandon(struct compare_result *result);

/* The folder of the next run in `directory`, which is made where there is none: "000012", and its path. */
MUST_USE enum err compare_result_next(const char *directory, char id[16], char path[4200],
                                      struct err_info *info);
/* The newest whole one. ERR_NOT_FOUND: none. */
MUST_USE enum err compare_result_newest(const char *directory, char path[4200], struct err_info *info);

#endif
