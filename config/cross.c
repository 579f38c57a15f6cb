/*
 * cross.c - checks the rules between keys.
 *
 * Why:   see cross.h.
 * Owns:  nothing.
 * Rules: a rule looks at what stands in the file, so that one mistake is told once.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c
 */
#include "config/cross.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/broker.h"
#include "config/keys.h"
#include "config/phase_rule.h"
#include "config/stream_rule.h"
#include "config/units.h"

/* tp1/{tenant}/{gateway}/up/replay/{stream}: the longest topic; brokers of the contract allow 256 bytes. Names are
 * at most CONFIG_NAME_MAX - 1 and streams at most 63 bytes, so that no configuration can pass the limit. */
_Static_assert(sizeof "tp1//" + 2 * (CONFIG_NAME_MAX - 1) + sizeof "/up/replay/" + 63 <= 256,
               "topics fit every broker");

struct cross {
	const struct config *config;
	yaml_document_t *document;
	struct config_problems *problems;
};

/* The node of key in entry; NULL: not given. */
static yaml_node_t *given(const struct cross *cross, const char *key, int entry)
{
	yaml_node_t *node = config_yaml_find(cross->document, key, entry);
	return node && !config_yaml_is_null(node) ? node : NULL;
}

static void tell(const struct cross *cross, const yaml_node_t *node, const char *text)
{
	config_problem_add(cross->problems, node ? config_yaml_line(node) : 0,
	                   node ? config_yaml_column(node) : 0, "%s", text);
}

/* The values of one key in two entries of a list are the same text. */
static bool same_text(const yaml_node_t *a, const yaml_node_t *b)
{
	return a && b && span_equal(config_yaml_scalar(a), config_yaml_scalar(b));
}

static void check_uplink(const struct cross *cross)
{
	const struct config_uplink *uplink = &cross->config->uplink;
	yaml_node_t *certificate = given(cross, "uplink.certificate_file", 0);
	yaml_node_t *key = given(cross, "uplink.key_file", 0);
	yaml_node_t *key_password = given(cross, "uplink.key_password", 0);
	yaml_node_t *password = given(cross, "uplink.password", 0);
	if (certificate && !key)
		tell(cross, certificate, "certificate_file stands without key_file; give both, or neither");
	if (key && !certificate)
		tell(cross, key, "key_file stands without certificate_file; give both, or neither");
	if (key_password && !key)
		tell(cross, key_password,
		     "key_password stands without key_file; give key_file too, or remove it");
	if (password && !given(cross, "uplink.user", 0))
		tell(cross, password,
		     "password stands without user, which MQTT 3.1.1 forbids; give user too, or remove it");
	if (uplink->retry_min_ns > uplink->retry_max_ns) {
		char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE], text[160];
		duration_print(uplink->retry_min_ns, min);
		duration_print(uplink->retry_max_ns, max);
		(void)snprintf(text, sizeof text,
		               "retry_min is %s and retry_max is %s; allowed is retry_min up to retry_max",
		               min, max);
		yaml_node_t *retry_min = given(cross, "uplink.retry_min", 0);
		tell(cross, retry_min ? retry_min : given(cross, "uplink.retry_max", 0), text);
	}
}

/* ---- the broker's limits ---- */

/* The path of a file beside the store; one that does not fit stays as it is, and is told where it is opened. */
static void place_beside_store(const struct config *config, const char *name, char path[CONFIG_PATH_MAX])
{
	const char *slash = strrchr(config->store.path, '/');
	int length = slash ? (int)(slash - config->store.path) + 1 : 0;
	char beside[2 * CONFIG_PATH_MAX];
	(void)snprintf(beside, sizeof beside, "%.*s%s", length, config->store.path, name);
	(void)!text_copy(path, CONFIG_PATH_MAX, span_of(beside));
}

void cross_complete(struct config *config, yaml_document_t *document)
{
	struct cross cross = {.config = config, .document = document};
	struct config_uplink *uplink = &config->uplink;
	const struct broker_profile *broker = broker_profile_of(uplink->broker);
	/* At most 63 bytes. */
	if (uplink->client_id[0] == 0)
		(void)snprintf(uplink->client_id, sizeof uplink->client_id, "%s-%s", config->tenant,
		               config->gateway);
	if (!given(&cross, "compare.ledger", 0))
		place_beside_store(config, "ledger.db", config->compare.ledger);
	if (!given(&cross, "compare.results", 0))
		place_beside_store(config, "compare", config->compare.results);
	if (broker->in_flight_default > 0 && !given(&cross, "uplink.in_flight", 0))
		uplink->in_flight = broker->in_flight_default;
	if (!given(&cross, "uplink.rate_messages", 0))
		uplink->rate_messages = broker->rate_messages_max;
	if (!given(&cross, "uplink.rate_bytes", 0))
		uplink->rate_bytes = broker->rate_bytes_max;
	if (broker->alpn_443 && uplink->port == 443 && !given(&cross, "uplink.alpn", 0))
		CHECK(text_copy(uplink->alpn, sizeof uplink->alpn, span_of(broker->alpn_443)));
}

/* 0 is no limit, on either side. */
static void check_limit(const struct cross *cross, const char *key, int64_t value, int64_t limit)
{
	yaml_node_t *node = given(cross, key, 0);
	if (!node || limit == 0 || (value > 0 && value <= limit))
		return;
	char allowed[UNITS_TEXT_SIZE], text[256];
	const struct key *row = key_find(span_of(key));
	if (row->type == KEY_DURATION)
		duration_print(limit, allowed);
	else if (row->type == KEY_SIZE)
		size_print(limit, allowed);
	else
		(void)snprintf(allowed, sizeof allowed, "%" PRId64, limit);
	struct span broker = config_yaml_scalar(given(cross, "uplink.broker", 0));
	(void)snprintf(text, sizeof text, "%s is over what the broker takes; allowed for %.*s is at most %s",
	               key_local_name(row), (int)broker.len, broker.data, allowed);
	tell(cross, node, text);
}

static void check_broker(const struct cross *cross)
{
	const struct config_uplink *uplink = &cross->config->uplink;
	const struct broker_profile *broker = broker_profile_of(uplink->broker);
	check_limit(cross, "uplink.message_size_max", uplink->message_bytes_max, broker->message_bytes_max);
	check_limit(cross, "uplink.in_flight", uplink->in_flight, broker->in_flight_max);
	check_limit(cross, "uplink.rate_messages", uplink->rate_messages, broker->rate_messages_max);
	check_limit(cross, "uplink.rate_bytes", uplink->rate_bytes, broker->rate_bytes_max);
	check_limit(cross, "uplink.keepalive", uplink->keepalive_ns, broker->keepalive_ns_max);
}

static void check_fallback_hosts(const struct cross *cross)
{
	const struct config_uplink *uplink = &cross->config->uplink;
	for (int i = 0; i < uplink->fallback_host_count; i++) {
		const struct config_host *host = &uplink->fallback_hosts[i];
		if (strcasecmp(host->host, uplink->host) != 0 || host->port != uplink->port)
			continue;
		tell(cross, given(cross, "uplink.fallback_hosts", 0),
		     "fallback_hosts has uplink.host and its port again; remove that entry");
	}
}

/* ---- sources ---- */

static void check_overlap(const struct cross *cross, int entry)
{
	const struct config_source *source = &cross->config->sources[entry];
	if (source->overlap_ns <= source->lookback_ns)
		return;
	char overlap[UNITS_TEXT_SIZE], lookback[UNITS_TEXT_SIZE], text[160];
	duration_print(source->overlap_ns, overlap);
	duration_print(source->lookback_ns, lookback);
	(void)snprintf(text, sizeof text,
	               "overlap is %s and lookback is %s; allowed is overlap up to lookback", overlap,
	               lookback);
	yaml_node_t *node = given(cross, "sources.overlap", entry);
	tell(cross, node ? node : given(cross, "sources.lookback", entry), text);
}

/* Does the connection string name its user itself? */
static bool names_user(const char *connection)
{
	for (const char *c = connection; *c; c += strcspn(c, ";"), c += *c == ';') {
		c += strspn(c, " ");
		if (strncasecmp(c, "uid", 3) == 0 && c[3 + strspn(c + 3, " ")] == '=')
			return true;
	}
	return false;
}

/* Without regard to case, blanks and a semicolon at the end. */
static bool same_connection(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, " ");
		b += strspn(b, " ");
		if (a[strspn(a, "; ")] == 0 || b[strspn(b, "; ")] == 0)
			break;
		if (strncasecmp(a, b, 1) != 0)
			return false;
		a++;
		b++;
	}
	return a[strspn(a, "; ")] == b[strspn(b, "; ")];
}

/* The login that reads the ERP never writes: the staging table has another user, or is in another place. */
static void check_status_table(const struct cross *cross, int entry)
{
	const struct config_source *source = &cross->config->sources[entry];
	const struct config_status_table *status = &source->status_table;
	yaml_node_t *section = given(cross, "sources.status_table", entry);
	yaml_node_t *user = given(cross, "sources.status_table.user", entry);
	yaml_node_t *password = given(cross, "sources.status_table.password", entry);
	if (!section || status->connection[0] == 0)
		return;
	if (user && names_user(status->connection))
		tell(cross, user, "user stands beside UID= in connection; give one of them");
	if (password && !user && !names_user(status->connection))
		tell(cross, password, "password stands without user; give user too, or remove it");
	if (strcmp(status->user, source->user) == 0 &&
	    same_connection(status->connection, source->connection))
		tell(cross, user ? user : section,
		     "status_table uses the same connection and user as the source, which only reads; give "
		     "it a user "
		     "of its own that may write this table and nothing else");
}

/* The process that writes a status table is called NAME-status; its secrets are given out by that name, so no source
 * may have it. */
static void check_status_name(const struct cross *cross, int entry)
{
	const struct config *config = cross->config;
	const char *name = config->sources[entry].name;
	yaml_node_t *node = given(cross, "sources.name", entry);
	char text[256];
	if (config->sources[entry].status_table.connection[0] && strlen(name) > CONFIG_STATUS_NAME_MAX) {
		(void)snprintf(
		    text, sizeof text,
		    "the name of a source with a status_table has at most %zu characters; choose a "
		    "shorter one",
		    CONFIG_STATUS_NAME_MAX);
		tell(cross, node, text);
	}
	for (int i = 0; i < config->source_count; i++) {
		char taken[CONFIG_NAME_MAX + sizeof CONFIG_STATUS_SUFFIX];
		(void)snprintf(taken, sizeof taken, "%s" CONFIG_STATUS_SUFFIX, config->sources[i].name);
		if (!config->sources[i].status_table.connection[0] || strcmp(taken, name) != 0)
			continue;
		(void)snprintf(
		    text, sizeof text,
		    "the name %s belongs to the process that writes the status_table of source %s; "
		    "choose another",
		    name, config->sources[i].name);
		tell(cross, node, text);
	}
}

static void check_source(const struct cross *cross, int entry)
{
	const struct config_source *source = &cross->config->sources[entry];
	yaml_node_t *name = given(cross, "sources.name", entry);
	yaml_node_t *connection = given(cross, "sources.connection", entry);
	yaml_node_t *dsn = given(cross, "sources.dsn", entry);
	yaml_node_t *user = given(cross, "sources.user", entry);
	yaml_node_t *side = given(cross, "sources.side", entry);
	if (source->side == CONFIG_SIDE_CLOUD && cross->config->compare.enabled != CONFIG_YES)
		tell(
		    cross, side,
		    "a ledger of the cloud is read to be compared, and compare.enabled is no; set it to yes");
	if (source->side == CONFIG_SIDE_CLOUD && source->status_table.connection[0])
		tell(cross, side,
		     "documents of the cloud's side have no outcomes; leave the status_table out, or the "
		     "side");
	yaml_node_t *password = given(cross, "sources.password", entry);
	if (!connection && !dsn)
		config_problem_add(cross->problems, source->line, source->column,
		                   "this source has neither connection nor dsn; give one of them, so that it "
		                   "can be reached");
	if (connection && dsn)
		tell(cross, dsn, "dsn stands beside connection; give one of them");
	if (connection && user && names_user(source->connection))
		tell(cross, user, "user stands beside UID= in connection; give one of them");
	if (password && !user && !names_user(source->connection))
		tell(cross, password, "password stands without user; give user too, or remove it");
	if (strcmp(source->name, "uplink") == 0 || strcmp(source->name, "store") == 0)
		tell(cross, name,
		     "a source may not be called uplink or store, which name parts of the agent; choose "
		     "another");
	for (int i = 0; i < entry; i++) {
		yaml_node_t *earlier = given(cross, "sources.name", i);
		if (!same_text(earlier, name))
			continue;
		config_problem_add(
		    cross->problems, config_yaml_line(name), config_yaml_column(name),
		    "the name %s is taken by the source in line %d; allowed is one source for each name",
		    source->name, config_yaml_line(earlier));
		break;
	}
	check_overlap(cross, entry);
	check_status_table(cross, entry);
	check_status_name(cross, entry);
}

void cross_check(const struct config *config, yaml_document_t *document, struct config_problems *problems)
{
	struct cross cross = {config, document, problems};
	check_uplink(&cross);
	check_broker(&cross);
	check_fallback_hosts(&cross);
	for (int i = 0; i < config->source_count; i++)
		check_source(&cross, i);
	phase_rule_check(config, document, problems);
	stream_rule_check(config, document, problems);
}
