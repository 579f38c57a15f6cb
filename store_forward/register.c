/*
 * register.c - the document register: every subject's newest revision, and its earlier ones.
 *
 * Why:   a second reading of the same document must produce nothing, a changed one its next revision.
 * Owns:  tables register and history.
 * Rules: 1. A revision is above the one before it.
 *        2. The earlier revision moves to history in the transaction that records the next.
 *        3. The number of parts enters the checksum only where it is above 1: rows of schema version 1, which has no
 *           such column, keep theirs. A change from 1 or to 1 is found as well as any other.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <string.h>

static int64_t register_checksum(const struct register_row *row, char table)
{
	const struct store_document *document = &row->document;
	struct row_sum sum = row_sum_begin(table);
	row_sum_span(&sum, row->subject);
	row_sum_int(&sum, document->revision);
	row_sum_span(&sum, (struct span){(const char *)document->content.bytes, DIGEST_BYTES});
	row_sum_int(&sum, document->voided);
	row_sum_int(&sum, document->stream);
	row_sum_int(&sum, document->epoch);
	row_sum_int(&sum, document->sequence);
	row_sum_int(&sum, document->recorded_ns);
	row_sum_span(&sum, row->source);
	if (document->parts > 1)
		row_sum_int(&sum, document->parts);
	return row_sum_end(&sum);
}

bool register_load(sqlite3_stmt *statement, char table, struct register_row *row)
{
	int voided = sql_column_small(statement, 3, 1);
	*row = (struct register_row){
	    .subject = sql_column_span(statement, 0),
	    .document = {.revision = sqlite3_column_int64(statement, 1),
	                 .voided = voided == 1,
	                 .stream = sql_column_small(statement, 4, STORE_STREAMS_MAX),
	                 .epoch = sqlite3_column_int64(statement, 5),
	                 .sequence = sqlite3_column_int64(statement, 6),
	                 .parts = sql_column_small(statement, 10, STORE_PARTS_MAX),
	                 .recorded_ns = sqlite3_column_int64(statement, 7)},
	    .source = sql_column_span(statement, 8),
	};
	return sql_column_digest(statement, 2, &row->document.content) && voided >= 0 &&
	       row->document.stream >= 1 && row->document.revision > 0 && row->document.parts >= 1 &&
	       row->subject.len > 0 && row->subject.len <= STORE_SUBJECT_MAX &&
	       register_checksum(row, table) == sqlite3_column_int64(statement, 9);
}

static void register_bind(sqlite3_stmt *statement, char table, const struct register_row *row)
{
	const struct store_document *document = &row->document;
	sql_bind_text(statement, 1, row->subject);
	sql_bind_int(statement, 2, document->revision);
	sql_bind_blob(statement, 3, (struct span){(const char *)document->content.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 4, document->voided);
	sql_bind_int(statement, 5, document->stream);
	sql_bind_int(statement, 6, document->epoch);
	sql_bind_int(statement, 7, document->sequence);
	sql_bind_int(statement, 8, document->recorded_ns);
	sql_bind_text(statement, 9, row->source);
	sql_bind_int(statement, 10, register_checksum(row, table));
	sql_bind_int(statement, 11, document->parts);
}

enum err register_add(struct store *store, enum statement which, const struct register_row *row, bool *fresh,
                      struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, which);
	register_bind(statement, which == STATEMENT_HISTORY_ADD ? TABLE_HISTORY : TABLE_REGISTER, row);
	int64_t before = sqlite3_total_changes64(store->db);
	enum err err = store_run(store, statement, "recording a document", info);
	*fresh = sqlite3_total_changes64(store->db) != before;
	return err;
}

/* source is copied into the caller's array, because the statement is reset. */
enum err register_get(struct store *store, struct span subject, struct register_row *row,
                      char source[STORE_SOURCE_NAME_MAX + 1], struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REGISTER_GET);
	sql_bind_text(statement, 1, subject);
	bool more = false;
	source[0] = 0;
	enum err err = store_step(store, statement, &more, "looking up a document", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "%.*s is not in the register", (int)subject.len,
		              subject.data);
	else if (err == ERR_OK && (!register_load(statement, TABLE_REGISTER, row) ||
	                           !text_copy(source, STORE_SOURCE_NAME_MAX + 1, row->source)))
		err = store_row_damaged(store, info, "the register row of %.*s", (int)subject.len,
		                        subject.data);
	sqlite3_reset(statement);
	row->subject = subject;
	row->source = span_of(source);
	return err;
}

enum err register_put(struct store *store, const struct register_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REGISTER_PUT);
	register_bind(statement, TABLE_REGISTER, row);
	return store_run(store, statement, "recording a revision", info);
}

/* The subject is known: its present row goes to history, the new one takes its place. */
static enum err register_replace(struct store *store, const struct register_row *row, struct err_info *info)
{
	struct register_row old;
	char source[STORE_SOURCE_NAME_MAX + 1];
	bool fresh;
	enum err err = register_get(store, row->subject, &old, source, info);
	if (err != ERR_OK)
		return err;
	if (row->document.revision <= old.document.revision)
		return err_set(info, ERR_CONFLICT,
		               "revision %" PRId64 " of %.*s was recorded already, the newest is %" PRId64,
		               row->document.revision, (int)row->subject.len, row->subject.data,
		               old.document.revision);
	err = register_add(store, STATEMENT_HISTORY_ADD, &old, &fresh, info);
	return err == ERR_OK ? register_put(store, row, info) : err;
}

bool document_acknowledged(const struct store_document *document, const struct store_stream *stream)
{
	return document->epoch < stream->epoch ||
	       (document->epoch == stream->epoch &&
	        document->sequence + document->parts - 1 <= stream->acked_sequence);
}

enum err history_acknowledged(struct store *store, struct span subject, const struct stream_state *heads,
                              bool *acknowledged, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_HISTORY_OF);
	sql_bind_text(statement, 1, subject);
	bool more = false;
	*acknowledged = false;
	enum err err = store_step(store, statement, &more, "reading the history", info);
	while (err == ERR_OK && more && !*acknowledged) {
		struct register_row row;
		*acknowledged = register_load(statement, TABLE_HISTORY, &row) &&
		                document_acknowledged(&row.document, &heads[row.document.stream - 1].shown);
		err = store_step(store, statement, &more, "reading the history", info);
	}
	sqlite3_reset(statement);
	return err;
}

/* Each part has a sequence of its own. */
static enum err settle_row(struct store *store, const struct store_document *document, int64_t upto,
                           struct err_info *info)
{
	enum err err = ERR_OK;
	for (int part = 0; part < document->parts && document->revision <= upto && err == ERR_OK; part++)
		err = store_settle(store, document->stream, document->epoch, document->sequence + part, info);
	return err;
}

enum err store_settle_revisions(struct store *store, struct span subject, int64_t upto, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_HISTORY_OF);
	struct store_document newest;
	bool more = false;
	sql_bind_text(statement, 1, subject);
	enum err err = store_step(store, statement, &more, "reading the history", info);
	while (err == ERR_OK && more) {
		struct register_row row;
		if (register_load(statement, TABLE_HISTORY, &row))
			err = settle_row(store, &row.document, upto, info);
		else
			err = store_row_damaged(store, info, "the history of %.*s", (int)subject.len,
			                        subject.data);
		if (err == ERR_OK)
			err = store_step(store, statement, &more, "reading the history", info);
	}
	sqlite3_reset(statement);
	if (err == ERR_OK)
		err = store_document_find(store, subject, &newest, info);
	return err == ERR_OK ? settle_row(store, &newest, upto, info) : err;
}

enum err register_record(struct store *store, const struct register_row *row, bool *fresh,
                         struct err_info *info)
{
	enum err err = register_add(store, STATEMENT_REGISTER_ADD, row, fresh, info);
	if (err == ERR_OK && !*fresh)
		err = register_replace(store, row, info);
	return err;
}

enum err store_document_find(struct store *store, struct span subject, struct store_document *document,
                             struct err_info *info)
{
	struct register_row row;
	char source[STORE_SOURCE_NAME_MAX + 1];
	enum err err = register_get(store, subject, &row, source, info);
	if (err == ERR_OK) {
		*document = row.document;
		CHECK(text_copy(document->source, sizeof document->source, row.source));
	} else if (err == ERR_CORRUPT)
		store_note_damage(store);
	return err;
}
