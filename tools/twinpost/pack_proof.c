/*
 * pack_proof.c - writes and reads the proof of one document.
 *
 * Why:   see pack_proof.h.
 * Owns:  nothing.
 * Rules: as in pack_proof.h.
 * Faults: as in pack_proof.h.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_tree_test.c, tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_proof.h"

#include <inttypes.h>
#include <string.h>

#include "connector/uplink/json_read.h"
#include "connector/uplink/note_text.h"

#define BEGIN "{\"document\":"

static void encode_line(struct buf *out, const struct pack_proof *proof)
{
	buf_append_text(out, BEGIN);
	buf_append_span(out, proof->document);
	buf_printf(out, ",\"format\":1,\"index\":%" PRId64 ",\"path\":[", proof->index);
	for (int i = 0; i < proof->path_count; i++) {
		buf_append_text(out, i ? ",\"" : "\"");
		note_put_root(out, &proof->path[i]);
		buf_append_char(out, '"');
	}
	buf_printf(out, "],\"salt\":\"%s\"}\n", proof->salt);
}

void pack_proof_encode(struct buf *out, const struct pack_proof *proof)
{
	CHECK(proof->index >= 0 && proof->path_count >= 0 && proof->path_count <= MERKLE_PATH_MAX);
	encode_line(out, proof);
	buf_append_span(out, proof->note);
}

/* The text between the quotes, which has no escapes in what is read here. */
static struct span inner(const struct json_value *value)
{
	if (value->kind != JSON_TEXT)
		return (struct span){NULL, 0};
	return (struct span){value->raw.data + 1, value->raw.len - 2};
}

static bool read_path(struct pack_proof *proof, const struct json_value *list)
{
	struct json_walk walk;
	struct json_value entry;
	proof->path_count = 0;
	if (list->kind != JSON_LIST)
		return false;
	json_walk_init(&walk, list);
	while (json_walk_next(&walk, NULL, &entry)) {
		if (proof->path_count == MERKLE_PATH_MAX ||
		    !note_root(inner(&entry), &proof->path[proof->path_count++]))
			return false;
	}
	return true;
}

bool pack_proof_looks(struct span bytes)
{
	const struct span begin = SPAN_LITERAL(BEGIN);
	return bytes.len >= begin.len && memcmp(bytes.data, begin.data, begin.len) == 0;
}

bool pack_proof_decode(struct pack_proof *proof, struct span bytes)
{
	struct span line;
	struct span rest = bytes;
	struct json_value root;
	uint8_t salt[PACK_SALT_CHARS / 2];
	struct buf again;
	bool cut;
	if (bytes.len > PACK_PROOF_BYTES_MAX || !pack_take_line(&rest, &line, &cut) ||
	    json_open(&root, line, NULL) != ERR_OK || root.kind != JSON_OBJECT)
		return false;
	struct json_value document = json_member(&root, "document");
	struct json_value index = json_member(&root, "index");
	struct json_value path = json_member(&root, "path");
	struct json_value text = json_member(&root, "salt");
	if (document.kind != JSON_OBJECT || index.kind != JSON_NUMBER ||
	    !json_read_integer(&index, &proof->index) || proof->index < 0 || !read_path(proof, &path) ||
	    !hex_decode(salt, sizeof salt, inner(&text)))
		return false;
	hex_encode(proof->salt, salt, sizeof salt);
	proof->document = document.raw;
	proof->note = rest;
	/* One form: no other member, order or spelling. */
	buf_init(&again, PACK_PROOF_BYTES_MAX + 1024);
	encode_line(&again, proof);
	bool same = buf_ok(&again) && span_equal(buf_span(&again), (struct span){line.data, line.len + 1});
	buf_release(&again);
	return same;
}
