/*
 * rules_reverse.c - see rules_reverse.h.
 *
 * Why:   see rules_reverse.h.
 * Owns:  the lists of rows by their target, and the dates of change.
 * Rules: 1. A row is asked after forwards, by its own company and code on its own days: it counts where rules_map()
 *           answers with the text of this very row. Where a code stays ("="), the answer is the text that was asked.
 *        2. A row of all companies is asked after once for each company that becomes the one of the cloud. Where every
 *           other company does, these are "*", as one that no row names, and all that have rows with this target.
 * Runs in: the CLI.
 * Tests: tests/unit/rules_reverse_test.c, which compares with one look-up for each company, code and day
 */
#include "connector/compare/rules_reverse.h"

#include <stdlib.h>

#include "connector/compare/rules_changes.h"

#define ANY  SPAN_LITERAL("*")
#define SAME SPAN_LITERAL("=")

/* A row by its target, company and code. Of entity.csv: `from` alone, a company that may become the target. */
struct entry {
	struct span target, entity, from;
	const char *to; /* the row's own text; NULL: the code stays */
	date_days valid_from, valid_to;
};

struct entries {
	struct entry *list;
	size_t count, capacity;
};

struct rules_reverse {
	const struct rules *rules; /* NULL: without a file of the kind */
	enum mapping_kind kind;
	struct entries codes, companies;
	struct entries keeping;       /* rows of a company's "*" that stay */
	struct rules_changes changes; /* of the kind and of the companies */
};

/* ---- the index ---- */

static int by_key(const struct entry *a, const struct entry *b)
{
	int order = span_compare(a->target, b->target);
	if (order == 0)
		order = span_compare(a->entity, b->entity);
	return order == 0 ? span_compare(a->from, b->from) : order;
}

static int by_key_and_date(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;
	int order = by_key(left, right);
	/* Two rows of one company and code have no day in common. */
	return order == 0 ? (left->valid_from > right->valid_from) - (left->valid_from < right->valid_from)
	                  : order;
}

static void add_entry(struct entries *entries, const struct entry *entry)
{
	if (entries->count == entries->capacity) {
		entries->capacity = entries->capacity ? 2 * entries->capacity : 64;
		entries->list = mem_grow(entries->list, entries->capacity * sizeof entries->list[0]);
	}
	entries->list[entries->count++] = *entry;
}

/* "*" that stays is no row of one target: the look-up asks it of the target itself. */
static bool add_code(void *self, const struct mapping_row *row)
{
	struct rules_reverse *reverse = self;
	bool same = span_equal(row->to, SAME);
	const struct entry entry = {.target = same ? row->from : row->to,
	                            .entity = row->entity,
	                            .from = row->from,
	                            .to = same ? NULL : row->to.data,
	                            .valid_from = row->valid_from,
	                            .valid_to = row->valid_to};
	add_entry(same && span_equal(row->from, ANY) ? &reverse->keeping : &reverse->codes, &entry);
	return true;
}

/* A company's own "*" is a row of that company. */
static bool add_company(void *self, const struct mapping_row *row)
{
	struct span company = span_equal(row->from, ANY) ? row->entity : row->from;
	bool same = span_equal(row->to, SAME);
	if (!same || !span_equal(company, ANY))
		add_entry(self, &(struct entry){.target = same ? company : row->to, .from = company});
	return true;
}

static void sort_entries(struct entries *entries)
{
	if (entries->count > 0)
		qsort(entries->list, entries->count, sizeof entries->list[0], by_key_and_date);
}

struct rules_reverse *rules_reverse_new(const struct rules *rules, enum mapping_kind kind)
{
	struct rules_reverse *reverse = mem_alloc(sizeof *reverse);
	CHECK(kind >= 0 && kind < MAPPING_KIND_COUNT && kind != MAPPING_ENTITY);
	reverse->kind = kind;
	if (!rules || !rules_has(rules, kind))
		return reverse;
	reverse->rules = rules;
	rules_visit(rules, kind, add_code, reverse);
	rules_visit(rules, MAPPING_ENTITY, add_company, &reverse->companies);
	sort_entries(&reverse->codes);
	sort_entries(&reverse->companies);
	rules_changes_add(&reverse->changes, rules, kind);
	rules_changes_add(&reverse->changes, rules, MAPPING_ENTITY);
	rules_changes_sort(&reverse->changes);
	return reverse;
}

void rules_reverse_free(struct rules_reverse *reverse)
{
	if (!reverse)
		return;
	free(reverse->codes.list);
	free(reverse->companies.list);
	free(reverse->keeping.list);
	rules_changes_release(&reverse->changes);
	free(reverse);
}

/* The first entry that is not before this target and company. */
static const struct entry *first_entry(const struct entries *entries, struct span target, struct span entity)
{
	const struct entry wanted = {.target = target, .entity = entity};
	size_t low = 0;
	size_t high = entries->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_key(&entries->list[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return entries->list + low;
}

/* ---- a look-up ---- */

struct search {
	const struct rules_reverse *reverse;
	struct span entity, code; /* the cloud's */
	date_days first, last;
	struct span found[RULES_REVERSE_MAX +
	                  1]; /* the smallest, in their order; the last one says that there are more */
	int count;
};

/* Where it stands among those found, or would. */
static int place_of(const struct search *search, struct span code, bool *there)
{
	int place = 0;
	*there = false;
	while (place < search->count && !*there) {
		int order = span_compare(search->found[place], code);
		*there = order == 0;
		if (order >= 0)
			break;
		place++;
	}
	return place;
}

static void add_found(struct search *search, int place, struct span code)
{
	CHECK(place <= RULES_REVERSE_MAX);
	if (search->count <= RULES_REVERSE_MAX)
		search->count++;
	for (int i = search->count - 1; i > place; i--)
		search->found[i] = search->found[i - 1];
	search->found[place] = code;
}

/* Does the company become the cloud's on this day, and its code this one, by the row with the text `to`? */
static bool counts_on(const struct search *search, struct span company, struct span code, const char *to,
                      date_days on)
{
	const struct rules *rules = search->reverse->rules;
	struct span mapped;
	return rules_map(rules, MAPPING_ENTITY, company, company, on, &mapped) &&
	       span_equal(mapped, search->entity) &&
	       rules_map(rules, search->reverse->kind, company, code, on, &mapped) &&
	       mapped.data == (to ? to : code.data) && span_equal(mapped, search->code);
}

static bool counts(const struct search *search, struct span company, struct span code, const char *to,
                   date_days from, date_days until)
{
	const struct rules_changes *changes = &search->reverse->changes;
	date_days date = from > search->first ? from : search->first;
	date_days last = until < search->last ? until : search->last;
	size_t next = rules_changes_after(changes, date);
	while (date <= last) {
		if (counts_on(search, company, code, to, date))
			return true;
		if (next == changes->count)
			break;
		date = changes->dates[next++];
	}
	return false;
}

/* The rows for `entity` (this company, or "*"), as they count for the company. */
static void search_rows(struct search *search, struct span company, struct span entity)
{
	const struct entries *codes = &search->reverse->codes;
	const struct entry *end = codes->list + codes->count;
	for (const struct entry *entry = first_entry(codes, search->code, entity);
	     entry != end && span_equal(entry->target, search->code) && span_equal(entry->entity, entity);
	     entry++) {
		bool there;
		int place = place_of(search, entry->from, &there);
		if (place > RULES_REVERSE_MAX)
			break; /* this and all behind it are beyond the list */
		if (!there &&
		    counts(search, company, entry->from, entry->to, entry->valid_from, entry->valid_to))
			add_found(search, place, entry->from);
	}
}

static void search_company(struct search *search, struct span company)
{
	bool there;
	if (!span_equal(company, ANY))
		search_rows(search, company, company);
	search_rows(search, company, ANY);
	int place = place_of(search, search->code, &there);
	if (!there && place <= RULES_REVERSE_MAX &&
	    counts(search, company, search->code, NULL, INT32_MIN, INT32_MAX))
		add_found(search, place, search->code);
}

/* Companies with rows of their own, any of which may become the cloud's. */
static void search_others(struct search *search)
{
	const struct entries *codes = &search->reverse->codes;
	const struct entries *keeping = &search->reverse->keeping;
	const struct entry *end = codes->list + codes->count;
	const struct entry *entry = first_entry(codes, search->code, (struct span){NULL, 0});
	for (struct span last = ANY; entry != end && span_equal(entry->target, search->code); entry++) {
		if (!span_equal(entry->entity, last) && !span_equal(entry->entity, ANY))
			search_company(search, entry->entity);
		last = entry->entity;
	}
	for (size_t i = 0; i < keeping->count; i++) {
		if (!span_equal(keeping->list[i].entity, ANY))
			search_company(search, keeping->list[i].entity);
	}
}

static void search_companies(struct search *search)
{
	const struct entries *companies = &search->reverse->companies;
	const struct entry *end = companies->list + companies->count;
	const struct entry *entry = first_entry(companies, search->entity, (struct span){NULL, 0});
	search_company(search, search->entity);
	for (struct span last = search->entity; entry != end && span_equal(entry->target, search->entity);
	     entry++) {
		if (!span_equal(entry->from, search->entity) && !span_equal(entry->from, last))
			search_company(search, entry->from);
		if (span_equal(entry->from, ANY) && !span_equal(last, ANY))
			search_others(search);
		last = entry->from;
	}
}

void rules_reverse_list(const struct rules_reverse *reverse, struct span entity, struct span code,
                        date_days first, date_days last, struct buf *out)
{
	struct search search = {
	    .reverse = reverse, .entity = entity, .code = code, .first = first, .last = last};
	CHECK(first <= last);
	if (code.len == 0)
		return;
	if (!reverse->rules) {
		buf_append_span(out, code);
		return;
	}
	search_companies(&search);
	for (int i = 0; i < search.count; i++) {
		if (i > 0)
			buf_append_char(out, ' ');
		if (i < RULES_REVERSE_MAX)
			buf_append_span(out, search.found[i]);
		else
			buf_append_text(out, "...");
	}
}
