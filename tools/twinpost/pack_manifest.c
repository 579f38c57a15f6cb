/*
 * pack_manifest.c - makes MANIFEST and compares the files with it.
 *
 * Why:   see pack_manifest.h.
 * Owns:  nothing.
 * Rules: as in pack_manifest.h.
 * Faults: as in pack_manifest.h.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_files_test.c, tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store_forward/digest.h"
#include "tools/twinpost/pack_tree.h"

#define FINDING_BYTES_MAX 600
#define HEX_CHARS         (DIGEST_HEX_SIZE - 1)

void pack_findings_init(struct pack_findings *findings)
{
	findings->count = 0;
	buf_init(&findings->text, (size_t)PACK_FINDINGS_TOLD * FINDING_BYTES_MAX);
}

void pack_findings_release(struct pack_findings *findings)
{
	buf_release(&findings->text);
}

void pack_found(struct pack_findings *findings, const char *format, ...)
{
	char line[FINDING_BYTES_MAX - 1];
	va_list arguments;
	if (findings->count++ >= PACK_FINDINGS_TOLD)
		return;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	/* A line end of the pack's own would make a second line, which says whatever the pack wants. */
	for (char *c = line; *c; c++)
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
	buf_append_text(&findings->text, line);
	buf_append_char(&findings->text, '\n');
}

static bool is_listed(const char *path)
{
	return strcmp(path, PACK_MANIFEST) != 0 && strcmp(path, PACK_NOTE) != 0;
}

void pack_manifest_make(const struct pack_files *files, struct buf *out)
{
	char hex[DIGEST_HEX_SIZE];
	for (int i = 0; i < files->count; i++) {
		if (!is_listed(files->list[i].path))
			continue;
		struct digest digest = digest_of(&files->list[i].bytes, 1);
		digest_hex(&digest, hex);
		buf_printf(out, "%s  %s\n", hex, files->list[i].path);
	}
}

/* One line; false: it is none of a manifest. */
static bool read_line(struct span line, struct digest *digest, struct span *path)
{
	if (line.len < HEX_CHARS + 3 || line.data[HEX_CHARS] != ' ' || line.data[HEX_CHARS + 1] != ' ')
		return false;
	*path = (struct span){line.data + HEX_CHARS + 2, line.len - HEX_CHARS - 2};
	return hex_decode(digest->bytes, DIGEST_BYTES, (struct span){line.data, HEX_CHARS}) &&
	       pack_path_valid(*path);
}

static void check_file(const struct pack_files *files, const char *path, const struct digest *digest,
                       struct pack_findings *findings)
{
	const struct pack_file *file = pack_files_find(files, path);
	if (!file) {
		pack_found(findings, "missing file: %s is in MANIFEST and not in the pack", path);
		return;
	}
	struct digest own = digest_of(&file->bytes, 1);
	if (!digest_equal(&own, digest))
		pack_found(findings, "changed file: %s has not the SHA-256 that MANIFEST has for it", path);
}

bool pack_manifest_check(const struct pack_files *files, struct pack_findings *findings)
{
	const struct pack_file *manifest = pack_files_find(files, PACK_MANIFEST);
	bool seen[PACK_FILES_MAX] = {false};
	struct span text, line, path;
	struct span before = {"", 0};
	struct digest digest;
	bool cut = false;
	int number = 0;
	if (!manifest) {
		pack_found(findings, "missing file: there is no MANIFEST; is this a pack?");
		return false;
	}
	text = manifest->bytes;
	while (pack_take_line(&text, &line, &cut)) {
		number++;
		if (!read_line(line, &digest, &path) || span_compare(before, path) >= 0) {
			pack_found(
			    findings,
			    "MANIFEST: line %d is not a SHA-256, two blanks and a path, in the order of the "
			    "paths",
			    number);
			return false;
		}
		before = path;
		char name[PACK_PATH_MAX + 1];
		CHECK(text_copy(name, sizeof name, path));
		if (!is_listed(name)) {
			pack_found(findings, "MANIFEST: line %d names %s, which no manifest holds", number,
			           name);
			return false;
		}
		const struct pack_file *file = pack_files_find(files, name);
		if (file)
			seen[file - files->list] = true;
		check_file(files, name, &digest, findings);
	}
	if (cut) {
		pack_found(findings, "MANIFEST: its last line has no end");
		return false;
	}
	for (int i = 0; i < files->count; i++) {
		if (!seen[i] && is_listed(files->list[i].path))
			pack_found(findings, "extra file: %s is in the pack and not in MANIFEST",
			           files->list[i].path);
	}
	return true;
}
