/*
 * odbc_connect.h - one ODBC connection: made, made read-only, looked at, ended.
 *
 * Why:   a driver's defaults are not ours: they hold whole results in memory, allow writing, create absent files.
 * Owns:  the environment and connection handles.
 * Rules: 1. The connection string is given by the configuration; user, password and the driver's options that it
 *           lacks are added here, and what was built is wiped. Nothing of it is logged.
 *        2. Auto-commit on, access mode read only, isolation read committed where the driver lets; the isolation is
 *           read back, and below read committed there is no connection.
 *        3. Read-only is asked of the session in the database's own way and read back: it is reported as refused only
 *           where the database says so.
 *        4. A connection that was asked for changes (the status table's) has rules 1 and 2 but the access mode.
 * Faults: absent driver, DSN, server, database, password; a file that is no database.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#ifndef TWINPOST_ODBC_CONNECT_H
#define TWINPOST_ODBC_CONNECT_H

#include "connector/source/odbc_diag.h"

#define ODBC_READ_ONLY_NO      0
#define ODBC_READ_ONLY_YES     1
#define ODBC_READ_ONLY_UNKNOWN 2

struct odbc_connection {
	SQLHENV environment;
	SQLHDBC handle;
	bool connected;
	enum odbc_dbms dbms;
	char dbms_name[128];
	char dbms_version[128];
	char driver_name[128];
	char driver_version[128];
	uint8_t isolation; /* as in struct source_opened */
	uint8_t read_only;
	bool changes; /* asked for: nothing below is set to read only */
};

MUST_USE bool odbc_connection_open(struct odbc_connection *connection, const struct source_open *open,
                                   struct span password, struct odbc_failure *failure);
/* Ends the session, unless it is known to be dead: some drivers wait for a server that has gone. */
void odbc_connection_release(struct odbc_connection *connection, bool dead);
/* Asks the database something trivial: drivers report odd states on a dead connection. */
bool odbc_connection_alive(struct odbc_connection *connection);

#endif
