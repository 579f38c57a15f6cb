/*
 * pair_test.c - two views against each other: what is found, and what the tolerance covers.
 *
 * Why:   a difference that is not found here is never found again.
 * Owns:  nothing beyond its fixture.
 * Rules: cases are worked out by hand; amounts are in cents where nothing else is said. Random pairs:
 *        pair_random_test.c.
 * Runs in: the tests.
 */
#include "tests/unit/pair_fixture.h"

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
	/* Nor does a tolerance cover it. */
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,*,*,*,1000\n");
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
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
	/* Of a payment neither, nor the gains of its applications. */
	for (int i = 0; i < 2; i++) {
		struct document *document = i ? &fixture->cloud : &fixture->legacy;
		sample_make_payment(document);
		sample_set_header(document, HEADER_LOCAL_CURRENCY, i ? "CHF" : "USD");
		sample_set_amount(document, PAYMENT_AMOUNT_LOCAL, i ? "1.00" : "2.00");
		struct value *line = sample_line_at(document, SECTION_APPLICATIONS, 0);
		sample_set_decimal(&line[PAYMENT_APPLICATION_FX_GAIN_LOSS], i ? "3.00" : "4.00");
	}
	compare(fixture);
	assert_int_equal(fixture->pair.count, 1);
	assert_texts(fixture, "local_currency", "USD", "CHF");
	/* One side has none at all, which no tolerance covers. */
	set_rules(fixture, "tolerance", "entity,currency,document_type,account,amount\n*,*,*,*,1000\n");
	make_journals(fixture, "USD");
	sample_set_header(&fixture->legacy, HEADER_LOCAL_CURRENCY, "EUR");
	(void)sample_add_journal_line(&fixture->legacy, "100.00", "90.00");
	(void)sample_add_journal_line(&fixture->cloud, "100.00", NULL);
	compare(fixture);
	assert_int_equal(fixture->pair.class_, PAIR_DIFFERENT);
	assert_int_equal(fixture->pair.count, 1);
	assert_false(find(fixture, "local", "1.1110")->cloud_has);
	assert_false(find(fixture, "local", "1.1110")->tolerated);
	/* A line that one side has not is covered in both currencies, whichever side it is. */
	for (int i = 0; i < 2; i++) {
		make_journals(fixture, "USD");
		sample_set_header(i ? &fixture->cloud : &fixture->legacy, HEADER_LOCAL_CURRENCY, "EUR");
		(void)sample_add_journal_line(i ? &fixture->cloud : &fixture->legacy, "1000.00", "900.00");
		compare(fixture);
		assert_int_equal(fixture->pair.class_, PAIR_WITHIN_TOLERANCE);
		assert_true(find(fixture, "local", "1.1110")->tolerated);
	}
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
	char account[16];
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
