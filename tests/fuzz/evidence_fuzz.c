/*
 * evidence_fuzz.c - any bytes as a pack of a comparison: tar file, result files, manifest, proof, rows.
 *
 * Why:   an auditor verifies packs and proofs that came from anybody.
 * Owns:  nothing that outlives one input.
 * Rules: 1. The first byte chooses the reader, the rest is its input; files are apart by 0xff.
 *        2. What is read is written to the same bytes: files of a tar, lines of a proof, lines of a manifest.
 *        3. What pack_make() finds nothing against, pack_verify() finds nothing against, and makes the same text of it;
 *           with one byte changed in one file it finds something.
 *        4. Nothing is told in words that hold a line end of the input's.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/compare_replay.h"
#include "tools/twinpost/pack_proof.h"
#include "tools/twinpost/pack_rows.h"
#include "tools/twinpost/pack_verify.h"

#define GATEWAY  "acme/plant-1"
#define TEXT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the next 0xff, which is taken too. */
static struct span take(struct span *rest)
{
	const char *end = rest->len > 0 ? memchr(rest->data, 0xff, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	const struct span taken = {rest->data, len};
	*rest = (struct span){rest->data + len + (end != NULL), rest->len - len - (end != NULL)};
	return taken;
}

static void check_findings(const struct pack_findings *findings)
{
	int lines = 0;
	CHECK(buf_ok(&findings->text));
	for (size_t i = 0; i < findings->text.len; i++)
		lines += findings->text.data[i] == '\n';
	CHECK(lines == (findings->count < PACK_FINDINGS_TOLD ? findings->count : PACK_FINDINGS_TOLD));
}

static int verify(const struct pack_files *files, struct span text)
{
	struct pack_findings findings;
	struct pack_report report;
	pack_findings_init(&findings);
	pack_report_init(&report);
	pack_verify(files, NULL, &report, &findings);
	check_findings(&findings);
	if (findings.count == 0) {
		CHECK(report.readable && span_equal(report.note.text, buf_span(&report.text)));
		CHECK(text.len == 0 || span_equal(text, buf_span(&report.text)));
	}
	int count = findings.count;
	pack_report_release(&report);
	pack_findings_release(&findings);
	return count;
}

/* ---- a tar file ---- */

static void fuzz_tar(struct span tar)
{
	struct pack_files files;
	struct pack_files again;
	struct err_info info;
	struct buf out;
	buf_init(&out, 2 * tar.len + 64 * PACK_TAR_BLOCK);
	pack_files_init(&files);
	pack_files_init(&again);
	if (pack_files_open_tar(&files, tar, &info) == ERR_OK) {
		static const char zeros[2 * PACK_TAR_BLOCK];
		for (int i = 0; i < files.count; i++) {
			CHECK(pack_path_valid(span_of(files.list[i].path)));
			CHECK(i == 0 || strcmp(files.list[i - 1].path, files.list[i].path) < 0);
			pack_tar_head(&out, "top", &files.list[i], 0);
			buf_append_span(&out, files.list[i].bytes);
			buf_append(&out, zeros, (PACK_TAR_BLOCK - out.len % PACK_TAR_BLOCK) % PACK_TAR_BLOCK);
		}
		buf_append(&out, zeros, sizeof zeros);
		CHECK(buf_ok(&out) && pack_files_open_tar(&again, buf_span(&out), &info) == ERR_OK);
		CHECK(again.count == files.count);
		for (int i = 0; i < files.count; i++)
			CHECK(strcmp(files.list[i].path, again.list[i].path) == 0 &&
			      span_equal(files.list[i].bytes, again.list[i].bytes));
		(void)verify(&files, (struct span){NULL, 0});
	}
	pack_files_release(&again);
	pack_files_release(&files);
	buf_release(&out);
}

/* ---- the files of a result ---- */

static void take_files(struct pack_files *files, struct span rest)
{
	static const char *const names[] = {"run.json",        "documents.ndjson",  "differences.ndjson",
	                                    "balances.ndjson", "tax.ndjson",        "usage.ndjson",
	                                    "pack.secret",     "rules/account.csv", "rules/tolerance.csv"};
	for (size_t i = 0; i < sizeof names / sizeof names[0] && rest.len > 0; i++) {
		struct span bytes = take(&rest);
		/* An empty one is left out; a table without rows is one blank line short of it: "-". */
		if (bytes.len > 0)
			pack_files_add(files, names[i],
			               span_equal(bytes, SPAN_LITERAL("-")) ? SPAN_LITERAL("") : bytes);
	}
}

/* One byte of one file, chosen by what is in it. */
static void change(struct pack_files *files)
{
	size_t sum = 0;
	for (int i = 0; i < files->count; i++)
		sum += files->list[i].bytes.len;
	const struct pack_file *file = &files->list[sum % (size_t)files->count];
	/* Without a key nobody looks at the signature itself. */
	if (file->bytes.len == 0 || strcmp(file->path, PACK_NOTE) == 0)
		return;
	char *bytes = mem_alloc(file->bytes.len);
	const size_t len = file->bytes.len;
	memcpy(bytes, file->bytes.data, len);
	bytes[sum % len] ^= 1;
	pack_files_replace(files, file->path, (struct span){bytes, len});
	CHECK(verify(files, (struct span){NULL, 0}) > 0);
	free(bytes);
}

static void fuzz_result(struct span input)
{
	struct pack_files files;
	struct pack_findings findings;
	struct err_info info;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	pack_files_init(&files);
	pack_findings_init(&findings);
	take_files(&files, input);
	enum err err = pack_make(&files, SPAN_LITERAL(GATEWAY), &text, &findings, &info);
	check_findings(&findings);
	CHECK((err == ERR_OK && findings.count == 0) == (text.len > 0));
	if (text.len > 0) {
		struct buf note;
		buf_init(&note, TEXT_MAX);
		buf_append_span(&note, buf_span(&text));
		/* A line of the form of a signature: verified without a key. */
		buf_append_text(&note,
		                "\n\xe2\x80\x94 acme/plant-1 Wnp4zEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaQUI=\n");
		pack_files_add(&files, PACK_NOTE, buf_span(&note));
		CHECK(verify(&files, buf_span(&text)) == 0);
		change(&files);
		buf_release(&note);
	} else {
		(void)verify(&files, (struct span){NULL, 0});
	}
	pack_findings_release(&findings);
	pack_files_release(&files);
	buf_release(&text);
}

/* ---- the rest ---- */

static void fuzz_proof(struct span bytes)
{
	struct pack_proof proof;
	struct pack_report report;
	struct pack_findings findings;
	struct buf out;
	buf_init(&out, bytes.len + 1024);
	pack_report_init(&report);
	pack_findings_init(&findings);
	bool good = pack_proof_decode(&proof, bytes);
	if (good) {
		CHECK(pack_proof_looks(bytes));
		pack_proof_encode(&out, &proof);
		CHECK(buf_ok(&out) && span_equal(buf_span(&out), bytes));
	}
	pack_verify_proof(bytes, NULL, &report, &findings);
	check_findings(&findings);
	CHECK((findings.count == 0) == (report.document.len > 0));
	CHECK(findings.count > 0 || (good && span_equal(report.document, proof.document)));
	pack_findings_release(&findings);
	pack_report_release(&report);
	buf_release(&out);
}

static void fuzz_manifest(struct span rest)
{
	struct pack_files files;
	struct pack_findings findings;
	struct buf made;
	const struct span manifest = take(&rest);
	buf_init(&made, TEXT_MAX);
	pack_files_init(&files);
	pack_findings_init(&findings);
	pack_files_add(&files, PACK_MANIFEST, manifest);
	for (char name[] = "a.txt"; rest.len > 0 && name[0] <= 'f'; name[0]++)
		pack_files_add(&files, name, take(&rest));
	bool formed = pack_manifest_check(&files, &findings);
	check_findings(&findings);
	CHECK(formed || findings.count > 0);
	pack_manifest_make(&files, &made);
	CHECK((findings.count == 0) == span_equal(buf_span(&made), manifest));
	pack_findings_release(&findings);
	pack_files_release(&files);
	buf_release(&made);
}

static void count_change(void *self, enum replay_kind kind, const struct replay_difference *before,
                         const struct replay_difference *after)
{
	CHECK((before != NULL) == (kind != REPLAY_CREATED) && (after != NULL) == (kind != REPLAY_CLEARED));
	++*(int *)self;
}

static void fuzz_differences(struct span rest)
{
	struct replay_side sides[2];
	struct err_info info;
	int changes = 0;
	for (int i = 0; i < 2; i++) {
		struct span text = take(&rest);
		struct span line;
		bool cut;
		replay_side_init(&sides[i]);
		while (pack_take_line(&text, &line, &cut))
			CHECK(replay_add(&sides[i], line, &info) != ERR_OK ||
			      sides[i].count <= sides[i].capacity);
		replay_sort(&sides[i]);
	}
	replay_compare(&sides[0], &sides[1], count_change, &changes);
	CHECK(changes <= sides[0].count + sides[1].count);
	changes = 0;
	replay_compare(&sides[0], &sides[0], count_change, &changes);
	CHECK(changes == 0);
	for (int i = 0; i < 2; i++)
		replay_side_release(&sides[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct span) = {fuzz_tar, fuzz_result, fuzz_proof, fuzz_manifest,
	                                               fuzz_differences};
	if (size > 0)
		readers[data[0] % 5]((struct span){(const char *)data + 1, size - 1});
	return 0;
}
