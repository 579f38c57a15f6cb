/*
 * config_phase_test.c - which phase counts for a document: by company, kind and posting date.
 *
 * Why:   the wrong phase sends what must not be sent, or holds what must.
 * How:   one file of entries; the expected phases are read off the rules of postings (section 4) by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"

#define HEAD                                                                                         \
	"tenant: acme\ngateway: plant-1\nuplink: {host: broker.example.com, ca_file: /etc/ca.pem}\n" \
	"sources: [{name: erp, profile: jde, dsn: JDE}]\n"

static struct config *parse(const char *phases)
{
	static struct config_problems problems;
	struct config *config = mem_alloc(sizeof *config);
	struct buf text;
	buf_init(&text, 4096);
	buf_append_text(&text, HEAD);
	buf_append_text(&text, phases);
	if (!config_parse(config, "phases.yaml", buf_span(&text), &problems))
		fail_msg("%d: %s", problems.list[0].line, problems.list[0].text);
	buf_release(&text);
	return config;
}

/* One company on its way: legacy, then shadow, parallel by kind, cut over by kind; the others wait for their turn. */
static void test_dated(void **state)
{
	(void)state;
	static const struct {
		const char *entity, *type;
		int date;
		enum config_phase phase;
		int from;
	} cases[] = {
	    {"00001", "journal", 20260630, CONFIG_PHASE_LEGACY, 0},
	    {"00001", "journal", 20260701, CONFIG_PHASE_SHADOW, 20260701},
	    {"00001", "journal", 20260930, CONFIG_PHASE_SHADOW, 20260701},
	    {"00001", "journal", 20261001, CONFIG_PHASE_PARALLEL, 20261001},
	    {"00001", "journal", 21991231, CONFIG_PHASE_PARALLEL, 20261001},
	    {"00001", "invoice", 20260930, CONFIG_PHASE_SHADOW, 20260701},
	    {"00001", "invoice", 20261001, CONFIG_PHASE_PARALLEL, 20261001},
	    {"00001", "invoice", 20261231, CONFIG_PHASE_PARALLEL, 20261001},
	    {"00001", "invoice", 20270101, CONFIG_PHASE_CUTOVER, 20270101},
	    {"00001", "credit_memo", 20270101, CONFIG_PHASE_CUTOVER, 20270101},
	    {"00001", "payment", 20270101, CONFIG_PHASE_PARALLEL, 20261001},
	    {"00002", "journal", 20260701, CONFIG_PHASE_SHADOW, 20260701},
	    {"00002", "journal", 20260630, CONFIG_PHASE_SHADOW, 0}, /* no entry is so early */
	    {"1", "invoice", 20270101, CONFIG_PHASE_SHADOW, 20260701},
	};
	struct config *config =
	    parse("phases:\n"
	          "- {entity: 00001, phase: cutover, from: 2027-01-01, documents: [invoice, "
	          "credit_memo]}\n"
	          "- {entity: 00001, phase: legacy}\n"
	          "- {entity: 00001, phase: parallel, from: 2026-10-01}\n"
	          "- {entity: '*', phase: shadow, from: 2026-07-01}\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_phase_rule *rule =
		    config_phase_of(config, span_of(cases[i].entity), span_of(cases[i].type), cases[i].date);
		if (rule->phase != cases[i].phase || rule->from != cases[i].from)
			fail_msg("%s %s %d: %s from %d", cases[i].entity, cases[i].type, cases[i].date,
			         config_phase_name(rule->phase), rule->from);
	}
	free(config);
}

/* Without dates the first entry that matches counts, as it was before there were dates. */
static void test_first_of_equals(void **state)
{
	(void)state;
	struct config *config = parse("phases:\n"
	                              "- {entity: 00001, phase: parallel, documents: [journal]}\n"
	                              "- {entity: 00001, phase: legacy}\n"
	                              "- {entity: '*', phase: shadow}\n");
	const struct span one = SPAN_LITERAL("00001");
	assert_int_equal(config_phase_of(config, one, SPAN_LITERAL("journal"), 20260101)->phase,
	                 CONFIG_PHASE_PARALLEL);
	assert_int_equal(config_phase_of(config, one, SPAN_LITERAL("payment"), 20260101)->phase,
	                 CONFIG_PHASE_LEGACY);
	assert_int_equal(
	    config_phase_of(config, SPAN_LITERAL("00002"), SPAN_LITERAL("journal"), 20260101)->phase,
	    CONFIG_PHASE_SHADOW);
	free(config);
	config = parse("");
	assert_int_equal(config_phase_of(config, one, SPAN_LITERAL("journal"), 20260101)->phase,
	                 CONFIG_PHASE_SHADOW);
	free(config);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(config_phase_name(CONFIG_PHASE_LEGACY), "legacy");
	assert_string_equal(config_phase_name(CONFIG_PHASE_SHADOW), "shadow");
	assert_string_equal(config_phase_name(CONFIG_PHASE_PARALLEL), "parallel");
	assert_string_equal(config_phase_name(CONFIG_PHASE_CUTOVER), "cutover");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dated),
	    cmocka_unit_test(test_first_of_equals),
	    cmocka_unit_test(test_names),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
