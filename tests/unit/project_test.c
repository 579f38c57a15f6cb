/*
 * project_test.c - a document becomes a row: what it stands for, in whatever order both sides come; sums after all.
 *
 * Why:   two agents that saw the same documents in another order must say the same.
 * Owns:  the books of each test.
 * Rules: ledgers are compared as a whole: identities, digests, cells and accounts as one text.
 * Runs in: the test suite.
 * Tests: connector/compare/project.c
 */
#include "tests/unit/rules_fixture.h"
#include "tests/unit/run_fixture.h"

#define LEGACY "10/invoice/2026/R1"

static int set_up(void **state)
{
	struct books *books = calloc(1, sizeof *books);
	assert_non_null(books);
	books_open(books, NULL);
	*state = books;
	return 0;
}

static int tear_down(void **state)
{
	books_close(*state);
	free(*state);
	return 0;
}

/* ---- a ledger as text ---- */

static bool write_cell(void *self, const struct ledger_cell *cell)
{
	struct buf *out = self;
	buf_printf(out, "cell %.*s %d %d", (int)cell->entity.len, cell->entity.data, cell->type,
	           (int)cell->period);
	for (int side = 0; side < SIDE_COUNT; side++) {
		char hex[FINGERPRINT_HEX_SIZE];
		fingerprint_hex(&cell->sums[side].fingerprint, hex);
		buf_printf(out, " %lld %lld %s", (long long)cell->sums[side].documents,
		           (long long)cell->sums[side].total, hex);
	}
	buf_append_char(out, '\n');
	return true;
}

static bool write_account(void *self, const struct ledger_account *account)
{
	struct buf *out = self;
	buf_printf(out, "account %.*s ", (int)account->entity.len, account->entity.data);
	for (size_t i = 0; i < account->account.len; i++)
		buf_append_char(out, account->account.data[i] == PROJECT_TAX_MARK ? '|'
		                                                                  : account->account.data[i]);
	for (int side = 0; side < SIDE_COUNT; side++)
		buf_printf(out, " %lld %lld %lld", (long long)account->lines[side],
		           (long long)account->debit[side], (long long)account->credit[side]);
	buf_append_char(out, '\n');
	return true;
}

static void write_side(struct ledger *ledger, enum ledger_side side, struct buf *out)
{
	struct ledger_cursor *cursor = NULL;
	struct ledger_document document;
	struct err_info info;
	enum err err = ledger_cursor_open(ledger, side, true, false, &cursor, &info);
	while (err == ERR_OK && ledger_cursor_next(cursor, &document, &err, &info)) {
		char hex[FINGERPRINT_HEX_SIZE];
		fingerprint_hex(&document.fingerprint, hex);
		buf_printf(out, "%s %.*s=%.*s %.*s %s\n", ledger_side_name(side), (int)document.identity.len,
		           document.identity.data, (int)document.subject.len, document.subject.data,
		           (int)document.entity.len, document.entity.data, hex);
	}
	assert_int_equal(err, ERR_OK);
	ledger_cursor_close(cursor);
}

/* To be freed. */
static char *written(struct books *books)
{
	struct buf out;
	struct err_info info;
	buf_init(&out, 16u << 20);
	assert_int_equal(ledger_flush(books->ledger, &info), ERR_OK);
	assert_int_equal(ledger_cells(books->ledger, write_cell, &out, &info), ERR_OK);
	assert_int_equal(ledger_accounts(books->ledger, write_account, &out, &info), ERR_OK);
	for (int side = 0; side < SIDE_COUNT; side++)
		write_side(books->ledger, (enum ledger_side)side, &out);
	char *text = strdup(buf_cstr(&out));
	assert_non_null(text);
	buf_release(&out);
	return text;
}

static void expect_written(struct books *books, const char *part, bool there)
{
	char *text = written(books);
	if ((strstr(text, part) != NULL) != there)
		fail_msg("%s in\n%s", part, text);
	free(text);
}

static struct ledger_document find_cloud(struct books *books, const char *subject)
{
	static struct buf texts;
	struct ledger_document document;
	struct err_info info = {.text = ""};
	if (texts.max == 0)
		buf_init(&texts, LEDGER_PACKED_MAX + 4096);
	if (ledger_find_cloud(books->ledger, span_of(subject), &document, &texts, &info) != ERR_OK)
		fail_msg("%s: %s", subject, info.text);
	return document;
}

static void expect_identity(struct books *books, const char *subject, const char *identity)
{
	struct ledger_document document = find_cloud(books, subject);
	if (!span_equal(document.identity, span_of(identity)))
		fail_msg("%s stands for \"%.*s\"", subject, (int)document.identity.len,
		         document.identity.data);
}

/* ---- what a document stands for ---- */

static void an_origin_or_a_reference_in_either_order(void **state)
{
	struct books *books = *state;
	books_invoice(books, SIDE_LEGACY, "R1", NULL, NULL, "7", 1000, 190, 0);
	books_invoice(books, SIDE_CLOUD, "C1", NULL, "R1", "7", 1000, 190, 0);
	books_invoice(books, SIDE_CLOUD, "C2", NULL, "R2", "7", 2000, 380, 0);
	expect_identity(books, "10/invoice/2026/C1", LEGACY);
	expect_identity(books, "10/invoice/2026/C2", "");
	int64_t n = find_cloud(books, "10/invoice/2026/C2").n;
	books_invoice(books, SIDE_LEGACY, "R2", NULL, NULL, "7", 2000, 380, 0);
	books_invoice(books, SIDE_LEGACY, "R3", NULL, NULL, "7", 3000, 570, 0);
	books_invoice(books, SIDE_CLOUD, "C3", "10/invoice/2026/R3", "R1", "7", 3000, 570, 0);
	/* Found later, and it has arrived when it arrived. */
	expect_identity(books, "10/invoice/2026/C2", "10/invoice/2026/R2");
	assert_int_equal(find_cloud(books, "10/invoice/2026/C2").n, n);
	expect_identity(books, "10/invoice/2026/C3", "10/invoice/2026/R3");
	/* Both sides have the same digests, and so the same sums. */
	books_compare(books);
	assert_int_equal(books->outcome.verdict, RUN_RECONCILED);
	assert_int_equal(books->outcome.cells_equal, 1);
}

static void several_are_none(void **state)
{
	struct books *books = *state;
	books_invoice(books, SIDE_CLOUD, "C1", NULL, "R1", "7", 1000, 190, 0);
	books_invoice(books, SIDE_CLOUD, "C2", NULL, "R1", "7", 1000, 190, 0);
	books_invoice(books, SIDE_LEGACY, "R1", NULL, NULL, "7", 1000, 190, 0);
	expect_identity(books, "10/invoice/2026/C1", "");
	expect_identity(books, "10/invoice/2026/C2", "");
	/* Several origins are no reference; nor is what another kind or company has. */
	books_invoice(books, SIDE_CLOUD, "C3", "10/invoice/2026/R1 10/invoice/2026/R4", "R1", "7", 1000, 190,
	              0);
	expect_identity(books, "10/invoice/2026/C3", "");
	books_put(
	    books, SIDE_CLOUD,
	    "{\"entity\":\"11\",\"source_system\":\"x\",\"type\":\"invoice\",\"number\":\"C4\",\"year\":2026,"
	    "\"currency\":\"EUR\",\"reference\":\"R1\",\"customer\":\"7\",\"net\":\"1.00\",\"tax\":\"0.00\","
	    "\"gross\":"
	    "\"1.00\",\"lines\":[{\"line\":\"1\",\"net\":\"1.00\"}]}",
	    0, false, 1);
	expect_identity(books, "11/invoice/2026/C4", "");
	books_put(
	    books, SIDE_CLOUD,
	    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"payment\",\"number\":\"C5\",\"year\":2026,"
	    "\"currency\":\"EUR\",\"reference\":\"R1\",\"payer\":\"7\",\"amount\":\"1.00\"}",
	    0, false, 1);
	expect_identity(books, "10/payment/2026/C5", "");
}

static enum err try_invoice(struct books *books, enum ledger_side side, const char *number, int cents,
                            bool voided, int revision)
{
	char data[500];
	struct err_info info;
	const struct projection projection = {
	    .side = side, .revision = revision, .recorded_ns = revision * FIXTURE_DAY_NS};
	(void)snprintf(
	    data, sizeof data,
	    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"invoice\",\"number\":\"%s\",\"year\":2026,"
	    "\"currency\":\"EUR\",\"origin\":\"" LEGACY "\",\"customer\":\"7\",\"net\":\"%d.%02d\",\"tax\":"
	    "\"0.00\",\"gross\":\"%d.%02d\",\"lines\":[{\"line\":\"1\",\"net\":\"%d.%02d\"}]}",
	    number, cents / 100, cents % 100, cents / 100, cents % 100, cents / 100, cents % 100);
	assert_int_equal(posting_read(&books->reader, span_of(data), &books->document, &info), ERR_OK);
	books->document.voided = voided;
	return project_document(&books->projector, &projection, &books->document, &info);
}

static void revisions(void **state)
{
	struct books *books = *state;
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 500, false, 1), ERR_OK);
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 500, false, 1), ERR_OK);
	assert_int_equal(books->projector.unchanged, 1);
	assert_int_equal(ledger_last(books->ledger, SIDE_CLOUD), 1);
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 501, false, 1), ERR_CONFLICT);
	assert_int_equal(find_cloud(books, "10/invoice/2026/C1").total, 500);
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 700, false, 3), ERR_OK);
	/* One that comes late changes nothing. */
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 600, false, 2), ERR_OK);
	struct ledger_document document = find_cloud(books, "10/invoice/2026/C1");
	assert_true(document.total == 700 && document.revision == 3 && document.n == 2);
	assert_true(document.first_ns == FIXTURE_DAY_NS && document.recorded_ns == 3 * FIXTURE_DAY_NS);
	expect_written(books, "account 10 invoices 0 0 0 1 700 0\n", true);
	/* Voided it adds nothing, and it is still there. */
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 700, true, 4), ERR_OK);
	assert_int_equal(ledger_count(books->ledger, SIDE_CLOUD), 1);
	expect_written(books, "cell", false);
	expect_written(books, "account", false);
	assert_int_equal(try_invoice(books, SIDE_CLOUD, "C1", 800, false, 5), ERR_OK);
	expect_written(books, "account 10 invoices 0 0 0 1 800 0\n", true);
}

/* ---- any order, any rules ---- */

static uint32_t mixed(uint32_t a, uint32_t b)
{
	uint32_t x = a * 2654435761u ^ (b + 1) * 40503u;
	x ^= x >> 15;
	x *= 2246822519u;
	return x ^ x >> 13;
}

/* The n-th of the documents: 40 of the ERP, most of them in the cloud, too, by origin or by reference. */
static void put_nth(struct books *books, uint32_t n, uint32_t revision)
{
	char number[16];
	char cloud[16];
	char origin[40];
	uint32_t pair = n / 2;
	uint32_t r = mixed(pair, revision);
	int net = 100 + (int)(r % 5000);
	(void)snprintf(number, sizeof number, "R%u", pair);
	(void)snprintf(cloud, sizeof cloud, "C%u", pair);
	(void)snprintf(origin, sizeof origin, "10/invoice/2026/R%u", pair);
	bool by_origin = mixed(pair, 7) % 2;
	bool differs = mixed(pair, 8) % 5 == 0;
	char data[900];
	char more[120] = "";
	if (n % 2)
		(void)snprintf(more, sizeof more, "\"%s\":\"%s\",", by_origin ? "origin" : "reference",
		               by_origin ? origin : number);
	int tax = 19 * net / 100 + (n % 2 && differs);
	(void)snprintf(data, sizeof data,
	               "{\"entity\":\"%s\",\"source_system\":\"x\",\"type\":\"invoice\",\"number\":\"%s\","
	               "\"year\":2026,\"period\":%u,"
	               "\"posting_date\":\"2026-09-10\",\"currency\":\"EUR\",%s\"customer\":\"7\",\"net\":\"%"
	               "d.%02d\",\"tax\":"
	               "\"%d.%02d\",\"gross\":\"%d.%02d\",\"lines\":[{\"line\":\"1\",\"account\":\"%s\","
	               "\"net\":\"%d.%02d\",\"tax_code\":"
	               "\"A19\"}],\"tax_lines\":[{\"code\":\"A19\",\"rate\":\"19\",\"base\":\"%d.%02d\","
	               "\"tax\":\"%d.%02d\"}]}",
	               n % 2 ? "X10" : "10", n % 2 ? cloud : number, 1 + pair % 3, more, net / 100, net % 100,
	               tax / 100, tax % 100, (net + tax) / 100, (net + tax) % 100, n % 2 ? "400000" : "4000",
	               net / 100, net % 100, net / 100, net % 100, tax / 100, tax % 100);
	books_put(books, n % 2 ? SIDE_CLOUD : SIDE_LEGACY, data, 0, mixed(pair, revision + 50) % 13 == 0,
	          (int)revision);
}

/* The first line that is another one. */
static void expect_same_line(const char *text, const char *expected)
{
	while (*text && *expected) {
		size_t len = strcspn(text, "\n") + 1;
		if (strncmp(text, expected, len) != 0)
			fail_msg("%.*sis not\n%.*s", (int)len, text, (int)strcspn(expected, "\n"), expected);
		text += len;
		expected += len;
	}
}

static void regenerate(struct books *books, int limit)
{
	struct err_info info = {.text = ""};
	bool done = false;
	if (project_regenerate(&books->projector, limit, &done, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static void whatever_the_order(void **state)
{
	enum { DOCUMENTS = 80, REVISIONS = 3 };
	struct books *fresh = *state;
	struct err_info info;
	struct made_rules rules = rules_begin();
	rules_put(&rules, "account", MAPPING_HEADER "*,4000,400000,,,\n");
	rules_put(&rules, "entity", MAPPING_HEADER "*,10,X10,,,\n");
	rules_end(&rules);
	/* As it should be: the last revisions alone, under the last rules, the ERP first. */
	assert_int_equal(project_use_rules(&fresh->projector, rules.rules, &info), ERR_OK);
	for (uint32_t side = 0; side < 2; side++) {
		for (uint32_t n = side; n < DOCUMENTS; n += 2)
			put_nth(fresh, n, REVISIONS);
	}
	char *expected = written(fresh);
	assert_non_null(strstr(expected, "X10"));
	for (uint32_t round = 0; round < 25; round++) {
		struct books books;
		books_open(&books, NULL);
		for (uint32_t step = 0; step < DOCUMENTS * REVISIONS * 2; step++) {
			put_nth(&books, mixed(round, step) % DOCUMENTS, 1 + mixed(step, round) % REVISIONS);
			if (step == 40 + mixed(round, 3) % 300)
				assert_int_equal(project_use_rules(&books.projector, rules.rules, &info),
				                 ERR_OK);
			if (step > 60 && step % 20 == 0)
				regenerate(&books, 7);
		}
		for (uint32_t i = 0; i < DOCUMENTS; i++)
			put_nth(&books, (i * 37 + round) % DOCUMENTS, REVISIONS);
		for (int i = 0; i < 40 && !ledger_complete(books.ledger); i++)
			regenerate(&books, 7);
		char *text = written(&books);
		if (strcmp(text, expected) != 0)
			expect_same_line(text, expected);
		free(text);
		books_close(&books);
	}
	free(expected);
	rules_drop(&rules);
}

/* A ledger of a program that made other views of the same rules, or none: nothing of it is taken on trust. */
static void sums_of_another_program_are_made_anew(void **state)
{
	struct books *books = *state;
	struct made_rules rules = rules_begin();
	struct err_info info;
	rules_end(&rules);
	const char *const versions[] = {"none", rules_version(rules.rules)};
	for (int i = 0; i < 2; i++) {
		const struct rules *same = i == 0 ? NULL : rules.rules;
		assert_int_equal(ledger_new_generation(books->ledger, versions[i], &info), ERR_OK);
		assert_true(ledger_complete(books->ledger));
		assert_false(project_is_of(books->ledger, same));
		int64_t generation = ledger_generation(books->ledger);
		assert_int_equal(project_use_rules(&books->projector, same, &info), ERR_OK);
		assert_int_equal(ledger_generation(books->ledger), generation + 1);
		assert_true(project_is_of(books->ledger, same));
		assert_int_equal(project_use_rules(&books->projector, same, &info), ERR_OK);
		assert_int_equal(ledger_generation(books->ledger), generation + 1);
	}
	rules_drop(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(sums_of_another_program_are_made_anew, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_origin_or_a_reference_in_either_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(several_are_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(revisions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whatever_the_order, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
