/*
 * store.h - the durable store: document register, outbox, watermarks, exceptions, in one SQLite file.
 *
 * Why:   rows and watermark commit together or not at all; nothing is published before its commit.
 * Owns:  the SQLite connection, its file and the write-ahead log; streams' heads in memory, equal to the file's.
 * Rules: 1. One writer: the core. locking_mode=EXCLUSIVE, journal_mode=WAL, synchronous=EXTRA.
 *        2. Every change happens between store_begin() and store_commit(); after a failed call inside, the caller
 *           rolls back, and everything in memory is as it was at store_begin().
 *        3. Sequences are gapless per stream and epoch, from 1; chain and sequence are given in the transaction that
 *           appends the row.
 *        4. An outbox row is deleted only by retention, when it was acknowledged, its window has passed, and the
 *           stream's policy (receipt, outcome) is met.
 *        5. What is loaded from disk is checked as if a stranger had written it.
 *        6. Every append is a leaf of its stream's Merkle tree (merkle.h); the tree of an epoch is kept whole, also
 *           when the rows are gone.
 * Faults: power cut at any moment; ERR_FULL (limit or disk), ERR_IO, ERR_CORRUPT are reported; a damaged file is
 *        salvaged into a new one at open, the old one kept aside.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c, tests/unit/store_proof_test.c, tests/sim, tests/crash
 */
#ifndef TWINPOST_STORE_H
#define TWINPOST_STORE_H

#include "hal/base/bytes.h"
#include "hal/base/log.h"
#include "hal/hal.h"
#include "store_forward/digest.h"
#include "store_forward/merkle.h"

struct store;

#define STORE_SCHEMA_VERSION      4
#define STORE_STREAMS_MAX         512
#define STORE_STREAM_NAME_MAX     64
#define STORE_SUBJECT_MAX         200
#define STORE_KEY_BYTES_MAX       512 /* unit keys and stamps */
#define STORE_WATERMARK_BYTES_MAX 2048
#define STORE_EVENT_BYTES_MAX     (256u * 1024u)
#define STORE_RAW_BYTES_MAX       4096  /* raw values kept with an exception */
#define STORE_NOTE_BYTES_MAX      16384 /* a checkpoint's note, and its receipt */
#define STORE_TOTALS_BYTES_MAX    32768
#define STORE_PARTS_MAX           9999 /* events that one document may be split into */
#define STORE_WHO_MAX             128  /* who did it, a person or a program */
#define STORE_NOTE_MAX            1000 /* a person's note on an exception */
/* Highest sequence of one stream and epoch; the outbox key has 40 bits for it. */
#define STORE_SEQUENCE_MAX ((INT64_C(1) << 40) - 1)

struct store_options {
	const char *path;
	uint64_t size_max;             /* bytes; pulling pauses when the used part of the file reaches it */
	uint64_t disk_reserve;         /* bytes that must stay free on the file system */
	int64_t retention_ns;          /* acknowledged rows younger than this are kept for replay */
	const char *source_urn_prefix; /* "urn:twinpost:{tenant}:{gateway}": begins every stream's source */
};

/* What store_open() found and did, for the log and for an exception. */
struct store_opening {
	bool created;
	bool salvaged;
	int migrated_from;       /* schema version found, 0 if new or current */
	uint64_t documents_kept; /* after a salvage */
	uint64_t
	    reread; /* after a migration: documents that begin anew, because they were not acknowledged */
	uint64_t rows_lost;     /* outbox or register rows that could not be read */
	char damaged_path[256]; /* where the damaged file was put aside */
	char text[256];         /* what the integrity check said */
};

/* ERR_VERSION: made by a newer program (nothing is touched). ERR_CORRUPT: damaged and could not be salvaged
 * either. ERR_CONFLICT: another process holds it. hal gives time, VFS and renames. */
MUST_USE enum err store_open(struct hal *hal, const struct log *log, const struct store_options *options,
                             struct store **store, struct store_opening *opening, struct err_info *info);
/* Rolls back what is open, checkpoints the log, closes. NULL is allowed. */
void store_close(struct store *store);

MUST_USE enum err store_begin(struct store *store, struct err_info *info);
MUST_USE enum err store_commit(struct store *store, struct err_info *info);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/* Space. */
struct store_space {
	uint64_t used; /* bytes of the file in use (pages less free pages), and the log */
	uint64_t size_max;
	uint64_t disk_free;
	bool full; /* used at size_max, or disk_free below the reserve; ends at 95 % of the limit */
};
MUST_USE enum err store_space(struct store *store, struct store_space *space, struct err_info *info);

/* Streams. An id is small (1..STORE_STREAMS_MAX) and lasts as long as the store. */
struct store_stream {
	int id;
	char name[STORE_STREAM_NAME_MAX]; /* topic level, [a-z0-9-] */
	char source[160];                 /* urn:twinpost:{tenant}:{gateway}:{stream}:{epoch} */
	int64_t epoch;                    /* seconds since 1970 at its opening, and above any earlier one */
	int64_t next_sequence;            /* of the next append; 1 at first */
	int64_t committed_sequence;       /* of the last append that is on disk: what may be sent */
	int64_t acked_sequence;           /* every sequence up to it was acknowledged by the broker */
	struct digest chain;              /* after the last append */
	uint64_t outbox_bytes;            /* unacknowledged, for status */
	int64_t checkpoint_size;          /* leaves that the newest checkpoint covers; 0: none yet */
	int64_t receipt_size;             /* leaves that the middleware has cosigned; 0: none yet */
	int64_t first_uncovered_ns;       /* wall time of the first leaf that no checkpoint covers; 0: none */
};
/* Finds or makes (needs a transaction when it makes). ERR_TOO_LARGE: STORE_STREAMS_MAX reached. */
MUST_USE enum err store_stream_open(struct store *store, const char *name, const struct store_stream **stream,
                                    struct err_info *info);
int store_stream_count(const struct store *store);
const struct store_stream *store_stream_at(const struct store *store, int index); /* 0..count-1 */
const struct store_stream *store_stream_by_id(const struct store *store, int id); /* NULL: none */

/* Document register. */
#define STORE_SOURCE_NAME_MAX 64

struct store_document {
	int64_t revision;
	struct digest content; /* H(data) of the revision, see connector/posting/canonical.h */
	bool voided;
	int stream;          /* where the revision was sent */
	int64_t sequence;    /* of its first part */
	int parts;           /* events it was sent as, with consecutive sequences; usually 1 */
	int64_t recorded_ns; /* wall time */
	int64_t epoch;       /* of the stream at that time; set by store_append() */
	char source[STORE_SOURCE_NAME_MAX + 1]; /* filled by store_document_find() alone */
};
/* ERR_NOT_FOUND: the subject is new. */
MUST_USE enum err store_document_find(struct store *store, struct span subject,
                                      struct store_document *document, struct err_info *info);
/* Revision that a subject unknown to the register starts with: 1, or n*1000+1 after n salvages, so that a revision
 * number that was lost with the register is not given twice with other content. (A revision that was not acknowledged
 * when its store was salvaged stays in the register where an earlier one was acknowledged, with a content of zeroes: no
 * document has it, so the next reading sends revision + 1.) */
int64_t store_first_revision(const struct store *store);

/* Outbox. Appends the event as sequence stream->next_sequence: leaf becomes the next leaf of the stream's tree, and
 * stream->chain goes on to chain_link(chain before, leaf), which is what the event's own text must say. Records
 * document (->stream, ->sequence and ->parts are set here) in the register; an earlier revision of the subject moves
 * to its history. All of it happens together or not at all.
 * A document in parts: the calls for its parts 1..parts follow each other in one transaction, with the same subject and
 * revision; the first one touches the register.
 * An unregistered event (control, key) has no register row, and needs no outcome. */
struct store_append {
	int stream;
	struct span subject;
	struct span event;  /* the exact bytes to publish */
	struct digest leaf; /* chain.h */
	bool unregistered;
	int part;                /* 1..parts; 0 is taken for 1 */
	int parts;               /* 1..STORE_PARTS_MAX; 0 is taken for 1 */
	struct span source_name; /* the configured source it came from, for queries by people */
	struct store_document document;
};
MUST_USE enum err store_append(struct store *store, const struct store_append *append, struct err_info *info);

/* Reads committed outbox rows of one stream with sequence > after, in order, until the visitor returns false or none is
 * left; rows of the open transaction are not seen, so that nothing is sent before its commit.
 * The event is borrowed for the call. Each row's bytes are checked against the stored digest (ERR_CORRUPT). */
struct store_outbox_row {
	int64_t sequence;
	struct span subject;
	struct span event;
	int64_t revision;
	int64_t recorded_ns;
	struct digest chain; /* after the event */
};
typedef bool (*store_outbox_visitor)(void *self, const struct store_outbox_row *row);
MUST_USE enum err store_outbox_read(struct store *store, int stream, int64_t after,
                                    store_outbox_visitor visit, void *self, struct err_info *info);
/* The same of sequences from..to (cut to what is committed), acknowledged or not, for a replay. ERR_NOT_FOUND:
 * retention has taken `from` already (info says what there still is), or it was never given. */
MUST_USE enum err store_outbox_range(struct store *store, int stream, int64_t from, int64_t to,
                                     store_outbox_visitor visit, void *self, struct err_info *info);
/* All parts of the newest revision of a subject. ERR_NOT_FOUND: it is not in the register, or its rows are not in the
 * outbox any more (info says which). */
MUST_USE enum err store_outbox_of(struct store *store, struct span subject, store_outbox_visitor visit,
                                  void *self, struct err_info *info);
/* Marks all sequences up to `sequence` as acknowledged at wall time now_ns and remembers the range for trace. */
MUST_USE enum err store_acknowledge(struct store *store, int stream, int64_t sequence, int64_t now_ns,
                                    struct err_info *info);
/* The lowest sequence of the stream that was acknowledged at since_ns or later and is still in the outbox; 0: none. For
 * sending again what a broker may have lost with its memory. */
MUST_USE enum err store_acknowledged_since(struct store *store, int stream, int64_t since_ns,
                                           int64_t *sequence, struct err_info *info);
/* When a stream was last acknowledged, of all streams the newest, but not one after now_ns (the clock was wrong then,
 * or is now); 0: none is known. */
MUST_USE enum err store_acknowledged_last(struct store *store, int64_t now_ns, int64_t *at_ns,
                                          struct err_info *info);
/* The highest sequence such that it and all before were acknowledged at at_ns or earlier; 0: none. Sequences up to
 * store_settled(), and those that retention has deleted, count as acknowledged early enough. */
MUST_USE enum err store_acknowledged_before(struct store *store, int stream, int64_t at_ns, int64_t *sequence,
                                            struct err_info *info);
/* The lowest sequence of the stream that retention has left in the outbox, or the next to be appended where it is
 * empty: all below it were acknowledged once. */
int64_t store_outbox_first(const struct store *store, int stream);
/* What a row of the stream has to wait for, besides its acknowledgement and the retention. Not stored: the core sets it
 * after every open; a new stream has STORE_PRUNE_PUBACK. sla: outcomes are awaited (STORE_PRUNE_BOOKED awaits them
 * too). */
enum store_prune_when {
	STORE_PRUNE_PUBACK,   /* nothing */
	STORE_PRUNE_COSIGNED, /* a checkpoint with receipt that covers it */
	STORE_PRUNE_BOOKED    /* store_settle() of it and of all before */
};
void store_stream_policy(struct store *store, int stream, enum store_prune_when when, bool sla);
/* Rows above this sequence are not deleted, whatever else allows it: a reader of the outbox has not had them yet. Not
 * stored; none is held at first (INT64_MAX). */
void store_stream_hold(struct store *store, int stream, int64_t sequence);
/* Deletes up to limit acknowledged rows, and exceptions cleared, longer ago than the retention, and checkpoints that
 * are of no more use; *deleted (all) may be less than there are. Also joins what is known of acknowledgements of rows
 * that are gone: one row for a day. */
MUST_USE enum err store_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                              struct err_info *info);

/* Proof: the Merkle tree over all leaves of a stream's present epoch, those of the open transaction included. */
#define STORE_PROOF_MAX MERKLE_PATH_MAX
void store_tree_root(const struct store *store, int stream, struct digest *root);
/* Of the first size leaves. ERR_NOT_FOUND: there are not so many. */
MUST_USE enum err store_tree_root_at(struct store *store, int stream, int64_t size, struct digest *root,
                                     struct err_info *info);
/* ERR_NOT_FOUND: never given. */
MUST_USE enum err store_leaf(struct store *store, int stream, int64_t sequence, struct digest *leaf,
                             struct err_info *info);
/* Inclusion of leaf index sequence - 1 in the tree of the first size leaves, from the leaf up. ERR_NOT_FOUND: there are
 * not so many leaves, or sequence is not among them. */
MUST_USE enum err store_proof(struct store *store, int stream, int64_t sequence, int64_t size,
                              struct digest path[STORE_PROOF_MAX], int *count, struct err_info *info);

/* Checkpoints. Sizes rise within an epoch; the texts are not looked into. */
struct store_checkpoint {
	int stream;
	int64_t epoch;
	int64_t size;
	struct digest root;
	struct span note;
	int64_t made_ns;      /* wall time */
	int64_t receipted_ns; /* 0: no receipt */
	struct span receipt;
};
/* Of the present epoch (->epoch is set here, a receipt is not taken). ERR_BAD_INPUT: size is not above the last
 * one's or over what was appended, or the root is not the tree's; ERR_TOO_LARGE: the note. */
MUST_USE enum err store_checkpoint_add(struct store *store, const struct store_checkpoint *checkpoint,
                                       struct err_info *info);
/* epoch 0: the present one. size 0: the newest, else the smallest of that size or more. ERR_NOT_FOUND. The texts are
 * copied into `texts` and borrowed from it until it changes. */
MUST_USE enum err store_checkpoint_find(struct store *store, int stream, int64_t epoch, int64_t size,
                                        struct store_checkpoint *checkpoint, struct buf *texts,
                                        struct err_info *info);
/* The newest checkpoint of the newest epoch before the present one that has any. ERR_NOT_FOUND. */
MUST_USE enum err store_checkpoint_previous(struct store *store, int stream,
                                            struct store_checkpoint *checkpoint, struct buf *texts,
                                            struct err_info *info);
/* Keeps the receipt of the checkpoint of exactly that size; a second one of the same checkpoint changes nothing.
 * ERR_NOT_FOUND: there is no such checkpoint; ERR_TOO_LARGE. epoch 0: the present one. */
MUST_USE enum err store_checkpoint_receipt(struct store *store, int stream, int64_t epoch, int64_t size,
                                           struct span receipt, int64_t now_ns, struct err_info *info);
/* Those of the present epoch, by size up to upto_size, that were not handed on yet; until the visitor returns false.
 * Spans are borrowed for the call; the visitor changes nothing in the store. */
typedef bool (*store_checkpoint_visitor)(void *self, const struct store_checkpoint *checkpoint);
MUST_USE enum err store_checkpoint_unmailed(struct store *store, int stream, int64_t upto_size,
                                            store_checkpoint_visitor visit, void *self,
                                            struct err_info *info);
/* All of the present epoch up to that size are handed on. */
MUST_USE enum err store_checkpoint_mailed(struct store *store, int stream, int64_t size,
                                          struct err_info *info);

/* Outcomes, one bit a sequence: the event's document has a final outcome, or needs none. */
/* Again: nothing changes; nor for another epoch than the present one, whose rows are gone. ERR_BAD_INPUT: never
 * given. */
MUST_USE enum err store_settle(struct store *store, int stream, int64_t epoch, int64_t sequence,
                               struct err_info *info);
/* All sequences of the subject's revisions up to this one: what was amended meanwhile needs no outcome of its own. */
MUST_USE enum err store_settle_revisions(struct store *store, struct span subject, int64_t upto,
                                         struct err_info *info);
/* Every sequence up to it is settled. Without a policy that asks for outcomes what retention deletes is settled too. */
int64_t store_settled(const struct store *store, int stream);
/* How many up to `upto` are not settled, and the oldest of them (0: none). */
MUST_USE enum err store_unsettled(struct store *store, int stream, int64_t upto, int64_t *count,
                                  int64_t *oldest, struct err_info *info);

/* Running totals of a stream: bytes that only the core reads. Empty at first, and in a new epoch. ERR_TOO_LARGE. */
MUST_USE enum err store_stream_totals_get(struct store *store, int stream, struct buf *out,
                                          struct err_info *info);
MUST_USE enum err store_stream_totals_put(struct store *store, int stream, struct span bytes,
                                          struct err_info *info);

/* Watermarks: where each query of each source stands, as a text that only the pull machine reads. */
MUST_USE enum err store_watermark_get(struct store *store, const char *source, const char *query,
                                      struct buf *value, struct err_info *info); /* ERR_NOT_FOUND: none yet */
MUST_USE enum err store_watermark_put(struct store *store, const char *source, const char *query,
                                      struct span value, struct err_info *info);

/* Units that a posted gate has read already (a JD Edwards batch): key, and the stamp it had. */
struct store_unit {
	struct span key;
	struct span stamp;
	int held;        /* documents of it that wait in an exception: it is read again until 0 */
	int64_t read_ns; /* wall time of the last reading */
};
/* ERR_NOT_FOUND: never read. stamp is copied into stamp_out. */
MUST_USE enum err store_unit_get(struct store *store, const char *source, const char *query, struct span key,
                                 struct buf *stamp_out, int *held, struct err_info *info);
MUST_USE enum err store_unit_put(struct store *store, const char *source, const char *query,
                                 const struct store_unit *unit, struct err_info *info);
/* The units of a query in the order of their keys, from behind `after` (empty: the first), at most `limit` of them,
 * until the visitor returns false. What it is given is borrowed for the visit. */
typedef bool (*store_unit_visitor)(void *self, const struct store_unit *unit);
MUST_USE enum err store_units(struct store *store, const char *source, const char *query, struct span after,
                              int limit, store_unit_visitor visit, void *self, struct err_info *info);

/* Exceptions: one per (rule, source, key), reopened in place, never doubled. */
enum store_owner { STORE_OWNER_TECHNICAL, STORE_OWNER_DATA_QUALITY, STORE_OWNER_MAPPING, STORE_OWNER_POLICY };
const char *store_owner_name(enum store_owner owner); /* "technical", "data_quality", "mapping", "policy" */

struct store_exception {
	int64_t id;
	struct span rule;   /* stable id such as "journal-balance" */
	struct span source; /* configured source, or "uplink", "store" */
	struct span key;    /* subject, or the row's key where no subject could be made */
	enum store_owner owner;
	struct span text; /* one sentence for the owner */
	struct span raw;  /* raw values for a row that could not be read, else empty */
	bool open;
	int64_t first_ns;
	int64_t last_ns;
	int64_t count; /* times seen, or reopened */
	/* Below: set by the store alone, not read by store_exception_raise(). */
	bool acknowledged; /* somebody has it in hand; lost when it is reopened */
	struct span who;   /* that marked it last; empty: nobody */
	struct span note;  /* kept when it is cleared or reopened */
	int64_t marked_ns; /* 0: never */
	int64_t change;    /* see store_exceptions_changed() */
};
/* Raises or repeats. *fresh: it was not open before (log it then). */
MUST_USE enum err store_exception_raise(struct store *store, const struct store_exception *exception,
                                        bool *fresh, struct err_info *info);
/* Clears all open ones of source and key (any rule where rule is empty); *cleared: how many. */
MUST_USE enum err store_exception_clear(struct store *store, struct span rule, struct span source,
                                        struct span key, int64_t now_ns, int *cleared, struct err_info *info);
typedef bool (*store_exception_visitor)(void *self, const struct store_exception *exception);
/* Open ones (all: also closed ones), newest first, with id < before (0: from the newest). */
MUST_USE enum err store_exceptions(struct store *store, bool all, int64_t before,
                                   store_exception_visitor visit, void *self, struct err_info *info);
int64_t store_exceptions_open(const struct store *store); /* kept in memory: O(1) */
/* The one of this id. ERR_NOT_FOUND: it never was, or retention took it. */
MUST_USE enum err store_exception_get(struct store *store, int64_t id, store_exception_visitor visit,
                                      void *self, struct err_info *info);
/* A person takes it in hand (or gives it back) and says why: who is kept, an empty note leaves the former one. Texts
 * over their limit are cut. ERR_NOT_FOUND: as above. ERR_CONFLICT: it is closed, and cannot be acknowledged. */
MUST_USE enum err store_exception_mark(struct store *store, int64_t id, bool acknowledged, struct span who,
                                       struct span note, int64_t now_ns, struct err_info *info);
/* Each raise, clear, mark and new text or owner gives the exception the next change number; a repeat that says nothing
 * new does not. Visits those with change > after in the order of their numbers, at most limit, also of the open
 * transaction: telling them and keeping the last number in the same transaction tells each state once. The visitor may
 * add mail; it may not raise, clear or mark. After a salvage all have new numbers, above every one given before. */
MUST_USE enum err store_exceptions_changed(struct store *store, int64_t after, int limit,
                                           store_exception_visitor visit, void *self, struct err_info *info);

/* Totals for status, kept in memory: O(1). */
struct store_totals {
	int64_t documents; /* subjects in the register */
	int64_t queued;    /* outbox rows not acknowledged */
	int64_t acked;     /* rows ever acknowledged */
};
void store_totals(const struct store *store, struct store_totals *totals);

/* Everything known of one subject, oldest first, as lines {wall time, what}. The time of an acknowledgement that is
 * past the retention may be that of the last one of its day. */
struct store_trace_line {
	int64_t at_ns;
	const char *what;   /* "recorded", "amended", "voided", "acknowledged", "outcome", "exception",
		    "exception-marked", "exception-cleared" */
	int64_t revision;   /* 0: does not apply */
	const char *stream; /* NULL: does not apply */
	int64_t sequence;
	struct span text;
	int64_t epoch; /* of the stream; 0: does not apply */
	int parts;     /* events with consecutive sequences from `sequence` on; 0: does not apply */
};
typedef bool (*store_trace_visitor)(void *self, const struct store_trace_line *line);
/* ERR_NOT_FOUND: neither the register nor an exception knows the subject. */
MUST_USE enum err store_trace(struct store *store, struct span subject, store_trace_visitor visit, void *self,
                              struct err_info *info);

/* Rows of the outbox not acknowledged, for `twinpost queue`: per stream its oldest first, at most limit. */
typedef bool (*store_queue_visitor)(void *self, int stream, int64_t sequence, struct span subject,
                                    int64_t revision, size_t bytes, int64_t recorded_ns);
MUST_USE enum err store_queue(struct store *store, int stream, int limit, store_queue_visitor visit,
                              void *self, struct err_info *info);

#endif
