/*
 * cause_groups.c - differences of one cause and detail together, and the conditions that hold for most of the value.
 *
 * Why:   a Pareto by cause says what went wrong; the conditions say where to look.
 * Owns:  struct cause_groups_state: groups, cells, words.
 * Rules: 1. A cell is a combination of one value for each dimension and the currency, with count and gross value.
 *           Where there are CAUSE_CELLS_MAX, the smaller half goes, into what is uncovered: shares are never too
 *           large.
 *        2. Findings: for each currency, the pair of conditions that covers most of what is left. Pairs, and single
 *           conditions after them, stand in an order of use (table below); a later one is taken only if it covers
 *           NOTABLY_PPM of the value more. What is the same for all that differs (one user, one period) is no
 *           condition by itself. A pair that covers less than WORTH_PPM ends the list.
 *        3. Words (codes) are kept once; over CAUSE_WORDS_MAX a code is the empty word, which is no condition.
 * Faults: none.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_groups_test.c
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/cause_internal.h"

#define NOTABLY_PPM     50000  /* 5 % */
#define WORTH_PPM       100000 /* 10 % */
#define CURRENCY_COLUMN CAUSE_DIMENSION_COUNT
#define COLUMNS         (CAUSE_DIMENSION_COUNT + 1)
#define GROUPS_ALL_MAX  (2 * CAUSE_GROUPS_MAX) /* with the groups "other", one for each cause and currency */
#define PERIOD_TEXT     16

struct group {
	uint64_t hash; /* of what it is a group of */
	struct cause_group shown;
	char *texts; /* entity, currency, detail, text: each with its zero */
	char *examples[CAUSE_EXAMPLES_MAX];
};

/* Words by number; 0 is the empty one. */
struct words {
	char **list;
	int count;
	int capacity;
	int *places; /* open addressing: number, 0 free; CAUSE_WORDS_MAX * 2 of them */
};

struct cell {
	int word[COLUMNS];
	int64_t count;
	int64_t gross;
	int digits;
	bool covered;
};

struct cause_groups_state {
	struct group groups[GROUPS_ALL_MAX];
	int group_count;
	struct cause_group *shown;
	struct words words;
	struct cell *cells;
	int *cell_places; /* open addressing: index + 1, 0 free; CAUSE_CELLS_MAX * 2 of them */
	int cell_count;
	/* By currency: what was added, pruned cells too. */
	struct {
		int currency;
		int64_t count;
		int64_t gross;
	} totals[CAUSE_GROUPS_MAX];
	int total_count;
};

static const char *const dimension_names[CAUSE_DIMENSION_COUNT] = {
#define DIMENSION_NAME(identifier, name, word) name,
    CAUSE_DIMENSIONS(DIMENSION_NAME)
#undef DIMENSION_NAME
};

static const char *const dimension_words[CAUSE_DIMENSION_COUNT] = {
#define DIMENSION_WORD(identifier, name, word) word,
    CAUSE_DIMENSIONS(DIMENSION_WORD)
#undef DIMENSION_WORD
};

#define BY(a, b)                           \
	{                                  \
		CAUSE_BY_##a, CAUSE_BY_##b \
	}
#define ALONE(a)                                    \
	{                                           \
		CAUSE_BY_##a, CAUSE_DIMENSION_COUNT \
	}
/* Where, and what exactly, first; who, when and which kind only beside one of those. */
static const enum cause_dimension useful[][2] = {
    BY(ENTITY, TAX_CODE),
    BY(ENTITY, ACCOUNT),
    BY(ENTITY, COST_CENTRE),
    BY(ENTITY, USER),
    BY(TAX_CODE, ACCOUNT),
    BY(TAX_CODE, COST_CENTRE),
    BY(ACCOUNT, COST_CENTRE),
    BY(TAX_CODE, USER),
    BY(ACCOUNT, USER),
    BY(COST_CENTRE, USER),
    BY(ENTITY, PERIOD),
    BY(TAX_CODE, PERIOD),
    BY(ACCOUNT, PERIOD),
    BY(COST_CENTRE, PERIOD),
    BY(ENTITY, DOCUMENT_TYPE),
    BY(TAX_CODE, DOCUMENT_TYPE),
    BY(ACCOUNT, DOCUMENT_TYPE),
    BY(COST_CENTRE, DOCUMENT_TYPE),
    ALONE(TAX_CODE),
    ALONE(ACCOUNT),
    ALONE(COST_CENTRE),
    ALONE(USER),
    ALONE(ENTITY),
    ALONE(PERIOD),
    ALONE(DOCUMENT_TYPE),
};
#undef ALONE
#undef BY
#define USEFUL_COUNT (sizeof useful / sizeof useful[0])

const char *cause_dimension_name(enum cause_dimension dimension)
{
	CHECK(dimension < CAUSE_DIMENSION_COUNT);
	return dimension_names[dimension];
}

struct cause_groups_state *groups_new(void)
{
	struct cause_groups_state *state = mem_alloc(sizeof *state);
	state->words.places = mem_alloc((size_t)CAUSE_WORDS_MAX * 2 * sizeof *state->words.places);
	state->cells = mem_alloc((size_t)CAUSE_CELLS_MAX * sizeof *state->cells);
	state->cell_places = mem_alloc((size_t)CAUSE_CELLS_MAX * 2 * sizeof *state->cell_places);
	return state;
}

void groups_free(struct cause_groups_state *state)
{
	if (state == NULL)
		return;
	for (int i = 0; i < state->group_count; i++) {
		free(state->groups[i].texts);
		for (int j = 0; j < CAUSE_EXAMPLES_MAX; j++)
			free(state->groups[i].examples[j]);
	}
	for (int i = 0; i < state->words.count; i++)
		free(state->words.list[i]);
	free(state->words.list);
	free(state->words.places);
	free(state->cells);
	free(state->cell_places);
	free(state->shown);
	free(state);
}

/* The number of the word; 0 for the empty one, and where there is no more room. */
static int word_of(struct words *words, struct span text)
{
	if (text.len == 0)
		return 0;
	size_t at = (size_t)hash_bytes(HASH_BEGIN, text.data, text.len);
	int *place;
	for (;; at++) {
		place = &words->places[at % ((size_t)CAUSE_WORDS_MAX * 2)];
		if (*place == 0)
			break;
		if (span_equal(span_of(words->list[*place - 1]), text))
			return *place;
	}
	if (words->count == CAUSE_WORDS_MAX)
		return 0;
	if (words->count == words->capacity) {
		words->capacity = words->capacity > 0 ? 2 * words->capacity : 64;
		words->list = mem_grow(words->list, (size_t)words->capacity * sizeof *words->list);
	}
	words->list[words->count++] = mem_copy_text(text);
	*place = words->count;
	return words->count;
}

static const char *word_at(const struct words *words, int number)
{
	return number == 0 || number == INT_MAX ? "" : words->list[number - 1];
}

static int *place_of(struct cause_groups_state *state, const int word[COLUMNS])
{
	size_t at = (size_t)hash_bytes(HASH_BEGIN, word, COLUMNS * sizeof word[0]);
	for (;; at++) {
		int *place = &state->cell_places[at % ((size_t)CAUSE_CELLS_MAX * 2)];
		if (*place == 0 || memcmp(state->cells[*place - 1].word, word, COLUMNS * sizeof word[0]) == 0)
			return place;
	}
}

/* The greater value first; then the greater count; then by words, so that the order is one. */
static int compare_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	if (x->gross != y->gross)
		return x->gross > y->gross ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return memcmp(x->word, y->word, sizeof x->word);
}

static void prune(struct cause_groups_state *state)
{
	qsort(state->cells, (size_t)state->cell_count, sizeof *state->cells, compare_cells);
	state->cell_count /= 2;
	memset(state->cell_places, 0, (size_t)CAUSE_CELLS_MAX * 2 * sizeof *state->cell_places);
	for (int i = 0; i < state->cell_count; i++)
		*place_of(state, state->cells[i].word) = i + 1;
}

static void add_total(struct cause_groups_state *state, int currency, int64_t gross)
{
	int i = 0;
	while (i < state->total_count && state->totals[i].currency != currency)
		i++;
	if (i == CAUSE_GROUPS_MAX)
		return;
	if (i == state->total_count)
		state->totals[state->total_count++].currency = currency;
	state->totals[i].count++;
	state->totals[i].gross = clamped_add(state->totals[i].gross, gross);
}

/* The line with the most of the difference: of two views that with the greatest delta, else the greatest line. */
static const struct view_line *line_for(struct cause_book *book, const struct cause_evidence *evidence)
{
	const struct view_line *best = NULL;
	int64_t best_size = -1;
	if (evidence->status == CAUSE_OF_DIFFERENT && evidence->legacy != NULL && evidence->cloud != NULL) {
		shape_read(book, evidence);
		const struct delta *delta = shape_largest(&book->shape);
		return delta == NULL ? NULL : delta->legacy != NULL ? delta->legacy : delta->cloud;
	}
	const struct view *view = evidence->legacy != NULL ? evidence->legacy : evidence->cloud;
	for (int i = 0; i < view->line_count; i++) {
		int64_t size = clamped_add(magnitude(view->lines[i].debit), magnitude(view->lines[i].credit));
		if (size > best_size) {
			best = &view->lines[i];
			best_size = size;
		}
	}
	return best;
}

struct amounts {
	int64_t gross, net;
};

static struct amounts amounts_of(const struct cause_evidence *evidence)
{
	struct amounts amounts = {0, 0};
	if (evidence->status == CAUSE_OF_DIFFERENT && evidence->pair != NULL) {
		amounts.gross = evidence->pair->gross_delta;
		amounts.net = evidence->pair->net_delta;
	} else if (evidence->status == CAUSE_OF_MISSING_CLOUD && evidence->legacy != NULL) {
		amounts.net = evidence->legacy->total == INT64_MIN ? INT64_MAX : -evidence->legacy->total;
		amounts.gross = magnitude(amounts.net);
	} else if (evidence->cloud != NULL && evidence->status != CAUSE_OF_DIFFERENT) {
		amounts.net = evidence->cloud->total;
		amounts.gross = magnitude(amounts.net);
	}
	return amounts;
}

static void add_cell(struct cause_book *book, const struct cause_evidence *evidence, const struct view *view,
                     int64_t gross)
{
	struct cause_groups_state *state = book->groups;
	char period[PERIOD_TEXT];
	const struct view_line *line = line_for(book, evidence);
	(void)snprintf(period, sizeof period, "%04d-%02d", view->period / 100, view->period % 100);
	int word[COLUMNS] = {
	    [CAUSE_BY_ENTITY] = word_of(&state->words, view->entity),
	    [CAUSE_BY_TAX_CODE] = line == NULL ? 0 : word_of(&state->words, line->tax_code),
	    /* The account of a tax line is none. */
	    [CAUSE_BY_ACCOUNT] =
		line == NULL || line->kind == VIEW_LINE_TAX ? 0 : word_of(&state->words, line->account),
	    [CAUSE_BY_COST_CENTRE] = line == NULL ? 0 : word_of(&state->words, line->cost_centre),
	    [CAUSE_BY_USER] = word_of(&state->words, evidence->user),
	    [CAUSE_BY_PERIOD] = view->period == 0 ? 0 : word_of(&state->words, span_of(period)),
	    [CAUSE_BY_DOCUMENT_TYPE] = word_of(&state->words, span_of(document_spec(view->type)->name)),
	    [CURRENCY_COLUMN] = word_of(&state->words, view->currency),
	};
	add_total(state, word[CURRENCY_COLUMN], gross);
	int *place = place_of(state, word);
	if (*place == 0) {
		if (state->cell_count == CAUSE_CELLS_MAX) {
			prune(state);
			place = place_of(state, word);
		}
		struct cell *cell = &state->cells[state->cell_count];
		*cell = (struct cell){.digits = view->digits};
		memcpy(cell->word, word, sizeof cell->word);
		*place = ++state->cell_count;
	}
	state->cells[*place - 1].count++;
	state->cells[*place - 1].gross = clamped_add(state->cells[*place - 1].gross, gross);
}

static uint64_t hash_of(enum cause cause, struct span entity, struct span currency, struct span detail)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, &cause, sizeof cause);
	const struct span parts[] = {entity, currency, detail};
	for (int i = 0; i < 3; i++)
		hash = hash_bytes(hash_bytes(hash, &parts[i].len, sizeof parts[i].len), parts[i].data,
		                  parts[i].len);
	return hash;
}

static struct group *find_group(struct cause_groups_state *state, enum cause cause, struct span entity,
                                struct span currency, struct span detail)
{
	uint64_t hash = hash_of(cause, entity, currency, detail);
	for (int i = 0; i < state->group_count; i++) {
		struct cause_group *group = &state->groups[i].shown;
		if (state->groups[i].hash == hash && group->cause == cause &&
		    span_equal(span_of(group->detail), detail) &&
		    span_equal(span_of(group->entity), entity) &&
		    span_equal(span_of(group->currency), currency))
			return &state->groups[i];
	}
	return NULL;
}

static struct group *add_group(struct cause_groups_state *state, const struct cause_name *name,
                               struct span entity, struct span currency, const char *detail, const char *text)
{
	struct group *group = &state->groups[state->group_count++];
	struct span parts[] = {entity, currency, span_of(detail), span_of(text)};
	size_t at[4], len = 0;
	group->hash = hash_of(name->cause, entity, currency, parts[2]);
	group->texts = mem_alloc(entity.len + currency.len + parts[2].len + parts[3].len + 4);
	for (int i = 0; i < 4; i++) {
		at[i] = len;
		if (parts[i].len > 0)
			memcpy(group->texts + len, parts[i].data, parts[i].len);
		len += parts[i].len + 1;
	}
	group->shown = (struct cause_group){.cause = name->cause,
	                                    .entity = group->texts + at[0],
	                                    .currency = group->texts + at[1],
	                                    .detail = group->texts + at[2],
	                                    .text = group->texts + at[3]};
	return group;
}

/* Room for groups "other" is kept; where even that is taken (over a thousand currencies), the last one takes all. */
static struct group *group_for(struct cause_groups_state *state, const struct cause_name *name,
                               const struct view *view)
{
	struct span none = SPAN_LITERAL("");
	struct group *group =
	    find_group(state, name->cause, view->entity, view->currency, span_of(name->detail));
	if (group != NULL)
		return group;
	if (state->group_count < CAUSE_GROUPS_MAX)
		return add_group(state, name, view->entity, view->currency, name->detail, name->text);
	group = find_group(state, name->cause, none, view->currency, SPAN_LITERAL("other"));
	if (group != NULL || state->group_count == GROUPS_ALL_MAX)
		return group;
	return add_group(state, name, none, view->currency, "other", cause_sentence(name->cause));
}

void cause_add(struct cause_book *book, const struct cause_evidence *evidence, const struct cause_name *name)
{
	const struct view *view = evidence->legacy != NULL ? evidence->legacy : evidence->cloud;
	CHECK(view != NULL);
	struct amounts amounts = amounts_of(evidence);
	struct group *group = group_for(book->groups, name, view);
	add_cell(book, evidence, view, amounts.gross);
	if (group == NULL)
		return;
	struct cause_group *shown = &group->shown;
	shown->count++;
	shown->gross = clamped_add(shown->gross, amounts.gross);
	shown->net = clamped_add(shown->net, amounts.net);
	shown->digits = view->digits;
	if (shown->examples < CAUSE_EXAMPLES_MAX) {
		group->examples[shown->examples] = mem_copy_text(span_of(view->subject));
		shown->example[shown->examples] = group->examples[shown->examples];
		shown->examples++;
	}
}

static int compare_groups(const void *a, const void *b)
{
	const struct cause_group *x = a, *y = b;
	int order = strcmp(x->currency, y->currency);
	if (order == 0 && x->gross != y->gross)
		order = x->gross > y->gross ? -1 : 1;
	if (order == 0 && x->count != y->count)
		order = x->count > y->count ? -1 : 1;
	if (order == 0)
		order = (int)x->cause - (int)y->cause;
	if (order == 0)
		order = strcmp(x->entity, y->entity);
	return order != 0 ? order : strcmp(x->detail, y->detail);
}

int cause_groups(struct cause_book *book, const struct cause_group **groups)
{
	struct cause_groups_state *state = book->groups;
	size_t count = (size_t)state->group_count;
	state->shown = mem_grow(state->shown, (count + 1) * sizeof *state->shown);
	for (size_t i = 0; i < count; i++)
		state->shown[i] = state->groups[i].shown;
	qsort(state->shown, count, sizeof *state->shown, compare_groups);
	*groups = state->shown;
	return state->group_count;
}

/* The value of each pair of words in two columns, over the cells of a currency that are not covered. */
struct sum {
	int word[2];
	int64_t gross;
	int64_t count;
	int digits;
};

struct search {
	struct cause_groups_state *state;
	int currency;
	struct sum *sums; /* CAUSE_CELLS_MAX * 2, open addressing */
	bool varies[CAUSE_DIMENSION_COUNT];
};

/* All of the currency that differs has one value there: then it may be that everything has. */
static void find_varying(struct search *search)
{
	const struct cell *first = NULL;
	memset(search->varies, 0, sizeof search->varies);
	for (int i = 0; i < search->state->cell_count; i++) {
		const struct cell *cell = &search->state->cells[i];
		if (cell->word[CURRENCY_COLUMN] != search->currency)
			continue;
		if (first == NULL)
			first = cell;
		for (int j = 0; j < CAUSE_DIMENSION_COUNT; j++)
			search->varies[j] = search->varies[j] || cell->word[j] != first->word[j];
	}
}

static bool tells(const struct search *search, const enum cause_dimension dimensions[2])
{
	bool alone = dimensions[1] == CAUSE_DIMENSION_COUNT;
	enum cause_dimension weaker = alone ? dimensions[0] : dimensions[1];
	return (!alone && weaker < CAUSE_BY_USER) || search->varies[weaker];
}

/* The second condition may be none, which holds for every cell. */
static int word_in(const struct cell *cell, enum cause_dimension dimension)
{
	return dimension == CAUSE_DIMENSION_COUNT ? INT_MAX : cell->word[dimension];
}

static struct sum *sum_of(struct search *search, int a, int b)
{
	int words[2] = {a, b};
	size_t at = (size_t)hash_bytes(HASH_BEGIN, words, sizeof words);
	for (;; at++) {
		struct sum *sum = &search->sums[at % ((size_t)CAUSE_CELLS_MAX * 2)];
		if (sum->count == 0 || (sum->word[0] == a && sum->word[1] == b)) {
			sum->word[0] = a;
			sum->word[1] = b;
			return sum;
		}
	}
}

/* The pair of values of these two dimensions that covers most; its count is 0 where there is none. */
static struct sum best_of(struct search *search, const enum cause_dimension dimensions[2])
{
	struct sum best = {0};
	const struct words *words = &search->state->words;
	memset(search->sums, 0, (size_t)CAUSE_CELLS_MAX * 2 * sizeof *search->sums);
	for (int i = 0; i < search->state->cell_count; i++) {
		const struct cell *cell = &search->state->cells[i];
		int a = word_in(cell, dimensions[0]), b = word_in(cell, dimensions[1]);
		if (cell->covered || cell->word[CURRENCY_COLUMN] != search->currency || a == 0 || b == 0)
			continue;
		struct sum *sum = sum_of(search, a, b);
		sum->gross = clamped_add(sum->gross, cell->gross);
		sum->count += cell->count;
		sum->digits = cell->digits;
	}
	for (int i = 0; i < CAUSE_CELLS_MAX * 2; i++) {
		const struct sum *sum = &search->sums[i];
		if (sum->count == 0 || sum->gross < best.gross)
			continue;
		/* Of equal ones the first by name, so that the answer does not depend on the order of documents. */
		int order = best.count == 0 || sum->gross > best.gross
		                ? -1
		                : strcmp(word_at(words, sum->word[0]), word_at(words, best.word[0]));
		if (order == 0)
			order = strcmp(word_at(words, sum->word[1]), word_at(words, best.word[1]));
		if (order < 0)
			best = *sum;
	}
	return best;
}

static void cover(struct search *search, const enum cause_dimension dimensions[2], const struct sum *sum)
{
	for (int i = 0; i < search->state->cell_count; i++) {
		struct cell *cell = &search->state->cells[i];
		if (cell->word[CURRENCY_COLUMN] == search->currency &&
		    word_in(cell, dimensions[0]) == sum->word[0] &&
		    word_in(cell, dimensions[1]) == sum->word[1])
			cell->covered = true;
	}
}

static int share_of(int64_t part, int64_t total)
{
	__extension__ typedef unsigned __int128 wide;
	return total <= 0 ? 0 : (int)((wide)part * ROUNDING_PPM / (wide)total);
}

static void word_finding(struct cause_finding *finding)
{
	bool two = finding->dimension[1] != CAUSE_DIMENSION_COUNT;
	(void)snprintf(finding->text, sizeof finding->text,
	               "%s %s%s%s%s%s %s %d %% of the value in %s (%lld %s)",
	               dimension_words[finding->dimension[0]], finding->value[0], two ? " and " : "",
	               two ? dimension_words[finding->dimension[1]] : "", two ? " " : "", finding->value[1],
	               two ? "explain" : "explains", finding->share_ppm / 10000, finding->currency,
	               (long long)finding->count, finding->count == 1 ? "document" : "documents");
}

/* The next finding of this currency; false: nothing that is worth telling is left. */
static bool next_finding(struct search *search, int64_t total, struct cause_finding *finding)
{
	struct sum best = {0};
	size_t chosen = 0;
	for (size_t i = 0; i < USEFUL_COUNT; i++) {
		if (!tells(search, useful[i]))
			continue;
		struct sum sum = best_of(search, useful[i]);
		int more = share_of(sum.gross, total) - share_of(best.gross, total);
		if (sum.count > 0 && (best.count == 0 || more > NOTABLY_PPM)) {
			best = sum;
			chosen = i;
		}
	}
	if (best.count == 0 || share_of(best.gross, total) < WORTH_PPM)
		return false;
	const struct words *words = &search->state->words;
	*finding = (struct cause_finding){
	    .currency = word_at(words, search->currency),
	    .dimension = {useful[chosen][0], useful[chosen][1]},
	    .value = {word_at(words, best.word[0]), word_at(words, best.word[1])},
	    .count = best.count,
	    .gross = best.gross,
	    .total = total,
	    .digits = best.digits,
	    .share_ppm = share_of(best.gross, total),
	};
	word_finding(finding);
	cover(search, useful[chosen], &best);
	return true;
}

int cause_findings(struct cause_book *book, struct cause_finding *findings, int max)
{
	struct cause_groups_state *state = book->groups;
	struct search search = {.state = state};
	int count = 0;
	search.sums = mem_alloc((size_t)CAUSE_CELLS_MAX * 2 * sizeof *search.sums);
	for (int i = 0; i < state->cell_count; i++)
		state->cells[i].covered = false;
	/* Currencies by name. */
	for (const char *after = NULL;;) {
		int next = -1;
		for (int i = 0; i < state->total_count; i++) {
			const char *currency = word_at(&state->words, state->totals[i].currency);
			if (state->totals[i].gross > 0 && (after == NULL || strcmp(currency, after) > 0) &&
			    (next < 0 ||
			     strcmp(currency, word_at(&state->words, state->totals[next].currency)) < 0))
				next = i;
		}
		if (next < 0)
			break;
		search.currency = state->totals[next].currency;
		after = word_at(&state->words, search.currency);
		find_varying(&search);
		while (count < max && next_finding(&search, state->totals[next].gross, &findings[count]))
			count++;
	}
	free(search.sums);
	return count;
}
