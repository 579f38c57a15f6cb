/*
 * file_linux.c - reads a small local file whole; lists a small directory.
 *
 * Why:   see file_linux.h.
 * Owns:  the descriptor during the call.
 * Runs in: every process.
 * Tests: tests/unit/file_linux_test.c
 */
#include "hal/linux/file_linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 4096
#define NAMES_MAX   (64u * 1024u)
/* FNV-1a, 64 bits (draft-eastlake-fnv, section 5). */
#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME  UINT64_C(1099511628211)

static enum err failed(struct err_info *info, const char *path, int error)
{
	enum err code = ERR_IO;
	if (error == ENOENT || error == ENOTDIR)
		code = ERR_NOT_FOUND;
	else if (error == EACCES || error == EPERM)
		code = ERR_DENIED;
	else if (error == EISDIR)
		code = ERR_BAD_INPUT;
	return err_set(info, code, "%s cannot be read: %s", path, strerror(error));
}

enum err file_linux_read(const char *path, struct buf *out, struct err_info *info)
{
	buf_clear(out);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(info, path, errno);
	enum err err = ERR_OK;
	for (;;) {
		uint8_t piece[PIECE_BYTES];
		ssize_t got = read(fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = failed(info, path, errno);
		if (got <= 0)
			break;
		buf_append(out, piece, (size_t)got);
		if (!buf_ok(out)) {
			err = err_set(info, ERR_TOO_LARGE, "%s is longer than %zu bytes", path, out->max);
			break;
		}
	}
	(void)close(fd);
	return err;
}

enum err file_linux_list(const char *directory, struct buf *names, struct err_info *info)
{
	enum err err = ERR_OK;
	DIR *open_directory = opendir(directory);
	if (!open_directory)
		return errno == ENOTDIR ? err_set(info, ERR_BAD_INPUT, "%s is no directory", directory)
		                        : failed(info, directory, errno);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(open_directory);
		if (!entry) {
			err = errno ? failed(info, directory, errno) : ERR_OK;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
		if (!buf_ok(names)) {
			err = err_set(info, ERR_TOO_LARGE, "%s holds more names than %zu bytes", directory,
			              names->max);
			break;
		}
	}
	(void)closedir(open_directory);
	return err;
}

static void mix(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ bytes[i]) * FNV_PRIME;
}

/* Of one entry; entries are added up, for they come in no order. */
static uint64_t entry_stamp(int directory, const char *name)
{
	struct stat stat;
	uint64_t hash = FNV_OFFSET;
	mix(&hash, name, strlen(name));
	/* One that vanished meanwhile is its name alone: the next stamp is another one. */
	if (fstatat(directory, name, &stat, 0) != 0)
		return hash;
	const int64_t facts[] = {(int64_t)stat.st_size,        (int64_t)stat.st_ino,
	                         (int64_t)stat.st_mtim.tv_sec, (int64_t)stat.st_mtim.tv_nsec,
	                         (int64_t)stat.st_ctim.tv_sec, (int64_t)stat.st_ctim.tv_nsec};
	mix(&hash, facts, sizeof facts);
	return hash;
}

enum err file_linux_stamp(const char *directory, uint64_t *stamp, struct err_info *info)
{
	struct buf names;
	buf_init(&names, NAMES_MAX);
	enum err err = file_linux_list(directory, &names, info);
	int fd = err == ERR_OK ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (err == ERR_OK && fd < 0)
		err = failed(info, directory, errno);
	*stamp = 0;
	for (size_t at = 0; err == ERR_OK && at < names.len;) {
		const char *name = (const char *)names.data + at;
		*stamp += entry_stamp(fd, name);
		at += strlen(name) + 1;
	}
	if (fd >= 0)
		(void)close(fd);
	buf_release(&names);
	return err;
}
