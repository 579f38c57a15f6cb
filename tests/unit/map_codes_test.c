/*
 * map_codes_test.c - the cloud's codes beside those of the ERP, and what is said where there is none.
 *
 * Why:   a code that is mapped wrongly, or passed on unmapped, is booked on the wrong account.
 * How:   small rules as text; which field is mapped by which file, and the sentences, are written down by hand from the
 *        tables of docs/contract/events.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connector/posting/canonical.h"
#include "connector/uplink/map_codes.h"
#include "tests/lib/sample_documents.h"

#define HEAD     "entity,from,to,valid_from,valid_to,note\n"
#define LEAP_DAY 19782 /* 2024-02-29: 54 years of 365 days, 13 leap days, 31 + 28 */
#define LONG_CODE                                                                                        \
	"a-code-of-exactly-one-hundred-bytes-which-is-more-than-any-ledger-has-but-less-than-a-row-may-" \
	"hold-x"

struct file {
	const char *name, *rows;
};

static struct rules *make_rules(const struct file *files, size_t count)
{
	static struct rules_problems problems;
	struct rules *rules = rules_new();
	problems = (struct rules_problems){.count = 0};
	for (size_t i = 0; i < count; i++) {
		char text[4096];
		(void)snprintf(text, sizeof text, HEAD "%s", files[i].rows);
		if (!rules_add(rules, files[i].name, span_of(text), &problems))
			fail_msg("%s:%d: %s", problems.list[0].file, problems.list[0].line,
			         problems.list[0].text);
	}
	assert_true(rules_finish(rules, &problems));
	return rules;
}

/* Maps on the leap day; everything must be there. The canonical JSON is what is sent. */
static void expect_mapped(struct document *document, const struct file *files, size_t count,
                          const char *const *parts, size_t part_count)
{
	struct rules *rules = make_rules(files, count);
	struct map_gaps gaps;
	struct canonical canonical;
	struct buf data;
	assert_int_equal(map_codes(document, rules, LEAP_DAY, &gaps), ERR_OK);
	assert_int_equal(gaps.count, 0);
	canonical_init(&canonical);
	buf_init(&data, 100000);
	canonical_write(&canonical, document, &data);
	for (size_t i = 0; i < part_count; i++) {
		if (!strstr(buf_cstr(&data), parts[i]))
			fail_msg("no %s in %s", parts[i], buf_cstr(&data));
	}
	buf_release(&data);
	rules_free(rules);
}
#define EXPECT_MAPPED(document, files, parts)                                   \
	expect_mapped(document, files, sizeof(files) / sizeof(files)[0], parts, \
	              sizeof(parts) / sizeof(parts)[0])

static const struct file all_kinds[] = {
    {"account", "*,1.1110,400100,,,\n"}, {"cost_centre", "*,50,CC50,,,\n"},
    {"tax_code", "*,V19,A1,,,\n"},       {"customer", "*,4242,C-7,,,\n"},
    {"entity", "00001,00001,DE01,,,\n"}, {"document_type", "*,JE,=,,,\n"},
};

/* Every code of a journal beside the raw one, each by the file of its kind; "=" keeps the code. */
static void test_journal(void **state)
{
	struct document *document = *state;
	static const char *const parts[] = {
	    "\"entity\":\"00001\",\"entity_mapped\":\"DE01\"",
	    "\"legacy_type\":\"JE\",\"legacy_type_mapped\":\"JE\"",
	    "\"account\":\"1.1110\",\"account_mapped\":\"400100\"",
	    "\"cost_centre\":\"50\",\"cost_centre_mapped\":\"CC50\"",
	    "\"tax_code\":\"V19\",\"tax_code_mapped\":\"A1\"",
	};
	sample_make_journal(document);
	sample_set_header(document, HEADER_LEGACY_TYPE, "JE");
	struct value *line = sample_line_at(document, SECTION_LINES, 0);
	sample_set_text(document, &line[JOURNAL_LINE_COST_CENTRE], "50");
	sample_set_text(document, &line[JOURNAL_LINE_TAX_CODE], "V19");
	EXPECT_MAPPED(document, all_kinds, parts);
	/* The other lines have no cost centre: nothing stands beside nothing. */
	line = sample_line_at(document, SECTION_LINES, 1);
	assert_false(line[JOURNAL_LINE_COST_CENTRE_MAPPED].present);
	assert_true(line[JOURNAL_LINE_ACCOUNT_MAPPED].present);
}

static void test_invoice_payment_customer(void **state)
{
	struct document *document = *state;
	static const char *const invoice[] = {
	    "\"customer\":\"4242\",\"customer_mapped\":\"C-7\"",
	    "\"code\":\"V19\",\"code_mapped\":\"A1\"",
	    "\"tax_code\":\"V19\",\"tax_code_mapped\":\"A1\"",
	    "\"account\":\"1.1110\",\"account_mapped\":\"400100\",\"cost_centre\":\"50\",\"cost_centre_"
	    "mapped\":"
	    "\"CC50\"",
	};
	static const char *const payment[] = {"\"payer\":\"4242\",\"payer_mapped\":\"C-7\""};
	static const char *const customer[] = {"\"number\":\"4242\",\"number_mapped\":\"C-7\""};
	sample_make_invoice(document, DOCUMENT_CREDIT_MEMO);
	struct value *line = sample_line_at(document, SECTION_LINES, 1);
	sample_set_text(document, &line[INVOICE_LINE_ACCOUNT], "1.1110");
	sample_set_text(document, &line[INVOICE_LINE_COST_CENTRE], "50");
	EXPECT_MAPPED(document, all_kinds, invoice);
	sample_make_payment(document);
	EXPECT_MAPPED(document, all_kinds, payment);
	sample_make_customer(document);
	sample_set_header(document, HEADER_NUMBER, "4242");
	EXPECT_MAPPED(document, all_kinds, customer);
	static const char *const usage[] = {"\"customer\":\"4242\",\"customer_mapped\":\"C-7\""};
	sample_make_usage(document);
	EXPECT_MAPPED(document, all_kinds, usage);
}

/* Without a file of a kind its fields stay: what a profile put there, or nothing. With one they are made anew. */
static void test_kinds_without_a_file(void **state)
{
	struct document *document = *state;
	static const struct file account[] = {{"account", "*,*,9999,,,\n"}};
	static const char *const parts[] = {"\"account_mapped\":\"9999\"", "\"entity\":\"00001\",\"group"};
	sample_make_journal(document);
	sample_set_header(document, HEADER_GROUP_CURRENCY, "EUR");
	struct value *line = sample_line_at(document, SECTION_LINES, 0);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT_MAPPED], "of the profile");
	sample_set_text(document, &line[JOURNAL_LINE_TAX_CODE_MAPPED], "T");
	EXPECT_MAPPED(document, account, parts);
	line = sample_line_at(document, SECTION_LINES, 0);
	assert_true(
	    span_equal(document_text(document, &line[JOURNAL_LINE_ACCOUNT_MAPPED]), SPAN_LITERAL("9999")));
	assert_true(
	    span_equal(document_text(document, &line[JOURNAL_LINE_TAX_CODE_MAPPED]), SPAN_LITERAL("T")));
}

static void expect_missing(struct document *document, const struct file *files, size_t count, date_days on,
                           const char *sentence)
{
	struct rules *rules = make_rules(files, count);
	struct map_gaps gaps;
	char text[ERR_TEXT_MAX];
	assert_int_equal(map_codes(document, rules, on, &gaps), ERR_OK);
	assert_true(gaps.count > 0);
	map_gaps_print(&gaps, document, on, text);
	assert_string_equal(text, sentence);
	rules_free(rules);
}

/* Each missing code once, by file; with the date on which it is missing. */
static void test_missing(void **state)
{
	struct document *document = *state;
	static const struct file until_leap_day[] = {{"account", "*,1.1110,400100,,2024-02-28,\n"}};
	static const struct file several[] = {{"account", "*,1.1110,400100,,,\n"},
	                                      {"tax_code", "00002,V19,A1,,,\n"}};
	sample_make_journal(document);
	expect_missing(
	    document, until_leap_day, 1, LEAP_DAY,
	    "account.csv has no row for 1.1110 of entity 00001 on 2024-02-29; add what is missing, and it "
	    "is sent");
	struct value *line = sample_line_at(document, SECTION_LINES, 0);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], "70.8080");
	sample_set_text(document, &line[JOURNAL_LINE_TAX_CODE], "V19");
	line = sample_line_at(document, SECTION_LINES, 1);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], "70.8090");
	sample_set_text(document, &line[JOURNAL_LINE_TAX_CODE], "V19");
	expect_missing(
	    document, several, 2, LEAP_DAY,
	    "account.csv has no row for 70.8080, 70.8090 of entity 00001 on 2024-02-29; tax_code.csv has "
	    "no row for V19 of entity 00001 on 2024-02-29; add what is missing, and it is sent");
}

/* Codes that the sentence cannot hold are counted; more than are noted, too. The sentence always ends whole. */
static void test_many_missing(void **state)
{
	struct document *document = *state;
	static const struct file none[] = {{"account", "*,1,2,,,\n"}, {"tax_code", "*,1,2,,,\n"}};
	char code[128];
	char text[ERR_TEXT_MAX];
	struct map_gaps gaps;
	struct rules *rules = make_rules(none, 2);
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	for (int i = 0; i < 40; i++) {
		struct value *line = sample_add_journal_line(document, i % 2 ? "1.00" : "-1.00", NULL);
		(void)snprintf(code, sizeof code, "%s%02d", LONG_CODE, i);
		sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], code);
		sample_set_text(document, &line[JOURNAL_LINE_TAX_CODE], code);
		assert_int_equal(map_codes(document, rules, LEAP_DAY, &gaps), ERR_OK);
		map_gaps_print(&gaps, document, LEAP_DAY, text);
		assert_true(strlen(text) < ERR_TEXT_MAX);
		assert_non_null(strstr(text, "; add what is missing, and it is sent"));
		assert_int_equal(gaps.count, 2 * (i + 1) < MAP_GAPS_MAX ? 2 * (i + 1) : MAP_GAPS_MAX);
		assert_true(gaps.more == (2 * (i + 1) > MAP_GAPS_MAX));
	}
	/* 432 bytes but for the end: 27 of the clause before the codes, 30 behind them; three codes of 102 fit. */
	assert_non_null(strstr(text,
	                       LONG_CODE "02 of entity 00001 on 2024-02-29; more than 29 other codes are "
	                                 "missing too; add what is missing, and it is sent"));
	rules_free(rules);
}

/* The document's text is full: told, and nothing is cut. */
static void test_no_room(void **state)
{
	struct document *document = *state;
	static const struct file account[] = {{"account", "*,*,400100,,,\n"}};
	struct rules *rules = make_rules(account, 1);
	struct map_gaps gaps;
	sample_make_journal(document);
	while (document->text.max - document->text.len > 10)
		buf_append_char(&document->text, 'x');
	assert_int_equal(map_codes(document, rules, LEAP_DAY, &gaps), ERR_TOO_LARGE);
	rules_free(rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sample_set_up, sample_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_journal),
	    TEST(test_invoice_payment_customer),
	    TEST(test_kinds_without_a_file),
	    TEST(test_missing),
	    TEST(test_many_missing),
	    TEST(test_no_room),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
