/*
 * file_linux.c - reads a small local file whole.
 *
 * Why:   see file_linux.h.
 * Owns:  the descriptor during the call.
 * Runs in: every process.
 * Tests: tests/unit/file_linux_test.c
 */
#include "hal/linux/file_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 4096

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
