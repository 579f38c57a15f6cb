/*
 * odbc_statement.h - one prepared statement: its text, parameters and columns.
 *
 * Why:   a statement is prepared once and executed for every page; what was learnt of its columns is kept.
 * Owns:  the SQL text and the statement handle; for a time the values of the parameters.
 * Rules: 1. Preparing is put off to the next execution: a statement that cannot be prepared now may be later.
 *        2. A handle that failed is freed; nothing of it is used again.
 *        3. Widths of columns only grow.
 * Faults: absent tables and columns, statements without a result, results of another shape than before.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#ifndef TWINPOST_ODBC_STATEMENT_H
#define TWINPOST_ODBC_STATEMENT_H

#include "connector/source/odbc_connect.h"
#include "connector/source/odbc_text.h"

/* A buffer that holds the longest value, and shows by what is left over that nothing is missing. */
#define ODBC_WIDTH_MAX (SOURCE_VALUE_BYTES_MAX + 8)

struct odbc_statement {
	char *sql; /* UTF-8; NULL: there is no such statement */
	uint16_t params;
	SQLHSTMT handle;                     /* SQL_NULL_HSTMT: to be prepared */
	uint16_t columns;                    /* 0: not described yet */
	bool announced;                      /* COLUMNS was sent */
	uint32_t widths[SOURCE_COLUMNS_MAX]; /* bytes bound for a value, its zero included */
};

/* The parameters of one execution, where the driver may read them until it ends. */
struct odbc_params {
	struct buf text;
	int64_t integers[SOURCE_PARAMS_MAX];
	SQLLEN lengths[SOURCE_PARAMS_MAX];
	size_t offsets[SOURCE_PARAMS_MAX];
};

void odbc_statement_set(struct odbc_statement *statement, const struct source_prepare *prepare);
void odbc_statement_release(struct odbc_statement *statement);
/* Frees the handle: the next execution prepares again. */
void odbc_statement_drop(struct odbc_statement *statement);

void odbc_params_init(struct odbc_params *params);
void odbc_params_release(struct odbc_params *params);
/* Takes the values of a message; false: one of them is no value. */
MUST_USE bool odbc_params_set(struct odbc_params *params, const struct source_execute *execute,
                              struct odbc_text *text, struct odbc_failure *failure);

/* Prepares where needed, binds the parameters and executes. */
MUST_USE bool odbc_statement_execute(struct odbc_statement *statement, struct odbc_connection *connection,
                                     struct odbc_text *text, const struct source_execute *execute,
                                     struct odbc_params *params, uint32_t timeout_s,
                                     struct odbc_failure *failure);
/* After an execution: has it no result, and how many rows it changed then (0 where the driver does not know). */
MUST_USE bool odbc_statement_changed(struct odbc_statement *statement, uint32_t *rows);
/* After the first execution: fills columns, whose names stand in names. */
MUST_USE bool odbc_statement_describe(struct odbc_statement *statement, enum odbc_dbms dbms,
                                      struct source_columns *columns, char names[][SOURCE_NAME_BYTES_MAX + 1],
                                      struct odbc_failure *failure);
/* After every other one: is the result of the shape that was described? */
MUST_USE bool odbc_statement_same(struct odbc_statement *statement, struct odbc_failure *failure);
/* Closes the cursor and lets go of the buffers. */
void odbc_statement_close(struct odbc_statement *statement);

#endif
