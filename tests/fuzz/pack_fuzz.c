/*
 * pack_fuzz.c - libFuzzer entry for packed documents.
 *
 * Why:   packed documents come from a disk that may be damaged.
 * Owns:  nothing that outlives one input.
 * Rules: what is taken packs to the very same bytes, and can be written as JSON.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/posting/pack.h"

#include <string.h>

#include "connector/posting/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct canonical canonical;
	struct document document;
	struct buf out;
	if (canonical.header_count[0] == 0)
		canonical_init(&canonical);
	document_init(&document);
	buf_init(&out, 8 * size + 4096);
	enum err err = document_unpack(&document, (struct span){(const char *)data, size}, NULL);
	if (err == ERR_OK) {
		document_pack(&document, &out);
		CHECK(buf_ok(&out) && out.len == size && memcmp(out.data, data, size) == 0);
		buf_clear(&out);
		canonical_write(&canonical, &document, &out);
	} else {
		CHECK(err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_TOO_LARGE);
	}
	buf_release(&out);
	document_release(&document);
	return 0;
}
