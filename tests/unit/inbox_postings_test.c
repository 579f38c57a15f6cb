/*
 * inbox_postings_test.c - the cloud's postings: taken once, whole, numbered; what is missing is known and told.
 *
 * Why:   a posting that is lost without a word makes a difference that nobody made, or hides one.
 * Owns:  one struct desk a test, and the ledger's place: what was handed on, and the states of sources.
 * Rules: 1. Events are put together here, text by text.
 *        2. The ledger of this file knows transactions: what is rolled back is gone from it too.
 * Runs in: the unit tests.
 */
#include "tests/unit/inbox_fixture.h"

#include "connector/compare/posting_sequence.h"
#include "tests/lib/page_block.h"

#define SOURCE     "urn:cloud:ledger:1"
#define TOPIC      "dn/post/00001"
#define STATES_MAX (POSTING_SOURCES_MAX + 1)
#define TAKEN_MAX  400
#define NOW        "\"time\":\"2026-01-02T03:04:05.000Z\"}"

struct side {
	int taken;
	char subjects[TAKEN_MAX][STORE_SUBJECT_MAX];
	int64_t revisions[TAKEN_MAX];
	struct digest contents[TAKEN_MAX];
	char states[STATES_MAX][POSTING_SEQUENCE_BYTES_MAX];
	int lines; /* of the last document */
	bool voided;
	enum err fails; /* ERR_OK: it works */
};
static struct side side;
static struct side committed;

static enum err take(void *self, const struct posting_event *event, const struct document *document,
                     struct err_info *info)
{
	(void)self;
	if (side.fails != ERR_OK)
		return err_set(info, side.fails, "the ledger's disk");
	for (int i = 0; i < side.taken; i++) {
		if (strcmp(side.subjects[i], event->subject) != 0 || side.revisions[i] != event->revision)
			continue;
		return digest_equal(&side.contents[i], &event->content)
		           ? ERR_OK
		           : err_set(info, ERR_CONFLICT, "revision %d of %s is kept with another content",
		                     (int)event->revision, event->subject);
	}
	assert_true(side.taken < TAKEN_MAX);
	assert_true(text_copy(side.subjects[side.taken], STORE_SUBJECT_MAX, span_of(event->subject)));
	side.revisions[side.taken] = event->revision;
	side.contents[side.taken++] = event->content;
	side.lines = document->sections[SECTION_LINES].count;
	side.voided = document->voided;
	return ERR_OK;
}

static int slot_of(const char *name)
{
	char expected[40];
	for (int slot = 0; slot < STATES_MAX; slot++) {
		(void)snprintf(expected, sizeof expected, POSTING_SEQUENCE_NAME_FORMAT, slot);
		if (strcmp(expected, name) == 0)
			return slot;
	}
	fail_msg("%s", name);
	return -1;
}

static enum err state_of(void *self, const char *name, struct buf *out, struct err_info *info)
{
	const char *state = side.states[slot_of(name)];
	(void)self;
	buf_clear(out);
	if (state[0] == 0)
		return err_set(info, ERR_NOT_FOUND, "none");
	buf_append_text(out, state);
	return ERR_OK;
}

static enum err keep_state(void *self, const char *name, struct span state, struct err_info *info)
{
	(void)self;
	(void)info;
	assert_true(text_copy(side.states[slot_of(name)], POSTING_SEQUENCE_BYTES_MAX, state));
	return ERR_OK;
}

static void open_again(struct desk *desk)
{
	inbox_free(desk->inbox);
	desk_open(desk);
}

static int set_up(void **state)
{
	(void)desk_set_up(state);
	struct desk *desk = *state;
	memset(&side, 0, sizeof side);
	desk->posting = take;
	desk->posting_state = state_of;
	desk->posting_keep = keep_state;
	open_again(desk);
	return 0;
}

/* ---- events ---- */

struct posted {
	const char *source;
	int64_t sequence;
	const char *id; /* NULL: "c-" and the number */
	int number;     /* of the document; 0: that of the sequence */
	int revision;
	const char *change;
	const char *part;
	const char *amount;
	int lines; /* pairs */
};

static char *make_event(const struct posted *posted)
{
	char *text = malloc(16384);
	char id[40];
	int number = posted->number ? posted->number : (int)posted->sequence;
	int len;
	assert_non_null(text);
	(void)snprintf(id, sizeof id, "c-%d", (int)posted->sequence);
	len = snprintf(text, 16384,
	               "{\"data\":{\"currency\":\"EUR\",\"entity\":\"10\",\"lines\":["
	               "{\"account\":\"4000\",\"amount\":\"%s\",\"line\":\"1\"}",
	               posted->amount ? posted->amount : "1.00");
	for (int i = 0; i < (posted->lines ? posted->lines : 1); i++)
		len += snprintf(text + len, (size_t)(16384 - len),
		                ",{\"account\":\"1200\",\"amount\":\"%s\",\"line\":\"2\"}",
		                i ? "0.00" : "-1.00");
	len += snprintf(text + len, (size_t)(16384 - len),
	                "],\"number\":\"J-%d\",\"period\":9,\"posting_date\":\"2025-09-30\","
	                "\"source_system\":\"cloud\",\"type\":\"journal\",\"year\":2025},\"id\":\"%s\"%s%s%s,"
	                "\"revision\":%d,\"sequence\":\"%020d\",\"source\":\"%s\",\"specversion\":\"1.0\","
	                "\"subject\":\"10/journal/2025/J-%d\",\"time\":\"2026-01-02T03:04:00.000Z\","
	                "\"type\":\"com.twinpost.journal.%s.v1\"}",
	                number, posted->id ? posted->id : id, posted->part ? ",\"part\":\"" : "",
	                posted->part ? posted->part : "", posted->part ? "\"" : "",
	                posted->revision ? posted->revision : 1, (int)posted->sequence,
	                posted->source ? posted->source : SOURCE, number,
	                posted->change ? posted->change : "recorded");
	assert_true(len < 16384);
	return text;
}

/* The receipt that is due now; NULL: none. */
static char *take_receipt(struct desk *desk)
{
	struct bench *bench = desk->bench;
	int64_t next = store_mail_next_id(bench->store.store);
	assert_true(inbox_receipts_due(desk->inbox) == INT64_MAX); /* never before the commit */
	inbox_committed(desk->inbox);
	if (inbox_receipts_due(desk->inbox) > bench->store.hal.mono_ns)
		return NULL;
	bench_begin(bench);
	bench_must(bench, inbox_tell_receipts(desk->inbox, &bench->info));
	bench_commit(bench);
	assert_int_equal(store_mail_next_id(bench->store.store) - next, 1);
	return bench_mail(bench, next);
}

static char *take_text(struct desk *desk, const char *text)
{
	char *answer = desk_take(desk, TOPIC, span_of(text), false);
	char *receipt = take_receipt(desk);
	assert_true(!answer || !receipt);
	return answer ? answer : receipt;
}

static char *post(struct desk *desk, struct posted posted)
{
	char *event = make_event(&posted);
	char *answer = take_text(desk, event);
	free(event);
	return answer;
}

static void post_quietly(struct desk *desk, struct posted posted)
{
	assert_null(post(desk, posted));
}

static struct posting_sequence sequence_at(int slot)
{
	struct posting_sequence state;
	assert_true(posting_sequence_read(&state, span_of(side.states[slot])));
	return state;
}

/* The receipts that are due a minute later; how many there were. */
static int receipts_after_a_minute(struct desk *desk)
{
	struct bench *bench = desk->bench;
	int64_t next = store_mail_next_id(bench->store.store);
	bench->store.hal.mono_ns += 60 * NS_PER_S;
	assert_true(inbox_receipts_due(desk->inbox) <= bench->store.hal.mono_ns);
	bench_begin(bench);
	bench_must(bench, inbox_tell_receipts(desk->inbox, &bench->info));
	bench_commit(bench);
	assert_true(inbox_receipts_due(desk->inbox) == INT64_MAX);
	return (int)(store_mail_next_id(bench->store.store) - next);
}

/* ---- tests ---- */

static void postings_are_taken_and_receipted(void **state)
{
	struct desk *desk = *state;
	struct inbox_counters counters;
	for (int i = 1; i < 100; i++)
		post_quietly(desk, (struct posted){.sequence = i});
	expect_answer(
	    post(desk, (struct posted){.sequence = 100, .change = "voided"}),
	    "up/res {\"command\":\"posting\",\"id\":\"c-100\",\"result\":{\"missing\":[],\"next\":101,"
	    "\"source\":\"" SOURCE "\",\"upto\":100},\"state\":\"done\"," NOW);
	assert_int_equal(side.taken, 100);
	assert_true(side.voided);
	assert_string_equal(side.subjects[99], "10/journal/2025/J-100");
	inbox_counters(desk->inbox, &counters);
	assert_int_equal(counters.postings, 100);
	assert_int_equal(bench_open_exceptions(desk->bench, NULL, NULL, NULL), 0);
	/* One more: a minute later. */
	post_quietly(desk, (struct posted){.sequence = 101});
	assert_int_equal(receipts_after_a_minute(desk), 1);
	assert_int_equal(sequence_at(0).next, 102);
}

/* The example of docs/contract/postings.md, as it stands there. */
static void the_page_example_is_taken(void **state)
{
	struct desk *desk = *state;
	char *example = page_block("docs/contract/postings.md", "```json\n", 0);
	assert_null(take_text(desk, example));
	free(example);
	assert_true(side.taken == 1 && side.lines == 1);
	assert_string_equal(side.subjects[0], "10/invoice/2025/INV-000001");
	assert_int_equal(bench_open_exceptions(desk->bench, NULL, NULL, NULL), 0);
}

/* The same again, and the same of long ago: dropped, counted, receipted. Another id or content: told, and not taken. */
static void repeats_and_lies(void **state)
{
	struct desk *desk = *state;
	struct inbox_counters counters;
	post_quietly(desk, (struct posted){.sequence = 1});
	post_quietly(desk, (struct posted){.sequence = 1});
	inbox_counters(desk->inbox, &counters);
	assert_true(counters.postings == 1 && counters.postings_repeated == 1);
	expect_in(post(desk, (struct posted){.sequence = 1, .id = "other"}),
	          "\"id\":\"other\",\"reason\":\"id-reused\",\"state\":\"rejected\"");
	expect_in(post(desk, (struct posted){.sequence = 1, .amount = "2.00"}), "\"reason\":\"id-reused\"");
	assert_int_equal(desk_open_count(desk, "cloud-equivocation", SOURCE), 1);
	assert_true(sequence_at(0).conflicts == 2 && sequence_at(0).gap_count == 0);
	assert_int_equal(side.taken, 1);
	/* The same subject and revision, with another content, under a new number: not taken, so missing. */
	expect_in(post(desk, (struct posted){.sequence = 2, .number = 1, .lines = 2}),
	          "kept with another content");
	struct posting_sequence sequence = sequence_at(0);
	assert_true(posting_sequence_upto(&sequence) == 1 && sequence.next == 3 && sequence.conflicts == 3);
	/* Mended under its number. The amount's digits alone make no other content. */
	expect_in(post(desk, (struct posted){.sequence = 2, .number = 1, .amount = "1.0"}), "\"upto\":2}");
	assert_int_equal(desk_open_count(desk, "cloud-gap", SOURCE), 0);
	assert_int_equal(side.taken, 1);
}

static void gaps_are_known_until_filled(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	post_quietly(desk, (struct posted){.sequence = 1});
	expect_in(post(desk, (struct posted){.sequence = 5}),
	          "{\"missing\":[{\"from\":2,\"to\":4}],\"next\":6,");
	post_quietly(desk, (struct posted){.sequence = 8});
	post_quietly(desk, (struct posted){.sequence = 9});
	assert_int_equal(side.taken, 4); /* what is behind a gap is taken */
	assert_int_equal(bench_open_exceptions(desk->bench, "cloud-gap", SOURCE, &seen), 1);
	assert_int_equal(seen.owner, STORE_OWNER_TECHNICAL);
	assert_non_null(strstr(seen.text, "postings 2 to 4, 6 to 7 of this source are missing: have the "
	                                  "middleware publish them again, unchanged, on dn/post/00001;"));
	/* Over a restart. */
	open_again(desk);
	post_quietly(desk, (struct posted){.sequence = 7});
	post_quietly(desk, (struct posted){.sequence = 2});
	post_quietly(desk, (struct posted){.sequence = 3});
	post_quietly(desk, (struct posted){.sequence = 6});
	assert_int_equal(desk_open_count(desk, "cloud-gap", SOURCE), 1);
	expect_in(post(desk, (struct posted){.sequence = 4}), "{\"missing\":[],\"next\":10,");
	assert_int_equal(desk_open_count(desk, "cloud-gap", SOURCE), 0);
	assert_int_equal(side.taken, 9);
}

static void what_cannot_be_read_is_missing(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	post_quietly(desk, (struct posted){.sequence = 1});
	/* An amount that is no decimal. */
	expect_in(
	    post(desk, (struct posted){.sequence = 2, .amount = "1e3"}),
	    "\"reason\":\"malformed\",\"state\":\"rejected\",\"text\":\"the cloud's posting c-2, sequence 2: "
	    "data.lines[0].amount is no decimal");
	assert_int_equal(bench_open_exceptions(desk->bench, "cloud-unreadable", SOURCE, &seen), 1);
	assert_non_null(strstr(seen.raw, "1e3"));
	assert_true(sequence_at(0).gap_count == 1 && sequence_at(0).next == 3);
	/* Its subject is that of another document. */
	expect_in(post(desk, (struct posted){.sequence = 3, .number = 7, .change = "split"}),
	          "its type is none");
	char *event = make_event(&(struct posted){.sequence = 3});
	memcpy(strstr(event, "2025/J-3"), "2024", 4);
	expect_in(take_text(desk, event), "subject is not 10/journal/2025/J-3, as entity");
	free(event);
	/* Mended. */
	post_quietly(desk, (struct posted){.sequence = 3});
	expect_in(post(desk, (struct posted){.sequence = 2}), "\"upto\":3}");
	assert_int_equal(bench_open_exceptions(desk->bench, NULL, NULL, NULL), 0);
	/* Nobody can be answered. */
	assert_null(take_text(desk, "garbage"));
	assert_null(take_text(desk, ""));
	assert_null(take_text(desk, "{}"));
	assert_int_equal(desk_open_count(desk, "cloud-unreadable", "?"), 1);
	event = make_event(&(struct posted){.sequence = 4});
	expect_in(desk_take(desk, TOPIC, span_of(event), true), "\"reason\":\"retained\"");
	assert_null(desk_take(desk, "dn/post/A B", span_of(event), false));
	free(event);
	assert_int_equal(desk_open_count(desk, "cloud-retained", "?"), 1);
	assert_int_equal(desk_open_count(desk, "inbound-unknown", "topics"), 1);
	assert_int_equal(sequence_at(0).next, 4);
}

/* It is told, and taken all the same; a later revision that is right ends it. */
static void what_is_wrong_is_a_fact(void **state)
{
	struct desk *desk = *state;
	struct exception_seen seen;
	post_quietly(desk, (struct posted){.sequence = 1, .amount = "1.01"});
	assert_int_equal(side.taken, 1);
	assert_int_equal(bench_open_exceptions(desk->bench, "cloud-invalid", "10/journal/2025/J-1", &seen),
	                 1);
	assert_int_equal(seen.owner, STORE_OWNER_DATA_QUALITY);
	assert_non_null(
	    strstr(seen.text, "journal-balance: the cloud has booked a document in which debits 1.01"));
	post_quietly(desk, (struct posted){.sequence = 2, .number = 1, .revision = 2, .change = "amended"});
	assert_int_equal(desk_open_count(desk, "cloud-invalid", NULL), 0);
	assert_int_equal(side.taken, 2);
}

/* ---- parts ---- */

static char *post_part(struct desk *desk, int64_t sequence, const char *part)
{
	return post(desk, (struct posted){.sequence = sequence, .number = 50, .part = part});
}

static void parts_are_put_together(void **state)
{
	struct desk *desk = *state;
	post_quietly(desk, (struct posted){.sequence = 1});
	assert_null(post_part(desk, 2, "1/3"));
	assert_null(post_part(desk, 3, "2/3"));
	assert_null(post_part(desk, 3, "2/3"));
	assert_int_equal(side.taken, 1);
	assert_int_equal(sequence_at(0).next, 2);
	assert_null(post_part(desk, 4, "3/3"));
	assert_true(side.taken == 2 && side.lines == 6);
	assert_int_equal(sequence_at(0).next, 5);
	/* All of it again: repeats. */
	assert_null(post_part(desk, 2, "1/3"));
	assert_null(post_part(desk, 3, "2/3"));
	assert_null(post_part(desk, 4, "3/3"));
	assert_int_equal(side.taken, 2);
	assert_int_equal(bench_open_exceptions(desk->bench, NULL, NULL, NULL), 0);
}

/* What a restart took is missing, and comes again. */
static void parts_over_a_restart(void **state)
{
	struct desk *desk = *state;
	assert_null(post_part(desk, 1, "1/3"));
	assert_null(post_part(desk, 2, "2/3"));
	open_again(desk);
	expect_in(post_part(desk, 3, "3/3"), "{\"missing\":[{\"from\":1,\"to\":3}],\"next\":4,");
	assert_int_equal(desk_open_count(desk, "cloud-gap", SOURCE), 1);
	assert_null(post_part(desk, 1, "1/3"));
	assert_null(post_part(desk, 2, "2/3"));
	expect_in(post_part(desk, 3, "3/3"), "\"upto\":3}");
	assert_true(side.taken == 1 && side.lines == 6);
	assert_int_equal(bench_open_exceptions(desk->bench, NULL, NULL, NULL), 0);
	/* Another document between its parts does not harm it. */
	assert_null(post(desk, (struct posted){.sequence = 4, .number = 60, .part = "1/2"}));
	expect_in(post(desk, (struct posted){.sequence = 6}), "{\"missing\":[{\"from\":4,\"to\":5}]");
	expect_in(post(desk, (struct posted){.sequence = 5, .number = 60, .part = "2/2"}), "\"upto\":6}");
	assert_int_equal(side.taken, 3);
}

/* ---- the store and the ledger ---- */

static void a_transaction_that_is_lost(void **state)
{
	struct desk *desk = *state;
	struct bench *bench = desk->bench;
	post_quietly(desk, (struct posted){.sequence = 1});
	assert_null(post_part(desk, 2, "1/2"));
	char *event = make_event(&(struct posted){.sequence = 3, .number = 50, .part = "2/2"});
	committed = side;
	bench_begin(bench);
	bench_must(bench, inbox_message(desk->inbox, span_of(TOPIC), span_of(event), false, &bench->info));
	assert_int_equal(side.taken, 2);
	bench_roll_back(bench);
	side = committed;
	/* The broker sends it again, because nothing was acknowledged. */
	assert_null(take_text(desk, event));
	assert_true(side.taken == 2 && side.lines == 4);
	assert_int_equal(sequence_at(0).next, 4);
	free(event);
	/* A source that began in a transaction that was lost. */
	event = make_event(&(struct posted){.source = "urn:cloud:2", .sequence = 1, .number = 70});
	committed = side;
	bench_begin(bench);
	bench_must(bench, inbox_message(desk->inbox, span_of(TOPIC), span_of(event), false, &bench->info));
	bench_roll_back(bench);
	side = committed;
	post_quietly(desk, (struct posted){.source = "urn:cloud:3", .sequence = 1, .number = 80});
	assert_string_equal(sequence_at(1).source, "urn:cloud:3");
	assert_null(take_text(desk, event));
	assert_string_equal(sequence_at(2).source, "urn:cloud:2");
	assert_int_equal(bench_open_exceptions(bench, NULL, NULL, NULL), 0);
	free(event);
}

/* The agent goes on; the posting comes again. A ledger that begins anew asks for everything. */
static void a_ledger_that_fails(void **state)
{
	struct desk *desk = *state;
	struct inbox_counters counters;
	post_quietly(desk, (struct posted){.sequence = 1});
	side.fails = ERR_CORRUPT;
	post_quietly(desk, (struct posted){.sequence = 2});
	side.fails = ERR_OK;
	inbox_counters(desk->inbox, &counters);
	assert_int_equal(counters.postings, 1);
	post_quietly(desk, (struct posted){.sequence = 2});
	assert_int_equal(sequence_at(0).next, 3);
	memset(&side, 0, sizeof side);
	expect_in(post(desk, (struct posted){.sequence = 3}),
	          "{\"missing\":[{\"from\":1,\"to\":2}],\"next\":4,");
	assert_int_equal(desk_open_count(desk, "cloud-gap", SOURCE), 1);
	/* No receipt of what the ledger does not have. */
	memset(&side, 0, sizeof side);
	post_quietly(desk, (struct posted){.source = "urn:cloud:2", .sequence = 1});
	memset(&side, 0, sizeof side);
	assert_int_equal(receipts_after_a_minute(desk), 0);
}

static void sources_have_a_limit(void **state)
{
	struct desk *desk = *state;
	char name[40];
	for (int i = 0; i < POSTING_SOURCES_MAX; i++) {
		(void)snprintf(name, sizeof name, "urn:cloud:%d", i);
		post_quietly(desk, (struct posted){.source = name, .sequence = 1, .number = i + 1});
	}
	expect_in(post(desk, (struct posted){.sequence = 1}), "\"reason\":\"refused\"");
	assert_int_equal(desk_open_count(desk, "cloud-source-limit", "?"), 1);
	/* A damaged state: its source is asked for all, the others stay. */
	(void)snprintf(side.states[3], sizeof side.states[3], "damaged");
	open_again(desk);
	expect_in(post(desk, (struct posted){.source = "urn:cloud:3", .sequence = 2, .number = 900}),
	          "\"reason\":\"refused\"");
	post_quietly(desk, (struct posted){.source = "urn:cloud:63", .sequence = 2, .number = 901});
	assert_int_equal(side.taken, POSTING_SOURCES_MAX + 1);
	assert_int_equal(receipts_after_a_minute(desk), 1);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, desk_tear_down)
	const struct CMUnitTest tests[] = {
	    WITH(postings_are_taken_and_receipted),
	    WITH(the_page_example_is_taken),
	    WITH(repeats_and_lies),
	    WITH(gaps_are_known_until_filled),
	    WITH(what_cannot_be_read_is_missing),
	    WITH(what_is_wrong_is_a_fact),
	    WITH(parts_are_put_together),
	    WITH(parts_over_a_restart),
	    WITH(a_transaction_that_is_lost),
	    WITH(a_ledger_that_fails),
	    WITH(sources_have_a_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
