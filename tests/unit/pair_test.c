/*
 * pair_test.c - two views against each other: what is found, what is not, what the tolerance covers.
 *
 * Why:   a difference that is not found here is never found again.
 * Owns:  the fixture: two documents, their views, rules and the pair.
 * Rules: 1. Random documents: whether two are equal is worked out a second time, by tests/lib/view_oracle.c.
 *        2. The other cases are worked out by hand; amounts are in cents where nothing else is said.
 * Runs in: the tests.
 */
#include "connector/compare/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/random_postings.h"
#include "tests/lib/sample_documents.h"
#include "tests/lib/view_oracle.h"

#define ROUNDS     60000
#define ORACLE_MAX (1u << 20)

struct fixture {
	struct document legacy, cloud;
	struct view legacy_view, cloud_view;
	struct rules *rules; /* NULL: none */
	struct pair pair, mirrored;
	struct sim_random random;
	struct buf legacy_text, cloud_text;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	document_init(&fixture->legacy);
	document_init(&fixture->cloud);
	view_init(&fixture->legacy_view);
	view_init(&fixture->cloud_view);
	buf_init(&fixture->legacy_text, ORACLE_MAX);
	buf_init(&fixture->cloud_text, ORACLE_MAX);
	sim_random_init(&fixture->random, 4);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	document_release(&fixture->legacy);
	document_release(&fixture->cloud);
	view_release(&fixture->legacy_view);
	view_release(&fixture->cloud_view);
	buf_release(&fixture->legacy_text);
	buf_release(&fixture->cloud_text);
	rules_free(fixture->rules);
	free(fixture);
	return 0;
}

static void set_rules(struct fixture *fixture, const char *name, const char *csv)
{
	struct rules_problems problems = {0};
	rules_free(fixture->rules);
	fixture->rules = rules_new();
	if (!rules_add(fixture->rules, name, span_of(csv), &problems) ||
	    !rules_finish(fixture->rules, &problems))
		fail_msg("%s", problems.list[0].text);
}

static void make(struct view *view, enum ledger_side side, const struct document *document,
                 const struct rules *rules)
{
	struct err_info info = {0};
	enum err err = view_make(view, side, document, rules, &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", err_name(err), info.text);
}

static void compare(struct fixture *fixture)
{
	make(&fixture->legacy_view, SIDE_LEGACY, &fixture->legacy, fixture->rules);
	make(&fixture->cloud_view, SIDE_CLOUD, &fixture->cloud, fixture->rules);
	pair_compare(&fixture->legacy_view, &fixture->cloud_view, fixture->rules, &fixture->pair);
}

static bool prints_equal(const struct fixture *fixture)
{
	struct fingerprint a = view_fingerprint(&fixture->legacy_view, SPAN_LITERAL("one"));
	struct fingerprint b = view_fingerprint(&fixture->cloud_view, SPAN_LITERAL("one"));
	return fingerprint_equal(&a, &b);
}

/* ---- random pairs ---- */

/* Where the sides change places, all amounts do, and what is the cloud's less the legacy's changes its sign. */
static void assert_mirrored(const struct pair *pair, const struct pair *mirrored)
{
	assert_int_equal(mirrored->class_, pair->class_);
	assert_int_equal(mirrored->count, pair->count);
	assert_int_equal(mirrored->kept, pair->kept);
	assert_int_equal(mirrored->net_delta, -pair->net_delta);
	if (pair->amounts_compared)
		assert_int_equal(mirrored->gross_delta, pair->gross_delta);
	for (int i = 0; i < pair->kept; i++) {
		const struct pair_difference *a = &pair->differences[i];
		const struct pair_difference *b = &mirrored->differences[i];
		assert_string_equal(a->field, b->field);
		assert_string_not_equal(a->field, "form");
		assert_int_equal(a->tolerated, b->tolerated);
		assert_int_equal(a->legacy_amount, b->cloud_amount);
		assert_int_equal(a->cloud_amount, b->legacy_amount);
		assert_int_equal(a->legacy_has, b->cloud_has);
		assert_int_equal(a->cloud_has, b->legacy_has);
		assert_true(span_equal(a->account, b->account) && span_equal(a->entity, b->entity));
		assert_true(span_equal(a->legacy_text, b->cloud_text));
		assert_true(span_equal(a->cloud_text, b->legacy_text));
	}
}

/* The property: matched, equal fingerprints and equal texts of the oracle are one and the same. */
static bool check_random_pair(struct fixture *fixture)
{
	compare(fixture);
	view_oracle(&fixture->legacy, &fixture->legacy_text);
	view_oracle(&fixture->cloud, &fixture->cloud_text);
	bool equal = span_equal(buf_span(&fixture->legacy_text), buf_span(&fixture->cloud_text));
	bool matched = fixture->pair.class_ == PAIR_MATCHED;
	if (equal != matched || equal != prints_equal(fixture)) {
		print_message("# legacy\n%s# cloud\n%s", buf_cstr(&fixture->legacy_text),
		              buf_cstr(&fixture->cloud_text));
		fail_msg("oracle %d, pair %d, fingerprints %d", equal, matched, prints_equal(fixture));
	}
	assert_int_equal(fixture->pair.count == 0, matched);
	pair_compare(&fixture->cloud_view, &fixture->legacy_view, NULL, &fixture->mirrored);
	assert_mirrored(&fixture->pair, &fixture->mirrored);
	return equal;
}

static void test_random_pairs(void **state)
{
	struct fixture *fixture = *state;
	int equal_pairs = 0;
	for (int round = 0; round < ROUNDS; round++) {
		enum document_type type = (enum document_type)(round % DOCUMENT_TYPE_COUNT);
		random_posting(&fixture->random, &fixture->legacy, type);
		copy_document(&fixture->cloud, &fixture->legacy);
		for (uint64_t left = sim_random_below(&fixture->random, 5); left > 0; left--)
			random_change(&fixture->random, &fixture->cloud,
			              (enum posting_change)sim_random_below(&fixture->random, CHANGE_COUNT));
		equal_pairs += check_random_pair(fixture);
	}
	/* Neither was rare. */
	assert_in_range(equal_pairs, ROUNDS / 10, ROUNDS / 10 * 9);
}

/* Documents that share nothing but their kind. */
static void test_random_strangers(void **state)
{
	struct fixture *fixture = *state;
	for (int round = 0; round < ROUNDS / 4; round++) {
		random_posting(&fixture->random, &fixture->legacy,
		               (enum document_type)sim_random_below(&fixture->random, DOCUMENT_TYPE_COUNT));
		random_posting(&fixture->random, &fixture->cloud,
		               (enum document_type)sim_random_below(&fixture->random, DOCUMENT_TYPE_COUNT));
		(void)check_random_pair(fixture);
	}
}

/* Each kind of change by itself is found at times; order, splitting and what is not compared never are. */
static void test_each_change(void **state)
{
	struct fixture *fixture = *state;
	for (int change = 0; change < CHANGE_COUNT; change++) {
		int found = 0;
		for (int round = 0; round < ROUNDS / CHANGE_COUNT; round++) {
			enum document_type type = (enum document_type)(round % DOCUMENT_TYPE_COUNT);
			random_posting(&fixture->random, &fixture->legacy, type);
			copy_document(&fixture->cloud, &fixture->legacy);
			random_change(&fixture->random, &fixture->cloud, (enum posting_change)change);
			found += !check_random_pair(fixture);
		}
		bool neutral = change == CHANGE_ORDER || change == CHANGE_SPLIT || change == CHANGE_IGNORED;
		if (neutral != (found == 0))
			fail_msg("%s: found %d times", posting_change_name((enum posting_change)change),
			         found);
	}
}

/* ---- by hand ---- */

static void add_line(struct document *document, const char *account, const char *amount)
{
	struct value *line = document_add_line(document, SECTION_LINES);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], account);
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], amount);
}

static void make_journals(struct fixture *fixture, const char *currency)
{
	sample_begin(&fixture->legacy, DOCUMENT_JOURNAL, currency);
	sample_begin(&fixture->cloud, DOCUMENT_JOURNAL, currency);
}

static const struct pair_difference *find(const struct fixture *fixture, const char *field,
                                          const char *account)
{
	for (int i = 0; i < fixture->pair.kept; i++) {
		const struct pair_difference *difference = &fixture->pair.differences[i];
		if (strcmp(difference->field, field) == 0 &&
		    span_equal(difference->account, span_of(account)))
			return difference;
	}
	fail_msg("no difference in %s of \"%s\"", field, account);
	return NULL;
}

static void assert_amounts(const struct fixture *fixture, const char *field, const char *account,
                           int64_t legacy, int64_t cloud)
{
	const struct pair_difference *difference = find(fixture, field, account);
	assert_int_equal(difference->lane, LANE_AMOUNT);
	assert_int_equal(difference->legacy_amount, legacy);
	assert_int_equal(difference->cloud_amount, cloud);
}

static void assert_texts(const struct fixture *fixture, const char *field, const char *legacy,
                         const char *cloud)
{
	const struct pair_difference *difference = find(fixture, field, "");
	assert_int_equal(difference->lane, LANE_ATTRIBUTE);
	assert_true(span_equal(difference->legacy_text, span_of(legacy)));
	assert_true(span_equal(difference->cloud_text, span_of(cloud)));
}

/* Two lines that are one cent off in opposite directions: the sum is right, both are found. */
static void test_opposite_errors(void **state)
{
	struct fixture *fixture = *state;
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "100.00");
	add_line(&fixture->legacy, "4100", "50.00");
	add_line(&fixture->legacy, "1200", "-150.00");
	add_line(&fixture->cloud, "4000", "100.01");
	add_line(&fixture->cloud, "4100", "49.99");
	add_line(&fixture->cloud, "1200", "-150.00");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.count, 2);
	assert_amounts(fixture, "debit", "4000", 10000, 10001);
	assert_amounts(fixture, "debit", "4100", 5000, 4999);
	assert_int_equal(fixture->pair.net_delta, 0);
	assert_int_equal(fixture->pair.gross_delta, 2);
	assert_true(fixture->pair.amounts_compared);
}

/* Debit and credit of one account, both one cent too great: the balance is right, both are found. */
static void test_debit_and_credit_apart(void **state)
{
	struct fixture *fixture = *state;
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "10.00");
	add_line(&fixture->legacy, "4000", "-10.00");
	add_line(&fixture->cloud, "4000", "-10.01");
	add_line(&fixture->cloud, "4000", "10.01");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 2);
	assert_amounts(fixture, "debit", "4000", 1000, 1001);
	assert_amounts(fixture, "credit", "4000", -1000, -1001);
	assert_int_equal(fixture->pair.net_delta, 1);
	assert_int_equal(fixture->pair.gross_delta, 2);
}

/* A whole line on another account: it is there on one side alone, twice; 5.00 + 5.00 are at stake. */
static void test_wrong_account(void **state)
{
	struct fixture *fixture = *state;
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "5.00");
	add_line(&fixture->legacy, "1200", "-5.00");
	add_line(&fixture->cloud, "4001", "5.00");
	add_line(&fixture->cloud, "1200", "-5.00");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 2);
	assert_amounts(fixture, "debit", "4000", 500, 0);
	assert_amounts(fixture, "debit", "4001", 0, 500);
	assert_false(find(fixture, "debit", "4000")->cloud_has);
	assert_true(find(fixture, "debit", "4000")->legacy_has);
	assert_false(find(fixture, "debit", "4001")->legacy_has);
	assert_int_equal(fixture->pair.gross_delta, 1000);
	/* The first key that differs stands first. */
	assert_string_equal(fixture->pair.differences[0].field, "debit");
	assert_true(span_equal(fixture->pair.differences[0].account, SPAN_LITERAL("4000")));
}

/* Rule 4: no amount is compared, each reason is named once. */
static void test_nothing_in_common(void **state)
{
	struct fixture *fixture = *state;
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "5.00");
	sample_begin(&fixture->cloud, DOCUMENT_JOURNAL, "USD");
	add_line(&fixture->cloud, "4000", "7.00");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "currency", "EUR", "USD");
	assert_false(fixture->pair.amounts_compared);
	assert_int_equal(fixture->pair.net_delta, 0);
	assert_int_equal(fixture->pair.gross_delta, 500);
	/* The same in one currency: voided there, another entity. */
	sample_set_header(&fixture->cloud, HEADER_CURRENCY, "EUR");
	sample_set_header(&fixture->cloud, HEADER_ENTITY, "2");
	fixture->cloud.voided = true;
	compare(fixture);
	assert_int_equal(fixture->pair.count, 2);
	assert_texts(fixture, "entity", "00001", "2");
	assert_texts(fixture, "voided", "false", "true");
	assert_int_equal(fixture->pair.net_delta, 200);
	assert_int_equal(fixture->pair.gross_delta, 700);
	/* An invoice became a credit memo. */
	sample_make_invoice(&fixture->legacy, DOCUMENT_INVOICE);
	sample_make_invoice(&fixture->cloud, DOCUMENT_CREDIT_MEMO);
	compare(fixture);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "type", "invoice", "credit_memo");
	assert_int_equal(fixture->pair.net_delta, -23800);
	assert_int_equal(fixture->pair.gross_delta, 11900);
}

/* JPY 1000 is not EUR 10.00, though both are 1000 units; KWD 1.000 neither. */
static void test_units_of_other_currencies(void **state)
{
	static const char *const amounts[][2] = {{"EUR", "10.00"}, {"JPY", "1000"}, {"KWD", "1.000"}};
	struct fixture *fixture = *state;
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			make_journals(fixture, amounts[i][0]);
			sample_set_header(&fixture->cloud, HEADER_CURRENCY, amounts[j][0]);
			add_line(&fixture->legacy, "4000", amounts[i][1]);
			add_line(&fixture->cloud, "4000", amounts[j][1]);
			compare(fixture);
			assert_int_equal(fixture->legacy_view.total, 1000);
			assert_int_equal(fixture->cloud_view.total, 1000);
			assert_int_equal(fixture->pair.class_, i == j ? PAIR_MATCHED : PAIR_DIFFERENT);
			assert_int_equal(prints_equal(fixture), i == j);
		}
	}
}

/* One cent of tax too much, in header and tax line: gross and tax tell of one cent. */
static void test_invoice_cent(void **state)
{
	struct fixture *fixture = *state;
	sample_make_invoice(&fixture->legacy, DOCUMENT_INVOICE);
	sample_make_invoice(&fixture->cloud, DOCUMENT_INVOICE);
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_MATCHED);
	sample_set_amount(&fixture->cloud, INVOICE_TAX, "19.01");
	sample_set_amount(&fixture->cloud, INVOICE_GROSS, "119.01");
	sample_set_decimal(&sample_line_at(&fixture->cloud, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX],
	                   "19.01");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 3);
	assert_amounts(fixture, "tax", "", 1900, 1901);
	assert_amounts(fixture, "gross", "", 11900, 11901);
	assert_amounts(fixture, "debit", "tax", 1900, 1901);
	assert_int_equal(fixture->pair.net_delta, 1);
	assert_int_equal(fixture->pair.gross_delta, 1);
	/* The tax is right, its base is not: no money is at stake, but it is a difference. */
	sample_make_invoice(&fixture->cloud, DOCUMENT_INVOICE);
	sample_set_decimal(&sample_line_at(&fixture->cloud, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_BASE],
	                   "99.00");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_amounts(fixture, "tax_base", "tax", 10000, 9900);
	assert_int_equal(fixture->pair.gross_delta, 0);
	/* A net that is absent is not one of zero. */
	sample_make_invoice(&fixture->legacy, DOCUMENT_INVOICE);
	sample_make_invoice(&fixture->cloud, DOCUMENT_INVOICE);
	sample_set_amount(&fixture->legacy, INVOICE_NET, "0.00");
	fixture->cloud.header[INVOICE_NET].present = false;
	compare(fixture);
	assert_int_equal(fixture->pair.count, 1);
	assert_true(find(fixture, "net", "")->legacy_has);
	assert_false(find(fixture, "net", "")->cloud_has);
}

/* 100 USD are 90.00 EUR here and 90.90 EUR there: the debit's and the credit's, two differences; nothing in USD. */
static void test_rate(void **state)
{
	struct fixture *fixture = *state;
	make_journals(fixture, "USD");
	sample_set_header(&fixture->legacy, HEADER_LOCAL_CURRENCY, "EUR");
	sample_set_header(&fixture->cloud, HEADER_LOCAL_CURRENCY, "EUR");
	(void)sample_add_journal_line(&fixture->legacy, "100.00", "90.00");
	(void)sample_add_journal_line(&fixture->legacy, "-100.00", "-90.00");
	(void)sample_add_journal_line(&fixture->cloud, "100.00", "90.90");
	(void)sample_add_journal_line(&fixture->cloud, "-100.00", "-90.90");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 2);
	assert_amounts(fixture, "local", "1.1110", 9000, 9090);
	assert_true(fixture->pair.differences[0].local);
	assert_int_equal(fixture->pair.differences[1].cloud_amount, -9090);
	assert_int_equal(fixture->pair.net_delta, 0);
	assert_int_equal(fixture->pair.gross_delta, 0);
	/* The same numbers in another local currency are other amounts. */
	sample_set_header(&fixture->cloud, HEADER_LOCAL_CURRENCY, "CHF");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "local_currency", "EUR", "CHF");
	/* One side has none at all, which no tolerance covers. */
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,*,*,*,1000\n");
	make_journals(fixture, "USD");
	sample_set_header(&fixture->legacy, HEADER_LOCAL_CURRENCY, "EUR");
	(void)sample_add_journal_line(&fixture->legacy, "100.00", "90.00");
	(void)sample_add_journal_line(&fixture->cloud, "100.00", NULL);
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_false(find(fixture, "local", "1.1110")->cloud_has);
}

/* ---- tolerance ---- */

static void journals_with(struct fixture *fixture, const char *first, const char *second)
{
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "100.00");
	add_line(&fixture->legacy, "8000", "50.00");
	add_line(&fixture->cloud, "4000", first);
	add_line(&fixture->cloud, "8000", second);
	compare(fixture);
}

/* tolerance.csv: 0.05 on account 8000, 0.02 otherwise, 0.02 for the document. */
static void test_tolerance_of_accounts(void **state)
{
	static const struct {
		const char *first, *second;
		enum pair_class class_;
		bool first_tolerated, second_tolerated;
		int64_t gross;
	} cases[] = {
	    {"100.00", "50.00", PAIR_MATCHED, false, false, 0},
	    {"100.02", "50.00", PAIR_WITHIN_TOLERANCE, true, false, 0},
	    {"99.98", "50.00", PAIR_WITHIN_TOLERANCE, true, false, 0},
	    {"100.03", "50.00", PAIR_DIFFERENT, false, false, 3},
	    /* 0.01 and 0.01 are 0.02 together, in whatever direction. */
	    {"100.01", "49.99", PAIR_WITHIN_TOLERANCE, true, true, 0},
	    /* 0.02 and 0.01: each is within its account's, together they are not within the document's. */
	    {"100.02", "49.99", PAIR_DIFFERENT, false, false, 3},
	    /* 0.05 is within that of 8000 alone. */
	    {"100.00", "50.05", PAIR_DIFFERENT, false, false, 5},
	    /* 4000 is over its own, 8000 is tolerated all the same, and counts no more. */
	    {"101.00", "50.02", PAIR_DIFFERENT, false, true, 100},
	};
	struct fixture *fixture = *state;
	set_rules(fixture, "tolerance",
	          "entity,currency,document_type,account,amount\n"
	          "*,EUR,journal,8000,0.05\n*,EUR,journal,*,0.02\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		journals_with(fixture, cases[i].first, cases[i].second);
		assert_int_equal(fixture->pair.class_, cases[i].class_);
		assert_int_equal(fixture->pair.gross_delta, cases[i].gross);
		if (strcmp(cases[i].first, "100.00") != 0)
			assert_int_equal(find(fixture, "debit", "4000")->tolerated, cases[i].first_tolerated);
		if (strcmp(cases[i].second, "50.00") != 0)
			assert_int_equal(find(fixture, "debit", "8000")->tolerated,
			                 cases[i].second_tolerated);
		/* Fingerprints know no tolerance. */
		assert_int_equal(prints_equal(fixture), cases[i].class_ == PAIR_MATCHED);
	}
}

/* Of an invoice the cent stands in tax, gross and the tax line: one cent, not three. Attributes are never tolerated. */
static void test_tolerance_of_invoices(void **state)
{
	struct fixture *fixture = *state;
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n00001,EUR,*,*,0.01\n");
	sample_make_invoice(&fixture->legacy, DOCUMENT_INVOICE);
	sample_make_invoice(&fixture->cloud, DOCUMENT_INVOICE);
	sample_set_amount(&fixture->cloud, INVOICE_TAX, "19.01");
	sample_set_amount(&fixture->cloud, INVOICE_GROSS, "119.01");
	sample_set_decimal(&sample_line_at(&fixture->cloud, SECTION_TAX_LINES, 0)[INVOICE_TAX_LINE_TAX],
	                   "19.01");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_WITHIN_TOLERANCE);
	assert_int_equal(fixture->pair.count, 3);
	sample_set_header(&fixture->cloud, INVOICE_CUSTOMER, "4243");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_texts(fixture, "party", "4242", "4243");
	assert_true(find(fixture, "tax", "")->tolerated);
	assert_false(find(fixture, "party", "")->tolerated);
	assert_int_equal(fixture->pair.gross_delta, 0);
	/* The attribute stands behind the amounts. */
	assert_int_equal(fixture->pair.differences[fixture->pair.kept - 1].lane, LANE_ATTRIBUTE);
}

/* A line of one cent for rounding that one side alone has is an amount within the tolerance. */
static void test_tolerated_line(void **state)
{
	struct fixture *fixture = *state;
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,EUR,*,*,0.02\n");
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "100.00");
	add_line(&fixture->cloud, "4000", "99.99");
	add_line(&fixture->cloud, "6999", "0.01");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_WITHIN_TOLERANCE);
	assert_true(find(fixture, "debit", "6999")->tolerated);
}

/* ---- rules and missing codes ---- */

/* The cloud uses the raw code where the mapping has none: told, never equal. */
static void test_missing_mapping(void **state)
{
	struct fixture *fixture = *state;
	set_rules(fixture, "account", "entity,from,to,valid_from,valid_to,note\n*,4000,400000,,,\n");
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "1.00");
	add_line(&fixture->legacy, "1200", "-1.00");
	add_line(&fixture->cloud, "400000", "1.00");
	add_line(&fixture->cloud, "1200", "-1.00");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "mapping", "1200", "");
	assert_false(prints_equal(fixture));
}

/* What the rules take out is equal, whatever it is; what they put in is not. */
static void test_compared_attributes(void **state)
{
	struct fixture *fixture = *state;
	set_rules(fixture, "attribute",
	          "document_type,attribute,compare\njournal,cost_centre,no\njournal,period,no\njournal,"
	          "reference,yes\n");
	make_journals(fixture, "EUR");
	add_line(&fixture->legacy, "4000", "1.00");
	add_line(&fixture->cloud, "4000", "1.00");
	sample_set_text(&fixture->cloud,
	                &sample_line_at(&fixture->cloud, SECTION_LINES, 0)[JOURNAL_LINE_COST_CENTRE], "77");
	sample_set_integer(&fixture->cloud, HEADER_PERIOD, 3);
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_MATCHED);
	assert_true(prints_equal(fixture));
	sample_set_header(&fixture->cloud, HEADER_REFERENCE, "R1");
	compare(fixture);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "reference", "", "R1");
	assert_false(find(fixture, "reference", "")->legacy_has);
	assert_false(prints_equal(fixture));
}

/* ---- limits ---- */

/* More differences than the list holds: all are counted. 70 accounts with one cent each. */
static void test_many_differences(void **state)
{
	struct fixture *fixture = *state;
	char account[8];
	make_journals(fixture, "EUR");
	for (int i = 0; i < 70; i++) {
		(void)snprintf(account, sizeof account, "%d", 1000 + i);
		add_line(&fixture->legacy, account, "0.01");
	}
	sample_set_integer(&fixture->cloud, HEADER_PERIOD, 3);
	compare(fixture);
	assert_int_equal(fixture->pair.count, 71);
	assert_int_equal(fixture->pair.kept, PAIR_DIFFERENCES_MAX);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.gross_delta, 70);
	assert_int_equal(fixture->pair.net_delta, -70);
	assert_true(span_equal(fixture->pair.differences[63].account, SPAN_LITERAL("1063")));
	/* The ones that the list does not hold count for the tolerance, too: 0.70 in all. */
	sample_set_integer(&fixture->cloud, HEADER_PERIOD, 2);
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,EUR,*,*,0.69\n");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,EUR,*,*,0.70\n");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_WITHIN_TOLERANCE);
}

/* Amounts at the ends of 64 bits: differences stop at the end and never turn round. */
static void test_ends(void **state)
{
	struct fixture *fixture = *state;
	set_rules(fixture, "tolerance",
	          "entity,currency,document_type,account,amount\n*,JPY,*,*,9223372036854775807\n");
	make_journals(fixture, "JPY");
	add_line(&fixture->legacy, "4000", "9223372036854775807");
	add_line(&fixture->legacy, "4001", "-9223372036854775808");
	add_line(&fixture->cloud, "4000", "-9223372036854775808");
	add_line(&fixture->cloud, "4001", "9223372036854775807");
	compare(fixture);
	/* Each is within the tolerance or just over it, together they are four times that. */
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.count, 4);
	assert_true(fixture->pair.gross_delta == INT64_MAX);
	assert_int_equal(fixture->pair.net_delta, 0);
	sample_make_payment(&fixture->legacy);
	sample_make_payment(&fixture->cloud);
	set_rules(fixture, "attribute", "document_type,attribute,compare\npayment,applications,no\n");
	sample_set_header(&fixture->legacy, HEADER_CURRENCY, "JPY");
	sample_set_header(&fixture->cloud, HEADER_CURRENCY, "JPY");
	sample_set_amount(&fixture->legacy, PAYMENT_AMOUNT, "9223372036854775807");
	sample_set_amount(&fixture->cloud, PAYMENT_AMOUNT, "-9223372036854775808");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_true(fixture->pair.gross_delta == INT64_MAX);
	assert_true(fixture->pair.net_delta == -INT64_MAX);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_random_pairs),
	    WITH_FIXTURE(test_random_strangers),
	    WITH_FIXTURE(test_each_change),
	    WITH_FIXTURE(test_opposite_errors),
	    WITH_FIXTURE(test_debit_and_credit_apart),
	    WITH_FIXTURE(test_wrong_account),
	    WITH_FIXTURE(test_nothing_in_common),
	    WITH_FIXTURE(test_units_of_other_currencies),
	    WITH_FIXTURE(test_invoice_cent),
	    WITH_FIXTURE(test_rate),
	    WITH_FIXTURE(test_tolerance_of_accounts),
	    WITH_FIXTURE(test_tolerance_of_invoices),
	    WITH_FIXTURE(test_tolerated_line),
	    WITH_FIXTURE(test_missing_mapping),
	    WITH_FIXTURE(test_compared_attributes),
	    WITH_FIXTURE(test_many_differences),
	    WITH_FIXTURE(test_ends),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
