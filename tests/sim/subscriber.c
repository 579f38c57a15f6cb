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

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 32

struct event {
	cJSON *root;
	const cJSON *data;
	struct span data_bytes;
	const char *source;
	const char *sequence;
	const char *id;
	const char *type;
	const char *subject;
	const char *time;
	const char *dataschema;
	const char *chainhash;
	int64_t number;
	int64_t revision;
};

static void find(struct subscriber *subscriber, const char *format, ...) PRINTF_LIKE(2, 3);

static void find(struct subscriber *subscriber, const char *format, ...)
{
	if (subscriber->finding[0])
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(subscriber->finding, sizeof subscriber->finding, format, args);
	va_end(args);
}

void subscriber_open(struct subscriber *subscriber)
{
	*subscriber = (struct subscriber){.db = NULL};
	CHECK(sqlite3_open(":memory:", &subscriber->db) == SQLITE_OK);
	CHECK(sqlite3_exec(subscriber->db,
	                   "CREATE TABLE events(source TEXT, sequence INTEGER, payload BLOB, PRIMARY "
	                   "KEY(source, sequence));"
	                   "CREATE TABLE streams(source TEXT PRIMARY KEY, last INTEGER, chain BLOB);"
	                   "CREATE TABLE documents(subject TEXT PRIMARY KEY, revision INTEGER, voided "
	                   "INTEGER, lines INTEGER, "
	                   "amount INTEGER, rest INTEGER, name TEXT, seen INTEGER DEFAULT 0)",
	                   NULL, NULL, NULL) == SQLITE_OK);
}

void subscriber_close(struct subscriber *subscriber)
{
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

static void sha256(const struct buf *input, uint8_t hash[HASH_BYTES])
{
	unsigned len = 0;
	CHECK(EVP_Digest(input->data, input->len, hash, &len, EVP_sha256(), NULL) == 1 && len == HASH_BYTES);
}

static void hash_span(struct span bytes, uint8_t hash[HASH_BYTES])
{
	struct buf input;
	buf_init(&input, bytes.len);
	buf_append_span(&input, bytes);
	sha256(&input, hash);
	buf_release(&input);
}

static void hash_hex(struct span bytes, char hex[2 * HASH_BYTES + 1])
{
	uint8_t hash[HASH_BYTES];
	hash_span(bytes, hash);
	for (int i = 0; i < HASH_BYTES; i++)
		(void)snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", hash[i]);
}

/* The bytes of the value of "data" as they stand in the payload: keys are sorted, and only "chainhash" comes
 * before. */
static struct span data_bytes(struct span payload)
{
	static const char key[] = "\",\"data\":";
	const char *at = memmem(payload.data, payload.len, key, sizeof key - 1);
	if (!at)
		return (struct span){NULL, 0};
	const char *begin = at + sizeof key - 1;
	int depth = 0;
	bool in_text = false;
	for (const char *c = begin; c < payload.data + payload.len; c++) {
		if (in_text) {
			if (*c == '\\')
				c++;
			else if (*c == '"')
				in_text = false;
		} else if (*c == '"') {
			in_text = true;
		} else if (*c == '{' || *c == '[') {
			depth++;
		} else if (*c == '}' || *c == ']') {
			if (--depth == 0)
				return (struct span){begin, (size_t)(c + 1 - begin)};
		}
	}
	return (struct span){NULL, 0};
}

static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* false: the payload is no event of the contract. */
static bool parse(struct event *event, struct span payload)
{
	const char *end = NULL;
	*event = (struct event){.root = cJSON_ParseWithLengthOpts(payload.data, payload.len, &end, 0)};
	if (!event->root || end != payload.data + payload.len)
		return false;
	event->data = cJSON_GetObjectItemCaseSensitive(event->root, "data");
	event->data_bytes = data_bytes(payload);
	event->source = text_of(event->root, "source");
	event->sequence = text_of(event->root, "sequence");
	event->id = text_of(event->root, "id");
	event->type = text_of(event->root, "type");
	event->subject = text_of(event->root, "subject");
	event->time = text_of(event->root, "time");
	event->dataschema = text_of(event->root, "dataschema");
	event->chainhash = text_of(event->root, "chainhash");
	const cJSON *revision = cJSON_GetObjectItemCaseSensitive(event->root, "revision");
	if (!cJSON_IsObject(event->data) || event->data_bytes.len == 0 || !event->source ||
	    !event->sequence || !event->id || !event->type || !event->subject || !event->time ||
	    !event->dataschema || !event->chainhash || !cJSON_IsNumber(revision) ||
	    strlen(event->sequence) != 20)
		return false;
	event->number = strtoll(event->sequence, NULL, 10);
	event->revision = (int64_t)revision->valuedouble;
	return event->number >= 1 && event->revision >= 1;
}

/* The stream of the source, urn:twinpost:{tenant}:{gateway}:{stream}:{epoch}, must be the topic's last
 * level. */
static bool topic_fits(const struct event *event, struct span topic)
{
	char expected[200];
	char source[200];
	CHECK(text_copy(source, sizeof source, span_of(event->source)));
	char *part[6] = {NULL};
	char *rest = source;
	for (int i = 0; i < 6; i++)
		part[i] = strsep(&rest, ":");
	if (!part[5] || rest)
		return false;
	(void)snprintf(expected, sizeof expected, "tp1/%s/%s/up/post/%s", part[2], part[3], part[4]);
	return span_equal(topic, span_of(expected));
}

static void chain_start(const char *source, uint8_t chain[HASH_BYTES])
{
	struct buf input;
	buf_init(&input, 1000);
	buf_printf(&input, "tp1/chain/v1\n%s\n", source);
	sha256(&input, chain);
	buf_release(&input);
}

static void chain_next(const struct event *event, uint8_t chain[HASH_BYTES])
{
	struct buf input;
	uint8_t leaf[HASH_BYTES];
	char data[2 * HASH_BYTES + 1];
	hash_hex(event->data_bytes, data);
	buf_init(&input, 4000);
	buf_u8(&input, 0);
	buf_printf(&input, "tp1/leaf/v1\n%s\n%s\n%s\n%s\n%s\n%lld\n%s\n%s\n%s\n", event->source,
	           event->sequence, event->id, event->type, event->subject, (long long)event->revision,
	           event->time, event->dataschema, data);
	CHECK(buf_ok(&input));
	sha256(&input, leaf);
	buf_clear(&input);
	buf_u8(&input, 2);
	buf_append(&input, chain, HASH_BYTES);
	buf_append(&input, leaf, HASH_BYTES);
	sha256(&input, chain);
	buf_release(&input);
}

static bool id_fits(const struct event *event)
{
	char data[2 * HASH_BYTES + 1];
	char hex[2 * HASH_BYTES + 1];
	struct buf input;
	hash_hex(event->data_bytes, data);
	buf_init(&input, 1000);
	buf_printf(&input, "tp1/id/v1\n%s\n%lld\n%s\n", event->subject, (long long)event->revision, data);
	hash_hex(buf_span(&input), hex);
	buf_release(&input);
	return strlen(event->id) == 32 && strncmp(hex, event->id, 32) == 0;
}

/* Decimal text to minor units. */
static int64_t minor_units(const char *text, int decimals)
{
	if (!text)
		return INT64_MIN;
	bool negative = *text == '-';
	int64_t value = 0;
	int fraction = -1;
	for (text += negative; *text; text++) {
		if (*text == '.') {
			fraction = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || fraction == decimals)
			return INT64_MIN; /* more places than the currency has */
		value = value * 10 + (*text - '0');
		fraction += fraction >= 0;
	}
	for (int i = fraction < 0 ? 0 : fraction; i < decimals; i++)
		value *= 10;
	return negative ? -value : value;
}

static void figures_of(const struct event *event, struct erp_figures *figures)
{
	const cJSON *data = event->data;
	const char *currency = text_of(data, "currency");
	const char *local = text_of(data, "local_currency");
	int decimals = erp_decimals(span_of(currency));
	const cJSON *line;
	bool payment = strstr(event->subject, "/payment/") != NULL;
	*figures = (struct erp_figures){.voided = strstr(event->type, ".voided.") != NULL};
	const cJSON *lines = cJSON_GetObjectItemCaseSensitive(data, payment ? "applications" : "lines");
	figures->lines = lines ? cJSON_GetArraySize(lines) : 0;
	if (strstr(event->subject, "/customer/")) {
		const char *name = text_of(data, "legal_name");
		(void)snprintf(figures->name, sizeof figures->name, "%s", name ? name : "");
		figures->lines = 0;
	} else if (payment) {
		figures->amount = minor_units(text_of(data, "amount"), decimals);
		const char *unapplied = text_of(data, "unapplied");
		figures->rest = minor_units(unapplied ? unapplied : "0", decimals);
	} else if (strstr(event->subject, "/journal/")) {
		cJSON_ArrayForEach(line, lines)
		{
			const char *amount = text_of(line, "amount_local");
			int places = erp_decimals(span_of(amount && local ? local : currency));
			int64_t units = minor_units(amount ? amount : text_of(line, "amount"), places);
			figures->amount += units > 0 ? units : 0;
		}
	} else {
		figures->amount = minor_units(text_of(data, "gross"), decimals);
		figures->rest = minor_units(text_of(data, "open"), decimals);
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

/* Control events and key events are of no document of the ERP. */
static bool is_of_document(const struct event *event)
{
	return strcmp(event->type, "com.twinpost.control.recorded.v1") != 0 &&
	       strcmp(event->type, "com.twinpost.key.rotated.v1") != 0;
}

static void keep_document(struct subscriber *subscriber, const struct event *event)
{
	struct erp_figures figures;
	sqlite3_stmt *known = ask(subscriber, "SELECT revision FROM documents WHERE subject=?1");
	bind_text(known, 1, event->subject);
	int64_t last = sqlite3_step(known) == SQLITE_ROW ? sqlite3_column_int64(known, 0) : 0;
	CHECK(sqlite3_finalize(known) == SQLITE_OK);
	if (!revision_follows(subscriber, event, last))
		find(subscriber, "%s: revision %lld came after %lld", event->subject,
		     (long long)event->revision, (long long)last);
	figures_of(event, &figures);
	sqlite3_stmt *put = ask(
	    subscriber, "INSERT OR REPLACE INTO documents(subject,revision,voided,lines,amount,rest,name) "
			"VALUES (?1,?2,?3,?4,?5,?6,?7)");
	bind_text(put, 1, event->subject);
	CHECK(sqlite3_bind_int64(put, 2, event->revision) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 3, figures.voided) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 4, figures.lines) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 5, figures.amount) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(put, 6, figures.rest) == SQLITE_OK);
	bind_text(put, 7, figures.name);
	finish(put);
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
			find(subscriber, "%s %s: came again with other bytes (%.100s)", event->source,
			     event->sequence, event->subject);
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

static int64_t chain_head(struct subscriber *subscriber, const char *source, uint8_t chain[HASH_BYTES])
{
	int64_t last = 0;
	sqlite3_stmt *stream = ask(subscriber, "SELECT last, chain FROM streams WHERE source=?1");
	bind_text(stream, 1, source);
	chain_start(source, chain);
	if (sqlite3_step(stream) == SQLITE_ROW) {
		last = sqlite3_column_int64(stream, 0);
		memcpy(chain, sqlite3_column_blob(stream, 1), HASH_BYTES);
	}
	CHECK(sqlite3_finalize(stream) == SQLITE_OK);
	return last;
}

/* The next in sequence: its chain must follow, its document is kept. */
static void follow(struct subscriber *subscriber, const struct event *event, uint8_t chain[HASH_BYTES])
{
	char hex[2 * HASH_BYTES + 1];
	chain_next(event, chain);
	for (int i = 0; i < HASH_BYTES; i++)
		(void)snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", chain[i]);
	if (strcmp(hex, event->chainhash) != 0)
		find(subscriber, "%s %s: the chain is broken", event->source, event->sequence);
	if (is_of_document(event))
		keep_document(subscriber, event);
	sqlite3_stmt *put = ask(subscriber, "INSERT OR REPLACE INTO streams VALUES (?1,?2,?3)");
	bind_text(put, 1, event->source);
	CHECK(sqlite3_bind_int64(put, 2, event->number) == SQLITE_OK);
	bind_bytes(put, 3, (struct span){(const char *)chain, HASH_BYTES});
	finish(put);
}

/* Follows the stream as far as it is without a gap. */
static void advance(struct subscriber *subscriber, const char *source)
{
	uint8_t chain[HASH_BYTES];
	int64_t last = chain_head(subscriber, source, chain);
	sqlite3_stmt *next = ask(subscriber, "SELECT payload FROM events WHERE source=?1 AND sequence=?2");
	bind_text(next, 1, source);
	for (;;) {
		struct event event;
		CHECK(sqlite3_bind_int64(next, 2, ++last) == SQLITE_OK);
		if (sqlite3_step(next) != SQLITE_ROW)
			break;
		struct span payload = {sqlite3_column_blob(next, 0), (size_t)sqlite3_column_bytes(next, 0)};
		CHECK(parse(&event, payload));
		follow(subscriber, &event, chain);
		cJSON_Delete(event.root);
		CHECK(sqlite3_reset(next) == SQLITE_OK);
	}
	CHECK(sqlite3_finalize(next) == SQLITE_OK);
}

void subscriber_receive(struct subscriber *subscriber, struct span topic, struct span payload)
{
	struct event event;
	subscriber->received++;
	if (!parse(&event, payload))
		find(subscriber, "not an event: %.*s", (int)(payload.len < 200 ? payload.len : 200),
		     payload.data);
	else if (!topic_fits(&event, topic))
		find(subscriber, "%s came on topic %.*s", event.source, (int)topic.len, topic.data);
	else if (!id_fits(&event))
		find(subscriber, "%s: id %s does not follow from its content", event.subject, event.id);
	else if (keep_event(subscriber, &event, payload))
		advance(subscriber, event.source);
	cJSON_Delete(event.root);
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
