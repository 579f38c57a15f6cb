/*
 * forward_test.c - the uplink's connection: states, deadlines, back-off, versions, outage, orderly end, bad
 * frames.
 *
 * Why:   a wrong deadline is a hang or a busy loop, a wrong version a stream that is never read.
 * Owns:  one struct world a test.
 * Runs in: the unit tests.
 */
#include "tests/unit/forward_fixture.h"

static int setup(void **state)
{
	struct world *world = malloc(sizeof *world);
	if (!world)
		return -1;
	world_init(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_release(*state);
	free(*state);
	return 0;
}

/* Shows the way up: the first step spawns and connects with MQTT 5; UP is shown in status with window and
 *                   TLS. */
static void connects_at_once(void **state)
{
	struct world *world = *state;
	struct forward_status status;
	assert_string_equal(state_of(world), "stopped");
	step(world);
	assert_int_equal(world->spawns, 1);
	assert_int_equal(world->connects, 1);
	assert_int_equal(world->connect_version, UPLINK_MQTT_5);
	assert_string_equal(state_of(world), "connecting");
	child_up_with(world, 10);
	step(world);
	forward_status(world->forward, &status);
	assert_string_equal(status.state, "up");
	assert_string_equal(status.host, "broker");
	assert_string_equal(status.tls, "TLSv1.3");
	assert_string_equal(status.problem, "");
	assert_true(status.port == 8883 && status.version == 5 && status.window == 10 &&
	            status.connections == 1);
}

/* Shows rule 6 and that nothing spins: with the largest draws the waits are 1, 2, 4 ... 60, 60 s (random is
 * the cap itself when it is cap modulo cap + 1); the same child is used again; no CONNECT before its time. */
static void backs_off_without_a_busy_loop(void **state)
{
	static const int64_t caps_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	struct world *world = *state;
	step(world);
	for (size_t i = 0; i < sizeof caps_s / sizeof caps_s[0]; i++) {
		world->random = (uint64_t)(caps_s[i] * SECOND);
		child_down(world, UPLINK_DOWN_NETWORK, -1);
		int connects = world->connects;
		int64_t due = world->now + caps_s[i] * SECOND;
		step(world);
		assert_string_equal(state_of(world), "waiting");
		assert_true(world->deadline <= due);
		step_at(world, due - 1);
		assert_int_equal(world->connects, connects);
		step_at(world, due);
		assert_int_equal(world->connects, connects + 1);
	}
	assert_int_equal(world->spawns, 1);
}

/* Shows the reset of back-off: by an ack, and by a minute up; not by a shorter time up. */
static void backoff_is_reset_when_things_are_well(void **state)
{
	struct world *world = *state;
	step(world);
	for (int i = 0; i < 5; i++) {
		child_down(world, UPLINK_DOWN_NETWORK, -1);
		step(world);
		step_at(world, world->now + 60 * SECOND);
	}
	child_up_with(world, 10);
	world->random = (uint64_t)(32 * SECOND); /* the sixth cap: 59 s up are not enough to begin anew */
	step_at(world, world->now + 59 * SECOND);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + 32 * SECOND - 1);
	assert_string_equal(state_of(world), "waiting");
	step_at(world, world->now + 1);
	child_up_with(world, 10);
	step_at(world, world->now + 60 * SECOND);
	world->random = (uint64_t)SECOND;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + SECOND);
	assert_string_equal(state_of(world), "connecting"); /* a minute up: first cap */
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + 60 * SECOND);
	commit_rows(world, 1, 1);
	child_up_with(world, 10);
	step(world);
	child_ack(world, 1, 1, 0);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + SECOND);
	assert_string_equal(state_of(world), "connecting"); /* an ack: first cap */
}

/* Shows rule 6 for what a person must mend: an exception at once, 5 s more to wait; cleared at UP. A busy
 * server (CONNACK 0x89) is no such thing. */
static void certificates_wait_longer_and_are_told(void **state)
{
	struct world *world = *state;
	step(world);
	child_down(world, UPLINK_DOWN_REFUSED, 0x89);
	step(world);
	assert_int_equal(told(world, "raise"), 0);
	step_at(world, world->now + SECOND);
	child_down(world, UPLINK_DOWN_TLS, -1);
	step(world);
	assert_int_equal(told(world, "raise uplink-down broker:8883: broker:8883: so it was"), 1);
	int64_t begun = world->now;
	step_at(world, begun + 5 * SECOND);
	assert_string_equal(state_of(world), "waiting");
	step_at(world, begun + 6 * SECOND);
	assert_string_equal(state_of(world), "connecting");
	child_down(world, UPLINK_DOWN_TLS, -1);
	step(world);
	assert_int_equal(told(world, "raise"), 1); /* once an outage */
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 10);
	step(world);
	assert_int_equal(told(world, "clear uplink-down broker:8883"), 1);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	step_at(world, world->now + 10 * SECOND);
	child_up_with(world, 10);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear uplink-down broker:8883"), 1); /* there was nothing to clear */
}

/* Shows uplink-down at its edges: five tries, or 60 s (not a nanosecond less). */
static void a_lasting_outage_is_told(void **state)
{
	struct world *world = *state;
	world->random = 0; /* the shortest waits: 20 ms */
	world->config.uplink.connect_timeout_ns = 600 * SECOND;
	step(world);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(told(world, "raise uplink-down"), 0);
		child_down(world, UPLINK_DOWN_NETWORK, -1);
		step(world);
		step_next(world);
	}
	assert_int_equal(told(world, "raise uplink-down"), 1);
	child_up_with(world, 10);
	step(world);
	int64_t lost = world->now;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step(world);
	step_at(world, lost + 20 * NS_PER_MS); /* and from now on the child is busy connecting */
	assert_string_equal(state_of(world), "connecting");
	assert_int_equal(world->deadline, lost + 60 * SECOND);
	step_at(world, lost + 60 * SECOND - 1);
	assert_int_equal(told(world, "raise uplink-down"), 1);
	step_next(world);
	assert_int_equal(told(world, "raise uplink-down"), 2);
}

/* Ends the connection, or the attempt, and waits for the next CONNECT. */
static void next_attempt(struct world *world, enum uplink_down_class down_class, uint8_t expected)
{
	child_down(world, down_class, down_class == UPLINK_DOWN_VERSION ? 0x84 : -1);
	step_at(world, world->now + 66 * SECOND);
	assert_string_equal(state_of(world), "connecting");
	assert_int_equal(world->connect_version, expected);
}

/* Shows rule 7: two closes before CONNACK mean 3.1.1, two of 3.1.1 go back to 5, and so on. */
static void falls_back_after_two_closes(void **state)
{
	struct world *world = *state;
	static const uint8_t expected[] = {5, 4, 4, 5, 5, 4};
	step(world);
	assert_int_equal(world->connect_version, 5);
	for (size_t i = 0; i < sizeof expected; i++)
		next_attempt(world, UPLINK_DOWN_NO_CONNACK, expected[i]);
}

/* Shows rule 7: after such a fall-back 5 is tried once after each lost connection; one more close before CONNACK goes
 * back to 3.1.1, a network that fails says nothing. When 5 is up, closes never fall back again; a refusal does, and
 * that one is kept. */
static void five_is_tried_again_after_a_loss(void **state)
{
	struct world *world = *state;
	step(world);
	next_attempt(world, UPLINK_DOWN_NO_CONNACK, 5);
	next_attempt(world, UPLINK_DOWN_NO_CONNACK, 4);
	next_attempt(world, UPLINK_DOWN_NETWORK, 4);
	child_up_with(world, 10);
	step(world);
	for (int i = 0; i < 3; i++) {
		next_attempt(world, UPLINK_DOWN_NETWORK, 5);
		next_attempt(world, UPLINK_DOWN_NETWORK, 5);
		next_attempt(world, UPLINK_DOWN_NO_CONNACK, 4);
		child_up_with(world, 10);
		step(world);
	}
	next_attempt(world, UPLINK_DOWN_NETWORK, 5);
	child_up_with(world, 10);
	step(world);
	for (int i = 0; i < 5; i++)
		next_attempt(world, UPLINK_DOWN_NO_CONNACK, 5);
	next_attempt(world, UPLINK_DOWN_VERSION, 4);
	child_up_with(world, 10);
	step(world);
	next_attempt(world, UPLINK_DOWN_NETWORK, 4);
}

/* Shows rule 7: a refusal of the version changes it at once; with a version fixed by configuration it does
 * not, and a person is told. */
static void falls_back_after_a_refused_version(void **state)
{
	struct world *world = *state;
	step(world);
	child_down(world, UPLINK_DOWN_VERSION, 0x84);
	step_at(world, world->now + 2 * SECOND);
	assert_int_equal(world->connect_version, 4);
	child_down(world, UPLINK_DOWN_VERSION, 1);
	step_at(world, world->now + 3 * SECOND);
	assert_int_equal(world->connect_version, 5);
	assert_int_equal(told(world, "raise"), 0);
	world->config.uplink.version = CONFIG_MQTT_5;
	child_down(world, UPLINK_DOWN_VERSION, 0x84);
	step_at(world, world->now + 60 * SECOND);
	assert_int_equal(world->connect_version, 5);
	assert_int_equal(told(world, "raise uplink-down"), 1);
}

/* Shows rule 8 at its edges, for a half-open network: an ack missing for 20 s ends the child (SIGTERM, 2 s,
 * SIGKILL once), after its end and the back-off a new child sends everything again. Idle for a long time
 * before makes no difference. */
static void a_missing_ack_ends_the_child(void **state)
{
	struct world *world = *state;
	bring_up(world);
	for (int i = 0; i < 10; i++)
		step_next(world);
	commit_rows(world, 1, 2);
	step_at(world, world->now + SECOND);
	int64_t sent = world->now;
	assert_int_equal(world->sent_count, 2);
	step_at(world, sent + 15 * SECOND);
	child_ack(world, 1, 2, 0); /* of the second: the first is still missing */
	step_at(world, sent + 20 * SECOND - 1);
	assert_string_equal(state_of(world), "up");
	assert_int_equal(world->deadline, sent + 20 * SECOND);
	step_next(world);
	assert_string_equal(state_of(world), "ending");
	assert_int_equal(world->terms, 1);
	step_at(world, sent + 22 * SECOND - 1);
	assert_int_equal(world->kills, 0);
	step_next(world);
	assert_int_equal(world->kills, 1);
	step_at(world, world->now + 300 * SECOND);
	assert_int_equal(world->kills, 1);
	child_exit(world);
	bring_up(world);
	assert_int_equal(world->spawns, 2);
	assert_string_equal(sent_from(world, 2), "1:1 1:2");
}

/* Shows that frames of a child that is being killed count for nothing. */
static void a_killed_child_is_not_heard(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	bring_up(world);
	step_at(world, world->now + 20 * SECOND);
	assert_string_equal(state_of(world), "ending");
	child_ack(world, 1, 1, 0);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	child_exit(world);
	step_at(world, world->now + SECOND / 10);
	assert_int_equal(world->streams[0].acked_sequence, 0);
	assert_string_equal(state_of(world), "waiting");
}

/* Shows rule 8 for a child that hangs in connecting: connect_timeout and 2 s, then as above. */
static void a_hanging_connect_ends_the_child(void **state)
{
	struct world *world = *state;
	step(world);
	int64_t begun = world->now;
	step_at(world, begun + 22 * SECOND - 1);
	assert_string_equal(state_of(world), "connecting");
	step_next(world);
	assert_string_equal(state_of(world), "ending");
	assert_int_equal(world->terms, 1);
	child_exit(world);
	step(world);
	assert_string_equal(state_of(world), "waiting");
}

/* Shows that a child which ends by itself, and one that cannot be started, cost a back-off each and no
 * more. */
static void a_dying_child_is_started_again(void **state)
{
	struct world *world = *state;
	step(world);
	for (int i = 2; i < 10; i++) {
		child_exit(world);
		step(world);
		assert_string_equal(state_of(world), "waiting");
		step_at(world, world->now + 60 * SECOND);
		assert_int_equal(world->spawns, i);
	}
	child_exit(world);
	world->spawn_fails = true;
	for (int i = 0; i < 10; i++) {
		step_at(world, world->now + 60 * SECOND);
		assert_string_equal(state_of(world), "waiting");
		assert_true(world->deadline > world->now);
	}
	world->spawn_fails = false;
	step_at(world, world->now + 60 * SECOND);
	assert_string_equal(state_of(world), "connecting");
}

static void spoke_badly(struct world *world)
{
	assert_string_equal(state_of(world), "ending");
	child_exit(world);
	step(world);
	bring_up(world);
}

/* Shows that frames which do not fit end the child: UP out of turn, an ack of what was never sent, one
 *                                                   answered before,
 * one of stream 0, rubbish, unknown types, another version than asked. */
static void frames_that_do_not_fit_end_the_child(void **state)
{
	struct world *world = *state;
	struct buf buf;
	commit_rows(world, 1, 2);
	bring_up(world);
	child_up_with(world, 5);
	spoke_badly(world);
	child_ack(world, 1, 3, 0);
	spoke_badly(world);
	child_ack(world, 1, 2, 0);
	child_ack(world, 1, 2, 0);
	spoke_badly(world);
	child_ack(world, 0, 1, 0);
	spoke_badly(world);
	child_ack(world, 600, 1, 0);
	spoke_badly(world);
	buf_init(&buf, 100);
	buf_append_text(&buf, "rubbish");
	child_frame(world, UPLINK_DOWN, &buf);
	spoke_badly(world);
	buf_init(&buf, 100);
	buf_append_text(&buf, "rubbish");
	child_frame(world, 99, &buf);
	spoke_badly(world);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + 60 * SECOND);
	world->connect_version = UPLINK_MQTT_311; /* it was asked for 5 */
	child_up_with(world, 5);
	spoke_badly(world);
	assert_int_equal(world->streams[0].acked_sequence, 0);
}

/* Shows an orderly end: nothing more is sent, the last answer is taken and stored, then DISCONNECT, DOWN,
 *                       SIGTERM, end. */
static void stops_in_order(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 2);
	bring_up(world);
	forward_stop(world->forward, world->now);
	commit_rows(world, 1, 3);
	step(world);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(world->disconnects, 0);
	child_ack(world, 1, 1, 0);
	child_ack(world, 1, 2, 0);
	step(world);
	assert_int_equal(world->disconnects, 1);
	assert_int_equal(world->streams[0].acked_sequence, 2);
	child_down(world, UPLINK_DOWN_ASKED, -1);
	step(world);
	assert_int_equal(world->terms, 1);
	assert_false(forward_stopped(world->forward));
	child_exit(world);
	step(world);
	assert_true(forward_stopped(world->forward));
	assert_int_equal(told(world, "raise"), 0);
	step_at(world, world->now + 1000 * SECOND);
	assert_int_equal(world->connects, 1);
}

/* Shows that a stop ends within 5 s of the clock whatever the network does: 2 s for answers, 1 s for
 * DISCONNECT, 2 s for SIGTERM; and from connecting, waiting and stopped as well. */
static void stops_in_time_from_every_state(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 2);
	bring_up(world);
	int64_t begun = world->now;
	forward_stop(world->forward, begun);
	step(world);
	step_at(world, begun + 2 * SECOND - 1);
	assert_int_equal(world->disconnects, 0);
	step_next(world);
	assert_int_equal(world->disconnects, 1);
	step_next(world);
	assert_int_equal(world->now, begun + 3 * SECOND);
	assert_int_equal(world->terms, 1);
	step_next(world);
	assert_int_equal(world->now, begun + 5 * SECOND);
	assert_int_equal(world->kills, 1);
	child_exit(world);
	step(world);
	assert_true(forward_stopped(world->forward));

	for (int from = 0; from < 3; from++) {
		world_release(world);
		world_init(world);
		if (from > 0)
			step(world);
		if (from > 1)
			child_down(world, UPLINK_DOWN_NETWORK, -1);
		forward_stop(world->forward, world->now);
		for (int i = 0; i < 5 && world->child; i++) {
			step_next(world);
			if (world->terms > 0)
				child_exit(world);
		}
		step(world);
		assert_true(forward_stopped(world->forward));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(connects_at_once),
	    TEST(backs_off_without_a_busy_loop),
	    TEST(backoff_is_reset_when_things_are_well),
	    TEST(certificates_wait_longer_and_are_told),
	    TEST(a_lasting_outage_is_told),
	    TEST(falls_back_after_two_closes),
	    TEST(five_is_tried_again_after_a_loss),
	    TEST(falls_back_after_a_refused_version),
	    TEST(a_missing_ack_ends_the_child),
	    TEST(a_killed_child_is_not_heard),
	    TEST(a_hanging_connect_ends_the_child),
	    TEST(a_dying_child_is_started_again),
	    TEST(frames_that_do_not_fit_end_the_child),
	    TEST(stops_in_order),
	    TEST(stops_in_time_from_every_state),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
