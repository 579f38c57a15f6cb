/*
 * inbox_test.c - receipts and outcomes: what is taken, what is refused, what is answered, and what stands in the store.
 *
 * Why:   the broker is not trusted, and whoever sent a message must learn what became of it.
 * Owns:  one struct desk a test.
 * Rules: the box's clock stands at 2026-01-02T03:04:05.000Z (test_hal.h).
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "store_forward/outcomes.h"

#define NOW     "\"time\":\"2026-01-02T03:04:05.000Z\"}"
#define SUBJECT "00001/journal/2024/1"

/* ---- receipts ---- */

/* Journals 1 to 3 and their checkpoint, with the receiver's line. */
static void make_receipt(struct desk *desk, struct key_pair *signer)
{
	int64_t size;
	struct note note;
	char *text = bench_checkpoint(desk->bench, STREAM, &size);
	buf_clear(&desk->note);
	buf_append_text(&desk->note, text);
	assert_int_equal(note_decode(&note, span_of(text)), NOTE_FAULT_NONE);
	desk_sign(&desk->note, note.text, signer, "cloud.example/middleware");
	free(text);
}

static void close_piece(struct desk *desk)
{
	bench_begin(desk->bench);
	bench_must(desk->bench, notary_close_due(desk->bench->notary, true, &desk->bench->info));
	bench_commit(desk->bench);
}

/* What comes on dn/ack without a brace gets no answer. */
static void receipt(struct desk *desk, const char *topic)
{
	assert_null(desk_take(desk, topic, buf_span(&desk->note), false));
}

/* Shows a good receipt: kept, counted, and it ends what was wrong with earlier ones, but nothing else of the stream. */
static void a_receipt_is_kept(void **state)
{
	struct desk *desk = *state;
	struct inbox_counters counters;
	bench_journals(desk->bench, 1, 3);
	close_piece(desk);
	make_receipt(desk, desk->stranger);
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(desk_open_count(desk, "receipt-unverified", STREAM), 1);
	free(desk_take(desk, "dn/ack/" STREAM,
	               SPAN_LITERAL("{\"id\":\"m\",\"outcomes\":[{\"outcome\":\"BOOKED\",\"revision\":1,"
	                            "\"subject\":\"00001/journal/2024/77\"}]}"),
	               false));
	assert_int_equal(desk_open_count(desk, "outcome-unknown-subject", STREAM), 1);
	assert_int_equal(bench_stream(desk->bench)->receipt_size, 0);
	make_receipt(desk, desk->receiver);
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(bench_stream(desk->bench)->receipt_size, 4);
	assert_int_equal(desk_open_count(desk, "receipt-unverified", STREAM), 0);
	assert_int_equal(desk_open_count(desk, "outcome-unknown-subject", STREAM), 1);
	receipt(desk, "dn/ack/" STREAM);
	inbox_counters(desk->inbox, &counters);
	assert_true(counters.receipts == 2 && counters.refused == 1);
}

/* Shows that an unknown key is named as openssl prints it, beside the name on its line, and that a person can read what
 * came: one '?' for the dash, a blank for the end of a line. The agent's own line alone is said to be so. */
static void unknown_keys_are_named(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	uint8_t hash[HAL_KEY_HASH_BYTES];
	char id[9];
	char expected[ERR_TEXT_MAX];
	bench_journals(desk->bench, 1, 3);
	close_piece(desk);
	make_receipt(desk, desk->stranger);
	receipt(desk, "dn/ack/" STREAM);
	key_hash(key_pair_public(desk->stranger), hash);
	(void)snprintf(id, sizeof id, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
	(void)snprintf(expected, sizeof expected,
	               "no key of cloud.receipt_keys has signed it. It is signed with key %s by "
	               "cloud.example/middleware; the "
	               "id of a key file is the first 8 digits of: openssl pkey -pubin -in FILE -outform DER "
	               "| sha256sum",
	               id);
	assert_int_equal(bench_open_exceptions(desk->bench, "receipt-unverified", STREAM, &seen), 1);
	assert_string_equal(seen.text, expected);
	assert_non_null(strstr(seen.raw, "00001:"));
	assert_non_null(strstr(seen.raw, " time 2026-01-02T03:04:05.000Z  ? acme/gw-1 "));
	struct note note;
	assert_int_equal(note_decode(&note, buf_span(&desk->note)), NOTE_FAULT_NONE);
	desk->note.len = (size_t)(note.signatures[0].base64.data + note.signatures[0].base64.len + 1 -
	                          (const char *)desk->note.data);
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(bench_open_exceptions(desk->bench, "receipt-unverified", STREAM, &seen), 1);
	assert_string_equal(seen.text, "only this agent has signed it; the middleware must add its own line");
	desk->keys.receipt_count = 0;
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(bench_open_exceptions(desk->bench, "receipt-unverified", STREAM, &seen), 1);
	assert_string_equal(seen.text,
	                    "it came and there is no key to verify it with: set cloud.receipt_keys");
}

/* Changes the receipt's text and signs it anew. */
static void forge(struct desk *desk, const char *from, const char *to)
{
	struct buf text;
	struct note note;
	buf_init(&text, NOTE_BYTES_MAX);
	assert_int_equal(note_decode(&note, buf_span(&desk->note)), NOTE_FAULT_NONE);
	const char *at = memmem(note.text.data, note.text.len, from, strlen(from));
	assert_non_null(at);
	size_t before = (size_t)(at - note.text.data);
	buf_append_span(&text, (struct span){note.text.data, before});
	buf_append_text(&text, to);
	before += strlen(from);
	buf_append_span(&text, (struct span){note.text.data + before, note.text.len - before});
	buf_clear(&desk->note);
	buf_append_span(&desk->note, buf_span(&text));
	buf_append_char(&desk->note, '\n');
	desk_sign(&desk->note, buf_span(&text), desk->receiver, "cloud.example/middleware");
	buf_release(&text);
}

/* Shows each refusal of a receipt: its exception, and that nothing is kept. */
static void bad_receipts_are_refused(void **state)
{
	static const struct {
		const char *from, *to, *rule;
	} forged[] = {
	    {"\n4\n", "\n3\n", "receipt-mismatch"},
	    {"\n4\n", "\n5\n", "receipt-mismatch"},
	    {"gw-1:00001:", "gw-2:00001:", "receipt-mismatch"},
	    {"gw-1:00001:", "gw-1:00001:9", "receipt-mismatch"},
	    {"chain ", "chaim ", "receipt-unreadable"},
	    {"time 2026-01-02T03:04:05.000Z", "time 2026-01-02T03:04:05.001Z", "receipt-mismatch"},
	};
	struct desk *desk = *state;
	struct inbox_counters counters;
	bench_journals(desk->bench, 1, 3);
	close_piece(desk);
	for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
		struct exception_seen seen;
		make_receipt(desk, desk->receiver);
		forge(desk, forged[i].from, forged[i].to);
		receipt(desk, "dn/ack/" STREAM);
		assert_int_equal(bench_open_exceptions(desk->bench, forged[i].rule, STREAM, &seen), 1);
	}
	make_receipt(desk, desk->receiver);
	desk->note.data[30]++; /* in the first line: signed over other bytes */
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(desk_open_count(desk, "receipt-bad-signature", STREAM), 1);
	make_receipt(desk, desk->receiver);
	receipt(desk, "dn/ack/00002");
	assert_int_equal(desk_open_count(desk, "receipt-unknown-stream", "receipts"), 1);
	desk->keys.receipt_count = 0;
	receipt(desk, "dn/ack/" STREAM);
	assert_int_equal(desk_open_count(desk, "receipt-unverified", STREAM), 1);
	assert_null(desk_take(desk, "dn/ack/" STREAM, SPAN_LITERAL("urn:\xff\n"), false));
	assert_null(desk_take(desk, "dn/ack/" STREAM, (struct span){NULL, 0}, false));
	assert_null(desk_take(desk, "dn/post/" STREAM, SPAN_LITERAL("{}"), false));
	assert_null(desk_take(desk, "dn/ack/", SPAN_LITERAL("{}"), false));
	assert_int_equal(desk_open_count(desk, "inbound-unknown", "topics"), 1);
	assert_int_equal(bench_stream(desk->bench)->receipt_size, 0);
	inbox_counters(desk->inbox, &counters);
	assert_true(counters.receipts == 0 && counters.refused == 13);
}

/* ---- outcomes ---- */

/* One outcome in a message of this id; fields as ",\"document\":\"4711\"". */
static char *outcome(struct desk *desk, const char *id, const char *subject, int revision, const char *code,
                     const char *fields)
{
	char text[1024];
	(void)snprintf(
	    text, sizeof text,
	    "{\"id\":\"%s\",\"outcomes\":[{\"outcome\":\"%s\",\"revision\":%d,\"subject\":\"%s\"%s}]}", id,
	    code, revision, subject, fields);
	return desk_take(desk, "dn/ack/" STREAM, span_of(text), false);
}

static enum store_outcome_code state_of(struct desk *desk, const char *subject, int64_t revision)
{
	static struct store_outcome_copy copy;
	enum err err = store_outcome_state(desk->bench->store.store, span_of(subject), revision, &copy,
	                                   &desk->bench->info);
	return err == ERR_OK ? (enum store_outcome_code)copy.shown.code : 0;
}

/* Shows the way of a document through its outcomes, each answered, with late, repeated and final ones; only moves are
 * told on. */
static void outcomes_move_the_state(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 1);
	expect_answer(
	    outcome(desk, "m1", SUBJECT, 1, "VALIDATED", ""),
	    "up/res {\"command\":\"ack\",\"id\":\"m1\",\"result\":{\"late\":0,\"refused\":[],\"repeated\":0,"
	    "\"taken\":1,\"unknown\":[]},\"state\":\"done\"," NOW);
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_VALIDATED);
	expect_in(outcome(desk, "m2", SUBJECT, 1, "RECEIVED", ""), "\"late\":1");
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_VALIDATED);
	expect_in(outcome(desk, "m3", SUBJECT, 1, "VALIDATED", ""), "\"repeated\":1");
	expect_in(outcome(desk, "m4", SUBJECT, 1, "PARTIAL", ""), "\"taken\":1");
	assert_int_equal(desk_open_count(desk, "outcome-partial", SUBJECT), 1);
	assert_int_equal(store_settled(desk->bench->store.store, bench_stream(desk->bench)->id), 0);
	expect_in(outcome(desk, "m5", SUBJECT, 1, "BOOKED", ",\"document\":\"4711\""), "\"taken\":1");
	assert_int_equal(desk_open_count(desk, "outcome-partial", SUBJECT), 0);
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_BOOKED);
	assert_int_equal(store_settled(desk->bench->store.store, bench_stream(desk->bench)->id), 1);
	free(outcome(desk, "m6", SUBJECT, 1, "REJECTED", ""));
	assert_int_equal(desk_open_count(desk, "outcome-conflict", SUBJECT), 1);
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_BOOKED);
	free(outcome(desk, "m7", SUBJECT, 1, "FILED", ""));
	assert_int_equal(desk_open_count(desk, "outcome-unknown-code", SUBJECT), 1);
	assert_string_equal(desk->asked,
	                    "moved erp " SUBJECT " 1; moved erp " SUBJECT " 1; moved erp " SUBJECT " 1; ");
}

/* Shows a rejection: its exception has the class's owner; it stays over a new revision that was only sent, and ends
 * when that is booked. */
static void a_rejection_ends_when_a_later_revision_is_booked(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	bench_journals(desk->bench, 1, 1);
	free(outcome(desk, "m1", SUBJECT, 1, "REJECTED",
	             ",\"class\":\"mapping\",\"text\":\"no account 1.1110\""));
	assert_int_equal(bench_open_exceptions(desk->bench, "outcome-rejected", SUBJECT, &seen), 1);
	assert_int_equal(seen.owner, STORE_OWNER_MAPPING);
	assert_non_null(strstr(seen.text, "no account 1.1110"));
	bench_begin(desk->bench);
	bench_make_journal(desk->bench, 1, "11.00");
	bench_record(desk->bench);
	bench_commit(desk->bench);
	assert_int_equal(desk_open_count(desk, "outcome-rejected", SUBJECT), 1);
	free(outcome(desk, "m2", SUBJECT, 2, "BOOKED", ",\"document\":\"4711\""));
	assert_int_equal(desk_open_count(desk, "outcome-rejected", SUBJECT), 0);
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_REJECTED);
}

/* Shows that a final outcome of a revision settles what earlier ones were sent as: a document that was amended before
 * it was booked does not stay open for ever. One of the older revision alone settles that one. */
static void amended_revisions_are_settled(void **state)
{
	struct desk *desk = *state;
	struct store *store = desk->bench->store.store;
	int64_t count, oldest;
	bench_journals(desk->bench, 1, 2);
	bench_begin(desk->bench);
	for (int n = 1; n <= 2; n++) {
		bench_make_journal(desk->bench, n, "11.00");
		bench_record(desk->bench);
	}
	bench_commit(desk->bench);
	int stream = bench_stream(desk->bench)->id;
	free(outcome(desk, "m1", SUBJECT, 2, "BOOKED", ""));
	bench_must(desk->bench, store_unsettled(store, stream, 4, &count, &oldest, &desk->bench->info));
	assert_true(count == 2 && oldest == 2);
	free(outcome(desk, "m2", "00001/journal/2024/2", 1, "BOOKED", ""));
	bench_must(desk->bench, store_unsettled(store, stream, 4, &count, &oldest, &desk->bench->info));
	assert_true(count == 1 && oldest == 4);
	free(outcome(desk, "m3", "00001/journal/2024/2", 2, "DUPLICATE", ""));
	assert_int_equal(store_settled(store, stream), 4);
}

/* Shows unknown subjects and revisions, another stream's subject, and outcomes that cannot be read within a message
 * that can: each in the answer, the others taken. A topic of no stream of ours is no key of an exception. */
static void strangers_are_listed(void **state)
{
	struct desk *desk = *state;
	bench_journals(desk->bench, 1, 1);
	(void)test_stream(&desk->bench->store, "00002");
	const char *text = "{\"id\":\"m1\",\"outcomes\":["
			   "{\"outcome\":\"BOOKED\",\"revision\":1,\"subject\":\"" SUBJECT "\"},"
			   "{\"outcome\":\"BOOKED\",\"revision\":2,\"subject\":\"" SUBJECT "\"},"
			   "{\"outcome\":\"BOOKED\",\"revision\":1,\"subject\":\"x\"},"
			   "{\"outcome\":\"BOOKED\",\"revision\":0,\"subject\":\"y\"}]}";
	char *answer = desk_take(desk, "dn/ack/" STREAM, span_of(text), false);
	assert_non_null(strstr(answer, "\"taken\":1,\"unknown\":[\"" SUBJECT "\",\"x\"]"));
	assert_non_null(strstr(answer, "\"refused\":[{\"subject\":\"y\",\"why\":"));
	free(answer);
	assert_int_equal(desk_open_count(desk, "outcome-unknown-subject", STREAM), 1);
	text = "{\"id\":\"m2\",\"outcomes\":[{\"outcome\":\"REJECTED\",\"revision\":1,\"subject\":\"" SUBJECT
	       "\"}]}";
	expect_in(desk_take(desk, "dn/ack/00002", span_of(text), false),
	          "\"refused\":[{\"subject\":\"" SUBJECT "\",\"why\":\"other stream\"}]");
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_BOOKED);
	for (int i = 0; i < 3; i++) {
		char topic[40];
		char message[200];
		(void)snprintf(topic, sizeof topic, "dn/ack/none%d", i);
		(void)snprintf(message, sizeof message,
		               "{\"id\":\"n%d\",\"outcomes\":[{\"outcome\":\"BOOKED\",\"revision\":1,"
		               "\"subject\":\"z\"}]}",
		               i);
		expect_in(desk_take(desk, topic, span_of(message), false), "\"unknown\":[\"z\"]");
		assert_null(desk_take(desk, topic, SPAN_LITERAL("{"), false));
	}
	assert_int_equal(desk_open_count(desk, "outcome-unknown-subject", NULL), 2);
	assert_int_equal(desk_open_count(desk, "outcome-unreadable", "?"), 1);
	assert_int_equal(desk_open_count(desk, "outcome-unreadable", NULL), 1);
}

/* Shows that a message that comes again is answered with the same bytes, at another time too, and moves nothing; and
 * that its id with other bytes is refused without an answer. */
static void a_repeated_message_is_answered_again(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	bench_journals(desk->bench, 1, 1);
	char *first = outcome(desk, "m1", SUBJECT, 1, "BOOKED", "");
	desk->bench->store.hal.wall_ns += 3600 * NS_PER_S;
	expect_answer(outcome(desk, "m1", SUBJECT, 1, "BOOKED", ""), first);
	free(first);
	assert_string_equal(desk->asked, "moved erp " SUBJECT " 1; ");
	assert_null(outcome(desk, "m1", SUBJECT, 1, "REJECTED", ""));
	assert_int_equal(bench_open_exceptions(desk->bench, "outcome-id-reused", STREAM, &seen), 1);
	assert_non_null(strstr(seen.text, "m1"));
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_BOOKED);
}

/* ---- SLA ---- */

static void check_sla(struct desk *desk)
{
	bench_begin(desk->bench);
	bench_must(desk->bench, inbox_check_sla(desk->inbox, &desk->bench->info));
	bench_commit(desk->bench);
}

/* Shows outcome-overdue: at the SLA after the PUBACK and not a nanosecond before, with number and oldest sequence; less
 * when one is booked; cleared by itself when all are final. */
static void a_missing_outcome_is_told(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	struct config_stream_rule *rule = &desk->bench->config.streams[0];
	desk->bench->config.stream_count = 1;
	assert_true(text_copy(rule->entity, sizeof rule->entity, SPAN_LITERAL("*")));
	assert_true(text_copy(rule->name, sizeof rule->name, SPAN_LITERAL("{entity}")));
	rule->sla_ns = 120 * NS_PER_S;
	bench_journals(desk->bench, 1, 3);
	int64_t sent = desk->bench->store.hal.wall_ns;
	test_acknowledge(&desk->bench->store, STREAM, 2, sent);
	desk->bench->store.hal.wall_ns = sent + 120 * NS_PER_S - 1;
	check_sla(desk);
	assert_int_equal(desk_open_count(desk, "outcome-overdue", NULL), 0);
	desk->bench->store.hal.wall_ns++;
	check_sla(desk);
	assert_int_equal(bench_open_exceptions(desk->bench, "outcome-overdue", STREAM, &seen), 1);
	assert_string_equal(seen.text,
	                    "2 documents of stream 00001 got no final outcome within 2 minutes; ask the "
	                    "middleware; the oldest is sequence 1, and what is known of it: twinpost trace "
	                    "00001/journal/2024/1");
	free(outcome(desk, "m1", SUBJECT, 1, "BOOKED", ""));
	check_sla(desk);
	assert_int_equal(bench_open_exceptions(desk->bench, "outcome-overdue", STREAM, &seen), 1);
	assert_non_null(strstr(seen.text, "1 document of stream 00001"));
	assert_non_null(
	    strstr(seen.text,
	           "the oldest is sequence 2, and what is known of it: twinpost trace 00001/journal/2024/2"));
	rule->sla_ns = 60 * 60 * NS_PER_S;
	desk->bench->store.hal.wall_ns = sent + 60 * 60 * NS_PER_S;
	check_sla(desk);
	(void)bench_open_exceptions(desk->bench, "outcome-overdue", STREAM, &seen);
	assert_non_null(strstr(seen.text, "within 1 hour;"));
	rule->sla_ns = 48 * 60 * 60 * NS_PER_S;
	desk->bench->store.hal.wall_ns = sent + 48 * 60 * 60 * NS_PER_S;
	check_sla(desk);
	(void)bench_open_exceptions(desk->bench, "outcome-overdue", STREAM, &seen);
	assert_non_null(strstr(seen.text, "within 2 days;"));
	free(outcome(desk, "m2", "00001/journal/2024/2", 1, "REJECTED", ""));
	check_sla(desk);
	assert_int_equal(desk_open_count(desk, "outcome-overdue", NULL), 0);
}

/* ---- a full mail ---- */

/* Shows that the transaction stands when the mail is full: the outcome moves, and the answer is given when the sender
 * asks again and there is room. A checkpoint waits in the same way. */
static void a_full_mail_loses_nothing(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	struct store *store = bench->store.store;
	bench_journals(bench, 1, 1);
	bench_begin(bench);
	for (int i = 0; i < STORE_MAIL_ROWS_MAX; i++)
		bench_must(bench,
		           store_mail_add(store, SPAN_LITERAL("up/exc"), SPAN_LITERAL("{}"), &bench->info));
	bench_commit(bench);
	assert_null(outcome(desk, "m1", SUBJECT, 1, "BOOKED", ""));
	assert_int_equal(state_of(desk, SUBJECT, 1), STORE_OUTCOME_BOOKED);
	close_piece(desk);
	bench_begin(bench);
	bench_must(bench, store_acknowledge(store, bench_stream(bench)->id, 1, bench->store.hal.wall_ns,
	                                    &bench->info));
	bench_must(bench, notary_mail(bench->notary, bench_stream(bench), &bench->info));
	bench_commit(bench);
	assert_int_equal(store_mail_next_id(store), STORE_MAIL_ROWS_MAX + 1);
	bench_begin(bench);
	bench_must(bench, store_mail_done(store, 1, &bench->info));
	bench_commit(bench);
	expect_in(outcome(desk, "m1", SUBJECT, 1, "BOOKED", ""), "\"taken\":1");
	assert_null(outcome(desk, "m1", SUBJECT, 1, "BOOKED", ""));
	bench_begin(bench);
	bench_must(bench, store_mail_done(store, 2, &bench->info));
	bench_must(bench, store_acknowledge(store, bench_stream(bench)->id, 2, bench->store.hal.wall_ns,
	                                    &bench->info));
	bench_must(bench, notary_mail(bench->notary, bench_stream(bench), &bench->info));
	bench_commit(bench);
	char *mail = bench_mail(bench, 0);
	assert_memory_equal(mail, "up/ckpt/" STREAM, 13);
	free(mail);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_receipt_is_kept),
	    TEST(unknown_keys_are_named),
	    TEST(bad_receipts_are_refused),
	    TEST(outcomes_move_the_state),
	    TEST(a_rejection_ends_when_a_later_revision_is_booked),
	    TEST(amended_revisions_are_settled),
	    TEST(strangers_are_listed),
	    TEST(a_repeated_message_is_answered_again),
	    TEST(a_missing_outcome_is_told),
	    TEST(a_full_mail_loses_nothing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
