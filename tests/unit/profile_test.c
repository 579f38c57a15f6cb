/*
 * profile_test.c - the shipped profiles, and what a person may write wrongly in one.
 *
 * Why:   a mistake in a profile must be told with its place before anything is read, not found in the cloud's
 *        books.
 * Owns:  nothing.
 * Rules: each bad profile is a good one with one thing changed; the place expected is counted by hand.
 * Runs in: the tests.
 */
#include "connector/source/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/source/statement.h"

/* Line by line, so that the places below can be counted. */
#define GOOD                                                                                  \
	"profile: mini\n"                                                            /* 1 */  \
	"version: \"1\"\n"                                                           /* 2 */  \
	"parameters:\n"                                                              /* 3 */  \
	"  schema: {default: \"\", text: x}\n"                                       /* 4 */  \
	"clock:\n"                                                                   /* 5 */  \
	"  default: SELECT CURRENT_TIMESTAMP\n"                                      /* 6 */  \
	"  PostgreSQL: SELECT localtimestamp\n"                                      /* 7 */  \
	"feeds:\n"                                                                   /* 8 */  \
	"  customer:\n"                                                              /* 9 */  \
	"    document: customer\n"                                                   /* 10 */ \
	"    strategy: day_overlap\n"                                                /* 11 */ \
	"    rows:\n"                                                                /* 12 */ \
	"      key: [A integer, B]\n"                                                /* 13 */ \
	"      stamp: {form: cyyddd_hhmmss, columns: [D, T]}\n"                      /* 14 */ \
	"      sql: |\n"                                                             /* 15 */ \
	"        SELECT A, B, D, T, N FROM {schema}X\n"                              /* 16 */ \
	"        WHERE {since D T} AND {after} {if since}AND Y = 1{end}\n"           /* 17 */ \
	"        {order} {page}\n"                                                   /* 18 */ \
	"    header:\n"                                                              /* 19 */ \
	"      entity: {const: \"00000\"}\n"                                         /* 20 */ \
	"      number: {join: [A, B], separator: \"-\"}\n"                           /* 21 */ \
	"      year: {const: \"0\"}\n"                                               /* 22 */ \
	"      legal_name: N\n"                                                      /* 23 */ \
	"      credit_hold: {column: N, map: {X: \"true\"}, otherwise: \"false\"}\n" /* 24 */

static struct config_problems problems;

static struct profile *load(const char *text, const struct config_parameter *parameters, int count)
{
	config_problems_init(&problems);
	return profile_load(span_of(text), "mini.yaml", parameters, count, &problems);
}

/* GOOD with the first `from` replaced. */
static char *changed(const char *from, const char *to)
{
	const char *at = strstr(GOOD, from);
	assert_non_null(at);
	size_t size = strlen(GOOD) + strlen(to) + 1;
	char *text = malloc(size);
	assert_non_null(text);
	(void)snprintf(text, size, "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
	return text;
}

static void refused(const char *from, const char *to, int line, int column, const char *words)
{
	char *text = changed(from, to);
	struct profile *profile = load(text, NULL, 0);
	assert_null(profile);
	assert_true(problems.count > 0);
	for (int i = 0; i < problems.count; i++) {
		const struct config_problem *problem = &problems.list[i];
		if (problem->line == line && problem->column == column && strstr(problem->text, words)) {
			free(text);
			return;
		}
	}
	for (int i = 0; i < problems.count; i++)
		print_error("%d:%d: %s\n", problems.list[i].line, problems.list[i].column,
		            problems.list[i].text);
	fail_msg("no problem at %d:%d with \"%s\"", line, column, words);
}

/* A profile that is shipped loads, has the four feeds, and its parameters reach the SQL: `words` stand in the first
 * page of the feed's gate, or of its rows. */
static void shipped(const char *name, const char *feed, bool gate, const char *words)
{
	static char text[CONFIG_FILE_BYTES_MAX];
	char path[64];
	(void)snprintf(path, sizeof path, "config/profiles/%s.yaml", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof text, file);
	assert_int_equal(fclose(file), 0);
	const struct config_parameter schema = {"schema", "PRODDTA."};
	config_problems_init(&problems);
	struct profile *profile = profile_load((struct span){text, len}, path, &schema, 1, &problems);
	for (int i = 0; i < problems.count; i++)
		print_error("%d:%d: %s\n", problems.list[i].line, problems.list[i].column,
		            problems.list[i].text);
	assert_non_null(profile);
	assert_string_equal(profile_name(profile), name);
	static const char *const feeds[] = {"journal", "invoice", "payment", "customer", "usage"};
	/* An ERP has no usage: a metering source does. */
	int count = strcmp(name, "sample_cloud") == 0 ? 5 : 4;
	for (int i = 0; i < count; i++)
		assert_non_null(profile_feed_find(profile, span_of(feeds[i])));
	assert_int_equal(profile->feed_count, count);
	const struct profile_feed *invoice = profile_feed_find(profile, SPAN_LITERAL("invoice"));
	assert_int_equal(invoice->types, 1u << DOCUMENT_INVOICE | 1u << DOCUMENT_CREDIT_MEMO);
	const struct profile_feed *asked = profile_feed_find(profile, span_of(feed));
	struct buf sql;
	int markers;
	buf_init(&sql, 65536);
	statement_text(gate ? &asked->gate : &asked->rows, DIALECT_LIMIT,
	               (struct statement_shape){.rows = 10}, &sql, &markers);
	assert_non_null(strstr(buf_cstr(&sql), words));
	assert_int_equal(markers, 0);
	assert_true(profile_clock_sql(profile, SPAN_LITERAL("SQLite")).len > 0);
	buf_release(&sql);
	profile_free(profile);
}

static void test_jde(void **state)
{
	(void)state;
	shipped("jde", "journal", true, "FROM PRODDTA.F0011");
}

/* What it reads is compared with what was posted in tests/integration/test_cloud_ledger.py. */
static void test_sample_cloud(void **state)
{
	(void)state;
	shipped("sample_cloud", "invoice", false, "LEFT JOIN PRODDTA.cloud_tax_lines T");
}

/* A source may name the feeds it wants, by their names or by the types of document they make; none: all. */
static void test_wanted(void **state)
{
	(void)state;
	struct profile *profile = load(GOOD, NULL, 0);
	assert_non_null(profile);
	static struct config_source source;
	assert_true(profile_feed_wanted(&profile->feeds[0], &source));
	source.feed_count = 1;
	(void)snprintf(source.feeds[0], sizeof source.feeds[0], "invoice");
	assert_false(profile_feed_wanted(&profile->feeds[0], &source));
	(void)snprintf(source.feeds[0], sizeof source.feeds[0], "customer");
	assert_true(profile_feed_wanted(&profile->feeds[0], &source));
	/* The database's own name wins over the default, whatever its case. */
	assert_true(span_equal(profile_clock_sql(profile, SPAN_LITERAL("postgresql 15")),
	                       SPAN_LITERAL("SELECT localtimestamp")));
	assert_true(span_equal(profile_clock_sql(profile, SPAN_LITERAL("Firebird")),
	                       SPAN_LITERAL("SELECT CURRENT_TIMESTAMP")));
	profile_free(profile);
}

/* The macros, expanded by hand from the rules of statement.h: two key columns make four markers after the
 * first page, a stamp of two columns three; without a since its own part and the {if since} part are not
 * there. */
static void test_statement(void **state)
{
	(void)state;
	struct profile *profile = load(GOOD, NULL, 0);
	assert_non_null(profile);
	const struct profile_query *query = &profile->feeds[0].rows;
	struct buf sql;
	int markers;
	buf_init(&sql, 65536);
	statement_text(query, DIALECT_LIMIT, (struct statement_shape){.rows = 100}, &sql, &markers);
	assert_string_equal(buf_cstr(&sql),
	                    "SELECT A, B, D, T, N FROM X\nWHERE 1=1 AND 1=1 \nORDER BY A, B LIMIT 100\n");
	assert_int_equal(markers, 0);
	buf_clear(&sql);
	statement_text(query, DIALECT_OFFSET_FETCH,
	               (struct statement_shape){.since = true, .after = true, .rows = 7}, &sql, &markers);
	assert_string_equal(
	    buf_cstr(&sql),
	    "SELECT A, B, D, T, N FROM X\n"
	    "WHERE (D > ? OR (D = ? AND T >= ?)) AND (A >= ? AND (A > ? OR (A = ? AND B > ?))) AND Y = 1\n"
	    "ORDER BY A, B OFFSET 0 ROWS FETCH NEXT 7 ROWS ONLY\n");
	assert_int_equal(markers, 7);
	const struct statement_values values = {.since = {SPAN_LITERAL("124060"), SPAN_LITERAL("93005")},
	                                        .after = {SPAN_LITERAL("4711"), SPAN_LITERAL("x ")}};
	struct source_param params[SOURCE_PARAMS_MAX];
	int count = statement_params(
	    query, NULL, (struct statement_shape){.since = true, .after = true, .rows = 7}, &values, params);
	static const char *const texts[] = {"124060", "124060", "93005", "4711", "4711", "4711", "x "};
	assert_int_equal(count, 7);
	for (int i = 0; i < 7; i++) {
		assert_true(span_equal(params[i].text, span_of(texts[i])));
		assert_int_equal(params[i].integer, i < 6);
	}
	assert_int_equal(dialect_of(SPAN_LITERAL("PostgreSQL")), DIALECT_LIMIT);
	assert_int_equal(dialect_of(SPAN_LITERAL("Microsoft SQL Server")), DIALECT_OFFSET_FETCH);
	assert_int_equal(dialect_of(SPAN_LITERAL("Oracle")), DIALECT_FETCH_FIRST);
	assert_int_equal(dialect_of(SPAN_LITERAL("DB2/LINUXX8664")), DIALECT_FETCH_FIRST);
	buf_release(&sql);
	profile_free(profile);
}

/* A key goes into one text and back; a value that holds the separator, and one byte too many, do not go in.
 * */
static void test_key(void **state)
{
	(void)state;
	char text[8];
	size_t len = 0;
	const struct span values[] = {SPAN_LITERAL("G "), SPAN_LITERAL(""), SPAN_LITERAL("501")};
	struct span back[3];
	assert_true(key_encode(values, 3, text, sizeof text, &len));
	assert_int_equal(len, 7);
	assert_true(key_decode((struct span){text, len}, back, 3));
	for (int i = 0; i < 3; i++)
		assert_true(span_equal(values[i], back[i]));
	assert_false(key_decode((struct span){text, len}, back, 2));
	assert_false(key_encode(values, 3, text, 6, &len));
	const struct span separator = SPAN_LITERAL("a\x1f");
	assert_false(key_encode(&separator, 1, text, sizeof text, &len));
}

/* Each mistake is told at its place, with what is allowed. */
static void test_mistakes(void **state)
{
	(void)state;
	refused("legal_name: N", "legal_nam: N", 23, 7, "unknown field 'legal_nam'");
	refused("      legal_name: N\n", "", 20, 7, "field 'legal_name' is missing");
	refused("strategy: day_overlap", "strategy: rowversion", 11, 15, "unknown strategy 'rowversion'");
	refused("    document: customer\n", "", 10, 5, "has no 'document'");
	refused("document: customer", "document: client", 10, 15, "'client' is no document type");
	refused("version: \"1\"", "verson: \"1\"", 2, 1, "unknown key 'verson'");
	refused("year: {const: \"0\"}", "year: {const: \"x\"}", 22, 21, "is not an integer");
	refused("legal_name: N", "legal_name: {column: N, as: cyyddd}", 23, 35,
	        "unknown conversion 'cyyddd'");
	refused("legal_name: N", "legal_name: {column: N, as: present}", 23, 19, "does not give a text");
	refused("legal_name: N", "legal_name: {column: N, as: implied_decimals}", 23, 19, "needs decimals");
	refused("legal_name: N", "legal_name: {column: N, const: x}", 23, 19, "exactly one of");
	refused("legal_name: N", "legal_name: {column: \"N M\"}", 23, 28, "no column name");
	refused("credit_hold: {column", "credit_hold: {colum", 24, 21, "unknown key 'colum'");
	refused("otherwise: \"false\"", "otherwise: no", 24, 61, "no boolean");
	refused("legal_name: N", "legal_name: N\n      legal_name: B", 24, 7, "given twice");
	refused("A integer", "A number", 13, 13, "allowed is integer");
	refused("key: [A integer, B]", "key: [A, A]", 13, 16, "given twice");
	refused("columns: [D, T]", "columns: [D]", 14, 45, "has 2 column(s), not 1");
	refused("form: cyyddd_hhmmss", "form: unix", 14, 21, "unknown stamp form 'unix'");
	refused("  default: SELECT CURRENT_TIMESTAMP\n", "", 6, 3, "no clock 'default'");
	refused("    header:", "    lines: {line: A}\n    header:", 19, 12, "a customer has no lines");
}

/* Mistakes in SQL, at their line; the column counts within the text of the block. */
static void test_sql_mistakes(void **state)
{
	(void)state;
	refused("AND Y = 1", "AND Y = ?", 17, 49, "a ? in the SQL");
	refused("{schema}", "{shema}", 16, 27, "unknown macro {shema}");
	refused("{since D T}", "{since D}", 17, 7, "needs 2 column(s) here, not 1");
	refused("{after}", "{after A}", 17, 23, "takes no columns, or as many as the key has (2)");
	refused("{after}", "{unit A}", 17, 23, "{unit} ");
	refused("{end}", "", 15, 12, "{if since} without {end}");
	refused("{if since}", "{if ever}", 17, 31, "{if ever} is not known");
	refused("{page}", "", 15, 12, "has no {page}");
	refused("{since D T}", "1=1", 15, 12, "has no {since");
	refused("{order}", "{order", 18, 1, "a { without its }");
}

/* Parameters of the source: unknown ones, and characters that could end a name in SQL, are refused. */
static void test_parameters(void **state)
{
	(void)state;
	static const struct config_parameter unknown = {"schem", "X"};
	static const struct config_parameter hostile = {"schema", "X; DROP TABLE Y"};
	static const struct config_parameter good = {"schema", "\"P\".D_1#$."};
	assert_null(load(GOOD, &unknown, 1));
	assert_non_null(strstr(problems.list[0].text, "'schem'"));
	assert_null(load(GOOD, &hostile, 1));
	assert_non_null(strstr(problems.list[0].text, "allowed are letters"));
	struct profile *profile = load(GOOD, &good, 1);
	assert_non_null(profile);
	assert_non_null(strstr(profile->feeds[0].rows.pieces[0].text.data, "FROM \"P\".D_1#$.X"));
	profile_free(profile);
}

/* Several mistakes are told together, in the order of the file; what is no YAML, or no mapping, is one
 * problem. */
static void test_all_at_once(void **state)
{
	(void)state;
	assert_null(load("profile: Mini\nversion: 1\nclok: x\nfeeds: []\n", NULL, 0));
	assert_int_equal(problems.count, 4);
	assert_int_equal(problems.list[0].line, 1);
	assert_int_equal(problems.list[3].line, 4);
	assert_null(load("profile: [", NULL, 0));
	assert_int_equal(problems.count, 1);
	assert_null(load("- a\n", NULL, 0));
	assert_int_equal(problems.count, 1);
	assert_null(load("", NULL, 0));
	assert_true(problems.count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_jde),          cmocka_unit_test(test_sample_cloud),
	    cmocka_unit_test(test_wanted),       cmocka_unit_test(test_statement),
	    cmocka_unit_test(test_key),          cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_sql_mistakes), cmocka_unit_test(test_parameters),
	    cmocka_unit_test(test_all_at_once),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
