/*
 * trace.c - everything known of one subject, sorted by time.
 *
 * Why:   "what happened to this invoice" is the question a person asks first.
 * Owns:  nothing; the lines' memory for the time of one call.
 * Rules: 1. Read from register, history, acks, outcomes and exceptions; the outbox is not needed, so that retention
 *           takes nothing from a trace.
 *        2. Lines of equal time keep the order recorded, acknowledged, outcome, exception.
 *        3. An outcome stands at the time it was received: the cloud's clock is not ours.
 * Faults: damage is told; at most TRACE_LINES_MAX lines, the newest revisions are then missing from the list's middle.
 * Runs in: the core, for a person: it allocates.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_LINES_MAX      4096
#define TRACE_TEXT_BYTES_MAX (8u << 20)

struct trace_line {
	struct store_trace_line shown; /* text.data is set at the end: the buffer moves while it grows */
	size_t text_offset;
	int order;
};

struct trace {
	struct trace_line *lines;
	int count;
	struct buf text;
};

static struct store_trace_line *trace_add(struct trace *trace, int64_t at_ns, const char *what)
{
	if (trace->count == TRACE_LINES_MAX)
		return NULL;
	if (trace->count % 64 == 0)
		trace->lines = mem_grow(trace->lines, (size_t)(trace->count + 64) * sizeof *trace->lines);
	struct trace_line *line = &trace->lines[trace->count];
	*line = (struct trace_line){.shown = {.at_ns = at_ns, .what = what}, .order = trace->count};
	trace->count++;
	return &line->shown;
}

static void trace_text(struct trace *trace, struct span first, const char *between, struct span second)
{
	struct trace_line *line = &trace->lines[trace->count - 1];
	line->text_offset = trace->text.len;
	buf_append_span(&trace->text, first);
	buf_append_text(&trace->text, between);
	buf_append_span(&trace->text, second);
	line->shown.text.len = trace->text.len - line->text_offset;
}

/* Goes on with the text of the last line, where there is more. */
static void trace_more(struct trace *trace, const char *between, struct span more)
{
	struct trace_line *line = &trace->lines[trace->count - 1];
	if (more.len == 0)
		return;
	buf_append_text(&trace->text, between);
	buf_append_span(&trace->text, more);
	line->shown.text.len = trace->text.len - line->text_offset;
}

static void trace_place(const struct store *store, struct store_trace_line *line,
                        const struct store_document *document)
{
	const struct stream *stream = stream_of(store, document->stream);
	line->revision = document->revision;
	line->stream = stream ? stream->now.shown.name : NULL;
	line->sequence = document->sequence;
	line->epoch = document->epoch;
	line->parts = document->parts;
}

/* One revision and its acknowledgement. */
static enum err trace_revision(struct store *store, struct trace *trace, const struct register_row *row,
                               bool first, struct err_info *info)
{
	const struct store_document *document = &row->document;
	const char *what = document->voided ? "voided" : first ? "recorded" : "amended";
	struct store_trace_line *line = trace_add(trace, document->recorded_ns, what);
	if (line == NULL)
		return ERR_OK;
	trace_place(store, line, document);
	trace_text(trace, row->source, "", (struct span){NULL, 0});
	const struct stream *stream = stream_of(store, document->stream);
	int64_t at = 0;
	struct ack_row ack;
	int64_t last = document->sequence + document->parts - 1;
	enum err err = ack_find(store, document->stream, document->epoch, last, &ack, info);
	if (err == ERR_OK)
		at = ack.at;
	else if (err == ERR_NOT_FOUND && stream != NULL && document->epoch == stream->now.shown.epoch &&
	         last <= stream->now.shown.acked_sequence)
		at = stream->now.range.at; /* in the open transaction */
	else
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	line = trace_add(trace, at, "acknowledged");
	if (line != NULL)
		trace_place(store, line, document);
	return ERR_OK;
}

static enum err trace_revisions(struct store *store, struct trace *trace, enum statement which,
                                struct span subject, bool *first, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, which);
	char table = which == STATEMENT_HISTORY_OF ? TABLE_HISTORY : TABLE_REGISTER;
	sql_bind_text(statement, 1, subject);
	bool more = false;
	enum err err = store_step(store, statement, &more, "tracing a document", info);
	while (err == ERR_OK && more) {
		struct register_row row;
		if (!register_load(statement, table, &row))
			err = store_row_damaged(store, info, "a revision of %.*s", (int)subject.len,
			                        subject.data);
		else
			err = trace_revision(store, trace, &row, *first, info);
		*first = false;
		if (err == ERR_OK)
			err = store_step(store, statement, &more, "tracing a document", info);
	}
	sqlite3_reset(statement);
	return err;
}

static bool trace_outcome(void *self, const struct store_outcome *outcome)
{
	struct trace *trace = self;
	const char *name = store_outcome_name((enum store_outcome_code)outcome->code);
	struct store_trace_line *line = trace_add(trace, outcome->received_ns, "outcome");
	if (line == NULL)
		return false;
	line->revision = outcome->revision;
	trace_text(trace, span_of(name), outcome->moved ? "" : " (changed nothing)", (struct span){NULL, 0});
	trace_more(trace, " document=", outcome->document);
	trace_more(trace, " date=", outcome->date);
	trace_more(trace, " ledger=", outcome->ledger);
	trace_more(trace, " class=", outcome->reason_class);
	trace_more(trace, " reason=", outcome->reason);
	trace_more(trace, ": ", outcome->text);
	return true;
}

static void trace_exception(struct trace *trace, const struct exception_row *row)
{
	const struct store_exception *shown = &row->shown;
	char again[64];
	if (trace_add(trace, shown->first_ns, "exception") != NULL)
		trace_text(trace, shown->rule, ": ", shown->text);
	if (shown->count > 1 && trace_add(trace, shown->last_ns, "exception") != NULL) {
		snprintf(again, sizeof again, ": seen %" PRId64 " times", shown->count);
		trace_text(trace, shown->rule, again, (struct span){NULL, 0});
	}
	if (shown->marked_ns != 0 && trace_add(trace, shown->marked_ns, "exception-marked") != NULL) {
		snprintf(again, sizeof again, ": %s", shown->acknowledged ? "acknowledged by " : "by ");
		trace_text(trace, shown->rule, again, shown->who);
		trace_more(trace, ": ", shown->note);
	}
	if (!shown->open && trace_add(trace, row->cleared_ns, "exception-cleared") != NULL)
		trace_text(trace, shown->rule, "", (struct span){NULL, 0});
}

static enum err trace_exceptions(struct store *store, struct trace *trace, struct span subject,
                                 struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_EXCEPTION_OF_KEY);
	sql_bind_text(statement, 1, subject);
	bool more = false;
	enum err err = store_step(store, statement, &more, "tracing exceptions", info);
	while (err == ERR_OK && more) {
		struct exception_row row;
		if (!exception_load(statement, &row))
			err = store_row_damaged(store, info, "an exception of %.*s", (int)subject.len,
			                        subject.data);
		else
			trace_exception(trace, &row);
		if (err == ERR_OK)
			err = store_step(store, statement, &more, "tracing exceptions", info);
	}
	sqlite3_reset(statement);
	return err;
}

static int by_time(const void *left, const void *right)
{
	const struct trace_line *a = left;
	const struct trace_line *b = right;
	if (a->shown.at_ns != b->shown.at_ns)
		return a->shown.at_ns < b->shown.at_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

enum err store_trace(struct store *store, struct span subject, store_trace_visitor visit, void *self,
                     struct err_info *info)
{
	struct trace trace = {0};
	bool first = true;
	buf_init(&trace.text, TRACE_TEXT_BYTES_MAX);
	enum err err = trace_revisions(store, &trace, STATEMENT_HISTORY_OF, subject, &first, info);
	if (err == ERR_OK)
		err = trace_revisions(store, &trace, STATEMENT_REGISTER_GET, subject, &first, info);
	if (err == ERR_OK)
		err = store_outcomes_of(store, subject, trace_outcome, &trace, info);
	if (err == ERR_OK)
		err = trace_exceptions(store, &trace, subject, info);
	if (err == ERR_OK && trace.count == 0)
		err =
		    err_set(info, ERR_NOT_FOUND, "nothing is known of %.*s", (int)subject.len, subject.data);
	if (err == ERR_OK) {
		qsort(trace.lines, (size_t)trace.count, sizeof *trace.lines, by_time);
		for (int i = 0; i < trace.count; i++) {
			struct trace_line *line = &trace.lines[i];
			if (line->shown.text.len > 0)
				line->shown.text.data = buf_cstr(&trace.text) + line->text_offset;
			if (!visit(self, &line->shown))
				break;
		}
	}
	free(trace.lines);
	buf_release(&trace.text);
	store_note_damage(store);
	return err;
}
