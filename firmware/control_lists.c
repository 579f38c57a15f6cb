/*
 * control_lists.c - what waits for the broker, and what happened to one document: queue, trace.
 *
 * Why:   "where is it" and "what happened to it" are what a person asks of a document.
 * Owns:  nothing.
 * Rules: 1. A list stops at its limit or at CONTROL_LIST_BYTES_MAX and says "more": true.
 *        2. A revision's line tells the checkpoint that covers all of its events, where there is one.
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#include "firmware/control_commands.h"

#include <string.h>

#define QUEUE_LIMIT     20
#define TRACE_LINES_MAX 1000

int64_t control_waiting(const struct store_stream *stream)
{
	return stream->next_sequence - 1 - stream->acked_sequence;
}

int64_t control_age_s(const struct control_view *view, int64_t then_wall_ns)
{
	int64_t age = (hal_wall_ns(view->hal) - then_wall_ns) / NS_PER_S;
	return age > 0 ? age : 0;
}

enum err control_need_store(const struct control_view *view, struct err_info *info)
{
	if (view->store)
		return ERR_OK;
	return err_set(info, ERR_IO, "the store is not open; see the agent's log: journalctl -u twinpost");
}

static bool take_oldest(void *self, int stream, int64_t sequence, struct span subject, int64_t revision,
                        size_t bytes, int64_t recorded_ns)
{
	(void)stream, (void)sequence, (void)subject, (void)revision, (void)bytes;
	*(int64_t *)self = recorded_ns;
	return false;
}

enum err control_oldest(struct store *store, const struct store_stream *stream, int64_t *recorded_ns,
                        struct err_info *info)
{
	*recorded_ns = 0;
	if (control_waiting(stream) <= 0)
		return ERR_OK;
	return store_queue(store, stream->id, 1, take_oldest, recorded_ns, info);
}

/* ---- queue ---- */

struct queue_list {
	const struct control_view *view;
	struct json *json;
	const char *stream;
	int64_t left;
	bool more;
};

static bool add_queued(void *self, int stream, int64_t sequence, struct span subject, int64_t revision,
                       size_t bytes, int64_t recorded_ns)
{
	struct queue_list *list = self;
	(void)stream;
	if (list->left == 0 || list->json->out->len > CONTROL_LIST_BYTES_MAX) {
		list->more = true;
		return false;
	}
	list->left--;
	json_object(list->json, NULL);
	json_put_text(list->json, "stream", list->stream);
	json_put_integer(list->json, "sequence", sequence);
	json_put_span(list->json, "subject", subject);
	json_put_integer(list->json, "revision", revision);
	json_put_count(list->json, "bytes", bytes);
	json_put_instant(list->json, "recorded", recorded_ns);
	json_put_integer(list->json, "age_s", control_age_s(list->view, recorded_ns));
	json_object_end(list->json);
	return true;
}

const struct store_stream *control_find_stream(const struct control_view *view, struct span name)
{
	for (int i = 0; i < store_stream_count(view->store); i++) {
		const struct store_stream *stream = store_stream_at(view->store, i);
		if (span_equal(span_of(stream->name), name))
			return stream;
	}
	return NULL;
}

enum err control_stream(const struct control_view *view, struct span name, const struct store_stream **stream,
                        struct err_info *info)
{
	struct buf names;
	int count = store_stream_count(view->store);
	*stream = control_find_stream(view, name);
	if (*stream)
		return ERR_OK;
	buf_init(&names, 256);
	for (int i = 0; i < count && names.len < 150; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", store_stream_at(view->store, i)->name);
	(void)err_set(info, ERR_NOT_FOUND, "there is no stream \"%.*s\"; known: %s", (int)name.len, name.data,
	              names.len ? buf_cstr(&names) : "none yet");
	buf_release(&names);
	return ERR_NOT_FOUND;
}

enum err control_queue(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info)
{
	enum err err = control_need_store(view, info);
	struct queue_list list = {.view = view, .json = json, .left = QUEUE_LIMIT};
	const struct store_stream *only = NULL;
	int64_t waiting = 0;
	if (err == ERR_OK && request->given[CONTROL_STREAM])
		err = control_stream(view, request->text[CONTROL_STREAM], &only, info);
	if (err != ERR_OK)
		return err;
	if (request->given[CONTROL_LIMIT])
		list.left = request->number[CONTROL_LIMIT];
	json_list(json, "documents");
	for (int i = 0; err == ERR_OK && i < store_stream_count(view->store); i++) {
		const struct store_stream *stream = store_stream_at(view->store, i);
		if (only && stream != only)
			continue;
		waiting += control_waiting(stream);
		list.stream = stream->name;
		/* One more than is shown tells whether there is more. */
		if (control_waiting(stream) > 0 && !list.more)
			err =
			    store_queue(view->store, stream->id, (int)list.left + 1, add_queued, &list, info);
	}
	json_list_end(json);
	json_put_integer(json, "waiting", waiting);
	json_put_boolean(json, "more", list.more);
	return err;
}

/* ---- trace ---- */

struct trace_list {
	const struct control_view *view;
	struct json *json;
	struct buf texts; /* of checkpoints */
	int lines;
	bool more;
	enum err err;
	struct err_info *info;
};

/* The checkpoint that covers the last event of a revision, where it was made yet. */
static enum err write_checkpoint(struct trace_list *list, const struct store_trace_line *line,
                                 struct json *json)
{
	struct store *store = list->view->store;
	const struct store_stream *stream = control_find_stream(list->view, span_of(line->stream));
	struct store_checkpoint checkpoint;
	int64_t last = line->sequence + (line->parts > 1 ? line->parts - 1 : 0);
	enum err err = ERR_NOT_FOUND;
	if (stream)
		err = store_checkpoint_find(store, stream->id, line->epoch, last, &checkpoint, &list->texts,
		                            list->info);
	if (err == ERR_NOT_FOUND) {
		json_put_null(json, "checkpoint");
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	json_object(json, "checkpoint");
	json_put_integer(json, "size", checkpoint.size);
	json_put_instant(json, "made", checkpoint.made_ns);
	json_put_instant(json, "receipted", checkpoint.receipted_ns);
	json_object_end(json);
	return ERR_OK;
}

static bool is_revision(const struct store_trace_line *line)
{
	return strcmp(line->what, "recorded") == 0 || strcmp(line->what, "amended") == 0 ||
	       strcmp(line->what, "voided") == 0;
}

static bool add_traced(void *self, const struct store_trace_line *line)
{
	struct trace_list *list = self;
	struct json *json = list->json;
	if (list->lines == TRACE_LINES_MAX || json->out->len > CONTROL_LIST_BYTES_MAX) {
		list->more = true;
		return false;
	}
	list->lines++;
	json_object(json, NULL);
	json_put_instant(json, "at", line->at_ns);
	json_put_text(json, "what", line->what);
	if (line->revision > 0)
		json_put_integer(json, "revision", line->revision);
	if (line->stream) {
		json_put_text(json, "stream", line->stream);
		json_put_integer(json, "sequence", line->sequence);
	}
	if (line->parts > 1)
		json_put_integer(json, "parts", line->parts);
	if (line->text.len > 0)
		json_put_span(json, "text", line->text);
	if (line->stream && is_revision(line))
		list->err = write_checkpoint(list, line, json);
	json_object_end(json);
	return list->err == ERR_OK;
}

enum err control_trace(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info)
{
	struct span subject = request->text[CONTROL_SUBJECT];
	struct trace_list list = {.view = view, .json = json, .info = info};
	enum err err = control_need_store(view, info);
	if (err != ERR_OK)
		return err;
	buf_init(&list.texts, 2 * STORE_NOTE_BYTES_MAX);
	json_put_span(json, "subject", subject);
	json_list(json, "lines");
	err = store_trace(view->store, subject, add_traced, &list, info);
	if (err == ERR_OK)
		err = list.err;
	json_list_end(json);
	json_put_boolean(json, "more", list.more);
	buf_release(&list.texts);
	if (err == ERR_NOT_FOUND)
		return err_set(info, ERR_NOT_FOUND,
		               "nothing is known of \"%.*s\"; a subject is entity/type/year/number, such as "
		               "00001/invoice/2024/RI-1001",
		               (int)subject.len, subject.data);
	return err;
}
