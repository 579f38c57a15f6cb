/*
 * pack_check.h - whether a comparison's result agrees with itself: figures with rows, verdict with both.
 *
 * Why:   a signature says who vouches for the bytes, not that the first page follows from the rows. Nothing is
 *        signed, and nothing verified as good, that is green over open differences.
 * Owns:  nothing.
 * Rules: 1. Every document of both sides is counted once in totals; a pair, or a document alone, once in counts.
 *        2. The waterfall adds up: extracted = excluded + held + in_transit + rejected + booked + accepted_not_booked.
 *        3. The bridge adds up from legacy to cloud; a balance is debit and credit, its difference is the two
 *           balances', and is explained and unexplained.
 *        4. The verdict is not better than the rows allow: `incomplete` where a waterfall does not add up, a canary
 *           was not found or something says incomplete; `breaks` where a difference is open, unless count and value
 *           are within the thresholds: then reconciled_with_warnings; not `reconciled` while a document waits, or where
 *           usage was accepted. Worse than the rows is never refused.
 *        5. A window of usage that does not agree is open, waits, or was accepted by somebody, some day, for a reason.
 * Source: docs/compare/evidence.md, docs/compare/schemas
 * Faults: any bytes: told in plain words.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_CHECK_H
#define TWINPOST_PACK_CHECK_H

#include "connector/compare/pack_note.h"
#include "tools/twinpost/pack_rows.h"

/* Fills what run.json says of the note: run, verdict, periods, cut, counts, streams (into lines, borrowed), rules.
 * ERR_BAD_INPUT: it has not the form; ERR_NOT_FOUND: there is no run.json. */
MUST_USE enum err pack_run_read(const struct pack_files *files, struct json_value *run,
                                struct pack_note *note, struct buf *lines, struct err_info *info);
/* Tells all that does not fit in the result files. run was read by pack_run_read(). */
void pack_check(const struct pack_files *files, const struct json_value *run, enum pack_verdict verdict,
                struct pack_findings *findings);

#endif
