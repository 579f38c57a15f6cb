/*
 * answer_test.c - the bytes of answers, and lists that stay within a broker's limit.
 *
 * Why:   the cloud waits for an answer to each message; one that no broker takes would never come.
 * Owns:  nothing.
 * Rules: expected texts are written by hand from docs/contract: sorted keys, no white space.
 * Runs in: the tests.
 */
#include "connector/uplink/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_NS (INT64_C(1795270805123) * 1000000)
#define TIME   ",\"time\":\"2026-11-21T14:20:05.123Z\"}"

static void expect_result(const struct answer *answer, const char *expected)
{
	struct buf out;
	struct json_value root;
	buf_init(&out, 4096);
	command_result_write(&out, answer);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_cstr(&out), expected);
	assert_int_equal(json_open(&root, buf_span(&out), NULL), ERR_OK);
	buf_release(&out);
}

static void test_results(void **state)
{
	(void)state;
	struct answer answer = {.command = SPAN_LITERAL("digest"),
	                        .id = SPAN_LITERAL("c-1"),
	                        .state = ANSWER_DONE,
	                        .result = SPAN_LITERAL("{\"streams\":[]}"),
	                        .time_ns = NOW_NS};
	expect_result(
	    &answer,
	    "{\"command\":\"digest\",\"id\":\"c-1\",\"result\":{\"streams\":[]},\"state\":\"done\"" TIME);
	answer.state = ANSWER_ACCEPTED;
	answer.result = (struct span){NULL, 0};
	expect_result(&answer,
	              "{\"command\":\"digest\",\"id\":\"c-1\",\"result\":{},\"state\":\"accepted\"" TIME);
	answer.state = ANSWER_FAILED;
	answer.text = SPAN_LITERAL("nothing before 12 \"is\" there");
	expect_result(&answer, "{\"command\":\"digest\",\"id\":\"c-1\",\"result\":{},\"state\":\"failed\","
	                       "\"text\":\"nothing before 12 \\\"is\\\" there\"" TIME);
	answer.state = ANSWER_REJECTED;
	answer.reason = span_of(command_reason_name(COMMAND_EXPIRED));
	answer.text = SPAN_LITERAL("cut in a character: \xc3");
	expect_result(&answer,
	              "{\"command\":\"digest\",\"id\":\"c-1\",\"reason\":\"expired\",\"state\":\"rejected\","
	              "\"text\":\"cut in a character: ?\"" TIME);
}

static void test_ack(void **state)
{
	(void)state;
	struct ack_answer answer;
	struct outcome outcome = {.subject = "00100/invoice/2026/1"};
	struct buf out;
	buf_init(&out, 4096);
	ack_answer_init(&answer);
	ack_result_write(&out, &answer, SPAN_LITERAL("m-1"), NOW_NS);
	assert_string_equal(
	    buf_cstr(&out),
	    "{\"command\":\"ack\",\"id\":\"m-1\",\"result\":{\"late\":0,\"refused\":[],\"repeated\":0,"
	    "\"taken\":0,\"unknown\":[]},\"state\":\"done\"" TIME);
	for (int finding = OUTCOME_FOUND_NONE; finding <= OUTCOME_FOUND_OTHER_STREAM; finding++)
		ack_answer_count(&answer, &outcome, (enum outcome_finding)finding);
	ack_answer_refuse(&answer, SPAN_LITERAL("x\"y"), "revision is not a whole number from 1 on");
	ack_answer_count(&answer, &outcome, OUTCOME_FOUND_UNKNOWN_SUBJECT);
	buf_clear(&out);
	ack_result_write(&out, &answer, SPAN_LITERAL("m-1"), NOW_NS);
	/* Taken: none, conflict, double booking, unknown code, old revision. */
	assert_string_equal(buf_cstr(&out),
	                    "{\"command\":\"ack\",\"id\":\"m-1\",\"result\":{\"late\":1,\"refused\":["
	                    "{\"subject\":\"00100/invoice/2026/1\",\"why\":\"other stream\"},"
	                    "{\"subject\":\"x\\\"y\",\"why\":\"revision is not a whole number from 1 on\"}],"
	                    "\"repeated\":1,\"taken\":5,\"unknown\":[\"00100/invoice/2026/1\","
	                    "\"00100/invoice/2026/1\"]},\"state\":\"done\"" TIME);
	ack_answer_clear(&answer);
	buf_clear(&out);
	ack_result_write(&out, &answer, SPAN_LITERAL("m-2"), NOW_NS);
	assert_non_null(strstr(buf_cstr(&out), "\"refused\":[],\"repeated\":0,\"taken\":0,\"unknown\":[]"));
	ack_answer_release(&answer);
	buf_release(&out);
}

/* 200 subjects of the longest kind, refused with the longest reason, all fit; where every byte needs an escape, some
 * are left out, counted, and the answer is still whole. */
static void test_lists_are_limited(void **state)
{
	(void)state;
	struct ack_answer answer;
	struct outcome outcome = {.revision = 1};
	struct json_value root;
	struct buf out;
	buf_init(&out, 60000);
	ack_answer_init(&answer);
	for (int escaped = 0; escaped <= 1; escaped++) {
		memset(outcome.subject, escaped ? '"' : 'x', OUTCOME_FIELD_BYTES_MAX);
		ack_answer_clear(&answer);
		buf_clear(&out);
		for (int i = 0; i < OUTCOMES_MAX; i++) {
			if (escaped && i % 2)
				ack_answer_count(&answer, &outcome, OUTCOME_FOUND_UNKNOWN_SUBJECT);
			else
				ack_answer_refuse(&answer, span_of(outcome.subject),
				                  "document is not a text of at most 200 bytes on one line");
		}
		ack_result_write(&out, &answer, SPAN_LITERAL("m-1"), NOW_NS);
		assert_true(buf_ok(&out));
		assert_int_equal(json_open(&root, buf_span(&out), NULL), ERR_OK);
		struct json_value result = json_member(&root, "result");
		struct json_value left_out = json_member(&result, "left_out");
		int64_t count = 0;
		assert_int_equal(json_read_integer(&left_out, &count), escaped);
		assert_true(escaped ? count > 0 && count < 100 : count == 0);
	}
	ack_answer_release(&answer);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_results),
	    cmocka_unit_test(test_ack),
	    cmocka_unit_test(test_lists_are_limited),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
