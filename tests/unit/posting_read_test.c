/*
 * posting_read_test.c - postings are read as they were written, and nothing else is read.
 *
 * Why:   a field that is lost while reading would be a difference that nobody made, or hide one that somebody made.
 * Owns:  two documents, a reader and a buffer.
 * Rules: 1. Random documents of every type, every field present or not, are written, read and written again: the same
 *           bytes, whole and in parts of every size.
 *        2. Events are those of envelope_write(), and ones written by hand.
 *        3. What must be refused is named with the words of its refusal.
 * Runs in: the tests.
 */
#include "connector/compare/posting_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

#define ROUNDS 3000

struct fixture {
	struct canonical canonical;
	struct posting_reader reader;
	struct document written;
	struct document found;
	struct buf first;
	struct buf second;
	uint64_t random;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	canonical_init(&fixture->canonical);
	posting_reader_init(&fixture->reader, &fixture->canonical);
	document_init(&fixture->written);
	document_init(&fixture->found);
	buf_init(&fixture->first, 16u << 20);
	buf_init(&fixture->second, 16u << 20);
	fixture->random = 0x9E3779B97F4A7C15u;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	posting_reader_release(&fixture->reader);
	document_release(&fixture->written);
	document_release(&fixture->found);
	buf_release(&fixture->first);
	buf_release(&fixture->second);
	free(fixture);
	return 0;
}

/* xorshift64: the same documents in every run. */
static uint64_t draw(struct fixture *fixture, uint64_t below)
{
	fixture->random ^= fixture->random << 13;
	fixture->random ^= fixture->random >> 7;
	fixture->random ^= fixture->random << 17;
	return fixture->random % below;
}

static void draw_value(struct fixture *fixture, enum value_kind kind, struct value *value)
{
	static const char *const pieces[] = {"a",         "0",        " ",
	                                     "\"",        "\\",       "/",
	                                     "\n",        "\x01",     "\t",
	                                     "\x7f",      "\xc3\xbc", "\xe2\x82\xac",
	                                     "{",         "]",        "\xf0\x9f\x98\x80",
	                                     ",",         ":",        "\\u0041",
	                                     "A\xcc\x8a", "null"};
	char text[200] = "";
	value->present = true;
	switch (kind) {
	case VALUE_TEXT:
		for (uint64_t i = 1 + draw(fixture, 12); i > 0; i--) {
			size_t piece = draw(fixture, sizeof pieces / sizeof pieces[0]);
			(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", pieces[piece]);
		}
		sample_set_text(&fixture->written, value, text);
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		value->as.decimal =
		    (struct decimal){(int64_t)(draw(fixture, UINT64_MAX) >> draw(fixture, 64)),
		                     (uint8_t)draw(fixture, DECIMAL_SCALE_MAX + 1)};
		break;
	case VALUE_INTEGER:
		value->as.integer = (int64_t)draw(fixture, UINT64_C(1) << 53) * (draw(fixture, 2) ? 1 : -1);
		break;
	case VALUE_DATE:
		assert_int_equal(date_from_civil(&value->as.date, 1900 + (int)draw(fixture, 300),
		                                 1 + (int)draw(fixture, 12), 1 + (int)draw(fixture, 28)),
		                 ERR_OK);
		break;
	case VALUE_BOOLEAN:
		value->as.boolean = draw(fixture, 2);
		break;
	}
}

static void draw_document(struct fixture *fixture, int lines_max)
{
	enum document_type type = (enum document_type)draw(fixture, DOCUMENT_TYPE_COUNT);
	const struct document_spec *spec = document_spec(type);
	struct document *document = &fixture->written;
	document_begin(document, type);
	for (int slot = 0; slot < spec->header_count; slot++) {
		if (draw(fixture, 3) > 0)
			draw_value(fixture, spec->header[slot].kind, &document->header[slot]);
	}
	sample_set_header(document, HEADER_TYPE, spec->name);
	for (int section = 0; section < SECTION_COUNT; section++) {
		const struct section_spec *lines = &spec->sections[section];
		for (uint64_t i = lines->key ? draw(fixture, (uint64_t)lines_max + 1) : 0; i > 0; i--) {
			struct value *line = document_add_line(document, (enum document_section)section);
			for (int slot = 0; slot < lines->field_count; slot++) {
				if (draw(fixture, 2) > 0)
					draw_value(fixture, lines->fields[slot].kind, &line[slot]);
			}
		}
	}
}

static void expect_same_bytes(struct fixture *fixture)
{
	buf_clear(&fixture->second);
	canonical_write(&fixture->canonical, &fixture->found, &fixture->second);
	assert_true(buf_ok(&fixture->second));
	assert_string_equal(buf_cstr(&fixture->second), buf_cstr(&fixture->first));
}

static void test_every_document_comes_back(void **state)
{
	struct fixture *fixture = *state;
	struct err_info info = {.text = ""};
	for (int round = 0; round < ROUNDS; round++) {
		draw_document(fixture, 4);
		buf_clear(&fixture->first);
		canonical_write(&fixture->canonical, &fixture->written, &fixture->first);
		assert_true(buf_ok(&fixture->first));
		if (posting_read(&fixture->reader, buf_span(&fixture->first), &fixture->found, &info) !=
		    ERR_OK)
			fail_msg("%s: %s", info.text, buf_cstr(&fixture->first));
		expect_same_bytes(fixture);
	}
}

/* Reads the parts of what stands in `written`; how many there were, 0: it cannot be split so. */
static int read_parts(struct fixture *fixture, size_t data_max)
{
	struct parts parts;
	struct part part;
	struct err_info info = {.text = ""};
	int count = 0;
	enum err err = parts_open(&parts, &fixture->canonical, &fixture->written, data_max, &info);
	while (err == ERR_OK && parts_next(&parts, &part)) {
		struct json_value data;
		buf_clear(&fixture->second);
		parts_write(&parts, &part, &fixture->second);
		if (part.index == 1)
			posting_read_begin(&fixture->reader, &fixture->found, fixture->written.type,
			                   part.count);
		else
			assert_int_equal(posting_read_finish(&fixture->reader, &info), ERR_AGAIN);
		assert_int_equal(json_open(&data, buf_span(&fixture->second), &info), ERR_OK);
		if (posting_read_add(&fixture->reader, &data, &info) != ERR_OK)
			fail_msg("part %d of %d: %s", part.index, part.count, info.text);
		count = part.count;
	}
	if (count > 0)
		assert_int_equal(posting_read_finish(&fixture->reader, &info), ERR_OK);
	parts_close(&parts);
	return count;
}

static void test_parts_come_back_whole(void **state)
{
	struct fixture *fixture = *state;
	int split = 0;
	for (int round = 0; round < ROUNDS / 10; round++) {
		draw_document(fixture, 30);
		buf_clear(&fixture->first);
		canonical_write(&fixture->canonical, &fixture->written, &fixture->first);
		for (size_t data_max = fixture->first.len; data_max > 500; data_max = data_max * 2 / 3) {
			int count = read_parts(fixture, data_max);
			if (count == 0)
				break;
			split += count > 1;
			expect_same_bytes(fixture);
		}
	}
	assert_true(split > 100);
}

/* The greatest document there may be, in one list and in parts of 60,000 bytes. */
static void test_ten_thousand_lines(void **state)
{
	struct fixture *fixture = *state;
	struct err_info info = {.text = ""};
	sample_begin(&fixture->written, DOCUMENT_JOURNAL, "EUR");
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++)
		(void)sample_add_journal_line(&fixture->written, i % 2 ? "-1.00" : "1.00", NULL);
	buf_clear(&fixture->first);
	canonical_write(&fixture->canonical, &fixture->written, &fixture->first);
	assert_int_equal(posting_read(&fixture->reader, buf_span(&fixture->first), &fixture->found, &info),
	                 ERR_OK);
	expect_same_bytes(fixture);
	assert_true(read_parts(fixture, 60000) > 5);
	expect_same_bytes(fixture);
	/* One more, by hand: before the bracket that ends the list. */
	size_t end = (size_t)(strstr(buf_cstr(&fixture->first), "}],") - (char *)fixture->first.data) + 1;
	buf_clear(&fixture->second);
	buf_append(&fixture->second, fixture->first.data, end);
	buf_append_text(&fixture->second, ",{}");
	buf_append(&fixture->second, fixture->first.data + end, fixture->first.len - end);
	assert_int_equal(posting_read(&fixture->reader, buf_span(&fixture->second), &fixture->found, &info),
	                 ERR_TOO_LARGE);
	assert_string_equal(info.text, "data.lines[10000] is over the 10000 that one document may have");
}

/* ---- what is refused ---- */

static void expect_refused(struct fixture *fixture, const char *data, enum err expected, const char *text)
{
	struct err_info info = {.text = ""};
	enum err err = posting_read(&fixture->reader, span_of(data), &fixture->found, &info);
	if (err != expected || !strstr(info.text, text))
		fail_msg("%s: %s: %s; expected %s", data, err_name(err), info.text, text);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *members;
		const char *text;
	} cases[] = {
	    {"\"amount\":12.50", "data.amount must be a text like \"-12.50\""},
	    {"\"amount\":1250", "data.amount must be a text"},
	    {"\"amount\":\"1e3\"", "data.amount is no decimal"},
	    {"\"amount\":\"+1.00\"", "data.amount is no decimal"},
	    {"\"amount\":\" 1.00\"", "data.amount is no decimal"},
	    {"\"amount\":\".50\"", "data.amount is no decimal"},
	    {"\"amount\":\"1.\"", "data.amount is no decimal"},
	    {"\"amount\":\"01.00\"", "data.amount is no decimal"},
	    {"\"amount\":\"1,00\"", "data.amount is no decimal"},
	    {"\"amount\":\"-\"", "data.amount is no decimal"},
	    {"\"amount\":\"\"", "data.amount is an empty text; leave"},
	    {"\"amount\":\"99999999999999999999\"", "data.amount has more digits"},
	    {"\"amount\":\"0.1234567890123\"", "data.amount has more digits"},
	    {"\"amount\":null", "data.amount must be a text"},
	    {"\"exchange_rate\":1.1", "data.exchange_rate must be a text"},
	    {"\"number\":4711", "data.number must be a text"},
	    {"\"number\":\"\"", "data.number is an empty text"},
	    {"\"number\":[]", "data.number must be a text"},
	    {"\"year\":\"2025\"", "data.year must be a whole number"},
	    {"\"year\":2025.0", "data.year must be a whole number"},
	    {"\"year\":9007199254740992", "data.year must be a whole number"},
	    {"\"posting_date\":20250731", "data.posting_date must be a text like"},
	    {"\"posting_date\":\"2025-02-30\"", "data.posting_date is no date"},
	    {"\"posting_date\":\"2025-07-31T00:00:00Z\"", "data.posting_date is no date"},
	    {"\"posting_date\":\" 2025-07-31\"", "data.posting_date is no date"},
	    {"\"posting_date\":\"2200-01-01\"", "data.posting_date is no date"},
	    {"\"applications\":{}", "data.applications must be a list"},
	    {"\"applications\":[[]]", "data.applications[0] must be an object"},
	    {"\"applications\":[{},{\"amount\":1}]", "data.applications[1].amount must be a text"},
	    {"\"type\":\"journal\"", "the JSON is wrong"}, /* twice */
	};
	struct fixture *fixture = *state;
	char data[300];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(data, sizeof data, "{\"type\":\"payment\",%s}", cases[i].members);
		expect_refused(fixture, data, ERR_BAD_INPUT, cases[i].text);
	}
	expect_refused(fixture, "{\"type\":\"customer\",\"credit_hold\":\"true\"}", ERR_BAD_INPUT,
	               "data.credit_hold must be true or false");
	expect_refused(fixture, "{\"type\":\"contract\"}", ERR_BAD_INPUT,
	               "data.type must be journal, invoice");
	expect_refused(fixture, "{\"number\":\"1\"}", ERR_BAD_INPUT, "data.type must be journal, invoice");
	expect_refused(fixture, "{\"type\":5}", ERR_BAD_INPUT, "data.type must be journal, invoice");
	expect_refused(fixture, "[]", ERR_BAD_INPUT, "data must be an object");
	expect_refused(fixture, "", ERR_BAD_INPUT, "empty");
}

/* A text of exactly the limit, and one byte more; with escapes the resolved bytes count. */
static void test_long_texts(void **state)
{
	static const char *const heads[] = {"{\"text\":\"", "{\"text\":\"\\n"};
	struct fixture *fixture = *state;
	struct err_info info;
	for (size_t i = 0; i < 2; i++) {
		for (size_t more = 0; more < 2; more++) {
			buf_clear(&fixture->first);
			buf_append_text(&fixture->first, heads[i]);
			for (size_t n = i; n < POSTING_TEXT_BYTES_MAX + more; n++)
				buf_append_char(&fixture->first, 'x');
			buf_append_text(&fixture->first, "\",\"type\":\"journal\"}");
			enum err err =
			    posting_read(&fixture->reader, buf_span(&fixture->first), &fixture->found, &info);
			assert_int_equal(err, more ? ERR_TOO_LARGE : ERR_OK);
			if (more)
				assert_string_equal(info.text, "data.text is a text of over 49152 bytes");
			else
				assert_int_equal(fixture->found.header[HEADER_TEXT].as.text.len,
				                 POSTING_TEXT_BYTES_MAX);
		}
	}
}

/* What no table has is passed over, of whatever kind; keys count after their escapes are resolved. */
static void test_open_schema(void **state)
{
	struct fixture *fixture = *state;
	struct err_info info = {.text = ""};
	const char *data =
	    " { \"ext\" : {\"a\":[1,{\"b\":null}]} , \"tax_lines\": 5, \"n\\u0075mber\": \"7\","
	    "\"lines\": [ {\"x\":[[]], \"amount\" : \"1.5\"} , {} ], \"type\" :\"journal\" } ";
	assert_int_equal(posting_read(&fixture->reader, span_of(data), &fixture->found, &info), ERR_OK);
	buf_clear(&fixture->first);
	buf_append_text(&fixture->first,
	                "{\"lines\":[{\"amount\":\"1.5\"},{}],\"number\":\"7\",\"type\":\"journal\"}");
	expect_same_bytes(fixture);
}

static void add_part(struct fixture *fixture, const char *data, enum err expected, const char *text)
{
	struct json_value root;
	struct err_info info = {.text = ""};
	assert_int_equal(json_open(&root, span_of(data), &info), ERR_OK);
	enum err err = posting_read_add(&fixture->reader, &root, &info);
	if (err != expected || !strstr(info.text, text))
		fail_msg("%s: %s: %s; expected %s", data, err_name(err), info.text, text);
}

static void test_parts_with_other_headers(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *second;
		const char *text;
	} cases[] = {
	    {"{\"number\":\"2\",\"type\":\"journal\",\"year\":2025}",
	     "data.number is another than in part 1"},
	    {"{\"number\":\"1\",\"type\":\"journal\",\"year\":2024}", "data.year is another than in part 1"},
	    {"{\"number\":\"1\",\"type\":\"journal\"}", "data lacks fields of the header"},
	    {"{\"number\":\"1\",\"text\":\"t\",\"type\":\"journal\",\"year\":2025}",
	     "data.text is another than"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		posting_read_begin(&fixture->reader, &fixture->found, DOCUMENT_JOURNAL, 2);
		add_part(fixture, "{\"number\":\"1\",\"type\":\"journal\",\"year\":2025}", ERR_OK, "");
		add_part(fixture, cases[i].second, ERR_CONFLICT, cases[i].text);
	}
	posting_read_begin(&fixture->reader, &fixture->found, DOCUMENT_JOURNAL, 1);
	add_part(fixture, "{\"type\":\"invoice\"}", ERR_BAD_INPUT, "data.type is not \"journal\"");
	posting_read_begin(&fixture->reader, &fixture->found, DOCUMENT_JOURNAL, 1);
	add_part(fixture, "{}", ERR_BAD_INPUT, "data.type is missing");
}

/* ---- events ---- */

static void test_own_events_come_back(void **state)
{
	static const enum envelope_change changes[] = {ENVELOPE_RECORDED, ENVELOPE_AMENDED, ENVELOPE_VOIDED};
	struct fixture *fixture = *state;
	struct buf event_text;
	buf_init(&event_text, 1u << 20);
	for (int round = 0; round < 300; round++) {
		struct posting_event event;
		struct digest chain = {{0}};
		struct digest leaf;
		struct err_info info = {.text = ""};
		draw_document(fixture, 3);
		buf_clear(&fixture->first);
		canonical_write(&fixture->canonical, &fixture->written, &fixture->first);
		const struct envelope envelope = {
		    .source = SPAN_LITERAL("urn:twinpost:acme:demo:00050:1795239650"),
		    .sequence = 1 + (int64_t)draw(fixture, 1000000),
		    .kind = envelope_kind_of(fixture->written.type),
		    .change = changes[round % 3],
		    .subject = SPAN_LITERAL("00050/journal/2025/JE-1"),
		    .revision = 1 + (int64_t)draw(fixture, 1000),
		    .recorded_ns = 1795239650 * NS_PER_S + 342000000,
		    .phase = (enum config_phase)(round % 3),
		    .profile_version = SPAN_LITERAL("jde/1"),
		    .part = round % 5 == 0 ? SPAN_LITERAL("2/17") : (struct span){NULL, 0},
		    .data = buf_span(&fixture->first),
		};
		buf_clear(&event_text);
		envelope_write(&envelope, &chain, &event_text, &leaf, &chain);
		if (posting_event_read(&event, buf_span(&event_text), &info) != ERR_OK)
			fail_msg("%s", info.text);
		assert_string_equal(event.source, "urn:twinpost:acme:demo:00050:1795239650");
		assert_string_equal(event.subject, "00050/journal/2025/JE-1");
		assert_int_equal(strlen(event.id), 32);
		assert_true(event.known && event.type == fixture->written.type &&
		            event.change == envelope.change);
		assert_true(event.sequence == envelope.sequence && event.revision == envelope.revision);
		assert_true(event.time_ns == envelope.recorded_ns);
		assert_true(event.has_phase && event.phase == envelope.phase);
		assert_int_equal(event.part, round % 5 == 0 ? 2 : 1);
		assert_int_equal(event.parts, round % 5 == 0 ? 17 : 1);
		assert_true(span_equal(event.data.raw, buf_span(&fixture->first)));
		posting_read_begin(&fixture->reader, &fixture->found, event.type, 1);
		assert_int_equal(posting_read_add(&fixture->reader, &event.data, &info), ERR_OK);
		expect_same_bytes(fixture);
	}
	buf_release(&event_text);
}

#define EVENT                                                                                                \
	"{\"data\":{},\"id\":\"c-1\",\"revision\":1,\"sequence\":\"00000000000000000007\",\"source\":\"urn:" \
	"c:1\","                                                                                             \
	"\"specversion\":\"1.0\",\"subject\":\"1/journal/2025/1\",\"time\":\"2026-11-21T14:20:05.123Z\","    \
	"\"type\":\"com.twinpost.journal.recorded.v1\"}"

/* EVENT with one piece of it replaced. */
static enum err read_changed(struct posting_event *event, const char *piece, const char *by,
                             struct err_info *info)
{
	char text[1000];
	const char *at = strstr(EVENT, piece);
	assert_non_null(at);
	(void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - EVENT), EVENT, by, at + strlen(piece));
	/* data lies in a text that ends with this call */
	enum err err = posting_event_read(event, span_of(text), info);
	event->data = (struct json_value){.kind = JSON_NONE};
	return err;
}

static void test_bad_events(void **state)
{
	static const struct {
		const char *piece;
		const char *by;
		const char *text;
	} cases[] = {
	    {"\"data\":{},", "", "data is missing"},
	    {"\"data\":{}", "\"data\":[]", "data must be an object"},
	    {"\"c-1\"", "\"\"", "id must be a text of 1 to 64"},
	    {"\"c-1\"", "\"a b\"", "id must be"},
	    {"\"c-1\"", "7", "id must be"},
	    {"\"revision\":1", "\"revision\":0", "revision must be a whole number from 1 on"},
	    {"\"revision\":1", "\"revision\":\"1\"", "revision must be"},
	    {"\"00000000000000000007\"", "7", "sequence must be a text"},
	    {"\"00000000000000000007\"", "\"0\"", "sequence must be"},
	    {"\"00000000000000000007\"", "\"7a\"", "sequence must be"},
	    {"\"00000000000000000007\"", "\"-7\"", "sequence must be"},
	    {"\"00000000000000000007\"", "\"99999999999999999999\"", "sequence must be"},
	    {"\"source\":\"urn:c:1\",", "", "source is missing"},
	    {"urn:c:1", "urn c", "source must be"},
	    {"urn:c:1", "urn\\nc", "source must be"},
	    {"\"1.0\"", "\"0.3\"", "specversion must be \"1.0\""},
	    {"1/journal/2025/1", "", "subject must be"},
	    {".123Z", "Z", "time must be like"},
	    {"\"type\":\"com.twinpost.journal.recorded.v1\"", "\"type\":5", "type must be a text like"},
	    {"\"time\"", "\"part\":\"2/1\",\"time\"", "part must be a text like \"1/3\""},
	    {"\"time\"", "\"part\":\"0/1\",\"time\"", "part must be"},
	    {"\"time\"", "\"part\":\"1/10000\",\"time\"", "part must be"},
	    {"\"time\"", "\"part\":\"1\",\"time\"", "part must be"},
	    {"\"time\"", "\"phase\":7,\"time\"", "phase must be"},
	    {"{\"data\"", "x{\"data\"", "the JSON is wrong at byte 1"},
	};
	struct posting_event event;
	struct err_info info = {.text = ""};
	(void)state;
	assert_int_equal(posting_event_read(&event, SPAN_LITERAL(EVENT), &info), ERR_OK);
	assert_true(event.known && event.sequence == 7 && !event.has_phase && event.parts == 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum err err = read_changed(&event, cases[i].piece, cases[i].by, &info);
		if (err != ERR_BAD_INPUT || !strstr(info.text, cases[i].text))
			fail_msg("%s: %s: %s", cases[i].by, err_name(err), info.text);
	}
	/* What could be read is there for the answer. */
	assert_int_equal(read_changed(&event, "\"data\":{}", "\"data\":7", &info), ERR_BAD_INPUT);
	assert_string_equal(event.id, "c-1");
	assert_string_equal(event.source, "urn:c:1");
	assert_int_equal(event.sequence, 7);
}

static void test_other_kinds(void **state)
{
	static const char *const others[] = {"com.twinpost.control.recorded.v1",
	                                     "com.twinpost.key.rotated.v1",
	                                     "com.twinpost.journal.recorded.v2",
	                                     "com.twinpost.journal.split.v1",
	                                     "com.twinpost.contract.recorded.v1",
	                                     "com.acme.thing",
	                                     "x"};
	struct posting_event event;
	struct err_info info = {.text = ""};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_int_equal(read_changed(&event, "com.twinpost.journal.recorded.v1", others[i], &info),
		                 ERR_OK);
		assert_false(event.known);
	}
	assert_int_equal(read_changed(&event, "com.twinpost.journal", "com.twinpost.creditmemo", &info),
	                 ERR_OK);
	assert_true(event.known && event.type == DOCUMENT_CREDIT_MEMO);
	assert_int_equal(read_changed(&event, "\"time\"", "\"phase\":\"rehearsal\",\"time\"", &info), ERR_OK);
	assert_false(event.has_phase);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    WITH(test_every_document_comes_back),
	    WITH(test_parts_come_back_whole),
	    WITH(test_ten_thousand_lines),
	    WITH(test_bad_values),
	    WITH(test_long_texts),
	    WITH(test_open_schema),
	    WITH(test_parts_with_other_headers),
	    WITH(test_own_events_come_back),
	    WITH(test_bad_events),
	    WITH(test_other_kinds),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
