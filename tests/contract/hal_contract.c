/*
 * hal_contract.c - the suite: clock, entropy, disk, wait, children; control is in hal_contract_control.c,
 *                  keys are in hal_contract_keys.c.
 *
 * Why:   see hal_contract.h.
 * Owns:  nothing.
 * Rules: as in hal_contract.h. Expected values are those of hal.h.
 * Runs in: tests.
 * Tests: is one.
 */
#include "tests/contract/hal_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/frame.h"
#include "tests/contract/hal_contract_control.h"
#include "tests/contract/hal_contract_keys.h"

int contract_setup(void **state)
{
	struct contract *contract = mem_alloc(sizeof *contract);
	contract->ops = *state;
	contract->self = contract->ops->open(&contract->hal);
	*state = contract;
	return contract->self ? 0 : -1;
}

int contract_teardown(void **state)
{
	struct contract *contract = *state;
	contract->ops->close(contract->self);
	free(contract);
	return 0;
}

/* The next event of a child, waited for at most CONTRACT_WAIT_NS. */
static void next_event(struct contract *contract, struct hal_child_event *event)
{
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	while (!hal_child_next(contract->hal, event)) {
		assert_true(hal_mono_ns(contract->hal) < until);
		hal_wait(contract->hal, until);
	}
}

static hal_child spawn(struct contract *contract, const char *name)
{
	hal_child child = 0;
	struct err_info info = {0};
	assert_int_equal(hal_child_spawn(contract->hal, HAL_ROLE_SOURCE, name, &child, &info), ERR_OK);
	assert_int_not_equal(child, 0);
	return child;
}

static void expect_frame(struct contract *contract, hal_child child, uint8_t type)
{
	struct hal_child_event event;
	next_event(contract, &event);
	assert_int_equal(event.kind, HAL_CHILD_FRAME);
	assert_int_equal(event.child, child);
	assert_int_equal(event.type, type);
}

/* A frame CONTRACT_NUMBER that carries number. */
static void expect_number(struct contract *contract, hal_child child, uint32_t number)
{
	struct hal_child_event event;
	next_event(contract, &event);
	assert_int_equal(event.kind, HAL_CHILD_FRAME);
	assert_int_equal(event.child, child);
	assert_int_equal(event.type, CONTRACT_NUMBER);
	struct reader reader;
	reader_init(&reader, event.payload, event.len);
	assert_int_equal(read_u32(&reader), number);
	assert_true(reader_end(&reader));
}

/* The end of the child, once: nothing of it comes after, and it can neither be sent to nor signalled. */
static void expect_exit(struct contract *contract, hal_child child, const char *how)
{
	struct hal_child_event event;
	next_event(contract, &event);
	assert_int_equal(event.kind, HAL_CHILD_EXITED);
	assert_int_equal(event.child, child);
	assert_non_null(event.how);
	assert_memory_equal(event.how, how, strlen(how));
	assert_int_equal(hal_child_send(contract->hal, child, 1, "x", 1), ERR_GONE);
	hal_child_signal(contract->hal, child, HAL_SIGNAL_KILL);
	hal_wait(contract->hal, hal_mono_ns(contract->hal) + 10 * NS_PER_MS);
	assert_false(hal_child_next(contract->hal, &event));
}

/* Two hundred thousand readings of the monotonic clock: none is before the one before it. */
static void clock_never_goes_back(void **state)
{
	struct contract *contract = *state;
	int64_t last = hal_mono_ns(contract->hal);
	for (int i = 0; i < 200000; i++) {
		int64_t now = hal_mono_ns(contract->hal);
		assert_true(now >= last);
		last = now;
	}
	assert_true(hal_wall_ns(contract->hal) > 0);
}

/* A wait ends by its deadline (or early, as it may), and never before time has passed where nothing else
 * happens for long enough; a deadline that has passed returns at once. */
static void wait_ends_at_its_deadline(void **state)
{
	struct contract *contract = *state;
	int64_t begin = hal_mono_ns(contract->hal);
	int64_t until = begin + 30 * NS_PER_MS;
	int waits = 0;
	while (hal_mono_ns(contract->hal) < until) {
		hal_wait(contract->hal, until);
		assert_true(++waits < 1000);
	}
	assert_true(hal_mono_ns(contract->hal) - until < 5 * NS_PER_S);
	begin = hal_mono_ns(contract->hal);
	hal_wait(contract->hal, begin - NS_PER_S);
	hal_wait(contract->hal, 0);
	hal_wait(contract->hal, begin);
	assert_true(hal_mono_ns(contract->hal) - begin < 5 * NS_PER_S);
}

/* Two draws differ, and a draw of one byte works. */
static void entropy_differs(void **state)
{
	struct contract *contract = *state;
	uint8_t a[64] = {0};
	uint8_t b[64] = {0};
	hal_entropy(contract->hal, a, sizeof a);
	hal_entropy(contract->hal, b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	hal_entropy(contract->hal, a, 1);
}

/* Files are renamed over others, removed, and told apart from absent ones. */
static void disk_renames_and_removes(void **state)
{
	struct contract *contract = *state;
	const struct hal_contract_ops *ops = contract->ops;
	struct err_info info = {0};
	char from[200];
	char to[200];
	assert_true(text_copy(from, sizeof from, span_of(ops->path(contract->self, "from"))));
	assert_true(text_copy(to, sizeof to, span_of(ops->path(contract->self, "to"))));
	assert_false(hal_disk_exists(contract->hal, from));
	assert_int_equal(hal_disk_rename(contract->hal, from, to, &info), ERR_NOT_FOUND);
	assert_non_null(strstr(info.text, from));
	ops->make_file(contract->self, from, "new");
	ops->make_file(contract->self, to, "old");
	assert_true(hal_disk_exists(contract->hal, from));
	assert_int_equal(hal_disk_rename(contract->hal, from, to, &info), ERR_OK);
	assert_false(hal_disk_exists(contract->hal, from));
	assert_true(ops->file_is(contract->self, to, "new"));
	assert_int_equal(hal_disk_remove(contract->hal, to, &info), ERR_OK);
	assert_false(hal_disk_exists(contract->hal, to));
	assert_int_equal(hal_disk_remove(contract->hal, to, &info), ERR_OK);
}

/* Free space is told for a file that does not exist yet. */
static void disk_tells_free_space(void **state)
{
	struct contract *contract = *state;
	struct err_info info = {0};
	uint64_t bytes = 0;
	assert_int_equal(
	    hal_disk_free(contract->hal, contract->ops->path(contract->self, "absent"), &bytes, &info),
	    ERR_OK);
	assert_true(bytes > 0);
}

/* Frames of many sizes, none to the largest, come back whole and in order. */
static void frames_come_back_in_order(void **state)
{
	struct contract *contract = *state;
	static const size_t sizes[] = {0,    1,     7,     8,     9,      100,
	                               4096, 65527, 65528, 65529, 200000, FRAME_PAYLOAD_MAX};
	hal_child child = spawn(contract, "echo");
	uint8_t *payload = mem_alloc(FRAME_PAYLOAD_MAX);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		memset(payload, (int)(i + 1), sizes[i]);
		assert_int_equal(hal_child_send(contract->hal, child, (uint8_t)(i + 1), payload, sizes[i]),
		                 ERR_OK);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct hal_child_event event;
		next_event(contract, &event);
		assert_int_equal(event.kind, HAL_CHILD_FRAME);
		assert_int_equal(event.type, i + 1);
		assert_int_equal(event.len, sizes[i]);
		memset(payload, (int)(i + 1), sizes[i]);
		assert_memory_equal(event.payload, payload, sizes[i]);
	}
	free(payload);
}

/* Twenty thousand small frames, sent as fast as they are taken: all come back, each once, in order. */
static void many_small_frames(void **state)
{
	struct contract *contract = *state;
	hal_child child = spawn(contract, "echo");
	uint32_t sent = 0;
	uint32_t received = 0;
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	while (received < 20000) {
		while (sent < 20000 &&
		       hal_child_send(contract->hal, child, CONTRACT_NUMBER, &sent, 4) == ERR_OK)
			sent++;
		struct hal_child_event event;
		while (hal_child_next(contract->hal, &event)) {
			uint32_t number;
			assert_int_equal(event.len, 4);
			memcpy(&number, event.payload, 4);
			assert_int_equal(number, received);
			received++;
		}
		assert_true(hal_mono_ns(contract->hal) < until);
		if (received < 20000)
			hal_wait(contract->hal, until);
	}
}

/* A child that does not read: sends are taken up to HAL_CHILD_QUEUE_MAX at least, then ERR_AGAIN; when it
 * reads, what was taken arrives, and sending works again. */
static void full_queue_says_again(void **state)
{
	struct contract *contract = *state;
	hal_child child = spawn(contract, "deaf");
	expect_frame(contract, child, CONTRACT_READY);
	uint8_t *payload = mem_alloc(10000);
	uint32_t taken = 0;
	enum err err;
	while ((err = hal_child_send(contract->hal, child, 9, payload, 10000)) == ERR_OK) {
		taken++;
		/* On Linux the kernel holds some besides; it is given nothing more by waiting. */
		assert_true(taken < 10000);
	}
	free(payload);
	assert_int_equal(err, ERR_AGAIN);
	assert_true((uint64_t)taken * 10008 > HAL_CHILD_QUEUE_MAX - 10008);
	hal_child_signal(contract->hal, child, HAL_SIGNAL_TERM);
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	for (int i = 0; i < 200; i++) {
		while ((err = hal_child_send(contract->hal, child, 9, "0123456789", 10)) == ERR_AGAIN) {
			assert_true(hal_mono_ns(contract->hal) < until);
			hal_wait(contract->hal, hal_mono_ns(contract->hal) + NS_PER_MS);
		}
		assert_int_equal(err, ERR_OK);
		taken++;
	}
	while ((err = hal_child_send(contract->hal, child, CONTRACT_END, NULL, 0)) == ERR_AGAIN)
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + NS_PER_MS);
	assert_int_equal(err, ERR_OK);
	expect_number(contract, child, taken);
	expect_exit(contract, child, "exit status 0");
}

/* SIGTERM ends a child that does not care, lets one that does say goodbye, and not a stubborn one; SIGKILL
 * that too. */
static void signals_end_children(void **state)
{
	struct contract *contract = *state;
	hal_child child = spawn(contract, "plain");
	expect_frame(contract, child, CONTRACT_READY);
	hal_child_signal(contract->hal, child, HAL_SIGNAL_TERM);
	expect_exit(contract, child, "killed by signal 15");
	child = spawn(contract, "polite");
	expect_frame(contract, child, CONTRACT_READY);
	hal_child_signal(contract->hal, child, HAL_SIGNAL_TERM);
	expect_frame(contract, child, CONTRACT_BYE);
	expect_exit(contract, child, "exit status 5");
	child = spawn(contract, "stubborn");
	expect_frame(contract, child, CONTRACT_READY);
	hal_child_signal(contract->hal, child, HAL_SIGNAL_TERM);
	int64_t until = hal_mono_ns(contract->hal) + 20 * NS_PER_MS;
	while (hal_mono_ns(contract->hal) < until) {
		struct hal_child_event event;
		hal_wait(contract->hal, until);
		assert_false(hal_child_next(contract->hal, &event));
	}
	hal_child_signal(contract->hal, child, HAL_SIGNAL_KILL);
	expect_exit(contract, child, "killed by signal 9");
}

/* What a child wrote before its end comes before the news of it, however it ends. */
static void frames_come_before_the_end(void **state)
{
	struct contract *contract = *state;
	hal_child child = spawn(contract, "burst");
	uint32_t count = 5000;
	assert_int_equal(hal_child_send(contract->hal, child, CONTRACT_NUMBER, &count, 4), ERR_OK);
	for (uint32_t i = 0; i < count; i++)
		expect_number(contract, child, i);
	expect_exit(contract, child, "exit status 3");
	child = spawn(contract, "crash");
	for (uint32_t i = 0; i < 10; i++)
		expect_number(contract, child, i);
	expect_exit(contract, child, "killed by signal 10");
	child = spawn(contract, "half");
	expect_number(contract, child, 0);
	expect_exit(contract, child, "exit status 0");
}

/* A child that sends what is no frame is killed, and its end says why; the frames before are kept. */
static void garbage_ends_a_child(void **state)
{
	struct contract *contract = *state;
	hal_child child = spawn(contract, "garbage");
	for (uint32_t i = 0; i < 3; i++)
		expect_number(contract, child, i);
	expect_exit(contract, child, "sent what is no frame: ");
}

/* A killed child's end is told once and its number is not used again. */
static void numbers_are_not_reused(void **state)
{
	struct contract *contract = *state;
	hal_child last = 0;
	for (int i = 0; i < 5; i++) {
		hal_child child = spawn(contract, "plain");
		assert_true(child != last);
		last = child;
		expect_frame(contract, child, CONTRACT_READY);
		hal_child_signal(contract->hal, child, HAL_SIGNAL_KILL);
		hal_child_signal(contract->hal, child, HAL_SIGNAL_KILL);
		expect_exit(contract, child, "killed by signal 9");
	}
}

/* HAL_CHILDREN_MAX live at once, with names up to the longest; one more is ERR_FULL until one's end was
 * taken. */
static void children_are_limited(void **state)
{
	struct contract *contract = *state;
	hal_child children[HAL_CHILDREN_MAX];
	hal_child extra;
	struct err_info info = {0};
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		children[i] = spawn(contract, "plain");
		expect_frame(contract, children[i], CONTRACT_READY);
	}
	assert_int_equal(hal_child_spawn(contract->hal, HAL_ROLE_SOURCE, "plain", &extra, &info), ERR_FULL);
	assert_true(info.text[0] != 0);
	hal_child_signal(contract->hal, children[3], HAL_SIGNAL_KILL);
	expect_exit(contract, children[3], "killed by signal 9");
	children[3] = spawn(contract, "plain");
	expect_frame(contract, children[3], CONTRACT_READY);
	for (int i = 0; i < HAL_CHILDREN_MAX; i++)
		hal_child_signal(contract->hal, children[i], HAL_SIGNAL_KILL);
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		struct hal_child_event event;
		next_event(contract, &event);
		assert_int_equal(event.kind, HAL_CHILD_EXITED);
	}
}

/* While one child sends without end, another's answers come in between. */
static void a_loud_child_starves_nobody(void **state)
{
	struct contract *contract = *state;
	hal_child loud = spawn(contract, "loud");
	hal_child echo = spawn(contract, "echo");
	for (int round = 0; round < 5; round++) {
		assert_int_equal(hal_child_send(contract->hal, echo, 8, "abc", 3), ERR_OK);
		struct hal_child_event event;
		int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
		do {
			if (!hal_child_next(contract->hal, &event)) {
				hal_wait(contract->hal, until);
				event.child = 0;
			}
			/* A core takes a bounded number of events, then waits for an instant. */
			hal_wait(contract->hal, 0);
			assert_true(hal_mono_ns(contract->hal) < until);
		} while (event.child != echo);
		assert_int_equal(event.type, 8);
	}
	hal_child_signal(contract->hal, loud, HAL_SIGNAL_KILL);
	hal_child_signal(contract->hal, echo, HAL_SIGNAL_KILL);
}

/* A request to stop is seen after a wait, and stays. */
static void stop_is_seen_and_stays(void **state)
{
	struct contract *contract = *state;
	hal_wait(contract->hal, 0);
	assert_false(hal_stop_requested(contract->hal));
	contract->ops->request_stop(contract->self);
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	hal_wait(contract->hal, until);
	assert_true(hal_stop_requested(contract->hal));
	hal_wait(contract->hal, 0);
	assert_true(hal_stop_requested(contract->hal));
	/* It ends one wait, not every later one. */
	until = hal_mono_ns(contract->hal) + 10 * NS_PER_MS;
	int waits = 0;
	while (hal_mono_ns(contract->hal) < until && ++waits < 100)
		hal_wait(contract->hal, until);
	assert_true(waits < 100);
}

#define CONTRACT_TEST(function)                                                               \
	cmocka_unit_test_prestate_setup_teardown(function, contract_setup, contract_teardown, \
	                                         (void *)(uintptr_t)ops)

int hal_contract_run(const struct hal_contract_ops *ops)
{
	const struct CMUnitTest tests[] = {
	    CONTRACT_TEST(clock_never_goes_back),
	    CONTRACT_TEST(wait_ends_at_its_deadline),
	    CONTRACT_TEST(entropy_differs),
	    CONTRACT_TEST(disk_renames_and_removes),
	    CONTRACT_TEST(disk_tells_free_space),
	    CONTRACT_TEST(frames_come_back_in_order),
	    CONTRACT_TEST(many_small_frames),
	    CONTRACT_TEST(full_queue_says_again),
	    CONTRACT_TEST(signals_end_children),
	    CONTRACT_TEST(frames_come_before_the_end),
	    CONTRACT_TEST(garbage_ends_a_child),
	    CONTRACT_TEST(numbers_are_not_reused),
	    CONTRACT_TEST(children_are_limited),
	    CONTRACT_TEST(a_loud_child_starves_nobody),
	    CONTRACT_TEST(stop_is_seen_and_stays),
	    CONTRACT_TEST(control_answers_a_request),
	    CONTRACT_TEST(control_takes_one_request_at_a_time),
	    CONTRACT_TEST(control_reports_a_client_gone),
	    CONTRACT_TEST(control_limits_a_request),
	    CONTRACT_TEST(control_limits_clients),
	    CONTRACT_TEST(control_carries_the_largest_reply),
	    CONTRACT_TEST(keys_are_made_once),
	    CONTRACT_TEST(keys_sign_as_openssl_verifies),
	    CONTRACT_TEST(keys_rotate_when_the_store_says),
	    CONTRACT_TEST(keys_prepared_may_be_forgotten),
	    CONTRACT_TEST(keys_survive_a_cut_promotion),
	    CONTRACT_TEST(keys_damaged_are_refused),
	    CONTRACT_TEST(keys_missing_are_refused),
	    CONTRACT_TEST(keys_of_a_later_program_are_refused),
	    CONTRACT_TEST(keys_take_a_seal_in_three_forms),
	    CONTRACT_TEST(keys_refuse_another_seal),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
