/*
 * pack_files.c - reads and writes the files of a pack in a folder; the set of them.
 *
 * Why:   see pack_files.h.
 * Owns:  see pack_files.h.
 * Rules: as in pack_files.h. A folder is read through descriptors, with O_NOFOLLOW: what was looked at is what is
 *        read.
 * Faults: as in pack_files.h.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_files_test.c, tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4200

/* One part of a path: [A-Za-z0-9._-], and neither a dot nor a dash first. */
static bool part_valid(struct span part)
{
	static const char signs[] = "._-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	for (size_t i = 0; i < part.len; i++) {
		if (part.data[i] == 0 || !strchr(signs, part.data[i]))
			return false;
	}
	return part.len > 0 && part.data[0] != '.' && part.data[0] != '-';
}

bool pack_path_valid(struct span path)
{
	const char *slash = path.len > 0 ? memchr(path.data, '/', path.len) : NULL;
	if (path.len > PACK_PATH_MAX)
		return false;
	if (!slash)
		return part_valid(path);
	size_t len = (size_t)(slash - path.data);
	return part_valid((struct span){path.data, len}) &&
	       part_valid((struct span){slash + 1, path.len - len - 1});
}

/* ---- the set ---- */

void pack_files_init(struct pack_files *files)
{
	*files = (struct pack_files){.list = mem_alloc(PACK_FILES_MAX * sizeof *files->list)};
}

void pack_files_release(struct pack_files *files)
{
	for (int i = 0; i < files->count; i++) {
		if (files->list[i].mapped)
			(void)munmap(files->list[i].mapped, files->list[i].bytes.len);
		free(files->list[i].copied);
	}
	if (files->tar)
		(void)munmap(files->tar, files->tar_len);
	free(files->list);
	*files = (struct pack_files){.list = NULL};
}

/* Where path stands, or would stand. */
static int place_of(const struct pack_files *files, struct span path, bool *found)
{
	int i = 0;
	*found = false;
	while (i < files->count && !*found) {
		int order = span_compare(path, span_of(files->list[i].path));
		if (order < 0)
			break;
		*found = order == 0;
		i += !*found;
	}
	return i;
}

const struct pack_file *pack_files_find(const struct pack_files *files, const char *path)
{
	bool found;
	int i = place_of(files, span_of(path), &found);
	return found ? &files->list[i] : NULL;
}

/* A new row at its place; NULL: told in info. */
static struct pack_file *insert(struct pack_files *files, struct span path, struct err_info *info)
{
	bool found;
	if (!pack_path_valid(path)) {
		(void)err_set(info, ERR_BAD_INPUT,
		              "\"%.*s\": a file of a pack has a name of letters, digits, dot, dash and "
		              "underscore, in at most one folder, and at most %d bytes; take it away",
		              path.len < 120 ? (int)path.len : 120, path.data, PACK_PATH_MAX);
		return NULL;
	}
	int i = place_of(files, path, &found);
	if (found) {
		(void)err_set(info, ERR_BAD_INPUT, "%.*s is there twice", (int)path.len, path.data);
		return NULL;
	}
	if (files->count == PACK_FILES_MAX) {
		(void)err_set(info, ERR_TOO_LARGE,
		              "there are more than %d files; is it a comparison's folder?", PACK_FILES_MAX);
		return NULL;
	}
	memmove(&files->list[i + 1], &files->list[i], (size_t)(files->count - i) * sizeof *files->list);
	files->list[i] = (struct pack_file){.bytes = {NULL, 0}};
	CHECK(text_copy(files->list[i].path, sizeof files->list[i].path, path));
	files->count++;
	return &files->list[i];
}

void pack_files_add(struct pack_files *files, const char *path, struct span bytes)
{
	struct pack_file *file = insert(files, span_of(path), NULL);
	CHECK(file != NULL);
	file->copied = mem_copy_text(bytes);
	file->bytes = (struct span){file->copied, bytes.len};
}

void pack_files_replace(struct pack_files *files, const char *path, struct span bytes)
{
	bool found;
	int i = place_of(files, span_of(path), &found);
	CHECK(found);
	struct pack_file *file = &files->list[i];
	char *copied = mem_copy_text(bytes);
	if (file->mapped)
		(void)munmap(file->mapped, file->bytes.len);
	free(file->copied);
	file->mapped = NULL;
	file->copied = copied;
	file->bytes = (struct span){copied, bytes.len};
}

/* ---- reading a folder ---- */

static enum err io_failed(const char *path, struct err_info *info)
{
	int error = errno;
	enum err code = error == ENOENT ? ERR_NOT_FOUND : error == EACCES ? ERR_DENIED : ERR_IO;
	return err_set(info, code, "%.300s cannot be read: %s", path, strerror(error));
}

/* Maps the open regular file; an empty one has no mapping. */
static enum err map(int fd, size_t len, const char *path, void **mapped, struct err_info *info)
{
	*mapped = NULL;
	if (len == 0)
		return ERR_OK;
	void *at = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return io_failed(path, info);
	*mapped = at;
	return ERR_OK;
}

static enum err read_file(struct pack_files *files, int fd, const struct stat *state, const char *path,
                          struct err_info *info)
{
	void *mapped;
	enum err err = map(fd, (size_t)state->st_size, path, &mapped, info);
	if (err != ERR_OK)
		return err;
	struct pack_file *file = insert(files, span_of(path), info);
	if (!file) {
		if (mapped)
			(void)munmap(mapped, (size_t)state->st_size);
		return ERR_BAD_INPUT;
	}
	file->mapped = mapped;
	file->bytes = (struct span){mapped, (size_t)state->st_size};
	return ERR_OK;
}

static enum err read_folder(struct pack_files *files, int folder, const char *prefix, struct err_info *info);

static enum err read_entry(struct pack_files *files, int folder, const char *prefix, const char *name,
                           struct err_info *info)
{
	char path[PATH_SIZE];
	struct stat state;
	(void)snprintf(path, sizeof path, "%s%s", prefix, name);
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return err_set(info, ERR_BAD_INPUT, "%.300s is a link; a pack has files alone", path);
	if (fd < 0 || fstat(fd, &state) != 0) {
		enum err failed = io_failed(path, info);
		if (fd >= 0)
			(void)close(fd);
		return failed;
	}
	enum err err;
	if (S_ISREG(state.st_mode)) {
		err = read_file(files, fd, &state, path, info);
	} else if (S_ISDIR(state.st_mode) && prefix[0] == 0 && part_valid(span_of(name))) {
		(void)snprintf(path, sizeof path, "%s/", name);
		return read_folder(files, fd, path, info);
	} else {
		err = err_set(info, ERR_BAD_INPUT, "%.300s is no file that a pack may have", path);
	}
	(void)close(fd);
	return err;
}

/* Takes the descriptor over. */
static enum err read_folder(struct pack_files *files, int folder, const char *prefix, struct err_info *info)
{
	DIR *stream = fdopendir(folder);
	if (!stream) {
		enum err failed = io_failed(prefix, info);
		(void)close(folder);
		return failed;
	}
	enum err err = ERR_OK;
	const struct dirent *entry;
	while (err == ERR_OK && (entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = read_entry(files, dirfd(stream), prefix, entry->d_name, info);
	}
	(void)closedir(stream);
	return err;
}

enum err pack_files_open(struct pack_files *files, const char *path, struct err_info *info)
{
	struct stat state;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &state) != 0) {
		enum err failed = io_failed(path, info);
		if (fd >= 0)
			(void)close(fd);
		return failed;
	}
	if (S_ISDIR(state.st_mode))
		return read_folder(files, fd, "", info);
	enum err err = ERR_OK;
	if (!S_ISREG(state.st_mode)) {
		err = err_set(info, ERR_BAD_INPUT, "%.300s is neither a folder nor a file", path);
	} else {
		files->tar_len = (size_t)state.st_size;
		err = map(fd, files->tar_len, path, &files->tar, info);
	}
	(void)close(fd);
	if (err != ERR_OK)
		return err;
	return pack_files_open_tar(files, (struct span){files->tar, files->tar_len}, info);
}

enum err pack_files_take(struct pack_files *files, struct span path, struct span bytes, struct err_info *info)
{
	struct pack_file *file = insert(files, path, info);
	if (!file)
		return ERR_BAD_INPUT;
	file->bytes = bytes;
	return ERR_OK;
}

/* ---- writing ---- */

static enum err not_written(const char *path, int error, struct err_info *info)
{
	if (error == EEXIST)
		return err_set(
		    info, ERR_CONFLICT,
		    "%.300s exists already and is not written over; choose another name, or move it away",
		    path);
	return err_set(info, error == ENOSPC ? ERR_FULL : ERR_IO, "%.300s cannot be written: %s", path,
	               strerror(error));
}

static bool write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t done = write(fd, bytes.data, bytes.len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes.data += done;
		bytes.len -= (size_t)done;
	}
	return true;
}

/* Writes runs of bytes into a file that must not exist; on failure it is gone again. */
static enum err write_runs(const char *path, const struct span *runs, size_t count, unsigned mode,
                           struct err_info *info)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return not_written(path, errno, info);
	bool good = true;
	for (size_t i = 0; i < count && good; i++)
		good = write_all(fd, runs[i]);
	good = good && fsync(fd) == 0;
	int error = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error = errno;
	}
	if (good)
		return ERR_OK;
	(void)unlink(path);
	return not_written(path, error, info);
}

enum err pack_write_new(const char *path, struct span bytes, unsigned mode, struct err_info *info)
{
	return write_runs(path, &bytes, 1, mode, info);
}

enum err pack_write_over(const char *path, struct span bytes, struct err_info *info)
{
	char beside[PATH_SIZE];
	if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
		return not_written(path, ENAMETOOLONG, info);
	enum err err = pack_write_new(beside, bytes, 0644, info);
	if (err == ERR_OK && rename(beside, path) != 0) {
		err = not_written(path, errno, info);
		(void)unlink(beside);
	}
	return err;
}

/* The folder that a path of two parts needs. */
static enum err make_inner(const char *folder, const char *path, struct err_info *info)
{
	char inner[PATH_SIZE];
	const char *slash = strchr(path, '/');
	if (!slash)
		return ERR_OK;
	(void)snprintf(inner, sizeof inner, "%s/%.*s", folder, (int)(slash - path), path);
	return mkdir(inner, 0777) == 0 || errno == EEXIST ? ERR_OK : not_written(inner, errno, info);
}

static enum err write_one(const char *folder, const struct pack_file *file, struct err_info *info)
{
	char path[PATH_SIZE];
	if (snprintf(path, sizeof path, "%s/%s", folder, file->path) >= (int)sizeof path)
		return not_written(folder, ENAMETOOLONG, info);
	enum err err = make_inner(folder, file->path, info);
	return err == ERR_OK ? pack_write_new(path, file->bytes, 0666, info) : err;
}

enum err pack_files_write(const struct pack_files *files, const char *folder, const char *last,
                          struct err_info *info)
{
	if (mkdir(folder, 0777) != 0)
		return not_written(folder, errno, info);
	enum err err = ERR_OK;
	for (int i = 0; i < files->count && err == ERR_OK; i++) {
		if (!last || strcmp(files->list[i].path, last) != 0)
			err = write_one(folder, &files->list[i], info);
	}
	const struct pack_file *end = last ? pack_files_find(files, last) : NULL;
	return err == ERR_OK && end ? write_one(folder, end, info) : err;
}

enum err pack_files_write_tar(const struct pack_files *files, const char *path, const char *folder,
                              int64_t time_s, struct err_info *info)
{
	/* A head, the bytes and their padding for each file; the end. */
	size_t count = 0;
	struct span *runs = mem_alloc((3 * (size_t)files->count + 1) * sizeof *runs);
	struct buf heads;
	static const char zeros[PACK_TAR_RECORD];
	buf_init(&heads, (size_t)files->count * PACK_TAR_BLOCK);
	for (int i = 0; i < files->count; i++)
		pack_tar_head(&heads, folder, &files->list[i], time_s);
	CHECK(buf_ok(&heads));
	size_t len = 0;
	for (int i = 0; i < files->count; i++) {
		struct span bytes = files->list[i].bytes;
		size_t rest = bytes.len % PACK_TAR_BLOCK;
		runs[count++] =
		    (struct span){(const char *)heads.data + (size_t)i * PACK_TAR_BLOCK, PACK_TAR_BLOCK};
		runs[count++] = bytes;
		runs[count] = (struct span){zeros, rest ? PACK_TAR_BLOCK - rest : 0};
		len += PACK_TAR_BLOCK + bytes.len + runs[count++].len;
	}
	/* Two blocks of zeros end it, and more of them the record. */
	size_t end = 2 * (size_t)PACK_TAR_BLOCK;
	size_t over = (len + end) % PACK_TAR_RECORD;
	runs[count++] = (struct span){zeros, over ? end + PACK_TAR_RECORD - over : end};
	enum err err = write_runs(path, runs, count, 0666, info);
	buf_release(&heads);
	free(runs);
	return err;
}
