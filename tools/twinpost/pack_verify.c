/*
 * pack_verify.c - a pack's own parts, its note and its result, all against each other.
 *
 * Why:   see pack_verify.h.
 * Owns:  see pack_verify.h.
 * Rules: as in pack_verify.h.
 * Faults: as in pack_verify.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/note_text.h"
#include "store_forward/signature.h"
#include "tools/twinpost/pack_check.h"
#include "tools/twinpost/pack_key.h"
#include "tools/twinpost/pack_proof.h"

#define LINES_MAX (1024u * 1024u)

void pack_report_init(struct pack_report *report)
{
	*report = (struct pack_report){.readable = false};
	buf_init(&report->text, NOTE_BYTES_MAX);
}

void pack_report_release(struct pack_report *report)
{
	buf_release(&report->text);
}

/* ---- making ---- */

static void add_secret(struct pack_files *files)
{
	uint8_t bytes[PACK_SECRET_CHARS / 2];
	char hex[PACK_SECRET_CHARS + 2];
	if (pack_files_find(files, PACK_SECRET))
		return;
	pack_random(bytes, sizeof bytes);
	hex_encode(hex, bytes, sizeof bytes);
	hex[PACK_SECRET_CHARS] = '\n';
	hex[PACK_SECRET_CHARS + 1] = 0;
	pack_files_add(files, PACK_SECRET, span_of(hex));
}

/* The 64 digits in pack.secret, which ends with a newline. */
static bool secret_of(const struct pack_files *files, struct span *secret)
{
	uint8_t bytes[PACK_SECRET_CHARS / 2];
	const struct pack_file *file = pack_files_find(files, PACK_SECRET);
	if (!file || file->bytes.len != PACK_SECRET_CHARS + 1 || file->bytes.data[PACK_SECRET_CHARS] != '\n')
		return false;
	*secret = (struct span){file->bytes.data, PACK_SECRET_CHARS};
	return hex_decode(bytes, sizeof bytes, *secret);
}

/* Size and root of the documents, into the note; and what documents.root holds. */
static bool root_of(const struct pack_files *files, struct pack_note *note, struct buf *root_file,
                    struct pack_findings *findings)
{
	struct span secret;
	struct pack_tree tree;
	struct err_info info = {0};
	const struct pack_file *documents = pack_files_find(files, "documents.ndjson");
	if (!documents)
		return false; /* told by pack_check() */
	if (!secret_of(files, &secret)) {
		pack_found(findings, "pack.secret is not 64 hexadecimal digits on one line");
		return false;
	}
	bool good = pack_tree_make(&tree, secret, documents->bytes, &info) == ERR_OK;
	if (good) {
		note->size = tree.size;
		note->root = pack_tree_root(&tree);
		buf_printf(root_file, "%" PRId64 "\n", note->size);
		note_put_root(root_file, &note->root);
		buf_append_char(root_file, '\n');
	}
	pack_tree_release(&tree);
	return good; /* a cut is told by pack_check() too */
}

enum err pack_make(struct pack_files *files, struct span gateway, struct buf *text,
                   struct pack_findings *findings, struct err_info *info)
{
	static const char *const ours[] = {PACK_MANIFEST, PACK_ROOT, PACK_NOTE};
	struct pack_note note = {.gateway = gateway};
	struct json_value run;
	struct buf lines, file;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		if (pack_files_find(files, ours[i]))
			return err_set(
			    info, ERR_CONFLICT,
			    "there is a %s already: this is a pack, not the result of a comparison", ours[i]);
	}
	buf_init(&lines, LINES_MAX);
	buf_init(&file, (size_t)PACK_FILES_MAX * (PACK_PATH_MAX + DIGEST_HEX_SIZE + 2));
	enum err err = pack_run_read(files, &run, &note, &lines, info);
	if (err == ERR_OK) {
		add_secret(files);
		pack_check(files, &run, note.verdict, findings);
		if (root_of(files, &note, &file, findings) && findings->count == 0) {
			pack_files_add(files, PACK_ROOT, buf_span(&file));
			buf_clear(&file);
			pack_manifest_make(files, &file);
			CHECK(buf_ok(&file));
			pack_files_add(files, PACK_MANIFEST, buf_span(&file));
			note.manifest = digest_of(&pack_files_find(files, PACK_MANIFEST)->bytes, 1);
			pack_note_encode(text, &note);
		}
	}
	buf_release(&file);
	buf_release(&lines);
	return err;
}

/* ---- the note ---- */

static void check_signature(const struct note_key *key, struct pack_report *report,
                            struct pack_findings *findings)
{
	uint8_t id[NOTE_KEY_ID_BYTES];
	const struct note *note = &report->note;
	switch (note_verify(note, key, 1, NULL)) {
	case NOTE_GOOD:
		break;
	case NOTE_BAD_SIGNATURE:
		pack_found(findings, "signature: a line of the given key does not fit the text of the note");
		return;
	default:
		pack_found(findings, "signature: the note is not signed by the given key");
		return;
	}
	note_key_id(key->spki, id);
	for (int i = 0; i < note->count; i++) {
		if (memcmp(note->signatures[i].key_id, id, sizeof id) == 0)
			report->signed_by = note->signatures[i].name;
	}
}

static bool open_note(struct span bytes, const struct note_key *key, struct pack_report *report,
                      struct pack_findings *findings)
{
	enum note_fault fault = note_decode(&report->note, bytes);
	if (fault != NOTE_FAULT_NONE) {
		pack_found(findings, "the note is no signed note: %s", note_fault_text(fault));
		return false;
	}
	if (key)
		check_signature(key, report, findings);
	report->readable = pack_note_decode(&report->said, report->note.text);
	if (!report->readable)
		pack_found(findings, "the note is not the note of a comparison: its text has another form");
	return report->readable;
}

/* ---- verifying ---- */

/* Both texts line by line; says where they part. */
static void compare_texts(struct span said, struct span made, struct pack_findings *findings)
{
	struct span a = {"", 0}, b = {"", 0};
	bool cut;
	while (said.len > 0 || made.len > 0) {
		if (!pack_take_line(&said, &a, &cut))
			a = SPAN_LITERAL("nothing");
		if (!pack_take_line(&made, &b, &cut))
			b = SPAN_LITERAL("nothing");
		if (!span_equal(a, b)) {
			pack_found(findings, "the note says \"%.*s\", the files make it \"%.*s\"",
			           a.len < 150 ? (int)a.len : 150, a.data, b.len < 150 ? (int)b.len : 150,
			           b.data);
		}
	}
}

static void check_root_file(const struct pack_files *files, const struct buf *made,
                            struct pack_findings *findings)
{
	const struct pack_file *file = pack_files_find(files, PACK_ROOT);
	if (!file)
		pack_found(findings, "missing file: there is no documents.root");
	else if (!span_equal(file->bytes, buf_span(made)))
		pack_found(findings, "documents.root is not the root of documents.ndjson");
}

void pack_verify(const struct pack_files *files, const struct note_key *key, struct pack_report *report,
                 struct pack_findings *findings)
{
	struct err_info info = {0};
	struct json_value run;
	struct pack_note made = {.size = 0};
	struct buf lines, root;
	const struct pack_file *note = pack_files_find(files, PACK_NOTE);
	buf_init(&lines, LINES_MAX);
	buf_init(&root, 128);
	bool listed = pack_manifest_check(files, findings);
	bool readable = false;
	if (note)
		readable = open_note(note->bytes, key, report, findings);
	else
		pack_found(findings, "missing file: there is no pack.note: the pack is not signed");
	if (pack_run_read(files, &run, &made, &lines, &info) != ERR_OK) {
		pack_found(findings, "%s", info.text);
	} else {
		pack_check(files, &run, made.verdict, findings);
		bool rooted = root_of(files, &made, &root, findings);
		if (rooted)
			check_root_file(files, &root, findings);
		if (rooted && listed && readable) {
			made.gateway = report->said.gateway;
			made.manifest = digest_of(&pack_files_find(files, PACK_MANIFEST)->bytes, 1);
			pack_note_encode(&report->text, &made);
			compare_texts(report->note.text, buf_span(&report->text), findings);
		}
	}
	buf_release(&root);
	buf_release(&lines);
}

void pack_verify_proof(struct span bytes, const struct note_key *key, struct pack_report *report,
                       struct pack_findings *findings)
{
	struct pack_proof proof;
	if (!pack_proof_decode(&proof, bytes)) {
		pack_found(findings, "it is no proof of a document: its first line has not the form of one");
		return;
	}
	if (!open_note(proof.note, key, report, findings))
		return;
	struct digest leaf = pack_leaf(proof.salt, proof.document);
	if (!merkle_verify_inclusion(&leaf, proof.index, report->said.size, proof.path, proof.path_count,
	                             &report->said.root))
		pack_found(findings,
		           "the document is not in the signed tree: its path does not lead to the root");
	else
		report->document = proof.document;
}
