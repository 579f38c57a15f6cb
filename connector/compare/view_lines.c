/*
 * view_lines.c - the lines of a view: from a document's sections, sorted, and those of one key added up.
 *
 * Why:   see view.h, rules 2, 3 and 4.
 * Owns:  nothing; the lines are the view's.
 * Rules: 1. Debits and credits are added apart, in local currency too: no two errors cancel each other within a key.
 *        2. A line of zero is left out before it can name a key; what added up to nothing is left out after.
 *        3. Sorted in place: few lines by insertion, many by a heap, so that no order of 10,000 lines is slow.
 * Faults: as view_make().
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c, view_form_test.c
 */
#include "connector/compare/view_make.h"

#include <string.h>

#define INSERTION_LINES 24
#define LINES_FIRST     16

int view_line_order(const struct view_line *a, const struct view_line *b)
{
	int order = (int)a->kind - (int)b->kind;
	if (order == 0)
		order = span_compare(a->account, b->account);
	if (order == 0)
		order = span_compare(a->cost_centre, b->cost_centre);
	if (order == 0)
		order = span_compare(a->tax_code, b->tax_code);
	return order == 0 ? span_compare(a->entity, b->entity) : order;
}

static void sort_few(struct view_line *lines, int count)
{
	for (int i = 1; i < count; i++) {
		if (view_line_order(&lines[i - 1], &lines[i]) <= 0)
			continue;
		struct view_line moving = lines[i];
		int at = i;
		do {
			lines[at] = lines[at - 1];
			at--;
		} while (at > 0 && view_line_order(&lines[at - 1], &moving) > 0);
		lines[at] = moving;
	}
}

/* Lets lines[at] sink to where both below it are not greater. */
static void sink(struct view_line *lines, int at, int count)
{
	struct view_line sinking = lines[at];
	for (int below = 2 * at + 1; below < count; below = 2 * at + 1) {
		if (below + 1 < count && view_line_order(&lines[below + 1], &lines[below]) > 0)
			below++;
		if (view_line_order(&lines[below], &sinking) <= 0)
			break;
		lines[at] = lines[below];
		at = below;
	}
	lines[at] = sinking;
}

static void sort_many(struct view_line *lines, int count)
{
	for (int at = count / 2 - 1; at >= 0; at--)
		sink(lines, at, count);
	for (int last = count - 1; last > 0; last--) {
		struct view_line greatest = lines[0];
		lines[0] = lines[last];
		lines[last] = greatest;
		sink(lines, 0, last);
	}
}

/* A line on its way: the view's, and the fields of the document that it is read from. */
struct source {
	struct view_make *make;
	const struct field_spec *fields;
	const struct value *values;
	int line;
};

static void reserve_lines(struct view *view, int count)
{
	CHECK(count <= VIEW_LINES_MAX);
	if (count <= view->line_capacity)
		return;
	int capacity = count > LINES_FIRST ? count : LINES_FIRST;
	view->lines = mem_grow(view->lines, (size_t)capacity * sizeof view->lines[0]);
	view->line_capacity = capacity;
}

static struct view_line *add_line(struct view *view, enum view_line_kind kind)
{
	CHECK(view->line_count < view->line_capacity);
	struct view_line *line = &view->lines[view->line_count++];
	memset(line, 0, sizeof *line);
	line->kind = kind;
	line->count = 1;
	return line;
}

static void drop_line(struct view *view)
{
	view->line_count--;
}

static struct span text_of(const struct source *source, int slot)
{
	return document_text(source->make->document, &source->values[slot]);
}

static enum err take_units(const struct source *source, int slot, bool local, int64_t *units)
{
	const char *field = source->fields[slot].key;
	if (!source->values[slot].present)
		return view_bad(source->make, field, source->line, "is absent");
	return view_units(source->make, &source->values[slot], local, field, source->line, units);
}

/* *units stays where it is absent. */
static enum err take_optional(const struct source *source, int slot, bool local, int64_t *units)
{
	return source->values[slot].present ? take_units(source, slot, local, units) : ERR_OK;
}

static void set_units(int64_t units, int64_t *debit, int64_t *credit)
{
	*debit = units > 0 ? units : 0;
	*credit = units < 0 ? units : 0;
}

/* Amount and local amount of a posting or an application. */
static enum err take_amounts(const struct source *source, struct view_line *line, int slot, int local_slot)
{
	struct view_make *make = source->make;
	int64_t units;
	enum err err = take_units(source, slot, false, &units);
	if (err != ERR_OK)
		return err;
	set_units(units, &line->debit, &line->credit);
	if (!view_compares(make, VIEW_LOCAL))
		return ERR_OK;
	line->has_local = source->values[local_slot].present || make->local_is_own;
	line->local_partial = !line->has_local;
	err = take_optional(source, local_slot, true, &units);
	if (err == ERR_OK && line->has_local)
		set_units(units, &line->local_debit, &line->local_credit);
	return err;
}

/* Nothing that counts? Of tax lines the base does. */
static bool is_zero(const struct view_line *line)
{
	bool zero =
	    line->debit == 0 && line->credit == 0 && line->local_debit == 0 && line->local_credit == 0;
	for (int i = 0; i < VIEW_BESIDE_COUNT; i++)
		zero = zero && line->beside[i] == 0;
	return zero;
}

/* The cloud's code of a line where it is compared: by the rules of the document's own company, as what is sent. */
static struct span take_code(const struct source *source, enum view_attribute attribute,
                             enum mapping_kind kind, int slot)
{
	struct view_make *make = source->make;
	if (!view_compares(make, attribute))
		return (struct span){NULL, 0};
	return view_map(make, kind, text_of(source, slot));
}

static enum err take_journal_line(const struct source *source)
{
	struct view *view = source->make->view;
	struct view_line *line = add_line(view, VIEW_LINE_POSTING);
	enum err err = take_amounts(source, line, JOURNAL_LINE_AMOUNT, JOURNAL_LINE_AMOUNT_LOCAL);
	if (err != ERR_OK)
		return err;
	if (is_zero(line)) {
		drop_line(view);
		return ERR_OK;
	}
	struct span entity = text_of(source, JOURNAL_LINE_ENTITY);
	if (!span_equal(entity, view->raw_entity))
		line->entity = take_code(source, VIEW_LINE_ENTITY, MAPPING_ENTITY, JOURNAL_LINE_ENTITY);
	if (span_equal(line->entity, view->entity))
		line->entity = (struct span){NULL, 0};
	line->account = take_code(source, VIEW_ACCOUNT, MAPPING_ACCOUNT, JOURNAL_LINE_ACCOUNT);
	line->cost_centre =
	    take_code(source, VIEW_COST_CENTRE, MAPPING_COST_CENTRE, JOURNAL_LINE_COST_CENTRE);
	line->tax_code = take_code(source, VIEW_TAX_CODE, MAPPING_TAX_CODE, JOURNAL_LINE_TAX_CODE);
	return ERR_OK;
}

static enum err take_invoice_line(const struct source *source)
{
	struct view *view = source->make->view;
	struct view_line *line = add_line(view, VIEW_LINE_POSTING);
	enum err err = take_amounts(source, line, INVOICE_LINE_NET, INVOICE_LINE_NET_LOCAL);
	if (err != ERR_OK)
		return err;
	if (is_zero(line)) {
		drop_line(view);
		return ERR_OK;
	}
	line->account = take_code(source, VIEW_ACCOUNT, MAPPING_ACCOUNT, INVOICE_LINE_ACCOUNT);
	line->cost_centre =
	    take_code(source, VIEW_COST_CENTRE, MAPPING_COST_CENTRE, INVOICE_LINE_COST_CENTRE);
	line->tax_code = take_code(source, VIEW_TAX_CODE, MAPPING_TAX_CODE, INVOICE_LINE_TAX_CODE);
	return ERR_OK;
}

/* A tax line, or (of_line) what the tax of an ordinary line makes of one. */
static enum err take_tax(const struct source *source, bool of_line)
{
	struct view *view = source->make->view;
	struct view_line *line = add_line(view, VIEW_LINE_TAX);
	int64_t units = 0;
	enum err err = of_line ? take_optional(source, INVOICE_LINE_TAX, false, &units)
	                       : take_units(source, INVOICE_TAX_LINE_TAX, false, &units);
	if (err == ERR_OK && view_compares(source->make, VIEW_TAX_BASE))
		err = take_units(source, of_line ? INVOICE_LINE_NET : INVOICE_TAX_LINE_BASE, false,
		                 &line->beside[VIEW_BESIDE_BASE]);
	if (err != ERR_OK)
		return err;
	set_units(units, &line->debit, &line->credit);
	if (is_zero(line)) {
		drop_line(view);
		return ERR_OK;
	}
	line->account = SPAN_LITERAL("tax");
	line->tax_code = take_code(source, VIEW_TAX_CODE, MAPPING_TAX_CODE,
	                           of_line ? INVOICE_LINE_TAX_CODE : INVOICE_TAX_LINE_CODE);
	return ERR_OK;
}

static enum err take_application(const struct source *source)
{
	struct view_make *make = source->make;
	struct view_line *line = add_line(make->view, VIEW_LINE_APPLICATION);
	enum err err =
	    take_amounts(source, line, PAYMENT_APPLICATION_AMOUNT, PAYMENT_APPLICATION_AMOUNT_LOCAL);
	if (err == ERR_OK && view_compares(make, VIEW_DISCOUNT))
		err = take_optional(source, PAYMENT_APPLICATION_DISCOUNT, false,
		                    &line->beside[VIEW_BESIDE_DISCOUNT]);
	if (err == ERR_OK && view_compares(make, VIEW_WRITE_OFF))
		err = take_optional(source, PAYMENT_APPLICATION_WRITE_OFF, false,
		                    &line->beside[VIEW_BESIDE_WRITE_OFF]);
	if (err == ERR_OK && view_compares(make, VIEW_FX_GAIN_LOSS))
		err = take_optional(source, PAYMENT_APPLICATION_FX_GAIN_LOSS, true,
		                    &line->beside[VIEW_BESIDE_FX_GAIN_LOSS]);
	if (err == ERR_OK && is_zero(line))
		drop_line(make->view);
	else
		line->account = text_of(source, PAYMENT_APPLICATION_INVOICE);
	return err;
}

typedef enum err (*line_taker)(const struct source *source);

static enum err take_tax_line(const struct source *source)
{
	return take_tax(source, false);
}

static enum err take_line_tax(const struct source *source)
{
	return take_tax(source, true);
}

static enum err take_section(struct view_make *make, enum document_section section, line_taker take)
{
	const struct document *document = make->document;
	int count = document->sections[section].count;
	reserve_lines(make->view, make->view->line_count + count);
	for (int i = 0; i < count; i++) {
		struct source source = {make, document_spec(document->type)->sections[section].fields,
		                        document_line(document, section, i), i};
		enum err err = take(&source);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static bool any_line_has(const struct document *document, int slot)
{
	for (int i = 0; i < document->sections[SECTION_LINES].count; i++) {
		if (document_line(document, SECTION_LINES, i)[slot].present)
			return true;
	}
	return false;
}

/* Tax lines without tax. */
enum tax_free {
	TAX_FREE_STAYS,
	TAX_FREE_IS_NETS, /* lines have codes: it says something only where its base is not that of their nets */
	TAX_FREE_GOES,    /* made of the lines, it says what they say */
};

static enum err take_invoice(struct view_make *make, enum tax_free *free)
{
	const struct document *document = make->document;
	bool given = document->sections[SECTION_TAX_LINES].count > 0;
	enum err err = take_section(make, SECTION_LINES, take_invoice_line);
	*free = TAX_FREE_GOES;
	if (err != ERR_OK || !view_compares(make, VIEW_TAX_LINES))
		return err;
	if (given) {
		bool codes =
		    view_compares(make, VIEW_TAX_CODE) && any_line_has(document, INVOICE_LINE_TAX_CODE);
		*free = codes ? TAX_FREE_IS_NETS : TAX_FREE_STAYS;
		return take_section(make, SECTION_TAX_LINES, take_tax_line);
	}
	if (any_line_has(document, INVOICE_LINE_TAX))
		return take_section(make, SECTION_LINES, take_line_tax);
	return ERR_OK;
}

static bool add(int64_t *sum, int64_t units)
{
	return !__builtin_add_overflow(*sum, units, sum);
}

static bool add_up(struct view_line *sum, const struct view_line *line)
{
	bool fits = add(&sum->debit, line->debit) && add(&sum->credit, line->credit) &&
	            add(&sum->local_debit, line->local_debit) && add(&sum->local_credit, line->local_credit);
	for (int i = 0; i < VIEW_BESIDE_COUNT && fits; i++)
		fits = add(&sum->beside[i], line->beside[i]);
	sum->has_local = sum->has_local || line->has_local;
	sum->local_partial = sum->local_partial || line->local_partial;
	sum->count += line->count;
	return fits;
}

/* The lines before it are those of the nets, and all of them. */
static bool is_of_nets(const struct view *view, const struct view_line *tax)
{
	int64_t sum = 0;
	for (const struct view_line *line = view->lines; line != tax; line++) {
		if (line->kind == VIEW_LINE_POSTING && span_equal(line->tax_code, tax->tax_code) &&
		    (!add(&sum, line->debit) || !add(&sum, line->credit)))
			return false;
	}
	return sum == tax->beside[VIEW_BESIDE_BASE];
}

/* After the last line of its key; false: it counts for nothing. */
static bool finish_line(struct view_make *make, struct view_line *line, enum tax_free free)
{
	struct view *view = make->view;
	bool says_nothing =
	    make->local_is_own && line->local_debit == line->debit && line->local_credit == line->credit;
	if (says_nothing || !line->has_local) {
		line->has_local = false;
		line->local_partial = false;
		line->local_debit = 0;
		line->local_credit = 0;
	}
	line->local = line->local_debit + line->local_credit;
	if (is_zero(line))
		return false;
	if (line->kind == VIEW_LINE_TAX && line->debit == 0 && line->credit == 0 &&
	    (free == TAX_FREE_GOES || (free == TAX_FREE_IS_NETS && is_of_nets(view, line))))
		return false;
	if (line->has_local || line->beside[VIEW_BESIDE_FX_GAIN_LOSS] != 0)
		view->has_local = true;
	return true;
}

static enum err merge_lines(struct view_make *make, enum tax_free free)
{
	struct view *view = make->view;
	struct view_line *lines = view->lines;
	int kept = 0;
	for (int at = 0; at < view->line_count;) {
		struct view_line *sum = &lines[kept];
		if (kept != at)
			*sum = lines[at];
		for (at++; at < view->line_count && view_line_order(sum, &lines[at]) == 0; at++) {
			if (!add_up(sum, &lines[at]))
				return view_overflow(make);
		}
		if (finish_line(make, sum, free))
			kept++;
	}
	view->line_count = kept;
	return ERR_OK;
}

enum err view_lines_make(struct view_make *make)
{
	struct view *view = make->view;
	enum document_type type = make->document->type;
	enum tax_free free = TAX_FREE_GOES;
	enum err err = ERR_OK;
	if (type == DOCUMENT_JOURNAL)
		err = take_section(make, SECTION_LINES, take_journal_line);
	else if (type == DOCUMENT_INVOICE || type == DOCUMENT_CREDIT_MEMO)
		err = take_invoice(make, &free);
	else if (type == DOCUMENT_PAYMENT && view_compares(make, VIEW_APPLICATIONS))
		err = take_section(make, SECTION_APPLICATIONS, take_application);
	if (err != ERR_OK)
		return err;
	if (view->line_count <= INSERTION_LINES)
		sort_few(view->lines, view->line_count);
	else
		sort_many(view->lines, view->line_count);
	err = merge_lines(make, free);
	for (int i = 0; type == DOCUMENT_JOURNAL && err == ERR_OK && i < view->line_count; i++) {
		if (!add(&view->total, view->lines[i].debit))
			err = view_overflow(make);
	}
	return err;
}
