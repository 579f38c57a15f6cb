/*
 * ledger_choose.c - of a day that is not equal, the documents that are not simply equal.
 *
 * Why:   a day of a month's end has thousands of documents and three that differ; the others' rows need no look.
 * Owns:  table temp.chosen.
 * Rules: 1. Read is the index documents_cell alone, in the order of its keys: what says whether two documents are equal
 *           stands in it. Its fingerprints have no checksum: the caller proves what was counted against the day's sums,
 *           which have one.
 *        2. Equal are two documents of one identity, one of each side, of the same fingerprint, neither voided, and no
 *           third beside them on that day. Whatever else stands for the same, on another day, is chosen there.
 * Faults: as in ledger.h.
 * Runs in: the CLI.
 * Tests: tests/integration/test_compare_property.py
 */
#include <stdio.h>
#include <string.h>

#include "store_forward/ledger_internal.h"

/* Documents of one identity on their way: the first of each side. */
struct twins {
	char identity[STORE_SUBJECT_MAX + 1];
	size_t len;
	char subject[SIDE_COUNT][STORE_SUBJECT_MAX + 1];
	struct fingerprint fingerprint[SIDE_COUNT];
	bool has[SIDE_COUNT];
	bool unequal; /* those that came before are chosen already, and so are all that follow */
};

struct choice {
	struct ledger *ledger;
	sqlite3_stmt *insert;
	struct twins twins;
	struct ledger_sum *equal;
};

static enum err choose(struct choice *choice, int side, struct span identity, struct span subject,
                       struct err_info *info)
{
	sql_bind_int(choice->insert, 1, side);
	sql_bind_text(choice->insert, 2, identity);
	sql_bind_text(choice->insert, 3, subject);
	return ledger_run(choice->ledger, choice->insert, "choosing what to look at", info);
}

static enum err choose_twins(struct choice *choice, struct err_info *info)
{
	struct twins *twins = &choice->twins;
	enum err err = ERR_OK;
	for (int side = 0; side < SIDE_COUNT && err == ERR_OK; side++) {
		if (twins->has[side])
			err = choose(choice, side, (struct span){twins->identity, twins->len},
			             span_of(twins->subject[side]), info);
	}
	twins->unequal = true;
	return err;
}

/* No further document of this identity comes. */
static enum err end_twins(struct choice *choice, struct err_info *info)
{
	struct twins *twins = &choice->twins;
	if (twins->unequal)
		return ERR_OK;
	if (!twins->has[SIDE_LEGACY] || !twins->has[SIDE_CLOUD] ||
	    !fingerprint_equal(&twins->fingerprint[SIDE_LEGACY], &twins->fingerprint[SIDE_CLOUD]))
		return choose_twins(choice, info);
	for (int side = 0; side < SIDE_COUNT; side++) {
		choice->equal[side].documents++;
		fingerprint_add(&choice->equal[side].fingerprint, &twins->fingerprint[side]);
	}
	return ERR_OK;
}

static void begin_twins(struct twins *twins, struct span identity)
{
	(void)!text_copy(twins->identity, sizeof twins->identity, identity);
	twins->len = identity.len;
	twins->has[SIDE_LEGACY] = twins->has[SIDE_CLOUD] = false;
	/* Without identity each stands for itself. */
	twins->unequal = identity.len == 0;
}

static enum err take_row(struct choice *choice, sqlite3_stmt *row, struct err_info *info)
{
	struct twins *twins = &choice->twins;
	struct span identity = sql_column_span(row, 0);
	int side = sqlite3_column_int(row, 1);
	struct span subject = sql_column_span(row, 2);
	struct span fingerprint = sql_column_span(row, 3);
	bool voided = sqlite3_column_int(row, 4) != 0;
	enum err err = ERR_OK;
	if (side < 0 || side >= SIDE_COUNT || fingerprint.len != FINGERPRINT_BYTES ||
	    identity.len > STORE_SUBJECT_MAX || subject.len > STORE_SUBJECT_MAX)
		return ledger_damaged(choice->ledger, "a document", info);
	if (!span_equal(identity, (struct span){twins->identity, twins->len})) {
		err = end_twins(choice, info);
		begin_twins(twins, identity);
	}
	if (err == ERR_OK && !twins->unequal && (voided || twins->has[side]))
		err = choose_twins(choice, info);
	if (err != ERR_OK || twins->unequal)
		return err == ERR_OK ? choose(choice, side, identity, subject, info) : err;
	twins->has[side] = true;
	(void)!text_copy(twins->subject[side], sizeof twins->subject[side], subject);
	memcpy(twins->fingerprint[side].bytes, fingerprint.data, FINGERPRINT_BYTES);
	return ERR_OK;
}

static enum err prepare(struct ledger *ledger, const char *sql, sqlite3_stmt **statement,
                        struct err_info *info)
{
	int rc = sqlite3_prepare_v2(ledger->db, sql, -1, statement, NULL);
	return rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "choosing what to look at", info);
}

enum err ledger_choose_day(struct ledger *ledger, int64_t cell, int32_t posting,
                           struct ledger_sum equal[SIDE_COUNT], struct err_info *info)
{
	struct choice choice = {.ledger = ledger, .equal = equal};
	sqlite3_stmt *rows = NULL;
	bool more = true;
	choice.twins.unequal = true;
	int rc = sql_execute(ledger->db, LEDGER_CHOSEN_MAKE);
	enum err err = rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "choosing what to look at", info);
	if (err == ERR_OK)
		err = prepare(ledger, "INSERT OR IGNORE INTO temp.chosen VALUES(?1, ?2, ?3)", &choice.insert,
		              info);
	if (err == ERR_OK)
		err = prepare(ledger,
		              "SELECT identity, side, subject, fingerprint, voided FROM documents "
		              "INDEXED BY documents_cell WHERE cell = ?1 AND posting = ?2 "
		              "ORDER BY identity, side, subject",
		              &rows, info);
	if (err == ERR_OK) {
		sql_bind_int(rows, 1, cell);
		sql_bind_int(rows, 2, posting);
	}
	while (err == ERR_OK && more) {
		err = ledger_step(ledger, rows, &more, "choosing what to look at", info);
		if (err == ERR_OK && more)
			err = take_row(&choice, rows, info);
	}
	if (err == ERR_OK)
		err = end_twins(&choice, info);
	sqlite3_finalize(rows);
	sqlite3_finalize(choice.insert);
	return err;
}

enum err ledger_is_chosen(struct ledger *ledger, const struct ledger_document *document, bool *chosen,
                          struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	int rc = sql_execute(ledger->db, LEDGER_CHOSEN_MAKE);
	enum err err = rc == SQLITE_OK ? ERR_OK : ledger_error(ledger, rc, "looking for a document", info);
	if (err == ERR_OK)
		err = prepare(ledger,
		              "SELECT 1 FROM temp.chosen WHERE of_side = ?1 AND of_identity = ?2 "
		              "AND of_subject = ?3",
		              &statement, info);
	if (err == ERR_OK) {
		sql_bind_int(statement, 1, document->side);
		sql_bind_text(statement, 2, document->identity);
		sql_bind_text(statement, 3, document->subject);
		err = ledger_step(ledger, statement, chosen, "looking for a document", info);
	}
	sqlite3_finalize(statement);
	return err;
}
