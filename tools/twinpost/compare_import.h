/*
 * compare_import.h - documents of a CSV file into a ledger.
 *
 * Why:   a cloud ledger may be had as an export alone, and a comparison of two files needs no agent.
 * Owns:  nothing.
 * Rules: 1. The format is docs/compare/csv.md. The first error ends the import; nothing is guessed.
 *        2. A document counts as arrived on its posting date: a file does not say when.
 * Faults: any file: told with line and column.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_import_test.c
 */
#ifndef TWINPOST_COMPARE_IMPORT_H
#define TWINPOST_COMPARE_IMPORT_H

#include "connector/compare/project.h"

/* In the ledger's open transaction. *newest: the highest posting date, where it is higher. */
MUST_USE enum err compare_import(struct projector *projector, enum ledger_side side, const char *path,
                                 date_days *newest, struct err_info *info);

#endif
