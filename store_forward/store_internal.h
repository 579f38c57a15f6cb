/*
 * store_internal.h - what the files of the store share: the struct, its statements, rows and helpers.
 *
 * Why:   the store is split by subject; nobody outside store_forward/ includes this.
 * Owns:  struct store: the connection, the prepared statements, the streams' heads.
 * Rules: 1. Statements are prepared once at open; store_statement() hands one out reset, and a function resets it
 *           again before it returns.
 *        2. Everything in memory that a transaction may change has a copy from store_begin(); rollback restores it.
 *        3. A row enters and leaves through its bind and load functions, which make and verify its checksum.
 * Faults: see store_sqlite_error().
 * Runs in: the core.
 * Tests: tests/unit/store_test.c, tests/unit/store_salvage_test.c
 */
#ifndef TWINPOST_STORE_INTERNAL_H
#define TWINPOST_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store_forward/checksum.h"
#include "store_forward/side_internal.h"
#include "store_forward/store.h"

#define STORE_PATH_MAX           216 /* room in 255 bytes for ".damaged-<seconds>-wal" */
#define STORE_RULE_MAX           64
#define STORE_EXCEPTION_TEXT_MAX 1024
#define STORE_SEQUENCE_BITS      40

/* The letters that begin each table's checksum. */
enum {
	TABLE_STORE = 's',
	TABLE_STREAM = 't',
	TABLE_OUTBOX = 'o',
	TABLE_REGISTER = 'r',
	TABLE_HISTORY = 'h',
	TABLE_ACK = 'a',
	TABLE_WATERMARK = 'w',
	TABLE_UNIT = 'u',
	TABLE_EXCEPTION = 'x',
	TABLE_TILE = 'm',
	TABLE_CHECKPOINT = 'c',
	TABLE_SETTLED = 'b',
	TABLE_TOTALS = 'n',
};

#define IDENTITY_COLUMNS "version, urn_prefix, salvages, epoch_floor, created, damage, checksum"
#define STREAM_COLUMNS                                                                                     \
	"id, name, source, epoch, next, acked, pruned, documents, amendments, acked_before, bytes_total, " \
	"bytes_acked, chain, "                                                                             \
	"checksum, checkpointed, receipted, uncovered, mailed, settled"
#define OUTBOX_COLUMNS "id, subject, revision, recorded, bytes_total, chain, checksum, event"
#define REGISTER_COLUMNS \
	"subject, revision, content, voided, stream, epoch, sequence, recorded, source, checksum, parts"
/* What a file of version 1 has instead, for reading it as one of the present version. */
#define STREAM_COLUMNS_1                                                                                   \
	"id, name, source, epoch, next, acked, pruned, documents, amendments, acked_before, bytes_total, " \
	"bytes_acked, chain, checksum, 0, 0, 0, 0, 0"
#define REGISTER_COLUMNS_1 \
	"subject, revision, content, voided, stream, epoch, sequence, recorded, source, checksum, 1"
#define ACK_COLUMNS        "stream, epoch, first, last, at, checksum"
#define WATERMARK_COLUMNS  "source, query, value, checksum"
#define UNIT_COLUMNS       "source, query, key, stamp, held, read, checksum"
#define TILE_COLUMNS       "stream, epoch, level, n, hashes, checksum"
#define CHECKPOINT_COLUMNS "stream, epoch, size, root, made, receipted, checksum, note, receipt"
#define SETTLED_COLUMNS    "stream, epoch, block, bits, checksum"
#define TOTALS_COLUMNS     "stream, epoch, checksum, bytes"
#define EXCEPTION_COLUMNS                                                                        \
	"id, rule, source, key, owner, text, raw, open, first, last, cleared, count, checksum, " \
	"acknowledged, who, note, marked, change"
/* The same of a file that is older than the marks. */
#define EXCEPTION_COLUMNS_UNMARKED                                                                  \
	"id, rule, source, key, owner, text, raw, open, first, last, cleared, count, checksum, 0, " \
	"'', '', 0, 0"

/* clang-format off */
/* name, SQL. ?N is numbered so that the binding code can be read beside it. */
#define STORE_STATEMENTS(X) \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(PAGE_COUNT, "PRAGMA page_count") \
	X(FREE_COUNT, "PRAGMA freelist_count") \
	X(IDENTITY_GET, "SELECT " IDENTITY_COLUMNS " FROM store WHERE id = 1") \
	X(IDENTITY_PUT, "INSERT OR REPLACE INTO store(id, " IDENTITY_COLUMNS ") " \
		"VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
	X(STREAM_ALL, "SELECT " STREAM_COLUMNS " FROM streams ORDER BY id") \
	X(STREAM_PUT, "INSERT OR REPLACE INTO streams(" STREAM_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)") \
	X(OUTBOX_ADD, "INSERT INTO outbox(" OUTBOX_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") \
	X(OUTBOX_READ, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id > ?1 AND id <= ?2 ORDER BY id") \
	X(OUTBOX_ONE, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id = ?1") \
	X(OUTBOX_QUEUE, "SELECT id, subject, revision, recorded, length(event) FROM outbox " \
		"WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3") \
	X(OUTBOX_TOTAL, "SELECT bytes_total FROM outbox WHERE id = ?1") \
	X(OUTBOX_CHAIN, "SELECT chain FROM outbox WHERE id = ?1") \
	X(OUTBOX_NEXT, "SELECT id FROM outbox WHERE id > ?1 ORDER BY id LIMIT 1") \
	X(OUTBOX_LAST, "SELECT id FROM outbox WHERE id <= ?1 ORDER BY id DESC LIMIT 1") \
	X(OUTBOX_DELETE, "DELETE FROM outbox WHERE id >= ?1 AND id <= ?2") \
	X(REGISTER_GET, "SELECT " REGISTER_COLUMNS " FROM register WHERE subject = ?1") \
	X(REGISTER_ADD, "INSERT INTO register(" REGISTER_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING") \
	X(REGISTER_PUT, "UPDATE register SET revision = ?2, content = ?3, voided = ?4, stream = ?5, epoch = ?6, " \
		"sequence = ?7, recorded = ?8, source = ?9, checksum = ?10, parts = ?11 WHERE subject = ?1") \
	X(REGISTER_DELETE, "DELETE FROM register WHERE subject = ?1") \
	X(REGISTER_ALL, "SELECT " REGISTER_COLUMNS " FROM register") \
	X(HISTORY_ADD, "INSERT INTO history(" REGISTER_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING") \
	X(HISTORY_OF, "SELECT " REGISTER_COLUMNS " FROM history WHERE subject = ?1 ORDER BY revision") \
	X(HISTORY_ALL, "SELECT " REGISTER_COLUMNS " FROM history") \
	X(ACK_PUT, "INSERT OR REPLACE INTO acks(" ACK_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6)") \
	X(ACK_AT, "SELECT " ACK_COLUMNS " FROM acks WHERE stream = ?1 AND epoch = ?2 AND first <= ?3 " \
		"ORDER BY first DESC LIMIT 1") \
	X(ACK_SINCE, "SELECT min(first) FROM acks WHERE stream = ?1 AND epoch = ?2 AND at >= ?3") \
	X(ACK_AFTER, "SELECT min(first) FROM acks WHERE stream = ?1 AND epoch = ?2 AND first > ?3 AND at > ?4") \
	X(ACK_NEWEST, "SELECT " ACK_COLUMNS " FROM acks WHERE stream = ?1 AND epoch = ?2 ORDER BY first DESC LIMIT 1") \
	X(ACK_ALL, "SELECT " ACK_COLUMNS " FROM acks ORDER BY stream, epoch, first") \
	X(ACK_PAIR, "SELECT " ACK_COLUMNS " FROM acks WHERE (stream, epoch, first) >= (?1, ?2, ?3) " \
		"ORDER BY stream, epoch, first LIMIT 2") \
	X(ACK_DELETE, "DELETE FROM acks WHERE stream = ?1 AND epoch = ?2 AND first = ?3") \
	X(WATERMARK_GET, "SELECT " WATERMARK_COLUMNS " FROM watermarks WHERE source = ?1 AND query = ?2") \
	X(WATERMARK_PUT, "INSERT OR REPLACE INTO watermarks(" WATERMARK_COLUMNS ") VALUES(?1, ?2, ?3, ?4)") \
	X(WATERMARK_ALL, "SELECT " WATERMARK_COLUMNS " FROM watermarks") \
	X(UNIT_GET, "SELECT " UNIT_COLUMNS " FROM units WHERE source = ?1 AND query = ?2 AND key = ?3") \
	X(UNIT_PUT, "INSERT OR REPLACE INTO units(" UNIT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
	X(UNIT_NEXT, "SELECT " UNIT_COLUMNS " FROM units WHERE source = ?1 AND query = ?2 AND key > ?3" \
	             " ORDER BY key LIMIT ?4") \
	X(UNIT_ALL, "SELECT " UNIT_COLUMNS " FROM units") \
	X(WATERMARK_CLEAR, "DELETE FROM watermarks") \
	X(UNIT_CLEAR, "DELETE FROM units") \
	X(TILE_PUT, "INSERT OR REPLACE INTO tiles(" TILE_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6)") \
	X(TILE_GET, "SELECT " TILE_COLUMNS " FROM tiles WHERE stream = ?1 AND epoch = ?2 AND level = ?3 AND n = ?4") \
	X(TILE_ALL, "SELECT " TILE_COLUMNS " FROM tiles ORDER BY stream, epoch, level, n") \
	X(CHECKPOINT_PUT, "INSERT OR REPLACE INTO checkpoints(" CHECKPOINT_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)") \
	X(CHECKPOINT_RECEIPT, "UPDATE checkpoints SET receipted = ?4, checksum = ?5, receipt = ?6 " \
		"WHERE stream = ?1 AND epoch = ?2 AND size = ?3") \
	X(CHECKPOINT_FROM, "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints " \
		"WHERE stream = ?1 AND epoch = ?2 AND size >= ?3 AND size <= ?4 ORDER BY size") \
	X(CHECKPOINT_NEWEST, "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints " \
		"WHERE stream = ?1 AND epoch = ?2 ORDER BY size DESC LIMIT 1") \
	X(CHECKPOINT_BEFORE, "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints " \
		"WHERE stream = ?1 AND epoch < ?2 ORDER BY epoch DESC, size DESC LIMIT 1") \
	X(CHECKPOINT_NEXT, "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints " \
		"WHERE (stream, epoch, size) > (?1, ?2, ?3) ORDER BY stream, epoch, size LIMIT 2") \
	X(CHECKPOINT_DELETE, "DELETE FROM checkpoints WHERE stream = ?1 AND epoch = ?2 AND size = ?3") \
	X(CHECKPOINT_ALL, "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints ORDER BY stream, epoch, size") \
	X(SETTLED_PUT, "INSERT OR REPLACE INTO settled(" SETTLED_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5)") \
	X(SETTLED_FROM, "SELECT " SETTLED_COLUMNS " FROM settled " \
		"WHERE stream = ?1 AND epoch = ?2 AND block >= ?3 AND block <= ?4 ORDER BY block") \
	X(SETTLED_DELETE, "DELETE FROM settled WHERE stream = ?1 AND epoch = ?2 AND block <= ?3") \
	X(SETTLED_ALL, "SELECT " SETTLED_COLUMNS " FROM settled ORDER BY stream, epoch, block") \
	X(TOTALS_PUT, "INSERT OR REPLACE INTO totals(" TOTALS_COLUMNS ") VALUES(?1, ?2, ?3, ?4)") \
	X(TOTALS_GET, "SELECT " TOTALS_COLUMNS " FROM totals WHERE stream = ?1") \
	X(TOTALS_ALL, "SELECT " TOTALS_COLUMNS " FROM totals ORDER BY stream") \
	X(EXCEPTION_GET, "SELECT " EXCEPTION_COLUMNS " FROM exceptions " \
		"WHERE key = ?1 AND source = ?2 AND rule = ?3") \
	X(EXCEPTION_PUT, "INSERT OR REPLACE INTO exceptions(" EXCEPTION_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)") \
	X(EXCEPTION_OF, "SELECT " EXCEPTION_COLUMNS " FROM exceptions " \
		"WHERE key = ?1 AND source = ?2 AND rule > ?3 ORDER BY rule LIMIT 1") \
	X(EXCEPTION_OPEN, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE open = 1 AND id < ?1 ORDER BY id DESC") \
	X(EXCEPTION_NEWEST, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE id < ?1 ORDER BY id DESC") \
	X(EXCEPTION_OF_KEY, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE key = ?1 ORDER BY source, rule") \
	X(EXCEPTION_NEXT, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE id > ?1 ORDER BY id LIMIT 1") \
	X(EXCEPTION_DELETE, "DELETE FROM exceptions WHERE id = ?1") \
	X(EXCEPTION_ALL, "SELECT " EXCEPTION_COLUMNS " FROM exceptions") \
	SIDE_STATEMENTS(X)
/* clang-format on */

enum statement {
#define STATEMENT_ENUM(name, sql) STATEMENT_##name,
	STORE_STATEMENTS(STATEMENT_ENUM)
#undef STATEMENT_ENUM
	    STATEMENT_COUNT
};

/* Acknowledged in the open transaction and not yet written as a row of acks; to is 0: nothing. */
struct ack_range {
	int64_t from;
	int64_t to;
	int64_t at;
};

struct stream_state {
	struct store_stream shown;
	int64_t pruned;       /* every sequence up to it was deleted by retention */
	int64_t documents;    /* subjects that were recorded first on this stream */
	int64_t amendments;   /* later revisions recorded on it: each moved a row to history */
	int64_t acked_before; /* rows acknowledged in earlier epochs */
	int64_t bytes_total;  /* of all events appended in this epoch */
	int64_t bytes_acked;
	int64_t mailed;  /* checkpoints up to this size were handed on */
	int64_t settled; /* every sequence up to it is settled, and the next one is not */
	int part;        /* of the document in parts that is being appended; 0: none is */
	int parts;
	struct ack_range range;
};

/* The newest tile of one level of the tree: hashes that its row of tiles has at the next commit. The one before it
 * stays in `before` until the transaction that filled it is committed. */
#define TILE_BITS   8
#define TILE_HASHES (1 << TILE_BITS)
#define TREE_LEVELS 5 /* 2^40 leaves */
struct tile {
	struct digest *hashes;
	struct digest *before;
	int capacity;
	int capacity_before;
	bool turned; /* filled in the open transaction */
};

struct tree {
	struct merkle_peaks peaks;
	int64_t committed; /* size on disk */
	struct tile tiles[TREE_LEVELS];
};

/* The block of settled bits that was used last. */
#define SETTLED_BITS  256
#define SETTLED_BYTES (SETTLED_BITS / 8)
struct settled_block {
	bool loaded;
	bool dirty;
	int64_t block;
	uint8_t bits[SETTLED_BYTES];
};

struct stream {
	struct stream_state now;
	struct stream_state saved; /* as at store_begin(); valid while dirty */
	bool dirty;
	struct tree tree;
	struct settled_block block;
	enum store_prune_when when;
	bool sla;
	int64_t hold; /* sequences above it are not pruned */
};

/* The one row of table store. */
struct store_identity {
	int version;
	char urn_prefix[96];
	int64_t salvages;
	int64_t
	    epoch_floor; /* no stream was ever opened with a higher epoch, whether it is still known or not */
	int64_t created_ns;
	char damage[256]; /* found while running: the next open salvages; empty: none */
};

/* A row of checkpoints. */
struct checkpoint_place {
	int stream;
	int64_t epoch;
	int64_t size;
};

struct ack_row {
	int stream;
	int64_t epoch;
	int64_t first;
	int64_t last;
	int64_t at;
};

struct store {
	struct hal *hal;
	const struct log *log;
	sqlite3 *db;
	char path[256];
	uint32_t page_bytes;
	uint64_t size_max;
	uint64_t disk_reserve;
	int64_t retention_ns;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	struct store_identity identity;
	struct store_identity identity_saved;
	bool in_transaction;
	enum err failed; /* of an earlier change in the open transaction: nothing but rollback is possible */
	bool full;
	char damage[256];                          /* found, and not yet written to the identity row */
	struct stream *streams[STORE_STREAMS_MAX]; /* by id - 1; no gaps */
	uint16_t by_name[STORE_STREAMS_MAX];       /* ids, sorted by name */
	int stream_count;
	int stream_count_saved;
	int64_t exceptions_open;
	int64_t exceptions_open_saved;
	int64_t exception_id; /* the highest given */
	int64_t exception_id_saved;
	int64_t exception_pruned; /* id up to which retention has looked in this round */
	struct checkpoint_place checkpoint_pruned;
	struct ack_row ack_looked; /* the key from which joining goes on */
	struct side_state side;
	struct side_state side_saved;
};

/* A row of register or history. Spans are borrowed from the statement or the caller. */
struct register_row {
	struct span subject;
	struct store_document document;
	struct span source;
};

struct outbox_row {
	int64_t id;
	struct span subject;
	int64_t revision;
	int64_t recorded;
	int64_t bytes_total;
	struct digest chain;
	struct span event;
};

struct exception_row {
	struct store_exception shown;
	int64_t cleared_ns; /* 0: never cleared */
};

/* statements.c: SQLite's C interface, said once. */
MUST_USE enum err store_prepare_all(struct store *store, struct err_info *info);
void store_finalize_all(struct store *store);
sqlite3_stmt *store_statement(struct store *store, enum statement which);
void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value);
void sql_bind_text(sqlite3_stmt *statement, int index, struct span value); /* must live until the step */
void sql_bind_blob(sqlite3_stmt *statement, int index, struct span value);
/* A text or blob column; empty for anything else. */
struct span sql_column_span(sqlite3_stmt *statement, int index);
/* false: no blob of a digest's size. */
MUST_USE bool sql_column_digest(sqlite3_stmt *statement, int index, struct digest *digest);
/* An int column that must be in 0..max; -1 where it is not. */
int sql_column_small(sqlite3_stmt *statement, int index, int max);
int sql_execute(sqlite3 *db, const char *sql);
/* SQLite's result code as ours, told for the file at path; db may be NULL. */
enum err sql_failure(sqlite3 *db, int rc, const char *path, const char *doing, struct err_info *info);
/* Steps a changing statement to its end and resets it. Refuses after an earlier failure of the transaction. */
MUST_USE enum err store_run(struct store *store, sqlite3_stmt *statement, const char *doing,
                            struct err_info *info);
/* Steps a reading statement: *more tells whether it stands on a row. The caller resets it. */
MUST_USE enum err store_step(struct store *store, sqlite3_stmt *statement, bool *more, const char *doing,
                             struct err_info *info);
/* sql_failure(), which also remembers damage, and the failure of the open transaction. */
enum err store_sqlite_error(struct store *store, int rc, const char *doing, struct err_info *info);
/* Damage that our own checks found; `what` is a noun phrase such as "the outbox row of stream a, sequence 7". */
enum err store_row_damaged(struct store *store, struct err_info *info, const char *what, ...)
    PRINTF_LIKE(3, 4);
/* Outside a transaction: writes what was found to the identity row, so that the next open salvages. */
void store_note_damage(struct store *store);
/* The failure that an earlier change of the open transaction had, if any. A bug when none is open. */
MUST_USE enum err store_writable(struct store *store, struct err_info *info);

/* store.c */
struct store_file_options {
	struct hal *hal;
	const struct log *log;
	const struct store_options *options;
	const char *path;
};
/* Opens one file, makes the tables where it is new, checks it and loads the heads. ERR_CORRUPT: damaged (info says
 * how), and nothing was changed. */
MUST_USE enum err store_open_file(const struct store_file_options *file, struct store **store,
                                  struct store_opening *opening, struct err_info *info);
/* keep_log: leaves file and log as they are, without a checkpoint. */
void store_close_file(struct store *store, bool keep_log);
/* Opens and sets up the connection alone; it will leave the log as it is at its close. */
MUST_USE enum err store_connect(struct hal *hal, const char *path, sqlite3 **db, struct err_info *info);
MUST_USE enum err identity_get(struct store *store, struct err_info *info);
MUST_USE enum err identity_put(struct store *store, struct err_info *info);
MUST_USE bool identity_load(sqlite3_stmt *statement, struct store_identity *identity);

/* streams.c */
MUST_USE enum err streams_load(struct store *store, struct err_info *info);
MUST_USE bool stream_load(sqlite3_stmt *statement, struct stream_state *state);
void streams_free(struct store *store);
/* Takes the copy that rollback restores, once per transaction, and has the row written at commit. */
void stream_touch(struct stream *stream);
MUST_USE enum err streams_flush(struct store *store, struct err_info *info);
void streams_committed(struct store *store);
void streams_rolled_back(struct store *store);
struct stream *stream_of(const struct store *store, int id); /* NULL: none */
/* Takes the next id; in memory only. */
struct stream *stream_add(struct store *store, const struct stream_state *state);
/* The source text of name and epoch, and the chain's start. ERR_TOO_LARGE. */
MUST_USE enum err stream_identify(const struct store *store, struct stream_state *state,
                                  struct err_info *info);
bool stream_name_valid(struct span name);
/* An epoch above that one, and not below the clock; the identity keeps it, in memory alone. */
int64_t stream_next_epoch(struct store *store, int64_t above);
/* The head of a stream whose epoch has ended, in its new one: sequences from 1, nothing in the outbox.
 * ERR_TOO_LARGE. */
MUST_USE enum err stream_begin_epoch(const struct store *store, struct stream_state *state, int64_t epoch,
                                     struct err_info *info);
MUST_USE enum err ack_flush(struct store *store, struct stream *stream, struct err_info *info);

/* outbox.c */
int64_t outbox_key(int stream, int64_t sequence);
MUST_USE bool outbox_load(sqlite3_stmt *statement, struct outbox_row *row);

/* tree.c */
/* Reads and checks every tile, and builds the trees of all streams in memory. */
MUST_USE enum err trees_load(struct store *store, struct err_info *info);
/* Takes the next leaf; tiles that it fills are written. The stream is touched already. */
MUST_USE enum err tree_append(struct store *store, struct stream *stream, const struct digest *leaf,
                              struct err_info *info);
/* Writes the newest tiles, as far as they grew. */
MUST_USE enum err tree_flush(struct store *store, struct stream *stream, struct err_info *info);
void tree_committed(struct stream *stream);
void tree_rolled_back(struct stream *stream);
void tree_free(struct stream *stream);

/* checkpoints.c */
MUST_USE bool checkpoint_load(sqlite3_stmt *statement, struct store_checkpoint *checkpoint);
/* Writes the row as it is. */
MUST_USE enum err checkpoint_put(struct store *store, const struct store_checkpoint *checkpoint,
                                 struct err_info *info);
/* Looks at up to limit checkpoints, beginning where the last call ended; *deleted grows by what went. */
MUST_USE enum err checkpoints_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                                    struct err_info *info);
/* The newest of the present epoch is the one that the head names. */
MUST_USE enum err checkpoint_verify(struct store *store, const struct stream *stream, struct err_info *info);

/* settled.c */
struct settled_row {
	int stream;
	int64_t epoch;
	int64_t block;
	uint8_t bits[SETTLED_BYTES];
};
MUST_USE bool settled_load(sqlite3_stmt *statement, struct settled_row *row);
MUST_USE enum err settle(struct store *store, struct stream *stream, int64_t sequence, struct err_info *info);
/* Every sequence up to this one is settled from now on. */
MUST_USE enum err settle_up_to(struct store *store, struct stream *stream, int64_t sequence,
                               struct err_info *info);
MUST_USE enum err settled_flush(struct store *store, struct stream *stream, struct err_info *info);
void settled_forget(struct stream *stream);

/* totals.c */
struct totals_row {
	int stream;
	int64_t epoch;
	struct span bytes;
};
MUST_USE bool totals_load(sqlite3_stmt *statement, struct totals_row *row);

/* migrate.c */
/* Brings the rows of a store of that version to the present one, inside the transaction that has changed its tables. */
MUST_USE enum err store_migrate(struct store *store, int version, struct store_opening *opening,
                                struct err_info *info);

/* acks.c */
/* Looks at up to limit rows, beginning where the last call ended, and joins neighbours of one day whose outbox rows are
 * gone and that are older than the retention. */
MUST_USE enum err acks_join(struct store *store, int64_t now_ns, int limit, struct err_info *info);
MUST_USE bool ack_load(sqlite3_stmt *statement, struct ack_row *row);
MUST_USE enum err ack_put(struct store *store, const struct ack_row *row, struct err_info *info);
/* The range that holds this sequence. ERR_NOT_FOUND: not acknowledged, or not known. */
MUST_USE enum err ack_find(struct store *store, int stream, int64_t epoch, int64_t sequence,
                           struct ack_row *row, struct err_info *info);

/* register.c */
MUST_USE bool register_load(sqlite3_stmt *statement, char table, struct register_row *row);
/* The subject's row; source takes the text that row->source is borrowed from. ERR_NOT_FOUND. */
MUST_USE enum err register_get(struct store *store, struct span subject, struct register_row *row,
                               char source[STORE_SOURCE_NAME_MAX + 1], struct err_info *info);
/* Replaces the subject's row. */
MUST_USE enum err register_put(struct store *store, const struct register_row *row, struct err_info *info);
/* Was all of it acknowledged, as the head of its stream says? What is of an earlier epoch was. */
bool document_acknowledged(const struct store_document *document, const struct store_stream *stream);
/* Has the history a revision of the subject that was acknowledged? heads[id - 1] is the head of stream id. */
MUST_USE enum err history_acknowledged(struct store *store, struct span subject,
                                       const struct stream_state *heads, bool *acknowledged,
                                       struct err_info *info);
/* Adds the row to register or history as it is; a row that is there already stays. */
MUST_USE enum err register_add(struct store *store, enum statement which, const struct register_row *row,
                               bool *fresh, struct err_info *info);
/* Makes it the subject's newest revision; *fresh: the subject was not known before. */
MUST_USE enum err register_record(struct store *store, const struct register_row *row, bool *fresh,
                                  struct err_info *info);

/* watermark.c */
MUST_USE bool watermark_load(sqlite3_stmt *statement, struct span *value);
MUST_USE bool unit_load(sqlite3_stmt *statement, struct store_unit *unit);

/* exceptions.c */
MUST_USE bool exception_load(sqlite3_stmt *statement, struct exception_row *row);
MUST_USE enum err exception_put(struct store *store, const struct exception_row *row, struct err_info *info);
/* Looks at up to limit exceptions, beginning where the last call ended, and deletes those that were cleared longer ago
 * than the retention; *deleted grows by their number. */
MUST_USE enum err exceptions_prune(struct store *store, int64_t now_ns, int limit, int *deleted,
                                   struct err_info *info);

/* Copies of an exception's texts, for a row that is to be written again. */
struct exception_texts {
	char rule[STORE_RULE_MAX + 1];
	char source[STORE_SOURCE_NAME_MAX + 1];
	char key[STORE_KEY_BYTES_MAX + 1];
	char text[STORE_EXCEPTION_TEXT_MAX + 1];
	char raw[STORE_RAW_BYTES_MAX + 1];
	char who[STORE_WHO_MAX + 1];
	char note[STORE_NOTE_MAX + 1];
};
/* Points the row's spans to copies. false: one is longer than any that the store writes. */
MUST_USE bool exception_keep(struct exception_row *row, struct exception_texts *texts);
enum err exception_damaged(struct store *store, int64_t id, struct err_info *info);
/* At most max bytes, not ending inside a UTF-8 character. */
struct span text_cut(struct span text, size_t max);

/* verify.c */
/* Counts and looks at every row of one table; load says whether a row is as it was written. */
struct table_check {
	const char *name;
	enum statement all;
	int key_columns; /* the first of the columns read; their order is that of the tree */
	bool (*load)(struct store *store, sqlite3_stmt *statement);
};
MUST_USE enum err verify_table(struct store *store, const struct table_check *check, int64_t *rows,
                               struct err_info *info);
/* SQLite's own check. ERR_CORRUPT says what it found first. */
MUST_USE enum err verify_file(sqlite3 *db, const char *path, struct err_info *info);
/* Every row but the events: checksums, heads against tails, counters. */
MUST_USE enum err verify_rows(struct store *store, struct err_info *info);

/* salvage.c */
/* Brings a salvage that a power cut interrupted between its renames to its end (and says so), or removes its
 * leavings. */
MUST_USE enum err salvage_resume(const struct store_file_options *file, struct store_opening *opening,
                                 struct err_info *info);
/* Replaces the damaged file by a new one with what could be read. ERR_*: the damaged file stands as it was. */
MUST_USE enum err store_salvage(const struct store_file_options *file, struct store_opening *opening,
                                struct err_info *info);

/* salvage_copy.c */
struct salvage_counts {
	uint64_t documents; /* kept */
	uint64_t dropped;   /* register rows whose revision was not acknowledged: read again from the ERP */
	uint64_t rows_lost; /* could not be read */
	bool unreadable;    /* not even the tables could be found */
};
/* Copies what can be read from old into the open transaction(s) of store. */
MUST_USE enum err salvage_copy(sqlite3 *old, struct store *store, struct salvage_counts *counts,
                               struct err_info *info);

#endif
