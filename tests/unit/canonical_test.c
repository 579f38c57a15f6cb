/*
 * canonical_test.c - the bytes of documents and strings against RFC 8785, its public test data and other programs.
 *
 * Why:   the product proves bytes: one other byte is another document.
 * Owns:  nothing.
 * Rules: 1. The known answers of json-canonicalization are read in place from $TWINPOST_SHARED/vectors/jcs (or
 *           ../shared/vectors/jcs); where they are absent the case is skipped, and the output says so. Numbers with a
 *           fraction have no place in our subset: of values.json the strings and literals are compared.
 *        2. Whole documents are written out by hand, their keys sorted by hand.
 * Runs in: the tests.
 */
#include "connector/posting/canonical.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define OUTPUT_MAX    (1u << 20)
#define MEMBERS_MAX   32
#define RANDOM_ROUNDS 200000

struct fixture {
	struct canonical canonical;
	struct document document;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	canonical_init(&fixture->canonical);
	document_init(&fixture->document);
	buf_init(&fixture->out, OUTPUT_MAX);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	document_release(&fixture->document);
	buf_release(&fixture->out);
	free(fixture);
	return 0;
}

static void assert_string_bytes(struct buf *out, struct span text, const char *expected)
{
	buf_clear(out);
	canonical_string(out, text);
	assert_true(buf_ok(out));
	assert_string_equal(buf_cstr(out), expected);
}

/* RFC 8785 section 3.2.2.2: the seven short escapes, \u00xx in lower case for the other controls, nothing else. */
static void test_string(void **state)
{
	struct fixture *fixture = *state;
	struct buf *out = &fixture->out;
	assert_string_bytes(out, SPAN_LITERAL(""), "\"\"");
	assert_string_bytes(out, (struct span){NULL, 0}, "\"\"");
	assert_string_bytes(out, SPAN_LITERAL("plain"), "\"plain\"");
	assert_string_bytes(out, SPAN_LITERAL("\b\t\n\f\r\"\\"), "\"\\b\\t\\n\\f\\r\\\"\\\\\"");
	assert_string_bytes(out, SPAN_LITERAL("\x00\x01\x0b\x0e\x1f"),
	                    "\"\\u0000\\u0001\\u000b\\u000e\\u001f\"");
	assert_string_bytes(out, SPAN_LITERAL("a\nb"), "\"a\\nb\"");
	assert_string_bytes(out, SPAN_LITERAL("/<>&'\x7f"), "\"/<>&'\x7f\"");
	assert_string_bytes(out, SPAN_LITERAL("\xe2\x82\xac$\x0f\nA'B\"\\\\\"/"),
	                    "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
	/* Line separators and a byte order mark stay as they are; so does text that is not normalised. */
	assert_string_bytes(out, SPAN_LITERAL("\xe2\x80\xa8\xef\xbb\xbf"), "\"\xe2\x80\xa8\xef\xbb\xbf\"");
	assert_string_bytes(out, SPAN_LITERAL("A\xcc\x8a"), "\"A\xcc\x8a\"");
}

/* A second opinion on every character below U+0080 and some above: Python's json, where it is installed. */
static void test_string_against_python(void **state)
{
	struct fixture *fixture = *state;
	char expected[1024] = "";
	char text[128 + 4];
	FILE *python = popen("python3 -c 'import json; print(json.dumps(\"\".join(map(chr, range(128))) + "
	                     "chr(0x1f602), ensure_ascii=False))' 2>/dev/null",
	                     "r");
	assert_non_null(python);
	char *line = fgets(expected, sizeof expected, python);
	(void)pclose(python);
	if (!line) {
		print_message("# skipped: no python3\n");
		skip();
	}
	expected[strcspn(expected, "\n")] = 0;
	for (int i = 0; i < 128; i++)
		text[i] = (char)i;
	memcpy(text + 128, "\xf0\x9f\x98\x82", 4);
	assert_string_bytes(&fixture->out, (struct span){text, sizeof text}, expected);
}

/* ---- the known answers of json-canonicalization ---- */

static char *read_vector(const char *folder, const char *name)
{
	const char *shared = getenv("TWINPOST_SHARED");
	char path[512];
	(void)snprintf(path, sizeof path, "%s/vectors/jcs/%s/%s", shared ? shared : "../shared", folder,
	               name);
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	char *text = calloc(1, OUTPUT_MAX);
	assert_non_null(text);
	size_t len = fread(text, 1, OUTPUT_MAX - 1, file);
	(void)fclose(file);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = 0;
	return text;
}

/* Order by UTF-16 code units, as RFC 8785 section 3.2.3 says: only characters above U+FFFF, whose first unit is a
 * surrogate (D800-DFFF), stand elsewhere than in the order of bytes: before U+E000-U+FFFF, whose first byte is EE or
 * EF. */
static int compare_members(const void *a, const void *b)
{
	const unsigned char *left = (const unsigned char *)(*(cJSON *const *)a)->string;
	const unsigned char *right = (const unsigned char *)(*(cJSON *const *)b)->string;
	while (*left && *left == *right) {
		left++;
		right++;
	}
	int left_rank = *left >= 0xf0 ? 0xee * 2 - 1 : *left * 2;
	int right_rank = *right >= 0xf0 ? 0xee * 2 - 1 : *right * 2;
	return left_rank - right_rank;
}

static void write_json(struct buf *out, const cJSON *item)
{
	const cJSON *members[MEMBERS_MAX];
	size_t count = 0;
	if (cJSON_IsString(item)) {
		canonical_string(out, span_of(item->valuestring));
	} else if (cJSON_IsNumber(item)) {
		buf_printf(out, "%.0f", item->valuedouble);
	} else if (cJSON_IsBool(item) || cJSON_IsNull(item)) {
		buf_append_text(out, cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false");
	} else {
		bool object = cJSON_IsObject(item);
		for (const cJSON *child = item->child; child; child = child->next) {
			assert_true(count < MEMBERS_MAX);
			members[count++] = child;
		}
		if (object)
			qsort(members, count, sizeof members[0], compare_members);
		buf_append_char(out, object ? '{' : '[');
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				buf_append_char(out, ',');
			if (object) {
				canonical_string(out, span_of(members[i]->string));
				buf_append_char(out, ':');
			}
			write_json(out, members[i]);
		}
		buf_append_char(out, object ? '}' : ']');
	}
}

static void check_vector(struct buf *out, const char *name, const char *member)
{
	char *input = read_vector("input", name);
	char *expected = read_vector("output", name);
	assert_true(input && expected);
	cJSON *json = cJSON_Parse(input);
	cJSON *expected_json = cJSON_Parse(expected);
	assert_true(json && expected_json);
	buf_clear(out);
	if (member) {
		/* One member of the answer, found by its key at its place in the text. */
		write_json(out, cJSON_GetObjectItemCaseSensitive(json, member));
		assert_non_null(strstr(expected, buf_cstr(out)));
	} else {
		write_json(out, json);
		assert_string_equal(buf_cstr(out), expected);
	}
	cJSON_Delete(json);
	cJSON_Delete(expected_json);
	free(input);
	free(expected);
}

static void test_known_answers(void **state)
{
	struct fixture *fixture = *state;
	char *present = read_vector("output", "weird.json");
	if (!present) {
		print_message("# skipped: no vectors/jcs in $TWINPOST_SHARED or ../shared\n");
		skip();
	}
	free(present);
	check_vector(&fixture->out, "weird.json", NULL);
	check_vector(&fixture->out, "unicode.json", NULL);
	check_vector(&fixture->out, "french.json", NULL);
	check_vector(&fixture->out, "arrays.json", NULL);
	check_vector(&fixture->out, "structures.json", NULL);
	check_vector(&fixture->out, "values.json", "string");
	check_vector(&fixture->out, "values.json", "literals");
}

/* ---- documents ---- */

static void set_text(struct document *document, struct value *value, const char *text)
{
	assert_int_equal(document_set_text(document, value, span_of(text)), ERR_OK);
}

static void set_decimal(struct value *value, const char *text)
{
	value->present = true;
	assert_int_equal(decimal_parse(&value->as.decimal, span_of(text)), ERR_OK);
}

static void set_integer(struct value *value, int64_t integer)
{
	*value = (struct value){.present = true, .as.integer = integer};
}

static void set_date(struct value *value, const char *text)
{
	value->present = true;
	assert_int_equal(date_parse(&value->as.date, span_of(text)), ERR_OK);
}

static void assert_document(struct fixture *fixture, const char *expected)
{
	buf_clear(&fixture->out);
	canonical_write(&fixture->canonical, &fixture->document, &fixture->out);
	assert_true(buf_ok(&fixture->out));
	assert_string_equal(buf_cstr(&fixture->out), expected);
}

static void begin(struct fixture *fixture, enum document_type type)
{
	struct document *document = &fixture->document;
	document_begin(document, type);
	set_text(document, &document->header[HEADER_ENTITY], "00001");
	set_text(document, &document->header[HEADER_SOURCE_SYSTEM], "jde");
	set_text(document, &document->header[HEADER_TYPE], document_spec(type)->name);
	set_text(document, &document->header[HEADER_NUMBER], "4711");
	set_integer(&document->header[HEADER_YEAR], 2024);
}

/* A journal with every kind of value, written out by hand. */
static void test_journal(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	begin(fixture, DOCUMENT_JOURNAL);
	set_integer(&document->header[HEADER_PERIOD], 2);
	set_date(&document->header[HEADER_POSTING_DATE], "2024-02-29");
	set_text(document, &document->header[HEADER_CURRENCY], "EUR");
	set_decimal(&document->header[HEADER_EXCHANGE_RATE], "1.085000");
	set_text(document, &document->header[HEADER_TEXT], "M\xc3\xbcller \"1\"\n");
	document->header[JOURNAL_REVERSAL] = (struct value){.present = true, .as.boolean = false};
	static const char *const amounts[] = {"100.00", "-100.00"};
	static const char *const accounts[] = {"1.1110", "1.5010.A"};
	static const char *const numbers[] = {"1", "2"};
	for (int i = 0; i < 2; i++) {
		struct value *line = document_add_line(document, SECTION_LINES);
		set_text(document, &line[JOURNAL_LINE_LINE], numbers[i]);
		set_text(document, &line[JOURNAL_LINE_ACCOUNT], accounts[i]);
		set_decimal(&line[JOURNAL_LINE_AMOUNT], amounts[i]);
	}
	assert_document(
	    fixture, "{\"currency\":\"EUR\",\"entity\":\"00001\",\"exchange_rate\":\"1.085000\",\"lines\":["
		     "{\"account\":\"1.1110\",\"amount\":\"100.00\",\"line\":\"1\"},"
		     "{\"account\":\"1.5010.A\",\"amount\":\"-100.00\",\"line\":\"2\"}],"
		     "\"number\":\"4711\",\"period\":2,\"posting_date\":\"2024-02-29\",\"reversal\":false,"
		     "\"source_system\":\"jde\",\"text\":\"M\xc3\xbcller \\\"1\\\"\\n\",\"type\":\"journal\","
		     "\"year\":2024}");
}

/* Two lists beside each other, and none where it is empty; the credit memo's own name. */
static void test_credit_memo(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	begin(fixture, DOCUMENT_CREDIT_MEMO);
	set_text(document, &document->header[INVOICE_CUSTOMER], "4242");
	set_decimal(&document->header[INVOICE_GROSS], "1190");
	set_decimal(&document->header[INVOICE_NET], "1000");
	set_decimal(&document->header[INVOICE_TAX], "190");
	struct value *tax_line = document_add_line(document, SECTION_TAX_LINES);
	set_text(document, &tax_line[INVOICE_TAX_LINE_CODE], "V7");
	set_decimal(&tax_line[INVOICE_TAX_LINE_BASE], "1000");
	set_decimal(&tax_line[INVOICE_TAX_LINE_TAX], "190");
	assert_document(fixture,
	                "{\"customer\":\"4242\",\"entity\":\"00001\",\"gross\":\"1190\",\"net\":\"1000\","
	                "\"number\":\"4711\",\"source_system\":\"jde\",\"tax\":\"190\",\"tax_lines\":["
	                "{\"base\":\"1000\",\"code\":\"V7\",\"tax\":\"190\"}],\"type\":\"credit_memo\","
	                "\"year\":2024}");
	document->header[HEADER_SOURCE_SYSTEM].present = false;
	document->sections[SECTION_TAX_LINES].count = 0;
	assert_document(fixture,
	                "{\"customer\":\"4242\",\"entity\":\"00001\",\"gross\":\"1190\",\"net\":\"1000\","
	                "\"number\":\"4711\",\"tax\":\"190\",\"type\":\"credit_memo\",\"year\":2024}");
}

/* Nothing present is an empty object, and an empty line too. */
static void test_empty(void **state)
{
	struct fixture *fixture = *state;
	document_begin(&fixture->document, DOCUMENT_CUSTOMER);
	assert_document(fixture, "{}");
	document_begin(&fixture->document, DOCUMENT_PAYMENT);
	assert_non_null(document_add_line(&fixture->document, SECTION_APPLICATIONS));
	assert_document(fixture, "{\"applications\":[{}]}");
}

static void assert_sorted(const cJSON *object, int *keys)
{
	for (const cJSON *item = object->child; item; item = item->next) {
		(*keys)++;
		if (item->next)
			assert_true(strcmp(item->string, item->next->string) < 0);
		if (cJSON_IsArray(item))
			assert_sorted(item->child, keys);
	}
}

/* With every field of every type present, all keys are there, in order, and another JSON reader reads the text. */
static void test_every_key_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		int expected = spec->header_count;
		int keys = 0;
		document_begin(document, (enum document_type)type);
		for (int slot = 0; slot < spec->header_count; slot++) {
			set_integer(&document->header[slot], 0);
			if (spec->header[slot].kind == VALUE_TEXT)
				set_text(document, &document->header[slot], "x");
		}
		for (int section = 0; section < SECTION_COUNT; section++) {
			if (!spec->sections[section].key)
				continue;
			struct value *line = document_add_line(document, (enum document_section)section);
			expected += 1 + spec->sections[section].field_count;
			for (int slot = 0; slot < spec->sections[section].field_count; slot++) {
				set_integer(&line[slot], 0);
				if (spec->sections[section].fields[slot].kind == VALUE_TEXT)
					set_text(document, &line[slot], "x");
			}
		}
		buf_clear(&fixture->out);
		canonical_write(&fixture->canonical, document, &fixture->out);
		assert_true(buf_ok(&fixture->out));
		cJSON *json = cJSON_Parse(buf_cstr(&fixture->out));
		assert_non_null(json);
		assert_sorted(json, &keys);
		assert_int_equal(keys, expected);
		cJSON_Delete(json);
	}
}

/* 2^53 - 1 = 9007199254740991 is written, 2^53 is refused, on both sides of nought. */
static void test_integer_limit(void **state)
{
	struct fixture *fixture = *state;
	struct value *year = &fixture->document.header[HEADER_YEAR];
	document_begin(&fixture->document, DOCUMENT_CUSTOMER);
	set_integer(year, INT64_C(9007199254740991));
	assert_document(fixture, "{\"year\":9007199254740991}");
	set_integer(year, INT64_C(-9007199254740991));
	assert_document(fixture, "{\"year\":-9007199254740991}");
	static const int64_t beyond[] = {INT64_C(9007199254740992), INT64_C(-9007199254740992), INT64_MAX,
	                                 INT64_MIN};
	for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
		set_integer(year, beyond[i]);
		buf_clear(&fixture->out);
		canonical_write(&fixture->canonical, &fixture->document, &fixture->out);
		assert_false(buf_ok(&fixture->out));
	}
}

/* A buffer exactly as large as the document takes it; one byte less refuses it. */
static void test_buffer_limit(void **state)
{
	struct fixture *fixture = *state;
	struct buf small;
	begin(fixture, DOCUMENT_CUSTOMER);
	buf_clear(&fixture->out);
	canonical_write(&fixture->canonical, &fixture->document, &fixture->out);
	buf_init(&small, fixture->out.len);
	canonical_write(&fixture->canonical, &fixture->document, &small);
	assert_true(buf_ok(&small));
	assert_memory_equal(small.data, fixture->out.data, small.len);
	buf_release(&small);
	buf_init(&small, fixture->out.len - 1);
	canonical_write(&fixture->canonical, &fixture->document, &small);
	assert_false(buf_ok(&small));
	buf_release(&small);
}

/* ---- UTF-8 ---- */

/* Unicode 15.0, table 3-7: both sides of every edge of every row. */
static void test_utf8_edges(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "",
	    "\x7f",
	    "\xc2\x80",
	    "\xdf\xbf",
	    "\xe0\xa0\x80",
	    "\xe1\x80\x80",
	    "\xed\x9f\xbf",
	    "\xee\x80\x80",
	    "\xef\xbf\xbf",
	    "\xf0\x90\x80\x80",
	    "\xf1\x80\x80\x80",
	    "\xf3\xbf\xbf\xbf",
	    "\xf4\x8f\xbf\xbf",
	    ("1234567890\xc3\xbc"
	     "1234567890"),
	};
	static const char *const bad[] = {
	    "\x80",
	    "\xbf",
	    "\xc0\x80",
	    "\xc1\xbf",
	    "\xc2",
	    "\xc2\x7f",
	    "\xc2\xc0",
	    "\xe0\x9f\xbf",
	    "\xe0\xa0",
	    "\xe1\x80",
	    "\xe1\x80\x7f",
	    "\xe1\xc0\x80",
	    "\xed\xa0\x80",
	    "\xed\xbf\xbf",
	    "\xf0\x8f\xbf\xbf",
	    "\xf0\x90\x80",
	    "\xf0\x90\x80\xc0",
	    "\xf1\x80\xff\x80",
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80",
	    "\xfe",
	    "\xff",
	    "M\xfcller",
	    "12345678\xff",
	    "1234567\xff",
	    "123456789012345\x80",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (!utf8_valid(span_of(good[i])))
			fail_msg("good text %zu was refused", i);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (utf8_valid(span_of(bad[i])))
			fail_msg("bad text %zu was taken", i);
	}
	assert_true(utf8_valid((struct span){NULL, 0}));
	assert_true(utf8_valid((struct span){"a\0b", 3}));
}

/* The C library's converter (to UTF-16, which has no place for surrogates) agrees on 200,000 random texts made of
 * pieces that are nearly right. */
static void test_utf8_against_iconv(void **state)
{
	(void)state;
	static const char *const pieces[] = {"a",
	                                     "12345678",
	                                     "\xc3\xbc",
	                                     "\xe2\x82\xac",
	                                     "\xf0\x9f\x98\x82",
	                                     "\xed",
	                                     "\xa0",
	                                     "\x80",
	                                     "\xf4\x8f",
	                                     "\xe0",
	                                     "\xbf",
	                                     "\xc1",
	                                     "\xf0\x90\x80\x80",
	                                     "\xf4\x90",
	                                     "\xc3"};
	iconv_t converter = iconv_open("UTF-16BE", "UTF-8");
	assert_true(converter != (iconv_t)-1);
	uint64_t seed = 7;
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		char text[64];
		char wide[sizeof text * 4];
		size_t len = 0;
		for (int count = 1 + round % 6; count > 0; count--) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			const char *piece = pieces[(seed >> 40) % (sizeof pieces / sizeof pieces[0])];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		char *in = text;
		char *to = wide;
		size_t in_left = len;
		size_t to_left = sizeof wide;
		(void)iconv(converter, NULL, NULL, NULL, NULL);
		bool expected = iconv(converter, &in, &in_left, &to, &to_left) != (size_t)-1;
		assert_int_equal(utf8_valid((struct span){text, len}), expected);
	}
	(void)iconv_close(converter);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_string),
	    WITH_FIXTURE(test_string_against_python),
	    WITH_FIXTURE(test_known_answers),
	    WITH_FIXTURE(test_journal),
	    WITH_FIXTURE(test_credit_memo),
	    WITH_FIXTURE(test_empty),
	    WITH_FIXTURE(test_every_key_in_order),
	    WITH_FIXTURE(test_integer_limit),
	    WITH_FIXTURE(test_buffer_limit),
	    cmocka_unit_test(test_utf8_edges),
	    cmocka_unit_test(test_utf8_against_iconv),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
