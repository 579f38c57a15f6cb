/*
 * pair_fuzz.c - libFuzzer entry for views and pairs of documents that differ in one byte of their packed form.
 *
 * Why:   what is nearly equal is where a comparison could go wrong.
 * Owns:  nothing that outlives one input.
 * Rules: 1. The input: a place (u16), a byte, a packed document; the second document has that byte in that place.
 *        2. Matched, without differences, and equal fingerprints are one and the same; so it is with the sides swapped.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/compare/pair.h"

#include <stdlib.h>
#include <string.h>

#include "connector/posting/pack.h"

#define HEAD_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pair(const struct view *legacy, const struct view *cloud)
{
	struct pair *pair = malloc(sizeof *pair);
	CHECK(pair != NULL);
	pair_compare(legacy, cloud, NULL, pair);
	struct fingerprint a = view_fingerprint(legacy, SPAN_LITERAL("x"));
	struct fingerprint b = view_fingerprint(cloud, SPAN_LITERAL("x"));
	bool matched = pair->class_ == PAIR_MATCHED;
	CHECK(matched == fingerprint_equal(&a, &b));
	CHECK(matched == (pair->count == 0));
	for (int i = 0; i < pair->kept; i++)
		CHECK(strcmp(pair->differences[i].field, "form") != 0 && !pair->differences[i].tolerated);
	free(pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document documents[2];
	struct view views[2];
	bool made = size > HEAD_BYTES;
	size_t len = made ? size - HEAD_BYTES : 0;
	char *packed = malloc(len + 1);
	CHECK(packed != NULL);
	if (len > 0)
		memcpy(packed, data + HEAD_BYTES, len);
	for (int i = 0; i < 2; i++) {
		document_init(&documents[i]);
		view_init(&views[i]);
		made = made && document_unpack(&documents[i], (struct span){packed, len}, NULL) == ERR_OK &&
		       view_make(&views[i], i == 0 ? SIDE_LEGACY : SIDE_CLOUD, &documents[i], NULL, NULL) ==
		           ERR_OK;
		if (made)
			packed[(data[0] | (size_t)data[1] << 8) % len] = (char)data[2];
	}
	if (made) {
		check_pair(&views[0], &views[1]);
		check_pair(&views[1], &views[0]);
		check_pair(&views[0], &views[0]);
	}
	for (int i = 0; i < 2; i++) {
		view_release(&views[i]);
		document_release(&documents[i]);
	}
	free(packed);
	return 0;
}
