/*
 * control_replay.c - events that a person has sent again: a range of a stream, or one document.
 *
 * Why:   what a subscriber has lost is given again as it was, byte for byte, without disturbing the live order.
 * Owns:  nothing.
 * Rules: 1. A range is refused where a part of it was never given or is gone: half of a range would look whole.
 *        2. A replay is durable when it is answered; forward.h sends it on up/replay/{stream}.
 *        3. Its command is empty: nobody in the cloud waits for a result.
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_change_test.c
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "store_forward/audit.h"
#include "store_forward/replay.h"

/* Is all of the range there? */
static enum err judge_range(const struct control_view *view, const struct store_stream *stream, int64_t from,
                            int64_t to, struct err_info *info)
{
	int64_t last = stream->next_sequence - 1;
	int64_t first = store_outbox_first(view->store, stream->id);
	if (to < from)
		return err_set(info, ERR_BAD_INPUT,
		               "the range %" PRId64 "..%" PRId64
		               " is the wrong way round; the lower sequence stands first",
		               from, to);
	if (to > last)
		return err_set(info, ERR_NOT_FOUND,
		               "stream %s has no sequence %" PRId64 " yet; the last one given is %" PRId64,
		               stream->name, from > last ? from : to, last);
	if (from < first && first > last)
		return err_set(
		    info, ERR_NOT_FOUND,
		    "stream %s has nothing left to send again: retention has removed all up to %" PRId64
		    "; store.retention says for how long events are kept",
		    stream->name, last);
	if (from < first)
		return err_set(info, ERR_NOT_FOUND,
		               "retention has removed sequence %" PRId64 " of stream %s; from %" PRId64
		               " to %" PRId64 " there is something",
		               from, stream->name, first, last);
	if (store_replay_count(view->store) >= STORE_REPLAYS_MAX)
		return err_set(info, ERR_CONFLICT,
		               "%d replays wait already; ask again when some of them are sent",
		               STORE_REPLAYS_MAX);
	return ERR_OK;
}

static enum err add_replay(const struct control_view *view, const struct control_request *request,
                           const struct store_stream *stream, struct store_replay *replay,
                           const struct control_change *change, struct err_info *info)
{
	replay->stream = stream->id;
	replay->epoch = stream->epoch;
	enum err err = judge_range(view, stream, replay->from, replay->to, info);
	if (err == ERR_OK)
		err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	err = store_replay_add(view->store, replay, info);
	return control_change_end(view, request, change, err, info);
}

static void write_replay(const struct control_view *view, const struct store_stream *stream,
                         const struct store_replay *replay, struct json *json)
{
	char topic[CONFIG_NAME_MAX * 2 + STORE_STREAM_NAME_MAX + 32];
	(void)snprintf(topic, sizeof topic, "tp1/%s/%s/up/replay/%s", view->config->tenant,
	               view->config->gateway, stream->name);
	json_put_integer(json, "replay", replay->id);
	json_put_text(json, "stream", stream->name);
	json_put_integer(json, "epoch", replay->epoch);
	json_put_integer(json, "from", replay->from);
	json_put_integer(json, "to", replay->to);
	json_put_integer(json, "events", replay->to - replay->from + 1);
	json_put_text(json, "topic", topic);
	json_put_integer(json, "waiting", store_replay_count(view->store));
}

enum err control_replay(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info)
{
	const struct store_stream *stream = NULL;
	char target[STORE_AUDIT_TARGET_MAX + 1];
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = control_stream(view, request->text[CONTROL_STREAM], &stream, info);
	if (err != ERR_OK)
		return err;
	struct store_replay replay = {.from = request->number[CONTROL_FROM],
	                              .to = request->number[CONTROL_TO]};
	if (!request->given[CONTROL_TO]) {
		/* To the last one; a range that begins behind it is told as such. */
		int64_t last = stream->next_sequence - 1;
		replay.to = replay.from > last ? replay.from : last;
	}
	(void)snprintf(target, sizeof target, "stream %s epoch %" PRId64 " %" PRId64 "..%" PRId64,
	               stream->name, stream->epoch, replay.from, replay.to);
	const struct control_change change = {"replay", span_of(target), request->text[CONTROL_WHY]};
	err = add_replay(view, request, stream, &replay, &change, info);
	if (err == ERR_OK)
		write_replay(view, stream, &replay, json);
	return err;
}

enum err control_resend(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info)
{
	struct span subject = request->text[CONTROL_SUBJECT];
	struct store_document document;
	char target[STORE_AUDIT_TARGET_MAX + 1];
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = store_document_find(view->store, subject, &document, info);
	if (err == ERR_NOT_FOUND)
		return err_set(info, err,
		               "\"%.*s\" was never sent; a subject is entity/type/year/number, such as "
		               "00001/invoice/2024/RI-1001",
		               (int)subject.len, subject.data);
	if (err != ERR_OK)
		return err;
	const struct store_stream *stream = store_stream_by_id(view->store, document.stream);
	if (!stream || document.epoch != stream->epoch)
		return err_set(info, ERR_NOT_FOUND,
		               "revision %" PRId64
		               " of \"%.*s\" was sent in an epoch that has ended (%" PRId64
		               "); its event is not kept any more",
		               document.revision, (int)subject.len, subject.data, document.epoch);
	int parts = document.parts > 1 ? document.parts : 1;
	struct store_replay replay = {.from = document.sequence, .to = document.sequence + parts - 1};
	(void)snprintf(target, sizeof target, "%.*s revision %" PRId64, (int)subject.len, subject.data,
	               document.revision);
	const struct control_change change = {"resend", span_of(target), request->text[CONTROL_WHY]};
	err = add_replay(view, request, stream, &replay, &change, info);
	if (err != ERR_OK)
		return err;
	json_put_span(json, "subject", subject);
	json_put_integer(json, "revision", document.revision);
	write_replay(view, stream, &replay, json);
	return ERR_OK;
}
