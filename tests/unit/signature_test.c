/*
 * signature_test.c - verification against published signatures, everything nearly right, and the openssl command.
 *
 * Why:   one signature too many that is taken is a command that nobody gave.
 * Owns:  a temporary directory for the openssl command.
 * Rules: the good answers are RFC 6979's (A.2.5) and OpenSSL's; the bad ones follow from FIPS 186-5 section 6.4.2,
 *        X.690 sections 8.3.2 and 10.1, RFC 5480 and RFC 7468, each built by hand from the good one.
 * Runs in: the tests.
 */
#include "store_forward/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define UX   "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define UY   "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define SPKI HEAD "04" UX UY

/* r and s of the message "sample", the order n, and n - s (all computed outside: n - s with Python). */
#define R       "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define S       "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define N       "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define N_AND_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define LOW_S   "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"

struct bytes {
	uint8_t data[4200];
	size_t len;
};

static struct bytes bytes_of(const char *hex)
{
	struct bytes bytes = {.len = strlen(hex) / 2};
	assert_true(bytes.len <= sizeof bytes.data);
	assert_true(hex_decode(bytes.data, bytes.len, span_of(hex)));
	return bytes;
}

static struct span span(const struct bytes *bytes)
{
	return (struct span){(const char *)bytes->data, bytes->len};
}

static bool verify(const char *spki_hex, const char *text, const char *der_hex)
{
	struct bytes spki = bytes_of(spki_hex);
	struct bytes der = bytes_of(der_hex);
	return signature_verify(span(&spki), span_of(text), span(&der));
}

/* RFC 6979 A.2.5, both messages with SHA-256; the same with s in the lower half; the other message's signature, and
 * one of the RFC's SHA-1, are not good. */
static void test_rfc_signatures(void **state)
{
	(void)state;
	assert_true(verify(SPKI, "sample", "3046022100" R "022100" S));
	assert_true(verify(SPKI, "sample", "3045022100" R "0220" LOW_S));
	assert_true(verify(SPKI, "test",
	                   "3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
	                   "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"));
	assert_false(verify(SPKI, "test", "3046022100" R "022100" S));
	assert_false(verify(SPKI, "Sample", "3046022100" R "022100" S));
	assert_false(verify(SPKI, "", "3046022100" R "022100" S));
	assert_false(verify(SPKI, "sample",
	                    "304402"
	                    "2061340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32"
	                    "02206d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb"));
}

/* Numbers that FIPS 186-5 6.4.2 refuses before it computes: 0, n and above; and negative ones (without the zero byte
 * that keeps r and s positive), which mbedTLS would read as positive. */
static void test_numbers_out_of_range(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "3006020100020100",
	    "3026020100022100" S,
	    "3026022100" R "020100",
	    "3006020101020101",
	    "3046022100" N "022100" S,
	    "3046022100" R "022100" N,
	    "3046022100" N_AND_1 "022100" S,
	    "3046022100" R "022100" N_AND_1,
	    "3044"
	    "0220" R "0220" S,
	    "3045"
	    "0220" R "022100" S,
	    "3045022100" R "0220" S,
	    "3047022101" R "022200" S "00",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(verify(SPKI, "sample", bad[i]));
}

/* The good numbers in other bytes than DER: bytes after, within or missing, zeros before, long and indefinite
 * lengths, other tags, an empty integer, r||s without DER. */
static void test_not_der(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "3046022100" R "022100" S "00",
	    "3048022100" R "022100" S "0500",
	    "3047022100" R "022100" S "00",
	    "304702220000" R "022100" S,
	    "3047022100" R "02220000" S,
	    "3046022100" R "022100" LOW_S,
	    "308146022100" R "022100" S,
	    "30820046022100" R "022100" S,
	    "3047028121"
	    "00" R "022100" S,
	    "3080022100" R "022100" S "0000",
	    "3146022100" R "022100" S,
	    "3046032100" R "022100" S,
	    "3046022100" R "042100" S,
	    "3025022100" R "0200",
	    "3023022100" R,
	    "3023022100" S,
	    "3045022100" R "022100" S,
	    "3047022100" R "022100" S,
	    "3000",
	    "30",
	    "",
	    R S,
	    "3048"
	    "3046022100" R "022100" S,
	    "0500",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(verify(SPKI, "sample", bad[i]));
	struct bytes spki = bytes_of(SPKI);
	struct bytes der = bytes_of("3046022100" R "022100" S);
	assert_true(signature_verify(span(&spki), SPAN_LITERAL("sample"), span(&der)));
	for (size_t len = 0; len < der.len; len++) {
		struct span cut = {(const char *)der.data, len};
		assert_false(signature_verify(span(&spki), SPAN_LITERAL("sample"), cut));
	}
	for (size_t i = 0; i < 8 * der.len; i++) {
		der.data[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(signature_verify(span(&spki), SPAN_LITERAL("sample"), span(&der)));
		der.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

/* Keys: the point at infinity, compressed (both signs), hybrid, off the curve, over the field's prime, of secp256k1,
 * of Ed25519 and RSA (heads of RFC 8410 and RFC 3279), cut, with a byte after it. */
static void test_keys(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    HEAD,
	    HEAD "00",
	    "301930130607"
	    "2a8648ce3d020106082a8648ce3d030107030200"
	    "00",
	    "3039301306072a8648ce3d020106082a8648ce3d03010703220003" UX,
	    "3039301306072a8648ce3d020106082a8648ce3d03010703220002" UX,
	    HEAD "06" UX UY,
	    HEAD "07" UX UY,
	    HEAD "00" UX UY,
	    HEAD "04" UX UX,
	    HEAD "04" UY UX,
	    HEAD "04"
		 "0000000000000000000000000000000000000000000000000000000000000000"
		 "0000000000000000000000000000000000000000000000000000000000000000",
	    HEAD "04"
		 "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff" UY,
	    "3056301006072a8648ce3d020106052b8104000a034200"
	    "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
	    "302a300506032b6570032100" UX,
	    "305c300d06092a864886f70d0101010500034b003048024100" UX UY "0203010001",
	    SPKI "00",
	    "305a301306072a8648ce3d020106082a8648ce3d030107034200"
	    "04" UX UY,
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct bytes spki = bytes_of(bad[i]);
		assert_false(public_key_valid(span(&spki)));
		assert_false(verify(bad[i], "sample", "3046022100" R "022100" S));
	}
	struct bytes spki = bytes_of(SPKI);
	assert_true(public_key_valid(span(&spki)));
	for (size_t len = 0; len < spki.len; len++)
		assert_false(public_key_valid((struct span){(const char *)spki.data, len}));
}

/* The key of A.2.5 in PEM: base64 by coreutils' base64 -w 64 of the bytes of SPKI. */
#define PEM_BODY                                                             \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n" \
	"Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
#define PEM "-----BEGIN PUBLIC KEY-----\n" PEM_BODY "-----END PUBLIC KEY-----\n"

static enum err from_pem(struct span pem, struct bytes *spki)
{
	struct err_info info = {0};
	enum err err = public_key_from_pem(pem, spki->data, &spki->len, &info);
	assert_int_equal(err == ERR_OK, info.text[0] == 0);
	assert_int_equal(spki->len, err == ERR_OK ? PUBLIC_KEY_BYTES : 0);
	return err;
}

static void test_pem(void **state)
{
	(void)state;
	static const char *const good[] = {
	    PEM,
	    "# the cloud's key\n" PEM "and a remark\n",
	    "-----BEGIN PUBLIC "
	    "KEY-----\r\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\r\n"
	    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\r\n-----END PUBLIC KEY-----",
	};
	struct bytes wanted = bytes_of(SPKI);
	struct bytes spki;
	struct buf out;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(from_pem(span_of(good[i]), &spki), ERR_OK);
		assert_memory_equal(spki.data, wanted.data, PUBLIC_KEY_BYTES);
	}
	buf_init(&out, 1000);
	public_key_to_pem(&out, span(&wanted));
	assert_string_equal(buf_cstr(&out), PEM);
	buf_release(&out);
	assert_int_equal(from_pem(SPAN_LITERAL(""), &spki), ERR_BAD_INPUT);
	assert_int_equal(from_pem((struct span){NULL, 0}, &spki), ERR_BAD_INPUT);
	assert_int_equal(from_pem(SPAN_LITERAL(PEM PEM), &spki), ERR_BAD_INPUT);
	assert_int_equal(from_pem(SPAN_LITERAL("-----BEGIN PUBLIC KEY-----\n" PEM_BODY), &spki),
	                 ERR_BAD_INPUT);
	assert_int_equal(from_pem(SPAN_LITERAL(PEM_BODY "-----END PUBLIC KEY-----\n"), &spki), ERR_BAD_INPUT);
	assert_int_equal(
	    from_pem(SPAN_LITERAL("-----BEGIN PUBLIC KEY-----\nMFkw*\n-----END PUBLIC KEY-----\n"), &spki),
	    ERR_BAD_INPUT);
	assert_int_equal(
	    from_pem(SPAN_LITERAL("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"), &spki),
	    ERR_UNSUPPORTED);
	assert_int_equal(
	    from_pem(SPAN_LITERAL("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----\n"), &spki),
	    ERR_UNSUPPORTED);
	struct err_info info = {0};
	assert_int_equal(public_key_from_pem(SPAN_LITERAL("-----BEGIN EC PRIVATE KEY-----\n"), spki.data,
	                                     &spki.len, &info),
	                 ERR_BAD_INPUT);
	assert_non_null(strstr(info.text, "private key"));
}

/* PUBLIC_KEY_PEM_MAX bytes are read, one more is not; what is not base64 may fill them all. */
static void test_pem_size(void **state)
{
	(void)state;
	struct bytes spki;
	char pem[PUBLIC_KEY_PEM_MAX + 1];
	memset(pem, '\n', sizeof pem);
	memcpy(pem, PEM, sizeof PEM - 1);
	assert_int_equal(from_pem((struct span){pem, PUBLIC_KEY_PEM_MAX}, &spki), ERR_OK);
	assert_int_equal(from_pem((struct span){pem, PUBLIC_KEY_PEM_MAX + 1}, &spki), ERR_TOO_LARGE);
	memset(pem, 'A', sizeof pem);
	memcpy(pem, "-----BEGIN PUBLIC KEY-----", 26);
	memcpy(pem + PUBLIC_KEY_PEM_MAX - 24, "-----END PUBLIC KEY-----", 24);
	assert_int_equal(from_pem((struct span){pem, PUBLIC_KEY_PEM_MAX}, &spki), ERR_BAD_INPUT);
}

/* Runs a shell command in the directory, silently; true: exit status 0. */
static bool shell(const char *directory, const char *command)
{
	char line[1024];
	(void)snprintf(line, sizeof line, "cd %s && { %s; } >log 2>&1", directory, command);
	return system(line) == 0;
}

static struct bytes file_of(const char *directory, const char *name)
{
	char path[128];
	struct bytes bytes;
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	bytes.len = fread(bytes.data, 1, sizeof bytes.data, file);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

/* The openssl command makes keys and signs; ours reads the PEM and verifies, and says no to the next text's
 * signature. A key of another curve is refused. Skipped where there is no openssl command. */
static void test_openssl_command(void **state)
{
	(void)state;
	char directory[] = "/tmp/signature-test-XXXXXX";
	assert_non_null(mkdtemp(directory));
	if (!shell(directory, "openssl version")) {
		assert_true(shell(directory, "rm -r $PWD"));
		skip();
	}
	struct bytes last = {.len = 0};
	for (int i = 0; i < 5; i++) {
		struct bytes spki;
		assert_true(shell(directory,
		                  "openssl ecparam -name prime256v1 -genkey -noout -out key && "
		                  "openssl pkey -in key -pubout -out pem && openssl rand 1000 >text && "
		                  "openssl dgst -sha256 -sign key -out signature text"));
		struct bytes pem = file_of(directory, "pem");
		struct bytes text = file_of(directory, "text");
		struct bytes signature = file_of(directory, "signature");
		assert_int_equal(from_pem(span(&pem), &spki), ERR_OK);
		assert_true(signature_verify(span(&spki), span(&text), span(&signature)));
		assert_false(signature_verify(span(&spki), span(&text), span(&last)));
		struct buf again;
		buf_init(&again, 1000);
		public_key_to_pem(&again, span(&spki));
		assert_true(span_equal(buf_span(&again), span(&pem)));
		buf_release(&again);
		last = signature;
	}
	static const char *const others[] = {
	    "openssl ecparam -name secp384r1 -genkey -noout -out key && openssl pkey -in key -pubout -out "
	    "pem",
	    "openssl genpkey -algorithm ed25519 -out key && openssl pkey -in key -pubout -out pem",
	    "openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out key && "
	    "openssl ec -in key -pubout -param_enc explicit -out pem",
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct bytes spki;
		assert_true(shell(directory, others[i]));
		struct bytes pem = file_of(directory, "pem");
		assert_int_equal(from_pem(span(&pem), &spki), ERR_UNSUPPORTED);
	}
	assert_true(shell(directory, "rm -r $PWD"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_signatures),
	    cmocka_unit_test(test_numbers_out_of_range),
	    cmocka_unit_test(test_not_der),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_pem),
	    cmocka_unit_test(test_pem_size),
	    cmocka_unit_test(test_openssl_command),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
