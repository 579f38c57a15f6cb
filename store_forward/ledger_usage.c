/*
 * ledger_usage.c - see ledger_usage.h.
 *
 * Why:   see ledger_usage.h.
 * Owns:  table temp.usage.
 * Rules: as in ledger_usage.h.
 * Faults: as in ledger.h.
 * Runs in: the CLI.
 * Tests: tests/unit/ledger_usage_test.c
 */
#include "store_forward/ledger_usage.h"

#include "store_forward/ledger_internal.h"

#define USAGE_COLUMNS "entity, customer, meter, start, finish, place, unit, units, scale"

static enum err prepare(struct ledger *ledger, const char *sql, sqlite3_stmt **statement,
                        struct err_info *info)
{
	int rc = sqlite3_prepare_v2(ledger->db, sql, -1, statement, NULL);
	return rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "keeping usage", info);
}

enum err ledger_usage_begin(struct ledger *ledger, struct err_info *info)
{
	int rc = sql_execute(ledger->db,
	                     "DROP TABLE IF EXISTS temp.usage;"
	                     "CREATE TEMP TABLE usage(entity TEXT, customer TEXT, meter TEXT, start INTEGER,"
	                     " finish INTEGER, place INTEGER, unit TEXT, units INTEGER, scale INTEGER)");
	return rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "making room for usage", info);
}

enum err ledger_usage_add(struct ledger *ledger, const struct ledger_usage *row, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(
	    ledger, "INSERT INTO temp.usage(" USAGE_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	    &statement, info);
	if (err != ERR_OK)
		return err;
	sql_bind_text(statement, 1, row->entity);
	sql_bind_text(statement, 2, row->customer);
	sql_bind_text(statement, 3, row->meter);
	sql_bind_int(statement, 4, row->from);
	sql_bind_int(statement, 5, row->to);
	sql_bind_int(statement, 6, row->place);
	sql_bind_text(statement, 7, row->unit);
	sql_bind_int(statement, 8, row->units);
	sql_bind_int(statement, 9, row->scale);
	int rc = sqlite3_step(statement);
	err = rc == SQLITE_DONE ? ERR_OK : ledger_error(ledger, rc, "keeping usage", info);
	sqlite3_finalize(statement);
	return err;
}

enum err ledger_usage_rows(struct ledger *ledger, ledger_usage_visitor visit, void *self,
                           struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err err = prepare(ledger, "SELECT " USAGE_COLUMNS " FROM temp.usage ORDER BY " USAGE_COLUMNS,
	                       &statement, info);
	int rc = SQLITE_ERROR;
	if (err != ERR_OK)
		return err;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const struct ledger_usage row = {
		    .entity = sql_column_span(statement, 0),
		    .customer = sql_column_span(statement, 1),
		    .meter = sql_column_span(statement, 2),
		    .from = sqlite3_column_int(statement, 3),
		    .to = sqlite3_column_int(statement, 4),
		    .place = sqlite3_column_int(statement, 5),
		    .unit = sql_column_span(statement, 6),
		    .units = sqlite3_column_int64(statement, 7),
		    .scale = sqlite3_column_int(statement, 8),
		};
		if (!visit(self, &row))
			break;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		err = ledger_error(ledger, rc, "going through usage", info);
	sqlite3_finalize(statement);
	return err;
}
