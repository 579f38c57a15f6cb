/*
 * note_test.c - signed notes: what is one, whose it is, and what openssl says of it.
 *
 * Why:   a receipt that can be read in two ways denies itself; a command whose signature is not looked at is
 *        anybody's.
 * Owns:  key pairs of a test's life, a temporary directory for the openssl command.
 * Rules: expected values follow from C2SP signed-note and docs/contract; the known note was made with the openssl
 *        command, base64 and printf, as said where it stands.
 * Runs in: the tests.
 */
#include "connector/uplink/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/base/base64.h"
#include "hal/keys_crypto.h"
#include "store_forward/signature.h"
#include "tests/lib/test_hal.h"

#define NAME SPAN_LITERAL("acme/box1")
#define TEXT SPAN_LITERAL("tp1/test/v1\nline\n")
#define DASH "\xe2\x80\x94 "

/* Keys without files: pairs of the test's seed behind the ops of hal/keys.h. */
struct test_keys {
	struct hal_keys keys;
	struct test_hal test;
	struct key_pair *pairs[2];
};

static struct span public_of(const struct hal_keys *keys, enum hal_key which)
{
	return key_pair_public(((const struct test_keys *)(const void *)keys)->pairs[which]);
}

static enum err sign_by(struct hal_keys *keys, enum hal_key which, struct span text, uint8_t *der,
                        size_t *len, struct err_info *info)
{
	(void)info;
	key_pair_sign(((struct test_keys *)(void *)keys)->pairs[which], text, der, len);
	return ERR_OK;
}

static struct hal_keys *keys_new(uint64_t seed)
{
	static const struct hal_keys_ops ops = {.public_key = public_of, .sign = sign_by};
	struct test_keys *keys = mem_alloc(sizeof *keys);
	keys->keys.ops = &ops;
	test_hal_init(&keys->test, seed);
	for (int i = 0; i < 2; i++)
		keys->pairs[i] = key_pair_generate(&keys->test.hal);
	return &keys->keys;
}

static void keys_free(struct hal_keys *keys)
{
	for (int i = 0; i < 2; i++)
		key_pair_free(((struct test_keys *)(void *)keys)->pairs[i]);
	free(keys);
}

/* A note made outside:
 *   openssl ecparam -name prime256v1 -genkey -noout -out k; openssl pkey -in k -pubout -outform DER -out spki
 *   printf 'tp1/test/v1\n\nafter an empty line\n' >text; openssl dgst -sha256 -sign k -out sig text
 *   { cat text; echo; printf '\u2014 acme/box1 '; { sha256sum spki | cut -c1-8 | xxd -r -p; cat sig; } | base64 -w 0;
 *   echo; }
 */
#define KNOWN_SPKI                                                         \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPVvlN2zVIJDZfXWpZ6FFP5yViGxB" \
	"cYbMdWn9A8qQ/biuwDdv2x48USXO75WMJXbE7+TaTc6KUEJiC4UEOaXMiQ=="
#define KNOWN                                                              \
	"tp1/test/v1\n\nafter an empty line\n\n" DASH "acme/box1 "         \
	"Z2Pz3jBEAiBlCUhbwnplkvS9y2NohJivs+YayVef73aB45P9gyvZWQIgU6aOWpRO" \
	"6c5p0LwY4W0GuEteAaTWVytVcFmECwJPo44=\n"

static size_t known_spki(uint8_t spki[PUBLIC_KEY_BYTES])
{
	size_t len;
	assert_true(base64_decode(spki, PUBLIC_KEY_BYTES, &len, SPAN_LITERAL(KNOWN_SPKI)));
	return len;
}

/* The note of openssl, base64 and printf: read, its parts found, verified, its key id computed; with any byte of its
 * text changed it is bad. */
static void test_known_note(void **state)
{
	(void)state;
	struct note note;
	uint8_t bytes[PUBLIC_KEY_BYTES];
	uint8_t id[NOTE_KEY_ID_BYTES];
	uint32_t signers;
	enum note_fault fault;
	struct note_key key = {.name = NAME, .spki = {(const char *)bytes, known_spki(bytes)}};
	assert_int_equal(note_open(&note, SPAN_LITERAL(KNOWN), &key, 1, &signers, &fault), NOTE_GOOD);
	assert_int_equal(fault, NOTE_FAULT_NONE);
	assert_int_equal(signers, 1);
	assert_true(span_equal(note.text, SPAN_LITERAL("tp1/test/v1\n\nafter an empty line\n")));
	assert_int_equal(note.count, 1);
	assert_true(span_equal(note.signatures[0].name, NAME));
	note_key_id(key.spki, id);
	assert_memory_equal(note.signatures[0].key_id, id, sizeof id);
	char changed[] = KNOWN;
	for (size_t i = 0; i < note.text.len; i++) {
		if (changed[i] == '\n')
			continue;
		changed[i] ^= 1;
		assert_int_equal(
		    note_open(&note, (struct span){changed, sizeof changed - 1}, &key, 1, &signers, NULL),
		    NOTE_BAD_SIGNATURE);
		assert_int_equal(signers, 0);
		changed[i] ^= 1;
	}
}

static enum note_fault decode(struct span bytes, struct note *note)
{
	enum note_fault fault = note_decode(note, bytes);
	assert_true(note_fault_text(fault)[0] != 0);
	return fault;
}

/* Every way in which a note can be none, each with its reason. AAAAAAA= is five bytes: a key id and one of a
 * signature. */
static void test_malformed(void **state)
{
	(void)state;
	static const struct {
		struct span bytes;
		enum note_fault fault;
	} cases[] = {
#define CASE(text, name) {{text, sizeof(text) - 1}, NOTE_FAULT_##name}
	    CASE("", NO_SEPARATOR),
	    CASE("\n", NO_SEPARATOR),
	    CASE("text\n", NO_SEPARATOR),
	    CASE("text\n" DASH "a AAAAAAA=\n", NO_SEPARATOR),
	    CASE("\n\n", NO_SIGNATURE),
	    CASE("text\n\n", NO_SIGNATURE),
	    CASE("text\n\n" DASH "a AAAAAAA=\n\n", NO_SIGNATURE),
	    CASE("text\n\n" DASH "a AAAAAAA=", CUT),
	    CASE("text\n\n" DASH "a AAAAAAA=\n" DASH "b AAAAAAA=", CUT),
	    CASE("text\n\n- a AAAAAAA=\n", LINE),
	    CASE("text\n\n\xe2\x80\x94"
	         "a AAAAAAA=\n",
	         LINE),
	    CASE("text\n\n\xe2\x80\x93 a AAAAAAA=\n", LINE),
	    CASE("text\n\n" DASH "a\n", LINE),
	    CASE("text\n\n" DASH "\n", LINE),
	    CASE("text\n\n " DASH "a AAAAAAA=\n", LINE),
	    CASE("text\n\n" DASH " AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a+b AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a\xc2\xa0"
	         "b AAAAAAA=\n",
	         NAME),
	    CASE("text\n\n" DASH "a\xc2\x85 AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a\xe2\x80\x80 AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a\xe2\x80\x8a AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a\xe3\x80\x80 AAAAAAA=\n", NAME),
	    CASE("text\n\n" DASH "a AAAAAAA\n", BASE64),
	    CASE("text\n\n" DASH "a AAAAAAB=\n", BASE64), /* a bit that stands for nothing */
	    CASE("text\n\n" DASH "a AAAAAA==\n", BASE64), /* a key id alone */
	    CASE("text\n\n" DASH "a \n", BASE64),
	    CASE("text\n\n" DASH "a AAAAAAA= \n", BASE64),
	    CASE("text\n\n" DASH "a b AAAAAAA=\n", BASE64),
	    CASE("text\n\n" DASH "a  AAAAAAA=\n", BASE64),
	    CASE("te\txt\n\n" DASH "a AAAAAAA=\n", NOT_TEXT),
	    CASE("text\r\n\r\n" DASH "a AAAAAAA=\r\n", NOT_TEXT),
	    CASE("te\0xt\n\n" DASH "a AAAAAAA=\n", NOT_TEXT),
	    CASE("t\xe9xt\n\n" DASH "a AAAAAAA=\n", NOT_TEXT),
	    CASE("text\n\n" DASH "a\xed\xa0\x80 AAAAAAA=\n", NOT_TEXT),
	    CASE("text\n\n" DASH "a AAAAAAA=\n" DASH "a AAAAAAA=\n", NONE),
	    CASE("\n\n" DASH "a AAAAAAA=\n", NONE),
	    CASE("text\n\n\n" DASH "a AAAAAAA=\n", NONE),
	    CASE("a\n\nb\n\n" DASH "a AAAAAAA=\n", NONE),
	    CASE("text\n\n" DASH "a\xe2\x80\x8b AAAAAAA=\n", NONE), /* U+200B is no blank */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct note note;
		enum note_fault fault = decode(cases[i].bytes, &note);
		if (fault != cases[i].fault)
			print_error("case %zu: %s\n", i, note_fault_text(fault));
		assert_int_equal(fault, cases[i].fault);
		assert_int_equal(note_verify(&note, NULL, 0, NULL), NOTE_UNSIGNED);
	}
	struct note note;
	assert_int_equal(decode((struct span){NULL, 0}, &note), NOTE_FAULT_NO_SEPARATOR);
}

/* The separator is the last empty line: what stands before it is text, even if it looks like a signature. */
static void test_last_empty_line(void **state)
{
	(void)state;
	struct note note;
	struct span bytes = SPAN_LITERAL("a\n\n" DASH "a AAAAAAA=\n\n" DASH "b AAAAAAA=\n");
	assert_int_equal(decode(bytes, &note), NOTE_FAULT_NONE);
	assert_int_equal(note.count, 1);
	assert_true(span_equal(note.text, SPAN_LITERAL("a\n\n" DASH "a AAAAAAA=\n")));
	assert_true(span_equal(note.signatures[0].name, SPAN_LITERAL("b")));
	assert_int_equal(decode(SPAN_LITERAL("text\n\n\n" DASH "a AAAAAAA=\n"), &note), NOTE_FAULT_NONE);
	assert_true(span_equal(note.text, SPAN_LITERAL("text\n\n")));
}

/* At the edge of each limit: 8 lines and 9, a name of 100 bytes and of 101, a note of 16384 bytes and of 16385. */
static void test_limits(void **state)
{
	(void)state;
	struct note note;
	struct buf bytes;
	char name[NOTE_NAME_MAX + 1];
	memset(name, 'n', sizeof name);
	buf_init(&bytes, 2 * NOTE_BYTES_MAX);
	buf_append_text(&bytes, "text\n\n");
	for (int i = 1; i <= 9; i++) {
		buf_append_text(&bytes, DASH "a AAAAAAA=\n");
		assert_int_equal(decode(buf_span(&bytes), &note),
		                 i <= NOTE_SIGNATURES_MAX ? NOTE_FAULT_NONE : NOTE_FAULT_MANY_SIGNATURES);
	}
	assert_int_equal(note.count, NOTE_SIGNATURES_MAX);
	for (size_t len = NOTE_NAME_MAX; len <= NOTE_NAME_MAX + 1; len++) {
		buf_clear(&bytes);
		buf_append_text(&bytes, "text\n\n" DASH);
		buf_append(&bytes, name, len);
		buf_append_text(&bytes, " AAAAAAA=\n");
		assert_int_equal(decode(buf_span(&bytes), &note),
		                 len == NOTE_NAME_MAX ? NOTE_FAULT_NONE : NOTE_FAULT_NAME);
		assert_int_equal(note_name_valid((struct span){name, len}), len == NOTE_NAME_MAX);
	}
	for (size_t len = NOTE_BYTES_MAX; len <= NOTE_BYTES_MAX + 1; len++) {
		struct span end = SPAN_LITERAL("\n\n" DASH "a AAAAAAA=\n");
		buf_clear(&bytes);
		while (bytes.len < len - end.len)
			buf_append_char(&bytes, 'x');
		buf_append_span(&bytes, end);
		assert_int_equal(bytes.len, len);
		assert_int_equal(decode(buf_span(&bytes), &note),
		                 len == NOTE_BYTES_MAX ? NOTE_FAULT_NONE : NOTE_FAULT_TOO_LONG);
	}
	/* One signature as long as the note has room for: another algorithm's, not ours to judge. */
	buf_clear(&bytes);
	buf_append_text(&bytes, "t\n\n" DASH "a ");
	while (bytes.len < NOTE_BYTES_MAX - 4)
		buf_append_text(&bytes, "AAAA");
	buf_append_char(&bytes, '\n');
	assert_int_equal(decode(buf_span(&bytes), &note), NOTE_FAULT_NONE);
	buf_release(&bytes);
}

/* Signed by us, verified by us; by a stranger alone: unsigned; a stranger's line beside ours: ignored. Our key under
 * another name is a stranger; without a name it is known by its id alone. */
static void test_known_and_unknown_keys(void **state)
{
	(void)state;
	struct hal_keys *ours = keys_new(1);
	struct hal_keys *theirs = keys_new(2);
	struct note note;
	struct buf bytes;
	uint32_t signers;
	struct err_info info;
	const struct note_key keys[] = {
	    {.name = NAME, .spki = hal_keys_public(ours, HAL_KEY_NEXT)},
	    {.name = NAME, .spki = hal_keys_public(ours, HAL_KEY_CURRENT)},
	};
	const struct note_key other_name = {.name = SPAN_LITERAL("acme/box2"), .spki = keys[1].spki};
	const struct note_key no_name = {.spki = keys[1].spki};
	buf_init(&bytes, NOTE_BYTES_MAX);
	assert_int_equal(note_sign(&bytes, TEXT, SPAN_LITERAL("other/box"), theirs, HAL_KEY_CURRENT, &info),
	                 ERR_OK);
	assert_int_equal(note_open(&note, buf_span(&bytes), keys, 2, &signers, NULL), NOTE_UNSIGNED);
	assert_int_equal(signers, 0);
	assert_int_equal(note_add_signature(&bytes, NAME, ours, HAL_KEY_CURRENT, &info), ERR_OK);
	assert_int_equal(note_open(&note, buf_span(&bytes), keys, 2, &signers, NULL), NOTE_GOOD);
	assert_int_equal(signers, 2);
	assert_true(span_equal(note.text, TEXT));
	assert_int_equal(note_verify(&note, keys, 0, &signers), NOTE_UNSIGNED);
	assert_int_equal(note_verify(&note, &other_name, 1, &signers), NOTE_UNSIGNED);
	assert_int_equal(note_verify(&note, &no_name, 1, &signers), NOTE_GOOD);
	/* As in a key rotation: both keys. */
	assert_int_equal(note_add_signature(&bytes, NAME, ours, HAL_KEY_NEXT, &info), ERR_OK);
	assert_int_equal(note_open(&note, buf_span(&bytes), keys, 2, &signers, NULL), NOTE_GOOD);
	assert_int_equal(signers, 3);
	assert_int_equal(note.count, 3);
	buf_release(&bytes);
	keys_free(ours);
	keys_free(theirs);
}

/* Appends a line with the id of spki and any signature. */
static void append_line(struct buf *bytes, struct span name, struct span spki, const uint8_t *der, size_t len)
{
	struct buf signature;
	uint8_t id[NOTE_KEY_ID_BYTES];
	note_key_id(spki, id);
	buf_init(&signature, 4096);
	buf_append(&signature, id, sizeof id);
	buf_append(&signature, der, len);
	buf_append_text(bytes, DASH);
	buf_append_span(bytes, name);
	buf_append_char(bytes, ' ');
	base64_encode(bytes, signature.data, signature.len);
	buf_append_char(bytes, '\n');
	buf_release(&signature);
}

/* One bad line of a known key spoils a note that has a good one too: another text's signature, one of another key
 * under this id, too long a one, an empty shell. */
static void test_bad_signatures(void **state)
{
	(void)state;
	struct hal_keys *ours = keys_new(1);
	struct hal_keys *theirs = keys_new(2);
	const struct note_key key = {.name = NAME, .spki = hal_keys_public(ours, HAL_KEY_CURRENT)};
	struct err_info info;
	uint32_t signers;
	for (int how = 0; how < 5; how++) {
		uint8_t der[200] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
		size_t len = 8;
		struct note note;
		struct buf bytes;
		buf_init(&bytes, NOTE_BYTES_MAX);
		assert_int_equal(note_sign(&bytes, TEXT, NAME, ours, HAL_KEY_CURRENT, &info), ERR_OK);
		if (how == 0)
			assert_int_equal(hal_keys_sign(ours, HAL_KEY_CURRENT, SPAN_LITERAL("tp1/test/v1\n"),
			                               der, &len, &info),
			                 ERR_OK);
		if (how == 1)
			assert_int_equal(hal_keys_sign(theirs, HAL_KEY_CURRENT, TEXT, der, &len, &info),
			                 ERR_OK);
		if (how == 2)
			len = sizeof der;
		if (how == 3)
			len = 1;
		append_line(&bytes, NAME, key.spki, der, len);
		assert_int_equal(note_open(&note, buf_span(&bytes), &key, 1, &signers, NULL),
		                 NOTE_BAD_SIGNATURE);
		assert_int_equal(signers, 0);
		/* The same bad line under a name that is not the key's is a stranger's. */
		buf_clear(&bytes);
		assert_int_equal(note_sign(&bytes, TEXT, NAME, ours, HAL_KEY_CURRENT, &info), ERR_OK);
		append_line(&bytes, SPAN_LITERAL("a"), key.spki, der, len);
		assert_int_equal(note_open(&note, buf_span(&bytes), &key, 1, &signers, NULL), NOTE_GOOD);
		buf_release(&bytes);
	}
	keys_free(ours);
	keys_free(theirs);
}

/* Signing stops at the limits and leaves the buffer as it was; a ninth signature and what is no note are refused. */
static void test_signing_limits(void **state)
{
	(void)state;
	struct hal_keys *keys = keys_new(1);
	struct note note;
	struct buf bytes;
	struct buf text;
	struct err_info info;
	buf_init(&bytes, NOTE_BYTES_MAX);
	buf_init(&text, 2 * NOTE_BYTES_MAX);
	assert_int_equal(note_sign(&bytes, TEXT, NAME, keys, HAL_KEY_CURRENT, &info), ERR_OK);
	size_t line_len = bytes.len - TEXT.len - 1;
	for (int i = 1; i < NOTE_SIGNATURES_MAX; i++)
		assert_int_equal(note_add_signature(&bytes, NAME, keys, HAL_KEY_NEXT, &info), ERR_OK);
	size_t len = bytes.len;
	assert_int_equal(note_add_signature(&bytes, NAME, keys, HAL_KEY_NEXT, &info), ERR_TOO_LARGE);
	assert_int_equal(bytes.len, len);
	assert_int_equal(note_decode(&note, buf_span(&bytes)), NOTE_FAULT_NONE);
	/* The longest text: signatures of one text by one key are always the same, so their length is known once
	 * made. */
	for (size_t room = NOTE_LINE_MAX + 40; room > 0; room--) {
		buf_clear(&text);
		while (text.len < NOTE_BYTES_MAX - 1 - room)
			buf_append_char(&text, 'x');
		buf_append_char(&text, '\n');
		buf_clear(&bytes);
		enum err err = note_sign(&bytes, buf_span(&text), NAME, keys, HAL_KEY_CURRENT, &info);
		assert_true(err == ERR_OK || err == ERR_TOO_LARGE);
		assert_true(err == ERR_OK || bytes.len == 0);
		assert_true(bytes.len <= NOTE_BYTES_MAX);
		assert_true(err == ERR_OK || room < line_len + 8);
		assert_true(err == ERR_TOO_LARGE || room > line_len - 8);
	}
	buf_release(&bytes);
	buf_init(&bytes, TEXT.len + 100); /* less than a note of it */
	buf_append_text(&bytes, "before");
	assert_int_equal(note_sign(&bytes, TEXT, NAME, keys, HAL_KEY_CURRENT, &info), ERR_TOO_LARGE);
	assert_true(span_equal(buf_span(&bytes), SPAN_LITERAL("before")) && buf_ok(&bytes));
	assert_int_equal(note_add_signature(&bytes, NAME, keys, HAL_KEY_CURRENT, &info), ERR_BAD_INPUT);
	assert_non_null(strstr(info.text, "no empty line"));
	buf_release(&bytes);
	buf_release(&text);
	keys_free(keys);
}

static void put_file(const char *directory, const char *name, struct span bytes)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

/* What the contract tells a consumer to do with standard tools: text up to the last empty line, signature from base64
 * without its first four bytes, `openssl dgst -sha256 -verify`. Skipped where there is no openssl command. */
static void test_openssl_command(void **state)
{
	(void)state;
	char directory[] = "/tmp/note-test-XXXXXX";
	char line[512];
	struct hal_keys *keys = keys_new(3);
	struct buf bytes;
	struct err_info info;
	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	assert_non_null(mkdtemp(directory));
	buf_init(&bytes, NOTE_BYTES_MAX);
	assert_int_equal(note_sign(&bytes, TEXT, NAME, keys, HAL_KEY_CURRENT, &info), ERR_OK);
	put_file(directory, "note", buf_span(&bytes));
	buf_clear(&bytes);
	public_key_to_pem(&bytes, hal_keys_public(keys, HAL_KEY_CURRENT));
	put_file(directory, "key.pem", buf_span(&bytes));
	(void)snprintf(line, sizeof line,
	               "cd %s && { head -n 2 note >text; tail -n 1 note | cut -d ' ' -f 3 | base64 -d | tail "
	               "-c +5 >sig; "
	               "openssl dgst -sha256 -verify key.pem -signature sig text; } >log 2>&1",
	               directory);
	assert_int_equal(system(line), 0);
	(void)snprintf(
	    line, sizeof line,
	    "cd %s && echo >>text && ! openssl dgst -sha256 -verify key.pem -signature sig text >log 2>&1 && "
	    "rm -r $PWD",
	    directory);
	assert_int_equal(system(line), 0);
	buf_release(&bytes);
	keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_note),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_last_empty_line),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_known_and_unknown_keys),
	    cmocka_unit_test(test_bad_signatures),
	    cmocka_unit_test(test_signing_limits),
	    cmocka_unit_test(test_openssl_command),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
