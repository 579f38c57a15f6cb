/*
 * odbc_statement.c - one prepared statement: its text, parameters and columns.
 *
 * Why:   see odbc_statement.h.
 * Owns:  the SQL text and the statement handle.
 * Rules: as in odbc_statement.h; besides:
 *        1. Text parameters are bound as SQL_VARCHAR: psqlODBC leaves their type to the server, so that a
 *           blank padded key compares as CHAR does.
 *        2. The declared size of a column is a guess for its first buffer only: the SQLite driver counts characters
 *           and knows no limit, psqlODBC says 8190 for text and 30 for an unbounded numeric.
 * Faults: see odbc_statement.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_statement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room over the declared size, so that a full value does not look like one that was cut. */
#define WIDTH_SPARE 8u
/* The narrowest buffer: any number or date, and what is shown of a value that is too long. */
#define WIDTH_MIN (SOURCE_VALUE_SHOWN_MAX + WIDTH_SPARE)
/* Columns declared wider begin with less: their values are mostly short, and the buffer grows when one is not. */
#define WIDTH_DECLARED_MAX 1024u
#define WIDTH_WIDE         512u
/* Up to this many characters a column is bound for four bytes each. */
#define CHARACTERS_QUADRUPLED_MAX 200u
#define PARAM_TEXT_MAX            (SOURCE_PARAMS_MAX * (4 * SOURCE_PARAM_BYTES_MAX + 32))

void odbc_statement_set(struct odbc_statement *statement, const struct source_prepare *prepare)
{
	odbc_statement_release(statement);
	statement->sql = mem_copy_text(prepare->sql);
	statement->params = prepare->params;
}

void odbc_statement_drop(struct odbc_statement *statement)
{
	if (statement->handle)
		(void)SQLFreeHandle(SQL_HANDLE_STMT, statement->handle);
	statement->handle = SQL_NULL_HSTMT;
}

void odbc_statement_release(struct odbc_statement *statement)
{
	odbc_statement_drop(statement);
	free(statement->sql);
	*statement = (struct odbc_statement){.sql = NULL};
}

void odbc_params_init(struct odbc_params *params)
{
	*params = (struct odbc_params){.integers = {0}};
	buf_init(&params->text, PARAM_TEXT_MAX);
}

void odbc_params_release(struct odbc_params *params)
{
	buf_release(&params->text);
}

/* A whole number in decimal that fits 64 bits. */
static bool parse_integer(struct span s, int64_t *value)
{
	char text[24];
	if (!text_copy(text, sizeof text, s) || s.len == 0 || strspn(text, "-0123456789") != s.len)
		return false;
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	*value = number;
	return errno == 0 && *end == 0 && end != text;
}

bool odbc_params_set(struct odbc_params *params, const struct source_execute *execute, struct odbc_text *text,
                     struct odbc_failure *failure)
{
	buf_clear(&params->text);
	for (int i = 0; i < execute->param_count; i++) {
		const struct source_param *param = &execute->params[i];
		if (param->integer) {
			if (!parse_integer(param->text, &params->integers[i])) {
				odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "22018",
				              "parameter %d is no whole number of 64 bits", i + 1);
				return false;
			}
			params->lengths[i] = 0;
			continue;
		}
		params->offsets[i] = params->text.len;
		if (!odbc_text_append(text, &params->text, param->text)) {
			odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "22021",
			              "parameter %d has characters that the source's encoding lacks", i + 1);
			return false;
		}
		params->lengths[i] = (SQLLEN)(params->text.len - params->offsets[i]);
		buf_append_char(&params->text, 0);
	}
	CHECK(buf_ok(&params->text));
	return true;
}

static bool failed(const struct odbc_statement *statement, enum odbc_dbms dbms, struct odbc_failure *failure)
{
	odbc_diag_read(failure, SQL_HANDLE_STMT, statement->handle, ODBC_QUERYING, dbms,
	               (struct span){NULL, 0});
	return false;
}

static bool prepare(struct odbc_statement *statement, struct odbc_connection *connection,
                    struct odbc_text *text, uint32_t timeout_s, struct odbc_failure *failure)
{
	struct buf sql;
	buf_init(&sql, 4 * SOURCE_SQL_BYTES_MAX + 32);
	bool ok = odbc_text_append(text, &sql, span_of(statement->sql));
	if (!ok) {
		odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "22021",
		              "the statement has characters that the source's encoding lacks");
		goto out;
	}
	SQLRETURN ret = SQLAllocHandle(SQL_HANDLE_STMT, connection->handle, &statement->handle);
	ok = SQL_SUCCEEDED(ret);
	if (!ok) {
		statement->handle = SQL_NULL_HSTMT;
		odbc_diag_read(failure, SQL_HANDLE_DBC, connection->handle, ODBC_QUERYING, connection->dbms,
		               (struct span){NULL, 0});
		goto out;
	}
	/* A driver that cannot says so; the core's deadline is the law. */
	if (timeout_s > 0)
		(void)SQLSetStmtAttr(statement->handle, SQL_ATTR_QUERY_TIMEOUT,
		                     (SQLPOINTER)(uintptr_t)timeout_s, SQL_IS_UINTEGER);
	ret = SQLPrepare(statement->handle, (SQLCHAR *)(uintptr_t)buf_cstr(&sql), (SQLINTEGER)sql.len);
	ok = SQL_SUCCEEDED(ret) || failed(statement, connection->dbms, failure);
out:
	buf_release(&sql);
	return ok;
}

static bool bind_params(struct odbc_statement *statement, const struct source_execute *execute,
                        struct odbc_params *params, enum odbc_dbms dbms, struct odbc_failure *failure)
{
	for (int i = 0; i < execute->param_count; i++) {
		bool integer = execute->params[i].integer;
		SQLLEN len = params->lengths[i];
		SQLPOINTER value = integer ? (SQLPOINTER)&params->integers[i]
		                           : (SQLPOINTER)(params->text.data + params->offsets[i]);
		SQLULEN size = integer ? 19 : len > 0 ? (SQLULEN)len : 1;
		SQLRETURN ret =
		    SQLBindParameter(statement->handle, (SQLUSMALLINT)(i + 1), SQL_PARAM_INPUT,
		                     integer ? SQL_C_SBIGINT : SQL_C_CHAR, integer ? SQL_BIGINT : SQL_VARCHAR,
		                     size, 0, value, len, &params->lengths[i]);
		if (!SQL_SUCCEEDED(ret))
			return failed(statement, dbms, failure);
	}
	return true;
}

bool odbc_statement_execute(struct odbc_statement *statement, struct odbc_connection *connection,
                            struct odbc_text *text, const struct source_execute *execute,
                            struct odbc_params *params, uint32_t timeout_s, struct odbc_failure *failure)
{
	CHECK(statement->sql != NULL && execute->param_count == statement->params);
	if (!statement->handle && !prepare(statement, connection, text, timeout_s, failure))
		return false;
	if (!bind_params(statement, execute, params, connection->dbms, failure))
		return false;
	SQLRETURN ret = SQLExecute(statement->handle);
	if (!SQL_SUCCEEDED(ret) && ret != SQL_NO_DATA)
		return failed(statement, connection->dbms, failure);
	return true;
}

static bool is_character(SQLSMALLINT type)
{
	return type == SQL_CHAR || type == SQL_VARCHAR || type == SQL_LONGVARCHAR || type == SQL_WCHAR ||
	       type == SQL_WVARCHAR || type == SQL_WLONGVARCHAR;
}

static uint32_t first_width(SQLSMALLINT type, SQLULEN size, SQLLEN octets, SQLLEN display)
{
	SQLULEN bytes = octets > 0 ? (SQLULEN)octets : 0;
	if (display > 0 && (SQLULEN)display > bytes)
		bytes = (SQLULEN)display;
	if (is_character(type)) {
		SQLULEN needed = size <= CHARACTERS_QUADRUPLED_MAX ? 4 * size : size;
		bytes = needed > bytes || bytes > CHARACTERS_QUADRUPLED_MAX * 4 ? needed : bytes;
	}
	if (bytes > WIDTH_DECLARED_MAX - WIDTH_SPARE)
		return WIDTH_WIDE;
	return bytes + WIDTH_SPARE < WIDTH_MIN ? WIDTH_MIN : (uint32_t)bytes + WIDTH_SPARE;
}

static SQLLEN attribute_of(SQLHSTMT handle, SQLUSMALLINT column, SQLUSMALLINT attribute)
{
	SQLLEN value = 0;
	if (!SQL_SUCCEEDED(SQLColAttribute(handle, column, attribute, NULL, 0, NULL, &value)))
		return 0;
	return value;
}

/* The number of columns of the open result; 0 with a failure: none, or more than there may be. */
static uint16_t count_columns(struct odbc_statement *statement, enum odbc_dbms dbms,
                              struct odbc_failure *failure)
{
	SQLSMALLINT count = 0;
	if (!SQL_SUCCEEDED(SQLNumResultCols(statement->handle, &count))) {
		(void)failed(statement, dbms, failure);
		return 0;
	}
	if (count < 1 || count > (SQLSMALLINT)SOURCE_COLUMNS_MAX) {
		odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "07005",
		              "the statement gives %d columns; it must be a SELECT of 1 to %d", count,
		              SOURCE_COLUMNS_MAX);
		return 0;
	}
	return (uint16_t)count;
}

bool odbc_statement_changed(struct odbc_statement *statement, uint32_t *rows)
{
	SQLSMALLINT columns = 0;
	SQLLEN count = 0;
	*rows = 0;
	if (!SQL_SUCCEEDED(SQLNumResultCols(statement->handle, &columns)) || columns > 0)
		return false;
	if (SQL_SUCCEEDED(SQLRowCount(statement->handle, &count)) && count > 0)
		*rows = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
	return true;
}

bool odbc_statement_describe(struct odbc_statement *statement, enum odbc_dbms dbms,
                             struct source_columns *columns, char names[][SOURCE_NAME_BYTES_MAX + 1],
                             struct odbc_failure *failure)
{
	uint16_t count = count_columns(statement, dbms, failure);
	if (count == 0)
		return false;
	columns->count = count;
	for (uint16_t i = 0; i < count; i++) {
		SQLCHAR name[SOURCE_NAME_BYTES_MAX + 1] = "";
		SQLSMALLINT len = 0;
		SQLSMALLINT type = 0;
		SQLULEN size = 0;
		SQLSMALLINT scale = 0;
		SQLSMALLINT nullable = 0;
		SQLUSMALLINT at = (SQLUSMALLINT)(i + 1);
		SQLRETURN ret = SQLDescribeCol(statement->handle, at, name, sizeof name, &len, &type, &size,
		                               &scale, &nullable);
		if (!SQL_SUCCEEDED(ret))
			return failed(statement, dbms, failure);
		name[sizeof name - 1] = 0;
		odbc_text_clean(names[i], SOURCE_NAME_BYTES_MAX + 1, span_of((char *)name));
		columns->columns[i] = (struct source_column){
		    .name = span_of(names[i]),
		    .sql_type = type,
		    .size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
		    .scale = scale,
		};
		uint32_t width =
		    first_width(type, size, attribute_of(statement->handle, at, SQL_DESC_OCTET_LENGTH),
		                attribute_of(statement->handle, at, SQL_DESC_DISPLAY_SIZE));
		if (width > statement->widths[i])
			statement->widths[i] = width;
	}
	statement->columns = count;
	return true;
}

bool odbc_statement_same(struct odbc_statement *statement, struct odbc_failure *failure)
{
	uint16_t count = count_columns(statement, ODBC_DBMS_OTHER, failure);
	if (count > 0 && count != statement->columns)
		odbc_diag_set(failure, SOURCE_FAILURE_QUERY, "07002",
		              "the result has %u columns and had %u before: the table was changed", count,
		              statement->columns);
	return count == statement->columns;
}

void odbc_statement_close(struct odbc_statement *statement)
{
	if (!statement->handle)
		return;
	(void)SQLFreeStmt(statement->handle, SQL_CLOSE);
	(void)SQLFreeStmt(statement->handle, SQL_UNBIND);
	(void)SQLFreeStmt(statement->handle, SQL_RESET_PARAMS);
}
