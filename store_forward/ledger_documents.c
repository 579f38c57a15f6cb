/*
 * ledger_documents.c - the documents of both sides: finding, putting, taking out, reading in order.
 *
 * Why:   see ledger.h.
 * Owns:  table documents; cursors.
 * Rules: 1. A row enters and leaves through bind_document() and document_load(), which make and verify its checksum.
 *        2. Counts and sums move with the row.
 * Faults: as in ledger.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/ledger_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/ledger_internal.h"

#define DOCUMENT_LETTER 'l'
#define PACKED_LETTER   'L'

static int64_t document_checksum(const struct ledger_document *document)
{
	const struct span texts[] = {document->identity,
	                             document->subject,
	                             document->key,
	                             document->entity,
	                             document->currency,
	                             document->party,
	                             {(const char *)document->fingerprint.bytes, FINGERPRINT_BYTES}};
	const int64_t numbers[] = {document->side,       document->revision,    document->n,
	                           document->generation, document->recorded_ns, document->first_ns,
	                           document->total,      document->cell,        document->posting,
	                           document->period,     document->type,        document->outcome,
	                           document->phase,      document->origins,     document->voided};
	struct row_sum sum = row_sum_begin(DOCUMENT_LETTER);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		row_sum_span(&sum, texts[i]);
	row_sum_span(&sum, (struct span){(const char *)numbers, sizeof numbers});
	return row_sum_end(&sum);
}

/* Apart: most readers do without the packed form. */
static int64_t packed_checksum(struct span packed)
{
	struct row_sum sum = row_sum_begin(PACKED_LETTER);
	row_sum_span(&sum, packed);
	return row_sum_end(&sum);
}

bool document_load(sqlite3_stmt *statement, int first, enum ledger_side side, bool packed,
                   struct ledger_document *document)
{
	struct span fingerprint = sql_column_span(statement, first + 20);
	*document = (struct ledger_document){
	    .side = side,
	    .identity = sql_column_span(statement, first),
	    .subject = sql_column_span(statement, first + 1),
	    .key = sql_column_span(statement, first + 2),
	    .revision = sqlite3_column_int64(statement, first + 3),
	    .n = sqlite3_column_int64(statement, first + 4),
	    .generation = sqlite3_column_int64(statement, first + 5),
	    .recorded_ns = sqlite3_column_int64(statement, first + 6),
	    .first_ns = sqlite3_column_int64(statement, first + 7),
	    .total = sqlite3_column_int64(statement, first + 8),
	    .cell = sqlite3_column_int64(statement, first + 9),
	    .posting = sqlite3_column_int(statement, first + 10),
	    .period = sqlite3_column_int(statement, first + 11),
	    .type = sqlite3_column_int(statement, first + 12),
	    .outcome = sqlite3_column_int(statement, first + 13),
	    .phase = sqlite3_column_int(statement, first + 14),
	    .origins = sqlite3_column_int(statement, first + 15),
	    .voided = sqlite3_column_int(statement, first + 16) != 0,
	    .entity = sql_column_span(statement, first + 17),
	    .currency = sql_column_span(statement, first + 18),
	    .party = sql_column_span(statement, first + 19),
	};
	if (packed) {
		document->packed = sql_column_span(statement, first + DOCUMENT_PACKED + 1);
		if (packed_checksum(document->packed) !=
		    sqlite3_column_int64(statement, first + DOCUMENT_PACKED))
			return false;
	}
	if (fingerprint.len != FINGERPRINT_BYTES)
		return false;
	memcpy(document->fingerprint.bytes, fingerprint.data, FINGERPRINT_BYTES);
	return document_checksum(document) == sqlite3_column_int64(statement, first + 21);
}

static void bind_document(sqlite3_stmt *statement, const struct ledger_document *document)
{
	sql_bind_int(statement, 1, document->side);
	sql_bind_text(statement, 2, document->identity);
	sql_bind_text(statement, 3, document->subject);
	sql_bind_text(statement, 4, document->key);
	sql_bind_int(statement, 5, document->revision);
	sql_bind_int(statement, 6, document->n);
	sql_bind_int(statement, 7, document->generation);
	sql_bind_int(statement, 8, document->recorded_ns);
	sql_bind_int(statement, 9, document->first_ns);
	sql_bind_int(statement, 10, document->total);
	sql_bind_int(statement, 11, document->cell);
	sql_bind_int(statement, 12, document->posting);
	sql_bind_int(statement, 13, document->period);
	sql_bind_int(statement, 14, document->type);
	sql_bind_int(statement, 15, document->outcome);
	sql_bind_int(statement, 16, document->phase);
	sql_bind_int(statement, 17, document->origins);
	sql_bind_int(statement, 18, document->voided);
	sql_bind_text(statement, 19, document->entity);
	sql_bind_text(statement, 20, document->currency);
	sql_bind_text(statement, 21, document->party);
	sql_bind_blob(statement, 22,
	              (struct span){(const char *)document->fingerprint.bytes, FINGERPRINT_BYTES});
	sql_bind_int(statement, 23, document_checksum(document));
	sql_bind_int(statement, 24, packed_checksum(document->packed));
	sql_bind_blob(statement, 25, document->packed);
}

/* The statement's row dies with its reset: the texts move into `texts`. */
static void copy_texts(struct ledger_document *document, struct buf *texts)
{
	struct span *const all[] = {&document->identity, &document->subject,  &document->key,
	                            &document->entity,   &document->currency, &document->party,
	                            &document->packed};
	buf_keep(texts, all, sizeof all / sizeof all[0]);
}

static enum err find(struct ledger *ledger, sqlite3_stmt *statement, enum ledger_side side,
                     struct ledger_document *document, struct buf *texts, struct err_info *info)
{
	bool more = false;
	enum err err = ledger_step(ledger, statement, &more, "finding a document", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "the ledger does not have this document");
	else if (err == ERR_OK && !document_load(statement, 0, side, true, document))
		err = ledger_damaged(ledger, "a document", info);
	else if (err == ERR_OK)
		copy_texts(document, texts);
	sqlite3_reset(statement);
	return err;
}

enum err ledger_find(struct ledger *ledger, enum ledger_side side, struct span identity, struct span subject,
                     struct ledger_document *document, struct buf *texts, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_GET);
	sql_bind_int(statement, 1, side);
	sql_bind_text(statement, 2, identity);
	sql_bind_text(statement, 3, subject);
	return find(ledger, statement, side, document, texts, info);
}

enum err ledger_find_cloud(struct ledger *ledger, struct span subject, struct ledger_document *document,
                           struct buf *texts, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_CLOUD);
	sql_bind_text(statement, 1, subject);
	return find(ledger, statement, SIDE_CLOUD, document, texts, info);
}

/* Visits what a statement gives, whose first parameters are side, text and limit. */
static enum err visit_side(struct ledger *ledger, sqlite3_stmt *statement, enum ledger_side side,
                           struct span text, int limit, ledger_visitor visit, void *self,
                           struct err_info *info)
{
	bool more = false;
	sql_bind_int(statement, 1, side);
	sql_bind_text(statement, 2, text);
	sql_bind_int(statement, 3, limit);
	enum err err = ledger_step(ledger, statement, &more, "finding documents", info);
	while (err == ERR_OK && more) {
		struct ledger_document document;
		if (!document_load(statement, 0, side, true, &document))
			err = ledger_damaged(ledger, "a document", info);
		else if (!visit(self, &document))
			break;
		else
			err = ledger_step(ledger, statement, &more, "finding documents", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_with_key(struct ledger *ledger, enum ledger_side side, const struct ledger_document *like,
                         int limit, ledger_visitor visit, void *self, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_KEY);
	sql_bind_text(statement, 4, like->entity);
	sql_bind_int(statement, 5, like->type);
	return visit_side(ledger, statement, side, like->key, limit, visit, self, info);
}

enum err ledger_with_identity(struct ledger *ledger, enum ledger_side side, struct span identity, int limit,
                              ledger_visitor visit, void *self, struct err_info *info)
{
	return visit_side(ledger, ledger_statement(ledger, LEDGER_DOCUMENT_IDENTITY), side, identity, limit,
	                  visit, self, info);
}

/* ---- changing ---- */

static enum err insert(struct ledger *ledger, struct ledger_document *document,
                       const struct ledger_balance *balances, int count, struct err_info *info)
{
	enum err err = cell_of(ledger, document, &document->cell, info);
	if (err != ERR_OK)
		return err;
	document->generation = ledger->generation;
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_PUT);
	bind_document(statement, document);
	err = ledger_run(ledger, statement, "adding a document", info);
	return err == ERR_OK ? sums_add(ledger, document, balances, count, 1, info) : err;
}

static enum err delete (struct ledger *ledger, const struct ledger_document *document,
                        const struct ledger_balance *balances, int count, struct err_info *info) {
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_DELETE);
	sql_bind_int(statement, 1, document->side);
	sql_bind_text(statement, 2, document->identity);
	sql_bind_text(statement, 3, document->subject);
	enum err err = ledger_run(ledger, statement, "taking out a document", info);
	if (err == ERR_OK && sqlite3_changes(ledger->db) != 1)
	    err = ledger_damaged(ledger, "a document that was there", info);
	if (err != ERR_OK || document->generation != ledger->generation) return err;
	return sums_add(ledger, document, balances, count, -1, info);
}

static enum err check_limits(const struct ledger_document *document, struct err_info *info)
{
	const struct span codes[] = {document->entity, document->currency, document->party, document->key};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (codes[i].len > LEDGER_CODE_MAX)
			return err_set(info, ERR_TOO_LARGE, "a code of the document is over %d bytes",
			               LEDGER_CODE_MAX);
	}
	if (document->identity.len > STORE_SUBJECT_MAX || document->subject.len > STORE_SUBJECT_MAX ||
	    document->subject.len == 0 || document->packed.len > LEDGER_PACKED_MAX)
		return err_set(info, ERR_TOO_LARGE, "the document or its subject is over the limit");
	return ERR_OK;
}

enum err ledger_put(struct ledger *ledger, struct ledger_document *document,
                    const struct ledger_balance *balances, int count, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	enum err err = check_limits(document, info);
	if (err != ERR_OK)
		return err;
	if (document->n == 0)
		document->n = ledger->last[document->side] + 1;
	if (document->first_ns == 0)
		document->first_ns = document->recorded_ns;
	err = insert(ledger, document, balances, count, info);
	if (err != ERR_OK)
		return err;
	if (document->n > ledger->last[document->side])
		ledger->last[document->side] = document->n;
	ledger->count[document->side]++;
	return ERR_OK;
}

enum err ledger_take(struct ledger *ledger, const struct ledger_document *document,
                     const struct ledger_balance *balances, int count, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	enum err err = delete (ledger, document, balances, count, info);
	if (err == ERR_OK)
		ledger->count[document->side]--;
	return err;
}

enum err ledger_regenerate(struct ledger *ledger, struct ledger_document *document,
                           const struct ledger_balance *balances, int count, struct err_info *info)
{
	CHECK(ledger->in_transaction && document->generation < ledger->generation);
	enum err err = delete (ledger, document, NULL, 0, info);
	return err == ERR_OK ? insert(ledger, document, balances, count, info) : err;
}

enum err ledger_set_outcome(struct ledger *ledger, struct span subject, int64_t revision, int outcome,
                            struct err_info *info)
{
	struct ledger_document document;
	struct buf texts;
	CHECK(ledger->in_transaction);
	buf_init(&texts, LEDGER_PACKED_MAX + 4096);
	enum err err = ledger_find(ledger, SIDE_LEGACY, subject, subject, &document, &texts, info);
	if (err == ERR_OK && document.revision != revision)
		err = err_set(info, ERR_NOT_FOUND, "the ledger has another revision of this document");
	if (err == ERR_OK && document.outcome != outcome) {
		sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_DELETE);
		sql_bind_int(statement, 1, SIDE_LEGACY);
		sql_bind_text(statement, 2, subject);
		sql_bind_text(statement, 3, subject);
		err = ledger_run(ledger, statement, "noting an outcome", info);
		document.outcome = outcome;
		statement = ledger_statement(ledger, LEDGER_DOCUMENT_PUT);
		bind_document(statement, &document);
		if (err == ERR_OK)
			err = ledger_run(ledger, statement, "noting an outcome", info);
	}
	buf_release(&texts);
	return err;
}

enum err ledger_without_outcome(struct ledger *ledger, const char *after, int limit, ledger_visitor visit,
                                void *self, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_OPEN);
	bool more = false;
	sql_bind_text(statement, 1, span_of(after));
	sql_bind_int(statement, 2, limit);
	enum err err = ledger_step(ledger, statement, &more, "looking for open outcomes", info);
	while (err == ERR_OK && more) {
		struct ledger_document document;
		if (!document_load(statement, 0, SIDE_LEGACY, true, &document))
			err = ledger_damaged(ledger, "a document", info);
		else if (!visit(self, &document))
			break;
		else
			err = ledger_step(ledger, statement, &more, "looking for open outcomes", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_outdated(struct ledger *ledger, int limit, ledger_visitor visit, void *self, bool *done,
                         struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DOCUMENT_OUTDATED);
	bool more = false;
	int visited = 0;
	sql_bind_int(statement, 1, ledger->generation);
	sql_bind_int(statement, 2, limit);
	enum err err = ledger_step(ledger, statement, &more, "looking for older sums", info);
	while (err == ERR_OK && more) {
		struct ledger_document document;
		int side = sqlite3_column_int(statement, 0);
		visited++;
		if (side < 0 || side >= SIDE_COUNT ||
		    !document_load(statement, 1, (enum ledger_side)side, true, &document))
			err = ledger_damaged(ledger, "a document", info);
		else if (!visit(self, &document))
			break;
		else
			err = ledger_step(ledger, statement, &more, "looking for older sums", info);
	}
	sqlite3_reset(statement);
	*done = err == ERR_OK && visited == 0;
	if (!*done || ledger->complete)
		return err;
	statement = ledger_statement(ledger, LEDGER_SUM_DROP);
	sql_bind_int(statement, 1, ledger->generation);
	err = ledger_run(ledger, statement, "dropping older sums", info);
	ledger->complete = err == ERR_OK;
	return err;
}

/* ?1: the side, ?2: the value. */
static enum err visit_where(struct ledger *ledger, const char *sql, enum ledger_side side, int64_t value,
                            ledger_visitor visit, void *self, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	bool more = true;
	int rc = sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL);
	enum err err =
	    rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "reading documents of a kind", info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, side);
	sql_bind_int(statement, 2, value);
	while (err == ERR_OK && more) {
		struct ledger_document document;
		err = ledger_step(ledger, statement, &more, "reading documents of a kind", info);
		if (err != ERR_OK || !more)
			break;
		if (!document_load(statement, 0, side, true, &document))
			err = ledger_damaged(ledger, "a document", info);
		else if (!visit(self, &document))
			break;
	}
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_of_type(struct ledger *ledger, enum ledger_side side, int type, ledger_visitor visit,
                        void *self, struct err_info *info)
{
	return visit_where(ledger,
	                   "SELECT " DOCUMENT_COLUMNS " FROM documents INDEXED BY documents_cell "
	                   "WHERE cell IN (SELECT id FROM cells WHERE type = ?2) AND side = ?1",
	                   side, type, visit, self, info);
}

enum err ledger_of_cell(struct ledger *ledger, enum ledger_side side, int64_t cell, ledger_visitor visit,
                        void *self, struct err_info *info)
{
	return visit_where(ledger,
	                   "SELECT " DOCUMENT_COLUMNS " FROM documents INDEXED BY documents_cell "
	                   "WHERE cell = ?2 AND side = ?1",
	                   side, cell, visit, self, info);
}

/* ---- reading in order ---- */

struct ledger_cursor {
	struct ledger *ledger;
	sqlite3_stmt *statement;
	enum ledger_side side;
	bool packed;
};

enum err ledger_cursor_open(struct ledger *ledger, enum ledger_side side, bool all, bool packed,
                            struct ledger_cursor **out, struct err_info *info)
{
	static const char everything[] =
	    "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE side = ?1 ORDER BY identity, subject";
	static const char light[] =
	    "SELECT " DOCUMENT_LIGHT " FROM documents WHERE side = ?1 ORDER BY identity, subject";
	static const char chosen[] = "SELECT " DOCUMENT_LIGHT " FROM temp.chosen CROSS JOIN documents "
				     "ON side = of_side AND identity = of_identity AND subject = of_subject "
				     "WHERE of_side = ?1 ORDER BY of_identity, of_subject";
	CHECK(all || !packed);
	struct ledger_cursor *cursor = mem_alloc(sizeof *cursor);
	*cursor = (struct ledger_cursor){.ledger = ledger, .side = side, .packed = packed};
	int rc = SQLITE_OK;
	if (!all)
		rc = sql_execute(ledger->db, LEDGER_CHOSEN_MAKE);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(ledger->db,
		                        !all     ? chosen
		                        : packed ? everything
		                                 : light,
		                        -1, &cursor->statement, NULL);
	if (rc != SQLITE_OK) {
		free(cursor);
		return ledger_error(ledger, rc, "reading in order", info);
	}
	sql_bind_int(cursor->statement, 1, side);
	*out = cursor;
	return ERR_OK;
}

bool ledger_cursor_next(struct ledger_cursor *cursor, struct ledger_document *document, enum err *err,
                        struct err_info *info)
{
	bool more = false;
	*err = ledger_step(cursor->ledger, cursor->statement, &more, "reading in order", info);
	if (*err == ERR_OK && more &&
	    !document_load(cursor->statement, 0, cursor->side, cursor->packed, document))
		*err = ledger_damaged(cursor->ledger, "a document", info);
	return *err == ERR_OK && more;
}

void ledger_cursor_close(struct ledger_cursor *cursor)
{
	if (!cursor)
		return;
	sqlite3_finalize(cursor->statement);
	free(cursor);
}
