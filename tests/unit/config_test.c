/*
 * config_test.c - the configuration: defaults, limits at their edges, problems and their places, explain.
 *
 * Why:   a wrong file must be told before anything runs, and a good one never refused.
 * Owns:  nothing.
 * Rules: 1. Defaults and the texts of problems are written by hand: here, and beside the bad files in config_bad/.
 *        2. Every number, duration, size and text of the key table is tried at its limits and one beyond.
 * Runs in: the tests, from the root of the tree.
 */
#include "config/config.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/keys.h"
#include "config/value.h"

#define S       INT64_C(1000000000)
#define M       (60 * S)
#define H       (60 * M)
#define D       (24 * H)
#define OUT_MAX (1024u * 1024u)

struct parsed {
	struct config config;
	struct config_problems problems;
	bool good;
};

static struct parsed *parse(struct span text)
{
	struct parsed *parsed = calloc(1, sizeof *parsed);
	assert_non_null(parsed);
	parsed->good = config_parse(&parsed->config, "gw.yaml", text, &parsed->problems);
	assert_int_equal(parsed->good, parsed->problems.count == 0);
	return parsed;
}

static void read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be read; run the tests from the root of the tree", path);
	uint8_t *to = buf_reserve(out, OUT_MAX / 2);
	buf_added(out, fread(to, 1, OUT_MAX / 2, file));
	(void)fclose(file);
}

static struct parsed *parse_file(const char *path)
{
	struct buf text;
	buf_init(&text, OUT_MAX);
	read_file(path, &text);
	struct parsed *parsed = parse(buf_span(&text));
	buf_release(&text);
	return parsed;
}

/* ---- defaults ---- */

/* The minimal example: what it says, and every default as config.h and the contract have it. */
static void test_defaults(void **state)
{
	(void)state;
	struct parsed *parsed = parse_file("config/examples/minimal.yaml");
	assert_true(parsed->good);
	const struct config *c = &parsed->config;
	const struct config_uplink *u = &c->uplink;
	const struct config_source *s = &c->sources[0];
	assert_string_equal(c->path, "gw.yaml");
	assert_string_equal(c->tenant, "acme");
	assert_string_equal(c->gateway, "plant-1");
	assert_string_equal(c->store.path, "/var/lib/twinpost/store.db");
	assert_true(c->store.size_max == UINT64_C(4294967296) && c->store.disk_reserve == 67108864);
	assert_true(c->store.retention_ns == 35 * D);
	assert_string_equal(c->control.socket, "/run/twinpost/control.sock");
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_string_equal(u->host, "broker.example.com");
	assert_int_equal(u->port, 8883);
	assert_string_equal(u->client_id, "acme-plant-1");
	assert_string_equal(u->key_file, "/etc/twinpost/client.key");
	assert_int_equal(u->key_password.kind, SECRET_NONE);
	assert_int_equal(u->version, CONFIG_MQTT_AUTO);
	assert_true(u->keepalive_ns == 30 * S && u->connect_timeout_ns == 20 * S &&
	            u->ack_timeout_ns == 20 * S);
	assert_true(u->retry_min_ns == S && u->retry_max_ns == 2 * M);
	assert_int_equal(u->in_flight, 16);
	assert_int_equal(u->message_bytes_max, 60000);
	assert_int_equal(u->no_subscriber, CONFIG_NO_SUBSCRIBER_HOLD);
	assert_int_equal(u->broker, CONFIG_BROKER_OTHER);
	assert_int_equal(u->fallback_host_count + u->rate_messages, 0);
	assert_true(u->rate_bytes == 0 && u->retain == CONFIG_RETAIN_AUTO && u->alpn[0] == 0);
	assert_true(u->checkpoint_period_ns == 60 * S && u->heartbeat_ns == 60 * S);
	assert_string_equal(c->keys.directory, "/var/lib/twinpost/keys");
	assert_int_equal(c->keys.seal.kind, SECRET_NONE);
	assert_int_equal(c->cloud.command_key_count + c->cloud.receipt_key_count + c->stream_count, 0);
	assert_string_equal(c->owners.technical, "technical");
	assert_string_equal(c->owners.data_quality, "data_quality");
	assert_string_equal(c->owners.mapping, "mapping");
	assert_string_equal(c->owners.policy, "policy");
	assert_int_equal(c->compare.enabled, CONFIG_YES);
	assert_int_equal(c->compare.four_eyes, CONFIG_NO);
	assert_string_equal(c->compare.rules, "");
	assert_string_equal(c->compare.ledger, "/var/lib/twinpost/ledger.db");
	assert_string_equal(c->compare.results, "/var/lib/twinpost/compare");
	assert_true(c->compare.grace_cloud_ns == 2 * D && c->compare.grace_legacy_ns == D);
	assert_int_equal(c->compare.clean_days, 31);
	assert_string_equal(c->compare.threshold_share, "0.001");
	assert_string_equal(c->compare.threshold_value, "0");
	assert_int_equal(s->status_table.connection[0], 0);
	assert_int_equal(c->source_count, 1);
	assert_string_equal(s->connection, "DSN=JDE");
	assert_int_equal(s->password.kind, SECRET_FILE);
	assert_string_equal(s->password.name, "/etc/twinpost/erp.password");
	assert_string_equal(s->text_encoding, "utf-8");
	assert_string_equal(s->zone, "UTC");
	assert_true(s->poll_ns == 30 * S && s->overlap_ns == 2 * M && s->reread_ns == H &&
	            s->lookback_ns == 3 * D);
	assert_true(s->query_deadline_ns == 60 * S && s->login_timeout_ns == 15 * S);
	assert_int_equal(s->page_documents, 500);
	assert_int_equal(s->row_array, 200);
	assert_int_equal(s->feed_count + s->parameter_count + c->phase_count, 0);
	assert_int_equal(s->line, 14);
	assert_int_equal(s->column, 5);
	free(parsed);
}

/* The complete example names every key of the table; its values arrive, lists in their order; 00001 keeps its zeros. */
static void test_complete(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, OUT_MAX);
	read_file("config/examples/complete.yaml", &text);
	struct parsed *parsed = parse(buf_span(&text));
	assert_true(parsed->good);
	for (int i = 0; i < key_count(); i++) {
		int line, column;
		const struct key *key = key_at(i);
		/* The second source has the dsn. */
		int entry = strcmp(key->name, "sources.dsn") == 0;
		if (!config_locate(buf_span(&text), key->name, entry, &line, &column))
			fail_msg("config/examples/complete.yaml does not have %s", key->name);
	}
	const struct config *c = &parsed->config;
	assert_int_equal(c->source_count, 2);
	assert_string_equal(c->sources[0].parameters[0].name, "schema");
	assert_string_equal(c->sources[0].parameters[0].value, "PRODDTA.");
	assert_int_equal(c->sources[0].feed_count, 5);
	assert_string_equal(c->sources[0].feeds[2], "credit_memo");
	assert_string_equal(c->sources[1].connection, "DSN=JDEARCHIVE");
	assert_true(c->sources[1].poll_ns == H && c->sources[1].overlap_ns == 2 * M);
	assert_int_equal(c->uplink.key_password.kind, SECRET_CREDENTIAL);
	assert_int_equal(c->uplink.password.kind, SECRET_ENVIRONMENT);
	assert_string_equal(c->uplink.password.name, "TWINPOST_MQTT_PASSWORD");
	assert_string_equal(c->uplink.fallback_hosts[1].host, "broker3.example.com");
	assert_int_equal(c->uplink.fallback_hosts[1].port, 8883);
	assert_string_equal(c->cloud.command_keys[0], "/etc/twinpost/cloud-command.pem");
	assert_string_equal(c->owners.policy, "controller@example.com");
	assert_string_equal(c->sources[0].status_table.table, "staging.twinpost_status");
	assert_int_equal(c->sources[1].status_table.connection[0], 0);
	assert_string_equal(c->compare.rules, "/etc/twinpost/rules");
	assert_string_equal(c->compare.threshold_value, "100.00");
	assert_string_equal(c->phases[0].entity, "00001");
	assert_int_equal(c->phases[0].from, 20261001);
	assert_string_equal(c->phases[0].documents[1], "credit_memo");
	free(parsed);
	buf_release(&text);
	parsed = parse_file("config/examples/demo-like.yaml");
	assert_true(parsed->good);
	free(parsed);
	parsed = parse_file("config/examples/aws-iot.yaml");
	assert_true(parsed->good);
	assert_string_equal(parsed->config.uplink.alpn, "x-amzn-mqtt-ca");
	assert_int_equal(parsed->config.stream_count, 3);
	free(parsed);
}

/* ---- the table's limits ---- */

/* Keys that others force into a file beside the one under test, so that rules between keys hold. */
static const char *companions(const char *name)
{
	static const char *const pairs[][2] = {
	    {"uplink.retry_min", "retry_max: 1d"},
	    {"uplink.certificate_file", "key_file: k"},
	    {"uplink.key_file", "certificate_file: c"},
	    {"sources.overlap", "lookback: 400d"},
	    {"streams.class", "name: own"},
	    {"streams.receipt", "name: own"},
	    {"streams.sla", "name: own"},
	    {"streams.batch", "name: own"},
	    {"phases.phase", "from: 2026-10-01"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (strcmp(pairs[i][0], name) == 0)
			return pairs[i][1];
	}
	return NULL;
}

/* Is it the section called name, or does it hold it? */
static bool is_around(const struct key *section, const char *name)
{
	size_t length = strlen(section->name);
	return strncmp(section->name, name, length) == 0 && (name[length] == 0 || name[length] == '.');
}

/* The sections of a file are written where they are required, or hold the key under test. */
static bool is_written(const struct key *section, const struct key *tested)
{
	return section->required || is_around(section, tested->name);
}

/* The required keys of a section, the key under test with its value, and its companions, at an indentation; the
 * sections inside of it after that. */
static void write_section(struct buf *out, const char *section, const char *first, const char *rest,
                          const struct key *tested, const char *value)
{
	const char *indent = first;
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (!key_is_in(key, section) || key->type == KEY_MAP || key->type == KEY_LIST)
			continue;
		bool dsn =
		    strcmp(key->name, "sources.dsn") == 0 && strcmp(tested->name, "sources.connection") != 0;
		if (key != tested && !key->required && !dsn)
			continue;
		buf_printf(out, "%s%s: ", indent, key_local_name(key));
		buf_append_text(out, key == tested ? value : key->example);
		buf_append_char(out, '\n');
		indent = rest;
	}
	for (int i = 0; i < key_count() && *section; i++) {
		const struct key *key = key_at(i);
		char inner[16];
		if (!key_is_in(key, section) || key->type != KEY_MAP || !is_written(key, tested))
			continue;
		(void)snprintf(inner, sizeof inner, "%s  ", rest);
		buf_printf(out, "%s%s:\n", indent, key_local_name(key));
		write_section(out, key->name, inner, inner, tested, value);
		indent = rest;
	}
	const char *companion = key_is_in(tested, section) ? companions(tested->name) : NULL;
	if (companion)
		buf_printf(out, "%s%s\n", rest, companion);
}

static struct parsed *parse_with(const struct key *tested, const char *value)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	write_section(&out, "", "", "", tested, value);
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		bool list = key->type == KEY_LIST;
		if (!key_is_in(key, "") || !key_is_section(key) || !is_written(key, tested))
			continue;
		buf_printf(&out, "%s:\n", key->name);
		write_section(&out, key->name, list ? "  - " : "  ", list ? "    " : "  ", tested, value);
	}
	if (strcmp(tested->name, "streams.receipt") == 0)
		buf_append_text(&out, "cloud: {receipt_keys: [k]}\n");
	struct parsed *parsed = parse(buf_span(&out));
	buf_release(&out);
	return parsed;
}

static const char *place(const struct parsed *parsed, const struct key *key)
{
	const char *base = strncmp(key->name, "sources.", 8) == 0 ? (const char *)&parsed->config.sources[0]
	                   : key_is_in(key, "phases")             ? (const char *)&parsed->config.phases[0]
	                   : key_is_in(key, "streams")            ? (const char *)&parsed->config.streams[0]
	                                                          : (const char *)&parsed->config;
	return base + key->offset;
}

static int64_t stored_number(const struct parsed *parsed, const struct key *key)
{
	int narrow;
	int64_t wide;
	memcpy(&narrow, place(parsed, key), sizeof narrow);
	if (key->size == sizeof narrow)
		return narrow;
	memcpy(&wide, place(parsed, key), sizeof wide);
	return wide;
}

/* One step of what can be written: 1, 1 ms or 1 byte. */
static void try_number(const struct key *key, int64_t value, bool good)
{
	char text[64];
	int64_t step = key->type == KEY_DURATION ? 1000000 : 1;
	const char *unit = key->type == KEY_DURATION ? "ms" : key->type == KEY_SIZE ? " B" : "";
	(void)snprintf(text, sizeof text, "%" PRId64 "%s", value / step, unit);
	struct parsed *parsed = parse_with(key, text);
	if (parsed->good != good)
		fail_msg("%s: %s is %s", key->name, text,
		         parsed->good ? "accepted" : parsed->problems.list[0].text);
	if (good)
		assert_true(stored_number(parsed, key) == value);
	else
		assert_int_equal(parsed->problems.count, 1);
	free(parsed);
}

/* Each integer, duration and size at minimum - 1, minimum, maximum, maximum + 1, and 0. */
static void test_numbers_at_limits(void **state)
{
	(void)state;
	int tried = 0;
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		int64_t step = key->type == KEY_DURATION ? 1000000 : 1;
		if (key->type != KEY_INTEGER && key->type != KEY_DURATION && key->type != KEY_SIZE)
			continue;
		try_number(key, key->minimum - step, key->zero && key->minimum == step);
		try_number(key, key->minimum, true);
		try_number(key, key->maximum, true);
		try_number(key, key->maximum + step, false);
		try_number(key, 0, key->zero);
		tried++;
	}
	/* By hand from config.h: 7 integers, 4 sizes, 18 durations. */
	assert_int_equal(tried, 29);
}

static void try_text(const struct key *key, int64_t length, bool good)
{
	char value[1024];
	assert_true(length + 2 < (int64_t)sizeof value);
	memset(value, 'a', sizeof value);
	value[length] = 0;
	if (key->type == KEY_CONNECTION && length > 2)
		value[1] = '=';
	struct parsed *parsed = parse_with(key, length > 0 ? value : "''");
	if (parsed->good != good)
		fail_msg("%s with %d bytes: %s", key->name, (int)length,
		         parsed->good ? "accepted" : parsed->problems.list[0].text);
	if (good)
		assert_string_equal(place(parsed, key) + (key->type == KEY_DSN ? 4 : 0), value);
	free(parsed);
}

/* Each text at its longest and one byte more; none may be empty. */
static void test_texts_at_limits(void **state)
{
	(void)state;
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (key->type != KEY_NAME && key->type != KEY_TEXT && key->type != KEY_PATH &&
		    key->type != KEY_STREAM && key->type != KEY_CONNECTION && key->type != KEY_DSN)
			continue;
		try_text(key, 0, false);
		try_text(key, key->maximum, true);
		try_text(key, key->maximum + 1, false);
	}
}

/* Decimals keep what was written; what is over the limit, has too many digits or is no plain number is refused. */
static void test_decimals(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value;
		bool good;
	} cases[] = {
	    {"compare.threshold_share", "0", true},
	    {"compare.threshold_share", "1", true},
	    {"compare.threshold_share", "1.00000000", true},
	    {"compare.threshold_share", "0.99999999", true},
	    {"compare.threshold_share", "1.00000001", false},
	    {"compare.threshold_share", "0.000000001", false},
	    {"compare.threshold_share", "2", false},
	    {"compare.threshold_share", "-0.1", false},
	    {"compare.threshold_share", ".5", false},
	    {"compare.threshold_share", "0.", false},
	    {"compare.threshold_share", "0,5", false},
	    {"compare.threshold_share", "1e-3", false},
	    {"compare.threshold_share", "'0.5 '", false},
	    {"compare.threshold_share", "00000000000000.00000000", true}, /* 23 bytes, as many as are kept */
	    {"compare.threshold_share", "000000000000000.00000000", false},
	    {"compare.threshold_value", "10000000000.00000000", true},
	    {"compare.threshold_value", "10000000000.01", false},
	    {"compare.threshold_value", "99999999999999999999", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct key *key = key_find(span_of(cases[i].key));
		struct parsed *parsed = parse_with(key, cases[i].value);
		if (parsed->good != cases[i].good)
			fail_msg("%s: %s", cases[i].key, cases[i].value);
		if (parsed->good)
			assert_string_equal((const char *)&parsed->config + key->offset, cases[i].value);
		else
			assert_non_null(
			    strstr(parsed->problems.list[0].text, ", with at most 8 digits after a point"));
		free(parsed);
	}
}

/* Every choice is accepted and stored as its own value. */
static void test_choices(void **state)
{
	(void)state;
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (key->type != KEY_CHOICE)
			continue;
		for (const struct key_choice *choice = key->choices; choice->name; choice++) {
			struct parsed *parsed = parse_with(key, choice->name);
			assert_true(parsed->good);
			assert_true(stored_number(parsed, key) == choice->value);
			free(parsed);
		}
	}
}

/* The table itself: defaults and examples are readable, every key has words, sections stand before their keys. */
static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		assert_true(key->summary && key->summary[0]);
		assert_true(key->summary[strlen(key->summary) - 1] != '.');
		assert_ptr_equal(key_find(span_of(key->name)), key);
		const char *value = key->example ? key->example : key->fallback;
		if (key_is_section(key))
			continue;
		assert_non_null(value);
		if (strcmp(key->name, "uplink.key_password") == 0 || strstr(key->name, ".password"))
			continue; /* not without their user or key; complete.yaml has them */
		struct parsed *parsed = parse_with(key, value);
		if (!parsed->good)
			fail_msg("%s: its example is refused: %s", key->name, parsed->problems.list[0].text);
		free(parsed);
	}
}

/* ---- problems ---- */

static int compare_bad(const char *folder, const char *name)
{
	struct buf text, expected, got;
	char path[512];
	size_t stem = strlen(name) - strlen(".yaml");
	buf_init(&text, OUT_MAX);
	buf_init(&expected, OUT_MAX);
	buf_init(&got, OUT_MAX);
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	read_file(path, &text);
	(void)snprintf(path, sizeof path, "%s/%.*s.expected", folder, (int)stem, name);
	read_file(path, &expected);
	struct parsed *parsed = parse(buf_span(&text));
	for (int i = 0; i < parsed->problems.count; i++) {
		const struct config_problem *problem = &parsed->problems.list[i];
		if (problem->line > 0)
			buf_printf(&got, "%d:%d: ", problem->line, problem->column);
		buf_printf(&got, "%s\n", problem->text);
	}
	if (!span_equal(buf_span(&got), buf_span(&expected)))
		fail_msg("%s:\n%sinstead of\n%s", name, buf_cstr(&got), buf_cstr(&expected));
	/* No bad file's secret is ever told. */
	assert_null(strstr(buf_cstr(&got), "hunter2"));
	free(parsed);
	buf_release(&text);
	buf_release(&expected);
	buf_release(&got);
	return 1;
}

/* Every bad file of config_bad/ gives exactly the problems that stand beside it. */
static void test_bad_files(void **state)
{
	(void)state;
	const char *folder = "tests/unit/config_bad";
	int files = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (dot && strcmp(dot, ".yaml") == 0)
			files += compare_bad(folder, entry->d_name);
	}
	(void)closedir(dir);
	assert_true(files >= 40);
}

/* The file's size: the longest is read, one byte more is refused. */
static void test_length(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, OUT_MAX);
	read_file("config/examples/minimal.yaml", &text);
	while (text.len < CONFIG_FILE_BYTES_MAX)
		buf_append_char(&text, text.len % 100 == 99 ? '\n' : '#');
	struct parsed *parsed = parse(buf_span(&text));
	assert_true(parsed->good);
	free(parsed);
	buf_append_char(&text, '\n');
	parsed = parse(buf_span(&text));
	assert_false(parsed->good);
	assert_string_equal(parsed->problems.list[0].text, "the file has 262145 bytes; allowed are 262144");
	free(parsed);
	buf_release(&text);
}

/* More problems than fit: the first 50 are kept, and `more` says so. */
static void test_many_problems(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, OUT_MAX);
	for (int i = 0; i < CONFIG_PROBLEMS_MAX + 1; i++)
		buf_printf(&text, "zzzzzzzzzzzz%d: 1\n", i);
	struct parsed *parsed = parse(buf_span(&text));
	assert_int_equal(parsed->problems.count, CONFIG_PROBLEMS_MAX);
	assert_true(parsed->problems.more);
	free(parsed);
	buf_release(&text);
}

/* Lists at their limits: 8 sources are read, 9 are refused with their count. */
static void test_lists_at_limits(void **state)
{
	(void)state;
	for (int sources = CONFIG_SOURCES_MAX; sources <= CONFIG_SOURCES_MAX + 1; sources++) {
		struct buf text;
		buf_init(&text, OUT_MAX);
		buf_append_text(&text, "tenant: a\ngateway: b\nuplink: {host: h, ca_file: c}\nsources:\n");
		for (int i = 0; i < sources; i++)
			buf_printf(&text, "- {name: s%d, profile: jde, dsn: D}\n", i);
		struct parsed *parsed = parse(buf_span(&text));
		assert_int_equal(parsed->good, sources == CONFIG_SOURCES_MAX);
		assert_int_equal(parsed->config.source_count, CONFIG_SOURCES_MAX);
		if (!parsed->good)
			assert_string_equal(parsed->problems.list[0].text,
			                    "sources has 9 entries; allowed are 1 to 8");
		free(parsed);
		buf_release(&text);
	}
}

/* Passwords hide in connection strings in many ways; what only looks near one is left alone. */
static void test_connection_secrets(void **state)
{
	(void)state;
	static const char *const bad[] = {"Driver=X;pwd=s",
	                                  "PWD = s",
	                                  "Server=a;Password={a;b}}c};Port=1",
	                                  "Trusted=1;NewPWD=s",
	                                  "pqopt={sslmode=verify-full password=s}",
	                                  "AccessToken=s",
	                                  "Pass=s"};
	static const char *const good[] = {"Driver={A;PW=x};Server=a", "Server=a;", "Driver=X;;Server=a",
	                                   "Passfile=/etc/pgpass"};
	const struct key *key = key_find(SPAN_LITERAL("sources.connection"));
	char value[128];
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(value, sizeof value, "'%s'", bad[i]);
		struct parsed *parsed = parse_with(key, value);
		assert_int_equal(parsed->problems.count, 1);
		assert_non_null(strstr(parsed->problems.list[0].text, "not shown here"));
		free(parsed);
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		(void)snprintf(value, sizeof value, "'%s'", good[i]);
		struct parsed *parsed = parse_with(key, value);
		if (!parsed->good)
			fail_msg("%s: %s", good[i], parsed->problems.list[0].text);
		assert_string_equal(parsed->config.sources[0].connection, good[i]);
		free(parsed);
	}
}

/* ---- explain ---- */

/* One key's page has its default and its limits; an unknown one names the nearest; all keys are listed. */
static void test_explain(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, OUT_MAX);
	assert_int_equal(config_explain("uplink.in_flight", &out), ERR_OK);
	assert_non_null(strstr(buf_cstr(&out), "default  16\n"));
	assert_non_null(strstr(buf_cstr(&out), "allowed  1 to 1000\n"));
	buf_clear(&out);
	assert_int_equal(config_explain("in_flight", &out), ERR_NOT_FOUND);
	assert_string_equal(buf_cstr(&out), "uplink.in_flight\n");
	buf_clear(&out);
	assert_int_equal(config_explain("store.size", &out), ERR_NOT_FOUND);
	assert_string_equal(buf_cstr(&out), "store.size_max\n");
	buf_clear(&out);
	assert_int_equal(config_explain("", &out), ERR_OK);
	for (int i = 0; i < key_count(); i++) {
		assert_non_null(strstr(buf_cstr(&out), key_at(i)->name));
		struct buf one;
		buf_init(&one, OUT_MAX);
		assert_int_equal(config_explain(key_at(i)->name, &one), ERR_OK);
		assert_true(one.len > 0 && buf_ok(&one));
		buf_release(&one);
	}
	buf_release(&out);
}

/* docs/configuration.md is what the table says now; `make` never lets it fall behind. */
static void test_documentation(void **state)
{
	(void)state;
	struct buf out, committed;
	buf_init(&out, OUT_MAX);
	buf_init(&committed, OUT_MAX);
	config_markdown(&out);
	assert_true(buf_ok(&out));
	read_file("docs/configuration.md", &committed);
	if (!span_equal(buf_span(&out), buf_span(&committed)))
		fail_msg("%s", "make it anew: twinpost config explain --markdown >docs/configuration.md");
	buf_release(&out);
	buf_release(&committed);
}

/* A value for a message is cut at a character: 59 bytes of room, é begins at byte 58. */
static void test_show(void **state)
{
	(void)state;
	char text[80], shown[VALUE_SHOWN_SIZE];
	memset(text, 'a', sizeof text);
	memcpy(text + 59, "\xc3\xa9", 2);
	value_show((struct span){text, sizeof text}, shown);
	assert_int_equal(strlen(shown), 62);
	assert_memory_equal(shown + 59, "...", 4);
	value_show(SPAN_LITERAL("a\033[2Jb"), shown);
	assert_string_equal(shown, "a?[2Jb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_numbers_at_limits),
	    cmocka_unit_test(test_texts_at_limits),
	    cmocka_unit_test(test_decimals),
	    cmocka_unit_test(test_choices),
	    cmocka_unit_test(test_bad_files),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_many_problems),
	    cmocka_unit_test(test_lists_at_limits),
	    cmocka_unit_test(test_connection_secrets),
	    cmocka_unit_test(test_explain),
	    cmocka_unit_test(test_documentation),
	    cmocka_unit_test(test_show),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
