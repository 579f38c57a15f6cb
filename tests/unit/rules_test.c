/*
 * rules_test.c - mappings: what a code becomes, when, for whom; overlaps; versions; limits.
 *
 * Why:   a code that is guessed is money on the wrong account; one that is missed holds a document for nothing.
 * Owns:  nothing.
 * Rules: expected codes are read off the CSV texts by hand; the version was made with sha256sum as its test says.
 * Runs in: the tests.
 */
#include "connector/compare/rules.h"

#include <stdio.h>

#include "tests/unit/rules_fixture.h"

/* The code's target; "?" where it is missing. */
static const char *map(const struct rules *rules, enum mapping_kind kind, const char *entity,
                       const char *code, const char *on)
{
	static char text[RULES_CODE_MAX + 1];
	struct span mapped;
	if (!rules_map(rules, kind, span_of(entity), span_of(code), day(on), &mapped))
		return "?";
	assert_true(text_copy(text, sizeof text, mapped));
	return text;
}

#define assert_maps(rules, entity, code, on, expected) \
	assert_string_equal(map(rules, MAPPING_ACCOUNT, entity, code, on), expected)

/* Without any file every code stays, and the version is that of no files. */
static void without_files(void **state)
{
	(void)state;
	struct made_rules made = rules_begin();
	rules_end(&made);
	assert_true(made.good);
	assert_maps(made.rules, "00001", "70.8080", "2026-01-01", "70.8080");
	assert_int_equal(rules_count(made.rules, MAPPING_ACCOUNT), 0);
	assert_false(rules_has(made.rules, MAPPING_ACCOUNT));
	assert_int_equal(rules_tolerance_count(made.rules) + rules_attribute_count(made.rules), 0);
	/* printf '\0' | sha256sum | cut -c1-16 */
	assert_string_equal(rules_version(made.rules), "6e340b9cffb37a98");
	rules_drop(&made);
}

/* A row counts from its first day to its last, both of them; the day before and after have none. */
static void dates_at_their_edges(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,4000,400000,2024-02-29,2024-12-31,\n"
	                                                            "*,4000,400100,2025-01-01,,\n"
	                                                            "*,5000,500000,,2024-06-30,\n"
	                                                            "*,6000,600000,2024-06-30,2024-06-30,\n");
	assert_maps(made.rules, "1", "4000", "2024-02-28", "?");
	assert_maps(made.rules, "1", "4000", "2024-02-29", "400000");
	assert_maps(made.rules, "1", "4000", "2024-12-31", "400000");
	assert_maps(made.rules, "1", "4000", "2025-01-01", "400100");
	assert_maps(made.rules, "1", "4000", "2199-12-31", "400100");
	assert_maps(made.rules, "1", "5000", "1900-01-01", "500000");
	assert_maps(made.rules, "1", "5000", "2024-06-30", "500000");
	assert_maps(made.rules, "1", "5000", "2024-07-01", "?");
	assert_maps(made.rules, "1", "6000", "2024-06-29", "?");
	assert_maps(made.rules, "1", "6000", "2024-06-30", "600000");
	assert_maps(made.rules, "1", "6000", "2024-07-01", "?");
	assert_maps(made.rules, "1", "7000", "2024-07-01", "?");
	assert_maps(made.rules, "1", "", "2024-07-01", "");
	rules_drop(&made);
}

/* One's own entity goes first, then all; "*" takes what no row names, "=" keeps it. */
static void own_entity_first(void **state)
{
	(void)state;
	struct made_rules made =
	    rules_of("account", MAPPING_HEADER "*,4000,all,,,\n"
	                                       "00001,4000,own,2024-01-01,2024-12-31,\n"
	                                       "00002,*,=,,,\n"
	                                       "00003,*,rest,2024-01-01,,\n"
	                                       "00003,5000,named,2024-01-01,2024-03-31,\n"
	                                       ",*,other,,,\n");
	assert_maps(made.rules, "00001", "4000", "2024-06-01", "own");
	assert_maps(made.rules, "00001", "4000", "2025-06-01", "all");
	assert_maps(made.rules, "00009", "4000", "2024-06-01", "all");
	assert_maps(made.rules, "00002", "4000", "2024-06-01", "4000");
	assert_maps(made.rules, "00002", "4711", "2024-06-01", "4711");
	assert_maps(made.rules, "00009", "4711", "2024-06-01", "other");
	assert_maps(made.rules, "00003", "4711", "2024-06-01", "rest");
	/* Before 2024 the own "*" does not count; that of all does. */
	assert_maps(made.rules, "00003", "4711", "2023-06-01", "other");
	assert_maps(made.rules, "00003", "4000", "2023-06-01", "all");
	/* 00003 names 5000, so that outside of its dates it is missing and not one of the rest. */
	assert_maps(made.rules, "00003", "5000", "2024-03-31", "named");
	assert_maps(made.rules, "00003", "5000", "2024-04-01", "?");
	assert_maps(made.rules, "00001", "5000", "2024-04-01", "other");
	rules_drop(&made);
}

/* Each kind has its own file; one without a file keeps its codes, one with nothing but a header maps none. */
static void kinds(void **state)
{
	(void)state;
	struct made_rules made = rules_begin();
	rules_put(&made, "tax_code", MAPPING_HEADER "*,V7,OUT7,,,\n*,V0,=,,,\n");
	rules_put(&made, "cost_centre", MAPPING_HEADER);
	rules_end(&made);
	assert_true(made.good);
	assert_string_equal(map(made.rules, MAPPING_TAX_CODE, "1", "V7", "2026-01-01"), "OUT7");
	assert_string_equal(map(made.rules, MAPPING_TAX_CODE, "1", "V0", "2026-01-01"), "V0");
	assert_string_equal(map(made.rules, MAPPING_TAX_CODE, "1", "v7", "2026-01-01"), "?");
	assert_string_equal(map(made.rules, MAPPING_COST_CENTRE, "1", "100", "2026-01-01"), "?");
	assert_string_equal(map(made.rules, MAPPING_CUSTOMER, "1", "100", "2026-01-01"), "100");
	assert_true(rules_has(made.rules, MAPPING_COST_CENTRE) && !rules_has(made.rules, MAPPING_ENTITY));
	assert_int_equal(rules_count(made.rules, MAPPING_TAX_CODE), 2);
	assert_int_equal(rules_count(made.rules, MAPPING_COST_CENTRE), 0);
	assert_string_equal(mapping_kind_name(MAPPING_DOCUMENT_TYPE), "document_type");
	rules_drop(&made);
}

/* Many codes: each is found again among 20,000, and none that is not there. */
static void many_codes(void **state)
{
	(void)state;
	struct buf text;
	char code[32], expected[32];
	struct made_rules made = rules_begin();
	buf_init(&text, RULES_FILE_BYTES_MAX);
	buf_append_text(&text, MAPPING_HEADER);
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "%05d,%d.%d,T%d,,,\n", i % 7, i / 100, i % 100, i);
	rules_put(&made, "account", buf_cstr(&text));
	rules_end(&made);
	assert_true(made.good);
	assert_int_equal(rules_count(made.rules, MAPPING_ACCOUNT), 20000);
	for (int i = 0; i < 20000; i++) {
		char entity[8];
		(void)snprintf(code, sizeof code, "%d.%d", i / 100, i % 100);
		(void)snprintf(expected, sizeof expected, "T%d", i);
		(void)snprintf(entity, sizeof entity, "%05d", i % 7);
		assert_maps(made.rules, entity, code, "2026-01-01", expected);
		(void)snprintf(entity, sizeof entity, "%05d", (i + 1) % 7);
		assert_maps(made.rules, entity, code, "2026-01-01", "?");
	}
	buf_release(&text);
	rules_drop(&made);
}

/* ---- overlaps ---- */

/* Overlaps are told at the later line with the other one and the days; rows that only meet are none. */
static void overlaps(void **state)
{
	(void)state;
	assert_problems("account",
	                SPAN_LITERAL(MAPPING_HEADER "*,4000,1,2024-01-01,2024-06-30,\n"
	                                            "*,4000,2,2024-07-01,,\n"
	                                            "1,4000,3,,,\n"),
	                "");
	assert_problems(
	    "account",
	    SPAN_LITERAL(MAPPING_HEADER "*,4000,1,2024-06-30,,\n"
	                                "*,5000,1,,,\n"
	                                ",4000,2,2024-01-01,2024-06-30,\n"
	                                "00001,7,1,,,\n"
	                                "*,5000,1,,,\n"),
	    "4: this row and line 2 both map 4000 of entity * from 2024-06-30 to 2024-06-30; end one "
	    "before the other begins, or remove one\n"
	    "6: this row and line 3 both map 5000 of entity * from ever to ever; end one before the "
	    "other begins, or remove one\n");
	/* The first lasts over both others, which do not meet each other. */
	assert_problems(
	    "account",
	    SPAN_LITERAL(MAPPING_HEADER "*,*,1,2024-01-01,2024-12-31,\n"
	                                "*,*,2,2024-02-01,2024-02-29,\n"
	                                "*,*,3,2024-05-01,2025-05-31,\n"
	                                "*,*,4,2025-05-31,,\n"),
	    "3: this row and line 2 both map * of entity * from 2024-02-01 to 2024-02-29; end one "
	    "before the other begins, or remove one\n"
	    "4: this row and line 2 both map * of entity * from 2024-05-01 to 2024-12-31; end one "
	    "before the other begins, or remove one\n"
	    "5: this row and line 4 both map * of entity * from 2025-05-31 to 2025-05-31; end one "
	    "before the other begins, or remove one\n");
}

/* ---- rows that are wrong ---- */

/* Every mistake of a row has its line and says what to write; one row may have several. */
static void wrong_rows(void **state)
{
	(void)state;
	assert_problems(
	    "account",
	    SPAN_LITERAL(MAPPING_HEADER "*,4000,,,,\n"
	                                "*,4001,*,,,\n"
	                                "*,,1,,,\n"
	                                "*,4003,1,31.12.2024,2024-02-30,\n"
	                                "*,4004,1,2024-02-02,2024-02-01,\n"
	                                "*,4005,1,1899-12-31,2200-01-01,\n"
	                                "*,\"40\n06\",1,,,\n"),
	    "2: to is empty; write the cloud's code, or = where the code stays as it is\n"
	    "3: to is *; write the cloud's code, or = where the code stays as it is\n"
	    "4: from is empty; write the legacy code, or * for every code that has no row\n"
	    "5: valid_from is 31.12.2024; allowed is a date such as 2026-01-31 (1900 to 2199), or "
	    "nothing\n"
	    "5: valid_to is 2024-02-30; allowed is a date such as 2026-01-31 (1900 to 2199), or "
	    "nothing\n"
	    "6: valid_to is before valid_from; the row would never be valid: correct one of them, or "
	    "remove the row\n"
	    "7: valid_from is 1899-12-31; allowed is a date such as 2026-01-31 (1900 to 2199), or "
	    "nothing\n"
	    "7: valid_to is 2200-01-01; allowed is a date such as 2026-01-31 (1900 to 2199), or "
	    "nothing\n"
	    "8: from is 40?06, which has a control character (such as a tab or a line break) in it; "
	    "remove it\n");
}

/* Codes of 128 bytes and notes of 1000 are taken, one byte more is not. */
static void lengths_at_their_limits(void **state)
{
	(void)state;
	char code[RULES_CODE_MAX + 2], note[1002], text[4096];
	for (size_t more = 0; more < 2; more++) {
		struct made_rules made = rules_begin();
		memset(code, 'c', RULES_CODE_MAX + more);
		code[RULES_CODE_MAX + more] = 0;
		memset(note, 'n', 1000 + more);
		note[1000 + more] = 0;
		(void)snprintf(text, sizeof text, MAPPING_HEADER "%s,%s,%s,,,%s\n", code, code, code, note);
		rules_put(&made, "account", text);
		rules_end(&made);
		assert_int_equal(made.problems->total, more == 0 ? 0 : 4);
		if (more == 0)
			assert_maps(made.rules, code, code, "2026-01-01", code);
		else
			assert_non_null(strstr(made.problems->list[1].text,
			                       "..., which is 129 bytes long; allowed are 128"));
		rules_drop(&made);
	}
}

/* 500,000 rows over all kinds are taken; the next one is told once and ends its file. */
static void rows_at_their_limit(void **state)
{
	(void)state;
	struct buf text;
	struct made_rules made = rules_begin();
	buf_init(&text, RULES_FILE_BYTES_MAX);
	buf_append_text(&text, "from;to;entity;valid_from;valid_to\n");
	for (int i = 0; i < RULES_MAPPINGS_MAX; i++)
		buf_printf(&text, "%d;%d;;;\n", i, i);
	rules_put(&made, "customer", buf_cstr(&text));
	assert_true(made.good);
	rules_put(&made, "entity", MAPPING_HEADER "*,1,2,,,\n*,2,2,,,\n");
	assert_int_equal(made.problems->total, 1);
	assert_int_equal(made.problems->list[0].line, 2);
	assert_string_equal(made.problems->list[0].text,
	                    "there are more than 500000 rows in all mappings; remove what was never posted");
	rules_end(&made);
	assert_false(made.good);
	buf_release(&text);
	rules_drop(&made);
}

/* More problems than fit: the first 50 are kept, all are counted. */
static void many_problems(void **state)
{
	(void)state;
	struct buf text;
	struct made_rules made = rules_begin();
	buf_init(&text, RULES_FILE_BYTES_MAX);
	buf_append_text(&text, MAPPING_HEADER);
	for (int i = 0; i < RULES_PROBLEMS_MAX + 1; i++)
		buf_printf(&text, "*,%d,,,,\n", i);
	rules_put(&made, "account", buf_cstr(&text));
	rules_end(&made);
	assert_int_equal(made.problems->count, RULES_PROBLEMS_MAX);
	assert_int_equal(made.problems->total, RULES_PROBLEMS_MAX + 1);
	buf_release(&text);
	rules_drop(&made);
}

/* A file of no such name, and one that is given twice. */
static void wrong_files(void **state)
{
	(void)state;
	assert_problems(
	    "acount", SPAN_LITERAL(MAPPING_HEADER),
	    "0: no rules have this name; allowed are account.csv, cost_centre.csv, tax_code.csv, "
	    "customer.csv, entity.csv, document_type.csv, tolerance.csv and attribute.csv; rename it, or "
	    "move it away\n");
	struct made_rules made = rules_begin();
	rules_put(&made, "account", MAPPING_HEADER);
	rules_put(&made, "account", MAPPING_HEADER);
	rules_end(&made);
	assert_int_equal(made.problems->total, 1);
	assert_string_equal(made.problems->list[0].text, "the file is given twice; leave one of them out");
	rules_drop(&made);
	made = rules_begin();
	rules_put(&made, "a-name-of-a-file-that-is-much-too-long", MAPPING_HEADER);
	assert_false(made.good);
	assert_int_equal(strlen(made.problems->list[0].file), 31);
	rules_drop(&made);
}

/* ---- the version ---- */

static void version_of(const char *first, const char *first_text, const char *second, const char *second_text,
                       char version[RULES_VERSION_SIZE])
{
	struct made_rules made = rules_begin();
	rules_put(&made, first, first_text);
	rules_put(&made, second, second_text);
	rules_end(&made);
	assert_true(made.good);
	(void)snprintf(version, RULES_VERSION_SIZE, "%s", rules_version(made.rules));
	rules_drop(&made);
}

/* Files in another order are the same version; a changed byte, or the same bytes under swapped names, are another. */
static void versions(void **state)
{
	(void)state;
	static const char a[] = MAPPING_HEADER "*,1,2,,,\n";
	static const char b[] = MAPPING_HEADER "*,3,4,,,\n";
	char version[RULES_VERSION_SIZE], other[RULES_VERSION_SIZE];
	version_of("account", a, "tax_code", b, version);
	/* (printf '\2account\0'; printf "$a" | sha256sum | xxd -r -p; printf 'tax_code\0'; ... ) | sha256sum */
	assert_string_equal(version, "cbf561f02566a531");
	version_of("tax_code", b, "account", a, other);
	assert_string_equal(version, other);
	version_of("account", b, "tax_code", a, other);
	assert_string_not_equal(version, other);
	version_of("account", MAPPING_HEADER "*,1,2,,, \n", "tax_code", b, other);
	assert_string_not_equal(version, other);
	version_of("account", MAPPING_HEADER "*,1,2,,,", "tax_code", b, other);
	assert_string_not_equal(version, other);
	version_of("account", a, "customer", b, other);
	assert_string_not_equal(version, other);
}

/* ---- visiting ---- */

static bool note_row(void *self, const struct mapping_row *row)
{
	struct buf *out = self;
	buf_printf(out, "%d %.*s/%.*s>%.*s(%.*s) ", row->line, (int)row->entity.len, row->entity.data,
	           (int)row->from.len, row->from.data, (int)row->to.len, row->to.data, (int)row->note.len,
	           row->note.data);
	return out->len < 40;
}

/* Rows come by entity, code and date, with what they say; a visitor may end it. */
static void visits(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1000);
	struct made_rules made = rules_of("account", MAPPING_HEADER "2,5,a,2024-01-01,,n1\n"
	                                                            "1,50,b,,,\n"
	                                                            "2,5,c,,2023-12-31,\"x, y\"\n"
	                                                            ",5,=,,,\n"
	                                                            "3,5,=,,,\n"
	                                                            "4,5,=,,,\n");
	rules_visit(made.rules, MAPPING_ACCOUNT, note_row, &out);
	assert_string_equal(buf_cstr(&out), "5 */5>=() 3 1/50>b() 4 2/5>c(x, y) 2 2/5>a(n1) ");
	buf_clear(&out);
	rules_visit(made.rules, MAPPING_ENTITY, note_row, &out);
	assert_int_equal(out.len, 0);
	buf_release(&out);
	rules_drop(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_files),
	    cmocka_unit_test(dates_at_their_edges),
	    cmocka_unit_test(own_entity_first),
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(many_codes),
	    cmocka_unit_test(overlaps),
	    cmocka_unit_test(wrong_rows),
	    cmocka_unit_test(lengths_at_their_limits),
	    cmocka_unit_test(rows_at_their_limit),
	    cmocka_unit_test(many_problems),
	    cmocka_unit_test(wrong_files),
	    cmocka_unit_test(versions),
	    cmocka_unit_test(visits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
