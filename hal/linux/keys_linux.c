/*
 * keys_linux.c - directory, files and seal of the signing keys on Linux.
 *
 * Why:   see keys_linux.h.
 * Owns:  nothing; every descriptor is closed before return.
 * Rules: as in keys_linux.h; modes are judged at the open descriptor, so that what was judged is what is read.
 * Faults: EINTR; a disk that is full in the middle of a file (the file goes again).
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c, tests/contract/hal_linux_keys_test.c
 */
#include "hal/linux/keys_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/keys_sealed.h"
#include "hal/linux/hal_linux.h"
#include "hal/linux/port_secret_linux.h"

/* Everything of group and others. */
#define MODE_NOT_OWNER 0077

static enum err sync_path(const char *path, struct err_info *info)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return hal_linux_error(info, errno, "opening the directory", path);
	enum err err = fsync(fd) == 0 ? ERR_OK : hal_linux_error(info, errno, "syncing the directory", path);
	(void)close(fd);
	return err;
}

static enum err make_directory(const char *path, struct err_info *info)
{
	char above[HAL_KEYS_DIRECTORY_MAX + 4];
	if (mkdir(path, 0700) != 0) {
		if (errno == EEXIST)
			return ERR_OK;
		struct err_info why;
		enum err err = hal_linux_error(&why, errno, "making the keys' directory", path);
		return err_set(info, err, "%s; make it yourself, for the agent's user alone (mode 0700)",
		               why.text);
	}
	struct buf text;
	buf_init(&text, sizeof above - 1);
	buf_append_text(&text, path);
	buf_append_text(&text, "/..");
	CHECK(text_copy(above, sizeof above, buf_span(&text)));
	buf_release(&text);
	return sync_path(above, info);
}

static enum err directory(struct hal *hal, const char *path, struct err_info *info)
{
	(void)hal;
	struct stat about;
	enum err err = make_directory(path, info);
	if (err != ERR_OK)
		return err;
	if (stat(path, &about) != 0)
		return hal_linux_error(info, errno, "looking at", path);
	if (!S_ISDIR(about.st_mode))
		return err_set(info, ERR_DENIED, "%s is to hold the signing keys but is no directory", path);
	if ((about.st_mode & MODE_NOT_OWNER) != 0)
		return err_set(info, ERR_DENIED,
		               "others may use the keys' directory %s (mode %04o); do: chmod 0700 %s", path,
		               (unsigned)(about.st_mode & 07777), path);
	return ERR_OK;
}

static enum err read_whole(int fd, const char *path, uint8_t *bytes, size_t size, size_t *len,
                           struct err_info *info)
{
	while (*len < size) {
		ssize_t got = read(fd, bytes + *len, size - *len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return hal_linux_error(info, errno, "reading", path);
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return ERR_OK;
}

static enum err read_file(struct hal *hal, const char *path, uint8_t *bytes, size_t size, size_t *len,
                          struct err_info *info)
{
	(void)hal;
	struct stat about;
	*len = 0;
	/* Not blocking: opening a FIFO that nobody writes to would hang. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP)
		return err_set(info, ERR_DENIED, "%s is a link; put the file itself there", path);
	if (fd < 0 && errno == EACCES)
		return err_set(info, ERR_DENIED,
		               "%s belongs to another user than this one; give the whole folder to the "
		               "agent's user (chown -R)",
		               path);
	if (fd < 0)
		return hal_linux_error(info, errno, "opening", path);
	enum err err = ERR_OK;
	if (fstat(fd, &about) != 0)
		err = hal_linux_error(info, errno, "looking at", path);
	else if (!S_ISREG(about.st_mode))
		err = err_set(info, ERR_DENIED, "%s is not a regular file", path);
	else if ((about.st_mode & MODE_NOT_OWNER) != 0)
		err = err_set(info, ERR_DENIED, "others may use %s (mode %04o); do: chmod 0600 %s", path,
		              (unsigned)(about.st_mode & 07777), path);
	else if (about.st_size > (off_t)size)
		err = err_set(info, ERR_TOO_LARGE, "%s is over %zu bytes", path, size);
	else
		err = read_whole(fd, path, bytes, size, len, info);
	(void)close(fd);
	return err;
}

static enum err write_whole(int fd, const char *path, struct span bytes, struct err_info *info)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.data, bytes.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return hal_linux_error(info, put < 0 ? errno : EIO, "writing", path);
		bytes.data += put;
		bytes.len -= (size_t)put;
	}
	return fsync(fd) == 0 ? ERR_OK : hal_linux_error(info, errno, "syncing", path);
}

static enum err create_file(struct hal *hal, const char *path, struct span bytes, struct err_info *info)
{
	(void)hal;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? err_set(info, ERR_CONFLICT, "%s is there already", path)
		                       : hal_linux_error(info, errno, "making", path);
	enum err err = write_whole(fd, path, bytes, info);
	if (close(fd) != 0 && err == ERR_OK)
		err = hal_linux_error(info, errno, "closing", path);
	if (err != ERR_OK)
		(void)unlink(path);
	return err;
}

static enum err secret_bytes(struct hal *hal, const struct secret_reference *reference, uint8_t *bytes,
                             size_t size, size_t *len, struct err_info *info)
{
	(void)hal;
	return port_secret_linux_bytes(reference, bytes, size, len, info);
}

enum err keys_linux_open(struct hal *hal, const struct hal_keys_options *options, struct hal_keys **keys,
                         struct hal_keys_opening *opening, struct err_info *info)
{
	static const struct keys_disk disk = {
	    .directory = directory,
	    .read = read_file,
	    .create = create_file,
	    .secret = secret_bytes,
	};
	return keys_sealed_open(hal, &disk, options, keys, opening, info);
}
