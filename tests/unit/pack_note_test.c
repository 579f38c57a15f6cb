/*
 * pack_note_test.c - the signed text of a comparison, to the byte, and all that is nearly one.
 *
 * Why:   what is signed must have one form, and one meaning.
 * Owns:  nothing.
 * Rules: the known text was written by hand of docs/compare/evidence.md; its root is that of no leaves (RFC 6962,
 *        section 2.1: `printf '' | openssl dgst -sha256 -binary | base64`).
 * Runs in: the tests.
 * Tests: connector/compare/pack_note.c
 */
#include "connector/compare/pack_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note_mutations.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ROOT  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define HEAD  "acme/plant-1/compare\n0\n" ROOT "\nrun 000012\nverdict breaks\n"
#define CUT   "cut 2026-11-21T16:08:27.000Z\ncloud 0 40\n"
#define TAIL  "rules ab12c0ffee451d07\nmanifest " EMPTY "\n"
#define KNOWN HEAD "periods 2026-08 -\n" CUT "legacy 0 2\nstream 1795277244 21 00001\nstream 0 0 A.csv\n" TAIL

static bool again(struct span text, struct buf *out)
{
	struct pack_note note;
	if (!pack_note_decode(&note, text))
		return false;
	pack_note_encode(out, &note);
	return true;
}

/* The known text, both ways. */
static void test_known_text(void **state)
{
	(void)state;
	struct pack_note note;
	struct buf out;
	struct span streams, name;
	int64_t epoch, sequence;
	uint8_t empty[DIGEST_BYTES];
	assert_true(hex_decode(empty, DIGEST_BYTES, SPAN_LITERAL(EMPTY)));
	assert_true(pack_note_decode(&note, SPAN_LITERAL(KNOWN)));
	assert_true(span_equal(note.gateway, SPAN_LITERAL("acme/plant-1")));
	assert_true(note.size == 0 && note.cloud_count == 0 && note.cloud_sequence == 40);
	assert_memory_equal(note.root.bytes, empty, DIGEST_BYTES);
	assert_memory_equal(note.manifest.bytes, empty, DIGEST_BYTES);
	assert_int_equal(note.verdict, PACK_BREAKS);
	assert_true(span_equal(note.from, SPAN_LITERAL("2026-08")) && span_equal(note.to, SPAN_LITERAL("-")));
	/* date -u -d 2026-11-21T16:08:27Z +%s */
	assert_true(note.cut_ns == INT64_C(1795277307000000000));
	assert_int_equal(note.stream_count, 2);
	streams = note.streams;
	assert_true(pack_note_take_stream(&streams, &epoch, &sequence, &name));
	assert_true(epoch == 1795277244 && sequence == 21 && span_equal(name, SPAN_LITERAL("00001")));
	assert_true(pack_note_take_stream(&streams, &epoch, &sequence, &name));
	assert_false(pack_note_take_stream(&streams, &epoch, &sequence, &name));
	buf_init(&out, PACK_NOTE_TEXT_MAX);
	pack_note_encode(&out, &note);
	assert_string_equal(buf_cstr(&out), KNOWN);
	buf_release(&out);
}

/* Every cut is refused; every other small change is, or is a statement of its own with one form. */
static void test_mutations(void **state)
{
	(void)state;
	assert_true(note_mutations(SPAN_LITERAL(KNOWN), again) > 100);
}

/* What the agent signs otherwise, and values out of their form. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    "tp1/key/v1\ngateway acme/plant-1\n",
	    "urn:twinpost:acme:plant-1:00001:1\n1\n" ROOT "\n",
	    HEAD "periods 2026-08 -\n" CUT "legacy 0 1\n" TAIL,
	    HEAD "periods 2026-08 -\n" CUT "legacy 0 0\nstream 1 1 a\n" TAIL,
	    HEAD "periods 2026-08 -\n" CUT "legacy 0 101\nstreams " ROOT "\n" TAIL,
	    HEAD "periods 2026-08 -\n" CUT "legacy 0 1\nstreams " EMPTY "\n" TAIL,
	    HEAD "periods 2026-8 -\n" CUT "legacy 0 0\n" TAIL,
	    HEAD "periods  -\n" CUT "legacy 0 0\n" TAIL,
	    HEAD "periods 2026-08 -\n" CUT "legacy -1 0\n" TAIL,
	    HEAD "periods 2026-08 -\n" CUT "legacy 0 0\n" TAIL "\n",
	    HEAD "periods 2026-08 -\n" CUT "legacy 9223372036854775808 0\n" TAIL,
	};
	struct pack_note note;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(pack_note_decode(&note, span_of(texts[i])));
	assert_true(pack_note_decode(
	    &note, SPAN_LITERAL(HEAD "periods - -\n" CUT "legacy 9223372036854775807 0\n" TAIL)));
	assert_true(pack_note_decode(
	    &note, SPAN_LITERAL(HEAD "periods - -\n" CUT "legacy 0 101\nstreams " EMPTY "\n" TAIL)));
}

/* Up to 100 streams are listed, more are one digest of the same lines; the longest text fits. */
static void test_streams(void **state)
{
	(void)state;
	char name[PACK_STREAM_NAME + 1];
	char hex[DIGEST_HEX_SIZE];
	for (int count = PACK_STREAMS_LISTED; count <= PACK_STREAMS_LISTED + 1; count++) {
		struct pack_note note;
		struct buf lines, streams, out;
		assert_true(pack_note_decode(&note, SPAN_LITERAL(KNOWN)));
		buf_init(&lines, 100000);
		buf_init(&streams, 100000);
		buf_init(&out, PACK_NOTE_TEXT_MAX);
		for (int i = 0; i < count; i++) {
			(void)snprintf(name, sizeof name, "%064d", i);
			pack_note_put_stream(&lines, INT64_MAX, INT64_MAX, span_of(name));
		}
		struct span all = buf_span(&lines);
		struct digest digest = digest_of(&all, 1);
		digest_hex(&digest, hex);
		pack_note_put_streams(&streams, count, all);
		note.stream_count = count;
		note.streams = buf_span(&streams);
		pack_note_encode(&out, &note);
		assert_true(buf_ok(&out));
		assert_true(pack_note_decode(&note, buf_span(&out)));
		assert_int_equal(note.stream_count, count);
		assert_true((strstr(buf_cstr(&out), hex) != NULL) == (count > PACK_STREAMS_LISTED));
		buf_release(&out);
		buf_release(&streams);
		buf_release(&lines);
	}
}

/* The verdicts, worst first, and what is none. */
static void test_verdicts(void **state)
{
	(void)state;
	static const char *const names[] = {"incomplete", "breaks", "reconciled_with_warnings",
	                                    "reconciled_with_pending", "reconciled"};
	enum pack_verdict verdict;
	assert_int_equal(PACK_VERDICT_COUNT, 5);
	for (int i = 0; i < PACK_VERDICT_COUNT; i++) {
		assert_string_equal(pack_verdict_name((enum pack_verdict)i), names[i]);
		assert_true(pack_verdict_find(span_of(names[i]), &verdict) && (int)verdict == i);
	}
	assert_false(pack_verdict_find(SPAN_LITERAL("green"), &verdict));
	assert_false(pack_verdict_find(SPAN_LITERAL(""), &verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_text), cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_refused),    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_verdicts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
