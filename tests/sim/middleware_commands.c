/*
 * middleware_commands.c - commands of the model middleware, good and bad ones, and what their answers must say.
 *
 * Why:   see middleware.h, rules 3 and 4.
 * Owns:  nothing beyond struct middleware.
 * Rules: 1. A command that is done says what it must: a digest and a proof are verified, a replay has come whole.
 *        2. expires is told in the box's own time; where its clock was set meanwhile, "expired" is a fair answer.
 *        3. A forged, unsigned or misdirected command is never answered.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/date.h"
#include "tests/sim/middleware.h"

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS  (24 * HOUR_NS)
/* Longest path of an inclusion proof: trees of 2^40 leaves are not simulated. */
#define PATH_MAX_NODES 40

enum flaw {
	FLAW_NONE,
	FLAW_STRANGER,  /* signed by nobody that is trusted */
	FLAW_SIGNATURE, /* of the right key, over another text */
	FLAW_TARGET,
	FLAW_RETAINED,
	FLAW_EXPIRED,
	FLAW_TOO_LATE,
	FLAW_UNKNOWN,
	FLAW_BODY,
	FLAW_COUNT
};

static const char *const reasons[FLAW_COUNT] = {
    [FLAW_RETAINED] = "retained",       [FLAW_EXPIRED] = "expired", [FLAW_TOO_LATE] = "expires-too-late",
    [FLAW_UNKNOWN] = "unknown-command", [FLAW_BODY] = "bad-body",
};

static void write_note(struct middleware *middleware, struct middleware_message *message, const char *id,
                       const char *body, enum flaw flaw)
{
	char expires[INSTANT_TEXT_SIZE];
	struct buf text;
	int64_t wall = hal_wall_ns(&middleware->sim->hal);
	int64_t after = flaw == FLAW_EXPIRED ? -HOUR_NS : flaw == FLAW_TOO_LATE ? 8 * DAY_NS : HOUR_NS;
	/* In 1970 there is no hour before. */
	message->expires_ns = wall + after < 0 ? 0 : wall + after;
	instant_print(message->expires_ns, expires);
	buf_init(&text, SIGNED_NOTE_BYTES_MAX);
	buf_printf(&text, "tp1/cmd/v1\ntarget sim/%s\nid %s\nexpires %s\ncommand %s\nbody ",
	           flaw == FLAW_TARGET ? "other" : "box", id, expires, message->command);
	buf_append_text(&text, body);
	buf_append_char(&text, '\n');
	buf_append_span(&message->payload, buf_span(&text));
	buf_append_char(&message->payload, '\n');
	if (flaw == FLAW_SIGNATURE)
		text.data[0] ^= 1;
	signed_note_sign(&message->payload, buf_span(&text), "sim/cloud",
	                 flaw == FLAW_STRANGER ? middleware->stranger : middleware->key);
	buf_release(&text);
	if (reasons[flaw])
		CHECK(text_copy(message->reason, sizeof message->reason, span_of(reasons[flaw])));
	message->silent = flaw == FLAW_STRANGER || flaw == FLAW_SIGNATURE || flaw == FLAW_TARGET;
	message->retained = flaw == FLAW_RETAINED;
	middleware->forgeries += message->silent;
}

static struct middleware_message *begin(struct middleware *middleware, const char *command)
{
	struct middleware_message *message = middleware_message(middleware, command);
	message->topic = mem_copy_text(SPAN_LITERAL("tp1/sim/box/dn/cmd"));
	return message;
}

/* A text of the same id as one that was answered: refused, and what was answered first stands. */
static void reuse_id(struct middleware *middleware, struct middleware_message *message)
{
	struct middleware_message other = {.clock_steps = 0};
	CHECK(text_copy(other.command, sizeof other.command, SPAN_LITERAL("sweep")));
	buf_init(&other.payload, UPLINK_INBOUND_BYTES_MAX);
	write_note(middleware, &other, message->id, "{\"source\":\"erp\",\"period\":\"2024-03\"}", FLAW_NONE);
	message->reused = true;
	middleware_post(middleware, message->topic, buf_span(&other.payload), false);
	buf_release(&other.payload);
}

/* ---- which ---- */

static void body_of_replay(struct middleware *middleware, struct middleware_message *message, char *body,
                           size_t size)
{
	const struct witness_source *source = middleware_source(middleware, message->name);
	int64_t last = source && source->count > 0 ? source->count : 1;
	message->from = middleware_between(middleware, 1, last);
	message->to = middleware_between(middleware, message->from, last);
	if (message->to > message->from + 40)
		message->to = message->from + 40;
	if (middleware_one_in(middleware, 10))
		message->to += 1000; /* more than there are */
	message->seen = mem_alloc((size_t)(message->to - message->from + 1));
	(void)snprintf(body, size, "{\"stream\":\"%s\",\"from\":%lld,\"to\":%lld}", message->name,
	               (long long)message->from, (long long)message->to);
}

static void body_of_resend(struct middleware *middleware, char *body, size_t size)
{
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT subject FROM documents WHERE part=parts LIMIT 1 OFFSET ?1");
	CHECK(sqlite3_bind_int64(row, 1, middleware_between(middleware, 0, 50)) == SQLITE_OK);
	bool there = sqlite3_step(row) == SQLITE_ROW;
	(void)snprintf(body, size, "{\"subjects\":[\"%s\"]}",
	               there ? (const char *)sqlite3_column_text(row, 0) : "00000/invoice/0/none");
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
}

static void note_pause(struct middleware *middleware, const struct middleware_message *message)
{
	struct middleware_pause *pause = NULL;
	for (int i = 0; i < middleware->paused_count && !pause; i++) {
		if (strcmp(middleware->paused[i].name, message->name) == 0)
			pause = &middleware->paused[i];
	}
	if (!pause) {
		CHECK(middleware->paused_count < MIDDLEWARE_PAUSED_MAX);
		pause = &middleware->paused[middleware->paused_count++];
	}
	*pause = (struct middleware_pause){.of_source = message->of_source};
	(void)snprintf(pause->name, sizeof pause->name, "%s", message->name);
	(void)snprintf(pause->pause, sizeof pause->pause, "%s", message->id);
}

static bool is_paused(const struct middleware *middleware, const char *name)
{
	for (int i = 0; i < middleware->paused_count; i++) {
		if (strcmp(middleware->paused[i].name, name) == 0 && !middleware->paused[i].resumed)
			return true;
	}
	return middleware->paused_count == MIDDLEWARE_PAUSED_MAX;
}

static void write_body(struct middleware *middleware, struct middleware_message *message, char *body,
                       size_t size)
{
	const struct witness_source *source = middleware_source(middleware, message->name);
	const char *command = message->command;
	if (strcmp(command, "replay") == 0) {
		body_of_replay(middleware, message, body, size);
	} else if (strcmp(command, "resend") == 0) {
		body_of_resend(middleware, body, size);
	} else if (strcmp(command, "pause") == 0) {
		message->of_source = middleware_one_in(middleware, 4);
		if (message->of_source)
			(void)snprintf(message->name, sizeof message->name, "erp");
		(void)snprintf(body, size, "{\"%s\":\"%s\"}", message->of_source ? "source" : "stream",
		               message->name);
	} else if (strcmp(command, "proof.get") == 0) {
		message->from =
		    middleware_between(middleware, 1, source && source->count ? source->count : 1);
		(void)snprintf(body, size, "{\"stream\":\"%s\",\"sequence\":%lld}", message->name,
		               (long long)message->from);
	} else if (strcmp(command, "sweep") == 0) {
		(void)snprintf(body, size, "{\"source\":\"erp\"}");
	} else {
		(void)snprintf(body, size, "{}"); /* digest, state.get */
	}
}

void middleware_command(struct middleware *middleware)
{
	static const char *const commands[] = {"replay", "replay", "resend",    "pause",
	                                       "digest", "sweep",  "state.get", "proof.get"};
	char stream[MIDDLEWARE_NAME_MAX];
	char body[600];
	enum flaw flaw = middleware_one_in(middleware, 4)
	                     ? (enum flaw)middleware_between(middleware, 1, FLAW_COUNT - 1)
	                     : FLAW_NONE;
	if (!middleware_stream(middleware, stream))
		return;
	const char *command = commands[middleware_between(middleware, 0, 7)];
	if (strcmp(command, "pause") == 0 && (is_paused(middleware, stream) || is_paused(middleware, "erp")))
		command = "digest";
	struct middleware_message *message = begin(middleware, flaw == FLAW_UNKNOWN ? "explode" : command);
	(void)snprintf(message->name, sizeof message->name, "%s", stream);
	write_body(middleware, message, body, sizeof body);
	if (flaw == FLAW_BODY)
		(void)snprintf(body, sizeof body, "{\"sequence\":\"many\"}");
	write_note(middleware, message, message->id, body, flaw);
	middleware->commands++;
	/* One that has expired is taken all the same where the box's clock is set back on its way. */
	bool possible = flaw == FLAW_NONE || flaw == FLAW_EXPIRED || flaw == FLAW_TOO_LATE;
	if (possible && strcmp(message->command, "pause") == 0)
		note_pause(middleware, message);
	middleware_send(middleware, message);
	if (middleware_one_in(middleware, 10))
		middleware_send(middleware, message);
}

void middleware_resume(struct middleware *middleware, struct middleware_pause *pause)
{
	char body[MIDDLEWARE_NAME_MAX + 20];
	struct middleware_message *message = begin(middleware, "resume");
	message->of_source = pause->of_source;
	(void)snprintf(message->name, sizeof message->name, "%s", pause->name);
	(void)snprintf(body, sizeof body, "{\"%s\":\"%s\"}", pause->of_source ? "source" : "stream",
	               pause->name);
	write_note(middleware, message, message->id, body, FLAW_NONE);
	pause->since_ns = 0;
	pause->resuming = true;
	(void)snprintf(pause->resume, sizeof pause->resume, "%s", message->id);
	middleware_send(middleware, message);
}

/* ---- what they did ---- */

static struct middleware_pause *pause_of(struct middleware *middleware,
                                         const struct middleware_message *message)
{
	for (int i = 0; i < middleware->paused_count; i++) {
		struct middleware_pause *pause = &middleware->paused[i];
		if (strcmp(pause->pause, message->id) == 0 || strcmp(pause->resume, message->id) == 0)
			return pause;
	}
	return NULL;
}

static void check_digest(struct middleware *middleware, const cJSON *result)
{
	const cJSON *stream;
	uint8_t chain[EVENT_HASH_BYTES];
	uint8_t root[EVENT_HASH_BYTES];
	cJSON_ArrayForEach(stream, cJSON_GetObjectItemCaseSensitive(result, "streams"))
	{
		const char *source = event_text(stream, "source");
		const cJSON *size = cJSON_GetObjectItemCaseSensitive(stream, "size");
		if (!source || !cJSON_IsNumber(size) ||
		    !hex_decode(chain, sizeof chain, span_of(event_text(stream, "chain"))) ||
		    signed_note_decode(span_of(event_text(stream, "root")), root, sizeof root) !=
		        EVENT_HASH_BYTES) {
			middleware_find(middleware, "a digest that is none");
			return;
		}
		witness_claim(&middleware->subscriber->witness, source, (int64_t)size->valuedouble, false,
		              chain);
		witness_claim(&middleware->subscriber->witness, source, (int64_t)size->valuedouble, true,
		              root);
	}
}

static bool proof_is_good(struct middleware *middleware, const struct middleware_message *message,
                          const cJSON *result)
{
	uint8_t path[PATH_MAX_NODES][EVENT_HASH_BYTES];
	uint8_t leaf[EVENT_HASH_BYTES];
	uint8_t root[EVENT_HASH_BYTES];
	char name[EVENT_SOURCE_MAX];
	const cJSON *item;
	struct signed_note note;
	int count = 0;
	const char *checkpoint = event_text(result, "checkpoint");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(result, "size");
	if (!checkpoint || !signed_note_open(&note, span_of(checkpoint)) || !cJSON_IsNumber(size) ||
	    !hex_decode(leaf, sizeof leaf, span_of(event_text(result, "leaf"))))
		return false;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(result, "proof"))
	{
		if (count == PATH_MAX_NODES || signed_note_decode(span_of(item->valuestring), path[count++],
		                                                  EVENT_HASH_BYTES) != EVENT_HASH_BYTES)
			return false;
	}
	const char *end = strchr(checkpoint, '\n');
	const char *third = strchr(end + 1, '\n') + 1;
	struct span encoded = {third, strcspn(third, "\n")};
	if (!text_copy(name, sizeof name, (struct span){checkpoint, (size_t)(end - checkpoint)}) ||
	    signed_note_decode(encoded, root, sizeof root) != EVENT_HASH_BYTES)
		return false;
	witness_claim(&middleware->subscriber->witness, name, (int64_t)size->valuedouble, true, root);
	const struct witness_source *source = middleware_source(middleware, message->name);
	return source && memcmp(leaf, source->leaves[message->from - 1], EVENT_HASH_BYTES) == 0 &&
	       witness_proves(leaf, message->from - 1, (int64_t)size->valuedouble,
	                      (const uint8_t(*)[EVENT_HASH_BYTES])path, count, root);
}

static void take_done(struct middleware *middleware, struct middleware_message *message, const cJSON *result)
{
	const char *command = message->command;
	struct middleware_pause *pause = pause_of(middleware, message);
	if (strcmp(command, "digest") == 0) {
		check_digest(middleware, result);
	} else if (strcmp(command, "proof.get") == 0) {
		middleware->proofs++;
		if (!proof_is_good(middleware, message, result))
			middleware_find(middleware, "the proof of sequence %lld of stream %s does not hold",
			                (long long)message->from, message->name);
	} else if (strcmp(command, "replay") == 0) {
		middleware->replays++;
		for (int64_t i = message->from; i <= message->to; i++) {
			if (!message->seen[i - message->from])
				middleware_find(
				    middleware,
				    "the replay %s of stream %s is done, sequence %lld did not come",
				    message->id, message->name, (long long)i);
		}
	} else if (strcmp(command, "resend") == 0) {
		middleware->resends++;
	} else if (strcmp(command, "pause") == 0 && pause && !pause->resuming && !pause->resumed) {
		middleware->pauses++;
		pause->since_ns = middleware->sim->mono_ns;
	} else if (strcmp(command, "resume") == 0 && pause) {
		pause->resumed = true;
		pause->resuming = false;
	}
}

static void take_rejected(struct middleware *middleware, struct middleware_message *message,
                          const cJSON *answer)
{
	const char *reason = event_text(answer, "reason");
	struct middleware_pause *pause = pause_of(middleware, message);
	bool late = reason && (strcmp(reason, "expired") == 0 || strcmp(reason, "expires-too-late") == 0);
	bool clock = middleware->clock_steps != message->clock_steps ||
	             hal_wall_ns(&middleware->sim->hal) >= message->expires_ns;
	middleware->rejected++;
	if (message->reused && reason && strcmp(reason, "id-reused") == 0)
		return;
	if (!reason || (strcmp(reason, message->reason) != 0 && !(late && clock)))
		middleware_find(middleware, "%s %s was rejected as %s, not as \"%s\"", message->command,
		                message->id, reason ? reason : "?", message->reason);
	if (message->ended)
		return; /* it was done, and a repeat found it forgotten: what it did stands */
	message->answered = message->ended = true;
	if (strcmp(message->command, "pause") == 0 && pause)
		pause->decided = pause->resumed = true;
	else if (strcmp(message->command, "resume") == 0 && pause)
		pause->resuming = false; /* and so once more */
}

void middleware_take_result(struct middleware *middleware, struct middleware_message *message,
                            const cJSON *answer)
{
	const char *state = event_text(answer, "state");
	struct middleware_pause *pause = pause_of(middleware, message);
	bool twice = strcmp(message->command, "replay") == 0 || strcmp(message->command, "resend") == 0;
	bool clock = middleware->clock_steps != message->clock_steps;
	if (strcmp(state, "rejected") == 0) {
		take_rejected(middleware, message, answer);
		return;
	}
	if (message->reason[0] && !clock)
		middleware_find(middleware, "%s %s was not rejected as %s, but %s", message->command,
		                message->id, message->reason, state);
	/* A mail that the broker refused goes out again behind the next one. */
	if (message->ended && twice && strcmp(state, "accepted") == 0)
		return;
	if (message->ended && !clock)
		middleware_find(middleware, "%s %s has ended, and is answered again: %s after %.*s",
		                message->command, message->id, state, (int)message->answer.len,
		                (const char *)message->answer.data);
	message->answered = true;
	if (pause && strcmp(message->command, "pause") == 0) {
		/* Also where the answer to a repeat, which had expired, came before the first one. */
		pause->decided = true;
		pause->resumed = pause->resumed && pause->resume[0] != 0;
	}
	if (strcmp(state, "accepted") == 0 && twice)
		return;
	if (!message->ended && strcmp(state, "done") == 0)
		take_done(middleware, message, cJSON_GetObjectItemCaseSensitive(answer, "result"));
	else if (strcmp(state, "failed") == 0 && event_text(answer, "text"))
		middleware->replays_failed += twice;
	else if (!message->ended)
		middleware_find(middleware, "%s %s is %s", message->command, message->id, state);
	if (strcmp(state, "failed") == 0 && pause)
		pause->resumed = true; /* there is no such stream */
	message->ended = true;
	if (!message->reused && !middleware->quiet && middleware_one_in(middleware, 20))
		reuse_id(middleware, message);
}
