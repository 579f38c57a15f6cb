/*
 * ledger_held.c - documents that are known, and not in the ledger: they wait at the agent, or were left out.
 *
 * Why:   see ledger.h. A comparison tells of them, too.
 * Owns:  table held.
 * Rules: as in ledger.h. How many rows there are is kept beside them: what a page has lost would be as if it were in.
 * Faults: as in ledger.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/comparison_test.c
 */
#include "store_forward/ledger_internal.h"

#define HELD_LETTER 'w'

static int64_t held_sum(const struct ledger_held *held)
{
	struct row_sum sum = row_sum_begin(HELD_LETTER);
	row_sum_span(&sum, held->rule);
	row_sum_span(&sum, held->source);
	row_sum_span(&sum, held->key);
	row_sum_span(&sum, held->text);
	row_sum_int(&sum, held->owner);
	row_sum_int(&sum, held->first_ns);
	return row_sum_end(&sum);
}

enum err ledger_hold(struct ledger *ledger, const struct ledger_held *held, bool holds, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_HELD_DELETE);
	sql_bind_text(statement, 1, held->rule);
	sql_bind_text(statement, 2, held->source);
	sql_bind_text(statement, 3, held->key);
	enum err err = ledger_run(ledger, statement, "noting what is held", info);
	if (err != ERR_OK)
		return err;
	ledger->held -= sqlite3_changes(ledger->db);
	if (!holds)
		return ERR_OK;
	statement = ledger_statement(ledger, LEDGER_HELD_PUT);
	sql_bind_text(statement, 1, held->rule);
	sql_bind_text(statement, 2, held->source);
	sql_bind_text(statement, 3, held->key);
	sql_bind_text(statement, 4, held->text);
	sql_bind_int(statement, 5, held->owner);
	sql_bind_int(statement, 6, held->first_ns);
	sql_bind_int(statement, 7, held_sum(held));
	ledger->held++;
	return ledger_run(ledger, statement, "noting what is held", info);
}

enum err ledger_held_first(struct ledger *ledger, struct span rule, struct span source, struct span key,
                           int64_t *first_ns, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_HELD_GET);
	bool more = false;
	*first_ns = -1;
	sql_bind_text(statement, 1, rule);
	sql_bind_text(statement, 2, source);
	sql_bind_text(statement, 3, key);
	enum err err = ledger_step(ledger, statement, &more, "reading what is held", info);
	if (err == ERR_OK && more) {
		const struct ledger_held held = {
		    .rule = rule,
		    .source = source,
		    .key = key,
		    .text = sql_column_span(statement, 0),
		    .owner = sqlite3_column_int(statement, 1),
		    .first_ns = sqlite3_column_int64(statement, 2),
		};
		*first_ns = held.first_ns;
		if (held_sum(&held) != sqlite3_column_int64(statement, 3))
			err = ledger_damaged(ledger, "a row of what is held", info);
	}
	sqlite3_reset(statement);
	return err;
}

int64_t ledger_held_count(const struct ledger *ledger)
{
	return ledger->held;
}

enum err ledger_helds(struct ledger *ledger, ledger_held_visitor visit, void *self, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_HELD_ALL);
	bool more = false;
	int64_t count = 0;
	enum err err = ledger_step(ledger, statement, &more, "reading what is held", info);
	while (err == ERR_OK && more) {
		const struct ledger_held held = {
		    .rule = sql_column_span(statement, 0),
		    .source = sql_column_span(statement, 1),
		    .key = sql_column_span(statement, 2),
		    .text = sql_column_span(statement, 3),
		    .owner = sqlite3_column_int(statement, 4),
		    .first_ns = sqlite3_column_int64(statement, 5),
		};
		count++;
		if (held_sum(&held) != sqlite3_column_int64(statement, 6))
			err = ledger_damaged(ledger, "a row of what is held", info);
		else if (!visit(self, &held))
			break;
		else
			err = ledger_step(ledger, statement, &more, "reading what is held", info);
	}
	sqlite3_reset(statement);
	if (err == ERR_OK && !more && count != ledger->held)
		return ledger_damaged(ledger, "the list of what is held", info);
	return err;
}
