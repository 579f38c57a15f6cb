/*
 * odbc_connect.c - one ODBC connection: made, made read-only, looked at, ended.
 *
 * Why:   see odbc_connect.h.
 * Owns:  the handles; the connection string while it is built, which is wiped.
 * Rules: as in odbc_connect.h. Seen with the drivers of Debian 12:
 *        1. psqlODBC takes braces for the password, with }} for }, but not for the user; without braces it decodes
 *           + and %XX in the password. So braces are used where a value needs them and only there.
 *        2. psqlODBC accepts the access mode and ignores it: ReadOnly=1 refuses what is not a SELECT in the
 *           driver, and default_transaction_read_only, set by a SELECT, refuses the rest in the server. The
 *           SQLite driver refuses the access mode and has PRAGMA query_only; MariaDB has SET SESSION
 *           TRANSACTION READ ONLY.
 *        3. The SQLite driver makes an empty database where the file is absent, unless NoCreat=1.
 *        4. Where a DSN hides which driver it is, a psqlODBC connection without our options is made again with them.
 * Faults: see odbc_connect.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#include "connector/source/odbc_connect.h"

#include <string.h>
#include <strings.h>

#include "connector/source/odbc_text.h"

/* Connection, user and password with every brace doubled, and the options. */
#define STRING_BYTES_MAX (SOURCE_CONNECTION_BYTES_MAX + 2 * (SOURCE_USER_BYTES_MAX + SECRET_BYTES_MAX) + 512)
#define ANSWER_BYTES_MAX 64

/* Options that a driver is given where the connection string has neither name of them. */
struct option {
	const char *driver; /* part of the driver's name or file */
	const char *key;
	const char *other_key;
	const char *value; /* NULL: of the field below */
	enum { OPTION_VALUE, OPTION_ROW_ARRAY, OPTION_TIMEOUT_MS } from;
	bool utf8_only;    /* not where the source has another encoding */
	bool reading_only; /* not where changes were asked for */
};

static const struct option options[] = {
    {.driver = "psqlodbc", .key = "UseDeclareFetch", .other_key = "B6", .value = "1"},
    {.driver = "psqlodbc", .key = "Fetch", .other_key = "A7", .from = OPTION_ROW_ARRAY},
    {.driver = "psqlodbc", .key = "ReadOnly", .other_key = "A0", .value = "1", .reading_only = true},
    {.driver = "sqlite", .key = "NoCreat", .other_key = "NoCreat", .value = "1"},
    {.driver = "sqlite", .key = "Timeout", .other_key = "Timeout", .from = OPTION_TIMEOUT_MS},
    {.driver = "maodbc", .key = "charset", .other_key = "charset", .value = "utf8mb4", .utf8_only = true},
};

/* Takes the next `key=value` off the front of rest; false: no more. Semicolons inside braces do not end a value. */
static bool next_pair(struct span *rest, struct span *key, struct span *value)
{
	while (rest->len > 0 && (rest->data[0] == ';' || rest->data[0] == ' '))
		*rest = (struct span){rest->data + 1, rest->len - 1};
	if (rest->len == 0)
		return false;
	size_t equals = 0;
	while (equals < rest->len && rest->data[equals] != '=' && rest->data[equals] != ';')
		equals++;
	size_t end = equals;
	bool braces = equals + 1 < rest->len && rest->data[equals] == '=' && rest->data[equals + 1] == '{';
	for (; end < rest->len && (braces || rest->data[end] != ';'); end++) {
		if (braces && rest->data[end] == '}')
			braces = end + 1 < rest->len && rest->data[end + 1] == '}' && ++end < rest->len;
	}
	*key = span_trim((struct span){rest->data, equals});
	size_t start = equals < end ? equals + 1 : end;
	*value = span_trim((struct span){rest->data + start, end - start});
	*rest = (struct span){rest->data + end, rest->len - end};
	return true;
}

static bool same_word(struct span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

static bool has_key(struct span connection, const char *key)
{
	struct span name;
	struct span value;
	while (next_pair(&connection, &name, &value)) {
		if (same_word(name, key))
			return true;
	}
	return false;
}

/* Does this name or path of a driver belong to the driver known as word? */
static bool is_driver(const char *name, const char *word)
{
	if (strcasestr(name, word))
		return true;
	if (strcmp(word, "psqlodbc") == 0)
		return strcasestr(name, "postgres") != NULL;
	return strcmp(word, "maodbc") == 0 && strcasestr(name, "mariadb") != NULL;
}

/* The driver's name or file as the connection string has it; "" where only a DSN knows. */
static void driver_of(struct span connection, char *to, size_t size)
{
	struct span key;
	struct span value;
	to[0] = 0;
	while (next_pair(&connection, &key, &value)) {
		if (same_word(key, "Driver") && text_copy(to, size, value))
			return;
	}
}

/* A value as it must stand in a connection string (ODBC reference, SQLDriverConnect, comments). */
static void append_value(struct buf *out, struct span value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-@/\\";
	bool braces = value.len == 0;
	for (size_t i = 0; i < value.len && !braces; i++) {
		/* Above ASCII nothing has a meaning to any parser. */
		bool letter = (unsigned char)value.data[i] >= 0x80;
		braces = !letter && memchr(plain, value.data[i], sizeof plain - 1) == NULL;
	}
	if (!braces) {
		buf_append_span(out, value);
		return;
	}
	buf_append_char(out, '{');
	for (size_t i = 0; i < value.len; i++) {
		buf_append_char(out, value.data[i]);
		if (value.data[i] == '}')
			buf_append_char(out, '}');
	}
	buf_append_char(out, '}');
}

static void append_options(struct buf *out, const struct source_open *open, const char *driver)
{
	bool utf8 = same_word(open->text_encoding, "utf-8") || same_word(open->text_encoding, "utf8");
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const struct option *o = &options[i];
		if (!is_driver(driver, o->driver) || has_key(open->connection, o->key) ||
		    has_key(open->connection, o->other_key) || (o->utf8_only && !utf8) ||
		    (o->reading_only && open->changes))
			continue;
		if (o->from == OPTION_TIMEOUT_MS && open->query_timeout_s == 0)
			continue;
		buf_printf(out, ";%s=", o->key);
		if (o->from == OPTION_ROW_ARRAY)
			buf_printf(out, "%u", open->row_array);
		else if (o->from == OPTION_TIMEOUT_MS)
			buf_printf(out, "%llu", 1000ull * open->query_timeout_s);
		else
			buf_append_text(out, o->value);
	}
}

static void build_string(struct buf *out, const struct source_open *open, const char *driver,
                         struct span password)
{
	struct span connection = open->connection;
	while (connection.len > 0 && connection.data[connection.len - 1] == ';')
		connection.len--;
	buf_append_span(out, connection);
	append_options(out, open, driver);
	if (open->user.len > 0) {
		buf_append_text(out, ";UID=");
		append_value(out, open->user);
	}
	if (password.len > 0) {
		buf_append_text(out, ";PWD=");
		append_value(out, password);
	}
}

/* One login with the options of the driver of this name. */
static bool login(struct odbc_connection *connection, const struct source_open *open, const char *driver,
                  struct span password, struct odbc_failure *failure)
{
	struct buf string;
	buf_init(&string, STRING_BYTES_MAX);
	/* All of it at once: a buffer that grows leaves copies behind. */
	CHECK(buf_reserve(&string, STRING_BYTES_MAX) != NULL);
	build_string(&string, open, driver, password);
	bool ok = false;
	if (!buf_ok(&string)) {
		odbc_diag_set(failure, SOURCE_FAILURE_LOGIN, "", "the connection string is over %u bytes",
		              (unsigned)STRING_BYTES_MAX);
	} else {
		SQLCHAR *text = (SQLCHAR *)(uintptr_t)buf_cstr(&string);
		SQLRETURN ret = SQLDriverConnect(connection->handle, NULL, text, (SQLSMALLINT)string.len,
		                                 NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
		ok = SQL_SUCCEEDED(ret);
		if (!ok)
			odbc_diag_read(failure, SQL_HANDLE_DBC, connection->handle, ODBC_OPENING,
			               is_driver(driver, "maodbc") ? ODBC_DBMS_MARIADB : ODBC_DBMS_OTHER,
			               password);
	}
	explicit_bzero(string.data, string.capacity);
	buf_release(&string);
	connection->connected = ok;
	return ok;
}

static void information(struct odbc_connection *connection, SQLUSMALLINT what, char *to, size_t size)
{
	SQLCHAR text[128] = "";
	SQLSMALLINT len = 0;
	if (!SQL_SUCCEEDED(SQLGetInfo(connection->handle, what, text, sizeof text, &len)))
		text[0] = 0;
	text[sizeof text - 1] = 0;
	odbc_text_clean(to, size, span_of((char *)text));
}

static enum odbc_dbms dbms_of(const char *name)
{
	static const struct {
		const char *word;
		enum odbc_dbms dbms;
	} names[] = {
	    {"PostgreSQL", ODBC_DBMS_POSTGRESQL}, {"MariaDB", ODBC_DBMS_MARIADB},
	    {"MySQL", ODBC_DBMS_MARIADB},         {"SQLite", ODBC_DBMS_SQLITE},
	    {"Oracle", ODBC_DBMS_ORACLE},         {"DB2", ODBC_DBMS_DB2},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcasestr(name, names[i].word))
			return names[i].dbms;
	}
	return ODBC_DBMS_OTHER;
}

/* Runs a statement of ours and gives the first value of its first row, "" where there is none. */
static bool ask(struct odbc_connection *connection, const char *sql, char answer[ANSWER_BYTES_MAX],
                struct odbc_failure *failure)
{
	SQLHSTMT statement = SQL_NULL_HSTMT;
	SQLLEN indicator = SQL_NULL_DATA;
	answer[0] = 0;
	if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, connection->handle, &statement))) {
		odbc_diag_read(failure, SQL_HANDLE_DBC, connection->handle, ODBC_QUERYING, connection->dbms,
		               (struct span){NULL, 0});
		return false;
	}
	SQLSMALLINT columns = 0;
	SQLRETURN ret = SQLExecDirect(statement, (SQLCHAR *)(uintptr_t)sql, SQL_NTS);
	if (SQL_SUCCEEDED(ret))
		ret = SQLNumResultCols(statement, &columns);
	if (SQL_SUCCEEDED(ret) && columns > 0) {
		ret = SQLBindCol(statement, 1, SQL_C_CHAR, answer, ANSWER_BYTES_MAX, &indicator);
		if (SQL_SUCCEEDED(ret))
			ret = SQLFetch(statement);
	}
	bool ok = SQL_SUCCEEDED(ret) || ret == SQL_NO_DATA;
	if (!ok)
		odbc_diag_read(failure, SQL_HANDLE_STMT, statement, ODBC_QUERYING, connection->dbms,
		               (struct span){NULL, 0});
	answer[ANSWER_BYTES_MAX - 1] = 0;
	if (ret == SQL_NO_DATA || indicator == SQL_NULL_DATA)
		answer[0] = 0;
	(void)SQLFreeHandle(SQL_HANDLE_STMT, statement);
	return ok;
}

static uint8_t asked_read_only(struct odbc_connection *connection, const char *set, const char *show,
                               const char *other_show, const char *yes)
{
	char answer[ANSWER_BYTES_MAX];
	struct odbc_failure failure;
	/* What a refused setting says does not matter: what is read back counts. */
	(void)ask(connection, set, answer, &failure);
	if (!ask(connection, show, answer, &failure) && !ask(connection, other_show, answer, &failure))
		return ODBC_READ_ONLY_UNKNOWN;
	return strcmp(answer, yes) == 0 ? ODBC_READ_ONLY_YES : ODBC_READ_ONLY_NO;
}

/* A PostgreSQL database without encoding refuses whole results where one value is no UTF-8 and the client
 * wants UTF-8: its bytes are taken as they are, and judged value by value. */
static void take_raw_bytes(struct odbc_connection *connection)
{
	char answer[ANSWER_BYTES_MAX];
	struct odbc_failure failure;
	if (ask(connection, "SHOW server_encoding", answer, &failure) && strcmp(answer, "SQL_ASCII") == 0)
		(void)ask(connection, "SELECT set_config('client_encoding', 'SQL_ASCII', false)", answer,
		          &failure);
}

/* Profiles read documents by key. PostgreSQL's default for a page that is not next to the last one is that of a
 * turning disk, and lets it read a whole ledger for a few thousand keys; 1.1 is the usual value for solid state. */
static void prefer_keys(struct odbc_connection *connection)
{
	char answer[ANSWER_BYTES_MAX];
	struct odbc_failure failure;
	(void)ask(connection, "SELECT set_config('random_page_cost', '1.1', false)", answer, &failure);
}

static uint8_t guard(struct odbc_connection *connection)
{
	switch (connection->dbms) {
	case ODBC_DBMS_POSTGRESQL:
		take_raw_bytes(connection);
		prefer_keys(connection);
		return asked_read_only(
		    connection, "SELECT set_config('default_transaction_read_only', 'on', false)",
		    "SHOW default_transaction_read_only", "SHOW default_transaction_read_only", "on");
	case ODBC_DBMS_MARIADB:
		return asked_read_only(connection, "SET SESSION TRANSACTION READ ONLY",
		                       "SELECT @@session.tx_read_only",
		                       "SELECT @@session.transaction_read_only", "1");
	case ODBC_DBMS_SQLITE:
		return asked_read_only(connection, "PRAGMA query_only = ON", "PRAGMA query_only",
		                       "PRAGMA query_only", "1");
	case ODBC_DBMS_OTHER:
	case ODBC_DBMS_ORACLE:
	case ODBC_DBMS_DB2:
		break;
	}
	return ODBC_READ_ONLY_UNKNOWN;
}

static uint8_t isolation_of(SQLUINTEGER isolation)
{
	switch (isolation) {
	case SQL_TXN_READ_UNCOMMITTED:
		return 1;
	case SQL_TXN_READ_COMMITTED:
		return 2;
	case SQL_TXN_REPEATABLE_READ:
		return 3;
	case SQL_TXN_SERIALIZABLE:
		return 4;
	default:
		return 0;
	}
}

static void set_attribute(struct odbc_connection *connection, SQLINTEGER attribute, uintptr_t value)
{
	/* A driver that lacks it says so; what matters is read back. */
	(void)SQLSetConnectAttr(connection->handle, attribute, (SQLPOINTER)value, SQL_IS_UINTEGER);
}

static bool settle(struct odbc_connection *connection, struct odbc_failure *failure)
{
	SQLUINTEGER offered = 0;
	SQLUINTEGER isolation = 0;
	SQLSMALLINT len = 0;
	set_attribute(connection, SQL_ATTR_AUTOCOMMIT, SQL_AUTOCOMMIT_ON);
	if (!connection->changes)
		set_attribute(connection, SQL_ATTR_ACCESS_MODE, SQL_MODE_READ_ONLY);
	if (SQL_SUCCEEDED(
		SQLGetInfo(connection->handle, SQL_TXN_ISOLATION_OPTION, &offered, sizeof offered, &len)) &&
	    (offered & SQL_TXN_READ_COMMITTED))
		set_attribute(connection, SQL_ATTR_TXN_ISOLATION, SQL_TXN_READ_COMMITTED);
	if (SQL_SUCCEEDED(SQLGetConnectAttr(connection->handle, SQL_ATTR_TXN_ISOLATION, &isolation,
	                                    sizeof isolation, NULL)))
		connection->isolation = isolation_of(isolation);
	if (connection->isolation == 1) {
		odbc_diag_set(
		    failure, SOURCE_FAILURE_LOGIN, "",
		    "the connection reads uncommitted rows and the driver does not let it be changed; set "
		    "its isolation to read committed (IBM i Access: CMT=1)");
		return false;
	}
	connection->read_only = connection->changes ? ODBC_READ_ONLY_NO : guard(connection);
	if (connection->dbms == ODBC_DBMS_SQLITE) {
		/* The driver opens the file only now: one that is no database is found here, not in every
		 * statement. */
		char answer[ANSWER_BYTES_MAX];
		if (!ask(connection, "PRAGMA schema_version", answer, failure)) {
			if (failure->failure == SOURCE_FAILURE_QUERY)
				failure->failure = SOURCE_FAILURE_LOGIN;
			return false;
		}
	}
	return true;
}

static bool allocate(struct odbc_connection *connection, uint32_t login_timeout_s,
                     struct odbc_failure *failure)
{
	SQLRETURN ret = SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &connection->environment);
	if (SQL_SUCCEEDED(ret))
		ret = SQLSetEnvAttr(connection->environment, SQL_ATTR_ODBC_VERSION,
		                    (SQLPOINTER)(uintptr_t)SQL_OV_ODBC3, SQL_IS_UINTEGER);
	if (SQL_SUCCEEDED(ret))
		ret = SQLAllocHandle(SQL_HANDLE_DBC, connection->environment, &connection->handle);
	if (!SQL_SUCCEEDED(ret)) {
		odbc_diag_set(failure, SOURCE_FAILURE_CONNECTION, "",
		              "the ODBC driver manager gives no handles");
		return false;
	}
	if (login_timeout_s > 0)
		set_attribute(connection, SQL_ATTR_LOGIN_TIMEOUT, login_timeout_s);
	return true;
}

bool odbc_connection_open(struct odbc_connection *connection, const struct source_open *open,
                          struct span password, struct odbc_failure *failure)
{
	char driver[SOURCE_CONNECTION_BYTES_MAX + 1];
	*connection = (struct odbc_connection){.read_only = ODBC_READ_ONLY_UNKNOWN, .changes = open->changes};
	driver_of(open->connection, driver, sizeof driver);
	if (!allocate(connection, open->login_timeout_s, failure) ||
	    !login(connection, open, driver, password, failure))
		return false;
	information(connection, SQL_DRIVER_NAME, connection->driver_name, sizeof connection->driver_name);
	if (driver[0] == 0 && is_driver(connection->driver_name, "psqlodbc")) {
		(void)SQLDisconnect(connection->handle);
		connection->connected = false;
		if (!login(connection, open, connection->driver_name, password, failure))
			return false;
	}
	information(connection, SQL_DBMS_NAME, connection->dbms_name, sizeof connection->dbms_name);
	information(connection, SQL_DBMS_VER, connection->dbms_version, sizeof connection->dbms_version);
	information(connection, SQL_DRIVER_VER, connection->driver_version,
	            sizeof connection->driver_version);
	connection->dbms = dbms_of(connection->dbms_name);
	return settle(connection, failure);
}

void odbc_connection_release(struct odbc_connection *connection, bool dead)
{
	if (dead)
		return;
	if (connection->connected)
		(void)SQLDisconnect(connection->handle);
	if (connection->handle)
		(void)SQLFreeHandle(SQL_HANDLE_DBC, connection->handle);
	if (connection->environment)
		(void)SQLFreeHandle(SQL_HANDLE_ENV, connection->environment);
	*connection = (struct odbc_connection){.connected = false};
}

bool odbc_connection_alive(struct odbc_connection *connection)
{
	char answer[ANSWER_BYTES_MAX];
	struct odbc_failure failure;
	const char *sql = connection->dbms == ODBC_DBMS_ORACLE ? "SELECT 1 FROM DUAL"
	                  : connection->dbms == ODBC_DBMS_DB2  ? "SELECT 1 FROM SYSIBM.SYSDUMMY1"
	                                                       : "SELECT 1";
	if (ask(connection, sql, answer, &failure))
		return true;
	/* A database that knows another way to select nothing answers, and so it lives. */
	return strncmp(failure.sqlstate, "42", 2) == 0 || failure.failure == SOURCE_FAILURE_TRANSIENT;
}
