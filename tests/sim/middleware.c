/*
 * middleware.c - the model middleware: its messages, their repeats and answers, and its receipts.
 *
 * Why:   see middleware.h.
 * Owns:  as in middleware.h.
 * Rules: as in middleware.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/middleware.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/audit.h"

#define PREFIX         "tp1/sim/box/"
#define REPEAT_NS      (60 * NS_PER_S)
#define RECEIPT_NS     (20 * 60 * NS_PER_S)
#define NAME           "sim/cloud"
#define PAUSE_GRACE_NS (60 * NS_PER_S) /* what was under way when a stream was paused has arrived by then */

void middleware_open(struct middleware *middleware, struct hal_sim *sim, struct broker_sim *broker,
                     struct subscriber *subscriber)
{
	*middleware = (struct middleware){.sim = sim, .broker = broker, .subscriber = subscriber};
	middleware->key = key_pair_generate(&sim->hal);
	middleware->stranger = key_pair_generate(&sim->hal);
	cloud_books_open(middleware);
	middleware_postings_open(middleware);
	broker->heard = middleware_hear;
	broker->posted = middleware_posted;
	broker->state_refused = middleware_state_refused;
	broker->listener = middleware;
}

static void free_message(struct middleware_message *message)
{
	free(message->topic);
	buf_release(&message->payload);
	buf_release(&message->first);
	buf_release(&message->answer);
	free(message->outcomes);
	free(message->seen);
	free(message);
}

void middleware_close(struct middleware *middleware)
{
	for (int i = 0; i < middleware->message_count; i++)
		free_message(middleware->messages[i]);
	free(middleware->messages);
	for (int i = 0; i < middleware->deferred_count; i++) {
		free(middleware->deferred[i].topic);
		buf_release(&middleware->deferred[i].payload);
	}
	key_pair_free(middleware->key);
	key_pair_free(middleware->stranger);
}

struct span middleware_key(const struct middleware *middleware)
{
	return key_pair_public(middleware->key);
}

bool middleware_one_in(const struct middleware *middleware, uint64_t n)
{
	return sim_random_one_in(&middleware->sim->random, n);
}

int64_t middleware_between(const struct middleware *middleware, int64_t low, int64_t high)
{
	return sim_random_between(&middleware->sim->random, low, high);
}

void middleware_find(struct middleware *middleware, const char *format, ...)
{
	char text[SIM_FINDING_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sim_find(middleware->subscriber->finding, "%s", text);
}

sqlite3_stmt *middleware_ask(const struct middleware *middleware, const char *sql)
{
	sqlite3_stmt *statement;
	CHECK(sqlite3_prepare_v2(middleware->subscriber->db, sql, -1, &statement, NULL) == SQLITE_OK);
	return statement;
}

bool middleware_stream(const struct middleware *middleware, char stream[MIDDLEWARE_NAME_MAX])
{
	const struct witness *witness = &middleware->subscriber->witness;
	if (witness->source_count == 0)
		return false;
	int64_t at = middleware_between(middleware, 0, witness->source_count - 1);
	return event_stream_of(witness->sources[at].source, stream);
}

struct witness_source *middleware_source(struct middleware *middleware, const char *stream)
{
	struct witness *witness = &middleware->subscriber->witness;
	char name[MIDDLEWARE_NAME_MAX];
	for (int i = witness->source_count - 1; i >= 0; i--) {
		if (event_stream_of(witness->sources[i].source, name) && strcmp(name, stream) == 0)
			return &witness->sources[i];
	}
	return NULL;
}

/* ---- sending ---- */

void middleware_post(struct middleware *middleware, const char *topic, struct span payload, bool retain)
{
	broker_sim_post(middleware->broker, span_of(topic), payload, retain);
}

struct middleware_message *middleware_message(struct middleware *middleware, const char *command)
{
	struct middleware_message *message = mem_alloc(sizeof *message);
	(void)snprintf(message->id, sizeof message->id, "m-%llu", (unsigned long long)++middleware->next_id);
	CHECK(text_copy(message->command, sizeof message->command, span_of(command)));
	buf_init(&message->payload, UPLINK_INBOUND_BYTES_MAX);
	buf_init(&message->first, UPLINK_PAYLOAD_BYTES_MAX);
	buf_init(&message->answer, UPLINK_PAYLOAD_BYTES_MAX);
	message->clock_steps = middleware->clock_steps;
	middleware->messages = mem_grow(middleware->messages, (size_t)(middleware->message_count + 1) *
	                                                          sizeof middleware->messages[0]);
	middleware->messages[middleware->message_count++] = message;
	return message;
}

void middleware_send(struct middleware *middleware, struct middleware_message *message)
{
	CHECK(buf_ok(&message->payload));
	message->sent_ns = middleware->sim->mono_ns;
	message->ended = message->ended || message->silent;
	middleware_post(middleware, message->topic, buf_span(&message->payload), message->retained);
}

static void defer(struct middleware *middleware, const char *topic, struct span payload, int64_t after_ns)
{
	if (middleware->deferred_count == MIDDLEWARE_DEFERRED_MAX)
		return;
	struct middleware_deferred *deferred = &middleware->deferred[middleware->deferred_count++];
	*deferred = (struct middleware_deferred){.due_ns = middleware->sim->mono_ns + after_ns,
	                                         .topic = mem_copy_text(span_of(topic))};
	buf_init(&deferred->payload, SIGNED_NOTE_BYTES_MAX);
	buf_append_span(&deferred->payload, payload);
}

static void send_deferred(struct middleware *middleware)
{
	int kept = 0;
	for (int i = 0; i < middleware->deferred_count; i++) {
		struct middleware_deferred *deferred = &middleware->deferred[i];
		if (deferred->due_ns > middleware->sim->mono_ns) {
			middleware->deferred[kept++] = *deferred;
			continue;
		}
		middleware_post(middleware, deferred->topic, buf_span(&deferred->payload), false);
		free(deferred->topic);
		buf_release(&deferred->payload);
	}
	middleware->deferred_count = kept;
}

static void send_again(struct middleware *middleware)
{
	int64_t now = middleware->sim->mono_ns;
	while (middleware->first_open < middleware->message_count &&
	       middleware->messages[middleware->first_open]->ended)
		middleware->first_open++;
	for (int i = middleware->first_open; i < middleware->message_count; i++) {
		struct middleware_message *message = middleware->messages[i];
		if (message->ended || message->answered || now < message->sent_ns + REPEAT_NS)
			continue;
		middleware->repeats++;
		middleware_send(middleware, message);
	}
}

/* ---- receipts ---- */

/* The note with our line; spoiled: over another text, as one who signs what he did not see. */
static void cosign(struct middleware *middleware, struct span note, bool spoiled, struct buf *out)
{
	struct signed_note parsed;
	CHECK(signed_note_open(&parsed, note));
	struct buf text;
	buf_init(&text, SIGNED_NOTE_BYTES_MAX);
	buf_append_span(&text, parsed.text);
	if (spoiled)
		text.data[text.len - 3] = text.data[text.len - 3] == '7' ? '8' : '7'; /* of the time */
	buf_append_span(out, buf_span(&text));
	buf_append_span(out, (struct span){parsed.text.data + parsed.text.len, note.len - parsed.text.len});
	bool forged = !spoiled && !middleware->quiet && middleware_one_in(middleware, 20);
	middleware->forgeries += forged;
	signed_note_sign(out, buf_span(&text), NAME, forged ? middleware->stranger : middleware->key);
	buf_release(&text);
}

static void receipt(struct middleware *middleware, const char *stream, struct span note)
{
	struct buf signed_back;
	char topic[200];
	bool calm = middleware->quiet;
	bool spoiled = !calm && middleware_one_in(middleware, 20);
	(void)snprintf(topic, sizeof topic, PREFIX "dn/ack/%s", stream);
	buf_init(&signed_back, SIGNED_NOTE_BYTES_MAX);
	cosign(middleware, note, spoiled, &signed_back);
	middleware->receipts++;
	middleware->lies += spoiled;
	if (calm || middleware_one_in(middleware, 2))
		middleware_post(middleware, topic, buf_span(&signed_back), false);
	else
		defer(middleware, topic, buf_span(&signed_back),
		      middleware_between(middleware, 0, 300) * NS_PER_S);
	if (!calm && middleware_one_in(middleware, 5))
		defer(middleware, topic, buf_span(&signed_back),
		      middleware_between(middleware, 0, 60) * NS_PER_S);
	buf_release(&signed_back);
}

static void take_checkpoint(struct middleware *middleware, const struct uplink_publish *publish)
{
	struct witness *witness = &middleware->subscriber->witness;
	char name[EVENT_SOURCE_MAX];
	char stream[MIDDLEWARE_NAME_MAX];
	if (!witness_take_checkpoint(witness, publish->topic, publish->payload) || !middleware->active)
		return;
	const char *end = memchr(publish->payload.data, '\n', publish->payload.len);
	struct span first = {publish->payload.data, (size_t)(end - publish->payload.data)};
	CHECK(text_copy(name, sizeof name, first) && event_stream_of(name, stream));
	if (middleware->quiet || !middleware_one_in(middleware, 10))
		receipt(middleware, stream, publish->payload);
}

/* ---- hearing ---- */

static struct middleware_message *find_message(struct middleware *middleware, const char *id)
{
	for (int i = middleware->message_count - 1; id && i >= 0; i--) {
		if (strcmp(middleware->messages[i]->id, id) == 0)
			return middleware->messages[i];
	}
	return NULL;
}

static bool was_answered(const struct middleware_message *message, struct span answer)
{
	return span_equal(buf_span(&message->answer), answer) ||
	       span_equal(buf_span(&message->first), answer);
}

/* What a repeat may be answered with. */
static void keep_answer(struct middleware_message *message, struct span answer)
{
	if (was_answered(message, answer))
		return;
	if (message->first.len == 0)
		buf_append_span(&message->first, answer);
	buf_clear(&message->answer);
	buf_append_span(&message->answer, answer);
}

static void take_answer(struct middleware *middleware, const struct uplink_publish *publish)
{
	cJSON *answer = cJSON_ParseWithLength(publish->payload.data, publish->payload.len);
	struct middleware_message *message = find_message(middleware, event_text(answer, "id"));
	const char *command = event_text(answer, "command");
	if (command && strcmp(command, "posting") == 0)
		middleware_take_receipt(middleware, publish->payload, answer);
	else if (!message || !command || !event_text(answer, "state") || !event_text(answer, "time"))
		middleware_find(middleware, "an answer to nothing: %.*s", (int)publish->payload.len,
		                publish->payload.data);
	else if (message->silent)
		middleware_find(middleware, "%s %s was answered: %.*s", message->command, message->id,
		                (int)publish->payload.len, publish->payload.data);
	else if (strcmp(command, message->command) != 0 && !message->reused)
		middleware_find(middleware, "%s %s was answered as %s", message->command, message->id,
		                command);
	else if (was_answered(message, publish->payload))
		middleware->answers_again++;
	else if (strcmp(command, "ack") == 0)
		middleware_take_ack(middleware, message, answer);
	else
		middleware_take_result(middleware, message, answer);
	if (message && strcmp(message->command, command ? command : "") == 0 &&
	    strcmp(event_text(answer, "state") ? event_text(answer, "state") : "", "rejected") != 0)
		keep_answer(message, publish->payload);
	cJSON_Delete(answer);
}

static void take_replay(struct middleware *middleware, const struct uplink_publish *publish)
{
	int64_t number = subscriber_replayed(middleware->subscriber, publish->topic, publish->payload);
	const char *slash = memrchr(publish->topic.data, '/', publish->topic.len);
	struct span stream = {slash + 1, publish->topic.len - (size_t)(slash + 1 - publish->topic.data)};
	for (int i = middleware->first_open; i < middleware->message_count; i++) {
		struct middleware_message *message = middleware->messages[i];
		if (message->seen && !message->ended && span_equal(span_of(message->name), stream) &&
		    number >= message->from && number <= message->to)
			message->seen[number - message->from] = 1;
	}
}

/* Members that every message of these kinds has. */
static void check_members(struct middleware *middleware, const struct uplink_publish *publish,
                          const char *const *names)
{
	cJSON *root = cJSON_ParseWithLength(publish->payload.data, publish->payload.len);
	for (; *names; names++) {
		if (!cJSON_GetObjectItemCaseSensitive(root, *names))
			middleware_find(middleware, "%.*s: %s is missing: %.*s", (int)publish->topic.len,
			                publish->topic.data, *names, (int)publish->payload.len,
			                publish->payload.data);
	}
	cJSON_Delete(root);
}

/* What a person would read: the ledger was put aside, and the cloud is to post everything again. */
static void take_exception(struct middleware *middleware, const struct uplink_publish *publish)
{
	cJSON *root = cJSON_ParseWithLength(publish->payload.data, publish->payload.len);
	const char *rule = event_text(root, "rule");
	const char *state = event_text(root, "state");
	if (rule && strcmp(rule, "ledger-damaged") == 0 && state && strcmp(state, "open") == 0)
		middleware_post_again(middleware);
	cJSON_Delete(root);
}

static void take_metric(struct middleware *middleware, const struct uplink_publish *publish)
{
	cJSON *root = cJSON_ParseWithLength(publish->payload.data, publish->payload.len);
	const cJSON *counters = cJSON_GetObjectItemCaseSensitive(root, "counters");
	const cJSON *repeated = cJSON_GetObjectItemCaseSensitive(counters, "postings_repeated");
	if (cJSON_IsNumber(repeated) && repeated->valuedouble > (double)middleware->cloud.repeated)
		middleware->cloud.repeated = (uint64_t)repeated->valuedouble;
	cJSON_Delete(root);
}

void middleware_hear(void *self, const struct uplink_publish *publish)
{
	static const char *const of_exceptions[] = {"class", "count",  "exception", "key",  "owner", "rule",
	                                            "since", "source", "state",     "text", "time",  NULL};
	static const char *const of_metrics[] = {"counters", "time", NULL};
	struct middleware *middleware = self;
	struct span kind = publish->topic;
	size_t prefix = sizeof PREFIX - 1;
	if (kind.len <= prefix || memcmp(kind.data, PREFIX, prefix) != 0) {
		middleware_find(middleware, "topic %.*s", (int)kind.len, kind.data);
		return;
	}
	kind = (struct span){kind.data + prefix, kind.len - prefix};
	if (kind.len > 8 && memcmp(kind.data, "up/ckpt/", 8) == 0)
		take_checkpoint(middleware, publish);
	else if (kind.len > 10 && memcmp(kind.data, "up/replay/", 10) == 0)
		take_replay(middleware, publish);
	else if (span_equal(kind, SPAN_LITERAL("up/res")))
		take_answer(middleware, publish);
	else if (span_equal(kind, SPAN_LITERAL("up/state")))
		middleware_take_state(middleware, publish);
	else if (span_equal(kind, SPAN_LITERAL("up/exc"))) {
		check_members(middleware, publish, of_exceptions);
		take_exception(middleware, publish);
	} else if (span_equal(kind, SPAN_LITERAL("up/metric"))) {
		check_members(middleware, publish, of_metrics);
		take_metric(middleware, publish);
	} else
		middleware_find(middleware, "topic %.*s", (int)kind.len, kind.data);
}

void middleware_posted(void *self, struct span topic)
{
	struct middleware *middleware = self;
	const char *slash = memrchr(topic.data, '/', topic.len);
	struct span stream = {slash + 1, topic.len - (size_t)(slash + 1 - topic.data)};
	for (int i = 0; i < middleware->paused_count; i++) {
		const struct middleware_pause *pause = &middleware->paused[i];
		if (!pause->of_source && pause->since_ns > 0 && span_equal(span_of(pause->name), stream) &&
		    middleware->sim->mono_ns > pause->since_ns + PAUSE_GRACE_NS)
			middleware_find(middleware, "stream %s is paused, and yet events come", pause->name);
	}
}

/* ---- acting ---- */

/* Nothing answers a receipt; one that was lost would be made good by that of the next checkpoint, and none comes. */
static void receipts_again(struct middleware *middleware)
{
	struct witness *witness = &middleware->subscriber->witness;
	if (middleware->sim->mono_ns < middleware->receipts_due_ns)
		return;
	middleware->receipts_due_ns = middleware->sim->mono_ns + RECEIPT_NS;
	for (int i = 0; i < witness->source_count; i++) {
		char stream[MIDDLEWARE_NAME_MAX];
		const struct witness_source *source = &witness->sources[i];
		if (source->checkpoint_count > 0 && event_stream_of(source->source, stream))
			receipt(middleware, stream, source->checkpoints[source->checkpoint_count - 1].text);
	}
}

void middleware_step(struct middleware *middleware)
{
	int64_t now = middleware->sim->mono_ns;
	if (now < middleware->due_ns)
		return;
	middleware->due_ns = now + middleware_between(middleware, 1, 20) * NS_PER_S;
	if (!middleware->active)
		return;
	send_deferred(middleware);
	send_again(middleware);
	middleware_postings_step(middleware);
	for (int i = 0; i < middleware->paused_count; i++) {
		struct middleware_pause *pause = &middleware->paused[i];
		bool enough = middleware->quiet || middleware_one_in(middleware, 10);
		if (pause->decided && !pause->resumed && !pause->resuming && enough)
			middleware_resume(middleware, pause);
	}
	if (middleware->quiet) {
		receipts_again(middleware);
		return;
	}
	if (middleware_one_in(middleware, 2))
		middleware_say_outcomes(middleware);
	if (middleware_one_in(middleware, 5))
		middleware_command(middleware);
}

void middleware_calm(struct middleware *middleware)
{
	middleware->quiet = true;
	middleware->receipts_due_ns = middleware->sim->mono_ns;
}

bool middleware_settled(const struct middleware *middleware, char why[SIM_FINDING_MAX])
{
	why[0] = 0;
	for (int i = middleware->first_open; i < middleware->message_count; i++) {
		const struct middleware_message *message = middleware->messages[i];
		/* A clock that went on by a week makes the agent forget whom a replay was for. */
		bool forgotten = message->answered && message->clock_steps != middleware->clock_steps;
		if (!message->ended && !forgotten)
			sim_find(why, "%s %s was %s", message->command, message->id,
			         message->answered ? "accepted, and never ended" : "never answered");
	}
	for (int i = 0; i < middleware->paused_count; i++) {
		if (!middleware->paused[i].resumed)
			sim_find(why, "%s is not resumed", middleware->paused[i].name);
	}
	(void)middleware_postings_settled(middleware, why);
	struct span shown = {(const char *)middleware->shown, sizeof middleware->shown};
	if (middleware->shown_any && !witness_knows(&middleware->subscriber->witness, shown))
		sim_find(why, "the last birth shows a key that no key event has told of");
	return why[0] == 0;
}

/* The newest checkpoint of each stream has our signature in the store. */
static void receipts_agree(struct middleware *middleware, struct store *store, char why[SIM_FINDING_MAX])
{
	for (int i = 0; i < store_stream_count(store); i++) {
		const struct store_stream *stream = store_stream_at(store, i);
		if (stream->receipt_size != stream->checkpoint_size)
			sim_find(why, "stream %s: cosigned up to %lld, its last checkpoint is %lld",
			         stream->name, (long long)stream->receipt_size,
			         (long long)stream->checkpoint_size);
	}
	(void)middleware;
}

bool middleware_agrees(struct middleware *middleware, struct store *store, char why[SIM_FINDING_MAX])
{
	struct err_info info = {.text = ""};
	int64_t entries = 0;
	why[0] = 0;
	if (middleware->active)
		receipts_agree(middleware, store, why);
	if (!why[0])
		(void)middleware_states_agree(middleware, store, why);
	if (store_audit_verify(store, &entries, &info) != ERR_OK)
		sim_find(why, "the audit does not fit after %lld entries: %s", (long long)entries, info.text);
	if (!middleware->alive)
		sim_find(why, "the last that was heard of the agent is its death");
	return why[0] == 0;
}

void middleware_state_refused(void *self)
{
	struct middleware *middleware = self;
	middleware->birth_lost = true;
}
