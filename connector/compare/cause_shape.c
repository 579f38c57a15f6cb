/*
 * cause_shape.c - what is different between two views, as figures: lines, header, attributes; and which lines moved.
 *
 * Why:   every rule asks the same questions; they are answered once.
 * Owns:  nothing; the shape is the book's and borrows from the views.
 * Rules: 1. The views themselves are compared, not the list of the pair, which is cut. The pair says what is
 *           tolerated.
 *        2. A line moved if another one of the same kind lost all that it gained: debit, credit, local amount, base.
 *           Of several the nearest is taken (fewest parts of the key change), then the pair seen most often.
 *        3. Where one line gained just what several lost, or the other way round, that is a move of each of them.
 * Faults: numbers that cannot be subtracted make the shape `wild`, and it proves nothing.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_test.c, cause_amounts_test.c
 */
#include "connector/compare/cause_internal.h"

#include <string.h>

int64_t clamped_add(int64_t a, int64_t b)
{
	int64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t magnitude(int64_t a)
{
	if (a == INT64_MIN)
		return INT64_MAX;
	return a < 0 ? -a : a;
}

struct span shape_part(const struct view_line *line, enum fact_kind kind)
{
	switch (kind) {
	case FACT_ENTITY:
		return line->entity;
	case FACT_ACCOUNT:
		return line->account;
	case FACT_COST_CENTRE:
		return line->cost_centre;
	default:
		CHECK(kind == FACT_TAX_CODE);
		return line->tax_code;
	}
}

static const struct view_line *line_of(const struct delta *delta)
{
	return delta->legacy != NULL ? delta->legacy : delta->cloud;
}

static void subtract(struct shape *shape, int64_t *out, int64_t cloud, int64_t legacy)
{
	if (__builtin_sub_overflow(cloud, legacy, out)) {
		shape->wild = true;
		*out = cloud < legacy ? INT64_MIN : INT64_MAX;
	}
}

/* Takes out what the pair says is tolerated. */
static void forgive(struct delta *delta, const struct pair *pair)
{
	const struct view_line *line = line_of(delta);
	for (int i = 0; pair != NULL && i < pair->kept; i++) {
		const struct pair_difference *difference = &pair->differences[i];
		if (!difference->tolerated || difference->lane != LANE_AMOUNT ||
		    !span_equal(difference->account, line->account) ||
		    !span_equal(difference->cost_centre, line->cost_centre) ||
		    !span_equal(difference->tax_code, line->tax_code))
			continue;
		if (strcmp(difference->field, "debit") == 0)
			delta->debit = 0;
		else if (strcmp(difference->field, "credit") == 0)
			delta->credit = 0;
		else if (strcmp(difference->field, "local") == 0)
			delta->local = 0;
		else if (strcmp(difference->field, "tax_base") == 0)
			delta->base = 0;
	}
}

static void note_line(struct shape *shape, const struct view_line *legacy, const struct view_line *cloud,
                      const struct pair *pair)
{
	static const struct view_line none;
	const struct view_line *from = legacy != NULL ? legacy : &none;
	const struct view_line *to = cloud != NULL ? cloud : &none;
	struct delta delta = {.legacy = legacy, .cloud = cloud};
	subtract(shape, &delta.debit, to->debit, from->debit);
	subtract(shape, &delta.credit, to->credit, from->credit);
	subtract(shape, &delta.base, to->beside[VIEW_BESIDE_BASE], from->beside[VIEW_BESIDE_BASE]);
	if ((legacy == NULL || legacy->has_local) && (cloud == NULL || cloud->has_local))
		subtract(shape, &delta.local, to->local, from->local);
	else if (legacy != NULL && cloud != NULL && legacy->has_local != cloud->has_local)
		shape->local_absent = true;
	for (int i = VIEW_BESIDE_BASE + 1; i < VIEW_BESIDE_COUNT; i++)
		delta.beside = delta.beside || to->beside[i] != from->beside[i];
	forgive(&delta, pair);
	delta.beside = delta.beside || (delta.local == 0 && to->local_debit != from->local_debit &&
	                                from->has_local && to->has_local);
	if (delta.debit == 0 && delta.credit == 0 && delta.base == 0 && delta.local == 0 && !delta.beside)
		return;
	delta.size = clamped_add(magnitude(delta.debit), magnitude(delta.credit));
	bool in_document = delta.size > 0 || delta.base != 0 || delta.beside;
	shape->lines_differ = shape->lines_differ || in_document;
	shape->local_differs = shape->local_differs || delta.local != 0;
	if (shape->delta_count < DELTAS_MAX)
		shape->deltas[shape->kept++] = delta;
	else
		shape->wild = true;
	shape->delta_count++;
}

static void read_lines(struct cause_book *book, const struct cause_evidence *evidence)
{
	const struct view *legacy = evidence->legacy, *cloud = evidence->cloud;
	int i = 0, j = 0;
	while (i < legacy->line_count || j < cloud->line_count) {
		int order = i == legacy->line_count  ? 1
		            : j == cloud->line_count ? -1
		                                     : view_line_order(&legacy->lines[i], &cloud->lines[j]);
		const struct view_line *from = order <= 0 ? &legacy->lines[i++] : NULL;
		const struct view_line *to = order >= 0 ? &cloud->lines[j++] : NULL;
		note_line(&book->shape, from, to, evidence->pair);
	}
}

static bool tolerated(const struct pair *pair, const char *field)
{
	for (int i = 0; pair != NULL && i < pair->kept; i++) {
		const struct pair_difference *difference = &pair->differences[i];
		if (difference->tolerated && difference->account.len == 0 &&
		    strcmp(difference->field, field) == 0)
			return true;
	}
	return false;
}

static void read_header(struct shape *shape, const struct cause_evidence *evidence)
{
	static const char *const fields[VIEW_AMOUNT_COUNT] = {"net", "tax", "gross"};
	static const char *const local_fields[VIEW_AMOUNT_COUNT] = {"net_local", "tax_local", "gross_local"};
	const struct view *legacy = evidence->legacy, *cloud = evidence->cloud;
	bool payment = legacy->type == DOCUMENT_PAYMENT;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		shape->header_absent = shape->header_absent || legacy->has_amount[i] != cloud->has_amount[i];
		shape->local_absent =
		    shape->local_absent || legacy->has_local_amount[i] != cloud->has_local_amount[i];
		if (!tolerated(evidence->pair, payment ? "amount" : fields[i]))
			subtract(shape, &shape->header[i], cloud->amounts[i], legacy->amounts[i]);
		if (legacy->has_local_amount[i] && cloud->has_local_amount[i] &&
		    !tolerated(evidence->pair, payment ? "amount_local" : local_fields[i]))
			subtract(shape, &shape->header_local[i], cloud->local_amounts[i],
			         legacy->local_amounts[i]);
		shape->header_differs = shape->header_differs || shape->header[i] != 0;
		shape->header_local_differs = shape->header_local_differs || shape->header_local[i] != 0;
	}
	shape->local_differs = shape->local_differs || shape->header_local_differs;
	shape->type = legacy->type != cloud->type;
	shape->voided = legacy->voided != cloud->voided;
	shape->entity = !span_equal(legacy->entity, cloud->entity);
	shape->currency = !span_equal(legacy->currency, cloud->currency);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		uint64_t bit = UINT64_C(1) << i;
		if ((legacy->compared & VIEW_TEXT_ATTRIBUTES & bit) != 0 &&
		    !span_equal(legacy->attributes[i], cloud->attributes[i]))
			shape->attributes |= bit;
	}
}

static bool opposite(const struct delta *a, const struct delta *b)
{
	return line_of(a)->kind == line_of(b)->kind && !a->beside && !b->beside && a->debit == -b->debit &&
	       a->credit == -b->credit && a->local == -b->local && a->base == -b->base;
}

/* Did the line lose (rather than gain)? Amounts only move away from where they were. */
static bool lost(const struct delta *delta)
{
	return delta->debit <= 0 && delta->credit >= 0 && (delta->debit < 0 || delta->credit > 0);
}

static bool gained(const struct delta *delta)
{
	return delta->debit >= 0 && delta->credit <= 0 && (delta->debit > 0 || delta->credit < 0);
}

/* How many parts of the key are other ones. */
static int distance(const struct delta *a, const struct delta *b)
{
	int parts = 0;
	for (int kind = 0; kind < FACT_LINE_KINDS; kind++)
		parts += !span_equal(shape_part(line_of(a), (enum fact_kind)kind),
		                     shape_part(line_of(b), (enum fact_kind)kind));
	return parts;
}

static void add_move(struct shape *shape, enum fact_kind kind, struct span from, struct span to)
{
	if (span_equal(from, to))
		return;
	for (int i = 0; i < shape->move_count; i++) {
		if (shape->moves[i].kind == kind && span_equal(shape->moves[i].from, from) &&
		    span_equal(shape->moves[i].to, to))
			return;
	}
	if (shape->move_count < MOVES_MAX)
		shape->moves[shape->move_count++] = (struct move){kind, from, to};
}

static void join(struct shape *shape, struct delta *from, struct delta *to)
{
	for (int kind = 0; kind < FACT_LINE_KINDS; kind++)
		add_move(shape, (enum fact_kind)kind, shape_part(line_of(from), (enum fact_kind)kind),
		         shape_part(line_of(to), (enum fact_kind)kind));
	from->moved = true;
	to->moved = true;
}

/* How often what this move says was seen. */
static int64_t experience(const struct cause_book *book, struct span entity, const struct delta *from,
                          const struct delta *to)
{
	int64_t least = INT64_MAX;
	for (int i = 0; i < FACT_LINE_KINDS; i++) {
		enum fact_kind kind = (enum fact_kind)i;
		struct span a = shape_part(line_of(from), kind), b = shape_part(line_of(to), kind);
		int64_t seen = span_equal(a, b) ? INT64_MAX : facts_of(&book->moves, kind, entity, a, b);
		least = seen < least ? seen : least;
	}
	return least;
}

static struct delta *best_target(struct cause_book *book, struct span entity, struct delta *from)
{
	struct shape *shape = &book->shape;
	struct delta *best = NULL;
	int best_distance = 0;
	int64_t best_seen = 0;
	for (int i = 0; i < shape->kept; i++) {
		struct delta *to = &shape->deltas[i];
		if (to->moved || !gained(to) || !opposite(from, to))
			continue;
		int far = distance(from, to);
		int64_t seen = experience(book, entity, from, to);
		if (best != NULL && far == best_distance)
			shape->ambiguous = true;
		if (best == NULL || far < best_distance || (far == best_distance && seen > best_seen)) {
			best = to;
			best_distance = far;
			best_seen = seen;
		}
	}
	return best;
}

/* One line that gained what several lost (many to one), or lost what several gained. */
static void join_sums(struct shape *shape)
{
	struct delta *single[2] = {NULL, NULL}; /* the last one that lost, that gained */
	int count[2] = {0, 0};
	struct delta rest = {0};
	for (int i = 0; i < shape->kept; i++) {
		struct delta *delta = &shape->deltas[i];
		if (delta->moved)
			continue;
		if (delta->beside || (!lost(delta) && !gained(delta)) ||
		    line_of(delta)->kind != VIEW_LINE_POSTING)
			return;
		rest.debit = clamped_add(rest.debit, delta->debit);
		rest.credit = clamped_add(rest.credit, delta->credit);
		rest.local = clamped_add(rest.local, delta->local);
		single[gained(delta)] = delta;
		count[gained(delta)]++;
	}
	if (rest.debit != 0 || rest.credit != 0 || rest.local != 0 || (count[0] != 1 && count[1] != 1) ||
	    count[0] == 0 || count[1] == 0)
		return;
	bool to_one = count[1] == 1;
	for (int i = 0; i < shape->kept; i++) {
		struct delta *delta = &shape->deltas[i];
		if (delta->moved || delta == single[to_one])
			continue;
		if (to_one)
			join(shape, delta, single[1]);
		else
			join(shape, single[0], delta);
		single[to_one]->moved = false;
	}
	single[to_one]->moved = true;
}

static void find_moves(struct cause_book *book, struct span entity)
{
	struct shape *shape = &book->shape;
	for (int i = 0; i < shape->kept; i++) {
		struct delta *from = &shape->deltas[i];
		if (from->moved || !lost(from))
			continue;
		struct delta *to = best_target(book, entity, from);
		if (to != NULL)
			join(shape, from, to);
	}
	join_sums(shape);
	shape->all_moved = !shape->wild && shape->kept > 0 && shape->move_count > 0 &&
	                   !shape->header_differs && !shape->header_local_differs;
	for (int i = 0; i < shape->kept; i++)
		shape->all_moved = shape->all_moved && shape->deltas[i].moved;
}

void shape_read(struct cause_book *book, const struct cause_evidence *evidence)
{
	struct shape *shape = &book->shape;
	CHECK(evidence->legacy != NULL && evidence->cloud != NULL);
	*shape = (struct shape){0};
	read_header(shape, evidence);
	read_lines(book, evidence);
	if (!shape->wild)
		find_moves(book, evidence->legacy->entity);
}

const struct delta *shape_largest(const struct shape *shape)
{
	const struct delta *largest = NULL;
	for (int i = 0; i < shape->kept; i++) {
		const struct delta *delta = &shape->deltas[i];
		/* Amounts in document currency go before those in local currency. */
		bool more = largest == NULL || (delta->size != largest->size
		                                    ? delta->size > largest->size
		                                    : magnitude(delta->local) > magnitude(largest->local));
		if (more)
			largest = delta;
	}
	return largest;
}

bool shape_tax_only(const struct shape *shape)
{
	if (shape->wild || shape->header[VIEW_NET] != 0 || shape->header_local[VIEW_NET] != 0 ||
	    shape->header[VIEW_TAX] == 0 || shape->header[VIEW_TAX] != shape->header[VIEW_GROSS])
		return false;
	for (int i = 0; i < shape->kept; i++) {
		const struct delta *delta = &shape->deltas[i];
		if (!delta->moved && (line_of(delta)->kind != VIEW_LINE_TAX || delta->beside))
			return false;
	}
	return true;
}

/* Lines that a tax of this code is made of. */
static int64_t components_of(const struct view *view, struct span code)
{
	int64_t count = 0;
	for (int i = 0; i < view->line_count; i++) {
		const struct view_line *line = &view->lines[i];
		if (line->kind == VIEW_LINE_POSTING && span_equal(line->tax_code, code))
			count += line->count;
	}
	return count > 0 ? count : 1;
}

bool shape_single_units(const struct shape *shape, const struct view *legacy, int64_t step)
{
	int64_t all = 0;
	for (int i = 0; i < legacy->line_count; i++)
		all += legacy->lines[i].kind == VIEW_LINE_POSTING ? legacy->lines[i].count : 0;
	if (shape->kept == 0) /* of an invoice without tax lines */
		return magnitude(shape->header[VIEW_TAX]) <= (all > 0 ? all : 1) * step;
	for (int i = 0; i < shape->kept; i++) {
		const struct delta *delta = &shape->deltas[i];
		bool both = delta->legacy != NULL && delta->cloud != NULL;
		if (delta->moved || (both && delta->base != 0) ||
		    delta->size > components_of(legacy, line_of(delta)->tax_code) * step)
			return false;
	}
	return true;
}
