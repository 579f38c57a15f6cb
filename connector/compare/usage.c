/*
 * usage.c - see usage.h.
 *
 * Why:   see usage.h.
 * Owns:  see usage.h.
 * Rules: as in usage.h. A row is judged when the next window begins, for only then are all its entries known.
 * Source: RFC 3986, section 2.3, for the characters of a key.
 * Faults: as in usage.h.
 * Runs in: the CLI.
 * Tests: tests/unit/usage_test.c, test_usage_ways.py
 */
#include "connector/compare/usage.h"

#include <stdio.h>
#include <string.h>

#include "connector/posting/date.h"

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

/* ---- names ---- */

void usage_quantity_print(struct decimal quantity, char text[DECIMAL_TEXT_MAX])
{
	while (quantity.scale > 0 && quantity.units % 10 == 0) {
		quantity.units /= 10;
		quantity.scale--;
	}
	(void)decimal_print(quantity, text);
}

static void append_encoded(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		             (c != 0 && strchr("-._~", c) != NULL);
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

void usage_key(const struct usage_row *row, char key[USAGE_KEY_MAX])
{
	const struct span codes[] = {row->entity, row->customer, row->meter};
	char from[DATE_TEXT_SIZE];
	char to[DATE_TEXT_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct buf names;
	date_print(row->from, from);
	date_print(row->to, to);
	buf_init(&names, 10 * TEXT_MAX);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (i > 0)
			buf_append_char(&names, '/');
		append_encoded(&names, codes[i]);
	}
	CHECK(buf_ok(&names));
	int len = snprintf(key, USAGE_KEY_MAX, "usage:%s/%s..%s:%.7s", buf_cstr(&names), from, to, to);
	if (len >= USAGE_KEY_MAX) {
		const struct span text = buf_span(&names);
		const struct digest digest = digest_of(&text, 1);
		digest_hex(&digest, hex);
		len = snprintf(key, USAGE_KEY_MAX, "usage:sha256:%s/%s..%s:%.7s", hex, from, to, to);
	}
	CHECK(len > 0 && len < USAGE_KEY_MAX);
	buf_release(&names);
}

/* Lengths before texts: no two rows give the same bytes. */
static void append_place(struct buf *out, const struct usage_quantity *place)
{
	char quantity[DECIMAL_TEXT_MAX];
	char rest[DIGEST_HEX_SIZE];
	if (place->count == 0) {
		buf_append_text(out, "-\n");
		return;
	}
	usage_quantity_print(place->sum, quantity);
	buf_printf(out, "%zu ", place->unit.len);
	buf_append_span(out, place->unit);
	buf_printf(out, " %s", quantity);
	if (place->mixed) {
		digest_hex(&place->rest, rest);
		buf_printf(out, " %s", rest);
	}
	buf_append_char(out, '\n');
}

struct digest usage_digest(const struct usage_row *row)
{
	struct buf text;
	buf_init(&text, 4 * TEXT_MAX);
	buf_append_text(&text, usage_class_name(row->class_));
	buf_append_char(&text, '\n');
	for (int i = 0; i < USAGE_PLACE_COUNT; i++)
		append_place(&text, &row->places[i]);
	CHECK(buf_ok(&text));
	const struct span bytes = buf_span(&text);
	struct digest digest = digest_of(&bytes, 1);
	buf_release(&text);
	return digest;
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

/* Entries come in one order, so the chain is the same in every run. */
static void add_rest(struct usage_quantity *place, const struct usage_entry *entry)
{
	char quantity[DECIMAL_TEXT_MAX];
	char len[32];
	usage_quantity_print(entry->quantity, quantity);
	(void)snprintf(len, sizeof len, "%zu ", entry->unit.len);
	const struct span parts[] = {
	    {(const char *)place->rest.bytes, place->mixed ? sizeof place->rest.bytes : 0},
	    span_of(len),
	    entry->unit,
	    span_of(quantity)};
	place->rest = digest_of(parts, sizeof parts / sizeof parts[0]);
	place->mixed = true;
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
		add_rest(place, entry);
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
