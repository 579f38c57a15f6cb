/*
 * view_form_test.c - the bytes of a view that are hashed; limits and memory of views.
 *
 * Why:   a form that two different documents share would prove them equal.
 * Owns:  nothing beyond its fixture.
 * Rules: the form of test_form() was written out by hand from the layout in view_form.c; its digest is that of Python's
 *        hashlib.
 * Runs in: the tests.
 */
#include "tests/lib/random_postings.h"
#include "tests/unit/view_fixture.h"

/* ---- the form ---- */

/* The bytes by hand: 02; journal, nothing missing, not voided: 00; compared: period 0, posting date 1, currency 3, line
 * entity 15, account 16, cost centre 17, tax code 18, local 19: 0xf800b, as a varint 8b 80 3e; entity "1"; there are
 * period, posting date, currency: 0b; "2024-02", "2024-02-29", "EUR"; no amounts: 00; 2 lines. "A": account and debit
 * (bits 2 and 6): 44 00; 1.00 is 200 folded: c8 01. "B", cost centre "C" and credit (bits 2, 3, 7): 8c 00; -1.00 is 199
 * folded: c7 01. Before all: the length of the identity, two bytes, and "1/journal/2024/4711".
 * hashlib.sha256(bytes).hexdigest()[:32] */
static void test_form(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	char hex[512];
	char print[FINGERPRINT_HEX_SIZE];
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	sample_set_header(document, HEADER_ENTITY, "1");
	sample_set_text(document, &add_line(document, "B", "-1.00")[JOURNAL_LINE_COST_CENTRE], "C");
	(void)add_line(document, "A", "1.00");
	make(fixture, SIDE_LEGACY);
	assert_true(2 * fixture->view.form_len < sizeof hex);
	hex_encode(hex, fixture->view.text.data, fixture->view.form_len);
	assert_string_equal(hex, "02008b803e01310b07323032342d30320a323032342d30322d32390345555200"
	                         "0244000141c8018c0001420143c701");
	fingerprint_hex(&fixture->view.fingerprint, print);
	assert_string_equal(print, "639f1098084091002c81b98a0937764b");
}

static struct fingerprint print_of(struct fixture *fixture)
{
	make(fixture, SIDE_CLOUD);
	return view_fingerprint(&fixture->view, SPAN_LITERAL("x"));
}

/* The same letters and digits, cut in other places, are other documents; so are codes that are absent or blank. */
static void test_unambiguous(void **state)
{
	static const struct {
		const char *account, *cost_centre, *tax_code, *entity;
	} keys[] = {{"40", "00", "", ""}, {"400", "0", "", ""}, {"4000", "", "", ""}, {"40", "", "00", ""},
	            {"4", "000", "", ""}, {"4", "", "000", ""}, {"4", "", "", "000"}, {"40", "", "", "00"},
	            {"4", "", "", ""},    {" ", "", "", ""},    {"4", " ", "", ""},   {"0", "", "", ""}};
	struct fixture *fixture = *state;
	struct fingerprint prints[sizeof keys / sizeof keys[0]];
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		sample_begin(&fixture->document, DOCUMENT_JOURNAL, "EUR");
		struct value *line = add_line(&fixture->document, keys[i].account, "1.00");
		sample_set_text(&fixture->document, &line[JOURNAL_LINE_COST_CENTRE], keys[i].cost_centre);
		sample_set_text(&fixture->document, &line[JOURNAL_LINE_TAX_CODE], keys[i].tax_code);
		sample_set_text(&fixture->document, &line[JOURNAL_LINE_ENTITY], keys[i].entity);
		prints[i] = print_of(fixture);
		for (size_t j = 0; j < i; j++)
			assert_false(fingerprint_equal(&prints[i], &prints[j]));
	}
	/* The identity is cut off from what follows it, and none is another than any. */
	struct fingerprint one = view_fingerprint(&fixture->view, SPAN_LITERAL("a"));
	struct fingerprint two = view_fingerprint(&fixture->view, SPAN_LITERAL("a\x01"));
	struct fingerprint none = view_fingerprint(&fixture->view, SPAN_LITERAL(""));
	assert_false(fingerprint_equal(&one, &two) || fingerprint_equal(&one, &none));
}

/* Sums of other rules never equal: another set of compared attributes is another form, though the document has none of
 * them. */
static void test_rules_in_form(void **state)
{
	struct fixture *fixture = *state;
	sample_make_journal(&fixture->document);
	struct fingerprint before = print_of(fixture);
	set_rules(fixture, "attribute", "document_type,attribute,compare\njournal,reference,yes\n");
	finish_rules(fixture);
	struct fingerprint after = print_of(fixture);
	assert_false(fingerprint_equal(&before, &after));
	/* Rules that change under a view that is used again are seen. */
	rules_free(fixture->rules);
	fixture->rules = NULL;
	after = print_of(fixture);
	assert_true(fingerprint_equal(&before, &after));
}

/* The currency and the accounts of journals cannot be taken out; everything else can where it applies. */
static void test_compared(void **state)
{
	struct fixture *fixture = *state;
	char csv[4096] = "document_type,attribute,compare\n";
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		size_t len = strlen(csv);
		(void)snprintf(csv + len, sizeof csv - len, "*,%s,no\n",
		               view_attribute_name((enum view_attribute)i));
	}
	set_rules(fixture, "attribute", csv);
	finish_rules(fixture);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		enum view_attribute attribute = (enum view_attribute)i;
		for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
			bool always = (attribute == VIEW_CURRENCY && type != DOCUMENT_CUSTOMER &&
			               type != DOCUMENT_USAGE) ||
			              (attribute == VIEW_ACCOUNT && type == DOCUMENT_JOURNAL);
			assert_int_equal(
			    view_attribute_compared(fixture->rules, attribute, (enum document_type)type),
			    always);
		}
	}
	assert_true(view_attribute_compared(NULL, VIEW_PERIOD, DOCUMENT_JOURNAL));
	assert_false(view_attribute_compared(NULL, VIEW_PERIOD, DOCUMENT_CUSTOMER));
	assert_false(view_attribute_compared(NULL, VIEW_REFERENCE, DOCUMENT_JOURNAL));
	assert_true(view_attribute_applies(VIEW_REFERENCE, DOCUMENT_JOURNAL));
	assert_false(view_attribute_applies(VIEW_LEGAL_NAME, DOCUMENT_JOURNAL));
}

/* ---- limits and memory ---- */

/* 2^63 - 1 and one more unit, a negative of -2^63, and many that only together are too much. */
static void test_overflow(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_begin(document, DOCUMENT_JOURNAL, "JPY");
	(void)add_line(document, "1", "9223372036854775807");
	(void)add_line(document, "2", "-9223372036854775808");
	make(fixture, SIDE_CLOUD);
	assert_true(fixture->view.lines[0].debit == INT64_MAX && fixture->view.lines[1].credit == INT64_MIN);
	assert_true(fixture->view.total == INT64_MAX);
	(void)add_line(document, "1", "1");
	assert_refused(fixture, ERR_OVERFLOW, "more than 64 bits");
	/* The lines fit, their total does not. */
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 2)[JOURNAL_LINE_ACCOUNT], "3");
	assert_refused(fixture, ERR_OVERFLOW, "more than 64 bits");
	sample_begin(document, DOCUMENT_JOURNAL, "JPY");
	(void)add_line(document, "2", "-9223372036854775808");
	(void)add_line(document, "2", "-1");
	assert_refused(fixture, ERR_OVERFLOW, "more than 64 bits");
	sample_begin(document, DOCUMENT_CREDIT_MEMO, "JPY");
	sample_set_amount(document, INVOICE_GROSS, "-9223372036854775808");
	assert_refused(fixture, ERR_OVERFLOW, "more than 64 bits");
	/* Digits that are added do not fit either. */
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)add_line(document, "1", "9223372036854775807");
	assert_refused(fixture, ERR_OVERFLOW, "more than 64 bits");
}

/* 10,000 lines of 10,000 accounts, from the last to the first, and once more in pairs: sorted, and added up. */
static void test_many_lines(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	char account[16];
	for (int step = 1; step <= 2; step++) {
		sample_begin(document, DOCUMENT_JOURNAL, "EUR");
		for (int i = DOCUMENT_LINES_MAX; i > 0; i--) {
			(void)snprintf(account, sizeof account, "%05d", i / step * 7919 % 100003);
			(void)add_line(document, account, "0.01");
		}
		make(fixture, SIDE_CLOUD);
		const struct view *view = &fixture->view;
		for (int i = 1; i < view->line_count; i++)
			assert_true(view_line_order(&view->lines[i - 1], &view->lines[i]) < 0);
		assert_int_equal(view->total, DOCUMENT_LINES_MAX);
		/* Halved numbers: 0 once (of 1), 1 to 4999 twice, 5000 once. */
		assert_int_equal(view->line_count, step == 1 ? DOCUMENT_LINES_MAX : 5001);
	}
	/* With tax lines as many again. */
	sample_begin(document, DOCUMENT_INVOICE, "EUR");
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++) {
		struct value *line = document_add_line(document, SECTION_LINES);
		(void)snprintf(account, sizeof account, "%d", i);
		sample_set_text(document, &line[INVOICE_LINE_TAX_CODE], account);
		sample_set_decimal(&line[INVOICE_LINE_NET], "1.00");
		sample_set_decimal(&line[INVOICE_LINE_TAX], "0.07");
	}
	make(fixture, SIDE_CLOUD);
	assert_int_equal(fixture->view.line_count, VIEW_LINES_MAX);
}

/* The view has its texts itself: the document may go. Used again and again it takes no more memory, and what a large
 * document took is given back. */
static void test_memory(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	struct sim_random random;
	sample_make_invoice(document, DOCUMENT_INVOICE);
	sample_set_header(document, HEADER_ORIGIN, "a/b/c/d");
	make(fixture, SIDE_CLOUD);
	struct fingerprint before = fixture->view.fingerprint;
	memset(document->text.data, '?', document->text.len);
	assert_span(fixture->view.currency, "EUR");
	assert_span(fixture->view.raw_entity, "00001");
	assert_span(fixture->view.origin, "a/b/c/d");
	assert_span(fixture->view.lines[0].tax_code, "V19");
	assert_span(fixture->view.lines[1].account, "tax");
	struct fingerprint after = view_fingerprint(&fixture->view, span_of(fixture->view.identity));
	assert_true(fingerprint_equal(&before, &after));
	sim_random_init(&random, 1);
	for (int i = 0; i < 3000; i++) {
		random_posting(&random, document, (enum document_type)(i % DOCUMENT_TYPE_COUNT));
		make(fixture, SIDE_CLOUD);
		if (i % 100 == 0) { /* A view used before says what a new one says. */
			struct view fresh;
			view_init(&fresh);
			assert_int_equal(view_make(&fresh, SIDE_CLOUD, document, NULL, NULL), ERR_OK);
			assert_true(fingerprint_equal(&fresh.fingerprint, &fixture->view.fingerprint));
			view_release(&fresh);
		}
	}
	const void *lines = fixture->view.lines;
	const void *text = fixture->view.text.data;
	/* The same documents again. */
	sim_random_init(&random, 1);
	for (int i = 0; i < 3000; i++) {
		random_posting(&random, document, (enum document_type)(i % DOCUMENT_TYPE_COUNT));
		make(fixture, SIDE_CLOUD);
		assert_ptr_equal(fixture->view.lines, lines);
		assert_ptr_equal(fixture->view.text.data, text);
	}
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++)
		(void)add_line(document, "1", "1.00");
	make(fixture, SIDE_CLOUD);
	assert_true(fixture->view.line_capacity >= DOCUMENT_LINES_MAX);
	sample_make_journal(document);
	make(fixture, SIDE_CLOUD);
	assert_true(fixture->view.line_capacity < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_form),     WITH_FIXTURE(test_unambiguous), WITH_FIXTURE(test_rules_in_form),
	    WITH_FIXTURE(test_compared), WITH_FIXTURE(test_overflow),    WITH_FIXTURE(test_many_lines),
	    WITH_FIXTURE(test_memory),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
