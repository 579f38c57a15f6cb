/*
 * control_status.c - the answer to "status": one verdict, why, and the figures behind it.
 *
 * Why:   a person at two in the morning wants to know first whether it is well, then what to do.
 * Owns:  nothing.
 * Rules: 1. "health" is healthy, starting or degraded. degraded: at least one entry in "problems"; starting: none, but
 *           a source or the uplink has not come up yet since the program began.
 *        2. Each problem says what happened and what to do; the gravest stands first and becomes the headline.
 *        3. Never falsely green: what cannot be read is a problem.
 *        4. The count of exceptions by owner looks at the newest OWNERS_COUNTED; "counted" says at how many.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/uplink/stream_name.h"
#include "store_forward/replay.h"

/* Bounds the time that one status takes of the core: some 10 ms. */
#define OWNERS_COUNTED 2000
#define OWNER_COUNT    4

/* What status found while it wrote the parts; the problems are written after them. */
struct verdict {
	struct json *json;
	const struct control_view *view;
	int problems;
	bool starting;
	char headline[ERR_TEXT_MAX];
};

static void add_problem(struct verdict *verdict, const char *code, const char *object, const char *text,
                        const char *hint)
{
	struct json *json = verdict->json;
	if (verdict->problems++ == 0)
		(void)snprintf(verdict->headline, sizeof verdict->headline, "%s", text);
	json_object(json, NULL);
	json_put_text(json, "code", code);
	json_put_text(json, "object", object);
	json_put_text(json, "text", text);
	json_put_text(json, "hint", hint);
	json_object_end(json);
}

static int64_t seconds_until(const struct control_view *view, int64_t mono_ns)
{
	int64_t left = mono_ns - hal_mono_ns(view->hal);
	return mono_ns == 0 || left <= 0 ? 0 : (left + NS_PER_S - 1) / NS_PER_S;
}

/* ---- the parts ---- */

static void write_feed(const struct control_view *view, const struct pull_feed_status *feed,
                       struct json *json)
{
	json_object(json, NULL);
	json_put_text(json, "name", feed->name);
	json_put_boolean(json, "stopped", feed->stopped);
	json_put_text(json, "why", feed->why);
	json_put_count(json, "documents", feed->documents);
	json_put_count(json, "rows", feed->rows);
	json_put_text(json, "newest", feed->newest);
	json_put_boolean(json, "catching_up", feed->catching_up);
	json_put_instant(json, "last_cycle", feed->last_cycle_ns);
	if (feed->last_cycle_ns != 0)
		json_put_integer(json, "last_cycle_age_s", control_age_s(view, feed->last_cycle_ns));
	json_object_end(json);
}

static void write_sources(const struct control_view *view, struct json *json)
{
	json_list(json, "sources");
	for (int i = 0; i < view->pull_count; i++) {
		struct pull_status status;
		pull_status(view->pulls[i], &status);
		json_object(json, NULL);
		json_put_text(json, "name", status.source);
		json_put_text(json, "state", status.state);
		json_put_boolean(json, "paused", status.paused);
		json_put_text(json, "dbms", status.dbms);
		json_put_text(json, "driver", status.driver);
		json_put_text(json, "problem", status.problem);
		json_put_integer(json, "retry_in_s", seconds_until(view, status.retry_mono_ns));
		json_list(json, "feeds");
		for (int j = 0; j < status.feed_count; j++)
			write_feed(view, &status.feeds[j], json);
		json_list_end(json);
		json_object_end(json);
	}
	json_list_end(json);
}

/* Which of the configured hosts it is, from 1; 0: none of them. */
static int host_number(const struct config_uplink *uplink, const struct forward_status *status)
{
	if (strcmp(uplink->host, status->host) == 0 && uplink->port == status->port)
		return 1;
	for (int i = 0; i < uplink->fallback_host_count; i++) {
		const struct config_host *host = &uplink->fallback_hosts[i];
		if (strcmp(host->host, status->host) == 0 && host->port == status->port)
			return i + 2;
	}
	return 0;
}

static void write_uplink(const struct control_view *view, struct json *json)
{
	const struct config_uplink *uplink = &view->config->uplink;
	struct forward_status status;
	if (!view->forward) {
		json_put_null(json, "uplink");
		return;
	}
	forward_status(view->forward, &status);
	json_object(json, "uplink");
	json_put_text(json, "state", status.state);
	json_put_text(json, "host", status.host);
	json_put_integer(json, "port", status.port);
	json_put_integer(json, "host_number", host_number(uplink, &status));
	json_put_integer(json, "hosts", 1 + uplink->fallback_host_count);
	json_put_text(json, "mqtt", status.version == 5 ? "5" : status.version == 4 ? "3.1.1" : NULL);
	json_put_text(json, "tls", status.tls);
	json_put_text(json, "problem", status.problem);
	json_put_integer(json, "retry_in_s", seconds_until(view, status.retry_mono_ns));
	json_put_integer(json, "window", status.window);
	json_put_integer(json, "in_flight", status.in_flight);
	json_put_count(json, "sent", status.sent);
	json_put_count(json, "acked", status.acked);
	json_put_count(json, "connections", status.connections);
	json_put_integer(json, "rate_messages", uplink->rate_messages);
	json_put_integer(json, "rate_bytes", uplink->rate_bytes);
	json_object_end(json);
}

static void write_cloud(const struct control_view *view, struct json *json)
{
	const struct control_counters *counters = &view->counters;
	json_object(json, "cloud");
	json_put_count(json, "commands", counters->commands);
	json_put_count(json, "outcomes", counters->outcomes);
	json_put_count(json, "receipts", counters->receipts);
	json_put_count(json, "refused", counters->refused);
	json_object_end(json);
}

/* What became of the documents that were read since the start, and by which rules. */
static void write_recorded(const struct control_view *view, struct json *json)
{
	const struct recorder *recorder = view->recorder;
	if (!recorder)
		return;
	json_object(json, "recorded");
	json_put_count(json, "new", recorder->recorded);
	json_put_count(json, "amended", recorder->amended);
	json_put_count(json, "unchanged", recorder->unchanged);
	json_put_count(json, "held", recorder->held);
	json_put_count(json, "excluded", recorder->excluded);
	json_object_end(json);
	if (!recorder->rules)
		return;
	json_object(json, "rules");
	json_put_text(json, "directory", view->config->compare.rules);
	json_put_text(json, "version", rules_version(recorder->rules));
	json_put_text(json, "problem", view->rules_problem ? view->rules_problem : "");
	json_object_end(json);
}

static const char *class_name(enum config_stream_class class_)
{
	static const char *const names[CONFIG_STREAM_CLASS_COUNT] = {"immediate", "normal", "bulk"};
	CHECK(class_ < CONFIG_STREAM_CLASS_COUNT);
	return names[class_];
}

static const char *receipt_name(enum config_receipt receipt)
{
	static const char *const names[] = {"puback", "cosigned", "booked"};
	CHECK(receipt <= CONFIG_RECEIPT_BOOKED);
	return names[receipt];
}

/* Checkpoints, receipts and outcomes of one stream; adds the late ones to *late. */
static enum err write_proof(const struct control_view *view, const struct store_stream *stream, int64_t *late,
                            struct json *json, struct err_info *info)
{
	const struct config_stream_rule *rule = stream_name_rule(view->config, span_of(stream->name));
	int64_t upto = 0, count = 0, oldest = 0;
	enum err err = ERR_OK;
	if (rule->sla_ns > 0)
		err = store_acknowledged_before(view->store, stream->id,
		                                hal_wall_ns(view->hal) - rule->sla_ns, &upto, info);
	if (err == ERR_OK && upto > 0)
		err = store_unsettled(view->store, stream->id, upto, &count, &oldest, info);
	if (err != ERR_OK)
		return err;
	*late += count;
	json_put_text(json, "class", class_name(rule->class_));
	json_put_text(json, "keep_until", receipt_name(rule->receipt));
	json_put_integer(json, "checkpoint", stream->checkpoint_size);
	json_put_integer(json, "receipt", stream->receipt_size);
	json_put_integer(json, "sla_s", rule->sla_ns / NS_PER_S);
	json_put_integer(json, "late", count);
	if (count > 0)
		json_put_integer(json, "late_sequence", oldest);
	return ERR_OK;
}

static enum err write_queue(const struct control_view *view, struct json *json, struct err_info *info)
{
	struct store_totals totals;
	int64_t oldest = 0;
	int64_t late = 0;
	uint64_t bytes = 0;
	store_totals(view->store, &totals);
	json_object(json, "queue");
	json_list(json, "streams");
	for (int i = 0; i < store_stream_count(view->store); i++) {
		const struct store_stream *stream = store_stream_at(view->store, i);
		int64_t recorded = 0;
		enum err err = control_oldest(view->store, stream, &recorded, info);
		if (err != ERR_OK)
			return err;
		if (recorded != 0 && (oldest == 0 || recorded < oldest))
			oldest = recorded;
		bytes += stream->outbox_bytes;
		json_object(json, NULL);
		json_put_text(json, "name", stream->name);
		json_put_integer(json, "waiting", control_waiting(stream));
		json_put_count(json, "bytes", stream->outbox_bytes);
		json_put_integer(json, "acked_sequence", stream->acked_sequence);
		json_put_integer(json, "next_sequence", stream->next_sequence);
		json_put_instant(json, "oldest", recorded);
		if (recorded != 0)
			json_put_integer(json, "oldest_age_s", control_age_s(view, recorded));
		err = write_proof(view, stream, &late, json, info);
		if (err != ERR_OK)
			return err;
		json_object_end(json);
	}
	json_list_end(json);
	json_put_integer(json, "waiting", totals.queued);
	json_put_count(json, "bytes", bytes);
	json_put_integer(json, "late", late);
	json_put_integer(json, "replays", store_replay_count(view->store));
	json_put_instant(json, "oldest", oldest);
	if (oldest != 0)
		json_put_integer(json, "oldest_age_s", control_age_s(view, oldest));
	json_object_end(json);
	return ERR_OK;
}

static enum err write_store(const struct control_view *view, struct store_space *space, struct json *json,
                            struct err_info *info)
{
	struct store_totals totals;
	enum err err = store_space(view->store, space, info);
	if (err != ERR_OK)
		return err;
	store_totals(view->store, &totals);
	json_object(json, "store");
	json_put_text(json, "path", view->config->store.path);
	json_put_count(json, "used", space->used);
	json_put_count(json, "size_max", space->size_max);
	json_put_count(json, "disk_free", space->disk_free);
	json_put_boolean(json, "full", space->full);
	json_put_integer(json, "documents", totals.documents);
	json_put_integer(json, "acked", totals.acked);
	if (view->opening && view->opening->salvaged) {
		json_object(json, "salvaged");
		json_put_count(json, "documents_kept", view->opening->documents_kept);
		json_put_count(json, "rows_lost", view->opening->rows_lost);
		json_put_text(json, "damaged_path", view->opening->damaged_path);
		json_put_text(json, "found", view->opening->text);
		json_object_end(json);
	}
	json_object_end(json);
	return ERR_OK;
}

struct owner_counts {
	int64_t of[OWNER_COUNT];
	int64_t counted;
	int64_t acknowledged;
};

static bool count_owner(void *self, const struct store_exception *exception)
{
	struct owner_counts *counts = self;
	if ((unsigned)exception->owner < OWNER_COUNT)
		counts->of[exception->owner]++;
	counts->acknowledged += exception->acknowledged;
	return ++counts->counted < OWNERS_COUNTED;
}

static enum err write_exceptions(const struct control_view *view, struct owner_counts *found,
                                 struct json *json, struct err_info *info)
{
	struct owner_counts counts = {{0}, 0, 0};
	if (store_exceptions_open(view->store) > 0) {
		enum err err = store_exceptions(view->store, false, 0, count_owner, &counts, info);
		if (err != ERR_OK)
			return err;
	}
	json_object(json, "exceptions");
	json_put_integer(json, "open", store_exceptions_open(view->store));
	json_put_integer(json, "counted", counts.counted);
	json_put_integer(json, "acknowledged", counts.acknowledged);
	json_object(json, "by_owner");
	for (int i = 0; i < OWNER_COUNT; i++)
		json_put_integer(json, store_owner_name((enum store_owner)i), counts.of[i]);
	json_object_end(json);
	json_object_end(json);
	*found = counts;
	return ERR_OK;
}

/* ---- the verdict ---- */

static void judge_store(struct verdict *verdict, const struct store_space *space)
{
	const char *reason = verdict->view->pause_reason;
	char text[ERR_TEXT_MAX];
	if (space->full) {
		(void)snprintf(text, sizeof text,
		               "The store is full (%" PRIu64 " of %" PRIu64 " MiB used, %" PRIu64
		               " MiB free on the disk); "
		               "reading the ERP is paused, nothing is lost",
		               space->used >> 20, space->size_max >> 20, space->disk_free >> 20);
		add_problem(verdict, "store-full", "store", text,
		            "It goes on by itself once the broker has taken enough; otherwise raise "
		            "store.size_max or free "
		            "disk space");
	} else if (reason && reason[0]) {
		(void)snprintf(text, sizeof text, "Reading the ERP is paused: %.400s", reason);
		add_problem(verdict, "paused", "agent", text, "It goes on by itself once the reason is gone");
	}
}

static void judge_held(struct verdict *verdict, const struct forward_status *status)
{
	int count = status->held_count;
	int listed = (int)(sizeof status->held / sizeof status->held[0]);
	for (int i = 0; i < count && i < listed; i++) {
		const struct forward_held *held = &status->held[i];
		const struct store_stream *stream =
		    verdict->view->store ? store_stream_by_id(verdict->view->store, held->stream) : NULL;
		const char *name = stream ? stream->name : "?";
		char text[ERR_TEXT_MAX];
		(void)snprintf(text, sizeof text,
		               "The broker does not take event %" PRId64
		               " of stream %s (reason 0x%02x); the stream waits, "
		               "the next attempt is in %" PRId64 " s",
		               held->sequence, name, (unsigned)held->reason,
		               seconds_until(verdict->view, held->retry_mono_ns));
		add_problem(verdict, "stream-held", name, text,
		            "twinpost exceptions names the reason; check the broker's ACL, subscribers and "
		            "size limit");
	}
}

static void judge_uplink(struct verdict *verdict)
{
	struct forward_status status;
	char text[ERR_TEXT_MAX];
	if (!verdict->view->forward) {
		verdict->starting = true;
		return;
	}
	forward_status(verdict->view->forward, &status);
	bool up = strcmp(status.state, "up") == 0;
	if (!up && status.problem[0] == 0 && status.connections == 0) {
		verdict->starting = true;
	} else if (!up) {
		(void)snprintf(text, sizeof text, "The uplink to %.120s:%d is down: %.300s", status.host,
		               status.port, status.problem[0] ? status.problem : "the connection ended");
		add_problem(verdict, "uplink-down", "uplink", text,
		            "The agent tries again by itself; if it lasts, check the broker, the network and "
		            "the certificates");
	}
	judge_held(verdict, &status);
}

static void judge_sources(struct verdict *verdict)
{
	const struct control_view *view = verdict->view;
	char text[ERR_TEXT_MAX];
	for (int i = 0; i < view->pull_count; i++) {
		struct pull_status status;
		pull_status(view->pulls[i], &status);
		bool well = strcmp(status.state, "idle") == 0 || strcmp(status.state, "reading") == 0;
		if (status.problem[0]) {
			(void)snprintf(text, sizeof text, "Source %s cannot be read: %.400s", status.source,
			               status.problem);
			add_problem(verdict, "source-down", status.source, text,
			            "The agent tries again by itself; if it lasts, check the database, the "
			            "network and the "
			            "password");
		} else if (!well) {
			verdict->starting = true;
		}
		for (int j = 0; j < status.feed_count; j++) {
			if (!status.feeds[j].stopped)
				continue;
			(void)snprintf(text, sizeof text, "Source %s no longer reads %s: %.400s",
			               status.source, status.feeds[j].name, status.feeds[j].why);
			add_problem(verdict, "feed-stopped", status.source, text,
			            "Correct the profile or the ERP's table, then restart the agent; the "
			            "other documents go on");
		}
	}
}

static void judge_exceptions(struct verdict *verdict, const struct owner_counts *counts)
{
	int64_t open = store_exceptions_open(verdict->view->store);
	char text[160], in_hand[48] = "";
	if (open == 0)
		return;
	if (counts->acknowledged > 0)
		(void)snprintf(in_hand, sizeof in_hand, " (%" PRId64 " acknowledged)", counts->acknowledged);
	(void)snprintf(text, sizeof text, "%" PRId64 " %s open and %s for a person%s", open,
	               open == 1 ? "exception is" : "exceptions are", open == 1 ? "waits" : "wait", in_hand);
	add_problem(verdict, "exceptions-open", "exceptions", text, "See them with: twinpost exceptions");
}

/* The parts that need the store; *space and *counts are filled. */
static enum err write_stored(const struct control_view *view, struct store_space *space,
                             struct owner_counts *counts, struct json *json, struct err_info *info)
{
	enum err err = write_queue(view, json, info);
	if (err == ERR_OK)
		err = write_store(view, space, json, info);
	if (err == ERR_OK)
		err = write_exceptions(view, counts, json, info);
	return err;
}

static void write_verdict(struct verdict *verdict)
{
	struct json *json = verdict->json;
	const char *health = verdict->problems > 0 ? "degraded" : verdict->starting ? "starting" : "healthy";
	json_put_text(json, "health", health);
	if (verdict->problems > 0)
		json_put_text(json, "headline", verdict->headline);
	else
		json_put_text(json, "headline",
		              verdict->starting ? "Starting: connecting to the sources and the broker"
		                                : "All sources are read and the broker takes the events");
}

enum err control_status(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info)
{
	(void)request;
	struct verdict verdict = {.json = json, .view = view};
	struct store_space space = {0};
	struct owner_counts counts = {{0}, 0, 0};
	json_put_text(json, "version", view->version);
	json_put_text(json, "tenant", view->config->tenant);
	json_put_text(json, "gateway", view->config->gateway);
	json_put_text(json, "config", view->config->path);
	json_put_instant(json, "now", hal_wall_ns(view->hal));
	json_put_instant(json, "started", view->started_wall_ns);
	json_put_integer(json, "uptime_s", (hal_mono_ns(view->hal) - view->started_mono_ns) / NS_PER_S);
	json_put_text(json, "paused",
	              view->pause_reason && view->pause_reason[0] ? view->pause_reason : NULL);
	write_sources(view, json);
	write_uplink(view, json);
	write_cloud(view, json);
	write_recorded(view, json);
	if (view->store) {
		enum err err = write_stored(view, &space, &counts, json, info);
		if (err != ERR_OK)
			return err;
	}
	json_list(json, "problems");
	if (view->store)
		judge_store(&verdict, &space);
	else
		add_problem(&verdict, "store-closed", "store", "The store is not open",
		            "See the agent's log: journalctl -u twinpost");
	judge_uplink(&verdict);
	judge_sources(&verdict);
	if (view->store)
		judge_exceptions(&verdict, &counts);
	json_list_end(json);
	write_verdict(&verdict);
	return ERR_OK;
}
