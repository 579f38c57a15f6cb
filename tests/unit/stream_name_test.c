/*
 * stream_name_test.c - streams: their names, the rule of a document, the rule of a name.
 *
 * Why:   two companies in one stream, or a stream with the wrong receipt after a restart, is found too late.
 * Owns:  nothing.
 * Rules: hashes are those of sha256sum(1), written down.
 * Runs in: the unit tests.
 */
#include "connector/uplink/stream_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/keys.h"
#include "connector/posting/document.h"

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X54 X32 "xxxxxxxxxxxxxxxxxxxxxx"
#define X63 X54 "xxxxxxxxx"
#define X64 X63 "x"
#define Y23 "yyyyyyyyyyyyyyyyyyyyyyy"
#define Y32 Y23 "yyyyyyyyy"
#define B31 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Shows names as they are, the tag wherever anything was changed, and the cut at each limit: 63 bytes fit, 64 are cut
 * to 54 and the tag; with 31 bytes besides it, 32 of the code fit and 33 are cut to 23. */
static void names_are_told_apart(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
	    {"{entity}", "00100", "00100"},
	    {"{entity}", "usmf", "usmf"},
	    {"{entity}", "a-b", "a-b"},
	    {"{entity}", "A.B", "a-b-4b861d8b"},
	    {"{entity}", "USMF", "usmf-01b6397b"},
	    {"{entity}", "M\xc3\xbcller & Co", "m--ller---co-31e1d79a"},
	    {"{entity}", "", "-e3b0c442"},
	    /* Looks like another code's name: could be met by a code "A.B" with that hash. */
	    {"{entity}", "a-b-01234567", "a-b-01234567-f0312e3c"},
	    {"{entity}", "a-b-0123456", "a-b-0123456"},
	    {"{entity}", "a-b-0123456g", "a-b-0123456g"},
	    {"{entity}", "a-b001234567", "a-b001234567"},
	    {"{entity}", X63, X63},
	    {"{entity}", X64, X54 "-7ce10097"},
	    {"{entity}" B31, Y32, Y32 B31},
	    {B31 "{entity}", Y32 "y", B31 Y23 "-d7ba82eb"},
	    {"{entity}-invoices", "USMF", "usmf-01b6397b-invoices"},
	    {"customers", "USMF", "customers"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char name[STORE_STREAM_NAME_MAX];
		stream_name(cases[i][0], span_of(cases[i][1]), name);
		assert_string_equal(name, cases[i][2]);
	}
}

static struct config *with_rules(const char *rules)
{
	struct config *config = calloc(1, sizeof *config);
	struct config_problems *problems = calloc(1, sizeof *problems);
	char text[2048];
	assert_true(config && problems);
	(void)snprintf(
	    text, sizeof text,
	    "tenant: a\ngateway: b\nuplink: {host: h, ca_file: c}\nsources: [{name: e, profile: jde, dsn: "
	    "D}]\n%s",
	    rules);
	if (!config_parse(config, "gw.yaml", span_of(text), problems))
		fail_msg("%s", problems->list[0].text);
	free(problems);
	return config;
}

static const char *const RULES = "streams:\n"
				 "- {entity: 00001, documents: [invoice, credit_memo], name: '{entity}-inv', "
				 "class: immediate, sla: 1h}\n"
				 "- {documents: [customer], name: customers, class: bulk}\n"
				 "- {documents: [journal], name: 'gl-{entity}', batch: 2}\n"
				 "- {documents: [payment], name: 'gl-{entity}-pay', receipt: booked}\n"
				 "- {entity: A.B, name: special, class: bulk, batch: 500}\n";

/* Shows that the first rule that matches counts, "*" and a missing list of documents match all, and that a document
 * without a rule has the built-in one. */
static void the_first_rule_counts(void **state)
{
	(void)state;
	static const struct {
		const char *entity, *type;
		int rule; /* -1: built in */
	} cases[] = {
	    {"00001", "invoice", 0}, {"00001", "credit_memo", 0}, {"00001", "customer", 1},
	    {"00001", "journal", 2}, {"00002", "invoice", -1},    {"00002", "payment", 3},
	    {"A.B", "journal", 2},   {"A.B", "invoice", 4},       {"*", "invoice", -1},
	    {"", "journal", 2},
	};
	struct config *config = with_rules(RULES);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_stream_rule *rule =
		    config_stream_of(config, span_of(cases[i].entity), span_of(cases[i].type));
		assert_ptr_equal(rule,
		                 cases[i].rule < 0 ? stream_rule_default() : &config->streams[cases[i].rule]);
	}
	free(config);
	config = with_rules("");
	const struct config_stream_rule *rule =
	    config_stream_of(config, SPAN_LITERAL("00001"), SPAN_LITERAL("journal"));
	assert_string_equal(rule->name, "{entity}");
	assert_int_equal(rule->class_, CONFIG_STREAM_NORMAL);
	assert_int_equal(rule->receipt, CONFIG_RECEIPT_PUBACK);
	assert_true(rule->sla_ns == 0 && rule->batch == 0);
	free(config);
}

/* Shows that a name leads back to its rule: exact names before patterns, longer patterns before shorter ones. */
static void a_name_has_its_rule(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int rule;
	} cases[] = {
	    {"00001-inv", 0}, {"00002-inv", -1}, {"customers", 1},       {"gl-00001", 2},
	    {"gl-", -1},      {"00001", -1},     {"gl-00001-pay", 3},    {"gl--pay", 2},
	    {"special", 4},   {"specials", -1},  {"gl-a-b-4b861d8b", 2}, {"", -1},
	};
	struct config *config = with_rules(RULES);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_stream_rule *rule = stream_name_rule(config, span_of(cases[i].name));
		if (rule != (cases[i].rule < 0 ? stream_rule_default() : &config->streams[cases[i].rule]))
			fail_msg("%s has another rule", cases[i].name);
	}
	free(config);
}

/* Shows that both ways to a rule agree for every kind of document of a few companies. */
static void both_ways_agree(void **state)
{
	(void)state;
	static const char *const entities[] = {"00001", "00002", "A.B", "USMF", "x"};
	struct config *config = with_rules(RULES);
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
			char name[STORE_STREAM_NAME_MAX];
			struct span entity = span_of(entities[i]);
			const struct config_stream_rule *rule = config_stream_of(
			    config, entity, span_of(document_spec((enum document_type)type)->name));
			stream_name(rule->name, entity, name);
			assert_ptr_equal(stream_name_rule(config, span_of(name)), rule);
		}
	}
	free(config);
}

/* Shows that streams.documents allows the words of the canonical types, neither more nor less. */
static void documents_are_the_canonical_types(void **state)
{
	(void)state;
	const struct key_choice *choice = key_find(SPAN_LITERAL("streams.documents"))->choices;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++, choice++)
		assert_string_equal(choice->name, document_spec((enum document_type)type)->name);
	assert_null(choice->name);
}

/* Shows that rules which agree may share a stream, and that 64 of them are read and 65 refused. */
static void rules_share_streams_and_have_a_limit(void **state)
{
	(void)state;
	free(with_rules("streams:\n- {entity: a, name: s, sla: 1h}\n- {entity: b, name: s, sla: 60m}\n"));
	free(with_rules("streams:\n- {documents: [invoice]}\n- {entity: b}\n"));
	for (int rules = CONFIG_STREAM_RULES_MAX; rules <= CONFIG_STREAM_RULES_MAX + 1; rules++) {
		struct config *config = calloc(1, sizeof *config);
		struct config_problems *problems = calloc(1, sizeof *problems);
		struct buf text;
		assert_true(config && problems);
		buf_init(&text, 65536);
		buf_append_text(&text, "tenant: a\ngateway: b\nuplink: {host: h, ca_file: c}\n"
		                       "sources: [{name: e, profile: jde, dsn: D}]\nstreams:\n");
		for (int i = 0; i < rules; i++)
			buf_printf(&text, "- {entity: e%d, name: '{entity}-%d', batch: %d}\n", i, i, i + 2);
		bool good = config_parse(config, "gw.yaml", buf_span(&text), problems);
		assert_int_equal(good, rules == CONFIG_STREAM_RULES_MAX);
		assert_int_equal(config->stream_count, CONFIG_STREAM_RULES_MAX);
		if (!good)
			assert_string_equal(problems->list[0].text,
			                    "streams has 65 entries; allowed are 0 to 64");
		buf_release(&text);
		free(problems);
		free(config);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_told_apart),
	    cmocka_unit_test(the_first_rule_counts),
	    cmocka_unit_test(a_name_has_its_rule),
	    cmocka_unit_test(both_ways_agree),
	    cmocka_unit_test(documents_are_the_canonical_types),
	    cmocka_unit_test(rules_share_streams_and_have_a_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
