/*
 * note_fuzz.c - any bytes into notes, their texts, base64, public keys and signatures.
 *
 * Why:   receipts and commands come from outside, before anybody knows who signed them.
 * Owns:  nothing that outlives one input.
 * Rules: 1. The first byte chooses the decoder, the rest is its input.
 *        2. What a decoder accepts is encoded again and must give the same bytes: one note has one form.
 *        3. Nothing that was not signed by the one known key verifies.
 * Runs in: the fuzzers (LLVMFuzzerTestOneInput; the driver is the build's).
 */
#include "connector/uplink/note.h"

#include <stdlib.h>
#include <string.h>

#include "connector/compare/pack_note.h"
#include "connector/uplink/birth_note.h"
#include "connector/uplink/checkpoint.h"
#include "connector/uplink/key_note.h"
#include "hal/base/base64.h"
#include "store_forward/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The public key of RFC 6979, A.2.5; its key id begins the base64 of a line as Wnp4z. */
static const char known_key[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7"
				"Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==";

static void check_same(const struct buf *out, struct span input)
{
	CHECK(buf_ok(out) && span_equal(buf_span(out), input));
}

static void fuzz_note(struct span input, struct buf *out)
{
	struct note note;
	uint8_t spki[PUBLIC_KEY_BYTES];
	size_t len;
	uint32_t signers;
	CHECK(base64_decode(spki, sizeof spki, &len, span_of(known_key)));
	const struct note_key key = {.spki = {(const char *)spki, len}};
	enum note_fault fault = note_decode(&note, input);
	CHECK(note_fault_text(fault)[0] != 0);
	if (fault != NOTE_FAULT_NONE)
		return;
	buf_append_span(out, note.text);
	buf_append_char(out, '\n');
	for (int i = 0; i < note.count; i++) {
		CHECK(note_name_valid(note.signatures[i].name));
		buf_append_text(out, "\xe2\x80\x94 ");
		buf_append_span(out, note.signatures[i].name);
		buf_append_char(out, ' ');
		buf_append_span(out, note.signatures[i].base64);
		buf_append_char(out, '\n');
	}
	check_same(out, input);
	CHECK(note_verify(&note, &key, 1, &signers) != NOTE_GOOD && signers == 0);
}

static void fuzz_checkpoint(struct span input, struct buf *out)
{
	struct checkpoint checkpoint;
	if (!checkpoint_decode(&checkpoint, input))
		return;
	checkpoint_encode(out, &checkpoint);
	check_same(out, input);
}

static void fuzz_key_note(struct span input, struct buf *out)
{
	struct key_note note;
	if (!key_note_decode(&note, input))
		return;
	key_note_encode(out, &note);
	check_same(out, input);
}

static void fuzz_pack_note(struct span input, struct buf *out)
{
	struct pack_note note;
	if (!pack_note_decode(&note, input))
		return;
	pack_note_encode(out, &note);
	check_same(out, input);
}

static void fuzz_birth_note(struct span input, struct buf *out)
{
	struct birth_note note;
	struct birth_line line;
	if (!birth_note_decode(&note, input))
		return;
	birth_note_begin(out, &note);
	while (birth_note_next(&note, &line)) {
		if (!birth_note_line(out, &line)) {
			CHECK(input.len > BIRTH_NOTE_TEXT_MAX);
			return;
		}
	}
	check_same(out, input);
}

static void fuzz_base64(struct span input, struct buf *out)
{
	size_t len;
	size_t decoded;
	if (!base64_length(input, &len))
		return;
	uint8_t *bytes = malloc(len + 1);
	CHECK(bytes != NULL && base64_decode(bytes, len, &decoded, input) && decoded == len);
	CHECK(len == 0 || !base64_decode(bytes, len - 1, &decoded, input));
	base64_encode(out, bytes, len);
	check_same(out, input);
	free(bytes);
}

static void fuzz_key_and_signature(struct span input)
{
	uint8_t spki[PUBLIC_KEY_BYTES];
	size_t len;
	struct err_info info;
	if (public_key_from_pem(input, spki, &len, &info) == ERR_OK)
		CHECK(public_key_valid((struct span){(const char *)spki, len}));
	(void)!public_key_valid(input);
	CHECK(base64_decode(spki, sizeof spki, &len, span_of(known_key)));
	CHECK(!signature_verify((struct span){(const char *)spki, len}, SPAN_LITERAL("not signed"), input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span input = {(const char *)data + 1, size - 1};
	struct buf out;
	buf_init(&out, size + 64);
	switch (data[0] % 7) {
	case 0:
		fuzz_note(input, &out);
		break;
	case 1:
		fuzz_checkpoint(input, &out);
		break;
	case 2:
		fuzz_key_note(input, &out);
		break;
	case 3:
		fuzz_birth_note(input, &out);
		break;
	case 4:
		fuzz_base64(input, &out);
		break;
	case 5:
		fuzz_pack_note(input, &out);
		break;
	default:
		fuzz_key_and_signature(input);
	}
	buf_release(&out);
	return 0;
}
