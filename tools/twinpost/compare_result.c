/*
 * compare_result.c - see compare_result.h.
 *
 * Why:   see compare_result.h.
 * Owns:  see compare_result.h.
 * Rules: as in compare_result.h.
 * Faults: see compare_result.h.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_result_test.c
 */
#include "tools/twinpost/compare_result.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE     4200
#define ID_DIGITS     6
#define FILE_BUFFER   (256 * 1024)
#define FOLDER_RIGHTS 0750

struct compare_result {
	char path[PATH_SIZE];
	char part[PATH_SIZE + 8];
	int folder; /* of the part, locked; -1: not */
	FILE *files[RUN_FILE_COUNT];
};

static enum err system_error(const char *doing, const char *path, struct err_info *info)
{
	int code = errno;
	enum err err = code == ENOSPC || code == EDQUOT  ? ERR_FULL
	               : code == EACCES || code == EPERM ? ERR_DENIED
	                                                 : ERR_IO;
	return err_set(info, err, "%.300s: %s: %s", path, doing, strerror(code));
}

static void name_file(const struct compare_result *result, enum run_file file, char path[PATH_SIZE + 64])
{
	(void)snprintf(path, PATH_SIZE + 64, "%s/%s", result->part, run_file_name(file));
}

/* What a run that was broken off has left is written over; what another one writes to is not. */
static enum err lock_folder(struct compare_result *result, struct err_info *info)
{
	int folder = open(result->part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return system_error("it cannot be opened", result->part, info);
	if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
		result->folder = folder;
		return ERR_OK;
	}
	enum err err =
	    errno == EWOULDBLOCK
		? err_set(info, ERR_CONFLICT,
	                  "another comparison is writing %.300s at this moment; wait for it, or choose "
	                  "another --output",
	                  result->path)
		: system_error("it cannot be locked", result->part, info);
	(void)close(folder);
	return err;
}

enum err compare_result_begin(const char *path, struct compare_result **out, struct err_info *info)
{
	struct stat found;
	struct compare_result *result = mem_alloc(sizeof *result);
	char name[PATH_SIZE + 64];
	enum err err = ERR_OK;
	if (!text_copy(result->path, sizeof result->path - 64, span_of(path))) {
		free(result);
		return err_set(info, ERR_TOO_LARGE, "the path of the result is too long");
	}
	if (lstat(path, &found) == 0) {
		free(result);
		return err_set(info, ERR_CONFLICT, "%.300s exists already; choose another --output", path);
	}
	(void)snprintf(result->part, sizeof result->part, "%s.part", result->path);
	*out = result;
	result->folder = -1;
	if (mkdir(result->part, FOLDER_RIGHTS) != 0 && errno != EEXIST)
		return system_error("the folder cannot be made", result->part, info);
	err = lock_folder(result, info);
	if (err != ERR_OK)
		return err;
	for (int file = 0; file < RUN_FILE_COUNT; file++) {
		name_file(result, (enum run_file)file, name);
		result->files[file] = fopen(name, "we");
		if (!result->files[file])
			return system_error("it cannot be written", name, info);
		(void)setvbuf(result->files[file], NULL, _IOFBF, FILE_BUFFER);
	}
	return ERR_OK;
}

enum err compare_result_line(void *self, enum run_file file, struct span line, struct err_info *info)
{
	struct compare_result *result = self;
	char name[PATH_SIZE + 64];
	if (fwrite(line.data, 1, line.len, result->files[file]) == line.len)
		return ERR_OK;
	name_file(result, file, name);
	return system_error("it cannot be written", name, info);
}

static enum err sync_folder(const char *path, struct err_info *info)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return system_error("it cannot be opened", path, info);
	int rc = fsync(folder);
	(void)close(folder);
	return rc == 0 ? ERR_OK : system_error("it cannot be synced", path, info);
}

enum err compare_result_finish(struct compare_result *result, struct err_info *info)
{
	char name[PATH_SIZE + 64];
	enum err err = ERR_OK;
	for (int file = 0; file < RUN_FILE_COUNT && err == ERR_OK; file++) {
		FILE *stream = result->files[file];
		name_file(result, (enum run_file)file, name);
		result->files[file] = NULL;
		if (fflush(stream) != 0 || fsync(fileno(stream)) != 0)
			err = system_error("it cannot be written", name, info);
		if (fclose(stream) != 0 && err == ERR_OK)
			err = system_error("it cannot be written", name, info);
	}
	if (err == ERR_OK)
		err = sync_folder(result->part, info);
	if (err == ERR_OK && rename(result->part, result->path) != 0)
		err = system_error("it cannot be put in its place", result->path, info);
	if (err != ERR_OK) {
		compare_result_abandon(result);
		return err;
	}
	(void)close(result->folder);
	free(result);
	return ERR_OK;
}

void compare_result_abandon(struct compare_result *result)
{
	char name[PATH_SIZE + 64];
	if (!result)
		return;
	/* Not locked: the files are another's. */
	for (int file = 0; file < RUN_FILE_COUNT; file++) {
		if (result->files[file])
			(void)fclose(result->files[file]);
		name_file(result, (enum run_file)file, name);
		if (result->folder >= 0)
			(void)unlink(name);
	}
	if (result->folder >= 0) {
		(void)rmdir(result->part);
		(void)close(result->folder);
	}
	free(result);
}

/* ---- the folders of all runs ---- */

static int64_t number_of(const char *name)
{
	int64_t number = 0;
	for (int i = 0; i < ID_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		number = number * 10 + (name[i] - '0');
	}
	return name[ID_DIGITS] == 0 ? number : -1;
}

/* The highest number; 0: none, -1: the folder cannot be read. */
static int64_t highest(const char *directory)
{
	DIR *folder = opendir(directory);
	int64_t most = 0;
	const struct dirent *entry;
	if (!folder)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(folder)) != NULL) {
		int64_t number = number_of(entry->d_name);
		most = number > most ? number : most;
	}
	(void)closedir(folder);
	return most;
}

enum err compare_result_next(const char *directory, char id[16], char path[PATH_SIZE], struct err_info *info)
{
	if (mkdir(directory, FOLDER_RIGHTS) != 0 && errno != EEXIST)
		return system_error("the folder of the results cannot be made (--output names another)",
		                    directory, info);
	int64_t number = highest(directory);
	if (number < 0)
		return system_error("it cannot be read; run as the agent's user", directory, info);
	(void)snprintf(id, 16, "%06lld", (long long)(number + 1) % 1000000);
	(void)snprintf(path, PATH_SIZE, "%s/%s", directory, id);
	return ERR_OK;
}

enum err compare_result_newest(const char *directory, char path[PATH_SIZE], struct err_info *info)
{
	int64_t number = highest(directory);
	if (number < 0)
		return system_error("it cannot be read; run as the agent's user", directory, info);
	if (number == 0)
		return err_set(info, ERR_NOT_FOUND,
		               "%.300s holds no comparison yet; make one: twinpost compare run", directory);
	(void)snprintf(path, PATH_SIZE, "%s/%06lld", directory, (long long)number);
	return ERR_OK;
}
