/*
 * ledger_sums.c - the additive sums of the ledger: by cell and by account.
 *
 * Why:   a posting costs a few additions, and a period is proven equal without its documents.
 * Owns:  tables cells and sums; struct ledger's gathered sums.
 * Rules: 1. A sum is added up in memory and written once for each transaction that touched it.
 *        2. Additions are checked: a sum that 64 bits do not hold refuses the document, and nothing wraps.
 *        3. A sum that has come to nothing has no row.
 *        4. The sums of a cell's documents stand a second time by day of posting, under the cell's negative id: an
 *           unequal cell is descended to its days before documents are looked at.
 *        5. A document that was voided adds nothing: it is as if it had never been posted.
 * Faults: as in ledger.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/ledger_test.c
 */
#include "store_forward/ledger_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUM_LETTER    'd'
#define CELL_LETTER   'D'
#define DAY_TEXT_SIZE 12

struct sum_row {
	int64_t count, debit, credit;
	struct fingerprint fingerprint;
};

static struct span account_of(const struct sum_delta *delta)
{
	return (struct span){delta->account, delta->account_len};
}

static int64_t sum_checksum(int64_t generation, int64_t cell, int side, struct span account,
                            const struct sum_row *row)
{
	struct row_sum sum = row_sum_begin(SUM_LETTER);
	row_sum_int(&sum, generation);
	row_sum_int(&sum, cell);
	row_sum_int(&sum, side);
	row_sum_span(&sum, account);
	row_sum_int(&sum, row->count);
	row_sum_int(&sum, row->debit);
	row_sum_int(&sum, row->credit);
	row_sum_span(&sum, (struct span){(const char *)row->fingerprint.bytes, FINGERPRINT_BYTES});
	return row_sum_end(&sum);
}

/* From five columns of table sums; false: damaged. */
static bool load_sum(sqlite3_stmt *statement, int first, int64_t generation, int64_t cell, int side,
                     struct span account, struct sum_row *row)
{
	struct span fingerprint = sql_column_span(statement, first + 3);
	*row = (struct sum_row){.count = sqlite3_column_int64(statement, first),
	                        .debit = sqlite3_column_int64(statement, first + 1),
	                        .credit = sqlite3_column_int64(statement, first + 2)};
	if (fingerprint.len != FINGERPRINT_BYTES)
		return false;
	memcpy(row->fingerprint.bytes, fingerprint.data, FINGERPRINT_BYTES);
	return sum_checksum(generation, cell, side, account, row) ==
	       sqlite3_column_int64(statement, first + 4);
}

/* ---- gathering ---- */

void sums_forget(struct ledger *ledger)
{
	if (ledger->sum_count > 0)
		memset(ledger->sums, 0, SUMS_MAX * sizeof ledger->sums[0]);
	ledger->sum_count = 0;
}

/* The place of this sum among the gathered ones; made where there is none. */
static struct sum_delta *gathered(struct ledger *ledger, int64_t cell, enum ledger_side side,
                                  struct span account)
{
	uint64_t hash = checksum_of(account.data, account.len, (uint64_t)cell * 2 + side);
	for (size_t i = (size_t)hash;; i++) {
		struct sum_delta *delta = &ledger->sums[i % SUMS_MAX];
		if (!delta->used) {
			delta->used = true;
			delta->cell = cell;
			delta->side = (uint8_t)side;
			delta->account_len = (uint8_t)account.len;
			if (account.len > 0)
				memcpy(delta->account, account.data, account.len);
			ledger->sum_count++;
			return delta;
		}
		if (delta->cell == cell && delta->side == side && span_equal(account_of(delta), account))
			return delta;
	}
}

static enum err too_large(struct ledger *ledger, struct err_info *info)
{
	ledger->failed = ERR_OVERFLOW;
	return err_set(info, ERR_OVERFLOW, "%s: a sum over a period is more than 64 bits hold", ledger->path);
}

static bool add(int64_t *sum, int64_t value, int sign)
{
	return sign > 0 ? !__builtin_add_overflow(*sum, value, sum)
	                : !__builtin_sub_overflow(*sum, value, sum);
}

/* A long document may touch more sums than there are places. */
static enum err make_room(struct ledger *ledger, struct err_info *info)
{
	return ledger->sum_count >= SUMS_MAX / 2 ? sums_flush(ledger, info) : ERR_OK;
}

static bool add_document(struct sum_delta *delta, const struct ledger_document *document, int sign)
{
	delta->count += sign;
	if (sign > 0)
		fingerprint_add(&delta->fingerprint, &document->fingerprint);
	else
		fingerprint_subtract(&delta->fingerprint, &document->fingerprint);
	return add(&delta->debit, document->total, sign);
}

static struct span day_text(const struct ledger_document *document, char text[DAY_TEXT_SIZE])
{
	(void)snprintf(text, DAY_TEXT_SIZE, "%" PRId32, document->posting);
	return span_of(text);
}

enum err sums_add(struct ledger *ledger, const struct ledger_document *document,
                  const struct ledger_balance *balances, int count, int sign, struct err_info *info)
{
	_Static_assert(LEDGER_CODE_MAX <= UINT8_MAX, "lengths are bytes");
	if (document->voided)
		return ERR_OK;
	enum err err = make_room(ledger, info);
	if (err != ERR_OK)
		return err;
	char day[DAY_TEXT_SIZE];
	ledger->summed[document->side] += sign;
	bool fits = add_document(gathered(ledger, document->cell, document->side, (struct span){NULL, 0}),
	                         document, sign);
	fits =
	    fits && add_document(gathered(ledger, -document->cell, document->side, day_text(document, day)),
	                         document, sign);
	for (int i = 0; i < count && fits; i++) {
		const struct ledger_balance *balance = &balances[i];
		CHECK(balance->account.len > 0 && balance->account.len <= LEDGER_CODE_MAX);
		err = make_room(ledger, info);
		if (err != ERR_OK)
			return err;
		struct sum_delta *delta = gathered(ledger, document->cell, document->side, balance->account);
		fits = add(&delta->count, balance->lines, sign) && add(&delta->debit, balance->debit, sign) &&
		       add(&delta->credit, balance->credit, sign) &&
		       add(&ledger->lines[document->side], balance->lines, sign);
	}
	return fits ? ERR_OK : too_large(ledger, info);
}

static enum err read_sum(struct ledger *ledger, const struct sum_delta *delta, struct sum_row *row,
                         struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_SUM_GET);
	bool more = false;
	*row = (struct sum_row){.count = 0};
	sql_bind_int(statement, 1, ledger->generation);
	sql_bind_int(statement, 2, delta->cell);
	sql_bind_int(statement, 3, delta->side);
	sql_bind_text(statement, 4, account_of(delta));
	enum err err = ledger_step(ledger, statement, &more, "reading a sum", info);
	if (err == ERR_OK && more &&
	    !load_sum(statement, 0, ledger->generation, delta->cell, delta->side, account_of(delta), row))
		err = ledger_damaged(ledger, "a sum", info);
	sqlite3_reset(statement);
	return err;
}

static bool is_nothing(const struct sum_row *row)
{
	static const struct fingerprint zero;
	return row->count == 0 && row->debit == 0 && row->credit == 0 &&
	       fingerprint_equal(&row->fingerprint, &zero);
}

static enum err write_sum(struct ledger *ledger, const struct sum_delta *delta, const struct sum_row *row,
                          struct err_info *info)
{
	bool nothing = is_nothing(row);
	sqlite3_stmt *statement = ledger_statement(ledger, nothing ? LEDGER_SUM_DELETE : LEDGER_SUM_PUT);
	sql_bind_int(statement, 1, ledger->generation);
	sql_bind_int(statement, 2, delta->cell);
	sql_bind_int(statement, 3, delta->side);
	sql_bind_text(statement, 4, account_of(delta));
	if (!nothing) {
		sql_bind_int(statement, 5, row->count);
		sql_bind_int(statement, 6, row->debit);
		sql_bind_int(statement, 7, row->credit);
		sql_bind_blob(statement, 8,
		              (struct span){(const char *)row->fingerprint.bytes, FINGERPRINT_BYTES});
		sql_bind_int(
		    statement, 9,
		    sum_checksum(ledger->generation, delta->cell, delta->side, account_of(delta), row));
	}
	return ledger_run(ledger, statement, "writing a sum", info);
}

enum err sums_flush(struct ledger *ledger, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < SUMS_MAX && ledger->sum_count > 0 && err == ERR_OK; i++) {
		struct sum_delta *delta = &ledger->sums[i];
		struct sum_row row;
		if (!delta->used)
			continue;
		err = read_sum(ledger, delta, &row, info);
		if (err != ERR_OK)
			break;
		fingerprint_add(&row.fingerprint, &delta->fingerprint);
		if (!add(&row.count, delta->count, 1) || !add(&row.debit, delta->debit, 1) ||
		    !add(&row.credit, delta->credit, 1))
			err = too_large(ledger, info);
		else
			err = write_sum(ledger, delta, &row, info);
	}
	sums_forget(ledger);
	return err;
}

enum err ledger_flush(struct ledger *ledger, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	return sums_flush(ledger, info);
}

/* ---- cells ---- */

static int64_t cell_checksum(int64_t id, struct span entity, int type, int32_t period, struct span currency)
{
	struct row_sum sum = row_sum_begin(CELL_LETTER);
	row_sum_int(&sum, id);
	row_sum_span(&sum, entity);
	row_sum_int(&sum, type);
	row_sum_int(&sum, period);
	row_sum_span(&sum, currency);
	return row_sum_end(&sum);
}

/* Cells are never deleted: their ids are 1 to their number. */
static enum err add_cell(struct ledger *ledger, const struct ledger_document *document, int64_t *id,
                         struct err_info *info)
{
	bool more = false;
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_CELL_LAST);
	enum err err = ledger_step(ledger, statement, &more, "counting cells", info);
	*id = err == ERR_OK ? sqlite3_column_int64(statement, 0) + 1 : 0;
	if (*id > LEDGER_CELLS_MAX)
		err = err_set(info, ERR_TOO_LARGE,
		              "%s: over %d combinations of company, kind of document, period and currency",
		              ledger->path, LEDGER_CELLS_MAX);
	sqlite3_reset(statement);
	if (err != ERR_OK)
		return err;
	statement = ledger_statement(ledger, LEDGER_CELL_ADD);
	sql_bind_int(statement, 1, *id);
	sql_bind_text(statement, 2, document->entity);
	sql_bind_int(statement, 3, document->type);
	sql_bind_int(statement, 4, document->period);
	sql_bind_text(statement, 5, document->currency);
	sql_bind_int(
	    statement, 6,
	    cell_checksum(*id, document->entity, document->type, document->period, document->currency));
	return ledger_run(ledger, statement, "adding a cell", info);
}

enum err cell_of(struct ledger *ledger, const struct ledger_document *document, int64_t *cell,
                 struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_CELL_FIND);
	bool more = false;
	sql_bind_text(statement, 1, document->entity);
	sql_bind_int(statement, 2, document->type);
	sql_bind_int(statement, 3, document->period);
	sql_bind_text(statement, 4, document->currency);
	enum err err = ledger_step(ledger, statement, &more, "finding a cell", info);
	*cell = more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	if (err != ERR_OK || more)
		return err;
	return add_cell(ledger, document, cell, info);
}

/* ---- reading ---- */

/* A sum of no cell, or of no generation that there is, would not be found by anyone. */
static enum err verify_strays(struct ledger *ledger, int64_t cells, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_SUM_STRAY);
	bool more = false;
	sql_bind_int(statement, 1, ledger->generation);
	sql_bind_int(statement, 2, cells);
	enum err err = ledger_step(ledger, statement, &more, "reading the sums", info);
	if (err == ERR_OK && sqlite3_column_int(statement, 0) != 0)
		err = ledger_damaged(ledger, "a sum", info);
	sqlite3_reset(statement);
	return err;
}

/* A cell that is damaged might name another company or period, or find no sums: each is looked at. */
static enum err verify_cells(struct ledger *ledger, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_CELL_VERIFY);
	bool more = false;
	int64_t count = 0;
	enum err err = ledger_step(ledger, statement, &more, "reading the cells", info);
	while (err == ERR_OK && more) {
		int64_t id = sqlite3_column_int64(statement, 0);
		if (id != ++count ||
		    cell_checksum(id, sql_column_span(statement, 1), sqlite3_column_int(statement, 2),
		                  sqlite3_column_int(statement, 3),
		                  sql_column_span(statement, 4)) != sqlite3_column_int64(statement, 5))
			err = ledger_damaged(ledger, "a cell", info);
		else
			err = ledger_step(ledger, statement, &more, "reading the cells", info);
	}
	sqlite3_reset(statement);
	return err == ERR_OK && ledger->complete ? verify_strays(ledger, count, info) : err;
}

/* Are all there that the generation has? */
static enum err verify_total(struct ledger *ledger, const int64_t found[SIDE_COUNT],
                             const int64_t told[SIDE_COUNT], struct err_info *info)
{
	for (int side = 0; side < SIDE_COUNT && ledger->complete; side++) {
		if (found[side] != told[side])
			return ledger_damaged(ledger, "the list of its sums", info);
	}
	return ERR_OK;
}

enum err ledger_cells(struct ledger *ledger, ledger_cell_visitor visit, void *self, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_CELL_ALL);
	char entity[LEDGER_CODE_MAX + 1] = "";
	char currency[LEDGER_CODE_MAX + 1] = "";
	struct ledger_cell cell = {.id = 0};
	int64_t found[SIDE_COUNT] = {0, 0};
	bool more = false;
	enum err err = verify_cells(ledger, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, ledger->generation);
	err = ledger_step(ledger, statement, &more, "reading the cells", info);
	while (err == ERR_OK && more) {
		int64_t id = sqlite3_column_int64(statement, 0);
		int side = sqlite3_column_int(statement, 5);
		struct sum_row row;
		if (side < 0 || side >= SIDE_COUNT ||
		    !load_sum(statement, 6, ledger->generation, id, side, (struct span){NULL, 0}, &row)) {
			err = ledger_damaged(ledger, "a sum", info);
			break;
		}
		if (cell.id != id && cell.id != 0 && !visit(self, &cell))
			break;
		found[side] += row.count;
		if (cell.id != id) {
			cell = (struct ledger_cell){.id = id,
			                            .type = sqlite3_column_int(statement, 2),
			                            .period = sqlite3_column_int(statement, 3)};
			(void)!text_copy(entity, sizeof entity, sql_column_span(statement, 1));
			(void)!text_copy(currency, sizeof currency, sql_column_span(statement, 4));
			cell.entity = span_of(entity);
			cell.currency = span_of(currency);
		}
		cell.sums[side] = (struct ledger_sum){row.count, row.debit, row.fingerprint};
		err = ledger_step(ledger, statement, &more, "reading the cells", info);
	}
	if (err == ERR_OK && !more && cell.id != 0)
		(void)visit(self, &cell);
	sqlite3_reset(statement);
	return err == ERR_OK && !more ? verify_total(ledger, found, ledger->summed, info) : err;
}

/* The days of a cell are what it is. */
static enum err verify_days(struct ledger *ledger, int64_t cell, const struct sum_row found[SIDE_COUNT],
                            struct err_info *info)
{
	enum err err = ERR_OK;
	for (int side = 0; side < SIDE_COUNT && err == ERR_OK; side++) {
		const struct sum_delta whole = {.side = (uint8_t)side, .cell = cell};
		struct sum_row row;
		err = read_sum(ledger, &whole, &row, info);
		if (err == ERR_OK && (row.count != found[side].count ||
		                      !fingerprint_equal(&row.fingerprint, &found[side].fingerprint)))
			err = ledger_damaged(ledger, "the list of a cell's days", info);
	}
	return err;
}

enum err ledger_days(struct ledger *ledger, int64_t cell, ledger_day_visitor visit, void *self,
                     struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DAY_ALL);
	struct ledger_day day = {.posting = 0};
	struct sum_row found[SIDE_COUNT] = {{.count = 0}};
	bool any = false;
	bool more = false;
	sql_bind_int(statement, 1, ledger->generation);
	sql_bind_int(statement, 2, cell);
	enum err err = ledger_step(ledger, statement, &more, "reading the days of a cell", info);
	while (err == ERR_OK && more) {
		struct span text = sql_column_span(statement, 0);
		int side = sqlite3_column_int(statement, 1);
		struct sum_row row;
		if (side < 0 || side >= SIDE_COUNT ||
		    !load_sum(statement, 2, ledger->generation, -cell, side, text, &row)) {
			err = ledger_damaged(ledger, "a sum of a day", info);
			break;
		}
		found[side].count += row.count;
		fingerprint_add(&found[side].fingerprint, &row.fingerprint);
		int32_t posting = (int32_t)strtol((const char *)sqlite3_column_text(statement, 0), NULL, 10);
		if (any && posting != day.posting && !visit(self, &day))
			break;
		if (!any || posting != day.posting)
			day = (struct ledger_day){.posting = posting};
		any = true;
		day.sums[side] = (struct ledger_sum){row.count, row.debit, row.fingerprint};
		err = ledger_step(ledger, statement, &more, "reading the days of a cell", info);
	}
	if (err == ERR_OK && !more && any)
		(void)visit(self, &day);
	sqlite3_reset(statement);
	return err == ERR_OK && !more ? verify_days(ledger, cell, found, info) : err;
}

static bool same_account(const struct ledger_account *account, sqlite3_stmt *statement)
{
	return span_equal(account->entity, sql_column_span(statement, 0)) &&
	       span_equal(account->account, sql_column_span(statement, 1)) &&
	       span_equal(account->currency, sql_column_span(statement, 2)) &&
	       account->period == sqlite3_column_int(statement, 3);
}

enum err ledger_accounts(struct ledger *ledger, ledger_account_visitor visit, void *self,
                         struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_ACCOUNT_ALL);
	char texts[3][LEDGER_CODE_MAX + 1] = {"", "", ""};
	struct ledger_account account = {.period = 0};
	int64_t found[SIDE_COUNT] = {0, 0};
	bool any = false;
	bool more = false;
	enum err err = verify_cells(ledger, info);
	if (err != ERR_OK)
		return err;
	sql_bind_int(statement, 1, ledger->generation);
	err = ledger_step(ledger, statement, &more, "reading the accounts", info);
	while (err == ERR_OK && more) {
		int side = sqlite3_column_int(statement, 4);
		struct sum_row row;
		if (side < 0 || side >= SIDE_COUNT ||
		    !load_sum(statement, 6, ledger->generation, sqlite3_column_int64(statement, 5), side,
		              sql_column_span(statement, 1), &row)) {
			err = ledger_damaged(ledger, "a sum", info);
			break;
		}
		if (any && !same_account(&account, statement)) {
			if (!visit(self, &account))
				break;
			any = false;
		}
		if (!any) {
			for (int i = 0; i < 3; i++)
				(void)!text_copy(texts[i], sizeof texts[i], sql_column_span(statement, i));
			account = (struct ledger_account){.entity = span_of(texts[0]),
			                                  .account = span_of(texts[1]),
			                                  .currency = span_of(texts[2]),
			                                  .period = sqlite3_column_int(statement, 3)};
			any = true;
		}
		if (!add(&account.lines[side], row.count, 1) || !add(&account.debit[side], row.debit, 1) ||
		    !add(&account.credit[side], row.credit, 1))
			err = too_large(ledger, info);
		found[side] += row.count;
		if (err == ERR_OK)
			err = ledger_step(ledger, statement, &more, "reading the accounts", info);
	}
	if (err == ERR_OK && !more && any)
		(void)visit(self, &account);
	sqlite3_reset(statement);
	return err == ERR_OK && !more ? verify_total(ledger, found, ledger->lines, info) : err;
}
