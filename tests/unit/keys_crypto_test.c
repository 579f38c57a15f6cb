/*
 * keys_crypto_test.c - signatures and sealing against published vectors, and keys that are not ours.
 *
 * Why:   what is signed must verify elsewhere, and a sealed key must open years later.
 * Owns:  nothing.
 * Rules: the answers are those of RFC 6979 (A.2.5, P-256 with SHA-256), FIPS 180-4 and the AES-256 cases of the GCM
 *        specification (McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13 to 16);
 *        other keys were made with OpenSSL 3.0, as said where they stand.
 * Runs in: the tests.
 */
#include "hal/keys_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/lib/test_hal.h"

/* RFC 6979, A.2.5: the private key x and the public point. */
#define X  "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define UX "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define UY "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

/* The same key by RFC 5915, written down by hand: version 1, x, secp256r1, the point. */
#define PRIVATE                                                 \
	"30770201010420" X "a00a06082a8648ce3d030107a144034200" \
	"04" UX UY
/* And its public part by RFC 5480. */
#define SPKI "3059301306072a8648ce3d020106082a8648ce3d03010703420004" UX UY

static struct span bytes_of(const char *hex, uint8_t *to, size_t size)
{
	size_t len = strlen(hex) / 2;
	assert_true(len <= size);
	assert_true(hex_decode(to, len, span_of(hex)));
	return (struct span){(const char *)to, len};
}

static struct key_pair *rfc_pair(struct test_hal *test)
{
	uint8_t der[KEY_PRIVATE_MAX];
	test_hal_init(test, 1);
	struct key_pair *pair = key_pair_from_der(&test->hal, bytes_of(PRIVATE, der, sizeof der));
	assert_non_null(pair);
	return pair;
}

/* RFC 6979, A.2.5, SHA-256: the r and s of both messages, here in DER: an integer whose first bit is set has a zero
 * byte before it. Whatever the entropy, the signature is the same. */
static void test_rfc_signatures(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *der;
	} cases[] = {
	    {"sample", "3046"
	               "022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	               "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
	    {"test", "3045"
	             "022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
	             "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
	};
	struct test_hal test;
	struct key_pair *pair = rfc_pair(&test);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t wanted[HAL_SIGNATURE_MAX];
		uint8_t der[HAL_SIGNATURE_MAX];
		size_t len;
		struct span expected = bytes_of(cases[i].der, wanted, sizeof wanted);
		for (int again = 0; again < 2; again++) {
			key_pair_sign(pair, span_of(cases[i].text), der, &len);
			assert_true(span_equal((struct span){(const char *)der, len}, expected));
		}
	}
	key_pair_free(pair);
}

/* The public key of A.2.5 in DER, and the private one written as it was read. */
static void test_rfc_key_forms(void **state)
{
	(void)state;
	struct test_hal test;
	uint8_t wanted[KEY_PRIVATE_MAX];
	uint8_t der[KEY_PRIVATE_MAX];
	size_t len;
	struct key_pair *pair = rfc_pair(&test);
	assert_true(span_equal(key_pair_public(pair), bytes_of(SPKI, wanted, sizeof wanted)));
	key_pair_private(pair, der, &len);
	assert_true(
	    span_equal((struct span){(const char *)der, len}, bytes_of(PRIVATE, wanted, sizeof wanted)));
	key_pair_free(pair);
}

static void expect_no_pair(struct test_hal *test, const char *hex)
{
	uint8_t der[400];
	assert_null(key_pair_from_der(&test->hal, bytes_of(hex, der, sizeof der)));
}

/* A private key of zero, of the curve's order, of another point; of secp256k1 and P-384 (made for this test by
 * `openssl ecparam -name NAME -genkey -noout -outform DER`); a public key; a cut one; none. */
static void test_no_private_keys(void **state)
{
	(void)state;
	struct test_hal test;
	test_hal_init(&test, 1);
	const char *end = "a00a06082a8648ce3d030107a14403420004" UX UY;
	static const char *const scalars[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* the order, FIPS 186 */
	    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6722",
	};
	for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
		struct buf hex;
		buf_init(&hex, 512);
		buf_append_text(&hex, "30770201010420");
		buf_append_text(&hex, scalars[i]);
		buf_append_text(&hex, end);
		expect_no_pair(&test, buf_cstr(&hex));
		buf_release(&hex);
	}
	expect_no_pair(&test,
	               "30740201010420c4b67f49d9e684c96663b6e4e92b48aa941782786aa079ca34b46f09afafcdfba0"
	               "0706052b8104000aa14403420004b250291aa00003cee401e422174bb9e3342d52cdf3acad27bb63"
	               "7414921679462d13f3cd7da9682018479a4f233e35766dd2808c4142d2eac30f57b11abefe0b");
	expect_no_pair(&test,
	               "3081a40201010430825a969b468bd2c8430afcdeda93a32a9f0da82cbf891d2aa462b1eda335e5f3"
	               "32117ed58f1726a9d8a35d5e8c59e652a00706052b81040022a16403620004d2a20c385bfb95e4e0"
	               "d8dcbe1d0398af0b9452a777e84f3b48def099db20b67632945a45bdb708e42bb1ce3cd63b119c83"
	               "6a765120d2e44f95307c4138cc6b5ccd164e8a17ba5839e164a8e9adb4db80d1db4d1e8064f3e230"
	               "079237a55fa794");
	expect_no_pair(&test, "");
	expect_no_pair(&test, SPKI);
	uint8_t der[KEY_PRIVATE_MAX];
	struct span whole = bytes_of(PRIVATE, der, sizeof der);
	for (size_t len = 0; len < whole.len; len++)
		assert_null(key_pair_from_der(&test.hal, (struct span){whole.data, len}));
}

/* Pairs made here: each another one, good for OpenSSL, and back from their own DER. */
static void test_generated(void **state)
{
	(void)state;
	struct test_hal test;
	uint8_t last[HAL_PUBLIC_KEY_MAX] = {0};
	test_hal_init(&test, 7);
	for (int i = 0; i < 8; i++) {
		uint8_t der[KEY_PRIVATE_MAX];
		size_t len;
		struct key_pair *pair = key_pair_generate(&test.hal);
		struct span spki = key_pair_public(pair);
		assert_int_equal(spki.len, 91);
		assert_memory_not_equal(spki.data, last, spki.len);
		memcpy(last, spki.data, spki.len);
		key_pair_private(pair, der, &len);
		const uint8_t *next = der;
		EVP_PKEY *private = d2i_PrivateKey(EVP_PKEY_EC, NULL, &next, (long)len);
		assert_non_null(private);
		uint8_t *theirs = NULL;
		int theirs_len = i2d_PUBKEY(private, &theirs);
		assert_true(span_equal(spki, (struct span){(const char *)theirs, (size_t)theirs_len}));
		struct key_pair *again = key_pair_from_der(&test.hal, (struct span){(const char *)der, len});
		assert_non_null(again);
		assert_true(span_equal(key_pair_public(again), spki));
		OPENSSL_free(theirs);
		EVP_PKEY_free(private);
		key_pair_free(again);
		key_pair_free(pair);
	}
}

/* FIPS 180-4's one-block example, and the empty message (NIST's SHA256ShortMsg.rsp). */
static void test_hash(void **state)
{
	(void)state;
	uint8_t hash[HAL_KEY_HASH_BYTES];
	char hex[2 * HAL_KEY_HASH_BYTES + 1];
	key_hash(SPAN_LITERAL("abc"), hash);
	hex_encode(hex, hash, sizeof hash);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	key_hash((struct span){NULL, 0}, hash);
	hex_encode(hex, hash, sizeof hash);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* GCM test cases 13 (nothing), 14 (a block of zeros) and 16 (60 bytes with 20 bound to them), AES-256. */
static void test_gcm_vectors(void **state)
{
	(void)state;
	static const char zero_key[] = "0000000000000000000000000000000000000000000000000000000000000000";
	static const char zero_nonce[] = "000000000000000000000000";
	static const char key16[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
	static const char nonce16[] = "cafebabefacedbaddecaf888";
	static const struct {
		const char *key, *nonce, *bound, *plain, *cipher, *tag;
	} cases[] = {
	    {zero_key, zero_nonce, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	    {zero_key, zero_nonce, "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
	     "d0d1c8a799996bf0265b98b5d48ab919"},
	    {key16, nonce16, "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	     "76fc6ece0f4e1768cddf8853bb2d551b"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t key[SEAL_KEY_BYTES], nonce[SEAL_NONCE_BYTES], tag[SEAL_TAG_BYTES],
		    wanted_tag[SEAL_TAG_BYTES];
		uint8_t bound_bytes[64], plain_bytes[64], wanted_bytes[64], cipher[64], plain[64];
		(void)bytes_of(cases[i].key, key, sizeof key);
		(void)bytes_of(cases[i].nonce, nonce, sizeof nonce);
		(void)bytes_of(cases[i].tag, wanted_tag, sizeof wanted_tag);
		struct span bound = bytes_of(cases[i].bound, bound_bytes, sizeof bound_bytes);
		struct span text = bytes_of(cases[i].plain, plain_bytes, sizeof plain_bytes);
		struct span wanted = bytes_of(cases[i].cipher, wanted_bytes, sizeof wanted_bytes);
		seal_close(key, nonce, bound, text, cipher, tag);
		assert_memory_equal(cipher, wanted.data, wanted.len);
		assert_memory_equal(tag, wanted_tag, sizeof tag);
		assert_true(seal_open(key, nonce, bound, wanted, tag, plain));
		assert_memory_equal(plain, text.data, text.len);
		tag[15] ^= 1;
		memset(plain, 0xa5, sizeof plain);
		assert_false(seal_open(key, nonce, bound, wanted, tag, plain));
		for (size_t at = 0; at < wanted.len; at++)
			assert_int_equal(plain[at], 0);
		tag[15] ^= 1;
		key[0] ^= 1;
		assert_false(seal_open(key, nonce, bound, wanted, tag, plain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_signatures),
	    cmocka_unit_test(test_rfc_key_forms),
	    cmocka_unit_test(test_no_private_keys),
	    cmocka_unit_test(test_generated),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_gcm_vectors),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
