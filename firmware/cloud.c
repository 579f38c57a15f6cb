/*
 * cloud.c - composes what faces the cloud.
 *
 * Why:   see cloud.h.
 * Owns:  see cloud.h.
 * Rules: as in cloud.h.
 * Faults: the store's errors go up; a key that cannot be opened ends the start with what to do.
 * Runs in: the core.
 * Tests: tests/unit/cloud_test.c, tests/sim, tests/integration/test_contract_live.py
 */
#include "firmware/cloud.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/notary.h"
#include "connector/uplink/note.h"
#include "connector/uplink/presence.h"
#include "connector/uplink/stream_policy.h"
#include "firmware/cloud_exceptions.h"
#include "hal/keys.h"
#include "store_forward/commands.h"
#include "store_forward/meta.h"

#define META_PAUSED     "cloud.paused"
#define FULL_BEAT       10 /* every so many heartbeats tell of all streams */
#define BOOT_BYTES      16
#define GREET_AGAIN_NS  (1 * NS_PER_S) /* a birth that found no room */
#define STATE_BYTES_MAX (UINT32_C(256) * 1024u)

struct cloud {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	const char *version;
	struct cloud_sink sink;
	struct recorder *recorder;
	struct hal_keys *keys;
	struct notary *notary;
	struct forward *forward;
	struct forward_sink forward_sink;
	struct inbox *inbox;
	char boot[PRESENCE_BOOT_SIZE];
	struct cloud_exceptions exceptions;
	int greet_page; /* of the birth, to be published next; 0: none is due */
	bool rotating;  /* the commit makes the next key the current one */
	int64_t beat_due_ns;
	int beats;
	int64_t beat_sequence[STORE_STREAMS_MAX + 1]; /* told by the last heartbeat that went out */
	bool beat_shown[STORE_STREAMS_MAX + 1];       /* by the page that is being made */
	bool pauses_due; /* those in force may be of a transaction that was lost */
	int64_t sla_due_ns;
	struct buf state;
	struct buf note;
};

/* ---- raising and clearing ---- */

static enum err raise(void *self, const struct store_exception *exception, struct err_info *info)
{
	struct cloud *cloud = self;
	return recorder_exception(cloud->recorder, exception, info);
}

static enum err uplink_clear(void *self, const char *rule, const char *key, struct err_info *info)
{
	struct cloud *cloud = self;
	return recorder_clear(cloud->recorder, span_of(rule), SPAN_LITERAL("uplink"), span_of(key), info);
}

static enum err cloud_clear(void *self, const char *rule, struct span key, struct err_info *info)
{
	struct cloud *cloud = self;
	return recorder_clear(cloud->recorder, span_of(rule), SPAN_LITERAL("cloud"), key, info);
}

static enum err begin(void *self, struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.begin(cloud->sink.self, info);
}

/* ---- state messages ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Publishes the pages of the birth that are due; what finds no room in the window follows in a later step. */
static enum err publish_birth(struct cloud *cloud, struct err_info *info)
{
	enum err err = ERR_OK;
	if (!forward_prompt_fits(cloud->forward))
		return ERR_OK; /* not signed before it can go out */
	if (cloud->greet_page == 1) {
		buf_clear(&cloud->note);
		err = notary_birth(cloud->notary, cloud->boot, &cloud->note, info);
	}
	while (err == ERR_OK && cloud->greet_page > 0) {
		int page = cloud->greet_page;
		const struct presence presence = {
		    .boot = cloud->boot,
		    .version = cloud->version,
		    .wall_ns = hal_wall_ns(cloud->hal),
		    .note = page == 1 ? buf_span(&cloud->note) : (struct span){NULL, 0},
		};
		buf_clear(&cloud->state);
		presence_alive(&cloud->state, &presence, cloud->store, "birth", page, NULL, NULL);
		if (!forward_prompt(cloud->forward, "up/state", buf_span(&cloud->state), 1, page == 1))
			break;
		cloud->greet_page = page < presence_pages(cloud->store) ? page + 1 : 0;
	}
	return err;
}

static enum err greet(void *self, struct err_info *info)
{
	struct cloud *cloud = self;
	(void)info;
	cloud->greet_page = 1;
	return ERR_OK;
}

static bool has_moved(void *self, const struct store_stream *stream)
{
	struct cloud *cloud = self;
	bool moved =
	    cloud->beat_sequence[stream->id] != stream->next_sequence || cloud->beats % FULL_BEAT == 0;
	cloud->beat_shown[stream->id] = moved;
	return moved;
}

/* What a heartbeat showed that went out; one that found no place takes nothing from the next. */
static void note_shown(struct cloud *cloud, bool sent)
{
	for (int i = 0; i < store_stream_count(cloud->store); i++) {
		const struct store_stream *stream = store_stream_at(cloud->store, i);
		if (sent && cloud->beat_shown[stream->id])
			cloud->beat_sequence[stream->id] = stream->next_sequence;
		cloud->beat_shown[stream->id] = false;
	}
}

static void count(struct cloud *cloud)
{
	struct forward_status status;
	struct inbox_counters inbox;
	struct store_totals totals;
	forward_status(cloud->forward, &status);
	inbox_counters(cloud->inbox, &inbox);
	store_totals(cloud->store, &totals);
	const struct presence_counter counters[] = {
	    {"commands", inbox.commands},
	    {"connections", status.connections},
	    {"documents", (uint64_t)totals.documents},
	    {"events_acknowledged", status.acked},
	    {"events_sent", status.sent},
	    {"exceptions_open", (uint64_t)store_exceptions_open(cloud->store)},
	    {"inbound", status.inbound},
	    {"inbound_dropped", status.dropped},
	    {"inbound_refused", inbox.refused},
	    {"outcomes", inbox.outcomes},
	    {"postings", inbox.postings},
	    {"postings_repeated", inbox.postings_repeated},
	    {"queued", (uint64_t)totals.queued},
	    {"receipts", inbox.receipts},
	};
	buf_clear(&cloud->state);
	presence_metric(&cloud->state, counters, (int)(sizeof counters / sizeof counters[0]),
	                hal_wall_ns(cloud->hal));
	(void)forward_prompt(cloud->forward, "up/metric", buf_span(&cloud->state), 0, false);
}

static void beat(struct cloud *cloud, int64_t now_ns)
{
	cloud->beat_due_ns = now_ns + cloud->config->uplink.heartbeat_ns;
	for (int page = 1; page <= presence_pages(cloud->store); page++) {
		const struct presence presence = {
		    .boot = cloud->boot, .version = cloud->version, .wall_ns = hal_wall_ns(cloud->hal)};
		buf_clear(&cloud->state);
		presence_alive(&cloud->state, &presence, cloud->store, "heartbeat", page, has_moved, cloud);
		/* Not retained: what a new subscriber is shown is the birth, which has the key. */
		note_shown(cloud,
		           forward_prompt(cloud->forward, "up/state", buf_span(&cloud->state), 1, false));
	}
	cloud->beats++;
	count(cloud);
}

/* Sequences, chains and roots that are told must stand for ever: a power cut may take an open transaction, and what
 * comes instead would be another history. cloud_send() comes after its commit. */
static enum err tell_state(struct cloud *cloud, int64_t now_ns, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	if (store_in_transaction(cloud->store))
		return ERR_OK;
	if (cloud->greet_page > 0)
		err = publish_birth(cloud, info);
	if (cloud->greet_page > 0)
		*deadline = earlier(*deadline, now_ns + GREET_AGAIN_NS);
	if (now_ns >= cloud->beat_due_ns)
		beat(cloud, now_ns);
	*deadline = earlier(*deadline, cloud->beat_due_ns);
	return err;
}

/* ---- what commands ask ---- */

/* META_PAUSED holds a line for each: "source NAME" or "stream NAME". */
static bool line_is(struct span line, const char *kind, const char *name)
{
	char wanted[96];
	int len = snprintf(wanted, sizeof wanted, "%s %s", kind, name);
	return len > 0 && (size_t)len == line.len && memcmp(line.data, wanted, line.len) == 0;
}

static bool next_line(struct span *rest, struct span *line)
{
	if (rest->len == 0)
		return false;
	const char *end = memchr(rest->data, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	*line = (struct span){rest->data, len};
	size_t taken = end ? len + 1 : len;
	*rest = (struct span){rest->data + taken, rest->len - taken};
	return true;
}

static enum err remember_pause(struct cloud *cloud, const char *kind, const char *name, bool resume,
                               struct err_info *info)
{
	struct buf old;
	struct buf now;
	struct span rest;
	struct span line;
	buf_init(&old, STORE_META_BYTES_MAX);
	buf_init(&now, STORE_META_BYTES_MAX);
	enum err err = store_meta_get(cloud->store, META_PAUSED, &old, info);
	if (err == ERR_NOT_FOUND)
		err = ERR_OK;
	rest = buf_span(&old);
	while (next_line(&rest, &line)) {
		if (line_is(line, kind, name))
			continue;
		buf_append_span(&now, line);
		buf_append_char(&now, '\n');
	}
	if (!resume)
		buf_printf(&now, "%s %s\n", kind, name);
	if (err == ERR_OK && !buf_ok(&now))
		err = err_set(info, ERR_TOO_LARGE, "too much is paused already; resume something first");
	if (err == ERR_OK)
		err = store_meta_put(cloud->store, META_PAUSED, buf_span(&now), info);
	buf_release(&old);
	buf_release(&now);
	return err;
}

static enum err set_pause(struct cloud *cloud, const char *source, const char *stream, bool resume,
                          struct err_info *info)
{
	if (source[0])
		return cloud->sink.pause_source(cloud->sink.self, source, resume, info);
	return forward_pause(cloud->forward, stream, resume, info);
}

static enum err pause(void *self, const char *source, const char *stream, bool resume, struct err_info *info)
{
	struct cloud *cloud = self;
	struct err_info ignored;
	enum err err = set_pause(cloud, source, stream, resume, info);
	if (err != ERR_OK)
		return err;
	err =
	    remember_pause(cloud, source[0] ? "source" : "stream", source[0] ? source : stream, resume, info);
	if (err != ERR_OK && !resume) /* what would not last is not begun */
		(void)!set_pause(cloud, source, stream, true, &ignored);
	return err;
}

enum err cloud_restore_pauses(struct cloud *cloud, struct err_info *info)
{
	struct buf paused;
	struct span rest;
	struct span line;
	struct err_info gone = {.text = ""};
	buf_init(&paused, STORE_META_BYTES_MAX);
	enum err err = store_meta_get(cloud->store, META_PAUSED, &paused, info);
	rest = buf_span(&paused);
	while (err == ERR_OK && next_line(&rest, &line)) {
		char name[96];
		if (line.len < 8 || !text_copy(name, sizeof name, (struct span){line.data + 7, line.len - 7}))
			continue;
		bool source = memcmp(line.data, "source ", 7) == 0;
		/* One that is no longer configured has nothing to pause. */
		(void)!set_pause(cloud, source ? name : "", source ? "" : name, false, &gone);
	}
	buf_release(&paused);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* What is in force becomes what the store says. */
static enum err settle_pauses(struct cloud *cloud, struct err_info *info)
{
	struct err_info gone = {.text = ""};
	for (int i = 0; i < cloud->config->source_count; i++)
		(void)!set_pause(cloud, cloud->config->sources[i].name, "", true, &gone);
	for (int i = 0; i < store_stream_count(cloud->store); i++)
		(void)!set_pause(cloud, "", store_stream_at(cloud->store, i)->name, true, &gone);
	enum err err = cloud_restore_pauses(cloud, info);
	cloud->pauses_due = err != ERR_OK;
	return err;
}

static enum err sweep(void *self, const char *source, struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.sweep(cloud->sink.self, source, info);
}

static void ask_greeting(void *self)
{
	struct cloud *cloud = self;
	cloud->greet_page = 1;
}

static enum err moved(void *self, const char *source, struct span subject, int64_t revision,
                      struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.moved(cloud->sink.self, source, subject, revision, info);
}

static enum err posting(void *self, const struct posting_event *event, const struct document *document,
                        struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.posting(cloud->sink.self, event, document, info);
}

static enum err posting_state(void *self, const char *name, struct buf *out, struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.posting_state(cloud->sink.self, name, out, info);
}

static enum err posting_keep(void *self, const char *name, struct span state, struct err_info *info)
{
	struct cloud *cloud = self;
	return cloud->sink.posting_keep(cloud->sink.self, name, state, info);
}

/* ---- what the uplink tells ---- */

static enum err inbound(void *self, struct span topic, struct span payload, bool retained,
                        struct err_info *info)
{
	struct cloud *cloud = self;
	return inbox_message(cloud->inbox, topic, payload, retained, info);
}

static enum err acknowledged(void *self, const struct store_stream *stream, struct err_info *info)
{
	struct cloud *cloud = self;
	return notary_mail(cloud->notary, stream, info);
}

static enum err replayed(void *self, const char *command, bool whole, struct err_info *info)
{
	struct cloud *cloud = self;
	return inbox_replayed(cloud->inbox, command, whole, info);
}

/* ---- the agent's calls ---- */

bool cloud_owns(const struct cloud *cloud, hal_child child)
{
	return forward_owns(cloud->forward, child);
}

enum err cloud_event(struct cloud *cloud, const struct hal_child_event *event, int64_t now_ns,
                     struct err_info *info)
{
	return forward_event(cloud->forward, event, now_ns, info);
}

static enum err close_pieces(struct cloud *cloud, bool all, struct err_info *info)
{
	enum err err = begin(cloud, info);
	return err == ERR_OK ? notary_close_due(cloud->notary, all, info) : err;
}

static enum err check_sla(struct cloud *cloud, int64_t now_ns, struct err_info *info)
{
	cloud->sla_due_ns = now_ns + INBOX_SLA_PERIOD_NS;
	enum err err = begin(cloud, info);
	return err == ERR_OK ? inbox_check_sla(cloud->inbox, info) : err;
}

static enum err tell_receipts(struct cloud *cloud, struct err_info *info)
{
	enum err err = begin(cloud, info);
	return err == ERR_OK ? inbox_tell_receipts(cloud->inbox, info) : err;
}

static bool awaits_outcomes(const struct config *config)
{
	for (int i = 0; i < config->stream_count; i++) {
		if (config->streams[i].sla_ns > 0)
			return true;
	}
	return false;
}

/* What needs a transaction and is due by time. */
static enum err step_store(struct cloud *cloud, int64_t now_ns, int64_t *deadline, struct err_info *info)
{
	enum err err = ERR_OK;
	int64_t due;
	if (notary_due(cloud->notary, now_ns, &due))
		err = close_pieces(cloud, false, info);
	else
		*deadline = earlier(*deadline, due);
	if (err == ERR_OK && now_ns >= inbox_receipts_due(cloud->inbox))
		err = tell_receipts(cloud, info);
	*deadline = earlier(*deadline, inbox_receipts_due(cloud->inbox));
	if (err != ERR_OK || !awaits_outcomes(cloud->config))
		return err;
	if (now_ns >= cloud->sla_due_ns)
		err = check_sla(cloud, now_ns, info);
	*deadline = earlier(*deadline, cloud->sla_due_ns);
	return err;
}

enum err cloud_step(struct cloud *cloud, int64_t now_ns, bool writable, int64_t *deadline,
                    struct err_info *info)
{
	enum err err = forward_step(cloud->forward, now_ns, deadline, info);
	if (err == ERR_OK && writable && cloud->pauses_due)
		err = settle_pauses(cloud, info);
	if (err == ERR_OK && writable)
		err = step_store(cloud, now_ns, deadline, info);
	return err == ERR_OK ? tell_state(cloud, now_ns, deadline, info) : err;
}

enum err cloud_before_commit(struct cloud *cloud, struct err_info *info)
{
	enum err err = notary_flush(cloud->notary, info);
	return err == ERR_OK ? cloud_exceptions_publish(&cloud->exceptions, info) : err;
}

enum err cloud_send(struct cloud *cloud, int64_t now_ns, int64_t *deadline, struct err_info *info)
{
	enum err err = tell_state(cloud, now_ns, deadline, info);
	if (err == ERR_OK)
		err = forward_send(cloud->forward, now_ns, info);
	*deadline = earlier(*deadline, forward_deadline(cloud->forward, now_ns));
	*deadline = earlier(*deadline, inbox_receipts_due(cloud->inbox));
	return err;
}

enum err cloud_prune(struct cloud *cloud, int limit, int *deleted, struct err_info *info)
{
	return store_messages_prune(cloud->store, hal_wall_ns(cloud->hal), limit, deleted, info);
}

void cloud_rolled_back(struct cloud *cloud, int64_t now_ns)
{
	cloud->pauses_due = true;
	notary_rolled_back(cloud->notary);
	forward_rolled_back(cloud->forward, now_ns);
	cloud_exceptions_rolled_back(&cloud->exceptions);
}

enum err cloud_close(struct cloud *cloud, struct err_info *info)
{
	return close_pieces(cloud, true, info);
}

bool cloud_drained(const struct cloud *cloud)
{
	struct forward_status status;
	struct store_totals totals;
	forward_status(cloud->forward, &status);
	store_totals(cloud->store, &totals);
	return strcmp(status.state, "up") != 0 || (totals.queued == 0 && forward_idle(cloud->forward));
}

void cloud_stop(struct cloud *cloud, int64_t now_ns)
{
	forward_stop(cloud->forward, now_ns);
}

bool cloud_stopped(const struct cloud *cloud)
{
	return forward_stopped(cloud->forward);
}

bool cloud_idle(const struct cloud *cloud)
{
	return forward_idle(cloud->forward);
}

enum err cloud_rotate_key(struct cloud *cloud, struct err_info *info)
{
	enum err err = notary_rotate(cloud->notary, info);
	cloud->rotating = err == ERR_OK;
	return err;
}

enum err cloud_committed(struct cloud *cloud, struct err_info *info)
{
	inbox_committed(cloud->inbox);
	if (!cloud->rotating)
		return ERR_OK;
	enum err err = notary_rotated(cloud->notary, info);
	cloud->rotating = err != ERR_OK; /* tried again after the next commit */
	cloud->greet_page = 1;
	return err;
}

enum err cloud_sign(struct cloud *cloud, struct span text, struct buf *note, struct err_info *info)
{
	return notary_sign(cloud->notary, text, note, info);
}

struct span cloud_public_key(const struct cloud *cloud)
{
	return notary_public_key(cloud->notary);
}

struct forward *cloud_forward(const struct cloud *cloud)
{
	return cloud->forward;
}

void cloud_counters(const struct cloud *cloud, struct inbox_counters *counters)
{
	inbox_counters(cloud->inbox, counters);
}

/* ---- making ---- */

static enum err open_key(struct cloud *cloud, struct err_info *info)
{
	const struct hal_keys_options options = {.directory = cloud->config->keys.directory,
	                                         .seal = cloud->config->keys.seal};
	struct hal_keys_opening opening = {0};
	enum err err = hal_keys_open(cloud->hal, &options, &cloud->keys, &opening, info);
	if (err == ERR_OK && opening.created)
		log_event(cloud->log, LOG_KEY_MADE,
		          "directory=%s: made this gateway's signing key; give its public half to the "
		          "middleware: twinpost key "
		          "export-public",
		          options.directory);
	return err;
}

static void make_boot(struct cloud *cloud)
{
	uint8_t bytes[BOOT_BYTES];
	hal_entropy(cloud->hal, bytes, sizeof bytes);
	hex_encode(cloud->boot, bytes, sizeof bytes);
}

enum err cloud_new(const struct cloud_options *options, struct recorder *recorder,
                   const struct cloud_sink *sink, struct cloud **out, struct err_info *info)
{
	struct cloud *cloud = mem_alloc(sizeof *cloud);
	cloud->hal = options->hal;
	cloud->log = options->log;
	cloud->store = options->store;
	cloud->config = options->config;
	cloud->version = options->version;
	cloud->sink = *sink;
	cloud->recorder = recorder;
	buf_init(&cloud->state, STATE_BYTES_MAX);
	buf_init(&cloud->note, NOTE_BYTES_MAX);
	make_boot(cloud);
	enum err err = open_key(cloud, info);
	if (err == ERR_OK) {
		const struct notary_options notary = {cloud->hal, cloud->log, cloud->store, cloud->config,
		                                      cloud->keys};
		err = notary_new(&notary, &cloud->notary, info);
	}
	if (err == ERR_OK)
		err =
		    cloud_exceptions_open(&cloud->exceptions, cloud->store, cloud->config, cloud->hal, info);
	if (err != ERR_OK) {
		cloud_free(cloud);
		return err;
	}
	recorder->notary = cloud->notary;
	stream_policy_all(cloud->store, cloud->config);
	cloud->forward_sink =
	    (struct forward_sink){cloud, begin, raise, uplink_clear, greet, inbound, acknowledged, replayed};
	const struct forward_options forward = {cloud->hal, cloud->log, cloud->store, cloud->config,
	                                        cloud->boot};
	cloud->forward = forward_new(&forward, &cloud->forward_sink);
	const struct inbox_sink inbox = {.self = cloud,
	                                 .raise = raise,
	                                 .clear = cloud_clear,
	                                 .pause = pause,
	                                 .sweep = sweep,
	                                 .greet = ask_greeting,
	                                 .moved = moved,
	                                 .posting = sink->posting ? posting : NULL,
	                                 .posting_state = sink->posting ? posting_state : NULL,
	                                 .posting_keep = sink->posting ? posting_keep : NULL};
	cloud->inbox = inbox_new(cloud->hal, cloud->log, cloud->store, cloud->config, options->keys, &inbox);
	cloud->beat_due_ns = hal_mono_ns(cloud->hal) + cloud->config->uplink.heartbeat_ns;
	cloud->sla_due_ns = hal_mono_ns(cloud->hal) + INBOX_SLA_PERIOD_NS;
	*out = cloud;
	return ERR_OK;
}

void cloud_free(struct cloud *cloud)
{
	if (!cloud)
		return;
	forward_free(cloud->forward);
	inbox_free(cloud->inbox);
	notary_free(cloud->notary);
	cloud_exceptions_close(&cloud->exceptions);
	hal_keys_close(cloud->keys);
	buf_release(&cloud->state);
	buf_release(&cloud->note);
	free(cloud);
}
