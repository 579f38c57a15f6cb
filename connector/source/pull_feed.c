/*
 * pull_feed.c - one feed: its position, its pages, its documents, its stops.
 *
 * Why:   a feed reads in readings (cycles): the database's clock, then page after page in the order of the
 *        key, to the end.
 * Owns:  struct pull_feed.
 * Rules: 1. A page ends at a document's end: where an answer is full, its last document is read again with
 *           the next page.
 *        2. A document that fills a page alone makes the page grow, up to DOCUMENT_LINES_MAX + 1 rows; above
 *           that it is an exception, and the next page begins behind it.
 *        3. The position is saved after the documents before it, in the same transaction or a later one.
 *        4. A rest that changed nothing writes nothing.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c
 */
#include "connector/source/pull_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int feed_rows_limit(const struct pull *pull)
{
	int64_t rows = (int64_t)pull->source->page_documents * PULL_ROWS_PER_DOCUMENT;
	return rows < PULL_ROWS_MIN ? PULL_ROWS_MIN : rows > PULL_ROWS_MAX ? PULL_ROWS_MAX : (int)rows;
}

void feed_init(struct pull *pull, struct pull_feed *feed, const struct profile_feed *profile)
{
	feed->profile = profile;
	feed->state = FEED_LOADING;
	feed->first = true;
	feed->look_clock = NO_STAMP;
	feed->whole_clock = NO_STAMP;
	feed->retry_clock = NO_STAMP;
	feed->row_stamp = feed->held_from = feed->held_before = feed->held_seen = HELD_NOWHERE;
	feed->clear_due = true;
	feed->limit = feed_rows_limit(pull);
	assembler_init(&feed->assembler, pull->profile, profile);
	position_init(&feed->position);
	buf_init(&feed->saved, STORE_KEY_BYTES_MAX * 2);
	if (profile->strategy == STRATEGY_POSTED_GATE)
		feed->units = mem_alloc(PULL_UNITS_MAX * sizeof *feed->units);
}

void feed_release(struct pull_feed *feed)
{
	assembler_release(&feed->assembler);
	buf_release(&feed->saved);
	free(feed->units);
}

static void forget_reading(struct pull *pull, struct pull_feed *feed)
{
	assembler_drop(&feed->assembler);
	memset(feed->active, 0, sizeof feed->active);
	feed->unit_count = 0;
	feed->unit_next = 0;
	feed->limit = feed_rows_limit(pull);
}

static int64_t older(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void feed_retry_held(struct pull_feed *feed)
{
	feed->retry = true;
	feed->retry_clock = NO_STAMP;
	for (int i = 0; i < feed->held_count; i++)
		feed->held[i].due_mono_ns = 0;
}

bool feed_retries(const struct pull_feed *feed)
{
	return feed->retry && feed->retry_clock != NO_STAMP && feed->position.clock == feed->retry_clock;
}

void feed_restart(struct pull *pull, struct pull_feed *feed, int64_t due)
{
	forget_reading(pull, feed);
	if (feed->state == FEED_STOPPED)
		return;
	feed->state = FEED_LOADING;
	feed->due_mono_ns = due;
}

void feed_rolled_back(struct pull *pull, struct pull_feed *feed, int64_t now)
{
	feed->clear_due = true;
	feed->first = true;
	feed->look_clock = NO_STAMP;
	if (feed->full == FULL_ENDED)
		feed->full = FULL_RUNNING; /* feed_load() sees how far it came */
	/* What was tried in the lost transaction is tried once more. */
	feed->retry = feed->retry || feed->retry_clock != NO_STAMP;
	feed->retry_clock = NO_STAMP;
	feed->held_from = older(feed->held_from, feed->held_before);
	feed_restart(pull, feed, now);
}

enum err feed_stop(struct pull *pull, struct pull_feed *feed, const char *rule, const char *why, int64_t now,
                   struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	bool fresh = feed->why[0] == 0;
	forget_reading(pull, feed);
	feed->state = FEED_STOPPED;
	feed->due_mono_ns = now + PULL_STOPPED_RETRY_NS;
	feed->transients = 0;
	feed->clear_due = true;
	(void)snprintf(feed->why, sizeof feed->why, "%s", why);
	(void)snprintf(text, sizeof text,
	               "%.60s of profile %.120s is not read any more: %.280s; tried again every %d minutes",
	               feed->profile->name, pull->profile->path, why,
	               (int)(PULL_STOPPED_RETRY_NS / NS_PER_S / 60));
	if (fresh)
		log_event(pull->log, LOG_SOURCE_QUERY_STOPPED, "source=%s feed=%s: %s", pull->source->name,
		          feed->profile->name, why);
	return pull_raise(pull, rule, span_of(feed->profile->name), text, info);
}

struct open_search {
	struct span source;
	bool found;
};

/* An exception about rows, not about the source itself? */
static bool visit_open(void *self, const struct store_exception *exception)
{
	static const char *const others[] = {"source-down", "source-query", "profile-column"};
	struct open_search *search = self;
	bool rows = span_equal(exception->source, search->source);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		rows = rows && !span_equal(exception->rule, span_of(others[i]));
	search->found = rows;
	return !rows;
}

/* Once, before anything is read: with open exceptions everything is read again. */
static enum err ask_open(struct pull *pull, struct err_info *info)
{
	struct open_search search = {.source = span_of(pull->source->name)};
	enum err err = ERR_OK;
	if (!pull->asked_open && store_exceptions_open(pull->store) > 0)
		err = store_exceptions(pull->store, false, 0, visit_open, &search, info);
	for (int i = 0; i < pull->feed_count && search.found; i++)
		pull->feeds[i].full = FULL_DUE;
	pull->asked_open = err == ERR_OK;
	return err;
}

/* Is the reading under way the one from the beginning that this process began? */
static bool reads_whole(const struct pull_feed *feed)
{
	const struct position *position = &feed->position;
	return position->reading && position->from == NO_STAMP && position->clock == feed->whole_clock &&
	       position->clock != NO_STAMP;
}

enum err feed_load(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info)
{
	enum err err = ask_open(pull, info);
	if (err != ERR_OK)
		return err;
	buf_clear(&feed->saved);
	err = store_watermark_get(pull->store, pull->source->name, feed->profile->name, &feed->saved, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (err == ERR_NOT_FOUND || !position_decode(&feed->position, buf_span(&feed->saved)))
		position_init(&feed->position);
	if (!reads_whole(feed)) {
		feed->whole_clock = NO_STAMP;
		if (feed->full == FULL_RUNNING)
			feed->full = FULL_DUE;
	}
	feed->began_mono_ns = now;
	feed->due_mono_ns = 0;
	feed->state = feed->position.reading ? FEED_READY : FEED_RESTING;
	return ERR_OK;
}

enum err feed_save(struct pull *pull, struct pull_feed *feed, struct err_info *info)
{
	struct buf text;
	enum err err = ERR_OK;
	buf_init(&text, feed->saved.max);
	position_encode(&feed->position, &text);
	CHECK(buf_ok(&text));
	if (!span_equal(buf_span(&text), buf_span(&feed->saved))) {
		err = pull->sink->begin(pull->sink->self, info);
		if (err == ERR_OK)
			err = store_watermark_put(pull->store, pull->source->name, feed->profile->name,
			                          buf_span(&text), info);
		if (err == ERR_OK) {
			buf_clear(&feed->saved);
			buf_append_span(&feed->saved, buf_span(&text));
		}
	}
	buf_release(&text);
	return err;
}

static void list_columns(const struct source_columns *columns, struct buf *out)
{
	for (int i = 0; i < columns->count; i++) {
		buf_append_text(out, i ? ", " : "");
		buf_append_span(out, columns->columns[i].name);
	}
}

bool feed_columns(struct pull_feed *feed, bool gate, const struct source_columns *columns, const char *path,
                  char why[ERR_TEXT_MAX])
{
	const struct profile_query *query = gate ? &feed->profile->gate : &feed->profile->rows;
	int16_t *map = gate ? feed->gate_columns : feed->assembler.columns;
	for (int c = 0; c < query->column_count; c++) {
		int found = 0;
		while (found < columns->count && !name_equal(columns->columns[found].name, query->columns[c]))
			found++;
		if (found < columns->count) {
			map[c] = (int16_t)found;
			continue;
		}
		struct buf present;
		buf_init(&present, 4096);
		list_columns(columns, &present);
		(void)snprintf(why, ERR_TEXT_MAX,
		               "%.120s:%d: column %.*s of feed %s is not in the answer, which has %.200s",
		               path, query->line, (int)query->columns[c].len, query->columns[c].data,
		               feed->profile->name, buf_cstr(&present));
		buf_release(&present);
		return false;
	}
	return true;
}

enum err feed_document(struct pull *pull, struct pull_request *request, struct err_info *info)
{
	struct pull_feed *feed = &pull->feeds[request->feed];
	struct assembler *assembler = &feed->assembler;
	struct store_exception exception;
	char subject[STORE_SUBJECT_MAX];
	bool held = true;
	bool whole = assembler_finish(assembler, &exception, subject);
	enum err err = pull->sink->begin(pull->sink->self, info);
	if (err != ERR_OK)
		return err;
	if (whole) {
		err = pull->sink->document(pull->sink->self, pull->source, &assembler->document, &held, info);
	} else {
		exception.source = span_of(pull->source->name);
		exception.first_ns = exception.last_ns = hal_wall_ns(pull->hal);
		err = pull->sink->unreadable(pull->sink->self, pull->source, &exception, info);
	}
	/* While it had no subject, its exception had the plain key; the sink clears the subject's alone. */
	if (err == ERR_OK && whole && !held && store_exceptions_open(pull->store) > 0)
		err = pull_clear(pull, assembler_plain_key(assembler), info);
	if (err != ERR_OK)
		return err;
	feed->documents++;
	if (held && request->active >= 0)
		feed->active[request->active].held++;
	/* A document whose rows have no stamp is found from the beginning on. */
	int64_t stamp = feed->row_stamp == HELD_NOWHERE ? NO_STAMP : feed->row_stamp;
	if (held && request->active < 0) {
		feed->held_from = older(feed->held_from, stamp);
		feed->held_seen = older(feed->held_seen, stamp);
	}
	feed->row_stamp = HELD_NOWHERE;
	if (assembler->key_usable) {
		memcpy(request->after, assembler->key, assembler->key_len);
		request->after_len = assembler->key_len;
	}
	return ERR_OK;
}

/* NO_STAMP: the row has none. */
static int64_t see_stamp(struct pull_feed *feed, const struct profile_query *query, const int16_t *columns,
                         const struct source_value *values)
{
	struct span texts[2] = {{NULL, 0}, {NULL, 0}};
	int64_t seconds;
	for (int i = 0; i < stamp_form_columns(query->stamp_form); i++) {
		const struct source_value *value = &values[columns[query->stamp_columns[i]]];
		if (value->kind != SOURCE_VALUE_TEXT)
			return NO_STAMP;
		texts[i] = value->text;
	}
	if (!stamp_parse(query->stamp_form, texts, &seconds))
		return NO_STAMP;
	position_see(&feed->position, seconds);
	return seconds;
}

enum err feed_row(struct pull *pull, struct pull_request *request, struct err_info *info)
{
	struct pull_feed *feed = &pull->feeds[request->feed];
	struct assembler *assembler = &feed->assembler;
	enum err err = ERR_OK;
	if (request->kind == REQUEST_CLOCK) {
		struct span text =
		    pull->values[0].kind == SOURCE_VALUE_TEXT ? pull->values[0].text : (struct span){NULL, 0};
		if (!stamp_parse(STAMP_DATETIME, &text, &feed->position.clock))
			feed->position.clock = NO_STAMP;
		return ERR_OK;
	}
	if (request->kind == REQUEST_GATE) {
		(void)see_stamp(feed, &feed->profile->gate, feed->gate_columns, pull->values);
		return unit_row(pull, feed, info);
	}
	feed->rows++;
	if (assembler_begins(assembler, pull->values))
		err = feed_document(pull, request, info);
	if (err != ERR_OK)
		return err;
	assembler_add(assembler, pull->values);
	int64_t stamp = NO_STAMP;
	if (feed->profile->rows.stamped)
		stamp = see_stamp(feed, &feed->profile->rows, assembler->columns, pull->values);
	feed->row_stamp = older(feed->row_stamp, stamp);
	return ERR_OK;
}

static enum err take_clock(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info)
{
	if (feed->position.clock == NO_STAMP)
		return feed_stop(pull, feed, "source-query",
		                 "the profile's clock statement gave no time YYYY-MM-DD HH:MM:SS", now, info);
	bool look_back = feed->sweep || (feed->first && feed->profile->strategy == STRATEGY_POSTED_GATE);
	feed->sweep = false;
	position_begin(&feed->position, &pull->pace, feed->position.clock, look_back);
	if (feed->full == FULL_DUE) {
		position_widen(&feed->position);
		feed->full = FULL_RUNNING;
	}
	if (feed->retry) {
		feed->retry_clock = feed->position.clock;
		feed->retry_after_len = 0;
		feed->position.from = older(feed->position.from, feed->held_from);
	}
	feed->held_before = feed->held_from;
	feed->held_seen = HELD_NOWHERE;
	feed->gate_bad = false;
	feed->whole_clock = feed->position.from == NO_STAMP ? feed->position.clock : NO_STAMP;
	feed->look_clock = feed->first ? feed->position.clock : NO_STAMP;
	feed->state = FEED_READY;
	return ERR_OK;
}

enum err feed_end(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info)
{
	bool whole = reads_whole(feed);
	if (feed->full == FULL_RUNNING && whole)
		feed->full = FULL_ENDED;
	/* A reading that was begun before a start or a lost transaction did not look back for it. */
	if (feed->position.clock == feed->look_clock)
		feed->first = false;
	if (feed_retries(feed))
		feed->retry = false;
	if (feed->position.from <= feed->held_from)
		feed->held_from = feed->held_seen;
	position_end(&feed->position, &pull->pace);
	enum err err = feed_save(pull, feed, info);
	if (err == ERR_OK && feed->clear_due) {
		err = pull_clear(pull, span_of(feed->profile->name), info);
		feed->clear_due = err != ERR_OK;
	}
	if (err == ERR_OK && whole && feed->units && !feed->gate_bad &&
	    store_exceptions_open(pull->store) > 0)
		err = unit_gate_good(pull, feed, info);
	if (err != ERR_OK)
		return err;
	feed->state = FEED_RESTING;
	feed->limit = feed_rows_limit(pull);
	feed->due_mono_ns =
	    feed->again || feed->retry || feed->full == FULL_DUE ? 0 : now + pull->source->poll_ns;
	feed->again = false;
	feed->why[0] = 0;
	feed->cycles++;
	feed->last_cycle_ns = hal_wall_ns(pull->hal);
	log_event(pull->log, LOG_SOURCE_CYCLE_DONE,
	          "source=%s feed=%s documents=%llu ms=%lld: read to its end", pull->source->name,
	          feed->profile->name, (unsigned long long)feed->documents,
	          (long long)((now - feed->began_mono_ns) / NS_PER_MS));
	return ERR_OK;
}

/* A page ended. *limit and *after (of a position or of a unit) are moved on; *whole: there is no other page.
 * */
static enum err turn_page(struct pull *pull, struct pull_request *request, int *limit, char *after,
                          size_t *after_len, bool *whole, struct err_info *info)
{
	struct pull_feed *feed = &pull->feeds[request->feed];
	struct assembler *assembler = &feed->assembler;
	enum err err = ERR_OK;
	*whole = request->rows < (uint32_t)request->limit;
	if (*whole)
		return assembler->open ? feed_document(pull, request, info) : ERR_OK;
	bool moved = request->after_len > 0 && !span_equal((struct span){request->after, request->after_len},
	                                                   (struct span){after, *after_len});
	if (!moved && request->limit > DOCUMENT_LINES_MAX && assembler->open && assembler->key_usable) {
		assembler_too_large(assembler);
		err = feed_document(pull, request, info);
		moved = true;
	}
	assembler_drop(assembler);
	if (moved) {
		memcpy(after, request->after, request->after_len);
		*after_len = request->after_len;
		*limit = feed_rows_limit(pull);
	} else if (request->limit > DOCUMENT_LINES_MAX) {
		return ERR_NOT_FOUND;
	} else {
		*limit =
		    request->limit > DOCUMENT_LINES_MAX / 2 ? DOCUMENT_LINES_MAX + 1 : request->limit * 2;
	}
	return err;
}

enum err feed_done(struct pull *pull, struct pull_request *request, int64_t now, struct err_info *info)
{
	struct pull_feed *feed = &pull->feeds[request->feed];
	struct pull_active *active = request->active >= 0 ? &feed->active[request->active] : NULL;
	bool whole = false;
	enum err err;
	if (request->kind == REQUEST_CLOCK)
		return take_clock(pull, feed, now, info);
	feed->transients = 0;
	if (active)
		active->rows += request->rows;
	if (request->kind == REQUEST_GATE)
		return unit_gate_done(pull, feed, request, now, info);
	if (active)
		err =
		    turn_page(pull, request, &active->limit, active->after, &active->after_len, &whole, info);
	else
		err = turn_page(pull, request, &feed->limit, feed->position.after, &feed->position.after_len,
		                &whole, info);
	if (err == ERR_NOT_FOUND)
		return feed_stop(pull, feed, "source-query",
		                 "a page of rows whose key is NULL, no text or too long cannot be passed; "
		                 "put the rows right",
		                 now, info);
	if (err != ERR_OK)
		return err;
	if (active) {
		active->out = false;
		return whole ? unit_rows_done(pull, feed, active, now, info) : ERR_OK;
	}
	if (whole)
		return feed_end(pull, feed, now, info);
	feed->state = FEED_READY;
	return feed_save(pull, feed, info);
}
