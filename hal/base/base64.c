/*
 * base64.c - encodes three bytes as four characters, and reads back nothing else.
 *
 * Why:   see base64.h.
 * Owns:  nothing.
 * Rules: as in base64.h.
 * Faults: any other text is refused before a byte is written.
 * Runs in: every process.
 * Tests: tests/unit/base64_test.c, tests/fuzz/note_fuzz.c
 */
#include "hal/base/base64.h"

#define PAD '='

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *bytes, size_t len)
{
	const uint8_t *next = bytes;
	for (size_t at = 0; at < len; at += 3) {
		size_t here = len - at;
		uint32_t group = (uint32_t)next[at] << 16;
		group |= here > 1 ? (uint32_t)next[at + 1] << 8 : 0;
		group |= here > 2 ? next[at + 2] : 0;
		const char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
		                      here > 1 ? alphabet[group >> 6 & 63] : PAD,
		                      here > 2 ? alphabet[group & 63] : PAD};
		buf_append(out, text, sizeof text);
	}
}

/* -1: not a character of the alphabet. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool base64_length(struct span text, size_t *len)
{
	*len = 0;
	if (text.len % 4 != 0)
		return false;
	if (text.len == 0)
		return true;
	size_t pads = text.data[text.len - 1] != PAD ? 0 : text.data[text.len - 2] != PAD ? 1 : 2;
	size_t letters = text.len - pads;
	for (size_t i = 0; i < letters; i++) {
		if (value_of(text.data[i]) < 0)
			return false;
	}
	/* One pad: the last letter has 2 bits that stand for nothing; two pads: 4. */
	int nothing = pads == 0 ? 0 : pads == 1 ? 3 : 15;
	if ((value_of(text.data[letters - 1]) & nothing) != 0)
		return false;
	*len = text.len / 4 * 3 - pads;
	return true;
}

bool base64_decode(uint8_t *bytes, size_t size, size_t *len, struct span text)
{
	if (!base64_length(text, len) || *len > size)
		return false;
	uint32_t bits = 0;
	size_t at = 0;
	for (size_t i = 0; i < text.len && at < *len; i++) {
		bits = bits << 6 | (text.data[i] == PAD ? 0 : (uint32_t)value_of(text.data[i]));
		if (i % 4 == 3) {
			for (int shift = 16; shift >= 0 && at < *len; shift -= 8)
				bytes[at++] = (uint8_t)(bits >> shift);
		}
	}
	return true;
}
