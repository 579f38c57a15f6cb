/*
 * keys_sealed.c - opens, makes, prepares and promotes signing keys in sealed files.
 *
 * Why:   see keys_sealed.h.
 * Owns:  struct sealed: the seal, one or two key pairs.
 * Rules: as in keys_sealed.h; every array that held a secret is wiped before its function returns.
 * Faults: as hal/keys.h; each error names the file and what to do.
 * Runs in: the core.
 * Tests: tests/contract/hal_contract_keys.c, tests/contract/hal_sim_keys_test.c
 */
#include "hal/keys_sealed.h"

#include <stdlib.h>
#include <string.h>

#include "hal/keys_crypto.h"

#define MAGIC        "tpsealed"
#define MAGIC_BYTES  8
#define VERSION      1
#define HEADER_BYTES (MAGIC_BYTES + 2 + 2 + SEAL_NONCE_BYTES)
#define CHECK_BYTES  8
#define FILE_MAX     (HEADER_BYTES + KEY_PRIVATE_MAX + SEAL_TAG_BYTES + CHECK_BYTES)
#define PATH_SIZE    (HAL_KEYS_DIRECTORY_MAX + 32)
#define HEX_DIGITS   (2 * SEAL_KEY_BYTES)

#define CURRENT_NAME "signing.key"
#define NEXT_NAME    "next.key"
#define SEAL_NAME    "seal.key"

struct sealed {
	struct hal_keys keys;
	struct hal *hal;
	const struct keys_disk *disk;
	char directory[HAL_KEYS_DIRECTORY_MAX];
	uint8_t seal[SEAL_KEY_BYTES];
	struct key_pair *pairs[2]; /* by enum hal_key; the next may be NULL */
};

static struct sealed *self_of(struct hal_keys *keys)
{
	return (struct sealed *)(void *)keys; /* keys is the first member */
}

static void path_of(const struct sealed *self, const char *name, const char *suffix, char path[PATH_SIZE])
{
	struct buf text;
	buf_init(&text, PATH_SIZE - 1);
	buf_append_text(&text, self->directory);
	buf_append_char(&text, '/');
	buf_append_text(&text, name);
	buf_append_text(&text, suffix);
	CHECK(buf_ok(&text) && text_copy(path, PATH_SIZE, buf_span(&text)));
	buf_release(&text);
}

/* Whole under its name and durable, or an error and what was there before. */
static enum err put_file(struct sealed *self, const char *name, struct span bytes, struct err_info *info)
{
	char path[PATH_SIZE];
	char fresh[PATH_SIZE];
	path_of(self, name, "", path);
	path_of(self, name, ".new", fresh);
	enum err err = hal_disk_remove(self->hal, fresh, info); /* of an interrupted try */
	if (err == ERR_OK)
		err = self->disk->create(self->hal, fresh, bytes, info);
	if (err == ERR_OK)
		err = hal_disk_rename(self->hal, fresh, path, info);
	return err;
}

static enum err put_pair(struct sealed *self, const char *name, struct key_pair *pair, struct err_info *info)
{
	uint8_t private[KEY_PRIVATE_MAX];
	uint8_t cipher[KEY_PRIVATE_MAX];
	uint8_t nonce[SEAL_NONCE_BYTES];
	uint8_t tag[SEAL_TAG_BYTES];
	uint8_t hash[HAL_KEY_HASH_BYTES];
	size_t len;
	struct buf file;
	buf_init(&file, FILE_MAX);
	key_pair_private(pair, private, &len);
	hal_entropy(self->hal, nonce, sizeof nonce);
	buf_append_text(&file, MAGIC);
	buf_u16(&file, VERSION);
	buf_u16(&file, (uint16_t)len);
	buf_append(&file, nonce, sizeof nonce);
	CHECK(file.len == HEADER_BYTES);
	seal_close(self->seal, nonce, buf_span(&file), (struct span){(const char *)private, len}, cipher,
	           tag);
	buf_append(&file, cipher, len);
	buf_append(&file, tag, sizeof tag);
	key_hash(buf_span(&file), hash);
	buf_append(&file, hash, CHECK_BYTES);
	CHECK(buf_ok(&file));
	enum err err = put_file(self, name, buf_span(&file), info);
	buf_release(&file);
	explicit_bzero(private, sizeof private);
	return err;
}

static enum err damaged(struct err_info *info, const char *path)
{
	return err_set(
	    info, ERR_CORRUPT,
	    "the key file %s is damaged; put it back from a copy, or move its directory aside for a new key",
	    path);
}

/* Opens what a file holds. */
static enum err unseal(struct sealed *self, const char *path, struct span file, struct key_pair **pair,
                       struct err_info *info)
{
	uint8_t hash[HAL_KEY_HASH_BYTES];
	uint8_t private[KEY_PRIVATE_MAX];
	struct reader reader;
	if (file.len < HEADER_BYTES + SEAL_TAG_BYTES + CHECK_BYTES)
		return damaged(info, path);
	size_t checked = file.len - CHECK_BYTES;
	key_hash((struct span){file.data, checked}, hash);
	reader_init(&reader, file.data, checked);
	struct span magic = read_bytes(&reader, MAGIC_BYTES);
	uint16_t version = read_u16(&reader);
	uint16_t len = read_u16(&reader);
	struct span nonce = read_bytes(&reader, SEAL_NONCE_BYTES);
	struct span cipher = read_bytes(&reader, len);
	struct span tag = read_bytes(&reader, SEAL_TAG_BYTES);
	if (memcmp(hash, file.data + checked, CHECK_BYTES) != 0 || !span_equal(magic, SPAN_LITERAL(MAGIC)))
		return damaged(info, path);
	if (version != VERSION)
		return err_set(info, ERR_VERSION,
		               "the key file %s has version %u, made by a later program; update this one",
		               path, version);
	if (!reader_end(&reader) || len > sizeof private)
		return damaged(info, path);
	if (!seal_open(self->seal, (const uint8_t *)nonce.data, (struct span){file.data, HEADER_BYTES},
	               cipher, (const uint8_t *)tag.data, private))
		return err_set(info, ERR_DENIED,
		               "the key file %s was sealed with another seal than the one given; configure "
		               "that one again",
		               path);
	*pair = key_pair_from_der(self->hal, (struct span){(const char *)private, len});
	explicit_bzero(private, sizeof private);
	return *pair ? ERR_OK : damaged(info, path);
}

/* ERR_NOT_FOUND: there is no such file. */
static enum err get_pair(struct sealed *self, const char *name, struct key_pair **pair, struct err_info *info)
{
	char path[PATH_SIZE];
	uint8_t file[FILE_MAX];
	size_t len;
	path_of(self, name, "", path);
	enum err err = self->disk->read(self->hal, path, file, sizeof file, &len, info);
	if (err == ERR_TOO_LARGE)
		return damaged(info, path);
	if (err != ERR_OK)
		return err;
	return unseal(self, path, (struct span){(const char *)file, len}, pair, info);
}

static bool has_file(const struct sealed *self, const char *name)
{
	char path[PATH_SIZE];
	path_of(self, name, "", path);
	return hal_disk_exists(self->hal, path);
}

static enum err forget_file(const struct sealed *self, const char *name, struct err_info *info)
{
	char path[PATH_SIZE];
	path_of(self, name, "", path);
	return hal_disk_remove(self->hal, path, info);
}

/* 32 bytes as they are, or 64 hex digits with or without a newline. */
static bool seal_from(uint8_t seal[SEAL_KEY_BYTES], const uint8_t *bytes, size_t len)
{
	if (len == SEAL_KEY_BYTES) {
		memcpy(seal, bytes, SEAL_KEY_BYTES);
		return true;
	}
	if (len == HEX_DIGITS + 1 && bytes[HEX_DIGITS] == '\n')
		len--;
	return len == HEX_DIGITS && hex_decode(seal, SEAL_KEY_BYTES, (struct span){(const char *)bytes, len});
}

static enum err configured_seal(struct sealed *self, const struct secret_reference *reference,
                                struct err_info *info)
{
	uint8_t bytes[HEX_DIGITS + 2]; /* one more than the longest: what is longer is told by its length */
	size_t len;
	enum err err = self->disk->secret(self->hal, reference, bytes, sizeof bytes, &len, info);
	if (err == ERR_TOO_LARGE || (err == ERR_OK && !seal_from(self->seal, bytes, len)))
		err = err_set(info, ERR_BAD_INPUT,
		              "the seal in %s is neither 32 bytes nor 64 hex digits (0-9, a-f); make one: "
		              "openssl rand -hex 32",
		              reference->name);
	explicit_bzero(bytes, sizeof bytes);
	return err;
}

/* seal.key, made where there are no keys yet. */
static enum err own_seal(struct sealed *self, struct err_info *info)
{
	char path[PATH_SIZE];
	uint8_t bytes[HEX_DIGITS + 2];
	size_t len;
	path_of(self, SEAL_NAME, "", path);
	enum err err = self->disk->read(self->hal, path, bytes, sizeof bytes, &len, info);
	if (err == ERR_OK && (len != HEX_DIGITS + 1 || !seal_from(self->seal, bytes, len)))
		err = ERR_TOO_LARGE;
	if (err == ERR_TOO_LARGE)
		err = damaged(info, path);
	if (err != ERR_NOT_FOUND)
		goto out;
	if (has_file(self, CURRENT_NAME) || has_file(self, NEXT_NAME)) {
		err = err_set(info, ERR_CORRUPT,
		              "%s is missing beside sealed keys; put it back, or configure the seal they "
		              "were made with",
		              path);
		goto out;
	}
	char text[HEX_DIGITS + 2];
	hal_entropy(self->hal, self->seal, sizeof self->seal);
	hex_encode(text, self->seal, sizeof self->seal);
	text[HEX_DIGITS] = '\n';
	err = put_file(self, SEAL_NAME, (struct span){text, HEX_DIGITS + 1}, info);
	explicit_bzero(text, sizeof text);
out:
	explicit_bzero(bytes, sizeof bytes);
	return err;
}

static bool same_key(const struct key_pair *a, const struct key_pair *b)
{
	return span_equal(key_pair_public(a), key_pair_public(b));
}

static void forget_next(struct sealed *self)
{
	key_pair_free(self->pairs[HAL_KEY_NEXT]);
	self->pairs[HAL_KEY_NEXT] = NULL;
}

static enum err first_key(struct sealed *self, struct hal_keys_opening *opening, struct err_info *info)
{
	char path[PATH_SIZE];
	path_of(self, CURRENT_NAME, "", path);
	if (has_file(self, NEXT_NAME))
		return err_set(
		    info, ERR_CORRUPT,
		    "%s is missing beside a next key; put it back from a copy, or move its directory aside",
		    path);
	self->pairs[HAL_KEY_CURRENT] = key_pair_generate(self->hal);
	opening->created = true;
	return put_pair(self, CURRENT_NAME, self->pairs[HAL_KEY_CURRENT], info);
}

static enum err load(struct sealed *self, struct hal_keys_opening *opening, struct err_info *info)
{
	enum err err = get_pair(self, CURRENT_NAME, &self->pairs[HAL_KEY_CURRENT], info);
	if (err == ERR_NOT_FOUND)
		return first_key(self, opening, info);
	if (err == ERR_OK)
		err = get_pair(self, NEXT_NAME, &self->pairs[HAL_KEY_NEXT], info);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	opening->prepared = !same_key(self->pairs[HAL_KEY_CURRENT], self->pairs[HAL_KEY_NEXT]);
	if (opening->prepared)
		return ERR_OK;
	forget_next(self); /* it has been promoted; its file is what the cut left */
	return forget_file(self, NEXT_NAME, info);
}

static void sealed_close(struct hal_keys *keys)
{
	struct sealed *self = self_of(keys);
	forget_next(self);
	key_pair_free(self->pairs[HAL_KEY_CURRENT]);
	explicit_bzero(self->seal, sizeof self->seal);
	free(self);
}

static struct span sealed_public(const struct hal_keys *keys, enum hal_key which)
{
	const struct sealed *self = (const struct sealed *)(const void *)keys;
	const struct key_pair *pair = self->pairs[which];
	return pair ? key_pair_public(pair) : (struct span){NULL, 0};
}

static enum err sealed_sign(struct hal_keys *keys, enum hal_key which, struct span text, uint8_t *der,
                            size_t *len, struct err_info *info)
{
	struct key_pair *pair = self_of(keys)->pairs[which];
	if (!pair)
		return err_set(info, ERR_NOT_FOUND, "there is no next key; begin the rotation first");
	key_pair_sign(pair, text, der, len);
	return ERR_OK;
}

static enum err sealed_prepare(struct hal_keys *keys, struct err_info *info)
{
	struct sealed *self = self_of(keys);
	if (self->pairs[HAL_KEY_NEXT])
		return ERR_OK;
	struct key_pair *pair = key_pair_generate(self->hal);
	enum err err = put_pair(self, NEXT_NAME, pair, info);
	if (err == ERR_OK)
		self->pairs[HAL_KEY_NEXT] = pair;
	else
		key_pair_free(pair);
	return err;
}

static bool has_hash(const struct key_pair *pair, const uint8_t *hash)
{
	uint8_t own[HAL_KEY_HASH_BYTES];
	if (!pair)
		return false;
	key_hash(key_pair_public(pair), own);
	return memcmp(own, hash, sizeof own) == 0;
}

static enum err sealed_promote(struct hal_keys *keys, const uint8_t *hash, struct err_info *info)
{
	struct sealed *self = self_of(keys);
	if (has_hash(self->pairs[HAL_KEY_NEXT], hash)) {
		enum err err = put_pair(self, CURRENT_NAME, self->pairs[HAL_KEY_NEXT], info);
		if (err != ERR_OK)
			return err;
		key_pair_free(self->pairs[HAL_KEY_CURRENT]);
		self->pairs[HAL_KEY_CURRENT] = self->pairs[HAL_KEY_NEXT];
		self->pairs[HAL_KEY_NEXT] = NULL;
	} else if (!has_hash(self->pairs[HAL_KEY_CURRENT], hash)) {
		return err_set(info, ERR_NOT_FOUND,
		               "the key that the store names is not in %s; put the directory back from a "
		               "copy, or start anew",
		               self->directory);
	}
	enum err err = forget_file(self, NEXT_NAME, info);
	if (err == ERR_OK)
		forget_next(self);
	return err;
}

enum err keys_sealed_open(struct hal *hal, const struct keys_disk *disk,
                          const struct hal_keys_options *options, struct hal_keys **keys,
                          struct hal_keys_opening *opening, struct err_info *info)
{
	static const struct hal_keys_ops ops = {
	    .close = sealed_close,
	    .public_key = sealed_public,
	    .sign = sealed_sign,
	    .prepare = sealed_prepare,
	    .promote = sealed_promote,
	};
	struct sealed *self = mem_alloc(sizeof *self);
	self->keys.ops = &ops;
	self->hal = hal;
	self->disk = disk;
	enum err err = ERR_OK;
	if (!text_copy(self->directory, sizeof self->directory, span_of(options->directory)))
		err = err_set(info, ERR_TOO_LARGE,
		              "the keys' directory %.80s... is over %d bytes; use a shorter one",
		              options->directory, HAL_KEYS_DIRECTORY_MAX - 1);
	if (err == ERR_OK)
		err = disk->directory(hal, self->directory, info);
	if (err == ERR_OK)
		err = options->seal.kind == SECRET_NONE ? own_seal(self, info)
		                                        : configured_seal(self, &options->seal, info);
	if (err == ERR_OK)
		err = load(self, opening, info);
	if (err != ERR_OK)
		sealed_close(&self->keys);
	else
		*keys = &self->keys;
	return err;
}
