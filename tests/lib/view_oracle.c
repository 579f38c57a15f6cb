/*
 * view_oracle.c - comparable content as sorted lines of text.
 *
 * Why:   see view_oracle.h.
 * Owns:  nothing beyond a call.
 * Rules: as in view_oracle.h.
 * Runs in: the tests.
 */
#include "tests/lib/view_oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 512

struct row {
	char key[KEY_SIZE];
	bool tax;
	long long plus, minus, local_plus, local_minus, base, discount, write_off, gain;
	bool with_local, without_local;
};

struct sheet {
	const struct document *document;
	long long sign;
	bool own_currency; /* local currency is the document's */
	struct row *rows;
	int count;
	bool any_local;
};

static long long units(const struct sheet *sheet, const struct value *value)
{
	return value->present ? sheet->sign * (long long)value->as.decimal.units : 0;
}

static const char *text(const struct document *document, const struct value *value, char *out, size_t size)
{
	struct span span = document_text(document, value);
	CHECK(text_copy(out, size, span));
	return out;
}

/* Lengths keep "ab" and "c" apart from "a" and "bc". */
static void add_key(char *key, const struct sheet *sheet, const struct value *value)
{
	char part[128];
	size_t len = strlen(key);
	(void)text(sheet->document, value, part, sizeof part);
	(void)snprintf(key + len, KEY_SIZE - len, "%zu:%s|", strlen(part), part);
}

static void add_row(struct sheet *sheet, const struct row *row)
{
	if (!row->plus && !row->minus && !row->local_plus && !row->local_minus && !row->base &&
	    !row->discount && !row->write_off && !row->gain)
		return;
	int at = 0;
	while (at < sheet->count && strcmp(sheet->rows[at].key, row->key) != 0)
		at++;
	struct row *sum = &sheet->rows[at];
	if (at == sheet->count) {
		*sum = *row;
		sheet->count++;
		return;
	}
	sum->plus += row->plus;
	sum->minus += row->minus;
	sum->local_plus += row->local_plus;
	sum->local_minus += row->local_minus;
	sum->base += row->base;
	sum->discount += row->discount;
	sum->write_off += row->write_off;
	sum->gain += row->gain;
	sum->with_local |= row->with_local;
	sum->without_local |= row->without_local;
}

static void set_money(const struct sheet *sheet, struct row *row, const struct value *own,
                      const struct value *local)
{
	long long amount = units(sheet, own);
	long long in_local = local->present ? units(sheet, local) : amount;
	*(amount > 0 ? &row->plus : &row->minus) = amount;
	row->with_local = local->present || sheet->own_currency;
	row->without_local = !row->with_local;
	if (row->with_local)
		*(in_local > 0 ? &row->local_plus : &row->local_minus) = in_local;
}

static void journal_rows(struct sheet *sheet)
{
	const struct document *document = sheet->document;
	for (int i = 0; i < document->sections[SECTION_LINES].count; i++) {
		const struct value *line = document_line(document, SECTION_LINES, i);
		struct row row = {.key = "line "};
		struct value other = line[JOURNAL_LINE_ENTITY];
		if (span_equal(document_text(document, &other),
		               document_text(document, &document->header[HEADER_ENTITY])))
			other.present = false;
		set_money(sheet, &row, &line[JOURNAL_LINE_AMOUNT], &line[JOURNAL_LINE_AMOUNT_LOCAL]);
		add_key(row.key, sheet, &line[JOURNAL_LINE_ACCOUNT]);
		add_key(row.key, sheet, &line[JOURNAL_LINE_COST_CENTRE]);
		add_key(row.key, sheet, &line[JOURNAL_LINE_TAX_CODE]);
		add_key(row.key, sheet, &other);
		add_row(sheet, &row);
	}
}

static void tax_row(struct sheet *sheet, const struct value *code, const struct value *tax,
                    const struct value *base)
{
	struct row row = {.key = "tax ", .tax = true};
	long long amount = units(sheet, tax);
	*(amount > 0 ? &row.plus : &row.minus) = amount;
	row.base = units(sheet, base);
	add_key(row.key, sheet, code);
	add_row(sheet, &row);
}

/* What the lines of this code have as nets. */
static long long nets_of(struct sheet *sheet, const struct row *tax)
{
	const struct document *document = sheet->document;
	long long sum = 0;
	for (int i = 0; i < document->sections[SECTION_LINES].count; i++) {
		const struct value *line = document_line(document, SECTION_LINES, i);
		struct row row = {.key = "tax "};
		add_key(row.key, sheet, &line[INVOICE_LINE_TAX_CODE]);
		sum += strcmp(row.key, tax->key) == 0 ? units(sheet, &line[INVOICE_LINE_NET]) : 0;
	}
	return sum;
}

/* *coded: rows of tax without tax do not count where their base is that of the nets. */
static void invoice_rows(struct sheet *sheet, bool *coded)
{
	const struct document *document = sheet->document;
	const struct line_list *taxes = &document->sections[SECTION_TAX_LINES];
	bool with_tax = false, with_code = false;
	int lines = document->sections[SECTION_LINES].count;
	for (int i = 0; i < lines; i++) {
		const struct value *line = document_line(document, SECTION_LINES, i);
		struct row row = {.key = "line "};
		set_money(sheet, &row, &line[INVOICE_LINE_NET], &line[INVOICE_LINE_NET_LOCAL]);
		add_key(row.key, sheet, &line[INVOICE_LINE_ACCOUNT]);
		add_key(row.key, sheet, &line[INVOICE_LINE_COST_CENTRE]);
		add_key(row.key, sheet, &line[INVOICE_LINE_TAX_CODE]);
		add_row(sheet, &row);
		with_tax |= line[INVOICE_LINE_TAX].present;
		with_code |= line[INVOICE_LINE_TAX_CODE].present;
	}
	for (int i = 0; i < taxes->count; i++) {
		const struct value *line = document_line(document, SECTION_TAX_LINES, i);
		tax_row(sheet, &line[INVOICE_TAX_LINE_CODE], &line[INVOICE_TAX_LINE_TAX],
		        &line[INVOICE_TAX_LINE_BASE]);
	}
	*coded = taxes->count == 0 || with_code;
	for (int i = 0; taxes->count == 0 && with_tax && i < lines; i++) {
		const struct value *line = document_line(document, SECTION_LINES, i);
		tax_row(sheet, &line[INVOICE_LINE_TAX_CODE], &line[INVOICE_LINE_TAX],
		        &line[INVOICE_LINE_NET]);
	}
}

static void payment_rows(struct sheet *sheet)
{
	const struct document *document = sheet->document;
	for (int i = 0; i < document->sections[SECTION_APPLICATIONS].count; i++) {
		const struct value *line = document_line(document, SECTION_APPLICATIONS, i);
		struct row row = {.key = "application "};
		set_money(sheet, &row, &line[PAYMENT_APPLICATION_AMOUNT],
		          &line[PAYMENT_APPLICATION_AMOUNT_LOCAL]);
		row.discount = units(sheet, &line[PAYMENT_APPLICATION_DISCOUNT]);
		row.write_off = units(sheet, &line[PAYMENT_APPLICATION_WRITE_OFF]);
		row.gain = units(sheet, &line[PAYMENT_APPLICATION_FX_GAIN_LOSS]);
		add_key(row.key, sheet, &line[PAYMENT_APPLICATION_INVOICE]);
		add_row(sheet, &row);
	}
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static void write_rows(struct sheet *sheet, bool coded, struct buf *out)
{
	if (sheet->count > 0)
		qsort(sheet->rows, (size_t)sheet->count, sizeof sheet->rows[0], compare_rows);
	for (int i = 0; i < sheet->count; i++) {
		struct row *row = &sheet->rows[i];
		bool same =
		    sheet->own_currency && row->plus == row->local_plus && row->minus == row->local_minus;
		if (same)
			row->local_plus = row->local_minus = 0;
		if ((row->tax && coded && !row->plus && !row->minus &&
		     (sheet->document->sections[SECTION_TAX_LINES].count == 0 ||
		      row->base == nets_of(sheet, row))) ||
		    (!row->plus && !row->minus && !row->local_plus && !row->local_minus && !row->base &&
		     !row->discount && !row->write_off && !row->gain))
			continue;
		buf_printf(out, "%s %lld %lld base %lld discount %lld write-off %lld gain %lld", row->key,
		           row->plus, row->minus, row->base, row->discount, row->write_off, row->gain);
		if (row->with_local && !same)
			buf_printf(out, " local %lld %lld%s", row->local_plus, row->local_minus,
			           row->without_local ? " in part" : "");
		buf_append_text(out, "\n");
		sheet->any_local |= (row->with_local && !same) || row->gain;
	}
}

static void write_header_amount(struct sheet *sheet, const char *name, int slot, int local_slot,
                                struct buf *out)
{
	const struct value *own = &sheet->document->header[slot];
	const struct value *local = &sheet->document->header[local_slot];
	if (own->present)
		buf_printf(out, "%s %lld\n", name, units(sheet, own));
	if (local->present &&
	    !(sheet->own_currency && own->present && units(sheet, own) == units(sheet, local))) {
		buf_printf(out, "local %s %lld\n", name, units(sheet, local));
		sheet->any_local = true;
	}
}

static void write_text(const struct document *document, const char *name, int slot, struct buf *out)
{
	char value[512];
	buf_printf(out, "%s %s\n", name, text(document, &document->header[slot], value, sizeof value));
}

static void write_usage(const struct document *document, struct buf *out)
{
	const struct value *header = document->header;
	int64_t quantity = header[USAGE_QUANTITY].as.decimal.units;
	/* Twelve digits after the point hold every random quantity. */
	for (int digits = header[USAGE_QUANTITY].as.decimal.scale; digits < 12; digits++)
		quantity *= 10;
	write_text(document, "party", USAGE_CUSTOMER, out);
	write_text(document, "meter", USAGE_METER, out);
	write_text(document, "unit", USAGE_UNIT, out);
	write_text(document, "digest", USAGE_RECORDS_DIGEST, out);
	buf_printf(out, "window %d %d quantity %lld\n", (int)header[USAGE_WINDOW_START].as.date,
	           (int)header[USAGE_WINDOW_END].as.date, (long long)quantity);
	if (header[USAGE_RECORD_COUNT].present)
		buf_printf(out, "records %lld\n", (long long)header[USAGE_RECORD_COUNT].as.integer);
}

static void write_header(struct sheet *sheet, struct buf *out)
{
	const struct document *document = sheet->document;
	const struct value *header = document->header;
	buf_printf(out, "%d %d\n", (int)document->type, document->voided);
	write_text(document, "entity", HEADER_ENTITY, out);
	if (document->type != DOCUMENT_USAGE)
		write_text(document, "currency", HEADER_CURRENCY, out);
	if (document->type == DOCUMENT_CUSTOMER) {
		write_text(document, "name", CUSTOMER_LEGAL_NAME, out);
		write_text(document, "tax", CUSTOMER_TAX_ID, out);
		write_text(document, "country", CUSTOMER_COUNTRY, out);
		write_text(document, "terms", CUSTOMER_TERMS, out);
		return;
	}
	buf_printf(out, "period %lld %lld\n", (long long)header[HEADER_YEAR].as.integer,
	           header[HEADER_PERIOD].present ? (long long)header[HEADER_PERIOD].as.integer : 0);
	if (header[HEADER_POSTING_DATE].present && document->type != DOCUMENT_USAGE)
		buf_printf(out, "posted %d\n", header[HEADER_POSTING_DATE].as.date);
	if (document->type == DOCUMENT_USAGE) {
		write_usage(document, out);
	} else if (document->type == DOCUMENT_PAYMENT) {
		write_text(document, "party", PAYMENT_PAYER, out);
		write_header_amount(sheet, "amount", PAYMENT_AMOUNT, PAYMENT_AMOUNT_LOCAL, out);
	} else if (document->type != DOCUMENT_JOURNAL) {
		write_text(document, "party", INVOICE_CUSTOMER, out);
		write_header_amount(sheet, "net", INVOICE_NET, INVOICE_NET_LOCAL, out);
		write_header_amount(sheet, "tax", INVOICE_TAX, INVOICE_TAX_LOCAL, out);
		write_header_amount(sheet, "gross", INVOICE_GROSS, INVOICE_GROSS_LOCAL, out);
	}
}

void view_oracle(const struct document *document, struct buf *out)
{
	struct sheet sheet = {.document = document, .sign = document->type == DOCUMENT_CREDIT_MEMO ? -1 : 1};
	int rows = 1;
	bool coded = false;
	for (int i = 0; i < SECTION_COUNT; i++)
		rows += 2 * document->sections[i].count;
	sheet.rows = calloc((size_t)rows, sizeof sheet.rows[0]);
	CHECK(sheet.rows != NULL);
	sheet.own_currency = span_equal(document_text(document, &document->header[HEADER_CURRENCY]),
	                                document_text(document, &document->header[HEADER_LOCAL_CURRENCY]));
	buf_clear(out);
	write_header(&sheet, out);
	if (document->type == DOCUMENT_JOURNAL)
		journal_rows(&sheet);
	else if (document->type == DOCUMENT_PAYMENT)
		payment_rows(&sheet);
	else if (document->type != DOCUMENT_CUSTOMER && document->type != DOCUMENT_USAGE)
		invoice_rows(&sheet, &coded);
	write_rows(&sheet, coded, out);
	if (sheet.any_local)
		write_text(document, "local currency", HEADER_LOCAL_CURRENCY, out);
	free(sheet.rows);
	CHECK(buf_ok(out));
}
