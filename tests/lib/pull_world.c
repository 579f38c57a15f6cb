/*
 * pull_world.c - the ERP's tables, the sink and the rounds of pull_world.h.
 *
 * Why:   see pull_world.h.
 * Owns:  as there.
 * Rules: as there.
 * Runs in: tests.
 */
#include "tests/lib/pull_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "connector/source/position.h"

/* The columns that the profile reads, with the values of an ordinary row. */
static const char *const tables[] = {
    "CREATE TABLE F0010 (CCCO TEXT PRIMARY KEY, CCCRCD TEXT)",
    "CREATE TABLE F0013 (CVCRCD TEXT PRIMARY KEY, CVCDEC TEXT)",
    "CREATE TABLE F0901 (GMAID TEXT PRIMARY KEY, GMMCU TEXT, GMOBJ TEXT, GMSUB TEXT, GMDL01 TEXT)",
    "CREATE TABLE F0101 (ABAN8 INTEGER PRIMARY KEY, ABALPH TEXT DEFAULT 'Caf\xc3\xa9   ', ABAT1 TEXT DEFAULT "
    "'C  ',"
    " ABTAX TEXT DEFAULT '', ABUSER TEXT DEFAULT 'U', ABUPMJ INTEGER, ABUPMT INTEGER, ABCRCD TEXT DEFAULT "
    "'EUR')",
    "CREATE TABLE F0011 (ICICUT TEXT DEFAULT 'G ', ICICU INTEGER, ICIST TEXT DEFAULT 'D', ICUPMJ INTEGER,"
    " ICUPMT INTEGER, PRIMARY KEY (ICICUT, ICICU))",
    "CREATE TABLE F0911 (GLDCT TEXT DEFAULT 'JE', GLDOC INTEGER, GLKCO TEXT DEFAULT '00001', GLDGJ INTEGER"
    " DEFAULT 124060, GLJELN INTEGER, GLLT TEXT DEFAULT 'AA', GLEXTL TEXT DEFAULT '  ', GLPOST TEXT DEFAULT "
    "'P',"
    " GLICUT TEXT DEFAULT 'G ', GLICU INTEGER, GLDSYJ INTEGER DEFAULT 124060, GLCO TEXT DEFAULT '00001', "
    "GLAID TEXT"
    " DEFAULT '00000001', GLMCU TEXT DEFAULT '         110', GLOBJ TEXT DEFAULT '5010  ', GLSUB TEXT DEFAULT "
    "'        ',"
    " GLAN8 INTEGER DEFAULT 0, GLCTRY INTEGER DEFAULT 20, GLFY INTEGER DEFAULT 24, GLPN INTEGER DEFAULT 2, "
    "GLCRRM TEXT"
    " DEFAULT 'D', GLCRCD TEXT DEFAULT 'EUR', GLBCRC TEXT DEFAULT 'EUR', GLAA TEXT, GLU TEXT DEFAULT '0', "
    "GLUM TEXT"
    " DEFAULT '  ', GLEXA TEXT DEFAULT 'Text', GLEXR TEXT DEFAULT '', GLR1 TEXT DEFAULT '', GLVINV TEXT "
    "DEFAULT '',"
    " GLODCT TEXT DEFAULT '  ', GLODOC INTEGER DEFAULT 0, GLOKCO TEXT DEFAULT '     ', GLTXA1 TEXT DEFAULT "
    "'', GLRE TEXT"
    " DEFAULT ' ', GLIVD INTEGER DEFAULT 124060, GLUSER TEXT DEFAULT 'U',"
    " PRIMARY KEY (GLDCT, GLDOC, GLKCO, GLDGJ, GLJELN, GLLT, GLEXTL))",
    "CREATE INDEX F0911_1 ON F0911 (GLICUT, GLICU)",
    "CREATE TABLE F03B11 (RPDOC INTEGER, RPDCT TEXT DEFAULT 'RI', RPKCO TEXT DEFAULT '00001', RPSFX TEXT, "
    "RPAN8 INTEGER"
    " DEFAULT 4242, RPPYR INTEGER DEFAULT 4242, RPCO TEXT DEFAULT '00001', RPDIVJ INTEGER DEFAULT 124060, "
    "RPDGJ INTEGER"
    " DEFAULT 124060, RPDDJ INTEGER DEFAULT 124090, RPCTRY INTEGER DEFAULT 20, RPFY INTEGER DEFAULT 24, RPPN "
    "INTEGER"
    " DEFAULT 2, RPCRRM TEXT DEFAULT 'D', RPCRCD TEXT DEFAULT 'EUR', RPBCRC TEXT DEFAULT 'EUR', RPCRR TEXT "
    "DEFAULT '0',"
    " RPAG TEXT DEFAULT '11900', RPAAP TEXT DEFAULT '11900', RPATXA TEXT DEFAULT '10000', RPATXN TEXT "
    "DEFAULT '0',"
    " RPSTAM TEXT DEFAULT '1900', RPACR TEXT, RPFAP TEXT, RPCTXA TEXT, RPCTXN TEXT, RPCTAM TEXT, RPTXA1 TEXT "
    "DEFAULT"
    " 'V19', RPPTC TEXT DEFAULT 'N30', RPPOST TEXT DEFAULT 'D', RPVOD TEXT DEFAULT ' ', RPVINV TEXT DEFAULT "
    "'', RPVR01"
    " TEXT DEFAULT '', RPRMK TEXT DEFAULT '', RPODCT TEXT DEFAULT '  ', RPODOC INTEGER DEFAULT 0, RPOKCO "
    "TEXT DEFAULT"
    " '     ', RPAID TEXT DEFAULT '00000001', RPMCU TEXT DEFAULT '         110', RPICUT TEXT DEFAULT 'IB', "
    "RPICU INTEGER"
    " DEFAULT 9, RPUSER TEXT DEFAULT 'U', RPUPMJ INTEGER, RPUPMT INTEGER, PRIMARY KEY (RPDOC, RPDCT, RPKCO, "
    "RPSFX))",
    "CREATE INDEX F03B11_1 ON F03B11 (RPUPMJ, RPUPMT)",
    "CREATE TABLE F03B13 (RYPYID INTEGER PRIMARY KEY, RYCKNU TEXT, RYAN8 INTEGER, RYPYR INTEGER, RYCO TEXT, "
    "RYDMTJ INTEGER,"
    " RYDGJ INTEGER, RYCTRY INTEGER, RYFY INTEGER, RYPN INTEGER, RYCRRM TEXT, RYCRCD TEXT, RYBCRC TEXT, "
    "RYCRR TEXT,"
    " RYCKAM TEXT, RYFCAM TEXT, RYAAP TEXT, RYFAP TEXT, RYPOST TEXT, RYVDGJ INTEGER, RYNFVD TEXT, RYGLBA "
    "TEXT, RYRMK TEXT,"
    " RYICUT TEXT, RYICU INTEGER, RYUSER TEXT, RYUPMJ INTEGER, RYUPMT INTEGER)",
    "CREATE TABLE F03B14 (RZPYID INTEGER, RZRC5 INTEGER, RZDOC INTEGER, RZDCT TEXT, RZKCO TEXT, RZSFX TEXT, "
    "RZPAAP TEXT,"
    " RZPFAP TEXT, RZADSA TEXT, RZAAAJ TEXT, RZAGL TEXT, RZUPMJ INTEGER, RZUPMT INTEGER, PRIMARY KEY "
    "(RZPYID, RZRC5))",
    "INSERT INTO F0010 VALUES ('00001', 'EUR')",
    "INSERT INTO F0013 VALUES ('EUR', '2'), ('JPY', '0')",
    "INSERT INTO F0901 VALUES ('00000001', '         110', '5010  ', '        ', 'Cost of goods sold')",
};

static enum err begin(void *self, struct err_info *info)
{
	struct world *world = self;
	return store_in_transaction(world->store) ? ERR_OK : store_begin(world->store, info);
}

static struct world_document *note(struct world *world, const char *subject)
{
	for (int i = 0; i < world->document_count; i++) {
		if (strcmp(world->documents[i].subject, subject) == 0)
			return &world->documents[i];
	}
	assert_true(world->document_count < WORLD_SUBJECTS_MAX);
	struct world_document *document = &world->documents[world->document_count++];
	(void)snprintf(document->subject, sizeof document->subject, "%s", subject);
	return document;
}

static enum err take_document(void *self, const struct config_source *source, struct document *document,
                              bool *held, struct err_info *info)
{
	struct world *world = self;
	char subject[STORE_SUBJECT_MAX];
	assert_ptr_equal(source, &world->config);
	assert_true(store_in_transaction(world->store));
	if (world->fail_in && --world->fail_in == 0)
		return err_set(info, ERR_FULL, "the store is full");
	assert_int_equal(document_subject(document, subject, sizeof subject, info), ERR_OK);
	struct world_document *noted = note(world, subject);
	const struct line_list *lines = &document->sections[SECTION_LINES];
	noted->times++;
	noted->lines = lines->count;
	noted->voided = document->voided;
	if (lines->count > 0 && document->type == DOCUMENT_JOURNAL)
		noted->total = lines->values[JOURNAL_LINE_AMOUNT].as.decimal.units;
	world->handed_on++;
	*held = strcmp(world->held, subject) == 0 ||
	        (world->held_word[0] && strstr(subject, world->held_word) != NULL);
	return ERR_OK;
}

static enum err take_exception(void *self, const struct config_source *source,
                               const struct store_exception *exception, struct err_info *info)
{
	struct world *world = self;
	bool fresh = false;
	assert_ptr_equal(source, &world->config);
	assert_true(span_equal(exception->source, span_of(source->name)));
	assert_true(exception->text.len > 0 && exception->key.len > 0 && exception->first_ns > 0);
	world->unreadable++;
	return store_exception_raise(world->store, exception, &fresh, info);
}

static void load_profile(struct world *world, const char *from, const char *to)
{
	static char text[CONFIG_FILE_BYTES_MAX];
	static char changed[2 * CONFIG_FILE_BYTES_MAX];
	static struct config_problems problems;
	FILE *file = fopen("config/profiles/jde.yaml", "rb");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof text - 1, file);
	assert_int_equal(fclose(file), 0);
	text[len] = 0;
	const char *at = from ? strstr(text, from) : NULL;
	assert_true(!from || at);
	(void)snprintf(changed, sizeof changed, "%.*s%s%s", at ? (int)(at - text) : (int)len, text,
	               at ? to : "", at ? at + strlen(from) : "");
	config_problems_init(&problems);
	world->profile = profile_load(span_of(changed), "jde.yaml", NULL, 0, &problems);
	assert_non_null(world->profile);
}

static void open_store(struct world *world)
{
	static struct store_opening opening;
	struct err_info info;
	const struct store_options options = {.path = world->path,
	                                      .size_max = UINT64_C(1) << 30,
	                                      .disk_reserve = 1 << 20,
	                                      .retention_ns = NS_PER_S,
	                                      .source_urn_prefix = "urn:twinpost:t:g"};
	if (store_open(&world->source.hal, NULL, &options, &world->store, &opening, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static void make_pull(struct world *world)
{
	world->pull = pull_new(&world->source.hal, &world->log, world->store, &world->config, world->profile,
	                       &world->sink);
}

static void quiet(void *self, enum log_level level, const char *line)
{
	(void)self;
	(void)level;
	if (getenv("WORLD_LOG"))
		(void)fprintf(stderr, "# %s\n", line);
}

void world_begin(struct world *world, const char *from, const char *to)
{
	memset(world, 0, sizeof *world);
	memory_source_init(&world->source, ":memory:");
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		memory_source_sql(&world->source, "%s", tables[i]);
	(void)snprintf(world->directory, sizeof world->directory, "/tmp/twinpost-pull-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	(void)snprintf(world->path, sizeof world->path, "%s/store.db", world->directory);
	world->config = (struct config_source){.name = "erp",
	                                       .connection = "DSN=erp",
	                                       .poll_ns = 30 * NS_PER_S,
	                                       .overlap_ns = 120 * NS_PER_S,
	                                       .reread_ns = 3600 * NS_PER_S,
	                                       .lookback_ns = 3 * 86400 * NS_PER_S,
	                                       .query_deadline_ns = 60 * NS_PER_S,
	                                       .login_timeout_ns = 15 * NS_PER_S,
	                                       .page_documents = 1,
	                                       .row_array = 100};
	world->sink = (struct pull_sink){world, take_document, take_exception, begin};
	world->log = (struct log){.sink = quiet, .level = LOG_LEVEL_DEBUG};
	load_profile(world, from, to);
	open_store(world);
	make_pull(world);
}

void world_end(struct world *world)
{
	char path[128];
	pull_free(world->pull);
	store_close(world->store);
	profile_free(world->profile);
	memory_source_release(&world->source);
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", world->path, ends[i]);
		(void)remove(path);
	}
	(void)rmdir(world->directory);
}

void world_restart(struct world *world)
{
	store_rollback(world->store);
	pull_free(world->pull);
	/* The child dies with the core. */
	struct hal_child_event event;
	while (hal_child_next(&world->source.hal, &event))
		;
	make_pull(world);
}

static void set_clock(struct world *world)
{
	char texts[2][24];
	stamp_print(STAMP_DATETIME, WORLD_START_S + world->source.mono_ns / NS_PER_S, texts);
	(void)snprintf(world->source.clock, sizeof world->source.clock, "%s", texts[0]);
	world->source.wall_ns = WORLD_START_S * NS_PER_S + world->source.mono_ns;
}

/* What the core does with a store that could not take it. */
static void roll_back(struct world *world)
{
	store_rollback(world->store);
	pull_rolled_back(world->pull, world->source.mono_ns);
	world->rollbacks++;
}

static int64_t next_due;

bool world_round(struct world *world)
{
	struct hal_child_event event;
	struct err_info info;
	bool any = false;
	set_clock(world);
	for (int i = 0; i < 8 && hal_child_next(&world->source.hal, &event); i++) {
		any = true;
		if (pull_owns(world->pull, event.child) &&
		    pull_event(world->pull, &event, world->source.mono_ns, &info) != ERR_OK)
			roll_back(world);
	}
	if (pull_step(world->pull, world->source.mono_ns, &next_due, &info) != ERR_OK)
		roll_back(world);
	if (store_in_transaction(world->store))
		assert_int_equal(store_commit(world->store, &info), ERR_OK);
	/* What the child was asked in this round it answers at once. */
	return any || (world->source.asked_count > 0 && !world->source.hang);
}

void world_run(struct world *world)
{
	for (int i = 0; i < 10000; i++) {
		bool any = world_round(world);
		if (pull_caught_up(world->pull))
			return;
		if (!any) {
			assert_true(next_due != INT64_MAX);
			if (next_due > world->source.mono_ns)
				world->source.mono_ns = next_due;
		}
	}
	fail_msg("not caught up after 10000 rounds");
}

void world_pass(struct world *world, double seconds)
{
	int64_t end = world->source.mono_ns + (int64_t)(seconds * 1e9);
	for (int i = 0; i < 100000; i++) {
		bool any = world_round(world);
		if (any)
			continue;
		if (world->source.mono_ns == end)
			return;
		world->source.mono_ns = next_due > world->source.mono_ns && next_due < end ? next_due : end;
	}
	fail_msg("busy for 100000 rounds");
}

const struct world_document *world_find(struct world *world, const char *subject)
{
	for (int i = 0; i < world->document_count; i++) {
		if (strcmp(world->documents[i].subject, subject) == 0)
			return &world->documents[i];
	}
	return NULL;
}

int world_times(struct world *world, const char *subject)
{
	const struct world_document *document = world_find(world, subject);
	return document ? document->times : 0;
}

struct wanted {
	const char *rule;
	const char *key;
	char text[ERR_TEXT_MAX + 64];
	bool found;
};

static bool visit(void *self, const struct store_exception *exception)
{
	struct wanted *wanted = self;
	if (span_equal(exception->rule, span_of(wanted->rule)) &&
	    span_equal(exception->key, span_of(wanted->key))) {
		assert_true(text_copy(wanted->text, sizeof wanted->text, exception->text));
		wanted->found = true;
	}
	return !wanted->found;
}

const char *world_exception(struct world *world, const char *rule, const char *key)
{
	static struct wanted wanted;
	struct err_info info;
	wanted = (struct wanted){.rule = rule, .key = key};
	assert_int_equal(store_exceptions(world->store, false, 0, visit, &wanted, &info), ERR_OK);
	return wanted.found ? wanted.text : NULL;
}

void world_batch(struct world *world, int batch, int day, int time)
{
	memory_source_sql(&world->source, "INSERT INTO F0011 (ICICU, ICUPMJ, ICUPMT) VALUES (%d, %d, %d)",
	                  batch, day, time);
}

void world_journal(struct world *world, int batch, int document, int lines)
{
	memory_source_sql(
	    &world->source,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO F0911 "
	    "(GLICU, GLDOC, GLJELN, GLAA) SELECT %d, %d, i * 10, CASE WHEN i < %d THEN '100' ELSE '%d' END "
	    "FROM n",
	    lines, batch, document, lines, -100 * (lines - 1));
}

void world_invoice(struct world *world, int document, int items, int day, int time)
{
	for (int i = 1; i <= items; i++)
		memory_source_sql(
		    &world->source,
		    "INSERT INTO F03B11 (RPDOC, RPSFX, RPUPMJ, RPUPMT) VALUES (%d, '%03d', %d, %d)", document,
		    i, day, time);
}

void world_customer(struct world *world, int number, int day, int time)
{
	memory_source_sql(&world->source, "INSERT INTO F0101 (ABAN8, ABUPMJ, ABUPMT) VALUES (%d, %d, %d)",
	                  number, day, time);
}
