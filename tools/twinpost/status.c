/*
 * status.c - the command `status`: the agent's state for a person.
 *
 * Why:   the first line says whether it is well; what follows says why, and what to do.
 * Owns:  nothing.
 * Rules: 1. What is in order is short; what is not has a sentence and a hint.
 *        2. Everything comes from the answer; the age of things is reckoned by the agent's clock.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"

#define STREAMS_SHOWN 10
#define LABEL_COLUMNS 12

enum cli_exit status_exit(const cJSON *data)
{
	return strcmp(member_text(data, "health"), "healthy") == 0 ? CLI_OK : CLI_NOT_HEALTHY;
}

static void head(const char *title, const struct terminal *terminal, struct buf *out)
{
	buf_append_char(out, '\n');
	terminal_style(terminal, STYLE_BOLD, out);
	buf_append_text(out, title);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
}

/* A title with its text on the same line, wrapped beside it: releases text. */
static void labelled(const char *title, struct buf *text, const struct terminal *terminal, struct buf *out)
{
	terminal_style(terminal, STYLE_BOLD, out);
	buf_printf(out, "%-*s", LABEL_COLUMNS, title);
	terminal_style(terminal, STYLE_PLAIN, out);
	terminal_wrapped(terminal, buf_cstr(text), LABEL_COLUMNS, out);
	buf_release(text);
}

static void render_headline(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const char *health = member_text(data, "health");
	enum terminal_style style = strcmp(health, "healthy") == 0    ? STYLE_GOOD
	                            : strcmp(health, "starting") == 0 ? STYLE_WARNING
	                                                              : STYLE_BAD;
	char words[WORDS_SIZE];
	terminal_style(terminal, style, out);
	terminal_text(health, out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_text(out, ": ");
	terminal_wrapped(terminal, member_text(data, "headline"), (int)strlen(health) + 2, out);
	terminal_text(member_text(data, "tenant"), out);
	buf_append_char(out, '/');
	terminal_text(member_text(data, "gateway"), out);
	buf_append_text(out, ", twinpost ");
	terminal_text(member_text(data, "version"), out);
	age_words(member_integer(data, "uptime_s"), words);
	buf_printf(out, ", up %s since ", words);
	terminal_start(member_text(data, "started"), 19, out);
	buf_append_text(out, "Z\n");
}

static void render_problems(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *item;
	if (cJSON_GetArraySize(member(data, "problems")) == 0)
		return;
	head("Problems", terminal, out);
	cJSON_ArrayForEach(item, member(data, "problems"))
	{
		buf_append_text(out, "  - ");
		terminal_wrapped(terminal, member_text(item, "text"), 4, out);
		buf_append_text(out, "    ");
		terminal_style(terminal, STYLE_FAINT, out);
		terminal_wrapped(terminal, member_text(item, "hint"), 4, out);
		terminal_style(terminal, STYLE_PLAIN, out);
	}
}

/* "reading", "paused", "stopped", ... of one feed. */
static const char *feed_state(const cJSON *source, const cJSON *feed)
{
	if (member_true(feed, "stopped"))
		return "stopped";
	if (member_true(feed, "catching_up"))
		return "catching up";
	return member_true(source, "paused") ? "paused" : "";
}

static void render_sources(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	static const char *const heads[] = {"SOURCE", "STATE", "DOCUMENTS", "ROWS", "LAST READ", "NEWEST"};
	const cJSON *source, *feed;
	struct table table;
	head("Sources", terminal, out);
	table_init(&table, 6, 1u << 2 | 1u << 3, heads);
	cJSON_ArrayForEach(source, member(data, "sources"))
	{
		const char *dbms = member_text(source, "dbms");
		table_add(&table,
		          (const char *const[]){member_text(source, "name"), member_text(source, "state"),
		                                " ", " ", " ", dbms[0] ? dbms : " "});
		cJSON_ArrayForEach(feed, member(source, "feeds"))
		{
			char name[64], documents[WORDS_SIZE], rows[WORDS_SIZE], age[WORDS_SIZE],
			    last[WORDS_SIZE + 8];
			(void)snprintf(name, sizeof name, "  %.60s", member_text(feed, "name"));
			count_words(member_integer(feed, "documents"), documents);
			count_words(member_integer(feed, "rows"), rows);
			age_words(member_integer(feed, "last_cycle_age_s"), age);
			(void)snprintf(last, sizeof last, "%s ago", age);
			table_add(&table,
			          (const char *const[]){name, feed_state(source, feed), documents, rows,
			                                member_text(feed, "last_cycle")[0] ? last : "not yet",
			                                member_text(feed, "newest")});
		}
	}
	table_finish(&table, terminal, 2, out);
}

/* "host 2 of 3", where there is more than one. */
static void render_host(const cJSON *uplink, struct buf *out)
{
	int64_t number = member_integer(uplink, "host_number"), hosts = member_integer(uplink, "hosts");
	buf_append_text(out, member_text(uplink, "host"));
	buf_printf(out, ":%" PRId64, member_integer(uplink, "port"));
	if (hosts > 1 && number > 0)
		buf_printf(out, " (host %" PRId64 " of %" PRId64 ")", number, hosts);
}

/* The limits that the configuration sets, where it does. */
static void render_rate(const cJSON *uplink, const struct terminal *terminal, struct buf *out)
{
	int64_t messages = member_integer(uplink, "rate_messages"),
		bytes = member_integer(uplink, "rate_bytes");
	char words[WORDS_SIZE];
	struct buf text;
	if (messages == 0 && bytes == 0)
		return;
	buf_init(&text, CLI_OUTPUT_MAX);
	buf_append_text(&text, "limited to ");
	if (messages > 0) {
		count_words(messages, words);
		buf_printf(&text, "%s messages/s%s", words, bytes > 0 ? " and " : "");
	}
	if (bytes > 0) {
		size_words(bytes, words);
		buf_printf(&text, "%s/s", words);
	}
	labelled("", &text, terminal, out);
}

/* What came down since the start, where something did. */
static void render_cloud(const cJSON *cloud, const struct terminal *terminal, struct buf *out)
{
	int64_t refused = member_integer(cloud, "refused");
	int64_t commands = member_integer(cloud, "commands"), outcomes = member_integer(cloud, "outcomes");
	int64_t receipts = member_integer(cloud, "receipts");
	char words[4][WORDS_SIZE];
	struct buf text;
	if (commands + refused + outcomes + receipts == 0)
		return;
	buf_init(&text, CLI_OUTPUT_MAX);
	count_words(outcomes, words[0]);
	count_words(receipts, words[1]);
	count_words(commands, words[2]);
	count_words(refused, words[3]);
	buf_printf(&text, "from the cloud: %s %s, %s %s, %s %s", words[0],
	           outcomes == 1 ? "outcome" : "outcomes", words[1], receipts == 1 ? "receipt" : "receipts",
	           words[2], commands == 1 ? "command" : "commands");
	if (refused > 0)
		buf_printf(&text, "; %s refused: twinpost exceptions", words[3]);
	labelled("", &text, terminal, out);
}

/* Which rules map the codes, and what phase legacy keeps here: where there is something of either. */
static void render_rules(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *rules = member(data, "rules");
	int64_t excluded = member_integer(member(data, "recorded"), "excluded");
	char words[WORDS_SIZE];
	struct buf text;
	if (cJSON_IsObject(rules)) {
		buf_init(&text, CLI_OUTPUT_MAX);
		buf_printf(&text, "version %.16s of ", member_text(rules, "version"));
		buf_append_text(&text, member_text(rules, "directory"));
		if (member_text(rules, "problem")[0])
			buf_append_text(&text, "; the files there now are bad: twinpost mapping check");
		labelled("Rules", &text, terminal, out);
	}
	if (excluded > 0) {
		buf_init(&text, CLI_OUTPUT_MAX);
		count_words(excluded, words);
		buf_printf(&text, "%s times a document was read that is in phase legacy, and not sent",
		           words);
		labelled("Excluded", &text, terminal, out);
	}
}

static void render_uplink(const cJSON *uplink, const struct terminal *terminal, struct buf *out)
{
	char acked[WORDS_SIZE];
	struct buf text;
	bool up = strcmp(member_text(uplink, "state"), "up") == 0;
	buf_init(&text, CLI_OUTPUT_MAX);
	buf_append_char(out, '\n');
	if (!cJSON_IsObject(uplink)) {
		buf_append_text(&text, "not started");
		labelled("Uplink", &text, terminal, out);
		return;
	}
	buf_append_text(&text, member_text(uplink, "state"));
	buf_append_text(&text, up ? " at " : ", broker ");
	render_host(uplink, &text);
	if (up) {
		buf_append_text(&text, ", MQTT ");
		buf_append_text(&text, member_text(uplink, "mqtt"));
		buf_append_text(&text, ", ");
		buf_append_text(&text, member_text(uplink, "tls"));
		buf_printf(&text, ", %" PRId64 " of %" PRId64 " in flight",
		           member_integer(uplink, "in_flight"), member_integer(uplink, "window"));
	} else if (member_integer(uplink, "retry_in_s") > 0) {
		buf_printf(&text, ", next attempt in %" PRId64 " s", member_integer(uplink, "retry_in_s"));
	}
	count_words(member_integer(uplink, "acked"), acked);
	buf_printf(&text, ", %s delivered since the start", acked);
	labelled("Uplink", &text, terminal, out);
	render_rate(uplink, terminal, out);
}

/* One row of the table: what waits, and up to where a checkpoint and its receipt prove what was sent. */
static void add_stream(const cJSON *stream, struct table *table)
{
	char waiting[WORDS_SIZE], given[WORDS_SIZE], checkpoint[WORDS_SIZE], receipt[WORDS_SIZE],
	    late[WORDS_SIZE];
	char age[WORDS_SIZE] = "";
	int64_t next = member_integer(stream, "next_sequence");
	count_words(member_integer(stream, "waiting"), waiting);
	count_words(next > 0 ? next - 1 : 0, given);
	count_words(member_integer(stream, "checkpoint"), checkpoint);
	count_words(member_integer(stream, "receipt"), receipt);
	count_words(member_integer(stream, "late"), late);
	if (member_text(stream, "oldest")[0])
		age_words(member_integer(stream, "oldest_age_s"), age);
	table_add(table, (const char *const[]){member_text(stream, "name"), member_text(stream, "class"),
	                                       waiting, age, given, checkpoint, receipt, late});
}

static bool needs_a_look(const cJSON *stream)
{
	return member_integer(stream, "waiting") > 0 || member_integer(stream, "late") > 0;
}

/* At most STREAMS_SHOWN: first those in which something waits or is late. */
static void render_streams(const cJSON *streams, const struct terminal *terminal, struct buf *out)
{
	static const char *const heads[] = {"STREAM", "CLASS",      "WAITING", "OLDEST",
	                                    "GIVEN",  "CHECKPOINT", "RECEIPT", "LATE"};
	const cJSON *stream;
	struct table table;
	int shown = 0;
	int count = cJSON_GetArraySize(streams);
	if (count == 0)
		return;
	buf_append_char(out, '\n');
	table_init(&table, 8, 0xfcu & ~(1u << 3), heads);
	for (int round = 0; round < 2; round++) {
		cJSON_ArrayForEach(stream, streams)
		{
			if (needs_a_look(stream) != (round == 0) || shown == STREAMS_SHOWN)
				continue;
			shown++;
			add_stream(stream, &table);
		}
	}
	table_finish(&table, terminal, 2, out);
	if (count > shown)
		buf_printf(out, "  ... and %d more: twinpost status --json\n", count - shown);
}

static void render_queue(const cJSON *queue, const struct terminal *terminal, struct buf *out)
{
	char words[WORDS_SIZE], age[WORDS_SIZE], size[WORDS_SIZE];
	struct buf text;
	int64_t waiting = member_integer(queue, "waiting"), late = member_integer(queue, "late");
	int64_t replays = member_integer(queue, "replays");
	buf_init(&text, CLI_OUTPUT_MAX);
	if (waiting == 0) {
		buf_append_text(&text, "nothing waits: the broker has acknowledged everything");
	} else {
		count_words(waiting, words);
		size_words(member_integer(queue, "bytes"), size);
		age_words(member_integer(queue, "oldest_age_s"), age);
		buf_printf(&text, "%s waiting (%s), the oldest for %s", words, size, age);
	}
	if (late > 0) {
		count_words(late, words);
		buf_printf(&text, "; %s without an outcome in time", words);
	}
	if (replays > 0)
		buf_printf(&text, "; %" PRId64 " %s under way", replays, replays == 1 ? "replay" : "replays");
	labelled("Streams", &text, terminal, out);
}

static void render_store(const cJSON *store, const struct terminal *terminal, struct buf *out)
{
	char used[WORDS_SIZE], limit[WORDS_SIZE], disk[WORDS_SIZE], documents[WORDS_SIZE];
	int64_t size_max = member_integer(store, "size_max");
	const cJSON *salvaged = member(store, "salvaged");
	struct buf text;
	size_words(member_integer(store, "used"), used);
	size_words(size_max, limit);
	size_words(member_integer(store, "disk_free"), disk);
	count_words(member_integer(store, "documents"), documents);
	/* As floating point: sizes times 100 may pass 2^63. */
	double percent = size_max > 0 ? (double)member_integer(store, "used") * 100.0 / (double)size_max : 0;
	buf_init(&text, CLI_OUTPUT_MAX);
	buf_printf(&text, "%s documents, %s of %s used (%.0f %%), %s free on the disk", documents, used,
	           limit, percent, disk);
	labelled("Store", &text, terminal, out);
	if (!cJSON_IsObject(salvaged))
		return;
	buf_init(&text, CLI_OUTPUT_MAX);
	buf_printf(&text,
	           "salvaged at the start: %" PRId64 " documents kept, %" PRId64
	           " rows lost; the damaged file: ",
	           member_integer(salvaged, "documents_kept"), member_integer(salvaged, "rows_lost"));
	buf_append_text(&text, member_text(salvaged, "damaged_path"));
	labelled("", &text, terminal, out);
}

static void render_exceptions(const cJSON *exceptions, const struct terminal *terminal, struct buf *out)
{
	const cJSON *owner;
	char words[WORDS_SIZE];
	const char *between = ": ";
	struct buf text;
	int64_t open = member_integer(exceptions, "open");
	buf_init(&text, CLI_OUTPUT_MAX);
	if (open == 0) {
		buf_append_text(&text, "none");
		labelled("Exceptions", &text, terminal, out);
		return;
	}
	count_words(open, words);
	buf_printf(&text, "%s open", words);
	cJSON_ArrayForEach(owner, member(exceptions, "by_owner"))
	{
		if (!cJSON_IsNumber(owner) || owner->valuedouble < 1)
			continue;
		buf_append_text(&text, between);
		between = ", ";
		buf_append_text(&text, owner->string);
		buf_printf(&text, " %.0f", owner->valuedouble);
	}
	if (member_integer(exceptions, "acknowledged") > 0) {
		count_words(member_integer(exceptions, "acknowledged"), words);
		buf_printf(&text, "; %s acknowledged", words);
	}
	if (member_integer(exceptions, "counted") < open)
		buf_printf(&text, " (of the newest %" PRId64 ")", member_integer(exceptions, "counted"));
	labelled("Exceptions", &text, terminal, out);
}

void status_render(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	render_headline(data, terminal, out);
	render_problems(data, terminal, out);
	render_sources(data, terminal, out);
	render_uplink(member(data, "uplink"), terminal, out);
	render_cloud(member(data, "cloud"), terminal, out);
	if (member(data, "queue"))
		render_queue(member(data, "queue"), terminal, out);
	if (member(data, "store"))
		render_store(member(data, "store"), terminal, out);
	if (member(data, "exceptions"))
		render_exceptions(member(data, "exceptions"), terminal, out);
	render_rules(data, terminal, out);
	/* Last: where the screen is too small, the rows of the table are what it may do without. */
	render_streams(member(member(data, "queue"), "streams"), terminal, out);
}

enum cli_exit command_status(const struct options *options)
{
	struct answer answer;
	if (options->watch) {
		char path[256];
		return command_socket(options, path) ? status_watch(options, path) : CLI_FAILED;
	}
	enum cli_exit status = command_ask(options, "status", NULL, &answer);
	if (status != CLI_OK)
		return status;
	status = status_exit(answer.data);
	if (options->json) {
		command_print_json(answer.data);
	} else {
		struct terminal terminal;
		struct buf out;
		terminal_init(&terminal);
		buf_init(&out, CLI_OUTPUT_MAX);
		status_render(answer.data, &terminal, &out);
		if (!command_print(&out))
			status = CLI_FAILED;
	}
	answer_release(&answer);
	return status;
}
