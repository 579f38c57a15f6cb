/*
 * ledger_check.c - see ledger_check.h.
 *
 * Why:   see ledger_check.h.
 * Owns:  as in ledger_check.h.
 * Rules: as in ledger_check.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/ledger_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/posting_sequence.h"

/* 2100-01-01: later than any clock of the simulation shows, so that nothing waits any more. */
#define CUT_NS (INT64_C(4102444800) * NS_PER_S)

/* ---- while the agent runs ---- */

struct marks {
	struct store *store;
	bool *behind;
	char *why;
};

static bool check_mark(void *self, const char *name, int64_t value)
{
	struct marks *marks = self;
	char stream[STORE_STREAM_NAME_MAX];
	const char *begin = name + strlen("stream ");
	const char *blank = strchr(begin, ' ');
	CHECK(blank != NULL);
	(void)snprintf(stream, sizeof stream, "%.*s", (int)(blank - begin), begin);
	int64_t epoch = strtoll(blank + 1, NULL, 10);
	for (int i = 0; i < store_stream_count(marks->store); i++) {
		const struct store_stream *one = store_stream_at(marks->store, i);
		if (strcmp(one->name, stream) != 0 || one->epoch != epoch)
			continue;
		if (value > one->committed_sequence)
			sim_find(marks->why, "the ledger has %s up to %lld, the store up to %lld", name,
			         (long long)value, (long long)one->committed_sequence);
		*marks->behind = *marks->behind || value < one->committed_sequence;
		return true;
	}
	sim_find(marks->why, "the ledger has %s up to %lld, and the store has no such stream", name,
	         (long long)value);
	return true;
}

/* Subjects of a side, each once. */
static void check_once(struct ledger *ledger, enum ledger_side side, char why[SIM_FINDING_MAX])
{
	struct ledger_cursor *cursor = NULL;
	struct ledger_document document;
	struct err_info info = {.text = ""};
	sqlite3 *seen = NULL;
	sqlite3_stmt *put = NULL;
	enum err err = ledger_cursor_open(ledger, side, true, false, &cursor, &info);
	CHECK(sqlite3_open(":memory:", &seen) == SQLITE_OK &&
	      sqlite3_exec(seen, "CREATE TABLE seen(subject TEXT PRIMARY KEY) WITHOUT ROWID", NULL, NULL,
	                   NULL) == SQLITE_OK &&
	      sqlite3_prepare_v2(seen, "INSERT INTO seen VALUES (?1)", -1, &put, NULL) == SQLITE_OK);
	while (err == ERR_OK && ledger_cursor_next(cursor, &document, &err, &info)) {
		CHECK(sqlite3_bind_text(put, 1, document.subject.data, (int)document.subject.len,
		                        SQLITE_TRANSIENT) == SQLITE_OK);
		if (sqlite3_step(put) != SQLITE_DONE)
			sim_find(why, "%.*s stands twice in the ledger", (int)document.subject.len,
			         document.subject.data);
		(void)sqlite3_reset(put);
	}
	ledger_cursor_close(cursor);
	CHECK(sqlite3_finalize(put) == SQLITE_OK && sqlite3_close(seen) == SQLITE_OK);
}

bool ledger_check_running(struct ledger *ledger, struct store *store, bool *behind, char why[SIM_FINDING_MAX])
{
	struct err_info info = {.text = ""};
	struct marks marks = {store, behind, why};
	*behind = false;
	why[0] = 0;
	/* What cannot be read is the agent's to find. */
	(void)!ledger_marks(ledger, "stream ", check_mark, &marks, &info);
	for (int side = 0; side < SIDE_COUNT; side++)
		check_once(ledger, (enum ledger_side)side, why);
	return why[0] == 0;
}

/* ---- at last ---- */

struct told {
	struct middleware *middleware;
	char *why;
	uint64_t digest;
	int64_t differences;
	int64_t documents;
	char run[3000]; /* the beginning of run.json, for findings */
};

static int64_t count_of(const struct middleware *middleware, const char *sql)
{
	sqlite3_stmt *row = middleware_ask(middleware, sql);
	CHECK(sqlite3_step(row) == SQLITE_ROW);
	int64_t count = sqlite3_column_int64(row, 0);
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return count;
}

/* What must be said of a planted difference. */
#define STATUS_OF                                                                                            \
	"CASE planted WHEN 'wrong' THEN 'different' WHEN 'unvoided' THEN 'different' WHEN 'missing' THEN "   \
	"CASE voided WHEN 0 THEN 'missing_cloud' ELSE '' END WHEN 'duplicate' THEN CASE voided WHEN 0 THEN " \
	"'duplicate' ELSE '' END WHEN 'extra' THEN 'missing_legacy' ELSE '' END"

/* A line of differences: is it one that was planted, under the same name? */
static void take_difference(struct told *told, const cJSON *line)
{
	const char *status = event_text(line, "status");
	const char *legacy = event_text(cJSON_GetObjectItemCaseSensitive(line, "legacy"), "subject");
	const char *cloud = event_text(cJSON_GetObjectItemCaseSensitive(line, "cloud"), "subject");
	const char *number = cloud ? strrchr(cloud, '/') + 1 : "";
	sqlite3_stmt *mark = middleware_ask(
	    told->middleware,
	    "UPDATE cloud_documents SET seen=1 WHERE seen=0 AND (origin=?1 OR number=?2 OR second=?2) "
	    "AND " STATUS_OF "=?3");
	told->differences++;
	CHECK(sqlite3_bind_text(mark, 1, legacy ? legacy : "", -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(mark, 2, number[0] ? number : "-", -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(mark, 3, status ? status : "-", -1, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(mark) == SQLITE_DONE && sqlite3_finalize(mark) == SQLITE_OK);
	if (sqlite3_changes(told->middleware->subscriber->db) != 1) {
		char *text = cJSON_PrintUnformatted(line);
		sim_find(told->why, "a difference that nobody planted: %.500s", text);
		cJSON_free(text);
	}
}

static enum err take_line(void *self, enum run_file file, struct span line, struct err_info *info)
{
	struct told *told = self;
	(void)info;
	for (size_t i = 0; i < line.len; i++)
		told->digest = told->digest * 31 + (uint8_t)line.data[i];
	told->documents += file == RUN_FILE_DOCUMENTS;
	if (file == RUN_FILE_DIFFERENCES) {
		cJSON *root = cJSON_ParseWithLength(line.data, line.len);
		take_difference(told, root);
		cJSON_Delete(root);
	} else if (file == RUN_FILE_RUN) {
		(void)snprintf(told->run, sizeof told->run, "%.*s", (int)line.len, line.data);
	}
	return ERR_OK;
}

/* What the command reads of the ledger before it compares (tools/twinpost/compare_run.c). */
struct known {
	int64_t lost;
	int64_t left_out;
	int64_t conflicts;
	int64_t gaps;
};

static bool add_left_out(void *self, const struct ledger_held *held)
{
	*(int64_t *)self += span_equal(held->rule, SPAN_LITERAL(LEDGER_LEFT_OUT));
	return true;
}

static void read_known(struct ledger *ledger, struct known *known)
{
	struct posting_sequence *state = mem_alloc(sizeof *state);
	struct buf text;
	struct err_info info = {.text = ""};
	enum err err = ERR_OK;
	*known = (struct known){.lost = 0};
	buf_init(&text, POSTING_SEQUENCE_BYTES_MAX);
	(void)!ledger_mark(ledger, "lost", &known->lost, &info);
	(void)!ledger_helds(ledger, add_left_out, &known->left_out, &info);
	for (int i = 0; i < POSTING_SOURCES_MAX && err == ERR_OK; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, i);
		err = ledger_text(ledger, name, &text, &info);
		if (err == ERR_OK && posting_sequence_read(state, buf_span(&text))) {
			known->conflicts += state->conflicts;
			known->gaps += state->gap_count;
		}
	}
	buf_release(&text);
	free(state);
}

static bool run_once(struct ledger_check *check, struct ledger *ledger, bool full, const struct known *known,
                     struct run_outcome *outcome, struct told *told, char why[SIM_FINDING_MAX])
{
	struct err_info info = {.text = ""};
	struct run_options options = {.id = "000001",
	                              .at_ns = CUT_NS,
	                              .full = full,
	                              .canaries = true,
	                              .threshold_share = {1, 3},
	                              .clean_days_needed = 31};
	const struct run_sink sink = {.self = told, .line = take_line};
	*told = (struct told){.middleware = check->middleware, .why = why};
	if (known->conflicts > 0 || known->lost > 0 || known->left_out > 0 || known->gaps > 0) {
		options.incomplete[0].reason = "known-missing";
		options.incomplete[0].text = "the ledger knows that something is missing";
		options.incomplete_count = 1;
	}
	(void)count_of(check->middleware, "SELECT count(*) FROM cloud_documents");
	CHECK(sqlite3_exec(check->middleware->subscriber->db, "UPDATE cloud_documents SET seen=0", NULL, NULL,
	                   NULL) == SQLITE_OK);
	if (run_compare(ledger, check->rules, &options, &sink, outcome, &info) != ERR_OK)
		sim_find(why, "the comparison failed: %s", info.text);
	return why[0] == 0;
}

static void tell_unseen(const struct middleware *middleware, int64_t unseen, int64_t planted,
                        char why[SIM_FINDING_MAX])
{
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT planted, origin, number FROM cloud_documents WHERE seen=0 "
	                               "AND " STATUS_OF "<>'' LIMIT 1");
	CHECK(sqlite3_step(row) == SQLITE_ROW);
	sim_find(why, "%lld of %lld planted differences were not found, one of them: %s, %s (%s)",
	         (long long)unseen, (long long)planted, sqlite3_column_text(row, 0),
	         sqlite3_column_text(row, 1), sqlite3_column_text(row, 2));
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
}

/* Rule 2, of one run. */
static void check_outcome(const struct ledger_check *check, const struct run_outcome *outcome,
                          const struct told *told, char why[SIM_FINDING_MAX])
{
	static const char live_cloud[] = "SELECT coalesce(sum(CASE WHEN planted='missing' THEN 0 WHEN "
					 "planted='unvoided' THEN 1 WHEN voided THEN 0 "
					 "WHEN second='' THEN 1 ELSE 2 END),0) FROM cloud_documents";
	struct middleware *middleware = check->middleware;
	int64_t legacy = count_of(middleware, "SELECT count(*) FROM documents WHERE voided=0");
	int64_t planted =
	    count_of(middleware, "SELECT count(*) FROM cloud_documents WHERE " STATUS_OF "<>''");
	int64_t cloud = count_of(middleware, live_cloud);
	int64_t unseen =
	    count_of(middleware, "SELECT count(*) FROM cloud_documents WHERE seen=0 AND " STATUS_OF "<>''");
	enum run_verdict wanted = planted > 0 ? RUN_BREAKS : RUN_RECONCILED;
	if (outcome->verdict != wanted)
		sim_find(why, "%lld differences were planted, and the verdict is %s (%s)", (long long)planted,
		         run_verdict_name(outcome->verdict), outcome->why);
	if (unseen > 0)
		tell_unseen(middleware, unseen, planted, why);
	if (told->differences != planted || outcome->open != planted)
		sim_find(why, "%lld differences were planted, %lld were told and %lld are open",
		         (long long)planted, (long long)told->differences, (long long)outcome->open);
	if (outcome->documents[SIDE_LEGACY] != legacy || outcome->documents[SIDE_CLOUD] != cloud)
		sim_find(why, "%lld and %lld documents were compared, there are %lld and %lld",
		         (long long)outcome->documents[SIDE_LEGACY],
		         (long long)outcome->documents[SIDE_CLOUD], (long long)legacy, (long long)cloud);
}

static void check_agree(const struct run_outcome *quick, const struct run_outcome *full,
                        char why[SIM_FINDING_MAX])
{
	for (int i = 0; i < RUN_STATUS_COUNT; i++) {
		if (quick->statuses[i] != full->statuses[i])
			sim_find(why, "%s: %lld by fingerprints, %lld in full",
			         run_status_name((enum run_status)i), (long long)quick->statuses[i],
			         (long long)full->statuses[i]);
	}
	if (quick->verdict != full->verdict)
		sim_find(why, "%s by fingerprints, %s in full (%s)", run_verdict_name(quick->verdict),
		         run_verdict_name(full->verdict), full->why);
}

static void judge(struct ledger_check *check, struct ledger *ledger, char why[SIM_FINDING_MAX])
{
	const struct middleware_cloud *cloud = &check->middleware->cloud;
	struct run_outcome outcomes[3];
	struct told told[3];
	struct known known;
	read_known(ledger, &known);
	if (known.left_out > 0)
		sim_find(why, "%lld documents were left out of the ledger", (long long)known.left_out);
	if (known.lost > 0 && !check->damaged)
		sim_find(why, "retention took %lld events before the ledger had them", (long long)known.lost);
	if (known.gaps > 0 && !check->damaged)
		sim_find(why, "%lld gaps of the cloud are open", (long long)known.gaps);
	if (known.conflicts > 0 && !cloud->equivocates)
		sim_find(why, "%lld postings contradict, and the cloud made none that do",
		         (long long)known.conflicts);
	if (known.conflicts == 0 && cloud->contradicted > 0 && !cloud->put_aside)
		sim_find(why, "the cloud contradicted itself %llu times, and the ledger forgot it",
		         (unsigned long long)cloud->contradicted);
	for (int i = 0; i < 3 && why[0] == 0; i++) {
		char wrong[SIM_FINDING_MAX] = "";
		if (!run_once(check, ledger, i == 2, &known, &outcomes[i], &told[i], wrong) &&
		    outcomes[i].verdict != RUN_INCOMPLETE)
			sim_find(why, "%s: %s", i == 2 ? "in full" : "by fingerprints", wrong);
		bool incomplete = outcomes[i].verdict == RUN_INCOMPLETE;
		bool allowed = known.conflicts > 0 || (check->damaged && outcomes[i].why[0]);
		check->incomplete = check->incomplete || incomplete;
		if (!incomplete || !allowed)
			check_outcome(check, &outcomes[i], &told[i], wrong);
		if (wrong[0] && (!incomplete || !allowed))
			sim_find(why, "%s: %s; %.200s", i == 2 ? "in full" : "by fingerprints", wrong,
			         told[i].run);
	}
	if (why[0] == 0 && told[0].digest != told[1].digest)
		sim_find(why, "the same cut, compared twice, gave other bytes");
	if (why[0] == 0 && !check->damaged)
		check_agree(&outcomes[0], &outcomes[2], why);
	if (why[0] == 0 && outcomes[0].verdict == RUN_RECONCILED)
		check->reconciled = true;
	if (why[0] == 0 && outcomes[0].verdict == RUN_BREAKS)
		check->found = told[0].differences;
	check->generation = ledger_generation(ledger);
}

bool ledger_check_last(struct ledger_check *check, char why[SIM_FINDING_MAX])
{
	struct ledger *ledger = NULL;
	struct ledger_opening opening;
	struct err_info info = {.text = ""};
	why[0] = 0;
	if (ledger_open(check->hal, check->path, LEDGER_WRITE, &ledger, &opening, &info) != ERR_OK ||
	    ledger_begin(ledger, &info) != ERR_OK)
		sim_find(why, "the ledger does not open: %s", info.text);
	else if ((opening.damaged_path[0] || opening.created) && !check->damaged)
		sim_find(why, "the ledger was damaged by no one: %s", opening.text);
	else
		judge(check, ledger, why);
	if (ledger)
		ledger_close(ledger);
	return why[0] == 0;
}
