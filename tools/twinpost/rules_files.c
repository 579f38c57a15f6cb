/*
 * rules_files.c - lists a directory for firmware/rules_load.h.
 *
 * Why:   see rules_files.h.
 * Owns:  the open directory during the call.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_mapping.py
 */
#include "tools/twinpost/rules_files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "tools/twinpost/commands.h"

static enum err list_files(const char *directory, struct buf *names, struct err_info *info)
{
	DIR *opened = opendir(directory);
	if (!opened) {
		enum err err = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
		return err_set(info, err, "%s cannot be read: %s", directory, strerror(errno));
	}
	for (const struct dirent *entry; (errno = 0, entry = readdir(opened));)
		buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
	int error = errno;
	(void)closedir(opened);
	return error ? err_set(info, ERR_IO, "%s cannot be read: %s", directory, strerror(error)) : ERR_OK;
}

enum err rules_read_directory(const char *directory, struct rules **rules, struct rules_problems *problems,
                              struct err_info *info)
{
	return rules_load(directory, file_read, list_files, rules, problems, info);
}
