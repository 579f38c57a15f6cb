/*
 * ledger_work_test.c - what a comparison has found: kept whole, in one order, and found again by what it looks like.
 *
 * Why:   a counterpart that is not found is a false break, one that is found wrongly a false green; the order decides
 *        which of several is taken.
 * Owns:  the book of each test.
 * Rules: orders are written by hand; candidates are also held against a plain loop over a list.
 * Runs in: the tests.
 * Tests: store_forward/ledger_work.c
 */
#include "store_forward/ledger_work.h"

#include "store_forward/ledger_internal.h"
#include "tests/unit/ledger_fixture.h"

#define NAMES_MAX 4096

static void begin(struct book *book)
{
	book_must(book, ledger_work_begin(book->ledger, &book->info));
}

/* An item that the tests change. */
static struct ledger_item plain(void)
{
	return (struct ledger_item){.status = 5,
	                            .tier = 2,
	                            .legacy = SPAN_LITERAL("00001/invoice/2026/1"),
	                            .entity = SPAN_LITERAL("00001"),
	                            .currency = SPAN_LITERAL("EUR"),
	                            .party = SPAN_LITERAL("4711"),
	                            .type = 1,
	                            .period = 202609,
	                            .posting = 20700,
	                            .total = 11900,
	                            .first_ns = 77};
}

static int64_t add(struct book *book, struct ledger_item item)
{
	item.id = 12345; /* it gives its own */
	book_must(book, ledger_item_add(book->ledger, &item, &book->info));
	assert_true(item.id > 0);
	return item.id;
}

static void assert_item(const struct ledger_item *one, const struct ledger_item *right)
{
	assert_int_equal(one->id, right->id);
	assert_int_equal(one->status, right->status);
	assert_int_equal(one->tier, right->tier);
	assert_true(span_equal(one->legacy, right->legacy));
	assert_true(span_equal(one->cloud, right->cloud));
	assert_int_equal(one->named, right->named);
	assert_true(span_equal(one->entity, right->entity));
	assert_true(span_equal(one->currency, right->currency));
	assert_true(span_equal(one->party, right->party));
	assert_int_equal(one->type, right->type);
	assert_int_equal(one->period, right->period);
	assert_int_equal(one->posting, right->posting);
	assert_int_equal(one->total, right->total);
	assert_int_equal(one->first_ns, right->first_ns);
}

static void expect_item(struct book *book, int64_t id, struct ledger_item right)
{
	struct ledger_item item;
	right.id = id;
	book_must(book, ledger_item_get(book->ledger, id, &item, &book->texts, &book->info));
	assert_item(&item, &right);
}

struct told {
	char names[NAMES_MAX];
	int count;
	int last; /* stops after so many */
};

/* "legacy,cloud;" */
static bool tell(void *self, const struct ledger_item *item)
{
	struct told *told = self;
	size_t len = strlen(told->names);
	(void)snprintf(told->names + len, NAMES_MAX - len, "%.*s,%.*s;", (int)item->legacy.len,
	               item->legacy.data, (int)item->cloud.len, item->cloud.data);
	return ++told->count != told->last;
}

static void expect_items(struct book *book, int status, const char *names)
{
	struct told told = {.last = -1};
	int64_t count = -1;
	book_must(book, ledger_items(book->ledger, status, tell, &told, &book->info));
	assert_string_equal(told.names, names);
	book_must(book, ledger_item_count(book->ledger, status, &count, &book->info));
	assert_int_equal(count, told.count);
}

/* ---- one item ---- */

static void an_item_is_kept_whole(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	begin(book);
	const int64_t first = add(book, item);
	const struct ledger_item edge = {.status = INT32_MAX,
	                                 .tier = INT32_MIN,
	                                 .legacy = SPAN_LITERAL("a b"),
	                                 .cloud = SPAN_LITERAL("a\tx b\ty"),
	                                 .named = true,
	                                 .entity = SPAN_LITERAL("\xc3\x84"),
	                                 .type = -1,
	                                 .period = INT32_MIN,
	                                 .posting = INT32_MIN,
	                                 .total = INT64_MIN,
	                                 .first_ns = INT64_MAX};
	const int64_t second = add(book, edge);
	assert_int_not_equal(first, second);
	expect_item(book, first, item);
	expect_item(book, second, edge);
	item.posting = INT32_MAX;
	item.total = INT64_MAX;
	item.period = INT32_MAX;
	expect_item(book, add(book, item), item);
}

static void a_change_is_of_one_item(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	begin(book);
	const int64_t first = add(book, item);
	const int64_t second = add(book, item);
	struct ledger_item other = {
	    .id = second, .status = 1, .cloud = SPAN_LITERAL("c"), .named = true, .posting = 3};
	book_must(book, ledger_item_change(book->ledger, &other, &book->info));
	expect_item(book, first, item);
	expect_item(book, second, other);
	expect_items(book, 5, "00001/invoice/2026/1,;");
	expect_items(book, 1, ",c;");
	expect_items(book, -1, ",c;00001/invoice/2026/1,;");
}

static void what_was_removed_is_not_there(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	begin(book);
	const int64_t first = add(book, item);
	item.legacy = SPAN_LITERAL("other");
	const int64_t second = add(book, item);
	book_must(book, ledger_item_remove(book->ledger, first, &book->info));
	assert_int_equal(ledger_item_get(book->ledger, first, &item, &book->texts, &book->info),
	                 ERR_NOT_FOUND);
	expect_items(book, -1, "other,;");
	/* What is not there may be removed. */
	book_must(book, ledger_item_remove(book->ledger, first, &book->info));
	book_must(book, ledger_item_remove(book->ledger, second, &book->info));
	expect_items(book, -1, "");
	assert_int_equal(ledger_item_get(book->ledger, 0, &item, &book->texts, &book->info), ERR_NOT_FOUND);
}

/* The texts stand in the buffer alone: the table may change. */
static void texts_are_copied(void **state)
{
	struct book *book = *state;
	struct ledger_item item;
	begin(book);
	const int64_t id = add(book, plain());
	book_must(book, ledger_item_get(book->ledger, id, &item, &book->texts, &book->info));
	book_must(book, ledger_item_remove(book->ledger, id, &book->info));
	begin(book);
	struct ledger_item right = plain();
	right.id = id;
	assert_item(&item, &right);
}

/* ---- order ---- */

struct place {
	const char *entity;
	int32_t period;
	const char *legacy, *cloud;
};

/* In order: entity, period, the subject (the cloud's where there is no legacy one), the cloud's. */
static const struct place places[] = {
    {"", 202612, "z", ""},      {"1", 202609, "b", ""},     {"1", 202610, "a", ""},
    {"1", 202610, "a", "a\tA"}, {"1", 202610, "a", "a\tb"}, {"1", 202610, "", "a\tb"},
    {"1", 202610, "", "aa\tA"}, {"1", 202610, "b", ""},     {"1", 202610, "b", "A\tZ"},
    {"10", 202601, "0", ""},    {"2", -1, "9", ""},         {"2", 0, "1", ""},
};
#define PLACES   (int)(sizeof places / sizeof places[0])
#define IN_ORDER "z,;b,;a,;a,a\tA;a,a\tb;,a\tb;,aa\tA;b,;b,A\tZ;0,;9,;1,;"

static void items_come_in_one_order(void **state)
{
	struct book *book = *state;
	static const int steps[] = {1, 5, 7, PLACES - 1}; /* no common divisor with 12 */
	assert_int_equal(PLACES, 12);
	for (int s = 0; s < 4; s++) {
		begin(book);
		for (int i = 0; i < PLACES; i++) {
			const struct place *place = &places[(i * steps[s] + 2) % PLACES];
			struct ledger_item item = plain();
			item.entity = span_of(place->entity);
			item.period = place->period;
			item.legacy = span_of(place->legacy);
			item.cloud = span_of(place->cloud);
			item.status = i % 3;
			(void)add(book, item);
		}
		expect_items(book, -1, IN_ORDER);
		expect_items(book, 3, "");
	}
}

static void items_of_a_status(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	struct told told = {.last = 2};
	begin(book);
	expect_items(book, 0, "");
	expect_items(book, -1, "");
	static const char *const names[] = {"d", "c", "b", "a"};
	for (int i = 0; i < 4; i++) {
		item.status = i / 2;
		item.legacy = span_of(names[i]);
		(void)add(book, item);
	}
	expect_items(book, 0, "c,;d,;");
	expect_items(book, 1, "a,;b,;");
	expect_items(book, 2, "");
	expect_items(book, -1, "a,;b,;c,;d,;");
	book_must(book, ledger_items(book->ledger, -7, tell, &told, &book->info));
	assert_string_equal(told.names, "a,;b,;");
}

/* ---- candidates ---- */

static void expect_candidates(struct book *book, int status, const struct ledger_item *like, int days,
                              bool by_total, int limit, const char *names)
{
	struct told told = {.last = -1};
	book_must(book, ledger_item_candidates(book->ledger, status, like, days, by_total, limit, tell, &told,
	                                       &book->info));
	assert_string_equal(told.names, names);
}

/* Each differs from `like` in one thing; what may differ is said. */
static void candidates_are_alike(void **state)
{
	struct book *book = *state;
	const struct ledger_item like = plain();
	struct ledger_item one[12];
	begin(book);
	for (int i = 0; i < 12; i++) {
		static const char *const names[] = {"same",      "status", "type",     "entity",
		                                    "currency",  "party",  "named",    "earlier",
		                                    "too-early", "later",  "too-late", "total"};
		one[i] = like;
		one[i].legacy = span_of(names[i]);
	}
	one[1].status++;
	one[2].type++;
	one[3].entity = SPAN_LITERAL("1");
	one[4].currency = SPAN_LITERAL("eur");
	one[5].party = SPAN_LITERAL("4711 ");
	one[6].named = true;
	one[7].posting -= 3;
	one[8].posting -= 4;
	one[9].posting += 3;
	one[10].posting += 4;
	one[11].total++;
	for (int i = 0; i < 12; i++)
		(void)add(book, one[i]);
	expect_candidates(book, 5, &like, 3, true, 100, "earlier,;same,;later,;");
	expect_candidates(book, 5, &like, 3, false, 100, "earlier,;same,;total,;later,;");
	expect_candidates(book, 5, &like, 4, true, 100, "too-early,;earlier,;same,;later,;too-late,;");
	expect_candidates(book, 5, &like, 0, true, 100, "same,;");
	expect_candidates(book, 6, &like, 3, true, 100, "status,;");
	expect_candidates(book, 7, &like, 3, true, 100, "");
	struct ledger_item any = like;
	any.party = (struct span){NULL, 0};
	expect_candidates(book, 5, &any, 3, true, 100, "earlier,;party,;same,;later,;");
	expect_candidates(book, 5, &any, 3, false, 100, "earlier,;party,;same,;total,;later,;");
	/* One of no party is no counterpart of a party's. */
	struct ledger_item none = any;
	none.legacy = SPAN_LITERAL("none");
	(void)add(book, none);
	expect_candidates(book, 5, &like, 0, true, 100, "same,;");
	expect_candidates(book, 5, &any, 0, true, 100, "none,;party,;same,;");
	/* What is like it need not be in the table; its other members do not matter. */
	any.status = 99;
	any.period = 1;
	any.tier = 8;
	expect_candidates(book, 5, &any, 0, true, 100, "none,;party,;same,;");
}

static void candidates_by_date_then_subject_to_a_limit(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	static const struct {
		int32_t posting;
		const char *legacy, *cloud;
	} rows[] = {
	    {20701, "a", ""}, {20700, "b", "y"}, {20700, "b", "x"}, {20699, "z", ""}, {20700, "", "c"}};
	begin(book);
	for (int i = 0; i < 5; i++) {
		item.posting = rows[i].posting;
		item.legacy = span_of(rows[i].legacy);
		item.cloud = span_of(rows[i].cloud);
		(void)add(book, item);
	}
	const struct ledger_item like = plain();
	for (int by_total = 0; by_total < 2; by_total++) {
		expect_candidates(book, 5, &like, 1, by_total, 5, "z,;,c;b,x;b,y;a,;");
		expect_candidates(book, 5, &like, 1, by_total, 4, "z,;,c;b,x;b,y;");
		expect_candidates(book, 5, &like, 1, by_total, 1, "z,;");
		expect_candidates(book, 5, &like, 1, by_total, 0, "");
	}
}

/* None has a date at the end of time, nor is it near one. */
static void days_at_the_ends(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	static const int32_t days[] = {INT32_MIN, INT32_MIN + 5, 0, INT32_MAX};
	static const char *const names[] = {"none", "oldest", "epoch", "newest"};
	begin(book);
	for (int i = 0; i < 4; i++) {
		item.posting = days[i];
		item.legacy = span_of(names[i]);
		(void)add(book, item);
	}
	item.posting = INT32_MIN;
	expect_candidates(book, 5, &item, 4, true, 9, "none,;");
	item.posting = INT32_MAX;
	expect_candidates(book, 5, &item, 10, true, 9, "newest,;");
	item.posting = 0;
	expect_candidates(book, 5, &item, 20000, false, 9, "epoch,;");
}

/* ---- candidates against a loop ---- */

#define DRAWN 400

struct drawn {
	struct ledger_item items[DRAWN];
	char names[DRAWN][16];
};

static uint32_t next(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u; /* Numerical Recipes */
	return *x >> 9;
}

static void draw_items(struct book *book, struct drawn *drawn, uint32_t *x)
{
	static const char *const codes[] = {"", "1", "2"};
	for (int i = 0; i < DRAWN; i++) {
		struct ledger_item *item = &drawn->items[i];
		(void)snprintf(drawn->names[i], 16, "%05u", (unsigned)(i * 7 % DRAWN));
		*item = (struct ledger_item){.status = (int)(next(x) % 2),
		                             .legacy = span_of(drawn->names[i]),
		                             .named = next(x) % 5 == 0,
		                             .entity = span_of(codes[1 + next(x) % 2]),
		                             .currency = span_of(codes[1 + next(x) % 2]),
		                             .party = span_of(codes[next(x) % 3]),
		                             .type = (int)(next(x) % 2),
		                             .posting = (int32_t)(20000 + next(x) % 20),
		                             .total = (int64_t)(next(x) % 3)};
		item->id = add(book, *item);
	}
}

static bool is_alike(const struct ledger_item *item, int status, const struct ledger_item *like, int days,
                     bool by_total)
{
	return item->status == status && item->type == like->type && !item->named &&
	       span_equal(item->entity, like->entity) && span_equal(item->currency, like->currency) &&
	       (like->party.len == 0 || span_equal(item->party, like->party)) &&
	       abs(item->posting - like->posting) <= days && (!by_total || item->total == like->total);
}

static void candidates_are_those_of_a_loop(void **state)
{
	struct book *book = *state;
	static struct drawn drawn;
	uint32_t x = 4217;
	int found = 0;
	begin(book);
	draw_items(book, &drawn, &x);
	for (int i = 0; i < DRAWN; i++) {
		const struct ledger_item *like = &drawn.items[i];
		const int days = (int)(next(&x) % 6);
		const bool by_total = next(&x) % 2;
		const int status = (int)(next(&x) % 2);
		struct told told = {.last = -1};
		struct told right = {.last = -1};
		for (int day = -days; day <= days; day++) {
			for (int name = 0; name < DRAWN; name++) {
				const struct ledger_item *item =
				    &drawn.items[name * 343 % DRAWN]; /* 7 * 343 = 2401 = 6 * 400 + 1 */
				if (item->posting == like->posting + day &&
				    is_alike(item, status, like, days, by_total))
					(void)tell(&right, item);
			}
		}
		book_must(book, ledger_item_candidates(book->ledger, status, like, days, by_total, DRAWN,
		                                       tell, &told, &book->info));
		assert_string_equal(told.names, right.names);
		found += told.count;
	}
	assert_true(found > 300);
}

/* ---- by its legacy document ---- */

static void expect_of_legacy(struct book *book, int status, const char *legacy, int64_t right)
{
	int64_t id = -1;
	book_must(book, ledger_item_of_legacy(book->ledger, status, span_of(legacy), &id, &book->info));
	assert_int_equal(id, right);
}

static void a_legacy_document_alone(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	begin(book);
	expect_of_legacy(book, 5, "a", 0);
	item.legacy = SPAN_LITERAL("a b");
	(void)add(book, item);
	item.legacy = SPAN_LITERAL("a");
	item.cloud = SPAN_LITERAL("a\tx");
	(void)add(book, item);
	expect_of_legacy(book, 5, "a", 0);
	item.cloud = SPAN_LITERAL("");
	const int64_t alone = add(book, item);
	(void)add(book, item); /* the first of two */
	item.status = 6;
	const int64_t other = add(book, item);
	expect_of_legacy(book, 5, "a", alone);
	expect_of_legacy(book, 6, "a", other);
	expect_of_legacy(book, 7, "a", 0);
	expect_of_legacy(book, 5, "A", 0);
	expect_of_legacy(book, 5, "", 0);
	book_must(book, ledger_item_remove(book->ledger, other, &book->info));
	expect_of_legacy(book, 6, "a", 0);
}

/* ---- beginning, the ledger's file, trouble ---- */

static bool note_cell(void *self, const struct ledger_cell *cell)
{
	*(int64_t *)self = cell->id;
	return false;
}

/* What a comparison before has found and chosen is gone. */
static void a_comparison_begins_with_nothing(void **state)
{
	struct book *book = *state;
	struct ledger_sum equal[SIDE_COUNT];
	struct made made;
	int64_t cell = 0;
	bool chosen = false;
	make(&made, 2, 1);
	book_begin(book);
	book_must(book, ledger_new_generation(book->ledger, "rules", &book->info));
	book_put(book, 2, 1);
	book_commit(book);
	book_must(book, ledger_cells(book->ledger, note_cell, &cell, &book->info));
	begin(book);
	(void)add(book, plain());
	book_must(book, ledger_choose_day(book->ledger, cell, made.document.posting, equal, &book->info));
	book_must(book, ledger_is_chosen(book->ledger, &made.document, &chosen, &book->info));
	assert_true(chosen);
	begin(book);
	book_must(book, ledger_is_chosen(book->ledger, &made.document, &chosen, &book->info));
	assert_false(chosen);
	expect_items(book, -1, "");
	expect_of_legacy(book, 5, "00001/invoice/2026/1", 0);
	(void)add(book, plain());
	expect_items(book, 5, "00001/invoice/2026/1,;");
}

/* With the rights of a reader, and byte by byte. */
static void nothing_of_the_file_is_written(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	book_begin(book);
	book_put(book, 1, 1);
	book_commit(book);
	book_close(book);
	struct buf before = book_bytes(book);
	book_must(book, book_try(book, LEDGER_READ));
	book_begin(book);
	begin(book);
	for (int i = 0; i < 1000; i++)
		item.id = add(book, item);
	book_must(book, ledger_item_change(book->ledger, &item, &book->info));
	book_must(book, ledger_item_remove(book->ledger, item.id, &book->info));
	book_close(book);
	struct buf after = book_bytes(book);
	assert_true(span_equal(buf_span(&before), buf_span(&after)));
	buf_release(&before);
	buf_release(&after);
	/* Gone with the connection. */
	int64_t count = 0;
	book_must(book, book_try(book, LEDGER_READ));
	assert_int_not_equal(ledger_item_count(book->ledger, -1, &count, &book->info), ERR_OK);
}

/* Every call says that it failed, and where; none takes trouble for an answer. */
static void expect_trouble(struct book *book)
{
	struct ledger *ledger = book->ledger;
	struct ledger_item item = plain();
	struct told told = {.last = -1};
	int64_t number = 7;
	for (int call = 0; call < 8; call++) {
		enum err err = ERR_OK;
		book->info.text[0] = 0;
		item.id = 1;
		switch (call) {
		case 0:
			err = ledger_item_add(ledger, &item, &book->info);
			break;
		case 1:
			err = ledger_item_change(ledger, &item, &book->info);
			break;
		case 2:
			err = ledger_item_remove(ledger, 1, &book->info);
			break;
		case 3:
			err = ledger_items(ledger, -1, tell, &told, &book->info);
			break;
		case 4:
			err = ledger_item_candidates(ledger, 5, &item, 1, true, 1, tell, &told, &book->info);
			break;
		case 5:
			err = ledger_item_get(ledger, 1, &item, &book->texts, &book->info);
			break;
		case 6:
			err = ledger_item_of_legacy(ledger, 5, item.legacy, &number, &book->info);
			assert_int_equal(number, 0);
			break;
		default:
			err = ledger_item_count(ledger, 5, &number, &book->info);
			break;
		}
		if (err == ERR_OK || err == ERR_NOT_FOUND || !strstr(book->info.text, book->path))
			fail_msg("call %d: %s: %s", call, err_name(err), book->info.text);
	}
	assert_int_equal(told.count, 0);
}

static void trouble_is_told(void **state)
{
	struct book *book = *state;
	/* Without a table nothing can be prepared; with one, nothing comes to its end. */
	expect_trouble(book);
	begin(book);
	const int64_t id = add(book, plain());
	sqlite3_progress_handler(book->ledger->db, 1, book_stop, NULL);
	expect_trouble(book);
	assert_int_not_equal(ledger_work_begin(book->ledger, &book->info), ERR_OK);
	sqlite3_progress_handler(book->ledger->db, 0, NULL, NULL);
	expect_item(book, id, plain());
	expect_items(book, -1, "00001/invoice/2026/1,;");
}

/* What is refused is told; what was taken stays. */
static void a_full_disk_is_told(void **state)
{
	struct book *book = *state;
	struct ledger_item item = plain();
	enum err err = ERR_OK;
	int64_t taken = 0;
	int64_t count = 0;
	begin(book);
	assert_int_equal(sql_execute(book->ledger->db, "PRAGMA temp.max_page_count = 16"), SQLITE_OK);
	for (; err == ERR_OK && taken < 100000; taken += err == ERR_OK)
		err = ledger_item_add(book->ledger, &item, &book->info);
	assert_int_equal(err, ERR_FULL);
	assert_true(taken > 0);
	book_must(book, ledger_item_count(book->ledger, -1, &count, &book->info));
	assert_int_equal(count, taken);
}

struct broken {
	struct book *book;
	int seen;
};

static bool interrupt(void *self, const struct ledger_item *item)
{
	struct broken *broken = self;
	(void)item;
	if (++broken->seen == 2)
		sqlite3_interrupt(broken->book->ledger->db);
	return true;
}

/* The end of reading is not the end of the items. */
static void reading_that_breaks_off_is_told(void **state)
{
	struct book *book = *state;
	const struct ledger_item like = plain();
	struct broken broken = {.book = book};
	begin(book);
	for (int i = 0; i < 50; i++)
		(void)add(book, like);
	assert_int_not_equal(ledger_items(book->ledger, 5, interrupt, &broken, &book->info), ERR_OK);
	assert_non_null(strstr(book->info.text, "going through what was found"));
	assert_in_range(broken.seen, 2, 49);
	broken.seen = 0;
	assert_int_not_equal(
	    ledger_item_candidates(book->ledger, 5, &like, 0, true, 50, interrupt, &broken, &book->info),
	    ERR_OK);
	assert_in_range(broken.seen, 2, 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(an_item_is_kept_whole),
	    WITH(a_change_is_of_one_item),
	    WITH(what_was_removed_is_not_there),
	    WITH(texts_are_copied),
	    WITH(items_come_in_one_order),
	    WITH(items_of_a_status),
	    WITH(candidates_are_alike),
	    WITH(candidates_by_date_then_subject_to_a_limit),
	    WITH(days_at_the_ends),
	    WITH(candidates_are_those_of_a_loop),
	    WITH(a_legacy_document_alone),
	    WITH(a_comparison_begins_with_nothing),
	    WITH(nothing_of_the_file_is_written),
	    WITH(trouble_is_told),
	    WITH(a_full_disk_is_told),
	    WITH(reading_that_breaks_off_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
