/*
 * config_fuzz.c - whatever stands in the file, loading ends, and a problem or a whole configuration comes out.
 *
 * Why:   the file is written by people and by other programs' templates.
 * Owns:  nothing.
 * Rules: a good configuration keeps the table's limits; a refused one has at least one problem; every text ends.
 * Runs in: the fuzzer (libFuzzer).
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/stream_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_good(const struct config *config)
{
	CHECK(config->tenant[0] && config->gateway[0] && config->uplink.host[0] &&
	      config->uplink.client_id[0]);
	CHECK(config->source_count >= 1 && config->source_count <= CONFIG_SOURCES_MAX);
	CHECK(config->phase_count >= 0 && config->phase_count <= CONFIG_PHASES_MAX);
	CHECK(config->uplink.in_flight >= 1 && config->uplink.in_flight <= 1000);
	CHECK(config->uplink.retry_min_ns <= config->uplink.retry_max_ns);
	CHECK(strlen(config->control.socket) <= 107);
	CHECK(config->uplink.fallback_host_count >= 0 &&
	      config->uplink.fallback_host_count <= CONFIG_HOSTS_MAX);
	CHECK(config->cloud.command_key_count <= CONFIG_CLOUD_KEYS_MAX);
	CHECK(config->cloud.receipt_key_count <= CONFIG_CLOUD_KEYS_MAX);
	CHECK(config->stream_count >= 0 && config->stream_count <= CONFIG_STREAM_RULES_MAX);
	for (int i = 0; i < config->stream_count; i++) {
		const struct config_stream_rule *rule = &config->streams[i];
		char name[STREAM_NAME_SIZE];
		(void)stream_rule_expand(rule->name, span_of(rule->entity), "01234567", name);
		CHECK(name[0] && memchr(name, 0, sizeof name));
		CHECK(config_stream_of(config, span_of(rule->entity), SPAN_LITERAL("journal")) != NULL);
		CHECK(rule->receipt != CONFIG_RECEIPT_COSIGNED || config->cloud.receipt_key_count > 0);
	}
	for (int i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		CHECK(source->name[0] && source->connection[0] && source->line > 0);
		CHECK(source->overlap_ns <= source->lookback_ns);
		CHECK(source->feed_count <= CONFIG_FEEDS_MAX &&
		      source->parameter_count <= CONFIG_PARAMETERS_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = mem_alloc(sizeof *config);
	struct config_problems *problems = mem_alloc(sizeof *problems);
	struct span text = {(const char *)data, size};
	bool good = config_parse(config, "fuzz.yaml", text, problems);
	CHECK(good == (problems->count == 0));
	if (good)
		check_good(config);
	for (int i = 0; i < problems->count; i++)
		CHECK(problems->list[i].text[0] && memchr(problems->list[i].text, 0, ERR_TEXT_MAX));
	int line, column;
	(void)config_locate(text, "sources.poll", 0, &line, &column);
	free(problems);
	free(config);
	return 0;
}
