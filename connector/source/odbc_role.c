/*
 * odbc_role.c - the source child: answers the core's requests over one ODBC connection.
 *
 * Why:   see odbc_role.h.
 * Owns:  struct odbc_role, for the life of the child.
 * Rules: as in odbc_role.h.
 * Faults: see odbc_role.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_role.h"

#include <stdlib.h>
#include <string.h>

#include "connector/source/odbc_fetch.h"

/* The largest message made here besides ROWS: COLUMNS. */
#define MESSAGE_BYTES_MAX (SOURCE_COLUMNS_MAX * (SOURCE_NAME_BYTES_MAX + 16) + 64)
#define EXIT_BAD_CORE     1

/* Whether the child goes on after a request. */
enum next { NEXT_GO_ON, NEXT_END, NEXT_BAD_CORE };

struct odbc_role {
	struct port *port;
	struct odbc_connection connection;
	bool dead; /* the connection is not to be spoken to any more */
	struct odbc_text text;
	struct odbc_statement statements[SOURCE_STATEMENTS_MAX];
	struct odbc_params params;
	struct odbc_fetch fetch;
	struct buf message;
	uint32_t query_timeout_s;
	uint16_t row_array;
};

static enum next send_message(struct odbc_role *role, enum source_message type)
{
	CHECK(buf_ok(&role->message));
	enum err err = port_send(role->port, (uint8_t)type, role->message.data, role->message.len);
	buf_clear(&role->message);
	return err == ERR_OK ? NEXT_GO_ON : NEXT_END;
}

static enum next send_last(struct odbc_role *role, enum source_message type)
{
	enum next next = send_message(role, type);
	return next == NEXT_GO_ON && port_flush(role->port) == ERR_OK ? NEXT_GO_ON : NEXT_END;
}

static enum next send_failure(struct odbc_role *role, uint32_t request, const struct odbc_failure *failure)
{
	struct source_failed message = {
	    .request = request,
	    .failure = (uint8_t)failure->failure,
	    .native = failure->native,
	    .text = span_of(failure->text),
	};
	memcpy(message.sqlstate, failure->sqlstate, sizeof message.sqlstate);
	source_failed_encode(&role->message, &message);
	enum next next = send_last(role, SOURCE_FAILED);
	if (request == 0 || failure->failure == SOURCE_FAILURE_CONNECTION)
		return NEXT_END;
	return next;
}

static enum next send_opened(struct odbc_role *role)
{
	const struct odbc_connection *connection = &role->connection;
	source_opened_encode(&role->message, &(struct source_opened){
						 .dbms = span_of(connection->dbms_name),
						 .dbms_version = span_of(connection->dbms_version),
						 .driver = span_of(connection->driver_name),
						 .driver_version = span_of(connection->driver_version),
						 .isolation = connection->isolation,
						 .read_only = connection->read_only,
					     });
	return send_last(role, SOURCE_OPENED);
}

static bool open_connection(struct odbc_role *role, const struct source_open *message,
                            struct odbc_failure *failure)
{
	struct secret secret = {.len = 0};
	struct err_info info;
	if (!odbc_text_init(&role->text, message->text_encoding)) {
		odbc_diag_set(failure, SOURCE_FAILURE_LOGIN, "",
		              "the encoding %.*s is not known here; see iconv -l",
		              (int)message->text_encoding.len, message->text_encoding.data);
		return false;
	}
	if (message->password.kind != SECRET_NONE &&
	    port_secret(role->port, &message->password, &secret, &info) != ERR_OK) {
		odbc_diag_set(failure, SOURCE_FAILURE_LOGIN, "", "no password: %s", info.text);
		return false;
	}
	bool ok = odbc_connection_open(&role->connection, message, (struct span){secret.bytes, secret.len},
	                               failure);
	secret_release(&secret);
	return ok;
}

static enum next handle_open(struct odbc_role *role, const struct frame *frame)
{
	struct source_open message;
	struct odbc_failure failure;
	if (role->connection.connected || !source_open_decode(&message, frame->payload, frame->len))
		return NEXT_BAD_CORE;
	role->query_timeout_s = message.query_timeout_s;
	role->row_array = message.row_array;
	if (open_connection(role, &message, &failure))
		return send_opened(role);
	role->dead = failure.failure == SOURCE_FAILURE_CONNECTION;
	return send_failure(role, 0, &failure);
}

static enum next handle_prepare(struct odbc_role *role, const struct frame *frame)
{
	struct source_prepare message;
	if (!role->connection.connected || !source_prepare_decode(&message, frame->payload, frame->len))
		return NEXT_BAD_CORE;
	odbc_statement_set(&role->statements[message.statement], &message);
	return NEXT_GO_ON;
}

/* Describes the columns the first time, looks that they are the same every other time. */
static bool settle_columns(struct odbc_role *role, struct odbc_statement *statement, uint16_t number,
                           struct odbc_failure *failure)
{
	if (statement->announced)
		return odbc_statement_same(statement, failure);
	struct source_columns *columns = mem_alloc(sizeof *columns);
	char(*names)[SOURCE_NAME_BYTES_MAX + 1] = mem_alloc(SOURCE_COLUMNS_MAX * sizeof *names);
	bool ok = odbc_statement_describe(statement, role->connection.dbms, columns, names, failure);
	if (ok) {
		columns->statement = number;
		source_columns_encode(&role->message, columns);
		/* A core that has gone is noticed at the next frame. */
		(void)send_message(role, SOURCE_COLUMNS);
		statement->announced = true;
	}
	free(names);
	free(columns);
	return ok;
}

static enum odbc_fetch_end execute_once(struct odbc_role *role, const struct source_execute *message,
                                        struct odbc_reading *reading, struct odbc_failure *failure)
{
	struct odbc_statement *statement = reading->statement;
	enum odbc_fetch_end end = ODBC_FETCH_FAILED;
	bool ok = odbc_statement_execute(statement, &role->connection, &role->text, message, &role->params,
	                                 role->query_timeout_s, failure);
	if (ok && role->connection.changes && odbc_statement_changed(statement, &reading->rows))
		end = ODBC_FETCH_DONE;
	else if (ok && settle_columns(role, statement, message->statement, failure))
		end = odbc_fetch_rows(&role->fetch, reading, failure);
	/* A driver may wait for the answer of a server that has gone. */
	if (end == ODBC_FETCH_FAILED && failure->failure == SOURCE_FAILURE_CONNECTION)
		return end;
	odbc_statement_close(statement);
	/* A statement that was not read to its end is not used again: the SQLite driver with StepAPI=1 goes on
	 * where it was instead of beginning anew. */
	if (end != ODBC_FETCH_DONE)
		odbc_statement_drop(statement);
	return end;
}

/* What is left of the connection after a failed statement. */
static void recover(struct odbc_role *role, struct odbc_failure *failure)
{
	odbc_fetch_clear(&role->fetch);
	if (failure->failure != SOURCE_FAILURE_CONNECTION) {
		(void)SQLEndTran(SQL_HANDLE_DBC, role->connection.handle, SQL_ROLLBACK);
		if (!odbc_connection_alive(&role->connection))
			failure->failure = SOURCE_FAILURE_CONNECTION;
	}
	role->dead = failure->failure == SOURCE_FAILURE_CONNECTION;
}

static enum next execute(struct odbc_role *role, const struct source_execute *message)
{
	struct odbc_statement *statement = &role->statements[message->statement];
	struct odbc_failure failure;
	if (!odbc_params_set(&role->params, message, &role->text, &failure))
		return send_failure(role, message->request, &failure);
	struct odbc_reading reading = {
	    .port = role->port,
	    .text = &role->text,
	    .statement = statement,
	    .dbms = role->connection.dbms,
	    .request = message->request,
	    .number = message->statement,
	    .row_array = role->row_array,
	};
	odbc_fetch_clear(&role->fetch);
	enum odbc_fetch_end end;
	/* Ends: every time round, a column is at least twice as wide, up to a limit. */
	do
		end = execute_once(role, message, &reading, &failure);
	while (end == ODBC_FETCH_AGAIN);
	if (end == ODBC_FETCH_GONE)
		return NEXT_END;
	if (end == ODBC_FETCH_FAILED) {
		recover(role, &failure);
		return send_failure(role, message->request, &failure);
	}
	source_done_encode(&role->message,
	                   &(struct source_done){.request = message->request, .rows = reading.rows});
	return send_last(role, SOURCE_DONE);
}

static enum next handle_execute(struct odbc_role *role, const struct frame *frame)
{
	struct source_execute message;
	struct odbc_failure failure;
	if (!role->connection.connected || !source_execute_decode(&message, frame->payload, frame->len))
		return NEXT_BAD_CORE;
	const struct odbc_statement *statement = &role->statements[message.statement];
	if (statement->sql && statement->params == message.param_count)
		return execute(role, &message);
	if (!statement->sql)
		odbc_diag_set(&failure, SOURCE_FAILURE_QUERY, "26000", "statement %u was not prepared",
		              message.statement);
	else
		odbc_diag_set(&failure, SOURCE_FAILURE_QUERY, "07001",
		              "the statement takes %u parameters and was given %u", statement->params,
		              message.param_count);
	return send_failure(role, message.request, &failure);
}

static enum next handle(struct odbc_role *role, const struct frame *frame)
{
	switch (frame->type) {
	case SOURCE_OPEN:
		return handle_open(role, frame);
	case SOURCE_PREPARE:
		return handle_prepare(role, frame);
	case SOURCE_EXECUTE:
		return handle_execute(role, frame);
	default:
		return NEXT_BAD_CORE;
	}
}

static void release(struct odbc_role *role)
{
	for (int i = 0; i < SOURCE_STATEMENTS_MAX; i++) {
		/* Freeing a statement speaks to the server; a dead one is left to the end of the process. */
		if (role->dead)
			role->statements[i].handle = SQL_NULL_HSTMT;
		odbc_statement_release(&role->statements[i]);
	}
	odbc_connection_release(&role->connection, role->dead);
	odbc_params_release(&role->params);
	/* The driver may still hold the addresses of what was bound, but is not called again. */
	odbc_fetch_release(&role->fetch);
	odbc_text_release(&role->text);
	buf_release(&role->message);
	free(role);
}

int odbc_role_run(struct port *port)
{
	struct odbc_role *role = mem_alloc(sizeof *role);
	role->port = port;
	odbc_params_init(&role->params);
	odbc_fetch_init(&role->fetch);
	buf_init(&role->message, MESSAGE_BYTES_MAX);
	enum next next = NEXT_GO_ON;
	while (next == NEXT_GO_ON) {
		struct frame frame;
		struct err_info info;
		enum err err = port_receive(port, true, &frame, &info);
		if (err == ERR_OK)
			next = handle(role, &frame);
		else
			next = err == ERR_GONE ? NEXT_END : NEXT_BAD_CORE;
	}
	if (next == NEXT_BAD_CORE)
		log_event(port->log, LOG_CHILD_SPOKE_BADLY,
		          "role=source: the core sent what is no request; ending");
	release(role);
	return next == NEXT_BAD_CORE ? EXIT_BAD_CORE : EXIT_SUCCESS;
}
