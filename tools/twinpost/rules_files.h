/*
 * rules_files.h - the rules of a directory, for every command that needs them.
 *
 * Why:   the command line reads files by itself, but no rules of its own: firmware/rules_load.h does.
 * Owns:  nothing after the call; the rules are the caller's.
 * Rules: as in firmware/rules_load.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_mapping.py
 */
#ifndef TWINPOST_RULES_FILES_H
#define TWINPOST_RULES_FILES_H

#include "firmware/rules_load.h"

/* rules_load() of the files on this machine. */
MUST_USE enum err rules_read_directory(const char *directory, struct rules **rules,
                                       struct rules_problems *problems, struct err_info *info);

#endif
