/*
 * ledger_damage_test.c - bytes that are not as they were written: found where they are read, never another answer.
 *
 * Why:   a ledger lies on the same old disk as everything else, and what is signed is made of it.
 * Owns:  the book of each test, and copies of its file.
 * Runs in: the test suite.
 * Tests: store_forward/ledger.c, ledger_documents.c, ledger_sums.c
 */
#include <sqlite3.h>
#include <unistd.h>

#include "tests/unit/ledger_fixture.h"

#define DOCUMENTS 60
#define FLIPS     2000 /* 20,000 were tried */

static void fill(struct book *book)
{
	const struct ledger_held held = {.rule = SPAN_LITERAL("period-closed"),
	                                 .source = SPAN_LITERAL("erp"),
	                                 .key = SPAN_LITERAL("00001/invoice/2026/9"),
	                                 .text = SPAN_LITERAL("the period is closed"),
	                                 .owner = 1,
	                                 .first_ns = 77};
	book_begin(book);
	book_must(book, ledger_new_generation(book->ledger, "rules", &book->info));
	for (int n = 0; n < DOCUMENTS; n++)
		book_put(book, n, 1);
	book_must(book, ledger_set_mark(book->ledger, "stream 00001 5", 17, &book->info));
	book_must(book, ledger_set_mark(book->ledger, "left out", 1, &book->info));
	book_must(book, ledger_set_text(book->ledger, "cloud-source 0", SPAN_LITERAL("source x\nnext 9\n"),
	                                &book->info));
	book_must(book, ledger_hold(book->ledger, &held, true, &book->info));
	book_commit(book);
}

/* ---- everything that can be read, as one text ---- */

static bool write_cell(void *self, const struct ledger_cell *cell)
{
	struct buf *out = self;
	buf_printf(out, "cell %.*s %d %d %.*s", (int)cell->entity.len, cell->entity.data, cell->type,
	           (int)cell->period, (int)cell->currency.len, cell->currency.data);
	for (int side = 0; side < SIDE_COUNT; side++) {
		char hex[FINGERPRINT_HEX_SIZE];
		fingerprint_hex(&cell->sums[side].fingerprint, hex);
		buf_printf(out, " %" PRId64 " %" PRId64 " %s", cell->sums[side].documents,
		           cell->sums[side].total, hex);
	}
	buf_append_char(out, '\n');
	return true;
}

struct cell_list {
	int64_t ids[200];
	int count;
};

static bool note_cell(void *self, const struct ledger_cell *cell)
{
	struct cell_list *list = self;
	list->ids[list->count++] = cell->id;
	return list->count < 200;
}

static bool write_day(void *self, const struct ledger_day *day)
{
	buf_printf(self, "day %d %" PRId64 " %" PRId64 "\n", (int)day->posting, day->sums[SIDE_LEGACY].total,
	           day->sums[SIDE_CLOUD].total);
	return true;
}

static enum err write_days(struct ledger *ledger, struct buf *out, struct err_info *info)
{
	struct cell_list list = {.count = 0};
	enum err err = ledger_cells(ledger, note_cell, &list, info);
	for (int i = 0; i < list.count && err == ERR_OK; i++)
		err = ledger_days(ledger, list.ids[i], write_day, out, info);
	return err;
}

static bool write_account(void *self, const struct ledger_account *account)
{
	struct buf *out = self;
	buf_printf(out, "account %.*s %.*s %d", (int)account->entity.len, account->entity.data,
	           (int)account->account.len, account->account.data, (int)account->period);
	for (int side = 0; side < SIDE_COUNT; side++)
		buf_printf(out, " %" PRId64 " %" PRId64 " %" PRId64, account->lines[side],
		           account->debit[side], account->credit[side]);
	buf_append_char(out, '\n');
	return true;
}

static bool write_mark(void *self, const char *name, int64_t value)
{
	buf_printf(self, "mark %s %" PRId64 "\n", name, value);
	return true;
}

static bool write_held(void *self, const struct ledger_held *held)
{
	buf_printf(self, "held %.*s %.*s %d\n", (int)held->key.len, held->key.data, (int)held->text.len,
	           held->text.data, held->owner);
	return true;
}

static void write_document(struct buf *out, const struct ledger_document *document)
{
	char hex[FINGERPRINT_HEX_SIZE];
	fingerprint_hex(&document->fingerprint, hex);
	buf_printf(out, "document %d %.*s %.*s %" PRId64 " %" PRId64 " %d %d %d %.*s %s\n", document->side,
	           (int)document->identity.len, document->identity.data, (int)document->subject.len,
	           document->subject.data, document->revision, document->total, (int)document->period,
	           document->outcome, document->voided, (int)document->packed.len, document->packed.data,
	           hex);
}

static enum err write_side(struct ledger *ledger, enum ledger_side side, struct buf *out,
                           struct err_info *info)
{
	struct ledger_cursor *cursor = NULL;
	struct ledger_document document;
	int64_t count = 0;
	enum err err = ledger_cursor_open(ledger, side, true, true, &cursor, info);
	while (err == ERR_OK && ledger_cursor_next(cursor, &document, &err, info)) {
		write_document(out, &document);
		count++;
	}
	ledger_cursor_close(cursor);
	/* As a run does (run.h, rule 5). */
	if (err == ERR_OK && count != ledger_count(ledger, side))
		err = ERR_CORRUPT;
	return err;
}

/* What a reader is told, or the error. */
static enum err read_all(const char *path, struct buf *out)
{
	struct ledger *ledger = NULL;
	struct ledger_opening opening;
	struct err_info info = {.text = ""};
	struct buf text;
	buf_clear(out);
	buf_init(&text, 1000);
	enum err err = ledger_open(NULL, path, LEDGER_READ, &ledger, &opening, &info);
	if (err == ERR_OK)
		err = ledger_begin(ledger, &info);
	if (err == ERR_OK)
		err = ledger_cells(ledger, write_cell, out, &info);
	if (err == ERR_OK)
		err = ledger_accounts(ledger, write_account, out, &info);
	if (err == ERR_OK)
		err = write_days(ledger, out, &info);
	if (err == ERR_OK)
		err = ledger_marks(ledger, "", write_mark, out, &info);
	if (err == ERR_OK)
		err = ledger_helds(ledger, write_held, out, &info);
	if (err == ERR_OK)
		err = ledger_text(ledger, "cloud-source 0", &text, &info);
	buf_append_span(out, buf_span(&text));
	for (int side = 0; side < SIDE_COUNT && err == ERR_OK; side++)
		err = write_side(ledger, (enum ledger_side)side, out, &info);
	if (err == ERR_OK)
		buf_printf(out, "%s %" PRId64 " %d %" PRId64 "\n", ledger_rules(ledger),
		           ledger_generation(ledger), ledger_complete(ledger),
		           ledger_last(ledger, SIDE_CLOUD));
	buf_release(&text);
	ledger_close(ledger);
	return err;
}

/* ---- a value of each column ---- */

static void change_file(struct book *book, const char *sql)
{
	sqlite3 *db = NULL;
	char *error = NULL;
	assert_int_equal(sqlite3_open(book->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	if (sqlite3_changes(db) != 1)
		fail_msg("%s changed %d rows", sql, sqlite3_changes(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The columns of each table, and one of its rows. */
static const struct {
	const char *table;
	const char *row;
	const char *integers;
	const char *texts;
} tables[] = {
    {"documents", "side = 0 AND subject = 'e/t/2026/00003'",
     "side revision n generation recorded first total cell posting period type outcome phase origins voided "
     "checksum "
     "packed_sum",
     "identity subject key entity currency party fingerprint packed"},
    {"cells", "id = 2", "id type period checksum", "entity currency"},
    {"sums",
     "(generation, cell, side, account) = (SELECT generation, cell, side, account FROM sums WHERE account = "
     "'' LIMIT 1)",
     "generation cell side count debit credit checksum", "account fingerprint"},
    {"sums",
     "(generation, cell, side, account) = (SELECT generation, cell, side, account FROM sums WHERE account <> "
     "'' LIMIT "
     "1)",
     "generation cell side count debit credit checksum", "account fingerprint"},
    {"sums",
     "(generation, cell, side, account) = (SELECT generation, cell, side, account FROM sums WHERE cell < 0 "
     "LIMIT 1)",
     "generation cell side count debit credit checksum", "account fingerprint"},
    {"marks", "name = 'left out'", "value checksum", "name"},
    {"texts", "name = 'cloud-source 0'", "checksum", "name value"},
    {"held", "owner = 1", "owner first checksum", "rule source key text"},
};

static bool next_name(const char **rest, char name[40])
{
	size_t len = strcspn(*rest, " ");
	if (len == 0)
		return false;
	(void)snprintf(name, 40, "%.*s", (int)len, *rest);
	*rest += len + ((*rest)[len] == ' ');
	return true;
}

static void expect_found(struct book *book, const struct test_file *whole, const char *sql, struct buf *out)
{
	change_file(book, sql);
	enum err err = read_all(book->path, out);
	if (err != ERR_CORRUPT)
		fail_msg("%s: %s", sql, err_name(err));
	test_file_write(whole, book->path);
}

static void every_column_of_every_table(void **state)
{
	struct book *book = *state;
	struct test_file whole;
	struct buf out;
	char name[40];
	char sql[700];
	buf_init(&out, 1u << 20);
	fill(book);
	book_close(book);
	test_file_read(&whole, book->path);
	assert_int_equal(read_all(book->path, &out), ERR_OK);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		const char *rest = tables[i].integers;
		while (next_name(&rest, name)) {
			(void)snprintf(sql, sizeof sql, "UPDATE %s SET %s = %s + 5000 WHERE %s",
			               tables[i].table, name, name, tables[i].row);
			expect_found(book, &whole, sql, &out);
		}
		rest = tables[i].texts;
		while (next_name(&rest, name)) {
			/* The type of the value stays that of the column. */
			(void)snprintf(sql, sizeof sql,
			               "UPDATE %s SET %s = CASE typeof(%s) WHEN 'blob' THEN CAST('z' || "
			               "substr(%s, 2) AS BLOB) "
			               "ELSE 'z' || substr(%s, 2) END WHERE %s",
			               tables[i].table, name, name, name, name, tables[i].row);
			expect_found(book, &whole, sql, &out);
		}
		(void)snprintf(sql, sizeof sql, "DELETE FROM %s WHERE %s", tables[i].table, tables[i].row);
		if (strcmp(tables[i].table, "documents") == 0 || strcmp(tables[i].table, "cells") == 0)
			expect_found(book, &whole, sql, &out);
	}
	assert_int_equal(read_all(book->path, &out), ERR_OK);
	test_file_free(&whole);
	buf_release(&out);
}

/* ---- any byte ---- */

static void any_byte_of_the_file(void **state)
{
	struct book *book = *state;
	struct test_file whole;
	struct buf first;
	struct buf out;
	int found = 0;
	buf_init(&first, 1u << 20);
	buf_init(&out, 1u << 20);
	fill(book);
	book_close(book);
	test_file_read(&whole, book->path);
	assert_int_equal(read_all(book->path, &first), ERR_OK);
	for (uint32_t i = 0; i < FLIPS; i++) {
		size_t at = mixed(i, 1) % whole.len;
		uint8_t was = whole.bytes[at];
		whole.bytes[at] ^= (uint8_t)(1 + mixed(i, 2) % 255);
		test_file_write(&whole, book->path);
		enum err err = read_all(book->path, &out);
		if (err == ERR_OK && !span_equal(buf_span(&first), buf_span(&out)))
			fail_msg("byte %zu as %02x instead of %02x: another answer, and no error", at,
			         whole.bytes[at], was);
		found += err != ERR_OK;
		whole.bytes[at] = was;
	}
	assert_true(found > FLIPS / 20); /* much of a page is nobody's */
	test_file_free(&whole);
	buf_release(&first);
	buf_release(&out);
}

/* ---- at the opening ---- */

static void what_the_core_puts_aside(void **state)
{
	static const char *const damages[] = {
	    "UPDATE marks SET value = value + 1 WHERE name = 'left out'",
	    "UPDATE texts SET name = 'z' || substr(name, 2) WHERE name = 'cloud-source 0'",
	    "DROP TABLE held",
	    "PRAGMA application_id = 7",
	};
	struct book *book = *state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		sqlite3 *db = NULL;
		book->place.hal.wall_ns += NS_PER_S;
		fill(book);
		book_close(book);
		assert_int_equal(sqlite3_open(book->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, damages[i], NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		/* A reader leaves it where it is. */
		struct buf out;
		buf_init(&out, 1u << 20);
		assert_int_not_equal(read_all(book->path, &out), ERR_OK);
		buf_release(&out);
		book_open(book);
		assert_true(book->opening.created);
		assert_non_null(strstr(book->opening.damaged_path, "ledger.db.damaged-"));
		assert_int_equal(access(book->opening.damaged_path, F_OK), 0);
		assert_int_equal(ledger_count(book->ledger, SIDE_LEGACY), 0);
	}
}

/* Commits behind a bad frame in the middle of the log. */
static void a_log_that_is_damaged_in_its_middle(void **state)
{
	struct book *book = *state;
	struct test_file file;
	struct test_file log;
	char path[300];
	char copy[300];
	char copy_log[320];
	struct ledger *ledger = NULL;
	(void)snprintf(path, sizeof path, "%s-wal", book->path);
	(void)snprintf(copy, sizeof copy, "%s/copy.db", book->place.directory);
	(void)snprintf(copy_log, sizeof copy_log, "%s-wal", copy);
	for (int n = 0; n < 20; n++) {
		book_begin(book);
		book_put(book, n, 1);
		book_commit(book);
	}
	/* As a power cut leaves it. */
	test_file_read(&file, book->path);
	test_file_read(&log, path);
	assert_true(log.len > 100000);
	log.bytes[log.len / 2] ^= 1;
	test_file_write(&file, copy);
	test_file_write(&log, copy_log);
	book_must(book, ledger_open(&book->place.hal.hal, copy, LEDGER_WRITE, &ledger, &book->opening,
	                            &book->info));
	assert_true(book->opening.created);
	assert_non_null(strstr(book->opening.text, "its log is damaged after"));
	ledger_close(ledger);
	/* In the last transaction it looks like a power cut: what was before stands. */
	log.bytes[log.len / 2] ^= 1;
	log.bytes[log.len - 100] ^= 1;
	test_file_write(&file, copy);
	test_file_write(&log, copy_log);
	book_must(book, ledger_open(&book->place.hal.hal, copy, LEDGER_WRITE, &ledger, &book->opening,
	                            &book->info));
	assert_false(book->opening.created);
	assert_true(ledger_count(ledger, SIDE_LEGACY) + ledger_count(ledger, SIDE_CLOUD) == 19);
	ledger_close(ledger);
	test_file_free(&file);
	test_file_free(&log);
}

static void a_newer_ledger_is_left_alone(void **state)
{
	struct book *book = *state;
	fill(book);
	book_close(book);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(book->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(book_try(book, LEDGER_WRITE), ERR_VERSION);
	book->ledger = NULL;
	assert_int_equal(access(book->path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(every_column_of_every_table),  WITH(any_byte_of_the_file),
	    WITH(what_the_core_puts_aside),     WITH(a_log_that_is_damaged_in_its_middle),
	    WITH(a_newer_ledger_is_left_alone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
