/*
 * control_lists.c - the answers that are lists: queue, trace, exceptions.
 *
 * Why:   what waits, what happened to one document, and what a person has to decide.
 * Owns:  nothing.
 * Rules: 1. A list stops at its limit or at CONTROL_LIST_BYTES_MAX and says "more": true.
 *        2. Exceptions are paged by id: "next" is the `before` of the next page.
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#include "firmware/control_commands.h"

#include <string.h>

#define QUEUE_LIMIT      20
#define EXCEPTIONS_LIMIT 50
#define TRACE_LINES_MAX  1000

int64_t control_waiting(const struct store_stream *stream)
{
	return stream->next_sequence - 1 - stream->acked_sequence;
}

int64_t control_age_s(const struct control_view *view, int64_t then_wall_ns)
{
	int64_t age = (hal_wall_ns(view->hal) - then_wall_ns) / NS_PER_S;
	return age > 0 ? age : 0;
}

static enum err need_store(const struct control_view *view, struct err_info *info)
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

static enum err unknown_stream(struct store *store, struct span name, struct err_info *info)
{
	struct buf names;
	buf_init(&names, 256);
	for (int i = 0; i < store_stream_count(store) && names.len < 150; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", store_stream_at(store, i)->name);
	(void)err_set(info, ERR_NOT_FOUND, "there is no stream \"%.*s\"; known: %s", (int)name.len, name.data,
	              names.len ? buf_cstr(&names) : "none yet");
	buf_release(&names);
	return ERR_NOT_FOUND;
}

enum err control_queue(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info)
{
	enum err err = need_store(view, info);
	struct span wanted = request->text[CONTROL_STREAM];
	struct queue_list list = {.view = view, .json = json, .left = QUEUE_LIMIT};
	int64_t waiting = 0;
	int streams = 0;
	if (err != ERR_OK)
		return err;
	if (request->given[CONTROL_LIMIT])
		list.left = request->number[CONTROL_LIMIT];
	json_list(json, "documents");
	for (int i = 0; err == ERR_OK && i < store_stream_count(view->store); i++) {
		const struct store_stream *stream = store_stream_at(view->store, i);
		if (request->given[CONTROL_STREAM] && !span_equal(span_of(stream->name), wanted))
			continue;
		streams++;
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
	if (err == ERR_OK && streams == 0 && request->given[CONTROL_STREAM])
		return unknown_stream(view->store, wanted, info);
	return err;
}

/* ---- trace ---- */

struct trace_list {
	struct json *json;
	int lines;
	bool more;
};

static bool add_traced(void *self, const struct store_trace_line *line)
{
	struct trace_list *list = self;
	if (list->lines == TRACE_LINES_MAX || list->json->out->len > CONTROL_LIST_BYTES_MAX) {
		list->more = true;
		return false;
	}
	list->lines++;
	json_object(list->json, NULL);
	json_put_instant(list->json, "at", line->at_ns);
	json_put_text(list->json, "what", line->what);
	if (line->revision > 0)
		json_put_integer(list->json, "revision", line->revision);
	if (line->stream) {
		json_put_text(list->json, "stream", line->stream);
		json_put_integer(list->json, "sequence", line->sequence);
	}
	if (line->text.len > 0)
		json_put_span(list->json, "text", line->text);
	json_object_end(list->json);
	return true;
}

enum err control_trace(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info)
{
	struct span subject = request->text[CONTROL_SUBJECT];
	struct trace_list list = {.json = json};
	enum err err = need_store(view, info);
	if (err != ERR_OK)
		return err;
	json_put_span(json, "subject", subject);
	json_list(json, "lines");
	err = store_trace(view->store, subject, add_traced, &list, info);
	json_list_end(json);
	json_put_boolean(json, "more", list.more);
	if (err == ERR_NOT_FOUND)
		return err_set(info, ERR_NOT_FOUND,
		               "nothing is known of \"%.*s\"; a subject is entity/type/year/number, such as "
		               "00001/invoice/2024/RI-1001",
		               (int)subject.len, subject.data);
	return err;
}

/* ---- exceptions ---- */

struct exception_list {
	const struct control_view *view;
	struct json *json;
	int64_t left;
	int64_t last_id;
	bool more;
};

static bool add_exception(void *self, const struct store_exception *exception)
{
	struct exception_list *list = self;
	struct json *json = list->json;
	if (list->left == 0 || json->out->len > CONTROL_LIST_BYTES_MAX) {
		list->more = true;
		return false;
	}
	list->left--;
	list->last_id = exception->id;
	json_object(json, NULL);
	json_put_integer(json, "id", exception->id);
	json_put_span(json, "rule", exception->rule);
	json_put_span(json, "source", exception->source);
	json_put_span(json, "key", exception->key);
	json_put_text(json, "owner", store_owner_name(exception->owner));
	json_put_span(json, "text", exception->text);
	if (exception->raw.len > 0)
		json_put_span(json, "raw", exception->raw);
	json_put_boolean(json, "open", exception->open);
	json_put_instant(json, "first", exception->first_ns);
	json_put_instant(json, "last", exception->last_ns);
	json_put_integer(json, "age_s", control_age_s(list->view, exception->first_ns));
	json_put_integer(json, "count", exception->count);
	json_object_end(json);
	return true;
}

enum err control_exceptions(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info)
{
	struct exception_list list = {.view = view, .json = json, .left = EXCEPTIONS_LIMIT};
	enum err err = need_store(view, info);
	if (err != ERR_OK)
		return err;
	if (request->given[CONTROL_LIMIT])
		list.left = request->number[CONTROL_LIMIT];
	json_list(json, "exceptions");
	err = store_exceptions(view->store, request->number[CONTROL_ALL] != 0,
	                       request->number[CONTROL_BEFORE], add_exception, &list, info);
	json_list_end(json);
	json_put_integer(json, "open", store_exceptions_open(view->store));
	json_put_boolean(json, "more", list.more);
	if (list.more)
		json_put_integer(json, "next", list.last_id);
	return err;
}
