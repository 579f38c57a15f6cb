/*
 * ledger_marks.c - what the ledger keeps by name: marks and texts.
 *
 * Why:   see ledger.h.
 * Owns:  tables marks and texts.
 * Rules: 1. A row enters with its checksum, and is verified when it is read.
 *        2. How many marks and texts there are is a mark, too: one that is gone with a page of the file would be as if
 *           it had never been.
 * Faults: as in ledger.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/ledger_test.c, ledger_damage_test.c
 */
#include <inttypes.h>
#include <string.h>

#include "store_forward/ledger_internal.h"

#define MARKS_LETTER 'k'
#define TEXTS_LETTER 'j'

/* ---- marks, texts ---- */

static int64_t named_sum(char letter, struct span name, struct span text, int64_t value)
{
	struct row_sum sum = row_sum_begin(letter);
	row_sum_span(&sum, name);
	row_sum_span(&sum, text);
	row_sum_int(&sum, value);
	return row_sum_end(&sum);
}

enum err ledger_mark(struct ledger *ledger, const char *name, int64_t *value, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_MARK_GET);
	bool more = false;
	*value = -1;
	sql_bind_text(statement, 1, span_of(name));
	enum err err = ledger_step(ledger, statement, &more, "reading a mark", info);
	if (err == ERR_OK && more) {
		*value = sqlite3_column_int64(statement, 0);
		if (named_sum(MARKS_LETTER, span_of(name), (struct span){NULL, 0}, *value) !=
		    sqlite3_column_int64(statement, 1))
			err = ledger_damaged(ledger, "a mark", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_set_mark(struct ledger *ledger, const char *name, int64_t value, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_MARK_PUT);
	sql_bind_text(statement, 1, span_of(name));
	sql_bind_int(statement, 2, value);
	sql_bind_int(statement, 3, named_sum(MARKS_LETTER, span_of(name), (struct span){NULL, 0}, value));
	return ledger_run(ledger, statement, "writing a mark", info);
}

enum err ledger_marks(struct ledger *ledger, const char *prefix, ledger_mark_visitor visit, void *self,
                      struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_MARK_ALL);
	bool more = false;
	sql_bind_text(statement, 1, span_of(prefix));
	enum err err = ledger_step(ledger, statement, &more, "reading the marks", info);
	while (err == ERR_OK && more) {
		struct span name = sql_column_span(statement, 0);
		int64_t value = sqlite3_column_int64(statement, 1);
		if (named_sum(MARKS_LETTER, name, (struct span){NULL, 0}, value) !=
		    sqlite3_column_int64(statement, 2))
			err = ledger_damaged(ledger, "a mark", info);
		else if (!visit(self, (const char *)sqlite3_column_text(statement, 0), value))
			break;
		else
			err = ledger_step(ledger, statement, &more, "reading the marks", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_text(struct ledger *ledger, const char *name, struct buf *out, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_TEXT_GET);
	bool more = false;
	sql_bind_text(statement, 1, span_of(name));
	buf_clear(out);
	enum err err = ledger_step(ledger, statement, &more, "reading a text", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "%s has no %s", ledger->path, name);
	if (err == ERR_OK) {
		struct span value = sql_column_span(statement, 0);
		if (named_sum(TEXTS_LETTER, span_of(name), value, 0) != sqlite3_column_int64(statement, 1))
			err = ledger_damaged(ledger, "a text", info);
		buf_append_span(out, value);
		CHECK(err != ERR_OK || buf_ok(out));
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_set_text(struct ledger *ledger, const char *name, struct span text, struct err_info *info)
{
	CHECK(ledger->in_transaction);
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_TEXT_PUT);
	sql_bind_text(statement, 1, span_of(name));
	sql_bind_blob(statement, 2, text);
	sql_bind_int(statement, 3, named_sum(TEXTS_LETTER, span_of(name), text, 0));
	return ledger_run(ledger, statement, "writing a text", info);
}

struct named {
	int64_t count;
	int64_t told; /* -1: by none */
};

static bool count_mark(void *self, const char *name, int64_t value)
{
	struct named *named = self;
	if (strcmp(name, LEDGER_MARK_NAMED) == 0)
		named->told = value;
	else
		named->count++;
	return true;
}

/* A name that is damaged, or lost with a page, is not found, as if its mark or text had never been: all are looked at.
 */
enum err named_verify(struct ledger *ledger, struct err_info *info)
{
	bool more = false;
	struct named named = {.told = -1};
	enum err err = ledger_marks(ledger, "", count_mark, &named, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_TEXT_ALL);
	err = ledger_step(ledger, statement, &more, "reading the texts", info);
	while (err == ERR_OK && more) {
		if (named_sum(TEXTS_LETTER, sql_column_span(statement, 0), sql_column_span(statement, 1),
		              0) != sqlite3_column_int64(statement, 2))
			err = ledger_damaged(ledger, "a text", info);
		else
			err = ledger_step(ledger, statement, &more, "reading the texts", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err named_count(struct ledger *ledger, int64_t *count, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_NAMED_COUNT);
	bool more = false;
	sql_bind_text(statement, 1, SPAN_LITERAL(LEDGER_MARK_NAMED));
	enum err err = ledger_step(ledger, statement, &more, "counting the marks", info);
	*count = more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return err;
}
