/*
 * key_note_test.c - the text of a key rotation, to the byte, and all that is nearly one.
 *
 * Why:   by this text a consumer moves its trust from one key to another.
 * Owns:  nothing.
 * Rules: the known text was put together by hand of values that these commands gave (bash, coreutils, OpenSSL 3.0):
 *
 *   openssl ecparam -name prime256v1 -genkey -noout -out k; openssl pkey -in k -pubout -outform DER -out spki
 *   sha256sum spki                # of the old key
 *   base64 -w 0 spki; xxd -p spki # of the new one
 *
 * Runs in: the tests.
 */
#include "connector/uplink/key_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note_mutations.h"

#define OLD "e7d55717a5da29154a7c558755d753bdf07308371d70b5d41c87c48155c136bc"
#define NEW                                                                \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEksOrhB8LvFgC2/5aKYA3PmtwcoCP" \
	"QGgC0ySVybwpvHxDrnMJy7Mw/h7SXrxhNOiCIzBdfLRNGAQd55pNtRJONQ=="
#define KNOWN "tp1/key/v1\ngateway acme/box1\nold " OLD "\nnew " NEW "\ntime 2026-11-21T14:20:05.123Z\n"

static bool again(struct span text, struct buf *out)
{
	struct key_note note;
	if (!key_note_decode(&note, text))
		return false;
	key_note_encode(out, &note);
	return true;
}

static void spki_of(uint8_t spki[PUBLIC_KEY_BYTES])
{
	assert_true(
	    hex_decode(spki, PUBLIC_KEY_BYTES,
	               SPAN_LITERAL("3059301306072a8648ce3d020106082a8648ce3d0301070342000492c3ab841f0bbc58"
	                            "02dbfe5a2980373e6b7072808f406802d32495c9bc29bc7c43ae7309cbb330fe1ed25e"
	                            "bc6134e88223305d7cb44d18041de79a4db5124e35")));
}

/* The known text, both ways. */
static void test_known_text(void **state)
{
	(void)state;
	struct key_note note;
	struct buf out;
	uint8_t spki[PUBLIC_KEY_BYTES];
	uint8_t old[DIGEST_BYTES];
	spki_of(spki);
	assert_true(hex_decode(old, DIGEST_BYTES, SPAN_LITERAL(OLD)));
	assert_true(key_note_decode(&note, SPAN_LITERAL(KNOWN)));
	assert_true(span_equal(note.gateway, SPAN_LITERAL("acme/box1")));
	assert_memory_equal(note.old.bytes, old, DIGEST_BYTES);
	assert_memory_equal(note.new_key, spki, PUBLIC_KEY_BYTES);
	assert_true(note.time_ns == INT64_C(1795270805123000000));
	buf_init(&out, KEY_NOTE_TEXT_MAX);
	key_note_encode(&out, &note);
	assert_string_equal(buf_cstr(&out), KNOWN);
	buf_release(&out);
}

/* Every cut is refused; every other small change is, or is a rotation of its own with one form. */
static void test_mutations(void **state)
{
	(void)state;
	struct key_note note;
	for (size_t len = 0; len < sizeof KNOWN - 1; len++)
		assert_false(key_note_decode(&note, (struct span){KNOWN, len}));
	assert_true(note_mutations(SPAN_LITERAL(KNOWN), again) > 100);
}

/* A key that follows itself; one of another curve, with a point off the curve; gateways with a part too few or too
 * many, empty, in upper case, of 100 bytes and 101. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const gateways[] = {"acme",     "acme/", "/box1", "acme/box1/x", "Acme/box1",
	                                       "acme/b x", "/",     "",      "acme//box1"};
	struct key_note note;
	struct buf text;
	char hex[DIGEST_HEX_SIZE];
	uint8_t spki[PUBLIC_KEY_BYTES];
	spki_of(spki);
	struct span key = {(const char *)spki, sizeof spki};
	struct digest own = digest_of(&key, 1);
	digest_hex(&own, hex);
	buf_init(&text, 1000);
	buf_printf(&text,
	           "tp1/key/v1\ngateway acme/box1\nold %s\nnew " NEW "\ntime 2026-11-21T14:20:05.123Z\n",
	           hex);
	assert_false(key_note_decode(&note, buf_span(&text)));
	assert_false(key_note_decode(
	    &note, SPAN_LITERAL("tp1/key/v1\ngateway acme/box1\nold " OLD
	                        "\nnew MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEksOrhB8LvFgC2/5aKYA3PmtwcoCP"
	                        "QGgC0ySVybwpvHxDrnMJy7Mw/h7SXrxhNOiCIzBdfLRNGAQd55pNtRJONg==\n"
	                        "time 2026-11-21T14:20:05.123Z\n")));
	assert_false(key_note_decode(&note, SPAN_LITERAL("tp1/key/v2\ngateway acme/box1\nold " OLD
	                                                 "\nnew " NEW "\ntime 2026-11-21T14:20:05.123Z\n")));
	for (size_t i = 0; i < sizeof gateways / sizeof gateways[0]; i++) {
		buf_clear(&text);
		buf_printf(&text,
		           "tp1/key/v1\ngateway %s\nold " OLD "\nnew " NEW
		           "\ntime 2026-11-21T14:20:05.123Z\n",
		           gateways[i]);
		assert_false(key_note_decode(&note, buf_span(&text)));
	}
	for (int len = 100; len <= 101; len++) {
		buf_clear(&text);
		buf_printf(&text,
		           "tp1/key/v1\ngateway a/%0*d\nold " OLD "\nnew " NEW
		           "\ntime 2026-11-21T14:20:05.123Z\n",
		           len - 2, 0);
		assert_int_equal(key_note_decode(&note, buf_span(&text)), len == 100);
		assert_true(len > 100 || text.len <= KEY_NOTE_TEXT_MAX);
	}
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_text),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
