/*
 * birth_note_test.c - the text of a birth, to the byte, its limit, and all that is nearly one.
 *
 * Why:   a box that forgot what it sent must not be able to say so in two ways.
 * Owns:  nothing.
 * Rules: the known text was put together by hand of values that these commands gave (bash, coreutils, OpenSSL 3.0):
 *
 *   openssl ecparam -name prime256v1 -genkey -noout -out k; openssl pkey -in k -pubout -outform DER | base64 -w 0
 *   printf root | openssl dgst -sha256 -binary | base64; printf other | openssl dgst -sha256 -binary | base64
 *
 * Runs in: the tests.
 */
#include "connector/uplink/birth_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note_mutations.h"

#define KEY                                                                \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEksOrhB8LvFgC2/5aKYA3PmtwcoCP" \
	"QGgC0ySVybwpvHxDrnMJy7Mw/h7SXrxhNOiCIzBdfLRNGAQd55pNtRJONQ=="
#define ROOT  "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I="
#define OTHER "2SmKENGwc1g33EvYXaxkGw887yekfl1TpU8vP1svz/o="
#define HEAD                                                                       \
	"tp1/birth/v1\ngateway acme/box1\nboot 000102030405060708090a0b0c0d0e0f\n" \
	"key " KEY "\ntime 2026-11-21T14:20:05.123Z\n"
#define KNOWN                                                                  \
	HEAD "stream urn:twinpost:acme:box1:00100:1709199005 256 " ROOT "\n"   \
	     "previous urn:twinpost:acme:box1:00100:1709190000 77 " OTHER "\n" \
	     "stream urn:twinpost:acme:box1:00200:1709199005 1 " OTHER "\n"

static bool again(struct span text, struct buf *out)
{
	struct birth_note note;
	struct birth_line line;
	if (!birth_note_decode(&note, text))
		return false;
	birth_note_begin(out, &note);
	while (birth_note_next(&note, &line))
		CHECK(birth_note_line(out, &line));
	return true;
}

/* The known text, both ways, with its three lines; one without lines. */
static void test_known_text(void **state)
{
	(void)state;
	struct birth_note note;
	struct birth_line line;
	struct buf out;
	buf_init(&out, BIRTH_NOTE_TEXT_MAX);
	assert_true(birth_note_decode(&note, SPAN_LITERAL(KNOWN)));
	assert_true(span_equal(note.gateway, SPAN_LITERAL("acme/box1")));
	assert_true(span_equal(note.boot, SPAN_LITERAL("000102030405060708090a0b0c0d0e0f")));
	assert_true(note.time_ns == INT64_C(1795270805123000000));
	assert_true(birth_note_next(&note, &line));
	assert_false(line.previous);
	assert_true(span_equal(line.source, SPAN_LITERAL("urn:twinpost:acme:box1:00100:1709199005")));
	assert_int_equal(line.size, 256);
	assert_int_equal(line.root.bytes[0], 0x48);
	assert_int_equal(line.root.bytes[31], 0xb2);
	assert_true(birth_note_next(&note, &line));
	assert_true(line.previous);
	assert_int_equal(line.size, 77);
	assert_int_equal(line.root.bytes[0], 0xd9);
	assert_true(birth_note_next(&note, &line));
	assert_false(line.previous || birth_note_next(&note, &line));
	assert_true(again(SPAN_LITERAL(KNOWN), &out));
	assert_string_equal(buf_cstr(&out), KNOWN);
	buf_clear(&out);
	assert_true(again(SPAN_LITERAL(HEAD), &out));
	assert_string_equal(buf_cstr(&out), HEAD);
	buf_release(&out);
}

/* Every small change is refused, or is a birth of its own with one form; cut is taken only where a line ends. */
static void test_mutations(void **state)
{
	(void)state;
	struct birth_note note;
	for (size_t len = 0; len < sizeof HEAD - 1; len++)
		assert_false(birth_note_decode(&note, (struct span){HEAD, len}));
	assert_true(note_mutations(SPAN_LITERAL(KNOWN), again) > 100);
}

/* Lines with a word too few, too many, or none of theirs; a boot in upper case or too short. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    HEAD "stream urn:twinpost:acme:box1:00100:1 0 " ROOT "\n",
	    HEAD "stream urn:twinpost:acme:box1:00100:1 " ROOT "\n",
	    HEAD "stream urn:twinpost:acme:box1:00100:1 1\n",
	    HEAD "stream urn:twinpost:acme:box1:00100:1 1 \n",
	    HEAD "stream urn:twinpost:acme:box1:00100:1  1 " ROOT "\n",
	    HEAD "stream urn:twinpost:acme:box1:00100:1 1 " ROOT " \n",
	    HEAD "stream urn:twinpost:acme:box1:1 1 " ROOT "\n",
	    HEAD "epoch urn:twinpost:acme:box1:00100:1 1 " ROOT "\n",
	    HEAD "\n",
	    HEAD "stream\n",
	    "tp1/birth/v1\ngateway acme/box1\nboot 000102030405060708090A0B0C0D0E0F\nkey " KEY
	    "\ntime 2026-11-21T14:20:05.123Z\n",
	    "tp1/birth/v1\ngateway acme/box1\nboot 000102030405060708090a0b0c0d0e0\nkey " KEY
	    "\ntime 2026-11-21T14:20:05.123Z\n",
	};
	struct birth_note note;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(birth_note_decode(&note, span_of(bad[i])));
}

/* Lines are taken up to the byte that leaves room for two signatures; the one too many changes nothing, nor does one
 * that the buffer has no room for. */
static void test_limit(void **state)
{
	(void)state;
	struct birth_note note;
	struct birth_line line = {.source = SPAN_LITERAL("urn:twinpost:acme:box1:00100:1709199005"),
	                          .size = 256};
	struct buf out;
	int lines = 0;
	buf_init(&out, NOTE_BYTES_MAX);
	assert_true(birth_note_decode(&note, SPAN_LITERAL(HEAD)));
	birth_note_begin(&out, &note);
	size_t before = out.len;
	assert_true(birth_note_line(&out, &line));
	size_t line_len = out.len - before;
	for (lines = 1; birth_note_line(&out, &line); lines++)
		assert_true(lines < 1000);
	assert_int_equal(lines, (BIRTH_NOTE_TEXT_MAX - before) / line_len);
	assert_int_equal(out.len, before + (size_t)lines * line_len);
	assert_true(buf_ok(&out));
	struct birth_note full;
	assert_true(birth_note_decode(&full, buf_span(&out)));
	buf_release(&out);
	buf_init(&out, before + line_len - 1);
	birth_note_begin(&out, &note);
	assert_false(birth_note_line(&out, &line));
	assert_int_equal(out.len, before);
	assert_true(buf_ok(&out));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_text),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
