/*
 * broker_test.c - the brokers' limits: what they do to defaults, where a value of the file passes one, and that the
 * contract's topics and names fit all of them.
 *
 * Why:   a limit that is told by the checker costs a minute; one that the broker tells costs a night.
 * Owns:  nothing.
 * Rules: the figures here are read from the vendors' pages, not from the table.
 * Runs in: the unit tests.
 */
#include "config/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

struct parsed {
	struct config config;
	struct config_problems problems;
};

/* The least file with these lines in its uplink section. */
static struct parsed *parse(const char *uplink)
{
	struct parsed *parsed = calloc(1, sizeof *parsed);
	char text[1024];
	assert_non_null(parsed);
	(void)snprintf(
	    text, sizeof text,
	    "tenant: a\ngateway: b\nsources: [{name: e, profile: jde, dsn: D}]\nuplink: {host: h, ca_file: "
	    "c%s}\n",
	    uplink);
	bool good = config_parse(&parsed->config, "gw.yaml", span_of(text), &parsed->problems);
	assert_int_equal(good, parsed->problems.count == 0);
	return parsed;
}

/* Shows what each broker makes of the keys that the file does not give. */
static void defaults_come_from_the_broker(void **state)
{
	(void)state;
	static const struct {
		const char *uplink;
		int in_flight, rate_messages;
		int64_t rate_bytes;
		const char *alpn;
		bool retains, retains_will;
	} cases[] = {
	    {"", 16, 0, 0, "", true, true},
	    {", broker: mosquitto", 16, 0, 0, "", true, true},
	    {", broker: rabbitmq", 16, 0, 0, "", true, true},
	    {", broker: aws-iot", 16, 100, 524288, "", true, true},
	    {", broker: aws-iot, port: 443", 16, 100, 524288, "x-amzn-mqtt-ca", true, true},
	    {", broker: aws-iot, port: 443, alpn: mqtt", 16, 100, 524288, "mqtt", true, true},
	    {", broker: eventgrid", 16, 1000, 1000000, "", false, false},
	    {", broker: hivemq", 10, 0, 0, "", true, true},
	    {", broker: hivemq, in_flight: 16", 16, 0, 0, "", true, true},
	    {", broker: emqx, port: 443", 16, 0, 0, "", true, true},
	    {", broker: aws-iot, rate_messages: 50, rate_bytes: 1KiB", 16, 50, 1024, "", true, true},
	    {", retain: no", 16, 0, 0, "", false, false},
	    {", broker: eventgrid, retain: yes", 16, 1000, 1000000, "", true, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parsed *parsed = parse(cases[i].uplink);
		const struct config_uplink *uplink = &parsed->config.uplink;
		if (parsed->problems.count > 0)
			fail_msg("%s: %s", cases[i].uplink, parsed->problems.list[0].text);
		assert_int_equal(uplink->in_flight, cases[i].in_flight);
		assert_int_equal(uplink->rate_messages, cases[i].rate_messages);
		assert_int_equal(uplink->rate_bytes, cases[i].rate_bytes);
		assert_string_equal(uplink->alpn, cases[i].alpn);
		assert_int_equal(broker_retains(uplink), cases[i].retains);
		assert_int_equal(broker_retains_will(uplink), cases[i].retains_will);
		assert_int_equal(uplink->message_bytes_max, 60000);
		free(parsed);
	}
}

/* Shows each limit at its edge: the value itself is taken, one more is a problem, and 0 is no way around a rate. */
static void limits_hold_at_their_edges(void **state)
{
	(void)state;
	static const struct {
		const char *uplink;
		bool good;
	} cases[] = {
	    {", broker: aws-iot, message_size_max: 128KiB", true},
	    {", broker: aws-iot, message_size_max: 131073 B", false},
	    {", broker: eventgrid, message_size_max: 256KiB", true},
	    {", broker: aws-iot, in_flight: 100", true},
	    {", broker: aws-iot, in_flight: 101", false},
	    {", broker: eventgrid, in_flight: 1000", true},
	    {", broker: mosquitto, in_flight: 1000", true},
	    {", broker: aws-iot, rate_messages: 100", true},
	    {", broker: aws-iot, rate_messages: 101", false},
	    {", broker: aws-iot, rate_messages: 0", false},
	    {", broker: eventgrid, rate_messages: 1000", true},
	    {", broker: eventgrid, rate_messages: 1001", false},
	    {", broker: emqx, rate_messages: 0", true},
	    {", broker: aws-iot, rate_bytes: 512KiB", true},
	    {", broker: aws-iot, rate_bytes: 524289 B", false},
	    {", broker: aws-iot, rate_bytes: 0", false},
	    {", broker: eventgrid, rate_bytes: 1000000 B", true},
	    {", broker: eventgrid, rate_bytes: 1000001 B", false},
	    {", broker: aws-iot, keepalive: 20m", true},
	    {", broker: eventgrid, keepalive: 1160s", true},
	    {", broker: eventgrid, keepalive: 1161s", false},
	    {", broker: rabbitmq, keepalive: 20m", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parsed *parsed = parse(cases[i].uplink);
		if (parsed->problems.count != (cases[i].good ? 0 : 1))
			fail_msg("%s: %d problems", cases[i].uplink, parsed->problems.count);
		free(parsed);
	}
}

/* Shows that the longest topic of the contract and the longest client identifier fit every broker, so that no
 * configuration can pass these limits. Longest topic: tp1/ + 31 + / + 31 + /up/replay/ + 63 = 141 bytes, 6 levels. */
static void the_contract_fits_all(void **state)
{
	(void)state;
	for (int i = 0; i < CONFIG_BROKER_COUNT; i++) {
		const struct broker_profile *profile = broker_profile_of((enum config_broker)i);
		assert_int_equal(profile->broker, i);
		assert_true(profile->mqtt_5 || profile->mqtt_311);
		assert_true(profile->topic_bytes_max == 0 || profile->topic_bytes_max >= 141);
		assert_true(profile->topic_levels_max == 0 || profile->topic_levels_max >= 6);
		assert_true(profile->client_id_bytes_max == 0 || profile->client_id_bytes_max >= 64);
		assert_true(profile->message_bytes_max == 0 || profile->message_bytes_max >= 60000);
		assert_true(profile->in_flight_bytes_max == 0 || profile->in_flight_bytes_max >= 60000);
		assert_true(profile->keepalive_ns_max == 0 || profile->keepalive_ns_max >= 30 * S);
		assert_true(profile->in_flight_max == 0 || profile->in_flight_max >= 16);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_come_from_the_broker),
	    cmocka_unit_test(limits_hold_at_their_edges),
	    cmocka_unit_test(the_contract_fits_all),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
