/*
 * run_members.c - several documents that stand for one of the other side: what they may have of their own, and whether
 *                 their sum is what each of them says.
 *
 * Why:   a collective invoice has one date and one customer; but what one of its members has is not what all have.
 * Owns:  nothing; the views are the run's.
 * Rules: 1. What is added up, or names what is added up, is the sum's: never that of one member.
 *        2. Of other attributes in which the members disagree, the other side may have that of any of them; of a
 *           customer, those of one of them and no mixture. Due date, document date and reference are its own.
 *        3. A collective document may have a customer of its own, but not one that some of its members have and
 *           others do not: those would be posted on the wrong account.
 *        4. Parts that the cloud names as such have what the whole has.
 *        5. The joined document is mapped by the first member's company and day. What each member says
 *           by itself must add up to it, line by line; else nothing that equals it is proven.
 * Faults: a member that cannot be read agrees with nothing.
 * Runs in: the CLI.
 * Tests: tests/unit/run_members_test.c
 */
#include <stdlib.h>
#include <string.h>

#include "connector/compare/run_internal.h"
#include "connector/posting/pack.h"

#define ATTRIBUTE(name) (UINT64_C(1) << VIEW_##name)
/* What a document that stands for several has of its own. */
#define ATTRIBUTES_OF_SUMS \
	(ATTRIBUTE(PARTY) | ATTRIBUTE(DUE_DATE) | ATTRIBUTE(DOCUMENT_DATE) | ATTRIBUTE(REFERENCE))
/* Added up by document_join(). */
#define ATTRIBUTES_ADDED \
	(ATTRIBUTE(PAYABLE) | ATTRIBUTE(QUANTITY) | ATTRIBUTE(RECORD_COUNT) | ATTRIBUTE(UNAPPLIED))
/* What members must have in common. The balances of periods stand each for itself, and no digest is that of two. */
#define ATTRIBUTES_IN_COMMON                                                          \
	(ATTRIBUTE(PERIOD) | ATTRIBUTE(METER) | ATTRIBUTE(WINDOW) | ATTRIBUTE(UNIT) | \
	 ATTRIBUTE(RECORDS_DIGEST))

struct members {
	struct view *sum;
	const struct view *other;
	struct view_line *rest; /* of the sum's lines: what is not accounted for yet */
	uint64_t differ;        /* attributes in which the members disagree */
	uint64_t partial;       /* that some have and others have not */
	uint64_t found;         /* that one member has as the other side has them */
	int64_t local[VIEW_AMOUNT_COUNT];
	bool one_has_all; /* one member has all that is compared as the other side has it */
	bool entities;
	bool adds_up;
};

static bool is_own_currency(const struct view *view)
{
	return span_equal(view->currency, view->local_currency);
}

/* Local amounts that say nothing new stand in no view; in a sum with others they count. */
static struct view_line with_local(const struct view *view, const struct view_line *line)
{
	struct view_line whole = *line;
	if (!line->has_local && is_own_currency(view)) {
		whole.local_debit = line->debit;
		whole.local_credit = line->credit;
	}
	return whole;
}

static bool take(int64_t *rest, int64_t units)
{
	return !__builtin_sub_overflow(*rest, units, rest);
}

static int by_key(const void *a, const void *b)
{
	return view_line_order(a, b);
}

/* A tax line without tax may be none in the sum, and the other way round: the lines' nets say what it says. */
static bool says_nothing(const struct view_line *line)
{
	return line->kind == VIEW_LINE_TAX && line->debit == 0 && line->credit == 0;
}

static bool take_line(struct members *members, const struct view *one, const struct view_line *line)
{
	const struct view_line part = with_local(one, line);
	size_t count = (size_t)members->sum->line_count;
	struct view_line *rest =
	    count > 0 ? bsearch(line, members->rest, count, sizeof *members->rest, by_key) : NULL;
	if (!rest)
		return says_nothing(line);
	bool fits = take(&rest->debit, part.debit) && take(&rest->credit, part.credit) &&
	            take(&rest->local_debit, part.local_debit) &&
	            take(&rest->local_credit, part.local_credit);
	for (int i = 0; i < VIEW_BESIDE_COUNT && fits; i++)
		fits = take(&rest->beside[i], part.beside[i]);
	return fits;
}

static bool is_used_up(const struct view_line *rest, bool nothing)
{
	bool used =
	    rest->debit == 0 && rest->credit == 0 && rest->local_debit == 0 && rest->local_credit == 0;
	for (int i = 0; i < VIEW_BESIDE_COUNT && used; i++)
		used = rest->beside[i] == 0 || nothing;
	return used;
}

/* The header's local amount; false: there is none. */
static bool local_of(const struct view *view, int amount, int64_t *units)
{
	*units = view->has_local_amount[amount] ? view->local_amounts[amount]
	         : is_own_currency(view)        ? view->amounts[amount]
	                                        : 0;
	return view->has_local_amount[amount] || is_own_currency(view);
}

/* The header's amounts are there in all of them or in none; codes that are missing are missing in the sum. */
static bool take_header(struct members *members, const struct view *one)
{
	const struct view *sum = members->sum;
	if ((one->missing_count > 0 && sum->missing_count == 0) ||
	    (one->has_local && sum->has_local && !span_equal(one->local_currency, sum->local_currency)))
		return false;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		int64_t units;
		int64_t of_sum;
		if (one->has_amount[i] != sum->has_amount[i] ||
		    local_of(one, i, &units) != local_of(sum, i, &of_sum) ||
		    __builtin_add_overflow(members->local[i], units, &members->local[i]))
			return false;
	}
	return true;
}

static void take_member(struct members *members, const struct view *one)
{
	const struct view *sum = members->sum;
	bool all = true;
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		uint64_t bit = UINT64_C(1) << i;
		bool same = span_equal(one->attributes[i], members->other->attributes[i]);
		if (!span_equal(one->attributes[i], sum->attributes[i]))
			members->differ |= bit;
		if ((one->attributes[i].len > 0) != (sum->attributes[i].len > 0))
			members->partial |= bit;
		if (same)
			members->found |= bit;
		all = all && (same || !(sum->compared & VIEW_TEXT_ATTRIBUTES & bit));
	}
	members->one_has_all = members->one_has_all || all;
	members->entities = members->entities || !span_equal(one->entity, sum->entity);
	members->adds_up = members->adds_up && take_header(members, one);
	for (int i = 0; i < one->line_count && members->adds_up; i++)
		members->adds_up = take_line(members, one, &one->lines[i]);
}

static bool is_accounted_for(const struct members *members)
{
	for (int i = 0; i < members->sum->line_count; i++) {
		if (!is_used_up(&members->rest[i], says_nothing(&members->sum->lines[i])))
			return false;
	}
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		int64_t units;
		(void)local_of(members->sum, i, &units);
		if (units != members->local[i])
			return false;
	}
	return members->adds_up;
}

static bool take_members(struct run *run, enum ledger_side side, struct span names, struct members *members)
{
	struct view *one = &run->projector.view;
	struct span identity;
	struct span subject;
	struct err_info info;
	while (run_next_name(&names, &identity, &subject)) {
		struct ledger_document row;
		if (!run_load(run, side, identity, subject, &row) ||
		    document_unpack(&run->part, row.packed, &info) != ERR_OK ||
		    view_make(one, side, &run->part, run->rules, &info) != ERR_OK)
			return false;
		take_member(members, one);
	}
	return true;
}

/* A text that the other side does not have. */
static struct span several(struct span other)
{
	return span_equal(other, SPAN_LITERAL("several")) ? SPAN_LITERAL("more than one")
	                                                  : SPAN_LITERAL("several");
}

/* The attributes that are the other side's, though not those of every member. */
static uint64_t free_attributes(const struct members *members, bool parts)
{
	uint64_t own = ATTRIBUTES_OF_SUMS;
	if (parts)
		return 0;
	if (members->found & ATTRIBUTE(PARTY))
		own &= ~ATTRIBUTE(PARTY);
	if (members->sum->type == DOCUMENT_CUSTOMER && !members->one_has_all)
		return own & ~ATTRIBUTES_ADDED;
	/* Of a party that one of them has, the others have another. */
	return (own | (members->found & ~ATTRIBUTE(PARTY))) & ~(ATTRIBUTES_ADDED | ATTRIBUTES_IN_COMMON);
}

static void settle(struct members *members, bool parts)
{
	struct view *sum = members->sum;
	const struct view *other = members->other;
	uint64_t free = free_attributes(members, parts);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		uint64_t bit = sum->compared & UINT64_C(1) << i;
		if ((members->partial & ATTRIBUTES_ADDED & bit) ||
		    (members->differ & ~ATTRIBUTES_ADDED & ~free & bit)) {
			sum->attributes[i] = several(other->attributes[i]);
		} else if (members->differ & free & bit) {
			sum->attributes[i] = other->attributes[i];
			sum->adjusted = true;
		}
	}
	if (members->entities)
		sum->entity = several(other->entity);
	if (members->differ & ATTRIBUTE(PARTY))
		sum->party = other->party;
}

bool run_members_agree(struct run *run, enum ledger_side side, struct span names)
{
	struct members members = {.sum = &run->views[side],
	                          .other = &run->views[side == SIDE_LEGACY ? SIDE_CLOUD : SIDE_LEGACY],
	                          .adds_up = true};
	/* "identity TAB subject": parts name the document that they are of. */
	bool parts = side == SIDE_CLOUD && names.len > 0 && names.data[0] != '\t';
	size_t count = (size_t)members.sum->line_count;
	members.rest = mem_alloc((count + 1) * sizeof *members.rest);
	for (size_t i = 0; i < count; i++)
		members.rest[i] = with_local(members.sum, &members.sum->lines[i]);
	bool read = take_members(run, side, names, &members);
	bool adds_up = read && is_accounted_for(&members);
	free(members.rest);
	if (read)
		settle(&members, parts);
	return adds_up;
}
