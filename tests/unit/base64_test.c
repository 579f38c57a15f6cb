/*
 * base64_test.c - base64 against the vectors of RFC 4648, and everything that is nearly base64.
 *
 * Why:   a signature has one text; a second text for the same bytes would make two notes of one.
 * Owns:  nothing.
 * Rules: the answers are those of RFC 4648 section 10, or follow from its sections 3 and 4.
 * Runs in: the tests.
 */
#include "hal/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648 section 10, both ways. */
static void test_rfc_vectors(void **state)
{
	(void)state;
	static const char *const vectors[][2] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	};
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct buf out;
		uint8_t bytes[8];
		size_t len;
		size_t bytes_len = strlen(vectors[i][0]);
		buf_init(&out, 64);
		base64_encode(&out, vectors[i][0], bytes_len);
		assert_string_equal(buf_cstr(&out), vectors[i][1]);
		assert_int_equal(out.len, BASE64_TEXT_LEN(bytes_len));
		assert_true(base64_length(buf_span(&out), &len));
		assert_int_equal(len, bytes_len);
		assert_true(base64_decode(bytes, sizeof bytes, &len, buf_span(&out)));
		assert_int_equal(len, bytes_len);
		assert_memory_equal(bytes, vectors[i][0], len);
		buf_release(&out);
	}
}

/* The alphabet in its order (table 1) is the numbers 0 to 63, six bits each. */
static void test_alphabet(void **state)
{
	(void)state;
	uint8_t bytes[48];
	struct buf out;
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t group = (4 * i) << 18 | (4 * i + 1) << 12 | (4 * i + 2) << 6 | (4 * i + 3);
		bytes[3 * i] = (uint8_t)(group >> 16);
		bytes[3 * i + 1] = (uint8_t)(group >> 8);
		bytes[3 * i + 2] = (uint8_t)group;
	}
	buf_init(&out, 64);
	base64_encode(&out, bytes, sizeof bytes);
	assert_string_equal(buf_cstr(&out),
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	buf_release(&out);
}

/* A cut group, a pad in the wrong place or missing, a letter outside the alphabet, a blank, a bit that stands for
 * nothing: all refused, and not a byte is written. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "Z",    "Zg",    "Zg=",      "Zg==Zg==", "====",  "=Zg=", "Zg=a",   "Z===",   "Zm8==", "Zm9v=",
	    "Zh==", "Zn==",  "Zm9=",     "Zm+=",     "Zm9-",  "Zm9_", "Zm 9",   "Zm9v\n", " Zm9v", "Zm9\xc3",
	    "Zm9.", "\nZm9", "Zm9vYmF=", "Zm9vYm=y", "Zm9v@", "Zm9[", "Zm9vYg", "Zm9`",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint8_t bytes[16];
		size_t len;
		memset(bytes, 0xa5, sizeof bytes);
		assert_false(base64_decode(bytes, sizeof bytes, &len, span_of(bad[i])));
		assert_false(base64_length(span_of(bad[i]), &len));
		for (size_t at = 0; at < sizeof bytes; at++)
			assert_int_equal(bytes[at], 0xa5);
	}
	size_t len;
	assert_false(base64_length((struct span){"Zg\0=", 4}, &len));
}

/* Exactly as many bytes as there is room for are taken, one more is refused; a full buffer refuses text. */
static void test_room(void **state)
{
	(void)state;
	uint8_t bytes[6];
	size_t len;
	assert_true(base64_decode(bytes, 6, &len, SPAN_LITERAL("Zm9vYmFy")));
	assert_false(base64_decode(bytes, 5, &len, SPAN_LITERAL("Zm9vYmFy")));
	assert_true(base64_decode(bytes, 5, &len, SPAN_LITERAL("Zm9vYmE=")));
	assert_false(base64_decode(bytes, 0, &len, SPAN_LITERAL("Zg==")));
	assert_true(base64_decode(bytes, 0, &len, SPAN_LITERAL("")));
	struct buf out;
	buf_init(&out, 7);
	base64_encode(&out, "fooba", 5);
	assert_false(buf_ok(&out));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_vectors),
	    cmocka_unit_test(test_alphabet),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_room),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
