/*
 * digest_test.c - SHA-256 against the examples of NIST.
 *
 * Why:   everything the product proves rests on this one function.
 * Owns:  nothing.
 * Rules: the answers are NIST's: FIPS 180-4 example values (SHA256.pdf of the Cryptographic Standards and Guidelines
 *        examples) and SHA256ShortMsg.rsp of the CAVP byte-oriented vectors.
 * Runs in: the tests.
 */
#include "store_forward/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MILLION 1000000

static void assert_digest(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX_SIZE];
	digest_hex(digest, text);
	assert_string_equal(text, hex);
}

/* FIPS 180-4 examples: one block, two blocks, and a million times "a". */
static void test_fips_examples(void **state)
{
	(void)state;
	struct span abc = SPAN_LITERAL("abc");
	struct digest digest = digest_of(&abc, 1);
	assert_digest(&digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct span two_blocks = SPAN_LITERAL("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
	digest = digest_of(&two_blocks, 1);
	assert_digest(&digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	char *letters = malloc(MILLION);
	assert_non_null(letters);
	memset(letters, 'a', MILLION);
	struct span million = {letters, MILLION};
	digest = digest_of(&million, 1);
	assert_digest(&digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(letters);
}

/* SHA256ShortMsg.rsp: lengths of 0, 1, 2, 3, 4, 5, 8 and 64 bytes. */
static void test_cavp_short_messages(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		const char *digest;
	} cases[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"d3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
	    {"11af", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
	    {"b4190e", "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"},
	    {"74ba2521", "b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e"},
	    {"c299209682", "f0887fe961c9cd3beab957e8222494abb969b1ce4c6557976df8b0f6d20e9166"},
	    {"5738c929c4f4ccb6", "963bb88f27f512777aab6c8b1a02c70ec0ad651d428f870036e1917120fb48bf"},
	    {"5a86b737eaea8ee976a0a24da63e7ed7eefad18a101c1211e2b3650c5187c2a8a650547208251f6d4237e661c7bf4c7"
	     "7f335390394c37fa"
	     "1a9f9be836ac28509",
	     "42e61e174fbb3897d6dd6cef3dd2802fe67b331953b06114a65c772859dfc1aa"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[64];
		size_t len = strlen(cases[i].message) / 2;
		assert_true(hex_decode(bytes, len, span_of(cases[i].message)));
		struct span part = {(const char *)bytes, len};
		struct digest digest = digest_of(&part, 1);
		assert_digest(&digest, cases[i].digest);
	}
}

/* However a message is cut into parts, empty ones among them, its digest is the same; no parts are the empty
 * message. */
static void test_parts(void **state)
{
	(void)state;
	char message[200];
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (char)(i * 7);
	struct span whole = {message, sizeof message};
	struct digest expected = digest_of(&whole, 1);
	for (size_t cut = 0; cut <= sizeof message; cut++) {
		struct span parts[] = {
		    {message, cut}, {NULL, 0}, {message + cut, sizeof message - cut}, {message, 0}};
		struct digest digest = digest_of(parts, 4);
		assert_true(digest_equal(&digest, &expected));
		struct digest_stream *stream = digest_stream_new();
		for (size_t i = 0; i < 4; i++)
			digest_stream_add(stream, parts[i]);
		digest = digest_stream_finish(stream);
		assert_true(digest_equal(&digest, &expected));
	}
	struct digest empty = digest_of(NULL, 0);
	assert_digest(&empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_false(digest_equal(&empty, &expected));
	struct digest last_differs = expected;
	last_differs.bytes[DIGEST_BYTES - 1] ^= 1;
	assert_false(digest_equal(&last_differs, &expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fips_examples),
	    cmocka_unit_test(test_cavp_short_messages),
	    cmocka_unit_test(test_parts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
