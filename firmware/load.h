/*
 * load.h - finds and parses the configuration and the profiles it names.
 *
 * Why:   `twinpost run` and `twinpost config check` accept and refuse the same files with the same words.
 * Owns:  struct loaded owns the configuration and the profiles.
 * Rules: 1. A profile with a slash in its name is a path; another is NAME.yaml in the folder of profiles.
 *        2. Every problem of every file is told, each as "file:line:column: what is wrong; what is allowed".
 * Runs in: the core, the CLI.
 * Tests: tests/unit/load_test.c, tests/integration
 */
#ifndef TWINPOST_LOAD_H
#define TWINPOST_LOAD_H

#include "config/config.h"
#include "connector/source/profile.h"
#include "connector/uplink/inbox.h"

struct loaded {
	struct config config;
	struct profile *profiles[CONFIG_SOURCES_MAX]; /* one per source, same order */
	struct cloud_keys keys;
};

/* Reads a whole file into out; hal/linux gives it, tests may give another. */
typedef enum err (*load_reader)(const char *path, struct buf *out, struct err_info *info);

/* The configuration alone, without what it names. */
MUST_USE bool load_config(struct config *config, const char *path, load_reader read_file, struct buf *out);
/* Appends one line per problem to out. true: none; then *loaded is whole. profile_folder: where bare names are looked
 * up. Release *loaded in either case. */
MUST_USE bool load_all(struct loaded *loaded, const char *path, const char *profile_folder,
                       load_reader read_file, struct buf *out);
void loaded_release(struct loaded *loaded);

#endif
