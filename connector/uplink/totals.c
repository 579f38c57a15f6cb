/*
 * totals.c - adds documents to control totals, and writes and reads them.
 *
 * Why:   see totals.h.
 * Owns:  the entries of each struct totals.
 * Rules: 1. A document's own sums are made first, then added to its entry: either all of it is in, or nothing.
 *        2. Entries stand sorted; a new one is put in its place (few, and seldom new).
 * Faults: as in totals.h. Bytes from the store are read as if a stranger had written them.
 * Runs in: the core.
 * Tests: tests/unit/totals_test.c, tests/fuzz/totals_fuzz.c
 */
#include "connector/uplink/totals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/validity.h"

#define LAYOUT_VERSION 1
#define ENTRIES_FIRST  8
#define ENTRIES_KEPT   64 /* memory that outlives a control event */
#define YEAR_MAX       9999
#define PERIOD_MAX     99
#define CODE_LETTERS   3

_Static_assert(DOCUMENT_TYPE_COUNT <= 255, "a type fits its byte");

void totals_init(struct totals *totals)
{
	*totals = (struct totals){.first = 1};
}

void totals_release(struct totals *totals)
{
	free(totals->entries);
	totals_init(totals);
}

void totals_begin(struct totals *totals, int64_t first)
{
	CHECK(first >= 1);
	if (totals->capacity > ENTRIES_KEPT) {
		free(totals->entries);
		totals->entries = NULL;
		totals->capacity = 0;
	}
	totals->first = first;
	totals->last = first - 1;
	totals->count = 0;
	totals->entry_count = 0;
}

/* ---- one document's sums ---- */

static enum err add_value(struct totals_entry *sums, struct decimal value, bool negate, int minor_units,
                          struct err_info *info)
{
	struct decimal exact;
	struct decimal zero = {0, (uint8_t)minor_units};
	int64_t *sum = &sums->debit;
	enum err err = decimal_rescale(&exact, value, (uint8_t)minor_units);
	if (err == ERR_OK && negate)
		err = decimal_negate(&exact, exact);
	if (err == ERR_OK && decimal_sign(exact) < 0) {
		sum = &sums->credit;
		err = decimal_subtract(&exact, zero, exact);
	}
	if (err == ERR_OK && __builtin_add_overflow(*sum, exact.units, sum))
		err = ERR_OVERFLOW;
	if (err == ERR_BAD_INPUT)
		return err_set(info, err, "an amount has more digits than %s allows", sums->currency);
	if (err != ERR_OK)
		return err_set(info, err, "the amounts of one document add up to more than 64 bits hold");
	sums->count = 1;
	return ERR_OK;
}

static enum err add_lines(struct totals_entry *sums, const struct document *document, const struct part *part,
                          int minor_units, struct err_info *info)
{
	int count = document->sections[SECTION_LINES].count;
	int from = part ? part->from : 0;
	int end = part ? part->from + part->lines : count;
	CHECK(from >= 0 && from <= end && end <= count);
	for (int i = from; i < end; i++) {
		const struct value *amount = &document_line(document, SECTION_LINES, i)[JOURNAL_LINE_AMOUNT];
		if (!amount->present)
			continue;
		enum err err = add_value(sums, amount->as.decimal, false, minor_units, info);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* The header's amount that counts; NULL: the type has none, or the document. */
static const struct value *header_amount(const struct document *document)
{
	const struct value *amount = NULL;
	if (document->type == DOCUMENT_INVOICE || document->type == DOCUMENT_CREDIT_MEMO)
		amount = &document->header[INVOICE_GROSS];
	else if (document->type == DOCUMENT_PAYMENT)
		amount = &document->header[PAYMENT_AMOUNT];
	return amount && amount->present ? amount : NULL;
}

static bool read_key(struct totals_entry *sums, const struct document *document)
{
	const struct value *year = &document->header[HEADER_YEAR];
	const struct value *period = &document->header[HEADER_PERIOD];
	int64_t year_number = year->present ? year->as.integer : 0;
	int64_t period_number = period->present ? period->as.integer : 0;
	if (year_number < 0 || year_number > YEAR_MAX || period_number < 0 || period_number > PERIOD_MAX)
		return false;
	sums->type = document->type;
	sums->year = (int16_t)year_number;
	sums->period = (int8_t)period_number;
	return true;
}

/* sums->count: 1 where there is an amount. */
static enum err sum_document(struct totals_entry *sums, const struct document *document,
                             const struct part *part, struct err_info *info)
{
	*sums = (struct totals_entry){.count = 0};
	const struct value *amount = header_amount(document);
	bool journal = document->type == DOCUMENT_JOURNAL;
	if (!journal && (!amount || (part && part->index > 1)))
		return ERR_OK;
	if (!read_key(sums, document))
		return err_set(info, ERR_BAD_INPUT,
		               "the year is outside 0 to %d, or the period outside 0 to %d", YEAR_MAX,
		               PERIOD_MAX);
	struct span currency = document_text(document, &document->header[HEADER_CURRENCY]);
	int minor_units = currency_minor_units(currency);
	if (minor_units < 0 || !text_copy(sums->currency, sizeof sums->currency, currency))
		return err_set(info, ERR_BAD_INPUT, "the document has an amount and no currency of ISO 4217");
	if (journal)
		return add_lines(sums, document, part, minor_units, info);
	return add_value(sums, amount->as.decimal, document->type != DOCUMENT_INVOICE, minor_units, info);
}

/* ---- the table ---- */

static int compare_entries(const struct totals_entry *a, const struct totals_entry *b)
{
	int order = strcmp(document_spec(a->type)->event_name, document_spec(b->type)->event_name);
	if (order == 0)
		order = strcmp(a->currency, b->currency);
	if (order == 0)
		order = (a->year > b->year) - (a->year < b->year);
	if (order == 0)
		order = (a->period > b->period) - (a->period < b->period);
	return order;
}

/* Where it is, or would be. */
static int find_entry(const struct totals *totals, const struct totals_entry *key, bool *found)
{
	int low = 0;
	int high = totals->entry_count;
	while (low < high) {
		int middle = (low + high) / 2;
		if (compare_entries(&totals->entries[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < totals->entry_count && compare_entries(&totals->entries[low], key) == 0;
	return low;
}

static void insert_entry(struct totals *totals, int at, const struct totals_entry *entry)
{
	if (totals->entry_count == totals->capacity) {
		totals->capacity = totals->capacity ? 2 * totals->capacity : ENTRIES_FIRST;
		totals->entries =
		    mem_grow(totals->entries, (size_t)totals->capacity * sizeof totals->entries[0]);
	}
	memmove(&totals->entries[at + 1], &totals->entries[at],
	        (size_t)(totals->entry_count - at) * sizeof totals->entries[0]);
	totals->entries[at] = *entry;
	totals->entry_count++;
}

static enum err add_sums(struct totals *totals, const struct totals_entry *sums, struct err_info *info)
{
	bool found;
	int at = find_entry(totals, sums, &found);
	if (!found) {
		if (totals->entry_count == TOTALS_ENTRIES_MAX)
			return err_set(info, ERR_FULL, "the control totals hold %d entries",
			               TOTALS_ENTRIES_MAX);
		insert_entry(totals, at, sums);
		return ERR_OK;
	}
	struct totals_entry *entry = &totals->entries[at];
	int64_t debit;
	int64_t credit;
	if (__builtin_add_overflow(entry->debit, sums->debit, &debit) ||
	    __builtin_add_overflow(entry->credit, sums->credit, &credit))
		return err_set(info, ERR_FULL, "the control totals of %s do not fit in 64 bits",
		               entry->currency);
	entry->debit = debit;
	entry->credit = credit;
	entry->count++;
	return ERR_OK;
}

enum err totals_add(struct totals *totals, const struct document *document, const struct part *part,
                    int64_t sequence, struct err_info *info)
{
	struct totals_entry sums;
	CHECK(sequence > totals->last);
	enum err err = sum_document(&sums, document, part, info);
	if (err == ERR_OK && sums.count > 0)
		err = add_sums(totals, &sums, info);
	if (err != ERR_OK)
		return err;
	totals->count++;
	totals->last = sequence;
	return ERR_OK;
}

bool totals_full(const struct totals *totals, size_t data_bytes_max)
{
	size_t next = TOTALS_DATA_FRAME_BYTES + (size_t)(totals->entry_count + 1) * TOTALS_DATA_ENTRY_BYTES;
	return totals->entry_count == TOTALS_ENTRIES_MAX || next > data_bytes_max;
}

/* ---- writing and reading ---- */

static void write_amount(struct buf *out, const char *key, int64_t units, int minor_units)
{
	char text[DECIMAL_TEXT_MAX];
	(void)decimal_print((struct decimal){units, (uint8_t)minor_units}, text);
	buf_printf(out, "\"%s\":\"%s\",", key, text);
}

static void write_entry(struct buf *out, const struct totals_entry *entry)
{
	int minor_units = currency_minor_units(span_of(entry->currency));
	CHECK(minor_units >= 0);
	buf_printf(out, "{\"count\":%" PRId64 ",", entry->count);
	write_amount(out, "credit", entry->credit, minor_units);
	buf_printf(out, "\"currency\":\"%s\",", entry->currency);
	write_amount(out, "debit", entry->debit, minor_units);
	buf_printf(out, "\"document\":\"%s\",\"period\":\"%04d-%02d\"}",
	           document_spec(entry->type)->event_name, entry->year, entry->period);
}

void totals_write(const struct totals *totals, int64_t last, struct buf *out)
{
	CHECK(last >= totals->last && totals->count > 0);
	buf_printf(out, "{\"count\":%" PRId64 ",\"first\":%" PRId64 ",\"last\":%" PRId64 ",\"totals\":[",
	           totals->count, totals->first, last);
	for (int i = 0; i < totals->entry_count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		write_entry(out, &totals->entries[i]);
	}
	buf_append_text(out, "]}");
}

void totals_encode(const struct totals *totals, struct buf *out)
{
	buf_u8(out, LAYOUT_VERSION);
	buf_u64(out, (uint64_t)totals->first);
	buf_u64(out, (uint64_t)totals->last);
	buf_u64(out, (uint64_t)totals->count);
	buf_u16(out, (uint16_t)totals->entry_count);
	for (int i = 0; i < totals->entry_count; i++) {
		const struct totals_entry *entry = &totals->entries[i];
		buf_u8(out, (uint8_t)entry->type);
		buf_append(out, entry->currency, CODE_LETTERS);
		buf_u16(out, (uint16_t)entry->year);
		buf_u8(out, (uint8_t)entry->period);
		buf_u64(out, (uint64_t)entry->count);
		buf_u64(out, (uint64_t)entry->debit);
		buf_u64(out, (uint64_t)entry->credit);
	}
}

static bool decode_entry(struct totals_entry *entry, struct reader *reader)
{
	uint8_t type = read_u8(reader);
	struct span currency = read_bytes(reader, CODE_LETTERS);
	uint16_t year = read_u16(reader);
	uint8_t period = read_u8(reader);
	uint64_t count = read_u64(reader);
	uint64_t debit = read_u64(reader);
	uint64_t credit = read_u64(reader);
	*entry = (struct totals_entry){.type = (enum document_type)type,
	                               .year = (int16_t)year,
	                               .period = (int8_t)period,
	                               .count = (int64_t)count,
	                               .debit = (int64_t)debit,
	                               .credit = (int64_t)credit};
	return reader_ok(reader) && type < DOCUMENT_TYPE_COUNT && type != DOCUMENT_CUSTOMER &&
	       type != DOCUMENT_USAGE && year <= YEAR_MAX && period <= PERIOD_MAX &&
	       currency_minor_units(currency) >= 0 &&
	       text_copy(entry->currency, sizeof entry->currency, currency) && count >= 1 &&
	       count <= INT64_MAX && debit <= INT64_MAX && credit <= INT64_MAX;
}

static bool decode_entries(struct totals *totals, int count, struct reader *reader)
{
	int64_t events = 0; /* each counts in one entry at most */
	for (int i = 0; i < count; i++) {
		struct totals_entry entry;
		if (!decode_entry(&entry, reader) || entry.count > totals->count - events)
			return false;
		events += entry.count;
		if (i > 0 && compare_entries(&totals->entries[i - 1], &entry) >= 0)
			return false;
		insert_entry(totals, i, &entry);
	}
	return reader_end(reader);
}

bool totals_decode(struct totals *totals, const void *data, size_t len)
{
	struct reader reader;
	totals_begin(totals, 1);
	if (len == 0)
		return true;
	reader_init(&reader, data, len);
	uint8_t version = read_u8(&reader);
	uint64_t first = read_u64(&reader);
	uint64_t last = read_u64(&reader);
	uint64_t count = read_u64(&reader);
	uint16_t entries = read_u16(&reader);
	bool good = reader_ok(&reader) && version == LAYOUT_VERSION && entries <= TOTALS_ENTRIES_MAX &&
	            first >= 1 && last < INT64_MAX && first <= last + 1 && count <= last + 1 - first;
	if (good) {
		totals->first = (int64_t)first;
		totals->last = (int64_t)last;
		totals->count = (int64_t)count;
		good = decode_entries(totals, entries, &reader);
	}
	if (!good)
		totals_begin(totals, 1);
	return good;
}
