/*
 * utf8.c - is this text well-formed UTF-8?
 *
 * Why:   some drivers hand out Latin-1 or UTF-16 under the name of UTF-8; what is not UTF-8 must not become a posting.
 * Owns:  nothing.
 * Rules: the byte sequences of Unicode 15.0, table 3-7, and no others: no surrogates, no over-long forms, nothing above
 *        U+10FFFF. U+0000 is well-formed.
 * Runs in: the core.
 * Tests: tests/unit/canonical_test.c, tests/fuzz/canonical_fuzz.c
 */
#include "connector/posting/canonical.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Length of the sequence that begins with this byte, and the range of its second byte; 0: no sequence does. */
static size_t sequence_length(unsigned char first, unsigned char *second_min, unsigned char *second_max)
{
	*second_min = 0x80;
	*second_max = 0xbf;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef) {
		if (first == 0xe0)
			*second_min = 0xa0; /* shorter forms exist below U+0800 */
		if (first == 0xed)
			*second_max = 0x9f; /* the surrogates */
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		if (first == 0xf0)
			*second_min = 0x90; /* shorter forms exist below U+10000 */
		if (first == 0xf4)
			*second_max = 0x8f; /* the end of Unicode */
		return 4;
	}
	return 0;
}

bool utf8_valid(struct span text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	size_t at = 0;
	while (at < text.len) {
		if (bytes[at] < 0x80) {
			/* Nearly all text is ASCII: eight bytes at a time. */
			uint64_t block;
			at++;
			while (text.len - at >= sizeof block) {
				memcpy(&block, bytes + at, sizeof block);
				if (block & HIGH_BITS)
					break;
				at += sizeof block;
			}
			continue;
		}
		unsigned char second_min;
		unsigned char second_max;
		size_t length = sequence_length(bytes[at], &second_min, &second_max);
		if (length == 0 || text.len - at < length || bytes[at + 1] < second_min ||
		    bytes[at + 1] > second_max)
			return false;
		for (size_t i = 2; i < length; i++) {
			if (bytes[at + i] < 0x80 || bytes[at + i] > 0xbf)
				return false;
		}
		at += length;
	}
	return true;
}
