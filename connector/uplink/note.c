/*
 * note.c - reads, verifies and signs notes.
 *
 * Why:   see note.h.
 * Owns:  nothing.
 * Rules: as in note.h; nothing is verified before the whole note is known to be well formed.
 * Faults: as in note.h.
 * Runs in: the core.
 * Tests: tests/unit/note_test.c, tests/fuzz/note_fuzz.c
 */
#include "connector/uplink/note.h"

#include <string.h>

#include "connector/posting/canonical.h"
#include "hal/base/base64.h"
#include "store_forward/digest.h"
#include "store_forward/signature.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a blank */

static const char *const fault_texts[NOTE_FAULT_COUNT] = {
#define NOTE_FAULT_TEXT(name, text) text,
    NOTE_FAULTS(NOTE_FAULT_TEXT)
#undef NOTE_FAULT_TEXT
};

const char *note_fault_text(enum note_fault fault)
{
	CHECK((unsigned)fault < NOTE_FAULT_COUNT);
	return fault_texts[fault];
}

/* UTF-8 without control characters (below U+0020) but newlines. */
static bool is_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 && c != '\n')
			return false;
	}
	return utf8_valid(text);
}

/* Does one of Unicode's blanks above U+007F begin here? (PropList.txt, White_Space.) */
static bool blank_begins(struct span rest)
{
	static const char *const blanks[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
	                                     "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
	for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
		size_t len = strlen(blanks[i]);
		if (rest.len >= len && memcmp(rest.data, blanks[i], len) == 0)
			return true;
	}
	/* U+2000 to U+200A. */
	return rest.len >= 3 && memcmp(rest.data, "\xe2\x80", 2) == 0 &&
	       (unsigned char)rest.data[2] >= 0x80 && (unsigned char)rest.data[2] <= 0x8a;
}

bool note_name_valid(struct span name)
{
	if (name.len == 0 || name.len > NOTE_NAME_MAX || !is_text(name))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		struct span rest = {name.data + i, name.len - i};
		if (name.data[i] == ' ' || name.data[i] == '\n' || name.data[i] == '+' || blank_begins(rest))
			return false;
	}
	return true;
}

void note_key_id(struct span spki, uint8_t id[NOTE_KEY_ID_BYTES])
{
	struct digest digest = digest_of(&spki, 1);
	memcpy(id, digest.bytes, NOTE_KEY_ID_BYTES);
}

/* A line without its newline. */
static enum note_fault decode_line(struct note_signature *signature, struct span line)
{
	const struct span dash = SPAN_LITERAL(DASH);
	uint8_t bytes[BASE64_BYTES_MAX(NOTE_BYTES_MAX)];
	size_t len;
	if (line.len < dash.len || memcmp(line.data, dash.data, dash.len) != 0)
		return NOTE_FAULT_LINE;
	signature->name.data = line.data + dash.len;
	const char *blank = memchr(signature->name.data, ' ', line.len - dash.len);
	if (!blank)
		return NOTE_FAULT_LINE;
	signature->name.len = (size_t)(blank - signature->name.data);
	signature->base64 = (struct span){blank + 1, (size_t)(line.data + line.len - blank - 1)};
	if (!note_name_valid(signature->name))
		return NOTE_FAULT_NAME;
	if (!base64_decode(bytes, sizeof bytes, &len, signature->base64) || len <= NOTE_KEY_ID_BYTES)
		return NOTE_FAULT_BASE64;
	memcpy(signature->key_id, bytes, NOTE_KEY_ID_BYTES);
	return NOTE_FAULT_NONE;
}

/* Everything after the separator. */
static enum note_fault decode_lines(struct note *note, struct span lines)
{
	if (lines.len == 0)
		return NOTE_FAULT_NO_SIGNATURE;
	while (lines.len > 0) {
		const char *end = memchr(lines.data, '\n', lines.len);
		if (!end)
			return NOTE_FAULT_CUT;
		if (note->count == NOTE_SIGNATURES_MAX)
			return NOTE_FAULT_MANY_SIGNATURES;
		struct span line = {lines.data, (size_t)(end - lines.data)};
		enum note_fault fault = decode_line(&note->signatures[note->count], line);
		if (fault != NOTE_FAULT_NONE)
			return fault;
		note->count++;
		lines.data = end + 1;
		lines.len -= line.len + 1;
	}
	return NOTE_FAULT_NONE;
}

enum note_fault note_decode(struct note *note, struct span bytes)
{
	note->text = (struct span){NULL, 0};
	note->count = 0;
	if (bytes.len > NOTE_BYTES_MAX)
		return NOTE_FAULT_TOO_LONG;
	if (!is_text(bytes))
		return NOTE_FAULT_NOT_TEXT;
	/* The last newline that another one follows. */
	size_t at = bytes.len;
	while (at >= 2 && !(bytes.data[at - 1] == '\n' && bytes.data[at - 2] == '\n'))
		at--;
	if (at < 2)
		return NOTE_FAULT_NO_SEPARATOR;
	note->text = (struct span){bytes.data, at - 1};
	return decode_lines(note, (struct span){bytes.data + at, bytes.len - at});
}

static bool line_verifies(const struct note *note, const struct note_signature *signature, struct span spki)
{
	uint8_t bytes[NOTE_KEY_ID_BYTES + HAL_SIGNATURE_MAX];
	size_t len;
	if (!base64_decode(bytes, sizeof bytes, &len, signature->base64))
		return false; /* longer than any signature of P-256 */
	struct span der = {(const char *)bytes + NOTE_KEY_ID_BYTES, len - NOTE_KEY_ID_BYTES};
	return signature_verify(spki, note->text, der);
}

/* One line against all keys. false: it bears a known key's name and id, and none of them made it. */
static bool judge_line(const struct note *note, const struct note_signature *signature,
                       const struct note_key *keys, size_t count, uint32_t *signers)
{
	bool known = false;
	bool good = false;
	for (size_t i = 0; i < count; i++) {
		uint8_t id[NOTE_KEY_ID_BYTES];
		note_key_id(keys[i].spki, id);
		if (memcmp(id, signature->key_id, sizeof id) != 0 ||
		    (keys[i].name.len > 0 && !span_equal(keys[i].name, signature->name)))
			continue;
		known = true;
		if (!line_verifies(note, signature, keys[i].spki))
			continue;
		good = true;
		*signers |= UINT32_C(1) << i;
	}
	return good || !known;
}

enum note_verdict note_verify(const struct note *note, const struct note_key *keys, size_t count,
                              uint32_t *signers)
{
	uint32_t found = 0;
	CHECK(count <= NOTE_KEYS_MAX);
	if (signers)
		*signers = 0;
	for (int i = 0; i < note->count; i++) {
		if (!judge_line(note, &note->signatures[i], keys, count, &found))
			return NOTE_BAD_SIGNATURE;
	}
	if (signers)
		*signers = found;
	return found ? NOTE_GOOD : NOTE_UNSIGNED;
}

enum note_verdict note_open(struct note *note, struct span bytes, const struct note_key *keys, size_t count,
                            uint32_t *signers, enum note_fault *fault)
{
	enum note_fault found = note_decode(note, bytes);
	if (fault)
		*fault = found;
	if (signers)
		*signers = 0;
	return found == NOTE_FAULT_NONE ? note_verify(note, keys, count, signers) : NOTE_MALFORMED;
}

static enum err too_large(struct err_info *info)
{
	return err_set(info, ERR_TOO_LARGE, "a signed note has at most %d bytes and %d signatures",
	               NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX);
}

/* Appends prefix and the signature line over text, which come to a note of before + these bytes; all or nothing. */
static enum err append_signed(struct buf *out, struct span prefix, struct span text, size_t before,
                              struct span name, struct hal_keys *keys, enum hal_key which,
                              struct err_info *info)
{
	uint8_t bytes[NOTE_KEY_ID_BYTES + HAL_SIGNATURE_MAX];
	size_t len;
	CHECK(note_name_valid(name));
	enum err err = hal_keys_sign(keys, which, text, bytes + NOTE_KEY_ID_BYTES, &len, info);
	if (err != ERR_OK)
		return err;
	note_key_id(hal_keys_public(keys, which), bytes);
	struct buf line;
	buf_init(&line, NOTE_LINE_MAX);
	buf_append_text(&line, DASH);
	buf_append_span(&line, name);
	buf_append_char(&line, ' ');
	base64_encode(&line, bytes, NOTE_KEY_ID_BYTES + len);
	buf_append_char(&line, '\n');
	CHECK(buf_ok(&line));
	if (before + prefix.len + line.len > NOTE_BYTES_MAX || out->max - out->len < prefix.len + line.len) {
		err = too_large(info);
	} else {
		buf_append_span(out, prefix);
		buf_append_span(out, buf_span(&line));
	}
	buf_release(&line);
	return err;
}

enum err note_sign(struct buf *out, struct span text, struct span name, struct hal_keys *keys,
                   enum hal_key which, struct err_info *info)
{
	CHECK(text.len > 0 && text.data[text.len - 1] == '\n' && is_text(text));
	if (text.len >= NOTE_BYTES_MAX)
		return too_large(info);
	struct buf prefix;
	buf_init(&prefix, NOTE_BYTES_MAX);
	buf_append_span(&prefix, text);
	buf_append_char(&prefix, '\n');
	enum err err = append_signed(out, buf_span(&prefix), text, 0, name, keys, which, info);
	buf_release(&prefix);
	return err;
}

enum err note_add_signature(struct buf *note, struct span name, struct hal_keys *keys, enum hal_key which,
                            struct err_info *info)
{
	struct note decoded;
	const struct span nothing = {NULL, 0};
	enum note_fault fault = note_decode(&decoded, buf_span(note));
	if (fault != NOTE_FAULT_NONE)
		return err_set(info, ERR_BAD_INPUT, "this is no signed note: %s", note_fault_text(fault));
	if (decoded.count == NOTE_SIGNATURES_MAX)
		return too_large(info);
	return append_signed(note, nothing, decoded.text, note->len, name, keys, which, info);
}
