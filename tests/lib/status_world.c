/*
 * status_world.c - the rounds, the sink and the looks of status_world.h.
 *
 * Why:   see status_world.h.
 * Owns:  as there.
 * Rules: as there.
 * Runs in: tests.
 */
#include "tests/lib/status_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_forward/status_queue.h"

struct status_world world;

static enum err sink_begin(void *self, struct err_info *info)
{
	(void)self;
	if (world.begin_fails)
		return err_set(info, ERR_FULL, "the disk is full");
	return store_in_transaction(world.store) ? ERR_OK : store_begin(world.store, info);
}

static enum err sink_raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	bool fresh = false;
	(void)self;
	assert_true(store_in_transaction(world.store));
	assert_true(span_equal(exception->source, SPAN_LITERAL("uplink")));
	assert_int_equal(exception->owner, STORE_OWNER_TECHNICAL);
	return store_exception_raise(world.store, exception, &fresh, info);
}

static enum err sink_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	int cleared = 0;
	(void)self;
	assert_true(store_in_transaction(world.store));
	return store_exception_clear(world.store, span_of(rule), SPAN_LITERAL("uplink"), span_of(key),
	                             world.erp.wall_ns, &cleared, info);
}

void make_writer(void)
{
	const struct status_writer_sink sink = {NULL, sink_begin, sink_raise, sink_clear};
	world.writer = status_writer_new(&world.erp.hal, NULL, world.store, &world.config, &sink);
}

void restart_writer(void)
{
	struct hal_child_event event;
	status_writer_free(world.writer);
	while (hal_child_next(&world.erp.hal, &event))
		;
	make_writer();
}

int world_set_up(void **state)
{
	static struct store_opening opening;
	struct err_info info;
	(void)state;
	memset(&world, 0, sizeof world);
	memory_source_init(&world.erp, ":memory:");
	memory_source_sql(&world.erp, STATUS_TABLE);
	(void)snprintf(world.directory, sizeof world.directory, "/tmp/twinpost-status-XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	(void)snprintf(world.path, sizeof world.path, "%s/store.db", world.directory);
	world.config = (struct config_source){.name = "erp",
	                                      .query_deadline_ns = 60 * NS_PER_S,
	                                      .login_timeout_ns = 15 * NS_PER_S,
	                                      .status_table = {.connection = "DSN=staging", .table = "st"}};
	const struct store_options options = {.path = world.path,
	                                      .size_max = UINT64_C(1) << 30,
	                                      .disk_reserve = 1 << 20,
	                                      .retention_ns = NS_PER_S,
	                                      .source_urn_prefix = "urn:twinpost:t:g"};
	if (store_open(&world.erp.hal, NULL, &options, &world.store, &opening, &info) != ERR_OK)
		fail_msg("%s", info.text);
	make_writer();
	return 0;
}

int world_tear_down(void **state)
{
	(void)state;
	char path[128];
	status_writer_free(world.writer);
	store_close(world.store);
	memory_source_release(&world.erp);
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", world.path, ends[i]);
		(void)remove(path);
	}
	(void)rmdir(world.directory);
	return 0;
}

static void roll_back(void)
{
	store_rollback(world.store);
	status_writer_rolled_back(world.writer, world.erp.mono_ns);
	world.rollbacks++;
}

bool go_round(void)
{
	struct hal_child_event event;
	struct err_info info;
	bool any = false;
	for (int i = 0; i < 8 && hal_child_next(&world.erp.hal, &event); i++) {
		any = true;
		if (status_writer_owns(world.writer, event.child) &&
		    status_writer_event(world.writer, &event, world.erp.mono_ns, &info) != ERR_OK)
			roll_back();
	}
	if (status_writer_step(world.writer, world.erp.mono_ns, &world.due, &info) != ERR_OK)
		roll_back();
	if (store_in_transaction(world.store) && world.lose_commits)
		roll_back();
	else if (store_in_transaction(world.store))
		assert_int_equal(store_commit(world.store, &info), ERR_OK);
	return any || (world.erp.asked_count > 0 && !world.erp.hang);
}

void pass(double seconds)
{
	int64_t end = world.erp.mono_ns + (int64_t)(seconds * 1e9);
	for (int i = 0; i < 100000; i++) {
		if (go_round())
			continue;
		if (world.erp.mono_ns == end)
			return;
		int64_t next = world.due > world.erp.mono_ns && world.due < end ? world.due : end;
		world.erp.wall_ns += next - world.erp.mono_ns;
		world.erp.mono_ns = next;
	}
	fail_msg("busy for 100000 rounds");
}

void begin(void)
{
	struct err_info info;
	assert_int_equal(store_begin(world.store, &info), ERR_OK);
}

void commit(void)
{
	struct err_info info;
	assert_int_equal(store_commit(world.store, &info), ERR_OK);
}

void add_outcome(const char *subject, int64_t revision, enum store_outcome_code code, const char *document,
                 const char *text)
{
	struct err_info info;
	const struct store_outcome outcome = {.subject = span_of(subject),
	                                      .revision = revision,
	                                      .code = (uint8_t)code,
	                                      .moved = true,
	                                      .document = span_of(document),
	                                      .date = SPAN_LITERAL("2024-02-29"),
	                                      .ledger = SPAN_LITERAL("0L"),
	                                      .text = span_of(text),
	                                      .message = SPAN_LITERAL("m"),
	                                      .received_ns = world.erp.wall_ns};
	assert_int_equal(store_outcome_add(world.store, &outcome, &info), ERR_OK);
	assert_int_equal(
	    store_status_add(world.store, SPAN_LITERAL("erp"), span_of(subject), revision, &info), ERR_OK);
}

void tell(const char *subject, int64_t revision, enum store_outcome_code code, const char *document,
          const char *text)
{
	begin();
	add_outcome(subject, revision, code, document, text);
	commit();
}

const char *table(void)
{
	static char shown[2048];
	sqlite3_stmt *statement = NULL;
	static const char sql[] =
	    "SELECT subject || '/' || revision || ' ' || outcome || ' ' || cloud_document || ' ' "
	    "|| text || ';' FROM st ORDER BY subject";
	shown[0] = 0;
	assert_int_equal(sqlite3_prepare_v2(world.erp.db, sql, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		size_t used = strlen(shown);
		(void)snprintf(shown + used, sizeof shown - used, "%s",
		               (const char *)sqlite3_column_text(statement, 0));
	}
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return shown;
}

int64_t waiting(void)
{
	return store_status_waiting(world.store, SPAN_LITERAL("erp"));
}

struct wanted {
	const char *rule;
	const char *key;
	char text[1100];
	bool found;
};

static bool visit(void *self, const struct store_exception *exception)
{
	struct wanted *wanted = self;
	if (span_equal(exception->rule, span_of(wanted->rule)) &&
	    span_equal(exception->key, span_of(wanted->key))) {
		wanted->found = true;
		assert_true(text_copy(wanted->text, sizeof wanted->text, exception->text));
	}
	return true;
}

const char *exception(const char *rule, const char *key)
{
	static struct wanted wanted;
	struct err_info info;
	wanted = (struct wanted){.rule = rule, .key = key};
	assert_int_equal(store_exceptions(world.store, false, 0, visit, &wanted, &info), ERR_OK);
	return wanted.found ? wanted.text : NULL;
}

struct status_writer_status *status_now(void)
{
	static struct status_writer_status status;
	status_writer_status(world.writer, &status);
	return &status;
}
