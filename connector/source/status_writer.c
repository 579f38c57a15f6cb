/*
 * status_writer.c - writes queued outcomes, one after the other, over a source child that may change rows.
 *
 * Why:   see status_writer.h.
 * Owns:  the child, and the one outcome that is being written.
 *
 *        WAITING -> OPENING -> CHECKING -> READY <-> WRITING
 *           ^          |           |         |          |      fail(), or nothing to write for LINGER: SIGTERM
 *           +------ ENDING <-------+---------+----------+
 *           +----------+-----------+---------+----------+      the child ended by itself
 *
 * Rules: 1. One outcome at a time: UPDATE where the revision is not above ours; where that changed nothing, a SELECT
 *           tells whether there is such a row already (MariaDB counts changed rows, not found ones); where there is
 *           none, INSERT.
 *        2. The same SELECT, of a subject that nobody has, checks table and columns when a child is opened, and once
 *           after the start, so that a wrong table is told before the first outcome.
 *        3. A failed statement is held against its row when another row was written since the last such failure, and
 *           the right or the table is not what it lacks. Before that the row is left where it is and the next ones are
 *           tried, up to SUSPECTS_MAX: once one of them is written, all begins again at the first.
 *        4. Between two outcomes the child is kept for a while: an ERP counts its connections.
 * Faults: a database that is down, slow, hung or refuses; a child that dies or lies; a store that cannot be written.
 * Runs in: the core.
 * Tests: tests/unit/status_writer_test.c, tests/integration/test_status_table.py
 */
#include "connector/source/status_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/source/source_protocol.h"
#include "connector/source/status_sql.h"
#include "connector/uplink/backoff.h"
#include "hal/base/sm.h"
#include "hal/frame.h"
#include "store_forward/status_queue.h"

#define BACKOFF_MIN_NS (1 * NS_PER_S)
#define BACKOFF_MAX_NS (5 * 60 * NS_PER_S)
/* A refused login may lock the account: never soon. */
#define LOGIN_PAUSE_NS (30 * NS_PER_S)
#define LINGER_NS      (60 * NS_PER_S)
#define TERM_NS        (2 * NS_PER_S)
#define GRACE_NS       (5 * NS_PER_S) /* the driver's own time-out is asked to fire first */
#define STORE_PAUSE_NS (1 * NS_PER_S) /* after a rollback */
#define TELL_FAILURES  3              /* in a row, until a person is told */
/* Until rows of an open transaction are looked at again. */
#define COMMIT_WAIT_NS (50 * NS_PER_MS)
#define SUSPECTS_MAX   16
#define STALE_MAX      64 /* queued rows without an outcome that are passed at a time */
#define NEVER          INT64_MAX

enum writer_state {
	WRITER_WAITING,
	WRITER_OPENING,
	WRITER_CHECKING,
	WRITER_READY,
	WRITER_WRITING,
	WRITER_ENDING
};

static const struct sm_state states[] = {
    [WRITER_WAITING] = {"waiting", SM_NEXT(WRITER_OPENING)},
    [WRITER_OPENING] = {"opening",
                        SM_NEXT(WRITER_CHECKING) | SM_NEXT(WRITER_ENDING) | SM_NEXT(WRITER_WAITING)},
    [WRITER_CHECKING] = {"checking",
                         SM_NEXT(WRITER_READY) | SM_NEXT(WRITER_ENDING) | SM_NEXT(WRITER_WAITING)},
    [WRITER_READY] = {"ready", SM_NEXT(WRITER_WRITING) | SM_NEXT(WRITER_ENDING) | SM_NEXT(WRITER_WAITING)},
    [WRITER_WRITING] = {"writing", SM_NEXT(WRITER_READY) | SM_NEXT(WRITER_ENDING) | SM_NEXT(WRITER_WAITING)},
    [WRITER_ENDING] = {"ending", SM_NEXT(WRITER_WAITING)},
};

struct status_writer {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config_source *source;
	struct status_writer_sink sink;
	struct sm sm;
	char object[CONFIG_NAME_MAX + 16];
	hal_child child;     /* 0: none */
	int64_t deadline_ns; /* of the state */
	int64_t retry_ns;    /* no child before */
	int64_t store_ns;    /* no change of the store before */
	bool checked;        /* a child was opened well since start */
	bool killed;
	struct backoff backoff;
	int failures; /* in a row */
	/* Exceptions: those of an earlier run may stand. */
	bool tell_due; /* status-table is to be raised, or cleared */
	bool told;     /* it may stand */
	enum { FULL_UNKNOWN, FULL_CLEARED, FULL_RAISED } full_told;
	bool row_told; /* one of a row may stand */
	/* The queue. */
	int64_t current; /* row that is being written; 0: none */
	int64_t settled; /* rows up to this one are to be taken out of the queue; 0: none */
	int64_t after;   /* rows up to this one are suspects that wait */
	int suspects;
	bool proven;  /* a row was written since a row was suspected, over this child */
	bool refused; /* the first row is to be passed over */
	uint32_t request;
	enum status_statement statement; /* that answers next */
	uint64_t written;
	uint64_t passed_over;
	char problem[ERR_TEXT_MAX];
	char refusal[ERR_TEXT_MAX]; /* what the database said of the row that is passed over */
	struct buf frame;
	struct store_outcome_copy outcome;
};

static struct span name_of(const struct status_writer *writer)
{
	return span_of(writer->source->name);
}

static void check_writer(const void *owner)
{
	const struct status_writer *writer = owner;
	CHECK((writer->sm.state != WRITER_WAITING) == (writer->child != 0));
	CHECK((writer->sm.state == WRITER_WRITING) == (writer->current != 0));
}

bool status_writer_wanted(const struct config *config, struct span source)
{
	for (int i = 0; i < config->source_count; i++) {
		if (span_equal(span_of(config->sources[i].name), source))
			return config->sources[i].status_table.connection[0] != 0;
	}
	return false;
}

void status_writer_child_name(const struct config_source *source, char name[HAL_CHILD_NAME_MAX])
{
	int len = snprintf(name, HAL_CHILD_NAME_MAX, "%s" CONFIG_STATUS_SUFFIX, source->name);
	CHECK(len > 0 && len < HAL_CHILD_NAME_MAX);
}

struct status_writer *status_writer_new(struct hal *hal, const struct log *log, struct store *store,
                                        const struct config_source *source,
                                        const struct status_writer_sink *sink)
{
	struct status_writer *writer = mem_alloc(sizeof *writer);
	writer->hal = hal;
	writer->log = log;
	writer->store = store;
	writer->source = source;
	writer->sink = *sink;
	writer->told = writer->row_told = true;
	(void)snprintf(writer->object, sizeof writer->object, "status-table=%s", source->name);
	backoff_init(&writer->backoff, BACKOFF_MIN_NS, BACKOFF_MAX_NS);
	buf_init(&writer->frame, FRAME_PAYLOAD_MAX);
	sm_init(&writer->sm, states, WRITER_ENDING + 1, WRITER_WAITING, writer->object, log);
	writer->sm.owner = writer;
	writer->sm.invariant = check_writer;
	return writer;
}

void status_writer_free(struct status_writer *writer)
{
	if (!writer)
		return;
	if (writer->child)
		hal_child_signal(writer->hal, writer->child, HAL_SIGNAL_KILL);
	buf_release(&writer->frame);
	free(writer);
}

static bool rows_wait(const struct status_writer *writer)
{
	return store_status_waiting(writer->store, name_of(writer)) > 0;
}

/* ---- trouble ---- */

static void count_failure(struct status_writer *writer, bool login, int64_t now_ns, const char *why)
{
	int64_t pause = (login ? LOGIN_PAUSE_NS : 0) + backoff_next(&writer->backoff, writer->hal);
	if (writer->failures < INT32_MAX)
		writer->failures++;
	writer->retry_ns = now_ns + pause;
	writer->tell_due = writer->tell_due || writer->failures == TELL_FAILURES;
	(void)snprintf(writer->problem, sizeof writer->problem, "%s", why);
	log_event(writer->log, LOG_SOURCE_FAILED, "status-table=%s failures=%d retry_s=%.1f: %s",
	          writer->source->name, writer->failures, (double)pause / 1e9, why);
}

/* Ends the child. */
static void end_child(struct status_writer *writer, int64_t now_ns, const char *why)
{
	hal_child_signal(writer->hal, writer->child, HAL_SIGNAL_TERM);
	writer->deadline_ns = now_ns + TERM_NS;
	writer->killed = false;
	writer->current = 0;
	sm_enter(&writer->sm, WRITER_ENDING, why);
}

static void fail(struct status_writer *writer, bool login, int64_t now_ns, const char *why)
{
	count_failure(writer, login, now_ns, why);
	end_child(writer, now_ns, why);
}

static void spoke_badly(struct status_writer *writer, int64_t now_ns)
{
	static const char why[] = "the process that writes the status table broke the protocol";
	log_event(writer->log, LOG_CHILD_SPOKE_BADLY, "status-table=%s: %s", writer->source->name, why);
	fail(writer, false, now_ns, why);
}

/* All is well. */
static void succeed(struct status_writer *writer)
{
	writer->failures = 0;
	writer->problem[0] = 0;
	writer->tell_due = writer->tell_due || writer->told;
	backoff_reset(&writer->backoff);
}

static enum err raise_exception(struct status_writer *writer, const char *rule, struct span key,
                                const char *text, struct err_info *info)
{
	int64_t wall = hal_wall_ns(writer->hal);
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = SPAN_LITERAL("uplink"),
	    .key = key,
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	enum err err = writer->sink.begin(writer->sink.self, info);
	return err == ERR_OK ? writer->sink.raise(writer->sink.self, &exception, info) : err;
}

static enum err clear_exception(struct status_writer *writer, const char *rule, const char *key,
                                struct err_info *info)
{
	if (store_exceptions_open(writer->store) == 0)
		return ERR_OK;
	enum err err = writer->sink.begin(writer->sink.self, info);
	return err == ERR_OK ? writer->sink.clear(writer->sink.self, rule, key, info) : err;
}

/* The exception of the table as a whole. */
static enum err tell_trouble(struct status_writer *writer, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	enum err err;
	if (!writer->tell_due)
		return ERR_OK;
	bool raised = writer->failures >= TELL_FAILURES;
	if (raised) {
		(void)snprintf(
		    text, sizeof text,
		    "outcomes cannot be written into %.128s: %.230s; they wait, and documents go on; "
		    "look at the table, the rights of its user and sources.status_table",
		    writer->source->status_table.table, writer->problem);
		err = raise_exception(writer, "status-table", name_of(writer), text, info);
	} else {
		err = clear_exception(writer, "status-table", writer->source->name, info);
	}
	if (err == ERR_OK) {
		writer->tell_due = false;
		writer->told = raised;
	}
	return err;
}

/* The exception of a full queue; it ends when all that waited is written. */
static enum err tell_full(struct status_writer *writer, bool waits, struct err_info *info)
{
	enum err err = ERR_OK;
	char text[ERR_TEXT_MAX];
	bool full = waits && store_status_full(writer->store);
	if (full && writer->full_told != FULL_RAISED) {
		(void)snprintf(
		    text, sizeof text,
		    "%d outcomes wait to be written into status tables, and for each new one the oldest "
		    "is left out of its table; twinpost trace still shows it",
		    STORE_STATUS_ROWS_MAX);
		err = raise_exception(writer, "status-table-full", name_of(writer), text, info);
	} else if (!waits && writer->full_told != FULL_CLEARED) {
		err = clear_exception(writer, "status-table-full", writer->source->name, info);
	}
	if (err == ERR_OK && (full || !waits))
		writer->full_told = full ? FULL_RAISED : FULL_CLEARED;
	return err;
}

/* ---- the child ---- */

static void send(struct status_writer *writer, uint8_t type)
{
	CHECK(buf_ok(&writer->frame));
	/* A child that ended already says so by its event. */
	(void)!hal_child_send(writer->hal, writer->child, type, writer->frame.data, writer->frame.len);
	buf_clear(&writer->frame);
}

static void spawn(struct status_writer *writer, int64_t now_ns)
{
	const struct config_source *source = writer->source;
	const struct config_status_table *table = &source->status_table;
	char name[HAL_CHILD_NAME_MAX];
	struct err_info info;
	status_writer_child_name(source, name);
	if (hal_child_spawn(writer->hal, HAL_ROLE_SOURCE, name, &writer->child, &info) != ERR_OK) {
		writer->child = 0;
		count_failure(writer, false, now_ns, info.text);
		return;
	}
	const struct source_open open = {
	    .connection = span_of(table->connection),
	    .user = span_of(table->user),
	    .password = table->password,
	    .login_timeout_s = (uint32_t)(source->login_timeout_ns / NS_PER_S),
	    .query_timeout_s = (uint32_t)(source->query_deadline_ns / NS_PER_S),
	    .row_array = 1,
	    .text_encoding =
		source->text_encoding[0] ? span_of(source->text_encoding) : SPAN_LITERAL("utf-8"),
	    .changes = 1,
	};
	source_open_encode(&writer->frame, &open);
	send(writer, SOURCE_OPEN);
	log_event(writer->log, LOG_CHILD_STARTED, "status-table=%s child=%u: connecting", source->name,
	          (unsigned)writer->child);
	writer->after = 0;
	writer->suspects = 0;
	writer->proven = false;
	writer->deadline_ns = now_ns + source->login_timeout_ns + GRACE_NS;
	sm_enter(&writer->sm, WRITER_OPENING, "child started");
}

/* What is encoded already, and answers next. */
static void send_execute(struct status_writer *writer, enum status_statement statement, int64_t now_ns)
{
	send(writer, SOURCE_EXECUTE);
	writer->statement = statement;
	writer->deadline_ns = now_ns + writer->source->query_deadline_ns + GRACE_NS;
}

/* Asks for the outcome that is being written. */
static void execute(struct status_writer *writer, enum status_statement statement, int64_t now_ns)
{
	status_execute_encode(&writer->frame, statement, ++writer->request, &writer->outcome.shown);
	send_execute(writer, statement, now_ns);
}

static void take_opened(struct status_writer *writer, const struct hal_child_event *event, int64_t now_ns)
{
	struct source_opened opened;
	if (writer->sm.state != WRITER_OPENING ||
	    !source_opened_decode(&opened, event->payload, event->len)) {
		spoke_badly(writer, now_ns);
		return;
	}
	log_event(writer->log, LOG_SOURCE_CONNECTED, "status-table=%s table=%s dbms=\"%.*s %.*s\": connected",
	          writer->source->name, writer->source->status_table.table, (int)opened.dbms.len,
	          opened.dbms.data, (int)opened.dbms_version.len, opened.dbms_version.data);
	for (int i = 0; i < STATUS_STATEMENTS; i++) {
		status_prepare_encode(&writer->frame, (enum status_statement)i,
		                      writer->source->status_table.table);
		send(writer, SOURCE_PREPARE);
	}
	status_check_encode(&writer->frame, ++writer->request);
	send_execute(writer, STATUS_LOOK, now_ns);
	sm_enter(&writer->sm, WRITER_CHECKING, "connected");
}

static void be_ready(struct status_writer *writer, int64_t now_ns, const char *why)
{
	writer->current = 0;
	writer->deadline_ns = now_ns + LINGER_NS;
	sm_enter(&writer->sm, WRITER_READY, why);
}

/* The database has the row, or a newer one. */
static enum err wrote(struct status_writer *writer, int64_t now_ns, struct err_info *info)
{
	enum err err = ERR_OK;
	char subject[STORE_SUBJECT_MAX + 1];
	bool first = writer->suspects == 0;
	if (first)
		writer->settled = writer->current;
	else
		writer->after = 0; /* the suspects before it are tried again */
	writer->suspects = 0;
	writer->proven = true;
	writer->written += first;
	succeed(writer);
	be_ready(writer, now_ns, "written");
	if (writer->row_told && text_copy(subject, sizeof subject, writer->outcome.shown.subject))
		err = clear_exception(writer, "status-table-row", subject, info);
	return err;
}

static enum err take_done(struct status_writer *writer, const struct hal_child_event *event, int64_t now_ns,
                          struct err_info *info)
{
	struct source_done done;
	bool asked = writer->sm.state == WRITER_CHECKING || writer->sm.state == WRITER_WRITING;
	if (!asked || !source_done_decode(&done, event->payload, event->len) ||
	    done.request != writer->request) {
		spoke_badly(writer, now_ns);
		return ERR_OK;
	}
	if (writer->sm.state == WRITER_CHECKING) {
		writer->checked = true;
		if (!rows_wait(writer))
			succeed(writer);
		be_ready(writer, now_ns, "table and columns are there");
		return ERR_OK;
	}
	if (writer->statement == STATUS_INSERT || done.rows > 0)
		return wrote(writer, now_ns, info);
	execute(writer, writer->statement == STATUS_UPDATE ? STATUS_LOOK : STATUS_INSERT, now_ns);
	return ERR_OK;
}

/* A statement failed that may be the row's fault: rule 3. */
static void suspect(struct status_writer *writer, int64_t now_ns, const char *why)
{
	if (writer->proven) {
		writer->refused = true;
		writer->settled = writer->current;
		(void)snprintf(writer->refusal, sizeof writer->refusal, "%s", why);
	} else if (++writer->suspects <= SUSPECTS_MAX) {
		writer->after = writer->current;
		(void)snprintf(writer->problem, sizeof writer->problem, "%s", why);
	} else {
		fail(writer, false, now_ns, why);
		return;
	}
	writer->proven = false;
	be_ready(writer, now_ns, why);
}

static void take_failed(struct status_writer *writer, const struct hal_child_event *event, int64_t now_ns)
{
	struct source_failed failed;
	char why[ERR_TEXT_MAX];
	if (!source_failed_decode(&failed, event->payload, event->len) ||
	    (failed.request != 0 && failed.request != writer->request)) {
		spoke_badly(writer, now_ns);
		return;
	}
	(void)snprintf(why, sizeof why, "%.*s (SQLSTATE %.5s, native %" PRId32 ")",
	               (int)(failed.text.len > 380 ? 380 : failed.text.len), failed.text.data,
	               failed.sqlstate, failed.native);
	/* Class 42: a right, a table or a column that is not there. */
	bool of_row = failed.request != 0 && writer->sm.state == WRITER_WRITING &&
	              failed.failure == SOURCE_FAILURE_QUERY && strncmp(failed.sqlstate, "42", 2) != 0;
	if (of_row)
		suspect(writer, now_ns, why);
	else
		fail(writer, failed.failure == SOURCE_FAILURE_LOGIN, now_ns, why);
}

/* ---- the queue ---- */

/* What was written, or is passed over, leaves the queue. */
static enum err settle(struct status_writer *writer, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	if (writer->settled == 0)
		return ERR_OK;
	enum err err = writer->sink.begin(writer->sink.self, info);
	if (err == ERR_OK && writer->refused) {
		(void)snprintf(
		    text, sizeof text,
		    "the status table %.128s does not take this outcome: %.250s; its row is left as it "
		    "was; widen the column, and send the outcome again",
		    writer->source->status_table.table, writer->refusal);
		err = raise_exception(writer, "status-table-row", writer->outcome.shown.subject, text, info);
	}
	if (err == ERR_OK)
		err = store_status_done(writer->store, name_of(writer), writer->settled, info);
	if (err != ERR_OK)
		return err;
	writer->passed_over += writer->refused;
	writer->row_told = writer->row_told || writer->refused;
	writer->refused = false;
	writer->settled = 0;
	return ERR_OK;
}

/* The next row whose document has an outcome; one without it (a salvaged store) leaves the queue. */
static enum err find_next(struct status_writer *writer, struct store_status_row *row, struct err_info *info)
{
	for (int i = 0; i < STALE_MAX; i++) {
		enum err err = store_status_next(writer->store, name_of(writer), writer->after, row, info);
		if (err != ERR_OK)
			return err;
		err = store_outcome_state(writer->store, span_of(row->subject), row->revision,
		                          &writer->outcome, info);
		if (err != ERR_NOT_FOUND)
			return err;
		if (writer->suspects > 0) {
			writer->after = row->id;
			continue;
		}
		writer->settled = row->id;
		err = settle(writer, info);
		if (err != ERR_OK)
			return err;
	}
	return ERR_AGAIN;
}

static enum err start_next(struct status_writer *writer, int64_t now_ns, struct err_info *info)
{
	struct store_status_row row = {.id = 0};
	enum err err = find_next(writer, &row, info);
	if (err == ERR_OK) {
		writer->current = row.id;
		execute(writer, STATUS_UPDATE, now_ns);
		sm_enter(&writer->sm, WRITER_WRITING, "an outcome waits");
	} else if (err == ERR_NOT_FOUND && writer->suspects > 0) {
		char why[ERR_TEXT_MAX];
		(void)snprintf(why, sizeof why, "%s", writer->problem);
		fail(writer, false, now_ns, why);
	}
	return err == ERR_NOT_FOUND || err == ERR_AGAIN ? ERR_OK : err;
}

/* Everything that touches the store. */
static enum err advance(struct status_writer *writer, int64_t now_ns, struct err_info *info)
{
	if (now_ns < writer->store_ns)
		return ERR_OK;
	enum err err = settle(writer, info);
	bool waits = rows_wait(writer);
	if (err == ERR_OK)
		err = tell_trouble(writer, info);
	if (err == ERR_OK)
		err = tell_full(writer, waits, info);
	if (err == ERR_OK && waits && writer->sm.state == WRITER_READY)
		err = start_next(writer, now_ns, info);
	return err;
}

/* ---- what the owner calls ---- */

bool status_writer_owns(const struct status_writer *writer, hal_child child)
{
	return child != 0 && child == writer->child;
}

static void child_exited(struct status_writer *writer, const char *how, int64_t now_ns)
{
	char why[ERR_TEXT_MAX];
	log_event(writer->log, LOG_CHILD_ENDED, "status-table=%s: %s", writer->source->name, how);
	if (writer->sm.state != WRITER_ENDING) {
		(void)snprintf(why, sizeof why, "the process that writes the status table ended: %.400s",
		               how);
		count_failure(writer, false, now_ns, why);
	}
	writer->child = 0;
	writer->current = 0;
	sm_enter(&writer->sm, WRITER_WAITING, how);
}

/* Of what LOOK finds the number alone matters, and DONE has it. */
static bool is_found(const struct status_writer *writer, uint8_t type)
{
	return writer->statement == STATUS_LOOK && (type == SOURCE_COLUMNS || type == SOURCE_ROWS) &&
	       (writer->sm.state == WRITER_CHECKING || writer->sm.state == WRITER_WRITING);
}

enum err status_writer_event(struct status_writer *writer, const struct hal_child_event *event,
                             int64_t now_ns, struct err_info *info)
{
	enum err err = ERR_OK;
	if (event->kind == HAL_CHILD_EXITED)
		child_exited(writer, event->how, now_ns);
	else if (writer->sm.state == WRITER_ENDING)
		return ERR_OK; /* what it still had to say */
	else if (event->type == SOURCE_DONE)
		err = take_done(writer, event, now_ns, info);
	else if (event->type == SOURCE_FAILED)
		take_failed(writer, event, now_ns);
	else if (event->type == SOURCE_OPENED)
		take_opened(writer, event, now_ns);
	else if (!is_found(writer, event->type))
		spoke_badly(writer, now_ns);
	return err == ERR_OK ? advance(writer, now_ns, info) : err;
}

static void step_child(struct status_writer *writer, int64_t now_ns)
{
	if (now_ns < writer->deadline_ns)
		return;
	if (writer->sm.state == WRITER_READY) {
		end_child(writer, now_ns, "nothing to write");
	} else if (writer->sm.state == WRITER_ENDING) {
		if (!writer->killed)
			log_event(writer->log, LOG_CHILD_KILLED, "status-table=%s: it did not end when asked",
			          writer->source->name);
		hal_child_signal(writer->hal, writer->child, HAL_SIGNAL_KILL);
		writer->killed = true;
		writer->deadline_ns = NEVER;
	} else {
		fail(writer, false, now_ns, "the database did not answer in time; the connection is ended");
	}
}

enum err status_writer_step(struct status_writer *writer, int64_t now_ns, int64_t *deadline,
                            struct err_info *info)
{
	if (writer->child)
		step_child(writer, now_ns);
	enum err err = advance(writer, now_ns, info);
	bool wanted = !writer->checked || rows_wait(writer);
	if (err == ERR_OK && !writer->child && wanted && now_ns >= writer->retry_ns)
		spawn(writer, now_ns);
	*deadline = writer->child ? writer->deadline_ns : wanted ? writer->retry_ns : NEVER;
	int64_t again = now_ns < writer->store_ns ? writer->store_ns : now_ns + COMMIT_WAIT_NS;
	bool left = writer->settled != 0 || writer->tell_due || (writer->sm.state == WRITER_READY && wanted);
	if (left && again < *deadline)
		*deadline = again;
	return err;
}

void status_writer_rolled_back(struct status_writer *writer, int64_t now_ns)
{
	writer->store_ns = now_ns + STORE_PAUSE_NS;
	/* What was told may have been lost. */
	writer->tell_due = true;
	writer->told = writer->row_told = true;
	writer->full_told = FULL_UNKNOWN;
}

bool status_writer_idle(const struct status_writer *writer)
{
	return writer->settled == 0 && (!rows_wait(writer) || writer->failures > 0);
}

void status_writer_status(const struct status_writer *writer, struct status_writer_status *status)
{
	*status = (struct status_writer_status){
	    .source = writer->source->name,
	    .state = sm_name(&writer->sm),
	    .waiting = store_status_waiting(writer->store, name_of(writer)),
	    .written = writer->written,
	    .passed_over = writer->passed_over,
	};
	CHECK(text_copy(status->problem, sizeof status->problem, span_of(writer->problem)));
}
