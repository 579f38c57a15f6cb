/*
 * rules_keeper.h - the comparison's rules while the agent runs: loaded at the start, and again when the files change.
 *
 * Why:   finance mends a mapping at noon, and what waited for it should go out without a restart.
 * Owns:  the rules in force, and those before them until the next look.
 * Rules: 1. The files are looked at every RULES_LOOK_NS by names, sizes and times, and read only where these have
 *           changed and then stood still from one look to the next: a spreadsheet may be half saved.
 *        2. Files with problems change nothing: the rules in force stay, and the problem is told until the files are
 *           good, or are again those that are in force.
 *        3. At the start there is nothing to stay with: files with problems are an error.
 * Faults: a directory that is gone or unreadable is a problem like others (rule 2).
 * Runs in: the core.
 * Tests: tests/unit/rules_keeper_test.c, tests/integration/test_mapping.py
 */
#ifndef TWINPOST_RULES_KEEPER_H
#define TWINPOST_RULES_KEEPER_H

#include "firmware/rules_load.h"
#include "hal/hal.h"

#define RULES_LOOK_NS (5 * NS_PER_S)

/* What names, sizes and times of a directory's files come to; hal/linux gives it (file_linux_stamp). */
typedef enum err (*load_stamper)(const char *directory, uint64_t *stamp, struct err_info *info);

struct rules_files {
	load_reader read;
	load_lister list;
	load_stamper stamp;
};

struct rules_keeper;

/* files are borrowed. ERR_BAD_INPUT: the files have problems, info tells the first; other errors as in rules_load(). */
MUST_USE enum err rules_keeper_open(const char *directory, const struct rules_files *files,
                                    int64_t now_mono_ns, struct rules_keeper **keeper, struct err_info *info);
void rules_keeper_close(struct rules_keeper *keeper); /* NULL is allowed */

/* Looks if it is time to. true: other rules are in force from now on; those before stay until the next look. */
MUST_USE bool rules_keeper_look(struct rules_keeper *keeper, int64_t now_mono_ns);
int64_t rules_keeper_due_ns(const struct rules_keeper *keeper); /* of the next look, monotonic */
const struct rules *rules_keeper_rules(const struct rules_keeper *keeper);
/* What is wrong with the files that are there now; "": nothing. */
const char *rules_keeper_problem(const struct rules_keeper *keeper);

#endif
