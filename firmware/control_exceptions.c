/*
 * control_exceptions.c - work for people: what is open, taking it in hand, a note on it, trying it again.
 *
 * Why:   an exception that somebody looks after must look different from one that nobody has seen.
 * Owns:  nothing.
 * Rules: 1. Pages by id: "next" is the `before` of the next page. One answer looks at SCANNED_MAX rows at most.
 *        2. Acknowledging and noting change the mark alone: an exception ends by itself, when its cause has.
 *        3. What only tells that something has happened has no cause that could end: acknowledging ends it.
 *        4. What was read from an ERP is tried by reading its source again, a held stream by sending again.
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c, tests/unit/control_change_test.c
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store_forward/audit.h"

#define EXCEPTIONS_LIMIT 50
/* Bounds the time that one answer takes of the core: some 50 ms. */
#define SCANNED_MAX 10000

static void write_exception(const struct control_view *view, const struct store_exception *exception,
                            struct json *json)
{
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
	json_put_integer(json, "age_s", control_age_s(view, exception->first_ns));
	json_put_integer(json, "count", exception->count);
	json_put_boolean(json, "acknowledged", exception->acknowledged);
	if (exception->marked_ns != 0) {
		json_put_span(json, "who", exception->who);
		json_put_instant(json, "marked", exception->marked_ns);
	}
	if (exception->note.len > 0)
		json_put_span(json, "note", exception->note);
}

/* ---- the list ---- */

struct exception_list {
	const struct control_view *view;
	struct json *json;
	bool of_owner;
	enum store_owner owner;
	int64_t left;
	int64_t scanned;
	int64_t last_id; /* looked at */
	bool more;
};

static bool add_exception(void *self, const struct store_exception *exception)
{
	struct exception_list *list = self;
	bool wanted = !list->of_owner || exception->owner == list->owner;
	if (list->scanned == SCANNED_MAX || list->json->out->len > CONTROL_LIST_BYTES_MAX ||
	    (wanted && list->left == 0)) {
		list->more = true;
		return false;
	}
	list->scanned++;
	list->last_id = exception->id;
	if (!wanted)
		return true;
	list->left--;
	json_object(list->json, NULL);
	write_exception(list->view, exception, list->json);
	json_object_end(list->json);
	return true;
}

enum err control_owner(struct span name, enum store_owner *owner, struct err_info *info)
{
	static const enum store_owner owners[] = {STORE_OWNER_TECHNICAL, STORE_OWNER_DATA_QUALITY,
	                                          STORE_OWNER_MAPPING, STORE_OWNER_POLICY};
	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
		if (span_equal(span_of(store_owner_name(owners[i])), name)) {
			*owner = owners[i];
			return ERR_OK;
		}
	}
	return err_set(info, ERR_BAD_INPUT,
	               "owner \"%.*s\" is none; allowed are technical, data_quality, mapping, policy",
	               (int)name.len, name.data);
}

enum err control_exceptions(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info)
{
	struct exception_list list = {.view = view, .json = json, .left = EXCEPTIONS_LIMIT};
	enum err err = control_need_store(view, info);
	list.of_owner = request->given[CONTROL_OWNER];
	if (err == ERR_OK && list.of_owner)
		err = control_owner(request->text[CONTROL_OWNER], &list.owner, info);
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

/* ---- one ---- */

/* What a change has to know of it: its texts are borrowed for the visit alone. */
struct exception_known {
	int64_t id;
	bool open;
	bool acknowledged;
	char rule[65];
	char source[STORE_SOURCE_NAME_MAX + 1];
	char key[STORE_KEY_BYTES_MAX + 1];
	char target[STORE_AUDIT_TARGET_MAX + 1];
	char whole_key[STORE_KEY_BYTES_MAX]; /* as the store has it */
	size_t whole_key_len;
};

/* Those that report what has happened once, and not a state that lasts: see operate.md. */
static bool is_report(const struct exception_known *known)
{
	static const char *const rules[] = {
	    "cloud-equivocation",      "cloud-retained",         "cloud-source-limit", "cloud-unreadable",
	    "command-refused",         "inbound-unknown",        "outcome-id-reused",  "outcome-unreadable",
	    "outcome-unknown-subject", "receipt-unknown-stream", "store-salvaged",     "ledger-damaged"};
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (strcmp(known->rule, rules[i]) == 0)
			return true;
	}
	return false;
}

/* At most size - 1 bytes of it, none a control character: a key may hold what an ERP holds. */
static void keep(char *to, size_t size, struct span text)
{
	size_t len = text.len < size ? text.len : size - 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		to[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	to[len] = 0;
}

static bool know(void *self, const struct store_exception *exception)
{
	struct exception_known *known = self;
	known->id = exception->id;
	known->open = exception->open;
	known->acknowledged = exception->acknowledged;
	keep(known->rule, sizeof known->rule, exception->rule);
	keep(known->source, sizeof known->source, exception->source);
	keep(known->key, sizeof known->key, exception->key);
	known->whole_key_len =
	    exception->key.len < sizeof known->whole_key ? exception->key.len : sizeof known->whole_key;
	if (known->whole_key_len > 0)
		memcpy(known->whole_key, exception->key.data, known->whole_key_len);
	(void)snprintf(known->target, sizeof known->target, "exception %" PRId64 " %.60s %.460s", known->id,
	               known->rule, known->key);
	return false;
}

static enum err look_up(const struct control_view *view, const struct control_request *request,
                        store_exception_visitor visit, void *self, struct err_info *info)
{
	int64_t id = request->number[CONTROL_ID];
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = store_exception_get(view->store, id, visit, self, info);
	if (err == ERR_NOT_FOUND)
		return err_set(info, err,
		               "there is no exception %" PRId64 ", or it was closed longer ago than "
		               "store.retention; see: twinpost exceptions --all",
		               id);
	return err;
}

struct shown {
	const struct control_view *view;
	struct json *json;
};

static bool show(void *self, const struct store_exception *exception)
{
	struct shown *shown = self;
	write_exception(shown->view, exception, shown->json);
	return false;
}

enum err control_exception(const struct control_view *view, const struct control_request *request,
                           struct json *json, struct err_info *info)
{
	struct shown shown = {view, json};
	return look_up(view, request, show, &shown, info);
}

static enum err mark(const struct control_view *view, const struct control_request *request,
                     const struct exception_known *known, bool acknowledged, struct span note,
                     const char *action, struct json *json, struct err_info *info)
{
	const struct control_change change = {action, span_of(known->target), note};
	int64_t now_ns = hal_wall_ns(view->hal);
	int cleared;
	enum err err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	err = store_exception_mark(view->store, known->id, acknowledged, request->who, note, now_ns, info);
	if (err == ERR_OK && acknowledged && is_report(known))
		err = store_exception_clear(view->store, span_of(known->rule), span_of(known->source),
		                            (struct span){known->whole_key, known->whole_key_len}, now_ns,
		                            &cleared, info);
	err = control_change_end(view, request, &change, err, info);
	return err == ERR_OK ? control_exception(view, request, json, info) : err;
}

static enum err need_open(const struct exception_known *known, struct err_info *info)
{
	if (known->open)
		return ERR_OK;
	return err_set(info, ERR_CONFLICT,
	               "exception %" PRId64 " is closed: its cause has ended; nothing is left to do",
	               known->id);
}

enum err control_exception_ack(const struct control_view *view, const struct control_request *request,
                               struct json *json, struct err_info *info)
{
	struct exception_known known;
	enum err err = look_up(view, request, know, &known, info);
	if (err == ERR_OK)
		err = need_open(&known, info);
	if (err != ERR_OK)
		return err;
	return mark(view, request, &known, true, request->text[CONTROL_WHY], "exception acknowledged", json,
	            info);
}

enum err control_exception_note(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	struct exception_known known;
	enum err err = look_up(view, request, know, &known, info);
	if (err != ERR_OK)
		return err;
	/* A closed one cannot be acknowledged, but what was found out may still be written on it. */
	return mark(view, request, &known, known.acknowledged && known.open, request->text[CONTROL_NOTE],
	            "exception noted", json, info);
}

/* ---- trying again ---- */

static bool is_source(const struct control_view *view, const char *name)
{
	for (int i = 0; i < view->config->source_count; i++) {
		if (strcmp(view->config->sources[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Outcomes come from the cloud: what it refused is sent again by `resend`, never by reading. */
static bool is_of_outcome(const struct exception_known *known)
{
	return strncmp(known->rule, "outcome-", 8) == 0;
}

/* Finds out what trying this one again means. */
static enum err judge_retry(const struct control_view *view, const struct exception_known *known,
                            const struct store_stream **stream, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	*stream = NULL;
	if (is_report(known))
		return err_set(info, ERR_CONFLICT,
		               "exception %" PRId64
		               " (%s) tells what has happened: there is nothing to try; when it is "
		               "looked into, end it: twinpost exceptions ack %" PRId64 " --why TEXT",
		               known->id, known->rule, known->id);
	if (is_of_outcome(known))
		return err_set(info, ERR_CONFLICT,
		               "exception %" PRId64 " (%s) waits for the cloud; to send a document again: "
		               "twinpost resend SUBJECT --why TEXT",
		               known->id, known->rule);
	if (is_source(view, known->source))
		return actions->read_again ? ERR_OK : control_not_available("reading a source again", info);
	if (strcmp(known->source, "uplink") != 0)
		return err_set(info, ERR_CONFLICT,
		               "exception %" PRId64
		               " (%s) cannot be tried again: it ends by itself once its cause "
		               "has; it says: twinpost exceptions show %" PRId64,
		               known->id, known->rule, known->id);
	/* None: the key is that of the connection. */
	*stream = control_find_stream(view, span_of(known->key));
	return actions->send_again ? ERR_OK : control_not_available("sending again at once", info);
}

enum err control_exception_retry(const struct control_view *view, const struct control_request *request,
                                 struct json *json, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	const struct store_stream *stream = NULL;
	struct exception_known known;
	enum err err = look_up(view, request, know, &known, info);
	if (err == ERR_OK)
		err = need_open(&known, info);
	if (err == ERR_OK)
		err = judge_retry(view, &known, &stream, info);
	if (err == ERR_OK)
		err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	bool reads = is_source(view, known.source);
	const struct control_change change = {"exception retried", span_of(known.target),
	                                      request->text[CONTROL_WHY]};
	if (reads)
		err = actions->read_again(actions->self, span_of(known.source), info);
	else
		err = actions->send_again(actions->self, stream, info);
	err = control_change_end(view, request, &change, err, info);
	json_put_integer(json, "id", known.id);
	json_put_text(json, "tries", reads ? "source" : stream ? "stream" : "uplink");
	json_put_text(json, "object", reads ? known.source : known.key);
	return err;
}
