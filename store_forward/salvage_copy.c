/*
 * salvage_copy.c - reads what can still be read of a damaged store, around its bad pages.
 *
 * Why:   one bad page must not end the reading: the register says which documents the cloud has already.
 * Owns:  the statements on the damaged file, for the time of one salvage.
 * Rules: 1. Only rows whose checksum holds are taken.
 *        2. Taken: streams, history, register, acknowledgements, exceptions, what salvage_side.c takes, and the
 *           checkpoints of the epochs that end here, so that the next birth can name them. Not taken: watermarks and
 *           units, so that everything is pulled again; the outbox, because its sequences belong to an epoch that ends
 *           here (its acknowledged rows stay readable in the file that is put aside); with it the hashes, settled bits
 *           and totals of that epoch.
 *        3. A revision that was not acknowledged is sent again. Its number is never given to other content, because
 *           the broker may have it: where the subject has an acknowledged revision the register keeps the number with
 *           a content of zeroes, which no document has, so that the next reading sends the following number; a subject
 *           that was never acknowledged is dropped and begins at store_first_revision(), above all numbers given.
 *        4. A table is walked upwards to the damage, jumped over in growing steps until a row can be read again, and
 *           walked down from there to the damage: what is lost is the bad page.
 *        5. A file of schema version 1 is read as well: a box may be updated and find its store damaged.
 * Faults: rows that cannot be read are counted; errors of the new file end the salvage.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_salvage_test.c
 */
#include "store_forward/salvage_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PER_COMMIT 1000

static void bind_key(const struct walk *walk, sqlite3_stmt *statement, int index, const struct walk_key *key)
{
	if (walk->is_text)
		sql_bind_text(statement, index, (struct span){key->text, key->len});
	else
		sql_bind_int(statement, index, key->number);
}

/* false: a key that no row of ours has. */
static bool column_key(const struct walk *walk, sqlite3_stmt *statement, struct walk_key *key)
{
	if (!walk->is_text) {
		key->number = sqlite3_column_int64(statement, 0);
		return true;
	}
	struct span text = sql_column_span(statement, 0);
	if (text.len > STORE_SUBJECT_MAX)
		return false;
	if (text.len > 0)
		memcpy(key->text, text.data, text.len);
	key->len = text.len;
	key->number = sqlite3_column_int64(statement, 1);
	return true;
}

static int compare_keys(const struct walk *walk, const struct walk_key *a, const struct walk_key *b)
{
	int order =
	    walk->is_text ? span_compare((struct span){a->text, a->len}, (struct span){b->text, b->len}) : 0;
	return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

/* The n-th try above low: numbers double their distance; texts raise their last byte, then shorter and shorter
 * beginnings, and last the first byte through all its values. false: no more. */
static bool jump_target(const struct walk *walk, const struct walk_key *low, int n, struct walk_key *target)
{
	*target = *low;
	if (walk->is_text)
		target->number = INT64_MIN; /* with every revision */
	else
		return n < 62 && !__builtin_add_overflow(low->number, INT64_C(1) << n, &target->number);
	int len = (int)low->len;
	int position = len - 1 - n;
	if (position >= 0) {
		target->len = (size_t)position + 1;
		unsigned char byte = (unsigned char)target->text[position];
		target->text[position] = (char)(byte < 0xFF ? byte + 1 : byte);
		return true;
	}
	int first = (len > 0 ? (unsigned char)low->text[0] : 0) + 1 + (n - len + 1);
	target->len = 1;
	target->text[0] = (char)first;
	return first <= 0xFF;
}

enum err commit_sometimes(struct copy *copy, bool now, struct err_info *info)
{
	if (!now && ++copy->uncommitted < ROWS_PER_COMMIT)
		return ERR_OK;
	copy->uncommitted = 0;
	enum err err = store_commit(copy->store, info);
	return err == ERR_OK ? store_begin(copy->store, info) : err;
}

/* Steps to the end or the damage. *rc: SQLITE_DONE, or what stopped it; *last: the last key seen. direction: 1 up,
 * -1 down. A key out of order is damage too: pages that point in a circle would be walked for ever. */
static enum err walk_rows(struct copy *copy, const struct walk *walk, int direction, struct walk_key *last,
                          int *rc, struct err_info *info)
{
	sqlite3_stmt *statement = direction > 0 ? walk->up_statement : walk->down_statement;
	bool first = direction > 0; /* upwards the start belongs to it */
	enum err err = ERR_OK;
	while (err == ERR_OK && (*rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct walk_key seen;
		int order =
		    column_key(walk, statement, &seen) ? compare_keys(walk, &seen, last) * direction : -1;
		if (order < 0 || (order == 0 && !first)) {
			*rc = SQLITE_CORRUPT;
			break;
		}
		*last = seen;
		first = false;
		err = walk->row(copy, statement, info);
		if (err == ERR_OK)
			err = commit_sometimes(copy, false, info);
	}
	sqlite3_reset(statement);
	return err;
}

/* The first row above the damage that a jump reaches. */
static bool jump(const struct walk *walk, const struct walk_key *low, struct walk_key *high)
{
	struct walk_key target;
	for (int n = 0; jump_target(walk, low, n, &target); n++) {
		bind_key(walk, walk->up_statement, 1, &target);
		int rc = sqlite3_step(walk->up_statement);
		bool reached = rc == SQLITE_ROW && column_key(walk, walk->up_statement, high);
		sqlite3_reset(walk->up_statement);
		if (reached && compare_keys(walk, high, &target) >= 0 && compare_keys(walk, high, low) > 0)
			return true;
		if (rc == SQLITE_DONE)
			return false;
	}
	return false;
}

static enum err walk_prepared(struct copy *copy, const struct walk *walk, struct err_info *info)
{
	const struct walk_key end = {.number = INT64_MAX, .len = 1, .text = "\xFF"};
	struct walk_key low = {.number = walk->is_text ? INT64_MIN : 0};
	for (;;) {
		/* Each round begins above the one before it: a key is never gone back to. */
		int rc = SQLITE_DONE;
		struct walk_key high = end;
		bind_key(walk, walk->up_statement, 1, &low);
		enum err err = walk_rows(copy, walk, 1, &low, &rc, info);
		if (err != ERR_OK || rc == SQLITE_DONE)
			return err;
		if (walk->is_side) /* no head counts these rows: one at least */
			copy->counts->rows_lost++;
		bool more = jump(walk, &low, &high);
		if (!more)
			high = end;
		struct walk_key reached = high;
		bind_key(walk, walk->down_statement, 1, &high);
		bind_key(walk, walk->down_statement, 2, &low);
		err = walk_rows(copy, walk, -1, &reached, &rc, info);
		if (err != ERR_OK || !more)
			return err;
		low = high;
	}
}

enum err walk_table(struct copy *copy, struct walk *walk, struct err_info *info)
{
	enum err err = ERR_OK;
	if (sqlite3_prepare_v2(copy->old, walk->up, -1, &walk->up_statement, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(copy->old, walk->down, -1, &walk->down_statement, NULL) == SQLITE_OK)
		err = walk_prepared(copy, walk, info);
	else if (walk->is_side)
		copy->counts->rows_lost++;
	else
		copy->counts->unreadable = true;
	sqlite3_finalize(walk->up_statement);
	sqlite3_finalize(walk->down_statement);
	return err;
}

/* The one row of table store; what it does not tell any more is taken from the rows. */
static void read_identity(struct copy *copy)
{
	sqlite3_stmt *statement = NULL;
	struct store_identity identity = {0};
	int rc = sqlite3_prepare_v2(copy->old, "SELECT " IDENTITY_COLUMNS " FROM store WHERE id = 1", -1,
	                            &statement, NULL);
	if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW && identity_load(statement, &identity)) {
		copy->salvages = identity.salvages;
		copy->epoch_highest = identity.epoch_floor;
		copy->store->identity.created_ns = identity.created_ns;
		memcpy(copy->store->identity.urn_prefix, identity.urn_prefix, sizeof identity.urn_prefix);
	} else {
		copy->counts->rows_lost++;
	}
	sqlite3_finalize(statement);
}

static void read_streams(struct copy *copy)
{
	sqlite3_stmt *statement = NULL;
	const char *sql = copy->version_1 ? "SELECT " STREAM_COLUMNS_1 " FROM streams WHERE id = ?1"
	                                  : "SELECT " STREAM_COLUMNS " FROM streams WHERE id = ?1";
	int rc = sqlite3_prepare_v2(copy->old, sql, -1, &statement, NULL);
	for (int id = 1; id <= STORE_STREAMS_MAX && rc == SQLITE_OK; id++) {
		struct stream_state *state = &copy->streams[copy->stream_count];
		sqlite3_reset(statement);
		sql_bind_int(statement, 1, id);
		int step = sqlite3_step(statement);
		if (step == SQLITE_DONE)
			continue;
		if (step != SQLITE_ROW || !stream_load(statement, state) || state->shown.id != id) {
			copy->counts->rows_lost++;
			continue;
		}
		copy->stream_count++;
		copy->new_ids[id] = copy->stream_count;
		if (state->shown.epoch > copy->epoch_highest)
			copy->epoch_highest = state->shown.epoch;
	}
	if (rc != SQLITE_OK)
		copy->counts->unreadable = true;
	sqlite3_finalize(statement);
}

/* Loads and moves the row to its stream's new id. false: not to be had. */
static bool take_revision(struct copy *copy, sqlite3_stmt *statement, char table, struct register_row *row)
{
	struct rows_read *read = table == TABLE_REGISTER ? &copy->documents : &copy->amendments;
	bool taken = register_load(statement, table, row);
	if (taken) {
		if (row->document.epoch > copy->epoch_highest)
			copy->epoch_highest = row->document.epoch;
		if (row->document.revision > copy->revision_highest)
			copy->revision_highest = row->document.revision;
		row->document.stream = copy->new_ids[row->document.stream];
		taken = row->document.stream != 0;
	}
	if (taken)
		read->good++;
	else
		read->bad++;
	return taken;
}

static enum err copy_history_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct register_row row;
	bool fresh = false;
	if (!take_revision(copy, statement, TABLE_HISTORY, &row))
		return ERR_OK;
	enum err err = register_add(copy->store, STATEMENT_HISTORY_ADD, &row, &fresh, info);
	if (err == ERR_OK && fresh)
		copy->kept[row.document.stream - 1].amendments++;
	return err;
}

static enum err copy_register_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct register_row row;
	enum err err = ERR_OK;
	bool keep = true;
	bool fresh = false;
	if (!take_revision(copy, statement, TABLE_REGISTER, &row))
		return ERR_OK;
	/* Here heads are the old ones. An earlier epoch's rows are here because they were acknowledged then. */
	if (!document_acknowledged(&row.document, &copy->streams[row.document.stream - 1].shown)) {
		/* History is copied before the register. */
		err = history_acknowledged(copy->store, row.subject, copy->streams, &keep, info);
		if (row.document.revision > (copy->salvages + 1) * 1000)
			keep = true;
		row.document.content = (struct digest){{0}};
		row.document.voided = false;
		copy->counts->dropped++;
	}
	if (err == ERR_OK && keep)
		err = register_add(copy->store, STATEMENT_REGISTER_ADD, &row, &fresh, info);
	if (fresh) {
		copy->kept[row.document.stream - 1].documents++;
		copy->counts->documents++;
	}
	return err;
}

static enum err copy_exception_row(struct copy *copy, sqlite3_stmt *statement, struct err_info *info)
{
	struct exception_row row;
	if (exception_load(statement, &row)) {
		row.shown.change = 0; /* all are numbered anew: see exceptions_number() */
		return exception_put(copy->store, &row, info);
	}
	copy->counts->rows_lost++;
	return ERR_OK;
}

/* A table whose key is (stream, epoch, number): one stream's rows. */
struct run_row {
	int64_t epoch;
	int64_t number;
	struct ack_row ack;
	struct store_checkpoint checkpoint;
};

struct run_table {
	const char *up;
	const char *down;
	bool (*load)(sqlite3_stmt *statement, struct run_row *row); /* false: not as it was written */
	enum err (*add)(struct copy *copy, int stream, struct run_row *row, struct err_info *info);
};

static bool load_ack(sqlite3_stmt *statement, struct run_row *row)
{
	bool good = ack_load(statement, &row->ack);
	row->epoch = row->ack.epoch;
	row->number = row->ack.first;
	return good;
}

static enum err add_ack(struct copy *copy, int stream, struct run_row *row, struct err_info *info)
{
	row->ack.stream = stream;
	return ack_put(copy->store, &row->ack, info);
}

static bool load_checkpoint(sqlite3_stmt *statement, struct run_row *row)
{
	bool good = checkpoint_load(statement, &row->checkpoint);
	row->epoch = row->checkpoint.epoch;
	row->number = row->checkpoint.size;
	return good;
}

static enum err add_checkpoint(struct copy *copy, int stream, struct run_row *row, struct err_info *info)
{
	if (row->epoch > copy->epoch_highest)
		copy->epoch_highest = row->epoch;
	row->checkpoint.stream = stream;
	return checkpoint_put(copy->store, &row->checkpoint, info);
}

/* In one direction, to the end or the damage. */
static enum err copy_run(struct copy *copy, const struct run_table *table, int id, int direction, int *rc,
                         struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = ERR_OK;
	int64_t epoch = 0;
	int64_t number = 0;
	*rc = sqlite3_prepare_v2(copy->old, direction > 0 ? table->up : table->down, -1, &statement, NULL);
	if (*rc != SQLITE_OK)
		return ERR_OK;
	sql_bind_int(statement, 1, id);
	while (err == ERR_OK && (*rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct run_row row;
		if (!table->load(statement, &row)) {
			copy->counts->rows_lost++;
			continue;
		}
		bool above = row.epoch > epoch || (row.epoch == epoch && row.number > number);
		if (number != 0 && above != (direction > 0)) {
			*rc = SQLITE_CORRUPT; /* as in walk_rows() */
			break;
		}
		epoch = row.epoch;
		number = row.number;
		err = table->add(copy, copy->new_ids[id], &row, info);
		if (err == ERR_OK)
			err = commit_sometimes(copy, false, info);
	}
	sqlite3_finalize(statement);
	return err;
}

/* Upwards to the damage, and downwards to it: a gap in acknowledgements costs only lines of a trace, one in checkpoints
 * only those. */
static enum err copy_runs(struct copy *copy, const struct run_table *table, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int id = 1; id <= STORE_STREAMS_MAX && err == ERR_OK; id++) {
		int rc = SQLITE_DONE;
		if (copy->new_ids[id] != 0)
			err = copy_run(copy, table, id, 1, &rc, info);
		if (err == ERR_OK && rc != SQLITE_DONE)
			err = copy_run(copy, table, id, -1, &rc, info);
	}
	return err;
}

/* What the streams had counted and was not found, or was found damaged. */
static uint64_t rows_lost(const struct rows_read *read, int64_t counted)
{
	int64_t missing = counted > read->good ? counted - read->good : 0;
	return (uint64_t)(missing > read->bad ? missing : read->bad);
}

/* Every stream begins a new epoch; all get the same, above every one ever given. */
static enum err begin_epochs(struct copy *copy, struct err_info *info)
{
	struct store *store = copy->store;
	int64_t epoch = stream_next_epoch(store, copy->epoch_highest);
	int64_t documents = 0;
	int64_t amendments = 0;
	for (int i = 0; i < copy->stream_count; i++) {
		struct stream_state state = copy->streams[i];
		documents += state.documents;
		amendments += state.amendments;
		state.shown.id = i + 1;
		state.documents = copy->kept[i].documents;
		state.amendments = copy->kept[i].amendments;
		enum err err = stream_begin_epoch(store, &state, epoch, info);
		if (err != ERR_OK)
			return err;
		stream_touch(stream_add(store, &state));
	}
	copy->counts->rows_lost += rows_lost(&copy->documents, documents);
	copy->counts->rows_lost += rows_lost(&copy->amendments, amendments);
	return ERR_OK;
}

/* Does the old file have what version 2 added? What its header says may be damaged. */
static bool is_version_1(sqlite3 *old)
{
	sqlite3_stmt *statement = NULL;
	int old_columns = sqlite3_prepare_v2(old, "SELECT source FROM register", -1, &statement, NULL);
	sqlite3_finalize(statement);
	int new_columns = sqlite3_prepare_v2(old, "SELECT parts FROM register", -1, &statement, NULL);
	sqlite3_finalize(statement);
	return old_columns == SQLITE_OK && new_columns != SQLITE_OK;
}

#define REVISIONS_UP(columns, table, order) \
	"SELECT " columns " FROM " table " WHERE subject >= ?1 ORDER BY " order
#define REVISIONS_DOWN(columns, table, with, order) \
	"SELECT " columns " FROM " table " WHERE subject < ?1 AND subject " with " ?2 ORDER BY " order

bool salvage_has(const struct copy *copy, const char *query)
{
	sqlite3_stmt *statement = NULL;
	bool found = sqlite3_prepare_v2(copy->old, query, -1, &statement, NULL) == SQLITE_OK;
	sqlite3_finalize(statement);
	return found;
}

static enum err copy_revisions(struct copy *copy, struct err_info *info)
{
	struct walk history = {
	    .up = copy->version_1 ? REVISIONS_UP(REGISTER_COLUMNS_1, "history", "subject, revision")
	                          : REVISIONS_UP(REGISTER_COLUMNS, "history", "subject, revision"),
	    .down = copy->version_1
	                ? REVISIONS_DOWN(REGISTER_COLUMNS_1, "history", ">=", "subject DESC, revision DESC")
	                : REVISIONS_DOWN(REGISTER_COLUMNS, "history", ">=", "subject DESC, revision DESC"),
	    .is_text = true,
	    .row = copy_history_row,
	};
	struct walk documents = {
	    .up = copy->version_1 ? REVISIONS_UP(REGISTER_COLUMNS_1, "register", "subject")
	                          : REVISIONS_UP(REGISTER_COLUMNS, "register", "subject"),
	    .down = copy->version_1 ? REVISIONS_DOWN(REGISTER_COLUMNS_1, "register", ">", "subject DESC")
	                            : REVISIONS_DOWN(REGISTER_COLUMNS, "register", ">", "subject DESC"),
	    .is_text = true,
	    .row = copy_register_row,
	};
	enum err err = walk_table(copy, &history, info);
	return err == ERR_OK ? walk_table(copy, &documents, info) : err;
}

static enum err copy_tables(struct copy *copy, struct err_info *info)
{
	static const struct run_table acks = {
	    .up = "SELECT " ACK_COLUMNS " FROM acks WHERE stream = ?1 ORDER BY epoch, first",
	    .down = "SELECT " ACK_COLUMNS " FROM acks WHERE stream = ?1 ORDER BY epoch DESC, first DESC",
	    .load = load_ack,
	    .add = add_ack,
	};
	static const struct run_table checkpoints = {
	    .up = "SELECT " CHECKPOINT_COLUMNS " FROM checkpoints WHERE stream = ?1 ORDER BY epoch, size",
	    .down = "SELECT " CHECKPOINT_COLUMNS
		    " FROM checkpoints WHERE stream = ?1 ORDER BY epoch DESC, size DESC",
	    .load = load_checkpoint,
	    .add = add_checkpoint,
	};
	struct walk exceptions = {
	    .up = "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE id >= ?1 ORDER BY id",
	    .down = "SELECT " EXCEPTION_COLUMNS " FROM exceptions WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	    .row = copy_exception_row,
	};
	struct walk unmarked = {
	    .up = "SELECT " EXCEPTION_COLUMNS_UNMARKED " FROM exceptions WHERE id >= ?1 ORDER BY id",
	    .down = "SELECT " EXCEPTION_COLUMNS_UNMARKED
		    " FROM exceptions WHERE id < ?1 AND id > ?2 ORDER BY id DESC",
	    .row = copy_exception_row,
	};
	copy->version_1 = is_version_1(copy->old);
	read_identity(copy);
	read_streams(copy);
	bool marked = salvage_has(copy, "SELECT change FROM exceptions");
	enum err err = copy_revisions(copy, info);
	if (err == ERR_OK)
		err = copy_runs(copy, &acks, info);
	if (err == ERR_OK && !copy->version_1)
		err = copy_runs(copy, &checkpoints, info);
	if (err == ERR_OK)
		err = walk_table(copy, marked ? &exceptions : &unmarked, info);
	if (err == ERR_OK && salvage_has(copy, "SELECT low FROM heads"))
		err = salvage_side(copy, info);
	return err;
}

enum err salvage_copy(sqlite3 *old, struct store *store, struct salvage_counts *counts, struct err_info *info)
{
	struct copy copy = {.old = old, .store = store, .counts = counts};
	copy.streams = mem_alloc(STORE_STREAMS_MAX * sizeof *copy.streams);
	copy.kept = mem_alloc(STORE_STREAMS_MAX * sizeof *copy.kept);
	*counts = (struct salvage_counts){.unreadable = old == NULL};
	enum err err = store_begin(store, info);
	if (err == ERR_OK && old != NULL)
		err = copy_tables(&copy, info);
	if (err == ERR_OK)
		err = begin_epochs(&copy, info);
	if (err == ERR_OK) {
		/* Where the number of salvages is lost, the highest revision says how many there were at least. */
		if (copy.salvages < copy.revision_highest / 1000)
			copy.salvages = copy.revision_highest / 1000;
		store->identity.salvages = copy.salvages + 1;
		store->identity.damage[0] = 0;
		err = identity_put(store, info);
	}
	if (err == ERR_OK)
		err = exceptions_number(store, info);
	if (err == ERR_OK)
		err = salvage_noted(&copy, info);
	if (err == ERR_OK)
		err = store_commit(store, info);
	free(copy.streams);
	free(copy.kept);
	return err;
}
