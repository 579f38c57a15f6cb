/*
 * usage.c - see usage.h.
 *
 * Why:   see usage.h.
 * Owns:  see usage.h.
 * Rules: as in usage.h. A row is judged when the next window begins, for only then are all its entries known.
 * Faults: as in usage.h.
 * Runs in: the CLI.
 * Tests: tests/unit/usage_test.c, test_usage_ways.py
 */
#include "connector/compare/usage.h"

#define TEXT_MAX (64u * 1024u) /* codes of a document are far below */

const char *usage_class_name(enum usage_class class_)
{
	static const char *const names[USAGE_CLASS_COUNT] = {
#define USAGE_CLASS_NAME(identifier, name) name,
	    USAGE_CLASSES(USAGE_CLASS_NAME)
#undef USAGE_CLASS_NAME
	};
	CHECK((unsigned)class_ < USAGE_CLASS_COUNT);
	return names[class_];
}

const char *usage_place_name(enum usage_place place)
{
	static const char *const names[USAGE_PLACE_COUNT] = {"source", "billing", "erp"};
	CHECK((unsigned)place < USAGE_PLACE_COUNT);
	return names[place];
}

void usage_merge_init(struct usage_merge *merge, usage_taker take, void *self)
{
	*merge = (struct usage_merge){.take = take, .self = self};
	buf_init(&merge->key, 3 * TEXT_MAX);
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		buf_init(&merge->units[i], TEXT_MAX);
}

void usage_merge_release(struct usage_merge *merge)
{
	buf_release(&merge->key);
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		buf_release(&merge->units[i]);
}

/* ---- judging ---- */

static bool overlaps(const struct usage_merge *merge)
{
	const struct usage_row *row = &merge->row;
	for (int i = 0; i < USAGE_PLACE_COUNT; i++) {
		if (row->places[i].count == 0)
			continue;
		if ((merge->ended[i] && row->from <= merge->end[i]) ||
		    (i != USAGE_ERP && row->places[i].count > 1))
			return true;
	}
	return false;
}

static bool units_differ(const struct usage_row *row)
{
	const struct usage_quantity *first = NULL;
	for (int i = 0; i < USAGE_PLACE_COUNT; i++) {
		const struct usage_quantity *one = &row->places[i];
		if (one->count == 0)
			continue;
		if (one->mixed || (first && !span_equal(first->unit, one->unit)))
			return true;
		first = one;
	}
	return false;
}

static enum usage_class class_of(const struct usage_merge *merge)
{
	const struct usage_quantity *source = &merge->row.places[USAGE_SOURCE];
	const struct usage_quantity *billing = &merge->row.places[USAGE_BILLING];
	const struct usage_quantity *erp = &merge->row.places[USAGE_ERP];
	if (overlaps(merge))
		return USAGE_OVERLAP;
	if (units_differ(&merge->row))
		return USAGE_UNIT_DIFFERS;
	if (source->count == 0)
		return USAGE_MISSING_SOURCE;
	if (billing->count == 0)
		return USAGE_MISSING_BILLING;
	if (decimal_compare(source->sum, billing->sum) != 0)
		return USAGE_BILLING_DIFFERS;
	if (erp->count == 0)
		return USAGE_MISSING_ERP;
	return decimal_compare(billing->sum, erp->sum) == 0 ? USAGE_AGREE : USAGE_ERP_DIFFERS;
}

static enum err tell_gap(const struct usage_merge *merge, struct err_info *info)
{
	const struct usage_row *row = &merge->row;
	const struct usage_row gap = {.entity = row->entity,
	                              .customer = row->customer,
	                              .meter = row->meter,
	                              .from = merge->covered_to + 1,
	                              .to = row->from - 1,
	                              .class_ = USAGE_GAP};
	return merge->take(merge->self, &gap, info);
}

static date_days later_of(bool has, date_days a, date_days b)
{
	return has && a > b ? a : b;
}

static enum err flush(struct usage_merge *merge, struct err_info *info)
{
	struct usage_row *row = &merge->row;
	enum err err = ERR_OK;
	if (!merge->has)
		return ERR_OK;
	merge->has = false;
	if (merge->covered && row->from > merge->covered_to + 1)
		err = tell_gap(merge, info);
	row->class_ = class_of(merge);
	if (err == ERR_OK)
		err = merge->take(merge->self, row, info);
	for (int i = 0; i < USAGE_PLACE_COUNT; i++) {
		if (row->places[i].count == 0)
			continue;
		merge->end[i] = later_of(merge->ended[i], merge->end[i], row->to);
		merge->ended[i] = true;
	}
	merge->covered_to = later_of(merge->covered, merge->covered_to, row->to);
	merge->covered = true;
	return err;
}

/* ---- gathering ---- */

static int compare_meters(const struct usage_row *row, const struct usage_entry *entry)
{
	int order = span_compare(row->entity, entry->entity);
	if (order == 0)
		order = span_compare(row->customer, entry->customer);
	return order != 0 ? order : span_compare(row->meter, entry->meter);
}

static int compare_windows(const struct usage_row *row, const struct usage_entry *entry)
{
	if (row->from != entry->from)
		return row->from < entry->from ? -1 : 1;
	return row->to == entry->to ? 0 : row->to < entry->to ? -1 : 1;
}

/* Another customer or meter: nothing of the one before counts. */
static void begin_meter(struct usage_merge *merge, const struct usage_entry *entry)
{
	struct usage_row *row = &merge->row;
	const struct span texts[] = {entry->entity, entry->customer, entry->meter};
	struct span *const places[] = {&row->entity, &row->customer, &row->meter};
	size_t at[3];
	buf_clear(&merge->key);
	for (int i = 0; i < 3; i++) {
		at[i] = merge->key.len;
		buf_append_span(&merge->key, texts[i]);
	}
	CHECK(buf_ok(&merge->key));
	for (int i = 0; i < 3; i++)
		*places[i] = texts[i].len > 0
		                 ? (struct span){(const char *)merge->key.data + at[i], texts[i].len}
		                 : (struct span){"", 0};
	merge->covered = false;
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		merge->ended[i] = false;
}

static void begin_window(struct usage_merge *merge, const struct usage_entry *entry)
{
	merge->has = true;
	merge->row.from = entry->from;
	merge->row.to = entry->to;
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		merge->row.places[i] = (struct usage_quantity){.count = 0};
}

static enum err add_quantity(struct usage_merge *merge, const struct usage_entry *entry,
                             struct err_info *info)
{
	struct usage_quantity *place = &merge->row.places[entry->place];
	if (place->count++ == 0) {
		struct buf *unit = &merge->units[entry->place];
		buf_clear(unit);
		buf_append_span(unit, entry->unit);
		CHECK(buf_ok(unit));
		place->unit = buf_span(unit);
		place->sum = entry->quantity;
		return ERR_OK;
	}
	if (!span_equal(place->unit, entry->unit)) {
		place->mixed = true;
		return ERR_OK;
	}
	if (decimal_add(&place->sum, place->sum, entry->quantity) == ERR_OK)
		return ERR_OK;
	return err_set(info, ERR_OVERFLOW,
	               "the quantities of meter %.*s of customer %.*s add up to more than 64 bits hold",
	               (int)entry->meter.len, entry->meter.data, (int)entry->customer.len,
	               entry->customer.data);
}

enum err usage_merge_add(struct usage_merge *merge, const struct usage_entry *entry, struct err_info *info)
{
	CHECK((unsigned)entry->place < USAGE_PLACE_COUNT);
	int meters = merge->has ? compare_meters(&merge->row, entry) : -1;
	int windows = meters < 0 ? -1 : compare_windows(&merge->row, entry);
	CHECK(meters < 0 || (meters == 0 && windows <= 0));
	if (windows < 0) {
		enum err err = flush(merge, info);
		if (err != ERR_OK)
			return err;
		if (meters < 0)
			begin_meter(merge, entry);
		begin_window(merge, entry);
	}
	return add_quantity(merge, entry, info);
}

enum err usage_merge_finish(struct usage_merge *merge, struct err_info *info)
{
	return flush(merge, info);
}
