/*
 * share_test.c - who sends next: precedence, shares, turns, places kept free, and that nobody waits for good.
 *
 * Why:   a wrong share shows first on the worst day: when there is a backlog.
 * Owns:  a window with streams that have endless or random backlogs.
 * Rules: places and ratios are reckoned by hand from share.h's rules.
 * Runs in: the unit tests.
 */
#include "connector/uplink/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define I           CONFIG_STREAM_IMMEDIATE
#define N           CONFIG_STREAM_NORMAL
#define B           CONFIG_STREAM_BULK
#define STREAMS_MAX 512
#define WINDOW_MAX  1000

struct world {
	struct share share;
	int limit;
	struct share_stream streams[STREAMS_MAX];
	int count;
	int64_t backlog[STREAMS_MAX];
	int flying[WINDOW_MAX]; /* indices, oldest first */
	int flown;
	int held[SHARE_CLASSES];
	int64_t sent[STREAMS_MAX];
	int64_t sent_of[SHARE_CLASSES];
};

static struct world world;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static void begin(int limit, unsigned classes)
{
	memset(&world, 0, sizeof world);
	world.limit = limit;
	share_init(&world.share, classes);
}

static void add(enum config_stream_class class_, int64_t backlog)
{
	int i = world.count++;
	world.streams[i] = (struct share_stream){.id = i + 1, .class_ = class_};
	world.backlog[i] = backlog;
}

/* Rule 3, as a person would count. */
static void check_places(void)
{
	int bulk_max = world.limit * 3 / 4, both_max = world.limit * 7 / 8;
	if (world.limit < 3) {
		bulk_max = 1;
		both_max = 1;
	} else if (world.limit == 3 || world.limit == 4) {
		bulk_max = world.limit - 2; /* one place each for the two classes above */
		both_max = world.limit - 1;
	}
	assert_true(world.held[B] <=
	            (bulk_max < world.limit - 2 || world.limit < 3 ? bulk_max : world.limit - 2));
	assert_true(world.held[B] + world.held[N] <= both_max);
	assert_true(world.flown <= world.limit);
}

/* One pass: all that may be sent is sent. Returns how many messages. */
static int pass(void)
{
	int most, total = 0;
	for (int i = 0; i < world.count; i++)
		world.streams[i].waiting = world.backlog[i];
	share_begin(&world.share, world.limit, world.limit - world.flown, world.held, world.streams,
	            world.count);
	for (int i; (i = share_next(&world.share, &most)) >= 0;) {
		enum config_stream_class class_ = world.streams[i].class_;
		assert_true(most >= 1 && most <= world.backlog[i] && world.flown + most <= world.limit);
		share_sent(&world.share, i, most);
		world.backlog[i] -= most;
		world.sent[i] += most;
		world.sent_of[class_] += most;
		world.held[class_] += most;
		for (int k = 0; k < most; k++)
			world.flying[world.flown++] = i;
		total += most;
	}
	return total;
}

/* The oldest messages are answered. */
static void answer(int count)
{
	for (int k = 0; k < count; k++)
		world.held[world.streams[world.flying[k]].class_]--;
	world.flown -= count;
	memmove(world.flying, world.flying + count, (size_t)world.flown * sizeof world.flying[0]);
}

/* Shows rule 1: with all three classes at work the answers' places go 16 : 4 : 1, in a window of any size from 8 on.
 * In 21 * 100 messages by hand: 1600, 400, 100; one round more or less at the ends. */
static void classes_share_16_4_1(void **state)
{
	(void)state;
	static const int limits[] = {8, 16, 20, 100, 1000};
	for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
		begin(limits[l], SHARE_ALL);
		add(I, 1000000);
		add(N, 1000000);
		add(B, 1000000);
		(void)pass();
		memset(world.sent_of, 0, sizeof world.sent_of);
		for (int64_t sent = 0; sent < 2100;) {
			answer(1);
			sent += pass();
			check_places();
		}
		assert_in_range(world.sent_of[I], 1600 - 16, 1600 + 16);
		assert_in_range(world.sent_of[N], 400 - 4, 400 + 4);
		assert_in_range(world.sent_of[B], 100 - 1, 100 + 1);
	}
}

/* Shows rule 1's order and its runs: in an empty window 16 of immediate, 4 of normal, 1 of bulk go, and again; of 1000
 * places, 47 rounds of 21 and 13 more: 765, 188 and 47 by hand. */
static void rounds_begin_with_the_highest_class(void **state)
{
	(void)state;
	static const int runs[] = {16, 4, 1, 16, 4, 1};
	int most;
	begin(1000, SHARE_ALL);
	add(I, 1000000);
	add(N, 1000000);
	add(B, 1000000);
	(void)pass();
	assert_int_equal(world.sent_of[I], 47 * 16 + 13);
	assert_int_equal(world.sent_of[N], 47 * 4);
	assert_int_equal(world.sent_of[B], 47);
	begin(1000, SHARE_ALL);
	for (int i = 0; i < 3; i++) {
		add((enum config_stream_class)i, 1000);
		world.streams[i].waiting = 1000;
	}
	share_begin(&world.share, 1000, 1000, world.held, world.streams, 3);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(share_next(&world.share, &most), i % 3);
		assert_int_equal(most, runs[i]);
		share_sent(&world.share, i % 3, most);
	}
}

/* Shows that an absence is not saved up: after 10,000 messages of bulk alone, immediate gets its 16 of 17 and no more;
 * and after 10,000 of immediate alone, bulk gets its one and no more. Nor is it by a round: normal alone for a while,
 * then immediate comes: 16 and 4 go, not 32 and 4. */
static void absence_is_not_saved_up(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		begin(100, SHARE_ALL);
		add(I, turn == 0 ? 0 : 1000000);
		add(B, turn == 0 ? 1000000 : 0);
		for (int64_t sent = 0; sent < 10000;) {
			sent += pass();
			answer(world.flown);
		}
		world.backlog[0] = 1000000;
		world.backlog[1] = 1000000;
		memset(world.sent_of, 0, sizeof world.sent_of);
		for (int64_t sent = 0; sent < 1700;) {
			sent += pass();
			answer(world.flown);
		}
		assert_in_range(world.sent_of[B], 100 - 3, 100 + 6);
	}
	int most;
	begin(1000, SHARE_ALL);
	add(I, 0);
	add(N, 80);
	(void)pass();
	answer(world.flown);
	for (int i = 0; i < 2; i++)
		world.streams[i].waiting = 1000;
	share_begin(&world.share, 1000, 1000, world.held, world.streams, 2);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(share_next(&world.share, &most), i % 2);
		assert_int_equal(most, i % 2 == 0 ? 16 : 4);
		share_sent(&world.share, i % 2, most);
	}
}

/* Shows that a want of places is saved up for one round only: bulk holds its 12 of 16 places and gets no answer while
 * 10,000 of immediate pass by; answered at last, it sends 2 (its own round and the saved one) before immediate does. */
static void a_want_of_places_is_saved_up_once(void **state)
{
	(void)state;
	int most, sent = 0;
	begin(16, SHARE_ALL);
	add(I, 0);
	add(B, 1000000);
	assert_int_equal(pass(), 12);
	world.backlog[0] = 1000000;
	while (world.sent[0] < 10000) {
		assert_int_equal(pass(), 4);
		world.flown = 12; /* immediate has its answers, behind the 12 of bulk */
		world.held[I] = 0;
	}
	answer(12);
	for (int i = 0; i < 2; i++)
		world.streams[i].waiting = 1000;
	share_begin(&world.share, 16, 16, world.held, world.streams, 2);
	for (int i; (i = share_next(&world.share, &most)) == 1; sent += most)
		share_sent(&world.share, i, most);
	assert_in_range(sent, 1, 2);
}

/* Shows rule 1's end: two classes alone share in their own ratio (16 : 1 and 4 : 1), one alone has all it may. */
static void absent_classes_give_their_part(void **state)
{
	(void)state;
	static const struct {
		enum config_stream_class a, b;
		int64_t of_a, of_b;
	} cases[] = {{I, B, 1600, 100}, {N, B, 400, 100}, {I, N, 1600, 400}};
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		begin(16, SHARE_ALL);
		add(cases[c].a, 1000000);
		add(cases[c].b, 1000000);
		(void)pass();
		memset(world.sent_of, 0, sizeof world.sent_of);
		for (int64_t sent = 0; sent < cases[c].of_a + cases[c].of_b;) {
			answer(1);
			sent += pass();
		}
		assert_in_range(world.sent_of[cases[c].a], cases[c].of_a - 16, cases[c].of_a + 16);
		assert_in_range(world.sent_of[cases[c].b], cases[c].of_b - 16, cases[c].of_b + 16);
	}
}

/* Shows rule 2: streams of a class get the same number, however large the window, and a pass never begins with the one
 * that sent last. */
static void streams_of_a_class_take_turns(void **state)
{
	(void)state;
	static const int limits[] = {1, 3, 16, 100};
	for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
		begin(limits[l], 1u << N);
		for (int i = 0; i < 7; i++)
			add(N, 1000000);
		for (int64_t sent = 0; sent < 7000;) {
			sent += pass();
			answer(world.flown > 2 ? 2 : world.flown);
		}
		for (int i = 0; i < 7; i++)
			assert_in_range(world.sent[i], 1000 - limits[l] / 7 - 15, 1000 + limits[l] / 7 + 15);
	}
}

/* Shows that an even part is given in one run: 16 places, 4 streams: 4 each, in the order of their ids. */
static void runs_are_even(void **state)
{
	(void)state;
	int most;
	begin(16, 1u << N);
	for (int i = 0; i < 4; i++)
		add(N, 100);
	for (int i = 0; i < world.count; i++)
		world.streams[i].waiting = 100;
	share_begin(&world.share, 16, 16, world.held, world.streams, world.count);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(share_next(&world.share, &most), i);
		assert_int_equal(most, 4);
		assert_int_equal(share_next(&world.share, &most), i);
		share_sent(&world.share, i, most);
	}
	assert_int_equal(share_next(&world.share, &most), -1);
}

/* Shows rule 3 for every window: full of bulk, a normal stream finds a place at once, and after it an immediate one
 * does; from three places on. By hand for some: 16: 12 and 14; 4: 2 and 3; 3: 1 and 2. */
static void a_higher_class_finds_a_place(void **state)
{
	(void)state;
	for (int limit = 1; limit <= WINDOW_MAX; limit++) {
		begin(limit, SHARE_ALL);
		add(B, 1000000);
		(void)pass();
		check_places();
		assert_true(world.held[B] >= 1);
		add(N, 1000000);
		int normal = pass();
		check_places();
		add(I, 1000000);
		int immediate = pass();
		check_places();
		assert_int_equal(world.flown, limit);
		assert_true(limit < 3 || (normal >= 1 && immediate >= 1));
		assert_true(limit < 2 || immediate >= 1);
	}
	begin(16, SHARE_ALL);
	assert_int_equal(share_places(&world.share, B, 16), 12);
	assert_int_equal(share_places(&world.share, N, 16), 14);
	assert_int_equal(share_places(&world.share, I, 16), 16);
	assert_int_equal(share_places(&world.share, B, 4), 2);
	assert_int_equal(share_places(&world.share, N, 4), 3);
	assert_int_equal(share_places(&world.share, B, 3), 1);
	assert_int_equal(share_places(&world.share, N, 3), 2);
	assert_int_equal(share_places(&world.share, B, 1), 1);
	assert_int_equal(share_places(&world.share, N, 1), 1);
	/* Nothing is kept for classes that cannot come. */
	share_init(&world.share, 1u << N);
	assert_int_equal(share_places(&world.share, N, 16), 16);
	share_init(&world.share, 1u << N | 1u << B);
	assert_int_equal(share_places(&world.share, N, 16), 16);
	assert_int_equal(share_places(&world.share, B, 16), 12);
	share_init(&world.share, 1u << B);
	assert_int_equal(share_places(&world.share, B, 16), 16);
}

/* Shows that the classes kept for are those of the configuration's rules and of the built-in one. */
static void classes_come_from_the_rules(void **state)
{
	(void)state;
	static struct config config;
	assert_int_equal(share_classes_of(&config), 1u << N);
	config.stream_count = 2;
	config.streams[0].class_ = I;
	config.streams[1].class_ = B;
	assert_int_equal(share_classes_of(&config), SHARE_ALL);
}

/* Shows that a stream which sends fewer than it was offered is left alone until the next pass, and others go on. */
static void a_stream_may_yield(void **state)
{
	(void)state;
	int most;
	begin(16, 1u << N);
	add(N, 0);
	add(N, 0);
	world.streams[0].waiting = 10;
	world.streams[1].waiting = 10;
	share_begin(&world.share, 16, 16, world.held, world.streams, 2);
	assert_int_equal(share_next(&world.share, &most), 0);
	share_sent(&world.share, 0, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(share_next(&world.share, &most), 1);
		share_sent(&world.share, 1, most);
	}
	assert_int_equal(share_next(&world.share, &most), -1);
}

/* Shows, over random worlds, that no stream with a backlog waits for good. A stream is passed over by at most the
 * others of its class, and for each of them by one round of 21 messages; answers come at once here. Runs make a turn
 * longer, never by more than a window. */
static void nobody_starves(void **state)
{
	(void)state;
	uint64_t random = 42;
	for (int round = 0; round < 300; round++) {
		static int64_t last[STREAMS_MAX];
		int streams = 1 + (int)(next_random(&random) % 40);
		begin(1 + (int)(next_random(&random) % 64), SHARE_ALL);
		for (int i = 0; i < streams; i++)
			add((enum config_stream_class)(next_random(&random) % SHARE_CLASSES), 1000000);
		memset(last, 0, sizeof last);
		int64_t bound = 21 * streams + 21 * world.limit + 2 * world.limit, time = 0;
		for (int step = 0; step < 1000; step++) {
			int64_t before[STREAMS_MAX];
			memcpy(before, world.sent, sizeof before);
			time += pass();
			check_places();
			for (int i = 0; i < streams; i++) {
				if (world.sent[i] != before[i])
					last[i] = time;
				if (time - last[i] > bound)
					fail_msg("round %d: stream %d waits for %d messages", round, i,
					         (int)(time - last[i]));
			}
			answer(1 + (int)(next_random(&random) % (uint64_t)world.flown));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(classes_share_16_4_1),
	    cmocka_unit_test(rounds_begin_with_the_highest_class),
	    cmocka_unit_test(absence_is_not_saved_up),
	    cmocka_unit_test(a_want_of_places_is_saved_up_once),
	    cmocka_unit_test(absent_classes_give_their_part),
	    cmocka_unit_test(streams_of_a_class_take_turns),
	    cmocka_unit_test(runs_are_even),
	    cmocka_unit_test(a_higher_class_finds_a_place),
	    cmocka_unit_test(classes_come_from_the_rules),
	    cmocka_unit_test(a_stream_may_yield),
	    cmocka_unit_test(nobody_starves),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
