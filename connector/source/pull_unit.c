/*
 * pull_unit.c - the units behind a gate: which are read, in which pages, and which are read again.
 *
 * Why:   a status that turned "posted" is the event; the documents of the unit (a batch) are then read whole.
 * Owns:  the units of one gate page, and the list of units with documents that are held.
 * Rules: 1. A unit whose stamp is the one that was read, with nothing held, is passed over; a re-reading
 *           passes over none.
 *        2. A unit counts as read in the transaction of its last document.
 *        3. The gate's position moves when all units of its page are read: a restart lists the page again and
 *           passes over what it has.
 *        4. A unit with held documents is read again after a minute, then after two, four, ... sixteen.
 *        5. Small units are read several at a time; if documents of such a group are held, all of its units
 *           count as held, and are read again one by one.
 *        6. A reading that tries held documents again goes on, behind the gate's last page, through the units that the
 *           store knows as held, page by page.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c
 */
#include "connector/source/pull_internal.h"

#include <string.h>

#define GATE_KEY          "%s/gate"
#define BAD_ROW_BYTES_MAX (64 * 1024)

static bool same_unit(const struct pull_unit *a, const struct pull_unit *b)
{
	return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static struct pull_held *find_held(struct pull_feed *feed, const struct pull_unit *unit)
{
	for (int i = 0; i < feed->held_count; i++) {
		if (same_unit(&feed->held[i].unit, unit))
			return &feed->held[i];
	}
	return NULL;
}

/* The gate's row as a unit. false: its key or stamp cannot be used. */
static bool make_unit(const struct pull_feed *feed, const struct source_value *values, struct pull_unit *unit,
                      struct pull_feed *out)
{
	const struct profile_query *gate = &feed->profile->gate;
	struct span parts[PROFILE_KEYS_MAX];
	size_t len = 0;
	int stamps = gate->key_count - feed->profile->unit_keys;
	for (int i = 0; i < gate->key_count; i++) {
		const struct source_value *value = &values[feed->gate_columns[i]];
		if (value->kind != SOURCE_VALUE_TEXT)
			return false;
		parts[i] = value->text;
	}
	if (!key_encode(parts + stamps, feed->profile->unit_keys, unit->key, sizeof unit->key, &len))
		return false;
	unit->key_len = (uint8_t)len;
	if (!key_encode(parts, stamps, unit->stamp, sizeof unit->stamp, &len))
		return false;
	unit->stamp_len = (uint8_t)len;
	return key_encode(parts, gate->key_count, out->gate_after, sizeof out->gate_after,
	                  &out->gate_after_len);
}

static void show_columns(const struct pull *pull, const struct pull_feed *feed, int from, struct buf *out)
{
	const struct profile_query *gate = &feed->profile->gate;
	for (int i = from; i < gate->key_count; i++) {
		buf_append_char(out, ' ');
		buf_append_span(out, gate->columns[i]);
		buf_append_char(out, '=');
		convert_show(&pull->values[feed->gate_columns[i]], out);
	}
}

/* The exception has a key of its own, so that the end of a reading that did not list the row leaves it open.
 * */
static enum err bad_row(struct pull *pull, struct pull_feed *feed, struct err_info *info)
{
	struct buf key;
	struct buf text;
	feed->gate_bad = true;
	buf_init(&key, BAD_ROW_BYTES_MAX);
	buf_init(&text, BAD_ROW_BYTES_MAX);
	buf_printf(&key, GATE_KEY, feed->profile->name);
	show_columns(pull, feed, feed->profile->gate.key_count - feed->profile->unit_keys, &key);
	buf_append_text(&text,
	                "a row of the gate has a key or stamp that is NULL, no text or too long; its unit "
	                "is not read; put it right in the ERP, then restart:");
	show_columns(pull, feed, 0, &text);
	CHECK(buf_ok(&key) && buf_ok(&text));
	enum err err = pull_raise(pull, "value-bad", buf_span(&key), buf_cstr(&text), info);
	buf_release(&key);
	buf_release(&text);
	return err;
}

enum err unit_row(struct pull *pull, struct pull_feed *feed, struct err_info *info)
{
	_Static_assert(PULL_UNIT_KEY_MAX <= UINT8_MAX && PULL_UNIT_STAMP_MAX <= UINT8_MAX,
	               "lengths are bytes");
	if (feed->unit_count == PULL_UNITS_MAX)
		return ERR_OK; /* a driver that gave more than was asked for: they come with the next page */
	if (make_unit(feed, pull->values, &feed->units[feed->unit_count], feed)) {
		feed->unit_count++;
		return ERR_OK;
	}
	return bad_row(pull, feed, info);
}

struct gate_search {
	struct span source;
	struct span prefix;
	int64_t id; /* of the exception found; 0: none */
	size_t key_len;
	char key[STORE_KEY_BYTES_MAX];
};

static bool visit_gate(void *self, const struct store_exception *exception)
{
	struct gate_search *search = self;
	if (!span_equal(exception->source, search->source) || exception->key.len < search->prefix.len ||
	    exception->key.len > sizeof search->key ||
	    memcmp(exception->key.data, search->prefix.data, search->prefix.len) != 0)
		return true;
	memcpy(search->key, exception->key.data, exception->key.len);
	search->key_len = exception->key.len;
	search->id = exception->id;
	return false;
}

enum err unit_gate_good(struct pull *pull, struct pull_feed *feed, struct err_info *info)
{
	struct buf prefix;
	struct gate_search search = {.source = span_of(pull->source->name)};
	enum err err;
	int64_t before = 0;
	buf_init(&prefix, STORE_KEY_BYTES_MAX);
	buf_printf(&prefix, GATE_KEY, feed->profile->name);
	search.prefix = buf_span(&prefix);
	do {
		search.id = 0;
		err = store_exceptions(pull->store, false, before, visit_gate, &search, info);
		if (err == ERR_OK && search.id != 0)
			err = pull_clear(pull, (struct span){search.key, search.key_len}, info);
		before = search.id;
	} while (err == ERR_OK && search.id != 0);
	buf_release(&prefix);
	return err;
}

static enum err is_read(struct pull *pull, struct pull_feed *feed, const struct pull_unit *unit, int64_t now,
                        bool *read, struct err_info *info)
{
	struct buf stamp;
	int held = 0;
	*read = false;
	if (feed->position.reread)
		return ERR_OK;
	buf_init(&stamp, STORE_KEY_BYTES_MAX);
	enum err err = store_unit_get(pull->store, pull->source->name, feed->profile->name,
	                              (struct span){unit->key, unit->key_len}, &stamp, &held, info);
	if (err == ERR_OK && span_equal(buf_span(&stamp), (struct span){unit->stamp, unit->stamp_len})) {
		const struct pull_held *waits = find_held(feed, unit);
		*read = held == 0 || (waits && now < waits->due_mono_ns);
	}
	buf_release(&stamp);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Held units whose time has come join the last page of a reading, wherever their stamps are. */
static void add_held(struct pull_feed *feed, int64_t now)
{
	int listed = feed->unit_count;
	for (int i = 0; i < feed->held_count && feed->unit_count < PULL_UNITS_MAX; i++) {
		bool there = false;
		for (int u = 0; u < listed && !there; u++)
			there = same_unit(&feed->units[u], &feed->held[i].unit);
		if (!there && now >= feed->held[i].due_mono_ns)
			feed->units[feed->unit_count++] = feed->held[i].unit;
	}
}

struct held_page {
	struct pull_feed *feed;
	int64_t now;
	int scanned;
};

static bool visit_unit(void *self, const struct store_unit *unit)
{
	struct held_page *page = self;
	struct pull_feed *feed = page->feed;
	struct pull_unit *next = &feed->units[feed->unit_count];
	if (feed->unit_count == PULL_UNITS_MAX)
		return false;
	page->scanned++;
	/* One that an older version of the agent wrote may be longer; the next re-reading has it. */
	if (unit->key.len > sizeof next->key || unit->stamp.len > sizeof next->stamp)
		return true;
	memcpy(feed->retry_after, unit->key.data, unit->key.len);
	feed->retry_after_len = unit->key.len;
	if (unit->held == 0)
		return true;
	memcpy(next->key, unit->key.data, unit->key.len);
	memcpy(next->stamp, unit->stamp.data, unit->stamp.len);
	next->key_len = (uint8_t)unit->key.len;
	next->stamp_len = (uint8_t)unit->stamp.len;
	const struct pull_held *waits = find_held(feed, next);
	feed->unit_count += !waits || page->now >= waits->due_mono_ns;
	return true;
}

/* The next units that the store knows as held, but for those that were tried just now. unit_count 0: none are left. */
static enum err held_page(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info)
{
	struct held_page page = {.feed = feed, .now = now, .scanned = PULL_UNITS_SCANNED};
	enum err err = ERR_OK;
	while (err == ERR_OK && feed->unit_count == 0 && page.scanned == PULL_UNITS_SCANNED) {
		page.scanned = 0;
		err = store_units(pull->store, pull->source->name, feed->profile->name,
		                  (struct span){feed->retry_after, feed->retry_after_len}, PULL_UNITS_SCANNED,
		                  visit_unit, &page, info);
	}
	return err;
}

/* All units of the page are read. */
static enum err page_done(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info)
{
	memcpy(feed->position.after, feed->gate_after, feed->gate_after_len);
	feed->position.after_len = feed->gate_after_len;
	feed->unit_count = 0;
	feed->unit_next = 0;
	enum err err = ERR_OK;
	if (!feed->gate_full && feed_retries(feed))
		err = held_page(pull, feed, now, info);
	if (err != ERR_OK)
		return err;
	if (!feed->gate_full && feed->unit_count == 0)
		return feed_end(pull, feed, now, info);
	feed->state = feed->gate_full ? FEED_READY : FEED_UNITS;
	return feed_save(pull, feed, info);
}

enum err unit_gate_done(struct pull *pull, struct pull_feed *feed, struct pull_request *request, int64_t now,
                        struct err_info *info)
{
	int kept = 0;
	feed->gate_full = request->rows >= (uint32_t)request->limit;
	/* A full page that does not lead past the one before would be asked for for ever. */
	if (feed->gate_full && span_equal((struct span){feed->gate_after, feed->gate_after_len},
	                                  (struct span){feed->position.after, feed->position.after_len}))
		return feed_stop(pull, feed, "source-query",
		                 "the gate gives the same page again; its order must be that of its key, and "
		                 "the key unique",
		                 now, info);
	for (int i = 0; i < feed->unit_count; i++) {
		bool read = false;
		enum err err = is_read(pull, feed, &feed->units[i], now, &read, info);
		if (err != ERR_OK)
			return err;
		if (!read && kept != i)
			feed->units[kept] = feed->units[i];
		kept += !read;
	}
	feed->unit_count = kept;
	feed->unit_next = 0;
	if (!feed->gate_full)
		add_held(feed, now);
	if (feed->unit_count == 0)
		return page_done(pull, feed, now, info);
	feed->state = FEED_UNITS;
	return ERR_OK;
}

int unit_places(int count, int max)
{
	int places = count <= 1 ? 1 : count <= 4 ? 4 : PROFILE_UNITS_MAX;
	return places < max ? places : max;
}

/* How many of the next units are read with one statement: as many as fill half a page, by what units held
 * lately. One that has held documents is read alone, so that it is known whose they are. */
static int group(const struct pull *pull, struct pull_feed *feed)
{
	int rows = feed->unit_rows > 0 ? feed->unit_rows : feed_rows_limit(pull);
	int most = feed_rows_limit(pull) / 2 / rows;
	most = most < feed->profile->rows.units_max ? most : feed->profile->rows.units_max;
	int left = feed->unit_count - feed->unit_next;
	most = most < left ? most : left;
	int count = 1;
	if (find_held(feed, &feed->units[feed->unit_next]))
		return 1;
	while (count < most && !find_held(feed, &feed->units[feed->unit_next + count]))
		count++;
	return count;
}

int unit_next(struct pull *pull, struct pull_feed *feed)
{
	int free_slot = -1;
	for (int i = 0; i < PULL_PIPELINE_MAX; i++) {
		if (feed->active[i].used && !feed->active[i].out)
			return i; /* its next page */
		if (!feed->active[i].used && free_slot < 0)
			free_slot = i;
	}
	if (free_slot < 0 || feed->unit_next == feed->unit_count)
		return -1;
	feed->active[free_slot] = (struct pull_active){.used = true,
	                                               .unit = feed->unit_next,
	                                               .count = group(pull, feed),
	                                               .limit = feed_rows_limit(pull)};
	feed->unit_next += feed->active[free_slot].count;
	return free_slot;
}

static void note_held(struct pull_feed *feed, const struct pull_unit *unit, int held, int64_t now)
{
	struct pull_held *entry = find_held(feed, unit);
	if (held == 0) {
		if (entry)
			*entry = feed->held[--feed->held_count];
		return;
	}
	/* Past the end of the list a unit waits for the next re-reading. */
	if (!entry && feed->held_count == PULL_HELD_MAX)
		return;
	if (!entry) {
		entry = &feed->held[feed->held_count++];
		entry->tries = 0;
	}
	entry->unit = *unit;
	entry->due_mono_ns = now + (PULL_HELD_RETRY_NS << entry->tries);
	if (entry->tries < PULL_HELD_RETRY_DOUBLINGS)
		entry->tries++;
}

enum err unit_rows_done(struct pull *pull, struct pull_feed *feed, struct pull_active *active, int64_t now,
                        struct err_info *info)
{
	enum err err = pull->sink->begin(pull->sink->self, info);
	for (int i = 0; i < active->count && err == ERR_OK; i++) {
		const struct pull_unit *unit = &feed->units[active->unit + i];
		const struct store_unit record = {.key = {unit->key, unit->key_len},
		                                  .stamp = {unit->stamp, unit->stamp_len},
		                                  .held = active->held,
		                                  .read_ns = hal_wall_ns(pull->hal)};
		err = store_unit_put(pull->store, pull->source->name, feed->profile->name, &record, info);
	}
	if (err != ERR_OK)
		return err;
	for (int i = 0; i < active->count; i++)
		note_held(feed, &feed->units[active->unit + i], active->held, now);
	/* A quarter of the new, at least 1; unknown at first. */
	int rows = (int)(active->rows / (uint32_t)active->count) + 1;
	feed->unit_rows = feed->unit_rows ? (3 * feed->unit_rows + rows) / 4 + 1 : rows;
	active->used = false;
	bool busy = feed->unit_next < feed->unit_count;
	for (int i = 0; i < PULL_PIPELINE_MAX; i++)
		busy = busy || feed->active[i].used;
	return busy ? ERR_OK : page_done(pull, feed, now, info);
}
