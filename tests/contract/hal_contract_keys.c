/*
 * hal_contract_keys.c - the contract of the signing keys.
 *
 * Why:   see hal_contract_keys.h.
 * Owns:  nothing.
 * Rules: as in hal_contract.h. Signatures are judged by OpenSSL, another implementation than the one that made them;
 *        hashes are OpenSSL's too.
 * Runs in: tests.
 * Tests: is one.
 */
#include "tests/contract/hal_contract_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "hal/keys.h"
#include "tests/contract/hal_contract_control.h"

#define FILE_BYTES 1024
#define SEAL_FILE  "seal"
#define TEXT       SPAN_LITERAL("tp1/test/v1\n")

/* The keys of one test: its back end, directory, and the keys where they are open. */
struct box {
	struct contract *contract;
	char directory[200];
	struct hal_keys_options options;
	struct hal_keys *keys;
	struct hal_keys_opening opening;
	struct err_info info;
};

static void box_init(struct box *box, void **state)
{
	*box = (struct box){.contract = *state};
	const char *path = box->contract->ops->path(box->contract->self, "keys");
	assert_true(text_copy(box->directory, sizeof box->directory, span_of(path)));
	box->options.directory = box->directory;
}

static enum err box_open(struct box *box)
{
	return hal_keys_open(box->contract->hal, &box->options, &box->keys, &box->opening, &box->info);
}

static void expect_open(struct box *box, bool created, bool prepared)
{
	assert_int_equal(box_open(box), ERR_OK);
	assert_int_equal(box->opening.created, created);
	assert_int_equal(box->opening.prepared, prepared);
	assert_int_equal(hal_keys_public(box->keys, HAL_KEY_NEXT).len > 0, prepared);
}

static void box_close(struct box *box)
{
	hal_keys_close(box->keys);
	box->keys = NULL;
}

/* A file of the keys' directory; the seal that is configured lies outside. */
static const char *file_of(const struct box *box, const char *name)
{
	static char path[260];
	if (strcmp(name, SEAL_FILE) == 0)
		return box->options.seal.name;
	(void)snprintf(path, sizeof path, "%s/%s", box->directory, name);
	return path;
}

static void configure_seal(struct box *box)
{
	const char *path = box->contract->ops->path(box->contract->self, SEAL_FILE);
	box->options.seal.kind = SECRET_FILE;
	assert_true(text_copy(box->options.seal.name, sizeof box->options.seal.name, span_of(path)));
}

/* What a file holds, into file, which is cleared before. */
static void get(const struct box *box, const char *name, struct buf *file)
{
	buf_clear(file);
	box->contract->ops->get_file(box->contract->self, file_of(box, name), file);
	assert_true(buf_ok(file));
}

static void put(const struct box *box, const char *name, struct span bytes)
{
	box->contract->ops->put_file(box->contract->self, file_of(box, name), bytes);
}

static bool is_there(const struct box *box, const char *name)
{
	return hal_disk_exists(box->contract->hal, file_of(box, name));
}

static void drop(const struct box *box, const char *name)
{
	assert_int_equal(hal_disk_remove(box->contract->hal, file_of(box, name), NULL), ERR_OK);
}

/* A public key, copied: what hal_keys_public() lends does not last. */
struct public_key {
	uint8_t spki[HAL_PUBLIC_KEY_MAX];
	size_t len;
};

static struct public_key public_of(const struct box *box, enum hal_key which)
{
	struct span spki = hal_keys_public(box->keys, which);
	struct public_key key = {.len = spki.len};
	assert_true(spki.len > 0);
	memcpy(key.spki, spki.data, spki.len);
	return key;
}

static void expect_public(const struct box *box, enum hal_key which, const struct public_key *key)
{
	assert_true(
	    span_equal(hal_keys_public(box->keys, which), (struct span){(const char *)key->spki, key->len}));
}

static void hash_of(const struct public_key *key, uint8_t hash[HAL_KEY_HASH_BYTES])
{
	assert_non_null(SHA256(key->spki, key->len, hash));
}

static bool openssl_verifies(const struct public_key *key, struct span text, const uint8_t *der, size_t len)
{
	const uint8_t *next = key->spki;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &next, (long)key->len);
	assert_non_null(public);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, public), 1);
	int result = EVP_DigestVerify(context, der, len, (const uint8_t *)text.data, text.len);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return result == 1;
}

/* Signs and has OpenSSL verify it by the key that is to have signed. */
static void expect_signature(struct box *box, enum hal_key which, const struct public_key *key)
{
	uint8_t der[HAL_SIGNATURE_MAX];
	size_t len;
	assert_int_equal(hal_keys_sign(box->keys, which, TEXT, der, &len, &box->info), ERR_OK);
	assert_true(openssl_verifies(key, TEXT, der, len));
	assert_false(openssl_verifies(key, SPAN_LITERAL("tp1/test/v2\n"), der, len));
}

/* The first opening makes a key and a seal, later ones find them. The file does not show the key: not even its public
 * part, which lies in the private one's DER. */
void keys_are_made_once(void **state)
{
	struct box box;
	struct buf file;
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	assert_int_equal(key.len, 91); /* RFC 5480 with the point of RFC 5480 section 2.2, uncompressed */
	box_close(&box);
	for (int i = 0; i < 3; i++) {
		expect_open(&box, false, false);
		expect_public(&box, HAL_KEY_CURRENT, &key);
		box_close(&box);
	}
	get(&box, "signing.key", &file);
	assert_null(memmem(file.data, file.len, key.spki + 27, 16));
	get(&box, "seal.key", &file);
	assert_int_equal(file.len, 65);
	assert_false(is_there(&box, "next.key") || is_there(&box, "signing.key.new") ||
	             is_there(&box, "seal.key.new"));
	buf_release(&file);
}

/* Signatures of texts of no, one and many bytes verify with OpenSSL, and are the same each time (RFC 6979); there is no
 * next key to sign with. */
void keys_sign_as_openssl_verifies(void **state)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 16384};
	struct box box;
	uint8_t der[HAL_SIGNATURE_MAX];
	uint8_t again[HAL_SIGNATURE_MAX];
	size_t len;
	size_t again_len;
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	char *bytes = mem_alloc(16384);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct span text = {bytes, sizes[i]};
		assert_int_equal(hal_keys_sign(box.keys, HAL_KEY_CURRENT, text, der, &len, &box.info),
		                 ERR_OK);
		assert_true(openssl_verifies(&key, text, der, len));
		assert_int_equal(hal_keys_sign(box.keys, HAL_KEY_CURRENT, text, again, &again_len, &box.info),
		                 ERR_OK);
		assert_int_equal(again_len, len);
		assert_memory_equal(again, der, len);
	}
	free(bytes);
	assert_int_equal(hal_keys_sign(box.keys, HAL_KEY_NEXT, TEXT, der, &len, &box.info), ERR_NOT_FOUND);
	box_close(&box);
}

/* prepare, prepare again, restart: one and the same next key, and both sign. promote makes it current for good; again:
 * nothing changes. */
void keys_rotate_when_the_store_says(void **state)
{
	struct box box;
	uint8_t hash[HAL_KEY_HASH_BYTES];
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key old = public_of(&box, HAL_KEY_CURRENT);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	struct public_key next = public_of(&box, HAL_KEY_NEXT);
	assert_memory_not_equal(old.spki, next.spki, old.len);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	expect_public(&box, HAL_KEY_NEXT, &next);
	box_close(&box);
	expect_open(&box, false, true);
	expect_public(&box, HAL_KEY_CURRENT, &old);
	expect_public(&box, HAL_KEY_NEXT, &next);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	expect_public(&box, HAL_KEY_NEXT, &next);
	expect_signature(&box, HAL_KEY_CURRENT, &old);
	expect_signature(&box, HAL_KEY_NEXT, &next);
	hash_of(&next, hash);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_OK);
		expect_public(&box, HAL_KEY_CURRENT, &next);
		expect_signature(&box, HAL_KEY_CURRENT, &next);
		assert_false(is_there(&box, "next.key"));
	}
	box_close(&box);
	expect_open(&box, false, false);
	expect_public(&box, HAL_KEY_CURRENT, &next);
	hash_of(&old, hash);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_NOT_FOUND);
	expect_public(&box, HAL_KEY_CURRENT, &next);
	box_close(&box);
}

/* The store says that the rotation did not happen: the next key is forgotten; the one prepared after is another. A key
 * that is neither changes nothing. */
void keys_prepared_may_be_forgotten(void **state)
{
	struct box box;
	uint8_t hash[HAL_KEY_HASH_BYTES] = {0};
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key old = public_of(&box, HAL_KEY_CURRENT);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	struct public_key next = public_of(&box, HAL_KEY_NEXT);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_NOT_FOUND);
	expect_public(&box, HAL_KEY_NEXT, &next);
	box_close(&box);
	expect_open(&box, false, true);
	hash_of(&old, hash);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_OK);
	expect_public(&box, HAL_KEY_CURRENT, &old);
	assert_false(is_there(&box, "next.key"));
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	struct public_key other = public_of(&box, HAL_KEY_NEXT);
	assert_memory_not_equal(other.spki, next.spki, next.len);
	box_close(&box);
	expect_open(&box, false, true);
	box_close(&box);
}

/* The cut between the two steps of a promotion leaves the same key in both files: the next opening sees no rotation.
 * What a cut left of a file that was being written is in nobody's way. */
void keys_survive_a_cut_promotion(void **state)
{
	struct box box;
	struct buf file;
	uint8_t hash[HAL_KEY_HASH_BYTES];
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	struct public_key next = public_of(&box, HAL_KEY_NEXT);
	box_close(&box);
	get(&box, "next.key", &file);
	put(&box, "signing.key", buf_span(&file));
	put(&box, "signing.key.new", SPAN_LITERAL("half"));
	put(&box, "next.key.new", SPAN_LITERAL(""));
	expect_open(&box, false, false);
	assert_false(is_there(&box, "next.key"));
	expect_public(&box, HAL_KEY_CURRENT, &next);
	hash_of(&next, hash);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_OK);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	next = public_of(&box, HAL_KEY_NEXT);
	hash_of(&next, hash);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_OK);
	box_close(&box);
	expect_open(&box, false, false);
	expect_public(&box, HAL_KEY_CURRENT, &next);
	assert_false(is_there(&box, "signing.key.new") || is_there(&box, "next.key.new"));
	box_close(&box);
	buf_release(&file);
}

/* Opening is refused with this error, says which file, and leaves it as it is. */
static void expect_refused(struct box *box, const char *name, struct span bytes, enum err err)
{
	struct buf after;
	buf_init(&after, FILE_BYTES);
	put(box, name, bytes);
	assert_int_equal(box_open(box), err);
	assert_null(box->keys);
	assert_non_null(strstr(box->info.text, name));
	get(box, name, &after);
	assert_true(span_equal(buf_span(&after), bytes));
	buf_release(&after);
}

/* Every single flipped bit, every cut and a byte too many, in each of the two files: refused, nothing written over; the
 * file put back as it was opens again. */
void keys_damaged_are_refused(void **state)
{
	static const char *const names[] = {"signing.key", "next.key"};
	struct box box;
	struct buf file;
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	box_close(&box);
	for (size_t n = 0; n < 2; n++) {
		get(&box, names[n], &file);
		for (size_t i = 0; i < file.len; i++) {
			file.data[i] ^= (uint8_t)(1u << i % 8);
			expect_refused(&box, names[n], buf_span(&file), ERR_CORRUPT);
			file.data[i] ^= (uint8_t)(1u << i % 8);
		}
		for (size_t len = 0; len < file.len; len += len < 40 ? 1 : 7)
			expect_refused(&box, names[n], (struct span){(const char *)file.data, len},
			               ERR_CORRUPT);
		buf_append_char(&file, 0);
		expect_refused(&box, names[n], buf_span(&file), ERR_CORRUPT);
		put(&box, names[n], (struct span){(const char *)file.data, file.len - 1});
	}
	char large[FILE_BYTES] = "";
	get(&box, "next.key", &file);
	expect_refused(&box, "next.key", (struct span){large, sizeof large}, ERR_CORRUPT);
	put(&box, "next.key", buf_span(&file));
	expect_open(&box, false, true);
	expect_public(&box, HAL_KEY_CURRENT, &key);
	box_close(&box);
	buf_release(&file);
}

/* signing.key gone beside next.key, seal.key gone or damaged beside either: refused, and nothing is made in its place.
 * All gone: a new beginning, and the old key is not found in it. */
void keys_missing_are_refused(void **state)
{
	struct box box;
	struct buf file;
	uint8_t hash[HAL_KEY_HASH_BYTES];
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	assert_int_equal(hal_keys_prepare(box.keys, &box.info), ERR_OK);
	box_close(&box);
	drop(&box, "signing.key");
	assert_int_equal(box_open(&box), ERR_CORRUPT);
	assert_false(is_there(&box, "signing.key"));
	get(&box, "seal.key", &file);
	drop(&box, "seal.key");
	assert_int_equal(box_open(&box), ERR_CORRUPT);
	assert_non_null(strstr(box.info.text, "seal.key"));
	assert_false(is_there(&box, "seal.key"));
	expect_refused(&box, "seal.key", (struct span){(const char *)file.data, file.len - 1}, ERR_CORRUPT);
	file.data[5] = 'g';
	expect_refused(&box, "seal.key", buf_span(&file), ERR_CORRUPT);
	drop(&box, "seal.key");
	drop(&box, "next.key");
	expect_open(&box, true, false);
	hash_of(&key, hash);
	assert_int_equal(hal_keys_promote(box.keys, hash, &box.info), ERR_NOT_FOUND);
	box_close(&box);
	buf_release(&file);
}

/* A file whose check is right but whose version is not ours; the check is made here with OpenSSL. */
void keys_of_a_later_program_are_refused(void **state)
{
	struct box box;
	struct buf file;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	box_close(&box);
	get(&box, "signing.key", &file);
	assert_non_null(SHA256(file.data, file.len - 8, hash));
	assert_memory_equal(file.data + file.len - 8, hash, 8);
	file.data[8] = 2;
	assert_non_null(SHA256(file.data, file.len - 8, hash));
	memcpy(file.data + file.len - 8, hash, 8);
	expect_refused(&box, "signing.key", buf_span(&file), ERR_VERSION);
	/* A length that is not that of the rest. */
	file.data[8] = 1;
	file.data[10]++;
	assert_non_null(SHA256(file.data, file.len - 8, hash));
	memcpy(file.data + file.len - 8, hash, 8);
	expect_refused(&box, "signing.key", buf_span(&file), ERR_CORRUPT);
	buf_release(&file);
}

#define SEAL_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e0a"

/* The same seal as 32 bytes (a zero byte and a newline at its end among them), as 64 digits, and with a newline after
 * them, opens the same key. Other forms are refused. */
void keys_take_a_seal_in_three_forms(void **state)
{
	static const char *const bad[] = {"",
	                                  "000102030405060708090a0b0c0d0e0",
	                                  SEAL_HEX "0",
	                                  SEAL_HEX "\n\n",
	                                  SEAL_HEX "\r\n",
	                                  "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E0A",
	                                  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e0"};
	struct box box;
	char seal[32];
	box_init(&box, state);
	for (size_t i = 0; i < sizeof seal; i++)
		seal[i] = (char)(i == 31 ? '\n' : i);
	configure_seal(&box);
	assert_int_equal(box_open(&box), ERR_NOT_FOUND);
	put(&box, SEAL_FILE, (struct span){seal, sizeof seal});
	expect_open(&box, true, false);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	box_close(&box);
	assert_false(is_there(&box, "seal.key"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put(&box, SEAL_FILE, span_of(bad[i]));
		assert_int_equal(box_open(&box), ERR_BAD_INPUT);
		assert_null(strstr(box.info.text, "000102"));
	}
	put(&box, SEAL_FILE, SPAN_LITERAL(SEAL_HEX));
	expect_open(&box, false, false);
	expect_public(&box, HAL_KEY_CURRENT, &key);
	box_close(&box);
	put(&box, SEAL_FILE, SPAN_LITERAL(SEAL_HEX "\n"));
	expect_open(&box, false, false);
	expect_public(&box, HAL_KEY_CURRENT, &key);
	box_close(&box);
	drop(&box, SEAL_FILE);
}

/* Another seal, configured or in seal.key, is told apart from damage, and leaves all as it is. */
void keys_refuse_another_seal(void **state)
{
	struct box box;
	struct buf file;
	buf_init(&file, FILE_BYTES);
	box_init(&box, state);
	expect_open(&box, true, false);
	struct public_key key = public_of(&box, HAL_KEY_CURRENT);
	box_close(&box);
	get(&box, "seal.key", &file);
	configure_seal(&box);
	put(&box, SEAL_FILE, SPAN_LITERAL(SEAL_HEX));
	assert_int_equal(box_open(&box), ERR_DENIED);
	assert_non_null(strstr(box.info.text, "another seal"));
	/* The seal that was made here, configured: a way to move it off the box. */
	put(&box, SEAL_FILE, buf_span(&file));
	expect_open(&box, false, false);
	expect_public(&box, HAL_KEY_CURRENT, &key);
	box_close(&box);
	drop(&box, SEAL_FILE);
	box.options.seal.kind = SECRET_NONE;
	file.data[0] = file.data[0] == '0' ? '1' : '0';
	put(&box, "seal.key", buf_span(&file));
	assert_int_equal(box_open(&box), ERR_DENIED);
	assert_non_null(strstr(box.info.text, "signing.key"));
	buf_release(&file);
}
