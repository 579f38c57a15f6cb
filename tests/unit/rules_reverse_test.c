/*
 * rules_reverse_test.c - which of the ERP's codes become a code of the cloud.
 *
 * Why:   an account that is listed wrongly sends people to the wrong ledger, and one that is left out hides one.
 * Owns:  nothing.
 * Rules: expected lists are read off the CSV texts by hand; random rules are compared with one look-up forwards for
 *        each company, code and day.
 * Runs in: the tests.
 */
#include "connector/compare/rules_reverse.h"

#include <stdio.h>

#include "tests/unit/rules_fixture.h"

#define YEAR "2026-01-01", "2026-12-31"

static void assert_list(const struct rules *rules, const char *entity, const char *code, const char *first,
                        const char *last, const char *expected)
{
	struct buf out;
	struct rules_reverse *reverse = rules_reverse_new(rules, MAPPING_ACCOUNT);
	buf_init(&out, 4096);
	rules_reverse_list(reverse, span_of(entity), span_of(code), first[0] ? day(first) : INT32_MIN,
	                   last[0] ? day(last) : INT32_MAX, &out);
	if (strcmp(buf_cstr(&out), expected) != 0)
		fail_msg("%s of %s from %s to %s: %s, not %s", code, entity, first, last, buf_cstr(&out),
		         expected);
	buf_release(&out);
	rules_reverse_free(reverse);
}

/* Without rules, and without this file, every code is its own; without a code there is none. */
static void without_a_file(void **state)
{
	(void)state;
	struct made_rules made = rules_of("entity", MAPPING_HEADER "*,00070,CH,,,\n");
	assert_list(NULL, "10", "4000", YEAR, "4000");
	assert_list(NULL, "10", "", YEAR, "");
	assert_list(made.rules, "CH", "4000", YEAR, "4000");
	rules_drop(&made);
	made = rules_of("account", MAPPING_HEADER);
	assert_list(made.rules, "10", "4000", YEAR, "");
	rules_drop(&made);
	rules_reverse_free(NULL);
}

/* The example of docs/mapping.md. */
static void as_the_manual_has_it(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,1110.BEAR,110000,,,\n"
	                                                            "*,1110.FIRST,110000,,,\n"
	                                                            "*,1210,120000,,,\n"
	                                                            "*,5005,400100,,2025-12-31,\n"
	                                                            "*,5005,400150,2026-01-01,,\n"
	                                                            "00070,5005,400170,2026-01-01,,\n"
	                                                            "00200,*,=,,,\n");
	assert_list(made.rules, "00001", "110000", YEAR, "1110.BEAR 1110.FIRST");
	assert_list(made.rules, "00001", "400150", YEAR, "5005");
	/* Overridden in 2026, and not in 2025. */
	assert_list(made.rules, "00070", "400150", YEAR, "");
	assert_list(made.rules, "00070", "400170", YEAR, "5005");
	assert_list(made.rules, "00001", "400170", YEAR, "");
	assert_list(made.rules, "00070", "400100", "2025-12-01", "2025-12-31", "5005");
	/* In 00200 all codes stay, named for others or not. */
	assert_list(made.rules, "00200", "110000", YEAR, "110000");
	assert_list(made.rules, "00200", "5005", YEAR, "5005");
	assert_list(made.rules, "00200", "4711", YEAR, "4711");
	/* Nothing becomes a code that no row names. */
	assert_list(made.rules, "00001", "5005", YEAR, "");
	rules_drop(&made);
}

/* One day of the interval is enough, its first or its last; the day beside it is not. */
static void days_at_their_edges(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,a,T,2026-03-10,2026-03-20,\n"
	                                                            "*,b,T,,2026-03-09,\n"
	                                                            "*,c,T,2026-03-21,,\n"
	                                                            "10,a,U,2026-03-12,2026-03-14,\n");
	assert_list(made.rules, "20", "T", "2026-03-20", "2026-03-20", "a");
	assert_list(made.rules, "20", "T", "2026-03-20", "2026-03-21", "a c");
	assert_list(made.rules, "20", "T", "2026-03-09", "2026-03-10", "a b");
	assert_list(made.rules, "20", "T", "2026-03-09", "2026-03-09", "b");
	assert_list(made.rules, "20", "T", "", "", "a b c");
	assert_list(made.rules, "20", "T", "", "2026-03-09", "b");
	assert_list(made.rules, "10", "T", "2026-03-12", "2026-03-14", "");
	assert_list(made.rules, "10", "T", "2026-03-11", "2026-03-14", "a");
	assert_list(made.rules, "10", "T", "2026-03-12", "2026-03-15", "a");
	assert_list(made.rules, "10", "U", "2026-03-01", "2026-03-11", "");
	assert_list(made.rules, "10", "U", "2026-03-01", "2026-03-12", "a");
	rules_drop(&made);
}

/* "*" stands for all that no other row names, and codes that come by it are not named; "=" keeps one code. */
static void every_other_code(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,*,999,,,\n"
	                                                            "*,4000,999,,2026-06-30,\n"
	                                                            "*,4000,400,2026-07-01,,\n"
	                                                            "*,500,=,,,\n"
	                                                            "*,501,500,,,\n"
	                                                            "20,*,888,2026-03-01,,\n");
	assert_list(made.rules, "10", "999", YEAR, "* 4000");
	assert_list(made.rules, "10", "999", "2026-07-01", "2026-12-31", "*");
	assert_list(made.rules, "10", "500", YEAR, "500 501");
	/* 20's own "*" goes before what all companies name. */
	assert_list(made.rules, "20", "888", YEAR, "*");
	assert_list(made.rules, "20", "400", YEAR, "");
	assert_list(made.rules, "20", "500", "2026-02-28", "2026-12-31", "500 501");
	assert_list(made.rules, "20", "500", "2026-03-01", "2026-12-31", "");
	rules_drop(&made);
}

/* A row to the very code, and a "*" that keeps it: the code once. */
static void the_code_itself_once(void **state)
{
	(void)state;
	struct made_rules made = rules_of("account", MAPPING_HEADER "*,*,=,,,\n"
	                                                            "10,4000,4000,,,\n"
	                                                            "10,4001,=,,,\n"
	                                                            "10,4002,5000,,,\n");
	assert_list(made.rules, "10", "4000", YEAR, "4000");
	assert_list(made.rules, "10", "4001", YEAR, "4001");
	assert_list(made.rules, "10", "4002", YEAR, "");
	assert_list(made.rules, "10", "5000", YEAR, "4002 5000");
	assert_list(made.rules, "20", "4002", YEAR, "4002");
	rules_drop(&made);
}

/* ERP companies by entity.csv: several become one, on their days, and each has rows of its own. */
static void several_companies(void **state)
{
	(void)state;
	struct made_rules made = rules_begin();
	rules_put(&made, "entity",
	          MAPPING_HEADER "*,1,DE,,,\n*,2,DE,2026-07-01,,\n*,2,AT,,2026-06-30,\n*,3,=,,,\n"
	                         "4,*,DE,,,\n*,5,DE,,,\n5,5,CH,,,\n");
	rules_put(&made, "account",
	          MAPPING_HEADER "*,all,T,,,\n1,one,T,,,\n2,two,T,,2026-08-31,\n3,three,T,,,\n4,four,T,,,\n"
	                         "5,five,T,,,\n1,all,U,,,\n4,all,U,,,\n2,all,U,2026-01-01,2026-07-31,\n");
	rules_end(&made);
	assert_true(made.good);
	/* Of 2, `all` counts from August on, and `two` in July and August; 5 is Swiss by its own row. */
	assert_list(made.rules, "DE", "T", YEAR, "all four one two");
	assert_list(made.rules, "DE", "T", "2026-07-01", "2026-07-31", "four one two");
	assert_list(made.rules, "DE", "T", "2026-01-01", "2026-06-30", "four one");
	assert_list(made.rules, "DE", "T", "2026-09-01", "2026-09-30", "all four one");
	assert_list(made.rules, "AT", "T", YEAR, "two");
	assert_list(made.rules, "AT", "T", "2025-12-01", "2025-12-31", "all two");
	assert_list(made.rules, "CH", "T", YEAR, "all five");
	assert_list(made.rules, "3", "T", YEAR, "all three");
	/* No company becomes 1, and none is left that does not become another. */
	assert_list(made.rules, "1", "T", YEAR, "");
	assert_list(made.rules, "FR", "T", YEAR, "");
	rules_drop(&made);
}

/* Every company that entity.csv does not name becomes XX: 2 with its own row, 3 with its own "*", and any other. */
static void every_other_company(void **state)
{
	(void)state;
	struct made_rules made = rules_begin();
	rules_put(&made, "entity", MAPPING_HEADER "*,*,XX,,,\n*,1,DE,,,\n");
	rules_put(&made, "account", MAPPING_HEADER "*,a,T,,,\n1,b,T,,,\n2,c,T,,,\n3,*,=,,,\n");
	rules_end(&made);
	assert_true(made.good);
	assert_list(made.rules, "XX", "T", YEAR, "T a c");
	assert_list(made.rules, "XX", "4711", YEAR, "4711");
	assert_list(made.rules, "2", "T", YEAR, "");
	assert_list(made.rules, "DE", "T", YEAR, "a b");
	rules_drop(&made);
}

/* Codes in a file from the last to the first, every second one of another company that becomes the same; odd: which of
 * both has the last. */
static struct made_rules numbered_codes(int count, int odd)
{
	char text[2000] = MAPPING_HEADER;
	struct made_rules made = rules_begin();
	for (int i = count - 1; i >= 0; i--)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%d,c%02d,T,,,\n",
		               1 + (i + odd) % 2, i);
	rules_put(&made, "account", text);
	rules_put(&made, "entity", MAPPING_HEADER "*,1,DE,,,\n*,2,DE,,,\n");
	rules_end(&made);
	assert_true(made.good);
	return made;
}

/* 16 codes are listed, the first by their bytes; a 17th is told as more. */
static void limit(void **state)
{
	(void)state;
	for (int odd = 0; odd < 2; odd++) {
		for (int count = 16; count <= 18; count++) {
			struct made_rules made = numbered_codes(count, odd);
			assert_list(
			    made.rules, "DE", "T", YEAR,
			    count == 16
				? "c00 c01 c02 c03 c04 c05 c06 c07 c08 c09 c10 c11 c12 c13 c14 c15"
				: "c00 c01 c02 c03 c04 c05 c06 c07 c08 c09 c10 c11 c12 c13 c14 c15 ...");
			rules_drop(&made);
		}
	}
}

/* Among 200,000 rows each of 20,000 targets is found by itself: a look-up is no walk through the file. */
static void many_rows(void **state)
{
	(void)state;
	struct buf text, out;
	struct made_rules made = rules_begin();
	buf_init(&text, RULES_FILE_BYTES_MAX);
	buf_init(&out, 4096);
	buf_append_text(&text, MAPPING_HEADER);
	for (int i = 0; i < 200000; i++)
		buf_printf(&text, "%d,%d,T%d,,,\n", i % 7, i, i % 20000);
	rules_put(&made, "account", buf_cstr(&text));
	rules_end(&made);
	assert_true(made.good);
	struct rules_reverse *reverse = rules_reverse_new(made.rules, MAPPING_ACCOUNT);
	for (int i = 0; i < 20000; i++) {
		char code[16], entity[8], one[16], other[16], expected[40];
		/* Rows i, i + 20000, ... have it; that of the same company comes 7 * 20000 later. */
		bool two = i + 140000 < 200000;
		(void)snprintf(code, sizeof code, "T%d", i);
		(void)snprintf(entity, sizeof entity, "%d", i % 7);
		(void)snprintf(one, sizeof one, "%d", i);
		(void)snprintf(other, sizeof other, "%d", i + 140000);
		bool first = !two || strcmp(one, other) < 0;
		(void)snprintf(expected, sizeof expected, "%s%s%s", first ? one : other, two ? " " : "",
		               !two    ? ""
		               : first ? other
		                       : one);
		buf_clear(&out);
		rules_reverse_list(reverse, span_of(entity), span_of(code), 20000, 20030, &out);
		assert_string_equal(buf_cstr(&out), expected);
	}
	rules_reverse_free(reverse);
	buf_release(&text);
	buf_release(&out);
	rules_drop(&made);
}

/* ---- random rules ---- */

#define CODES     6
#define COMPANIES 5
#define DAY_FIRST 20000
#define DAYS      24

/* `other` has no row: it stands for every code and company that no row names. */
static const char *const codes[CODES] = {"a", "b", "c", "t", "u", "other"};
static const char *const companies[COMPANIES] = {"1", "2", "D", "E", "other"};

struct random_file {
	struct buf plain;
	struct buf marked; /* the target of each "*" that names one has "~" before it */
};

static void random_row(uint64_t *random, struct random_file *file, const char *entity, const char *from,
                       const char *to)
{
	char dates[2][DATE_TEXT_SIZE] = {"", ""};
	date_days first = (date_days)(DAY_FIRST + next_random(random) % DAYS);
	if (next_random(random) % 3 == 0)
		date_print(first, dates[0]);
	if (next_random(random) % 3 == 0)
		date_print(first + (date_days)(next_random(random) % 8), dates[1]);
	bool mark = from[0] == '*' && to[0] != '=';
	buf_printf(&file->plain, "%s,%s,%s,%s,%s,\n", entity, from, to, dates[0], dates[1]);
	buf_printf(&file->marked, "%s,%s,%s%s,%s,%s,\n", entity, from, mark ? "~" : "", to, dates[0],
	           dates[1]);
}

/* accounts: else companies, of which none is marked. */
static void random_file(uint64_t *random, struct random_file *file, bool accounts)
{
	static const char *const account_from[] = {"*", "a", "b", "c", "t"};
	static const char *const account_to[] = {"t", "u", "=", "t"};
	static const char *const company_from[] = {"*", "1", "2", "D"};
	static const char *const company_to[] = {"D", "E", "=", "D"};
	static const char *const entities[] = {"*", "1", "2", "D"};
	uint64_t rows = 1 + next_random(random) % (accounts ? 9 : 4);
	buf_init(&file->plain, 4096);
	buf_init(&file->marked, 4096);
	buf_append_text(&file->plain, MAPPING_HEADER);
	buf_append_text(&file->marked, MAPPING_HEADER);
	for (uint64_t i = 0; i < rows; i++) {
		const char *entity = entities[next_random(random) % 4];
		uint64_t from = next_random(random);
		uint64_t to = next_random(random) % 4;
		if (accounts)
			random_row(random, file, entity, account_from[from % 5], account_to[to]);
		else
			random_row(random, file, entity, company_from[from % 4], company_to[to]);
	}
}

static void release_file(struct random_file *file)
{
	buf_release(&file->plain);
	buf_release(&file->marked);
}

/* The same rules twice, once with their "*" marked; false: rows overlap. */
static bool random_rules(uint64_t *random, struct made_rules *plain, struct made_rules *marked)
{
	struct random_file accounts, entities;
	bool with_entities = next_random(random) % 4 != 0;
	random_file(random, &accounts, true);
	random_file(random, &entities, false);
	*plain = rules_begin();
	*marked = rules_begin();
	rules_put(plain, "account", buf_cstr(&accounts.plain));
	rules_put(marked, "account", buf_cstr(&accounts.marked));
	if (with_entities) {
		rules_put(plain, "entity", buf_cstr(&entities.plain));
		rules_put(marked, "entity", buf_cstr(&entities.plain));
	}
	rules_end(plain);
	rules_end(marked);
	release_file(&accounts);
	release_file(&entities);
	assert_int_equal(plain->good, marked->good);
	return plain->good;
}

/* Does the code become this one for a company that becomes this one, on one of the days? marked: by a "*". */
static bool becomes(const struct rules *rules, const char *entity, const char *legacy, const char *code,
                    date_days first, date_days last)
{
	for (int company = 0; company < COMPANIES; company++) {
		for (date_days date = first; date <= last; date++) {
			struct span from = span_of(companies[company]);
			struct span mapped;
			if (rules_map(rules, MAPPING_ENTITY, from, from, date, &mapped) &&
			    span_equal(mapped, span_of(entity)) &&
			    rules_map(rules, MAPPING_ACCOUNT, from, span_of(legacy), date, &mapped) &&
			    span_equal(mapped, span_of(code)))
				return true;
		}
	}
	return false;
}

/* "*" first: its byte is less than those of all codes here, which stand in the order of theirs but for `other`. */
static void brute_force(const struct rules *marked, const char *entity, const char *code, date_days first,
                        date_days last, struct buf *out)
{
	static const int order[CODES] = {0, 1, 2, 5, 3, 4};
	char by_any[8];
	bool any = false;
	(void)snprintf(by_any, sizeof by_any, "~%s", code);
	buf_clear(out);
	for (int i = 0; i < CODES; i++)
		any = any || becomes(marked, entity, codes[i], by_any, first, last);
	if (any)
		buf_append_char(out, '*');
	for (int i = 0; i < CODES; i++) {
		if (!becomes(marked, entity, codes[order[i]], code, first, last))
			continue;
		if (out->len > 0)
			buf_append_char(out, ' ');
		buf_append_text(out, codes[order[i]]);
	}
}

static void same_as_forwards(void **state)
{
	(void)state;
	uint64_t random = 4711;
	int compared = 0, listed = 0;
	struct buf expected, got;
	buf_init(&expected, 4096);
	buf_init(&got, 4096);
	for (int round = 0; round < 12000; round++) {
		struct made_rules plain, marked;
		if (random_rules(&random, &plain, &marked)) {
			struct rules_reverse *reverse = rules_reverse_new(plain.rules, MAPPING_ACCOUNT);
			for (int i = 0; i < COMPANIES * CODES; i++) {
				const char *entity = companies[i % COMPANIES];
				const char *code = codes[i / COMPANIES];
				date_days first = (date_days)(DAY_FIRST - 2 + next_random(&random) % DAYS);
				date_days last = first + (date_days)(next_random(&random) % 10);
				brute_force(marked.rules, entity, code, first, last, &expected);
				buf_clear(&got);
				rules_reverse_list(reverse, span_of(entity), span_of(code), first, last,
				                   &got);
				assert_string_equal(buf_cstr(&got), buf_cstr(&expected));
				compared++;
				listed += memchr(buf_cstr(&got), ' ', got.len) != NULL;
			}
			rules_reverse_free(reverse);
		}
		rules_drop(&plain);
		rules_drop(&marked);
	}
	buf_release(&expected);
	buf_release(&got);
	/* Enough of them had no overlap, and enough had several codes. */
	assert_true(compared > 50000);
	assert_true(listed > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_file),
	    cmocka_unit_test(as_the_manual_has_it),
	    cmocka_unit_test(days_at_their_edges),
	    cmocka_unit_test(every_other_code),
	    cmocka_unit_test(the_code_itself_once),
	    cmocka_unit_test(several_companies),
	    cmocka_unit_test(every_other_company),
	    cmocka_unit_test(limit),
	    cmocka_unit_test(many_rows),
	    cmocka_unit_test(same_as_forwards),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
