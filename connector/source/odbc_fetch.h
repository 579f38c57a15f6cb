/*
 * odbc_fetch.h - rows from a driver's bound arrays into ROWS frames.
 *
 * Why:   this is where a hundred thousand rows a second pass, and where a driver could shorten a value unseen.
 * Owns:  the bound memory, shared by all statements, and the frame under construction.
 * Rules: 1. Columns are bound as characters in arrays; SQLGetData is never used.
 *        2. A value that fills its buffer, or whose length the driver gives as more, was cut. The buffer of
 *           its column grows and the statement is executed again; the rows that were sent already are read,
 *           compared by digest with what was sent, and skipped. If they are not the same rows the request
 *           fails as transient: the core asks again from its position.
 *        3. A value known to be over SOURCE_VALUE_BYTES_MAX is TOO_LONG at once; nothing is read again for it.
 *        4. A driver that says it cut something and does not say what makes the rows it says it of unreadable.
 *        5. Bound memory stays within BOUND_BYTES_MAX: wide rows are fetched fewer at a time, one at the least.
 *        6. No memory is allocated per row.
 * Faults: cut values, rows with errors, rows that change while they are read again, a core that has gone.
 *         Not seen here: the SQLite driver ends a text at its first zero byte.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#ifndef TWINPOST_ODBC_FETCH_H
#define TWINPOST_ODBC_FETCH_H

#include "connector/source/odbc_statement.h"
#include "hal/port.h"

struct odbc_fetch {
	uint8_t *memory;
	size_t memory_bytes;
	SQLULEN rows;         /* bound */
	SQLULEN fetched;      /* the driver writes it */
	SQLUSMALLINT *status; /* of each row; the driver writes it */
	SQLLEN *lengths;      /* column after column */
	char *columns[SOURCE_COLUMNS_MAX];
	struct buf frame;
	uint32_t frame_rows;
};

/* The reading of one request, over as many executions as it takes. */
struct odbc_reading {
	struct port *port;
	struct odbc_text *text;
	struct odbc_statement *statement;
	enum odbc_dbms dbms;
	uint32_t request;
	uint16_t number; /* of the statement */
	uint16_t row_array;
	uint32_t rows;   /* put into frames so far */
	uint64_t digest; /* of these rows */
	uint32_t passed; /* rows read in this execution */
	uint64_t passed_digest;
	int unreadable_sets; /* in a row */
};

enum odbc_fetch_end {
	ODBC_FETCH_DONE,
	ODBC_FETCH_AGAIN, /* the buffers are wider now: close, execute and fetch again */
	ODBC_FETCH_FAILED,
	ODBC_FETCH_GONE, /* the core has */
};

void odbc_fetch_init(struct odbc_fetch *fetch);
void odbc_fetch_release(struct odbc_fetch *fetch);
/* Forgets the frame of a request that failed. */
void odbc_fetch_clear(struct odbc_fetch *fetch);
/* Binds and fetches the open result of reading->statement to its end, sending ROWS. */
MUST_USE enum odbc_fetch_end odbc_fetch_rows(struct odbc_fetch *fetch, struct odbc_reading *reading,
                                             struct odbc_failure *failure);

#endif
