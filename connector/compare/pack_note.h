/*
 * pack_note.h - the signed text of a comparison: what was compared, up to where, with which end, and two digests.
 *
 * Why:   who signs a comparison signs these lines and nothing else; a person can read them, a shell can take them
 *        apart.
 * Owns:  nothing; a decoded text lends its parts.
 * Rules: 1. These lines and no more, each value in one form:
 *             {tenant}/{gateway}/compare     origin
 *             {size}                         documents of both sides, which are the leaves of the tree
 *             {base64(root)}                 Merkle tree hash over them (RFC 6962 section 2.1)
 *             run {id}
 *             verdict {name}
 *             periods {from} {to}            YYYY-MM, or "-" where there is no limit
 *             cut {instant}
 *             cloud {count} {sequence}
 *             legacy {count} {streams}
 *             stream {epoch} {sequence} {name}   for each stream, or, over PACK_STREAMS_LISTED of them, one line
 *             streams {hex(H(those lines))}
 *             rules {version}
 *             manifest {hex(H(MANIFEST))}
 *        2. What decodes encodes to the same bytes.
 *        3. No other text that the agent signs begins as this one does: checkpoints with "urn:", the others with
 *           "tp1/".
 * Source: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint), with the lines from the fourth on as extension lines;
 *         docs/compare/evidence.md
 * Faults: any bytes are refused that are not this text.
 * Runs in: the core, the CLI.
 * Tests: tests/unit/pack_note_test.c, tests/fuzz/note_fuzz.c
 */
#ifndef TWINPOST_PACK_NOTE_H
#define TWINPOST_PACK_NOTE_H

#include "store_forward/digest.h"

#define PACK_NOTE_TEXT_MAX  14336 /* leaves room for eight signatures in a note of 16 KiB */
#define PACK_STREAMS_LISTED 100
#define PACK_STREAM_NAME    64 /* bytes of a stream's name at most */
#define PACK_RUN_MAX        40

/* Worst first. */
#define PACK_VERDICTS(X)                        \
	X(INCOMPLETE, "incomplete")             \
	X(BREAKS, "breaks")                     \
	X(WARNINGS, "reconciled_with_warnings") \
	X(PENDING, "reconciled_with_pending")   \
	X(RECONCILED, "reconciled")

enum pack_verdict {
#define PACK_VERDICT_ENUM(identifier, name) PACK_##identifier,
	PACK_VERDICTS(PACK_VERDICT_ENUM)
#undef PACK_VERDICT_ENUM
	    PACK_VERDICT_COUNT
};
const char *pack_verdict_name(enum pack_verdict verdict);
MUST_USE bool pack_verdict_find(struct span name, enum pack_verdict *verdict);

struct pack_note {
	struct span gateway; /* {tenant}/{gateway} */
	int64_t size;
	struct digest root;
	struct span run; /* [A-Za-z0-9._-], at most PACK_RUN_MAX, first no dot or dash */
	enum pack_verdict verdict;
	struct span from, to; /* periods */
	int64_t cut_ns;       /* wall time; whole milliseconds are kept */
	int64_t cloud_count, cloud_sequence;
	int64_t legacy_count;
	int64_t stream_count;
	struct span streams; /* the lines of the streams, or their one line */
	struct span rules;   /* hex digits, at most 64 */
	struct digest manifest;
};

/* One line of `streams`, as it is listed and as it is hashed. */
void pack_note_put_stream(struct buf *out, int64_t epoch, int64_t sequence, struct span name);
/* What stands in the text for these lines: they themselves, or the line with their digest. */
void pack_note_put_streams(struct buf *out, int64_t count, struct span lines);
/* Takes one listed line off *streams; false: there is none, or it is the line with the digest. */
MUST_USE bool pack_note_take_stream(struct span *streams, int64_t *epoch, int64_t *sequence,
                                    struct span *name);
/* Whether a value may stand in the text. */
bool pack_note_run_valid(struct span run);
bool pack_note_period_valid(struct span period);
bool pack_note_rules_valid(struct span version);
bool pack_note_stream_valid(struct span name);

/* Appends the text; all values are valid. Check buf_ok(out) after. */
void pack_note_encode(struct buf *out, const struct pack_note *note);
MUST_USE bool pack_note_decode(struct pack_note *note, struct span text);

#endif
