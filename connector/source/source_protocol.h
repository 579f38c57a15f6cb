/*
 * source_protocol.h - what the core and a source child say to each other.
 *
 * Why:   ODBC drivers hang, leak and crash; behind these frames they cannot hurt the store.
 * Owns:  nothing; decoded messages borrow from the frame.
 * Rules: 1. The child holds one ODBC connection and does one thing at a time, in the order asked.
 *        2. Every SOURCE_OPEN is answered by one OPENED or FAILED (request 0); every EXECUTE by any number of
 *           ROWS, then exactly one DONE or FAILED with its request number. COLUMNS comes once per statement,
 *           before the first ROWS (or DONE) of its first EXECUTE.
 *        3. A value is never shortened: it is whole and valid UTF-8, or null, or bad with a reason.
 *        4. Amounts, dates and numbers travel as the text the driver gave; nothing is a binary number.
 *        5. Every decoder refuses a message with too few or too many bytes, or over a limit.
 *        6. A PREPARE has no answer: what is wrong with the statement is the FAILED of its next EXECUTE.
 *        7. After a FAILED of request 0, or one that means CONNECTION, the child ends with status 0; a new try is
 *           made with a new child.
 *        8. Only a child that was opened with `changes` (the status table's, never a reading one) runs statements
 *           without a result: their DONE has the number of rows that were changed. Each is committed by itself.
 * Runs in: core, source child, the simulator's ERP.
 * Tests: tests/unit/source_protocol_test.c, tests/fuzz/source_protocol_fuzz.c
 */
#ifndef TWINPOST_SOURCE_PROTOCOL_H
#define TWINPOST_SOURCE_PROTOCOL_H

#include "hal/base/bytes.h"
#include "hal/base/secret.h"

/* Limits. A text column longer than VALUE_BYTES_MAX is refused (a bad value), never shortened. */
#define SOURCE_COLUMNS_MAX     96
#define SOURCE_PARAMS_MAX      32
#define SOURCE_STATEMENTS_MAX  32
#define SOURCE_SQL_BYTES_MAX   (32u * 1024u)
#define SOURCE_VALUE_BYTES_MAX (48u * 1024u)
#define SOURCE_ROW_BYTES_MAX   (256u * 1024u)
/* A ROWS frame is closed once it holds this much. */
#define SOURCE_ROWS_FRAME_BYTES     (48u * 1024u)
#define SOURCE_CONNECTION_BYTES_MAX 4096u
#define SOURCE_USER_BYTES_MAX       256u
#define SOURCE_ENCODING_BYTES_MAX   64u
#define SOURCE_ROW_ARRAY_MAX        1000u
#define SOURCE_PARAM_BYTES_MAX      4096u
#define SOURCE_NAME_BYTES_MAX       512u /* of a column, a driver, a database; 128 characters of four bytes */
#define SOURCE_FAILED_TEXT_MAX      500u
/* What is shown of a value that is not handed on: raw bytes, and the words of the driver. */
#define SOURCE_VALUE_SHOWN_MAX     64u
#define SOURCE_UNREADABLE_TEXT_MAX 200u

enum source_message {
	/* core to child */
	SOURCE_OPEN = 1,
	SOURCE_PREPARE = 2,
	SOURCE_EXECUTE = 3,
	/* child to core */
	SOURCE_OPENED = 16,
	SOURCE_FAILED = 17,
	SOURCE_COLUMNS = 18,
	SOURCE_ROWS = 19,
	SOURCE_DONE = 20,
};

struct source_open {
	struct span
	    connection; /* ODBC connection string without user and password: "DSN=erp" or "Driver=...;..." */
	struct span user;                 /* empty: none is added */
	struct secret_reference password; /* resolved in the child alone */
	uint32_t login_timeout_s;
	uint32_t query_timeout_s;  /* asked of the driver too; the core's deadline is the law */
	uint16_t row_array;        /* rows bound per fetch, 1-1000 */
	struct span text_encoding; /* "utf-8", or an iconv name the values are converted from */
	uint8_t changes;           /* 1: not read-only; rule 8 */
};

struct source_prepare {
	uint16_t statement; /* 0 to SOURCE_STATEMENTS_MAX - 1; preparing again replaces it */
	uint16_t params;
	struct span sql; /* with ? markers */
};

/* A parameter is bound as text (SQL_VARCHAR) or, where integer, as SQL_INTEGER/SQL_BIGINT. */
struct source_param {
	bool integer;
	struct span text;
};

struct source_execute {
	uint32_t request; /* 1.. rising */
	uint16_t statement;
	uint16_t param_count;
	struct source_param params[SOURCE_PARAMS_MAX];
};

struct source_opened {
	struct span dbms; /* SQL_DBMS_NAME, e.g. "PostgreSQL", "SQLite", "MariaDB" */
	struct span dbms_version;
	struct span driver;
	struct span driver_version;
	uint8_t
	    isolation; /* 0 unknown, 1 read uncommitted, 2 read committed, 3 repeatable read, 4 serializable */
	uint8_t read_only; /* 0 the account may write as far as we can tell, 1 refused, 2 not known */
};

/* What a failure means for who asked. */
enum source_failure {
	SOURCE_FAILURE_CONNECTION = 1, /* try again later on a new child */
	SOURCE_FAILURE_LOGIN = 2, /* a person must act (password, DSN, driver missing); tried again slowly */
	SOURCE_FAILURE_QUERY = 3, /* this statement: absent column, syntax, rights; the others go on */
	SOURCE_FAILURE_TRANSIENT =
	    4, /* this statement, now: deadlock, time-out, serialization; try again soon */
};

struct source_failed {
	uint32_t request; /* 0: SOURCE_OPEN, or the connection as a whole */
	uint8_t failure;
	char sqlstate[6];
	int32_t native;
	struct span text; /* the driver's words, UTF-8 made valid, without secrets */
};

struct source_column {
	struct span name; /* as the driver reports it */
	int16_t sql_type;
	uint32_t size;
	int16_t scale;
};

struct source_columns {
	uint16_t statement;
	uint16_t count;
	struct source_column columns[SOURCE_COLUMNS_MAX];
};

enum source_value_kind {
	SOURCE_VALUE_TEXT,
	SOURCE_VALUE_NULL,
	SOURCE_VALUE_BAD_UTF8, /* text holds the first raw bytes, at most 64 */
	SOURCE_VALUE_TOO_LONG, /* over SOURCE_VALUE_BYTES_MAX; text holds its first 64 bytes at most */
	SOURCE_VALUE_UNREADABLE, /* the driver failed on it; text is its sqlstate and words, at most 200 bytes */
};

struct source_value {
	enum source_value_kind kind;
	struct span text;
};

struct source_done {
	uint32_t request;
	uint32_t rows;
};

void source_open_encode(struct buf *out, const struct source_open *message);
MUST_USE bool source_open_decode(struct source_open *message, const void *data, size_t len);
void source_prepare_encode(struct buf *out, const struct source_prepare *message);
MUST_USE bool source_prepare_decode(struct source_prepare *message, const void *data, size_t len);
void source_execute_encode(struct buf *out, const struct source_execute *message);
MUST_USE bool source_execute_decode(struct source_execute *message, const void *data, size_t len);
void source_opened_encode(struct buf *out, const struct source_opened *message);
MUST_USE bool source_opened_decode(struct source_opened *message, const void *data, size_t len);
void source_failed_encode(struct buf *out, const struct source_failed *message);
MUST_USE bool source_failed_decode(struct source_failed *message, const void *data, size_t len);
void source_columns_encode(struct buf *out, const struct source_columns *message);
MUST_USE bool source_columns_decode(struct source_columns *message, const void *data, size_t len);
void source_done_encode(struct buf *out, const struct source_done *message);
MUST_USE bool source_done_decode(struct source_done *message, const void *data, size_t len);

/* ROWS payload: u32 request | u16 statement | u16 columns | u32 rows | values row by row. A value: u32 length whose
 * top 3 bits are the kind, then its bytes. */
void source_rows_begin(struct buf *out, uint32_t request, uint16_t statement, uint16_t columns);
void source_rows_value(struct buf *out, struct source_value value);
void source_rows_end(struct buf *out, uint32_t rows);

struct source_rows {
	uint32_t request;
	uint16_t statement;
	uint16_t columns;
	uint32_t rows;
	uint32_t row; /* rows handed out so far */
	struct reader reader;
};

MUST_USE bool source_rows_decode(struct source_rows *rows, const void *data, size_t len);
/* Fills values[rows->columns]. true: a row; false: no more, or bad (then !source_rows_good()). */
MUST_USE bool source_rows_next(struct source_rows *rows, struct source_value *values);
bool source_rows_good(const struct source_rows *rows); /* all rows read and nothing left over */

#endif
