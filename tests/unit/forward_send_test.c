/*
 * forward_send_test.c - what is sent, in what order and share, and what answers do: window, holds, suspects,
 * telling.
 *
 * Why:   here a message could be lost, doubled, or starved; each rule of forward.h 1 to 5 is shown, at its
 *        edge.
 * Owns:  one struct world a test.
 * Runs in: the unit tests.
 */
#include "tests/unit/forward_fixture.h"

#include "connector/uplink/reason.h"
#include "connector/uplink/window.h"

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

/* Shows rules 1 and 2: nothing before UP, then in sequence, to the topic of the contract, as many as the
 * smaller of in_flight (16) and Receive Maximum (3), and one more for each answer. */
static void sends_in_order_within_the_window(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 5);
	step(world);
	assert_int_equal(world->sent_count, 0);
	child_up_with(world, 3);
	step(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:2 1:3");
	assert_string_equal(world->sent[0].topic, "tp1/acme/gw1/up/post/a");
	assert_true(world->sent[2].token == (UINT64_C(1) << 40 | 3));
	step(world);
	assert_int_equal(world->sent_count, 3);
	child_ack(world, 1, 1, 0);
	step(world);
	assert_string_equal(sent_from(world, 3), "1:4");
}

/* Shows rule 1: a row that is appended but not committed is not sent. */
static void uncommitted_rows_wait(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 2);
	world->streams[0].next_sequence = 9;
	bring_up(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:2");
	commit_rows(world, 1, 3);
	step(world);
	assert_string_equal(sent_from(world, 2), "1:3");
}

/* Shows rule 4: answers above a gap do not move acked_sequence, the one that fills it moves it over all, and
 * the store is told once for them, 20 ms after the first at the latest. */
static void acknowledges_contiguous_runs(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 4);
	bring_up(world);
	child_ack(world, 1, 3, 0);
	child_ack(world, 1, 2, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->acknowledges, 0);
	child_ack(world, 1, 1, 0);
	step(world);
	assert_int_equal(world->acknowledges, 0);
	assert_int_equal(world->deadline, world->now + 20 * NS_PER_MS);
	step_next(world);
	assert_int_equal(world->acknowledges, 1);
	assert_int_equal(world->streams[0].acked_sequence, 3);
	child_ack(world, 1, 4, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 4);
}

/* Shows that answers above a gap keep their places: with a window of 3 and the first unanswered, two answers
 *                                                   free nothing;
 * so one missing answer cannot make a list grow. */
static void a_gap_shuts_the_window(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 9);
	step(world);
	child_up_with(world, 3);
	step(world);
	child_ack(world, 1, 2, 0);
	child_ack(world, 1, 3, 0);
	step(world);
	assert_int_equal(world->sent_count, 3);
	child_ack(world, 1, 1, 0);
	step(world);
	assert_string_equal(sent_from(world, 3), "1:4 1:5 1:6");
}

/* Shows rule 3: with 1000 rows waiting in one stream and a few in two others, a window of 16 is shared; then
 * every freed place goes round, so the small streams never wait behind the backlog. */
static void streams_share_the_window(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1000);
	commit_rows(world, 2, 3);
	commit_rows(world, 3, 100);
	bring_up(world);
	int count[STREAMS + 1] = {0};
	assert_int_equal(world->sent_count, 16);
	for (int i = 0; i < 16; i++)
		count[world->sent[i].stream]++;
	/* 16 places for 3 streams: 5 each; b has but 3; the rest (3) goes to a and c again. */
	assert_int_equal(count[2], 3);
	assert_in_range(count[1], 5, 8);
	assert_in_range(count[3], 5, 8);
	/* Fresh rows in d while the window is full of a and c: it gets the next places, alternating. */
	commit_rows(world, 4, 2);
	int before = world->sent_count;
	for (int i = 1; i <= 5; i++) {
		child_ack(world, 1, i, 0);
		step(world);
	}
	int fresh = 0;
	for (int i = before; i < world->sent_count; i++)
		fresh += world->sent[i].stream == 4;
	assert_int_equal(fresh, 2);
}

/* Shows rule 4 after a lost connection: everything above the contiguous run goes out again, in order, and
 * what was answered above the gap too. */
static void resends_after_a_loss(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 4);
	bring_up(world);
	child_ack(world, 1, 1, 0);
	child_ack(world, 1, 3, 0);
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	int before = world->sent_count;
	bring_up(world);
	assert_string_equal(sent_from(world, before), "1:2 1:3 1:4");
	assert_int_equal(world->streams[0].acked_sequence, 1);
}

/* Shows rule 5 with 0x87: the stream holds with an exception that names topic, reason and remedy; another
 * flows; the answers behind the refusal are awaited; then one probe a back-off; a good answer clears it and
 * the rest follows in order. Back-off: random is 0.5 s, caps 1, 2 s, so each wait is 0.5 s. */
static void a_refusal_holds_its_stream_alone(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 4);
	commit_rows(world, 2, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0);
	child_ack(world, 1, 2, 0x87);
	child_ack(world, 1, 3, 0);
	child_ack(world, 2, 1, 0);
	step(world);
	assert_int_equal(
	    told(world, "raise uplink-refused a: the broker refuses tp1/acme/gw1/up/post/a: not authorised "
	                "(0x87); allow client acme-gw1 to publish there"),
	    1);
	assert_int_equal(world->streams[1].acked_sequence, 1);
	commit_rows(world, 2, 2);
	int before = world->sent_count;
	step_at(world, world->now + SECOND);
	assert_string_equal(sent_from(world, before), "2:2"); /* 1:4 is not answered: no probe yet */
	child_ack(world, 1, 4, 0x87);
	step(world);
	assert_string_equal(sent_from(world, before), "2:2 1:2");
	child_ack(world, 1, 2, 0x87); /* the probe is refused too */
	step(world);
	assert_int_equal(told(world, "raise"), 1); /* told once */
	assert_true(world->deadline <= world->now + SECOND / 2);
	step_at(world, world->now + SECOND / 2 - 1);
	assert_string_equal(sent_from(world, before), "2:2 1:2");
	step_at(world, world->now + 1);
	assert_string_equal(sent_from(world, before), "2:2 1:2 1:2");
	child_ack(world, 1, 2, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear  a"), 1);
	assert_string_equal(sent_from(world, before), "2:2 1:2 1:2 1:3 1:4");
	child_ack(world, 1, 3, 0);
	child_ack(world, 1, 4, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 4);
}

/* Shows that a person's retry sends the held message now, once, and leaves streams that flow, and messages that are
 * unanswered, alone; and that it connects at once where the uplink waits. */
static void a_person_tries_again(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	commit_rows(world, 2, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0x87);
	int before = world->sent_count;
	step(world);
	assert_string_equal(sent_from(world, before), "");
	forward_try_now(world->forward, &world->streams[1], world->now);
	step(world);
	assert_string_equal(sent_from(world, before), "");
	forward_try_now(world->forward, &world->streams[0], world->now);
	step(world);
	forward_try_now(world->forward, &world->streams[0], world->now);
	step(world);
	assert_string_equal(sent_from(world, before), "1:1");
	forward_try_now(world->forward, NULL, world->now);
	step(world);
	assert_string_equal(state_of(world), "up");
	child_down(world, UPLINK_DOWN_BROKER, 0x87);
	step(world);
	assert_string_equal(state_of(world), "waiting");
	forward_try_now(world->forward, NULL, world->now);
	step(world);
	assert_string_equal(state_of(world), "connecting");
}

/* Shows both meanings of 0x10: hold raises uplink-no-subscriber and holds; accept counts as good. */
static void no_subscriber_holds_or_is_accepted(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0x10);
	step(world);
	assert_int_equal(
	    told(world, "raise uplink-no-subscriber a: nobody subscribes to tp1/acme/gw1/up/post/a"), 1);
	assert_int_equal(world->streams[0].acked_sequence, 0);
	world->config.uplink.no_subscriber = CONFIG_NO_SUBSCRIBER_ACCEPT;
	step_at(world, world->now + SECOND);
	child_ack(world, 1, 1, 0x10);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 1);
	assert_int_equal(told(world, "clear  a"), 1);
}

/* Shows that 0x95 has its own rule, and that a hold whose reason changes leaves the old exception and raises
 * the new. */
static void too_large_and_a_changed_reason(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0x95);
	step(world);
	assert_int_equal(told(world, "raise uplink-too-large a: the broker refuses sequence 1 on"), 1);
	step_at(world, world->now + SECOND);
	child_ack(world, 1, 1, 0x87);
	step(world);
	assert_int_equal(told(world, "clear uplink-too-large a"), 1);
	assert_int_equal(told(world, "raise uplink-refused a"), 1);
}

/* Shows a reason that passes (0x97 quota exceeded): tried again with back-off, an exception only at the fifth
 * try. */
static void quota_is_told_when_it_lasts(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	bring_up(world);
	for (int i = 1; i <= 5; i++) {
		child_ack(world, 1, 1, 0x97);
		step(world);
		assert_int_equal(told(world, "raise uplink-refused a"), i == 5);
		step_next(world);
		assert_int_equal(world->sent_count, i + 1);
	}
	child_ack(world, 1, 1, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear  a"), 1);
}

/* Shows window.h rule 4: the broker closes the connection on a message of stream a, whatever else goes on.
 * After three losses a is a suspect and sent alone; b and c flow; after the second loss with a's probe out it
 * is told, with the broker's reason; once accepted, it flows and is cleared. */
static void a_message_that_ends_the_connection_is_found(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 10);
	for (int i = 1; i <= 3; i++) {
		commit_rows(world, 2, i);
		bring_up(world);
		child_ack(world, 2, i, 0);
		child_down(world, UPLINK_DOWN_BROKER, 0x87);
		step(world);
	}
	assert_int_equal(told(world, "raise uplink-refused"), 0);
	for (int i = 1; i <= 2; i++) {
		int before = world->sent_count;
		commit_rows(world, 2, 3 + i);
		bring_up(world);
		for (int k = 0; k < 3 && world->sent_count < before + 2; k++)
			step_next(world);
		int of_a = 0;
		for (int k = before; k < world->sent_count; k++)
			of_a += world->sent[k].stream == 1;
		assert_int_equal(of_a, 1); /* alone */
		child_ack(world, 2, 3 + i, 0);
		child_down(world, UPLINK_DOWN_BROKER, 0x87);
		step(world);
	}
	assert_int_equal(
	    told(world, "raise uplink-refused a: the connection ends each time sequence 1 is published on "
	                "tp1/acme/gw1/up/post/a (reason 0x87, not authorised)"),
	    1);
	assert_int_equal(world->streams[1].acked_sequence, 5);
	bring_up(world);
	while (world->sent[world->sent_count - 1].stream != 1)
		step_next(world);
	child_ack(world, 1, 1, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear  a"), 1);
	assert_int_equal(world->sent[world->sent_count - 1].sequence, 10);
}

/* Shows that two suspects are not tried together: which of them ends the connection must be seen. */
static void suspects_are_tried_one_by_one(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 1);
	commit_rows(world, 2, 1);
	for (int i = 0; i < 3; i++) {
		bring_up(world);
		child_down(world, UPLINK_DOWN_NETWORK, -1);
	}
	int before = world->sent_count;
	bring_up(world);
	assert_int_equal(world->sent_count, before + 1);
	int first = world->sent[before].stream;
	child_ack(world, first, 1, 0);
	step(world);
	assert_int_equal(world->sent_count, before + 2);
	assert_int_equal(world->sent[before + 1].stream, 3 - first);
	assert_int_equal(told(world, "raise uplink-refused"), 0);
}

/* Shows the bound in bytes: of 256 KiB events at most 4 (1 MiB) are out at once. */
static void bytes_are_bounded(void **state)
{
	struct world *world = *state;
	world->event_bytes = UPLINK_PAYLOAD_BYTES_MAX;
	commit_rows(world, 1, 16);
	bring_up(world);
	assert_int_equal(world->sent_count, (int)(WINDOW_BYTES_MAX / UPLINK_PAYLOAD_BYTES_MAX));
	child_ack(world, 1, 1, 0);
	step(world);
	assert_int_equal(world->sent_count, 5);
}

/* Shows that a full queue of the child stops the sending, loses nothing, and that it goes on later with the
 * same row. */
static void a_full_queue_only_delays(void **state)
{
	struct world *world = *state;
	commit_rows(world, 1, 2);
	step(world);
	world->queue_full = true;
	child_up_with(world, 10);
	step(world);
	assert_int_equal(world->sent_count, 0);
	world->queue_full = false;
	step(world);
	assert_string_equal(sent_from(world, 0), "1:1 1:2");
}

/* Shows that a row that should be there and is not, at the front or in the middle, is ERR_CORRUPT and never
 * skipped. */
static void a_missing_row_is_damage(void **state)
{
	struct world *world = *state;
	struct err_info info;
	step(world);
	child_up_with(world, 10);
	world->missing = 2;
	commit_rows(world, 1, 3);
	assert_int_equal(forward_send(world->forward, world->now, &info), ERR_CORRUPT);
	assert_string_equal(sent_from(world, 0), "1:1");
	assert_non_null(strstr(info.text, "sequence 2"));
	commit_rows(world, 1, 2);
	assert_int_equal(forward_send(world->forward, world->now, &info), ERR_CORRUPT);
	assert_string_equal(sent_from(world, 0), "1:1");
}

/* Shows that a rollback loses no ack and no exception: both are told again a second later; and that a store
 *                                                      that cannot
 * be written is asked once a second, not in a loop. */
static void rollback_and_trouble(void **state)
{
	struct world *world = *state;
	struct err_info info;
	commit_rows(world, 1, 1);
	commit_rows(world, 2, 1);
	bring_up(world);
	child_ack(world, 1, 1, 0);
	child_ack(world, 2, 1, 0x87);
	step_at(world, world->now + SECOND / 10);
	assert_int_equal(world->streams[0].acked_sequence, 1);
	assert_int_equal(told(world, "raise uplink-refused b"), 1);
	world->streams[0].acked_sequence = 0;
	forward_rolled_back(world->forward, world->now);
	world->store_fails = true;
	int begins = world->begins;
	world->now += SECOND;
	assert_int_equal(forward_step(world->forward, world->now, &world->deadline, &info), ERR_FULL);
	assert_true(world->deadline > world->now);
	forward_rolled_back(world->forward, world->now);
	assert_int_equal(forward_step(world->forward, world->now, &world->deadline, &info), ERR_OK);
	assert_int_equal(world->begins, begins + 1);
	assert_int_equal(world->deadline > world->now, true);
	world->store_fails = false;
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 1);
	assert_int_equal(told(world, "raise uplink-refused b"), 2);
}

/* Shows that what an earlier run left open is cleared at a stream's first good answer, once. */
static void exceptions_of_an_earlier_run_are_cleared(void **state)
{
	struct world *world = *state;
	commit_rows(world, 3, 2);
	bring_up(world);
	child_ack(world, 3, 1, 0);
	step_at(world, world->now + SECOND);
	child_ack(world, 3, 2, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(told(world, "clear  c"), 1);
	assert_int_equal(told(world, "clear  a"), 0);
}

/* Shows the reasons that decide: those of MQTT 5's table 2-6 that pass by themselves, and words for unknown
 *                                codes. */
static void reasons_have_words(void **state)
{
	(void)state;
	assert_true(reason_of(0x97)->transient && reason_of(0x93)->transient && reason_of(0x89)->transient);
	assert_false(reason_of(0x87)->transient || reason_of(0x99)->transient || reason_of(0x90)->transient);
	assert_string_equal(reason_of(0x87)->words, "not authorised");
	assert_string_equal(reason_of_connack_311(5)->words, "not authorised");
	for (int code = 0; code < 256; code++)
		assert_true(reason_of((uint8_t)code)->words[0] != 0 &&
		            reason_of_connack_311((uint8_t)code)->words[0] != 0);
}

/* Shows rule 10: where the broker knows no session, what it took lately is sent again before what is new, the store's
 * acknowledged sequence never goes back, and a session that is present repeats nothing. */
static void a_forgetful_broker_gets_it_again(void **state)
{
	struct world *world = *state;
	world->config.uplink.resend_ns = 600 * SECOND;
	commit_rows(world, 1, 3);
	bring_up(world);
	for (int sequence = 1; sequence <= 3; sequence++)
		child_ack(world, 1, sequence, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 3);
	world->session_present = 1;
	world->acknowledged_since[0] = 2;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	commit_rows(world, 1, 4);
	bring_up(world);
	assert_string_equal(sent_from(world, 3), "1:4");
	child_ack(world, 1, 4, 0);
	step_at(world, world->now + SECOND);
	world->session_present = 0;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	commit_rows(world, 1, 5);
	bring_up(world);
	assert_string_equal(sent_from(world, 4), "1:2 1:3 1:4 1:5");
	child_ack(world, 1, 2, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 4);
	for (int sequence = 3; sequence <= 5; sequence++)
		child_ack(world, 1, sequence, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 5);
}

/* Streams 1 and 2 have three answered messages each. */
static void answer_three_each(struct world *world)
{
	world->config.uplink.resend_ns = 600 * SECOND;
	for (int stream = 1; stream <= 2; stream++)
		commit_rows(world, stream, 3);
	bring_up(world);
	for (int stream = 1; stream <= 2; stream++) {
		for (int sequence = 1; sequence <= 3; sequence++)
			child_ack(world, stream, sequence, 0);
	}
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[1].acked_sequence, 3);
	world->acknowledged_last = world->now;
}

/* Shows rule 10: what is sent again is measured from the last answer, though the outage was longer than uplink.resend;
 * where no answer is known, from now. */
static void resend_is_measured_from_the_last_answer(void **state)
{
	struct world *world = *state;
	answer_three_each(world);
	int64_t last = world->now;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, last + 7200 * SECOND);
	child_up_with(world, 10);
	step(world);
	assert_int_equal(world->since_ns, last - 600 * SECOND);
	world->acknowledged_last = 0;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 10);
	step(world);
	assert_int_equal(world->since_ns, world->now - 600 * SECOND);
}

/* Shows rule 10: a store that cannot be read in the middle of it leaves it due, also over the next connection, whose
 * session the broker knows. */
static void an_unfinished_rewind_stays_due(void **state)
{
	struct world *world = *state;
	struct err_info info;
	answer_three_each(world);
	int sent = world->sent_count;
	assert_true(forward_idle(world->forward));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	assert_true(forward_idle(world->forward));
	world->acknowledged_since[0] = 3;
	world->acknowledged_since[1] = 2;
	world->since_fails = true;
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 10);
	assert_int_equal(forward_step(world->forward, world->now, &world->deadline, &info), ERR_OK);
	assert_int_equal(forward_send(world->forward, world->now, &info), ERR_IO);
	assert_int_equal(world->sent_count, sent);
	assert_false(forward_idle(world->forward));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	assert_false(forward_idle(world->forward));
	world->since_fails = false;
	world->session_present = 1;
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 10);
	step(world);
	assert_string_equal(sent_from(world, sent), "1:3 2:2 2:3");
}

/* Shows that a resend under way is not idle, while the store has long nothing queued: not with messages out, not
 * between them, not while the connection is lost; and idle with the last answer. */
static void a_resend_is_not_idle(void **state)
{
	struct world *world = *state;
	assert_true(forward_idle(world->forward));
	answer_three_each(world);
	assert_true(forward_idle(world->forward));
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	world->acknowledged_since[0] = 2;
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 1);
	assert_false(forward_idle(world->forward));
	step(world);
	assert_false(forward_idle(world->forward));
	child_ack(world, 1, 2, 0);
	assert_false(forward_idle(world->forward));
	step(world);
	world->session_present = 1;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	assert_false(forward_idle(world->forward));
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 1);
	step(world);
	child_ack(world, 1, 3, 0);
	assert_true(forward_idle(world->forward));
}

/* Shows that retention may delete what is to be sent again: it is skipped, no more and no less, once nothing of the
 * stream is unanswered; a hold of a deleted message ends. */
static void deleted_rows_are_not_sent_again(void **state)
{
	struct world *world = *state;
	answer_three_each(world);
	int sent = world->sent_count;
	child_down(world, UPLINK_DOWN_NETWORK, -1);
	world->acknowledged_since[0] = 1;
	step_at(world, world->now + 60 * SECOND);
	child_up_with(world, 1);
	step(world);
	assert_string_equal(sent_from(world, sent), "1:1");
	commit_rows(world, 1, 4);
	world->pruned[0] = 2; /* 1:1 is out, 1:2 is gone */
	step(world);
	assert_int_equal(world->sent_count, sent + 1);
	child_ack(world, 1, 1, 0);
	step(world);
	assert_string_equal(sent_from(world, sent), "1:1 1:3");
	child_ack(world, 1, 3, 0x87);
	step(world);
	assert_int_equal(told(world, "raise uplink-refused a"), 1);
	world->pruned[0] = 3;
	step(world);
	assert_string_equal(sent_from(world, sent), "1:1 1:3 1:4");
	step(world);
	assert_int_equal(told(world, "clear  a"), 2); /* at the first good ack ever, and now */
	child_ack(world, 1, 4, 0);
	step_at(world, world->now + SECOND);
	assert_int_equal(world->streams[0].acked_sequence, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(sends_in_order_within_the_window),
	    TEST(uncommitted_rows_wait),
	    TEST(acknowledges_contiguous_runs),
	    TEST(a_gap_shuts_the_window),
	    TEST(streams_share_the_window),
	    TEST(resends_after_a_loss),
	    TEST(a_forgetful_broker_gets_it_again),
	    TEST(resend_is_measured_from_the_last_answer),
	    TEST(an_unfinished_rewind_stays_due),
	    TEST(deleted_rows_are_not_sent_again),
	    TEST(a_resend_is_not_idle),
	    TEST(a_refusal_holds_its_stream_alone),
	    TEST(a_person_tries_again),
	    TEST(no_subscriber_holds_or_is_accepted),
	    TEST(too_large_and_a_changed_reason),
	    TEST(quota_is_told_when_it_lasts),
	    TEST(a_message_that_ends_the_connection_is_found),
	    TEST(suspects_are_tried_one_by_one),
	    TEST(bytes_are_bounded),
	    TEST(a_full_queue_only_delays),
	    TEST(a_missing_row_is_damage),
	    TEST(rollback_and_trouble),
	    TEST(exceptions_of_an_earlier_run_are_cleared),
	    TEST(reasons_have_words),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
