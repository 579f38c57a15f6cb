/*
 * middleware_postings.c - sends what the model cloud has booked until receipts cover it, and what none should send.
 *
 * Why:   see middleware.h, rule 6.
 * Owns:  the tables cloud_streams, cloud_events and cloud_answers, in the subscriber's database.
 * Rules: 1. A posting that no receipt covers is sent again after REPEAT_NS, and at once if a receipt calls it missing.
 *        2. In the faulty hours postings are lost, doubled, late (and so out of order), retained or spoiled on their
 *           way; garbage comes, and now and then another posting under a number that is there (an equivocation).
 *        3. An answer that came before, byte for byte, says nothing new: the agent sends its mail again.
 *        4. What a receipt has covered is not called missing later, but for the two reasons of rule 6 of middleware.h.
 *           A receipt that was overtaken by a newer one (the broker refused it once) says nothing; which is the newer
 *           one their times tell, where no clock was set.
 *        5. Only what was spoiled, retained or contradicts is refused.
 * Source: docs/contract.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/date.h"
#include "tests/sim/middleware.h"

#define REPEAT_NS (90 * NS_PER_S)
#define SENDS_MAX 100 /* a step */
#define GAPS_MAX  64  /* ranges of a receipt: docs/contract */
#define SOURCE    "urn:cloud:sim:%s:1709280000"
#define SEQUENCE  "\"sequence\":\"%020lld\""
#define TOPIC     "tp1/sim/box/dn/post/%s"
#define RECENT    10 /* as old a number may be that is used twice: the agent remembers 64 */

void middleware_postings_open(struct middleware *middleware)
{
	CHECK(sqlite3_exec(middleware->subscriber->db,
	                   "CREATE TABLE cloud_streams(stream TEXT PRIMARY KEY, next INTEGER, told TEXT "
	                   "DEFAULT '') WITHOUT ROWID;"
	                   "CREATE TABLE cloud_events(stream TEXT, sequence INTEGER, payload BLOB, due "
	                   "INTEGER DEFAULT 0, "
	                   "sent INTEGER DEFAULT 0, here INTEGER DEFAULT 0, spoiled INTEGER DEFAULT 0, "
	                   "PRIMARY KEY(stream, sequence)) WITHOUT ROWID;"
	                   "CREATE INDEX cloud_open ON cloud_events(due) WHERE here=0;"
	                   "CREATE TABLE cloud_answers(hash TEXT PRIMARY KEY) WITHOUT ROWID",
	                   NULL, NULL, NULL) == SQLITE_OK);
}

/* ---- into the stream ---- */

static int64_t next_sequence(struct middleware *middleware, const char *stream)
{
	sqlite3_stmt *row = middleware_ask(
	    middleware, "INSERT INTO cloud_streams(stream,next) VALUES (?1,2) ON CONFLICT(stream) "
			"DO UPDATE SET next=next+1 RETURNING next-1");
	CHECK(sqlite3_bind_text(row, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(row) == SQLITE_ROW);
	int64_t sequence = sqlite3_column_int64(row, 0);
	CHECK(sqlite3_step(row) == SQLITE_DONE && sqlite3_finalize(row) == SQLITE_OK);
	return sequence;
}

void middleware_post_document(struct middleware *middleware, const char *stream,
                              const struct cloud_event *event)
{
	char time[INSTANT_TEXT_SIZE];
	struct buf text;
	int64_t sequence = next_sequence(middleware, stream);
	instant_print(INT64_C(1709280000) * NS_PER_S + middleware->sim->mono_ns, time);
	buf_init(&text, UPLINK_INBOUND_BYTES_MAX);
	buf_append_text(&text, "{\"data\":");
	buf_append_span(&text, event->data);
	buf_printf(&text, ",\"datacontenttype\":\"application/json\",\"id\":\"p-%s-%lld\"", stream,
	           (long long)sequence);
	if (event->part)
		buf_printf(&text, ",\"part\":\"%s\"", event->part);
	buf_printf(&text, ",\"revision\":%lld," SEQUENCE ",\"source\":\"" SOURCE "\"",
	           (long long)event->revision, (long long)sequence, stream);
	buf_printf(&text, ",\"specversion\":\"1.0\",\"subject\":\"%s\",\"time\":\"%s\",\"type\":\"%s\"}",
	           event->subject, time, event->type);
	CHECK(buf_ok(&text));
	sqlite3_stmt *put =
	    middleware_ask(middleware, "INSERT INTO cloud_events(stream,sequence,payload) VALUES (?1,?2,?3)");
	CHECK(sqlite3_bind_text(put, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 2, sequence) == SQLITE_OK &&
	      sqlite3_bind_blob(put, 3, text.data, (int)text.len, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
	buf_release(&text);
	middleware->cloud.postings++;
}

/* ---- out of it ---- */

static void publish(struct middleware *middleware, const char *stream, struct span payload, bool retain)
{
	char topic[200];
	(void)snprintf(topic, sizeof topic, TOPIC, stream);
	middleware_post(middleware, topic, payload, retain);
}

/* The same bytes with one piece of text in another form. */
static bool replace(struct span payload, const char *from, const char *to, struct buf *out)
{
	const char *place = memmem(payload.data, payload.len, from, strlen(from));
	if (!place)
		return false;
	size_t before = (size_t)(place - payload.data);
	buf_init(out, UPLINK_INBOUND_BYTES_MAX);
	buf_append(out, payload.data, before);
	buf_append_text(out, to);
	buf_append(out, place + strlen(from), payload.len - before - strlen(from));
	return true;
}

/* The posting as it must be refused: its number is missing then, if it was not there before. */
static void send_spoiled(struct middleware *middleware, const char *stream, struct span payload)
{
	struct buf spoiled;
	bool words = middleware_one_in(middleware, 2);
	if (!replace(payload, words ? "\"specversion\":\"1.0\"" : "\"revision\":",
	             words ? "\"specversion\":\"9\"" : "\"revision\":-", &spoiled))
		return;
	publish(middleware, stream, buf_span(&spoiled), false);
	buf_release(&spoiled);
}

static void keep_sent(struct middleware *middleware, const char *stream, int64_t sequence, int64_t due_ns,
                      bool spoiled)
{
	sqlite3_stmt *put =
	    middleware_ask(middleware, "UPDATE cloud_events SET due=?3, sent=1, spoiled=max(spoiled,?4) "
	                               "WHERE stream=?1 AND sequence=?2");
	CHECK(sqlite3_bind_text(put, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 2, sequence) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 3, due_ns) == SQLITE_OK &&
	      sqlite3_bind_int(put, 4, spoiled) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
}

static void send_one(struct middleware *middleware, const char *stream, int64_t sequence, struct span payload)
{
	int64_t now = middleware->sim->mono_ns;
	int64_t due = now + REPEAT_NS;
	int64_t fate = middleware->quiet ? 99 : middleware_between(middleware, 0, 99);
	bool spoiled = false;
	if (fate < 4) {
		/* Lost. */
	} else if (fate < 8) {
		publish(middleware, stream, payload, false);
		publish(middleware, stream, payload, false);
	} else if (fate < 16) {
		due = now + middleware_between(middleware, 1, 300) * NS_PER_S;
	} else if (fate < 18) {
		publish(middleware, stream, payload, true);
		spoiled = true;
	} else if (fate < 20) {
		send_spoiled(middleware, stream, payload);
		spoiled = true;
	} else {
		publish(middleware, stream, payload, false);
	}
	keep_sent(middleware, stream, sequence, due, spoiled);
}

static void send_due(struct middleware *middleware)
{
	sqlite3_stmt *rows = middleware_ask(
	    middleware, "SELECT stream, sequence, payload, sent FROM cloud_events WHERE here=0 AND "
			"due<=?1 ORDER BY due, stream, sequence LIMIT ?2");
	struct {
		char stream[MIDDLEWARE_NAME_MAX];
		int64_t sequence;
		struct buf payload;
	} due[SENDS_MAX];
	int count = 0;
	/* What waits at the broker pushes out what waits there longer: receipts and commands are to have room. */
	int room = BROKER_SIM_INBOX_MAX / 2 - middleware->broker->inbox_count;
	CHECK(sqlite3_bind_int64(rows, 1, middleware->sim->mono_ns) == SQLITE_OK &&
	      sqlite3_bind_int(rows, 2,
	                       room < 0           ? 0
	                       : room < SENDS_MAX ? room
	                                          : SENDS_MAX) == SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		(void)snprintf(due[count].stream, sizeof due[count].stream, "%s",
		               sqlite3_column_text(rows, 0));
		due[count].sequence = sqlite3_column_int64(rows, 1);
		buf_init(&due[count].payload, UPLINK_INBOUND_BYTES_MAX);
		buf_append(&due[count].payload, sqlite3_column_blob(rows, 2),
		           (size_t)sqlite3_column_bytes(rows, 2));
		middleware->cloud.again += sqlite3_column_int(rows, 3) != 0;
		count++;
	}
	CHECK(sqlite3_finalize(rows) == SQLITE_OK);
	for (int i = 0; i < count; i++) {
		send_one(middleware, due[i].stream, due[i].sequence, buf_span(&due[i].payload));
		buf_release(&due[i].payload);
	}
}

/* Another posting under a number that is there. */
static void equivocate(struct middleware *middleware)
{
	sqlite3_stmt *row = middleware_ask(
	    middleware,
	    "SELECT e.stream, e.payload FROM cloud_events e JOIN cloud_streams s ON s.stream=e.stream WHERE "
	    "e.here=1 AND e.sequence>=s.next-?1 ORDER BY e.sequence DESC LIMIT 1 OFFSET ?2");
	struct buf other;
	CHECK(sqlite3_bind_int(row, 1, RECENT) == SQLITE_OK &&
	      sqlite3_bind_int64(row, 2, middleware_between(middleware, 0, 5)) == SQLITE_OK);
	if (sqlite3_step(row) == SQLITE_ROW) {
		struct span payload = {sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1)};
		CHECK(replace(payload, "\"id\":\"p-", "\"id\":\"e-", &other));
		publish(middleware, (const char *)sqlite3_column_text(row, 0), buf_span(&other), false);
		buf_release(&other);
	}
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
}

static void send_garbage(struct middleware *middleware)
{
	char bytes[64];
	char stream[MIDDLEWARE_NAME_MAX];
	if (!middleware_stream(middleware, stream))
		return;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)middleware_between(middleware, 0, 255);
	publish(middleware, stream, (struct span){bytes, sizeof bytes}, middleware_one_in(middleware, 4));
}

void middleware_postings_step(struct middleware *middleware)
{
	bool quiet = middleware->quiet;
	if (!middleware->cloud.posts)
		return;
	if (quiet || middleware_one_in(middleware, 2))
		cloud_books_step(middleware, quiet ? 400 : (int)middleware_between(middleware, 1, 60));
	send_due(middleware);
	if (quiet)
		return;
	if (middleware_one_in(middleware, 40))
		send_garbage(middleware);
	if (middleware->cloud.equivocates && middleware_one_in(middleware, 20))
		equivocate(middleware);
}

void middleware_post_again(struct middleware *middleware)
{
	middleware->cloud.put_aside = true;
	CHECK(sqlite3_exec(middleware->subscriber->db, "UPDATE cloud_events SET here=0, sent=0, due=0", NULL,
	                   NULL, NULL) == SQLITE_OK);
}

bool middleware_postings_settled(const struct middleware *middleware, char why[SIM_FINDING_MAX])
{
	if (!middleware->cloud.posts)
		return true;
	sqlite3_stmt *row = middleware_ask(
	    middleware, "SELECT stream, sequence FROM cloud_events WHERE here=0 ORDER BY 1,2 LIMIT 1");
	if (!cloud_books_done(middleware))
		sim_find(why, "documents came that were not booked");
	if (sqlite3_step(row) == SQLITE_ROW)
		sim_find(why, "no receipt covers the cloud's posting %lld of stream %s",
		         (long long)sqlite3_column_int64(row, 1), sqlite3_column_text(row, 0));
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return why[0] == 0;
}

/* ---- answers ---- */

/* true: these bytes came before. */
static bool came_before(struct middleware *middleware, struct span payload)
{
	char hash[2 * EVENT_HASH_BYTES + 1];
	event_hash_hex(payload, hash);
	sqlite3_stmt *put = middleware_ask(middleware, "INSERT OR IGNORE INTO cloud_answers VALUES (?1)");
	CHECK(sqlite3_bind_text(put, 1, hash, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
	return sqlite3_changes(middleware->subscriber->db) == 0;
}

/* The stream of our source, "urn:cloud:sim:{stream}:{epoch}". */
static bool stream_of(const char *source, char stream[MIDDLEWARE_NAME_MAX])
{
	char ours[200];
	const char *begin = source ? strstr(source, "urn:cloud:sim:") : NULL;
	if (begin != source || !source)
		return false;
	begin += strlen("urn:cloud:sim:");
	(void)snprintf(stream, MIDDLEWARE_NAME_MAX, "%.*s", (int)strcspn(begin, ":"), begin);
	(void)snprintf(ours, sizeof ours, SOURCE, stream);
	return strcmp(ours, source) == 0;
}

static int change_range(struct middleware *middleware, const char *sql, const char *stream, int64_t from,
                        int64_t to)
{
	sqlite3_stmt *put = middleware_ask(middleware, sql);
	CHECK(sqlite3_bind_text(put, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 2, from) == SQLITE_OK && sqlite3_bind_int64(put, 3, to) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
	return sqlite3_changes(middleware->subscriber->db);
}

static int64_t number_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
}

static void note_gaps(struct middleware *middleware, const char *stream, bool open)
{
	unsigned slot = 0;
	for (const char *c = stream; *c; c++)
		slot = slot * 31 + (unsigned char)*c;
	bool *was = &middleware->cloud.open_gaps[slot % MIDDLEWARE_STREAMS_MAX];
	middleware->cloud.gaps_opened += open && !*was;
	middleware->cloud.gaps_closed += !open && *was;
	*was = open;
}

static void take_missing(struct middleware *middleware, const char *stream, const cJSON *missing)
{
	const cJSON *range;
	struct middleware_cloud *cloud = &middleware->cloud;
	cloud->many_gaps = cloud->many_gaps || cJSON_GetArraySize(missing) >= GAPS_MAX;
	note_gaps(middleware, stream, cJSON_GetArraySize(missing) > 0);
	cJSON_ArrayForEach(range, missing)
	{
		int64_t from = number_of(range, "from");
		int64_t to = number_of(range, "to");
		(void)change_range(middleware,
		                   "UPDATE cloud_events SET due=0 WHERE here=0 AND stream=?1 AND sequence "
		                   "BETWEEN ?2 AND ?3",
		                   stream, from, to);
		int lost =
		    change_range(middleware,
		                 "UPDATE cloud_events SET here=0, due=0 WHERE here=1 AND stream=?1 AND "
		                 "sequence BETWEEN ?2 AND ?3",
		                 stream, from, to);
		if (lost > 0 && !cloud->many_gaps && !cloud->put_aside && middleware->clock_steps == 0)
			middleware_find(
			    middleware,
			    "of the cloud's postings %lld to %lld of stream %s, %d were receipted, and are "
			    "missing now",
			    (long long)from, (long long)to, stream, lost);
	}
}

/* Is the answer older than another one of this stream? */
static bool is_overtaken(struct middleware *middleware, const char *stream, const char *time)
{
	sqlite3_stmt *put =
	    middleware_ask(middleware, "UPDATE cloud_streams SET told=?2 WHERE stream=?1 AND told<=?2");
	CHECK(sqlite3_bind_text(put, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(put, 2, time, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
	return sqlite3_changes(middleware->subscriber->db) == 0;
}

/* All below next are here, but for those that are missing: the ranges between them. */
static void take_here(struct middleware *middleware, const char *stream, const cJSON *missing, int64_t next)
{
	static const char here[] = "UPDATE cloud_events SET here=1 WHERE here=0 AND sent=1 AND stream=?1 AND "
				   "sequence BETWEEN ?2 AND ?3";
	const cJSON *range;
	int64_t from = 1;
	cJSON_ArrayForEach(range, missing)
	{
		(void)change_range(middleware, here, stream, from, number_of(range, "from") - 1);
		from = number_of(range, "to") + 1;
	}
	(void)change_range(middleware, here, stream, from, next - 1);
}

static void take_done(struct middleware *middleware, struct span payload, const cJSON *answer)
{
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	const cJSON *missing = cJSON_GetObjectItemCaseSensitive(result, "missing");
	char stream[MIDDLEWARE_NAME_MAX];
	int64_t next = number_of(result, "next");
	if (!stream_of(event_text(result, "source"), stream) || !cJSON_IsArray(missing) || next < 1 ||
	    number_of(result, "upto") < 0) {
		middleware_find(middleware, "a receipt of postings says %.*s", (int)payload.len,
		                payload.data);
		return;
	}
	if (change_range(middleware,
	                 "UPDATE cloud_streams SET next=next WHERE stream=?1 AND next BETWEEN ?2 AND ?3",
	                 stream, next, INT64_MAX) != 1)
		middleware_find(middleware, "a receipt tells of postings that were never made: %.*s",
		                (int)payload.len, payload.data);
	if (middleware->clock_steps == 0 && is_overtaken(middleware, stream, event_text(answer, "time")))
		return;
	take_missing(middleware, stream, missing);
	take_here(middleware, stream, missing, next);
}

/* "p-{stream}-{sequence}": was it spoiled, or retained? */
static bool was_spoiled(struct middleware *middleware, const char *id)
{
	char stream[MIDDLEWARE_NAME_MAX];
	const char *dash = strrchr(id, '-');
	if (strncmp(id, "p-", 2) != 0 || dash < id + 3)
		return false;
	(void)snprintf(stream, sizeof stream, "%.*s", (int)(dash - id - 2), id + 2);
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT spoiled FROM cloud_events WHERE stream=?1 AND sequence=?2");
	CHECK(sqlite3_bind_text(row, 1, stream, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(row, 2, strtoll(dash + 1, NULL, 10)) == SQLITE_OK);
	bool spoiled = sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) != 0;
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return spoiled;
}

static void take_refused(struct middleware *middleware, struct span payload, const cJSON *answer)
{
	const char *id = event_text(answer, "id");
	const char *reason = event_text(answer, "reason");
	bool contradicts = strncmp(id, "e-", 2) == 0 && strcmp(reason ? reason : "", "id-reused") == 0;
	bool spoiled = reason && (strcmp(reason, "malformed") == 0 || strcmp(reason, "retained") == 0) &&
	               was_spoiled(middleware, id);
	middleware->cloud.contradicted += contradicts;
	middleware->cloud.refused += spoiled;
	if (!contradicts && !spoiled)
		middleware_find(middleware, "a good posting was refused: %.*s", (int)payload.len,
		                payload.data);
}

void middleware_take_receipt(struct middleware *middleware, struct span payload, const cJSON *answer)
{
	const char *state = event_text(answer, "state");
	const char *id = event_text(answer, "id");
	if (came_before(middleware, payload))
		middleware->answers_again++;
	else if (!middleware->cloud.posts || !state || !id || !event_text(answer, "time"))
		middleware_find(middleware, "an answer to no posting: %.*s", (int)payload.len, payload.data);
	else if (strcmp(state, "done") == 0)
		take_done(middleware, payload, answer);
	else if (strcmp(state, "rejected") == 0)
		take_refused(middleware, payload, answer);
	else
		middleware_find(middleware, "a posting was answered with %.*s", (int)payload.len,
		                payload.data);
}
