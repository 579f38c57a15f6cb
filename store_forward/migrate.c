/*
 * migrate.c - brings the rows of an older store to the present version, where SQL alone cannot.
 *
 * Why:   a box is updated in the field; its store must follow, and what it had not sent may not be lost.
 * Owns:  nothing.
 * Rules: 1. Runs inside the transaction that has changed the tables: all of it, or nothing.
 *        2. 1 to 2: the leaves of what was appended are not known, so a stream that has any sequence begins a new
 *           epoch, whose tree is whole. Its outbox ends: what was acknowledged is the broker's, and the rest is sent
 *           again as a salvage does it: no number of a revision is given to other content (salvage_copy.c, rule 3),
 *           and everything is pulled anew. Where all was acknowledged nothing is read again.
 *        3. A row that is not as it was written stops it: the file is damaged, and is salvaged as it was.
 * Faults: as in store.h.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_migrate_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct migration {
	struct store *store;
	struct stream_state *heads; /* of all streams, as they were; by id - 1 */
	uint64_t reread;            /* documents that were not acknowledged */
};

static enum err delete_register_row(struct store *store, struct span subject, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_REGISTER_DELETE);
	sql_bind_text(statement, 1, subject);
	return store_run(store, statement, "forgetting a document", info);
}

/* The subject of a row that was not acknowledged: its newest revision will be sent again. */
static enum err forget(struct migration *migration, struct span subject, struct err_info *info)
{
	struct store *store = migration->store;
	static const struct digest none;
	struct register_row row;
	char source[STORE_SOURCE_NAME_MAX + 1];
	bool keep = false;
	enum err err = register_get(store, subject, &row, source, info);
	if (err == ERR_NOT_FOUND)
		return ERR_OK; /* an earlier row of the same subject */
	if (err != ERR_OK)
		return err;
	struct store_document *document = &row.document;
	if (document_acknowledged(document, &migration->heads[document->stream - 1].shown) ||
	    digest_equal(&document->content, &none))
		return ERR_OK;
	migration->reread++;
	err = history_acknowledged(store, subject, migration->heads, &keep, info);
	if (err != ERR_OK)
		return err;
	if (keep || document->revision > (store->identity.salvages + 1) * 1000) {
		document->content = none;
		document->voided = false;
		return register_put(store, &row, info);
	}
	struct stream *stream = stream_of(store, document->stream);
	CHECK(stream != NULL);
	stream->now.documents--;
	return delete_register_row(store, subject, info);
}

static enum err forget_unacknowledged(struct migration *migration, const struct stream_state *head,
                                      struct err_info *info)
{
	struct store *store = migration->store;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_READ);
	sql_bind_int(statement, 1, outbox_key(head->shown.id, head->shown.acked_sequence));
	sql_bind_int(statement, 2, outbox_key(head->shown.id, head->shown.next_sequence - 1));
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading the outbox", info);
	while (err == ERR_OK && more) {
		struct outbox_row row;
		if (!outbox_load(statement, &row))
			err = store_row_damaged(store, info, "an outbox row of stream %s", head->shown.name);
		if (err == ERR_OK)
			err = forget(migration, row.subject, info);
		if (err == ERR_OK)
			err = store_step(store, statement, &more, "reading the outbox", info);
	}
	sqlite3_reset(statement);
	return err;
}

static enum err empty_outbox(struct store *store, int stream, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_DELETE);
	sql_bind_int(statement, 1, outbox_key(stream, 0));
	sql_bind_int(statement, 2, outbox_key(stream, STORE_SEQUENCE_MAX));
	return store_run(store, statement, "emptying the outbox", info);
}

/* After the register of all streams is done: a subject may have moved from one to another. */
static enum err begin_epochs(struct store *store, struct err_info *info)
{
	int64_t epoch = 0;
	enum err err = ERR_OK;
	for (int i = 0; i < store->stream_count && err == ERR_OK; i++) {
		struct stream *stream = store->streams[i];
		if (stream->now.shown.next_sequence == 1)
			continue;
		if (epoch == 0)
			epoch = stream_next_epoch(store, store->identity.epoch_floor);
		err = empty_outbox(store, stream->now.shown.id, info);
		stream_touch(stream);
		if (err == ERR_OK)
			err = stream_begin_epoch(store, &stream->now, epoch, info);
	}
	return err;
}

static enum err to_version_2(struct migration *migration, struct err_info *info)
{
	struct store *store = migration->store;
	enum err err = ERR_OK;
	for (int i = 0; i < store->stream_count; i++)
		migration->heads[i] = store->streams[i]->now;
	for (int i = 0; i < store->stream_count && err == ERR_OK; i++)
		err = forget_unacknowledged(migration, &migration->heads[i], info);
	if (err == ERR_OK)
		err = begin_epochs(store, info);
	if (err != ERR_OK || migration->reread == 0)
		return err;
	/* Numbers of the subjects that were dropped are not given twice: see store_first_revision(). */
	store->identity.salvages++;
	err = store_run(store, store_statement(store, STATEMENT_WATERMARK_CLEAR), "reading all anew", info);
	if (err == ERR_OK)
		err =
		    store_run(store, store_statement(store, STATEMENT_UNIT_CLEAR), "reading all anew", info);
	return err;
}

enum err store_migrate(struct store *store, int version, struct store_opening *opening, struct err_info *info)
{
	struct migration migration = {.store = store};
	if (version >= 2)
		return ERR_OK;
	migration.heads = mem_alloc(STORE_STREAMS_MAX * sizeof *migration.heads);
	store->in_transaction = true; /* of the caller: heads are written as at a commit */
	store->failed = ERR_OK;
	enum err err = streams_load(store, info);
	if (err == ERR_OK)
		err = to_version_2(&migration, info);
	if (err == ERR_OK)
		err = streams_flush(store, info);
	/* What the migration had no need to look at is looked at before it is committed. */
	streams_free(store);
	if (err == ERR_OK)
		err = streams_load(store, info);
	if (err == ERR_OK)
		err = trees_load(store, info);
	if (err == ERR_OK)
		err = verify_rows(store, info);
	store->in_transaction = false;
	streams_free(store); /* the open loads them again, as from any file */
	free(migration.heads);
	opening->reread = migration.reread;
	return err;
}
