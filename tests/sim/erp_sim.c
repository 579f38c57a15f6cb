/*
 * erp_sim.c - the simulated source child.
 *
 * Why:   see erp_sim.h.
 * Owns:  as in erp_sim.h.
 * Rules: as in erp_sim.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/erp_sim.h"

#include <stdlib.h>
#include <string.h>

#include "connector/source/source_protocol.h"
#include "hal/frame.h"

#define ASKED_MAX 64

struct asked {
	uint8_t type;
	size_t len;
	uint8_t *payload;
};

struct source {
	struct erp_sim *erp;
	struct sim_child *child;
	bool open;
	sqlite3_stmt *statements[SOURCE_STATEMENTS_MAX];
	char *errors[SOURCE_STATEMENTS_MAX];
	bool described[SOURCE_STATEMENTS_MAX];
	struct asked asked[ASKED_MAX];
	int asked_count;
	struct buf out;
};

static bool one_in(struct source *source, uint64_t n)
{
	return sim_random_one_in(sim_child_random(source->child), n);
}

static void tell(struct source *source, uint8_t type)
{
	CHECK(buf_ok(&source->out));
	sim_child_send(source->child, type, source->out.data, source->out.len);
	buf_clear(&source->out);
}

static void fail(struct source *source, uint32_t request, uint8_t failure, const char *text)
{
	const struct source_failed failed = {
	    .request = request, .failure = failure, .sqlstate = "HY000", .native = 1, .text = span_of(text)};
	source_failed_encode(&source->out, &failed);
	tell(source, SOURCE_FAILED);
	source->erp->failures++;
	/* As the real child: after these it has nothing to go on with. */
	if (request == 0 || failure == SOURCE_FAILURE_CONNECTION)
		sim_child_exit(source->child, 0);
}

static void open_connection(struct source *source)
{
	source->erp->connections++;
	if (one_in(source, source->erp->faults.refuse_one_in)) {
		bool login = one_in(source, 4);
		fail(source, 0, login ? SOURCE_FAILURE_LOGIN : SOURCE_FAILURE_CONNECTION,
		     "refused by the simulation");
		return;
	}
	const struct source_opened opened = {.dbms = SPAN_LITERAL("SQLite"),
	                                     .dbms_version = SPAN_LITERAL("3"),
	                                     .driver = SPAN_LITERAL("simulated"),
	                                     .driver_version = SPAN_LITERAL("1"),
	                                     .isolation = 4,
	                                     .read_only = 1};
	source->open = true;
	source_opened_encode(&source->out, &opened);
	tell(source, SOURCE_OPENED);
}

static void prepare(struct source *source, const struct asked *asked)
{
	struct source_prepare message;
	CHECK(source_prepare_decode(&message, asked->payload, asked->len));
	uint16_t n = message.statement;
	(void)sqlite3_finalize(source->statements[n]);
	free(source->errors[n]);
	source->statements[n] = NULL;
	source->errors[n] = NULL;
	source->described[n] = false;
	sqlite3 *db = source->erp->books->db;
	if (sqlite3_prepare_v2(db, message.sql.data, (int)message.sql.len, &source->statements[n], NULL) !=
	    SQLITE_OK)
		source->errors[n] = mem_copy_text(span_of(sqlite3_errmsg(db)));
	else
		CHECK(sqlite3_bind_parameter_count(source->statements[n]) == message.params);
}

static void describe(struct source *source, uint16_t number)
{
	struct source_columns *columns = mem_alloc(sizeof *columns);
	sqlite3_stmt *statement = source->statements[number];
	columns->statement = number;
	columns->count = (uint16_t)sqlite3_column_count(statement);
	for (int i = 0; i < columns->count; i++)
		columns->columns[i] = (struct source_column){
		    .name = span_of(sqlite3_column_name(statement, i)), .sql_type = 12, .size = 255};
	source_columns_encode(&source->out, columns);
	tell(source, SOURCE_COLUMNS);
	source->described[number] = true;
	free(columns);
}

static void bind(sqlite3_stmt *statement, const struct source_execute *execute)
{
	for (int i = 0; i < execute->param_count; i++) {
		const struct source_param *param = &execute->params[i];
		char number[32];
		int result;
		if (param->integer) {
			CHECK(text_copy(number, sizeof number, param->text));
			result = sqlite3_bind_int64(statement, i + 1, strtoll(number, NULL, 10));
		} else {
			result = sqlite3_bind_text(statement, i + 1, param->text.data ? param->text.data : "",
			                           (int)param->text.len, SQLITE_TRANSIENT);
		}
		CHECK(result == SQLITE_OK);
	}
}

static struct source_value value_of(sqlite3_stmt *statement, int column)
{
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return (struct source_value){.kind = SOURCE_VALUE_NULL};
	const char *text = (const char *)sqlite3_column_text(statement, column);
	return (struct source_value){.kind = SOURCE_VALUE_TEXT,
	                             .text = {text, (size_t)sqlite3_column_bytes(statement, column)}};
}

/* Sends the rows; false: the child died on the way. */
static bool send_rows(struct source *source, const struct source_execute *execute, uint32_t *rows, bool crash)
{
	sqlite3_stmt *statement = source->statements[execute->statement];
	int columns = sqlite3_column_count(statement);
	uint32_t per_frame = 1 + (uint32_t)sim_random_below(sim_child_random(source->child), 100);
	uint32_t in_frame = 0;
	int result;
	bind(statement, execute);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		if (in_frame == 0)
			source_rows_begin(&source->out, execute->request, execute->statement,
			                  (uint16_t)columns);
		for (int i = 0; i < columns; i++)
			source_rows_value(&source->out, value_of(statement, i));
		++*rows;
		if (++in_frame == per_frame || source->out.len > SOURCE_ROWS_FRAME_BYTES) {
			source_rows_end(&source->out, in_frame);
			tell(source, SOURCE_ROWS);
			in_frame = 0;
			if (crash && one_in(source, 3)) {
				(void)sqlite3_reset(statement);
				return false;
			}
		}
	}
	CHECK(result == SQLITE_DONE && sqlite3_reset(statement) == SQLITE_OK);
	if (in_frame > 0) {
		source_rows_end(&source->out, in_frame);
		tell(source, SOURCE_ROWS);
	}
	return !crash;
}

/* true: the request met a fault that answered it, or ended the child. */
static bool faulty(struct source *source, uint32_t request)
{
	const struct erp_faults *faults = &source->erp->faults;
	if (one_in(source, faults->hang_one_in)) {
		source->erp->hangs++;
		sim_child_hang(source->child);
	} else if (one_in(source, faults->garbage_one_in)) {
		static const char garbage[] = "segmentation fault in libodbc.so";
		sim_child_send_raw(source->child, garbage, sizeof garbage);
	} else if (one_in(source, faults->transient_one_in)) {
		fail(source, request, SOURCE_FAILURE_TRANSIENT, "deadlock detected");
	} else if (one_in(source, faults->query_one_in)) {
		fail(source, request, SOURCE_FAILURE_QUERY, "the table is locked by an upgrade");
	} else if (one_in(source, faults->lost_one_in)) {
		fail(source, request, SOURCE_FAILURE_CONNECTION, "the server closed the connection");
	} else {
		return false;
	}
	return true;
}

static void execute_one(struct source *source, const struct asked *asked)
{
	struct source_execute execute;
	uint32_t rows = 0;
	CHECK(source_execute_decode(&execute, asked->payload, asked->len));
	source->erp->requests++;
	if (faulty(source, execute.request))
		return;
	if (!source->statements[execute.statement]) {
		const char *error = source->errors[execute.statement];
		fail(source, execute.request, SOURCE_FAILURE_QUERY, error ? error : "not prepared");
		return;
	}
	if (!source->described[execute.statement])
		describe(source, execute.statement);
	bool crash = one_in(source, source->erp->faults.crash_one_in);
	if (!send_rows(source, &execute, &rows, crash)) {
		source->erp->crashes++;
		sim_child_crash(source->child, 11);
		return;
	}
	const struct source_done done = {.request = execute.request, .rows = rows};
	source_done_encode(&source->out, &done);
	tell(source, SOURCE_DONE);
	sim_child_flush(source->child);
}

static void wake_later(struct source *source)
{
	int64_t latency = source->erp->faults.latency_ns_max;
	/* Mostly quick, now and then the longest. */
	latency = one_in(source, 20) ? latency : latency / 50;
	sim_child_wake_at(source->child,
	                  sim_child_now(source->child) +
	                      sim_random_between(sim_child_random(source->child), 1000, 1000 + latency));
}

static void *start(void *world, struct sim_child *child, const char *name)
{
	struct source *source = mem_alloc(sizeof *source);
	CHECK(name[0] != 0);
	source->erp = world;
	source->child = child;
	buf_init(&source->out, FRAME_PAYLOAD_MAX);
	return source;
}

static void frame(void *self, uint8_t type, const uint8_t *payload, size_t len)
{
	struct source *source = self;
	CHECK(source->asked_count < ASKED_MAX);
	struct asked *asked = &source->asked[source->asked_count++];
	*asked = (struct asked){.type = type, .len = len, .payload = mem_alloc(len)};
	if (len > 0)
		memcpy(asked->payload, payload, len);
	if (source->asked_count == 1)
		wake_later(source);
}

static void wake(void *self)
{
	struct source *source = self;
	CHECK(source->asked_count > 0);
	struct asked asked = source->asked[0];
	memmove(&source->asked[0], &source->asked[1], (size_t)--source->asked_count * sizeof asked);
	switch (asked.type) {
	case SOURCE_OPEN: {
		struct source_open message;
		CHECK(!source->open && source_open_decode(&message, asked.payload, asked.len));
		open_connection(source);
		break;
	}
	case SOURCE_PREPARE:
		CHECK(source->open);
		prepare(source, &asked);
		break;
	default:
		CHECK(asked.type == SOURCE_EXECUTE && source->open);
		execute_one(source, &asked);
	}
	free(asked.payload);
	if (source->asked_count > 0)
		wake_later(source);
}

static void end(void *self)
{
	struct source *source = self;
	for (int i = 0; i < SOURCE_STATEMENTS_MAX; i++) {
		(void)sqlite3_finalize(source->statements[i]);
		free(source->errors[i]);
	}
	for (int i = 0; i < source->asked_count; i++)
		free(source->asked[i].payload);
	buf_release(&source->out);
	free(source);
}

const struct sim_child_ops erp_sim_ops = {.start = start, .frame = frame, .wake = wake, .end = end};
