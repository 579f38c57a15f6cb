/*
 * cloud_books.c - the model cloud's own ledger: what it makes of each document that came, and what it books wrongly.
 *
 * Why:   the comparison must find exactly what is different, so somebody must know exactly what is.
 * Owns:  the tables cloud_documents and the column booked of postings, in the subscriber's database.
 *
 *   planted:   ''          equal
 *              wrong       an amount (or a customer's name) is another: different
 *              missing     never booked: missing_cloud
 *              duplicate   booked twice: duplicate
 *              unvoided    not voided though the ERP has: different
 *              extra       stands for a document that the ERP never had: missing_legacy
 *
 * Rules: 1. A document is booked with the cloud's own number and its own revisions; origin names what it stands for. A
 *           revision may be passed over if a later one is there already.
 *        2. What comes later of a document that was booked wrongly may mend it; the table says what holds at last.
 *        3. What was voided before it was booked is never booked.
 *        4. Nothing is planted in the last hours: everything still open is booked then.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/decimal.h"
#include "tests/sim/middleware.h"
#include "tests/sim/rules_sim.h"

/* A document as it came: its event, the parts of it joined. */
struct arrived {
	char subject[STORE_SUBJECT_MAX];
	int64_t revision;
	char stream[MIDDLEWARE_NAME_MAX];
	char word[24]; /* "invoice", of its type */
	bool voided;
	cJSON *data;
};

/* What the table has of it. */
struct booked {
	bool known;
	char number[24];
	char second[24]; /* of a duplicate */
	int64_t revision;
	char planted[12];
	bool voided; /* the last that came of it */
};

void cloud_books_open(struct middleware *middleware)
{
	CHECK(
	    sqlite3_exec(
		middleware->subscriber->db,
		"ALTER TABLE postings ADD COLUMN booked INTEGER DEFAULT 0;"
		"CREATE INDEX postings_new ON postings(subject, revision) WHERE booked=0;"
		"CREATE TABLE cloud_documents(origin TEXT PRIMARY KEY, number TEXT, second TEXT DEFAULT '', "
		"revision INTEGER, planted TEXT, voided INTEGER DEFAULT 0, seen INTEGER DEFAULT 0) "
		"WITHOUT ROWID",
		NULL, NULL, NULL) == SQLITE_OK);
	middleware->cloud.next_number = 1;
}

/* ---- what came ---- */

static void join(cJSON *whole, const cJSON *part)
{
	cJSON *list;
	cJSON_ArrayForEach(list, whole)
	{
		const cJSON *more = cJSON_GetObjectItemCaseSensitive(part, list->string);
		const cJSON *line;
		if (!cJSON_IsArray(list))
			continue;
		cJSON_ArrayForEach(line, more)
		{
			CHECK(cJSON_AddItemToArray(list, cJSON_Duplicate(line, true)));
		}
	}
}

/* com.twinpost.invoice.recorded.v1: "invoice", and whether it is voided. */
static void read_type(const char *type, struct arrived *arrived)
{
	const char *word = type + strlen("com.twinpost.");
	(void)snprintf(arrived->word, sizeof arrived->word, "%.*s", (int)strcspn(word, "."), word);
	arrived->voided = strstr(word, ".voided.") != NULL;
}

/* Its parts are the last events of the subject up to `last`. */
static void read_arrived(struct middleware *middleware, const char *source, int64_t last,
                         struct arrived *arrived)
{
	sqlite3_stmt *rows =
	    middleware_ask(middleware, "SELECT payload FROM events WHERE source=?1 AND sequence<=?2 "
	                               "ORDER BY sequence DESC");
	cJSON *later[200];
	int count = 0;
	bool first = false;
	CHECK(sqlite3_bind_text(rows, 1, source, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(rows, 2, last) == SQLITE_OK);
	while (!first && sqlite3_step(rows) == SQLITE_ROW) {
		struct event event;
		struct span payload = {sqlite3_column_blob(rows, 0), (size_t)sqlite3_column_bytes(rows, 0)};
		CHECK(event_parse(&event, payload));
		if (strcmp(event.subject, arrived->subject) == 0) {
			CHECK(count < (int)(sizeof later / sizeof later[0]));
			read_type(event.type, arrived);
			later[count++] = cJSON_Duplicate(event.data, true);
			first = !event.part || strncmp(event.part, "1/", 2) == 0;
		}
		event_release(&event);
	}
	CHECK(first && sqlite3_finalize(rows) == SQLITE_OK);
	arrived->data = later[--count];
	while (count > 0) {
		join(arrived->data, later[--count]);
		cJSON_Delete(later[count]);
	}
}

/* ---- the cloud's document ---- */

static void set_text(cJSON *object, const char *name, const char *text)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	CHECK(cJSON_AddStringToObject(object, name, text) != NULL);
}

/* The agent's own mapping is not asked: the cloud knows its codes. */
static void drop_mapped(cJSON *object)
{
	for (cJSON *member = object->child; member;) {
		cJSON *next = member->next;
		size_t len = strlen(member->string);
		if (len > 7 && strcmp(member->string + len - 7, "_mapped") == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
		member = next;
	}
}

static void map_member(cJSON *object, const char *name, const char *(*map)(const char *legacy))
{
	const char *text = event_text(object, name);
	const char *mapped = text ? map(text) : NULL;
	if (mapped != text)
		set_text(object, name, mapped);
}

static void own_codes(const struct middleware *middleware, cJSON *data)
{
	cJSON *list;
	drop_mapped(data);
	if (middleware->cloud.maps)
		map_member(data, "entity", rules_sim_entity);
	cJSON_ArrayForEach(list, data)
	{
		cJSON *line;
		if (!cJSON_IsArray(list))
			continue;
		cJSON_ArrayForEach(line, list)
		{
			drop_mapped(line);
			if (!middleware->cloud.maps)
				continue;
			map_member(line, "account", rules_sim_account);
			map_member(line, "entity", rules_sim_entity);
		}
	}
}

/* "12.34" becomes "12.35", "-0.01" "0.00". */
static void add_one_unit(cJSON *object, const char *name)
{
	char text[DECIMAL_TEXT_MAX];
	struct decimal amount;
	const char *before = event_text(object, name);
	CHECK(before != NULL && decimal_parse(&amount, span_of(before)) == ERR_OK);
	amount.units++;
	(void)decimal_print(amount, text);
	set_text(object, name, text);
}

static void spoil(cJSON *data, const char *word)
{
	if (strcmp(word, "journal") == 0)
		add_one_unit(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(data, "lines"), 0),
		             "amount");
	else if (strcmp(word, "customer") == 0)
		set_text(data, "legal_name", "Another & Co");
	else
		add_one_unit(data, strcmp(word, "payment") == 0 ? "amount" : "gross");
}

/* Journals of many lines go out in pieces. */
static int lines_a_part(struct middleware *middleware, const cJSON *lines)
{
	int count = cJSON_GetArraySize(lines);
	if (!middleware->cloud.in_parts || count < 4 || !middleware_one_in(middleware, 3))
		return count;
	return (int)middleware_between(middleware, 1 + count / 20, count);
}

static void post_parts(struct middleware *middleware, const char *stream, struct cloud_event *event,
                       cJSON *data)
{
	char part[24];
	cJSON *all = cJSON_DetachItemFromObjectCaseSensitive(data, "lines");
	int count = all ? cJSON_GetArraySize(all) : 0;
	int each = all ? lines_a_part(middleware, all) : 0;
	int parts = each > 0 ? (count + each - 1) / each : 1;
	int done = 0;
	for (int i = 1; i <= parts; i++) {
		cJSON *lines = all ? cJSON_AddArrayToObject(data, "lines") : NULL;
		for (int line = 0; all && line < each && done < count; line++, done++)
			CHECK(cJSON_AddItemToArray(lines,
			                           cJSON_Duplicate(cJSON_GetArrayItem(all, done), true)));
		char *text = cJSON_PrintUnformatted(data);
		(void)snprintf(part, sizeof part, "%d/%d", i, parts);
		event->part = parts > 1 ? part : NULL;
		event->data = span_of(text);
		middleware->cloud.parts += parts > 1;
		middleware_post_document(middleware, stream, event);
		cJSON_free(text);
		cJSON_DeleteItemFromObjectCaseSensitive(data, "lines");
	}
	cJSON_Delete(all);
}

/* The subject's parts need no percent-encoding: the ERP's codes and our numbers are plain. */
static void post(struct middleware *middleware, const struct arrived *arrived, const char *number,
                 const char *origin, int64_t revision, bool wrong)
{
	char type[80];
	char subject[STORE_SUBJECT_MAX];
	cJSON *data = cJSON_Duplicate(arrived->data, true);
	const char *change = revision == 1 ? "recorded" : arrived->voided ? "voided" : "amended";
	own_codes(middleware, data);
	set_text(data, "number", number);
	set_text(data, "origin", origin);
	if (wrong)
		spoil(data, arrived->word);
	(void)snprintf(type, sizeof type, "com.twinpost.%s.%s.v1", arrived->word, change);
	(void)snprintf(subject, sizeof subject, "%s/%s/%d/%s", event_text(data, "entity"),
	               event_text(data, "type"), cJSON_GetObjectItemCaseSensitive(data, "year")->valueint,
	               number);
	struct cloud_event event = {.subject = subject, .type = type, .revision = revision};
	post_parts(middleware, arrived->stream, &event, data);
	cJSON_Delete(data);
}

/* ---- booking ---- */

static void new_number(struct middleware *middleware, char number[24])
{
	(void)snprintf(number, 24, "CL%lld", (long long)middleware->cloud.next_number++);
}

static void find_booked(struct middleware *middleware, const char *origin, struct booked *booked)
{
	sqlite3_stmt *row = middleware_ask(
	    middleware,
	    "SELECT number, second, revision, planted, voided FROM cloud_documents WHERE origin=?1");
	*booked = (struct booked){.known = false};
	CHECK(sqlite3_bind_text(row, 1, origin, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	if (sqlite3_step(row) == SQLITE_ROW) {
		booked->known = true;
		(void)snprintf(booked->number, sizeof booked->number, "%s", sqlite3_column_text(row, 0));
		(void)snprintf(booked->second, sizeof booked->second, "%s", sqlite3_column_text(row, 1));
		booked->revision = sqlite3_column_int64(row, 2);
		(void)snprintf(booked->planted, sizeof booked->planted, "%s", sqlite3_column_text(row, 3));
		booked->voided = sqlite3_column_int(row, 4) != 0;
	}
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
}

static void keep_booked(struct middleware *middleware, const char *origin, const struct booked *booked,
                        bool voided)
{
	sqlite3_stmt *put = middleware_ask(
	    middleware,
	    "INSERT OR REPLACE INTO cloud_documents(origin,number,second,revision,planted,voided) "
	    "VALUES (?1,?2,?3,?4,?5,?6)");
	CHECK(sqlite3_bind_text(put, 1, origin, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(put, 2, booked->number, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_text(put, 3, booked->second, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(put, 4, booked->revision) == SQLITE_OK &&
	      sqlite3_bind_text(put, 5, booked->planted, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int(put, 6, voided) == SQLITE_OK);
	CHECK(sqlite3_step(put) == SQLITE_DONE && sqlite3_finalize(put) == SQLITE_OK);
}

/* A document that the ERP never had. */
static void plant_extra(struct middleware *middleware, const struct arrived *arrived)
{
	struct booked extra = {.revision = 1, .planted = "extra"};
	char origin[STORE_SUBJECT_MAX];
	new_number(middleware, extra.number);
	(void)snprintf(origin, sizeof origin, "00001/%s/2024/X-%s", event_text(arrived->data, "type"),
	               extra.number);
	post(middleware, arrived, extra.number, origin, 1, false);
	keep_booked(middleware, origin, &extra, false);
}

static const char *draw_plant(struct middleware *middleware)
{
	static const char *const kinds[] = {"wrong", "missing", "duplicate", "extra"};
	if (middleware->quiet || middleware->cloud.plants_one_in == 0 ||
	    !middleware_one_in(middleware, middleware->cloud.plants_one_in))
		return "";
	return kinds[middleware_between(middleware, 0, 3)];
}

static void book_new(struct middleware *middleware, const struct arrived *arrived)
{
	struct booked booked = {.revision = 1};
	const char *plant = draw_plant(middleware);
	if (arrived->voided)
		return;
	if (strcmp(plant, "extra") == 0) {
		plant_extra(middleware, arrived);
		plant = "";
	}
	(void)snprintf(booked.planted, sizeof booked.planted, "%s", plant);
	new_number(middleware, booked.number);
	if (strcmp(plant, "duplicate") == 0)
		new_number(middleware, booked.second);
	keep_booked(middleware, arrived->subject, &booked, false);
	if (strcmp(plant, "missing") == 0)
		return;
	post(middleware, arrived, booked.number, arrived->subject, 1, strcmp(plant, "wrong") == 0);
	if (booked.second[0])
		post(middleware, arrived, booked.second, arrived->subject, 1, false);
}

static void book_change(struct middleware *middleware, const struct arrived *arrived, struct booked *booked)
{
	bool wrong = !arrived->voided && strcmp(draw_plant(middleware), "wrong") == 0;
	bool posts = strcmp(booked->planted, "missing") != 0;
	if (posts && arrived->voided && !booked->voided && draw_plant(middleware)[0]) {
		(void)snprintf(booked->planted, sizeof booked->planted, "unvoided");
		posts = false;
	}
	if (posts) {
		booked->revision++;
		wrong = wrong && !booked->second[0];
		post(middleware, arrived, booked->number, arrived->subject, booked->revision, wrong);
		if (!booked->second[0])
			(void)snprintf(booked->planted, sizeof booked->planted, "%s", wrong ? "wrong" : "");
		else
			post(middleware, arrived, booked->second, arrived->subject, booked->revision, false);
	}
	keep_booked(middleware, arrived->subject, booked, arrived->voided);
}

static bool has_later(struct middleware *middleware, const struct arrived *arrived)
{
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT 1 FROM postings WHERE subject=?1 AND revision>?2");
	CHECK(sqlite3_bind_text(row, 1, arrived->subject, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(row, 2, arrived->revision) == SQLITE_OK);
	bool later = sqlite3_step(row) == SQLITE_ROW;
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return later;
}

static void mark_booked(struct middleware *middleware, const struct arrived *arrived)
{
	sqlite3_stmt *mark =
	    middleware_ask(middleware, "UPDATE postings SET booked=1 WHERE subject=?1 AND revision=?2");
	CHECK(sqlite3_bind_text(mark, 1, arrived->subject, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(mark, 2, arrived->revision) == SQLITE_OK);
	CHECK(sqlite3_step(mark) == SQLITE_DONE && sqlite3_finalize(mark) == SQLITE_OK);
}

/* false: there is none. */
static bool next_arrived(struct middleware *middleware, struct arrived *arrived,
                         char source[EVENT_SOURCE_MAX], int64_t *last)
{
	sqlite3_stmt *row =
	    middleware_ask(middleware, "SELECT subject, revision, stream, source, last FROM postings WHERE "
	                               "booked=0 ORDER BY subject, revision LIMIT 1");
	*arrived = (struct arrived){.data = NULL};
	bool there = sqlite3_step(row) == SQLITE_ROW;
	if (there) {
		(void)snprintf(arrived->subject, sizeof arrived->subject, "%s", sqlite3_column_text(row, 0));
		arrived->revision = sqlite3_column_int64(row, 1);
		(void)snprintf(arrived->stream, sizeof arrived->stream, "%s", sqlite3_column_text(row, 2));
		(void)snprintf(source, EVENT_SOURCE_MAX, "%s", sqlite3_column_text(row, 3));
		*last = sqlite3_column_int64(row, 4);
	}
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return there;
}

void cloud_books_step(struct middleware *middleware, int limit)
{
	for (int i = 0; i < limit; i++) {
		struct arrived arrived;
		struct booked booked;
		char source[EVENT_SOURCE_MAX];
		int64_t last = 0;
		if (!next_arrived(middleware, &arrived, source, &last))
			return;
		mark_booked(middleware, &arrived);
		if (has_later(middleware, &arrived) && middleware_one_in(middleware, 2))
			continue;
		read_arrived(middleware, source, last, &arrived);
		find_booked(middleware, arrived.subject, &booked);
		if (booked.known)
			book_change(middleware, &arrived, &booked);
		else
			book_new(middleware, &arrived);
		cJSON_Delete(arrived.data);
	}
}

bool cloud_books_done(const struct middleware *middleware)
{
	sqlite3_stmt *row = middleware_ask(middleware, "SELECT 1 FROM postings WHERE booked=0 LIMIT 1");
	bool done = sqlite3_step(row) != SQLITE_ROW;
	CHECK(sqlite3_finalize(row) == SQLITE_OK);
	return done;
}
