/*
 * command_test.c - every reason for which a command is refused, and what is read of those that are not.
 *
 * Why:   a command taken wrongly moves somebody's postings; one refused wrongly leaves a gap open.
 * Owns:  one struct command, too large for a stack.
 * Rules: the expected reasons, limits and their order are written down from docs/contract, not from the code.
 * Runs in: the tests.
 */
#include "connector/uplink/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-21T14:20:05.123Z by date(1). */
#define NOW_NS (INT64_C(1795270805123) * 1000000)

#define HEAD    "tp1/cmd/v1\ntarget acme/gw-01\nid c-1\n"
#define IN_TIME "expires 2026-11-21T15:00:00.000Z\n"
#define STATE   "command state.get\nbody {}\n"
#define GOOD    HEAD IN_TIME STATE

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct command));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static struct command_facts good_facts(void)
{
	return (struct command_facts){
	    .signature = NOTE_GOOD, .target = SPAN_LITERAL("acme/gw-01"), .now_ns = NOW_NS};
}

static struct command_verdict judge(struct command *command, const char *text,
                                    const struct command_facts *facts)
{
	struct command_verdict verdict;
	struct err_info info;
	bool decoded = command_decode(command, span_of(text), &info) == ERR_OK;
	assert_true(decoded == command->decoded);
	command_judge(command, facts, &verdict);
	assert_true((verdict.text[0] == 0) ==
	            (verdict.reason == COMMAND_DO || verdict.reason == COMMAND_AGAIN));
	return verdict;
}

/* The lines of a good one, each where it belongs. */
static void test_decode(void **state)
{
	struct command *command = *state;
	static const char text[] = HEAD IN_TIME "command proof.get\nbody {\"stream\":\"00100\"}\n";
	struct span whole = span_of(text);
	assert_int_equal(command_decode(command, whole, NULL), ERR_OK);
	assert_true(command->decoded);
	assert_true(span_equal(command->target, SPAN_LITERAL("acme/gw-01")));
	assert_true(span_equal(command->id, SPAN_LITERAL("c-1")));
	/* date -u -d 2026-11-21T15:00:00Z +%s */
	assert_true(command->expires_ns == INT64_C(1795273200) * 1000000000);
	assert_true(span_equal(command->word, SPAN_LITERAL("proof.get")));
	assert_true(span_equal(command->body, SPAN_LITERAL("{\"stream\":\"00100\"}")));
	assert_int_equal(command->kind, COMMAND_PROOF_GET);
	struct digest expected = digest_of(&whole, 1);
	assert_true(digest_equal(&command->digest, &expected));
}

static void test_malformed(void **state)
{
	struct command *command = *state;
	static const char *const texts[] = {
	    "",
	    "\n",
	    "tp1/cmd/v1",
	    "tp1/cmd/v2\ntarget acme/gw-01\nid c-1\n" IN_TIME STATE,
	    " " GOOD,
	    "tp1/cmd/v1 \ntarget acme/gw-01\nid c-1\n" IN_TIME STATE,
	    "tp1/cmd/v1\nid c-1\ntarget acme/gw-01\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget \nid c-1\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget acme gw-01\nid c-1\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget  acme/gw-01\nid c-1\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget acme/gw-01\nid \n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget acme/gw-01\nid c 1\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget acme/gw-01\nid c/1\n" IN_TIME STATE,
	    "tp1/cmd/v1\ntarget acme/gw-01\nid c-1\r\n" IN_TIME STATE,
	    HEAD STATE,
	    HEAD "expires 2026-11-21T15:00:00Z\n" STATE,
	    HEAD "expires tomorrow\n" STATE,
	    HEAD "expires 2026-11-21T15:00:00.000+01:00\n" STATE,
	    HEAD IN_TIME "body {}\n",
	    HEAD IN_TIME "command \nbody {}\n",
	    HEAD IN_TIME "command state get\nbody {}\n",
	    HEAD IN_TIME "command state.get\n",
	    HEAD IN_TIME "command state.get\nbody \n",
	    HEAD IN_TIME "command state.get\nbody {}",
	    GOOD "\n",
	    GOOD "more\n",
	    GOOD GOOD,
	};
	struct command_facts facts = good_facts();
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct command_verdict verdict = judge(command, texts[i], &facts);
		if (verdict.reason != COMMAND_MALFORMED || verdict.answer || verdict.remember)
			fail_msg("%s", texts[i]);
	}
}

/* id 64, word 32, text 16384 bytes: taken; one more: not. */
static void test_line_limits(void **state)
{
	struct command *command = *state;
	static const struct {
		const char *format;
		int limit;
	} lines[] = {
	    {"tp1/cmd/v1\ntarget acme/gw-01\nid %s\n" IN_TIME STATE, 64},
	    {HEAD IN_TIME "command %s\nbody {}\n", 32},
	};
	static char text[COMMAND_TEXT_BYTES_MAX + 2];
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char filler[80] = "";
		memset(filler, 'x', (size_t)lines[i].limit);
		(void)snprintf(text, sizeof text, lines[i].format, filler);
		assert_int_equal(command_decode(command, span_of(text), NULL), ERR_OK);
		filler[lines[i].limit] = 'x';
		(void)snprintf(text, sizeof text, lines[i].format, filler);
		assert_int_equal(command_decode(command, span_of(text), NULL), ERR_BAD_INPUT);
	}
	/* Blanks in the body fill it up. */
	static const char front[] = HEAD IN_TIME "command state.get\nbody {";
	memset(text, ' ', sizeof text);
	memcpy(text, front, sizeof front - 1);
	memcpy(text + COMMAND_TEXT_BYTES_MAX - 2, "}\n", 2);
	struct command_facts facts = good_facts();
	struct command_verdict verdict;
	assert_int_equal(command_decode(command, (struct span){text, COMMAND_TEXT_BYTES_MAX}, NULL), ERR_OK);
	command_judge(command, &facts, &verdict);
	assert_int_equal(verdict.reason, COMMAND_DO);
	memcpy(text + COMMAND_TEXT_BYTES_MAX - 2, " }\n", 3);
	assert_int_equal(command_decode(command, (struct span){text, COMMAND_TEXT_BYTES_MAX + 1}, NULL),
	                 ERR_BAD_INPUT);
}

/*
 * The order of the checks. From the last check to the first, one more thing is wrong in each row, and everything that
 * was wrong before stays wrong: each row's own check must come first.
 */
static void test_order(void **state)
{
	struct command *command = *state;
	struct span other = SPAN_LITERAL("another text");
	struct digest earlier = digest_of(&other, 1);
	struct command_facts facts = good_facts();
	static const char *const bad_body = HEAD IN_TIME "command state.get\nbody []\n";
	static const char *const unknown = HEAD IN_TIME "command format.disk\nbody []\n";
	static const char *const late =
	    HEAD "expires 2026-11-28T14:20:05.124Z\ncommand format.disk\nbody []\n";
	static const char *const old =
	    HEAD "expires 2026-11-21T14:20:05.123Z\ncommand format.disk\nbody []\n";
	struct {
		const char *text;
		bool reused;
		const char *target;
		enum note_verdict signature;
		bool retained;
		const char *reason;
		bool answer;
		bool remember;
	} rows[] = {
	    {GOOD, false, "acme/gw-01", NOTE_GOOD, false, "", true, true},
	    {bad_body, false, "acme/gw-01", NOTE_GOOD, false, "bad-body", true, true},
	    {unknown, false, "acme/gw-01", NOTE_GOOD, false, "unknown-command", true, true},
	    {unknown, true, "acme/gw-01", NOTE_GOOD, false, "id-reused", true, false},
	    {late, true, "acme/gw-01", NOTE_GOOD, false, "expires-too-late", true, false},
	    {old, true, "acme/gw-01", NOTE_GOOD, false, "expired", true, false},
	    {old, true, "acme/gw-02", NOTE_GOOD, false, "wrong-target", false, false},
	    {old, true, "acme/gw-02", NOTE_BAD_SIGNATURE, false, "bad-signature", false, false},
	    {old, true, "acme/gw-02", NOTE_UNSIGNED, false, "unsigned", false, false},
	    {old, true, "acme/gw-02", NOTE_MALFORMED, false, "malformed", false, false},
	    {"no command", true, "acme/gw-02", NOTE_UNSIGNED, false, "malformed", false, false},
	    {"no command", true, "acme/gw-02", NOTE_UNSIGNED, true, "retained", false, false},
	    {GOOD, false, "acme/gw-01", NOTE_GOOD, true, "retained", true, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		facts.earlier = rows[i].reused ? &earlier : NULL;
		facts.target = span_of(rows[i].target);
		facts.signature = rows[i].signature;
		facts.retained = rows[i].retained;
		struct command_verdict verdict = judge(command, rows[i].text, &facts);
		if (strcmp(command_reason_name(verdict.reason), rows[i].reason) != 0)
			fail_msg("row %zu: %s, not %s", i, command_reason_name(verdict.reason),
			         rows[i].reason);
		assert_int_equal(verdict.answer, rows[i].answer);
		assert_int_equal(verdict.remember, rows[i].remember);
	}
	assert_string_equal(command_reason_name(COMMAND_REFUSED), "refused");
}

/* The same text again gives the stored answer, also after it has expired; never for strangers. */
static void test_again(void **state)
{
	struct command *command = *state;
	struct span text = SPAN_LITERAL(GOOD);
	struct digest earlier = digest_of(&text, 1);
	struct command_facts facts = good_facts();
	facts.earlier = &earlier;
	assert_int_equal(judge(command, GOOD, &facts).reason, COMMAND_AGAIN);
	facts.now_ns += INT64_C(86400) * 1000000000;
	struct command_verdict verdict = judge(command, GOOD, &facts);
	assert_int_equal(verdict.reason, COMMAND_AGAIN);
	assert_true(verdict.answer && !verdict.remember);
	facts.signature = NOTE_BAD_SIGNATURE;
	assert_int_equal(judge(command, GOOD, &facts).reason, COMMAND_BAD_SIGNATURE);
}

/* expires = now: expired; a millisecond later: not; 7 days to the millisecond: taken; one more: too late. */
static void test_expiry_edges(void **state)
{
	struct command *command = *state;
	static const struct {
		const char *expires;
		enum command_reason reason;
	} cases[] = {
	    {"2026-11-21T14:20:05.122Z", COMMAND_EXPIRED},
	    {"2026-11-21T14:20:05.123Z", COMMAND_EXPIRED},
	    {"2026-11-21T14:20:05.124Z", COMMAND_DO},
	    {"2026-11-28T14:20:05.123Z", COMMAND_DO},
	    {"2026-11-28T14:20:05.124Z", COMMAND_EXPIRES_TOO_LATE},
	    {"2199-12-31T23:59:59.999Z", COMMAND_EXPIRES_TOO_LATE},
	    {"9999-12-31T23:59:59.999Z", COMMAND_EXPIRES_TOO_LATE},
	    {"1970-01-01T00:00:00.000Z", COMMAND_EXPIRED},
	    {"1969-12-31T23:59:59.999Z", COMMAND_EXPIRED},
	    {"0000-01-01T00:00:00.000Z", COMMAND_EXPIRED},
	};
	struct command_facts facts = good_facts();
	char text[512];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(text, sizeof text, HEAD "expires %s\n" STATE, cases[i].expires);
		if (judge(command, text, &facts).reason != cases[i].reason)
			fail_msg("%s", cases[i].expires);
	}
	/* A box whose clock never was set refuses, and says what its clock shows. */
	facts.now_ns = -5;
	struct command_verdict verdict = judge(command, GOOD, &facts);
	assert_int_equal(verdict.reason, COMMAND_EXPIRES_TOO_LATE);
	assert_non_null(strstr(verdict.text, "1970-01-01T00:00:00.000Z"));
}

static struct command_verdict judge_body(struct command *command, const char *word, const char *body)
{
	static char text[COMMAND_TEXT_BYTES_MAX + 1];
	struct command_facts facts = good_facts();
	int len = snprintf(text, sizeof text, HEAD IN_TIME "command %s\nbody %s\n", word, body);
	assert_true(len > 0 && (size_t)len < sizeof text);
	return judge(command, text, &facts);
}

static void test_bodies(void **state)
{
	struct command *command = *state;
	assert_int_equal(
	    judge_body(command, "replay", "{\"to\":20,\"from\":3,\"stream\":\"00100\",\"epoch\":1795270805}")
		.reason,
	    COMMAND_DO);
	assert_int_equal(command->kind, COMMAND_REPLAY);
	assert_string_equal(command->stream, "00100");
	assert_int_equal(command->from, 3);
	assert_int_equal(command->to, 20);
	assert_int_equal(command->epoch, 1795270805);
	/* What was there before is gone; null is not given; 2^40 - 1 is the highest sequence. */
	assert_int_equal(
	    judge_body(command, "replay",
	               "{\"stream\":\"a\",\"from\":1099511627775,\"to\":1099511627775,\"epoch\":null}")
		.reason,
	    COMMAND_DO);
	assert_int_equal(command->epoch, 0);
	assert_int_equal(command->to, INT64_C(1099511627775));
	assert_int_equal(judge_body(command, "resend", "{\"subjects\":[\"a/b/2026/1\",\"\\u00e4\"]}").reason,
	                 COMMAND_DO);
	assert_int_equal(command->subject_count, 2);
	assert_true(span_equal(command->subjects[0], SPAN_LITERAL("a/b/2026/1")));
	assert_true(span_equal(command->subjects[1], SPAN_LITERAL("\xc3\xa4")));
	assert_int_equal(command->from, 0);
	assert_int_equal(judge_body(command, "pause", "{\"source\":\"erp\"}").reason, COMMAND_DO);
	assert_string_equal(command->source, "erp");
	assert_string_equal(command->stream, "");
	assert_int_equal(judge_body(command, "resume", "{\"stream\":\"00100\"}").reason, COMMAND_DO);
	assert_string_equal(command->source, "");
	assert_int_equal(judge_body(command, "digest", "{}").reason, COMMAND_DO);
	assert_int_equal(judge_body(command, "digest", "{\"stream\":\"00100\"}").reason, COMMAND_DO);
	assert_int_equal(judge_body(command, "sweep", "{\"source\":\"erp\",\"period\":\"2026-11\"}").reason,
	                 COMMAND_DO);
	assert_string_equal(command->period, "2026-11");
	assert_int_equal(judge_body(command, "state.get", " { } ").reason, COMMAND_DO);
	assert_int_equal(
	    judge_body(command, "proof.get", "{\"stream\":\"00100\",\"sequence\":7,\"size\":7}").reason,
	    COMMAND_DO);
	assert_int_equal(command->sequence, 7);
	assert_int_equal(command->size, 7);
}

static void test_bad_bodies(void **state)
{
	struct command *command = *state;
	static const struct {
		const char *word;
		const char *body;
		const char *why; /* in the text: the member */
	} cases[] = {
	    {"state.get", "nothing", "JSON"},
	    {"state.get", "[]", "not a JSON object"},
	    {"state.get", "{} {}", "JSON"},
	    {"state.get", "{\"stream\":\"a\"}", "unknown member stream; state.get takes nothing"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"to\":2,\"dry_run\":true}",
	     "unknown member dry_run; replay takes stream, epoch, from, to"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"to\":2,\"source\":null}", "unknown member source"},
	    {"replay", "{\"\\u0007\\n\":1}", "unknown member of a long or odd name"},
	    {"replay", "{\"from\":1,\"to\":2}", "stream is missing"},
	    {"replay", "{\"stream\":null,\"from\":1,\"to\":2}", "stream is missing"},
	    {"replay", "{\"stream\":\"a\",\"to\":2}", "from is missing"},
	    {"replay", "{\"stream\":\"a\",\"from\":1}", "to is missing"},
	    {"replay", "{\"stream\":\"\",\"from\":1,\"to\":2}", "stream must"},
	    {"replay", "{\"stream\":\"A\",\"from\":1,\"to\":2}", "stream must"},
	    {"replay", "{\"stream\":\"a/b\",\"from\":1,\"to\":2}", "stream must"},
	    {"replay", "{\"stream\":\"#\",\"from\":1,\"to\":2}", "stream must"},
	    {"replay", "{\"stream\":17,\"from\":1,\"to\":2}", "stream must"},
	    {"replay", "{\"stream\":\"a\",\"from\":0,\"to\":2}", "from must"},
	    {"replay", "{\"stream\":\"a\",\"from\":-1,\"to\":2}", "from must"},
	    {"replay", "{\"stream\":\"a\",\"from\":1.5,\"to\":2}", "from must"},
	    {"replay", "{\"stream\":\"a\",\"from\":\"1\",\"to\":2}", "from must"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"to\":1099511627776}", "to must"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"from\":1,\"to\":2}", "JSON"},
	    {"replay", "{\"stream\":\"a\",\"from\":3,\"to\":2}", "to is below from"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"to\":2,\"epoch\":0}", "epoch must"},
	    {"replay", "{\"stream\":\"a\",\"from\":1,\"to\":2,\"epoch\":9007199254740992}", "epoch must"},
	    {"resend", "{}", "subjects is missing"},
	    {"resend", "{\"subjects\":[]}", "subjects is empty"},
	    {"resend", "{\"subjects\":\"a\"}", "subjects must"},
	    {"resend", "{\"subjects\":[\"a\",7]}", "entry 2"},
	    {"resend", "{\"subjects\":[\"\"]}", "entry 1"},
	    {"resend", "{\"subjects\":[\"a\\nb\"]}", "entry 1"},
	    {"pause", "{}", "either source or stream"},
	    {"pause", "{\"source\":\"a\",\"stream\":\"b\"}", "either source or stream"},
	    {"resume", "{\"stream\":null}", "either source or stream"},
	    {"sweep", "{\"period\":\"2026-11\"}", "source is missing"},
	    {"sweep", "{\"source\":\"erp\",\"period\":\"2026-1\"}", "period must"},
	    {"sweep", "{\"source\":\"erp\",\"period\":\"2026-111\"}", "period must"},
	    {"sweep", "{\"source\":\"erp\",\"period\":\"2026/11\"}", "period must"},
	    {"sweep", "{\"source\":\"erp\",\"period\":202611}", "period must"},
	    {"proof.get", "{\"stream\":\"a\"}", "sequence is missing"},
	    {"proof.get", "{\"stream\":\"a\",\"sequence\":7,\"size\":6}", "size is below sequence"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct command_verdict verdict = judge_body(command, cases[i].word, cases[i].body);
		if (verdict.reason != COMMAND_BAD_BODY || !strstr(verdict.text, cases[i].why))
			fail_msg("%s %s: %s", cases[i].word, cases[i].body, verdict.text);
	}
}

/* {"subjects":["xx...", ...]}: count of them, each of so many bytes. */
static enum command_reason judge_subjects(struct command *command, int count, size_t bytes)
{
	static char body[COMMAND_TEXT_BYTES_MAX];
	size_t len = (size_t)snprintf(body, sizeof body, "{\"subjects\":[");
	for (int i = 0; i < count; i++) {
		assert_true(len + bytes + 6 < sizeof body);
		body[len++] = '"';
		memset(body + len, 'x', bytes);
		len += bytes;
		body[len++] = '"';
		body[len++] = i == count - 1 ? ']' : ',';
	}
	body[len++] = '}';
	body[len] = 0;
	return judge_body(command, "resend", body).reason;
}

static void test_body_limits(void **state)
{
	struct command *command = *state;
	char name[80];
	char body[128];
	assert_int_equal(judge_subjects(command, 200, 70), COMMAND_DO);
	assert_int_equal(command->subject_count, 200);
	assert_int_equal(command->subjects[199].len, 70);
	assert_int_equal(judge_subjects(command, 201, 70), COMMAND_BAD_BODY);
	assert_int_equal(judge_subjects(command, 1, 200), COMMAND_DO);
	assert_int_equal(judge_subjects(command, 1, 201), COMMAND_BAD_BODY);
	/* A stream has at most 63 bytes, a source 31. */
	for (int len = 63; len <= 64; len++) {
		(void)snprintf(name, sizeof name, "%0*d", len, 1);
		(void)snprintf(body, sizeof body, "{\"stream\":\"%s\"}", name);
		assert_int_equal(judge_body(command, "pause", body).reason,
		                 len == 63 ? COMMAND_DO : COMMAND_BAD_BODY);
	}
	for (int len = 31; len <= 32; len++) {
		(void)snprintf(name, sizeof name, "%0*d", len, 1);
		(void)snprintf(body, sizeof body, "{\"source\":\"%s\"}", name);
		assert_int_equal(judge_body(command, "pause", body).reason,
		                 len == 31 ? COMMAND_DO : COMMAND_BAD_BODY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decode),      cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_line_limits), cmocka_unit_test(test_order),
	    cmocka_unit_test(test_again),       cmocka_unit_test(test_expiry_edges),
	    cmocka_unit_test(test_bodies),      cmocka_unit_test(test_bad_bodies),
	    cmocka_unit_test(test_body_limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
