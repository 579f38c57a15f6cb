/*
 * cause_amounts_test.c - causes in the figures: rounding, exchange rate, tax, sign, scale, plain amounts; and one wrong
 * cent that must not hide among them.
 *
 * Why:   rounding and rates are accepted by the thousand; whatever is called so must be so.
 * Owns:  nothing.
 * Rules: each figure is worked out by hand beside it.
 * Runs in: the tests.
 */
#include "tests/unit/cause_fixture.h"

#define ENTITY SPAN_LITERAL("00100")

/* ---- rounding ---- */

/* An invoice of one line at 19 %, with what each side printed. */
struct taxed {
	struct two two;
	struct rounding_line line;
	struct rounding_sheet sheet[SIDE_COUNT];
};

static void make_taxed(struct taxed *taxed, int64_t net, int64_t legacy_tax, int64_t cloud_tax)
{
	begin_two(&taxed->two, DOCUMENT_INVOICE);
	taxed->line = (struct rounding_line){.net = net, .rate = {19, 0}};
	for (int side = 0; side < SIDE_COUNT; side++) {
		int64_t tax = side == SIDE_LEGACY ? legacy_tax : cloud_tax;
		set_amounts(&taxed->two, (enum ledger_side)side, net, tax);
		(void)add_line(&taxed->two, (enum ledger_side)side, "4000", "", "V9", net);
		(void)add_kind(&taxed->two, (enum ledger_side)side, VIEW_LINE_TAX, "tax", "", "V9", tax);
		taxed->sheet[side] = (struct rounding_sheet){
		    .groups = {{.code = SPAN_LITERAL("V9"), .rate = {19, 0}, .count = 1, .tax = tax}},
		    .group_count = 1,
		    .whole = true,
		    .lines = &taxed->line,
		    .line_count = 1};
	}
	taxed->two.evidence.legacy_tax = &taxed->sheet[SIDE_LEGACY];
	taxed->two.evidence.cloud_tax = &taxed->sheet[SIDE_CLOUD];
}

static void observe(struct rounding_fits *fits, const struct taxed *taxed)
{
	for (int side = 0; side < SIDE_COUNT; side++)
		rounding_observe_sheet(fits, ENTITY, (enum ledger_side)side, &taxed->sheet[side]);
}

/* Documents that agree though legacy is half-up and the cloud half-even: x.19, x.57, and x.5 after an odd digit. */
static struct rounding_fits *half_up_and_half_even(void)
{
	struct rounding_fits *fits = rounding_fits_new();
	struct taxed taxed;
	for (int i = 0; i < 5; i++) {
		make_taxed(&taxed, 101 + 100 * i, 19 + 19 * i, 19 + 19 * i);
		observe(fits, &taxed);
		make_taxed(&taxed, 50 + 200 * i, 10 + 38 * i, 10 + 38 * i);
		observe(fits, &taxed);
		make_taxed(&taxed, 103 + 100 * i, 20 + 19 * i, 20 + 19 * i); /* 19.57 */
		observe(fits, &taxed);
	}
	return fits;
}

static void test_rounding_is_proven(void **state)
{
	(void)state;
	struct rounding_fits *fits = half_up_and_half_even();
	struct taxed taxed;
	struct cause_name name;
	/* 28.5: 29 and 28. The first of its kind is not a policy yet. */
	make_taxed(&taxed, 150, 29, 28);
	observe(fits, &taxed);
	name = name_alone(&taxed.two, fits);
	assert_int_equal(name.cause, CAUSE_AMOUNT);
	make_taxed(&taxed, 350, 67, 66); /* 66.5 */
	observe(fits, &taxed);
	name = name_alone(&taxed.two, fits);
	assert_name(
	    &name, CAUSE_ROUNDING, "line or total half-even for line or total half-up",
	    "the cloud rounds taxes by line or total half-even, the legacy ledger by line or total half-up");
	make_taxed(&taxed, 150, 29, 28);
	name = name_alone(&taxed.two, fits);
	assert_int_equal(name.cause, CAUSE_ROUNDING);
	rounding_fits_free(fits);
}

/* Among proven rounding, a cent that the policies do not give. */
static void test_a_wrong_cent_is_not_rounding(void **state)
{
	(void)state;
	struct rounding_fits *fits = half_up_and_half_even();
	struct taxed taxed;
	struct cause_name name;
	for (int i = 0; i < 200; i++) { /* 28.5 + 38 i */
		make_taxed(&taxed, 150 + 200 * i, 29 + 38 * i, 28 + 38 * i);
		observe(fits, &taxed);
	}
	/* 38.19 is 38 by half-even as well; 19.00 is exact. */
	make_taxed(&taxed, 201, 38, 39);
	observe(fits, &taxed);
	name = name_alone(&taxed.two, fits);
	assert_name(&name, CAUSE_AMOUNT, "", "account tax has 0.39 in the cloud for 0.38");
	make_taxed(&taxed, 100, 19, 18);
	observe(fits, &taxed);
	name = name_alone(&taxed.two, fits);
	assert_name(&name, CAUSE_AMOUNT, "", "account tax has 0.18 in the cloud for 0.19");
	/* Rounding among them is proven as before: two in two hundred are within the allowance. */
	make_taxed(&taxed, 350, 67, 66);
	name = name_alone(&taxed.two, fits);
	assert_int_equal(name.cause, CAUSE_ROUNDING);
	/* A cent in the net as well is no rounding of taxes. */
	taxed.two.view[SIDE_CLOUD].amounts[VIEW_NET]++;
	taxed.two.lines[SIDE_CLOUD][0].debit++;
	name = name_alone(&taxed.two, fits);
	assert_int_equal(name.cause, CAUSE_AMOUNT);
	rounding_fits_free(fits);
}

/* Both round half-up: there is no policy to blame. */
static void test_one_policy_proves_nothing(void **state)
{
	(void)state;
	struct rounding_fits *fits = rounding_fits_new();
	struct taxed taxed;
	for (int i = 0; i < 300; i++) {
		make_taxed(&taxed, 50 + 100 * i, 10 + 19 * i, 10 + 19 * i);
		observe(fits, &taxed);
		make_taxed(&taxed, 101 + 100 * i, 19 + 19 * i, 19 + 19 * i);
		observe(fits, &taxed);
	}
	for (int i = 0; i < 3; i++) {
		make_taxed(&taxed, 150 + 200 * i, 29 + 38 * i, 28 + 38 * i);
		observe(fits, &taxed);
		struct cause_name name = name_alone(&taxed.two, fits);
		assert_int_equal(name.cause, CAUSE_AMOUNT);
	}
	rounding_fits_free(fits);
}

static void test_cents_without_rates(void **state)
{
	(void)state;
	struct taxed taxed;
	struct cause_name name;
	struct cause_book *book = book_with(NULL);
	make_taxed(&taxed, 150, 29, 28);
	taxed.two.evidence.legacy_tax = taxed.two.evidence.cloud_tax = NULL;
	assert_cause(&taxed.two, CAUSE_AMOUNT, "", "account tax has 0.28 in the cloud for 0.29");
	for (int i = 0; i < CAUSE_WITNESSES; i++)
		cause_learn(book, &taxed.two.evidence);
	cause_settle(book);
	cause_name(book, &taxed.two.evidence, &name);
	assert_name(&name, CAUSE_UNEXPLAINED, "tax by single units", "as in 3 documents of the entity");
	cause_book_free(book);
}

/* ---- tax ---- */

static void test_tax(void **state)
{
	(void)state;
	struct taxed taxed;
	/* 7 % for 19 % under the same code, known by the sheets. */
	make_taxed(&taxed, 10000, 1900, 700);
	taxed.sheet[SIDE_CLOUD].groups[0].rate = (struct decimal){70, 1};
	assert_cause(&taxed.two, CAUSE_TAX, "rate 19 > 7.0", "bear 7.0 % tax in the cloud for 19 %");
	/* Without sheets: more than rounding makes of one line. */
	taxed.two.evidence.legacy_tax = taxed.two.evidence.cloud_tax = NULL;
	assert_cause(&taxed.two, CAUSE_TAX, "tax_code V9", "the tax is 7.00 in the cloud for 19.00");
	/* Another code with another tax: the nets moved to it. */
	begin_two(&taxed.two, DOCUMENT_INVOICE);
	set_amounts(&taxed.two, SIDE_LEGACY, 10000, 1900);
	set_amounts(&taxed.two, SIDE_CLOUD, 10000, 700);
	(void)add_line(&taxed.two, SIDE_LEGACY, "4000", "", "V9", 10000);
	(void)add_line(&taxed.two, SIDE_CLOUD, "4000", "", "V7", 10000);
	(void)add_kind(&taxed.two, SIDE_LEGACY, VIEW_LINE_TAX, "tax", "", "V9", 1900);
	(void)add_kind(&taxed.two, SIDE_CLOUD, VIEW_LINE_TAX, "tax", "", "V7", 700);
	assert_cause(&taxed.two, CAUSE_TAX, "tax_code V9 > V7",
	             "tax code V9 became V7, and with it the tax 7.00 for 19.00");
	/* The net differs too: it is the amount, and the tax follows. */
	make_taxed(&taxed, 10000, 1900, 1900);
	set_amounts(&taxed.two, SIDE_CLOUD, 20000, 3800);
	taxed.two.lines[SIDE_CLOUD][0].debit = 20000;
	taxed.two.lines[SIDE_CLOUD][1].debit = 3800;
	taxed.two.evidence.legacy_tax = taxed.two.evidence.cloud_tax = NULL;
	assert_cause(&taxed.two, CAUSE_AMOUNT, "", "account 4000 has 200.00 in the cloud for 100.00");
}

/* ---- exchange rates ---- */

struct rated {
	int64_t amount, legacy, cloud;
};

static void make_rated(struct two *two, const struct rated *rated, int count)
{
	static const char *const accounts[] = {"1200", "4000", "4001", "4002"};
	begin_two(two, DOCUMENT_JOURNAL);
	for (int side = 0; side < SIDE_COUNT; side++) {
		two->view[side].currency = words("USD");
		for (int i = 0; i < count; i++)
			set_local(add_line(two, (enum ledger_side)side, accounts[i], "", "", rated[i].amount),
			          side == SIDE_LEGACY ? rated[i].legacy : rated[i].cloud);
	}
}

/* At 0.92 and 0.93: 100.00 is 92.00 and 93.00; -33.33 is -30.6636 and -30.9969; -66.67 is -61.3364 and -62.0031. */
static void test_fx_rate(void **state)
{
	(void)state;
	struct two two;
	const struct rated rated[] = {{10000, 9200, 9300}, {-3333, -3066, -3100}, {-6667, -6134, -6200}};
	make_rated(&two, rated, 3);
	assert_cause(&two, CAUSE_FX_RATE, "USD > EUR", "USD at about 0.930000 for 0.920000");
	/* One line that no common rate gives is an amount. */
	two.lines[SIDE_CLOUD][1].local = two.lines[SIDE_CLOUD][1].local_credit = -3300;
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	/* So is one cent on one line, */
	const struct rated cent[] = {{10000, 9200, 9201}, {-10000, -9200, -9200}};
	make_rated(&two, cent, 2);
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	/* and one cent on all of them, unless the documents state two rates. */
	const struct rated cents[] = {{10000, 9200, 9201}, {-10000, -9200, -9201}};
	make_rated(&two, cents, 2);
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	set_attribute(&two, SIDE_LEGACY, VIEW_EXCHANGE_RATE, "0.92");
	set_attribute(&two, SIDE_CLOUD, VIEW_EXCHANGE_RATE, "0.9201");
	/* 0.92005 is on the edge of both intervals: still one rate could give both. */
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	const struct rated stated[] = {
	    {30000, 27600, 27603}, {-10000, -9200, -9201}, {-20000, -18400, -18402}};
	make_rated(&two, stated, 3);
	assert_cause(&two, CAUSE_FX_RATE, "USD > EUR", "0.920100 for 0.920000");
	/* Ten times the amount is no other day's rate. */
	const struct rated tens[] = {{10000, 9200, 92000}, {-10000, -9200, -92000}};
	make_rated(&two, tens, 2);
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	/* Where one side has no local amounts, there is no rate. */
	make_rated(&two, rated, 3);
	two.lines[SIDE_CLOUD][2].has_local = false;
	assert_cause(&two, CAUSE_DATA_QUALITY, "local amount", "missing on one side");
	/* An amount in document currency goes before. */
	make_rated(&two, rated, 3);
	two.lines[SIDE_CLOUD][0].debit = 10001;
	assert_cause(&two, CAUSE_AMOUNT, "", "account 1200 has 100.01");
}

/* At 0.92 and 0.93, 33.33 is 30.6636 and 30.9969. The fourth line, -91.9908 and -92.9907, makes the journal balance in
 * local currency, too: -91.98 and -93.00. */
static void test_fx_rate_with_a_remainder(void **state)
{
	(void)state;
	struct two two;
	const struct rated rated[] = {
	    {3333, 3066, 3100}, {3333, 3066, 3100}, {3333, 3066, 3100}, {-9999, -9198, -9300}};
	make_rated(&two, rated, 4);
	assert_cause(&two, CAUSE_FX_RATE, "USD > EUR", "0.930093 for 0.919891");
	/* More than the four lines' roundings can make is an amount; so is one line off on one side alone. */
	two.lines[SIDE_CLOUD][3].local = two.lines[SIDE_CLOUD][3].local_credit = -9309;
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
	const struct rated one[] = {
	    {3333, 3066, 3066}, {3333, 3066, 3066}, {3333, 3066, 3066}, {-9999, -9198, -9190}};
	make_rated(&two, one, 4);
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
}

/* Cut off instead of rounded: 10.04 is 9.2368 and 9.3372, 20.29 is 18.6668 and 18.8697, 1030.33 is 947.9036 and
 * 958.2069. */
static void test_fx_rate_cut_off(void **state)
{
	(void)state;
	struct two two;
	const struct rated rated[] = {
	    {1004, 923, 933}, {2029, 1866, 1886}, {100000, 92000, 93000}, {-103033, -94790, -95820}};
	make_rated(&two, rated, 4);
	assert_cause(&two, CAUSE_FX_RATE, "USD > EUR", "0.929993 for 0.919996");
	/* A whole unit more on two lines was not cut off. */
	two.lines[SIDE_CLOUD][0].local = two.lines[SIDE_CLOUD][0].local_debit = 929;
	two.lines[SIDE_CLOUD][1].local = two.lines[SIDE_CLOUD][1].local_debit = 1880;
	assert_cause(&two, CAUSE_AMOUNT, "local amount", "no exchange rate explains it");
}

/* Yen have no decimals: 100.00 USD at 150 is 15000 JPY. */
static void test_fx_rate_of_other_digits(void **state)
{
	(void)state;
	struct two two;
	const struct rated rated[] = {{10000, 15000, 15100}, {-10000, -15000, -15100}};
	make_rated(&two, rated, 2);
	for (int side = 0; side < SIDE_COUNT; side++) {
		two.view[side].local_currency = words("JPY");
		two.view[side].local_digits = 0;
	}
	assert_cause(&two, CAUSE_FX_RATE, "USD > JPY", "USD at about 151.000000 for 150.000000");
}

/* ---- broken data and plain amounts ---- */

static void test_sign_and_scale(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_entry(&two, SIDE_LEGACY, 10000);
	add_entry(&two, SIDE_CLOUD, -10000);
	assert_cause(&two, CAUSE_DATA_QUALITY, "sign", "debit and credit were swapped");
	begin_two(&two, DOCUMENT_CREDIT_MEMO);
	set_amounts(&two, SIDE_LEGACY, -10000, -1900);
	set_amounts(&two, SIDE_CLOUD, 10000, 1900);
	assert_cause(&two, CAUSE_DATA_QUALITY, "sign", "opposite sign");
	/* The sign of one of two amounts is not that. */
	set_amounts(&two, SIDE_CLOUD, -10000, 1900);
	struct cause_name name = name_alone(&two, NULL);
	assert_int_not_equal(name.cause, CAUSE_DATA_QUALITY);
	begin_two(&two, DOCUMENT_JOURNAL);
	add_entry(&two, SIDE_LEGACY, 10000);
	add_entry(&two, SIDE_CLOUD, 1000000);
	assert_cause(&two, CAUSE_DATA_QUALITY, "scale", "times 100");
	(void)add_line(&two, SIDE_LEGACY, "5000", "", "", 10);
	(void)add_line(&two, SIDE_CLOUD, "5000", "", "", 10);
	assert_cause(&two, CAUSE_AMOUNT, "", "has 10000.00 in the cloud for 100.00");
}

static void test_amounts(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_entry(&two, SIDE_LEGACY, 10000);
	add_entry(&two, SIDE_CLOUD, 10001);
	assert_cause(&two, CAUSE_AMOUNT, "", "account 1200 has 100.01 in the cloud for 100.00");
	/* A line that one side alone has. */
	begin_two(&two, DOCUMENT_JOURNAL);
	add_both(&two, "1200", "", "", 10000);
	(void)add_line(&two, SIDE_LEGACY, "4000", "", "", -10000);
	assert_cause(&two, CAUSE_AMOUNT, "line", "1 line of the legacy document have no counterpart");
	begin_two(&two, DOCUMENT_PAYMENT);
	set_amounts(&two, SIDE_LEGACY, 0, 0);
	set_amounts(&two, SIDE_CLOUD, 0, 0);
	two.view[SIDE_LEGACY].amounts[VIEW_GROSS] = 5000;
	two.view[SIDE_CLOUD].amounts[VIEW_GROSS] = 4000;
	assert_cause(&two, CAUSE_AMOUNT, "", "the amount is 40.00 in the cloud for 50.00");
	two.view[SIDE_CLOUD].amounts[VIEW_GROSS] = 5000;
	two.view[SIDE_CLOUD].has_amount[VIEW_NET] = false;
	assert_cause(&two, CAUSE_AMOUNT, "", "an amount beside the line's own differs");
}

/* What the rules tolerate is no cause. */
static void test_tolerated_is_nothing(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	add_entry(&two, SIDE_LEGACY, 10000);
	add_entry(&two, SIDE_CLOUD, 10001);
	set_attribute(&two, SIDE_CLOUD, VIEW_POSTING_DATE, "2026-09-05");
	two.pair.kept = two.pair.count = 2;
	two.pair.differences[0] = (struct pair_difference){
	    .lane = LANE_AMOUNT, .field = "debit", .account = SPAN_LITERAL("1200"), .tolerated = true};
	two.pair.differences[1] = (struct pair_difference){
	    .lane = LANE_AMOUNT, .field = "credit", .account = SPAN_LITERAL("4000"), .tolerated = true};
	assert_cause(&two, CAUSE_TIMING, "posting_date", "2026-09-05");
}

static void test_numbers_that_do_not_subtract(void **state)
{
	(void)state;
	struct two two;
	begin_two(&two, DOCUMENT_JOURNAL);
	(void)add_line(&two, SIDE_LEGACY, "1200", "", "", 1);
	(void)add_line(&two, SIDE_CLOUD, "1200", "", "", 1);
	two.lines[SIDE_LEGACY][0].local = two.lines[SIDE_LEGACY][0].credit = INT64_MIN;
	two.lines[SIDE_CLOUD][0].local = two.lines[SIDE_CLOUD][0].credit = INT64_MAX;
	two.lines[SIDE_LEGACY][0].has_local = two.lines[SIDE_CLOUD][0].has_local = true;
	assert_cause(&two, CAUSE_UNEXPLAINED, "", "do not meet");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rounding_is_proven),
	    cmocka_unit_test(test_a_wrong_cent_is_not_rounding),
	    cmocka_unit_test(test_one_policy_proves_nothing),
	    cmocka_unit_test(test_cents_without_rates),
	    cmocka_unit_test(test_tax),
	    cmocka_unit_test(test_fx_rate),
	    cmocka_unit_test(test_fx_rate_with_a_remainder),
	    cmocka_unit_test(test_fx_rate_cut_off),
	    cmocka_unit_test(test_fx_rate_of_other_digits),
	    cmocka_unit_test(test_sign_and_scale),
	    cmocka_unit_test(test_amounts),
	    cmocka_unit_test(test_tolerated_is_nothing),
	    cmocka_unit_test(test_numbers_that_do_not_subtract),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
