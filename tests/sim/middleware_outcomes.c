/*
 * middleware_outcomes.c - says what became of documents, and works out which state each must have then.
 *
 * Why:   see middleware.h, rule 2.
 * Owns:  the columns code, document and busy of the table postings.
 *
 *   rank:  RECEIVED 1, VALIDATED 2, PARTIAL 3, BOOKED, REJECTED and DUPLICATE 4
 *   higher than now: it moves; lower: late; the same again: a repeat; a final one after another final one: only where
 *   it corrects that one; DUPLICATE of what is booked: a repeat; BOOKED as another document, and no code: no move.
 *
 * Rules: 1. BOOKED and DUPLICATE carry a document, the others none: what the contract leaves open is not asked.
 *        2. The counts of the answer are worked out too.
 * Source: docs/contract, outcomes.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/outcomes.h"
#include "tests/sim/middleware.h"

#define CODES_COUNT 6
#define UNCERTAIN   "?" /* the code of a document whose state is no longer known */

static const char *const codes[CODES_COUNT] = {"RECEIVED", "VALIDATED", "PARTIAL",
                                               "BOOKED",   "REJECTED",  "DUPLICATE"};

/* 0: nothing was said; -1: no code of the contract. */
static int rank(const char *code)
{
	static const int ranks[CODES_COUNT] = {1, 2, 3, 4, 4, 4};
	if (code[0] == 0)
		return 0;
	for (int i = 0; i < CODES_COUNT; i++) {
		if (strcmp(codes[i], code) == 0)
			return ranks[i];
	}
	return -1;
}

/* ---- making them up ---- */

static const char *honest_code(const struct middleware *middleware, const char *now)
{
	switch (rank(now)) {
	case 0:
		return codes[middleware_one_in(middleware, 3) ? 1 : 0];
	case 1:
		return codes[middleware_one_in(middleware, 3) ? 3 : 1];
	case 2:
		return codes[middleware_between(middleware, 2, 4)];
	case 3:
		return codes[middleware_one_in(middleware, 3) ? 4 : 3];
	default:
		return now; /* it is said again */
	}
}

static void lie(struct middleware *middleware, struct middleware_outcome *outcome)
{
	middleware->lies++;
	switch (middleware_between(middleware, 0, 4)) {
	case 0:
		(void)snprintf(outcome->code, sizeof outcome->code, "PARKED");
		break;
	case 1:
		outcome->stranger = true;
		outcome->revision += 100;
		break;
	case 2:
		outcome->other_stream = true; /* its topic is chosen so */
		break;
	case 3:
		(void)snprintf(outcome->corrects, sizeof outcome->corrects, "%s",
		               codes[middleware_between(middleware, 3, 5)]);
		/* fall through */
	default:
		(void)snprintf(outcome->code, sizeof outcome->code, "%s",
		               codes[middleware_between(middleware, 0, CODES_COUNT - 1)]);
	}
}

static void make_outcome(struct middleware *middleware, sqlite3_stmt *row, struct middleware_outcome *outcome)
{
	const char *now = (const char *)sqlite3_column_text(row, 2);
	*outcome = (struct middleware_outcome){.revision = sqlite3_column_int64(row, 1)};
	(void)snprintf(outcome->subject, sizeof outcome->subject, "%s", sqlite3_column_text(row, 0));
	(void)snprintf(outcome->code, sizeof outcome->code, "%s", honest_code(middleware, now));
	if (strcmp(now, UNCERTAIN) == 0)
		(void)snprintf(outcome->code, sizeof outcome->code, "RECEIVED");
	if (middleware_one_in(middleware, 30))
		lie(middleware, outcome);
	bool second = middleware_one_in(middleware, 50);
	if (strcmp(outcome->code, "BOOKED") == 0)
		(void)snprintf(outcome->document, sizeof outcome->document, "%s", second ? "4712" : "4711");
	else if (strcmp(outcome->code, "DUPLICATE") == 0)
		(void)snprintf(outcome->document, sizeof outcome->document, "%s",
		               middleware_one_in(middleware, 2) ? "4711" : "4700");
}

static void set_busy(struct middleware *middleware, const struct middleware_message *message, bool busy)
{
	sqlite3_stmt *mark = middleware_ask(middleware, "UPDATE postings SET busy=?1 WHERE subject=?2");
	for (int i = 0; i < message->outcome_count; i++) {
		CHECK(sqlite3_bind_int(mark, 1, busy) == SQLITE_OK &&
		      sqlite3_bind_text(mark, 2, message->outcomes[i].subject, -1, SQLITE_TRANSIENT) ==
		          SQLITE_OK);
		CHECK(sqlite3_step(mark) == SQLITE_DONE);
		CHECK(sqlite3_reset(mark) == SQLITE_OK);
	}
	CHECK(sqlite3_finalize(mark) == SQLITE_OK);
}

static void print_instant(struct middleware *middleware, struct buf *out)
{
	/* The cloud's own clock: it has nothing to do with the box's. */
	buf_printf(out, "\"2026-11-21T14:20:%02lld.000Z\"", (long long)middleware_between(middleware, 0, 59));
}

static void write_message(struct middleware *middleware, struct middleware_message *message)
{
	struct buf *out = &message->payload;
	buf_printf(out, "{\"id\":\"%s\",\"outcomes\":[", message->id);
	for (int i = 0; i < message->outcome_count; i++) {
		const struct middleware_outcome *outcome = &message->outcomes[i];
		buf_printf(out, "%s{\"subject\":\"%s\",\"revision\":%lld,\"outcome\":\"%s\"",
		           i > 0 ? "," : "", outcome->subject, (long long)outcome->revision, outcome->code);
		if (outcome->document[0])
			buf_printf(out, ",\"document\":\"%s\",\"date\":\"2026-11-21\",\"ledger\":\"0L\"",
			           outcome->document);
		if (outcome->corrects[0])
			buf_printf(out, ",\"corrects\":\"%s\"", outcome->corrects);
		if (strcmp(outcome->code, "REJECTED") == 0)
			buf_printf(out, ",\"class\":\"%s\",\"reason\":\"R%lld\",\"text\":\"no such account\"",
			           middleware_one_in(middleware, 2) ? "mapping" : "period",
			           (long long)middleware_between(middleware, 1, 9));
		buf_append_char(out, '}');
	}
	buf_append_text(out, "],\"time\":");
	print_instant(middleware, out);
	buf_append_char(out, '}');
}

/* Postings of this stream that no unanswered message names, those without a final outcome first. */
static int choose(struct middleware *middleware, struct middleware_message *message, const char *stream)
{
	int wanted = (int)middleware_between(middleware, 1, MIDDLEWARE_OUTCOMES_MAX);
	sqlite3_stmt *rows = middleware_ask(
	    middleware, "SELECT subject, revision, code FROM postings WHERE stream=?1 AND subject NOT IN "
			"(SELECT subject FROM postings WHERE busy=1) AND (code NOT IN "
			"('BOOKED','REJECTED','DUPLICATE') OR ?2) LIMIT ?3 OFFSET ?4");
	bool any = middleware_one_in(middleware, 3);
	CHECK(sqlite3_bind_text(rows, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int(rows, 2, any) == SQLITE_OK && sqlite3_bind_int(rows, 3, wanted) == SQLITE_OK &&
	      sqlite3_bind_int64(rows, 4, any ? middleware_between(middleware, 0, 100) : 0) == SQLITE_OK);
	message->outcomes = mem_alloc(sizeof message->outcomes[0] * MIDDLEWARE_OUTCOMES_MAX);
	while (sqlite3_step(rows) == SQLITE_ROW)
		make_outcome(middleware, rows, &message->outcomes[message->outcome_count++]);
	CHECK(sqlite3_finalize(rows) == SQLITE_OK);
	return message->outcome_count;
}

void middleware_say_outcomes(struct middleware *middleware)
{
	char stream[MIDDLEWARE_NAME_MAX];
	char other[MIDDLEWARE_NAME_MAX];
	char topic[200];
	if (!middleware_stream(middleware, stream) || !middleware_stream(middleware, other))
		return;
	struct middleware_message *message = middleware_message(middleware, "ack");
	(void)choose(middleware, message, stream);
	bool astray = false;
	for (int i = 0; i < message->outcome_count; i++)
		astray = astray || message->outcomes[i].other_stream;
	astray = astray && strcmp(stream, other) != 0;
	for (int i = 0; i < message->outcome_count; i++)
		message->outcomes[i].other_stream = astray;
	if (message->outcome_count == 0) {
		message->ended = true; /* nothing to say: it is never sent */
		message->silent = true;
		return;
	}
	(void)snprintf(topic, sizeof topic, "tp1/sim/box/dn/ack/%s", astray ? other : stream);
	message->topic = mem_copy_text(span_of(topic));
	write_message(middleware, message);
	set_busy(middleware, message, true);
	middleware_send(middleware, message);
	if (middleware_one_in(middleware, 20))
		middleware_send(middleware, message);
}

/* ---- what must come of them ---- */

struct counts {
	int64_t late;
	int64_t repeated;
	int64_t taken;
	int64_t unknown;
	int64_t refused;
};

/* Where the state goes; the answer's counts. */
static bool moves(const char *now, const char *document, const struct middleware_outcome *outcome,
                  struct counts *counts)
{
	int before = rank(now);
	int after = rank(outcome->code);
	if (strcmp(now, outcome->code) == 0 && strcmp(document, outcome->document) == 0) {
		counts->repeated++;
		return false;
	}
	bool had = strcmp(now, "BOOKED") == 0 && strcmp(outcome->code, "DUPLICATE") == 0 &&
	           strcmp(document, outcome->document) == 0 && strcmp(outcome->corrects, "BOOKED") != 0;
	if (had) {
		counts->repeated++;
		return false;
	}
	if (after > 0 && after < before) {
		counts->late++;
		return false;
	}
	counts->taken++;
	bool same = strcmp(now, outcome->code) == 0;
	if (after < 0 || (same && strcmp(now, "DUPLICATE") != 0))
		return false;
	if (before == 4)
		return strcmp(outcome->corrects, now) == 0;
	return after > before;
}

static void apply(struct middleware *middleware, const struct middleware_outcome *outcome,
                  struct counts *counts)
{
	char now[16];
	char document[24];
	if (outcome->other_stream && !outcome->stranger) {
		counts->refused++;
		return;
	}
	sqlite3_stmt *row = middleware_ask(
	    middleware, "SELECT code, document FROM postings WHERE subject=?1 AND revision=?2");
	CHECK(sqlite3_bind_text(row, 1, outcome->subject, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(row, 2, outcome->revision) == SQLITE_OK);
	bool known = sqlite3_step(row) == SQLITE_ROW;
	(void)snprintf(now, sizeof now, "%s", known ? (const char *)sqlite3_column_text(row, 0) : "");
	(void)snprintf(document, sizeof document, "%s",
	               known ? (const char *)sqlite3_column_text(row, 1) : "");
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	if (!known) {
		counts->unknown += !outcome->other_stream;
		counts->refused += outcome->other_stream;
		return;
	}
	if (!moves(now, document, outcome, counts))
		return;
	sqlite3_stmt *put = middleware_ask(
	    middleware, "UPDATE postings SET code=?3, document=?4 WHERE subject=?1 AND revision=?2");
	CHECK(sqlite3_bind_text(put, 1, outcome->subject, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 2, outcome->revision) == SQLITE_OK &&
	      sqlite3_bind_text(put, 3, outcome->code, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(put, 4, outcome->document, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE);
	CHECK(sqlite3_finalize(put) == SQLITE_OK);
}

static int64_t told(const cJSON *result, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(result, name);
	if (cJSON_IsArray(item))
		return cJSON_GetArraySize(item);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
}

static bool has_uncertain(struct middleware *middleware, const struct middleware_message *message)
{
	bool uncertain = false;
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT 1 FROM postings WHERE subject=?1 AND code='" UNCERTAIN "'");
	for (int i = 0; i < message->outcome_count; i++) {
		CHECK(sqlite3_bind_text(row, 1, message->outcomes[i].subject, -1, SQLITE_TRANSIENT) ==
		      SQLITE_OK);
		uncertain = uncertain || sqlite3_step(row) == SQLITE_ROW;
		CHECK(sqlite3_reset(row) == SQLITE_OK);
	}
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return uncertain;
}

void middleware_forget_states(struct middleware *middleware, const struct middleware_message *message)
{
	sqlite3_stmt *mark =
	    middleware_ask(middleware, "UPDATE postings SET code='" UNCERTAIN "' WHERE subject=?1");
	for (int i = 0; i < message->outcome_count; i++) {
		CHECK(sqlite3_bind_text(mark, 1, message->outcomes[i].subject, -1, SQLITE_TRANSIENT) ==
		      SQLITE_OK);
		CHECK(sqlite3_step(mark) == SQLITE_DONE);
		CHECK(sqlite3_reset(mark) == SQLITE_OK);
	}
	CHECK(sqlite3_finalize(mark) == SQLITE_OK);
}

void middleware_take_ack(struct middleware *middleware, struct middleware_message *message,
                         const cJSON *answer)
{
	struct counts counts = {.late = 0};
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	if (message->answered) {
		/* Another answer than the first: its clock made it forget the message, and it was taken anew. */
		if (middleware->clock_steps == message->clock_steps)
			middleware_find(middleware, "%s was answered twice, differently", message->id);
		middleware_forget_states(middleware, message);
		return;
	}
	bool uncertain = has_uncertain(middleware, message);
	message->answered = message->ended = true;
	middleware->outcomes += (uint64_t)message->outcome_count;
	for (int i = 0; i < message->outcome_count && !uncertain; i++)
		apply(middleware, &message->outcomes[i], &counts);
	set_busy(middleware, message, false);
	middleware->late += (uint64_t)counts.late;
	if (uncertain) {
		middleware_forget_states(middleware, message);
		return;
	}
	if (told(result, "late") != counts.late || told(result, "repeated") != counts.repeated ||
	    told(result, "taken") != counts.taken || told(result, "unknown") != counts.unknown ||
	    told(result, "refused") != counts.refused)
		middleware_find(middleware,
		                "%s: late %lld, repeated %lld, taken %lld, unknown %lld, refused %lld were "
		                "expected: %.*s",
		                message->id, (long long)counts.late, (long long)counts.repeated,
		                (long long)counts.taken, (long long)counts.unknown, (long long)counts.refused,
		                (int)message->payload.len, (const char *)message->payload.data);
}

bool middleware_states_agree(struct middleware *middleware, struct store *store, char why[SIM_FINDING_MAX])
{
	struct store_outcome_copy *known = mem_alloc(sizeof *known);
	sqlite3_stmt *rows = middleware_ask(
	    middleware, "SELECT subject, revision, code, document FROM postings WHERE code<>'" UNCERTAIN "'");
	while (!why[0] && sqlite3_step(rows) == SQLITE_ROW) {
		struct err_info info = {.text = ""};
		struct span subject = span_of((const char *)sqlite3_column_text(rows, 0));
		const char *code = (const char *)sqlite3_column_text(rows, 2);
		enum err err =
		    store_outcome_state(store, subject, sqlite3_column_int64(rows, 1), known, &info);
		const char *stored =
		    err == ERR_OK ? store_outcome_name((enum store_outcome_code)known->shown.code) : "";
		struct span document = err == ERR_OK ? known->shown.document : (struct span){NULL, 0};
		if ((err != ERR_OK && err != ERR_NOT_FOUND) || strcmp(stored, code) != 0 ||
		    !span_equal(document, span_of((const char *)sqlite3_column_text(rows, 3))))
			sim_find(why, "%.*s revision %lld: the store says %s %.*s, the machine %s %s",
			         (int)subject.len, subject.data, (long long)sqlite3_column_int64(rows, 1),
			         stored, (int)document.len, document.len ? document.data : "", code,
			         sqlite3_column_text(rows, 3));
	}
	CHECK(sqlite3_finalize(rows) == SQLITE_OK);
	free(known);
	return why[0] == 0;
}
