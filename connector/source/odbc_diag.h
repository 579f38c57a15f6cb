/*
 * odbc_diag.h - what a driver's failure means for who asked.
 *
 * Why:   drivers report the same trouble under different states; the decision between "again later", "a person must
 *        act" and "this statement only" is made here, once.
 * Owns:  nothing.
 * Rules: 1. The decision is a table: standard states first, native numbers where a driver has no state of its own.
 *        2. Words are the driver's, on one line, valid UTF-8, without the secret, at most
 *        SOURCE_FAILED_TEXT_MAX bytes.
 *        3. What is not in the table concerns the statement while querying, and the connection while opening.
 * Faults: drivers without diagnostics, with warnings before the error, with words in any encoding.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#ifndef TWINPOST_ODBC_DIAG_H
#define TWINPOST_ODBC_DIAG_H

#include <sql.h>
#include <sqlext.h>

#include "connector/source/source_protocol.h"

enum odbc_dbms {
	ODBC_DBMS_OTHER,
	ODBC_DBMS_POSTGRESQL,
	ODBC_DBMS_MARIADB,
	ODBC_DBMS_SQLITE,
	ODBC_DBMS_ORACLE,
	ODBC_DBMS_DB2
};
enum odbc_phase { ODBC_OPENING, ODBC_QUERYING };

struct odbc_failure {
	enum source_failure failure;
	char sqlstate[6];
	int32_t native;
	char text[SOURCE_FAILED_TEXT_MAX + 1];
};

/* Reads the diagnostics of a handle whose last call failed. secret may be empty. */
void odbc_diag_read(struct odbc_failure *failure, SQLSMALLINT handle_type, SQLHANDLE handle,
                    enum odbc_phase phase, enum odbc_dbms dbms, struct span secret);
/* A failure of our own finding. */
void odbc_diag_set(struct odbc_failure *failure, enum source_failure kind, const char *sqlstate,
                   const char *format, ...) PRINTF_LIKE(4, 5);
/* Did the last call warn with this state? */
bool odbc_diag_warned(SQLHSTMT statement, const char *sqlstate);

#endif
