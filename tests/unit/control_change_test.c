/*
 * control_change_test.c - exceptions, the signing key and the audit over the control socket, with a real store.
 *
 * Why:   what a person orders must be kept with who, when and why, or not happen at all.
 * Owns:  nothing; see control_change_fixture.h.
 * Rules: as in control_change_fixture.h.
 * Runs in: the tests.
 * Tests: firmware/control_{change,exceptions,key,audit}.c
 */
#include "tests/unit/control_change_fixture.h"

/* ---- exceptions ---- */

/* Taken in hand: who, when and why stand on it and in the audit, after a restart too. */
static void acknowledging_is_kept(void **state)
{
	struct world *world = *state;
	raise_exception(world, "journal-balance", "erp", "00001/journal/2024/JE-1");
	const cJSON *data =
	    must(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"asked J\u00fcrgen\"}");
	assert_true(is_true(data, "acknowledged"));
	restart(world);
	data = must(world, "{\"v\":1,\"cmd\":\"exception\",\"id\":1}");
	assert_true(is_true(data, "acknowledged"));
	assert_true(is_true(data, "open"));
	assert_string_equal(text(data, "who"), "anna (uid 1000)");
	assert_string_equal(text(data, "note"), "asked J\u00fcrgen");
	assert_string_equal(text(data, "marked"), "2026-01-02T03:04:05.000Z");
	assert_newest_entry(world, "exception acknowledged",
	                    "exception 1 journal-balance 00001/journal/2024/JE-1", "asked J\u00fcrgen");
	assert_int_equal(audited(world), 1);
}

/* A note leaves the acknowledgement as it is, and may be written on a closed one. */
static void notes_leave_the_rest(void **state)
{
	struct world *world = *state;
	raise_exception(world, "journal-balance", "erp", "key");
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"exception_note\",\"id\":1,\"note\":\"seen\"}");
	assert_false(is_true(data, "acknowledged"));
	(void)must(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"mine\"}");
	data = must(world, "{\"v\":1,\"cmd\":\"exception_note\",\"id\":1,\"note\":\"it was the rounding\"}");
	assert_true(is_true(data, "acknowledged"));
	assert_string_equal(text(data, "note"), "it was the rounding");
	clear_exception(world, "erp", "key");
	data = must(world, "{\"v\":1,\"cmd\":\"exception_note\",\"id\":1,\"note\":\"closed by finance\"}");
	assert_false(is_true(data, "open"));
	assert_string_equal(text(data, "note"), "closed by finance");
	assert_newest_entry(world, "exception noted", "exception 1 journal-balance key", "closed by finance");
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"late\"}", "conflict",
	        "exception 1 is closed: its cause has ended; nothing is left to do");
	refused(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":1,\"why\":\"late\"}", "conflict",
	        "exception 1 is closed: its cause has ended; nothing is left to do");
}

/* What is no reason, no id or no exception changes nothing. */
static void bad_changes_are_refused(void **state)
{
	struct world *world = *state;
	static const char *const reasons[] = {"\"\"",      "\"  \"", "\"a\\nb\"",  "\"a\\tb\"",
	                                      "\"a\xff\"", "5",      "\"\\u007f\""};
	static const char sentence[] =
	    "why must be one line of text that says something; allowed are 1 to 1000 "
	    "bytes without control characters";
	char request[1200];
	char longest[1002];
	raise_exception(world, "journal-balance", "erp", "key");
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		(void)snprintf(request, sizeof request,
		               "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":%s}", reasons[i]);
		refused(world, request, "bad_request", sentence);
	}
	memset(longest, 'x', sizeof longest);
	longest[1001] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"%s\"}",
	               longest);
	refused(world, request, "bad_request", sentence);
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1}", "bad_request",
	        "exception_ack needs the argument why");
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":0,\"why\":\"x\"}", "bad_request",
	        "id must be a whole number; allowed is 1 to 4503599627370496");
	refused(world, "{\"v\":1,\"cmd\":\"exception_note\",\"id\":1,\"why\":\"x\"}", "bad_request",
	        "unknown argument \"why\"; exception_note takes id, note");
	static const char absent[] =
	    "there is no exception 2, or it was closed longer ago than store.retention; "
	    "see: twinpost exceptions --all";
	refused(world, "{\"v\":1,\"cmd\":\"exception\",\"id\":2}", "not_found", absent);
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":2,\"why\":\"x\"}", "not_found", absent);
	refused(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":2,\"why\":\"x\"}", "not_found", absent);
	assert_int_equal(audited(world), 0);
	longest[1000] = 0;
	(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"%s\"}",
	               longest);
	assert_string_equal(text(must(world, request), "note"), longest);
	assert_int_equal(audited(world), 1);
}

/* A key as long as one may be, with control characters in it, fits into the audit. */
static void strange_keys_are_audited(void **state)
{
	struct world *world = *state;
	char key[STORE_KEY_BYTES_MAX + 1];
	char rule[STORE_RULE_MAX + 1];
	memset(key, '\n', sizeof key - 1);
	memset(rule, 'r', sizeof rule - 1);
	key[sizeof key - 1] = rule[sizeof rule - 1] = 0;
	raise_exception(world, rule, "erp", key);
	(void)must(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"x\"}");
	assert_int_equal(audited(world), 1);
}

/* Retrying reads the source, tries the held stream or the connection; what ends otherwise says how. */
static void retrying_finds_what_to_try(void **state)
{
	struct world *world = *state;
	const struct store_stream *stream = test_stream(&world->test, "00001");
	raise_exception(world, "journal-balance", "erp", "00001/journal/2024/JE-1");
	raise_exception(world, "uplink-refused", "uplink", "00001");
	raise_exception(world, "uplink-down", "uplink", "broker.example.com:8883");
	raise_exception(world, "store-full", "store", "space");
	raise_exception(world, "outcome-rejected", "uplink", "00001/journal/2024/JE-1");
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":1,\"why\":\"mended\"}");
	assert_string_equal(text(data, "tries"), "source");
	assert_string_equal(text(data, "object"), "erp");
	assert_int_equal(world->read_again, 1);
	assert_newest_entry(world, "exception retried", "exception 1 journal-balance 00001/journal/2024/JE-1",
	                    "mended");
	data = must(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":2,\"why\":\"mended\"}");
	assert_string_equal(text(data, "tries"), "stream");
	assert_int_equal(world->sent_stream, stream->id);
	data = must(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":3,\"why\":\"mended\"}");
	assert_string_equal(text(data, "tries"), "uplink");
	assert_int_equal(world->sent_stream, 0);
	assert_int_equal(world->sent_again, 2);
	refused(
	    world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":4,\"why\":\"x\"}", "conflict",
	    "exception 4 (store-full) cannot be tried again: it ends by itself once its cause has; it says: "
	    "twinpost exceptions show 4");
	refused(
	    world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":5,\"why\":\"x\"}", "conflict",
	    "exception 5 (outcome-rejected) waits for the cloud; to send a document again: twinpost resend "
	    "SUBJECT --why TEXT");
	assert_int_equal(audited(world), 3);
	world->view.actions.read_again = NULL;
	world->view.actions.send_again = NULL;
	refused(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":1,\"why\":\"x\"}", "unsupported",
	        "reading a source again is not available in this agent");
	refused(world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":2,\"why\":\"x\"}", "unsupported",
	        "sending again at once is not available in this agent");
}

/* ---- failures ---- */

/* A commit that fails: no ok, no entry, nothing changed, and the agent is told; later it goes. */
static void failed_commit_changes_nothing(void **state)
{
	struct world *world = *state;
	raise_exception(world, "journal-balance", "erp", "key");
	test_append_many(&world->test, "00001", 1, 3, 1, 300);
	world->fail = ERR_FULL;
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"x\"}", "store",
	        "the disk is full");
	refused(world, "{\"v\":1,\"cmd\":\"replay\",\"stream\":\"00001\",\"from\":1,\"why\":\"x\"}", "store",
	        "the disk is full");
	refused(world, "{\"v\":1,\"cmd\":\"key_rotate\",\"why\":\"x\"}", "store", "the disk is full");
	assert_int_equal(world->failed, 3);
	assert_int_equal(audited(world), 0);
	assert_int_equal(store_replay_count(world->test.store), 0);
	assert_false(is_true(must(world, "{\"v\":1,\"cmd\":\"exception\",\"id\":1}"), "acknowledged"));
	world->fail = ERR_OK;
	(void)must(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"x\"}");
	assert_int_equal(audited(world), 1);
}

/* An agent without callbacks reads as ever and changes nothing. */
static void agent_without_callbacks(void **state)
{
	struct world *world = *state;
	raise_exception(world, "journal-balance", "erp", "key");
	world->view.actions = (struct control_actions){0};
	(void)must(world, "{\"v\":1,\"cmd\":\"exception\",\"id\":1}");
	refused(world, "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":1,\"why\":\"x\"}", "unsupported",
	        "changing anything is not available in this agent");
	refused(world, "{\"v\":1,\"cmd\":\"key_show\"}", "unsupported",
	        "a signing key is not available in this agent");
	refused(world, "{\"v\":1,\"cmd\":\"key_rotate\",\"why\":\"x\"}", "unsupported",
	        "changing the signing key is not available in this agent");
	world->view.store = NULL;
	static const char *const commands[] = {"exception_ack\",\"id\":1,\"why\":\"x",
	                                       "replay\",\"stream\":\"x\",\"from\":1,\"why\":\"x",
	                                       "resend\",\"subject\":\"x\",\"why\":\"x",
	                                       "key_show",
	                                       "key_rotate\",\"why\":\"x",
	                                       "audit",
	                                       "audit_verify"};
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		char request[160];
		(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"%s\"}", commands[i]);
		assert_null(ask(world, request));
		assert_string_equal(text(world->root, "code"), "store");
	}
}

/* ---- key ---- */

static void add_entry(struct world *world, const char *action, int64_t at_ns)
{
	struct test_store *test = &world->test;
	const struct store_audit_entry made = {
	    .at_ns = at_ns, .who = SPAN_LITERAL("agent"), .action = span_of(action)};
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test, store_audit_add(test->store, &made, &test->info), "audit");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
}

/* Hash and PEM as openssl and sha256sum make them; since when and how often changed is the audit's to say. */
static void key_is_shown(void **state)
{
	struct world *world = *state;
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"key_show\"}");
	assert_string_equal(text(data, "name"), "acme/plant-1");
	assert_string_equal(text(data, "sha256"), KEY_SHA256);
	assert_string_equal(text(data, "pem"), KEY_PEM);
	assert_int_equal(number(data, "rotations"), 0);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(data, "since")));
	/* 2024-02-29T09:30:05Z, by `date -u -d @1709199005`. */
	add_entry(world, "key made", INT64_C(1709199005) * NS_PER_S);
	data = must(world, "{\"v\":1,\"cmd\":\"key_show\"}");
	assert_string_equal(text(data, "since"), "2024-02-29T09:30:05.000Z");
}

/* Changing it goes through the agent, inside the transaction of its entry. */
static void key_is_changed(void **state)
{
	struct world *world = *state;
	add_entry(world, "key made", INT64_C(1709199005) * NS_PER_S);
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"key_rotate\",\"why\":\"the yearly change\"}");
	assert_int_equal(world->rotated, 1);
	assert_string_equal(text(data, "old_sha256"), KEY_SHA256);
	assert_string_equal(text(data, "since"), "2026-01-02T03:04:05.000Z");
	assert_int_equal(number(data, "rotations"), 1);
	assert_newest_entry(world, "key rotated", "key " KEY_SHA256, "the yearly change");
	(void)must(world, "{\"v\":1,\"cmd\":\"key_rotate\",\"why\":\"again\"}");
	data = must(world, "{\"v\":1,\"cmd\":\"key_show\"}");
	assert_int_equal(number(data, "rotations"), 2);
}

/* ---- audit ---- */

/* Newest first, in pages; the chain verified, and a forged entry told. */
static void audit_is_listed_and_verified(void **state)
{
	struct world *world = *state;
	struct test_store *test = &world->test;
	const cJSON *data = must(world, "{\"v\":1,\"cmd\":\"audit_verify\"}");
	assert_true(is_true(data, "good"));
	assert_int_equal(number(data, "count"), 0);
	for (int i = 1; i <= 5; i++)
		add_entry(world, i == 2 ? "two" : "more", i * NS_PER_S);
	data = must(world, "{\"v\":1,\"cmd\":\"audit\",\"limit\":3}");
	assert_int_equal(number(entry(data, "entries", 0), "id"), 5);
	assert_int_equal(number(data, "count"), 5);
	assert_true(is_true(data, "more"));
	assert_int_equal(number(data, "next"), 3);
	data = must(world, "{\"v\":1,\"cmd\":\"audit\",\"limit\":2,\"before\":3}");
	assert_string_equal(text(entry(data, "entries", 0), "action"), "two");
	assert_string_equal(text(entry(data, "entries", 0), "at"), "1970-01-01T00:00:02.000Z");
	assert_false(is_true(data, "more"));
	data = must(world, "{\"v\":1,\"cmd\":\"audit_verify\"}");
	assert_true(is_true(data, "good"));
	assert_int_equal(number(data, "verified"), 5);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(data, "problem")));
	/* With a good checksum of its own: what a forger who knows the file would write. */
	const struct store_audit_entry forged = {
	    .id = 2, .at_ns = 2 * NS_PER_S, .who = SPAN_LITERAL("nobody"), .action = SPAN_LITERAL("nothing")};
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	assert_int_equal(sqlite3_exec(test->store->db, "DELETE FROM audit WHERE id = 2", NULL, NULL, NULL),
	                 SQLITE_OK);
	test_store_must(test, audit_put(test->store, &forged, &test->info), "forging");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
	data = must(world, "{\"v\":1,\"cmd\":\"audit_verify\"}");
	assert_false(is_true(data, "good"));
	assert_int_equal(number(data, "verified"), 1);
	assert_string_equal(text(data, "problem"),
	                    "entry 2 of the audit does not fit the one before it: it was "
	                    "changed, or entries were taken out");
}

/* What only tells that something has happened ends when somebody has looked at it, that one alone; there is nothing to
 * try. A key may hold control characters. */
static void reports_end_when_acknowledged(void **state)
{
	static const char *const rules[] = {
	    "cloud-equivocation",      "cloud-retained",         "cloud-source-limit", "cloud-unreadable",
	    "command-refused",         "inbound-unknown",        "outcome-id-reused",  "outcome-unreadable",
	    "outcome-unknown-subject", "receipt-unknown-stream", "store-salvaged"};
	struct world *world = *state;
	char request[128];
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		raise_exception(world, rules[i], "cloud", "a\nkey");
	raise_exception(world, "command-refused", "cloud", "another");
	refused(
	    world, "{\"v\":1,\"cmd\":\"exception_retry\",\"id\":1,\"why\":\"x\"}", "conflict",
	    "exception 1 (cloud-equivocation) tells what has happened: there is nothing to try; when it is "
	    "looked into, "
	    "end it: twinpost exceptions ack 1 --why TEXT");
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		(void)snprintf(request, sizeof request,
		               "{\"v\":1,\"cmd\":\"exception_ack\",\"id\":%zu,\"why\":\"a test of ours\"}",
		               i + 1);
		const cJSON *data = must(world, request);
		assert_false(is_true(data, "open"));
		assert_string_equal(text(data, "note"), "a test of ours");
		assert_string_equal(text(data, "who"), "anna (uid 1000)");
	}
	assert_int_equal(store_exceptions_open(world->view.store), 1);
	restart(world);
	assert_int_equal(store_exceptions_open(world->view.store), 1);
	assert_true(is_true(must(world, "{\"v\":1,\"cmd\":\"exception\",\"id\":12}"), "open"));
	assert_int_equal(audited(world), 11);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(acknowledging_is_kept),
	    TEST(notes_leave_the_rest),
	    TEST(bad_changes_are_refused),
	    TEST(strange_keys_are_audited),
	    TEST(retrying_finds_what_to_try),
	    TEST(reports_end_when_acknowledged),
	    TEST(failed_commit_changes_nothing),
	    TEST(agent_without_callbacks),
	    TEST(key_is_shown),
	    TEST(key_is_changed),
	    TEST(audit_is_listed_and_verified),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
