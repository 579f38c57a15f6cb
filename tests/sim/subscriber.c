/*
 * subscriber.c - receives events, recomputes what they claim, and compares with the ERP's books.
 *
 * Why:   see subscriber.h.
 * Owns:  as in subscriber.h.
 * Rules: as in subscriber.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/batch_check.h"
#include "tests/sim/control_check.h"

void subscriber_open(struct subscriber *subscriber)
{
	*subscriber = (struct subscriber){.db = NULL};
	CHECK(sqlite3_open(":memory:", &subscriber->db) == SQLITE_OK);
	CHECK(sqlite3_exec(
		  subscriber->db,
		  "CREATE TABLE events(source TEXT, sequence INTEGER, payload BLOB, PRIMARY "
		  "KEY(source, sequence));"
		  "CREATE TABLE streams(source TEXT PRIMARY KEY, last INTEGER, chain BLOB);"
		  "CREATE TABLE documents(subject TEXT PRIMARY KEY, revision INTEGER, voided "
		  "INTEGER, lines INTEGER, "
		  "amount INTEGER, rest INTEGER, name TEXT, part INTEGER, parts INTEGER, seen INTEGER "
		  "DEFAULT 0);"
		  "CREATE TABLE postings(subject TEXT, revision INTEGER, stream TEXT, code TEXT DEFAULT "
		  "'', document TEXT DEFAULT '', busy INTEGER DEFAULT 0, source TEXT, last INTEGER, "
		  "PRIMARY KEY(subject, revision)) WITHOUT ROWID",
		  NULL, NULL, NULL) == SQLITE_OK);
	witness_open(&subscriber->witness, subscriber->finding);
}

void subscriber_close(struct subscriber *subscriber)
{
	witness_close(&subscriber->witness);
	CHECK(sqlite3_close(subscriber->db) == SQLITE_OK);
}

static sqlite3_stmt *ask(struct subscriber *subscriber, const char *sql)
{
	sqlite3_stmt *statement;
	CHECK(sqlite3_prepare_v2(subscriber->db, sql, -1, &statement, NULL) == SQLITE_OK);
	return statement;
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	CHECK(sqlite3_bind_text(statement, place, text, -1, SQLITE_TRANSIENT) == SQLITE_OK);
}

static void bind_bytes(sqlite3_stmt *statement, int place, struct span bytes)
{
	CHECK(sqlite3_bind_blob(statement, place, bytes.data, (int)bytes.len, SQLITE_TRANSIENT) == SQLITE_OK);
}

static void finish(sqlite3_stmt *statement)
{
	CHECK(sqlite3_step(statement) == SQLITE_DONE);
	CHECK(sqlite3_finalize(statement) == SQLITE_OK);
}

static void figures_of(const struct event *event, struct erp_figures *figures)
{
	const cJSON *data = event->data;
	const char *currency = event_text(data, "currency");
	const char *local = event_text(data, "local_currency");
	int decimals = erp_decimals(span_of(currency));
	const cJSON *line;
	bool payment = strstr(event->subject, "/payment/") != NULL;
	*figures = (struct erp_figures){.voided = strstr(event->type, ".voided.") != NULL};
	const cJSON *lines = cJSON_GetObjectItemCaseSensitive(data, payment ? "applications" : "lines");
	figures->lines = lines ? cJSON_GetArraySize(lines) : 0;
	if (strstr(event->subject, "/customer/")) {
		const char *name = event_text(data, "legal_name");
		(void)snprintf(figures->name, sizeof figures->name, "%s", name ? name : "");
		figures->lines = 0;
	} else if (payment) {
		figures->amount = event_minor_units(event_text(data, "amount"), decimals);
		const char *unapplied = event_text(data, "unapplied");
		figures->rest = event_minor_units(unapplied ? unapplied : "0", decimals);
	} else if (strstr(event->subject, "/journal/")) {
		cJSON_ArrayForEach(line, lines)
		{
			const char *amount = event_text(line, "amount_local");
			int places = erp_decimals(span_of(amount && local ? local : currency));
			int64_t units =
			    event_minor_units(amount ? amount : event_text(line, "amount"), places);
			figures->amount += units > 0 ? units : 0;
		}
	} else {
		figures->amount = event_minor_units(event_text(data, "gross"), decimals);
		figures->rest = event_minor_units(event_text(data, "open"), decimals);
	}
}

/* Has the stream of this source begun a new epoch? (The epoch is the source's last part.) */
static bool has_new_epoch(struct subscriber *subscriber, const char *source)
{
	const char *epoch = strrchr(source, ':');
	sqlite3_stmt *count = ask(subscriber, "SELECT count(*) FROM streams WHERE substr(source, 1, ?2) = "
	                                      "substr(?1, 1, ?2)");
	bind_text(count, 1, source);
	CHECK(sqlite3_bind_int64(count, 2, epoch - source + 1) == SQLITE_OK);
	CHECK(sqlite3_step(count) == SQLITE_ROW);
	bool more = sqlite3_column_int64(count, 0) > 1;
	CHECK(sqlite3_finalize(count) == SQLITE_OK);
	return more;
}

/* Revisions rise by one. Only a salvage may leave numbers out (docs/decisions/0003): a document that the register lost
 * goes on at n * 1000 + 1, and one whose last revision was not acknowledged skips that one in the new epoch. */
static bool revision_follows(struct subscriber *subscriber, const struct event *event, int64_t last)
{
	if (event->revision == last + 1)
		return true;
	if (event->revision > last && event->revision > 1000 && event->revision % 1000 == 1)
		return true;
	return event->revision == last + 2 && has_new_epoch(subscriber, event->source);
}

/* Part 1 of 1 where it is whole. false: not the form "1/3". */
static bool read_part(const struct event *event, int64_t *part, int64_t *parts)
{
	char *end = NULL;
	*part = *parts = 1;
	if (!event->part)
		return true;
	*part = strtoll(event->part, &end, 10);
	if (*end != '/')
		return false;
	*parts = strtoll(end + 1, &end, 10);
	return *end == 0 && *part >= 1 && *part <= *parts && *parts >= 2;
}

/* What was kept of the subject: its revision, and how much of it came. */
struct kept {
	int64_t revision;
	int64_t part;
	int64_t parts;
};

static void find_kept(struct subscriber *subscriber, const char *subject, struct kept *kept)
{
	sqlite3_stmt *known = ask(subscriber, "SELECT revision, part, parts FROM documents WHERE subject=?1");
	*kept = (struct kept){0, 1, 1};
	bind_text(known, 1, subject);
	if (sqlite3_step(known) == SQLITE_ROW)
		*kept = (struct kept){sqlite3_column_int64(known, 0), sqlite3_column_int64(known, 1),
		                      sqlite3_column_int64(known, 2)};
	CHECK(sqlite3_finalize(known) == SQLITE_OK);
}

/* It is whole: from now on the cloud may say what became of it. */
static void keep_posting(struct subscriber *subscriber, const struct event *event)
{
	char stream[EVENT_STREAM_MAX];
	sqlite3_stmt *put = ask(
	    subscriber, "INSERT INTO postings(subject,revision,stream,source,last) VALUES (?1,?2,?3,?4,?5)");
	CHECK(event_stream_of(event->source, stream));
	bind_text(put, 1, event->subject);
	CHECK(sqlite3_bind_int64(put, 2, event->revision) == SQLITE_OK);
	bind_text(put, 3, stream);
	bind_text(put, 4, event->source);
	CHECK(sqlite3_bind_int64(put, 5, event->number) == SQLITE_OK);
	finish(put);
}

static void put_document(struct subscriber *subscriber, const struct event *event, int64_t part,
                         int64_t parts)
{
	static const char first[] = "INSERT OR REPLACE INTO documents"
				    "(subject,revision,voided,lines,amount,rest,name,part,parts) "
				    "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)";
	static const char next[] = "UPDATE documents SET lines=lines+?4, amount=CASE WHEN ?10 THEN amount+?5 "
				   "ELSE amount END, part=?8 WHERE subject=?1";
	struct erp_figures figures;
	figures_of(event, &figures);
	const char *sql = part == 1 ? first : next;
	sqlite3_stmt *put = ask(subscriber, sql);
	bind_text(put, 1, event->subject);
	if (part == 1) {
		CHECK(sqlite3_bind_int64(put, 2, event->revision) == SQLITE_OK);
		CHECK(sqlite3_bind_int64(put, 3, figures.voided) == SQLITE_OK);
		CHECK(sqlite3_bind_int64(put, 6, figures.rest) == SQLITE_OK);
		bind_text(put, 7, figures.name);
		CHECK(sqlite3_bind_int64(put, 9, parts) == SQLITE_OK);
	} else {
		CHECK(sqlite3_bind_int64(put, 10, strstr(event->subject, "/journal/") != NULL) == SQLITE_OK);
	}
	CHECK(sqlite3_bind_int64(put, 4, figures.lines) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 5, figures.amount) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 8, part) == SQLITE_OK);
	finish(put);
}

static void keep_document(struct subscriber *subscriber, const struct event *event)
{
	struct kept kept;
	int64_t part;
	int64_t parts;
	find_kept(subscriber, event->subject, &kept);
	bool whole = kept.part == kept.parts;
	if (!read_part(event, &part, &parts))
		sim_find(subscriber->finding, "%s: part %s", event->subject, event->part);
	else if (part == 1 ? !whole || !revision_follows(subscriber, event, kept.revision)
	                   : event->revision != kept.revision || part != kept.part + 1 || parts != kept.parts)
		sim_find(subscriber->finding,
		         "%s: revision %lld part %lld of %lld came after %lld, %lld of %lld", event->subject,
		         (long long)event->revision, (long long)part, (long long)parts,
		         (long long)kept.revision, (long long)kept.part, (long long)kept.parts);
	if (subscriber->finding[0])
		return;
	subscriber->parts += parts > 1;
	put_document(subscriber, event, part, parts);
	if (part == parts)
		keep_posting(subscriber, event);
}

static void check_control(struct subscriber *subscriber, const struct event *event)
{
	struct buf expected;
	const struct witness_source *source = witness_find(&subscriber->witness, event->source);
	int64_t before =
	    source && source->control_count > 0 ? source->controls[source->control_count - 1] : 0;
	buf_init(&expected, 262144);
	control_expect(subscriber->db, event->source, before + 1, event->number - 1, &expected);
	if (!span_equal(buf_span(&expected), event->data_bytes))
		sim_find(subscriber->finding, "%s: its data is %.*s, not %.*s", event->subject,
		         (int)(event->data_bytes.len < 200 ? event->data_bytes.len : 200),
		         event->data_bytes.data, (int)(expected.len < 200 ? expected.len : 200),
		         (const char *)expected.data);
	buf_release(&expected);
}

/* true: it is new. One that came before, also one that waits for its gap to be filled, must be the same. */
static bool keep_event(struct subscriber *subscriber, const struct event *event, struct span payload)
{
	sqlite3_stmt *known = ask(subscriber, "SELECT payload FROM events WHERE source=?1 AND sequence=?2");
	bind_text(known, 1, event->source);
	CHECK(sqlite3_bind_int64(known, 2, event->number) == SQLITE_OK);
	bool fresh = sqlite3_step(known) != SQLITE_ROW;
	if (!fresh) {
		struct span first = {sqlite3_column_blob(known, 0), (size_t)sqlite3_column_bytes(known, 0)};
		if (!span_equal(first, payload))
			sim_find(subscriber->finding, "%s %s: came again with other bytes (%.100s)",
			         event->source, event->sequence, event->subject);
		subscriber->duplicates++;
	}
	CHECK(sqlite3_finalize(known) == SQLITE_OK);
	if (!fresh)
		return false;
	sqlite3_stmt *put = ask(subscriber, "INSERT INTO events VALUES (?1,?2,?3)");
	bind_text(put, 1, event->source);
	CHECK(sqlite3_bind_int64(put, 2, event->number) == SQLITE_OK);
	bind_bytes(put, 3, payload);
	finish(put);
	return true;
}

static int64_t chain_head(struct subscriber *subscriber, const char *source, uint8_t chain[EVENT_HASH_BYTES])
{
	int64_t last = 0;
	sqlite3_stmt *stream = ask(subscriber, "SELECT last, chain FROM streams WHERE source=?1");
	bind_text(stream, 1, source);
	event_chain_start(source, chain);
	if (sqlite3_step(stream) == SQLITE_ROW) {
		last = sqlite3_column_int64(stream, 0);
		memcpy(chain, sqlite3_column_blob(stream, 1), EVENT_HASH_BYTES);
	}
	CHECK(sqlite3_finalize(stream) == SQLITE_OK);
	return last;
}

/* The next in sequence: its chain must follow, its document is kept. */
static void follow(struct subscriber *subscriber, const struct event *event, uint8_t chain[EVENT_HASH_BYTES])
{
	char hex[2 * EVENT_HASH_BYTES + 1];
	uint8_t leaf[EVENT_HASH_BYTES];
	event_leaf(event, leaf);
	event_chain_next(leaf, chain);
	hex_encode(hex, chain, EVENT_HASH_BYTES);
	if (strcmp(hex, event->chainhash) != 0)
		sim_find(subscriber->finding, "%s %s: the chain is broken", event->source, event->sequence);
	if (event_is_posting(event))
		keep_document(subscriber, event);
	else if (strcmp(event->type, EVENT_CONTROL_TYPE) == 0)
		check_control(subscriber, event);
	witness_event(&subscriber->witness, event, leaf, chain);
	sqlite3_stmt *put = ask(subscriber, "INSERT OR REPLACE INTO streams VALUES (?1,?2,?3)");
	bind_text(put, 1, event->source);
	CHECK(sqlite3_bind_int64(put, 2, event->number) == SQLITE_OK);
	bind_bytes(put, 3, (struct span){(const char *)chain, EVENT_HASH_BYTES});
	finish(put);
}

/* Follows the stream as far as it is without a gap. */
static void advance(struct subscriber *subscriber, const char *source)
{
	uint8_t chain[EVENT_HASH_BYTES];
	int64_t last = chain_head(subscriber, source, chain);
	sqlite3_stmt *next = ask(subscriber, "SELECT payload FROM events WHERE source=?1 AND sequence=?2");
	bind_text(next, 1, source);
	for (;;) {
		struct event event;
		CHECK(sqlite3_bind_int64(next, 2, ++last) == SQLITE_OK);
		if (sqlite3_step(next) != SQLITE_ROW)
			break;
		struct span payload = {sqlite3_column_blob(next, 0), (size_t)sqlite3_column_bytes(next, 0)};
		CHECK(event_parse(&event, payload));
		follow(subscriber, &event, chain);
		event_release(&event);
		CHECK(sqlite3_reset(next) == SQLITE_OK);
	}
	CHECK(sqlite3_finalize(next) == SQLITE_OK);
}

struct receiving {
	struct subscriber *subscriber;
	struct span topic;
};

static void receive_one(void *self, struct span payload)
{
	struct receiving *receiving = self;
	struct subscriber *subscriber = receiving->subscriber;
	struct event event;
	subscriber->received++;
	if (!event_parse(&event, payload))
		sim_find(subscriber->finding, "not an event: %.*s",
		         (int)(payload.len < 200 ? payload.len : 200), payload.data);
	else if (!event_topic_fits(event.source, "up/post", receiving->topic))
		sim_find(subscriber->finding, "%s came on topic %.*s", event.source,
		         (int)receiving->topic.len, receiving->topic.data);
	else if (!event_id_fits(&event))
		sim_find(subscriber->finding, "%s: id %s does not follow from its content", event.subject,
		         event.id);
	else if (keep_event(subscriber, &event, payload))
		advance(subscriber, event.source);
	event_release(&event);
}

void subscriber_receive(struct subscriber *subscriber, struct span topic, struct span payload)
{
	struct receiving receiving = {subscriber, topic};
	if (batch_is(payload)) {
		subscriber->batches++;
		batch_check(payload, subscriber->finding, receive_one, &receiving);
	} else {
		receive_one(&receiving, payload);
	}
}

int64_t subscriber_replayed(struct subscriber *subscriber, struct span topic, struct span payload)
{
	struct event event;
	int64_t number = 0;
	if (!event_parse(&event, payload) || !event_topic_fits(event.source, "up/replay", topic)) {
		sim_find(subscriber->finding, "a replay is no event of its topic %.*s", (int)topic.len,
		         topic.data);
		event_release(&event);
		return 0;
	}
	sqlite3_stmt *known = ask(subscriber, "SELECT payload FROM events WHERE source=?1 AND sequence=?2");
	bind_text(known, 1, event.source);
	CHECK(sqlite3_bind_int64(known, 2, event.number) == SQLITE_OK);
	if (sqlite3_step(known) == SQLITE_ROW) {
		struct span first = {sqlite3_column_blob(known, 0), (size_t)sqlite3_column_bytes(known, 0)};
		if (!span_equal(first, payload))
			sim_find(subscriber->finding, "%s %s: was replayed with other bytes", event.source,
			         event.sequence);
	}
	number = event.number;
	CHECK(sqlite3_finalize(known) == SQLITE_OK);
	event_release(&event);
	return number;
}

struct comparison {
	struct subscriber *subscriber;
	char *why;
};

static void compare(void *self, const struct erp_figures *figures)
{
	struct comparison *comparison = self;
	sqlite3_stmt *row =
	    ask(comparison->subscriber,
	        "UPDATE documents SET seen=1 WHERE subject=?1 RETURNING lines, amount, rest, voided, name");
	bind_text(row, 1, figures->subject);
	bool there = sqlite3_step(row) == SQLITE_ROW;
	if (comparison->why[0]) {
		/* The first difference is told already. */
	} else if (!there) {
		(void)snprintf(comparison->why, 600, "%s: not received", figures->subject);
	} else if (sqlite3_column_int64(row, 0) != figures->lines ||
	           sqlite3_column_int64(row, 1) != figures->amount ||
	           sqlite3_column_int64(row, 2) != figures->rest ||
	           (sqlite3_column_int(row, 3) != 0) != figures->voided ||
	           strcmp((const char *)sqlite3_column_text(row, 4), figures->name) != 0) {
		(void)snprintf(comparison->why, 600,
		               "%s: lines %lld, amount %lld, rest %lld, voided %d, name %s in the ERP; %lld, "
		               "%lld, %lld, %d, %s "
		               "received",
		               figures->subject, (long long)figures->lines, (long long)figures->amount,
		               (long long)figures->rest, figures->voided, figures->name,
		               (long long)sqlite3_column_int64(row, 0),
		               (long long)sqlite3_column_int64(row, 1),
		               (long long)sqlite3_column_int64(row, 2), sqlite3_column_int(row, 3),
		               sqlite3_column_text(row, 4));
	}
	while (there && sqlite3_step(row) == SQLITE_ROW)
		;
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
}

bool subscriber_equals(struct subscriber *subscriber, const struct erp_books *books, char why[600])
{
	struct comparison comparison = {subscriber, why};
	why[0] = 0;
	CHECK(sqlite3_exec(subscriber->db, "UPDATE documents SET seen=0", NULL, NULL, NULL) == SQLITE_OK);
	erp_books_expect(books, compare, &comparison);
	sqlite3_stmt *more = ask(subscriber, "SELECT subject FROM documents WHERE seen=0 LIMIT 1");
	if (!why[0] && sqlite3_step(more) == SQLITE_ROW)
		(void)snprintf(why, 600, "%s: received, but the ERP has no such posted document",
		               sqlite3_column_text(more, 0));
	CHECK(sqlite3_finalize(more) == SQLITE_OK);
	sqlite3_stmt *torn = ask(subscriber, "SELECT subject, part, parts FROM documents WHERE part<parts");
	if (!why[0] && sqlite3_step(torn) == SQLITE_ROW)
		(void)snprintf(why, 600, "%s: part %lld of %lld is the last that came",
		               sqlite3_column_text(torn, 0), (long long)sqlite3_column_int64(torn, 1),
		               (long long)sqlite3_column_int64(torn, 2));
	CHECK(sqlite3_finalize(torn) == SQLITE_OK);
	sqlite3_stmt *gaps =
	    ask(subscriber, "SELECT e.source, e.sequence, s.last FROM events e LEFT JOIN streams s ON "
	                    "s.source=e.source WHERE e.sequence>coalesce(s.last,0) LIMIT 1");
	if (!why[0] && sqlite3_step(gaps) == SQLITE_ROW)
		(void)snprintf(why, 600, "%s: sequence %lld waits, the one after %lld is missing",
		               sqlite3_column_text(gaps, 0), (long long)sqlite3_column_int64(gaps, 1),
		               (long long)sqlite3_column_int64(gaps, 2));
	CHECK(sqlite3_finalize(gaps) == SQLITE_OK);
	return why[0] == 0;
}
