/*
 * notary_test.c - pieces of a stream: when they are closed, what control events state, what is signed, and by whom.
 *
 * Why:   a checkpoint that is late, wrong or signed by the wrong key is a proof that fails when it is needed.
 * Owns:  one struct bench a test.
 * Rules: totals are calculated by hand; roots are made from all leaves by the definition of RFC 6962 section 2.1;
 *        signatures are checked one by one with signature_verify().
 * Runs in: the unit tests.
 */
#include "tests/unit/cloud_fixture.h"

#include "connector/uplink/birth_note.h"
#include "connector/uplink/checkpoint.h"
#include "connector/uplink/key_note.h"

static void close_all(struct bench *bench)
{
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, true, &bench->info));
	bench_commit(bench);
}

/* MTH(D[n]) by definition: split at the largest power of two below n. */
static struct digest tree_hash(const struct digest *leaves, int64_t count)
{
	int64_t left = 1;
	if (count == 1)
		return leaves[0];
	while (left * 2 < count)
		left *= 2;
	const struct digest a = tree_hash(leaves, left);
	const struct digest b = tree_hash(leaves + left, count - left);
	const struct span parts[] = {SPAN_LITERAL("\x01"),
	                             {(const char *)a.bytes, DIGEST_BYTES},
	                             {(const char *)b.bytes, DIGEST_BYTES}};
	return digest_of(parts, 3);
}

/* The newest checkpoint of the stream has this size, root and chain of its events, and this key's signature alone. */
static void expect_checkpoint(struct bench *bench, const char *name, int64_t size,
                              const struct public_key *key)
{
	struct note note;
	struct checkpoint covered;
	int64_t found;
	struct digest *leaves = calloc((size_t)size, sizeof *leaves);
	const struct span signer = key_span(key);
	const struct store_stream *stream = test_stream(&bench->store, name);
	char *text = bench_checkpoint(bench, name, &found);
	assert_int_equal(found, size);
	expect_signed(span_of(text), &signer, 1);
	assert_int_equal(note_decode(&note, span_of(text)), NOTE_FAULT_NONE);
	assert_true(checkpoint_decode(&covered, note.text));
	assert_true(span_equal(covered.source, span_of(stream->source)));
	assert_int_equal(covered.size, size);
	for (int64_t s = 1; s <= size; s++)
		bench_must(bench,
		           store_leaf(bench->store.store, stream->id, s, &leaves[s - 1], &bench->info));
	const struct digest root = tree_hash(leaves, size);
	assert_true(digest_equal(&root, &covered.root));
	char hex[DIGEST_HEX_SIZE];
	digest_hex(&covered.chain, hex);
	char *event = bench_event(bench, name, size);
	char *chain = text_between(event, "{\"chainhash\":\"", "\"");
	assert_string_equal(chain, hex);
	free(chain);
	free(event);
	free(leaves);
	free(text);
}

/* The event of the sequence is a control event with this data. */
static void expect_control(struct bench *bench, int64_t sequence, const char *data)
{
	char subject[128];
	char *event = bench_event(bench, STREAM, sequence);
	char *found = text_between(event, "\"data\":", ",\"datacontenttype\"");
	assert_string_equal(found, data);
	assert_non_null(strstr(event, "\"type\":\"com.twinpost.control.recorded.v1\"}"));
	assert_non_null(strstr(event, "\"dataschema\":\"urn:twinpost:schema:control:1.0\""));
	assert_non_null(
	    strstr(event, "\"phase\":\"shadow\",\"profileversion\":\"twinpost/1\",\"revision\":1,"));
	(void)snprintf(subject, sizeof subject, "\"subject\":\"00001/control/%" PRId64 "/%" PRId64 "\"",
	               bench_stream(bench)->epoch, sequence);
	assert_non_null(strstr(event, subject));
	free(found);
	free(event);
}

/* ---- control events ---- */

/* Shows range and totals of one of each document, by hand: invoice +119.00 is debit, credit memo and payment (150.00)
 * are credit, the journal 100.00, -60.00, -40.00 is both; a customer counts and has no amount. A second piece begins
 * behind the first control event and has only what came since. */
static void control_events_state_the_sums(void **state)
{
	struct bench *bench = *state;
	bench_begin(bench);
	sample_make_invoice(&bench->document, DOCUMENT_INVOICE);
	bench_record(bench);
	sample_make_invoice(&bench->document, DOCUMENT_CREDIT_MEMO);
	sample_set_header(&bench->document, HEADER_NUMBER, "4712");
	bench_record(bench);
	sample_make_journal(&bench->document);
	bench_record(bench);
	sample_make_payment(&bench->document);
	bench_record(bench);
	sample_make_customer(&bench->document);
	bench_record(bench);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	bench_commit(bench);
	close_all(bench);
	expect_control(
	    bench, 6,
	    "{\"count\":5,\"first\":1,\"last\":5,\"totals\":["
	    "{\"count\":1,\"credit\":\"119.00\",\"currency\":\"EUR\",\"debit\":\"0.00\",\"document\":"
	    "\"creditmemo\",\"period\":\"2024-02\"},"
	    "{\"count\":1,\"credit\":\"0.00\",\"currency\":\"EUR\",\"debit\":\"119.00\",\"document\":"
	    "\"invoice\",\"period\":\"2024-02\"},"
	    "{\"count\":1,\"credit\":\"100.00\",\"currency\":\"EUR\",\"debit\":\"100.00\",\"document\":"
	    "\"journal\",\"period\":\"2024-02\"},"
	    "{\"count\":1,\"credit\":\"150.00\",\"currency\":\"EUR\",\"debit\":\"0.00\",\"document\":"
	    "\"payment\",\"period\":\"2024-02\"}]}");
	const struct public_key key = bench_key(bench, HAL_KEY_CURRENT);
	expect_checkpoint(bench, STREAM, 6, &key);
	bench_journals(bench, 1, 2);
	close_all(bench);
	expect_control(
	    bench, 9,
	    "{\"count\":2,\"first\":7,\"last\":8,\"totals\":[{\"count\":2,\"credit\":\"20.00\","
	    "\"currency\":\"EUR\",\"debit\":\"20.00\",\"document\":\"journal\",\"period\":\"2024-02\"}]}");
	expect_checkpoint(bench, STREAM, 9, &key);
}

/* Shows that what a rolled back transaction had counted is forgotten, and what earlier ones had is kept; also over a
 * restart within a piece. */
static void totals_follow_the_store(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 2);
	bench_begin(bench);
	bench_make_journal(bench, 3, "1000.00");
	bench_record(bench);
	bench_roll_back(bench);
	bench_journals(bench, 4, 4);
	bench_restart(bench);
	bench_journals(bench, 5, 5);
	close_all(bench);
	expect_control(
	    bench, 5,
	    "{\"count\":4,\"first\":1,\"last\":4,\"totals\":[{\"count\":4,\"credit\":\"40.00\","
	    "\"currency\":\"EUR\",\"debit\":\"40.00\",\"document\":\"journal\",\"period\":\"2024-02\"}]}");
}

/* Shows that a rollback of a closed piece opens it again: the piece that is closed then has its events. */
static void a_rollback_opens_a_closed_piece(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 3);
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, true, &bench->info));
	assert_int_equal(bench_stream(bench)->checkpoint_size, 4);
	bench_roll_back(bench);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 0);
	assert_int_equal(bench_stream(bench)->next_sequence, 4);
	bench_journals(bench, 4, 4);
	close_all(bench);
	expect_control(
	    bench, 5,
	    "{\"count\":4,\"first\":1,\"last\":4,\"totals\":[{\"count\":4,\"credit\":\"40.00\","
	    "\"currency\":\"EUR\",\"debit\":\"40.00\",\"document\":\"journal\",\"period\":\"2024-02\"}]}");
}

/* Shows that sums which 64 bits would not hold together stand in two control events: 60,000,000,000,000,000.00 twice is
 * over 92,233,720,368,547,758.07. */
static void large_sums_get_pieces_of_their_own(void **state)
{
	struct bench *bench = *state;
	bench_begin(bench);
	for (int n = 1; n <= 2; n++) {
		bench_make_journal(bench, n, "60000000000000000.00");
		bench_record(bench);
		assert_false(bench->held);
	}
	bench_commit(bench);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 4);
	for (int64_t sequence = 2; sequence <= 4; sequence += 2) {
		char *event = bench_event(bench, STREAM, sequence);
		assert_non_null(strstr(event, "\"debit\":\"60000000000000000.00\""));
		free(event);
	}
}

/* Shows that a document whose own amount no sum holds (the lowest of 64 bits has no opposite) waits as an exception,
 * and nothing else stops. */
static void an_amount_over_all_sums_is_an_exception(void **state)
{
	struct bench *bench = *state;
	struct exception_seen seen;
	bench_begin(bench);
	sample_begin(&bench->document, DOCUMENT_PAYMENT, "EUR");
	sample_set_header(&bench->document, PAYMENT_PAYER, "4242");
	sample_set_amount(&bench->document, PAYMENT_AMOUNT, "-92233720368547758.08");
	sample_set_amount(&bench->document, PAYMENT_UNAPPLIED, "-92233720368547758.08");
	bench_record(bench);
	assert_true(bench->held);
	bench_commit(bench);
	assert_int_equal(bench_open_exceptions(bench, "amount-overflow", NULL, &seen), 1);
	bench_journals(bench, 1, 1);
	assert_int_equal(bench_stream(bench)->next_sequence, 2);
}

/* ---- when ---- */

/* Shows the edge of 256 leaves: 254 events are open, the 255th gets its control event and checkpoint in its own
 * transaction; the next piece begins anew. */
static void a_piece_is_closed_at_256_leaves(void **state)
{
	struct bench *bench = *state;
	const struct public_key key = bench_key(bench, HAL_KEY_CURRENT);
	bench_journals(bench, 1, 254);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 0);
	bench_journals(bench, 255, 255);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 256);
	assert_int_equal(bench_stream(bench)->next_sequence, 257);
	expect_checkpoint(bench, STREAM, 256, &key);
	expect_control(
	    bench, 256,
	    "{\"count\":255,\"first\":1,\"last\":255,\"totals\":[{\"count\":255,\"credit\":\"2550.00\","
	    "\"currency\":\"EUR\",\"debit\":\"2550.00\",\"document\":\"journal\",\"period\":\"2024-02\"}]}");
	bench_journals(bench, 256, 600);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 512);
	expect_checkpoint(bench, STREAM, 512, &key);
}

/* A journal whose event is split: so many lines of some 220 bytes each. */
static void make_long_journal(struct bench *bench, int number, int lines)
{
	char text[200];
	char amount[8];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	bench_make_journal(bench, number, "1.00");
	for (int i = 2; i < lines; i++) {
		(void)snprintf(amount, sizeof amount, "%s", i % 2 ? "-2.00" : "2.00");
		struct value *line = sample_add_journal_line(&bench->document, amount, NULL);
		sample_set_text(&bench->document, &line[JOURNAL_LINE_TEXT], text);
	}
}

/* Shows that the parts of a document stay together where the 255th leaf is one of them: the control event comes after
 * the last part, and one signature covers all. */
static void parts_are_not_torn_apart(void **state)
{
	struct bench *bench = *state;
	const struct public_key key = bench_key(bench, HAL_KEY_CURRENT);
	struct store_document document;
	bench->config.uplink.message_bytes_max = 2000;
	bench_journals(bench, 1, 253);
	bench_begin(bench);
	make_long_journal(bench, 254, 20);
	bench_record(bench);
	assert_false(bench->held);
	bench_commit(bench);
	bench_must(bench, store_document_find(bench->store.store, SPAN_LITERAL("00001/journal/2024/254"),
	                                      &document, &bench->info));
	assert_true(document.parts > 2);
	assert_int_equal(document.sequence, 254);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 254 + document.parts);
	expect_checkpoint(bench, STREAM, 254 + document.parts, &key);
	for (int part = 1; part <= document.parts; part++) {
		char words[32];
		char *event = bench_event(bench, STREAM, 253 + part);
		(void)snprintf(words, sizeof words, "\"part\":\"%d/%d\"", part, document.parts);
		assert_non_null(strstr(event, words));
		free(event);
	}
}

/* Shows the period's edge: 60 s after the first open leaf and not a nanosecond before; nothing is due before a first
 * leaf or after a closing; a clock that was set back delays by the period at most. */
static void a_piece_is_closed_by_time(void **state)
{
	struct bench *bench = *state;
	int64_t deadline;
	int64_t begun = bench->store.hal.wall_ns;
	assert_false(notary_due(bench->notary, 5, &deadline));
	assert_true(deadline == INT64_MAX);
	bench_journals(bench, 1, 1);
	bench->store.hal.wall_ns = begun + 20 * NS_PER_S;
	bench_journals(bench, 2, 2);
	assert_false(notary_due(bench->notary, 5, &deadline));
	assert_int_equal(deadline, 5 + 40 * NS_PER_S);
	bench->store.hal.wall_ns = begun - 1000 * NS_PER_S;
	assert_true(notary_due(bench->notary, 5, &deadline)); /* set back: see notary_fault_test.c */
	bench->store.hal.wall_ns = begun + 60 * NS_PER_S - 1;
	assert_false(notary_due(bench->notary, 5, &deadline));
	assert_int_equal(deadline, 6);
	bench_begin(bench);
	bench_must(bench, notary_close_due(bench->notary, false, &bench->info));
	assert_int_equal(bench_stream(bench)->checkpoint_size, 0);
	bench->store.hal.wall_ns++;
	assert_true(notary_due(bench->notary, 5, &deadline));
	bench_must(bench, notary_close_due(bench->notary, false, &bench->info));
	bench_commit(bench);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 3);
	assert_false(notary_due(bench->notary, 5, &deadline));
	assert_true(deadline == INT64_MAX);
	close_all(bench);
	assert_int_equal(bench_stream(bench)->next_sequence, 4); /* there was nothing to close */
}

/* ---- mail ---- */

static void acknowledge(struct bench *bench, int64_t sequence)
{
	bench_begin(bench);
	const struct store_stream *stream = bench_stream(bench);
	bench_must(bench, store_acknowledge(bench->store.store, stream->id, sequence,
	                                    bench->store.hal.wall_ns, &bench->info));
	bench_must(bench, notary_mail(bench->notary, stream, &bench->info));
	bench_commit(bench);
}

/* Shows rule 3: a checkpoint goes to the mail when its last leaf is acknowledged, each once, in order. */
static void checkpoints_follow_their_leaves(void **state)
{
	struct bench *bench = *state;
	int64_t size;
	bench_journals(bench, 1, 2);
	close_all(bench);
	char *first = bench_checkpoint(bench, STREAM, &size);
	bench_journals(bench, 3, 3);
	close_all(bench);
	assert_int_equal(bench_stream(bench)->checkpoint_size, 5);
	acknowledge(bench, 2);
	assert_null(bench_mail(bench, 0));
	acknowledge(bench, 3);
	char *mail = bench_mail(bench, 1);
	assert_memory_equal(mail, "up/ckpt/00001 ", 14);
	assert_string_equal(mail + 14, first);
	assert_null(bench_mail(bench, 2));
	acknowledge(bench, 5);
	free(mail);
	mail = bench_mail(bench, 2);
	assert_non_null(strstr(mail, "\n5\n"));
	assert_null(bench_mail(bench, 3));
	free(mail);
	free(first);
}

/* ---- keys ---- */

static void rotate(struct bench *bench)
{
	bench_begin(bench);
	bench_must(bench, notary_rotate(bench->notary, &bench->info));
	bench_commit(bench);
}

/* The event is a rotation from old to next, signed by both. */
static void expect_rotation(struct bench *bench, const char *name, int64_t sequence,
                            const struct public_key *old, const struct public_key *next)
{
	const struct span both[] = {key_span(old), key_span(next)};
	struct note note;
	struct key_note change;
	char *event = bench_event(bench, name, sequence);
	assert_non_null(strstr(event, "\"type\":\"com.twinpost.key.rotated.v1\"}"));
	char *escaped = text_between(event, "\"data\":{\"note\":\"", "\"}");
	size_t len = 0;
	for (const char *at = escaped; *at; at++) { /* the one escape that a note needs */
		bool newline = at[0] == '\\' && at[1] == 'n';
		assert_true(at[0] != '\\' || newline);
		escaped[len++] = newline ? '\n' : *at;
		at += newline;
	}
	escaped[len] = 0;
	expect_signed(span_of(escaped), both, 2);
	assert_int_equal(note_decode(&note, span_of(escaped)), NOTE_FAULT_NONE);
	assert_true(key_note_decode(&change, note.text));
	assert_true(span_equal(change.gateway, SPAN_LITERAL("acme/gw-1")));
	const struct digest hash = digest_of(&both[0], 1);
	assert_true(digest_equal(&change.old, &hash));
	assert_memory_equal(change.new_key, next->bytes, PUBLIC_KEY_BYTES);
	free(escaped);
	free(event);
}

/* Shows a rotation: what was open is closed by the old key, each stream gets the event, what follows is the new key's,
 * after a restart too. */
static void a_rotation_is_told_in_every_stream(void **state)
{
	struct bench *bench = *state;
	const struct public_key old = bench_key(bench, HAL_KEY_CURRENT);
	bench_journals(bench, 1, 2);
	bench_begin(bench);
	bench_make_journal(bench, 3, "1.00");
	sample_set_header(&bench->document, HEADER_ENTITY, "00002");
	bench_record(bench);
	bench_commit(bench);
	rotate(bench);
	const struct public_key next = bench_key(bench, HAL_KEY_NEXT);
	assert_memory_not_equal(old.bytes, next.bytes, sizeof old.bytes);
	expect_checkpoint(bench, STREAM, 3, &old);
	expect_checkpoint(bench, "00002", 2, &old);
	expect_rotation(bench, STREAM, 4, &old, &next);
	expect_rotation(bench, "00002", 3, &old, &next);
	bench_must(bench, notary_rotated(bench->notary, &bench->info));
	assert_true(span_equal(notary_public_key(bench->notary), key_span(&next)));
	close_all(bench);
	expect_checkpoint(bench, STREAM, 4, &next); /* a key event needs no control event */
	bench_journals(bench, 4, 4);
	bench_restart(bench);
	close_all(bench);
	expect_checkpoint(bench, STREAM, 6, &next);
	expect_control(
	    bench, 6,
	    "{\"count\":1,\"first\":4,\"last\":5,\"totals\":[{\"count\":1,\"credit\":\"10.00\","
	    "\"currency\":\"EUR\",\"debit\":\"10.00\",\"document\":\"journal\",\"period\":\"2024-02\"}]}");
}

/* Shows that the checkpoint of a rotation reaches the mail though its one leaf was acknowledged before it was made. */
static void a_rotations_checkpoint_is_sent(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 1);
	rotate(bench);
	bench_must(bench, notary_rotated(bench->notary, &bench->info));
	acknowledge(bench, 3);
	char *mail = bench_mail(bench, 0);
	assert_non_null(strstr(mail, "\n2\n"));
	free(mail);
	bench->store.hal.wall_ns += 60 * NS_PER_S;
	close_all(bench);
	mail = bench_mail(bench, 0);
	assert_non_null(strstr(mail, "\n3\n"));
	free(mail);
}

/* Shows that a piece which fills in the rotation's own transaction is the new key's, and so is one that is closed while
 * the old key cannot be forgotten; a birth says the same. */
static void what_follows_a_rotation_is_the_new_keys(void **state)
{
	struct bench *bench = *state;
	struct buf note;
	bench_journals(bench, 1, 1);
	bench_begin(bench);
	bench_must(bench, notary_rotate(bench->notary, &bench->info));
	assert_int_equal(notary_rotate(bench->notary, &bench->info), ERR_CONFLICT);
	for (int n = 2; n <= 256; n++) {
		bench_make_journal(bench, n, "10.00");
		bench_record(bench);
	}
	bench_commit(bench);
	const struct public_key next = bench_key(bench, HAL_KEY_NEXT);
	expect_checkpoint(bench, STREAM, 258, &next);
	bench->store.hal.disk_calls_until_fail = 1;
	assert_int_equal(notary_rotated(bench->notary, &bench->info), ERR_IO);
	bench_journals(bench, 300, 300);
	close_all(bench);
	expect_checkpoint(bench, STREAM, 261, &next);
	assert_true(span_equal(notary_public_key(bench->notary), key_span(&next)));
	buf_init(&note, NOTE_BYTES_MAX);
	bench_must(bench,
	           notary_birth(bench->notary, "00112233445566778899aabbccddeeff", &note, &bench->info));
	const struct span signer = key_span(&next);
	expect_signed(buf_span(&note), &signer, 1);
	buf_release(&note);
	bench_must(bench, notary_rotated(bench->notary, &bench->info));
	assert_memory_equal(bench_key(bench, HAL_KEY_CURRENT).bytes, next.bytes, sizeof next.bytes);
}

/* Shows the interruptions: before the commit the old key goes on and a later rotation is whole; after the commit the
 * start makes the new one current. */
static void an_interrupted_rotation_leaves_one_key(void **state)
{
	struct bench *bench = *state;
	const struct public_key old = bench_key(bench, HAL_KEY_CURRENT);
	bench_journals(bench, 1, 1);
	bench_begin(bench);
	bench_must(bench, notary_rotate(bench->notary, &bench->info));
	bench_restart(bench); /* rolls back */
	assert_memory_equal(bench_key(bench, HAL_KEY_CURRENT).bytes, old.bytes, sizeof old.bytes);
	assert_int_equal(bench_stream(bench)->next_sequence, 2);
	bench_begin(bench);
	bench_must(bench, notary_rotate(bench->notary, &bench->info));
	bench_roll_back(bench);
	bench_must(bench, notary_rotated(bench->notary, &bench->info)); /* there is nothing to forget */
	assert_memory_equal(bench_key(bench, HAL_KEY_CURRENT).bytes, old.bytes, sizeof old.bytes);
	close_all(bench);
	expect_checkpoint(bench, STREAM, 2, &old);
	rotate(bench);
	const struct public_key next = bench_key(bench, HAL_KEY_NEXT);
	bench_restart(bench);
	assert_memory_equal(bench_key(bench, HAL_KEY_CURRENT).bytes, next.bytes, sizeof next.bytes);
	assert_int_equal(hal_keys_public(bench->keys, HAL_KEY_NEXT).len, 0);
	expect_rotation(bench, STREAM, 3, &old, &next);
	close_all(bench);
	expect_checkpoint(bench, STREAM, 3, &next);
}

/* Shows that a box with another key than the store's does not start, and says what to do. */
static void another_key_is_refused(void **state)
{
	struct bench *bench = *state;
	bench_journals(bench, 1, 1);
	bench_close(bench);
	remove_folder(bench->keys_folder);
	assert_int_equal(bench_try(bench), ERR_NOT_FOUND);
	assert_true(bench->opening.created);
	assert_non_null(strstr(bench->info.text, "another signing key than the one in "));
	assert_non_null(strstr(bench->info.text, bench->keys_folder));
	assert_non_null(strstr(bench->info.text, "put that key's folder back"));
}

/* ---- birth ---- */

/* Shows the birth: gateway, boot and key, and each stream's last checkpoint; signed by the current key. */
static void a_birth_has_the_last_checkpoints(void **state)
{
	struct bench *bench = *state;
	const struct public_key key = bench_key(bench, HAL_KEY_CURRENT);
	const struct span signer = key_span(&key);
	struct buf bytes;
	struct note note;
	struct birth_note birth;
	struct birth_line line;
	struct digest root;
	(void)test_stream(&bench->store, "00002"); /* without a checkpoint */
	bench_journals(bench, 1, 1);
	close_all(bench);
	bench_journals(bench, 2, 2);
	buf_init(&bytes, NOTE_BYTES_MAX);
	bench_must(bench,
	           notary_birth(bench->notary, "00112233445566778899aabbccddeeff", &bytes, &bench->info));
	expect_signed(buf_span(&bytes), &signer, 1);
	assert_int_equal(note_decode(&note, buf_span(&bytes)), NOTE_FAULT_NONE);
	assert_true(birth_note_decode(&birth, note.text));
	assert_true(span_equal(birth.gateway, SPAN_LITERAL("acme/gw-1")));
	assert_true(span_equal(birth.boot, SPAN_LITERAL("00112233445566778899aabbccddeeff")));
	assert_memory_equal(birth.key, key.bytes, sizeof key.bytes);
	assert_true(birth_note_next(&birth, &line));
	bench_must(bench,
	           store_tree_root_at(bench->store.store, bench_stream(bench)->id, 2, &root, &bench->info));
	assert_true(!line.previous && line.size == 2 && digest_equal(&line.root, &root));
	assert_true(span_equal(line.source, span_of(bench_stream(bench)->source)));
	assert_false(birth_note_next(&birth, &line));
	buf_release(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(control_events_state_the_sums),
	    TEST(totals_follow_the_store),
	    TEST(a_rollback_opens_a_closed_piece),
	    TEST(large_sums_get_pieces_of_their_own),
	    TEST(an_amount_over_all_sums_is_an_exception),
	    TEST(a_piece_is_closed_at_256_leaves),
	    TEST(parts_are_not_torn_apart),
	    TEST(a_piece_is_closed_by_time),
	    TEST(checkpoints_follow_their_leaves),
	    TEST(a_rotation_is_told_in_every_stream),
	    TEST(a_rotations_checkpoint_is_sent),
	    TEST(what_follows_a_rotation_is_the_new_keys),
	    TEST(an_interrupted_rotation_leaves_one_key),
	    TEST(another_key_is_refused),
	    TEST(a_birth_has_the_last_checkpoints),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
