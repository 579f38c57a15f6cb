/*
 * pull.c - the life of a source child: start, connection, deadlines, end, back-off; and what others ask of
 * the machine.
 *
 * Why:   see pull.h.
 * Owns:  as in pull.h.
 * Rules: 1. One child at a time; every end of it, wanted or not, comes as HAL_CHILD_EXITED and leads to
 *           WAITING.
 *        2. Whatever a child says that the protocol does not allow ends it: nothing is guessed.
 *        3. Failures in a row lengthen the pause; an answered request makes it short again.
 *
 *        STOPPED -> WAITING -> OPENING -> IDLE <-> READING
 *                      ^          |         |         |        pull_fail(): SIGTERM, 2 s, SIGKILL
 *                      +------ ENDING <-----+---------+
 *                      +----------+---------+---------+        the child ended by itself
 *
 * Faults: a child that hangs, dies, lies or says nothing; a core that was itself asleep is no fault of the
 *         child.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c, tests/sim
 */
#include "connector/source/pull.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/source/pull_internal.h"

#define BACKOFF_MIN_NS (1 * NS_PER_S)
#define BACKOFF_MAX_NS (60 * NS_PER_S)
/* A refused login may lock the account: never soon. */
#define LOGIN_PAUSE_NS       (30 * NS_PER_S)
#define LOGIN_BACKOFF_MAX_NS (270 * NS_PER_S)
/* The driver's own time-out is asked to fire first. */
#define LOGIN_GRACE_NS (5 * NS_PER_S)

static const struct sm_state states[] = {
    [PULL_STOPPED] = {"stopped", SM_NEXT(PULL_WAITING)},
    [PULL_WAITING] = {"waiting", SM_NEXT(PULL_OPENING) | SM_NEXT(PULL_WAITING)},
    [PULL_OPENING] = {"opening", SM_NEXT(PULL_IDLE) | SM_NEXT(PULL_ENDING) | SM_NEXT(PULL_WAITING)},
    [PULL_IDLE] = {"idle", SM_NEXT(PULL_READING) | SM_NEXT(PULL_ENDING) | SM_NEXT(PULL_WAITING)},
    [PULL_READING] = {"reading", SM_NEXT(PULL_IDLE) | SM_NEXT(PULL_ENDING) | SM_NEXT(PULL_WAITING)},
    [PULL_ENDING] = {"ending", SM_NEXT(PULL_WAITING)},
};

static void check_pull(const void *owner)
{
	const struct pull *pull = owner;
	bool living = pull->sm.state != PULL_STOPPED && pull->sm.state != PULL_WAITING;
	CHECK(living == (pull->child != 0));
	CHECK(pull->sm.state != PULL_READING || pull->request_count > 0);
	CHECK(pull->sm.state != PULL_IDLE || pull->request_count == 0);
}

struct pull *pull_new(struct hal *hal, const struct log *log, struct store *store,
                      const struct config_source *source, const struct profile *profile,
                      const struct pull_sink *sink)
{
	struct pull *pull = mem_alloc(sizeof *pull);
	pull->hal = hal;
	pull->log = log;
	pull->store = store;
	pull->source = source;
	pull->profile = profile;
	pull->sink = sink;
	pull->pace = (struct position_pace){.overlap_s = source->overlap_ns / NS_PER_S,
	                                    .lookback_s = source->lookback_ns / NS_PER_S,
	                                    .reread_s = source->reread_ns / NS_PER_S};
	(void)snprintf(pull->object, sizeof pull->object, "source=%s", source->name);
	pull->down_clear_due = true;
	backoff_init(&pull->backoff, BACKOFF_MIN_NS, BACKOFF_MAX_NS);
	backoff_init(&pull->login_backoff, LOGIN_PAUSE_NS, LOGIN_BACKOFF_MAX_NS);
	buf_init(&pull->out, FRAME_PAYLOAD_MAX);
	pull->values = mem_alloc(SOURCE_COLUMNS_MAX * sizeof *pull->values);
	pull->feeds =
	    mem_alloc((size_t)(profile->feed_count ? profile->feed_count : 1) * sizeof *pull->feeds);
	for (int i = 0; i < profile->feed_count; i++) {
		if (profile_feed_wanted(&profile->feeds[i], source))
			feed_init(pull, &pull->feeds[pull->feed_count++], &profile->feeds[i]);
	}
	sm_init(&pull->sm, states, PULL_ENDING + 1, PULL_STOPPED, pull->object, log);
	pull->sm.owner = pull;
	pull->sm.invariant = check_pull;
	return pull;
}

void pull_free(struct pull *pull)
{
	if (!pull)
		return;
	if (pull->child)
		hal_child_signal(pull->hal, pull->child, HAL_SIGNAL_KILL);
	for (int i = 0; i < pull->feed_count; i++)
		feed_release(&pull->feeds[i]);
	free(pull->feeds);
	free(pull->values);
	buf_release(&pull->out);
	free(pull);
}

enum err pull_raise(struct pull *pull, const char *rule, struct span key, const char *text,
                    struct err_info *info)
{
	enum err err = pull->sink->begin(pull->sink->self, info);
	if (err != ERR_OK)
		return err;
	int64_t now = hal_wall_ns(pull->hal);
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = span_of(pull->source->name),
	    .key = key,
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = now,
	    .last_ns = now,
	};
	return pull->sink->unreadable(pull->sink->self, pull->source, &exception, info);
}

enum err pull_clear(struct pull *pull, struct span key, struct err_info *info)
{
	enum err err = pull->sink->begin(pull->sink->self, info);
	int cleared = 0;
	if (err == ERR_OK)
		err = store_exception_clear(pull->store, (struct span){NULL, 0}, span_of(pull->source->name),
		                            key, hal_wall_ns(pull->hal), &cleared, info);
	if (err == ERR_OK && cleared > 0)
		log_event(pull->log, LOG_EXCEPTION_CLEARED, "source=%s key=%.*s: it works again",
		          pull->source->name, (int)key.len, key.data);
	return err;
}

/* Counts a failure and says when to try again. */
static void count_failure(struct pull *pull, bool login, int64_t now, const char *why)
{
	int64_t pause = login ? LOGIN_PAUSE_NS + backoff_next(&pull->login_backoff, pull->hal)
	                      : backoff_next(&pull->backoff, pull->hal);
	if (pull->failures < INT32_MAX)
		pull->failures++;
	pull->down_due = pull->down_due || pull->failures == PULL_DOWN_FAILURES;
	pull->retry_mono_ns = now + pause;
	(void)snprintf(pull->problem, sizeof pull->problem, "%s", why);
	log_event(pull->log, LOG_SOURCE_FAILED, "source=%s failures=%d retry_s=%.1f: %s", pull->source->name,
	          pull->failures, (double)pause / 1e9, why);
}

void pull_fail(struct pull *pull, bool login, int64_t now, const char *why)
{
	if (pull->sm.state == PULL_ENDING || !pull->child)
		return;
	count_failure(pull, login, now, why);
	hal_child_signal(pull->hal, pull->child, HAL_SIGNAL_TERM);
	pull->term_mono_ns = now;
	sm_enter(&pull->sm, PULL_ENDING, why);
}

static void spoke_badly(struct pull *pull, int64_t now, const char *what)
{
	log_event(pull->log, LOG_CHILD_SPOKE_BADLY, "source=%s: %s", pull->source->name, what);
	pull_fail(pull, false, now, what);
}

/* The child is gone: nothing that was asked will be answered. */
static void forget_child(struct pull *pull, int64_t now)
{
	pull->child = 0;
	pull->opened = false;
	pull->request_count = 0;
	pull->term_mono_ns = 0;
	pull->killed = false;
	memset(pull->slots, 0, sizeof pull->slots);
	for (int i = 0; i < pull->feed_count; i++)
		feed_restart(pull, &pull->feeds[i], now);
}

/* A statement that hangs or crashes its driver, again and again, must not keep the other feeds from being
 * read. */
static enum err strike(struct pull *pull, int64_t now, struct err_info *info)
{
	bool due = pull->strike_due;
	pull->strike_due = false;
	if (!due || pull->request_count == 0 || pull->requests[0].ignored)
		return ERR_OK;
	struct pull_feed *feed = &pull->feeds[pull->requests[0].feed];
	if (++feed->strikes < PULL_STRIKES_MAX)
		return ERR_OK;
	feed->strikes = 0;
	char why[ERR_TEXT_MAX];
	(void)snprintf(why, sizeof why, "its statement ended the connection %d times in a row (%.300s)",
	               PULL_STRIKES_MAX, pull->problem);
	return feed_stop(pull, feed, "source-query", why, now, info);
}

static enum err child_exited(struct pull *pull, const char *how, int64_t now, struct err_info *info)
{
	char why[ERR_TEXT_MAX];
	bool wanted = pull->sm.state == PULL_ENDING;
	log_event(pull->log, LOG_CHILD_ENDED, "source=%s: %s", pull->source->name, how);
	if (!wanted) {
		(void)snprintf(why, sizeof why, "the process that reads the ERP ended: %.400s", how);
		count_failure(pull, false, now, why);
		pull->strike_due = true;
	}
	enum err err = strike(pull, now, info);
	forget_child(pull, now);
	sm_enter(&pull->sm, PULL_WAITING, how);
	return err;
}

static void spawn(struct pull *pull, int64_t now)
{
	const struct config_source *source = pull->source;
	struct err_info info;
	hal_child child = 0;
	if (hal_child_spawn(pull->hal, HAL_ROLE_SOURCE, source->name, &child, &info) != ERR_OK) {
		count_failure(pull, false, now, info.text);
		return;
	}
	pull->child = child;
	pull->heard_mono_ns = now;
	const struct source_open open = {
	    .connection = span_of(source->connection),
	    .user = span_of(source->user),
	    .password = source->password,
	    .login_timeout_s = (uint32_t)(source->login_timeout_ns / NS_PER_S),
	    .query_timeout_s = (uint32_t)(source->query_deadline_ns / NS_PER_S),
	    .row_array = (uint16_t)source->row_array,
	    .text_encoding =
		source->text_encoding[0] ? span_of(source->text_encoding) : SPAN_LITERAL("utf-8"),
	};
	buf_clear(&pull->out);
	source_open_encode(&pull->out, &open);
	CHECK(buf_ok(&pull->out));
	/* A child that ended already says so by its event. */
	(void)!hal_child_send(pull->hal, child, SOURCE_OPEN, pull->out.data, pull->out.len);
	log_event(pull->log, LOG_CHILD_STARTED, "source=%s child=%u: connecting", source->name,
	          (unsigned)child);
	sm_enter(&pull->sm, PULL_OPENING, "child started");
}

static void take_opened(struct pull *pull, const struct hal_child_event *event, int64_t now)
{
	struct source_opened opened;
	if (pull->sm.state != PULL_OPENING || !source_opened_decode(&opened, event->payload, event->len)) {
		spoke_badly(pull, now, "a bad or unexpected OPENED");
		return;
	}
	(void)snprintf(pull->dbms, sizeof pull->dbms, "%.*s %.*s", (int)opened.dbms.len, opened.dbms.data,
	               (int)opened.dbms_version.len, opened.dbms_version.data);
	(void)snprintf(pull->driver, sizeof pull->driver, "%.*s %.*s", (int)opened.driver.len,
	               opened.driver.data, (int)opened.driver_version.len, opened.driver_version.data);
	log_event(pull->log, LOG_SOURCE_CONNECTED,
	          "source=%s dbms=\"%s\" driver=\"%s\" isolation=%d: connected", pull->source->name,
	          pull->dbms, pull->driver, (int)opened.isolation);
	if (opened.read_only == 0)
		log_event(pull->log, LOG_SOURCE_NOT_READ_ONLY,
		          "source=%s: the account may write; give it one that may only read",
		          pull->source->name);
	pull->dialect = dialect_of(opened.dbms);
	pull->clock_sql = profile_clock_sql(pull->profile, opened.dbms);
	pull->opened = true;
	pull->problem[0] = 0;
	pull->retry_mono_ns = 0;
	sm_enter(&pull->sm, PULL_IDLE, "connected");
}

/* Marks a request's feed-mates as not wanted any more. */
static void ignore_feed(struct pull *pull, int feed)
{
	for (int i = 0; i < pull->request_count; i++) {
		if (pull->requests[i].feed == feed)
			pull->requests[i].ignored = true;
	}
}

static void pop_request(struct pull *pull)
{
	pull->request_count--;
	memmove(&pull->requests[0], &pull->requests[1],
	        (size_t)pull->request_count * sizeof pull->requests[0]);
	if (pull->request_count == 0 && pull->sm.state == PULL_READING)
		sm_enter(&pull->sm, PULL_IDLE, "all requests answered");
}

static enum err take_failed(struct pull *pull, const struct hal_child_event *event, int64_t now,
                            struct err_info *info)
{
	struct source_failed failed;
	char why[ERR_TEXT_MAX];
	if (!source_failed_decode(&failed, event->payload, event->len) ||
	    (failed.request != 0 &&
	     (pull->request_count == 0 || failed.request != pull->requests[0].number))) {
		spoke_badly(pull, now, "a bad FAILED, or one of a request that is not under way");
		return ERR_OK;
	}
	(void)snprintf(why, sizeof why, "%.*s (SQLSTATE %.5s, native %" PRId32 ")",
	               (int)(failed.text.len > 380 ? 380 : failed.text.len), failed.text.data,
	               failed.sqlstate, failed.native);
	if (failed.request == 0 || failed.failure == SOURCE_FAILURE_CONNECTION ||
	    failed.failure == SOURCE_FAILURE_LOGIN) {
		pull_fail(pull, failed.failure == SOURCE_FAILURE_LOGIN, now, why);
		return ERR_OK;
	}
	struct pull_request request = pull->requests[0];
	pop_request(pull);
	if (request.ignored)
		return ERR_OK;
	struct pull_feed *feed = &pull->feeds[request.feed];
	ignore_feed(pull, request.feed);
	/* What failed may be the preparing: it is prepared anew, also the clock. */
	pull->slots[0].prepared = false;
	pull->slots[1 + 2 * request.feed].prepared = false;
	pull->slots[2 + 2 * request.feed].prepared = false;
	if (failed.failure == SOURCE_FAILURE_TRANSIENT && ++feed->transients < PULL_TRANSIENTS_MAX) {
		uint32_t random = 0;
		hal_entropy(pull->hal, &random, sizeof random);
		feed_restart(pull, feed,
		             now + NS_PER_S + (int64_t)(random % 1000) * NS_PER_MS * feed->transients);
		return ERR_OK;
	}
	return feed_stop(pull, feed, "source-query", why, now, info);
}

static enum err take_columns(struct pull *pull, const struct hal_child_event *event, int64_t now,
                             struct err_info *info)
{
	struct source_columns *columns = mem_alloc(sizeof *columns);
	enum err err = ERR_OK;
	if (!source_columns_decode(columns, event->payload, event->len) || columns->statement >= PULL_SLOTS ||
	    !pull->slots[columns->statement].prepared) {
		spoke_badly(pull, now, "a bad COLUMNS, or one of a statement that was not prepared");
	} else {
		struct pull_slot *slot = &pull->slots[columns->statement];
		int feed = (columns->statement - 1) / 2;
		slot->known = true;
		slot->columns = columns->count;
		if (columns->statement > 0 && feed < pull->feed_count) {
			char why[ERR_TEXT_MAX];
			if (!feed_columns(&pull->feeds[feed], columns->statement % 2 == 1, columns,
			                  pull->profile->path, why)) {
				slot->known = false;
				slot->prepared = false;
				ignore_feed(pull, feed);
				err = feed_stop(pull, &pull->feeds[feed], "profile-column", why, now, info);
			}
		}
	}
	free(columns);
	return err;
}

static enum err take_rows(struct pull *pull, const struct hal_child_event *event, int64_t now,
                          struct err_info *info)
{
	struct source_rows rows;
	struct pull_request *request = &pull->requests[0];
	if (!source_rows_decode(&rows, event->payload, event->len) || pull->request_count == 0 ||
	    rows.request != request->number || rows.statement >= PULL_SLOTS) {
		spoke_badly(pull, now, "bad ROWS, or some of a request that is not under way");
		return ERR_OK;
	}
	if (request->ignored)
		return ERR_OK;
	const struct pull_slot *slot = &pull->slots[rows.statement];
	if (!slot->known || slot->columns != rows.columns) {
		spoke_badly(pull, now, "ROWS without COLUMNS before them");
		return ERR_OK;
	}
	enum err err = ERR_OK;
	while (err == ERR_OK && source_rows_next(&rows, pull->values)) {
		request->rows++;
		err = feed_row(pull, request, info);
	}
	if (err == ERR_OK && !source_rows_good(&rows))
		spoke_badly(pull, now, "ROWS that end too early or too late");
	return err;
}

static enum err take_done(struct pull *pull, const struct hal_child_event *event, int64_t now,
                          struct err_info *info)
{
	struct source_done done;
	if (!source_done_decode(&done, event->payload, event->len) || pull->request_count == 0 ||
	    done.request != pull->requests[0].number ||
	    (!pull->requests[0].ignored && done.rows != pull->requests[0].rows)) {
		spoke_badly(pull, now, "a bad DONE, or one that does not fit the rows before it");
		return ERR_OK;
	}
	struct pull_request request = pull->requests[0];
	pop_request(pull);
	pull->failures = 0;
	backoff_reset(&pull->backoff);
	backoff_reset(&pull->login_backoff);
	if (request.ignored)
		return ERR_OK;
	pull->feeds[request.feed].strikes = 0;
	return feed_done(pull, &request, now, info);
}

static enum err take_frame(struct pull *pull, const struct hal_child_event *event, int64_t now,
                           struct err_info *info)
{
	if (pull->sm.state == PULL_ENDING)
		return ERR_OK; /* what a condemned child still says does not count */
	if (event->type == SOURCE_FAILED)
		return take_failed(pull, event, now, info);
	if (event->type == SOURCE_OPENED) {
		take_opened(pull, event, now);
		return ERR_OK;
	}
	if (!pull->opened) {
		spoke_badly(pull, now, "a frame before OPENED");
		return ERR_OK;
	}
	switch (event->type) {
	case SOURCE_COLUMNS:
		return take_columns(pull, event, now, info);
	case SOURCE_ROWS:
		return take_rows(pull, event, now, info);
	case SOURCE_DONE:
		return take_done(pull, event, now, info);
	default:
		spoke_badly(pull, now, "a frame of a type that a source child does not send");
		return ERR_OK;
	}
}

/* Outside a transaction nothing can be lost any more. */
static void note_committed(struct pull *pull)
{
	bool committed = !store_in_transaction(pull->store);
	for (int i = 0; i < pull->feed_count && committed; i++) {
		if (pull->feeds[i].full == FULL_ENDED)
			pull->feeds[i].full = FULL_NONE;
	}
}

enum err pull_event(struct pull *pull, const struct hal_child_event *event, int64_t now_mono_ns,
                    struct err_info *info)
{
	CHECK(pull_owns(pull, event->child));
	note_committed(pull);
	if (event->kind == HAL_CHILD_EXITED)
		return child_exited(pull, event->how, now_mono_ns, info);
	pull->heard_mono_ns = now_mono_ns;
	enum err err = take_frame(pull, event, now_mono_ns, info);
	return err == ERR_OK ? pull_schedule(pull, now_mono_ns, info) : err;
}

/* When the child must have said something. INT64_MAX: nothing is expected of it. */
static int64_t child_limit(const struct pull *pull)
{
	if (pull->sm.state == PULL_OPENING)
		return pull->heard_mono_ns + pull->source->login_timeout_ns + LOGIN_GRACE_NS;
	if (pull->sm.state == PULL_READING)
		return pull->heard_mono_ns + pull->source->query_deadline_ns;
	return INT64_MAX;
}

static void watch_child(struct pull *pull, int64_t now)
{
	if (pull->sm.state == PULL_ENDING) {
		if (!pull->killed && now >= pull->term_mono_ns + PULL_TERM_NS) {
			hal_child_signal(pull->hal, pull->child, HAL_SIGNAL_KILL);
			pull->killed = true;
			log_event(pull->log, LOG_CHILD_KILLED, "source=%s: it did not end by itself",
			          pull->source->name);
		}
		return;
	}
	if (now < child_limit(pull))
		return;
	char why[ERR_TEXT_MAX];
	(void)snprintf(why, sizeof why,
	               "no answer for %.0f s while %s; the process is ended and started again",
	               (double)(now - pull->heard_mono_ns) / 1e9,
	               pull->sm.state == PULL_OPENING ? "connecting" : "a request was under way");
	pull->strike_due = true;
	pull_fail(pull, false, now, why);
}

static enum err tell_trouble(struct pull *pull, struct err_info *info)
{
	enum err err = ERR_OK;
	if (pull->down_due) {
		char text[ERR_TEXT_MAX];
		(void)snprintf(text, sizeof text, "the ERP could not be reached %d times in a row: %.400s",
		               pull->failures, pull->problem);
		err = pull_raise(pull, "source-down", SPAN_LITERAL("connection"), text, info);
		if (err == ERR_OK) {
			pull->down_due = false;
			pull->down_clear_due = true;
		}
	}
	if (err == ERR_OK && pull->down_clear_due && pull->failures == 0 && pull->opened) {
		err = pull_clear(pull, SPAN_LITERAL("connection"), info);
		pull->down_clear_due = err != ERR_OK;
	}
	return err;
}

static int64_t next_deadline(const struct pull *pull, int64_t now)
{
	if (pull->sm.state == PULL_ENDING)
		return pull->killed ? INT64_MAX : pull->term_mono_ns + PULL_TERM_NS;
	if (pull->sm.state == PULL_WAITING)
		return pull->paused ? INT64_MAX : pull->retry_mono_ns;
	int64_t deadline = child_limit(pull);
	/* Seen often enough to tell a child that hangs from a core that slept. */
	if (deadline > now + PULL_WATCH_NS && deadline != INT64_MAX)
		deadline = now + PULL_WATCH_NS;
	bool asks = pull->opened && !pull->paused && pull->request_count < PULL_PIPELINE_MAX;
	for (int i = 0; i < pull->feed_count && asks; i++) {
		const struct pull_feed *feed = &pull->feeds[i];
		bool waits =
		    feed->state == FEED_LOADING || feed->state == FEED_RESTING || feed->state == FEED_STOPPED;
		if (waits && feed->due_mono_ns < deadline)
			deadline = feed->due_mono_ns;
	}
	/* What is due and could not be sent waits for the child to take it. */
	return deadline > now ? deadline : now + PULL_BUSY_NS;
}

enum err pull_step(struct pull *pull, int64_t now_mono_ns, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	note_committed(pull);
	/* Nobody looked for a while: the child's frames may still wait to be read. */
	if (now_mono_ns - pull->stepped_mono_ns > 2 * PULL_WATCH_NS && pull->heard_mono_ns < now_mono_ns)
		pull->heard_mono_ns = now_mono_ns;
	pull->stepped_mono_ns = now_mono_ns;
	if (pull->sm.state == PULL_STOPPED)
		sm_enter(&pull->sm, PULL_WAITING, "started");
	watch_child(pull, now_mono_ns);
	if (pull->sm.state == PULL_WAITING && !pull->paused && now_mono_ns >= pull->retry_mono_ns)
		spawn(pull, now_mono_ns);
	if (!pull->paused)
		err = tell_trouble(pull, info);
	if (err == ERR_OK)
		err = pull_schedule(pull, now_mono_ns, info);
	*deadline = next_deadline(pull, now_mono_ns);
	return err;
}

bool pull_owns(const struct pull *pull, hal_child child)
{
	return child != 0 && pull->child == child;
}

void pull_rolled_back(struct pull *pull, int64_t now_mono_ns)
{
	for (int i = 0; i < pull->request_count; i++)
		pull->requests[i].ignored = true;
	/* What was told in the lost transaction was not told. */
	pull->down_due = pull->failures >= PULL_DOWN_FAILURES;
	pull->down_clear_due = true;
	for (int i = 0; i < pull->feed_count; i++)
		feed_rolled_back(pull, &pull->feeds[i], now_mono_ns);
}

void pull_pause(struct pull *pull, const char *why)
{
	pull->paused = true;
	(void)snprintf(pull->paused_why, sizeof pull->paused_why, "%s", why);
}

void pull_resume(struct pull *pull)
{
	pull->paused = false;
	pull->paused_why[0] = 0;
}

void pull_poke(struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++) {
		struct pull_feed *feed = &pull->feeds[i];
		if (feed->state == FEED_RESTING || feed->state == FEED_STOPPED)
			feed->due_mono_ns = 0;
		else
			feed->again = true;
	}
}

void pull_sweep(struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++)
		pull->feeds[i].sweep = true;
	pull_poke(pull);
}

void pull_read_whole(struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++)
		pull->feeds[i].full = FULL_DUE;
	pull_poke(pull);
}

bool pull_whole_read(const struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++) {
		if (pull->feeds[i].full == FULL_DUE || pull->feeds[i].full == FULL_RUNNING)
			return false;
	}
	return true;
}

void pull_retry_held(struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++)
		feed_retry_held(&pull->feeds[i]);
	pull_poke(pull);
}

bool pull_caught_up(const struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++) {
		const struct pull_feed *feed = &pull->feeds[i];
		bool read = feed->state == FEED_RESTING && feed->cycles > 0 && feed->due_mono_ns != 0;
		if (!read && feed->state != FEED_STOPPED)
			return false;
	}
	return pull->request_count == 0;
}

bool pull_has_stopped_feeds(const struct pull *pull)
{
	for (int i = 0; i < pull->feed_count; i++) {
		if (pull->feeds[i].state == FEED_STOPPED)
			return true;
	}
	return false;
}

bool pull_streaming(const struct pull *pull)
{
	return pull->request_count > 0 && pull->sm.state == PULL_READING;
}

static void feed_status(const struct pull_feed *feed, struct pull_feed_status *status)
{
	char stamp[2][24];
	int64_t newest =
	    feed->position.newest > feed->position.seen ? feed->position.newest : feed->position.seen;
	status->name = feed->profile->name;
	status->stopped = feed->state == FEED_STOPPED;
	(void)snprintf(status->why, sizeof status->why, "%s", feed->why);
	status->documents = feed->documents;
	status->rows = feed->rows;
	if (newest != NO_STAMP) {
		stamp_print(STAMP_DATETIME, newest, stamp);
		(void)snprintf(status->newest, sizeof status->newest, "%s", stamp[0]);
	}
	status->catching_up =
	    feed->position.reading && feed->state != FEED_RESTING && feed->state != FEED_STOPPED;
	status->last_cycle_ns = feed->last_cycle_ns;
}

void pull_status(const struct pull *pull, struct pull_status *status)
{
	*status =
	    (struct pull_status){.source = pull->source->name,
	                         .state = sm_name(&pull->sm),
	                         .paused = pull->paused,
	                         .retry_mono_ns = pull->sm.state == PULL_WAITING ? pull->retry_mono_ns : 0,
	                         .feed_count = pull->feed_count};
	(void)snprintf(status->dbms, sizeof status->dbms, "%s", pull->dbms);
	(void)snprintf(status->driver, sizeof status->driver, "%s", pull->driver);
	(void)snprintf(status->problem, sizeof status->problem, "%s",
	               pull->problem[0] ? pull->problem : pull->paused_why);
	for (int i = 0; i < pull->feed_count; i++)
		feed_status(&pull->feeds[i], &status->feeds[i]);
}
