/*
 * broker_sim_test.c - the simulated broker's side towards the agent: filters, inbox, credit, last wills.
 *
 * Why:   a simulation that never delivers makes every promise about commands and outcomes true.
 * Owns:  one simulated back end, one broker and one uplink child a test.
 * Rules: 1. The test plays the core, with the frames of uplink_protocol.h.
 *        2. Cases of topic filters are those of MQTT 5, section 4.7.1.
 * Runs in: tests.
 * Tests: is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/broker_sim.h"

#define COMMANDS    "tp1/acme/gw1/dn/cmd"
#define STATE       "tp1/acme/gw1/up/state"
#define MESSAGE_MAX 256

struct bench {
	struct hal_sim *sim;
	struct hal *hal;
	struct broker_sim broker;
	struct subscriber subscriber;
	hal_child child;
	struct buf out;
	/* What the child said. */
	struct uplink_up up;
	int ups;
	int downs;
	int exits;
	int dropped;
	char payloads[MESSAGE_MAX][16];
	bool retained[MESSAGE_MAX];
	int messages;
	/* What the broker heard. */
	char heard[16][64];
	int heard_count;
};

static void heard(void *listener, const struct uplink_publish *publish)
{
	struct bench *bench = listener;
	assert_true(bench->heard_count < 16);
	(void)snprintf(bench->heard[bench->heard_count++], 64, "%.*s%s%d", (int)publish->payload.len,
	               publish->payload.data, publish->retain ? " retained " : " ", publish->qos);
}

static int set_up(void **state)
{
	const struct hal_sim_options options = {.seed = 7, .sector_bytes = 4096, .delay_ns_max = NS_PER_MS};
	struct bench *bench = mem_alloc(sizeof *bench);
	bench->sim = hal_sim_new(&options);
	bench->hal = &bench->sim->hal;
	bench->broker.subscriber = &bench->subscriber;
	bench->broker.faults.latency_ns_max = NS_PER_MS;
	bench->broker.heard = heard;
	bench->broker.listener = bench;
	buf_init(&bench->out, 65536);
	hal_sim_role(bench->sim, HAL_ROLE_UPLINK, &broker_sim_ops, &bench->broker);
	struct err_info info;
	assert_int_equal(hal_child_spawn(bench->hal, HAL_ROLE_UPLINK, "uplink", &bench->child, &info),
	                 ERR_OK);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	hal_sim_free(bench->sim);
	broker_sim_release(&bench->broker);
	buf_release(&bench->out);
	free(bench);
	return 0;
}

static void take(struct bench *bench, const struct hal_child_event *event)
{
	struct uplink_inbound inbound;
	struct uplink_dropped dropped;
	if (event->kind == HAL_CHILD_EXITED) {
		bench->exits++;
	} else if (event->type == UPLINK_UP) {
		assert_true(uplink_up_decode(&bench->up, event->payload, event->len));
		bench->ups++;
	} else if (event->type == UPLINK_DOWN) {
		bench->downs++;
	} else if (event->type == UPLINK_DROPPED) {
		assert_true(uplink_dropped_decode(&dropped, event->payload, event->len));
		bench->dropped += (int)dropped.count;
	} else if (event->type == UPLINK_MESSAGE) {
		assert_true(uplink_inbound_decode(&inbound, event->payload, event->len));
		assert_true(bench->messages < MESSAGE_MAX);
		bench->retained[bench->messages] = inbound.retain;
		assert_true(text_copy(bench->payloads[bench->messages++], sizeof bench->payloads[0],
		                      inbound.payload));
	}
}

/* A simulated second, which is much longer than anything here takes. */
static void pass(struct bench *bench)
{
	int64_t end = hal_mono_ns(bench->hal) + NS_PER_S;
	struct hal_child_event event;
	while (hal_mono_ns(bench->hal) < end) {
		hal_wait(bench->hal, end);
		while (hal_child_next(bench->hal, &event))
			take(bench, &event);
	}
}

static void say(struct bench *bench, uint8_t type)
{
	assert_int_equal(hal_child_send(bench->hal, bench->child, type, bench->out.data, bench->out.len),
	                 ERR_OK);
	buf_clear(&bench->out);
	pass(bench);
}

static void connect_now(struct bench *bench, uint8_t version)
{
	const struct uplink_connect connect = {
	    .host = SPAN_LITERAL("broker"),
	    .port = 8883,
	    .version = version,
	    .client_id = SPAN_LITERAL("gw1"),
	    .connect_timeout_s = 5,
	    .ca_file = SPAN_LITERAL("ca"),
	    .will_topic = SPAN_LITERAL(STATE),
	    .will_payload = SPAN_LITERAL("dead"),
	    .will_retain = 1,
	    .receive_max = UPLINK_RECEIVE_MAX,
	    .subscription_count = 2,
	    .subscriptions = {SPAN_LITERAL(COMMANDS), SPAN_LITERAL("tp1/acme/gw1/dn/ack/+")},
	};
	uplink_connect_encode(&bench->out, &connect);
	say(bench, UPLINK_CONNECT);
}

static void taken(struct bench *bench, uint16_t count)
{
	uplink_taken_encode(&bench->out, &(struct uplink_taken){count});
	say(bench, UPLINK_TAKEN);
}

static void publish(struct bench *bench, uint8_t qos, uint8_t retain, const char *payload)
{
	const struct uplink_publish message = {.token = 1,
	                                       .qos = qos,
	                                       .retain = retain,
	                                       .topic = SPAN_LITERAL(STATE),
	                                       .payload = span_of(payload)};
	uplink_publish_encode(&bench->out, &message);
	say(bench, UPLINK_PUBLISH);
}

static void post(struct bench *bench, const char *topic, int number, bool retain)
{
	char text[16];
	(void)snprintf(text, sizeof text, "%d", number);
	broker_sim_post(&bench->broker, span_of(topic), span_of(text), retain);
}

/* Shows which topics a filter matches: the examples of the standard. */
static void filters(void **state)
{
	(void)state;
	static const struct {
		const char *filter;
		const char *topic;
		bool matches;
	} cases[] = {
	    {"sport/tennis/player1/#", "sport/tennis/player1", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
	    {"sport/#", "sport", true},
	    {"#", "a/b", true},
	    {"sport/tennis/+", "sport/tennis/player1", true},
	    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
	    {"sport/+", "sport", false},
	    {"sport/+", "sport/", true},
	    {"+/+", "/finance", true},
	    {"/+", "/finance", true},
	    {"+", "/finance", false},
	    {"a/b", "a/b", true},
	    {"a/b", "a/b/c", false},
	    {"a/b/c", "a/b", false},
	    {"a", "b", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(broker_sim_matches(span_of(cases[i].filter), span_of(cases[i].topic)),
		                 cases[i].matches);
}

/* Shows that what the cloud published before the connection comes after it, in order, what nobody subscribed to
 * stays away, and the retain flag is told. */
static void inbox(void **state)
{
	struct bench *bench = *state;
	post(bench, COMMANDS, 1, false);
	post(bench, "tp1/acme/gw1/dn/post/00001", 2, false);
	post(bench, "tp1/acme/gw1/dn/ack/00001", 3, true);
	connect_now(bench, UPLINK_MQTT_5);
	assert_int_equal(bench->ups, 1);
	assert_int_equal(bench->up.subscription_count, 2);
	assert_int_equal(uplink_up_refused(&bench->up), 0);
	post(bench, COMMANDS, 4, false);
	pass(bench);
	assert_int_equal(bench->messages, 3);
	assert_string_equal(bench->payloads[0], "1");
	assert_string_equal(bench->payloads[1], "3");
	assert_string_equal(bench->payloads[2], "4");
	assert_true(!bench->retained[0] && bench->retained[1] && !bench->retained[2]);
	assert_int_equal(bench->broker.inbox_count, 1);
}

/* Shows that 64 go out without TAKEN and not one more, over a second connection too; each taken lets one more
 * come. And that one over the inbox's size loses the oldest. */
static void credit(void **state)
{
	struct bench *bench = *state;
	for (int i = 0; i < BROKER_SIM_INBOX_MAX + 1; i++)
		post(bench, COMMANDS, i, false);
	assert_int_equal(bench->broker.inbox_lost, 1);
	connect_now(bench, UPLINK_MQTT_311);
	assert_int_equal(bench->messages, 64);
	say(bench, UPLINK_DISCONNECT);
	assert_int_equal(bench->downs, 1);
	connect_now(bench, UPLINK_MQTT_311);
	assert_int_equal(bench->messages, 64);
	taken(bench, 1);
	assert_int_equal(bench->messages, 65);
	taken(bench, 64);
	assert_int_equal(bench->messages, 129);
	for (int i = 0; i < bench->messages; i++)
		assert_int_equal(strtol(bench->payloads[i], NULL, 10), i + 1);
}

/* Shows the faults: a refused filter gets nothing, and its message waits; a message comes again; one is
 * dropped; a close on SUBSCRIBE is DOWN. */
static void faults(void **state)
{
	struct bench *bench = *state;
	post(bench, COMMANDS, 1, false);
	bench->broker.faults.refuse_filter_one_in = 1;
	connect_now(bench, UPLINK_MQTT_311);
	assert_int_equal(uplink_up_refused(&bench->up), 3);
	assert_int_equal(bench->up.subscriptions[0], 0x80);
	assert_int_equal(bench->messages, 0);
	say(bench, UPLINK_DISCONNECT);
	bench->broker.faults =
	    (struct broker_faults){.latency_ns_max = NS_PER_MS, .close_subscribe_one_in = 1};
	connect_now(bench, UPLINK_MQTT_5);
	assert_int_equal(bench->downs, 2);
	assert_int_equal(bench->ups, 1);
	bench->broker.faults = (struct broker_faults){.latency_ns_max = NS_PER_MS, .deliver_twice_one_in = 1};
	connect_now(bench, UPLINK_MQTT_5);
	assert_int_equal(bench->messages, 64); /* again and again, as far as the credit goes */
	assert_string_equal(bench->payloads[63], "1");
	bench->broker.faults = (struct broker_faults){.latency_ns_max = NS_PER_MS, .drop_delivery_one_in = 1};
	taken(bench, 1);
	assert_int_equal(bench->dropped, 1);
	assert_int_equal(bench->messages, 64);
	assert_int_equal(bench->broker.inbox_count, 0);
}

/* Shows what is heard: messages with QoS and retain as they were; the will when the child dies, and none after
 * DISCONNECT. */
static void wills(void **state)
{
	struct bench *bench = *state;
	connect_now(bench, UPLINK_MQTT_5);
	publish(bench, 1, 1, "birth");
	publish(bench, 0, 0, "metric");
	say(bench, UPLINK_DISCONNECT);
	assert_int_equal(bench->heard_count, 2);
	assert_string_equal(bench->heard[0], "birth retained 1");
	assert_string_equal(bench->heard[1], "metric 0");
	connect_now(bench, UPLINK_MQTT_5);
	hal_child_signal(bench->hal, bench->child, HAL_SIGNAL_KILL);
	pass(bench);
	assert_int_equal(bench->exits, 1);
	assert_int_equal(bench->heard_count, 3);
	assert_string_equal(bench->heard[2], "dead retained 1");
	assert_int_equal(bench->broker.wills, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filters),
	    cmocka_unit_test_setup_teardown(inbox, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(credit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(faults, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wills, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
