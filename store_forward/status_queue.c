/*
 * status_queue.c - see status_queue.h.
 *
 * Why:   see status_queue.h.
 * Owns:  table status_queue; HEAD_STATUS: high is the last id given, low the number of rows that have gone, so that
 *        high - low are there.
 * Rules: the counts by source are made at open (verify_side.c) and go along with every row.
 * Faults: a row that is not as it was written, or one too few, is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_status_test.c
 */
#include "store_forward/status_queue.h"

#include <inttypes.h>

#include "store_forward/store_internal.h"

static bool row_valid(const struct status_row *row)
{
	return row->source.len > 0 && row->source.len <= STORE_SOURCE_NAME_MAX && row->subject.len > 0 &&
	       row->subject.len <= STORE_SUBJECT_MAX && row->revision > 0;
}

static int64_t status_checksum(const struct status_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_STATUS);
	row_sum_int(&sum, row->id);
	row_sum_span(&sum, row->source);
	row_sum_span(&sum, row->subject);
	row_sum_int(&sum, row->revision);
	return row_sum_end(&sum);
}

bool status_load(sqlite3_stmt *statement, struct status_row *row)
{
	*row = (struct status_row){
	    .id = sqlite3_column_int64(statement, 0),
	    .source = sql_column_span(statement, 1),
	    .subject = sql_column_span(statement, 2),
	    .revision = sqlite3_column_int64(statement, 3),
	};
	return row->id > 0 && row_valid(row) && status_checksum(row) == sqlite3_column_int64(statement, 4);
}

enum err status_put(struct store *store, const struct status_row *row, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STATUS_PUT);
	sql_bind_int(statement, 1, row->id);
	sql_bind_text(statement, 2, row->source);
	sql_bind_text(statement, 3, row->subject);
	sql_bind_int(statement, 4, row->revision);
	sql_bind_int(statement, 5, status_checksum(row));
	return store_run(store, statement, "adding to the status queue", info);
}

static int place_of(const struct store *store, struct span source)
{
	for (int i = 0; i < STORE_STATUS_SOURCES_MAX; i++) {
		const struct status_count *count = &store->side.status[i];
		if (count->rows > 0 && span_equal(span_of(count->source), source))
			return i;
	}
	return -1;
}

struct status_count *status_count_of(struct store *store, struct span source)
{
	int place = place_of(store, source);
	for (int i = 0; i < STORE_STATUS_SOURCES_MAX && place < 0; i++) {
		struct status_count *count = &store->side.status[i];
		if (count->rows == 0 && text_copy(count->source, sizeof count->source, source))
			place = i;
	}
	return place < 0 ? NULL : &store->side.status[place];
}

/* The rows up to this id, which are one source's. */
static enum err delete_rows(struct store *store, struct span source, int64_t upto, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STATUS_DELETE);
	sql_bind_text(statement, 1, source);
	sql_bind_int(statement, 2, upto);
	enum err err = store_run(store, statement, "shortening the status queue", info);
	if (err != ERR_OK)
		return err;
	int deleted = sqlite3_changes(store->db);
	int place = place_of(store, source);
	if (deleted == 0)
		return ERR_OK;
	if (place < 0 || store->side.status[place].rows < deleted)
		return store_row_damaged(store, info,
		                         "the status queue: more rows of %.*s than were counted, which",
		                         (int)source.len, source.data);
	store->side.status[place].rows -= deleted;
	head_touch(store, HEAD_STATUS)->low += deleted;
	return ERR_OK;
}

static enum err drop_oldest(struct store *store, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STATUS_OLDEST);
	struct status_row row = {.id = 0};
	char source[STORE_SOURCE_NAME_MAX + 1];
	bool more = false;
	enum err err = store_step(store, statement, &more, "shortening the status queue", info);
	if (err == ERR_OK &&
	    (!more || !status_load(statement, &row) || !text_copy(source, sizeof source, row.source) ||
	     place_of(store, row.source) < 0))
		err = store_row_damaged(store, info, "the oldest row of the status queue");
	sqlite3_reset(statement);
	return err == ERR_OK ? delete_rows(store, span_of(source), row.id, info) : err;
}

enum err store_status_add(struct store *store, struct span source, struct span subject, int64_t revision,
                          struct err_info *info)
{
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	const struct status_row row = {store->side.heads[HEAD_STATUS].high + 1, source, subject, revision};
	if (!row_valid(&row))
		return err_set(
		    info, ERR_BAD_INPUT,
		    "a row of the status queue needs a source, a subject and a revision within their limits");
	if (store_status_full(store))
		err = drop_oldest(store, info);
	if (err != ERR_OK)
		return err;
	struct status_count *count = status_count_of(store, source);
	if (!count)
		return err_set(info, ERR_FULL, "%d sources have rows in the status queue already",
		               STORE_STATUS_SOURCES_MAX);
	err = status_put(store, &row, info);
	if (err != ERR_OK)
		return err;
	count->rows++;
	head_touch(store, HEAD_STATUS)->high = row.id;
	return ERR_OK;
}

enum err store_status_next(struct store *store, struct span source, int64_t after,
                           struct store_status_row *out, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_STATUS_NEXT);
	struct status_row row;
	bool more = false;
	sql_bind_text(statement, 1, source);
	sql_bind_int(statement, 2, after);
	sql_bind_int(statement, 3, store_status_committed(store));
	enum err err = store_step(store, statement, &more, "reading the status queue", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "nothing waits for the status table of %.*s",
		              (int)source.len, source.len ? source.data : "");
	else if (err == ERR_OK && (!status_load(statement, &row) ||
	                           !text_copy(out->subject, sizeof out->subject, row.subject)))
		err = store_row_damaged(store, info, "row %" PRId64 " of the status queue",
		                        (int64_t)sqlite3_column_int64(statement, 0));
	if (err == ERR_OK) {
		out->id = row.id;
		out->revision = row.revision;
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_status_done(struct store *store, struct span source, int64_t upto, struct err_info *info)
{
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (upto > store_status_committed(store))
		return err_set(info, ERR_BAD_INPUT,
		               "row %" PRId64 " of the status queue cannot be done: the last one is %" PRId64,
		               upto, store_status_committed(store));
	return place_of(store, source) < 0 ? ERR_OK : delete_rows(store, source, upto, info);
}

int64_t store_status_waiting(const struct store *store, struct span source)
{
	int place = place_of(store, source);
	return place < 0 ? 0 : store->side.status[place].rows;
}

int64_t store_status_committed(const struct store *store)
{
	const struct side_state *durable = store->in_transaction ? &store->side_saved : &store->side;
	return durable->heads[HEAD_STATUS].high;
}

bool store_status_full(const struct store *store)
{
	const struct head_state *head = &store->side.heads[HEAD_STATUS];
	return head->high - head->low >= STORE_STATUS_ROWS_MAX;
}

const char *store_status_source(const struct store *store, int n)
{
	CHECK(n >= 0 && n < STORE_STATUS_SOURCES_MAX);
	return store->side.status[n].rows > 0 ? store->side.status[n].source : NULL;
}
