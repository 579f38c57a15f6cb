/*
 * memory_source.c - carries out the requests of a pull machine on SQLite, and what goes wrong on request.
 *
 * Why:   see memory_source.h.
 * Owns:  as there.
 * Rules: as there.
 * Runs in: tests.
 */
#include "tests/lib/memory_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"

static struct memory_source *of(struct hal *hal)
{
	return (struct memory_source *)hal;
}

static void push(struct memory_frame *list, int *count, uint8_t type, const void *payload, size_t len)
{
	CHECK(*count < MEMORY_QUEUE_MAX);
	struct memory_frame *frame = &list[(*count)++];
	*frame = (struct memory_frame){.type = type, .len = len, .payload = mem_alloc(len + 1)};
	if (len)
		memcpy(frame->payload, payload, len);
}

static void answer(struct memory_source *source, uint8_t type, struct buf *buf)
{
	CHECK(buf_ok(buf));
	push(source->answers, &source->answer_count, type, buf->data, buf->len);
	buf_release(buf);
}

static void fail_with(struct memory_source *source, uint32_t request, enum source_failure failure,
                      const char *sqlstate, const char *text)
{
	struct buf out;
	buf_init(&out, 65536);
	struct source_failed failed = {
	    .request = request, .failure = (uint8_t)failure, .native = 1, .text = span_of(text)};
	CHECK(text_copy(failed.sqlstate, sizeof failed.sqlstate, span_of(sqlstate)));
	source_failed_encode(&out, &failed);
	answer(source, SOURCE_FAILED, &out);
}

static void fail(struct memory_source *source, uint32_t request, enum source_failure failure,
                 const char *text)
{
	fail_with(source, request, failure, "HY000", text);
}

static void open_connection(struct memory_source *source, const struct memory_frame *frame)
{
	struct source_open message;
	struct buf out;
	CHECK(source_open_decode(&message, frame->payload, frame->len));
	source->changes = message.changes;
	if (source->refuse_login) {
		fail(source, 0, SOURCE_FAILURE_LOGIN, "password authentication failed");
		source->exit_due = true;
		return;
	}
	buf_init(&out, 65536);
	const struct source_opened opened = {.dbms = SPAN_LITERAL("SQLite"),
	                                     .dbms_version = SPAN_LITERAL("3"),
	                                     .driver = SPAN_LITERAL("memory"),
	                                     .driver_version = SPAN_LITERAL("1"),
	                                     .isolation = 4,
	                                     .read_only = 1};
	source_opened_encode(&out, &opened);
	answer(source, SOURCE_OPENED, &out);
}

static void prepare(struct memory_source *source, const struct memory_frame *frame)
{
	struct source_prepare message;
	CHECK(source_prepare_decode(&message, frame->payload, frame->len));
	sqlite3_finalize(source->statements[message.statement]);
	source->statements[message.statement] = NULL;
	source->described[message.statement] = false;
	source->errors[message.statement][0] = 0;
	if (sqlite3_prepare_v2(source->db, message.sql.data, (int)message.sql.len,
	                       &source->statements[message.statement], NULL) != SQLITE_OK)
		(void)snprintf(source->errors[message.statement], sizeof source->errors[0], "%s",
		               sqlite3_errmsg(source->db));
	else
		CHECK(sqlite3_bind_parameter_count(source->statements[message.statement]) == message.params);
	if (message.statement != 0) {
		CHECK(message.sql.len < sizeof source->last_sql);
		memcpy(source->last_sql, message.sql.data, message.sql.len);
		source->last_sql[message.sql.len] = 0;
	}
}

static void bind(sqlite3_stmt *statement, const struct source_execute *execute)
{
	for (int i = 0; i < execute->param_count; i++) {
		const struct source_param *param = &execute->params[i];
		char number[32];
		if (!param->integer) {
			sqlite3_bind_text(statement, i + 1, param->text.data ? param->text.data : "",
			                  (int)param->text.len, SQLITE_TRANSIENT);
			continue;
		}
		CHECK(text_copy(number, sizeof number, param->text));
		sqlite3_bind_int64(statement, i + 1, strtoll(number, NULL, 10));
	}
}

static void describe(struct memory_source *source, uint16_t number)
{
	struct source_columns *columns = mem_alloc(sizeof *columns);
	sqlite3_stmt *statement = source->statements[number];
	struct buf out;
	columns->statement = number;
	columns->count = (uint16_t)sqlite3_column_count(statement);
	for (int i = 0; i < columns->count; i++)
		columns->columns[i] = (struct source_column){
		    .name = span_of(sqlite3_column_name(statement, i)), .sql_type = 12};
	buf_init(&out, 65536);
	source_columns_encode(&out, columns);
	answer(source, SOURCE_COLUMNS, &out);
	source->described[number] = true;
	free(columns);
}

static struct source_value value_of(sqlite3_stmt *statement, int column)
{
	struct source_value value = {.kind = SOURCE_VALUE_NULL};
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return value;
	value.text.data = (const char *)sqlite3_column_text(statement, column);
	value.text.len = (size_t)sqlite3_column_bytes(statement, column);
	value.kind = SOURCE_VALUE_TEXT;
	if (value.text.len > SOURCE_VALUE_BYTES_MAX)
		value.kind = SOURCE_VALUE_TOO_LONG;
	else if (!utf8_valid(value.text))
		value.kind = SOURCE_VALUE_BAD_UTF8;
	if (value.kind != SOURCE_VALUE_TEXT && value.text.len > 64)
		value.text.len = 64;
	return value;
}

static void run(struct memory_source *source, const struct source_execute *execute)
{
	sqlite3_stmt *statement = source->statements[execute->statement];
	int columns = sqlite3_column_count(statement);
	int per_frame = source->rows_per_frame ? source->rows_per_frame : 50;
	uint32_t in_frame = 0;
	uint32_t rows = 0;
	struct buf out;
	buf_init(&out, 8u * 1024u * 1024u);
	bind(statement, execute);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		if (in_frame == 0)
			source_rows_begin(&out, execute->request, execute->statement, (uint16_t)columns);
		for (int i = 0; i < columns; i++)
			source_rows_value(&out, value_of(statement, i));
		rows++;
		if (++in_frame == (uint32_t)per_frame || out.len > SOURCE_ROWS_FRAME_BYTES) {
			source_rows_end(&out, in_frame);
			answer(source, SOURCE_ROWS, &out);
			in_frame = 0;
		}
	}
	if (columns == 0)
		rows = (uint32_t)sqlite3_changes(source->db);
	if (sqlite3_reset(statement) != SQLITE_OK) {
		/* Only a statement that changes rows can fail: a constraint of the test. */
		CHECK(source->changes);
		buf_release(&out);
		fail_with(source, execute->request, SOURCE_FAILURE_QUERY, "23514",
		          sqlite3_errmsg(source->db));
		return;
	}
	if (in_frame > 0) {
		source_rows_end(&out, in_frame);
		answer(source, SOURCE_ROWS, &out);
	}
	const struct source_done done = {.request = execute->request, .rows = rows};
	source_done_encode(&out, &done);
	answer(source, SOURCE_DONE, &out);
}

static void execute_one(struct memory_source *source, const struct memory_frame *frame)
{
	struct source_execute execute;
	CHECK(source_execute_decode(&execute, frame->payload, frame->len));
	source->executed += execute.statement != 0;
	if (source->die_in && --source->die_in == 0) {
		source->exit_due = true;
		return;
	}
	if (source->transient_all || (source->transient_in && --source->transient_in == 0)) {
		fail(source, execute.request, SOURCE_FAILURE_TRANSIENT, "deadlock detected");
		return;
	}
	if (!source->statements[execute.statement]) {
		fail_with(source, execute.request, SOURCE_FAILURE_QUERY, "42S02",
		          source->errors[execute.statement]);
		return;
	}
	bool result = sqlite3_column_count(source->statements[execute.statement]) > 0;
	CHECK(result || source->changes);
	if (result && !source->described[execute.statement])
		describe(source, execute.statement);
	run(source, &execute);
}

static void drop_frames(struct memory_frame *list, int from, int count)
{
	for (int i = from; i < count; i++)
		free(list[i].payload);
}

static void forget_child(struct memory_source *source)
{
	drop_frames(source->asked, 0, source->asked_count);
	drop_frames(source->answers, source->answer_next, source->answer_count);
	source->asked_count = source->answer_count = source->answer_next = 0;
	for (int i = 0; i < SOURCE_STATEMENTS_MAX; i++) {
		sqlite3_finalize(source->statements[i]);
		source->statements[i] = NULL;
		source->described[i] = false;
	}
	source->exit_due = false;
	source->child = 0;
}

static bool child_next(struct hal *hal, struct hal_child_event *event)
{
	struct memory_source *source = of(hal);
	if (source->child == 0)
		return false;
	if (source->answer_next == source->answer_count) {
		source->answer_next = source->answer_count = 0;
		while (!source->hang && !source->exit_due && source->asked_count > 0 &&
		       source->answer_count == 0) {
			struct memory_frame frame = source->asked[0];
			memmove(&source->asked[0], &source->asked[1],
			        (size_t)--source->asked_count * sizeof source->asked[0]);
			if (frame.type == SOURCE_OPEN)
				open_connection(source, &frame);
			else if (frame.type == SOURCE_PREPARE)
				prepare(source, &frame);
			else
				execute_one(source, &frame);
			free(frame.payload);
		}
	}
	if (source->answer_next < source->answer_count) {
		free(source->current.payload);
		source->current = source->answers[source->answer_next++];
		*event = (struct hal_child_event){.kind = HAL_CHILD_FRAME,
		                                  .child = source->child,
		                                  .type = source->current.type,
		                                  .payload = source->current.payload,
		                                  .len = source->current.len};
		return true;
	}
	if (!source->exit_due)
		return false;
	*event = (struct hal_child_event){
	    .kind = HAL_CHILD_EXITED, .child = source->child, .how = "exit status 1"};
	forget_child(source);
	return true;
}

static enum err child_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                            struct err_info *info)
{
	struct memory_source *source = of(hal);
	CHECK(role == HAL_ROLE_SOURCE && source->child == 0);
	if (source->refuse_spawn)
		return err_set(info, ERR_FULL, "no more children");
	(void)snprintf(source->name, sizeof source->name, "%s", name);
	source->child = (hal_child)++source->spawned;
	*child = source->child;
	return ERR_OK;
}

static enum err child_send(struct hal *hal, hal_child child, uint8_t type, const void *payload, size_t len)
{
	struct memory_source *source = of(hal);
	if (child != source->child || source->exit_due)
		return ERR_GONE;
	push(source->asked, &source->asked_count, type, payload, len);
	return ERR_OK;
}

static void child_signal(struct hal *hal, hal_child child, enum hal_signal signal)
{
	struct memory_source *source = of(hal);
	if (child != source->child)
		return;
	if (signal == HAL_SIGNAL_KILL)
		source->killed++;
	else
		source->terminated++;
	source->exit_due = source->exit_due || signal == HAL_SIGNAL_KILL || !source->stubborn;
}

static int64_t mono_ns(struct hal *hal)
{
	return of(hal)->mono_ns;
}

static int64_t wall_ns(struct hal *hal)
{
	return of(hal)->wall_ns;
}

static void entropy(struct hal *hal, void *bytes, size_t len)
{
	struct memory_source *source = of(hal);
	for (size_t i = 0; i < len; i++) {
		source->random =
		    source->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		((uint8_t *)bytes)[i] = (uint8_t)(source->random >> 56);
	}
}

static const char *disk_vfs(struct hal *hal)
{
	(void)hal;
	return NULL;
}

static enum err disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info)
{
	(void)hal;
	(void)path;
	(void)info;
	*bytes = UINT64_C(1) << 40;
	return ERR_OK;
}

static enum err disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info)
{
	(void)hal;
	return rename(from, to) == 0 ? ERR_OK : err_set(info, ERR_IO, "rename");
}

static enum err disk_remove(struct hal *hal, const char *path, struct err_info *info)
{
	(void)hal;
	(void)info;
	(void)remove(path);
	return ERR_OK;
}

static bool disk_exists(struct hal *hal, const char *path)
{
	(void)hal;
	FILE *file = fopen(path, "rb");
	if (file)
		(void)fclose(file);
	return file != NULL;
}

static void clock_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct memory_source *source = sqlite3_user_data(context);
	(void)count;
	(void)values;
	sqlite3_result_text(context, source->clock, -1, SQLITE_TRANSIENT);
}

void memory_source_init(struct memory_source *source, const char *database)
{
	static const struct hal_ops ops = {.mono_ns = mono_ns,
	                                   .wall_ns = wall_ns,
	                                   .entropy = entropy,
	                                   .disk_vfs = disk_vfs,
	                                   .disk_free = disk_free,
	                                   .disk_rename = disk_rename,
	                                   .disk_remove = disk_remove,
	                                   .disk_exists = disk_exists,
	                                   .child_spawn = child_spawn,
	                                   .child_send = child_send,
	                                   .child_signal = child_signal,
	                                   .child_next = child_next};
	memset(source, 0, sizeof *source);
	source->hal.ops = &ops;
	source->mono_ns = NS_PER_S;
	source->wall_ns = INT64_C(1709197200) * NS_PER_S; /* 2024-02-29 09:00:00 UTC */
	source->random = 1;
	CHECK(sqlite3_open(database, &source->db) == SQLITE_OK);
	CHECK(sqlite3_create_function(source->db, "strftime", -1, SQLITE_UTF8, source, clock_function, NULL,
	                              NULL) == SQLITE_OK);
}

void memory_source_release(struct memory_source *source)
{
	forget_child(source);
	free(source->current.payload);
	CHECK(sqlite3_close(source->db) == SQLITE_OK);
}

void memory_source_say(struct memory_source *source, uint8_t type, const void *payload, size_t len)
{
	push(source->answers, &source->answer_count, type, payload, len);
}

void memory_source_sql(struct memory_source *source, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *sql = sqlite3_vmprintf(format, args);
	va_end(args);
	char *error = NULL;
	if (sqlite3_exec(source->db, sql, NULL, NULL, &error) != SQLITE_OK) {
		(void)fprintf(stderr, "# %s: %s\n", error, sql);
		BUG("the test's SQL is good");
	}
	sqlite3_free(sql);
}
