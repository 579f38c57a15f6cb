/*
 * odbc_child.c - the source child under test, as the core would speak to it.
 *
 * Why:   see odbc_child.h.
 * Owns:  see odbc_child.h.
 * Rules: see odbc_child.h.
 * Runs in: the integration tests.
 */
#include "tests/lib/odbc_child.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sql.h>
#include <sqlext.h>

#include "connector/source/odbc_role.h"
#include "hal/linux/port_linux.h"

enum kind kind(void)
{
	const char *name = getenv("TWINPOST_ODBC_KIND");
	assert_non_null(name);
	return strcmp(name, "sqlite") == 0 ? SQLITE : strcmp(name, "postgresql") == 0 ? POSTGRESQL : MARIADB;
}

const char *setting(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

struct child start(void)
{
	int pair[2];
	struct child child = {.request = 0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	(void)fflush(stdout);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		/* A program of its own, so that its memory is its own. */
		(void)dup2(pair[1], STDIN_FILENO);
		(void)execl("/proc/self/exe", "odbc_role_test", ODBC_CHILD_ROLE, (char *)NULL);
		_exit(127);
	}
	(void)close(pair[1]);
	child.fd = pair[0];
	frame_decoder_init(&child.decoder);
	return child;
}

int run_role(void)
{
	struct log log;
	struct port_linux port;
	log_init_stderr(&log, LOG_LEVEL_ERROR);
	port_linux_init(&port, STDIN_FILENO, &log);
	int status = odbc_role_run(&port.port);
	port_linux_release(&port);
	return status;
}

static int wait_status(struct child *child)
{
	int status = 0;
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	frame_decoder_release(&child->decoder);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

int stop(struct child *child)
{
	(void)close(child->fd);
	return wait_status(child);
}

void post(struct child *child, uint8_t type, const struct buf *payload)
{
	struct buf out;
	buf_init(&out, FRAME_PAYLOAD_MAX + 64);
	frame_encode(&out, type, payload->data, payload->len);
	size_t at = 0;
	while (at < out.len) {
		ssize_t n = send(child->fd, out.data + at, out.len - at, MSG_NOSIGNAL);
		assert_true(n > 0);
		at += (size_t)n;
	}
	buf_release(&out);
}

bool next_frame(struct child *child, struct frame *frame)
{
	struct err_info info;
	enum err err;
	while ((err = frame_decoder_next(&child->decoder, frame, &info)) == ERR_AGAIN) {
		struct pollfd polled = {.fd = child->fd, .events = POLLIN};
		assert_int_equal(poll(&polled, 1, FRAME_SECONDS * 1000), 1);
		size_t room;
		uint8_t *space = frame_decoder_space(&child->decoder, &room);
		ssize_t n = recv(child->fd, space, room, 0);
		if (n <= 0)
			return false;
		frame_decoder_received(&child->decoder, (size_t)n);
	}
	assert_int_equal(err, ERR_OK);
	return true;
}

struct source_open open_message(void)
{
	struct source_open open = {
	    .connection = span_of(setting("TWINPOST_ODBC_CONNECTION")),
	    .user = span_of(setting("TWINPOST_ODBC_USER")),
	    .login_timeout_s = 20,
	    .query_timeout_s = 20,
	    .row_array = 100,
	    .text_encoding = SPAN_LITERAL("utf-8"),
	};
	if (open.user.len > 0) {
		open.password.kind = SECRET_ENVIRONMENT;
		assert_true(text_copy(open.password.name, sizeof open.password.name,
		                      SPAN_LITERAL("TWINPOST_ODBC_PASSWORD")));
	}
	return open;
}

bool try_open(struct child *child, const struct source_open *open, struct source_opened *opened,
              struct answer *answer)
{
	struct buf payload;
	struct frame frame;
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	source_open_encode(&payload, open);
	post(child, SOURCE_OPEN, &payload);
	buf_release(&payload);
	assert_true(next_frame(child, &frame));
	if (frame.type == SOURCE_OPENED) {
		assert_true(source_opened_decode(opened, frame.payload, frame.len));
		return true;
	}
	assert_int_equal(frame.type, SOURCE_FAILED);
	assert_true(source_failed_decode(&answer->failed, frame.payload, frame.len));
	assert_int_equal(answer->failed.request, 0);
	assert_true(text_copy(answer->failed_text, sizeof answer->failed_text, answer->failed.text));
	return false;
}

struct child open_child(const struct source_open *open)
{
	struct child child = start();
	struct source_opened opened;
	struct answer answer;
	if (!try_open(&child, open, &opened, &answer))
		fail_msg("not opened: %s %s", answer.failed.sqlstate, answer.failed_text);
	return child;
}

struct child open_default(void)
{
	struct source_open open = open_message();
	return open_child(&open);
}

void expect_no_login(const struct source_open *open, enum source_failure failure, const char *words)
{
	struct child child = start();
	struct source_opened opened;
	struct answer answer = {.done = false};
	struct frame frame;
	assert_false(try_open(&child, open, &opened, &answer));
	if (answer.failed.failure != failure || !strstr(answer.failed_text, words))
		fail_msg("failure %d [%s] %s", answer.failed.failure, answer.failed.sqlstate,
		         answer.failed_text);
	assert_false(next_frame(&child, &frame));
	assert_int_equal(stop(&child), 0);
}

void prepare(struct child *child, uint16_t statement, uint16_t params, const char *sql)
{
	struct buf payload;
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	source_prepare_encode(&payload, &(struct source_prepare){
					    .statement = statement, .params = params, .sql = span_of(sql)});
	post(child, SOURCE_PREPARE, &payload);
	buf_release(&payload);
}

static void append_value(struct buf *out, const struct source_value *value)
{
	char hex[2 * SOURCE_VALUE_SHOWN_MAX + 1];
	switch (value->kind) {
	case SOURCE_VALUE_TEXT:
		buf_append_span(out, value->text);
		break;
	case SOURCE_VALUE_NULL:
		buf_append_text(out, "~");
		break;
	case SOURCE_VALUE_BAD_UTF8:
		hex_encode(hex, (const uint8_t *)value->text.data, value->text.len);
		buf_printf(out, "<bad %s>", hex);
		break;
	case SOURCE_VALUE_TOO_LONG:
		buf_printf(out, "<long %zu %.4s>", value->text.len, value->text.data);
		break;
	case SOURCE_VALUE_UNREADABLE:
		buf_printf(out, "<unreadable %.*s>", (int)value->text.len, value->text.data);
		break;
	}
}

static void take_rows(struct answer *answer, const struct frame *frame, uint32_t request, uint16_t statement)
{
	struct source_rows rows;
	struct source_value values[SOURCE_COLUMNS_MAX];
	assert_true(source_rows_decode(&rows, frame->payload, frame->len));
	assert_int_equal(rows.request, request);
	assert_int_equal(rows.statement, statement);
	while (source_rows_next(&rows, values)) {
		for (int i = 0; i < rows.columns; i++) {
			if (i > 0)
				buf_append_char(&answer->text, '|');
			append_value(&answer->text, &values[i]);
		}
		buf_append_char(&answer->text, '\n');
		answer->rows++;
	}
	assert_true(source_rows_good(&rows));
}

void post_execute(struct child *child, uint16_t statement, int count, const struct source_param *params)
{
	struct source_execute message = {
	    .request = ++child->request, .statement = statement, .param_count = (uint16_t)count};
	for (int i = 0; i < count; i++)
		message.params[i] = params[i];
	struct buf payload;
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	source_execute_encode(&payload, &message);
	post(child, SOURCE_EXECUTE, &payload);
	buf_release(&payload);
}

void take_answer(struct child *child, uint16_t statement, struct answer *answer)
{
	*answer = (struct answer){.done = false};
	buf_init(&answer->text, RESULT_BYTES_MAX);
	for (;;) {
		struct frame frame;
		assert_true(next_frame(child, &frame));
		if (frame.type == SOURCE_ROWS) {
			take_rows(answer, &frame, child->request, statement);
		} else if (frame.type == SOURCE_COLUMNS) {
			assert_false(answer->columns_came);
			assert_int_equal(answer->rows, 0);
			assert_true(source_columns_decode(&answer->columns, frame.payload, frame.len));
			assert_true(text_copy(answer->first_name, sizeof answer->first_name,
			                      answer->columns.columns[0].name));
			answer->columns_came = true;
		} else if (frame.type == SOURCE_DONE) {
			struct source_done done;
			assert_true(source_done_decode(&done, frame.payload, frame.len));
			assert_int_equal(done.request, child->request);
			if (answer->columns_came)
				assert_int_equal(done.rows, answer->rows);
			answer->rows = done.rows; /* without columns: rows that were changed */
			answer->done = true;
			return;
		} else {
			assert_int_equal(frame.type, SOURCE_FAILED);
			assert_true(source_failed_decode(&answer->failed, frame.payload, frame.len));
			assert_int_equal(answer->failed.request, child->request);
			assert_true(
			    text_copy(answer->failed_text, sizeof answer->failed_text, answer->failed.text));
			return;
		}
	}
}

void execute(struct child *child, uint16_t statement, int count, const struct source_param *params,
             struct answer *answer)
{
	post_execute(child, statement, count, params);
	take_answer(child, statement, answer);
}

void expect_params(struct child *child, const char *sql, int count, const struct source_param *params,
                   const char *rows)
{
	struct answer answer;
	prepare(child, 0, (uint16_t)count, sql);
	execute(child, 0, count, params, &answer);
	if (!answer.done)
		fail_msg("%s: [%s] %s", sql, answer.failed.sqlstate, answer.failed_text);
	assert_true(answer.columns_came);
	assert_string_equal(buf_cstr(&answer.text), rows);
	buf_release(&answer.text);
}

void expect_rows(struct child *child, const char *sql, const char *rows)
{
	expect_params(child, sql, 0, NULL, rows);
}

void expect_failure(struct child *child, const char *sql, enum source_failure failure)
{
	struct answer answer;
	prepare(child, 0, 0, sql);
	execute(child, 0, 0, NULL, &answer);
	assert_false(answer.done);
	if (answer.failed.failure != failure)
		fail_msg("%s: failure %d [%s] %d %s", sql, answer.failed.failure, answer.failed.sqlstate,
		         answer.failed.native, answer.failed_text);
	assert_true(answer.failed_text[0] != 0);
	buf_release(&answer.text);
}

struct source_param text_param(const char *text)
{
	return (struct source_param){.integer = false, .text = span_of(text)};
}

struct source_param integer_param(const char *text)
{
	return (struct source_param){.integer = true, .text = span_of(text)};
}

void admin_connected(const char *connection, const char *sql)
{
	SQLHENV environment;
	SQLHDBC handle;
	SQLHSTMT statement;
	SQLCHAR text[500] = "";
	SQLCHAR state[6] = "";
	SQLINTEGER native = 0;
	SQLSMALLINT len = 0;
	assert_int_equal(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &environment), SQL_SUCCESS);
	(void)SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)(uintptr_t)SQL_OV_ODBC3, 0);
	assert_int_equal(SQLAllocHandle(SQL_HANDLE_DBC, environment, &handle), SQL_SUCCESS);
	SQLRETURN ret = SQLDriverConnect(handle, NULL, (SQLCHAR *)(uintptr_t)connection, SQL_NTS, NULL, 0,
	                                 NULL, SQL_DRIVER_NOPROMPT);
	if (!SQL_SUCCEEDED(ret)) {
		(void)SQLGetDiagRec(SQL_HANDLE_DBC, handle, 1, state, &native, text, sizeof text, &len);
		fail_msg("%s", (char *)text);
	}
	assert_int_equal(SQLAllocHandle(SQL_HANDLE_STMT, handle, &statement), SQL_SUCCESS);
	ret = SQLExecDirect(statement, (SQLCHAR *)(uintptr_t)sql, SQL_NTS);
	if (!SQL_SUCCEEDED(ret) && ret != SQL_NO_DATA) {
		(void)SQLGetDiagRec(SQL_HANDLE_STMT, statement, 1, state, &native, text, sizeof text, &len);
		fail_msg("%s: %s", sql, (char *)text);
	}
	(void)SQLFreeHandle(SQL_HANDLE_STMT, statement);
	(void)SQLDisconnect(handle);
	(void)SQLFreeHandle(SQL_HANDLE_DBC, handle);
	(void)SQLFreeHandle(SQL_HANDLE_ENV, environment);
}

void admin(const char *sql)
{
	admin_connected(setting("TWINPOST_ODBC_ADMIN"), sql);
}
