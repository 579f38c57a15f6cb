/*
 * ledger_internal.h - what the files of the ledger share: the struct, its statements, the sums not yet written.
 *
 * Why:   the ledger is split by subject; nobody outside store_forward/ledger*.c includes this.
 * Owns:  struct ledger: the connection, the prepared statements, the sums of the open transaction.
 * Rules: 1. Statements are prepared once at open, handed out reset, and reset before a function returns.
 *        2. Sums are gathered in memory and written at commit, or when half of SUMS_MAX are gathered; a rollback
 *           forgets them together with the transaction.
 *        3. What memory holds of the file (marks, counts, generation) is read again after a rollback.
 * Faults: see ledger_error().
 * Runs in: the core; the CLI.
 * Tests: tests/unit/ledger_test.c
 */
#ifndef TWINPOST_LEDGER_INTERNAL_H
#define TWINPOST_LEDGER_INTERNAL_H

#include <sqlite3.h>

#include "store_forward/ledger.h"
#include "store_forward/store_internal.h"

#define SUMS_MAX 512 /* a power of two */

#define DOCUMENT_LIGHT                                                                                     \
	"identity, subject, key, revision, n, generation, recorded, first, total, cell, posting, period, " \
	"type, "                                                                                           \
	"outcome, phase, origins, voided, entity, currency, party, fingerprint, checksum"
#define DOCUMENT_COLUMNS DOCUMENT_LIGHT ", packed_sum, packed"
#define DOCUMENT_PACKED  22 /* the place of its checksum among the columns; it follows */

#define BREAK_COLUMNS                                                                                      \
	"id, key, status, cause, owner, entity, document_type, currency, period, net, gross, text, "       \
	"evidence, "                                                                                       \
	"state, who, second, reason, at, until, due, first_run, last_run, opened, changed, closed, seen, " \
	"session, reopened, legacy, cloud, checksum"

/* clang-format off */
#define LEDGER_STATEMENTS(X) \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(DOCUMENT_GET, "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE side = ?1 AND identity = ?2 " \
		"AND subject = ?3") \
	X(DOCUMENT_IDENTITY, "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE side = ?1 AND identity = ?2 " \
		"ORDER BY subject LIMIT ?3") \
	X(DOCUMENT_CLOUD, "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE side = 1 AND subject = ?1") \
	X(DOCUMENT_KEY, "SELECT " DOCUMENT_COLUMNS " FROM documents INDEXED BY documents_key " \
		"WHERE side = ?1 AND key = ?2 AND key <> '' AND entity = ?4 AND type = ?5 " \
		"ORDER BY identity, subject LIMIT ?3") \
	X(DOCUMENT_OPEN, "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE side = 0 AND identity > ?1 " \
		"AND outcome NOT BETWEEN 4 AND 6 ORDER BY identity LIMIT ?2") \
	X(DOCUMENT_PUT, "INSERT INTO documents(side, " DOCUMENT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, " \
		"?6, ?7, ?8, ?9, " \
		"?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)") \
	X(DOCUMENT_DELETE, "DELETE FROM documents WHERE side = ?1 AND identity = ?2 AND subject = ?3") \
	X(DOCUMENT_OUTDATED, "SELECT side, " DOCUMENT_COLUMNS " FROM documents WHERE generation < ?1 LIMIT ?2") \
	X(CELL_FIND, "SELECT id FROM cells WHERE entity = ?1 AND type = ?2 AND period = ?3 AND currency = ?4") \
	X(CELL_ADD, "INSERT INTO cells(id, entity, type, period, currency, checksum) VALUES(?1, ?2, ?3, ?4, ?5, ?6)") \
	X(CELL_VERIFY, "SELECT id, entity, type, period, currency, checksum FROM cells ORDER BY id") \
	X(CELL_LAST, "SELECT coalesce(max(id), 0) FROM cells") \
	X(SUM_GET, "SELECT count, debit, credit, fingerprint, checksum FROM sums " \
		"WHERE generation = ?1 AND cell = ?2 AND side = ?3 AND account = ?4") \
	X(SUM_PUT, "INSERT OR REPLACE INTO sums(generation, cell, side, account, count, debit, " \
		"credit, fingerprint, " \
		"checksum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)") \
	X(SUM_DELETE, "DELETE FROM sums WHERE generation = ?1 AND cell = ?2 AND side = ?3 AND account = ?4") \
	X(SUM_STRAY, "SELECT EXISTS(SELECT 1 FROM sums WHERE generation < ?1) " \
		"OR EXISTS(SELECT 1 FROM sums WHERE generation > ?1) " \
		"OR EXISTS(SELECT 1 FROM sums WHERE generation = ?1 AND cell < -?2) " \
		"OR EXISTS(SELECT 1 FROM sums WHERE generation = ?1 AND cell = 0) " \
		"OR EXISTS(SELECT 1 FROM sums WHERE generation = ?1 AND cell > ?2)") \
	X(SUM_DROP, "DELETE FROM sums WHERE generation <> ?1") \
	X(CELL_ALL, "SELECT c.id, c.entity, c.type, c.period, c.currency, s.side, s.count, s.debit, s.credit, " \
		"s.fingerprint, s.checksum FROM cells c JOIN sums s ON s.cell = c.id AND s.account = '' " \
		"WHERE s.generation = ?1 AND s.cell > 0 ORDER BY c.entity, c.type, c.period, c.currency, s.side") \
	X(DAY_ALL, "SELECT account, side, count, debit, credit, fingerprint, checksum FROM sums " \
		"WHERE generation = ?1 AND cell = -?2 ORDER BY account, side") \
	X(ACCOUNT_ALL, "SELECT c.entity, s.account, c.currency, c.period, s.side, s.cell, s.count, " \
		"s.debit, s.credit, " \
		"s.fingerprint, s.checksum FROM cells c JOIN sums s ON s.cell = c.id AND s.account <> '' " \
		"WHERE s.generation = ?1 AND s.cell > 0 ORDER BY c.entity, s.account, c.currency, c.period, s.side") \
	X(MARK_GET, "SELECT value, checksum FROM marks WHERE name = ?1") \
	X(MARK_PUT, "INSERT OR REPLACE INTO marks(name, value, checksum) VALUES(?1, ?2, ?3)") \
	X(NAMED_COUNT, "SELECT (SELECT count(*) FROM marks WHERE name <> ?1) + (SELECT count(*) FROM texts)") \
	X(TEXT_ALL, "SELECT name, value, checksum FROM texts") \
	X(MARK_ALL, "SELECT name, value, checksum FROM marks WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name") \
	X(TEXT_GET, "SELECT value, checksum FROM texts WHERE name = ?1") \
	X(TEXT_PUT, "INSERT OR REPLACE INTO texts(name, value, checksum) VALUES(?1, ?2, ?3)") \
	X(HELD_PUT, "INSERT OR REPLACE INTO held(rule, source, key, text, owner, first, checksum) " \
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
	X(HELD_DELETE, "DELETE FROM held WHERE rule = ?1 AND source = ?2 AND key = ?3") \
	X(HELD_GET, "SELECT text, owner, first, checksum FROM held WHERE rule = ?1 AND source = ?2 AND key = ?3") \
	X(HELD_ALL, "SELECT rule, source, key, text, owner, first, checksum FROM held ORDER BY rule, source, key") \
	X(BREAK_GET, "SELECT " BREAK_COLUMNS " FROM breaks WHERE key = ?1") \
	X(BREAK_NEXT, "SELECT " BREAK_COLUMNS " FROM breaks WHERE key > ?1 AND state < 5 ORDER BY key LIMIT 1") \
	X(BREAK_ALL, "SELECT " BREAK_COLUMNS " FROM breaks WHERE id < ?1 ORDER BY id DESC") \
	X(BREAK_LAST, "SELECT coalesce(max(id), 0), (SELECT count(*) FROM breaks WHERE state < 5) FROM breaks") \
	X(BREAK_SESSION, "SELECT " BREAK_COLUMNS " FROM breaks WHERE session = ?1 AND state < 5 " \
		"ORDER BY currency, gross DESC, key LIMIT ?2") \
	X(BREAK_COUNT, "SELECT state, count(*) FROM breaks GROUP BY state") \
	X(BREAK_PUT, "INSERT OR REPLACE INTO breaks(" BREAK_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, " \
		"?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, " \
		"?27, ?28, ?29, ?30, ?31)")
/* clang-format on */

/* Documents that a comparison looks at. */
#define LEDGER_CHOSEN_MAKE                                                                            \
	"CREATE TEMP TABLE IF NOT EXISTS chosen(of_side INTEGER, of_identity TEXT, of_subject TEXT, " \
	"PRIMARY KEY(of_side, of_identity, of_subject)) WITHOUT ROWID"

enum ledger_statement {
#define LEDGER_STATEMENT_ENUM(name, sql) LEDGER_##name,
	LEDGER_STATEMENTS(LEDGER_STATEMENT_ENUM)
#undef LEDGER_STATEMENT_ENUM
	    LEDGER_STATEMENT_COUNT
};

/* What the open transaction adds to one row of sums. */
struct sum_delta {
	bool used;
	uint8_t side;
	uint8_t account_len;
	/* Length 0: of the cell's documents: debit is their total. Of a negative cell: a posting date in days since
	 * 1970, the same of the cell's documents of that day. */
	char account[LEDGER_CODE_MAX];
	int64_t cell;
	int64_t count, debit, credit;
	struct fingerprint fingerprint;
};

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *statements[LEDGER_STATEMENT_COUNT];
	char path[256];
	enum ledger_mode mode;
	bool in_transaction;
	bool lazy;       /* commits are not synced */
	enum err failed; /* a change of the open transaction failed */
	int64_t generation;
	bool complete;
	char rules[65];
	int64_t count[SIDE_COUNT];
	int64_t last[SIDE_COUNT];
	/* What the sums of the present generation add up to: a page that lost some of them would not be noticed. */
	int64_t summed[SIDE_COUNT]; /* documents */
	int64_t lines[SIDE_COUNT];  /* of all accounts */
	int64_t held;               /* rows of table held */
	struct sum_delta *sums;     /* SUMS_MAX, open addressing */
	int sum_count;
};

/* ledger.c */
enum err ledger_error(struct ledger *ledger, int rc, const char *doing, struct err_info *info);
enum err ledger_damaged(struct ledger *ledger, const char *what, struct err_info *info);
sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which);
/* Steps a changing statement to its end and resets it. */
MUST_USE enum err ledger_run(struct ledger *ledger, sqlite3_stmt *statement, const char *doing,
                             struct err_info *info);
MUST_USE enum err ledger_step(struct ledger *ledger, sqlite3_stmt *statement, bool *more, const char *doing,
                              struct err_info *info);

/* ledger_marks.c */
#define LEDGER_MARK_NAMED "named" /* how many marks, this one aside, and texts there are */
/* Are all there, as they were written? */
MUST_USE enum err named_verify(struct ledger *ledger, struct err_info *info);
MUST_USE enum err named_count(struct ledger *ledger, int64_t *count, struct err_info *info);

/* ledger_sums.c */
MUST_USE enum err sums_add(struct ledger *ledger, const struct ledger_document *document,
                           const struct ledger_balance *balances, int count, int sign, struct err_info *info);
MUST_USE enum err sums_flush(struct ledger *ledger, struct err_info *info);
void sums_forget(struct ledger *ledger);
/* The id of the document's cell, which is made where there is none. */
MUST_USE enum err cell_of(struct ledger *ledger, const struct ledger_document *document, int64_t *cell,
                          struct err_info *info);

/* ledger_documents.c */
/* From a row of DOCUMENT_COLUMNS (packed) or DOCUMENT_LIGHT that begins at column `first`; false: damaged. */
MUST_USE bool document_load(sqlite3_stmt *statement, int first, enum ledger_side side, bool packed,
                            struct ledger_document *document);

/* ledger_breaks.c */
struct ledger_break;
/* Writes the row under its id. */
MUST_USE enum err break_put(struct ledger *ledger, const struct ledger_break *one, struct err_info *info);
/* The first after `after` that is not over, as ledger_break_find(). ERR_NOT_FOUND: there is none. */
MUST_USE enum err break_after(struct ledger *ledger, struct span after, struct ledger_break *one,
                              struct buf *texts, struct err_info *info);

#endif
