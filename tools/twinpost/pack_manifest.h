/*
 * pack_manifest.h - MANIFEST: the SHA-256 of every file of a pack, as sha256sum writes and checks it.
 *
 * Why:   one digest in the signed statement stands for every file; `sha256sum -c MANIFEST` tells which one was
 *        changed.
 * Owns:  nothing.
 * Rules: 1. "{hex}  {path}\n" for each file but MANIFEST itself and pack.note, in the order of the paths' bytes, each
 *           once.
 *        2. A pack has the files of its manifest and no other.
 *        3. What is wrong is told whole, file by file, up to the findings' limit: an auditor wants all of it.
 * Faults: any bytes.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_files_test.c, tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_MANIFEST_H
#define TWINPOST_PACK_MANIFEST_H

#include "tools/twinpost/pack_files.h"

#define PACK_MANIFEST      "MANIFEST"
#define PACK_NOTE          "pack.note"
#define PACK_SECRET        "pack.secret"
#define PACK_ROOT          "documents.root"
#define PACK_FINDINGS_TOLD 50

/* What is wrong, a line each, without an end; the first PACK_FINDINGS_TOLD. */
struct pack_findings {
	struct buf text;
	int count;
};

void pack_findings_init(struct pack_findings *findings);
void pack_findings_release(struct pack_findings *findings);
/* A line; control characters in what is told become '?'. */
void pack_found(struct pack_findings *findings, const char *format, ...) PRINTF_LIKE(2, 3);

void pack_manifest_make(const struct pack_files *files, struct buf *out);
/* Compares the files with the manifest that is among them. false: there is none, or it has not the form. */
bool pack_manifest_check(const struct pack_files *files, struct pack_findings *findings);

#endif
