/*
 * source_protocol_test.c - the messages between core and source child: round trips, layout, limits, cut-off input.
 *
 * Why:   what a child says of the ERP is hashed and sent to billing; the core trusts none of its bytes.
 * Owns:  buffers.
 * Rules: expected bytes are written out by hand from the layouts in source_protocol.h.
 * Runs in: the unit tests.
 */
#include "connector/source/source_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUF_MAX (1024u * 1024u)

typedef bool (*decode_any)(const void *data, size_t len);

/* Each shorter prefix and one byte more is refused, read from memory of exactly its size, so that a read past
 * the end is seen by the address sanitizer; the message itself is accepted. */
static void check_prefixes(const struct buf *buf, decode_any decode)
{
	for (size_t len = 0; len <= buf->len + 1; len++) {
		uint8_t *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, buf->data, len < buf->len ? len : buf->len);
		if (len > buf->len)
			copy[buf->len] = 0;
		assert_int_equal(decode(copy, len), len == buf->len);
		free(copy);
	}
}

static struct span repeated(char c, size_t len)
{
	char *text = mem_alloc(len + 1);
	memset(text, c, len);
	return (struct span){text, len};
}

static void drop(struct span s)
{
	free((char *)(uintptr_t)s.data);
}

/* ---- open ---- */

static struct source_open good_open(void)
{
	struct source_open open = {
	    .connection = SPAN_LITERAL("DSN=erp"),
	    .user = SPAN_LITERAL("reader"),
	    .login_timeout_s = 20,
	    .query_timeout_s = 60,
	    .row_array = 100,
	    .text_encoding = SPAN_LITERAL("utf-8"),
	};
	open.password.kind = SECRET_CREDENTIAL;
	memcpy(open.password.name, "erp", 4);
	return open;
}

static bool decode_open(const void *data, size_t len)
{
	struct source_open open;
	return source_open_decode(&open, data, len);
}

static bool open_accepted(const struct source_open *open)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_open_encode(&buf, open);
	assert_true(buf_ok(&buf));
	bool accepted = decode_open(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

/* All fields come back as they were. */
static void open_round_trip(void **state)
{
	(void)state;
	struct buf buf;
	struct source_open open = good_open();
	struct source_open back;
	buf_init(&buf, BUF_MAX);
	source_open_encode(&buf, &open);
	assert_true(source_open_decode(&back, buf.data, buf.len));
	assert_true(span_equal(back.connection, open.connection));
	assert_true(span_equal(back.user, open.user));
	assert_int_equal(back.password.kind, SECRET_CREDENTIAL);
	assert_string_equal(back.password.name, "erp");
	assert_int_equal(back.login_timeout_s, 20);
	assert_int_equal(back.query_timeout_s, 60);
	assert_int_equal(back.row_array, 100);
	assert_true(span_equal(back.text_encoding, open.text_encoding));
	assert_int_equal(back.changes, 0);
	check_prefixes(&buf, decode_open);
	buf_release(&buf);
}

/* Each limit at its edge; texts that become C strings hold no zero. */
static void open_limits(void **state)
{
	(void)state;
	struct source_open open = good_open();
	open.user = (struct span){NULL, 0};
	assert_true(open_accepted(&open));
	open.row_array = 1;
	assert_true(open_accepted(&open));
	open.row_array = 1000;
	assert_true(open_accepted(&open));
	open.row_array = 1001;
	assert_false(open_accepted(&open));
	open.row_array = 0;
	assert_false(open_accepted(&open));
	open = good_open();
	open.changes = 1;
	assert_true(open_accepted(&open));
	open.changes = 2;
	assert_false(open_accepted(&open));
	open = good_open();
	open.connection = (struct span){NULL, 0};
	assert_false(open_accepted(&open));
	open.connection = (struct span){"a\0b", 3};
	assert_false(open_accepted(&open));
	open.connection = repeated('x', 4096);
	assert_true(open_accepted(&open));
	drop(open.connection);
	open.connection = repeated('x', 4097);
	assert_false(open_accepted(&open));
	drop(open.connection);
	open = good_open();
	open.user = repeated('x', 257);
	assert_false(open_accepted(&open));
	drop(open.user);
	open = good_open();
	open.text_encoding = repeated('x', 65);
	assert_false(open_accepted(&open));
	drop(open.text_encoding);
	open.text_encoding = (struct span){NULL, 0};
	assert_false(open_accepted(&open));
}

/* ---- prepare and execute ---- */

static bool decode_prepare(const void *data, size_t len)
{
	struct source_prepare prepare;
	return source_prepare_decode(&prepare, data, len);
}

static bool prepare_accepted(uint16_t statement, uint16_t params, struct span sql)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_prepare_encode(&buf,
	                      &(struct source_prepare){.statement = statement, .params = params, .sql = sql});
	bool accepted = decode_prepare(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

static void prepares(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_prepare_encode(
	    &buf, &(struct source_prepare){.statement = 3, .params = 1, .sql = SPAN_LITERAL("a ?")});
	assert_int_equal(buf.len, 11);
	assert_memory_equal(buf.data, "\3\0\1\0\3\0\0\0a ?", 11);
	check_prefixes(&buf, decode_prepare);
	buf_release(&buf);
	struct span longest = repeated('x', 32768);
	struct span longer = repeated('x', 32769);
	assert_true(prepare_accepted(31, 32, longest));
	assert_false(prepare_accepted(31, 32, longer));
	assert_false(prepare_accepted(32, 0, longest));
	assert_false(prepare_accepted(0, 33, longest));
	assert_false(prepare_accepted(0, 0, (struct span){NULL, 0}));
	assert_false(prepare_accepted(0, 0, (struct span){"a\0b", 3}));
	assert_false(prepare_accepted(0, 0, SPAN_LITERAL("\xff")));
	drop(longest);
	drop(longer);
}

static bool decode_execute(const void *data, size_t len)
{
	struct source_execute execute;
	return source_execute_decode(&execute, data, len);
}

static bool execute_accepted(const struct source_execute *execute)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_execute_encode(&buf, execute);
	bool accepted = decode_execute(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

static void executes(void **state)
{
	(void)state;
	struct buf buf;
	struct source_execute execute = {.request = 258, .statement = 4, .param_count = 2};
	struct source_execute back;
	execute.params[0] = (struct source_param){.integer = true, .text = SPAN_LITERAL("-5")};
	execute.params[1] = (struct source_param){.integer = false, .text = SPAN_LITERAL("")};
	buf_init(&buf, BUF_MAX);
	source_execute_encode(&buf, &execute);
	assert_int_equal(buf.len, 20);
	assert_memory_equal(buf.data, "\2\1\0\0\4\0\2\0\1\2\0\0\0-5\0\0\0\0\0", 20);
	assert_true(source_execute_decode(&back, buf.data, buf.len));
	assert_true(back.params[0].integer && span_equal(back.params[0].text, SPAN_LITERAL("-5")));
	assert_true(!back.params[1].integer && back.params[1].text.len == 0);
	check_prefixes(&buf, decode_execute);
	/* A kind of parameter that is neither. */
	buf.data[8] = 2;
	assert_false(decode_execute(buf.data, buf.len));
	buf_release(&buf);
	execute.request = 0;
	assert_false(execute_accepted(&execute));
	execute.request = 1;
	execute.statement = 32;
	assert_false(execute_accepted(&execute));
	execute.statement = 31;
	execute.param_count = 32;
	struct span longest = repeated('x', 4096);
	struct span longer = repeated('x', 4097);
	for (int i = 0; i < 32; i++)
		execute.params[i] = (struct source_param){.text = longest};
	assert_true(execute_accepted(&execute));
	execute.params[31].text = longer;
	assert_false(execute_accepted(&execute));
	execute.params[31].text = SPAN_LITERAL("\xc3");
	assert_false(execute_accepted(&execute));
	drop(longest);
	drop(longer);
}

/* ---- opened, failed, columns, done ---- */

static bool decode_opened(const void *data, size_t len)
{
	struct source_opened opened;
	return source_opened_decode(&opened, data, len);
}

static void openeds(void **state)
{
	(void)state;
	struct buf buf;
	struct source_opened back;
	buf_init(&buf, BUF_MAX);
	source_opened_encode(&buf, &(struct source_opened){.dbms = SPAN_LITERAL("PostgreSQL"),
	                                                   .dbms_version = SPAN_LITERAL("15"),
	                                                   .driver = SPAN_LITERAL("d"),
	                                                   .driver_version = SPAN_LITERAL("1"),
	                                                   .isolation = 4,
	                                                   .read_only = 2});
	assert_true(source_opened_decode(&back, buf.data, buf.len));
	assert_true(span_equal(back.dbms, SPAN_LITERAL("PostgreSQL")));
	assert_true(span_equal(back.driver_version, SPAN_LITERAL("1")));
	assert_int_equal(back.isolation, 4);
	assert_int_equal(back.read_only, 2);
	check_prefixes(&buf, decode_opened);
	buf.data[buf.len - 1] = 3;
	assert_false(decode_opened(buf.data, buf.len));
	buf.data[buf.len - 1] = 2;
	buf.data[buf.len - 2] = 5;
	assert_false(decode_opened(buf.data, buf.len));
	buf_release(&buf);
}

static bool decode_failed(const void *data, size_t len)
{
	struct source_failed failed;
	return source_failed_decode(&failed, data, len);
}

static bool failed_accepted(uint8_t failure, const char *sqlstate, struct span text)
{
	struct buf buf;
	struct source_failed failed = {.request = 1, .failure = failure, .text = text};
	memcpy(failed.sqlstate, sqlstate, strlen(sqlstate) + 1);
	buf_init(&buf, BUF_MAX);
	source_failed_encode(&buf, &failed);
	bool accepted = decode_failed(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

static void faileds(void **state)
{
	(void)state;
	struct buf buf;
	struct source_failed back;
	buf_init(&buf, BUF_MAX);
	source_failed_encode(&buf, &(struct source_failed){.request = 7,
	                                                   .failure = SOURCE_FAILURE_QUERY,
	                                                   .sqlstate = "42S02",
	                                                   .native = -204,
	                                                   .text = SPAN_LITERAL("no such table: Ü")});
	assert_true(source_failed_decode(&back, buf.data, buf.len));
	assert_int_equal(back.request, 7);
	assert_int_equal(back.failure, SOURCE_FAILURE_QUERY);
	assert_string_equal(back.sqlstate, "42S02");
	assert_int_equal(back.native, -204);
	assert_true(span_equal(back.text, SPAN_LITERAL("no such table: Ü")));
	check_prefixes(&buf, decode_failed);
	buf_release(&buf);
	struct span longest = repeated('x', 500);
	struct span longer = repeated('x', 501);
	assert_true(failed_accepted(1, "", longest));
	assert_true(failed_accepted(4, "HY000", longest));
	assert_false(failed_accepted(0, "HY000", longest));
	assert_false(failed_accepted(5, "HY000", longest));
	assert_false(failed_accepted(1, "HY00", longest));
	assert_false(failed_accepted(1, "HY 00", longest));
	assert_false(failed_accepted(1, "hy000", longest));
	assert_false(failed_accepted(1, "HY000", longer));
	assert_false(failed_accepted(1, "HY000", SPAN_LITERAL("\xff")));
	assert_false(failed_accepted(1, "HY000", (struct span){"a\0", 2}));
	drop(longest);
	drop(longer);
}

static bool decode_columns(const void *data, size_t len)
{
	struct source_columns columns;
	return source_columns_decode(&columns, data, len);
}

static void columns(void **state)
{
	(void)state;
	struct buf buf;
	struct source_columns sent = {.statement = 31, .count = 2};
	struct source_columns back;
	sent.columns[0] = (struct source_column){SPAN_LITERAL("GLAA"), -5, 19, 0};
	sent.columns[1] = (struct source_column){SPAN_LITERAL(""), 12, UINT32_MAX, -3};
	buf_init(&buf, BUF_MAX);
	source_columns_encode(&buf, &sent);
	assert_int_equal(buf.len, 4 + 4 + 4 + 8 + 4 + 8);
	assert_memory_equal(buf.data, "\37\0\2\0\4\0\0\0GLAA\373\377\23\0\0\0\0\0", 20);
	assert_true(source_columns_decode(&back, buf.data, buf.len));
	assert_true(span_equal(back.columns[0].name, SPAN_LITERAL("GLAA")));
	assert_int_equal(back.columns[0].sql_type, -5);
	assert_int_equal(back.columns[1].size, UINT32_MAX);
	assert_int_equal(back.columns[1].scale, -3);
	check_prefixes(&buf, decode_columns);
	buf_clear(&buf);
	sent.count = 96;
	for (int i = 0; i < 96; i++)
		sent.columns[i] = sent.columns[0];
	source_columns_encode(&buf, &sent);
	assert_true(decode_columns(buf.data, buf.len));
	/* The count says 97, and the bytes for it are there. */
	buf_append(&buf, "\4\0\0\0GLAA\373\377\23\0\0\0\0\0", 16);
	buf.data[2] = 97;
	assert_false(decode_columns(buf.data, buf.len));
	buf.data[2] = 0;
	assert_false(decode_columns(buf.data, 4));
	buf_release(&buf);
	struct span longest = repeated('x', 512);
	struct span longer = repeated('x', 513);
	sent.count = 1;
	sent.columns[0].name = longest;
	buf_init(&buf, BUF_MAX);
	source_columns_encode(&buf, &sent);
	assert_true(decode_columns(buf.data, buf.len));
	buf_clear(&buf);
	sent.columns[0].name = longer;
	source_columns_encode(&buf, &sent);
	assert_false(decode_columns(buf.data, buf.len));
	buf_release(&buf);
	drop(longest);
	drop(longer);
}

static bool decode_done(const void *data, size_t len)
{
	struct source_done done;
	return source_done_decode(&done, data, len);
}

static void dones(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_done_encode(&buf, &(struct source_done){.request = 1, .rows = 0x01020304});
	assert_memory_equal(buf.data, "\1\0\0\0\4\3\2\1", 8);
	check_prefixes(&buf, decode_done);
	buf.data[0] = 0;
	assert_false(decode_done(buf.data, buf.len));
	buf_release(&buf);
}

/* ---- rows ---- */

static bool read_rows(const void *data, size_t len, uint32_t *count)
{
	struct source_rows rows;
	struct source_value values[SOURCE_COLUMNS_MAX];
	*count = 0;
	if (!source_rows_decode(&rows, data, len))
		return false;
	while (source_rows_next(&rows, values))
		(*count)++;
	return source_rows_good(&rows);
}

static bool decode_rows(const void *data, size_t len)
{
	uint32_t count;
	return read_rows(data, len, &count);
}

/* Two rows of three columns with every kind of value, byte by byte, and back. */
static void rows_round_trip(void **state)
{
	(void)state;
	static const char expected[] = "\1\0\0\0\2\0\3\0\2\0\0\0"
				       "\3\0\0\0abc"
				       "\0\0\0\40"
				       "\0\0\0\0"
				       "\1\0\0\100\377"
				       "\2\0\0\140xy"
				       "\1\0\0\200?";
	static const struct source_value sent[] = {
	    {SOURCE_VALUE_TEXT, {"abc", 3}},    {SOURCE_VALUE_NULL, {NULL, 0}},
	    {SOURCE_VALUE_TEXT, {NULL, 0}},     {SOURCE_VALUE_BAD_UTF8, {"\xff", 1}},
	    {SOURCE_VALUE_TOO_LONG, {"xy", 2}}, {SOURCE_VALUE_UNREADABLE, {"?", 1}},
	};
	struct buf buf;
	struct source_rows rows;
	struct source_value values[3];
	buf_init(&buf, BUF_MAX);
	source_rows_begin(&buf, 1, 2, 3);
	for (int i = 0; i < 6; i++)
		source_rows_value(&buf, sent[i]);
	source_rows_end(&buf, 2);
	assert_int_equal(buf.len, sizeof expected - 1);
	assert_memory_equal(buf.data, expected, buf.len);
	assert_true(source_rows_decode(&rows, buf.data, buf.len));
	for (int row = 0; row < 2; row++) {
		assert_true(source_rows_next(&rows, values));
		for (int i = 0; i < 3; i++) {
			assert_int_equal(values[i].kind, sent[3 * row + i].kind);
			assert_true(span_equal(values[i].text, sent[3 * row + i].text));
		}
	}
	assert_false(source_rows_next(&rows, values));
	assert_true(source_rows_good(&rows));
	check_prefixes(&buf, decode_rows);
	buf_release(&buf);
}

static bool value_accepted(int kind, struct span text)
{
	struct buf buf;
	buf_init(&buf, BUF_MAX);
	source_rows_begin(&buf, 1, 0, 1);
	source_rows_value(&buf, (struct source_value){(enum source_value_kind)kind, text});
	source_rows_end(&buf, 1);
	assert_true(buf_ok(&buf));
	bool accepted = decode_rows(buf.data, buf.len);
	buf_release(&buf);
	return accepted;
}

/* Each kind of value at the edge of its limit; text is UTF-8, with a zero byte if need be; NULL has no bytes;
 * there is no sixth kind. */
static void value_limits(void **state)
{
	(void)state;
	static const struct {
		int kind;
		size_t len;
	} limits[] = {
	    {SOURCE_VALUE_TEXT, 49152},  {SOURCE_VALUE_NULL, 0},         {SOURCE_VALUE_BAD_UTF8, 64},
	    {SOURCE_VALUE_TOO_LONG, 64}, {SOURCE_VALUE_UNREADABLE, 200},
	};
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct span longest = repeated('x', limits[i].len);
		struct span longer = repeated('x', limits[i].len + 1);
		assert_true(value_accepted(limits[i].kind, longest));
		assert_false(value_accepted(limits[i].kind, longer));
		drop(longest);
		drop(longer);
	}
	for (int kind = 5; kind < 8; kind++)
		assert_false(value_accepted(kind, SPAN_LITERAL("x")));
	assert_true(value_accepted(SOURCE_VALUE_TEXT, SPAN_LITERAL("Ümlaut 東京 😀")));
	assert_true(value_accepted(SOURCE_VALUE_TEXT, (struct span){"a\0b", 3}));
	assert_false(value_accepted(SOURCE_VALUE_TEXT, SPAN_LITERAL("\xed\xa0\x80")));
	assert_true(value_accepted(SOURCE_VALUE_BAD_UTF8, SPAN_LITERAL("\xed\xa0\x80")));
	assert_false(value_accepted(SOURCE_VALUE_UNREADABLE, SPAN_LITERAL("\xff")));
}

/* A row of 256 KiB with its headers is the largest: five values of 48 KiB, one for the rest. */
static void row_limit(void **state)
{
	(void)state;
	struct span longest = repeated('x', 49152);
	for (size_t more = 0; more < 2; more++) {
		struct buf buf;
		buf_init(&buf, BUF_MAX);
		source_rows_begin(&buf, 1, 0, 6);
		for (int i = 0; i < 5; i++)
			source_rows_value(&buf, (struct source_value){SOURCE_VALUE_TEXT, longest});
		size_t rest = 262144 - 6 * 4 - 5 * 49152 + more;
		source_rows_value(&buf, (struct source_value){SOURCE_VALUE_TEXT, {longest.data, rest}});
		source_rows_end(&buf, 1);
		assert_int_equal(decode_rows(buf.data, buf.len), more == 0);
		buf_release(&buf);
	}
	drop(longest);
}

/* A header with a bad request, statement or number of columns; a number of rows that is not the number there. */
static void rows_refused(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{0, 0}, {4, 32}, {6, 0}, {6, 97}, {8, 0}, {8, 2}, {8, 255}};
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct buf buf;
		buf_init(&buf, BUF_MAX);
		source_rows_begin(&buf, 1, 0, 1);
		source_rows_value(&buf, (struct source_value){SOURCE_VALUE_TEXT, SPAN_LITERAL("x")});
		source_rows_end(&buf, 1);
		assert_true(decode_rows(buf.data, buf.len));
		buf.data[changes[i].at] = changes[i].value;
		assert_false(decode_rows(buf.data, buf.len));
		buf_release(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open_round_trip), cmocka_unit_test(open_limits),
	    cmocka_unit_test(prepares),        cmocka_unit_test(executes),
	    cmocka_unit_test(openeds),         cmocka_unit_test(faileds),
	    cmocka_unit_test(columns),         cmocka_unit_test(dones),
	    cmocka_unit_test(rows_round_trip), cmocka_unit_test(value_limits),
	    cmocka_unit_test(row_limit),       cmocka_unit_test(rows_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
