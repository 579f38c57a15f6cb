/*
 * control_test.c - the control protocol: what is answered, and what is refused.
 *
 * Why:   a client must never be able to hurt the core, and every wrong request deserves its own sentence.
 * Owns:  nothing; see control_fixture.h.
 * Rules: as in control_fixture.h.
 * Runs in: the tests.
 * Tests: firmware/control*.c
 */
#include "tests/unit/control_fixture.h"

/* ---- requests ---- */

/* Everything that is no good request has its own sentence. */
static void test_bad_requests(void **state)
{
	struct world *world = *state;
	const char *no_object =
	    "the request is not one JSON object; send a line like {\"v\":1,\"cmd\":\"status\"}";
	assert_refused(world, "", "bad_request", no_object);
	assert_refused(world, "status", "bad_request", no_object);
	assert_refused(world, "[1]", "bad_request", no_object);
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\"} x", "bad_request", no_object);
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\"", "bad_request", no_object);
	assert_refused(world, "{}", "bad_request", "the request has no protocol version; send \"v\":1");
	assert_refused(world, "{\"v\":\"1\"}", "bad_request",
	               "the request has no protocol version; send \"v\":1");
	assert_refused(
	    world, "{\"v\":2,\"cmd\":\"status\"}", "unsupported",
	    "protocol version 2 is not spoken here; this agent speaks 1: use the twinpost command that came "
	    "with it");
	assert_refused(world, "{\"v\":1}", "bad_request",
	               "the request names no command; send \"cmd\":\"status\"");
	assert_refused(
	    world, "{\"v\":1,\"cmd\":\"reboot\"}", "unsupported",
	    "unknown command \"reboot\"; this agent knows status, queue, trace, exceptions, exception, "
	    "exception_ack, exception_note, exception_retry, pull, replay, resend, key_show, key_rotate, "
	    "compare_sign, compare_list, compare_show, compare_ack, compare_snooze, compare_accept, "
	    "compare_reject, compare_reopen, compare_begin, compare_differences, compare_end, "
	    "compare_repost, audit, "
	    "audit_verify, version");
	assert_refused(world, "{\"v\":1,\"cmd\":\"status\",\"limit\":1}", "bad_request",
	               "unknown argument \"limit\"; status takes none");
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"colour\":1}", "bad_request",
	               "unknown argument \"colour\"; queue takes stream, limit");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\"}", "bad_request",
	               "trace needs the argument subject");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"\"}", "bad_request",
	               "subject must be a text; allowed are 1 to 200 bytes");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":5}", "bad_request",
	               "subject must be a text; allowed are 1 to 200 bytes");
	assert_refused(world, "{\"v\":1,\"cmd\":\"exceptions\",\"all\":1}", "bad_request",
	               "all must be true or false");
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":5,\"limit\":6}", "bad_request",
	               "limit is given twice; give it once");
	/* Blanks behind the object, and a carriage return, are nobody's mistake. */
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"version\"} \r"));
}

/* A limit at its edges: 1 and 1000 are taken; 0, 1001, halves, infinity and texts are not. */
static void test_limits(void **state)
{
	struct world *world = *state;
	static const char *const bad[] = {"0", "1001", "1.5", "-1", "1e400", "\"5\"", "true", "null"};
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":1}"));
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":1000}"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char request[128];
		(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"queue\",\"limit\":%s}", bad[i]);
		assert_refused(world, request, "bad_request",
		               "limit must be a whole number; allowed is 1 to 1000");
	}
	char request[512];
	char subject[202];
	memset(subject, 'x', sizeof subject);
	subject[201] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"%s\"}", subject);
	assert_refused(world, request, "bad_request", "subject must be a text; allowed are 1 to 200 bytes");
	subject[200] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"%s\"}", subject);
	assert_null(ask(world, request));
	assert_string_equal(text(world->root, "code"), "not_found");
}

/* Nesting as deep as a request can be, and bytes that are no UTF-8, are refused in good JSON. */
static void test_hostile(void **state)
{
	struct world *world = *state;
	struct buf deep;
	buf_init(&deep, HAL_CONTROL_REQUEST_MAX);
	for (unsigned i = 0; i < HAL_CONTROL_REQUEST_MAX; i++)
		buf_append_char(&deep, '[');
	assert_null(ask_span(world, buf_span(&deep)));
	buf_release(&deep);
	assert_null(ask(world, "{\"v\":1,\"cmd\":\"\xff\xfe\"}"));
	assert_non_null(strstr(text(world->root, "error"), "unknown command \"??\""));
	assert_null(ask_span(world, (struct span){"{\"v\":1,\0}", 9}));
}

/* ---- answers ---- */

/* version: who answers. */
static void test_version(void **state)
{
	struct world *world = *state;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"version\"}");
	assert_string_equal(text(data, "version"), "0.1.0");
	assert_int_equal(number(data, "protocol"), 1);
	/* NOW_NS less 90 s. */
	assert_string_equal(text(data, "started"), "2024-02-29T09:28:35.000Z");
}

/* queue: each stream's oldest, their age, the limit, one stream, an unknown one. */
static void test_queue(void **state)
{
	struct world *world = *state;
	world->store.streams[1].acked_sequence = 0;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"queue\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "documents")), 6);
	assert_int_equal(number(data, "waiting"), 6);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
	const cJSON *first = cJSON_GetArrayItem(list(data, "documents"), 0);
	assert_string_equal(text(first, "stream"), "00001");
	assert_int_equal(number(first, "sequence"), 7);
	assert_int_equal(number(first, "age_s"), 300);
	assert_int_equal(number(first, "bytes"), 612);
	data = ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":2,\"stream\":\"00070\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "documents")), 2);
	assert_int_equal(number(data, "waiting"), 3);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_refused(world, "{\"v\":1,\"cmd\":\"queue\",\"stream\":\"x\"}", "not_found",
	               "there is no stream \"x\"; known: 00001, 00070");
	/* Exactly as many as asked for: nothing more. */
	data = ask(world, "{\"v\":1,\"cmd\":\"queue\",\"limit\":3,\"stream\":\"00070\"}");
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
}

/* trace: lines with what applies to each, and a sentence for an unknown subject. */
static void test_trace(void **state)
{
	struct world *world = *state;
	const cJSON *data =
	    ask(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"00001/invoice/2024/RI-1001\"}");
	const cJSON *lines = list(data, "lines");
	assert_int_equal(cJSON_GetArraySize(lines), 2);
	assert_string_equal(text(cJSON_GetArrayItem(lines, 0), "at"), "2024-02-29T09:30:05.000Z");
	assert_int_equal(number(cJSON_GetArrayItem(lines, 0), "sequence"), 7);
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(lines, 1), "sequence"));
	assert_string_equal(text(cJSON_GetArrayItem(lines, 1), "text"), "the broker said \"no\"");
	assert_refused(world, "{\"v\":1,\"cmd\":\"trace\",\"subject\":\"RI-1001\"}", "not_found",
	               "nothing is known of \"RI-1001\"; a subject is entity/type/year/number, such as "
	               "00001/invoice/2024/RI-1001");
}

/* exceptions: pages by id without a gap or a double; raw bytes that are no UTF-8 become '?'. */
static void test_exceptions(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 5;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":3}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 3);
	assert_int_equal(number(data, "open"), 5);
	assert_int_equal(number(data, "next"), 3);
	const cJSON *first = cJSON_GetArrayItem(list(data, "exceptions"), 0);
	assert_int_equal(number(first, "id"), 5);
	assert_string_equal(text(first, "raw"), "GLAA=?\"\n");
	assert_string_equal(text(first, "owner"), "data_quality");
	assert_int_equal(number(first, "age_s"), 60);
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":3,\"before\":3}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 2);
	assert_int_equal(number(cJSON_GetArrayItem(list(data, "exceptions"), 0), "id"), 2);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"all\":true}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 6);
}

/* --owner: the others are passed over, and a page says where the next one begins. */
static void test_exceptions_of_owner(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 6; /* the even ones are of mapping */
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"mapping\",\"limit\":2}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 2);
	assert_int_equal(number(cJSON_GetArrayItem(list(data, "exceptions"), 1), "id"), 4);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_int_equal(number(data, "next"), 3);
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"mapping\",\"before\":3}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 1);
	assert_int_equal(number(cJSON_GetArrayItem(list(data, "exceptions"), 0), "id"), 2);
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"policy\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 0);
	assert_int_equal(number(data, "open"), 6);
	assert_refused(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"finance\"}", "bad_request",
	               "owner \"finance\" is none; allowed are technical, data_quality, mapping, policy");
}

/* One answer looks at 10,000 rows at most, and says where to go on. */
static void test_exceptions_scan_bound(void **state)
{
	struct world *world = *state;
	world->store.exceptions = 10001;
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"policy\"}");
	assert_int_equal(cJSON_GetArraySize(list(data, "exceptions")), 0);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_int_equal(number(data, "next"), 2);
	world->store.exceptions = 10000;
	data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"owner\":\"policy\"}");
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(data, "more")));
}

/* A thousand exceptions with long texts do not fit: the answer stays below 1 MiB, is whole, and says "more". */
static void test_large_answer(void **state)
{
	struct world *world = *state;
	char *control = malloc(400);
	assert_non_null(control);
	memset(control, 1, 400); /* six bytes each as JSON */
	world->store.exceptions = 1000;
	world->store.exception_text = (struct span){control, 400};
	const cJSON *data = ask(world, "{\"v\":1,\"cmd\":\"exceptions\",\"limit\":1000}");
	assert_non_null(data);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "more")));
	assert_true(world->reply.len < HAL_CONTROL_REPLY_MAX);
	int shown = cJSON_GetArraySize(list(data, "exceptions"));
	assert_true(shown > 200 && shown < 1000);
	assert_int_equal(number(data, "next"), 1000 - shown + 1);
	free(control);
}

/* pull: all sources, one, an unknown one, which pokes none. */
static void test_pull(void **state)
{
	struct world *world = *state;
	assert_int_equal(cJSON_GetArraySize(list(ask(world, "{\"v\":1,\"cmd\":\"pull\"}"), "sources")), 2);
	assert_non_null(ask(world, "{\"v\":1,\"cmd\":\"pull\",\"source\":\"archive\"}"));
	assert_int_equal(world->pulls[0].poked, 1);
	assert_int_equal(world->pulls[1].poked, 2);
	assert_refused(world, "{\"v\":1,\"cmd\":\"pull\",\"source\":\"x\"}", "not_found",
	               "there is no source \"x\"; configured: erp, archive");
	assert_int_equal(world->pulls[0].poked, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_bad_requests),
	    TEST(test_limits),
	    TEST(test_hostile),
	    TEST(test_version),
	    TEST(test_queue),
	    TEST(test_trace),
	    TEST(test_exceptions),
	    TEST(test_exceptions_of_owner),
	    TEST(test_exceptions_scan_bound),
	    TEST(test_large_answer),
	    TEST(test_pull),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
