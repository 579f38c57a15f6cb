/*
 * side_internal.h - the tables beside the streams, for the files of the store: columns, statements, rows, heads.
 *
 * Why:   mail, replays, outcomes, messages, audit, meta and the marks of exceptions came with one version of the
 *        schema, and are checked, copied and rolled back in the same ways.
 * Owns:  nothing by itself; struct side_state is a part of struct store.
 * Rules: 1. As in store_internal.h: statements of one list, rows through load and put with their checksum.
 *        2. What the rows of a table cannot tell (the last id given, where a chain ends) stands in a row of table
 *           heads, written once for each transaction that moves it.
 * Faults: as in store_internal.h.
 * Runs in: the core.
 * Tests: tests/unit/store_mail_test.c, tests/unit/store_side_salvage_test.c
 */
#ifndef TWINPOST_SIDE_INTERNAL_H
#define TWINPOST_SIDE_INTERNAL_H

#include <sqlite3.h>

#include "store_forward/audit.h"
#include "store_forward/checksum.h"
#include "store_forward/commands.h"
#include "store_forward/mail.h"
#include "store_forward/meta.h"
#include "store_forward/outcomes.h"
#include "store_forward/replay.h"
#include "store_forward/status_queue.h"
#include "store_forward/store.h"

/* The version of the schema that has these tables first. */
#define SIDE_SCHEMA_VERSION 3

/* The letters that begin each table's checksum. */
enum {
	TABLE_HEAD = 'H',
	TABLE_MAIL = 'M',
	TABLE_REPLAY = 'P',
	TABLE_OUTCOME = 'C',
	TABLE_MESSAGE = 'G',
	TABLE_AUDIT = 'A',
	TABLE_META = 'E',
	TABLE_STATUS = 'S',
};

#define HEAD_COLUMNS   "name, low, high, digest, checksum"
#define MAIL_COLUMNS   "id, topic, checksum, payload"
#define REPLAY_COLUMNS "id, stream, epoch, first, last, next, command, checksum"
#define OUTCOME_COLUMNS                                                                                 \
	"subject, n, revision, code, moved, document, date, ledger, reason, class, text, message, at, " \
	"received, checksum"
#define MESSAGE_COLUMNS "id, kind, message, digest, at, checksum, result"
#define AUDIT_COLUMNS   "id, at, who, action, target, why, digest, checksum"
#define META_COLUMNS    "key, value, checksum"
#define STATUS_COLUMNS  "id, source, subject, revision, checksum"

/* clang-format off */
#define SIDE_STATEMENTS(X) \
	X(HEAD_ALL, "SELECT " HEAD_COLUMNS " FROM heads ORDER BY name") \
	X(HEAD_PUT, "INSERT OR REPLACE INTO heads(" HEAD_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5)") \
	X(MAIL_PUT, "INSERT OR REPLACE INTO mail(" MAIL_COLUMNS ") VALUES(?1, ?2, ?3, ?4)") \
	X(MAIL_READ, "SELECT " MAIL_COLUMNS " FROM mail WHERE id > ?1 AND id <= ?2 ORDER BY id") \
	X(MAIL_NEXT, "SELECT " MAIL_COLUMNS " FROM mail WHERE id > ?1 ORDER BY id LIMIT 1") \
	X(MAIL_DELETE, "DELETE FROM mail WHERE id > ?1 AND id <= ?2") \
	X(MAIL_ALL, "SELECT " MAIL_COLUMNS " FROM mail ORDER BY id") \
	X(REPLAY_PUT, "INSERT OR REPLACE INTO replays(" REPLAY_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") \
	X(REPLAY_NEXT, "SELECT " REPLAY_COLUMNS " FROM replays WHERE id >= ?1 ORDER BY id LIMIT 1") \
	X(REPLAY_DELETE, "DELETE FROM replays WHERE id = ?1") \
	X(REPLAY_ALL, "SELECT " REPLAY_COLUMNS " FROM replays ORDER BY id") \
	X(OUTCOME_PUT, "INSERT OR REPLACE INTO outcomes(" OUTCOME_COLUMNS ") " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)") \
	X(OUTCOME_STATE, "SELECT " OUTCOME_COLUMNS " FROM outcomes " \
		"WHERE subject = ?1 AND revision = ?2 AND moved = 1 ORDER BY n DESC LIMIT 1") \
	X(OUTCOME_OF, "SELECT " OUTCOME_COLUMNS " FROM outcomes WHERE subject = ?1 ORDER BY n") \
	X(OUTCOME_COUNT, "SELECT count(*), max(n) FROM outcomes WHERE subject = ?1") \
	X(OUTCOME_OLDEST, "SELECT n FROM outcomes WHERE subject = ?1 ORDER BY moved, n LIMIT 1") \
	X(OUTCOME_DELETE, "DELETE FROM outcomes WHERE subject = ?1 AND n = ?2") \
	X(OUTCOME_ALL, "SELECT " OUTCOME_COLUMNS " FROM outcomes ORDER BY subject, n") \
	X(MESSAGE_GET, "SELECT " MESSAGE_COLUMNS " FROM messages WHERE kind = ?1 AND message = ?2") \
	X(MESSAGE_PUT, "INSERT OR REPLACE INTO messages(" MESSAGE_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
	X(MESSAGE_OLDEST, "SELECT " MESSAGE_COLUMNS " FROM messages " \
		"WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1") \
	X(MESSAGE_DELETE, "DELETE FROM messages WHERE id = ?1") \
	X(MESSAGE_ALL, "SELECT " MESSAGE_COLUMNS " FROM messages ORDER BY id") \
	X(AUDIT_PUT, "INSERT INTO audit(" AUDIT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") \
	X(AUDIT_NEWEST, "SELECT " AUDIT_COLUMNS " FROM audit WHERE id < ?1 ORDER BY id DESC") \
	X(AUDIT_ALL, "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY id") \
	X(AUDIT_CALENDAR, "SELECT strftime('%Y-%m-%dT%H:%M:%S', ?1, 'unixepoch')") \
	X(META_GET, "SELECT " META_COLUMNS " FROM meta WHERE key = ?1") \
	X(META_PUT, "INSERT OR REPLACE INTO meta(" META_COLUMNS ") VALUES(?1, ?2, ?3)") \
	X(META_ALL, "SELECT " META_COLUMNS " FROM meta ORDER BY key") \
	X(STATUS_PUT, "INSERT OR REPLACE INTO status_queue(" STATUS_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5)") \
	X(STATUS_NEXT, "SELECT " STATUS_COLUMNS " FROM status_queue " \
		"WHERE source = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT 1") \
	X(STATUS_OLDEST, "SELECT " STATUS_COLUMNS " FROM status_queue ORDER BY id LIMIT 1") \
	X(STATUS_DELETE, "DELETE FROM status_queue WHERE source = ?1 AND id <= ?2") \
	X(STATUS_ALL, "SELECT " STATUS_COLUMNS " FROM status_queue ORDER BY id") \
	X(EXCEPTION_BY_ID, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE id = ?1") \
	X(EXCEPTION_CHANGED, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE change > ?1 " \
		"ORDER BY change LIMIT ?2") \
	X(EXCEPTION_UNNUMBERED, "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE change = 0 " \
		"ORDER BY id LIMIT 1")
/* clang-format on */

enum head { HEAD_MAIL, HEAD_REPLAY, HEAD_AUDIT, HEAD_STATUS, HEAD_COUNT };

struct head_state {
	int64_t low;          /* mail: every id up to it is done; status: so many rows have gone; else 0 */
	int64_t high;         /* the last id given */
	struct digest digest; /* audit: the chain after entry `high`; else zeroes */
	bool dirty;
};

/* Rows of the status queue of one source. */
struct status_count {
	char source[STORE_SOURCE_NAME_MAX + 1];
	int64_t rows; /* 0: the place may be taken for another source */
};

/* What a transaction may change in memory; copied at store_begin(). */
struct side_state {
	struct head_state heads[HEAD_COUNT];
	int64_t replays;
	int64_t messages[STORE_MESSAGE_COMMAND + 1];     /* rows, by kind */
	int64_t message_last[STORE_MESSAGE_COMMAND + 1]; /* id of the newest row, by kind */
	int64_t exception_change;                        /* the highest given */
	struct status_count status[STORE_STATUS_SOURCES_MAX];
};

struct mail_row {
	int64_t id;
	struct span topic;
	struct span payload;
};

struct status_row {
	int64_t id;
	struct span source;
	struct span subject;
	int64_t revision;
};

struct message_row {
	int64_t id; /* kind * 2^40 + n in order of arrival */
	enum store_message_kind kind;
	struct span message;
	struct digest digest;
	int64_t at;
	struct span result;
};

struct outcome_row {
	int64_t n; /* in order of arrival within the subject */
	struct store_outcome shown;
};

/* side.c */
MUST_USE enum err heads_load(struct store *store, struct err_info *info);
MUST_USE enum err heads_flush(struct store *store, struct err_info *info);
MUST_USE bool head_load(sqlite3_stmt *statement, enum head *which, struct head_state *head);
/* The head, to be changed: it is written at commit. */
struct head_state *head_touch(struct store *store, enum head which);
void side_committed(struct store *store);

/* mail.c */
MUST_USE bool mail_load(sqlite3_stmt *statement, struct mail_row *row);
MUST_USE enum err mail_put(struct store *store, const struct mail_row *row, struct err_info *info);

/* status_queue.c */
MUST_USE bool status_load(sqlite3_stmt *statement, struct status_row *row);
MUST_USE enum err status_put(struct store *store, const struct status_row *row, struct err_info *info);
/* The count of the source, or a free place for it; NULL: STORE_STATUS_SOURCES_MAX others have rows. */
struct status_count *status_count_of(struct store *store, struct span source);

/* replay.c */
MUST_USE bool replay_load(sqlite3_stmt *statement, struct store_replay *replay);
MUST_USE enum err replay_put(struct store *store, const struct store_replay *replay, struct err_info *info);

/* outcomes.c */
MUST_USE bool outcome_load(sqlite3_stmt *statement, struct outcome_row *row);
MUST_USE enum err outcome_put(struct store *store, const struct outcome_row *row, struct err_info *info);

/* commands.c */
MUST_USE bool message_load(sqlite3_stmt *statement, struct message_row *row);
MUST_USE enum err message_put(struct store *store, const struct message_row *row, struct err_info *info);

/* audit.c */
struct digest audit_start(void); /* h_0 */
MUST_USE bool audit_load(sqlite3_stmt *statement, struct store_audit_entry *entry);
MUST_USE enum err audit_put(struct store *store, const struct store_audit_entry *entry,
                            struct err_info *info);
/* h_id of the entry after `previous`. */
MUST_USE enum err audit_link(struct store *store, const struct digest *previous,
                             const struct store_audit_entry *entry, struct digest *digest,
                             struct err_info *info);

/* meta.c */
MUST_USE bool meta_load(sqlite3_stmt *statement, struct span *key, struct span *value);
MUST_USE enum err meta_put(struct store *store, struct span key, struct span value, struct err_info *info);

/* exception_marks.c */
/* The next number for a change; above all that a damaged store may have given. */
int64_t exception_change_next(struct store *store);
/* Gives a number to each exception that has none: rows of an older version, and after a salvage all. */
MUST_USE enum err exceptions_number(struct store *store, struct err_info *info);

/* verify_side.c */
MUST_USE enum err verify_side(struct store *store, struct err_info *info);

#endif
