/*
 * run_members_test.c - several documents for one: what must be that of all is not that of one.
 *
 * Why:   each case has had the verdict `reconciled`, though the two sides do not say the same.
 * Owns:  nothing.
 * Rules: every case runs with fingerprints and in full; both must say the same.
 * Runs in: tests.
 * Tests: connector/compare/run_members.c
 */
#include "tests/unit/run_fixture.h"

#define DOCUMENTS_MAX 3
#define RULES_MAX     2

struct file {
	const char *name, *text;
};

struct members_case {
	const char *what;
	const char *legacy[DOCUMENTS_MAX], *cloud[DOCUMENTS_MAX];
	enum run_verdict verdict;
	struct file rules[RULES_MAX];
};

static struct rules *rules_of(const struct file files[RULES_MAX])
{
	struct rules_problems problems = {.count = 0};
	struct rules *rules = rules_new();
	for (int i = 0; i < RULES_MAX && files[i].name; i++) {
		if (!rules_add(rules, files[i].name, span_of(files[i].text), &problems))
			fail_msg("%s: %s", problems.list[0].file, problems.list[0].text);
	}
	if (!rules_finish(rules, &problems))
		fail_msg("%s: %s", problems.list[0].file, problems.list[0].text);
	return rules;
}

/* A document in short: its first word is the type, the rest further fields. */
static void put(struct books *books, enum ledger_side side, int number, const char *text)
{
	char data[2048];
	size_t type = strcspn(text, " ");
	const char *entity = strstr(text, "\"entity\"") ? "" : "\"entity\":\"10\",";
	const char *currency = strstr(text, "\"currency\"") ? "" : "\"currency\":\"EUR\",";
	(void)snprintf(data, sizeof data,
	               "{%s%s\"source_system\":\"x\",\"type\":\"%.*s\",\"number\":\"%c%d\",\"year\":2026,%s}",
	               entity, currency, (int)type, text, side == SIDE_LEGACY ? 'L' : 'G', number,
	               text + type + 1);
	books_put(books, side, data, 5, false, 1);
}

static void compare_case(const struct members_case *one, bool full)
{
	struct books books;
	books_open(&books, one->rules[0].name ? rules_of(one->rules) : NULL);
	for (int i = 0; i < DOCUMENTS_MAX; i++) {
		if (one->legacy[i])
			put(&books, SIDE_LEGACY, i + 1, one->legacy[i]);
		if (one->cloud[i])
			put(&books, SIDE_CLOUD, i + 1, one->cloud[i]);
	}
	books.options.full = full;
	books_compare(&books);
	if (books.outcome.verdict != one->verdict)
		fail_msg("%s: %s\n%s", one->what, run_verdict_name(books.outcome.verdict),
		         buf_cstr(&books.files[RUN_FILE_DIFFERENCES]));
	books_close(&books);
}

static void compare_cases(const struct members_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		compare_case(&cases[i], false);
		compare_case(&cases[i], true);
	}
}
#define COMPARE(cases) compare_cases(cases, sizeof(cases) / sizeof(cases)[0])

#define DAY(day)                 "\"period\":9,\"posting_date\":\"2026-09-" day "\","
#define BOTH                     "\"origin\":\"10/invoice/2026/L1 10/invoice/2026/L2\","
#define PART                     "\"origin\":\"10/invoice/2026/L1\","
#define AMOUNTS(net, tax, gross) "\"net\":\"" net "\",\"tax\":\"" tax "\",\"gross\":\"" gross "\","
#define LINE(account, net)       "{\"line\":\"1\",\"account\":\"" account "\",\"net\":\"" net "\"}"
#define OF(customer)             "\"customer\":\"" customer "\","
#define INVOICE(more, customer, day, net) \
	"invoice " more OF(customer) DAY(day) AMOUNTS(net, "0.00", net) "\"lines\":[" LINE("4", net) "]"

static void what_is_to_be_paid_is_added_up(void **state)
{
#define PAYABLE_CSV                                                                   \
	{                                                                             \
		"attribute", "document_type,attribute,compare\ninvoice,payable,yes\n" \
	}
#define PAYABLE(amount) "\"payable\":\"" amount "\","
	static const struct members_case cases[] = {
	    {"the sum",
	     {INVOICE(PAYABLE("1.00"), "C", "07", "1.00"), INVOICE(PAYABLE("2.00"), "C", "07", "2.00")},
	     {INVOICE(BOTH PAYABLE("3.00"), "C", "07", "3.00")},
	     RUN_RECONCILED,
	     {PAYABLE_CSV}},
	    {"that of one",
	     {INVOICE(PAYABLE("1.00"), "C", "07", "1.00"), INVOICE(PAYABLE("2.00"), "C", "07", "2.00")},
	     {INVOICE(BOTH PAYABLE("1.00"), "C", "07", "3.00")},
	     RUN_BREAKS,
	     {PAYABLE_CSV}},
	    {"one does not say it",
	     {INVOICE(PAYABLE("1.00"), "C", "07", "1.00"), INVOICE("", "C", "07", "2.00")},
	     {INVOICE(BOTH PAYABLE("1.00"), "C", "07", "3.00")},
	     RUN_BREAKS,
	     {PAYABLE_CSV}},
	};
	(void)state;
	COMPARE(cases);
}

/* Two wrong customers are not a right one, and two customers are not a mixture of them. */
static void customers_are_not_mixed(void **state)
{
#define CUSTOMER(more, name, tax_id) "customer " more "\"legal_name\":\"" name "\",\"tax_id\":\"" tax_id "\""
#define NAMED(subjects)              "\"origin\":\"" subjects "\","
#define L1                           "10/customer/2026/L1"
#define L1_AND_L2                    L1 " 10/customer/2026/L2"
	static const struct members_case cases[] = {
	    {"twice, each half right",
	     {CUSTOMER("", "A", "1")},
	     {CUSTOMER(NAMED(L1), "A", "2"), CUSTOMER(NAMED(L1), "B", "1")},
	     RUN_BREAKS,
	     {{0}}},
	    {"one of the two",
	     {CUSTOMER("", "A", "1"), CUSTOMER("", "B", "2")},
	     {CUSTOMER(NAMED(L1_AND_L2), "B", "2")},
	     RUN_RECONCILED,
	     {{0}}},
	    {"the name of one, the tax number of the other",
	     {CUSTOMER("", "A", "1"), CUSTOMER("", "B", "2")},
	     {CUSTOMER(NAMED(L1_AND_L2), "A", "2")},
	     RUN_BREAKS,
	     {{0}}},
	    {"the terms of neither",
	     {CUSTOMER("\"terms\":\"30\",", "A", "1"), CUSTOMER("\"terms\":\"60\",", "B", "2")},
	     {CUSTOMER(NAMED(L1_AND_L2) "\"terms\":\"90\",", "A", "1")},
	     RUN_BREAKS,
	     {{0}}},
	};
	(void)state;
	COMPARE(cases);
}

static void each_member_is_mapped_for_itself(void **state)
{
#define BY_DAY_CSV                                                        \
	{                                                                 \
		"account", "entity,from,to,valid_from,valid_to,note\n"    \
			   "*,4,400,,2026-09-14,\n*,4,401,2026-09-15,,\n" \
	}
#define FROM_DAY_CSV                                                                         \
	{                                                                                    \
		"account", "entity,from,to,valid_from,valid_to,note\n*,4,400,,2026-09-14,\n" \
	}
#define BY_COMPANY_CSV                                                                           \
	{                                                                                        \
		"account", "entity,from,to,valid_from,valid_to,note\n10,4,400,,,\n20,4,401,,,\n" \
	}
#define COMPANIES_CSV                                                                       \
	{                                                                                   \
		"entity", "entity,from,to,valid_from,valid_to,note\n*,10,X,,,\n*,20,X,,,\n" \
	}
#define BOOKED(more, day) \
	"invoice " more OF("C") DAY(day) AMOUNTS("3.00", "0.00", "3.00") "\"lines\":[" LINE("400", "3.00") "]"
	static const struct members_case cases[] = {
	    {"one day",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "C", "07", "2.00")},
	     {BOOKED(BOTH, "07")},
	     RUN_RECONCILED,
	     {BY_DAY_CSV}},
	    {"the code of the first day for all",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "C", "20", "2.00")},
	     {BOOKED(BOTH, "20")},
	     RUN_BREAKS,
	     {BY_DAY_CSV}},
	    {"no code on the second day",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "C", "20", "2.00")},
	     {BOOKED(BOTH, "20")},
	     RUN_BREAKS,
	     {FROM_DAY_CSV}},
	    {"the code of the first company for all",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("\"entity\":\"20\",", "C", "07", "2.00")},
	     {BOOKED("\"entity\":\"X\",\"origin\":\"10/invoice/2026/L1 20/invoice/2026/L2\",", "07")},
	     RUN_BREAKS,
	     {COMPANIES_CSV, BY_COMPANY_CSV}},
	};
	(void)state;
	COMPARE(cases);
}

static void local_amounts_of_some_are_not_those_of_all(void **state)
{
#define LOCAL(currency, gross) "\"local_currency\":\"" currency "\",\"gross_local\":\"" gross "\","
	static const struct members_case cases[] = {
	    {"the sum",
	     {INVOICE(LOCAL("USD", "1.10"), "C", "07", "1.00"),
	      INVOICE(LOCAL("USD", "2.20"), "C", "07", "2.00")},
	     {INVOICE(BOTH LOCAL("USD", "3.30"), "C", "07", "3.00")},
	     RUN_RECONCILED,
	     {{0}}},
	    {"one has none",
	     {INVOICE(LOCAL("USD", "1.10"), "C", "07", "1.00"),
	      INVOICE("\"local_currency\":\"USD\",", "C", "07", "2.00")},
	     {INVOICE(BOTH LOCAL("USD", "1.10"), "C", "07", "3.00")},
	     RUN_BREAKS,
	     {{0}}},
	    {"two currencies",
	     {INVOICE(LOCAL("USD", "1.10"), "C", "07", "1.00"),
	      INVOICE(LOCAL("CHF", "2.20"), "C", "07", "2.00")},
	     {INVOICE(BOTH LOCAL("USD", "3.30"), "C", "07", "3.00")},
	     RUN_BREAKS,
	     {{0}}},
	};
	(void)state;
	COMPARE(cases);
}

/* The first has tax lines, the second says its tax in its line. */
static void the_tax_of_each_counts(void **state)
{
#define TAXED(more, net, tax, gross, rest) "invoice " more OF("C") DAY("07") AMOUNTS(net, tax, gross) rest
#define CODED(net, tax) \
	"\"lines\":[{\"line\":\"1\",\"account\":\"4\",\"net\":\"" net "\",\"tax_code\":\"V\"" tax "}]"
#define TAX_LINE(base, tax) ",\"tax_lines\":[{\"code\":\"V\",\"base\":\"" base "\",\"tax\":\"" tax "\"}]"
	static const struct members_case cases[] = {
	    {"the tax of the first alone has a code",
	     {TAXED("", "10.00", "1.90", "11.90", CODED("10.00", "") TAX_LINE("10.00", "1.90")),
	      TAXED("", "20.00", "3.80", "23.80", CODED("20.00", ",\"tax\":\"3.80\""))},
	     {TAXED(BOTH, "30.00", "5.70", "35.70", CODED("30.00", "") TAX_LINE("10.00", "1.90"))},
	     RUN_BREAKS,
	     {{0}}},
	};
	(void)state;
	COMPARE(cases);
}

static void parts_have_what_the_whole_has(void **state)
{
	static const struct members_case cases[] = {
	    {"two parts",
	     {INVOICE("", "C", "07", "3.00")},
	     {INVOICE(PART, "C", "07", "1.00"), INVOICE(PART, "C", "07", "2.00")},
	     RUN_RECONCILED,
	     {{0}}},
	    {"one on another customer",
	     {INVOICE("", "C", "07", "3.00")},
	     {INVOICE(PART, "C", "07", "1.00"), INVOICE(PART, "D", "07", "2.00")},
	     RUN_BREAKS,
	     {{0}}},
	    {"both on others",
	     {INVOICE("", "C", "07", "3.00")},
	     {INVOICE(PART, "D", "07", "1.00"), INVOICE(PART, "E", "07", "2.00")},
	     RUN_BREAKS,
	     {{0}}},
	    {"one on another day",
	     {INVOICE("", "C", "07", "3.00")},
	     {INVOICE(PART, "C", "07", "1.00"), INVOICE(PART, "C", "20", "2.00")},
	     RUN_BREAKS,
	     {{0}}},
	};
	(void)state;
	COMPARE(cases);
}

static void a_collective_customer_is_none_of_them(void **state)
{
	static const struct members_case cases[] = {
	    {"its own",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "D", "07", "2.00")},
	     {INVOICE(BOTH, "ALL", "07", "3.00")},
	     RUN_RECONCILED,
	     {{0}}},
	    {"that of the first",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "D", "07", "2.00")},
	     {INVOICE(BOTH, "C", "07", "3.00")},
	     RUN_BREAKS,
	     {{0}}},
	    {"that of the second",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "D", "07", "2.00")},
	     {INVOICE(BOTH, "D", "07", "3.00")},
	     RUN_BREAKS,
	     {{0}}},
	    {"the day of the second",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "C", "08", "2.00")},
	     {INVOICE(BOTH, "C", "08", "3.00")},
	     RUN_RECONCILED,
	     {{0}}},
	    {"the day of neither",
	     {INVOICE("", "C", "07", "1.00"), INVOICE("", "C", "08", "2.00")},
	     {INVOICE(BOTH, "C", "09", "3.00")},
	     RUN_BREAKS,
	     {{0}}},
	};
	(void)state;
	COMPARE(cases);
}

/* The three ways of usage are not asked: the documents must say it. */
static void usage_of_other_days_or_records_is_other_usage(void **state)
{
#define USED(more, from, to, quantity, unit)                                                            \
	"usage " more OF("C") DAY("30") "\"meter\":\"gb\",\"window_start\":\"2026-09-" from             \
					"\",\"window_end\":\"2026-09-" to "\",\"quantity\":\"" quantity \
					"\",\"unit\":\"" unit "\""
#define USAGE(more, from, to, quantity) USED(more, from, to, quantity, "GB")
#define USED_BOTH                       "\"origin\":\"10/usage/2026/L1 10/usage/2026/L2\","
#define DIGEST(letter)                  "\"records_digest\":\"" letter letter letter letter "\","
	static const struct {
		const char *what, *legacy[2], *cloud;
		int open;
	} cases[] = {
	    {"one window",
	     {USAGE("", "01", "30", "1"), USAGE("", "01", "30", "2")},
	     USAGE(USED_BOTH, "01", "30", "3"),
	     0},
	    {"the first window for both",
	     {USAGE("", "01", "15", "1"), USAGE("", "16", "30", "2")},
	     USAGE(USED_BOTH, "01", "15", "3"),
	     1},
	    {"the records of the second for both",
	     {USAGE(DIGEST("a"), "01", "30", "1"), USAGE(DIGEST("b"), "01", "30", "2")},
	     USAGE(USED_BOTH DIGEST("b"), "01", "30", "3"),
	     1},
	    {"a unit that is called as several are",
	     {USAGE("", "01", "30", "1"), USED("", "01", "30", "2", "MB")},
	     USED(USED_BOTH, "01", "30", "3", "several"),
	     1},
	    {"the count of one for both",
	     {USAGE("\"record_count\":4,", "01", "30", "1"), USAGE("", "01", "30", "2")},
	     USAGE(USED_BOTH "\"record_count\":4,", "01", "30", "3"),
	     1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct books books;
		books_open(&books, NULL);
		put(&books, SIDE_LEGACY, 1, cases[i].legacy[0]);
		put(&books, SIDE_LEGACY, 2, cases[i].legacy[1]);
		put(&books, SIDE_CLOUD, 1, cases[i].cloud);
		books_compare(&books);
		if (books.outcome.open != cases[i].open)
			fail_msg("%s: %d are open", cases[i].what, (int)books.outcome.open);
		books_close(&books);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_to_be_paid_is_added_up),
	    cmocka_unit_test(customers_are_not_mixed),
	    cmocka_unit_test(each_member_is_mapped_for_itself),
	    cmocka_unit_test(local_amounts_of_some_are_not_those_of_all),
	    cmocka_unit_test(the_tax_of_each_counts),
	    cmocka_unit_test(parts_have_what_the_whole_has),
	    cmocka_unit_test(a_collective_customer_is_none_of_them),
	    cmocka_unit_test(usage_of_other_days_or_records_is_other_usage),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
