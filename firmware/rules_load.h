/*
 * rules_load.h - reads a directory of CSV files into the comparison's rules.
 *
 * Why:   the agent, `twinpost mapping check` and the comparison take and refuse the same files with the same words.
 * Owns:  nothing after the call; the rules are the caller's.
 * Rules: 1. Every name that ends in .csv, in any case, is one of the rules' files; one that is none of them is a
 *           problem, for a misspelt mapping would silently leave its codes as they are. Other names, and those that
 *           begin with a dot (editors and spreadsheets keep such files), are left alone.
 *        2. Files are read in the order of their names, so that problems always come in the same order.
 * Faults: an absent or unreadable directory or file: its error, and nothing is read on. Problems of files: all told.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_load_test.c
 */
#ifndef TWINPOST_RULES_LOAD_H
#define TWINPOST_RULES_LOAD_H

#include "connector/compare/rules.h"
#include "firmware/load.h"

#define RULES_NAMES_BYTES_MAX (64u * 1024u)

/* Appends the name of every entry of the directory, each with its closing zero, in any order; hal/linux gives it
 * (file_linux_list), tests may give another. */
typedef enum err (*load_lister)(const char *directory, struct buf *names, struct err_info *info);

/* ERR_OK: *rules is finished, free it with rules_free(). ERR_BAD_INPUT: *problems has at least one. Others: info says
 * which file and why. *rules is NULL unless ERR_OK. An empty directory is good: rules without any file. */
MUST_USE enum err rules_load(const char *directory, load_reader read_file, load_lister list_files,
                             struct rules **rules, struct rules_problems *problems, struct err_info *info);
/* Appends "directory/file:line: text" lines. */
void rules_problems_print(const struct rules_problems *problems, const char *directory, struct buf *out);

#endif
