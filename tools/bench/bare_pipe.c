/*
 * bare_pipe.c - the yardstick of the bench: rows over ODBC, grouped to JSON, into SQLite, out over MQTT; nothing else.
 *
 * Why:   the product's figures mean something only beside the same three libraries doing the same work without any of
 *        the product's own: no validity, no hashing, no register, no recovery, one process, one thread.
 * Owns:  one ODBC statement, one SQLite file, one MQTT connection.
 * Rules: 1. ODBC: columns bound as characters in arrays of ROW_ARRAY. SQLite: WAL, synchronous=FULL, BATCH documents a
 *           commit, and what the broker has taken noted in the next commit. MQTT: QoS 1 over TLS, its own window.
 *        2. A document is published only after its commit, as the product does.
 *        3. Rows of one document follow each other: the first `keys` columns are equal.
 * Faults: any failure ends it with one line on standard error and status 1; it is no product.
 * Runs in: tools/bench/bench alone. Prints one line of JSON.
 * Tests: tools/bench/bench compares its count of documents with the database's.
 */
#include <mosquitto.h>
#include <sql.h>
#include <sqlext.h>
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define ROW_ARRAY          200
#define BATCH              1000
#define COLUMNS_MAX        64
#define VALUE_BYTES        128
#define DOCUMENT_BYTES_MAX 60000
/* Documents of a batch lie one behind the other; a fuller arena is committed early. */
#define ARENA_BYTES    (4u * 1024u * 1024u)
#define SQL_BYTES_MAX  32768
#define PATH_BYTES_MAX 512

struct options {
	const char *connection, *sql_file, *database, *host, *directory, *topic;
	int port, keys, window;
};

struct pipe {
	struct options options;
	SQLHENV environment;
	SQLHDBC odbc;
	SQLHSTMT statement;
	SQLSMALLINT columns;
	char names[COLUMNS_MAX][32];
	char (*values)[ROW_ARRAY][VALUE_BYTES]; /* [column][row] */
	SQLLEN (*lengths)[ROW_ARRAY];
	SQLULEN fetched;
	sqlite3 *database;
	sqlite3_stmt *insert, *sent;
	struct mosquitto *mosquitto;
	int in_flight;
	int connected;
	long acked, documents, lines;
	char *arena;              /* documents of the open transaction */
	size_t starts[BATCH + 1]; /* document i: starts[i] to starts[i + 1] */
	int batch_count;
	size_t end; /* of the document being built, which begins at starts[batch_count] */
	char key[COLUMNS_MAX * VALUE_BYTES];
};

static void fail(const char *what, const char *detail)
{
	(void)fprintf(stderr, "bare_pipe: %s: %s\n", what, detail);
	exit(1);
}

static void odbc_check(SQLRETURN result, SQLSMALLINT kind, SQLHANDLE handle, const char *what)
{
	if (SQL_SUCCEEDED(result))
		return;
	SQLCHAR state[6] = "", text[512] = "";
	SQLINTEGER native;
	SQLSMALLINT len;
	(void)SQLGetDiagRec(kind, handle, 1, state, &native, text, sizeof text, &len);
	fail(what, (const char *)text);
}

static void odbc_open(struct pipe *pipe)
{
	char *sql = calloc(1, SQL_BYTES_MAX);
	FILE *file = fopen(pipe->options.sql_file, "r");
	if (!file || !sql)
		fail("cannot open", pipe->options.sql_file);
	if (fread(sql, 1, SQL_BYTES_MAX - 1, file) == 0)
		fail("cannot read", pipe->options.sql_file);
	(void)fclose(file);
	(void)SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &pipe->environment);
	(void)SQLSetEnvAttr(pipe->environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0);
	(void)SQLAllocHandle(SQL_HANDLE_DBC, pipe->environment, &pipe->odbc);
	odbc_check(SQLDriverConnect(pipe->odbc, NULL, (SQLCHAR *)pipe->options.connection, SQL_NTS, NULL, 0,
	                            NULL, SQL_DRIVER_NOPROMPT),
	           SQL_HANDLE_DBC, pipe->odbc, "connect");
	odbc_check(SQLAllocHandle(SQL_HANDLE_STMT, pipe->odbc, &pipe->statement), SQL_HANDLE_DBC, pipe->odbc,
	           "statement");
	(void)SQLSetStmtAttr(pipe->statement, SQL_ATTR_ROW_ARRAY_SIZE, (SQLPOINTER)ROW_ARRAY, 0);
	(void)SQLSetStmtAttr(pipe->statement, SQL_ATTR_ROWS_FETCHED_PTR, &pipe->fetched, 0);
	odbc_check(SQLExecDirect(pipe->statement, (SQLCHAR *)sql, SQL_NTS), SQL_HANDLE_STMT, pipe->statement,
	           "query");
	free(sql);
	odbc_check(SQLNumResultCols(pipe->statement, &pipe->columns), SQL_HANDLE_STMT, pipe->statement,
	           "columns");
	if (pipe->columns > COLUMNS_MAX || pipe->options.keys > pipe->columns)
		fail("query", "too many columns, or fewer than the key has");
	pipe->values = calloc((size_t)pipe->columns, sizeof *pipe->values);
	pipe->lengths = calloc((size_t)pipe->columns, sizeof *pipe->lengths);
	if (!pipe->values || !pipe->lengths)
		fail("memory", "exhausted");
	for (SQLSMALLINT i = 0; i < pipe->columns; i++) {
		(void)SQLDescribeCol(pipe->statement, (SQLUSMALLINT)(i + 1), (SQLCHAR *)pipe->names[i],
		                     sizeof pipe->names[i], NULL, NULL, NULL, NULL, NULL);
		odbc_check(SQLBindCol(pipe->statement, (SQLUSMALLINT)(i + 1), SQL_C_CHAR, pipe->values[i],
		                      VALUE_BYTES, pipe->lengths[i]),
		           SQL_HANDLE_STMT, pipe->statement, "bind");
	}
}

static void sqlite_run(struct pipe *pipe, const char *sql)
{
	if (sqlite3_exec(pipe->database, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(pipe->database));
}

static void sqlite_open(struct pipe *pipe)
{
	if (sqlite3_open(pipe->options.database, &pipe->database) != SQLITE_OK)
		fail("open", pipe->options.database);
	sqlite_run(pipe,
	           "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	           "CREATE TABLE documents(id INTEGER PRIMARY KEY, body TEXT);"
	           "CREATE TABLE sent(one INTEGER PRIMARY KEY, upto INTEGER); INSERT INTO sent VALUES (1, "
	           "0); BEGIN");
	if (sqlite3_prepare_v2(pipe->database, "INSERT INTO documents(body) VALUES (?)", -1, &pipe->insert,
	                       NULL) ||
	    sqlite3_prepare_v2(pipe->database, "UPDATE sent SET upto = ?", -1, &pipe->sent, NULL))
		fail("prepare", sqlite3_errmsg(pipe->database));
}

static void on_connect(struct mosquitto *mosquitto, void *self, int reason)
{
	(void)mosquitto;
	struct pipe *pipe = self;
	if (reason)
		fail("broker", mosquitto_connack_string(reason));
	pipe->connected = 1;
}

static void on_publish(struct mosquitto *mosquitto, void *self, int mid)
{
	(void)mosquitto;
	(void)mid;
	struct pipe *pipe = self;
	pipe->in_flight--;
	pipe->acked++;
}

static void mqtt_loop(struct pipe *pipe, int timeout_ms)
{
	int result = mosquitto_loop(pipe->mosquitto, timeout_ms, 1);
	if (result != MOSQ_ERR_SUCCESS)
		fail("mqtt", mosquitto_strerror(result));
}

static void mqtt_open(struct pipe *pipe)
{
	char ca[PATH_BYTES_MAX], certificate[PATH_BYTES_MAX], key[PATH_BYTES_MAX];
	(void)snprintf(ca, sizeof ca, "%s/ca.crt", pipe->options.directory);
	(void)snprintf(certificate, sizeof certificate, "%s/client.crt", pipe->options.directory);
	(void)snprintf(key, sizeof key, "%s/client.key", pipe->options.directory);
	(void)mosquitto_lib_init();
	pipe->mosquitto = mosquitto_new("bare-pipe", true, pipe);
	(void)mosquitto_int_option(pipe->mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	(void)mosquitto_int_option(pipe->mosquitto, MOSQ_OPT_SEND_MAXIMUM, 65535);
	mosquitto_connect_callback_set(pipe->mosquitto, on_connect);
	mosquitto_publish_callback_set(pipe->mosquitto, on_publish);
	if (mosquitto_tls_set(pipe->mosquitto, ca, NULL, certificate, key, NULL) != MOSQ_ERR_SUCCESS)
		fail("tls", "certificates are not readable");
	int result = mosquitto_connect(pipe->mosquitto, pipe->options.host, pipe->options.port, 60);
	if (result != MOSQ_ERR_SUCCESS)
		fail("connect to the broker", mosquitto_strerror(result));
	while (!pipe->connected)
		mqtt_loop(pipe, 1000);
}

/* Commits the open documents, then publishes them. */
static void commit_and_publish(struct pipe *pipe)
{
	(void)sqlite3_bind_int64(pipe->sent, 1, pipe->acked);
	if (sqlite3_step(pipe->sent) != SQLITE_DONE)
		fail("update", sqlite3_errmsg(pipe->database));
	(void)sqlite3_reset(pipe->sent);
	sqlite_run(pipe, "COMMIT");
	for (int i = 0; i < pipe->batch_count; i++) {
		while (pipe->in_flight >= pipe->options.window)
			mqtt_loop(pipe, 1000);
		int result = mosquitto_publish(pipe->mosquitto, NULL, pipe->options.topic,
		                               (int)(pipe->starts[i + 1] - pipe->starts[i]),
		                               pipe->arena + pipe->starts[i], 1, false);
		if (result != MOSQ_ERR_SUCCESS)
			fail("publish", mosquitto_strerror(result));
		pipe->in_flight++;
	}
	pipe->batch_count = 0;
	pipe->end = 0;
	sqlite_run(pipe, "BEGIN");
}

static void append(struct pipe *pipe, const char *text, size_t len)
{
	(void)memcpy(pipe->arena + pipe->end, text, len);
	pipe->end += len;
}

static void document_close(struct pipe *pipe)
{
	size_t start = pipe->starts[pipe->batch_count];
	if (pipe->end == start)
		return;
	append(pipe, "]}", 2);
	(void)sqlite3_bind_text(pipe->insert, 1, pipe->arena + start, (int)(pipe->end - start),
	                        SQLITE_STATIC);
	if (sqlite3_step(pipe->insert) != SQLITE_DONE)
		fail("insert", sqlite3_errmsg(pipe->database));
	(void)sqlite3_reset(pipe->insert);
	pipe->documents++;
	pipe->starts[++pipe->batch_count] = pipe->end;
	if (pipe->batch_count == BATCH || pipe->end > ARENA_BYTES - DOCUMENT_BYTES_MAX)
		commit_and_publish(pipe);
}

/* Appends "name":"value" of the columns from..to-1 of a row, blanks cut at the right. */
static void append_fields(struct pipe *pipe, int from, int to, size_t row)
{
	char *text = pipe->arena;
	size_t len = pipe->end;
	for (int i = from; i < to; i++) {
		const char *value = pipe->values[i][row];
		SQLLEN bytes = pipe->lengths[i][row];
		if (bytes < 0)
			continue;
		while (bytes > 0 && value[bytes - 1] == ' ')
			bytes--;
		if (len - pipe->starts[pipe->batch_count] + (size_t)bytes * 2 + 64 > DOCUMENT_BYTES_MAX)
			fail("document", "too large");
		len += (size_t)snprintf(text + len, 48, "%s\"%s\":\"", i > from ? "," : "", pipe->names[i]);
		for (SQLLEN k = 0; k < bytes; k++) {
			if (value[k] == '"' || value[k] == '\\')
				text[len++] = '\\';
			text[len++] = value[k];
		}
		text[len++] = '"';
	}
	pipe->end = len;
}

static void take_row(struct pipe *pipe, size_t row)
{
	char key[sizeof pipe->key];
	size_t len = 0;
	for (int i = 0; i < pipe->options.keys; i++) {
		size_t bytes = (size_t)pipe->lengths[i][row];
		(void)memcpy(key + len, pipe->values[i][row], bytes);
		len += bytes;
		key[len++] = '\x1f';
	}
	key[len] = '\0';
	if (strcmp(key, pipe->key) != 0) {
		document_close(pipe);
		(void)memcpy(pipe->key, key, len + 1);
		append(pipe, "{", 1);
		append_fields(pipe, 0, pipe->options.keys, row);
		append(pipe, ",\"lines\":[", 10);
	} else {
		append(pipe, ",", 1);
	}
	append(pipe, "{", 1);
	append_fields(pipe, pipe->options.keys, pipe->columns, row);
	append(pipe, "}", 1);
	pipe->lines++;
}

static double seconds_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long pss_kib(void)
{
	char line[256];
	long pss = 0;
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "Pss:", 4) == 0)
			pss = strtol(line + 4, NULL, 10);
	if (file)
		(void)fclose(file);
	return pss;
}

static void run(struct pipe *pipe)
{
	for (;;) {
		SQLRETURN result = SQLFetch(pipe->statement);
		if (result == SQL_NO_DATA)
			break;
		odbc_check(result, SQL_HANDLE_STMT, pipe->statement, "fetch");
		for (SQLULEN row = 0; row < pipe->fetched; row++)
			take_row(pipe, row);
	}
	document_close(pipe);
	commit_and_publish(pipe);
	while (pipe->in_flight > 0)
		mqtt_loop(pipe, 1000);
	(void)sqlite3_bind_int64(pipe->sent, 1, pipe->acked);
	(void)sqlite3_step(pipe->sent);
	(void)sqlite3_reset(pipe->sent);
	sqlite_run(pipe, "COMMIT");
}

static void release(struct pipe *pipe)
{
	(void)mosquitto_disconnect(pipe->mosquitto);
	mosquitto_destroy(pipe->mosquitto);
	(void)mosquitto_lib_cleanup();
	(void)sqlite3_finalize(pipe->insert);
	(void)sqlite3_finalize(pipe->sent);
	(void)sqlite3_close(pipe->database);
	(void)SQLFreeHandle(SQL_HANDLE_STMT, pipe->statement);
	(void)SQLDisconnect(pipe->odbc);
	(void)SQLFreeHandle(SQL_HANDLE_DBC, pipe->odbc);
	(void)SQLFreeHandle(SQL_HANDLE_ENV, pipe->environment);
	free(pipe->values);
	free(pipe->lengths);
	free(pipe->arena);
	free(pipe);
}

int main(int argc, char **argv)
{
	if (argc != 10) {
		(void)fputs("usage: bare_pipe CONNECTION SQL-FILE KEY-COLUMNS SQLITE-FILE HOST PORT "
		            "CERTIFICATES TOPIC WINDOW\n",
		            stderr);
		return 2;
	}
	struct pipe *pipe = calloc(1, sizeof *pipe);
	if (!pipe)
		fail("memory", "exhausted");
	pipe->options = (struct options){
	    .connection = argv[1],
	    .sql_file = argv[2],
	    .keys = (int)strtol(argv[3], NULL, 10),
	    .database = argv[4],
	    .host = argv[5],
	    .port = (int)strtol(argv[6], NULL, 10),
	    .directory = argv[7],
	    .topic = argv[8],
	    .window = (int)strtol(argv[9], NULL, 10),
	};
	pipe->arena = malloc(ARENA_BYTES);
	if (!pipe->arena)
		fail("memory", "exhausted");
	mqtt_open(pipe);
	sqlite_open(pipe);
	double begun = seconds_now();
	odbc_open(pipe);
	run(pipe);
	double seconds = seconds_now() - begun;
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	(void)printf("{\"documents\":%ld,\"lines\":%ld,\"acked\":%ld,\"seconds\":%.3f,\"cpu_seconds\":%.3f,"
	             "\"pss_kib\":%ld}\n",
	             pipe->documents, pipe->lines, pipe->acked, seconds, cpu, pss_kib());
	release(pipe);
	return 0;
}
