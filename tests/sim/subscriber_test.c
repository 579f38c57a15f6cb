/*
 * subscriber_test.c - the model subscriber finds what it is there to find.
 *
 * Why:   a judge that lets everything pass makes every simulation green.
 * Owns:  nothing.
 * Rules: each test takes a good run of events and spoils one thing.
 * Runs in: tests.
 * Tests: is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/uplink/envelope.h"
#include "tests/sim/subscriber.h"

#define EVENTS 5
#define SOURCE "urn:twinpost:sim:box:00000:1700000000"
#define TOPIC  "tp1/sim/box/up/post/00000"

struct run {
	struct subscriber subscriber;
	struct buf events[EVENTS];
};

/* Five events: customers 1, 2, 3, then 1 again as its revision 2, then 4. */
static void make_events(struct run *run, const char *spoiled_data)
{
	static const int customers[EVENTS] = {1, 2, 3, 1, 4};
	struct digest chain = chain_start(SPAN_LITERAL(SOURCE));
	for (int i = 0; i < EVENTS; i++) {
		char subject[60];
		char data[100];
		(void)snprintf(subject, sizeof subject, "00000/customer/0/%d", customers[i]);
		(void)snprintf(data, sizeof data, "{\"currency\":\"USD\",\"legal_name\":\"%s %d\"}",
		               spoiled_data && i == 1 ? spoiled_data : "customer", i);
		const struct span bytes = span_of(data);
		const struct envelope envelope = {
		    .source = SPAN_LITERAL(SOURCE),
		    .sequence = i + 1,
		    .kind = envelope_kind_of(DOCUMENT_CUSTOMER),
		    .change = i == 3 ? ENVELOPE_AMENDED : ENVELOPE_RECORDED,
		    .subject = span_of(subject),
		    .revision = i == 3 ? 2 : 1,
		    .recorded_ns = INT64_C(1700000000000000000),
		    .phase = CONFIG_PHASE_SHADOW,
		    .profile_version = SPAN_LITERAL("jde/1"),
		    .data = bytes,
		    .data_digest = digest_of(&bytes, 1),
		};
		struct digest leaf;
		buf_init(&run->events[i], 4000);
		envelope_write(&envelope, &chain, &run->events[i], &leaf, &chain);
		assert_true(buf_ok(&run->events[i]));
	}
}

static int set_up(void **state)
{
	struct run *run = mem_alloc(sizeof *run);
	subscriber_open(&run->subscriber);
	make_events(run, NULL);
	*state = run;
	return 0;
}

static int tear_down(void **state)
{
	struct run *run = *state;
	for (int i = 0; i < EVENTS; i++)
		buf_release(&run->events[i]);
	subscriber_close(&run->subscriber);
	free(run);
	return 0;
}

static void receive(struct run *run, int event)
{
	subscriber_receive(&run->subscriber, SPAN_LITERAL(TOPIC), buf_span(&run->events[event]));
}

static void expect_finding(const struct run *run, const char *part)
{
	if (!strstr(run->subscriber.finding, part))
		print_error("finding: %s\n", run->subscriber.finding);
	assert_non_null(strstr(run->subscriber.finding, part));
}

/* Replaces the first occurrence of `from` by `to`, of the same length. */
static void spoil(struct run *run, int event, const char *from, const char *to)
{
	struct buf *buf = &run->events[event];
	char *at = memmem(buf->data, buf->len, from, strlen(from));
	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

/* A good run, with a message that came again and one that came late, has no finding. */
static void a_good_run_passes(void **state)
{
	struct run *run = *state;
	static const int order[] = {0, 1, 1, 3, 4, 0, 2, 4, 3};
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		receive(run, order[i]);
	assert_string_equal(run->subscriber.finding, "");
	assert_int_equal(run->subscriber.received, 9);
	assert_int_equal(run->subscriber.duplicates, 4);
}

/* The same sequence with another content. */
static void other_bytes_are_found(void **state)
{
	struct run *run = *state;
	receive(run, 0);
	receive(run, 1);
	struct buf kept = run->events[1];
	struct buf others[EVENTS];
	memcpy(others, run->events, sizeof others);
	make_events(run, "different");
	receive(run, 1);
	expect_finding(run, "came again with other bytes");
	assert_ptr_equal(kept.data, others[1].data);
	for (int i = 0; i < EVENTS; i++)
		buf_release(&others[i]);
}

/* A figure changed on the way: the id no longer follows from the content. */
static void changed_data_is_found(void **state)
{
	struct run *run = *state;
	spoil(run, 0, "customer 0\"}", "customer 9\"}");
	receive(run, 0);
	expect_finding(run, "does not follow from its content");
}

/* A time changed on the way: the chain breaks. */
static void a_changed_attribute_is_found(void **state)
{
	struct run *run = *state;
	receive(run, 0);
	spoil(run, 1, "2023-11-14", "2023-11-15");
	receive(run, 1);
	expect_finding(run, "the chain is broken");
}

static void a_wrong_topic_is_found(void **state)
{
	struct run *run = *state;
	subscriber_receive(&run->subscriber, SPAN_LITERAL("tp1/sim/box/up/post/00001"),
	                   buf_span(&run->events[0]));
	expect_finding(run, "came on topic");
}

/* Half an event, and what is no JSON. */
static void no_event_is_found(void **state)
{
	struct run *run = *state;
	struct span event = buf_span(&run->events[0]);
	event.len /= 2;
	subscriber_receive(&run->subscriber, SPAN_LITERAL(TOPIC), event);
	expect_finding(run, "not an event");
}

/* A new epoch that gives revision 1 of a known subject again: the register was lost. */
static void a_doubled_revision_is_found(void **state)
{
	struct run *run = *state;
	receive(run, 0);
	const struct span data = SPAN_LITERAL("{\"currency\":\"USD\",\"legal_name\":\"again\"}");
	const struct span source = SPAN_LITERAL("urn:twinpost:sim:box:00000:1700000099");
	const struct envelope envelope = {
	    .source = source,
	    .sequence = 1,
	    .kind = envelope_kind_of(DOCUMENT_CUSTOMER),
	    .subject = SPAN_LITERAL("00000/customer/0/1"),
	    .revision = 1,
	    .profile_version = SPAN_LITERAL("jde/1"),
	    .data = data,
	    .data_digest = digest_of(&data, 1),
	};
	struct digest chain = chain_start(source);
	struct digest leaf;
	struct buf event;
	buf_init(&event, 4000);
	envelope_write(&envelope, &chain, &event, &leaf, &chain);
	subscriber_receive(&run->subscriber, SPAN_LITERAL(TOPIC), buf_span(&event));
	buf_release(&event);
	expect_finding(run, "revision 1 part 1 of 1 came after 1");
}

static int64_t fixed_time(void *self)
{
	(void)self;
	return INT64_C(1709280000) * 1000000000;
}

/* Against the books: what is missing, what is too much, what has another figure, what waits behind a gap. */
static void differences_to_the_books_are_told(void **state)
{
	struct run *run = *state;
	struct sim_random random;
	struct erp_books books;
	char why[600];
	sim_random_init(&random, 1);
	erp_books_open(&books, &random, fixed_time, NULL);
	assert_true(subscriber_equals(&run->subscriber, &books, why));
	receive(run, 0);
	assert_false(subscriber_equals(&run->subscriber, &books, why));
	assert_non_null(strstr(why, "the ERP has no such posted document"));
	assert_int_equal(
	    sqlite3_exec(books.db, "INSERT INTO F0101(ABAN8,ABALPH) VALUES (1,'customer 0'),(2,'customer 1')",
	                 NULL, NULL, NULL),
	    SQLITE_OK);
	assert_false(subscriber_equals(&run->subscriber, &books, why));
	assert_non_null(strstr(why, "00000/customer/0/2: not received"));
	receive(run, 1);
	assert_true(subscriber_equals(&run->subscriber, &books, why));
	assert_int_equal(
	    sqlite3_exec(books.db, "UPDATE F0101 SET ABALPH='other' WHERE ABAN8=2", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_false(subscriber_equals(&run->subscriber, &books, why));
	assert_non_null(strstr(why, "name other in the ERP"));
	assert_int_equal(
	    sqlite3_exec(books.db, "UPDATE F0101 SET ABALPH='customer 1' WHERE ABAN8=2", NULL, NULL, NULL),
	    SQLITE_OK);
	receive(run, 3);
	assert_false(subscriber_equals(&run->subscriber, &books, why));
	assert_non_null(strstr(why, "the one after 2 is missing"));
	assert_string_equal(run->subscriber.finding, "");
	erp_books_close(&books);
}

#define RUN(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN(a_good_run_passes),           RUN(other_bytes_are_found),
	    RUN(changed_data_is_found),       RUN(a_changed_attribute_is_found),
	    RUN(a_wrong_topic_is_found),      RUN(no_event_is_found),
	    RUN(a_doubled_revision_is_found), RUN(differences_to_the_books_are_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
