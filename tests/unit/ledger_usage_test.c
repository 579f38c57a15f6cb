/*
 * ledger_usage_test.c - usage of three places: one order, however it came; nothing written, nothing lost.
 *
 * Why:   rows that come in another order are other windows to the merge, and a lost one is usage that nobody invoiced.
 * Owns:  the book of each test.
 * Rules: the expected order is the list as it stands here, written down by the rule of ledger_usage.h.
 * Runs in: the tests.
 * Tests: store_forward/ledger_usage.c
 */
#include "store_forward/ledger_usage.h"

#include "store_forward/ledger_internal.h"
#include "tests/unit/ledger_fixture.h"

#define DAY_MIN INT32_MIN
#define DAY_MAX INT32_MAX

struct given {
	const char *entity, *customer, *meter;
	int32_t from, to;
	int place;
	const char *unit;
	int64_t units;
	int scale;
};

/* What decides makes a row come later than the one before; what decides nothing any more would make it come earlier. */
static const struct given ordered[] = {
    {"", "", "", 9, 9, 9, "z", 9, 9},
    {"", "", "a", 8, 8, 8, "y", 8, 8},
    {"", "A", "", 8, 8, 8, "y", 8, 8},
    {"10", "C2", "z", 5, 5, 2, "GB", 5, 5},
    {"2", "B", "z", 5, 5, 2, "GB", 5, 5},
    {"2", "C", "m", DAY_MIN, 5, 2, "GB", 5, 5},
    {"2", "C", "m", -1, 5, 2, "GB", 5, 5},
    {"2", "C", "m", 0, 4, 2, "GB", 5, 5},
    {"2", "C", "m", 0, 5, 1, "ZB", 5, 5},
    {"2", "C", "m", 0, 5, 2, "GB", 5, 5},
    {"2", "C", "m", 0, 5, 2, "MB", INT64_MIN, 12},
    {"2", "C", "m", 0, 5, 2, "MB", -1, 3},
    {"2", "C", "m", 0, 5, 2, "MB", 0, 0},
    {"2", "C", "m", 0, 5, 2, "MB", 0, 1},
    {"2", "C", "m", 0, 5, 2, "MB", 7, 2},
    {"2", "C", "m", 0, 5, 2, "MB", 7, 2}, /* twice is two */
    {"2", "C", "m", 0, 5, 2, "MB", 10, 0},
    {"2", "C", "m", 0, 5, 2, "MB", INT64_MAX, 0},
    {"2", "C", "m", 0, 5, 2, "mB", 1, 0}, /* by bytes: below every capital */
    {"2", "C", "m", 0, 6, 0, "", 1, 0},
    {"2", "C", "m", DAY_MAX, 0, 0, "", 1, 0},
    {"2", "C", "n", 0, 0, 0, "", 1, 0},
    {"2", "\xc3\x84", "", 0, 0, 0, "", 1, 0},
    {"2 ", "", "", 0, 0, 0, "", 1, 0}, /* a blank counts */
    {"20", "", "", 0, 0, 0, "", 1, 0},
    {"a", "", "", 0, 0, 0, "", 1, 0},
};
#define COUNT (int)(sizeof ordered / sizeof ordered[0])

static struct ledger_usage row_of(const struct given *given)
{
	return (struct ledger_usage){.place = given->place,
	                             .entity = span_of(given->entity),
	                             .customer = span_of(given->customer),
	                             .meter = span_of(given->meter),
	                             .unit = span_of(given->unit),
	                             .from = given->from,
	                             .to = given->to,
	                             .units = given->units,
	                             .scale = given->scale};
}

static void begin(struct book *book)
{
	book_must(book, ledger_usage_begin(book->ledger, &book->info));
}

static void add(struct book *book, const struct given *given)
{
	const struct ledger_usage row = row_of(given);
	book_must(book, ledger_usage_add(book->ledger, &row, &book->info));
}

struct reading {
	int next;
	int last; /* stops after so many rows */
};

static bool expect_row(void *self, const struct ledger_usage *row)
{
	struct reading *reading = self;
	if (reading->next >= COUNT)
		fail_msg("more than %d rows", COUNT);
	const struct ledger_usage right = row_of(&ordered[reading->next]);
	if (!span_equal(row->entity, right.entity) || !span_equal(row->customer, right.customer) ||
	    !span_equal(row->meter, right.meter) || !span_equal(row->unit, right.unit) ||
	    row->from != right.from || row->to != right.to || row->place != right.place ||
	    row->units != right.units || row->scale != right.scale)
		fail_msg("row %d is %.*s %.*s %.*s %d %d %d %.*s %" PRId64 " %d", reading->next,
		         (int)row->entity.len, row->entity.data, (int)row->customer.len, row->customer.data,
		         (int)row->meter.len, row->meter.data, (int)row->from, (int)row->to, row->place,
		         (int)row->unit.len, row->unit.data, row->units, row->scale);
	return ++reading->next != reading->last;
}

static void expect_all(struct book *book)
{
	struct reading reading = {0};
	book_must(book, ledger_usage_rows(book->ledger, expect_row, &reading, &book->info));
	assert_int_equal(reading.next, COUNT);
}

/* ---- order ---- */

static void rows_come_in_one_order(void **state)
{
	struct book *book = *state;
	/* 7, 11 and 25 have no common divisor with 26: every row comes once. */
	static const int steps[] = {1, 7, 11, COUNT - 1};
	assert_int_equal(COUNT, 26);
	for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
		begin(book);
		for (int i = 0; i < COUNT; i++)
			add(book, &ordered[(i * steps[s] + 3) % COUNT]);
		expect_all(book);
		expect_all(book);
	}
}

static bool count_row(void *self, const struct ledger_usage *row)
{
	(void)row;
	++*(int *)self;
	return true;
}

static int count_rows(struct book *book)
{
	int count = 0;
	book_must(book, ledger_usage_rows(book->ledger, count_row, &count, &book->info));
	return count;
}

static void each_table_begins_empty(void **state)
{
	struct book *book = *state;
	begin(book);
	assert_int_equal(count_rows(book), 0);
	add(book, &ordered[0]);
	assert_int_equal(count_rows(book), 1);
	begin(book);
	assert_int_equal(count_rows(book), 0);
}

/* No failure, and the table can be read again. */
static void a_visitor_may_stop(void **state)
{
	struct book *book = *state;
	begin(book);
	for (int i = COUNT - 1; i >= 0; i--)
		add(book, &ordered[i]);
	for (int last = 1; last <= COUNT; last++) {
		struct reading reading = {.last = last};
		book_must(book, ledger_usage_rows(book->ledger, expect_row, &reading, &book->info));
		assert_int_equal(reading.next, last);
	}
	expect_all(book);
}

struct many {
	int64_t last;
	int count;
};

static bool expect_rising(void *self, const struct ledger_usage *row)
{
	struct many *many = self;
	if (row->units <= many->last)
		fail_msg("%" PRId64 " after %" PRId64, row->units, many->last);
	many->last = row->units;
	many->count++;
	return true;
}

static void many_rows_are_sorted(void **state)
{
	struct book *book = *state;
	struct many many = {.last = -1};
	struct given given = ordered[9];
	begin(book);
	for (int i = 0; i < 30000; i++) {
		given.units = (int64_t)i * 7919 % 30000; /* 7919 is a prime */
		add(book, &given);
	}
	book_must(book, ledger_usage_rows(book->ledger, expect_rising, &many, &book->info));
	assert_int_equal(many.count, 30000);
	assert_int_equal(many.last, 29999);
}

/* ---- the ledger's file, and trouble ---- */

/* With the rights of a reader, and byte by byte. */
static void nothing_of_the_file_is_written(void **state)
{
	struct book *book = *state;
	book_begin(book);
	book_put(book, 1, 1);
	book_commit(book);
	book_close(book);
	struct buf before = book_bytes(book);
	book_must(book, book_try(book, LEDGER_READ));
	book_begin(book);
	begin(book);
	for (int i = 0; i < COUNT; i++)
		add(book, &ordered[i]);
	expect_all(book);
	book_close(book);
	struct buf after = book_bytes(book);
	assert_true(span_equal(buf_span(&before), buf_span(&after)));
	buf_release(&before);
	buf_release(&after);
	/* Gone with the connection. */
	book_must(book, book_try(book, LEDGER_READ));
	int count = 0;
	assert_int_not_equal(ledger_usage_rows(book->ledger, count_row, &count, &book->info), ERR_OK);
}

/* Without a table every call says what it was doing and with which file. */
static void a_table_that_is_not_there_is_told(void **state)
{
	struct book *book = *state;
	const struct ledger_usage row = row_of(&ordered[0]);
	int count = 0;
	book->info.text[0] = 0;
	assert_int_not_equal(ledger_usage_add(book->ledger, &row, &book->info), ERR_OK);
	assert_non_null(strstr(book->info.text, "keeping usage"));
	assert_non_null(strstr(book->info.text, book->path));
	book->info.text[0] = 0;
	assert_int_not_equal(ledger_usage_rows(book->ledger, count_row, &count, &book->info), ERR_OK);
	assert_non_null(strstr(book->info.text, book->path));
	assert_int_equal(count, 0);
}

static void what_comes_to_no_end_is_told(void **state)
{
	struct book *book = *state;
	const struct ledger_usage row = row_of(&ordered[0]);
	int count = 0;
	begin(book);
	add(book, &ordered[0]);
	sqlite3_progress_handler(book->ledger->db, 1, book_stop, NULL);
	assert_int_not_equal(ledger_usage_add(book->ledger, &row, &book->info), ERR_OK);
	assert_int_not_equal(ledger_usage_rows(book->ledger, count_row, &count, &book->info), ERR_OK);
	assert_int_not_equal(ledger_usage_begin(book->ledger, &book->info), ERR_OK);
	assert_int_equal(count, 0);
	sqlite3_progress_handler(book->ledger->db, 0, NULL, NULL);
	assert_int_equal(count_rows(book), 1);
}

/* What is refused is told; what was taken stays. */
static void a_full_disk_is_told(void **state)
{
	struct book *book = *state;
	const struct ledger_usage row = row_of(&ordered[9]);
	enum err err = ERR_OK;
	int taken = 0;
	begin(book);
	assert_int_equal(sql_execute(book->ledger->db, "PRAGMA temp.max_page_count = 8"), SQLITE_OK);
	while (err == ERR_OK && taken < 100000) {
		err = ledger_usage_add(book->ledger, &row, &book->info);
		taken += err == ERR_OK;
	}
	assert_int_equal(err, ERR_FULL);
	assert_true(taken > 0);
	assert_int_equal(count_rows(book), taken);
}

struct broken {
	struct book *book;
	int seen;
};

static bool interrupt(void *self, const struct ledger_usage *row)
{
	struct broken *broken = self;
	(void)row;
	if (++broken->seen == 3)
		sqlite3_interrupt(broken->book->ledger->db);
	return true;
}

/* The end of reading is not the end of the rows. */
static void reading_that_breaks_off_is_told(void **state)
{
	struct book *book = *state;
	struct broken broken = {.book = book};
	begin(book);
	for (int i = 0; i < COUNT; i++)
		add(book, &ordered[i]);
	assert_int_not_equal(ledger_usage_rows(book->ledger, interrupt, &broken, &book->info), ERR_OK);
	assert_non_null(strstr(book->info.text, "going through usage"));
	assert_in_range(broken.seen, 3, COUNT - 1);
	expect_all(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(rows_come_in_one_order),
	    WITH(each_table_begins_empty),
	    WITH(a_visitor_may_stop),
	    WITH(many_rows_are_sorted),
	    WITH(nothing_of_the_file_is_written),
	    WITH(a_table_that_is_not_there_is_told),
	    WITH(what_comes_to_no_end_is_told),
	    WITH(a_full_disk_is_told),
	    WITH(reading_that_breaks_off_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
