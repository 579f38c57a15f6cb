/*
 * base_test.c - spans, buffers, readers, errors, the log, state machines and secrets' references.
 *
 * Why:   every process and every frame stands on these.
 * Owns:  nothing.
 * Rules: what ends in abort() is tried in a child process, and its message is looked at.
 * Runs in: the tests.
 */
#include "hal/base/bytes.h"
#include "hal/base/log.h"
#include "hal/base/secret.h"
#include "hal/base/sm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/expect_bug.h"

/* ---- err ---- */

/* Every code has its own name, in lower case after the identifier, and a sentence. */
static void test_err_names(void **state)
{
	(void)state;
	static const char *const identifiers[] = {
#define IDENTIFIER(name, text) #name,
	    ERR_LIST(IDENTIFIER)
#undef IDENTIFIER
	};
	for (int code = 0; code < ERR_COUNT; code++) {
		assert_int_equal(strcasecmp(err_name((enum err)code), identifiers[code]), 0);
		assert_true(strlen(err_text((enum err)code)) > 1);
	}
	assert_string_equal(err_name(ERR_BAD_INPUT), "bad_input");
}

static void test_err_set(void **state)
{
	(void)state;
	struct err_info info;
	char large[2 * ERR_TEXT_MAX];
	memset(&info, 0xff, sizeof info);
	assert_int_equal(err_set(&info, ERR_IO, "%s broke in line %d", "it", 7), ERR_IO);
	assert_int_equal(info.code, ERR_IO);
	assert_string_equal(info.text, "it broke in line 7");
	assert_int_equal(err_set(NULL, ERR_FULL, "nobody asks"), ERR_FULL);
	memset(large, 'x', sizeof large);
	large[sizeof large - 1] = 0;
	(void)err_set(&info, ERR_IO, "%s", large);
	assert_int_equal(strlen(info.text), ERR_TEXT_MAX - 1);
}

static void check_something_false(void)
{
	int apples = 1;
	CHECK(apples == 2);
}

static void set_ok(void)
{
	(void)err_set(NULL, ERR_OK, "no failure is no failure");
}

static void name_of_no_code(void)
{
	(void)err_name(ERR_COUNT);
}

static void test_bugs_abort(void **state)
{
	(void)state;
	expect_bug(check_something_false, "apples == 2 is false at tests/unit/base_test.c:");
	expect_bug(set_ok, "bug: ");
	expect_bug(name_of_no_code, "bug: ");
}

/* ---- spans ---- */

static void test_spans(void **state)
{
	(void)state;
	struct span none = span_of(NULL);
	assert_true(none.data == NULL && none.len == 0);
	assert_int_equal(span_of("abc").len, 3);
	assert_true(span_equal(SPAN_LITERAL("abc"), span_of("abc")));
	assert_true(span_equal(none, SPAN_LITERAL("")));
	assert_false(span_equal(SPAN_LITERAL("abc"), SPAN_LITERAL("abd")));
	assert_false(span_equal(SPAN_LITERAL("abc"), SPAN_LITERAL("ab")));
	assert_true(span_compare(SPAN_LITERAL("ab"), SPAN_LITERAL("abc")) < 0);
	assert_true(span_compare(SPAN_LITERAL("b"), SPAN_LITERAL("abc")) > 0);
	assert_true(span_compare(SPAN_LITERAL("\xff"), SPAN_LITERAL("a")) > 0);
	assert_int_equal(span_compare(none, SPAN_LITERAL("")), 0);
	assert_true(span_compare(none, SPAN_LITERAL("a")) < 0);
	assert_true(span_equal(span_trim(SPAN_LITERAL("  a b ")), SPAN_LITERAL("a b")));
	assert_int_equal(span_trim(SPAN_LITERAL("    ")).len, 0);
	assert_int_equal(span_trim(none).len, 0);
	assert_true(span_equal(span_trim(SPAN_LITERAL("\ta\n")), SPAN_LITERAL("\ta\n"))); /* blanks only */
}

static void test_text_and_hex(void **state)
{
	(void)state;
	char text[4] = "xxx";
	uint8_t bytes[3] = {0};
	char hex[7];
	assert_true(text_copy(text, sizeof text, SPAN_LITERAL("abc")));
	assert_string_equal(text, "abc");
	assert_false(text_copy(text, sizeof text, SPAN_LITERAL("abcd")));
	assert_string_equal(text, "");
	assert_true(text_copy(text, sizeof text, (struct span){NULL, 0}));
	assert_true(text_copy(text, 1, SPAN_LITERAL("")));
	assert_true(hex_decode(bytes, 3, SPAN_LITERAL("00a9ff")));
	assert_memory_equal(bytes, "\x00\xa9\xff", 3);
	hex_encode(hex, bytes, 3);
	assert_string_equal(hex, "00a9ff");
	assert_false(hex_decode(bytes, 3, SPAN_LITERAL("00a9f")));
	assert_false(hex_decode(bytes, 3, SPAN_LITERAL("00a9ff00")));
	assert_false(hex_decode(bytes, 3, SPAN_LITERAL("00A9FF"))); /* one form only */
	assert_false(hex_decode(bytes, 3, SPAN_LITERAL("00a9fg")));
	char *copy = mem_copy_text((struct span){"abcdef", 3});
	assert_string_equal(copy, "abc");
	free(copy);
	copy = mem_copy_text((struct span){NULL, 0});
	assert_string_equal(copy, "");
	free(copy);
}

/* ---- buffers ---- */

/* It fills to its last byte; the append that would not fit is refused whole and remembered; clear forgets. */
static void test_buf_limit(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	assert_null(buf.data);
	buf_append(&buf, "12345", 5);
	buf_append_text(&buf, "6789");
	buf_append_char(&buf, '0');
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_cstr(&buf), "1234567890");
	buf_append(&buf, "", 0);
	assert_true(buf_ok(&buf));
	buf_append_char(&buf, 'x');
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.len, 10);
	buf_clear(&buf);
	buf_append(&buf, "12345678901", 11);
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.len, 0);
	buf_append_char(&buf, 'x'); /* would fit, but the builder has lost already */
	assert_int_equal(buf.len, 0);
	buf_clear(&buf);
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_cstr(&buf), "");
	buf_release(&buf);
	assert_true(buf.data == NULL && buf.max == 10);
	assert_string_equal(buf_cstr(&buf), ""); /* of a buffer that has no memory yet */
	buf_release(&buf);
}

static void test_buf_growth(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1u << 20);
	for (uint32_t i = 0; i < (1u << 18); i++)
		buf_u32(&buf, i * UINT32_C(2654435761));
	assert_true(buf_ok(&buf));
	assert_int_equal(buf.len, 1u << 20);
	struct reader reader;
	reader_init(&reader, buf.data, buf.len);
	for (uint32_t i = 0; i < (1u << 18); i++)
		assert_int_equal(read_u32(&reader), i * UINT32_C(2654435761));
	assert_true(reader_end(&reader));
	buf_u8(&buf, 0);
	assert_false(buf_ok(&buf));
	buf_release(&buf);
}

static void test_buf_printf(void **state)
{
	(void)state;
	struct buf buf;
	char large[1025];
	buf_init(&buf, 4096);
	buf_printf(&buf, "%d-%s", 7, "a");
	assert_string_equal(buf_cstr(&buf), "7-a");
	memset(large, 'x', sizeof large);
	large[1023] = 0;
	buf_clear(&buf);
	buf_printf(&buf, "%s", large);
	assert_true(buf_ok(&buf) && buf.len == 1023);
	large[1023] = 'x';
	large[1024] = 0;
	buf_printf(&buf, "%s", large);
	assert_true(!buf_ok(&buf) && buf.len == 1023);
	buf_release(&buf);
}

static void test_buf_patch_consume_reserve(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 300);
	buf_u32(&buf, 0);
	buf_append_text(&buf, "abc");
	buf_patch_u32(&buf, 0, 0x04030201);
	assert_memory_equal(buf.data,
	                    "\x01\x02\x03\x04"
	                    "abc",
	                    7);
	buf_consume(&buf, 5);
	assert_memory_equal(buf.data, "bc", 2);
	buf_consume(&buf, 2);
	assert_int_equal(buf.len, 0);
	uint8_t *room = buf_reserve(&buf, 300);
	assert_non_null(room);
	memset(room, 'r', 300);
	buf_added(&buf, 299);
	assert_int_equal(buf_span(&buf).len, 299);
	assert_null(buf_reserve(&buf, 2));
	assert_false(buf_ok(&buf));
	buf_patch_u32(&buf, 0, 0); /* of a refused buffer: nothing */
	assert_int_equal(buf.data[0], 'r');
	buf_release(&buf);
}

static void patch_past_the_end(void)
{
	struct buf buf;
	buf_init(&buf, 100);
	buf_append_text(&buf, "abc");
	buf_patch_u32(&buf, 0, 1);
}

static void consume_too_much(void)
{
	struct buf buf;
	buf_init(&buf, 100);
	buf_append_text(&buf, "abc");
	buf_consume(&buf, 4);
}

static void test_buf_bugs(void **state)
{
	(void)state;
	expect_bug(patch_past_the_end, "bytes.c");
	expect_bug(consume_too_much, "bytes.c");
}

/* ---- readers ---- */

/* Little-endian, byte for byte; then every cut of the message fails once and for good. */
static void test_reader(void **state)
{
	(void)state;
	struct buf buf;
	struct reader reader;
	buf_init(&buf, 100);
	buf_u8(&buf, 0xfe);
	buf_u16(&buf, 0xfedc);
	buf_u32(&buf, 0xfedcba98);
	buf_u64(&buf, UINT64_C(0xfedcba9876543210));
	buf_string(&buf, SPAN_LITERAL("abc"));
	buf_string(&buf, (struct span){NULL, 0});
	assert_int_equal(buf.len, 26);
	assert_memory_equal(
	    buf.data, "\xfe\xdc\xfe\x98\xba\xdc\xfe\x10\x32\x54\x76\x98\xba\xdc\xfe\x03\0\0\0abc\0\0\0\0",
	    26);
	for (size_t len = 0; len <= buf.len; len++) {
		char *exact =
		    malloc(len ? len : 1); /* so that a read past the end is seen by the sanitizer */
		assert_non_null(exact);
		memcpy(exact, buf.data, len);
		reader_init(&reader, exact, len);
		assert_int_equal(reader_left(&reader), len);
		uint64_t first = read_u8(&reader);
		assert_int_equal(first, len >= 1 ? 0xfe : 0);
		assert_int_equal(read_u16(&reader), len >= 3 ? 0xfedc : 0);
		assert_int_equal(read_u32(&reader), len >= 7 ? 0xfedcba98 : 0);
		assert_true(read_u64(&reader) == (len >= 15 ? UINT64_C(0xfedcba9876543210) : 0));
		assert_true(
		    span_equal(read_string(&reader), len >= 22 ? SPAN_LITERAL("abc") : SPAN_LITERAL("")));
		assert_int_equal(read_string(&reader).len, 0);
		assert_int_equal(reader_ok(&reader), len == buf.len);
		assert_int_equal(reader_end(&reader), len == buf.len);
		assert_int_equal(reader_left(&reader), 0);
		free(exact);
	}
	reader_init(&reader, buf.data, buf.len);
	(void)read_u8(&reader);
	assert_true(reader_ok(&reader) && !reader_end(&reader)); /* bytes are left over */
	buf_release(&buf);
}

/* A length that lies, up to 4 GiB, reads nothing; an empty input is at its end at once. */
static void test_reader_lies(void **state)
{
	(void)state;
	struct reader reader;
	static const uint8_t lies[] = {0xff, 0xff, 0xff, 0xff, 'a', 'b'};
	reader_init(&reader, lies, sizeof lies);
	assert_int_equal(read_string(&reader).len, 0);
	assert_false(reader_ok(&reader));
	assert_int_equal(read_u8(&reader), 0);
	assert_false(reader_ok(&reader));
	reader_init(&reader, NULL, 0);
	assert_true(reader_end(&reader));
	assert_int_equal(read_bytes(&reader, 0).len, 0);
	assert_true(reader_end(&reader));
	reader_init(&reader, lies, sizeof lies);
	assert_memory_equal(read_bytes(&reader, 6).data, lies, 6);
	assert_true(reader_end(&reader));
	assert_int_equal(read_bytes(&reader, SIZE_MAX).len, 0);
	assert_false(reader_ok(&reader));
}

/* ---- log ---- */

struct lines {
	int count;
	enum log_level level;
	char last[LOG_LINE_MAX + 1];
};

static void keep_line(void *self, enum log_level level, const char *line)
{
	struct lines *lines = self;
	lines->count++;
	lines->level = level;
	assert_true(strlen(line) < LOG_LINE_MAX);
	assert_true(text_copy(lines->last, sizeof lines->last, span_of(line)));
}

static void test_log(void **state)
{
	(void)state;
	struct lines lines = {0};
	struct log log = {.sink = keep_line, .self = &lines, .level = LOG_LEVEL_NOTICE};
	log_event(&log, LOG_STORE_FULL, "store=%s: %d bytes", "a.db", 7);
	assert_string_equal(lines.last, "<3>402 store-full store=a.db: 7 bytes");
	assert_int_equal(lines.level, LOG_LEVEL_ERROR);
	/* Above the level: not written. */
	log_event(&log, LOG_STATE_ENTERED, "x=%d: y", 1);
	assert_int_equal(lines.count, 1);
	/* What the outside sends cannot make a second line. */
	log_event(&log, LOG_AGENT_STARTED, "%s", "a\nb\rc\x1b[2J\x7f\xc3\xbc");
	assert_string_equal(lines.last, "<5>100 agent-started a?b?c?[2J?\xc3\xbc");
	/* Cut, and said so. */
	char large[2 * LOG_LINE_MAX];
	memset(large, 'x', sizeof large);
	large[sizeof large - 1] = 0;
	log_event(&log, LOG_AGENT_STARTED, "%s", large);
	assert_int_equal(strlen(lines.last), LOG_LINE_MAX - 1);
	assert_string_equal(lines.last + LOG_LINE_MAX - 4, "...");
	log_event(NULL, LOG_AGENT_STARTED, "nobody hears it");
	log.sink = NULL;
	log_event(&log, LOG_AGENT_STARTED, "nor this");
	assert_int_equal(lines.count, 3);
}

/* Numbers are never reused: none stands twice in the list. */
static void test_log_numbers(void **state)
{
	(void)state;
	static const int numbers[] = {
#define NUMBER(number, name, level, text) number,
	    LOG_EVENTS(NUMBER)
#undef NUMBER
	};
	for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_true(numbers[i] > numbers[i - 1]);
}

static void log_an_unknown_event(void)
{
	struct log log;
	log_init_stderr(&log, LOG_LEVEL_DEBUG);
	log_event(&log, (enum log_event)1, "%s", "");
}

static void log_to_stderr_and_abort(void)
{
	struct log log;
	log_init_stderr(&log, LOG_LEVEL_DEBUG);
	log_event(&log, LOG_CLOCK_STEPPED, "by=%d: an hour back", -3600);
	abort();
}

static void test_log_stderr(void **state)
{
	(void)state;
	expect_bug(log_an_unknown_event, "bug: ");
	expect_bug(log_to_stderr_and_abort, "<4>700 clock-stepped by=-3600: an hour back\n");
}

/* ---- state machines ---- */

enum door { DOOR_OPEN, DOOR_SHUT, DOOR_LOCKED, DOOR_COUNT };

static const struct sm_state doors[DOOR_COUNT] = {
    [DOOR_OPEN] = {"open", SM_NEXT(DOOR_SHUT)},
    [DOOR_SHUT] = {"shut", SM_NEXT(DOOR_OPEN) | SM_NEXT(DOOR_LOCKED)},
    [DOOR_LOCKED] = {"locked", SM_NEXT(DOOR_SHUT)},
};

static void count_calls(const void *owner)
{
	int *const *calls = owner;
	(**calls)++;
}

/* A move that the table has is made, traced in one line and followed by the invariant. */
static void test_sm(void **state)
{
	(void)state;
	struct lines lines = {0};
	struct log log = {.sink = keep_line, .self = &lines, .level = LOG_LEVEL_DEBUG};
	struct sm sm;
	int calls = 0;
	int *owner = &calls;
	sm_init(&sm, doors, DOOR_COUNT, DOOR_OPEN, "door=front", &log);
	assert_string_equal(sm_name(&sm), "open");
	sm.invariant = count_calls;
	sm.owner = &owner;
	sm_enter(&sm, DOOR_SHUT, "wind");
	assert_string_equal(lines.last, "<7>103 state-entered door=front from=open to=shut: wind");
	sm_enter(&sm, DOOR_LOCKED, "night");
	assert_string_equal(sm_name(&sm), "locked");
	assert_int_equal(sm.state, DOOR_LOCKED);
	assert_int_equal(calls, 2);
	assert_int_equal(lines.count, 2);
}

static void lock_the_open_door(void)
{
	struct sm sm;
	sm_init(&sm, doors, DOOR_COUNT, DOOR_OPEN, "door=front", NULL);
	sm_enter(&sm, DOOR_LOCKED, "hurry");
}

static void enter_no_state(void)
{
	struct sm sm;
	sm_init(&sm, doors, DOOR_COUNT, DOOR_OPEN, "door=front", NULL);
	sm_enter(&sm, DOOR_COUNT, "nowhere");
}

static void start_nowhere(void)
{
	struct sm sm;
	sm_init(&sm, doors, DOOR_COUNT, -1, "door=front", NULL);
}

static void test_sm_bugs(void **state)
{
	(void)state;
	expect_bug(lock_the_open_door, "sm.c");
	expect_bug(enter_no_state, "sm.c");
	expect_bug(start_nowhere, "sm.c");
}

/* ---- secrets ---- */

static bool decode_secret(const struct buf *buf, struct secret_reference *reference)
{
	struct reader reader;
	reader_init(&reader, buf->data, buf->len);
	return secret_reference_decode(reference, &reader) && reader_end(&reader);
}

/* Every kind goes through a frame and comes back; its bytes are u8 kind, u32 length, name. */
static void test_secret_reference(void **state)
{
	(void)state;
	struct buf buf;
	struct secret_reference reference;
	buf_init(&buf, 1024);
	for (int kind = SECRET_NONE; kind <= SECRET_CREDENTIAL; kind++) {
		struct secret_reference sent = {.kind = (enum secret_kind)kind, .name = "erp-password"};
		buf_clear(&buf);
		secret_reference_encode(&buf, &sent);
		assert_int_equal(buf.data[0], kind);
		assert_memory_equal(buf.data + 1, "\x0c\0\0\0erp-password", 16);
		assert_true(decode_secret(&buf, &reference));
		assert_int_equal(reference.kind, kind);
		assert_string_equal(reference.name, "erp-password");
		for (size_t cut = 0; cut < buf.len; cut++) {
			struct buf part = buf;
			part.len = cut;
			assert_false(decode_secret(&part, &reference));
			assert_int_equal(reference.kind, SECRET_NONE);
		}
	}
	buf_release(&buf);
}

/* An unknown kind, a name of 256 bytes (255 fit) and a zero byte in a name are refused. */
static void test_secret_reference_refused(void **state)
{
	(void)state;
	struct buf buf;
	struct secret_reference reference;
	char name[SECRET_REFERENCE_MAX];
	memset(name, 'n', sizeof name);
	buf_init(&buf, 1024);
	buf_u8(&buf, SECRET_CREDENTIAL + 1);
	buf_string(&buf, SPAN_LITERAL("x"));
	assert_false(decode_secret(&buf, &reference));
	buf_clear(&buf);
	buf_u8(&buf, SECRET_FILE);
	buf_string(&buf, (struct span){name, SECRET_REFERENCE_MAX - 1});
	assert_true(decode_secret(&buf, &reference));
	assert_int_equal(strlen(reference.name), SECRET_REFERENCE_MAX - 1);
	buf_clear(&buf);
	buf_u8(&buf, SECRET_FILE);
	buf_string(&buf, (struct span){name, SECRET_REFERENCE_MAX});
	assert_false(decode_secret(&buf, &reference));
	buf_clear(&buf);
	buf_u8(&buf, SECRET_FILE);
	buf_string(&buf, SPAN_LITERAL("/etc/a\0b"));
	assert_false(decode_secret(&buf, &reference));
	buf_release(&buf);
}

static void test_secret_wiped(void **state)
{
	(void)state;
	static const struct secret nothing = {0};
	struct secret secret = {.len = 6, .bytes = "hunter"};
	secret_release(&secret);
	assert_memory_equal(&secret, &nothing, sizeof secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_err_names),
	    cmocka_unit_test(test_err_set),
	    cmocka_unit_test(test_bugs_abort),
	    cmocka_unit_test(test_spans),
	    cmocka_unit_test(test_text_and_hex),
	    cmocka_unit_test(test_buf_limit),
	    cmocka_unit_test(test_buf_growth),
	    cmocka_unit_test(test_buf_printf),
	    cmocka_unit_test(test_buf_patch_consume_reserve),
	    cmocka_unit_test(test_buf_bugs),
	    cmocka_unit_test(test_reader),
	    cmocka_unit_test(test_reader_lies),
	    cmocka_unit_test(test_log),
	    cmocka_unit_test(test_log_numbers),
	    cmocka_unit_test(test_log_stderr),
	    cmocka_unit_test(test_sm),
	    cmocka_unit_test(test_sm_bugs),
	    cmocka_unit_test(test_secret_reference),
	    cmocka_unit_test(test_secret_reference_refused),
	    cmocka_unit_test(test_secret_wiped),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
