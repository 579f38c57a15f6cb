/*
 * checkpoint_test.c - the text of a checkpoint, to the byte, and all that is nearly one.
 *
 * Why:   the middleware signs these very bytes again; two forms of one checkpoint would be two receipts.
 * Owns:  nothing.
 * Rules: the known text was put together by hand of values that these commands gave (bash, coreutils, OpenSSL 3.0):
 *
 *   printf root | openssl dgst -sha256 -binary | base64; printf root | sha256sum; printf chain | sha256sum
 *   date -u -d '2026-11-21 14:20:05' +%s
 *
 * Runs in: the tests.
 */
#include "connector/uplink/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note_mutations.h"

#define SOURCE "urn:twinpost:acme:box1:00100:1709199005"
#define ROOT   "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I="
#define CHAIN  "9414886b1ebf025db067a4cbd13a0903fbd9733a5372bba1b58bd72c1699b798"
#define TIME   "2026-11-21T14:20:05.123Z"
#define KNOWN  SOURCE "\n256\n" ROOT "\nchain " CHAIN "\ntime " TIME "\n"

static bool again(struct span text, struct buf *out)
{
	struct checkpoint checkpoint;
	if (!checkpoint_decode(&checkpoint, text))
		return false;
	checkpoint_encode(out, &checkpoint);
	return true;
}

/* The known text, both ways. */
static void test_known_text(void **state)
{
	(void)state;
	struct checkpoint checkpoint;
	struct buf out;
	uint8_t root[DIGEST_BYTES];
	uint8_t chain[DIGEST_BYTES];
	assert_true(
	    hex_decode(root, DIGEST_BYTES,
	               SPAN_LITERAL("4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2")));
	assert_true(hex_decode(chain, DIGEST_BYTES, SPAN_LITERAL(CHAIN)));
	assert_true(checkpoint_decode(&checkpoint, SPAN_LITERAL(KNOWN)));
	assert_true(span_equal(checkpoint.source, SPAN_LITERAL(SOURCE)));
	assert_int_equal(checkpoint.size, 256);
	assert_memory_equal(checkpoint.root.bytes, root, DIGEST_BYTES);
	assert_memory_equal(checkpoint.chain.bytes, chain, DIGEST_BYTES);
	assert_true(checkpoint.time_ns == INT64_C(1795270805123000000));
	buf_init(&out, CHECKPOINT_TEXT_MAX);
	checkpoint_encode(&out, &checkpoint);
	assert_string_equal(buf_cstr(&out), KNOWN);
	buf_release(&out);
}

/* Every cut is refused; every other small change is, or is a checkpoint of its own with one form. */
static void test_mutations(void **state)
{
	(void)state;
	struct checkpoint checkpoint;
	for (size_t len = 0; len < sizeof KNOWN - 1; len++)
		assert_false(checkpoint_decode(&checkpoint, (struct span){KNOWN, len}));
	assert_true(note_mutations(SPAN_LITERAL(KNOWN), again) > 100);
}

static bool decodes(const char *text)
{
	struct checkpoint checkpoint;
	return checkpoint_decode(&checkpoint, span_of(text));
}

#define END "\n" ROOT "\nchain " CHAIN "\ntime " TIME "\n"

/* Sizes at both ends; no zero, sign, blank or leading zero; not above 63 bits. */
static void test_sizes(void **state)
{
	(void)state;
	assert_true(decodes(SOURCE "\n1" END));
	assert_true(decodes(SOURCE "\n9223372036854775807" END));
	assert_false(decodes(SOURCE "\n9223372036854775808" END));
	assert_false(decodes(SOURCE "\n18446744073709551617" END));
	assert_false(decodes(SOURCE "\n0" END));
	assert_false(decodes(SOURCE "\n" END));
	assert_false(decodes(SOURCE "\n01" END));
	assert_false(decodes(SOURCE "\n-1" END));
	assert_false(decodes(SOURCE "\n+1" END));
	assert_false(decodes(SOURCE "\n1 " END));
}

/* Sources: of another scheme, with a part too few or too many, empty, in upper case, an epoch that is none; 159 bytes
 * and
 * 160. */
static void test_sources(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
	                                  "urn:twinpost:",
	                                  "urn:other:acme:box1:00100:1",
	                                  "urn:twinpost:acme:box1:1",
	                                  "urn:twinpost:acme:box1:00100:a:1",
	                                  "urn:twinpost:acme::00100:1",
	                                  "urn:twinpost::box1:00100:1",
	                                  "urn:twinpost:acme:box1::1",
	                                  "urn:twinpost:acme:box1:00100:",
	                                  "urn:twinpost:acme:box1:00100:0",
	                                  "urn:twinpost:acme:box1:00100:01",
	                                  "urn:twinpost:acme:box1:00100:x",
	                                  "urn:twinpost:Acme:box1:00100:1",
	                                  "urn:twinpost:acme:box 1:00100:1",
	                                  "urn:twinpost:acme:box1:00100:1 "};
	struct buf text;
	buf_init(&text, 1000);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		buf_clear(&text);
		buf_append_text(&text, bad[i]);
		buf_append_text(&text, "\n1" END);
		assert_false(decodes(buf_cstr(&text)));
	}
	for (size_t len = 159; len <= 160; len++) {
		struct checkpoint checkpoint = {.size = INT64_MAX, .time_ns = INT64_MAX / 2};
		buf_clear(&text);
		buf_append_text(&text, "urn:twinpost:a:b:");
		while (text.len < len - 2)
			buf_append_char(&text, 's');
		buf_append_text(&text, ":1");
		char source[161];
		assert_true(text_copy(source, sizeof source, buf_span(&text)));
		buf_append_text(&text, "\n9223372036854775807" END);
		assert_int_equal(decodes(buf_cstr(&text)), len == 159);
		if (len == 159) { /* the longest text of all has its room */
			struct buf out;
			buf_init(&out, CHECKPOINT_TEXT_MAX);
			checkpoint.source = span_of(source);
			checkpoint_encode(&out, &checkpoint);
			assert_true(buf_ok(&out));
			buf_release(&out);
		}
	}
	buf_release(&text);
}

/* Lines in another order, one too many, missing, with other labels; a root or chain of 31 or 33 bytes; a time that is
 * none. */
static void test_lines(void **state)
{
	(void)state;
	assert_false(decodes(SOURCE "\n1\n" ROOT "\ntime " TIME "\nchain " CHAIN "\n"));
	assert_false(decodes(KNOWN "more\n"));
	assert_false(decodes(KNOWN "\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\nchain " CHAIN "\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\ntime " TIME "\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\nchain  " CHAIN "\ntime " TIME "\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\nchain " CHAIN "00\ntime " TIME "\n"));
	assert_false(decodes(SOURCE "\n1\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2dw==\nchain " CHAIN
	                            "\ntime " TIME "\n"));
	assert_false(decodes(SOURCE "\n1\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7IA\nchain " CHAIN
	                            "\ntime " TIME "\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\nchain " CHAIN "\ntime 2026-11-21T14:20:05Z\n"));
	assert_false(decodes(SOURCE "\n1\n" ROOT "\nchain " CHAIN "\ntime 2026-02-29T14:20:05.123Z\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_text), cmocka_unit_test(test_mutations), cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_sources),    cmocka_unit_test(test_lines),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
