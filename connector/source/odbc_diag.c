/*
 * odbc_diag.c - what a driver's failure means for who asked.
 *
 * Why:   see odbc_diag.h.
 * Owns:  nothing.
 * Rules: as in odbc_diag.h. Seen with the drivers of Debian 12: psqlODBC has state 08001 for everything that happens
 *        before it is connected, a wrong password too; the SQLite driver has HY000 for everything; MariaDB's
 *        has 42000 for a database that the account may not use; the driver manager has only the warning 01000
 *        for a driver whose file is absent.
 * Faults: see odbc_diag.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connector/source/odbc_text.h"

/* Longer than any driver's first sentence; what is cut off here is behind what is shown. */
#define WORDS_BYTES_MAX 2048
/* More than any driver reports for one call. */
#define RECORDS_MAX 16
#define HINT        "; no ODBC driver or DSN of that name: see odbcinst -q -d and odbcinst -q -s"

struct meaning {
	const char *state; /* a prefix of the SQLSTATE; the first that fits is taken */
	enum source_failure opening;
	enum source_failure querying;
};

static const struct meaning meanings[] = {
    {"08", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION},
    {"HYT01", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION}, /* connection timed out */
    {"HYT00", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* login or statement timed out */
    {"57014", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* PostgreSQL: statement timed out */
    {"57", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION},    /* PostgreSQL: server shuts down */
    {"28", SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_QUERY},
    {"IM", SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_QUERY}, /* driver manager: no such driver or data source */
    {"3D", SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_QUERY}, /* no such database */
    {"42", SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_QUERY},
    {"40", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},    /* rolled back: deadlock, serialization */
    {"55P03", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT}, /* PostgreSQL: lock not available */
    {"53", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},    /* PostgreSQL: out of something */
    {"HY001", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT}, /* memory */
    {"HY008", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT}, /* cancelled */
    {"70100", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT}, /* MariaDB: interrupted */
    {"", SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_QUERY},
};

/* Native numbers that say more than the state beside them. */
struct native_meaning {
	enum odbc_dbms dbms;
	int32_t native;
	enum source_failure opening;
	enum source_failure querying;
};

static const struct native_meaning native_meanings[] = {
    /* mariadb.com/kb/en/mariadb-error-codes */
    {ODBC_DBMS_MARIADB, 1053, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION}, /* shutdown */
    {ODBC_DBMS_MARIADB, 1205, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* lock wait timed out */
    {ODBC_DBMS_MARIADB, 1213, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* deadlock */
    {ODBC_DBMS_MARIADB, 1317, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* interrupted */
    {ODBC_DBMS_MARIADB, 1927, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION}, /* connection killed */
    {ODBC_DBMS_MARIADB, 1969, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* statement timed out */
    {ODBC_DBMS_MARIADB, 2006, SOURCE_FAILURE_CONNECTION,
     SOURCE_FAILURE_CONNECTION}, /* server has gone away */
    {ODBC_DBMS_MARIADB, 2013, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION}, /* lost connection */
    {ODBC_DBMS_MARIADB, 3024, SOURCE_FAILURE_CONNECTION,
     SOURCE_FAILURE_TRANSIENT}, /* MySQL: statement timed out */
    /* sqlite.org/rescode.html */
    {ODBC_DBMS_SQLITE, 5, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},   /* busy */
    {ODBC_DBMS_SQLITE, 6, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},   /* locked */
    {ODBC_DBMS_SQLITE, 10, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_CONNECTION}, /* input/output error */
    {ODBC_DBMS_SQLITE, 14, SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_CONNECTION},      /* cannot open */
    {ODBC_DBMS_SQLITE, 17, SOURCE_FAILURE_CONNECTION, SOURCE_FAILURE_TRANSIENT},  /* schema changed */
    {ODBC_DBMS_SQLITE, 26, SOURCE_FAILURE_LOGIN, SOURCE_FAILURE_QUERY},           /* not a database */
};

/* Words that decide where a driver has no state for it. Only while opening. */
struct word_meaning {
	const char *words;
	enum source_failure opening;
};

static const struct word_meaning word_meanings[] = {
    {"Can't open lib", SOURCE_FAILURE_LOGIN},
    {"Connection string parse error", SOURCE_FAILURE_LOGIN},
    /* A PostgreSQL server that answers, and will answer otherwise later. */
    {"starting up", SOURCE_FAILURE_CONNECTION},
    {"shutting down", SOURCE_FAILURE_CONNECTION},
    {"recovery mode", SOURCE_FAILURE_CONNECTION},
    {"too many", SOURCE_FAILURE_CONNECTION},
    {"connection slots", SOURCE_FAILURE_CONNECTION},
    {"terminating", SOURCE_FAILURE_CONNECTION},
    /* One that answers and says no: password, role, database, pg_hba.conf. */
    {"FATAL:", SOURCE_FAILURE_LOGIN},
    /* libpq, before it has asked the server. */
    {"no password supplied", SOURCE_FAILURE_LOGIN},
    /* MariaDB, error 1130. */
    {"is not allowed to connect", SOURCE_FAILURE_LOGIN},
    /* The SQLite driver, where the file is absent and may not be created. */
    {"[SQLite]connect failed", SOURCE_FAILURE_LOGIN},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static enum source_failure meaning_of(const char *sqlstate, int32_t native, const char *words,
                                      enum odbc_phase phase, enum odbc_dbms dbms)
{
	bool opening = phase == ODBC_OPENING;
	for (size_t i = 0; opening && i < COUNT(word_meanings); i++) {
		if (strstr(words, word_meanings[i].words))
			return word_meanings[i].opening;
	}
	/* The SQLite driver's extended codes have the basic one in their low byte. */
	int32_t basic = dbms == ODBC_DBMS_SQLITE ? native & 0xff : native;
	for (size_t i = 0; i < COUNT(native_meanings); i++) {
		const struct native_meaning *m = &native_meanings[i];
		if (m->dbms == dbms && m->native == basic)
			return opening ? m->opening : m->querying;
	}
	for (size_t i = 0; i < COUNT(meanings); i++) {
		if (strncmp(sqlstate, meanings[i].state, strlen(meanings[i].state)) == 0)
			return opening ? meanings[i].opening : meanings[i].querying;
	}
	CHECK(false); /* the last row fits all */
}

/* Five digits and capitals, or nothing. */
static void copy_sqlstate(char to[6], const SQLCHAR from[6])
{
	size_t len = strnlen((const char *)from, 5);
	for (size_t i = 0; i < len; i++) {
		if (!((from[i] >= '0' && from[i] <= '9') || (from[i] >= 'A' && from[i] <= 'Z')))
			len = 0;
	}
	CHECK(text_copy(to, 6, (struct span){(const char *)from, len == 5 ? 5 : 0}));
}

void odbc_diag_read(struct odbc_failure *failure, SQLSMALLINT handle_type, SQLHANDLE handle,
                    enum odbc_phase phase, enum odbc_dbms dbms, struct span secret)
{
	SQLCHAR sqlstate[6] = "";
	SQLCHAR words[WORDS_BYTES_MAX] = "";
	SQLINTEGER native = 0;
	SQLSMALLINT records = 0;
	for (SQLSMALLINT i = 1; i <= RECORDS_MAX; i++) {
		SQLCHAR state[6] = "";
		SQLCHAR text[WORDS_BYTES_MAX] = "";
		SQLINTEGER number = 0;
		SQLSMALLINT len = 0;
		SQLRETURN ret =
		    SQLGetDiagRec(handle_type, handle, i, state, &number, text, sizeof text, &len);
		if (!SQL_SUCCEEDED(ret))
			break;
		/* The first error; a warning only where there is no error. */
		if (records++ > 0 && strncmp((char *)state, "01", 2) == 0)
			continue;
		memcpy(sqlstate, state, sizeof sqlstate);
		memcpy(words, text, sizeof words);
		native = number;
		if (strncmp((char *)state, "01", 2) != 0)
			break;
	}
	words[sizeof words - 1] = 0;
	odbc_text_redact((char *)words, secret);
	*failure = (struct odbc_failure){.native = native};
	copy_sqlstate(failure->sqlstate, sqlstate);
	failure->failure = meaning_of(failure->sqlstate, native, (char *)words, phase, dbms);
	if (records == 0)
		(void)snprintf((char *)words, sizeof words, "the driver failed and gives no reason");
	bool absent = strcmp(failure->sqlstate, "IM002") == 0 || strcmp(failure->sqlstate, "IM003") == 0 ||
	              strstr((char *)words, "Can't open lib") != NULL;
	size_t room = sizeof failure->text - (absent ? sizeof HINT - 1 : 0);
	odbc_text_clean(failure->text, room, span_of((char *)words));
	if (absent)
		memcpy(failure->text + strlen(failure->text), HINT, sizeof HINT);
}

void odbc_diag_set(struct odbc_failure *failure, enum source_failure kind, const char *sqlstate,
                   const char *format, ...)
{
	char words[WORDS_BYTES_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(words, sizeof words, format, args);
	va_end(args);
	*failure = (struct odbc_failure){.failure = kind};
	CHECK(text_copy(failure->sqlstate, sizeof failure->sqlstate, span_of(sqlstate)));
	odbc_text_clean(failure->text, sizeof failure->text, span_of(words));
}

bool odbc_diag_warned(SQLHSTMT statement, const char *sqlstate)
{
	for (SQLSMALLINT i = 1; i <= RECORDS_MAX; i++) {
		SQLCHAR state[6] = "";
		SQLCHAR text[8];
		SQLINTEGER number = 0;
		SQLSMALLINT len = 0;
		SQLRETURN ret =
		    SQLGetDiagRec(SQL_HANDLE_STMT, statement, i, state, &number, text, sizeof text, &len);
		if (!SQL_SUCCEEDED(ret))
			return false;
		if (strcmp((char *)state, sqlstate) == 0)
			return true;
	}
	return false;
}
