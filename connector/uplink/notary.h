/*
 * notary.h - closes pieces of each stream: control event, then signed checkpoint; and changes the signing key.
 *
 * Why:   a chain shows that nothing is missing between two events; a signed root fixes what was there at a moment, and
 *        control totals let finance see the same without hashing.
 * Owns:  the running control totals of the streams, in memory, equal to the store's.
 * Rules: 1. A piece is closed by a control event and a checkpoint that covers it: when 255 events stand uncovered, when
 *           the oldest has stood for uplink.checkpoint_period, and at an orderly end. The parts of a document stay
 *           together: a piece that they fill is closed after the last one.
 *        2. Everything happens in the caller's transaction: an event, its totals and its checkpoint stand or fall
 *           together. One signature a checkpoint.
 *        3. A checkpoint goes to the mail when the broker has acknowledged all that it covers, or when the mail has
 *           room again.
 *        4. A new key is made durable first, then told by an event in every stream and marked as current in one
 *           transaction, then the old one is forgotten. An interruption leaves the old or the new one, whole. What is
 *           signed after the event is the new one's, in the same transaction too, and also while the old one cannot
 *           be forgotten.
 * Source: C2SP tlog-checkpoint and signed-note; RFC 6962; docs/contract/proof.md
 * Runs in: the core.
 * Tests: tests/unit/notary_test.c, tests/unit/notary_fault_test.c, tests/sim
 */
#ifndef TWINPOST_NOTARY_H
#define TWINPOST_NOTARY_H

#include "config/config.h"
#include "connector/posting/document.h"
#include "connector/uplink/parts.h"
#include "hal/keys.h"
#include "store_forward/store.h"

/* Leaves of a piece, its control event included. */
#define NOTARY_LEAVES_MAX 256

/* Actions of the audit, for who counts and dates them. */
#define NOTARY_AUDIT_KEY_MADE    "key made"
#define NOTARY_AUDIT_KEY_ROTATED "key rotated"

struct notary;

struct notary_options {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct hal_keys *keys;
};

/* Borrows all that options points to. Makes the key that the store names the current one (rule 4). ERR_NOT_FOUND: the
 * store was written with a key that is not on this box; info says what to do. */
MUST_USE enum err notary_new(const struct notary_options *options, struct notary **notary,
                             struct err_info *info);
void notary_free(struct notary *notary);

/* Before the document's first event is written: closes the piece where its sums might not hold the document's beside
 * the others. ERR_OVERFLOW: no sum holds the document's amounts; info says so for a person, and it cannot be sent. */
MUST_USE enum err notary_prepare(struct notary *notary, const struct store_stream *stream,
                                 const struct document *document, struct err_info *info);
/* A document's event of this sequence was appended to the stream: counts it, and closes the piece where it is full.
 * part NULL: it holds the whole document. */
MUST_USE enum err notary_document(struct notary *notary, const struct store_stream *stream,
                                  const struct document *document, const struct part *part, int64_t sequence,
                                  struct err_info *info);
/* Before each commit: what was counted since the last one. */
MUST_USE enum err notary_flush(struct notary *notary, struct err_info *info);
void notary_rolled_back(struct notary *notary);

/* Is a piece due to be closed by time, or is there room again for a checkpoint that the full mail did not take?
 * *deadline (monotonic): when to ask again. */
bool notary_due(const struct notary *notary, int64_t now_ns, int64_t *deadline);
/* Closes what is due (all: every stream that has uncovered events), in the open transaction. */
MUST_USE enum err notary_close_due(struct notary *notary, bool all, struct err_info *info);
/* In the open transaction: hands checkpoints that the broker's acknowledgements have reached to the mail. */
MUST_USE enum err notary_mail(struct notary *notary, const struct store_stream *stream,
                              struct err_info *info);

/* In the open transaction: rule 4 up to the commit. notary_rotated() after it; again, where it fails. ERR_CONFLICT:
 * this transaction has one already. */
MUST_USE enum err notary_rotate(struct notary *notary, struct err_info *info);
MUST_USE enum err notary_rotated(struct notary *notary, struct err_info *info);

/* The signed text of a birth; appends the note. */
MUST_USE enum err notary_birth(struct notary *notary, const char *boot, struct buf *note,
                               struct err_info *info);
/* Signs a text that the caller has checked, and that is none of the others which this key signs; appends the note. */
MUST_USE enum err notary_sign(struct notary *notary, struct span text, struct buf *note,
                              struct err_info *info);
/* DER SubjectPublicKeyInfo of the current key, borrowed until the next rotation. */
struct span notary_public_key(const struct notary *notary);

#endif
