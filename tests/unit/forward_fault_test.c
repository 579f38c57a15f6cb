/*
 * forward_fault_test.c - what forwarding owes when a queue is full, a broker refuses, or a transaction is lost.
 *
 * Why:   each of these was silent: credit of the child that is lost stops all that comes from the cloud, a refused
 *        replay stops all behind it, and a stream that got the id of another one also got its rule.
 * Owns:  one struct world a test.
 * Rules: as in forward_fixture.h; the mail is lane 513, the replay 514.
 * Runs in: the unit tests.
 */
#include "tests/unit/forward_fixture.h"

#include "connector/uplink/forward_state.h"

#define REPLAY          514
#define NOT_AUTHORISED  0x87
#define UNTAKEN_MESSAGE "text"

static int setup(void **state)
{
	struct world *world = malloc(sizeof *world);
	assert_non_null(world);
	world_init(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	world_release(world);
	free(world);
	return 0;
}

/* Shows that what a full queue did not take is given back by the next step, once, and is not owed to a new child. */
static void credit_survives_a_full_queue(void **state)
{
	struct world *world = *state;
	bring_up(world);
	world->queue_full = true;
	for (int i = 0; i < UPLINK_UNTAKEN_MAX; i++)
		child_message(world, "tp1/acme/gw1/dn/ack/a", UNTAKEN_MESSAGE, false);
	step(world);
	assert_int_equal(world->taken, 0);
	world->queue_full = false;
	step(world);
	assert_int_equal(world->taken, UPLINK_UNTAKEN_MAX);
	step(world);
	assert_int_equal(world->taken, UPLINK_UNTAKEN_MAX);
	world->queue_full = true;
	child_message(world, "tp1/acme/gw1/dn/ack/a", UNTAKEN_MESSAGE, false);
	child_exit(world);
	world->queue_full = false;
	bring_up(world);
	assert_int_equal(world->taken, UPLINK_UNTAKEN_MAX);
}

static void replay_one(struct world *world)
{
	struct store_replay *replay = &world->replays[world->replay_count++];
	*replay = (struct store_replay){.id = 7, .stream = 1, .from = 1, .to = 1, .next = 1};
	world_set_text(replay->command, sizeof replay->command, "one");
}

/* Shows that a replay that the broker refuses is an exception, once, and that it ends when the replay goes through. */
static void a_refused_replay_is_told(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0);
	step_at(world, world->now + 20 * NS_PER_MS);
	replay_one(world);
	step(world);
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/replay/a");
	child_ack(world, REPLAY, 1, NOT_AUTHORISED);
	step(world);
	assert_int_equal(told(world, "raise uplink-refused up/replay: "), 1);
	forward_rolled_back(world->forward, world->now);
	step_at(world, world->now + SECOND); /* what was lost is told again, and the message tried again */
	assert_int_equal(told(world, "raise uplink-refused up/replay: "), 2);
	while (world->sent_count < 3)
		step_next(world);
	child_ack(world, REPLAY, 1, 0);
	step_at(world, world->now + 20 * NS_PER_MS);
	assert_int_equal(told(world, "replayed one whole"), 1);
	assert_int_equal(told(world, "clear  up/replay"), 1);
}

/* Shows that a stream which gets the id of one that a lost transaction had made is sent by its own rule. */
static void a_new_stream_has_its_own_rule(void **state)
{
	struct world *world = *state;
	struct config *config = &world->config;
	config->stream_count = 2;
	world_set_text(config->streams[0].name, sizeof config->streams[0].name, "d");
	world_set_text(config->streams[1].name, sizeof config->streams[1].name, "e");
	config->streams[1].batch = 50;
	bring_up(world);
	const struct config_stream_rule *lost = forward_rule(world->forward, &world->streams[3]);
	forward_rolled_back(world->forward, world->now);
	world_set_text(world->streams[3].name, sizeof world->streams[3].name, "e");
	assert_ptr_not_equal(forward_rule(world->forward, &world->streams[3]), lost);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(credit_survives_a_full_queue),
	    TEST(a_refused_replay_is_told),
	    TEST(a_new_stream_has_its_own_rule),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
