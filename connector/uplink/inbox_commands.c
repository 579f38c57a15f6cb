/*
 * inbox_commands.c - judges commands and does them.
 *
 * Why:   see inbox.h, rule 4.
 * Owns:  nothing beyond struct inbox.
 * Rules: 1. command.h decides whether a command is done; nothing here looks at a body that it has not judged.
 *        2. What is done and its answer stand in one transaction, so a command that comes again is answered again.
 *        3. A replay is accepted first, and answered once more when it has ended.
 * Faults: as in inbox.h.
 * Runs in: the core.
 * Tests: tests/unit/inbox_commands_test.c
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connector/posting/json_write.h"
#include "connector/uplink/inbox_state.h"
#include "hal/base/base64.h"
#include "store_forward/audit.h"
#include "store_forward/commands.h"
#include "store_forward/replay.h"

/* Of a digest's streams, so that the answer fits every broker (60,000 bytes); of one of them: a source of 160 bytes, a
 * name, root and chain. */
#define DIGEST_BYTES_MAX       58000u
#define DIGEST_ENTRY_BYTES_MAX 450u

/* What a command did: its state, and a sentence where it failed. The result stands in inbox->result. */
struct deed {
	enum answer_state state;
	char text[ERR_TEXT_MAX];
};

static void failed(struct deed *deed, const char *format, ...) PRINTF_LIKE(2, 3);

static void failed(struct deed *deed, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	deed->state = ANSWER_FAILED;
	(void)vsnprintf(deed->text, sizeof deed->text, format, args);
	va_end(args);
}

/* ---- replay and resend ---- */

static enum err add_replay(struct inbox *inbox, const struct store_stream *stream, int64_t from, int64_t to,
                           bool last, struct deed *deed, struct err_info *info)
{
	struct store_replay replay = {.stream = stream->id, .epoch = stream->epoch, .from = from, .to = to};
	/* Of several, the last one carries the command: replays end in order. */
	if (last)
		CHECK(text_copy(replay.command, sizeof replay.command, inbox->command.id));
	enum err err = store_replay_add(inbox->store, &replay, info);
	if (err != ERR_FULL)
		return err;
	failed(deed, "%d replays wait already; ask again when some of them have ended", STORE_REPLAYS_MAX);
	return ERR_OK;
}

static enum err do_replay(struct inbox *inbox, struct deed *deed, struct err_info *info)
{
	const struct command *command = &inbox->command;
	const struct store_stream *stream = inbox_stream(inbox, span_of(command->stream));
	if (!stream) {
		failed(deed, "there is no stream %s", command->stream);
		return ERR_OK;
	}
	int64_t first = store_outbox_first(inbox->store, stream->id);
	if (command->epoch != 0 && command->epoch != stream->epoch)
		failed(deed, "epoch %" PRId64 " of stream %s is over; its present one is %" PRId64,
		       command->epoch, stream->name, stream->epoch);
	else if (command->to > stream->committed_sequence)
		failed(deed, "stream %s has sequences up to %" PRId64, stream->name,
		       stream->committed_sequence);
	else if (command->from < first)
		failed(deed,
		       "stream %s holds sequences from %" PRId64
		       " on; what was before is past store.retention",
		       stream->name, first);
	else
		return add_replay(inbox, stream, command->from, command->to, true, deed, info);
	return ERR_OK;
}

struct resend {
	struct inbox *inbox;
	int64_t from;
	int64_t to;
};

static bool note_range(void *self, const struct store_outbox_row *row)
{
	struct resend *resend = self;
	if (resend->from == 0)
		resend->from = row->sequence;
	resend->to = row->sequence;
	return true;
}

static enum err do_resend(struct inbox *inbox, struct deed *deed, struct err_info *info)
{
	const struct command *command = &inbox->command;
	struct json json;
	int queued = 0;
	enum err err = ERR_OK;
	json_init(&json, &inbox->result);
	json_object(&json, NULL);
	json_list(&json, "missing");
	int64_t ranges[COMMAND_SUBJECTS_MAX][3];
	for (int i = 0; i < command->subject_count && err == ERR_OK; i++) {
		struct resend resend = {.inbox = inbox};
		struct store_document document;
		err = store_document_find(inbox->store, command->subjects[i], &document, info);
		if (err == ERR_OK)
			err = store_outbox_of(inbox->store, command->subjects[i], note_range, &resend, info);
		if (err == ERR_OK && resend.from > 0) {
			ranges[queued][0] = document.stream;
			ranges[queued][1] = resend.from;
			ranges[queued++][2] = resend.to;
		} else if (err == ERR_OK || err == ERR_NOT_FOUND) {
			json_put_span(&json, NULL, command->subjects[i]);
			err = ERR_OK;
		}
	}
	json_list_end(&json);
	json_put_integer(&json, "queued", queued);
	json_object_end(&json);
	/* All of them or none: some would be sent again though the answer says that it failed. */
	if (queued > STORE_REPLAYS_MAX - store_replay_count(inbox->store))
		failed(deed,
		       "%d replays may wait, and these are too many beside those that do; ask again when "
		       "some of "
		       "them have ended, or for fewer",
		       STORE_REPLAYS_MAX);
	for (int i = 0; i < queued && err == ERR_OK && deed->state == ANSWER_ACCEPTED; i++)
		err = add_replay(inbox, store_stream_by_id(inbox->store, (int)ranges[i][0]), ranges[i][1],
		                 ranges[i][2], i == queued - 1, deed, info);
	if (queued == 0)
		failed(deed, "none of these documents is still here to be sent again");
	return err;
}

/* ---- what is answered at once ---- */

static void write_stream_digest(struct inbox *inbox, struct json *json, const struct store_stream *stream)
{
	char chain[DIGEST_HEX_SIZE];
	struct digest root;
	digest_hex(&stream->chain, chain);
	store_tree_root(inbox->store, stream->id, &root);
	json_object(json, NULL);
	json_put_text(json, "chain", chain);
	buf_append_text(json->out, ",\"root\":\"");
	base64_encode(json->out, root.bytes, DIGEST_BYTES);
	buf_append_char(json->out, '"');
	json_put_integer(json, "size", stream->next_sequence - 1);
	json_put_text(json, "source", stream->source);
	json_put_text(json, "stream", stream->name);
	json_object_end(json);
}

/* Returns how many streams are in it; those that found no room are counted in *left_out, and said where any are. */
static int write_digest(struct inbox *inbox, int64_t *left_out)
{
	const char *wanted = inbox->command.stream;
	struct json json;
	int shown = 0;
	buf_clear(&inbox->result);
	json_init(&json, &inbox->result);
	json_object(&json, NULL);
	if (*left_out > 0)
		json_put_integer(&json, "left_out", *left_out);
	*left_out = 0;
	json_list(&json, "streams");
	for (int i = 0; i < store_stream_count(inbox->store); i++) {
		const struct store_stream *stream = store_stream_at(inbox->store, i);
		if (wanted[0] && strcmp(wanted, stream->name) != 0)
			continue;
		if (inbox->result.len + DIGEST_ENTRY_BYTES_MAX > DIGEST_BYTES_MAX) {
			++*left_out;
			continue;
		}
		write_stream_digest(inbox, &json, stream);
		shown++;
	}
	json_list_end(&json);
	json_object_end(&json);
	return shown;
}

static void do_digest(struct inbox *inbox, struct deed *deed)
{
	int64_t left_out = 0;
	int shown = write_digest(inbox, &left_out);
	if (left_out > 0)
		shown = write_digest(inbox, &left_out);
	if (shown == 0 && inbox->command.stream[0])
		failed(deed, "there is no stream %s", inbox->command.stream);
}

static void write_proof(struct inbox *inbox, const struct store_checkpoint *covering,
                        const struct digest *leaf, const struct digest *path, int count)
{
	char hex[DIGEST_HEX_SIZE];
	struct json json;
	digest_hex(leaf, hex);
	json_init(&json, &inbox->result);
	json_object(&json, NULL);
	json_put_span(&json, "checkpoint", covering->note);
	json_put_integer(&json, "index", inbox->command.sequence - 1);
	json_put_text(&json, "leaf", hex);
	json_list(&json, "proof");
	for (int i = 0; i < count; i++) {
		buf_append_text(&inbox->result, i > 0 ? ",\"" : "\"");
		base64_encode(&inbox->result, path[i].bytes, DIGEST_BYTES);
		buf_append_char(&inbox->result, '"');
	}
	json_list_end(&json);
	json_put_integer(&json, "size", covering->size);
	json_object_end(&json);
}

static enum err do_proof(struct inbox *inbox, struct deed *deed, struct err_info *info)
{
	const struct command *command = &inbox->command;
	const struct store_stream *stream = inbox_stream(inbox, span_of(command->stream));
	struct store_checkpoint covering;
	struct digest leaf;
	struct digest path[STORE_PROOF_MAX];
	int count = 0;
	if (!stream) {
		failed(deed, "there is no stream %s", command->stream);
		return ERR_OK;
	}
	enum err err =
	    store_checkpoint_find(inbox->store, stream->id, 0, command->size, &covering, &inbox->texts, info);
	if (err == ERR_OK &&
	    (command->sequence > covering.size || (command->size > 0 && covering.size != command->size)))
		err = ERR_NOT_FOUND;
	if (err == ERR_OK)
		err = store_proof(inbox->store, stream->id, command->sequence, covering.size, path, &count,
		                  info);
	if (err == ERR_OK)
		err = store_leaf(inbox->store, stream->id, command->sequence, &leaf, info);
	if (err == ERR_NOT_FOUND) {
		failed(deed,
		       "no checkpoint of that size covers sequence %" PRId64
		       " of stream %s; the newest covers %" PRId64,
		       command->sequence, stream->name, stream->checkpoint_size);
		return ERR_OK;
	}
	if (err == ERR_OK)
		write_proof(inbox, &covering, &leaf, path, count);
	return err;
}

/* The sink's refusals are answers. A failure of the store among them is no loss: it refuses the commit. */
static void by_sink(struct deed *deed, enum err err, const struct err_info *why)
{
	if (err != ERR_OK)
		failed(deed, "%s", why->text);
}

static enum err do_command(struct inbox *inbox, struct deed *deed, struct err_info *info)
{
	const struct command *command = &inbox->command;
	struct err_info why = {.text = ""};
	deed->state = ANSWER_DONE;
	deed->text[0] = 0;
	buf_clear(&inbox->result);
	switch (command->kind) {
	case COMMAND_REPLAY:
		deed->state = ANSWER_ACCEPTED;
		return do_replay(inbox, deed, info);
	case COMMAND_RESEND:
		deed->state = ANSWER_ACCEPTED;
		return do_resend(inbox, deed, info);
	case COMMAND_PAUSE:
	case COMMAND_RESUME:
		by_sink(deed,
		        inbox->sink.pause(inbox->sink.self, command->source, command->stream,
		                          command->kind == COMMAND_RESUME, &why),
		        &why);
		return ERR_OK;
	case COMMAND_SWEEP:
		by_sink(deed, inbox->sink.sweep(inbox->sink.self, command->source, &why), &why);
		return ERR_OK;
	case COMMAND_STATE_GET:
		inbox->sink.greet(inbox->sink.self);
		return ERR_OK;
	case COMMAND_DIGEST:
		do_digest(inbox, deed);
		return ERR_OK;
	case COMMAND_PROOF_GET:
		return do_proof(inbox, deed, info);
	case COMMAND_UNKNOWN:
		break;
	}
	BUG("a command that was not judged");
}

/* ---- answers ---- */

static void write_answer(struct inbox *inbox, enum answer_state state, struct span reason, const char *text)
{
	const struct answer answer = {
	    .command = inbox->command.word,
	    .id = inbox->command.id,
	    .state = state,
	    .reason = reason,
	    .text = span_of(text),
	    .result = buf_span(&inbox->result),
	    .time_ns = hal_wall_ns(inbox->hal),
	};
	buf_clear(&inbox->answer);
	command_result_write(&inbox->answer, &answer);
}

static enum err remember(struct inbox *inbox, struct err_info *info)
{
	return store_message_put(inbox->store, STORE_MESSAGE_COMMAND, inbox->command.id,
	                         &inbox->command.digest, buf_span(&inbox->answer), hal_wall_ns(inbox->hal),
	                         info);
}

static enum err audit(struct inbox *inbox, struct err_info *info)
{
	const struct store_audit_entry entry = {
	    .at_ns = hal_wall_ns(inbox->hal),
	    .who = SPAN_LITERAL("cloud"),
	    .action = inbox->command.word,
	    .target = inbox->command.body.len <= STORE_AUDIT_TARGET_MAX ? inbox->command.body
	                                                                : SPAN_LITERAL("(long)"),
	    .why = inbox->command.id,
	};
	return store_audit_add(inbox->store, &entry, info);
}

static enum err refuse(struct inbox *inbox, const struct command_verdict *verdict, struct span payload,
                       struct err_info *info)
{
	const char *reason = command_reason_name(verdict->reason);
	enum err err = inbox_refuse(inbox, "command-refused", span_of(reason), payload, verdict->text, info);
	buf_clear(&inbox->result);
	if (err == ERR_OK && verdict->answer) {
		write_answer(inbox, ANSWER_REJECTED, span_of(reason), verdict->text);
		if (verdict->remember)
			err = remember(inbox, info);
		if (err == ERR_OK)
			err = inbox_answer(inbox, info);
	}
	return err;
}

static enum err obey(struct inbox *inbox, struct err_info *info)
{
	struct deed deed;
	enum err err = do_command(inbox, &deed, info);
	if (err == ERR_OK)
		err = audit(inbox, info);
	if (err != ERR_OK)
		return err;
	inbox->counters.commands++;
	log_event(inbox->log, LOG_COMMAND_TAKEN, "command=%.*s id=%.*s: %s", (int)inbox->command.word.len,
	          inbox->command.word.data, (int)inbox->command.id.len, inbox->command.id.data,
	          deed.state == ANSWER_FAILED ? deed.text : "taken");
	write_answer(inbox, deed.state, (struct span){NULL, 0}, deed.text);
	err = remember(inbox, info);
	return err == ERR_OK ? inbox_answer(inbox, info) : err;
}

static enum note_verdict verdict_of(const struct inbox *inbox, struct note *note, struct span payload)
{
	struct note_key keys[CONFIG_CLOUD_KEYS_MAX];
	uint32_t signers;
	for (int i = 0; i < inbox->keys->command_count; i++)
		keys[i] =
		    (struct note_key){.spki = {(const char *)inbox->keys->command[i], PUBLIC_KEY_BYTES}};
	return note_open(note, payload, keys, (size_t)inbox->keys->command_count, &signers, NULL);
}

enum err inbox_command(struct inbox *inbox, struct span payload, bool retained, struct err_info *info)
{
	struct note note = {.text = {NULL, 0}};
	struct err_info why = {.text = ""};
	struct digest earlier;
	struct command_verdict verdict;
	struct command_facts facts = {
	    .retained = retained,
	    .signature = verdict_of(inbox, &note, payload),
	    .target = span_of(inbox->target),
	    .now_ns = hal_wall_ns(inbox->hal),
	};
	enum err err = ERR_OK;
	/* What a refused text was is the judge's to say. */
	(void)!command_decode(&inbox->command, note.text, &why);
	if (facts.signature == NOTE_GOOD && inbox->command.decoded) {
		err = store_message_digest(inbox->store, STORE_MESSAGE_COMMAND, inbox->command.id, &earlier,
		                           info);
		if (err == ERR_OK)
			facts.earlier = &earlier;
		else if (err != ERR_NOT_FOUND)
			return err;
	}
	command_judge(&inbox->command, &facts, &verdict);
	if (verdict.reason == COMMAND_DO)
		return obey(inbox, info);
	if (verdict.reason == COMMAND_UNSIGNED)
		inbox_unsigned(inbox, &note, "cloud.command_keys", inbox->keys->command_count > 0,
		               verdict.text);
	if (verdict.reason != COMMAND_AGAIN)
		return refuse(inbox, &verdict, payload, info);
	buf_clear(&inbox->answer);
	err = store_message_seen(inbox->store, STORE_MESSAGE_COMMAND, inbox->command.id,
	                         &inbox->command.digest, &inbox->answer, info);
	return err == ERR_OK ? inbox_answer(inbox, info) : err;
}

/* ---- replays that ended ---- */

enum err inbox_replayed(struct inbox *inbox, const char *command, bool whole, struct err_info *info)
{
	struct digest digest;
	if (command[0] == 0)
		return ERR_OK; /* a person's, or one of several */
	enum err err =
	    store_message_digest(inbox->store, STORE_MESSAGE_COMMAND, span_of(command), &digest, info);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	/* The word is that of the first answer; only replay and resend are answered twice. */
	buf_clear(&inbox->answer);
	err = store_message_seen(inbox->store, STORE_MESSAGE_COMMAND, span_of(command), &digest,
	                         &inbox->answer, info);
	if (err != ERR_OK)
		return err;
	bool resend = strstr(buf_cstr(&inbox->answer), "\"command\":\"resend\"") != NULL;
	inbox->command.word = resend ? SPAN_LITERAL("resend") : SPAN_LITERAL("replay");
	inbox->command.id = span_of(command);
	inbox->command.digest = digest;
	buf_clear(&inbox->result);
	write_answer(inbox, whole ? ANSWER_DONE : ANSWER_FAILED, (struct span){NULL, 0},
	             whole ? "" : "what was left is past store.retention, or its epoch has ended");
	err = remember(inbox, info);
	return err == ERR_OK ? inbox_answer(inbox, info) : err;
}
