/*
 * pack_files.h - the files of a pack, or of a comparison's result directory: read from a folder or a tar file,
 * written again.
 *
 * Why:   making, verifying and proving all look at the same set of named byte runs; where they lie is nobody's
 *        business but this file's.
 * Owns:  the mappings and copies behind every run, until release.
 * Rules: 1. A path has one or two parts of [A-Za-z0-9._-], none begins with a dot or a dash: nothing can lead out of
 *           the folder, and no tool takes one for an option.
 *        2. Regular files alone: links, pipes and devices are refused, not followed and not passed over.
 *        3. Files are kept sorted by the bytes of their paths, each once.
 *        4. A tar file holds one folder of regular files (POSIX ustar). What is written is the same bytes for the same
 *           files: sorted, owner 0, mode 0644, one time.
 *        5. Nothing that exists is written over.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"
 * Faults: any folder and any bytes: the first thing that is wrong is told with its path.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_files_test.c, tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_FILES_H
#define TWINPOST_PACK_FILES_H

#include "hal/base/bytes.h"

#define PACK_FILES_MAX 1000
#define PACK_PATH_MAX  50 /* with a folder in front it fits a name of tar */
/* Of tar. */
#define PACK_TAR_BLOCK  512
#define PACK_TAR_RECORD 10240

struct pack_file {
	char path[PACK_PATH_MAX + 1];
	struct span bytes;
	void *mapped; /* NULL: not mapped */
	char *copied; /* NULL: not a copy */
};

struct pack_files {
	struct pack_file *list;
	int count;
	void *tar; /* the whole tar file, mapped; NULL: it came from a folder */
	size_t tar_len;
};

bool pack_path_valid(struct span path);

void pack_files_init(struct pack_files *files);
void pack_files_release(struct pack_files *files);
/* Reads a folder, two levels deep, or a tar file. ERR_NOT_FOUND, ERR_BAD_INPUT, ERR_TOO_LARGE, ERR_IO. */
MUST_USE enum err pack_files_open(struct pack_files *files, const char *path, struct err_info *info);
/* The same from the bytes of a tar file, which are borrowed. */
MUST_USE enum err pack_files_open_tar(struct pack_files *files, struct span tar, struct err_info *info);
/* Adds bytes that are borrowed: for readers of other forms. */
MUST_USE enum err pack_files_take(struct pack_files *files, struct span path, struct span bytes,
                                  struct err_info *info);
/* NULL: there is none. */
const struct pack_file *pack_files_find(const struct pack_files *files, const char *path);
/* Adds a copy of the bytes; the path is valid and not there yet. */
void pack_files_add(struct pack_files *files, const char *path, struct span bytes);
/* Puts a copy of the bytes in place of those that the file has. */
void pack_files_replace(struct pack_files *files, const char *path, struct span bytes);

/* Makes the folder with all files in it; `last` (NULL: none) is written behind all others. */
MUST_USE enum err pack_files_write(const struct pack_files *files, const char *folder, const char *last,
                                   struct err_info *info);
/* Makes the tar file: everything in the folder of that name, at that time. */
MUST_USE enum err pack_files_write_tar(const struct pack_files *files, const char *path, const char *folder,
                                       int64_t time_s, struct err_info *info);
/* Appends the head that stands before the file in a tar. */
void pack_tar_head(struct buf *out, const char *folder, const struct pack_file *file, int64_t time_s);
/* Makes a new file with these bytes; mode as of open(2). ERR_CONFLICT: it is there already. */
MUST_USE enum err pack_write_new(const char *path, struct span bytes, unsigned mode, struct err_info *info);
/* Puts the bytes in place of a file, whole or not at all. */
MUST_USE enum err pack_write_over(const char *path, struct span bytes, struct err_info *info);

#endif
