/*
 * report_pick.c - the first rows of a table by value.
 *
 * Why:   see report_pick.h.
 * Owns:  see report_pick.h.
 * Rules: while rows are offered a list is a heap with its least row in front, which the next greater one replaces.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void picks_init(struct picks *picks, size_t room)
{
	CHECK(room > 0);
	*picks = (struct picks){.room = room};
}

static void free_from(struct pick_list *list, size_t first)
{
	for (size_t i = first; i < list->count; i++)
		free(list->picks[i].text);
	list->count = first < list->count ? first : list->count;
}

void picks_release(struct picks *picks)
{
	for (size_t i = 0; i < picks->count; i++) {
		free_from(&picks->lists[i], 0);
		free(picks->lists[i].picks);
	}
	*picks = (struct picks){0};
}

/* Positive: a stands before b. */
static int compare(const struct pick *a, const struct pick *b)
{
	int by_rank = decimal_compare(a->rank, b->rank);
	if (by_rank == 0)
		by_rank = decimal_compare(a->second, b->second);
	return by_rank != 0 ? by_rank : (a->order < b->order) - (a->order > b->order);
}

static void swap(struct pick *a, struct pick *b)
{
	struct pick held = *a;
	*a = *b;
	*b = held;
}

static void sift_up(struct pick_list *list)
{
	for (size_t at = list->count - 1; at > 0;) {
		size_t parent = (at - 1) / 2;
		if (compare(&list->picks[at], &list->picks[parent]) >= 0)
			return;
		swap(&list->picks[at], &list->picks[parent]);
		at = parent;
	}
}

static void sift_down(struct pick_list *list)
{
	for (size_t at = 0;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < list->count; child++) {
			if (compare(&list->picks[child], &list->picks[least]) < 0)
				least = child;
		}
		if (least == at)
			return;
		swap(&list->picks[at], &list->picks[least]);
		at = least;
	}
}

static struct pick_list *list_of(struct picks *picks, const char *currency)
{
	for (size_t i = 0; i < picks->count; i++) {
		if (strcmp(picks->lists[i].currency, currency) == 0)
			return &picks->lists[i];
	}
	bool last = picks->count >= PICKS_CURRENCIES_MAX - 1;
	if (picks->count == PICKS_CURRENCIES_MAX)
		return &picks->lists[PICKS_CURRENCIES_MAX - 1];
	struct pick_list *list = &picks->lists[picks->count++];
	(void)snprintf(list->currency, sizeof list->currency, "%s", last ? "others" : currency);
	return list;
}

void picks_offer(struct picks *picks, const char *currency, struct decimal rank, struct decimal second,
                 int64_t order, struct span text)
{
	struct pick_list *list = list_of(picks, currency);
	bool mixed = list == &picks->lists[PICKS_CURRENCIES_MAX - 1];
	struct pick pick = {mixed ? (struct decimal){0, 0} : rank, mixed ? (struct decimal){0, 0} : second,
	                    order, NULL};
	list->seen++;
	picks->seen++;
	if (list->count == picks->room) {
		if (compare(&pick, &list->picks[0]) < 0)
			return;
		free(list->picks[0].text);
		pick.text = mem_copy_text(text);
		list->picks[0] = pick;
		sift_down(list);
		return;
	}
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 16;
		list->picks = mem_grow(list->picks, list->capacity * sizeof *list->picks);
	}
	pick.text = mem_copy_text(text);
	list->picks[list->count++] = pick;
	sift_up(list);
}

static int by_rank(const void *a, const void *b)
{
	return -compare(a, b);
}

static int by_order(const void *a, const void *b)
{
	const struct pick *left = a;
	const struct pick *right = b;
	return (left->order > right->order) - (left->order < right->order);
}

static int by_currency(const void *a, const void *b)
{
	const struct pick_list *left = a;
	const struct pick_list *right = b;
	return strcmp(left->currency, right->currency);
}

/* The greatest number of rows a list may have so that all together fit. */
static size_t share(const struct picks *picks)
{
	size_t each = picks->room;
	for (size_t total = SIZE_MAX; total > picks->room;) {
		total = 0;
		for (size_t i = 0; i < picks->count; i++)
			total += picks->lists[i].count < each ? picks->lists[i].count : each;
		if (total > picks->room && each == 1)
			return 1;
		each -= total > picks->room;
	}
	return each;
}

void picks_finish(struct picks *picks)
{
	size_t each = share(picks);
	for (size_t i = 0; i < picks->count; i++) {
		struct pick_list *list = &picks->lists[i];
		qsort(list->picks, list->count, sizeof *list->picks, by_rank);
		free_from(list, each);
	}
	qsort(picks->lists, picks->count, sizeof picks->lists[0], by_currency);
}

void picks_in_order(struct picks *picks)
{
	for (size_t i = 0; i < picks->count; i++)
		qsort(picks->lists[i].picks, picks->lists[i].count, sizeof *picks->lists[i].picks, by_order);
}
