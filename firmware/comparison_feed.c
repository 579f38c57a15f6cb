/*
 * comparison_feed.c - takes in what the store has: events of the outbox, outcomes, documents that wait.
 *
 * Why:   see comparison.h.
 * Owns:  nothing; struct comparison is comparison.c's.
 * Rules: 1. A step takes whole documents. One whose first parts retention has deleted counts as lost.
 *        2. Outcomes are asked for once the streams are in: before that there may be no document to give them to.
 *        3. An event that cannot be read is left out and passed over: it would stand in the way for ever.
 * Faults: see comparison.h.
 * Runs in: the core.
 * Tests: tests/unit/comparison_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/posting_sequence.h"
#include "firmware/comparison_internal.h"
#include "store_forward/outcomes.h"

#define HELD_LIMIT 200

/* ---- the legacy side, from the outbox ---- */

struct feed {
	struct comparison *comparison;
	int64_t done; /* every sequence up to it is in the ledger */
	int parts;    /* taken of the document under way; 0: none is */
	bool passing; /* the rest of a document that was left out */
	int64_t lost; /* rows of documents whose first parts are gone */
	int rows;
	int64_t until_ns;
	enum err err;
	struct err_info *info;
};

/* A document of one part or more. false: more of it is to come. */
static enum err take_part(struct feed *feed, const struct posting_event *event, bool *whole)
{
	struct comparison *comparison = feed->comparison;
	struct err_info why = {.text = ""};
	*whole = true;
	if (event->part == 1) {
		posting_read_begin(&comparison->reader, &comparison->document, event->type, event->parts);
		feed->passing = false;
	} else if (event->part != feed->parts + 1) {
		feed->lost += !feed->passing;
		feed->parts = 0;
		return ERR_OK;
	}
	feed->parts = event->part;
	enum err err = posting_read_add(&comparison->reader, &event->data, &why);
	if (err == ERR_OK && event->part < event->parts) {
		*whole = false;
		return ERR_OK;
	}
	feed->parts = 0;
	if (err == ERR_OK)
		err = posting_read_finish(&comparison->reader, &why);
	feed->passing = err != ERR_OK;
	const struct projection projection = {.side = SIDE_LEGACY,
	                                      .revision = event->revision,
	                                      .recorded_ns = event->time_ns,
	                                      .phase = event->has_phase ? (int)event->phase : 0};
	if (err != ERR_OK)
		return comparison_leave_out(comparison, &projection, event->subject, &why, feed->info);
	comparison->document.voided = event->change == ENVELOPE_VOIDED;
	return comparison_project(comparison, event->subject, &projection, &comparison->document, feed->info);
}

/* Who it is about cannot be read. */
static const char *name_of_event(const struct store_outbox_row *row, char name[48])
{
	(void)snprintf(name, 48, "the outbox's event %" PRId64, row->sequence);
	return name;
}

static enum err take_event(struct feed *feed, const struct store_outbox_row *row)
{
	char name[48];
	const struct projection unknown = {.side = SIDE_LEGACY};
	struct posting_event event;
	struct err_info why = {.text = ""};
	bool whole = true;
	enum err err = posting_event_read(&event, row->event, &why);
	if (err != ERR_OK) /* our own bytes, and their checksum held: the reader is wrong */
		err = comparison_leave_out(feed->comparison, &unknown, name_of_event(row, name), &why,
		                           feed->info);
	else if (event.known)
		err = take_part(feed, &event, &whole);
	if (err == ERR_OK && whole)
		feed->done = row->sequence;
	return err;
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
	if (err == ERR_OK && feed.lost > 0)
		err = note_lost(comparison, feed.lost, info);
	if (err == ERR_OK && feed.done != before)
		err = ledger_set_mark(comparison->ledger, name, feed.done, info);
	if (feed.done < stream->committed_sequence)
		comparison->behind = true;
	return err;
}

void comparison_hold_streams(struct comparison *comparison, bool synced)
{
	struct err_info info;
	for (int i = 0; i < store_stream_count(comparison->store); i++) {
		const struct store_stream *stream = store_stream_at(comparison->store, i);
		char name[STORE_STREAM_NAME_MAX + 40];
		int64_t done = 0;
		(void)snprintf(name, sizeof name, MARK_STREAM, stream->name, stream->epoch);
		if (!synced || !comparison->ledger ||
		    ledger_mark(comparison->ledger, name, &done, &info) != ERR_OK)
			done = 0;
		store_stream_hold(comparison->store, stream->id, done < 0 ? 0 : done);
	}
}

enum err comparison_feed_streams(struct comparison *comparison, int64_t until_ns, struct err_info *info)
{
	enum err err = ERR_OK;
	comparison->behind = false;
	for (int i = 0; i < store_stream_count(comparison->store) && err == ERR_OK; i++)
		err = feed_stream(comparison, store_stream_at(comparison->store, i), until_ns, info);
	return err;
}

/* ---- outcomes ---- */

/* A document that the ledger does not have yet, or has in another revision, is asked for later. */
static enum err take_outcome(struct comparison *comparison, const struct moved *moved, struct err_info *info)
{
	struct store_outcome_copy outcome;
	enum err err =
	    store_outcome_state(comparison->store, span_of(moved->subject), moved->revision, &outcome, info);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err == ERR_OK)
		err = ledger_set_outcome(comparison->ledger, span_of(moved->subject), moved->revision,
		                         (int)outcome.shown.code, info);
	if (err == ERR_NOT_FOUND && comparison->behind)
		comparison->moved_lost = true;
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

enum err comparison_take_outcomes(struct comparison *comparison, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < comparison->moved_count && err == ERR_OK; i++)
		err = take_outcome(comparison, &comparison->moved[i], info);
	comparison->moved_count = 0;
	if (err == ERR_OK && comparison->moved_lost && !comparison->behind)
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
	bool acknowledged; /* that this ledger took another one's place */
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

/* The cloud said two things under one number. A person who has found out which is booked acknowledges it; one more
 * opens it again. */
static enum err settle_conflicts(struct comparison *comparison, const struct store_exception *exception,
                                 struct err_info *info)
{
	struct posting_sequence *state = mem_alloc(sizeof *state);
	struct buf text;
	enum err err = ERR_OK;
	buf_init(&text, POSTING_SEQUENCE_BYTES_MAX);
	for (int i = 0; i < POSTING_SOURCES_MAX && err == ERR_OK; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, i);
		err = ledger_text(comparison->ledger, name, &text, info);
		if (err != ERR_OK || !posting_sequence_read(state, buf_span(&text)) ||
		    !span_equal(exception->key, span_of(state->source)))
			continue;
		(void)snprintf(name, sizeof name, POSTING_SETTLED_NAME_FORMAT, i);
		err = ledger_set_mark(comparison->ledger, name, exception->open ? 0 : state->conflicts, info);
	}
	buf_release(&text);
	free(state);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool visit_exception(void *self, const struct store_exception *exception)
{
	struct held_feed *feed = self;
	feed->count++;
	feed->change = exception->change;
	if (!exception->open && feed->comparison->begun[0] &&
	    span_equal(exception->rule, SPAN_LITERAL(BEGUN_RULE)) &&
	    span_equal(exception->key, span_of(feed->comparison->begun))) {
		feed->err =
		    ledger_set_text(feed->comparison->ledger, TEXT_BEGUN, (struct span){"", 0}, feed->info);
		feed->acknowledged = true;
	}
	if (span_equal(exception->rule, SPAN_LITERAL(POSTING_CONFLICT_RULE)))
		feed->err = settle_conflicts(feed->comparison, exception, feed->info);
	if (feed->err != ERR_OK || !is_held(feed->comparison, exception))
		return feed->err == ERR_OK;
	const struct ledger_held held = {.rule = exception->rule,
	                                 .source = exception->source,
	                                 .key = exception->key,
	                                 .text = exception->text,
	                                 .owner = (int)exception->owner,
	                                 .first_ns = exception->first_ns};
	feed->err = ledger_hold(feed->comparison->ledger, &held, exception->open, feed->info);
	return feed->err == ERR_OK;
}

enum err comparison_feed_held(struct comparison *comparison, struct err_info *info)
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
	if (err == ERR_OK && feed.acknowledged)
		comparison->begun[0] = 0;
	comparison->behind = comparison->behind || feed.count == HELD_LIMIT;
	return err;
}
