/*
 * verify.c - what is loaded from disk is checked as if a stranger had written it.
 *
 * Why:   a damaged store must be found before it is built upon, not when its documents are missed.
 * Owns:  nothing.
 * Rules: 1. SQLite's quick_check over the whole file: every page and every tree. (integrity_check, which also holds
 *           indexes against their tables, only for the two tables that have indexes: they are short.)
 *        2. Ours: order and checksum of every row but those of the outbox; counters against rows; each stream's head
 *           against the last row of its outbox, its chain against that row's chain, its tree's last leaf against the
 *           step of the chain that the row made, its newest checkpoint. (Tiles are counted and checked when the trees
 *           are built from them: tree.c.)
 *        3. Events are verified when they are read: every one before it is sent, and a missing one is noticed then.
 * Faults: ERR_CORRUPT with the first thing found.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_salvage_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <string.h>

#include "store_forward/chain.h"

static enum err run_check(sqlite3 *db, const char *sql, const char *path, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	enum err err = ERR_OK;
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);
		/* "*** in database main ***", and what it found on the next line. */
		const char *line = text ? strchr(text, '\n') : NULL;
		if (line != NULL && strncmp(text, "***", 3) == 0)
			text = line + 1;
		if (text == NULL || strcmp(text, "ok") != 0)
			err = err_set(info, ERR_CORRUPT, "%s: %.200s", path,
			              text ? text : "no result of its check");
	} else {
		err = sql_failure(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, path, "checking it", info);
	}
	sqlite3_finalize(statement);
	return err;
}

enum err verify_file(sqlite3 *db, const char *path, struct err_info *info)
{
	enum err err = run_check(db, "PRAGMA quick_check(1)", path, info);
	if (err == ERR_OK)
		err = run_check(db, "PRAGMA integrity_check(exceptions)", path, info);
	/* A file that is still to be migrated may lack it. */
	bool has_messages = sqlite3_table_column_metadata(db, "main", "messages", NULL, NULL, NULL, NULL,
	                                                  NULL, NULL) == SQLITE_OK;
	if (err == ERR_OK && has_messages)
		err = run_check(db, "PRAGMA integrity_check(messages)", path, info);
	return err;
}

#define KEY_COLUMNS_MAX 3

/* The key of the row before. */
struct key_part {
	int64_t number;
	struct buf text;
};

/* Rises the key? quick_check of SQLite 3.40 does not look, and a search goes wrong in a tree out of order. */
static bool key_rises(sqlite3_stmt *statement, int columns, struct key_part *last, bool first)
{
	int order = first ? 1 : 0;
	for (int i = 0; i < columns; i++) {
		struct key_part *part = &last[i];
		int64_t number = sqlite3_column_int64(statement, i);
		struct span text = sql_column_span(statement, i);
		if (order == 0 && sqlite3_column_type(statement, i) == SQLITE_INTEGER)
			order = (number > part->number) - (number < part->number);
		else if (order == 0)
			order = span_compare(text, buf_span(&part->text));
		part->number = number;
		buf_clear(&part->text);
		buf_append_span(&part->text, text);
	}
	return order > 0;
}

static bool check_register(struct store *store, sqlite3_stmt *statement)
{
	struct register_row row;
	return register_load(statement, TABLE_REGISTER, &row) &&
	       stream_of(store, row.document.stream) != NULL;
}

static bool check_history(struct store *store, sqlite3_stmt *statement)
{
	struct register_row row;
	return register_load(statement, TABLE_HISTORY, &row) && stream_of(store, row.document.stream) != NULL;
}

static bool check_ack(struct store *store, sqlite3_stmt *statement)
{
	struct ack_row row;
	return ack_load(statement, &row) && stream_of(store, row.stream) != NULL;
}

static bool check_watermark(struct store *store, sqlite3_stmt *statement)
{
	struct span value;
	(void)store;
	return watermark_load(statement, &value);
}

static bool check_unit(struct store *store, sqlite3_stmt *statement)
{
	struct store_unit unit;
	(void)store;
	return unit_load(statement, &unit);
}

/* Streams are loaded: is the row of one of them, and of its present epoch? */
static bool of_epoch(const struct store *store, int stream_id, int64_t epoch)
{
	const struct stream *stream = stream_of(store, stream_id);
	return stream != NULL && stream->now.shown.epoch == epoch;
}

static bool check_checkpoint(struct store *store, sqlite3_stmt *statement)
{
	struct store_checkpoint row;
	if (!checkpoint_load(statement, &row))
		return false;
	const struct stream *stream = stream_of(store, row.stream);
	return stream != NULL && row.epoch <= stream->now.shown.epoch &&
	       (row.epoch < stream->now.shown.epoch || row.size <= stream->now.shown.checkpoint_size);
}

/* No block of which nothing is needed any more, none behind the head, and the mark is where the bits say. */
static bool check_settled(struct store *store, sqlite3_stmt *statement)
{
	struct settled_row row;
	if (!settled_load(statement, &row) || !of_epoch(store, row.stream, row.epoch))
		return false;
	const struct stream_state *now = &stream_of(store, row.stream)->now;
	int64_t next = now->settled - row.block * SETTLED_BITS; /* the first bit behind the mark */
	bool next_is_set = next >= 0 && next < SETTLED_BITS && (row.bits[next / 8] >> (next % 8) & 1) != 0;
	return next < SETTLED_BITS && row.block * SETTLED_BITS < now->shown.next_sequence - 1 && !next_is_set;
}

static bool check_totals(struct store *store, sqlite3_stmt *statement)
{
	struct totals_row row;
	return totals_load(statement, &row) && of_epoch(store, row.stream, row.epoch);
}

/* Also finds the highest id and counts the open ones. */
static bool check_exception(struct store *store, sqlite3_stmt *statement)
{
	struct exception_row row;
	if (!exception_load(statement, &row))
		return false;
	if (row.shown.open)
		store->exceptions_open++;
	if (row.shown.id > store->exception_id)
		store->exception_id = row.shown.id;
	if (row.shown.change > store->side.exception_change)
		store->side.exception_change = row.shown.change;
	return true;
}

enum err verify_table(struct store *store, const struct table_check *check, int64_t *rows,
                      struct err_info *info)
{
	struct key_part last[KEY_COLUMNS_MAX];
	for (int i = 0; i < KEY_COLUMNS_MAX; i++) {
		last[i].number = 0;
		buf_init(&last[i].text, STORE_WATERMARK_BYTES_MAX);
	}
	sqlite3_stmt *statement = store_statement(store, check->all);
	bool more = false;
	*rows = 0;
	enum err err = store_step(store, statement, &more, check->name, info);
	while (err == ERR_OK && more) {
		++*rows;
		if (!key_rises(statement, check->key_columns, last, *rows == 1) ||
		    !check->load(store, statement))
			err =
			    store_row_damaged(store, info, "row %" PRId64 " of table %s", *rows, check->name);
		else
			err = store_step(store, statement, &more, check->name, info);
	}
	sqlite3_reset(statement);
	for (int i = 0; i < KEY_COLUMNS_MAX; i++)
		buf_release(&last[i].text);
	return err;
}

static enum err outbox_neighbour(struct store *store, enum statement which, int64_t key, int64_t *id,
                                 struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, which);
	sql_bind_int(statement, 1, key);
	bool more = false;
	enum err err = store_step(store, statement, &more, "looking at the outbox's ends", info);
	*id = err == ERR_OK && more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return err;
}

/* The chain before the last row must lead to the head by the tree's last leaf. Not known where retention has that
 * row. */
static enum err verify_leaf(struct store *store, const struct stream *stream, int64_t sequence,
                            struct err_info *info)
{
	const struct store_stream *shown = &stream->now.shown;
	struct digest before = chain_start(span_of(shown->source));
	struct digest leaf;
	enum err err = ERR_OK;
	if (sequence - 1 > stream->now.pruned) {
		sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_CHAIN);
		sql_bind_int(statement, 1, outbox_key(shown->id, sequence - 1));
		bool more = false;
		err = store_step(store, statement, &more, "reading the outbox's end", info);
		if (err == ERR_OK && (!more || !sql_column_digest(statement, 0, &before)))
			err = store_row_damaged(store, info, "the outbox row of stream %s, sequence %" PRId64,
			                        shown->name, sequence - 1);
		sqlite3_reset(statement);
	} else if (sequence > 1) {
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = store_leaf(store, shown->id, sequence, &leaf, info);
	if (err != ERR_OK)
		return err;
	struct digest chain = chain_link(&before, &leaf);
	return digest_equal(&chain, &shown->chain)
	           ? ERR_OK
	           : store_row_damaged(store, info, "the tree of stream %s", shown->name);
}

/* The last row of the outbox, byte for byte, and its chain. */
static enum err verify_tail(struct store *store, const struct stream *stream, int64_t sequence,
                            struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_ONE);
	sql_bind_int(statement, 1, outbox_key(stream->now.shown.id, sequence));
	struct outbox_row row;
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading the outbox's end", info);
	if (err == ERR_OK &&
	    (!more || !outbox_load(statement, &row) || row.bytes_total != stream->now.bytes_total ||
	     !digest_equal(&row.chain, &stream->now.shown.chain)))
		err = store_row_damaged(store, info, "the outbox row of stream %s, sequence %" PRId64,
		                        stream->now.shown.name, sequence);
	sqlite3_reset(statement);
	return err;
}

/* The outbox holds exactly pruned + 1 .. next - 1 of each stream, as far as its ends tell. */
static enum err verify_heads(struct store *store, struct err_info *info)
{
	enum err err = ERR_OK;
	int64_t before = 0; /* highest key that may precede the stream's rows */
	for (int i = 0; i < store->stream_count && err == ERR_OK; i++) {
		const struct stream *stream = store->streams[i];
		const struct store_stream *shown = &stream->now.shown;
		int64_t first = 0;
		int64_t last = 0;
		bool empty = stream->now.pruned == shown->next_sequence - 1;
		err = outbox_neighbour(store, STATEMENT_OUTBOX_NEXT, before, &first, info);
		before = outbox_key(shown->id, STORE_SEQUENCE_MAX);
		if (err == ERR_OK)
			err = outbox_neighbour(store, STATEMENT_OUTBOX_LAST, before, &last, info);
		if (err != ERR_OK)
			break;
		bool as_expected = empty ? first == 0 || first > before
		                         : first == outbox_key(shown->id, stream->now.pruned + 1) &&
		                               last == outbox_key(shown->id, shown->next_sequence - 1);
		if (!as_expected)
			err = store_row_damaged(store, info, "the outbox of stream %s, or its head,",
			                        shown->name);
		else if (!empty)
			err = verify_tail(store, stream, shown->next_sequence - 1, info);
		if (err == ERR_OK && !empty)
			err = verify_leaf(store, stream, shown->next_sequence - 1, info);
		if (err == ERR_OK)
			err = checkpoint_verify(store, stream, info);
	}
	int64_t stray = 0;
	if (err == ERR_OK)
		err = outbox_neighbour(store, STATEMENT_OUTBOX_NEXT, before, &stray, info);
	if (err == ERR_OK && stray != 0)
		err = store_row_damaged(store, info, "the outbox: a row of no stream, or its streams,");
	return err;
}

enum err verify_rows(struct store *store, struct err_info *info)
{
	static const struct table_check checks[] = {
	    {"register", STATEMENT_REGISTER_ALL, 1, check_register},
	    {"history", STATEMENT_HISTORY_ALL, 2, check_history},
	    {"acks", STATEMENT_ACK_ALL, 3, check_ack},
	    {"watermarks", STATEMENT_WATERMARK_ALL, 2, check_watermark},
	    {"units", STATEMENT_UNIT_ALL, 3, check_unit},
	    {"exceptions", STATEMENT_EXCEPTION_ALL, 1, check_exception},
	    {"checkpoints", STATEMENT_CHECKPOINT_ALL, 3, check_checkpoint},
	    {"settled", STATEMENT_SETTLED_ALL, 3, check_settled},
	    {"totals", STATEMENT_TOTALS_ALL, 1, check_totals},
	};
	int64_t found[sizeof checks / sizeof checks[0]] = {0};
	store->exceptions_open = 0;
	store->exception_id = 0;
	store->side.exception_change = 0;
	enum err err = verify_heads(store, info);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0] && err == ERR_OK; i++)
		err = verify_table(store, &checks[i], &found[i], info);
	int64_t documents = 0;
	int64_t amendments = 0;
	for (int i = 0; i < store->stream_count; i++) {
		documents += store->streams[i]->now.documents;
		amendments += store->streams[i]->now.amendments;
	}
	if (err == ERR_OK && found[0] != documents)
		err = store_row_damaged(store, info, "the register: %" PRId64 " rows, counted %" PRId64 ",",
		                        found[0], documents);
	if (err == ERR_OK && found[1] != amendments)
		err = store_row_damaged(store, info, "the history: %" PRId64 " rows, counted %" PRId64 ",",
		                        found[1], amendments);
	return err == ERR_OK ? verify_side(store, info) : err;
}
