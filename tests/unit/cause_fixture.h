/*
 * cause_fixture.h - two views made by hand, what is evidence of them, and a book.
 *
 * Why:   the tests of the causes say what stands on either side in one line each.
 * Owns:  the fixture's views have their lines in itself; they are not released.
 * Rules: 1. Amounts are minor units with two digits; a positive amount is a debit.
 *        2. Lines may be added in any order; they stand in that of the view's keys.
 * Runs in: the tests.
 */
#ifndef TWINPOST_CAUSE_FIXTURE_H
#define TWINPOST_CAUSE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/cause.h"

#define FIXTURE_LINES 24

struct two {
	struct view view[SIDE_COUNT];
	struct view_line lines[SIDE_COUNT][FIXTURE_LINES];
	struct pair pair;
	struct cause_evidence evidence;
};

static inline struct span words(const char *text)
{
	return span_of(text);
}

static inline void begin_two(struct two *two, enum document_type type)
{
	*two = (struct two){0};
	for (int i = 0; i < SIDE_COUNT; i++) {
		struct view *view = &two->view[i];
		view->side = (enum ledger_side)i;
		view->type = type;
		view->lines = two->lines[i];
		view->entity = view->raw_entity = words("00100");
		view->currency = view->local_currency = words("EUR");
		view->digits = view->local_digits = 2;
		view->period = 202609;
		view->has_posting = true;
		view->posting = 20700; /* 2026-09-04 */
		view->party = view->attributes[VIEW_PARTY] = words("C1");
		view->attributes[VIEW_PERIOD] = words("2026-09");
		view->attributes[VIEW_POSTING_DATE] = words("2026-09-04");
		view->compared = UINT32_MAX;
		assert_true(text_copy(view->subject, sizeof view->subject, words("00100/invoice/2026/1")));
		assert_true(text_copy(view->identity, sizeof view->identity, words("00100/invoice/2026/1")));
	}
	two->view[SIDE_CLOUD].origins = 1;
	two->view[SIDE_CLOUD].origin = span_of(two->view[SIDE_CLOUD].identity);
	two->evidence = (struct cause_evidence){
	    .legacy = &two->view[SIDE_LEGACY],
	    .cloud = &two->view[SIDE_CLOUD],
	    .pair = &two->pair,
	    .legacy_arrived = CAUSE_NO_DATE,
	    .cloud_arrived = CAUSE_NO_DATE,
	    .period_end = CAUSE_NO_DATE,
	    .cut = CAUSE_NO_DATE,
	};
}

static inline struct view_line *add_kind(struct two *two, enum ledger_side side, enum view_line_kind kind,
                                         const char *account, const char *cost_centre, const char *tax_code,
                                         int64_t amount)
{
	struct view *view = &two->view[side];
	struct view_line line = {.kind = kind,
	                         .account = words(account),
	                         .cost_centre = words(cost_centre),
	                         .tax_code = words(tax_code),
	                         .debit = amount > 0 ? amount : 0,
	                         .credit = amount < 0 ? amount : 0,
	                         .count = 1};
	int at = view->line_count++;
	assert_true(view->line_count <= FIXTURE_LINES);
	for (; at > 0 && view_line_order(&view->lines[at - 1], &line) > 0; at--)
		view->lines[at] = view->lines[at - 1];
	view->lines[at] = line;
	return &view->lines[at];
}

static inline struct view_line *add_line(struct two *two, enum ledger_side side, const char *account,
                                         const char *cost_centre, const char *tax_code, int64_t amount)
{
	return add_kind(two, side, VIEW_LINE_POSTING, account, cost_centre, tax_code, amount);
}

static inline void add_both(struct two *two, const char *account, const char *cost_centre,
                            const char *tax_code, int64_t amount)
{
	for (int side = 0; side < SIDE_COUNT; side++)
		(void)add_line(two, (enum ledger_side)side, account, cost_centre, tax_code, amount);
}

/* 1200 to 4000. */
static inline void add_entry(struct two *two, enum ledger_side side, int64_t amount)
{
	(void)add_line(two, side, "1200", "", "", amount);
	(void)add_line(two, side, "4000", "", "", -amount);
}

static inline void set_local(struct view_line *line, int64_t local)
{
	line->local = local;
	line->local_debit = local > 0 ? local : 0;
	line->local_credit = local < 0 ? local : 0;
	line->has_local = true;
}

static inline void set_amounts(struct two *two, enum ledger_side side, int64_t net, int64_t tax)
{
	struct view *view = &two->view[side];
	const int64_t amounts[VIEW_AMOUNT_COUNT] = {net, tax, net + tax};
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		view->amounts[i] = amounts[i];
		view->has_amount[i] = true;
	}
	view->total = net + tax;
}

static inline void set_attribute(struct two *two, enum ledger_side side, enum view_attribute attribute,
                                 const char *text)
{
	two->view[side].attributes[attribute] = words(text);
}

static inline struct cause_book *book_with(const struct rounding_fits *fits)
{
	const struct cause_options options = {fits, CAUSE_ALLOWANCE_PPM, CAUSE_NEAR_CUT_DAYS};
	return cause_book_new(&options);
}

/* The cause of one document that is all there is. */
static inline struct cause_name name_alone(const struct two *two, const struct rounding_fits *fits)
{
	struct cause_book *book = book_with(fits);
	struct cause_name name;
	cause_learn(book, &two->evidence);
	cause_settle(book);
	cause_name(book, &two->evidence, &name);
	cause_book_free(book);
	return name;
}

static inline void assert_name(const struct cause_name *name, enum cause cause, const char *detail,
                               const char *part)
{
	if (name->cause != cause || strcmp(name->detail, detail) != 0 || strstr(name->text, part) == NULL)
		fail_msg("%s, \"%s\": %s", cause_word(name->cause), name->detail, name->text);
	assert_int_equal(name->owner, cause_owner(cause));
}

/* Alone, with this cause and detail, and this part in its sentence. */
static inline void assert_cause(const struct two *two, enum cause cause, const char *detail, const char *part)
{
	struct cause_name name = name_alone(two, NULL);
	assert_name(&name, cause, detail, part);
}

#endif
