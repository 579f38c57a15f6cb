/*
 * signed_note.c - reads, verifies and writes signed notes with OpenSSL.
 *
 * Why:   see signed_note.h.
 * Owns:  nothing.
 * Rules: as in signed_note.h.
 * Runs in: tests.
 * Tests: tests/sim/witness_test.c
 */
#include "tests/sim/signed_note.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/event.h"

#define DASH "\xe2\x80\x94 "

void signed_note_base64(struct buf *out, struct span bytes)
{
	uint8_t *room = buf_reserve(out, bytes.len / 3 * 4 + 8);
	CHECK(room != NULL);
	buf_added(out, (size_t)EVP_EncodeBlock(room, (const uint8_t *)bytes.data, (int)bytes.len));
}

int signed_note_decode(struct span text, uint8_t *out, size_t size)
{
	uint8_t bytes[SIGNED_NOTE_BYTES_MAX];
	if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > sizeof bytes)
		return -1;
	int len = EVP_DecodeBlock(bytes, (const uint8_t *)text.data, (int)text.len);
	len -= (text.data[text.len - 1] == '=') + (text.data[text.len - 2] == '=');
	if (len < 0 || (size_t)len > size)
		return -1;
	memcpy(out, bytes, (size_t)len);
	return len;
}

static bool read_line(struct signed_note_line *line, struct span bytes)
{
	uint8_t decoded[4 + SIGNED_NOTE_SIGNATURE_MAX];
	if (bytes.len < sizeof DASH || memcmp(bytes.data, DASH, sizeof DASH - 1) != 0)
		return false;
	bytes = (struct span){bytes.data + sizeof DASH - 1, bytes.len - (sizeof DASH - 1)};
	const char *space = memchr(bytes.data, ' ', bytes.len);
	if (!space || space == bytes.data)
		return false;
	line->name = (struct span){bytes.data, (size_t)(space - bytes.data)};
	struct span text = {space + 1, bytes.len - line->name.len - 1};
	int len = signed_note_decode(text, decoded, sizeof decoded);
	if (len <= 4)
		return false;
	memcpy(line->key_id, decoded, 4);
	line->signature_len = (size_t)len - 4;
	memcpy(line->signature, decoded + 4, line->signature_len);
	return true;
}

bool signed_note_open(struct signed_note *note, struct span bytes)
{
	size_t end = bytes.len;
	*note = (struct signed_note){.count = 0};
	if (bytes.len < 4 || bytes.len > SIGNED_NOTE_BYTES_MAX || bytes.data[bytes.len - 1] != '\n')
		return false;
	while (end >= 2 && !(bytes.data[end - 1] == '\n' && bytes.data[end - 2] == '\n'))
		end--;
	if (end < 3 || end == bytes.len)
		return false;
	note->text = (struct span){bytes.data, end - 1};
	while (end < bytes.len) {
		const char *begin = bytes.data + end;
		const char *stop = memchr(begin, '\n', bytes.len - end);
		size_t len = (size_t)(stop - begin);
		if (note->count == SIGNED_NOTE_LINES_MAX ||
		    !read_line(&note->lines[note->count++], (struct span){begin, len}))
			return false;
		end += len + 1;
	}
	return true;
}

static bool verifies(struct span spki, struct span text, const struct signed_note_line *line)
{
	const unsigned char *der = (const unsigned char *)spki.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)spki.len);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = key && context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	            EVP_DigestVerify(context, line->signature, line->signature_len,
	                             (const unsigned char *)text.data, text.len) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}

enum signed_note_verdict signed_note_verify(const struct signed_note *note, struct span spki)
{
	uint8_t hash[EVENT_HASH_BYTES];
	enum signed_note_verdict verdict = SIGNED_NOTE_OTHER_KEY;
	event_sha256(spki, hash);
	for (int i = 0; i < note->count; i++) {
		if (memcmp(hash, note->lines[i].key_id, 4) != 0)
			continue;
		if (!verifies(spki, note->text, &note->lines[i]))
			return SIGNED_NOTE_BAD;
		verdict = SIGNED_NOTE_GOOD;
	}
	return verdict;
}

void signed_note_sign(struct buf *out, struct span text, const char *name, struct key_pair *key)
{
	uint8_t hash[EVENT_HASH_BYTES];
	uint8_t bytes[4 + HAL_SIGNATURE_MAX];
	size_t len = 0;
	event_sha256(key_pair_public(key), hash);
	memcpy(bytes, hash, 4);
	key_pair_sign(key, text, bytes + 4, &len);
	buf_printf(out, DASH "%s ", name);
	signed_note_base64(out, (struct span){(const char *)bytes, len + 4});
	buf_append_char(out, '\n');
}
