/*
 * inbox_commands_test.c - signed commands: each refusal with or without an answer, each deed and its answer.
 *
 * Why:   whoever holds the broker must not command, and whoever holds the key must always learn what was done.
 * Owns:  one struct desk a test.
 * Rules: the box's clock stands at 2026-01-02T03:04:05.000Z (test_hal.h).
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "store_forward/audit.h"
#include "store_forward/commands.h"
#include "store_forward/replay.h"

#define NOW   ",\"time\":\"2026-01-02T03:04:05.000Z\"}"
#define LATER "2026-01-02T04:00:00.000Z"

/* The note of a command, signed by the key. */
static struct span command(struct desk *desk, const char *target, const char *id, const char *expires,
                           const char *word, const char *body, struct key_pair *key)
{
	struct buf text;
	buf_init(&text, NOTE_BYTES_MAX);
	buf_printf(&text, "tp1/cmd/v1\ntarget %s\nid %s\nexpires %s\ncommand %s\nbody %s\n", target, id,
	           expires, word, body);
	buf_clear(&desk->note);
	buf_append_span(&desk->note, buf_span(&text));
	buf_append_char(&desk->note, '\n');
	desk_sign(&desk->note, buf_span(&text), key, "cloud.example/commands");
	buf_release(&text);
	return buf_span(&desk->note);
}

/* The answer of a good command. */
static char *ask(struct desk *desk, const char *id, const char *word, const char *body)
{
	return desk_take(desk, "dn/cmd", command(desk, "acme/gw-1", id, LATER, word, body, desk->commander),
	                 false);
}

/* ---- refusals ---- */

static void expect_refusal(struct desk *desk, char *answer, const char *reason, bool answered)
{
	if (desk_open_count(desk, "command-refused", reason) != 1)
		fail_msg("%s was not refused", reason);
	if (!answered) {
		assert_null(answer);
		return;
	}
	char part[128];
	(void)snprintf(part, sizeof part, "\"reason\":\"%s\",\"state\":\"rejected\",\"text\":\"", reason);
	expect_in(answer, part);
}

/* Shows each refusal in the order of the contract: the exception has the reason for its key; only what the cloud signed
 * for this gateway is answered; nothing is done. */
static void commands_are_refused(void **state)
{
	struct desk *desk = *state;
	struct key_pair *key = desk->commander;
	struct inbox_counters counters;
	struct span note = command(desk, "acme/gw-1", "c1", LATER, "state.get", "{}", key);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, true), "retained", true);
	expect_refusal(desk, desk_take(desk, "dn/cmd", SPAN_LITERAL("state.get"), false), "malformed", false);
	note = command(desk, "acme/gw-1", "c 2", LATER, "state.get", "{}", key);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, false), "malformed", false);
	note = command(desk, "acme/gw-1", "c3", LATER, "state.get", "{}", desk->stranger);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, false), "unsigned", false);
	struct exception_seen seen;
	(void)bench_open_exceptions(desk->bench, "command-refused", "unsigned", &seen);
	assert_non_null(
	    strstr(seen.text, "no key of cloud.command_keys has signed it. It is signed with key "));
	(void)command(desk, "acme/gw-1", "c4", LATER, "state.get", "{}", key);
	desk->note.data[18]++; /* the target: signed over another one */
	expect_refusal(desk, desk_take(desk, "dn/cmd", buf_span(&desk->note), false), "bad-signature", false);
	note = command(desk, "acme/gw-2", "c5", LATER, "state.get", "{}", key);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, false), "wrong-target", false);
	note = command(desk, "acme/gw-1", "c6", "2026-01-02T03:04:05.000Z", "state.get", "{}", key);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, false), "expired", true);
	note = command(desk, "acme/gw-1", "c7", "2026-01-09T03:04:05.001Z", "state.get", "{}", key);
	expect_refusal(desk, desk_take(desk, "dn/cmd", note, false), "expires-too-late", true);
	expect_refusal(desk, ask(desk, "c8", "reboot", "{}"), "unknown-command", true);
	expect_refusal(desk, ask(desk, "c9", "sweep", "{\"source\":\"erp\",\"when\":1}"), "bad-body", true);
	assert_string_equal(desk->asked, "");
	free(ask(desk, "c10", "state.get", "{}"));
	expect_refusal(desk, ask(desk, "c10", "digest", "{}"), "id-reused", true);
	assert_string_equal(desk->asked, "greet; ");
	inbox_counters(desk->inbox, &counters);
	assert_true(counters.commands == 1 && counters.refused == 11);
}

/* Shows the edges in time: a millisecond before it expires, and 7 days ahead, a command is done. */
static void the_edges_of_expiry(void **state)
{
	struct desk *desk = *state;
	struct span note =
	    command(desk, "acme/gw-1", "c1", "2026-01-02T03:04:05.001Z", "state.get", "{}", desk->commander);
	expect_in(desk_take(desk, "dn/cmd", note, false), "\"state\":\"done\"");
	note =
	    command(desk, "acme/gw-1", "c2", "2026-01-09T03:04:05.000Z", "state.get", "{}", desk->commander);
	expect_in(desk_take(desk, "dn/cmd", note, false), "\"state\":\"done\"");
}

/* Shows that without cloud.command_keys no command is done, and that any of several keys may sign. */
static void keys_decide(void **state)
{
	struct desk *desk = *state;
	desk->keys.command_count = 0;
	assert_null(ask(desk, "c1", "state.get", "{}"));
	memcpy(desk->keys.command[1], key_pair_public(desk->stranger).data, PUBLIC_KEY_BYTES);
	desk->keys.command_count = 2;
	struct span note = command(desk, "acme/gw-1", "c2", LATER, "state.get", "{}", desk->stranger);
	expect_in(desk_take(desk, "dn/cmd", note, false), "\"state\":\"done\"");
	assert_null(desk_take(desk, "dn/ack/" STREAM, note, false)); /* and is no receipt key */
	assert_string_equal(desk->asked, "greet; ");
}

/* Shows that a command that comes again is answered with the same bytes and done once, also when it has expired since,
 * and after a restart; a refused body is remembered likewise. */
static void a_repeated_command_is_answered_again(void **state)
{
	struct desk *desk = *state;
	char *first = ask(desk, "c1", "sweep", "{\"source\":\"erp\"}");
	char *bad = ask(desk, "c2", "sweep", "{}");
	desk->bench->store.hal.wall_ns += 3 * 3600 * NS_PER_S;
	inbox_free(desk->inbox);
	bench_restart(desk->bench);
	desk_open(desk);
	expect_answer(ask(desk, "c1", "sweep", "{\"source\":\"erp\"}"), first);
	expect_answer(ask(desk, "c2", "sweep", "{}"), bad);
	free(first);
	free(bad);
	assert_string_equal(desk->asked, "sweep erp; ");
}

/* ---- deeds ---- */

/* Shows what is asked of the agent, the answers, and that a refusal of the agent is an answer too; each stands in the
 * audit with its body. */
static void the_agent_is_asked(void **state)
{
	struct desk *desk = *state;
	int64_t count;
	struct digest ignored;
	int64_t before = store_audit_head(desk->bench->store.store, &ignored); /* of the signing key */
	expect_answer(ask(desk, "c1", "pause", "{\"source\":\"erp\"}"),
	              "up/res {\"command\":\"pause\",\"id\":\"c1\",\"result\":{},\"state\":\"done\"" NOW);
	expect_in(ask(desk, "c2", "resume", "{\"stream\":\"00001\"}"), "\"command\":\"resume\"");
	expect_in(ask(desk, "c3", "sweep", "{\"period\":\"2026-01\",\"source\":\"erp\"}"),
	          "\"state\":\"done\"");
	expect_in(ask(desk, "c4", "state.get", "{}"), "\"state\":\"done\"");
	assert_string_equal(desk->asked, "pause source erp; resume stream 00001; sweep erp; greet; ");
	desk->refusal = "there is no source erp";
	expect_answer(
	    ask(desk, "c5", "pause", "{\"source\":\"erp\"}"),
	    "up/res {\"command\":\"pause\",\"id\":\"c5\",\"result\":{},\"state\":\"failed\",\"text\":"
	    "\"there is no source erp\"" NOW);
	expect_in(ask(desk, "c6", "sweep", "{\"source\":\"erp\"}"), "\"state\":\"failed\"");
	bench_must(desk->bench, store_audit_verify(desk->bench->store.store, &count, &desk->bench->info));
	assert_int_equal(count, before + 6);
}

struct audited {
	char target[STORE_AUDIT_TARGET_MAX + 1];
};

static bool last_target(void *self, const struct store_audit_entry *entry)
{
	struct audited *audited = self;
	assert_true(text_copy(audited->target, sizeof audited->target, entry->target));
	assert_true(span_equal(entry->who, SPAN_LITERAL("cloud")));
	return false;
}

/* Shows the edge at which a body no longer stands in the audit as it is. */
static void long_bodies_are_audited(void **state)
{
	struct desk *desk = *state;
	struct audited audited;
	char body[800];
	for (int over = 0; over <= 1; over++) {
		size_t name =
		    STORE_AUDIT_TARGET_MAX + (size_t)over - strlen("{\"subjects\":[\"\",\"\",\"\",\"\"]}");
		char id[8];
		(void)snprintf(id, sizeof id, "n%d", over);
		(void)snprintf(body, sizeof body,
		               "{\"subjects\":[\"%0150d\",\"%0150d\",\"%0150d\",\"%0*d\"]}", 1, 2, 3,
		               (int)name - 450, 4);
		assert_int_equal(strlen(body), STORE_AUDIT_TARGET_MAX + over);
		free(ask(desk, id, "resend", body));
		bench_must(desk->bench, store_audit_read(desk->bench->store.store, 0, last_target, &audited,
		                                         &desk->bench->info));
		assert_string_equal(audited.target, over ? "(long)" : body);
	}
}

/* ---- replay and resend ---- */

static struct store_replay first_replay(struct desk *desk)
{
	struct store_replay replay;
	bench_must(desk->bench, store_replay_first(desk->bench->store.store, &replay, &desk->bench->info));
	return replay;
}

static char *replayed(struct desk *desk, const char *id, bool whole)
{
	struct bench *bench = desk->bench;
	int64_t next = store_mail_next_id(bench->store.store);
	bench_begin(bench);
	bench_must(bench, inbox_replayed(desk->inbox, id, whole, &bench->info));
	bench_commit(bench);
	return store_mail_next_id(bench->store.store) == next ? NULL : bench_mail(bench, next);
}

/* Shows a replay: accepted, queued, and answered once more at its end; asked again it gives the end; one that was cut
 * has failed. */
static void a_replay_is_answered_twice(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 5);
	expect_answer(
	    ask(desk, "c1", "replay", "{\"from\":2,\"stream\":\"00001\",\"to\":5}"),
	    "up/res {\"command\":\"replay\",\"id\":\"c1\",\"result\":{},\"state\":\"accepted\"" NOW);
	struct store_replay replay = first_replay(desk);
	assert_true(replay.from == 2 && replay.to == 5 && replay.stream == bench_stream(desk->bench)->id &&
	            replay.epoch == bench_stream(desk->bench)->epoch);
	assert_string_equal(replay.command, "c1");
	char *done = replayed(desk, "c1", true);
	assert_string_equal(
	    done, "up/res {\"command\":\"replay\",\"id\":\"c1\",\"result\":{},\"state\":\"done\"" NOW);
	expect_answer(ask(desk, "c1", "replay", "{\"from\":2,\"stream\":\"00001\",\"to\":5}"), done);
	free(done);
	assert_int_equal(store_replay_count(desk->bench->store.store), 1);
	free(ask(desk, "c2", "replay", "{\"from\":1,\"stream\":\"00001\",\"to\":1}"));
	expect_in(replayed(desk, "c2", false),
	          "\"state\":\"failed\",\"text\":\"what was left is past store.retention");
	assert_null(replayed(desk, "", true)); /* nobody's */
	assert_null(replayed(desk, "unknown", true));
}

/* Shows why a replay cannot be done: stream, epoch, range, retention, too many that wait. */
static void replays_fail_with_their_reason(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	char body[128];
	int deleted;
	bench_journals(bench, 1, 5);
	expect_in(ask(desk, "c1", "replay", "{\"from\":1,\"stream\":\"00009\",\"to\":1}"),
	          "\"state\":\"failed\",\"text\":\"there is no stream 00009\"");
	expect_in(ask(desk, "c2", "replay", "{\"epoch\":1,\"from\":1,\"stream\":\"00001\",\"to\":1}"),
	          "\"text\":\"epoch 1 of stream 00001 is over; its present one is 1767323045\"");
	expect_in(ask(desk, "c3", "replay", "{\"from\":5,\"stream\":\"00001\",\"to\":6}"),
	          "\"text\":\"stream 00001 has sequences up to 5\"");
	(void)snprintf(body, sizeof body, "{\"epoch\":%" PRId64 ",\"from\":5,\"stream\":\"00001\",\"to\":5}",
	               bench_stream(bench)->epoch);
	expect_in(ask(desk, "c4", "replay", body), "\"state\":\"accepted\"");
	test_acknowledge(&bench->store, STREAM, 3, bench->store.hal.wall_ns);
	bench_begin(bench);
	bench_must(bench, store_prune(bench->store.store, bench->store.hal.wall_ns + 3600 * NS_PER_S, 2,
	                              &deleted, &bench->info));
	bench_commit(bench);
	expect_in(
	    ask(desk, "c5", "replay", "{\"from\":2,\"stream\":\"00001\",\"to\":5}"),
	    "\"text\":\"stream 00001 holds sequences from 3 on; what was before is past store.retention\"");
	expect_in(ask(desk, "c6", "replay", "{\"from\":3,\"stream\":\"00001\",\"to\":5}"),
	          "\"state\":\"accepted\"");
	bench_begin(bench);
	while (store_replay_count(bench->store.store) < STORE_REPLAYS_MAX) {
		struct store_replay replay = {
		    .stream = bench_stream(bench)->id, .epoch = 1, .from = 1, .to = 1};
		bench_must(bench, store_replay_add(bench->store.store, &replay, &bench->info));
	}
	bench_commit(bench);
	expect_in(ask(desk, "c7", "replay", "{\"from\":3,\"stream\":\"00001\",\"to\":5}"),
	          "\"text\":\"1000 replays wait already; ask again when some of them have ended\"");
}

/* Shows resend: the newest revision of each subject, all parts of it; what is not there is listed; the last one carries
 * the command. */
static void documents_are_sent_again(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	char text[200];
	bench_journals(bench, 1, 2);
	bench->config.uplink.message_bytes_max = 2000;
	bench_begin(bench);
	bench_make_journal(bench, 1, "11.00"); /* revision 2 is sequence 3 */
	bench_record(bench);
	bench_make_journal(bench, 3, "1.00");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	for (int i = 0; i < 10; i++) {
		struct value *line =
		    sample_add_journal_line(&bench->document, i % 2 ? "-2.00" : "2.00", NULL);
		sample_set_text(&bench->document, &line[JOURNAL_LINE_TEXT], text);
	}
	bench_record(bench);
	bench_commit(bench);
	int64_t last = bench_stream(bench)->next_sequence - 1;
	assert_true(last > 4);
	expect_answer(
	    ask(desk, "c1", "resend",
	        "{\"subjects\":[\"00001/journal/2024/1\",\"x\",\"00001/journal/2024/3\"]}"),
	    "up/res {\"command\":\"resend\",\"id\":\"c1\",\"result\":{\"missing\":[\"x\"],\"queued\":2},"
	    "\"state\":\"accepted\"" NOW);
	struct store_replay replay = first_replay(desk);
	assert_true(replay.from == 3 && replay.to == 3 && replay.command[0] == 0);
	bench_begin(bench);
	bench_must(bench, store_replay_end(bench->store.store, replay.id, &bench->info));
	bench_commit(bench);
	replay = first_replay(desk);
	assert_true(replay.from == 4 && replay.to == last);
	assert_string_equal(replay.command, "c1");
	expect_in(replayed(desk, "c1", true),
	          "\"command\":\"resend\",\"id\":\"c1\",\"result\":{},\"state\":\"done\"");
	expect_in(ask(desk, "c2", "resend", "{\"subjects\":[\"x\"]}"),
	          "\"result\":{\"missing\":[\"x\"],\"queued\":0},\"state\":\"failed\",\"text\":\"none of "
	          "these documents");
}

/* ---- digest and proof ---- */

/* Shows digest: size, chain and root of each stream as the store has them; of one stream; of none. */
static void a_digest_shows_the_streams(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	struct digest root;
	char chain[DIGEST_HEX_SIZE];
	char expected[600];
	struct buf base64;
	bench_journals(bench, 1, 3);
	(void)test_stream(&bench->store, "00002");
	digest_hex(&bench_stream(bench)->chain, chain);
	bench_must(bench,
	           store_tree_root_at(bench->store.store, bench_stream(bench)->id, 3, &root, &bench->info));
	buf_init(&base64, 100);
	base64_encode(&base64, root.bytes, DIGEST_BYTES);
	(void)snprintf(
	    expected, sizeof expected,
	    "\"result\":{\"streams\":[{\"chain\":\"%s\",\"root\":\"%s\",\"size\":3,\"source\":\"%s\","
	    "\"stream\":\"00001\"}]},\"state\":\"done\"",
	    chain, buf_cstr(&base64), bench_stream(bench)->source);
	buf_release(&base64);
	expect_in(ask(desk, "c1", "digest", "{\"stream\":\"00001\"}"), expected);
	expect_in(ask(desk, "c2", "digest", "{}"), "\"size\":0,\"source\":\"urn:twinpost:acme:gw-1:00002:");
	expect_in(ask(desk, "c3", "digest", "{\"stream\":\"00009\"}"),
	          "\"state\":\"failed\",\"text\":\"there is no stream 00009\"");
}

/* The hashes of the answer's list; returns their number. */
static int proof_of(const char *answer, struct digest *path, int max)
{
	int count = 0;
	const char *at = strstr(answer, "\"proof\":[") + strlen("\"proof\":[");
	while (*at == '"' || *at == ',') {
		size_t len;
		at += *at == ',';
		at++;
		size_t end = strcspn(at, "\"");
		assert_true(count < max);
		assert_true(base64_decode(path[count].bytes, DIGEST_BYTES, &len, (struct span){at, end}));
		assert_int_equal(len, DIGEST_BYTES);
		count++;
		at += end + 1;
	}
	return count;
}

/* Shows proof.get: the leaf is in the root of the checkpoint that is given, by merkle_verify_inclusion(); with a size
 * the one of that size; what no checkpoint covers has failed. */
static void a_proof_can_be_checked(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	struct digest path[STORE_PROOF_MAX];
	struct digest leaf;
	struct digest root;
	bench_journals(bench, 1, 5);
	expect_in(ask(desk, "c0", "proof.get", "{\"sequence\":1,\"stream\":\"00001\"}"),
	          "\"state\":\"failed\"");
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, true, &bench->info));
	bench_commit(bench);
	bench_journals(bench, 6, 8);
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, true, &bench->info));
	bench_commit(bench);
	static const struct {
		const char *body;
		int64_t index, size;
	} cases[] = {
	    {"{\"sequence\":4,\"stream\":\"00001\"}", 3, 10},
	    {"{\"sequence\":4,\"size\":6,\"stream\":\"00001\"}", 3, 6},
	    {"{\"sequence\":10,\"stream\":\"00001\"}", 9, 10},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char id[8];
		(void)snprintf(id, sizeof id, "p%d", (int)i);
		char *answer = ask(desk, id, "proof.get", cases[i].body);
		char *hex = text_between(answer, "\"leaf\":\"", "\"");
		char *index = text_between(answer, "\"index\":", ",");
		char *size = text_between(answer, "\"size\":", "}");
		assert_int_equal(strtol(index, NULL, 10), cases[i].index);
		assert_int_equal(strtol(size, NULL, 10), cases[i].size);
		assert_true(hex_decode(leaf.bytes, DIGEST_BYTES, span_of(hex)));
		int count = proof_of(answer, path, STORE_PROOF_MAX);
		bench_must(bench, store_tree_root_at(bench->store.store, bench_stream(bench)->id,
		                                     cases[i].size, &root, &bench->info));
		assert_true(
		    merkle_verify_inclusion(&leaf, cases[i].index, cases[i].size, path, count, &root));
		char *note = text_between(answer, "\"checkpoint\":\"", "\",\"index\"");
		struct buf base64;
		buf_init(&base64, 100);
		base64_encode(&base64, root.bytes, DIGEST_BYTES);
		assert_non_null(strstr(note, buf_cstr(&base64)));
		buf_release(&base64);
		free(note);
		free(hex);
		free(index);
		free(size);
		free(answer);
	}
	expect_in(ask(desk, "c1", "proof.get", "{\"sequence\":11,\"stream\":\"00001\"}"),
	          "\"text\":\"no checkpoint of that size covers sequence 11 of stream 00001; the newest "
	          "covers 10\"");
	expect_in(ask(desk, "c2", "proof.get", "{\"sequence\":1,\"size\":7,\"stream\":\"00001\"}"),
	          "\"state\":\"failed\"");
	expect_in(ask(desk, "c3", "proof.get", "{\"sequence\":7,\"size\":6,\"stream\":\"00001\"}"),
	          "\"reason\":\"bad-body\"");
	expect_in(ask(desk, "c4", "proof.get", "{\"sequence\":1,\"stream\":\"00009\"}"),
	          "\"state\":\"failed\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(commands_are_refused),
	    TEST(the_edges_of_expiry),
	    TEST(keys_decide),
	    TEST(a_repeated_command_is_answered_again),
	    TEST(the_agent_is_asked),
	    TEST(long_bodies_are_audited),
	    TEST(a_replay_is_answered_twice),
	    TEST(replays_fail_with_their_reason),
	    TEST(documents_are_sent_again),
	    TEST(a_digest_shows_the_streams),
	    TEST(a_proof_can_be_checked),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
