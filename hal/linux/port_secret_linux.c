/*
 * port_secret_linux.c - secrets and small files on Linux.
 *
 * Why:   see port_secret_linux.h.
 * Owns:  nothing; every descriptor is closed before return.
 * Rules: as in the header. The mode is taken from the open descriptor, so that the file that was judged is the file
 *        that is read.
 * Faults: see the header.
 * Runs in: source child, uplink child; the core for the seal of its keys.
 * Tests: tests/unit/secret_test.c
 */
#include "hal/linux/port_secret_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* rwx of those who are neither the owner nor of the group. */
#define MODE_OTHERS 0007
#define READ_BYTES  4096u

static enum err open_regular(const char *path, int *fd, struct stat *status, struct err_info *info)
{
	/* Not blocking: opening a FIFO that nobody writes to would hang. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0) {
		int error = errno;
		enum err err = error == ENOENT || error == ENOTDIR ? ERR_NOT_FOUND
		               : error == EACCES || error == EPERM ? ERR_DENIED
		                                                   : ERR_IO;
		return err_set(info, err, "cannot open %s: %s", path, strerror(error));
	}
	enum err err = ERR_OK;
	if (fstat(*fd, status) != 0)
		err = err_set(info, ERR_IO, "cannot look at %s: %s", path, strerror(errno));
	else if (!S_ISREG(status->st_mode))
		err = err_set(info, ERR_BAD_INPUT, "%s is not a regular file", path);
	if (err != ERR_OK)
		(void)close(*fd);
	return err;
}

/* Up to size bytes; *len says how many there were. */
static enum err read_all(int fd, const char *path, char *bytes, size_t size, size_t *len,
                         struct err_info *info)
{
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, bytes + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(info, ERR_IO, "cannot read %s: %s", path, strerror(errno));
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return ERR_OK;
}

/* Takes len bytes that stand in secret->bytes; what names the place for people. */
static enum err finish(struct secret *secret, size_t len, const char *what, const char *name,
                       struct err_info *info)
{
	if (len > 0 && secret->bytes[len - 1] == '\n')
		len--;
	if (len > SECRET_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE, "the secret in %s %s is over %d bytes", what, name,
		               SECRET_BYTES_MAX);
	if (len == 0)
		return err_set(info, ERR_NOT_FOUND, "%s %s holds nothing; put the secret there", what, name);
	if (memchr(secret->bytes, 0, len) != NULL)
		return err_set(info, ERR_BAD_INPUT, "the secret in %s %s has a zero byte inside", what, name);
	secret->bytes[len] = 0;
	secret->len = len;
	return ERR_OK;
}

static enum err from_file(const char *path, const char *what, struct secret *secret, size_t *len,
                          struct err_info *info)
{
	int fd;
	struct stat status;
	enum err err = open_regular(path, &fd, &status, info);
	if (err != ERR_OK)
		return err;
	/* One byte more than the longest secret: its newline. */
	_Static_assert(sizeof secret->bytes == SECRET_BYTES_MAX + 1, "a secret and its newline");
	if ((status.st_mode & MODE_OTHERS) != 0) {
		err = err_set(info, ERR_DENIED, "others may use %s (mode %04o); do: chmod o= %s", path,
		              (unsigned)(status.st_mode & 07777), path);
		goto out;
	}
	if (status.st_size > (off_t)sizeof secret->bytes) {
		err = err_set(info, ERR_TOO_LARGE, "the secret in %s %s is over %d bytes", what, path,
		              SECRET_BYTES_MAX);
		goto out;
	}
	err = read_all(fd, path, secret->bytes, sizeof secret->bytes, len, info);
out:
	(void)close(fd);
	return err;
}

static enum err from_environment(const char *name, struct secret *secret, size_t *len, struct err_info *info)
{
	const char *value = getenv(name);
	if (!value)
		return err_set(info, ERR_NOT_FOUND, "environment variable %s is not set", name);
	*len = strlen(value);
	if (*len > sizeof secret->bytes)
		return err_set(info, ERR_TOO_LARGE, "the secret in variable %s is over %d bytes", name,
		               SECRET_BYTES_MAX);
	memcpy(secret->bytes, value, *len);
	return ERR_OK;
}

static enum err from_credential(const char *name, struct secret *secret, size_t *len, struct err_info *info)
{
	if (name[0] == 0 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(info, ERR_NOT_FOUND,
		               "\"%s\" is no name of a systemd credential: it has no slash", name);
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	if (!directory || directory[0] != '/')
		return err_set(info, ERR_NOT_FOUND,
		               "no systemd credentials here for %s; add LoadCredential=%s:... to the unit",
		               name, name);
	char path[4096];
	int printed = snprintf(path, sizeof path, "%s/%s", directory, name);
	if (printed < 0 || (size_t)printed >= sizeof path)
		return err_set(info, ERR_NOT_FOUND, "the path of credential %s is too long", name);
	return from_file(path, "credential", secret, len, info);
}

/* The bytes as they stand, *len of them, in secret->bytes; *what names the kind of place for people. */
static enum err resolve(const struct secret_reference *reference, struct secret *secret, size_t *len,
                        const char **what, struct err_info *info)
{
	*secret = (struct secret){.len = 0};
	*len = 0;
	*what = "";
	switch (reference->kind) {
	case SECRET_FILE:
		*what = "file";
		return from_file(reference->name, "file", secret, len, info);
	case SECRET_ENVIRONMENT:
		*what = "variable";
		return from_environment(reference->name, secret, len, info);
	case SECRET_CREDENTIAL:
		*what = "credential";
		return from_credential(reference->name, secret, len, info);
	case SECRET_NONE:
		break;
	}
	return err_set(info, ERR_NOT_FOUND, "no secret is configured");
}

enum err port_secret_linux_get(const struct secret_reference *reference, struct secret *secret,
                               struct err_info *info)
{
	size_t len;
	const char *what;
	enum err err = resolve(reference, secret, &len, &what, info);
	if (err == ERR_OK)
		err = finish(secret, len, what, reference->name, info);
	if (err != ERR_OK)
		secret_release(secret);
	return err;
}

enum err port_secret_linux_bytes(const struct secret_reference *reference, uint8_t *bytes, size_t size,
                                 size_t *len, struct err_info *info)
{
	struct secret secret;
	const char *what;
	enum err err = resolve(reference, &secret, len, &what, info);
	if (err == ERR_OK && *len > size)
		err = err_set(info, ERR_TOO_LARGE, "the secret in %s %s is over %zu bytes", what,
		              reference->name, size);
	if (err == ERR_OK)
		memcpy(bytes, secret.bytes, *len);
	secret_release(&secret);
	return err;
}

enum err port_secret_linux_read_file(const char *path, struct buf *out, struct err_info *info)
{
	int fd;
	struct stat status;
	enum err err = open_regular(path, &fd, &status, info);
	if (err != ERR_OK)
		return err;
	for (;;) {
		char bytes[READ_BYTES];
		size_t len = 0;
		err = read_all(fd, path, bytes, sizeof bytes, &len, info);
		if (err != ERR_OK || len == 0)
			break;
		buf_append(out, bytes, len);
		if (!buf_ok(out)) {
			err = err_set(info, ERR_TOO_LARGE, "%s is over %zu bytes", path, out->max);
			break;
		}
	}
	(void)close(fd);
	return err;
}
