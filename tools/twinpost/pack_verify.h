/*
 * pack_verify.h - makes a pack of a result directory's files, and verifies a pack or a proof.
 *
 * Why:   what is checked after years is what was checked before signing: one function for both.
 * Owns:  nothing that outlives the call.
 * Rules: 1. Nothing is signed that would not verify.
 *        2. A verification goes on after the first finding: an auditor wants all of them, a line each.
 *        3. The text of the note is made again from the files and must be the same, line by line.
 * Source: docs/compare/evidence.md
 * Faults: any files.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py, tests/fuzz/evidence_fuzz.c
 */
#ifndef TWINPOST_PACK_VERIFY_H
#define TWINPOST_PACK_VERIFY_H

#include "connector/compare/pack_note.h"
#include "connector/uplink/note.h"
#include "tools/twinpost/pack_manifest.h"

/* What was found out; texts are borrowed from the files. */
struct pack_report {
	struct note note; /* count 0: there is none that can be read */
	struct pack_note said;
	bool readable;         /* said is what the note says */
	struct span document;  /* of a proof: its line, which is in the signed tree; empty: it is not */
	struct span signed_by; /* the line of the key that was asked for; empty: none */
	struct buf text;       /* of the note; owned */
};

void pack_report_init(struct pack_report *report);
void pack_report_release(struct pack_report *report);

/* Takes the files of a result directory and adds to them what makes them a pack: pack.secret where there is none,
 * documents.root, MANIFEST; appends the text to be signed. Findings: it must not be signed. ERR_BAD_INPUT: it is no
 * result
 * directory. */
MUST_USE enum err pack_make(struct pack_files *files, struct span gateway, struct buf *text,
                            struct pack_findings *findings, struct err_info *info);
/* Everything that can be checked with these files. key NULL: all but the signature. */
void pack_verify(const struct pack_files *files, const struct note_key *key, struct pack_report *report,
                 struct pack_findings *findings);
/* The same for a proof. */
void pack_verify_proof(struct span bytes, const struct note_key *key, struct pack_report *report,
                       struct pack_findings *findings);

#endif
