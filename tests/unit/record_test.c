/*
 * record_test.c - from documents to events: what is new, changed, the same, in parts, or held.
 *
 * Why:   here it is decided what the cloud gets to see of a document.
 * Owns:  one struct bench a test.
 * Rules: ids, leaves and chain values are made again from the texts of the events, as a consumer does it.
 * Runs in: the unit tests.
 */
#include "tests/unit/cloud_fixture.h"

#include "connector/uplink/stream_policy.h"
#include "store_forward/chain.h"

#define SUBJECT(number) "00001/journal/2024/" number

/* Records what stands in bench->document, in a transaction of its own. */
static void record(struct bench *bench)
{
	bench_begin(bench);
	bench_record(bench);
	bench_commit(bench);
}

static struct store_document registered(struct bench *bench, const char *subject)
{
	struct store_document document;
	bench_must(bench, store_document_find(bench->store.store, span_of(subject), &document, &bench->info));
	return document;
}

static int64_t last_of(struct bench *bench)
{
	return bench_stream(bench)->next_sequence - 1;
}

static void expect_type(struct bench *bench, int64_t sequence, const char *type, int revision)
{
	char wanted[80];
	char *event = bench_event(bench, STREAM, sequence);
	(void)snprintf(wanted, sizeof wanted, "\"type\":\"com.twinpost.journal.%s.v1\"}", type);
	assert_non_null(strstr(event, wanted));
	(void)snprintf(wanted, sizeof wanted, "\"revision\":%d,", revision);
	assert_non_null(strstr(event, wanted));
	free(event);
}

/* Shows recorded, unchanged, amended, voided, and recorded of a subject that is voided at first sight; the counters. */
static void changes_become_revisions(void **state)
{
	struct bench *bench = *state;
	bench_make_journal(bench, 1, "10.00");
	record(bench);
	record(bench);
	assert_int_equal(last_of(bench), 1);
	expect_type(bench, 1, "recorded", 1);
	bench_make_journal(bench, 1, "11.00");
	record(bench);
	expect_type(bench, 2, "amended", 2);
	bench->document.voided = true;
	record(bench);
	record(bench);
	expect_type(bench, 3, "voided", 3);
	bench_make_journal(bench, 1, "11.00");
	record(bench);
	expect_type(bench, 4, "amended", 4);
	bench_make_journal(bench, 2, "1.00");
	bench->document.voided = true;
	record(bench);
	expect_type(bench, 5, "voided", 1);
	assert_int_equal(registered(bench, SUBJECT("1")).revision, 4);
	assert_true(registered(bench, SUBJECT("2")).voided);
	assert_int_equal(bench->recorder.unchanged, 2);
	assert_int_equal(bench->recorder.recorded + bench->recorder.amended, 5);
	assert_int_equal(bench->recorder.held, 0);
}

/* Shows that an invalid document and one of another source wait as exceptions that end when they read well. */
static void what_cannot_be_sent_waits(void **state)
{
	struct bench *bench = *state;
	bench_make_journal(bench, 1, "10.00");
	sample_set_decimal(&sample_line_at(&bench->document, SECTION_LINES, 0)[JOURNAL_LINE_AMOUNT], "10.01");
	record(bench);
	assert_true(bench->held);
	assert_int_equal(bench_open_exceptions(bench, "journal-balance", SUBJECT("1"), NULL), 1);
	bench_make_journal(bench, 1, "10.00");
	record(bench);
	assert_false(bench->held);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	bench_begin(bench);
	bench_must(bench, recorder_document(&bench->recorder, "other", "sap/1", &bench->document,
	                                    &bench->held, &bench->info));
	bench_commit(bench);
	assert_true(bench->held);
	assert_int_equal(bench_open_exceptions(bench, "subject-of-another-source", SUBJECT("1"), NULL), 1);
	assert_int_equal(last_of(bench), 1);
	assert_int_equal(bench->recorder.held, 2);
}

/* ---- parts ---- */

/* A journal whose lines have texts of 200 bytes: so many lines, an even number. */
static void make_long_journal(struct bench *bench, int number, int lines, char letter)
{
	char text[201];
	memset(text, letter, sizeof text - 1);
	text[sizeof text - 1] = 0;
	bench_make_journal(bench, number, "1.00");
	for (int i = 2; i < lines; i++) {
		struct value *line =
		    sample_add_journal_line(&bench->document, i % 2 ? "-2.00" : "2.00", NULL);
		sample_set_text(&bench->document, &line[JOURNAL_LINE_TEXT], text);
	}
}

static struct digest digest_of_text(const char *text)
{
	const struct span all = span_of(text);
	return digest_of(&all, 1);
}

/* The event's id, leaf and chain value, made again from its own texts; previous goes on to its chain value. */
static void expect_proof(struct bench *bench, int64_t sequence, struct digest *previous)
{
	char *event = bench_event(bench, STREAM, sequence);
	char *data = text_between(event, "\"data\":", ",\"datacontenttype\":");
	const char *around = strstr(event, ",\"datacontenttype\":"); /* members of data have such names too */
	char *id = text_between(around, ",\"id\":\"", "\"");
	char *part = strstr(around, ",\"part\":") ? text_between(around, ",\"part\":\"", "\"") : NULL;
	char *subject = text_between(around, ",\"subject\":\"", "\"");
	char *revision = text_between(around, ",\"revision\":", ",");
	char *digits = text_between(around, ",\"sequence\":\"", "\"");
	char *time = text_between(around, ",\"time\":\"", "\"");
	char *type = text_between(around, ",\"type\":\"", "\"");
	char *schema = text_between(around, ",\"dataschema\":\"", "\"");
	char *chain = text_between(event, "{\"chainhash\":\"", "\"");
	const struct digest hash = digest_of_text(data);
	char hex[DIGEST_HEX_SIZE];
	char text[600];
	digest_hex(&hash, hex);
	(void)snprintf(text, sizeof text, "tp1/id/v1\n%s\n%s\n%s\n%s%s", subject, revision, hex,
	               part ? part : "", part ? "\n" : "");
	const struct digest named = digest_of_text(text);
	digest_hex(&named, hex);
	assert_memory_equal(id, hex, 32);
	assert_int_equal(strlen(id), 32);
	const struct chain_leaf covered = {span_of(bench_stream(bench)->source),
	                                   span_of(digits),
	                                   span_of(id),
	                                   span_of(type),
	                                   span_of(subject),
	                                   span_of(revision),
	                                   span_of(time),
	                                   span_of(schema),
	                                   hash};
	const struct digest leaf = chain_leaf_hash(&covered);
	struct digest stored;
	bench_must(bench,
	           store_leaf(bench->store.store, bench_stream(bench)->id, sequence, &stored, &bench->info));
	assert_true(digest_equal(&leaf, &stored));
	*previous = chain_link(previous, &leaf);
	digest_hex(previous, hex);
	assert_string_equal(chain, hex);
	assert_int_equal(strtoll(digits, NULL, 10), sequence);
	char *texts[] = {event, data, id, part, subject, revision, digits, time, type, schema, chain};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		free(texts[i]);
}

/* The lists of lines of events first..last, one after the other. */
static char *lines_of(struct bench *bench, int64_t first, int64_t last)
{
	struct buf all;
	buf_init(&all, 1000000);
	for (int64_t s = first; s <= last; s++) {
		char *event = bench_event(bench, STREAM, s);
		char *lines = text_between(event, "\"lines\":[", "]");
		buf_append_text(&all, s > first ? "," : "");
		buf_append_text(&all, lines);
		free(lines);
		free(event);
	}
	char *text = strdup(buf_cstr(&all));
	assert_non_null(text);
	buf_release(&all);
	return text;
}

/* Shows a document in parts: consecutive sequences, words 1/n to n/n, each its own id and leaf, no line lost or
 * doubled; the register names the first and the number; an amendment is a revision in parts again. */
static void a_large_document_is_sent_in_parts(void **state)
{
	struct bench *bench = *state;
	make_long_journal(bench, 1, 40, 'x');
	record(bench);
	assert_int_equal(last_of(bench), 1);
	bench->config.uplink.message_bytes_max = 3000;
	make_long_journal(bench, 2, 40, 'x');
	record(bench);
	assert_false(bench->held);
	struct store_document document = registered(bench, SUBJECT("2"));
	assert_true(document.sequence == 2 && document.parts > 3 && document.revision == 1);
	assert_int_equal(last_of(bench), 1 + document.parts);
	char *whole = lines_of(bench, 1, 1);
	char *parts = lines_of(bench, 2, last_of(bench));
	assert_string_equal(whole, parts);
	free(whole);
	free(parts);
	record(bench);
	assert_int_equal(bench->recorder.unchanged, 1);
	make_long_journal(bench, 2, 40, 'y');
	record(bench);
	int64_t first = document.sequence + document.parts;
	document = registered(bench, SUBJECT("2"));
	assert_true(document.sequence == first && document.revision == 2);
	assert_int_equal(last_of(bench), first + document.parts - 1);
	struct digest chain = chain_start(span_of(bench_stream(bench)->source));
	for (int64_t s = 1; s <= last_of(bench); s++) {
		char wanted[40];
		int64_t part = s < first ? s - 1 : s - first + 1;
		char *event = bench_event(bench, STREAM, s);
		(void)snprintf(wanted, sizeof wanted, "\"part\":\"%d/%d\",\"partitionkey\"", (int)part,
		               document.parts);
		assert_true((strstr(event, wanted) != NULL) == (s > 1));
		assert_true(s == 1 || strlen(event) <= 3000);
		free(event);
		expect_proof(bench, s, &chain);
	}
}

/* Shows the edge: an event of exactly message_size_max is sent whole, one byte over it in parts. Numbers of one digit
 * give events of one length. */
static void the_edge_of_the_message_size(void **state)
{
	struct bench *bench = *state;
	make_long_journal(bench, 1, 10, 'x');
	record(bench);
	char *event = bench_event(bench, STREAM, 1);
	int len = (int)strlen(event);
	free(event);
	bench->config.uplink.message_bytes_max = len;
	make_long_journal(bench, 2, 10, 'x');
	record(bench);
	assert_int_equal(registered(bench, SUBJECT("2")).parts, 1);
	event = bench_event(bench, STREAM, 2);
	assert_int_equal(strlen(event), len);
	free(event);
	bench->config.uplink.message_bytes_max = len - 1;
	make_long_journal(bench, 3, 10, 'x');
	record(bench);
	assert_int_equal(registered(bench, SUBJECT("3")).parts, 2);
	assert_int_equal(last_of(bench), 4);
}

/* Shows that a line which fits no message holds the document as an exception, nothing of it is sent, and the next ones
 * go on; with a larger limit it is sent and the exception ends. */
static void a_line_over_the_limit_waits(void **state)
{
	struct bench *bench = *state;
	struct exception_seen seen;
	bench->config.uplink.message_bytes_max = 1024;
	make_long_journal(bench, 1, 4, 'x');
	sample_set_header(&bench->document, HEADER_NUMBER, "1");
	char text[900];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	sample_set_text(&bench->document,
	                &sample_line_at(&bench->document, SECTION_LINES, 3)[JOURNAL_LINE_TEXT], text);
	record(bench);
	assert_true(bench->held);
	assert_int_equal(bench_open_exceptions(bench, "event-too-large", SUBJECT("1"), &seen), 1);
	assert_int_equal(seen.owner, STORE_OWNER_TECHNICAL);
	assert_int_equal(last_of(bench), 0);
	bench->config.uplink.message_bytes_max = 60000;
	bench_journals(bench, 2, 2);
	make_long_journal(bench, 1, 4, 'x');
	record(bench);
	assert_int_equal(store_exceptions_open(bench->store.store), 0);
	assert_int_equal(last_of(bench), 2);
}

/* ---- policies ---- */

static int pruned(struct bench *bench)
{
	int deleted;
	bench_begin(bench);
	bench_must(bench, store_prune(bench->store.store, bench->store.hal.wall_ns + 7200 * NS_PER_S, 100,
	                              &deleted, &bench->info));
	bench_roll_back(bench);
	return deleted;
}

/* Shows that a stream's rule becomes its policy when it is made and when the store is opened: puback prunes what is
 * acknowledged, cosigned waits for a receipt, booked for outcomes. */
static void rules_become_policies(void **state)
{
	static const struct {
		enum config_receipt receipt;
		bool pruned;
	} cases[] = {
	    {CONFIG_RECEIPT_COSIGNED, false}, {CONFIG_RECEIPT_PUBACK, true}, {CONFIG_RECEIPT_BOOKED, false}};
	struct bench *bench = *state;
	struct config_stream_rule *rule = &bench->config.streams[0];
	bench->config.stream_count = 1;
	assert_true(text_copy(rule->entity, sizeof rule->entity, SPAN_LITERAL("*")));
	assert_true(text_copy(rule->name, sizeof rule->name, SPAN_LITERAL("{entity}")));
	rule->receipt = CONFIG_RECEIPT_COSIGNED;
	bench_journals(bench, 1, 3);
	test_acknowledge(&bench->store, STREAM, 3, bench->store.hal.wall_ns);
	assert_int_equal(pruned(bench), 0); /* set when the stream was made */
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rule->receipt = cases[i].receipt;
		bench_restart(bench);
		stream_policy_all(bench->store.store, &bench->config);
		assert_int_equal(pruned(bench) > 0, cases[i].pruned);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(changes_become_revisions),          TEST(what_cannot_be_sent_waits),
	    TEST(a_large_document_is_sent_in_parts), TEST(the_edge_of_the_message_size),
	    TEST(a_line_over_the_limit_waits),       TEST(rules_become_policies),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
