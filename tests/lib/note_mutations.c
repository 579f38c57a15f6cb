/*
 * note_mutations.c - changes a text in every small way.
 *
 * Why:   see note_mutations.h.
 * Owns:  nothing.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#include "tests/lib/note_mutations.h"

#include <string.h>

#define TEXT_MAX 4096

/* Taken: with the same bytes again. */
static bool taken(struct span text, note_again again)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	bool good = again(text, &out);
	CHECK(!good || (buf_ok(&out) && span_equal(buf_span(&out), text)));
	buf_release(&out);
	return good;
}

size_t note_mutations(struct span text, note_again again)
{
	static const char likely[] = "\n 0a+/=:A9-\xff\r\t";
	char changed[TEXT_MAX + 1];
	size_t count = 0;
	CHECK(text.len > 0 && text.len < TEXT_MAX && taken(text, again));
	for (size_t len = 0; len < text.len; len++)
		CHECK(!taken((struct span){text.data, len}, again) || text.data[len - 1] == '\n');
	for (size_t i = 0; i < text.len; i++) {
		memcpy(changed, text.data, i);
		memcpy(changed + i, text.data + i + 1, text.len - i - 1);
		count += taken((struct span){changed, text.len - 1}, again);
		memcpy(changed, text.data, i + 1);
		memcpy(changed + i + 1, text.data + i, text.len - i);
		count += taken((struct span){changed, text.len + 1}, again);
		memcpy(changed, text.data, text.len);
		for (size_t c = 0; c < sizeof likely; c++) { /* with the zero at its end */
			changed[i] = likely[c];
			count += changed[i] != text.data[i] && taken((struct span){changed, text.len}, again);
		}
	}
	memcpy(changed, text.data, text.len);
	changed[text.len] = '\n';
	CHECK(!taken((struct span){changed, text.len + 1}, again));
	return count;
}
