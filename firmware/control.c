/*
 * control.c - reads one control request and answers it.
 *
 * Why:   see control.h.
 * Owns:  the parsed request while it is answered.
 * Rules: 1. A request is one JSON object; every member is known to the command, of its type and inside its limits.
 *        2. An answer that does not fit becomes an error that says so; half an answer is never sent.
 * Faults: as in control.h.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#include "firmware/control.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/compare/pack_note.h"
#include "connector/posting/canonical.h"
#include "firmware/control_commands.h"
#include "store_forward/audit.h"
#include "store_forward/ledger_breaks.h"

enum argument_kind {
	ARGUMENT_TEXT,
	ARGUMENT_SENTENCE, /* of a person: one line of UTF-8, not blank */
	ARGUMENT_NUMBER,
	ARGUMENT_FLAG,
	ARGUMENT_OBJECT, /* what is in it is the command's to check */
	ARGUMENT_LIST
};

struct argument {
	const char *name;
	enum argument_kind kind;
	int64_t maximum; /* number: from 1; text: bytes, from 1; list: entries, from 0 */
};

static const struct argument arguments[CONTROL_ARGUMENT_COUNT] = {
    [CONTROL_STREAM] = {"stream", ARGUMENT_TEXT, STORE_STREAM_NAME_MAX - 1},
    [CONTROL_SUBJECT] = {"subject", ARGUMENT_TEXT, STORE_SUBJECT_MAX},
    [CONTROL_SOURCE] = {"source", ARGUMENT_TEXT, CONFIG_NAME_MAX - 1},
    [CONTROL_LIMIT] = {"limit", ARGUMENT_NUMBER, 1000},
    /* Above every id; below 2^53, so that a double holds it. */
    [CONTROL_BEFORE] = {"before", ARGUMENT_NUMBER, INT64_C(1) << 52},
    [CONTROL_ALL] = {"all", ARGUMENT_FLAG, 0},
    [CONTROL_ID] = {"id", ARGUMENT_NUMBER, INT64_C(1) << 52},
    [CONTROL_OWNER] = {"owner", ARGUMENT_TEXT, 16},
    [CONTROL_WHY] = {"why", ARGUMENT_SENTENCE, STORE_AUDIT_WHY_MAX},
    [CONTROL_NOTE] = {"note", ARGUMENT_SENTENCE, STORE_NOTE_MAX},
    [CONTROL_FROM] = {"from", ARGUMENT_NUMBER, STORE_SEQUENCE_MAX},
    [CONTROL_TO] = {"to", ARGUMENT_NUMBER, STORE_SEQUENCE_MAX},
    /* Lines to be signed: their form is the command's to check. */
    [CONTROL_TEXT] = {"text", ARGUMENT_TEXT, PACK_NOTE_TEXT_MAX},
    [CONTROL_RUN] = {"run", ARGUMENT_SENTENCE, BREAK_RUN_MAX},
    [CONTROL_VERDICT] = {"verdict", ARGUMENT_TEXT, BREAK_WORD_MAX},
    [CONTROL_SCOPE] = {"scope", ARGUMENT_OBJECT, 0},
    [CONTROL_CUT] = {"cut", ARGUMENT_OBJECT, 0},
    [CONTROL_FIGURES] = {"figures", ARGUMENT_OBJECT, 0},
    [CONTROL_DIFFERENCES] = {"differences", ARGUMENT_LIST, CONTROL_DIFFERENCES_MAX},
    [CONTROL_STATE] = {"state", ARGUMENT_TEXT, BREAK_WORD_MAX},
    [CONTROL_CAUSE] = {"cause", ARGUMENT_SENTENCE, BREAK_WORD_MAX},
    [CONTROL_ENTITY] = {"entity", ARGUMENT_SENTENCE, LEDGER_CODE_MAX},
    [CONTROL_KEY] = {"key", ARGUMENT_TEXT, BREAK_KEY_MAX},
    [CONTROL_UNTIL] = {"until", ARGUMENT_TEXT, 32},
    [CONTROL_PREVIEW] = {"preview", ARGUMENT_FLAG, 0},
    [CONTROL_TOKEN] = {"token", ARGUMENT_TEXT, 2 * DIGEST_BYTES},
};

#define TAKES(argument) (1u << (argument))
/* What a person decides: on one, or on all of a cause, of a company, or of both. */
#define DECIDES                                                                                       \
	(TAKES(CONTROL_KEY) | TAKES(CONTROL_CAUSE) | TAKES(CONTROL_ENTITY) | TAKES(CONTROL_PREVIEW) | \
	 TAKES(CONTROL_TOKEN) | TAKES(CONTROL_WHY))

struct command {
	const char *name;
	control_command answer;
	unsigned takes;    /* TAKES() of its arguments, or-ed */
	unsigned requires; /* of these, what must be there */
};

static enum err answer_version(const struct control_view *view, const struct control_request *request,
                               struct json *json, struct err_info *info)
{
	(void)request;
	(void)info;
	json_put_text(json, "version", view->version);
	json_put_integer(json, "protocol", CONTROL_PROTOCOL_VERSION);
	json_put_integer(json, "store_schema", STORE_SCHEMA_VERSION);
	json_put_text(json, "tenant", view->config->tenant);
	json_put_text(json, "gateway", view->config->gateway);
	json_put_instant(json, "started", view->started_wall_ns);
	return ERR_OK;
}

enum err control_unknown_source(const struct control_view *view, struct span name, struct err_info *info)
{
	struct buf names;
	buf_init(&names, ERR_TEXT_MAX);
	for (int i = 0; i < view->config->source_count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", view->config->sources[i].name);
	(void)err_set(info, ERR_NOT_FOUND, "there is no source \"%.*s\"; configured: %s", (int)name.len,
	              name.data, buf_cstr(&names));
	buf_release(&names);
	return ERR_NOT_FOUND;
}

/* Reads all sources, or one, now instead of at their next poll. */
static enum err answer_pull(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info)
{
	struct span wanted = request->text[CONTROL_SOURCE];
	int poked = 0;
	json_list(json, "sources");
	for (int i = 0; i < view->pull_count; i++) {
		struct pull_status status;
		pull_status(view->pulls[i], &status);
		if (request->given[CONTROL_SOURCE] && !span_equal(span_of(status.source), wanted))
			continue;
		pull_poke(view->pulls[i]);
		poked++;
		json_object(json, NULL);
		json_put_text(json, "name", status.source);
		json_put_text(json, "state", status.state);
		json_put_boolean(json, "paused", status.paused);
		json_put_text(json, "problem", status.problem);
		json_object_end(json);
	}
	json_list_end(json);
	if (poked == 0 && request->given[CONTROL_SOURCE])
		return control_unknown_source(view, wanted, info);
	return ERR_OK;
}

static const struct command commands[] = {
    {"status", control_status, 0, 0},
    {"queue", control_queue, TAKES(CONTROL_STREAM) | TAKES(CONTROL_LIMIT), 0},
    {"trace", control_trace, TAKES(CONTROL_SUBJECT), TAKES(CONTROL_SUBJECT)},
    {"exceptions", control_exceptions,
     TAKES(CONTROL_ALL) | TAKES(CONTROL_OWNER) | TAKES(CONTROL_LIMIT) | TAKES(CONTROL_BEFORE), 0},
    {"exception", control_exception, TAKES(CONTROL_ID), TAKES(CONTROL_ID)},
    {"exception_ack", control_exception_ack, TAKES(CONTROL_ID) | TAKES(CONTROL_WHY),
     TAKES(CONTROL_ID) | TAKES(CONTROL_WHY)},
    {"exception_note", control_exception_note, TAKES(CONTROL_ID) | TAKES(CONTROL_NOTE),
     TAKES(CONTROL_ID) | TAKES(CONTROL_NOTE)},
    {"exception_retry", control_exception_retry, TAKES(CONTROL_ID) | TAKES(CONTROL_WHY),
     TAKES(CONTROL_ID) | TAKES(CONTROL_WHY)},
    {"pull", answer_pull, TAKES(CONTROL_SOURCE), 0},
    {"replay", control_replay,
     TAKES(CONTROL_STREAM) | TAKES(CONTROL_FROM) | TAKES(CONTROL_TO) | TAKES(CONTROL_WHY),
     TAKES(CONTROL_STREAM) | TAKES(CONTROL_FROM) | TAKES(CONTROL_WHY)},
    {"resend", control_resend, TAKES(CONTROL_SUBJECT) | TAKES(CONTROL_WHY),
     TAKES(CONTROL_SUBJECT) | TAKES(CONTROL_WHY)},
    {"key_show", control_key_show, 0, 0},
    {"key_rotate", control_key_rotate, TAKES(CONTROL_WHY), TAKES(CONTROL_WHY)},
    {"compare_sign", control_compare_sign, TAKES(CONTROL_TEXT) | TAKES(CONTROL_WHY), TAKES(CONTROL_TEXT)},
    {"compare_list", control_compare_list,
     TAKES(CONTROL_STATE) | TAKES(CONTROL_OWNER) | TAKES(CONTROL_CAUSE) | TAKES(CONTROL_ENTITY) |
         TAKES(CONTROL_BEFORE) | TAKES(CONTROL_LIMIT),
     0},
    {"compare_show", control_compare_show, TAKES(CONTROL_KEY), TAKES(CONTROL_KEY)},
    {"compare_ack", control_compare_ack, DECIDES, TAKES(CONTROL_WHY)},
    {"compare_snooze", control_compare_snooze, DECIDES | TAKES(CONTROL_UNTIL),
     TAKES(CONTROL_WHY) | TAKES(CONTROL_UNTIL)},
    {"compare_accept", control_compare_accept, DECIDES, 0},
    {"compare_reject", control_compare_reject, DECIDES, TAKES(CONTROL_WHY)},
    {"compare_reopen", control_compare_reopen, DECIDES, TAKES(CONTROL_WHY)},
    {"compare_begin", control_compare_begin,
     TAKES(CONTROL_RUN) | TAKES(CONTROL_VERDICT) | TAKES(CONTROL_SCOPE) | TAKES(CONTROL_CUT) |
         TAKES(CONTROL_FIGURES),
     TAKES(CONTROL_RUN) | TAKES(CONTROL_VERDICT) | TAKES(CONTROL_SCOPE) | TAKES(CONTROL_CUT)},
    {"compare_differences", control_compare_differences, TAKES(CONTROL_RUN) | TAKES(CONTROL_DIFFERENCES),
     TAKES(CONTROL_RUN) | TAKES(CONTROL_DIFFERENCES)},
    {"compare_end", control_compare_end, TAKES(CONTROL_RUN), TAKES(CONTROL_RUN)},
    {"compare_repost", control_compare_repost,
     TAKES(CONTROL_TEXT) | TAKES(CONTROL_PREVIEW) | TAKES(CONTROL_WHY), TAKES(CONTROL_TEXT)},
    {"audit", control_audit, TAKES(CONTROL_LIMIT) | TAKES(CONTROL_BEFORE), 0},
    {"audit_verify", control_audit_verify, 0, 0},
    {"version", answer_version, 0, 0},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

/* ---- reading ---- */

/* At most 40 bytes of what a client sent, for its error; whole characters only. */
static int shown_length(const char *text)
{
	size_t len = strlen(text);
	if (len <= 40)
		return (int)len;
	len = 40;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}

static enum err read_number(const struct argument *argument, const cJSON *item, int64_t *out,
                            struct err_info *info)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
	/* The comparison is false for a NaN too. */
	if (value >= 1 && value <= (double)argument->maximum && value == (double)(int64_t)value) {
		*out = (int64_t)value;
		return ERR_OK;
	}
	return err_set(info, ERR_BAD_INPUT, "%s must be a whole number; allowed is 1 to %" PRId64,
	               argument->name, argument->maximum);
}

static bool is_sentence(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	}
	return span_trim(text).len > 0 && utf8_valid(text);
}

static enum err read_text(const struct argument *argument, const cJSON *item, struct span *text,
                          struct err_info *info)
{
	*text = span_of(cJSON_GetStringValue(item));
	bool good = text->len > 0 && text->len <= (size_t)argument->maximum;
	if (argument->kind == ARGUMENT_TEXT && !good)
		return err_set(info, ERR_BAD_INPUT, "%s must be a text; allowed are 1 to %" PRId64 " bytes",
		               argument->name, argument->maximum);
	if (argument->kind == ARGUMENT_SENTENCE && !(good && is_sentence(*text)))
		return err_set(info, ERR_BAD_INPUT,
		               "%s must be one line of text that says something; allowed are 1 to %" PRId64
		               " bytes without control characters",
		               argument->name, argument->maximum);
	return ERR_OK;
}

static enum err read_structure(const struct argument *argument, const cJSON *item, struct err_info *info)
{
	if (argument->kind == ARGUMENT_OBJECT && !cJSON_IsObject(item))
		return err_set(info, ERR_BAD_INPUT, "%s must be an object", argument->name);
	if (argument->kind == ARGUMENT_LIST &&
	    !(cJSON_IsArray(item) && cJSON_GetArraySize(item) <= argument->maximum))
		return err_set(info, ERR_BAD_INPUT,
		               "%s must be a list; allowed are up to %" PRId64 " entries", argument->name,
		               argument->maximum);
	return ERR_OK;
}

static enum err read_argument(enum control_argument which, const cJSON *item, struct control_request *request,
                              struct err_info *info)
{
	const struct argument *argument = &arguments[which];
	if (request->given[which])
		return err_set(info, ERR_BAD_INPUT, "%s is given twice; give it once", argument->name);
	request->given[which] = true;
	if (argument->kind == ARGUMENT_NUMBER)
		return read_number(argument, item, &request->number[which], info);
	if (argument->kind == ARGUMENT_FLAG) {
		request->number[which] = cJSON_IsTrue(item);
		if (cJSON_IsBool(item))
			return ERR_OK;
		return err_set(info, ERR_BAD_INPUT, "%s must be true or false", argument->name);
	}
	if (argument->kind == ARGUMENT_OBJECT || argument->kind == ARGUMENT_LIST) {
		request->json[which] = item;
		return read_structure(argument, item, info);
	}
	return read_text(argument, item, &request->text[which], info);
}

static enum err unknown_argument(const struct command *command, const char *name, struct err_info *info)
{
	struct buf known;
	buf_init(&known, 256);
	for (int i = 0; i < CONTROL_ARGUMENT_COUNT; i++) {
		if (command->takes & TAKES(i))
			buf_printf(&known, "%s%s", known.len ? ", " : "", arguments[i].name);
	}
	(void)err_set(info, ERR_BAD_INPUT, "unknown argument \"%.*s\"; %s takes %s", shown_length(name), name,
	              command->name, known.len ? buf_cstr(&known) : "none");
	buf_release(&known);
	return ERR_BAD_INPUT;
}

static enum err read_arguments(const struct command *command, const cJSON *root,
                               struct control_request *request, struct err_info *info)
{
	for (const cJSON *item = root->child; item; item = item->next) {
		if (strcmp(item->string, "v") == 0 || strcmp(item->string, "cmd") == 0)
			continue;
		int which = 0;
		while (which < CONTROL_ARGUMENT_COUNT && strcmp(arguments[which].name, item->string) != 0)
			which++;
		if (which == CONTROL_ARGUMENT_COUNT || !(command->takes & TAKES(which)))
			return unknown_argument(command, item->string, info);
		enum err err = read_argument((enum control_argument)which, item, request, info);
		if (err != ERR_OK)
			return err;
	}
	for (int i = 0; i < CONTROL_ARGUMENT_COUNT; i++) {
		if ((command->requires & TAKES(i)) && !request->given[i])
			return err_set(info, ERR_BAD_INPUT, "%s needs the argument %s", command->name,
			               arguments[i].name);
	}
	return ERR_OK;
}

/* Finds the command that root asks for. */
static enum err read_command(const cJSON *root, const struct command **command, struct err_info *info)
{
	if (!cJSON_IsObject(root))
		return err_set(
		    info, ERR_BAD_INPUT,
		    "the request is not one JSON object; send a line like {\"v\":1,\"cmd\":\"status\"}");
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "v");
	if (!cJSON_IsNumber(version))
		return err_set(info, ERR_BAD_INPUT, "the request has no protocol version; send \"v\":1");
	if (version->valuedouble != CONTROL_PROTOCOL_VERSION)
		return err_set(info, ERR_UNSUPPORTED,
		               "protocol version %g is not spoken here; this agent speaks %d: use the "
		               "twinpost command that "
		               "came with it",
		               version->valuedouble, CONTROL_PROTOCOL_VERSION);
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "cmd"));
	if (!name)
		return err_set(info, ERR_BAD_INPUT, "the request names no command; send \"cmd\":\"status\"");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*command = &commands[i];
			return ERR_OK;
		}
	}
	struct buf known;
	buf_init(&known, ERR_TEXT_MAX);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", commands[i].name);
	(void)err_set(info, ERR_UNSUPPORTED, "unknown command \"%.*s\"; this agent knows %s",
	              shown_length(name), name, buf_cstr(&known));
	buf_release(&known);
	return ERR_UNSUPPORTED;
}

/* ---- answering ---- */

/* The codes of docs/control-protocol.md. */
static const char *code_of(enum err err)
{
	switch (err) {
	case ERR_BAD_INPUT:
		return "bad_request";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_NOT_FOUND:
		return "not_found";
	case ERR_TOO_LARGE:
		return "too_large";
	case ERR_CONFLICT:
		return "conflict";
	default: /* ERR_AGAIN too: a ledger that is not well */
		return "store";
	}
}

static void answer_error(const struct err_info *info, enum err err, struct buf *reply)
{
	struct json json;
	buf_clear(reply);
	json_init(&json, reply);
	json_object(&json, NULL);
	json_put_integer(&json, "v", CONTROL_PROTOCOL_VERSION);
	json_put_boolean(&json, "ok", false);
	json_put_text(&json, "code", code_of(err));
	json_put_text(&json, "error", info->text);
	json_object_end(&json);
	CHECK(buf_ok(reply));
}

static enum err answer(const struct control_view *view, struct span who, const cJSON *root, struct buf *reply,
                       struct err_info *info)
{
	const struct command *command = NULL;
	struct control_request request = {.who = who};
	enum err err = read_command(root, &command, info);
	if (err == ERR_OK)
		err = read_arguments(command, root, &request, info);
	if (err != ERR_OK)
		return err;
	struct json json;
	json_init(&json, reply);
	json_object(&json, NULL);
	json_put_integer(&json, "v", CONTROL_PROTOCOL_VERSION);
	json_put_boolean(&json, "ok", true);
	json_object(&json, "data");
	err = command->answer(view, &request, &json, info);
	json_object_end(&json);
	json_object_end(&json);
	if (err == ERR_OK && !buf_ok(reply))
		return err_set(info, ERR_TOO_LARGE,
		               "the answer is larger than %u bytes; ask for less with limit",
		               HAL_CONTROL_REPLY_MAX);
	return err;
}

void control_answer(const struct control_view *view, struct span who, struct span request, struct buf *reply)
{
	CHECK(reply->len == 0 && reply->max >= HAL_CONTROL_REPLY_MAX);
	struct err_info info = {0};
	enum err err = ERR_BAD_INPUT;
	cJSON *root = NULL;
	if (request.len > 0) {
		const char *end = NULL;
		root = cJSON_ParseWithLengthOpts(request.data, request.len, &end, false);
		/* Nothing but blanks may stand behind the object. */
		while (root && end < request.data + request.len &&
		       (*end == ' ' || *end == '\r' || *end == '\t'))
			end++;
		if (root && end != request.data + request.len) {
			cJSON_Delete(root);
			root = NULL;
		}
	}
	err = answer(view, who, root, reply, &info);
	if (err != ERR_OK)
		answer_error(&info, err, reply);
	cJSON_Delete(root);
}
