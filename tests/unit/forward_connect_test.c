/*
 * forward_connect_test.c - one connection: hosts in turn, will, subscriptions, what comes in, and prompts.
 *
 * Why:   a host that is never tried, an ear that is never opened, or a will of another life is not seen until it
 * counts. Owns:  one struct world a test.
 * Runs in: the unit tests.
 */
#include "tests/unit/forward_fixture.h"

#define PROMPT   UINT64_MAX
#define PROMPT_0 (UINT64_MAX - 1)

static struct world *make(void (*change)(struct config *config))
{
	struct world *world = malloc(sizeof *world);
	assert_non_null(world);
	world_init_with(world, change);
	return world;
}

static int setup(void **state)
{
	*state = make(NULL);
	return 0;
}

static int teardown(void **state)
{
	world_release(*state);
	free(*state);
	return 0;
}

static struct world *with(void **state, void (*change)(struct config *config))
{
	(void)teardown(state);
	*state = make(change);
	return *state;
}

/* ---- CONNECT ---- */

/* Shows the will and the filters of a CONNECT. The instant is 1000 s after 1970 (date -u -d @1000). */
static void a_connect_has_will_and_filters(void **state)
{
	struct world *world = *state;
	step(world);
	assert_string_equal(world->connect.will_topic, "tp1/acme/gw1/up/state");
	assert_string_equal(
	    world->connect.will_payload,
	    "{\"boot\":\"00112233445566778899aabbccddeeff\",\"kind\":\"death\",\"reason\":\"lost\","
	    "\"time\":\"1970-01-01T00:16:40.000Z\"}");
	assert_int_equal(world->connect.will_retain, 1);
	assert_int_equal(world->connect.subscription_count, 2);
	assert_string_equal(world->connect.filters[0], "tp1/acme/gw1/dn/cmd");
	assert_string_equal(world->connect.filters[1], "tp1/acme/gw1/dn/+/+");
}

static void never_retain(struct config *config)
{
	config->uplink.retain = CONFIG_RETAIN_NO;
}

static void event_grid(struct config *config)
{
	config->uplink.broker = CONFIG_BROKER_EVENTGRID;
}

static void event_grid_retains(struct config *config)
{
	event_grid(config);
	config->uplink.retain = CONFIG_RETAIN_YES;
}

/* Publishes as up/state that is to be retained; 1: it was. */
static int retained(struct world *world)
{
	assert_true(forward_prompt(world->forward, "up/state", SPAN_LITERAL("{}"), 1, true));
	child_answer(world, PROMPT, 0);
	return world->publish.retain;
}

/* Shows the retain flag of will and state as the configuration and the broker allow them. */
static void retain_goes_by_configuration_and_broker(void **state)
{
	static const struct {
		void (*change)(struct config *config);
		bool broker_has_none;
		int will, state;
	} cases[] = {
	    {NULL, false, 1, 1},
	    {NULL, true, 1, 0},
	    {never_retain, false, 0, 0},
	    {event_grid, false, 0, 0},
	    {event_grid_retains, false, 0, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = with(state, cases[i].change);
		world->no_retain = cases[i].broker_has_none;
		bring_up(world);
		assert_int_equal(world->connect.will_retain, cases[i].will);
		assert_int_equal(retained(world), cases[i].state);
	}
}

/* ---- hosts ---- */

static void two_more_hosts(struct config *config)
{
	config->uplink.fallback_host_count = 2;
	world_set_text(config->uplink.fallback_hosts[0].host, CONFIG_PATH_MAX, "second");
	config->uplink.fallback_hosts[0].port = 1884;
	world_set_text(config->uplink.fallback_hosts[1].host, CONFIG_PATH_MAX, "third");
	config->uplink.fallback_hosts[1].port = 1885;
}

static void expect_host(struct world *world, const char *host, int port)
{
	struct forward_status status;
	for (int i = 0; strcmp(state_of(world), "connecting") != 0; i++) {
		assert_true(i < 5);
		step_next(world);
	}
	assert_string_equal(world->connect.host, host);
	assert_int_equal(world->connect.port, port);
	forward_status(world->forward, &status);
	assert_string_equal(status.host, host);
	assert_int_equal(status.port, port);
}

/* Shows rule 11: a host that cannot be reached is followed by the next one, and the last by the first; a connection
 * that was up is tried again at the same host first; a refused subscription says nothing against a host. */
static void hosts_are_tried_in_turn(void **state)
{
	struct world *world = with(state, two_more_hosts);
	step(world);
	expect_host(world, "broker", 8883);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "second", 1884);
	child_down(world, UPLINK_DOWN_TLS, -1);
	step(world);
	expect_host(world, "third", 1885);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "broker", 8883);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "second", 1884);
	child_down(world, UPLINK_DOWN_SUBSCRIBE, -1);
	step(world);
	expect_host(world, "second", 1884);
	child_up_with(world, 10);
	step(world);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "second", 1884);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "third", 1885);
}

/* Shows that an outage over several hosts is one exception, of the first host, and that the host which takes us ends
 * it. */
static void an_outage_of_all_hosts_is_one_exception(void **state)
{
	struct world *world = with(state, two_more_hosts);
	step(world);
	for (int i = 0; i < 6; i++) {
		child_down(world, UPLINK_DOWN_NETWORK, -1);
		step(world);
		while (strcmp(state_of(world), "connecting") != 0)
			step_next(world);
	}
	assert_int_equal(told(world, "raise uplink-down broker:8883: "), 1);
	assert_int_equal(told(world, "raise"), 1);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	expect_host(world, "second", 1884);
	child_up_with(world, 10);
	step(world);
	assert_int_equal(told(world, "clear uplink-down broker:8883"), 1);
	assert_int_equal(told(world, "clear"), 1);
}

/* ---- subscriptions ---- */

static bool listens(const struct world *world)
{
	struct forward_status status;
	forward_status(world->forward, &status);
	return status.listens;
}

/* Shows that a filter that SUBACK refuses leaves the connection up, and is shown; the next connection asks again. */
static void a_refused_filter_is_shown(void **state)
{
	struct world *world = *state;
	world->subscribed[1] = 0x87;
	bring_up(world);
	assert_string_equal(state_of(world), "up");
	assert_false(listens(world));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	world->subscribed[1] = 1;
	bring_up(world);
	assert_int_equal(world->connect.subscription_count, 2);
	assert_true(listens(world));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	assert_false(listens(world));
}

/* Shows that a connection which its SUBSCRIBE ended is made without filters, so that postings flow, and the one after
 * it with filters again. */
static void a_connection_without_ears_is_better_than_none(void **state)
{
	struct world *world = *state;
	step(world);
	child_down(world, UPLINK_DOWN_SUBSCRIBE, -1);
	bring_up(world);
	assert_int_equal(world->connect.subscription_count, 0);
	assert_false(listens(world));
	commit_rows(world, 1, 1);
	step(world);
	assert_int_equal(world->sent_count, 1);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	bring_up(world);
	assert_int_equal(world->connect.subscription_count, 2);
	assert_true(listens(world));
}

/* ---- what comes in ---- */

/* Shows rule 12: the sink gets the topic behind the gateway's name inside a transaction, with the retain flag; the
 * child gets its place back for each message, also where it is none of ours and where the store fails. */
static void inbound_messages_give_credit_back(void **state)
{
	struct world *world = *state;
	struct err_info info;
	struct forward_status status;
	bring_up(world);
	int begins = world->begins;
	child_message(world, "tp1/acme/gw1/dn/ack/a", "text", false);
	child_message(world, "tp1/acme/gw1/dn/cmd", "note", true);
	assert_int_equal(told(world, "inbound dn/ack/a text"), 1);
	assert_int_equal(told(world, "inbound retained dn/cmd note"), 1);
	assert_int_equal(world->begins, begins + 2);
	assert_int_equal(world->taken, 2);
	child_message(world, "tp1/acme/gw2/dn/cmd", "note", false);
	child_message(world, "tp1/acme/gw1/", "note", false);
	child_message(world, "tp1", "note", false);
	assert_int_equal(told(world, "inbound"), 2);
	assert_int_equal(world->taken, 5);
	world->inbound_fails = true;
	struct buf buf;
	buf_init(&buf, 4096);
	uplink_inbound_encode(&buf, &(struct uplink_inbound){.qos = 1,
	                                                     .topic = SPAN_LITERAL("tp1/acme/gw1/dn/cmd"),
	                                                     .payload = SPAN_LITERAL("note")});
	const struct hal_child_event event = {.kind = HAL_CHILD_FRAME,
	                                      .child = world->child,
	                                      .type = UPLINK_MESSAGE,
	                                      .payload = buf.data,
	                                      .len = buf.len};
	assert_int_equal(forward_event(world->forward, &event, world->now, &info), ERR_FULL);
	buf_release(&buf);
	assert_int_equal(world->taken, 6);
	forward_status(world->forward, &status);
	assert_int_equal(status.inbound, 6);
}

/* Shows that messages which the child dropped are counted, and that the connection stays. */
static void dropped_messages_are_counted(void **state)
{
	struct world *world = *state;
	struct forward_status status;
	struct buf buf;
	bring_up(world);
	buf_init(&buf, 4096);
	uplink_dropped_encode(&buf, &(struct uplink_dropped){.why = UPLINK_DROPPED_NO_ROOM,
	                                                     .count = 3,
	                                                     .bytes = 300,
	                                                     .topic = SPAN_LITERAL("tp1/acme/gw1/dn/cmd")});
	child_frame(world, UPLINK_DROPPED, &buf);
	forward_status(world->forward, &status);
	assert_int_equal(status.dropped, 3);
	assert_string_equal(status.state, "up");
}

/* ---- prompts ---- */

static bool prompt(struct world *world, uint8_t qos)
{
	return forward_prompt(world->forward, qos ? "up/state" : "up/metric", SPAN_LITERAL("{\"x\":1}"), qos,
	                      true);
}

/* Shows that a prompt of QoS 1 takes a place of the window until it is answered, one of QoS 0 none; that one for which
 * there is no place, and one while not connected, is told so; and that a lost connection frees the places. */
static void prompts_take_places(void **state)
{
	struct world *world = *state;
	assert_false(prompt(world, 0));
	step(world);
	assert_false(prompt(world, 1));
	child_up_with(world, 2);
	step(world);
	assert_true(prompt(world, 1));
	assert_true(prompt(world, 1));
	assert_false(prompt(world, 1));
	assert_true(prompt(world, 0));
	assert_true(world->publish.qos == 0 && world->publish.token == PROMPT_0);
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/metric");
	commit_rows(world, 1, 2);
	step(world);
	assert_int_equal(world->sent_count, 0);
	child_answer(world, PROMPT_0, 0); /* frees nothing: it had no place */
	step(world);
	assert_int_equal(world->sent_count, 0);
	child_answer(world, PROMPT, 0);
	step(world);
	assert_int_equal(world->sent_count, 1);
	assert_false(prompt(world, 1));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	while (strcmp(state_of(world), "connecting") != 0)
		step_next(world);
	child_up_with(world, 2);
	step(world);
	assert_string_equal(sent_from(world, 1), "1:1 1:2");
}

/* Shows that a full queue of the child, and a payload over the limit, are told, and that a refused prompt does no harm:
 * no exception, the connection stays. */
static void a_prompt_that_fails_is_no_loss(void **state)
{
	struct world *world = *state;
	static char large[UPLINK_PAYLOAD_BYTES_MAX + 1];
	bring_up(world);
	world->queue_full = true;
	assert_false(prompt(world, 1));
	world->queue_full = false;
	assert_false(
	    forward_prompt(world->forward, "up/state", (struct span){large, sizeof large}, 0, false));
	assert_true(
	    forward_prompt(world->forward, "up/state", (struct span){large, sizeof large - 1}, 0, false));
	for (int i = 0; i < 2; i++) {
		assert_true(prompt(world, 1));
		child_answer(world, PROMPT, 0x87);
	}
	step_at(world, world->now + SECOND);
	assert_string_equal(state_of(world), "up");
	assert_int_equal(told(world, "raise"), 0);
	commit_rows(world, 1, 16); /* all places are free */
	step(world);
	assert_int_equal(world->sent_count, 16);
}

/* Shows that every connection is greeted once, and that an orderly end publishes the death before it disconnects. */
static void each_connection_is_greeted_and_ended(void **state)
{
	struct world *world = *state;
	bring_up(world);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->greetings, 1);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	bring_up(world);
	assert_int_equal(world->greetings, 2);
	forward_stop(world->forward, world->now);
	step(world);
	assert_true(world->deaths == 1 && world->disconnects == 1);
	assert_non_null(strstr(world->publish.payload, "\"kind\":\"death\",\"reason\":\"stopped\""));
	assert_true(world->publish.qos == 1 && world->publish.retain == 1);
	assert_int_equal(world->greetings, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_connect_has_will_and_filters),
	    TEST(retain_goes_by_configuration_and_broker),
	    TEST(hosts_are_tried_in_turn),
	    TEST(an_outage_of_all_hosts_is_one_exception),
	    TEST(a_refused_filter_is_shown),
	    TEST(a_connection_without_ears_is_better_than_none),
	    TEST(inbound_messages_give_credit_back),
	    TEST(dropped_messages_are_counted),
	    TEST(prompts_take_places),
	    TEST(a_prompt_that_fails_is_no_loss),
	    TEST(each_connection_is_greeted_and_ended),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
