/*
 * pack_key.c - reads a private key in PEM and signs with it.
 *
 * Why:   see pack_key.h.
 * Owns:  see pack_key.h; buffers that held the key are wiped.
 * Rules: as in pack_key.h.
 * Faults: as in pack_key.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/base/base64.h"
#include "hal/keys_crypto.h"

struct pack_key {
	struct hal_keys keys; /* the first member: what note_sign() sees */
	struct hal hal;       /* gives entropy alone */
	struct key_pair *pair;
};

void pack_random(void *bytes, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t got = getrandom((char *)bytes + done, len - done, 0);
		CHECK(got > 0 || errno == EINTR);
		done += got > 0 ? (size_t)got : 0;
	}
}

static void entropy(struct hal *hal, void *bytes, size_t len)
{
	(void)hal;
	pack_random(bytes, len);
}

static const struct hal_ops hal_ops = {.entropy = entropy};

static struct span public_key(const struct hal_keys *keys, enum hal_key which)
{
	CHECK(which == HAL_KEY_CURRENT);
	return key_pair_public(((const struct pack_key *)keys)->pair);
}

static enum err sign(struct hal_keys *keys, enum hal_key which, struct span text, uint8_t *der, size_t *len,
                     struct err_info *info)
{
	(void)info;
	CHECK(which == HAL_KEY_CURRENT);
	key_pair_sign(((struct pack_key *)keys)->pair, text, der, len);
	return ERR_OK;
}

static const struct hal_keys_ops keys_ops = {.public_key = public_key, .sign = sign};

/* The base64 between "-----BEGIN what-----" and its end, as DER; false: there is no such block, or it is none. */
static bool pem_block(struct span pem, const char *begin, const char *end, uint8_t *der, size_t size,
                      size_t *len)
{
	char chars[PACK_KEY_FILE_MAX];
	size_t count = 0;
	const char *from = memmem(pem.data, pem.len, begin, strlen(begin));
	if (!from)
		return false;
	from += strlen(begin);
	const char *to = memmem(from, (size_t)(pem.data + pem.len - from), end, strlen(end));
	if (!to)
		return false;
	for (; from < to; from++) {
		if (*from != '\n' && *from != '\r' && *from != ' ')
			chars[count++] = *from;
	}
	bool good = base64_decode(der, size, len, (struct span){chars, count});
	explicit_bzero(chars, sizeof chars);
	return good;
}

static enum err parse(struct pack_key *key, struct span pem, const char *path, struct err_info *info)
{
	uint8_t der[PACK_KEY_FILE_MAX];
	size_t len = 0;
	if (memmem(pem.data, pem.len, "ENCRYPTED", 9))
		return err_set(
		    info, ERR_UNSUPPORTED,
		    "%.300s is encrypted; open it for the time of signing: openssl pkey -in KEY -out PLAIN",
		    path);
	bool found =
	    pem_block(pem, "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----", der, sizeof der,
	              &len) ||
	    pem_block(pem, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", der, sizeof der, &len);
	if (found)
		key->pair = key_pair_from_der(&key->hal, (struct span){(const char *)der, len});
	explicit_bzero(der, sizeof der);
	if (!found)
		return err_set(info, ERR_BAD_INPUT, "%.300s is no private key in PEM", path);
	if (!key->pair)
		return err_set(
		    info, ERR_UNSUPPORTED,
		    "%.300s is no private key of P-256; make one: openssl ecparam -name prime256v1 "
		    "-genkey -noout",
		    path);
	return ERR_OK;
}

static enum err read_key(const char *path, char *text, size_t size, size_t *len, struct err_info *info)
{
	struct stat state;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) {
		int error = fd < 0 ? errno : EINVAL;
		if (fd >= 0)
			(void)close(fd);
		return err_set(info, error == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%.300s cannot be read: %s",
		               path, strerror(error));
	}
	if ((state.st_mode & 007) != 0) {
		(void)close(fd);
		return err_set(info, ERR_DENIED,
		               "%.300s can be read by everyone; make it your own: chmod 600", path);
	}
	ssize_t got = read(fd, text, size);
	(void)close(fd);
	if (got <= 0 || (size_t)got == size)
		return err_set(info, ERR_BAD_INPUT, "%.300s is no private key in PEM", path);
	*len = (size_t)got;
	return ERR_OK;
}

enum err pack_key_open(const char *path, struct pack_key **key, struct err_info *info)
{
	char text[PACK_KEY_FILE_MAX];
	size_t len = 0;
	*key = NULL;
	enum err err = read_key(path, text, sizeof text, &len, info);
	if (err != ERR_OK)
		return err;
	struct pack_key *made = mem_alloc(sizeof *made);
	made->keys.ops = &keys_ops;
	made->hal.ops = &hal_ops;
	err = parse(made, (struct span){text, len}, path, info);
	explicit_bzero(text, sizeof text);
	if (err == ERR_OK)
		*key = made;
	else
		pack_key_close(made);
	return err;
}

void pack_key_close(struct pack_key *key)
{
	if (!key)
		return;
	key_pair_free(key->pair);
	free(key);
}

struct hal_keys *pack_key_signer(struct pack_key *key)
{
	return &key->keys;
}
