/*
 * ledger_work.c - see ledger_work.h.
 *
 * Why:   see ledger_work.h.
 * Owns:  table temp.work.
 * Rules: as in ledger_work.h. Statements are made for each call: there are few calls for each item.
 * Faults: as in ledger.h.
 * Runs in: the CLI.
 * Tests: tests/unit/ledger_work_test.c
 */
#include "store_forward/ledger_work.h"

#include "store_forward/ledger_internal.h"

#define ITEM_COLUMNS                                                                                      \
	"id, status, tier, legacy, cloud, entity, currency, party, type, period, posting, total, first, " \
	"named"

static const char MAKE[] =
    "DROP TABLE IF EXISTS temp.work;"
    "DROP TABLE IF EXISTS temp.chosen;"
    "CREATE TEMP TABLE work(id INTEGER PRIMARY KEY, status INTEGER, tier INTEGER, legacy TEXT, cloud TEXT,"
    " entity TEXT, currency TEXT, party TEXT, type INTEGER, period INTEGER, posting INTEGER, total INTEGER,"
    " first INTEGER, named INTEGER);"
    "CREATE INDEX temp.work_like ON work(status, type, entity, currency, total);"
    "CREATE INDEX temp.work_legacy ON work(legacy);";

static struct ledger_item load(sqlite3_stmt *statement)
{
	return (struct ledger_item){
	    .id = sqlite3_column_int64(statement, 0),
	    .status = sqlite3_column_int(statement, 1),
	    .tier = sqlite3_column_int(statement, 2),
	    .legacy = sql_column_span(statement, 3),
	    .cloud = sql_column_span(statement, 4),
	    .entity = sql_column_span(statement, 5),
	    .currency = sql_column_span(statement, 6),
	    .party = sql_column_span(statement, 7),
	    .type = sqlite3_column_int(statement, 8),
	    .period = sqlite3_column_int(statement, 9),
	    .posting = sqlite3_column_int(statement, 10),
	    .total = sqlite3_column_int64(statement, 11),
	    .first_ns = sqlite3_column_int64(statement, 12),
	    .named = sqlite3_column_int(statement, 13) != 0,
	};
}

static enum err prepare(struct ledger *ledger, const char *sql, sqlite3_stmt **statement,
                        struct err_info *info)
{
	int rc = sqlite3_prepare_v2(ledger->db, sql, -1, statement, NULL);
	return rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "keeping what was found", info);
}

/* Steps to the end and finalizes. */
static enum err finish(struct ledger *ledger, sqlite3_stmt *statement, struct err_info *info)
{
	int rc = sqlite3_step(statement);
	enum err err = rc == SQLITE_DONE ? ERR_OK : ledger_error(ledger, rc, "keeping what was found", info);
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_work_begin(struct ledger *ledger, struct err_info *info)
{
	int rc = sql_execute(ledger->db, MAKE);
	return rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "making room for what is found", info);
}

static void bind_item(sqlite3_stmt *statement, const struct ledger_item *item)
{
	sql_bind_int(statement, 2, item->status);
	sql_bind_int(statement, 3, item->tier);
	sql_bind_text(statement, 4, item->legacy);
	sql_bind_text(statement, 5, item->cloud);
	sql_bind_text(statement, 6, item->entity);
	sql_bind_text(statement, 7, item->currency);
	sql_bind_text(statement, 8, item->party);
	sql_bind_int(statement, 9, item->type);
	sql_bind_int(statement, 10, item->period);
	sql_bind_int(statement, 11, item->posting);
	sql_bind_int(statement, 12, item->total);
	sql_bind_int(statement, 13, item->first_ns);
	sql_bind_int(statement, 14, item->named);
}

static enum err put(struct ledger *ledger, const char *sql, const struct ledger_item *item,
                    struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(ledger, sql, &statement, info);
	if (err != ERR_OK)
		return err;
	bind_item(statement, item);
	if (item->id != 0)
		sql_bind_int(statement, 1, item->id);
	return finish(ledger, statement, info);
}

enum err ledger_item_add(struct ledger *ledger, struct ledger_item *item, struct err_info *info)
{
	item->id = 0; /* the column stays NULL: SQLite gives the next */
	enum err err = put(ledger,
	                   "INSERT INTO temp.work(" ITEM_COLUMNS ") "
	                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	                   item, info);
	item->id = sqlite3_last_insert_rowid(ledger->db);
	return err;
}

enum err ledger_item_change(struct ledger *ledger, const struct ledger_item *item, struct err_info *info)
{
	CHECK(item->id > 0);
	return put(ledger,
	           "REPLACE INTO temp.work(" ITEM_COLUMNS ") "
	           "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	           item, info);
}

enum err ledger_item_remove(struct ledger *ledger, int64_t id, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(ledger, "DELETE FROM temp.work WHERE id = ?1", &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, id);
	return finish(ledger, statement, info);
}

static enum err visit_all(struct ledger *ledger, sqlite3_stmt *statement, ledger_item_visitor visit,
                          void *self, struct err_info *info)
{
	int rc;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const struct ledger_item item = load(statement);
		if (!visit(self, &item))
			break;
	}
	enum err err = rc == SQLITE_ROW || rc == SQLITE_DONE
	                   ? ERR_OK
	                   : ledger_error(ledger, rc, "going through what was found", info);
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_items(struct ledger *ledger, int status, ledger_item_visitor visit, void *self,
                      struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err =
	    prepare(ledger,
	            "SELECT " ITEM_COLUMNS " FROM temp.work WHERE ?1 < 0 OR status = ?1 "
	            "ORDER BY entity, period, CASE legacy WHEN '' THEN cloud ELSE legacy END, cloud, id",
	            &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, status);
	return visit_all(ledger, statement, visit, self, info);
}

enum err ledger_item_candidates(struct ledger *ledger, int status, const struct ledger_item *like, int days,
                                bool by_total, int limit, ledger_item_visitor visit, void *self,
                                struct err_info *info)
{
	static const char equal[] =
	    "SELECT " ITEM_COLUMNS " FROM temp.work WHERE status = ?1 AND type = ?2 "
	    "AND entity = ?3 AND currency = ?4 AND total = ?5 AND (?6 = '' OR party = ?6) "
	    "AND NOT named AND posting BETWEEN ?7 AND ?8 ORDER BY posting, legacy, cloud, id LIMIT ?9";
	static const char any[] =
	    "SELECT " ITEM_COLUMNS " FROM temp.work WHERE status = ?1 AND type = ?2 "
	    "AND entity = ?3 AND currency = ?4 AND (?6 = '' OR party = ?6) "
	    "AND NOT named AND posting BETWEEN ?7 AND ?8 ORDER BY posting, legacy, cloud, id LIMIT ?9";
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(ledger, by_total ? equal : any, &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, status);
	sql_bind_int(statement, 2, like->type);
	sql_bind_text(statement, 3, like->entity);
	sql_bind_text(statement, 4, like->currency);
	if (by_total)
		sql_bind_int(statement, 5, like->total);
	sql_bind_text(statement, 6, like->party);
	sql_bind_int(statement, 7, (int64_t)like->posting - days);
	sql_bind_int(statement, 8, (int64_t)like->posting + days);
	sql_bind_int(statement, 9, limit);
	return visit_all(ledger, statement, visit, self, info);
}

enum err ledger_item_get(struct ledger *ledger, int64_t id, struct ledger_item *item, struct buf *texts,
                         struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err =
	    prepare(ledger, "SELECT " ITEM_COLUMNS " FROM temp.work WHERE id = ?1", &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, id);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*item = load(statement);
		struct span *const all[] = {&item->legacy, &item->cloud, &item->entity, &item->currency,
		                            &item->party};
		buf_keep(texts, all, sizeof all / sizeof all[0]);
	} else {
		err = rc == SQLITE_DONE ? err_set(info, ERR_NOT_FOUND, "it is not there any more")
		                        : ledger_error(ledger, rc, "going through what was found", info);
	}
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_item_of_legacy(struct ledger *ledger, int status, struct span legacy, int64_t *id,
                               struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(
	    ledger, "SELECT id FROM temp.work WHERE legacy = ?1 AND status = ?2 AND cloud = '' ORDER BY id",
	    &statement, info);
	*id = 0;
	if (err != ERR_OK)
		return err;
	sql_bind_text(statement, 1, legacy);
	sql_bind_int(statement, 2, status);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(statement, 0);
	else if (rc != SQLITE_DONE)
		err = ledger_error(ledger, rc, "going through what was found", info);
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_item_count(struct ledger *ledger, int status, int64_t *count, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err =
	    prepare(ledger, "SELECT count(*) FROM temp.work WHERE ?1 < 0 OR status = ?1", &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, status);
	int rc = sqlite3_step(statement);
	*count = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	err = rc == SQLITE_ROW ? ERR_OK : ledger_error(ledger, rc, "counting what was found", info);
	sqlite3_finalize(statement);
	return err;
}
