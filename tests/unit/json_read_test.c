/*
 * json_read_test.c - what is JSON, what is none, and what is read of it.
 *
 * Why:   a command or an outcome that two readers understand differently is a hole.
 * Owns:  nothing.
 * Rules: what must be taken and refused follows RFC 8259 and RFC 7493 by hand, clause beside the case.
 * Runs in: the tests.
 */
#include "connector/uplink/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum err open_text(struct json_value *root, const char *text)
{
	struct err_info info;
	return json_open(root, span_of(text), &info);
}

static void test_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum json_kind kind;
	} cases[] = {
	    {"{}", JSON_OBJECT},
	    {" \t\r\n{ } \n", JSON_OBJECT},
	    {"[]", JSON_LIST},
	    {"[ [ ] , { } , \"\" ]", JSON_LIST},
	    {"\"\"", JSON_TEXT},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\uDD1E\"", JSON_TEXT},
	    {"\"\x7f\xc3\xa4\xf0\x9d\x84\x9e\"", JSON_TEXT}, /* DEL need not be escaped: RFC 8259, 7 */
	    {"0", JSON_NUMBER},
	    {"-0", JSON_NUMBER},
	    {"-12.50e+10", JSON_NUMBER},
	    {"1E400", JSON_NUMBER},
	    {"true", JSON_TRUE},
	    {"false", JSON_FALSE},
	    {"null", JSON_NULL},
	    {"{\"a\":1,\"A\":2,\"\":3}", JSON_OBJECT},
	    {"{\"a\":{\"a\":{\"a\":1}}}", JSON_OBJECT},
	    {"[[[[[[[[1]]]]]]]]", JSON_LIST}, /* JSON_DEPTH_MAX */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_value root;
		if (open_text(&root, cases[i].text) != ERR_OK || root.kind != cases[i].kind)
			fail_msg("%s was not taken", cases[i].text);
	}
}

static const struct {
	const char *text;
	const char *why; /* in the sentence */
} refused[] = {
    {"", "empty"},
    {" ", "at byte 2: a value"},
    {"\xef\xbb\xbf{}", "at byte 1:"}, /* RFC 8259, 8.1: no byte order mark */
    {"\v{}", "at byte 1:"},
    {"{} {}", "at byte 4: nothing may follow"},
    {"{}x", "nothing may follow"},
    {"[1,]", "at byte 4:"},
    {"[,1]", "at byte 2:"},
    {"[1 2]", "comma or ]"},
    {"[1", "comma or ]"},
    {"{\"a\":1,}", "in quotes"},
    {"{\"a\" 1}", "colon"},
    {"{\"a\":}", "digit"},
    {"{a:1}", "in quotes"},
    {"{'a':1}", "in quotes"},
    {"{1:1}", "in quotes"},
    {"{\"a\":1", "comma or }"},
    {"{\"a\":1]", "comma or }"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "there before"}, /* RFC 7493, 2.3 */
    {"{\"a\":1,\"c\":2,\"b\":3,\"c\":4}", "there before"},
    {"{\"b\":1,\"a\":2,\"c\":3,\"b\":4}", "there before"},
    {"{\"a\":1,\"\\u0062\":2,\"b\":3}", "there before"},
    {"{\"a\":1,\"a\":2}", "there before"},
    {"{\"a\":1,\"\\u0061\":2}", "there before"},                       /* the same key */
    {"{\"\\u00e4\":1,\"\xc3\xa4\":2}", "there before"},                /* the same key */
    {"{\"\\ud834\\udd1e\":1,\"\xf0\x9d\x84\x9e\":2}", "there before"}, /* the same key */
    {"{\"\\/\":1,\"/\":2}", "there before"},
    {"01", "nothing may follow"},
    {"-01", "nothing may follow"},
    {"+1", "digit"},
    {"-", "digit"},
    {".5", "digit"},
    {"1.", "after the point"},
    {"1.e1", "after the point"},
    {"1e", "exponent"},
    {"1e+", "exponent"},
    {"1e+-1", "exponent"},
    {"0x10", "nothing may follow"},
    {"NaN", "digit"},
    {"Infinity", "digit"},
    {"-Infinity", "digit"},
    {"tru", "value is due"},
    {"True", "digit"},
    {"nulll", "nothing may follow"},
    {"\"", "does not end"},
    {"\"\\", "does not end"},
    {"\"\\\"", "does not end"},
    {"\"\\a\"", "no such escape"},
    {"\"\\u12\"", "four hex digits"},
    {"\"\\u12g4\"", "four hex digits"},
    {"\"\\uX000\"", "four hex digits"},
    {"\"\\u0000\"", "NUL"},
    {"{\"a\\u0000\":1}", "NUL"},
    {"\"\\ud834\"", "surrogate"}, /* RFC 7493, 2.1 */
    {"\"\\ud834x\"", "surrogate"},
    {"\"\\ud834\\n\"", "surrogate"},
    {"\"\\ud834\\u0041\"", "surrogate"},
    {"\"\\ud834\\ud834\"", "surrogate"},
    {"\"\\udd1e\"", "surrogate"},
    {"\"\\ud834\\udd1\"", "surrogate"},
    {"\"\t\"", "control character"}, /* RFC 8259, 7 */
    {"\"a\nb\"", "at byte 3: a control character"},
    {"\"\x1f\"", "control character"},
    {"\"\xff\"", "not UTF-8"},
    {"\"\xc0\x80\"", "not UTF-8"},
    {"\"\xed\xa0\x80\"", "not UTF-8"},
    {"// note\n{}", "digit"},
    {"{\"a\":[1,2}", "comma or ]"},
    {"[[[[[[[[[1]]]]]]]]]", "at byte 9: objects and lists are too deep"},
    {"{\"a\":[[[[[[[{}]]]]]]]}", "too deep"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct json_value root;
		struct err_info info;
		enum err err = json_open(&root, span_of(refused[i].text), &info);
		if (err == ERR_OK || root.kind != JSON_NONE || !strstr(info.text, refused[i].why))
			fail_msg("%s: %s", refused[i].text, err == ERR_OK ? "was taken" : info.text);
		assert_int_equal(err, strstr(info.text, "too deep") ? ERR_TOO_LARGE : ERR_BAD_INPUT);
	}
}

/* A raw NUL anywhere, which a zero-terminated case cannot hold. */
static void test_raw_nul(void **state)
{
	(void)state;
	const struct span cases[] = {SPAN_LITERAL("\"a\0b\""), SPAN_LITERAL("{}\0"),     SPAN_LITERAL("\0{}"),
	                             SPAN_LITERAL("{\0}"),     SPAN_LITERAL("\"\\\0\""), SPAN_LITERAL("1\0")};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_value root;
		assert_int_equal(json_open(&root, cases[i], NULL), ERR_BAD_INPUT);
	}
}

/* {"m000":0,...} with this many members. */
static enum err open_members(int count)
{
	struct buf text;
	struct json_value root;
	buf_init(&text, 4096);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s\"m%03d\":%d", i ? "," : "{", i, i);
	buf_append_char(&text, '}');
	assert_true(buf_ok(&text));
	enum err err = json_open(&root, buf_span(&text), NULL);
	buf_release(&text);
	return err;
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(open_members(JSON_MEMBERS_MAX), ERR_OK);
	assert_int_equal(open_members(JSON_MEMBERS_MAX + 1), ERR_TOO_LARGE);
	/* A quarter of a megabyte of brackets is refused at the ninth. */
	static char brackets[256 * 1024];
	struct json_value root;
	memset(brackets, '[', sizeof brackets);
	assert_int_equal(json_open(&root, (struct span){brackets, sizeof brackets}, NULL), ERR_TOO_LARGE);
}

static void test_walk(void **state)
{
	(void)state;
	static const char text[] =
	    " { \"a,]}\\\"\" : [ 1 , {\"b\":[]} ,\"]\\\\\"] ,\"n\":-1.5e3\t, \"t\":true,\"o\": {} } ";
	static const struct {
		const char *key;
		enum json_kind kind;
		const char *raw;
	} members[] = {
	    {"a,]}\"", JSON_LIST, "[ 1 , {\"b\":[]} ,\"]\\\\\"]"},
	    {"n", JSON_NUMBER, "-1.5e3"},
	    {"t", JSON_TRUE, "true"},
	    {"o", JSON_OBJECT, "{}"},
	};
	static const char *const entries[] = {"1", "{\"b\":[]}", "\"]\\\\\""};
	struct json_value root;
	struct json_value key;
	struct json_value value;
	struct json_walk walk;
	assert_int_equal(open_text(&root, text), ERR_OK);
	json_walk_init(&walk, &root);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		assert_true(json_walk_next(&walk, &key, &value));
		assert_true(json_text_is(&key, members[i].key));
		assert_int_equal(value.kind, members[i].kind);
		assert_true(span_equal(value.raw, span_of(members[i].raw)));
	}
	assert_false(json_walk_next(&walk, &key, &value));
	struct json_value list = json_member(&root, "a,]}\"");
	json_walk_init(&walk, &list);
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		assert_true(json_walk_next(&walk, &key, &value));
		assert_int_equal(key.kind, JSON_NONE);
		assert_true(span_equal(value.raw, span_of(entries[i])));
	}
	assert_false(json_walk_next(&walk, NULL, &value));
	assert_int_equal(json_member(&root, "b").kind, JSON_NONE);
	assert_int_equal(json_member(&root, "").kind, JSON_NONE);
}

/* U+1D11E is F0 9D 84 9E in UTF-8 (Unicode 15, table 3-6), \u00e4 is C3 A4, \u20ac is E2 82 AC. */
static void test_text(void **state)
{
	(void)state;
	static const char text[] = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud834\\udd1e.\"";
	static const char expected[] = "\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e.";
	struct json_value value;
	char plain[sizeof expected];
	assert_int_equal(open_text(&value, text), ERR_OK);
	assert_true(json_read_text(&value, plain, sizeof plain));
	assert_string_equal(plain, expected);
	assert_false(json_read_text(&value, plain, sizeof plain - 1));
	assert_string_equal(plain, "");
	assert_true(json_text_is(&value, expected));
	assert_false(json_text_is(&value, ""));
	assert_int_equal(open_text(&value, "\"\""), ERR_OK);
	assert_true(json_read_text(&value, plain, 1));
	assert_true(json_text_is(&value, ""));
	assert_int_equal(open_text(&value, "17"), ERR_OK);
	assert_false(json_text_is(&value, "17"));
}

static void test_integer(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool whole;
		int64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"4711", true, 4711},
	    {"9007199254740991", true, INT64_C(9007199254740991)}, /* 2^53 - 1: RFC 7493, 2.2 */
	    {"-9007199254740991", true, -INT64_C(9007199254740991)},
	    {"9007199254740992", false, 0},
	    {"9007199254740993", false, 0}, /* as a double: ...992 */
	    {"-9007199254740992", false, 0},
	    {"99999999999999999999999999999999999999999999999999", false, 0},
	    {"1.0", false, 0},
	    {"1e3", false, 0},
	    {"\"1\"", false, 0},
	    {"true", false, 0},
	    {"null", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_value value;
		int64_t number = -77;
		assert_int_equal(open_text(&value, cases[i].text), ERR_OK);
		if (json_read_integer(&value, &number) != cases[i].whole)
			fail_msg("%s", cases[i].text);
		assert_int_equal(number, cases[i].whole ? cases[i].value : -77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),   cmocka_unit_test(test_refused), cmocka_unit_test(test_raw_nul),
	    cmocka_unit_test(test_limits),  cmocka_unit_test(test_walk),    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_integer),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
