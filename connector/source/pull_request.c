/*
 * pull_request.c - which request is sent next, and its bytes.
 *
 * Why:   the child always has something to do, and a large feed does not keep a small one from its turn.
 * Owns:  nothing of its own.
 * Rules: 1. Feeds take turns, one request each, as long as fewer than PULL_PIPELINE_MAX are under way.
 *        2. A statement is prepared anew when its shape changes, before its next request; the child keeps the
 *           order.
 *        3. Nothing is sent while paused.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c
 */
#include "connector/source/pull_internal.h"

#include <string.h>

/* Slot 0 is the clock's; each feed has one for its gate and one for its rows. */
static int slot_of(const struct pull *pull, const struct pull_feed *feed, enum request_kind kind)
{
	int index = (int)(feed - pull->feeds);
	return kind == REQUEST_CLOCK ? 0 : 1 + 2 * index + (kind == REQUEST_ROWS);
}

struct plan {
	const struct profile_query *query; /* NULL: the clock */
	struct statement_shape shape;
	struct statement_values values;
	char since[2][24];
};

/* What a watermark or a unit holds as a key was made by key_encode() of as many values. One that was not (a
 * profile that changed under a stored position) gives nothing, and the reading begins at the first key. */
static bool after_values(const struct profile_query *query, const char *after, size_t len,
                         struct statement_values *values)
{
	return len > 0 && key_decode((struct span){after, len}, values->after, query->key_count);
}

static void make_plan(struct pull_feed *feed, enum request_kind kind, int active, struct plan *plan)
{
	const struct profile_feed *profile = feed->profile;
	bool behind_gate = kind == REQUEST_ROWS && active >= 0;
	plan->query = kind == REQUEST_GATE ? &profile->gate : &profile->rows;
	plan->shape = (struct statement_shape){.rows = feed->limit};
	if (behind_gate) {
		struct pull_active *reading = &feed->active[active];
		plan->shape.rows = reading->limit;
		plan->shape.after =
		    after_values(plan->query, reading->after, reading->after_len, &plan->values);
		plan->shape.units = unit_places(reading->count, profile->rows.units_max);
		/* Places that are left over name the last unit again, so that few forms of the statement do.
		 * */
		for (int i = 0; i < plan->shape.units; i++) {
			int last = i < reading->count ? i : reading->count - 1;
			const struct pull_unit *unit = &feed->units[reading->unit + last];
			CHECK(key_decode((struct span){unit->key, unit->key_len}, plan->values.unit[i],
			                 profile->unit_keys));
		}
		return;
	}
	if (kind == REQUEST_GATE)
		plan->shape.rows = PULL_UNITS_MAX;
	plan->shape.after =
	    after_values(plan->query, feed->position.after, feed->position.after_len, &plan->values);
	plan->shape.since = feed->position.from != NO_STAMP;
	if (plan->shape.since) {
		stamp_print(plan->query->stamp_form, feed->position.from, plan->since);
		plan->values.since[0] = span_of(plan->since[0]);
		plan->values.since[1] = span_of(plan->since[1]);
	}
}

static bool same_shape(struct statement_shape a, struct statement_shape b)
{
	return a.since == b.since && a.after == b.after && a.rows == b.rows && a.units == b.units;
}

static bool prepare(struct pull *pull, int slot, const struct plan *plan)
{
	struct pull_slot *prepared = &pull->slots[slot];
	if (prepared->prepared && (!plan->query || same_shape(prepared->shape, plan->shape)))
		return true;
	struct buf sql;
	int markers = 0;
	buf_init(&sql, SOURCE_SQL_BYTES_MAX);
	if (plan->query)
		statement_text(plan->query, pull->dialect, plan->shape, &sql, &markers);
	else
		buf_append_span(&sql, pull->clock_sql);
	const struct source_prepare message = {
	    .statement = (uint16_t)slot, .params = (uint16_t)markers, .sql = buf_span(&sql)};
	buf_clear(&pull->out);
	source_prepare_encode(&pull->out, &message);
	bool sent =
	    buf_ok(&sql) && buf_ok(&pull->out) &&
	    hal_child_send(pull->hal, pull->child, SOURCE_PREPARE, pull->out.data, pull->out.len) == ERR_OK;
	CHECK(buf_ok(&sql));
	buf_release(&sql);
	/* Rows of requests before this one still come in the columns that are known; COLUMNS follow in their
	 * turn. */
	if (sent) {
		prepared->prepared = true;
		prepared->shape = plan->shape;
	}
	return sent;
}

bool pull_send(struct pull *pull, struct pull_feed *feed, enum request_kind kind, int active, int64_t now)
{
	struct plan plan;
	memset(&plan, 0, sizeof plan);
	if (kind != REQUEST_CLOCK)
		make_plan(feed, kind, active, &plan);
	int slot = slot_of(pull, feed, kind);
	if (!prepare(pull, slot, &plan))
		return false;
	struct source_execute execute = {.request = pull->last_request + 1, .statement = (uint16_t)slot};
	if (plan.query)
		execute.param_count = (uint16_t)statement_params(
		    plan.query,
		    feed->profile->gate.keys + feed->profile->gate.key_count - feed->profile->unit_keys,
		    plan.shape, &plan.values, execute.params);
	buf_clear(&pull->out);
	source_execute_encode(&pull->out, &execute);
	CHECK(buf_ok(&pull->out));
	if (hal_child_send(pull->hal, pull->child, SOURCE_EXECUTE, pull->out.data, pull->out.len) != ERR_OK)
		return false;
	if (pull->request_count == 0)
		pull->heard_mono_ns = now;
	pull->requests[pull->request_count++] = (struct pull_request){.number = execute.request,
	                                                              .kind = kind,
	                                                              .feed = (int)(feed - pull->feeds),
	                                                              .active = active,
	                                                              .limit = plan.shape.rows};
	pull->last_request++;
	if (pull->sm.state == PULL_IDLE)
		sm_enter(&pull->sm, PULL_READING, "a request is under way");
	return true;
}

/* Sends the feed's next request, if it has one now. */
static enum err feed_turn(struct pull *pull, struct pull_feed *feed, int64_t now, bool *sent,
                          struct err_info *info)
{
	enum err err = ERR_OK;
	*sent = false;
	if (feed->state == FEED_STOPPED && now >= feed->due_mono_ns)
		feed->state = FEED_LOADING;
	if (feed->state == FEED_LOADING && now >= feed->due_mono_ns)
		err = feed_load(pull, feed, now, info);
	if (err != ERR_OK)
		return err;
	if (feed->state == FEED_RESTING && now >= feed->due_mono_ns) {
		if (pull->clock_sql.len == 0)
			return feed_stop(pull, feed, "source-query",
			                 "the profile has no clock for this database; add one for default",
			                 now, info);
		*sent = pull_send(pull, feed, REQUEST_CLOCK, -1, now);
		if (*sent) {
			feed->state = FEED_CLOCK_OUT;
			feed->began_mono_ns = now;
		}
	} else if (feed->state == FEED_READY) {
		bool gate = feed->profile->strategy == STRATEGY_POSTED_GATE;
		*sent = pull_send(pull, feed, gate ? REQUEST_GATE : REQUEST_ROWS, -1, now);
		if (*sent)
			feed->state = FEED_PAGE_OUT;
	} else if (feed->state == FEED_UNITS) {
		int active = unit_next(pull, feed);
		*sent = active >= 0 && pull_send(pull, feed, REQUEST_ROWS, active, now);
		if (*sent)
			feed->active[active].out = true;
	}
	return ERR_OK;
}

enum err pull_schedule(struct pull *pull, int64_t now, struct err_info *info)
{
	enum err err = ERR_OK;
	int idle = 0;
	/* Ends when no feed of a whole round had anything to send. */
	while (idle < pull->feed_count && pull->request_count < PULL_PIPELINE_MAX) {
		bool asks = pull->sm.state == PULL_IDLE || pull->sm.state == PULL_READING;
		if (!asks || pull->paused)
			break;
		bool sent = false;
		err = feed_turn(pull, &pull->feeds[pull->turn % pull->feed_count], now, &sent, info);
		if (err != ERR_OK)
			break;
		pull->turn = (pull->turn + 1) % pull->feed_count;
		idle = sent ? 0 : idle + 1;
	}
	return err;
}
