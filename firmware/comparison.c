/*
 * comparison.c - see comparison.h.
 *
 * Why:   see comparison.h.
 * Owns:  see comparison.h.
 * Rules: as in comparison.h.
 * Faults: see comparison.h.
 * Runs in: the core.
 * Tests: tests/unit/comparison_test.c
 */
#include "firmware/comparison.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/project.h"
#include "connector/posting/validity.h"
#include "store_forward/outcomes.h"

#define STEP_ROWS       200
#define STEP_BUDGET_NS  (2 * NS_PER_MS)
#define RETRY_NS        (30 * NS_PER_S)
#define BUSY_NS         (20 * NS_PER_MS) /* a tenth of the time, at most */
#define MOVED_MAX       1024
#define HELD_LIMIT      200
#define MARK_STREAM     "stream %s %" PRId64
#define MARK_EXCEPTIONS "exceptions"
#define MARK_LEFT_OUT   "left out"
#define MARK_LOST       "lost"

struct moved {
	char subject[STORE_SUBJECT_MAX + 1];
	int64_t revision;
};

struct comparison {
	struct comparison_told told;
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct recorder *recorder;
	struct ledger *ledger; /* NULL: not well */
	struct projector projector;
	bool projecting; /* projector is open */
	const struct rules *rules;
	struct canonical canonical;
	struct posting_reader reader;
	struct document document;
	struct moved *moved;
	int moved_count;
	bool moved_lost;                   /* some found no room: all open ones are asked again */
	char asked[STORE_SUBJECT_MAX + 1]; /* ... and they were, up to this one */
	bool behind;
	int64_t due_ns;
	char trouble[ERR_TEXT_MAX]; /* to be raised; "": none */
	char left_out[ERR_TEXT_MAX];
	char left_out_subject[STORE_SUBJECT_MAX];
	bool well_again;
	bool raised;
};

/* ---- opening, trouble ---- */

static void note_trouble(struct comparison *comparison, const char *text)
{
	(void)snprintf(comparison->trouble, sizeof comparison->trouble, "%s", text);
}

static void close_ledger(struct comparison *comparison)
{
	if (comparison->projecting)
		projector_release(&comparison->projector);
	comparison->projecting = false;
	ledger_close(comparison->ledger);
	comparison->ledger = NULL;
	comparison->told.run.run[0] = 0;
}

static void open_ledger(struct comparison *comparison, int64_t now_ns)
{
	struct ledger_opening opening;
	struct err_info info = {.text = ""};
	comparison->due_ns = now_ns + RETRY_NS;
	if (ledger_open(comparison->hal, comparison->config->compare.ledger, LEDGER_WRITE,
	                &comparison->ledger, &opening, &info) != ERR_OK) {
		comparison->ledger = NULL;
		note_trouble(comparison, info.text);
		return;
	}
	projector_init(&comparison->projector, comparison->ledger, comparison->rules);
	comparison->projecting = true;
	comparison->behind = true;
	comparison->due_ns = now_ns;
	comparison->moved_lost = true;
	if (opening.damaged_path[0]) {
		char text[ERR_TEXT_MAX];
		(void)snprintf(
		    text, sizeof text,
		    "the ledger was damaged (%.150s) and is now %.120s; a new one is being made of what is "
		    "still in the outbox; for the rest the ERP must be read again and the cloud must post "
		    "again",
		    opening.text, opening.damaged_path);
		note_trouble(comparison, text);
	} else {
		comparison->well_again = true;
	}
}

/* Nothing of the open transaction stands. A ledger that is damaged is closed: the next step puts it aside. */
static void failed(struct comparison *comparison, enum err err, const struct err_info *info)
{
	note_trouble(comparison, info->text);
	comparison->due_ns = hal_mono_ns(comparison->hal) + RETRY_NS;
	if (err == ERR_CORRUPT)
		close_ledger(comparison);
	else if (comparison->ledger)
		ledger_rollback(comparison->ledger);
}

struct comparison *comparison_new(struct hal *hal, const struct log *log, struct store *store,
                                  const struct config *config, struct recorder *recorder)
{
	if (config->compare.enabled != CONFIG_YES)
		return NULL;
	struct comparison *comparison = mem_alloc(sizeof *comparison);
	comparison->hal = hal;
	comparison->log = log;
	comparison->store = store;
	comparison->config = config;
	comparison->recorder = recorder;
	comparison->moved = mem_alloc(MOVED_MAX * sizeof comparison->moved[0]);
	canonical_init(&comparison->canonical);
	posting_reader_init(&comparison->reader, &comparison->canonical);
	document_init(&comparison->document);
	buf_init(&comparison->told.about, 2 * HAL_CONTROL_REQUEST_MAX);
	open_ledger(comparison, hal_mono_ns(hal));
	return comparison;
}

void comparison_free(struct comparison *comparison)
{
	if (!comparison)
		return;
	close_ledger(comparison);
	posting_reader_release(&comparison->reader);
	document_release(&comparison->document);
	buf_release(&comparison->told.about);
	free(comparison->moved);
	free(comparison);
}

static enum err begin(struct comparison *comparison, struct err_info *info)
{
	if (!comparison->ledger)
		return err_set(info, ERR_AGAIN, "the ledger is not well");
	return ledger_in_transaction(comparison->ledger) ? ERR_OK : ledger_begin(comparison->ledger, info);
}

void comparison_use_rules(struct comparison *comparison, const struct rules *rules)
{
	struct err_info info = {.text = ""};
	if (!comparison)
		return;
	comparison->rules = rules;
	if (!comparison->ledger)
		return;
	/* At once: what is in the sums of the former rules cannot be taken out by these. */
	enum err err = begin(comparison, &info);
	if (err == ERR_OK)
		err = project_use_rules(&comparison->projector, rules, &info);
	if (err != ERR_OK) {
		failed(comparison, err, &info);
		close_ledger(comparison);
	}
	comparison->due_ns = 0;
}

/* ---- one document ---- */

/* It is left out, and the comparison must know. */
static enum err leave_out(struct comparison *comparison, const char *subject, const struct err_info *why,
                          struct err_info *info)
{
	int64_t count = 0;
	(void)snprintf(
	    comparison->left_out, sizeof comparison->left_out,
	    "%s cannot be compared and is left out, which makes every comparison incomplete: %.300s", subject,
	    why->text);
	(void)snprintf(comparison->left_out_subject, sizeof comparison->left_out_subject, "%s", subject);
	enum err err = ledger_mark(comparison->ledger, MARK_LEFT_OUT, &count, info);
	return err == ERR_OK
	           ? ledger_set_mark(comparison->ledger, MARK_LEFT_OUT, (count < 0 ? 0 : count) + 1, info)
	           : err;
}

static bool is_documents_fault(enum err err)
{
	return err == ERR_OVERFLOW || err == ERR_TOO_LARGE || err == ERR_BAD_INPUT;
}

static enum err project(struct comparison *comparison, enum ledger_side side,
                        const struct posting_event *event, const struct document *document,
                        struct err_info *info)
{
	struct err_info why = {.text = ""};
	const struct projection projection = {
	    .side = side,
	    .revision = event->revision,
	    .recorded_ns = side == SIDE_CLOUD ? hal_wall_ns(comparison->hal) : event->time_ns,
	    .phase = event->has_phase ? (int)event->phase : 0,
	};
	enum err err = project_document(&comparison->projector, &projection, document, &why);
	if (is_documents_fault(err) && !ledger_failed(comparison->ledger))
		return leave_out(comparison, event->subject, &why, info);
	return err == ERR_OK ? ERR_OK : err_set(info, err, "%s", why.text);
}

enum err comparison_posting(struct comparison *comparison, const struct posting_event *event,
                            const struct document *document, struct err_info *info)
{
	enum err err = begin(comparison, info);
	if (err == ERR_OK)
		err = project(comparison, SIDE_CLOUD, event, document, info);
	if (err != ERR_OK && err != ERR_CONFLICT)
		failed(comparison, err, info);
	return err;
}

static enum err raise(struct comparison *comparison, const char *rule, const char *source, const char *key,
                      const char *text, enum store_owner owner, struct err_info *info)
{
	int64_t wall = hal_wall_ns(comparison->hal);
	const struct store_exception exception = {.rule = span_of(rule),
	                                          .source = span_of(source),
	                                          .key = span_of(key),
	                                          .owner = owner,
	                                          .text = span_of(text),
	                                          .open = true,
	                                          .first_ns = wall,
	                                          .last_ns = wall};
	return recorder_exception(comparison->recorder, &exception, info);
}

/* What the cloud has booked is a fact: it is compared, and the broken rule is told. */
static enum err judge_document(struct comparison *comparison, const char *source, const char *subject,
                               const struct document *document, struct err_info *info)
{
	struct finding finding;
	char text[ERR_TEXT_MAX];
	if (validity_check(document, &finding))
		return recorder_clear(comparison->recorder, SPAN_LITERAL("cloud-invalid"), span_of(source),
		                      span_of(subject), info);
	(void)snprintf(text, sizeof text, "%.40s: the cloud has booked a document in which %.400s",
	               finding.rule, finding.text);
	return raise(comparison, "cloud-invalid", source, subject, text, finding.owner, info);
}

enum err comparison_document(struct comparison *comparison, const char *source,
                             const struct document *document, struct err_info *info)
{
	char subject[STORE_SUBJECT_MAX] = "?";
	struct err_info why = {.text = ""};
	const struct projection projection = {.side = SIDE_CLOUD,
	                                      .recorded_ns = hal_wall_ns(comparison->hal)};
	enum err err = begin(comparison, info);
	if (err != ERR_OK)
		return err;
	err = document_subject(document, subject, sizeof subject, &why);
	if (err == ERR_OK)
		err = project_document(&comparison->projector, &projection, document, &why);
	if (is_documents_fault(err) && !ledger_failed(comparison->ledger))
		return leave_out(comparison, subject, &why, info);
	if (err != ERR_OK) {
		failed(comparison, err, &why);
		return err_set(info, err == ERR_CORRUPT ? ERR_IO : err, "%s", why.text);
	}
	return judge_document(comparison, source, subject, document, info);
}

enum err comparison_state(struct comparison *comparison, const char *name, struct buf *out,
                          struct err_info *info)
{
	enum err err = begin(comparison, info);
	if (err == ERR_OK)
		err = ledger_text(comparison->ledger, name, out, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		failed(comparison, err, info);
	return err;
}

enum err comparison_keep(struct comparison *comparison, const char *name, struct span state,
                         struct err_info *info)
{
	enum err err = begin(comparison, info);
	if (err == ERR_OK)
		err = ledger_set_text(comparison->ledger, name, state, info);
	if (err != ERR_OK)
		failed(comparison, err, info);
	return err;
}

void comparison_moved(struct comparison *comparison, struct span subject, int64_t revision)
{
	if (!comparison)
		return;
	if (comparison->moved_count == MOVED_MAX) {
		comparison->moved_lost = true;
		return;
	}
	struct moved *moved = &comparison->moved[comparison->moved_count++];
	(void)!text_copy(moved->subject, sizeof moved->subject, subject);
	moved->revision = revision;
	comparison->due_ns = 0;
}

/* ---- transactions ---- */

static bool commit(struct comparison *comparison)
{
	struct err_info info = {.text = ""};
	enum err err = ledger_commit(comparison->ledger, &info);
	if (err != ERR_OK)
		failed(comparison, err, &info);
	else
		comparison->well_again = true;
	return err == ERR_OK;
}

void comparison_before_commit(struct comparison *comparison)
{
	if (!comparison || !comparison->ledger)
		return;
	if (ledger_in_transaction(comparison->ledger))
		(void)commit(comparison);
	/* What is committed with this is there for the next step. */
	if (comparison->due_ns == INT64_MAX)
		comparison->due_ns = 0;
}

void comparison_rolled_back(struct comparison *comparison)
{
	if (comparison && comparison->ledger && ledger_in_transaction(comparison->ledger))
		ledger_rollback(comparison->ledger);
}

/* ---- the legacy side, from the outbox ---- */

struct feed {
	struct comparison *comparison;
	int64_t done; /* every sequence up to it is in the ledger */
	int rows;
	int64_t until_ns;
	enum err err;
	struct err_info *info;
};

static enum err take_event(struct feed *feed, const struct store_outbox_row *row)
{
	struct comparison *comparison = feed->comparison;
	struct posting_event event;
	struct err_info why = {.text = ""};
	enum err err = posting_event_read(&event, row->event, &why);
	if (err !=
	    ERR_OK) /* our own bytes: their checksum held, so the reader is wrong; it is told, not hidden */
		return leave_out(comparison, "an event of the outbox", &why, feed->info);
	if (!event.known) {
		feed->done = row->sequence;
		return ERR_OK;
	}
	if (event.part == 1)
		posting_read_begin(&comparison->reader, &comparison->document, event.type, event.parts);
	err = posting_read_add(&comparison->reader, &event.data, &why);
	if (err == ERR_OK && event.part < event.parts)
		return ERR_OK;
	if (err == ERR_OK)
		err = posting_read_finish(&comparison->reader, &why);
	feed->done = row->sequence;
	if (err != ERR_OK)
		return leave_out(comparison, event.subject, &why, feed->info);
	comparison->document.voided = event.change == ENVELOPE_VOIDED;
	return project(comparison, SIDE_LEGACY, &event, &comparison->document, feed->info);
}

static bool visit_row(void *self, const struct store_outbox_row *row)
{
	struct feed *feed = self;
	feed->err = take_event(feed, row);
	feed->rows++;
	bool whole = feed->done == row->sequence;
	return feed->err == ERR_OK &&
	       !(whole && (feed->rows >= STEP_ROWS || hal_mono_ns(feed->comparison->hal) >= feed->until_ns));
}

/* Rows that retention deleted before the ledger had them can only come from the ERP again. */
static enum err note_lost(struct comparison *comparison, int64_t rows, struct err_info *info)
{
	int64_t lost = 0;
	enum err err = ledger_mark(comparison->ledger, MARK_LOST, &lost, info);
	return err == ERR_OK
	           ? ledger_set_mark(comparison->ledger, MARK_LOST, (lost < 0 ? 0 : lost) + rows, info)
	           : err;
}

static enum err feed_stream(struct comparison *comparison, const struct store_stream *stream,
                            int64_t until_ns, struct err_info *info)
{
	char name[STORE_STREAM_NAME_MAX + 40];
	struct feed feed = {.comparison = comparison, .until_ns = until_ns, .info = info};
	(void)snprintf(name, sizeof name, MARK_STREAM, stream->name, stream->epoch);
	enum err err = ledger_mark(comparison->ledger, name, &feed.done, info);
	int64_t before = feed.done;
	if (feed.done < 0)
		feed.done = 0;
	int64_t first = store_outbox_first(comparison->store, stream->id);
	if (err == ERR_OK && first > feed.done + 1) {
		err = note_lost(comparison, first - feed.done - 1, info);
		feed.done = first - 1;
	}
	if (err == ERR_OK && feed.done < stream->committed_sequence) {
		err = store_outbox_read(comparison->store, stream->id, feed.done, visit_row, &feed, info);
		err = err == ERR_OK ? feed.err : err;
	}
	if (err == ERR_OK && feed.done != before)
		err = ledger_set_mark(comparison->ledger, name, feed.done, info);
	if (feed.done < stream->committed_sequence)
		comparison->behind = true;
	return err;
}

/* What the ledger has, retention may take. */
static void hold_streams(struct comparison *comparison)
{
	struct err_info info;
	for (int i = 0; i < store_stream_count(comparison->store); i++) {
		const struct store_stream *stream = store_stream_at(comparison->store, i);
		char name[STORE_STREAM_NAME_MAX + 40];
		int64_t done = 0;
		(void)snprintf(name, sizeof name, MARK_STREAM, stream->name, stream->epoch);
		if (!comparison->ledger || ledger_mark(comparison->ledger, name, &done, &info) != ERR_OK)
			done = 0;
		store_stream_hold(comparison->store, stream->id, done < 0 ? 0 : done);
	}
}

static enum err feed_streams(struct comparison *comparison, int64_t until_ns, struct err_info *info)
{
	enum err err = ERR_OK;
	comparison->behind = false;
	for (int i = 0; i < store_stream_count(comparison->store) && err == ERR_OK; i++)
		err = feed_stream(comparison, store_stream_at(comparison->store, i), until_ns, info);
	return err;
}

/* ---- outcomes ---- */

static enum err take_outcome(struct comparison *comparison, const struct moved *moved, struct err_info *info)
{
	struct store_outcome_copy outcome;
	enum err err =
	    store_outcome_state(comparison->store, span_of(moved->subject), moved->revision, &outcome, info);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err == ERR_OK)
		err = ledger_set_outcome(comparison->ledger, span_of(moved->subject), (int)outcome.shown.code,
		                         info);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

struct open_list {
	struct moved list[STEP_ROWS];
	int count;
};

static bool add_open(void *self, const struct ledger_document *document)
{
	struct open_list *list = self;
	struct moved *moved = &list->list[list->count++];
	(void)!text_copy(moved->subject, sizeof moved->subject, document->subject);
	moved->revision = document->revision;
	return list->count < STEP_ROWS;
}

/* After a start, and where too many moved at once: every document without a final outcome is asked for. */
static enum err ask_open(struct comparison *comparison, struct err_info *info)
{
	struct open_list *open = mem_alloc(sizeof *open);
	enum err err =
	    ledger_without_outcome(comparison->ledger, comparison->asked, STEP_ROWS, add_open, open, info);
	for (int i = 0; i < open->count && err == ERR_OK; i++)
		err = take_outcome(comparison, &open->list[i], info);
	if (open->count == 0) {
		comparison->moved_lost = false;
		comparison->asked[0] = 0;
	} else {
		(void)snprintf(comparison->asked, sizeof comparison->asked, "%s",
		               open->list[open->count - 1].subject);
		comparison->behind = true;
	}
	free(open);
	return err;
}

static enum err take_outcomes(struct comparison *comparison, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < comparison->moved_count && err == ERR_OK; i++)
		err = take_outcome(comparison, &comparison->moved[i], info);
	comparison->moved_count = 0;
	if (err == ERR_OK && comparison->moved_lost)
		err = ask_open(comparison, info);
	return err;
}

/* ---- what waits ---- */

struct held_feed {
	struct comparison *comparison;
	int64_t change;
	enum err err;
	struct err_info *info;
	int count;
};

/* Documents that are held: exceptions of a source whose key is a subject. */
static bool is_held(const struct comparison *comparison, const struct store_exception *exception)
{
	int slashes = 0;
	bool of_source = false;
	for (int i = 0; i < comparison->config->source_count && !of_source; i++)
		of_source = comparison->config->sources[i].side == CONFIG_SIDE_LEGACY &&
		            span_equal(exception->source, span_of(comparison->config->sources[i].name));
	for (size_t i = 0; i < exception->key.len; i++)
		slashes += exception->key.data[i] == '/';
	return of_source && slashes == 3;
}

static bool visit_exception(void *self, const struct store_exception *exception)
{
	struct held_feed *feed = self;
	feed->count++;
	feed->change = exception->change;
	if (!is_held(feed->comparison, exception))
		return true;
	const struct ledger_held held = {.rule = exception->rule,
	                                 .source = exception->source,
	                                 .key = exception->key,
	                                 .text = exception->text,
	                                 .owner = (int)exception->owner,
	                                 .first_ns = exception->first_ns};
	feed->err = ledger_hold(feed->comparison->ledger, &held, exception->open, feed->info);
	return feed->err == ERR_OK;
}

static enum err feed_held(struct comparison *comparison, struct err_info *info)
{
	struct held_feed feed = {.comparison = comparison, .info = info};
	int64_t before = 0;
	enum err err = ledger_mark(comparison->ledger, MARK_EXCEPTIONS, &before, info);
	if (err != ERR_OK)
		return err;
	feed.change = before < 0 ? 0 : before;
	err = store_exceptions_changed(comparison->store, feed.change, HELD_LIMIT, visit_exception, &feed,
	                               info);
	if (err == ERR_OK)
		err = feed.err;
	if (err == ERR_OK && feed.change != before)
		err = ledger_set_mark(comparison->ledger, MARK_EXCEPTIONS, feed.change, info);
	comparison->behind = comparison->behind || feed.count == HELD_LIMIT;
	return err;
}

/* ---- the step ---- */

static enum err follow_rules(struct comparison *comparison, struct err_info *info)
{
	bool done = true;
	enum err err = ERR_OK;
	err = project_use_rules(&comparison->projector, comparison->rules, info);
	if (err == ERR_OK && !ledger_complete(comparison->ledger))
		err = project_regenerate(&comparison->projector, STEP_ROWS, &done, info);
	comparison->behind = comparison->behind || !done;
	return err;
}

static enum err take_in(struct comparison *comparison, int64_t now_ns, struct err_info *info)
{
	enum err err = begin(comparison, info);
	if (err == ERR_OK)
		err = feed_streams(comparison, now_ns + STEP_BUDGET_NS, info);
	if (err == ERR_OK)
		err = take_outcomes(comparison, info);
	if (err == ERR_OK)
		err = feed_held(comparison, info);
	return err == ERR_OK ? follow_rules(comparison, info) : err;
}

void comparison_step(struct comparison *comparison, int64_t now_ns, bool busy, int64_t *deadline)
{
	struct err_info info = {.text = ""};
	if (!comparison || store_in_transaction(comparison->store))
		return;
	if (!comparison->ledger && now_ns >= comparison->due_ns)
		open_ledger(comparison, now_ns);
	if (comparison->ledger && now_ns >= comparison->due_ns &&
	    !ledger_in_transaction(comparison->ledger)) {
		enum err err = take_in(comparison, now_ns, &info);
		if (err != ERR_OK)
			failed(comparison, err, &info);
		else if (commit(comparison))
			comparison->due_ns = !comparison->behind ? INT64_MAX
			                     : busy              ? now_ns + BUSY_NS
			                                         : now_ns;
		hold_streams(comparison);
	}
	*deadline = comparison->due_ns < *deadline ? comparison->due_ns : *deadline;
}

bool comparison_has_news(const struct comparison *comparison)
{
	return comparison && (comparison->trouble[0] || comparison->left_out[0] ||
	                      (comparison->well_again && comparison->raised));
}

enum err comparison_tell(struct comparison *comparison, struct err_info *info)
{
	enum err err = ERR_OK;
	if (comparison->left_out[0])
		err = raise(comparison, "ledger-document", "ledger", comparison->left_out_subject,
		            comparison->left_out, STORE_OWNER_DATA_QUALITY, info);
	if (err == ERR_OK && comparison->trouble[0]) {
		err = raise(comparison, "ledger-failed", "ledger", "ledger", comparison->trouble,
		            STORE_OWNER_TECHNICAL, info);
		comparison->raised = true;
	} else if (err == ERR_OK && comparison->well_again && comparison->raised) {
		err = recorder_clear(comparison->recorder, SPAN_LITERAL("ledger-failed"),
		                     SPAN_LITERAL("ledger"), SPAN_LITERAL("ledger"), info);
		comparison->raised = false;
	}
	if (err == ERR_OK) {
		comparison->left_out[0] = 0;
		comparison->trouble[0] = 0;
		comparison->well_again = false;
	}
	return err;
}

bool comparison_caught_up(const struct comparison *comparison)
{
	return !comparison || !comparison->ledger || (!comparison->behind && comparison->moved_count == 0);
}

struct ledger *comparison_ledger(const struct comparison *comparison)
{
	return comparison ? comparison->ledger : NULL;
}

/* ---- changes of others ---- */

enum err comparison_change_begin(struct comparison *comparison, struct err_info *info)
{
	if (!comparison)
		return err_set(info, ERR_UNSUPPORTED, "this agent does not compare: compare.enabled is no");
	if (comparison->ledger && ledger_in_transaction(comparison->ledger) && !commit(comparison))
		return err_set(info, ERR_AGAIN, "the ledger is not well; see: twinpost exceptions");
	return begin(comparison, info);
}

enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info)
{
	if (err == ERR_OK)
		err = ledger_commit(comparison->ledger, info);
	if (err == ERR_OK)
		return ERR_OK;
	if (ledger_failed(comparison->ledger))
		failed(comparison, err, info);
	else
		ledger_rollback(comparison->ledger);
	return err;
}

struct comparison_told *comparison_told(struct comparison *comparison)
{
	return comparison ? &comparison->told : NULL;
}
