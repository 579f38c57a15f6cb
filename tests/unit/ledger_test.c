/*
 * ledger_test.c - documents in, out and changed; sums that are exactly theirs; marks, order, limits, readers beside.
 *
 * Why:   a period is called equal by its sums alone.
 * Owns:  the book of each test.
 * Rules: sums are added up here again, over all documents that should be there, with 128-bit integers of the compiler.
 * Runs in: the test suite.
 * Tests: store_forward/ledger.c, ledger_documents.c, ledger_sums.c
 */
#include "tests/unit/ledger_fixture.h"

#define DOCUMENTS 120

__extension__ typedef unsigned __int128 wide;

/* What is in the ledger: version of each document, 0: it is not. */
struct shadow {
	int versions[DOCUMENTS];
};

static wide wide_of(const struct fingerprint *fingerprint)
{
	wide value = 0;
	for (int i = 0; i < FINGERPRINT_BYTES; i++)
		value = value << 8 | fingerprint->bytes[i];
	return value;
}

static bool same_cell(const struct ledger_document *document, const struct ledger_cell *cell)
{
	return document->type == cell->type && document->period == cell->period &&
	       span_equal(document->entity, cell->entity) && span_equal(document->currency, cell->currency);
}

struct proof {
	const struct shadow *shadow;
	int64_t documents; /* seen in cells or accounts */
	int rows;
};

/* One cell against all documents that belong into it. */
static bool prove_cell(void *self, const struct ledger_cell *cell)
{
	struct proof *proof = self;
	int64_t counts[SIDE_COUNT] = {0, 0};
	int64_t totals[SIDE_COUNT] = {0, 0};
	wide prints[SIDE_COUNT] = {0, 0};
	for (int n = 0; n < DOCUMENTS; n++) {
		struct made made;
		make(&made, n, proof->shadow->versions[n]);
		if (!proof->shadow->versions[n] || made.document.voided || !same_cell(&made.document, cell))
			continue;
		counts[made.document.side]++;
		totals[made.document.side] += made.document.total;
		prints[made.document.side] += wide_of(&made.document.fingerprint);
	}
	for (int side = 0; side < SIDE_COUNT; side++) {
		assert_int_equal(cell->sums[side].documents, counts[side]);
		assert_int_equal(cell->sums[side].total, totals[side]);
		assert_true(wide_of(&cell->sums[side].fingerprint) == prints[side]);
		proof->documents += counts[side];
	}
	assert_true(counts[SIDE_LEGACY] + counts[SIDE_CLOUD] > 0);
	proof->rows++;
	return true;
}

static bool prove_account(void *self, const struct ledger_account *account)
{
	struct proof *proof = self;
	int64_t lines[SIDE_COUNT] = {0, 0};
	int64_t debits[SIDE_COUNT] = {0, 0};
	int64_t credits[SIDE_COUNT] = {0, 0};
	for (int n = 0; n < DOCUMENTS; n++) {
		struct made made;
		make(&made, n, proof->shadow->versions[n]);
		const struct ledger_document *document = &made.document;
		bool belongs = document->period == account->period &&
		               span_equal(document->entity, account->entity) &&
		               span_equal(document->currency, account->currency);
		for (int i = 0; i < MADE_BALANCES; i++) {
			if (!proof->shadow->versions[n] || document->voided || !belongs ||
			    !span_equal(made.balances[i].account, account->account))
				continue;
			lines[document->side] += made.balances[i].lines;
			debits[document->side] += made.balances[i].debit;
			credits[document->side] += made.balances[i].credit;
		}
	}
	for (int side = 0; side < SIDE_COUNT; side++) {
		assert_int_equal(account->lines[side], lines[side]);
		assert_int_equal(account->debit[side], debits[side]);
		assert_int_equal(account->credit[side], credits[side]);
		proof->documents += lines[side];
	}
	proof->rows++;
	return true;
}

/* Counts, cells and accounts are those of the shadow, no more and no less. */
static void expect_shadow(struct book *book, const struct shadow *shadow)
{
	struct proof cells = {.shadow = shadow};
	struct proof accounts = {.shadow = shadow};
	int64_t counts[SIDE_COUNT] = {0, 0};
	int64_t live = 0;
	int64_t lines = 0;
	for (int n = 0; n < DOCUMENTS; n++) {
		struct made made;
		if (!shadow->versions[n])
			continue;
		make(&made, n, shadow->versions[n]);
		counts[made.document.side]++;
		live += !made.document.voided;
		for (int i = 0; i < MADE_BALANCES && !made.document.voided; i++)
			lines += made.balances[i].lines;
	}
	book_must(book, ledger_cells(book->ledger, prove_cell, &cells, &book->info));
	book_must(book, ledger_accounts(book->ledger, prove_account, &accounts, &book->info));
	assert_int_equal(cells.documents, live);
	assert_int_equal(accounts.documents, lines);
	assert_int_equal(ledger_count(book->ledger, SIDE_LEGACY), counts[SIDE_LEGACY]);
	assert_int_equal(ledger_count(book->ledger, SIDE_CLOUD), counts[SIDE_CLOUD]);
}

static void change_one(struct book *book, struct shadow *shadow, int n, uint32_t r)
{
	if (shadow->versions[n] == 0) {
		shadow->versions[n] = 1 + (int)(r % 50);
		book_put(book, n, shadow->versions[n]);
		return;
	}
	book_take(book, n, shadow->versions[n]);
	shadow->versions[n] = r % 3 == 0 ? 0 : shadow->versions[n] + 1;
	if (shadow->versions[n] > 0)
		book_put(book, n, shadow->versions[n]);
}

static void sums_are_exactly_those_of_the_documents(void **state)
{
	struct book *book = *state;
	struct shadow shadow = {{0}};
	for (uint32_t round = 0; round < 60; round++) {
		struct shadow before = shadow;
		book_begin(book);
		for (uint32_t i = 0; i < 10; i++)
			change_one(book, &shadow, (int)(mixed(round, i) % DOCUMENTS), mixed(i, round));
		if (round % 7 == 3) {
			ledger_rollback(book->ledger);
			shadow = before;
		} else {
			book_commit(book);
		}
		if (round % 13 == 5) {
			book_close(book);
			book_open(book);
		}
		if (round % 5 == 0)
			expect_shadow(book, &shadow);
	}
	/* All out: nothing is left. */
	book_begin(book);
	for (int n = 0; n < DOCUMENTS; n++) {
		if (shadow.versions[n])
			book_take(book, n, shadow.versions[n]);
		shadow.versions[n] = 0;
	}
	book_commit(book);
	expect_shadow(book, &shadow);
}

/* ---- generations ---- */

struct list {
	int numbers[DOCUMENTS];
	int count;
	bool sorted;
	char last[140];
};

/* The number of a made document. */
static int number_of(const struct ledger_document *document)
{
	const char *digits = document->subject.data + document->subject.len - 5;
	return 2 * (int)strtol(digits, NULL, 10) + (document->side == SIDE_CLOUD);
}

static bool note(void *self, const struct ledger_document *document)
{
	struct list *list = self;
	char name[140];
	(void)snprintf(name, sizeof name, "%.*s %.*s", (int)document->identity.len, document->identity.data,
	               (int)document->subject.len, document->subject.data);
	list->sorted = (list->count == 0 || list->sorted) && strcmp(list->last, name) < 0;
	(void)snprintf(list->last, sizeof list->last, "%s", name);
	list->numbers[list->count++] = number_of(document);
	return true;
}

static void regenerate(struct book *book, int n, int version)
{
	struct made made;
	struct ledger_document document;
	make(&made, n, version);
	book_find(book, &made, &document);
	made.document.n = document.n;
	made.document.first_ns = document.first_ns;
	made.document.generation = document.generation;
	book_must(book,
	          ledger_regenerate(book->ledger, &made.document, made.balances, MADE_BALANCES, &book->info));
}

static void other_rules_step_by_step(void **state)
{
	struct book *book = *state;
	struct shadow shadow = {{0}};
	struct list list = {.count = 0};
	bool done = true;
	int rounds = 0;
	book_begin(book);
	book_must(book, ledger_new_generation(book->ledger, "one", &book->info));
	assert_true(ledger_complete(book->ledger));
	for (int n = 0; n < DOCUMENTS; n++)
		book_put(book, n, shadow.versions[n] = 1);
	book_commit(book);
	book_begin(book);
	book_must(book, ledger_new_generation(book->ledger, "two", &book->info));
	book_commit(book);
	assert_string_equal(ledger_rules(book->ledger), "two");
	assert_int_equal(ledger_generation(book->ledger), 2);
	assert_false(ledger_complete(book->ledger));
	/* One of the old generation goes out without its sums, and comes in with new ones. */
	book_begin(book);
	struct made made;
	struct ledger_document document;
	make(&made, 7, 1);
	book_find(book, &made, &document);
	book_must(book, ledger_take(book->ledger, &document, NULL, 0, &book->info));
	book_put(book, 7, shadow.versions[7] = 9);
	book_commit(book);
	for (done = false; !done && rounds < 100; rounds++) {
		book_begin(book);
		list.count = 0;
		book_must(book, ledger_outdated(book->ledger, 11, note, &list, &done, &book->info));
		assert_int_equal(done, ledger_complete(book->ledger));
		assert_true(list.count <= 11);
		for (int i = 0; i < list.count; i++)
			regenerate(book, list.numbers[i], shadow.versions[list.numbers[i]] = 2);
		book_commit(book);
	}
	assert_true(done && rounds == 12); /* 119 in elevens, and the one that finds none */
	expect_shadow(book, &shadow);
	assert_int_equal(ledger_last(book->ledger, SIDE_LEGACY), DOCUMENTS / 2);
	book_close(book);
	book_open(book);
	assert_true(ledger_complete(book->ledger) && ledger_generation(book->ledger) == 2);
	expect_shadow(book, &shadow);
}

/* ---- finding, order ---- */

static void what_is_put_is_found(void **state)
{
	struct book *book = *state;
	struct made made;
	struct ledger_document found;
	make(&made, 12, 3);
	made.document.outcome = 2;
	book_begin(book);
	book_must(book, ledger_put(book->ledger, &made.document, made.balances, MADE_BALANCES, &book->info));
	assert_true(made.document.n == 1 && made.document.first_ns == made.document.recorded_ns);
	book_commit(book);
	book_close(book);
	book_open(book);
	book_find(book, &made, &found);
	const struct ledger_document *put = &made.document;
	assert_true(found.revision == 3 && found.n == 1 && found.recorded_ns == put->recorded_ns &&
	            found.first_ns == put->first_ns && found.total == put->total &&
	            found.posting == put->posting && found.period == put->period && found.type == put->type &&
	            found.outcome == 2 && found.phase == 2 && found.origins == put->origins &&
	            found.voided == put->voided);
	assert_true(span_equal(found.key, put->key) && span_equal(found.entity, put->entity) &&
	            span_equal(found.currency, put->currency) && span_equal(found.party, put->party) &&
	            span_equal(found.packed, put->packed) &&
	            fingerprint_equal(&found.fingerprint, &put->fingerprint));
	/* A cloud document by its subject alone, and by what it waits for. */
	struct span entity = made.document.entity;
	make(&made, 13, 1); /* of the same type */
	made.document.identity = (struct span){NULL, 0};
	made.document.key = SPAN_LITERAL("00006");
	made.document.entity = entity;
	book_begin(book);
	book_must(book, ledger_put(book->ledger, &made.document, made.balances, MADE_BALANCES, &book->info));
	book_commit(book);
	book_must(book,
	          ledger_find_cloud(book->ledger, made.document.subject, &found, &book->texts, &book->info));
	assert_int_equal(found.identity.len, 0);
	struct list list = {.count = 0};
	book_must(book,
	          ledger_with_key(book->ledger, SIDE_LEGACY, &made.document, 5, note, &list, &book->info));
	assert_true(list.count == 1 && list.numbers[0] == 12);
	made.document.entity = SPAN_LITERAL("another");
	book_must(book,
	          ledger_with_key(book->ledger, SIDE_LEGACY, &made.document, 5, note, &list, &book->info));
	assert_int_equal(list.count, 1);
	assert_int_equal(ledger_find_cloud(book->ledger, SPAN_LITERAL("e/t/2026/C99999"), &found,
	                                   &book->texts, &book->info),
	                 ERR_NOT_FOUND);
}

static void read_all(struct book *book, enum ledger_side side, bool all, bool packed, struct list *list)
{
	struct ledger_cursor *cursor;
	struct ledger_document document;
	enum err err;
	*list = (struct list){.sorted = true};
	book_must(book, ledger_cursor_open(book->ledger, side, all, packed, &cursor, &book->info));
	while (ledger_cursor_next(cursor, &document, &err, &book->info)) {
		(void)note(list, &document);
		assert_true(packed == (document.packed.len > 0));
	}
	book_must(book, err);
	ledger_cursor_close(cursor);
}

/* Every second day of every second cell is chosen. */
struct choice {
	struct book *book;
	const struct ledger_cell *cell;
	int64_t documents[SIDE_COUNT]; /* of the cell's days */
	int expected[SIDE_COUNT];
	int days;
};

static bool choose_day(void *self, const struct ledger_day *day)
{
	struct choice *choice = self;
	wide prints[SIDE_COUNT] = {0, 0};
	int64_t counts[SIDE_COUNT] = {0, 0};
	int64_t totals[SIDE_COUNT] = {0, 0};
	for (int n = 0; n < DOCUMENTS; n++) {
		struct made made;
		make(&made, n, 1);
		const struct ledger_document *document = &made.document;
		if (document->posting != day->posting || !same_cell(document, choice->cell))
			continue;
		choice->expected[document->side] += choice->days % 2 == 0;
		if (document->voided)
			continue;
		counts[document->side]++;
		totals[document->side] += document->total;
		prints[document->side] += wide_of(&document->fingerprint);
	}
	for (int side = 0; side < SIDE_COUNT; side++) {
		assert_int_equal(day->sums[side].documents, counts[side]);
		assert_int_equal(day->sums[side].total, totals[side]);
		assert_true(wide_of(&day->sums[side].fingerprint) == prints[side]);
		choice->documents[side] += counts[side];
	}
	/* Twice is once. No two of these documents have one fingerprint, so all are chosen. */
	for (int i = 0; i < 2 && choice->days % 2 == 0; i++) {
		struct ledger_sum equal[SIDE_COUNT] = {{0}};
		book_must(choice->book, ledger_choose_day(choice->book->ledger, choice->cell->id,
		                                          day->posting, equal, &choice->book->info));
		assert_int_equal(equal[SIDE_LEGACY].documents + equal[SIDE_CLOUD].documents, 0);
	}
	choice->days++;
	return true;
}

struct cells {
	struct ledger_cell list[64];
	char texts[64][2][LEDGER_CODE_MAX];
	int count;
};

static bool keep_cell(void *self, const struct ledger_cell *cell)
{
	struct cells *cells = self;
	struct ledger_cell *kept = &cells->list[cells->count];
	*kept = *cell;
	char(*texts)[LEDGER_CODE_MAX] = cells->texts[cells->count];
	assert_true(text_copy(texts[0], LEDGER_CODE_MAX, cell->entity) &&
	            text_copy(texts[1], LEDGER_CODE_MAX, cell->currency));
	kept->entity = span_of(texts[0]);
	kept->currency = span_of(texts[1]);
	cells->count++;
	return true;
}

static void documents_come_in_order(void **state)
{
	struct book *book = *state;
	struct list list;
	struct shadow shadow = {{0}};
	book_begin(book);
	for (int i = 0; i < DOCUMENTS; i++) {
		int n = (i * 77) % DOCUMENTS;
		book_put(book, n, shadow.versions[n] = 1);
	}
	book_commit(book);
	for (int side = 0; side < SIDE_COUNT; side++) {
		for (int packed = 0; packed < 2; packed++) {
			read_all(book, (enum ledger_side)side, true, packed, &list);
			assert_true(list.sorted && list.count == DOCUMENTS / 2);
		}
	}
	struct choice choice = {.book = book};
	struct cells *cells = calloc(1, sizeof *cells);
	assert_non_null(cells);
	book_must(book, ledger_cells(book->ledger, keep_cell, cells, &book->info));
	for (int i = 0; i < cells->count; i += 2) {
		choice.cell = &cells->list[i];
		memset(choice.documents, 0, sizeof choice.documents);
		book_must(book, ledger_days(book->ledger, choice.cell->id, choose_day, &choice, &book->info));
		for (int side = 0; side < SIDE_COUNT; side++)
			assert_int_equal(choice.documents[side], choice.cell->sums[side].documents);
	}
	free(cells);
	for (int side = 0; side < SIDE_COUNT; side++) {
		read_all(book, (enum ledger_side)side, false, false, &list);
		assert_true(list.sorted || list.count == 0);
		assert_int_equal(list.count, choice.expected[side]);
	}
	assert_true(choice.expected[SIDE_LEGACY] > 0 && choice.expected[SIDE_LEGACY] < DOCUMENTS / 2);
}

static void outcomes_that_are_open(void **state)
{
	struct book *book = *state;
	struct list list = {.count = 0};
	book_begin(book);
	for (int n = 0; n < 20; n++)
		book_put(book, n, 1);
	for (int n = 0; n < 20; n += 2) {
		struct made made;
		make(&made, n, 1);
		book_must(book,
		          ledger_set_outcome(book->ledger, made.document.subject, 1, n / 2, &book->info));
	}
	book_commit(book);
	/* 4, 5 and 6 are final. */
	book_must(book, ledger_without_outcome(book->ledger, "", 100, note, &list, &book->info));
	assert_true(list.count == 7 && list.sorted);
	list = (struct list){.count = 0};
	book_must(book, ledger_without_outcome(book->ledger, "e/t/2026/00002", 2, note, &list, &book->info));
	assert_true(list.count == 2 && list.numbers[0] == 6 && list.numbers[1] == 14);
	book_begin(book);
	assert_int_equal(ledger_set_outcome(book->ledger, SPAN_LITERAL("e/t/2026/00001"), 2, 5, &book->info),
	                 ERR_NOT_FOUND);
	assert_int_equal(ledger_set_outcome(book->ledger, SPAN_LITERAL("e/t/2026/00099"), 1, 5, &book->info),
	                 ERR_NOT_FOUND);
	book_commit(book);
}

/* ---- marks, texts, what waits ---- */

static bool note_mark(void *self, const char *name, int64_t value)
{
	struct buf *out = self;
	buf_printf(out, "%s=%" PRId64 ";", name, value);
	return true;
}

static void marks_and_texts(void **state)
{
	struct book *book = *state;
	int64_t value = 0;
	struct buf out;
	buf_init(&out, 1000);
	book_must(book, ledger_mark(book->ledger, "stream b", &value, &book->info));
	assert_int_equal(value, -1);
	assert_int_equal(ledger_text(book->ledger, "t", &out, &book->info), ERR_NOT_FOUND);
	book_begin(book);
	book_must(book, ledger_set_mark(book->ledger, "stream b", 7, &book->info));
	book_must(book, ledger_set_mark(book->ledger, "stream a", INT64_MAX, &book->info));
	book_must(book, ledger_set_mark(book->ledger, "stream b", 8, &book->info));
	book_must(book, ledger_set_text(book->ledger, "t", SPAN_LITERAL("first"), &book->info));
	book_must(book, ledger_set_text(book->ledger, "t", SPAN_LITERAL(""), &book->info));
	book_must(book, ledger_set_text(book->ledger, "u", SPAN_LITERAL("second"), &book->info));
	book_commit(book);
	book_close(book);
	book_open(book);
	book_must(book, ledger_marks(book->ledger, "stream ", note_mark, &out, &book->info));
	assert_string_equal(buf_cstr(&out), "stream a=9223372036854775807;stream b=8;");
	book_must(book, ledger_text(book->ledger, "t", &out, &book->info));
	assert_int_equal(out.len, 0);
	book_must(book, ledger_text(book->ledger, "u", &out, &book->info));
	assert_string_equal(buf_cstr(&out), "second");
	buf_release(&out);
}

/* ---- limits ---- */

static enum err put_made(struct book *book, struct made *made)
{
	struct err_info info;
	return ledger_put(book->ledger, &made->document, made->balances, MADE_BALANCES, &info);
}

static void limits_at_their_edges(void **state)
{
	struct book *book = *state;
	char *bytes = calloc(1, LEDGER_PACKED_MAX + 1);
	struct made made;
	assert_non_null(bytes);
	memset(bytes, 'x', LEDGER_PACKED_MAX + 1);
	const struct span codes[] = {{bytes, LEDGER_CODE_MAX}, {bytes, LEDGER_CODE_MAX + 1}};
	book_begin(book);
	for (int over = 0; over < 2; over++) {
		const enum err expected = over ? ERR_TOO_LARGE : ERR_OK;
		make(&made, 2, 1);
		made.document.entity = made.document.currency = made.document.party = made.document.key =
		    codes[over];
		assert_int_equal(put_made(book, &made), expected);
		make(&made, 4, 1);
		made.document.subject = made.document.identity =
		    (struct span){bytes, STORE_SUBJECT_MAX + (size_t)over};
		assert_int_equal(put_made(book, &made), expected);
		make(&made, 6, 1);
		made.document.packed = (struct span){bytes, LEDGER_PACKED_MAX + (size_t)over};
		assert_int_equal(put_made(book, &made), expected);
	}
	make(&made, 8, 1);
	made.document.subject = (struct span){NULL, 0};
	assert_int_equal(put_made(book, &made), ERR_TOO_LARGE);
	/* What was refused has left nothing. */
	assert_false(ledger_failed(book->ledger));
	book_commit(book);
	assert_int_equal(ledger_count(book->ledger, SIDE_LEGACY), 3);
	make(&made, 6, 1);
	struct ledger_document found;
	book_find(book, &made, &found);
	assert_int_equal(found.packed.len, LEDGER_PACKED_MAX);
	free(bytes);
}

static void sums_that_64_bits_do_not_hold(void **state)
{
	struct book *book = *state;
	struct made one;
	struct made other;
	make(&one, 0, 1);
	one.document.voided = false;
	one.document.total = INT64_MAX;
	other = one;
	other.document.subject = other.document.identity = SPAN_LITERAL("e/t/2026/other");
	other.document.total = 1;
	book_begin(book);
	assert_int_equal(put_made(book, &one), ERR_OK);
	book_commit(book);
	/* Found when the sums are written, and nothing of the transaction stands. */
	book_begin(book);
	assert_int_equal(put_made(book, &other), ERR_OK);
	assert_int_equal(ledger_commit(book->ledger, &book->info), ERR_OVERFLOW);
	ledger_rollback(book->ledger);
	assert_int_equal(ledger_count(book->ledger, SIDE_LEGACY), 1);
	/* At once where both are gathered. */
	book_begin(book);
	struct ledger_document found;
	book_find(book, &one, &found);
	book_must(book, ledger_take(book->ledger, &found, one.balances, MADE_BALANCES, &book->info));
	one.document.n = 0;
	other.document.n = 0;
	assert_int_equal(put_made(book, &one), ERR_OK);
	book_must(book, ledger_flush(book->ledger, &book->info));
	assert_int_equal(put_made(book, &other), ERR_OK);
	assert_int_equal(ledger_flush(book->ledger, &book->info), ERR_OVERFLOW);
	assert_true(ledger_failed(book->ledger));
	assert_int_equal(ledger_commit(book->ledger, &book->info), ERR_OVERFLOW);
	ledger_rollback(book->ledger);
	/* The edge itself holds. */
	book_begin(book);
	other.document.total = 0;
	assert_int_equal(put_made(book, &other), ERR_OK);
	book_commit(book);
}

/* More accounts than are gathered at once. */
static void a_document_with_many_accounts(void **state)
{
	enum { ACCOUNTS = 5000 };
	struct book *book = *state;
	struct ledger_balance *balances = calloc(ACCOUNTS, sizeof *balances);
	char(*names)[16] = calloc(ACCOUNTS, sizeof *names);
	struct made made;
	assert_non_null(balances);
	assert_non_null(names);
	make(&made, 0, 1);
	made.document.voided = false;
	for (int i = 0; i < ACCOUNTS; i++)
		balances[i] = (struct ledger_balance){own(names[i], sizeof names[i], "%d", i), 1, i, 0};
	book_begin(book);
	book_must(book, ledger_put(book->ledger, &made.document, balances, ACCOUNTS, &book->info));
	book_commit(book);
	struct shadow none = {{0}};
	struct proof count = {.shadow = &none};
	book_begin(book);
	struct ledger_document found;
	book_find(book, &made, &found);
	book_must(book, ledger_take(book->ledger, &found, balances, ACCOUNTS, &book->info));
	book_commit(book);
	book_must(book, ledger_accounts(book->ledger, prove_account, &count, &book->info));
	assert_int_equal(count.rows, 0);
	free(balances);
	free(names);
}

/* ---- beside each other ---- */

static void a_reader_beside_the_writer(void **state)
{
	struct book *book = *state;
	struct ledger *reader = NULL;
	struct ledger_opening opening;
	struct ledger_cursor *cursor;
	struct ledger_document document;
	enum err err;
	book_begin(book);
	for (int n = 0; n < 40; n++)
		book_put(book, n, 1);
	book_commit(book);
	book_must(book, ledger_open(NULL, book->path, LEDGER_READ, &reader, &opening, &book->info));
	book_must(book, ledger_begin(reader, &book->info));
	book_must(book, ledger_cursor_open(reader, SIDE_LEGACY, true, true, &cursor, &book->info));
	assert_true(ledger_cursor_next(cursor, &document, &err, &book->info));
	/* The writer goes on, and what is read stays one moment. */
	for (int n = 40; n < 80; n++) {
		book_begin(book);
		book_put(book, n, 1);
		book_take(book, n - 40, 1);
		book_commit(book);
	}
	int count = 1;
	while (ledger_cursor_next(cursor, &document, &err, &book->info))
		count++;
	book_must(book, err);
	ledger_cursor_close(cursor);
	assert_int_equal(count, 20);
	assert_true(ledger_count(reader, SIDE_LEGACY) == 20 && ledger_last(reader, SIDE_LEGACY) == 20);
	book_must(book, ledger_commit(reader, &book->info));
	book_must(book, ledger_begin(reader, &book->info));
	assert_true(ledger_count(reader, SIDE_LEGACY) == 20 && ledger_last(reader, SIDE_LEGACY) == 40);
	ledger_close(reader);
	/* Without the writer too; and without a file there is nothing to read. */
	book_close(book);
	book_must(book, ledger_open(NULL, book->path, LEDGER_READ, &reader, &opening, &book->info));
	book_must(book, ledger_begin(reader, &book->info));
	assert_int_equal(ledger_last(reader, SIDE_CLOUD), 40);
	ledger_close(reader);
	assert_int_equal(
	    ledger_open(NULL, "/nonexistent/ledger.db", LEDGER_READ, &reader, &opening, &book->info),
	    ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(sums_are_exactly_those_of_the_documents),
	    WITH(other_rules_step_by_step),
	    WITH(what_is_put_is_found),
	    WITH(documents_come_in_order),
	    WITH(outcomes_that_are_open),
	    WITH(marks_and_texts),
	    WITH(limits_at_their_edges),
	    WITH(sums_that_64_bits_do_not_hold),
	    WITH(a_document_with_many_accounts),
	    WITH(a_reader_beside_the_writer),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
