/*
 * forward_lane_test.c - what goes over the lanes: mail, replays, batches; classes and rates.
 *
 * Why:   a lane that stops, doubles or claims sequences that it did not send breaks the contract without a word.
 * Owns:  one struct world a test.
 * Rules: lanes are shown as in tokens: streams 1 to 4, the mail 513, the replay 514.
 * Runs in: the unit tests.
 */
#include "tests/unit/forward_fixture.h"

#include <zlib.h>

#include "hal/base/base64.h"

#define MAIL   513
#define REPLAY 514

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
	struct world *world = *state;
	if (world->forward)
		world_release(world);
	free(world);
	return 0;
}

/* The test goes on with a machine of another configuration. */
static struct world *with(void **state, void (*change)(struct config *config))
{
	(void)teardown(state);
	*state = make(change);
	return *state;
}

static void acks(struct world *world, int lane, int64_t first, int64_t last)
{
	for (int64_t s = first; s <= last; s++)
		child_ack(world, lane, s, 0);
	step_at(world, world->now + 20 * NS_PER_MS);
}

/* ---- mail ---- */

/* Shows that mail goes out in the order of its ids on its own topics, beside the streams, and is deleted when it was
 * answered; ids go on after a restart. */
static void mail_goes_out_in_order(void **state)
{
	struct world *world = *state;
	world->mail_last = 5;
	world->mail_acked = 2;
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "513:3 513:4 513:5");
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/exc");
	assert_string_equal(world->publish.payload, "mail:5");
	assert_string_equal(world->publish.content_type, "text/plain; charset=utf-8");
	assert_int_equal(world->publish.qos, 1);
	child_ack(world, MAIL, 4, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->mail_acked, 2); /* a gap */
	child_ack(world, MAIL, 3, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->mail_acked, 4);
	assert_false(forward_idle(world->forward));
	child_ack(world, MAIL, 5, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->mail_acked, 5);
	assert_true(forward_idle(world->forward));
}

/* Shows that a refused mail holds the mail alone, with an exception that names the reason; it is tried again with
 * back-off, goes on in order, and the exception is cleared. */
static void refused_mail_holds_the_mail(void **state)
{
	struct world *world = *state;
	world->mail_last = 3;
	bring_up(world);
	child_ack(world, MAIL, 1, 0x87);
	child_ack(world, MAIL, 2, 0);
	child_ack(world, MAIL, 3, 0);
	step(world);
	assert_int_equal(told(world, "raise uplink-refused up/mail: "), 1);
	assert_non_null(strstr(world->told[world->told_count - 1], "0x87"));
	assert_int_equal(world->mail_acked, 0);
	commit_rows(world, 1, 1);
	int before = world->sent_count;
	step(world);
	assert_string_equal(sent_from(world, before), "1:1");
	world->mail_last = 4;
	step_at(world, world->now + SECOND); /* half a second was drawn */
	assert_string_equal(sent_from(world, before), "1:1 513:1");
	acks(world, MAIL, 1, 1);
	assert_int_equal(told(world, "clear  up/mail"), 1);
	assert_string_equal(sent_from(world, before), "1:1 513:1 513:2 513:3 513:4");
	acks(world, MAIL, 2, 4);
	assert_int_equal(world->mail_acked, 4);
	assert_int_equal(told(world, "raise"), 1);
}

/* Shows that the mail's exception is raised again when the transaction that had it is lost, and then cleared. */
static void refused_mail_is_told_again_after_a_rollback(void **state)
{
	struct world *world = *state;
	world->mail_last = 1;
	bring_up(world);
	child_ack(world, MAIL, 1, 0x97);
	for (int i = 0; i < 5; i++) { /* a quota is told once it lasts */
		step_at(world, world->now + 60 * SECOND);
		child_ack(world, MAIL, 1, 0x97);
	}
	step(world);
	assert_int_equal(told(world, "raise uplink-refused up/mail: "), 1);
	forward_rolled_back(world->forward, world->now);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "raise uplink-refused up/mail: "), 2);
	acks(world, MAIL, 1, 1);
	assert_int_equal(told(world, "clear  up/mail"), 1);
	forward_rolled_back(world->forward, world->now);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear  up/mail"), 2);
}

/* ---- replays ---- */

static void add_replay(struct world *world, int64_t id, int stream, int64_t from, int64_t to,
                       const char *command)
{
	struct store_replay *replay = &world->replays[world->replay_count++];
	*replay = (struct store_replay){.id = id, .stream = stream, .from = from, .to = to, .next = from};
	world_set_text(replay->command, sizeof replay->command, command);
}

/* Rows up to last are there and acknowledged. */
static void acked_rows(struct world *world, int stream, int64_t last)
{
	commit_rows(world, stream, last);
	world->streams[stream - 1].acked_sequence = last;
}

/* Shows that a replay sends the range's own bytes on up/replay, one replay after the other, and tells each end once. */
static void replays_follow_each_other(void **state)
{
	struct world *world = *state;
	acked_rows(world, 1, 5);
	acked_rows(world, 2, 9);
	add_replay(world, 7, 1, 2, 4, "first");
	add_replay(world, 8, 2, 9, 9, "second");
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "514:1 514:2 514:3");
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/replay/a");
	assert_string_equal(world->publish.payload, "1:4");
	acks(world, REPLAY, 1, 2);
	assert_int_equal(world->replays[0].next, 4);
	assert_int_equal(told(world, "replayed"), 0);
	acks(world, REPLAY, 3, 3);
	assert_int_equal(told(world, "replayed first whole"), 1);
	assert_string_equal(sent_from(world, 3), "514:4");
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/replay/b");
	assert_string_equal(world->publish.payload, "2:9");
	assert_false(forward_idle(world->forward));
	acks(world, REPLAY, 4, 4);
	assert_int_equal(told(world, "replayed second whole"), 1);
	assert_int_equal(told(world, "replayed"), 2);
	assert_true(forward_idle(world->forward));
}

/* Shows that a lost connection sends again what was unanswered, from where the answers had come to, and that a restart
 * goes on where the store says. */
static void a_replay_goes_on_after_a_loss_and_a_restart(void **state)
{
	struct world *world = *state;
	acked_rows(world, 1, 5);
	add_replay(world, 7, 1, 1, 5, "first");
	bring_up(world);
	acks(world, REPLAY, 1, 2);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	int before = world->sent_count;
	world->session_present = 1;
	bring_up(world);
	assert_string_equal(sent_from(world, before), "514:3 514:4 514:5");
	assert_int_equal(world->replays[0].next, 3);
	struct store_replay left = world->replays[0];
	world = with(state, NULL);
	acked_rows(world, 1, 5);
	world->replays[world->replay_count++] = left;
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "514:1 514:2 514:3");
	assert_string_equal(world->publish.payload, "1:5");
	acks(world, REPLAY, 1, 3);
	assert_int_equal(told(world, "replayed first whole"), 1);
}

/* Shows that retention cuts a replay short at once, before its first event or in its midst; there what is unanswered is
 * awaited first, without a busy loop; the next replay goes on. */
static void retention_cuts_a_replay(void **state)
{
	struct world *world = *state;
	acked_rows(world, 1, 8);
	world->pruned[0] = 1;
	add_replay(world, 7, 1, 1, 6, "gone");
	add_replay(world, 8, 1, 2, 8, "midst");
	step(world);
	child_up_with(world, 3);
	step(world);
	assert_int_equal(told(world, "replayed gone cut"), 1);
	assert_string_equal(sent_from(world, 0), "514:1 514:2"); /* bulk leaves a place to what is above it */
	world->pruned[0] = 5;
	acks(world, REPLAY, 1, 1);
	assert_int_equal(told(world, "replayed midst"), 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "replayed midst"), 0);
	assert_int_equal(world->sent_count, 2);
	add_replay(world, 9, 1, 8, 8, "next");
	acks(world, REPLAY, 2, 2);
	assert_int_equal(told(world, "replayed midst cut"), 1);
	assert_string_equal(sent_from(world, 2), "514:3");
	assert_string_equal(world->publish.payload, "1:8");
	acks(world, REPLAY, 3, 3);
	assert_int_equal(told(world, "replayed next whole"), 1);
}

/* Shows that a replay of an epoch that has ended sends nothing of the new one. */
static void a_new_epoch_ends_a_replay(void **state)
{
	struct world *world = *state;
	acked_rows(world, 1, 8);
	world->streams[0].epoch = 2;
	add_replay(world, 7, 1, 1, 6, "old");
	world->replays[0].epoch = 1;
	bring_up(world);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(told(world, "replayed old cut"), 1);
	assert_true(forward_idle(world->forward));
}

/* Shows that a replay is begun only when its command is committed, and that one whose end was lost in a rollback is
 * sent again from where the store stands, and ends again. */
static void replays_survive_rollbacks(void **state)
{
	struct world *world = *state;
	acked_rows(world, 1, 3);
	add_replay(world, 7, 1, 1, 3, "first");
	world->in_transaction = true;
	bring_up(world);
	assert_int_equal(world->sent_count, 0);
	world->in_transaction = false;
	step(world);
	assert_string_equal(sent_from(world, 0), "514:1 514:2 514:3");
	const struct store_replay begun = world->replays[0];
	child_ack(world, REPLAY, 1, 0);
	step_at(world, world->now + 20 * NS_PER_MS);
	forward_rolled_back(world->forward, world->now); /* of the progress */
	world->replays[0] = begun;
	step_at(world, world->now + SECOND);
	assert_int_equal(world->replays[0].next, 2);
	const struct store_replay half = world->replays[0];
	acks(world, REPLAY, 2, 3);
	assert_int_equal(told(world, "replayed first whole"), 1);
	forward_rolled_back(world->forward, world->now); /* of the end */
	world->replays[world->replay_count++] = half;
	step_at(world, world->now + SECOND);
	assert_string_equal(sent_from(world, 3), "514:4 514:5");
	acks(world, REPLAY, 4, 5);
	assert_int_equal(told(world, "replayed first whole"), 2);
	assert_int_equal(world->replay_count, 0);
}

/* ---- batches ---- */

static void batches_of_ten(struct config *config)
{
	config->stream_count = 1;
	world_set_text(config->streams[0].name, sizeof config->streams[0].name, "{entity}");
	world_set_text(config->streams[0].entity, sizeof config->streams[0].entity, "*");
	config->streams[0].class_ = CONFIG_STREAM_NORMAL;
	config->streams[0].batch = 10;
}

/* The batch that was sent last holds the events first..last of stream 1, and says so. */
static void expect_batch(const struct world *world, int64_t first, int64_t last)
{
	static uint8_t packed[65536];
	static char lines[262144];
	char wanted[160];
	const char *data = strstr(world->publish.payload, "\"data_base64\":\"");
	assert_non_null(data);
	data += strlen("\"data_base64\":\"");
	size_t len = 0;
	assert_true(base64_decode(packed, sizeof packed, &len, (struct span){data, strcspn(data, "\"")}));
	uLongf size = sizeof lines - 1;
	assert_int_equal(uncompress((Bytef *)lines, &size, packed, (uLong)len), Z_OK);
	lines[size] = 0;
	const char *at = lines;
	for (int64_t s = first; s <= last; s++) {
		struct span event = world_event(world, 1, s, wanted);
		assert_memory_equal(at, event.data, event.len);
		at += event.len;
		assert_int_equal(*at++, '\n');
	}
	assert_int_equal(*at, 0);
	(void)snprintf(wanted, sizeof wanted, "\"count\":%d,", (int)(last - first + 1));
	assert_non_null(strstr(world->publish.payload, wanted));
	(void)snprintf(wanted, sizeof wanted, "\"sequence\":\"%020d\",\"sequencelast\":\"%020d\"", (int)first,
	               (int)last);
	assert_non_null(strstr(world->publish.payload, wanted));
}

/* Shows that fewer events than a batch takes go in one message, also the last of them; that one event alone goes as it
 * is; and that the answer to a batch covers its run. */
static void a_batch_holds_all_that_waits(void **state)
{
	struct world *world = with(state, batches_of_ten);
	world->chained = true;
	commit_rows(world, 1, 3);
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1");
	expect_batch(world, 1, 3);
	assert_string_equal(world->publish.topic, "tp1/acme/gw1/up/post/a");
	acks(world, 1, 1, 1);
	assert_int_equal(world->streams[0].acked_sequence, 3);
	commit_rows(world, 1, 4);
	step(world);
	assert_string_equal(sent_from(world, 1), "1:4");
	assert_null(strstr(world->publish.payload, "data_base64"));
	acks(world, 1, 4, 4);
	assert_int_equal(world->streams[0].acked_sequence, 4);
}

/* Shows the cut by number: 25 events are batches of 10, 10 and 5, each a message of the window. */
static void batches_are_cut_by_number(void **state)
{
	struct world *world = with(state, batches_of_ten);
	struct forward_status status;
	world->chained = true;
	commit_rows(world, 1, 25);
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:11 1:21");
	expect_batch(world, 21, 25);
	forward_status(world->forward, &status);
	assert_true(status.in_flight == 3 && status.sent == 25);
	child_ack(world, 1, 11, 0);
	acks(world, 1, 1, 1);
	assert_int_equal(world->streams[0].acked_sequence, 20);
}

/* Shows the cut by size. At worst zlib adds 13 bytes to a few hundred (compressBound()); base64 makes 4 of 3; 768
 * bytes are kept for the envelope. Two events of 90 bytes and their newlines: (182 + 13 + 2) / 3 = 65, times 4 and 768
 * are 1028: they fit; at 1027 each goes alone. */
static void batches_are_cut_by_size(void **state)
{
	struct world *world = with(state, batches_of_ten);
	char event[160];
	world->chained = true;
	assert_int_equal(world_event(world, 1, 1, event).len, 90);
	assert_int_equal(compressBound(182), 195);
	world->config.uplink.message_bytes_max = 1028;
	commit_rows(world, 1, 5);
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:3 1:5");
	assert_true(world->publish.len <= 1028);
	world = with(state, batches_of_ten);
	world->chained = true;
	world->config.uplink.message_bytes_max = 1027;
	commit_rows(world, 1, 3);
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:2 1:3");
}

/* Shows that a refused batch is probed with its first event alone, and that batches go on after it. */
static void a_probe_is_one_event(void **state)
{
	struct world *world = with(state, batches_of_ten);
	world->chained = true;
	commit_rows(world, 1, 12);
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:11");
	child_ack(world, 1, 1, 0x87);
	child_ack(world, 1, 11, 0x87);
	step_at(world, world->now + SECOND);
	assert_string_equal(sent_from(world, 2), "1:1");
	assert_null(strstr(world->publish.payload, "data_base64"));
	acks(world, 1, 1, 1);
	assert_string_equal(sent_from(world, 3), "1:2 1:12");
	acks(world, 1, 2, 2);
	acks(world, 1, 12, 12);
	assert_int_equal(world->streams[0].acked_sequence, 12);
}

/* Shows that an event of the outbox without its chain value is told as damage, and not sent. */
static void a_batch_of_strange_bytes_is_damage(void **state)
{
	struct world *world = with(state, batches_of_ten);
	struct err_info info;
	bring_up(world);
	commit_rows(world, 1, 2);
	assert_int_equal(forward_send(world->forward, world->now, &info), ERR_CORRUPT);
	assert_non_null(strstr(info.text, "stream a: sequence 2"));
	assert_int_equal(world->sent_count, 0);
}

/* ---- classes, rates, pauses ---- */

static void bulk_and_immediate(struct config *config)
{
	static const char *const names[] = {"a", "b"};
	static const enum config_stream_class classes[] = {CONFIG_STREAM_BULK, CONFIG_STREAM_IMMEDIATE};
	config->stream_count = 2;
	for (int i = 0; i < 2; i++) {
		world_set_text(config->streams[i].name, sizeof config->streams[i].name, names[i]);
		world_set_text(config->streams[i].entity, sizeof config->streams[i].entity, "*");
		config->streams[i].class_ = classes[i];
	}
}

/* Shows that a backlog of bulk leaves places free (12 of 16 are its own, share.h), so that an immediate event and the
 * mail go at once, though nothing was answered. */
static void immediate_overtakes_bulk(void **state)
{
	struct world *world = with(state, bulk_and_immediate);
	commit_rows(world, 1, 1000);
	bring_up(world);
	assert_int_equal(world->sent_count, 12);
	commit_rows(world, 2, 1);
	world->mail_last = 1;
	step(world);
	assert_string_equal(sent_from(world, 12), "2:1 513:1");
	commit_rows(world, 2, 2);
	step(world);
	assert_string_equal(sent_from(world, 14), "2:2");
}

static void four_a_second(struct config *config)
{
	config->uplink.rate_messages = 4;
}

/* Shows uplink.rate_messages: a burst is what a quarter of a second gives, here 1 message; the machine names the very
 * moment at which the next may go, and the loop of step() shows that it does not ask to be called before. */
static void a_rate_gives_its_deadline(void **state)
{
	struct world *world = with(state, four_a_second);
	commit_rows(world, 1, 3);
	bring_up(world);
	int64_t begun = world->now;
	assert_string_equal(sent_from(world, 0), "1:1");
	assert_int_equal(world->deadline, begun + SECOND / 4);
	step_at(world, begun + SECOND / 4 - 1);
	assert_int_equal(world->sent_count, 1);
	step_next(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:2");
	assert_int_equal(world->deadline, begun + SECOND / 2);
	step_next(world);
	assert_int_equal(world->sent_count, 3);
}

/* Shows that the deadline is there also when nothing is in flight that could wake the machine. */
static void a_rate_wakes_an_idle_uplink(void **state)
{
	struct world *world = with(state, four_a_second);
	commit_rows(world, 1, 1);
	bring_up(world);
	int64_t begun = world->now;
	child_ack(world, 1, 1, 0);
	step_at(world, begun + 20 * NS_PER_MS);
	commit_rows(world, 1, 2);
	step(world);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world->deadline, begun + SECOND / 4);
	step_next(world);
	assert_int_equal(world->sent_count, 2);
}

/* Shows that a paused stream sends nothing more, alone, until it goes on; a name that is none is told. */
static void a_paused_stream_waits(void **state)
{
	struct world *world = *state;
	struct err_info info;
	bring_up(world);
	assert_int_equal(forward_pause(world->forward, "b", false, &info), ERR_OK);
	commit_rows(world, 1, 1);
	commit_rows(world, 2, 1);
	step(world);
	assert_string_equal(sent_from(world, 0), "1:1");
	assert_int_equal(forward_pause(world->forward, "b", true, &info), ERR_OK);
	step(world);
	assert_string_equal(sent_from(world, 1), "2:1");
	assert_int_equal(forward_pause(world->forward, "e", false, &info), ERR_NOT_FOUND);
	assert_string_equal(info.text, "there is no stream e");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(mail_goes_out_in_order),
	    TEST(refused_mail_holds_the_mail),
	    TEST(refused_mail_is_told_again_after_a_rollback),
	    TEST(replays_follow_each_other),
	    TEST(a_replay_goes_on_after_a_loss_and_a_restart),
	    TEST(retention_cuts_a_replay),
	    TEST(a_new_epoch_ends_a_replay),
	    TEST(replays_survive_rollbacks),
	    TEST(a_batch_holds_all_that_waits),
	    TEST(batches_are_cut_by_number),
	    TEST(batches_are_cut_by_size),
	    TEST(a_probe_is_one_event),
	    TEST(a_batch_of_strange_bytes_is_damage),
	    TEST(immediate_overtakes_bulk),
	    TEST(a_rate_gives_its_deadline),
	    TEST(a_rate_wakes_an_idle_uplink),
	    TEST(a_paused_stream_waits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
