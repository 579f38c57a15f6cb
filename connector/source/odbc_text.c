/*
 * odbc_text.c - text between an ODBC driver and the rest: encodings, and words for people.
 *
 * Why:   see odbc_text.h.
 * Owns:  the converters and the scratch buffer of struct odbc_text.
 * Rules: as in odbc_text.h.
 * Faults: see odbc_text.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connector/posting/canonical.h"

#define UTF8_SEQUENCE_MAX 4u
/* Shorter secrets are none, and replacing them would leave no words to read. */
#define REDACTED_BYTES_MIN 3
#define REDACTED           "***"

bool odbc_text_init(struct odbc_text *text, struct span encoding)
{
	char name[SOURCE_ENCODING_BYTES_MAX + 1];
	*text = (struct odbc_text){.converts = false};
	if (!text_copy(name, sizeof name, encoding))
		return false;
	if (strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0)
		return true;
	iconv_t to_utf8 = iconv_open("UTF-8", name);
	if (to_utf8 == (iconv_t)-1)
		return false;
	iconv_t from_utf8 = iconv_open(name, "UTF-8");
	if (from_utf8 == (iconv_t)-1) {
		(void)iconv_close(to_utf8);
		return false;
	}
	*text = (struct odbc_text){.converts = true,
	                           .to_utf8 = to_utf8,
	                           .from_utf8 = from_utf8,
	                           .scratch = mem_alloc(SOURCE_VALUE_BYTES_MAX)};
	return true;
}

void odbc_text_release(struct odbc_text *text)
{
	if (text->converts) {
		(void)iconv_close(text->to_utf8);
		(void)iconv_close(text->from_utf8);
		free(text->scratch);
	}
	*text = (struct odbc_text){.converts = false};
}

struct span odbc_text_shown(struct span raw)
{
	if (raw.len <= SOURCE_VALUE_SHOWN_MAX)
		return raw;
	/* Back over continuation bytes, so that what was valid stays valid. */
	size_t len = SOURCE_VALUE_SHOWN_MAX;
	while (len > SOURCE_VALUE_SHOWN_MAX - UTF8_SEQUENCE_MAX &&
	       ((unsigned char)raw.data[len] & 0xc0) == 0x80)
		len--;
	return (struct span){raw.data, len};
}

static struct source_value converted(struct odbc_text *text, struct span raw)
{
	char *in = (char *)raw.data; /* iconv(3) does not write there */
	size_t in_left = raw.len;
	char *out = text->scratch;
	size_t out_left = SOURCE_VALUE_BYTES_MAX;
	(void)iconv(text->to_utf8, NULL, NULL, NULL, NULL);
	if (raw.len > 0 && iconv(text->to_utf8, &in, &in_left, &out, &out_left) == (size_t)-1) {
		enum source_value_kind kind = errno == E2BIG ? SOURCE_VALUE_TOO_LONG : SOURCE_VALUE_BAD_UTF8;
		return (struct source_value){kind, odbc_text_shown(raw)};
	}
	return (struct source_value){SOURCE_VALUE_TEXT, {text->scratch, (size_t)(out - text->scratch)}};
}

struct source_value odbc_text_value(struct odbc_text *text, struct span raw)
{
	if (raw.len > SOURCE_VALUE_BYTES_MAX)
		return (struct source_value){SOURCE_VALUE_TOO_LONG, odbc_text_shown(raw)};
	if (text->converts)
		return converted(text, raw);
	if (!utf8_valid(raw))
		return (struct source_value){SOURCE_VALUE_BAD_UTF8, odbc_text_shown(raw)};
	return (struct source_value){SOURCE_VALUE_TEXT, raw};
}

bool odbc_text_append(struct odbc_text *text, struct buf *out, struct span utf8)
{
	if (!text->converts) {
		buf_append_span(out, utf8);
		return buf_ok(out);
	}
	/* No encoding in use needs more than four bytes where UTF-8 has one, and a few to switch back at the end. */
	size_t room = utf8.len * 4 + 16;
	char *to = (char *)buf_reserve(out, room);
	if (!to)
		return false;
	char *start = to;
	char *in = (char *)utf8.data;
	size_t in_left = utf8.len;
	(void)iconv(text->from_utf8, NULL, NULL, NULL, NULL);
	if (utf8.len > 0 && iconv(text->from_utf8, &in, &in_left, &to, &room) == (size_t)-1)
		return false;
	if (iconv(text->from_utf8, NULL, NULL, &to, &room) == (size_t)-1)
		return false;
	buf_added(out, (size_t)(to - start));
	return true;
}

/* Bytes of the well-formed sequence at the start of words; 0: there is none. */
static size_t sequence_length(struct span words)
{
	for (size_t len = 1; len <= UTF8_SEQUENCE_MAX && len <= words.len; len++) {
		if (utf8_valid((struct span){words.data, len}))
			return len;
	}
	return 0;
}

void odbc_text_clean(char *to, size_t size, struct span words)
{
	CHECK(size > 0);
	size_t len = 0;
	while (words.len > 0) {
		size_t sequence = sequence_length(words);
		size_t taken = sequence ? sequence : 1;
		unsigned char first = (unsigned char)words.data[0];
		bool control = first < 0x20 || first == 0x7f;
		if (len + taken >= size)
			break;
		if (sequence == 0)
			to[len++] = '?';
		else if (!control)
			memcpy(to + len, words.data, sequence);
		else if (len > 0 && to[len - 1] != ' ')
			to[len++] = ' ';
		if (sequence > 0 && !control)
			len += sequence;
		words = (struct span){words.data + taken, words.len - taken};
	}
	while (len > 0 && to[len - 1] == ' ')
		len--;
	to[len] = 0;
}

void odbc_text_redact(char *text, struct span secret)
{
	if (secret.len < REDACTED_BYTES_MIN)
		return;
	size_t len = strlen(text);
	char *at = text;
	while ((at = memmem(at, len - (size_t)(at - text), secret.data, secret.len)) != NULL) {
		size_t after = len - (size_t)(at - text) - secret.len;
		memcpy(at, REDACTED, sizeof REDACTED - 1);
		at += sizeof REDACTED - 1;
		memmove(at, at + secret.len - (sizeof REDACTED - 1), after + 1);
		len -= secret.len - (sizeof REDACTED - 1);
	}
}
