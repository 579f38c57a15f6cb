/*
 * outcome_test.c - messages of outcomes: what is read, what is refused and why, and every limit at its edge.
 *
 * Why:   an outcome that is lost in reading is a posting that nobody knows the fate of.
 * Owns:  nothing.
 * Rules: members, limits and classes are written down from docs/contract, Outcomes.
 * Runs in: the tests.
 */
#include "connector/uplink/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads a message with this one outcome. */
static enum outcome_next read_one(struct outcome *outcome, const char **why, const char *object)
{
	static char text[OUTCOME_MESSAGE_BYTES_MAX];
	struct outcome_message message;
	struct err_info info;
	int len = snprintf(text, sizeof text, "{\"id\":\"m-1\",\"outcomes\":[%s]}", object);
	assert_true(len > 0 && (size_t)len < sizeof text);
	if (outcome_message_open(&message, span_of(text), &info) != ERR_OK)
		fail_msg("%s: %s", text, info.text);
	assert_int_equal(message.count, 1);
	enum outcome_next next = outcome_next(&message, outcome, why);
	struct outcome end;
	const char *nothing;
	assert_int_equal(outcome_next(&message, &end, &nothing), OUTCOME_END);
	return next;
}

#define REQUIRED "\"subject\":\"00100/invoice/2026/1\",\"revision\":1,\"outcome\":\"BOOKED\""

static void test_whole(void **state)
{
	(void)state;
	struct outcome outcome;
	const char *why;
	assert_int_equal(
	    read_one(
		&outcome, &why,
		"{\"corrects\":\"REJECTED\",\"time\":\"2026-11-21T14:20:05.123Z\",\"text\":\"two\\n"
		"lines\",\"class\":\"mapping\",\"reason\":\"M17\",\"ledger\":\"0L\",\"date\":\"2026-11-21\","
		"\"document\":\"47\\u00e411\",\"unheard\":{\"of\":[1,2]}," REQUIRED "}"),
	    OUTCOME_READ);
	assert_string_equal(outcome.subject, "00100/invoice/2026/1");
	assert_int_equal(outcome.revision, 1);
	assert_int_equal(outcome.code, OUTCOME_BOOKED);
	assert_string_equal(outcome.word, "BOOKED");
	assert_string_equal(outcome.document, "47\xc3\xa4"
	                                      "11");
	assert_string_equal(outcome.date, "2026-11-21");
	assert_string_equal(outcome.ledger, "0L");
	assert_string_equal(outcome.reason, "M17");
	assert_string_equal(outcome.reason_class, "mapping");
	assert_string_equal(outcome.text, "two\nlines");
	assert_int_equal(outcome.corrects, OUTCOME_REJECTED);
	assert_true(outcome.at_ns == INT64_C(1795270805123) * 1000000);
	/* Nothing but what is required; null and "" are as if absent. */
	assert_int_equal(
	    read_one(
		&outcome, &why,
		"{\"document\":null,\"date\":\"\",\"time\":null,\"corrects\":\"\",\"text\":null," REQUIRED
		"}"),
	    OUTCOME_READ);
	assert_string_equal(outcome.document, "");
	assert_string_equal(outcome.date, "");
	assert_int_equal(outcome.at_ns, 0);
	assert_int_equal(outcome.corrects, OUTCOME_NONE);
}

static void test_codes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int code; /* as stored: these never change */
		bool final;
	} codes[] = {
	    {"RECEIVED", 1, false}, {"VALIDATED", 2, false},   {"PARTIAL", 3, false},
	    {"BOOKED", 4, true},    {"REJECTED", 5, true},     {"DUPLICATE", 6, true},
	    {"booked", 7, false},   {"HALF BOOKED", 7, false}, {"OTHER", 7, false},
	};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct outcome outcome;
		const char *why;
		char object[128];
		(void)snprintf(object, sizeof object, "{\"subject\":\"a\",\"revision\":9,\"outcome\":\"%s\"}",
		               codes[i].name);
		assert_int_equal(read_one(&outcome, &why, object), OUTCOME_READ);
		assert_int_equal(outcome.code, codes[i].code);
		assert_string_equal(outcome.word, codes[i].name);
		assert_int_equal(outcome_is_final(outcome.code), codes[i].final);
		if (codes[i].code != 7)
			assert_string_equal(outcome_code_name(outcome.code), codes[i].name);
	}
	assert_string_equal(outcome_code_name(OUTCOME_NONE), "");
}

/* Class of a rejection -> whose work it is. */
static void test_classes(void **state)
{
	(void)state;
	static const struct {
		const char *given;
		const char *kept;
		enum store_owner owner;
	} classes[] = {
	    {"mapping", "mapping", STORE_OWNER_MAPPING},
	    {"period", "period", STORE_OWNER_POLICY},
	    {"policy", "policy", STORE_OWNER_POLICY},
	    {"master_data", "master_data", STORE_OWNER_DATA_QUALITY},
	    {"amount", "amount", STORE_OWNER_DATA_QUALITY},
	    {"technical", "technical", STORE_OWNER_TECHNICAL},
	    {"other", "other", STORE_OWNER_DATA_QUALITY},
	    {"astrology", "other", STORE_OWNER_DATA_QUALITY},
	    {"", "other", STORE_OWNER_DATA_QUALITY},
	};
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		struct outcome outcome;
		const char *why;
		char object[160];
		(void)snprintf(object, sizeof object,
		               "{\"subject\":\"a\",\"revision\":9,\"outcome\":\"REJECTED\",\"class\":\"%s\"}",
		               classes[i].given);
		assert_int_equal(read_one(&outcome, &why, object), OUTCOME_READ);
		assert_string_equal(outcome.reason_class, classes[i].kept);
		assert_int_equal(outcome.owner, classes[i].owner);
	}
}

/* One bad outcome is refused with its reason. */
static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *object;
		const char *why;
	} cases[] = {
	    {"7", "not an object"},
	    {"[]", "not an object"},
	    {"{}", "subject is missing"},
	    {"{\"subject\":\"\",\"revision\":1,\"outcome\":\"BOOKED\"}", "subject is missing"},
	    {"{\"subject\":null,\"revision\":1,\"outcome\":\"BOOKED\"}", "subject is missing"},
	    {"{\"subject\":7,\"revision\":1,\"outcome\":\"BOOKED\"}", "subject is not a text"},
	    {"{\"subject\":\"a\\tb\",\"revision\":1,\"outcome\":\"BOOKED\"}", "subject is not a text"},
	    {"{\"subject\":\"a\\u007fb\",\"revision\":1,\"outcome\":\"BOOKED\"}", "subject is not a text"},
	    {"{\"subject\":\"a\",\"outcome\":\"BOOKED\"}", "revision is not"},
	    {"{\"subject\":\"a\",\"revision\":0,\"outcome\":\"BOOKED\"}", "revision is not"},
	    {"{\"subject\":\"a\",\"revision\":\"1\",\"outcome\":\"BOOKED\"}", "revision is not"},
	    {"{\"subject\":\"a\",\"revision\":1.0,\"outcome\":\"BOOKED\"}", "revision is not"},
	    {"{\"subject\":\"a\",\"revision\":9007199254740992,\"outcome\":\"BOOKED\"}", "revision is not"},
	    {"{\"subject\":\"a\",\"revision\":1}", "outcome is missing"},
	    {"{\"subject\":\"a\",\"revision\":1,\"outcome\":\"\"}", "outcome is missing"},
	    {"{\"subject\":\"a\",\"revision\":1,\"outcome\":4}", "outcome is not a text"},
	    {"{\"document\":4711," REQUIRED "}", "document is not a text"},
	    {"{\"ledger\":[]," REQUIRED "}", "ledger is not a text"},
	    {"{\"reason\":\"a\\nb\"," REQUIRED "}", "reason is not a text"},
	    {"{\"class\":true," REQUIRED "}", "class is not a text"},
	    {"{\"text\":{}," REQUIRED "}", "text is not a text"},
	    {"{\"date\":\"21.11.2026\"," REQUIRED "}", "date is not"},
	    {"{\"date\":\"2026-02-29\"," REQUIRED "}", "date is not"},
	    {"{\"date\":\"2026-11-21T00:00:00Z\"," REQUIRED "}", "date is not"},
	    {"{\"date\":\" 2026-11-2\"," REQUIRED "}", "date is not"},
	    {"{\"time\":\"2026-11-21T14:20:05Z\"," REQUIRED "}", "time is not"},
	    {"{\"time\":1795270805," REQUIRED "}", "time is not"},
	    {"{\"corrects\":true," REQUIRED "}", "corrects is not"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome outcome;
		const char *why = NULL;
		if (read_one(&outcome, &why, cases[i].object) != OUTCOME_REFUSED ||
		    !strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].object, why ? why : "was taken");
	}
}

static void test_text_limits(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		int limit;
	} fields[] = {{"subject", 200}, {"outcome", 200}, {"document", 200}, {"ledger", 200},
	              {"reason", 200},  {"class", 200},   {"corrects", 200}, {"text", 1000}};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		for (int over = 0; over <= 1; over++) {
			struct outcome outcome;
			const char *why = "";
			char filler[1002];
			char object[1300];
			memset(filler, 'x', sizeof filler);
			filler[fields[i].limit + over] = 0;
			(void)snprintf(
			    object, sizeof object, "{\"%s\":\"%s\"%s%s,\"revision\":1}", fields[i].key,
			    filler, strcmp(fields[i].key, "subject") == 0 ? "" : ",\"subject\":\"a\"",
			    strcmp(fields[i].key, "outcome") == 0 ? "" : ",\"outcome\":\"BOOKED\"");
			enum outcome_next next = read_one(&outcome, &why, object);
			if (next != (over ? OUTCOME_REFUSED : OUTCOME_READ))
				fail_msg("%s %d: %s", fields[i].key, fields[i].limit + over, why);
			assert_true(!over || strncmp(why, fields[i].key, strlen(fields[i].key)) == 0);
		}
	}
}

/* A bad one does not stop the others, and its subject is told where it could be read. */
static void test_others_go_on(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"outcomes\":[{\"subject\":\"a\",\"revision\":1,\"outcome\":\"RECEIVED\"},"
	    "{\"subject\":\"b\",\"revision\":-1,\"outcome\":\"RECEIVED\"},null,"
	    "{\"subject\":\"c\",\"revision\":3,\"outcome\":\"BOOKED\"}],"
	    "\"time\":\"2026-11-21T14:20:05.123Z\",\"id\":\"A_z.9-\"}";
	struct outcome_message message;
	struct outcome outcome;
	const char *why;
	assert_int_equal(outcome_message_open(&message, span_of(text), NULL), ERR_OK);
	assert_string_equal(message.id, "A_z.9-");
	assert_true(message.time_ns == INT64_C(1795270805123) * 1000000);
	assert_int_equal(message.count, 4);
	assert_int_equal(outcome_next(&message, &outcome, &why), OUTCOME_READ);
	assert_string_equal(outcome.subject, "a");
	assert_int_equal(outcome_next(&message, &outcome, &why), OUTCOME_REFUSED);
	assert_string_equal(outcome.subject, "b");
	assert_int_equal(outcome_next(&message, &outcome, &why), OUTCOME_REFUSED);
	assert_string_equal(outcome.subject, "");
	assert_int_equal(outcome_next(&message, &outcome, &why), OUTCOME_READ);
	assert_string_equal(outcome.subject, "c");
	assert_int_equal(outcome.revision, 3);
	assert_int_equal(outcome_next(&message, &outcome, &why), OUTCOME_END);
}

/* Messages of which nothing is taken; the id, where it can be read, lets them be answered. */
static void test_bad_messages(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *why;
		const char *id;
	} cases[] = {
	    {"", "empty", ""},
	    {"{\"id\":\"m\"", "JSON", ""},
	    {"[]", "one JSON object", ""},
	    {"{\"outcomes\":[{}]}", "id must", ""},
	    {"{\"id\":7,\"outcomes\":[{}]}", "id must", ""},
	    {"{\"id\":\"\",\"outcomes\":[{}]}", "id must", ""},
	    {"{\"id\":\"a b\",\"outcomes\":[{}]}", "id must", ""},
	    {"{\"id\":\"m\"}", "outcomes must be a list", "m"},
	    {"{\"id\":\"m\",\"outcomes\":{}}", "outcomes must be a list", "m"},
	    {"{\"id\":\"m\",\"outcomes\":[]}", "outcomes is empty", "m"},
	    {"{\"id\":\"m\",\"outcomes\":[{}],\"time\":\"now\"}", "time is not", "m"},
	    {"{\"id\":\"m\",\"outcomes\":[{\"a\":1,\"a\":2}]}", "there before", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome_message message;
		struct err_info info;
		if (outcome_message_open(&message, span_of(cases[i].text), &info) == ERR_OK ||
		    !strstr(info.text, cases[i].why))
			fail_msg("%s", cases[i].text);
		assert_string_equal(message.id, cases[i].id);
	}
}

static enum err open_many(int count, size_t padding, int id_bytes)
{
	struct buf text;
	struct outcome_message message;
	buf_init(&text, 2 * OUTCOME_MESSAGE_BYTES_MAX);
	buf_printf(&text, "{\"id\":\"%0*d\",\"outcomes\":[", id_bytes, 0);
	for (int i = 0; i < count; i++)
		buf_append_text(&text, i ? ",7" : "7");
	buf_append_text(&text, "]}");
	while (text.len < padding)
		buf_append_char(&text, ' ');
	enum err err = outcome_message_open(&message, buf_span(&text), NULL);
	buf_release(&text);
	return err;
}

static void test_message_limits(void **state)
{
	(void)state;
	assert_int_equal(open_many(200, 0, 1), ERR_OK);
	assert_int_equal(open_many(201, 0, 1), ERR_TOO_LARGE);
	assert_int_equal(open_many(1, 262144, 1), ERR_OK);
	assert_int_equal(open_many(1, 262145, 1), ERR_TOO_LARGE);
	assert_int_equal(open_many(1, 0, 64), ERR_OK);
	assert_int_equal(open_many(1, 0, 65), ERR_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),        cmocka_unit_test(test_codes),
	    cmocka_unit_test(test_classes),      cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_text_limits),  cmocka_unit_test(test_others_go_on),
	    cmocka_unit_test(test_bad_messages), cmocka_unit_test(test_message_limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
