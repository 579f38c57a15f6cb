/*
 * odbc_role_test.c - the source child against a real database, over the frames that the core would send.
 *
 * Why:   what a driver does with a number, a date or a long text is known only by asking the real driver.
 * Owns:  the tables that it makes.
 * Rules: the database and how results are written: tests/lib/odbc_child.h.
 * Runs in: the integration tests, once for each database (tests/integration/test_odbc.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sql.h>
#include <sqlext.h>

#include "tests/lib/odbc_child.h"

/* What one child may hold at its largest, in KiB, libraries that it shares with others included. The SQLite
 * driver copies a value of 2 MB eight times on its way. */
#define CHILD_KIB_MAX        (20 * 1024)
#define CHILD_SQLITE_KIB_MAX (28 * 1024)

/* Tables of the run: types (every type once, and a row of NULLs), names (UTF-8 and padded keys), numbers (100,000
 * rows of a rising id), long values. */
static int make_tables(void **state)
{
	(void)state;
	static const char *const types[] = {
	    [SQLITE] =
		"create table types (a integer, b bigint, c text, d text, e date, f timestamp, g char(10), "
		"h varchar(40), i text, j integer, k decimal(18,4))",
	    [POSTGRESQL] =
		"create table types (a integer, b bigint, c numeric(38,10), d money, e date, f timestamp, "
		"g char(10), h varchar(40), i text, j boolean, k numeric)",
	    [MARIADB] = "create table types (a integer, b bigint, c decimal(38,10), d decimal(15,2), e date, "
			"f datetime(6), g char(10), h varchar(40), i text, j boolean, k decimal(18,4))",
	};
	static const char *const numbers[] = {
	    [SQLITE] =
		("insert into numbers with recursive g(id) as (select 1 union all select id + 1 from g where "
	         "id < 100000) select id, 'row ' || id from g"),
	    [POSTGRESQL] = "insert into numbers select id, 'row ' || id from generate_series(1, 100000) id",
	    [MARIADB] = "insert into numbers select seq, concat('row ', seq) from seq_1_to_100000",
	};
	static const char *const texts[] = {
	    [SQLITE] =
		("insert into texts with recursive g(id) as (select 1 union all select id + 1 from g where "
	         "id < 500) select id, 'x' from g"),
	    [POSTGRESQL] = "insert into texts select id, 'x' from generate_series(1, 500) id",
	    [MARIADB] = "insert into texts select seq, 'x' from seq_1_to_500",
	};
	admin(types[kind()]);
	admin("insert into types values (42, 1234567890123456789, '1234567890123456789012345678.0123456789', "
	      "'-12.50', "
	      "'2024-02-29', '2024-02-29 12:34:56.123456', 'ab        ', 'Ümlaut 東京 😀', 'line 1\nline 2', "
	      "'1', "
	      "'-12345678901234.5')");
	admin("insert into types values (null, null, null, null, null, null, null, null, null, null, null)");
	admin("create table names (company char(5), number integer, name varchar(40))");
	admin(
	    "insert into names values ('00001', 1, 'Müller'), ('00001', 2, '東京'), ('AB   ', 1, 'padded'), "
	    "('00010', 7, '')");
	admin("create table numbers (id integer, name varchar(40))");
	admin(numbers[kind()]);
	admin(kind() == MARIADB ? "create table texts (id integer, body mediumtext)"
	                        : "create table texts (id integer, body text)");
	admin(texts[kind()]);
	if (kind() ==
	    SQLITE) /* elsewhere test_odbc.py made it, and lets the account change this table alone */
		admin("create table told (company char(5), number integer, name varchar(40))");
	return 0;
}

/* An update of texts that makes the body of one row of len characters. */
static void make_long(int id, int len)
{
	char sql[200];
	(void)snprintf(sql, sizeof sql,
	               kind() == SQLITE
	                   ? "update texts set body = replace(hex(zeroblob(%d)), '00', 'y') where id = %d"
	                   : "update texts set body = repeat('y', %d) where id = %d",
	               len, id);
	admin(sql);
}

static void make_short(void)
{
	admin("update texts set body = 'x'");
}

/* ---- tests ---- */

/* OPEN tells which database it is, that the isolation is read committed or better, and that the session refuses to
 * write; and it does: an INSERT fails for the statement alone, and leaves no row. */
static void opened_read_only(void **state)
{
	(void)state;
	static const char *const names[] = {"SQLite", "PostgreSQL", "MariaDB"};
	struct child child = start();
	struct source_open open = open_message();
	struct source_opened opened;
	struct answer answer;
	assert_true(try_open(&child, &open, &opened, &answer));
	assert_true(span_equal(opened.dbms, span_of(names[kind()])));
	assert_true(opened.dbms_version.len > 0 && opened.driver.len > 0 && opened.driver_version.len > 0);
	assert_int_equal(opened.isolation, kind() == SQLITE ? 4 : 2);
	assert_int_equal(opened.read_only, 1);
	expect_failure(&child, "insert into names values ('99999', 1, 'x')", SOURCE_FAILURE_QUERY);
	expect_rows(&child, "select count(*) from names", "4\n");
	assert_int_equal(stop(&child), 0);
}

/* A child opened for changes counts the rows that a statement changed, commits each statement by itself, and still
 * reads; one that was not opened so refuses the very same statement. */
static void changes_only_where_asked(void **state)
{
	(void)state;
	struct source_open open = open_message();
	struct source_param company[] = {text_param("00099")};
	struct answer answer;
	open.changes = 1;
	struct child child = open_child(&open);
	prepare(&child, 0, 1, "insert into told values (?, 1, 'x')");
	execute(&child, 0, 1, company, &answer);
	assert_true(answer.done);
	assert_int_equal(answer.rows, 1);
	prepare(&child, 1, 1, "update told set name = 'y' where company = ?");
	execute(&child, 1, 1, company, &answer);
	assert_true(answer.done);
	assert_int_equal(answer.rows, 1);
	company[0] = text_param("77777");
	execute(&child, 1, 1, company, &answer);
	assert_true(answer.done);
	assert_int_equal(answer.rows, 0);
	assert_int_equal(stop(&child), 0);
	child = open_default();
	expect_rows(&child, "select name from told where company = '00099'", "y\n");
	expect_failure(&child, "delete from told where company = '00099'", SOURCE_FAILURE_QUERY);
	assert_int_equal(stop(&child), 0);
}

/* Every type comes as the text of the database, all 38 digits and the blanks of CHAR included; NULL is NULL. What
 * differs is the database's own: money with its sign, CHAR without its blanks on MariaDB. */
static void types_exact(void **state)
{
	(void)state;
	struct child child = open_default();
	static const char *const rows[] = {
	    [SQLITE] =
		"42|1234567890123456789|1234567890123456789012345678.0123456789|-12.50|2024-02-29|"
		"2024-02-29 12:34:56.123456|ab        |Ümlaut 東京 😀|line 1\nline 2|1\n~|~|~|~|~|~|~|~|~|~\n",
	    [POSTGRESQL] =
		"42|1234567890123456789|1234567890123456789012345678.0123456789|-$12.50|2024-02-29|"
		"2024-02-29 12:34:56.123456|ab        |Ümlaut 東京 😀|line 1\nline 2|1\n"
		"~|~|~|~|~|~|~|~|~|~\n",
	    [MARIADB] = "42|1234567890123456789|1234567890123456789012345678.0123456789|-12.50|2024-02-29|"
			"2024-02-29 12:34:56.123456|ab|Ümlaut 東京 😀|line 1\nline 2|1\n~|~|~|~|~|~|~|~|~|~\n",
	};
	expect_rows(&child, "select a, b, c, d, e, f, g, h, i, j from types", rows[kind()]);
	/* The SQLite driver has no decimals: that column is for the others. */
	if (kind() == MARIADB)
		expect_rows(&child, "select k from types", "-12345678901234.5000\n~\n");
	if (kind() == POSTGRESQL) {
		expect_rows(&child, "select k from types", "-12345678901234.5\n~\n");
		/* Of unlimited width: the driver says 28 digits, the server has 60. And what the driver makes
		 * of no time. */
		expect_rows(&child,
		            "select 123456789012345678901234567890123456789012345678901234567890.5::numeric, "
		            "'NaN'::numeric, 'infinity'::timestamp",
		            "123456789012345678901234567890123456789012345678901234567890.5|NaN|"
		            "9999-12-31 23:59:59\n");
	}
	assert_int_equal(stop(&child), 0);
}

/* COLUMNS tells names, types and sizes as the driver has them, once for a statement, and comes for an empty result
 * too. */
static void columns_once(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	prepare(&child, 5, 0, "select name, id from numbers where id < 0");
	execute(&child, 5, 0, NULL, &answer);
	assert_true(answer.done && answer.columns_came);
	assert_int_equal(answer.rows, 0);
	assert_int_equal(answer.columns.statement, 5);
	assert_int_equal(answer.columns.count, 2);
	assert_string_equal(answer.first_name, "name");
	assert_int_equal(answer.columns.columns[0].sql_type, SQL_VARCHAR);
	assert_int_equal(answer.columns.columns[0].size, 40);
	assert_int_equal(answer.columns.columns[1].sql_type, SQL_INTEGER);
	buf_release(&answer.text);
	execute(&child, 5, 0, NULL, &answer);
	assert_true(answer.done && !answer.columns_came);
	buf_release(&answer.text);
	/* Prepared again, it is another statement and is described again. */
	prepare(&child, 5, 0, "select id from numbers where id <= 2 order by id");
	execute(&child, 5, 0, NULL, &answer);
	assert_true(answer.done && answer.columns_came);
	assert_string_equal(answer.first_name, "id");
	assert_string_equal(buf_cstr(&answer.text), "1\n2\n");
	buf_release(&answer.text);
	assert_int_equal(stop(&child), 0);
}

/* Text and integer parameters, UTF-8 and blank padded keys among them, find their rows; the order of key
 * paging holds; what is no integer is refused for the request alone. */
static void parameters(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	expect_params(&child, "select number from names where name = ?", 1,
	              (struct source_param[]){text_param("東京")}, "2\n");
	expect_params(&child, "select name from names where company = ? and number = ?", 2,
	              (struct source_param[]){text_param("00001"), integer_param("1")}, "Müller\n");
	expect_params(&child, "select name from names where company = ?", 1,
	              (struct source_param[]){text_param("AB   ")}, "padded\n");
	expect_params(&child, "select number from names where name = ? and number = ?", 2,
	              (struct source_param[]){text_param(""), integer_param("7")}, "7\n");
	expect_params(
	    &child,
	    "select company, number from names where company > ? or (company = ? and number > ?) order by "
	    "company, number",
	    3, (struct source_param[]){text_param("00001"), text_param("00001"), integer_param("1")},
	    kind() == MARIADB ? "00001|2\n00010|7\nAB|1\n" : "00001|2\n00010|7\nAB   |1\n");
	expect_params(&child, "select a from types where b = ?", 1,
	              (struct source_param[]){integer_param("1234567890123456789")}, "42\n");
	/* A number key as text: the database converts. */
	expect_params(&child, "select name from numbers where id = ?", 1,
	              (struct source_param[]){text_param("77")}, "row 77\n");
	/* Many executions of one statement, with other values and other lengths. */
	prepare(&child, 1, 2, "select number from names where company = ? and name = ?");
	static const char *const values[][3] = {
	    {"00001", "東京", "2\n"}, {"00010", "", "7\n"}, {"00001", "no such name at all", ""}};
	for (int i = 0; i < 30; i++) {
		const char *const *v = values[i % 3];
		execute(&child, 1, 2, (struct source_param[]){text_param(v[0]), text_param(v[1])}, &answer);
		assert_true(answer.done);
		assert_string_equal(buf_cstr(&answer.text), v[2]);
		buf_release(&answer.text);
	}
	static const char *const no_integers[] = {"", "x", "1.0", "9223372036854775808", "1-", "--1", " 1"};
	prepare(&child, 2, 1, "select name from numbers where id = ?");
	for (size_t i = 0; i < sizeof no_integers / sizeof no_integers[0]; i++) {
		execute(&child, 2, 1, (struct source_param[]){integer_param(no_integers[i])}, &answer);
		assert_false(answer.done);
		assert_int_equal(answer.failed.failure, SOURCE_FAILURE_QUERY);
		buf_release(&answer.text);
	}
	assert_int_equal(stop(&child), 0);
}

/* A statement that fails says so for itself, with the database's words, and the next ones work: absent column and
 * table, syntax, too many parameters, none prepared, a statement without rows. */
static void errors_then_more(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	static const char *const bad[] = {
	    "select nope from names",
	    "select number from nope",
	    "selekt 1",
	    "select number from names where",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		expect_failure(&child, bad[i], SOURCE_FAILURE_QUERY);
		expect_rows(&child, "select number from names where number = 7", "7\n");
	}
	/* Again, without preparing it again: it is tried again. */
	prepare(&child, 3, 0, "select number from nope");
	for (int i = 0; i < 2; i++) {
		execute(&child, 3, 0, NULL, &answer);
		assert_int_equal(answer.failed.failure, SOURCE_FAILURE_QUERY);
		assert_non_null(strstr(answer.failed_text, "nope"));
		buf_release(&answer.text);
	}
	execute(&child, 3, 1, (struct source_param[]){text_param("x")}, &answer);
	assert_string_equal(answer.failed.sqlstate, "07001");
	buf_release(&answer.text);
	execute(&child, 31, 0, NULL, &answer);
	assert_string_equal(answer.failed.sqlstate, "26000");
	buf_release(&answer.text);
	if (kind() == POSTGRESQL) {
		/* Found while fetching, after rows were sent. */
		expect_failure(&child, "select 1 / (500 - id) from numbers", SOURCE_FAILURE_QUERY);
		expect_failure(&child, "select pg_terminate_backend(0) from nope", SOURCE_FAILURE_QUERY);
	}
	expect_rows(&child, "select number from names where number = 7", "7\n");
	assert_int_equal(stop(&child), 0);
}

/* A value of exactly the limit is whole; one byte more is TOO_LONG, and so is one of 2 MB; the rows around them come
 * once each and in order, and the child stays small. A value of 20,000 bytes in the midst of short ones is read again
 * and is whole. */
static void long_values(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	make_long(250, 20000);
	make_long(300, (int)SOURCE_VALUE_BYTES_MAX);
	make_long(301, (int)SOURCE_VALUE_BYTES_MAX + 1);
	make_long(400, 2000000);
	struct buf expected;
	buf_init(&expected, RESULT_BYTES_MAX);
	for (int id = 1; id <= 500; id++) {
		int len = id == 250 ? 20000 : id == 300 ? (int)SOURCE_VALUE_BYTES_MAX : 0;
		buf_printf(&expected, "%d|", id);
		for (int i = 0; i < len; i++)
			buf_append_char(&expected, 'y');
		if (len == 0)
			buf_append_text(&expected, id == 301 || id == 400 ? "<long 64 yyyy>" : "x");
		buf_append_char(&expected, '\n');
	}
	prepare(&child, 0, 0, "select id, body from texts order by id");
	/* The second time, the buffers are wide from the start. */
	for (int i = 0; i < 2; i++) {
		execute(&child, 0, 0, NULL, &answer);
		if (!answer.done)
			fail_msg("%s", answer.failed_text);
		assert_int_equal(answer.rows, 500);
		assert_true(answer.text.len == expected.len);
		assert_memory_equal(answer.text.data, expected.data, expected.len);
		buf_release(&answer.text);
	}
	buf_release(&expected);
	char path[64];
	char line[256];
	long kib = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)child.pid);
	FILE *status = fopen(path, "r");
	assert_non_null(status);
	while (fgets(line, sizeof line, status)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	(void)fclose(status);
	print_message("# largest memory of the child: %ld KiB\n", kib);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
	assert_true(kib > 0 && kib < (kind() == SQLITE ? CHILD_SQLITE_KIB_MAX : CHILD_KIB_MAX));
#endif
	make_short();
	assert_int_equal(stop(&child), 0);
}

/* Several long columns in one row: each is whole as long as the row is within its limit; what does not fit any
 * more is TOO_LONG, never cut. 256 KiB hold five values of 48 KiB and 16 KiB less the headers. */
static void wide_rows(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	make_long(1, (int)SOURCE_VALUE_BYTES_MAX);
	prepare(&child, 0, 0,
	        "select body, body, body, body, body, body, id from texts where id <= 2 order by id");
	execute(&child, 0, 0, NULL, &answer);
	assert_true(answer.done);
	size_t len = SOURCE_VALUE_BYTES_MAX;
	assert_int_equal(answer.text.data[5 * (len + 1) - 1], '|');
	assert_string_equal(buf_cstr(&answer.text) + 5 * (len + 1), "<long 64 yyyy>|1\nx|x|x|x|x|x|2\n");
	buf_release(&answer.text);
	make_short();
	assert_int_equal(stop(&child), 0);
}

/* Rows that are other rows when a long value is read again are not handed on as if they were the same: transient, ask
 * again. Shown with a random column and one row per fetch, so that the first row is out before the long one comes. */
static void changed_rows(void **state)
{
	(void)state;
	struct source_open open = open_message();
	open.row_array = 1;
	struct child child = open_child(&open);
	make_long(3, 5000);
	struct answer answer;
	prepare(&child, 0, 0,
	        kind() == MARIADB ? "select rand(), body from texts where id <= 3 order by id"
	                          : "select random(), body from texts where id <= 3 order by id");
	execute(&child, 0, 0, NULL, &answer);
	assert_false(answer.done);
	assert_int_equal(answer.failed.failure, SOURCE_FAILURE_TRANSIENT);
	buf_release(&answer.text);
	/* Asked again, the buffer is wide enough at once. */
	execute(&child, 0, 0, NULL, &answer);
	assert_true(answer.done);
	assert_int_equal(answer.rows, 3);
	buf_release(&answer.text);
	make_short();
	assert_int_equal(stop(&child), 0);
}

/* Bytes that are not UTF-8 make that value bad, with its bytes to look at; the row and the others go on. With the
 * source's encoding configured they are text. */
static void invalid_utf8(void **state)
{
	(void)state;
	struct source_open open = open_message();
	struct child child;
	switch (kind()) {
	case SQLITE:
		child = open_child(&open);
		expect_rows(&child, "select 1, cast(x'4dfc6c' as text), 'ok', cast(x'eda080' as text)",
		            "1|<bad 4dfc6c>|ok|<bad eda080>\n");
		assert_int_equal(stop(&child), 0);
		open.text_encoding = SPAN_LITERAL("ISO-8859-1");
		child = open_child(&open);
		expect_rows(&child, "select 1, cast(x'4dfc6c' as text), 'ok'", "1|Mül|ok\n");
		expect_params(&child, "select hex(cast(? as text))", 1,
		              (struct source_param[]){text_param("Mül")}, "4DFC6C\n");
		break;
	case POSTGRESQL:
		admin_connected(
		    setting("TWINPOST_ODBC_LATIN_ADMIN"),
		    "create table latin as select 1 as id, convert_from('\\x4dfc6c', 'SQL_ASCII') as name");
		open.connection = span_of(setting("TWINPOST_ODBC_LATIN"));
		child = open_child(&open);
		expect_rows(&child, "select id, name, 'ok' as x from latin", "1|<bad 4dfc6c>|ok\n");
		assert_int_equal(stop(&child), 0);
		open.text_encoding = SPAN_LITERAL("ISO-8859-1");
		child = open_child(&open);
		expect_rows(&child, "select id, name, 'ok' as x from latin", "1|Mül|ok\n");
		expect_params(&child, "select id from latin where name = ?", 1,
		              (struct source_param[]){text_param("Mül")}, "1\n");
		break;
	case MARIADB:
		/* The server converts what has an encoding: a Latin-1 column comes as UTF-8. */
		admin("create table latin (id integer, name varchar(20) character set latin1)");
		admin("insert into latin values (1, 'Mül')");
		child = open_child(&open);
		expect_rows(&child, "select id, name, hex(name) from latin", "1|Mül|4DFC6C\n");
		break;
	}
	assert_int_equal(stop(&child), 0);
	open.text_encoding = SPAN_LITERAL("no-such-encoding");
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "no-such-encoding");
}

/* 100,000 rows in pages by key and in one result: none missing, none twice, in order. */
static void many_rows(void **state)
{
	(void)state;
	struct child child = open_default();
	struct answer answer;
	char last[16] = "0";
	uint32_t rows = 0;
	prepare(&child, 0, 1, "select id, name from numbers where id > ? order by id limit 1000");
	do {
		execute(&child, 0, 1, (struct source_param[]){integer_param(last)}, &answer);
		assert_true(answer.done);
		char *next = (char *)(uintptr_t)buf_cstr(&answer.text);
		for (uint32_t i = 0; i < answer.rows; i++) {
			char expected[48];
			(void)snprintf(expected, sizeof expected, "%u|row %u\n", rows + 1, rows + 1);
			assert_memory_equal(next, expected, strlen(expected));
			next += strlen(expected);
			rows++;
		}
		(void)snprintf(last, sizeof last, "%u", rows);
		buf_release(&answer.text);
	} while (answer.rows > 0);
	assert_int_equal(rows, 100000);
	prepare(&child, 1, 0, "select id from numbers order by id");
	execute(&child, 1, 0, NULL, &answer);
	assert_true(answer.done);
	assert_int_equal(answer.rows, 100000);
	/* Digits of 1 to 100000, and a newline for each: 9 + 180 + 2700 + 36000 + 450000 + 6 + 100000. */
	assert_int_equal(answer.text.len, 588895);
	buf_release(&answer.text);
	assert_int_equal(stop(&child), 0);
}

/* A statement that takes longer than its time ends as transient, and the connection is good for the next. Of the
 * drivers here psqlODBC alone can. */
static void timed_out(void **state)
{
	(void)state;
	if (kind() != POSTGRESQL)
		skip();
	struct source_open open = open_message();
	open.query_timeout_s = 1;
	struct child child = open_child(&open);
	expect_failure(&child, "select pg_sleep(30)", SOURCE_FAILURE_TRANSIENT);
	expect_rows(&child, "select 1 as one", "1\n");
	/* And it holds no transaction open while nobody asks. */
	expect_rows(&child, "select count(*) from numbers", "100000\n");
	admin("do $$ begin if exists (select 1 from pg_stat_activity where state like 'idle in "
	      "transaction%') then "
	      "raise exception 'a transaction is open'; end if; end $$");
	assert_int_equal(stop(&child), 0);
}

/* The server ends the session: while it is idle and in the midst of a statement. Both are told as a failed connection
 * and the child ends, with status 0. */
static void session_killed(void **state)
{
	(void)state;
	if (kind() == SQLITE)
		skip();
	for (int busy = 0; busy < 2; busy++) {
		struct child child = open_default();
		struct answer answer;
		struct frame frame;
		prepare(&child, 0, 0,
		        kind() == POSTGRESQL ? "select pg_backend_pid()" : "select connection_id()");
		execute(&child, 0, 0, NULL, &answer);
		assert_true(answer.done);
		unsigned long session = strtoul(buf_cstr(&answer.text), NULL, 10);
		buf_release(&answer.text);
		char sql[200];
		if (kind() == POSTGRESQL)
			(void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%lu)", session);
		else
			(void)snprintf(sql, sizeof sql, "kill %lu", session);
		prepare(&child, 1, 0, kind() == POSTGRESQL ? "select pg_sleep(15)" : "select sleep(15)");
		if (busy)
			post_execute(&child, 1, 0, NULL);
		/* Whether the statement has begun when the session ends does not matter: both must be seen. */
		admin(sql);
		if (!busy)
			post_execute(&child, 1, 0, NULL);
		take_answer(&child, 1, &answer);
		assert_false(answer.done);
		if (answer.failed.failure != SOURCE_FAILURE_CONNECTION)
			fail_msg("failure %d [%s] %d %s", answer.failed.failure, answer.failed.sqlstate,
			         answer.failed.native, answer.failed_text);
		buf_release(&answer.text);
		assert_false(next_frame(&child, &frame));
		assert_int_equal(stop(&child), 0);
	}
}

/* What a person must see to, and what passes: wrong password, absent database, driver, DSN and secret are LOGIN, with
 * words that help and without the password; a server that does not listen is CONNECTION. */
static void no_login(void **state)
{
	(void)state;
	struct source_open open = open_message();
	open.connection = SPAN_LITERAL("Driver=/nonexistent/libno.so;Server=x");
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "odbcinst -q -d");
	open.connection = SPAN_LITERAL("DSN=twinpost_no_such_dsn");
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "odbcinst -q -d");
	open = open_message();
	open.password.kind = SECRET_ENVIRONMENT;
	assert_true(
	    text_copy(open.password.name, sizeof open.password.name, SPAN_LITERAL("TWINPOST_ODBC_UNSET")));
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "TWINPOST_ODBC_UNSET");
	if (kind() == SQLITE) {
		char connection[1024];
		(void)snprintf(connection, sizeof connection, "%s.absent",
		               setting("TWINPOST_ODBC_CONNECTION"));
		open = open_message();
		open.connection = span_of(connection);
		expect_no_login(&open, SOURCE_FAILURE_LOGIN, "connect failed");
		/* And it was not made. */
		expect_no_login(&open, SOURCE_FAILURE_LOGIN, "connect failed");
		open.connection = span_of(setting("TWINPOST_ODBC_NO_DATABASE"));
		expect_no_login(&open, SOURCE_FAILURE_LOGIN, "not a database");
		return;
	}
	open = open_message();
	assert_true(
	    text_copy(open.password.name, sizeof open.password.name, SPAN_LITERAL("TWINPOST_ODBC_WRONG")));
	assert_int_equal(setenv("TWINPOST_ODBC_WRONG", "wrong horse", 1), 0);
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, kind() == POSTGRESQL ? "password" : "Access denied");
	/* A driver that repeats what it was given: the password is not in the words. */
	assert_int_equal(setenv("TWINPOST_ODBC_WRONG", "127.0.0.1", 1), 0);
	open.user = SPAN_LITERAL("127.0.0.1");
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "***");
	open = open_message();
	open.connection = span_of(setting("TWINPOST_ODBC_NO_DATABASE"));
	expect_no_login(&open, SOURCE_FAILURE_LOGIN, "no_such_database");
	open.connection = span_of(setting("TWINPOST_ODBC_NO_SERVER"));
	expect_no_login(&open, SOURCE_FAILURE_CONNECTION, "connect");
}

/* A core that speaks nonsense gets no answer but the end, with status 1: an unknown type, a damaged message, a
 * statement before OPEN, OPEN twice. */
static void bad_core(void **state)
{
	(void)state;
	struct buf payload;
	struct frame frame;
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	struct child child = start();
	post(&child, 99, &payload);
	assert_false(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 1);
	child = start();
	prepare(&child, 0, 0, "select 1");
	assert_false(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 1);
	child = open_default();
	buf_append_text(&payload, "nonsense");
	post(&child, SOURCE_EXECUTE, &payload);
	assert_false(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 1);
	child = open_default();
	struct source_open open = open_message();
	buf_clear(&payload);
	source_open_encode(&payload, &open);
	post(&child, SOURCE_OPEN, &payload);
	assert_false(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 1);
	buf_release(&payload);
}

/* A core that goes away in the midst of a result: the child ends by itself, with status 0. */
static void core_gone(void **state)
{
	(void)state;
	struct child child = open_default();
	struct frame frame;
	prepare(&child, 0, 0, "select a.id, b.id, a.name, b.name from numbers a, numbers b where b.id <= 50");
	post_execute(&child, 0, 0, NULL);
	assert_true(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], ODBC_CHILD_ROLE) == 0)
		return run_role();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opened_read_only), cmocka_unit_test(changes_only_where_asked),
	    cmocka_unit_test(types_exact),      cmocka_unit_test(columns_once),
	    cmocka_unit_test(parameters),       cmocka_unit_test(errors_then_more),
	    cmocka_unit_test(long_values),      cmocka_unit_test(wide_rows),
	    cmocka_unit_test(changed_rows),     cmocka_unit_test(invalid_utf8),
	    cmocka_unit_test(many_rows),        cmocka_unit_test(timed_out),
	    cmocka_unit_test(session_killed),   cmocka_unit_test(no_login),
	    cmocka_unit_test(bad_core),         cmocka_unit_test(core_gone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(setting("TWINPOST_ODBC_KIND"), tests, make_tables, NULL);
}
